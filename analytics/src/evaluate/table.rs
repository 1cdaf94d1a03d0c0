//! Tables of process tags: which column is what, and the rows as numbers.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::ManifestError;
use crate::rotating::Refusal;

/// Most that a heading may hold.
const HEADING: u64 = 1 << 20;
/// Most tags of one table.
const TAGS: usize = 1_000;

/// A table that is read row by row.
pub(super) struct Table<R: Read> {
    path: PathBuf,
    reader: csv::Reader<Chain<Cursor<Vec<u8>>, BufReader<R>>>,
    names: StringRecord,
    /// Rows that were looked at to tell the columns apart, and not handed out yet.
    ahead: VecDeque<StringRecord>,
    record: StringRecord,
    /// The latest row, the heading being row 1.
    number: usize,
}

/// A column of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    at: usize,
}

/// Which column is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    time: usize,
    pub tags: Vec<Column>,
    /// Tags of which half or more is missing at first.
    pub missing: Vec<String>,
    label: Option<Column>,
}

impl<R: Read> Table<R> {
    /// Reads the heading; whichever of `;` and `,` it has more of separates fields.
    pub fn open(path: &Path, from: R) -> Result<Self, ManifestError> {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        let fail = |source| ManifestError::NoSeries { path: path.to_owned(), source };
        from.by_ref().take(HEADING).read_until(b'\n', &mut line).map_err(fail)?;
        let count = |c: u8| line.iter().filter(|b| **b == c).count();
        let delimiter = if count(b';') > count(b',') { b';' } else { b',' };
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(Cursor::new(line).chain(from));
        let mut table = Self {
            path: path.to_owned(),
            reader,
            names: StringRecord::new(),
            ahead: VecDeque::new(),
            record: StringRecord::new(),
            number: 1,
        };
        table.names = table.reader.headers().map_err(|e| bad_row(path, 1, &e))?.clone();
        Ok(table)
    }

    /// Tells the columns apart by their names and by the first `rows` rows.
    pub fn heading(&mut self, rows: usize) -> Result<Result<Heading, Refusal>, ManifestError> {
        while self.ahead.len() < rows {
            let mut record = StringRecord::new();
            let number = self.number + self.ahead.len() + 1;
            if !self.reader.read_record(&mut record).map_err(|e| bad_row(&self.path, number, &e))? {
                break;
            }
            self.ahead.push_back(record);
        }
        if self.ahead.is_empty() {
            return Ok(Err("too_few"));
        }
        let names: Vec<String> = self.names.iter().map(|n| n.trim_start_matches('\u{feff}').to_owned()).collect();
        let named = |i: usize, words: &[&str]| words.iter().any(|w| names[i].eq_ignore_ascii_case(w));
        let all = 0..names.len();
        let of_time = ["datetime", "timestamp", "time", "date", "ts", "t"];
        let time = all.clone().find(|i| named(*i, &of_time)).or((self.numbers(0) == 0).then_some(0));
        let Some(time) = time else { return Ok(Err("time")) };
        let column = |at: usize| Column { name: names[at].clone(), at };
        let find = |word: &str| all.clone().find(|i| named(*i, &[word])).map(column);
        let label = find("anomaly").or_else(|| find("changepoint"));
        let (mut tags, mut missing) = (Vec::new(), Vec::new());
        for at in all.clone() {
            let no_tag = at == time || named(at, &["anomaly", "changepoint"]) || named(at, &of_time);
            // A column without a name that counts up is what tables number their rows with.
            // What mostly holds words is no tag; a word among numbers is an error, and said where it stands.
            let (numbers, present) = (self.numbers(at), self.present(at));
            if no_tag || numbers == 0 || 2 * numbers < present || (names[at].is_empty() && self.counts_up(at)) {
                continue;
            }
            if 2 * numbers < self.ahead.len() {
                missing.push(names[at].clone());
            } else if tags.len() < TAGS {
                tags.push(column(at));
            }
        }
        Ok(if tags.is_empty() { Err("no_tags") } else { Ok(Heading { time, tags, missing, label }) })
    }

    /// The next row's tags into `out`, missing ones as NaN, and what its label says: `Some(None)` where there is none.
    pub fn next(&mut self, heading: &Heading, out: &mut [f64]) -> Result<Option<Option<bool>>, ManifestError> {
        self.number += 1;
        match self.ahead.pop_front() {
            Some(record) => self.record = record,
            None => {
                let read = self.reader.read_record(&mut self.record);
                if !read.map_err(|e| bad_row(&self.path, self.number, &e))? {
                    return Ok(None);
                }
            }
        }
        for (v, column) in out.iter_mut().zip(&heading.tags) {
            *v = match field(&self.record, column.at) {
                Some(text) => {
                    text.parse().map_err(|_| self.bad(column, text, "a number, or nothing where it is missing"))?
                }
                None => f64::NAN,
            };
        }
        let label = heading.label.as_ref().and_then(|c| Some((c, field(&self.record, c.at)?)));
        let Some((column, text)) = label else { return Ok(Some(None)) };
        match text.parse::<f64>() {
            Ok(0.0) => Ok(Some(Some(false))),
            Ok(1.0) => Ok(Some(Some(true))),
            _ => Err(self.bad(column, text, "0 or 1")),
        }
    }

    /// The time of the latest row, as it is written.
    pub fn time(&self, heading: &Heading) -> &str {
        self.record.get(heading.time).unwrap_or("")
    }

    /// How many of the rows ahead hold a number in column `at`.
    fn numbers(&self, at: usize) -> usize {
        self.ahead.iter().filter(|r| field(r, at).is_some_and(|t| t.parse::<f64>().is_ok())).count()
    }

    fn present(&self, at: usize) -> usize {
        self.ahead.iter().filter(|r| field(r, at).is_some()).count()
    }

    fn counts_up(&self, at: usize) -> bool {
        let value = |r: &StringRecord| field(r, at).and_then(|t| t.parse::<f64>().ok());
        self.ahead
            .iter()
            .zip(self.ahead.iter().skip(1))
            .all(|(a, b)| value(a).zip(value(b)).is_some_and(|(a, b)| b == a + 1.0))
    }

    fn bad(&self, column: &Column, found: &str, expected: &str) -> ManifestError {
        ManifestError::Field {
            path: self.path.clone(),
            row: self.number,
            column: column.name.clone(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// A field that is not missing.
fn field(record: &StringRecord, at: usize) -> Option<&str> {
    let missing = |t: &&str| !["", "nan", "na", "null", "none"].iter().any(|m| t.eq_ignore_ascii_case(m));
    record.get(at).filter(missing)
}

fn bad_row(path: &Path, row: usize, e: &csv::Error) -> ManifestError {
    ManifestError::Row { path: path.to_owned(), row, problem: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(Vec<f64>, Option<bool>)>;

    fn read(text: &str) -> Result<(Vec<String>, Rows), String> {
        let mut table = Table::open(Path::new("x.csv"), text.as_bytes()).map_err(|e| e.to_string())?;
        let heading = table.heading(3).map_err(|e| e.to_string())?.map_err(str::to_owned)?;
        let mut row = vec![0.0; heading.tags.len()];
        let mut rows = Vec::new();
        while let Some(label) = table.next(&heading, &mut row).map_err(|e| e.to_string())? {
            rows.push((row.clone(), label));
        }
        Ok((heading.tags.iter().map(|t| t.name.clone()).collect(), rows))
    }

    #[test]
    fn columns_are_told_apart() {
        for text in [
            ";Datetime;a;note;b;anomaly;changepoint\n0;x 1;1;ok;2;0.0;0\n1;x 2;2;;3;1.0;0\n2;x 3;;ok;4;;0\n3;x;4;w;5;1;0\n",
            "\u{feff}when,a,b,anomaly\nx 1,1,2,0\nx 2,2,3,1\nx 3,NaN,4,\nx 4,4,5,1\n",
        ] {
            let (tags, rows) = read(text).unwrap();
            assert_eq!(tags, ["a", "b"]);
            assert_eq!(rows.len(), 4);
            assert_eq!((rows[0].0[0], rows[3].0[1]), (1.0, 5.0));
            assert!(rows[2].0[0].is_nan());
            assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), [Some(false), Some(true), None, Some(true)]);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_row_and_column() {
        for (text, want) in [
            ("t,a\n1,1\n2,2\n3,3\n4,x\n", "x.csv, row 5, column a: found \"x\""),
            ("t,a\n1,1\n2,oops\n3,3\n", "x.csv, row 3, column a: found \"oops\""),
            ("t,a,anomaly\n1,1,0\n2,2,2\n3,3,0\n", "x.csv, row 3, column anomaly: found \"2\"; expected 0 or 1"),
            ("t,a\n1,1\n2\n", "x.csv, row 3"),
            ("t,a\n1,1\n2,2\n3,3\n4,4,4\n", "x.csv, row 5"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(want), "{said}");
        }
        for (text, want) in [
            ("", "too_few"),
            ("t,a\n", "too_few"),
            ("a,b\n1,2\n5,1\n", "time"),
            ("time,name\n1,p\n2,q\n", "no_tags"),
            ("x,name\nm,p\nm,q\n", "no_tags"),
        ] {
            assert_eq!(read(text).unwrap_err(), want, "{text}");
        }
    }
}
