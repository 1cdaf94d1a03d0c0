//! The publisher against a small broker that loses connections on purpose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the broker has seen.
#[derive(Default)]
struct Seen {
    connections: usize,
    /// Deliveries by payload.
    payloads: HashMap<String, usize>,
    /// Payloads in order of arrival, connection by connection.
    order: Vec<Vec<String>>,
    goodbyes: usize,
}

/// How the broker behaves.
#[derive(Clone, Copy)]
struct Manners {
    /// Cuts each connection after so many publishes, acknowledging only every other one of them.
    cut_after: Option<usize>,
    /// Acknowledges nothing at all.
    silent: bool,
    /// CONNACK's return code.
    code: u8,
}

const POLITE: Manners = Manners { cut_after: None, silent: false, code: 0 };

async fn packet(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let kind = socket.read_u8().await.ok()?;
    let (mut len, mut shift) = (0usize, 0);
    loop {
        let b = socket.read_u8().await.ok()?;
        len |= usize::from(b & 0x7f) << shift;
        shift += 7;
        if b & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; len];
    socket.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

async fn serve(mut socket: TcpStream, manners: Manners, seen: Arc<Mutex<Seen>>) -> Option<()> {
    packet(&mut socket).await.filter(|(kind, _)| *kind == 0x10)?;
    let index = {
        let mut seen = seen.lock().unwrap();
        seen.connections += 1;
        seen.order.push(Vec::new());
        seen.order.len() - 1
    };
    socket.write_all(&[0x20, 2, 0, manners.code]).await.ok()?;
    let mut publishes = 0;
    loop {
        let (kind, body) = packet(&mut socket).await?;
        match kind >> 4 {
            3 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let id = [body[2 + topic], body[3 + topic]];
                let payload = String::from_utf8_lossy(&body[4 + topic..]).into_owned();
                {
                    let mut seen = seen.lock().unwrap();
                    *seen.payloads.entry(payload.clone()).or_default() += 1;
                    seen.order[index].push(payload);
                }
                publishes += 1;
                if manners.cut_after == Some(publishes) {
                    return None;
                }
                if !manners.silent && (manners.cut_after.is_none() || publishes % 2 == 0) {
                    socket.write_all(&[0x40, 2, id[0], id[1]]).await.ok()?;
                }
            }
            12 => socket.write_all(&[0xd0, 0]).await.ok()?,
            14 => seen.lock().unwrap().goodbyes += 1,
            _ => {}
        }
    }
}

/// A broker on a port of its own; it ends with the test's runtime.
async fn broker(manners: impl Fn(usize) -> Manners + Send + 'static) -> (String, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = seen.clone();
    tokio::spawn(async move {
        for n in 0.. {
            let Ok((socket, _)) = listener.accept().await else { return };
            tokio::spawn(serve(socket, manners(n), shared.clone()));
        }
    });
    (address, seen)
}

const PATIENCE: Duration = Duration::from_secs(10);

async fn connect(options: Options) -> Publisher {
    Publisher::connect(options, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn every_message_arrives_at_least_once_although_connections_break() {
    let cutting = |n| if n < 8 { Manners { cut_after: Some(40), ..POLITE } } else { POLITE };
    let (address, seen) = broker(cutting).await;
    let publisher = connect(Options { max_messages: 64, ..Options::new(&address, "c") }).await;
    for n in 0..500 {
        publisher.publish("t", format!("m{n}")).await.unwrap();
    }
    publisher.flush().await.unwrap();
    assert_eq!(publisher.outstanding(), 0);
    let seen = seen.lock().unwrap();
    assert_eq!((0..500).filter(|n| !seen.payloads.contains_key(&format!("m{n}"))).count(), 0);
    assert_eq!(seen.connections, 9, "eight were cut");
    let sent: usize = seen.payloads.values().sum();
    assert!(sent > 500, "what was cut before its PUBACK came twice: {sent}");
    assert!(sent <= 500 + 8 * 40, "what was acknowledged did not: {sent}");
}

#[tokio::test]
async fn on_each_connection_messages_come_in_the_order_of_publishing_after_the_greeting() {
    let (address, seen) = broker(|n| if n < 3 { Manners { cut_after: Some(7), ..POLITE } } else { POLITE }).await;
    let greeting = vec![("g".to_owned(), Bytes::from_static(b"hello")), ("g".to_owned(), Bytes::from_static(b"there"))];
    let publisher = connect(Options { greeting, ..Options::new(&address, "c") }).await;
    for n in 0..30 {
        publisher.publish("t", format!("{n:02}")).await.unwrap();
    }
    publisher.flush().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.order.len(), 4);
    for order in &seen.order {
        assert_eq!(order[..2], ["hello", "there"]);
        assert!(order[2..].is_sorted(), "{order:?}");
    }
}

#[tokio::test]
async fn a_full_outbox_makes_publish_wait_and_drops_nothing() {
    let (address, seen) = broker(|_| Manners { silent: true, ..POLITE }).await;
    let publisher = connect(Options { max_messages: 5, ..Options::new(&address, "c") }).await;
    for n in 0..5 {
        publisher.publish("t", format!("{n}")).await.unwrap();
    }
    assert_eq!(publisher.outstanding(), 5);
    let sixth = publisher.publish("t", "6");
    assert!(tokio::time::timeout(Duration::from_millis(50), sixth).await.is_err(), "there is no room for a sixth");
    assert_eq!(publisher.outstanding(), 5, "a publish that was given up leaves nothing behind");
    assert_eq!(publisher.close(Duration::ZERO).await, 5);
    assert!(seen.lock().unwrap().payloads.len() <= 5);
}

#[tokio::test]
async fn the_outbox_is_bounded_in_bytes_too() {
    let (address, _) = broker(|_| Manners { silent: true, ..POLITE }).await;
    let publisher = connect(Options { max_bytes: 1000, ..Options::new(&address, "c") }).await;
    publisher.publish("t", vec![0; 600]).await.unwrap();
    let second = publisher.publish("t", vec![0; 600]);
    assert!(tokio::time::timeout(Duration::from_millis(50), second).await.is_err());
    publisher.publish("t", vec![0; 300]).await.unwrap();
    let e = publisher.publish("t", vec![0; 1000]).await.unwrap_err();
    assert_eq!(e, PublishError::TooLarge { found: 1017, max: 1000 });
}

#[tokio::test]
async fn more_messages_than_packet_ids_under_way_and_large_ones_pass() {
    let (address, seen) = broker(|_| POLITE).await;
    let publisher = connect(Options::new(&address, "c")).await;
    for n in 0..1000 {
        publisher.publish("t", format!("{n}")).await.unwrap();
    }
    publisher.publish("t", vec![b'x'; 400_000]).await.unwrap();
    assert_eq!(publisher.close(PATIENCE).await, 0);
    // The goodbye was written before `close` returned; the broker reads it in its own time.
    while seen.lock().unwrap().goodbyes == 0 {
        tokio::task::yield_now().await;
    }
    let seen = seen.lock().unwrap();
    assert_eq!((seen.connections, seen.payloads.len(), seen.goodbyes), (1, 1001, 1));
    assert!(seen.payloads.values().all(|n| *n == 1));
}

#[tokio::test]
async fn what_cannot_work_is_said_at_once() {
    let (address, _) = broker(|_| Manners { code: 4, ..POLITE }).await;
    let e = Publisher::connect(Options::new(&address, "c"), PATIENCE).await.err().unwrap().to_string();
    assert_eq!(e, format!("{address} refused the connection: wrong user or password; check both"));

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
    let listener = TcpListener::bind(address).await.unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = seen.clone();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0, POLITE, shared).await });
    publisher.flush().await.unwrap();
    assert_eq!(seen.lock().unwrap().payloads["early"], 1);
}
