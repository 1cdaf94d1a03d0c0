//! Commit and recall: the spine of the house. What is committed is true; everything else follows it.

mod batch;
mod config;
mod error;
mod first;
mod types;

pub use batch::{Batch, Committed, LedgerDelta, Progress, Quarantined, Seq};
pub use config::Config;
pub use error::{CloseError, CommitError, OpenError, ReadError, RegisterError, TailError};
pub use first::{Archive, Historian, Pending, Recorder, Register, Tail, open_read_only};
pub use types::{
    Bucket, JournalEntry, QuarantineEntry, QuarantineGroup, Sample, StoreStats, StoredProgress, User, WaveformInfo,
};
