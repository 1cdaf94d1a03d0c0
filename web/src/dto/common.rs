//! What several answers share: instants, titles, readings.

use std::fmt;
use std::str::FromStr;

use plant::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An instant as RFC 3339 text in UTC, with as many fractional digits as it needs (up to nine):
/// `2026-11-23T08:51:00.123456789Z`. Read with any offset, written with `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-23T08:51:00.123456789Z")]
pub struct Time(pub Timestamp);

/// Not an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an instant; expected RFC 3339 such as 2026-11-23T08:51:00Z, between the years 1678 and 2261")]
pub struct TimeError(String);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0.nanos())) {
            Ok(t) => fmt::Display::fmt(&t, f),
            // The years 1678 to 2262 are all within what the calendar can say.
            Err(_) => Err(fmt::Error),
        }
    }
}

impl FromStr for Time {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let bad = || TimeError(s.to_owned());
        let t: jiff::Timestamp = s.parse().map_err(|_| bad())?;
        i64::try_from(t.as_nanosecond()).map(|n| Self(Timestamp::from_nanos(n))).map_err(|_| bad())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl From<Timestamp> for Time {
    fn from(t: Timestamp) -> Self {
        Self(t)
    }
}

/// A name for people, in the page's two languages; where both are `null` the id stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Title {
    /// 中文.
    pub zh: Option<String>,
    /// English.
    pub en: Option<String>,
}

/// A value of a point: a number, on/off, or text. Whole numbers keep all 64 bits in the text of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// On or off.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// A state, a recipe, a batch number.
    Text(String),
}

/// Whole numbers are numbers: as alternatives of their own they would make `20.0` two of them at once.
impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        let of = |kind, what: &str| ObjectBuilder::new().schema_type(kind).description(Some(what));
        let what = "A value of a point. Whole numbers keep all 64 bits in the text of the answer.";
        OneOfBuilder::new()
            .description(Some(what))
            .item(of(Type::Boolean, "On or off."))
            .item(of(Type::Number, "A number."))
            .item(of(Type::String, "A state, a recipe, a batch number."))
            .into()
    }
}

impl ToSchema for Number {}

/// How far a value is to be trusted: `good`, `uncertain(reason)` or `bad(reason)`, with the reasons `no_timestamp`,
/// `source`, `out_of_range`, `stale`, `offline`, `sensor`. A bad value is never shown as healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = "uncertain(no_timestamp)")]
pub struct Quality(pub String);

/// Urgency of an alarm: 1 act now, 2 act this shift, 3 plan, 4 know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(minimum = 1, maximum = 4)]
pub struct Priority(pub u8);

/// One value of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// When, by the source's clock.
    pub t: Time,
    /// What, in the unit that stands beside the reading.
    pub value: Number,
    /// How far to trust it.
    pub quality: Quality,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip_to_the_nanosecond_and_offsets_are_understood() {
        for s in ["2026-11-23T08:51:00.123456789Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z"] {
            assert_eq!(s.parse::<Time>().unwrap().to_string(), s);
        }
        assert_eq!("2026-11-23T08:00:00+08:00".parse::<Time>().unwrap().to_string(), "2026-11-23T00:00:00Z");
        for t in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Time(t).to_string().parse(), Ok(Time(t)));
        }
        for bad in ["", "now", "2026-11-23", "1600-01-01T00:00:00Z", "2300-01-01T00:00:00Z"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
