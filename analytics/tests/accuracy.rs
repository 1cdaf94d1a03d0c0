//! The bars on synthetic signals, of the whole chain from the samples of a waveform to what is said of it.
//!
//! What holds which bar:
//!
//! | bar | of a part alone | of the chain |
//! |---|---|---|
//! | RMS within 0.5 % | `rotating::spectrum`, `rotating::welch`, `rotating::features` | [`velocity_is_within_half_a_percent_in_every_unit_and_form`], [`the_band_of_velocity_begins_where_the_speed_says`] |
//! | amplitude within 0.5 % | `rotating::wave::integrate`, `rotating::spectrum` | [`the_line_of_rotation_is_within_half_a_percent_wherever_it_stands`] |
//! | frequency within a tenth of a line | `rotating::spectrum` | [`orders_keep_place_and_amplitude_while_the_speed_varies_by_thirty_percent`] |
//! | edges of zones | `rotating::severity` (to the last bit) | [`samples_on_either_side_of_an_edge_are_in_different_zones`] |
//! | ±30 % of speed by a tacho | `rotating::orders::spectrum` (a rise, the angle given) | [`orders_keep_place_and_amplitude_while_the_speed_varies_by_thirty_percent`] |
//! | ±30 % of speed by the record itself | `rotating::orders::comb`, `tests/tacholess.rs`, `tests/varying_speed.rs` | there |
//! | `bias`, `clipped`, `flat`, `gaps` | `rotating::guard` | [`every_sensor_fault_of_a_record_leaves_no_verdict`] |
//! | `ski_slope` | `tests/null.rs` | [`every_sensor_fault_of_a_record_leaves_no_verdict`] |
//! | `loose`, `no_rotation` (by the sensor's own past) | – | `fold::tests` |
//! | healthy records: alarms within the budget | `watch::arl`, `tests/null.rs` | `tests/budget.rs` |
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

use std::f64::consts::TAU;

use analytics::rotating::orders::{Phase, average, edges, order_spectrum};
use analytics::rotating::testing::{Noise, sine};
use analytics::rotating::{Analyser, Analysis, Basis, Context, Plans, Stated, choose};
use plant::{
    Foundation, MachineClass, Samples, Severity, Speed, Timestamp, Unit, Waveform, WaveformId, WaveformMeta, Zone,
};

const FS: f64 = 25_600.0;
const N: usize = 65_536;
/// m/s².
const G: f64 = 9.806_65;

fn turning(rpm: f64) -> Context<'static> {
    let speed = Ok(Speed { mean_rpm: rpm, range_rpm: None });
    Context { speed, nominal_rpm: None, bearings: &[], alpha: 1e-4 }
}

fn waveform(samples: Samples, unit: &str, meta: WaveformMeta) -> Waveform {
    let t = Timestamp::from_secs(1_700_000_000);
    Waveform::new(WaveformId(1), "s/fan/vib".parse().unwrap(), t, t, FS, Unit::parse(unit).unwrap(), samples, meta)
        .unwrap()
}

/// Peak acceleration, m/s², of a velocity of `mm_s` RMS at `hz`.
fn peak(mm_s: f64, hz: f64) -> f64 {
    1e-3 * mm_s * 2f64.sqrt() * TAU * hz
}

fn near(got: f64, want: f64, part: f64, what: &str) {
    assert!((got / want - 1.0).abs() < part, "{what}: {got}, not {want}");
}

#[test]
fn velocity_is_within_half_a_percent_in_every_unit_and_form() {
    let mut analyser = Analyser::new(Plans::default());
    for (i, hz) in [10.9, 24.83, 49.2, 163.37, 998.4].into_iter().enumerate() {
        let (mm_s, mean) = (2.8, 3.0 * G);
        let x = sine(N, FS, hz, peak(mm_s, hz), mean);
        let floats = |per: f64| Samples::F32(x.iter().map(|v| (v / per) as f32).collect());
        // A converter of 16 bits whose zero is not that of the sensor.
        let (scale, offset) = ((mean + peak(mm_s, hz)) / G / 30_000.0, -0.25);
        let raw = x.iter().map(|v| ((v / G - offset) / scale).round() as i16).collect();
        for (samples, unit) in [
            (floats(1.0), "m/s²"),
            (floats(G), "g"),
            (floats(1e-3), "mm/s²"),
            (Samples::I16 { raw, scale, offset }, "g"),
        ] {
            let w = waveform(samples, unit, WaveformMeta::default());
            let said = analyser.waveform(&w, None, &turning(1490.0)).unwrap();
            let what = format!("{i}: {hz} Hz in {unit}");
            near(said.velocity.unwrap().rms_mm_s, mm_s, 0.005, &what);
            near(said.features.rms, peak(mm_s, hz) / 2f64.sqrt(), 0.005, &what);
            near(said.features.peak, peak(mm_s, hz), 0.005, &what);
            near(said.features.mean, mean, 0.005, &what);
        }
    }
}

#[test]
fn the_band_of_velocity_begins_where_the_speed_says() {
    // 4.3 Hz: within 2 to 1000 Hz, as a shaft below 600 r/min has it, and not within 10 to 1000 Hz.
    let mut analyser = Analyser::new(Plans::default());
    let slow: Vec<f64> = sine(10 * 25_600, FS, 4.3, peak(3.0, 4.3), 0.0);
    let x: Vec<f64> = slow.iter().zip(sine(slow.len(), FS, 60.0, peak(4.0, 60.0), 0.0)).map(|(a, b)| a + b).collect();
    for (rpm, low_hz, want) in [(599.0, 2.0, 5.0), (601.0, 10.0, 4.0)] {
        let v = analyser.analyse(&x, FS, &Stated::default(), &turning(rpm)).velocity.unwrap();
        assert_eq!((v.low_hz, v.high_hz), (low_hz, 1000.0));
        near(v.rms_mm_s, want, 0.005, &format!("{rpm} r/min"));
    }
}

#[test]
fn the_line_of_rotation_is_within_half_a_percent_wherever_it_stands() {
    let mut analyser = Analyser::new(Plans::default());
    let mut noise = Noise::new(3);
    for tenth in 0..10 {
        let hz = 63.0 * FS / N as f64 + f64::from(tenth) * FS / N as f64 / 10.0;
        let mut x = sine(N, FS, hz, peak(1.7, hz), 0.0);
        for (v, twice) in x.iter_mut().zip(sine(N, FS, 2.0 * hz, peak(1.1, 2.0 * hz), 0.0)) {
            *v += twice + 0.002 * noise.normal();
        }
        // The speed is stated one percent too low.
        let said = analyser.analyse(&x, FS, &Stated::default(), &turning(60.0 * 0.99 * hz));
        near(said.amplitude_1x.unwrap(), 1.7, 0.005, &format!("{hz} Hz"));
        near(said.share_1x().unwrap(), 1.7 / 1.7f64.hypot(1.1), 0.01, &format!("{hz} Hz"));
    }
}

#[test]
fn samples_on_either_side_of_an_edge_are_in_different_zones() {
    let mut analyser = Analyser::new(Plans::default());
    let severity =
        |kw, foundation| Severity { rated_kw: Some(kw), shaft_height_mm: None, foundation: Some(foundation) };
    for (class, severity, edges) in [
        (MachineClass::Fan, severity(450.0, Foundation::Rigid), [2.3, 4.5, 7.1]),
        (MachineClass::Motor, severity(90.0, Foundation::Flexible), [2.3, 4.5, 7.1]),
        (MachineClass::Motor, severity(90.0, Foundation::Rigid), [1.4, 2.8, 4.5]),
        (MachineClass::Pump, severity(90.0, Foundation::Rigid), [2.5, 4.0, 6.6]),
    ] {
        let row = choose(&Basis { class, severity, nominal_rpm: None }).unwrap();
        let zones = [Zone::A, Zone::B, Zone::C, Zone::D];
        for (edge, zones) in edges.into_iter().zip(zones.windows(2)) {
            for (part, zone) in [(0.995, zones[0]), (1.005, zones[1])] {
                let x = sine(N, FS, 24.83, peak(part * edge, 24.83), 0.0);
                let v = analyser.analyse(&x, FS, &Stated::default(), &turning(1490.0)).velocity.unwrap();
                assert_eq!(row.zone(v.rms_mm_s), zone, "{} of {edge} mm/s in {}", v.rms_mm_s, row.basis);
            }
        }
    }
}

/// Turns after so many seconds.
type Course = fn(f64) -> f64;
/// Length of a record, s.
const T: f64 = 6.0;
/// How the speed goes over it: 25 Hz ± 30 %.
const COURSES: [(&str, Course); 4] = [
    ("steady", |t| 25.0 * t),
    ("faster", |t| 17.5 * t + 7.5 * t * t / T),
    ("slower", |t| 32.5 * t - 7.5 * t * t / T),
    // Three swings.
    ("to and fro", |t| 25.0 * t - 7.5 * T / (3.0 * TAU) * ((3.0 * TAU * t / T).cos() - 1.0)),
];

#[test]
fn orders_keep_place_and_amplitude_while_the_speed_varies_by_thirty_percent() {
    let plans = Plans::default();
    let parts = [(1.0, 2.0, 0.4), (3.0, 0.5, 1.0), (7.37, 1.2, 0.0)];
    for (course, turns) in COURSES {
        let mut noise = Noise::new(17);
        let at = |i: usize| turns(i as f64 / FS);
        let n = (T * FS) as usize;
        let tacho: Vec<f64> = (0..n).map(|i| 5.0 * (TAU * at(i)).sin() + 0.01 * noise.normal()).collect();
        let x: Vec<f64> = (0..n)
            .map(|i| {
                let lines = parts.iter().map(|(k, a, p)| a * (TAU * k * at(i) + p).cos());
                lines.sum::<f64>() + 0.05 * noise.normal()
            })
            .collect();
        let phase = Phase::from_edges(&edges(&tacho, FS).unwrap(), 1.0).unwrap();
        let c = order_spectrum(&plans, &x, FS, &phase, 20.0).unwrap();
        for (order, amplitude, _) in parts {
            let what = format!("{course}, order {order}");
            let (place, rms) = line(&c.values, c.dx, order);
            assert!((place - order).abs() < 0.1 * c.dx, "{what}: {place}, lines {} apart", c.dx);
            near(rms, amplitude / 2f64.sqrt(), 0.005, &what);
        }
        // Of the mean turn, whole orders stay, as large as they were, and the other goes.
        let mean = average(&x, FS, &phase, 1.0).unwrap();
        let of = |k: f64| {
            let n = mean.wave.len() as f64;
            let turn = |i: usize| TAU * k * i as f64 / n;
            let (c, s) = mean
                .wave
                .iter()
                .enumerate()
                .fold((0.0, 0.0), |(c, s), (i, v)| (c + v * turn(i).cos(), s + v * turn(i).sin()));
            2.0 * f64::hypot(c, s) / n
        };
        near(of(1.0), 2.0, 0.005, course);
        near(of(3.0), 0.5, 0.02, course);
        assert!(of(7.0) < 0.1, "{course}: {}", of(7.0));
    }
}

/// Place and RMS of the line about `order`: by the ratio of the two largest neighbours, and from the power of seven lines
/// (Hann: 1.5 lines wide).
fn line(values: &[f64], dx: f64, order: f64) -> (f64, f64) {
    let near = (order / dx).round() as usize;
    let k = (near - 3..near + 4).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap();
    let shift = |v: f64| (2.0 * v / values[k] - 1.0) / (v / values[k] + 1.0);
    let by = if values[k + 1] >= values[k - 1] { shift(values[k + 1]) } else { -shift(values[k - 1]) };
    let power: f64 = values[k - 3..k + 4].iter().map(|v| v * v).sum();
    ((k as f64 + by) * dx, (power / 1.5).sqrt())
}

fn hiss(seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    sine(N, FS, 24.83, 0.8, 0.0).into_iter().map(|v| v + 0.3 * noise.normal()).collect()
}

fn floats(x: &[f64]) -> Samples {
    Samples::F32(x.iter().map(|v| *v as f32).collect())
}

/// In steps of 0.01 g, as a converter gives them.
fn counts(x: &[f64]) -> Samples {
    let raw = x.iter().map(|v| (v / (0.01 * G)).round().clamp(-32_768.0, 32_767.0) as i16).collect();
    Samples::I16 { raw, scale: 0.01, offset: 0.0 }
}

#[test]
fn every_sensor_fault_of_a_record_leaves_no_verdict() {
    let mut analyser = Analyser::new(Plans::default());
    let none = WaveformMeta::default;
    let clipped: Vec<f64> = hiss(2).iter().map(|v| v.clamp(-1.0, 1.0)).collect();
    let railed: Vec<f64> = hiss(3).iter().map(|v| 2600.0 * v).collect();
    let stuck: Vec<f64> = hiss(4).iter().enumerate().map(|(i, v)| if i < N / 2 { *v } else { 0.1 }).collect();
    let mut noise = Noise::new(5);
    let mut slow = 0.0;
    let sloping: Vec<f64> = hiss(5)
        .iter()
        .map(|v| {
            slow = 0.9999 * slow + 0.05 * noise.normal();
            slow + 0.1 * v
        })
        .collect();
    for (what, samples, unit, range, meta, want) in [
        ("nothing wrong", floats(&hiss(1)), "m/s²", None, none(), ""),
        ("nothing wrong, in counts", counts(&hiss(1)), "g", Some((-0.5, 0.5)), none(), ""),
        ("cable open", floats(&hiss(1)), "m/s²", None, WaveformMeta { bias_v: Some(23.0), ..none() }, "bias"),
        ("cable short", floats(&hiss(1)), "m/s²", None, WaveformMeta { bias_v: Some(0.2), ..none() }, "bias"),
        ("a bias in order", floats(&hiss(1)), "m/s²", None, WaveformMeta { bias_v: Some(11.0), ..none() }, ""),
        ("at the point's range", floats(&clipped), "m/s²", Some((-1.0, 1.0)), none(), "clipped"),
        ("beyond the point's range", floats(&hiss(1)), "m/s²", Some((-1.0, 1.0)), none(), "clipped"),
        // The range is in the unit of the record.
        ("at the sensor's range", counts(&clipped), "g", None, WaveformMeta { range: Some(0.1), ..none() }, "clipped"),
        ("at the converter's ends", counts(&railed), "g", None, none(), "clipped"),
        ("by its own count", floats(&hiss(1)), "m/s²", None, WaveformMeta { clip_count: Some(9), ..none() }, "clipped"),
        ("beyond what can be", floats(&[&hiss(1)[1..], &[3e8]].concat()), "m/s²", None, none(), "clipped"),
        ("nothing moves", floats(&[0.3; N]), "m/s²", None, none(), "flat"),
        ("stuck half way", floats(&stuck), "m/s²", None, none(), "flat"),
        (
            "the last digit flickers",
            counts(&hiss(6).iter().map(|v| 0.05 * v).collect::<Vec<_>>()),
            "g",
            None,
            none(),
            "flat",
        ),
        ("samples lost", floats(&hiss(1)), "m/s²", None, WaveformMeta { gaps: 1, ..none() }, "gaps"),
        ("a drift", floats(&sloping), "m/s²", None, none(), "ski_slope"),
    ] {
        let said = analyser.waveform(&waveform(samples, unit, meta), range, &turning(1490.0)).unwrap();
        let codes: Vec<String> = said.faults.codes().iter().map(|c| c.to_string()).collect();
        assert_eq!(codes.join(" "), want, "{what}");
        judged(&said, want.is_empty(), what);
    }
    // A number that is none is a lost sample; a waveform does not hold one.
    let mut x = hiss(7);
    x[1000] = f64::NAN;
    judged(&analyser.analyse(&x, FS, &Stated::default(), &turning(1490.0)), false, "no number");
}

/// Holds that all was judged, or nothing, for the sensor's sake.
fn judged(said: &Analysis, all: bool, what: &str) {
    assert_eq!((said.velocity.is_ok(), said.amplitude_1x.is_some()), (all, all), "{what}");
    let refused = if all { Err("geometry") } else { Err("sensor") };
    assert_eq!(said.bearing, refused, "{what}");
    if !all {
        assert_eq!(said.velocity.err(), Some("sensor"), "{what}");
    }
}
