//! What the JSON formats share: a parser that reports faults with their code and position, and scalar values.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use plant::Timestamp;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::telemetry::Scalar;
use super::{MAX_TEXT, MAX_VALUES, time};
use crate::fault::{Code, Fault, shown};

/// Carries a fault with its code past serde, whose errors are texts; and counts the values of a message.
#[derive(Default)]
pub(super) struct Context {
    fault: RefCell<Option<Fault>>,
    values: Cell<usize>,
}

impl Context {
    /// Notes `fault` and gives the error that stops the parser.
    pub(super) fn stop<E: de::Error>(&self, fault: Fault) -> E {
        self.fault.borrow_mut().get_or_insert(fault);
        E::custom("")
    }

    /// Says of which value the fault is, if there is one.
    pub(super) fn locate<E>(&self, name: &str, error: E) -> E {
        let mut fault = self.fault.borrow_mut();
        *fault = fault.take().map(|f| f.at(name));
        error
    }

    /// One more value.
    pub(super) fn count<E: de::Error>(&self) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        if self.values.get() <= MAX_VALUES {
            return Ok(());
        }
        Err(self.stop(Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} values in a message"), "more")))
    }

    /// A field that may stand once.
    pub(super) fn once<E: de::Error, T>(&self, field: &Option<T>, name: &str) -> Result<(), E> {
        match field {
            None => Ok(()),
            Some(_) => Err(self.stop(Fault::new(Code::FieldTwice, "every field once", shown(name)))),
        }
    }
}

/// Parses all of `payload` with `seed`, which was made with `context`.
pub(super) fn parse<'a, S: DeserializeSeed<'a>>(
    payload: &'a [u8],
    context: &Context,
    seed: S,
) -> Result<S::Value, Fault> {
    let mut parser = serde_json::Deserializer::from_slice(payload);
    let parsed = seed.deserialize(&mut parser).and_then(|v| parser.end().map(|()| v));
    parsed.map_err(|e| {
        let place = |mut f: Fault| {
            f.found = format!("{} (line {}, column {})", f.found, e.line(), e.column()).into();
            f
        };
        context.fault.take().map_or_else(|| from_serde(&e, Code::JsonType), place)
    })
}

/// A fault from serde's own error; `data` is the code for well-formed JSON of the wrong shape.
pub(super) fn from_serde(e: &serde_json::Error, data: Code) -> Fault {
    match e.classify() {
        serde_json::error::Category::Data => Fault::new(data, "the documented form", e.to_string()),
        _ => Fault::new(Code::JsonSyntax, "JSON", e.to_string()),
    }
}

/// A text that is borrowed from the payload unless it holds escapes.
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, s: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(s))
            }
            fn visit_str<E>(self, s: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(s.to_owned()))
            }
        }
        d.deserialize_str(Take).map(Text)
    }
}

/// Reads a time.
pub(super) struct TimeSeed<'c>(pub &'c Context);

impl<'de> DeserializeSeed<'de> for TimeSeed<'_> {
    type Value = Timestamp;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Timestamp, D::Error> {
        d.deserialize_any(self)
    }
}

impl TimeSeed<'_> {
    fn refuse<E: de::Error>(&self, found: &str) -> E {
        self.0.stop(Fault::new(Code::TsInvalid, "a number or RFC 3339 text as ts", found))
    }
}

impl<'de> Visitor<'de> for TimeSeed<'_> {
    type Value = Timestamp;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Timestamp, E> {
        time::from_integer(v).map_err(|f| self.0.stop(f))
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Timestamp, E> {
        match i64::try_from(v) {
            Ok(v) => self.visit_i64(v),
            Err(_) => Err(self.refuse(&v.to_string())),
        }
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Timestamp, E> {
        time::from_float(v).map_err(|f| self.0.stop(f))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Timestamp, E> {
        time::from_text(v).map_err(|f| self.0.stop(f))
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Timestamp, E> {
        Err(self.refuse("true or false"))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Timestamp, E> {
        Err(self.refuse("null"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Timestamp, A::Error> {
        Err(self.refuse("an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Timestamp, A::Error> {
        Err(self.refuse("an object"))
    }
}

/// Reads a number, a boolean, a text or null.
#[derive(Clone, Copy)]
pub(super) struct ScalarSeed<'c>(pub &'c Context);

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Scalar<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

impl ScalarSeed<'_> {
    fn refuse<E: de::Error>(self, found: &'static str) -> E {
        self.0.stop(Fault::new(Code::ValueType, "a number, true, false, a text or null", found))
    }

    fn bounded<E: de::Error>(self, s: &str) -> Result<(), E> {
        if s.len() <= MAX_TEXT {
            return Ok(());
        }
        let found = format!("{} bytes", s.len());
        Err(self.0.stop(Fault::new(Code::TextLimit, format!("a text of at most {MAX_TEXT} bytes"), found)))
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(v))
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Self::Value, E> {
        i64::try_from(v).map(Scalar::Int).map_err(|_| {
            self.0.stop(Fault::new(Code::ValueRange, "a whole number of at most 9223372036854775807", v.to_string()))
        })
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(v))
    }
    fn visit_borrowed_str<E: de::Error>(self, v: &'de str) -> Result<Self::Value, E> {
        self.bounded(v)?;
        Ok(Scalar::Text(Cow::Borrowed(v)))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
        self.bounded(v)?;
        Ok(Scalar::Text(Cow::Owned(v.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.refuse("an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.refuse("an object"))
    }
}

/// Writes `s` as a JSON text.
pub(super) fn write_text(s: &str, out: &mut Vec<u8>) {
    // Writing into memory does not fail, and a text is always JSON.
    let _ = serde_json::to_writer(out, s);
}

/// Writes a value as JSON; `NaN` and infinities, which JSON does not have, as null.
pub(super) fn write_scalar(v: &Scalar<'_>, out: &mut Vec<u8>) {
    let _ = match v {
        Scalar::Float(f) => serde_json::to_writer(out, f),
        Scalar::Int(i) => serde_json::to_writer(out, i),
        Scalar::Bool(b) => serde_json::to_writer(out, b),
        Scalar::Text(s) => serde_json::to_writer(out, s.as_ref()),
        Scalar::Null => serde_json::to_writer(out, &()),
    };
}
