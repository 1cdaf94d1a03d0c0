use std::f64::consts::TAU;

use plant::{Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};

use super::*;
use crate::rotating::testing::{Noise, add_impacts};

const FS: f64 = 25_600.0;

fn waveform(x: &[f64], unit: &str, t_ms: i64) -> Waveform {
    let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
    let t = Timestamp::from_millis(1_700_000_000_000 + t_ms);
    let (unit, point) = (Unit::parse(unit).unwrap(), "s/fan/vib".parse().unwrap());
    Waveform::new(WaveformId(1), point, t, t, FS, unit, samples, WaveformMeta::default()).unwrap()
}

/// A shaft that speeds up from 20 to 30 Hz within 8 s, with its first orders, noise and impacts; and its tacho, two pulses
/// a turn, begun 120 ms later.
fn run() -> (Waveform, Waveform) {
    let turns = |t: f64| 20.0 * t + 0.625 * t * t;
    let mut noise = Noise::new(3);
    let mut x: Vec<f64> = (0..204_800)
        .map(|i| {
            let at = TAU * turns(f64::from(i) / FS);
            2.0 * at.cos() + (2.0 * at).cos() + 0.5 * (3.0 * at).cos() + noise.normal()
        })
        .collect();
    add_impacts(&mut x, FS, 80.0, 6000.0, 8.0, &mut noise);
    let tacho = (0..200_000).map(|i| if (2.0 * turns(f64::from(i) / FS + 0.12)).fract() < 0.1 { 5.0 } else { 0.0 });
    (waveform(&x, "m/s²", 0), waveform(&tacho.collect::<Vec<f64>>(), "V", 120))
}

#[test]
fn everything_is_bounded() {
    let (w, tacho) = run();
    let band = Band { low_hz: 5000.0, high_hz: 7000.0 };
    let curves = [
        zoom(&w, 0.0, 12_800.0).unwrap(),
        envelope(&w, band, 12_800.0).unwrap(),
        cepstrum(&w).unwrap(),
        velocity(&w, 10.0).unwrap(),
        displacement(&w, 10.0).unwrap(),
        peak_hold(&w, 2000.0, 500.0).unwrap().spectrum,
        orders(&w, Some(&tacho), (15.0, 35.0), 2.0).unwrap().spectrum,
        average(&w, Some(&tacho), (15.0, 35.0), 2.0, 1.0).unwrap().wave,
    ];
    for (i, c) in curves.iter().enumerate() {
        assert!((100..=LONGEST_CURVE).contains(&c.values.len()), "{i}: {}", c.values.len());
        assert!(c.values.iter().all(|v| v.is_finite()) && c.dx > 0.0, "{i}");
    }
    let map = spectrogram(&w).unwrap();
    assert!(map.columns <= LARGEST_MAP && map.rows <= LARGEST_MAP);
    assert!(kurtogram(&w).unwrap().levels.iter().all(|l| l.kurtosis.len() <= 64));
    let records: Vec<(f64, &Waveform)> = (0..600).map(|i| (f64::from(i), &tacho)).collect();
    assert_eq!(waterfall(&records, 1000.0).unwrap_err(), "unit");
    let short = waveform(&Noise::new(1).normals(2048), "m/s²", 0);
    let records: Vec<(f64, &Waveform)> = (0..600).map(|i| (f64::from(i), &short)).collect();
    let (at, map) = waterfall(&records, 12_800.0).unwrap();
    assert_eq!((at[0], at.len(), map.rows, map.columns, map.values.len()), (88.0, 512, 512, 512, 512 * 512));
}

#[test]
fn orders_by_tacho_and_by_the_record_agree() {
    let (w, tacho) = run();
    let by_tacho = orders(&w, Some(&tacho), (15.0, 35.0), 2.0).unwrap();
    let by_record = orders(&w, None, (15.0, 35.0), 2.0).unwrap();
    assert_eq!((by_tacho.from, by_record.from), (OrderSource::Tacho, OrderSource::Record));
    for o in [&by_tacho, &by_record] {
        for (order, peak) in [(1.0, 2.0), (2.0, 1.0), (3.0, 0.5)] {
            // Over whole turns an order stands on a line.
            let (at, rms) = o.spectrum.highest(order - 0.3, order + 0.3).unwrap();
            assert!((at - order).abs() <= o.spectrum.dx, "{:?}: {at}", o.from);
            assert!((rms * 2f64.sqrt() / peak - 1.0).abs() < 0.03, "{:?} order {order}: {rms}", o.from);
        }
        for t in [1.0, 4.0, 7.0] {
            let rpm = o.speed.at(t).unwrap();
            assert!((rpm / (60.0 * (20.0 + 1.25 * t)) - 1.0).abs() < 0.003, "{:?} at {t} s: {rpm}", o.from);
        }
    }
    let a = average(&w, Some(&tacho), (15.0, 35.0), 2.0, 1.0).unwrap();
    let rms = (a.wave.values.iter().map(|v| v * v).sum::<f64>() / a.wave.values.len() as f64).sqrt();
    assert!(a.turns > 190 && (rms / (5.25f64 / 2.0).sqrt() - 1.0).abs() < 0.02, "{} {rms}", a.turns);
}

#[test]
fn a_waterfall_has_a_row_for_each_record_at_its_own_rate() {
    let tone = |hz: f64| {
        let x: Vec<f64> = (0..25_600).map(|i| (TAU * hz * f64::from(i) / FS).sin() * 2f64.sqrt()).collect();
        waveform(&x, "m/s²", 0)
    };
    let records = [tone(100.0), tone(200.0), tone(300.0)];
    let rows: Vec<(f64, &Waveform)> = records.iter().zip([1000.0, 1100.0, 1200.0]).map(|(w, rpm)| (rpm, w)).collect();
    let (at, map) = waterfall(&rows, 500.0).unwrap();
    assert_eq!((at, map.rows, map.columns), (vec![1000.0, 1100.0, 1200.0], 3, 500));
    for row in 0..3 {
        let values = &map.values[row * map.columns..][..map.columns];
        let strongest = (0..map.columns).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap();
        assert!((strongest as f64 * map.dx - 100.0 * (row + 1) as f64).abs() <= map.dx && values[strongest] > 119.9);
    }
    assert_eq!(waterfall(&[], 500.0), Err("record_length"));
    assert_eq!(waterfall(&rows, f64::NAN), Err("band"));
}

#[test]
fn an_orbit_in_micrometres() {
    let side = |phase: f64, f: f64| {
        let x: Vec<f64> = (0..51_200).map(|i| f * (TAU * 50.0 * f64::from(i) / FS + phase).cos()).collect();
        x
    };
    let h = waveform(&side(0.0, 20.0), "µm", 0);
    let v = waveform(&side(-TAU / 4.0, 10.0), "µm", 0);
    let o = orbit(&h, &v, 50.0).unwrap();
    assert!(o.forward && o.unit == Unit::parse("µm").unwrap());
    assert!((o.full.at(1.0).unwrap() - 15.0).abs() < 0.1 && (o.full.at(-1.0).unwrap() - 5.0).abs() < 0.1);
    assert!(o.points.len() <= LONGEST_CURVE && o.full.values.len() <= LONGEST_CURVE);
    assert!((o.full.x0 + 10.0).abs() < 0.1, "{}", o.full.x0);
    assert!(!orbit(&v, &h, 50.0).unwrap().forward);
    let later = waveform(&side(0.0, 20.0), "µm", 1);
    assert_eq!(orbit(&h, &later, 50.0), Err("channels"));
    assert_eq!(orbit(&h, &waveform(&side(0.0, 0.02), "m/s²", 0), 50.0), Err("unit"));
}

#[test]
fn what_cannot_be_is_refused() {
    let (w, tacho) = run();
    let other = waveform(&Noise::new(1).normals(50_000), "mm/s", 0);
    let band = Band { low_hz: 5000.0, high_hz: 7000.0 };
    assert_eq!(zoom(&other, 10.0, 100.0), Err("unit"));
    assert_eq!(envelope(&other, band, 100.0), Err("unit"));
    assert_eq!(kurtogram(&other), Err("unit"));
    let noise = waveform(&Noise::new(1).normals(102_400), "m/s²", 0);
    assert_eq!(orders(&noise, None, (15.0, 35.0), 1.0), Err("comb_unclear"));
    assert_eq!(orders(&w, Some(&noise), (15.0, 35.0), 1.0), Err("tacho"));
    assert_eq!(orders(&w, Some(&tacho), (15.0, 35.0), 0.0), Err("tacho"));
    assert_eq!(average(&w, Some(&tacho), (15.0, 35.0), 2.0, 0.05), Err("turns"));
    assert_eq!(average(&w, Some(&tacho), (15.0, 35.0), 2.0, -1.0), Err("ratio"));
    // A tacho of another minute says nothing of this record.
    let x: Vec<f64> = tacho.physical();
    assert_eq!(orders(&w, Some(&waveform(&x, "V", 60_000)), (15.0, 35.0), 2.0), Err("turns"));
    let one = waveform(&[1.0], "m/s²", 0);
    assert_eq!(spectrogram(&one), Err("record_length"));
    assert_eq!(cepstrum(&one), Err("record_length"));
    assert_eq!(orders(&one, None, (15.0, 35.0), 1.0), Err("record_length"));
}

/// Speeds and rates that no machine has, as a wrong field gives them: refused by a code, never a panic, never a verdict.
#[test]
fn absurd_speeds_and_rates_are_refused() {
    let mut machine = plant::Machine::bare("s/fan".parse().unwrap());
    let orders = plant::BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
    let geometry = plant::Geometry::Orders(orders);
    machine.bearings.push(plant::Bearing { name: "DE".parse().unwrap(), designation: None, geometry });
    let noise = Noise::new(9).normals(16_384);
    for fs in [1e-300, 1e-3, 1.0, 300.0, FS, 1e9, f64::MAX] {
        for mean_rpm in [f64::MIN, -1500.0, -0.0, 1e-300, 1e7, 1e30, f64::MAX] {
            for range_rpm in [None, Some((f64::MIN, f64::MAX)), Some((2000.0, 1000.0)), Some((0.0, 0.0))] {
                let good = waveform(&noise, "m/s²", 0);
                let meta =
                    WaveformMeta { speed: Some(plant::Speed { mean_rpm, range_rpm }), ..WaveformMeta::default() };
                let w = Waveform { fs, meta, ..good };
                let s = spectra(&w, &machine, None);
                let case = format!("{fs} Hz, {mean_rpm} r/min, {range_rpm:?}: {:?}", s.refused);
                assert!(s.hypotheses.is_empty() || fs > 1e8, "{case}");
                assert!(!s.refused.is_empty() || fs > 1e8, "{case}");
                assert!(s.shaft_hz.is_none_or(|hz| hz > 0.0 && hz < fs / 2.0), "{case}: {:?}", s.shaft_hz);
            }
        }
    }
}

/// Values that nothing measures are a wrong scale, and never a quiet machine.
#[test]
fn immense_values_are_not_believed() {
    let machine = plant::Machine::bare("s/fan".parse().unwrap());
    for size in [2e7, 1e30, f64::from(f32::MAX)] {
        let x: Vec<f64> = (0..16_384).map(|i| if i % 2 == 0 { size } else { -size }).collect();
        let refused = spectra(&waveform(&x, "m/s²", 0), &machine, None).refused;
        assert!(refused.iter().any(|c| &**c == "clipped"), "{size}: {refused:?}");
    }
}
