//! A gear's own numbers, as plainly as they can be had: what the platform's gear analysis will hand over.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;

/// FM4 and the cepstral peak at one turn.
pub struct Metrics {
    pub fm4: f64,
    pub cepstrum: f64,
}

/// Samples of the averaged turn.
const TURN: usize = 512;

/// From acceleration and the shaft's angle (turns) at each sample.
pub fn metrics(x: &[f64], turns: &[f64], teeth: usize) -> Metrics {
    let average = average(x, turns);
    // The regular part: the mesh, its harmonics and their first sidebands.
    let mut rest = average.clone();
    for harmonic in 1..=(TURN / 2 / teeth).saturating_sub(1) {
        for k in [harmonic * teeth - 1, harmonic * teeth, harmonic * teeth + 1] {
            remove(&mut rest, &average, k);
        }
    }
    for k in 0..=1 {
        remove(&mut rest, &average, k);
    }
    let moment = |p: i32| rest.iter().map(|v| v.powi(p)).sum::<f64>() / TURN as f64;
    Metrics { fm4: moment(4) / moment(2).powi(2), cepstrum: cepstrum(x, turns, teeth) }
}

/// The cepstrum at one turn: how much the logarithm of the spectrum around the mesh repeats with the shaft's frequency.
fn cepstrum(x: &[f64], turns: &[f64], teeth: usize) -> f64 {
    let n = x.len() / 2 * 2;
    let mut buffer = x[..n].to_vec();
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(n);
    let mut lines = plan.make_output_vec();
    plan.process(&mut buffer, &mut lines).unwrap();
    // Lines of the spectrum per turn of the shaft in the record.
    let shaft = turns[n - 1] - turns[0];
    let (low, high) = (0.5 * teeth as f64 * shaft, 2.5 * teeth as f64 * shaft);
    let logs: Vec<(f64, f64)> =
        (low as usize..high as usize).map(|k| (k as f64, lines[k].norm().max(1e-12).ln())).collect();
    let mean = logs.iter().map(|l| l.1).sum::<f64>() / logs.len() as f64;
    let (c, s) = logs.iter().fold((0.0, 0.0), |(c, s), (k, v)| {
        let a = TAU * k / shaft;
        (c + (v - mean) * a.cos(), s + (v - mean) * a.sin())
    });
    c.hypot(s) / logs.len() as f64
}

fn average(x: &[f64], turns: &[f64]) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; TURN], vec![0.0; TURN]);
    for (v, t) in x.iter().zip(turns) {
        // Each sample is shared by the two places that it lies between.
        let at = t.rem_euclid(1.0) * TURN as f64;
        let (i, part) = (at as usize % TURN, at.fract());
        for (j, w) in [(i, 1.0 - part), ((i + 1) % TURN, part)] {
            sum[j] += w * v;
            count[j] += w;
        }
    }
    sum.iter().zip(&count).map(|(s, n)| s / n).collect()
}

fn line(x: &[f64], k: usize) -> (f64, f64) {
    let n = x.len() as f64;
    x.iter().enumerate().fold((0.0, 0.0), |(c, s), (i, v)| {
        let a = TAU * k as f64 * i as f64 / n;
        (c + v * a.cos() * 2.0 / n, s + v * a.sin() * 2.0 / n)
    })
}

fn remove(rest: &mut [f64], from: &[f64], k: usize) {
    let (c, s) = line(from, k);
    let n = from.len() as f64;
    for (i, v) in rest.iter_mut().enumerate() {
        let a = TAU * k as f64 * i as f64 / n;
        *v -= if k == 0 { 0.5 * c } else { c * a.cos() + s * a.sin() };
    }
}
