//! `danxia export points` and `danxia export waveforms`: what the store holds, as files of other programs.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use files::points::PointWriter;
use files::waveforms;
use historian::{Archive, WaveformInfo};
use plant::{PointId, SeriesKey, Timestamp};

use super::Exit;
use super::bar::Bar;
use super::output::Output;
use crate::cli::{PointFormat, Points, Waveforms};

/// How many values are held in memory at once.
const PAGE: usize = 65_536;
/// How many waveforms are listed at once.
const LIST: usize = 1_000;
/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;
/// Steps of the bar for each series.
const STEPS: u64 = 1_000;

fn open(data: &Path) -> anyhow::Result<Archive> {
    let (archive, _) = historian::open_read_only(data)
        .with_context(|| format!("{} holds no store that can be read", data.display()))?;
    Ok(archive)
}

/// Writes every value as it was published, machine by machine and point by point, each in order of time.
pub fn points(args: &Points) -> anyhow::Result<Exit> {
    if args.output.is_none() && args.format == PointFormat::Parquet && io::stdout().is_terminal() {
        eprintln!("Parquet is nothing to be read on a terminal: give --output FILE, or another --format");
        return Ok(Exit::Usage);
    }
    let archive = open(&args.data)?;
    let keys = series(&archive, args);
    match &args.output {
        Some(path) => {
            let out = BufWriter::with_capacity(BUFFER, Output::create(path)?);
            let (out, values) = write_points(&archive, args, &keys, out, &mut Bar::new())?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
            eprintln!("{values} values of {} series in {}", keys.len(), path.display());
        }
        None => {
            let out = BufWriter::with_capacity(BUFFER, io::stdout());
            write_points(&archive, args, &keys, out, &mut Bar::silent())?.0.flush()?;
        }
    }
    Ok(Exit::Ok)
}

fn series(archive: &Archive, args: &Points) -> Vec<SeriesKey> {
    let mut all = match &args.machine {
        Some(m) => archive.series_of(m),
        None => archive.series(),
    };
    all.retain(|k| {
        (args.indicators || k.indicator.is_none()) && args.point.as_ref().is_none_or(|p| p == k.point.name())
    });
    all.sort();
    all
}

fn write_points<W: Write + Send>(
    archive: &Archive,
    args: &Points,
    keys: &[SeriesKey],
    out: W,
    bar: &mut Bar,
) -> anyhow::Result<(W, u64)> {
    let mut out = PointWriter::new(args.format.into(), args.indicators, out)?;
    let span = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    let (mut values, total) = (0, keys.len() as u64 * STEPS);
    for (i, key) in (0_u64..).zip(keys) {
        let through = |t: f64| bar.draw(key.point.as_str(), i * STEPS + (t * STEPS as f64) as u64, total);
        values += write_series(archive, key, span, &mut out, through)?;
    }
    Ok((out.finish()?, values))
}

/// Writes one series; `through` hears how far it is, from 0 to 1.
fn write_series<W: Write + Send>(
    archive: &Archive,
    key: &SeriesKey,
    (mut from, to): (Timestamp, Timestamp),
    out: &mut PointWriter<W>,
    mut through: impl FnMut(f64),
) -> anyhow::Result<u64> {
    out.series(key)?;
    let (mut written, mut first) = (0, None);
    let end = archive.last(key).map_or(to, |last| last.t.min(to));
    loop {
        let page = archive.range(key, from, to, PAGE)?;
        for s in &page {
            out.value(s.t, &s.value, s.quality)?;
        }
        written += page.len() as u64;
        let (Some(a), Some(z)) = (page.first(), page.last()) else { return Ok(written) };
        if page.len() < PAGE || z.t == Timestamp::MAX {
            return Ok(written);
        }
        let first = *first.get_or_insert(a.t);
        through(z.t.since(first).as_secs_f64() / end.since(first).as_secs_f64().max(f64::MIN_POSITIVE));
        from = Timestamp::from_nanos(z.t.nanos() + 1);
    }
}

/// Writes the waveforms of a point into a directory, each with its sidecar.
pub fn waveforms(args: &Waveforms) -> anyhow::Result<Exit> {
    let archive = open(&args.data)?;
    let (from, to) = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    std::fs::create_dir_all(&args.output).with_context(|| format!("{} cannot be made", args.output.display()))?;
    let mut total = 0;
    each_waveform(&archive, &args.point, (from, to), |_| {
        total += 1;
        Ok(())
    })?;
    let (mut bar, mut written, mut gone) = (Bar::new(), 0, 0);
    each_waveform(&archive, &args.point, (from, to), |info| {
        match write_waveform(&archive, info, args)? {
            true => written += 1,
            false => gone += 1,
        }
        bar.draw(args.point.as_str(), written + gone, total);
        Ok(())
    })?;
    drop(bar);
    eprintln!("{written} waveforms of {} in {}", args.point, args.output.display());
    if gone > 0 {
        eprintln!("{gone} more were thinned out meanwhile (docs/waveforms.md)");
    }
    if written == 0 && archive.series_of(&args.point.machine()).is_empty() {
        eprintln!("nothing of {} is in the store: look at the name", args.point.machine());
        return Ok(Exit::Failure);
    }
    Ok(Exit::Ok)
}

/// Shows every waveform of a point, the newest first, a page of them in memory.
fn each_waveform(
    archive: &Archive,
    point: &PointId,
    (from, mut to): (Timestamp, Timestamp),
    mut show: impl FnMut(&WaveformInfo) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut limit = LIST;
    loop {
        let page = archive.waveforms(point, from, to, limit)?;
        let full = page.len() == limit;
        // Of a full page, those of its last instant may go on behind it: they come with the next one.
        let last = page.last().map_or(from, |w| w.t0);
        let whole = if full { page.iter().filter(|w| w.t0 > last).count() } else { page.len() };
        page[..whole].iter().try_for_each(&mut show)?;
        match (full, whole) {
            (false, _) => return Ok(()),
            (true, 0) => limit *= 2,
            (true, _) => to = Timestamp::from_nanos(last.nanos() + 1),
        }
    }
}

/// Writes one waveform; false where it is no longer there.
fn write_waveform(archive: &Archive, info: &WaveformInfo, args: &Waveforms) -> anyhow::Result<bool> {
    let Some(w) = archive.waveform(info.id)? else { return Ok(false) };
    let format = waveforms::Format::from(args.format);
    let name = format!("{}.{}", waveforms::file_name(&w), format.extension());
    // The description first: a recording that is there has one.
    let mut beside = Output::create(&args.output.join(format!("{name}.json")))?;
    beside.write_all(&waveforms::sidecar(&w, format == waveforms::Format::Wav))?;
    beside.finish()?;
    let mut out = BufWriter::with_capacity(BUFFER, Output::create(&args.output.join(name))?);
    waveforms::write(&w, format, &mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    Ok(true)
}
