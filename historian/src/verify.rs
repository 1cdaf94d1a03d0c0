//! Walks everything stored and says what is damaged.

use std::path::Path;
use std::sync::Arc;

use plant::{AlarmRecord, AlarmTransition, Assessment, Diagnosis, Event, Machine};
use rusqlite::Connection;

use crate::codec::chunk::{self, Summary};
use crate::codec::{Damage, Record, load, row};
use crate::db::{File, Readers, has_table};
use crate::{ChainState, LedgerDelta, OpenError, Quarantined, ReadError, Retained, Seq, chain, rollup, wave, work};
use plant::Timestamp;

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Rows of the log that were read.
    pub commits: u64,
    /// Chunks that were opened.
    pub chunks: u64,
    /// Points in them.
    pub points: u64,
    /// Rows of minutes and hours that were read, and compared with the points where they are still there.
    pub rollups: u64,
    /// Waveforms that were opened.
    pub waveforms: u64,
    /// Single records that were read: machines, alarms, events, …
    pub records: u64,
    /// The chains of hashes over the alarm journal and the audit log; none in a store of before there were any.
    pub chains: Vec<ChainState>,
    /// What is damaged, one sentence each; at most a thousand.
    pub faults: Vec<String>,
}

/// More faults than this are counted by nobody.
const FAULTS: usize = 1_000;

impl Verification {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, what: impl Into<String>) {
        if self.faults.len() < FAULTS {
            self.faults.push(what.into());
        }
    }
}

/// Reads every row, chunk, waveform and record of the store in `dir` against its checksum, and lets SQLite check its
/// own structure. Works while an instance runs there and after it was killed. Nothing is written.
pub fn verify(dir: &Path) -> Result<Verification, OpenError> {
    if !dir.join(File::Ts.name()).is_file() {
        return Err(OpenError::Missing { dir: dir.to_owned() });
    }
    let mut found = Verification::default();
    for file in File::ALL {
        let readers = Readers::new(dir, file, false);
        readers.check(dir)?;
        let checked = readers.read(|tx| {
            structure(tx, file, &mut found)?;
            match file {
                File::Ts => ts(tx, &mut found),
                File::Wave => waves(tx, &mut found),
                File::State => state(tx, &mut found),
            }
        });
        if let Err(why) = checked {
            found.fault(why.to_string());
        }
    }
    Ok(found)
}

fn structure(conn: &Connection, file: File, found: &mut Verification) -> Result<(), ReadError> {
    let said = file.said();
    let mut check = conn.prepare("PRAGMA quick_check").map_err(&said)?;
    for line in check.query_map([], |r| r.get::<_, String>(0)).map_err(&said)? {
        let line = line.map_err(&said)?;
        if line != "ok" {
            found.fault(format!("{}: {line}", file.name()));
        }
    }
    Ok(())
}

fn ts(conn: &Connection, found: &mut Verification) -> Result<(), ReadError> {
    log(conn, found)?;
    chunks(conn, found)?;
    found.rollups = rollup::check::check(conn, |why| found.fault(why))?;
    records::<Event>(conn, File::Ts, "event", found)?;
    records::<Diagnosis>(conn, File::Ts, "diagnosis", found)?;
    if has_table(conn, "assessment").map_err(File::Ts.said())? {
        records::<Assessment>(conn, File::Ts, "assessment", found)?;
    }
    records::<Quarantined>(conn, File::Ts, "quarantine", found)?;
    let rests = crate::quarantine::check_rests(conn, |why| found.fault(why))?;
    found.records += rests;
    if has_table(conn, "staged").map_err(File::Ts.said())? {
        records::<Arc<[u8]>>(conn, File::Ts, "staged", found)?;
    }
    records::<LedgerDelta>(conn, File::Ts, "ledger", found)
}

fn log(conn: &Connection, found: &mut Verification) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let series: i64 = conn.query_row("SELECT count(*) FROM series", [], |r| r.get(0)).map_err(&said)?;
    let mut all = conn.prepare("SELECT seq, t, body FROM log ORDER BY seq").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    let mut before: Option<(Seq, i64)> = None;
    while let Some(r) = rows.next().map_err(&said)? {
        let (seq, t) = (r.get::<_, i64>(0).map_err(&said)? as Seq, r.get::<_, i64>(1).map_err(&said)?);
        let body = r.get_ref(2).map_err(&said)?.as_blob().map_err(|e| said(e.into()))?;
        found.commits += 1;
        match row::decode(body, seq, Timestamp::from_nanos(t)) {
            Err(why) => found.fault(format!("row {seq} of the log: {why}")),
            Ok(row) if row.values().any(|(id, ..)| i64::from(id) >= series) => {
                found.fault(format!("row {seq} of the log names a series that is not there"));
            }
            Ok(_) => {}
        }
        if let Some((s, _)) = before.filter(|(s, before)| s + 1 != seq || *before > t) {
            found.fault(format!("row {seq} of the log follows row {s}: positions or times do not go on"));
        }
        before = Some((seq, t));
    }
    Ok(())
}

fn chunks(conn: &Connection, found: &mut Verification) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let mut all = conn
        .prepare(
            "SELECT series, t0, seq, chunk.t1, n, count, min, max, chunk.last, body, series.id
             FROM chunk LEFT JOIN block ON block.id = chunk.block LEFT JOIN series ON series.id = chunk.series",
        )
        .map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        let (series, t0, seq): (u32, i64, i64) =
            (r.get(0).map_err(&said)?, r.get(1).map_err(&said)?, r.get(2).map_err(&said)?);
        let (t1, n, count): (i64, i64, i64) =
            (r.get(3).map_err(&said)?, r.get(4).map_err(&said)?, r.get(5).map_err(&said)?);
        let numbers: [Option<f64>; 3] = [r.get(6).map_err(&said)?, r.get(7).map_err(&said)?, r.get(8).map_err(&said)?];
        let body: Option<Vec<u8>> = r.get(9).map_err(&said)?;
        let owner: Option<i64> = r.get(10).map_err(&said)?;
        let place = chunk::place(series, t0, seq as Seq);
        let opened = body.ok_or(Damage("its body is missing")).and_then(|b| chunk::decode(&b, &place));
        found.chunks += 1;
        let fits = opened.and_then(|p| {
            found.points += p.len() as u64;
            let s = Summary::of(&p, 0..p.len());
            let index = p.times.first() == Some(&t0) && p.times.last() == Some(&t1) && p.len() as i64 == n;
            let of = |v: f64| (s.count > 0).then_some(v);
            if !index || s.count as i64 != count || numbers != [of(s.min), of(s.max), of(s.last)] {
                return Err(Damage("its index does not say what it holds"));
            }
            if owner.is_none() { Err(Damage("its series is not there")) } else { Ok(()) }
        });
        if let Err(why) = fits {
            found.fault(format!("the chunk of series {series} at {t0} of commit {seq}: {why}"));
        }
    }
    Ok(())
}

fn waves(conn: &Connection, found: &mut Verification) -> Result<(), ReadError> {
    for id in wave::ids(conn)? {
        found.waveforms += 1;
        if let Err(why) = wave::read(conn, i64::MAX as Seq, id) {
            found.fault(why.to_string());
        }
    }
    if !wave::sums::check_totals(conn)? {
        found.fault("the table total in wave.db does not say how many waveforms there are");
    }
    Ok(())
}

fn state(conn: &Connection, found: &mut Verification) -> Result<(), ReadError> {
    let mut faults = Vec::new();
    found.chains = chain::check(conn, |why| faults.push(why))?;
    faults.into_iter().for_each(|why| found.fault(why));
    records::<Machine>(conn, File::State, "machine", found)?;
    records::<AlarmRecord>(conn, File::State, "alarm", found)?;
    if has_table(conn, "rules").map_err(File::State.said())? {
        records::<plant::mapping::RuleSet>(conn, File::State, "rules", found)?;
    }
    records::<AlarmTransition>(conn, File::State, "journal", found)?;
    records::<plant::WorkOrder>(conn, File::State, "work_order", found)?;
    records::<plant::Note>(conn, File::State, "note", found)?;
    work::check_photos(conn, |why| found.fault(why))?;
    records::<Retained>(conn, File::State, "retained", found)
}

/// Reads the column `body` of every row of `table`.
fn records<T: Record>(
    conn: &Connection,
    file: File,
    table: &'static str,
    found: &mut Verification,
) -> Result<(), ReadError> {
    let said = file.said();
    if !has_table(conn, table).map_err(&said)? {
        return Ok(());
    }
    let mut all = conn.prepare(&format!("SELECT body FROM {table}")).map_err(&said)?;
    for body in all.query_map([], |r| r.get::<_, Vec<u8>>(0)).map_err(&said)? {
        found.records += 1;
        if let Err(why) = load::<T>(&body.map_err(&said)?) {
            found.fault(format!("a row of {table} in {}: {why}", file.name()));
        }
    }
    Ok(())
}
