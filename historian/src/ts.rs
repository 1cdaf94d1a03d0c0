//! ts.db: the log, the chunks, and what is filed with them. One transaction a commit, one fsync a transaction.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use plant::{Diagnosis, Finding, Name, SeriesKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::cache::Cache;
use crate::codec::chunk::{self, Summary};
use crate::codec::row::{self, RawRow};
use crate::codec::{Record, load, store};
use crate::db::{File, Sync, has_table, open_writer};
use crate::head::{Head, Seal};
use crate::keep::age;
use crate::ledger::Ledger;
use crate::minutes::{self, Keep, Minutes};
use crate::quarantine::{self, Room};
use crate::{Batch, LedgerDelta, OpenError, ReadError, Removed, Seq, Staged, StoredProgress, rollup};

/// A chunk with its bytes, ready to be written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub seal: Seal,
    /// One a chunk of the seal.
    pub bodies: Vec<Vec<u8>>,
    /// [`Head::last_bytes`].
    pub last: Option<Vec<u8>>,
}

/// Everything one transaction writes.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub seq: Seq,
    pub t: Timestamp,
    pub body: &'a [u8],
    pub batch: &'a Batch,
    /// Series that speak for the first time, with their numbers.
    pub series: &'a [(u32, SeriesKey)],
    pub seals: &'a [Sealed],
    /// Rows of the log to delete: from the first up to and including this one.
    pub prune: Option<Seq>,
    pub upkeep: Option<Kept>,
    pub room: Room,
}

/// What an upkeep writes, as of the commit before.
#[derive(Debug)]
pub(crate) struct Kept {
    pub ledger: Vec<LedgerDelta>,
    pub minutes: Minutes,
    /// From where the heads must be rebuilt.
    pub heads_from: Seq,
    /// The time of this commit.
    pub t: Timestamp,
    pub keep: Keep,
}

/// What a start finds.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub cache: Cache,
    pub followers: BTreeMap<Name, StoredProgress>,
    pub ledger: Ledger,
    pub minutes: Minutes,
    /// The last commit and its time.
    pub head: (Seq, Option<Timestamp>),
    pub log_first: Seq,
    pub log_bytes: u64,
    pub removed: Removed,
    /// The time of the earliest value in chunks.
    pub oldest_raw: Option<i64>,
}

/// The writer's side of ts.db.
#[derive(Debug)]
pub(crate) struct Ts {
    pub conn: Connection,
    /// Bytes of raw values that are to go for want of room.
    pub owed: u64,
    /// All free pages are given back, until there are none.
    pub giving: bool,
}

impl Ts {
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let conn = open_writer(dir, File::Ts, Sync::Full)?;
        let said = |source| OpenError::Read { dir: dir.to_owned(), source: File::Ts.said()(source) };
        // Checkpoints are made beside the commits, not within them.
        conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(said)?;
        // By which the backups of this store are told from those of another.
        conn.execute("INSERT OR IGNORE INTO meta VALUES ('store_id', random())", []).map_err(said)?;
        Ok(Self { conn, owed: 0, giving: false })
    }

    /// Writes one commit. When this returns, it is on disk.
    pub fn commit(&mut self, work: &Work<'_>) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for (id, key) in work.series {
            let mut insert = tx.prepare_cached("INSERT INTO series (id, point, indicator) VALUES (?, ?, ?)")?;
            insert.execute(params![id, key.point.as_str(), key.indicator.as_ref().map(Name::as_str)])?;
        }
        tx.prepare_cached("INSERT INTO log (seq, t, body) VALUES (?, ?, ?)")?.execute(params![
            work.seq as i64,
            work.t.nanos(),
            work.body
        ])?;
        for sealed in work.seals {
            write_seal(&tx, sealed, work.t)?;
        }
        file_rare(&tx, work)?;
        if let Some(kept) = &work.upkeep {
            write_upkeep(&tx, kept, work.seq - 1)?;
        }
        if let Some(through) = work.prune {
            tx.prepare_cached("DELETE FROM log WHERE seq <= ?")?.execute([through as i64])?;
        }
        tx.commit()
    }

    /// Overwrites what a commit that failed may have left in the write-ahead log. The value is changed and changed back:
    /// SQLite writes nothing for an update after which it is what it was.
    pub fn bury(&mut self) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for by in [1, -1] {
            tx.prepare_cached("UPDATE meta SET value = value + ? WHERE key = 'heads_from'")?.execute([by])?;
        }
        tx.commit()
    }

    /// How many bytes the rows up to and including `through` hold.
    pub fn bytes_through(&self, through: Seq) -> rusqlite::Result<u64> {
        let mut sum = self.conn.prepare_cached("SELECT coalesce(sum(length(body)), 0) FROM log WHERE seq <= ?")?;
        sum.query_row([through as i64], |r| r.get::<_, i64>(0)).map(|n| n as u64)
    }
}

fn write_seal(tx: &Transaction<'_>, sealed: &Sealed, t: Timestamp) -> rusqlite::Result<()> {
    let Sealed { seal, bodies, last } = sealed;
    for (t0, seq) in &seal.replaces {
        let mut gone =
            tx.prepare_cached("DELETE FROM chunk WHERE series = ? AND t0 = ? AND seq = ? RETURNING block")?;
        let block: Option<i64> = gone.query_row(params![seal.series, t0, *seq as i64], |r| r.get(0)).optional()?;
        tx.prepare_cached("DELETE FROM block WHERE id = ?")?.execute([block])?;
    }
    for (c, body) in seal.chunks.iter().zip(bodies) {
        let (series, seq, summary) = (seal.series, seal.seq, c.summary);
        insert_chunk(tx, &Entry { series, t0: c.t0, t1: c.t1, seq, n: c.n, summary }, body)?;
        rollup::mark(tx, seal.series, &c.points.times, t.nanos())?;
    }
    let mut update = tx.prepare_cached("UPDATE series SET sealed = ?, t1 = ?, span = ?, last = ? WHERE id = ?")?;
    update.execute(params![seal.seq as i64, seal.t1, seal.span as i64, last, seal.series])?;
    Ok(())
}

/// A chunk as its index names it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub series: u32,
    pub t0: i64,
    pub t1: i64,
    pub seq: Seq,
    pub n: usize,
    pub summary: Summary,
}

/// Writes a chunk and its entry.
pub(crate) fn insert_chunk(tx: &Connection, c: &Entry, body: &[u8]) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO block (body) VALUES (?)")?.execute([body])?;
    let block = tx.last_insert_rowid();
    let s = &c.summary;
    let some = |v: f64| (s.count > 0).then_some(v);
    let mut insert = tx.prepare_cached("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let (min, max, mean, last) = (some(s.min), some(s.max), some(s.mean), some(s.last));
    let (seq, n, count) = (c.seq as i64, c.n as i64, s.count as i64);
    insert.execute(params![c.series, c.t0, seq, c.t1, n, count, min, max, mean, last, block]).map(drop)
}

/// What is found by other keys than the log's.
fn file_rare(tx: &Transaction<'_>, work: &Work<'_>) -> rusqlite::Result<()> {
    for e in &work.batch.events {
        let mut insert = tx.prepare_cached("INSERT INTO event (machine, t, body) VALUES (?, ?, ?)")?;
        insert.execute(params![e.machine.as_str(), e.t.nanos(), store(e)])?;
    }
    for f in &work.batch.findings {
        if let Finding::Diagnosis(d) = f {
            let mut insert = tx.prepare_cached("INSERT INTO diagnosis (point, t, body) VALUES (?, ?, ?)")?;
            insert.execute(params![d.point.as_str(), d.t.nanos(), store(d)])?;
        }
        if let Finding::Assessment(a) = f {
            let mut insert = tx.prepare_cached("INSERT INTO assessment (machine, t, body) VALUES (?, ?, ?)")?;
            insert.execute(params![a.machine.as_str(), a.t.nanos(), store(&**a)])?;
        }
    }
    quarantine::file(tx, &work.batch.quarantine, &work.batch.settled, work.room)?;
    for Staged { key, body } in &work.batch.staged {
        if body.is_empty() {
            tx.prepare_cached("DELETE FROM staged WHERE key = ?")?.execute([&**key])?;
        } else {
            let mut put = tx.prepare_cached("INSERT OR REPLACE INTO staged VALUES (?, ?)")?;
            put.execute(params![&**key, store(body)])?;
        }
    }
    if let Some(p) = &work.batch.progress {
        let mut update = tx.prepare_cached(
            "INSERT INTO follower VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET through = ?2,
             state_through = coalesce(?3, state_through), state = coalesce(?4, state)",
        )?;
        let state_through = p.state.as_ref().map(|_| p.state_through() as i64);
        update.execute(params![p.follower.as_str(), p.through as i64, state_through, p.state.as_deref()])?;
    }
    Ok(())
}

fn write_upkeep(tx: &Transaction<'_>, kept: &Kept, through: Seq) -> rusqlite::Result<()> {
    for l in &kept.ledger {
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO ledger (source, body, gaps) VALUES (?, ?, ?)")?;
        put.execute(params![&*l.source, store(l), l.gaps as i64])?;
    }
    kept.minutes.write(tx)?;
    minutes::fold(tx, kept.t, kept.keep)?;
    let mut set = tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?;
    set.execute(params!["ledger_through", through as i64])?;
    set.execute(params!["heads_from", kept.heads_from as i64])?;
    age::reach(tx, kept.t, through)
}

/// Reads everything that is kept in memory. `conn` should be within a transaction.
pub(crate) fn load_all(conn: &Connection) -> Result<Loaded, ReadError> {
    let said = File::Ts.said();
    let mut loaded = Loaded { cache: load_series(conn)?, followers: load_followers(conn)?, ..Loaded::default() };
    let last: Option<(i64, i64)> = conn
        .query_row("SELECT seq, t FROM log ORDER BY seq DESC LIMIT 1", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()
        .map_err(&said)?;
    if let Some((seq, t)) = last {
        loaded.head = (seq as Seq, Some(Timestamp::from_nanos(t)));
    }
    let (first, bytes): (Option<i64>, Option<i64>) = conn
        .query_row("SELECT min(seq), sum(length(body)) FROM log", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .map_err(&said)?;
    loaded.log_first = first.unwrap_or(1) as Seq;
    loaded.log_bytes = bytes.unwrap_or(0) as u64;
    loaded.removed = age::load_removed(conn).map_err(&said)?;
    let first =
        "SELECT min(first) FROM (SELECT (SELECT min(t0) FROM chunk WHERE series = series.id) AS first FROM series)";
    loaded.oldest_raw = conn.query_row(first, [], |r| r.get(0)).map_err(&said)?;
    let meta = |key: &str| conn.query_row("SELECT value FROM meta WHERE key = ?", [key], |r| r.get::<_, i64>(0));
    let heads_from = meta("heads_from").map_err(&said)? as Seq;
    let ledger_through = meta("ledger_through").map_err(&said)? as Seq;
    load_ledger(conn, &mut loaded.ledger)?;
    loaded.minutes = Minutes::new(ledger_through);
    let (cache, ledger, minutes) = (&mut loaded.cache, &mut loaded.ledger, &mut loaded.minutes);
    each_row(conn, heads_from.min(ledger_through + 1), |seq, t, row| {
        for (series, point_t, value, quality) in row.values() {
            let head = cache.head_mut(series).ok_or_else(|| ReadError::Damaged {
                what: format!("row {seq} of the log"),
                why: "a series is not in the table of series".into(),
            })?;
            if seq > head.sealed {
                head.push(point_t, value, quality, seq, t.nanos());
                cache.unsealed += 1;
            }
        }
        if seq > ledger_through {
            row.ledger.iter().for_each(|l| ledger.add(l));
            minutes.add(seq, t, &row.ledger);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(loaded)
}

fn load_ledger(conn: &Connection, ledger: &mut Ledger) -> Result<(), ReadError> {
    let said = File::Ts.said();
    // A file of an older format that is only read has no gaps.
    let gaps = if has_table(conn, "ledger_line").map_err(&said)? { "gaps" } else { "0" };
    let mut all = conn.prepare(&format!("SELECT body, {gaps} FROM ledger")).map_err(&said)?;
    let rows = all.query_map([], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)?))).map_err(&said)?;
    for row in rows {
        let (body, gaps) = row.map_err(&said)?;
        let sum: LedgerDelta = load(&body).map_err(ReadError::damaged("the ledger in ts.db"))?;
        ledger.add(&LedgerDelta { gaps: gaps as u64, ..sum });
    }
    Ok(())
}

fn load_series(conn: &Connection) -> Result<Cache, ReadError> {
    let said = File::Ts.said();
    let mut cache = Cache::default();
    let mut all =
        conn.prepare("SELECT id, point, indicator, sealed, t1, span, last FROM series ORDER BY id").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        let damaged =
            |why: &str| ReadError::Damaged { what: format!("series {} in ts.db", cache.len()), why: why.to_owned() };
        let id: u32 = r.get(0).map_err(&said)?;
        if id as usize != cache.len() {
            return Err(damaged("it is missing"));
        }
        let point: String = r.get(1).map_err(&said)?;
        let indicator: Option<String> = r.get(2).map_err(&said)?;
        let last: Option<Vec<u8>> = r.get(6).map_err(&said)?;
        let head = Head {
            sealed: r.get::<_, i64>(3).map_err(&said)? as Seq,
            late_before: r.get(4).map_err(&said)?,
            span: r.get::<_, i64>(5).map_err(&said)? as u64,
            last: last.map(|l| Head::last_from(&l)).transpose().map_err(|d| damaged(d.0))?,
            ..Head::default()
        };
        let point = point.parse().map_err(|_| damaged("its point has no valid name"))?;
        let indicator = indicator.map(|i| Name::new(&i)).transpose();
        let indicator = indicator.map_err(|_| damaged("its indicator has no valid name"))?;
        cache.add(SeriesKey { point, indicator }, head);
    }
    Ok(cache)
}

fn load_followers(conn: &Connection) -> Result<BTreeMap<Name, StoredProgress>, ReadError> {
    let said = File::Ts.said();
    let mut all = conn.prepare("SELECT name, through, state_through, state FROM follower").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    let mut followers = BTreeMap::new();
    while let Some(r) = rows.next().map_err(&said)? {
        let name: String = r.get(0).map_err(&said)?;
        let name = Name::new(&name).map_err(|_| ReadError::Damaged {
            what: "a follower in ts.db".into(),
            why: "it has no valid name".into(),
        })?;
        let through = r.get::<_, i64>(1).map_err(&said)? as Seq;
        let at: Option<i64> = r.get(2).map_err(&said)?;
        let state: Option<Vec<u8>> = r.get(3).map_err(&said)?;
        let state = at.zip(state).map(|(at, state)| (at as Seq, Arc::from(state)));
        followers.insert(name, StoredProgress { through, state });
    }
    Ok(followers)
}

/// Calls `f` with the rows of the log from `from` on, for as long as it says to go on.
pub(crate) fn each_row(
    conn: &Connection,
    from: Seq,
    mut f: impl FnMut(Seq, Timestamp, RawRow) -> Result<ControlFlow<()>, ReadError>,
) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let mut all = conn.prepare_cached("SELECT seq, t, body FROM log WHERE seq >= ? ORDER BY seq").map_err(&said)?;
    let mut rows = all.query([from as i64]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        let seq = r.get::<_, i64>(0).map_err(&said)? as Seq;
        let t = Timestamp::from_nanos(r.get(1).map_err(&said)?);
        let body = r.get_ref(2).map_err(&said)?.as_blob().map_err(|e| said(e.into()))?;
        let row = row::decode(body, seq, t).map_err(ReadError::damaged(format!("row {seq} of the log")))?;
        if f(seq, t, row)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Diagnoses of the records of `point` with `from <= t0 <= to`; of very many, the first.
pub(crate) fn load_diagnoses(
    conn: &Connection,
    point: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Diagnosis>, ReadError> {
    let said = File::Ts.said();
    let sql = "SELECT body FROM diagnosis WHERE point = ? AND t >= ? AND t <= ? ORDER BY t LIMIT 10000";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let rows = query.query_map(params![point, from.nanos(), to.nanos()], |r| r.get(0)).map_err(&said)?;
    records(rows, "a diagnosis in ts.db")
}

/// Compresses what `seal` takes.
pub(crate) fn compress(seal: &Seal) -> Result<Vec<Vec<u8>>, crate::codec::Damage> {
    let one = |c: &crate::head::NewChunk| chunk::encode(&c.points, &chunk::place(seal.series, c.t0, seal.seq));
    seal.chunks.iter().map(one).collect()
}

/// Reads records from the one column of `rows`.
pub(crate) fn records<T: Record>(
    rows: impl Iterator<Item = rusqlite::Result<Vec<u8>>>,
    what: &str,
) -> Result<Vec<T>, ReadError> {
    let said = File::Ts.said();
    rows.map(|body| load(&body.map_err(&said)?).map_err(ReadError::damaged(what))).collect()
}
