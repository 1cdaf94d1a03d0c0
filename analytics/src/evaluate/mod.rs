//! Judging labelled recordings of a user's own: `danxia evaluate`, one file a task.
//!
//! The labels are read beside the recordings and compared with what the same chain says that runs on live data; they do
//! not reach it. What cannot be judged is refused by name; a manifest that cannot be understood is an error that names
//! its row and column.

mod bearings;
mod degradation;
mod gears;
mod manifest;
mod series;
mod table;

use std::path::Path;

use serde::Serialize;

pub use bearings::{BearingsReport, Case, Summary, bearings, bearings_with};
pub use degradation::{DegradationReport, Named, Rul, Run, RunSummary, degradation, degradation_with};
pub use gears::{GearCase, GearSummary, GearsReport, gears, gears_with};
pub use manifest::ManifestError;
pub use series::{Score, SeriesCase, SeriesReport, SeriesSummary, series};

/// Told how many of how many cases are done.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// What came of one directory of recordings; its JSON form is stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report<C, S> {
    /// The task's name, as on the command line.
    pub task: &'static str,
    /// The directory's name.
    pub dataset: String,
    /// What came of each case.
    pub cases: Vec<C>,
    /// The counts.
    pub summary: S,
}

/// The name of a data set: that of its directory.
fn dataset(dir: &Path) -> String {
    let whole = dir.canonicalize();
    whole.ok().as_deref().unwrap_or(dir).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
