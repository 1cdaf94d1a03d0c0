//! Commit and recall: the spine of the house. What is committed is true; everything else follows it.

mod batch;

pub use batch::{Batch, Committed, LedgerDelta, Progress, Quarantined, Seq};
