use std::f64::consts::TAU;

use super::*;
use crate::rotating::orders::Phase;
use crate::rotating::testing::{Gear, Noise};

const SOUND: Gear = Gear::SOUND;

fn lines(records: &[Vec<f64>]) -> Lines {
    let records: Vec<&[f64]> = records.iter().map(Vec::as_slice).collect();
    Lines::of(&Plans::default(), &records).unwrap()
}

fn near(mesh: &Mesh, gear: &Gear) -> bool {
    let want = f64::from(gear.teeth) * gear.shaft;
    (mesh.mesh / want - 1.0).abs() < 5e-4 && mesh.teeth == gear.teeth && (mesh.spacing / gear.shaft - 1.0).abs() < 5e-4
}

#[test]
fn mesh_and_shaft_are_found_in_sound_records_of_several_loads_whatever_the_rate() {
    for shaft in [0.0021, 0.0031, 0.0043] {
        // Under load the drive turns a little slower.
        let gears = [0.5, 1.0, 1.5].map(|load| Gear { shaft: shaft * (1.0 - 0.004 * load), load, ..SOUND });
        let tests: Vec<Lines> = gears.iter().zip(1..).map(|(g, seed)| lines(&[g.record(20_480, seed)])).collect();
        let mesh = find(&tests).unwrap();
        assert!(near(&mesh, &gears[0]), "{mesh:?} for {shaft}");
        for (g, t) in gears.iter().zip(&tests) {
            assert!(near(&t.locate(&mesh), g), "{:?}", t.locate(&mesh));
        }
    }
}

#[test]
fn a_broken_tooth_shows_in_every_metric_and_load_does_not() {
    let plans = Plans::default();
    let mesh = Mesh::known(SOUND.teeth, 31.0, 10_000.0).unwrap();
    let of = |g: Gear, seed| metrics(&plans, &g.record(32_768, seed), &mesh, None).unwrap();
    let sound = of(SOUND, 1);
    let variance = sound.residual_rms.powi(2);
    let judged = |g: Gear, seed| metrics(&plans, &g.record(32_768, seed), &mesh, Some(variance)).unwrap();
    for seed in 2..6 {
        let broken = judged(Gear { broken: 1.0, ..SOUND }, seed);
        let heavy = judged(Gear { load: 2.0, noise: 0.6, ..SOUND }, seed);
        let light = judged(Gear { load: 0.7, noise: 0.21, ..SOUND }, seed);
        for other in [&heavy, &light] {
            assert!((other.fm4 - 3.0).abs() < 1.2 && other.ser[0] < 1.3 * sound.ser[0], "{other:?}");
            assert!(broken.fm4 > 1.5 * other.fm4, "{broken:?}");
            assert!(broken.m6a > 2.0 * other.m6a);
            assert!(broken.ser[0] > 1.5 * other.ser[0]);
            assert!(broken.difference_rms / broken.average_rms > 2.0 * other.difference_rms / other.average_rms);
        }
        // By the variance while sound: the event is large, not only peaked.
        assert!(broken.na4.unwrap() > 5.0 * judged(SOUND, seed + 50).na4.unwrap());
        assert!(broken.nb4 > 1.2 * judged(SOUND, seed + 50).nb4);
    }
}

#[test]
fn amplitudes_are_what_went_in() {
    let plans = Plans::default();
    let gear = Gear { noise: 0.0, ..SOUND };
    let mesh = Mesh::known(gear.teeth, 31.0, 10_000.0).unwrap();
    let said = metrics(&plans, &gear.record(32_768, 1), &mesh, None).unwrap();
    assert_eq!((said.turns, said.harmonics), (101, 4));
    for (k, a) in [1.0, 0.5, 0.4, 0.2].iter().enumerate() {
        let want = a / 2f64.sqrt();
        assert!((said.mesh_rms[k] / want - 1.0).abs() < 0.01, "{k}: {} is not {want}", said.mesh_rms[k]);
    }
    // Two sidebands of 2.5 % each, plus and minus what the phase adds: their sum stays 5 % of the line to first order.
    assert!((said.ser[0] - 0.05).abs() < 0.01, "{}", said.ser[0]);
    assert!((said.average_rms / said.record_rms - 1.0).abs() < 0.01);
    assert!(said.difference_rms < 0.01 * said.average_rms);
    assert!(said.fm0 > 0.9 && said.fm0 < 2.1, "{}", said.fm0);
}

#[test]
fn what_shows_no_gear_is_refused() {
    let plans = Plans::default();
    let noise = lines(&[Noise::new(1).normals(20_480)]);
    assert_eq!(find(&[noise]), Err("gear_mesh"));
    assert_eq!(find(&[]), Err("gear_mesh"));
    // A mesh that nothing modulates.
    let pure: Vec<f64> = {
        let mut noise = Noise::new(2);
        let tone = |i: usize, k: f64| (TAU * 0.0713 * k * i as f64).cos() / k;
        (0..20_480).map(|i| (1..=4).map(|k| tone(i, f64::from(k))).sum::<f64>() + 0.1 * noise.normal()).collect()
    };
    assert_eq!(find(&[lines(&[pure])]), Err("gear_sidebands"));
    let mesh = Mesh::known(23, 31.0, 10_000.0).unwrap();
    let sound = SOUND.record(8192, 1);
    for (x, mesh, want) in [
        (&sound[..5000], mesh, "record_length"),
        (&[][..], mesh, "record_length"),
        (&vec![2.0; 20_000][..], mesh, "sensor"),
        (&vec![f64::NAN; 20_000][..], mesh, "sensor"),
        (&sound[..], mesh.at(0.46), "gear_mesh"),
        (&sound[..], mesh.at(f64::NAN), "gear_mesh"),
    ] {
        assert_eq!(metrics(&plans, x, &mesh, None).map(|_| ()), Err(want));
    }
    for (teeth, shaft, fs) in [(3, 25.0, 10_000.0), (23, 0.0, 10_000.0), (23, 25.0, 0.0), (2000, 25.0, 10_000.0)] {
        assert_eq!(Mesh::known(teeth, shaft, fs), Err("gear_mesh"));
    }
    let mut bad = sound.clone();
    bad[9] = f64::INFINITY;
    assert_eq!(Lines::of(&plans, &[&sound, &bad]).map(|_| ()), Err("sensor"));
    assert_eq!(Lines::of(&plans, &[&sound[..4000]]).map(|_| ()), Err("record_length"));
    assert_eq!(Lines::of(&plans, &[]).map(|_| ()), Err("record_length"));
}

#[test]
fn shapes_know_no_level_and_are_refused_where_there_is_none() {
    let plans = Plans::default();
    let x = Noise::new(3).normals(20_480);
    let a = shape(&plans, &x).unwrap();
    let b = shape(&plans, &x.iter().map(|v| 9.0 * v + 4.0).collect::<Vec<_>>()).unwrap();
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9 && a.abs() < 0.2), "{a:?}");
    assert_eq!(shape(&plans, &x[..4096]), Err("record_length"));
    assert_eq!(shape(&plans, &vec![1.0; 20_480]), Err("sensor"));
    assert_eq!(shape(&plans, &vec![f64::NAN; 20_480]), Err("sensor"));
}

const FS: f64 = 10_000.0;

/// The angle of a shaft that turns evenly.
fn even(shaft: f64, n: usize) -> Phase {
    let seconds = n as f64 / FS;
    Phase::through(vec![0.0, seconds], vec![0.0, shaft * FS * seconds]).unwrap()
}

#[test]
fn by_the_turns_of_its_shaft_a_gear_says_the_same_and_may_speed_up() {
    let (plans, n) = (Plans::default(), 32_768);
    let mesh = Mesh::known(SOUND.teeth, SOUND.shaft * FS, FS).unwrap();
    for broken in [0.0, 1.0] {
        let x = Gear { broken, ..SOUND }.record(n, 7);
        let by_time = metrics(&plans, &x, &mesh, Some(1.0)).unwrap();
        let turned = by_turn(&plans, &x, FS, &even(SOUND.shaft, n), SOUND.teeth, Some(1.0)).unwrap();
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.1;
        assert!(near(turned.fm4, by_time.fm4) && near(turned.residual_rms, by_time.residual_rms), "{turned:?}");
        assert!(near(turned.mesh_rms[0], by_time.mesh_rms[0]) && near(turned.record_rms, by_time.record_rms));
        // The same turns, ten percent faster at the end than at the beginning: each sample of the new record is that of
        // the old one at the same angle.
        let at = |t: f64| t * (0.95 + 0.05 * t / (n as f64 / FS));
        let quick: Vec<f64> = (0..n)
            .map(|i| {
                let from = at(i as f64 / FS) * FS;
                let (k, part) = (from as usize, from.fract());
                x[k] * (1.0 - part) + x[(k + 1).min(n - 1)] * part
            })
            .collect();
        let times: Vec<f64> = (0..=64).map(|i| f64::from(i) / 64.0 * n as f64 / FS).collect();
        let turns = times.iter().map(|t| SOUND.shaft * FS * at(*t)).collect();
        let run_up = Phase::through(times, turns).unwrap();
        let sped = by_turn(&plans, &quick, FS, &run_up, SOUND.teeth, None).unwrap();
        let smeared = metrics(&plans, &quick, &mesh, None).unwrap();
        assert!(near(sped.mesh_rms[0], by_time.mesh_rms[0]), "{sped:?}");
        assert!(smeared.mesh_rms[0] < 0.5 * by_time.mesh_rms[0], "what goes by time smears");
        if broken > 0.0 {
            assert!(sped.fm4 > 4.5, "{sped:?}");
        }
    }
}

#[test]
fn what_shows_no_turning_gear_is_refused() {
    let plans = Plans::default();
    let x = SOUND.record(32_768, 1);
    let phase = even(SOUND.shaft, x.len());
    let of = |x: &[f64], phase: &Phase, teeth: u32| by_turn(&plans, x, FS, phase, teeth, None).map(|_| ());
    assert_eq!(of(&x, &phase, 23), Ok(()));
    assert_eq!(of(&x, &phase, 3), Err("gear_mesh"));
    assert_eq!(of(&x, &phase, 2000), Err("gear_mesh"));
    assert_eq!(of(&x, &even(0.0005, x.len()), 23), Err("turns"));
    assert_eq!(of(&vec![1.0; 32_768], &phase, 23), Err("sensor"));
    assert_eq!(of(&vec![f64::NAN; 32_768], &phase, 23), Err("sensor"));
    assert_eq!(of(&[], &phase, 23), Err("record_length"));
}

#[test]
fn a_damaged_tooth_raises_what_repeats_with_the_shaft() {
    let of = |g: Gear, seed: u64| {
        let x = g.record(32_768, seed);
        let mut analyser = crate::rotating::Analyser::new(Plans::default());
        let context = crate::rotating::Context { speed: Err("speed"), nominal_rpm: None, bearings: &[], alpha: 1e-4 };
        analyser.analyse(&x, FS, &crate::rotating::Stated::default(), &context);
        let hz = g.shaft * FS;
        let s = analyser.spectrum();
        assert_eq!(rahmonic(&s, 23.0 * hz, 0.5), Err("record_length"));
        assert_eq!(rahmonic(&s, 4_500.0, hz), Err("rate"));
        assert_eq!(rahmonic(&s, f64::NAN, f64::NAN), Err("record_length"));
        rahmonic(&s, f64::from(g.teeth) * hz, hz).unwrap()
    };
    for seed in 1..4 {
        assert!(of(Gear { broken: 1.0, ..SOUND }, seed) > 2.0 * of(SOUND, seed + 10));
    }
}
