//! What is old enough to go, and the removal of what nothing else hangs on: minutes, hours, events, diagnoses.

use std::time::Duration;

use plant::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::db::{File, has_table};
use crate::rollup::{DAY, HOUR, Width, floor, load};
use crate::{ReadError, Removed, Retention, Seq};

/// Seconds.
const STRETCH: i64 = 3_600;

/// What is older than this may go, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// By the value's own time, nanoseconds.
    pub t: i64,
    /// Committed up to here.
    pub seq: Seq,
    /// Chunks that are not full yet and hold something of before this are finished as they are, lest they never come of age.
    pub finish: i64,
    /// Filed up to here.
    event: i64,
    diagnosis: i64,
}

/// Within this part of its age a chunk is finished.
const SPAN: u32 = 8;
/// What is kept for longer than this goes by whole days, so that few chunks are cut; else by whole hours.
const DAYS: Duration = Duration::from_secs(2 * 86_400);

/// What may go at `now` of what is kept for `age`.
pub(crate) fn limit(conn: &Connection, now: Timestamp, age: Duration) -> rusqlite::Result<Limit> {
    let t = (now - age).nanos();
    let stretch = t.div_euclid(STRETCH * 1_000_000_000) * STRETCH;
    let mut query =
        conn.prepare_cached("SELECT seq, event, diagnosis FROM reached WHERE t < ? ORDER BY t DESC LIMIT 1")?;
    let row = query.query_row([stretch], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?, r.get(2)?))).optional()?;
    let (seq, event, diagnosis) = row.unwrap_or_default();
    Ok(Limit { t, seq: seq as Seq, finish: (now - age / SPAN).nanos(), event, diagnosis })
}

/// Takes down how far commits, events and diagnoses have come at `t`; `seq` is the commit before.
pub(crate) fn reach(tx: &Connection, t: Timestamp, seq: Seq) -> rusqlite::Result<()> {
    let stretch = t.nanos().div_euclid(STRETCH * 1_000_000_000) * STRETCH;
    let mut put = tx.prepare_cached(
        "INSERT OR REPLACE INTO reached VALUES (?, ?, (SELECT coalesce(max(id), 0) FROM event),
         (SELECT coalesce(max(id), 0) FROM diagnosis))",
    )?;
    put.execute(params![stretch, seq as i64]).map(drop)
}

/// Removes minutes and hours of one series whose time is over: some of them. Raw values before `raw_from` are gone.
pub(crate) fn drop_rollups(
    tx: &Connection,
    series: u32,
    raw_from: i64,
    minutes: Option<Limit>,
    hours: Option<Limit>,
) -> Result<Removed, ReadError> {
    let mut removed = Removed::default();
    if let Some(limit) = minutes {
        removed.minutes = drop_rows(tx, series, Width::Minute, limit.t.min(raw_from).div_euclid(DAY), limit.seq)?;
    }
    if let Some(limit) = hours {
        let rows = limit.t.min(raw_from).div_euclid(DAY).div_euclid(i64::from(Width::Hour.slots() / 24));
        removed.hours = drop_rows(tx, series, Width::Hour, rows, limit.seq)?;
    }
    Ok(removed)
}

/// Rows before the row `before`, made of what was committed up to `seq`; of hours only those that have no minutes. Gives
/// how many stretches they held.
fn drop_rows(tx: &Connection, series: u32, width: Width, before: i64, seq: Seq) -> Result<u64, ReadError> {
    /// A year of days.
    const ROWS: usize = 366;
    let said = File::Ts.said();
    let find = "SELECT t, body FROM rollup WHERE series = ?1 AND width = ?2 AND t < ?3 AND seq <= ?4 AND (?2 = 60
                OR NOT EXISTS (SELECT 1 FROM rollup m WHERE m.series = ?1 AND m.width = 60
                               AND m.t BETWEEN rollup.t * 32 AND rollup.t * 32 + 31)) LIMIT ?5";
    let mut find = tx.prepare_cached(find).map_err(&said)?;
    let bounds = params![series, width.code(), before, seq as i64, ROWS as i64];
    let rows: Vec<(i64, i64)> =
        find.query_map(bounds, |r| Ok((r.get(0)?, r.get(1)?))).and_then(Iterator::collect).map_err(&said)?;
    let mut stretches = 0;
    for (t, body) in rows {
        // What cannot be read goes as well.
        stretches += load(tx, series, width, t).ok().flatten().map_or(0, |slots| slots.len() as u64);
        let delete = || {
            tx.prepare_cached("DELETE FROM rollup_body WHERE id = ?")?.execute([body])?;
            let mut row = tx.prepare_cached("DELETE FROM rollup WHERE series = ? AND width = ? AND t = ?")?;
            row.execute(params![series, width.code(), t])
        };
        delete().map_err(&said)?;
    }
    Ok(stretches)
}

/// Removes events and diagnoses whose time is over, at most `most` of each. The last one of a table stays, so that its
/// number is not given again.
pub(crate) fn drop_records(
    tx: &Connection,
    events: Option<Limit>,
    diagnoses: Option<Limit>,
    most: usize,
) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    let delete = |table: &str, t: i64, id: i64| {
        let sql = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id <= ?1 AND t < ?2
             AND id < (SELECT max(id) FROM {table}) ORDER BY id LIMIT ?3)"
        );
        tx.prepare_cached(&sql)?.execute(params![id, t, most as i64]).map(|n| n as u64)
    };
    if let Some(l) = events {
        removed.events = delete("event", l.t, l.event)?;
    }
    if let Some(l) = diagnoses {
        removed.diagnoses = delete("diagnosis", l.t, l.diagnosis)?;
        // They say of themselves when they were made: none comes late. The newest of a machine is what is known of it.
        let sql = "DELETE FROM assessment WHERE id IN (SELECT id FROM assessment AS a WHERE t < ?1
             AND t < (SELECT max(t) FROM assessment WHERE machine = a.machine) ORDER BY t LIMIT ?2)";
        removed.diagnoses += tx.prepare_cached(sql)?.execute(params![l.t, most as i64])? as u64;
    }
    Ok(removed)
}

/// What was removed since the beginning, as it is stored.
pub(crate) fn load_removed(conn: &Connection) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    if !has_table(conn, "removed")? {
        return Ok(removed);
    }
    let mut all = conn.prepare("SELECT what, count FROM removed")?;
    let mut rows = all.query([])?;
    while let Some(r) = rows.next()? {
        let (what, count) = (r.get::<_, String>(0)?, r.get::<_, i64>(1)? as u64);
        if let Some((_, n)) = removed.counts().into_iter().find(|(name, _)| *name == what) {
            *n = count;
        }
    }
    Ok(removed)
}

/// Adds to what was removed.
pub(crate) fn add_removed(tx: &Connection, mut more: Removed) -> rusqlite::Result<()> {
    for (what, n) in more.counts() {
        if *n > 0 {
            let mut add = tx.prepare_cached(
                "INSERT INTO removed VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET count = count + ?2",
            )?;
            add.execute(params![what, *n as i64])?;
        }
    }
    Ok(())
}

impl Removed {
    fn counts(&mut self) -> [(&'static str, &mut u64); 6] {
        [
            ("points", &mut self.points),
            ("bytes", &mut self.bytes),
            ("minutes", &mut self.minutes),
            ("hours", &mut self.hours),
            ("events", &mut self.events),
            ("diagnoses", &mut self.diagnoses),
        ]
    }

    pub(crate) fn add(&mut self, mut more: Self) {
        for ((_, sum), (_, n)) in self.counts().into_iter().zip(more.counts()) {
            *sum += *n;
        }
    }
}

/// What may go of each class, for one pass over the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub raw: Option<Limit>,
    pub minutes: Option<Limit>,
    pub hours: Option<Limit>,
    pub events: Option<Limit>,
    pub diagnoses: Option<Limit>,
}

impl Limits {
    /// `followed`: raw values go only up to here.
    pub fn of(conn: &Connection, now: Timestamp, keep: &Retention, followed: Seq) -> rusqlite::Result<Self> {
        let of = |age: Option<Duration>| age.map(|age| limit(conn, now, age)).transpose();
        let step = if keep.raw.is_some_and(|age| age > DAYS) { DAY } else { HOUR };
        let raw = of(keep.raw)?.map(|l| Limit { t: floor(l.t, step), seq: l.seq.min(followed), ..l });
        Ok(Self {
            raw,
            minutes: of(keep.minutes())?,
            hours: of(keep.hours())?,
            events: of(keep.events)?,
            diagnoses: of(keep.diagnoses)?,
        })
    }
}

impl Limit {
    /// For want of room: everything before `t` that is committed up to `seq`.
    pub fn room(t: i64, seq: Seq) -> Self {
        Self { t, seq, finish: t, event: 0, diagnosis: 0 }
    }
}
