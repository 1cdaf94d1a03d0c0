//! How things are written down: bytes, their bounds and their checksums.
//!
//! Everything stored is little-endian, lengths and counts are LEB128 varints, signed numbers are zigzag varints. Each
//! stored piece begins with the version of its form and ends with a CRC-32C; a piece that does not match is
//! [`Damage`], never a panic and never a guess.

#[macro_use]
mod forms;

mod alarm;
mod assessment;
pub(crate) mod chunk;
mod record;
pub(crate) mod rollup;
pub(crate) mod row;
mod rules;
#[cfg(test)]
mod tests;
mod train;
mod work;

pub(crate) use record::Record;

/// What does not fit in something read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damage(pub &'static str);

/// Version of the single records that are stored by themselves (machines, alarms, diagnoses, events, …).
const RECORD_VERSION: u8 = 1;

/// Writes into a vector.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    pub fn raw(&mut self, v: &[u8]) {
        self.0.extend_from_slice(v);
    }

    pub fn varint(&mut self, mut v: u64) {
        let mut bytes = [0u8; 10];
        let mut n = 0;
        while v >= 0x80 {
            bytes[n] = v as u8 | 0x80;
            v >>= 7;
            n += 1;
        }
        bytes[n] = v as u8;
        self.raw(&bytes[..=n]);
    }

    pub fn zigzag(&mut self, v: i64) {
        self.varint(((v << 1) ^ (v >> 63)) as u64);
    }

    pub fn bytes(&mut self, v: &[u8]) {
        self.varint(v.len() as u64);
        self.raw(v);
    }
}

/// Reads from a slice; every read is bounded by what is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Damage> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Damage("it ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Damage("it ends too early"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Damage> {
        Ok(self.array::<1>()?[0])
    }

    pub fn varint(&mut self) -> Result<u64, Damage> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.u8()?;
            if shift == 63 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        Err(Damage("a number has too many bytes"))
    }

    pub fn zigzag(&mut self) -> Result<i64, Damage> {
        let v = self.varint()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// A count of things of which each takes at least `least` bytes, so that no count can ask for more memory than the
    /// input could fill.
    pub fn count(&mut self, least: usize) -> Result<usize, Damage> {
        let n = usize::try_from(self.varint()?).map_err(|_| Damage("a count is too large"))?;
        if n.saturating_mul(least) > self.0.len() {
            return Err(Damage("a count is larger than what follows"));
        }
        Ok(n)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let n = self.count(1)?;
        self.take(n)
    }

    pub fn str(&mut self) -> Result<&'a str, Damage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damage("a text is not UTF-8"))
    }

    pub fn end(self) -> Result<(), Damage> {
        if self.0.is_empty() { Ok(()) } else { Err(Damage("there is more than expected")) }
    }
}

/// Appends the checksum over `key` (where the piece belongs) and everything in `body`.
pub(crate) fn seal(key: &[i64], body: &mut Vec<u8>) {
    let crc = crc(key, body);
    body.extend_from_slice(&crc.to_le_bytes());
}

/// The piece without its checksum, if that matches.
pub(crate) fn unseal<'a>(key: &[i64], body: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (piece, found) = body.split_last_chunk::<4>().ok_or(Damage("it ends too early"))?;
    if crc(key, piece) == u32::from_le_bytes(*found) { Ok(piece) } else { Err(Damage("the checksum does not match")) }
}

fn crc(key: &[i64], body: &[u8]) -> u32 {
    let mut place = Vec::with_capacity(key.len() * 8);
    for k in key {
        place.extend_from_slice(&k.to_le_bytes());
    }
    crc32c::crc32c_append(crc32c::crc32c(&place), body)
}

/// One record as a stored piece.
pub(crate) fn store<T: Record>(record: &T) -> Vec<u8> {
    let mut w = Writer(vec![RECORD_VERSION]);
    record.put(&mut w);
    record.put_rest(&mut w);
    seal(&[], &mut w.0);
    w.0
}

/// One record from a stored piece.
pub(crate) fn load<T: Record>(piece: &[u8]) -> Result<T, Damage> {
    let mut r = Reader(unseal(&[], piece)?);
    if r.u8()? != RECORD_VERSION {
        return Err(Damage("its form is of a version that is not known here"));
    }
    let mut record = T::get(&mut r)?;
    record.get_rest(&mut r)?;
    r.end()?;
    Ok(record)
}
