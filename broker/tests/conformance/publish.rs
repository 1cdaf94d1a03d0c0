//! PUBLISH in both directions, its acknowledgements, retained messages, order.

use std::time::Duration;

use broker::Config;

use crate::client::{Client, Connect, counted, packet, publish};
use crate::house::{House, open};

/// A PUBLISH of QoS 0 with these properties.
fn with(topic: &str, properties: &[u8], payload: &str) -> Vec<u8> {
    let mut body = counted(topic);
    body.push(properties.len() as u8);
    body.extend_from_slice(properties);
    body.extend_from_slice(payload.as_bytes());
    packet(0x30, &body)
}

#[tokio::test]
async fn properties_reach_subscribers_unaltered_and_in_order() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect::v5("w")).await;
    watcher.subscribe(&[("t", 0)]).await;
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    let user = |key: &str, value: &str| [vec![38], counted(key), counted(value)].concat();
    let properties = [
        vec![1, 1],
        user("b", "1"),
        [vec![3], counted("text/plain; 轧钢")].concat(),
        user("a", "2"),
        [vec![8], counted("answer/to")].concat(),
        user("b", "1"),
        [vec![9], counted([0, 255, 0])].concat(),
        user("", ""),
    ]
    .concat();
    let sent = with("t", &properties, "x");
    machine.send(&sent).await;
    assert_eq!(watcher.read().await, (0x30, sent[2..].to_vec()));
}

#[tokio::test]
async fn properties_of_a_will_reach_subscribers_in_order() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect::v5("w")).await;
    watcher.subscribe(&[("will", 0)]).await;
    let user = |key: &str| [vec![38], counted(key), counted("v")].concat();
    let travels = [user("b"), vec![1, 0], user("a"), user("b")].concat();
    let connect = Connect {
        will: Some(("will", "x")),
        will_properties: [vec![0x18, 0, 0, 0, 0], travels.clone()].concat(),
        ..Connect::v5("m")
    };
    drop(Client::connect(house.address, connect).await);
    assert_eq!(watcher.read().await, (0x30, with("will", &travels, "x")[2..].to_vec()));
}

#[tokio::test]
async fn a_publish_against_the_rules_ends_the_connection() {
    let check = async |v5: bool, bytes: Vec<u8>, expect: u8| {
        let house = House::new(open()).await;
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.send(&bytes).await;
        assert_eq!(client.ends().await, v5.then_some(expect), "{bytes:?}");
        assert!(house.intake.payloads().is_empty());
    };
    for v5 in [false, true] {
        let mut bytes = publish("t", "x", 1, 1, false, v5);
        bytes[0] |= 6;
        check(v5, bytes, 0x81).await;
        let mut bytes = publish("t", "x", 0, 0, false, v5);
        bytes[0] |= 8;
        check(v5, bytes, 0x81).await;
        check(v5, publish("t/+", "x", 0, 0, false, v5), 0x90).await;
        check(v5, publish("t/#", "x", 1, 1, false, v5), 0x90).await;
        check(v5, publish("t", "x", 1, 0, false, v5), 0x82).await;
        check(v5, publish("", "x", 0, 0, false, v5), if v5 { 0x82 } else { 0x90 }).await;
    }
    for (properties, expect) in [
        (&[35, 0, 0][..], 0x94),
        (&[35, 0, 65], 0x94),
        (&[11, 1], 0x82),
        (&[8, 0, 1, b'#'], 0x82),
        (&[8, 0, 1, 0xff], 0x81),
        (&[3, 0, 1, 0xff], 0x81),
        (&[1, 2], 0x82),
        (&[1, 0, 1, 0], 0x82),
        (&[0x11, 0, 0, 0, 1], 0x81),
    ] {
        check(true, with("t", properties, "x"), expect).await;
    }
}

#[tokio::test]
async fn an_alias_stands_for_its_topic_on_its_connection_only() {
    let house = House::new(open()).await;
    let connect = || Connect { properties: vec![0x11, 0, 0, 0, 60], clean: false, ..Connect::v5("m") };
    let mut machine = Client::connect(house.address, connect()).await;
    for alias in 1..=64u8 {
        machine.send(&with(&format!("t/{alias}"), &[35, 0, alias], "first")).await;
        machine.send(&with("", &[35, 0, alias], "second")).await;
    }
    machine.send(&with("other", &[35, 0, 1], "changed")).await;
    machine.send(&with("", &[35, 0, 1], "changed")).await;
    house.intake.until(130).await;
    let topics: Vec<_> = house.intake.taken.lock().unwrap().iter().map(|(_, p)| p.topic.to_string()).collect();
    let expect: Vec<_> = (1..=64).flat_map(|n| [format!("t/{n}"), format!("t/{n}")]).collect();
    assert_eq!(topics[..128], expect);
    assert_eq!(topics[128..], ["other", "other"]);
    drop(machine);
    let mut machine = Client::connect(house.address, connect()).await;
    machine.send(&with("", &[35, 0, 1], "x")).await;
    assert_eq!(machine.ends().await, Some(0x94));
}

#[tokio::test]
async fn no_alias_is_used_towards_a_client() {
    let house = House::new(open()).await;
    for maximum in [vec![], vec![0x22, 0, 10]] {
        let mut watcher = Client::connect(house.address, Connect { properties: maximum, ..Connect::v5("w") }).await;
        watcher.subscribe(&[("t", 0)]).await;
        for _ in 0..3 {
            house.broker.publish("t", "x".into(), 0, false).unwrap();
            assert_eq!(watcher.read().await, (0x30, vec![0, 1, b't', 0, b'x']));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_messages_life_is_told() {
    let house = House::new(open()).await;
    let kept = || Connect { properties: vec![0x11, 0, 0, 1, 0], clean: false, keep_alive: 0, ..Connect::v5("w") };
    let mut watcher = Client::connect(house.address, kept()).await;
    watcher.subscribe(&[("t", 1)]).await;
    drop(watcher);
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    let mut machine = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::v5("m") }).await;
    machine.send(&[0x32, 12, 0, 1, b't', 0, 1, 5, 2, 0, 0, 0, 100, b'x']).await;
    machine.ack(0x40).await;
    assert!(machine.is_quiet().await);
    tokio::time::advance(Duration::from_secs(30)).await;
    let mut watcher = Client::connect(house.address, kept()).await;
    let (first, body) = watcher.read().await;
    assert_eq!((first, &body[5..]), (0x32, &[5, 2, 0, 0, 0, 70, b'x'][..]));
    // Its delivery has begun: it comes again even when its time is up.
    drop(watcher);
    house.until("it is gone", |house| house.broker.connected() == 1).await;
    tokio::time::advance(Duration::from_secs(100)).await;
    assert!(Client::connect(house.address, kept()).await.take().await.dup);
}

#[tokio::test]
async fn the_last_retained_message_of_a_topic_is_the_one_that_is_kept() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut machine = Client::connect(house.address, Connect { v5, ..Connect::new("m") }).await;
        let found = async |expect: Option<(&str, u8)>| {
            let mut watcher = Client::connect(house.address, Connect { v5, ..Connect::new("w") }).await;
            watcher.subscribe(&[("t", 2)]).await;
            if let Some((payload, qos)) = expect {
                let received = watcher.take().await;
                assert_eq!((received.payload, received.qos, received.retain), (payload.as_bytes().to_vec(), qos, true));
            }
            assert!(watcher.is_quiet().await);
        };
        for (payload, qos, retain, expect) in [
            ("one", 1, true, Some(("one", 1))),
            ("two", 0, true, Some(("two", 0))),
            ("not", 1, false, Some(("two", 0))),
            ("", 1, false, Some(("two", 0))),
            ("three", 1, true, Some(("three", 1))),
            ("", 1, true, None),
        ] {
            machine.send(&publish("t", payload, qos, 1, retain, v5)).await;
            if qos > 0 {
                machine.ack(0x40).await;
            }
            assert!(machine.is_quiet().await);
            house
                .until("it is settled", |house| house.intake.payloads().last().map(String::as_str) == Some(payload))
                .await;
            found(expect).await;
        }
    }
}

#[tokio::test]
async fn the_retain_flag_tells_old_from_new_and_dup_is_the_brokers_own() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut watcher = Client::connect(house.address, Connect { v5, ..Connect::new("w") }).await;
        watcher.subscribe(&[("r", 1)]).await;
        let mut machine = Client::connect(house.address, Connect { v5, ..Connect::new("m") }).await;
        let mut bytes = publish("r", "x", 1, 1, true, v5);
        bytes[0] |= 8;
        machine.send(&bytes).await;
        machine.ack(0x40).await;
        let received = watcher.take().await;
        assert_eq!((received.retain, received.dup), (false, false));
        machine.send(&publish("r", "", 1, 1, true, v5)).await;
        machine.ack(0x40).await;
        watcher.take().await;
    }
}

#[tokio::test]
async fn each_quality_is_answered_as_the_table_says() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut machine = Client::connect(house.address, Connect { v5, ..Connect::new("m") }).await;
        machine.publish("t", "0", 0, 0).await;
        assert!(machine.is_quiet().await, "QoS 0: nothing");
        machine.publish("t", "1", 1, 0x1234).await;
        assert_eq!(machine.read().await, (0x40, vec![0x12, 0x34]));
        machine.publish("t", "2", 2, 0x4321).await;
        assert_eq!(machine.read().await, (0x50, vec![0x43, 0x21]));
        machine.send(&[0x62, 2, 0x43, 0x21]).await;
        assert_eq!(machine.read().await, (0x70, vec![0x43, 0x21]));
        machine.send(&[0x62, 2, 0x43, 0x21]).await;
        let again = if v5 { vec![0x43, 0x21, 0x92] } else { vec![0x43, 0x21] };
        assert_eq!(machine.read().await, (0x70, again), "released before");
    }
}

#[tokio::test]
async fn an_identifier_is_free_again_after_its_acknowledgement() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut machine = Client::connect(house.address, Connect { v5, ..Connect::new("m") }).await;
        let before = house.intake.payloads().len();
        for n in 0..3u8 {
            let mut bytes = publish("t", [n], 1, 5, false, v5);
            bytes[0] |= 8;
            machine.send(&bytes).await;
            assert_eq!(machine.ack(0x40).await, 5);
            machine.publish("t", [n], 2, 6).await;
            assert_eq!(machine.ack(0x50).await, 6);
            machine.send(&[0x62, 2, 0, 6]).await;
            assert_eq!(machine.ack(0x70).await, 6);
        }
        assert_eq!(house.intake.payloads().len() - before, 6, "each is a new message, whatever its DUP flag says");
    }
    // A PUBREC with an error frees the identifier, too.
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    machine.publish(&"x".repeat(600), "", 2, 7).await;
    assert_eq!(machine.read().await.1[..3], [0, 7, 0x90]);
    machine.publish("t", "fine", 2, 7).await;
    assert_eq!(machine.read().await, (0x50, vec![0, 7]));
}

#[tokio::test]
async fn more_on_their_way_than_was_announced_ends_the_connection() {
    let house = House::new(Config { in_flight_messages: 3, ..open() }).await;
    house.intake.durable.send_replace(false);
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    let burst: Vec<u8> = (1..=4).flat_map(|pkid| publish("t", "x", 1, pkid, false, true)).collect();
    machine.send(&burst).await;
    house.until("it is refused", |house| house.refused("receive_maximum") + 1 > 0).await;
    house.intake.until(3).await;
    house.intake.durable.send_replace(true);
    for pkid in 1..=3 {
        assert_eq!(machine.ack(0x40).await, pkid);
    }
    assert_eq!(machine.ends().await, Some(0x93));
    assert_eq!(house.refused("receive_maximum"), 1);
    // QoS 2 counts until its PUBCOMP.
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    for pkid in 1..=3 {
        machine.publish("t", "x", 2, pkid).await;
        machine.ack(0x50).await;
    }
    machine.send(&[0x62, 2, 0, 1]).await;
    machine.ack(0x70).await;
    machine.publish("t", "x", 2, 1).await;
    machine.ack(0x50).await;
    machine.publish("t", "x", 1, 9).await;
    assert_eq!(machine.ends().await, Some(0x93));
}

#[tokio::test]
async fn messages_come_in_the_order_they_were_published_at_each_quality() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("t/+", 2)]).await;
    let mut machine = Client::new(house.address, "m").await;
    let mut burst = Vec::new();
    for n in 1..=900u16 {
        burst.extend(publish("t/x", n.to_be_bytes(), (n % 3) as u8, n, false, false));
    }
    machine.send(&burst).await;
    let mut last = [0; 3];
    for _ in 0..900 {
        let (qos, n) = next(&mut watcher).await;
        let last = &mut last[usize::from(qos)];
        assert!(*last < n, "{n} after {last}");
        *last = n;
    }
}

/// Quality and payload, a number, of the next PUBLISH to `t/x`; acknowledged, and so are the PUBRELs before it.
async fn next(watcher: &mut Client) -> (u8, u16) {
    loop {
        let (first, body) = watcher.read().await;
        if first == 0x62 {
            watcher.send(&[0x70, 2, body[0], body[1]]).await;
            continue;
        }
        let qos = first >> 1 & 3;
        if qos > 0 {
            watcher.send(&[if qos == 1 { 0x40 } else { 0x50 }, 2, body[5], body[6]]).await;
        }
        return (qos, u16::from_be_bytes([body[body.len() - 2], body[body.len() - 1]]));
    }
}

#[tokio::test]
async fn an_acknowledgement_of_another_kind_ends_the_connection() {
    for (qos, wrong) in [(1, 0x50), (1, 0x70), (2, 0x40), (2, 0x70)] {
        let house = House::new(open()).await;
        let mut watcher = Client::connect(house.address, Connect::v5("w")).await;
        watcher.subscribe(&[("t", 2)]).await;
        house.broker.publish("t", "x".into(), qos, false).unwrap();
        let [high, low] = watcher.receive().await.pkid.to_be_bytes();
        watcher.send(&[wrong, 2, high, low]).await;
        assert_eq!(watcher.ends().await, Some(0x82), "QoS {qos} and {wrong:02x}");
    }
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("w")).await;
    client.send(&[0x40, 2, 0, 9]).await;
    client.send(&[0x70, 2, 0, 9]).await;
    assert!(client.is_quiet().await, "one that is not awaited any more");
    client.send(&[0x50, 2, 0, 9]).await;
    assert_eq!(client.read().await, (0x62, vec![0, 9, 0x92]));
    client.send(&[0x40, 3, 0, 9, 0x92]).await;
    assert_eq!(client.ends().await, Some(0x82), "a reason code of another packet");
}
