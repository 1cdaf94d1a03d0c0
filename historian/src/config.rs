//! What can be set, and what holds when nothing is.

use std::path::PathBuf;
use std::time::Duration;

use crate::{DiskPolicy, WavePolicy};

/// Settings of a store. [`Config::new`] gives the values that hold when nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the files live; made when it does not exist.
    pub dir: PathBuf,
    /// How many bytes of batches may wait for their commit; who comes later waits (`WhenFull::Block`).
    pub queue_bytes: usize,
    /// How many batches may wait for their commit.
    pub queue_batches: usize,
    /// How many bytes one group commit takes at most (one batch always fits).
    pub group_bytes: usize,
    /// How many batches one group commit takes at most.
    pub group_batches: usize,
    /// How many points a finished chunk holds.
    pub chunk_points: usize,
    /// How many points the heads of all series hold in memory, about; with very many series chunks become shorter.
    pub head_points: usize,
    /// Points that have been in the log alone for longer than this are written into chunks.
    pub seal_age: Duration,
    /// Above this many bytes the log is shortened: the points that hold its oldest rows are written into chunks.
    pub log_bytes: u64,
    /// How many bytes of recent commits are kept in memory for the tails.
    pub tail_bytes: usize,
    /// How many recent commits are kept in memory for the tails.
    pub tail_commits: usize,
    /// How many entries the quarantine keeps; the oldest go first, the counts stay.
    pub quarantine_entries: u64,
    /// How many bytes of payloads the quarantine keeps: beyond them, the oldest are cut to their first 4 KiB, and when
    /// that is not enough the oldest entries go.
    pub quarantine_bytes: u64,
    /// Of a payload longer than this the quarantine keeps the first 4 KiB.
    pub quarantine_message_bytes: u64,
    /// How long the ledger is kept by the minute; later it is kept by the hour.
    pub ledger_minutes: Duration,
    /// How long it is kept by the hour. The sums since the beginning stay.
    pub ledger_hours: Duration,
    /// How many lines (of one source and one stretch of time) are kept; beyond them, the oldest minutes become hours
    /// early, and the oldest hours go.
    pub ledger_lines: u64,
    /// Which waveforms are kept.
    pub waves: WavePolicy,
    /// How much room the store may take. Without a [`crate::Probe`] nothing is known of the disk until it is full.
    pub disk: DiskPolicy,
}

impl Config {
    /// The settings that hold when nothing is said, for a store in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            queue_bytes: 64 << 20,
            queue_batches: 16_384,
            group_bytes: 8 << 20,
            group_batches: 4_096,
            chunk_points: 1_024,
            head_points: 4 << 20,
            seal_age: Duration::from_secs(3_600),
            log_bytes: 128 << 20,
            tail_bytes: 32 << 20,
            tail_commits: 4_096,
            quarantine_entries: 100_000,
            quarantine_bytes: 256 << 20,
            quarantine_message_bytes: 8 << 20,
            ledger_minutes: Duration::from_secs(31 * 86_400),
            ledger_hours: Duration::from_secs(5 * 366 * 86_400),
            ledger_lines: 1_000_000,
            waves: WavePolicy::default(),
            disk: DiskPolicy::default(),
        }
    }
}
