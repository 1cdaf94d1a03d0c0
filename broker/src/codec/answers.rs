//! What the broker answers: CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT.
//!
//! A reason string tells a person what a code does not. It is left out where the client asked for none
//! (request problem information) and where the packet would become larger than the client takes.

use bytes::{BufMut, BytesMut};

use super::frame::{put_variable, variable_len};
use super::properties::{self, Value, id};
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// What an MQTT 5 client is told of us when it is let in.
#[derive(Debug, Default)]
pub(crate) struct Welcome {
    /// What is kept of its session, when that is less than it asked for.
    pub session_expiry: Option<u32>,
    pub receive_maximum: u16,
    pub max_packet: u32,
    pub assigned_client_id: Option<String>,
    pub alias_maximum: u16,
    /// When it has to come more often than it said.
    pub keep_alive: Option<u16>,
}

/// Appends a CONNACK that lets the client in.
pub(crate) fn put_connack(out: &mut BytesMut, protocol: Protocol, present: bool, welcome: &Welcome) {
    if protocol == Protocol::V311 {
        out.put_slice(&[0x20, 2, u8::from(present), 0]);
        return;
    }
    let mut found = BytesMut::new();
    let mut number = |property, value: u32| properties::put(&mut found, property, Value::Number(value));
    if let Some(seconds) = welcome.session_expiry {
        number(id::SESSION_EXPIRY, seconds);
    }
    if welcome.receive_maximum < u16::MAX {
        number(id::RECEIVE_MAXIMUM, welcome.receive_maximum.into());
    }
    number(id::MAX_PACKET, welcome.max_packet);
    number(id::TOPIC_ALIAS_MAXIMUM, welcome.alias_maximum.into());
    for available in [id::WILDCARDS, id::SUBSCRIPTION_IDS, id::SHARED] {
        number(available, 1);
    }
    if let Some(seconds) = welcome.keep_alive {
        number(id::SERVER_KEEP_ALIVE, seconds.into());
    }
    if let Some(name) = &welcome.assigned_client_id {
        properties::put(&mut found, id::ASSIGNED_CLIENT_ID, Value::Text(name));
    }
    out.put_u8(0x20);
    put_variable(out, 2 + variable_len(found.len()) + found.len());
    out.put_slice(&[u8::from(present), 0]);
    put_variable(out, found.len());
    out.put_slice(&found);
}

/// Appends a CONNACK that does not. MQTT 3.1.1 has five reasons only (section 3.2.2.3).
pub(crate) fn put_refused_connack(out: &mut BytesMut, protocol: Option<Protocol>, refusal: Refusal, most: usize) {
    if protocol == Some(Protocol::V5) {
        let reason = refusal.sentence();
        if reason.len() + 8 > most {
            out.put_slice(&[0x20, 3, 0, refusal.code(), 0]);
            return;
        }
        out.put_slice(&[0x20, 6 + reason.len() as u8, 0, refusal.code(), 3 + reason.len() as u8]);
        properties::put(out, id::REASON, Value::Text(reason));
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
pub(crate) fn put_suback(
    out: &mut BytesMut,
    protocol: Protocol,
    pkid: u16,
    granted: &[Result<u8, Refusal>],
    reasons: Reasons,
) {
    let code = |granted: &Result<u8, Refusal>| match (granted, protocol) {
        (Ok(qos), _) => *qos,
        (Err(_), Protocol::V311) => 0x80,
        (Err(refusal), Protocol::V5) => match refusal.code() {
            // Those a SUBACK may carry (section 3.9.3).
            code @ (0x83 | 0x87 | 0x8f | 0x91 | 0x97 | 0x9e | 0xa1 | 0xa2) => code,
            _ => 0x80,
        },
    };
    let refused = granted.iter().find_map(|granted| granted.err());
    put_codes(out, 0x90, protocol, pkid, granted.iter().map(code), refused.filter(|_| reasons.allowed), reasons.most);
}

/// Appends an UNSUBACK: for each filter whether there was a subscription.
pub(crate) fn put_unsuback(out: &mut BytesMut, protocol: Protocol, pkid: u16, existed: &[bool]) {
    let codes = existed.iter().filter(|_| protocol == Protocol::V5).map(|existed| if *existed { 0 } else { 0x11 });
    put_codes(out, 0xb0, protocol, pkid, codes, None, usize::MAX);
}

/// Whether and how large reason strings may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reasons {
    pub allowed: bool,
    /// The largest packet the client takes.
    pub most: usize,
}

fn put_codes(
    out: &mut BytesMut,
    first: u8,
    protocol: Protocol,
    pkid: u16,
    codes: impl Iterator<Item = u8>,
    reason: Option<Refusal>,
    most: usize,
) {
    let codes: Vec<u8> = codes.collect();
    let v5 = protocol == Protocol::V5;
    let bare = 2 + codes.len() + usize::from(v5);
    let reason = reason.map(Refusal::sentence).filter(|reason| v5 && bare + reason.len() + 8 <= most);
    let properties = reason.map_or(0, |reason| 3 + reason.len());
    out.put_u8(first);
    put_variable(out, bare + properties);
    out.put_u16(pkid);
    if v5 {
        out.put_u8(properties as u8);
    }
    if let Some(reason) = reason {
        properties::put(out, id::REASON, Value::Text(reason));
    }
    out.put_slice(&codes);
}

/// Appends a PINGRESP.
pub(crate) fn put_pong(out: &mut BytesMut) {
    out.put_slice(&[0xd0, 0]);
}

/// Appends a DISCONNECT of at most `most` bytes; MQTT 3.1.1 has none from the server.
pub(crate) fn put_disconnect(out: &mut BytesMut, protocol: Protocol, refusal: Refusal, most: usize) {
    if protocol == Protocol::V311 || most < 4 {
        return;
    }
    let reason = refusal.sentence();
    if reason.len() + 7 > most {
        out.put_slice(&[0xe0, 2, refusal.code(), 0]);
        return;
    }
    out.put_slice(&[0xe0, 5 + reason.len() as u8, refusal.code(), 3 + reason.len() as u8]);
    properties::put(out, id::REASON, Value::Text(reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_fits_a_length_of_one_byte() {
        for refusal in Refusal::ALL {
            let sentence = refusal.sentence();
            assert!((5..=115).contains(&sentence.len()), "{refusal:?}: {} bytes: {sentence}", sentence.len());
            assert_eq!(sentence.trim(), sentence);
        }
    }

    #[test]
    fn a_reason_string_is_left_out_where_it_does_not_fit() {
        let written = |most| {
            let mut out = BytesMut::new();
            put_disconnect(&mut out, Protocol::V5, Refusal::KeepAlive, most);
            out.to_vec()
        };
        assert_eq!(written(20), [0xe0, 2, 0x8d, 0]);
        assert!(written(3).is_empty());
        assert!(String::from_utf8_lossy(&written(200)).contains("keep alive"));
    }
}
