//! The client's side of the protocol: the packets that a session at another broker writes, and the answers it reads.
//!
//! What is read here comes from a broker that somebody else runs: every length is checked, an unknown property ends
//! the connection, and nothing is believed beyond the end of its packet.

use bytes::{BufMut, BytesMut};

use super::Decoded;
use super::frame::{put_variable, variable};
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// What a CONNECT says.
pub(crate) struct Connect<'a> {
    pub protocol: Protocol,
    pub client_id: &'a str,
    /// Seconds.
    pub keep_alive: u16,
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    pub will: Option<&'a outbox::Message>,
    /// MQTT 5 only; seconds.
    pub session_expiry: u32,
    /// MQTT 5 only.
    pub receive_maximum: u16,
    /// MQTT 5 only; bytes.
    pub max_packet: u32,
}

impl Connect<'_> {
    /// Appends the packet. The session is always taken up where the broker has kept it.
    pub fn encode(&self, out: &mut BytesMut) {
        let five = self.protocol == Protocol::V5;
        let mut body = BytesMut::new();
        body.put_slice(&[0, 4, b'M', b'Q', b'T', b'T', if five { 5 } else { 4 }]);
        let will = self.will.map_or(0, |w| 0x04 | (w.qos & 3) << 3 | u8::from(w.retain) << 5);
        let login = u8::from(self.user.is_some()) << 7 | u8::from(self.password.is_some()) << 6;
        body.put_u8(will | login);
        body.put_u16(self.keep_alive);
        if five {
            put_variable(&mut body, 13);
            body.put_u8(17);
            body.put_u32(self.session_expiry);
            body.put_u8(33);
            body.put_u16(self.receive_maximum);
            body.put_u8(39);
            body.put_u32(self.max_packet);
        }
        counted(&mut body, self.client_id.as_bytes());
        if let Some(will) = self.will {
            if five {
                body.put_u8(0);
            }
            counted(&mut body, will.topic.as_bytes());
            counted(&mut body, &will.payload);
        }
        for text in [self.user, self.password].into_iter().flatten() {
            counted(&mut body, text.as_bytes());
        }
        packet(out, 0x10, &body);
    }
}

/// A filter to subscribe to.
pub(crate) struct Wanted<'a> {
    pub filter: &'a str,
    pub qos: u8,
    /// MQTT 5 only: what this client publishes itself does not come back.
    pub no_local: bool,
}

/// Appends a SUBSCRIBE.
pub(crate) fn put_subscribe(out: &mut BytesMut, protocol: Protocol, pkid: u16, filters: &[Wanted<'_>]) {
    let mut body = BytesMut::new();
    body.put_u16(pkid);
    if protocol == Protocol::V5 {
        body.put_u8(0);
    }
    for wanted in filters {
        counted(&mut body, wanted.filter.as_bytes());
        let options = match protocol {
            Protocol::V311 => 0,
            // Retained messages only where the subscription is new: they must not look fresh with every connection.
            Protocol::V5 => u8::from(wanted.no_local) << 2 | 1 << 4,
        };
        body.put_u8(wanted.qos | options);
    }
    packet(out, 0x82, &body);
}

/// Appends a PINGREQ.
pub(crate) fn put_ping(out: &mut BytesMut) {
    out.put_slice(&[0xc0, 0]);
}

/// Appends a DISCONNECT that keeps the will back.
pub(crate) fn put_goodbye(out: &mut BytesMut) {
    out.put_slice(&[0xe0, 0]);
}

fn counted(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

fn packet(out: &mut BytesMut, first: u8, body: &[u8]) {
    out.put_u8(first);
    put_variable(out, body.len());
    out.put_slice(body);
}

/// What a CONNACK says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub session_present: bool,
    /// 0 lets the client in; the numbers mean different things in the two versions.
    pub code: u8,
    /// The broker's own words, where it gives any.
    pub reason: Option<String>,
    pub receive_maximum: u16,
    pub max_packet: usize,
    pub max_qos: u8,
    pub retain: bool,
    /// The keep alive that the broker wants instead of ours, seconds.
    pub keep_alive: Option<u16>,
    pub shared: bool,
    pub wildcards: bool,
}

/// Decodes the body of a CONNACK.
pub(crate) fn connack(protocol: Protocol, body: &[u8]) -> Decoded<Welcome> {
    let [flags, code, rest @ ..] = body else { return Err(Refusal::Malformed) };
    let mut welcome = Welcome {
        session_present: flags & 1 != 0,
        code: *code,
        reason: None,
        receive_maximum: u16::MAX,
        max_packet: usize::MAX,
        max_qos: 2,
        retain: true,
        keep_alive: None,
        shared: true,
        wildcards: true,
    };
    if flags & 0xfe != 0 || (*code != 0 && welcome.session_present) {
        return Err(Refusal::Protocol);
    }
    // A broker that does not know version 5 answers in the older form.
    if protocol == Protocol::V311 || (rest.is_empty() && *code != 0) {
        return if rest.is_empty() { Ok(welcome) } else { Err(Refusal::Malformed) };
    }
    properties(rest, &mut |id, value| match (id, value) {
        (33, Value::Number(n)) => welcome.receive_maximum = u16::try_from(n).unwrap_or(u16::MAX).max(1),
        (39, Value::Number(n)) => welcome.max_packet = (n as usize).max(1),
        (36, Value::Number(n)) => welcome.max_qos = n as u8,
        (37, Value::Number(n)) => welcome.retain = n != 0,
        (19, Value::Number(n)) => welcome.keep_alive = u16::try_from(n).ok(),
        (40, Value::Number(n)) => welcome.wildcards = n != 0,
        (42, Value::Number(n)) => welcome.shared = n != 0,
        (31, Value::Text(text)) => welcome.reason = Some(text.to_owned()),
        _ => {}
    })?;
    Ok(welcome)
}

/// Decodes the body of a SUBACK: its packet id and a code for each filter, 0x80 and above a refusal.
pub(crate) fn suback(protocol: Protocol, body: &[u8]) -> Decoded<(u16, Vec<u8>)> {
    let [high, low, rest @ ..] = body else { return Err(Refusal::Malformed) };
    let codes = match protocol {
        Protocol::V311 => rest,
        Protocol::V5 => properties(rest, &mut |_, _| {})?,
    };
    Ok((u16::from_be_bytes([*high, *low]), codes.to_vec()))
}

/// Decodes the body of a DISCONNECT from the broker (MQTT 5): its reason, and its own words.
pub(crate) fn disconnect(body: &[u8]) -> Decoded<(u8, Option<String>)> {
    let [code, rest @ ..] = body else { return Ok((0, None)) };
    let mut reason = None;
    if !rest.is_empty() {
        properties(rest, &mut |id, value| {
            if let (31, Value::Text(text)) = (id, value) {
                reason = Some(text.to_owned());
            }
        })?;
    }
    Ok((*code, reason))
}

enum Value<'a> {
    Number(u32),
    Text(&'a str),
    Other,
}

/// Walks the properties at the start of `bytes` (MQTT 5, section 2.2.2) and yields what follows them.
fn properties<'a>(bytes: &'a [u8], each: &mut dyn FnMut(u8, Value<'a>)) -> Decoded<&'a [u8]> {
    let (len, size) = variable(bytes)?.ok_or(Refusal::Malformed)?;
    let (mut at, rest) = bytes[size..].split_at_checked(len).ok_or(Refusal::Malformed)?;
    while let [id, tail @ ..] = at {
        let (value, tail) = property(*id, tail)?;
        each(*id, value);
        at = tail;
    }
    Ok(rest)
}

fn property(id: u8, bytes: &[u8]) -> Decoded<(Value<'_>, &[u8])> {
    let number = |n: usize| {
        let (value, rest) = bytes.split_at_checked(n).ok_or(Refusal::Malformed)?;
        Ok((Value::Number(value.iter().fold(0, |v, b| v << 8 | u32::from(*b))), rest))
    };
    match id {
        36 | 37 | 40 | 41 | 42 => number(1),
        19 | 33 | 34 => number(2),
        17 | 39 => number(4),
        18 | 21 | 26 | 28 | 31 => {
            let (text, rest) = take_counted(bytes)?;
            Ok((Value::Text(std::str::from_utf8(text).map_err(|_| Refusal::Malformed)?), rest))
        }
        22 => take_counted(bytes).map(|(_, rest)| (Value::Other, rest)),
        38 => {
            let (_, rest) = take_counted(bytes)?;
            take_counted(rest).map(|(_, rest)| (Value::Other, rest))
        }
        _ => Err(Refusal::Malformed),
    }
}

fn take_counted(bytes: &[u8]) -> Decoded<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_at_checked(2).ok_or(Refusal::Malformed)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([len[0], len[1]]))).ok_or(Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{control, frame};
    use proptest::prelude::*;

    #[test]
    fn the_server_side_reads_what_the_client_side_writes() {
        let will = outbox::Message { retain: true, ..outbox::Message::new("轧钢/state", "gone") };
        for protocol in [Protocol::V311, Protocol::V5] {
            for (user, password, will) in [(None, None, None), (Some("u"), Some("p"), Some(&will))] {
                let written = Connect {
                    protocol,
                    client_id: "collector-1",
                    keep_alive: 30,
                    user,
                    password,
                    will,
                    session_expiry: 3600,
                    receive_maximum: 500,
                    max_packet: 1 << 20,
                };
                let mut out = BytesMut::new();
                written.encode(&mut out);
                let frame = frame::first(&out, 1000).unwrap().unwrap();
                let read = control::connect(&out, frame, protocol).unwrap();
                assert_eq!(read.protocol, protocol);
                assert_eq!((&*read.client_id, read.keep_alive, read.clean), ("collector-1", 30, false));
                assert_eq!(read.login.map(|l| (l.username, l.password)), user.map(|_| ("u".into(), "p".into())));
                let read_will = read.will.map(|w| (w.topic, w.payload, w.qos, w.retain));
                assert_eq!(read_will, will.map(|w| (w.topic.to_string().into(), w.payload.clone(), 1, true)));
                if protocol == Protocol::V5 {
                    let p = read.properties;
                    let found = (p.session_expiry, p.receive_maximum, p.max_packet);
                    assert_eq!(found, (3600, 500, Some(1 << 20)));
                }
                out.clear();
                let filters = [
                    Wanted { filter: "a/+/#", qos: 1, no_local: true },
                    Wanted { filter: "$share/g/b", qos: 2, no_local: false },
                ];
                put_subscribe(&mut out, protocol, 7, &filters);
                let frame = frame::first(&out, 1000).unwrap().unwrap();
                let (pkid, read) = control::subscribe(protocol, &out, frame).unwrap();
                let once = |f: &control::Wanted| f.retain_handling == control::RetainHandling::IfNew;
                assert!(read.iter().all(|f| once(f) == (protocol == Protocol::V5)));
                let read: Vec<_> = read.iter().map(|f| (&*f.path, f.qos, f.no_local)).collect();
                let five = protocol == Protocol::V5;
                assert_eq!((pkid, read), (7, vec![("a/+/#", 1, five), ("$share/g/b", 2, false)]));
            }
        }
    }

    #[test]
    fn a_connack_is_read_in_both_versions() {
        let plain = connack(Protocol::V311, &[1, 0]).unwrap();
        assert!(plain.session_present && plain.code == 0);
        assert_eq!(connack(Protocol::V311, &[0, 5]).unwrap().code, 5);
        // A 3.1.1 broker turns a version 5 client away in its own form.
        assert_eq!(connack(Protocol::V5, &[0, 1]).unwrap().code, 1);
        let body = [0, 0, 17, 33, 0, 20, 39, 0, 0, 8, 0, 36, 1, 37, 0, 19, 0, 10, 42, 0];
        let w = connack(Protocol::V5, &body).unwrap();
        let found = (w.receive_maximum, w.max_packet, w.max_qos, w.retain, w.keep_alive, w.shared, w.wildcards);
        assert_eq!(found, (20, 2048, 1, false, Some(10), false, true));
        let w = connack(Protocol::V5, &[0, 0x87, 5, 31, 0, 2, b'n', b'o']).unwrap();
        assert_eq!((w.code, w.reason.as_deref()), (0x87, Some("no")));
    }

    #[test]
    fn what_a_broker_may_not_say_is_refused() {
        for bad in [&[][..], &[0], &[2, 0, 0], &[1, 5, 0], &[0, 0], &[0, 0, 9, 1], &[0, 0, 1, 99], &[0, 0, 3, 31, 0, 9]]
        {
            assert!(connack(Protocol::V5, bad).is_err(), "{bad:?}");
        }
        assert!(connack(Protocol::V311, &[0, 0, 0]).is_err());
        assert_eq!(suback(Protocol::V311, &[0, 7, 1, 0x80]), Ok((7, vec![1, 0x80])));
        assert_eq!(suback(Protocol::V5, &[0, 7, 0, 1, 0x87]), Ok((7, vec![1, 0x87])));
        assert!(suback(Protocol::V5, &[0, 7]).is_err());
        assert_eq!(disconnect(&[]), Ok((0, None)));
        assert_eq!(disconnect(&[0x8e]), Ok((0x8e, None)));
    }

    proptest! {
        #[test]
        fn no_answer_brings_the_client_down(body in proptest::collection::vec(any::<u8>(), 0..60), five: bool) {
            let protocol = if five { Protocol::V5 } else { Protocol::V311 };
            drop(connack(protocol, &body));
            drop(suback(protocol, &body));
            drop(disconnect(&body));
        }
    }
}
