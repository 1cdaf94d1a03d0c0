//! The platform's own formats into the draft: telemetry, events, births and deaths; and how one value of any format gets
//! there.

use std::sync::Arc;

use plant::{Event, Name, Plant, PointKind, Timestamp, Value};

use super::{Faults, Interpreter, Spoken, plain};
use crate::Message;
use crate::draft::{Draft, Mode, Outcome};
use crate::fault::{Code, Fault, shown};
use crate::machine::{Adoption, First, MachineSlot, MachineState};
use crate::values::{self, Incoming, Received};
use crate::wire::{birth, event, published, telemetry};

impl Interpreter {
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

    pub(super) fn telemetry(
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

    pub(super) fn event(
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

    pub(super) fn birth(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        payload: &[u8],
    ) -> Result<Outcome, Fault> {
        let described = birth::decode(payload)?.machine_with(machine.id.clone(), &self.config.catalogue)?;
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

    pub(super) fn death(
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
pub(super) fn published_back(message: &Message) -> Result<Outcome, Fault> {
    if published::is_ours(&message.payload) {
        return Ok(Outcome::Duplicate);
    }
    let expected = "nothing but Danxia's own messages on this topic";
    Err(Fault::new(Code::TopicOurs, expected, format!("{} bytes of somebody else", message.payload.len())))
}
