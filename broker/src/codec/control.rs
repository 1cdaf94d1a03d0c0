//! The packets that come once per connection or subscription: CONNECT, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT.

use bytes::{Bytes, BytesMut};

use super::Decoded;
use super::cursor::Cursor;
use super::frame::{Frame, variable_len};
use super::properties::{self, Value, id};
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// What a CONNECT says.
#[derive(Debug)]
pub(crate) struct ConnectPacket {
    pub protocol: Protocol,
    pub client_id: String,
    /// Clean session, clean start.
    pub clean: bool,
    /// In seconds; 0 is never.
    pub keep_alive: u16,
    pub properties: ConnectProperties,
    pub will: Option<LastWill>,
    pub login: Option<Login>,
}

/// The properties of a CONNECT that we act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectProperties {
    /// In seconds.
    pub session_expiry: u32,
    pub receive_maximum: u16,
    pub max_packet: Option<u32>,
    /// Whether reason strings may come with acknowledgements.
    pub problems: bool,
    pub authentication: bool,
}

/// A will as it was asked for.
#[derive(Debug)]
pub(crate) struct LastWill {
    pub topic: Bytes,
    pub payload: Bytes,
    pub qos: u8,
    pub retain: bool,
    /// In seconds.
    pub delay: u32,
    /// In seconds.
    pub expiry: Option<u32>,
    /// Those that travel on, encoded as in a PUBLISH, in their order.
    pub properties: Bytes,
}

/// User name and password; one that was not given is empty.
#[derive(Clone)]
pub(crate) struct Login {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The version a CONNECT asks for, if one can be made out.
pub(crate) fn version(packet: &[u8], frame: Frame) -> Decoded<Protocol> {
    let mut cursor = Cursor::new(&packet[frame.body..frame.len]);
    match (cursor.data()?, cursor.u8()?) {
        (b"MQTT", 4) => Ok(Protocol::V311),
        (b"MQTT", 5) => Ok(Protocol::V5),
        (b"MQTT" | b"MQIsdp", _) => Err(Refusal::Version),
        _ => Err(Refusal::ConnectExpected),
    }
}

/// Decodes a CONNECT of a version that [`version`] found; `packet` is the whole of it.
pub(crate) fn connect(packet: &[u8], frame: Frame, protocol: Protocol) -> Decoded<ConnectPacket> {
    let mut cursor = Cursor::new(&packet[frame.body..frame.len]);
    let (_name, _level, flags) = (cursor.counted()?, cursor.u8()?, cursor.u8()?);
    let v5 = protocol == Protocol::V5;
    let will_qos = flags >> 3 & 3;
    let [user, password, will, clean] = [0x80, 0x40, 0x04, 0x02].map(|bit| flags & bit != 0);
    let no_will = !will && flags & 0x38 != 0;
    if frame.flags != 0 || flags & 1 != 0 || no_will || will_qos == 3 || (password && !user && !v5) {
        return Err(Refusal::Malformed);
    }
    let keep_alive = cursor.u16()?;
    let properties = connect_properties(v5.then_some(&mut cursor))?;
    let client_id = cursor.text()?.to_owned();
    let will = if will { Some(last_will(&mut cursor, v5, will_qos, flags & 0x20 != 0)?) } else { None };
    let username = if user { cursor.text()?.to_owned() } else { String::new() };
    let secret = if password { cursor.data()? } else { &[] };
    if !cursor.is_at_end() {
        return Err(Refusal::Malformed);
    }
    // Passwords are text here; bytes that are none are nobody's.
    let secret = std::str::from_utf8(secret).map_err(|_| Refusal::Credentials)?.to_owned();
    let login = (user || password).then_some(Login { username, password: secret });
    Ok(ConnectPacket { protocol, client_id, clean, keep_alive, properties, will, login })
}

fn connect_properties(cursor: Option<&mut Cursor<'_>>) -> Decoded<ConnectProperties> {
    let mut found = ConnectProperties {
        session_expiry: 0,
        receive_maximum: u16::MAX,
        max_packet: None,
        problems: true,
        authentication: false,
    };
    let Some(cursor) = cursor else { return Ok(found) };
    let allowed = [
        id::SESSION_EXPIRY,
        id::RECEIVE_MAXIMUM,
        id::MAX_PACKET,
        id::TOPIC_ALIAS_MAXIMUM,
        id::REQUEST_RESPONSE,
        id::REQUEST_PROBLEM,
        id::USER,
        id::AUTH_METHOD,
        id::AUTH_DATA,
    ];
    let mut data = false;
    properties::read(cursor, &allowed, |property, value| {
        match property {
            id::SESSION_EXPIRY => found.session_expiry = value.number(),
            id::RECEIVE_MAXIMUM => found.receive_maximum = value.number() as u16,
            id::MAX_PACKET => found.max_packet = Some(value.number()),
            id::REQUEST_PROBLEM => found.problems = value.flag()?,
            // There is no information to give, which is what leaving it out says.
            id::REQUEST_RESPONSE => _ = value.flag()?,
            id::AUTH_METHOD => found.authentication = true,
            id::AUTH_DATA => data = true,
            _ => {}
        }
        Ok(())
    })?;
    let data_alone = data && !found.authentication;
    if found.receive_maximum == 0 || found.max_packet == Some(0) || data_alone {
        return Err(Refusal::Protocol);
    }
    Ok(found)
}

fn last_will(cursor: &mut Cursor<'_>, v5: bool, qos: u8, retain: bool) -> Decoded<LastWill> {
    let (mut delay, mut expiry, mut travels) = (0, None, BytesMut::new());
    if v5 {
        let allowed = [
            id::WILL_DELAY,
            id::PAYLOAD_FORMAT,
            id::MESSAGE_EXPIRY,
            id::CONTENT_TYPE,
            id::RESPONSE_TOPIC,
            id::CORRELATION_DATA,
            id::USER,
        ];
        properties::read(cursor, &allowed, |property, value| {
            match property {
                id::WILL_DELAY => delay = value.number(),
                id::MESSAGE_EXPIRY => expiry = Some(value.number()),
                _ => {
                    check_travelling(property, value)?;
                    properties::put(&mut travels, property, value);
                }
            }
            Ok(())
        })?;
    }
    let topic = Bytes::copy_from_slice(cursor.text()?.as_bytes());
    let payload = Bytes::copy_from_slice(cursor.data()?);
    Ok(LastWill { topic, payload, qos, retain, delay, expiry, properties: travels.freeze() })
}

/// What a property that goes to subscribers unchanged must be.
pub(crate) fn check_travelling(property: u8, value: Value<'_>) -> Decoded<()> {
    match (property, value) {
        (id::PAYLOAD_FORMAT, value) => value.flag().map(|_| ()),
        (id::RESPONSE_TOPIC, Value::Text(topic)) if topic.is_empty() || topic.contains(['+', '#']) => {
            Err(Refusal::Protocol)
        }
        _ => Ok(()),
    }
}

/// One wanted subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub path: String,
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
    /// The subscription identifier; 0 is none.
    pub id: u32,
}

/// When a subscription brings retained messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetainHandling {
    Always,
    IfNew,
    Never,
}

/// Decodes a SUBSCRIBE into its identifier and filters.
pub(crate) fn subscribe(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(u16, Vec<Wanted>)> {
    let mut cursor = identified(packet, frame)?;
    let (pkid, v5) = (cursor.u16()?, protocol == Protocol::V5);
    let mut number = None;
    if v5 {
        properties::read(&mut cursor, &[id::SUBSCRIPTION, id::USER], |property, value| {
            if property == id::SUBSCRIPTION {
                number = Some(value.number());
            }
            Ok(())
        })?;
    }
    let mut filters = Vec::new();
    while !cursor.is_at_end() {
        let path = cursor.text()?.to_owned();
        let options = cursor.u8()?;
        let known = if v5 { 0x3f } else { 0x03 };
        let retain_handling = match options >> 4 & 3 {
            0 => RetainHandling::Always,
            1 => RetainHandling::IfNew,
            2 => RetainHandling::Never,
            _ => return Err(Refusal::Protocol),
        };
        let no_local = options & 4 != 0;
        if options & !known != 0 || options & 3 == 3 {
            return Err(Refusal::Malformed);
        }
        if no_local && path.starts_with("$share/") {
            return Err(Refusal::Protocol);
        }
        let retain_as_published = options & 8 != 0;
        let id = number.unwrap_or(0);
        filters.push(Wanted { path, qos: options & 3, no_local, retain_as_published, retain_handling, id });
    }
    if pkid == 0 || filters.is_empty() || number == Some(0) {
        return Err(Refusal::Protocol);
    }
    Ok((pkid, filters))
}

/// Decodes an UNSUBSCRIBE into its identifier and filters.
pub(crate) fn unsubscribe(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(u16, Vec<String>)> {
    let mut cursor = identified(packet, frame)?;
    let pkid = cursor.u16()?;
    if protocol == Protocol::V5 {
        properties::read(&mut cursor, &[id::USER], |_, _| Ok(()))?;
    }
    let mut filters = Vec::new();
    while !cursor.is_at_end() {
        filters.push(cursor.text()?.to_owned());
    }
    if pkid == 0 || filters.is_empty() { Err(Refusal::Protocol) } else { Ok((pkid, filters)) }
}

/// The body of a packet whose flags are 0010.
fn identified(packet: &[u8], frame: Frame) -> Decoded<Cursor<'_>> {
    if frame.flags == 2 { Ok(Cursor::new(&packet[frame.body..frame.len])) } else { Err(Refusal::Malformed) }
}

/// What a DISCONNECT says: whether the will is to be published all the same, and a changed session expiry (seconds).
pub(crate) fn disconnect(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(bool, Option<u32>)> {
    let mut cursor = Cursor::new(&packet[frame.body..frame.len]);
    if frame.flags != 0 || (protocol == Protocol::V311 && !cursor.is_at_end()) {
        return Err(Refusal::Malformed);
    }
    if cursor.is_at_end() {
        return Ok((false, None));
    }
    let reason = cursor.u8()?;
    if !matches!(reason, 0 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x97 | 0x99) {
        return Err(Refusal::Protocol);
    }
    let mut expiry = None;
    if !cursor.is_at_end() {
        properties::read(&mut cursor, &[id::SESSION_EXPIRY, id::REASON, id::USER], |property, value| {
            if property == id::SESSION_EXPIRY {
                expiry = Some(value.number());
            }
            Ok(())
        })?;
    }
    if cursor.is_at_end() { Ok((reason == 0x04, expiry)) } else { Err(Refusal::Malformed) }
}

/// The bytes in which subscription identifiers are written into a PUBLISH.
pub(crate) fn subscription_ids(ids: &[u32]) -> Box<[u8]> {
    let mut out = Vec::with_capacity(ids.iter().map(|id| 1 + variable_len(*id as usize)).sum());
    ids.iter().for_each(|number| properties::put(&mut out, id::SUBSCRIPTION, Value::Number(*number)));
    out.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{frame, kind, publish};
    use proptest::prelude::*;

    proptest! {
        /// Whatever a client sends after a valid fixed header, decoding yields a packet or a refusal.
        #[test]
        fn no_bytes_bring_the_codec_down(
            kind in 0u8..16, flags in 0u8..16, body in proptest::collection::vec(any::<u8>(), 0..80), five: bool,
        ) {
            let mut packet = vec![kind << 4 | flags];
            frame::put_variable(&mut packet, body.len());
            packet.extend_from_slice(&body);
            let frame = frame::first(&packet, 1000).unwrap().unwrap();
            let protocol = if five { Protocol::V5 } else { Protocol::V311 };
            decode_any(&packet, frame, protocol);
        }

        /// The same with a CONNECT that is right up to its flags.
        #[test]
        fn no_connect_brings_the_codec_down(
            flags in any::<u8>(), five: bool, rest in proptest::collection::vec(0u8..48, 0..120),
        ) {
            let mut packet = vec![0x10];
            frame::put_variable(&mut packet, 8 + rest.len());
            packet.extend_from_slice(&[0, 4, b'M', b'Q', b'T', b'T', if five { 5 } else { 4 }, flags]);
            packet.extend_from_slice(&rest);
            let frame = frame::first(&packet, 1000).unwrap().unwrap();
            drop(connect(&packet, frame, version(&packet, frame).unwrap()));
        }
    }

    fn decode_any(packet: &[u8], frame: Frame, protocol: Protocol) {
        let bytes = Bytes::copy_from_slice(packet);
        match frame.kind {
            kind::CONNECT => drop(version(packet, frame).and_then(|protocol| connect(packet, frame, protocol))),
            kind::PUBLISH => drop(publish::decode(&bytes, 0, frame, protocol)),
            kind::SUBSCRIBE => drop(subscribe(protocol, packet, frame)),
            kind::UNSUBSCRIBE => drop(unsubscribe(protocol, packet, frame)),
            kind::DISCONNECT => drop(disconnect(protocol, packet, frame)),
            _ => drop(publish::decode_ack(frame, &packet[frame.body..], protocol)),
        }
    }

    #[test]
    fn a_disconnect_of_any_length_is_understood() {
        let check = |protocol, bytes: &[u8], expect| {
            let frame = frame::first(bytes, 1000).unwrap().unwrap();
            assert_eq!(disconnect(protocol, bytes, frame), expect, "{bytes:?}");
        };
        check(Protocol::V5, &[0xe0, 0], Ok((false, None)));
        check(Protocol::V5, &[0xe0, 1, 0x04], Ok((true, None)));
        check(Protocol::V5, &[0xe0, 2, 0x04, 0], Ok((true, None)));
        check(Protocol::V5, &[0xe0, 7, 0x00, 5, 0x11, 0, 0, 0, 9], Ok((false, Some(9))));
        check(Protocol::V5, &[0xe0, 3, 0x00, 0, 7], Err(Refusal::Malformed));
        check(Protocol::V5, &[0xe0, 1, 0x8b], Err(Refusal::Protocol));
        check(Protocol::V5, &[0xe1, 0], Err(Refusal::Malformed));
        check(Protocol::V311, &[0xe0, 0], Ok((false, None)));
        check(Protocol::V311, &[0xe0, 1, 0x04], Err(Refusal::Malformed));
    }
}
