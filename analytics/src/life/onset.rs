//! When a machine leaves its own past: confirmed, not guessed from one record.

use crate::rotating::Refusal;

/// Fewest records that make a baseline. Three say little of one feature, but there are many, and [`DRIFT`] holds besides.
const FEWEST: usize = 3;
/// From so many records on their dependence on one another is estimated; fewer are taken to depend by [`ASSUMED`].
const ENOUGH: usize = 8;
const ASSUMED: f64 = 0.5;
/// Weight of the scatter common to all features beside a feature's own, in degrees of freedom (Smyth, Stat. Appl. Genet.
/// Mol. Biol. 3 (2004), 3).
const PRIOR: f64 = 4.0;
/// What a sound machine drifts by in months that its first days do not show, as a standard deviation of logarithms of
/// amplitude: 20 %, twice what ISO 2954 lets two instruments differ by.
const DRIFT: f64 = 0.2;
/// A deviation counts no more than this, so that no single record confirms anything.
const MOST: f64 = 4.0;
/// Records depend on one another no more than this: what looks like more in a short baseline is a machine that runs in.
const MOST_PERSISTENT: f64 = 0.7;
/// Deviations below this are not added up: CUSUM's reference value for a shift of two standard deviations.
const REFERENCE: f64 = 1.0;
/// What the sum must reach: at least four records in a row that are far off, a dozen that are two deviations off. Held
/// against simulation below, with baselines of few records and records that depend on one another.
const LIMIT: f64 = 12.0;
/// Records whose median is the change that is told.
const RECENT: usize = 5;

/// What features of a machine were while it was new or known to be sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    middle: Vec<f64>,
    scale: Vec<f64>,
}

impl Baseline {
    /// Learns from records, each the logarithms of the same features (amplitudes or ratios).
    ///
    /// `Err("baseline")` with fewer than three records, or where one has other features or holds no number.
    pub fn learn(records: &[Vec<f64>]) -> Result<Self, Refusal> {
        let width = records.first().map_or(0, Vec::len);
        let sane = |r: &Vec<f64>| r.len() == width && r.iter().all(|v| v.is_finite());
        if records.len() < FEWEST || width == 0 || !records.iter().all(sane) {
            return Err("baseline");
        }
        let n = records.len() as f64;
        let middle: Vec<f64> = (0..width).map(|i| records.iter().map(|r| r[i]).sum::<f64>() / n).collect();
        let own = |i: usize| records.iter().map(|r| (r[i] - middle[i]).powi(2)).sum::<f64>() / (n - 1.0);
        let variances: Vec<f64> = (0..width).map(own).collect();
        let common = variances.iter().sum::<f64>() / width as f64;
        let persistence = persistence(records, &middle, &variances);
        let scale = variances
            .iter()
            .map(|own| {
                let shrunk = (PRIOR * common + (n - 1.0) * own) / (PRIOR + n - 1.0);
                (shrunk * persistence * (1.0 + 1.0 / n) + DRIFT * DRIFT).sqrt()
            })
            .collect();
        Ok(Self { middle, scale })
    }

    /// How far the features of a record are above the baseline, as logarithms of ratios.
    #[must_use]
    pub fn change(&self, record: &[f64]) -> Vec<f64> {
        record.iter().zip(&self.middle).map(|(v, m)| v - m).collect()
    }
}

/// By what the variance of a sum of records is larger than were they independent: (1 + ρ)/(1 − ρ) for an autoregression of
/// first order, whose ρ is that of all features together, its small-sample bias (Kendall, Biometrika 41 (1954), 403) made
/// good.
fn persistence(records: &[Vec<f64>], middle: &[f64], variances: &[f64]) -> f64 {
    let n = records.len() as f64;
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, (m, variance)) in middle.iter().zip(variances).enumerate().filter(|(_, (_, v))| **v > 0.0) {
        let product: f64 = records.windows(2).map(|w| (w[0][i] - m) * (w[1][i] - m)).sum();
        sum += product / ((n - 1.0) * variance);
        count += 1.0;
    }
    let raw = if count > 0.0 { sum / count } else { 0.0 };
    let estimated = (raw * n + 1.0) / (n - 3.0);
    let rho = if records.len() < ENOUGH { ASSUMED } else { estimated.clamp(0.0, MOST_PERSISTENT) };
    (1.0 + rho) / (1.0 - rho)
}

/// What one more record says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Whether the onset of damage is confirmed, by this record or an earlier one.
    pub confirmed: bool,
    /// The largest sum over what it must reach; 1 and above confirms.
    pub level: f64,
    /// The feature that rose most in the last five records,
    pub feature: usize,
    /// and by what, as a logarithm of a ratio: the median of the five.
    pub rise: f64,
}

/// Confirms the onset of damage: one-sided cumulative sums of the deviations of all features (Page, Biometrika 41 (1954),
/// 100). Only rises count: a falling kurtosis in advanced damage is no recovery, and machines run in.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    baseline: Baseline,
    sums: Vec<f64>,
    recent: Vec<Vec<f64>>,
    confirmed: bool,
}

impl Onset {
    /// Nothing is confirmed yet.
    #[must_use]
    pub fn new(baseline: Baseline) -> Self {
        let sums = vec![0.0; baseline.middle.len()];
        Self { baseline, sums, recent: Vec::with_capacity(RECENT), confirmed: false }
    }

    /// The baseline that changes are measured from.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// One more record, as how far its features are above the baseline ([`Baseline::change`]), less what is common to the
    /// machine's neighbours where there are any. One that holds no number is passed over.
    pub fn step(&mut self, change: &[f64]) -> Change {
        if change.len() == self.sums.len() && change.iter().all(|v| v.is_finite()) {
            for ((sum, v), scale) in self.sums.iter_mut().zip(change).zip(&self.baseline.scale) {
                *sum = (*sum + (v / scale).clamp(-MOST, MOST) - REFERENCE).max(0.0);
            }
            if self.recent.len() == RECENT {
                self.recent.remove(0);
            }
            self.recent.push(change.to_vec());
        }
        let level = self.sums.iter().copied().fold(0.0, f64::max) / LIMIT;
        self.confirmed |= level >= 1.0;
        let (feature, rise) = self.rise();
        Change { confirmed: self.confirmed, level, feature, rise }
    }

    /// Forgets what was confirmed: after maintenance, or where the change turned out to be somebody else's.
    pub fn reset(&mut self) {
        self.sums.fill(0.0);
        self.recent.clear();
        self.confirmed = false;
    }

    /// The feature with the largest median of the last records, and that median.
    fn rise(&self) -> (usize, f64) {
        let median = |i: usize| {
            let mut values: Vec<f64> = self.recent.iter().map(|r| r[i]).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        (0..self.sums.len()).map(|i| (i, median(i))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    /// `n` records of `width` features that scatter by `sigma` and depend on the one before by `rho`.
    fn records(noise: &mut Noise, n: usize, width: usize, sigma: f64, rho: f64) -> Vec<Vec<f64>> {
        let mut last = noise.normals(width);
        (0..n)
            .map(|_| {
                for v in &mut last {
                    *v = rho * *v + (1.0 - rho * rho).sqrt() * noise.normal();
                }
                last.iter().map(|v| sigma * v).collect()
            })
            .collect()
    }

    fn confirmed_at(baseline: &[Vec<f64>], rest: &[Vec<f64>]) -> Option<usize> {
        let mut onset = Onset::new(Baseline::learn(baseline).unwrap());
        rest.iter().position(|r| {
            let change = onset.baseline().change(r);
            onset.step(&change).confirmed
        })
    }

    #[test]
    fn sound_machines_are_not_called_damaged_even_from_few_records() {
        let mut noise = Noise::new(21);
        for (n, sigma, rho) in [
            (3, 0.1, 0.3),
            (4, 0.2, 0.0),
            (8, 0.1, 0.0),
            (8, 0.1, 0.5),
            (14, 0.2, 0.5),
            (50, 0.1, 0.8),
            (100, 0.3, 0.0),
        ] {
            let runs = 100;
            let wrong = (0..runs)
                .filter(|_| {
                    let all = records(&mut noise, 10 * n, 14, sigma, rho);
                    confirmed_at(&all[..n], &all[n..]).is_some()
                })
                .count();
            assert!(wrong <= 2, "{wrong} of {runs}: {n} records, scatter {sigma}, correlation {rho}");
        }
    }

    #[test]
    fn a_doubled_amplitude_is_confirmed_within_ten_records_and_one_outlier_never() {
        let mut noise = Noise::new(22);
        let mut all = records(&mut noise, 60, 14, 0.1, 0.0);
        all[30][3] += 5.0;
        assert_eq!(confirmed_at(&all[..10], &all[10..]), None);
        for r in &mut all[40..] {
            r[5] += std::f64::consts::LN_2;
        }
        let at = confirmed_at(&all[..10], &all[10..]).unwrap() + 10;
        assert!((44..50).contains(&at), "{at}");
    }

    #[test]
    fn falling_is_no_damage_and_what_holds_no_number_is_passed_over() {
        let mut noise = Noise::new(23);
        let mut all = records(&mut noise, 40, 4, 0.1, 0.0);
        for r in &mut all[20..] {
            r.iter_mut().for_each(|v| *v -= 2.0);
        }
        assert_eq!(confirmed_at(&all[..10], &all[10..]), None);
        let mut onset = Onset::new(Baseline::learn(&all[..10]).unwrap());
        let before = onset.step(&[0.1; 4]);
        for bad in [&[f64::NAN; 4][..], &[1.0; 3], &[]] {
            assert_eq!(onset.step(bad), before);
        }
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        for bad in [vec![], vec![vec![1.0]; 2], vec![vec![]; 9], vec![vec![f64::NAN]; 9]] {
            assert_eq!(Baseline::learn(&bad), Err("baseline"));
        }
        let mut uneven = vec![vec![1.0, 2.0]; 9];
        uneven[4].pop();
        assert_eq!(Baseline::learn(&uneven), Err("baseline"));
    }

    #[test]
    fn after_a_reset_it_begins_anew() {
        let mut onset = Onset::new(Baseline::learn(&vec![vec![0.0, 0.1]; 6]).unwrap());
        for _ in 0..9 {
            onset.step(&[2.0, 0.0]);
        }
        let said = onset.step(&[2.0, 0.0]);
        assert!(said.confirmed && said.feature == 0 && said.rise == 2.0);
        onset.reset();
        let said = onset.step(&[0.0, 0.0]);
        assert!(!said.confirmed && said.level == 0.0);
    }
}
