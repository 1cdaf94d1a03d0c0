//! The store: how full its disk is, what is kept and for how long, and when it was backed up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// The store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreReport {
    /// The disk.
    pub disk: StoreDisk,
    /// The store's files.
    pub files: Vec<StoreFile>,
    /// How many series there are.
    pub series: u64,
    /// Bytes of the log: commits whose values are not all in chunks yet, or that somebody still has to read.
    pub log_bytes: u64,
    /// Commits that the disk did not take since the start.
    pub failed_commits: u64,
    /// Waveforms.
    pub waveforms: StoreWaves,
    /// The oldest that is there of each class of data.
    pub oldest: StoreOldest,
    /// For how many days each class of data stays: `raw`, `minutes`, `hours` (what those of the values amount to), `events`,
    /// `diagnoses`; `null`: for ever.
    pub retention_days: BTreeMap<String, Option<u64>>,
    /// What is gone because its time was over, or for want of room.
    pub removed: StoreRemoved,
    /// Backups; `null` where no directory of them was named (`store.backups`).
    pub backups: Option<StoreBackups>,
}

/// The disk that the store lives on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreDisk {
    /// `normal`, `near` (it is said), `shedding` (data goes by the stated policy) or `stopped` (nothing is taken from
    /// machines: publishers wait).
    pub level: String,
    /// Whether the disk has refused a commit for want of room, which waits.
    pub full: bool,
    /// When it was asked last; `null`: it has not answered yet, and the numbers are not known.
    pub at: Option<Time>,
    /// Bytes of the file system.
    pub total_bytes: u64,
    /// Bytes of it that are free.
    pub free_bytes: u64,
    /// Bytes of the store's files.
    pub store_bytes: u64,
    /// What counts: the bytes that the store may hold (`store.max_bytes`, or less where others have filled the disk), or
    /// those of the file system where no bound was set.
    pub budget_bytes: u64,
    /// Bytes of the budget that are used.
    pub used_bytes: u64,
    /// Whether a bound of the store's own was set.
    pub own_budget: bool,
    /// From this part of the budget on, percent, it is said.
    pub near_percent: u64,
    /// From this part on data goes.
    pub shed_percent: u64,
    /// At so many bytes left nothing is taken from machines.
    pub floor_bytes: u64,
    /// By how many bytes a day the used ones have grown lately; `null` until that was watched for an hour.
    pub growth_bytes_per_day: Option<i64>,
    /// In how many days the floor is reached at that rate; `null` where that is not known or it does not grow.
    pub days_left: Option<f64>,
}

/// One file of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes of its write-ahead log.
    pub wal_bytes: u64,
}

/// Waveforms: how many there are, which are kept, and what was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreWaves {
    /// How many there are.
    pub records: u64,
    /// Bytes of their samples.
    pub bytes: u64,
    /// Of how many it is known that they stay because they are near an alarm.
    pub near_alarms: u64,
    /// How many stay because an alarm rests on them.
    pub evidence: u64,
    /// Bytes of their file that are in use: what the quota counts.
    pub used_bytes: u64,
    /// Bytes that may be in use.
    pub quota_bytes: u64,
    /// What is kept.
    pub policy: StoreWavePolicy,
    /// What is kept of points that measure this, where it differs.
    pub classes: BTreeMap<String, StoreWavePolicy>,
    /// What was dropped since the beginning.
    pub dropped: Vec<StoreWaveDropped>,
}

/// Which waveforms are kept: all at first, then one of a point and hour, later one of a point and day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreWavePolicy {
    /// For so many hours all are kept.
    pub all_hours: u64,
    /// For so many days one of a point and hour is kept.
    pub hourly_days: u64,
    /// So many minutes around the steps of alarms everything stays.
    pub around_alarm_minutes: u64,
}

/// What was dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreWaveDropped {
    /// `hourly`, `daily` (by age), `quota_hourly`, `quota_daily`, `quota_unprotected`, `quota_near_alarm`,
    /// `quota_evidence` (by the quota) or `disk`.
    pub reason: String,
    /// How many.
    pub records: u64,
    /// Bytes of their samples.
    pub bytes: u64,
}

/// The oldest that is there of each class, by its own time; `null` where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreOldest {
    /// Values.
    pub raw: Option<Time>,
    /// Happenings.
    pub events: Option<Time>,
    /// Verdicts.
    pub diagnoses: Option<Time>,
    /// Waveforms.
    pub waveforms: Option<Time>,
}

/// How many of each class were removed since the store began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreRemoved {
    /// Values.
    pub raw: u64,
    /// Bytes of them as they were stored.
    pub raw_bytes: u64,
    /// Minutes of a series.
    pub minutes: u64,
    /// Hours of a series.
    pub hours: u64,
    /// Happenings.
    pub events: u64,
    /// Verdicts.
    pub diagnoses: u64,
}

/// The directory of backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreBackups {
    /// Where.
    pub directory: String,
    /// How many there are.
    pub count: u64,
    /// When the last one was taken.
    pub last: Option<Time>,
    /// Bytes that it holds.
    pub bytes: Option<u64>,
    /// Why the directory or the last backup cannot be read; `null` where it can.
    pub fault: Option<String>,
}
