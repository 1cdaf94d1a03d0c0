//! Median time of the full chain on one core, as one line of JSON: `cargo run --release -p analytics --example
//! chain_time`. With a file name, writes the samples of the longer record there (little-endian 64-bit floats), so that
//! `benches/scipy_reference.py` computes the same outputs on the same record.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, on the wall clock, for a person")]

use std::time::Instant;

use analytics::rotating::testing::{Noise, add_impacts, sine};
use analytics::rotating::{Analyser, Context, Plans, Stated};
use plant::{BearingOrders, Speed};

const FS: f64 = 25_600.0;
const SHAFT_HZ: f64 = 24.75;
const ORDERS: BearingOrders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };

/// A machine at 1485 r/min with an outer-race fault in noise.
fn record(n: usize) -> Vec<f64> {
    let mut noise = Noise::new(42);
    let mut x = sine(n, FS, SHAFT_HZ, 0.5, 0.02);
    x.iter_mut().for_each(|v| *v += noise.normal());
    add_impacts(&mut x, FS, 3.58 * SHAFT_HZ, 4800.0, 5.0, &mut noise);
    x
}

/// Milliseconds for the same record as if its speed had varied, so that it is judged by the angle that it tells itself.
fn by_angle(analyser: &mut Analyser, context: &Context<'_>) -> std::io::Result<f64> {
    let rpm = 60.0 * SHAFT_HZ;
    let varied = Speed { mean_rpm: rpm, range_rpm: Some((0.99 * rpm, 1.01 * rpm)) };
    let context = Context { speed: Ok(varied), ..*context };
    let x = record(65_536);
    let mut times = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        let said = analyser.analyse(&x, FS, &Stated::default(), &context);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if said.bearing.is_err() {
            return Err(std::io::Error::other("the record does not tell its angle"));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn main() -> std::io::Result<()> {
    let mut analyser = Analyser::new(Plans::default());
    let speed = Speed { mean_rpm: 60.0 * SHAFT_HZ, range_rpm: None };
    let context = Context { speed: Ok(speed), nominal_rpm: None, bearings: &[ORDERS.into()], alpha: 1e-4 };
    let mut fields = Vec::new();
    fields.push(format!("\"ms_65536_by_angle\":{:.3}", by_angle(&mut analyser, &context)?));
    for n in [25_600, 65_536] {
        let x = record(n);
        let mut times = Vec::new();
        let mut said = None;
        for _ in 0..200 {
            let begun = Instant::now();
            said = Some(analyser.analyse(&x, FS, &Stated::default(), &context));
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        fields.push(format!("\"ms_{n}\":{:.3}", times[times.len() / 2]));
        let (Some(said), Some(best)) = (said, analyser.hypotheses().first()) else { continue };
        if n == 65_536 {
            let velocity = said.velocity.map_or(f64::NAN, |v| v.rms_mm_s);
            let numbers = [
                ("rms", said.features.rms),
                ("kurtosis", said.features.kurtosis),
                ("velocity_mm_s", velocity),
                ("amplitude_1x", said.amplitude_1x.unwrap_or(f64::NAN)),
                ("rotation", said.shape.rotation.unwrap_or(f64::NAN)),
                ("low_rms", said.shape.low_rms),
                ("high_hz", said.shape.high_hz),
                ("statistic", best.statistic),
                ("threshold", best.threshold),
            ];
            fields.extend(numbers.iter().map(|(name, v)| format!("\"{name}\":{v:.9}")));
            fields.push(format!("\"fault\":\"{}\"", best.fault));
            if let Some(path) = std::env::args().nth(1) {
                std::fs::write(path, x.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())?;
            }
        }
    }
    println!("{{{}}}", fields.join(","));
    Ok(())
}
