//! In which state a machine is. Limits hold only where they were learnt.
//!
//! Speed decides: below a few percent of the nominal one a machine is off; where its speed keeps within 1 % it is steady,
//! and then it is also told how fast and how loaded it is, in bins; otherwise it runs up, coasts down, or runs without
//! having settled. A change of speed moves every feature and every spectral line, so that nothing that was learnt at rest
//! in one bin means anything in between.
//!
//! Steady is meant of what the record shows, so it is asked of the record and of what came shortly before it: the latest ten
//! records, as far as they are not older than [`SETTLED_S`]. What a rotor answers to a change of speed with has died away
//! by then (a resonance of damping ratio ζ rings for about 1/(2πζ) turns to each e-fold, so even the slowest and least damped
//! one within a minute); that it ran at another speed an hour ago does not change how it vibrates, and a machine that never
//! keeps one speed for ten hourly records would never be judged. A record that does not state the range of its speed shows
//! only the mean; then the records before it have to bear it out, back to one that is [`SETTLED_S`] old.

use serde::{Deserialize, Serialize};

/// Records that must agree, if so many came within [`SETTLED_S`].
pub const RECORDS: usize = 10;
/// For how long a speed must have been kept, s.
pub const SETTLED_S: f64 = 100.0;
/// The range of their speeds over the mean, at most.
pub const STEADY: f64 = 0.01;
/// Width of a bin of speed, as a ratio. Vibration goes about with the square of speed, so within a bin by 10 %.
const SPEED_BIN: f64 = 1.05;
/// Width of a bin of load.
const LOAD_BIN: f64 = 0.2;
/// How far beyond the edge of its bin a value has to go to leave it, in bins.
const STICK: f64 = 0.15;

/// Where a steady machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bin {
    /// Steps of 5 % of speed from 1 r/min.
    pub speed: i16,
    /// Steps of a fifth of the rated load; 0 also where the load is not known.
    pub load: i16,
}

/// The state of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operating {
    /// Stands still, or is turned over slowly.
    Off,
    /// Gets faster.
    RunUp,
    /// Runs at one speed.
    Steady(Bin),
    /// Gets slower.
    CoastDown,
    /// Runs, but has not kept to one speed for long enough, without a direction. Also: its speed is not known.
    Unsettled,
}

impl Operating {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::RunUp => "run_up",
            Self::Steady(_) => "steady",
            Self::CoastDown => "coast_down",
            Self::Unsettled => "unsettled",
        }
    }
}

/// What one record says of how the machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Running {
    /// When it was measured, s from anywhere.
    pub t: f64,
    /// Mean speed during the record, r/min, where known.
    pub rpm: Option<f64>,
    /// Lowest and highest speed during it, r/min, where known.
    pub range_rpm: Option<(f64, f64)>,
    /// Load as a part of the rated one, where known.
    pub load: Option<f64>,
}

/// The speed of one record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    t: f64,
    rpm: f64,
    low: f64,
    high: f64,
}

/// Follows a machine's speed and load from record to record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Follower {
    /// The latest speeds, the newest last. Not what earlier versions stored: it settles anew.
    #[serde(default)]
    kept: Vec<Kept>,
    bin: Option<Bin>,
}

impl Follower {
    /// Takes one record in, and the speed below which the machine counts as off, r/min.
    pub fn step(&mut self, now: &Running, off_below: f64) -> Operating {
        let Some(rpm) = now.rpm.filter(|v| v.is_finite() && *v >= 0.0) else {
            // An unknown speed may have been any.
            self.kept.clear();
            return Operating::Unsettled;
        };
        if rpm < off_below.max(1.0) {
            self.kept.clear();
            return Operating::Off;
        }
        if self.kept.len() == RECORDS {
            self.kept.remove(0);
        }
        let stated = now.range_rpm.filter(|(low, high)| low.is_finite() && high.is_finite());
        let (low, high) = stated.map_or((rpm, rpm), |(low, high)| (low.min(high).min(rpm), low.max(high).max(rpm)));
        self.kept.push(Kept { t: now.t, rpm, low, high });
        match self.settled(now.t, stated.is_some()) {
            Err(operating) => operating,
            Ok(mean) => {
                let load = now.load.filter(|v| v.is_finite()).unwrap_or(0.0).clamp(-10.0, 10.0);
                let bin = Bin {
                    speed: stick(mean.ln() / SPEED_BIN.ln(), self.bin.map(|b| b.speed)),
                    load: stick(load / LOAD_BIN, self.bin.map(|b| b.load)),
                };
                self.bin = Some(bin);
                Operating::Steady(bin)
            }
        }
    }

    /// The mean speed that was kept, or what the machine does instead. `stated`: the latest record says itself that its
    /// speed did not change within it.
    fn settled(&self, t: f64, stated: bool) -> Result<f64, Operating> {
        // What is old is of no account, but for the latest of it where the record needs a witness.
        let fresh = self.kept.iter().rev().take_while(|k| !(t - k.t >= SETTLED_S)).count().max(1);
        let count = if stated { fresh } else { (fresh + 1).min(self.kept.len()) };
        let of = &self.kept[self.kept.len() - count..];
        let (low, high) = of.iter().fold((f64::MAX, f64::MIN), |(l, h), k| (l.min(k.low), h.max(k.high)));
        let mean = of.iter().map(|k| k.rpm).sum::<f64>() / count as f64;
        if !(high - low <= STEADY * mean) {
            return Err(self.direction(count));
        }
        // Of all that is remembered nothing is old, and it is little: nothing bears it out.
        if !stated && count == fresh && count < RECORDS {
            return Err(Operating::Unsettled);
        }
        Ok(mean)
    }

    /// Where the speed goes: by its latest change where that is more than scatter, else by the change over the latest
    /// `count` records.
    fn direction(&self, count: usize) -> Operating {
        let rpm = |back: usize| self.kept.get(self.kept.len().wrapping_sub(1 + back)).map(|k| k.rpm);
        let last = rpm(0).unwrap_or(f64::NAN);
        let way = |from: Option<f64>| from.map_or(0.0, |from| last / from - 1.0);
        let change = if way(rpm(1)).abs() > STEADY { way(rpm(1)) } else { way(rpm(count - 1)) };
        match change {
            c if c > STEADY => Operating::RunUp,
            c if c < -STEADY => Operating::CoastDown,
            _ => Operating::Unsettled,
        }
    }
}

/// The bin of a value in bins, kept while the value is not clearly out of it.
fn stick(x: f64, before: Option<i16>) -> i16 {
    match before {
        Some(b) if (x - f64::from(b)).abs() <= 0.5 + STICK => b,
        _ => x.round() as i16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records every `apart` seconds that say nothing of the range of their speed.
    fn play(apart: f64, speeds: impl IntoIterator<Item = f64>) -> Vec<&'static str> {
        let mut f = Follower::default();
        let running = |(i, rpm)| Running { t: apart * i as f64, rpm: Some(rpm), ..Running::default() };
        speeds.into_iter().enumerate().map(|r| f.step(&running(r), 75.0).code()).collect()
    }

    #[test]
    fn a_day_of_a_machine() {
        let ramp = |from: f64, to: f64| (0..20).map(move |i| from + (to - from) * f64::from(i) / 19.0);
        let wobble = (0..30).map(|i| 1490.0 + 3.0 * f64::from(i % 3));
        let day =
            [0.0; 5].into_iter().chain(ramp(100.0, 1490.0)).chain(wobble).chain(ramp(1480.0, 80.0)).chain([0.0; 3]);
        let said = play(10.0, day);
        assert_eq!(said[..5], ["off"; 5]);
        assert_eq!(said[5], "unsettled", "one record says nothing of where it goes");
        assert!(said[6..25].iter().all(|s| *s == "run_up"), "{said:?}");
        let steady = said.iter().position(|s| *s == "steady").unwrap();
        assert!((25 + 8..=25 + 10).contains(&steady), "{steady}");
        assert!(said[steady..55].iter().all(|s| *s == "steady"), "{said:?}");
        // The first step of the way down may still be within 1 %; then it is seen at once.
        assert!(said[56..75].iter().all(|s| *s == "coast_down"), "{said:?}");
        assert_eq!(said[75..], ["off"; 3]);
    }

    #[test]
    fn a_slow_ramp_is_never_steady() {
        // 0.3 % a record: no two differ much, ten do.
        let said = play(10.0, (0..200).map(|i| 1000.0 * 1.003f64.powi(i)));
        assert!(said[10..].iter().all(|s| *s == "run_up"), "{said:?}");
        let said = play(10.0, (0..200).map(|i| 3000.0 * 0.997f64.powi(i)));
        assert!(said[10..].iter().all(|s| *s == "coast_down"), "{said:?}");
    }

    #[test]
    fn a_speed_of_an_hour_ago_is_no_part_of_a_record() {
        // Another speed every three hours: the first record at it has no witness, the next ones have.
        let speeds = |i: usize| [1000.0, 1400.0, 1200.0][i / 3 % 3];
        let said = play(3_600.0, (0..12).map(speeds));
        let want = ["unsettled", "run_up", "coast_down", "coast_down"].map(|first| [first, "steady", "steady"]);
        assert_eq!(said, want.concat());
        // Where a record says itself that its speed kept, it needs none; where it says that it did not, none helps.
        let mut f = Follower::default();
        let mut at = |i: usize, wide: f64| {
            let rpm = speeds(i);
            let range_rpm = Some((rpm * (1.0 - wide), rpm * (1.0 + wide)));
            f.step(&Running { t: 3_600.0 * i as f64, rpm: Some(rpm), range_rpm, load: None }, 75.0).code()
        };
        assert!((0..12).all(|i| at(i, 0.002) == "steady"));
        assert_ne!(at(13, 0.006), "steady");
        assert_eq!(at(14, 0.002), "steady");
    }

    #[test]
    fn what_came_just_before_has_to_be_over() {
        // A record of a run-up, then one every ten seconds at speed, each of which kept to it.
        let mut f = Follower::default();
        let mut at = |i: usize, low: f64| {
            let now = Running { t: 10.0 * i as f64, rpm: Some(1490.0), range_rpm: Some((low, 1491.0)), load: None };
            f.step(&now, 75.0).code()
        };
        assert_eq!(at(0, 1300.0), "unsettled");
        let steady = (1..20).position(|i| at(i, 1489.0) == "steady").unwrap() + 1;
        assert_eq!(steady, 10, "its trace has died away after a hundred seconds");
    }

    #[test]
    fn bins_are_left_only_when_clearly_out_of_them() {
        let mut f = Follower::default();
        let mut at = |rpm: f64, load: f64| {
            let now = Running { t: 0.0, rpm: Some(rpm), range_rpm: Some((rpm, rpm)), load: Some(load) };
            let mut last = Operating::Off;
            (0..RECORDS).for_each(|_| last = f.step(&now, 75.0));
            match last {
                Operating::Steady(b) => b,
                other => panic!("{other:?}"),
            }
        };
        let first = at(1000.0, 0.29);
        assert_eq!(first.load, 1);
        // Just over the edge and back: the same bin. A step of load: another one. A tenth of speed: another one.
        assert_eq!(at(1000.0, 0.31), first);
        assert_eq!(at(1000.0, 0.29), first);
        assert_eq!(at(1000.0, 0.6).load, 3);
        assert_eq!(at(1100.0, 0.6).speed, first.speed + 2);
    }

    #[test]
    fn what_is_not_known_is_not_steady() {
        let mut f = Follower::default();
        let mut at = |i: i32, rpm: Option<f64>, range_rpm| {
            f.step(&Running { t: 10.0 * f64::from(i), rpm, range_rpm, load: None }, 75.0)
        };
        for i in 0..20 {
            at(i, Some(1500.0), None);
        }
        for unknown in [None, Some(f64::NAN), Some(-5.0), Some(f64::INFINITY)] {
            assert_eq!(at(20, unknown, Some((1500.0, 1500.0))), Operating::Unsettled);
        }
        assert_eq!(at(21, Some(1500.0), None), Operating::Unsettled, "it has to settle again");
        assert_eq!(at(22, Some(1500.0), Some((f64::NAN, 1500.0))), Operating::Unsettled, "no range was stated");
        assert_eq!(at(23, Some(0.0), None), Operating::Off);
    }
}
