//! Formulas against hand-computed values, what is refused, and what must agree with itself.

use proptest::prelude::*;

use super::*;
use crate::{Bearing, BearingFault, BearingOrders, Geometry, Machine};

fn name(s: &str) -> Name {
    Name::new(s).unwrap()
}

fn unit(of: &str, kind: UnitKind) -> TrainUnit {
    TrainUnit { name: name(of), kind }
}

fn gears(pairs: &[(&str, u16)]) -> Stage {
    Stage::Gears(pairs.iter().map(|(s, teeth)| Gear { shaft: name(s), teeth: *teeth }).collect())
}

fn planetary(fixed: Member, shafts: [Option<&str>; 3], teeth: [u16; 3]) -> Stage {
    let [sun, carrier, ring] = shafts.map(|s| s.map(name));
    let [sun_teeth, planet_teeth, ring_teeth] = teeth;
    Stage::Planetary(Planetary { sun_teeth, planet_teeth, ring_teeth, planets: 3, fixed, sun, carrier, ring })
}

fn belt(driving: f64, driven: f64, length_mm: Option<f64>, toothed: bool) -> UnitKind {
    let pulley = |shaft, diameter_mm| Pulley { shaft: name(shaft), diameter_mm };
    UnitKind::Belt(Belt { driving: pulley("motor", driving), driven: pulley("fan", driven), length_mm, toothed })
}

fn motor(poles: Option<u16>, line_hz: Option<f64>, rotor_bars: Option<u16>) -> UnitKind {
    UnitKind::Motor(Motor { shaft: name("motor"), poles, line_hz, rotor_bars })
}

fn rotor(class: RotorClass, shaft: &str, kind: PassingKind, count: u16) -> UnitKind {
    UnitKind::Rotor { class, shaft: name(shaft), passing: Some(Passing { kind, count }) }
}

fn train(measured: &str, units: Vec<TrainUnit>) -> Train {
    Train { measured: name(measured), units, seats: BTreeMap::new() }
}

fn machine(train: Train) -> Machine {
    let mut m = Machine::bare("s/m".parse().unwrap());
    m.train = Some(train);
    m
}

/// The gearbox of the National Renewable Energy Laboratory's Gearbox Reliability Collaborative: ring 99, planets 39, sun
/// 21; 82 on 23; 88 on 22; ratio 81.491 (Sheng, ed., NREL/TP-5000-54530, 2012).
fn grc(measured: &str) -> Train {
    let stages = vec![
        planetary(Member::Ring, [Some("sun"), Some("rotor"), None], [21, 39, 99]),
        gears(&[("sun", 82), ("intermediate", 23)]),
        gears(&[("intermediate", 88), ("generator", 22)]),
    ];
    let blades = rotor(RotorClass::Turbine, "rotor", PassingKind::Blades, 2);
    train(measured, vec![unit("turbine", blades), unit("gearbox", UnitKind::Gearbox(stages))])
}

fn of(tones: &[Tone], kind: ToneKind, stage: u16) -> f64 {
    let found: Vec<_> = tones.iter().filter(|t| t.kind == kind && t.stage == stage).collect();
    assert_eq!(found.len(), 1, "{kind:?} {stage}: {found:?}");
    found[0].hz
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-4 * b.abs().max(1e-3), "{a} is not {b}");
}

#[test]
fn a_published_wind_turbine_gearbox() {
    let tones = machine(grc("generator")).tones(30.0).unwrap();
    let shaft = |s: &str| tones.iter().find(|t| t.kind == ToneKind::Shaft && t.of.as_str() == s).unwrap().hz;
    // 30 Hz / (1 + 99/21) / (82/23) / 4, by hand.
    near(shaft("rotor"), 0.368_140);
    near(30.0 / shaft("rotor"), 81.490_7);
    near(shaft("sun"), 2.103_66);
    near(shaft("intermediate"), 7.5);
    near(of(&tones, ToneKind::GearMesh, 1), 36.445_9);
    near(of(&tones, ToneKind::GearMesh, 2), 172.5);
    near(of(&tones, ToneKind::GearMesh, 3), 660.0);
    near(of(&tones, ToneKind::PlanetPass, 1), 1.104_42);
    near(of(&tones, ToneKind::PlanetTooth, 1), 1.869_02);
    // 82 and 23 have no common factor: 172.5/(82·23). 88 and 22 have 22: the same teeth meet each turn of the wheel.
    near(of(&tones, ToneKind::HuntingTooth, 2), 0.091_463);
    near(of(&tones, ToneKind::HuntingTooth, 3), 7.5);
    near(of(&tones, ToneKind::BladePass, 0), 0.736_28);
    let mesh = |stage| tones.iter().find(|t| t.kind == ToneKind::GearMesh && t.stage == stage).unwrap();
    near(mesh(3).sidebands_hz[0], 7.5);
    near(mesh(3).sidebands_hz[1], 30.0);
    near(mesh(1).sidebands_hz[0], 1.104_42);
    // Three planets pass a tooth of the sun: 3·(f_sun − f_carrier).
    near(mesh(1).sidebands_hz[1], 5.206_55);
}

#[test]
fn a_fan_behind_a_belt_and_its_motor() {
    let units = vec![
        unit("motor", motor(Some(4), Some(50.0), Some(44))),
        unit("belt", belt(224.0, 560.0, Some(3150.0), false)),
        unit("fan", rotor(RotorClass::Fan, "fan", PassingKind::Blades, 8)),
    ];
    let m = machine(train("motor", units));
    // 1478 r/min: 24.6333 Hz; synchronous 25 Hz.
    let tones = m.tones(1478.0 / 60.0).unwrap();
    near(of(&tones, ToneKind::Line2x, 0), 100.0);
    near(of(&tones, ToneKind::PolePass, 0), 4.0 * (25.0 - 24.633_333));
    near(of(&tones, ToneKind::RotorBar, 0), 1_083.866_7);
    near(of(&tones, ToneKind::Belt, 0), 5.503_138);
    near(of(&tones, ToneKind::BladePass, 0), 8.0 * 24.633_333 * 224.0 / 560.0);
    let fan = tones.iter().find(|t| t.kind == ToneKind::BladePass).unwrap();
    assert_eq!(fan.tolerance, BELT_CREEP, "a belt without teeth creeps");
    let bars = tones.iter().find(|t| t.kind == ToneKind::RotorBar).unwrap();
    assert_eq!(bars.sidebands_hz, [100.0]);
    // Above synchronous speed it is no motor, far below it is not on this supply.
    for hz in [25.5, 12.0] {
        assert!(m.tones(hz).unwrap().iter().all(|t| t.kind != ToneKind::PolePass), "{hz}");
    }
    for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(m.tones(nothing), Ok(vec![]));
    }
}

#[test]
fn planetary_stages_by_their_fixed_member() {
    // Willis with z_ring/z_sun = 99/21: turns of the second for one of the first.
    let k = 99.0 / 21.0;
    for (fixed, shafts, ratio) in [
        (Member::Ring, [Some("b"), Some("a"), None], 1.0 + k),
        (Member::Sun, [None, Some("a"), Some("b")], 1.0 + 1.0 / k),
        (Member::Carrier, [Some("b"), None, Some("a")], -k),
    ] {
        let units = vec![unit("g", UnitKind::Gearbox(vec![planetary(fixed, shafts, [21, 39, 99])]))];
        let shafts = train("a", units.clone()).shafts().unwrap();
        near(shafts.iter().find(|s| s.name.as_str() == "b").unwrap().ratio, ratio);
        let tones = machine(train("a", units)).tones(2.0).unwrap();
        // The mesh of the sun must be that of the ring.
        let (sun, carrier) = match fixed {
            Member::Ring => (2.0 * ratio, 2.0),
            Member::Sun => (0.0, 2.0),
            Member::Carrier => (2.0 * ratio, 0.0),
        };
        near(of(&tones, ToneKind::GearMesh, 1), 21.0 * f64::abs(sun - carrier));
    }
}

#[test]
fn a_bearing_speaks_by_the_speed_of_its_own_shaft() {
    let orders = BearingOrders { bpfo: 3.0, bpfi: 5.0, bsf: 2.0, ftf: 0.4 };
    let bearing = |n: &str| Bearing { name: name(n), designation: None, geometry: Geometry::Orders(orders) };
    let mut m = machine(train("in", vec![unit("g", UnitKind::Gearbox(vec![gears(&[("in", 20), ("out", 50)])]))]));
    m.bearings = vec![bearing("A"), bearing("B")];
    m.train.as_mut().unwrap().seats.insert(name("B"), name("out"));
    let tones = m.tones(25.0).unwrap();
    let hz =
        |b: &str, fault| tones.iter().find(|t| t.of.as_str() == b && t.kind == ToneKind::Bearing(fault)).unwrap().hz;
    for (b, want) in [("A", [75.0, 125.0, 100.0, 10.0]), ("B", [30.0, 50.0, 40.0, 4.0])] {
        BearingFault::ALL.into_iter().zip(want).for_each(|(f, want)| near(hz(b, f), want));
    }
    assert_eq!(m.train.as_ref().unwrap().measured_hz("out", 10.0), Ok(Some(25.0)));
    assert_eq!(m.train.as_ref().unwrap().measured_hz("up", 10.0), Ok(None));
    // Without a train there is one shaft.
    m.train = None;
    let tones = m.tones(25.0).unwrap();
    assert_eq!(tones.iter().filter(|t| t.kind == ToneKind::Shaft).map(|t| t.hz).collect::<Vec<_>>(), [25.0]);
    assert_eq!(tones.iter().filter(|t| t.kind == ToneKind::Bearing(BearingFault::OuterRace)).count(), 2);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let gearbox = |stages| vec![unit("box", UnitKind::Gearbox(stages))];
    let pair = || gears(&[("in", 20), ("out", 50)]);
    let coupling = |a: &str, b: &str| UnitKind::Coupling { driving: name(a), driven: name(b) };
    let ratio = |ratio| Stage::Ratio { driving: name("in"), driven: name("out"), ratio };
    let p = |fixed, shafts, teeth| gearbox(vec![planetary(fixed, shafts, teeth)]);
    for (measured, units, word) in [
        ("in", vec![], "the train has 0 units"),
        ("in", gearbox(vec![]), "unit box: it has 0 stages"),
        ("in", gearbox(vec![pair(), gears(&[("out", 20)])]), "unit box, stage 2: 1 gear without a partner"),
        ("in", gearbox(vec![gears(&[("in", 20), ("out", 0)])]), "teeth is 0; expected 5 to 2000"),
        ("in", gearbox(vec![gears(&[("in", 20), ("in", 30)])]), "shafts in and in are joined already"),
        ("in", gearbox(vec![ratio(0.0)]), "ratio is 0; expected"),
        ("in", gearbox(vec![ratio(f64::NAN)]), "ratio is NaN"),
        ("in", gearbox(vec![ratio(1e9)]), "shaft out would turn 1000000000 times"),
        ("in", gearbox(vec![pair(), gears(&[("out", 20), ("in", 30)])]), "shafts out and in are joined already"),
        ("up", gearbox(vec![pair()]), "no unit joins shaft in with up"),
        (
            "in",
            [gearbox(vec![pair()]), vec![unit("c", coupling("x", "y"))]].concat(),
            "no unit joins shaft x with in, whose speed is measured",
        ),
        ("in", [gearbox(vec![pair()]), gearbox(vec![pair()])].concat(), "unit box stands twice"),
        ("a", p(Member::Ring, [Some("b"), Some("a"), Some("c")], [21, 39, 99]), "the ring stands still, but a shaft"),
        ("a", p(Member::Sun, [None, Some("a"), None], [21, 39, 99]), "the ring turns, but no shaft"),
        ("a", p(Member::Ring, [Some("b"), Some("a"), None], [21, 39, 90]), "a ring of 90 teeth does not fit"),
        ("motor", vec![unit("m", motor(Some(3), None, None))], "unit m: poles is 3; expected an even"),
        ("motor", vec![unit("m", motor(None, Some(0.0), None))], "line_hz is 0"),
        ("motor", vec![unit("b", belt(0.0, 560.0, None, false))], "the driving pulley is 0"),
        ("motor", vec![unit("b", belt(224.0, 560.0, Some(315.0), false))], "the belt is 315; expected a length in mm"),
        ("f", vec![unit("f", rotor(RotorClass::Fan, "f", PassingKind::Blades, 0))], "blades is 0; expected 1 to"),
    ] {
        let e = train(measured, units).shafts().unwrap_err().to_string();
        assert!(e.contains(word), "{e:?} does not say {word:?}");
    }
    let mut t = train("in", gearbox(vec![pair()]));
    t.seats.insert(name("B"), name("up"));
    assert!(t.check(&[]).unwrap_err().to_string().contains("shaft up carries bearing B, but the machine has no such"));
    let orders = BearingOrders { bpfo: 3.0, bpfi: 5.0, bsf: 2.0, ftf: 0.4 };
    let bearing = Bearing { name: name("B"), designation: None, geometry: Geometry::Orders(orders) };
    let e = t.check(std::slice::from_ref(&bearing)).unwrap_err().to_string();
    assert!(e.contains("bearing B sits on shaft up, but no unit has such a shaft"), "{e}");
}

/// A chain of shafts s0, s1, … with one stage between neighbours.
fn chain() -> impl Strategy<Value = (Vec<Stage>, Vec<f64>)> {
    let pair = (17u16..120, 17u16..120).prop_map(|t| (0, [t.0, t.1, 0]));
    let planetary =
        (1usize..4, 17u16..60, 17u16..60).prop_map(|(kind, sun, planet)| (kind, [sun, planet, sun + 2 * planet]));
    prop::collection::vec(prop_oneof![pair, planetary], 1..6).prop_map(|kinds| {
        let mut stages = Vec::new();
        let mut factors = Vec::new();
        for (i, (kind, teeth)) in kinds.into_iter().enumerate() {
            let (a, b) = (format!("s{i}"), format!("s{}", i + 1));
            let k = f64::from(teeth[2]) / f64::from(teeth[0]);
            let (stage, factor) = match kind {
                0 => (gears(&[(&a, teeth[0]), (&b, teeth[1])]), -f64::from(teeth[0]) / f64::from(teeth[1])),
                1 => (planetary_of(Member::Ring, [Some(&a), Some(&b), None], teeth), 1.0 / (1.0 + k)),
                2 => (planetary_of(Member::Sun, [None, Some(&a), Some(&b)], teeth), 1.0 + 1.0 / k),
                _ => (planetary_of(Member::Carrier, [Some(&a), None, Some(&b)], teeth), -1.0 / k),
            };
            stages.push(stage);
            factors.push(factor);
        }
        (stages, factors)
    })
}

fn planetary_of(fixed: Member, shafts: [Option<&String>; 3], teeth: [u16; 3]) -> Stage {
    planetary(fixed, shafts.map(|s| s.map(String::as_str)), teeth)
}

proptest! {
    #[test]
    fn along_the_path_of_power_ratios_multiply((stages, factors) in chain(), at in 0usize..6, hz in 1.0f64..60.0) {
        let last = factors.len();
        let measured = format!("s{}", at.min(last));
        let t = train(&measured, vec![unit("box", UnitKind::Gearbox(stages.clone()))]);
        let shafts = t.shafts().unwrap();
        let ratio = |i: usize| shafts.iter().find(|s| s.name.as_str() == format!("s{i}")).unwrap().ratio;
        prop_assert_eq!(ratio(at.min(last)), 1.0);
        for (i, factor) in factors.iter().enumerate() {
            prop_assert!((ratio(i + 1) / ratio(i) / factor - 1.0).abs() < 1e-9);
        }
        let product: f64 = factors.iter().product();
        prop_assert!((ratio(last) / ratio(0) / product - 1.0).abs() < 1e-9);

        // Seen from any other shaft the machine is the same machine.
        let seen = machine(t.clone()).tones(hz).unwrap();
        for i in 0..=last {
            let other = Train { measured: name(&format!("s{i}")), ..t.clone() };
            let back = other.measured_hz(&measured, hz).unwrap().unwrap();
            let tones = machine(other).tones(back).unwrap();
            prop_assert_eq!(tones.len(), seen.len());
            for (a, b) in tones.iter().zip(&seen) {
                prop_assert_eq!((a.kind, &a.of, a.stage), (b.kind, &b.of, b.stage));
                prop_assert!((a.hz / b.hz - 1.0).abs() < 1e-9, "{:?} {:?}", a, b);
            }
        }
        // Everything follows the speed in proportion.
        for (a, b) in machine(t).tones(2.0 * hz).unwrap().iter().zip(&seen) {
            prop_assert!((a.hz / b.hz - 2.0).abs() < 1e-9);
        }
    }
}
