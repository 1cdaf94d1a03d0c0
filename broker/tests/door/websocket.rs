//! MQTT over WebSocket, with the client of `tokio-tungstenite` and by hand.

use std::time::Duration;

use broker::Config;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Connect, counted, packet, publish};
use crate::house::{House, PATIENCE, open};

type Socket = WebSocketStream<TcpStream>;

async fn ask(house: &House, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut request = format!("ws://{}{path}", house.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.unwrap() {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "mqtt");
            Ok(socket)
        }
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn socket(house: &House) -> Socket {
    ask(house, "/mqtt", &[("sec-websocket-protocol", "mqtt")]).await.unwrap()
}

async fn binary(socket: &mut Socket, bytes: Vec<u8>) {
    socket.send(Message::Binary(bytes.into())).await.unwrap();
}

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.expect("something comes").expect("not the end").unwrap()
}

/// The bytes of `n` binary frames' worth of packets, until `len` bytes have come.
async fn bytes(socket: &mut Socket, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        if let Message::Binary(bytes) = next(socket).await {
            all.extend_from_slice(&bytes);
        }
    }
    all
}

#[tokio::test]
async fn packets_pass_whatever_frames_they_come_in() {
    let house = House::over_websocket(open()).await;
    let mut socket = socket(&house).await;
    let mut all = Connect::new("w").encode();
    let mut body = vec![0, 1];
    body.extend(counted("t"));
    body.push(1);
    all.extend(packet(0x82, &body));
    all.extend(publish("t", "hello", 1, 7, false, false));
    // First byte by byte, then everything at once.
    for byte in &all {
        binary(&mut socket, vec![*byte]).await;
    }
    let expect = [&[0x20, 2, 0, 0, 0x90, 3, 0, 1, 1, 0x40, 2, 0, 7][..], &publish("t", "hello", 1, 1, false, false)];
    assert_eq!(bytes(&mut socket, expect.concat().len()).await, expect.concat());
    let burst: Vec<u8> = (1..=100u16).flat_map(|n| publish("x", n.to_string(), 1, n, false, false)).collect();
    binary(&mut socket, burst).await;
    let acks: Vec<u8> = (1..=100u16).flat_map(|n| [0x40, 2, 0, n as u8]).collect();
    assert_eq!(bytes(&mut socket, acks.len()).await, acks);
    assert_eq!(house.intake.payloads().len(), 101);
}

#[tokio::test]
async fn a_ping_is_answered_and_a_close_is_too() {
    let house = House::over_websocket(open()).await;
    let mut socket = socket(&house).await;
    binary(&mut socket, Connect { will: Some(("will", "x")), ..Connect::new("w") }.encode()).await;
    bytes(&mut socket, 4).await;
    socket.send(Message::Ping(vec![1, 2].into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong(vec![1, 2].into()));
    socket.close(None).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    house.intake.until(1).await;
    assert_eq!(house.intake.payloads(), ["x"], "a close without a DISCONNECT is a death");
}

#[tokio::test]
async fn an_orderly_end_closes_the_websocket_as_well() {
    let mut house = House::over_websocket(open()).await;
    let mut socket = socket(&house).await;
    binary(&mut socket, Connect::v5("w").encode()).await;
    next(&mut socket).await;
    house.ask_to_stop();
    let Message::Binary(goodbye) = next(&mut socket).await else { panic!("expected DISCONNECT") };
    assert_eq!((goodbye[0], goodbye[2]), (0xe0, 0x8b));
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    drop(socket);
    assert_eq!(house.stopped().await.pending.len(), 0);
}

#[tokio::test]
async fn a_text_frame_ends_the_connection() {
    let house = House::over_websocket(open()).await;
    let mut socket = socket(&house).await;
    binary(&mut socket, Connect::new("w").encode()).await;
    bytes(&mut socket, 4).await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("expected a close frame") };
    assert_eq!((frame.code, &*frame.reason), (CloseCode::Unsupported, "MQTT comes in binary frames"));
    house.until("it is gone", |house| house.broker.connected() == 0).await;
    let client = &house.broker.clients()[0];
    assert_eq!(client.last_error.as_deref(), Some("MQTT comes in binary frames"));
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let house = House::over_websocket(Config { max_packet: 2_000, ..open() }).await;
    let mut socket = socket(&house).await;
    binary(&mut socket, Connect::new("w").encode()).await;
    bytes(&mut socket, 4).await;
    binary(&mut socket, vec![0x30; 3_000]).await;
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("expected a close frame") };
    assert_eq!(frame.code, CloseCode::Size);
    house.until("it is gone", |house| house.broker.connected() == 0).await;
}

#[tokio::test]
async fn bad_frames_end_their_connection_only() {
    let house = House::over_websocket(open()).await;
    let mut neighbour = socket(&house).await;
    binary(&mut neighbour, Connect::new("neighbour").encode()).await;
    bytes(&mut neighbour, 4).await;
    // Not masked; reserved bits; unknown opcode; a continuation of nothing; a fragmented ping; a length that is a lie.
    let frames: [&[u8]; 6] = [
        &[0x82, 2, 0xc0, 0],
        &[0xf2, 0x82, 0, 0, 0, 0, 0xc0, 0],
        &[0x8b, 0x82, 0, 0, 0, 0, 0xc0, 0],
        &[0x80, 0x82, 0, 0, 0, 0, 0xc0, 0],
        &[0x09, 0x82, 0, 0, 0, 0, 0xc0, 0],
        &[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    ];
    for frame in frames {
        let mut socket = socket(&house).await;
        binary(&mut socket, Connect::new("bad").encode()).await;
        bytes(&mut socket, 4).await;
        socket.get_mut().write_all(frame).await.unwrap();
        let mut rest = Vec::new();
        // A reset is an end too.
        drop(timeout(PATIENCE, socket.get_mut().read_to_end(&mut rest)).await.expect("it ends"));
        binary(&mut neighbour, vec![0xc0, 0]).await;
        assert_eq!(bytes(&mut neighbour, 2).await, [0xd0, 0], "{frame:?}");
    }
    house.until("they are gone", |house| house.broker.connected() == 1).await;
}

#[tokio::test]
async fn strangers_are_turned_away_before_they_speak_mqtt() {
    let house = House::over_websocket(Config { websocket_origins: vec!["https://scada".to_owned()], ..open() }).await;
    let mqtt = ("sec-websocket-protocol", "mqtt");
    let own = format!("http://{}", house.address);
    assert!(ask(&house, "/mqtt", &[mqtt, ("origin", &own)]).await.is_ok());
    assert!(ask(&house, "/mqtt", &[mqtt, ("origin", "https://scada")]).await.is_ok());
    assert_eq!(ask(&house, "/mqtt", &[mqtt, ("origin", "https://evil.example")]).await.unwrap_err(), 403);
    assert_eq!(ask(&house, "/mqtt", &[("sec-websocket-protocol", "chat")]).await.unwrap_err(), 400);
    assert_eq!(ask(&house, "/", &[mqtt]).await.unwrap_err(), 404);
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &Connect::new("c").encode(), &[0; 64], &[b'x'; 100_000]] {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        drop(stream.write_all(bytes).await);
        let mut rest = Vec::new();
        drop(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends"));
    }
    assert_eq!(house.refused("websocket_handshake"), 7);
    assert_eq!(house.broker.connected(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let house = House::over_websocket(open()).await;
    for some in ["", "GET /mqtt HTTP/1.1\r\nHost: x\r\n"] {
        let started = tokio::time::Instant::now();
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(some.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 5);
    }
    assert_eq!(house.refused("websocket_handshake"), 2);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_in_the_end() {
    let house = House::over_websocket(Config { write_timeout: Duration::from_millis(100), ..open() }).await;
    let mut deaf = socket(&house).await;
    let mut all = Connect::new("deaf").encode();
    all.extend([0x82, 6, 0, 1, 0, 1, b'#', 0]);
    binary(&mut deaf, all).await;
    bytes(&mut deaf, 9).await;
    for _ in 0..1_000 {
        house.broker.publish("t", vec![0; 20_000].into(), 0, false).unwrap();
    }
    house.until("it is closed", |house| house.broker.connected() == 0).await;
    assert_eq!(house.refused("write_timeout"), 1);
}
