//! Against real sockets on this computer.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

use std::sync::Arc;
use std::time::Duration;

use fetch::{Body, Client, Policy, Request, Url};
use hyper::Method;
use plant::{ManualClock, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every connection once with `answer`; gives the port.
async fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                if socket.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let _ = socket.write_all(answer.as_bytes()).await;
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        }
    });
    port
}

async fn ask(host: &str, port: u16, policy: Policy) -> Result<(u16, Vec<u8>), &'static str> {
    let url: Url = format!("http://{host}:{port}/x").parse().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
    let mut client = Client::new(url, None, policy, Duration::from_millis(500), clock);
    let request =
        Request { method: Method::POST, path: "/x", headers: Vec::new(), body: Body::json("{}".into()), longest: 10 };
    client.ask(&request).await.map(|r| (r.status, r.body.to_vec())).map_err(|e| e.code)
}

fn here() -> Policy {
    Policy::public_and(Vec::new(), vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()])
}

#[tokio::test]
async fn this_computer_is_not_spoken_to_unless_its_network_is_allowed() {
    let port = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    for host in ["127.0.0.1", "localhost", "127.1"] {
        assert_eq!(ask(host, port, Policy::default()).await, Err("address_loopback"), "{host}");
    }
    let named = Policy::public_and(vec!["localhost".into()], Vec::new());
    assert_eq!(ask("localhost", port, named).await, Err("address_loopback"), "a name opens private addresses only");
    assert_eq!(ask("localhost", port, here()).await, Ok((200, b"ok".to_vec())));
    assert_eq!(ask("169.254.169.254", 80, here()).await, Err("address_link_local"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let port = server("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(ask("127.0.0.1", port, here()).await, Ok((302, Vec::new())));
}

#[tokio::test]
async fn an_answer_that_is_too_long_never_comes_or_is_none_has_a_code() {
    let port = server("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901").await;
    assert_eq!(ask("127.0.0.1", port, here()).await, Err("too_long"));
    let port = server("").await;
    assert_eq!(ask("127.0.0.1", port, here()).await, Err("late"));
    let port = server("SMTP ready\r\n\r\n").await;
    assert_eq!(ask("127.0.0.1", port, here()).await, Err("broken"));
    assert_eq!(ask("no-such-host.invalid", 1, here()).await, Err("unresolved"));
}
