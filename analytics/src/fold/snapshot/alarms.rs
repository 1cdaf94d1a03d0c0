//! Alarms and their definitions in a snapshot.

use std::time::Duration;

use plant::{
    AlarmCondition, AlarmDefinition, AlarmKey, AlarmState, AlarmTest, Comparison, Evidence, FaultLine, Inhibition,
    OutOfService, PointId, Priority, Reference, Shelving, Suppressor, Timestamp, Title, Unit, Value, WaveformId, Zone,
};
use serde::{Deserialize, Serialize};

use super::super::book::{Detail, Entry, Waiting};
use super::{RestoreError, fault, machine_id, name, parsed, point_id};

#[derive(Serialize, Deserialize)]
struct KeyMirror {
    machine: String,
    point: Option<String>,
    condition: ConditionMirror,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EntryMirror {
    machine: String,
    point: Option<String>,
    condition: ConditionMirror,
    state: String,
    priority: u8,
    shown: f64,
    lost: bool,
    late: bool,
    /// What follows earlier versions did not know.
    #[serde(default)]
    waits: Option<WaitingMirror>,
    /// Until when, why, who, since when.
    #[serde(default)]
    shelved: Option<(i64, String, String, i64)>,
    #[serde(default)]
    suppressed: Option<String>,
    /// Why, who, who allowed it, since when.
    #[serde(default)]
    out_of_service: Option<(String, String, String, i64)>,
    #[serde(default)]
    seen: Option<i64>,
    #[serde(default)]
    first_out: bool,
}

#[derive(Serialize, Deserialize)]
struct WaitingMirror {
    since: i64,
    due: u64,
    value: Option<f64>,
    limit: Option<f64>,
    unit: Option<String>,
    waveform: Option<(u64, u64)>,
    terms: Vec<(String, f64)>,
    codes: Vec<String>,
    lines: Vec<(String, u16, f64, f64)>,
}

#[derive(Serialize, Deserialize)]
enum ConditionMirror {
    HighHigh,
    High,
    Low,
    LowLow,
    Zone(char),
    Bearing(String, String),
    Sensor,
    Change,
    Stale,
    Offline,
    System(String),
    Rate,
    Deviation,
    Discrete,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DefinitionMirror {
    key: KeyMirror,
    test: TestMirror,
    /// On, off; ns.
    delays: (u64, u64),
    deadband: Option<f64>,
    priority: Option<u8>,
    latching: bool,
    re_alarm: Option<u64>,
    respond_within: Option<u64>,
    /// Consequence, action, rationale; each in Chinese and English.
    texts: [(Option<String>, Option<String>); 3],
    group: Option<String>,
    owner: Option<String>,
    suppressed_while: Vec<SuppressorMirror>,
}

#[derive(Serialize, Deserialize)]
enum TestMirror {
    Usual,
    Limit(f64),
    Rate(f64, u64),
    DeviationFrom(f64, f64),
    DeviationFromPoint(String, f64),
    Discrete(Vec<ValueMirror>),
}

#[derive(Serialize, Deserialize)]
enum ValueMirror {
    Float(f64),
    Int(i64),
    Bool(bool),
    Text(String),
}

#[derive(Serialize, Deserialize)]
enum SuppressorMirror {
    Point(String, String, f64),
    Alarm(KeyMirror),
}

impl From<&AlarmKey> for KeyMirror {
    fn from(key: &AlarmKey) -> Self {
        let point = key.point.as_ref().map(PointId::to_string);
        Self { machine: key.machine.to_string(), point, condition: (&key.condition).into() }
    }
}

impl KeyMirror {
    fn key(self) -> Result<AlarmKey, RestoreError> {
        let point = self.point.as_deref().map(point_id).transpose()?;
        Ok(AlarmKey { machine: machine_id(&self.machine)?, point, condition: self.condition.condition()? })
    }
}

impl From<(&AlarmKey, &Entry)> for EntryMirror {
    fn from((key, e): (&AlarmKey, &Entry)) -> Self {
        let Entry { state, priority, shown, lost, late, waits, inhibition, seen, first_out } = e;
        let Inhibition { shelved, suppressed, out_of_service } = inhibition;
        let text = |s: &str| s.to_owned();
        let KeyMirror { machine, point, condition } = key.into();
        Self {
            machine,
            point,
            condition,
            state: text(state.as_str()),
            priority: priority.number(),
            shown: *shown,
            lost: *lost,
            late: *late,
            waits: waits.as_deref().map(WaitingMirror::from),
            shelved: shelved.as_ref().map(|s| (s.until.nanos(), text(&s.reason), text(&s.by), s.since.nanos())),
            suppressed: suppressed.as_deref().map(text),
            out_of_service: out_of_service
                .as_ref()
                .map(|o| (text(&o.reason), text(&o.by), text(&o.approved_by), o.since.nanos())),
            seen: seen.map(Timestamp::nanos),
            first_out: *first_out,
        }
    }
}

impl EntryMirror {
    pub(super) fn entry(self) -> Result<(AlarmKey, Entry), RestoreError> {
        let at = Timestamp::from_nanos;
        let shelving = |(until, reason, by, since): (i64, String, String, i64)| Shelving {
            until: at(until),
            reason: reason.into(),
            by: by.into(),
            since: at(since),
        };
        let out = |(reason, by, approved_by, since): (String, String, String, i64)| OutOfService {
            reason: reason.into(),
            by: by.into(),
            approved_by: approved_by.into(),
            since: at(since),
        };
        let inhibition = Inhibition {
            shelved: self.shelved.map(shelving),
            suppressed: self.suppressed.map(Into::into),
            out_of_service: self.out_of_service.map(out),
        };
        let entry = Entry {
            state: parsed(&self.state, "alarm state", AlarmState::parse)?,
            priority: priority(self.priority)?,
            shown: self.shown,
            lost: self.lost,
            late: self.late,
            waits: self.waits.map(WaitingMirror::waiting).transpose()?.map(Box::new),
            inhibition,
            seen: self.seen.map(at),
            first_out: self.first_out,
        };
        let key = KeyMirror { machine: self.machine, point: self.point, condition: self.condition };
        Ok((key.key()?, entry))
    }
}

fn priority(number: u8) -> Result<Priority, RestoreError> {
    parsed(&number.to_string(), "priority", |_| Priority::from_number(number))
}

impl From<&Waiting> for WaitingMirror {
    fn from(w: &Waiting) -> Self {
        let Detail { value, limit, unit, evidence } = &w.detail;
        let Evidence { waveform, terms, codes, lines } = evidence;
        Self {
            since: w.since.nanos(),
            due: w.due,
            value: *value,
            limit: *limit,
            unit: unit.map(|u| u.symbol().to_owned()),
            waveform: waveform.map(|id| ((id.0 >> 64) as u64, id.0 as u64)),
            terms: terms.iter().map(|(k, v)| (k.to_string(), *v)).collect(),
            codes: codes.iter().map(ToString::to_string).collect(),
            lines: lines.iter().map(|l| (l.label.to_string(), l.harmonic, l.hz, l.ratio)).collect(),
        }
    }
}

impl WaitingMirror {
    fn waiting(self) -> Result<Waiting, RestoreError> {
        let line = |(label, harmonic, hz, ratio): (String, u16, f64, f64)| FaultLine {
            label: label.into(),
            harmonic,
            hz,
            ratio,
        };
        let evidence = Evidence {
            waveform: self.waveform.map(|(a, b)| WaveformId(u128::from(a) << 64 | u128::from(b))),
            terms: self.terms.into_iter().map(|(k, v)| (k.into(), v)).collect(),
            codes: self.codes.into_iter().map(Into::into).collect(),
            lines: self.lines.into_iter().map(line).collect(),
        };
        let unit = self.unit.map(|u| parsed(&u, "unit", Unit::parse)).transpose()?;
        let detail = Detail { value: self.value, limit: self.limit, unit, evidence };
        Ok(Waiting { since: Timestamp::from_nanos(self.since), due: self.due, detail })
    }
}

impl From<&AlarmCondition> for ConditionMirror {
    fn from(c: &AlarmCondition) -> Self {
        match c {
            AlarmCondition::HighHigh => Self::HighHigh,
            AlarmCondition::High => Self::High,
            AlarmCondition::Low => Self::Low,
            AlarmCondition::LowLow => Self::LowLow,
            AlarmCondition::Rate => Self::Rate,
            AlarmCondition::Deviation => Self::Deviation,
            AlarmCondition::Discrete => Self::Discrete,
            AlarmCondition::Zone(z) => Self::Zone(z.letter()),
            AlarmCondition::Bearing(n, f) => Self::Bearing(n.to_string(), f.to_string()),
            AlarmCondition::Sensor => Self::Sensor,
            AlarmCondition::Change => Self::Change,
            AlarmCondition::Stale => Self::Stale,
            AlarmCondition::Offline => Self::Offline,
            AlarmCondition::System(n) => Self::System(n.to_string()),
        }
    }
}

impl ConditionMirror {
    fn condition(self) -> Result<AlarmCondition, RestoreError> {
        Ok(match self {
            Self::HighHigh => AlarmCondition::HighHigh,
            Self::High => AlarmCondition::High,
            Self::Low => AlarmCondition::Low,
            Self::LowLow => AlarmCondition::LowLow,
            Self::Rate => AlarmCondition::Rate,
            Self::Deviation => AlarmCondition::Deviation,
            Self::Discrete => AlarmCondition::Discrete,
            Self::Zone(c) => AlarmCondition::Zone(parsed(&c.to_string(), "zone", |_| Zone::from_letter(c))?),
            Self::Bearing(n, f) => AlarmCondition::Bearing(name(&n)?, fault(&f)?),
            Self::Sensor => AlarmCondition::Sensor,
            Self::Change => AlarmCondition::Change,
            Self::Stale => AlarmCondition::Stale,
            Self::Offline => AlarmCondition::Offline,
            Self::System(n) => AlarmCondition::System(name(&n)?),
        })
    }
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&AlarmDefinition> for DefinitionMirror {
    fn from(d: &AlarmDefinition) -> Self {
        let text = |t: &Title| (t.zh.as_deref().map(str::to_owned), t.en.as_deref().map(str::to_owned));
        Self {
            key: (&d.key).into(),
            test: (&d.test).into(),
            delays: (nanos(d.on_delay), nanos(d.off_delay)),
            deadband: d.deadband,
            priority: d.priority.map(Priority::number),
            latching: d.latching,
            re_alarm: d.re_alarm.map(nanos),
            respond_within: d.respond_within.map(nanos),
            texts: [&d.consequence, &d.action, &d.rationale].map(text),
            group: d.group.as_ref().map(ToString::to_string),
            owner: d.owner.as_deref().map(str::to_owned),
            suppressed_while: d.suppressed_while.iter().map(SuppressorMirror::from).collect(),
        }
    }
}

impl DefinitionMirror {
    pub(super) fn definition(self) -> Result<AlarmDefinition, RestoreError> {
        let text =
            |(zh, en): (Option<String>, Option<String>)| Title { zh: zh.map(Into::into), en: en.map(Into::into) };
        let [consequence, action, rationale] = self.texts.map(text);
        let silencers = self.suppressed_while.into_iter().map(SuppressorMirror::suppressor);
        Ok(AlarmDefinition {
            key: self.key.key()?,
            test: self.test.test()?,
            on_delay: Duration::from_nanos(self.delays.0),
            off_delay: Duration::from_nanos(self.delays.1),
            deadband: self.deadband,
            priority: self.priority.map(priority).transpose()?,
            latching: self.latching,
            re_alarm: self.re_alarm.map(Duration::from_nanos),
            respond_within: self.respond_within.map(Duration::from_nanos),
            consequence,
            action,
            rationale,
            group: self.group.map(|g| name(&g)).transpose()?,
            owner: self.owner.map(Into::into),
            suppressed_while: silencers.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&AlarmTest> for TestMirror {
    fn from(t: &AlarmTest) -> Self {
        match t {
            AlarmTest::Usual => Self::Usual,
            AlarmTest::Limit(l) => Self::Limit(*l),
            AlarmTest::Rate { per_s, over } => Self::Rate(*per_s, nanos(*over)),
            AlarmTest::Deviation { from: Reference::Fixed(v), limit } => Self::DeviationFrom(*v, *limit),
            AlarmTest::Deviation { from: Reference::Point(p), limit } => {
                Self::DeviationFromPoint(p.to_string(), *limit)
            }
            AlarmTest::Discrete(states) => Self::Discrete(states.iter().map(ValueMirror::from).collect()),
        }
    }
}

impl TestMirror {
    fn test(self) -> Result<AlarmTest, RestoreError> {
        Ok(match self {
            Self::Usual => AlarmTest::Usual,
            Self::Limit(l) => AlarmTest::Limit(l),
            Self::Rate(per_s, over) => AlarmTest::Rate { per_s, over: Duration::from_nanos(over) },
            Self::DeviationFrom(v, limit) => AlarmTest::Deviation { from: Reference::Fixed(v), limit },
            Self::DeviationFromPoint(p, limit) => AlarmTest::Deviation { from: Reference::Point(point_id(&p)?), limit },
            Self::Discrete(states) => AlarmTest::Discrete(states.into_iter().map(ValueMirror::value).collect()),
        })
    }
}

impl From<&Value> for ValueMirror {
    fn from(v: &Value) -> Self {
        match v {
            Value::Float(v) => Self::Float(*v),
            Value::Int(v) => Self::Int(*v),
            Value::Bool(v) => Self::Bool(*v),
            Value::Text(v) => Self::Text(v.to_string()),
        }
    }
}

impl ValueMirror {
    fn value(self) -> Value {
        match self {
            Self::Float(v) => Value::Float(v),
            Self::Int(v) => Value::Int(v),
            Self::Bool(v) => Value::Bool(v),
            Self::Text(v) => Value::Text(v.into()),
        }
    }
}

impl From<&Suppressor> for SuppressorMirror {
    fn from(s: &Suppressor) -> Self {
        match s {
            Suppressor::Point { point, is, than } => Self::Point(point.to_string(), is.sign().to_owned(), *than),
            Suppressor::Alarm(key) => Self::Alarm(key.into()),
        }
    }
}

impl SuppressorMirror {
    fn suppressor(self) -> Result<Suppressor, RestoreError> {
        Ok(match self {
            Self::Point(point, sign, than) => {
                let is = parsed(&sign, "comparison", Comparison::parse)?;
                Suppressor::Point { point: point_id(&point)?, is, than }
            }
            Self::Alarm(key) => Suppressor::Alarm(key.key()?),
        })
    }
}
