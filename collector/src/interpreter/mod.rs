//! From one message to what of it goes into the batch. Knows topics, formats and the plant; knows no time but the one it
//! is given, and neither sockets nor disks.
//!
//! A message counts as committed only if every value of it is in the batch. If one is not, the whole message goes to
//! quarantine with a reason that names the value, and the values that could be used are committed all the same: a
//! misspelt unit on one channel must not blind the other ninety-nine. Replaying it later stores them again, at the same
//! instants, which changes nothing.

mod canonical;
mod config;
mod routes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use historian::Staged;
use plant::{MachineId, Plant, PointId, PointKind, Quality, Timestamp, Value, WaveformId};

use crate::discovery::{Discovery, Heard};
use crate::draft::{Draft, Mode, Outcome};
use crate::fault::{Code, Fault, shown};
use crate::machine::{Adoption, MachineSlot, MachineState};
use crate::parts::Parts;
use crate::recent::{Key, Recent};
use crate::sparkplug::{Host, Node};
use crate::topic::Kind;
use crate::wire::Scalar;
use crate::{Counters, Message};

pub use config::Config;
pub(crate) use routes::Route;

/// What is asked of the store while messages are read. Answers come from memory or a short look-up.
pub(crate) trait Recall: Send + Sync {
    /// The asset tree as committed.
    fn plant(&self) -> Arc<Plant>;
    /// The latest value of a point.
    fn last(&self, point: &PointId) -> Option<(Timestamp, Value)>;
    /// Some of the values of a point from `t` on, in their order; none are left out up to 4,096 ns after it.
    fn from(&self, point: &PointId, t: Timestamp) -> Vec<(Timestamp, Value)>;
    /// Whether the waveform is committed.
    fn has_waveform(&self, id: WaveformId) -> bool;
    /// The parts that waited when the last run ended.
    fn staged(&self) -> Vec<Staged>;
}

/// What is counted beside the ledger.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Sparkplug messages that never came, by their sequence numbers.
    pub gaps: AtomicU64,
    /// Sparkplug messages that came late, but within the window.
    pub disordered: AtomicU64,
    /// Births asked for.
    pub rebirths: AtomicU64,
    /// Deaths of sessions that were over already.
    pub stale_deaths: AtomicU64,
    /// Messages that waited for a birth and were understood after it.
    pub replayed: AtomicU64,
}

impl Tally {
    pub(crate) fn one(counter: &AtomicU64) {
        Self::more(counter, 1);
    }

    pub(crate) fn counters(&self) -> Counters {
        let count = |c: &AtomicU64| c.load(Ordering::Relaxed);
        Counters {
            gaps: count(&self.gaps),
            disordered: count(&self.disordered),
            rebirths: count(&self.rebirths),
            stale_deaths: count(&self.stale_deaths),
            replayed: count(&self.replayed),
        }
    }

    pub(crate) fn more(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// What was said under a name that nobody knows.
pub(crate) struct Spoken<'a> {
    pub name: Option<&'a str>,
    pub kind: PointKind,
    pub unit: Option<&'a str>,
    pub value: Option<Value>,
    pub quality: Quality,
    pub t: Option<Timestamp>,
}

impl Spoken<'_> {
    /// Of the machine as a whole.
    pub(crate) const fn of_machine(t: Option<Timestamp>) -> Self {
        Self { name: None, kind: PointKind::Scalar, unit: None, value: None, quality: Quality::Good, t }
    }
}

/// The faults of the values of one message: the first is told, the others are counted.
#[derive(Default)]
pub(crate) struct Faults {
    first: Option<Fault>,
    more: usize,
}

impl Faults {
    pub(crate) fn note(&mut self, fault: Fault) {
        match self.first {
            None => self.first = Some(fault),
            Some(_) => self.more += 1,
        }
    }

    pub(crate) fn finish(self) -> Result<Outcome, Fault> {
        match self.first {
            None => Ok(Outcome::Taken),
            Some(fault) => Err(fault.and_more(self.more)),
        }
    }
}

/// See the module.
pub(crate) struct Interpreter {
    pub config: Config,
    pub recall: Arc<dyn Recall>,
    pub messages: Recent,
    pub waveforms: Recent,
    pub tally: Tally,
    /// What speaks and is not in the plant.
    pub discovery: Discovery,
    pub parts: Arc<Parts>,
    /// This platform as a Sparkplug host application.
    pub host: Host,
    routes: RwLock<HashMap<Arc<str>, Arc<Route>>>,
    machines: RwLock<HashMap<MachineId, Arc<MachineSlot>>>,
    nodes: RwLock<HashMap<String, Arc<Node>>>,
}

impl Interpreter {
    pub(crate) fn new(config: Config, recall: Arc<dyn Recall>) -> Self {
        Self {
            parts: Arc::new(Parts::new(config.parts, &recall.staged())),
            messages: Recent::new(config.duplicates),
            waveforms: Recent::new(config.duplicates),
            host: Host::new(config.host_id.clone()),
            config,
            recall,
            tally: Tally::default(),
            discovery: Discovery::default(),
            routes: RwLock::default(),
            machines: RwLock::default(),
            nodes: RwLock::default(),
        }
    }

    /// Reads one message into the draft and counts it.
    pub(crate) fn read(&self, draft: &mut Draft, plant: &Plant, message: &Message) {
        let outcome = self.understand(draft, plant, message);
        draft.settle(message, outcome);
    }

    pub(crate) const fn adoption(&self) -> Adoption {
        Adoption { allowed: self.config.adopt, points: self.config.points }
    }

    /// What of the message goes into the draft; it is not counted.
    pub(crate) fn understand(&self, draft: &mut Draft, plant: &Plant, message: &Message) -> Result<Outcome, Fault> {
        if !message.utf8 {
            return Err(Fault::new(Code::TopicUtf8, "a topic in UTF-8", shown(&message.topic)));
        }
        if message.retain.is_some() && message.payload.is_empty() {
            // It takes away what is retained for its topic, and says nothing of its own.
            return Ok(Outcome::Taken);
        }
        let route = self.route(&message.topic, plant)?;
        let repeats = match &*route {
            Route::Telemetry(_) | Route::Event(_) | Route::Hj212(_) | Route::Mapped(..) => true,
            Route::Sparkplug(_, kind) => matches!(kind, Kind::NodeData | Kind::DeviceData(_)),
            Route::Birth(_) | Route::Death(_) | Route::Waveform(..) | Route::State(_) | Route::Published => false,
        };
        let key = repeats.then(|| self.messages.fingerprint(&message.topic, &message.payload));
        if let Some(key) = key
            && seen(&self.messages, key, draft)
        {
            return Ok(Outcome::Duplicate);
        }
        let payload = &message.payload[..];
        let (outcome, timed) = match &*route {
            Route::Telemetry(machine) => self.telemetry(draft, plant, machine, payload)?,
            Route::Event(machine) => self.event(draft, plant, machine, payload)?,
            Route::Birth(machine) => (self.birth(draft, plant, machine, payload)?, false),
            Route::Death(machine) => (self.death(draft, plant, machine, payload)?, false),
            Route::Waveform(machine, point) => self.waveform(draft, plant, machine, point, message)?,
            Route::Published => (canonical::published_back(message)?, false),
            Route::Sparkplug(node, kind) => self.sparkplug(draft, plant, node, kind, message)?,
            Route::State(host) => {
                draft.disputes |= self.host.disputes(host, payload);
                (Outcome::Taken, false)
            }
            Route::Hj212(site) => self.segments(draft, plant, site.as_str(), None, message)?,
            Route::Mapped(rules, candidates) => self.mapped(draft, plant, rules, candidates, message)?,
        };
        // A part is known by its message until its whole is there.
        let key = key.or_else(|| {
            (outcome == Outcome::Waiting).then(|| self.messages.fingerprint(&message.topic, &message.payload))
        });
        if let Some(key) = key.filter(|_| timed) {
            draft.remember_message(key);
        }
        Ok(outcome)
    }

    /// Works on a machine's state, brought up to date, and sees to it that the changes carried are settled after the commit.
    pub(crate) fn with<T>(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        work: impl FnOnce(&mut Draft, &mut MachineState) -> T,
    ) -> T {
        let mut state = machine.lock();
        state.sync(plant);
        let result = work(draft, &mut state);
        if state.carried_by(draft.number) {
            draft.touched.add(machine);
        }
        result
    }

    /// A time that a source stated, unless it lies too far ahead.
    pub(crate) fn plausible(&self, t: Timestamp, t_received: Timestamp) -> Result<Timestamp, Fault> {
        match self.config.max_ahead {
            Some(ahead) if t > t_received + ahead => {
                let expected = format!("a time at most {} h ahead of ours", ahead.as_secs() / 3600);
                let hours = t.since(t_received).as_secs() / 3600;
                Err(Fault::new(Code::TsFuture, expected, format!("one {hours} h ahead")))
            }
            _ => Ok(t),
        }
    }

    /// Notes a name that nobody knows, if that is what is wrong.
    pub(crate) fn unknown(&self, draft: &Draft, machine: &MachineId, fault: &Fault, spoken: Spoken<'_>) {
        let nobody_knows = matches!(fault.code, Code::UnknownMachine | Code::UnknownPoint);
        if !nobody_knows || draft.mode == Mode::Replay {
            return;
        }
        let Spoken { name, kind, unit, value, quality, t } = spoken;
        let (source, t_received) = (draft.source(), draft.t_received);
        self.discovery.hear(machine, Heard { name, kind, unit, value, quality, t, source, t_received });
    }
}

/// Whether the message or waveform came before; if its first coming is not committed yet, the draft waits for that.
pub(crate) fn seen(memory: &Recent, key: Key, draft: &mut Draft) -> bool {
    if draft.holds(key) {
        return true;
    }
    match memory.seen(key) {
        None => false,
        Some(fate) => {
            draft.after.extend(fate);
            true
        }
    }
}

/// A value without a point: an event's field.
fn plain(value: Scalar<'_>) -> Option<Value> {
    match value {
        Scalar::Float(v) => Some(Value::Float(v)),
        Scalar::Int(v) => Some(Value::Int(v)),
        Scalar::Bool(v) => Some(Value::Bool(v)),
        Scalar::Text(v) => Some(Value::Text(v.as_ref().into())),
        Scalar::Null => None,
    }
}
