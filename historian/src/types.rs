//! What the store answers with.

use std::sync::Arc;
use std::time::Duration;

use plant::{AlarmTransition, PointId, Quality, Timestamp, Unit, Value, WaveformId};

use crate::{DropReason, LedgerDelta, Quarantined, Seq};

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

/// One value and when it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extreme {
    /// When, by the source's clock.
    pub t: Timestamp,
    /// What.
    pub value: f64,
}

/// What the values within a window amount to. `None` where there is nothing to tell, and where a sum is beyond f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many numbers there are; everything below but the last two is about them.
    pub count: u64,
    /// The first of them.
    pub first: Option<Extreme>,
    /// The last of them.
    pub last: Option<Extreme>,
    /// The least, where it came first.
    pub min: Option<Extreme>,
    /// The greatest, where it came first.
    pub max: Option<Extreme>,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The mean over time from the first to the last, each value holding until the next: what a series means that speaks
    /// only when something changes.
    pub time_mean: Option<f64>,
    /// The standard deviation of a sample (divisor n - 1); of one number there is none.
    pub standard_deviation: Option<f64>,
    /// The root of the mean of the squares.
    pub rms: Option<f64>,
    /// The quantiles 5 %, 50 % and 95 %, interpolated; `None` where there were more numbers than are kept for it.
    pub quantiles: Option<[f64; 3]>,
    /// How many values were of bad quality.
    pub bad: u64,
    /// How many were texts.
    pub texts: u64,
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

/// One file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSize {
    /// Its name.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes of its write-ahead log.
    pub wal_bytes: u64,
}

/// The oldest that is there of each class of data, by its own time; `None` where there is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oldest {
    /// Of values in chunks: what is in the log alone is younger, or came late.
    pub raw: Option<Timestamp>,
    /// Of happenings.
    pub events: Option<Timestamp>,
    /// Of verdicts: that of the one that was committed first.
    pub diagnoses: Option<Timestamp>,
    /// Of waveforms: that of the one that was committed first.
    pub waveforms: Option<Timestamp>,
}

/// wave.db in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaveStats {
    /// How many waveforms there are.
    pub records: u64,
    /// Bytes of their samples as they are stored.
    pub bytes: u64,
    /// Of how many it is known that they are near an alarm, and therefore stay.
    pub near_alarms: u64,
    /// On how many an alarm rests, for which they stay.
    pub evidence: u64,
    /// Bytes of the file that are in use: what the quota counts.
    pub used_bytes: u64,
    /// Bytes of the file, with those that are free for what comes next.
    pub file_bytes: u64,
    /// What was dropped since the beginning; reasons that never applied are left out.
    pub dropped: Vec<WaveDropped>,
}

/// What was dropped for one reason since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveDropped {
    /// Why.
    pub reason: DropReason,
    /// How many waveforms.
    pub records: u64,
    /// Bytes of their samples as they were stored.
    pub bytes: u64,
}

/// One message in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Its number; grows with every entry.
    pub id: u64,
    /// The message. The rest of its payload is there only where one entry was asked for.
    pub entry: Quarantined,
    /// Whether the whole payload is kept, so that it can be replayed.
    pub complete: bool,
    /// Who did not need it, and why; `None`: it waits.
    pub discarded: Option<Arc<str>>,
}

/// What is in quarantine for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineGroup {
    /// The stable code.
    pub code: Arc<str>,
    /// How many have come and were not released, also those no longer kept.
    pub count: u64,
    /// How many of them a person did not need.
    pub discarded: u64,
    /// When the first one came.
    pub first: Timestamp,
    /// When the last one came.
    pub last: Timestamp,
    /// The last one.
    pub example: Quarantined,
}

/// What waits in quarantine for one reason on one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineTopic {
    /// The topic.
    pub topic: Arc<str>,
    /// How many wait.
    pub waiting: u64,
    /// Of how many the whole payload is kept.
    pub complete: u64,
    /// When the first of them came.
    pub first: Timestamp,
    /// When the last of them came.
    pub last: Timestamp,
}

/// The quarantine in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarantineStats {
    /// How many entries wait.
    pub waiting: u64,
    /// Of how many the whole payload is kept.
    pub complete: u64,
    /// How many messages a person did not need.
    pub discarded: u64,
    /// Bytes of payloads that are kept.
    pub bytes: u64,
    /// How many payloads were cut to their first 4 KiB for want of room.
    pub cut: u64,
    /// How many entries were dropped for want of room.
    pub dropped: u64,
}

/// Which messages in quarantine are meant. A list that is empty restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// By number.
    pub ids: Vec<u64>,
    /// By code.
    pub codes: Vec<Arc<str>>,
    /// By source.
    pub sources: Vec<Arc<str>>,
    /// By topic: exactly, or with everything below it where it ends with `/#`.
    pub topics: Vec<Arc<str>>,
    /// Those that a person did not need, instead of those that wait.
    pub discarded: bool,
}

impl Selection {
    /// Whether the topic is one of those.
    #[must_use]
    pub fn has_topic(&self, topic: &str) -> bool {
        let fits = |wanted: &Arc<str>| match wanted.strip_suffix("/#") {
            Some(above) => topic == above || topic.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => topic == &**wanted,
        };
        self.topics.is_empty() || self.topics.iter().any(fits)
    }
}

/// What one source added to the ledger in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Where the stretch begins; by the time of the commits.
    pub t: Timestamp,
    /// How long it is: a minute, or an hour where it is long ago.
    pub width: Duration,
    /// What was added; `released` is told apart from `quarantined`.
    pub counts: LedgerDelta,
}

/// Which commits fell into one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSpan {
    /// Where the stretch begins.
    pub t: Timestamp,
    /// How long it is.
    pub width: Duration,
    /// The first commit.
    pub first: Seq,
    /// The last one.
    pub last: Seq,
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
    /// The time of the earliest value in chunks; `None` where there is none.
    pub oldest_raw: Option<Timestamp>,
    /// What was removed since the beginning.
    pub removed: Removed,
}

/// What was removed since the beginning because its time was over, or, of raw values, because the disk was full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Raw values.
    pub points: u64,
    /// Bytes of them as they were stored.
    pub bytes: u64,
    /// Minutes of a series.
    pub minutes: u64,
    /// Hours of a series.
    pub hours: u64,
    /// Events.
    pub events: u64,
    /// Diagnoses.
    pub diagnoses: u64,
}
