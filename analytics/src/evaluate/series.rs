//! Judging recordings of process tags: pumps, hydraulics, whatever a table holds.
//!
//! Each file is a recording of its own: the first [`LEARN`] rows teach the detector ([`crate::watch::tags`]) what is
//! usual, each later row is held against that. The labels are compared with what it says and do not reach it. The level
//! is 1 % a row for each of the detector's two charts, at which T² charts are usually run (MacGregor and Kourti, Control
//! Engineering Practice 3, 1995); nothing else can be set.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ManifestError;
use super::table::{Heading, Table};
use crate::watch::tags::Tags;

/// Rows of each file that are learnt from.
pub const LEARN: usize = 400;
/// Probability per row and chart of a false exceedance.
const ALPHA: f64 = 0.01;
/// Most that is read of one file.
const LARGEST: u64 = 1 << 30;
/// How deep files are looked for.
const DEPTH: usize = 3;
/// Most files that are judged.
const MOST: usize = 10_000;

/// What came of one directory of recordings; its JSON form is stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesReport {
    /// `series`.
    pub task: &'static str,
    /// The directory's name.
    pub dataset: String,
    /// One a file, in the order of their names.
    pub cases: Vec<SeriesCase>,
    /// All files together.
    pub summary: SeriesSummary,
}

/// What came of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SeriesCase {
    /// Its path within the directory.
    pub file: String,
    /// The tags that were watched.
    pub tags: Vec<String>,
    /// Tags that never varied while they were learnt, or were mostly missing, and were not watched.
    pub unwatched: Vec<String>,
    /// Rows that were judged.
    pub rows: usize,
    /// Of these, those beyond a limit.
    pub alarmed: usize,
    /// Stretches of such rows.
    pub alarms: usize,
    /// The time, as written in the file, of the first such row.
    pub first_alarm: Option<String>,
    /// The tag that stood out most when the statistic was largest beyond its limit.
    pub worst_tag: Option<String>,
    /// The largest statistic over its limit, as an amplitude.
    pub worst_ratio: Option<f64>,
    /// Against the labels, where there are any.
    #[serde(flatten)]
    pub score: Score,
    /// Why the file was not judged: `time`, `no_tags`, `too_few`, `constant`.
    pub reason: Option<String>,
}

/// Agreement with the labels, row by row; nothing where there are none or none of the kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// 2·TP/(2·TP + FP + FN).
    pub f1: Option<f64>,
    /// Alarmed part of the rows that are labelled normal, %.
    pub far: Option<f64>,
    /// Part of the rows labelled anomalous that did not alarm, %.
    pub mar: Option<f64>,
}

/// The files together: counts of rows are added before rates are formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// Files that were judged.
    pub files: usize,
    /// Of these, those with labels.
    pub labelled: usize,
    /// Files that were not judged.
    pub refused: usize,
    /// Over the files with labels.
    #[serde(flatten)]
    pub score: Score,
}

/// Judges the CSV files (`;` or `,`) in `dir` and the directories within it.
///
/// Each has a heading, a time column (named so, else the first if it holds no numbers) and tags. The columns `anomaly`
/// and `changepoint` are labels where they are there; the first of them is compared with. Columns without numbers are no
/// tags; empty fields are missing values. Rows are taken to be evenly spaced.
pub fn series(dir: &Path) -> Result<SeriesReport, ManifestError> {
    let mut files = Vec::new();
    find(dir, DEPTH, &mut files)?;
    files.sort_by_key(|p| natural(p));
    if files.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no CSV file in it");
        return Err(ManifestError::NoSeries { path: dir.to_owned(), source });
    }
    let (mut cases, mut summary, mut all) =
        (Vec::with_capacity(files.len()), SeriesSummary::default(), Counts::default());
    for path in files {
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let (case, counts) = file(&path, name)?;
        summary.files += usize::from(case.reason.is_none());
        summary.refused += usize::from(case.reason.is_some());
        if let Some(c) = counts {
            summary.labelled += 1;
            all.add(c);
        }
        cases.push(case);
    }
    summary.score = all.score();
    let dataset =
        dir.canonicalize().ok().as_deref().unwrap_or(dir).file_name().map(|n| n.to_string_lossy().into_owned());
    Ok(SeriesReport { task: "series", dataset: dataset.unwrap_or_default(), cases, summary })
}

/// CSV files below `dir`; links are not followed into directories.
fn find(dir: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<(), ManifestError> {
    let fail = |source| ManifestError::NoSeries { path: dir.to_owned(), source };
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
        if kind.is_dir() && depth > 1 {
            find(&path, depth - 1, out)?;
        } else if !kind.is_dir() && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) && out.len() < MOST
        {
            out.push(path);
        }
    }
    Ok(())
}

/// Sorts 2.csv before 10.csv.
fn natural(path: &Path) -> (PathBuf, Option<u64>, PathBuf) {
    let number = path.file_stem().and_then(|s| s.to_str()?.parse().ok());
    (path.parent().unwrap_or(Path::new("")).to_owned(), number, path.to_owned())
}

fn file(path: &Path, name: String) -> Result<(SeriesCase, Option<Counts>), ManifestError> {
    let fail = |source| ManifestError::NoSeries { path: path.to_owned(), source };
    let from = File::open(path).map_err(fail)?.take(LARGEST);
    judge(path, name, from)
}

/// Judges what `from` yields.
fn judge(path: &Path, name: String, from: impl Read) -> Result<(SeriesCase, Option<Counts>), ManifestError> {
    let mut case = SeriesCase { file: name, ..SeriesCase::default() };
    let refuse = |mut case: SeriesCase, code: &str| {
        case.reason = Some(code.to_owned());
        Ok((case, None))
    };
    let mut table = Table::open(path, from)?;
    let heading = match table.heading(LEARN)? {
        Ok(h) => h,
        Err(code) => return refuse(case, code),
    };
    let width = heading.tags.len();
    let mut learn = vec![f64::NAN; LEARN * width];
    for row in learn.chunks_exact_mut(width) {
        if table.next(&heading, row)?.is_none() {
            return refuse(case, "too_few");
        }
    }
    let mut tags = match Tags::learn(&learn, width, ALPHA) {
        Ok(t) => t,
        Err(code) => return refuse(case, code),
    };
    for (tag, learnt) in heading.tags.iter().zip(tags.learnt()) {
        let list = if learnt.freedom > 0.0 { &mut case.tags } else { &mut case.unwatched };
        list.push(tag.name.clone());
    }
    case.unwatched.extend(heading.missing.iter().cloned());
    let counts = rest(&mut table, &heading, &mut tags, &mut case)?;
    case.score = counts.map(|c| c.score()).unwrap_or_default();
    Ok((case, counts))
}

/// Judges the rows that were not learnt from.
fn rest<R: Read>(
    table: &mut Table<R>,
    heading: &Heading,
    tags: &mut Tags,
    case: &mut SeriesCase,
) -> Result<Option<Counts>, ManifestError> {
    let mut row = vec![f64::NAN; heading.tags.len()];
    let mut counts = Counts::default();
    let mut before = false;
    while let Some(labels) = table.next(heading, &mut row)? {
        let s = tags.step(&row);
        let alarm = s.exceeds();
        case.rows += 1;
        case.alarmed += usize::from(alarm);
        case.alarms += usize::from(alarm && !before);
        before = alarm;
        if alarm && case.first_alarm.is_none() {
            case.first_alarm = Some(table.time(heading).to_owned());
        }
        if alarm && case.worst_ratio.is_none_or(|r| s.ratio() > r) {
            case.worst_ratio = Some(s.ratio());
            case.worst_tag = Some(heading.tags[s.worst].name.clone());
        }
        if let Some(anomalous) = labels {
            counts.count(anomalous, alarm);
        }
    }
    Ok((counts != Counts::default()).then_some(counts))
}

/// Rows by label and verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    right: u64,
    wrong: u64,
    missed: u64,
    quiet: u64,
}

impl Counts {
    fn count(&mut self, anomalous: bool, alarm: bool) {
        let n = match (anomalous, alarm) {
            (true, true) => &mut self.right,
            (true, false) => &mut self.missed,
            (false, true) => &mut self.wrong,
            (false, false) => &mut self.quiet,
        };
        *n += 1;
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
        self.quiet += other.quiet;
    }

    fn score(&self) -> Score {
        let part = |a: u64, of: u64| (of > 0).then(|| a as f64 / of as f64);
        Score {
            f1: part(2 * self.right, 2 * self.right + self.wrong + self.missed),
            far: part(self.wrong, self.wrong + self.quiet).map(|v| 100.0 * v),
            mar: part(self.missed, self.missed + self.right).map(|v| 100.0 * v),
        }
    }
}
