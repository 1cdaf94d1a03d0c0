//! Waveforms made of a record's waveform.

use plant::Waveform;

use super::{Curve, LONGEST_CURVE, acceleration};
use crate::rotating::wave::{self, PeakHold};
use crate::rotating::{Plans, Refusal};

/// Velocity over time, mm/s, with all above `low_hz`; s from the record's first sample. Where neighbours are joined, the
/// value of largest magnitude is kept. See [`wave::velocity`].
pub fn velocity(w: &Waveform, low_hz: f64) -> Result<Curve, Refusal> {
    Ok(wave::velocity(&Plans::default(), &acceleration(w)?, w.fs, low_hz)?.joined(LONGEST_CURVE))
}

/// Displacement over time, µm; the same. See [`wave::displacement`].
pub fn displacement(w: &Waveform, low_hz: f64) -> Result<Curve, Refusal> {
    Ok(wave::displacement(&Plans::default(), &acceleration(w)?, w.fs, low_hz)?.joined(LONGEST_CURVE))
}

/// True peak-hold above `corner_hz`, m/s² peak, and its spectrum up to `to_hz`. See [`wave::peak_hold`].
pub fn peak_hold(w: &Waveform, corner_hz: f64, to_hz: f64) -> Result<PeakHold, Refusal> {
    let p = wave::peak_hold(&Plans::default(), &acceleration(w)?, w.fs, corner_hz, to_hz)?;
    Ok(PeakHold { wave: p.wave.joined(LONGEST_CURVE), spectrum: p.spectrum.joined(LONGEST_CURVE) })
}
