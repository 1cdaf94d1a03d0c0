//! The stored form of many samples: their bytes, plane by plane, the first bytes of all of them first.
//!
//! Sign and exponent hardly differ within a feature: together they compress to nothing, among the others they would not.
//! Earlier versions stored a list of numbers; that is read, too.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a sample.
const BYTES: usize = size_of::<f32>();

pub fn serialize<'a, C, S: Serializer>(samples: &'a C, s: S) -> Result<S::Ok, S::Error>
where
    &'a C: IntoIterator<Item = &'a f32>,
{
    let samples: Vec<[u8; BYTES]> = samples.into_iter().map(|v| v.to_be_bytes()).collect();
    let planes: Vec<u8> = (0..BYTES).flat_map(|plane| samples.iter().map(move |b| b[plane])).collect();
    s.serialize_bytes(&planes)
}

pub fn deserialize<'de, C: FromIterator<f32>, D: Deserializer<'de>>(d: D) -> Result<C, D::Error> {
    d.deserialize_any(Samples(PhantomData))
}

struct Samples<C>(PhantomData<C>);

impl<'de, C: FromIterator<f32>> Visitor<'de> for Samples<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of samples, or a list of them")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<C, E> {
        if !bytes.len().is_multiple_of(BYTES) {
            return Err(E::custom(format!("{} bytes are no samples", bytes.len())));
        }
        let n = bytes.len() / BYTES;
        let sample = |i: usize| f32::from_be_bytes(std::array::from_fn(|plane| bytes[plane * n + i]));
        Ok((0..n).map(sample).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<C, A::Error> {
        std::iter::from_fn(|| list.next_element().transpose()).collect()
    }
}

/// Samples that are stored so, as a part of something else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Column(#[serde(with = "self")] pub Vec<f32>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Column, String> {
        ciborium::from_reader(bytes).map_err(|e| e.to_string())
    }

    #[test]
    fn samples_come_back_bit_by_bit_and_lists_of_before_are_read() {
        let samples = vec![0.1, f32::NAN, -3e-39, f32::INFINITY, 7.5];
        let bits = |c: &Column| c.0.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let column = Column(samples.clone());
        let (mut packed, mut list) = (Vec::new(), Vec::new());
        ciborium::into_writer(&column, &mut packed).unwrap();
        ciborium::into_writer(&samples, &mut list).unwrap();
        assert_eq!(packed.len(), 1 + 4 * samples.len());
        for stored in [&packed, &list] {
            assert_eq!(bits(&read(stored).unwrap()), bits(&column));
        }
        let mut none = Vec::new();
        ciborium::into_writer(&Column::default(), &mut none).unwrap();
        assert_eq!(read(&none).unwrap(), Column::default());
        assert!(read(b"\x45\x01\x02\x03\x04\x05").unwrap_err().contains("5 bytes"));
        assert!(read(b"\x64text").is_err());
    }
}
