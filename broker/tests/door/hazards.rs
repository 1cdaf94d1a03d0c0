//! What brings other brokers down or makes them lose messages. None of it happens here.

use std::collections::BTreeSet;
use std::time::Duration;

use broker::Config;

use crate::client::{Client, Connect, publish};
use crate::house::{House, open};

#[tokio::test]
async fn a_topic_that_begins_with_any_character_passes_every_kind_of_filter() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("#", 0), ("+/+", 0), ("é/#", 0), ("a/b", 0), ("$SYS/#", 0)]).await;
    let mut machine = Client::new(house.address, "m").await;
    for topic in ["轧钢/一号机", "é/x", "🏭/x", "ÿ", "/", " "] {
        machine.publish(topic, "x", 1, 1).await;
        machine.ack(0x40).await;
        assert_eq!(watcher.take().await.topic, topic);
    }
    assert!(watcher.is_quiet().await, "each came once");
}

#[tokio::test]
async fn client_ids_with_special_characters_connect_again_and_again() {
    let house = House::new(open()).await;
    for id in ["a+b", "$SYS", "a#", "a/b/c", "#", "+", "轧钢", "%00", "../x"] {
        let mut first = Client::connect(house.address, Connect { will: Some(("will", "x")), ..Connect::new(id) }).await;
        let mut second =
            Client::connect(house.address, Connect { will: Some(("will", "x")), ..Connect::new(id) }).await;
        first.ends().await;
        second.publish("t", id, 1, 1).await;
        assert_eq!(second.ack(0x40).await, 1, "{id}");
    }
}

#[tokio::test]
async fn the_connection_limit_turns_away_the_same_client_twice_and_lets_it_in_when_there_is_room() {
    let house = House::new(Config { max_connections: 1, ..open() }).await;
    let mut first = Client::new(house.address, "first").await;
    for _ in 0..3 {
        let (mut refused, connack) = Client::try_connect(house.address, Connect::new("second")).await;
        assert_eq!(connack, [0, 3]);
        refused.ends().await;
    }
    let (_, connack) = Client::try_connect(house.address, Connect::v5("second")).await;
    assert_eq!(connack[1], 0x97);
    let mut again = Client::new(house.address, "first").await;
    first.ends().await;
    assert!(again.is_quiet().await, "a client may take its own place over");
    again.send(&[0xe0, 0]).await;
    again.ends().await;
    let mut second = Client::new(house.address, "second").await;
    assert!(second.is_quiet().await);
    assert_eq!(house.refused("connections_full"), 4);
}

#[tokio::test]
async fn a_client_turned_away_at_the_limit_keeps_its_session_and_what_waits_in_it() {
    let house = House::new(Config { max_connections: 1, ..open() }).await;
    let mut watcher = Client::connect(house.address, Connect::kept("w")).await;
    watcher.subscribe(&[("t", 1)]).await;
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    let mut machine = Client::new(house.address, "m").await;
    machine.publish("t", "kept", 1, 1).await;
    assert_eq!(machine.ack(0x40).await, 1);
    for clean in [false, true] {
        let (_, connack) = Client::try_connect(house.address, Connect { clean, ..Connect::new("w") }).await;
        assert_eq!(connack, [0, 3]);
    }
    machine.send(&[0xe0, 0]).await;
    machine.ends().await;
    let (mut watcher, connack) = Client::try_connect(house.address, Connect::kept("w")).await;
    assert_eq!(connack, [1, 0], "session present");
    assert_eq!(watcher.take().await.payload, b"kept");
}

#[tokio::test]
async fn three_thousand_connects_that_end_in_a_reset_leave_no_trace() {
    let house = House::new(open()).await;
    let connect = Connect { will: Some(("will", "x")), ..Connect::new("same") }.encode();
    for _ in 0..3_000 {
        let mut client = Client::open(house.address).await;
        client.send(&connect).await;
        client.io.set_zero_linger().unwrap();
    }
    house.until("they are all gone", |house| house.broker.connected() == 0).await;
    let mut client = Client::new(house.address, "same").await;
    assert!(client.is_quiet().await);
}

#[tokio::test]
async fn a_subscriber_that_reads_slowly_gets_every_message() {
    let house = House::new(Config { queue_messages: 64, ..open() }).await;
    let mut slow = Client::new(house.address, "slow").await;
    slow.subscribe(&[("#", 0)]).await;
    let mut machine = Client::new(house.address, "m").await;
    let publishing = async {
        for n in 0..20_000u32 {
            let mut payload = vec![b'.'; 1000];
            payload[..4].copy_from_slice(&n.to_be_bytes());
            machine.publish("t", payload, 0, 0).await;
        }
    };
    let reading = async {
        for n in 0..20_000u32 {
            if n % 1000 == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(slow.take().await.payload[..4], n.to_be_bytes());
        }
    };
    tokio::join!(publishing, reading);
    assert_eq!(house.refused("subscriber_queue_full"), 0);
}

#[tokio::test]
async fn a_subscriber_that_stops_reading_holds_nobody_up_and_its_losses_are_counted() {
    let patience = Duration::from_millis(50);
    let house = House::new(Config { queue_messages: 100, subscriber_patience: patience, ..open() }).await;
    let mut stuck = Client::new(house.address, "stuck").await;
    stuck.subscribe(&[("#", 0)]).await;
    let mut machine = Client::new(house.address, "m").await;
    let payload = vec![b'x'; 10_000];
    for n in 0..5_000u32 {
        machine.publish("t", &payload, 1, (n % 60_000 + 1) as u16).await;
        machine.ack(0x40).await;
    }
    // The last may still be on its way to the queue.
    assert!(machine.is_quiet().await);
    let lost = house.refused("subscriber_queue_full");
    assert!(lost > 0, "50 MB do not fit into a queue of 100 and two socket buffers");
    let mut got = 0;
    while got + lost < 5_000 {
        assert_eq!(stuck.take().await.payload.len(), 10_000);
        got += 1;
    }
    assert!(stuck.is_quiet().await, "got and lost make up all of them");
    let client = house.broker.clients().into_iter().find(|client| &*client.client_id == "stuck").unwrap();
    assert_eq!(client.dropped, lost);
}

#[tokio::test]
async fn an_absent_subscriber_finds_everything_when_it_is_back() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect::kept("w")).await;
    watcher.subscribe(&[("t/#", 2)]).await;
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    let mut machine = Client::new(house.address, "m").await;
    for n in 0..30_000u32 {
        machine.send(&publish("t/x", n.to_be_bytes(), 1, (n % 60_000 + 1) as u16, false, false)).await;
        machine.ack(0x40).await;
    }
    assert!(machine.is_quiet().await);
    let (mut watcher, connack) = Client::try_connect(house.address, Connect::kept("w")).await;
    assert_eq!(connack, [1, 0], "session present");
    for n in 0..30_000u32 {
        assert_eq!(watcher.take().await.payload, n.to_be_bytes());
    }
    assert!(watcher.is_quiet().await);
    assert_eq!(house.refused("subscriber_queue_full"), 0);
}

#[tokio::test]
async fn every_one_of_300_retained_messages_reaches_a_new_subscriber() {
    let house = House::new(open()).await;
    let mut machine = Client::new(house.address, "m").await;
    for n in 0..300u16 {
        machine.send(&publish(format!("r/{n}"), "x", 1, n + 1, true, false)).await;
        machine.ack(0x40).await;
    }
    assert!(machine.is_quiet().await);
    for qos in 0..3 {
        let mut watcher = Client::new(house.address, "w").await;
        watcher.subscribe(&[("r/+", qos)]).await;
        let mut topics = BTreeSet::new();
        for _ in 0..300 {
            let received = watcher.take().await;
            assert!(received.retain);
            assert_eq!(received.qos, qos.min(1));
            topics.insert(received.topic);
        }
        assert_eq!(topics.len(), 300, "QoS {qos}");
        assert!(watcher.is_quiet().await);
    }
}

#[tokio::test]
async fn a_takeover_publishes_the_old_will_and_keeps_the_new_one() {
    let house = House::new(open()).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("will", 1)]).await;
    let with = |text| Connect { will: Some(("will", text)), ..Connect::new("m") };
    let mut first = Client::connect(house.address, with("first")).await;
    let second = Client::connect(house.address, with("second")).await;
    first.ends().await;
    assert_eq!(watcher.take().await.payload, b"first");
    assert!(watcher.is_quiet().await);
    drop(second);
    assert_eq!(watcher.take().await.payload, b"second");
    let mut third = Client::connect(house.address, with("third")).await;
    third.send(&[0xe0, 0]).await;
    third.ends().await;
    assert!(watcher.is_quiet().await, "no will after a DISCONNECT");
    assert_eq!(house.intake.payloads(), ["first", "second"], "wills go through the intake");
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_of_zero_never_ends() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::new("m") }).await;
    tokio::time::advance(Duration::from_secs(7 * 24 * 3600)).await;
    assert!(client.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go_after_one_and_a_half_times_its_keep_alive() {
    let house = House::new(open()).await;
    let started = tokio::time::Instant::now();
    let mut client = Client::connect(house.address, Connect { keep_alive: 10, ..Connect::v5("m") }).await;
    assert_eq!(client.ends().await, Some(0x8d));
    assert_eq!(started.elapsed().as_secs(), 15);
    assert_eq!(house.refused("keep_alive_timeout"), 1);
}

#[tokio::test]
async fn clients_and_filters_that_come_once_leave_nothing_behind() {
    let house = House::new(open()).await;
    for n in 0..500 {
        let id = format!("once-{n}");
        let mut client = Client::new(house.address, &id).await;
        client.subscribe(&[(&format!("only/{n}/+"), 0)]).await;
        client.send(&[0xe0, 0]).await;
        client.ends().await;
    }
    house.until("they are all gone", |house| house.broker.connected() == 0).await;
    assert_eq!(house.broker.clients().len(), 256, "the last of them are remembered, not all");
}
