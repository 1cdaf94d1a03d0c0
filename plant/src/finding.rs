//! What analytics concludes: indicators, diagnoses, steps of alarms, assessments of machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{AlarmTransition, Assessment, BearingFault, Name, PointId, Quality, Timestamp, Unit, WaveformId};

/// A conclusion. Findings are committed and tailed like observations, but are another type: analytics cannot eat them.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A number computed from a point; becomes a time series of its own.
    Indicator(IndicatorValue),
    /// A verdict on a waveform.
    Diagnosis(Diagnosis),
    /// A step of an alarm.
    Alarm(AlarmTransition),
    /// What a machine's points say together.
    Assessment(Box<Assessment>),
}

/// One value of one indicator.
#[derive(Clone, Debug, PartialEq)]
pub struct IndicatorValue {
    /// Computed from this point.
    pub point: PointId,
    /// Which: `velocity_rms`, `kurtosis`, …
    pub name: Name,
    /// Time of the data it describes.
    pub t: Timestamp,
    /// The number; finite.
    pub value: f64,
    /// No better than that of its inputs.
    pub quality: Quality,
    /// Its unit; `None` for pure numbers.
    pub unit: Option<Unit>,
}

/// Vibration severity zones of ISO 20816-1: A newly commissioned, B unrestricted, C restricted, D damaging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// Newly commissioned machines.
    A,
    /// Acceptable for unrestricted long-term operation.
    B,
    /// Unsatisfactory for long-term operation.
    C,
    /// Severe enough to cause damage.
    D,
}

impl Zone {
    /// All four.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// `'A'` to `'D'`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
        }
    }

    /// From its letter, upper case.
    #[must_use]
    pub fn from_letter(c: char) -> Option<Self> {
        Self::ALL.into_iter().find(|z| z.letter() == c)
    }
}

/// Whether a sensor may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SensorState {
    /// It passed every check that its record allows.
    Healthy,
    /// It failed: stable codes (`clipped`, `flat`, `bias`, `ski_slope`, `loose`, `gaps`, …). No verdict on the machine.
    Failed(Vec<Arc<str>>),
}

/// A severity zone and what it rests on, or what is missing to give one.
#[derive(Clone, Debug, PartialEq)]
pub enum ZoneVerdict {
    /// A zone.
    Zone {
        /// Which.
        zone: Zone,
        /// Broad-band velocity, mm/s RMS.
        velocity_mm_s: f64,
        /// Boundaries A/B, B/C, C/D, mm/s RMS.
        boundaries: [f64; 3],
        /// Standard, part, group and support: `ISO 20816-3 group 1 rigid`.
        basis: Arc<str>,
    },
    /// None, and why: stable codes of what is missing (`power`, `foundation`, `bandwidth`, `record_length`, …).
    Refused(Vec<Arc<str>>),
}

/// How well one fault of one bearing explains the envelope spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Which bearing.
    pub bearing: Name,
    /// Which part.
    pub fault: BearingFault,
    /// The statistic T = Σ ln(1+ρ_k) at the best slip.
    pub statistic: f64,
    /// The fault frequency that fits best, Hz (slip included).
    pub hz: f64,
}

/// The envelope decision for one waveform.
#[derive(Clone, Debug, PartialEq)]
pub enum BearingVerdict {
    /// Judged.
    Judged {
        /// Hypotheses, the best first.
        hypotheses: Vec<Hypothesis>,
        /// What the best must exceed, corrected for the number of hypotheses.
        threshold: f64,
        /// Shaft speed that was used, Hz.
        shaft_hz: f64,
    },
    /// Not judged, and why: stable codes (`geometry`, `speed`, `rate`, `record_length`, `sensor`, …).
    Refused(Vec<Arc<str>>),
}

/// Everything concluded from one waveform.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// From this waveform,
    pub waveform: WaveformId,
    /// of this point,
    pub point: PointId,
    /// that began at this time.
    pub t: Timestamp,
    /// May the sensor be believed?
    pub sensor: SensorState,
    /// How severe is the vibration?
    pub zone: ZoneVerdict,
    /// Is a bearing damaged?
    pub bearing: BearingVerdict,
}

/// A frequency to draw into a spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultLine {
    /// Stable label: `outer_race`, `shaft`, …
    pub label: Arc<str>,
    /// Which multiple, 1 the fundamental.
    pub harmonic: u16,
    /// Where, Hz.
    pub hz: f64,
    /// Its power over the local floor; 1 is the floor itself.
    pub ratio: f64,
}

/// What shows that an alarm is right: numbers by stable name, lines, and the record to look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The record it rests on.
    pub waveform: Option<WaveformId>,
    /// Numbers by stable name (`statistic`, `threshold`, `velocity_rms`, `share_1x`, `silent_s`, …).
    pub terms: BTreeMap<Arc<str>, f64>,
    /// Stable codes that explain (`clipped`, `imbalance`, `ISO 20816-3 group 1 rigid`, …).
    pub codes: Vec<Arc<str>>,
    /// Lines in the envelope spectrum.
    pub lines: Vec<FaultLine>,
}

impl Evidence {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waveform.is_none() && self.terms.is_empty() && self.codes.is_empty() && self.lines.is_empty()
    }
}
