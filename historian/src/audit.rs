//! Who did what: entries that are appended and never changed, each held by the chain ([`crate::chain`]).

use plant::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::ReadError;
use crate::chain::Chain;
use crate::db::{File, has_table};

/// The longest text of an entry, bytes; what is longer is cut.
const MOST: usize = 2_000;

/// What somebody did, or was not let do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub t: Timestamp,
    /// Who: the name of an account, or what stands in for one; empty where nobody said.
    pub who: String,
    /// From where: an address, or what else says where somebody sat.
    pub origin: String,
    /// What: a stable code.
    pub action: String,
    /// On what.
    pub subject: String,
    /// What it was before, as short text or JSON; empty where that is not known or makes no sense.
    pub was: String,
    /// What it is now, or what was asked for.
    pub now: String,
    /// `ok`, or a stable code of what kept it from being done.
    pub outcome: String,
}

/// The outcome of what was done.
pub const AUDIT_OK: &str = "ok";

/// A record with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; the first is 1.
    pub id: u64,
    /// What it says.
    pub record: AuditRecord,
}

/// Which entries are wanted; what is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By whom, exactly.
    pub who: Option<String>,
    /// An action, or all that begin with it and a dot.
    pub action: Option<String>,
    /// A text that the subject holds.
    pub subject: Option<String>,
    /// Only what was done (`true`) or was not (`false`).
    pub ok: Option<bool>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Only entries before this number.
    pub before: Option<u64>,
}

/// The columns of [`row`].
pub(crate) const ROWS: &str = "SELECT id, t, who, origin, action, subject, was, now, outcome, link FROM audit";

/// A row as an entry, and its place in the chain.
pub(crate) fn row(r: &Row<'_>) -> rusqlite::Result<(AuditRecord, u64)> {
    let record = AuditRecord {
        t: Timestamp::from_nanos(r.get(1)?),
        who: r.get(2)?,
        origin: r.get(3)?,
        action: r.get(4)?,
        subject: r.get(5)?,
        was: r.get(6)?,
        now: r.get(7)?,
        outcome: r.get(8)?,
    };
    Ok((record, r.get::<_, i64>(0)? as u64))
}

/// What the chain is made of: each text with its length, so that no two records give the same bytes.
pub(crate) fn body(a: &AuditRecord) -> Vec<u8> {
    let mut bytes = a.t.nanos().to_be_bytes().to_vec();
    for text in [&a.who, &a.origin, &a.action, &a.subject, &a.was, &a.now, &a.outcome] {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn cut(text: &str) -> String {
    if text.len() <= MOST {
        return text.to_owned();
    }
    let end = (0..=MOST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Appends a record within a transaction that was begun as IMMEDIATE.
pub(crate) fn append(tx: &Connection, a: &AuditRecord) -> rusqlite::Result<()> {
    let a = AuditRecord {
        t: a.t,
        who: cut(&a.who),
        origin: cut(&a.origin),
        action: cut(&a.action),
        subject: cut(&a.subject),
        was: cut(&a.was),
        now: cut(&a.now),
        outcome: cut(&a.outcome),
    };
    let id: i64 = tx.prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM audit")?.query_row([], |r| r.get(0))?;
    let link = Chain::Audit.append(tx, &[id as u64], &body(&a))?;
    let mut put = tx.prepare_cached("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    put.execute(params![id, a.t.nanos(), a.who, a.origin, a.action, a.subject, a.was, a.now, a.outcome, link])?;
    Ok(())
}

/// The newest first.
pub(crate) fn load(conn: &Connection, f: &AuditFilter, limit: usize) -> Result<Vec<AuditEntry>, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "audit").map_err(&said)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "{ROWS} WHERE id < ?1 AND (?2 IS NULL OR who = ?2)
         AND (?3 IS NULL OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')
         AND (?4 IS NULL OR instr(subject, ?4) > 0) AND (?5 IS NULL OR (outcome = 'ok') = ?5)
         AND (?6 IS NULL OR t >= ?6) AND (?7 IS NULL OR t < ?7) ORDER BY id DESC LIMIT ?8"
    );
    let before = f.before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (from, to) = (f.from.map(Timestamp::nanos), f.to.map(Timestamp::nanos));
    let mut query = conn.prepare_cached(&sql).map_err(&said)?;
    let wanted = params![before, f.who, f.action, f.subject, f.ok, from, to, limit];
    let entry = |r: &Row<'_>| row(r).map(|(record, id)| AuditEntry { id, record });
    query.query_map(wanted, entry).map_err(&said)?.collect::<rusqlite::Result<_>>().map_err(&said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_lengths_keep_texts_apart() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"林".repeat(1_000));
        assert_eq!((long.len(), long.ends_with('…')), (1_998 + 3, true));
        let of = |who: &str, origin: &str| {
            body(&AuditRecord {
                t: Timestamp::MIN,
                who: who.into(),
                origin: origin.into(),
                action: String::new(),
                subject: String::new(),
                was: String::new(),
                now: String::new(),
                outcome: String::new(),
            })
        };
        assert_ne!(of("ab", ""), of("a", "b"));
    }
}
