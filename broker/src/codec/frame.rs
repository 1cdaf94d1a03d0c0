//! Cutting packets out of a stream of bytes (MQTT 5, section 2.1).

use super::Decoded;
use crate::refusal::Refusal;

/// Where one whole packet lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The packet type.
    pub kind: u8,
    /// The lower four bits of the first byte.
    pub flags: u8,
    /// Where the variable header begins.
    pub body: usize,
    /// Length of the whole packet.
    pub len: usize,
}

/// The first packet in `buffer`, or `None` when it is not there to its end. A packet larger than `max` is refused as
/// soon as its length is known, so that nobody has to hold it.
pub(crate) fn first(buffer: &[u8], max: usize) -> Decoded<Option<Frame>> {
    let Some(&byte1) = buffer.first() else { return Ok(None) };
    let Some((remaining, size)) = variable(&buffer[1..])? else { return Ok(None) };
    let body = 1 + size;
    let len = body + remaining;
    if len > max {
        return Err(Refusal::PacketTooLarge);
    }
    Ok((buffer.len() >= len).then_some(Frame { kind: byte1 >> 4, flags: byte1 & 0x0f, body, len }))
}

/// A variable byte integer at the start of `bytes` and how many bytes it takes; `None` when more are needed.
pub(crate) fn variable(bytes: &[u8]) -> Decoded<Option<(usize, usize)>> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() >= 4 { Err(Refusal::Malformed) } else { Ok(None) }
}

/// Appends `value` as a variable byte integer. `value` is below 2^28.
pub(crate) fn put_variable(out: &mut impl bytes::BufMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// How many bytes `value` takes as a variable byte integer.
pub(crate) fn variable_len(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_cut_out_when_it_is_whole() {
        let check = |bytes: &[u8], expect: Decoded<Option<(u8, usize)>>| {
            assert_eq!(first(bytes, 1000).map(|f| f.map(|f| (f.kind, f.len))), expect, "{bytes:?}");
        };
        check(&[], Ok(None));
        check(&[0xc0], Ok(None));
        check(&[0xc0, 0], Ok(Some((12, 2))));
        check(&[0xc0, 0, 0x30], Ok(Some((12, 2))));
        check(&[0x30, 2, 0], Ok(None));
        check(&[0x30, 0x80], Ok(None));
        check(&[0x30, 0xff, 0xff, 0xff, 0xff], Err(Refusal::Malformed));
        check(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01], Err(Refusal::Malformed));
        check(&[0x30, 0xe8, 0x07], Err(Refusal::PacketTooLarge));
        check(&[0x30, 0xff, 0xff, 0x7f], Err(Refusal::PacketTooLarge));
    }

    #[test]
    fn a_length_comes_back_as_it_was_written() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let mut out = Vec::new();
            put_variable(&mut out, value);
            assert_eq!(variable(&out), Ok(Some((value, out.len()))));
            assert_eq!(variable_len(value), out.len());
        }
    }
}
