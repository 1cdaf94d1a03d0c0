//! Everything that turns with the shaft: its angle over time, and records resampled by it.
//!
//! The angle comes from a tacho ([`edges`], [`Phase::from_edges`]) or, where there is none, from the record itself
//! ([`tacholess`]). Turns are counted from the first edge, or from an arbitrary angle where there is no tacho.

mod angle;
mod average;
mod comb;
mod path;
mod phase;
mod resample;
mod short;
mod spectrum;
mod spline;
mod tacho;

pub use average::{Average, LEAST_TURNS, average, difference, residual};
pub use comb::tacholess;
pub(super) use comb::tacholess_of;
pub use phase::Phase;
pub use resample::{Resampled, by_turn};
pub use spectrum::order_spectrum;
pub use tacho::{Edges, edges};
