//! What the value field of a metric means as a single value, given its type.

use super::{DataType, Metric, MetricValue};
use crate::fault::{Code, Fault};
use crate::wire::MAX_TEXT;
use crate::wire::telemetry::Scalar;

impl Metric {
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

    pub(crate) fn not_of(&self, datatype: DataType) -> Fault {
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

pub(super) fn text(v: &str) -> Result<Scalar<'_>, Fault> {
    match v.len() {
        n if n > MAX_TEXT => {
            Err(Fault::new(Code::TextLimit, format!("at most {MAX_TEXT} bytes"), format!("{n} bytes")))
        }
        _ => Ok(Scalar::Text(v.into())),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

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
}
