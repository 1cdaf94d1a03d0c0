//! Transform plans, shared by all threads and bounded in number.

use std::sync::{Arc, Mutex, PoisonError};

use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

/// How many plans of each kind are kept; the least recently used one goes first.
///
/// A plant uses a handful of record lengths. The bound is there because the length of a record is the sender's choice.
const KEPT: usize = 16;

/// A cache of transform plans. Cheap to clone; clones share the plans.
#[derive(Clone, Default)]
pub struct Plans(Arc<Mutex<Cache>>);

#[derive(Default)]
struct Cache {
    real: Vec<(usize, Arc<dyn RealToComplex<f64>>)>,
    inverse: Vec<(usize, Arc<dyn Fft<f64>>)>,
    single: Vec<(usize, Arc<dyn Fft<f32>>)>,
    single_inverse: Vec<(usize, Arc<dyn Fft<f32>>)>,
}

impl Plans {
    /// The forward transform of `len` real samples.
    #[must_use]
    pub fn real(&self, len: usize) -> Arc<dyn RealToComplex<f64>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recall(&mut cache.real, len, || RealFftPlanner::new().plan_fft_forward(len))
    }

    /// The unscaled inverse transform of `len` complex samples.
    #[must_use]
    pub fn inverse(&self, len: usize) -> Arc<dyn Fft<f64>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recall(&mut cache.inverse, len, || FftPlanner::new().plan_fft_inverse(len))
    }
}

/// In single precision.
impl Plans {
    /// The forward transform of `len` complex samples.
    #[must_use]
    pub(super) fn single(&self, len: usize) -> Arc<dyn Fft<f32>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recall(&mut cache.single, len, || FftPlanner::new().plan_fft_forward(len))
    }

    /// The unscaled inverse transform of `len` complex samples.
    #[must_use]
    pub(super) fn single_inverse(&self, len: usize) -> Arc<dyn Fft<f32>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recall(&mut cache.single_inverse, len, || FftPlanner::new().plan_fft_inverse(len))
    }
}

/// A new planner for every plan: a planner keeps everything it ever planned.
fn recall<P: ?Sized>(kept: &mut Vec<(usize, Arc<P>)>, len: usize, plan: impl FnOnce() -> Arc<P>) -> Arc<P> {
    if let Some(i) = kept.iter().position(|(n, _)| *n == len) {
        // The most recently used stands last.
        kept[i..].rotate_left(1);
    } else {
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((len, plan()));
    }
    kept[kept.len() - 1].1.clone()
}

/// The largest length up to `n` that is a multiple of 4 and has no prime factor above 5, 0 where there is none.
///
/// Such lengths transform quickly; from 1,000 samples on at most a tenth of the record's end are left out (none for the
/// usual powers of two and multiples of 25,600).
#[must_use]
pub fn quick_length(n: usize) -> usize {
    let mut best = 0;
    let mut fives = 4;
    while fives <= n {
        let mut threes = fives;
        while threes <= n {
            // The largest power of two that still fits.
            best = best.max(threes << (n / threes).ilog2());
            threes *= 3;
        }
        fives *= 5;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_lengths_are_smooth_multiples_of_four_and_close() {
        for (n, want) in [(0, 0), (3, 0), (4, 4), (7, 4), (8, 8), (25_600, 25_600), (65_536, 65_536), (65_535, 64_800)]
        {
            assert_eq!(quick_length(n), want, "{n}");
        }
        for n in 1000..3000 {
            let q = quick_length(n);
            assert!(q <= n && q.is_multiple_of(4) && q as f64 > 0.9 * n as f64, "{n}: {q}");
            let mut rest = q;
            for p in [2, 3, 5] {
                while rest.is_multiple_of(p) {
                    rest /= p;
                }
            }
            assert_eq!(rest, 1, "{n}: {q}");
        }
    }

    #[test]
    fn the_cache_holds_no_more_than_its_bound_and_keeps_what_is_used() {
        let plans = Plans::default();
        let first = plans.real(64);
        for n in 1..=3 * KEPT {
            let _ = plans.real(4 * n);
            let again = plans.real(64);
            assert!(Arc::ptr_eq(&first, &again));
        }
        assert_eq!(plans.0.lock().unwrap().real.len(), KEPT);
    }
}
