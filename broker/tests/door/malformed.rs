//! Bytes that are no MQTT, or MQTT in the wrong place: the connection they came on ends with the right reason, what
//! came before them is kept, and everyone else is served.

use broker::Config;

use crate::client::{Client, Connect, counted, packet, publish};
use crate::house::{House, open};

/// Sends `bytes` after a good message on an MQTT 5 connection: the reason it ends with. The good message must have
/// reached the intake, and a neighbour be served before and after.
async fn ends_with(bytes: &[u8], expect: u8) {
    let house = House::new(open()).await;
    let mut neighbour = Client::new(house.address, "neighbour").await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    let mut all = publish("t", "good", 1, 1, false, true);
    all.extend_from_slice(bytes);
    client.send(&all).await;
    assert_eq!(client.ack(0x40).await, 1, "{bytes:?}");
    assert_eq!(client.ends().await, Some(expect), "{bytes:?}");
    neighbour.publish("t", "next", 1, 1).await;
    assert_eq!(neighbour.ack(0x40).await, 1);
    assert_eq!(house.intake.payloads(), ["good", "next"]);
}

#[tokio::test]
async fn malformed_packets_end_their_connection_only() {
    ends_with(&[0x00, 0], 0x82).await;
    ends_with(&[0xf0, 0], 0x82).await;
    ends_with(&[0x20, 2, 0, 0], 0x82).await;
    ends_with(&[0xb0, 3, 0, 1, 0], 0x82).await;
    ends_with(&[0x30, 0xff, 0xff, 0xff, 0xff], 0x81).await;
    ends_with(&[0x30, 0], 0x81).await;
    ends_with(&[0x30, 3, 0, 9, b'a'], 0x81).await;
    ends_with(&[0x36, 6, 0, 1, b'a', 0, 1, 0], 0x81).await;
    ends_with(&[0x32, 6, 0, 1, b'a', 0, 0, 0], 0x82).await;
    ends_with(&[0x80, 7, 0, 1, 0, 0, 1, b'a', 0], 0x81).await;
    ends_with(&[0x82, 3, 0, 1, 0], 0x82).await;
    ends_with(&[0x82, 7, 0, 0, 0, 0, 1, b'a', 0], 0x82).await;
    ends_with(&[0x82, 7, 0, 1, 0, 0, 1, b'a', 3], 0x81).await;
    ends_with(&[0x82, 9, 0, 1, 2, 11, 0, 0, 1, b'a', 0], 0x82).await;
    ends_with(&[0xa2, 1, 0], 0x81).await;
    ends_with(&[0x40, 1, 0], 0x81).await;
    ends_with(&[0x60, 2, 0, 1], 0x81).await;
    ends_with(&[0xc1, 0], 0x81).await;
}

#[tokio::test]
async fn a_second_connect_ends_the_connection() {
    ends_with(&Connect::v5("c").encode(), 0x82).await;
}

#[tokio::test]
async fn topics_that_are_none_end_the_connection() {
    ends_with(&publish([0xff, 0xfe], "x", 0, 0, false, true), 0x90).await;
    ends_with(&publish("a/+", "x", 0, 0, false, true), 0x90).await;
    ends_with(&publish("#", "x", 1, 2, false, true), 0x90).await;
    ends_with(&publish("a\0b", "x", 0, 0, false, true), 0x90).await;
    ends_with(&publish("", "x", 0, 0, false, true), 0x82).await;
    ends_with(&publish("$SYS/x", "x", 0, 0, false, true), 0x90).await;
}

#[tokio::test]
async fn a_topic_beyond_our_limits_is_refused_by_its_acknowledgement_where_there_is_one() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    let long = "x".repeat(513);
    let deep = "x/".repeat(16);
    for (qos, ack) in [(1, 0x40), (2, 0x50)] {
        for topic in [&long, &deep, "$x"] {
            client.publish(topic, "x", qos, 5).await;
            let (first, body) = client.read().await;
            assert_eq!((first, &body[..3]), (ack, &[0, 5, 0x90][..]));
            assert_eq!(usize::from(body[3]) + 4, body.len(), "and a reason string");
        }
    }
    client.publish("fine", "x", 1, 5).await;
    assert_eq!(client.ack(0x40).await, 5);
    assert_eq!(house.intake.refused.lock().unwrap().len(), 6);
    assert_eq!((house.refused("topic_too_long"), house.refused("topic_too_deep")), (2, 2));
    let mut old = Client::new(house.address, "old").await;
    old.publish(&long, "x", 1, 5).await;
    assert_eq!(old.ends().await, None, "MQTT 3.1.1 cannot say it otherwise");
}

#[tokio::test]
async fn a_packet_of_ten_mebibytes_is_refused_with_its_reason_and_the_next_good_message_is_served() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    let huge = publish("t", vec![0; 10 << 20], 1, 1, false, true);
    // The broker may close before all of it is written.
    drop(tokio::io::AsyncWriteExt::write_all(&mut client.io, &huge).await);
    assert_eq!(client.ends().await, Some(0x95));
    assert_eq!(house.intake.refused.lock().unwrap()[..], [("c".to_owned(), 1, "packet_too_large")]);
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    client.publish("t", vec![0; 3 << 20], 1, 1).await;
    assert_eq!(client.ack(0x40).await, 1);
    let largest = house.intake.taken.lock().unwrap()[0].1.payload.len();
    assert_eq!(largest, 3 << 20);
}

#[tokio::test]
async fn what_is_no_connect_at_first_is_closed_without_an_answer() {
    let house = House::new(open()).await;
    let first = [
        publish("t", "x", 0, 0, false, false),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 2, 0, 1, 0, 1],
        packet(0x10, &[0; 3]),
        packet(0x10, &counted("HTTP")),
        vec![0x10, 0xff, 0xff, 0xff, 0x7f],
        vec![0x10, 0],
    ];
    for bytes in first {
        let mut client = Client::open(house.address).await;
        client.send(&bytes).await;
        assert_eq!(client.try_read().await, None, "{bytes:?}");
    }
    assert!(house.intake.payloads().is_empty());
}

#[tokio::test]
async fn connects_that_promise_what_they_do_not_keep_are_closed() {
    let house = House::new(open()).await;
    let good = Connect { will: Some(("w", "x")), login: Some(("user", "secret")), ..Connect::v5("c") }.encode();
    for cut in 10..good.len() {
        let mut client = Client::open(house.address).await;
        client.send(&packet(0x10, &good[2..cut])).await;
        let (first, body) = client.try_read().await.unwrap_or((0x20, vec![0, 0xff]));
        assert!(first == 0x20 && body[1] != 0, "cut at {cut}: {body:?}");
    }
    let check = async |connect: Connect<'_>, expect| {
        assert_eq!(Client::try_connect(house.address, connect).await.1[1], expect);
    };
    check(Connect { will: Some(("a/#", "x")), ..Connect::v5("c") }, 0x90).await;
    check(Connect { properties: vec![21, 0, 1, b'x'], ..Connect::v5("c") }, 0x8c).await;
    check(Connect::v5("a\u{7}b"), 0x85).await;
    check(Connect { login: Some(("user", "secret")), ..Connect::v5("c") }, 0).await;
}

#[tokio::test]
async fn a_message_that_comes_byte_by_byte_is_one_message() {
    let house = House::new(open()).await;
    let mut client = Client::new(house.address, "c").await;
    for byte in publish("t", "slowly", 1, 9, false, false) {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ack(0x40).await, 9);
    assert_eq!(house.intake.payloads(), ["slowly"]);
}

#[tokio::test]
async fn subscriptions_beyond_the_limit_are_refused_one_by_one() {
    let house = House::new(Config { max_subscriptions: 2, ..open() }).await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    let granted = client.subscribe(&[("a", 0), ("b", 1), ("c", 0), ("a", 2), ("x/#/y", 0)]).await;
    assert_eq!(granted, [0, 1, 0x97, 2, 0x8f]);
}
