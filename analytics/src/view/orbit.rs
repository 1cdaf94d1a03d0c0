//! How a shaft moves, from two directions.

use plant::{Quantity, Unit, Waveform};

use super::{Curve, LONGEST_CURVE};
use crate::rotating::shaft;
use crate::rotating::{Plans, Refusal};

/// Turns of the unfiltered orbit.
const TURNS: usize = 8;
/// Orders of the full spectrum on either side.
const TO_ORDER: f64 = 10.0;
/// How far apart two records that are one measurement may begin, in samples.
const APART: f64 = 0.5;

/// A shaft's motion in a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Orbit {
    /// The path of the last turns, unfiltered, about its mean: `(h, v)` in `unit`.
    pub points: Vec<(f64, f64)>,
    /// The motion at shaft speed alone, one turn, closed: an ellipse.
    pub filtered: Vec<(f64, f64)>,
    /// µm where displacement was measured, m/s² where acceleration was.
    pub unit: Unit,
    /// Radii of the circles (peak, in `unit`, Hann) over orders, negative where the circle runs from v towards h.
    pub full: Curve,
    /// Whether the motion at shaft speed runs from h towards v.
    pub forward: bool,
}

/// The orbit and the full spectrum of two records of one measurement at right angles. See [`shaft::orbit`].
///
/// Refused: `unit` (neither displacement nor acceleration, or not the same), `channels` (not the same rate, or not begun
/// together), and as [`shaft::orbit`] refuses. Of records of different lengths the common beginning is taken.
pub fn orbit(h: &Waveform, v: &Waveform, shaft_hz: f64) -> Result<Orbit, Refusal> {
    let symbol = match (h.unit.quantity(), v.unit.quantity()) {
        (Quantity::Displacement, Quantity::Displacement) => "µm",
        (Quantity::Acceleration, Quantity::Acceleration) => "m/s²",
        _ => return Err("unit"),
    };
    let unit = Unit::parse(symbol).ok_or("unit")?;
    let apart = h.t0.since(v.t0).max(v.t0.since(h.t0)).as_secs_f64();
    if (h.fs / v.fs - 1.0).abs() > 1e-6 || apart * h.fs > APART {
        return Err("channels");
    }
    let (x, y) = (physical(h, unit)?, physical(v, unit)?);
    let n = x.len().min(y.len());
    let (x, y, plans) = (&x[..n], &y[..n], Plans::default());
    let o = shaft::orbit(&plans, x, y, h.fs, shaft_hz, TURNS)?;
    let step = o.raw.len().div_ceil(LONGEST_CURVE).max(1);
    Ok(Orbit {
        points: o.raw.into_iter().step_by(step).collect(),
        filtered: o.filtered,
        unit,
        full: full(&shaft::full_spectrum(&plans, x, y, h.fs)?, o.hz),
        forward: o.forward > o.backward,
    })
}

fn physical(w: &Waveform, unit: Unit) -> Result<Vec<f64>, Refusal> {
    let (factor, offset) = w.unit.linear(unit).map_err(|_| "unit")?;
    Ok(w.physical().into_iter().map(|v| v * factor + offset).collect())
}

/// From the most negative order to the most positive one; joined on either side of 0 alike.
fn full(s: &shaft::FullSpectrum, shaft_hz: f64) -> Curve {
    let dx = s.df / shaft_hz;
    let last = ((TO_ORDER / dx) as usize).min(s.forward.len() - 1);
    let side = |values: &[f64]| {
        // What stands next to 0 Hz is the sensors' gap.
        let values = values[..=last].iter().enumerate().map(|(k, v)| if k < 2 { 0.0 } else { *v }).collect();
        Curve { x0: 0.0, dx, values }.joined(LONGEST_CURVE / 2)
    };
    let (forward, backward) = (side(&s.forward), side(&s.backward));
    let back = backward.values.iter().skip(1).rev();
    let values: Vec<f64> = back.chain(&forward.values).copied().collect();
    Curve { x0: -(forward.values.len() as f64 - 1.0) * forward.dx, dx: forward.dx, values }
}
