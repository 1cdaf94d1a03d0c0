//! Which part of a bearing is damaged, from several records of the same state.

use plant::{BearingFault, Speed};

use crate::evaluate::degradation::row::Row;
use crate::rotating::{Analyser, Context, Plans, Stated};

/// Records whose evidence is put together.
const RECORDS: usize = 8;
/// Probability, per run, of a name without a damage that bears it.
const ALPHA: f64 = 1e-5;
const FAULTS: usize = BearingFault::ALL.len();

/// Puts the envelope decisions of several records together.
///
/// The records of one state are independent looks at the same lines, and the probability that noise alone shows what each
/// shows is known; so is that of their product (Fisher, *Statistical Methods for Research Workers*, §21.1: the sum of n
/// values of −ln p is Gamma(n, 1) distributed). That needs records that resolve the lines, each on its own: tenths of a
/// second do not, however many there are, as they hold two or three turns of the shaft, whose multiples then cover all.
pub(super) struct Namer {
    analyser: Analyser,
    recent: Vec<[f64; FAULTS]>,
    looks: f64,
}

impl Namer {
    pub fn new(plans: Plans) -> Self {
        Self { analyser: Analyser::new(plans), recent: Vec::with_capacity(RECORDS), looks: 0.0 }
    }

    /// One more snapshot, one record a channel; the part that is named by it and those before, if any.
    pub fn step(&mut self, row: &Row, channels: &[Vec<f64>]) -> Option<BearingFault> {
        let (fs, shaft_hz, orders) = (row.sample_rate_hz?, row.shaft_hz?, row.orders?);
        let speed = Ok(Speed { mean_rpm: 60.0 * shaft_hz, range_rpm: None });
        let bearings = [orders.into()];
        let context = Context { speed, nominal_rpm: None, bearings: &bearings, alpha: ALPHA };
        // The most telling channel counts, and pays for having been chosen.
        let mut ln_p = [0.0f64; FAULTS];
        for x in channels {
            if self.analyser.analyse(x, fs, &Stated::default(), &context).bearing.is_err() {
                continue;
            }
            for (ln_p, fault) in ln_p.iter_mut().zip(BearingFault::ALL) {
                let own = self.analyser.hypotheses().iter().find(|h| h.fault == fault);
                *ln_p = own.map_or(*ln_p, |h| ln_p.min(h.ln_p + (channels.len() as f64).ln()));
            }
        }
        if self.recent.len() == RECORDS {
            self.recent.remove(0);
        }
        self.recent.push(ln_p);
        self.looks += 1.0;
        self.decide()
    }

    fn decide(&self) -> Option<BearingFault> {
        let together = |fault: usize| ln_gamma_tail(self.recent.iter().map(|p| -p[fault]).sum(), self.recent.len());
        let (fault, best) = (0..FAULTS).map(|f| (f, together(f))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        // Looked at again with every snapshot: the n-th look gets 6/(π²n²) of the probability, which adds up to all of it.
        let share = 6.0 / (std::f64::consts::PI * self.looks).powi(2);
        let named = best < (ALPHA * share / FAULTS as f64).ln();
        named.then(|| BearingFault::ALL[fault])
    }
}

/// ln of the probability that a sum of `n` exponentials of mean 1 is above `sum`: e^(−s)·Σ_{k<n} s^k/k!.
fn ln_gamma_tail(sum: f64, n: usize) -> f64 {
    let (mut term, mut all) = (1.0, 0.0);
    for k in 0..n {
        all += term;
        term *= sum / (k as f64 + 1.0);
    }
    (f64::ln(all) - sum).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn the_tail_is_that_of_gamma() {
        // One exponential: e^(−s). Two: (1 + s)·e^(−s).
        assert!((ln_gamma_tail(3.0, 1) + 3.0).abs() < 1e-12);
        assert!((ln_gamma_tail(3.0, 2) - (4.0f64.ln() - 3.0)).abs() < 1e-12);
        assert_eq!(ln_gamma_tail(0.0, 8), 0.0);
    }

    #[test]
    fn weak_evidence_of_many_records_names_and_none_does_not() {
        let namer = |p: f64, noise: &mut Noise| {
            let mut n = Namer::new(Plans::default());
            (0..200).find_map(|_| {
                let mut ln_p: [f64; FAULTS] = std::array::from_fn(|_| noise.uniform().ln());
                ln_p[1] += p;
                if n.recent.len() == RECORDS {
                    n.recent.remove(0);
                }
                n.recent.push(ln_p);
                n.looks += 1.0;
                n.decide()
            })
        };
        let mut noise = Noise::new(5);
        assert_eq!(namer(-4.0, &mut noise), Some(BearingFault::InnerRace));
        for _ in 0..200 {
            assert_eq!(namer(0.0, &mut noise), None);
        }
    }
}
