//! The laws that the physics state, measured on what it yields.

use std::f64::consts::TAU;

use plant::{BearingFault, BearingOrders};

use super::noise::Noise;
use super::process::Plant;
use super::sensor::Sensor;
use super::vibration::{Condition, MEAN_SLIP, Place, Spall, Vibration};
use crate::kit::{Process, Rotor, Signal, steel};

const FS: f64 = 25_600.0;
const N: usize = 65_536;
const ORDERS: BearingOrders = BearingOrders { bpfo: 5.67, bpfi: 8.33, bsf: 2.47, ftf: 0.405 };
const DE_H: Place = Place { drive_end: true, vertical: false };

fn rotor() -> Rotor {
    Rotor {
        imbalance_mm_s: 1.2,
        misalignment_mm_s: 0.4,
        pass: None,
        mesh: None,
        line_mm_s: 0.0,
        rolling_m_s2: 1.0,
        resonance_hz: 3400.0,
    }
}

fn steady(rpm: f64) -> Condition {
    Condition { rpm_from: rpm, rpm_to: rpm, load: 0.8, imbalance_mm_s: None, spall: None }
}

fn rms(v: &[f64]) -> f64 {
    (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt()
}

/// RMS amplitude of `signal` at one frequency: a Hann-windowed sum, scaled by the window's gain.
fn line(signal: &[f64], fs: f64, hz: f64) -> f64 {
    let mean = signal.iter().sum::<f64>() / signal.len() as f64;
    let (mut re, mut im, mut gain) = (0.0, 0.0, 0.0);
    for (n, v) in signal.iter().enumerate() {
        let w = 0.5 - 0.5 * (TAU * n as f64 / signal.len() as f64).cos();
        let angle = TAU * hz * n as f64 / fs;
        re += w * (v - mean) * angle.cos();
        im += w * (v - mean) * angle.sin();
        gain += w;
    }
    2f64.sqrt() * re.hypot(im) / gain
}

/// The squared high-passed signal, averaged over 16 samples: an envelope at 1.6 kHz.
fn envelope(signal: &[f64]) -> Vec<f64> {
    let high: Vec<f64> = signal.windows(2).map(|w| (w[1] - w[0]).powi(2)).collect();
    high.chunks_exact(16).map(|c| c.iter().sum::<f64>() / 16.0).collect()
}

fn spall(part: BearingFault, impact_m_s2: f64) -> Option<Spall> {
    Some(Spall { orders: ORDERS, part, impact_m_s2 })
}

#[test]
fn imbalance_shows_its_velocity_and_grows_with_the_square_of_speed() {
    let at = |rpm: f64| {
        let mut v = Vibration::new(rotor(), 990.0, DE_H, FS, Noise::new(7, "imbalance"));
        let hz = rpm / 60.0;
        let mut acceleration = 0.0;
        for _ in 0..8 {
            acceleration += line(&v.record(&steady(rpm), N), FS, hz) / 8.0;
        }
        (acceleration, acceleration / (TAU * hz) * 1e3)
    };
    let ((a1, v1), (a2, _)) = (at(990.0), at(495.0));
    assert!((v1 / 1.2 - 1.0).abs() < 0.05, "{v1} mm/s");
    assert!((a1 / a2 / 4.0 - 1.0).abs() < 0.06, "{a1} against {a2} at half the speed");
}

#[test]
fn a_speed_that_runs_through_the_record_takes_the_tones_along() {
    let quiet = Rotor { misalignment_mm_s: 0.0, rolling_m_s2: 1e-9, ..rotor() };
    let mut v = Vibration::new(quiet, 990.0, DE_H, FS, Noise::new(7, "run"));
    let x = v.record(&Condition { rpm_to: 1200.0, ..steady(900.0) }, N);
    let rising = |x: &[f64]| x.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count() as f64;
    let turns = 1050.0 / 60.0 * N as f64 / FS;
    assert!((rising(&x) - turns).abs() <= 1.0, "{} periods in {turns} turns", rising(&x));
    assert!(rising(&x[N / 2..]) > rising(&x[..N / 2]) + 2.0);
}

#[test]
fn impacts_put_lines_into_the_envelope_where_kinematics_and_slip_want_them() {
    let shaft = 16.5;
    for (part, strikes) in
        [(BearingFault::OuterRace, 5.67), (BearingFault::InnerRace, 8.33), (BearingFault::Ball, 4.94)]
    {
        let mut v = Vibration::new(rotor(), 990.0, DE_H, FS, Noise::new(7, "impacts"));
        let healthy = envelope(&v.record(&steady(990.0), N));
        let faulty = envelope(&v.record(&Condition { spall: spall(part, 30.0), ..steady(990.0) }, N));
        let hz = shaft * strikes * (1.0 + MEAN_SLIP);
        // Jitter adds up: the line may stand anywhere within what 1 % per interval leaves over the record.
        let peak = |e: &[f64]| (-8..=8).map(|k| line(e, FS / 16.0, hz + 0.1 * f64::from(k))).fold(0.0, f64::max);
        assert!(peak(&faulty) > 20.0 * peak(&healthy), "{part}: {} {}", peak(&faulty), peak(&healthy));
        let beside = line(&faulty, FS / 16.0, hz * 1.06);
        assert!(peak(&faulty) > 8.0 * beside, "{part}: {} beside {beside}", peak(&faulty));
        let sideband = line(&faulty, FS / 16.0, hz + shaft) / peak(&faulty);
        assert_eq!(sideband > 0.2, part == BearingFault::InnerRace, "{part}: modulated by the shaft {sideband}");
    }
}

#[test]
fn an_impact_is_as_high_as_stated_and_rings_out() {
    let quiet = Rotor { imbalance_mm_s: 0.0, misalignment_mm_s: 0.0, rolling_m_s2: 1e-9, ..rotor() };
    let mut v = Vibration::new(quiet, 990.0, DE_H, FS, Noise::new(7, "one"));
    let x = v.record(&Condition { spall: spall(BearingFault::OuterRace, 30.0), ..steady(990.0) }, N);
    let peak = x.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    assert!((25.0..45.0).contains(&peak), "{peak}: sizes vary by 10 %");
    let count = |level: f64| x.iter().filter(|v| v.abs() > level).count() as f64 / N as f64;
    // Above a tenth for ln(10)·1.2 ms of every 10.8 ms, less what the zero crossings of the ringing take.
    assert!((0.12..0.22).contains(&count(3.0)), "rings for a fraction of the interval: {}", count(3.0));
}

#[test]
fn the_converter_counts_in_steps_and_stops_at_its_ends() {
    let mut sensor = Sensor::new(490.0, FS, 0.0, 11.6, Noise::new(1, "adc"));
    let step = 490.0 / 32_768.0;
    let r = sensor.measure(&mut [0.0, 0.4 * step, 0.6 * step, -490.0, 489.9, 490.0, 1e9, -491.0], false);
    assert_eq!(r.counts, [0, 0, 1, -32_768, 32_761, 32_767, 32_767, -32_768]);
    assert_eq!(r.clipped, 3);
    assert!((11.4..11.8).contains(&r.bias_v), "{}", r.bias_v);
}

#[test]
fn a_loose_connector_shows_in_bias_clipping_and_low_frequencies() {
    let mut vibration = Vibration::new(rotor(), 990.0, DE_H, FS, Noise::new(3, "loose"));
    let mut sensor = Sensor::new(490.0, FS, 0.05, 11.6, Noise::new(3, "sensor"));
    for _ in 0..20 {
        let well = sensor.measure(&mut vibration.record(&steady(990.0), N), false);
        let loose = sensor.measure(&mut vibration.record(&steady(990.0), N), true);
        assert!((8.0..14.0).contains(&well.bias_v) && loose.bias_v > 14.5, "{} {}", well.bias_v, loose.bias_v);
        assert_eq!(well.clipped, 0);
        let low = |r: &super::sensor::Record| {
            let x: Vec<f64> = r.counts.iter().map(|c| f64::from(*c) * r.scale).collect();
            (2..10).map(|hz| line(&x, FS, f64::from(hz)) / f64::from(hz)).sum::<f64>()
        };
        assert!(low(&loose) > 30.0 * low(&well));
    }
}

#[test]
fn healthy_machines_of_the_kit_vibrate_as_healthy_machines_do() {
    for m in &steel().machines {
        let Some(rotor) = m.rotor else { continue };
        let rpm = m.machine.nominal_rpm.unwrap();
        for a in &m.accelerometers {
            let place = Place { drive_end: a.bearing.as_str() == "DE", vertical: a.vertical };
            let mut v = Vibration::new(rotor, rpm, place, a.fs, Noise::new(1, a.point.as_str()));
            let x = v.record(&steady(rpm), a.samples);
            let hz = rpm / 60.0;
            let tones = [1.0, 2.0, 3.0]
                .into_iter()
                .chain(rotor.pass.map(|p| p.0))
                .map(|order| (line(&x, a.fs, hz * order) / (TAU * hz * order) * 1e3).powi(2));
            let velocity = tones.sum::<f64>().sqrt();
            assert!((0.5..1.8).contains(&velocity), "{}: {velocity} mm/s RMS", a.point);
            let peak = x.iter().fold(0.0f64, |p, v| p.max(v.abs()));
            let crest = peak / rms(&x);
            assert!(peak < 0.2 * a.range_m_s2 && (2.0..6.0).contains(&crest), "{}: {peak}, crest {crest}", a.point);
        }
    }
}

#[test]
fn healthy_machines_stay_within_their_limits_for_an_hour() {
    for m in &steel().machines {
        let rpm = m.machine.nominal_rpm.unwrap();
        let mut plant = Plant::new(m.process, rpm, Noise::new(1, m.machine.id.as_str()));
        for s in 0..3600 {
            plant.step(0.0);
            for signal in &m.signals {
                let v = plant.read(signal.signal);
                let point = &m.machine.points[signal.point.name()];
                let (lo, hi) = point.range.unwrap();
                let (l, h) = (point.limits.l.unwrap_or(lo), point.limits.h.unwrap_or(hi));
                assert!(l < v && v < h, "{} reads {v} after {s} s, limits {l} and {h}", signal.point);
            }
        }
    }
}

#[test]
fn temperature_follows_the_load_with_a_lag() {
    let process = Process {
        load: 0.5,
        swing: 0.0,
        slip: 0.01,
        rated_a: 100.0,
        rated_kpa: 0.0,
        rated_m3h: 0.0,
        ambient_c: 28.0,
        bearing_rise_k: 30.0,
        winding_rise_k: 70.0,
        tau_s: 600.0,
    };
    let mut plant = Plant::new(process, 990.0, Noise::new(1, "lag"));
    let start = plant.read(Signal::BearingTempDe);
    let mut after = |seconds: usize| {
        (0..seconds).for_each(|_| plant.step(10.0));
        plant.read(Signal::BearingTempDe) - start
    };
    let (one, ten) = (after(600), after(5400));
    assert!((one - 10.0 * (1.0 - (-1f64).exp())).abs() < 0.4, "{one} K after one time constant");
    assert!((ten - 10.0).abs() < 0.4, "{ten} K after ten");
}

#[test]
fn the_same_seed_is_the_same_plant_and_another_is_not() {
    let record = |seed| {
        let condition = Condition { spall: spall(BearingFault::InnerRace, 9.0), ..steady(990.0) };
        let mut v = Vibration::new(rotor(), 990.0, DE_H, FS, Noise::new(seed, "s"));
        let mut sensor = Sensor::new(490.0, FS, 0.05, 11.6, Noise::new(seed, "a"));
        sensor.measure(&mut v.record(&condition, 4096), true)
    };
    assert_eq!(record(5), record(5));
    assert_ne!(record(5).counts, record(6).counts);
}

#[test]
fn noise_is_normal() {
    let mut noise = Noise::new(11, "moments");
    let n = 200_000;
    let (mut m1, mut m2, mut m4) = (0.0, 0.0, 0.0);
    for _ in 0..n {
        let v = noise.gauss();
        m1 += v / f64::from(n);
        m2 += v * v / f64::from(n);
        m4 += v.powi(4) / f64::from(n);
    }
    assert!(m1.abs() < 0.01 && (m2 - 1.0).abs() < 0.02 && (m4 / (m2 * m2) - 3.0).abs() < 0.1, "{m1} {m2} {m4}");
}
