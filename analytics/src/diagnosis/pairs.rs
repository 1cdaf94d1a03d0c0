//! Phases between points: only of records that were taken together or by a tacho.

use std::f64::consts::TAU;

use plant::Axis;
use realfft::num_complex::Complex;
use serde::{Deserialize, Serialize};

use super::known;
use super::lines::{apart, phasor, wrapped};
use super::record::{Clock, Record};
use super::symptoms::{Known, Line, Place, PointSymptoms, Symptoms};

/// Pieces of the window in which the phase is looked at for steadiness.
const PIECES: usize = 8;
/// Turns that a piece must hold.
const PIECE_TURNS: f64 = 8.0;
/// What is said of two records contradicts them: worth more to be told than that a third has no phase.
const CONTRADICTS: &str = "sync";

/// How 1× stands in one record: what it takes to compare its phase with that of another, the record itself being gone.
///
/// A Hann window is even about its middle, so that the phase there does not move, to first order, with the frequency at
/// which it is read: two records taken together may each be read at the 1× that it shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turning {
    /// Phase at the middle of the record, rad.
    pub whole: f64,
    /// At the middle of each eighth of it, rad, not a number where that holds nothing; `record_length` where an eighth
    /// has fewer than eight turns.
    #[serde(with = "known")]
    pub pieces: Known<[f64; PIECES]>,
}

impl Turning {
    /// Of the record `x` at `fs` Hz, whose 1× is `line`.
    ///
    /// # Errors
    /// `weak_line` where 1× does not stand out; what `line` lacks.
    pub fn of(x: &[f64], fs: f64, line: Known<Line>) -> Known<Self> {
        let line = line?;
        if line.mm_s <= 0.0 {
            return Err("weak_line");
        }
        Ok(Self::at(x, fs, line.hz))
    }

    /// The same at `hz`.
    fn at(x: &[f64], fs: f64, hz: f64) -> Self {
        let piece = x.len() / PIECES;
        let phase = |x: &[f64]| {
            let p = phasor(x, fs, hz);
            if p.norm() > 0.0 { p.arg() } else { f64::NAN }
        };
        let pieces = if (piece as f64) < PIECE_TURNS * fs / hz {
            Err("record_length")
        } else {
            Ok(std::array::from_fn(|i| phase(&x[i * piece..(i + 1) * piece])))
        };
        Self { whole: phase(x), pieces }
    }
}

/// What is known of the records of a window beside their symptoms.
pub struct Taken<'a> {
    /// How 1× stands in each.
    pub turning: &'a [Known<Turning>],
    /// Whether the phases of two of them may be compared, or why not.
    pub comparable: &'a dyn Fn(usize, usize) -> Known<()>,
    /// Whether two of them are samples of the same moments.
    pub alike: &'a dyn Fn(usize, usize) -> bool,
}

/// Fills in what takes two points, of records whose phases are set.
pub fn compare(taken: &Taken<'_>, s: &mut Symptoms) {
    let quadrature = strongest(taken, &s.points, "one_radial", |a, b| {
        a.station == b.station && (a.axis, b.axis) == (Axis::Horizontal, Axis::Vertical)
    });
    s.quadrature = quadrature.map(|(a, b)| difference(&s.points, a, b));
    s.phase_spread = quadrature.and_then(|(a, b)| spread(taken, a, b));
    let across = strongest(taken, &s.points, "no_pair", |a, b| {
        b.station == a.station + 1 && a.rotor != b.rotor && a.axis == b.axis
    });
    s.across_coupling = across.map(|(a, b)| difference(&s.points, a, b));
    let ends = strongest(taken, &s.points, "no_axial", |a, b| {
        b.station > a.station && a.rotor == b.rotor && (a.axis, b.axis) == (Axis::Axial, Axis::Axial)
    });
    s.end_to_end = ends.map(|(a, b)| difference(&s.points, a, b));
}

/// The same of records that are at hand. `shaft_hz` is the refined speed.
pub fn compare_records(records: &[Record<'_>], shaft_hz: f64, s: &mut Symptoms) {
    let turning: Vec<Known<Turning>> = records.iter().map(|r| Ok(Turning::at(r.x, r.fs, shaft_hz))).collect();
    for ((p, r), t) in s.points.iter_mut().zip(records).zip(&turning) {
        p.phase = t.and_then(|t| phase(r, p, t.whole, shaft_hz));
    }
    let comparable = |a: usize, b: usize| match (records[a].clock, records[b].clock) {
        (Clock::Shared { group: a, .. }, Clock::Shared { group: b, .. }) if a == b => Ok(()),
        (Clock::Tacho { .. }, Clock::Tacho { .. }) => Ok(()),
        _ => Err("no_phase"),
    };
    let alike = |a: usize, b: usize| {
        let (a, b) = (&records[a], &records[b]);
        let same = match (a.clock, b.clock) {
            (Clock::Shared { offset_s: x, .. }, Clock::Shared { offset_s: y, .. }) => x == y,
            _ => false,
        };
        same && a.fs == b.fs && a.x.len() == b.x.len()
    };
    compare(&Taken { turning: &turning, comparable: &comparable, alike: &alike }, s);
}

fn phase(r: &Record<'_>, p: &PointSymptoms, here: f64, shaft_hz: f64) -> Known {
    if p.orders[0]?.mm_s <= 0.0 {
        return Err("weak_line");
    }
    match r.clock {
        Clock::Own => Err("no_phase"),
        Clock::Shared { offset_s, .. } => {
            Ok(wrapped(here - TAU * shaft_hz * (offset_s + 0.5 * r.x.len() as f64 / r.fs)))
        }
        Clock::Tacho { turn } => Ok(wrapped(here - TAU * turn)),
    }
}

/// Of the pairs that fit, the one whose weaker 1× is strongest (axial ones count double: what moves along the shaft is
/// seldom the unbalance that is always there). `Err(absent)` where no two points are placed so.
fn strongest(
    taken: &Taken<'_>,
    points: &[PointSymptoms],
    absent: &'static str,
    fits: impl Fn(&Place, &Place) -> bool,
) -> Known<(usize, usize)> {
    let mut why = absent;
    let mut best: Option<(f64, usize, usize)> = None;
    for (i, a) in points.iter().enumerate() {
        for (j, b) in points.iter().enumerate().filter(|(j, b)| *j != i && fits(&a.place, &b.place)) {
            let (Ok(x), Ok(y)) = (a.orders[0], b.orders[0]) else {
                why = if why == CONTRADICTS { why } else { "sensor" };
                continue;
            };
            if let Err(code) = (taken.comparable)(i, j) {
                why = if why == CONTRADICTS { why } else { code };
            } else if a.phase.is_err() || b.phase.is_err() {
                why = if why == CONTRADICTS { why } else { "weak_line" };
            } else {
                let weaker = x.mm_s.min(y.mm_s) * if a.place.radial() { 1.0 } else { 2.0 };
                if best.is_none_or(|(w, ..)| weaker > w) {
                    best = Some((weaker, i, j));
                }
            }
        }
    }
    best.map(|(_, i, j)| (i, j)).ok_or(why)
}

/// Degrees between two points whose phases are known.
fn difference(points: &[PointSymptoms], a: usize, b: usize) -> f64 {
    apart(points[a].phase.unwrap_or(f64::NAN), points[b].phase.unwrap_or(f64::NAN))
}

/// Circular standard deviation, degrees, of the phase between two records of one group over the window:
/// √(−2 ln R) with R the length of the mean of the unit vectors (Mardia & Jupp, *Directional Statistics*, §2.3).
fn spread(taken: &Taken<'_>, a: usize, b: usize) -> Known {
    if !(taken.alike)(a, b) {
        return Err("no_phase");
    }
    let (a, b) = (taken.turning[a]?.pieces?, taken.turning[b]?.pieces?);
    let unit = |(a, b): (&f64, &f64)| {
        let between = a - b;
        if between.is_finite() { Complex::from_polar(1.0, between) } else { Complex::default() }
    };
    let sum: Complex<f64> = a.iter().zip(&b).map(unit).sum();
    let r = (sum.norm() / PIECES as f64).clamp(1e-12, 1.0);
    Ok((-2.0 * r.ln()).sqrt().to_degrees())
}
