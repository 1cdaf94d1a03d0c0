//! How fast lines are made: `cargo run --release -p influx --example line_rate`.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints what it measured, and a failure ends it")]

use std::time::Instant;

use influx::http::Body;
use influx::line::{Lines, Naming};
use plant::{Plant, Quality, SeriesKey, Timestamp, Value};

fn main() -> Result<(), plant::IdError> {
    let keys: Result<Vec<_>, _> = (0..10_000)
        .map(|n| format!("shaoguan/fan-{}/bearing_temp_{}", n / 10, n % 10).parse().map(SeriesKey::raw))
        .collect();
    let (keys, plant, mut naming, mut lines) = (keys?, Plant::default(), Naming::default(), Lines::default());
    let (mut points, mut bytes, mut sent) = (0_u64, 0_usize, 0_usize);
    let began = Instant::now();
    let mut gzip = std::time::Duration::ZERO;
    for round in 0..400_i64 {
        lines.clear();
        for (n, key) in keys.iter().enumerate() {
            let value = Value::Float(60.0 + ((n as i64 * 7 + round * 13) % 1_000) as f64 / 100.0);
            let t = Timestamp::from_millis(1_700_000_000_000 + round * 1_000);
            lines.point(naming.of(key, &plant), t, &value, Quality::Good);
            points += 1;
        }
        bytes += lines.bytes();
        if round % 40 == 0 {
            let packing = Instant::now();
            sent += Body::lines(lines.text(), true).len() * 40;
            gzip += packing.elapsed();
        }
    }
    let took = (began.elapsed() - gzip).as_secs_f64();
    println!(
        "{:.2} M points/s into lines ({:.0} bytes a line)",
        points as f64 / took / 1e6,
        bytes as f64 / points as f64
    );
    println!(
        "{:.2} M points/s through gzip, {:.1} bytes a point on the wire",
        points as f64 / 40.0 / gzip.as_secs_f64() / 1e6,
        sent as f64 / points as f64
    );
    Ok(())
}
