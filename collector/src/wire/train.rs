//! The train of a machine as a birth states it.
//!
//! A unit is an object with the fields of its kind; a field of another kind is refused, so that a slip of the pen is not
//! passed over.

use std::collections::BTreeMap;

use plant::train::{
    Belt, Gear, Member, Motor, Passing, PassingKind, Planetary, Pulley, RotorClass, Stage, TrainUnit, UnitKind,
};
use plant::{Bearing, Name, Train};
use serde::{Deserialize, Serialize};

use super::birth::WireBearing;
use crate::fault::{Code, Fault, shown};

/// A train: the shaft whose speed is measured, and the units from the driving end on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireTrain {
    /// The shaft whose speed is measured; the first of the first unit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// The units.
    pub units: Vec<WireUnit>,
}

/// A unit. Which fields it takes depends on `kind`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireUnit {
    /// Its name within the train; its kind if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `motor`, `coupling`, `gearbox`, `belt`, `fan`, `pump`, `compressor`, `turbine`, `generator`, `roll`, `other`.
    pub kind: String,
    /// Its shaft (motor and whatever does the work).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaft: Option<String>,
    /// The shaft that drives (coupling, belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driving: Option<String>,
    /// The shaft that is driven (coupling, belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driven: Option<String>,
    /// Poles, not pairs (motor).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poles: Option<u16>,
    /// Frequency of the mains, Hz (motor; not behind a converter).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_hz: Option<f64>,
    /// Bars of the rotor (motor).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotor_bars: Option<u16>,
    /// The stages (gearbox).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<WireStage>,
    /// Pitch diameter of the driving pulley, mm (belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driving_mm: Option<f64>,
    /// Pitch diameter of the driven pulley, mm (belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driven_mm: Option<f64>,
    /// Length of the belt, mm (belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_mm: Option<f64>,
    /// Whether the belt has teeth; not if absent (belt).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toothed: Option<bool>,
    /// Blades on the shaft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blades: Option<u16>,
    /// Vanes on the shaft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vanes: Option<u16>,
    /// Lobes on the shaft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lobes: Option<u16>,
}

/// A stage: `gears`, or the fields of a planetary stage, or `driving`, `driven` and `ratio`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireStage {
    /// Two gears that mesh, or more, each with the next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gears: Vec<WireGear>,
    /// Teeth of the sun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sun_teeth: Option<u16>,
    /// Teeth of a planet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planet_teeth: Option<u16>,
    /// Teeth of the ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_teeth: Option<u16>,
    /// How many planets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planets: Option<u16>,
    /// Which member stands still: `sun`, `carrier`, `ring`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// Shaft of the sun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sun: Option<String>,
    /// Shaft of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Shaft of the ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    /// The shaft that drives, where teeth are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driving: Option<String>,
    /// The shaft that is driven, where teeth are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driven: Option<String>,
    /// Turns of the driven shaft for one of the driving one, negative if against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

/// A gear on its shaft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireGear {
    /// Its shaft.
    pub shaft: String,
    /// Its teeth.
    pub teeth: u16,
}

fn bad(place: &str, expected: impl Into<std::borrow::Cow<'static, str>>, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::BirthField, expected, found).at(place)
}

fn name(text: &str) -> Result<Name, Fault> {
    Name::new(text).map_err(|e| Fault::new(Code::NameInvalid, "a usable name", e.to_string()))
}

impl WireTrain {
    pub(super) fn of(t: &Train) -> Self {
        Self { measured: Some(t.measured.to_string()), units: t.units.iter().map(WireUnit::of).collect() }
    }

    /// The train that this states for a machine with these bearings, or the first thing in it that cannot be.
    pub fn train(&self, wired: &[WireBearing], bearings: &[Bearing]) -> Result<Train, Fault> {
        let units = self.units.iter().map(WireUnit::unit).collect::<Result<Vec<_>, _>>()?;
        let first = || units.first().and_then(|u| u.kind.shafts().first().map(|n| (*n).clone()));
        let measured = match &self.measured {
            Some(text) => name(text)?,
            None => first().ok_or_else(|| bad("train", "units", "none"))?,
        };
        let mut seats = BTreeMap::new();
        for (wire, bearing) in wired.iter().zip(bearings) {
            if let Some(shaft) = &wire.shaft
                && seats.insert(bearing.name.clone(), name(shaft)?).is_some()
            {
                return Err(bad("bearings", "every bearing once", shown(&wire.name)));
            }
        }
        let train = Train { measured, units, seats };
        train.check(bearings).map_err(|e| bad("train", "a possible train", e.to_string()))?;
        Ok(train)
    }
}

impl WireUnit {
    fn of(u: &TrainUnit) -> Self {
        let base = Self { name: Some(u.name.to_string()), kind: u.kind.as_str().to_owned(), ..Self::default() };
        match &u.kind {
            UnitKind::Motor(m) => Self {
                shaft: Some(m.shaft.to_string()),
                poles: m.poles,
                line_hz: m.line_hz,
                rotor_bars: m.rotor_bars,
                ..base
            },
            UnitKind::Coupling { driving, driven } => {
                Self { driving: Some(driving.to_string()), driven: Some(driven.to_string()), ..base }
            }
            UnitKind::Gearbox(stages) => Self { stages: stages.iter().map(WireStage::of).collect(), ..base },
            UnitKind::Belt(b) => Self {
                driving: Some(b.driving.shaft.to_string()),
                driven: Some(b.driven.shaft.to_string()),
                driving_mm: Some(b.driving.diameter_mm),
                driven_mm: Some(b.driven.diameter_mm),
                length_mm: b.length_mm,
                toothed: b.toothed.then_some(true),
                ..base
            },
            UnitKind::Rotor { shaft, passing, .. } => {
                let of = |kind| passing.filter(|p| p.kind == kind).map(|p| p.count);
                Self {
                    shaft: Some(shaft.to_string()),
                    blades: of(PassingKind::Blades),
                    vanes: of(PassingKind::Vanes),
                    lobes: of(PassingKind::Lobes),
                    ..base
                }
            }
        }
    }

    fn unit(&self) -> Result<TrainUnit, Fault> {
        let label = self.name.as_deref().unwrap_or(&self.kind);
        let place = format!("unit {label}");
        let shaft = |field: &str, text: &Option<String>| match text {
            Some(text) => name(text),
            None => Err(bad(&place, format!("{field}: the name of a shaft"), "none")),
        };
        let kind = match self.kind.as_str() {
            "motor" => UnitKind::Motor(Motor {
                shaft: shaft("shaft", &self.shaft)?,
                poles: self.poles,
                line_hz: self.line_hz,
                rotor_bars: self.rotor_bars,
            }),
            "coupling" => {
                UnitKind::Coupling { driving: shaft("driving", &self.driving)?, driven: shaft("driven", &self.driven)? }
            }
            "gearbox" => {
                let stage = |(i, s): (usize, &WireStage)| s.stage(&format!("{place}, stage {}", i + 1));
                UnitKind::Gearbox(self.stages.iter().enumerate().map(stage).collect::<Result<_, _>>()?)
            }
            "belt" => {
                let pulley = |field, text, diameter: Option<f64>| {
                    let diameter_mm = diameter.ok_or_else(|| bad(&place, format!("{field}_mm: its pulley"), "none"))?;
                    Ok(Pulley { shaft: shaft(field, text)?, diameter_mm })
                };
                UnitKind::Belt(Belt {
                    driving: pulley("driving", &self.driving, self.driving_mm)?,
                    driven: pulley("driven", &self.driven, self.driven_mm)?,
                    length_mm: self.length_mm,
                    toothed: self.toothed.unwrap_or(false),
                })
            }
            other => {
                let kinds = "motor, coupling, gearbox, belt, fan, pump, compressor, turbine, generator, roll or other";
                let class = RotorClass::parse(other).ok_or_else(|| bad(&place, kinds, shown(other)))?;
                UnitKind::Rotor { class, shaft: shaft("shaft", &self.shaft)?, passing: self.passing(&place)? }
            }
        };
        let unit = TrainUnit { name: name(label)?, kind };
        match Self::of(&unit).first_missing(self) {
            None => Ok(unit),
            Some(field) => Err(bad(&place, format!("no {field} on a {}", self.kind), field)),
        }
    }

    fn passing(&self, place: &str) -> Result<Option<Passing>, Fault> {
        let stated =
            [(PassingKind::Blades, self.blades), (PassingKind::Vanes, self.vanes), (PassingKind::Lobes, self.lobes)];
        let mut stated = stated.into_iter().filter_map(|(kind, count)| Some(Passing { kind, count: count? }));
        match (stated.next(), stated.next()) {
            (_, Some(_)) => Err(bad(place, "blades, vanes or lobes", "several of them")),
            (one, None) => Ok(one),
        }
    }

    /// The first field that `stated` has and the unit it became does not.
    fn first_missing(&self, stated: &Self) -> Option<&'static str> {
        let fields = [
            ("shaft", self.shaft.is_some(), stated.shaft.is_some()),
            ("driving", self.driving.is_some(), stated.driving.is_some()),
            ("driven", self.driven.is_some(), stated.driven.is_some()),
            ("poles", self.poles.is_some(), stated.poles.is_some()),
            ("line_hz", self.line_hz.is_some(), stated.line_hz.is_some()),
            ("rotor_bars", self.rotor_bars.is_some(), stated.rotor_bars.is_some()),
            ("stages", !self.stages.is_empty(), !stated.stages.is_empty()),
            ("driving_mm", self.driving_mm.is_some(), stated.driving_mm.is_some()),
            ("driven_mm", self.driven_mm.is_some(), stated.driven_mm.is_some()),
            ("length_mm", self.length_mm.is_some(), stated.length_mm.is_some()),
            ("toothed", self.toothed.is_some(), stated.toothed == Some(true)),
            ("blades", self.blades.is_some(), stated.blades.is_some()),
            ("vanes", self.vanes.is_some(), stated.vanes.is_some()),
            ("lobes", self.lobes.is_some(), stated.lobes.is_some()),
        ];
        fields.into_iter().find(|(_, has, asked)| *asked && !has).map(|(field, ..)| field)
    }
}

impl WireStage {
    fn of(s: &Stage) -> Self {
        match s {
            Stage::Gears(gears) => {
                let gear = |g: &Gear| WireGear { shaft: g.shaft.to_string(), teeth: g.teeth };
                Self { gears: gears.iter().map(gear).collect(), ..Self::default() }
            }
            Stage::Planetary(p) => {
                let shaft = |m| p.shaft(m).map(ToString::to_string);
                Self {
                    sun_teeth: Some(p.sun_teeth),
                    planet_teeth: Some(p.planet_teeth),
                    ring_teeth: Some(p.ring_teeth),
                    planets: Some(p.planets),
                    fixed: Some(p.fixed.as_str().to_owned()),
                    sun: shaft(Member::Sun),
                    carrier: shaft(Member::Carrier),
                    ring: shaft(Member::Ring),
                    ..Self::default()
                }
            }
            Stage::Ratio { driving, driven, ratio } => Self {
                driving: Some(driving.to_string()),
                driven: Some(driven.to_string()),
                ratio: Some(*ratio),
                ..Self::default()
            },
        }
    }

    fn stage(&self, place: &str) -> Result<Stage, Fault> {
        let expected = "gears; or sun_teeth, planet_teeth, ring_teeth, planets and fixed with the shafts of the others; \
                        or driving, driven and ratio";
        let maybe = |text: &Option<String>| text.as_deref().map(name).transpose();
        let teeth = (self.sun_teeth, self.planet_teeth, self.ring_teeth, self.planets, &self.fixed);
        let stage = match (teeth, &self.driving, &self.driven, self.ratio) {
            ((Some(sun_teeth), Some(planet_teeth), Some(ring_teeth), Some(planets), Some(fixed)), ..) => {
                let fixed =
                    Member::parse(fixed).ok_or_else(|| bad(place, "fixed: sun, carrier or ring", shown(fixed)))?;
                let (sun, carrier, ring) = (maybe(&self.sun)?, maybe(&self.carrier)?, maybe(&self.ring)?);
                Stage::Planetary(Planetary { sun_teeth, planet_teeth, ring_teeth, planets, fixed, sun, carrier, ring })
            }
            (_, Some(driving), Some(driven), Some(ratio)) => {
                Stage::Ratio { driving: name(driving)?, driven: name(driven)?, ratio }
            }
            _ => {
                let gear = |g: &WireGear| Ok(Gear { shaft: name(&g.shaft)?, teeth: g.teeth });
                Stage::Gears(self.gears.iter().map(gear).collect::<Result<_, Fault>>()?)
            }
        };
        // What is stated must be what was understood, all of it.
        match Self::of(&stage) == *self && *self != Self::default() {
            true => Ok(stage),
            false => Err(bad(place, expected, "another combination")),
        }
    }
}
