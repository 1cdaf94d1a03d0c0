//! What comes from there reaches the intake, and is acknowledged there when it is durable and not before.

use std::sync::Arc;

use broker::remote::{Options, Presence, State, Subscription};
use broker::{IntakeClosed, Protocol};
use outbox::Message;

use super::{Held, Script, filters, options};
use crate::client::{Client, publish};
use crate::house::{House, open};

#[tokio::test]
async fn a_message_is_acknowledged_when_it_is_durable_in_the_order_of_its_coming() {
    for protocol in [Protocol::V311, Protocol::V5] {
        let script = Script::new().await;
        let held = Held::new(Options { protocol, ..options(script.address) });
        held.intake.durable.send_replace(false);
        let mut there = script.welcome(false).await;
        there.publish("a", "0", 0, 0).await;
        for (n, qos) in [(1, 1), (2, 2), (3, 1)] {
            there.publish("a", n.to_string(), qos, n).await;
        }
        held.intake.until(4).await;
        assert_eq!(held.intake.payloads(), ["0", "1", "2", "3"]);
        assert!(there.has_nothing().await, "nothing is acknowledged yet");
        held.intake.durable.send_replace(true);
        assert_eq!((there.ack(0x40).await, there.ack(0x50).await, there.ack(0x40).await), (1, 2, 3));
        there.send(&[0x62, 2, 0, 2]).await;
        assert_eq!(there.ack(0x70).await, 2);
        let (from, message) = held.intake.taken.lock().unwrap()[2].clone();
        assert_eq!((&*from.client_id, from.address, from.protocol), ("remote/plant", script.address, protocol));
        assert_eq!((&*message.topic, message.qos, message.retain), ("a", 2, false));
        held.stopped().await;
    }
}

#[tokio::test]
async fn one_read_is_one_batch() {
    let script = Script::new().await;
    let held = Held::new(options(script.address));
    let mut there = script.welcome(false).await;
    let burst: Vec<u8> = (1..=1000).flat_map(|n| publish("a/b", n.to_string(), 1, n, false, false)).collect();
    there.send(&burst).await;
    for n in 1..=1000 {
        assert_eq!(there.ack(0x40).await, n);
    }
    assert_eq!(held.intake.payloads(), (1..=1000).map(|n| n.to_string()).collect::<Vec<_>>());
    let batches = *held.intake.batches.borrow();
    assert!(batches <= 20, "{batches} batches for a single write");
}

#[tokio::test]
async fn an_acknowledgement_never_goes_out_on_a_later_connection() {
    let script = Script::new().await;
    let held = Held::new(options(script.address));
    held.intake.durable.send_replace(false);
    let mut there = script.welcome(false).await;
    there.publish("a", "old", 1, 7).await;
    there.publish("a", "old too", 2, 8).await;
    held.intake.until(2).await;
    drop(there);
    held.becomes(State::Waiting).await;
    held.intake.durable.send_replace(true);
    let mut there = script.welcome(false).await;
    // The session is new there, so these identifiers mean other messages.
    held.intake.durable.send_replace(false);
    there.publish("a", "new", 1, 7).await;
    there.publish("a", "new too", 2, 8).await;
    held.intake.until(4).await;
    assert!(there.has_nothing().await, "7 and 8 are not durable yet");
    held.intake.durable.send_replace(true);
    assert_eq!((there.ack(0x40).await, there.ack(0x50).await), (7, 8));
    assert!(there.has_nothing().await);
    assert_eq!(held.intake.payloads(), ["old", "old too", "new", "new too"]);
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_and_a_qos_2_message_is_taken_once() {
    let script = Script::new().await;
    let held = Held::new(options(script.address));
    let mut there = script.welcome(false).await;
    there.publish("a", "once", 2, 5).await;
    held.intake.until(1).await;
    held.until(|s| s.in_flight == 0).await;
    drop(there);
    // The broker has kept the session and did not hear the PUBREC.
    let mut there = script.welcome(true).await;
    let mut again = publish("a", "once", 2, 5, false, false);
    again[0] |= 8;
    there.send(&again).await;
    assert_eq!(there.ack(0x50).await, 5);
    there.send(&[0x62, 2, 0, 5]).await;
    assert_eq!(there.ack(0x70).await, 5);
    there.publish("a", "another", 2, 5).await;
    assert_eq!(there.ack(0x50).await, 5);
    assert_eq!(held.intake.payloads(), ["once", "another"]);
}

#[tokio::test]
async fn a_closed_intake_ends_the_connection_without_an_acknowledgement() {
    let script = Script::new().await;
    let held = Held::new(options(script.address));
    held.intake.failures.lock().unwrap().push_back(IntakeClosed);
    let mut there = script.welcome(false).await;
    there.publish("a", "x", 2, 3).await;
    assert_eq!(there.try_read().await, None, "neither a PUBREC nor a DISCONNECT");
    held.until(|s| s.last_error.as_deref().is_some_and(|e| e.contains("nothing was acknowledged"))).await;
    let mut there = script.welcome(true).await;
    there.publish("a", "x", 2, 3).await;
    assert_eq!(there.ack(0x50).await, 3);
    assert_eq!(held.intake.payloads(), ["x", "x"], "what was not durable is taken again");
}

#[tokio::test]
async fn a_full_intake_stops_the_reading_and_so_does_too_much_in_flight() {
    let script = Script::new().await;
    let held = Held::new(Options { in_flight_messages: 10, ..options(script.address) });
    held.intake.room.send_replace(false);
    let mut there = script.welcome(false).await;
    there.publish("a", "1", 1, 1).await;
    held.intake.until(1).await;
    for n in 2..=9 {
        there.publish("a", n.to_string(), 1, n).await;
    }
    assert!(there.has_nothing().await);
    assert_eq!(held.intake.payloads(), ["1"], "there is no room for the first");
    held.intake.durable.send_replace(false);
    held.intake.room.send_replace(true);
    held.intake.until(9).await;
    there.publish("a", "10", 1, 10).await;
    held.intake.until(10).await;
    there.publish("a", "11", 1, 11).await;
    assert!(there.has_nothing().await);
    assert_eq!(held.intake.payloads().len(), 10, "ten wait for their receipt");
    held.intake.durable.send_replace(true);
    for n in 1..=11 {
        assert_eq!(there.ack(0x40).await, n);
    }
}

#[tokio::test]
async fn every_connection_subscribes_anew_whatever_the_broker_has_kept() {
    for (protocol, share, expect) in [
        (Protocol::V311, None, [("a/#", 1), ("b", 2)]),
        (Protocol::V5, None, [("a/#", 1 | 4 | 16), ("b", 2 | 4 | 16)]),
        (Protocol::V5, Some("collectors"), [("$share/collectors/a/#", 1 | 16), ("$share/collectors/b", 2 | 16)]),
    ] {
        let script = Script::new().await;
        let subscriptions =
            vec![Subscription { filter: "a/#".into(), qos: 1 }, Subscription { filter: "b".into(), qos: 2 }];
        let share = share.map(str::to_owned);
        let held = Held::new(Options { protocol, share, subscriptions, ..options(script.address) });
        for kept in [false, true] {
            let (mut there, connect) = script.accept().await;
            assert_eq!(connect[7] & 2, 0, "clean start is never asked for");
            there.let_in(kept).await;
            let body = there.grant(1).await;
            let found = filters(&body, there.v5);
            assert_eq!(found.iter().map(|(f, o)| (&**f, *o)).collect::<Vec<_>>(), expect);
            held.becomes(State::Connected).await;
            assert_eq!(held.remote.snapshot().resumed, kept);
            assert_eq!(held.remote.snapshot().subscriptions.len(), 2);
        }
    }
}

#[tokio::test]
async fn an_orderly_end_takes_nothing_new_and_acknowledges_what_it_took() {
    let script = Script::new().await;
    // The farewell tells that the end has begun.
    let announce = || Presence { will: Message::new("state", "gone"), birth: Message::new("state", "here") };
    let held = Held::new(Options { announce: Some(Arc::new(announce)), ..options(script.address) });
    held.intake.durable.send_replace(false);
    let mut there = script.welcome(false).await;
    assert_eq!(there.take().await.payload, b"here");
    there.publish("a", "taken", 1, 1).await;
    held.intake.until(1).await;
    let intake = held.intake.clone();
    let ending = tokio::spawn(held.stopped());
    assert_eq!(there.take().await.payload, b"gone");
    // It reads on but leaves messages alone: the broker keeps them.
    there.publish("a", "late", 1, 2).await;
    assert!(there.has_nothing().await);
    intake.durable.send_replace(true);
    assert_eq!(there.ack(0x40).await, 1);
    assert_eq!(there.next().await, (0xe0, vec![]));
    ending.await.unwrap();
    assert_eq!(intake.payloads(), ["taken"]);
}

#[tokio::test]
async fn our_own_broker_can_be_the_other_one() {
    for protocol in [Protocol::V311, Protocol::V5] {
        let house = House::new(open()).await;
        let held = Held::new(Options { protocol, ..options(house.address) });
        held.becomes(State::Connected).await;
        let mut machine = Client::new(house.address, "m").await;
        let burst: Vec<u8> = (1..=500).flat_map(|n| publish("a/b", n.to_string(), 1, n, false, false)).collect();
        machine.send(&burst).await;
        held.intake.until(500).await;
        assert_eq!(held.intake.payloads(), (1..=500).map(|n| n.to_string()).collect::<Vec<_>>());
        held.until(|s| s.in_flight == 0).await;
        held.stopped().await;
    }
}
