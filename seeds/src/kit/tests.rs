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
        let orders: Vec<_> = m.machine.bearings.iter().map(|b| b.geometry.orders().unwrap()).collect();
        assert_eq!(orders.len(), 2, "{}", m.machine.id);
        let ratio = orders[0].bpfo / orders[1].bpfo;
        assert!((ratio - 1.0).abs() > 0.05, "{}: {ratio}", m.machine.id);
    }
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
    refused("period_s = 10", "period_s = 0", "the period is 0 s");
    refused("rolling_m_s2", "roling", "does not parse");
}
