//! The kit is what it claims to be, and a kit that is not is refused by name.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_steel_works_is_as_large_as_promised() {
    let kit = steel();
    assert_eq!(kit.machines.len(), 24);
    assert_eq!(kit.gateways().len(), 6);
    let areas: BTreeSet<_> = kit.machines.iter().filter_map(|m| m.machine.area.clone()).collect();
    assert_eq!(areas.len(), 5);
    let sensed: Vec<_> = kit.machines.iter().filter(|m| !m.accelerometers.is_empty()).collect();
    assert_eq!(sensed.len(), 8);
    assert_eq!(sensed.iter().map(|m| m.accelerometers.len()).sum::<usize>(), 20);
}

#[test]
fn every_machine_states_what_its_supervision_needs() {
    for m in &steel().machines {
        let machine = &m.machine;
        let name = machine.id.as_str();
        assert!(machine.title.zh.is_some() && machine.title.en.is_some(), "{name}");
        assert!(machine.severity.rated_kw.is_some() && machine.severity.foundation.is_some(), "{name}");
        assert!(machine.points.contains_key("speed") && machine.points.len() >= 4, "{name}");
        assert_eq!(machine.points.len(), m.signals.len() + m.accelerometers.len(), "{name}");
        for p in machine.points.values() {
            let unit = p.unit.unwrap_or_else(|| panic!("{name}/{} has no unit", p.name));
            assert_eq!(p.quantity, Some(unit.quantity()));
            assert!(p.period.is_some() && p.range.is_some(), "{name}/{}", p.name);
        }
        for a in &m.accelerometers {
            assert!(a.samples as f64 / a.fs >= 2.0, "20 periods of 10 Hz take 2 s");
            assert!(machine.bearing(a.bearing.as_str()).is_some());
        }
    }
}

#[test]
fn no_two_bearings_of_a_sensed_machine_could_be_taken_for_each_other() {
    for m in steel().machines.iter().filter(|m| m.rotor.is_some()) {
        let shafts = m.machine.shafts().unwrap();
        let turns = |b: &plant::Bearing| m.machine.seat(&shafts, b.name.as_str()).unwrap().ratio.abs();
        let rates: Vec<_> = m.machine.bearings.iter().map(|b| turns(b) * b.geometry.orders().unwrap().bpfo).collect();
        assert!(rates.len() >= 2, "{}", m.machine.id);
        for (i, a) in rates.iter().enumerate() {
            assert!(rates[..i].iter().all(|b| (a / b - 1.0).abs() > 0.05), "{}: {rates:?}", m.machine.id);
        }
    }
}

#[test]
fn the_trains_say_what_the_physics_play() {
    let kit = steel();
    let trains: Vec<_> = kit.machines.iter().filter(|m| m.machine.train.is_some()).collect();
    assert!(trains.len() >= 8, "{}", trains.len());
    for m in &trains {
        let rpm = m.machine.nominal_rpm.unwrap();
        let tones = m.machine.tones(rpm / 60.0).unwrap();
        let order = |kinds: &[plant::ToneKind]| {
            let found = tones.iter().find(|t| kinds.contains(&t.kind));
            found.map(|t| t.hz / (rpm / 60.0))
        };
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-9, "{}: {a:?} {b}", m.machine.id);
        if let Some((pass, _)) = m.rotor.and_then(|r| r.pass) {
            close(order(&[plant::ToneKind::BladePass, plant::ToneKind::VanePass]), pass);
        }
        if let Some(mesh) = m.rotor.and_then(|r| r.mesh) {
            close(order(&[plant::ToneKind::GearMesh]), mesh.teeth);
        }
        // The slip of the process is that of the motor on its supply.
        if let Some(pole_pass) = tones.iter().find(|t| t.kind == plant::ToneKind::PolePass) {
            assert!(pole_pass.hz < 4.0, "{}: {pole_pass:?}", m.machine.id);
        }
    }
    let kinds = |kind: &str| {
        trains.iter().flat_map(|m| &m.machine.train.as_ref().unwrap().units).any(|u| u.kind.as_str() == kind)
    };
    for kind in ["motor", "coupling", "gearbox", "belt", "fan", "pump"] {
        assert!(kinds(kind), "{kind}");
    }
    let stages = trains.iter().flat_map(|m| &m.machine.train.as_ref().unwrap().units).map(|u| match &u.kind {
        plant::train::UnitKind::Gearbox(stages) => stages.len(),
        _ => 0,
    });
    assert_eq!(stages.max(), Some(2));
}

#[test]
fn every_kind_of_fault_is_played_within_the_first_two_minutes() {
    let kit = steel();
    assert!(kit.faults.iter().all(|f| f.at_s < 120));
    let kinds: BTreeSet<_> = kit
        .faults
        .iter()
        .map(|f| match f.fault {
            Fault::Bearing { .. } => "bearing",
            Fault::Imbalance { .. } => "imbalance",
            Fault::Connector { .. } => "connector",
            Fault::Gateway { .. } => "gateway",
        })
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["bearing", "connector", "gateway", "imbalance"]);
}

#[test]
fn a_kit_that_contradicts_itself_is_refused_by_name() {
    let text = include_str!("../../kits/steel.toml");
    let refused = |from: &str, to: &str, want: &str| {
        assert!(text.contains(from), "{from} is not in the kit");
        let e = Kit::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(e.contains(want), "{e:?} does not say {want:?}");
    };
    refused("DE = \"22324\"", "DE = \"1\"", "sinter-cooler-fan-1 bearing DE: \"1\" is not listed under [bearings]");
    refused("unit = \"°C\"", "unit = \"K°\"", "\"K°\" is not a unit");
    refused("limits = { h = 80.0, hh = 90.0 }", "limits = { h = 80.0, hh = 70.0 }", "must rise from ll to hh");
    refused("class = \"fan\"", "class = \"van\"", "\"van\" is not a class of machine");
    refused("bearing = \"DE\"\npart", "bearing = \"XE\"\npart", "there is no bearing XE");
    refused("gateway = \"gw-mill-2\"\nat_s", "gateway = \"gw-9\"\nat_s", "there is no such gateway");
    refused("name = \"sinter-dedust-fan\"", "name = \"sinter-main-fan\"", "stands twice");
    refused("elements = 14, ball_mm = 40.0", "elements = 2, ball_mm = 40.0", "expected at least 3 rolling elements");
    refused(
        "teeth = 61",
        "teeth = 1",
        "sinter-mixer-gearbox: \"train\": expected a possible train, found unit gearbox",
    );
    refused("I1 = \"intermediate\"", "I1 = \"roof\"", "bearing I1 sits on shaft roof, but no unit has such a shaft");
    refused("I1 = \"intermediate\"", "I9 = \"intermediate\"", "shafts names bearing \"I9\"");
    refused("bearing = \"DE\"\npart", "bearing = \"M1\"\npart", "bearing M1 is not on the shaft that the physics turn");
    refused("period_s = 10", "period_s = 0", "the period is 0 s");
    refused("rolling_m_s2", "roling", "does not parse");
}
