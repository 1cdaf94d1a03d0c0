//! May the sensor be believed? What fails here gets no verdict, and never the verdict "healthy".
//!
//! Only what one record shows by itself; `loose` and `no_rotation` take the sensor's own past and live in the fold.

use std::sync::Arc;

use super::features::Levels;
use super::signal;
use super::spectrum::Spectrum;

/// What can be wrong with a sensor, each with its stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// IEPE bias voltage outside 8 to 14 V: cable open (high) or short (low).
    Bias,
    /// The signal stands against the end of its range.
    Clipped,
    /// Nothing moves.
    Flat,
    /// Slow drift that integrates to a velocity which is not there: thermal transient, loose cable, overload.
    SkiSlope,
    /// Samples are missing within the record.
    Gaps,
    /// The mounting let go: low frequencies lost, resonance shifted.
    Loose,
    /// The machine turns and the sensor does not see it.
    NoRotation,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 7] =
        [Self::Bias, Self::Clipped, Self::Flat, Self::SkiSlope, Self::Gaps, Self::Loose, Self::NoRotation];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bias => "bias",
            Self::Clipped => "clipped",
            Self::Flat => "flat",
            Self::SkiSlope => "ski_slope",
            Self::Gaps => "gaps",
            Self::Loose => "loose",
            Self::NoRotation => "no_rotation",
        }
    }
}

/// A set of [`Fault`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Faults(u8);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u8;
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is there.
    #[must_use]
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u8) != 0
    }

    /// Those that are there, in the order of [`Fault::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(move |f| self.contains(*f))
    }

    /// Their codes.
    #[must_use]
    pub fn codes(self) -> Vec<Arc<str>> {
        self.iter().map(|f| f.code().into()).collect()
    }
}

/// What the sensor and the converter say of the record, in the unit of its samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stated {
    /// Lowest and highest value that can be measured.
    pub range: Option<(f64, f64)>,
    /// Samples at the ends of the converter's range.
    pub at_rails: u64,
    /// Samples that the sensor counted as clipped.
    pub clip_count: u64,
    /// Samples lost within the record.
    pub gaps: u64,
    /// IEPE bias, V.
    pub bias_v: Option<f64>,
    /// The step of the converter, where it is known.
    pub step: Option<f64>,
}

/// Healthy IEPE bias, V.
const BIAS_V: std::ops::RangeInclusive<f64> = 8.0..=14.0;
/// As many extremes, or plateaus, as make a record clipped.
const CLIPPED: u64 = 3;
/// A plateau is this many equal samples.
const PLATEAU: usize = 3;
/// A run of equal samples longer than this part of the record is no signal.
const FLAT_PART: f64 = 0.1;
/// Nor is what moves within this many steps of the converter: its last digit flickers by itself.
const FLAT_STEPS: f64 = 2.0;

/// What the samples `x` and what is stated of them show in the time domain.
#[must_use]
pub fn check(x: &[f64], stated: &Stated) -> Faults {
    check_within(x, &Levels::of(x), stated)
}

/// The same, where the levels of `x` are known.
pub(super) fn check_within(x: &[f64], levels: &Levels, stated: &Stated) -> Faults {
    let mut faults = Faults::default();
    if stated.bias_v.is_some_and(|v| !BIAS_V.contains(&v)) {
        faults.add(Fault::Bias);
    }
    // A sample that is no number was lost; the sum shows it, as nothing takes it out again.
    if stated.gaps > 0 || !levels.mean.is_finite() {
        faults.add(Fault::Gaps);
    }
    let runs = Runs::of(x, levels, stated.step);
    let flickers = levels.high - levels.low <= FLAT_STEPS * stated.step.unwrap_or(0.0).abs() * (1.0 + 1e-9);
    if flickers || runs.longest as f64 > (FLAT_PART * x.len() as f64).max(2.0) || levels.high <= levels.low {
        faults.add(Fault::Flat);
    } else if stated.clip_count >= CLIPPED
        || stated.at_rails >= CLIPPED
        || runs.plateaus >= CLIPPED
        || beyond(x, stated.range) >= CLIPPED
    {
        faults.add(Fault::Clipped);
    }
    faults
}

/// Samples within a thousandth of the span from either end of the range, or beyond.
fn beyond(x: &[f64], range: Option<(f64, f64)>) -> u64 {
    let Some((low, high)) = range else { return 0 };
    let margin = 0.0005 * (high - low);
    x.iter().map(|v| u64::from(*v <= low + margin || *v >= high - margin)).sum()
}

struct Runs {
    /// Samples in the longest run of equal ones.
    longest: usize,
    /// Runs of at least [`PLATEAU`] samples at the lowest or highest value that are entered and left by a jump. The
    /// rounded top of a slow sine is no plateau: its neighbours are one converter step away.
    plateaus: u64,
}

impl Runs {
    fn of(x: &[f64], levels: &Levels, step: Option<f64>) -> Self {
        let mut found = Self { longest: x.len().min(1), plateaus: 0 };
        let mut step = step.map(f64::abs);
        let mut i = 0;
        while let Some(start) = next_equal_pair(x, i) {
            let value = x[start];
            let end = x[start..].iter().position(|v| *v != value).map_or(x.len(), |n| start + n);
            found.longest = found.longest.max(end - start);
            if end - start >= PLATEAU && (value == levels.low || value == levels.high) {
                let step = *step.get_or_insert_with(|| smallest_step(x));
                let jump = |at: Option<&f64>| at.is_none_or(|v| (v - value).abs() > 3.0 * step);
                let before = start.checked_sub(1).and_then(|j| x.get(j));
                found.plateaus += u64::from(jump(before) && jump(x.get(end)));
            }
            i = end;
        }
        found
    }
}

/// The first place from `from` on where a sample equals the next. Signals seldom stand still, so a block without such a
/// place is passed over whole.
fn next_equal_pair(x: &[f64], from: usize) -> Option<usize> {
    const BLOCK: usize = 16;
    let mut i = from;
    while i + BLOCK < x.len() {
        let (here, next) = (&x[i..i + BLOCK], &x[i + 1..i + 1 + BLOCK]);
        let equal = here.iter().zip(next).fold(false, |any, (a, b)| any | (a == b));
        if equal {
            break;
        }
        i += BLOCK;
    }
    x.get(i..)?.windows(2).position(|w| w[0] == w[1]).map(|n| i + n)
}

/// The converter's step, as the smallest difference other than 0 between neighbours; 0 where the small differences are
/// not multiples of it, so that the values are no counts.
fn smallest_step(x: &[f64]) -> f64 {
    let differences = || x.windows(2).map(|w| (w[1] - w[0]).abs()).filter(|d| *d > 0.0);
    let step = differences().fold(f64::MAX, f64::min);
    let (mut small, mut whole) = (0u32, 0u32);
    for d in differences().filter(|d| *d < 20.5 * step).take(4096) {
        small += 1;
        whole += u32::from((d / step - (d / step).round()).abs() < 0.1);
    }
    // Differences without a step fall within a tenth of a multiple one time in five.
    if small >= 16 && f64::from(whole) > 0.9 * f64::from(small) { step } else { 0.0 }
}

/// Whether the acceleration spectrum shows a ski slope: velocity within 2 to 10 Hz above three times that within 10 to
/// 1000 Hz, falling towards 10 Hz, and out of an acceleration that is itself ten times as dense there as above.
///
/// The last condition keeps white noise out, which also integrates to 1/f. Medians, so that a slow machine's own lines
/// are not taken for a slope. Records too short to show an octave from 2 Hz pass.
#[must_use]
pub fn ski_slope(s: &Spectrum<'_>, scratch: &mut Vec<f64>) -> bool {
    if s.df() > 0.5 || s.fs < 200.0 {
        return false;
    }
    let w = std::f64::consts::TAU * s.df();
    let velocity = |k: usize| s.power[k] / (w * k as f64).powi(2);
    let first = median_of(s.lines(2.0, 4.0).map(velocity), scratch);
    let second = median_of(s.lines(4.0, 8.0).map(velocity), scratch);
    let slow = median_of(s.lines(2.0, 8.0).map(|k| s.power[k]), scratch);
    let above = median_of(s.lines(20.0, 80.0).map(|k| s.power[k]), scratch);
    s.integrated_rms(2.0, 10.0) > 3.0 * s.integrated_rms(10.0, 1000.0) && first > 2.0 * second && slow > 10.0 * above
}

fn median_of(values: impl Iterator<Item = f64>, scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend(values);
    signal::median(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    fn found(x: &[f64], stated: Stated) -> Vec<&'static str> {
        check(x, &stated).iter().map(Fault::code).collect()
    }

    fn noise() -> Vec<f64> {
        Noise::new(5).normals(8192)
    }

    #[test]
    fn what_a_record_shows_of_its_sensor() {
        let clip = |x: Vec<f64>, at: f64| x.into_iter().map(|v| v.clamp(-at, at)).collect::<Vec<_>>();
        let rounded = |x: Vec<f64>, step: f64| x.into_iter().map(|v| (v / step).round() * step).collect::<Vec<_>>();
        let none = Stated::default();
        let range = Stated { range: Some((-2.5, 2.5)), ..none };
        let slow = || sine(8192, 25_600.0, 5.0, 1.0, 0.0);
        let stuck = || [noise()[..6000].to_vec(), vec![0.25; 2192]].concat();
        let flicker = || noise().into_iter().map(|v| 0.01 * v.clamp(-1.0, 1.0).round()).collect();
        let hole = || [noise()[..6000].to_vec(), vec![f64::NAN], noise()].concat();
        for (what, x, stated, want) in [
            ("healthy noise", noise(), none, vec![]),
            ("healthy noise in range", noise(), Stated { range: Some((-50.0, 50.0)), ..none }, vec![]),
            ("a coarse converter", rounded(noise(), 0.05), none, vec![]),
            ("a slow sine on a coarse converter", rounded(slow(), 0.001), none, vec![]),
            ("a sine whose period is a whole number of samples", sine(8192, 25_600.0, 100.0, 1.0, 0.0), none, vec![]),
            ("bias in range", noise(), Stated { bias_v: Some(11.0), ..none }, vec![]),
            ("open cable", noise(), Stated { bias_v: Some(23.5), ..none }, vec!["bias"]),
            ("short circuit", noise(), Stated { bias_v: Some(0.4), ..none }, vec!["bias"]),
            ("at the range", clip(noise(), 2.5), range, vec!["clipped"]),
            (
                "a clipped sine of unknown range",
                clip(sine(8192, 25_600.0, 100.0, 3.0, 0.0), 2.5),
                none,
                vec!["clipped"],
            ),
            ("counted by the sensor", noise(), Stated { clip_count: 3, ..none }, vec!["clipped"]),
            ("two extremes are no clipping", noise(), Stated { at_rails: 2, clip_count: 2, ..none }, vec![]),
            ("at the converter's ends", noise(), Stated { at_rails: 3, ..none }, vec!["clipped"]),
            ("a constant", vec![1.0; 4096], none, vec!["flat"]),
            ("stuck half way", stuck(), none, vec!["flat"]),
            ("the last digit flickers", flicker(), Stated { step: Some(0.01), ..none }, vec!["flat"]),
            ("lost samples", noise(), Stated { gaps: 1, ..none }, vec!["gaps"]),
            ("samples that are no numbers", hole(), none, vec!["gaps"]),
            ("a bias that is no number", noise(), Stated { bias_v: Some(f64::NAN), ..none }, vec!["bias"]),
        ] {
            assert_eq!(found(&x, stated), want, "{what}");
        }
    }

    #[test]
    fn faults_are_a_set_and_every_code_is_its_own() {
        let mut set = Faults::default();
        for f in Fault::ALL {
            assert!(!set.contains(f));
            set.add(f);
        }
        let mut codes = set.codes();
        assert_eq!(codes.len(), 7);
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 7);
    }
}
