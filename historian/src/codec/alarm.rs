//! The stored form of alarms, of what they mean, and of what people do to them.

use plant::{
    Action, AlarmChange, AlarmCondition, AlarmDefinition, AlarmId, AlarmKey, AlarmRecord, AlarmState, AlarmTest,
    AlarmTransition, Comparison, Inhibited, Inhibition, OutOfService, Priority, Reference, Shelving, Suppressor,
    Trigger,
};

use super::{Damage, Reader, Record, Writer};

texts! {
    AlarmState, |v| v.as_str(), AlarmState::parse;
    Inhibited, |v| v.as_str(), Inhibited::parse;
    Comparison, |v| v.sign(), Comparison::parse;
}

fields! {
    AlarmKey { machine, point, condition }
    Shelving { until, reason, by, since }
    OutOfService { reason, by, approved_by, since }
    Inhibition { shelved, suppressed, out_of_service }
    AlarmDefinition {
        key, test, on_delay, off_delay, deadband, priority, latching, re_alarm, respond_within, consequence, action,
        rationale, group, owner, suppressed_while
    }
}

/// Without what came later: what keeps it from people, and whether it was the first of its group.
impl Record for AlarmTransition {
    fn put(&self, w: &mut Writer) {
        self.key.put(w);
        self.t.put(w);
        [self.from, self.to].iter().for_each(|s| s.put(w));
        self.trigger.put(w);
        self.priority.put(w);
        [self.value, self.limit].iter().for_each(|v| v.put(w));
        self.unit.put(w);
        self.evidence.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            key: Record::get(r)?,
            t: Record::get(r)?,
            from: Record::get(r)?,
            to: Record::get(r)?,
            trigger: Record::get(r)?,
            priority: Record::get(r)?,
            value: Record::get(r)?,
            limit: Record::get(r)?,
            unit: Record::get(r)?,
            evidence: Record::get(r)?,
            inhibited: None,
            first_out: false,
        })
    }
    fn put_rest(&self, w: &mut Writer) {
        if self.inhibited.is_some() || self.first_out {
            self.inhibited.put(w);
            self.first_out.put(w);
        }
    }
    fn get_rest(&mut self, r: &mut Reader<'_>) -> Result<(), Damage> {
        if !r.0.is_empty() {
            self.inhibited = Record::get(r)?;
            self.first_out = Record::get(r)?;
        }
        Ok(())
    }
}

/// Without what came later, as its steps.
impl Record for AlarmRecord {
    fn put(&self, w: &mut Writer) {
        self.key.put(w);
        self.state.put(w);
        self.priority.put(w);
        [self.raised, self.changed].iter().for_each(|t| t.put(w));
        self.acknowledged.put(w);
        self.occurrences.put(w);
        [self.value, self.limit].iter().for_each(|v| v.put(w));
        self.unit.put(w);
        self.evidence.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            key: Record::get(r)?,
            state: Record::get(r)?,
            priority: Record::get(r)?,
            raised: Record::get(r)?,
            changed: Record::get(r)?,
            acknowledged: Record::get(r)?,
            occurrences: Record::get(r)?,
            value: Record::get(r)?,
            limit: Record::get(r)?,
            unit: Record::get(r)?,
            evidence: Record::get(r)?,
            inhibition: Inhibition::default(),
            first_out: false,
        })
    }
    fn put_rest(&self, w: &mut Writer) {
        if self.inhibition != Inhibition::default() || self.first_out {
            self.inhibition.put(w);
            self.first_out.put(w);
        }
    }
    fn get_rest(&mut self, r: &mut Reader<'_>) -> Result<(), Damage> {
        if !r.0.is_empty() {
            self.inhibition = Record::get(r)?;
            self.first_out = Record::get(r)?;
        }
        Ok(())
    }
}

impl Record for AlarmTest {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Usual => w.u8(0),
            Self::Limit(l) => {
                w.u8(1);
                l.put(w);
            }
            Self::Rate { per_s, over } => {
                w.u8(2);
                per_s.put(w);
                over.put(w);
            }
            Self::Deviation { from, limit } => {
                w.u8(3);
                from.put(w);
                limit.put(w);
            }
            Self::Discrete(states) => {
                w.u8(4);
                states.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Usual,
            1 => Self::Limit(Record::get(r)?),
            2 => Self::Rate { per_s: Record::get(r)?, over: Record::get(r)? },
            3 => Self::Deviation { from: Record::get(r)?, limit: Record::get(r)? },
            4 => Self::Discrete(Record::get(r)?),
            _ => return Err(Damage("a test of an alarm is not known")),
        })
    }
}

impl Record for Reference {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Fixed(v) => {
                w.u8(0);
                v.put(w);
            }
            Self::Point(p) => {
                w.u8(1);
                p.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Fixed(Record::get(r)?),
            1 => Self::Point(Record::get(r)?),
            _ => return Err(Damage("a reference is not known")),
        })
    }
}

impl Record for Suppressor {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Point { point, is, than } => {
                w.u8(0);
                point.put(w);
                is.put(w);
                than.put(w);
            }
            Self::Alarm(key) => {
                w.u8(1);
                key.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Point { point: Record::get(r)?, is: Record::get(r)?, than: Record::get(r)? },
            1 => Self::Alarm(Record::get(r)?),
            _ => return Err(Damage("what silences an alarm is not known")),
        })
    }
}

impl Record for AlarmChange {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Define(d) => {
                w.u8(0);
                d.put(w);
            }
            Self::Forget(key) => {
                w.u8(1);
                key.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Define(Box::new(Record::get(r)?)),
            1 => Self::Forget(Record::get(r)?),
            _ => return Err(Damage("a change of an alarm is not known")),
        })
    }
}

impl Record for AlarmId {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.0.to_be_bytes());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self(u64::from_be_bytes(r.array()?)))
    }
}

impl Record for Priority {
    fn put(&self, w: &mut Writer) {
        w.u8(self.number());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::from_number(r.u8()?).ok_or(Damage("a priority is not known"))
    }
}

impl Record for AlarmCondition {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::HighHigh => w.u8(0),
            Self::High => w.u8(1),
            Self::Low => w.u8(2),
            Self::LowLow => w.u8(3),
            Self::Zone(z) => {
                w.u8(4);
                z.put(w);
            }
            Self::Bearing(name, fault) => {
                w.u8(5);
                name.put(w);
                fault.put(w);
            }
            Self::Sensor => w.u8(6),
            Self::Change => w.u8(10),
            Self::Stale => w.u8(7),
            Self::Offline => w.u8(8),
            Self::System(name) => {
                w.u8(9);
                name.put(w);
            }
            Self::Rate => w.u8(11),
            Self::Deviation => w.u8(12),
            Self::Discrete => w.u8(13),
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::HighHigh,
            1 => Self::High,
            2 => Self::Low,
            3 => Self::LowLow,
            4 => Self::Zone(Record::get(r)?),
            5 => Self::Bearing(Record::get(r)?, Record::get(r)?),
            6 => Self::Sensor,
            10 => Self::Change,
            7 => Self::Stale,
            8 => Self::Offline,
            9 => Self::System(Record::get(r)?),
            11 => Self::Rate,
            12 => Self::Deviation,
            13 => Self::Discrete,
            _ => return Err(Damage("a condition is not known")),
        })
    }
}

impl Record for Trigger {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Raised => w.u8(0),
            Self::Cleared => w.u8(1),
            Self::Acknowledged { by } => {
                w.u8(2);
                by.put(w);
            }
            Self::Historical => w.u8(3),
            Self::Updated => w.u8(4),
            Self::ValueLost => w.u8(5),
            Self::ReAlarmed => w.u8(6),
            Self::Reset { by } => {
                w.u8(7);
                by.put(w);
            }
            Self::Shelved { by, until, reason } => {
                w.u8(8);
                by.put(w);
                until.put(w);
                reason.put(w);
            }
            Self::Unshelved { by } => {
                w.u8(9);
                by.put(w);
            }
            Self::Suppressed { because } => {
                w.u8(10);
                because.put(w);
            }
            Self::Unsuppressed => w.u8(11),
            Self::OutOfService { by, approved_by, reason } => {
                w.u8(12);
                [by, approved_by, reason].into_iter().for_each(|text| text.put(w));
            }
            Self::InService { by } => {
                w.u8(13);
                by.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Raised,
            1 => Self::Cleared,
            2 => Self::Acknowledged { by: Record::get(r)? },
            3 => Self::Historical,
            4 => Self::Updated,
            5 => Self::ValueLost,
            6 => Self::ReAlarmed,
            7 => Self::Reset { by: Record::get(r)? },
            8 => Self::Shelved { by: Record::get(r)?, until: Record::get(r)?, reason: Record::get(r)? },
            9 => Self::Unshelved { by: Record::get(r)? },
            10 => Self::Suppressed { because: Record::get(r)? },
            11 => Self::Unsuppressed,
            12 => Self::OutOfService { by: Record::get(r)?, approved_by: Record::get(r)?, reason: Record::get(r)? },
            13 => Self::InService { by: Record::get(r)? },
            _ => return Err(Damage("a trigger is not known")),
        })
    }
}

impl Record for Action {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Acknowledge { alarm, by } => {
                w.u8(0);
                alarm.put(w);
                by.put(w);
            }
            Self::Judge { machine, fault, judgement, by } => {
                w.u8(1);
                machine.put(w);
                fault.put(w);
                judgement.put(w);
                by.put(w);
            }
            Self::Maintained { machine, by } => {
                w.u8(2);
                machine.put(w);
                by.put(w);
            }
            Self::Reset { alarm, by } => {
                w.u8(3);
                alarm.put(w);
                by.put(w);
            }
            Self::Shelve { alarm, until, reason, by } => {
                w.u8(4);
                alarm.put(w);
                until.put(w);
                reason.put(w);
                by.put(w);
            }
            Self::Unshelve { alarm, by } => {
                w.u8(5);
                alarm.put(w);
                by.put(w);
            }
            Self::TakeOutOfService { alarm, reason, by, approved_by } => {
                w.u8(6);
                alarm.put(w);
                [reason, by, approved_by].into_iter().for_each(|text| text.put(w));
            }
            Self::PutIntoService { alarm, by } => {
                w.u8(7);
                alarm.put(w);
                by.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Acknowledge { alarm: Record::get(r)?, by: Record::get(r)? },
            1 => Self::Judge {
                machine: Record::get(r)?,
                fault: Record::get(r)?,
                judgement: Record::get(r)?,
                by: Record::get(r)?,
            },
            2 => Self::Maintained { machine: Record::get(r)?, by: Record::get(r)? },
            3 => Self::Reset { alarm: Record::get(r)?, by: Record::get(r)? },
            4 => Self::Shelve {
                alarm: Record::get(r)?,
                until: Record::get(r)?,
                reason: Record::get(r)?,
                by: Record::get(r)?,
            },
            5 => Self::Unshelve { alarm: Record::get(r)?, by: Record::get(r)? },
            6 => Self::TakeOutOfService {
                alarm: Record::get(r)?,
                reason: Record::get(r)?,
                by: Record::get(r)?,
                approved_by: Record::get(r)?,
            },
            7 => Self::PutIntoService { alarm: Record::get(r)?, by: Record::get(r)? },
            _ => return Err(Damage("an action is not known")),
        })
    }
}
