//! A row of a manifest of gears, and which rows are one test.

use crate::evaluate::manifest::{Fields, ManifestError, Recording};

/// One row. What is `None` was not stated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub recording: Recording,
    /// Rows of one test agree here.
    pub test: String,
    /// Which sensor.
    pub channel: String,
    pub expected: String,
    pub healthy: bool,
    pub load: Option<f64>,
    pub sample_rate_hz: Option<f64>,
    pub shaft_hz: Option<f64>,
    pub teeth: Option<u32>,
}

impl Row {
    pub fn of(f: &Fields<'_>) -> Result<Self, ManifestError> {
        let recording = f.recording("file")?;
        let expected = f.required("condition")?;
        let healthy = match expected {
            "healthy" | "normal" => true,
            "broken_tooth" => false,
            other => return Err(f.bad("condition", other, "healthy, normal or broken_tooth")),
        };
        f.required("load_percent")?;
        let load = f.number("load_percent", |v| (0.0..=1000.0).contains(&v), "percent of the rated load, 0 to 1000")?;
        let teeth =
            f.number("teeth", |v| v.fract() == 0.0 && (5.0..=2000.0).contains(&v), "a number of teeth, 5 to 2000")?;
        let shaft_hz = match f.shaft_hz()? {
            Some(hz) => Some(hz),
            None => f.positive("nominal_shaft_hz")?,
        };
        let test = ["test", "source"].into_iter().find_map(|c| f.text(c).filter(|t| !t.is_empty()));
        Ok(Self {
            test: test.unwrap_or(&recording.file).to_owned(),
            channel: f.text("channel").unwrap_or("").to_owned(),
            expected: expected.to_owned(),
            healthy,
            load,
            sample_rate_hz: f.positive("sample_rate_hz")?,
            shaft_hz,
            teeth: teeth.map(|v| v as u32),
            recording,
        })
    }
}

/// The rows of one test: sensors that heard the same machine at the same time.
pub(super) struct Test {
    pub name: String,
    pub rows: Vec<Row>,
}

/// Rows that belong together, in the order of the manifest.
///
/// A test is judged as a whole, because a machine has a broken tooth or has none: sensors of one test are not independent
/// witnesses, and counting each would count one gear four times.
pub(super) fn tests(rows: Vec<Row>) -> Result<Vec<Test>, ManifestError> {
    let mut tests: Vec<Test> = Vec::new();
    for row in rows {
        match tests.iter_mut().find(|t| t.name == row.test) {
            Some(t) => {
                let same = &t.rows[0];
                if (same.healthy, same.load) != (row.healthy, row.load) {
                    return Err(row.recording.bad(format!(
                        "a recording of the same condition and load as {}, which is of the same test",
                        same.recording.file
                    )));
                }
                if t.rows.iter().any(|r| r.channel == row.channel) {
                    return Err(row.recording.bad(format!("one recording of channel {:?} in a test", row.channel)));
                }
                t.rows.push(row);
            }
            None => tests.push(Test { name: row.test.clone(), rows: vec![row] }),
        }
    }
    for t in &mut tests {
        t.rows.sort_by(|a, b| a.channel.cmp(&b.channel));
    }
    Ok(tests)
}
