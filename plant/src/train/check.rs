//! What makes a train impossible, said so that whoever stated it can mend it.

use std::collections::BTreeSet;

use super::{Belt, Member, Motor, Planetary, Stage, Train, TrainUnit, UnitKind};
use crate::Name;

/// Most units of a train, and most stages of a gearbox.
const MOST: usize = 32;
/// Fewest teeth of a gear: below, none can be cut.
const FEWEST_TEETH: u16 = 5;
/// Most teeth, blades, bars: beyond, it is a slip of the pen.
const MOST_TEETH: u16 = 2000;
/// Teeth by which a ring may differ from sun + 2·planet, where profiles are shifted.
const SHIFTED: i32 = 2;

/// What makes a train impossible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// No unit, or too many.
    #[error("the train has {0} units; expected 1 to 32")]
    Units(usize),
    /// Two units of one name.
    #[error("unit {0} stands twice; give each unit a name of its own")]
    Twice(Name),
    /// A number of stages that no gearbox has.
    #[error("unit {unit}: it has {found} stages; expected 1 to 32")]
    Stages {
        /// The gearbox.
        unit: Name,
        /// How many.
        found: usize,
    },
    /// A gear that meshes with nothing.
    #[error("unit {unit}, stage {stage}: {found} gear without a partner; expected two or more that mesh")]
    Partner {
        /// The gearbox.
        unit: Name,
        /// The stage, counted from 1.
        stage: usize,
        /// How many gears were stated.
        found: usize,
    },
    /// A number that is none of its kind.
    #[error("unit {unit}: {what} is {found}; expected {expected}")]
    Number {
        /// The unit.
        unit: Name,
        /// Which number.
        what: &'static str,
        /// What was found.
        found: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// Members of a planetary stage whose shafts do not fit the fixed one.
    #[error("unit {unit}, stage {stage}: the {member} {found}")]
    Member {
        /// The gearbox.
        unit: Name,
        /// The stage, counted from 1.
        stage: usize,
        /// Which member.
        member: &'static str,
        /// What is wrong with it.
        found: &'static str,
    },
    /// Teeth that do not fit into each other.
    #[error(
        "unit {unit}, stage {stage}: a ring of {ring} teeth does not fit around a sun of {sun} and planets of {planet}; \
         expected about sun + 2 planets"
    )]
    Teeth {
        /// The gearbox.
        unit: Name,
        /// The stage, counted from 1.
        stage: usize,
        /// Teeth of the ring.
        ring: u16,
        /// Teeth of the sun.
        sun: u16,
        /// Teeth of a planet.
        planet: u16,
    },
    /// More ties between shafts than any train has.
    #[error("the train joins shafts more than 128 times; state the part of it that is watched")]
    Ties,
    /// Two ways from one shaft to another.
    #[error("unit {unit}: shafts {from} and {to} are joined already; a train has one way from shaft to shaft")]
    Loop {
        /// The unit that closes the loop.
        unit: Name,
        /// One shaft.
        from: Name,
        /// The other.
        to: Name,
    },
    /// A shaft that no unit joins with the measured one.
    #[error("no unit joins shaft {shaft} with {measured}, whose speed is measured")]
    Apart {
        /// The shaft.
        shaft: Name,
        /// The measured one.
        measured: Name,
    },
    /// The measured shaft is in no unit.
    #[error("the speed of shaft {0} is measured, but no unit has such a shaft")]
    Measured(Name),
    /// A ratio beyond reason.
    #[error("shaft {shaft} would turn {ratio} times as fast as the measured one")]
    Speed {
        /// The shaft.
        shaft: Name,
        /// Its ratio.
        ratio: f64,
    },
    /// A bearing on a shaft that is not there.
    #[error("bearing {bearing} sits on shaft {shaft}, but no unit has such a shaft")]
    NoShaft {
        /// The bearing.
        bearing: Name,
        /// The shaft.
        shaft: Name,
    },
    /// A seat for a bearing that is not there.
    #[error("shaft {shaft} carries bearing {bearing}, but the machine has no such bearing")]
    NoBearing {
        /// The bearing.
        bearing: Name,
        /// The shaft.
        shaft: Name,
    },
}

/// Everything but the shafts' connections.
pub(super) fn units(train: &Train) -> Result<(), TrainError> {
    match train.units.len() {
        n if !(1..=MOST).contains(&n) => return Err(TrainError::Units(n)),
        _ => {}
    }
    let mut names = BTreeSet::new();
    for unit in &train.units {
        if !names.insert(&unit.name) {
            return Err(TrainError::Twice(unit.name.clone()));
        }
        one(unit)?;
    }
    Ok(())
}

fn one(unit: &TrainUnit) -> Result<(), TrainError> {
    match &unit.kind {
        UnitKind::Motor(m) => motor(&unit.name, m),
        // That both ends are the same shaft is found where shafts are joined.
        UnitKind::Coupling { .. } => Ok(()),
        UnitKind::Belt(b) => belt(&unit.name, b),
        UnitKind::Rotor { passing, .. } => match passing {
            Some(p) => count(&unit.name, p.kind.as_str(), p.count, 1),
            None => Ok(()),
        },
        UnitKind::Gearbox(stages) => {
            if !(1..=MOST).contains(&stages.len()) {
                return Err(TrainError::Stages { unit: unit.name.clone(), found: stages.len() });
            }
            stages.iter().enumerate().try_for_each(|(i, s)| stage(&unit.name, i + 1, s))
        }
    }
}

fn number(unit: &Name, what: &'static str, found: f64, expected: &'static str) -> TrainError {
    TrainError::Number { unit: unit.clone(), what, found, expected }
}

fn count(unit: &Name, what: &'static str, found: u16, least: u16) -> Result<(), TrainError> {
    match (least..=MOST_TEETH).contains(&found) {
        true => Ok(()),
        false if least > 1 => Err(number(unit, what, found.into(), "5 to 2000")),
        false => Err(number(unit, what, found.into(), "1 to 2000")),
    }
}

fn length(unit: &Name, what: &'static str, found: f64) -> Result<(), TrainError> {
    match found.is_finite() && found > 0.0 && found < 1e5 {
        true => Ok(()),
        false => Err(number(unit, what, found, "a length above 0 mm")),
    }
}

fn motor(unit: &Name, m: &Motor) -> Result<(), TrainError> {
    if let Some(poles) = m.poles
        && (poles == 0 || poles % 2 == 1 || poles > 200)
    {
        return Err(number(unit, "poles", poles.into(), "an even number from 2 on (poles, not pairs)"));
    }
    if let Some(hz) = m.line_hz
        && !(hz.is_finite() && (1.0..=1000.0).contains(&hz))
    {
        return Err(number(unit, "line_hz", hz, "the frequency of the supply, 1 to 1000 Hz"));
    }
    m.rotor_bars.map_or(Ok(()), |bars| count(unit, "rotor_bars", bars, 1))
}

fn belt(unit: &Name, b: &Belt) -> Result<(), TrainError> {
    length(unit, "the driving pulley", b.driving.diameter_mm)?;
    length(unit, "the driven pulley", b.driven.diameter_mm)?;
    let Some(long) = b.length_mm else { return Ok(()) };
    length(unit, "the belt", long)?;
    // Half around each pulley, and twice between axes that are further apart than the pulleys' radii together.
    let shortest = (b.driving.diameter_mm + b.driven.diameter_mm) * (1.0 + std::f64::consts::FRAC_PI_2);
    match long > shortest {
        true => Ok(()),
        false => Err(number(unit, "the belt", long, "a length in mm that reaches around both pulleys")),
    }
}

fn stage(unit: &Name, stage: usize, s: &Stage) -> Result<(), TrainError> {
    match s {
        Stage::Gears(gears) if gears.len() < 2 => {
            Err(TrainError::Partner { unit: unit.clone(), stage, found: gears.len() })
        }
        Stage::Gears(gears) => gears.iter().try_for_each(|g| count(unit, "teeth", g.teeth, FEWEST_TEETH)),
        Stage::Ratio { ratio, .. } if !(ratio.is_finite() && *ratio != 0.0) => {
            Err(number(unit, "ratio", *ratio, "turns of the driven shaft for one of the driving one, not 0"))
        }
        Stage::Ratio { .. } => Ok(()),
        Stage::Planetary(p) => planetary(unit, stage, p),
    }
}

fn planetary(unit: &Name, stage: usize, p: &Planetary) -> Result<(), TrainError> {
    for (what, teeth) in [("sun_teeth", p.sun_teeth), ("planet_teeth", p.planet_teeth), ("ring_teeth", p.ring_teeth)] {
        count(unit, what, teeth, FEWEST_TEETH)?;
    }
    count(unit, "planets", p.planets, 1)?;
    let (ring, sun, planet) = (p.ring_teeth, p.sun_teeth, p.planet_teeth);
    let fit = i32::from(ring) - i32::from(sun) - 2 * i32::from(planet);
    if fit.abs() > SHIFTED {
        return Err(TrainError::Teeth { unit: unit.clone(), stage, ring, sun, planet });
    }
    for member in Member::ALL {
        let found = match (p.fixed == member, p.shaft(member).is_some()) {
            (true, true) => "stands still, but a shaft is stated for it",
            (false, false) => "turns, but no shaft is stated for it",
            _ => continue,
        };
        return Err(TrainError::Member { unit: unit.clone(), stage, member: member.as_str(), found });
    }
    Ok(())
}
