//! The packets that come once per connection or subscription, through rumqttd's codec.
//!
//! That codec panics on a CONNACK or UNSUBACK from a client, takes a DISCONNECT of one byte for an unfinished packet
//! and writes one that no client can read. So it is given only the packet types it reads well, one whole packet at a
//! time, and DISCONNECT is written here.

use bytes::{BufMut, Bytes, BytesMut};
use rumqttd::protocol::{ConnAck, ConnAckProperties, SubAck, SubscribeReasonCode, UnsubAck, UnsubAckReason};
use rumqttd::protocol::{
    Connect, ConnectProperties, DisconnectReasonCode, Filter, LastWill, LastWillProperties, Login, Packet,
    Protocol as _, v4::V4, v5::V5,
};

use super::Decoded;
use super::frame::Frame;
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// What a CONNECT says.
#[derive(Debug)]
pub(crate) struct ConnectPacket {
    pub protocol: Protocol,
    pub connect: Connect,
    pub properties: ConnectProperties,
    pub will: Option<(LastWill, Option<LastWillProperties>)>,
    pub login: Option<Login>,
}

fn read(protocol: Protocol, packet: &[u8]) -> Decoded<Packet> {
    let mut bytes = BytesMut::from(packet);
    let max = packet.len();
    let read = match protocol {
        Protocol::V311 => V4.read_mut(&mut bytes, max),
        Protocol::V5 => V5.read_mut(&mut bytes, max),
    };
    read.map_err(|_| Refusal::Malformed)
}

fn write(protocol: Protocol, packet: Packet, out: &mut BytesMut) {
    let before = out.len();
    let written = match protocol {
        Protocol::V311 => V4.write(packet, out),
        Protocol::V5 => V5.write(packet, out),
    };
    if written.is_err() {
        out.truncate(before);
    }
}

/// Decodes a CONNECT; `packet` is the whole of it.
pub(crate) fn connect(packet: &[u8], frame: Frame) -> Decoded<ConnectPacket> {
    let body = &packet[frame.body..frame.len];
    let name = body.get(2..).and_then(|rest| {
        let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
        Some((rest.get(..len)?, *rest.get(len)?, *rest.get(len + 1)?))
    });
    let Some((name, level, flags)) = name else { return Err(Refusal::Malformed) };
    let protocol = match (name, level) {
        (b"MQTT", 4) => Protocol::V311,
        (b"MQTT", 5) => Protocol::V5,
        (b"MQTT" | b"MQIsdp", _) => return Err(Refusal::Version),
        _ => return Err(Refusal::ConnectExpected),
    };
    let password_alone = protocol == Protocol::V311 && flags & 0xc0 == 0x40;
    if frame.flags != 0 || flags & 1 != 0 || password_alone {
        return Err(Refusal::Malformed);
    }
    let Packet::Connect(connect, properties, will, will_properties, login) = read(protocol, packet)? else {
        return Err(Refusal::ConnectExpected);
    };
    let properties = properties.unwrap_or(ConnectProperties {
        session_expiry_interval: None,
        receive_maximum: None,
        max_packet_size: None,
        topic_alias_max: None,
        request_response_info: None,
        request_problem_info: None,
        user_properties: Vec::new(),
        authentication_method: None,
        authentication_data: None,
    });
    if properties.receive_maximum == Some(0) || properties.max_packet_size == Some(0) {
        return Err(Refusal::Protocol);
    }
    Ok(ConnectPacket { protocol, connect, properties, will: will.map(|will| (will, will_properties)), login })
}

/// One wanted subscription: as rumqttd decodes it.
pub(crate) type Wanted = Filter;

/// Decodes a SUBSCRIBE into its identifier and filters.
pub(crate) fn subscribe(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(u16, Vec<Wanted>)> {
    if frame.flags != 2 {
        return Err(Refusal::Malformed);
    }
    match read(protocol, packet)? {
        Packet::Subscribe(subscribe, _) if subscribe.pkid == 0 => Err(Refusal::Protocol),
        Packet::Subscribe(_, Some(properties)) if properties.id.is_some() => Err(Refusal::SubscriptionIdentifier),
        Packet::Subscribe(subscribe, _) => Ok((subscribe.pkid, subscribe.filters)),
        _ => Err(Refusal::Malformed),
    }
}

/// Decodes an UNSUBSCRIBE into its identifier and filters.
pub(crate) fn unsubscribe(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(u16, Vec<String>)> {
    if frame.flags != 2 || frame.len - frame.body < 2 {
        return Err(Refusal::Malformed);
    }
    match read(protocol, packet)? {
        Packet::Unsubscribe(packet, _) if packet.pkid == 0 || packet.filters.is_empty() => Err(Refusal::Protocol),
        Packet::Unsubscribe(packet, _) => Ok((packet.pkid, packet.filters)),
        _ => Err(Refusal::Malformed),
    }
}

/// What a DISCONNECT says: whether the will is to be published all the same, and a changed session expiry (seconds).
pub(crate) fn disconnect(protocol: Protocol, packet: &[u8], frame: Frame) -> Decoded<(bool, Option<u32>)> {
    let body = &packet[frame.body..frame.len];
    match (protocol, body) {
        _ if frame.flags != 0 => Err(Refusal::Malformed),
        (_, []) => Ok((false, None)),
        (Protocol::V311, _) => Err(Refusal::Malformed),
        (Protocol::V5, [reason]) => Ok((*reason == 0x04, None)),
        (Protocol::V5, _) => match read(protocol, packet)? {
            Packet::Disconnect(disconnect, properties) => Ok((
                disconnect.reason_code == DisconnectReasonCode::DisconnectWithWillMessage,
                properties.and_then(|p| p.session_expiry_interval),
            )),
            _ => Err(Refusal::Malformed),
        },
    }
}

/// Appends a CONNACK that lets the client in.
pub(crate) fn put_connack(out: &mut BytesMut, protocol: Protocol, present: bool, properties: ConnAckProperties) {
    let code = rumqttd::protocol::ConnectReturnCode::Success;
    let properties = (protocol == Protocol::V5).then_some(properties);
    write(protocol, Packet::ConnAck(ConnAck { session_present: present, code }, properties), out);
}

/// Appends a CONNACK that does not. MQTT 3.1.1 has five reasons only (section 3.2.2.3).
pub(crate) fn put_refused_connack(out: &mut BytesMut, protocol: Option<Protocol>, refusal: Refusal) {
    if protocol == Some(Protocol::V5) {
        out.put_slice(&[0x20, 3, 0, refusal.code(), 0]);
        return;
    }
    let code = match refusal {
        Refusal::Version => 1,
        Refusal::ClientId => 2,
        Refusal::Credentials => 4,
        Refusal::NotAuthorized | Refusal::Anonymous | Refusal::ClientIdBound | Refusal::WillDenied => 5,
        _ => 3,
    };
    out.put_slice(&[0x20, 2, 0, code]);
}

/// Appends a SUBACK: for each filter the quality of service granted, or why not.
pub(crate) fn put_suback(out: &mut BytesMut, protocol: Protocol, pkid: u16, granted: &[Result<u8, Refusal>]) {
    let code = |granted: &Result<u8, Refusal>| match (granted, protocol) {
        (Ok(0), _) => SubscribeReasonCode::QoS0,
        (Ok(1), _) => SubscribeReasonCode::QoS1,
        (Ok(_), _) => SubscribeReasonCode::QoS2,
        (Err(_), Protocol::V311) => SubscribeReasonCode::Failure,
        (Err(Refusal::SharedSubscription), _) => SubscribeReasonCode::SharedSubscriptionsNotSupported,
        (Err(Refusal::SubscribeDenied), _) => SubscribeReasonCode::NotAuthorized,
        (Err(Refusal::FilterInvalid), _) => SubscribeReasonCode::TopicFilterInvalid,
        (Err(Refusal::Subscriptions), _) => SubscribeReasonCode::QuotaExceeded,
        (Err(_), _) => SubscribeReasonCode::Unspecified,
    };
    let return_codes = granted.iter().map(code).collect();
    write(protocol, Packet::SubAck(SubAck { pkid, return_codes }, None), out);
}

/// Appends an UNSUBACK: for each filter whether there was a subscription.
pub(crate) fn put_unsuback(out: &mut BytesMut, protocol: Protocol, pkid: u16, existed: &[bool]) {
    let reason = |existed: &bool| match existed {
        true => UnsubAckReason::Success,
        false => UnsubAckReason::NoSubscriptionExisted,
    };
    write(protocol, Packet::UnsubAck(UnsubAck { pkid, reasons: existed.iter().map(reason).collect() }, None), out);
}

/// Appends a PINGRESP.
pub(crate) fn put_pong(out: &mut BytesMut) {
    out.put_slice(&[0xd0, 0]);
}

/// Appends a DISCONNECT; MQTT 3.1.1 has none from the server.
pub(crate) fn put_disconnect(out: &mut BytesMut, protocol: Protocol, reason: u8) {
    if protocol == Protocol::V5 {
        out.put_slice(&[0xe0, 2, reason, 0]);
    }
}

/// The properties of a will that travel with its message, encoded as in a PUBLISH.
pub(crate) fn will_properties(properties: &LastWillProperties) -> Bytes {
    let mut out = BytesMut::new();
    let counted = |out: &mut BytesMut, bytes: &[u8]| {
        out.put_u16(bytes.len() as u16);
        out.put_slice(bytes);
    };
    if let Some(indicator) = properties.payload_format_indicator {
        out.put_slice(&[1, indicator]);
    }
    for (id, text) in [(3, &properties.content_type), (8, &properties.response_topic)] {
        if let Some(text) = text {
            out.put_u8(id);
            counted(&mut out, text.as_bytes());
        }
    }
    if let Some(data) = &properties.correlation_data {
        out.put_u8(9);
        counted(&mut out, data);
    }
    for (key, value) in &properties.user_properties {
        out.put_u8(38);
        counted(&mut out, key.as_bytes());
        counted(&mut out, value.as_bytes());
    }
    out.freeze()
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
            drop(connect(&packet, frame));
        }
    }

    fn decode_any(packet: &[u8], frame: Frame, protocol: Protocol) {
        let bytes = Bytes::copy_from_slice(packet);
        match frame.kind {
            kind::CONNECT => drop(connect(packet, frame)),
            kind::PUBLISH => drop(publish::decode(&bytes, 0, frame, protocol)),
            kind::SUBSCRIBE => drop(subscribe(protocol, packet, frame)),
            kind::UNSUBSCRIBE => drop(unsubscribe(protocol, packet, frame)),
            kind::DISCONNECT => drop(disconnect(protocol, packet, frame)),
            _ => drop(publish::decode_ack(frame, &packet[frame.body..], protocol)),
        }
    }

    #[test]
    fn a_disconnect_of_one_byte_is_understood() {
        let check = |bytes: &[u8], expect| {
            let frame = frame::first(bytes, 1000).unwrap().unwrap();
            assert_eq!(disconnect(Protocol::V5, bytes, frame), expect, "{bytes:?}");
        };
        check(&[0xe0, 0], Ok((false, None)));
        check(&[0xe0, 1, 0x04], Ok((true, None)));
        check(&[0xe0, 2, 0x04, 0], Ok((true, None)));
        check(&[0xe0, 7, 0x00, 5, 0x11, 0, 0, 0, 9], Ok((false, Some(9))));
        check(&[0xe1, 0], Err(Refusal::Malformed));
    }
}
