//! In which state a machine is. Limits hold only where they were learnt.
//!
//! Speed decides: below a few percent of the nominal one a machine is off; while the speed of the last ten records keeps
//! within 1 % it is steady, and then it is also told how fast and how loaded it is, in bins; otherwise it runs up, coasts
//! down, or runs without having settled. A change of speed moves every feature and every spectral line, so that nothing
//! that was learnt at rest in one bin means anything in between.

/// Records that must agree before a machine is steady.
pub const RECORDS: usize = 10;
/// The range of their speeds over the mean, at most.
pub const STEADY: f64 = 0.01;
/// Width of a bin of speed, as a ratio. Vibration goes about with the square of speed, so within a bin by 10 %.
const SPEED_BIN: f64 = 1.05;
/// Width of a bin of load.
const LOAD_BIN: f64 = 0.2;
/// How far beyond the edge of its bin a value has to go to leave it, in bins.
const STICK: f64 = 0.15;

/// Where a steady machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Follows a machine's speed and load from record to record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Follower {
    /// The latest speeds, the newest last, r/min.
    speeds: Vec<f64>,
    bin: Option<Bin>,
}

impl Follower {
    /// Takes one record in: its speed, r/min, where known; the load as a part of the rated one, where known; and the speed
    /// below which the machine counts as off, r/min.
    pub fn step(&mut self, rpm: Option<f64>, load: Option<f64>, off_below: f64) -> Operating {
        let Some(rpm) = rpm.filter(|v| v.is_finite() && *v >= 0.0) else {
            // An unknown speed may have been any.
            self.speeds.clear();
            return Operating::Unsettled;
        };
        if rpm < off_below.max(1.0) {
            self.speeds.clear();
            return Operating::Off;
        }
        if self.speeds.len() == RECORDS {
            self.speeds.remove(0);
        }
        self.speeds.push(rpm);
        let (low, high) = self.speeds.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let mean = self.speeds.iter().sum::<f64>() / self.speeds.len() as f64;
        if high - low > STEADY * mean {
            return self.direction();
        }
        if self.speeds.len() < RECORDS {
            return Operating::Unsettled;
        }
        let load = load.filter(|v| v.is_finite()).unwrap_or(0.0).clamp(-10.0, 10.0);
        let bin = Bin {
            speed: stick(mean.ln() / SPEED_BIN.ln(), self.bin.map(|b| b.speed)),
            load: stick(load / LOAD_BIN, self.bin.map(|b| b.load)),
        };
        self.bin = Some(bin);
        Operating::Steady(bin)
    }

    /// Where the speed goes: by its latest change where that is more than scatter, else by the change over all that is
    /// remembered.
    fn direction(&self) -> Operating {
        let (first, last) = (self.speeds[0], self.speeds[self.speeds.len() - 1]);
        let previous = self.speeds.get(self.speeds.len().wrapping_sub(2)).copied().unwrap_or(first);
        let way = |from: f64| last / from - 1.0;
        let change = if way(previous).abs() > STEADY { way(previous) } else { way(first) };
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

    fn play(speeds: impl IntoIterator<Item = f64>) -> Vec<&'static str> {
        let mut f = Follower::default();
        speeds.into_iter().map(|v| f.step(Some(v), None, 75.0).code()).collect()
    }

    #[test]
    fn a_day_of_a_machine() {
        let ramp = |from: f64, to: f64| (0..20).map(move |i| from + (to - from) * f64::from(i) / 19.0);
        let wobble = (0..30).map(|i| 1490.0 + 3.0 * f64::from(i % 3));
        let day =
            [0.0; 5].into_iter().chain(ramp(100.0, 1490.0)).chain(wobble).chain(ramp(1480.0, 80.0)).chain([0.0; 3]);
        let said = play(day);
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
        let said = play((0..200).map(|i| 1000.0 * 1.003f64.powi(i)));
        assert!(said[10..].iter().all(|s| *s == "run_up"), "{said:?}");
        let said = play((0..200).map(|i| 3000.0 * 0.997f64.powi(i)));
        assert!(said[10..].iter().all(|s| *s == "coast_down"), "{said:?}");
    }

    #[test]
    fn bins_are_left_only_when_clearly_out_of_them() {
        let mut f = Follower::default();
        let mut at = |rpm: f64, load: f64| {
            let mut last = Operating::Off;
            (0..RECORDS).for_each(|_| last = f.step(Some(rpm), Some(load), 75.0));
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
        for _ in 0..20 {
            f.step(Some(1500.0), None, 75.0);
        }
        for unknown in [None, Some(f64::NAN), Some(-5.0), Some(f64::INFINITY)] {
            assert_eq!(f.step(unknown, None, 75.0), Operating::Unsettled);
        }
        assert_eq!(f.step(Some(1500.0), None, 75.0), Operating::Unsettled, "it has to settle again");
        assert_eq!(f.step(Some(0.0), None, 0.0), Operating::Off);
    }
}
