//! The first reading: what is in a history, and what in it cannot be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::history::{Layout, Row};
use plant::{PointId, Timestamp, Unit, Value};

use super::rejects::{self, Rejects};
use crate::commands::bar::Bar;

/// How often the bar is drawn, in rows.
const EVERY: u64 = 4_096;

/// What a history says of one point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// How many values.
    pub values: u64,
    /// The first unit that is stated for them.
    pub unit: Option<Unit>,
    /// Another one, of another quantity.
    pub other_unit: Option<Unit>,
    /// Whether any of them is a text, or true or false.
    pub no_number: bool,
}

/// What histories say.
#[derive(Debug, Default)]
pub struct Survey {
    /// By point.
    pub points: BTreeMap<PointId, Facts>,
    rows: u64,
    passed: u64,
    span: Option<(Timestamp, Timestamp)>,
    rejects: Vec<(PathBuf, u64)>,
}

/// With `--strict`, the first row that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {column}expected {expected}, found {found:?}")]
pub struct Strict {
    file: String,
    line: u64,
    column: String,
    expected: String,
    found: String,
}

/// Reads a whole file. What cannot be read goes to `rejects`.
pub fn look(path: &Path, layout: &Layout, rejects: &Path, strict: bool) -> anyhow::Result<Survey> {
    let total = std::fs::metadata(path)?.len();
    let mut history = super::open(path, layout)?;
    let (mut bar, mut survey, mut row) = (Bar::new(), Survey::default(), Row::default());
    let mut rejects = Rejects::begin(rejects, path)?;
    let mut facts: Vec<Facts> = Vec::new();
    while history.read(&mut row)? {
        survey.rows += 1;
        survey.passed += row.passed;
        for e in &row.entries {
            if facts.len() <= e.point {
                facts.resize(e.point + 1, Facts::default());
            }
            note(&mut facts[e.point], e.unit, &e.value);
            let (first, last) = survey.span.unwrap_or((e.t, e.t));
            survey.span = Some((first.min(e.t), last.max(e.t)));
        }
        for r in &row.rejects {
            if strict {
                let column = if r.column.is_empty() { String::new() } else { format!("column {:?}: ", r.column) };
                let (expected, found) = (r.expected.clone(), r.found.clone());
                return Err(Strict { file: path.display().to_string(), line: r.line, column, expected, found }.into());
            }
            rejects.add(r)?;
        }
        if survey.rows.is_multiple_of(EVERY) {
            bar.draw(&format!("checking {}", path.display()), history.position().offset, total);
        }
    }
    survey.rejects.extend(rejects.end()?);
    let named = history.points().iter().cloned().zip(facts);
    survey.points = named.filter(|(_, f)| f.values > 0).collect();
    Ok(survey)
}

fn note(facts: &mut Facts, unit: Option<Unit>, value: &Value) {
    facts.values += 1;
    facts.no_number |= matches!(value, Value::Text(_) | Value::Bool(_));
    match (facts.unit, unit) {
        (None, stated) => facts.unit = stated,
        (Some(known), Some(stated)) if known.quantity() != stated.quantity() => facts.other_unit = Some(stated),
        _ => {}
    }
}

impl Survey {
    /// Of several files.
    pub fn together(all: Vec<Self>) -> Self {
        all.into_iter().fold(Self::default(), |mut sum, one| {
            for (point, f) in one.points {
                let known = sum.points.entry(point).or_default();
                known.values += f.values;
                known.no_number |= f.no_number;
                known.other_unit = known.other_unit.or(f.other_unit);
                match (known.unit, f.unit) {
                    (Some(a), Some(b)) if a.quantity() != b.quantity() => known.other_unit = Some(b),
                    (a, b) => known.unit = a.or(b),
                }
            }
            sum.rows += one.rows;
            sum.passed += one.passed;
            sum.span = match (sum.span, one.span) {
                (Some((a, z)), Some((b, y))) => Some((a.min(b), z.max(y))),
                (a, b) => a.or(b),
            };
            sum.rejects.extend(one.rejects);
            sum
        })
    }

    /// How many values there are.
    pub fn values(&self) -> u64 {
        self.points.values().map(|f| f.values).sum()
    }

    /// How many rows and cells cannot be read.
    pub fn rejected(&self) -> u64 {
        self.rejects.iter().map(|(_, n)| n).sum()
    }

    /// Says what was found.
    pub fn say(&self) {
        if self.rows == 0 {
            return;
        }
        let span = self.span.map_or(String::new(), |(a, z)| {
            format!(", from {} to {}", files::history::instant(a), files::history::instant(z))
        });
        eprintln!("{} rows: {} values of {} points{span}", self.rows, self.values(), self.points.len());
        if self.passed > 0 {
            eprintln!("{} cells say nothing (empty, or computed) and are passed over", self.passed);
        }
        self.rejects.iter().for_each(|(path, n)| eprintln!("{}", rejects::said(path, *n)));
    }
}
