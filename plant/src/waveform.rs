//! A stretch of a fast signal, sampled at a constant rate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::{PointId, Timestamp, Unit};

/// A waveform's identity: the 128 bits of a UUID (version 7 from well-behaved sensors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaveformId(pub u128);

impl fmt::Display for WaveformId {
    /// The usual form with hyphens, lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            v >> 96,
            (v >> 80) & 0xffff,
            (v >> 64) & 0xffff,
            (v >> 48) & 0xffff,
            v & 0xffff_ffff_ffff
        )
    }
}

impl FromStr for WaveformId {
    type Err = WaveformError;
    fn from_str(s: &str) -> Result<Self, WaveformError> {
        let hex: String = s.chars().filter(|c| *c != '-').collect();
        match u128::from_str_radix(&hex, 16) {
            Ok(v) if hex.len() == 32 && !hex.starts_with('+') => Ok(Self(v)),
            _ => Err(WaveformError::Id(s.to_owned())),
        }
    }
}

/// The samples as the converter gave them.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Converter counts; physical value = count · scale + offset.
    I16 {
        /// The counts.
        raw: Arc<[i16]>,
        /// Physical units per count.
        scale: f64,
        /// Physical value of count 0.
        offset: f64,
    },
    /// Physical values.
    F32(Arc<[f32]>),
}

impl Samples {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I16 { raw, .. } => raw.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Shaft speed during the record, r/min.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Mean over the record.
    pub mean_rpm: f64,
    /// Lowest and highest during the record, where the source says.
    pub range_rpm: Option<(f64, f64)>,
}

/// What the sensor says about the record besides its samples. Everything optional: what is absent was not stated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WaveformMeta {
    /// Shaft speed.
    pub speed: Option<Speed>,
    /// Full scale of the sensor, ± in the waveform's unit.
    pub range: Option<f64>,
    /// Corner of the sensor's high-pass, Hz.
    pub hp_hz: Option<f64>,
    /// Corner of the sensor's low-pass (anti-aliasing or mounted resonance), Hz.
    pub lp_hz: Option<f64>,
    /// IEPE bias voltage, V (healthy sensors sit between 8 and 14).
    pub bias_v: Option<f64>,
    /// Samples that the sensor itself counted as clipped.
    pub clip_count: Option<u64>,
    /// Samples lost within the record.
    pub gaps: u64,
    /// Load in percent of rated.
    pub load: Option<f64>,
    /// State of the machine as the source calls it.
    pub state: Option<Arc<str>>,
    /// Sensor's serial number.
    pub serial: Option<Arc<str>>,
    /// The source's running number.
    pub seq: Option<u64>,
    /// What the source calls the moment: records of one machine with the same text were sampled by one converter at once, so
    /// that phases between them mean something. Any text; those that can be meant so are told by [`is_sync`].
    pub sync: Option<Arc<str>>,
    /// Of the record of a tacho: pulses in each turn of its shaft.
    pub pulses: Option<f64>,
}

/// Longest [`WaveformMeta::sync`], in characters.
pub const LONGEST_SYNC: usize = 64;

/// Whether `sync` can be a statement that records were taken together: 1 to 64 printable characters of ASCII.
#[must_use]
pub fn is_sync(sync: &str) -> bool {
    (1..=LONGEST_SYNC).contains(&sync.len()) && sync.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// A stretch of signal. Made by [`Waveform::new`], which holds what later code relies on.
#[derive(Clone, Debug, PartialEq)]
pub struct Waveform {
    /// Its identity; the same id is the same record.
    pub id: WaveformId,
    /// Where it was measured.
    pub point: PointId,
    /// Time of the first sample, by the source's clock.
    pub t0: Timestamp,
    /// When it reached us (its last part).
    pub t_received: Timestamp,
    /// Sampling rate, Hz; finite and above 0.
    pub fs: f64,
    /// Unit of the physical values.
    pub unit: Unit,
    /// The samples; at least one, all finite.
    pub samples: Samples,
    /// Whatever else is known.
    pub meta: WaveformMeta,
}

/// What makes a waveform unusable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WaveformError {
    /// The rate is not a positive number.
    #[error("the sampling rate is {0}; expected a number of Hz above 0")]
    Rate(f64),
    /// No samples.
    #[error("the waveform holds no samples")]
    Empty,
    /// `NaN` or infinity among samples or scale.
    #[error("sample {0} is not a finite number")]
    NotFinite(usize),
    /// The scale or offset is not a usable number.
    #[error(
        "scale {scale} and offset {offset} do not give physical values; expected finite numbers and a scale other than 0"
    )]
    Scale {
        /// As given.
        scale: f64,
        /// As given.
        offset: f64,
    },
    /// Not a UUID.
    #[error("{0:?} is not a UUID; expected 32 hexadecimal digits")]
    Id(String),
}

impl Waveform {
    /// Checks rate and samples.
    #[expect(clippy::too_many_arguments, reason = "each is a field, and none has a default")]
    pub fn new(
        id: WaveformId,
        point: PointId,
        t0: Timestamp,
        t_received: Timestamp,
        fs: f64,
        unit: Unit,
        samples: Samples,
        meta: WaveformMeta,
    ) -> Result<Self, WaveformError> {
        if !(fs.is_finite() && fs > 0.0) {
            return Err(WaveformError::Rate(fs));
        }
        if samples.is_empty() {
            return Err(WaveformError::Empty);
        }
        match &samples {
            Samples::I16 { scale, offset, .. } => {
                if !(scale.is_finite() && *scale != 0.0 && offset.is_finite()) {
                    return Err(WaveformError::Scale { scale: *scale, offset: *offset });
                }
            }
            Samples::F32(v) => {
                if let Some(i) = v.iter().position(|x| !x.is_finite()) {
                    return Err(WaveformError::NotFinite(i));
                }
            }
        }
        Ok(Self { id, point, t0, t_received, fs, unit, samples, meta })
    }

    /// Length in time.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.samples.len() as f64 / self.fs).unwrap_or(Duration::MAX)
    }

    /// Writes the physical values, in [`Waveform::unit`], into `out`, replacing what it held.
    pub fn physical_into(&self, out: &mut Vec<f64>) {
        out.clear();
        match &self.samples {
            Samples::I16 { raw, scale, offset } => out.extend(raw.iter().map(|r| f64::from(*r) * scale + offset)),
            Samples::F32(v) => out.extend(v.iter().map(|x| f64::from(*x))),
        }
    }

    /// The physical values, in [`Waveform::unit`].
    #[must_use]
    pub fn physical(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.samples.len());
        self.physical_into(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(fs: f64, samples: Samples) -> Result<Waveform, WaveformError> {
        let point = "s/m/p".parse().unwrap();
        let t = Timestamp::from_secs(0);
        let unit = Unit::parse("m/s²").unwrap();
        Waveform::new(WaveformId(1), point, t, t, fs, unit, samples, WaveformMeta::default())
    }

    #[test]
    fn what_cannot_be_analysed_is_refused() {
        let one = || Samples::F32([1.0f32].into());
        assert!(make(25_600.0, one()).is_ok());
        assert!(matches!(make(0.0, one()), Err(WaveformError::Rate(_))));
        assert!(matches!(make(f64::NAN, one()), Err(WaveformError::Rate(_))));
        assert!(matches!(make(1.0, Samples::F32([].into())), Err(WaveformError::Empty)));
        assert!(matches!(make(1.0, Samples::F32([0.0, f32::INFINITY].into())), Err(WaveformError::NotFinite(1))));
        let i16s = |scale| Samples::I16 { raw: [1i16].into(), scale, offset: 0.0 };
        assert!(matches!(make(1.0, i16s(0.0)), Err(WaveformError::Scale { .. })));
        assert_eq!(make(1.0, i16s(0.5)).unwrap().physical(), vec![0.5]);
    }

    #[test]
    fn what_says_that_records_were_taken_together_is_short_and_printable() {
        assert!(["7", "adc 1/2026-01-31T08:00:00Z", &"x".repeat(64)].into_iter().all(is_sync));
        assert!(!["", "\n", "a\u{7f}", "同步", "\u{202e}x", &"x".repeat(65)].into_iter().any(is_sync));
    }

    #[test]
    fn ids_round_trip() {
        let id = WaveformId(0x0192_f0c1_8a3b_7c4d_9e5f_0123_4567_89ab);
        assert_eq!(id.to_string(), "0192f0c1-8a3b-7c4d-9e5f-0123456789ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("0192".parse::<WaveformId>().is_err());
        assert!("+192f0c18a3b7c4d9e5f0123456789ab".parse::<WaveformId>().is_err());
    }
}
