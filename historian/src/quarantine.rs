//! The quarantine in ts.db: what is filed with a commit, how its room is kept, and how it is looked through.
//!
//! An entry holds the first 4 KiB of its payload; the rest lies apart, within a budget. When the budget is used up, the
//! oldest rests go first and then the oldest entries; both are counted, and the groups go on counting what is gone.

use std::sync::Arc;

use plant::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};

use crate::codec::{load, seal, store, unseal};
use crate::db::{File, has_table};
use crate::{
    Config, QuarantineEntry, QuarantineGroup, QuarantineStats, QuarantineTopic, Quarantined, ReadError, Selection,
    Settled, Verdict,
};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    entries: u64,
    bytes: u64,
    message: u64,
}

impl Room {
    pub const fn of(config: &Config) -> Self {
        Self {
            entries: config.quarantine_entries,
            bytes: config.quarantine_bytes,
            message: config.quarantine_message_bytes,
        }
    }
}

/// Files what one commit brings, then what it settles.
pub(crate) fn file(tx: &Connection, new: &[Quarantined], settled: &[Settled], room: Room) -> rusqlite::Result<()> {
    for q in new {
        enter(tx, q, room)?;
    }
    for s in settled {
        settle(tx, s)?;
    }
    if !new.is_empty() {
        make_room(tx, room)?;
    }
    Ok(())
}

fn enter(tx: &Connection, q: &Quarantined, room: Room) -> rusqlite::Result<()> {
    let body = store(q);
    let rest: &[u8] = if q.size <= room.message { &q.rest } else { &[] };
    let held = (q.head.len() + rest.len()) as u64;
    tx.prepare_cached(
        "INSERT INTO quarantine (code, body, topic, source, t, held, complete) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![&*q.code, body, &*q.topic, &*q.source, q.t.nanos(), held as i64, held == q.size])?;
    if !rest.is_empty() {
        let id: i64 = tx.query_row("SELECT last_insert_rowid()", [], |r| r.get(0))?;
        let mut sealed = rest.to_vec();
        seal(&[id], &mut sealed);
        tx.prepare_cached("INSERT INTO quarantine_rest VALUES (?, ?)")?.execute(params![id, sealed])?;
    }
    grow(tx, "quarantine_bytes", held as i64)?;
    count(tx, &q.code, q.t, &body)
}

/// One more of `code`.
fn count(tx: &Connection, code: &str, t: Timestamp, body: &[u8]) -> rusqlite::Result<()> {
    let mut count = tx.prepare_cached(
        "INSERT INTO quarantine_group (code, count, example, first) VALUES (?1, 1, ?2, ?3)
         ON CONFLICT (code) DO UPDATE SET count = count + 1, example = ?2, first = min(first, ?3)",
    )?;
    count.execute(params![code, body, t.nanos()]).map(drop)
}

/// One less of `code`; a group without any is none.
fn uncount(tx: &Connection, code: &str, discarded: bool) -> rusqlite::Result<()> {
    let mut less = tx.prepare_cached(
        "UPDATE quarantine_group SET count = count - 1, discarded = max(discarded - ?2, 0) WHERE code = ?1",
    )?;
    less.execute(params![code, discarded])?;
    tx.prepare_cached("DELETE FROM quarantine_group WHERE code = ? AND count <= 0")?.execute([code]).map(drop)
}

fn grow(tx: &Connection, key: &str, by: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE meta SET value = value + ? WHERE key = ?")?.execute(params![by, key]).map(drop)
}

/// An entry that is no longer kept has left its group's count behind, which is all that is settled then.
fn settle(tx: &Connection, s: &Settled) -> rusqlite::Result<()> {
    let id = s.id as i64;
    let found: Option<(i64, bool)> = tx
        .prepare_cached("SELECT held, discarded IS NOT NULL FROM quarantine WHERE id = ?")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let discarded = found.is_some_and(|(_, discarded)| discarded);
    match (&s.verdict, found) {
        (Verdict::Released, found) => {
            if let Some((held, _)) = found {
                forget(tx, id, held)?;
            }
            uncount(tx, &s.code, discarded)
        }
        (Verdict::Failed { code, reason }, Some(_)) => {
            let mut body = tx.prepare_cached("SELECT body FROM quarantine WHERE id = ?")?;
            let body: Vec<u8> = body.query_row([id], |r| r.get(0))?;
            let Ok(entry) = load::<Quarantined>(&body) else { return Ok(()) };
            let entry = Quarantined { code: code.clone(), reason: reason.clone(), ..entry };
            let body = store(&entry);
            let mut update = tx.prepare_cached("UPDATE quarantine SET code = ?, body = ? WHERE id = ?")?;
            update.execute(params![&**code, body, id])?;
            uncount(tx, &s.code, false)?;
            count(tx, code, entry.t, &body)
        }
        (Verdict::Discarded { why }, Some(_)) if !discarded => mark(tx, s, Some(why)),
        (Verdict::Restored, Some(_)) if discarded => mark(tx, s, None),
        _ => Ok(()),
    }
}

fn mark(tx: &Connection, s: &Settled, why: Option<&str>) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE quarantine SET discarded = ? WHERE id = ?")?.execute(params![why, s.id as i64])?;
    let by = if why.is_some() { 1 } else { -1 };
    let mut group = tx.prepare_cached("UPDATE quarantine_group SET discarded = discarded + ? WHERE code = ?")?;
    group.execute(params![by, &*s.code]).map(drop)
}

fn forget(tx: &Connection, id: i64, held: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM quarantine WHERE id = ?")?.execute([id])?;
    tx.prepare_cached("DELETE FROM quarantine_rest WHERE id = ?")?.execute([id])?;
    grow(tx, "quarantine_bytes", -held)
}

fn meta(conn: &Connection, key: &str) -> rusqlite::Result<u64> {
    let mut value = conn.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    Ok(value.query_row([key], |r| r.get::<_, i64>(0)).optional()?.unwrap_or(0).max(0) as u64)
}

/// Drops what there is no room for, the oldest first: rests of payloads, then whole entries.
fn make_room(tx: &Connection, room: Room) -> rusqlite::Result<()> {
    let newest: i64 = tx.query_row("SELECT coalesce(max(id), 0) FROM quarantine", [], |r| r.get(0))?;
    let outdated = newest.saturating_sub(room.entries as i64);
    while let Some((id, held)) = oldest(tx)?
        && id <= outdated
    {
        forget(tx, id, held)?;
        grow(tx, "quarantine_dropped", 1)?;
    }
    let mut bytes = meta(tx, "quarantine_bytes")?;
    while bytes > room.bytes
        && let Some((id, sealed)) = tx
            .prepare_cached("SELECT id, length(body) FROM quarantine_rest ORDER BY id LIMIT 1")?
            .query_row([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))
            .optional()?
    {
        let rest = sealed - 4; // the checksum
        tx.prepare_cached("DELETE FROM quarantine_rest WHERE id = ?")?.execute([id])?;
        let mut cut = tx.prepare_cached("UPDATE quarantine SET complete = 0, held = held - ? WHERE id = ?")?;
        cut.execute([rest, id])?;
        grow(tx, "quarantine_bytes", -rest)?;
        grow(tx, "quarantine_cut", 1)?;
        bytes = bytes.saturating_sub(rest as u64);
    }
    while bytes > room.bytes
        && let Some((id, held)) = oldest(tx)?
    {
        forget(tx, id, held)?;
        grow(tx, "quarantine_dropped", 1)?;
        bytes = bytes.saturating_sub(held as u64);
    }
    Ok(())
}

fn oldest(tx: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut first = tx.prepare_cached("SELECT id, held FROM quarantine ORDER BY id LIMIT 1")?;
    first.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional()
}

/// Fills in, for the entries of a store of format 1, what format 2 looks them through by.
pub(crate) fn fill_in(tx: &Connection) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let mut all = tx.prepare("SELECT id, body FROM quarantine").map_err(&said)?;
    let rows = all.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?))).map_err(&said)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(&said)?;
    let fill = |id: i64, q: &Quarantined| {
        let held = q.head.len() as u64;
        let sql = "UPDATE quarantine SET topic = ?, source = ?, t = ?, held = ?, complete = ? WHERE id = ?";
        tx.prepare_cached(sql)?.execute(params![
            &*q.topic,
            &*q.source,
            q.t.nanos(),
            held as i64,
            held == q.size,
            id
        ])?;
        grow(tx, "quarantine_bytes", held as i64)
    };
    for (id, body) in rows {
        // One that is damaged stays as it is; `verify` lists it.
        if let Ok(q) = load::<Quarantined>(&body) {
            fill(id, &q).map_err(&said)?;
        }
    }
    let first = "UPDATE quarantine_group SET first = coalesce(
        (SELECT min(t) FROM quarantine WHERE quarantine.code = quarantine_group.code AND complete + held > 0), 0)";
    tx.execute(first, []).map(drop).map_err(said)
}

/// Whether the file is of a format that is only read and has none of the columns of format 2.
fn is_old(conn: &Connection) -> Result<bool, ReadError> {
    has_table(conn, "quarantine_rest").map(|there| !there).map_err(File::Ts.said())
}

/// The columns of an entry, of either format.
fn columns(old: bool) -> &'static str {
    if old { "id, body, NULL, NULL" } else { "id, body, complete, discarded" }
}

fn entry(r: &Row<'_>) -> Result<QuarantineEntry, ReadError> {
    let said = File::Ts.said();
    let id: i64 = r.get(0).map_err(&said)?;
    let body: Vec<u8> = r.get(1).map_err(&said)?;
    let entry: Quarantined = load(&body).map_err(ReadError::damaged(format!("entry {id} of the quarantine")))?;
    let complete: Option<bool> = r.get(2).map_err(&said)?;
    let complete = complete.unwrap_or(entry.head.len() as u64 == entry.size);
    let discarded = r.get::<_, Option<String>>(3).map_err(&said)?.map(Into::into);
    Ok(QuarantineEntry { id: id as u64, entry, complete, discarded })
}

/// The entries of a selection, the newest first, each without the rest of its payload.
pub(crate) fn list(
    conn: &Connection,
    which: &Selection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<QuarantineEntry>, ReadError> {
    let said = File::Ts.said();
    let old = is_old(conn)?;
    let (wheres, values) = condition(which, before, old);
    let sql = format!("SELECT {} FROM quarantine WHERE {wheres} ORDER BY id DESC", columns(old));
    let mut query = conn.prepare_cached(&sql).map_err(&said)?;
    let mut rows = query.query(params_from_iter(values)).map_err(&said)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(r) = rows.next().map_err(&said)?
    {
        let e = entry(r)?;
        if which.has_topic(&e.entry.topic) {
            found.push(e);
        }
    }
    Ok(found)
}

/// The ids of a selection, the oldest first.
pub(crate) fn ids(conn: &Connection, which: &Selection) -> Result<Vec<u64>, ReadError> {
    let said = File::Ts.said();
    if is_old(conn)? {
        return Ok(Vec::new());
    }
    let (wheres, values) = condition(which, None, false);
    let sql = format!("SELECT id, topic FROM quarantine WHERE {wheres} ORDER BY id");
    let mut query = conn.prepare_cached(&sql).map_err(&said)?;
    let mut rows = query.query(params_from_iter(values)).map_err(&said)?;
    let mut found = Vec::new();
    while let Some(r) = rows.next().map_err(&said)? {
        let topic = r.get_ref(1).map_err(&said)?.as_str().map_err(|e| said(e.into()))?;
        if which.has_topic(topic) {
            found.push(r.get::<_, i64>(0).map_err(&said)? as u64);
        }
    }
    Ok(found)
}

/// The ids of a selection with the codes under which they stand, the newest first, at most `limit` of them. Nothing of
/// their payloads is read.
pub(crate) fn codes(
    conn: &Connection,
    which: &Selection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, Arc<str>)>, ReadError> {
    let said = File::Ts.said();
    if is_old(conn)? {
        return Ok(Vec::new());
    }
    let (wheres, values) = condition(which, before, false);
    let sql = format!("SELECT id, topic, code FROM quarantine WHERE {wheres} ORDER BY id DESC");
    let mut query = conn.prepare_cached(&sql).map_err(&said)?;
    let mut rows = query.query(params_from_iter(values)).map_err(&said)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(r) = rows.next().map_err(&said)?
    {
        let topic = r.get_ref(1).map_err(&said)?.as_str().map_err(|e| said(e.into()))?;
        if which.has_topic(topic) {
            let id = r.get::<_, i64>(0).map_err(&said)? as u64;
            found.push((id, r.get::<_, String>(2).map_err(&said)?.into()));
        }
    }
    Ok(found)
}

fn condition(which: &Selection, before: Option<u64>, old: bool) -> (String, Vec<Box<dyn ToSql>>) {
    let mut wheres = String::from("1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if !old {
        wheres.push_str(if which.discarded { " AND discarded IS NOT NULL" } else { " AND discarded IS NULL" });
    }
    if let Some(before) = before {
        wheres.push_str(" AND id < ?");
        values.push(Box::new(i64::try_from(before).unwrap_or(i64::MAX)));
    }
    let mut among = |column: &str, list: Vec<Box<dyn ToSql>>| {
        if !list.is_empty() {
            wheres.push_str(&format!(" AND {column} IN ({})", vec!["?"; list.len()].join(", ")));
            values.extend(list);
        }
    };
    let text = |v: &Arc<str>| Box::new(v.to_string()) as Box<dyn ToSql>;
    among("id", which.ids.iter().map(|id| Box::new(*id as i64) as Box<dyn ToSql>).collect());
    among("code", which.codes.iter().map(text).collect());
    if !old {
        among("source", which.sources.iter().map(text).collect());
    }
    (wheres, values)
}

/// One entry with all that is kept of its payload.
pub(crate) fn whole(conn: &Connection, id: u64) -> Result<Option<QuarantineEntry>, ReadError> {
    let said = File::Ts.said();
    let old = is_old(conn)?;
    let sql = format!("SELECT {} FROM quarantine WHERE id = ?", columns(old));
    let mut query = conn.prepare_cached(&sql).map_err(&said)?;
    let mut rows = query.query([id as i64]).map_err(&said)?;
    let Some(r) = rows.next().map_err(&said)? else { return Ok(None) };
    let mut found = entry(r)?;
    if !old {
        let mut rest = conn.prepare_cached("SELECT body FROM quarantine_rest WHERE id = ?").map_err(&said)?;
        let body = rest.query_row([id as i64], |r| r.get::<_, Vec<u8>>(0)).optional().map_err(&said)?;
        if let Some(body) = body {
            let damaged = ReadError::damaged(format!("the payload of entry {id} of the quarantine"));
            found.entry.rest = unseal(&[id as i64], &body).map_err(damaged)?.into();
        }
    }
    Ok(Some(found))
}

/// What is in quarantine by code, the most frequent first.
pub(crate) fn groups(conn: &Connection) -> Result<Vec<QuarantineGroup>, ReadError> {
    let said = File::Ts.said();
    let old = is_old(conn)?;
    let sql = match old {
        true => "SELECT count, example, 0, NULL, code FROM quarantine_group ORDER BY count DESC, code",
        // The example is the newest that waits, where one is kept; the last that came may have been released.
        false => {
            "SELECT count, coalesce((SELECT body FROM quarantine q WHERE q.code = g.code AND discarded IS NULL
                ORDER BY id DESC LIMIT 1), example), discarded, first, code
             FROM quarantine_group g ORDER BY count DESC, code"
        }
    };
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let mut rows = query.query([]).map_err(&said)?;
    let mut groups = Vec::new();
    while let Some(r) = rows.next().map_err(&said)? {
        let body: Vec<u8> = r.get(1).map_err(&said)?;
        let example: Quarantined = load(&body).map_err(ReadError::damaged("a group of the quarantine"))?;
        let first = r.get::<_, Option<i64>>(3).map_err(&said)?.filter(|t| *t != 0);
        let first = first.map_or(example.t, Timestamp::from_nanos);
        groups.push(QuarantineGroup {
            code: r.get::<_, String>(4).map_err(&said)?.into(),
            count: r.get::<_, i64>(0).map_err(&said)? as u64,
            discarded: r.get::<_, i64>(2).map_err(&said)? as u64,
            first: first.min(example.t),
            last: example.t,
            example,
        });
    }
    Ok(groups)
}

/// What waits of one code by topic, the most frequent first.
pub(crate) fn topics(conn: &Connection, code: &str, limit: usize) -> Result<Vec<QuarantineTopic>, ReadError> {
    let said = File::Ts.said();
    if is_old(conn)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT topic, count(*), sum(complete), min(t), max(t) FROM quarantine
        WHERE code = ? AND discarded IS NULL GROUP BY topic ORDER BY 2 DESC, 1 LIMIT ?";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![code, limit], |r| {
        Ok(QuarantineTopic {
            topic: r.get::<_, String>(0)?.into(),
            waiting: r.get::<_, i64>(1)? as u64,
            complete: r.get::<_, i64>(2)? as u64,
            first: Timestamp::from_nanos(r.get(3)?),
            last: Timestamp::from_nanos(r.get(4)?),
        })
    });
    rows.map_err(&said)?.collect::<Result<_, _>>().map_err(&said)
}

/// The quarantine in numbers.
pub(crate) fn stats(conn: &Connection) -> Result<QuarantineStats, ReadError> {
    let said = File::Ts.said();
    if is_old(conn)? {
        return Ok(QuarantineStats::default());
    }
    let (waiting, complete): (i64, i64) = conn
        .query_row("SELECT count(*), coalesce(sum(complete), 0) FROM quarantine WHERE discarded IS NULL", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .map_err(&said)?;
    let discarded: i64 =
        conn.query_row("SELECT coalesce(sum(discarded), 0) FROM quarantine_group", [], |r| r.get(0)).map_err(&said)?;
    let meta = |key| meta(conn, key).map_err(&said);
    Ok(QuarantineStats {
        waiting: waiting as u64,
        complete: complete as u64,
        discarded: discarded as u64,
        bytes: meta("quarantine_bytes")?,
        cut: meta("quarantine_cut")?,
        dropped: meta("quarantine_dropped")?,
    })
}

/// Reads every rest against its checksum; gives how many there are, and hands over what is damaged.
pub(crate) fn check_rests(conn: &Connection, mut damaged: impl FnMut(String)) -> Result<u64, ReadError> {
    let said = File::Ts.said();
    if is_old(conn)? {
        return Ok(0);
    }
    let mut all = conn.prepare("SELECT id, body FROM quarantine_rest").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    let mut n = 0;
    while let Some(r) = rows.next().map_err(&said)? {
        let id: i64 = r.get(0).map_err(&said)?;
        let body = r.get_ref(1).map_err(&said)?.as_blob().map_err(|e| said(e.into()))?;
        n += 1;
        if let Err(why) = unseal(&[id], body) {
            damaged(format!("the payload of entry {id} of the quarantine: {why}"));
        }
    }
    Ok(n)
}
