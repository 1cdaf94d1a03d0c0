//! What a machine's points say together: faults with the evidence for and against them, health, remaining life.
//!
//! Here are the words only; what they are made of lives in `analytics`.

use std::sync::Arc;

use crate::{BearingFault, MachineId, Name, Timestamp};

/// What a rotating machine can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The rotor's mass is not about its axis.
    Imbalance,
    /// Shafts are offset or at an angle.
    Misalignment,
    /// The shaft is bowed.
    BentShaft,
    /// Something that should be held is not.
    Looseness,
    /// The film of a plain bearing drives the shaft around: whirl, or whip once it is locked to a critical speed.
    OilWhirl,
    /// The shaft touches what stands.
    Rub,
    /// A rolling bearing.
    Bearing(BearingFault),
    /// A tooth.
    Gear,
    /// The stator of a motor: eccentric air gap, loose iron, shorted turns.
    Stator,
    /// A bar or ring of a cage rotor.
    RotorBar,
    /// Bubbles collapse in a pump.
    Cavitation,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Imbalance,
        Self::Misalignment,
        Self::BentShaft,
        Self::Looseness,
        Self::OilWhirl,
        Self::Rub,
        Self::Bearing(BearingFault::OuterRace),
        Self::Bearing(BearingFault::InnerRace),
        Self::Bearing(BearingFault::Ball),
        Self::Bearing(BearingFault::Cage),
        Self::Gear,
        Self::Stator,
        Self::RotorBar,
        Self::Cavitation,
    ];

    /// The stable code; those of bearings are [`BearingFault::as_str`].
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Imbalance => "imbalance",
            Self::Misalignment => "misalignment",
            Self::BentShaft => "bent_shaft",
            Self::Looseness => "looseness",
            Self::OilWhirl => "oil_whirl",
            Self::Rub => "rub",
            Self::Bearing(part) => part.as_str(),
            Self::Gear => "gear",
            Self::Stator => "stator",
            Self::RotorBar => "rotor_bar",
            Self::Cavitation => "cavitation",
        }
    }

    /// From the stable code.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.code() == s)
    }
}

/// One term of a fault's score: what was weighed, and what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Stable code of the quantity: `share_1x`, `axial_ratio`, `envelope`, …
    pub quantity: Arc<str>,
    /// Its value, or the code of what is missing to have it.
    pub value: Result<f64, Arc<str>>,
    /// What it can add to the score or, as contra-evidence, take from it.
    pub weight: f64,
    /// The value at which it begins to count,
    pub lo: f64,
    /// and at which it counts in full; smaller than `lo` where small values speak.
    pub hi: f64,
    /// What it adds or takes, 0 to `weight`.
    pub contribution: f64,
    /// Whether it speaks against the fault.
    pub against: bool,
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The evidence does not name it.
    Open,
    /// Its score is 0.6 or more.
    Probable,
    /// Its score is 0.8 or more.
    Confirmed,
    /// Another fault explains the same evidence better.
    Explained(Fault),
    /// Another fault explains the same evidence about as well.
    Ambiguous(Fault),
}

impl Standing {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Probable => "probable",
            Self::Confirmed => "confirmed",
            Self::Explained(_) => "explained",
            Self::Ambiguous(_) => "ambiguous",
        }
    }

    /// The fault that stands in its way.
    #[must_use]
    pub const fn rival(self) -> Option<Fault> {
        match self {
            Self::Explained(f) | Self::Ambiguous(f) => Some(f),
            _ => None,
        }
    }

    /// Whether the fault is named: probable or confirmed.
    #[must_use]
    pub const fn named(self) -> bool {
        matches!(self, Self::Probable | Self::Confirmed)
    }
}

/// The evidence on one fault, weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultVerdict {
    /// Which.
    pub fault: Fault,
    /// Of faults of bearings: which bearing.
    pub bearing: Option<Name>,
    /// Of faults of bearings: the point that hears it best.
    pub point: Option<Name>,
    /// 0 to 1.
    pub score: f64,
    /// What the score could be at most with what is known.
    pub attainable: f64,
    /// What became of it.
    pub standing: Standing,
    /// Every term, those that speak for it first.
    pub terms: Vec<Term>,
}

/// What the points at one shaft say together.
#[derive(Clone, Debug, PartialEq)]
pub struct ShaftVerdict {
    /// The shaft, where the machine's train names it.
    pub shaft: Option<Name>,
    /// Its speed, Hz.
    pub hz: f64,
    /// The points that were heard.
    pub points: Vec<Name>,
    /// Verdicts on every fault, the best first; or the code of why there are none: `speed`,
    /// `speed_unsteady`, `sensor`, `off`, …
    pub verdicts: Result<Vec<FaultVerdict>, Arc<str>>,
    /// Where no fault is named: `nothing_explains`, or `ambiguous` where several explain the same evidence.
    pub unknown: Option<Arc<str>>,
}

/// One term of a machine's health.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthReason {
    /// `zone`, `trend`, `bearing` or `sensors`.
    pub term: Arc<str>,
    /// Points that it takes from 100.
    pub lowers: f64,
    /// The point that is worst in this.
    pub point: Option<Name>,
    /// Why it could not be judged, where that is what lowers it.
    pub unjudged: Option<Arc<str>>,
}

/// How a machine is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// 0 (stop) to 100 (as good as new); none where nothing could be judged: no data is not health.
    pub score: Option<f64>,
    /// What lowers it, most first.
    pub reasons: Vec<HealthReason>,
}

/// How long a machine may go on until its vibration reaches a stated end.
#[derive(Clone, Debug, PartialEq)]
pub struct RemainingLife {
    /// The point whose trend ends first.
    pub point: Name,
    /// From when on its trend was followed.
    pub since: Timestamp,
    /// Seconds: one in ten fails earlier,
    pub p10_s: f64,
    /// half,
    pub p50_s: f64,
    /// nine in ten.
    pub p90_s: f64,
    /// Looks that the trend rests on.
    pub looks: u32,
    /// What lowers the confidence in it (ISO 13381-1): `few_records`, `far_ahead`, `forms_disagree`, `wide`.
    pub codes: Vec<Arc<str>>,
}

/// What a person says of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// It is right.
    Confirmed,
    /// It is wrong.
    Dismissed,
    /// The fault is there, and was not named.
    Found,
}

impl Judgement {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Confirmed, Self::Dismissed, Self::Found];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::Found => "found",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|j| j.as_str() == s)
    }
}

/// A judgement, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// When it was said.
    pub t: Timestamp,
    /// On which fault.
    pub fault: Fault,
    /// What was said.
    pub judgement: Judgement,
    /// By whom.
    pub by: Arc<str>,
}

/// What the diagnosis of a machine has been worth so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCard {
    /// Days on which the present baseline learnt.
    pub baseline_days: u32,
    /// Diagnoses of the last thirty days.
    pub reported_a_month: u32,
    /// Diagnoses that persons confirmed,
    pub confirmed: u32,
    /// and that they dismissed.
    pub dismissed: u32,
    /// Faults that persons found and that were not named.
    pub missed: u32,
    /// Faults that were named and that nobody has judged yet.
    pub open: Vec<Fault>,
    /// When the baseline was begun anew last, and by whom.
    pub reset: Option<(Timestamp, Arc<str>)>,
    /// The latest judgements, the newest first.
    pub judged: Vec<Judged>,
}

/// What a machine's points say together, as of one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The machine.
    pub machine: MachineId,
    /// Time of the newest record that it rests on.
    pub t: Timestamp,
    /// By shaft.
    pub shafts: Vec<ShaftVerdict>,
    /// How the machine is.
    pub health: Health,
    /// How long it may go on, or the code of why that is not said: `no_onset` while nothing has begun.
    pub remaining: Result<RemainingLife, Arc<str>>,
    /// What this has been worth so far.
    pub card: ModelCard,
}

impl Assessment {
    /// The faults that are named, shaft after shaft, the best first.
    pub fn named(&self) -> impl Iterator<Item = &FaultVerdict> {
        self.shafts.iter().flat_map(|s| s.verdicts.as_deref().unwrap_or(&[])).filter(|v| v.standing.named())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back_and_no_two_are_the_same() {
        for (i, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(Fault::parse(fault.code()), Some(*fault));
            assert!(Fault::ALL[..i].iter().all(|f| f.code() != fault.code()), "{}", fault.code());
        }
        assert_eq!(Fault::parse("bearing"), None);
        for judgement in Judgement::ALL {
            assert_eq!(Judgement::parse(judgement.as_str()), Some(judgement));
        }
        assert_eq!(Judgement::parse("Confirmed"), None);
    }
}
