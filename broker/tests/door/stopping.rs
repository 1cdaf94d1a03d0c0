//! An orderly end.

use std::sync::Arc;
use std::time::Duration;

use broker::Config;
use tokio::net::TcpStream;

use crate::client::{Client, Connect};
use crate::house::{House, PATIENCE, open};

#[tokio::test]
async fn a_stop_acknowledges_what_was_taken_says_why_and_publishes_no_wills() {
    let mut house = House::new(open()).await;
    house.intake.durable.send_replace(false);
    let will = Some(("will", "dead"));
    let mut machine = Client::connect(house.address, Connect { will, ..Connect::v5("m") }).await;
    let mut old = Client::new(house.address, "old").await;
    machine.publish("t", "x", 1, 7).await;
    house.intake.until(1).await;
    let intake = house.intake.clone();
    let (address, broker) = (house.address, house.broker.clone());
    house.ask_to_stop();
    assert_eq!(old.ends().await, None);
    assert!(machine.has_nothing().await, "it waits for its acknowledgement");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    intake.durable.send_replace(true);
    assert_eq!(machine.ack(0x40).await, 7);
    assert_eq!(machine.ends().await, Some(0x8b));
    let stopped = house.stopped().await;
    assert_eq!((stopped.connected, stopped.pending.len()), (2, 0));
    assert_eq!(intake.payloads(), ["x"]);
    assert_eq!(broker.connected(), 0);
}

#[tokio::test]
async fn a_stop_reports_who_is_pending_when_the_intake_never_answers() {
    let house = House::new(Config { stop_patience: Duration::from_millis(50), ..open() }).await;
    house.intake.durable.send_replace(false);
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    let _calm = Client::new(house.address, "calm").await;
    machine.publish("t", "x", 1, 7).await;
    house.intake.until(1).await;
    let stopped = house.stopped().await;
    assert_eq!(stopped.connected, 2);
    assert_eq!(stopped.pending, [Arc::from("m")]);
    assert_eq!(machine.ends().await, None, "no acknowledgement");
}

#[tokio::test]
async fn a_will_whose_delay_is_not_over_is_published_by_the_stop() {
    let mut house = House::new(open()).await;
    let connect = |id| Connect {
        properties: vec![0x11, 0, 0, 1, 0],
        will: Some(("will", id)),
        will_properties: vec![0x18, 0, 0, 0, 200],
        ..Connect::v5(id)
    };
    drop(Client::connect(house.address, connect("dead")).await);
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    let mut alive = Client::connect(house.address, connect("alive")).await;
    let intake = house.intake.clone();
    house.ask_to_stop();
    assert_eq!(alive.ends().await, Some(0x8b));
    assert_eq!(house.stopped().await.pending.len(), 0);
    assert_eq!(intake.payloads(), ["dead"], "and not that of the client which the stop sent away");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_in_the_end() {
    let house = House::new(Config { write_timeout: Duration::from_millis(100), ..open() }).await;
    let mut deaf = Client::new(house.address, "deaf").await;
    deaf.subscribe(&[("#", 0)]).await;
    for _ in 0..1_000 {
        house.broker.publish("t", vec![0; 20_000].into(), 0, false).unwrap();
    }
    house.until("it is closed", |house| house.broker.connected() == 0).await;
    assert_eq!(house.refused("write_timeout"), 1);
}

/// More than the sockets' buffers hold, and less than a queue.
const MANY: usize = 2_000;

#[tokio::test]
async fn a_stop_takes_nothing_away_that_was_queued_for_a_client_before() {
    for qos in [0, 1] {
        let config = Config { stop_patience: Duration::from_secs(60), send_window: 4_096, ..open() };
        let mut house = House::new(config).await;
        let mut reader = Client::connect(house.address, Connect::v5("reader")).await;
        reader.subscribe(&[("t", qos)]).await;
        for i in 0..MANY {
            let mut payload = i.to_string().into_bytes();
            payload.resize(8_000, b' ');
            house.broker.publish("t", payload.into(), qos, false).unwrap();
        }
        house.ask_to_stop();
        for i in 0..MANY {
            let message = reader.receive().await;
            let text = String::from_utf8_lossy(&message.payload).trim_end().to_owned();
            assert_eq!(text, i.to_string(), "QoS {qos}");
        }
        assert_eq!(reader.ends().await, Some(0x8b));
        assert_eq!(house.stopped().await.pending.len(), 0);
    }
}

/// The client's receive maximum is 4: the rest can only follow when it has acknowledged.
#[tokio::test]
async fn a_stop_waits_for_acknowledgements_while_they_come_so_that_what_is_queued_beyond_the_window_goes_out() {
    for qos in [1, 2] {
        let mut house = House::new(Config { stop_patience: Duration::from_secs(60), ..open() }).await;
        let properties = vec![0x21, 0, 4];
        let mut reader = Client::connect(house.address, Connect { properties, ..Connect::v5("reader") }).await;
        reader.subscribe(&[("t", qos)]).await;
        for i in 0..100 {
            house.broker.publish("t", i.to_string().into(), qos, false).unwrap();
        }
        house.ask_to_stop();
        let mut seen = Vec::new();
        while seen.len() < 100 {
            if seen.len() == 50 {
                reader.publish("late", "x", 1, 9).await;
            }
            let (first, body) = reader.read().await;
            match first & 0xf6 {
                0x32 | 0x34 => {
                    let pkid = [body[3], body[4]];
                    seen.push(String::from_utf8(body[6..].to_vec()).unwrap());
                    reader.send(&[if qos == 1 { 0x40 } else { 0x50 }, 2, pkid[0], pkid[1]]).await;
                }
                0x62 => reader.send(&[0x70, 2, body[0], body[1]]).await,
                _ => panic!("{first:x} {body:?} after {}", seen.len()),
            }
        }
        assert_eq!(seen, (0..100).map(|i| i.to_string()).collect::<Vec<_>>());
        let taken = house.intake.clone();
        assert_eq!(reader.ends().await, Some(0x8b));
        assert_eq!(taken.payloads(), [""; 0], "the client has no acknowledgement and keeps it");
        assert_eq!(house.stopped().await.pending.len(), 0);
    }
}

#[tokio::test]
async fn a_client_that_acknowledges_nothing_does_not_hold_a_stop_up() {
    let house = House::new(Config { stop_patience: Duration::from_secs(600), ..open() }).await;
    let properties = vec![0x21, 0, 4];
    let mut mute = Client::connect(house.address, Connect { properties, ..Connect::v5("mute") }).await;
    mute.subscribe(&[("t", 1)]).await;
    for i in 0..100 {
        house.broker.publish("t", i.to_string().into(), 1, false).unwrap();
    }
    for _ in 0..4 {
        mute.receive().await;
    }
    let stopped = tokio::time::timeout(PATIENCE, house.stopped());
    let (stopped, ending) = tokio::join!(stopped, mute.ends());
    assert_eq!((stopped.expect("the stop comes to its end").pending.len(), ending), (0, Some(0x8b)));
}

#[tokio::test]
async fn a_client_that_takes_nothing_does_not_hold_a_stop_up() {
    let long = Duration::from_secs(600);
    let house = House::new(Config { stop_patience: long, write_timeout: long, ..open() }).await;
    let mut deaf = Client::new(house.address, "deaf").await;
    deaf.subscribe(&[("#", 0)]).await;
    for _ in 0..MANY {
        house.broker.publish("t", vec![0; 8_000].into(), 0, false).unwrap();
    }
    let stopped = tokio::time::timeout(PATIENCE, house.stopped()).await.expect("the stop comes to its end");
    assert_eq!((stopped.connected, stopped.pending.len()), (1, 0));
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut_off_at_half_the_patience() {
    let config = Config { stop_patience: Duration::from_secs(1), ..open() };
    let house = House::new(Config { write_timeout: Duration::from_secs(600), ..config }).await;
    let mut slow = Client::new(house.address, "slow").await;
    slow.subscribe(&[("#", 0)]).await;
    for _ in 0..MANY {
        house.broker.publish("t", vec![0; 8_000].into(), 0, false).unwrap();
    }
    // Nothing it published is pending, so it is not named.
    assert_eq!(house.stopped().await.pending.len(), 0);
}

/// A Sparkplug edge node must hear that its host leaves.
#[tokio::test]
async fn what_the_platform_said_before_the_stop_is_heard_before_the_goodbye() {
    let mut house = House::new(open()).await;
    let mut listener = Client::connect(house.address, Connect::v5("listener")).await;
    listener.subscribe(&[("state", 1)]).await;
    // The listener's connection has its turn after the stop's: it finds the message and the request to end at once.
    house.ask_to_stop();
    house.broker.publish("state", "offline".into(), 1, true).unwrap();
    let heard = listener.receive().await;
    assert_eq!((&*heard.topic, &*heard.payload), ("state", &b"offline"[..]));
    assert_eq!(listener.ends().await, Some(0x8b));
    assert!(house.stopped().await.pending.is_empty());
}
