//! What there is to see of a session at another broker.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::intake::Protocol;
use crate::lock;
use crate::meter::Meter;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// An attempt is under way.
    Connecting,
    /// The broker has let us in and answered the subscriptions.
    Connected,
    /// The last attempt failed or the connection broke; the next one comes.
    Waiting,
    /// It was told to end.
    Stopped,
}

impl State {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Waiting => "waiting",
            State::Stopped => "stopped",
        }
    }
}

/// A session at another broker as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteSnapshot {
    /// What this side calls the broker.
    pub name: Arc<str>,
    /// `host:port` as configured.
    pub address: Arc<str>,
    /// Where that was found last.
    pub peer: Option<SocketAddr>,
    /// The version spoken.
    pub protocol: Protocol,
    /// Our client id there.
    pub client_id: Arc<str>,
    /// How it stands.
    pub state: State,
    /// For how long.
    pub since: Duration,
    /// Whether the broker had kept the session when we connected last.
    pub resumed: bool,
    /// Connections made since the start.
    pub connections: u64,
    /// Messages received since the start.
    pub messages: u64,
    /// Bytes of these, as MQTT packets.
    pub bytes: u64,
    /// Messages received per second, over about two seconds.
    pub rate_messages_s: f64,
    /// Bytes received per second, over about two seconds.
    pub rate_bytes_s: f64,
    /// Messages received that are not yet durable.
    pub in_flight: u64,
    /// Messages that came on a topic that cannot be taken: acknowledged, counted as refused.
    pub refused: u64,
    /// Messages that we published and the broker acknowledged.
    pub published: u64,
    /// Messages that we published and the broker refused for good: they were given up.
    pub unwanted: u64,
    /// How often the broker refused a message of ours for the moment: it was published again.
    pub retried: u64,
    /// Messages that wait to be published or acknowledged.
    pub outstanding: u64,
    /// Messages that were given up because too many waited, or because they are too large for the broker.
    pub dropped: u64,
    /// The topic that came last.
    pub last_topic: Option<Arc<str>>,
    /// What went wrong last.
    pub last_error: Option<Arc<str>>,
    /// Filters that the broker grants.
    pub subscriptions: Vec<String>,
}

/// What a session notes of itself.
pub(super) struct Status {
    live: Mutex<RemoteSnapshot>,
    since: Mutex<Instant>,
    meter: Mutex<Meter>,
    state: watch::Sender<State>,
    /// When the log was last told of a refused message.
    told: Mutex<Option<Instant>>,
}

/// Refused messages are told to the log this rarely.
const TELL: Duration = Duration::from_secs(60);

impl Status {
    pub fn new(name: &str, address: String, protocol: Protocol, client_id: &str) -> Status {
        let live = RemoteSnapshot {
            name: name.into(),
            address: address.into(),
            peer: None,
            protocol,
            client_id: client_id.into(),
            state: State::Connecting,
            since: Duration::ZERO,
            resumed: false,
            connections: 0,
            messages: 0,
            bytes: 0,
            rate_messages_s: 0.0,
            rate_bytes_s: 0.0,
            in_flight: 0,
            refused: 0,
            published: 0,
            unwanted: 0,
            retried: 0,
            outstanding: 0,
            dropped: 0,
            last_topic: None,
            last_error: None,
            subscriptions: Vec::new(),
        };
        Status {
            live: Mutex::new(live),
            since: Mutex::new(Instant::now()),
            meter: Mutex::new(Meter::new(Instant::now())),
            state: watch::Sender::new(State::Connecting),
            told: Mutex::default(),
        }
    }

    pub fn note(&self, change: impl FnOnce(&mut RemoteSnapshot)) {
        change(&mut lock(&self.live));
    }

    /// Counts what one read brought.
    pub fn received(&self, messages: u64, bytes: u64, last_topic: Arc<str>) {
        lock(&self.meter).count(Instant::now(), messages, bytes);
        let mut live = lock(&self.live);
        live.messages += messages;
        live.bytes += bytes;
        live.last_topic = Some(last_topic);
    }

    pub fn turn(&self, state: State) {
        let before = std::mem::replace(&mut lock(&self.live).state, state);
        if before != state {
            *lock(&self.since) = Instant::now();
        }
        self.state.send_replace(state);
    }

    /// For how long the connection has stood, if it stands.
    pub fn stood(&self) -> Duration {
        let connected = lock(&self.live).state == State::Connected;
        if connected { lock(&self.since).elapsed() } else { Duration::ZERO }
    }

    pub fn failed(&self, why: &str) {
        lock(&self.live).last_error = Some(why.into());
    }

    /// The broker refused a message of ours, of which there may be many: the log is told once a minute.
    pub fn refused(&self, why: &str, again: bool) {
        let (name, retried, unwanted) = {
            let mut live = lock(&self.live);
            live.retried += u64::from(again);
            live.unwanted += u64::from(!again);
            live.last_error = Some(why.into());
            (live.name.clone(), live.retried, live.unwanted)
        };
        let (mut told, now) = (lock(&self.told), Instant::now());
        if told.is_none_or(|at| now - at >= TELL) {
            *told = Some(now);
            tracing::warn!(remote = &*name, retried, given_up = unwanted, "{why}");
        }
    }

    pub fn states(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub fn snapshot(&self) -> RemoteSnapshot {
        let since = lock(&self.since).elapsed();
        let (rate_messages_s, rate_bytes_s) = lock(&self.meter).rate(Instant::now());
        RemoteSnapshot { since, rate_messages_s, rate_bytes_s, ..lock(&self.live).clone() }
    }
}
