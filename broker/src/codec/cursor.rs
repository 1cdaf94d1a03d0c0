//! Reading fields of a packet from front to back (MQTT 5, section 1.5).

use std::ops::Range;

use super::Decoded;
use super::frame::variable;
use crate::refusal::Refusal;

/// Reads bytes from front to back, never beyond its end.
pub(crate) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub end: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0, end: bytes.len() }
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    pub fn take(&mut self, n: usize) -> Decoded<Range<usize>> {
        if self.end - self.at < n {
            return Err(Refusal::Malformed);
        }
        let start = self.at;
        self.at += n;
        Ok(start..self.at)
    }

    pub fn u8(&mut self) -> Decoded<u8> {
        let range = self.take(1)?;
        Ok(self.bytes[range.start])
    }

    pub fn u16(&mut self) -> Decoded<u16> {
        let range = self.take(2)?;
        Ok(u16::from_be_bytes([self.bytes[range.start], self.bytes[range.start + 1]]))
    }

    pub fn u32(&mut self) -> Decoded<u32> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// Where bytes with their length before them lie.
    pub fn counted(&mut self) -> Decoded<Range<usize>> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    pub fn data(&mut self) -> Decoded<&'a [u8]> {
        let range = self.counted()?;
        Ok(&self.bytes[range])
    }

    /// A UTF-8 string; neither surrogates nor U+0000 are in one.
    pub fn text(&mut self) -> Decoded<&'a str> {
        let text = std::str::from_utf8(self.data()?).map_err(|_| Refusal::Malformed)?;
        if text.contains('\0') { Err(Refusal::Malformed) } else { Ok(text) }
    }

    pub fn variable(&mut self) -> Decoded<usize> {
        let (value, size) = variable(&self.bytes[self.at..self.end])?.ok_or(Refusal::Malformed)?;
        self.at += size;
        Ok(value)
    }
}
