//! Minutes and hours: what they amount to, beside the chunks, so that a year on a screen is as quick as a day.
//!
//! A chunk that is written marks the days that it touches as stale, from the first minute that it touches on, in the same
//! transaction. Between commits what is stale is computed afresh from the chunks ([`build`]), as a reader would compute it;
//! until then readers open the chunks. So a value that is late, that comes twice or that takes the place of another needs
//! no thought, and what stands always equals what the chunks say.
//!
//! Where raw values were removed ([`crate::keep`]), before `series.raw_from`, minutes and hours are all there is: there
//! they hold what was removed, and chunks only what came since, so that the two add up.

pub(crate) mod build;
pub(crate) mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use crate::codec::chunk::{self, Summary};
use crate::codec::rollup::{self as codec, Slot};
use crate::db::{File, has_table};
use crate::{ReadError, Seq};

/// Nanoseconds.
pub(crate) const MINUTE: i64 = 60_000_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
/// A day is made into minutes and hours so long after it has ended: by then its last points are in chunks.
const SETTLE: i64 = 2 * HOUR;
/// A day of the past is made so long after a chunk of it was written: an import writes many.
const GATHER: i64 = 10 * MINUTE;

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Minute,
    Hour,
}

impl Width {
    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
        }
    }

    /// As it is stored: seconds.
    pub const fn code(self) -> i64 {
        self.nanos() / 1_000_000_000
    }

    /// How many there are in one row.
    pub const fn slots(self) -> u32 {
        match self {
            Self::Minute => 1_440,
            Self::Hour => 32 * 24,
        }
    }

    /// In which row the stretch that holds `t` is, and at which place.
    pub const fn locate(self, t: i64) -> (i64, u32) {
        let n = t.div_euclid(self.nanos());
        let slots = self.slots() as i64;
        (n.div_euclid(slots), n.rem_euclid(slots) as u32)
    }

    /// Where the stretch at this place begins; of the very first one, which began before there was time, its first instant.
    pub const fn start(self, row: i64, slot: u32) -> i64 {
        (row * self.slots() as i64 + slot as i64).saturating_mul(self.nanos())
    }
}

/// Where the stretch of `width` that holds `t` begins.
pub(crate) const fn floor(t: i64, width: i64) -> i64 {
    t.div_euclid(width).saturating_mul(width)
}

/// Where the first stretch of `width` begins that does not begin before `t`.
pub(crate) const fn ceil(t: i64, width: i64) -> i64 {
    let n = t.div_euclid(width);
    let n = if t.rem_euclid(width) == 0 { n } else { n + 1 };
    n.saturating_mul(width)
}

/// The first instant of a day and that of the next.
pub(crate) const fn day_range(day: i64) -> Range<i64> {
    day.saturating_mul(DAY)..(day + 1).saturating_mul(DAY)
}

/// Marks the days of `times`, which rise and stand in a chunk written at `t`, as stale.
pub(crate) fn mark(tx: &Connection, series: u32, times: &[i64], t: i64) -> rusqlite::Result<()> {
    let mut rest = times;
    while let Some(first) = rest.first() {
        let day = first.div_euclid(DAY);
        let end = day_range(day).end;
        let due = if end <= t { t.saturating_add(GATHER) } else { end.saturating_add(SETTLE) };
        put_stale(tx, series, day, floor(*first, MINUTE), due)?;
        rest = &rest[rest.partition_point(|t| t.div_euclid(DAY) == day)..];
    }
    Ok(())
}

fn put_stale(tx: &Connection, series: u32, day: i64, since: i64, due: i64) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached(
        "INSERT INTO stale VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (series, day) DO UPDATE SET since = ?3 WHERE ?3 < since",
    )?;
    put.execute(params![series, day, since, due]).map(drop)
}

/// Marks everything in the chunks of a store that knew no minutes.
pub(crate) fn fill_in(conn: &Connection) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let mut all = conn.prepare("SELECT series, t0, t1, seq, block FROM chunk").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    let mut last = (u32::MAX, i64::MIN);
    while let Some(r) = rows.next().map_err(&said)? {
        let row = || Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?));
        let (series, t0, t1) = row().map_err(&said)?;
        // Chunks come in order of time: most begin on the day on which the one before ended.
        let (first, end) = (t0.div_euclid(DAY), t1.div_euclid(DAY));
        if end - first > FAR {
            let place = chunk::place(series, t0, r.get::<_, i64>(3).map_err(&said)? as Seq);
            mark_far(conn, series, r.get(4).map_err(&said)?, &place)?;
            continue;
        }
        for day in (first..=end).filter(|day| (series, *day) != last) {
            put_stale(conn, series, day, day_range(day).start, 0).map_err(&said)?;
        }
        last = (series, end);
    }
    Ok(())
}

/// A chunk over more days than this is of a clock that jumped.
const FAR: i64 = 4_096;

/// Marks the days that such a chunk does touch. One that cannot be read is for [`crate::verify`] to tell of.
fn mark_far(conn: &Connection, series: u32, block: i64, place: &[i64]) -> Result<(), ReadError> {
    let body: Option<Vec<u8>> = conn
        .query_row("SELECT body FROM block WHERE id = ?", [block], |r| r.get(0))
        .optional()
        .map_err(File::Ts.said())?;
    let points = body.and_then(|b| chunk::decode(&b, place).ok()).unwrap_or_default();
    for of_day in points.times.chunk_by(|a, b| a.div_euclid(DAY) == b.div_euclid(DAY)) {
        let day = of_day[0].div_euclid(DAY);
        put_stale(conn, series, day, day_range(day).start, 0).map_err(File::Ts.said())?;
    }
    Ok(())
}

/// What stands of one series.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Before this, chunks hold only what came after the others were removed.
    pub raw_from: i64,
    /// As of the last chunk.
    pub sealed: Seq,
    /// The longest time that one chunk spans.
    pub span: u64,
}

/// Whether there are any: a file of before there were, which is only read, has no table of them.
pub(crate) fn exists(conn: &Connection) -> rusqlite::Result<bool> {
    has_table(conn, "rollup")
}

/// `None` where there is no such series, or no rollups.
pub(crate) fn standing(conn: &Connection, series: u32) -> rusqlite::Result<Option<Standing>> {
    if !exists(conn)? {
        return Ok(None);
    }
    let mut query = conn.prepare_cached("SELECT raw_from, sealed, span FROM series WHERE id = ?")?;
    let row = |r: &rusqlite::Row<'_>| {
        Ok(Standing { raw_from: r.get(0)?, sealed: r.get::<_, i64>(1)? as Seq, span: r.get::<_, i64>(2)? as u64 })
    };
    query.query_row([series], row).optional()
}

/// The days of which there are minutes, among those that `range` touches.
pub(crate) fn days(conn: &Connection, series: u32, range: &Range<i64>) -> rusqlite::Result<BTreeSet<i64>> {
    let mut query =
        conn.prepare_cached("SELECT t FROM rollup WHERE series = ? AND width = 60 AND t BETWEEN ? AND ?")?;
    query.query_map(params![series, range.start.div_euclid(DAY), range.end.div_euclid(DAY)], |r| r.get(0))?.collect()
}

/// From when on the minutes of a day do not say what the chunks say, by day, among those that `range` touches.
pub(crate) fn stale(conn: &Connection, series: u32, range: &Range<i64>) -> rusqlite::Result<BTreeMap<i64, i64>> {
    let mut query = conn.prepare_cached("SELECT day, since FROM stale WHERE series = ? AND day BETWEEN ? AND ?")?;
    let bounds = params![series, range.start.div_euclid(DAY), range.end.div_euclid(DAY)];
    query.query_map(bounds, |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
}

/// Shows `f` what stands of the stretches that begin in `range`, in order.
pub(crate) fn each(
    conn: &Connection,
    series: u32,
    width: Width,
    range: &Range<i64>,
    mut f: impl FnMut(i64, &Summary),
) -> Result<(), ReadError> {
    if range.is_empty() {
        return Ok(());
    }
    let said = File::Ts.said();
    let sql = "SELECT t, rollup_body.body FROM rollup JOIN rollup_body ON rollup_body.id = rollup.body
               WHERE series = ? AND width = ? AND t BETWEEN ? AND ? ORDER BY t";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let (first, last) = (width.locate(range.start).0, width.locate(range.end).0);
    let mut rows = query.query(params![series, width.code(), first, last]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        let t: i64 = r.get(0).map_err(&said)?;
        let body = r.get_ref(1).map_err(&said)?.as_blob().map_err(|e| said(e.into()))?;
        for (slot, summary) in open(series, width, t, body)? {
            let start = width.start(t, slot);
            if range.contains(&start) {
                f(start, &summary);
            }
        }
    }
    Ok(())
}

/// Decodes the row at `t`.
pub(crate) fn open(series: u32, width: Width, t: i64, body: &[u8]) -> Result<Vec<Slot>, ReadError> {
    let what = || match width {
        Width::Minute => format!("the minutes of series {series} on day {t}"),
        Width::Hour => format!("the hours of series {series} from day {} on", t * 32),
    };
    let slots = codec::decode(body, &codec::place(series, width.code(), t), width.slots(), |slot| width.start(t, slot));
    slots.map_err(|d| ReadError::damaged(what())(d))
}

/// The row at `t`, if there is one.
pub(crate) fn load(conn: &Connection, series: u32, width: Width, t: i64) -> Result<Option<Vec<Slot>>, ReadError> {
    let said = File::Ts.said();
    let sql = "SELECT rollup_body.body FROM rollup JOIN rollup_body ON rollup_body.id = rollup.body
               WHERE series = ? AND width = ? AND t = ?";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let body: Option<Vec<u8>> =
        query.query_row(params![series, width.code(), t], |r| r.get(0)).optional().map_err(&said)?;
    body.map(|b| open(series, width, t, &b)).transpose()
}

/// Writes the row at `t`, made of what was committed up to `seq`. Gives its bytes.
pub(crate) fn put(
    tx: &Connection,
    series: u32,
    width: Width,
    t: i64,
    seq: Seq,
    slots: &[Slot],
) -> Result<usize, ReadError> {
    let said = File::Ts.said();
    let body = codec::encode(slots, &codec::place(series, width.code(), t), |slot| width.start(t, slot));
    let body = body.map_err(ReadError::damaged("what minutes amount to"))?;
    let write = || {
        let mut find = tx.prepare_cached("SELECT body FROM rollup WHERE series = ? AND width = ? AND t = ?")?;
        let there: Option<i64> = find.query_row(params![series, width.code(), t], |r| r.get(0)).optional()?;
        if let Some(id) = there {
            tx.prepare_cached("UPDATE rollup_body SET body = ? WHERE id = ?")?.execute(params![body, id])?;
            let mut update =
                tx.prepare_cached("UPDATE rollup SET seq = max(seq, ?) WHERE series = ? AND width = ? AND t = ?")?;
            return update.execute(params![seq as i64, series, width.code(), t]);
        }
        tx.prepare_cached("INSERT INTO rollup_body (body) VALUES (?)")?.execute([&body])?;
        let id = tx.last_insert_rowid();
        let mut insert = tx.prepare_cached("INSERT INTO rollup VALUES (?, ?, ?, ?, ?)")?;
        insert.execute(params![series, width.code(), t, seq as i64, id])
    };
    write().map_err(said)?;
    Ok(body.len())
}
