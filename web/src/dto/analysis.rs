//! What is computed of records when an analyst asks for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer to one question. What does not belong to its kind is empty or `null`; where `refused` holds a code, all is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Analysis {
    /// `zoom`, `velocity`, `displacement`, `envelope`, `peak_hold`, `cepstrum`, `spectrogram`, `kurtogram`, `orders`, `average`, `run_up`,
    /// `orbit` or `waterfall`.
    pub kind: String,
    /// Why it cannot be computed: stable codes. Empty when it was.
    pub refused: Vec<String>,
    /// Shaft speed that it was computed for, Hz; `null` where it is not known or plays no part.
    pub shaft_hz: Option<f64>,
    /// The curves, by name.
    pub curves: Vec<AnalysisCurve>,
    /// The map.
    pub map: Option<AnalysisMap>,
    /// The kurtogram.
    pub kurtogram: Option<Kurtogram>,
    /// The path of the shaft in the order of time: horizontal, vertical, in the unit of the curve `full`.
    pub path: Vec<[f64; 2]>,
    /// Amplitude and phase at once per turn during a run-up or coast-down, in the order of time.
    #[serde(default)]
    pub responses: Vec<RunUpResponse>,
    /// Single numbers and what they are: `turns`, `residual_rms`, `forward` (1 with the rotation, 0 against it), `corner_hz`.
    pub facts: BTreeMap<String, f64>,
    /// Where the angle of the shaft was taken from: `tacho` or `record`.
    pub source: Option<String>,
}

/// The vibration at shaft speed at one speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunUpResponse {
    /// Speed, r/min.
    pub rpm: f64,
    /// Amplitude (peak), m/s².
    pub amplitude: f64,
    /// Phase lag behind the tacho's edge, degrees within 0 to 360.
    pub lag_deg: f64,
}

/// Values at equal steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisCurve {
    /// Which of the kind's curves.
    pub name: String,
    /// Where the first value lies.
    pub x0: f64,
    /// Distance of two values.
    pub dx: f64,
    /// Unit of the axis: `Hz`, `s`, `order` or `turn`.
    pub x_unit: String,
    /// Unit of the values.
    pub unit: String,
    /// The values.
    pub values: Vec<f32>,
}

/// Values over two axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisMap {
    /// Where the first column lies.
    pub x0: f64,
    /// Distance of two columns.
    pub dx: f64,
    /// Unit along the columns.
    pub x_unit: String,
    /// Where the first row lies.
    pub y0: f64,
    /// Distance of two rows.
    pub dy: f64,
    /// Unit along the rows; empty where each row is a record.
    pub y_unit: String,
    /// How many columns.
    pub columns: usize,
    /// How many rows.
    pub rows: usize,
    /// Unit of the values.
    pub unit: String,
    /// Row after row, to four digits.
    pub values: Vec<f32>,
    /// Which record each row is; empty where rows are steps.
    pub records: Vec<MapRecord>,
}

/// The record that a row was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MapRecord {
    /// Its id.
    pub id: String,
    /// Time of its first sample.
    pub t0: super::Time,
    /// Mean shaft speed, r/min.
    pub rpm: Option<f64>,
}

/// Kurtosis of the envelope by centre and width of the band.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Kurtogram {
    /// From wide bands to narrow ones.
    pub levels: Vec<KurtogramLevel>,
    /// The band that stands out most: low and high, Hz.
    pub best: [f64; 2],
    /// Its kurtosis.
    pub kurtosis: f64,
}

/// Bands of one width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KurtogramLevel {
    /// The width, Hz.
    pub width_hz: f64,
    /// Kurtosis of each band, from 0 Hz on.
    pub kurtosis: Vec<f32>,
}
