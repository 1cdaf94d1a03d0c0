//! The stored form of a machine's train.

use plant::Train;
use plant::train::{
    Belt, Gear, Member, Motor, Passing, PassingKind, Planetary, Pulley, RotorClass, Stage, TrainUnit, UnitKind,
};

use super::{Damage, Reader, Record, Writer};

fields! {
    Train { measured, units, seats }
    TrainUnit { name, kind }
    Motor { shaft, poles, line_hz, rotor_bars }
    Gear { shaft, teeth }
    Planetary { sun_teeth, planet_teeth, ring_teeth, planets, fixed, sun, carrier, ring }
    Belt { driving, driven, length_mm, toothed }
    Pulley { shaft, diameter_mm }
    Passing { kind, count }
}

texts! {
    Member, |v| v.as_str(), Member::parse;
    RotorClass, |v| v.as_str(), RotorClass::parse;
    PassingKind, |v| v.as_str(), PassingKind::parse;
}

impl Record for UnitKind {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Motor(m) => {
                w.u8(0);
                m.put(w);
            }
            Self::Coupling { driving, driven } => {
                w.u8(1);
                driving.put(w);
                driven.put(w);
            }
            Self::Gearbox(stages) => {
                w.u8(2);
                stages.put(w);
            }
            Self::Belt(b) => {
                w.u8(3);
                b.put(w);
            }
            Self::Rotor { class, shaft, passing } => {
                w.u8(4);
                class.put(w);
                shaft.put(w);
                passing.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Motor(Record::get(r)?),
            1 => Self::Coupling { driving: Record::get(r)?, driven: Record::get(r)? },
            2 => Self::Gearbox(Record::get(r)?),
            3 => Self::Belt(Record::get(r)?),
            4 => Self::Rotor { class: Record::get(r)?, shaft: Record::get(r)?, passing: Record::get(r)? },
            _ => return Err(Damage("a kind of unit is not known")),
        })
    }
}

impl Record for Stage {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Gears(gears) => {
                w.u8(0);
                gears.put(w);
            }
            Self::Planetary(p) => {
                w.u8(1);
                p.put(w);
            }
            Self::Ratio { driving, driven, ratio } => {
                w.u8(2);
                driving.put(w);
                driven.put(w);
                ratio.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Gears(Record::get(r)?),
            1 => Self::Planetary(Record::get(r)?),
            2 => Self::Ratio { driving: Record::get(r)?, driven: Record::get(r)?, ratio: Record::get(r)? },
            _ => return Err(Damage("a kind of stage is not known")),
        })
    }
}
