//! "Healthy? Why?": one machine with its points, bearings and verdicts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Alarm, MachineSummary, Reading, Time, Title, Train};

/// Which machine, with its name for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MachineRef {
    /// Its site.
    pub site: String,
    /// Its own name; `site/machine` is its id.
    pub machine: String,
    /// Its name for people.
    pub title: Title,
}

/// A machine, its parts and its alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MachineDetail {
    /// Its line in the overview (the fields stand at the top level of the answer).
    #[serde(flatten)]
    pub summary: MachineSummary,
    /// The gateway through which it speaks.
    pub gateway: Option<String>,
    /// Speed at which it usually runs, r/min.
    pub nominal_rpm: Option<f64>,
    /// What its vibration limits depend on.
    pub severity: Severity,
    /// Its bearings.
    pub bearings: Vec<Bearing>,
    /// Its units and shafts; `null` where they were not stated: then it has one shaft, whose speed is measured.
    pub train: Option<Train>,
    /// Its points, by name.
    pub points: Vec<Point>,
    /// Its alarms that hold or wait for acknowledgement, most urgent first.
    pub alarms: Vec<Alarm>,
}

/// What choosing a row of the ISO 20816 tables takes; `null` was not stated, and then no zone is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Severity {
    /// Rated power, kW.
    pub rated_kw: Option<f64>,
    /// Shaft height H, mm.
    pub shaft_height_mm: Option<f64>,
    /// `rigid` or `flexible`.
    pub foundation: Option<String>,
}

/// A rolling-element bearing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bearing {
    /// Its place on the machine: `DE`, `NDE`.
    pub name: String,
    /// The maker's designation.
    pub designation: Option<String>,
    /// The shaft of the train on which it sits; `null` without a train.
    pub shaft: Option<String>,
    /// Fault frequencies as multiples of the speed of its shaft; `null` where the stated geometry is impossible.
    pub orders: Option<Orders>,
    /// What is impossible about the geometry.
    pub geometry_error: Option<String>,
    /// By how much of itself each of `orders` may be wrong, where the geometry was estimated from the boundary
    /// dimensions; `null` where it was stated.
    pub tolerance: Option<Orders>,
    /// Whose word the geometry is, where it is that of the catalogue.
    pub source: Option<String>,
}

/// Fault frequencies as multiples of the shaft's speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Orders {
    /// Ball pass frequency, outer race.
    pub bpfo: f64,
    /// Ball pass frequency, inner race.
    pub bpfi: f64,
    /// Ball spin frequency (a defect strikes at twice this).
    pub bsf: f64,
    /// Cage frequency.
    pub ftf: f64,
}

/// A measuring point, with what it says and what is concluded from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Its id, `site/machine/point`: what `point=` takes in queries.
    pub id: String,
    /// Its own name.
    pub name: String,
    /// Its name for people.
    pub title: Title,
    /// `scalar` or `waveform`.
    pub kind: String,
    /// What is measured: `acceleration`, `temperature`, …
    pub quantity: Option<String>,
    /// In which unit its values are kept.
    pub unit: Option<String>,
    /// What the sensor can measure: lowest and highest, in the unit.
    pub range: Option<[f64; 2]>,
    /// Where it sits.
    pub location: Location,
    /// Its alarm limits, in the unit.
    pub limits: Limits,
    /// How often it speaks when all is well, s.
    pub period_s: Option<f64>,
    /// Its latest value (scalar points).
    pub last: Option<Reading>,
    /// What is computed from it, with the latest values.
    pub indicators: Vec<Indicator>,
    /// Vibration severity by its latest record; `null` where nothing was judged yet.
    pub zone: Option<Zone>,
    /// Verdict on its latest record; `null` where nothing was judged yet.
    pub diagnosis: Option<Diagnosis>,
}

/// Where on its machine a point sits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Location {
    /// At which bearing (its `name`).
    pub bearing: Option<String>,
    /// `horizontal`, `vertical`, `axial` or `radial`.
    pub axis: Option<String>,
}

/// Alarm limits; what is `null` is not watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// High-high: act now.
    pub hh: Option<f64>,
    /// High.
    pub h: Option<f64>,
    /// Low.
    pub l: Option<f64>,
    /// Low-low: act now.
    pub ll: Option<f64>,
}

/// A number computed from a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Indicator {
    /// `velocity_rms`, `kurtosis`, …: what `indicator=` takes in queries.
    pub name: String,
    /// Its unit; `null` for pure numbers.
    pub unit: Option<String>,
    /// Its latest value.
    pub last: Option<Reading>,
}

/// A severity zone and what it rests on, or what is missing to give one. Told apart by the field `refused`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Zone {
    /// No zone, and why.
    Refused {
        /// Stable codes of what is missing: `power`, `foundation`, `bandwidth`, `record_length`, `class`, …
        refused: Vec<String>,
    },
    /// A zone.
    Given {
        /// `A` (newly commissioned) to `D` (damaging).
        zone: String,
        /// Broad-band velocity, mm/s RMS.
        velocity_mm_s: f64,
        /// Boundaries A/B, B/C and C/D, mm/s RMS.
        boundaries: [f64; 3],
        /// Standard, part, group and support: `ISO 20816-3 group 1 rigid`.
        basis: String,
    },
}

/// Everything concluded from one waveform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// From which record.
    pub waveform: String,
    /// Of which point (`site/machine/point`).
    pub point: String,
    /// When that record began.
    pub t: Time,
    /// May the sensor be believed?
    pub sensor: SensorVerdict,
    /// How severe is the vibration?
    pub zone: Zone,
    /// Is a bearing damaged?
    pub bearing: BearingVerdict,
}

/// Whether a sensor may be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SensorVerdict {
    /// Whether it passed every check that its record allows.
    pub healthy: bool,
    /// What it failed: `clipped`, `flat`, `bias`, `ski_slope`, `loose`, `gaps`, `no_rotation`. Empty when healthy.
    pub codes: Vec<String>,
}

/// The envelope decision for one waveform. Told apart by the field `refused`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum BearingVerdict {
    /// Not judged, and why.
    Refused {
        /// Stable codes: `geometry`, `speed`, `rate`, `record_length`, `sensor`, `speed_unsteady`, …
        refused: Vec<String>,
    },
    /// Judged. A fault is claimed where a hypothesis' statistic exceeds the threshold.
    Judged {
        /// The best first.
        hypotheses: Vec<Hypothesis>,
        /// What the best must exceed.
        threshold: f64,
        /// Shaft speed that was used, Hz.
        shaft_hz: f64,
    },
}

/// How well one fault of one bearing explains the envelope spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hypothesis {
    /// Which bearing.
    pub bearing: String,
    /// `outer_race`, `inner_race`, `ball` or `cage`.
    pub fault: String,
    /// The statistic T = Σ ln(1+ρ) at the best slip.
    pub statistic: f64,
    /// What it must exceed.
    pub threshold: f64,
    /// The fault frequency that fits best, Hz.
    pub hz: f64,
}
