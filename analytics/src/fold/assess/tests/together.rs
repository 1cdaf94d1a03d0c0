//! Phases between points, from records whose sources say that they were taken together.

use std::f64::consts::TAU;
use std::sync::Arc;

use plant::{FaultVerdict, MachineClass, Samples, Unit, WaveformId, WaveformMeta};

use super::super::together::passed;
use super::*;
use crate::fold::snapshot;
use crate::rotating::testing::Noise;

const FS: f64 = 12_800.0;
const N: usize = 65_536;
const SHAFT_HZ: f64 = 25.0;

/// A record of `point` whose 1× has `mm_s` RMS and stands at `degrees`.
fn turning(point: &str, mm_s: f64, degrees: f64, seed: u64) -> Waveform {
    turning_at(SHAFT_HZ, point, mm_s, degrees, seed)
}

fn turning_at(hz: f64, point: &str, mm_s: f64, degrees: f64, seed: u64) -> Waveform {
    let mut noise = Noise::new(seed);
    let w = TAU * hz;
    let peak = 2f64.sqrt() * mm_s / 1000.0 * w;
    let sample = |i: usize| peak * (w * i as f64 / FS + degrees.to_radians()).sin() + 0.05 * noise.normal();
    let samples = Samples::F32((0..N).map(sample).map(|v| v as f32).collect());
    let (t, unit) = (Timestamp::from_secs(0), Unit::parse("m/s²").unwrap());
    let point = format!("s/fan/{point}").parse().unwrap();
    let id = WaveformId((u128::from(seed) << 32) + 0xfa5e);
    let speed = Some(plant::Speed { mean_rpm: 60.0 * hz, range_rpm: None });
    Waveform::new(id, point, t, t, FS, unit, samples, WaveformMeta { speed, ..WaveformMeta::default() }).unwrap()
}

/// One moment of a machine whose rotor shakes it `mm_s`, horizontally a quarter of a turn after vertically.
fn moment(n: u64, mm_s: f64, sync: Option<&str>) -> Vec<Waveform> {
    let mut all = vec![turning("h", mm_s, 0.0, 10 * n), turning("v", 0.8 * mm_s, -90.0, 10 * n + 1)];
    all.iter_mut().for_each(|w| w.meta.sync = sync.map(Into::into));
    all
}

/// A fan with a horizontal and a vertical sensor at one bearing.
fn fan() -> Journal {
    let mut j = Journal::new();
    j.described(|m| {
        m.class = MachineClass::Fan;
        for (name, axis) in [("h", Axis::Horizontal), ("v", Axis::Vertical)] {
            let mut p = m.points["vib"].clone();
            (p.name, p.location.axis) = (name.into(), Some(axis));
            m.points.insert(name.into(), p);
        }
        m.points.remove("vib");
    });
    j
}

/// All of a moment in one commit.
fn at_once(j: &mut Journal, mut records: Vec<Waveform>) -> Vec<Finding> {
    let t0 = j.now + Duration::from_secs(1);
    records.iter_mut().for_each(|w| w.t0 = t0);
    j.step(Batch { waveforms: records.into_iter().map(Arc::new).collect(), ..Batch::default() })
}

fn imbalance(a: &Assessment) -> &FaultVerdict {
    let verdicts = a.shafts[0].verdicts.as_ref().unwrap();
    verdicts.iter().find(|v| v.fault == Fault::Imbalance).unwrap()
}

fn quadrature(a: &Assessment) -> Result<f64, &str> {
    let term = imbalance(a).terms.iter().find(|t| &*t.quantity == "quadrature").unwrap();
    term.value.as_ref().copied().map_err(|code| &**code)
}

#[test]
fn imbalance_is_named_where_the_records_were_taken_together_and_not_where_nobody_says_so() {
    let a = only(&at_once(&mut fan(), moment(1, 6.0, Some("adc-1/1"))));
    let v = imbalance(&a);
    assert_eq!(v.standing, Standing::Probable, "{v:?}");
    assert!(v.score >= 0.6 - 1e-9 && quadrature(&a).unwrap() < 5.0, "{v:?}");
    let a = only(&at_once(&mut fan(), moment(1, 6.0, None)));
    assert_eq!((a.named().count(), quadrature(&a)), (0, Err("no_phase")));
    let mut apart = moment(1, 6.0, Some("adc-1/1"));
    apart[1].meta.sync = Some("adc-1/2".into());
    assert_eq!(quadrature(&only(&at_once(&mut fan(), apart))), Err("no_phase"), "two moments");
    // A machine that runs well has the same phases, and nothing to explain.
    let a = only(&at_once(&mut fan(), moment(1, 0.5, Some("adc-1/1"))));
    assert!(quadrature(&a).is_ok() && a.named().count() == 0, "{a:?}");
    // What shakes both ways at once is no rotating force.
    let mut shaken = moment(1, 6.0, Some("adc-1/1"));
    shaken[1] = Waveform { id: WaveformId(5), meta: shaken[1].meta.clone(), ..turning("v", 5.0, 0.0, 3) };
    assert!(quadrature(&only(&at_once(&mut fan(), shaken))).unwrap() > 80.0);
}

#[test]
fn what_contradicts_itself_is_no_moment_and_that_is_said() {
    let sync = "adc-1/1";
    let with = |change: &dyn Fn(&mut Waveform)| {
        let mut records = moment(1, 6.0, Some(sync));
        let t0 = Timestamp::from_secs(1_700_000_010);
        records.iter_mut().for_each(|w| w.t0 = t0);
        change(&mut records[1]);
        let mut j = fan();
        j.now = t0;
        let waveforms = records.into_iter().map(Arc::new).collect();
        let found = j.step(Batch { waveforms, ..Batch::default() });
        let a = only(&found);
        (quadrature(&a).map(drop).map_err(str::to_owned), a.named().count())
    };
    let refused = (Err("sync".to_owned()), 0);
    assert_eq!(with(&|w| w.t0 = w.t0 + Duration::from_secs_f64(0.9 / FS)), (Ok(()), 1), "within a sample");
    assert_eq!(with(&|w| w.t0 = w.t0 + Duration::from_secs_f64(2.0 / FS)), refused, "later");
    assert_eq!(with(&|w| w.fs *= 1.001), refused, "faster");
    let short = |w: &mut Waveform| {
        let Samples::F32(all) = &w.samples else { panic!("not what was made") };
        w.samples = Samples::F32(all[1..].into());
    };
    assert_eq!(with(&short), refused, "shorter");
    for text in ["", "a\nb", "同一时刻", "\u{202e}", &"x".repeat(65), &"x".repeat(60_000)] {
        assert_eq!(with(&|w| w.meta.sync = Some(text.into())), refused, "{text:.10?}");
    }
}

#[test]
fn a_text_that_a_point_states_twice_is_no_moment() {
    // Within one window, which waits for v: the second record of h says that the text is nobody's.
    for twice in [false, true] {
        let mut j = fan();
        at_once(&mut j, moment(1, 6.0, Some("off")));
        later(&mut j, 3_700);
        let t0 = j.now;
        let deliver = |j: &mut Journal, w: Waveform, t0: Timestamp| {
            j.step(Batch { waveforms: vec![Arc::new(Waveform { t0, ..w })], ..Batch::default() })
        };
        let mut first = moment(2, 6.0, Some("on"));
        let v = first.pop().unwrap();
        assert!(assessments(&deliver(&mut j, first.remove(0), t0)).is_empty());
        if twice {
            let again = moment(3, 6.0, Some("on")).remove(0);
            assert!(assessments(&deliver(&mut j, again, t0 + Duration::from_secs(10))).is_empty());
        }
        let a = only(&deliver(&mut j, v, t0));
        assert_eq!(quadrature(&a).map(drop), if twice { Err("sync") } else { Ok(()) });
    }
    // From one window to the next.
    let mut j = fan();
    assert!(quadrature(&only(&at_once(&mut j, moment(1, 6.0, Some("on"))))).is_ok(), "nobody can know yet");
    later(&mut j, 3_700);
    assert_eq!(quadrature(&only(&at_once(&mut j, moment(2, 6.0, Some("on"))))), Err("sync"));
    later(&mut j, 3_700);
    assert!(quadrature(&only(&at_once(&mut j, moment(3, 6.0, Some("on/3"))))).is_ok(), "put right");
}

#[test]
fn a_window_holds_one_moment_though_its_records_come_one_by_one() {
    let mut j = fan();
    at_once(&mut j, moment(1, 6.0, Some("1")));
    let watch = |j: &mut Journal| j.fold.state.machine(&machine().id).watch.clone().unwrap();
    // h speaks, no window being due; then an alarm asks for one; then v speaks of the same moment, and not for that window.
    later(&mut j, 1_000);
    let mut found = Vec::new();
    for (n, asked) in [(2, true), (3, false)] {
        assert!(found.is_empty(), "{found:?}");
        let t0 = j.now + Duration::from_secs(1);
        for w in moment(n, 6.0, Some(&n.to_string())) {
            let step = j.step(Batch { waveforms: vec![Arc::new(Waveform { t0, ..w })], ..Batch::default() });
            found.extend(assessments(&step));
            if asked {
                let id = machine().id;
                j.fold.state.machine(&id).watch.as_mut().unwrap().asked = true;
            }
        }
        later(&mut j, 9);
        assert!(!asked || watch(&mut j).window.unwrap().closed, "v opened none");
    }
    let [a] = &found[..] else { panic!("{found:?}") };
    assert!(quadrature(a).unwrap() < 5.0);
    assert_eq!(a.shafts[0].points.len(), 2);
}

#[test]
fn a_moment_of_which_the_window_missed_the_first_record_is_left_out() {
    let mut j = fan();
    at_once(&mut j, moment(1, 6.0, Some("1")));
    j.now = j.now + Duration::from_secs(3_700);
    let state = |j: &Journal| j.fold.state.machines.values().next().unwrap().clone();
    let mut records = moment(2, 6.0, Some("2"));
    records.iter_mut().for_each(|w| w.t0 = j.now);
    assert!(!passed(&state(&j), &records[1]));
    let before = state(&j);
    j.step(Batch { waveforms: vec![Arc::new(records[0].clone())], ..Batch::default() });
    assert!(!passed(&state(&j), &records[1]), "the window holds the first");
    // The same where h was not heard: the window is as it was before.
    let mut missed = state(&j);
    missed.watch = before.watch;
    assert!(passed(&missed, &records[1]));
    records[1].meta.sync = None;
    assert!(!passed(&missed, &records[1]), "nobody says that it belongs to it");
}

#[test]
fn a_point_that_delivers_what_cannot_be_judged_holds_no_window_up() {
    let mut j = fan();
    let third = |mut all: Vec<Waveform>, unit: &str| {
        let mut x = turning("x", 1.0, 0.0, (all[0].id.0 >> 32) as u64 + 5);
        (x.unit, x.meta.sync) = (Unit::parse(unit).unwrap(), all[0].meta.sync.clone());
        all.insert(0, x);
        all
    };
    let points = |a: &Assessment| a.shafts[0].points.len();
    assert_eq!(points(&only(&at_once(&mut j, third(moment(1, 6.0, Some("1")), "m/s²")))), 3);
    for n in 2..5 {
        later(&mut j, 3_700);
        // Velocity from now on, or for a moment alone.
        let unit = if n == 4 { "m/s²" } else { "mm/s" };
        let a = only(&at_once(&mut j, third(moment(n, 6.0, Some(&n.to_string())), unit)));
        assert_eq!(points(&a), if n == 4 { 3 } else { 2 }, "{n}");
        assert!(n == 4 || quadrature(&a).unwrap() < 5.0, "{n}");
    }
}

#[test]
fn a_fold_that_is_restored_within_a_moment_says_the_same() {
    let mut j = fan();
    at_once(&mut j, moment(1, 6.0, Some("1")));
    later(&mut j, 3_700);
    let (t0, mut records) = (j.now + Duration::from_secs(1), moment(2, 6.0, Some("2")));
    records.iter_mut().for_each(|w| w.t0 = t0);
    let v = records.pop().unwrap();
    let found = j.step(Batch { waveforms: records.into_iter().map(Arc::new).collect(), ..Batch::default() });
    assert!(assessments(&found).is_empty(), "it waits for v");
    let bytes = j.fold.snapshot();
    let mut restored = Fold::restore(Settings::default(), &bytes).unwrap();
    assert_eq!(restored.snapshot(), bytes);
    let committed = j.commit(Batch { waveforms: vec![Arc::new(v)], ..Batch::default() });
    let (a, b) = (j.fold.step(&committed), restored.step(&committed));
    assert_eq!(a, b);
    assert!(quadrature(&only(&a)).unwrap() < 5.0);
    assert_eq!(imbalance(&only(&a)).standing, Standing::Probable);
}

#[test]
fn a_machine_that_runs_at_several_speeds_tells_how_its_1x_grows() {
    let term = |a: &Assessment| {
        let term = imbalance(a).terms.iter().find(|t| &*t.quantity == "rpm_squared").unwrap();
        term.value.as_ref().copied().map_err(|code| code.to_string())
    };
    // Of an eccentric mass, the velocity grows with the third power of speed; of a force that is the same at every speed it
    // grows with the first.
    for (power, off, standing) in [(3, 0.0, Standing::Probable), (1, 2.0, Standing::Open)] {
        let mut j = fan();
        let mut last = None;
        for (i, hz) in [18.0, 20.0, 22.0, 24.0, 26.0, 28.0].into_iter().enumerate() {
            later(&mut j, 3_700);
            let mm_s = 8.0 * (hz / 28.0f64).powi(power);
            let a = only(&at_once(
                &mut j,
                vec![
                    turning_at(hz, "h", mm_s, 0.0, 100 + 2 * i as u64),
                    turning_at(hz, "v", 0.8 * mm_s, -90.0, 101 + 2 * i as u64),
                ],
            ));
            assert_eq!(term(&a).is_ok(), i >= 4, "{i}");
            last = Some(a);
        }
        let a = last.unwrap();
        assert!((term(&a).unwrap() - off).abs() < 0.05, "{:?}", term(&a));
        assert_eq!(imbalance(&a).standing, standing, "{:?}", imbalance(&a));
        let (h, now) = ("s/fan/h".parse().unwrap(), j.now);
        let before = &mut j.fold.state.point(&h).records.as_mut().unwrap().seen;
        before.claim(now - Duration::from_secs(2 * 86_400), 3.58, 28.0);
        assert!(before.bears_out(now, 3.58, 28.0, 1.05), "seen two days ago");
        let machine = machine().id;
        act(&mut j, Action::Maintained { machine, by: "he".into() });
        assert!(j.fold.state.machines.values().all(|m| m.watch.as_ref().unwrap().growth.is_empty()));
        let after = &mut j.fold.state.point(&h).records.as_mut().unwrap().seen;
        after.claim(now, 3.58, 28.0);
        assert!(!after.bears_out(now, 3.58, 28.0, 1.05), "in the repaired machine, which changes its speed, just now");
    }
}

#[test]
fn one_record_of_a_clock_that_runs_ahead_forgets_nothing() {
    let mut j = fan();
    for (i, hz) in [18.0, 20.0, 22.0, 24.0, 26.0].into_iter().enumerate() {
        later(&mut j, 3_700);
        at_once(&mut j, vec![turning_at(hz, "h", 4.0, 0.0, 300 + i as u64)]);
    }
    let growth = |j: &Journal| {
        let watch = j.fold.state.machines.values().next().unwrap().watch.clone().unwrap();
        let now = j.now.nanos();
        watch.growth["h"].exponent(now)
    };
    assert!(growth(&j).is_ok());
    later(&mut j, 3_700);
    let ahead = Waveform { t0: j.now + Duration::from_secs(400 * 86_400), ..turning_at(28.0, "h", 4.0, 0.0, 400) };
    only(&j.step(Batch { waveforms: vec![Arc::new(ahead)], ..Batch::default() }));
    assert!(growth(&j).is_ok());
    later(&mut j, 3_700);
    only(&at_once(&mut j, vec![turning_at(28.0, "h", 4.0, 0.0, 401)]));
    let point = j.fold.state.point(&"s/fan/h".parse().unwrap());
    let looked = point.records.as_ref().unwrap().usual.as_ref().unwrap().looked;
    assert_eq!(looked, Some(j.now), "not before the time to come");
}

/// What earlier versions did not write.
fn forget(v: &mut ciborium::Value) {
    const LATER: [&str; 10] = [
        "turning",
        "vane_pass",
        "gear",
        "together",
        "moments",
        "growth",
        "tacho",
        "mesh_variance",
        "mesh_rahmonic",
        "mute",
    ];
    match v {
        ciborium::Value::Map(entries) => {
            entries.retain(|(key, _)| key.as_text().is_none_or(|key| !LATER.contains(&key)));
            entries.iter_mut().for_each(|(_, value)| forget(value));
        }
        ciborium::Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

#[test]
fn a_state_from_before_there_were_phases_is_read_and_goes_on() {
    let mut j = fan();
    at_once(&mut j, moment(1, 6.0, Some("1")));
    later(&mut j, 3_700);
    let mut records = moment(2, 6.0, Some("2"));
    let t0 = j.now + Duration::from_secs(1);
    records.iter_mut().for_each(|w| w.t0 = t0);
    let v = records.pop().unwrap();
    j.step(Batch { waveforms: records.into_iter().map(Arc::new).collect(), ..Batch::default() });
    let now = snapshot::plain(&j.fold.state);
    let mut value = now.clone();
    forget(&mut value);
    assert_ne!(value, now);
    let mut old = Vec::new();
    ciborium::into_writer(&value, &mut old).unwrap();
    j.fold = Fold::restore(Settings::default(), &old).unwrap();
    let a = only(&j.step(Batch { waveforms: vec![Arc::new(v)], ..Batch::default() }));
    assert_eq!(quadrature(&a), Err("no_phase"), "of what was heard before, nothing is known");
    let watch = j.fold.state.machines.values().next().unwrap().watch.clone().unwrap();
    let heard = watch.window.unwrap().points["h"].heard.clone().unwrap();
    assert_eq!(heard.symptoms.vane_pass, Err("not_looked"), "not too few records");
    later(&mut j, 3_700);
    assert!(quadrature(&only(&at_once(&mut j, moment(3, 6.0, Some("3"))))).unwrap() < 5.0);
}
