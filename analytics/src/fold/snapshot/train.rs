//! The train of a machine within a snapshot.

use plant::Train;
use plant::train::{
    Belt, Gear, Member, Motor, Passing, PassingKind, Planetary, Pulley, RotorClass, Stage, TrainUnit, UnitKind,
};
use serde::{Deserialize, Serialize};

use super::{RestoreError, name, parsed};

#[derive(Serialize, Deserialize)]
pub(super) struct TrainMirror {
    measured: String,
    units: Vec<(String, KindMirror)>,
    seats: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
enum KindMirror {
    Motor { shaft: String, poles: Option<u16>, line_hz: Option<f64>, rotor_bars: Option<u16> },
    Coupling { driving: String, driven: String },
    Gearbox(Vec<StageMirror>),
    Belt { driving: (String, f64), driven: (String, f64), length_mm: Option<f64>, toothed: bool },
    Rotor { class: String, shaft: String, passing: Option<(String, u16)> },
}

#[derive(Serialize, Deserialize)]
enum StageMirror {
    Gears(Vec<(String, u16)>),
    Planetary {
        /// Sun, planet, ring, and how many planets.
        teeth: [u16; 4],
        fixed: String,
        /// Sun, carrier, ring.
        shafts: [Option<String>; 3],
    },
    Ratio {
        driving: String,
        driven: String,
        ratio: f64,
    },
}

impl From<&Train> for TrainMirror {
    fn from(t: &Train) -> Self {
        Self {
            measured: t.measured.to_string(),
            units: t.units.iter().map(|u| (u.name.to_string(), KindMirror::from(&u.kind))).collect(),
            seats: t.seats.iter().map(|(b, s)| (b.to_string(), s.to_string())).collect(),
        }
    }
}

impl TrainMirror {
    pub fn train(self) -> Result<Train, RestoreError> {
        let unit = |(n, kind): (String, KindMirror)| Ok(TrainUnit { name: name(&n)?, kind: kind.kind()? });
        let seat = |(b, s): (String, String)| Ok((name(&b)?, name(&s)?));
        Ok(Train {
            measured: name(&self.measured)?,
            units: self.units.into_iter().map(unit).collect::<Result<_, RestoreError>>()?,
            seats: self.seats.into_iter().map(seat).collect::<Result<_, RestoreError>>()?,
        })
    }
}

impl From<&UnitKind> for KindMirror {
    fn from(k: &UnitKind) -> Self {
        match k {
            UnitKind::Motor(Motor { shaft, poles, line_hz, rotor_bars }) => {
                let (poles, line_hz, rotor_bars) = (*poles, *line_hz, *rotor_bars);
                Self::Motor { shaft: shaft.to_string(), poles, line_hz, rotor_bars }
            }
            UnitKind::Coupling { driving, driven } => {
                Self::Coupling { driving: driving.to_string(), driven: driven.to_string() }
            }
            UnitKind::Gearbox(stages) => Self::Gearbox(stages.iter().map(StageMirror::from).collect()),
            UnitKind::Belt(b) => {
                let pulley = |p: &Pulley| (p.shaft.to_string(), p.diameter_mm);
                let (driving, driven) = (pulley(&b.driving), pulley(&b.driven));
                Self::Belt { driving, driven, length_mm: b.length_mm, toothed: b.toothed }
            }
            UnitKind::Rotor { class, shaft, passing } => Self::Rotor {
                class: class.as_str().to_owned(),
                shaft: shaft.to_string(),
                passing: passing.map(|p| (p.kind.as_str().to_owned(), p.count)),
            },
        }
    }
}

impl KindMirror {
    fn kind(self) -> Result<UnitKind, RestoreError> {
        Ok(match self {
            Self::Motor { shaft, poles, line_hz, rotor_bars } => {
                UnitKind::Motor(Motor { shaft: name(&shaft)?, poles, line_hz, rotor_bars })
            }
            Self::Coupling { driving, driven } => {
                UnitKind::Coupling { driving: name(&driving)?, driven: name(&driven)? }
            }
            Self::Gearbox(stages) => {
                UnitKind::Gearbox(stages.into_iter().map(StageMirror::stage).collect::<Result<_, _>>()?)
            }
            Self::Belt { driving, driven, length_mm, toothed } => {
                let pulley = |(shaft, diameter_mm): (String, f64)| {
                    Ok::<_, RestoreError>(Pulley { shaft: name(&shaft)?, diameter_mm })
                };
                UnitKind::Belt(Belt { driving: pulley(driving)?, driven: pulley(driven)?, length_mm, toothed })
            }
            Self::Rotor { class, shaft, passing } => {
                let passing = passing.map(|(kind, count)| {
                    let kind = parsed(&kind, "what passes on a rotor", PassingKind::parse)?;
                    Ok::<_, RestoreError>(Passing { kind, count })
                });
                UnitKind::Rotor {
                    class: parsed(&class, "kind of rotor", RotorClass::parse)?,
                    shaft: name(&shaft)?,
                    passing: passing.transpose()?,
                }
            }
        })
    }
}

impl From<&Stage> for StageMirror {
    fn from(s: &Stage) -> Self {
        match s {
            Stage::Gears(gears) => Self::Gears(gears.iter().map(|g| (g.shaft.to_string(), g.teeth)).collect()),
            Stage::Planetary(p) => Self::Planetary {
                teeth: [p.sun_teeth, p.planet_teeth, p.ring_teeth, p.planets],
                fixed: p.fixed.as_str().to_owned(),
                shafts: Member::ALL.map(|m| p.shaft(m).map(ToString::to_string)),
            },
            Stage::Ratio { driving, driven, ratio } => {
                Self::Ratio { driving: driving.to_string(), driven: driven.to_string(), ratio: *ratio }
            }
        }
    }
}

impl StageMirror {
    fn stage(self) -> Result<Stage, RestoreError> {
        Ok(match self {
            Self::Gears(gears) => {
                let gear = |(shaft, teeth): (String, u16)| Ok(Gear { shaft: name(&shaft)?, teeth });
                Stage::Gears(gears.into_iter().map(gear).collect::<Result<_, RestoreError>>()?)
            }
            Self::Planetary { teeth: [sun_teeth, planet_teeth, ring_teeth, planets], fixed, shafts } => {
                let maybe = |s: Option<String>| s.as_deref().map(name).transpose();
                let [sun, carrier, ring] = shafts;
                let (sun, carrier, ring) = (maybe(sun)?, maybe(carrier)?, maybe(ring)?);
                let fixed = parsed(&fixed, "member of a planetary stage", Member::parse)?;
                Stage::Planetary(Planetary { sun_teeth, planet_teeth, ring_teeth, planets, fixed, sun, carrier, ring })
            }
            Self::Ratio { driving, driven, ratio } => {
                Stage::Ratio { driving: name(&driving)?, driven: name(&driven)?, ratio }
            }
        })
    }
}
