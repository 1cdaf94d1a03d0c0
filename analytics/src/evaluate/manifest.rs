//! `manifest.csv` beside the recordings, whatever the task: its fields, and what is wrong with them by row and column.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Samples that are read of one recording that stands for one state of a machine.
pub(super) const LONGEST: u64 = 1 << 20;
/// Largest manifest that is read.
const MANIFEST_BYTES: u64 = 64 << 20;

/// What is wrong with a manifest or with a recording that it lists.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The manifest cannot be read.
    #[error("cannot read {path}: {source}; expected a directory with manifest.csv in it")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A directory of tables, or one of them, cannot be read.
    #[error("cannot read {path}: {source}; expected a directory with CSV files in it")]
    NoSeries {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A row is not CSV.
    #[error("{path}, row {row}: {problem}")]
    Row {
        /// Which file.
        path: PathBuf,
        /// The row, the heading being row 1.
        row: usize,
        /// What is wrong.
        problem: String,
    },
    /// One field cannot be understood.
    #[error("{path}, row {row}, column {column}: found {found:?}; expected {expected}")]
    Field {
        /// Which file.
        path: PathBuf,
        /// The row, the heading being row 1.
        row: usize,
        /// The column's heading.
        column: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// A column is missing.
    #[error("{path}, row 1, column {column}: missing; add it to the heading")]
    Column {
        /// Which file.
        path: PathBuf,
        /// The column's heading.
        column: &'static str,
    },
}

/// Reads `dir/manifest.csv`, each row by `row`.
pub(super) fn read<T>(
    dir: &Path,
    row: impl FnMut(&Fields<'_>) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    read_table(&dir.join("manifest.csv"), "the manifest lists no recording; add a row for each", row)
}

/// Reads a table with a heading; `none` says what to do where it has no rows.
pub(super) fn read_table<T>(
    path: &Path,
    none: &str,
    row: impl FnMut(&Fields<'_>) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    let file = File::open(path).map_err(|source| ManifestError::Unreadable { path: path.to_owned(), source })?;
    parse(path, none, file.take(MANIFEST_BYTES), row)
}

/// As [`read_table`], from bytes that are there.
pub(super) fn parse<T>(
    path: &Path,
    none: &str,
    from: impl Read,
    mut row: impl FnMut(&Fields<'_>) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
    let bad_row =
        |row: usize, e: &csv::Error| ManifestError::Row { path: path.to_owned(), row, problem: e.to_string() };
    let heading = reader.headers().map_err(|e| bad_row(1, &e))?.clone();
    let mut rows = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let number = i + 2;
        let record = record.map_err(|e| bad_row(number, &e))?;
        rows.push(row(&Fields { path, heading: &heading, record: &record, number })?);
    }
    if rows.is_empty() {
        return Err(ManifestError::Row { path: path.to_owned(), row: 2, problem: none.to_owned() });
    }
    Ok(rows)
}

/// The fields of one row.
pub(super) struct Fields<'a> {
    path: &'a Path,
    heading: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
    number: usize,
}

impl Fields<'_> {
    /// What stands in a column; `None` where the column is missing.
    pub fn text(&self, column: &str) -> Option<&str> {
        let i = self.heading.iter().position(|h| h.trim_start_matches('\u{feff}') == column)?;
        Some(self.record.get(i).unwrap_or(""))
    }

    /// What stands in a column that has to be there.
    pub fn required(&self, column: &'static str) -> Result<&str, ManifestError> {
        self.text(column).ok_or_else(|| ManifestError::Column { path: self.path.to_owned(), column })
    }

    /// What stands in a field that has to be there and not to be empty.
    pub fn filled(&self, column: &'static str, expected: &str) -> Result<&str, ManifestError> {
        let text = self.required(column)?;
        if text.is_empty() { Err(self.bad(column, text, expected)) } else { Ok(text) }
    }

    /// A number above 0; `None` where the column is missing or the field empty.
    pub fn positive(&self, column: &str) -> Result<Option<f64>, ManifestError> {
        let expected = "a number above 0, or nothing where it is not known";
        self.number(column, |v| v > 0.0, expected)
    }

    /// A number for which `holds`; `None` where the column is missing or the field empty.
    pub fn number(
        &self,
        column: &str,
        holds: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<Option<f64>, ManifestError> {
        let Some(text) = self.text(column).filter(|t| !t.is_empty()) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() && holds(v) => Ok(Some(v)),
            _ => Err(self.bad(column, text, expected)),
        }
    }

    /// Revolutions per second, from `shaft_hz` or `shaft_rpm`.
    pub fn shaft_hz(&self) -> Result<Option<f64>, ManifestError> {
        match self.positive("shaft_hz")? {
            Some(hz) => Ok(Some(hz)),
            None => Ok(self.positive("shaft_rpm")?.map(|rpm| rpm / 60.0)),
        }
    }

    /// The recording that a column names.
    pub fn recording(&self, column: &'static str) -> Result<Recording, ManifestError> {
        let file = self.filled(column, "the name of a recording beside the manifest")?;
        Ok(Recording { file: file.to_owned(), column, manifest: self.path.to_owned(), row: self.number })
    }

    /// The error of a field.
    pub fn bad(&self, column: &str, found: &str, expected: &str) -> ManifestError {
        ManifestError::Field {
            path: self.path.to_owned(),
            row: self.number,
            column: column.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// A recording that a manifest names: raw little-endian 32-bit floats beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    /// Its name, as in the manifest.
    pub file: String,
    column: &'static str,
    manifest: PathBuf,
    row: usize,
}

impl Recording {
    /// The first `longest` samples.
    pub fn samples(&self, longest: u64) -> Result<Vec<f64>, ManifestError> {
        let path = self.manifest.with_file_name(&self.file);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|f| f.take(4 * longest).read_to_end(&mut bytes))
            .map_err(|e| self.bad(format!("a recording beside the manifest ({e})")))?;
        let (samples, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(self.bad(format!("32-bit floats, so a multiple of 4 bytes and not {}", bytes.len())));
        }
        Ok(samples.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect())
    }

    /// Its length in samples.
    pub fn length(&self) -> Result<u64, ManifestError> {
        let path = self.manifest.with_file_name(&self.file);
        let bytes = std::fs::metadata(path).map_err(|e| self.bad(format!("a file beside the manifest ({e})")))?.len();
        if bytes % 4 == 0 { Ok(bytes / 4) } else { Err(self.bad(format!("a multiple of 4 bytes and not {bytes}"))) }
    }

    /// Opens it, to be read in pieces.
    pub fn open(&self) -> Result<File, ManifestError> {
        let path = self.manifest.with_file_name(&self.file);
        File::open(path).map_err(|e| self.bad(format!("a file beside the manifest ({e})")))
    }

    /// The samples from `first` on that fill `out`, of what was opened.
    pub fn piece(&self, of: &mut File, first: u64, out: &mut [f64]) -> Result<(), ManifestError> {
        let mut bytes = vec![0; 4 * out.len()];
        of.seek(SeekFrom::Start(4 * first))
            .and_then(|_| of.read_exact(&mut bytes))
            .map_err(|e| self.bad(format!("{} samples from {first} on ({e})", out.len())))?;
        for (v, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *v = f64::from(f32::from_le_bytes(*b));
        }
        Ok(())
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.manifest.with_file_name(&self.file)
    }

    /// The error of the field that names it.
    pub fn bad(&self, expected: String) -> ManifestError {
        ManifestError::Field {
            path: self.manifest.clone(),
            row: self.row,
            column: self.column.to_owned(),
            found: self.file.clone(),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("odd.f32"), [0; 7]).unwrap();
        std::fs::write(dir.path().join("good.f32"), [0; 400]).unwrap();
        std::fs::write(dir.path().join("manifest.csv"), "file\nodd.f32\nnone.f32\ngood.f32\n").unwrap();
        let rows = read(dir.path(), |f| f.recording("file")).unwrap();
        for (row, want) in
            rows.iter().zip(["row 2, column file: found \"odd.f32\"", "row 3, column file: found \"none.f32\""])
        {
            let e = row.samples(LONGEST).unwrap_err().to_string();
            assert!(e.contains(want), "{e}");
        }
        assert_eq!(rows[2].samples(10).unwrap(), [0.0; 10]);
    }
}
