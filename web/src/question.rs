//! What an analyst may ask of a record.

use std::sync::Arc;

use plant::{Machine, Waveform};

use crate::dto;

/// What the angle of a shaft is taken from.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// A record of pulses, taken beside the other; `None`: the record itself must show the shaft.
    pub tacho: Option<Arc<Waveform>>,
    /// Between which speeds the shaft turned, Hz; `None`: around what is known of the record.
    pub expected_hz: Option<(f64, f64)>,
    /// How often the tacho fires in a turn.
    pub pulses_per_turn: f64,
}

/// One question about one record. Frequencies are finite, ordered, and lie within half of the sampling rate.
#[derive(Clone, Debug)]
pub enum Question {
    /// The amplitude spectrum between two frequencies, as fine as the record allows.
    Zoom {
        /// Low end, Hz.
        low_hz: f64,
        /// High end, Hz.
        high_hz: f64,
    },
    /// The waveform of velocity or displacement, of what lies above a frequency.
    Integrated {
        /// Displacement rather than velocity.
        twice: bool,
        /// Corner of the high-pass, Hz; `None`: as severity is judged.
        low_hz: Option<f64>,
    },
    /// The spectrum of the squared envelope of a band.
    Envelope {
        /// Low end of the band, Hz.
        low_hz: f64,
        /// High end of the band, Hz.
        high_hz: f64,
        /// Up to where the spectrum goes, Hz; `None`: as far as the fault lines of the machine need.
        to_hz: Option<f64>,
    },
    /// The true peak-hold of what lies above a corner, and its spectrum.
    PeakHold {
        /// The corner, Hz; `None`: as is usual for the speed of the shaft.
        corner_hz: Option<f64>,
    },
    /// The cepstrum.
    Cepstrum,
    /// Level over time and frequency.
    Spectrogram,
    /// Kurtosis of the envelope over the bands.
    Kurtogram,
    /// The spectrum over multiples of the shaft speed.
    Orders(Reference),
    /// The mean over the turns of a shaft.
    Average {
        /// The shaft whose angle is measured.
        reference: Reference,
        /// Turns of the shaft of interest in one of that.
        ratio: f64,
    },
    /// Amplitude and phase at once per turn over the speed: a run-up or coast-down.
    RunUp {
        /// The record of pulses, taken beside the other.
        tacho: Arc<Waveform>,
        /// How often the tacho fires in a turn.
        pulses_per_turn: f64,
    },
}

impl Question {
    /// Its name in the API.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Zoom { .. } => "zoom",
            Self::Integrated { twice: false, .. } => "velocity",
            Self::Integrated { twice: true, .. } => "displacement",
            Self::Envelope { .. } => "envelope",
            Self::PeakHold { .. } => "peak_hold",
            Self::Cepstrum => "cepstrum",
            Self::Spectrogram => "spectrogram",
            Self::Kurtogram => "kurtogram",
            Self::Orders(_) => "orders",
            Self::Average { .. } => "average",
            Self::RunUp { .. } => "run_up",
        }
    }
}

/// Computes what is drawn of records. Its methods are called on a thread that may compute for as long as it takes; what
/// cannot be computed is said by a code in the answer.
pub trait Analyst: Send + Sync + 'static {
    /// The spectra of `waveform`, with the lines that the bearings of `machine` let expect.
    fn spectra(&self, waveform: &Waveform, machine: &Machine) -> dto::Spectra;
    /// The answer to one question.
    fn analyse(&self, waveform: &Waveform, machine: &Machine, question: &Question) -> dto::Analysis;
    /// The path of a shaft between two records that were taken at the same time, at right angles.
    fn orbit(&self, horizontal: &Waveform, vertical: &Waveform) -> dto::Analysis;
    /// The spectra of records up to `to_hz`, a row each; the number is where the row lies.
    fn waterfall(&self, records: &[(f64, Arc<Waveform>)], to_hz: f64) -> dto::Analysis;
}
