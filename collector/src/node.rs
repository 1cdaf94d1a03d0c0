//! Sparkplug edge nodes: what their births said, and whether they still hold.
//!
//! Aliases are scoped to the birth that introduced them. A gap in `seq` does not make the values of a message wrong, so
//! they are committed; but a birth may have been missed, so one is asked for. An absent `seq` is read as 0, which some
//! encoders leave out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plant::{MachineId, Name, Plant, Quality, Reason, Timestamp};

use crate::draft::{Command, Draft, Mode, Outcome};
use crate::fault::{Code, Fault, shown};
use crate::interpreter::{Faults, Interpreter, Tally};
use crate::machine::{MachineSlot, MachineState};
use crate::topic::{Kind, Sparkplug};
use crate::values::Incoming;
use crate::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload, PropertyField};

/// An edge node.
pub(crate) struct Node {
    group: Name,
    edge: Name,
    machine: MachineId,
    session: Mutex<Session>,
    /// What holds while messages of then are replayed: a birth of then must not unsettle the session of now.
    then: Mutex<Session>,
}

/// What holds between a node's birth and its death.
#[derive(Default)]
struct Session {
    /// The node's own metrics; `None` before the birth and after the death.
    node: Option<Metrics>,
    bd_seq: Option<u64>,
    /// The sequence number that comes next.
    next: u8,
    devices: HashMap<Name, Metrics>,
    asked: Option<Timestamp>,
}

/// The metrics that a birth introduced.
#[derive(Default)]
struct Metrics {
    by_alias: HashMap<u64, usize>,
    by_name: HashMap<Arc<str>, usize>,
    list: Vec<Introduced>,
}

struct Introduced {
    name: Arc<str>,
    datatype: Option<u32>,
    unit: Option<Box<str>>,
}

impl Metrics {
    fn of(payload: &Payload) -> Self {
        let mut metrics = Self::default();
        for metric in &payload.metrics {
            let Some(name) = metric.name.as_deref().filter(|n| !n.is_empty()) else { continue };
            let name: Arc<str> = name.into();
            let i = metrics.list.len();
            metrics.by_name.insert(name.clone(), i);
            if let Some(alias) = metric.alias {
                metrics.by_alias.insert(alias, i);
            }
            metrics.list.push(Introduced { name, datatype: metric.datatype, unit: metric.unit().map(Into::into) });
        }
        metrics
    }

    /// What the birth said of a metric of data.
    fn find(&self, metric: &Metric) -> Result<&Introduced, Fault> {
        let named = metric.name.as_deref().filter(|n| !n.is_empty());
        let i =
            match (named, metric.alias) {
                (Some(name), _) => self.by_name.get(name).copied().ok_or_else(|| {
                    Fault::new(Code::SparkplugMetric, "a metric that the birth introduced", shown(name))
                }),
                (None, Some(alias)) => self.by_alias.get(&alias).copied().ok_or_else(|| {
                    Fault::new(Code::SparkplugAlias, "an alias that the birth introduced", alias.to_string())
                }),
                (None, None) => {
                    Err(Fault::new(Code::SparkplugMetric, "a metric with a name or an alias", "one with neither"))
                }
            }?;
        Ok(&self.list[i])
    }
}

impl Session {
    /// Takes the sequence number in; whether it is the one that was due.
    fn in_order(&mut self, seq: u8) -> bool {
        let due = self.next == seq;
        self.next = seq.wrapping_add(1);
        due
    }
}

impl Node {
    pub(crate) fn new(group: Name, edge: Name) -> Result<Self, Fault> {
        let machine = machine_id(&group, &edge, None)?;
        Ok(Self { group, edge, machine, session: Mutex::default(), then: Mutex::default() })
    }
}

impl Node {
    /// The session in which a message is read. Data of then is read by the births of then, if they are replayed too.
    fn session(&self, mode: Mode, kind: &Kind) -> MutexGuard<'_, Session> {
        if mode != Mode::Live {
            let then = self.then.lock().unwrap_or_else(PoisonError::into_inner);
            if then.node.is_some() || !matches!(kind, Kind::NodeData | Kind::DeviceData(_)) {
                return then;
            }
        }
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A replay begins or has ended.
    pub(crate) fn forget_then(&self) {
        *self.then.lock().unwrap_or_else(PoisonError::into_inner) = Session::default();
    }
}

/// The machine of a node, or of a device of it.
fn machine_id(group: &Name, edge: &Name, device: Option<&Name>) -> Result<MachineId, Fault> {
    let name = device.map_or_else(|| edge.to_string(), |device| format!("{edge}.{device}"));
    MachineId::new(group.as_str(), &name).map_err(|e| {
        Fault::new(Code::NameInvalid, "edge and device names of at most 127 bytes together", e.to_string())
    })
}

fn sequence(payload: &Payload) -> Result<u8, Fault> {
    let seq = payload.seq.unwrap_or(0);
    u8::try_from(seq).map_err(|_| Fault::new(Code::SparkplugSeq, "a seq from 0 to 255", seq.to_string()))
}

fn millis(ms: u64) -> Result<Timestamp, Fault> {
    let ns = i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1_000_000));
    ns.map(Timestamp::from_nanos)
        .ok_or_else(|| Fault::new(Code::TsInvalid, "epoch milliseconds before the year 2262", ms.to_string()))
}

/// The quality property: 192 good, 0 bad, 500 stale, and the ranges of OPC's quality byte between them.
fn quality(metric: &Metric) -> Quality {
    let code = match metric.property(sparkplug::QUALITY) {
        Some(PropertyField::Int(v)) => u64::from(*v),
        Some(PropertyField::Long(v)) => *v,
        _ => return Quality::Good,
    };
    match code {
        192..=255 => Quality::Good,
        64..=127 => Quality::Uncertain(Reason::Source),
        500 => Quality::Bad(Reason::Stale),
        _ => Quality::Bad(Reason::Source),
    }
}

/// The command that asks a node for its birth.
fn rebirth(node: &Node, t: Timestamp) -> Command {
    let mut metric = Metric::new(sparkplug::REBIRTH, DataType::Boolean, MetricValue::Boolean(true));
    let now = u64::try_from(t.nanos() / 1_000_000).unwrap_or(0);
    metric.timestamp = Some(now);
    let payload = Payload { timestamp: Some(now), metrics: vec![metric], ..Payload::default() };
    let topic = Sparkplug { group: node.group.clone(), edge: node.edge.clone(), kind: Kind::NodeCommand };
    Command { topic: topic.to_string(), payload: sparkplug::encode(&payload).into() }
}

impl Interpreter {
    /// One Sparkplug message; with it, whether its times are the source's own.
    pub(crate) fn sparkplug(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        kind: &Kind,
        bytes: &[u8],
    ) -> Result<(Outcome, bool), Fault> {
        if matches!(kind, Kind::NodeCommand | Kind::DeviceCommand(_)) {
            // Meant for the node, to which the broker brings it; there is nothing in it to keep.
            return Ok((Outcome::Taken, false));
        }
        let payload = sparkplug::decode(bytes)?;
        let timed = payload.timestamp.is_some() || payload.metrics.iter().all(|m| m.timestamp.is_some());
        let mut session = node.session(draft.mode, kind);
        let outcome = match kind {
            Kind::NodeBirth => self.node_birth(draft, plant, node, &mut session, &payload),
            Kind::NodeDeath => self.node_death(draft, plant, node, &mut session, &payload),
            Kind::DeviceBirth(device) => self.device_birth(draft, plant, node, &mut session, device, &payload),
            Kind::DeviceDeath(device) => self.device_death(draft, plant, node, &mut session, device, &payload),
            Kind::NodeData => self.data(draft, plant, node, &mut session, None, &payload),
            Kind::DeviceData(device) => self.data(draft, plant, node, &mut session, Some(device), &payload),
            Kind::NodeCommand | Kind::DeviceCommand(_) => Ok(Outcome::Taken),
        };
        // A birth that is wrong in itself would come back as wrong as it was.
        let data = matches!(kind, Kind::NodeData | Kind::DeviceData(_));
        if matches!(&outcome, Err(f) if f.code == Code::SparkplugNoBirth || f.code == Code::SparkplugAlias && data) {
            self.ask_for_birth(draft, node, &mut session);
        }
        Ok((outcome?, timed))
    }

    fn ask_for_birth(&self, draft: &mut Draft, node: &Node, session: &mut Session) {
        if draft.mode != Mode::Live {
            return;
        }
        let now = draft.t_received;
        // A clock that was set back must not silence us until it has caught up.
        let waiting = |t: Timestamp| t <= now && now.since(t) < self.config.rebirth_interval;
        if !session.asked.is_some_and(waiting) {
            session.asked = Some(now);
            Tally::one(&self.tally.rebirths);
            draft.commands.push(rebirth(node, now));
        }
    }

    fn check_sequence(&self, draft: &mut Draft, node: &Node, session: &mut Session, seq: u8) {
        if draft.mode == Mode::Live && !session.in_order(seq) {
            draft.gap();
            Tally::one(&self.tally.gaps);
            self.ask_for_birth(draft, node, session);
        }
    }

    fn node_birth(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        session: &mut Session,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let seq = sequence(payload)?;
        let bd_seq = payload.metrics.iter().find(|m| m.name.as_deref() == Some(sparkplug::BD_SEQ));
        session.bd_seq = bd_seq.and_then(Metric::as_counter);
        session.next = seq.wrapping_add(1);
        session.devices.clear();
        let metrics = session.node.insert(Metrics::of(payload));
        let machine = self.machine(node.machine.clone(), plant)?;
        self.metrics(draft, plant, &machine, None, metrics, payload)
    }

    fn device_birth(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        session: &mut Session,
        device: &Name,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let machine = self.machine(machine_id(&node.group, &node.edge, Some(device))?, plant)?;
        let seq = sequence(payload)?;
        if session.node.is_none() {
            return Err(no_birth("the birth of the edge node before that of its device"));
        }
        self.check_sequence(draft, node, session, seq);
        if session.devices.len() >= self.config.points && !session.devices.contains_key(device) {
            let expected = format!("at most {} devices of a node", self.config.points);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        session.devices.insert(device.clone(), Metrics::of(payload));
        self.metrics(draft, plant, &machine, Some(&node.edge), &session.devices[device], payload)
    }

    fn data(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        session: &mut Session,
        device: Option<&Name>,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let seq = sequence(payload)?;
        if session.node.is_none() {
            return Err(no_birth("the birth of the edge node before its data"));
        }
        self.check_sequence(draft, node, session, seq);
        let machine = self.machine(machine_id(&node.group, &node.edge, device)?, plant)?;
        let metrics = match device {
            None => session.node.as_ref(),
            Some(device) => session.devices.get(device),
        };
        let metrics = metrics.ok_or_else(|| no_birth("the birth of the device before its data"))?;
        self.metrics(draft, plant, &machine, device.map(|_| &node.edge), metrics, payload)
    }

    /// The values of a birth or of data into the draft.
    fn metrics(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        gateway: Option<&Name>,
        introduced: &Metrics,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let adoption = self.adoption();
        let mut faults = Faults::default();
        self.with(draft, plant, machine, |draft, state| {
            if adoption.allowed {
                state.enter(adoption, gateway)?;
                state.carry_machine(draft.number, &mut draft.batch.changes);
            }
            draft.batch.observations.reserve(payload.metrics.len());
            for metric in &payload.metrics {
                if let Err(fault) = self.metric(draft, state, introduced, payload, metric) {
                    faults.note(fault);
                }
            }
            faults.finish()
        })
    }

    fn metric(
        &self,
        draft: &mut Draft,
        state: &mut MachineState,
        introduced: &Metrics,
        payload: &Payload,
        metric: &Metric,
    ) -> Result<(), Fault> {
        let known = introduced.find(metric)?;
        let name = &*known.name;
        if sparkplug::is_control(name) {
            return Ok(());
        }
        let incoming = || {
            let t = metric.timestamp.or(payload.timestamp).map(millis).transpose()?;
            Ok(Incoming {
                value: metric.scalar(metric.datatype.or(known.datatype))?,
                unit: metric.unit().or(known.unit.as_deref()),
                t: t.map(|t| self.plausible(t, draft.t_received)).transpose()?,
                quality: quality(metric),
                seq: payload.seq,
                typed: true,
            })
        };
        incoming().and_then(|incoming| self.value(draft, state, name, incoming)).map_err(|f: Fault| f.at(name))
    }

    fn node_death(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        session: &mut Session,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let bd_seq = payload.metrics.iter().find(|m| m.name.as_deref() == Some(sparkplug::BD_SEQ));
        if let (Some(lives), Some(dies)) = (session.bd_seq, bd_seq.and_then(Metric::as_counter))
            && session.node.is_some()
            && lives != dies
        {
            let expected = format!("the death of the session that lives, bdSeq {lives}");
            return Err(Fault::new(Code::SparkplugBdSeq, expected, format!("bdSeq {dies}")));
        }
        let t = payload.timestamp.map(millis).transpose()?;
        let mut machines = vec![node.machine.clone()];
        for device in session.devices.keys() {
            machines.push(machine_id(&node.group, &node.edge, Some(device))?);
        }
        // Devices that were born before we were started.
        let prefix = format!("{}.", node.edge);
        let behind = plant.machines.values().filter(|m| {
            m.gateway.as_ref() == Some(&node.edge)
                && m.id.site() == node.group.as_str()
                && m.id.name().starts_with(&prefix)
        });
        machines.extend(behind.map(|m| m.id.clone()));
        machines.sort();
        machines.dedup();
        (session.node, session.bd_seq) = (None, None);
        session.devices.clear();
        for id in machines {
            let machine = self.machine(id, plant)?;
            self.offline(draft, plant, &machine, t, "NDEATH")?;
        }
        Ok(Outcome::Taken)
    }

    fn device_death(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &Node,
        session: &mut Session,
        device: &Name,
        payload: &Payload,
    ) -> Result<Outcome, Fault> {
        let seq = sequence(payload)?;
        let t = payload.timestamp.map(millis).transpose()?;
        let machine = self.machine(machine_id(&node.group, &node.edge, Some(device))?, plant)?;
        if session.node.is_some() {
            self.check_sequence(draft, node, session, seq);
        }
        session.devices.remove(device);
        self.offline(draft, plant, &machine, t, "DDEATH")?;
        Ok(Outcome::Taken)
    }
}

fn no_birth(expected: &'static str) -> Fault {
    Fault::new(Code::SparkplugNoBirth, expected, "none since we were started, or since the last death")
}
