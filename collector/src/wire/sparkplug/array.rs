//! Arrays: elements packed one after the other, little endian, in a metric's `bytes_value` (section 6.4.17).
//!
//! Booleans are bits, the first in the highest bit of the first byte, behind their number as 32 bits. Strings end with
//! a NUL; that of the last one may be missing.

use super::{DataType, MAX_UNFOLDED};
use crate::fault::{Code, Fault};
use crate::wire::telemetry::Scalar;

/// The elements of an array of type `datatype`.
pub fn elements(datatype: DataType, bytes: &[u8]) -> Result<Vec<Scalar<'_>>, Fault> {
    use DataType as T;
    match datatype {
        T::Int8Array => each(datatype, bytes, |[b]| Ok(Scalar::Int(i64::from(b as i8)))),
        T::Int16Array => each(datatype, bytes, |b| Ok(Scalar::Int(i64::from(i16::from_le_bytes(b))))),
        T::Int32Array => each(datatype, bytes, |b| Ok(Scalar::Int(i64::from(i32::from_le_bytes(b))))),
        T::Int64Array => each(datatype, bytes, |b| Ok(Scalar::Int(i64::from_le_bytes(b)))),
        T::UInt8Array => each(datatype, bytes, |[b]| Ok(Scalar::Int(i64::from(b)))),
        T::UInt16Array => each(datatype, bytes, |b| Ok(Scalar::Int(i64::from(u16::from_le_bytes(b))))),
        T::UInt32Array => each(datatype, bytes, |b| Ok(Scalar::Int(i64::from(u32::from_le_bytes(b))))),
        T::UInt64Array | T::DateTimeArray => each(datatype, bytes, |b| whole(u64::from_le_bytes(b))),
        T::FloatArray => each(datatype, bytes, |b| finite(f64::from(f32::from_le_bytes(b)))),
        T::DoubleArray => each(datatype, bytes, |b| finite(f64::from_le_bytes(b))),
        T::BooleanArray => booleans(bytes),
        T::StringArray => strings(bytes),
        other => Err(Fault::new(Code::SparkplugDatatype, "a type of arrays", format!("{other:?}"))),
    }
}

/// Packs elements as an array of type `datatype`; the inverse of [`elements`].
pub fn pack(datatype: DataType, elements: &[Scalar<'_>]) -> Result<Vec<u8>, Fault> {
    use DataType as T;
    let mut out = Vec::new();
    if datatype == T::BooleanArray {
        out.extend(u32::try_from(elements.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.resize(4 + elements.len().div_ceil(8), 0);
    }
    for (i, element) in elements.iter().enumerate() {
        match (datatype, element) {
            (T::Int8Array | T::UInt8Array, Scalar::Int(v)) => out.push(*v as u8),
            (T::Int16Array | T::UInt16Array, Scalar::Int(v)) => out.extend((*v as u16).to_le_bytes()),
            (T::Int32Array | T::UInt32Array, Scalar::Int(v)) => out.extend((*v as u32).to_le_bytes()),
            (T::Int64Array | T::UInt64Array | T::DateTimeArray, Scalar::Int(v)) => out.extend(v.to_le_bytes()),
            (T::FloatArray, Scalar::Float(v)) => out.extend((*v as f32).to_le_bytes()),
            (T::DoubleArray, Scalar::Float(v)) => out.extend(v.to_le_bytes()),
            (T::BooleanArray, Scalar::Bool(v)) => out[4 + i / 8] |= u8::from(*v) << (7 - i % 8),
            (T::StringArray, Scalar::Text(v)) => {
                out.extend(v.as_bytes());
                out.push(0);
            }
            (_, other) => {
                let expected = format!("an element of {datatype:?}");
                return Err(Fault::new(Code::ValueType, expected, format!("{other:?}")));
            }
        }
    }
    Ok(out)
}

fn bounded(n: usize) -> Result<(), Fault> {
    match n > MAX_UNFOLDED {
        true => Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_UNFOLDED} elements"), n.to_string())),
        false => Ok(()),
    }
}

fn each<'a, const N: usize>(
    datatype: DataType,
    bytes: &[u8],
    read: impl Fn([u8; N]) -> Result<Scalar<'a>, Fault>,
) -> Result<Vec<Scalar<'a>>, Fault> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        let expected = format!("{datatype:?} with {N} bytes an element");
        return Err(Fault::new(Code::SparkplugArray, expected, format!("{} bytes", bytes.len())));
    }
    bounded(chunks.len())?;
    chunks.iter().map(|chunk| read(*chunk)).collect()
}

fn whole(v: u64) -> Result<Scalar<'static>, Fault> {
    let max = i64::MAX;
    let found = || Fault::new(Code::ValueRange, format!("elements of at most {max}"), v.to_string());
    i64::try_from(v).map(Scalar::Int).map_err(|_| found())
}

fn finite(v: f64) -> Result<Scalar<'static>, Fault> {
    match v.is_finite() {
        true => Ok(Scalar::Float(v)),
        false => Err(Fault::new(Code::ValueNotFinite, "finite numbers", v.to_string())),
    }
}

fn booleans(bytes: &[u8]) -> Result<Vec<Scalar<'static>>, Fault> {
    let wrong = |found: String| {
        Fault::new(Code::SparkplugArray, "the number of booleans in 4 bytes, then as many bits in whole bytes", found)
    };
    let Some((count, bits)) = bytes.split_first_chunk::<4>() else {
        return Err(wrong(format!("{} bytes", bytes.len())));
    };
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    if bits.len() != count.div_ceil(8) {
        return Err(wrong(format!("{count} booleans in {} bytes", bits.len())));
    }
    bounded(count)?;
    Ok((0..count).map(|i| Scalar::Bool(bits[i / 8] >> (7 - i % 8) & 1 == 1)).collect())
}

fn strings(bytes: &[u8]) -> Result<Vec<Scalar<'_>>, Fault> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    bounded(bytes.iter().filter(|b| **b == 0).count() + 1)?;
    let text = |b| {
        let text =
            std::str::from_utf8(b).map_err(|e| Fault::new(Code::SparkplugArray, "strings in UTF-8", e.to_string()))?;
        super::scalar::text(text)
    };
    bytes.split(|b| *b == 0).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(datatype: DataType, bytes: &[u8], want: &[Scalar<'_>]) {
        assert_eq!(elements(datatype, bytes).unwrap(), want, "{datatype:?}");
        assert_eq!(pack(datatype, want).unwrap(), bytes, "{datatype:?}");
    }

    #[test]
    fn every_type_is_packed_as_the_specification_says() {
        use DataType as T;
        use Scalar::{Bool, Float, Int, Text};
        check(T::Int8Array, &[0xef, 0x7b], &[Int(-17), Int(123)]);
        check(T::Int16Array, &[0x30, 0x8a, 0xfe, 0x7f], &[Int(-30160), Int(32766)]);
        check(T::Int32Array, &[0xff, 0xff, 0xff, 0xff], &[Int(-1)]);
        check(T::Int64Array, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[Int(-2)]);
        check(T::UInt8Array, &[0x17, 0xfa], &[Int(23), Int(250)]);
        check(T::UInt16Array, &[0x1e, 0x00, 0xff, 0xff], &[Int(30), Int(65535)]);
        check(T::UInt32Array, &[0xff, 0xff, 0xff, 0xff], &[Int(u32::MAX.into())]);
        check(T::UInt64Array, &[1, 0, 0, 0, 0, 0, 0, 0], &[Int(1)]);
        check(T::DateTimeArray, &[0, 1, 0, 0, 0, 0, 0, 0], &[Int(256)]);
        check(T::FloatArray, &[0x00, 0x00, 0xc0, 0x3f], &[Float(1.5)]);
        check(T::DoubleArray, &[0, 0, 0, 0, 0, 0, 0xf8, 0xbf], &[Float(-1.5)]);
        check(T::BooleanArray, &[3, 0, 0, 0, 0b1010_0000], &[Bool(true), Bool(false), Bool(true)]);
        check(T::BooleanArray, &[0, 0, 0, 0], &[]);
        check(T::StringArray, b"ABC\0hello\0", &[Text("ABC".into()), Text("hello".into())]);
        check(T::StringArray, b"", &[]);
        assert_eq!(elements(T::StringArray, b"a\0b").unwrap(), [Text("a".into()), Text("b".into())]);
        assert_eq!(elements(T::StringArray, b"\0\0").unwrap(), [Text("".into()), Text("".into())]);
    }

    #[test]
    fn what_is_no_array_is_a_fault() {
        use DataType as T;
        for (datatype, bytes, code) in [
            (T::Int16Array, vec![1], Code::SparkplugArray),
            (T::DoubleArray, vec![0; 12], Code::SparkplugArray),
            (T::BooleanArray, vec![], Code::SparkplugArray),
            (T::BooleanArray, vec![9, 0, 0, 0, 1], Code::SparkplugArray),
            (T::BooleanArray, vec![1, 0, 0, 0, 1, 1], Code::SparkplugArray),
            (T::BooleanArray, vec![0xff, 0xff, 0xff, 0xff], Code::SparkplugArray),
            (T::StringArray, vec![0xff, 0], Code::SparkplugArray),
            (T::FloatArray, f32::NAN.to_le_bytes().into(), Code::ValueNotFinite),
            (T::UInt64Array, vec![0xff; 8], Code::ValueRange),
            (T::Int8Array, vec![0; MAX_UNFOLDED + 1], Code::ValuesLimit),
            (T::StringArray, vec![0; MAX_UNFOLDED + 2], Code::ValuesLimit),
            (T::Int8, vec![], Code::SparkplugDatatype),
        ] {
            assert_eq!(elements(datatype, &bytes).unwrap_err().code, code, "{datatype:?}");
        }
        assert_eq!(pack(T::Int8Array, &[Scalar::Null]).unwrap_err().code, Code::ValueType);
    }
}
