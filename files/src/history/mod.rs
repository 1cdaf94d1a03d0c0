//! Histories of other systems: CSV, years of it, row by row.
//!
//! A [`Layout`] says what the file does not; the header says which column is what. [`History::read`] gives one row after
//! the other: the values in it, and every cell that is none by line and column, with what was expected and found. A row
//! that cannot be read never stops the next one, and no row, however long or ill quoted, takes more than [`MAX_ROW`] of
//! memory. Forms: `docs/files.md`.

mod cells;
mod columns;
mod layout;
mod lines;

use std::collections::HashMap;
use std::io::{self, BufRead, Seek, SeekFrom};

use plant::{PointId, Quality, Timestamp, Unit, Value};

use columns::{Columns, Where};
pub use layout::{Encoding, Layout, LayoutError, Mapped, Role, Wide};
use lines::{Got, Lines};

/// Longest row, in bytes, with the lines that quoted fields may span.
pub const MAX_ROW: usize = 1 << 20;
/// Most columns.
pub const MAX_COLUMNS: usize = 4_096;
/// Most points of one file.
pub const MAX_POINTS: usize = 100_000;
/// Longest text value, in bytes.
pub const MAX_TEXT: usize = 65_536;
/// How much of what was found is shown, in characters.
const SHOWN: usize = 100;

/// One value of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which point: its place in [`History::points`].
    pub point: usize,
    /// When.
    pub t: Timestamp,
    /// What.
    pub value: Value,
    /// How far to trust it: good, or with doubt or bad by the source's word.
    pub quality: Quality,
    /// In which unit, where that is said.
    pub unit: Option<Unit>,
}

/// A cell or row that is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line of the file in which the row begins, from 1.
    pub line: u64,
    /// The column by its header; empty where it is the whole row.
    pub column: String,
    /// What was expected.
    pub expected: String,
    /// What was found, shortened.
    pub found: String,
}

/// One row, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its values.
    pub entries: Vec<Entry>,
    /// What in it is none.
    pub rejects: Vec<Reject>,
    /// Cells that say nothing: empty ones of a wide table, and computed values of an export with indicators.
    pub passed: u64,
}

/// A place between two rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes from the beginning of the file.
    pub offset: u64,
    /// The line that begins there, from 1.
    pub line: u64,
}

/// A history being read.
pub struct History<R> {
    lines: Lines<R>,
    layout: Layout,
    columns: Columns,
    points: Vec<PointId>,
    places: HashMap<PointId, usize>,
    /// By the bytes of the cells that name them.
    known: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
}

impl<R: BufRead> History<R> {
    /// Reads the header.
    pub fn open(input: R, layout: Layout) -> Result<Self, LayoutError> {
        let mut lines = Lines::new(input);
        lines.begin(layout.delimiter)?;
        match lines.next()? {
            Some(Got::Row) => {}
            Some(Got::Bad { expected, .. }) => return Err(LayoutError::Header { expected }),
            None => return Err(LayoutError::Empty),
        }
        let names = (0..lines.len()).map(|i| cells::text(layout.encoding, lines.field(i)).map(|t| t.trim().to_owned()));
        let names = names.collect::<Option<Vec<_>>>().ok_or(LayoutError::Encoding(layout.encoding))?;
        let (columns, points) = columns::resolve(&layout, names)?;
        let places = points.iter().cloned().enumerate().map(|(i, p)| (p, i)).collect();
        Ok(Self { lines, layout, columns, points, places, known: HashMap::new(), key: Vec::new() })
    }

    /// Where the next row begins.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.lines.position()
    }

    /// The points that were named so far.
    #[must_use]
    pub fn points(&self) -> &[PointId] {
        &self.points
    }

    /// Reads the next row into `row`, replacing what it held; false at the end.
    pub fn read(&mut self, row: &mut Row) -> io::Result<bool> {
        row.entries.clear();
        row.rejects.clear();
        row.passed = 0;
        let line = self.lines.position().line;
        match self.lines.next()? {
            None => return Ok(false),
            Some(Got::Bad { expected, found }) => {
                let (column, found) = (String::new(), shown(&String::from_utf8_lossy(&found)));
                row.rejects.push(Reject { line, column, expected: expected.to_owned(), found });
            }
            Some(Got::Row) => {
                if let Err(reject) = self.take(row, line) {
                    row.rejects.push(reject);
                }
                // What a quote holds together that should not be costs its first line; the others are read again.
                if !row.rejects.is_empty() && self.lines.only_first() {
                    let found = row.rejects.drain(..).next().map(|r| r.found).unwrap_or_default();
                    let expected = "a quote that is closed again within the row".to_owned();
                    *row = Row {
                        rejects: vec![Reject { line, column: String::new(), expected, found }],
                        ..Row::default()
                    };
                }
            }
        }
        Ok(true)
    }

    /// The values of the row at hand. An error is one of the whole row.
    fn take(&mut self, row: &mut Row, line: u64) -> Result<(), Reject> {
        let width = self.columns.names.len();
        let beyond = (width..self.lines.len()).any(|i| !self.lines.field(i).trim_ascii().is_empty());
        if self.lines.len() < width || beyond {
            let expected = format!("{width} columns, as in the header");
            let found = self.lines.len().to_string();
            return Err(Reject { line, column: String::new(), expected, found });
        }
        if self.columns.indicator.is_some_and(|i| !self.lines.field(i).trim_ascii().is_empty()) {
            row.passed += 1;
            return Ok(());
        }
        let at = |column: usize, wrong: Wrong| Reject {
            line,
            column: self.columns.names[column].clone(),
            expected: wrong.expected,
            found: shown(&wrong.found),
        };
        let (column, form) = self.columns.time;
        let t = self.cell(column).and_then(|text| cells::time(&text, form, &self.layout)).map_err(|w| at(column, w))?;
        if t > self.layout.newest {
            let expected = "a time that is not in the future; is it in another unit or time zone?".into();
            return Err(at(column, Wrong { expected, found: self.cell(column).unwrap_or_default().into_owned() }));
        }
        let quality = match self.columns.quality {
            Some(i) => self.cell(i).and_then(|text| cells::quality(&text)).map_err(|w| at(i, w))?,
            None => Quality::Good,
        };
        let unit = match self.columns.unit {
            Some(i) => self.cell(i).and_then(|text| cells::unit(&text)).map_err(|w| at(i, w))?.or(self.layout.unit),
            None => self.layout.unit,
        };
        for n in 0..self.columns.values.len() {
            let (column, given) = (self.columns.values[n].column, self.columns.values[n].unit);
            match self.one(n) {
                Ok(Some((point, value))) => {
                    row.entries.push(Entry { point, t, value, quality, unit: given.or(unit) });
                }
                Ok(None) => row.passed += 1,
                Err((c, Wrong { expected, found })) => {
                    let column = self.columns.names[c.unwrap_or(column)].clone();
                    row.rejects.push(Reject { line, column, expected, found: shown(&found) });
                }
            }
        }
        Ok(())
    }

    /// The value in the `n`-th of the columns of values, and whose it is.
    fn one(&mut self, n: usize) -> Result<Option<(usize, Value)>, Misplaced> {
        let column = self.columns.values[n].column;
        if self.columns.wide && self.lines.field(column).trim_ascii().is_empty() {
            return Ok(None);
        }
        let value = self.cell(column).and_then(|text| cells::value(&text, &self.layout)).map_err(|w| (None, w))?;
        let point = match self.columns.values[n].point {
            Where::Known(i) => i,
            Where::Cells => self.named(n)?,
        };
        Ok(Some((point, value)))
    }

    /// The point that the cells of the row name.
    fn named(&mut self, n: usize) -> Result<usize, Misplaced> {
        let Self { lines, columns, key, known, .. } = self;
        key.clear();
        for column in [columns.site, columns.machine, columns.point].into_iter().flatten() {
            key.extend_from_slice(lines.field(column));
            key.push(0);
        }
        key.extend_from_slice(&(n as u32).to_le_bytes());
        if let Some(i) = known.get(&key[..]) {
            return Ok(*i);
        }
        let point = self.name(n)?;
        let i = match self.places.get(&point) {
            Some(i) => *i,
            None if self.points.len() >= MAX_POINTS => {
                let expected = format!("at most {MAX_POINTS} points in one file; cut it");
                return Err((self.columns.point, Wrong { expected, found: point.to_string() }));
            }
            None => {
                self.points.push(point.clone());
                self.places.insert(point, self.points.len() - 1);
                self.points.len() - 1
            }
        };
        // Spellings of a name are as many as the file likes: what does not fit is looked up again.
        if self.known.len() < 2 * MAX_POINTS {
            self.known.insert(self.key.as_slice().into(), i);
        }
        Ok(i)
    }

    fn name(&self, n: usize) -> Result<PointId, Misplaced> {
        let of = |column: Option<usize>| match column {
            Some(i) => self.cell(i).map(|text| text.trim().to_owned()).map(Some).map_err(|w| (Some(i), w)),
            None => Ok(None),
        };
        let (site, machine, point) = (of(self.columns.site)?, of(self.columns.machine)?, of(self.columns.point)?);
        let point = match (&self.columns.values[n].name, point, &self.layout.point) {
            (Some(name), ..) => name.clone(),
            (None, Some(cell), _) => cell,
            (None, None, said) => said.clone().unwrap_or_default(),
        };
        let (culprit, made) = match (site, machine, &self.layout.machine) {
            (Some(site), Some(machine), _) => (self.columns.machine, PointId::new(&site, &machine, &point)),
            (None, Some(machine), _) => {
                (self.columns.machine, machine.parse().and_then(|m: plant::MachineId| m.point(&point)))
            }
            (_, None, Some(machine)) => (self.columns.point, machine.point(&point)),
            (_, None, None) => (self.columns.point, point.parse()),
        };
        made.map_err(|e| (culprit, Wrong { expected: format!("a point: {e}"), found: point }))
    }

    fn cell(&self, i: usize) -> Result<std::borrow::Cow<'_, str>, Wrong> {
        let bytes = self.lines.field(i);
        cells::text(self.layout.encoding, bytes).ok_or_else(|| {
            let found = String::from_utf8_lossy(bytes).into_owned();
            Wrong { expected: format!("text in {}", self.layout.encoding.name()), found }
        })
    }
}

impl<R: BufRead + Seek> History<R> {
    /// Goes on at a place that [`History::position`] once gave for the same file.
    pub fn seek(&mut self, to: Position) -> io::Result<()> {
        self.lines.input().seek(SeekFrom::Start(to.offset))?;
        self.lines.moved(to);
        Ok(())
    }
}

/// What is wrong, and in which column, where that is not the one of the value.
type Misplaced = (Option<usize>, Wrong);

/// What is wrong with a cell.
struct Wrong {
    expected: String,
    found: String,
}

impl Wrong {
    fn new(expected: impl Into<String>, found: &str) -> Self {
        Self { expected: expected.into(), found: found.to_owned() }
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An instant as a calendar knows it; every [`Timestamp`] is one.
#[must_use]
pub fn instant(t: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(t.nanos())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
