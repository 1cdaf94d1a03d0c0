//! A small MQTT client that says exactly what it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::PATIENCE;

/// A packet as it came: first byte and body.
pub type Packet = (u8, Vec<u8>);

/// A PUBLISH as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    pub pkid: u16,
}

/// One connection.
pub struct Client<S = TcpStream> {
    pub io: S,
    pub v5: bool,
}

/// A packet with this first byte and body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut len = body.len();
    loop {
        let more = len >= 128;
        out.push((len % 128) as u8 | if more { 0x80 } else { 0 });
        len /= 128;
        if !more {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// Text or bytes with their length before them.
pub fn counted(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// What a CONNECT may say.
pub struct Connect<'a> {
    pub id: &'a str,
    pub v5: bool,
    pub clean: bool,
    pub keep_alive: u16,
    pub login: Option<(&'a str, &'a str)>,
    /// Topic and payload; QoS 1.
    pub will: Option<(&'a str, &'a str)>,
    /// MQTT 5 properties, encoded.
    pub properties: Vec<u8>,
    pub will_properties: Vec<u8>,
}

impl<'a> Connect<'a> {
    pub fn new(id: &'a str) -> Connect<'a> {
        Connect {
            id,
            v5: false,
            clean: true,
            keep_alive: 60,
            login: None,
            will: None,
            properties: Vec::new(),
            will_properties: Vec::new(),
        }
    }

    /// The session outlives the connection.
    pub fn kept(id: &'a str) -> Connect<'a> {
        Connect { clean: false, ..Connect::new(id) }
    }

    pub fn v5(id: &'a str) -> Connect<'a> {
        Connect { v5: true, ..Connect::new(id) }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        let mut body = counted("MQTT");
        body.push(if self.v5 { 5 } else { 4 });
        flags |= if self.will.is_some() { 0x04 | 0x08 } else { 0 };
        flags |= if self.login.is_some() { 0xc0 } else { 0 };
        body.push(flags);
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        if self.v5 {
            body.push(self.properties.len() as u8);
            body.extend_from_slice(&self.properties);
        }
        body.extend(counted(self.id));
        if let Some((topic, payload)) = self.will {
            if self.v5 {
                body.push(self.will_properties.len() as u8);
                body.extend_from_slice(&self.will_properties);
            }
            body.extend(counted(topic));
            body.extend(counted(payload));
        }
        if let Some((user, password)) = self.login {
            body.extend(counted(user));
            body.extend(counted(password));
        }
        packet(0x10, &body)
    }
}

/// A PUBLISH; with `v5` it has no properties.
pub fn publish(
    topic: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    qos: u8,
    pkid: u16,
    retain: bool,
    v5: bool,
) -> Vec<u8> {
    let mut body = counted(topic);
    if qos > 0 {
        body.extend_from_slice(&pkid.to_be_bytes());
    }
    if v5 {
        body.push(0);
    }
    body.extend_from_slice(payload.as_ref());
    packet(0x30 | qos << 1 | u8::from(retain), &body)
}

impl Client {
    /// A socket that has said nothing.
    pub async fn open(address: SocketAddr) -> Client {
        Client { io: TcpStream::connect(address).await.unwrap(), v5: false }
    }

    /// A client that was let in.
    pub async fn connect(address: SocketAddr, connect: Connect<'_>) -> Client {
        let (client, connack) = Client::try_connect(address, connect).await;
        assert_eq!(connack[1], 0, "let in: {connack:?}");
        client
    }

    /// A client and the body of its CONNACK.
    pub async fn try_connect(address: SocketAddr, connect: Connect<'_>) -> (Client, Vec<u8>) {
        let mut client = Client::open(address).await;
        client.v5 = connect.v5;
        client.send(&connect.encode()).await;
        let (first, body) = client.read().await;
        assert_eq!(first, 0x20);
        (client, body)
    }

    /// A 3.1.1 client with a clean session.
    pub async fn new(address: SocketAddr, id: &str) -> Client {
        Client::connect(address, Connect::new(id)).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// The next packet, or `None` when the connection is closed.
    pub async fn try_read(&mut self) -> Option<Packet> {
        timeout(PATIENCE, self.read_packet()).await.expect("a packet or the end comes")
    }

    async fn read_packet(&mut self) -> Option<Packet> {
        let first = self.io.read_u8().await.ok()?;
        let (mut len, mut shift) = (0, 0);
        loop {
            let byte = self.io.read_u8().await.ok()?;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.io.read_exact(&mut body).await.ok()?;
        Some((first, body))
    }

    pub async fn read(&mut self) -> Packet {
        self.try_read().await.expect("a packet, not the end of the connection")
    }

    /// Whether nothing comes: a ping's answer is the next thing.
    pub async fn is_quiet(&mut self) -> bool {
        self.send(&[0xc0, 0]).await;
        self.read().await == (0xd0, vec![])
    }

    /// Reads to the end of the connection: the last reason code of a DISCONNECT, if there was one.
    pub async fn ends(&mut self) -> Option<u8> {
        let mut reason = None;
        while let Some((first, body)) = self.try_read().await {
            if first == 0xe0 {
                reason = Some(body.first().copied().unwrap_or(0));
            }
        }
        reason
    }

    pub async fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8, pkid: u16) {
        let bytes = publish(topic, payload, qos, pkid, false, self.v5);
        self.send(&bytes).await;
    }

    /// Subscribes; the codes granted.
    pub async fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let mut body = vec![0, 9];
        if self.v5 {
            body.push(0);
        }
        for (filter, options) in filters {
            body.extend(counted(filter));
            body.push(*options);
        }
        self.send(&packet(0x82, &body)).await;
        let (first, body) = self.read().await;
        assert_eq!((first, &body[..2]), (0x90, &[0, 9][..]));
        body[if self.v5 { 3 + usize::from(body[2]) } else { 2 }..].to_vec()
    }

    /// The next PUBLISH; anything else fails the test.
    pub async fn receive(&mut self) -> Received {
        let packet = self.read().await;
        self.parsed(packet)
    }

    /// A packet that must be a PUBLISH.
    pub fn parsed(&self, (first, body): Packet) -> Received {
        assert_eq!(first >> 4, 3, "expected PUBLISH, found {first:02x} {body:?}");
        let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let qos = first >> 1 & 3;
        let mut at = 2 + len;
        let mut pkid = 0;
        if qos > 0 {
            pkid = u16::from_be_bytes([body[at], body[at + 1]]);
            at += 2;
        }
        if self.v5 {
            at += 1 + usize::from(body[at]);
        }
        Received {
            topic: String::from_utf8(body[2..2 + len].to_vec()).unwrap(),
            payload: body[at..].to_vec(),
            qos,
            retain: first & 1 == 1,
            dup: first & 8 == 8,
            pkid,
        }
    }

    /// The next PUBLISH, acknowledged as its quality asks.
    pub async fn take(&mut self) -> Received {
        let received = self.receive().await;
        let [high, low] = received.pkid.to_be_bytes();
        match received.qos {
            1 => self.send(&[0x40, 2, high, low]).await,
            2 => {
                self.send(&[0x50, 2, high, low]).await;
                assert_eq!(self.read().await, (0x62, vec![high, low]));
                self.send(&[0x70, 2, high, low]).await;
            }
            _ => {}
        }
        received
    }

    /// The identifier of the next packet, which must be an acknowledgement of this kind.
    pub async fn ack(&mut self, first: u8) -> u16 {
        let (found, body) = self.read().await;
        assert_eq!(found, first, "{body:?}");
        u16::from_be_bytes([body[0], body[1]])
    }

    /// Whether nothing has come after the broker had every chance to send it. For what must *not* happen.
    pub async fn has_nothing(&mut self) -> bool {
        timeout(Duration::from_millis(50), self.io.read_u8()).await.is_err()
    }
}
