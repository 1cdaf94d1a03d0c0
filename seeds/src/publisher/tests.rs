//! The publisher against a broker that loses connections on purpose.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use super::*;
use crate::fake_broker::{FakeBroker, Manners, POLITE};

const PATIENCE: Duration = Duration::from_secs(10);

async fn connect(options: Options) -> Publisher {
    Publisher::connect(options, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn every_message_arrives_at_least_once_although_connections_break() {
    let cutting = |n| if n < 8 { Manners { cut_after: Some(40), ..POLITE } } else { POLITE };
    let broker = FakeBroker::start(cutting).await;
    let publisher = connect(Options { max_messages: 64, ..Options::new(&broker.address, "c") }).await;
    for n in 0..500 {
        publisher.publish("t", format!("m{n}")).await.unwrap();
    }
    publisher.flush().await.unwrap();
    assert_eq!(publisher.outstanding(), 0);
    let seen = broker.seen.borrow();
    let payloads = seen.payloads();
    assert_eq!((0..500).filter(|n| !payloads.contains_key(format!("m{n}").as_bytes())).count(), 0);
    assert_eq!(seen.connections.len(), 9, "eight were cut");
    let sent: usize = payloads.values().sum();
    assert!(sent > 500, "what was cut before its PUBACK came twice: {sent}");
    assert!(sent <= 500 + 8 * 40, "what was acknowledged did not: {sent}");
}

#[tokio::test]
async fn on_each_connection_messages_come_in_the_order_of_publishing_after_the_greeting() {
    let broker = FakeBroker::start(|n| if n < 3 { Manners { cut_after: Some(7), ..POLITE } } else { POLITE }).await;
    let greeting = vec![("g".to_owned(), Bytes::from_static(b"hello")), ("g".to_owned(), Bytes::from_static(b"there"))];
    let publisher = connect(Options { greeting, ..Options::new(&broker.address, "c") }).await;
    for n in 0..30 {
        publisher.publish("t", format!("{n:02}")).await.unwrap();
    }
    publisher.flush().await.unwrap();
    let seen = broker.seen.borrow();
    assert_eq!(seen.connections.len(), 4);
    for connection in &seen.connections {
        let order: Vec<_> = connection.published.iter().map(|(_, payload)| payload.as_slice()).collect();
        assert_eq!(order[..2], [b"hello", b"there"]);
        assert!(order[2..].is_sorted(), "{order:?}");
    }
}

#[tokio::test]
async fn a_full_outbox_makes_publish_wait_and_drops_nothing() {
    let broker = FakeBroker::start(|_| Manners { silent: true, ..POLITE }).await;
    let publisher = connect(Options { max_messages: 5, ..Options::new(&broker.address, "c") }).await;
    for n in 0..5 {
        publisher.publish("t", format!("{n}")).await.unwrap();
    }
    assert_eq!(publisher.outstanding(), 5);
    let sixth = publisher.publish("t", "6");
    assert!(tokio::time::timeout(Duration::from_millis(50), sixth).await.is_err(), "there is no room for a sixth");
    assert_eq!(publisher.outstanding(), 5, "a publish that was given up leaves nothing behind");
    assert_eq!(publisher.close(Duration::ZERO).await, 5);
    broker.wait_for(|s| s.connections[0].ended).await;
    assert_eq!(broker.seen.borrow().published().count(), 5);
}

#[tokio::test]
async fn the_outbox_is_bounded_in_bytes_too() {
    let broker = FakeBroker::start(|_| Manners { silent: true, ..POLITE }).await;
    let publisher = connect(Options { max_bytes: 1000, ..Options::new(&broker.address, "c") }).await;
    publisher.publish("t", vec![0; 600]).await.unwrap();
    let second = publisher.publish("t", vec![0; 600]);
    assert!(tokio::time::timeout(Duration::from_millis(50), second).await.is_err());
    publisher.publish("t", vec![0; 300]).await.unwrap();
    let e = publisher.publish("t", vec![0; 1000]).await.unwrap_err();
    assert_eq!(e, PublishError::TooLarge { found: 1017, max: 1000 });
}

#[tokio::test]
async fn more_messages_than_packet_ids_under_way_and_large_ones_pass() {
    let broker = FakeBroker::start(|_| POLITE).await;
    let publisher = connect(Options::new(&broker.address, "c")).await;
    for n in 0..1000 {
        publisher.publish("t", format!("{n}")).await.unwrap();
    }
    publisher.publish("t", vec![b'x'; 400_000]).await.unwrap();
    assert_eq!(publisher.close(PATIENCE).await, 0);
    // The goodbye was written before `close` returned; the broker reads it in its own time.
    broker.wait_for(|s| s.connections[0].ended).await;
    let seen = broker.seen.borrow();
    assert_eq!((seen.connections.len(), seen.payloads().len(), seen.goodbyes), (1, 1001, 1));
    assert!(seen.payloads().values().all(|n| *n == 1));
}

#[tokio::test]
async fn what_cannot_work_is_said_at_once() {
    let broker = FakeBroker::start(|_| Manners { code: 4, ..POLITE }).await;
    let e = Publisher::connect(Options::new(&broker.address, "c"), PATIENCE).await.err().unwrap().to_string();
    assert_eq!(e, format!("{} refused the connection: wrong user or password; check both", broker.address));

    for bad in ["127.0.0.1", ":1883", "host:0", "host:70000"] {
        assert_eq!(Publisher::start(Options::new(bad, "c")).err(), Some(PublishError::Address(bad.into())));
    }

    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let e = Publisher::connect(Options::new(&unused, "c"), Duration::from_millis(50)).await.err().unwrap();
    assert!(e.to_string().contains("cannot be reached"), "{e}");

    let publisher = Publisher::start(Options::new(&unused, "c")).unwrap();
    for bad in ["", "a/+", "#"] {
        assert_eq!(publisher.publish(bad, "x").await, Err(PublishError::Topic(bad.into())));
    }
}

#[tokio::test]
async fn a_broker_that_comes_late_gets_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let publisher = Publisher::start(Options::new(&address.to_string(), "c")).unwrap();
    publisher.publish("t", "early").await.unwrap();
    publisher.status.clone().wait_for(|s| matches!(s, Status::Retrying(_))).await.unwrap();
    let broker = FakeBroker::on(TcpListener::bind(address).await.unwrap(), |_| POLITE);
    publisher.flush().await.unwrap();
    assert_eq!(broker.seen.borrow().payloads()[b"early".as_slice()], 1);
}
