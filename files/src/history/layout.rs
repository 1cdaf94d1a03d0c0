//! What a history does not say of itself.

use std::io;

use plant::{IdError, MachineId, Timestamp, Unit};

use super::{MAX_COLUMNS, MAX_POINTS};

/// How texts are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB 18030, and thereby GBK and GB 2312.
    Gbk,
}

impl Encoding {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
        }
    }
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Nanoseconds since 1970.
    TimeNs,
    /// Microseconds since 1970.
    TimeUs,
    /// Milliseconds since 1970.
    TimeMs,
    /// Seconds since 1970.
    TimeS,
    /// A date and time.
    Time,
    /// The site.
    Site,
    /// The machine: its own name beside a site, `site/machine` without.
    Machine,
    /// The point: its own name where the machine is known, `site/machine/point` where it is not.
    Point,
    /// The value.
    Value,
    /// How far to trust it.
    Quality,
    /// Its unit.
    Unit,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 11] = [
        Self::TimeNs,
        Self::TimeUs,
        Self::TimeMs,
        Self::TimeS,
        Self::Time,
        Self::Site,
        Self::Machine,
        Self::Point,
        Self::Value,
        Self::Quality,
        Self::Unit,
    ];

    /// The header that such a column has by itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeNs => "time_ns",
            Self::TimeUs => "time_us",
            Self::TimeMs => "time_ms",
            Self::TimeS => "time_s",
            Self::Time => "time",
            Self::Site => "site",
            Self::Machine => "machine",
            Self::Point => "point",
            Self::Value => "value",
            Self::Quality => "quality",
            Self::Unit => "unit",
        }
    }

    /// From its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// A column of a wide table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its header.
    pub column: String,
    /// The point: its own name where the machine is known, `site/machine/point` where it is not.
    pub point: String,
    /// In which unit its values are.
    pub unit: Option<Unit>,
}

/// Whether a row holds one value or one of each of several points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wide {
    /// One: its column is `value`.
    #[default]
    No,
    /// Every column that has no other role is a point, named by its header.
    All,
    /// These columns are points, others are nothing.
    These(Vec<Mapped>),
}

/// What a history does not say of itself.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What stands between columns; `None`: whichever of comma, semicolon, tab and bar the header holds most often.
    pub delimiter: Option<u8>,
    /// Whether numbers are written with a comma.
    pub decimal_comma: bool,
    /// How texts are encoded.
    pub encoding: Encoding,
    /// Where times without an offset were written.
    pub zone: Option<jiff::tz::TimeZone>,
    /// How times are written (strftime); `None`: RFC 3339, or `2026-01-31 08:00:00` with a zone.
    pub time_format: Option<String>,
    /// The machine of all rows, where no column says it.
    pub machine: Option<MachineId>,
    /// The point of all rows, where no column says it.
    pub point: Option<String>,
    /// The unit of all values, where no column says it.
    pub unit: Option<Unit>,
    /// Columns that do not have their role as header.
    pub columns: Vec<(Role, String)>,
    /// Whether a row holds values of several points.
    pub wide: Wide,
    /// Whether what is neither a number nor true or false is a text.
    pub texts: bool,
    /// Later times are no history.
    pub newest: Timestamp,
}

impl Layout {
    /// Long form, UTF-8, everything by the header; nothing later than `newest`.
    #[must_use]
    pub const fn new(newest: Timestamp) -> Self {
        Self {
            delimiter: None,
            decimal_comma: false,
            encoding: Encoding::Utf8,
            zone: None,
            time_format: None,
            machine: None,
            point: None,
            unit: None,
            columns: Vec::new(),
            wide: Wide::No,
            texts: false,
            newest,
        }
    }
}

/// Why a file is no history.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Nothing in it.
    #[error("expected a header with the names of the columns, found an empty file")]
    Empty,
    /// Of another encoding.
    #[error("expected UTF-8 or GBK, found UTF-16: save it as \"CSV UTF-8\"")]
    Utf16,
    /// Its header is not in the encoding.
    #[error("the header is not {}: {}", .0.name(), other(*.0))]
    Encoding(Encoding),
    /// Its header is none.
    #[error("expected a header with the names of the columns, and in it {expected}")]
    Header {
        /// What.
        expected: &'static str,
    },
    /// A column is missing.
    #[error("expected {expected}; the columns are {}", list(found))]
    Missing {
        /// Which.
        expected: String,
        /// Those there are.
        found: Vec<String>,
    },
    /// A column comes twice.
    #[error("the column {0:?} comes twice: rename one of them")]
    Twice(String),
    /// A point's name that is none.
    #[error("the column {column:?} is no point: {error}")]
    Name {
        /// Its header.
        column: String,
        /// Why.
        error: IdError,
    },
    /// Two columns for one point.
    #[error("the columns {first:?} and {second:?} are both of the point {point}")]
    SamePoint {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// The point.
        point: String,
    },
    /// A delimiter that can be half of a character.
    #[error("in GBK, columns are separated by comma, semicolon or tab: {:?} may be half of a character", char::from(*.0))]
    Delimiter(u8),
    /// More than is taken.
    #[error("at most {MAX_COLUMNS} columns and {MAX_POINTS} points are taken")]
    TooMany,
}

const fn other(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "if it comes from a Chinese Excel, give --encoding gbk",
        Encoding::Gbk => "leave --encoding out for UTF-8",
    }
}

fn list(found: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = found.iter().take(MOST).map(|c| format!("{c:?}")).collect::<Vec<_>>().join(", ");
    if found.len() > MOST {
        text.push_str(", …");
    }
    text
}
