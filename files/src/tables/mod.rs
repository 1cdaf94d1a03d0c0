//! Tables for people and their spreadsheets: a line of titles, then rows of typed cells, as CSV or XLSX.

mod xlsx;

use std::io::{self, Write};

use jiff::tz::TimeZone;
use plant::Timestamp;

use crate::points::field;

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, UTF-8 with the mark by which spreadsheets know it. Instants are RFC 3339 in UTC. A text that a spreadsheet
    /// would take for a formula begins with an apostrophe.
    Csv,
    /// Office Open XML: one sheet, of which the titles stay in view and can be filtered by. Instants are those of the zone.
    /// It is held in memory until it ends, so it takes [`XLSX_ROWS`] rows at most.
    Xlsx,
}

/// The most rows of an XLSX file.
pub const XLSX_ROWS: usize = 50_000;

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The usual end of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text, and never a formula.
    Text(String),
    /// A number; one that is none is left out.
    Number(f64),
    /// An instant.
    Time(Timestamp),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell {
    fn from(t: Timestamp) -> Self {
        Self::Time(t)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(what: Option<T>) -> Self {
        what.map_or(Self::Empty, Into::into)
    }
}

/// A table cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is too long for its form.
    #[error("an XLSX file holds {XLSX_ROWS} rows at most, and there are more: choose a shorter time, or CSV")]
    TooLong,
    /// It could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The workbook could not be made.
    #[error("the workbook could not be made: {0}")]
    Workbook(String),
}

/// Writes a table row by row.
pub struct TableWriter<W> {
    out: W,
    form: Form,
}

enum Form {
    Csv(String),
    Xlsx(Box<xlsx::Sheet>),
}

impl<W: Write> TableWriter<W> {
    /// Begins a table called `name` (31 characters at most are shown) with these titles.
    ///
    /// # Errors
    /// If `out` takes nothing, or the workbook cannot be made.
    pub fn new(format: Format, name: &str, zone: &TimeZone, titles: &[&str], mut out: W) -> Result<Self, TableError> {
        let form = match format {
            Format::Csv => {
                out.write_all("\u{feff}".as_bytes())?;
                Form::Csv(String::new())
            }
            Format::Xlsx => Form::Xlsx(Box::new(xlsx::Sheet::new(name, zone, titles)?)),
        };
        let mut writer = Self { out, form };
        if format == Format::Csv {
            let titles: Vec<Cell> = titles.iter().map(|t| Cell::from(*t)).collect();
            writer.row(&titles)?;
        }
        Ok(writer)
    }

    /// Writes a row, as many cells as there are titles.
    ///
    /// # Errors
    /// If `out` takes nothing, or the file would be too long.
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), TableError> {
        match &mut self.form {
            Form::Csv(line) => {
                line.clear();
                for (i, cell) in cells.iter().enumerate() {
                    if i > 0 {
                        line.push(',');
                    }
                    push(line, cell);
                }
                line.push_str("\r\n");
                Ok(self.out.write_all(line.as_bytes())?)
            }
            Form::Xlsx(sheet) => sheet.row(cells),
        }
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If `out` takes nothing, or the workbook cannot be made.
    pub fn finish(mut self) -> Result<W, TableError> {
        if let Form::Xlsx(sheet) = self.form {
            self.out.write_all(&sheet.finish()?)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn push(line: &mut String, cell: &Cell) {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => line.push_str(&field(text)),
        Cell::Number(n) if n.is_finite() => line.push_str(&n.to_string()),
        Cell::Number(_) => {}
        // The years 1678 to 2262 are all within what the calendar can say.
        Cell::Time(t) => {
            if let Ok(t) = jiff::Timestamp::from_nanosecond(i128::from(t.nanos())) {
                line.push_str(&t.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, rows: &[Vec<Cell>]) -> Vec<u8> {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let mut table = TableWriter::new(format, "Steps", &zone, &["time", "what", "value"], Vec::new()).unwrap();
        rows.iter().for_each(|row| table.row(row).unwrap());
        table.finish().unwrap()
    }

    #[test]
    fn csv_is_read_by_programs_and_opened_by_spreadsheets() {
        let rows = [
            vec![Timestamp::from_nanos(1_500_000_000).into(), "=HYPERLINK(\"x\")".into(), Cell::Number(-1.5)],
            vec![Cell::Empty, "轴承, \"DE\"\n第二行".into(), Cell::Number(f64::NAN)],
        ];
        let text = String::from_utf8(written(Format::Csv, &rows)).unwrap();
        let wanted = "\u{feff}time,what,value\r\n1970-01-01T00:00:01.5Z,\"'=HYPERLINK(\"\"x\"\")\",-1.5\r\n\
                      ,\"轴承, \"\"DE\"\"\n第二行\",\r\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_workbook_holds_texts_numbers_and_instants_of_the_zone() {
        use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
        let t = Timestamp::from_secs(1_764_460_800);
        let rows =
            [vec![t.into(), "=1+1".into(), 7.25.into()], vec![Cell::Empty, "轴承".into(), Cell::Number(f64::NAN)]];
        let book = written(Format::Xlsx, &rows);
        let mut read: Xlsx<_> = open_workbook_from_rs(io::Cursor::new(book)).unwrap();
        let sheet = read.worksheet_range("Steps").unwrap();
        let cell = |row, column| sheet.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        assert_eq!(cell(0, 0), Data::String("time (Asia/Shanghai)".into()));
        // 2025-11-30T00:00:00Z is 8 o'clock there: day 45991 of spreadsheets, and a third.
        assert!(
            matches!(cell(1, 0), Data::DateTime(d) if (d.as_f64() - (45_991.0 + 8.0 / 24.0)).abs() < 1e-9),
            "{:?}",
            cell(1, 0)
        );
        assert_eq!((cell(1, 1), cell(1, 2)), (Data::String("=1+1".into()), Data::Float(7.25)));
        assert_eq!((cell(2, 0), cell(2, 1), cell(2, 2)), (Data::Empty, Data::String("轴承".into()), Data::Empty));
        // A formula that was smuggled in would be in here.
        assert!(read.worksheet_formula("Steps").unwrap().is_empty());
    }

    #[test]
    fn a_workbook_that_would_be_too_long_is_refused() {
        let mut table = TableWriter::new(Format::Xlsx, "s", &TimeZone::UTC, &["n"], io::sink()).unwrap();
        for i in 0..XLSX_ROWS {
            table.row(&[Cell::Number(i as f64)]).unwrap();
        }
        assert!(matches!(table.row(&[Cell::Empty]), Err(TableError::TooLong)));
    }
}
