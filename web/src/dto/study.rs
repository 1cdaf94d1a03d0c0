//! How the alarm system performs, what would silence an alarm, and what a definition would have done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MachineRef, Priority, Time, Title};

/// Which alarm, with what people call its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmRef {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// Which machine.
    pub machine: MachineRef,
    /// Which point of it, by the point's own name; `null` where the machine as a whole is meant.
    pub point: Option<String>,
    /// The point's name for people.
    pub point_title: Option<Title>,
    /// What is watched.
    pub condition: String,
    /// How urgent it was last.
    pub priority: Priority,
}

/// What a period of the alarm journal amounts to, after IEC 62682, ISA-18.2 and EEMUA 191. An annunciation is a step that
/// raised an alarm. When the platform itself was away is not in the journal: a silent stretch may be that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmPerformance {
    /// Begin of the period (included).
    pub from: Time,
    /// Its end (not included).
    pub to: Time,
    /// Among how many operators the annunciations are divided.
    pub operators: u32,
    /// How many annunciations there were.
    pub annunciations: u64,
    /// Of how many alarms.
    pub alarms: u64,
    /// How many of the annunciations are not ascribed to an alarm, because there are too many alarms.
    pub unascribed: u64,
    /// The indicators, each with what it is held against.
    pub kpis: Vec<AlarmKpi>,
    /// How they came over time.
    pub rate: AlarmRate,
    /// The ten most frequent alarms.
    pub top: Vec<AlarmActor>,
    /// Alarms that were raised three times or more within a minute, the worst first, at most 200.
    pub chattering: Vec<AlarmChatter>,
    /// How many these are in all.
    pub chattering_alarms: u64,
    /// Alarms that cleared within ten seconds and did not come again, the most frequent first, at most 200.
    pub fleeting: Vec<AlarmFleeting>,
    /// How many these are in all.
    pub fleeting_alarms: u64,
    /// Times for which an alarm stood for longer than 24 hours, those that still stand first, at most 200.
    pub stale: Vec<AlarmStale>,
    /// How many these are in all.
    pub stale_alarms: u64,
    /// Annunciations by priority.
    pub priorities: AlarmPriorities,
    /// How long annunciations waited for somebody.
    pub acknowledgement: AlarmAcknowledgement,
}

/// An indicator and what it is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmKpi {
    /// `per_operator_day`, `worst_day`, `most_in_ten_minutes`, `flood_time`, `top_ten`, `chattering`, `fleeting`,
    /// `stale_in_day`, `high_priority`, `high_and_medium_priority`, `acknowledge_median` (s) or `never_acknowledged`;
    /// parts are told as 0 to 1.
    pub code: String,
    /// Its value; `null` where there is nothing to compute it from.
    pub value: Option<f64>,
    /// What it may not exceed; `null` where the standards state no figure.
    pub target: Option<f64>,
    /// Whether it does not; `null` where there is no value or no figure.
    pub met: Option<bool>,
}

/// Annunciations over time, in slots of ten minutes that begin at multiples of ten minutes since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmRate {
    /// The mean over ten minutes.
    pub mean: f64,
    /// The most in one slot.
    pub most_in_slot: u32,
    /// The most in any ten minutes, by the minute.
    pub most_in_ten_minutes: u32,
    /// Where the first slot begins, milliseconds since 1970.
    pub first_slot_ms: i64,
    /// How long a slot is, ms.
    pub slot_ms: i64,
    /// How many each slot held.
    pub slots: Vec<u32>,
    /// From how many annunciations on each bin of the histogram counts.
    pub bins: Vec<u32>,
    /// How many slots are in each bin.
    pub histogram: Vec<u64>,
    /// Which part of the period was flood, 0 to 1.
    pub flood_share: f64,
    /// Floods: from the first slot of more than 10 to before the first of fewer than 5; in order of time, at most 200.
    pub floods: Vec<AlarmFlood>,
    /// How many floods there were in all.
    pub floods_in_all: u64,
    /// Stretches of 24 hours from the beginning of the period.
    pub days: Vec<AlarmDay>,
}

/// A flood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmFlood {
    /// When it began.
    pub from: Time,
    /// When it ended.
    pub to: Time,
    /// How many annunciations it held.
    pub annunciations: u64,
    /// How many its worst slot held.
    pub most_in_slot: u32,
    /// Whether the period ended before it did.
    pub open: bool,
}

/// 24 hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmDay {
    /// When they began.
    pub from: Time,
    /// How many annunciations they held.
    pub annunciations: u64,
    /// Whether all of them lie within the period.
    pub whole: bool,
}

/// One of the most frequent alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmActor {
    /// Which alarm.
    pub alarm: AlarmRef,
    /// How often it was raised.
    pub annunciations: u64,
    /// Which part of all annunciations that is, 0 to 1.
    pub share: f64,
    /// Whether the coach has something to look at: it is a limit of single values.
    pub coached: bool,
}

/// An alarm that came again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmChatter {
    /// Which alarm.
    pub alarm: AlarmRef,
    /// How often it began to.
    pub episodes: u64,
    /// How many of its annunciations were of that kind.
    pub annunciations: u64,
    /// The most within a minute.
    pub most_in_minute: u64,
    /// The last of them.
    pub last: Time,
    /// As with the most frequent.
    pub coached: bool,
}

/// An alarm that was gone at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmFleeting {
    /// Which alarm.
    pub alarm: AlarmRef,
    /// How often.
    pub times: u64,
}

/// A time for which an alarm stood for longer than a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmStale {
    /// Which alarm.
    pub alarm: AlarmRef,
    /// Since when.
    pub since: Time,
    /// Until when; `null`: it still stood at the end of the period.
    pub until: Option<Time>,
}

/// Annunciations by priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmPriorities {
    /// Priority 1, 2, 3 and 4.
    pub each: Vec<u64>,
    /// The class that about 5 % should be of: priorities 1 and 2;
    pub high: u64,
    /// about 15 %: priority 3;
    pub medium: u64,
    /// about 80 %: priority 4.
    pub low: u64,
}

/// How long annunciations waited for somebody: from the source's time of the raising to the platform's time of the
/// acknowledgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmAcknowledgement {
    /// How many were acknowledged within the period.
    pub acknowledged: u64,
    /// Half of these took no longer, s (to 1 %).
    pub median_s: Option<f64>,
    /// Nine in ten of these took no longer, s (to 1 %).
    pub p90_s: Option<f64>,
    /// How many were raised anew before anybody had acknowledged them.
    pub raised_anew: u64,
    /// How many nobody had acknowledged at the end of the period.
    pub waiting: u64,
}

/// When a limit raises an alarm, and when it clears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriedDefinition {
    /// The side of the limit on which a value is wrong: `above` or `below`.
    pub side: String,
    /// The limit.
    pub limit: f64,
    /// How far a value must come back.
    pub deadband: f64,
    /// How long the condition must hold, s.
    pub on_delay_s: f64,
    /// How long it must be gone, s.
    pub off_delay_s: f64,
}

/// What would have silenced an alarm, by replays of what was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmCoach {
    /// Which alarm.
    pub alarm: AlarmRef,
    /// Begin of the time that was looked at.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Unit of the limit and the deadbands.
    pub unit: Option<String>,
    /// Why nothing can be said: `not_a_limit` (it is no limit of single values), `no_limit` (that limit is not set any
    /// more), `no_values` (none are kept of that time); `null` where something is said.
    pub refused: Option<String>,
    /// What is said.
    pub advice: Option<AlarmAdvice>,
}

/// What the coach says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmAdvice {
    /// `solved`, `nothing_helps`, `no_chatter` or `never_raised`.
    pub verdict: String,
    /// The present definition.
    pub current: TriedDefinition,
    /// How often its replay raised the alarm.
    pub raised: u64,
    /// The most within a minute.
    pub most_in_minute: u64,
    /// How long it stood in all, s.
    pub standing_s: f64,
    /// How many times an operator should have been told: raisings within a minute of each other taken together.
    pub excursions: u64,
    /// Whether costs are those of the first 10,000 raisings alone.
    pub cut: bool,
    /// How many values were looked at,
    pub values: u64,
    /// and how many were passed over, being of bad quality or no numbers.
    pub passed_over: u64,
    /// One for each of the means.
    pub alternatives: Vec<AlarmAlternative>,
    /// Which of them to take, by its place in the list.
    pub best: Option<usize>,
}

/// One other definition and its costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmAlternative {
    /// What is changed: `deadband`, `on_delay` or `off_delay`.
    pub means: String,
    /// The definition.
    pub definition: TriedDefinition,
    /// Whether it is raised no more often than there are excursions, and fewer than three times in any minute.
    pub solves: bool,
    /// How often it would have raised the alarm.
    pub raised: u64,
    /// The most within a minute.
    pub most_in_minute: u64,
    /// Excursions that it would have announced, or that began while it still stood.
    pub announced: u64,
    /// How much later than at present: the median, s,
    pub later_median_s: f64,
    /// and the longest, s.
    pub later_most_s: f64,
    /// How many began while it still stood from the one before.
    pub merged: u64,
    /// How many it would not have announced at all.
    pub swallowed: u64,
    /// The longest of these, at most ten.
    pub swallowed_examples: Vec<AlarmExcursion>,
    /// How long it would have stood in all, s.
    pub standing_s: f64,
}

/// A time for which an operator should have been told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmExcursion {
    /// When it was announced.
    pub from: Time,
    /// When it was over; `null` where it was not.
    pub to: Option<Time>,
    /// How often it was announced.
    pub raised: u64,
    /// The value farthest beyond the limit.
    pub extreme: f64,
}

/// A definition of which somebody asks what it would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmProposal {
    /// The point, `site/machine/point`; single values only.
    pub point: String,
    /// Which of its limits: `high_high`, `high`, `low` or `low_low`.
    pub condition: String,
    /// The limit, in the point's unit.
    pub limit: f64,
    /// How far a value must come back, 0 or more; as at present where it is left out.
    pub deadband: Option<f64>,
    /// How long the condition must hold, 0 to 86400 s; 0 where it is left out.
    pub on_delay_s: Option<f64>,
    /// How long it must be gone, 0 to 86400 s; 0 where it is left out.
    pub off_delay_s: Option<f64>,
    /// Over how many days before now, 1 to 92; 30 where it is left out.
    pub days: Option<u32>,
}

/// What a definition would have done, beside the one that holds at present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmSimulation {
    /// The point.
    pub point: String,
    /// Which of its limits.
    pub condition: String,
    /// Unit of limit and deadband.
    pub unit: Option<String>,
    /// Begin of the time that was looked at.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// How many values were looked at one by one.
    pub values: u64,
    /// How many minutes were looked at where their values are not kept any more (hours, where minutes are not): there the
    /// alarm was raised at least as often as is said, to the minute.
    pub minutes: u64,
    /// From when on there are values; `null`: all of the time.
    pub values_from: Option<Time>,
    /// Values of bad quality, which neither raise nor clear, and texts.
    pub passed_over: u64,
    /// How many faults of the machine were confirmed by somebody in that time.
    pub confirmed_faults: u64,
    /// What it would have done.
    pub proposed: AlarmOutcome,
    /// What the present one would have; `null` where that limit is not set.
    pub current: Option<AlarmOutcome>,
}

/// What a definition would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmOutcome {
    /// The definition.
    pub definition: TriedDefinition,
    /// How often it would have raised the alarm.
    pub raised: u64,
    /// The most within a minute.
    pub most_in_minute: u64,
    /// How long the alarm would have stood in all, s.
    pub standing_s: f64,
    /// Minutes in which it may have been raised more often than is said.
    pub doubtful_minutes: u64,
    /// When, in order of time, at most 500.
    pub firings: Vec<AlarmFiring>,
    /// What would have become of the confirmed faults, in order of time, at most 100.
    pub faults: Vec<AlarmCatch>,
}

/// A time for which the alarm would have stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmFiring {
    /// When it would have been raised.
    pub raised: Time,
    /// When it would have cleared; `null`: it stood at the end.
    pub cleared: Option<Time>,
    /// The value farthest beyond the limit.
    pub extreme: f64,
}

/// A fault that somebody confirmed, and whether the alarm would have said anything in the 30 days before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmCatch {
    /// Which: `imbalance`, `outer_race`, …
    pub fault: String,
    /// When it was confirmed.
    pub confirmed: Time,
    /// When the alarm was first raised in that time, or earlier where it still stood; `null`: not at all.
    pub raised: Option<Time>,
    /// How long before it was confirmed, s.
    pub early_s: Option<f64>,
}
