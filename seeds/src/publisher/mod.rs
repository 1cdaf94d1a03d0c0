//! An MQTT publisher that loses nothing between a call and its PUBACK.
//!
//! MQTT 3.1.1, QoS 1, one connection. `rumqttc` carries the protocol, but it forgets what was not acknowledged when the
//! broker says that it has no session (`session_present = false`), and its `publish` returns when a message is queued,
//! not when it has arrived. So what is published here stands in an outbox of our own until its PUBACK has come, and
//! every connection starts with a `rumqttc` event loop that is new and gets everything that stands there, in order.
//!
//! What follows for the receiver: **at least once**. What was sent and not acknowledged when a connection broke is sent
//! again; the receiver tells duplicates by their content.
//!
//! The [`outbox`] is bounded in messages and in bytes. The policy here is *block*: [`Publisher::publish`] waits for room,
//! nothing is ever dropped. A greeting (births) precedes everything else on each connection and does not count.

mod connection;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::MqttOptions;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use connection::{Connection, Status};
use outbox::{Message, OVERHEAD, Outbox, TooLarge};

/// Where and as whom to publish.
#[derive(Clone)]
pub struct Options {
    /// `host:port`.
    pub address: String,
    /// The client's name at the broker; a second connection under the same name ends the first.
    pub client_id: String,
    /// User and password; `None` connects anonymously.
    pub credentials: Option<(String, String)>,
    /// At most so many messages may wait for their PUBACK.
    pub max_messages: usize,
    /// And at most so many bytes of topics and payloads. The largest message must fit.
    pub max_bytes: usize,
    /// Sent at the beginning of every connection, before anything else.
    pub greeting: Vec<(String, Bytes)>,
}

impl Options {
    /// 1,000 messages, 32 MiB, no credentials, no greeting.
    #[must_use]
    pub fn new(address: &str, client_id: &str) -> Self {
        Self {
            address: address.to_owned(),
            client_id: client_id.to_owned(),
            credentials: None,
            max_messages: 1_000,
            max_bytes: 32 << 20,
            greeting: Vec::new(),
        }
    }
}

/// What stands in the way of publishing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No address.
    #[error("{0:?} is not an address; expected HOST:PORT, as in 127.0.0.1:1883")]
    Address(String),
    /// The broker answered and said no.
    #[error("{address} refused the connection: {why}")]
    Refused {
        /// The broker.
        address: String,
        /// Its answer, and what to do.
        why: &'static str,
    },
    /// The broker did not answer.
    #[error("{address} cannot be reached: {why}; is the broker running there?")]
    Unreachable {
        /// The broker.
        address: String,
        /// What happened.
        why: String,
    },
    /// Not a topic that can be published to.
    #[error("{0:?} cannot be published to: a topic is not empty and holds no '+', '#' or NUL")]
    Topic(String),
    /// More than the outbox holds.
    #[error("a message of {found} bytes does not fit the outbox of {max}; publish less at once")]
    TooLarge {
        /// Topic and payload.
        found: usize,
        /// What fits.
        max: usize,
    },
    /// The task that owns the connection has ended.
    #[error("the publisher is closed")]
    Closed,
}

/// Messages without a PUBACK that the protocol may have under way; the rest wait in the outbox.
const IN_FLIGHT: u16 = 100;
/// A broker that commits before it acknowledges may pause; only beyond this is it taken for dead.
const PATIENCE_S: u64 = 20;

/// Publishes over one connection. Dropped, it cuts the connection without a word and forgets what was not acknowledged;
/// [`Publisher::close`] says goodbye.
pub struct Publisher {
    outbox: Arc<Outbox>,
    status: watch::Receiver<Status>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    address: String,
}

impl Publisher {
    /// Begins to connect and returns at once; attempts go on for as long as the publisher lives.
    /// Must be called within a tokio runtime.
    pub fn start(options: Options) -> Result<Self, PublishError> {
        let mqtt = mqtt_options(&options)?;
        let outbox = Arc::new(Outbox::new(options.max_messages, options.max_bytes));
        let (status_tx, status) = watch::channel(Status::Connecting);
        let (stop, stopped) = watch::channel(false);
        let address = options.address.clone();
        let connection = Connection {
            mqtt,
            address: options.address,
            greeting: options.greeting.iter().map(|(topic, payload)| Message::new(topic, payload.clone())).collect(),
            outbox: outbox.clone(),
            status: status_tx,
        };
        let task = tokio::spawn(connection.run(stopped));
        Ok(Self { outbox, status, stop, task, address })
    }

    /// Begins to connect and waits for the broker's yes. A refusal (wrong password) ends it at once; a broker that is
    /// not there is tried again until `patience` is over.
    pub async fn connect(options: Options, patience: Duration) -> Result<Self, PublishError> {
        let publisher = Self::start(options)?;
        let mut status = publisher.status.clone();
        let settled =
            status.wait_for(|s| matches!(s, Status::Connected | Status::Retrying(PublishError::Refused { .. })));
        let settled = tokio::time::timeout(patience, settled).await.map(|s| s.map(|s| s.clone()));
        match settled {
            Ok(Ok(Status::Connected)) => Ok(publisher),
            Ok(Ok(Status::Retrying(error))) => Err(error),
            Ok(_) => Err(PublishError::Closed),
            Err(_) => {
                let last = publisher.status.borrow().clone();
                Err(match last {
                    Status::Retrying(error) => error,
                    _ => PublishError::Unreachable {
                        address: publisher.address.clone(),
                        why: format!("no answer within {} s", patience.as_secs()),
                    },
                })
            }
        }
    }

    /// Takes a message, waiting for room in the outbox. Returns before it has been sent; [`Publisher::flush`] tells when
    /// it has arrived. Dropping the future before it is ready publishes nothing.
    pub async fn publish(&self, topic: &str, payload: impl Into<Bytes>) -> Result<(), PublishError> {
        let payload = payload.into();
        check_topic(topic)?;
        tokio::select! {
            taken = self.outbox.push(Message::new(topic, payload)) => {
                taken.map_err(|TooLarge { found, max }| PublishError::TooLarge { found, max })
            }
            () = self.gone() => Err(PublishError::Closed),
        }
    }

    /// Waits until everything published before has been acknowledged.
    pub async fn flush(&self) -> Result<(), PublishError> {
        tokio::select! {
            () = self.outbox.empty() => Ok(()),
            () = self.gone() => Err(PublishError::Closed),
        }
    }

    /// How many messages wait for their PUBACK.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outbox.outstanding()
    }

    /// Waits for outstanding acknowledgements for at most `grace`, says goodbye, and returns how many messages were left
    /// unacknowledged.
    pub async fn close(self, grace: Duration) -> usize {
        // A flush that fails or takes too long shows in the number that is returned.
        let _ = tokio::time::timeout(grace, self.flush()).await;
        let left = self.outstanding();
        self.stop.send_replace(true);
        let mut publisher = self;
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut publisher.task).await;
        left
    }

    /// The task ends only with the publisher, or by a fault of its own.
    async fn gone(&self) {
        let mut status = self.status.clone();
        while status.changed().await.is_ok() {}
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn check_topic(topic: &str) -> Result<(), PublishError> {
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
        return Err(PublishError::Topic(topic.to_owned()));
    }
    Ok(())
}

fn mqtt_options(options: &Options) -> Result<MqttOptions, PublishError> {
    let wrong = || PublishError::Address(options.address.clone());
    let (host, port) = options.address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || port == 0 {
        return Err(wrong());
    }
    for (topic, _) in &options.greeting {
        check_topic(topic)?;
    }
    let mut mqtt = MqttOptions::new(&options.client_id, host, port);
    let largest =
        options.max_bytes.max(options.greeting.iter().map(|(t, p)| t.len() + p.len() + OVERHEAD).max().unwrap_or(0));
    mqtt.set_max_packet_size(1 << 20, largest);
    mqtt.set_keep_alive(Duration::from_secs(PATIENCE_S));
    mqtt.set_inflight(IN_FLIGHT);
    if let Some((user, password)) = &options.credentials {
        mqtt.set_credentials(user, password);
    }
    Ok(mqtt)
}
