//! Bearings of machines whose speed varies: judged by the angle of the shaft, where a tacho or the record itself tells it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "measured rates, for a person who looks")]

use std::f64::consts::TAU;

use analytics::rotating::orders::{Phase, edges};
use analytics::rotating::testing::Noise;
use analytics::rotating::{Analyser, Context, Plans, Seated, Stated};
use plant::{BearingFault, BearingOrders, Speed};

const FS: f64 = 25_600.0;
const ORDERS: BearingOrders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
const BEARINGS: &[Seated] = &[Seated { orders: ORDERS, ratio: 1.0, ratio_tolerance: 0.0, tolerance: [0.0; 4] }];

/// A shaft that goes from `from` to `to` Hz within `n` samples.
struct Ramp {
    from: f64,
    to: f64,
    n: usize,
}

impl Ramp {
    fn turns(&self, t: f64) -> f64 {
        self.from * t + 0.5 * (self.to - self.from) * t * t * FS / self.n as f64
    }

    fn speed(&self) -> Speed {
        let (low, high) = (self.from.min(self.to), self.from.max(self.to));
        Speed { mean_rpm: 30.0 * (low + high), range_rpm: Some((60.0 * low, 60.0 * high)) }
    }

    /// The shaft's first orders over noise, and strikes of `order` a turn that let a resonance of 5.2 kHz ring.
    fn record(&self, order: Option<f64>, shaft: f64, noise: &mut Noise) -> Vec<f64> {
        let mut x: Vec<f64> = (0..self.n)
            .map(|i| {
                let at = TAU * self.turns(i as f64 / FS);
                shaft * (at.cos() + 0.6 * (2.0 * at).cos() + 0.4 * (3.0 * at + 1.0).cos()) + noise.normal()
            })
            .collect();
        let Some(order) = order else { return x };
        let mut strike = 0.3;
        for i in 0..self.n {
            if self.turns(i as f64 / FS) * order * 0.99 < strike {
                continue;
            }
            strike += 1.0 + 0.01 * noise.normal();
            for (k, v) in x[i..].iter_mut().take(150).enumerate() {
                let since = k as f64 / FS;
                *v += 5.0 * (-1000.0 * since).exp() * (TAU * 5200.0 * since).sin();
            }
        }
        x
    }

    /// The angle as a tacho of one pulse a turn gives it.
    fn tacho(&self) -> Phase {
        let pulse = |i: usize| if self.turns(i as f64 / FS).fract() < 0.05 { 4.0 } else { 0.0 };
        let x: Vec<f64> = (0..self.n).map(pulse).collect();
        Phase::from_edges(&edges(&x, FS).unwrap(), 1.0).unwrap()
    }
}

fn context(speed: Speed, alpha: f64) -> Context<'static> {
    Context { speed: Ok(speed), nominal_rpm: None, bearings: BEARINGS, alpha }
}

#[test]
fn faults_are_found_while_the_speed_varies() {
    let mut analyser = Analyser::new(Plans::default());
    let mut noise = Noise::new(40);
    for (from, to) in [(24.0, 24.4), (24.0, 27.0), (32.5, 17.5)] {
        let ramp = Ramp { from, to, n: 102_400 };
        for (fault, order) in [(BearingFault::OuterRace, ORDERS.bpfo), (BearingFault::InnerRace, ORDERS.bpfi)] {
            let x = ramp.record(Some(order), 0.7, &mut noise);
            for phase in [None, Some(ramp.tacho())] {
                let said =
                    analyser.analyse_by(&x, FS, &Stated::default(), &context(ramp.speed(), 1e-4), phase.as_ref());
                let hz = said.bearing.unwrap();
                assert!((hz / (0.5 * (from + to)) - 1.0).abs() < 0.02, "{hz}");
                let best = analyser.hypotheses()[0];
                let how = if phase.is_some() { "tacho" } else { "record" };
                println!("{from} to {to} Hz by {how}: {fault} T {:.1} over {:.1}", best.statistic, best.threshold);
                assert_eq!(best.fault, fault, "{from} to {to} Hz by {how}");
                assert!(best.statistic > best.threshold + 4.0, "{from} to {to} Hz by {how}: {best:?}");
                // As frequency, at the mean speed, with the slip of 1 % that was put in.
                assert!((best.slip + 0.01).abs() < 0.004, "{best:?}");
            }
        }
    }
}

#[test]
fn without_a_clear_comb_there_is_no_verdict() {
    let mut analyser = Analyser::new(Plans::default());
    let ramp = Ramp { from: 20.0, to: 28.0, n: 102_400 };
    let x = ramp.record(Some(ORDERS.bpfo), 0.0, &mut Noise::new(41));
    let said = analyser.analyse(&x, FS, &Stated::default(), &context(ramp.speed(), 1e-4));
    assert_eq!(said.bearing, Err("speed_unsteady"));
    assert!(analyser.hypotheses().is_empty());
    // What tells the angle carries the same record.
    let phase = ramp.tacho();
    assert!(
        analyser.analyse_by(&x, FS, &Stated::default(), &context(ramp.speed(), 1e-4), Some(&phase)).bearing.is_ok()
    );
}

#[test]
fn healthy_machines_of_varying_speed_are_significant_no_more_often_than_stated() {
    let mut analyser = Analyser::new(Plans::default());
    let alphas = [0.1, 0.01];
    for (from, to, n, windows) in [(24.0, 26.0, 51_200, 150), (35.0, 19.0, 51_200, 150)] {
        let ramp = Ramp { from, to, n };
        let tacho = ramp.tacho();
        for by_tacho in [true, false] {
            let (mut found, mut judged) = ([0u32; 2], 0u32);
            let mut noise = Noise::new(1234);
            for _ in 0..windows {
                let x = ramp.record(None, 0.7, &mut noise);
                let phase = by_tacho.then_some(&tacho);
                let context = context(ramp.speed(), alphas[0]);
                if analyser.analyse_by(&x, FS, &Stated::default(), &context, phase).bearing.is_err() {
                    continue;
                }
                judged += 1;
                let hypotheses = analyser.hypotheses();
                let family = hypotheses[0].ln_p + (hypotheses.len() as f64).ln();
                for (count, alpha) in found.iter_mut().zip(alphas) {
                    *count += u32::from(family < f64::ln(alpha));
                }
            }
            println!("{from} to {to} Hz, tacho {by_tacho}: {found:?} of {judged} significant at {alphas:?}");
            assert!(f64::from(judged) > 0.9 * f64::from(windows), "{judged} judged");
            for (found, alpha) in found.iter().zip(alphas) {
                let stated = f64::from(judged) * alpha;
                assert!(f64::from(*found) <= stated + 4.0 * stated.sqrt(), "{found} of {judged} at {alpha}");
            }
            assert!(found[0] >= 1, "{found:?}: the threshold is so high that nothing would ever pass");
        }
    }
}
