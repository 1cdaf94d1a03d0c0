//! From a waveform to samples that may be analysed.

use plant::{Quantity, Unit, Waveform};

use super::Refusal;
use super::plans::quick_length;

/// Longest record that is transformed, in samples; of a longer one the beginning is taken.
pub(super) const LONGEST: usize = 1 << 20;
/// Shortest record that has a spectrum worth the name.
pub(super) const SHORTEST: usize = 1024;

/// Fills `out` with the acceleration of `w` in m/s² and gives factor and offset from its unit. `Err("unit")` where it is
/// no acceleration.
pub fn acceleration_into(w: &Waveform, out: &mut Vec<f64>) -> Result<(f64, f64), Refusal> {
    let si = Unit::parse("m/s²").filter(|_| w.unit.quantity() == Quantity::Acceleration).ok_or("unit")?;
    let (factor, offset) = w.unit.linear(si).map_err(|_| "unit")?;
    w.physical_into(out);
    out.iter_mut().for_each(|v| *v = *v * factor + offset);
    Ok((factor, offset))
}

/// The samples of `x` that are transformed: its beginning, at a length that transforms quickly.
///
/// Refuses a rate that is none (`rate`), too few samples (`record_length`), and samples that are not finite or all the
/// same (`sensor`).
pub(super) fn usable(x: &[f64], fs: f64) -> Result<&[f64], Refusal> {
    let n = quick_length(x.len().min(LONGEST));
    let x = sound(&x[..n], fs)?;
    if n < SHORTEST { Err("record_length") } else { Ok(x) }
}

/// The samples of `x`, all of them up to the longest record, on the same conditions but for the least length.
pub(super) fn sound(x: &[f64], fs: f64) -> Result<&[f64], Refusal> {
    if !(fs.is_finite() && fs > 0.0) {
        return Err("rate");
    }
    let x = &x[..x.len().min(LONGEST)];
    let first = *x.first().ok_or("record_length")?;
    if !x.iter().all(|v| v.is_finite()) || x.iter().all(|v| *v == first) {
        return Err(if x.len() < 2 { "record_length" } else { "sensor" });
    }
    Ok(x)
}

/// Mean of `x`; 0 where there is none.
pub(super) fn mean(x: &[f64]) -> f64 {
    if x.is_empty() { 0.0 } else { x.iter().sum::<f64>() / x.len() as f64 }
}

/// The middle value of `values`, which are reordered; 0 where there is none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::sine;

    #[test]
    fn what_cannot_be_analysed_is_refused_by_code() {
        let good = sine(2000, 1000.0, 10.0, 1.0, 0.0);
        let mut hole = good.clone();
        hole[77] = f64::NAN;
        for (x, fs, want) in [
            (&good[..], 1000.0, Ok(2000)),
            (&good[..1100], 1000.0, Ok(1080)),
            (&good[..500], 1000.0, Err("record_length")),
            (&good[..1], 1000.0, Err("record_length")),
            (&[][..], 1000.0, Err("record_length")),
            (&hole[..], 1000.0, Err("sensor")),
            (&[1.0; 4000][..], 1000.0, Err("sensor")),
            (&good[..], 0.0, Err("rate")),
            (&good[..], f64::NAN, Err("rate")),
        ] {
            assert_eq!(usable(x, fs).map(<[f64]>::len), want, "{} samples at {fs}", x.len());
        }
        assert_eq!(usable(&vec![0.5; 10_000_000], 1000.0), Err("sensor"));
        let long: Vec<f64> = (0..10_000_000u32).map(|i| f64::from(i % 7)).collect();
        assert_eq!(usable(&long, 1000.0).map(<[f64]>::len), Ok(LONGEST));
    }
}
