//! Vibration of rotating machines: from one record to what it says.
//!
//! Everything here is a function of the record and of what is known of its machine; nothing is learnt, nothing is
//! remembered between records except buffers. The units are SI (m/s², Hz) inside and those of the trade (mm/s RMS) in
//! results that say so.

mod analyser;
mod bearing;
mod curve;
mod features;
pub mod gear;
mod guard;
pub mod orders;
mod plans;
mod severity;
pub mod shaft;
mod signal;
mod spectrum;
#[doc(hidden)]
pub mod testing;
pub mod transform;
pub mod wave;
mod welch;

pub use analyser::{Analyser, Analysis, Context, Shape, Velocity};
pub use bearing::{BAND_HIGH, BAND_LOW_HZ, Refusal, SLIP, Scored, Seated, Sighting, null};
pub use curve::{Band, Curve, Map};
pub use features::{TimeFeatures, time_features};
pub use guard::{Fault, Faults, Stated, check, ski_slope};
pub use plans::{Plans, quick_length};
pub use severity::{Basis, ROWS, ZoneRow, choose};
pub use signal::acceleration_into;
pub(crate) use signal::median;
pub use spectrum::{HANN_POWER, Spectrum, hann_power_into};
pub use welch::Welch;
