//! Sessions at other brokers: made of the settings, held while the platform runs, and what there is to see of them.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use broker::Intake;
use broker::remote::{Announce, Options, Presence, Remote, RemoteSnapshot, State};
use collector::{Collector, Command, sparkplug};
use outbox::Message;
use plant::{Clock, Name, Timestamp};
use web::{Metric, MetricKind, dto};

use crate::config;
use crate::stage::Switch;

/// What the filters begin with that let Sparkplug messages in.
const SPARKPLUG: &str = "spBv1.0";
/// Where host applications say whether they are there.
const STATE: &str = "spBv1.0/STATE/";

/// All of them, each with what is published there.
#[derive(Clone, Default)]
pub struct Remotes(Arc<[(Arc<Remote>, config::Publish)]>);

impl Remotes {
    /// Hands what comes to `intake`. Nothing is connected before [`Remotes::run`]. `host` is our name as a Sparkplug host
    /// application, which is announced at every broker from which Sparkplug messages are taken.
    pub fn new(
        settings: &[config::Remote],
        host: Option<&Name>,
        intake: &Arc<dyn Intake>,
        collector: &Collector,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let made = settings.iter().map(|r| {
            // Any number does; it only has to differ from one collector to the next.
            let seed = RandomState::new().hash_one(&r.options.name);
            let sparkplug = r.options.subscriptions.iter().any(|s| s.filter.starts_with(SPARKPLUG));
            // Of several collectors that share the messages none may say that the host is gone.
            let host = host.filter(|_| sparkplug && r.options.share.is_none());
            let announce = host.map(|host| announce(host, collector.clone(), clock.clone()));
            let options = Options { seed, announce, ..r.options.clone() };
            Ok((Remote::new(options, intake.clone())?, r.publish))
        });
        Ok(Self(made.collect::<anyhow::Result<Vec<_>>>()?.into()))
    }

    /// Publishes what the collector has to say at all of them. Requests are of the moment: where there is no room, the
    /// oldest goes. STATE is said by each session itself, with the time of its own will.
    pub fn publish(&self, command: &Command) {
        for (remote, _) in self.iter() {
            let Command { topic, payload, qos, retain } = command;
            let said = if topic.starts_with(STATE) {
                remote.announce_again()
            } else {
                let topic = topic.as_str().into();
                remote.outbox().offer(Message { topic, payload: payload.clone(), qos: *qos, retain: *retain })
            };
            if let Err(e) = said {
                tracing::warn!(topic, "a command of {} bytes does not fit the outbox of {}", e.found, e.max);
            }
        }
    }

    /// Each with what is published there.
    pub fn iter(&self) -> impl Iterator<Item = &(Arc<Remote>, config::Publish)> {
        self.0.iter()
    }

    /// Holds all of them until the switch is thrown, and ends them in order.
    pub fn run(&self, switch: &Switch) -> impl Future<Output = ()> + Send + 'static {
        let thrown = switch.thrown();
        let all: Vec<_> = self.0.iter().map(|(remote, _)| remote.clone().run(switch.thrown())).collect();
        async move {
            futures_util::future::join_all(all).await;
            // Without a remote this stage has nothing to do but to wait.
            thrown.await;
        }
    }

    /// As clients, for the page.
    pub fn clients(&self, now: Timestamp) -> Vec<dto::Client> {
        self.0.iter().map(|(remote, _)| client(remote.snapshot(), now)).collect()
    }

    /// As numbers.
    pub fn metrics(&self) -> Vec<Metric> {
        let all: Vec<_> = self.0.iter().map(|(remote, _)| remote.snapshot()).collect();
        let metric = |name, help, kind, value: fn(&RemoteSnapshot) -> f64| {
            let samples = all.iter().map(|s| (vec![("remote", s.name.to_string())], value(s))).collect();
            Metric { name, help, kind, samples }
        };
        use MetricKind::{Counter, Gauge};
        vec![
            metric("danxia_remote_connected", "Whether the session at the other broker stands.", Gauge, |s| {
                f64::from(u8::from(s.state == State::Connected))
            }),
            metric("danxia_remote_connections_total", "Connections made to the other broker.", Counter, |s| {
                s.connections as f64
            }),
            metric("danxia_remote_messages_total", "Messages received from the other broker.", Counter, |s| {
                s.messages as f64
            }),
            metric("danxia_remote_in_flight", "Messages received that are not yet on disk.", Gauge, |s| {
                s.in_flight as f64
            }),
            metric("danxia_remote_refused_total", "Messages on topics that cannot be taken.", Counter, |s| {
                s.refused as f64
            }),
            metric("danxia_remote_published_total", "Messages that the other broker took from us.", Counter, |s| {
                s.published as f64
            }),
            metric("danxia_remote_unwanted_total", "Messages that the other broker refused for good.", Counter, |s| {
                s.unwanted as f64
            }),
            metric(
                "danxia_remote_retried_total",
                "How often the other broker refused a message for the moment, to be published again.",
                Counter,
                |s| s.retried as f64,
            ),
            metric("danxia_remote_outbox", "Messages that wait for the other broker.", Gauge, |s| s.outstanding as f64),
            metric("danxia_remote_dropped_total", "Messages given up for want of room.", Counter, |s| s.dropped as f64),
        ]
    }
}

/// STATE of the host application (Sparkplug 3.0, section 5.14): will and birth of a connection bear one time.
fn announce(host: &Name, collector: Collector, clock: Arc<dyn Clock>) -> Announce {
    let topic: Arc<str> = sparkplug::state_topic(host).into();
    Arc::new(move || {
        let now = clock.now();
        collector.host_birth_elsewhere(now);
        let state = |payload| Message { topic: topic.clone(), payload, qos: 1, retain: true };
        Presence { will: state(sparkplug::death(now)), birth: state(sparkplug::birth(now)) }
    })
}

fn client(s: RemoteSnapshot, now: Timestamp) -> dto::Client {
    dto::Client {
        client_id: format!("remote/{}", s.name),
        address: s.address.to_string(),
        identity: s.client_id.to_string(),
        protocol: match s.protocol {
            broker::Protocol::V311 => "3.1.1".into(),
            broker::Protocol::V5 => "5".into(),
        },
        since: dto::Time::from(now - s.since),
        connected: s.state == State::Connected,
        rate_msgs_s: s.rate_messages_s,
        rate_bytes_s: s.rate_bytes_s,
        messages: s.messages,
        bytes: s.bytes,
        subscriptions: s.subscriptions.len() as u64,
        last_topic: s.last_topic.map(|t| t.to_string()),
        last_error: s.last_error.map(|t| t.to_string()),
        // There we are the client: what is denied to us is said in `last_error`.
        denials: 0,
        last_denial: None,
        throttled: 0,
    }
}
