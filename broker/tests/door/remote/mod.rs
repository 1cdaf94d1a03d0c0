//! The session at somebody else's broker: that broker is here a script on a socket, and once our own.

mod faults;
mod intake;
mod publishing;

use std::net::SocketAddr;
use std::sync::Arc;

use broker::Protocol;
use broker::remote::{Options, Remote, RemoteSnapshot, State, Subscription};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::{Client, Packet};
use crate::house::{PATIENCE, TestIntake};

/// A broker that says what the test tells it to.
struct Script {
    listener: TcpListener,
    address: SocketAddr,
}

impl Script {
    async fn new() -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Script { listener, address }
    }

    /// The next connection and its CONNECT.
    async fn accept(&self) -> (Client, Vec<u8>) {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("the session connects").unwrap();
        let mut client = Client { io: accepted.0, v5: false };
        let (first, body) = client.read().await;
        assert_eq!(first, 0x10);
        client.v5 = body[6] == 5;
        (client, body)
    }

    /// The next connection, let in, with its subscription granted.
    async fn welcome(&self, session_present: bool) -> Client {
        let (mut client, _) = self.accept().await;
        client.let_in(session_present).await;
        client.grant(1).await;
        client
    }
}

impl Client {
    async fn let_in(&mut self, session_present: bool) {
        let connack: &[u8] = if self.v5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
        let mut connack = connack.to_vec();
        connack[2] = u8::from(session_present);
        self.send(&connack).await;
    }

    /// Reads a SUBSCRIBE and answers each of its filters with `code`; its body.
    async fn grant(&mut self, code: u8) -> Vec<u8> {
        let (first, body) = self.read().await;
        assert_eq!(first, 0x82, "SUBSCRIBE before anything else");
        let filters = filters(&body, self.v5).len();
        let mut suback = body[..2].to_vec();
        if self.v5 {
            suback.push(0);
        }
        suback.extend(vec![code; filters]);
        self.send(&crate::client::packet(0x90, &suback)).await;
        body
    }

    /// The next packet that is no PINGREQ.
    async fn next(&mut self) -> Packet {
        loop {
            let packet = self.read().await;
            if packet.0 != 0xc0 {
                return packet;
            }
        }
    }
}

/// The filters of a SUBSCRIBE and their options.
fn filters(body: &[u8], v5: bool) -> Vec<(String, u8)> {
    let mut at = &body[if v5 { 3 } else { 2 }..];
    let mut found = Vec::new();
    while !at.is_empty() {
        let len = usize::from(u16::from_be_bytes([at[0], at[1]]));
        found.push((String::from_utf8(at[2..2 + len].to_vec()).unwrap(), at[2 + len]));
        at = &at[3 + len..];
    }
    found
}

/// A session that is being held, and the intake that it feeds.
struct Held {
    remote: Arc<Remote>,
    intake: Arc<TestIntake>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn options(address: SocketAddr) -> Options {
    Options {
        protocol: Protocol::V311,
        subscriptions: vec![Subscription { filter: "#".into(), qos: 1 }],
        ..Options::new("plant", "127.0.0.1", address.port(), "collector-1")
    }
}

impl Held {
    fn new(options: Options) -> Held {
        let intake = Arc::new(TestIntake::default());
        let remote = Remote::new(options, intake.clone()).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(remote.clone().run(async { drop(stopped.await) }));
        Held { remote, intake, stop, task }
    }

    async fn becomes(&self, state: State) {
        let mut states = self.remote.states();
        let reached = states.wait_for(|s| *s == state);
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{state:?}: {:?}", self.remote.snapshot())).unwrap();
    }

    /// Waits until what there is to see satisfies `condition`.
    async fn until(&self, condition: impl Fn(&RemoteSnapshot) -> bool) {
        let waiting = async {
            while !condition(&self.remote.snapshot()) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}", self.remote.snapshot()));
    }

    async fn stopped(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.expect("it ends").unwrap();
        assert_eq!(self.remote.snapshot().state, State::Stopped);
    }
}
