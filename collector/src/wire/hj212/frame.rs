//! Segments and their checksum; segments out of a stream of bytes.

use crate::fault::{Code, Fault};

/// Longest data of a segment. HJ 212-2017 says 1024 bytes; four digits can say more, and some monitors do.
pub const MAX_DATA: usize = 9_999;
/// `##`, length, checksum, CR LF.
const AROUND: usize = 2 + 4 + 4 + 2;
/// Bytes between segments are handed out in pieces of at most this many.
const GARBAGE: usize = 4_096;

/// The standard's own checksum (HJ 212-2017, annex A): like CRC-16 with the polynomial 0xA001 reflected, but each byte is
/// mixed into the register shifted right by eight.
#[must_use]
pub fn crc(data: &[u8]) -> u16 {
    data.iter().fold(0xffff, |register: u16, byte| {
        (0..8).fold(register >> 8 ^ u16::from(*byte), |r, _| if r & 1 == 0 { r >> 1 } else { r >> 1 ^ 0xa001 })
    })
}

fn broken(expected: &'static str, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::Hj212Frame, expected, found)
}

/// The length of the data of the segment at the beginning of `bytes`; `None` where its head is not whole yet.
fn announced(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(head) = bytes.get(..6) else {
        return match b"##".starts_with(&bytes[..bytes.len().min(2)]) {
            true => Ok(None),
            false => Err(broken("## at the beginning of a segment", "other bytes")),
        };
    };
    if !head.starts_with(b"##") {
        return Err(broken("## at the beginning of a segment", "other bytes"));
    }
    match &head[2..] {
        digits if digits.iter().all(u8::is_ascii_digit) => {
            Ok(Some(digits.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0'))))
        }
        _ => Err(broken("the length of the data in four digits", "other characters")),
    }
}

/// The data of the segment at the beginning of `bytes`, and what comes after it. The CR LF may be missing at the end of a
/// message: over MQTT some gateways leave it out.
pub(super) fn segment(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let cut = || broken("a whole segment", format!("{} bytes", bytes.len()));
    let length = announced(bytes)?.ok_or_else(cut)?;
    let data = bytes.get(6..6 + length).ok_or_else(cut)?;
    let stated = bytes.get(6 + length..10 + length).ok_or_else(cut)?;
    check(data, stated)?;
    let rest = &bytes[10 + length..];
    match rest.strip_prefix(b"\r\n") {
        Some(rest) => Ok((data, rest)),
        None if rest.is_empty() => Ok((data, rest)),
        None => Err(broken("CR LF at the end of the segment", "other bytes")),
    }
}

fn check(data: &[u8], stated: &[u8]) -> Result<(), Fault> {
    let found = format!("{:04X}", crc(data));
    match stated.eq_ignore_ascii_case(found.as_bytes()) {
        true => Ok(()),
        false => {
            let stated: String = stated.iter().map(|b| b.escape_ascii().to_string()).collect();
            Err(Fault::new(Code::Hj212Crc, format!("the checksum {found}"), stated))
        }
    }
}

/// What comes out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A whole segment, as it came. Whether its checksum is right is for its reader to find out.
    Segment(Vec<u8>),
    /// Bytes that belong to no segment.
    Garbage(Vec<u8>),
}

/// Cuts a stream of bytes into segments, however they arrive. Holds at most one segment, besides what was pushed last.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
}

impl Framer {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// How many bytes wait for the rest of their segment.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What waited for the rest of its segment, when nothing more will come.
    #[must_use]
    pub fn rest(self) -> Vec<u8> {
        self.held
    }

    /// The next piece; `None` until more arrives.
    pub fn next_piece(&mut self) -> Option<Piece> {
        // Between segments white space is of no meaning.
        let blank = self.held.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.held.drain(..blank);
        if self.held.is_empty() {
            return None;
        }
        match announced(&self.held) {
            Ok(None) => None,
            Ok(Some(length)) if self.held.len() < length + AROUND - 2 => None,
            Ok(Some(length)) => Some(self.segment(6 + length + 4)),
            Err(_) => Some(Piece::Garbage(self.garbage())),
        }
    }

    /// The segment that ends at `end`. Where another begins within it and its checksum is wrong, it was cut off by its
    /// sender: then only what is before the other is handed out.
    fn segment(&mut self, end: usize) -> Piece {
        let right = check(&self.held[6..end - 4], &self.held[end - 4..end]).is_ok();
        let next = self.held[2..end].windows(2).position(|w| w == b"##").map(|at| at + 2);
        let end = next.filter(|_| !right).unwrap_or(end);
        Piece::Segment(self.held.drain(..end).collect())
    }

    /// Everything up to the next beginning of a segment.
    fn garbage(&mut self) -> Vec<u8> {
        let next = self.held[1..].windows(2).position(|w| w == b"##").map(|at| at + 1);
        // A single '#' at the end may be the first of two.
        let all = self.held.len() - usize::from(self.held.len() > 1 && self.held.ends_with(b"#"));
        self.held.drain(..next.unwrap_or(all).min(GARBAGE)).collect()
    }
}
