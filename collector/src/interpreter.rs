//! From one message to what of it goes into the batch. Knows topics, formats and the plant; knows no time but the one it
//! is given, and neither sockets nor disks.
//!
//! A message counts as committed only if every value of it is in the batch. If one is not, the whole message goes to
//! quarantine with a reason that names the value, and the values that could be used are committed all the same: a
//! misspelt unit on one channel must not blind the other ninety-nine. Replaying it later stores them again, at the same
//! instants, which changes nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use historian::Staged;
use plant::mapping::{Captures, RuleSet};
use plant::{Event, MachineId, Name, Plant, PointId, PointKind, Quality, Timestamp, Value, WaveformId};

use crate::Message;
use crate::discovery::{Discovery, Heard};
use crate::draft::{Draft, Mode, Outcome};
use crate::fault::{Code, Fault, shown};
use crate::machine::{Adoption, First, MachineSlot, MachineState};
use crate::parts::{PartLimits, Parts};
use crate::recent::{Key, Recent};
use crate::sparkplug::{Host, Node};
use crate::topic::{Kind, Topic};
use crate::values::{self, Incoming, Received};
use crate::wire::{Scalar, birth, event, published, telemetry};

/// Most topics whose meaning is remembered.
const ROUTES: usize = 65_536;

/// Settings of the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether unknown machines and points are taken on at once. Otherwise their messages wait in quarantine.
    pub adopt: bool,
    /// How far ahead of ours the time of a message may be; later ones are quarantined, for they would hide every value
    /// after them. `None` lets any time in.
    pub max_ahead: Option<Duration>,
    /// How often at most a Sparkplug node is asked for its birth.
    pub rebirth_interval: Duration,
    /// How long a Sparkplug message that was overtaken by others may take before it counts as lost (the specification's
    /// reorder timeout). Zero: any gap is a loss at once.
    pub reorder_window: Duration,
    /// As what this platform announces itself to Sparkplug edge nodes; `None`: it does not.
    pub host_id: Option<Name>,
    /// How many messages are remembered to recognise repetitions; as many waveforms beside them.
    pub duplicates: usize,
    /// How many machines may be taken on.
    pub machines: usize,
    /// How many points a machine may have.
    pub points: usize,
    /// How much may wait for the rest of its parts, and for how long.
    pub parts: PartLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            adopt: false,
            max_ahead: Some(Duration::from_secs(24 * 3600)),
            rebirth_interval: Duration::from_secs(5),
            reorder_window: Duration::from_secs(3),
            host_id: None,
            duplicates: 65_536,
            machines: 20_000,
            points: 10_000,
            parts: PartLimits::default(),
        }
    }
}

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

    pub(crate) fn more(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// What a topic means, looked up once.
pub(crate) enum Route {
    Telemetry(Arc<MachineSlot>),
    Event(Arc<MachineSlot>),
    Birth(Arc<MachineSlot>),
    Death(Arc<MachineSlot>),
    Waveform(Arc<MachineSlot>, PointId),
    Sparkplug(Arc<Node>, Kind),
    /// Not data: a host application announces itself.
    State(Name),
    Hj212(Name),
    /// What the rules that were in force when it was looked up have for it.
    Mapped(Arc<RuleSet>, Vec<(usize, Captures)>),
    /// What the platform itself publishes.
    Published,
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
            Route::Published => (published_back(message)?, false),
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

    pub(crate) fn route(&self, topic: &Arc<str>, plant: &Plant) -> Result<Arc<Route>, Fault> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned();
        match known {
            // Rules have changed since: they are asked anew.
            Some(route) if matches!(&*route, Route::Mapped(rules, _) if !Arc::ptr_eq(rules, &plant.rules)) => {}
            Some(route) => return Ok(route),
            None => {}
        }
        let machine = |id: MachineId| self.machine(id, plant);
        let parsed = match topic.parse::<Topic>() {
            Err(fault) if fault.code == Code::Unmapped => {
                let candidates: Vec<_> = plant.rules.matching(topic).collect();
                match candidates.is_empty() {
                    true => return Err(fault),
                    false => return Ok(self.remember(topic, Route::Mapped(plant.rules.clone(), candidates))),
                }
            }
            parsed => parsed?,
        };
        let route = match parsed {
            Topic::Telemetry(id) => Route::Telemetry(machine(id)?),
            Topic::Event(id) => Route::Event(machine(id)?),
            Topic::Birth(id) => Route::Birth(machine(id)?),
            Topic::Death(id) => Route::Death(machine(id)?),
            Topic::Waveform(point) => Route::Waveform(machine(point.machine())?, point),
            Topic::Sparkplug(s) => Route::Sparkplug(self.node(&s.group, &s.edge)?, s.kind),
            Topic::SparkplugState(host) => Route::State(host),
            Topic::Published(..) => Route::Published,
            Topic::Hj212(site) => Route::Hj212(site),
        };
        Ok(self.remember(topic, route))
    }

    fn remember(&self, topic: &Arc<str>, route: Route) -> Arc<Route> {
        let route = Arc::new(route);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= ROUTES {
            // They are found again one by one; what counts is that they do not grow without end.
            routes.clear();
        }
        routes.insert(topic.clone(), route.clone());
        route
    }

    /// The machine `id`, one for all who ask.
    pub(crate) fn machine(&self, id: MachineId, plant: &Plant) -> Result<Arc<MachineSlot>, Fault> {
        if let Some(slot) = self.machines.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(slot.clone());
        }
        let mut machines = self.machines.write().unwrap_or_else(PoisonError::into_inner);
        if machines.len() >= self.config.machines && plant.machine(id.as_str()).is_none() {
            let expected = format!("at most {} machines", self.config.machines);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        let slot = machines.entry(id.clone()).or_insert_with(|| Arc::new(MachineSlot::new(id)));
        Ok(slot.clone())
    }

    fn node(&self, group: &Name, edge: &Name) -> Result<Arc<Node>, Fault> {
        let key = format!("{group}/{edge}");
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(&key) {
            return Ok(node.clone());
        }
        if nodes.len() >= self.config.machines {
            let expected = format!("at most {} edge nodes", self.config.machines);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        let node = Arc::new(Node::new(group.clone(), edge.clone())?);
        nodes.insert(key, node.clone());
        Ok(node)
    }

    /// A replay begins or has ended: what held while it ran holds no more.
    pub(crate) fn forget_then(&self) {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|node| node.forget_then());
    }

    pub(crate) fn all_nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
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

    /// The machine must be known; what speaks of a machine as a whole has no point.
    fn enter(
        &self,
        draft: &Draft,
        state: &mut MachineState,
        adoption: Adoption,
        t: Option<Timestamp>,
    ) -> Result<(), Fault> {
        state.enter(adoption, None).inspect_err(|fault| self.unknown(draft, state.id(), fault, Spoken::of_machine(t)))
    }

    /// One value of the machine into the draft.
    pub(crate) fn value(
        &self,
        draft: &mut Draft,
        state: &mut MachineState,
        name: &str,
        incoming: Incoming<'_>,
    ) -> Result<(), Fault> {
        self.value_as(draft, state, name, First { unit: incoming.unit, ..First::default() }, incoming)
    }

    /// The same, of a point of which the source says more than its unit.
    pub(crate) fn value_as(
        &self,
        draft: &mut Draft,
        state: &mut MachineState,
        name: &str,
        first: First<'_>,
        incoming: Incoming<'_>,
    ) -> Result<(), Fault> {
        let adoption = self.adoption();
        let found = state.point(name, first, adoption);
        let i = found.inspect_err(|fault| {
            let heard = Spoken {
                name: Some(name),
                kind: PointKind::Scalar,
                unit: incoming.unit,
                value: plain(incoming.value.clone()),
                quality: incoming.quality,
                t: incoming.t,
            };
            self.unknown(draft, state.id(), fault, heard);
        })?;
        let again = (draft.mode != Mode::Live).then_some(&mut draft.restamped);
        let received = Received { t: draft.t_received, again };
        let observed = values::observe(state, i, incoming, received, adoption, &*self.recall)?;
        state.carry(i, draft.number, &mut draft.batch.changes);
        draft.batch.observations.extend(observed);
        Ok(())
    }

    fn telemetry(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        payload: &[u8],
    ) -> Result<(Outcome, bool), Fault> {
        let frames = telemetry::decode(payload)?;
        let timed = frames.iter().all(|f| f.t.is_some());
        for frame in &frames {
            frame.t.map_or(Ok(draft.t_received), |t| self.plausible(t, draft.t_received))?;
        }
        let mut faults = Faults::default();
        self.with(draft, plant, machine, |draft, state| {
            for frame in frames {
                draft.batch.observations.reserve(frame.readings.len());
                for reading in frame.readings {
                    let (name, unit, quality) = (&*reading.name, reading.unit.as_deref(), reading.flag.quality());
                    let incoming =
                        Incoming { value: reading.value, unit, t: frame.t, quality, seq: None, typed: false };
                    if let Err(fault) = self.value(draft, state, name, incoming) {
                        faults.note(fault.at(name));
                    }
                }
            }
        });
        Ok((faults.finish()?, timed))
    }

    fn event(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        payload: &[u8],
    ) -> Result<(Outcome, bool), Fault> {
        let event = event::decode(payload)?;
        let t = event.t.map_or(Ok(draft.t_received), |t| self.plausible(t, draft.t_received))?;
        let timed = event.t.is_some();
        let fields = event.fields.into_iter().filter_map(|(name, value)| Some((name.into(), plain(value)?))).collect();
        let adoption = self.adoption();
        self.with(draft, plant, machine, |draft, state| {
            self.enter(draft, state, adoption, Some(t))?;
            state.carry_machine(draft.number, &mut draft.batch.changes);
            let machine = machine.id.clone();
            draft.batch.events.push(Event { machine, t, t_received: draft.t_received, kind: event.kind, fields });
            Ok((Outcome::Taken, timed))
        })
    }

    fn birth(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        payload: &[u8],
    ) -> Result<Outcome, Fault> {
        let described = birth::decode(payload)?.machine(machine.id.clone())?;
        if described.points.len() > self.config.points {
            let expected = format!("at most {} points on a machine", self.config.points);
            return Err(Fault::new(Code::PointsLimit, expected, described.points.len().to_string()));
        }
        self.with(draft, plant, machine, |draft, state| {
            if !self.config.adopt && !state.known() {
                let found = shown(machine.id.as_str());
                let fault = Fault::new(Code::UnknownMachine, "a machine of the plant", found);
                self.unknown(draft, &machine.id, &fault, Spoken::of_machine(None));
                self.discovery.describe(&described);
                return Err(fault);
            }
            state.describe(described);
            state.carry_machine(draft.number, &mut draft.batch.changes);
            Ok(Outcome::Taken)
        })
    }

    fn death(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        payload: &[u8],
    ) -> Result<Outcome, Fault> {
        let stated = birth::decode_death(payload)?;
        self.offline(draft, plant, machine, stated, "death")?;
        Ok(Outcome::Taken)
    }

    /// All points of the machine become bad(offline), and the death itself is an event.
    pub(crate) fn offline(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        stated: Option<Timestamp>,
        reported_by: &str,
    ) -> Result<(), Fault> {
        let stated = stated.map(|t| self.plausible(t, draft.t_received)).transpose()?;
        let adoption = self.adoption();
        self.with(draft, plant, machine, |draft, state| {
            self.enter(draft, state, adoption, stated)?;
            state.carry_machine(draft.number, &mut draft.batch.changes);
            let out = &mut draft.batch.observations;
            let t = match draft.mode {
                Mode::Live => values::offline(state, stated, draft.t_received, &*self.recall, out),
                // The machine may have come back since, and is not to die again: a death of then is dated then.
                Mode::Replay | Mode::Look => stated.unwrap_or(draft.t_received),
            };
            let mut fields = std::collections::BTreeMap::new();
            fields.insert("reported_by".into(), Value::Text(reported_by.into()));
            let Ok(kind) = Name::new("death") else { return Ok(()) };
            let machine = machine.id.clone();
            draft.batch.events.push(Event { machine, t, t_received: draft.t_received, kind, fields });
            Ok(())
        })
    }
}

/// What the platform itself published, come back by way of another broker: it is in the store already. Never input, or
/// the platform would listen to itself.
fn published_back(message: &Message) -> Result<Outcome, Fault> {
    if published::is_ours(&message.payload) {
        return Ok(Outcome::Duplicate);
    }
    let expected = "nothing but Danxia's own messages on this topic";
    Err(Fault::new(Code::TopicOurs, expected, format!("{} bytes of somebody else", message.payload.len())))
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
