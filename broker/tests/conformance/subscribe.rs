//! SUBSCRIBE, UNSUBSCRIBE, filters.

use crate::client::{Client, Connect, counted, packet};
use crate::house::{House, open};

/// A SUBSCRIBE of MQTT 5 with these properties.
fn subscribe(pkid: u16, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = pkid.to_be_bytes().to_vec();
    body.push(properties.len() as u8);
    body.extend_from_slice(properties);
    for (filter, options) in filters {
        body.extend(counted(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

fn unsubscribe(v5: bool, pkid: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = pkid.to_be_bytes().to_vec();
    if v5 {
        body.push(0);
    }
    body.extend(filters.iter().flat_map(counted));
    packet(0xa2, &body)
}

#[tokio::test]
async fn a_subscribe_against_the_rules_ends_the_connection() {
    let check = async |v5: bool, bytes: &[u8], expect: u8| {
        let house = House::new(open()).await;
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.send(bytes).await;
        assert_eq!(client.ends().await, v5.then_some(expect), "{bytes:?}");
    };
    check(false, &[0x82, 2, 0, 1], 0).await;
    check(true, &[0x82, 3, 0, 1, 0], 0x82).await;
    check(false, &[0xa2, 2, 0, 1], 0).await;
    check(true, &[0xa2, 3, 0, 1, 0], 0x82).await;
    check(false, &[0x82, 6, 0, 0, 0, 1, b'a', 0], 0).await;
    check(true, &[0x82, 7, 0, 0, 0, 0, 1, b'a', 0], 0x82).await;
    check(true, &[0xa2, 6, 0, 0, 0, 0, 1, b'a'], 0x82).await;
    for options in [0x03, 0x04, 0x08, 0x10, 0x40, 0x80] {
        check(false, &[0x82, 6, 0, 1, 0, 1, b'a', options], 0).await;
    }
    for (options, expect) in [(0x03, 0x81), (0x40, 0x81), (0x80, 0x81), (0x30, 0x82)] {
        check(true, &[0x82, 7, 0, 1, 0, 0, 1, b'a', options], expect).await;
    }
    check(true, &subscribe(1, &[], &[("$share/g/a", 0x04)]), 0x82).await;
    check(true, &subscribe(1, &[0x0b, 0], &[("a", 0)]), 0x82).await;
    check(true, &subscribe(1, &[0x0b, 1, 0x0b, 2], &[("a", 0)]), 0x82).await;
    check(true, &subscribe(1, &[0x11, 0, 0, 0, 0], &[("a", 0)]), 0x82).await;
}

#[tokio::test]
async fn each_filter_has_its_code_in_its_place() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        let bad = if v5 { 0x8f } else { 0x80 };
        let filters = [("a", 2), ("a/#/b", 0), ("+", 0), ("b+", 1), ("#", 1), ("", 0), ("/", 1)];
        assert_eq!(client.subscribe(&filters).await, [2, bad, 0, bad, 1, bad, 1]);
        client.send(&unsubscribe(v5, 0x1234, &["+", "never", "a", "#"])).await;
        let codes: &[u8] = if v5 { &[0, 0, 0x11, 0, 0] } else { &[] };
        assert_eq!(client.read().await, (0xb0, [&[0x12, 0x34], codes].concat()));
    }
}

#[tokio::test]
async fn a_subscription_is_replaced_by_one_with_the_same_filter_and_nothing_is_lost() {
    let house = House::new(open()).await;
    house.broker.publish("t", "old".into(), 1, true).unwrap();
    for v5 in [false, true] {
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        assert_eq!(client.subscribe(&[("t", 0)]).await, [0]);
        assert_eq!(client.take().await.qos, 0);
        house.broker.publish("t", "between".into(), 1, false).unwrap();
        client
            .send(&if v5 { subscribe(9, &[0x0b, 5], &[("t", 1)]) } else { packet(0x82, &[0, 9, 0, 1, b't', 1]) })
            .await;
        assert_eq!(client.take().await.payload, b"between");
        assert_eq!(client.read().await.0, 0x90);
        let again = client.take().await;
        assert_eq!((again.payload, again.qos, again.retain), (b"old".to_vec(), 1, true), "sent again");
        house.broker.publish("t", "new".into(), 1, false).unwrap();
        let new = client.take().await;
        assert_eq!((new.payload, new.qos), (b"new".to_vec(), 1));
        assert!(client.is_quiet().await, "once");
    }
}

#[tokio::test]
async fn a_message_that_several_subscriptions_match_comes_once_with_all_their_identifiers() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    for (id, filter, options) in [(1u8, "t/#", 0), (100, "t/+", 2), (7, "other", 1)] {
        client.send(&subscribe(id.into(), &[0x0b, id], &[(filter, options)])).await;
        client.read().await;
    }
    client.subscribe(&[("t/x", 1)]).await;
    house.broker.publish("t/x", "hello".into(), 2, false).unwrap();
    let (first, body) = client.read().await;
    assert_eq!(first >> 1 & 3, 2, "the highest quality");
    let mut ids = [body[9], body[11]];
    ids.sort_unstable();
    assert_eq!((body[7], body[8], body[10], ids), (4, 0x0b, 0x0b, [1, 100]));
    assert!(client.is_quiet().await, "one copy");
    // Large identifiers, and retained messages.
    house.broker.publish("r", "x".into(), 0, true).unwrap();
    client.send(&subscribe(9, &[0x0b, 0xff, 0xff, 0xff, 0x7f], &[("r", 0)])).await;
    assert_eq!(client.read().await.0, 0x90);
    assert_eq!(client.read().await, (0x31, vec![0, 1, b'r', 5, 0x0b, 0xff, 0xff, 0xff, 0x7f, b'x']));
}

#[tokio::test]
async fn an_overlap_of_filters_is_one_message_at_the_highest_quality_in_3_1_1_too() {
    let house = House::new(open()).await;
    let mut client = Client::new(house.address, "c").await;
    client.subscribe(&[("t/#", 0), ("t/x", 2), ("+/x", 1)]).await;
    house.broker.publish("t/x", "hello".into(), 2, false).unwrap();
    assert_eq!(client.take().await.qos, 2);
    assert!(client.is_quiet().await);
}

#[tokio::test]
async fn filters_are_compared_character_by_character() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.subscribe(&[("ACCOUNTS", 0), ("/finance", 0), ("caf\u{e9}", 0), ("\u{feff}x", 0)]).await;
        for topic in ["Accounts", "finance", "cafe\u{301}", "x", "/finance/", "ACCOUNTS "] {
            house.broker.publish(topic, "no".into(), 0, false).unwrap();
        }
        assert!(client.is_quiet().await);
        for topic in ["ACCOUNTS", "/finance", "caf\u{e9}", "\u{feff}x"] {
            house.broker.publish(topic, "yes".into(), 0, false).unwrap();
            assert_eq!(client.take().await.topic, topic);
        }
        // A filter that matches the same topics is another filter.
        client.send(&unsubscribe(v5, 1, &["accounts", "+", "/finance"])).await;
        client.read().await;
        house.broker.publish("ACCOUNTS", "yes".into(), 0, false).unwrap();
        house.broker.publish("/finance", "no".into(), 0, false).unwrap();
        assert_eq!(client.take().await.topic, "ACCOUNTS");
        assert!(client.is_quiet().await);
    }
}

#[tokio::test]
async fn what_was_begun_is_finished_after_an_unsubscribe() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.subscribe(&[("t", 2)]).await;
        house.broker.publish("t", "begun".into(), 2, false).unwrap();
        let [high, low] = client.receive().await.pkid.to_be_bytes();
        client.send(&unsubscribe(v5, 3, &["t"])).await;
        assert_eq!(client.ack(0xb0).await, 3);
        house.broker.publish("t", "no".into(), 2, false).unwrap();
        client.send(&[0x50, 2, high, low]).await;
        assert_eq!(client.read().await, (0x62, vec![high, low]));
        client.send(&[0x70, 2, high, low]).await;
        assert!(client.is_quiet().await);
    }
}

#[tokio::test]
async fn wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar() {
    let house = House::new(open()).await;
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("sport/tennis/#", &["sport/tennis", "sport/tennis/a", "sport/tennis/a/b"], &["sport", "sport/tennisx"]),
        ("sport/+", &["sport/", "sport/a"], &["sport", "sport/a/b"]),
        ("+/+", &["/finance", "a/b"], &["finance"]),
        ("/+", &["/finance"], &["finance"]),
        ("#", &["a", "/", "a/b"], &["$x", "$x/a"]),
        ("+/a", &["b/a"], &["$x/a"]),
        ("$x/#", &["$x", "$x/a"], &["x/a"]),
    ];
    for (filter, yes, no) in cases {
        let mut client = Client::new(house.address, "c").await;
        if filter.starts_with('$') {
            // Rights say who may read these; the platform's own canary shows the matching.
            assert_eq!(client.subscribe(&[(filter, 0)]).await, [0x80]);
            continue;
        }
        client.subscribe(&[(filter, 0)]).await;
        for topic in yes.iter().chain(no) {
            house.broker.publish(topic, "x".into(), 0, false).unwrap();
        }
        for topic in yes {
            assert_eq!(client.take().await.topic, *topic, "{filter}");
        }
        assert!(client.is_quiet().await, "{filter}");
    }
}
