//! The spectrum over time.

use super::forward;
use crate::rotating::Refusal;
use crate::rotating::curve::Map;
use crate::rotating::plans::Plans;
use crate::rotating::signal::{LONGEST, SHORTEST, mean, sound};
use crate::rotating::spectrum::{Spectrum, hann_power_into};

/// What levels refer to, m/s² (ISO 1683).
pub const LEVEL_REFERENCE: f64 = 1e-6;

/// Level of an RMS value in m/s², dB re 10⁻⁶ m/s²; what is below the reference counts as 0 dB.
#[must_use]
pub fn level(rms: f64) -> f64 {
    20.0 * (rms / LEVEL_REFERENCE).max(1.0).log10()
}

/// Levels of the strongest lines in `columns` equal steps from 0 to `to_hz` (dB re 10⁻⁶ m/s² RMS by line, Hann): one row
/// of a waterfall. A step that holds no line takes the nearest; beyond the record's Nyquist frequency stands 0 dB.
///
/// Refused: `rate`, `record_length`, `sensor`.
pub fn line_levels(plans: &Plans, x: &[f64], fs: f64, to_hz: f64, columns: usize) -> Result<Vec<f32>, Refusal> {
    let t = super::Transformed::of(plans, x, fs)?;
    let power = t.hann();
    let s = Spectrum { power: &power, n: t.n, fs };
    let step = to_hz / columns as f64;
    let value = |c: usize| {
        let (low, high) = (step * c as f64, step * (c + 1) as f64);
        let nearest = ((low + high) / 2.0 / s.df()).round() as usize;
        if low > fs / 2.0 || nearest >= power.len() {
            return 0.0;
        }
        let within = (low / s.df()).ceil().max(1.0) as usize..((high / s.df()).ceil() as usize).min(power.len());
        let strongest = within.map(|k| s.rms_line(k)).fold(0.0, f64::max);
        level(if strongest > 0.0 { strongest } else { s.rms_line(nearest) }) as f32
    };
    Ok((0..columns).map(value).collect())
}

/// Short-time spectra (Hann, half overlapped or closer) as levels, dB re 10⁻⁶ m/s² RMS by line; columns are time from
/// the middle of the first window on, s, and rows frequency from 0 Hz on.
///
/// The window is the power of two nearest to √(8n) between 128 and twice `most_rows` samples, a balance of resolution in
/// time and frequency. Where there are more windows than `most_columns`, the strongest of neighbours is kept, so that no
/// event falls between columns.
///
/// Refused: `rate`, `record_length`, `sensor`.
pub fn spectrogram(plans: &Plans, x: &[f64], fs: f64, most_columns: usize, most_rows: usize) -> Result<Map, Refusal> {
    let x = sound(&x[..x.len().min(LONGEST)], fs)?;
    if x.len() < SHORTEST {
        return Err("record_length");
    }
    let window = ((8.0 * x.len() as f64).sqrt().log2().round().exp2() as usize).clamp(128, (2 * most_rows).max(128));
    let rows = (window / 2).min(most_rows);
    let hop = ((x.len() - window) / most_columns.max(1)).clamp(window / 8, window / 2);
    let frames = (x.len() - window) / hop + 1;
    let join = frames.div_ceil(most_columns.max(1));
    let columns = frames.div_ceil(join);
    let mut values = vec![0f32; columns * rows];
    let (mean, mut power) = (mean(x), Vec::new());
    for frame in 0..frames {
        let mut piece: Vec<f64> = x[frame * hop..frame * hop + window].iter().map(|v| v - mean).collect();
        hann_power_into(&forward(plans, &mut piece), &mut power);
        let s = Spectrum { power: &power, n: window, fs };
        for row in 0..rows {
            let at = &mut values[row * columns + frame / join];
            *at = at.max(level(s.rms_line(row)) as f32);
        }
    }
    let (hop, window) = (hop as f64 / fs, window as f64);
    let x0 = 0.5 * window / fs + 0.5 * (join - 1) as f64 * hop;
    Ok(Map { x0, dx: hop * join as f64, y0: 0.0, dy: fs / window, columns, rows, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};
    use std::f64::consts::TAU;

    const FS: f64 = 25_600.0;

    fn strongest_row(m: &Map, column: usize) -> (usize, f32) {
        let at = |r: usize| m.values[r * m.columns + column];
        (0..m.rows).map(|r| (r, at(r))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    }

    #[test]
    fn a_chirp_is_a_straight_line() {
        // 500 Hz at the beginning, 8500 Hz at the end, amplitude 0.1 m/s² peak.
        let (n, rate) = (65_536, 8000.0 / (65_536.0 / FS));
        let x: Vec<f64> = (0..n)
            .map(|i| {
                let t = f64::from(i) / FS;
                0.1 * (TAU * (500.0 * t + 0.5 * rate * t * t)).sin()
            })
            .collect();
        let m = spectrogram(&Plans::default(), &x, FS, 512, 512).unwrap();
        assert!(m.columns > 100 && m.columns <= 512 && m.rows <= 512 && m.values.len() == m.columns * m.rows);
        for column in 0..m.columns {
            let (row, _) = strongest_row(&m, column);
            let want = 500.0 + rate * (m.x0 + m.dx * column as f64);
            assert!((row as f64 * m.dy - want).abs() < 2.0 * m.dy, "column {column}: row {row}, not {want} Hz");
        }
    }

    #[test]
    fn a_tone_has_its_level() {
        // 1 m/s² RMS on a line of the window (25 Hz apart): 120 dB.
        let x = sine(65_536, FS, 2000.0, 2f64.sqrt(), 0.0);
        let m = spectrogram(&Plans::default(), &x, FS, 512, 512).unwrap();
        let (row, db) = strongest_row(&m, m.columns / 2);
        assert!((row as f64 * m.dy - 2000.0).abs() < 1e-9 && (db - 120.0).abs() < 0.01, "{row}: {db}");
        let row = line_levels(&Plans::default(), &x, FS, 4000.0, 400).unwrap();
        let (at, db) = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert!(at == 200 && (db - 120.0).abs() < 0.01, "{at}: {db}");
    }

    #[test]
    fn a_long_record_stays_bounded_and_loses_no_event() {
        let mut x: Vec<f64> = Noise::new(3).normals(LONGEST).iter().map(|v| 1e-3 * v).collect();
        x[700_001] = 50.0;
        let m = spectrogram(&Plans::default(), &x, FS, 512, 512).unwrap();
        assert!(m.columns <= 512 && m.rows <= 512);
        let mean = |c: usize| (0..m.rows).map(|r| m.values[r * m.columns + c]).sum::<f32>() / m.rows as f32;
        let loudest = (0..m.columns).max_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap();
        let at = m.x0 + m.dx * loudest as f64;
        assert!((at - 700_001.0 / FS).abs() <= m.dx, "{at}");
    }

    #[test]
    fn refusals() {
        let plans = Plans::default();
        assert_eq!(spectrogram(&plans, &[0.0; 100], FS, 512, 512), Err("sensor"));
        assert_eq!(spectrogram(&plans, &Noise::new(1).normals(900), FS, 512, 512), Err("record_length"));
        assert_eq!(spectrogram(&plans, &Noise::new(1).normals(9000), 0.0, 512, 512), Err("rate"));
        assert_eq!(line_levels(&plans, &[f64::NAN; 4096], FS, 100.0, 10), Err("sensor"));
    }
}
