//! Makes minutes and hours from chunks: between commits, a little at a time.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use super::{DAY, HOUR, MINUTE, Width, day_range, load, put, standing};
use crate::buckets::Sum;
use crate::codec::chunk::Summary;
use crate::codec::rollup::Slot;
use crate::db::File;
use crate::read::Raw;
use crate::{ReadError, Seq};

/// One day of one series that is stale from `since` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub series: u32,
    pub day: i64,
    pub since: i64,
}

/// The day that has been due longest at `t`.
pub(crate) fn next(conn: &Connection, t: i64) -> rusqlite::Result<Option<Mark>> {
    let mut query =
        conn.prepare_cached("SELECT series, day, since FROM stale WHERE due <= ? ORDER BY due, series, day LIMIT 1")?;
    query.query_row([t], |r| Ok(Mark { series: r.get(0)?, day: r.get(1)?, since: r.get(2)? })).optional()
}

/// Puts off a day that cannot be made now.
pub(crate) fn postpone(conn: &Connection, mark: Mark, t: i64) -> rusqlite::Result<()> {
    let mut put = conn.prepare_cached("UPDATE stale SET due = ? WHERE series = ? AND day = ?")?;
    put.execute(params![t.saturating_add(DAY), mark.series, mark.day]).map(drop)
}

/// Makes minutes and hours of what is stale of a day, from chunks of about `budget`; the rest stays stale. To be called
/// within a transaction; `seq` is the last commit. Gives how many chunks were opened, about, and the bytes written.
pub(crate) fn build(tx: &Connection, mark: Mark, seq: Seq, budget: usize) -> Result<(usize, usize), ReadError> {
    let said = File::Ts.said();
    let Mark { series, day, since } = mark;
    let Some(standing) = standing(tx, series).map_err(&said)? else { return Ok((0, 0)) };
    let Range { start, end } = day_range(day);
    let from = since.max(start).max(standing.raw_from);
    let raw = Raw::of_chunks(tx, series, standing.span);
    let chunks = if from < end { raw.count(&(from..end))? } else { 0 };
    if chunks == 0 {
        forget(tx, mark).map_err(&said)?;
        if from >= end || load(tx, series, Width::Minute, day)?.is_none() {
            return Ok((0, 0));
        }
    }
    let hours = if chunks <= budget { 24 } else { (24 * budget / chunks).max(1) };
    let until = end.min(from.saturating_add(hours as i64 * HOUR));
    let mut sum = Sum::exact(MINUTE);
    let _ = raw.walk(&(from..until), &mut sum)?;
    let bytes = merge(tx, mark, seq, from..until, &sum.stretches())?;
    if until < end {
        let mut rest = tx.prepare_cached("UPDATE stale SET since = ? WHERE series = ? AND day = ?").map_err(&said)?;
        rest.execute(params![until, series, day]).map_err(&said)?;
    } else {
        forget(tx, mark).map_err(&said)?;
    }
    Ok((chunks.min(budget.max(1)), bytes))
}

fn forget(tx: &Connection, mark: Mark) -> rusqlite::Result<()> {
    let mut done = tx.prepare_cached("DELETE FROM stale WHERE series = ? AND day = ?")?;
    done.execute(params![mark.series, mark.day]).map(drop)
}

/// Minutes of a day before `range` stay, from there on they are `made`; its hours follow from its minutes. Gives the
/// bytes written.
fn merge(
    tx: &Connection,
    mark: Mark,
    seq: Seq,
    range: Range<i64>,
    made: &[(i64, Summary)],
) -> Result<usize, ReadError> {
    let Mark { series, day, .. } = mark;
    let mut minutes = load(tx, series, Width::Minute, day)?.unwrap_or_default();
    minutes.retain(|(slot, _)| Width::Minute.start(day, *slot) < range.start);
    minutes.extend(made.iter().map(|(t, s)| (Width::Minute.locate(*t).1, *s)));
    let written = put(tx, series, Width::Minute, day, seq, &minutes)?;
    let (row, first) = (day.div_euclid(32), day.rem_euclid(32) as u32 * 24);
    let mut hours: BTreeMap<u32, Summary> =
        load(tx, series, Width::Hour, row)?.unwrap_or_default().into_iter().collect();
    hours.retain(|slot, _| !(first..first + 24).contains(slot));
    hours.extend(hours_of(&minutes).map(|(hour, s)| (first + hour, s)));
    let hours: Vec<Slot> = hours.into_iter().collect();
    Ok(written + put(tx, series, Width::Hour, row, seq, &hours)?)
}

/// The hours of a day, from its minutes.
pub(crate) fn hours_of(minutes: &[Slot]) -> impl Iterator<Item = Slot> {
    minutes.chunk_by(|a, b| a.0 / 60 == b.0 / 60).map(|of_hour| {
        let mut sum = Summary::default();
        of_hour.iter().for_each(|(_, s)| sum.merge(s));
        (of_hour[0].0 / 60, sum)
    })
}
