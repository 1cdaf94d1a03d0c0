//! What wave.db counts and remembers beside the waveforms: sums, what was dropped, what was told, when alarms were.

use plant::Unit;
use rusqlite::{Connection, OptionalExtension, params};

use super::keep::{DropReason, Mark};
use super::step::Tally;
use crate::db::{File, has_table, pragma};
use crate::{JournalEntry, ReadError, Seq, WaveDropped, WaveStats};

/// Of what was dropped for want of room, how much an event has told, and on which day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub day: i64,
    pub records: u64,
    pub bytes: u64,
}

/// Takes steps of alarms from the journal: when they were, and what they rest on.
pub(super) fn take_in(tx: &Connection, entries: &[JournalEntry]) -> rusqlite::Result<()> {
    for JournalEntry { transition, .. } in entries {
        let mut put = tx.prepare_cached("INSERT OR IGNORE INTO alarm_time VALUES (?, ?)")?;
        put.execute(params![transition.key.machine.as_str(), transition.t.nanos()])?;
        if let Some(id) = transition.evidence.waveform {
            let mut mark = tx.prepare_cached("UPDATE waveform SET mark = ? WHERE id = ?")?;
            mark.execute(params![Mark::Evidence as i64, id.0.to_be_bytes()])?;
        }
    }
    if let Some(last) = entries.last() {
        set_meta(tx, "journal_seq", last.seq as i64)?;
        set_meta(tx, "journal_n", i64::from(last.n))?;
    }
    Ok(())
}

pub(super) fn journal_read(conn: &Connection) -> rusqlite::Result<(Seq, u32)> {
    Ok((meta(conn, "journal_seq")? as Seq, meta(conn, "journal_n")? as u32))
}

pub(super) fn write_tally(tx: &Connection, tally: &Tally) -> rusqlite::Result<()> {
    for (reason, (records, bytes)) in tally {
        let mut add = tx.prepare_cached(
            "INSERT INTO dropped VALUES (?1, ?2, ?3)
             ON CONFLICT (reason) DO UPDATE SET records = records + ?2, bytes = bytes + ?3",
        )?;
        add.execute(params![reason.as_str(), *records as i64, *bytes as i64])?;
    }
    Ok(())
}

pub(super) fn write_told(tx: &Connection, told: Told) -> rusqlite::Result<()> {
    set_meta(tx, "told_day", told.day)?;
    set_meta(tx, "told_records", told.records as i64)?;
    set_meta(tx, "told_bytes", told.bytes as i64)
}

/// What was dropped for each reason since the beginning.
fn dropped(conn: &Connection) -> rusqlite::Result<Vec<WaveDropped>> {
    let mut query = conn.prepare_cached("SELECT records, bytes FROM dropped WHERE reason = ?")?;
    let mut all = Vec::new();
    for reason in DropReason::ALL {
        let row = query.query_row([reason.as_str()], numbers).optional()?;
        all.extend(row.map(|(records, bytes)| WaveDropped { reason, records, bytes }));
    }
    Ok(all)
}

/// How many were dropped for want of room, and their bytes.
pub(super) fn forced(conn: &Connection) -> rusqlite::Result<(u64, u64)> {
    let all = dropped(conn)?;
    let forced = all.iter().filter(|d| d.reason.forced());
    Ok(forced.fold((0, 0), |(records, bytes), d| (records + d.records, bytes + d.bytes)))
}

/// How many records carry this mark, and their bytes.
pub(super) fn total(conn: &Connection, mark: i64) -> rusqlite::Result<(u64, u64)> {
    conn.prepare_cached("SELECT records, bytes FROM total WHERE mark = ?")?.query_row([mark], numbers)
}

fn numbers(r: &rusqlite::Row<'_>) -> rusqlite::Result<(u64, u64)> {
    Ok((r.get::<_, i64>(0)?.max(0) as u64, r.get::<_, i64>(1)?.max(0) as u64))
}

pub(super) fn meta(conn: &Connection, key: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?")?.query_row([key], |r| r.get(0))
}

pub(super) fn set_meta(conn: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE meta SET value = ? WHERE key = ?")?.execute(params![value, key]).map(drop)
}

/// Gives every waveform of a store that knew no classes the one of its unit.
pub(crate) fn fill_in(conn: &Connection) -> Result<(), ReadError> {
    let said = File::Wave.said();
    let mut units = conn.prepare("SELECT DISTINCT unit FROM waveform").map_err(&said)?;
    let units: Vec<String> = units.query_map([], |r| r.get(0)).and_then(Iterator::collect).map_err(&said)?;
    for symbol in units {
        let class = Unit::parse(&symbol).map_or("", |u| u.quantity().as_str());
        let sql = "UPDATE waveform SET class = ? WHERE unit = ?";
        conn.execute(sql, params![class, symbol]).map_err(&said)?;
    }
    Ok(())
}

/// wave.db in numbers. A file of before there was a policy, opened for reading, has dropped nothing.
pub(crate) fn stats(conn: &Connection) -> Result<WaveStats, ReadError> {
    let read = || {
        let pages = pragma(conn, "page_count")?;
        let free = pragma(conn, "freelist_count")?;
        let size = pragma(conn, "page_size")?;
        let mut stats =
            WaveStats { file_bytes: pages * size, used_bytes: (pages - free) * size, ..WaveStats::default() };
        if !has_table(conn, "total")? {
            stats.records = conn.query_row("SELECT count(*) FROM waveform", [], |r| r.get::<_, i64>(0))? as u64;
            return Ok(stats);
        }
        let [plain, near, evidence] = [total(conn, 0)?, total(conn, 1)?, total(conn, 2)?];
        stats.records = plain.0 + near.0 + evidence.0;
        stats.bytes = plain.1 + near.1 + evidence.1;
        (stats.near_alarms, stats.evidence) = (near.0, evidence.0);
        stats.dropped = dropped(conn)?;
        Ok(stats)
    };
    read().map_err(File::Wave.said())
}

/// Whether the sums are those of what is there.
pub(crate) fn check_totals(conn: &Connection) -> Result<bool, ReadError> {
    let said = File::Wave.said();
    if !has_table(conn, "total").map_err(&said)? {
        return Ok(true);
    }
    let sql = "SELECT count(*) FROM total WHERE (records, bytes) <>
               (SELECT count(*), coalesce(sum(bytes), 0) FROM waveform WHERE waveform.mark = total.mark)";
    conn.query_row(sql, [], |r| r.get::<_, i64>(0)).map(|n| n == 0).map_err(said)
}

pub(super) fn told(conn: &Connection) -> rusqlite::Result<Told> {
    Ok(Told {
        day: meta(conn, "told_day")?,
        records: meta(conn, "told_records")? as u64,
        bytes: meta(conn, "told_bytes")? as u64,
    })
}
