//! The catalogue of bearings: from a designation to a geometry, and whose word that is.
//!
//! ISO 15 fixes bore, outside diameter and width of a designation, and nothing inside: two makers' 6205 may differ in the
//! number of balls. So an entry either tells the inside of one maker's bearing, or only the boundary dimensions, and then
//! the inside is estimated ([`Geometry::Estimated`]). Every entry names its source.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::{BearingOrders, Geometry};

/// The columns, in the order of the file that comes with the platform. A file may leave out or reorder them.
const COLUMNS: [&str; 14] = [
    "designation",
    "maker",
    "elements",
    "ball_mm",
    "pitch_mm",
    "contact_deg",
    "bpfo",
    "bpfi",
    "bsf",
    "ftf",
    "bore_mm",
    "outside_mm",
    "width_mm",
    "source",
];
/// Most rows of one file.
const MOST: usize = 100_000;
/// Makers that people write before a designation, beside those of the entries.
const MAKERS: [&str; 18] = [
    "SKF", "FAG", "INA", "NSK", "NTN", "SNR", "KOYO", "JTEKT", "NACHI", "TIMKEN", "RHP", "NICE", "ZWZ", "LYC", "HRB",
    "TMB", "NKE", "ORS",
];

/// A bearing of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its designation as the source writes it.
    pub designation: String,
    /// Whose bearing it is; `None` where the entry holds for every maker.
    pub maker: Option<String>,
    /// What its frequencies follow from.
    pub geometry: Geometry,
    /// Bore, outside diameter and width, mm, where stated.
    pub boundary_mm: [Option<f64>; 3],
    /// Whose word this is.
    pub source: String,
    own: bool,
}

/// Bearings by designation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

// Reading lets in finite numbers only, so that every entry equals itself.
impl Eq for Catalogue {}

/// A file that is no catalogue, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, column {column}: {what}")]
pub struct CatalogueError {
    /// The line of the file, 1 the first.
    pub row: u64,
    /// The name of the column.
    pub column: String,
    /// What was found and what was expected.
    pub what: String,
}

impl Catalogue {
    /// The bearings that come with the platform (`plant/data/bearings.csv`).
    #[must_use]
    pub fn built_in() -> &'static Self {
        static ALL: OnceLock<Catalogue> = OnceLock::new();
        // A test reads the file that is compiled in.
        ALL.get_or_init(|| Self { entries: read(include_str!("../data/bearings.csv"), false).unwrap_or_default() })
    }

    /// This catalogue and the entries of a CSV file of the plant's own, which come first.
    pub fn with(&self, csv: &str) -> Result<Self, CatalogueError> {
        let mut entries = read(csv, true)?;
        entries.extend(self.entries.iter().cloned());
        Ok(Self { entries })
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry for a designation as people write it: with or without the maker, seals, clearance and grease
    /// (`6205`, `SKF 6205`, `6205-2RS JEM`, `6205/C3`).
    ///
    /// The plant's own entries come first; then those of the stated maker; then those that tell the inside; then the
    /// longest that fits. Another maker's inside is never taken for that of the stated one.
    #[must_use]
    pub fn find(&self, designation: &str) -> Option<&Entry> {
        let asked = self.parse(designation)?;
        let fits = self.entries.iter().filter_map(|e| Some((rank(e, &asked)?, e)));
        // The first of equals: `max_by_key` would take the last.
        fits.rev().max_by_key(|(rank, _)| *rank).map(|(_, e)| e)
    }

    fn parse(&self, text: &str) -> Option<Asked> {
        let text = normal(text);
        let makers: BTreeSet<String> = self.entries.iter().filter_map(|e| e.maker.as_deref()).map(normal).collect();
        let known = makers.iter().map(String::as_str).chain(MAKERS);
        let stated =
            known.filter(|m| text.strip_prefix(m).is_some_and(|rest| !rest.is_empty())).max_by_key(|m| m.len());
        let maker = stated.map(str::to_owned);
        let rest = stated.map_or(&*text, |m| text[m.len()..].trim_start_matches('-'));
        (!rest.is_empty()).then(|| Asked { maker, designation: joined(rest) })
    }
}

struct Asked {
    maker: Option<String>,
    designation: String,
}

/// How well an entry fits what is asked for: own, of the stated maker, tells the inside, length. `None`: not at all.
fn rank(e: &Entry, asked: &Asked) -> Option<(bool, bool, bool, usize)> {
    let maker = e.maker.as_deref().map(normal);
    let same = match (&asked.maker, &maker) {
        (Some(a), Some(b)) if a == b => true,
        (Some(_), Some(_)) => return None,
        _ => false,
    };
    let mine = joined(&normal(&e.designation));
    let begins = |asked: &str, mine: &str| {
        asked.strip_prefix(mine).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let close = |s: &str| s.replace('-', "");
    let whole = begins(&asked.designation, &mine) || begins(&close(&asked.designation), &close(&mine));
    let length = match whole {
        true => mine.len(),
        // What follows the number of a deep groove ball bearing are seals, clearance, cage, grease: nothing inside.
        false => basic(&mine).filter(|b| basic(&asked.designation) == Some(b))?.len(),
    };
    Some((e.own, same, !e.geometry.is_estimated(), length))
}

/// The number of a deep groove ball bearing (`6205` of `6205-2RS`).
fn basic(designation: &str) -> Option<&str> {
    let end = designation.find(|c: char| !c.is_ascii_digit()).unwrap_or(designation.len());
    let number = &designation[..end];
    let deep_groove = (number.starts_with('6') && (3..=5).contains(&number.len())) || number.starts_with("160");
    deep_groove.then_some(number)
}

/// Upper case, with one `-` for whatever stands between.
fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            ' ' | '\t' | '-' | '_' | '/' | '.' | '\u{3000}' | '‑' | '–' => {
                if !out.is_empty() && !out.ends_with('-') {
                    out.push('-');
                }
            }
            c => out.extend(c.to_uppercase()),
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Without what may stand between the letters and the number: `NU-316` is `NU316`.
fn joined(designation: &str) -> String {
    match designation.split_once('-') {
        Some((letters, rest))
            if letters.chars().all(|c| c.is_ascii_uppercase()) && rest.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{letters}{rest}")
        }
        _ => designation.to_owned(),
    }
}

fn read(csv: &str, own: bool) -> Result<Vec<Entry>, CatalogueError> {
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |e: csv::Error| CatalogueError {
        row: e.position().map_or(1, csv::Position::line),
        column: "1".into(),
        what: e.to_string(),
    };
    let header = reader.headers().map_err(broken)?.clone();
    for (i, name) in header.iter().enumerate() {
        let fault = |what: String| CatalogueError { row: 1, column: name.to_owned(), what };
        if !COLUMNS.contains(&name) {
            return Err(fault(format!("is not a column of the catalogue; expected {}", COLUMNS.join(", "))));
        }
        if header.iter().take(i).any(|other| other == name) {
            return Err(fault("stands twice".into()));
        }
    }
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let row = record.position().map_or(0, csv::Position::line);
        if entries.len() == MOST {
            return Err(CatalogueError { row, column: "1".into(), what: format!("at most {MOST} rows") });
        }
        entries.push(Row { row, header: &header, record: &record }.entry(own)?);
    }
    Ok(entries)
}

struct Row<'a> {
    row: u64,
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn fault(&self, column: &str, what: impl Into<String>) -> CatalogueError {
        CatalogueError { row: self.row, column: column.to_owned(), what: what.into() }
    }

    fn text(&self, column: &str) -> Option<&str> {
        let at = self.header.iter().position(|h| h == column)?;
        self.record.get(at).filter(|s| !s.is_empty())
    }

    fn number(&self, column: &str) -> Result<Option<f64>, CatalogueError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() && v >= 0.0 && (v > 0.0 || column == "contact_deg") => Ok(Some(v)),
            _ => Err(self.fault(column, format!("{text:?} is not a number above 0"))),
        }
    }

    /// All of `columns`, or none.
    fn numbers<const N: usize>(&self, columns: [&str; N]) -> Result<Option<[f64; N]>, CatalogueError> {
        let mut out = [0.0; N];
        let mut stated = 0;
        let mut missing = None;
        for (v, column) in out.iter_mut().zip(columns) {
            match self.number(column)? {
                Some(found) => (*v, stated) = (found, stated + 1),
                None => missing = missing.or(Some(column)),
            }
        }
        match missing {
            Some(column) if stated > 0 => {
                Err(self.fault(column, format!("is empty; {} go together", columns.join(", "))))
            }
            _ => Ok((stated > 0).then_some(out)),
        }
    }

    fn entry(&self, own: bool) -> Result<Entry, CatalogueError> {
        let needed = |column: &str, why: &str| {
            self.text(column).map(str::to_owned).ok_or_else(|| self.fault(column, format!("is empty; {why}")))
        };
        let designation = needed("designation", "every bearing has one")?;
        let source = needed("source", "name whose word this is")?;
        let dimensions = self.numbers(["elements", "ball_mm", "pitch_mm"])?;
        let orders = self.numbers(["bpfo", "bpfi", "bsf", "ftf"])?;
        let contact_rad = self.number("contact_deg")?.unwrap_or(0.0).to_radians();
        let boundary_mm = [self.number("bore_mm")?, self.number("outside_mm")?, self.number("width_mm")?];
        let (column, geometry) = match (dimensions, orders, boundary_mm) {
            (Some(_), Some(_), _) => {
                return Err(self.fault("bpfo", "both dimensions and multiples are stated; state one of them"));
            }
            (Some([elements, ball_mm, pitch_mm]), None, _) => {
                if elements.fract() != 0.0 || elements > 1000.0 {
                    return Err(self.fault("elements", format!("{elements} is not a number of rolling elements")));
                }
                ("elements", Geometry::Dimensions { elements: elements as u16, ball_mm, pitch_mm, contact_rad })
            }
            (None, Some([bpfo, bpfi, bsf, ftf]), _) => {
                ("bpfo", Geometry::Orders(BearingOrders { bpfo, bpfi, bsf, ftf }))
            }
            (None, None, [Some(bore_mm), Some(outside_mm), _]) => {
                if basic(&joined(&normal(&designation))).is_none() {
                    let what = "boundary dimensions alone tell the inside of deep groove ball bearings only; state elements, \
                                ball_mm and pitch_mm, or bpfo, bpfi, bsf and ftf";
                    return Err(self.fault("elements", what));
                }
                ("outside_mm", Geometry::Estimated { bore_mm, outside_mm })
            }
            _ => {
                let what =
                    "state elements, ball_mm and pitch_mm, or bpfo, bpfi, bsf and ftf, or bore_mm and outside_mm";
                return Err(self.fault("elements", what));
            }
        };
        geometry.orders().map_err(|e| self.fault(column, e.to_string()))?;
        Ok(Entry { designation, maker: self.text("maker").map(str::to_owned), geometry, boundary_mm, source, own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let e = Catalogue::built_in().find(text).unwrap_or_else(|| panic!("{text} is not found"));
        format!("{} {}", e.maker.as_deref().unwrap_or("-"), e.designation)
    }

    #[test]
    fn what_comes_with_the_platform_reads_and_names_its_sources() {
        let entries = read(include_str!("../data/bearings.csv"), false).unwrap();
        assert_eq!(entries, Catalogue::built_in().entries());
        assert_eq!(entries.len(), 86);
        for e in &entries {
            assert!(e.source.len() > 5 && e.geometry.orders().is_ok(), "{e:?}");
            if e.geometry.is_estimated() {
                let [Some(d), Some(o), Some(b)] = e.boundary_mm else { panic!("{e:?}") };
                assert!(d < o && b < o - d, "{e:?}");
                // ISO 15: the last two digits are the bore, 00 to 03 apart.
                let code: f64 = e.designation[2..].parse().unwrap();
                assert!(code < 4.0 || (5.0 * code - d).abs() < 1e-9, "{e:?}");
            }
        }
    }

    #[test]
    fn a_designation_is_found_however_it_is_written() {
        for (text, want) in [
            ("6205-2RS JEM", "SKF 6205-2RS JEM"),
            ("SKF 6205", "SKF 6205-2RS JEM"),
            ("skf6205/c3", "SKF 6205-2RS JEM"),
            ("6205/C3", "SKF 6205-2RS JEM"),
            ("6205", "SKF 6205-2RS JEM"),
            ("6205ZZ", "SKF 6205-2RS JEM"),
            ("NSK 6205", "- 6205"),
            ("NTN 6201", "NTN 6201"),
            ("6316-2Z/C3", "- 6316"),
            ("FAG 6316 C4", "- 6316"),
            ("NICE", "- NICE"),
        ] {
            assert_eq!(found(text), want, "{text}");
        }
        for none in ["", "62050", "620", "NU316", "SKF", "22324 CC/W33", "bearing"] {
            assert_eq!(Catalogue::built_in().find(none), None, "{none}");
        }
    }

    #[test]
    fn the_plants_own_entries_come_first_and_letters_may_stand_apart() {
        let own = "\u{feff}designation, maker, elements, ball_mm, pitch_mm, contact_deg, source\n\
                   # spare parts list\n\
                   NU 316,,13,22,125,0,drawing 4711\n7316B,SKF,12,28.575,125,40,letter of 3 May\n6205,,9,7.9,39,0,measured\n";
        let c = Catalogue::built_in().with(own).unwrap();
        for (text, source) in [
            ("NU316", "drawing 4711"),
            ("FAG NU 316 E", "drawing 4711"),
            ("7316-B", "letter of 3 May"),
            ("SKF 7316BEP", "letter of 3 May"),
            ("6205-2RS JEM", "measured"),
            ("6305", "ISO 15"),
        ] {
            assert_eq!(c.find(text).map(|e| &*e.source), Some(source), "{text}");
        }
        assert_eq!(c.find("7316C"), None, "another contact angle is another bearing");
        assert_eq!(c.find("NSK 7316B"), None);
    }

    #[test]
    fn a_bad_file_is_refused_with_row_and_column() {
        let head = "designation,elements,ball_mm,pitch_mm,bpfo,bpfi,bsf,ftf,bore_mm,outside_mm,source\n";
        for (rows, row, column, word) in [
            ("X1,9,8,40,,,,,,,s\nX2,9,eight,40,,,,,,,s\n", 3, "ball_mm", "eight"),
            ("X1,9,8,,,,,,,,s\n", 2, "pitch_mm", "go together"),
            ("X1,9,40,8,,,,,,,s\n", 2, "elements", "pitch"),
            ("X1,9.5,8,40,,,,,,,s\n", 2, "elements", "9.5"),
            ("X1,9,8,40,3,5,2,.4,,,s\n", 2, "bpfo", "one of them"),
            ("X1,,,,3,5,2,-1,,,s\n", 2, "ftf", "above 0"),
            ("X1,,,,,,,,,,s\n", 2, "elements", "state"),
            ("X1,9,8,40,,,,,,,\n", 2, "source", "whose word"),
            (",9,8,40,,,,,,,s\n", 2, "designation", "every bearing"),
            ("NU316,,,,,,,,80,170,s\n", 2, "elements", "deep groove"),
            ("6316,,,,,,,,170,80,s\n", 2, "outside_mm", "bore"),
            ("X1,9,8\n", 2, "1", "3 fields"),
        ] {
            let e = Catalogue::built_in().with(&format!("{head}{rows}")).unwrap_err();
            assert_eq!((e.row, &*e.column), (row, column), "{rows}: {e}");
            assert!(e.what.contains(word), "{rows}: {e}");
        }
        let e = Catalogue::default().with("designation,weight\n").unwrap_err();
        assert_eq!((e.row, &*e.column), (1, "weight"));
        let e = Catalogue::default().with("source,source\n").unwrap_err();
        assert_eq!(e.to_string(), "row 1, column source: stands twice");
        assert_eq!(Catalogue::default().with(""), Ok(Catalogue::default()));
    }
}
