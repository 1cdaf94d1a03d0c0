//! Connections: where the door may stand, how many come in, and how long they may say nothing.

use std::sync::Arc;
use std::time::Duration;

use historian::Historian;
use plant::{ManualClock, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::house::{House, PATIENCE, config, services};

#[tokio::test]
async fn the_door_stands_on_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(0)));
    let historian = Arc::new(Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap());
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let services = services(&historian, &clock, Vec::new());
    let refused =
        web::serve(vec![listener.into()], config(), services, std::future::pending()).await.unwrap_err().to_string();
    assert!(refused.contains("as long as there is no administrator it listens on this computer only"), "{refused}");
    assert!(refused.contains("use 127.0.0.1:"), "{refused}");
}

#[tokio::test]
async fn every_loopback_name_is_answered() {
    let house = House::open().await;
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:9", "[::1]:80"] {
        assert_eq!(house.ask("GET", "/healthz", &[("Host", host)], "").await.status, 200, "{host}");
    }
}

/// Everything the server sends until it closes.
async fn until_closed(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut text)).await.expect("the server closes").unwrap();
    text
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_dropped() {
    let limits = web::Config { read_timeout: Duration::from_millis(200), ..config() };
    let house = House::with(limits, Vec::new()).await;
    let post = "POST /api/v1/alarms/0000000000000000/acknowledge HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\nContent-Length: 5\r\n\r\n{";
    for (sent, expect) in [
        ("GET / HT", ""),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n", ""),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200"),
        (post, "HTTP/1.1 408"),
        ("rubbish\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let answer = until_closed(&mut socket).await;
        assert!(answer.starts_with(expect), "{sent:?}: {answer:?}");
        assert_eq!(answer.is_empty(), expect.is_empty(), "{sent:?}: {answer:?}");
    }
}

#[tokio::test]
async fn who_comes_when_the_house_is_full_waits_for_a_place() {
    let limits = web::Config { max_connections: 2, max_streams: 1, ..config() };
    let house = House::with(limits, Vec::new()).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        socket.read_u8().await.unwrap();
        held.push(socket);
    }
    let mut waiting = TcpStream::connect(house.address).await.unwrap();
    waiting.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let early = timeout(Duration::from_millis(200), waiting.read_u8()).await;
    assert!(early.is_err(), "answered although the house was full");
    held.pop();
    assert!(until_closed(&mut waiting).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_end_waits_for_answers_under_way_and_not_for_idlers() {
    let mut house = House::open().await;
    let mut idle = TcpStream::connect(house.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(request).await.unwrap();
    idle.read_u8().await.unwrap();
    house.close().await;
    assert!(until_closed(&mut idle).await.ends_with("ok\n"));
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens any more");
}
