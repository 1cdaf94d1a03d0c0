//! How long a store of a gigabyte takes to open: `cargo run --release -p historian --example reopen -- DIR [MIB]`.
//!
//! Fills a store below DIR once (`DIR/reopen`, some minutes; it is kept, and used again the next time): half of it
//! waveforms of 65,536 samples, the rest 10,000 series, seven of ten slow signals and three vibration indicators. It ends
//! as a kill under load would end it, with the log at its full length and nothing moved out of the write-ahead logs. Then
//! it is opened and let go of again, some times with the files out of the system's memory (`dd` of coreutils tells the
//! system to forget them) and some times with them in it, and how much was read from the disk is printed beside the time,
//! so that it shows whether it did forget.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "its output is its purpose, and a failure ends it")]

mod series;

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use historian::{Batch, Config, Historian};
use plant::{PointId, Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};
use series::{BATCH, Kind, Noise, SERIES, START, Wall, observation, points, time, value};
use tokio::runtime::Runtime;

const OPENINGS: usize = 5;

fn bytes(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap());
    files.map(|e| e.metadata().unwrap().len()).sum()
}

fn of_file(dir: &Path, name: &str) -> u64 {
    std::fs::metadata(dir.join(name)).map_or(0, |m| m.len())
}

/// Noise and a shaft's harmonics in 16 bits.
fn waveform(point: &PointId, n: u64, noise: &mut Noise) -> Arc<Waveform> {
    let raw = (0..65_536).map(|i| ((f64::from(i) * 0.012).sin() * 900.0 + 250.0 * (noise.unit() - 0.5)) as i16);
    let samples = Samples::I16 { raw: raw.collect(), scale: 0.001, offset: 0.0 };
    let (t, unit) = (Timestamp::from_millis(START + n as i64 * 1_000), Unit::parse("m/s²").unwrap());
    let meta = WaveformMeta::default();
    Arc::new(Waveform::new(WaveformId(u128::from(n) + 1), point.clone(), t, t, 25_600.0, unit, samples, meta).unwrap())
}

/// Until the files hold `wanted` bytes, and then until the log is at its longest.
fn fill(runtime: &Runtime, dir: &Path, wanted: u64) {
    let historian = Historian::open(Config::new(dir), Arc::new(Wall)).unwrap();
    let (points, mut noise, recorder) = (points(SERIES), Noise(5), historian.recorder());
    let (mut round, mut waves) = (0, 0);
    let full = |longest: u64| {
        let log = historian.archive().stats().log_bytes;
        bytes(dir) >= wanted && log >= longest * 98 / 100
    };
    let mut longest = 0;
    runtime.block_on(async {
        let mut waiting = VecDeque::new();
        while !full(longest) {
            longest = longest.max(historian.archive().stats().log_bytes);
            let t = time(round, &mut noise);
            for (n, half) in points.chunks(BATCH).enumerate() {
                let one = |(i, p): (usize, &PointId)| {
                    let s = n * BATCH + i;
                    let kind = if s % 10 < 3 { Kind::NoisyF64 } else { Kind::Realistic };
                    observation(p, t, value(kind, s, round, &mut noise))
                };
                let observations = half.iter().enumerate().map(one).collect();
                let mut batch = Batch { observations, ..Batch::default() };
                if of_file(dir, "wave.db") + of_file(dir, "wave.db-wal") < wanted / 2 {
                    batch.waveforms.extend((0..4).map(|i| waveform(&points[i], waves + i as u64, &mut noise)));
                    waves += 4;
                }
                waiting.push_back(recorder.submit(batch).await.unwrap());
            }
            while waiting.len() > 4 {
                waiting.pop_front().unwrap().await.unwrap();
            }
            round += 1;
        }
        for pending in waiting {
            pending.await.unwrap();
        }
    });
    println!("filled: {} values a series, {waves} waveforms", round);
}

/// Tells the system to forget what it holds of the files in memory; says whether it took the order.
fn forget(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).all(|file| {
        let sync = Command::new("sync").arg(&file).status();
        let input = format!("if={}", file.display());
        let dropped = Command::new("dd").args([&*input, "iflag=nocache", "count=0", "status=none"]).status();
        sync.is_ok_and(|s| s.success()) && dropped.is_ok_and(|s| s.success())
    })
}

/// Bytes that this process has had read from a disk.
fn read_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find(|l| l.starts_with("read_bytes:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn openings(dir: &Path, cold: bool) -> Vec<(f64, u64)> {
    let mut all: Vec<_> = (0..OPENINGS)
        .map(|_| {
            if cold && !forget(dir) {
                println!("the system does not forget the files: what follows is not cold");
            }
            let (begun, before) = (Instant::now(), read_bytes());
            let historian = Historian::open(Config::new(dir), Arc::new(Wall)).unwrap();
            let took = begun.elapsed().as_secs_f64();
            // As a kill: the log and the write-ahead logs stay as they are.
            drop(historian);
            (took, read_bytes() - before)
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

fn main() {
    let base = std::env::args().nth(1).expect("reopen DIR [MIB]");
    let mib: u64 = std::env::args().nth(2).map_or(1_024, |n| n.parse().unwrap());
    let dir = Path::new(&base).join("reopen");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let filled = Path::new(&base).join("reopen.filled");
    if std::fs::read_to_string(&filled).ok().as_deref() != Some(&*mib.to_string()) {
        assert!(!dir.is_dir(), "{} holds another store: remove it", dir.display());
        fill(&runtime, &dir, mib << 20);
        std::fs::write(&filled, mib.to_string()).unwrap();
    }
    let historian = Historian::open(Config::new(&dir), Arc::new(Wall)).unwrap();
    let stats = historian.archive().stats();
    drop(historian);
    let mib_of = |name: &str| of_file(&dir, name) >> 20;
    println!(
        "store: {} MiB: ts.db {} and its write-ahead log {}, wave.db {} and its {}; {} MiB of log, {} points in it alone, {} series",
        bytes(&dir) >> 20,
        mib_of("ts.db"),
        mib_of("ts.db-wal"),
        mib_of("wave.db"),
        mib_of("wave.db-wal"),
        stats.log_bytes >> 20,
        stats.head_points,
        stats.series
    );
    for (what, cold) in [("cold", true), ("warm", false)] {
        let all = openings(&dir, cold);
        let (median, slowest) = (all[OPENINGS / 2], all[OPENINGS - 1]);
        println!(
            "reopen {what}: median {:.2} s of {OPENINGS}, slowest {:.2} s; {} MiB read from the disk each time",
            median.0,
            slowest.0,
            median.1 >> 20
        );
    }
}
