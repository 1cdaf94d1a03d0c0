//! `manifest.csv` beside the recordings: what each is, by which numbers it is to be judged.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use plant::{BearingFault, BearingOrders, Geometry};

/// Samples that are read of one recording.
const LONGEST: u64 = 1 << 20;
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

/// The label of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Healthy,
    Damaged(BearingFault),
}

/// One row. What is `None` was not stated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub file: String,
    pub expected: String,
    pub condition: Condition,
    pub sample_rate_hz: Option<f64>,
    pub shaft_hz: Option<f64>,
    pub orders: Option<BearingOrders>,
    number: usize,
}

/// Reads `dir/manifest.csv`.
pub(super) fn read(dir: &Path) -> Result<Vec<Row>, ManifestError> {
    let path = dir.join("manifest.csv");
    let file = File::open(&path).map_err(|source| ManifestError::Unreadable { path: path.clone(), source })?;
    parse(&path, file.take(MANIFEST_BYTES))
}

fn parse(path: &Path, from: impl Read) -> Result<Vec<Row>, ManifestError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
    let bad_row =
        |row: usize, e: &csv::Error| ManifestError::Row { path: path.to_owned(), row, problem: e.to_string() };
    let heading = reader.headers().map_err(|e| bad_row(1, &e))?.clone();
    let mut rows = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let number = i + 2;
        let record = record.map_err(|e| bad_row(number, &e))?;
        rows.push(Fields { path, heading: &heading, record: &record, number }.row()?);
    }
    if rows.is_empty() {
        let problem = "the manifest lists no recording; add a row for each".to_owned();
        return Err(ManifestError::Row { path: path.to_owned(), row: 2, problem });
    }
    Ok(rows)
}

struct Fields<'a> {
    path: &'a Path,
    heading: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
    number: usize,
}

impl Fields<'_> {
    fn row(&self) -> Result<Row, ManifestError> {
        let file = self.required("file")?;
        if file.is_empty() {
            return Err(self.bad("file", file, "the name of a recording beside the manifest"));
        }
        let expected = self.required("condition")?;
        let shaft_hz = match self.positive("shaft_hz")? {
            Some(hz) => Some(hz),
            None => self.positive("shaft_rpm")?.map(|rpm| rpm / 60.0),
        };
        if self.text("sample_rate_hz").is_none() {
            return Err(ManifestError::Column { path: self.path.to_owned(), column: "sample_rate_hz" });
        }
        Ok(Row {
            file: file.to_owned(),
            expected: expected.to_owned(),
            condition: self.condition(expected)?,
            sample_rate_hz: self.positive("sample_rate_hz")?,
            shaft_hz,
            orders: self.orders(shaft_hz)?,
            number: self.number,
        })
    }

    fn condition(&self, text: &str) -> Result<Condition, ManifestError> {
        if matches!(text, "normal" | "healthy") {
            return Ok(Condition::Healthy);
        }
        let fault = BearingFault::ALL.into_iter().find(|f| f.as_str() == text);
        let expected = "normal, healthy, inner_race, outer_race, ball or cage";
        fault.map(Condition::Damaged).ok_or_else(|| self.bad("condition", text, expected))
    }

    /// Frequencies in Hz stand for multiples once the shaft's speed is known. With n rolling elements
    /// BPFO + BPFI = n·f and FTF = BPFO/n; x = 1 − 2·FTF is (d/D)·cos φ, and BSF = (1−x²)/2x where φ is 0.
    fn orders(&self, shaft_hz: Option<f64>) -> Result<Option<BearingOrders>, ManifestError> {
        let order = |x: &'static str, hz: &'static str| -> Result<Option<f64>, ManifestError> {
            match self.positive(x)? {
                Some(v) => Ok(Some(v)),
                None => Ok(self.positive(hz)?.zip(shaft_hz).map(|(v, shaft)| v / shaft)),
            }
        };
        let (bpfo, bpfi) = (order("bpfo_x", "bpfo_hz")?, order("bpfi_x", "bpfi_hz")?);
        let (bsf, ftf) = (order("bsf_x", "bsf_hz")?, order("ftf_x", "ftf_hz")?);
        let Some((bpfo, bpfi)) = bpfo.zip(bpfi) else { return Ok(None) };
        let ftf = ftf.unwrap_or(bpfo / (bpfo + bpfi));
        let x = (1.0 - 2.0 * ftf).clamp(0.01, 0.99);
        let bsf = bsf.unwrap_or((1.0 - x * x) / (2.0 * x));
        let orders = BearingOrders { bpfo, bpfi, bsf, ftf };
        let (column, found) = (if self.text("bpfo_x").is_some() { "bpfo_x" } else { "bpfo_hz" }, bpfo.to_string());
        Geometry::Orders(orders).orders().map(Some).map_err(|e| self.bad(column, &found, &e.to_string()))
    }

    fn text(&self, column: &str) -> Option<&str> {
        let i = self.heading.iter().position(|h| h.trim_start_matches('\u{feff}') == column)?;
        Some(self.record.get(i).unwrap_or(""))
    }

    fn required(&self, column: &'static str) -> Result<&str, ManifestError> {
        self.text(column).ok_or_else(|| ManifestError::Column { path: self.path.to_owned(), column })
    }

    /// A number above 0; `None` where the column is missing or the field empty.
    fn positive(&self, column: &str) -> Result<Option<f64>, ManifestError> {
        let Some(text) = self.text(column).filter(|t| !t.is_empty()) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() && v > 0.0 => Ok(Some(v)),
            _ => Err(self.bad(column, text, "a number above 0, or nothing where it is not known")),
        }
    }

    fn bad(&self, column: &str, found: &str, expected: &str) -> ManifestError {
        ManifestError::Field {
            path: self.path.to_owned(),
            row: self.number,
            column: column.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

impl Row {
    /// Reads the recording: little-endian 32-bit floats.
    pub fn samples(&self, dir: &Path) -> Result<Vec<f64>, ManifestError> {
        let bad = |expected: String| ManifestError::Field {
            path: dir.join("manifest.csv"),
            row: self.number,
            column: "file".to_owned(),
            found: self.file.clone(),
            expected,
        };
        let mut bytes = Vec::new();
        File::open(dir.join(&self.file))
            .and_then(|f| f.take(4 * LONGEST).read_to_end(&mut bytes))
            .map_err(|e| bad(format!("a recording beside the manifest ({e})")))?;
        let (samples, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(bad(format!("32-bit floats, so a multiple of 4 bytes and not {}", bytes.len())));
        }
        Ok(samples.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        parse(Path::new("m.csv"), text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn multiples_and_frequencies_say_the_same() {
        let x =
            rows("file,sample_rate_hz,shaft_rpm,condition,bpfo_x,bpfi_x,bsf_x,ftf_x\na,12000,1500,ball,3,5,2,0.4\n");
        let hz = rows(
            "file,sample_rate_hz,shaft_hz,condition,bpfo_hz,bpfi_hz,bsf_hz,ftf_hz\na,12000,25,ball,75,125,50,10\n",
        );
        assert_eq!(x, hz);
        let row = &x.unwrap()[0];
        assert_eq!(row.orders, Some(BearingOrders { bpfo: 3.0, bpfi: 5.0, bsf: 2.0, ftf: 0.4 }));
        assert_eq!((row.condition, row.shaft_hz), (Condition::Damaged(BearingFault::Ball), Some(25.0)));
    }

    #[test]
    fn cage_and_ball_follow_from_the_races() {
        let text = "file,sample_rate_hz,shaft_hz,condition,bpfo_hz,bpfi_hz\na,48828,25,normal,81.125,118.875\n";
        let orders = rows(text).unwrap()[0].orders.unwrap();
        assert!((orders.ftf * 25.0 - 10.14).abs() < 0.01, "{orders:?}");
        assert!((orders.bsf * 25.0 - 63.91).abs() < 0.1, "{orders:?}");
    }

    #[test]
    fn what_is_not_stated_is_none_and_what_is_wrong_is_named_with_row_and_column() {
        let heading = "file,sample_rate_hz,shaft_rpm,condition,bpfo_x,bpfi_x\n";
        let row = &rows(&format!("{heading}a,,,healthy,,\n")).unwrap()[0];
        assert_eq!((row.sample_rate_hz, row.shaft_hz, row.orders), (None, None, None));
        for (text, want) in [
            ("a,fast,1500,ball,3,5\n", "m.csv, row 2, column sample_rate_hz: found \"fast\""),
            ("a,1,2,ball,3,5\nb,12000,-1,ball,3,5\n", "m.csv, row 3, column shaft_rpm: found \"-1\""),
            ("a,12000,1500,broken,3,5\n", "m.csv, row 2, column condition: found \"broken\""),
            ("a,12000,1500,ball,3000,5\n", "m.csv, row 2, column bpfo_x: found \"3000\""),
            (",12000,1500,ball,3,5\n", "m.csv, row 2, column file: found \"\""),
            ("a,12000\n", "m.csv, row 2"),
            ("", "m.csv, row 2: the manifest lists no recording"),
        ] {
            let e = rows(&format!("{heading}{text}")).unwrap_err();
            assert!(e.starts_with(want), "{e}");
        }
        for (heading, column) in [
            ("file,condition", "sample_rate_hz"),
            ("condition,sample_rate_hz", "file"),
            ("file,sample_rate_hz", "condition"),
        ] {
            let e = rows(&format!("{heading}\nball,ball\n")).unwrap_err();
            assert!(e.contains(&format!("row 1, column {column}")) || e.contains("column condition: found"), "{e}");
        }
    }

    #[test]
    fn a_recording_that_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("odd.f32"), [0; 7]).unwrap();
        let text = "file,sample_rate_hz,condition\nodd.f32,1,normal\nnone.f32,1,normal\n";
        let rows = rows(text).unwrap();
        for (row, want) in
            rows.iter().zip(["row 2, column file: found \"odd.f32\"", "row 3, column file: found \"none.f32\""])
        {
            let e = row.samples(dir.path()).unwrap_err().to_string();
            assert!(e.contains(want), "{e}");
        }
    }
}
