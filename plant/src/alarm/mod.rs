//! Alarms after IEC 62682: what is watched, in which state it is, and how it got there.
//!
//! Here are the words only; the transition function lives in `analytics`.

mod definition;
mod inhibition;
mod journal;

use std::fmt;
use std::str::FromStr;

use crate::{BearingFault, MachineId, Name, PointId, Zone};

pub use definition::{
    AlarmChange, AlarmDefinition, AlarmTest, Comparison, DefinitionFault, Reference, Suppressor, SuppressorError,
};
pub use inhibition::{Inhibited, Inhibition, OutOfService, Shelving};
pub use journal::{AlarmRecord, AlarmTransition, Trigger};

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
    /// Value that changes faster than it may.
    Rate,
    /// Value further from where it should be than it may.
    Deviation,
    /// A state that is none it should be in.
    Discrete,
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
            Self::Rate => "rate".into(),
            Self::Deviation => "deviation".into(),
            Self::Discrete => "discrete".into(),
            Self::Zone(z) => format!("zone_{}", z.letter().to_ascii_lowercase()),
            Self::Bearing(name, fault) => format!("bearing.{name}.{fault}"),
            Self::Change => "change".into(),
            Self::Sensor => "sensor".into(),
            Self::Stale => "stale".into(),
            Self::Offline => "offline".into(),
            Self::System(name) => format!("system.{name}"),
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let plain = [
            Self::HighHigh,
            Self::High,
            Self::Low,
            Self::LowLow,
            Self::Rate,
            Self::Deviation,
            Self::Discrete,
            Self::Zone(Zone::C),
            Self::Zone(Zone::D),
            Self::Change,
            Self::Sensor,
            Self::Stale,
            Self::Offline,
        ];
        if let Some(name) = code.strip_prefix("system.") {
            return Some(Self::System(name.parse().ok()?));
        }
        if let Some((name, fault)) = code.strip_prefix("bearing.").and_then(|rest| rest.rsplit_once('.')) {
            let fault = BearingFault::ALL.into_iter().find(|f| f.as_str() == fault)?;
            return Some(Self::Bearing(name.parse().ok()?, fault));
        }
        plain.into_iter().find(|c| c.code() == code)
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

/// The states of IEC 62682 that follow from the condition and from who has seen it. What keeps an alarm from people beside
/// that is its [`Inhibition`].
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
    /// It held, holds no longer, somebody has acknowledged, and it stays until somebody resets it.
    Latched,
}

impl AlarmState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::Unacknowledged, Self::Acknowledged, Self::ReturnedUnacknowledged, Self::Latched];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::Latched => "latched",
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
    /// Whether nobody has seen it yet.
    #[must_use]
    pub const fn unacknowledged(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::ReturnedUnacknowledged)
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
    fn codes_round_trip() {
        let name: Name = "DE.2".parse().unwrap();
        for c in [
            AlarmCondition::LowLow,
            AlarmCondition::Rate,
            AlarmCondition::Zone(Zone::D),
            AlarmCondition::Bearing(name.clone(), BearingFault::OuterRace),
            AlarmCondition::System(name),
            AlarmCondition::Offline,
        ] {
            assert_eq!(AlarmCondition::parse(&c.code()), Some(c));
        }
        for bad in ["", "zone_a", "bearing.DE", "bearing.DE.rust", "system.", "High"] {
            assert_eq!(AlarmCondition::parse(bad), None, "{bad}");
        }
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
}
