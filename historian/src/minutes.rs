//! The ledger by stretches of time: what each minute added, later each hour; bounded in time and in lines.
//!
//! Minutes are those of the commits, not of the receipt: so they follow from the log alone. What came since the last
//! upkeep is in memory and in the log; an upkeep writes it, and says up to which commit it has come, in one transaction.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Duration;

use plant::Timestamp;
use rusqlite::{Connection, params};

use crate::db::{File, has_table};
use crate::ts::each_row;
use crate::{Config, LedgerDelta, LedgerLine, LedgerSpan, ReadError, Seq};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// Sources of one minute beyond this many are counted together.
const SOURCES: usize = 1_000;
/// The source under which they are counted.
const OTHERS: &str = "(others)";

/// How long it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    minutes: i64,
    hours: i64,
    lines: u64,
}

impl Keep {
    pub fn of(config: &Config) -> Self {
        let secs = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX / 2);
        Self { minutes: secs(config.ledger_minutes), hours: secs(config.ledger_hours), lines: config.ledger_lines }
    }
}

/// What came since the last upkeep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minutes {
    /// The commits after this one.
    pub after: Seq,
    lines: BTreeMap<i64, BTreeMap<Arc<str>, LedgerDelta>>,
    spans: BTreeMap<i64, (Seq, Seq)>,
}

impl Minutes {
    pub fn new(after: Seq) -> Self {
        Self { after, ..Self::default() }
    }

    /// Takes in what commit `seq` at `t` adds.
    pub fn add(&mut self, seq: Seq, t: Timestamp, ledger: &[LedgerDelta]) {
        let minute = t.nanos().div_euclid(1_000_000_000 * MINUTE) * MINUTE;
        let span = self.spans.entry(minute).or_insert((seq, seq));
        span.1 = seq;
        if ledger.is_empty() {
            return;
        }
        let lines = self.lines.entry(minute).or_default();
        for delta in ledger {
            let known = lines.contains_key(&delta.source) || lines.len() < SOURCES;
            let source: Arc<str> = if known { delta.source.clone() } else { OTHERS.into() };
            let sum = lines.entry(source.clone()).or_insert_with(|| LedgerDelta { source, ..LedgerDelta::default() });
            sum.add(delta);
        }
    }

    /// Writes everything, within an upkeep.
    pub fn write(&self, tx: &Connection) -> rusqlite::Result<()> {
        for (t, lines) in &self.lines {
            for l in lines.values() {
                let mut put = tx.prepare_cached(
                    "INSERT INTO ledger_line VALUES (?1, ?2, 60, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                     ON CONFLICT (t, source) DO UPDATE SET received = received + ?3, committed = committed + ?4,
                     duplicates = duplicates + ?5, quarantined = quarantined + ?6, refused = refused + ?7,
                     released = released + ?8, gaps = gaps + ?9",
                )?;
                let n = |v: u64| v as i64;
                put.execute(params![
                    t,
                    &*l.source,
                    n(l.received),
                    n(l.committed),
                    n(l.duplicates),
                    n(l.quarantined),
                    n(l.refused),
                    n(l.released),
                    n(l.gaps)
                ])?;
            }
        }
        for (t, (first, last)) in &self.spans {
            let mut put = tx.prepare_cached(
                "INSERT INTO ledger_span VALUES (?1, 60, ?2, ?3) ON CONFLICT (t) DO UPDATE SET last = ?3",
            )?;
            put.execute(params![t, *first as i64, *last as i64])?;
        }
        Ok(())
    }
}

/// Puts the oldest minutes together into hours and drops the oldest hours; a little with every upkeep.
pub(crate) fn fold(tx: &Connection, now: Timestamp, keep: Keep) -> rusqlite::Result<()> {
    let now = now.nanos().div_euclid(1_000_000_000);
    let oldest = |table: &str, width: i64| {
        let sql = format!("SELECT min(t) FROM {table} WHERE width = {width}");
        tx.query_row(&sql, [], |r| r.get::<_, Option<i64>>(0))
    };
    let crowded = tx.query_row("SELECT count(*) FROM ledger_line", [], |r| r.get::<_, i64>(0))? as u64 > keep.lines;
    // Two hours an upkeep: faster than minutes come, and never long.
    for _ in 0..2 {
        let minute = oldest("ledger_span", MINUTE)?;
        // The hour that is going on stays in minutes even when there are too many lines.
        let due = |t: i64| t.div_euclid(HOUR) * HOUR + HOUR <= if crowded { now - HOUR } else { now - keep.minutes };
        match minute.filter(|t| due(*t)) {
            Some(t) => put_together(tx, t.div_euclid(HOUR) * HOUR)?,
            None if crowded => drop_before(tx, oldest("ledger_span", HOUR)?.map_or(0, |t| t + HOUR))?,
            None => break,
        }
    }
    drop_before(tx, now - keep.hours)
}

fn put_together(tx: &Connection, hour: i64) -> rusqlite::Result<()> {
    let range = params![hour, hour + HOUR];
    let mut sums = tx.prepare_cached(
        "SELECT source, sum(received), sum(committed), sum(duplicates), sum(quarantined), sum(refused), sum(released),
         sum(gaps) FROM ledger_line WHERE t >= ? AND t < ? GROUP BY source",
    )?;
    let row = |r: &rusqlite::Row<'_>| {
        let numbers: [i64; 7] = [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?];
        Ok((r.get::<_, String>(0)?, numbers))
    };
    let sums: Vec<_> = sums.query_map(range, row)?.collect::<Result<_, _>>()?;
    tx.prepare_cached("DELETE FROM ledger_line WHERE t >= ? AND t < ?")?.execute(range)?;
    for (source, [received, committed, duplicates, quarantined, refused, released, gaps]) in sums {
        let mut put = tx.prepare_cached("INSERT INTO ledger_line VALUES (?, ?, 3600, ?, ?, ?, ?, ?, ?, ?)")?;
        put.execute(params![hour, source, received, committed, duplicates, quarantined, refused, released, gaps])?;
    }
    let mut span = tx.prepare_cached("SELECT min(first), max(last) FROM ledger_span WHERE t >= ? AND t < ?")?;
    let (first, last): (i64, i64) = span.query_row(range, |r| Ok((r.get(0)?, r.get(1)?)))?;
    tx.prepare_cached("DELETE FROM ledger_span WHERE t >= ? AND t < ?")?.execute(range)?;
    tx.prepare_cached("INSERT INTO ledger_span VALUES (?, 3600, ?, ?)")?.execute(params![hour, first, last]).map(drop)
}

fn drop_before(tx: &Connection, t: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM ledger_line WHERE t < ?")?.execute([t])?;
    tx.prepare_cached("DELETE FROM ledger_span WHERE t < ?")?.execute([t]).map(drop)
}

/// Lines and spans of the stretches that begin in `range`, both in order of time. `recent` is what is in memory; where
/// the tables have moved on since it was looked at, the log says what came after them.
pub(crate) fn read(
    conn: &Connection,
    mut recent: Minutes,
    range: Range<Timestamp>,
) -> Result<(Vec<LedgerLine>, Vec<LedgerSpan>), ReadError> {
    let said = File::Ts.said();
    // The first stretch that begins in the range, and the first that does not.
    let second = |t: Timestamp| t.nanos().div_euclid(1_000_000_000) + i64::from(t.nanos() % 1_000_000_000 != 0);
    let (from, to) = (second(range.start), second(range.end));
    let mut lines: BTreeMap<(i64, Arc<str>), LedgerLine> = BTreeMap::new();
    let mut spans: BTreeMap<i64, LedgerSpan> = BTreeMap::new();
    if has_table(conn, "ledger_line").map_err(&said)? {
        let through = "SELECT value FROM meta WHERE key = 'ledger_through'";
        let through: i64 = conn.query_row(through, [], |r| r.get(0)).map_err(&said)?;
        if recent.after != through as Seq {
            recent = Minutes::new(through as Seq);
            each_row(conn, recent.after + 1, |seq, t, row| {
                recent.add(seq, t, &row.ledger);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        stored_lines(conn, from, to, &mut lines).map_err(&said)?;
        stored_spans(conn, from, to, &mut spans).map_err(&said)?;
    }
    if from < to {
        for (t, of_minute) in recent.lines.range(from..to) {
            for delta in of_minute.values() {
                let fresh = || line(*t, MINUTE, LedgerDelta { source: delta.source.clone(), ..LedgerDelta::default() });
                lines.entry((*t, delta.source.clone())).or_insert_with(fresh).counts.add(delta);
            }
        }
        for (t, (first, last)) in recent.spans.range(from..to) {
            spans.entry(*t).or_insert_with(|| span(*t, MINUTE, *first, *last)).last = *last;
        }
    }
    Ok((lines.into_values().collect(), spans.into_values().collect()))
}

fn line(t: i64, width: i64, counts: LedgerDelta) -> LedgerLine {
    LedgerLine { t: Timestamp::from_secs(t), width: Duration::from_secs(width as u64), counts }
}

fn span(t: i64, width: i64, first: Seq, last: Seq) -> LedgerSpan {
    LedgerSpan { t: Timestamp::from_secs(t), width: Duration::from_secs(width as u64), first, last }
}

fn stored_lines(
    conn: &Connection,
    from: i64,
    to: i64,
    lines: &mut BTreeMap<(i64, Arc<str>), LedgerLine>,
) -> rusqlite::Result<()> {
    let mut query = conn.prepare_cached(
        "SELECT t, source, width, received, committed, duplicates, quarantined, refused, released, gaps
         FROM ledger_line WHERE t >= ? AND t < ?",
    )?;
    let mut rows = query.query([from, to])?;
    while let Some(r) = rows.next()? {
        let n = |i| r.get::<_, i64>(i).map(|v| v as u64);
        let (t, source): (i64, Arc<str>) = (r.get(0)?, r.get::<_, String>(1)?.into());
        let counts = LedgerDelta {
            source: source.clone(),
            received: n(3)?,
            committed: n(4)?,
            duplicates: n(5)?,
            quarantined: n(6)?,
            refused: n(7)?,
            released: n(8)?,
            gaps: n(9)?,
        };
        lines.insert((t, source), line(t, r.get(2)?, counts));
    }
    Ok(())
}

fn stored_spans(conn: &Connection, from: i64, to: i64, spans: &mut BTreeMap<i64, LedgerSpan>) -> rusqlite::Result<()> {
    let mut query = conn.prepare_cached("SELECT t, width, first, last FROM ledger_span WHERE t >= ? AND t < ?")?;
    let mut rows = query.query([from, to])?;
    while let Some(r) = rows.next()? {
        let t: i64 = r.get(0)?;
        spans.insert(t, span(t, r.get(1)?, r.get::<_, i64>(2)? as Seq, r.get::<_, i64>(3)? as Seq));
    }
    Ok(())
}
