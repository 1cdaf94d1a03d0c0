//! The properties of MQTT 5 (section 2.2.2) as clients send them.

use super::Decoded;
use super::cursor::Cursor;
use super::frame::put_variable;
use crate::refusal::Refusal;
use bytes::BufMut;

/// Property identifiers.
pub(crate) mod id {
    pub const PAYLOAD_FORMAT: u8 = 0x01;
    pub const MESSAGE_EXPIRY: u8 = 0x02;
    pub const CONTENT_TYPE: u8 = 0x03;
    pub const RESPONSE_TOPIC: u8 = 0x08;
    pub const CORRELATION_DATA: u8 = 0x09;
    pub const SUBSCRIPTION: u8 = 0x0b;
    pub const SESSION_EXPIRY: u8 = 0x11;
    pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub const AUTH_METHOD: u8 = 0x15;
    pub const AUTH_DATA: u8 = 0x16;
    pub const REQUEST_PROBLEM: u8 = 0x17;
    pub const WILL_DELAY: u8 = 0x18;
    pub const REQUEST_RESPONSE: u8 = 0x19;
    pub const REASON: u8 = 0x1f;
    pub const RECEIVE_MAXIMUM: u8 = 0x21;
    pub const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub const TOPIC_ALIAS: u8 = 0x23;
    pub const USER: u8 = 0x26;
    pub const MAX_PACKET: u8 = 0x27;
    pub const WILDCARDS: u8 = 0x28;
    pub const SUBSCRIPTION_IDS: u8 = 0x29;
    pub const SHARED: u8 = 0x2a;
}

/// What a property says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// An integer of any width.
    Number(u32),
    Text(&'a str),
    Data(&'a [u8]),
    Pair(&'a str, &'a str),
}

impl Value<'_> {
    pub fn number(self) -> u32 {
        if let Value::Number(n) = self { n } else { 0 }
    }

    /// The value of a property that is 0 or 1.
    pub fn flag(self) -> Decoded<bool> {
        match self.number() {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Refusal::Protocol),
        }
    }
}

/// Reads a length and the properties in it, handing each to `take`. One that the packet may not carry (`allowed`), and
/// one that comes twice, is a protocol error; one that nobody knows makes the packet malformed.
pub(crate) fn read<'a>(
    cursor: &mut Cursor<'a>,
    allowed: &[u8],
    mut take: impl FnMut(u8, Value<'a>) -> Decoded<()>,
) -> Decoded<()> {
    let len = cursor.variable()?;
    let range = cursor.take(len)?;
    let mut inner = Cursor { bytes: cursor.bytes, at: range.start, end: range.end };
    let mut seen = 0u64;
    while !inner.is_at_end() {
        let property = inner.u8()?;
        let value = value(&mut inner, property)?;
        if !allowed.contains(&property) {
            return Err(Refusal::Protocol);
        }
        let bit = 1 << (property & 63);
        if property != id::USER && seen & bit != 0 {
            return Err(Refusal::Protocol);
        }
        seen |= bit;
        take(property, value)?;
    }
    Ok(())
}

fn value<'a>(cursor: &mut Cursor<'a>, property: u8) -> Decoded<Value<'a>> {
    Ok(match property {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => Value::Number(cursor.u8()?.into()),
        0x13 | 0x21 | 0x22 | 0x23 => Value::Number(cursor.u16()?.into()),
        0x02 | 0x11 | 0x18 | 0x27 => Value::Number(cursor.u32()?),
        0x0b => Value::Number(cursor.variable()? as u32),
        0x03 | 0x08 | 0x12 | 0x15 | 0x1a | 0x1c | 0x1f => Value::Text(cursor.text()?),
        0x09 | 0x16 => Value::Data(cursor.data()?),
        0x26 => Value::Pair(cursor.text()?, cursor.text()?),
        _ => return Err(Refusal::Malformed),
    })
}

/// Appends bytes with their length before them. None of ours is longer than 65,535.
pub(crate) fn put_counted(out: &mut impl BufMut, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

/// Appends a property as it was read.
pub(crate) fn put(out: &mut impl BufMut, property: u8, value: Value<'_>) {
    out.put_u8(property);
    match (property, value) {
        (0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a, Value::Number(n)) => out.put_u8(n as u8),
        (0x13 | 0x21 | 0x22 | 0x23, Value::Number(n)) => out.put_u16(n as u16),
        (0x0b, Value::Number(n)) => put_variable(out, n as usize),
        (_, Value::Number(n)) => out.put_u32(n),
        (_, Value::Text(text)) => put_counted(out, text.as_bytes()),
        (_, Value::Data(data)) => put_counted(out, data),
        (_, Value::Pair(key, value)) => {
            put_counted(out, key.as_bytes());
            put_counted(out, value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = &[
        0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1c, 0x1f, 0x21,
        0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
    ];

    #[test]
    fn every_property_comes_back_as_it_was_written() {
        for &property in ALL {
            let value = match property {
                0x03 | 0x08 | 0x12 | 0x15 | 0x1a | 0x1c | 0x1f => Value::Text("轧钢"),
                0x09 | 0x16 => Value::Data(&[0, 255]),
                0x26 => Value::Pair("k", "v"),
                _ => Value::Number(1),
            };
            let mut inner = Vec::new();
            put(&mut inner, property, value);
            let mut out = vec![inner.len() as u8];
            out.extend(inner);
            let mut found = Vec::new();
            read(&mut Cursor::new(&out), ALL, |id, value| {
                found.push((id, value));
                Ok(())
            })
            .unwrap();
            assert_eq!(found, [(property, value)]);
        }
    }

    #[test]
    fn properties_that_may_not_be_are_refused() {
        let check = |bytes: &[u8], expect| {
            assert_eq!(read(&mut Cursor::new(bytes), &[0x11, 0x26, 0x1f], |_, _| Ok(())), expect, "{bytes:?}");
        };
        check(&[0], Ok(()));
        check(&[5, 0x11, 0, 0, 0, 1], Ok(()));
        check(&[10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1], Err(Refusal::Protocol));
        check(&[14, 0x26, 0, 1, b'k', 0, 1, b'v', 0x26, 0, 1, b'k', 0, 1, b'v'], Ok(()));
        check(&[3, 0x21, 0, 1], Err(Refusal::Protocol));
        check(&[2, 0x77, 0], Err(Refusal::Malformed));
        check(&[4, 0x11, 0, 0, 0], Err(Refusal::Malformed));
        check(&[5, 0x11, 0, 0, 0], Err(Refusal::Malformed));
        check(&[4, 0x1f, 0, 1, 0], Err(Refusal::Malformed));
        check(&[4, 0x1f, 0, 1, 0xff], Err(Refusal::Malformed));
    }
}
