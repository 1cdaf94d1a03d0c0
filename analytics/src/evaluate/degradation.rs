//! `danxia evaluate degradation`: runs to failure. When is the damage seen, what is it, how long will it go on.

mod machine;
mod naming;
mod row;

use std::path::Path;

use serde::Serialize;

use self::machine::Machine;
use self::row::{Row, Snapshot};
use super::manifest::{self, ManifestError};
use super::{Progress, Report, dataset};
use crate::watch::robust;

/// What came of one directory of runs to failure.
pub type DegradationReport = Report<Run, RunSummary>;

/// What came of one bearing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its name, as in the manifest.
    pub bearing: String,
    /// The first snapshot after the first tenth of the run at which damage was confirmed,
    pub first_alarm_snapshot: Option<u64>,
    /// its time,
    pub first_alarm_s: Option<f64>,
    /// and how long before the last snapshot that was.
    pub lead_s: Option<f64>,
    /// The damaged part, once the envelope told.
    pub named: Option<Named>,
    /// Remaining life, at the first snapshot at which it could be told, or at the one that the manifest asks for.
    pub rul: Option<Rul>,
    /// Why it was not judged: a stable code.
    pub reason: Option<String>,
}

/// A damaged part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// `outer_race`, `inner_race`, `ball`, `cage`.
    pub fault: String,
    /// The snapshot at which the evidence sufficed.
    pub snapshot: u64,
}

/// Remaining life from a snapshot on, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rul {
    /// The snapshot.
    pub at_snapshot: u64,
    /// One in ten fails earlier.
    pub p10: f64,
    /// Half fail earlier.
    pub p50: f64,
    /// Nine in ten fail earlier.
    pub p90: f64,
}

/// Counts over the bearings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RunSummary {
    /// Bearings in the manifest.
    pub bearings: usize,
    /// Those that alarmed after the first tenth of their run.
    pub alarmed: usize,
    /// Those that alarmed within it.
    pub alarms_in_learning: usize,
    /// Median of the lead of those that alarmed; none where none did.
    pub median_lead_s: Option<f64>,
}

/// Judges the runs that `dir/manifest.csv` lists.
///
/// Columns: `file_h` and `file_v`, or `file`; `index_file` (columns `position_in_file`, `snapshot_number`, `elapsed_s`),
/// `sample_rate_hz`; optional `bearing`, `samples_per_snapshot` (else the file's length over the number of snapshots),
/// `shaft_hz` or `shaft_rpm`, the bearing's frequencies as of [`super::bearings`] or `n_elements, element_dia_mm,
/// pitch_dia_mm, contact_angle_deg`; `machine` or `shaft` (bearings whose snapshots were taken at the same moments at the same
/// speed are of one machine, unless they differ there), `stop_peak` (the peak at which a run is ended, in the unit of the samples; else ten times the baseline's),
/// `challenge_truncated_at_snapshot` (where remaining life is asked for).
///
/// Of each run the first tenth of its time is learnt from, nothing else; then it is gone through as if live. Codes of
/// refusal: `baseline` (fewer than three snapshots in the first tenth that say anything), `record_length`.
pub fn degradation(dir: &Path) -> Result<DegradationReport, ManifestError> {
    degradation_with(dir, &mut |_, _| {})
}

/// As [`degradation`], saying how far it is.
pub fn degradation_with(dir: &Path, on: Progress<'_>) -> Result<DegradationReport, ManifestError> {
    let rows = manifest::read(dir, Row::of)?;
    let mut machines: Vec<(Vec<Snapshot>, Vec<usize>)> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let snapshots = row::index(&row.index)?;
        match machines.iter_mut().find(|(s, members)| *s == snapshots && rows[members[0]].beside(row)) {
            Some((_, members)) => members.push(i),
            None => machines.push((snapshots, vec![i])),
        }
    }
    let (mut summary, mut runs) =
        (RunSummary { bearings: rows.len(), ..RunSummary::default() }, vec![None; rows.len()]);
    let mut done = 0;
    for (snapshots, members) in machines {
        let of: Vec<&Row> = members.iter().map(|i| &rows[*i]).collect();
        let said = Machine::open(of, snapshots)?.judge(&mut || {
            on(done, rows.len());
            done += 1;
        })?;
        for (i, (run, early)) in members.into_iter().zip(said) {
            summary.alarms_in_learning += usize::from(early);
            runs[i] = Some(run);
        }
    }
    let cases: Vec<Run> = runs.into_iter().flatten().collect();
    summary.alarmed = cases.iter().filter(|c| c.first_alarm_snapshot.is_some()).count();
    summary.median_lead_s = median(cases.iter().filter_map(|c| c.lead_s).collect());
    Ok(Report { task: "degradation", dataset: dataset(dir), cases, summary })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| robust::median(&mut values))
}

#[cfg(test)]
mod tests;
