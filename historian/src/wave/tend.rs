//! Carries the policy out: between commits, a few waveforms at a time, and gives the room back.
//!
//! What an interruption undoes is done again, so nothing here waits for the disk. Everything that one step changes
//! (what goes, the counts, how far the alarm journal was read) is one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plant::{Diagnosis, Event, MachineId, Name, Timestamp, Value};
use rusqlite::{Connection, TransactionBehavior};

use super::Wave;
use super::keep::DAY;
use super::step::{Step, Tally};
use super::sums::{Told, forced, journal_read, meta, pragma, set_meta, take_in, told, total, write_tally, write_told};
use crate::db::File;
use crate::{JournalEntry, ReadError, Seq};

/// Where nothing waits to be done, it is looked again after this time.
const LOOK: Duration = Duration::from_secs(1);
/// Where commits wait for the writer, there is this much time between two steps.
const PACE: Duration = Duration::from_millis(20);
/// How many records a step deals with, about: where commits wait, and where none does.
const RECORDS: (usize, usize) = (32, 256);
/// How many pages of 16 KiB a step gives back, at most: where commits wait, and where none does.
const PAGES: (u64, u64) = (8, 128);
/// How many entries of the alarm journal a step takes in.
const ENTRIES: usize = 256;
/// Of free pages, this many and this part of the file are kept for what comes next.
const SPARE: (u64, u64) = (64, 8);
/// The machine that events about the store itself are filed under.
const STORE: (&str, &str) = ("danxia", "store");

/// What the writer remembers between two steps.
#[derive(Debug)]
pub(crate) struct Tending {
    last: Timestamp,
    /// There was more to do than one step does.
    more: bool,
    /// Bytes that the disk wants back.
    owed: u64,
    /// All free pages are given back, until there are none.
    giving: bool,
    /// The file cannot give pages back: it was made without that.
    stuck: bool,
    /// The classes of what is stored.
    pub classes: BTreeSet<String>,
    told: Told,
    /// An event that is to be committed, and one that was.
    notice: Option<Told>,
    committed: Option<Told>,
}

/// When a step takes place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of the last commit.
    pub t: Timestamp,
    /// Up to here every follower has what it needs: one that goes on from before must find what it found the first time.
    /// Only want of room goes beyond that; then a follower does without.
    pub followed: Seq,
    /// Whether no commit waits.
    pub idle: bool,
}

/// What the policy asks other files.
pub(crate) trait Ask {
    /// Steps of alarms after this entry of the journal, the oldest first.
    fn journal(&self, after: (Seq, u32), limit: usize) -> Result<Vec<JournalEntry>, ReadError>;
    /// The diagnoses of the records of `point` with `from <= t0 <= to`.
    fn diagnoses(&self, point: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Diagnosis>, ReadError>;
}

impl Tending {
    pub fn open(conn: &Connection, head: Seq) -> rusqlite::Result<Self> {
        // A store that was put together from a backup may know of alarms that, by its log, never were.
        if meta(conn, "journal_seq")? as Seq > head {
            set_meta(conn, "journal_seq", head as i64)?;
            set_meta(conn, "journal_n", i64::from(u32::MAX))?;
        }
        let mut classes = conn.prepare("SELECT DISTINCT class FROM waveform")?;
        let classes = classes.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
        Ok(Self {
            last: Timestamp::MIN,
            more: false,
            owed: 0,
            giving: false,
            stuck: false,
            classes,
            told: told(conn)?,
            notice: None,
            committed: None,
        })
    }

    fn is_due(&self, at: Moment) -> bool {
        let rest = match self.more || self.owed > 0 || self.giving {
            true if at.idle => Duration::ZERO,
            true => PACE,
            false => LOOK,
        };
        self.committed.is_some() || at.t.since(self.last) >= rest
    }
}

impl Wave {
    /// One step, if it is time for one. Gives how many bytes were written for it, about.
    pub fn tend(&mut self, at: Moment, ask: &impl Ask) -> Result<usize, ReadError> {
        // Rows of a commit that failed are nobody's yet.
        if self.leftover || !self.tending.is_due(at) {
            return Ok(0);
        }
        self.tending.last = at.t;
        self.tending.more = false;
        // Without an fsync: see above. The next commit's covers it.
        self.conn.pragma_update(None, "synchronous", "NORMAL").map_err(File::Wave.said())?;
        let done = self.step(at, ask);
        self.conn.pragma_update(None, "synchronous", "FULL").map_err(File::Wave.said())?;
        done
    }

    fn step(&mut self, at: Moment, ask: &impl Ask) -> Result<usize, ReadError> {
        let said = File::Wave.said();
        let entries = ask.journal(journal_read(&self.conn).map_err(&said)?, ENTRIES)?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&said)?;
        take_in(&tx, &entries).map_err(&said)?;
        let mut step = Step {
            tx: &tx,
            at,
            ask,
            policy: &self.policy,
            classes: &self.tending.classes,
            left: if at.idle { RECORDS.1 } else { RECORDS.0 },
            tally: Tally::new(),
        };
        // Before all alarms are known, nothing can be told to be far from them.
        let mut more = entries.len() == ENTRIES;
        if !more {
            step.thin_by_age()?;
            step.hold_quota()?;
            step.pay(&mut self.tending.owed)?;
            more = step.left == 0;
        }
        let tally = step.tally;
        write_tally(&tx, &tally).map_err(&said)?;
        if let Some(told) = self.tending.committed.take() {
            write_told(&tx, told).map_err(&said)?;
            self.tending.told = told;
        }
        let forced = forced(&tx).map_err(&said)?;
        tx.commit().map_err(&said)?;
        self.tending.more = more;
        let day = at.t.nanos().div_euclid(DAY.as_nanos() as i64);
        let told = self.tending.told;
        if day > told.day && forced.0 > told.records {
            self.tending.notice = Some(Told { day, records: forced.0, bytes: forced.1 });
        }
        let records: u64 = tally.values().map(|(records, _)| records).sum();
        let pages = self.give_back(at.idle).map_err(&said)?;
        // A row that goes touches its own page and those of its indexes.
        Ok(records as usize * (16 << 10) + pages as usize * (32 << 10))
    }

    /// Gives free pages back to the file system; how many.
    fn give_back(&mut self, idle: bool) -> rusqlite::Result<u64> {
        let (pages, free) = (pragma(&self.conn, "page_count")?, pragma(&self.conn, "freelist_count")?);
        self.tending.giving &= free > 0 && !self.tending.stuck;
        let spare = if self.tending.giving { 0 } else { SPARE.0.max(pages / SPARE.1) };
        let most = if idle { PAGES.1 } else { PAGES.0 };
        let wanted = free.saturating_sub(spare).min(most);
        if wanted == 0 || self.tending.stuck {
            return Ok(0);
        }
        let mut vacuum = self.conn.prepare(&format!("PRAGMA incremental_vacuum({wanted})"))?;
        let mut steps = vacuum.query([])?;
        // It gives one page with each of its steps.
        while steps.next()?.is_some() {}
        drop(steps);
        drop(vacuum);
        let left = pragma(&self.conn, "freelist_count")?;
        self.tending.stuck = left >= free;
        self.tending.more |= left > spare && !self.tending.stuck;
        Ok(free.saturating_sub(left))
    }

    /// Asks for `bytes` of the disk back. Gives how many will come, with the next commits: those of free pages, then
    /// those of waveforms that nothing protects, in the order of the quota. A later call takes the place of this one.
    pub fn shed(&mut self, bytes: u64) -> rusqlite::Result<u64> {
        let free = match self.tending.stuck {
            true => 0,
            false => pragma(&self.conn, "freelist_count")? * pragma(&self.conn, "page_size")?,
        };
        let unprotected = total(&self.conn, 0)?.1;
        let promised = bytes.min(free + unprotected);
        self.tending.owed = promised.saturating_sub(free);
        self.tending.giving = promised > 0;
        Ok(promised)
    }

    /// What is to be said, with the next commit, of waveforms that had to go: once a day at most.
    pub fn notice(&self, t: Timestamp) -> Option<Event> {
        let (now, before) = (self.tending.notice?, self.tending.told);
        let (site, machine) = STORE;
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        Some(Event {
            machine: MachineId::new(site, machine).ok()?,
            t,
            t_received: t,
            kind: Name::new("waveforms_dropped").ok()?,
            fields: BTreeMap::from([
                ("records".into(), number(now.records - before.records)),
                ("bytes".into(), number(now.bytes - before.bytes)),
                ("quota_bytes".into(), number(self.policy.quota_bytes)),
            ]),
        })
    }

    /// What [`Wave::notice`] gave is committed.
    pub fn noticed(&mut self) {
        if let Some(told) = self.tending.notice.take() {
            let Told { records, bytes, .. } = self.tending.told;
            let (records, bytes) = (told.records - records, told.bytes - bytes);
            tracing::warn!(records, bytes, "waveforms were dropped before their time, for want of room");
            self.tending.committed = Some(told);
        }
    }
}
