//! What the store answers with.

use std::sync::Arc;

use plant::{AlarmTransition, PointId, Quality, Timestamp, Unit, Value, WaveformId};

use crate::{Quarantined, Seq};

/// One stored value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When, by the source's clock.
    pub t: Timestamp,
    /// What.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
}

/// The numbers of one stretch of time. Texts and values of bad quality are not in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Where the stretch begins: a multiple of its width since the epoch.
    pub t: Timestamp,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The latest.
    pub last: f64,
    /// How many.
    pub count: u64,
}

/// A waveform without its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveformInfo {
    /// Its identity.
    pub id: WaveformId,
    /// Where it was measured.
    pub point: PointId,
    /// Time of the first sample.
    pub t0: Timestamp,
    /// Sampling rate, Hz.
    pub fs: f64,
    /// How many samples.
    pub n: u64,
    /// Unit of the physical values.
    pub unit: Unit,
    /// Mean shaft speed during the record, r/min.
    pub rpm: Option<f64>,
}

/// One message in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Its number; grows with every entry.
    pub id: u64,
    /// The message.
    pub entry: Quarantined,
}

/// What is in quarantine for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineGroup {
    /// The stable code.
    pub code: Arc<str>,
    /// How many there have been, also those no longer kept.
    pub count: u64,
    /// When the last one came.
    pub last: Timestamp,
    /// The last one.
    pub example: Quarantined,
}

/// One line of the alarm journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// The commit that carried it.
    pub seq: Seq,
    /// Its place within that commit.
    pub n: u32,
    /// The step.
    pub transition: AlarmTransition,
}

/// How far a follower of the tail had come when it last said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProgress {
    /// Everything up to and including this has been taken in.
    pub through: Seq,
    /// The follower's last state and the position it belongs to.
    pub state: Option<(Seq, Arc<[u8]>)>,
}

/// The store in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// The last commit.
    pub head: Seq,
    /// How many series there are.
    pub series: u64,
    /// Points that are in the log and in memory only, not yet in chunks.
    pub head_points: u64,
    /// The first commit that is still in the log.
    pub log_first: Seq,
    /// Bytes of log rows.
    pub log_bytes: u64,
    /// Bytes of batches waiting for their commit.
    pub queued_bytes: u64,
    /// Commits that the disk did not take since the start.
    pub failed_commits: u64,
}
