//! PUBLISH and its acknowledgements (MQTT 5, sections 3.3 to 3.7), without a copy of topic or payload.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{Frame, put_variable, variable, variable_len};
use super::{Decoded, kind};
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// A PUBLISH that lies in a buffer; the ranges point into that buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub topic: Range<usize>,
    pub pkid: u16,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    pub alias: Option<u16>,
    /// Message expiry interval in seconds.
    pub expiry: Option<u32>,
    /// The properties that travel on unchanged, encoded.
    pub properties: Bytes,
    pub payload: Range<usize>,
}

/// Reads bytes from front to back, never beyond its end.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn take(&mut self, n: usize) -> Decoded<Range<usize>> {
        if self.end - self.at < n {
            return Err(Refusal::Malformed);
        }
        let start = self.at;
        self.at += n;
        Ok(start..self.at)
    }

    fn u16(&mut self) -> Decoded<u16> {
        let range = self.take(2)?;
        Ok(u16::from_be_bytes([self.bytes[range.start], self.bytes[range.start + 1]]))
    }

    fn u32(&mut self) -> Decoded<u32> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    fn counted(&mut self) -> Decoded<Range<usize>> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    fn text(&mut self) -> Decoded<()> {
        let range = self.counted()?;
        std::str::from_utf8(&self.bytes[range]).map_err(|_| Refusal::Malformed)?;
        Ok(())
    }

    fn variable(&mut self) -> Decoded<usize> {
        let (value, size) = variable(&self.bytes[self.at..self.end])?.ok_or(Refusal::Malformed)?;
        self.at += size;
        Ok(value)
    }
}

/// Decodes the PUBLISH whose frame `frame` begins at `offset` of `buffer`.
pub(crate) fn decode(buffer: &Bytes, offset: usize, frame: Frame, protocol: Protocol) -> Decoded<Incoming> {
    let mut cursor = Cursor { bytes: buffer, at: offset + frame.body, end: offset + frame.len };
    let qos = (frame.flags >> 1) & 3;
    let dup = frame.flags & 8 != 0;
    if qos == 3 || (qos == 0 && dup) {
        return Err(Refusal::Malformed);
    }
    let topic = cursor.counted()?;
    let pkid = if qos == 0 { 0 } else { cursor.u16()? };
    if qos != 0 && pkid == 0 {
        return Err(Refusal::Protocol);
    }
    let mut incoming = Incoming {
        topic,
        pkid,
        qos,
        retain: frame.flags & 1 != 0,
        dup,
        alias: None,
        expiry: None,
        properties: Bytes::new(),
        payload: 0..0,
    };
    if protocol == Protocol::V5 {
        let len = cursor.variable()?;
        if len > 0 {
            let range = cursor.take(len)?;
            properties(buffer, range, &mut incoming)?;
        }
    }
    incoming.payload = cursor.at..cursor.end;
    Ok(incoming)
}

/// Takes apart the properties of a PUBLISH: alias and expiry are ours to act on, the rest travels on.
fn properties(buffer: &Bytes, range: Range<usize>, into: &mut Incoming) -> Decoded<()> {
    let mut cursor = Cursor { bytes: buffer, at: range.start, end: range.end };
    let mut ours: Vec<Range<usize>> = Vec::new();
    let mut seen = [false; 64];
    while cursor.at < cursor.end {
        let start = cursor.at;
        let id = cursor.bytes[cursor.take(1)?.start];
        if id != 38 && std::mem::replace(seen.get_mut(usize::from(id)).ok_or(Refusal::Malformed)?, true) {
            return Err(Refusal::Protocol);
        }
        match id {
            1 => _ = cursor.take(1)?,
            2 => into.expiry = Some(cursor.u32()?),
            3 | 8 => cursor.text()?,
            9 => _ = cursor.counted()?,
            11 => return Err(Refusal::Protocol),
            35 => into.alias = Some(cursor.u16()?),
            38 => {
                cursor.text()?;
                cursor.text()?;
            }
            _ => return Err(Refusal::Malformed),
        }
        if matches!(id, 2 | 35) {
            ours.push(start..cursor.at);
        }
    }
    into.properties =
        if ours.is_empty() { buffer.slice(range) } else { without(&buffer[range.clone()], range.start, &ours) };
    Ok(())
}

fn without(bytes: &[u8], offset: usize, cut: &[Range<usize>]) -> Bytes {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for range in cut {
        kept.extend_from_slice(&bytes[at..range.start - offset]);
        at = range.end - offset;
    }
    kept.extend_from_slice(&bytes[at..]);
    Bytes::from(kept)
}

/// A PUBLISH to write.
pub(crate) struct Outgoing<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub pkid: u16,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    pub expiry: Option<u32>,
    pub properties: &'a [u8],
}

impl Outgoing<'_> {
    fn properties_len(&self) -> usize {
        self.properties.len() + if self.expiry.is_some() { 5 } else { 0 }
    }

    fn remaining(&self, protocol: Protocol) -> usize {
        let properties = match protocol {
            Protocol::V311 => 0,
            Protocol::V5 => variable_len(self.properties_len()) + self.properties_len(),
        };
        2 + self.topic.len() + if self.qos > 0 { 2 } else { 0 } + properties + self.payload.len()
    }

    /// The whole packet's length in bytes.
    pub fn len(&self, protocol: Protocol) -> usize {
        let remaining = self.remaining(protocol);
        1 + variable_len(remaining) + remaining
    }

    /// Appends the packet.
    pub fn encode(&self, protocol: Protocol, out: &mut BytesMut) {
        let remaining = self.remaining(protocol);
        out.reserve(5 + remaining);
        out.put_u8(0x30 | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain));
        put_variable(out, remaining);
        out.put_u16(self.topic.len() as u16);
        out.put_slice(self.topic.as_bytes());
        if self.qos > 0 {
            out.put_u16(self.pkid);
        }
        if protocol == Protocol::V5 {
            put_variable(out, self.properties_len());
            if let Some(seconds) = self.expiry {
                out.put_u8(2);
                out.put_u32(seconds);
            }
            out.put_slice(self.properties);
        }
        out.put_slice(self.payload);
    }
}

/// The packet identifier and success of a PUBACK, PUBREC, PUBREL or PUBCOMP with this body.
pub(crate) fn decode_ack(frame: Frame, body: &[u8], protocol: Protocol) -> Decoded<(u16, bool)> {
    let flags = if frame.kind == kind::PUBREL { 2 } else { 0 };
    let whole = body.len() == 2 || (protocol == Protocol::V5 && body.len() > 2);
    if frame.flags != flags || !whole {
        return Err(Refusal::Malformed);
    }
    let pkid = u16::from_be_bytes([body[0], body[1]]);
    if pkid == 0 {
        return Err(Refusal::Protocol);
    }
    Ok((pkid, body.get(2).is_none_or(|reason| *reason < 0x80)))
}

/// Appends an acknowledgement of `kind`; reasons other than 0 are for MQTT 5 only.
pub(crate) fn put_ack(out: &mut impl BufMut, kind: u8, pkid: u16, reason: u8) {
    out.put_u8(kind << 4 | if kind == kind::PUBREL { 2 } else { 0 });
    out.put_u8(if reason == 0 { 2 } else { 3 });
    out.put_u16(pkid);
    if reason != 0 {
        out.put_u8(reason);
    }
}

/// The identifiers in a run of acknowledgements written by [`put_ack`], of those that are of `kind` and a success.
pub(crate) fn acked(mut acks: &[u8], kind: u8) -> Vec<u16> {
    let mut found = Vec::new();
    while let [first, len, high, low, ..] = *acks {
        if first >> 4 == kind && len == 2 {
            found.push(u16::from_be_bytes([high, low]));
        }
        acks = &acks[2 + usize::from(len)..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::frame;

    fn round(protocol: Protocol, outgoing: &Outgoing<'_>) -> Incoming {
        let mut out = BytesMut::new();
        outgoing.encode(protocol, &mut out);
        assert_eq!(out.len(), outgoing.len(protocol));
        let out = out.freeze();
        let frame = frame::first(&out, usize::MAX).unwrap().unwrap();
        assert_eq!(frame.len, out.len());
        let incoming = decode(&out, 0, frame, protocol).unwrap();
        assert_eq!(&out[incoming.topic.clone()], outgoing.topic.as_bytes());
        assert_eq!(&out[incoming.payload.clone()], outgoing.payload);
        incoming
    }

    #[test]
    fn a_publish_comes_back_as_it_was_written() {
        for protocol in [Protocol::V311, Protocol::V5] {
            for qos in 0..3 {
                let payload = vec![7; 300 * usize::from(qos)];
                let written = Outgoing {
                    topic: "轧钢/一号机",
                    payload: &payload,
                    pkid: 513,
                    qos,
                    retain: qos == 1,
                    dup: qos == 2,
                    expiry: (protocol == Protocol::V5).then_some(9),
                    properties: if protocol == Protocol::V5 { &[1, 1] } else { &[] },
                };
                let read = round(protocol, &written);
                assert_eq!((read.qos, read.retain, read.dup), (qos, qos == 1, qos == 2));
                assert_eq!(read.pkid, if qos == 0 { 0 } else { 513 });
                assert_eq!(read.expiry, written.expiry);
                assert_eq!(&read.properties[..], written.properties);
            }
        }
    }

    #[test]
    fn alias_and_expiry_are_taken_out_of_the_properties_and_the_rest_travels_on() {
        let rest = [1, 1, 38, 0, 1, b'k', 0, 1, b'v'];
        let mut properties = vec![35, 0, 5];
        properties.extend_from_slice(&rest);
        properties.extend_from_slice(&[2, 0, 0, 0, 60]);
        let written = Outgoing {
            topic: "",
            payload: b"x",
            pkid: 0,
            qos: 0,
            retain: false,
            dup: false,
            expiry: None,
            properties: &properties,
        };
        let read = round(Protocol::V5, &written);
        assert_eq!((read.alias, read.expiry, &read.properties[..]), (Some(5), Some(60), &rest[..]));
    }

    #[test]
    fn a_malformed_publish_is_refused() {
        let check = |protocol, bytes: &[u8], expect| {
            let bytes = Bytes::copy_from_slice(bytes);
            let frame = frame::first(&bytes, 1000).unwrap().unwrap();
            assert_eq!(decode(&bytes, 0, frame, protocol).map(|_| ()), Err(expect), "{bytes:?}");
        };
        check(Protocol::V311, &[0x36, 5, 0, 1, b'a', 0, 1], Refusal::Malformed);
        check(Protocol::V311, &[0x38, 3, 0, 1, b'a'], Refusal::Malformed);
        check(Protocol::V311, &[0x30, 3, 0, 9, b'a'], Refusal::Malformed);
        check(Protocol::V311, &[0x30, 0], Refusal::Malformed);
        check(Protocol::V311, &[0x32, 4, 0, 1, b'a', 0], Refusal::Malformed);
        check(Protocol::V311, &[0x32, 5, 0, 1, b'a', 0, 0], Refusal::Protocol);
        check(Protocol::V5, &[0x30, 4, 0, 1, b'a', 9], Refusal::Malformed);
        check(Protocol::V5, &[0x30, 6, 0, 1, b'a', 2, 11, 1], Refusal::Protocol);
        check(Protocol::V5, &[0x30, 8, 0, 1, b'a', 4, 1, 0, 1, 0], Refusal::Protocol);
        check(Protocol::V5, &[0x30, 6, 0, 1, b'a', 2, 77, 1], Refusal::Malformed);
    }

    #[test]
    fn the_identifiers_of_written_acknowledgements_are_found_again() {
        let mut acks = Vec::new();
        put_ack(&mut acks, kind::PUBACK, 1, 0);
        put_ack(&mut acks, kind::PUBREC, 2, 0);
        put_ack(&mut acks, kind::PUBREC, 3, 0x90);
        put_ack(&mut acks, kind::PUBREC, 4, 0);
        assert_eq!(acked(&acks, kind::PUBREC), [2, 4]);
    }
}
