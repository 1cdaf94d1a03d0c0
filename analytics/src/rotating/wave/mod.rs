//! Waveforms made of waveforms: velocity, displacement, and the maxima that short impacts leave.

mod integrate;
mod peak_hold;

pub use integrate::{displacement, velocity};
pub use peak_hold::{PeakHold, peak_hold};
