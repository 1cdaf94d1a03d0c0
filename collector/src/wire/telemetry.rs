//! Canonical telemetry: `{"ts": …, "values": {"name": 61.2, "speed": {"v": 1486, "q": "good", "u": "r/min"}}}`, or an
//! array of such objects.
//!
//! `ts` is optional; see [`super::time`]. A value is a number, a boolean, a text or null, bare or as an object with `v`
//! and, where they apply, `q` (`good`, `uncertain`, `bad`) and `u` (its unit). Fields other than these are refused: a
//! misspelt `u` must not become a value in the wrong unit.

use std::borrow::Cow;
use std::fmt;

use plant::{Quality, Reason, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::json::{self, Context, ScalarSeed, Text, TimeSeed};
use super::time;
use crate::fault::{Code, Fault, shown};

/// A value as it stands on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// A number with a point or an exponent.
    Float(f64),
    /// A whole number.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(Cow<'a, str>),
    /// The source has no value.
    Null,
}

/// How far the source itself trusts a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flag {
    /// `good`.
    #[default]
    Good,
    /// `uncertain`.
    Uncertain,
    /// `bad`.
    Bad,
}

impl Flag {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Bad => "bad",
        }
    }

    fn parse(s: &str) -> Option<Self> {
        [Self::Good, Self::Uncertain, Self::Bad].into_iter().find(|f| f.as_str() == s)
    }

    /// The quality it stands for.
    #[must_use]
    pub const fn quality(self) -> Quality {
        match self {
            Self::Good => Quality::Good,
            Self::Uncertain => Quality::Uncertain(Reason::Source),
            Self::Bad => Quality::Bad(Reason::Source),
        }
    }
}

/// One named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    /// The point's name.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Scalar<'a>,
    /// How far to trust it.
    pub flag: Flag,
    /// Its unit, if stated.
    pub unit: Option<Cow<'a, str>>,
}

impl<'a> Reading<'a> {
    /// A good value without a unit.
    #[must_use]
    pub fn new(name: impl Into<Cow<'a, str>>, value: Scalar<'a>) -> Self {
        Self { name: name.into(), value, flag: Flag::Good, unit: None }
    }

    /// The same value with a unit.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<Cow<'a, str>>) -> Self {
        self.unit = Some(unit.into());
        self
    }
}

/// Values of one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame<'a> {
    /// When, if stated.
    pub t: Option<Timestamp>,
    /// What; at least one.
    pub readings: Vec<Reading<'a>>,
}

/// Writes `frames` as a telemetry payload: one as an object, several as an array.
#[must_use]
pub fn encode(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + frames.iter().map(|f| f.readings.len() * 40).sum::<usize>());
    if let [one] = frames {
        write_frame(one, &mut out);
        return out;
    }
    out.push(b'[');
    for (i, frame) in frames.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_frame(frame, &mut out);
    }
    out.push(b']');
    out
}

fn write_frame(frame: &Frame<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(t) = frame.t {
        out.extend_from_slice(b"\"ts\":");
        time::write_json(t, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"values\":{");
    for (i, reading) in frame.readings.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::write_text(&reading.name, out);
        out.push(b':');
        write_reading(reading, out);
    }
    out.extend_from_slice(b"}}");
}

fn write_reading(reading: &Reading<'_>, out: &mut Vec<u8>) {
    if reading.flag == Flag::Good && reading.unit.is_none() {
        return json::write_scalar(&reading.value, out);
    }
    out.extend_from_slice(b"{\"v\":");
    json::write_scalar(&reading.value, out);
    if reading.flag != Flag::Good {
        out.extend_from_slice(b",\"q\":");
        json::write_text(reading.flag.as_str(), out);
    }
    if let Some(unit) = &reading.unit {
        out.extend_from_slice(b",\"u\":");
        json::write_text(unit, out);
    }
    out.push(b'}');
}

/// Reads a telemetry payload.
pub fn decode(payload: &[u8]) -> Result<Vec<Frame<'_>>, Fault> {
    let context = Context::default();
    json::parse(payload, &context, MessageSeed(&context))
}

struct MessageSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = Vec<Frame<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = Vec<Frame<'de>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with ts and values, or an array of such")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(vec![FrameSeed(self.0).visit_map(map)?])
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut frames = Vec::new();
        while let Some(frame) = seq.next_element_seed(FrameSeed(self.0))? {
            frames.push(frame);
        }
        match frames.is_empty() {
            true => {
                Err(self.0.stop(Fault::new(Code::ValuesMissing, "at least one object with values", "an empty array")))
            }
            false => Ok(frames),
        }
    }
}

struct FrameSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for FrameSeed<'_> {
    type Value = Frame<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FrameSeed<'_> {
    type Value = Frame<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with ts and values")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut t, mut readings) = (None, None);
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "ts" => {
                    self.0.once(&t, "ts")?;
                    t = Some(map.next_value_seed(TimeSeed(self.0))?);
                }
                "values" => {
                    self.0.once(&readings, "values")?;
                    readings = Some(map.next_value_seed(ValuesSeed(self.0))?);
                }
                other => return Err(self.0.stop(Fault::new(Code::FieldUnknown, "ts and values", shown(other)))),
            }
        }
        match readings {
            Some(readings) if !readings.is_empty() => Ok(Frame { t, readings }),
            Some(_) => {
                Err(self.0.stop(Fault::new(Code::ValuesMissing, "at least one value", "an empty object of values")))
            }
            None => Err(self.0.stop(Fault::new(Code::ValuesMissing, "an object with values", "none"))),
        }
    }
}

struct ValuesSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for ValuesSeed<'_> {
    type Value = Vec<Reading<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValuesSeed<'_> {
    type Value = Vec<Reading<'de>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of values by name")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut readings = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            self.0.count()?;
            let read = map.next_value_seed(ReadingSeed(ScalarSeed(self.0)));
            let (value, flag, unit) = read.map_err(|e| self.0.locate(&name, e))?;
            readings.push(Reading { name, value, flag, unit });
        }
        Ok(readings)
    }
}

/// A bare value or an object around it.
struct ReadingSeed<'c>(ScalarSeed<'c>);
type Inner<'a> = (Scalar<'a>, Flag, Option<Cow<'a, str>>);

impl<'de> DeserializeSeed<'de> for ReadingSeed<'_> {
    type Value = Inner<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

const fn bare(value: Scalar<'_>) -> Inner<'_> {
    (value, Flag::Good, None)
}

impl<'de> Visitor<'de> for ReadingSeed<'_> {
    type Value = Inner<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<Self::Value, E> {
        self.0.visit_bool(v).map(bare)
    }
    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Self::Value, E> {
        self.0.visit_i64(v).map(bare)
    }
    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Self::Value, E> {
        self.0.visit_u64(v).map(bare)
    }
    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Self::Value, E> {
        self.0.visit_f64(v).map(bare)
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, v: &'de str) -> Result<Self::Value, E> {
        self.0.visit_borrowed_str(v).map(bare)
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Self::Value, E> {
        self.0.visit_str(v).map(bare)
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        self.0.visit_unit().map(bare)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        self.0.visit_seq(seq).map(bare)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let context = self.0.0;
        let (mut value, mut flag, mut unit) = (None, None, None);
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "v" => {
                    context.once(&value, "v")?;
                    value = Some(map.next_value_seed(self.0)?);
                }
                "q" => {
                    context.once(&flag, "q")?;
                    let Text(q) = map.next_value()?;
                    let bad = || Fault::new(Code::QualityInvalid, "good, uncertain or bad as q", shown(&q));
                    flag = Some(Flag::parse(&q).ok_or_else(|| context.stop(bad()))?);
                }
                "u" => {
                    context.once(&unit, "u")?;
                    let Text(u) = map.next_value()?;
                    unit = Some(u);
                }
                other => return Err(context.stop(Fault::new(Code::FieldUnknown, "v, q and u", shown(other)))),
            }
        }
        let missing = || Fault::new(Code::ValuesMissing, "the value as v", "an object without it");
        Ok((value.ok_or_else(|| context.stop(missing()))?, flag.unwrap_or_default(), unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_are_read() {
        let payload = br#"{"ts": 1735689600123, "values": {"a": 61.2, "b": {"v":1486,"q":"bad","u":"r/min"}, "c":"r\u00fcn", "d":null, "e":true}}"#;
        let frames = decode(payload).unwrap();
        let t = Some(Timestamp::from_millis(1_735_689_600_123));
        let b = Reading { flag: Flag::Bad, ..Reading::new("b", Scalar::Int(1486)).with_unit("r/min") };
        let readings = vec![
            Reading::new("a", Scalar::Float(61.2)),
            b,
            Reading::new("c", Scalar::Text("rün".into())),
            Reading::new("d", Scalar::Null),
            Reading::new("e", Scalar::Bool(true)),
        ];
        assert_eq!(frames, vec![Frame { t, readings }]);
        assert_eq!(decode(br#"[{"values":{"a":1}},{"values":{"a":2}}]"#).unwrap().len(), 2);
    }

    #[test]
    fn positions_and_names_are_told() {
        for (payload, want) in [
            (&br#"{"ts":1,"values":{"a":1,}}"#[..], "expected JSON, found trailing comma at line 1 column 25; "),
            (
                br#"{"values":{"speed":{"v":[]}}}"#,
                "\"speed\": expected a number, true, false, a text or null, found an array (line 1, column ",
            ),
            (
                br#"{"values":{"speed":{"v":1,"unit":"g"}}}"#,
                "\"speed\": expected v, q and u, found \"unit\" (line 1, column ",
            ),
        ] {
            let text = decode(payload).unwrap_err().to_string();
            assert!(text.starts_with(want), "{text}");
        }
    }
}
