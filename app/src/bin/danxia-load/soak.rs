//! A plant's steady load, for hours: many machines, each with a message of many values every so often.
//!
//! What it holds does not grow with the time it runs: times of publishes by packet id, and a histogram.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::client::{Client, Ids};
use crate::{Soak, now_ns};

/// Steps of the histogram a factor of e: each is 5 % wide.
const STEPS: f64 = 20.0;
const WIDTH: usize = 400;

/// What one connection has under way.
struct Flight {
    begun: Instant,
    /// When the message of each packet id was sent, nanoseconds since `begun`.
    sent: Vec<AtomicU64>,
    open: Mutex<usize>,
    room: Condvar,
    cut: AtomicBool,
}

/// What came of one connection.
struct Outcome {
    sent: u64,
    acked: u64,
    cut: bool,
    /// Acknowledgements by the logarithm of their time in microseconds.
    times: Vec<u64>,
    worst: Duration,
    /// How far the publisher fell behind its plan at most, because the window was full.
    behind: Duration,
}

pub fn soak(s: &Soak) -> anyhow::Result<()> {
    ensure!(s.clients > 0 && s.machines >= s.clients && s.values > 0, "a client, a machine for each, and a value");
    ensure!((1..=30_000).contains(&s.window), "a window of 1 to 30000");
    let begun = Instant::now();
    let outcomes = thread::scope(|scope| {
        let threads: Vec<_> = (0..s.clients).map(|c| scope.spawn(move || one(s, c))).collect();
        let joined =
            threads.into_iter().map(|t| t.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))?);
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let (sent, acked) = (sum(|o| o.sent), sum(|o| o.acked));
    let times: Vec<u64> = (0..WIDTH).map(|i| outcomes.iter().map(|o| o.times[i]).sum()).collect();
    let longest = |of: fn(&Outcome) -> Duration| outcomes.iter().map(of).max().unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        r#"{{"sent":{sent},"acked":{acked},"values":{},"cut":{},"seconds":{seconds:.3},"points_per_s":{:.0},"p50_ms":{:.3},"p99_ms":{:.3},"max_ms":{:.3},"behind_ms":{:.3}}}"#,
        s.values,
        outcomes.iter().any(|o| o.cut),
        acked as f64 * s.values as f64 / seconds,
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        longest(|o| o.worst),
        longest(|o| o.behind),
    );
    Ok(())
}

/// In milliseconds, from above.
fn quantile(times: &[u64], share: f64) -> f64 {
    let wanted = (times.iter().sum::<u64>() as f64 * share).ceil();
    let mut seen = 0;
    let at = times.iter().position(|n| {
        seen += n;
        seen as f64 >= wanted
    });
    ((at.unwrap_or(0) + 1) as f64 / STEPS).exp() / 1e3
}

fn one(s: &Soak, c: usize) -> anyhow::Result<Outcome> {
    let mut client = Client::connect(s.address, &format!("soak-{c}"))?;
    let reader = Client { socket: client.socket.try_clone()?, out: Vec::new(), input: Vec::new() };
    let flight = Flight {
        begun: Instant::now(),
        sent: (0..=u16::MAX).map(|_| AtomicU64::new(0)).collect(),
        open: Mutex::new(0),
        room: Condvar::new(),
        cut: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        let acks = scope.spawn(|| acknowledged(reader, &flight));
        let (sent, behind) = publish(s, c, &mut client, &flight);
        // Everything is acknowledged, or the connection is gone; then nothing more comes.
        let open = flight.open.lock().unwrap_or_else(PoisonError::into_inner);
        let done = |open: &mut usize| *open > 0 && !flight.cut.load(Ordering::Acquire);
        drop(flight.room.wait_while(open, done).unwrap_or_else(PoisonError::into_inner));
        let cut = flight.cut.load(Ordering::Acquire);
        client.socket.shutdown(std::net::Shutdown::Both).ok();
        let (times, worst) = acks.join().map_err(|_| anyhow::anyhow!("a reader's thread panicked"))?;
        let acked = times.iter().sum();
        Ok(Outcome { sent, acked, cut, times, worst, behind })
    })
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
        if at >= Duration::from_secs(s.seconds) || flight.cut.load(Ordering::Acquire) {
            return (k, behind);
        }
        thread::sleep(at.saturating_sub(flight.begun.elapsed()));
        let open = flight.open.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |open: &mut usize| *open >= s.window && !flight.cut.load(Ordering::Acquire);
        *flight.room.wait_while(open, full).unwrap_or_else(PoisonError::into_inner) += 1;
        let now = flight.begun.elapsed();
        behind = behind.max(now.saturating_sub(at));
        let id = ids.next();
        flight.sent[id as usize].store(now.as_nanos() as u64, Ordering::Release);
        reading(&mut text, machines[k as usize % machines.len()], k / machines.len() as u64, s.values);
        client.push(&topics[k as usize % topics.len()], id, text.as_bytes());
        if client.flush().is_err() {
            flight.cut.store(true, Ordering::Release);
        }
        k += 1;
    }
}

fn acknowledged(mut reader: Client, flight: &Flight) -> (Vec<u64>, Duration) {
    let (mut times, mut worst) = (vec![0; WIDTH], Duration::ZERO);
    loop {
        let now = |id: u16| {
            let sent = Duration::from_nanos(flight.sent[id as usize].load(Ordering::Acquire));
            flight.begun.elapsed().saturating_sub(sent)
        };
        let step: io::Result<usize> = reader.acks(|id| {
            let took = now(id);
            worst = worst.max(took);
            let at = (took.as_secs_f64() * 1e6).max(1.0).ln() * STEPS;
            times[(at as usize).min(WIDTH - 1)] += 1;
        });
        let mut open = flight.open.lock().unwrap_or_else(PoisonError::into_inner);
        match step {
            Ok(n) => *open -= n.min(*open),
            Err(_) => {
                flight.cut.store(true, Ordering::Release);
                flight.room.notify_all();
                return (times, worst);
            }
        }
        flight.room.notify_all();
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
