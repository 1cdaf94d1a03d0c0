//! What the points of a machine say together: faults with their evidence, health, remaining life, the model card.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// The latest assessment of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MachineAssessment {
    /// `null` where no record of the machine was judged yet.
    pub assessment: Option<Assessment>,
}

/// What a machine's points say together, as of one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// Time of the newest record that it rests on.
    pub t: Time,
    /// By shaft.
    pub shafts: Vec<ShaftVerdict>,
    /// 0 (stop) to 100 (as good as new); `null` where nothing could be judged.
    pub health: Option<f64>,
    /// What lowers it, most first.
    pub reasons: Vec<HealthReason>,
    /// How long it may go on; `null` where that is not said.
    pub remaining: Option<RemainingLife>,
    /// Why it is not said: `no_onset` while nothing has begun, `records`, `spread`, `no_trend`, `passed`, …
    pub remaining_refused: Option<String>,
    /// What this has been worth so far.
    pub card: ModelCard,
}

/// What the points at one shaft say together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShaftVerdict {
    /// The shaft, where the machine's train names it.
    pub shaft: Option<String>,
    /// Its speed, Hz.
    pub hz: f64,
    /// The points that were heard.
    pub points: Vec<String>,
    /// Every fault, the best first; empty where there is no verdict.
    pub verdicts: Vec<FaultVerdict>,
    /// Why there is no verdict: `speed`, `speed_unsteady`, `sensor`, `off`, …
    pub refused: Option<String>,
    /// Where no fault is named: `nothing_explains`, or `ambiguous` where several explain the same evidence.
    pub unknown: Option<String>,
}

/// The evidence on one fault, weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultVerdict {
    /// `imbalance`, `misalignment`, `outer_race`, …
    pub fault: String,
    /// Of faults of bearings: which bearing.
    pub bearing: Option<String>,
    /// Of faults of bearings: the point that hears it best.
    pub point: Option<String>,
    /// 0 to 1: from 0.6 probable, from 0.8 confirmed.
    pub score: f64,
    /// What the score could be at most with what is known.
    pub attainable: f64,
    /// `open`, `probable`, `confirmed`, `explained` or `ambiguous`.
    pub standing: String,
    /// The fault that stands in its way.
    pub rival: Option<String>,
    /// Every term of the score.
    pub terms: Vec<Term>,
}

/// One term of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Term {
    /// What was weighed: `share_1x`, `envelope`, …
    pub quantity: String,
    /// Its value; `null` where it is not known.
    pub value: Option<f64>,
    /// What is missing to know it.
    pub missing: Option<String>,
    /// What it can add or take.
    pub weight: f64,
    /// Where it begins to count,
    pub lo: f64,
    /// and where it counts in full.
    pub hi: f64,
    /// What it adds or takes.
    pub contribution: f64,
    /// Whether it speaks against the fault.
    pub against: bool,
}

/// One term of a machine's health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthReason {
    /// `zone`, `trend`, `bearing` or `sensors`.
    pub term: String,
    /// Points that it takes from 100.
    pub lowers: f64,
    /// The point that is worst in this.
    pub point: Option<String>,
    /// Why it could not be judged, where that is what lowers it.
    pub unjudged: Option<String>,
}

/// How long a machine may go on until its vibration reaches its end: the boundary C/D of its zones, or ten times the usual
/// peak of the acceleration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RemainingLife {
    /// The point whose trend ends first.
    pub point: String,
    /// From when on its trend was followed.
    pub since: Time,
    /// Seconds: one in ten fails earlier,
    pub p10_s: f64,
    /// half,
    pub p50_s: f64,
    /// nine in ten.
    pub p90_s: f64,
    /// Looks that it rests on.
    pub looks: u32,
    /// What lowers the confidence in it: `few_records`, `far_ahead`, `forms_disagree`, `wide`.
    pub codes: Vec<String>,
}

/// What the diagnosis of a machine has been worth so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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
    pub open: Vec<String>,
    /// When the baseline was begun anew last.
    pub reset: Option<Time>,
    /// By whom.
    pub reset_by: Option<String>,
    /// The latest judgements, the newest first.
    pub judged: Vec<Judged>,
}

/// A judgement, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Judged {
    /// When it was said.
    pub t: Time,
    /// On which fault.
    pub fault: String,
    /// `confirmed`, `dismissed` or `found`.
    pub judgement: String,
    /// By whom.
    pub by: String,
}

/// What a person says of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// On which fault.
    pub fault: String,
    /// `confirmed`, `dismissed`, `found` (it is there, and was not named), or `withdrawn`, which takes the last one on this
    /// fault back.
    pub judgement: String,
    /// Who says it.
    pub by: Option<String>,
}

/// "It was repaired."
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintained {
    /// Who says it.
    pub by: Option<String>,
}

/// A machine's health over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthHistory {
    /// The oldest first.
    pub points: Vec<HealthPoint>,
    /// There is more before the first of them: ask for it with `to` at its time.
    pub more: bool,
}

/// A machine's health at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthPoint {
    /// When.
    pub t: Time,
    /// 0 to 100; `null` where nothing could be judged.
    pub health: Option<f64>,
    /// The faults that were named.
    pub named: Vec<String>,
}
