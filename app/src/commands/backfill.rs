//! `danxia backfill --influx`: ships what a store holds, whether an instance runs on it or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use influx::Refusal;
use influx::history::{Past, Told, ship};
use influx::http::Client;
use plant::{SeriesKey, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Exit;
use super::bar::Bar;
use crate::cli::Backfill;
use crate::clock::SystemClock;
use crate::config::{ConfigError, Sources};

/// Where it has come is written down this often.
const MARK_EVERY: Duration = Duration::from_secs(2);
/// So many refused lines are printed.
const PRINTED: u64 = 10;

/// Where a run has come, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    to: String,
    machine: Option<String>,
    from_ns: i64,
    to_ns: i64,
    /// The series that is next, `point` or `point indicator`, and from when on.
    series: String,
    next_ns: Option<i64>,
}

/// Ships it.
pub async fn run(args: &Backfill) -> anyhow::Result<Exit> {
    let settings = Sources::new(args.common.config.as_deref(), args.common.flags())?.settings()?;
    let Some(influx) = &settings.influx else {
        let (key, found) = ("influx.url", String::new());
        let expected = "expected the server to ship to, such as http://127.0.0.1:8086".into();
        return Err(ConfigError::Value { key, found, expected }.into());
    };
    let data = settings.data.clone();
    let opened = tokio::task::spawn_blocking(move || historian::open_read_only(&data)).await?;
    let (archive, register) =
        opened.with_context(|| format!("{} holds no store that can be read", settings.data.display()))?;
    let mut keys = args.machine.as_ref().map_or_else(|| archive.series(), |m| archive.series_of(m));
    if keys.is_empty() {
        bail!(
            "the store has no series{}",
            if args.machine.is_some() { " of that machine: check --machine" } else { "" }
        );
    }
    keys.sort();
    let (from, to) = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    let past = Past { archive, plant: register.plant(), keys, from, to, rate: args.rate };
    let target = &influx.shipper.target;
    let mut mark = Mark {
        to: format!("{target:?}"),
        machine: args.machine.as_ref().map(ToString::to_string),
        from_ns: from.nanos(),
        to_ns: to.nanos(),
        series: String::new(),
        next_ns: None,
    };
    let told = resume(&args.mark, &mark, &past.keys)?;
    let mut client = Client::new(target.clone(), influx.shipper.timeout, Arc::new(SystemClock));
    let (mut bar, mut written, mut refused) = (Bar::new(), Instant::now(), 0_u64);
    let done = ship(&past, &influx.shipper, &mut client, told, |told, lines| {
        report(lines, &mut refused);
        let key = past.keys.get(told.series).map(text).unwrap_or_default();
        let what = told.waits.as_ref().map_or_else(|| key.clone(), |why| format!("waits: {why}"));
        bar.draw(&format!("{} points, {what}", told.points), told.series as u64, past.keys.len() as u64);
        if written.elapsed() >= MARK_EVERY {
            (mark.series, mark.next_ns, written) = (key, told.next.map(Timestamp::nanos), Instant::now());
            if let Err(e) = store(&args.mark, &mark) {
                eprintln!("{}: {e}; an interruption would begin anew", args.mark.display());
            }
        }
    });
    let done = tokio::select! {
        done = done => done,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            drop(bar);
            eprintln!("interrupted; the same command goes on from {}", args.mark.display());
            return Ok(Exit::Failure);
        }
    };
    drop(bar);
    let done =
        done.with_context(|| format!("the same command goes on from {} when that is mended", args.mark.display()))?;
    // There is none where it took less than two seconds.
    std::fs::remove_file(&args.mark).ok();
    eprintln!("{} points of {} series shipped to {target:?}", done.points, done.series);
    if done.expired > 0 {
        eprintln!("{} of them are older than the bucket keeps: InfluxDB left them out", done.expired);
    }
    if refused > 0 {
        eprintln!("{refused} lines were refused; mend the bucket and ship again, what is there stays as it is");
    }
    Ok(if refused == 0 { Exit::Ok } else { Exit::Failure })
}

fn text(key: &SeriesKey) -> String {
    key.indicator.as_ref().map_or_else(|| key.point.to_string(), |i| format!("{} {i}", key.point))
}

fn report(lines: &[Refusal], refused: &mut u64) {
    for r in lines {
        *refused += 1;
        if *refused <= PRINTED {
            eprintln!("refused ({}): {}", r.why, r.line);
        }
    }
}

/// Where an earlier run of the same had come.
fn resume(path: &Path, wanted: &Mark, keys: &[SeriesKey]) -> anyhow::Result<Told> {
    let text_of = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Told::default()),
        Err(e) => return Err(e).with_context(|| format!("{} cannot be read", path.display())),
    };
    let found: Mark = serde_json::from_str(&text_of)
        .with_context(|| format!("{} is not what an earlier run left: choose another --mark", path.display()))?;
    let same = Mark { series: found.series.clone(), next_ns: found.next_ns, ..wanted.clone() };
    if found != same {
        bail!(
            "{} is of another run (other server, machine or time): remove it, or choose another --mark",
            path.display()
        );
    }
    // The first that was not done; none may have come before it meanwhile that matters here.
    let series = keys.iter().position(|k| text(k) == found.series).unwrap_or(0);
    let next =
        found.next_ns.map(Timestamp::from_nanos).filter(|_| keys.get(series).is_some_and(|k| text(k) == found.series));
    eprintln!("going on with {}", found.series);
    Ok(Told { series, next, ..Told::default() })
}

/// Whole or not at all.
fn store(path: &Path, mark: &Mark) -> std::io::Result<()> {
    let beside = PathBuf::from(format!("{}.new", path.display()));
    std::fs::write(&beside, serde_json::to_vec(mark)?)?;
    std::fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_where_one_of_the_same_kind_was_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark.json");
        let keys: Vec<_> = ["s/m/a", "s/m/b"].iter().map(|p| SeriesKey::raw(p.parse().unwrap())).collect();
        let mark =
            Mark { to: "x".into(), machine: None, from_ns: 1, to_ns: 2, series: "s/m/b".into(), next_ns: Some(7) };
        let fresh = Mark { series: String::new(), next_ns: None, ..mark.clone() };
        assert_eq!(resume(&path, &fresh, &keys).unwrap(), Told::default());
        store(&path, &mark).unwrap();
        let told = resume(&path, &fresh, &keys).unwrap();
        assert_eq!((told.series, told.next), (1, Some(Timestamp::from_nanos(7))));
        let other = Mark { to_ns: 3, ..fresh };
        assert!(resume(&path, &other, &keys).unwrap_err().to_string().contains("--mark"));
        std::fs::write(&path, "{").unwrap();
        assert!(resume(&path, &other, &keys).unwrap_err().to_string().contains("--mark"));
    }
}
