//! What the chain states of synthetic records against what was put into them: amplitude, RMS, frequency, zone edges, orders
//! over a ramp, and that no failed sensor gets a verdict.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

use std::collections::BTreeSet;
use std::f64::consts::{SQRT_2, TAU};
use std::sync::Arc;

use analytics::fold::{Fold, Settings};
use analytics::rotating::orders::{Phase, edges, order_spectrum, tacholess};
use analytics::rotating::testing::{Noise, sine};
use analytics::rotating::{Analyser, Context, Fault, Plans, ROWS, Seated, Stated};
use historian::{Batch, Committed};
use plant::{
    AssetChange, Bearing, BearingOrders, Finding, Geometry, Machine, Samples, SensorState, Speed, Timestamp, Unit,
    Waveform, WaveformId, WaveformMeta, Zone,
};

const FS: f64 = 25_600.0;
const N: usize = 65_536;
const ORDERS: BearingOrders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
const BEARINGS: &[Seated] = &[Seated { orders: ORDERS, ratio: 1.0, ratio_tolerance: 0.0, tolerance: [0.0; 4] }];
/// Hann, corrected by its own noise bandwidth: what lies beyond the lines that are added up is less than this.
const HALF_A_PERCENT: f64 = 0.005;

fn context(hz: f64) -> Context<'static> {
    let speed = Ok(Speed { mean_rpm: 60.0 * hz, range_rpm: None });
    Context { speed, nominal_rpm: None, bearings: BEARINGS, alpha: 1e-4 }
}

fn off(found: f64, want: f64) -> f64 {
    (found / want - 1.0).abs()
}

#[test]
fn amplitude_rms_and_frequency_wherever_the_tone_stands_between_the_lines() {
    let mut analyser = Analyser::new(Plans::default());
    let df = FS / N as f64;
    for (tenth, peak) in (0..10).zip([0.02, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 0.003]) {
        for base in [60.0, 155.0, 900.0] {
            let hz = base + f64::from(tenth) * df / 10.0;
            let x = sine(N, FS, hz, peak, 0.7 * peak);
            let said = analyser.analyse(&x, FS, &Stated::default(), &context(hz));
            let rms = peak / SQRT_2;
            // Part of a period is left over at the end of the record: at most a quarter of one in 153.
            assert!(off(said.features.rms, rms) < HALF_A_PERCENT, "{hz} Hz: {}", said.features.rms);
            let (found, line) = analyser.spectrum().tone(hz - 5.0, hz + 5.0).unwrap();
            assert!((found - hz).abs() < 0.1 * df, "{hz} Hz: {found}");
            assert!(off(line, rms) < HALF_A_PERCENT, "{hz} Hz: {line} of {rms}");
            let velocity = 1000.0 * rms / (TAU * hz);
            assert!(off(said.velocity.unwrap().rms_mm_s, velocity) < HALF_A_PERCENT, "{hz} Hz: {:?}", said.velocity);
            assert!(off(said.amplitude_1x.unwrap(), velocity) < HALF_A_PERCENT, "{hz} Hz: {:?}", said.amplitude_1x);
        }
    }
}

#[test]
fn g_and_metres_per_second_squared_give_the_same_velocity() {
    let mut analyser = Analyser::new(Plans::default());
    let t = Timestamp::from_secs(1);
    let velocity = [("g", 1.0), ("m/s²", 9.806_65)].map(|(unit, factor)| {
        let x: Vec<f32> = sine(N, FS, 100.0, 0.5 * factor, 0.0).iter().map(|v| *v as f32).collect();
        let (point, unit) = ("s/m/a".parse().unwrap(), Unit::parse(unit).unwrap());
        let meta = WaveformMeta::default();
        let w = Waveform::new(WaveformId(1), point, t, t, FS, unit, Samples::F32(x.into()), meta).unwrap();
        analyser.waveform(&w, None, &context(25.0)).unwrap().velocity.unwrap().rms_mm_s
    });
    let want = 1000.0 * 0.5 * 9.806_65 / SQRT_2 / (TAU * 100.0);
    assert!(velocity.iter().all(|v| off(*v, want) < HALF_A_PERCENT), "{velocity:?}, not {want}");
}

#[test]
fn zone_edges_belong_to_the_better_zone_and_stand_where_the_tables_say() {
    for row in ROWS {
        for (edge, below, above) in [
            (row.boundaries[0], Zone::A, Zone::B),
            (row.boundaries[1], Zone::B, Zone::C),
            (row.boundaries[2], Zone::C, Zone::D),
        ] {
            assert_eq!((row.zone(edge), row.zone(edge.next_up())), (below, above), "{edge} in {}", row.basis);
        }
    }
    let tables: Vec<[f64; 3]> = ROWS.iter().map(|r| r.boundaries).collect();
    // ISO 20816-3 groups 1 and 2, rigid and flexible; ISO 10816-7 category I; large turbines.
    for want in [[2.3, 4.5, 7.1], [3.5, 7.1, 11.0], [1.4, 2.8, 4.5], [2.5, 4.0, 6.6], [3.5, 5.0, 7.6], [3.8, 7.5, 11.8]]
    {
        assert!(tables.contains(&want), "{want:?} is in no table");
    }
}

/// From 17.5 to 32.5 Hz within 4 s: 25 Hz ± 30 %.
fn ramp(t: f64) -> f64 {
    17.5 * t + 1.875 * t * t
}

#[test]
fn orders_over_a_ramp_of_thirty_percent_with_a_tacho_and_without() {
    let n = 102_400;
    let mut noise = Noise::new(5);
    let parts = [(1.0, 0.4), (2.0, 0.3), (3.0, 0.2), (7.4, 1.5)];
    let x: Vec<f64> = (0..n)
        .map(|i| {
            let at = ramp(f64::from(i) / FS);
            parts.iter().map(|(k, a)| a * (TAU * k * at + k).cos()).sum::<f64>() + 0.5 * noise.normal()
        })
        .collect();
    let pulses: Vec<f64> = (0..n).map(|i| if ramp(f64::from(i) / FS).fract() < 0.05 { 4.0 } else { 0.0 }).collect();
    let plans = Plans::default();
    let tacho = Phase::from_edges(&edges(&pulses, FS).unwrap(), 1.0).unwrap();
    let own = tacholess(&plans, &x, FS, (15.0, 36.0)).unwrap();
    // Without a tacho half a percent of speed moves order 7.4 by 4 of the lines, of which there are 90 to an order.
    for (phase, speed_off, order_off) in [(tacho, 0.002, 0.006), (own, 0.02, 0.04)] {
        for seconds in [0.6, 2.0, 3.4] {
            let (first, last) = phase.turns();
            let turns = (0..=4000).map(|i| first + (last - first) * f64::from(i) / 4000.0);
            let turn = turns
                .min_by(|a, b| (phase.time_of(*a) - seconds).abs().total_cmp(&(phase.time_of(*b) - seconds).abs()));
            let hz = phase.hz_at(turn.unwrap());
            assert!(off(hz, 17.5 + 3.75 * seconds) < speed_off, "{hz} Hz at {seconds} s");
        }
        let c = order_spectrum(&plans, &x, FS, &phase, 12.0).unwrap();
        for (order, peak) in parts {
            let (at, _) = c.highest(order - 0.3, order + 0.3).unwrap();
            assert!((at - order).abs() < order_off, "{order}: {at}");
            let near = c.values.iter().enumerate().filter(|(i, _)| (*i as f64 * c.dx - order).abs() < 0.1);
            let rms = (near.map(|(_, v)| v * v).sum::<f64>() / 1.5).sqrt();
            assert!(off(rms, peak / SQRT_2) < 0.05, "order {order}: {rms} of {}", peak / SQRT_2);
        }
    }
}

/// A sound machine at 25 Hz: its first orders, resonances below and at `high` Hz, and noise.
fn sound(shaft: f64, low: f64, high: f64, seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let tone = |t: f64, hz: f64| (TAU * hz * t).sin();
    let at = |i: usize| i as f64 / FS;
    let x = (0..N).map(|i| shaft * tone(at(i), 25.0) + low * tone(at(i), 300.0) + tone(at(i), high));
    x.map(|v| v + 0.1 * noise.normal()).collect()
}

/// What the chain finds wrong with the sensor of one record; where it does, nothing is judged.
fn faults(x: &[f64], stated: Stated) -> BTreeSet<Fault> {
    let said = Analyser::new(Plans::default()).analyse(x, FS, &stated, &context(25.0));
    if !said.faults.is_empty() {
        assert_eq!((said.velocity, said.bearing), (Err("sensor"), Err("sensor")), "{:?}", said.faults.codes());
        assert_eq!(said.amplitude_1x, None);
    }
    said.faults.iter().collect()
}

/// The same by a sensor's past: what the fold says of the last record, after eight sound ones.
fn fault_by_past(last: &[f64]) -> BTreeSet<String> {
    let mut machine = Machine::bare("s/rig".parse().unwrap());
    machine.bearings.push(Bearing {
        name: "B".parse().unwrap(),
        designation: None,
        geometry: Geometry::Orders(ORDERS),
    });
    let mut fold = Fold::new(Settings::default());
    let mut batch = Batch { changes: vec![AssetChange::Machine(machine)], ..Batch::default() };
    let mut t = Timestamp::from_secs(1_700_000_000);
    let records = (0..9).map(|seed| sound(1.0, 1.0, 6000.0, seed)).chain([last.to_vec()]);
    let mut sensor = SensorState::Healthy;
    for (i, x) in records.enumerate() {
        assert_eq!(sensor, SensorState::Healthy, "record {i}");
        let meta = WaveformMeta { speed: Some(Speed { mean_rpm: 1500.0, range_rpm: None }), ..WaveformMeta::default() };
        let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
        let (point, unit) = ("s/rig/a".parse().unwrap(), Unit::parse("m/s²").unwrap());
        let w = Waveform::new(WaveformId(i as u128), point, t, t, FS, unit, samples, meta).unwrap();
        batch.waveforms.push(Arc::new(w));
        let committed = Committed { seq: i as u64 + 1, t, batch: Arc::new(std::mem::take(&mut batch)) };
        for found in fold.step(&committed) {
            if let Finding::Diagnosis(d) = found {
                sensor = d.sensor.clone();
            }
        }
        t = t + std::time::Duration::from_secs(10);
    }
    match sensor {
        SensorState::Failed(codes) => codes.iter().map(ToString::to_string).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn no_failed_sensor_gets_a_verdict() {
    let x = || sound(1.0, 1.0, 6000.0, 1);
    let none = Stated::default();
    let only = |f: Fault| BTreeSet::from([f]);
    assert_eq!(faults(&x(), none), BTreeSet::new());
    let mut seen = BTreeSet::new();
    let mut holds = |what: &str, x: Vec<f64>, stated: Stated, fault: Fault| {
        assert_eq!(faults(&x, stated), only(fault), "{what}");
        seen.insert(fault);
    };
    holds("an open cable", x(), Stated { bias_v: Some(23.0), ..none }, Fault::Bias);
    holds("a short circuit", x(), Stated { bias_v: Some(0.2), ..none }, Fault::Bias);
    let range = Stated { range: Some((-1.5, 1.5)), ..none };
    holds("overload", x().iter().map(|v| v.clamp(-1.5, 1.5)).collect(), range, Fault::Clipped);
    holds(
        "an offset that drives it to the end",
        x().iter().map(|v| (v + 2.0).min(1.5)).collect(),
        range,
        Fault::Clipped,
    );
    holds("nothing", vec![0.0; N], none, Fault::Flat);
    let mut dropout = x();
    dropout[20_000..30_000].fill(0.0);
    holds("a dropout", dropout, none, Fault::Flat);
    holds("samples lost on the way", x(), Stated { gaps: 2, ..none }, Fault::Gaps);
    let mut hole = x();
    hole[777] = f64::NAN;
    holds("a sample that is no number", hole, none, Fault::Gaps);
    // A thermal transient: 1/f over the whole record.
    let mut noise = Noise::new(6);
    let mut drift = 0.0;
    let wandering = x().into_iter().map(|v| {
        drift = 0.9995 * drift + noise.normal();
        v + drift
    });
    holds("a drift", wandering.collect(), none, Fault::SkiSlope);

    assert_eq!(fault_by_past(&sound(1.0, 1.0, 6000.0, 20)), BTreeSet::new());
    assert!(fault_by_past(&sound(0.2, 0.2, 2500.0, 21)).contains("loose"));
    // The turning is gone, the rest is as it was.
    assert_eq!(fault_by_past(&sound(0.0, 1.0, 6000.0, 22)), BTreeSet::from(["no_rotation".to_owned()]));
    seen.extend([Fault::Loose, Fault::NoRotation]);
    assert_eq!(seen, BTreeSet::from(Fault::ALL), "each fault has been seen");
}
