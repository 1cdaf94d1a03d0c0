//! What there is to see of each client.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::time::{Duration, Instant};

use crate::denials::Denial;
use crate::intake::{ClientInfo, Protocol, Publish};
use crate::lock;
use crate::meter::Meter;
use crate::router::link::Link;
use crate::router::session::Session;

/// The most departed clients remembered.
const DEPARTED: usize = 256;

/// One client as it is now, or as it was when it left.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientSnapshot {
    /// The client identifier.
    pub client_id: Arc<str>,
    /// Where it is, or was, connected from.
    pub address: SocketAddr,
    /// The user name, or `anonymous`.
    pub identity: Arc<str>,
    /// The version it speaks.
    pub protocol: Protocol,
    /// Whether it is connected.
    pub connected: bool,
    /// How long it has been connected, or gone.
    pub since: Duration,
    /// Messages taken from it on this connection.
    pub messages: u64,
    /// Bytes of these, as MQTT packets.
    pub bytes: u64,
    /// Messages per second, over about two seconds.
    pub rate_messages_s: f64,
    /// Bytes per second, over about two seconds.
    pub rate_bytes_s: f64,
    /// Filters it is subscribed to.
    pub subscriptions: Vec<String>,
    /// Messages it did not get because it fell behind, in the life of its session.
    pub dropped: u64,
    /// How often it was denied something for want of rights, also on connections before this one.
    pub denials: u64,
    /// The last of these.
    pub last_denial: Option<Denial>,
    /// How often reading from it was held back on this connection, because it published faster than it may.
    pub throttled: u64,
    /// The topic it published to last.
    pub last_topic: Option<Arc<str>>,
    /// What was last refused, or why it went.
    pub last_error: Option<Arc<str>>,
}

/// A connection that is open.
pub(crate) struct Record {
    pub info: Arc<ClientInfo>,
    pub session: Arc<Session>,
    pub link: Arc<Link>,
    /// Which listener it came through.
    pub listener: u64,
    since: Instant,
    live: Mutex<Live>,
}

struct Live {
    messages: u64,
    bytes: u64,
    meter: Meter,
    throttled: u64,
    last_topic: Option<Arc<str>>,
    last_error: Option<Arc<str>>,
}

impl Record {
    pub fn new(info: Arc<ClientInfo>, session: Arc<Session>, link: Arc<Link>, listener: u64) -> Record {
        let now = Instant::now();
        let live =
            Live { messages: 0, bytes: 0, meter: Meter::new(now), throttled: 0, last_topic: None, last_error: None };
        Record { info, session, link, listener, since: now, live: Mutex::new(live) }
    }

    /// Counts what one read brought.
    pub fn received(&self, batch: &[Publish], bytes: usize) {
        let now = Instant::now();
        let mut live = lock(&self.live);
        live.messages += batch.len() as u64;
        live.bytes += bytes as u64;
        live.meter.count(now, batch.len() as u64, bytes as u64);
        let same = |last: &Publish| live.last_topic.as_ref().is_some_and(|topic| Arc::ptr_eq(topic, &last.topic));
        if let Some(last) = batch.last().filter(|last| !same(last)) {
            live.last_topic = Some(last.topic.clone());
        }
    }

    /// Notes what went wrong.
    pub fn failed(&self, what: &str) {
        lock(&self.live).last_error = Some(what.into());
    }

    /// Counts that reading from it was held back.
    pub fn throttled(&self) {
        lock(&self.live).throttled += 1;
    }

    pub fn snapshot(&self, now: Instant) -> ClientSnapshot {
        let live = lock(&self.live);
        let (rate_messages_s, rate_bytes_s) = live.meter.rate(now);
        let (subscriptions, dropped) = self.session.describe();
        ClientSnapshot {
            client_id: self.info.client_id.clone(),
            address: self.info.address,
            identity: self.info.identity.clone(),
            protocol: self.info.protocol,
            connected: true,
            since: now.duration_since(self.since),
            messages: live.messages,
            bytes: live.bytes,
            rate_messages_s,
            rate_bytes_s,
            subscriptions,
            dropped,
            denials: 0,
            last_denial: None,
            throttled: live.throttled,
            last_topic: live.last_topic.clone(),
            last_error: live.last_error.clone(),
        }
    }
}

/// The clients that left last.
#[derive(Default)]
pub(crate) struct Departed(VecDeque<(Instant, ClientSnapshot)>);

impl Departed {
    /// Remembers one, as it was.
    pub fn push(&mut self, mut snapshot: ClientSnapshot, now: Instant) {
        self.forget(&snapshot.client_id);
        snapshot.connected = false;
        (snapshot.rate_messages_s, snapshot.rate_bytes_s) = (0.0, 0.0);
        self.0.push_back((now, snapshot));
        if self.0.len() > DEPARTED {
            self.0.pop_front();
        }
    }

    /// It is back.
    pub fn forget(&mut self, client_id: &str) {
        self.0.retain(|(_, snapshot)| &*snapshot.client_id != client_id);
    }

    pub fn snapshot(&self, now: Instant) -> impl Iterator<Item = ClientSnapshot> {
        self.0.iter().map(move |(at, snapshot)| ClientSnapshot { since: now.duration_since(*at), ..snapshot.clone() })
    }
}
