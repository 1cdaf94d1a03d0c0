//! The broker: what listeners, connections and the rest of the house share.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::time::{Duration, Instant, timeout};

use crate::access::Access;
use crate::clients::{ClientSnapshot, Departed, Record};
use crate::codec::control::{RetainHandling, Wanted};
use crate::config::{Config, ConfigError};
use crate::intake::{Authenticator, ClientInfo, Intake, Protocol, Publish, RetainedMessage};
use crate::lock;
use crate::offer::Offer;
use crate::refusal::{Counters, Refusal};
use crate::router::link::Link;
use crate::router::message::Message;
use crate::router::retained::Claim;
use crate::router::session::{Session, Terms};
use crate::router::{self, Router};
use crate::topic::{self, Limits};

/// The MQTT broker. One of it serves any number of listeners, see [`Broker::serve`].
pub struct Broker {
    config: Config,
    intake: Arc<dyn Intake>,
    authenticator: Arc<dyn Authenticator>,
    router: Router,
    counters: Arc<Counters>,
    pub(crate) access: Access,
    connections: AtomicU64,
    listeners: AtomicU64,
    records: Mutex<HashMap<u64, Arc<Record>>>,
    departed: Mutex<Departed>,
}

/// Why the platform's own message was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The topic is none.
    #[error("this is no topic to publish to: {}; expected UTF-8 without wildcards, within the limits", .0.name())]
    Topic(Refusal),
    /// Not 0, 1 or 2.
    #[error("quality of service {0} is unknown; expected 0, 1 or 2")]
    Qos(u8),
}

/// Why the canary did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CanaryError {
    /// No answer in time.
    #[error("a message published inside the broker did not reach its subscriber within {0:?}; restart the service")]
    Lost(Duration),
    /// No room to subscribe.
    #[error("the broker takes no more subscriptions; raise max_filters or look for clients that subscribe too much")]
    Full,
}

impl Broker {
    /// A broker that hands what is published to `intake` and asks `authenticator` who a client is.
    pub fn new(
        config: Config,
        intake: Arc<dyn Intake>,
        authenticator: Arc<dyn Authenticator>,
    ) -> Result<Arc<Broker>, ConfigError> {
        config.validate(&[])?;
        let counters = Arc::new(Counters::new());
        let router = Router::new(&config, counters.clone());
        let access = Access::new(&config);
        Ok(Arc::new(Broker {
            access,
            config,
            intake,
            authenticator,
            router,
            counters,
            connections: AtomicU64::new(0),
            listeners: AtomicU64::new(0),
            records: Mutex::default(),
            departed: Mutex::default(),
        }))
    }

    /// The settings it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Publishes a message of the platform to whoever subscribed. It does not pass through the intake. `$`-topics are
    /// allowed; subscribers see them only through filters that begin with the same `$` level. Waits for nobody: a
    /// subscriber whose queue is full loses its oldest message. One that is retained is so until the service stops:
    /// the platform's own are not in the store, it says them again.
    pub fn publish(&self, topic: &str, payload: Bytes, qos: u8, retain: bool) -> Result<(), PublishError> {
        let checked = topic::parse(topic.trim_start_matches('$').as_bytes(), self.limits());
        checked.map_err(PublishError::Topic)?;
        if qos > 2 {
            return Err(PublishError::Qos(qos));
        }
        let (topic, properties) = (Arc::from(topic), Bytes::new());
        let message = Arc::new(Message { topic, payload, qos, retain, properties, expires: None, from: 0 });
        let admit = || self.router.admit_retained(&message.topic, &message.payload, &message.properties).claim;
        let mut claim = if retain { admit() } else { None };
        // It is in no store that could keep another order.
        claim.iter_mut().for_each(|claim| claim.number(self.router.retained().numbers(1)));
        self.distribute(&message, claim);
        Ok(())
    }

    /// Takes in the retained messages that outlived a restart; to be called before any listener is served. Those of
    /// topics that already have one, or that are no topics, are left out. The bounds of the configuration are for new
    /// messages: what was promised to be retained is taken whatever they are now.
    pub fn restore(&self, messages: Vec<RetainedMessage>) {
        for RetainedMessage { topic, payload, qos, properties, expires_in } in messages {
            if topic::parse(topic.as_bytes(), self.limits()).is_err() || payload.is_empty() {
                tracing::warn!(%topic, "a retained message of the store is none for the door, and was left out");
                continue;
            }
            let expires = expires_in.and_then(|left| Instant::now().checked_add(left));
            self.router.restore(Message {
                topic,
                payload,
                qos: qos.min(2),
                retain: true,
                properties,
                expires,
                from: 0,
            });
        }
    }

    /// Every client that is connected, the absent ones whose sessions are kept, and those that left last.
    pub fn clients(&self) -> Vec<ClientSnapshot> {
        let now = Instant::now();
        let records: Vec<_> = lock(&self.records).values().cloned().collect();
        let mut clients: Vec<_> = records.iter().map(|record| record.snapshot(now)).collect();
        let mut departed: Vec<_> = lock(&self.departed).snapshot(now).collect();
        for session in self.router.absent() {
            if let Some(client) = departed.iter_mut().find(|client| client.client_id == session.client_id) {
                (client.subscriptions, client.dropped) = session.describe();
            }
        }
        clients.append(&mut departed);
        let denials = lock(&self.access.denials);
        clients.iter_mut().for_each(|client| (client.denials, client.last_denial) = denials.of(&client.client_id));
        drop(denials);
        clients.sort_by(|a, b| (!a.connected, &a.client_id).cmp(&(!b.connected, &b.client_id)));
        clients
    }

    /// How many clients are connected.
    pub fn connected(&self) -> usize {
        lock(&self.records).len()
    }

    /// How often each thing was refused since the start, by the names of [`Refusal`].
    pub fn refused(&self) -> Vec<(&'static str, u64)> {
        self.counters.snapshot()
    }

    /// Publishes a message inside the broker and waits for it at a subscriber inside the broker: how long it took.
    pub async fn canary(&self, patience: Duration) -> Result<Duration, CanaryError> {
        let started = Instant::now();
        let name = format!("$canary/{}", self.next_connection());
        let terms = Terms { protocol: Protocol::V311, window: 1, max_packet: 1024 };
        let claim = router::Claim { client_id: name.as_str().into(), identity: "".into(), clean: true, terms };
        let canary = Canary { broker: self, session: self.router.session(&claim), link: Arc::default() };
        canary.session.attach(canary.link.clone(), terms);
        let wanted = Wanted {
            path: name.clone(),
            qos: 0,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Never,
            id: 0,
        };
        self.router.subscribe_unchecked(&canary.session, &wanted).map_err(|_| CanaryError::Full)?;
        let message = Message {
            topic: name.into(),
            payload: Bytes::from_static(b"canary"),
            qos: 0,
            retain: false,
            properties: Bytes::new(),
            expires: None,
            from: 0,
        };
        self.distribute(&Arc::new(message), None);
        timeout(patience, canary.arrives()).await.map_err(|_| CanaryError::Lost(patience))?;
        Ok(started.elapsed())
    }

    pub(crate) fn intake(&self) -> &dyn Intake {
        &*self.intake
    }

    /// Hands a batch to the intake of which this many messages change what is retained.
    pub(crate) fn offer(&self, from: Arc<ClientInfo>, batch: Vec<Publish>, claims: u64) -> Offer {
        Offer::new(&self.intake, &self.router, from, batch, claims)
    }

    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }

    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { bytes: self.config.topic_bytes, levels: self.config.topic_levels }
    }

    pub(crate) fn count(&self, refusal: Refusal) {
        self.counters.add(refusal, 1);
    }

    /// Counts what a client was refused before it was one.
    pub(crate) fn turned_away(&self, refusal: Refusal, address: SocketAddr) {
        self.count(refusal);
        tracing::debug!(%address, reason = refusal.name(), "not let in");
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn next_listener(&self) -> u64 {
        self.listeners.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Retains a message that may be and gives it to whoever wants it.
    pub(crate) fn distribute(&self, message: &Arc<Message>, retaining: Option<Box<Claim>>) {
        if let Some(claim) = retaining {
            claim.settle(message);
        }
        self.router.deliver(message, &self.router.matching(&message.topic));
    }

    pub(crate) fn arrived(&self, record: &Arc<Record>) {
        lock(&self.departed).forget(&record.info.client_id);
        lock(&self.records).insert(record.info.connection, record.clone());
    }

    pub(crate) fn left(&self, record: &Record) {
        let now = Instant::now();
        lock(&self.records).remove(&record.info.connection);
        let snapshot = record.snapshot(now);
        lock(&self.departed).push(snapshot, now);
    }

    /// The connections of one identity.
    pub(crate) fn of_identity(&self, identity: &str) -> Vec<Arc<Record>> {
        lock(&self.records).values().filter(|record| &*record.info.identity == identity).cloned().collect()
    }

    /// The connections that came through one listener.
    pub(crate) fn through(&self, listener: u64) -> Vec<Arc<Record>> {
        lock(&self.records).values().filter(|record| record.listener == listener).cloned().collect()
    }
}

/// The subscriber at the other end; it leaves the router as it found it.
struct Canary<'a> {
    broker: &'a Broker,
    session: Arc<Session>,
    link: Arc<Link>,
}

impl Canary<'_> {
    async fn arrives(&self) {
        poll_fn(|context| {
            self.link.register(context.waker());
            let mut out = BytesMut::new();
            if self.session.fill(&self.link, &mut out, 1024, Instant::now()) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Canary<'_> {
    fn drop(&mut self) {
        self.broker.router.forget(&self.session);
    }
}
