//! Compressed payloads: the `uuid` says so, `body` is a whole payload packed with GZIP or DEFLATE (in the zlib form that
//! the Eclipse libraries write), and a metric names which. Where it is not named, the first bytes decide.
//!
//! What comes out is bounded by a size and by a ratio to what went in: a bomb stops at the bound.

use std::io::Read;

use super::{COMPRESSED, Metric, MetricValue, Payload};
use crate::fault::{Code, Fault, shown};

/// The metric that names the algorithm.
pub const ALGORITHM: &str = "algorithm";
/// Largest payload that is unpacked, in bytes.
pub const MAX_UNPACKED: usize = 8 << 20;
/// How many times larger than its body a payload may be, beyond [`FREE`].
const RATIO: usize = 64;
/// A payload of up to this many bytes may have any ratio: a birth repeats itself.
const FREE: usize = 256 << 10;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 1952.
    Gzip,
    /// RFC 1951 in the form of RFC 1950.
    Deflate,
}

impl Algorithm {
    /// As the payload names it, or by the first bytes of its body.
    fn of(payload: &Payload, body: &[u8]) -> Result<Self, Fault> {
        let named = payload.metrics.iter().find(|m| m.name.as_deref() == Some(ALGORITHM));
        match named.and_then(|m| m.value.as_ref()) {
            None if body.starts_with(&[0x1f, 0x8b]) => Ok(Self::Gzip),
            None => Ok(Self::Deflate),
            Some(MetricValue::String(s)) if s.eq_ignore_ascii_case("GZIP") => Ok(Self::Gzip),
            Some(MetricValue::String(s)) if s.eq_ignore_ascii_case("DEFLATE") => Ok(Self::Deflate),
            Some(MetricValue::String(s)) => Err(wrong(shown(s))),
            Some(_) => Err(wrong("an algorithm that is no text".into())),
        }
    }
}

fn wrong(found: String) -> Fault {
    Fault::new(Code::SparkplugCompressed, "a body packed with GZIP or DEFLATE", found)
}

/// The bytes of the payload inside `payload`, if it is a compressed one.
pub(super) fn unpack(payload: &Payload) -> Result<Option<Vec<u8>>, Fault> {
    if payload.uuid.as_deref() != Some(COMPRESSED) {
        return Ok(None);
    }
    let body = payload.body.as_deref().ok_or_else(|| wrong("no body".into()))?;
    let most = body.len().saturating_mul(RATIO).clamp(FREE, MAX_UNPACKED);
    let mut out = Vec::new();
    let limit = most as u64 + 1;
    let read = match Algorithm::of(payload, body)? {
        Algorithm::Gzip => flate2::read::GzDecoder::new(body).take(limit).read_to_end(&mut out),
        Algorithm::Deflate => flate2::read::ZlibDecoder::new(body).take(limit).read_to_end(&mut out),
    };
    read.map_err(|e| wrong(e.to_string()))?;
    match out.len() > most {
        true => {
            let found = format!("more, from {} bytes", body.len());
            Err(Fault::new(Code::SparkplugUnpacked, format!("at most {most} bytes"), found))
        }
        false => Ok(Some(out)),
    }
}

/// Packs a payload; the inverse of what [`super::decode`] does with it.
#[must_use]
pub fn compress(payload: &Payload, algorithm: Algorithm) -> Payload {
    use flate2::Compression;
    let (bytes, mut body) = (super::encode(payload), Vec::new());
    // Reading from memory into memory does not fail.
    let _ = match algorithm {
        Algorithm::Gzip => flate2::read::GzEncoder::new(&bytes[..], Compression::default()).read_to_end(&mut body),
        Algorithm::Deflate => flate2::read::ZlibEncoder::new(&bytes[..], Compression::default()).read_to_end(&mut body),
    };
    let name = match algorithm {
        Algorithm::Gzip => "GZIP",
        Algorithm::Deflate => "DEFLATE",
    };
    let named = Metric::new(ALGORITHM, super::DataType::String, MetricValue::String(name.into()));
    let (timestamp, seq) = (payload.timestamp, payload.seq);
    Payload { timestamp, seq, metrics: vec![named], uuid: Some(COMPRESSED.into()), body: Some(body.into()) }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;

    fn payload(text: &str) -> Payload {
        let metric = Metric::new("a", super::super::DataType::String, MetricValue::String(text.into()));
        Payload { timestamp: Some(7), metrics: vec![metric], seq: Some(3), ..Payload::default() }
    }

    #[test]
    fn both_algorithms_are_unpacked_named_or_not() {
        let plain = payload(&"Folder/Channel ".repeat(100));
        for algorithm in [Algorithm::Gzip, Algorithm::Deflate] {
            let mut packed = compress(&plain, algorithm);
            assert!(packed.body.as_ref().unwrap().len() < 200);
            assert_eq!(decode(&encode(&packed)).unwrap(), plain);
            packed.metrics.clear();
            assert_eq!(decode(&encode(&packed)).unwrap(), plain);
        }
        let mut bare = payload("x");
        (bare.timestamp, bare.seq) = (None, None);
        let packed = Payload { timestamp: Some(9), seq: Some(4), ..compress(&bare, Algorithm::Gzip) };
        let read = decode(&encode(&packed)).unwrap();
        assert_eq!((read.timestamp, read.seq), (Some(9), Some(4)), "the outer ones stand in");
    }

    #[test]
    fn damage_and_bombs_stop_with_a_code() {
        let packed = compress(&payload("x"), Algorithm::Gzip);
        let code = |p: &Payload| decode(&encode(p)).unwrap_err().code;
        let named =
            |name: &str| Metric::new(ALGORITHM, super::super::DataType::String, MetricValue::String(name.into()));
        assert_eq!(code(&Payload { metrics: vec![named("LZ4")], ..packed.clone() }), Code::SparkplugCompressed);
        assert_eq!(code(&Payload { metrics: vec![named("DEFLATE")], ..packed.clone() }), Code::SparkplugCompressed);
        assert_eq!(code(&Payload { body: None, ..packed.clone() }), Code::SparkplugCompressed);
        let cut = packed.body.as_ref().unwrap().slice(..20);
        assert_eq!(code(&Payload { body: Some(cut), ..packed.clone() }), Code::SparkplugCompressed);
        assert_eq!(code(&compress(&packed, Algorithm::Gzip)), Code::SparkplugCompressed, "packed twice");
        let bomb = compress(&payload(&"0".repeat(16 << 20)), Algorithm::Deflate);
        assert!(bomb.body.as_ref().unwrap().len() < 32 << 10);
        assert_eq!(code(&bomb), Code::SparkplugUnpacked);
        let large = compress(&payload(&"0".repeat(FREE)), Algorithm::Deflate);
        assert_eq!(code(&large), Code::SparkplugUnpacked, "too much from too little");
    }

    /// What a stream says of its own size is not believed, neither way.
    #[test]
    fn a_bomb_stops_at_the_bound_whatever_size_it_declares() {
        let code = |p: &Payload| decode(&encode(p)).unwrap_err().code;
        // GZIP ends with the size of what was packed, in four bytes.
        let declares = |p: &Payload, size: u32| {
            let mut body = p.body.as_ref().unwrap().to_vec();
            let end = body.len() - 4;
            body[end..].copy_from_slice(&size.to_le_bytes());
            Payload { body: Some(body.into()), ..p.clone() }
        };
        let bomb = compress(&payload(&"0".repeat(64 << 20)), Algorithm::Gzip);
        for size in [64 << 20, 0, 1, u32::MAX] {
            assert_eq!(code(&declares(&bomb, size)), Code::SparkplugUnpacked, "declared {size}");
        }
        let small = compress(&payload("x"), Algorithm::Gzip);
        assert_eq!(code(&declares(&small, u32::MAX)), Code::SparkplugCompressed, "declared more than there is");
        // No more than the bound is ever held: what comes out is read up to it and one byte.
        let body = bomb.body.as_ref().unwrap();
        let most = (body.len() * RATIO).clamp(FREE, MAX_UNPACKED);
        assert!(most < 64 << 20 && body.len() < 128 << 10, "{most} from {}", body.len());
        // One stream after the other, as a file of several members has it: the first alone is read.
        let members = [&body[..], &body[..]].concat();
        assert_eq!(code(&Payload { body: Some(members.into()), ..bomb.clone() }), Code::SparkplugUnpacked);
        // At the bound itself, and of a body that is not small: taken.
        let noise: String =
            (0..60_000_u32).map(|i| char::from(b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
        let fine = payload(&noise.repeat(4));
        for algorithm in [Algorithm::Gzip, Algorithm::Deflate] {
            assert_eq!(decode(&encode(&compress(&fine, algorithm))).unwrap(), fine);
        }
    }
}
