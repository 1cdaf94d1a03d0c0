//! The train of a machine, and on which of its shafts each bearing sits.

use plant::train::{Belt, Member, Motor, Stage, TrainUnit, UnitKind};
use plant::{Bearing, BearingFault, Catalogue, Machine, Name, Tone, ToneKind};

use crate::dto;

pub(crate) fn train(machine: &Machine) -> Option<dto::Train> {
    let train = machine.train.as_ref()?;
    let shafts = train.check(&machine.bearings);
    let tones = machine.nominal_rpm.and_then(|rpm| machine.tones(rpm / 60.0).ok()).unwrap_or_default();
    Some(dto::Train {
        measured: train.measured.to_string(),
        units: train.units.iter().map(unit).collect(),
        error: shafts.as_ref().err().map(ToString::to_string),
        shafts: shafts.unwrap_or_default().iter().map(shaft).collect(),
        tones_rpm: machine.nominal_rpm,
        tones: tones.iter().filter(|t| !matches!(t.kind, ToneKind::Shaft | ToneKind::Bearing(_))).map(tone).collect(),
    })
}

pub(crate) fn bearing(machine: &Machine, b: &Bearing) -> dto::Bearing {
    let orders = b.geometry.orders();
    let estimated = b.geometry.is_estimated() && orders.is_ok();
    let tolerance = |f| b.geometry.tolerance(f);
    let listed = b.designation.as_deref().and_then(|d| Catalogue::built_in().find(d));
    dto::Bearing {
        name: b.name.to_string(),
        designation: b.designation.clone(),
        shaft: machine.train.as_ref().map(|t| t.seat(b.name.as_str()).to_string()),
        geometry_error: orders.as_ref().err().map(ToString::to_string),
        orders: orders.ok().map(|o| dto::Orders { bpfo: o.bpfo, bpfi: o.bpfi, bsf: o.bsf, ftf: o.ftf }),
        tolerance: estimated.then(|| dto::Orders {
            bpfo: tolerance(BearingFault::OuterRace),
            bpfi: tolerance(BearingFault::InnerRace),
            bsf: tolerance(BearingFault::Ball),
            ftf: tolerance(BearingFault::Cage),
        }),
        source: listed.filter(|e| e.geometry == b.geometry).map(|e| e.source.clone()),
    }
}

fn shaft(s: &plant::train::Shaft) -> dto::TrainShaft {
    dto::TrainShaft { name: s.name.to_string(), ratio: s.ratio, tolerance: s.tolerance }
}

fn tone(t: &Tone) -> dto::TrainTone {
    dto::TrainTone {
        label: t.kind.as_str().to_owned(),
        of: t.of.to_string(),
        stage: t.stage,
        hz: t.hz,
        sidebands_hz: t.sidebands_hz.clone(),
    }
}

fn unit(u: &TrainUnit) -> dto::TrainUnit {
    let base = dto::TrainUnit {
        name: u.name.to_string(),
        kind: u.kind.as_str().to_owned(),
        shafts: u.kind.shafts().into_iter().map(ToString::to_string).collect(),
        ..dto::TrainUnit::default()
    };
    match &u.kind {
        UnitKind::Motor(Motor { poles, line_hz, rotor_bars, .. }) => {
            dto::TrainUnit { poles: *poles, line_hz: *line_hz, rotor_bars: *rotor_bars, ..base }
        }
        UnitKind::Coupling { .. } => base,
        UnitKind::Gearbox(stages) => dto::TrainUnit { stages: stages.iter().map(stage).collect(), ..base },
        UnitKind::Belt(Belt { driving, driven, length_mm, toothed }) => dto::TrainUnit {
            pulleys_mm: Some([driving.diameter_mm, driven.diameter_mm]),
            belt_mm: *length_mm,
            toothed: Some(*toothed),
            ..base
        },
        UnitKind::Rotor { passing, .. } => dto::TrainUnit {
            passing: passing.map(|p| p.kind.as_str().to_owned()),
            passing_count: passing.map(|p| p.count),
            ..base
        },
    }
}

fn stage(s: &Stage) -> dto::TrainStage {
    let gear = |shaft: Option<&Name>, teeth| dto::TrainGear { shaft: shaft.map(ToString::to_string), teeth };
    match s {
        Stage::Gears(gears) => dto::TrainStage {
            kind: "gears".into(),
            gears: gears.iter().map(|g| gear(Some(&g.shaft), g.teeth)).collect(),
            ..dto::TrainStage::default()
        },
        Stage::Planetary(p) => dto::TrainStage {
            kind: "planetary".into(),
            gears: vec![
                gear(p.shaft(Member::Sun), p.sun_teeth),
                gear(None, p.planet_teeth),
                gear(p.shaft(Member::Ring), p.ring_teeth),
            ],
            carrier: p.shaft(Member::Carrier).map(ToString::to_string),
            planets: Some(p.planets),
            fixed: Some(p.fixed.as_str().to_owned()),
            ..dto::TrainStage::default()
        },
        Stage::Ratio { driving, driven, ratio } => dto::TrainStage {
            kind: "ratio".into(),
            shafts: vec![driving.to_string(), driven.to_string()],
            ratio: Some(*ratio),
            ..dto::TrainStage::default()
        },
    }
}
