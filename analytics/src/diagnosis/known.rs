//! The stored form of what is known or not: a value, or the code of why it is not there.

use plant::{Axis, BearingFault};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::symptoms::Known;
use crate::rotating::Refusal;

/// Every code that a record's symptoms, or what a window keeps beside them, can hold.
pub const CODES: [Refusal; 43] = [
    "band",
    "bandwidth",
    "baseline",
    "blade_pass",
    "channels",
    "class",
    "comb_unclear",
    "foundation",
    "gear",
    "gear_mesh",
    "gear_sidebands",
    "geometry",
    "learning",
    "line_frequency",
    "mesh",
    "no_onset",
    "no_phase",
    "no_trend",
    "not_finite",
    "not_looked",
    "off",
    "passed",
    "pole_pass",
    "power",
    "rate",
    "ratio",
    "record_length",
    "records",
    "reference",
    "second_speed",
    "sensor",
    "speed",
    "speed_unsteady",
    "spread",
    "state",
    "state_unsteady",
    "sync",
    "tacho",
    "turns",
    "unit",
    "unresolved",
    "value",
    "weak_line",
];

/// The code that reads `text`.
pub fn code(text: &str) -> Option<Refusal> {
    CODES.into_iter().find(|c| *c == text)
}

fn read<T, E: Error>(stored: Result<T, String>) -> Result<Known<T>, E> {
    match stored {
        Ok(v) => Ok(Ok(v)),
        Err(text) => code(&text).map(Err).ok_or_else(|| E::custom(format!("{text:?} is no code of a refusal"))),
    }
}

pub fn serialize<T: Serialize, S: Serializer>(value: &Known<T>, s: S) -> Result<S::Ok, S::Error> {
    value.serialize(s)
}

pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(d: D) -> Result<Known<T>, D::Error> {
    read(Result::<T, String>::deserialize(d)?)
}

/// What was stored before there was such a value.
pub fn not_looked<T>() -> Known<T> {
    Err("not_looked")
}

/// The same for a list of a fixed length.
pub mod each {
    use super::{Deserialize, DeserializeOwned, Deserializer, Error, Known, Serialize, Serializer, read};

    pub fn serialize<T: Serialize, S: Serializer, const N: usize>(
        values: &[Known<T>; N],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(values)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>, const N: usize>(
        d: D,
    ) -> Result<[Known<T>; N], D::Error> {
        let stored = Vec::<Result<T, String>>::deserialize(d)?;
        let known = stored.into_iter().map(read).collect::<Result<Vec<_>, D::Error>>()?;
        known.try_into().map_err(|v: Vec<_>| D::Error::custom(format!("{} values where there are {N}", v.len())))
    }
}

/// A part of a bearing, by its stable name.
pub mod part {
    use super::{BearingFault, Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(part: &BearingFault, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(part.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BearingFault, D::Error> {
        let text = String::deserialize(d)?;
        let found = BearingFault::ALL.into_iter().find(|f| f.as_str() == text);
        found.ok_or_else(|| D::Error::custom(format!("{text:?} is no part of a bearing")))
    }
}

/// A direction, by its stable name.
pub mod axis {
    use super::{Axis, Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(axis: &Axis, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(axis.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Axis, D::Error> {
        let text = String::deserialize(d)?;
        Axis::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no direction")))
    }
}

/// A fault, by its stable code.
pub mod fault {
    use plant::Fault;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(fault: &Fault, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(fault.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Fault, D::Error> {
        let text = String::deserialize(d)?;
        Fault::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no fault")))
    }
}

/// A judgement, by its stable name.
pub mod judgement {
    use plant::Judgement;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(judgement: &Judgement, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(judgement.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Judgement, D::Error> {
        let text = String::deserialize(d)?;
        Judgement::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no judgement")))
    }
}

/// Faults, by their stable codes.
pub mod faults {
    use plant::Fault;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(faults: &[Fault], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(faults.iter().map(|f| f.code()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Fault>, D::Error> {
        let codes = Vec::<String>::deserialize(d)?;
        let fault = |c: String| Fault::parse(&c).ok_or_else(|| D::Error::custom(format!("{c:?} is no fault")));
        codes.into_iter().map(fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Line;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held {
        #[serde(with = "super")]
        one: Known<f64>,
        #[serde(with = "super::each")]
        three: [Known<Line>; 3],
    }

    #[test]
    fn what_is_known_or_not_comes_back_and_codes_that_are_none_are_refused() {
        let line = Line { hz: 25.0, mm_s: 1.5 };
        let held = Held { one: Err("speed"), three: [Ok(line), Err("unresolved"), Err("weak_line")] };
        let mut bytes = Vec::new();
        ciborium::into_writer(&held, &mut bytes).unwrap();
        assert_eq!(ciborium::from_reader::<Held, _>(&bytes[..]).unwrap(), held);
        let at = bytes.windows(5).position(|w| w == b"speed").unwrap();
        bytes[at] = b'S';
        let error = ciborium::from_reader::<Held, _>(&bytes[..]).unwrap_err();
        assert!(error.to_string().contains("Speed"), "{error}");
    }
}
