//! The orbit of a shaft from two probes at right angles.

use super::lines::phasor;
use super::symptoms::{Known, Orbit};

/// Directions in which the reach of the orbit is looked at, over half a turn.
const DIRECTIONS: usize = 18;
/// The reach leaves out this part of the samples on either side: noise has long tails.
const TAIL: f64 = 0.005;
/// Turns that an orbit takes.
const TURNS: f64 = 32.0;
/// Orders that a shaft without contact or film has little of, and none of it in reverse.
const BESIDE_1X: [f64; 6] = [1.0 / 3.0, 0.5, 2.0 / 3.0, 1.5, 2.0, 3.0];

/// What the displacements `x` (horizontal) and `y` (vertical), µm, taken together at `fs` Hz, say of the shaft, which
/// turns from x to y at `shaft_hz`.
///
/// The full spectrum is that of x + jy (Southwick, Orbit 14 (1993)): forward |X + jY|/2, reverse |X − jY|/2.
///
/// # Errors
/// `record_length` below 32 turns or where the two differ in length, `sensor` where a value is not finite or nothing
/// moves, `speed` without one.
pub fn orbit(x: &[f64], y: &[f64], fs: f64, shaft_hz: f64) -> Known<Orbit> {
    if !(shaft_hz.is_finite() && shaft_hz > 0.0 && fs.is_finite() && fs > 8.0 * shaft_hz) {
        return Err("speed");
    }
    if x.len() != y.len() || (x.len() as f64) < TURNS * fs / shaft_hz {
        return Err("record_length");
    }
    if x.iter().chain(y).any(|v| !v.is_finite()) {
        return Err("sensor");
    }
    let clipped = clipped(x, y);
    if clipped.is_nan() {
        return Err("sensor");
    }
    let full = |hz: f64| {
        let (x, y) = (phasor(x, fs, hz), phasor(y, fs, hz));
        let turned = y * realfft::num_complex::Complex::i();
        (0.5 * (x + turned).norm(), 0.5 * (x - turned).norm())
    };
    let (mut forward, mut reverse) = (0.0, 0.0);
    for order in BESIDE_1X {
        let (f, r) = full(order * shaft_hz);
        forward += f;
        reverse += r;
    }
    let (main, _) = full(shaft_hz);
    // What is a twentieth of 1× is no more than the runout of any shaft.
    let reverse = if forward + reverse < 0.05 * main { Ok(0.0) } else { Ok(reverse / forward.max(1e-300)) };
    let square = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / v.len() as f64
    };
    let rms_um = (square(x) + square(y)).sqrt();
    Ok(Orbit {
        rms_um,
        clipped: Ok(clipped),
        sub_forward: sub_forward(&full, shaft_hz, fs / x.len() as f64, main),
        reverse,
    })
}

/// Forward part of the strongest line within 0.38 to 0.48×; `weak_line` where it is below a twentieth of 1×.
fn sub_forward(full: &impl Fn(f64) -> (f64, f64), shaft_hz: f64, df: f64, main: f64) -> Known {
    let steps = ((0.1 * shaft_hz / df).ceil() as usize).clamp(2, 200);
    let lines = (0..=steps).map(|i| full(shaft_hz * (0.38 + 0.1 * i as f64 / steps as f64)));
    let best = lines.max_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
    let (forward, reverse) = best.filter(|(f, r)| f + r > 0.05 * main).ok_or("weak_line")?;
    Ok(forward / (forward + reverse))
}

/// By how much the orbit's reach from its mean differs between one side and the other, as a part of the larger, in the
/// direction where that is most. NaN where nothing moves.
fn clipped(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
    let (mx, my) = (mean(x), mean(y));
    let tail = ((TAIL * n as f64) as usize).min(n - 1);
    let mut along = Vec::with_capacity(n);
    let mut most: f64 = f64::NAN;
    for i in 0..DIRECTIONS {
        let (s, c) = (std::f64::consts::PI * i as f64 / DIRECTIONS as f64).sin_cos();
        along.clear();
        along.extend(x.iter().zip(y).map(|(x, y)| (x - mx) * c + (y - my) * s));
        let low = -*along.select_nth_unstable_by(tail, f64::total_cmp).1;
        let high = *along.select_nth_unstable_by(n - 1 - tail, f64::total_cmp).1;
        if low.max(high) > 0.0 {
            most = most.max(1.0 - low.min(high).max(0.0) / low.max(high));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn pair(f: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
        (0..20_000).map(|i| f(TAU * 25.0 * f64::from(i) / 10_000.0)).unzip()
    }

    #[test]
    fn circles_lines_and_loops() {
        let (x, y) = pair(|a| (a.cos(), a.sin()));
        let o = orbit(&x, &y, 10_000.0, 25.0).unwrap();
        assert!(o.clipped.unwrap() < 0.01 && o.reverse == Ok(0.0) && o.sub_forward == Err("weak_line"), "{o:?}");
        let whirl = |a: f64, way: f64| (a.cos() + 0.8 * (0.43 * a).cos(), a.sin() + way * 0.8 * (0.43 * a).sin());
        let (x, y) = pair(|a| whirl(a, 1.0));
        assert!(orbit(&x, &y, 10_000.0, 25.0).unwrap().sub_forward.unwrap() > 0.98);
        let (x, y) = pair(|a| whirl(a, -1.0));
        assert!(orbit(&x, &y, 10_000.0, 25.0).unwrap().sub_forward.unwrap() < 0.02);
        let (x, y) = pair(|a| (a.cos() + 0.4 * (0.5 * a).cos(), a.sin() - 0.4 * (0.5 * a).sin()));
        assert!(orbit(&x, &y, 10_000.0, 25.0).unwrap().reverse.unwrap() > 10.0);
        let (x, y) = pair(|a| (a.cos().min(0.2), a.sin()));
        let o = orbit(&x, &y, 10_000.0, 25.0).unwrap();
        assert!(o.clipped.unwrap() > 0.2, "{o:?}");
    }

    #[test]
    fn what_is_no_orbit_is_refused() {
        let x = vec![1.0; 20_000];
        assert_eq!(orbit(&x, &x, 10_000.0, 25.0), Err("sensor"));
        assert_eq!(orbit(&x, &x[1..], 10_000.0, 25.0), Err("record_length"));
        assert_eq!(orbit(&[], &[], 10_000.0, 25.0), Err("record_length"));
        assert_eq!(orbit(&x, &x, 10_000.0, 0.0), Err("speed"));
        assert_eq!(
            orbit(&[vec![f64::NAN], x.clone()].concat(), &[x.clone(), vec![0.0]].concat(), 10_000.0, 25.0),
            Err("sensor")
        );
    }
}
