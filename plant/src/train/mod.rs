//! The train of a machine: which units the power passes, which shafts turn in them and how fast against each other.
//!
//! A [`Train`] is what an engineer reads off drawings and nameplates. From the speed of one shaft, the measured one,
//! follow the speeds of all others ([`Train::shafts`]) and every frequency at which the machine may show something
//! ([`crate::Machine::tones`]).

mod check;
mod ratio;
#[cfg(test)]
mod tests;
mod tones;

use std::collections::BTreeMap;

pub use check::TrainError;
pub use ratio::Shaft;
pub use tones::{Tone, ToneKind};

use crate::Name;

/// How much slower than its diameters say a belt without teeth may drive, as a part of the speed: elastic creep of a
/// well-tensioned V-belt is ½ to 1 %, and pitch diameters are seldom known closer than the rest.
pub const BELT_CREEP: f64 = 0.02;

/// Units in the order in which the power passes them, and where the bearings sit.
///
/// Shafts are named by the units that turn with them; two units that name the same shaft turn together. A machine of
/// which no train is stated has one shaft, whose speed is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// The shaft whose speed the machine measures, and which `rpm` in its records means.
    pub measured: Name,
    /// The units, the driving end first.
    pub units: Vec<TrainUnit>,
    /// On which shaft each bearing sits. A bearing that is not listed sits on the measured one.
    pub seats: BTreeMap<Name, Name>,
}

/// A motor, a coupling, a gearbox, …
#[derive(Clone, Debug, PartialEq)]
pub struct TrainUnit {
    /// Its name within the train.
    pub name: Name,
    /// What it is.
    pub kind: UnitKind,
}

/// What a unit is, as far as its frequencies depend on it.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitKind {
    /// An electric motor.
    Motor(Motor),
    /// A coupling: two shafts at one speed.
    Coupling {
        /// The one that drives.
        driving: Name,
        /// The other.
        driven: Name,
    },
    /// A gearbox.
    Gearbox(Vec<Stage>),
    /// A belt drive.
    Belt(Belt),
    /// What the work is done with.
    Rotor {
        /// What it is.
        class: RotorClass,
        /// Its shaft.
        shaft: Name,
        /// What passes a fixed place on it, as often as it turns times their number.
        passing: Option<Passing>,
    },
}

/// An electric motor on the mains.
#[derive(Clone, Debug, PartialEq)]
pub struct Motor {
    /// Its shaft.
    pub shaft: Name,
    /// Number of poles (not pairs): even.
    pub poles: Option<u16>,
    /// Frequency of its supply, Hz. Not stated behind a converter, where it follows the speed.
    pub line_hz: Option<f64>,
    /// Bars of its cage.
    pub rotor_bars: Option<u16>,
}

/// One stage of a gearbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Gears that mesh one with the next, on shafts that stand still in the housing: a pair, or a pair with idlers
    /// between.
    Gears(Vec<Gear>),
    /// A planetary stage.
    Planetary(Planetary),
    /// A ratio without its teeth: turns of the driven shaft for one of the driving one, negative if against it.
    Ratio {
        /// The shaft that drives.
        driving: Name,
        /// The shaft that is driven.
        driven: Name,
        /// Speed of the second over that of the first.
        ratio: f64,
    },
}

/// A gear on its shaft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gear {
    /// Its shaft.
    pub shaft: Name,
    /// Its teeth.
    pub teeth: u16,
}

/// A simple planetary stage: sun, planets, ring; one member stands still, two have shafts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planetary {
    /// Teeth of the sun.
    pub sun_teeth: u16,
    /// Teeth of each planet.
    pub planet_teeth: u16,
    /// Teeth of the ring, inside.
    pub ring_teeth: u16,
    /// Number of planets.
    pub planets: u16,
    /// Which member stands still.
    pub fixed: Member,
    /// The shaft of the sun, unless it is fixed.
    pub sun: Option<Name>,
    /// The shaft of the carrier, unless it is fixed.
    pub carrier: Option<Name>,
    /// The shaft of the ring, unless it is fixed.
    pub ring: Option<Name>,
}

/// A member of a planetary stage that may have a shaft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// The sun.
    Sun,
    /// The carrier of the planets.
    Carrier,
    /// The ring.
    Ring,
}

impl Member {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Sun, Self::Carrier, Self::Ring];

    /// The stable name: `sun`, `carrier`, `ring`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sun => "sun",
            Self::Carrier => "carrier",
            Self::Ring => "ring",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == s)
    }
}

impl Planetary {
    /// The shaft of `member`.
    #[must_use]
    pub const fn shaft(&self, member: Member) -> Option<&Name> {
        match member {
            Member::Sun => self.sun.as_ref(),
            Member::Carrier => self.carrier.as_ref(),
            Member::Ring => self.ring.as_ref(),
        }
    }

    /// Speed of `member` while the carrier turns once, or, if that is the fixed one, while the ring does.
    ///
    /// Willis: (ω_sun − ω_carrier)/(ω_ring − ω_carrier) = −z_ring/z_sun.
    pub(crate) fn turns(&self, member: Member) -> f64 {
        let k = f64::from(self.ring_teeth) / f64::from(self.sun_teeth);
        let (sun, carrier, ring) = match self.fixed {
            Member::Ring => (1.0 + k, 1.0, 0.0),
            Member::Sun => (0.0, 1.0, 1.0 + 1.0 / k),
            Member::Carrier => (-k, 0.0, 1.0),
        };
        match member {
            Member::Sun => sun,
            Member::Carrier => carrier,
            Member::Ring => ring,
        }
    }
}

/// A belt over two pulleys.
#[derive(Clone, Debug, PartialEq)]
pub struct Belt {
    /// The pulley that drives.
    pub driving: Pulley,
    /// The pulley that is driven.
    pub driven: Pulley,
    /// Length of the belt, mm.
    pub length_mm: Option<f64>,
    /// Whether it has teeth; without, it creeps (see [`BELT_CREEP`]).
    pub toothed: bool,
}

/// A pulley on its shaft.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulley {
    /// Its shaft.
    pub shaft: Name,
    /// Its pitch diameter, mm.
    pub diameter_mm: f64,
}

/// What a rotor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RotorClass {
    /// Fan or blower.
    Fan,
    /// Pump.
    Pump,
    /// Compressor.
    Compressor,
    /// Turbine.
    Turbine,
    /// Generator.
    Generator,
    /// A roll.
    Roll,
    /// Anything else.
    Other,
}

impl RotorClass {
    /// Every class.
    pub const ALL: [Self; 7] =
        [Self::Fan, Self::Pump, Self::Compressor, Self::Turbine, Self::Generator, Self::Roll, Self::Other];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fan => "fan",
            Self::Pump => "pump",
            Self::Compressor => "compressor",
            Self::Turbine => "turbine",
            Self::Generator => "generator",
            Self::Roll => "roll",
            Self::Other => "other",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == s)
    }
}

/// What passes on a rotor, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    /// What.
    pub kind: PassingKind,
    /// How many.
    pub count: u16,
}

/// Blades, vanes or lobes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PassingKind {
    /// Blades of a fan or turbine.
    Blades,
    /// Vanes of an impeller.
    Vanes,
    /// Lobes of a rotor.
    Lobes,
}

impl PassingKind {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Blades, Self::Vanes, Self::Lobes];

    /// The stable name: `blades`, `vanes`, `lobes`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blades => "blades",
            Self::Vanes => "vanes",
            Self::Lobes => "lobes",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == s)
    }
}

impl UnitKind {
    /// The stable name: `motor`, `coupling`, `gearbox`, `belt`, or that of the rotor's class.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Motor(_) => "motor",
            Self::Coupling { .. } => "coupling",
            Self::Gearbox(_) => "gearbox",
            Self::Belt(_) => "belt",
            Self::Rotor { class, .. } => class.as_str(),
        }
    }

    /// The shafts that turn in it, each once, the driving one first.
    #[must_use]
    pub fn shafts(&self) -> Vec<&Name> {
        let mut all: Vec<&Name> = match self {
            Self::Motor(m) => vec![&m.shaft],
            Self::Rotor { shaft, .. } => vec![shaft],
            Self::Coupling { driving, driven } => vec![driving, driven],
            Self::Belt(b) => vec![&b.driving.shaft, &b.driven.shaft],
            Self::Gearbox(stages) => stages.iter().flat_map(Stage::shafts).collect(),
        };
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|name| seen.insert(*name));
        all
    }
}

impl Stage {
    fn shafts(&self) -> Vec<&Name> {
        match self {
            Self::Gears(gears) => gears.iter().map(|g| &g.shaft).collect(),
            Self::Planetary(p) => Member::ALL.into_iter().filter_map(|m| p.shaft(m)).collect(),
            Self::Ratio { driving, driven, .. } => vec![driving, driven],
        }
    }
}
