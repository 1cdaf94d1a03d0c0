//! RIFF WAVE, one channel. Counts of 16 bits stay as they are; floats are of 32 bits.

use std::io::{self, Write};

use plant::{Samples, Waveform};

const PCM: u16 = 1;
const FLOAT: u16 = 3;

pub(super) fn write(w: &Waveform, out: &mut impl Write) -> io::Result<()> {
    let (tag, width) = match &w.samples {
        Samples::I16 { .. } => (PCM, 2_u16),
        Samples::F32(_) => (FLOAT, 4),
    };
    let count = u32::try_from(w.samples.len()).ok();
    let size = count.and_then(|n| n.checked_mul(u32::from(width))).filter(|n| *n < u32::MAX - 64);
    let (Some(count), Some(size)) = (count, size) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a WAV holds less than 4 GiB"));
    };
    // Whole hertz are all that a WAV can say; the sidecar has the exact rate.
    let fs = w.fs.round().clamp(1.0, f64::from(u32::MAX)) as u32;
    // Formats other than PCM carry an extension (here none) and a chunk that says how many samples there are.
    let fact = if tag == PCM { Vec::new() } else { [&b"fact\x04\0\0\0"[..], &count.to_le_bytes()].concat() };
    let format_size: u32 = if tag == PCM { 16 } else { 18 };
    out.write_all(b"RIFF")?;
    out.write_all(&(4 + 8 + format_size + fact.len() as u32 + 8 + size).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    out.write_all(&format_size.to_le_bytes())?;
    out.write_all(&tag.to_le_bytes())?;
    out.write_all(&1_u16.to_le_bytes())?;
    out.write_all(&fs.to_le_bytes())?;
    out.write_all(&fs.wrapping_mul(u32::from(width)).to_le_bytes())?;
    out.write_all(&width.to_le_bytes())?;
    out.write_all(&(width * 8).to_le_bytes())?;
    if tag != PCM {
        out.write_all(&[0, 0])?;
    }
    out.write_all(&fact)?;
    out.write_all(b"data")?;
    out.write_all(&size.to_le_bytes())?;
    // Samples of two and four bytes: the data is even and needs no padding.
    match &w.samples {
        Samples::I16 { raw, .. } => raw.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
        Samples::F32(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
    }
}
