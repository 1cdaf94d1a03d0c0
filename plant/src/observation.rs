//! One value of one point at one instant.

use std::fmt;
use std::sync::Arc;

use crate::{PointId, Timestamp};

/// A reading. Numbers are finite: `NaN` and infinities are refused where bytes are decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A real number.
    Float(f64),
    /// A whole number (counters keep all 64 bits).
    Int(i64),
    /// On or off.
    Bool(bool),
    /// A state, a recipe, a batch number.
    Text(Arc<str>),
}

impl Value {
    /// As a number, where it is one: booleans are 0 and 1, texts are none. An `Int` beyond ±2⁵³ is rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(v) => Some(*v),
            Self::Int(v) => Some(*v as f64),
            Self::Bool(v) => Some(f64::from(u8::from(*v))),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(v) => fmt::Display::fmt(v, f),
            Self::Int(v) => fmt::Display::fmt(v, f),
            Self::Bool(v) => fmt::Display::fmt(v, f),
            Self::Text(v) => f.write_str(v),
        }
    }
}

/// Why a value is not to be trusted fully, or at all. The names are stable: they are stored and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The message carried no time; the time of receipt stands in.
    NoTimestamp,
    /// The machine itself marked the value so.
    Source,
    /// Outside what the sensor can measure.
    OutOfRange,
    /// Nothing newer came for longer than the point's period allows.
    Stale,
    /// The machine, its gateway or its session is gone.
    Offline,
    /// The sensor failed its health check.
    Sensor,
}

impl Reason {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::NoTimestamp, Self::Source, Self::OutOfRange, Self::Stale, Self::Offline, Self::Sensor];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTimestamp => "no_timestamp",
            Self::Source => "source",
            Self::OutOfRange => "out_of_range",
            Self::Stale => "stale",
            Self::Offline => "offline",
            Self::Sensor => "sensor",
        }
    }
}

/// How far a value is to be trusted (the three classes of OPC UA and IEC 62541).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Usable, with a doubt.
    Uncertain(Reason),
    /// Not usable; never shown as healthy.
    Bad(Reason),
}

impl Quality {
    /// Whether the value may be computed with.
    #[must_use]
    pub const fn usable(self) -> bool {
        !matches!(self, Self::Bad(_))
    }

    /// One byte for storage; [`Quality::from_code`] is its inverse.
    #[must_use]
    pub fn code(self) -> u8 {
        let index = |r: Reason| Reason::ALL.iter().position(|x| *x == r).unwrap_or(0) as u8;
        match self {
            Self::Good => 0,
            Self::Uncertain(r) => 0x40 | index(r),
            Self::Bad(r) => 0x80 | index(r),
        }
    }

    /// From the byte that [`Quality::code`] gave; `None` for any other.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        let reason = Reason::ALL.get(usize::from(code & 0x3f)).copied();
        match code & 0xc0 {
            0 if code == 0 => Some(Self::Good),
            0x40 => reason.map(Self::Uncertain),
            0x80 => reason.map(Self::Bad),
            _ => None,
        }
    }
}

impl fmt::Display for Quality {
    /// `good`, `uncertain(reason)` or `bad(reason)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Uncertain(r) => write!(f, "uncertain({})", r.as_str()),
            Self::Bad(r) => write!(f, "bad({})", r.as_str()),
        }
    }
}

/// One value of one point at one instant, in the point's own unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Where it was measured.
    pub point: PointId,
    /// When, by the source's clock.
    pub t: Timestamp,
    /// When it reached us.
    pub t_received: Timestamp,
    /// What was measured.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
    /// The source's own running number, where it has one.
    pub seq: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_codes_round_trip_and_nothing_else_is_a_code() {
        let mut known = vec![Quality::Good];
        for r in Reason::ALL {
            known.extend([Quality::Uncertain(r), Quality::Bad(r)]);
        }
        for q in &known {
            assert_eq!(Quality::from_code(q.code()), Some(*q));
        }
        assert_eq!((0..=255).filter(|c| Quality::from_code(*c).is_some()).count(), known.len());
    }
}
