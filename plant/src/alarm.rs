//! Alarms after IEC 62682: what is watched, in which state it is, and how it got there.
//!
//! Here are the words only; the transition function lives in `analytics`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{BearingFault, Evidence, Fault, Judgement, MachineId, Name, PointId, Timestamp, Zone};

/// Urgency, 1 the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// 1: act now.
    Critical,
    /// 2: act this shift.
    High,
    /// 3: plan.
    Medium,
    /// 4: know.
    Low,
}

impl Priority {
    /// 1 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Critical => 1,
            Self::High => 2,
            Self::Medium => 3,
            Self::Low => 4,
        }
    }

    /// From 1 to 4.
    #[must_use]
    pub const fn from_number(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Critical),
            2 => Some(Self::High),
            3 => Some(Self::Medium),
            4 => Some(Self::Low),
            _ => None,
        }
    }
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmCondition {
    /// Value above its high-high limit.
    HighHigh,
    /// Value above its high limit.
    High,
    /// Value below its low limit.
    Low,
    /// Value below its low-low limit.
    LowLow,
    /// Vibration severity in this ISO 20816 zone (C or D).
    Zone(Zone),
    /// Damage of a rolling-element bearing: which bearing, which part.
    Bearing(Name, BearingFault),
    /// The vibration is no longer what it usually is in this state of the machine (ISO 20816-1, criterion II).
    Change,
    /// The sensor failed its health check: no verdict on the machine.
    Sensor,
    /// A point silent for longer than its period allows.
    Stale,
    /// Every point of the machine is silent, or its gateway reported its death.
    Offline,
    /// A state of the platform itself, by the name of its [`crate::Condition`]; its machine is [`MachineId::platform`].
    System(Name),
}

impl AlarmCondition {
    /// The stable name: `high_high`, `zone_c`, `bearing.DE.outer_race`, `offline`, `system.disk_space`, …
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::HighHigh => "high_high".into(),
            Self::High => "high".into(),
            Self::Low => "low".into(),
            Self::LowLow => "low_low".into(),
            Self::Zone(z) => format!("zone_{}", z.letter().to_ascii_lowercase()),
            Self::Bearing(name, fault) => format!("bearing.{name}.{fault}"),
            Self::Change => "change".into(),
            Self::Sensor => "sensor".into(),
            Self::Stale => "stale".into(),
            Self::Offline => "offline".into(),
            Self::System(name) => format!("system.{name}"),
        }
    }
}

/// Which alarm: one condition on one point, or on a machine as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmKey {
    /// The machine.
    pub machine: MachineId,
    /// The point, unless the machine as a whole is meant.
    pub point: Option<PointId>,
    /// What is watched.
    pub condition: AlarmCondition,
}

impl AlarmKey {
    /// A short stable id, the FNV-1a hash of the key's text; the same on every machine and after every restart.
    #[must_use]
    pub fn id(&self) -> AlarmId {
        let point = self.point.as_ref().map_or("", |p| p.name());
        let text = format!("{}\n{point}\n{}", self.machine, self.condition.code());
        let hash =
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        AlarmId(hash)
    }
}

/// Short id of an [`AlarmKey`]; 16 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmId(pub u64);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Not an alarm id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an alarm id; expected 16 hexadecimal digits")]
pub struct AlarmIdError(String);

impl FromStr for AlarmId {
    type Err = AlarmIdError;
    fn from_str(s: &str) -> Result<Self, AlarmIdError> {
        match u64::from_str_radix(s, 16) {
            Ok(v) if s.len() == 16 && s.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self(v)),
            _ => Err(AlarmIdError(s.to_owned())),
        }
    }
}

/// The states of IEC 62682 that exist so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmState {
    /// The condition does not hold and nobody needs to know.
    #[default]
    Normal,
    /// It holds; nobody has acknowledged.
    Unacknowledged,
    /// It holds; somebody has acknowledged.
    Acknowledged,
    /// It held, holds no longer, and nobody has acknowledged.
    ReturnedUnacknowledged,
}

impl AlarmState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Unacknowledged, Self::Acknowledged, Self::ReturnedUnacknowledged];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == s)
    }

    /// Whether the condition holds.
    #[must_use]
    pub const fn active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }
}

/// Why a transition happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// The condition began to hold.
    Raised,
    /// It stopped holding.
    Cleared,
    /// A person acknowledged.
    Acknowledged {
        /// Who.
        by: Arc<str>,
    },
    /// The condition had held before the data that shows it became known: journaled, paged to no one.
    Historical,
    /// The condition still holds and its evidence changed enough to be shown anew.
    Updated,
    /// The value that the alarm stands on is no longer to be trusted; the alarm stays.
    ValueLost,
}

impl Trigger {
    /// The stable name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Historical => "historical",
            Self::Updated => "updated",
            Self::ValueLost => "value_lost",
        }
    }
}

/// One step of one alarm; the journal is made of these.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmTransition {
    /// Which alarm.
    pub key: AlarmKey,
    /// When, by the source's clock (acknowledgement: by ours).
    pub t: Timestamp,
    /// State before.
    pub from: AlarmState,
    /// State after.
    pub to: AlarmState,
    /// Why.
    pub trigger: Trigger,
    /// How urgent.
    pub priority: Priority,
    /// The value that caused it, in the point's unit or the evidence's.
    pub value: Option<f64>,
    /// The limit it was held against.
    pub limit: Option<f64>,
    /// Unit of both.
    pub unit: Option<crate::Unit>,
    /// What shows it.
    pub evidence: Evidence,
}

/// What a person does to an alarm, a diagnosis or a machine's baseline.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// "I have seen it."
    Acknowledge {
        /// Which alarm.
        alarm: AlarmId,
        /// Who.
        by: Arc<str>,
    },
    /// "This diagnosis is right", or wrong, or was missing.
    Judge {
        /// Of which machine.
        machine: MachineId,
        /// On which fault.
        fault: Fault,
        /// What is said; `None` takes the last judgement on this fault back.
        judgement: Option<Judgement>,
        /// Who.
        by: Arc<str>,
    },
    /// "It was repaired": what is usual is learnt anew.
    Maintained {
        /// Which machine.
        machine: MachineId,
        /// Who.
        by: Arc<str>,
    },
}

/// An alarm as it stands, folded from its transitions.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmRecord {
    /// Which alarm.
    pub key: AlarmKey,
    /// In which state.
    pub state: AlarmState,
    /// How urgent.
    pub priority: Priority,
    /// Since when the condition has held (or held last).
    pub raised: Timestamp,
    /// When the state last changed.
    pub changed: Timestamp,
    /// Who acknowledged last, and when.
    pub acknowledged: Option<(Arc<str>, Timestamp)>,
    /// How often it has been raised.
    pub occurrences: u64,
    /// The last value, limit and unit.
    pub value: Option<f64>,
    /// See `value`.
    pub limit: Option<f64>,
    /// See `value`.
    pub unit: Option<crate::Unit>,
    /// What shows it, as of the last transition that brought any.
    pub evidence: Evidence,
}

impl AlarmRecord {
    /// The record after `next`, from the record before it (`None` for an alarm never seen).
    #[must_use]
    pub fn after(before: Option<&Self>, next: &AlarmTransition) -> Self {
        let raised = matches!(next.trigger, Trigger::Raised);
        let mut r = before.cloned().unwrap_or_else(|| Self {
            key: next.key.clone(),
            state: AlarmState::Normal,
            priority: next.priority,
            raised: next.t,
            changed: next.t,
            acknowledged: None,
            occurrences: 0,
            value: None,
            limit: None,
            unit: None,
            evidence: Evidence::default(),
        });
        if raised {
            r.raised = next.t;
            r.occurrences += 1;
            r.acknowledged = None;
        }
        if next.from != next.to {
            r.changed = next.t;
        }
        if let Trigger::Acknowledged { by } = &next.trigger {
            r.acknowledged = Some((by.clone(), next.t));
        }
        r.state = next.to;
        r.priority = next.priority;
        if next.value.is_some() {
            (r.value, r.limit, r.unit) = (next.value, next.limit, next.unit);
        }
        if !next.evidence.is_empty() {
            r.evidence = next.evidence.clone();
        }
        r
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(condition: AlarmCondition) -> AlarmKey {
        let point: PointId = "s/m/p".parse().unwrap();
        AlarmKey { machine: point.machine(), point: Some(point), condition }
    }

    #[test]
    fn ids_are_stable_and_round_trip() {
        let id = key(AlarmCondition::HighHigh).id();
        assert_eq!(id.to_string(), "584ec3324d2ab5cb".to_owned());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id, key(AlarmCondition::High).id());
        assert!("+84ec3324d2ab5cb".parse::<AlarmId>().is_err());
        assert!("12".parse::<AlarmId>().is_err());
    }

    #[test]
    fn a_record_is_the_fold_of_its_transitions() {
        let step = |from, to, trigger, t| AlarmTransition {
            key: key(AlarmCondition::High),
            t: Timestamp::from_secs(t),
            from,
            to,
            trigger,
            priority: Priority::High,
            value: None,
            limit: None,
            unit: None,
            evidence: Evidence::default(),
        };
        use AlarmState::*;
        let by: Arc<str> = "lin".into();
        let r = AlarmRecord::after(None, &step(Normal, Unacknowledged, Trigger::Raised, 1));
        let r = AlarmRecord::after(
            Some(&r),
            &step(Unacknowledged, Acknowledged, Trigger::Acknowledged { by: by.clone() }, 2),
        );
        assert_eq!(r.acknowledged, Some((by, Timestamp::from_secs(2))));
        let r = AlarmRecord::after(Some(&r), &step(Acknowledged, Normal, Trigger::Cleared, 3));
        assert_eq!((r.state, r.raised, r.occurrences), (Normal, Timestamp::from_secs(1), 1));
        let r = AlarmRecord::after(Some(&r), &step(Normal, Unacknowledged, Trigger::Raised, 4));
        assert_eq!((r.raised, r.occurrences, r.acknowledged), (Timestamp::from_secs(4), 2, None));
    }
}
