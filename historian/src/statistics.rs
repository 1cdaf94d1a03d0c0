//! What the values of one series amount to within a window.

use std::ops::{ControlFlow, Range};

use plant::{Quality, SeriesKey, Timestamp};

use crate::codec::chunk::Points;
use crate::read::{Visitor, visit};
use crate::shared::Shared;
use crate::{Extreme, ReadError, Statistics};

/// Sums in one pass what needs no second one, and keeps the numbers for the quantiles while there are few enough.
#[derive(Default)]
struct Gather {
    found: Statistics,
    mean: f64,
    /// Sum of squared differences from the mean (Welford 1962), in the series' unit squared.
    m2: f64,
    /// Mean of the squares.
    square: f64,
    /// Integral of the value over time, each value holding until the next one, in unit times nanoseconds.
    integral: f64,
    numbers: Vec<f64>,
    /// How many numbers are kept at most.
    most: usize,
}

impl Gather {
    fn number(&mut self, t: i64, v: f64) {
        let at = Extreme { t: Timestamp::from_nanos(t), value: v };
        let s = &mut self.found;
        s.count += 1;
        let n = s.count as f64;
        let step = v - self.mean;
        self.mean += step / n;
        self.m2 += step * (v - self.mean);
        self.square += (v * v - self.square) / n;
        match s.last {
            Some(last) => self.integral += last.value * (t - last.t.nanos()) as f64,
            None => s.first = Some(at),
        }
        s.last = Some(at);
        if s.min.is_none_or(|m| v < m.value) {
            s.min = Some(at);
        }
        if s.max.is_none_or(|m| v > m.value) {
            s.max = Some(at);
        }
        if self.numbers.len() < self.most {
            self.numbers.push(v);
        }
    }

    fn finish(mut self) -> Statistics {
        let s = &mut self.found;
        let (Some(first), Some(last), Some(min), Some(max)) = (s.first, s.last, s.min, s.max) else {
            return self.found;
        };
        // Of numbers near the end of the range of f64 a sum may not be one any more: then there is none.
        let within = |v: f64| v.is_finite().then(|| v.clamp(min.value, max.value));
        let span = (last.t.nanos() - first.t.nanos()) as f64;
        s.mean = within(self.mean);
        s.time_mean = if span > 0.0 { within(self.integral / span) } else { s.mean };
        s.standard_deviation = Some((self.m2 / (s.count - 1) as f64).sqrt()).filter(|v| s.count > 1 && v.is_finite());
        s.rms = Some(self.square.sqrt()).filter(|v| v.is_finite());
        if s.count == self.numbers.len() as u64 {
            s.quantiles = Some([0.05, 0.5, 0.95].map(|p| quantile(&mut self.numbers, p)));
        }
        self.found
    }
}

/// The quantile `p` of `numbers`, which are not empty, interpolated between neighbours (definition 7 of Hyndman and Fan 1996).
fn quantile(numbers: &mut [f64], p: f64) -> f64 {
    let place = p * (numbers.len() - 1) as f64;
    let (_, below, above) = numbers.select_nth_unstable_by(place as usize, f64::total_cmp);
    let (below, part) = (*below, place.fract());
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(next) if part > 0.0 => below + (next - below) * part,
        _ => below,
    }
}

impl Visitor for Gather {
    fn points(&mut self, points: &Points, range: Range<usize>) -> ControlFlow<()> {
        for i in range {
            if let Some(v) = points.usable(i) {
                self.number(points.times[i], v);
            } else if matches!(points.quality(i), Quality::Bad(_)) {
                self.found.bad += 1;
            } else {
                self.found.texts += 1;
            }
        }
        ControlFlow::Continue(())
    }
}

/// What the values with `from <= t < to` amount to; quantiles where there are at most `most` numbers.
pub(crate) fn statistics(
    shared: &Shared,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    most: usize,
) -> Result<Statistics, ReadError> {
    let mut gather = Gather { most, ..Gather::default() };
    visit(shared, key, from, to, &mut gather)?;
    Ok(gather.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let of = |p: f64, v: &[f64]| quantile(&mut v.to_vec(), p);
        assert_eq!(of(0.5, &[7.0]), 7.0);
        assert_eq!(of(0.5, &[3.0, 1.0]), 2.0);
        assert_eq!(of(0.5, &[5.0, 1.0, 3.0]), 3.0);
        let tens: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!((of(0.05, &tens), of(0.95, &tens), of(1.0, &tens)), (5.0, 95.0, 100.0));
    }
}
