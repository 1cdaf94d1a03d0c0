//! Commit and recall: the spine of the house. What is committed is true; everything else follows it.
//!
//! A [`Batch`] is committed whole or not at all, and when [`Recorder::commit`] answers, it is on disk. Every commit has
//! a position, [`Seq`], one more than the one before. [`Tail`] gives every commit from a position on, in order, to
//! whoever follows; [`Archive`] recalls series, waveforms, events and verdicts; [`Register`] recalls the plant as it
//! stands, its alarms and the devices that may connect.
//!
//! In the directory lie three SQLite files: `ts.db` (the log of commits, and the chunks into which the points of each
//! series are compressed once there are enough of them), `wave.db` (waveforms) and `state.db` (the register: folds of
//! the log, devices, accounts and the audit log). A file `lock` keeps a second writer out.
//!
//! What this crate does *not* know: sockets, wire formats, what an alarm means or how a value was decoded, how a
//! password is hashed, and the wall clock (a [`plant::Clock`] is handed in).
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use historian::{Batch, Config, Historian};
//! use plant::{ManualClock, Observation, Quality, SeriesKey, Timestamp, Value};
//!
//! let dir = tempfile::tempdir().unwrap();
//! let t = Timestamp::from_secs(1_700_000_000);
//! let historian = Historian::open(Config::new(dir.path()), Arc::new(ManualClock::new(t))).unwrap();
//!
//! let point: plant::PointId = "shaoguan/fan-3/bearing_temp_de".parse().unwrap();
//! let seen = Observation {
//!     point: point.clone(), t, t_received: t, value: Value::Float(61.2), quality: Quality::Good, seq: None,
//! };
//! let seq = historian.recorder().commit(Batch { observations: vec![seen], ..Batch::default() }).await.unwrap();
//! assert_eq!(seq, 1);
//! assert_eq!(historian.archive().last(&SeriesKey::raw(point)).unwrap().value, Value::Float(61.2));
//! assert_eq!(historian.tail(0).next().await.unwrap().seq, 1);
//! historian.close().unwrap();
//! # });
//! ```

mod account;
mod archive;
mod audit;
pub mod backup;
mod batch;
mod buckets;
mod cache;
mod chain;
mod checkpoint;
mod codec;
mod config;
mod db;
mod device;
mod disk;
mod error;
mod head;
mod historian;
mod keep;
mod ledger;
mod minutes;
mod oldest;
mod quarantine;
mod read;
mod recorder;
mod register;
mod rollup;
mod room;
mod shared;
mod state;
mod statistics;
mod tail;
mod ts;
mod types;
mod verify;
mod wave;
mod work;
mod writer;

pub use account::{Access, Account, AccountChange, Identity, SecretHash, Session, Token};
pub use archive::Archive;
pub use audit::{AUDIT_OK, AuditEntry, AuditFilter, AuditRecord};
pub use batch::{
    Batch, Committed, Ignored, LedgerDelta, Progress, Quarantined, Retained, Seq, Settled, Staged, Verdict,
};
pub use chain::ChainState;
pub use config::{Config, Retention};
pub use device::{Device, DeviceCertificate, OwnPatterns};
pub use disk::{DiskPolicy, DiskUse, Level, Probe, Space};
pub use error::{CloseError, CommitError, OpenError, ReadError, RegisterError, TailError};
pub use historian::{Historian, open_read_only};
pub use recorder::{Pending, Recorder, Refused};
pub use register::Register;
pub use room::store_bytes;
pub use tail::Tail;
pub use types::{
    Bucket, Extreme, FileSize, JournalEntry, LedgerLine, LedgerSpan, Oldest, QuarantineEntry, QuarantineGroup,
    QuarantineStats, QuarantineTopic, Removed, Sample, Selection, Statistics, StoreStats, StoredProgress, WaveDropped,
    WaveStats, WaveformInfo,
};
pub use verify::{Verification, verify};
pub use wave::keep::{Capture, DropReason, WavePolicy};
pub use work::{Likeness, MAX_PHOTO, WorkFilter};
