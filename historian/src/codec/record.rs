//! The stored form of each type of the vocabulary. Enumerations are stored by their stable names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plant::{
    AssetChange, Axis, Bearing, BearingFault, BearingOrders, BearingVerdict, Condition, Diagnosis, Event, Evidence,
    FaultLine, Foundation, Geometry, Hypothesis, Limits, Location, Machine, MachineClass, MachineId, Name, Point,
    PointId, PointKind, Quality, Quantity, SensorState, Severity, Speed, Timestamp, Title, Unit, Value, WaveformId,
    WaveformMeta, Zone, ZoneVerdict,
};

use super::{Damage, Reader, Writer};
use crate::{Ignored, LedgerDelta, Progress, Quarantined, Retained, Settled, Verdict};

/// Something with a stored form.
pub(crate) trait Record: Sized {
    /// Writes it.
    fn put(&self, w: &mut Writer);
    /// Reads it.
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage>;
    /// Writes what came to its form later, where it is a piece of its own: it stands at the end, and is not there if
    /// there is nothing to say, so that what an earlier version wrote is a piece of this one.
    fn put_rest(&self, _: &mut Writer) {}
    /// Reads that.
    fn get_rest(&mut self, _: &mut Reader<'_>) -> Result<(), Damage> {
        Ok(())
    }
}

/// Where a state stands is told by the table of followers, not by the log.
impl Record for Progress {
    fn put(&self, w: &mut Writer) {
        self.follower.put(w);
        self.through.put(w);
        self.state.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self::new(Record::get(r)?, Record::get(r)?, Record::get(r)?))
    }
}

texts! {
    Arc<str>, |v| v, |s| Some(s.into());
    String, |v| v, |s| Some(s.into());
    Name, |v| v.as_str(), |s| s.parse().ok();
    MachineId, |v| v.as_str(), |s| s.parse().ok();
    PointId, |v| v.as_str(), |s| s.parse().ok();
    Unit, |v| v.symbol(), Unit::parse;
    Quantity, |v| v.as_str(), Quantity::parse;
    MachineClass, |v| v.as_str(), MachineClass::parse;
    Foundation, |v| v.as_str(), Foundation::parse;
    Axis, |v| v.as_str(), Axis::parse;
    BearingFault, |v| v.as_str(), |s| BearingFault::ALL.into_iter().find(|f| f.as_str() == s);
}

fields! {
    Title { zh, en }
    Severity { rated_kw, shaft_height_mm, foundation }
    Location { bearing, axis }
    Limits { hh, h, l, ll }
    Point { name, title, kind, quantity, unit, range, location, limits, period }
    BearingOrders { bpfo, bpfi, bsf, ftf }
    Bearing { name, designation, geometry }
    Event { machine, t, t_received, kind, fields }
    Condition { name, priority, active, detail }
    Settled { id, code, verdict }
    Ignored { machine, point, ignored }
    Retained { topic, payload, qos, properties, expires }
    Speed { mean_rpm, range_rpm }
    Hypothesis { bearing, fault, statistic, hz }
    Diagnosis { waveform, point, t, sensor, zone, bearing }
    FaultLine { label, harmonic, hz, ratio }
    Evidence { waveform, terms, codes, lines }
}

/// Without [`Machine::train`], which came later.
impl Record for Machine {
    fn put(&self, w: &mut Writer) {
        self.id.put(w);
        self.title.put(w);
        [&self.area, &self.line, &self.gateway].into_iter().for_each(|v| v.put(w));
        self.class.put(w);
        self.severity.put(w);
        self.nominal_rpm.put(w);
        self.bearings.put(w);
        self.points.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            id: Record::get(r)?,
            title: Record::get(r)?,
            area: Record::get(r)?,
            line: Record::get(r)?,
            gateway: Record::get(r)?,
            class: Record::get(r)?,
            severity: Record::get(r)?,
            nominal_rpm: Record::get(r)?,
            bearings: Record::get(r)?,
            train: None,
            points: Record::get(r)?,
        })
    }
    fn put_rest(&self, w: &mut Writer) {
        if let Some(train) = &self.train {
            train.put(w);
        }
    }
    fn get_rest(&mut self, r: &mut Reader<'_>) -> Result<(), Damage> {
        if !r.0.is_empty() {
            self.train = Some(Record::get(r)?);
        }
        Ok(())
    }
}

/// Without [`WaveformMeta::sync`] and [`WaveformMeta::pulses`], which came later.
impl Record for WaveformMeta {
    fn put(&self, w: &mut Writer) {
        self.speed.put(w);
        [self.range, self.hp_hz, self.lp_hz, self.bias_v].iter().for_each(|v| v.put(w));
        self.clip_count.put(w);
        self.gaps.put(w);
        self.load.put(w);
        [&self.state, &self.serial].into_iter().for_each(|v| v.put(w));
        self.seq.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            speed: Record::get(r)?,
            range: Record::get(r)?,
            hp_hz: Record::get(r)?,
            lp_hz: Record::get(r)?,
            bias_v: Record::get(r)?,
            clip_count: Record::get(r)?,
            gaps: Record::get(r)?,
            load: Record::get(r)?,
            state: Record::get(r)?,
            serial: Record::get(r)?,
            seq: Record::get(r)?,
            sync: None,
            pulses: None,
        })
    }
    fn put_rest(&self, w: &mut Writer) {
        if self.sync.is_some() || self.pulses.is_some() {
            self.sync.put(w);
            self.pulses.put(w);
        }
    }
    fn get_rest(&mut self, r: &mut Reader<'_>) -> Result<(), Damage> {
        if !r.0.is_empty() {
            self.sync = Record::get(r)?;
            self.pulses = Record::get(r)?;
        }
        Ok(())
    }
}

/// Without [`Quarantined::rest`], which is stored apart.
impl Record for Quarantined {
    fn put(&self, w: &mut Writer) {
        self.t.put(w);
        self.source.put(w);
        self.topic.put(w);
        self.size.put(w);
        self.head.put(w);
        self.code.put(w);
        self.reason.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            t: Record::get(r)?,
            source: Record::get(r)?,
            topic: Record::get(r)?,
            size: Record::get(r)?,
            head: Record::get(r)?,
            rest: [].into(),
            code: Record::get(r)?,
            reason: Record::get(r)?,
        })
    }
}

/// Without what came to it later ([`LedgerDelta::released`], [`LedgerDelta::gaps`]), which is stored beside it.
impl Record for LedgerDelta {
    fn put(&self, w: &mut Writer) {
        self.source.put(w);
        [self.received, self.committed, self.duplicates, self.quarantined, self.refused].iter().for_each(|n| n.put(w));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            source: Record::get(r)?,
            received: Record::get(r)?,
            committed: Record::get(r)?,
            duplicates: Record::get(r)?,
            quarantined: Record::get(r)?,
            refused: Record::get(r)?,
            released: 0,
            gaps: 0,
        })
    }
}

impl Record for Verdict {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Released => w.u8(0),
            Self::Failed { code, reason } => {
                w.u8(1);
                code.put(w);
                reason.put(w);
            }
            Self::Discarded { why } => {
                w.u8(2);
                why.put(w);
            }
            Self::Restored => w.u8(3),
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Released,
            1 => Self::Failed { code: Record::get(r)?, reason: Record::get(r)? },
            2 => Self::Discarded { why: Record::get(r)? },
            3 => Self::Restored,
            _ => return Err(Damage("what became of a message in quarantine is not known")),
        })
    }
}

impl Record for bool {
    fn put(&self, w: &mut Writer) {
        w.u8(u8::from(*self));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        match r.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damage("a truth is neither")),
        }
    }
}

impl Record for f64 {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.to_le_bytes());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self::from_le_bytes(r.array()?))
    }
}

impl Record for u64 {
    fn put(&self, w: &mut Writer) {
        w.varint(*self);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        r.varint()
    }
}

impl Record for u8 {
    fn put(&self, w: &mut Writer) {
        w.u8(*self);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        r.u8()
    }
}

impl Record for u16 {
    fn put(&self, w: &mut Writer) {
        w.varint(u64::from(*self));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        r.varint()?.try_into().map_err(|_| Damage("a number is too large"))
    }
}

impl Record for Timestamp {
    fn put(&self, w: &mut Writer) {
        w.zigzag(self.nanos());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self::from_nanos(r.zigzag()?))
    }
}

impl Record for Duration {
    fn put(&self, w: &mut Writer) {
        w.varint(self.as_secs());
        w.varint(u64::from(self.subsec_nanos()));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let (secs, nanos) = (r.varint()?, r.varint()?);
        match u32::try_from(nanos) {
            Ok(nanos) if nanos < 1_000_000_000 => Ok(Self::new(secs, nanos)),
            _ => Err(Damage("a duration has too many nanoseconds")),
        }
    }
}

impl Record for Arc<[u8]> {
    fn put(&self, w: &mut Writer) {
        w.bytes(self);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(r.bytes()?.into())
    }
}

impl<T: Record> Record for Option<T> {
    fn put(&self, w: &mut Writer) {
        w.u8(u8::from(self.is_some()));
        if let Some(v) = self {
            v.put(w);
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        match r.u8()? {
            0 => Ok(None),
            1 => Ok(Some(T::get(r)?)),
            _ => Err(Damage("an option is neither there nor absent")),
        }
    }
}

impl<T: Record> Record for Vec<T> {
    fn put(&self, w: &mut Writer) {
        w.varint(self.len() as u64);
        self.iter().for_each(|v| v.put(w));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let n = r.count(1)?;
        (0..n).map(|_| T::get(r)).collect()
    }
}

impl<K: Record + Ord, V: Record> Record for BTreeMap<K, V> {
    fn put(&self, w: &mut Writer) {
        w.varint(self.len() as u64);
        for (k, v) in self {
            k.put(w);
            v.put(w);
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let n = r.count(2)?;
        (0..n).map(|_| Ok((K::get(r)?, V::get(r)?))).collect()
    }
}

impl<A: Record, B: Record> Record for (A, B) {
    fn put(&self, w: &mut Writer) {
        self.0.put(w);
        self.1.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok((A::get(r)?, B::get(r)?))
    }
}

impl Record for WaveformId {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.0.to_be_bytes());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self(u128::from_be_bytes(r.array()?)))
    }
}

impl Record for Quality {
    fn put(&self, w: &mut Writer) {
        w.u8(self.code());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::from_code(r.u8()?).ok_or(Damage("a quality is not known"))
    }
}

impl Record for Zone {
    fn put(&self, w: &mut Writer) {
        w.u8(self.letter() as u8);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::from_letter(char::from(r.u8()?)).ok_or(Damage("a zone is not known"))
    }
}

impl Record for PointKind {
    fn put(&self, w: &mut Writer) {
        w.u8(match self {
            Self::Scalar => 0,
            Self::Waveform => 1,
        });
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        match r.u8()? {
            0 => Ok(Self::Scalar),
            1 => Ok(Self::Waveform),
            _ => Err(Damage("a kind of point is not known")),
        }
    }
}

impl Record for Value {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Float(v) => {
                w.u8(0);
                v.put(w);
            }
            Self::Int(v) => {
                w.u8(1);
                w.zigzag(*v);
            }
            Self::Bool(v) => w.u8(2 + u8::from(*v)),
            Self::Text(v) => {
                w.u8(4);
                v.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Float(f64::get(r)?),
            1 => Self::Int(r.zigzag()?),
            2 => Self::Bool(false),
            3 => Self::Bool(true),
            4 => Self::Text(Record::get(r)?),
            _ => return Err(Damage("a kind of value is not known")),
        })
    }
}

impl Record for Geometry {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Dimensions { elements, ball_mm, pitch_mm, contact_rad } => {
                w.u8(0);
                elements.put(w);
                [ball_mm, pitch_mm, contact_rad].into_iter().for_each(|v| v.put(w));
            }
            Self::Orders(o) => {
                w.u8(1);
                o.put(w);
            }
            Self::Estimated { bore_mm, outside_mm } => {
                w.u8(2);
                [bore_mm, outside_mm].into_iter().for_each(|v| v.put(w));
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Dimensions {
                elements: Record::get(r)?,
                ball_mm: Record::get(r)?,
                pitch_mm: Record::get(r)?,
                contact_rad: Record::get(r)?,
            },
            1 => Self::Orders(Record::get(r)?),
            2 => Self::Estimated { bore_mm: Record::get(r)?, outside_mm: Record::get(r)? },
            _ => return Err(Damage("a kind of geometry is not known")),
        })
    }
}

impl Record for AssetChange {
    fn put(&self, w: &mut Writer) {
        match self {
            // A machine of which no train is stated is written as ever.
            Self::Machine(m) => {
                w.u8(if m.train.is_some() { 3 } else { 0 });
                m.put(w);
                m.put_rest(w);
            }
            Self::Point(id, p) => {
                w.u8(1);
                id.put(w);
                p.put(w);
            }
            Self::Rules(rules) => {
                w.u8(2);
                rules.put(w);
            }
            Self::Alarms(changes) => {
                w.u8(4);
                changes.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Machine(Record::get(r)?),
            1 => Self::Point(Record::get(r)?, Record::get(r)?),
            2 => Self::Rules(Arc::new(Record::get(r)?)),
            4 => Self::Alarms(Record::get(r)?),
            3 => {
                let mut machine = Machine::get(r)?;
                machine.train = Some(Record::get(r)?);
                Self::Machine(machine)
            }
            _ => return Err(Damage("a kind of change is not known")),
        })
    }
}

impl Record for SensorState {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Healthy => w.u8(0),
            Self::Failed(codes) => {
                w.u8(1);
                codes.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Healthy,
            1 => Self::Failed(Record::get(r)?),
            _ => return Err(Damage("a state of a sensor is not known")),
        })
    }
}

impl Record for ZoneVerdict {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Zone { zone, velocity_mm_s, boundaries, basis } => {
                w.u8(0);
                zone.put(w);
                velocity_mm_s.put(w);
                boundaries.iter().for_each(|b| b.put(w));
                basis.put(w);
            }
            Self::Refused(codes) => {
                w.u8(1);
                codes.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Zone {
                zone: Record::get(r)?,
                velocity_mm_s: Record::get(r)?,
                boundaries: [f64::get(r)?, f64::get(r)?, f64::get(r)?],
                basis: Record::get(r)?,
            },
            1 => Self::Refused(Record::get(r)?),
            _ => return Err(Damage("a verdict on severity is not known")),
        })
    }
}

impl Record for BearingVerdict {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Judged { hypotheses, threshold, shaft_hz } => {
                w.u8(0);
                hypotheses.put(w);
                threshold.put(w);
                shaft_hz.put(w);
            }
            Self::Refused(codes) => {
                w.u8(1);
                codes.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Judged { hypotheses: Record::get(r)?, threshold: Record::get(r)?, shaft_hz: Record::get(r)? },
            1 => Self::Refused(Record::get(r)?),
            _ => return Err(Damage("a verdict on a bearing is not known")),
        })
    }
}
