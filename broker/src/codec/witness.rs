//! Our codec against `rumqttd`'s: what it writes, ours reads as it was meant.

use bytes::{Bytes, BytesMut};
use rumqttd::protocol::{
    Connect, ConnectProperties, Filter, LastWill, LastWillProperties, Login, Packet, Protocol as _, QoS,
    RetainForwardRule, Subscribe, SubscribeProperties, Unsubscribe, v4::V4, v5::V5,
};

use super::control::{self, RetainHandling};
use super::frame::{self, Frame};
use crate::intake::Protocol;

fn written(protocol: Protocol, packet: Packet) -> (BytesMut, Frame) {
    let mut out = BytesMut::new();
    match protocol {
        Protocol::V311 => V4.write(packet, &mut out).unwrap(),
        Protocol::V5 => V5.write(packet, &mut out).unwrap(),
    };
    let frame = frame::first(&out, usize::MAX).unwrap().unwrap();
    assert_eq!(frame.len, out.len());
    (out, frame)
}

#[test]
fn a_connect_is_read_as_it_was_meant() {
    let connect = Connect { keep_alive: 77, client_id: "轧钢-1".to_owned(), clean_session: true };
    let will =
        LastWill { topic: "w".into(), message: Bytes::from_static(&[0, 255]), qos: QoS::ExactlyOnce, retain: true };
    let login = Login { username: "user".to_owned(), password: "secret".to_owned() };
    let properties = ConnectProperties {
        session_expiry_interval: Some(9),
        receive_maximum: Some(10),
        max_packet_size: Some(2_000),
        topic_alias_max: Some(3),
        request_response_info: None,
        request_problem_info: Some(0),
        user_properties: vec![("k".to_owned(), "v".to_owned())],
        authentication_method: None,
        authentication_data: None,
    };
    let will_properties = LastWillProperties {
        delay_interval: Some(5),
        payload_format_indicator: Some(0),
        message_expiry_interval: Some(6),
        content_type: Some("c".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(Bytes::from_static(b"x")),
        user_properties: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
    };
    for protocol in [Protocol::V311, Protocol::V5] {
        let v5 = protocol == Protocol::V5;
        let packet = Packet::Connect(
            connect.clone(),
            v5.then(|| properties.clone()),
            Some(will.clone()),
            v5.then(|| will_properties.clone()),
            Some(login.clone()),
        );
        let (bytes, frame) = written(protocol, packet);
        assert_eq!(control::version(&bytes, frame), Ok(protocol));
        let read = control::connect(&bytes, frame, protocol).unwrap();
        assert_eq!((read.keep_alive, &*read.client_id, read.clean), (77, "轧钢-1", true));
        let found = read.login.unwrap();
        assert_eq!((&*found.username, &*found.password), ("user", "secret"));
        let will = read.will.unwrap();
        assert_eq!((&will.topic[..], &will.payload[..], will.qos, will.retain), (&b"w"[..], &[0, 255][..], 2, true));
        if v5 {
            let found = read.properties;
            assert_eq!((found.session_expiry, found.receive_maximum, found.max_packet), (9, 10, Some(2_000)));
            assert!(!found.problems);
            assert_eq!((will.delay, will.expiry), (5, Some(6)));
            let travels = [
                &[1, 0, 3, 0, 1, b'c', 8, 0, 1, b'r', 9, 0, 1, b'x'][..],
                &[38, 0, 1, b'a', 0, 1, b'1', 38, 0, 1, b'a', 0, 1, b'2'],
            ];
            assert_eq!(&will.properties[..], travels.concat());
        }
    }
}

#[test]
fn subscriptions_are_read_as_they_were_meant() {
    let filter = |path: &str, qos, nolocal, preserve_retain, retain_forward_rule| Filter {
        path: path.to_owned(),
        qos,
        nolocal,
        preserve_retain,
        retain_forward_rule,
    };
    let filters = vec![
        filter("a/#", QoS::AtMostOnce, false, false, RetainForwardRule::OnEverySubscribe),
        filter("$share/g/轧钢", QoS::ExactlyOnce, false, true, RetainForwardRule::OnNewSubscribe),
        filter("+", QoS::AtLeastOnce, true, false, RetainForwardRule::Never),
    ];
    for protocol in [Protocol::V311, Protocol::V5] {
        let v5 = protocol == Protocol::V5;
        let properties = v5.then(|| SubscribeProperties { id: Some(300), user_properties: Vec::new() });
        let packet = Packet::Subscribe(Subscribe { pkid: 7, filters: filters.clone() }, properties);
        let (bytes, frame) = written(protocol, packet);
        let (pkid, read) = control::subscribe(protocol, &bytes, frame).unwrap();
        assert_eq!(pkid, 7);
        for (read, meant) in read.iter().zip(&filters) {
            assert_eq!((&read.path, read.qos), (&meant.path, meant.qos as u8));
            if v5 {
                let handling = match meant.retain_forward_rule {
                    RetainForwardRule::OnEverySubscribe => RetainHandling::Always,
                    RetainForwardRule::OnNewSubscribe => RetainHandling::IfNew,
                    RetainForwardRule::Never => RetainHandling::Never,
                };
                assert_eq!(
                    (read.no_local, read.retain_as_published, read.id),
                    (meant.nolocal, meant.preserve_retain, 300)
                );
                assert_eq!(read.retain_handling, handling);
            }
        }
        let packet =
            Packet::Unsubscribe(Unsubscribe { pkid: 8, filters: vec!["a".to_owned(), "b/+".to_owned()] }, None);
        let (bytes, frame) = written(protocol, packet);
        assert_eq!(control::unsubscribe(protocol, &bytes, frame), Ok((8, vec!["a".to_owned(), "b/+".to_owned()])));
    }
}
