//! What a page draws of a record, computed on demand from the record itself.
//!
//! Curves hold at most [`LONGEST_CURVE`] values and maps at most [`LARGEST_MAP`] columns and rows; where lines are joined
//! to keep within that, the largest of each group is kept, so that no peak is lost. Of a record of more than 2²⁰ samples
//! the beginning is taken. What cannot be computed is refused by a stable code.

mod bands;
mod maps;
mod orbit;
mod orders;
mod spectra;
#[cfg(test)]
mod tests;
mod waves;

pub use bands::{Kurtogram, cepstrum, envelope, kurtogram, zoom};
pub use maps::{spectrogram, waterfall};
pub use orbit::{Orbit, orbit};
pub use orders::{Average, OrderSource, Orders, average, orders, run_up};
pub use spectra::{Line, Listed, Spectra, spectra};
pub use waves::{displacement, peak_hold, velocity};

pub use crate::rotating::shaft::Response;
pub use crate::rotating::transform::Level;
pub use crate::rotating::wave::PeakHold;
pub use crate::rotating::{Band, Curve, Map};

use plant::Waveform;

use crate::rotating::{Refusal, acceleration_into};

/// Most values in one curve.
pub const LONGEST_CURVE: usize = 4000;
/// Most columns, and most rows, of a map.
pub const LARGEST_MAP: usize = 512;

/// The acceleration of a record, m/s².
fn acceleration(w: &Waveform) -> Result<Vec<f64>, Refusal> {
    let mut x = Vec::new();
    acceleration_into(w, &mut x)?;
    Ok(x)
}
