//! Sparkplug B payloads: the Protocol Buffers messages of the Eclipse Sparkplug 3.0 specification (section 6.4), by field
//! number, and what a metric's value means.
//!
//! DataSets and templates stay bytes until somebody asks for them ([`DataSet::read`], [`Template::read`]); metadata and
//! extensions are let pass.

mod array;
mod compressed;
mod datatype;
mod payload;
mod scalar;
mod structure;

use prost::Message;

use super::MAX_VALUES;
use crate::fault::{Code, Fault};

pub use array::{elements, pack};
pub use compressed::{ALGORITHM, Algorithm, MAX_UNPACKED, compress};
pub use datatype::DataType;
pub use payload::{Metric, MetricValue, Payload, PropertyField, PropertySet, PropertyValue};
pub(crate) use structure::cell;
pub use structure::{Cell, CellValue, DataSet, MAX_STRUCTURE, Parameter, ParameterValue, Row, Template};

/// Most values that one metric unfolds to.
pub const MAX_UNFOLDED: usize = 4096;
/// Field numbers.
const METRICS: u32 = 2;
const PROPERTIES: u32 = 9;

/// The metric that tells one session of a node from another.
pub const BD_SEQ: &str = "bdSeq";
/// The command that asks a node for its birth.
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The property that holds a metric's unit.
pub const ENG_UNIT: &str = "engUnit";
/// The property that holds a metric's quality.
pub const QUALITY: &str = "Quality";
/// The properties that hold the lower and upper end of its range.
pub const ENG_LOW: &str = "engLow";
/// See [`ENG_LOW`].
pub const ENG_HIGH: &str = "engHigh";
/// The property that describes it for people.
pub const DESCRIPTION: &str = "description";
/// The `uuid` of a payload whose body is compressed.
pub const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

/// Writes a payload.
#[must_use]
pub fn encode(payload: &Payload) -> Vec<u8> {
    payload.encode_to_vec()
}

/// Reads a payload, also a compressed one; what the outer one says of time and sequence holds where the inner one is
/// silent.
pub fn decode(payload: &[u8]) -> Result<Payload, Fault> {
    let outer = plain(payload)?;
    let Some(unpacked) = compressed::unpack(&outer)? else { return Ok(outer) };
    let mut inner = plain(&unpacked)?;
    if inner.uuid.as_deref() == Some(COMPRESSED) {
        return Err(Fault::new(Code::SparkplugCompressed, "a payload packed once", "one packed twice"));
    }
    inner.timestamp = inner.timestamp.or(outer.timestamp);
    inner.seq = inner.seq.or(outer.seq);
    Ok(inner)
}

fn plain(payload: &[u8]) -> Result<Payload, Fault> {
    if payload.len() > MAX_VALUES * 2 {
        bound(payload)?;
    }
    Payload::decode(payload).map_err(broken)
}

fn broken(e: prost::DecodeError) -> Fault {
    Fault::new(Code::SparkplugPayload, "a Sparkplug B payload", e.to_string())
}

/// An empty metric is two bytes on the wire and two hundred in memory, and an empty property is not much better: both
/// are counted before they are decoded.
fn bound(mut rest: &[u8]) -> Result<(), Fault> {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    let mut found = 0;
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).map_err(broken)?;
        if tag != METRICS || wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut rest, DecodeContext::default()).map_err(broken)?;
            continue;
        }
        let length = decode_varint(&mut rest).map_err(broken)?;
        let Some((metric, after)) = usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n)) else {
            return Err(Fault::new(
                Code::SparkplugPayload,
                "a Sparkplug B payload",
                "a metric that goes on beyond its end",
            ));
        };
        rest = after;
        found += 1 + properties(metric)?;
    }
    match found > MAX_VALUES {
        true => Err(Fault::new(
            Code::ValuesLimit,
            format!("at most {MAX_VALUES} metrics and properties"),
            found.to_string(),
        )),
        false => Ok(()),
    }
}

/// The keys and values of a metric's properties, counted. The common metric has none and costs a look at its fields.
fn properties(mut metric: &[u8]) -> Result<usize, Fault> {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    let mut found = 0;
    while !metric.is_empty() {
        let (tag, wire) = decode_key(&mut metric).map_err(broken)?;
        if tag != PROPERTIES || wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut metric, DecodeContext::default()).map_err(broken)?;
            continue;
        }
        let length = decode_varint(&mut metric).map_err(broken)?;
        let set = usize::try_from(length).ok().and_then(|n| metric.split_at_checked(n));
        let Some((set, after)) = set else {
            return Err(Fault::new(
                Code::SparkplugPayload,
                "a Sparkplug B payload",
                "properties that go on beyond their end",
            ));
        };
        metric = after;
        found += structure::count(set, &[1, 2]).map_err(broken)?;
    }
    Ok(found)
}

/// Whether a metric of this name steers the session rather than measures.
#[must_use]
pub fn is_control(name: &str) -> bool {
    name == BD_SEQ || name.starts_with("Node Control/") || name.starts_with("Device Control/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_codes_are_their_places() {
        for (i, t) in DataType::ALL.iter().enumerate() {
            assert_eq!(*t as usize, i);
        }
        assert_eq!(DataType::from_code(35), None);
    }

    #[test]
    fn field_numbers_are_those_of_the_specification() {
        // Written by hand from the specification: timestamp 1, metrics 2 {name 1, alias 2, datatype 4, long_value 11}, seq 3.
        #[rustfmt::skip]
        let wire = [
            0x08, 0x05,
            0x12, 0x0a, 0x0a, 0x01, b'a', 0x10, 0x07, 0x20, 0x04, 0x58, 0x96, 0x01,
            0x18, 0x09,
        ];
        let p = decode(&wire).unwrap();
        assert_eq!((p.timestamp, p.seq), (Some(5), Some(9)));
        assert_eq!(p.metrics, vec![Metric::new("a", DataType::Int64, MetricValue::Long(150)).with_alias(7)]);
        assert_eq!(encode(&p), wire);
    }

    #[test]
    fn hostile_counts_are_refused_before_they_are_decoded() {
        let many: Vec<u8> = [0x12, 0x00].repeat(MAX_VALUES + 1);
        assert_eq!(decode(&many).unwrap_err().code, Code::ValuesLimit);
        assert_eq!(decode(&many[2..]).unwrap().metrics.len(), MAX_VALUES);
        // One metric with as many empty properties, in a set of three bytes of length.
        let set: Vec<u8> = [0x12, 0x00].repeat(MAX_VALUES + 1);
        let length = |n: usize| [n as u8 & 0x7f | 0x80, (n >> 7) as u8 & 0x7f | 0x80, (n >> 14) as u8];
        let metric = [&[0x4a][..], &length(set.len()), &set].concat();
        let payload = [&[0x12][..], &length(metric.len()), &metric].concat();
        assert_eq!(decode(&payload).unwrap_err().code, Code::ValuesLimit);
        assert_eq!(decode(&payload[..payload.len() - 2]).unwrap_err().code, Code::SparkplugPayload);
    }
}
