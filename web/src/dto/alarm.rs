//! Alarms and how they came about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MachineRef, Priority, Time, Title};

/// A list of alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alarms {
    /// Unacknowledged before acknowledged, then the most urgent, then the newest first.
    pub alarms: Vec<Alarm>,
    /// How many the filter lets through; more than are listed when `limit` cut the list off.
    pub total: u64,
}

/// An alarm as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Its id, 16 hexadecimal digits; the same for every occurrence.
    pub id: String,
    /// Which machine.
    pub machine: MachineRef,
    /// Which point of it, by the point's own name; `null` where the machine as a whole is meant.
    pub point: Option<String>,
    /// The point's name for people.
    pub point_title: Option<Title>,
    /// What is watched: `high_high`, `high`, `low`, `low_low`, `rate`, `deviation`, `discrete`, `zone_c`, `zone_d`, `bearing.<name>.<fault>`, `sensor`,
    /// `stale`, `offline`, or `system.<name>`: of the platform itself, whose machine is `$danxia/platform`.
    pub condition: String,
    /// `normal`, `unacknowledged`, `acknowledged`, `returned_unacknowledged` or `latched`.
    pub state: String,
    /// How urgent.
    pub priority: Priority,
    /// Since when the condition has held (or held last).
    pub raised: Time,
    /// When the state last changed.
    pub changed: Time,
    /// Who acknowledged this occurrence; `null` while nobody has.
    pub acknowledged: Option<Acknowledged>,
    /// How often it has been raised.
    pub occurrences: u64,
    /// The value that caused it.
    pub value: Option<f64>,
    /// The limit it was held against.
    pub limit: Option<f64>,
    /// Unit of both.
    pub unit: Option<String>,
    /// What shows it.
    pub evidence: Evidence,
    /// What keeps it from people: `shelved`, `suppressed` or `out_of_service`, of several the one that lasts longest;
    /// `null` where people are told.
    pub inhibited: Option<String>,
    /// Until when and why it is shelved.
    pub shelved: Option<Shelved>,
    /// What silences it by design.
    pub suppressed: Option<String>,
    /// Why it is out of service.
    pub out_of_service: Option<OutOfService>,
    /// Whether it was raised before the others of its group.
    pub first_out: bool,
    /// Whether it stays after its condition is gone until it is reset.
    pub latching: bool,
    /// Until when somebody is to respond; `null` where nothing says so, or somebody has.
    pub respond_by: Option<Time>,
    /// What happens where nobody responds.
    pub consequence: Title,
    /// What to do.
    pub action: Title,
    /// The group of which the first is marked.
    pub group: Option<String>,
}

/// An alarm that an operator has put aside for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shelved {
    /// Until when.
    pub until: Time,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Time,
}

/// An alarm that maintenance has taken out of service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutOfService {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Who allowed it.
    pub approved_by: String,
    /// Since when.
    pub since: Time,
}

/// Who has seen an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What shows that an alarm is right.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The record it rests on.
    pub waveform: Option<String>,
    /// Numbers by stable name: `statistic`, `threshold`, `fault_hz`, `shaft_hz`, `slip`, `velocity_rms`, `boundary`,
    /// `share_1x`, `silent_s`, `period_s`, `value`, `limit`.
    pub terms: BTreeMap<String, f64>,
    /// Stable codes that explain, and the basis of a verdict (`ISO 20816-3 group 1 rigid`).
    pub codes: Vec<String>,
    /// Lines in the envelope spectrum.
    pub lines: Vec<EvidenceLine>,
}

/// A line of the envelope spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceLine {
    /// `shaft`, `outer_race`, …
    pub label: String,
    /// Which multiple, 1 the fundamental.
    pub harmonic: u16,
    /// Where, Hz.
    pub hz: f64,
    /// Its power over the local floor.
    pub ratio: f64,
}

/// Steps of alarms, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Journal {
    /// The steps.
    pub entries: Vec<JournalEntry>,
    /// Give this as `before=` for the steps before these; `null` at the beginning of the journal.
    pub next_before: Option<String>,
}

/// One step of one alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// Its position: commit and number within the commit, `seq.n`.
    pub position: String,
    /// Which alarm.
    pub alarm: String,
    /// Which machine.
    pub machine: MachineRef,
    /// Which point, by its own name.
    pub point: Option<String>,
    /// What is watched.
    pub condition: String,
    /// When, by the source's clock (what people do: the platform's).
    pub t: Time,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// Why: `raised`, `cleared`, `acknowledged`, `historical`, `updated`, `value_lost`, `re_alarmed`, `reset`, `shelved`,
    /// `unshelved`, `suppressed`, `unsuppressed`, `out_of_service`, `in_service`.
    pub trigger: String,
    /// Who did it, where a person did.
    pub by: Option<String>,
    /// Why they did, or what silences it by design.
    pub reason: Option<String>,
    /// Until when it is shelved.
    pub until: Option<Time>,
    /// What keeps it from people after this step.
    pub inhibited: Option<String>,
    /// Whether it was raised before the others of its group.
    pub first_out: bool,
    /// How urgent.
    pub priority: Priority,
    /// The value that caused it.
    pub value: Option<f64>,
    /// The limit it was held against.
    pub limit: Option<f64>,
    /// Unit of both.
    pub unit: Option<String>,
    /// What shows it.
    pub evidence: Evidence,
}

/// "Not now."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shelve {
    /// For how long, minutes: 1 to 1440.
    #[schema(minimum = 1, maximum = 1440)]
    pub minutes: u32,
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// Who, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}

/// "Not until it is put back."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOutOfService {
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// Who allowed it, 1 to 64 characters.
    pub approved_by: String,
    /// Who, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}

/// "I have seen it."
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Who, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}
