//! What the live stream says. Each event's `data` is one of these; its id is `<boot>-<seq>`.
//!
//! A stream begins with `snapshot`; a client that has fallen behind gets another, which replaces all it knew.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Alarm, Counts, MachineSummary, Number, Quality, Time};

/// Event `snapshot`: everything as it stands, for the topics and the machine asked for. A topic not asked for is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveSnapshot {
    /// Everything up to this commit is contained.
    pub seq: u64,
    /// The latest value of every series (topic `values`).
    pub values: Option<Vec<LiveValue>>,
    /// The alarms that hold or wait for acknowledgement (topic `alarms`).
    pub alarms: Option<Vec<Alarm>>,
    /// Clock, counts, and every machine (topic `status`).
    pub status: Option<LiveStatus>,
}

/// Event `values`: the series that have a new value; at most four times a second, the latest of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveValues {
    /// Everything up to this commit is contained.
    pub seq: u64,
    /// The values.
    pub values: Vec<LiveValue>,
}

/// The latest value of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveValue {
    /// The point, `site/machine/point`.
    pub point: String,
    /// The indicator; `null` for the point's own values.
    pub indicator: Option<String>,
    /// When, by the source's clock.
    pub t: Time,
    /// What, in the unit of the point or indicator.
    pub value: Number,
    /// How far to trust it.
    pub quality: Quality,
}

/// Event `assessed` (topic `values`): a machine was assessed anew, or somebody said something of its diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveAssessed {
    /// By this commit.
    pub seq: u64,
    /// The machine, `site/machine`: what it says is at `/api/v1/machines/{site}/{machine}/assessment`.
    pub machine: String,
}

/// Event `status`, every second: the age of the stream is the age of the last of these. (Event `alarm` holds an
/// [`Alarm`] as it stands after its step.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveStatus {
    /// The server's clock.
    pub now: Time,
    /// The last commit's running number.
    pub seq: u64,
    /// When it was committed.
    pub committed: Time,
    /// How many alarms, over the whole plant.
    pub counts: Counts,
    /// The machines whose line in the overview has changed since the event before; all of them in a snapshot.
    pub machines: Vec<MachineSummary>,
}
