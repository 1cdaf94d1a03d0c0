//! One waveform as a file: WAV, CSV or a universal file, each with what the form itself cannot say in a sidecar beside it.
//! Forms: `docs/files.md`.

mod csv;
mod sidecar;
mod uff;
mod wav;

use std::io::{self, Write};

use plant::Waveform;

pub use sidecar::sidecar;

/// How a waveform is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RIFF WAVE: the converter's counts of 16 bits, or floats of 32 bits where the sensor sent floats.
    Wav,
    /// `time_s,value`: physical values, exactly.
    Csv,
    /// Universal file, data set 58: physical values with twelve digits after the point, as text.
    Uff,
    /// Universal file, data set 58b: physical values, exactly, as floats of 64 bits.
    UffBinary,
}

impl Format {
    /// What file names end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Csv => "csv",
            Self::Uff | Self::UffBinary => "uff",
        }
    }
}

/// Writes the samples of `w`. What else is known of it is in its [`sidecar`].
pub fn write(w: &Waveform, format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Wav => wav::write(w, out),
        Format::Csv => csv::write(w, out),
        Format::Uff => uff::write(w, uff::Form::Text, out),
        Format::UffBinary => uff::write(w, uff::Form::Binary, out),
    }
}

/// A name for the file of `w`, without its ending: machine, point, time of the first sample and the beginning of the id.
/// It holds nothing that a file system or a shell takes for more than a letter.
#[must_use]
pub fn file_name(w: &Waveform) -> String {
    let machine = w.point.machine();
    let time: String = crate::history::instant(w.t0).to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let id = w.id.to_string();
    let all = [machine.site(), machine.name(), w.point.name(), &time, &id[..8]].join("_");
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    all.chars().map(safe).collect::<String>().trim_start_matches('.').to_owned()
}

/// The physical values, one by one.
fn physical(w: &Waveform) -> impl Iterator<Item = f64> + '_ {
    let (counts, floats, scale, offset): (&[i16], &[f32], _, _) = match &w.samples {
        plant::Samples::I16 { raw, scale, offset } => (raw, &[], *scale, *offset),
        plant::Samples::F32(values) => (&[], values, 1.0, 0.0),
    };
    counts.iter().map(move |c| f64::from(*c) * scale + offset).chain(floats.iter().map(|v| f64::from(*v)))
}

#[cfg(test)]
mod tests;
