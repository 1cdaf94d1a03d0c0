//! The manifest of a directory of recordings.
//!
//! `manifest.csv`, UTF-8, with a header. Columns that are read:
//!
//! | column | meaning |
//! |---|---|
//! | `file` | path within the directory; raw 32-bit floats, little endian, one channel |
//! | `sample_rate_hz` | |
//! | `shaft_rpm` or `shaft_hz` | mean shaft speed during the recording |
//! | `bpfo_x`, `bpfi_x`, `bsf_x`, `ftf_x` or `bpfo_hz`, … | fault frequencies of the bearing as multiples of shaft speed or in Hz; `ftf` may be left out, all may be empty: then the bearing is unknown |
//! | `bearing` (optional) | the bearing's designation |
//! | `unit` (optional) | unit of acceleration, `g` if absent |
//! | `t0` (optional) | time of the first sample, seconds since 1970 UTC |
//!
//! Others are not read. Labels above all: what a recording shows is for the platform to find.

use std::path::{Component, Path, PathBuf};

use plant::{BearingOrders, Geometry, MachineId, Quantity, Timestamp, Unit};

use super::ReplayError;

/// One recording, as its row states it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Line in the manifest; the header is line 1.
    pub row: u64,
    /// Where the samples are.
    pub path: PathBuf,
    /// The machine that it will be.
    pub machine: MachineId,
    /// Sampling rate, Hz.
    pub fs: f64,
    /// Unit of the samples.
    pub unit: Unit,
    /// Shaft speed, r/min.
    pub rpm: f64,
    /// The bearing's kinematics, where stated.
    pub orders: Option<BearingOrders>,
    /// Its designation, where stated.
    pub designation: Option<String>,
    /// When it was made, where stated.
    pub t0: Option<Timestamp>,
}

/// Reads `dir/manifest.csv`. Machines are named after the files, on the site `site`.
pub fn read(dir: &Path, site: &str) -> Result<Vec<Recording>, ReplayError> {
    let path = dir.join("manifest.csv");
    let text = std::fs::read_to_string(&path).map_err(|error| ReplayError::File { path: path.clone(), error })?;
    let mut recordings = parse(&text, site)?;
    for r in &mut recordings {
        r.path = dir.join(&r.path);
    }
    Ok(recordings)
}

/// Reads the text of a manifest; paths stay relative.
pub fn parse(text: &str, site: &str) -> Result<Vec<Recording>, ReplayError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| not_csv(&e))?.clone();
    for column in ["file", "sample_rate_hz"] {
        if !header.iter().any(|h| h == column) {
            return Err(ReplayError::Cell { row: 1, column: column.into(), what: "is missing".into() });
        }
    }
    if !header.iter().any(|h| h == "shaft_rpm" || h == "shaft_hz") {
        let what = "is missing (and so is shaft_hz); state one of them".into();
        return Err(ReplayError::Cell { row: 1, column: "shaft_rpm".into(), what });
    }
    let mut recordings: Vec<Recording> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| not_csv(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { line, header: &header, record: &record };
        if record.len() != header.len() {
            let what = format!("the row has {} cells, the header {}", record.len(), header.len());
            return Err(row.wrong("file", what));
        }
        let recording = row.recording(site)?;
        if let Some(other) = recordings.iter().find(|r| r.machine == recording.machine) {
            let what = format!("names the machine {}, as row {} does; rename one", recording.machine, other.row);
            return Err(row.wrong("file", what));
        }
        recordings.push(recording);
    }
    if recordings.is_empty() {
        return Err(ReplayError::Cell { row: 2, column: "file".into(), what: "is missing: no recordings".into() });
    }
    Ok(recordings)
}

fn not_csv(error: &csv::Error) -> ReplayError {
    let row = error.position().map_or(1, csv::Position::line);
    ReplayError::Cell { row, column: "file".into(), what: format!("cannot be read: {error}") }
}

/// A name that may stand in a topic: what may not becomes `-`.
pub fn name_of(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '+' | '#' | '/' | '\\') { '-' } else { c }).collect()
}

struct Row<'a> {
    line: u64,
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn wrong(&self, column: &str, what: impl Into<String>) -> ReplayError {
        ReplayError::Cell { row: self.line, column: column.into(), what: what.into() }
    }

    /// The cell, unless it or its column is missing or empty.
    fn cell(&self, column: &str) -> Option<&str> {
        let index = self.header.iter().position(|h| h == column)?;
        self.record.get(index).filter(|c| !c.is_empty())
    }

    /// The number in a cell, which must be above 0.
    fn number(&self, column: &str) -> Result<Option<f64>, ReplayError> {
        self.cell(column)
            .map(|text| match text.parse::<f64>() {
                Ok(v) if v.is_finite() && v > 0.0 => Ok(v),
                _ => Err(self.wrong(column, format!("is {text:?}; expected a number above 0"))),
            })
            .transpose()
    }

    fn recording(&self, site: &str) -> Result<Recording, ReplayError> {
        let file = self.cell("file").ok_or_else(|| self.wrong("file", "is empty; expected a path"))?;
        let path = PathBuf::from(file);
        if !path.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(self.wrong("file", format!("is {file:?}; expected a path within the directory")));
        }
        let machine = MachineId::new(site, &name_of(&path.with_extension("").to_string_lossy()))
            .map_err(|e| self.wrong("file", format!("gives no machine: {e}")))?;
        let fs = self
            .number("sample_rate_hz")?
            .ok_or_else(|| self.wrong("sample_rate_hz", "is empty; without it no frequency can be told"))?;
        let shaft_hz = match (self.number("shaft_rpm")?, self.number("shaft_hz")?) {
            (Some(rpm), _) => rpm / 60.0,
            (None, Some(hz)) => hz,
            (None, None) => {
                let column = if self.header.iter().any(|h| h == "shaft_rpm") { "shaft_rpm" } else { "shaft_hz" };
                return Err(self.wrong(column, "is empty; state shaft_rpm or shaft_hz"));
            }
        };
        let unit = self.cell("unit").unwrap_or("g");
        let unit = Unit::parse(unit)
            .filter(|u| u.quantity() == Quantity::Acceleration)
            .ok_or_else(|| self.wrong("unit", format!("is {unit:?}; expected a unit of acceleration")))?;
        Ok(Recording {
            row: self.line,
            path,
            machine,
            fs,
            unit,
            rpm: shaft_hz * 60.0,
            orders: self.orders(shaft_hz)?,
            designation: self.cell("bearing").map(str::to_owned),
            t0: self.number("t0")?.map(|s| Timestamp::from_nanos((s * 1e9) as i64)),
        })
    }

    fn orders(&self, shaft_hz: f64) -> Result<Option<BearingOrders>, ReplayError> {
        let order = |x: &str, hz: &str| -> Result<Option<f64>, ReplayError> {
            Ok(self.number(x)?.or(self.number(hz)?.map(|v| v / shaft_hz)))
        };
        let bpfo = order("bpfo_x", "bpfo_hz")?;
        let bpfi = order("bpfi_x", "bpfi_hz")?;
        let bsf = order("bsf_x", "bsf_hz")?;
        let ftf = order("ftf_x", "ftf_hz")?;
        if [bpfo, bpfi, bsf, ftf].iter().all(Option::is_none) {
            return Ok(None);
        }
        let needed = |v: Option<f64>, column: &str| {
            v.ok_or_else(|| self.wrong(column, "is empty while others of the bearing are not; state it too"))
        };
        let (bpfo, bpfi, bsf) = (needed(bpfo, "bpfo_x")?, needed(bpfi, "bpfi_x")?, needed(bsf, "bsf_x")?);
        // BPFO and BPFI add up to n times the shaft's speed, and BPFO is n times the cage's.
        let ftf = ftf.unwrap_or(bpfo / (bpfo + bpfi));
        let orders = BearingOrders { bpfo, bpfi, bsf, ftf };
        Geometry::Orders(orders).orders().map_err(|e| self.wrong("bpfo_x", format!("belongs to no bearing: {e}")))?;
        Ok(Some(orders))
    }
}
