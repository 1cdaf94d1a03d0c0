//! Judging labelled recordings of a user's own: `danxia evaluate`.
//!
//! The labels are read beside the recordings and compared with what the same chain says that runs on live data; they do
//! not reach it. What cannot be judged is refused by name; a manifest that cannot be understood is an error that names
//! its row and column.

mod manifest;
mod series;
mod table;

use std::path::Path;

use plant::{BearingFault, Speed};
use serde::Serialize;

pub use manifest::ManifestError;
use manifest::{Condition, Row};
pub use series::{Score, SeriesCase, SeriesReport, SeriesSummary, series};

use crate::rotating::{Analyser, Context, Plans, Stated};

/// Probability per recording of an alarm without damage. A recording stands alone here, so it carries the whole budget of
/// one false alarm a machine-year: twelve points, hourly, are 105,120 records.
const ALPHA: f64 = 1e-5;

/// What came of one directory of recordings; its JSON form is stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `bearings`.
    pub task: &'static str,
    /// The directory's name.
    pub dataset: String,
    /// One per row of the manifest, in its order.
    pub cases: Vec<Case>,
    /// The counts.
    pub summary: Summary,
}

/// What came of one recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// As in the manifest.
    pub file: String,
    /// The condition as in the manifest.
    pub expected: String,
    /// The best hypothesis; none where refused.
    pub verdict: Option<String>,
    /// Its T.
    pub statistic: Option<f64>,
    /// What T had to exceed.
    pub threshold: Option<f64>,
    /// Whether it did.
    pub alarm: bool,
    /// Why there is no verdict: a stable code.
    pub reason: Option<String>,
}

/// Counts over the cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Recordings of damaged bearings.
    pub faults: usize,
    /// Of these, those whose best hypothesis is right, alarm or not.
    pub top1_correct: usize,
    /// Those that alarmed for the right part.
    pub alarmed_correct: usize,
    /// Those that alarmed for a wrong part.
    pub alarmed_wrong: usize,
    /// Recordings of healthy bearings.
    pub healthy: usize,
    /// Of these, those that alarmed.
    pub false_alarms: usize,
    /// Recordings that were not judged.
    pub refused: usize,
}

/// Judges the recordings that `dir/manifest.csv` lists.
///
/// The manifest has the columns `file`, `sample_rate_hz`, `shaft_rpm` or `shaft_hz`, `condition`
/// (`normal|healthy|inner_race|outer_race|ball|cage`) and the bearing's frequencies as multiples of shaft speed
/// (`bpfo_x, bpfi_x, bsf_x, ftf_x`) or in Hz (`bpfo_hz, …`); `bsf` is the ball's spin. Missing `bsf` and `ftf` follow
/// from the other two. Other columns are ignored. A recording is raw little-endian 32-bit floats in any unit, of which
/// the first 2²⁰ samples are judged.
pub fn bearings(dir: &Path) -> Result<Report, ManifestError> {
    let rows = manifest::read(dir)?;
    let mut analyser = Analyser::new(Plans::default());
    let mut summary = Summary::default();
    let mut cases = Vec::with_capacity(rows.len());
    for row in &rows {
        let samples = row.samples(dir)?;
        let (case, verdict) = judge(&mut analyser, row, &samples);
        count(&mut summary, row.condition, verdict, &case);
        cases.push(case);
    }
    let dataset =
        dir.canonicalize().ok().as_deref().unwrap_or(dir).file_name().map(|n| n.to_string_lossy().into_owned());
    Ok(Report { task: "bearings", dataset: dataset.unwrap_or_default(), cases, summary })
}

fn judge(analyser: &mut Analyser, row: &Row, samples: &[f64]) -> (Case, Option<BearingFault>) {
    let mut case = Case {
        file: row.file.clone(),
        expected: row.expected.clone(),
        verdict: None,
        statistic: None,
        threshold: None,
        alarm: false,
        reason: None,
    };
    match decide(analyser, row, samples) {
        Ok((fault, statistic, threshold)) => {
            case.verdict = Some(fault.to_string());
            (case.statistic, case.threshold) = (Some(statistic), Some(threshold));
            case.alarm = statistic > threshold;
            (case, Some(fault))
        }
        Err(code) => {
            case.reason = Some(code.to_owned());
            (case, None)
        }
    }
}

fn decide(analyser: &mut Analyser, row: &Row, samples: &[f64]) -> Result<(BearingFault, f64, f64), &'static str> {
    let fs = row.sample_rate_hz.ok_or("rate")?;
    let shaft_hz = row.shaft_hz.ok_or("speed")?;
    let orders = row.orders.ok_or("geometry")?;
    if samples.is_empty() {
        return Err("record_length");
    }
    if samples.iter().any(|v| !v.is_finite()) {
        return Err("sensor");
    }
    let speed = Speed { mean_rpm: 60.0 * shaft_hz, range_rpm: None };
    let context = Context { speed: Ok(speed), nominal_rpm: None, bearings: &[orders], alpha: ALPHA };
    analyser.analyse(samples, fs, &Stated::default(), &context).bearing?;
    let best = analyser.hypotheses().first().ok_or("record_length")?;
    Ok((best.fault, best.statistic, best.threshold))
}

fn count(summary: &mut Summary, condition: Condition, verdict: Option<BearingFault>, case: &Case) {
    summary.refused += usize::from(verdict.is_none());
    match condition {
        Condition::Healthy => {
            summary.healthy += 1;
            summary.false_alarms += usize::from(case.alarm);
        }
        Condition::Damaged(fault) => {
            let right = verdict == Some(fault);
            summary.faults += 1;
            summary.top1_correct += usize::from(right);
            summary.alarmed_correct += usize::from(case.alarm && right);
            summary.alarmed_wrong += usize::from(case.alarm && !right);
        }
    }
}
