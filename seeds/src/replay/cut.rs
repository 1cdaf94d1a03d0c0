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
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let add = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    let hash = machine.bytes().chain([0]).chain(t0.nanos().to_le_bytes()).fold(OFFSET, add);
    let hash = samples.iter().flat_map(|v| v.to_le_bytes()).fold(hash, add);
    let (version, variant) = (0xf << 76, 0b11 << 62);
    WaveformId(hash & !version & !variant | (0x8 << 76) | (0b10 << 62))
}
