//! A plant's steady load, for hours: many machines, each with a message of many values every so often.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::client::{Client, Ids};
use crate::flight::{Flight, Outcome, quantile, side_by_side, together};
use crate::{Soak, now_ns};

pub fn soak(s: &Soak) -> anyhow::Result<()> {
    ensure!(s.clients > 0 && s.machines >= s.clients && s.values > 0, "a client, a machine for each, and a value");
    ensure!((1..=30_000).contains(&s.window), "a window of 1 to 30000");
    let begun = Instant::now();
    let outcomes = side_by_side(s.clients, |c| {
        let client = Client::connect(s.address, &format!("soak-{c}"))?;
        Flight::fly(client, s.window, |client, flight| Ok(publish(s, c, client, flight)))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let sum = |of: fn(&Outcome<(u64, Duration)>) -> u64| outcomes.iter().map(of).sum::<u64>();
    let (sent, acked) = (sum(|o| o.published.0), sum(|o| o.acked));
    let times = together(&outcomes);
    let longest = |of: fn(&Outcome<(u64, Duration)>) -> Duration| {
        outcomes.iter().map(of).max().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!(
        r#"{{"sent":{sent},"acked":{acked},"values":{},"cut":{},"seconds":{seconds:.3},"points_per_s":{:.0},"p50_ms":{:.3},"p99_ms":{:.3},"max_ms":{:.3},"behind_ms":{:.3}}}"#,
        s.values,
        outcomes.iter().any(|o| o.cut),
        acked as f64 * s.values as f64 / seconds,
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        longest(|o| o.worst),
        longest(|o| o.published.1),
    );
    Ok(())
}

/// Publishes to its plan; waits while the window is full. Gives how many messages, and how far it fell behind.
fn publish(s: &Soak, c: usize, client: &mut Client, flight: &Flight) -> (u64, Duration) {
    let machines: Vec<usize> = (0..s.machines).filter(|m| m % s.clients == c).collect();
    let topics: Vec<String> = machines.iter().map(|m| format!("danxia/v1/load/soak-{m:04}/telemetry")).collect();
    let period = Duration::from_secs_f64(s.values as f64 * s.clients as f64 / s.rate as f64);
    let (mut ids, mut text, mut behind) = (Ids(0), String::new(), Duration::ZERO);
    let mut k: u64 = 0;
    loop {
        let at = period.mul_f64(k as f64);
        if at >= Duration::from_secs(s.seconds) || flight.is_cut() {
            return (k, behind);
        }
        thread::sleep(at.saturating_sub(flight.begun.elapsed()));
        reading(&mut text, machines[k as usize % machines.len()], k / machines.len() as u64, s.values);
        let out = flight.publish(client, &mut ids, &topics[k as usize % topics.len()], text.as_bytes());
        behind = behind.max(out.saturating_sub(at));
        k += 1;
    }
}

/// The `k`th message of a machine: slow swings with noise, as they come from a controller, rounded to two decimals.
fn reading(text: &mut String, machine: usize, k: u64, values: usize) {
    text.clear();
    let _ = write!(text, r#"{{"ts":{},"values":{{"#, now_ns());
    for i in 0..values {
        let comma = if i == 0 { "" } else { "," };
        let phase = (machine * 31 + i * 7) as f64;
        let mut z = (k ^ (machine as u64) << 40 ^ (i as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let noise = (z >> 40) as f64 / f64::from(1 << 24) - 0.5;
        let v = 50.0 + 20.0 * (k as f64 / 600.0 + phase).sin() + 0.3 * noise;
        let _ = write!(text, r#"{comma}"point_{i:03}":{v:.2}"#);
    }
    text.push_str("}}");
}
