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
    /// What is watched: `high_high`, `high`, `low`, `low_low`, `zone_c`, `zone_d`, `bearing.<name>.<fault>`, `sensor`,
    /// `stale`, `offline`, or `system.<name>`: of the platform itself, whose machine is `$danxia/platform`.
    pub condition: String,
    /// `normal`, `unacknowledged`, `acknowledged` or `returned_unacknowledged`.
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
    /// When, by the source's clock (acknowledgements: the platform's).
    pub t: Time,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// Why: `raised`, `cleared`, `acknowledged`, `historical`, `updated`, `value_lost`.
    pub trigger: String,
    /// Who, for acknowledgements.
    pub by: Option<String>,
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

/// "I have seen it."
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Who, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}
