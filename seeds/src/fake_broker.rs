//! For tests: a broker that speaks the MQTT 3.1.1 a publisher needs, remembers what it got, and can be rude.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the broker has seen.
#[derive(Default)]
pub struct Seen {
    /// Connections in order.
    pub connections: Vec<Connection>,
    /// DISCONNECT packets.
    pub goodbyes: usize,
}

/// One connection.
pub struct Connection {
    pub client_id: String,
    /// Topics and payloads in order of arrival.
    pub published: Vec<(String, Vec<u8>)>,
    pub ended: bool,
}

impl Seen {
    /// All that was published, connection after connection.
    pub fn published(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.connections.iter().flat_map(|c| &c.published)
    }

    /// Deliveries by payload.
    pub fn payloads(&self) -> HashMap<&[u8], usize> {
        let mut counts = HashMap::new();
        for (_, payload) in self.published() {
            *counts.entry(payload.as_slice()).or_default() += 1;
        }
        counts
    }
}

/// How the broker behaves on one connection.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Cuts the connection after so many publishes, acknowledging only every other one of them.
    pub cut_after: Option<usize>,
    /// Acknowledges nothing at all.
    pub silent: bool,
    /// CONNACK's return code.
    pub code: u8,
}

/// Acknowledges everything.
pub const POLITE: Manners = Manners { cut_after: None, silent: false, code: 0 };

/// A broker on a port of its own; it ends with the test's runtime.
pub struct FakeBroker {
    pub address: String,
    pub seen: watch::Receiver<Seen>,
}

impl FakeBroker {
    /// With the manners of connection 0, 1, ….
    pub async fn start(manners: impl Fn(usize) -> Manners + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), manners)
    }

    /// On a listener that is there already.
    pub fn on(listener: TcpListener, manners: impl Fn(usize) -> Manners + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let (tx, seen) = watch::channel(Seen::default());
        let tx = Arc::new(tx);
        tokio::spawn(async move {
            for n in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                tokio::spawn(serve(socket, manners(n), tx.clone()));
            }
        });
        Self { address, seen }
    }

    /// Waits until what has been seen satisfies `enough`.
    pub async fn wait_for(&self, enough: impl FnMut(&Seen) -> bool) {
        self.seen.clone().wait_for(enough).await.unwrap();
    }
}

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

/// The string at the beginning of `bytes` and what follows it.
fn string(bytes: &[u8]) -> (String, &[u8]) {
    let len = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    (String::from_utf8_lossy(&bytes[2..2 + len]).into_owned(), &bytes[2 + len..])
}

async fn serve(mut socket: TcpStream, manners: Manners, seen: Arc<watch::Sender<Seen>>) {
    let Some((0x10, connect)) = packet(&mut socket).await else { return };
    // Protocol name (6), level, flags, keep-alive (2).
    let client_id = string(&connect[10..]).0;
    let mut index = 0;
    seen.send_modify(|s| {
        index = s.connections.len();
        s.connections.push(Connection { client_id, published: Vec::new(), ended: false });
    });
    talk(&mut socket, manners, index, &seen).await;
    seen.send_modify(|s| s.connections[index].ended = true);
}

async fn talk(socket: &mut TcpStream, manners: Manners, index: usize, seen: &watch::Sender<Seen>) -> Option<()> {
    socket.write_all(&[0x20, 2, 0, manners.code]).await.ok()?;
    let mut publishes = 0;
    loop {
        let (kind, body) = packet(socket).await?;
        match kind >> 4 {
            3 => {
                assert_eq!(kind & 0b0110, 0b0010, "QoS 1");
                let (topic, rest) = string(&body);
                seen.send_modify(|s| s.connections[index].published.push((topic, rest[2..].to_vec())));
                publishes += 1;
                if manners.cut_after == Some(publishes) {
                    return None;
                }
                if !manners.silent && (manners.cut_after.is_none() || publishes % 2 == 0) {
                    socket.write_all(&[0x40, 2, rest[0], rest[1]]).await.ok()?;
                }
            }
            12 => socket.write_all(&[0xd0, 0]).await.ok()?,
            14 => seen.send_modify(|s| s.goodbyes += 1),
            _ => {}
        }
    }
}
