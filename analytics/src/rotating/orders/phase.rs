//! The angle of a shaft over time.

use super::spline::Spline;
use super::tacho::Edges;
use crate::rotating::Refusal;

/// Speed is looked at this often per turn.
const LOOKS: f64 = 4.0;
/// Most looks.
const MOST_LOOKS: f64 = 20_000.0;

/// The angle of a shaft during a record, as a cubic spline of time over turns. Time is s from the record's first sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    time: Spline,
}

impl Phase {
    /// Through times (s) and turns, both rising. `tacho` where they do not, or are fewer than two.
    pub fn through(times: Vec<f64>, turns: Vec<f64>) -> Result<Self, Refusal> {
        let rises = times.windows(2).all(|w| w[1] > w[0]);
        Spline::new(turns, times).filter(|_| rises).map(|time| Self { time }).ok_or("tacho")
    }

    /// From the edges of a tacho that gives `pulses_per_turn`, the first edge at turn 0. `tacho` where that is not above 0.
    pub fn from_edges(edges: &Edges, pulses_per_turn: f64) -> Result<Self, Refusal> {
        if !(pulses_per_turn > 0.0 && pulses_per_turn.is_finite()) {
            return Err("tacho");
        }
        Self::through(edges.times.clone(), edges.pulses.iter().map(|p| p / pulses_per_turn).collect())
    }

    /// The angle of a shaft that turns `ratio` times as fast. `ratio` where that is not above 0.
    pub fn geared(&self, ratio: f64) -> Result<Self, Refusal> {
        if !(ratio > 0.0 && ratio.is_finite()) {
            return Err("ratio");
        }
        Ok(Self { time: self.time.stretched(ratio) })
    }

    /// The same with all times moved by `seconds`.
    #[must_use]
    pub fn delayed(&self, seconds: f64) -> Self {
        Self { time: self.time.raised(seconds) }
    }

    /// First and last turn known.
    #[must_use]
    pub fn turns(&self) -> (f64, f64) {
        self.time.ends()
    }

    /// When `turn` was reached, s.
    #[must_use]
    pub fn time_of(&self, turn: f64) -> f64 {
        self.time.at(turn).0
    }

    /// When each of `turns`, which rise, was reached, s.
    pub(super) fn times_of(&self, turns: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
        self.time.along(turns).map(|(time, _)| time)
    }

    /// Speed at `turn`, Hz.
    #[must_use]
    pub fn hz_at(&self, turn: f64) -> f64 {
        1.0 / self.time.at(turn).1
    }

    /// Turns over time, Hz.
    #[must_use]
    pub fn mean_hz(&self) -> f64 {
        let (first, last) = self.turns();
        (last - first) / (self.time_of(last) - self.time_of(first))
    }

    /// Lowest and highest speed, Hz, as it is seen four times a turn. `None` where the curve turns back, so that it is
    /// the angle of no shaft.
    #[must_use]
    pub fn range_hz(&self) -> Option<(f64, f64)> {
        let (first, last) = self.turns();
        let looks = ((last - first) * LOOKS).clamp(2.0, MOST_LOOKS).ceil();
        let turns = (0..=looks as usize).map(|i| first + (last - first) * i as f64 / looks);
        let speeds = self.time.along(turns).map(|(_, slope)| 1.0 / slope);
        let range = speeds.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), hz| (low.min(hz), high.max(hz)));
        (range.0 > 0.0 && range.1.is_finite()).then_some(range)
    }

    /// Highest less lowest speed as a part of the mean.
    #[must_use]
    pub fn unsteadiness(&self) -> f64 {
        self.range_hz().map_or(f64::INFINITY, |(low, high)| (high - low) / self.mean_hz())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_and_time_of_a_run_up() {
        // 10 Hz at the start, gaining 2 Hz a second: turns = 10t + t².
        let times: Vec<f64> = (0..=500).map(|i| f64::from(i) * 0.01).collect();
        let p = Phase::through(times.clone(), times.iter().map(|t| 10.0 * t + t * t).collect()).unwrap();
        assert!((p.turns().1 - 75.0).abs() < 1e-9 && (p.mean_hz() - 15.0).abs() < 1e-9);
        assert!((p.time_of(24.0) - 2.0).abs() < 1e-9 && (p.hz_at(24.0) - 14.0).abs() < 1e-6);
        let (low, high) = p.range_hz().unwrap();
        assert!((low - 10.0).abs() < 0.02 && (high - 20.0).abs() < 0.02, "{low} {high}");
        assert!((p.unsteadiness() - 10.0 / 15.0).abs() < 0.01);
        let geared = p.geared(2.5).unwrap().delayed(1.0);
        assert!((geared.time_of(60.0) - 3.0).abs() < 1e-9 && (geared.hz_at(60.0) - 35.0).abs() < 1e-5);
        assert_eq!((p.geared(0.0), p.geared(f64::NAN)), (Err("ratio"), Err("ratio")));
    }

    #[test]
    fn what_goes_backwards_is_no_angle() {
        assert_eq!(Phase::through(vec![0.0, 1.0, 0.5], vec![0.0, 1.0, 2.0]), Err("tacho"));
        assert_eq!(Phase::through(vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 1.0]), Err("tacho"));
        assert_eq!(Phase::through(vec![0.0], vec![0.0]), Err("tacho"));
    }
}
