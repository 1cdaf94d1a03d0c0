//! One sheet of a workbook.

use jiff::civil::date;
use jiff::tz::TimeZone;
use plant::Timestamp;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{Cell, TableError, XLSX_ROWS};

/// Nothing longer fits into a cell.
const LONGEST: usize = 32_767;
/// How instants are shown.
const INSTANT: &str = "yyyy-mm-dd hh:mm:ss.000";
/// How wide a column of instants is, and every other, characters.
const WIDTH: (f64, f64) = (24.0, 16.0);

pub(super) struct Sheet {
    book: Workbook,
    zone: TimeZone,
    /// Titles, the zone to be added to those above instants once there is one.
    titles: Vec<(String, bool)>,
    rows: usize,
    instant: Format,
}

impl Sheet {
    pub fn new(name: &str, zone: &TimeZone, titles: &[&str]) -> Result<Self, TableError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let name: String = name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(31).collect();
        sheet.set_name(name).map_err(failed)?;
        let titles = titles.iter().map(|t| ((*t).to_owned(), false)).collect();
        Ok(Self { book, zone: zone.clone(), titles, rows: 0, instant: Format::new().set_num_format(INSTANT) })
    }

    pub fn row(&mut self, cells: &[Cell]) -> Result<(), TableError> {
        if self.rows >= XLSX_ROWS {
            return Err(TableError::TooLong);
        }
        self.rows += 1;
        let row = u32::try_from(self.rows).unwrap_or(u32::MAX);
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        for (column, cell) in (0u16..).zip(cells) {
            match cell {
                Cell::Text(text) if text.chars().count() > LONGEST => {
                    let cut: String = text.chars().take(LONGEST - 1).chain(['…']).collect();
                    sheet.write_string(row, column, cut).map_err(failed)?;
                }
                Cell::Text(text) => {
                    sheet.write_string(row, column, text).map_err(failed)?;
                }
                Cell::Number(n) if n.is_finite() => {
                    sheet.write_number(row, column, *n).map_err(failed)?;
                }
                Cell::Time(t) => {
                    if let Some(days) = days(*t, &self.zone) {
                        sheet.write_number_with_format(row, column, days, &self.instant).map_err(failed)?;
                    }
                    if let Some(title) = self.titles.get_mut(usize::from(column)) {
                        title.1 = true;
                    }
                }
                Cell::Empty | Cell::Number(_) => {}
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<u8>, TableError> {
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        let bold = Format::new().set_bold();
        let zone = self.zone.iana_name().unwrap_or("UTC");
        for (column, (title, instants)) in (0u16..).zip(&self.titles) {
            let title = if *instants { format!("{title} ({zone})") } else { title.clone() };
            sheet.write_string_with_format(0, column, title, &bold).map_err(failed)?;
            sheet.set_column_width(column, if *instants { WIDTH.0 } else { WIDTH.1 }).map_err(failed)?;
        }
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        let last = u16::try_from(self.titles.len().saturating_sub(1)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, u32::try_from(self.rows).unwrap_or(u32::MAX), last).map_err(failed)?;
        self.book.save_to_buffer().map_err(failed)
    }
}

/// An instant as spreadsheets count: days since 1899-12-30, by the clock on the wall. `None` before 1900, which they do not
/// know.
fn days(t: Timestamp, zone: &TimeZone) -> Option<f64> {
    let t = jiff::Timestamp::from_nanosecond(i128::from(t.nanos())).ok()?;
    let wall = t.to_zoned(zone.clone()).datetime();
    let since = wall.duration_since(date(1899, 12, 30).at(0, 0, 0, 0));
    (since.as_secs() >= 86_400 * 2).then(|| since.as_secs_f64() / 86_400.0)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: XlsxError) -> TableError {
    TableError::Workbook(error.to_string())
}
