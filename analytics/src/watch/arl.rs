//! How long a chart runs until it alarms, and which limit gives a wanted length: the budget of false alarms.
//!
//! Average run lengths of independent normal scores by the integral equation that conditions on the first score (Page,
//! Biometrika 41, 1954, for the CUSUM; Crowder, Technometrics 29, 1987, for the EWMA), solved at Gauss–Legendre nodes.
//! Brook and Evans (Biometrika 59, 1972) solve the same as a Markov chain.
//!
//! A limit for known mean and deviation does not hold where both were estimated: the false alarms of the fleet are
//! dominated by the machines whose baseline came out low (Jensen, Jones-Farmer, Champ and Woodall, J. Quality Technology
//! 38, 2006). So [`Design`] averages the alarm rate over the error of estimation, and its limit depends on how much was
//! learnt.

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF, Normal};

use super::chart::Chart;
use super::linear::{Square, eliminate};

/// Nodes of the integral equations: fewest, most, and how many deviations of the kernel may lie between two.
const NODES: (f64, f64) = (40.0, 200.0);
const APART: f64 = 0.45;
/// Beyond this no run length is told from "never".
const NEVER: f64 = 1e12;

/// How often a fleet may cry wolf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// False alarms a machine and year.
    pub alarms: f64,
    /// Charts a machine: points × features.
    pub charts: f64,
    /// Looks at each a year.
    pub looks: f64,
}

impl Default for Budget {
    /// One a machine-year over 12 points × 10 features, hourly.
    fn default() -> Self {
        Self { alarms: 1.0, charts: 120.0, looks: 8760.0 }
    }
}

impl Budget {
    /// The looks that one chart has to run between false alarms.
    #[must_use]
    pub fn run_length(&self) -> f64 {
        self.charts * self.looks / self.alarms
    }
}

/// Average looks until the chart passes `limit`, from its start, of independent normal scores with mean `shift` and
/// standard deviation `sd`. The limit of an EWMA is in its own asymptotic standard deviations (L), that of a CUSUM in
/// scores (h). NaN where an argument makes no sense.
#[must_use]
pub fn run_length(chart: Chart, limit: f64, shift: f64, sd: f64) -> f64 {
    if !(limit > 0.0 && sd > 0.0 && shift.is_finite()) {
        return f64::NAN;
    }
    match chart {
        Chart::Ewma { lambda } => {
            let h = limit * (lambda / (2.0 - lambda)).sqrt();
            let Some((nodes, weights)) = legendre(2.0 * h / (lambda * sd)) else {
                // Too far away to be computed; a mean beyond it is there in 1/λ looks.
                return if shift.abs() > h { 1.0 / lambda } else { NEVER };
            };
            let at: Vec<f64> = nodes.iter().map(|x| h * x).collect();
            // From u, the next value is (1−λ)u + λ·score.
            solve(&at, |u, x, i| h * weights[i] * density(x, (1.0 - lambda) * u + lambda * shift, lambda * sd), None)
        }
        Chart::Cusum { k } => {
            let Some((nodes, weights)) = legendre(limit / sd) else {
                return if shift > k { limit / (shift - k) } else { NEVER };
            };
            let at: Vec<f64> = nodes.iter().map(|x| 0.5 * limit * (x + 1.0)).collect();
            let atom = |u: f64| Normal::standard().cdf((k - shift - u) / sd);
            solve(&at, |u, x, i| 0.5 * limit * weights[i] * density(x, u + shift - k, sd), Some(&atom))
        }
    }
}

fn density(x: f64, mean: f64, sd: f64) -> f64 {
    let z = (x - mean) / sd;
    (-0.5 * z * z).exp() / (sd * (2.0 * PI).sqrt())
}

/// Solves R(u) = 1 + R(0)·atom(u) + Σ kernel(u, x_i, i)·R(x_i) and gives R(0).
fn solve(at: &[f64], kernel: impl Fn(f64, f64, usize) -> f64, atom: Option<&dyn Fn(f64) -> f64>) -> f64 {
    let n = at.len() + 1;
    let mut a = Square::zero(n);
    for (i, u) in std::iter::once(&0.0).chain(at).enumerate() {
        a.a[i * n] = -atom.map_or(0.0, |f| f(*u));
        for (j, x) in at.iter().enumerate() {
            a.a[i * n + 1 + j] = -kernel(*u, *x, j);
        }
        a.a[i * n + i] += 1.0;
    }
    let mut b = vec![1.0; n];
    match eliminate(a, &mut b) {
        Some(()) if b[0] > 0.0 && b[0] < NEVER => b[0],
        // Rounding turns a survival of all but 1e-12 into 1 and more.
        _ => NEVER,
    }
}

/// Nodes and weights on [−1, 1], as many as a kernel asks for whose deviation is 1/`width` of the interval: Newton's
/// method from Chebyshev's angles on the three-term recurrence (Abramowitz and Stegun 25.4.29, 22.7.10). `None` where
/// that is too many.
fn legendre(width: f64) -> Option<(Vec<f64>, Vec<f64>)> {
    let n = (width / APART).ceil().max(NODES.0);
    if !(n <= NODES.1) {
        return None;
    }
    let one = |i: usize| {
        let mut x = (PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut p) = (1.0, x);
            for k in 2..=n as usize {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
            }
            slope = n * (x * p - before) / (x * x - 1.0);
            x -= p / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    Some((0..n as usize).map(one).unzip())
}

/// Standard normal nodes and weights of Gauss and Hermite (Abramowitz and Stegun 25.4.46, of order 7; table 25.10).
const HERMITE: [(f64, f64); 7] = [
    (-3.750_439_717_725_742, 5.482_688_559_722_18e-4),
    (-2.366_759_410_734_541, 3.075_712_396_758_65e-2),
    (-1.154_405_394_739_968, 0.240_123_178_605_013),
    (0.0, 0.457_142_857_142_857),
    (1.154_405_394_739_968, 0.240_123_178_605_013),
    (2.366_759_410_734_541, 3.075_712_396_758_65e-2),
    (3.750_439_717_725_742, 5.482_688_559_722_18e-4),
];
/// Variance of the logarithm of the estimated deviation times the number of samples: ½ for the standard deviation of a
/// normal sample, a little more where its tails are clipped.
const SCALE_ERROR: f64 = 0.6;
/// Numbers of samples at which limits are computed; between, they go linearly with 1/n.
const LEARNT: [f64; 7] = [25.0, 50.0, 100.0, 200.0, 400.0, 1600.0, 1e9];

/// False alarms a look of a chart whose mean and deviation were estimated from `n` independent scores: 1/ARL, averaged
/// over the errors of both.
#[must_use]
pub fn alarm_rate(chart: Chart, limit: f64, n: f64) -> f64 {
    let one = |(x, w): (f64, f64), (y, v): (f64, f64)| {
        let sd = (y * (SCALE_ERROR / n).sqrt()).exp();
        w * v / run_length(chart, limit, x / n.sqrt(), sd)
    };
    let symmetric = matches!(chart, Chart::Ewma { .. });
    let mut rate = 0.0;
    for (i, a) in HERMITE.into_iter().enumerate() {
        // A chart that looks both ways does not mind the sign of a shift.
        if symmetric && i < 3 {
            continue;
        }
        let twice = if symmetric && i > 3 { 2.0 } else { 1.0 };
        rate += twice * HERMITE.into_iter().map(|b| one(a, b)).sum::<f64>();
    }
    rate
}

/// The limits of one chart that keep a budget, by how much was learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The chart.
    pub chart: Chart,
    /// The run length that was asked for.
    pub run_length: f64,
    limits: [f64; LEARNT.len()],
}

impl Design {
    /// Designs limits for a run length between 10 and 10⁹ looks (others are taken as the nearest of these). Takes about a
    /// hundred milliseconds; made once.
    #[must_use]
    pub fn new(chart: Chart, run_length: f64) -> Self {
        let wanted = if run_length.is_nan() { 1e9 } else { run_length.clamp(10.0, 1e9) };
        let mut guess = 5.0;
        let mut limits = [f64::INFINITY; LEARNT.len()];
        for (limit, n) in limits.iter_mut().zip(LEARNT).rev() {
            // Upwards of a mean that is off by more than k, a CUSUM grows until it passes any limit.
            if matches!(chart, Chart::Cusum { k } if HERMITE[6].0 / n.sqrt() >= k) {
                break;
            }
            *limit = find(|l| (alarm_rate(chart, l, n) * wanted).ln(), guess);
            if limit.is_infinite() {
                break;
            }
            guess = *limit;
        }
        Self { chart, run_length: wanted, limits }
    }

    /// The limit where `n` independent samples were learnt from; fewer than 25 get the limit of 25. Infinite where no limit
    /// keeps the budget: a CUSUM of k = 0.5 needs a mean from 57 samples, so that k lies beyond its error.
    #[must_use]
    pub fn limit(&self, n: f64) -> f64 {
        let x = 1.0 / n.max(LEARNT[0]);
        let above = LEARNT.iter().position(|m| 1.0 / m <= x).unwrap_or(LEARNT.len() - 1).max(1);
        let (a, b) = (1.0 / LEARNT[above - 1], 1.0 / LEARNT[above]);
        if self.limits[above - 1].is_infinite() {
            return if x <= b { self.limits[above] } else { f64::INFINITY };
        }
        let part = (a - x) / (a - b);
        self.limits[above - 1] + part * (self.limits[above] - self.limits[above - 1])
    }
}

/// The zero of a falling function of a positive limit, from near `guess`, infinite where there is none below 14 times the
/// guess: bracketed, then bisected and cut by secants
/// (Illinois).
fn find(f: impl Fn(f64) -> f64, guess: f64) -> f64 {
    let (mut low, mut high) = (guess, guess);
    let (mut at_low, mut at_high) = (f(low), 0.0);
    if at_low > 0.0 {
        for _ in 0..12 {
            high *= 1.25;
            at_high = f(high);
            if at_high <= 0.0 {
                break;
            }
            (low, at_low) = (high, at_high);
        }
        if at_high > 0.0 {
            return f64::INFINITY;
        }
    } else {
        at_high = at_low;
        for _ in 0..40 {
            low *= 0.8;
            at_low = f(low);
            if at_low > 0.0 {
                break;
            }
            (high, at_high) = (low, at_low);
        }
    }
    let mut side = 0;
    for _ in 0..60 {
        let mid = (low * at_high - high * at_low) / (at_high - at_low);
        let y = f(mid);
        if y.abs() < 1e-3 || high - low < 1e-4 {
            return mid;
        }
        if y > 0.0 {
            (low, at_low) = (mid, y);
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else {
            (high, at_high) = (mid, y);
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    const EWMA: Chart = Chart::Ewma { lambda: 0.1 };
    const CUSUM: Chart = Chart::Cusum { k: 0.5 };

    fn near(found: f64, want: f64, part: f64) {
        assert!((found / want - 1.0).abs() < part, "{found} and not {want}");
    }

    #[test]
    fn known_run_lengths_are_met() {
        // Lucas and Saccucci 1990, table 3 (λ = 0.1, L = 2.814): 500 and, shifted by 1, 10.3.
        near(run_length(EWMA, 2.814, 0.0, 1.0), 500.0, 0.01);
        near(run_length(EWMA, 2.814, 1.0, 1.0), 10.3, 0.01);
        // Two-sided ones halve the length: 168 for h = 4 (Montgomery), so 336 on one side, and 8.38 at a shift of 1.
        near(run_length(CUSUM, 4.0, 0.0, 1.0), 336.0, 0.01);
        near(run_length(CUSUM, 4.0, 1.0, 1.0), 8.38, 0.01);
        // Siegmund's approximation (Sequential Analysis, 1985): (e^b − b − 1)/(2k²) with b = 2k(h + 1.166).
        let b: f64 = 12.0 + 1.166;
        near(run_length(CUSUM, 12.0, 0.0, 1.0), (b.exp() - b - 1.0) / 0.5, 0.03);
    }

    #[test]
    fn the_budget_of_a_machine_year_asks_for_the_known_limits() {
        let wanted = Budget::default().run_length();
        assert_eq!(wanted, 1_051_200.0);
        let (ewma, cusum) = (Design::new(EWMA, wanted), Design::new(CUSUM, wanted));
        // For known mean and deviation: L = 4.83 and h = 12.0.
        assert!((ewma.limit(1e12) - 4.83).abs() < 0.05, "{ewma:?}");
        assert!((cusum.limit(1e12) - 12.0).abs() < 0.1, "{cusum:?}");
        near(run_length(EWMA, 4.83, 1.0, 1.0), 33.0, 0.1);
        near(run_length(CUSUM, 12.0, 1.0, 1.0), 24.0, 0.05);
        // What was learnt from little is trusted little.
        for d in [&ewma, &cusum] {
            let limits: Vec<f64> =
                [20.0, 25.0, 30.0, 70.0, 100.0, 300.0, 5e3, 1e8].iter().map(|n| d.limit(*n)).collect();
            assert!(limits.windows(2).all(|w| w[0] >= w[1]), "{limits:?}");
            assert!(limits[4] > 1.05 * limits[7] && limits[4] < 2.0 * limits[7], "{limits:?}");
        }
    }

    /// Mean run length over `runs` runs of scores with the given mean.
    fn simulate(chart: Chart, limit: f64, shift: f64, runs: usize) -> f64 {
        let mut noise = Noise::new(11);
        let mut total = 0usize;
        for _ in 0..runs {
            let mut state = chart.start();
            loop {
                total += 1;
                if chart.step(&mut state, noise.normal() + shift).abs() > limit {
                    break;
                }
            }
        }
        total as f64 / runs as f64
    }

    #[test]
    fn simulated_charts_run_as_long_as_computed() {
        for (chart, limit, shift) in [(EWMA, 2.6, 0.0), (EWMA, 3.0, 0.5), (CUSUM, 4.0, 0.0), (CUSUM, 6.0, 0.5)] {
            near(simulate(chart, limit, shift, 4_000), run_length(chart, limit, shift, 1.0), 0.06);
        }
    }

    #[test]
    fn estimated_baselines_alarm_as_seldom_as_designed() {
        // Alarm rate over many baselines of 50 samples each, a run length that can be simulated.
        let (wanted, mut noise) = (200.0, Noise::new(12));
        let limit = Design::new(EWMA, wanted).limit(50.0);
        assert!(limit > Design::new(EWMA, wanted).limit(1e9) * 1.05);
        let (mut rates, baselines) = (0.0, 4_000);
        for _ in 0..baselines {
            let x = noise.normals(50);
            let mean = x.iter().sum::<f64>() / 50.0;
            let sd = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 49.0).sqrt();
            let (mut state, mut alarms) = (EWMA.start(), 0);
            for _ in 0..1_000 {
                if EWMA.step(&mut state, (noise.normal() - mean) / sd).abs() > limit {
                    alarms += 1;
                    state = EWMA.start();
                }
            }
            rates += f64::from(alarms) / 1_000.0;
        }
        near(rates / f64::from(baselines), 1.0 / wanted, 0.2);
    }

    #[test]
    fn nonsense_is_not_a_number_and_designs_stay_finite() {
        assert!(run_length(EWMA, 0.0, 0.0, 1.0).is_nan());
        assert!(run_length(EWMA, 1.0, f64::NAN, 1.0).is_nan());
        assert_eq!(run_length(EWMA, 50.0, 0.0, 1.0), NEVER);
        for wanted in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
            assert!(Design::new(CUSUM, wanted).limit(100.0).is_finite());
        }
    }
}
