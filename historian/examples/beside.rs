//! The store's half of a comparison: the same data written here, or printed as line protocol for another store.
//!
//! ```text
//! beside fill  DIR realistic|f64|milli ROUNDS   10,000 series, one value each a round: rate, processor time, bytes a point
//! beside dump  realistic|f64|milli ROUNDS       the same values as line protocol, milliseconds
//! beside query DIR day|year                     one series: a day at 1 Hz in 1,000 buckets, a year by the minute in hours
//! beside dump  day|year                         the same values as line protocol
//! beside paced DIR RATE SECONDS                 commits of 100 values to a plan while a reader queries: how long each waits
//! ```
//! Each prints one line of JSON, or lines of data. `bench/beside.py` runs it.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "its output is its purpose, and a failure ends it")]

mod series;

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use historian::{Archive, Batch, Config, Historian, verify};
use plant::{PointId, SeriesKey, Timestamp, Value};
use series::{BATCH, Kind, Noise, SERIES, START, Wall, batch, cpu, points, value};
use tokio::runtime::Runtime;

fn kind(name: &str) -> Kind {
    match name {
        "realistic" => Kind::Realistic,
        "f64" => Kind::NoisyF64,
        "milli" => Kind::NoisyMilli,
        other => panic!("{other}: realistic, f64 or milli"),
    }
}

/// Processor time of the calling thread, seconds.
fn thread_cpu() -> f64 {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    said.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn rounds(kind: Kind, points: &[PointId], of: std::ops::Range<usize>, noise: &mut Noise) -> Vec<Batch> {
    let mut all = Vec::with_capacity(of.len() * SERIES / BATCH);
    for round in of {
        for (n, half) in points.chunks(BATCH).enumerate() {
            all.push(batch(kind, half, n * BATCH, round, noise));
        }
    }
    all
}

/// Batches are made while no time is taken, some hundreds at once; the time is that of committing them, four under way,
/// each with its fsync.
fn fill(runtime: &Runtime, dir: &Path, kind: Kind, count: usize) {
    let historian = Historian::open(Config::new(dir), Arc::new(Wall)).unwrap();
    let (points, mut noise, recorder) = (points(SERIES), Noise(1), historian.recorder());
    let (mut took, mut made) = (Duration::ZERO, 0.0);
    let cpu_before = cpu();
    for first in (0..count).step_by(60) {
        let before = thread_cpu();
        let batches = rounds(kind, &points, first..(first + 60).min(count), &mut noise);
        made += thread_cpu() - before;
        let begun = Instant::now();
        runtime.block_on(async {
            let mut waiting = VecDeque::new();
            for batch in batches {
                waiting.push_back(recorder.submit(batch).await.unwrap());
                if waiting.len() >= 4 {
                    waiting.pop_front().unwrap().await.unwrap();
                }
            }
            for pending in waiting {
                pending.await.unwrap();
            }
        });
        took += begun.elapsed();
    }
    let cpu = cpu() - cpu_before - made;
    historian.close().unwrap();
    let bytes = size(runtime, dir, count * SERIES);
    println!(r#"{{"points":{},"seconds":{:.3},"cpu_s":{cpu:.2},"bytes":{bytes}}}"#, count * SERIES, took.as_secs_f64());
}

/// Bytes of the file with everything in chunks and nothing else in it.
fn size(runtime: &Runtime, dir: &Path, points: usize) -> u64 {
    let historian = Historian::open(Config { log_bytes: 0, ..Config::new(dir) }, Arc::new(Wall)).unwrap();
    for _ in 0..100_000 {
        if historian.archive().stats().head_points == 0 {
            break;
        }
        runtime.block_on(historian.recorder().commit(Batch::default())).unwrap();
    }
    historian.close().unwrap();
    let found = verify(dir).unwrap();
    assert!(
        found.is_clean() && found.points == points as u64,
        "{} of {points} points: {:?}",
        found.points,
        found.faults
    );
    let conn = rusqlite::Connection::open(dir.join("ts.db")).unwrap();
    conn.execute_batch("DELETE FROM log; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(conn);
    std::fs::metadata(dir.join("ts.db")).unwrap().len()
}

/// A series of its own: how far apart its values are, how many there are, and the width of what is asked, milliseconds.
fn single(name: &str) -> (i64, usize, i64) {
    match name {
        "day" => (1_000, 86_400, 86_400),
        "year" => (60_000, 365 * 1_440, 3_600_000),
        other => panic!("{other}: day or year"),
    }
}

fn single_values(name: &str) -> impl Iterator<Item = (Timestamp, Value)> {
    let (step, count, _) = single(name);
    let mut noise = Noise(3);
    let at = move |i: usize| Timestamp::from_millis(START + i as i64 * step);
    (0..count).map(move |i| (at(i), value(Kind::NoisyMilli, 0, i, &mut noise)))
}

fn query(runtime: &Runtime, dir: &Path, name: &str) {
    let historian = Historian::open(Config::new(dir), Arc::new(Wall)).unwrap();
    let (point, (step, count, width)) = (points(1).remove(0), single(name));
    let all: Vec<_> = single_values(name).map(|(t, v)| series::observation(&point, t, v)).collect();
    for some in all.chunks(7_200) {
        let batch = Batch { observations: some.to_vec(), ..Batch::default() };
        runtime.block_on(historian.recorder().commit(batch)).unwrap();
    }
    // What is full is sealed with the next commits.
    for _ in 0..16 {
        runtime.block_on(historian.recorder().commit(Batch::default())).unwrap();
    }
    let (archive, key) = (historian.archive(), SeriesKey::raw(point));
    let (from, to) = (Timestamp::from_millis(START), Timestamp::from_millis(START + step * count as i64));
    let mut times = Vec::new();
    let mut found = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        found = archive.buckets(&key, from, to, Duration::from_millis(width as u64)).unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    assert_eq!(found.iter().map(|b| b.count).sum::<u64>(), count as u64);
    times.sort_by(f64::total_cmp);
    let mean = found.iter().map(|b| b.mean).sum::<f64>() / found.len() as f64;
    let head = archive.stats().head_points;
    println!(r#"{{"ms":{:.3},"buckets":{},"mean":{mean},"in_memory":{head}}}"#, times[4], found.len());
    historian.close().unwrap();
}

/// Line protocol: the series by its number, the value as a float (states, too), milliseconds.
fn dump(what: &str, count: usize) {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut line = |s: usize, t: Timestamp, v: &Value| {
        writeln!(out, "v,s={s} f={} {}", v.as_f64().unwrap(), t.nanos() / 1_000_000).unwrap();
    };
    if matches!(what, "day" | "year") {
        single_values(what).for_each(|(t, v)| line(0, t, &v));
        return;
    }
    let (points, mut noise) = (points(SERIES), Noise(1));
    for round in 0..count {
        for (n, batch) in rounds(kind(what), &points, round..round + 1, &mut noise).iter().enumerate() {
            for (s, o) in batch.observations.iter().enumerate() {
                line(n * BATCH + s, o.t, &o.value);
            }
        }
    }
}

/// Somebody who looks at one series after the other, every 5 ms, until told to stop.
fn reader(archive: Archive, points: Vec<PointId>, done: Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut queries = 0;
        while !done.load(Ordering::Relaxed) {
            let key = SeriesKey::raw(points[queries * 7_919 % points.len()].clone());
            let (from, to) = (Timestamp::from_millis(START), Timestamp::from_millis(START + 3_600_000));
            archive.buckets(&key, from, to, Duration::from_secs(10)).unwrap();
            queries += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        queries
    })
}

/// A commit of 100 values whenever one is due; its time is counted from when it was due.
fn paced(runtime: &Runtime, dir: &Path, rate: usize, seconds: usize) {
    const EACH: usize = 100;
    let historian = Historian::open(Config::new(dir), Arc::new(Wall)).unwrap();
    let (points, mut noise, recorder) = (points(SERIES), Noise(1), historian.recorder());
    let done = Arc::new(AtomicBool::new(false));
    let reader = reader(historian.archive(), points.clone(), done.clone());
    let period = Duration::from_secs_f64(EACH as f64 / rate as f64);
    let waits = runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let mut waiting = tokio::task::JoinSet::new();
        let groups = SERIES / EACH;
        for n in 0..rate * seconds / EACH {
            let (round, group) = (n / groups, n % groups);
            let of = group * EACH..(group + 1) * EACH;
            let batch = batch(Kind::Realistic, &points[of.clone()], of.start, round, &mut noise);
            let due = begun + period * n as u32;
            tokio::time::sleep_until(due).await;
            let pending = recorder.submit(batch).await.unwrap();
            waiting.spawn(async move {
                pending.await.unwrap();
                due.elapsed()
            });
        }
        let mut waits: Vec<Duration> = waiting.join_all().await;
        waits.sort();
        waits
    });
    done.store(true, Ordering::Relaxed);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        r#"{{"points":{},"p50_ms":{:.3},"p99_ms":{:.3},"max_ms":{:.3},"commits":{},"queries":{}}}"#,
        waits.len() * EACH,
        at(0.5),
        at(0.99),
        at(1.0),
        historian.head(),
        reader.join().unwrap()
    );
    historian.close().unwrap();
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    match args[..] {
        ["fill", dir, of, rounds] => fill(&runtime, Path::new(dir), kind(of), rounds.parse().unwrap()),
        ["query", dir, what] => query(&runtime, Path::new(dir), what),
        ["paced", dir, rate, seconds] => {
            paced(&runtime, Path::new(dir), rate.parse().unwrap(), seconds.parse().unwrap());
        }
        ["dump", what] => dump(what, 0),
        ["dump", what, rounds] => dump(what, rounds.parse().unwrap()),
        _ => panic!(
            "fill DIR KIND ROUNDS, query DIR day|year, paced DIR RATE SECONDS, dump KIND ROUNDS, or dump day|year"
        ),
    }
}
