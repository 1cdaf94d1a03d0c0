//! CONNECT, CONNACK, DISCONNECT, AUTH, PINGREQ and what all packets have in common.

use std::time::Duration;

use broker::Config;

use crate::client::{Client, Connect, counted, packet, publish};
use crate::house::{House, open};

/// Sends a CONNECT with these bytes behind the packet's fixed header: the code of the CONNACK, if one came before the
/// end.
async fn connects(house: &House, body: &[u8]) -> Option<u8> {
    let mut client = Client::open(house.address).await;
    client.send(&packet(0x10, body)).await;
    match client.try_read().await {
        Some((0x20, body)) => {
            assert_eq!((body[0], client.ends().await), (0, None), "no session, no DISCONNECT, and the end");
            Some(body[1])
        }
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

/// The body of a CONNECT: flags, properties (MQTT 5), payload.
fn body(v5: bool, flags: u8, properties: &[u8], payload: &[Vec<u8>]) -> Vec<u8> {
    let mut body = counted("MQTT");
    body.extend([if v5 { 5 } else { 4 }, flags, 0, 60]);
    if v5 {
        body.push(properties.len() as u8);
        body.extend_from_slice(properties);
    }
    body.extend(payload.concat());
    body
}

/// Sends `bytes` on a connection: the reason it ends with (MQTT 5), or just that it ends.
async fn ends_with(v5: bool, bytes: &[u8]) -> Option<u8> {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
    client.send(bytes).await;
    client.ends().await
}

#[tokio::test]
async fn flags_that_contradict_each_other_are_refused() {
    let house = House::new(open()).await;
    let (id, text) = (counted("c"), counted("x"));
    let cases: [(&str, u8, Vec<Vec<u8>>); 8] = [
        ("reserved flag", 0x03, vec![id.clone()]),
        ("will QoS without will", 0x0a, vec![id.clone()]),
        ("will retain without will", 0x22, vec![id.clone()]),
        ("will QoS 3", 0x1e, vec![id.clone(), text.clone(), text.clone()]),
        ("will without topic and message", 0x06, vec![id.clone()]),
        ("user name announced and missing", 0x82, vec![id.clone()]),
        ("user name present and not announced", 0x02, vec![id.clone(), text.clone()]),
        ("password present and not announced", 0x82, vec![id.clone(), text.clone(), text.clone()]),
    ];
    for (what, flags, payload) in cases {
        assert_eq!(connects(&house, &body(false, flags, &[], &payload)).await, None, "{what}");
        let mut payload = payload;
        if flags & 4 != 0 && payload.len() > 1 {
            payload.insert(1, vec![0]);
        }
        assert_eq!(connects(&house, &body(true, flags, &[], &payload)).await, Some(0x81), "{what}");
    }
    assert_eq!(connects(&house, &body(false, 0x42, &[], &[id.clone(), text])).await, None, "a password alone");
    assert_eq!(connects(&house, &body(false, 0x02, &[], &[])).await, None, "no client identifier");
    assert_eq!(house.broker.connected(), 0);
}

#[tokio::test]
async fn a_refused_client_identifier_is_told_and_the_connection_ends() {
    let house = House::new(open()).await;
    let no_clean_session = 0;
    assert_eq!(
        connects(&house, &body(false, no_clean_session, &[], &[counted("")])).await,
        Some(2),
        "empty, to be kept"
    );
    for clean in [0, 2] {
        let control = [counted("a\u{7}b")];
        assert_eq!(connects(&house, &body(false, clean, &[], &control)).await, Some(2));
        assert_eq!(connects(&house, &body(true, clean, &[], &control)).await, Some(0x85));
    }
    assert_eq!(house.broker.connected(), 0);
}

#[tokio::test]
async fn strings_that_are_no_utf_8_or_hold_a_null_end_the_connection() {
    let house = House::new(open()).await;
    for bad in [&b"a\xff"[..], b"a\0b", b"\xed\xa0\x80", b"\xc0\xaf"] {
        let id = vec![counted(bad)];
        assert_eq!(connects(&house, &body(false, 2, &[], &id)).await, None);
        assert_eq!(connects(&house, &body(true, 2, &[], &id)).await, Some(0x81));
        let will = vec![counted("c"), counted(bad), counted("x")];
        assert_eq!(connects(&house, &body(false, 0x06, &[], &will)).await, None, "will topic");
        let user = vec![counted("c"), counted(bad)];
        assert_eq!(connects(&house, &body(false, 0x82, &[], &user)).await, None, "user name");
        let mut property = vec![38];
        property.extend([counted("k"), counted(bad)].concat());
        assert_eq!(connects(&house, &body(true, 2, &property, &[counted("c")])).await, Some(0x81), "user property");
        for v5 in [false, true] {
            let mut subscribe = if v5 { vec![0, 1, 0] } else { vec![0, 1] };
            subscribe.extend(counted(bad));
            let unsubscribe = packet(0xa2, &subscribe);
            subscribe.push(0);
            let expect = v5.then_some(0x81);
            assert_eq!(ends_with(v5, &packet(0x82, &subscribe)).await, expect, "filter");
            assert_eq!(ends_with(v5, &unsubscribe).await, expect, "filter");
            assert_eq!(ends_with(v5, &publish(bad, "x", 0, 0, false, v5)).await, v5.then_some(0x90), "topic");
        }
    }
}

#[tokio::test]
async fn reserved_bits_of_the_fixed_header_end_the_connection() {
    for v5 in [false, true] {
        let expect = v5.then_some(0x81);
        let (subscribe, unsubscribe): (&[u8], &[u8]) = if v5 {
            (&[0, 1, 0, 0, 1, b'a', 0], &[0, 1, 0, 0, 1, b'a'])
        } else {
            (&[0, 1, 0, 1, b'a', 0], &[0, 1, 0, 1, b'a'])
        };
        for bytes in [
            packet(0x80, subscribe),
            packet(0xa0, unsubscribe),
            vec![0x60, 2, 0, 1],
            vec![0x41, 2, 0, 1],
            vec![0x51, 2, 0, 1],
            vec![0x71, 2, 0, 1],
            vec![0xc1, 0],
            vec![0xe1, 0],
        ] {
            assert_eq!(ends_with(v5, &bytes).await, expect, "{bytes:?}");
        }
    }
}

#[tokio::test]
async fn every_client_identifier_of_1_to_23_letters_and_digits_is_taken() {
    let house = House::new(open()).await;
    let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for id in ["a", &all[..23], &all[23..46], &all[39..]] {
        for v5 in [false, true] {
            Client::connect(house.address, Connect { v5, ..Connect::new(id) }).await;
        }
    }
}

#[tokio::test]
async fn an_mqtt_5_client_without_an_identifier_is_told_the_one_it_gets() {
    let house = House::new(open()).await;
    let mut assigned = Vec::new();
    for clean in [true, false] {
        let (client, connack) = Client::try_connect(house.address, Connect { clean, ..Connect::v5("") }).await;
        let at = connack.windows(2).position(|two| two == [0x12, 0]).expect("an assigned client identifier");
        let len = usize::from(connack[at + 2]);
        assigned.push((client, String::from_utf8(connack[at + 3..at + 3 + len].to_vec()).unwrap()));
    }
    assert_ne!(assigned[0].1, assigned[1].1);
    let known: Vec<_> = house.broker.clients().into_iter().map(|client| client.client_id.to_string()).collect();
    assert!(assigned.iter().all(|(_, id)| known.contains(id)));
}

#[tokio::test]
async fn what_follows_a_refused_connect_is_not_looked_at() {
    let house = House::new(Config::default()).await;
    for v5 in [false, true] {
        let mut all = Connect { v5, login: Some(("user", "wrong")), ..Connect::new("c") }.encode();
        all.extend(publish("t", "x", 1, 1, false, v5));
        let mut client = Client::open(house.address).await;
        client.send(&all).await;
        let (first, body) = client.read().await;
        assert_eq!((first, &body[..2]), (0x20, &[0, if v5 { 0x86 } else { 4 }][..]));
        assert_eq!(client.try_read().await, None, "nothing more, not even a DISCONNECT");
    }
    assert!(house.intake.payloads().is_empty());
}

#[tokio::test]
async fn the_connack_is_the_first_packet_and_the_only_one_of_its_kind() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect::kept("w")).await;
    watcher.subscribe(&[("t", 1)]).await;
    drop(watcher);
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    house.broker.publish("t", "waits".into(), 1, false).unwrap();
    // CONNECT and PINGREQ in one write: CONNACK, then what waits, and the answer to the ping.
    let mut watcher = Client::open(house.address).await;
    watcher.send(&[Connect::kept("w").encode(), vec![0xc0, 0]].concat()).await;
    assert_eq!(watcher.read().await, (0x20, vec![1, 0]));
    let mut kinds = vec![watcher.read().await.0, watcher.read().await.0];
    kinds.sort_unstable();
    assert_eq!(kinds, [0x32, 0xd0]);
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn a_second_connection_of_a_client_ends_the_first() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let connect = || Connect { v5, ..Connect::new("c") };
        let mut first = Client::connect(house.address, connect()).await;
        let mut second = Client::connect(house.address, connect()).await;
        assert_eq!(first.ends().await, v5.then_some(0x8e));
        assert!(second.is_quiet().await);
    }
}

#[tokio::test]
async fn properties_that_may_not_be_there_are_a_protocol_error() {
    let house = House::new(open()).await;
    let id = [counted("c")];
    let cases: [(&[u8], u8); 9] = [
        (&[0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1], 0x82),
        (&[0x21, 0, 0], 0x82),
        (&[0x27, 0, 0, 0, 0], 0x82),
        (&[0x17, 2], 0x82),
        (&[0x19, 2], 0x82),
        (&[0x16, 0, 1, 1], 0x82),
        (&[0x23, 0, 1], 0x82),
        (&[0x77, 0], 0x81),
        (&[0x11, 0, 0], 0x81),
    ];
    for (properties, expect) in cases {
        assert_eq!(connects(&house, &body(true, 2, properties, &id)).await, Some(expect), "{properties:?}");
    }
}

#[tokio::test]
async fn extended_authentication_is_refused_and_auth_packets_are_out_of_place() {
    let house = House::new(open()).await;
    let method = [vec![0x15], counted("SCRAM-SHA-1")].concat();
    assert_eq!(connects(&house, &body(true, 2, &method, &[counted("c")])).await, Some(0x8c));
    assert_eq!(ends_with(true, &[0xf0, 0]).await, Some(0x82));
    assert_eq!(ends_with(true, &[0xf0, 2, 0x19, 0]).await, Some(0x82));
    assert_eq!(ends_with(true, &[0xf1, 0]).await, Some(0x82));
    assert_eq!(ends_with(false, &[0xf0, 0]).await, None);
}

#[tokio::test]
async fn a_ping_is_answered() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.send(&[0xc0, 0, 0xc0, 0]).await;
        assert_eq!((client.read().await, client.read().await), ((0xd0, vec![]), (0xd0, vec![])));
    }
}

#[tokio::test]
async fn a_disconnect_discards_the_will_unless_it_asks_for_it() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("will", 0)]).await;
    for (v5, goodbye, published) in [
        (false, &[0xe0, 0][..], false),
        (true, &[0xe0, 0], false),
        (true, &[0xe0, 1, 0], false),
        (true, &[0xe0, 1, 4], true),
    ] {
        let connect = Connect { v5, will: Some(("will", "x")), ..Connect::new("m") };
        let mut machine = Client::connect(house.address, connect).await;
        machine.send(goodbye).await;
        assert_eq!(machine.ends().await, None, "no answer");
        if published {
            assert_eq!(watcher.take().await.payload, b"x");
        }
        assert!(watcher.is_quiet().await);
    }
    // A connection that a protocol error ends is not a DISCONNECT.
    let connect = Connect { will: Some(("will", "x")), ..Connect::v5("m") };
    let mut machine = Client::connect(house.address, connect).await;
    machine.send(&[0x00, 0]).await;
    machine.ends().await;
    assert_eq!(watcher.take().await.payload, b"x");
}

#[tokio::test]
async fn a_session_that_was_to_end_cannot_be_kept_with_a_disconnect() {
    assert_eq!(ends_with(true, &[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 9]).await, Some(0x82));
    assert_eq!(ends_with(true, &[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0]).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_that_is_too_long_is_replaced_and_the_client_is_told() {
    let house = House::new(Config { max_keep_alive: 10, ..open() }).await;
    for asked in [0, 60] {
        let started = tokio::time::Instant::now();
        let connect = Connect { keep_alive: asked, ..Connect::v5("c") };
        let (mut client, connack) = Client::try_connect(house.address, connect).await;
        assert!(connack.windows(3).any(|three| three == [0x13, 0, 10]), "{connack:?}");
        assert_eq!(client.ends().await, Some(0x8d));
        assert_eq!(started.elapsed(), Duration::from_secs(15));
    }
    let (_client, connack) = Client::try_connect(house.address, Connect { keep_alive: 10, ..Connect::v5("c") }).await;
    assert!(!connack.windows(3).any(|three| three == [0x13, 0, 10]));
}

#[tokio::test]
async fn the_connack_says_what_is_there() {
    let house = House::new(Config { in_flight_messages: 500, ..open() }).await;
    let (_client, connack) = Client::try_connect(house.address, Connect::v5("c")).await;
    let properties = [0x21, 1, 0xf4, 0x27, 0, 0x40, 0, 0, 0x22, 0, 64, 0x28, 1, 0x29, 1, 0x2a, 1];
    assert_eq!(connack, [&[0, 0, 17][..], &properties].concat());
}

#[tokio::test]
async fn no_packet_is_larger_than_the_client_takes() {
    let house = House::new(open()).await;
    let most = |n: u8| vec![0x27, 0, 0, 0, n];
    let (mut client, _) =
        Client::try_connect(house.address, Connect { properties: most(30), ..Connect::v5("c") }).await;
    client.subscribe(&[("t", 1)]).await;
    house.broker.publish("t", vec![0; 100].into(), 1, false).unwrap();
    house.broker.publish("t", "fits".into(), 1, false).unwrap();
    assert_eq!(client.take().await.payload, b"fits");
    assert_eq!(house.refused("subscriber_packet_size"), 1);
    client.publish(&"x".repeat(600), "", 1, 7).await;
    assert_eq!(client.read().await, (0x40, vec![0, 7, 0x90]), "no reason string: it would not fit");
    client.send(&[0x00, 0]).await;
    assert_eq!(client.read().await, (0xe0, vec![0x82, 0]));
    // A CONNACK that does not fit cannot be sent, nor can a client be served without one.
    let connect = Connect { properties: most(10), ..Connect::v5("c") };
    let (mut client, connack) = Client::try_connect(house.address, connect).await;
    assert_eq!((connack, client.ends().await), (vec![0, 0x95, 0], None));
}

#[tokio::test]
async fn a_client_that_wants_no_problem_information_gets_codes_only() {
    let house = House::new(open()).await;
    let mut quiet = Client::connect(house.address, Connect { properties: vec![0x17, 0], ..Connect::v5("q") }).await;
    let mut told = Client::connect(house.address, Connect::v5("t")).await;
    let long = "x".repeat(600);
    for (client, expect) in [(&mut quiet, false), (&mut told, true)] {
        for (qos, ack) in [(1, 0x40), (2, 0x50)] {
            client.publish(&long, "", qos, 7).await;
            let (first, body) = client.read().await;
            assert_eq!((first, body[2], body.len() > 3), (ack, 0x90, expect));
        }
        client.send(&[0x82, 8, 0, 9, 0, 0, 2, b'#', b'#', 0]).await;
        let (_, body) = client.read().await;
        assert_eq!((body[body.len() - 1], body[2] > 0), (0x8f, expect));
    }
}
