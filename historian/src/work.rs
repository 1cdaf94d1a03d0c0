//! Work orders, notes and photos in state.db.

use std::collections::BTreeSet;

use plant::{AlarmId, AlarmKey, Fault, MachineId, Note, PhotoId, Timestamp, Work, WorkOrder, WorkState};
use ring::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::codec::store;
use crate::db::{File, has_table};
use crate::state::records;
use crate::{ReadError, RegisterError};

/// The largest photo, bytes. The page makes them smaller before it sends them.
pub const MAX_PHOTO: usize = 4 << 20;
/// The most photos: at what the page sends, a few gigabytes.
const MAX_PHOTOS: i64 = 10_000;
/// A photo that no work order refers to after this time was never meant to be kept.
const ORPHANED: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// Which work orders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkFilter {
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// That this alarm called for.
    pub alarm: Option<AlarmId>,
    /// In one of these states; `None`: in any.
    pub states: Option<BTreeSet<WorkState>>,
    /// That were called for by the like of it.
    pub like: Option<Likeness>,
    /// Numbered below this.
    pub before: Option<u64>,
}

/// What alarms on different machines have in common: the fault that they name, or the same condition of a point of the
/// same name.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    condition: String,
    point: Option<String>,
    fault: Option<Fault>,
}

impl Likeness {
    /// Of what calls for work.
    #[must_use]
    pub fn of(key: &AlarmKey, fault: Option<Fault>) -> Self {
        Self { condition: key.condition.code(), point: key.point.as_ref().map(|p| p.name().to_owned()), fault }
    }
}

/// Puts work orders and notes in the place of what they were.
pub(crate) fn put(tx: &Connection, work: &[Work]) -> rusqlite::Result<()> {
    for what in work {
        match what {
            Work::Order(o) => {
                let like = o.origin.alarm().map(|key| Likeness::of(key, None));
                let mut put = tx.prepare_cached("INSERT OR REPLACE INTO work_order VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
                put.execute(params![
                    o.number as i64,
                    o.machine.as_str(),
                    o.origin.alarm().map(|key| key.id().0 as i64),
                    like.as_ref().map(|l| &l.condition),
                    like.as_ref().map(|l| &l.point),
                    o.origin.fault().map(Fault::code),
                    o.state.as_str(),
                    store(&**o)
                ])?;
                tx.prepare_cached("DELETE FROM work_photo WHERE number = ?")?.execute([o.number as i64])?;
                for photo in &o.photos {
                    let mut put = tx.prepare_cached("INSERT OR IGNORE INTO work_photo VALUES (?, ?)")?;
                    put.execute(params![o.number as i64, photo.0])?;
                }
            }
            Work::Note(n) => {
                let mut put = tx.prepare_cached("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)")?;
                let alarm = n.alarm.as_ref().map(|key| key.id().0 as i64);
                put.execute(params![n.number as i64, n.machine.as_str(), alarm, store(&**n)])?;
            }
        }
    }
    Ok(())
}

/// Work orders, the newest first.
pub(crate) fn orders(conn: &Connection, f: &WorkFilter, limit: usize) -> Result<Vec<WorkOrder>, ReadError> {
    if !has_table(conn, "work_order").map_err(File::State.said())? {
        return Ok(Vec::new());
    }
    let states = f.states.as_ref().map(|s| s.iter().map(|s| format!("|{}|", s.as_str())).collect::<String>());
    let (like, fault) = (f.like.as_ref(), f.like.as_ref().and_then(|l| l.fault.map(Fault::code)));
    let wanted = params![
        f.before.map_or(i64::MAX, number),
        f.machine.as_ref().map(MachineId::as_str),
        f.alarm.map(|id| id.0 as i64),
        states,
        like.map(|l| &l.condition),
        like.and_then(|l| l.point.as_ref()),
        fault,
        number(limit as u64)
    ];
    let sql = "SELECT body FROM work_order WHERE number < ?1 AND (?2 IS NULL OR machine = ?2)
         AND (?3 IS NULL OR alarm = ?3) AND (?4 IS NULL OR instr(?4, '|' || state || '|') > 0)
         AND (?5 IS NULL OR (condition = ?5 AND point IS ?6) OR fault = ?7) ORDER BY number DESC LIMIT ?8";
    records(conn, sql, wanted, "a work order in state.db")
}

/// One work order.
pub(crate) fn order(conn: &Connection, n: u64) -> Result<Option<WorkOrder>, ReadError> {
    if !has_table(conn, "work_order").map_err(File::State.said())? {
        return Ok(None);
    }
    let sql = "SELECT body FROM work_order WHERE number = ?";
    Ok(records(conn, sql, [number(n)], "a work order in state.db")?.pop())
}

/// Notes of a machine, the newest first; those that were taken back are among them.
pub(crate) fn notes(
    conn: &Connection,
    machine: &MachineId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Note>, ReadError> {
    if !has_table(conn, "note").map_err(File::State.said())? {
        return Ok(Vec::new());
    }
    let sql = "SELECT body FROM note WHERE machine = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    let wanted = params![machine.as_str(), before.map_or(i64::MAX, number), number(limit as u64)];
    records(conn, sql, wanted, "a note in state.db")
}

/// The numbers of the last work order and the last note; 0 where there is none.
pub(crate) fn last(conn: &Connection) -> Result<(u64, u64), ReadError> {
    let said = File::State.said();
    if !has_table(conn, "work_order").map_err(&said)? {
        return Ok((0, 0));
    }
    let sql = "SELECT ifnull((SELECT max(number) FROM work_order), 0), ifnull((SELECT max(number) FROM note), 0)";
    let last: (i64, i64) = conn.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).map_err(&said)?;
    Ok((last.0 as u64, last.1 as u64))
}

/// A photo, if a work order of this machine shows it.
pub(crate) fn photo(conn: &Connection, machine: &MachineId, id: PhotoId) -> Result<Option<Vec<u8>>, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "photo").map_err(&said)? {
        return Ok(None);
    }
    let sql = "SELECT body FROM photo WHERE id = ?1 AND EXISTS
         (SELECT 1 FROM work_photo JOIN work_order USING (number) WHERE photo = ?1 AND machine = ?2)";
    conn.query_row(sql, params![id.0, machine.as_str()], |r| r.get(0)).optional().map_err(&said)
}

/// Whether all of these are here.
pub(crate) fn has_photos(conn: &Connection, ids: &[PhotoId]) -> Result<bool, ReadError> {
    let said = File::State.said();
    let mut one = conn.prepare_cached("SELECT 1 FROM photo WHERE id = ?").map_err(&said)?;
    for id in ids {
        if !one.exists([id.0]).map_err(&said)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps a photo, and forgets those that nothing refers to for a day. On disk when this returns.
pub(crate) fn add_photo(tx: Transaction<'_>, body: &[u8], now: Timestamp) -> Result<PhotoId, RegisterError> {
    let orphan = "DELETE FROM photo WHERE t < ? AND NOT EXISTS (SELECT 1 FROM work_photo WHERE photo = photo.id)";
    tx.execute(orphan, [(now - ORPHANED).nanos()])?;
    let count: i64 = tx.query_row("SELECT count(*) FROM photo", [], |r| r.get(0))?;
    if count >= MAX_PHOTOS {
        return Err(RegisterError::PhotosFull(MAX_PHOTOS));
    }
    let mut id = [0; 32];
    id.copy_from_slice(digest(&SHA256, body).as_ref());
    // One that is sent again is as new: it is not to go before the order that will refer to it.
    tx.execute("INSERT OR REPLACE INTO photo VALUES (?, ?, ?)", params![id, now.nanos(), body])?;
    tx.commit()?;
    Ok(PhotoId(id))
}

/// Holds every photo against its name, and every reference against the photos.
pub(crate) fn check_photos(conn: &Connection, mut fault: impl FnMut(String)) -> Result<(), ReadError> {
    let said = File::State.said();
    if !has_table(conn, "photo").map_err(&said)? {
        return Ok(());
    }
    let mut all = conn.prepare("SELECT id, body FROM photo").map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        let (id, body): (Vec<u8>, Vec<u8>) = (r.get(0).map_err(&said)?, r.get(1).map_err(&said)?);
        if digest(&SHA256, &body).as_ref() != id {
            fault("a photo in state.db is not the one that was sent".to_owned());
        }
    }
    let sql = "SELECT number FROM work_photo WHERE NOT EXISTS (SELECT 1 FROM photo WHERE id = photo) ORDER BY number";
    let mut missing = conn.prepare(sql).map_err(&said)?;
    let mut rows = missing.query([]).map_err(&said)?;
    while let Some(r) = rows.next().map_err(&said)? {
        fault(format!("a photo of work order {} is missing", r.get::<_, i64>(0).map_err(&said)?));
    }
    Ok(())
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
