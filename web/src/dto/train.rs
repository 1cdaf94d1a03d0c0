//! The train of a machine: units, shafts, and the frequencies that follow.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Units in the order in which the power passes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Train {
    /// The shaft whose speed is measured.
    pub measured: String,
    /// The units.
    pub units: Vec<TrainUnit>,
    /// The shafts, in the order in which the units name them; empty if the train is impossible.
    pub shafts: Vec<TrainShaft>,
    /// What is impossible about it.
    pub error: Option<String>,
    /// Speed of the measured shaft for which `tones` hold, r/min; `null` where no nominal speed is stated.
    pub tones_rpm: Option<f64>,
    /// Where it may show something at that speed, bearings apart.
    pub tones: Vec<TrainTone>,
}

/// A shaft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainShaft {
    /// Its name.
    pub name: String,
    /// Its speed over that of the measured shaft; negative if it turns against it.
    pub ratio: f64,
    /// By how much of itself the ratio may be wrong: belts creep.
    pub tolerance: f64,
}

/// A unit. What does not belong to its kind is `null` or empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainUnit {
    /// Its name within the train.
    pub name: String,
    /// `motor`, `coupling`, `gearbox`, `belt`, `fan`, `pump`, `compressor`, `turbine`, `generator`, `roll`, `other`.
    pub kind: String,
    /// The shafts that turn in it, the driving one first.
    pub shafts: Vec<String>,
    /// Poles of a motor.
    pub poles: Option<u16>,
    /// Frequency of its supply, Hz.
    pub line_hz: Option<f64>,
    /// Bars of its rotor.
    pub rotor_bars: Option<u16>,
    /// Stages of a gearbox.
    pub stages: Vec<TrainStage>,
    /// Pitch diameters of the pulleys of a belt drive, mm: driving, driven.
    pub pulleys_mm: Option<[f64; 2]>,
    /// Length of the belt, mm.
    pub belt_mm: Option<f64>,
    /// Whether the belt has teeth.
    pub toothed: Option<bool>,
    /// What passes on it: `blades`, `vanes` or `lobes`.
    pub passing: Option<String>,
    /// How many of them.
    pub passing_count: Option<u16>,
}

/// A stage of a gearbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainStage {
    /// `gears`, `planetary` or `ratio`.
    pub kind: String,
    /// The gears: neighbours mesh; of a planetary stage sun, planet and ring.
    pub gears: Vec<TrainGear>,
    /// The shaft of the carrier of a planetary stage.
    pub carrier: Option<String>,
    /// How many planets.
    pub planets: Option<u16>,
    /// Which member stands still: `sun`, `carrier` or `ring`.
    pub fixed: Option<String>,
    /// The shafts of a stage of which only the ratio is known.
    pub shafts: Vec<String>,
    /// That ratio.
    pub ratio: Option<f64>,
}

/// A gear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrainGear {
    /// Its shaft; `null` for planets and for what stands still.
    pub shaft: Option<String>,
    /// Its teeth.
    pub teeth: u16,
}

/// A frequency that follows from the speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainTone {
    /// `gear_mesh`, `hunting_tooth`, `planet_pass`, `planet_tooth`, `blade_pass`, `vane_pass`, `lobe_pass`, `belt`,
    /// `line_2x`, `pole_pass`, `rotor_bar`.
    pub label: String,
    /// The unit that it belongs to.
    pub of: String,
    /// The stage of a gearbox, counted from 1; 0 elsewhere.
    pub stage: u16,
    /// Where, Hz.
    pub hz: f64,
    /// Distances of its sidebands, Hz.
    pub sidebands_hz: Vec<f64>,
}
