//! The values of a birth or of data, metric by metric, into a draft.

use std::sync::Arc;

use plant::{Name, Plant, Quality, Reason, Timestamp};

use super::births::{Births, DEPTH, Introduced, unfolds};
use super::unfold::Whole;
use crate::draft::{Draft, Outcome};
use crate::fault::{Code, Fault};
use crate::interpreter::{Faults, Interpreter};
use crate::machine::{First, MachineSlot, MachineState};
use crate::values::Incoming;
use crate::wire::MAX_VALUES;
use crate::wire::sparkplug::{self, Metric, Payload, PropertyField};
use crate::wire::telemetry::Scalar;

/// A payload whose values go into a draft.
pub(super) struct Reading<'a> {
    pub draft: &'a mut Draft,
    pub state: &'a mut MachineState,
    pub births: &'a Births,
    pub payload: &'a Payload,
    /// How many values the message may still unfold to.
    pub left: usize,
}

pub(super) fn millis(ms: u64) -> Result<Timestamp, Fault> {
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

impl Interpreter {
    /// The values of a birth or of data into the draft.
    pub(super) fn metrics(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        gateway: Option<&Name>,
        births: &Births,
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
            let mut reading = Reading { draft, state, births, payload, left: MAX_VALUES };
            for metric in &payload.metrics {
                if let Err(fault) = self.metric(&mut reading, metric, &mut faults) {
                    faults.note(fault);
                }
            }
            faults.finish()
        })
    }

    fn metric(&self, reading: &mut Reading<'_>, metric: &Metric, faults: &mut Faults) -> Result<(), Fault> {
        let known = reading.births.find(metric)?;
        if sparkplug::is_control(&known.name) {
            return Ok(());
        }
        self.introduced(reading, known, metric, DEPTH, faults).map_err(|f| f.at(&known.name))
    }

    /// The values of a metric, or of a member of a template, that the birth introduced.
    pub(super) fn introduced(
        &self,
        reading: &mut Reading<'_>,
        known: &Introduced,
        metric: &Metric,
        depth: usize,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        if !metric.properties_match() {
            let found = "another number of keys than of values";
            return Err(Fault::new(Code::SparkplugProperties, "a value for every property", found));
        }
        let datatype = metric.datatype.or(known.datatype);
        let unit = metric.unit().or(known.unit.as_deref());
        match unfolds(datatype, metric.value.as_ref()) {
            None => {
                let value = metric.scalar(datatype)?;
                self.single(reading, metric, &known.name, known.first(unit), None, value)
            }
            Some(datatype) => {
                let whole = Whole { name: &known.name, metric, first: known.first(unit), depth };
                self.unfold(reading, whole, datatype, faults)
            }
        }
    }

    /// One value of a metric, measured at `ms` where it has a time of its own.
    pub(super) fn single(
        &self,
        reading: &mut Reading<'_>,
        metric: &Metric,
        name: &str,
        first: First<'_>,
        ms: Option<u64>,
        value: Scalar<'_>,
    ) -> Result<(), Fault> {
        let Reading { draft, state, payload, left, .. } = reading;
        *left = left.checked_sub(1).ok_or_else(|| {
            Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} values in a message"), "one more")
        })?;
        let t = ms.or(metric.timestamp).or(payload.timestamp).map(millis).transpose()?;
        let t = t.map(|t| self.plausible(t, draft.t_received)).transpose()?;
        let incoming = Incoming { value, unit: first.unit, t, quality: quality(metric), seq: payload.seq, typed: true };
        self.value_as(draft, state, name, first, incoming)
    }
}
