//! A chain of hashes over the rows of a table: each row's link is SHA-256(link of the row before ‖ place ‖ body), so that
//! a row that was edited, removed, put in or moved no longer fits, nor does any after it.
//!
//! What it shows: that somebody wrote into the file past this program. What it cannot show: that somebody who may write
//! the file made the whole chain anew. Against that, note the last link elsewhere ([`ChainState::head`], as `danxia
//! verify` prints it) and look for it later.
//!
//! A table that had rows before there was a chain is chained when the file is brought up to date, rather than from there
//! on: then every row is held, and there is no row without a link that could be told from one whose link was removed.
//! What was done to those rows earlier cannot be seen any more; how many they were is kept (`since`).

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ReadError;
use crate::db::{File, has_table};

/// One link, 32 bytes.
pub(crate) type Link = [u8; 32];

/// What stands before the first row.
const ORIGIN: Link = [0; 32];

/// A table that is chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// Steps of alarms.
    Journal,
    /// Who did what.
    Audit,
}

impl Chain {
    pub const ALL: [Self; 2] = [Self::Journal, Self::Audit];

    const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Audit => "audit",
        }
    }

    /// How one of its rows is called.
    const fn row(self) -> &'static str {
        match self {
            Self::Journal => "step of the alarm journal",
            Self::Audit => "entry of the audit log",
        }
    }

    /// Adds a row's link to the chain, within the transaction of `tx` that also writes the row. Whoever writes has begun it
    /// as IMMEDIATE, so that no other connection has read the same head.
    pub fn append(self, tx: &Connection, place: &[u64], body: &[u8]) -> rusqlite::Result<Link> {
        let head: Vec<u8> =
            tx.prepare_cached("SELECT head FROM chain WHERE name = ?")?.query_row([self.name()], |r| r.get(0))?;
        let link = link(&head, place, body);
        let mut put = tx.prepare_cached("UPDATE chain SET rows = rows + 1, head = ?2 WHERE name = ?1")?;
        put.execute(params![self.name(), link])?;
        Ok(link)
    }

    /// Every row in order: its place, its body and the link that it bears.
    fn each(self, conn: &Connection, mut see: impl FnMut(&[u64], &[u8], &[u8]) -> Walk) -> rusqlite::Result<()> {
        match self {
            Self::Journal => {
                let mut all = conn.prepare("SELECT seq, n, alarm, body, link FROM journal ORDER BY seq, n")?;
                let mut rows = all.query([])?;
                while let Some(r) = rows.next()? {
                    let place = [r.get::<_, i64>(0)?, r.get(1)?, r.get(2)?].map(|n| n as u64);
                    if see(&place, r.get_ref(3)?.as_bytes()?, r.get_ref(4)?.as_bytes()?) == Walk::Enough {
                        break;
                    }
                }
            }
            Self::Audit => {
                let mut all = conn.prepare(&format!("{} ORDER BY id", crate::audit::ROWS))?;
                let mut rows = all.query([])?;
                while let Some(r) = rows.next()? {
                    let (entry, place) = crate::audit::row(r)?;
                    let link: Vec<u8> = r.get(9)?;
                    if see(&[place], &crate::audit::body(&entry), &link) == Walk::Enough {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

#[derive(PartialEq, Eq)]
enum Walk {
    On,
    Enough,
}

/// A place is a fixed number of words for each table, so no two rows give the same bytes.
fn link(before: &[u8], place: &[u64], body: &[u8]) -> Link {
    let mut hash = Context::new(&SHA256);
    hash.update(before);
    place.iter().for_each(|n| hash.update(&n.to_be_bytes()));
    hash.update(body);
    let mut link = ORIGIN;
    link.copy_from_slice(hash.finish().as_ref());
    link
}

/// Steps of the journal that are chained at once.
const PAGE: i64 = 4_096;

/// Chains what was in the journal before there were links.
pub(crate) fn fill_in(conn: &Connection) -> Result<(), ReadError> {
    chain_all(conn).map_err(File::State.said())
}

fn chain_all(conn: &Connection) -> rusqlite::Result<()> {
    let (mut head, mut rows, mut after) = (ORIGIN, 0_i64, (i64::MIN, i64::MIN));
    let mut put = conn.prepare("UPDATE journal SET link = ?3 WHERE seq = ?1 AND n = ?2")?;
    // A page is read to its end before it is written: what a query sees of changes to its own table is not defined.
    let sql = "SELECT seq, n, alarm, body FROM journal WHERE (seq, n) > (?1, ?2) ORDER BY seq, n LIMIT ?3";
    let mut next = conn.prepare(sql)?;
    loop {
        let read = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?, r.get(3)?));
        let page: Vec<(i64, i64, i64, Vec<u8>)> =
            next.query_map(params![after.0, after.1, PAGE], read)?.collect::<rusqlite::Result<_>>()?;
        let Some(last) = page.last() else { break };
        after = (last.0, last.1);
        for (seq, n, alarm, body) in page {
            head = link(&head, &[seq, n, alarm].map(|x| x as u64), &body);
            put.execute(params![seq, n, head])?;
            rows += 1;
        }
    }
    let sql = "UPDATE chain SET rows = ?1, since = ?1, head = ?2 WHERE name = 'journal'";
    conn.execute(sql, params![rows, head])?;
    Ok(())
}

/// One chain, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// Which: `journal` (steps of alarms) or `audit`.
    pub name: &'static str,
    /// How many rows it holds.
    pub rows: u64,
    /// How many of them were there before the chain was, and were chained with it.
    pub since: u64,
    /// The link of the last one, hexadecimal: who notes it elsewhere can see later whether anything before was changed.
    pub head: String,
}

/// Computes both chains anew; `fault` is told the first row of each that does not fit. A file of before there were chains
/// has none.
pub(crate) fn check(conn: &Connection, mut fault: impl FnMut(String)) -> Result<Vec<ChainState>, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "chain").map_err(&said)? {
        return Ok(Vec::new());
    }
    let mut states = Vec::new();
    for chain in Chain::ALL {
        match check_one(conn, chain, &mut fault).map_err(&said)? {
            Some(state) => states.push(state),
            None => fault(format!("the chain of the {} is not there", chain.name())),
        }
    }
    Ok(states)
}

fn check_one(conn: &Connection, chain: Chain, fault: &mut impl FnMut(String)) -> rusqlite::Result<Option<ChainState>> {
    let sql = "SELECT rows, since, head FROM chain WHERE name = ?";
    let stored = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, Vec<u8>>(2)?));
    let Some((rows, since, head)) = conn.query_row(sql, [chain.name()], stored).optional()? else { return Ok(None) };
    let (mut before, mut found, mut broken) = (ORIGIN, 0_i64, false);
    chain.each(conn, |place, body, bears| {
        before = link(&before, place, body);
        found += 1;
        if before == bears {
            return Walk::On;
        }
        broken = true;
        let place = place.iter().take(2).map(u64::to_string).collect::<Vec<_>>().join(".");
        fault(format!(
            "{} {place} does not fit the chain: it was changed, or one before it was changed, removed or put in",
            chain.row()
        ));
        Walk::Enough
    })?;
    if !broken && (found != rows || before != *head) {
        fault(format!(
            "the chain of the {} ends after {found} rows and not after {rows}: its end was changed",
            chain.name()
        ));
    }
    let head = head.iter().map(|b| format!("{b:02x}")).collect();
    Ok(Some(ChainState { name: chain.name(), rows: rows as u64, since: since as u64, head }))
}
