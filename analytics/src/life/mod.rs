//! From change to remaining life: when damage has begun, how long it may go on, how a machine is.
//!
//! [`Onset`] confirms that a machine has left its own past; [`Trend`] then follows its level and says when a threshold is
//! reached, with bounds, or that it cannot say; [`passage`] is the alternative for a level that wanders; [`Health`] sums up
//! a machine in one number with its reasons.
//!
//! Nothing here reads a clock or keeps more than it says: each is stepped with the time of its data.

mod health;
mod levels;
mod onset;
pub mod passage;
mod trend;

pub use health::{Evidence, Health, Reason, Standing};
pub use levels::{FEATURES, OCTAVES, levels};
pub use onset::{Baseline, Change, Onset};
pub use trend::{Confidence, Remaining, Trend};
