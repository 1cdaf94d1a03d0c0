//! What all requests share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use historian::{Archive, Recorder, Register, Seq, Tail};
use plant::{Clock, MachineId, Timestamp};
use tokio::sync::{Semaphore, broadcast, watch};

use crate::access::{Accounts, Departures, Quota};
use crate::config::Config;
use crate::hub::Frame;
use crate::meter::Meter;
use crate::pulse::Pulse;
use crate::question::Analyst;
use crate::reads::Reads;
use crate::recall::Recall;
use crate::seams::{
    About, Door, Keeping, Mapper, Metrics, Notifier, Readiness, Registrar, Services, Shipping, SignIn, Waiting,
};
use crate::study::AlarmStudy;
use crate::turns::Turns;
use crate::view::SparkCache;

/// How many frames a live stream may fall behind before it gets a fresh snapshot. A frame leaves every quarter of a
/// second and with every commit that moves an alarm.
const FRAMES: usize = 64;

/// How far the tail has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: Seq,
    pub(crate) t: Timestamp,
}

/// The store's faces and what is known beside them: what a read on a blocking thread needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) archive: Archive,
    pub(crate) register: Register,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) sparks: Arc<Mutex<SparkCache>>,
}

pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) about: About,
    /// Differs with every start.
    pub(crate) boot: String,
    pub(crate) sources: Sources,
    pub(crate) recorder: Recorder,
    pub(crate) follow: Box<dyn Fn() -> Tail + Send + Sync>,
    pub(crate) analyst: Arc<dyn Analyst>,
    pub(crate) alarm_study: Arc<dyn AlarmStudy>,
    pub(crate) door: Arc<dyn Door>,
    pub(crate) waiting: Arc<dyn Waiting>,
    pub(crate) shipping: Arc<dyn Shipping>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) recall: Recall,
    pub(crate) registrar: Arc<dyn Registrar>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) sign_in: Option<Arc<dyn SignIn>>,
    /// Who left for the provider.
    pub(crate) departures: Departures,
    /// How many refusals come into the audit log.
    pub(crate) refusals: Quota,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) mapper: Arc<dyn Mapper>,
    pub(crate) keeping: Keeping,
    /// Held while the mapping rules are replaced.
    pub(crate) rules: tokio::sync::Mutex<()>,
    /// Held while definitions of alarms are changed.
    pub(crate) definitions: tokio::sync::Mutex<()>,
    /// Held while a work order or note is written: the last numbers that were given away.
    pub(crate) work: tokio::sync::Mutex<(u64, u64)>,
    pub(crate) reads: Reads,
    pub(crate) meter: Meter,
    /// Room for live streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Whose turn an analysis is.
    pub(crate) turns: Turns,
    /// Room for exports.
    pub(crate) exports: Arc<Semaphore>,
    /// What the hub says to every live stream.
    pub(crate) frames: broadcast::Sender<Arc<Frame>>,
    pub(crate) head: watch::Sender<Head>,
    /// Becomes true when the end is called for.
    pub(crate) stopping: watch::Receiver<bool>,
    requests: AtomicU64,
}

impl State {
    pub(crate) fn new(config: Config, services: Services, stopping: watch::Receiver<bool>) -> Self {
        let now = services.clock.now();
        let head = Head { seq: services.archive.stats().head, t: now };
        let recall = Recall::new(services.archive.clone(), services.past, config.past_timeout);
        Self {
            boot: format!("{:x}", services.about.started.nanos()),
            about: services.about,
            sources: Sources {
                archive: services.archive,
                register: services.register,
                clock: services.clock,
                pulse: Arc::new(Pulse::new(now)),
                sparks: Arc::new(Mutex::new(BTreeMap::<MachineId, _>::new())),
            },
            recorder: services.recorder,
            follow: services.follow,
            analyst: services.analyst,
            alarm_study: services.alarm_study,
            door: services.door,
            waiting: services.waiting,
            shipping: services.shipping,
            notifier: services.notifier,
            recall,
            registrar: services.registrar,
            accounts: services.accounts,
            sign_in: services.sign_in,
            departures: Departures::new(),
            refusals: Quota::default(),
            readiness: services.readiness,
            metrics: services.metrics,
            mapper: services.mapper,
            keeping: services.keeping,
            rules: tokio::sync::Mutex::default(),
            definitions: tokio::sync::Mutex::default(),
            work: tokio::sync::Mutex::default(),
            reads: Reads::new(config.max_reads),
            meter: Meter::default(),
            streams: Arc::new(Semaphore::new(config.max_streams)),
            turns: Turns::default(),
            exports: Arc::new(Semaphore::new(crate::api::export::AT_ONCE)),
            frames: broadcast::channel(FRAMES).0,
            head: watch::channel(head).0,
            stopping,
            requests: AtomicU64::new(0),
            config,
        }
    }

    /// A fresh id, unique over restarts.
    pub(crate) fn request_id(&self) -> String {
        format!("{}-{}", self.boot, self.requests.fetch_add(1, Relaxed) + 1)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sources.clock.now()
    }
}
