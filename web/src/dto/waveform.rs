//! Records of fast signals, and their spectra.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Diagnosis, Hypothesis, Time};

/// A record without its samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaveformHeader {
    /// Its id, a UUID.
    pub id: String,
    /// Where it was measured, `site/machine/point`.
    pub point: String,
    /// Time of the first sample.
    pub t0: Time,
    /// Sampling rate, Hz.
    pub fs: f64,
    /// How many samples.
    pub n: u64,
    /// Unit of the physical values.
    pub unit: String,
    /// Mean shaft speed during the record, r/min.
    pub rpm: Option<f64>,
}

/// A record without its samples, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaveformDetail {
    /// The header (the fields stand at the top level of the answer).
    #[serde(flatten)]
    pub header: WaveformHeader,
    /// Its length, s.
    pub duration_s: f64,
    /// When its last part reached the platform.
    pub received: Time,
    /// What the sensor says besides the samples.
    pub meta: WaveformMeta,
    /// What was concluded from it; `null` while it has not been judged.
    pub diagnosis: Option<Diagnosis>,
}

/// What the sensor says about a record; `null` was not stated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaveformMeta {
    /// Lowest and highest shaft speed during the record, r/min.
    pub rpm_range: Option<[f64; 2]>,
    /// Full scale of the sensor, ± in the record's unit.
    pub range: Option<f64>,
    /// Corner of the high-pass, Hz.
    pub hp_hz: Option<f64>,
    /// Corner of the low-pass, Hz.
    pub lp_hz: Option<f64>,
    /// IEPE bias voltage, V.
    pub bias_v: Option<f64>,
    /// Samples that the sensor counted as clipped.
    pub clip_count: Option<u64>,
    /// Samples lost within the record.
    pub gaps: u64,
    /// Load, percent of rated.
    pub load: Option<f64>,
    /// State of the machine as the source calls it.
    pub state: Option<String>,
    /// Sensor's serial number.
    pub serial: Option<String>,
    /// The source's running number.
    pub seq: Option<u64>,
    /// What the source calls the moment, the same in records that were sampled together.
    pub sync: Option<String>,
    /// Of the record of a tacho: pulses in each turn of its shaft.
    pub pulses: Option<f64>,
}

/// The spectra of one record. Line `i` of a spectrum lies at `i · df_hz`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spectra {
    /// Sampling rate of the record, Hz.
    pub fs: f64,
    /// Shaft speed, Hz; `null` where it is not known.
    pub shaft_hz: Option<f64>,
    /// Amplitude spectrum in the record's own unit.
    pub spectrum: Spectrum,
    /// Amplitude spectrum of velocity; empty where the record is not an acceleration or a velocity.
    pub velocity: Spectrum,
    /// Spectrum of the squared envelope over its local floor; empty where it was refused.
    pub envelope: Envelope,
    /// The bearing faults that were weighed, the best first.
    pub hypotheses: Vec<Hypothesis>,
    /// Why there is no envelope decision: stable codes. Empty when there is one.
    pub refused: Vec<String>,
}

/// Amplitudes of equally spaced lines, beginning at 0 Hz.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spectrum {
    /// Distance between two lines, Hz.
    pub df_hz: f64,
    /// Unit of the amplitudes.
    pub unit: String,
    /// RMS amplitudes.
    pub amplitude: Vec<f32>,
}

/// The envelope spectrum as a bearing decision sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// Distance between two lines, Hz.
    pub df_hz: f64,
    /// Whether it was taken over the angle of the shaft, because the speed varied: its lines are orders then, given where
    /// they lie at `shaft_hz`, the mean speed.
    pub by_turn: bool,
    /// Power over the local floor; 1 is the floor itself.
    pub ratio: Vec<f32>,
    /// What to mark.
    pub lines: Vec<EnvelopeLine>,
}

/// A frequency to mark in a spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopeLine {
    /// `shaft`, `outer_race`, `inner_race`, `ball`, `cage`, and of the train `other_shaft`, `gear_mesh`, `hunting_tooth`, `planet_pass`,
    /// `planet_tooth`, `blade_pass`, `vane_pass`, `lobe_pass`, `belt`, `line_2x`, `pole_pass`, `rotor_bar`.
    pub label: String,
    /// Of which bearing, or of which shaft or unit of the train; `null` for the shaft at which the sensor sits.
    pub bearing: Option<String>,
    /// Which multiple, 1 the fundamental.
    pub harmonic: u16,
    /// Where, Hz.
    pub hz: f64,
    /// By how much that is beside what the geometry says, as a part of it; `null` for what cannot slip.
    pub slip: Option<f64>,
    /// Its power over the local floor: in the envelope for bearings and the shaft at the sensor, in the spectrum of
    /// acceleration for the rest of the train.
    pub ratio: f64,
}
