//! What is sent in one piece, and what is done once it has arrived.

use historian::Seq;
use plant::{SeriesKey, Timestamp};

use crate::line::Lines;

/// Where the lines of a parcel come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the tail: with this, everything up to `through` has been shipped.
    Live {
        /// The last commit.
        through: Seq,
        /// Its time.
        t: Timestamp,
    },
    /// From the archive.
    Past(Vec<Piece>),
    /// From the journal of alarms, up to and including this step.
    Alarms {
        /// Commit and place.
        to: (Seq, u32),
    },
}

/// Everything of one series from one instant to another, both inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The series.
    pub key: SeriesKey,
    /// The first instant.
    pub from: Timestamp,
    /// The last instant.
    pub to: Timestamp,
    /// How many values these are.
    pub points: u64,
}

/// Lines and their origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// From where.
    pub origin: Origin,
    /// The lines; may be none.
    pub lines: Lines,
}
