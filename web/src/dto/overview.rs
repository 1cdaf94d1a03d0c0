//! "What needs me?": every machine in one line.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Priority, Time, Title};

/// The plant at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// How many alarms, over the whole plant.
    pub counts: Counts,
    /// The areas by name; machines without an area come last, under `null`.
    pub areas: Vec<Area>,
}

/// How many alarms there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Alarms nobody has acknowledged, whether or not they still hold, by priority.
    pub unacknowledged: PriorityCounts,
    /// Alarms whose condition holds.
    pub active: u64,
}

/// A number per priority; every priority is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriorityCounts {
    /// Priority 1: act now.
    #[serde(rename = "1")]
    pub critical: u64,
    /// Priority 2: act this shift.
    #[serde(rename = "2")]
    pub high: u64,
    /// Priority 3: plan.
    #[serde(rename = "3")]
    pub medium: u64,
    /// Priority 4: know.
    #[serde(rename = "4")]
    pub low: u64,
}

/// The machines of one area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Area {
    /// Its ISA-95 name; `null` for the machines without one.
    pub area: Option<String>,
    /// Its machines, by line and id.
    pub machines: Vec<MachineSummary>,
}

/// How a machine is, in one word. The first that applies, in this order: `offline`, `alarm`, `sensor`, `stale`,
/// `no_data`, `unjudged`, `normal`; so `normal` is said only of a machine with current, usable data and no active alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineStatus {
    /// Current, usable data, and no active alarm.
    Normal,
    /// A condition of the machine holds: a limit, a zone, a bearing.
    Alarm,
    /// A point has been silent for longer than it promised.
    Stale,
    /// Every point is silent, or the gateway reported the machine's death.
    Offline,
    /// It has never said anything.
    NoData,
    /// A sensor is not to be believed: no verdict on the machine.
    Sensor,
    /// There is no alarm because the newest record of a point gives no verdict: neither a zone nor one on the bearings.
    Unjudged,
}

/// A machine in one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MachineSummary {
    /// Its site.
    pub site: String,
    /// Its own name; `site/machine` is its id.
    pub machine: String,
    /// Its name for people.
    pub title: Title,
    /// `fan`, `pump`, `motor`, `gearbox`, `compressor`, `turbine` or `other`.
    pub class: String,
    /// ISA-95 area.
    pub area: Option<String>,
    /// ISA-95 line.
    pub line: Option<String>,
    /// In one word.
    pub status: MachineStatus,
    /// Whether the newest record of a sensor gives only a zone, or only a verdict on the bearings: what is normal is then
    /// normal as far as it was judged.
    #[serde(default)]
    pub partly: bool,
    /// The most urgent of its active or unacknowledged alarms.
    pub priority: Option<Priority>,
    /// The worst severity zone of its points, `A` to `D`, by their latest trustworthy records.
    pub zone: Option<String>,
    /// The highest latest `velocity_rms` of its points, mm/s RMS; usable values only.
    pub velocity_rms: Option<f64>,
    /// How many of its alarms nobody has acknowledged.
    pub unacknowledged: u64,
    /// Time of its newest usable value or waveform, by the source's clock.
    pub last_seen: Option<Time>,
    /// A small trend of `velocity_rms` at the point where it is highest; absent where there is none, and in live events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spark: Option<Spark>,
}

/// A small trend: the means of up to 48 buckets. Empty buckets are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spark {
    /// Begin of each bucket, milliseconds since 1970.
    pub t_ms: Vec<i64>,
    /// Mean in each bucket.
    pub v: Vec<f64>,
}
