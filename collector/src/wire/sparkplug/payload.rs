//! The Protocol Buffers messages, by field number (section 6.4.1 of the specification), and short ways to build them.

use bytes::Bytes;
use prost::Message;

use super::{DESCRIPTION, DataType, ENG_HIGH, ENG_LOW, ENG_UNIT};

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
    pub fn with_unit(self, unit: &str) -> Self {
        self.with_property(ENG_UNIT, DataType::String, PropertyField::String(unit.to_owned()))
    }

    /// The same metric with one property more.
    #[must_use]
    pub fn with_property(mut self, key: &str, datatype: DataType, value: PropertyField) -> Self {
        let set = self.properties.get_or_insert_default();
        set.keys.push(key.to_owned());
        set.values.push(PropertyValue { datatype: Some(datatype as u32), is_null: None, value: Some(value) });
        self
    }

    /// The property called `key` (in capitals or not), unless it is null.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&PropertyField> {
        let set = self.properties.as_ref()?;
        let value = set.values.get(set.keys.iter().position(|k| k.eq_ignore_ascii_case(key))?)?;
        if value.is_null == Some(true) { None } else { value.value.as_ref() }
    }

    /// Whether every property has a value and every value a name: otherwise nobody knows which belongs to which.
    #[must_use]
    pub fn properties_match(&self) -> bool {
        self.properties.as_ref().is_none_or(|set| set.keys.len() == set.values.len())
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.property(key) {
            Some(PropertyField::String(s)) if !s.trim().is_empty() => Some(s.trim()),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<f64> {
        let v = match self.property(key)? {
            PropertyField::Float(v) => f64::from(*v),
            PropertyField::Double(v) => *v,
            // Signed types of the width of their field.
            PropertyField::Int(v) => f64::from(*v as i32),
            PropertyField::Long(v) => *v as i64 as f64,
            _ => return None,
        };
        v.is_finite().then_some(v)
    }

    /// The unit, if the metric states one.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.text(ENG_UNIT)
    }

    /// What the sensor can measure, if the metric states both ends, in its unit.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        let (low, high) = (self.number(ENG_LOW)?, self.number(ENG_HIGH)?);
        (low < high).then_some((low, high))
    }

    /// What it is, for people.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.text(DESCRIPTION)
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
}
