//! How an alarm moved, step by step, and how it stands after them.

use std::sync::Arc;

use super::{AlarmKey, AlarmState, Inhibited, Inhibition, Priority};
use crate::{Evidence, Timestamp, Unit};

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
    /// It was acknowledged long ago and still holds: it is announced anew.
    ReAlarmed,
    /// A person reset what was latched.
    Reset {
        /// Who.
        by: Arc<str>,
    },
    /// A person put it aside for a while.
    Shelved {
        /// Who.
        by: Arc<str>,
        /// From when on it is shown again.
        until: Timestamp,
        /// Why.
        reason: Arc<str>,
    },
    /// It is shown again.
    Unshelved {
        /// Who took it back; `None`: its time was over.
        by: Option<Arc<str>>,
    },
    /// Its design silences it.
    Suppressed {
        /// What holds.
        because: Arc<str>,
    },
    /// Its design no longer does.
    Unsuppressed,
    /// A person took it out of service.
    OutOfService {
        /// Who.
        by: Arc<str>,
        /// Who allowed that.
        approved_by: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// A person put it back into service.
    InService {
        /// Who.
        by: Arc<str>,
    },
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
            Self::ReAlarmed => "re_alarmed",
            Self::Reset { .. } => "reset",
            Self::Shelved { .. } => "shelved",
            Self::Unshelved { .. } => "unshelved",
            Self::Suppressed { .. } => "suppressed",
            Self::Unsuppressed => "unsuppressed",
            Self::OutOfService { .. } => "out_of_service",
            Self::InService { .. } => "in_service",
        }
    }

    /// Who did it, where a person did.
    #[must_use]
    pub const fn by(&self) -> Option<&Arc<str>> {
        match self {
            Self::Acknowledged { by }
            | Self::Reset { by }
            | Self::Shelved { by, .. }
            | Self::OutOfService { by, .. }
            | Self::InService { by } => Some(by),
            Self::Unshelved { by } => by.as_ref(),
            _ => None,
        }
    }

    /// Why they did, in their words, or what silences the alarm.
    #[must_use]
    pub const fn reason(&self) -> Option<&Arc<str>> {
        match self {
            Self::Shelved { reason, .. } | Self::OutOfService { reason, .. } => Some(reason),
            Self::Suppressed { because } => Some(because),
            _ => None,
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
    pub unit: Option<Unit>,
    /// What shows it.
    pub evidence: Evidence,
    /// What keeps it from people after this step.
    pub inhibited: Option<Inhibited>,
    /// Whether it was raised before the others of its group.
    pub first_out: bool,
}

impl AlarmTransition {
    /// Whether people are to be told: the alarm became unacknowledged, and nothing keeps it from them.
    #[must_use]
    pub fn announces(&self) -> bool {
        let became = self.to == AlarmState::Unacknowledged && self.from != self.to;
        // What was kept from them while it was raised is announced when it no longer is.
        let released = self.to == AlarmState::Unacknowledged && self.trigger.releases();
        self.inhibited.is_none() && (became || released)
    }
}

impl Trigger {
    const fn releases(&self) -> bool {
        matches!(self, Self::Unshelved { .. } | Self::Unsuppressed | Self::InService { .. })
    }
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
    pub unit: Option<Unit>,
    /// What shows it, as of the last transition that brought any.
    pub evidence: Evidence,
    /// What keeps it from people.
    pub inhibition: Inhibition,
    /// Whether it was raised before the others of its group.
    pub first_out: bool,
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
            inhibition: Inhibition::default(),
            first_out: false,
        });
        r.inhibition.take(&next.trigger, next.t);
        if raised {
            r.first_out = next.first_out;
            r.raised = next.t;
            r.occurrences += 1;
            r.acknowledged = None;
        }
        if next.from != next.to {
            r.changed = next.t;
        }
        if matches!(next.trigger, Trigger::ReAlarmed) || next.trigger.releases() && next.from != next.to {
            r.acknowledged = None;
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
    use crate::{AlarmCondition, PointId};

    fn key(condition: AlarmCondition) -> AlarmKey {
        let point: PointId = "s/m/p".parse().unwrap();
        AlarmKey { machine: point.machine(), point: Some(point), condition }
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
            inhibited: None,
            first_out: false,
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
