//! Waveforms into the draft: whole ones, in CBOR or JSON, and those that come in parts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use plant::{Plant, PointId, PointKind, Samples, Timestamp, Waveform};

use crate::Message;
use crate::draft::{Draft, Mode, Outcome};
use crate::fault::{Code, Fault};
use crate::interpreter::{Interpreter, Route, Spoken, seen};
use crate::machine::{First, MachineSlot, unit};
use crate::parts::{Gone, Part, Place, Step};
use crate::values;
use crate::wire::waveform::WireWaveform;
use crate::wire::{MAX_SAMPLES, waveform, waveform_json};

/// Everything that the parts of one record must have in common. After a restart it is made anew, so it may change between
/// versions of the program.
fn header(wire: &WireWaveform<'_>) -> u128 {
    let mut hasher = DefaultHasher::new();
    (wire.t0.nanos(), wire.fs.to_bits(), &wire.unit, &wire.axis).hash(&mut hasher);
    match &wire.samples {
        Samples::I16 { scale, offset, .. } => (0, scale.to_bits(), offset.to_bits()).hash(&mut hasher),
        Samples::F32(_) => (1, 0, 0).hash(&mut hasher),
    }
    u128::from(hasher.finish())
}

/// The record that the parts make, in their order. What is known beside the samples stands in the first.
fn joined<'a>(parts: Vec<WireWaveform<'a>>) -> Result<WireWaveform<'a>, Fault> {
    let length: usize = parts.iter().map(|p| p.samples.len()).sum();
    if length > MAX_SAMPLES {
        return Err(Fault::new(Code::WaveformLimit, format!("at most {MAX_SAMPLES} samples"), length.to_string()));
    }
    if let Some(first) = parts.first()
        && parts.iter().any(|p| header(p) != header(first))
    {
        return Err(Fault::new(Code::WaveformParts, "the same header in every part", "different ones"));
    }
    let mut parts = parts.into_iter();
    let nothing = || Fault::new(Code::WaveformParts, "at least one part", "none");
    let mut whole = parts.next().ok_or_else(nothing)?;
    whole.samples = match whole.samples {
        Samples::I16 { raw, scale, offset } => {
            let mut all = raw.to_vec();
            all.reserve(length - raw.len());
            for part in parts {
                let Samples::I16 { raw, .. } = part.samples else { return Err(nothing()) };
                all.extend_from_slice(&raw);
            }
            Samples::I16 { raw: all.into(), scale, offset }
        }
        Samples::F32(values) => {
            let mut all = values.to_vec();
            all.reserve(length - values.len());
            for part in parts {
                let Samples::F32(values) = part.samples else { return Err(nothing()) };
                all.extend_from_slice(&values);
            }
            Samples::F32(all.into())
        }
    };
    whole.part = (1, 1);
    Ok(whole)
}

impl Interpreter {
    /// A waveform, or a part of one; with it, whether its repetition is to be known by the message.
    pub(crate) fn waveform(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        point: &PointId,
        message: &Message,
    ) -> Result<(Outcome, bool), Fault> {
        let payload = &message.payload[..];
        let wire = match payload.trim_ascii_start().first() {
            Some(b'{') => waveform_json::decode(payload, point)?,
            _ => waveform::decode(payload)?,
        };
        if seen(&self.waveforms, wire.id.0, draft) || self.recall.has_waveform(wire.id) {
            return Ok((Outcome::Duplicate, false));
        }
        if wire.part.1 == 1 {
            let t_received = draft.t_received;
            return self.record(draft, plant, machine, point, wire, t_received).map(|()| (Outcome::Taken, false));
        }
        let key = self.messages.fingerprint(&message.topic, payload);
        if seen(&self.messages, key, draft) {
            return Ok((Outcome::Duplicate, false));
        }
        self.plausible(wire.t0, draft.t_received)?;
        let set = format!("{}/{point}", wire.id);
        let (number, of) = wire.part;
        let place = Place { set: &set, number, of, header: header(&wire), code: Code::WaveformParts };
        self.part(draft, plant, &place, message)
    }

    /// Takes a part in, and reads the whole where it is the last one missing.
    pub(crate) fn part(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        place: &Place<'_>,
        message: &Message,
    ) -> Result<(Outcome, bool), Fault> {
        if draft.mode != Mode::Live {
            // The others may be gone, or be committed by a second sending: a whole is not made up of two of them.
            let expected = "a part as it comes; those of a record that was given up are sent again";
            return Err(Fault::new(place.code, expected, format!("part {} out of quarantine", place.number)));
        }
        let part = Part { source: draft.source().clone(), t_received: draft.t_received, message: message.clone() };
        let (step, gone) = self.parts.take(draft.number, place, part)?;
        for set in gone {
            self.leave(draft, plant, set);
        }
        match step {
            Step::Known(settled) => {
                draft.after.push(settled);
                // Its fingerprint is not kept: if the settlement fails, it must come again and be staged.
                Ok((Outcome::Duplicate, false))
            }
            Step::Waits(staged) => {
                draft.batch.staged.push(staged);
                Ok((Outcome::Waiting, true))
            }
            Step::Whole(set) => Ok((Outcome::Waiting, self.leave(draft, plant, set))),
        }
    }

    /// Settles a set: reads it where it is complete, and otherwise gives it up. Every part is counted. Says whether it was
    /// read; parts of one that was not may come again.
    fn leave(&self, draft: &mut Draft, plant: &Plant, set: Gone) -> bool {
        draft.settling.watch(&self.parts);
        if set.fault.is_some() && self.is_stored(&set.parts) {
            // Its record came whole by another way; or it was settled in the very moment in which this part was staged,
            // and the program was killed after that.
            set.parts.iter().for_each(|part| draft.settle_repeated(part));
            draft.batch.staged.extend(set.unstage);
            return true;
        }
        let fault = set.fault.or_else(|| self.whole(draft, plant, &set.parts).err());
        for part in &set.parts {
            draft.settle_part(part, fault.as_ref());
            if fault.is_some() {
                let key = self.messages.fingerprint(&part.message.topic, &part.message.payload);
                self.messages.ended(&[key], false);
            }
        }
        draft.batch.staged.extend(set.unstage);
        fault.is_none()
    }

    /// Whether the record that these parts are of is committed.
    fn is_stored(&self, parts: &[Part]) -> bool {
        let first = parts.first().and_then(|p| waveform::decode(&p.message.payload).ok());
        first.is_some_and(|wire| self.recall.has_waveform(wire.id))
    }

    /// Sets whose time is over at `now`.
    pub(crate) fn expire(&self, draft: &mut Draft, plant: &Plant, now: Timestamp) {
        for set in self.parts.expire(draft.number, now) {
            self.leave(draft, plant, set);
        }
    }

    fn whole(&self, draft: &mut Draft, plant: &Plant, parts: &[Part]) -> Result<(), Fault> {
        let nothing = || Fault::new(Code::WaveformParts, "at least one part", "none");
        let last = parts.iter().map(|p| p.t_received).max().ok_or_else(nothing)?;
        match &*self.route(&parts.first().ok_or_else(nothing)?.message.topic, plant)? {
            Route::Waveform(machine, point) => {
                let read: Result<Vec<_>, Fault> = parts.iter().map(|p| waveform::decode(&p.message.payload)).collect();
                self.record(draft, plant, machine, point, joined(read?)?, last)
            }
            route => self.packets(draft, plant, route, parts),
        }
    }

    /// A whole waveform into the draft.
    fn record(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: &Arc<MachineSlot>,
        point: &PointId,
        wire: WireWaveform<'_>,
        t_received: Timestamp,
    ) -> Result<(), Fault> {
        let key = wire.id.0;
        self.plausible(wire.t0, t_received)?;
        let adoption = self.adoption();
        self.with(draft, plant, machine, |draft, state| {
            let from = unit(&wire.unit)?;
            let kept = values::kept_in(from, PointKind::Waveform);
            let axis = wire.axis.as_deref();
            let first = First { kind: PointKind::Waveform, unit: Some(kept.symbol()), axis, ..First::default() };
            let found = state.point(point.name(), first, adoption);
            let i = found.inspect_err(|fault| {
                let name = Some(point.name());
                let spoken = Spoken { name, kind: PointKind::Waveform, ..Spoken::of_machine(Some(wire.t0)) };
                self.unknown(draft, state.id(), fault, Spoken { unit: Some(kept.symbol()), ..spoken });
            })?;
            if state.at(i).kind != PointKind::Waveform {
                return Err(Fault::new(Code::PointKind, "single values of this point", "a waveform"));
            }
            let to = values::target(state, i, from, adoption)?;
            let record = converted(wire, state.at(i).id.clone(), t_received, from, to)?;
            state.carry(i, draft.number, &mut draft.batch.changes);
            if state.at(i).skipped(record.meta.seq) {
                draft.gap();
            }
            state.recorded = state.recorded.max(Some(record.t0 + record.duration()));
            draft.batch.waveforms.push(Arc::new(record));
            draft.remember_waveform(key);
            Ok(())
        })
    }
}

/// The record in the point's unit: integers by their scale, floats one by one.
fn converted(
    wire: WireWaveform<'_>,
    point: PointId,
    t_received: Timestamp,
    from: plant::Unit,
    to: plant::Unit,
) -> Result<Waveform, Fault> {
    let (factor, shift) = values::linear(from, to)?;
    let mut meta = wire.meta;
    if factor != 1.0 {
        // The full scale is a span around zero: an offset between units does not move it.
        meta.range = meta.range.map(|r| r * factor);
    }
    let samples = match wire.samples {
        samples if factor == 1.0 && shift == 0.0 => samples,
        Samples::I16 { raw, scale, offset } => {
            let (scale, offset) = (scale * factor, offset * factor + shift);
            if !(scale * f64::from(i16::MIN) + offset).is_finite() {
                let found = format!("scale {scale}, offset {offset}");
                return Err(Fault::new(Code::WaveformScale, format!("finite numbers in {to}"), found));
            }
            Samples::I16 { raw, scale, offset }
        }
        Samples::F32(values) => Samples::F32(values.iter().map(|v| (f64::from(*v) * factor + shift) as f32).collect()),
    };
    Waveform::new(wire.id, point, wire.t0, t_received, wire.fs, to, samples, meta)
        .map_err(|e| Fault::new(Code::WaveformSamples, format!("a record that can be kept in {to}"), e.to_string()))
}
