//! PUBLISH and its acknowledgements (MQTT 5, sections 3.3 to 3.7), without a copy of topic or payload.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::answers::Reasons;
use super::control::check_travelling;
use super::cursor::Cursor;
use super::frame::{Frame, put_variable, variable_len};
use super::properties::{self, Value, id};
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
    let mut seen = 0u64;
    while cursor.at < cursor.end {
        let start = cursor.at;
        let property = cursor.u8()?;
        let bit = 1u64 << (property & 63);
        if property != id::USER && seen & bit != 0 {
            return Err(Refusal::Protocol);
        }
        seen |= bit;
        match property {
            id::PAYLOAD_FORMAT => check_travelling(property, Value::Number(cursor.u8()?.into()))?,
            id::MESSAGE_EXPIRY => into.expiry = Some(cursor.u32()?),
            id::CONTENT_TYPE | id::RESPONSE_TOPIC => check_travelling(property, Value::Text(cursor.text()?))?,
            id::CORRELATION_DATA => _ = cursor.counted()?,
            id::SUBSCRIPTION => return Err(Refusal::Protocol),
            id::TOPIC_ALIAS => into.alias = Some(cursor.u16()?),
            id::USER => _ = (cursor.text()?, cursor.text()?),
            _ => return Err(Refusal::Malformed),
        }
        if matches!(property, id::MESSAGE_EXPIRY | id::TOPIC_ALIAS) {
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
    /// Subscription identifiers, encoded as properties.
    pub ids: &'a [u8],
    pub properties: &'a [u8],
}

impl Outgoing<'_> {
    fn properties_len(&self) -> usize {
        self.properties.len() + self.ids.len() + if self.expiry.is_some() { 5 } else { 0 }
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
            out.put_slice(self.ids);
            out.put_slice(self.properties);
        }
        out.put_slice(self.payload);
    }
}

/// The packet identifier and the reason code of a PUBACK, PUBREC, PUBREL or PUBCOMP with this body; below 0x80 it is
/// success.
pub(crate) fn decode_ack(frame: Frame, body: &[u8], protocol: Protocol) -> Decoded<(u16, u8)> {
    let flags = if frame.kind == kind::PUBREL { 2 } else { 0 };
    let whole = body.len() == 2 || (protocol == Protocol::V5 && body.len() > 2);
    if frame.flags != flags || !whole {
        return Err(Refusal::Malformed);
    }
    let pkid = u16::from_be_bytes([body[0], body[1]]);
    if pkid == 0 {
        return Err(Refusal::Protocol);
    }
    let reason = body.get(2).copied().unwrap_or(0);
    let known = match frame.kind {
        kind::PUBACK | kind::PUBREC => {
            matches!(reason, 0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99)
        }
        _ => matches!(reason, 0 | 0x92),
    };
    if !known {
        return Err(Refusal::Protocol);
    }
    if body.len() > 3 {
        let mut cursor = Cursor::new(&body[3..]);
        properties::read(&mut cursor, &[id::REASON, id::USER], |_, _| Ok(()))?;
        if !cursor.is_at_end() {
            return Err(Refusal::Malformed);
        }
    }
    Ok((pkid, reason))
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

/// Appends an MQTT 5 acknowledgement of `kind` that tells why the message was not taken.
pub(crate) fn put_refused_ack(out: &mut impl BufMut, kind: u8, pkid: u16, refusal: Refusal, reasons: Reasons) {
    let reason = refusal.sentence();
    if !reasons.allowed || reason.len() + 9 > reasons.most {
        return put_ack(out, kind, pkid, refusal.code());
    }
    out.put_u8(kind << 4);
    out.put_u8(7 + reason.len() as u8);
    out.put_u16(pkid);
    out.put_u8(refusal.code());
    out.put_u8(3 + reason.len() as u8);
    properties::put(out, id::REASON, Value::Text(reason));
}

/// The identifiers in a run of acknowledgements written by [`put_ack`] and [`put_refused_ack`], of those that are of `kind` and a success.
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
                    ids: &[],
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
            ids: &[],
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
        check(Protocol::V5, &[0x30, 6, 0, 1, b'a', 2, 1, 2], Refusal::Protocol);
        check(Protocol::V5, &[0x30, 8, 0, 1, b'a', 4, 8, 0, 1, b'#'], Refusal::Protocol);
        check(Protocol::V5, &[0x30, 8, 0, 1, b'a', 4, 3, 0, 1, 0], Refusal::Malformed);
        check(Protocol::V5, &[0x30, 8, 0, 1, b'a', 4, 1, 0, 2, 0], Refusal::Malformed);
    }

    #[test]
    fn an_acknowledgement_says_only_what_it_may() {
        let check = |protocol, bytes: &[u8], expect| {
            let frame = frame::first(bytes, 1000).unwrap().unwrap();
            assert_eq!(decode_ack(frame, &bytes[frame.body..], protocol), expect, "{bytes:?}");
        };
        check(Protocol::V311, &[0x40, 2, 0, 1], Ok((1, 0)));
        check(Protocol::V311, &[0x40, 3, 0, 1, 0], Err(Refusal::Malformed));
        check(Protocol::V5, &[0x40, 3, 0, 1, 0x97], Ok((1, 0x97)));
        check(Protocol::V5, &[0x40, 8, 0, 1, 0, 4, 0x1f, 0, 1, b'x'], Ok((1, 0)));
        check(Protocol::V5, &[0x40, 5, 0, 1, 0, 0, 0], Err(Refusal::Malformed));
        check(Protocol::V5, &[0x40, 3, 0, 1, 0x92], Err(Refusal::Protocol));
        check(Protocol::V5, &[0x62, 3, 0, 1, 0x92], Ok((1, 0x92)));
        check(Protocol::V5, &[0x60, 2, 0, 1], Err(Refusal::Malformed));
        check(Protocol::V5, &[0x40, 6, 0, 1, 0, 2, 1, 1], Err(Refusal::Protocol));
    }

    #[test]
    fn the_identifiers_of_written_acknowledgements_are_found_again() {
        let mut acks = Vec::new();
        put_ack(&mut acks, kind::PUBACK, 1, 0);
        put_ack(&mut acks, kind::PUBREC, 2, 0);
        put_ack(&mut acks, kind::PUBREC, 3, 0x90);
        let reasons = Reasons { allowed: true, most: 100 };
        put_refused_ack(&mut acks, kind::PUBREC, 9, Refusal::TopicTooLong, reasons);
        put_ack(&mut acks, kind::PUBREC, 4, 0);
        assert_eq!(acked(&acks, kind::PUBREC), [2, 4]);
    }
}
