//! `FILE.rejects.csv`: every row that cannot be read, by line and column.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use files::history::Reject;
use files::points::field;

/// Most rejects that are written; beyond them they are counted.
const MOST: u64 = 100_000;

/// The file; it is there from the first reject on.
pub struct Rejects {
    path: PathBuf,
    name: String,
    out: Option<BufWriter<File>>,
    /// How many there are.
    pub count: u64,
}

impl Rejects {
    /// For the rejects of `file`. What an earlier check wrote is taken away.
    pub fn begin(path: &Path, file: &Path) -> anyhow::Result<Self> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("{} cannot be deleted", path.display()));
            }
            _ => {}
        }
        Ok(Self { path: path.to_owned(), name: field(&file.to_string_lossy()), out: None, count: 0 })
    }

    /// Writes one.
    pub fn add(&mut self, r: &Reject) -> anyhow::Result<()> {
        self.count += 1;
        if self.count > MOST {
            return Ok(());
        }
        self.write(r).with_context(|| format!("{} cannot be written", self.path.display()))
    }

    fn write(&mut self, r: &Reject) -> io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                let out = self.out.insert(BufWriter::new(File::create(&self.path)?));
                writeln!(out, "file,line,column,expected,found")?;
                out
            }
        };
        let (column, expected, found) = (field(&r.column), field(&r.expected), field(&r.found));
        writeln!(out, "{},{},{column},{expected},{found}", self.name, r.line)
    }

    /// Where they are, if there are any, and how many.
    pub fn end(mut self) -> anyhow::Result<Option<(PathBuf, u64)>> {
        if let Some(out) = &mut self.out {
            out.flush().with_context(|| format!("{} cannot be written", self.path.display()))?;
        }
        Ok((self.count > 0).then_some((self.path, self.count)))
    }
}

/// What of so many rejects is in the file.
pub fn said(path: &Path, count: u64) -> String {
    let more = if count > MOST { format!(", of which the first {MOST} are named") } else { String::new() };
    format!("{count} rows or cells cannot be read{more} in {}", path.display())
}
