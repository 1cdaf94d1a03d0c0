//! What is usual, and when it is not so any more: baselines and detection.
//!
//! Pure state machines: a value goes in, a verdict comes out, time is handed in. [`operating`] says in which state a
//! machine is, as limits hold only where they were learnt; [`baseline`] learns a feature in one such state and closes
//! itself against what looks suspicious; [`regress`] stands in where a state was seen too seldom; [`chart`] sums small
//! lasting changes up, to limits that [`arl`] derives from a budget of false alarms; [`hotelling`] and [`pca`] look at
//! several features together; [`tail`] puts a limit where nothing is normal; [`logic`] turns exceedances into one alarm;
//! [`watcher`] is all of it for one point. [`tags`] does the same for any set of process tags.
//!
//! Not known here: which feature means what fault, the severity zones, the journal.

#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "what is not a number is to fail a test like what is too small")]
#![allow(clippy::needless_range_loop, reason = "indices of matrices are read as in the formulas")]

pub mod arl;
pub mod baseline;
pub mod chart;
pub mod hotelling;
pub mod linear;
pub mod logic;
pub mod moments;
pub mod operating;
mod packed;
pub mod pca;
pub mod regress;
pub mod robust;
mod rows;
pub mod tags;
pub mod tail;
mod wander;
pub mod watcher;
