//! Retained messages: durable before anybody finds them, bounded, and back after a restart.

use std::time::Duration;

use broker::{Config, RetainedMessage};
use bytes::Bytes;

use tokio::sync::oneshot;

use crate::client::{Client, Connect, Received, publish};
use crate::house::{House, open};

async fn retain(machine: &mut Client, topic: &str, payload: &str) {
    machine.send(&publish(topic, payload, 1, 1, true, machine.v5)).await;
    assert_eq!(machine.ack(0x40).await, 1);
}

/// What a new subscriber to everything finds.
async fn found(house: &House) -> Vec<(String, String)> {
    let mut watcher = Client::new(house.address, "finder").await;
    watcher.subscribe(&[("#", 0)]).await;
    watcher.send(&[0xc0, 0]).await;
    let mut found = Vec::new();
    loop {
        let (first, body) = watcher.read().await;
        if first == 0xd0 {
            return found;
        }
        assert_eq!(first, 0x31, "retained");
        let len = usize::from(body[1]);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        found.push((text(&body[2..2 + len]), text(&body[2 + len..])));
    }
}

fn pairs(expect: &[(&str, &str)]) -> Vec<(String, String)> {
    expect.iter().map(|(topic, payload)| ((*topic).to_owned(), (*payload).to_owned())).collect()
}

/// `(payload, retain, forget)` of everything the intake got.
fn told(house: &House) -> Vec<(String, bool, bool)> {
    let taken = house.intake.taken.lock().unwrap();
    let text = |payload: &Bytes| String::from_utf8(payload.to_vec()).unwrap();
    taken.iter().map(|(_, p)| (text(&p.payload), p.retain, p.forget)).collect()
}

#[tokio::test]
async fn a_retained_message_is_found_when_it_is_durable_and_not_before() {
    let house = House::new(open()).await;
    let mut machine = Client::new(house.address, "m").await;
    retain(&mut machine, "t", "old").await;
    house.intake.durable.send_replace(false);
    machine.send(&publish("t", "new", 1, 2, true, false)).await;
    house.intake.until(2).await;
    assert_eq!(found(&house).await, pairs(&[("t", "old")]));
    house.intake.durable.send_replace(true);
    assert_eq!(machine.ack(0x40).await, 2);
    assert_eq!(found(&house).await, pairs(&[("t", "new")]));
    retain(&mut machine, "t", "").await;
    assert_eq!(found(&house).await, []);
}

/// Two machines write the same topic at once. What is found afterwards is what the store has, and so what is found
/// after a restart; a message that takes away counts like any other.
#[tokio::test]
async fn of_two_that_write_one_topic_at_once_the_door_retains_the_one_that_the_store_does() {
    for (first, second) in [("a", "b"), ("", "b"), ("a", "")] {
        let house = House::new(open()).await;
        let (mut one, mut two) = (Client::new(house.address, "1").await, Client::new(house.address, "2").await);
        let (go, late) = oneshot::channel();
        *house.intake.late.lock().unwrap() = Some(late);
        one.send(&publish("t", first, 1, 1, true, false)).await;
        house.intake.until(1).await;
        two.send(&publish("t", second, 1, 1, true, false)).await;
        let read = |house: &House| house.broker.clients().iter().map(|client| client.messages).sum::<u64>() == 2;
        house.until("both are read", read).await;
        go.send(()).unwrap();
        assert_eq!((one.ack(0x40).await, two.ack(0x40).await), (1, 1));
        let stored = house.intake.retained.lock().unwrap().last().cloned().unwrap();
        let stored: Vec<_> =
            Some((stored.0.to_string(), stored.1)).filter(|(_, p)| !p.is_empty()).into_iter().collect();
        assert_eq!(found(&house).await, stored, "{first:?} and {second:?}");
    }
}

#[tokio::test]
async fn the_intake_is_told_what_the_door_retains_and_what_it_no_longer_does() {
    let house = House::new(Config { retained_messages: 2, retained_bytes: 1_000, ..open() }).await;
    let mut machine = Client::new(house.address, "m").await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("#", 0)]).await;
    let large = "x".repeat(2_000);
    for (topic, payload) in [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("b", &large), ("b", ""), ("c", "2")] {
        retain(&mut machine, topic, payload).await;
        assert_eq!(watcher.take().await.payload, payload.as_bytes(), "delivered, with room or without");
    }
    let told = told(&house);
    let kept: Vec<_> = told.iter().map(|(_, retain, forget)| (*retain, *forget)).collect();
    let (keeps, no_room, forgets) = ((true, false), (false, false), (false, true));
    assert_eq!(kept, [keeps, keeps, no_room, keeps, forgets, keeps, keeps]);
    assert_eq!(house.refused("retained_full"), 2);
    assert_eq!(found(&house).await, pairs(&[("a", "2"), ("c", "2")]));
}

#[tokio::test]
async fn what_never_became_durable_is_not_retained_and_leaves_its_room() {
    let house = House::new(Config { retained_messages: 1, ..open() }).await;
    house.intake.failures.lock().unwrap().push_back(broker::IntakeClosed);
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    machine.send(&publish("a", "lost", 1, 1, true, true)).await;
    assert_eq!(machine.ends().await, Some(0x83));
    let mut machine = Client::new(house.address, "m").await;
    retain(&mut machine, "b", "kept").await;
    assert_eq!(found(&house).await, pairs(&[("b", "kept")]));
}

#[tokio::test(start_paused = true)]
async fn what_was_retained_before_a_restart_is_retained_after_it() {
    let house = House::new(Config { retained_messages: 2, ..open() }).await;
    let message = |topic: &str, left: Option<u64>| RetainedMessage {
        topic: topic.into(),
        payload: Bytes::from_static(b"x"),
        qos: 1,
        properties: Bytes::from_static(&[3, 0, 1, b'j']),
        expires_in: left.map(Duration::from_secs),
    };
    let restored = ["a", "b", "轧钢/一号机", "none/#"].map(|topic| message(topic, None));
    house.broker.restore(restored.into_iter().chain([message("short", Some(10))]).collect());
    assert_eq!(found(&house).await, pairs(&[("a", "x"), ("b", "x"), ("short", "x"), ("轧钢/一号机", "x")]));
    let mut watcher = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::v5("w") }).await;
    watcher.subscribe(&[("short", 1)]).await;
    let (first, body) = watcher.read().await;
    assert_eq!((first, &body[9..]), (0x33, &[9, 2, 0, 0, 0, 10, 3, 0, 1, b'j', b'x'][..]), "properties and expiry");
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(found(&house).await.len(), 3, "its time is up");
    let mut machine = Client::new(house.address, "m").await;
    retain(&mut machine, "new", "1").await;
    assert_eq!(house.refused("retained_full"), 1, "three are more than two");
    retain(&mut machine, "a", "2").await;
    assert_eq!(found(&house).await, pairs(&[("a", "2"), ("b", "x"), ("轧钢/一号机", "x")]));
}

#[tokio::test]
async fn wills_are_retained_like_everything_else() {
    let house = House::new(Config { retained_messages: 1, ..open() }).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("#", 0)]).await;
    for (topic, expect) in [("a", true), ("b", false)] {
        let will = Some((topic, "dead"));
        let mut bytes = Connect { will, ..Connect::new("m") }.encode();
        bytes[9] |= 0x20;
        let mut machine = Client::open(house.address).await;
        machine.send(&bytes).await;
        machine.ack(0x20).await;
        drop(machine);
        let Received { topic: found, retain, .. } = watcher.take().await;
        assert_eq!((&*found, retain), (topic, false));
        assert_eq!(told(&house).last(), Some(&("dead".to_owned(), expect, false)));
    }
    assert_eq!(found(&house).await, pairs(&[("a", "dead")]));
}
