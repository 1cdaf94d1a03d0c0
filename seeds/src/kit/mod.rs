//! Line kits: a plant as data, and what goes wrong in it.
//!
//! A kit is a TOML file in `seeds/kits`, compiled in. [`steel`] parses it into the vocabulary of `plant` (what is
//! announced in the machines' births) and, beside it, into the constants of the physics (what is never announced):
//! [`Process`], [`Rotor`], [`Accelerometer`], [`Fault`].

mod raw;
#[cfg(test)]
mod tests;

use plant::{BearingFault, Machine, Name, PointId, Title};

/// A plant, its machines and its scripted faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Kit {
    /// `steel`.
    pub name: Name,
    /// For people.
    pub title: Title,
    /// The site under which its machines publish.
    pub site: Name,
    /// The machines.
    pub machines: Vec<KitMachine>,
    /// What goes wrong, and when.
    pub faults: Vec<ScriptedFault>,
}

/// One machine: what it says of itself, and what the physics need to know beyond that.
#[derive(Clone, Debug, PartialEq)]
pub struct KitMachine {
    /// As announced.
    pub machine: Machine,
    /// Its slow quantities.
    pub process: Process,
    /// The scalar points and what each of them shows.
    pub signals: Vec<SignalPoint>,
    /// What shakes it; `None` where no accelerometer sits on it.
    pub rotor: Option<Rotor>,
    /// Its accelerometers.
    pub accelerometers: Vec<Accelerometer>,
}

/// A quantity that a scalar point shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Shaft speed.
    Speed,
    /// Load in percent of rated.
    Load,
    /// Motor current.
    Current,
    /// Temperature of the drive-end bearing.
    BearingTempDe,
    /// Temperature of the other bearing.
    BearingTempNde,
    /// Temperature of the stator winding.
    WindingTemp,
    /// Discharge pressure.
    Pressure,
    /// Flow.
    Flow,
}

impl Signal {
    /// Every signal and the name of its point.
    pub const ALL: [(&'static str, Self); 8] = [
        ("speed", Self::Speed),
        ("load", Self::Load),
        ("current", Self::Current),
        ("bearing_temp_de", Self::BearingTempDe),
        ("bearing_temp_nde", Self::BearingTempNde),
        ("winding_temp", Self::WindingTemp),
        ("pressure", Self::Pressure),
        ("flow", Self::Flow),
    ];

    fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == s).map(|(_, signal)| signal)
    }
}

/// A scalar point of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalPoint {
    /// Which.
    pub point: PointId,
    /// What it shows.
    pub signal: Signal,
    /// How often, whole seconds.
    pub period_s: u64,
}

/// Constants of the slow quantities: see [`crate::physics::process`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Mean load, 1 = rated.
    pub load: f64,
    /// Half the range over which the load swings, in the same measure.
    pub swing: f64,
    /// Slip of the motor at rated load, 1 = synchronous speed.
    pub slip: f64,
    /// Rated motor current, A.
    pub rated_a: f64,
    /// Rated discharge pressure, kPa.
    pub rated_kpa: f64,
    /// Rated flow, m³/h.
    pub rated_m3h: f64,
    /// Temperature of the hall, °C.
    pub ambient_c: f64,
    /// Rise of the bearings over it at rated load, K.
    pub bearing_rise_k: f64,
    /// Rise of the winding over it at rated load, K.
    pub winding_rise_k: f64,
    /// Time constant of both, s.
    pub tau_s: f64,
}

/// What shakes a machine in good health: see [`crate::physics::vibration`]. Amplitudes are those of the drive end,
/// horizontal, at nominal speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotor {
    /// Residual imbalance: 1× velocity, mm/s RMS.
    pub imbalance_mm_s: f64,
    /// Residual misalignment: 2× velocity, mm/s RMS; a third of it at 3×.
    pub misalignment_mm_s: f64,
    /// Blades or vanes passing: order, mm/s RMS.
    pub pass: Option<(f64, f64)>,
    /// Gear mesh.
    pub mesh: Option<Mesh>,
    /// Twice the line frequency (100 Hz), mm/s RMS.
    pub line_mm_s: f64,
    /// Random noise of rolling contact through the structure's resonance, m/s² RMS.
    pub rolling_m_s2: f64,
    /// That resonance, Hz.
    pub resonance_hz: f64,
}

/// A pair of gears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mesh {
    /// Teeth on the shaft whose speed is stated.
    pub teeth: f64,
    /// Amplitude at the mesh frequency, m/s² RMS.
    pub acceleration_m_s2: f64,
    /// Each of the two sidebands at ± shaft speed, as a share of it.
    pub sideband: f64,
}

/// An accelerometer and its converter.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerometer {
    /// The waveform point.
    pub point: PointId,
    /// The bearing at which it sits.
    pub bearing: Name,
    /// Whether it measures vertically rather than horizontally.
    pub vertical: bool,
    /// Full scale, ± m/s²; a count is this / 32,768.
    pub range_m_s2: f64,
    /// Sampling rate, Hz.
    pub fs: f64,
    /// Samples in a record.
    pub samples: usize,
    /// Seconds between records.
    pub period_s: u64,
    /// Broad-band noise of sensor and amplifier, m/s² RMS.
    pub noise_m_s2: f64,
    /// Bias voltage when well, V.
    pub bias_v: f64,
}

/// A fault and when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptedFault {
    /// Seconds from the start.
    pub at_s: u64,
    /// What breaks.
    pub fault: Fault,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A bearing spalls; the impacts grow from next to nothing to `impact_m_s2` within `grow_s`.
    Bearing {
        /// On this machine.
        machine: Name,
        /// This bearing.
        bearing: Name,
        /// This part.
        part: BearingFault,
        /// Seconds to full size.
        grow_s: f64,
        /// Peak of a full impact at the bearing, m/s².
        impact_m_s2: f64,
    },
    /// A piece of the rotor breaks off (or a deposit does), within one revolution.
    Imbalance {
        /// On this machine.
        machine: Name,
        /// 1× velocity from then on, drive end horizontal, mm/s RMS.
        velocity_mm_s: f64,
    },
    /// The connector of an accelerometer works loose: the supply is interrupted again and again.
    Connector {
        /// On this machine.
        machine: Name,
        /// This waveform point.
        point: PointId,
    },
    /// A gateway loses its supply: its machines fall silent.
    Gateway {
        /// This one.
        gateway: Name,
    },
}

/// The steel works: 24 machines, 20 accelerometers on 8 of them, four faults within the first minute.
#[must_use]
pub fn steel() -> Kit {
    // A test parses every kit that is compiled in.
    #[expect(clippy::expect_used, reason = "the text is part of this program")]
    Kit::from_toml(include_str!("../../kits/steel.toml")).expect("the kit steel is consistent")
}

/// What makes a kit unusable, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KitError {
    /// Not TOML, or not of the kit's shape.
    #[error("the kit does not parse: {0}")]
    Syntax(String),
    /// A reference to nothing, a name that is none, numbers that contradict each other.
    #[error("{place}: {what}")]
    Content {
        /// Which machine, signal or fault.
        place: String,
        /// What was expected and what was found.
        what: String,
    },
}

impl Kit {
    /// Reads and checks a kit.
    pub fn from_toml(text: &str) -> Result<Self, KitError> {
        let raw: raw::Kit = toml::from_str(text).map_err(|e| KitError::Syntax(e.to_string()))?;
        raw.check()
    }

    /// The machine called `name`.
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&KitMachine> {
        self.machines.iter().find(|m| m.machine.id.name() == name)
    }

    /// The gateways, in order of first mention.
    #[must_use]
    pub fn gateways(&self) -> Vec<Name> {
        let mut seen: Vec<Name> = Vec::new();
        for gateway in self.machines.iter().filter_map(|m| m.machine.gateway.as_ref()) {
            if !seen.contains(gateway) {
                seen.push(gateway.clone());
            }
        }
        seen
    }
}
