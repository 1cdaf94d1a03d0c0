//! DataSets and templates: tables and trees of values inside one metric.
//!
//! Both are decoded only when they are asked for, with their members counted first: an empty member is two bytes on the
//! wire and two hundred in memory.

use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};

use super::{DataType, MAX_UNFOLDED, Metric, MetricValue};
use crate::fault::{Code, Fault};
use crate::wire::telemetry::Scalar;

/// Largest DataSet or template, in bytes.
pub const MAX_STRUCTURE: usize = 1 << 20;

/// A table.
#[derive(Clone, PartialEq, Message)]
pub struct DataSet {
    /// How many columns there are.
    #[prost(uint64, optional, tag = "1")]
    pub num_of_columns: Option<u64>,
    /// Their names.
    #[prost(string, repeated, tag = "2")]
    pub columns: Vec<String>,
    /// Their [`DataType`]s.
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    pub types: Vec<u32>,
    /// The rows.
    #[prost(message, repeated, tag = "4")]
    pub rows: Vec<Row>,
}

/// A row of a [`DataSet`].
#[derive(Clone, PartialEq, Message)]
pub struct Row {
    /// One for each column.
    #[prost(message, repeated, tag = "1")]
    pub elements: Vec<Cell>,
}

/// One value of a [`DataSet`] or one parameter's value; without a field it is null.
#[derive(Clone, PartialEq, Message)]
pub struct Cell {
    /// The value.
    #[prost(oneof = "CellValue", tags = "1, 2, 3, 4, 5, 6")]
    pub value: Option<CellValue>,
}

/// The field that holds a cell's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CellValue {
    /// Types of up to 32 bits, negative ones in two's complement.
    #[prost(uint32, tag = "1")]
    Int(u32),
    /// Types of 64 bits, negative ones in two's complement.
    #[prost(uint64, tag = "2")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "3")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "4")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "5")]
    Boolean(bool),
    /// `String`, `Text`, `UUID`.
    #[prost(string, tag = "6")]
    String(String),
}

/// A template's definition or an instance of one.
#[derive(Clone, PartialEq, Message)]
pub struct Template {
    /// Its version.
    #[prost(string, optional, tag = "1")]
    pub version: Option<String>,
    /// Its members.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Its parameters.
    #[prost(message, repeated, tag = "3")]
    pub parameters: Vec<Parameter>,
    /// Of an instance: the name of its definition.
    #[prost(string, optional, tag = "4")]
    pub template_ref: Option<String>,
    /// Whether it defines and so holds no values.
    #[prost(bool, optional, tag = "5")]
    pub is_definition: Option<bool>,
}

/// A parameter of a [`Template`].
#[derive(Clone, PartialEq, Message)]
pub struct Parameter {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its [`DataType`].
    #[prost(uint32, optional, tag = "2")]
    pub datatype: Option<u32>,
    /// The value.
    #[prost(oneof = "ParameterValue", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<ParameterValue>,
}

/// The field that holds a parameter's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ParameterValue {
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
    /// `String`, `Text`, `UUID`.
    #[prost(string, tag = "8")]
    String(String),
}

impl From<CellValue> for MetricValue {
    fn from(v: CellValue) -> Self {
        match v {
            CellValue::Int(v) => Self::Int(v),
            CellValue::Long(v) => Self::Long(v),
            CellValue::Float(v) => Self::Float(v),
            CellValue::Double(v) => Self::Double(v),
            CellValue::Boolean(v) => Self::Boolean(v),
            CellValue::String(v) => Self::String(v),
        }
    }
}

impl From<ParameterValue> for MetricValue {
    fn from(v: ParameterValue) -> Self {
        match v {
            ParameterValue::Int(v) => Self::Int(v),
            ParameterValue::Long(v) => Self::Long(v),
            ParameterValue::Float(v) => Self::Float(v),
            ParameterValue::Double(v) => Self::Double(v),
            ParameterValue::Boolean(v) => Self::Boolean(v),
            ParameterValue::String(v) => Self::String(v),
        }
    }
}

impl DataSet {
    /// Reads a DataSet whose columns have names and types, and whose rows have a cell for each.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let broken = |found: String| {
            let expected = "a DataSet with a name and a type for every column, and a cell for every column in each row";
            Fault::new(Code::SparkplugDataSet, expected, found)
        };
        bound(bytes, &[2, 4], broken)?;
        let set = Self::decode(bytes).map_err(|e| broken(e.to_string()))?;
        let columns = set.columns.len();
        if set.types.len() != columns || set.num_of_columns.is_some_and(|n| n != columns as u64) {
            let stated = set.num_of_columns.map_or_else(String::new, |n| format!(", {n} columns stated"));
            return Err(broken(format!("{columns} names, {} types{stated}", set.types.len())));
        }
        if let Some(row) = set.rows.iter().position(|r| r.elements.len() != columns) {
            let cells = set.rows[row].elements.len();
            return Err(broken(format!("{cells} cells of {columns} in row {row}")));
        }
        let cells = set.rows.len() * columns;
        if cells > MAX_UNFOLDED {
            return Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_UNFOLDED} cells"), cells.to_string()));
        }
        Ok(set)
    }

    /// The column that says when its row was measured: the first one of type `DateTime`.
    #[must_use]
    pub fn time_column(&self) -> Option<usize> {
        self.types.iter().position(|t| *t == DataType::DateTime as u32)
    }
}

impl Template {
    /// Reads a definition or an instance.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let broken = |found: String| Fault::new(Code::SparkplugTemplate, "a template", found);
        bound(bytes, &[2, 3], broken)?;
        Self::decode(bytes).map_err(|e| broken(e.to_string()))
    }

    /// Whether it only says what its instances are like.
    #[must_use]
    pub fn defines(&self) -> bool {
        self.is_definition == Some(true)
    }
}

/// A cell's value as its column's type understands it.
pub(crate) fn cell(value: Option<MetricValue>, datatype: u32) -> Result<Scalar<'static>, Fault> {
    let is_null = value.is_none().then_some(true);
    let metric = Metric { datatype: Some(datatype), value, is_null, ..Metric::default() };
    Ok(match metric.scalar(None)? {
        Scalar::Float(v) => Scalar::Float(v),
        Scalar::Int(v) => Scalar::Int(v),
        Scalar::Bool(v) => Scalar::Bool(v),
        Scalar::Text(v) => Scalar::Text(v.into_owned().into()),
        Scalar::Null => Scalar::Null,
    })
}

/// Whether a structure is small enough to be decoded: its size, and the number of fields `tags` in it.
fn bound(bytes: &[u8], tags: &[u32], broken: impl Fn(String) -> Fault) -> Result<(), Fault> {
    let fields = match bytes.len() > MAX_STRUCTURE {
        true => Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_STRUCTURE} bytes"), bytes.len().to_string())),
        false => count(bytes, tags).map_err(|e| broken(e.to_string())),
    }?;
    match fields > MAX_UNFOLDED {
        true => Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_UNFOLDED} members"), fields.to_string())),
        false => Ok(()),
    }
}

/// How many fields with one of these numbers a message has, without decoding it.
pub(super) fn count(mut rest: &[u8], tags: &[u32]) -> Result<usize, prost::DecodeError> {
    let mut found = 0;
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest)?;
        found += usize::from(wire == WireType::LengthDelimited && tags.contains(&tag));
        skip_field(wire, tag, &mut rest, DecodeContext::default())?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_numbers_are_those_of_the_specification() {
        // num_of_columns 1, columns 2, types 3 (unpacked), rows 4 {elements 1 {int_value 1}}.
        let wire = [0x08, 1, 0x12, 1, b'c', 0x18, 7, 0x22, 4, 0x0a, 2, 0x08, 5];
        let set = DataSet::read(&wire).unwrap();
        assert_eq!((&*set.columns[0], set.types[0]), ("c", DataType::UInt32 as u32));
        assert_eq!(set.rows[0].elements[0].value, Some(CellValue::Int(5)));
        assert_eq!(set.encode_to_vec(), wire);
        // version 1, metrics 2 {name 1}, parameters 3 {name 1, type 2, int_value 3}, template_ref 4, is_definition 5.
        #[rustfmt::skip]
        let wire = [
            0x0a, 1, b'1', 0x12, 3, 0x0a, 1, b'm', 0x1a, 7, 0x0a, 1, b'p', 0x10, 7, 0x18, 9, 0x22, 1, b'T', 0x28, 0,
        ];
        let template = Template::read(&wire).unwrap();
        assert_eq!(template.parameters[0].value, Some(ParameterValue::Int(9)));
        assert_eq!((template.template_ref.as_deref(), template.defines()), (Some("T"), false));
        assert_eq!(template.encode_to_vec(), wire);
    }

    #[test]
    fn a_table_that_is_none_is_a_fault() {
        let set = |columns: &[&str], types: &[u32], cells: &[usize]| {
            let rows = cells.iter().map(|n| Row { elements: vec![Cell::default(); *n] }).collect();
            let columns = columns.iter().map(|c| (*c).to_owned()).collect();
            DataSet { num_of_columns: None, columns, types: types.into(), rows }
        };
        let code = |set: &DataSet| DataSet::read(&set.encode_to_vec()).unwrap_err().code;
        assert_eq!(code(&set(&["a", "b"], &[7], &[])), Code::SparkplugDataSet);
        assert_eq!(code(&set(&["a"], &[7], &[1, 2])), Code::SparkplugDataSet);
        assert_eq!(code(&DataSet { num_of_columns: Some(2), ..set(&["a"], &[7], &[1]) }), Code::SparkplugDataSet);
        assert_eq!(code(&set(&["a"], &[7], &vec![1; MAX_UNFOLDED + 1])), Code::ValuesLimit);
        assert_eq!(code(&set(&["a", "b"], &[7, 7], &vec![2; MAX_UNFOLDED / 2 + 1])), Code::ValuesLimit);
        assert_eq!(DataSet::read(&vec![0; MAX_STRUCTURE + 1]).unwrap_err().code, Code::ValuesLimit);
        assert_eq!(DataSet::read(&[0xff]).unwrap_err().code, Code::SparkplugDataSet);
        assert_eq!(Template::read(&[0xff]).unwrap_err().code, Code::SparkplugTemplate);
        let many: Vec<u8> = [0x12, 0x00].repeat(MAX_UNFOLDED + 1);
        assert_eq!(Template::read(&many).unwrap_err().code, Code::ValuesLimit);
    }
}
