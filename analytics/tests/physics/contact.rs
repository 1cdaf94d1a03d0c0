//! Springs that are not linear: films, seals, lifting feet.

use super::{Film, Loose, Rub};

/// Force of the film on a journal displaced by `z` and moving with `v` against its housing, at `omega` rad/s.
///
/// F = −(K + K₃|z|²)z − D(ż − jλΩz): the fluid turns at λΩ, and what turns with it feels no damping.
pub fn film(f: &Film, z: (f64, f64), v: (f64, f64), omega: f64) -> (f64, f64) {
    let k = f.k + f.k3 * (z.0 * z.0 + z.1 * z.1);
    let swirl = f.lambda * omega;
    (-k * z.0 - f.d * (v.0 + swirl * z.1), -k * z.1 - f.d * (v.1 - swirl * z.0))
}

/// Force on a disc displaced by `z` against the seal: normal beyond the gap, friction against the turning surface.
pub fn rub(r: &Rub, z: (f64, f64)) -> (f64, f64) {
    let (s, c) = r.at.sin_cos();
    let into = z.0 * c + z.1 * s - r.gap;
    if into <= 0.0 {
        return (0.0, 0.0);
    }
    let n = r.k * into;
    // The surface moves along (−s, c); friction pushes it back.
    (-n * c + r.mu * n * s, -n * s - r.mu * n * c)
}

/// Force of a support of stiffness `k` and damping `c` at height `y`, moving at `v`; at 0 the preload alone presses.
pub fn foot(l: &Loose, (k, c): (f64, f64), y: f64, v: f64) -> f64 {
    let lifted_at = l.preload_n / k;
    if y <= lifted_at {
        -k * y - c * v
    } else {
        // Lifted: the weight pulls it back, and the slack bolt a little.
        -l.preload_n - l.lift * (k * (y - lifted_at) + c * v)
    }
}
