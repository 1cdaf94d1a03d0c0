//! Phases between points: only of records that were taken together or by a tacho.

use std::f64::consts::TAU;

use plant::Axis;
use realfft::num_complex::Complex;

use super::lines::{apart, phasor, wrapped};
use super::record::{Clock, Record};
use super::symptoms::{Known, PointSymptoms, Symptoms};

/// Pieces of the window in which the phase is looked at for steadiness.
const PIECES: usize = 8;
/// Turns that a piece must hold.
const PIECE_TURNS: f64 = 8.0;

/// Fills in what takes two points. `shaft_hz` is the refined speed.
pub fn compare(records: &[Record<'_>], shaft_hz: f64, s: &mut Symptoms) {
    for (p, r) in s.points.iter_mut().zip(records) {
        p.phase = phase(r, p, shaft_hz);
    }
    let quadrature = strongest(records, &s.points, "one_radial", |a, b| {
        a.station == b.station && (a.axis, b.axis) == (Axis::Horizontal, Axis::Vertical)
    });
    s.quadrature = quadrature.map(|(a, b)| difference(&s.points, a, b));
    s.phase_spread = quadrature.and_then(|(a, b)| spread(&records[a], &records[b], shaft_hz));
    let across = strongest(records, &s.points, "no_pair", |a, b| {
        b.station == a.station + 1 && a.rotor != b.rotor && a.axis == b.axis
    });
    s.across_coupling = across.map(|(a, b)| difference(&s.points, a, b));
    let ends = strongest(records, &s.points, "no_axial", |a, b| {
        b.station > a.station && a.rotor == b.rotor && (a.axis, b.axis) == (Axis::Axial, Axis::Axial)
    });
    s.end_to_end = ends.map(|(a, b)| difference(&s.points, a, b));
}

fn phase(r: &Record<'_>, p: &PointSymptoms, shaft_hz: f64) -> Known {
    if p.orders[0]?.mm_s <= 0.0 {
        return Err("weak_line");
    }
    let here = || phasor(r.x, r.fs, shaft_hz).arg();
    match r.clock {
        Clock::Own => Err("no_phase"),
        Clock::Shared { offset_s, .. } => {
            Ok(wrapped(here() - TAU * shaft_hz * (offset_s + 0.5 * r.x.len() as f64 / r.fs)))
        }
        Clock::Tacho { turn } => Ok(wrapped(here() - TAU * turn)),
    }
}

fn comparable(a: Clock, b: Clock) -> bool {
    match (a, b) {
        (Clock::Shared { group: a, .. }, Clock::Shared { group: b, .. }) => a == b,
        (Clock::Tacho { .. }, Clock::Tacho { .. }) => true,
        _ => false,
    }
}

/// Of the pairs that fit, the one whose weaker 1× is strongest (axial ones count double: what moves along the shaft is
/// seldom the unbalance that is always there). `Err(absent)` where no two points are placed so.
fn strongest(
    records: &[Record<'_>],
    points: &[PointSymptoms],
    absent: &'static str,
    fits: impl Fn(&super::Place, &super::Place) -> bool,
) -> Known<(usize, usize)> {
    let mut why = absent;
    let mut best: Option<(f64, usize, usize)> = None;
    for (i, a) in points.iter().enumerate() {
        for (j, b) in points.iter().enumerate().filter(|(j, b)| *j != i && fits(&a.place, &b.place)) {
            let (Ok(x), Ok(y)) = (a.orders[0], b.orders[0]) else {
                why = "sensor";
                continue;
            };
            if !comparable(records[i].clock, records[j].clock) {
                why = "no_phase";
            } else if a.phase.is_err() || b.phase.is_err() {
                why = "weak_line";
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
fn spread(a: &Record<'_>, b: &Record<'_>, shaft_hz: f64) -> Known {
    let same = |x: Clock, y: Clock| match (x, y) {
        (Clock::Shared { offset_s: x, .. }, Clock::Shared { offset_s: y, .. }) => x == y,
        _ => false,
    };
    if !same(a.clock, b.clock) || a.fs != b.fs || a.x.len() != b.x.len() {
        return Err("no_phase");
    }
    let piece = a.x.len() / PIECES;
    if (piece as f64) < PIECE_TURNS * a.fs / shaft_hz {
        return Err("record_length");
    }
    let unit = |(x, y): (&[f64], &[f64])| {
        let between = phasor(x, a.fs, shaft_hz) * phasor(y, b.fs, shaft_hz).conj();
        if between.norm() > 0.0 { between / between.norm() } else { Complex::default() }
    };
    let sum: Complex<f64> = a.x.chunks_exact(piece).zip(b.x.chunks_exact(piece)).take(PIECES).map(unit).sum();
    let r = (sum.norm() / PIECES as f64).clamp(1e-12, 1.0);
    Ok((-2.0 * r.ln()).sqrt().to_degrees())
}
