//! What the store reaches on this machine: `cargo run --release -p historian --example bench`.
//!
//! One line a figure: points committed a second (10,000 series, batches of 5,000 observations, an fsync a commit),
//! bytes a point on four kinds of series, 1,000 buckets over a day at 1 Hz, a year by the hour, single small commits, and
//! the time to reopen. `bench DIR` keeps its files in a new directory below DIR, which decides the disk that is measured;
//! `bench DIR commit|small|day|year|size` measures one thing only.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "its output is its purpose, and a failure ends it")]

mod series;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use historian::{Batch, Config, Historian, verify};
use plant::{Clock, SeriesKey, Timestamp, Value};
use series::{BATCH, Kind, Noise, SERIES, START, Wall, cpu, memory_mb, observation, points, time, value};
use tokio::runtime::Runtime;

fn open(dir: &Path) -> Historian {
    Historian::open(Config::new(dir), Arc::new(Wall)).unwrap()
}

/// Points committed a second, each commit synced, four batches under way, while a reader queries.
fn committed(runtime: &Runtime, dir: &Path) {
    let historian = open(dir);
    let (recorder, archive) = (historian.recorder(), historian.archive());
    let points = points(SERIES);
    let mut noise = Noise(1);
    // The batches are made beforehand: what is measured is the store. 12 million points make every series seal.
    let rounds = 1_200;
    let batches: Vec<Batch> = (0..SERIES / BATCH * rounds)
        .map(|n| {
            let (round, half) = (n / 2, n % 2);
            let of = half * BATCH..(half + 1) * BATCH;
            let t = time(round, &mut noise);
            let observations = of.map(|s| observation(&points[s], t, value(Kind::Realistic, s, round, &mut noise)));
            Batch { observations: observations.collect(), ..Batch::default() }
        })
        .collect();
    let count = batches.len() * BATCH;
    let done = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (done, points, archive) = (done.clone(), points.clone(), archive.clone());
        move || {
            let mut queries = 0;
            while !done.load(Ordering::Relaxed) {
                let key = SeriesKey::raw(points[queries * 7919 % SERIES].clone());
                let (from, to) = (Timestamp::from_millis(START), Timestamp::from_millis(START + 3_600_000));
                archive.buckets(&key, from, to, Duration::from_secs(10)).unwrap();
                queries += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            queries
        }
    });
    let (start, cpu_start) = (Instant::now(), cpu());
    let mut longest = Duration::ZERO;
    runtime.block_on(async {
        let mut waiting = std::collections::VecDeque::new();
        for batch in batches {
            waiting.push_back((Instant::now(), recorder.submit(batch).await.unwrap()));
            if waiting.len() >= 4 {
                let (begun, pending) = waiting.pop_front().unwrap();
                pending.await.unwrap();
                longest = longest.max(begun.elapsed());
            }
        }
        for (_, pending) in waiting {
            pending.await.unwrap();
        }
    });
    let (took, cpu) = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    done.store(true, Ordering::Relaxed);
    let queries = reader.join().unwrap();
    println!(
        "commit      {:>9.0} points/s  ({count} points, {SERIES} series, {:.2} CPU-s a million, longest wait {longest:.1?}, {queries} queries beside, {} MB)",
        count as f64 / took,
        cpu / count as f64 * 1e6,
        memory_mb(),
    );
    let keys: Vec<_> = points.iter().map(|p| SeriesKey::raw(p.clone())).collect();
    let start = Instant::now();
    let found = keys.iter().filter_map(|k| archive.last(k)).count();
    println!("last        {:>9.2} ms  ({found} series)", start.elapsed().as_secs_f64() * 1e3);
    let bytes = historian.archive().stats().log_bytes;
    drop(historian);
    let start = Instant::now();
    let historian = open(dir);
    println!("reopen      {:>9.2} s  (after a kill, {} MB of log)", start.elapsed().as_secs_f64(), bytes >> 20);
    historian.close().unwrap();
}

/// Bytes a point once everything is in chunks, by the size of the file.
fn bytes_per_point(runtime: &Runtime, dir: &Path, kind: Kind, what: &str) {
    let (series, length) = (100, 16_384);
    let config = || Config { log_bytes: 0, ..Config::new(dir) };
    let historian = Historian::open(config(), Arc::new(Wall)).unwrap();
    let points = points(series);
    let mut noise = Noise(2);
    runtime.block_on(async {
        let recorder = historian.recorder();
        for i in (0..length).step_by(64) {
            let mut observations = Vec::with_capacity(64 * series);
            for i in i..i + 64 {
                let t = time(i, &mut noise);
                for (s, p) in points.iter().enumerate() {
                    observations.push(observation(p, t, value(kind, s, i, &mut noise)));
                }
            }
            recorder.commit(Batch { observations, ..Batch::default() }).await.unwrap();
        }
        for _ in 0..64 {
            recorder.commit(Batch::default()).await.unwrap();
        }
    });
    settle(runtime, &historian, dir);
    historian.close().unwrap();
    let found = verify(dir).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
    let chunk_points = found.points as f64;
    let conn = rusqlite::Connection::open(dir.join("ts.db")).unwrap();
    let bodies: i64 = conn.query_row("SELECT sum(length(body)) FROM block", [], |r| r.get(0)).unwrap();
    let rolled = rolled(&conn);
    conn.execute_batch("DELETE FROM log; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(conn);
    let file = std::fs::metadata(dir.join("ts.db")).unwrap().len();
    println!(
        "size        {:>9.2} B/point  {what}  ({:.2} B of chunks, {:.2} B of minutes and hours, {} chunks)",
        file as f64 / chunk_points,
        bodies as f64 / chunk_points,
        rolled / chunk_points,
        found.chunks
    );
}

/// Commits nothing until minutes and hours are made of everything that is over.
fn settle(runtime: &Runtime, historian: &Historian, dir: &Path) {
    let conn = rusqlite::Connection::open(dir.join("ts.db")).unwrap();
    conn.busy_timeout(Duration::from_secs(10)).unwrap();
    let now = Wall.now().nanos();
    conn.execute("UPDATE stale SET due = 0 WHERE due < ?", [now + 3_600_000_000_000]).unwrap();
    let left = || -> i64 { conn.query_row("SELECT count(*) FROM stale WHERE due <= ?", [now], |r| r.get(0)).unwrap() };
    while left() > 0 {
        runtime.block_on(historian.recorder().commit(Batch::default())).unwrap();
    }
}

/// Bytes of minutes and hours.
fn rolled(conn: &rusqlite::Connection) -> f64 {
    conn.query_row("SELECT sum(length(body)) FROM rollup_body", [], |r| r.get(0)).unwrap()
}

/// A year of a value every ten seconds, by the hour and by the day.
fn year(runtime: &Runtime, dir: &Path) {
    let historian = Historian::open(Config { log_bytes: 8 << 20, ..Config::new(dir) }, Arc::new(Wall)).unwrap();
    let p = points(1).remove(0);
    let key = SeriesKey::raw(p.clone());
    let mut noise = Noise(4);
    let (days, a_day) = (365, 8_640);
    // A year that has ended: before that of the other measurements.
    let begin = START - i64::from(days) * 86_400_000;
    runtime.block_on(async {
        for day in 0..days {
            let at = |i: i32| Timestamp::from_millis(begin + i64::from(day * a_day + i) * 10_000);
            let value = |i: i32, noise: &mut Noise| value(Kind::NoisyF32, 0, (day * a_day + i) as usize, noise);
            let observations = (0..a_day).map(|i| observation(&p, at(i), value(i, &mut noise))).collect();
            historian.recorder().commit(Batch { observations, ..Batch::default() }).await.unwrap();
        }
    });
    settle(runtime, &historian, dir);
    historian.close().unwrap();
    // Made beside the commits before; what that costs is seen when all of it is made once more.
    let conn = rusqlite::Connection::open(dir.join("ts.db")).unwrap();
    let again = "INSERT OR REPLACE INTO stale SELECT series, t, -9223372036854775808, 0 FROM rollup WHERE width = 60";
    conn.execute(again, []).unwrap();
    let historian = open(dir);
    let cpu_start = cpu();
    settle(runtime, &historian, dir);
    let count = f64::from(days * a_day);
    println!(
        "rollup      {:>9.3} CPU-s a million points  ({:.2} B/point of minutes and hours at a value every 10 s)",
        (cpu() - cpu_start) / count * 1e6,
        rolled(&conn) / count
    );
    let (from, to) = (Timestamp::from_millis(begin), Timestamp::from_millis(START));
    for (what, width) in [("hour", 3_600), ("day", 86_400)] {
        let mut buckets = 0;
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                buckets = historian.archive().buckets(&key, from, to, Duration::from_secs(width)).unwrap().len();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("query       {:>9.2} ms  a year by the {what}, {buckets} buckets  (median of 9)", times[4]);
    }
    historian.close().unwrap();
}

/// A day at 1 Hz as 1,000 buckets, and a month of it by hours.
fn day(runtime: &Runtime, dir: &Path) {
    let historian = open(dir);
    let p = points(1).remove(0);
    let key = SeriesKey::raw(p.clone());
    let mut noise = Noise(3);
    let days = 30;
    runtime.block_on(async {
        let recorder = historian.recorder();
        for i in (0..days * 86_400).step_by(7_200) {
            let observations = (i..i + 7_200)
                .map(|i| observation(&p, time(i, &mut noise), value(Kind::NoisyF32, 0, i, &mut noise)))
                .collect();
            recorder.commit(Batch { observations, ..Batch::default() }).await.unwrap();
        }
    });
    let from = |day: i64| Timestamp::from_millis(START + day * 86_400_000);
    let archive = historian.archive();
    for (what, first, last, width) in [
        ("a day at 1 Hz in 1,000 buckets", 9, 10, Duration::from_millis(86_400)),
        ("the last day in 1,000 buckets", days as i64 - 1, days as i64, Duration::from_millis(86_400)),
        ("30 days at 1 Hz by the hour", 0, days as i64, Duration::from_secs(3_600)),
        ("30 days at 1 Hz by the day", 0, days as i64, Duration::from_secs(86_400)),
    ] {
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let found = archive.buckets(&key, from(first), from(last), width).unwrap();
                assert!(found.iter().map(|b| b.count).sum::<u64>() > 80_000);
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("query       {:>9.2} ms  {what}  (median of 9)", times[4]);
    }
    historian.close().unwrap();
}

/// Many small batches from several connections: how many observations a second, and how long each waits.
fn small(runtime: &Runtime, dir: &Path) {
    let historian = open(dir);
    let points = Arc::new(points(1_000));
    let (connections, each, size) = (16, 2_000, 20);
    let start = Instant::now();
    let mut waits: Vec<Duration> = runtime.block_on(async {
        let tasks: Vec<_> = (0..connections)
            .map(|c| {
                let (recorder, points) = (historian.recorder(), points.clone());
                tokio::spawn(async move {
                    let mut waits = Vec::with_capacity(each);
                    for i in 0..each {
                        let t = Timestamp::from_millis(START + i as i64);
                        let of = (0..size).map(|k| (c * 61 + i * 7 + k) % points.len());
                        let observations = of.map(|s| observation(&points[s], t, Value::Float(i as f64))).collect();
                        let begun = Instant::now();
                        recorder.commit(Batch { observations, ..Batch::default() }).await.unwrap();
                        waits.push(begun.elapsed());
                    }
                    waits
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let took = start.elapsed().as_secs_f64();
    waits.sort();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "small       {:>9.0} points/s  ({connections} connections, batches of {size}; wait p50 {:.2?}, p99 {:.2?}; {} commits)",
        (connections * each * size) as f64 / took,
        at(0.5),
        at(0.99),
        historian.head()
    );
    historian.close().unwrap();
}

fn main() {
    let base = std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().to_string_lossy().into_owned());
    let dir = tempfile::tempdir_in(base).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let wanted = std::env::args().nth(2);
    let wants = |name: &str| wanted.as_deref().is_none_or(|w| w == name);
    for (name, run) in [("commit", committed as fn(&Runtime, &Path)), ("small", small), ("day", day), ("year", year)] {
        if wants(name) {
            run(&runtime, &dir.path().join(name));
        }
    }
    for (name, kind, what) in [
        ("realistic", Kind::Realistic, "realistic"),
        ("f64", Kind::NoisyF64, "noisy indicator, 64 bits"),
        ("f32", Kind::NoisyF32, "noisy indicator, 32 bits"),
        ("milli", Kind::NoisyMilli, "noisy indicator, three decimals"),
    ] {
        if wants("size") {
            bytes_per_point(&runtime, &dir.path().join(name), kind, what);
        }
    }
}
