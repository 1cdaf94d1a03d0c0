//! One record's spectrum closely, its envelope in a band, its cepstrum.

use plant::Waveform;

use super::{Band, Curve, LONGEST_CURVE, acceleration};
use crate::rotating::{Plans, Refusal, transform};

pub use crate::rotating::transform::Kurtogram;

/// Acceleration from `low_hz` to `high_hz`, m/s² RMS by line (Hann), as fine as the record allows: see
/// [`transform::zoom`]. No lines are joined.
pub fn zoom(w: &Waveform, low_hz: f64, high_hz: f64) -> Result<Curve, Refusal> {
    transform::zoom(&Plans::default(), &[&acceleration(w)?], w.fs, low_hz, high_hz, LONGEST_CURVE)
}

/// Spectrum of the squared envelope of what `band` holds, from 0 to `to_hz`: amplitude (peak) by line, (m/s²)²; see
/// [`transform::band_envelope`].
pub fn envelope(w: &Waveform, band: Band, to_hz: f64) -> Result<Curve, Refusal> {
    let curve = transform::band_envelope(&Plans::default(), &acceleration(w)?, w.fs, band, to_hz)?;
    Ok(curve.joined(LONGEST_CURVE))
}

/// The real cepstrum over quefrency, s; nepers. See [`transform::cepstrum`].
pub fn cepstrum(w: &Waveform) -> Result<Curve, Refusal> {
    Ok(transform::cepstrum(&Plans::default(), &acceleration(w)?, w.fs)?.joined(LONGEST_CURVE))
}

/// Kurtosis of the envelope by band and width; see [`transform::kurtogram`].
pub fn kurtogram(w: &Waveform) -> Result<Kurtogram, Refusal> {
    transform::kurtogram(&Plans::default(), &acceleration(w)?, w.fs)
}
