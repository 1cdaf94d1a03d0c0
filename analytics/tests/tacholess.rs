//! The speed of a shaft from the record alone: how far off it is, and how often it is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "measured rates, for a person who looks")]

use std::f64::consts::TAU;

use analytics::rotating::Plans;
use analytics::rotating::orders::tacholess;
use analytics::rotating::testing::Noise;

const FS: f64 = 5120.0;
/// Where the speed is looked for: ±30 % about 25 Hz and a little more.
const EXPECTED_HZ: (f64, f64) = (15.0, 36.0);
const RUNS: usize = 8;
/// Beyond this at any instant a speed counts as wrong.
const WRONG: f64 = 0.025;

/// Harmonics 1 to 3 of a shaft of speed `hz` over noise of unit variance, and the speed at each sample. `ratio` is the
/// power of the first harmonic over that of the noise within 1 Hz.
fn shaft(seconds: f64, hz: impl Fn(f64) -> f64, ratio: f64, noise: &mut Noise) -> (Vec<f64>, Vec<f64>) {
    let a = (ratio * 4.0 / FS).sqrt();
    let mut turns = noise.uniform();
    let speeds: Vec<f64> = (0..(seconds * FS) as usize).map(|i| hz(i as f64 / FS)).collect();
    let x = speeds
        .iter()
        .map(|f| {
            turns += f / FS;
            let at = TAU * turns;
            a * (at.cos() + 0.7 * (2.0 * at + 1.0).cos() + 0.5 * (3.0 * at + 2.0).cos()) + noise.normal()
        })
        .collect();
    (x, speeds)
}

/// Adds cosines of frequency (Hz) and peak amplitude.
fn add(x: &mut [f64], tones: &[(f64, f64)]) {
    for (i, v) in x.iter_mut().enumerate() {
        *v += tones.iter().map(|(f, a)| a * (TAU * f * i as f64 / FS).cos()).sum::<f64>();
    }
}

/// The largest departure of the speed that was found, as a part of the true one; `None` where it was refused.
fn departure(x: &[f64], speeds: &[f64]) -> Option<f64> {
    let p = tacholess(&Plans::default(), x, FS, EXPECTED_HZ).ok()?;
    let (first, last) = p.turns();
    let off = (0..=200).map(|i| {
        let turn = first + (last - first) * f64::from(i) / 200.0;
        let at = (p.time_of(turn) * FS) as usize;
        (p.hz_at(turn) / speeds[at.min(speeds.len() - 1)] - 1.0).abs()
    });
    Some(off.fold(0.0, f64::max))
}

/// Right, wrong, refused, and the largest departure of those that are right.
fn count(name: &str, runs: impl Iterator<Item = Option<f64>>) -> (usize, usize, usize) {
    let found: Vec<Option<f64>> = runs.collect();
    let refused = found.iter().filter(|f| f.is_none()).count();
    let wrong = found.iter().flatten().filter(|f| **f > WRONG).count();
    let worst = found.iter().flatten().copied().fold(0.0, f64::max);
    println!("{name}: {wrong} wrong, {refused} refused of {}; at most {:.2} % off", found.len(), 100.0 * worst);
    (found.len() - wrong - refused, wrong, refused)
}

#[test]
fn steady_shafts_and_ramps_of_thirty_percent_are_followed_or_refused() {
    let mut noise = Noise::new(seed(77));
    let (mut runs, mut all) = (0, 0);
    for seconds in [4.0, 10.0] {
        let ramp = move |from: f64, to: f64| move |t: f64| from + (to - from) * t / seconds;
        for (name, from, to) in [("steady", 25.0, 25.0), ("up", 17.5, 32.5), ("down", 32.5, 17.5)] {
            for ratio in [100.0, 30.0, 10.0] {
                let run = |_| {
                    let (x, speeds) = shaft(seconds, ramp(from, to), ratio, &mut noise);
                    departure(&x, &speeds)
                };
                let (_, wrong, refused) = count(&format!("{seconds} s {name} at {ratio}"), (0..RUNS).map(run));
                (runs, all) = (runs + RUNS, all + wrong);
                assert!(wrong <= 1, "{seconds} s {name} at {ratio}: {wrong} wrong");
                // Harmonics of 15 dB in a band of 1 Hz are enough; of 10 dB in ten seconds.
                if ratio >= 30.0 || seconds >= 10.0 {
                    assert!(refused <= 1, "{seconds} s {name} at {ratio}: {refused} refused");
                }
            }
        }
    }
    assert!(50 * all <= runs, "{all} of {runs} are wrong");
}

#[test]
fn strong_lines_that_are_no_harmonics_mostly_lead_to_a_refusal() {
    let mut noise = Noise::new(seed(78));
    let mut all = 0;
    for (name, from, to) in [("steady", 24.3, 24.3), ("ramp", 17.5, 32.5)] {
        for line in [61.0, 87.0, 110.3] {
            let run = |_| {
                let (mut x, speeds) = shaft(4.0, |t| from + (to - from) * t / 4.0, 30.0, &mut noise);
                add(&mut x, &[(line, 0.8)]);
                departure(&x, &speeds)
            };
            let (_, wrong, _) = count(&format!("{name} beside {line} Hz, five times as strong"), (0..RUNS).map(run));
            // A steady shaft is never taken for another; a ramp may be lost where the line crosses an order.
            assert!(name != "steady" || wrong == 0, "{name} beside {line} Hz: {wrong}");
            all += wrong;
        }
    }
    assert!(all <= 6, "{all} of 48 are wrong");
}

#[test]
fn without_a_shaft_there_is_no_speed() {
    let mut noise = Noise::new(seed(79));
    for seconds in [2, 4, 10] {
        for _ in 0..3 * RUNS {
            let x = noise.normals(seconds * 5120);
            assert!(tacholess(&Plans::default(), &x, FS, EXPECTED_HZ).is_err(), "{seconds} s of noise");
        }
    }
    for tones in [&[(100.0, 0.3)][..], &[(50.0, 0.3)], &[(60.0, 0.3), (41.3, 0.3)]] {
        let mut x = noise.normals(20_480);
        add(&mut x, tones);
        assert!(tacholess(&Plans::default(), &x, FS, EXPECTED_HZ).is_err(), "{tones:?}");
    }
    // Two lines anywhere: some lie by chance where a comb has lines.
    let taken = (0..40).filter(|_| {
        let mut x = noise.normals(20_480);
        let mut line = || (40.0 + 110.0 * noise.uniform(), 0.3);
        let tones = [line(), line()];
        add(&mut x, &tones);
        tacholess(&Plans::default(), &x, FS, EXPECTED_HZ).is_ok()
    });
    let taken = taken.count();
    println!("{taken} of 40 pairs of foreign lines pass for a shaft");
    assert!(taken <= 8, "{taken} of 40");
}

#[test]
fn of_two_shafts_one_is_found_and_no_mixture() {
    let mut noise = Noise::new(seed(80));
    let (mut mixed, mut found) = (0, 0);
    for other in [21.3, 28.1, 33.7] {
        for strength in [0.5, 1.0, 2.0] {
            for _ in 0..RUNS / 2 {
                let (mut x, _) = shaft(4.0, |_| 24.3, 30.0, &mut noise);
                let a = strength * (30.0 * 4.0 / FS).sqrt();
                add(&mut x, &[(other, a), (2.0 * other, 0.7 * a), (3.0 * other, 0.5 * a)]);
                let Ok(p) = tacholess(&Plans::default(), &x, FS, EXPECTED_HZ) else { continue };
                let off = |hz: f64| (p.mean_hz() / hz - 1.0).abs();
                found += 1;
                let one = off(24.3).min(off(other)) < 0.005 && p.unsteadiness() < 2.0 * WRONG;
                mixed += usize::from(!one);
            }
        }
    }
    println!("two shafts: {mixed} of {found} are neither");
    assert!(found >= 18 && mixed <= 2, "{mixed} of {found}");
}

/// The seed of a test, or with `TACHOLESS_SEED` another one.
fn seed(own: u64) -> u64 {
    own + std::env::var("TACHOLESS_SEED").map_or(0, |s| 1_000 * s.parse::<u64>().unwrap())
}
