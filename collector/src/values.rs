//! From a value on the wire to an observation in the point's own unit, with its time and quality.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use plant::{Observation, PointId, PointKind, Quality, Quantity, Reason, Timestamp, Unit, Value};

use crate::fault::{Code, Fault, shown};
use crate::interpreter::Recall;
use crate::machine::{Adoption, MachineState, PointSlot, unit};
use crate::wire::Scalar;

/// Whole numbers up to here are exact as floating-point numbers.
const EXACT: u64 = 1 << 53;
/// How far beyond its range, as a share of its span, a sensor is still believed with a doubt.
const DOUBTFUL: f64 = 0.1;

/// A value as it came, with what was said of it.
pub(crate) struct Incoming<'a> {
    pub value: Scalar<'a>,
    pub unit: Option<&'a str>,
    /// When, by the source; `None` if it did not say.
    pub t: Option<Timestamp>,
    pub quality: Quality,
    pub seq: Option<u64>,
    /// Whether the source declares the type of its numbers. JSON does not: there 61 and 61.2 are of one series, and a
    /// whole number stays one only where a floating-point number could not hold it.
    pub typed: bool,
}

/// When the message of a value was received.
pub(crate) struct Received<'a> {
    pub t: Timestamp,
    /// What was given to others before, if it is read again.
    pub again: Option<&'a mut Restamped>,
}

/// The instants that a replay gives to values that have none, by the time of receipt and the point.
pub(crate) type Restamped = HashMap<(Timestamp, PointId), Given>;

/// See [`Restamped`].
pub(crate) struct Given {
    /// From which on any are left.
    first: Timestamp,
    /// What was stored before.
    stored: HashMap<Timestamp, Value>,
    given: HashSet<Timestamp>,
}

const fn rank(q: Quality) -> u8 {
    match q {
        Quality::Good => 0,
        Quality::Uncertain(_) => 1,
        Quality::Bad(_) => 2,
    }
}

/// The worse of two; the first where they are alike.
fn worse(a: Quality, b: Quality) -> Quality {
    if rank(b) > rank(a) { b } else { a }
}

/// Makes an observation of the point at `i`. Null is "no value": the last one is repeated as bad, and a point that never
/// had one has none now.
pub(crate) fn observe(
    state: &mut MachineState,
    i: usize,
    incoming: Incoming<'_>,
    received: Received<'_>,
    adoption: Adoption,
    recall: &dyn Recall,
) -> Result<Option<Observation>, Fault> {
    let t_received = received.t;
    let slot = state.at(i);
    if slot.kind != PointKind::Scalar {
        return Err(Fault::new(Code::PointKind, "waveforms of this point", "a single value"));
    }
    let Incoming { value, unit, t, quality, seq, typed } = incoming;
    let (factor, offset) = conversion(state, i, unit, adoption)?;
    let slot = state.at(i);
    let (value, quality) = match value {
        Scalar::Null => match last(slot, recall) {
            Some((_, value)) => (value, worse(quality, Quality::Bad(Reason::Source))),
            None => return Ok(None),
        },
        value => {
            let value = convert(slot, value, factor, offset, typed)?;
            let seen = ranged(slot.range, &value);
            (value, worse(quality, seen))
        }
    };
    let (t, quality) = match t {
        Some(t) => (t, quality),
        None => {
            let t = match received.again {
                None => stamp(slot, t_received),
                Some(before) => stamp_again(slot, t_received, &value, before, recall),
            };
            (t, worse(quality, Quality::Uncertain(Reason::NoTimestamp)))
        }
    };
    slot.note(t, &value);
    Ok(Some(Observation { point: slot.id.clone(), t, t_received, value, quality, seq }))
}

/// The time of receipt, a nanosecond after the last one given out here: two values without a time of their own that
/// were received together must not take each other's place.
fn stamp(slot: &mut PointSlot, t_received: Timestamp) -> Timestamp {
    let t = match slot.stamped {
        Some(last) if last >= t_received && last.since(t_received).as_secs() < 1 => {
            Timestamp::from_nanos(last.nanos().saturating_add(1))
        }
        _ => t_received,
    };
    slot.stamped = Some(t);
    t
}

/// The time that a replayed value without one gets: the one it was given when it came, where it was stored then; if it
/// was not, the first one from its receipt on that is not another value's.
fn stamp_again(
    slot: &mut PointSlot,
    t_received: Timestamp,
    value: &Value,
    before: &mut Restamped,
    recall: &dyn Recall,
) -> Timestamp {
    let newest = last(slot, recall).map(|(t, _)| t);
    let Given { first, stored, given } = before.entry((t_received, slot.id.clone())).or_insert_with(|| {
        let near = newest.filter(|t| *t >= t_received).map(|_| recall.from(&slot.id, t_received));
        Given { first: t_received, stored: near.into_iter().flatten().collect(), given: HashSet::new() }
    });
    let next = |t: Timestamp| Timestamp::from_nanos(t.nanos().saturating_add(1));
    let mut t = *first;
    while given.contains(&t) || stored.get(&t).is_some_and(|by| by != value) {
        t = next(t);
    }
    given.insert(t);
    while given.contains(first) {
        *first = next(*first);
    }
    t
}

/// The last value of a point, also from before we were started.
pub(crate) fn last(slot: &mut PointSlot, recall: &dyn Recall) -> Option<(Timestamp, Value)> {
    if slot.last.is_none() {
        slot.last = recall.last(&slot.id);
    }
    slot.last.clone()
}

/// From the stated unit to the point's, as factor and offset. A point without a unit takes the first one stated, where
/// points are taken on by themselves.
fn conversion(
    state: &mut MachineState,
    i: usize,
    stated: Option<&str>,
    adoption: Adoption,
) -> Result<(f64, f64), Fault> {
    let Some(text) = stated else { return Ok((1.0, 0.0)) };
    if let Some((known, factor, offset)) = &state.at(i).conversion
        && **known == *text
    {
        return Ok((*factor, *offset));
    }
    let from = unit(text)?;
    let to = target(state, i, from, adoption)?;
    let (factor, offset) = linear(from, to)?;
    state.at(i).conversion = Some((text.into(), factor, offset));
    Ok((factor, offset))
}

/// The unit in which the point at `i` is kept, given that a value of it came in `from`.
pub(crate) fn target(state: &mut MachineState, i: usize, from: Unit, adoption: Adoption) -> Result<Unit, Fault> {
    match state.at(i).unit {
        Some(unit) => Ok(unit),
        None if adoption.allowed => {
            let unit = kept_in(from, state.at(i).kind);
            state.give_unit(i, unit);
            Ok(unit)
        }
        None => Err(Fault::new(Code::UnitMismatch, "no unit, as the point has none", shown(from.symbol()))),
    }
}

/// Acceleration waveforms are kept in m/s², whatever they come in: the sensors of one machine compare.
pub(crate) fn kept_in(from: Unit, kind: PointKind) -> Unit {
    match (kind, from.quantity()) {
        (PointKind::Waveform, Quantity::Acceleration) => Unit::parse("m/s²").unwrap_or(from),
        _ => from,
    }
}

pub(crate) fn linear(from: Unit, to: Unit) -> Result<(f64, f64), Fault> {
    from.linear(to).map_err(|_| {
        let found = format!("{from}, which measures {}", from.quantity().as_str());
        Fault::new(Code::UnitMismatch, format!("a unit of {}, as {to} is", to.quantity().as_str()), found)
    })
}

fn convert(slot: &PointSlot, value: Scalar<'_>, factor: f64, offset: f64, typed: bool) -> Result<Value, Fault> {
    let identity = factor == 1.0 && offset == 0.0;
    match (value, slot.unit) {
        (Scalar::Float(v), _) if identity => finite(v),
        (Scalar::Float(v), _) => finite(v * factor + offset),
        (Scalar::Int(v), unit) => {
            let whole = identity && unit.is_none_or(|u| u.quantity() == Quantity::Count);
            match whole && (typed || v.unsigned_abs() > EXACT) {
                true => Ok(Value::Int(v)),
                false => finite(v as f64 * factor + offset),
            }
        }
        (Scalar::Bool(v), None) => Ok(Value::Bool(v)),
        (Scalar::Text(v), None) => Ok(Value::Text(match &slot.last {
            // States repeat: the text is shared instead of copied.
            Some((_, Value::Text(same))) if **same == *v => same.clone(),
            _ => Arc::from(v.as_ref()),
        })),
        (Scalar::Bool(v), Some(unit)) => Err(not_a_number(unit, v.to_string())),
        (Scalar::Text(v), Some(unit)) => Err(not_a_number(unit, shown(&v))),
        (Scalar::Null, _) => Err(Fault::new(Code::ValueType, "a value", "null")),
    }
}

fn not_a_number(unit: Unit, found: String) -> Fault {
    Fault::new(Code::ValueType, format!("a number in {unit}"), found)
}

fn finite(v: f64) -> Result<Value, Fault> {
    match v.is_finite() {
        true => Ok(Value::Float(v)),
        false => Err(Fault::new(Code::ValueNotFinite, "a finite number", v.to_string())),
    }
}

/// What the point's range says of a value: a little beyond it is doubtful (a machine may exceed what was planned),
/// far beyond it is a broken sensor or wire.
fn ranged(range: Option<(f64, f64)>, value: &Value) -> Quality {
    let (Some((low, high)), Some(v)) = (range, value.as_f64()) else { return Quality::Good };
    let margin = (high - low) * DOUBTFUL;
    if (low..=high).contains(&v) {
        Quality::Good
    } else if (low - margin..=high + margin).contains(&v) {
        Quality::Uncertain(Reason::OutOfRange)
    } else {
        Quality::Bad(Reason::OutOfRange)
    }
}

/// When a machine went, so that nothing it said before is later than that.
///
/// The stated time holds, unless the machine spoke after it: an MQTT will is written when the connection is made, long
/// before the death it reports. Then the time of receipt holds; and where even that is before the machine's last value
/// (its clock runs ahead of ours), the instant after that value.
pub(crate) fn death(stated: Option<Timestamp>, t_received: Timestamp, last: Option<Timestamp>) -> Timestamp {
    let later = |t: &Timestamp| last.is_none_or(|last| *t > last);
    stated.filter(later).or(Some(t_received).filter(later)).unwrap_or_else(|| {
        let last = last.unwrap_or(t_received);
        Timestamp::from_nanos(last.nanos().saturating_add(1))
    })
}

/// Repeats the last value of every point as bad(offline). Points without one, among them those of waveforms, have none
/// now: for them the event that goes with this speaks.
pub(crate) fn offline(
    state: &mut MachineState,
    stated: Option<Timestamp>,
    t_received: Timestamp,
    recall: &dyn Recall,
    out: &mut Vec<Observation>,
) -> Timestamp {
    let newest = state.points().filter_map(|slot| last(slot, recall)).map(|(t, _)| t).max();
    let t = death(stated, t_received, newest.max(state.recorded));
    for slot in state.points() {
        if let Some((_, value)) = slot.last.clone() {
            slot.note(t, &value);
            let (point, quality): (PointId, _) = (slot.id.clone(), Quality::Bad(Reason::Offline));
            out.push(Observation { point, t, t_received, value, quality, seq: None });
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_never_before_the_last_word() {
        let at = |s| Timestamp::from_secs(s);
        assert_eq!(death(Some(at(50)), at(60), Some(at(40))), at(50));
        assert_eq!(death(Some(at(10)), at(60), Some(at(40))), at(60));
        assert_eq!(death(None, at(60), Some(at(40))), at(60));
        assert_eq!(death(None, at(60), None), at(60));
        assert_eq!(death(Some(at(10)), at(60), Some(at(90))), Timestamp::from_nanos(at(90).nanos() + 1));
    }

    #[test]
    fn beyond_the_range_is_doubtful_and_far_beyond_is_bad() {
        for (v, want) in [
            (0.0, Quality::Good),
            (100.0, Quality::Good),
            (105.0, Quality::Uncertain(Reason::OutOfRange)),
            (-9.0, Quality::Uncertain(Reason::OutOfRange)),
            (32_767.0, Quality::Bad(Reason::OutOfRange)),
        ] {
            assert_eq!(ranged(Some((0.0, 100.0)), &Value::Float(v)), want, "{v}");
        }
        assert_eq!(ranged(None, &Value::Float(1e9)), Quality::Good);
        assert_eq!(ranged(Some((0.0, 1.0)), &Value::Text("x".into())), Quality::Good);
    }
}
