//! `danxia backup …`: backups are taken, listed, checked and deleted. The store is read as it stands on disk, whether
//! an instance runs there or not.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use historian::backup::{self, Progress, Source, Taken};
use plant::{Clock, Timestamp};
use serde_json::json;

use super::Exit;
use super::bar::Bar;
use crate::cli::{Backup, BackupWhat};
use crate::clock::SystemClock;
use crate::instance;

/// What a store holds that is of no use elsewhere.
const LEAVE_OUT: &[&str] = &[instance::FILE];

/// Takes a backup, or does something with those that there are.
pub fn run(args: &Backup) -> anyhow::Result<Exit> {
    match &args.what {
        Some(BackupWhat::List { dir, json }) => list(dir, *json),
        Some(BackupWhat::Prune { dir, keep }) => prune(dir, *keep),
        Some(BackupWhat::Verify { from }) => verify(from),
        None => take(args),
    }
}

fn take(args: &Backup) -> anyhow::Result<Exit> {
    let mut bar = Bar::new();
    let mut progress = |p: Progress<'_>| bar.draw(p.what, p.done, p.total);
    let source = Source { dir: &args.data, leave_out: LEAVE_OUT };
    // Whole milliseconds: people will type it.
    let now = SystemClock.now().align(Duration::from_millis(1));
    let taken = match (&args.dir, &args.tar) {
        (Some(dir), _) => backup::take(source, dir, now, &mut progress)?,
        (None, Some(tar)) if tar.as_os_str() == "-" => {
            if io::stdout().is_terminal() {
                eprintln!("a tar is nothing for a terminal: redirect standard output, or name a file");
                return Ok(Exit::Usage);
            }
            if args.json {
                eprintln!("--json and --tar - both want standard output");
                return Ok(Exit::Usage);
            }
            let staging = args.staging.clone().unwrap_or_else(std::env::temp_dir);
            let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
            backup::take_tar(source, &mut out, &staging, now, &mut progress)?
        }
        (None, Some(tar)) => {
            let beside = tar.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let staging = args.staging.as_deref().unwrap_or(beside);
            to_file(tar, |out| Ok(backup::take_tar(source, out, staging, now, &mut progress)?))?
        }
        (None, None) => return Ok(Exit::Usage),
    };
    drop(bar);
    say(&taken, args)?;
    if let (Some(dir), Some(keep)) = (&args.dir, args.keep) {
        return prune(dir, keep);
    }
    Ok(Exit::Ok)
}

/// Writes a file whole or not at all: what was there before stays until then.
fn to_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<Taken>) -> anyhow::Result<Taken> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let beside = PathBuf::from(name);
    let said = || format!("{} cannot be written", path.display());
    // What is left of one that was broken off may have another mode.
    let _ = fs::remove_file(&beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).with_context(said)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let done = write(&mut out).and_then(|taken| {
        out.flush().and_then(|()| out.get_ref().sync_all()).with_context(said)?;
        fs::rename(&beside, path).with_context(said)?;
        Ok(taken)
    });
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

fn say(taken: &Taken, args: &Backup) -> anyhow::Result<()> {
    let t = rfc3339(taken.t);
    let size = size(taken.bytes);
    let new = match args.tar {
        Some(_) => String::new(),
        None => format!(", {} of them new here", self::size(taken.new_bytes)),
    };
    eprintln!("backup of {t}: through commit {}, {} files, {size}{new}", taken.head, taken.files);
    for what in &taken.left_out {
        eprintln!("not in the backup: {what}");
    }
    if args.json {
        let whole = json!({
            "time": t, "head": taken.head, "files": taken.files, "bytes": taken.bytes, "new_bytes": taken.new_bytes,
            "left_out": taken.left_out,
        });
        writeln!(io::stdout().lock(), "{whole}")?;
    }
    Ok(())
}

fn list(dir: &Path, json: bool) -> anyhow::Result<Exit> {
    let all = backup::list(dir)?;
    let mut out = io::stdout().lock();
    if json {
        let lines: Vec<_> = all
            .iter()
            .map(|l| match &l.found {
                Ok(s) => json!({
                    "time": rfc3339(l.t), "store": s.store, "head": s.head, "files": s.files, "bytes": s.bytes,
                }),
                Err(why) => json!({ "time": rfc3339(l.t), "fault": why }),
            })
            .collect();
        writeln!(out, "{}", serde_json::Value::from(lines))?;
    } else {
        for l in &all {
            match &l.found {
                Ok(s) => writeln!(out, "{}  commit {}  {}", rfc3339(l.t), s.head, size(s.bytes))?,
                Err(why) => writeln!(out, "{}  DAMAGED: {why}", rfc3339(l.t))?,
            }
        }
    }
    Ok(if all.iter().all(|l| l.found.is_ok()) { Exit::Ok } else { Exit::Failure })
}

fn prune(dir: &Path, keep: NonZeroUsize) -> anyhow::Result<Exit> {
    let gone = backup::prune(dir, keep.get())?;
    let plural = if gone.backups == 1 { "" } else { "s" };
    eprintln!("{} backup{plural} deleted, {} freed", gone.backups, size(gone.bytes));
    Ok(Exit::Ok)
}

fn verify(from: &Path) -> anyhow::Result<Exit> {
    let mut bar = Bar::new();
    let checked = backup::check(from, &mut |p| bar.draw(p.what, p.done, p.total))?;
    drop(bar);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} backups, {} segments, {}: {}",
        checked.backups,
        checked.segments,
        size(checked.bytes),
        if checked.is_clean() { "all sound" } else { "DAMAGED" }
    )?;
    for fault in &checked.faults {
        writeln!(out, "  {fault}")?;
    }
    Ok(if checked.is_clean() { Exit::Ok } else { Exit::Failure })
}

/// As `--at` takes it.
pub(super) fn rfc3339(t: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(t.nanos().into()).map_or_else(|_| t.to_string(), |t| t.to_string())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
