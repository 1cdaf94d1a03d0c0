//! What the page is handed by the rooms that it must not know.

mod alarms;
mod analysis;
pub mod checklist;
pub mod devices;
mod mapper;
mod notify;
mod past;
mod sign_in;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, ClientSnapshot, Protocol};
use collector::Collector;
use futures_util::future::BoxFuture;
use historian::{Archive, Historian, Level};
use plant::{Clock, Timestamp};
use web::dto;
use web::{About, Accounts, Door, Keeping, Metric, MetricKind, Metrics, Part, Readiness, Registrar, Services};

mod waiting;

use crate::config::Settings;
use crate::heartbeat::Pulse;
use crate::influx_stage::Shipping;
use crate::notify_stage::Notifying;
use crate::remotes::Remotes;

/// How long the canary may take.
const CANARY: Duration = Duration::from_secs(1);
/// A store that has not taken a heartbeat for this long is not well.
const SILENT: Duration = Duration::from_secs(5);

/// What the platform says of itself.
pub fn about(settings: &Settings, demo: bool, started: Timestamp) -> About {
    About {
        version: env!("CARGO_PKG_VERSION").into(),
        demo,
        anonymous: settings.mqtt.anonymous,
        time_zone: settings.time_zone.clone(),
        started,
        mqtt: settings.mqtt.listen.map(|listen| listen.to_string()).unwrap_or_default(),
        mqtt_tls: settings.mqtt.tls.as_ref().map(|t| t.listen.to_string()),
    }
}

/// Puts together what the page is handed.
pub fn services(
    settings: &Settings,
    about: About,
    store: &Arc<Historian>,
    (broker, remotes, collector, shipping, notifying): (&Arc<Broker>, &Remotes, &Collector, &Shipping, &Notifying),
    (registrar, accounts): (Arc<dyn Registrar>, Arc<Accounts>),
    pulse: Pulse,
    clock: Arc<dyn Clock>,
) -> Services {
    let tail_of = store.clone();
    let (broker, remotes, shipping) = (broker.clone(), remotes.clone(), shipping.clone());
    let told = notifying.clone();
    let rooms =
        Arc::new(Rooms { broker, remotes, shipping, told, archive: store.archive(), pulse, clock: clock.clone() });
    Services {
        about,
        clock: clock.clone(),
        archive: store.archive(),
        register: store.register(),
        recorder: store.recorder(),
        follow: Box::new(move || tail_of.tail(tail_of.head())),
        analyst: Arc::new(analysis::Analysis { archive: store.archive() }),
        alarm_study: Arc::new(alarms::Alarms { archive: store.archive(), register: store.register() }),
        waiting: Arc::new(waiting::Waiting::new(collector.clone(), store.archive(), settings, clock.clone())),
        door: rooms.clone(),
        shipping: rooms.clone(),
        notifier: Arc::new(notifying.clone()),
        past: past::open(settings, store, clock.clone()),
        registrar,
        accounts,
        sign_in: sign_in::open(settings.http.oidc.as_ref(), clock.clone()),
        readiness: rooms.clone(),
        metrics: rooms,
        mapper: Arc::new(mapper::Trials),
        keeping: Keeping {
            disk: settings.store.disk,
            waves: settings.store.waves.clone(),
            retention: settings.store.keep,
            backups: settings.store.backups.clone(),
        },
    }
}

struct Rooms {
    broker: Arc<Broker>,
    remotes: Remotes,
    shipping: Shipping,
    told: Notifying,
    archive: Archive,
    pulse: Pulse,
    clock: Arc<dyn Clock>,
}

impl Door for Rooms {
    fn clients(&self) -> Vec<dto::Client> {
        let now = self.clock.now();
        let clients = self.broker.clients().into_iter().map(|c| client(c, now));
        self.remotes.clients(now).into_iter().chain(clients).collect()
    }

    fn refused(&self) -> BTreeMap<String, u64> {
        self.broker.refused().into_iter().filter(|(_, n)| *n > 0).map(|(why, n)| (why.to_owned(), n)).collect()
    }
}

fn client(c: ClientSnapshot, now: Timestamp) -> dto::Client {
    dto::Client {
        client_id: c.client_id.to_string(),
        address: c.address.to_string(),
        identity: c.identity.to_string(),
        protocol: match c.protocol {
            Protocol::V311 => "3.1.1".into(),
            Protocol::V5 => "5".into(),
        },
        since: dto::Time::from(now - c.since),
        connected: c.connected,
        rate_msgs_s: c.rate_messages_s,
        rate_bytes_s: c.rate_bytes_s,
        messages: c.messages,
        bytes: c.bytes,
        subscriptions: c.subscriptions.len() as u64,
        last_topic: c.last_topic.map(|t| t.to_string()),
        last_error: c.last_error.map(|t| t.to_string()),
        denials: c.denials,
        last_denial: c.last_denial.map(|d| dto::Denial { topic: d.topic.to_string(), why: d.why.name().to_owned() }),
        throttled: c.throttled,
    }
}

impl web::Shipping for Rooms {
    fn influx(&self) -> Option<dto::Influx> {
        self.shipping.shown()
    }
}

impl Readiness for Rooms {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async move {
            let canary = self.broker.canary(CANARY).await;
            vec![
                Part { name: "broker", fault: canary.err().map(|e| e.to_string()) },
                Part { name: "store", fault: self.store_fault() },
                Part { name: "disk", fault: self.disk_fault() },
            ]
        })
    }
}

impl Rooms {
    /// The heartbeat commits once a second: where the last one is old, the store does not take anything.
    fn store_fault(&self) -> Option<String> {
        match self.pulse.age(self.clock.now()) {
            None => Some("nothing has been committed yet".into()),
            Some(age) if age > SILENT => {
                Some(format!("the last commit is {} s old; look at the disk and at the log", age.as_secs()))
            }
            Some(_) => None,
        }
    }
}

impl Rooms {
    /// At the floor nothing is taken from machines.
    fn disk_fault(&self) -> Option<String> {
        let disk = self.archive.disk();
        let next = "nothing is taken from machines until there is room; free space, or see docs/store.md";
        match (disk.level, disk.full) {
            (Level::Stopped, true) => Some(format!("the disk is full: {next}")),
            (Level::Stopped, false) => {
                Some(format!("{} bytes are left, and the floor is {}: {next}", disk.left(), disk.floor))
            }
            _ => None,
        }
    }
}

impl Metrics for Rooms {
    fn metrics(&self) -> Vec<Metric> {
        let s = self.archive.stats();
        let disk = self.archive.disk();
        let (clients, canary) = (self.broker.clients(), self.broker.canary_state());
        let sum = |f: fn(&ClientSnapshot) -> u64| clients.iter().map(f).sum::<u64>() as f64;
        let mut metrics = self.remotes.metrics();
        metrics.extend(self.shipping.metrics());
        metrics.extend(self.told.metrics());
        let gauge = |name, help, v: f64| Metric::single(name, help, MetricKind::Gauge, v);
        let counter = |name, help, v: f64| Metric::single(name, help, MetricKind::Counter, v);
        metrics.extend([
            gauge("danxia_mqtt_connections", "MQTT clients that are connected.", self.broker.connected() as f64),
            gauge("danxia_mqtt_client_messages", "Messages of the clients that are listed.", sum(|c| c.messages)),
            gauge(
                "danxia_mqtt_subscriber_dropped",
                "Messages that subscribers lost by falling behind.",
                sum(|c| c.dropped),
            ),
            counter(
                "danxia_mqtt_throttled_total",
                "How often reading from a client was held back because it published faster than it may.",
                self.broker.throttled() as f64,
            ),
            gauge(
                "danxia_mqtt_canary_age_seconds",
                "Seconds since a message last came out of the router again; -1 before the first.",
                canary.last_ok.map_or(-1.0, |age| age.as_secs_f64()),
            ),
            gauge(
                "danxia_mqtt_canary_seconds",
                "How long it took; -1 before the first.",
                canary.took.map_or(-1.0, |took| took.as_secs_f64()),
            ),
            counter(
                "danxia_mqtt_canary_failures_total",
                "Messages that did not come out of the router again.",
                canary.failures as f64,
            ),
            Metric {
                name: "danxia_mqtt_refused_total",
                help: "What the MQTT door turned away, by reason.",
                kind: MetricKind::Counter,
                samples: self
                    .broker
                    .refused()
                    .into_iter()
                    .map(|(r, n)| (vec![("reason", r.to_owned())], n as f64))
                    .collect(),
            },
            counter("danxia_store_commits_total", "Commits since the store began.", s.head as f64),
            counter(
                "danxia_store_failed_commits_total",
                "Commits that the disk did not take.",
                s.failed_commits as f64,
            ),
            gauge("danxia_store_queued_bytes", "Bytes that wait for their commit.", s.queued_bytes as f64),
            gauge("danxia_store_log_bytes", "Bytes of the log.", s.log_bytes as f64),
            gauge("danxia_store_bytes", "Bytes of the store's files.", disk.store_bytes as f64),
            gauge("danxia_store_disk_free_bytes", "Bytes that are free on the store's disk.", disk.space.free as f64),
            gauge("danxia_store_budget_bytes", "Bytes that the store may use, or its disk has.", disk.budget as f64),
            gauge("danxia_store_budget_used_bytes", "Bytes of them that are used.", disk.used as f64),
            gauge(
                "danxia_store_disk_level",
                "What follows: 0 nothing, 1 it is said, 2 data goes, 3 nothing is taken from machines.",
                f64::from(disk.level as u8),
            ),
            gauge("danxia_store_series", "Time series.", s.series as f64),
        ]);
        metrics
    }
}
