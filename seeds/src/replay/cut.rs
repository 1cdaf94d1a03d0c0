//! How a recording becomes waveforms.

use plant::{Timestamp, WaveformId};

/// Waveforms are no longer than this, in samples, unless the shortest that can be judged asks for more.
const LONG: usize = 65_536;
/// Longest waveform, in samples: 2 MiB of them, half of what an instance takes in one message unless it is told otherwise.
pub const LONGEST: usize = 1 << 19;
/// An alarm wants the same verdict from several waveforms in a row.
const WANTED: usize = 5;
/// Overall velocity is judged from 20 periods of its lowest frequency on: 10 Hz, or 2 Hz where the shaft turns slower than
/// 600 r/min (ISO 20816-1).
const PERIODS: f64 = 20.0;
/// A bearing is judged from this many turns of its shaft on.
const TURNS: f64 = 16.0;

/// The shortest waveform of which everything is judged, s, on a shaft of `rpm`.
#[must_use]
pub fn shortest_s(rpm: f64) -> f64 {
    let velocity = PERIODS / if rpm < 600.0 { 2.0 } else { 10.0 };
    if rpm > 0.0 { velocity.max(TURNS * 60.0 / rpm) } else { velocity }
}

/// The lengths of the consecutive waveforms of a recording of `samples` at `fs` Hz on a shaft of `rpm`, where that is
/// known; they add up to `samples`.
///
/// Five, or fewer where five would be shorter than what the analysis takes ([`shortest_s`]); more where they would be longer
/// than 65,536 samples and twice the shortest. A recording that is itself too short stays whole.
#[must_use]
pub fn lengths(samples: usize, fs: f64, rpm: Option<f64>) -> Vec<usize> {
    // What is not known is taken to turn at 1,500 r/min: most machines turn faster than 600.
    let shortest = ((shortest_s(rpm.unwrap_or(1500.0)) * fs).ceil() as usize).max(1);
    // Twice, so that a cut leaves none that is too short.
    let longest = shortest.saturating_mul(2).clamp(LONG, LONGEST);
    let pieces = (samples / shortest).clamp(1, WANTED).max(samples.div_ceil(longest));
    // Without a rest: the first ones are a sample longer.
    (0..pieces).map(|i| samples / pieces + usize::from(i < samples % pieces)).filter(|n| *n > 0).collect()
}

/// An id that follows from the content (UUID version 8, FNV-1a): the same samples of the same machine at the same time
/// are the same waveform, however often they are replayed.
#[must_use]
pub fn id(machine: &str, t0: Timestamp, samples: &[f32]) -> WaveformId {
    collector::wire::waveform::derived_id(machine, t0, samples)
}
