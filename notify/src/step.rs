//! A step of an alarm, as far as people are told of it. What a transition holds is read here and nowhere else in this
//! crate.

use historian::Seq;
use plant::{AlarmCondition, AlarmTransition, Plant, Timestamp, Title, Trigger};

/// Where a step stands in the journal of alarms: the commit, and its place within that.
pub type Place = (Seq, u32);

/// What a step means for those who are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is announced, for the first time or anew: people are told, and told again until somebody acknowledges.
    Raised,
    /// Somebody has seen it, or it is kept from people from now on: nobody else need be woken.
    Acknowledged,
    /// It holds no longer.
    Returned,
    /// It is journaled and concerns nobody now: history, new evidence, a value that was lost, what happens while it is kept
    /// from people.
    Quiet,
}

/// Conditions that are routed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Values: HH, H, L, LL, rate of change, deviation, states.
    Limit,
    /// Vibration: ISO zones and changes.
    Vibration,
    /// Damage of bearings.
    Bearing,
    /// Sensors that failed their check.
    Sensor,
    /// Points and machines that are silent.
    Silence,
    /// The platform itself.
    System,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 6] = [Self::Limit, Self::Vibration, Self::Bearing, Self::Sensor, Self::Silence, Self::System];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Vibration => "vibration",
            Self::Bearing => "bearing",
            Self::Sensor => "sensor",
            Self::Silence => "silence",
            Self::System => "system",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == name)
    }

    const fn of(condition: &AlarmCondition) -> Self {
        match condition {
            AlarmCondition::HighHigh
            | AlarmCondition::High
            | AlarmCondition::Low
            | AlarmCondition::LowLow
            | AlarmCondition::Rate
            | AlarmCondition::Deviation
            | AlarmCondition::Discrete => Self::Limit,
            AlarmCondition::Zone(_) | AlarmCondition::Change => Self::Vibration,
            AlarmCondition::Bearing(..) => Self::Bearing,
            AlarmCondition::Sensor => Self::Sensor,
            AlarmCondition::Stale | AlarmCondition::Offline => Self::Silence,
            AlarmCondition::System(_) => Self::System,
        }
    }
}

/// What decides who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the journal.
    pub place: Place,
    /// Which alarm, [`plant::AlarmId`].
    pub alarm: u64,
    /// What it means.
    pub kind: Kind,
    /// When, by the source's clock.
    pub t: Timestamp,
    /// 1 to 4.
    pub priority: u8,
    /// The site.
    pub site: String,
    /// The area of the machine, where it is in one.
    pub area: Option<String>,
    /// What kind of condition.
    pub group: Group,
}

impl Step {
    /// Reads a transition.
    #[must_use]
    pub fn read(place: Place, t: &AlarmTransition, plant: &Plant) -> Self {
        let kind = match &t.trigger {
            _ if t.announces() => Kind::Raised,
            Trigger::Acknowledged { .. }
            | Trigger::Shelved { .. }
            | Trigger::Suppressed { .. }
            | Trigger::OutOfService { .. } => Kind::Acknowledged,
            Trigger::Cleared => Kind::Returned,
            Trigger::Raised
            | Trigger::Historical
            | Trigger::Updated
            | Trigger::ValueLost
            | Trigger::ReAlarmed
            | Trigger::Reset { .. }
            | Trigger::Unshelved { .. }
            | Trigger::Unsuppressed
            | Trigger::InService { .. } => Kind::Quiet,
        };
        let machine = plant.machines.get(&t.key.machine);
        Self {
            place,
            alarm: t.key.id().0,
            kind,
            t: t.t,
            priority: t.priority.number(),
            site: t.key.machine.site().to_owned(),
            area: machine.and_then(|m| m.area.as_ref()).map(|a| a.as_str().to_owned()),
            group: Group::of(&t.key.condition),
        }
    }
}

/// What is said of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Which alarm, 16 hexadecimal digits.
    pub alarm: String,
    /// 1 to 4.
    pub priority: u8,
    /// `site/machine`.
    pub machine: String,
    /// What people call it.
    pub title: Title,
    /// The area.
    pub area: Option<String>,
    /// The point's name; `None` where the machine as a whole is meant.
    pub point: Option<String>,
    /// The condition's code, as [`AlarmCondition::code`].
    pub condition: String,
    /// The value.
    pub value: Option<f64>,
    /// The limit.
    pub limit: Option<f64>,
    /// The unit of both.
    pub unit: Option<&'static str>,
    /// When, by the source's clock.
    pub t: Timestamp,
    /// What to do, where it was written down for this alarm; otherwise it follows from the condition.
    pub action: Title,
}

impl Facts {
    /// Reads a transition.
    #[must_use]
    pub fn read(t: &AlarmTransition, plant: &Plant) -> Self {
        let machine = plant.machines.get(&t.key.machine);
        Self {
            alarm: t.key.id().to_string(),
            priority: t.priority.number(),
            machine: t.key.machine.to_string(),
            title: machine.map(|m| m.title.clone()).unwrap_or_default(),
            area: machine.and_then(|m| m.area.as_ref()).map(|a| a.as_str().to_owned()),
            point: t.key.point.as_ref().map(|p| p.name().to_owned()),
            condition: t.key.condition.code(),
            value: t.value,
            limit: t.limit,
            unit: t.unit.map(plant::Unit::symbol),
            t: t.t,
            action: plant.alarms.get(&t.key).map(|d| d.action.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use plant::{AlarmKey, AlarmState, Evidence, Inhibited, Priority};

    use super::*;

    #[test]
    fn what_is_kept_from_people_wakes_nobody_and_what_is_announced_again_does() {
        use AlarmState::{Acknowledged, Normal, Unacknowledged};
        let (by, reason): (std::sync::Arc<str>, std::sync::Arc<str>) = ("lin".into(), "tested".into());
        let shelved = Trigger::Shelved { by: by.clone(), until: Timestamp::from_secs(9), reason };
        for (from, to, trigger, inhibited, want) in [
            (Normal, Unacknowledged, Trigger::Raised, None, Kind::Raised),
            (Normal, Unacknowledged, Trigger::Raised, Some(Inhibited::Shelved), Kind::Quiet),
            (Unacknowledged, Unacknowledged, shelved, Some(Inhibited::Shelved), Kind::Acknowledged),
            (Unacknowledged, Unacknowledged, Trigger::Unshelved { by: None }, None, Kind::Raised),
            (Unacknowledged, Unacknowledged, Trigger::Unshelved { by: None }, Some(Inhibited::Suppressed), Kind::Quiet),
            (Normal, Normal, Trigger::Unsuppressed, None, Kind::Quiet),
            (Acknowledged, Unacknowledged, Trigger::ReAlarmed, None, Kind::Raised),
            (Unacknowledged, Acknowledged, Trigger::Acknowledged { by }, None, Kind::Acknowledged),
            (Normal, Normal, Trigger::Historical, None, Kind::Quiet),
        ] {
            let machine: plant::MachineId = "s/m".parse().unwrap();
            let step = AlarmTransition {
                key: AlarmKey { machine, point: None, condition: AlarmCondition::Offline },
                t: Timestamp::from_secs(1),
                from,
                to,
                trigger,
                priority: Priority::High,
                value: None,
                limit: None,
                unit: None,
                evidence: Evidence::default(),
                inhibited,
                first_out: false,
            };
            assert_eq!(Step::read((1, 0), &step, &Plant::default()).kind, want, "{step:?}");
        }
    }
}
