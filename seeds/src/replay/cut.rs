//! How a recording becomes waveforms.

use plant::{Timestamp, WaveformId};

/// Longest waveform, in samples.
pub const LONGEST: usize = 65_536;
/// An alarm wants the same verdict from several waveforms in a row.
const WANTED: usize = 5;
/// Below this many seconds a waveform says too little to be one of several.
const SHORTEST_S: f64 = 0.5;

/// The lengths of the consecutive waveforms of a recording of `samples` at `fs` Hz; they add up to `samples`.
///
/// Five, so that one of ten seconds gives waveforms of two (which is what velocity from 10 Hz takes); more where five
/// would be longer than 65,536 samples each; fewer where they would be shorter than half a second.
#[must_use]
pub fn lengths(samples: usize, fs: f64) -> Vec<usize> {
    let shortest = ((SHORTEST_S * fs).ceil() as usize).clamp(1, LONGEST);
    let pieces = (samples / shortest).clamp(1, WANTED).max(samples.div_ceil(LONGEST));
    // Without a rest: the first ones are a sample longer.
    (0..pieces).map(|i| samples / pieces + usize::from(i < samples % pieces)).filter(|n| *n > 0).collect()
}

/// An id that follows from the content (UUID version 8, FNV-1a): the same samples of the same machine at the same time
/// are the same waveform, however often they are replayed.
#[must_use]
pub fn id(machine: &str, t0: Timestamp, samples: &[f32]) -> WaveformId {
    collector::wire::waveform::derived_id(machine, t0, samples)
}
