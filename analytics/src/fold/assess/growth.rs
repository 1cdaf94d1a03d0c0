//! How 1× grows with speed, from the windows of a machine that runs at several.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sound;
use crate::diagnosis::Known;

/// What was heard longer ago than this is of another machine: rotors foul and wear, s.
const RECENT_S: f64 = 7.0 * 86_400.0;
/// Fewest speeds, and how far apart the slowest and the fastest are, as a ratio.
const FEWEST: usize = 5;
const APART: f64 = 1.3;
/// Largest standard error of the exponent: half of what lies between "square" (within 0.5) and "not" (1 and more).
const ERROR: f64 = 0.25;

/// 1× of one point at each of its speeds, the latest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Growth(BTreeMap<i16, Heard>);

/// Time, ns; Hz; mm/s RMS.
type Heard = (i64, f64, f64);

impl Growth {
    /// Notes what 1× amounts to at a speed.
    pub fn note(&mut self, t_ns: i64, hz: f64, mm_s: f64) {
        let Some(class) = sound::class(60.0 * hz).filter(|_| mm_s.is_finite() && mm_s > 0.0) else { return };
        self.0.insert(class, (t_ns, hz, mm_s));
        self.0.retain(|_, heard| recent(heard, t_ns));
        if self.0.len() > sound::CLASSES {
            let oldest = self.0.iter().min_by_key(|(_, heard)| heard.0).map(|(class, _)| *class);
            oldest.map(|class| self.0.remove(&class));
        }
    }

    /// The slope of ln(displacement) over ln(speed) by least squares: 2 for an eccentric mass below its critical speed, near
    /// which the points lie on no line.
    ///
    /// # Errors
    /// `run_up` where the machine did not lately run at speeds enough for that, or they do not tell the slope to 0.25
    /// (standard error).
    pub fn exponent(&self, t_ns: i64) -> Known {
        let all: Vec<(f64, f64)> =
            self.0.values().filter(|h| recent(h, t_ns)).map(|(_, hz, mm_s)| (hz.ln(), (mm_s / hz).ln())).collect();
        let n = all.len() as f64;
        let (slowest, fastest) =
            all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.0), b.max(p.0)));
        if all.len() < FEWEST || fastest - slowest < APART.ln() {
            return Err("run_up");
        }
        let (mx, my) = all.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
        let (xx, xy) = all.iter().fold((0.0, 0.0), |(s, c), p| (s + (p.0 - mx).powi(2), c + (p.0 - mx) * (p.1 - my)));
        let slope = xy / xx;
        let left: f64 = all.iter().map(|p| (p.1 - my - slope * (p.0 - mx)).powi(2)).sum();
        let error = (left / (n - 2.0) / xx).sqrt();
        if slope.is_finite() && error <= ERROR { Ok(slope) } else { Err("run_up") }
    }
}

fn recent(heard: &Heard, t_ns: i64) -> bool {
    t_ns.abs_diff(heard.0) as f64 / 1e9 <= RECENT_S
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    /// mm/s at Hz, an hour apart.
    fn of(speeds: impl IntoIterator<Item = f64>, mm_s: impl Fn(f64) -> f64) -> Growth {
        let mut g = Growth::default();
        (0..).zip(speeds).for_each(|(i, hz)| g.note(i * HOUR, hz, mm_s(hz)));
        g
    }

    const SPEEDS: [f64; 6] = [15.0, 17.0, 19.0, 21.0, 23.0, 25.0];

    #[test]
    fn the_exponent_is_that_of_the_displacement() {
        for (power, want) in [(3, 2.0), (1, 0.0), (2, 1.0)] {
            let got = of(SPEEDS, |hz| 1e-4 * hz.powi(power)).exponent(6 * HOUR).unwrap();
            assert!((got - want).abs() < 1e-9, "{got}, not {want}");
        }
        // At one speed there is one value, the latest.
        let mut g = of([SPEEDS, SPEEDS].concat(), |hz| hz.powi(3));
        assert_eq!(g.0.len(), 6);
        for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            g.note(20 * HOUR, 25.0, bad);
            g.note(20 * HOUR, bad, 1.0);
        }
        assert!((g.exponent(20 * HOUR).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(g.exponent(24 * 8 * HOUR), Err("run_up"), "long ago");
        // What an earlier version took from a clock that ran ahead is none of these.
        g.0.values_mut().for_each(|heard| heard.0 += 24 * 365 * HOUR);
        assert_eq!(g.exponent(20 * HOUR), Err("run_up"), "in the time to come");
        g.note(20 * HOUR, 25.0, 1.0);
        assert_eq!(g.0.len(), 1);
    }

    #[test]
    fn what_does_not_tell_it_is_refused() {
        let cube = |hz: f64| hz.powi(3);
        assert_eq!(Growth::default().exponent(0), Err("run_up"));
        assert_eq!(of([25.0; 20], cube).exponent(20 * HOUR), Err("run_up"), "one speed");
        assert_eq!(of(SPEEDS[..4].to_vec(), cube).exponent(4 * HOUR), Err("run_up"), "four speeds");
        let near = (0..6).map(|i| 20.0 * 1.051f64.powi(i));
        assert_eq!(of(near.clone().take(5), cube).exponent(6 * HOUR), Err("run_up"), "close together");
        let resonance = |hz: f64| hz / (1.0 - (hz / 20.0).powi(2)).abs();
        assert_eq!(of(SPEEDS, resonance).exponent(6 * HOUR), Err("run_up"), "a critical speed between");
        let many = (0..100).map(|i| 5.0 * 1.06f64.powi(i));
        assert!(of(many, cube).0.len() <= sound::CLASSES);
    }
}
