//! As much of CBOR (RFC 8949) as the waveform format takes: maps, texts, numbers, byte strings, tags.
//!
//! Reads in place; what is skipped is checked for form and depth. Byte strings of definite length are borrowed.

use std::borrow::Cow;

use crate::fault::{Code, Fault};

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 16;

/// The head of a data item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head {
    /// A number of major type 0.
    Uint(u64),
    /// −1 − n.
    Negative(u64),
    /// Byte string; `None` is indefinite.
    Bytes(Option<u64>),
    /// Text string.
    Text(Option<u64>),
    /// Array.
    Array(Option<u64>),
    /// Map.
    Map(Option<u64>),
    /// A tag on what follows.
    Tag(u64),
    /// A floating-point number.
    Float(f64),
    /// True, false.
    Bool(bool),
    /// Null or undefined.
    Null,
    /// Another simple value.
    Simple,
    /// End of an indefinite item.
    Break,
}

impl Head {
    fn noun(self) -> &'static str {
        match self {
            Self::Uint(_) | Self::Negative(_) => "a whole number",
            Self::Bytes(_) => "a byte string",
            Self::Text(_) => "a text",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Tag(_) => "a tag",
            Self::Float(_) => "a floating-point number",
            Self::Bool(_) => "true or false",
            Self::Null => "null",
            Self::Simple => "a simple value",
            Self::Break => "a break",
        }
    }
}

/// Reads one data item after another.
pub(super) struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    fn syntax(&self, found: &str) -> Fault {
        Fault::new(Code::CborSyntax, "well-formed CBOR", format!("{found} at byte {}", self.at))
    }

    fn wrong(&self, expected: &'static str, found: Head) -> Fault {
        Fault::new(Code::CborType, expected, format!("{} before byte {}", found.noun(), self.at))
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Fault> {
        let rest = &self.all[self.at..];
        match usize::try_from(n).ok().filter(|n| *n <= rest.len()) {
            Some(n) => {
                self.at += n;
                Ok(&rest[..n])
            }
            None => Err(self.syntax("the end of the message within an item")),
        }
    }

    fn argument(&mut self, info: u8) -> Result<Option<u64>, Fault> {
        Ok(Some(match info {
            0..=23 => u64::from(info),
            24..=27 => self.take(1 << (info - 24))?.iter().fold(0, |n, b| n << 8 | u64::from(*b)),
            31 => return Ok(None),
            _ => return Err(self.syntax("a reserved length")),
        }))
    }

    pub(super) fn head(&mut self) -> Result<Head, Fault> {
        let first = self.take(1)?[0];
        let argument = self.argument(first & 0x1f)?;
        let definite = |r: &Self| argument.ok_or_else(|| r.syntax("an indefinite number"));
        Ok(match first >> 5 {
            0 => Head::Uint(definite(self)?),
            1 => Head::Negative(definite(self)?),
            2 => Head::Bytes(argument),
            3 => Head::Text(argument),
            4 => Head::Array(argument),
            5 => Head::Map(argument),
            6 => Head::Tag(definite(self)?),
            _ => match (first & 0x1f, argument) {
                (20, _) => Head::Bool(false),
                (21, _) => Head::Bool(true),
                (22 | 23, _) => Head::Null,
                (25, Some(n)) => Head::Float(half(n as u16)),
                (26, Some(n)) => Head::Float(f64::from(f32::from_bits(n as u32))),
                (27, Some(n)) => Head::Float(f64::from_bits(n)),
                (31, _) => Head::Break,
                _ => Head::Simple,
            },
        })
    }

    /// Whether the item ends here, given how many parts were announced and how many were read.
    pub(super) fn ends(&mut self, announced: Option<u64>, read: u64) -> Result<bool, Fault> {
        match announced {
            Some(n) => Ok(read >= n),
            None if self.all.get(self.at) == Some(&0xff) => {
                self.at += 1;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The head of the next map.
    pub(super) fn map(&mut self) -> Result<Option<u64>, Fault> {
        match self.head()? {
            Head::Map(n) => Ok(n),
            other => Err(self.wrong("a map", other)),
        }
    }

    fn string(&mut self, length: Option<u64>, text: bool) -> Result<Cow<'a, [u8]>, Fault> {
        if let Some(n) = length {
            return self.take(n).map(Cow::Borrowed);
        }
        let mut whole = Vec::new();
        loop {
            match (self.head()?, text) {
                (Head::Break, _) => return Ok(Cow::Owned(whole)),
                (Head::Text(Some(n)), true) | (Head::Bytes(Some(n)), false) => whole.extend_from_slice(self.take(n)?),
                _ => return Err(self.syntax("a part of another kind within a string")),
            }
        }
    }

    fn utf8(&self, bytes: Cow<'a, [u8]>) -> Result<Cow<'a, str>, Fault> {
        match bytes {
            Cow::Borrowed(b) => std::str::from_utf8(b).ok().map(Cow::Borrowed),
            Cow::Owned(b) => String::from_utf8(b).ok().map(Cow::Owned),
        }
        .ok_or_else(|| self.syntax("a text that is not UTF-8"))
    }

    /// A text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Fault> {
        match self.head()? {
            Head::Text(n) => {
                let bytes = self.string(n, true)?;
                self.utf8(bytes)
            }
            other => Err(self.wrong("a text", other)),
        }
    }

    /// A byte string, or `None` where something else stands (which is then half read).
    pub(super) fn bytes_after(&mut self, head: Head) -> Result<Cow<'a, [u8]>, Fault> {
        match head {
            Head::Bytes(n) => self.string(n, false),
            other => Err(self.wrong("a byte string", other)),
        }
    }

    /// A text whose head was read already.
    pub(super) fn text_after(&mut self, head: Head) -> Result<Cow<'a, str>, Fault> {
        match head {
            Head::Text(n) => {
                let bytes = self.string(n, true)?;
                self.utf8(bytes)
            }
            other => Err(self.wrong("a text", other)),
        }
    }

    /// A number of any kind; `None` for null.
    pub(super) fn number(&mut self) -> Result<Option<f64>, Fault> {
        match self.head()? {
            Head::Uint(n) => Ok(Some(n as f64)),
            Head::Negative(n) => Ok(Some(-1.0 - n as f64)),
            Head::Float(f) => Ok(Some(f)),
            Head::Null => Ok(None),
            other => Err(self.wrong("a number", other)),
        }
    }

    /// A whole number that fits.
    pub(super) fn integer(&mut self) -> Result<i64, Fault> {
        let head = self.head()?;
        let value = match head {
            Head::Uint(n) => i64::try_from(n).ok(),
            Head::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
            _ => None,
        };
        value.ok_or_else(|| self.wrong("a whole number of 64 bits", head))
    }

    /// A whole number from 0.
    pub(super) fn unsigned(&mut self) -> Result<u64, Fault> {
        match self.head()? {
            Head::Uint(n) => Ok(n),
            other => Err(self.wrong("a whole number from 0", other)),
        }
    }

    /// Reads over one item.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        self.skip_below(MAX_DEPTH)
    }

    fn skip_below(&mut self, depth: usize) -> Result<(), Fault> {
        if depth == 0 {
            return Err(self.syntax("deeper nesting than is followed"));
        }
        let (announced, each) = match self.head()? {
            Head::Bytes(n) => return self.string(n, false).map(drop),
            Head::Text(n) => {
                let bytes = self.string(n, true)?;
                return self.utf8(bytes).map(drop);
            }
            Head::Tag(_) => return self.skip_below(depth - 1),
            Head::Break => return Err(self.syntax("a break outside an indefinite item")),
            Head::Array(n) => (n, 1),
            Head::Map(n) => (n, 2),
            _ => return Ok(()),
        };
        let mut read = 0;
        while !self.ends(announced, read)? {
            for _ in 0..each {
                self.skip_below(depth - 1)?;
            }
            read += 1;
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Fault> {
        match self.at == self.all.len() {
            true => Ok(()),
            false => Err(self.syntax("more after the end of the map")),
        }
    }
}

/// IEEE 754 binary16 (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// Writes data items in their shortest form.
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    fn head(&mut self, major: u8, n: u64) {
        let major = major << 5;
        match n {
            0..=23 => self.0.push(major | n as u8),
            24..=0xff => self.0.extend_from_slice(&[major | 24, n as u8]),
            0x100..=0xffff => {
                self.0.push(major | 25);
                self.0.extend_from_slice(&(n as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&(n as u32).to_be_bytes());
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&n.to_be_bytes());
            }
        }
    }

    pub(super) fn map(&mut self, pairs: u64) {
        self.head(5, pairs);
    }

    pub(super) fn tag(&mut self, n: u64) {
        self.head(6, n);
    }

    pub(super) fn unsigned(&mut self, n: u64) {
        self.head(0, n);
    }

    pub(super) fn integer(&mut self, n: i64) {
        match u64::try_from(n) {
            Ok(n) => self.head(0, n),
            Err(_) => self.head(1, !n as u64),
        }
    }

    pub(super) fn text(&mut self, s: &str) {
        self.head(3, s.len() as u64);
        self.0.extend_from_slice(s.as_bytes());
    }

    pub(super) fn bytes(&mut self, b: &[u8]) {
        self.head(2, b.len() as u64);
        self.0.extend_from_slice(b);
    }

    /// The head of a byte string whose `length` bytes are then appended by the caller.
    pub(super) fn bytes_head(&mut self, length: usize) {
        self.head(2, length as u64);
    }

    pub(super) fn float(&mut self, f: f64) {
        self.0.push(0xfb);
        self.0.extend_from_slice(&f.to_bits().to_be_bytes());
    }
}
