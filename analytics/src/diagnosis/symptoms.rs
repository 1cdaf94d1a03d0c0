//! What the points of a machine say together in one window.

use plant::{Axis, BearingFault};
use serde::{Deserialize, Serialize};

use super::known;
use crate::rotating::{Faults, Refusal};

/// A value, or the code of what is missing to have it.
pub type Known<T = f64> = Result<T, Refusal>;

/// Multiples of shaft speed that are looked at, from 1.
pub const ORDERS: usize = 10;

/// Where along the train a point sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bearing housings counted along the train, from 0.
    pub station: u16,
    /// Rotors counted along the train, from 0: between neighbouring stations of different rotors lies a coupling.
    pub rotor: u16,
    /// Direction.
    #[serde(with = "known::axis")]
    pub axis: Axis,
}

impl Place {
    /// Whether it looks across the shaft.
    #[must_use]
    pub fn radial(&self) -> bool {
        self.axis != Axis::Axial
    }
}

/// The frequencies at which the machine excites itself, Hz, as its kinematics and the measured speed give them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Excitations {
    /// Rotation of the shaft, measured during the window.
    pub shaft_hz: f64,
    /// The shaft's speed varied by this part of its mean in the window; 0 where that is not known.
    pub varied: f64,
    /// Mains or converter output.
    pub line_hz: Option<f64>,
    /// Poles times slip.
    pub pole_pass_hz: Option<f64>,
    /// Blades or vanes times shaft speed.
    pub blade_pass_hz: Option<f64>,
    /// Teeth in mesh.
    pub mesh_hz: Option<f64>,
}

/// A line of the velocity spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Hz.
    pub hz: f64,
    /// mm/s RMS; 0 where it does not stand out of the noise around it.
    pub mm_s: f64,
}

/// How well one fault of one bearing explains the envelope of one point, from the envelope decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BearingSymptom {
    /// Which of the machine's bearings.
    pub bearing: u16,
    /// Which part.
    #[serde(with = "known::part")]
    pub fault: BearingFault,
    /// T over what it must exceed.
    pub excess: f64,
    /// Where its lines stand, Hz.
    pub hz: f64,
    /// Mean of ln(1+ρ) over the sidebands that modulation by the load zone leaves: BPFI ± n·shaft, 2·BSF ± n·cage
    /// (n = 1, 2). Outer race and cage stand still against the load or turn with it: there, of the harmonics 2 to 4.
    pub sidebands: f64,
    /// Mean of ln(1+ρ) at a rolling element's own lines, 2·BSF and 2·BSF ± cage, at this hypothesis' slip: ball and cage
    /// share the lines of the cage, these belong to the ball alone.
    pub ball_lines: f64,
    /// The same at the cage's turn and its double and threefold: the outer race is struck at a multiple of it.
    pub cage_lines: f64,
    /// The part of its harmonics (1 to 4) that falls onto multiples of shaft speed, mesh or blade pass.
    pub coincident: f64,
}

/// What one point says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSymptoms {
    /// Where it sits.
    pub place: Place,
    /// What is wrong with its sensor; then it says nothing else.
    pub faults: Faults,
    /// Velocity, mm/s RMS, over the band that ISO 20816 asks for.
    #[serde(with = "known")]
    pub overall: Known,
    /// 1× to 10×; `unresolved` where twice the line frequency stands too close.
    #[serde(with = "known::each")]
    pub orders: [Known<Line>; ORDERS],
    /// ½×.
    #[serde(with = "known")]
    pub half: Known<Line>,
    /// ⅓×.
    #[serde(with = "known")]
    pub third: Known<Line>,
    /// The strongest line within 0.38 to 0.48×.
    #[serde(with = "known")]
    pub sub: Known<Line>,
    /// Twice the line frequency.
    #[serde(with = "known")]
    pub line_2x: Known<Line>,
    /// The weaker of the two lines at pole-pass distance from 1×, and of those from 2×.
    #[serde(with = "known")]
    pub pole_pass: Known<[Line; 2]>,
    /// ln(1 + ρ) of blade or vane pass in the envelope: how far what the record hisses with swells as each of them passes.
    /// Earlier versions did not look.
    #[serde(with = "known", default = "known::not_looked")]
    pub vane_pass: Known,
    /// What the noise between the lines up to 10× would amount to if it filled that band, mm/s RMS.
    #[serde(with = "known")]
    pub floor: Known,
    /// The same over its baseline.
    #[serde(with = "known")]
    pub floor_rise: Known,
    /// Acceleration above 2 kHz, m/s² RMS.
    #[serde(with = "known")]
    pub broadband: Known,
    /// The same over its baseline.
    #[serde(with = "known")]
    pub high_frequency: Known,
    /// Kurtosis of the acceleration; 3 for Gaussian noise.
    pub kurtosis: f64,
    /// Strongest line of the envelope over its floor (power) away from blade pass: near the ln of the number of lines for
    /// random noise, far above where the noise comes in periodic bursts.
    #[serde(with = "known")]
    pub periodic: Known,
    /// Sum of the amplitudes of the sidebands ±1 to ±6 of the mesh over that of the mesh itself (acceleration).
    #[serde(with = "known")]
    pub sideband_ratio: Known,
    /// Phase of 1×, rad, against a reference that all points with the same [`super::Clock`] share.
    #[serde(with = "known")]
    pub phase: Known,
    /// What the envelope decision found.
    #[serde(with = "known")]
    pub bearings: Known<Vec<BearingSymptom>>,
}

/// Motion of the shaft in its bearing as two probes at right angles see it (API 670), with the full spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orbit {
    /// Motion of the shaft against its housing, µm RMS (root of the sum of both directions' squares).
    pub rms_um: f64,
    /// 0 for an orbit that reaches as far to one side as to the other, 1 for one that is cut off at its centre.
    pub clipped: Known,
    /// Forward over forward plus reverse amplitude of the line within 0.38 to 0.48×.
    pub sub_forward: Known,
    /// Reverse over forward amplitude of what is not 1×: ⅓×, ½×, ⅔×, 1½×, 2×, 3×.
    pub reverse: Known,
}

/// What a gear's own analysis gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gear {
    /// FM4, 3 for a sound gear (Stewart 1977; Zakrajsek, NASA TM-105950).
    pub fm4: Known,
    /// NA4, 3 for a sound gear at the time of its baseline.
    pub na4: Known,
    /// Cepstral peak at the period of the gear's shaft over that of its baseline.
    pub cepstrum: Known,
}

/// What a run-up or coast-down said of 1×.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunUp {
    /// Slope of ln(1× displacement) over ln(speed), well away from criticals: 2 for an eccentric mass.
    pub exponent: Known,
    /// The rotor's critical speed nearest to half the running speed, Hz.
    pub critical_hz: Known,
}

/// What the process says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Available over required suction head, or flow over that of best efficiency, whichever is known and lower.
    pub suction: Known,
}

/// Numbers that come from elsewhere, each with the code of why it is not there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Given {
    /// What the machine does: `Err("off")`, `Err("state_unsteady")`, …, where no verdict is to be given.
    pub steady: Known<()>,
    /// Velocity above which vibration is worth an explanation, mm/s RMS: boundary A/B of its ISO 20816 zones, or what its
    /// own baseline allows.
    pub reference: Known,
    /// From proximity probes.
    pub orbit: Known<Orbit>,
    /// From the gear's analysis.
    pub gear: Known<Gear>,
    /// From the last run-up or coast-down.
    pub run_up: Known<RunUp>,
    /// 1× of the shaft at slow roll, µm peak to peak.
    pub slow_roll: Known,
    /// Overall velocity at the motor just after the supply was cut, over that just before.
    pub power_off: Known,
    /// From the process.
    pub process: Known<Process>,
}

impl Given {
    /// Nothing is known but that the machine runs steadily.
    pub const NOTHING: Self = Self {
        steady: Ok(()),
        reference: Err("reference"),
        orbit: Err("orbit"),
        gear: Err("gear"),
        run_up: Err("run_up"),
        slow_roll: Err("slow_roll"),
        power_off: Err("power_off"),
        process: Err("process"),
    };
}

/// Everything together.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptoms {
    /// As stated, the shaft's frequency refined on the strongest 1×.
    pub excitations: Excitations,
    /// By point, in the order of the records.
    pub points: Vec<PointSymptoms>,
    /// Magnitude of the phase of 1× between horizontal and vertical, degrees 0 to 180, where it is strongest.
    pub quadrature: Known,
    /// Circular standard deviation of that over the window, degrees.
    pub phase_spread: Known,
    /// Magnitude of the phase of 1× across the coupling, same direction, degrees 0 to 180.
    pub across_coupling: Known,
    /// Magnitude of the phase of axial 1× from one end of a rotor to the other, degrees 0 to 180.
    pub end_to_end: Known,
    /// What was given.
    pub given: Given,
}
