//! Sparkplug B payloads: the Protocol Buffers messages of the Eclipse Sparkplug 3.0 specification (section 6.4), by field
//! number, and what a metric's value means.
//!
//! DataSets, templates and extensions are kept as bytes: recognised, never dropped, not yet read.

use bytes::Bytes;
use prost::Message;

use super::telemetry::Scalar;
use super::{MAX_TEXT, MAX_VALUES};
use crate::fault::{Code, Fault};

/// The metric that tells one session of a node from another.
pub const BD_SEQ: &str = "bdSeq";
/// The command that asks a node for its birth.
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The property that holds a metric's unit.
pub const ENG_UNIT: &str = "engUnit";
/// The property that holds a metric's quality.
pub const QUALITY: &str = "Quality";
/// The `uuid` of a payload whose body is compressed.
pub const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

/// A payload.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, epoch ms.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// The metrics.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Sequence number, 0 to 255.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
    /// Says what `body` is.
    #[prost(string, optional, tag = "4")]
    pub uuid: Option<String>,
    /// Other content.
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub body: Option<Bytes>,
}

/// A metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; may be left out in data when there is an alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its number, introduced by the birth.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was measured, epoch ms.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// Its [`DataType`]; required in births.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Measured earlier and sent late.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// Not meant to be kept by the host (here it is).
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// Kept as bytes.
    #[prost(bytes = "bytes", optional, tag = "8")]
    pub metadata: Option<Bytes>,
    /// Unit, quality, ….
    #[prost(message, optional, boxed, tag = "9")]
    pub properties: Option<Box<PropertySet>>,
    /// The value.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    pub value: Option<MetricValue>,
}

/// The field that holds a metric's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MetricValue {
    /// Types of up to 32 bits, negative ones in two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// Types of 64 bits, negative ones in two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "12")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "13")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// `String`, `Text`, `UUID`.
    #[prost(string, tag = "15")]
    String(String),
    /// `Bytes`, `File`, arrays.
    #[prost(bytes = "bytes", tag = "16")]
    Bytes(Bytes),
    /// A DataSet, as bytes.
    #[prost(bytes = "bytes", tag = "17")]
    DataSet(Bytes),
    /// A Template, as bytes.
    #[prost(bytes = "bytes", tag = "18")]
    Template(Bytes),
    /// An extension, as bytes.
    #[prost(bytes = "bytes", tag = "19")]
    Extension(Bytes),
}

/// Properties of a metric: two lists of the same length.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// The value of a property.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// Its [`DataType`].
    #[prost(uint32, optional, tag = "1")]
    pub datatype: Option<u32>,
    /// There is no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "PropertyField", tags = "3, 4, 5, 6, 7, 8, 9, 10, 11")]
    pub value: Option<PropertyField>,
}

/// The field that holds a property's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PropertyField {
    /// Types of up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// Types of 64 bits.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "5")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "6")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// Texts.
    #[prost(string, tag = "8")]
    String(String),
    /// A nested set, as bytes.
    #[prost(bytes = "bytes", tag = "9")]
    Set(Bytes),
    /// A list of nested sets, as bytes.
    #[prost(bytes = "bytes", tag = "10")]
    Sets(Bytes),
    /// An extension, as bytes.
    #[prost(bytes = "bytes", tag = "11")]
    Extension(Bytes),
}

/// The type codes of the specification. Those above 34 do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum DataType {
    Unknown = 0,
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    UInt8 = 5,
    UInt16 = 6,
    UInt32 = 7,
    UInt64 = 8,
    Float = 9,
    Double = 10,
    Boolean = 11,
    String = 12,
    DateTime = 13,
    Text = 14,
    Uuid = 15,
    DataSet = 16,
    Bytes = 17,
    File = 18,
    Template = 19,
    PropertySet = 20,
    PropertySetList = 21,
    Int8Array = 22,
    Int16Array = 23,
    Int32Array = 24,
    Int64Array = 25,
    UInt8Array = 26,
    UInt16Array = 27,
    UInt32Array = 28,
    UInt64Array = 29,
    FloatArray = 30,
    DoubleArray = 31,
    BooleanArray = 32,
    StringArray = 33,
    DateTimeArray = 34,
}

impl DataType {
    /// Every type, by its code.
    pub const ALL: [Self; 35] = [
        Self::Unknown,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Float,
        Self::Double,
        Self::Boolean,
        Self::String,
        Self::DateTime,
        Self::Text,
        Self::Uuid,
        Self::DataSet,
        Self::Bytes,
        Self::File,
        Self::Template,
        Self::PropertySet,
        Self::PropertySetList,
        Self::Int8Array,
        Self::Int16Array,
        Self::Int32Array,
        Self::Int64Array,
        Self::UInt8Array,
        Self::UInt16Array,
        Self::UInt32Array,
        Self::UInt64Array,
        Self::FloatArray,
        Self::DoubleArray,
        Self::BooleanArray,
        Self::StringArray,
        Self::DateTimeArray,
    ];

    /// From the code on the wire.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

/// Writes a payload.
#[must_use]
pub fn encode(payload: &Payload) -> Vec<u8> {
    payload.encode_to_vec()
}

/// Reads a payload.
pub fn decode(payload: &[u8]) -> Result<Payload, Fault> {
    if payload.len() > MAX_VALUES * 2 {
        bound_metrics(payload)?;
    }
    let decoded = Payload::decode(payload)
        .map_err(|e| Fault::new(Code::SparkplugPayload, "a Sparkplug B payload", e.to_string()))?;
    if decoded.uuid.as_deref() == Some(COMPRESSED) {
        return Err(Fault::new(Code::SparkplugCompressed, "an uncompressed payload", COMPRESSED));
    }
    Ok(decoded)
}

/// An empty metric is two bytes on the wire and two hundred in memory, so they are counted before they are decoded.
fn bound_metrics(mut rest: &[u8]) -> Result<(), Fault> {
    use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
    let broken = |e: prost::DecodeError| Fault::new(Code::SparkplugPayload, "a Sparkplug B payload", e.to_string());
    let mut metrics = 0;
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).map_err(broken)?;
        metrics += usize::from(tag == 2 && wire == WireType::LengthDelimited);
        skip_field(wire, tag, &mut rest, DecodeContext::default()).map_err(broken)?;
    }
    match metrics > MAX_VALUES {
        true => Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} metrics"), metrics.to_string())),
        false => Ok(()),
    }
}

/// Whether a metric of this name steers the session rather than measures.
#[must_use]
pub fn is_control(name: &str) -> bool {
    name == BD_SEQ || name.starts_with("Node Control/") || name.starts_with("Device Control/")
}

impl Metric {
    /// A metric with a name, a type and a value.
    #[must_use]
    pub fn new(name: impl Into<String>, datatype: DataType, value: MetricValue) -> Self {
        Self { name: Some(name.into()), datatype: Some(datatype as u32), value: Some(value), ..Self::default() }
    }

    /// A value for the metric that the birth gave this alias.
    #[must_use]
    pub fn aliased(alias: u64, value: MetricValue) -> Self {
        Self { alias: Some(alias), value: Some(value), ..Self::default() }
    }

    /// The same metric with an alias.
    #[must_use]
    pub fn with_alias(mut self, alias: u64) -> Self {
        self.alias = Some(alias);
        self
    }

    /// The same metric with a time, epoch ms.
    #[must_use]
    pub fn at(mut self, ms: u64) -> Self {
        self.timestamp = Some(ms);
        self
    }

    /// The same metric with a unit.
    #[must_use]
    pub fn with_unit(mut self, unit: &str) -> Self {
        let set = self.properties.get_or_insert_default();
        set.keys.push(ENG_UNIT.to_owned());
        set.values.push(PropertyValue {
            datatype: Some(DataType::String as u32),
            is_null: None,
            value: Some(PropertyField::String(unit.to_owned())),
        });
        self
    }

    /// The property called `key`, unless it is null.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&PropertyField> {
        let set = self.properties.as_ref()?;
        let value = set.values.get(set.keys.iter().position(|k| k == key)?)?;
        if value.is_null == Some(true) { None } else { value.value.as_ref() }
    }

    /// The unit, if the metric states one.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match self.property(ENG_UNIT) {
            Some(PropertyField::String(s)) if !s.trim().is_empty() => Some(s.trim()),
            _ => None,
        }
    }

    /// The value as a whole number from 0, for `bdSeq`.
    #[must_use]
    pub fn as_counter(&self) -> Option<u64> {
        match self.value {
            Some(MetricValue::Int(v)) => Some(u64::from(v)),
            Some(MetricValue::Long(v)) => Some(v),
            _ => None,
        }
    }

    /// The value, as the type `datatype` understands it.
    pub fn scalar(&self, datatype: Option<u32>) -> Result<Scalar<'_>, Fault> {
        let Some(value) = self.value.as_ref().filter(|_| self.is_null != Some(true)) else {
            return match self.is_null {
                Some(true) => Ok(Scalar::Null),
                _ => Err(Fault::new(Code::ValuesMissing, "a value, or is_null", "neither")),
            };
        };
        let code = datatype.or(self.datatype).unwrap_or(0);
        let Some(datatype) = DataType::from_code(code) else {
            return Err(Fault::new(Code::SparkplugDatatype, "a type of the specification, 1 to 34", code.to_string()));
        };
        value.scalar(datatype)
    }
}

impl MetricValue {
    fn scalar(&self, datatype: DataType) -> Result<Scalar<'_>, Fault> {
        use DataType as T;
        match (datatype, self) {
            (T::Int8, v) => v.signed(datatype, i64::from(i8::MIN), i64::from(i8::MAX)),
            (T::Int16, v) => v.signed(datatype, i64::from(i16::MIN), i64::from(i16::MAX)),
            (T::Int32, v) => v.signed(datatype, i64::from(i32::MIN), i64::from(i32::MAX)),
            (T::Int64, Self::Long(v)) => Ok(Scalar::Int(*v as i64)),
            (T::UInt8, v) => v.unsigned(datatype, u64::from(u8::MAX)),
            (T::UInt16, v) => v.unsigned(datatype, u64::from(u16::MAX)),
            (T::UInt32, v) => v.unsigned(datatype, u64::from(u32::MAX)),
            (T::UInt64 | T::DateTime, v) => v.unsigned(datatype, i64::MAX as u64),
            (T::Float | T::Double | T::Unknown, Self::Float(v)) => finite(f64::from(*v)),
            (T::Float | T::Double | T::Unknown, Self::Double(v)) => finite(*v),
            (T::Boolean | T::Unknown, Self::Boolean(v)) => Ok(Scalar::Bool(*v)),
            (T::String | T::Text | T::Uuid | T::Unknown, Self::String(v)) => text(v),
            (T::Float | T::Double | T::Boolean | T::String | T::Text | T::Uuid | T::Int64, v) => {
                Err(v.not_of(datatype))
            }
            (other, _) => Err(Fault::new(Code::SparkplugDatatype, "a scalar type", format!("{other:?}"))),
        }
    }

    /// Some encoders extend the sign to the field's width, others do not: both are read.
    fn signed(&self, datatype: DataType, min: i64, max: i64) -> Result<Scalar<'_>, Fault> {
        let wide = match *self {
            Self::Int(v) => i64::from(v as i32),
            Self::Long(v) => v as i64,
            _ => return Err(self.not_of(datatype)),
        };
        // An 8-bit −1 that was not extended reads as 255.
        let span = max - min + 1;
        let value = if (max + 1..span).contains(&wide) { wide - span } else { wide };
        match (min..=max).contains(&value) {
            true => Ok(Scalar::Int(value)),
            false => Err(Fault::new(Code::ValueRange, format!("a value of type {datatype:?}"), wide.to_string())),
        }
    }

    fn unsigned(&self, datatype: DataType, max: u64) -> Result<Scalar<'_>, Fault> {
        let value = match *self {
            Self::Int(v) => u64::from(v),
            Self::Long(v) => v,
            _ => return Err(self.not_of(datatype)),
        };
        match i64::try_from(value) {
            Ok(v) if value <= max => Ok(Scalar::Int(v)),
            _ => Err(Fault::new(Code::ValueRange, format!("{datatype:?} of at most {max}"), value.to_string())),
        }
    }

    fn not_of(&self, datatype: DataType) -> Fault {
        let found = match self {
            Self::Int(_) => "int_value",
            Self::Long(_) => "long_value",
            Self::Float(_) => "float_value",
            Self::Double(_) => "double_value",
            Self::Boolean(_) => "boolean_value",
            Self::String(_) => "string_value",
            Self::Bytes(_) => "bytes_value",
            Self::DataSet(_) => "dataset_value",
            Self::Template(_) => "template_value",
            Self::Extension(_) => "extension_value",
        };
        Fault::new(Code::ValueType, format!("the value field of type {datatype:?}"), found)
    }
}

fn finite(v: f64) -> Result<Scalar<'static>, Fault> {
    match v.is_finite() {
        true => Ok(Scalar::Float(v)),
        false => Err(Fault::new(Code::ValueNotFinite, "a finite number", v.to_string())),
    }
}

fn text(v: &str) -> Result<Scalar<'_>, Fault> {
    match v.len() {
        n if n > MAX_TEXT => {
            Err(Fault::new(Code::TextLimit, format!("at most {MAX_TEXT} bytes"), format!("{n} bytes")))
        }
        _ => Ok(Scalar::Text(v.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_sign_and_their_bounds() {
        use DataType as T;
        use MetricValue::{Boolean, Bytes as Raw, DataSet, Double, Float, Int, Long, String as Str};
        let check = |datatype: T, value: MetricValue, want: Result<Scalar<'_>, Code>| {
            let metric = Metric::new("m", datatype, value);
            assert_eq!(metric.scalar(None).map_err(|f| f.code), want, "{metric:?}");
        };
        check(T::Int8, Int(0xff), Ok(Scalar::Int(-1)));
        check(T::Int8, Int(0xffff_ffff), Ok(Scalar::Int(-1)));
        check(T::Int8, Int(127), Ok(Scalar::Int(127)));
        check(T::Int8, Int(300), Err(Code::ValueRange));
        check(T::Int16, Int(0x8000), Ok(Scalar::Int(-32768)));
        check(T::Int16, Int((-32768_i32) as u32), Ok(Scalar::Int(-32768)));
        check(T::Int32, Int(0x8000_0000), Ok(Scalar::Int(i64::from(i32::MIN))));
        check(T::Int32, Long((-5_i64) as u64), Ok(Scalar::Int(-5)));
        check(T::Int64, Long(u64::MAX), Ok(Scalar::Int(-1)));
        check(T::Int64, Int(7), Err(Code::ValueType));
        check(T::UInt8, Int(255), Ok(Scalar::Int(255)));
        check(T::UInt8, Int(256), Err(Code::ValueRange));
        check(T::UInt16, Int(65_535), Ok(Scalar::Int(65_535)));
        check(T::UInt32, Int(u32::MAX), Ok(Scalar::Int(i64::from(u32::MAX))));
        check(T::UInt32, Long(u64::from(u32::MAX)), Ok(Scalar::Int(i64::from(u32::MAX))));
        check(T::UInt32, Long(1 << 32), Err(Code::ValueRange));
        check(T::UInt64, Long(u64::MAX), Err(Code::ValueRange));
        check(T::DateTime, Long(1_735_689_600_123), Ok(Scalar::Int(1_735_689_600_123)));
        check(T::Float, Float(1.5), Ok(Scalar::Float(1.5)));
        check(T::Float, Float(f32::NAN), Err(Code::ValueNotFinite));
        check(T::Double, Double(f64::INFINITY), Err(Code::ValueNotFinite));
        check(T::Double, Str("1".into()), Err(Code::ValueType));
        check(T::Boolean, Boolean(true), Ok(Scalar::Bool(true)));
        check(T::Text, Str("运行".into()), Ok(Scalar::Text("运行".into())));
        check(T::DataSet, DataSet(Bytes::new()), Err(Code::SparkplugDatatype));
        check(T::Int32Array, Raw(Bytes::new()), Err(Code::SparkplugDatatype));
        check(T::Bytes, Raw(Bytes::new()), Err(Code::SparkplugDatatype));
        let nothing = Metric { is_null: Some(true), ..Metric::new("m", T::Int8, Int(1)) };
        assert_eq!(nothing.scalar(None), Ok(Scalar::Null));
        assert_eq!(Metric { value: None, ..Metric::default() }.scalar(Some(1)).unwrap_err().code, Code::ValuesMissing);
    }

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
    }
}
