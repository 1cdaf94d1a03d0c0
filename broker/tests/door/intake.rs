//! What is published reaches the intake, and is acknowledged when it is durable and not before.

use broker::IntakeClosed;

use crate::client::{Client, Connect, publish};
use crate::house::{House, open};

#[tokio::test]
async fn a_puback_comes_only_when_the_intake_says_it_is_durable() {
    for v5 in [false, true] {
        let house = House::new(open()).await;
        house.intake.durable.send_replace(false);
        let mut machine = Client::connect(house.address, Connect { v5, ..Connect::new("m") }).await;
        let mut watcher = Client::new(house.address, "w").await;
        watcher.subscribe(&[("#", 1)]).await;
        machine.publish("a/b", "1", 1, 7).await;
        machine.publish("a/b", "2", 2, 8).await;
        house.intake.until(2).await;
        assert!(machine.is_quiet().await, "nothing is acknowledged");
        assert!(watcher.is_quiet().await, "nobody sees it");
        house.intake.durable.send_replace(true);
        assert_eq!(machine.ack(0x40).await, 7);
        assert_eq!(machine.ack(0x50).await, 8);
        assert_eq!(watcher.take().await.payload, b"1");
        assert_eq!(watcher.take().await.payload, b"2");
    }
}

#[tokio::test]
async fn one_read_is_one_batch_and_its_acknowledgements_come_in_order() {
    let house = House::new(open()).await;
    let mut machine = Client::new(house.address, "m").await;
    let mut burst = Vec::new();
    for pkid in 1..=1000u16 {
        burst.extend(publish("a/b", pkid.to_string(), 1, pkid, false, false));
    }
    machine.send(&burst).await;
    for pkid in 1..=1000 {
        assert_eq!(machine.ack(0x40).await, pkid);
    }
    assert_eq!(house.intake.payloads(), (1..=1000).map(|n| n.to_string()).collect::<Vec<_>>());
    let batches = *house.intake.batches.borrow();
    assert!(batches <= 20, "{batches} batches for a single write");
}

#[tokio::test]
async fn a_full_intake_stops_the_reading_and_loses_nothing() {
    let house = House::new(open()).await;
    house.intake.room.send_replace(false);
    let mut machine = Client::new(house.address, "m").await;
    machine.publish("t", "0", 0, 0).await;
    house.intake.until(1).await;
    // The intake has not made room for the first batch, so nothing further may be read: neither messages nor pings.
    for n in 1..500 {
        machine.publish("t", n.to_string(), 0, 0).await;
    }
    machine.send(&[0xc0, 0]).await;
    assert!(machine.has_nothing().await);
    assert_eq!(house.intake.payloads(), ["0"]);
    house.intake.room.send_replace(true);
    assert_eq!(machine.read().await, (0xd0, vec![]));
    house.intake.until(500).await;
    assert_eq!(house.intake.payloads(), (0..500).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn reading_stops_when_too_much_waits_for_its_receipt() {
    let house = House::new(broker::Config { in_flight_messages: 10, ..open() }).await;
    house.intake.durable.send_replace(false);
    let mut machine = Client::new(house.address, "m").await;
    for pkid in 1..=10 {
        machine.publish("t", "x", 1, pkid).await;
    }
    house.intake.until(10).await;
    machine.publish("t", "x", 1, 11).await;
    assert!(machine.has_nothing().await);
    assert_eq!(house.intake.payloads().len(), 10);
    house.intake.durable.send_replace(true);
    for pkid in 1..=11 {
        assert_eq!(machine.ack(0x40).await, pkid);
    }
}

#[tokio::test]
async fn what_is_not_durable_is_not_acknowledged_and_may_be_sent_again() {
    let house = House::new(open()).await;
    house.intake.failures.lock().unwrap().push_back(IntakeClosed);
    let kept = || Connect { v5: true, properties: vec![0x11, 0, 0, 0, 60], ..Connect::kept("m") };
    let mut machine = Client::connect(house.address, kept()).await;
    machine.publish("t", "once", 2, 5).await;
    assert_eq!(machine.ends().await, Some(0x83));
    let mut machine = Client::connect(house.address, kept()).await;
    machine.publish("t", "once", 2, 5).await;
    assert_eq!(machine.ack(0x50).await, 5);
    assert_eq!(house.intake.payloads(), ["once", "once"]);
}

#[tokio::test]
async fn a_qos_2_message_that_comes_again_is_taken_once() {
    let house = House::new(open()).await;
    let mut machine = Client::connect(house.address, Connect::kept("m")).await;
    machine.publish("t", "x", 2, 5).await;
    assert_eq!(machine.ack(0x50).await, 5);
    drop(machine);
    let mut machine = Client::connect(house.address, Connect::kept("m")).await;
    let mut again = publish("t", "x", 2, 5, false, false);
    again[0] |= 8;
    machine.send(&again).await;
    assert_eq!(machine.ack(0x50).await, 5);
    machine.send(&[0x62, 2, 0, 5]).await;
    assert_eq!(machine.ack(0x70).await, 5);
    assert_eq!(house.intake.payloads(), ["x"]);
    machine.publish("t", "y", 2, 5).await;
    assert_eq!(machine.ack(0x50).await, 5);
    assert_eq!(house.intake.payloads(), ["x", "y"]);
}

#[tokio::test]
async fn messages_sent_right_before_a_disconnect_are_taken_and_passed_on() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("#", 0)]).await;
    let mut machine = Client::open(house.address).await;
    let mut all = Connect::new("m").encode();
    all.extend(publish("t", "last words", 0, 0, false, false));
    all.extend([0xe0, 0]);
    machine.send(&all).await;
    assert_eq!(watcher.take().await.payload, b"last words");
    assert_eq!(house.intake.payloads(), ["last words"]);
}

#[tokio::test]
async fn the_intake_learns_who_published_and_what_was_asked() {
    let house = House::new(open()).await;
    let login = Some(("user", "secret"));
    let mut machine = Client::connect(house.address, Connect { login, ..Connect::v5("press-1") }).await;
    machine.send(&publish("轧钢/一号机", [0, 255], 1, 3, true, true)).await;
    assert_eq!(machine.ack(0x40).await, 3);
    let taken = house.intake.taken.lock().unwrap();
    let (from, message) = &taken[0];
    assert_eq!((&*from.client_id, &*from.identity), ("press-1", "user"));
    assert_eq!(from.address, machine.io.local_addr().unwrap());
    assert_eq!((&*message.topic, &message.payload[..]), ("轧钢/一号机", &[0, 255][..]));
    assert_eq!((message.qos, message.retain, message.dup), (1, true, false));
}

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic() {
    let house = House::new(open()).await;
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    // Topic, length of properties, alias 3, payload.
    machine.send(&[0x30, 8, 0, 1, b'a', 3, 35, 0, 3, b'1']).await;
    machine.send(&[0x30, 7, 0, 0, 3, 35, 0, 3, b'2']).await;
    house.intake.until(2).await;
    let topics: Vec<_> = house.intake.taken.lock().unwrap().iter().map(|(_, p)| p.topic.to_string()).collect();
    assert_eq!(topics, ["a", "a"]);
    machine.send(&[0x30, 7, 0, 0, 3, 35, 0, 4, b'3']).await;
    assert_eq!(machine.ends().await, Some(0x94));
}
