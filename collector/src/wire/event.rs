//! Canonical events: `{"ts": …, "kind": "state", …fields}`. Fields are numbers, booleans and texts beside `ts` and
//! `kind`; null says that there is none and is left out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use plant::{Name, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::json::{self, Context, ScalarSeed, Text, TimeSeed};
use super::telemetry::Scalar;
use super::time;
use crate::fault::{Code, Fault};

/// An event as it stands on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct WireEvent<'a> {
    /// When, if stated.
    pub t: Option<Timestamp>,
    /// What happened.
    pub kind: Name,
    /// The details; never [`Scalar::Null`].
    pub fields: BTreeMap<Cow<'a, str>, Scalar<'a>>,
}

/// Writes an event payload.
#[must_use]
pub fn encode(event: &WireEvent<'_>) -> Vec<u8> {
    let mut out = vec![b'{'];
    if let Some(t) = event.t {
        out.extend_from_slice(b"\"ts\":");
        time::write_json(t, &mut out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"kind\":");
    json::write_text(event.kind.as_str(), &mut out);
    for (name, value) in &event.fields {
        out.push(b',');
        json::write_text(name, &mut out);
        out.push(b':');
        json::write_scalar(value, &mut out);
    }
    out.push(b'}');
    out
}

/// Reads an event payload.
pub fn decode(payload: &[u8]) -> Result<WireEvent<'_>, Fault> {
    let context = Context::default();
    json::parse(payload, &context, EventSeed(&context))
}

struct EventSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for EventSeed<'_> {
    type Value = WireEvent<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_> {
    type Value = WireEvent<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with kind")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut t, mut kind, mut fields) = (None, None, BTreeMap::new());
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "ts" => {
                    self.0.once(&t, "ts")?;
                    t = Some(map.next_value_seed(TimeSeed(self.0))?);
                }
                "kind" => {
                    self.0.once(&kind, "kind")?;
                    let Text(k) = map.next_value()?;
                    kind = Some(Name::new(&k).map_err(|e| self.0.stop(no_kind(e.to_string())))?);
                }
                _ => {
                    self.0.count()?;
                    let value = map.next_value_seed(ScalarSeed(self.0)).map_err(|e| self.0.locate(&key, e))?;
                    if value != Scalar::Null && fields.insert(key.clone(), value).is_some() {
                        return Err(self.0.stop(Fault::new(
                            Code::FieldTwice,
                            "every field once",
                            crate::fault::shown(&key),
                        )));
                    }
                }
            }
        }
        let kind = kind.ok_or_else(|| self.0.stop(no_kind("none".into())))?;
        Ok(WireEvent { t, kind, fields })
    }
}

fn no_kind(found: String) -> Fault {
    Fault::new(Code::EventKind, "a kind of 1 to 128 bytes without '/', '+', '#'", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_read() {
        let e = decode(br#"{"ts":1735689600,"kind":"state","state":"run","n":3,"x":null}"#).unwrap();
        assert_eq!(e.t, Some(Timestamp::from_secs(1_735_689_600)));
        assert_eq!(e.kind.as_str(), "state");
        assert_eq!(e.fields.len(), 2);
        assert_eq!(e.fields["state"], Scalar::Text("run".into()));
    }
}
