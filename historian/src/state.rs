//! state.db: what is projected from the log (asset tree, alarms, their journal). Devices, in the same file, are
//! written directly ([`crate::device`]).
//!
//! The projection is as of one commit, whose position is stored with it in the same transaction: a commit is never
//! applied twice and none is left out, however a run ended.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use plant::mapping::RuleSet;
use plant::{
    AlarmChange, AlarmDefinition, AlarmId, AlarmKey, AlarmRecord, AlarmTransition, AssetChange, Machine, Plant,
    Timestamp, Trigger,
};
use rusqlite::{Connection, params};

use crate::chain::Chain;
use crate::codec::{Record, load, store};
use crate::db::{File, Sync, has_table, open_writer};
use crate::{Ignored, JournalEntry, OpenError, ReadError, RegisterError, Retained, Seq, work};

/// What of one commit is projected.
#[derive(Debug)]
pub(crate) struct Projection<'a> {
    /// When it was committed.
    pub t: Timestamp,
    pub changes: &'a [AssetChange],
    pub alarms: Vec<&'a AlarmTransition>,
    pub retained: &'a [Retained],
    pub ignored: &'a [Ignored],
    pub work: &'a [plant::Work],
}

impl Projection<'_> {
    fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.alarms.is_empty()
            && self.retained.is_empty()
            && self.ignored.is_empty()
            && self.work.is_empty()
    }
}

/// The writer's side of the projection.
#[derive(Debug)]
pub(crate) struct State {
    conn: Connection,
    /// Everything up to and including this is applied.
    through: Seq,
    /// What of it an fsync has confirmed.
    confirmed: Seq,
    alarms: HashMap<AlarmId, AlarmRecord>,
}

impl State {
    /// Opens the file; gives the asset tree as it stands there.
    pub fn open(dir: &Path) -> Result<(Self, Plant), OpenError> {
        let conn = open_writer(dir, File::State, Sync::Normal)?;
        let said = |source| OpenError::Read { dir: dir.to_owned(), source };
        let (plant, through) = load_plant(&conn).map_err(said)?;
        let alarms = load_alarms(&conn).map_err(said)?.into_iter().map(|a| (a.key.id(), a)).collect();
        Ok((Self { conn, through, confirmed: 0, alarms }, plant))
    }

    /// Everything up to and including this is applied.
    pub fn through(&self) -> Seq {
        self.through
    }

    /// Applies commit `seq`, the one after [`State::through`]. `plant` already holds the changes.
    pub fn apply(&mut self, seq: Seq, plant: &Plant, what: &Projection<'_>) -> rusqlite::Result<()> {
        if !what.is_empty() {
            let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            for change in what.changes {
                let id = match change {
                    AssetChange::Machine(m) => &m.id,
                    AssetChange::Point(id, _) => id,
                    AssetChange::Rules(rules) => {
                        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO rules VALUES (1, ?)")?;
                        put.execute([store(&**rules)])?;
                        continue;
                    }
                    AssetChange::Alarms(changes) => {
                        put_definitions(&tx, changes)?;
                        continue;
                    }
                };
                if let Some(machine) = plant.machines.get(id) {
                    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO machine VALUES (?, ?)")?;
                    put.execute(params![id.as_str(), store(&**machine)])?;
                }
            }
            let mut after: HashMap<AlarmId, AlarmRecord> = HashMap::new();
            for (n, step) in what.alarms.iter().enumerate() {
                let id = step.key.id();
                let record = AlarmRecord::after(after.get(&id).or_else(|| self.alarms.get(&id)), step);
                after.insert(id, record);
                let body = store(*step);
                let link = Chain::Journal.append(&tx, &[seq, n as u64, id.0], &body)?;
                let mut put = tx.prepare_cached("INSERT INTO journal VALUES (?, ?, ?, ?, ?)")?;
                put.execute(params![seq as i64, n as i64, id.0 as i64, body, link])?;
            }
            for (id, record) in &after {
                let mut put = tx.prepare_cached("INSERT OR REPLACE INTO alarm VALUES (?, ?)")?;
                put.execute(params![id.0 as i64, store(record)])?;
            }
            put_retained(&tx, what.retained, what.t)?;
            put_ignored(&tx, what.ignored)?;
            work::put(&tx, what.work)?;
            tx.prepare_cached("UPDATE applied SET through = ?, revision = ?")?
                .execute(params![seq as i64, plant.revision as i64])?;
            tx.commit()?;
            self.alarms.extend(after);
        }
        self.through = seq;
        Ok(())
    }

    /// Makes what is applied survive a loss of power, and says up to where that holds: the log may forget that far.
    pub fn confirm(&mut self, revision: u64) -> rusqlite::Result<Seq> {
        if self.confirmed < self.through {
            // In WAL mode the fsync of one commit confirms every commit before it.
            self.conn.pragma_update(None, "synchronous", "FULL")?;
            let put = self.rewrite(revision);
            self.conn.pragma_update(None, "synchronous", "NORMAL")?;
            put?;
            self.confirmed = self.through;
        }
        Ok(self.confirmed)
    }

    /// Writes where the projection stands. SQLite writes no page, and then syncs nothing, for an update after which the
    /// row is what it was: so it is changed in between.
    fn rewrite(&mut self, revision: u64) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute("UPDATE applied SET through = -1", [])?;
        let now = params![self.through as i64, revision as i64];
        tx.execute("UPDATE applied SET through = ?, revision = ?", now)?;
        tx.commit()
    }
}

fn put_definitions(tx: &Connection, changes: &[AlarmChange]) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            AlarmChange::Define(d) => {
                let mut put = tx.prepare_cached("INSERT OR REPLACE INTO definition VALUES (?, ?)")?;
                put.execute(params![d.key.id().0 as i64, store(&**d)])?;
            }
            AlarmChange::Forget(key) => {
                tx.prepare_cached("DELETE FROM definition WHERE id = ?")?.execute([key.id().0 as i64])?;
            }
        }
    }
    Ok(())
}

/// The last word on each topic stays; an empty one, and what has expired by `t`, goes.
fn put_retained(tx: &Connection, retained: &[Retained], t: Timestamp) -> rusqlite::Result<()> {
    if retained.is_empty() {
        return Ok(());
    }
    for r in retained {
        if r.payload.is_empty() {
            tx.prepare_cached("DELETE FROM retained WHERE topic = ?")?.execute([&*r.topic])?;
        } else {
            let mut put = tx.prepare_cached("INSERT OR REPLACE INTO retained VALUES (?, ?, ?)")?;
            put.execute(params![&*r.topic, r.expires.map(Timestamp::nanos), store(r)])?;
        }
    }
    tx.prepare_cached("DELETE FROM retained WHERE expires <= ?")?.execute([t.nanos()])?;
    Ok(())
}

fn put_ignored(tx: &Connection, ignored: &[Ignored]) -> rusqlite::Result<()> {
    for i in ignored {
        let sql = match i.ignored {
            true => "INSERT OR REPLACE INTO ignored VALUES (?, ?)",
            false => "DELETE FROM ignored WHERE machine = ? AND point = ?",
        };
        tx.prepare_cached(sql)?.execute(params![i.machine.as_str(), i.point.as_deref().unwrap_or("")])?;
    }
    Ok(())
}

/// What is not to be offered, by name.
pub(crate) fn load_ignored(conn: &Connection) -> Result<Vec<Ignored>, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "ignored").map_err(&said)? {
        return Ok(Vec::new());
    }
    let mut all = conn.prepare_cached("SELECT machine, point FROM ignored ORDER BY 1, 2").map_err(&said)?;
    let rows = all.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?))).map_err(&said)?;
    rows.map(|row| {
        let (machine, point) = row.map_err(&said)?;
        let damaged = |_| ReadError::damaged("a name to be ignored")(crate::codec::Damage("it is no machine's"));
        let point = Some(point).filter(|p| !p.is_empty()).map(Into::into);
        Ok(Ignored { machine: machine.parse().map_err(damaged)?, point, ignored: true })
    })
    .collect()
}

/// What is retained, by topic.
pub(crate) fn load_retained(conn: &Connection) -> Result<Vec<Retained>, ReadError> {
    if !has_table(conn, "retained").map_err(File::State.said())? {
        return Ok(Vec::new());
    }
    records(conn, "SELECT body FROM retained ORDER BY topic", [], "a retained message in state.db")
}

/// The asset tree and the commit up to which it holds.
pub(crate) fn load_plant(conn: &Connection) -> Result<(Plant, Seq), ReadError> {
    let said = File::State.said();
    let (through, revision): (i64, i64) =
        conn.query_row("SELECT through, revision FROM applied", [], |r| Ok((r.get(0)?, r.get(1)?))).map_err(&said)?;
    let mut plant = Plant { revision: revision as u64, ..Plant::default() };
    let mut all = conn.prepare("SELECT body FROM machine").map_err(&said)?;
    for body in all.query_map([], |r| r.get::<_, Vec<u8>>(0)).map_err(&said)? {
        let machine: Machine = load(&body.map_err(&said)?).map_err(ReadError::damaged("a machine in state.db"))?;
        plant.machines.insert(machine.id.clone(), Arc::new(machine));
    }
    plant.rules = Arc::new(load_rules(conn)?);
    plant.alarms = Arc::new(load_definitions(conn)?);
    Ok((plant, through as Seq))
}

/// The mapping rules. A file of before there were any, opened for reading, has no table of them.
fn load_rules(conn: &Connection) -> Result<RuleSet, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "rules").map_err(&said)? {
        return Ok(RuleSet::default());
    }
    Ok(records(conn, "SELECT body FROM rules", [], "the mapping rules in state.db")?.pop().unwrap_or_default())
}

/// What alarms mean. A file of before anybody could say, opened for reading, has no table of them.
fn load_definitions(conn: &Connection) -> Result<BTreeMap<AlarmKey, Arc<AlarmDefinition>>, ReadError> {
    if !has_table(conn, "definition").map_err(File::State.said())? {
        return Ok(BTreeMap::new());
    }
    let all: Vec<AlarmDefinition> =
        records(conn, "SELECT body FROM definition", [], "what an alarm means in state.db")?;
    Ok(all.into_iter().map(|d| (d.key.clone(), Arc::new(d))).collect())
}

/// Every alarm.
pub(crate) fn load_alarms(conn: &Connection) -> Result<Vec<AlarmRecord>, ReadError> {
    records(conn, "SELECT body FROM alarm", [], "an alarm in state.db")
}

/// One alarm.
pub(crate) fn load_alarm(conn: &Connection, id: AlarmId) -> Result<Option<AlarmRecord>, ReadError> {
    Ok(records(conn, "SELECT body FROM alarm WHERE id = ?", [id.0 as i64], "an alarm in state.db")?.pop())
}

pub(crate) fn records<T: Record>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    what: &str,
) -> Result<Vec<T>, ReadError> {
    let said = File::State.said();
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let rows = query.query_map(params, |r| r.get::<_, Vec<u8>>(0)).map_err(&said)?;
    rows.map(|body| load(&body.map_err(&said)?).map_err(ReadError::damaged(what))).collect()
}

/// The journal before `before`, the newest first; of one alarm or of all.
pub(crate) fn load_journal(
    conn: &Connection,
    id: Option<AlarmId>,
    before: (Seq, u32),
    limit: usize,
) -> Result<Vec<JournalEntry>, ReadError> {
    let said = File::State.said();
    let sql = match id {
        None => {
            "SELECT seq, n, body FROM journal WHERE ?1 IS NULL AND (seq, n) < (?2, ?3)
             ORDER BY seq DESC, n DESC LIMIT ?4"
        }
        Some(_) => {
            "SELECT seq, n, body FROM journal WHERE alarm = ?1 AND (seq, n) < (?2, ?3)
             ORDER BY seq DESC, n DESC LIMIT ?4"
        }
    };
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let before_seq = i64::try_from(before.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    journal_entries(query.query(params![id.map(|id| id.0 as i64), before_seq, before.1, limit]).map_err(&said)?)
}

/// Steps of all alarms after `after`, the oldest first.
pub(crate) fn load_journal_after(
    conn: &Connection,
    after: (Seq, u32),
    limit: usize,
) -> Result<Vec<JournalEntry>, ReadError> {
    let said = File::State.said();
    let sql = "SELECT seq, n, body FROM journal WHERE (seq, n) > (?1, ?2) ORDER BY seq, n LIMIT ?3";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    let seq = i64::try_from(after.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    journal_entries(query.query(params![seq, after.1, limit]).map_err(&said)?)
}

/// Steps that are looked through for one that says when it was journaled.
const PROBE: usize = 64;

/// A position up to which every step was journaled before `t`: the last such one, unless sources' clocks run ahead.
///
/// Rows are in the order of their commits. What a step says of its time is at most `late` before that, unless it is
/// history, and so the place is found by halving. A step whose time lies ahead of its commit makes it an earlier one.
pub(crate) fn journal_before(conn: &Connection, t: Timestamp) -> Result<(Seq, u32), ReadError> {
    let said = File::State.said();
    let last: Option<i64> = conn.query_row("SELECT max(seq) FROM journal", [], |r| r.get(0)).map_err(&said)?;
    let sql = "SELECT seq, n, body FROM journal WHERE seq >= ?1 ORDER BY seq, n LIMIT ?2";
    let (mut before, mut end) = (0, last.unwrap_or(0) + 1);
    while before + 1 < end {
        let middle = before + (end - before) / 2;
        let mut query = conn.prepare_cached(sql).map_err(&said)?;
        let found = journal_entries(query.query(params![middle, PROBE as i64]).map_err(&said)?)?;
        let told = found.iter().find(|e| !matches!(e.transition.trigger, Trigger::Historical));
        match told.filter(|e| e.transition.t < t && (e.seq as i64) < end) {
            Some(e) => before = e.seq as i64,
            None => end = middle,
        }
    }
    Ok((before as Seq, u32::MAX))
}

fn journal_entries(mut rows: rusqlite::Rows<'_>) -> Result<Vec<JournalEntry>, ReadError> {
    let said = File::State.said();
    let mut journal = Vec::new();
    while let Some(r) = rows.next().map_err(&said)? {
        let seq = r.get::<_, i64>(0).map_err(&said)? as Seq;
        let body: Vec<u8> = r.get(2).map_err(&said)?;
        let transition = load(&body).map_err(ReadError::damaged(format!("the journal's entry of commit {seq}")))?;
        journal.push(JournalEntry { seq, n: r.get(1).map_err(&said)?, transition });
    }
    Ok(journal)
}

impl From<rusqlite::Error> for RegisterError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fsync is one of the write-ahead log: where nothing is written to it, nothing is synced, and what a commit
    /// before wrote without an fsync is not on disk.
    #[test]
    fn what_is_confirmed_is_written_also_where_the_last_commit_has_written_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut state, plant) = State::open(dir.path()).unwrap();
        let topic = Retained { topic: "t".into(), payload: b"x"[..].into(), ..retained() };
        let what = Projection {
            t: Timestamp::MIN,
            changes: &[],
            alarms: Vec::new(),
            retained: &[topic],
            ignored: &[],
            work: &[],
        };
        state.apply(1, &plant, &what).unwrap();
        let wal = || std::fs::metadata(dir.path().join("state.db-wal")).unwrap().len();
        let before = wal();
        assert_eq!(state.confirm(plant.revision).unwrap(), 1);
        assert!(wal() > before, "{before} bytes before, {} after", wal());
    }

    fn retained() -> Retained {
        Retained { topic: "".into(), payload: b""[..].into(), qos: 1, properties: b""[..].into(), expires: None }
    }
}
