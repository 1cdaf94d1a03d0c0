//! What subscribers get.

use std::time::Duration;

use broker::{Config, PublishError, Refusal};
use bytes::Bytes;

use crate::client::{Client, Connect, counted, packet, publish};
use crate::house::{House, open};

#[tokio::test]
async fn a_message_comes_at_the_lower_of_both_qualities() {
    let house = House::new(open()).await;
    let mut machine = Client::new(house.address, "m").await;
    for asked in 0..3 {
        let mut watcher = Client::new(house.address, "w").await;
        assert_eq!(watcher.subscribe(&[("t", asked)]).await, [asked]);
        for sent in 0..3 {
            machine.publish("t", "x", sent, 1).await;
            assert_eq!(watcher.take().await.qos, asked.min(sent));
            if sent > 0 {
                assert_eq!(machine.ack(if sent == 1 { 0x40 } else { 0x50 }).await, 1);
            }
            if sent == 2 {
                machine.send(&[0x62, 2, 0, 1]).await;
                machine.ack(0x70).await;
            }
        }
    }
}

#[tokio::test]
async fn after_an_unsubscribe_nothing_comes() {
    for v5 in [false, true] {
        let house = House::new(open()).await;
        let mut client = Client::connect(house.address, Connect { v5, ..Connect::new("c") }).await;
        client.subscribe(&[("a/#", 0), ("b", 0)]).await;
        let mut body = if v5 { vec![0, 4, 0] } else { vec![0, 4] };
        body.extend(counted("a/#"));
        body.extend(counted("never"));
        client.send(&packet(0xa2, &body)).await;
        let (first, body) = client.read().await;
        assert_eq!((first, &body[..]), (0xb0, if v5 { &[0, 4, 0, 0, 0x11][..] } else { &[0, 4] }));
        client.publish("a/x", "no", 0, 0).await;
        client.publish("b", "yes", 0, 0).await;
        assert_eq!(client.take().await.payload, b"yes");
    }
}

#[tokio::test]
async fn no_local_keeps_a_clients_own_messages_from_it() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    assert_eq!(client.subscribe(&[("t", 0b100)]).await, [0]);
    client.publish("t", "mine", 1, 1).await;
    assert_eq!(client.ack(0x40).await, 1);
    house.broker.publish("t", Bytes::from_static(b"the platform's"), 0, false).unwrap();
    assert_eq!(client.take().await.payload, b"the platform's");
}

#[tokio::test]
async fn retained_messages_are_sent_as_the_subscription_asks() {
    let house = House::new(open()).await;
    house.broker.publish("r", Bytes::from_static(b"x"), 1, true).unwrap();
    let mut client = Client::connect(house.address, Connect::v5("c")).await;
    let (every, new, never, as_published) = (0x00, 0x10, 0x20, 0x08);
    client.subscribe(&[("r", never)]).await;
    assert!(client.is_quiet().await);
    client.subscribe(&[("r", new)]).await;
    assert!(client.is_quiet().await, "it is not a new subscription");
    client.subscribe(&[("r", every)]).await;
    assert!(client.take().await.retain);
    house.broker.publish("r", Bytes::from_static(b"y"), 0, true).unwrap();
    assert!(!client.take().await.retain, "a subscriber that is there sees an ordinary message");
    client.subscribe(&[("r", never | as_published)]).await;
    house.broker.publish("r", Bytes::new(), 0, true).unwrap();
    assert!(client.take().await.retain);
    client.subscribe(&[("r", every)]).await;
    assert!(client.is_quiet().await, "the empty one took it away");
}

#[tokio::test]
async fn a_client_sees_no_more_on_their_way_than_it_asked_for() {
    let house = House::new(open()).await;
    let receive_maximum = vec![0x21, 0, 2];
    let mut client = Client::connect(house.address, Connect { properties: receive_maximum, ..Connect::v5("c") }).await;
    client.subscribe(&[("t", 1)]).await;
    for n in 0..5u8 {
        house.broker.publish("t", Bytes::copy_from_slice(&[n]), 1, false).unwrap();
    }
    let (first, second) = (client.receive().await, client.receive().await);
    assert!(client.is_quiet().await);
    let [high, low] = second.pkid.to_be_bytes();
    client.send(&[0x40, 2, high, low]).await;
    assert_eq!(client.receive().await.payload, [2]);
    assert!(client.is_quiet().await);
    assert_ne!(first.pkid, second.pkid);
}

#[tokio::test]
async fn properties_travel_to_mqtt_5_and_are_left_out_for_3_1_1() {
    let house = House::new(open()).await;
    let mut new = Client::connect(house.address, Connect::v5("new")).await;
    let mut old = Client::new(house.address, "old").await;
    new.subscribe(&[("t", 0)]).await;
    old.subscribe(&[("t", 0)]).await;
    let mut machine = Client::connect(house.address, Connect::v5("m")).await;
    let user_property = [38, 0, 1, b'k', 0, 1, b'v'];
    let mut body = counted("t");
    body.push(user_property.len() as u8);
    body.extend(user_property);
    body.push(b'x');
    machine.send(&packet(0x30, &body)).await;
    assert_eq!(new.read().await, (0x30, body));
    assert_eq!(old.take().await.payload, b"x");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expired_while_its_subscriber_was_away_is_not_sent() {
    let house = House::new(open()).await;
    let kept = || Connect { v5: true, properties: vec![0x11, 0, 0, 1, 0], ..Connect::kept("w") };
    let mut watcher = Client::connect(house.address, kept()).await;
    watcher.subscribe(&[("t", 1)]).await;
    drop(watcher);
    house.until("the watcher is gone", |house| house.broker.connected() == 0).await;
    let mut machine = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::v5("m") }).await;
    for (seconds, payload) in [(10, b'a'), (100, b'b')] {
        machine.send(&[0x32, 12, 0, 1, b't', 0, 1, 5, 2, 0, 0, 0, seconds, payload]).await;
        machine.ack(0x40).await;
    }
    tokio::time::advance(Duration::from_secs(20)).await;
    let mut watcher = Client::connect(house.address, kept()).await;
    assert_eq!(watcher.take().await.payload, b"b");
    assert_eq!(house.refused("message_expired"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_its_time_is_up() {
    let house = House::new(open()).await;
    let connect = || Connect { v5: true, properties: vec![0x11, 0, 0, 0, 30], ..Connect::kept("w") };
    let mut watcher = Client::connect(house.address, connect()).await;
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    let (mut watcher, connack) = Client::try_connect(house.address, connect()).await;
    assert_eq!(connack[0], 1);
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    tokio::time::advance(Duration::from_secs(31)).await;
    let (_, connack) = Client::try_connect(house.address, connect()).await;
    assert_eq!(connack[0], 0);
}

#[tokio::test(start_paused = true)]
async fn a_will_waits_for_its_delay_and_is_not_published_when_the_client_is_back() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::new("w") }).await;
    watcher.subscribe(&[("will", 0)]).await;
    let connect = || Connect {
        v5: true,
        keep_alive: 0,
        properties: vec![0x11, 0, 0, 1, 0],
        will: Some(("will", "dead")),
        will_properties: vec![0x18, 0, 0, 0, 15],
        ..Connect::kept("m")
    };
    let gone = |house: &House| house.broker.connected() == 1;
    drop(Client::connect(house.address, connect()).await);
    house.until("it is gone", gone).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let back = Client::connect(house.address, connect()).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(watcher.is_quiet().await);
    drop(back);
    assert_eq!(watcher.take().await.payload, b"dead");
}

#[tokio::test(start_paused = true)]
async fn a_will_that_waits_is_published_when_its_session_ends() {
    let house = House::new(open()).await;
    let mut watcher = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::new("w") }).await;
    watcher.subscribe(&[("will", 0)]).await;
    let connect = |clean, expiry| Connect {
        clean,
        keep_alive: 0,
        properties: vec![0x11, 0, 0, 0, expiry],
        will: Some(("will", "dead")),
        will_properties: vec![0x18, 0, 0, 1, 0],
        ..Connect::v5("m")
    };
    let gone = |house: &House| house.broker.connected() == 1;
    // The session is over before the delay is.
    drop(Client::connect(house.address, connect(false, 20)).await);
    house.until("it is gone", gone).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(watcher.is_quiet().await);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(watcher.take().await.payload, b"dead");
    // The client is back and wants nothing of its old session.
    drop(Client::connect(house.address, connect(false, 200)).await);
    house.until("it is gone", gone).await;
    let mut back =
        Client::connect(house.address, Connect { will: None, will_properties: vec![], ..connect(true, 0) }).await;
    assert_eq!(watcher.take().await.payload, b"dead");
    assert!(back.is_quiet().await && watcher.is_quiet().await);
}

#[tokio::test]
async fn the_platform_publishes_and_is_told_what_is_no_topic() {
    let house = House::new(open()).await;
    let login = Some(("monitor", "secret"));
    let mut client = Client::connect(house.address, Connect { login, ..Connect::new("c") }).await;
    assert_eq!(client.subscribe(&[("$SYS/#", 0), ("#", 0)]).await, [0, 0]);
    house.broker.publish("$SYS/version", Bytes::from_static(b"1"), 0, false).unwrap();
    assert_eq!(client.take().await.topic, "$SYS/version");
    assert!(client.is_quiet().await, "not through #");
    let check = |topic: &str, expect| assert_eq!(house.broker.publish(topic, Bytes::new(), 0, false), Err(expect));
    check("a/#", PublishError::Topic(Refusal::TopicInvalid));
    check("", PublishError::Topic(Refusal::TopicInvalid));
    assert_eq!(house.broker.publish("a", Bytes::new(), 3, false), Err(PublishError::Qos(3)));
    assert!(house.intake.payloads().is_empty(), "it does not come back in");
}

#[tokio::test]
async fn the_canary_comes_back_and_leaves_nothing() {
    let house = House::new(Config { max_filters: 1, ..open() }).await;
    for _ in 0..3 {
        house.broker.canary(Duration::from_secs(5)).await.unwrap();
    }
    let mut client = Client::new(house.address, "c").await;
    assert_eq!(client.subscribe(&[("a", 0), ("b", 0)]).await, [0, 0x80]);
    assert_eq!(house.refused("subscriptions_full"), 1);
}

#[tokio::test]
async fn each_client_can_be_seen() {
    let house = House::new(open()).await;
    let mut client =
        Client::connect(house.address, Connect { login: Some(("user", "secret")), ..Connect::v5("c") }).await;
    client.subscribe(&[("a/#", 1), ("b", 0)]).await;
    client.publish("x/1", "12345", 1, 1).await;
    client.ack(0x40).await;
    client.publish("x/2", "12345", 1, 2).await;
    client.ack(0x40).await;
    let clients = house.broker.clients();
    let [seen] = &clients[..] else { panic!("one client: {clients:?}") };
    assert_eq!((&*seen.client_id, &*seen.identity, seen.connected), ("c", "user", true));
    assert_eq!(seen.address, client.io.local_addr().unwrap());
    assert_eq!(seen.protocol.to_string(), "MQTT 5");
    assert_eq!((seen.messages, seen.bytes), (2, 2 * 15));
    assert!(seen.rate_messages_s > 0.0);
    assert_eq!(seen.subscriptions, ["a/#", "b"]);
    assert_eq!(seen.last_topic.as_deref(), Some("x/2"));
    assert_eq!(seen.last_error, None);
    client.send(&publish("x/+", "", 0, 0, false, true)).await;
    assert_eq!(client.ends().await, Some(0x90));
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    let seen = &house.broker.clients()[0];
    assert_eq!((seen.connected, seen.last_error.as_deref()), (false, Some("topic_invalid")));
    assert_eq!(house.intake.refused.lock().unwrap()[..], [("c".to_owned(), 1, "topic_invalid")]);
}
