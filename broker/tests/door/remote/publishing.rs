//! What is published there stays in the outbox until it is acknowledged.

use std::sync::Arc;

use broker::Protocol;
use broker::remote::{Options, Presence, State};
use outbox::Message;

use super::{Held, Script, options};
use crate::client::{Client, counted};
use crate::house::{House, open};

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_in_order_and_keeps_its_id_where_the_session_was_kept() {
    for kept in [true, false] {
        let script = Script::new().await;
        let held = Held::new(options(script.address));
        let mut there = script.welcome(false).await;
        for text in ["a", "b", "c"] {
            held.remote.outbox().push(Message::new("t", text)).await.unwrap();
        }
        let first: Vec<_> = [there.receive().await, there.receive().await, there.receive().await].into();
        assert!(first.iter().all(|m| m.qos == 1 && !m.dup));
        let [high, low] = first[1].pkid.to_be_bytes();
        there.send(&[0x40, 2, high, low]).await;
        held.until(|s| s.published == 1).await;
        drop(there);
        let mut there = script.welcome(kept).await;
        let again = [there.receive().await, there.receive().await];
        assert_eq!(again.each_ref().map(|m| &m.payload[..]), [b"a", b"c"]);
        assert_eq!(again.each_ref().map(|m| m.dup), [kept; 2]);
        assert_eq!(again[0].pkid == first[0].pkid && again[1].pkid == first[2].pkid, kept);
        for m in again {
            let [high, low] = m.pkid.to_be_bytes();
            there.send(&[0x40, 2, high, low]).await;
        }
        held.until(|s| s.outstanding == 0 && s.published == 3).await;
    }
}

#[tokio::test]
async fn the_broker_says_how_many_how_large_and_how_good_messages_may_be() {
    let script = Script::new().await;
    let held = Held::new(Options { protocol: Protocol::V5, ..options(script.address) });
    let (mut there, _) = script.accept().await;
    // Receive maximum 2, maximum packet size 64, no retained messages.
    there.send(&[0x20, 13, 0, 0, 10, 33, 0, 2, 39, 0, 0, 0, 64, 37, 0]).await;
    there.grant(1).await;
    let outbox = held.remote.outbox();
    outbox.push(Message::new("t", "x".repeat(100))).await.unwrap();
    outbox.push(Message { retain: true, ..Message::new("t", "1") }).await.unwrap();
    outbox.push(Message::new("t", "2")).await.unwrap();
    outbox.push(Message::new("t", "3")).await.unwrap();
    let (one, two) = (there.receive().await, there.receive().await);
    assert_eq!((&one.payload[..], one.retain, &two.payload[..]), (&b"1"[..], false, &b"2"[..]));
    assert!(there.has_nothing().await, "two are under way");
    let said = held.remote.snapshot();
    assert_eq!(said.dropped, 1);
    assert!(said.last_error.unwrap().contains("too large for the broker"));
    // Refused for good: not authorised.
    let [high, low] = one.pkid.to_be_bytes();
    there.send(&[0x40, 3, high, low, 0x87]).await;
    assert_eq!(there.receive().await.payload, b"3");
    let said = held.remote.snapshot();
    assert_eq!((said.unwanted, said.published), (1, 0));
    assert!(said.last_error.unwrap().contains("the right to publish"));
}

/// A connection of MQTT 5 that was let in, and its session.
async fn welcomed(script: &Script) -> (Held, Client) {
    let held = Held::new(Options { protocol: Protocol::V5, ..options(script.address) });
    let there = script.welcome(false).await;
    (held, there)
}

/// Answers the next message with this reason: its payload, and whether it says that it came before.
async fn answer(there: &mut Client, reason: u8) -> (String, bool) {
    let packet = there.next().await;
    let message = there.parsed(packet);
    let [high, low] = message.pkid.to_be_bytes();
    there.send(&[0x40, 3, high, low, reason]).await;
    (String::from_utf8(message.payload).unwrap(), message.dup)
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_has_no_room_for_now_is_published_again_and_again_until_it_has() {
    let script = Script::new().await;
    let (held, mut there) = welcomed(&script).await;
    held.remote.outbox().push(Message::new("t", "alarm")).await.unwrap();
    let begun = tokio::time::Instant::now();
    for _ in 0..6 {
        assert_eq!(answer(&mut there, 0x97).await, ("alarm".to_owned(), false));
    }
    assert!(begun.elapsed() > std::time::Duration::from_secs(3), "with pauses that grow: {:?}", begun.elapsed());
    held.until(|s| s.retried == 6).await;
    let said = held.remote.snapshot();
    assert_eq!((said.published, said.unwanted, said.outstanding), (0, 0, 1));
    assert!(said.last_error.unwrap().contains("0x97"));
    assert_eq!(answer(&mut there, 0).await.0, "alarm");
    held.until(|s| s.published == 1 && s.outstanding == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_broker_does_not_take_for_minutes_is_given_up_and_holds_up_no_other() {
    for reason in [0x80, 0x83] {
        let script = Script::new().await;
        let (held, mut there) = welcomed(&script).await;
        held.remote.outbox().push(Message::new("t", "odd")).await.unwrap();
        let (begun, mut n) = (tokio::time::Instant::now(), 0);
        loop {
            assert_eq!(answer(&mut there, reason).await.0, "odd", "in its place again");
            n += 1;
            held.until(|s| s.retried + s.unwanted == n).await;
            if held.remote.snapshot().unwanted == 1 {
                break;
            }
            // What is taken meanwhile neither shortens nor lengthens the time.
            held.remote.outbox().push(Message::new("t", "fine")).await.unwrap();
            tokio::time::advance(std::time::Duration::from_secs(20)).await;
            if n > 1 {
                assert_eq!(answer(&mut there, 0).await.0, "fine");
            }
        }
        assert!((600..640).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!(answer(&mut there, 0).await.0, "fine");
        held.until(|s| s.outstanding == 0 && s.published == n - 1).await;
        let why = held.remote.snapshot().last_error.unwrap();
        assert!(why.contains("\"t\"") && why.contains(&format!("0x{reason:02x}")) && why.contains("given up"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_farewell_does_not_wait_for_what_was_refused_and_where_it_is_not_taken_the_will_speaks() {
    for taken in [true, false] {
        let script = Script::new().await;
        let state = |text: &str| Message { retain: true, ..Message::new("STATE/h", text.to_owned()) };
        let announce = move || Presence { will: state("offline"), birth: state("online") };
        let options = Options { announce: Some(Arc::new(announce)), protocol: Protocol::V5, ..options(script.address) };
        let held = Held::new(options);
        let mut there = script.welcome(false).await;
        // The birth and everything else is refused until the pauses are long.
        held.remote.outbox().push(Message::new("t", "alarm")).await.unwrap();
        for n in 0..4 {
            assert_eq!(answer(&mut there, 0x97).await.0, "online", "{n}");
            assert_eq!(answer(&mut there, 0x97).await.0, "alarm", "{n}");
        }
        held.until(|s| s.retried == 8).await;
        let ending = tokio::spawn(held.stopped());
        assert_eq!(answer(&mut there, if taken { 0 } else { 0x97 }).await.0, "offline");
        let mut last = Vec::new();
        while let Some(packet) = there.try_read().await {
            match packet.0 {
                0xe0 => last.push("DISCONNECT".to_owned()),
                0xc0 => {}
                _ => last.push(String::from_utf8(there.parsed(packet).payload).unwrap()),
            }
        }
        assert!(!last.contains(&"online".to_owned()), "never after offline: {last:?}");
        assert_eq!(
            last.contains(&"DISCONNECT".to_owned()),
            taken,
            "without it the broker publishes the will: {last:?}"
        );
        ending.await.unwrap();
    }
}

#[tokio::test]
async fn what_the_broker_refuses_for_good_is_given_up_at_once() {
    let script = Script::new().await;
    let (held, mut there) = welcomed(&script).await;
    for (n, reason) in [(1, 0x87), (2, 0x90), (3, 0x99)] {
        held.remote.outbox().push(Message::new("t", "x")).await.unwrap();
        answer(&mut there, reason).await;
        held.until(|s| s.unwanted == n && s.outstanding == 0).await;
        assert!(held.remote.snapshot().last_error.unwrap().contains(&format!("0x{reason:02x}")));
    }
    assert_eq!(held.remote.snapshot().retried, 0);
}

#[tokio::test]
async fn a_broker_that_takes_only_quality_0_is_not_waited_for() {
    let script = Script::new().await;
    let held = Held::new(Options { protocol: Protocol::V5, ..options(script.address) });
    let (mut there, _) = script.accept().await;
    there.send(&[0x20, 5, 0, 0, 2, 36, 0]).await;
    there.grant(0).await;
    held.remote.outbox().push(Message::new("t", "x")).await.unwrap();
    assert_eq!(there.receive().await.qos, 0);
    held.until(|s| s.outstanding == 0 && s.published == 1).await;
}

#[tokio::test]
async fn presence_is_a_will_a_birth_after_the_subscriptions_and_a_farewell() {
    for protocol in [Protocol::V311, Protocol::V5] {
        let script = Script::new().await;
        let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counting = calls.clone();
        let announce = move || {
            let n = counting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let message = |text: &str| Message { retain: true, ..Message::new("STATE/h", format!("{text}{n}")) };
            Presence { will: message("offline"), birth: message("online") }
        };
        let held = Held::new(Options { protocol, announce: Some(Arc::new(announce)), ..options(script.address) });
        held.remote.outbox().push(Message::new("t", "early")).await.unwrap();
        let (mut there, _) = script.accept().await;
        there.let_in(false).await;
        drop(there);
        let (mut there, connect) = script.accept().await;
        assert_eq!(connect[7] & 0x3c, 0x2c, "a will of quality 1, retained");
        let will = [counted("STATE/h"), counted("offline1")].concat();
        assert!(connect.windows(will.len()).any(|w| w == will), "the second connection's will");
        there.let_in(false).await;
        there.grant(1).await;
        let birth = there.take().await;
        assert_eq!((&birth.payload[..], birth.retain), (&b"online1"[..], true), "before what waited");
        assert_eq!(there.take().await.payload, b"early");
        held.remote.announce_again().unwrap();
        assert_eq!(there.take().await.payload, b"online1", "somebody contradicted it");
        held.until(|s| s.outstanding == 0).await;
        let ending = tokio::spawn(held.stopped());
        let farewell = there.take().await;
        assert_eq!((&farewell.payload[..], farewell.retain), (&b"offline1"[..], true));
        assert_eq!(there.next().await, (0xe0, vec![]), "DISCONNECT, after which the broker forgets the will");
        assert_eq!(there.try_read().await, None, "nothing after it, and the connection is closed");
        ending.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_published_arrives_at_a_subscriber_of_that_broker_and_does_not_come_back() {
    let house = House::new(open()).await;
    let held = Held::new(Options { protocol: Protocol::V5, ..options(house.address) });
    held.becomes(State::Connected).await;
    let mut scada = Client::new(house.address, "scada").await;
    scada.subscribe(&[("#", 1)]).await;
    for n in 0..300 {
        held.remote.outbox().push(Message::new("t", n.to_string())).await.unwrap();
    }
    for n in 0..300 {
        assert_eq!(scada.take().await.payload, n.to_string().into_bytes());
    }
    held.until(|s| s.published == 300).await;
    let mut machine = Client::new(house.address, "m").await;
    machine.publish("t", "from a machine", 1, 1).await;
    held.intake.until(1).await;
    assert_eq!(held.intake.payloads(), ["from a machine"], "no local");
}
