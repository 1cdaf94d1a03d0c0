//! How a shaft moves: its orbit from two directions, and its response to imbalance over speed.

mod orbit;
mod run_up;

pub use orbit::{FullSpectrum, Orbit, full_spectrum, orbit};
pub use run_up::{Response, run_up};
