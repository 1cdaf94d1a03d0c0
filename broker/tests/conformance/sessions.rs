//! Sessions, redelivery, flow control.

use broker::Config;

use crate::client::{Client, Connect, publish};
use crate::house::{House, open};

/// A session that is kept.
fn kept(id: &str, v5: bool) -> Connect<'_> {
    let properties = if v5 { vec![0x11, 0, 0, 1, 0] } else { Vec::new() };
    Connect { v5, properties, ..Connect::kept(id) }
}

async fn gone(house: &House, client: Client) {
    drop(client);
    house.until("it is gone", |house| house.broker.connected() == 0).await;
}

#[tokio::test]
async fn a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let id = if v5 { "five" } else { "three" };
        let connect = async |clean| Client::try_connect(house.address, Connect { clean, ..kept(id, v5) }).await;
        let (mut client, connack) = connect(false).await;
        assert_eq!(connack[..2], [0, 0], "there was none");
        client.subscribe(&[("t", 1)]).await;
        gone(&house, client).await;
        let (client, connack) = connect(false).await;
        assert_eq!(connack[..2], [1, 0]);
        gone(&house, client).await;
        house.broker.publish("t", "x".into(), 1, false).unwrap();
        let (mut client, connack) = connect(true).await;
        assert_eq!(connack[..2], [0, 0], "a clean start");
        house.broker.publish("t", "y".into(), 1, false).unwrap();
        assert!(client.is_quiet().await, "neither messages nor subscriptions are left");
        gone(&house, client).await;
        let (client, connack) = connect(false).await;
        assert_eq!(connack[0], u8::from(v5), "3.1.1: a clean session ends with its connection; 5: the expiry decides");
        gone(&house, client).await;
    }
}

#[tokio::test]
async fn retained_messages_do_not_go_with_a_session() {
    let house = House::new(open()).await;
    let mut machine = Client::new(house.address, "m").await;
    machine.send(&publish("t", "x", 1, 1, true, false)).await;
    machine.ack(0x40).await;
    gone(&house, machine).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("t", 0)]).await;
    assert_eq!(watcher.take().await.payload, b"x");
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut watcher = Client::connect(house.address, kept("w", v5)).await;
        watcher.subscribe(&[("t", 2)]).await;
        let mut sent = Vec::new();
        for (n, qos) in [(1u8, 1), (2, 2), (3, 1), (4, 2), (5, 1)] {
            house.broker.publish("t", vec![n].into(), qos, false).unwrap();
            let received = watcher.receive().await;
            assert!(!received.dup);
            sent.push(received.pkid);
        }
        assert!(watcher.is_quiet().await, "nothing is sent again on the same connection");
        let ids: Vec<_> = sent.iter().map(|pkid| pkid.to_be_bytes()).collect();
        watcher.send(&[0x40, 2, ids[2][0], ids[2][1]]).await;
        watcher.send(&[0x50, 2, ids[3][0], ids[3][1]]).await;
        assert_eq!(watcher.read().await, (0x62, ids[3].to_vec()));
        gone(&house, watcher).await;
        let mut watcher = Client::connect(house.address, kept("w", v5)).await;
        assert_eq!(watcher.read().await, (0x62, ids[3].to_vec()), "released: PUBREL, not PUBLISH");
        for (n, at) in [(1, 0), (2, 1), (5, 4)] {
            let received = watcher.receive().await;
            assert_eq!((received.payload, received.pkid, received.dup), (vec![n], sent[at], true));
        }
        for (at, kind) in [(0, 0x40), (1, 0x50), (3, 0x70), (4, 0x40)] {
            watcher.send(&[kind, 2, ids[at][0], ids[at][1]]).await;
        }
        assert_eq!(watcher.read().await, (0x62, ids[1].to_vec()));
        watcher.send(&[0x70, 2, ids[1][0], ids[1][1]]).await;
        assert!(watcher.is_quiet().await);
        gone(&house, watcher).await;
        let mut watcher = Client::connect(house.address, kept("w", v5)).await;
        assert!(watcher.is_quiet().await, "everything is acknowledged");
        gone(&house, watcher).await;
    }
}

#[tokio::test]
async fn releases_are_sent_in_the_order_of_their_receipts() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, kept("w", false)).await;
    watcher.subscribe(&[("t", 2)]).await;
    for n in 0..3u8 {
        house.broker.publish("t", vec![n].into(), 2, false).unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(watcher.receive().await.pkid.to_be_bytes());
    }
    for at in [2, 0, 1] {
        watcher.send(&[0x50, 2, ids[at][0], ids[at][1]]).await;
        assert_eq!(watcher.read().await, (0x62, ids[at].to_vec()));
    }
    gone(&house, watcher).await;
    let mut watcher = Client::connect(house.address, kept("w", false)).await;
    for at in [2, 0, 1] {
        assert_eq!(watcher.read().await, (0x62, ids[at].to_vec()));
    }
}

#[tokio::test]
async fn an_error_in_a_puback_or_pubrec_is_an_acknowledgement() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, kept("w", true)).await;
    watcher.subscribe(&[("t", 2)]).await;
    for (qos, ack) in [(1, 0x40), (2, 0x50)] {
        house.broker.publish("t", "x".into(), qos, false).unwrap();
        let [high, low] = watcher.receive().await.pkid.to_be_bytes();
        watcher.send(&[ack, 3, high, low, 0x97]).await;
    }
    assert!(watcher.is_quiet().await, "no PUBREL");
    gone(&house, watcher).await;
    let mut watcher = Client::connect(house.address, kept("w", true)).await;
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let mut watcher = Client::connect(house.address, kept("w", v5)).await;
        watcher.subscribe(&[("t", 2)]).await;
        gone(&house, watcher).await;
        for (payload, qos) in [("zero", 0), ("one", 1), ("two", 2)] {
            house.broker.publish("t", payload.into(), qos, false).unwrap();
        }
        let mut watcher = Client::connect(house.address, kept("w", v5)).await;
        assert_eq!(
            (watcher.receive().await.payload, watcher.receive().await.payload),
            (b"one".to_vec(), b"two".to_vec())
        );
        drop(watcher);
        Client::connect(house.address, Connect { v5, ..Connect::new("w") }).await;
        house.until("it is gone", |house| house.broker.connected() == 0).await;
    }
}

#[tokio::test]
async fn a_receive_maximum_bounds_what_is_on_its_way_and_nothing_else() {
    let house = House::new(open()).await;
    let two = || Connect { properties: vec![0x11, 0, 0, 1, 0, 0x21, 0, 2], ..kept("w", true) };
    let mut watcher = Client::connect(house.address, kept("w", true)).await;
    watcher.subscribe(&[("t", 2)]).await;
    for n in 0..5u8 {
        house.broker.publish("t", vec![n].into(), 1, false).unwrap();
        watcher.receive().await;
    }
    gone(&house, watcher).await;
    let mut watcher = Client::connect(house.address, two()).await;
    let first = watcher.receive().await;
    assert_eq!((first.payload, watcher.receive().await.payload), (vec![0], vec![1]));
    assert!(watcher.is_quiet().await, "a ping is answered while the quota is used up, and no third message comes");
    assert_eq!(watcher.subscribe(&[("u", 0)]).await, [0]);
    let [high, low] = first.pkid.to_be_bytes();
    watcher.send(&[0x40, 2, high, low]).await;
    let received = watcher.receive().await;
    assert_eq!((received.payload, received.dup), (vec![2], true));
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn identifiers_in_use_are_not_used_for_another_message() {
    let house = House::new(Config { send_window: 50, ..open() }).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("t", 1)]).await;
    for _ in 0..200 {
        house.broker.publish("t", "x".into(), 1, false).unwrap();
    }
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(watcher.receive().await.pkid);
    }
    let mut all = held.clone();
    all.sort_unstable();
    all.dedup();
    assert_eq!((all.len(), all.contains(&0)), (50, false));
    // The first stays on its way; the others come and go.
    for pkid in held.drain(1..) {
        let [high, low] = pkid.to_be_bytes();
        watcher.send(&[0x40, 2, high, low]).await;
        assert_ne!(watcher.receive().await.pkid, all[0]);
    }
}

#[tokio::test]
async fn a_client_without_a_will_leaves_none() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("#", 0)]).await;
    for v5 in [false, true] {
        // The same client had one on its connection before.
        let connect = |will| Connect { v5, will, ..Connect::new("m") };
        let mut first = Client::connect(house.address, connect(Some(("will", "x")))).await;
        first.send(&[0xe0, 0]).await;
        first.ends().await;
        drop(Client::connect(house.address, connect(None)).await);
        house.until("it is gone", |house| house.broker.connected() == 1).await;
        assert!(watcher.is_quiet().await);
    }
    assert!(house.intake.payloads().is_empty());
}
