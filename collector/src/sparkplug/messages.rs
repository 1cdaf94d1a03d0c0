//! One message of a node or device, step by step: sequence, session, values.

use plant::{Name, Plant, Timestamp};

use super::births::Births;
use super::order::{Order, Place, before};
use super::reading::millis;
use super::{Device, Node, Session, SharedNode};
use crate::Message;
use crate::draft::{Command, Draft, Mode, Outcome};
use crate::fault::{Code, Fault};
use crate::interpreter::{Interpreter, Tally};
use crate::topic::{Kind, Sparkplug};
use crate::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};

/// What a step works on.
struct Step<'a> {
    plant: &'a Plant,
    node: &'a Node,
    payload: &'a Payload,
    /// Whether it waited in quarantine and is read by the session that lives.
    waited: bool,
}

fn sequence(payload: &Payload) -> Result<u8, Fault> {
    // An absent `seq` is read as 0, which some encoders leave out.
    let seq = payload.seq.unwrap_or(0);
    u8::try_from(seq).map_err(|_| Fault::new(Code::SparkplugSeq, "a seq from 0 to 255", seq.to_string()))
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    payload.metrics.iter().find(|m| m.name.as_deref() == Some(sparkplug::BD_SEQ)).and_then(Metric::as_counter)
}

fn timed(payload: &Payload) -> bool {
    payload.timestamp.is_some() || payload.metrics.iter().all(|m| m.timestamp.is_some())
}

/// The command that asks a node for its birth.
fn rebirth(node: &Node, t: Timestamp) -> Command {
    let now = super::host::millis(t);
    let metric = Metric::new(sparkplug::REBIRTH, DataType::Boolean, MetricValue::Boolean(true)).at(now);
    let payload = Payload { timestamp: Some(now), metrics: vec![metric], ..Payload::default() };
    let topic = Sparkplug { group: node.group.clone(), edge: node.edge.clone(), kind: Kind::NodeCommand };
    Command { topic: topic.to_string(), payload: sparkplug::encode(&payload).into(), qos: 0, retain: false }
}

fn no_birth(expected: &'static str) -> Fault {
    Fault::new(Code::SparkplugNoBirth, expected, "none since we were started, or since the last death")
}

impl Interpreter {
    /// One Sparkplug message; with it, whether its times are the source's own.
    pub(crate) fn sparkplug(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        node: &SharedNode,
        kind: &Kind,
        message: &Message,
    ) -> Result<(Outcome, bool), Fault> {
        if matches!(kind, Kind::NodeCommand | Kind::DeviceCommand(_)) {
            // Meant for the node, to which the broker brings it; there is nothing in it to keep.
            return Ok((Outcome::Taken, false));
        }
        let payload = sparkplug::decode(&message.payload)?;
        let live = draft.mode == Mode::Live;
        let (mut session, waited) = node.session(draft.mode, kind);
        if live && session.source.as_ref() != Some(draft.source()) {
            session.source = Some(draft.source().clone());
        }
        let step = Step { plant, node, payload: &payload, waited };
        let outcome = self.step(draft, &mut session, &step, kind);
        // A birth that is wrong in itself would come back as wrong as it was.
        let data = matches!(kind, Kind::NodeData | Kind::DeviceData(_));
        let waits = |f: &Fault| f.code == Code::SparkplugNoBirth || f.code == Code::SparkplugAlias && data;
        // What was asked for then is not asked for now, and what waits in quarantine waits there already.
        if live && outcome.as_ref().is_err_and(waits) {
            self.ask_for_birth(draft, node, &mut session);
            if session.node.is_none() {
                session.early.push(payload.timestamp, sequence(&payload).unwrap_or(0));
            }
            draft.carried.add(node, session.births);
        }
        Ok((outcome?, timed(&payload)))
    }

    /// What time brings: gaps that were not filled, births that may be asked for again, the host's own STATE disputed.
    pub(crate) fn tick(&self, draft: &mut Draft) {
        for node in self.all_nodes() {
            let mut session = node.lock();
            self.judge_order(draft, &node, &mut session);
            if session.wanted {
                self.ask_for_birth(draft, &node, &mut session);
            }
        }
        draft.commands.extend(self.host.answer());
    }

    /// Up to `most` nodes, other than those that `busy` says are being seen to, of which a birth has explained what waits
    /// in quarantine since this was asked last. Who comes first changes with `turn`, so that those who are born all the
    /// time do not keep others waiting.
    pub(crate) fn explained(&self, most: usize, turn: usize, busy: impl Fn(&SharedNode) -> bool) -> Vec<SharedNode> {
        let mut nodes = self.all_nodes();
        let first = turn.checked_rem(nodes.len()).unwrap_or(0);
        nodes.rotate_left(first);
        nodes.into_iter().filter(|node| !busy(node) && node.take_explained()).take(most).collect()
    }

    fn step(&self, draft: &mut Draft, session: &mut Session, step: &Step<'_>, kind: &Kind) -> Result<Outcome, Fault> {
        match kind {
            Kind::NodeBirth => self.node_birth(draft, session, step),
            Kind::NodeDeath => self.node_death(draft, session, step),
            Kind::DeviceBirth(device) => self.device_birth(draft, session, step, device),
            Kind::DeviceDeath(device) => self.device_death(draft, session, step, device),
            Kind::NodeData => self.data(draft, session, step, None),
            Kind::DeviceData(device) => self.data(draft, session, step, Some(device)),
            Kind::NodeCommand | Kind::DeviceCommand(_) => Ok(Outcome::Taken),
        }
    }

    fn ask_for_birth(&self, draft: &mut Draft, node: &Node, session: &mut Session) {
        let now = draft.t_received;
        // A clock that was set back must not silence us until it has caught up.
        let waiting = |t: Timestamp| t <= now && now.since(t) < self.config.rebirth_interval;
        session.wanted = session.asked.is_some_and(waiting);
        if !session.wanted {
            session.asked = Some(now);
            Tally::one(&self.tally.rebirths);
            draft.commands.push(rebirth(node, now));
        }
    }

    /// Where the message stands in its node's sequence.
    fn place(&self, draft: &mut Draft, session: &mut Session, step: &Step<'_>, seq: u8) -> Place {
        if draft.mode != Mode::Live {
            // It had its place when it came.
            return Place::Due;
        }
        let place = session.order.take(seq, draft.t_received);
        if place == Place::Late {
            Tally::one(&self.tally.disordered);
        }
        self.judge_order(draft, step.node, session);
        place
    }

    fn judge_order(&self, draft: &mut Draft, node: &Node, session: &mut Session) {
        let lost = session.order.overdue(draft.t_received, self.config.reorder_window);
        if lost > 0 {
            Tally::more(&self.tally.gaps, lost);
            if let Some(source) = &session.source {
                draft.gaps_of(source, lost);
            }
            self.ask_for_birth(draft, node, session);
        }
    }

    fn node_birth(&self, draft: &mut Draft, session: &mut Session, step: &Step<'_>) -> Result<Outcome, Fault> {
        let Step { plant, node, payload, .. } = *step;
        let seq = sequence(payload)?;
        (session.bd_seq, session.born, session.died) = (bd_seq(payload), payload.timestamp, None);
        session.births += 1;
        (session.wanted, session.explained) = (false, true);
        session.order.restart(seq);
        // Messages of this session that overtook its birth have had their place already.
        for seq in session.early.of_session(payload.timestamp) {
            session.order.take(seq, draft.t_received);
        }
        session.devices.clear();
        let births = session.node.insert(Births::of(payload, None));
        let machine = self.machine(node.machine.clone(), plant)?;
        self.metrics(draft, plant, &machine, None, births, payload)
    }

    fn device_birth(
        &self,
        draft: &mut Draft,
        session: &mut Session,
        step: &Step<'_>,
        device: &Name,
    ) -> Result<Outcome, Fault> {
        let Step { plant, node, payload, .. } = *step;
        let machine = self.machine(node.id(Some(device))?, plant)?;
        let seq = sequence(payload)?;
        if session.node.is_none() {
            return Err(no_birth("the birth of the edge node before that of its device"));
        }
        let place = self.place(draft, session, step, seq);
        if session.devices.len() >= self.config.points && !session.devices.contains_key(device) {
            let expected = format!("at most {} devices of a node", self.config.points);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        let births = Births::of(payload, session.node.as_ref());
        let known = session.devices.get(device);
        let overtaken = match step.waited {
            false => place == Place::Late && known.is_some_and(|d| before(seq, d.seq)),
            // It may be of a session before this one.
            true => known.is_some() || session.born.is_none_or(|born| payload.timestamp.is_none_or(|sent| sent < born)),
        };
        if overtaken {
            // A later birth or death of the device has come already: these are values and no more.
            return self.metrics(draft, plant, &machine, Some(&node.edge), &births, payload);
        }
        session.births += 1;
        session.explained = true;
        session.devices.insert(device.clone(), Device { metrics: births, seq, alive: true });
        self.metrics(draft, plant, &machine, Some(&node.edge), &session.devices[device].metrics, payload)
    }

    fn data(
        &self,
        draft: &mut Draft,
        session: &mut Session,
        step: &Step<'_>,
        device: Option<&Name>,
    ) -> Result<Outcome, Fault> {
        let Step { plant, node, payload, .. } = *step;
        let seq = sequence(payload)?;
        if session.node.is_none() {
            return Err(no_birth("the birth of the edge node before its data"));
        }
        let place = self.place(draft, session, step, seq);
        let machine = self.machine(node.id(device)?, plant)?;
        let births = match device {
            None => session.node.as_ref(),
            // What was sent before a device's death and comes after it is still of that device.
            Some(device) => session.devices.get(device).filter(|d| d.alive || place == Place::Late).map(|d| &d.metrics),
        };
        let births = births.ok_or_else(|| no_birth("the birth of the device before its data"))?;
        self.metrics(draft, plant, &machine, device.map(|_| &node.edge), births, payload)
    }

    fn node_death(&self, draft: &mut Draft, session: &mut Session, step: &Step<'_>) -> Result<Outcome, Fault> {
        let Step { plant, node, payload, .. } = *step;
        let dies = bd_seq(payload);
        let another =
            session.node.is_some() && matches!((session.bd_seq, dies), (Some(lives), Some(dies)) if lives != dies);
        let again = session.node.is_none() && dies.is_some() && session.died == dies;
        if another || again {
            // The will of an earlier connection, late: it is about a session that is over. Nothing is wrong with it, and
            // nothing follows from it.
            Tally::one(&self.tally.stale_deaths);
            return Ok(Outcome::Taken);
        }
        let mut machines = vec![node.machine.clone()];
        for device in session.devices.keys() {
            machines.push(node.id(Some(device))?);
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
        (session.node, session.bd_seq, session.died) = (None, None, dies);
        session.order = Order::default();
        session.devices.clear();
        for id in machines {
            let machine = self.machine(id, plant)?;
            // Its own time is that of the connection that it was the will of: the specification has the host's count.
            self.offline(draft, plant, &machine, None, "NDEATH")?;
        }
        Ok(Outcome::Taken)
    }

    fn device_death(
        &self,
        draft: &mut Draft,
        session: &mut Session,
        step: &Step<'_>,
        device: &Name,
    ) -> Result<Outcome, Fault> {
        let Step { plant, node, payload, .. } = *step;
        let seq = sequence(payload)?;
        let t = payload.timestamp.map(millis).transpose()?;
        let machine = self.machine(node.id(Some(device))?, plant)?;
        let place = match session.node.is_some() {
            true => self.place(draft, session, step, seq),
            false => Place::Due,
        };
        if let Some(known) = session.devices.get_mut(device) {
            if place == Place::Late && before(seq, known.seq) {
                // It has been born again since.
                Tally::one(&self.tally.stale_deaths);
                return Ok(Outcome::Taken);
            }
            (known.alive, known.seq) = (false, seq);
        }
        self.offline(draft, plant, &machine, t, "DDEATH")?;
        Ok(Outcome::Taken)
    }
}
