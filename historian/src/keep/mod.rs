//! What is done to ts.db between two commits, a little at a time: minutes and hours are made, what is too old goes, and
//! the room is given back.
//!
//! What an interruption undoes is done again, so nothing here waits for the disk: the fsync of the next commit covers it.

pub(crate) mod age;
mod pass;
mod raw;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::time::Duration;

use plant::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::db::{File, give_pages, pragma};
use crate::rollup::build;
use crate::shared::Shared;
use crate::ts::Ts;
use crate::wave::tend::Moment;
use crate::{Config, ReadError, Retention, Seq};
use pass::Pass;

/// Where nothing waits to be done, it is looked again after this time.
const LOOK: Duration = Duration::from_secs(1);
/// Where commits wait for the writer, there is this much time between two steps.
const PACE: Duration = Duration::from_millis(20);
/// How many chunks a step opens or removes, about: where commits wait, and where none does.
const CHUNKS: (usize, usize) = (16, 64);
/// How many pages of 16 KiB a step gives back, at most: where commits wait and the disk is full, and where none does.
const PAGES: (u64, u64) = (8, 64);
/// Of free pages, this many and this part of the file are kept for what comes next, beside half of the log.
const SPARE: (u64, u64) = (64, 16);
/// The whole store is looked through for what is too old so often.
const PASS: Duration = Duration::from_secs(600);

/// What [`retire_oldest`] brings, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retired {
    /// Those of free pages, given back first.
    pub free: u64,
    /// Those of raw values that are to go, as far as there are such that may.
    pub owed: u64,
}

/// Asks for `bytes` of the disk back: free pages first, then the oldest raw values, whose minutes and hours stay, and
/// which every follower has passed. They come with the next commits, a little after each. A later call takes the place of
/// this one.
pub(crate) fn retire_oldest(ts: &mut Ts, bytes: u64) -> rusqlite::Result<Retired> {
    // A file that was made without it does not shrink: its free pages are for what comes next.
    let gives = pragma(&ts.conn, "auto_vacuum")? == 2;
    let free = if gives { pragma(&ts.conn, "freelist_count")? * pragma(&ts.conn, "page_size")? } else { 0 };
    ts.owed = bytes.saturating_sub(free);
    ts.giving = bytes > 0;
    Ok(Retired { free: free.min(bytes), owed: ts.owed })
}

/// What a step may use.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    pub shared: &'a Shared,
    pub config: &'a Config,
    /// The last commit.
    pub seq: Seq,
    pub at: Moment,
}

/// What the writer remembers between two steps.
#[derive(Debug)]
pub(crate) struct Tending {
    last: Timestamp,
    /// There was more to do than one step does.
    more: bool,
    pass: Option<Pass>,
    /// When the last pass ended.
    passed: Timestamp,
    /// For want of room, raw values go up to here.
    horizon: i64,
    /// The file cannot give pages back: it was made without that.
    stuck: bool,
}

impl Default for Tending {
    fn default() -> Self {
        let (last, passed) = (Timestamp::MIN, Timestamp::MIN);
        Self { last, more: true, pass: None, passed, horizon: i64::MIN, stuck: false }
    }
}

impl Tending {
    /// Chunks were written, the earliest at `t0`.
    pub fn sealed(&mut self, t0: i64) {
        self.more = true;
        if let Some(pass) = &mut self.pass {
            pass.saw(t0);
        }
    }

    /// Whether there was more to do than the last step did.
    pub fn has_more(&self) -> bool {
        self.more
    }

    fn is_due(&self, ts: &Ts, at: Moment) -> bool {
        let rest = match self.more || ts.owed > 0 || ts.giving {
            true if at.idle => Duration::ZERO,
            true => PACE,
            false => LOOK,
        };
        at.t.since(self.last) >= rest
    }

    /// One step, if it is time for one. Gives how many bytes were written, about.
    pub fn step(&mut self, ts: &mut Ts, tools: Tools<'_>) -> Result<usize, ReadError> {
        let at = tools.at;
        if !self.is_due(ts, at) {
            return Ok(0);
        }
        (self.last, self.more) = (at.t, false);
        let said = File::Ts.said();
        let stale = build::next(&ts.conn, at.t.nanos()).map_err(&said)?.is_some();
        if self.pass.is_none() {
            self.pass = self.begin(ts, tools).map_err(&said)?;
        }
        let pages = self.pages(ts, tools).map_err(&said)?;
        if !stale && self.pass.is_none() && pages == 0 {
            return Ok(0);
        }
        ts.conn.pragma_update(None, "synchronous", "NORMAL").map_err(&said)?;
        let done = self.work(ts, tools).and_then(|bytes| {
            let given = give_pages(&ts.conn, pages).map_err(&said)?;
            // What was free may have been used in this very step.
            self.stuck |= pages > 0 && given == 0 && pragma(&ts.conn, "freelist_count").map_err(&said)? > 0;
            self.more |= given > 0;
            Ok(bytes + given as usize * (32 << 10))
        });
        ts.conn.pragma_update(None, "synchronous", "FULL").map_err(&said)?;
        done
    }

    /// Minutes and hours, and some of a pass, in one transaction.
    fn work(&mut self, ts: &mut Ts, tools: Tools<'_>) -> Result<usize, ReadError> {
        let said = File::Ts.said();
        let tx = ts.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&said)?;
        let most = if tools.at.idle { CHUNKS.1 } else { CHUNKS.0 };
        let (mut spent, mut written) = (0, 0);
        if let Some(pass) = &mut self.pass {
            // A reader who looked at a head before this looks again.
            tools.shared.removals.fetch_add(1, Ordering::SeqCst);
            // What is stale gets its half, unless the disk is full.
            let share = if ts.owed > 0 { most } else { most / 2 };
            let (used, bytes) = pass.step(&tx, tools, share, &mut ts.owed)?;
            (spent, written) = (used, bytes);
        }
        written += make(&tx, tools, most.saturating_sub(spent), &mut self.more)?;
        tx.commit().map_err(&said)?;
        if let Some(pass) = self.pass.take_if(|p| p.is_over()) {
            pass.tell(&ts.conn, tools.shared).map_err(&said)?;
            self.passed = tools.at.t;
            if pass.room {
                self.look_further(&pass, ts, tools.at);
            }
        }
        self.more |= self.pass.is_some();
        Ok(written)
    }

    /// The next pass, if it is time for one.
    fn begin(&mut self, ts: &Ts, tools: Tools<'_>) -> rusqlite::Result<Option<Pass>> {
        let at = tools.at;
        if ts.owed > 0 {
            self.horizon = self.horizon.max(pass::end_of_day(tools.shared.oldest_raw())).min(pass::now(at));
            return Ok(Some(Pass::for_room(self.horizon, at)));
        }
        let keep = &tools.config.retention;
        let due = *keep != Retention::default() && at.t.since(self.passed) >= PASS;
        due.then(|| Pass::by_age(&ts.conn, keep, at)).transpose()
    }

    /// After a pass for want of room: up to where the next one goes, if there is anything.
    fn look_further(&mut self, pass: &Pass, ts: &mut Ts, at: Moment) {
        if self.horizon >= pass::now(at) && pass.is_barren() {
            if ts.owed > 0 {
                tracing::warn!(bytes = ts.owed, "no raw values are left that could go for want of room");
            }
            (ts.owed, self.horizon) = (0, i64::MIN);
            return;
        }
        self.horizon = self.horizon.saturating_add(crate::rollup::DAY);
    }

    /// How many pages this step gives back.
    fn pages(&self, ts: &mut Ts, tools: Tools<'_>) -> rusqlite::Result<u64> {
        ts.giving &= !self.stuck;
        if self.stuck || !(tools.at.idle || ts.giving) {
            return Ok(0);
        }
        let (pages, free) = (pragma(&ts.conn, "page_count")?, pragma(&ts.conn, "freelist_count")?);
        ts.giving &= free > 0 || ts.owed > 0;
        let log = tools.config.log_bytes / 2 / pragma(&ts.conn, "page_size")?.max(1);
        let spare = if ts.giving { 0 } else { SPARE.0.max(pages / SPARE.1) + log };
        Ok(free.saturating_sub(spare).min(if tools.at.idle { PAGES.1 } else { PAGES.0 }))
    }
}

/// Makes minutes and hours of what is stale, from about `left` chunks. Gives the bytes written.
fn make(tx: &Connection, tools: Tools<'_>, mut left: usize, more: &mut bool) -> Result<usize, ReadError> {
    let said = File::Ts.said();
    let now = tools.at.t.nanos();
    let mut written = 0;
    while let Some(mark) = build::next(tx, now).map_err(&said)? {
        if left == 0 {
            *more = true;
            break;
        }
        match build::build(tx, mark, tools.seq, left) {
            Ok((opened, bytes)) => {
                left = left.saturating_sub(opened.max(1));
                written += bytes;
            }
            Err(why @ ReadError::Damaged { .. }) => {
                tracing::warn!(%why, "minutes and hours of a day cannot be made; it is tried again in a day");
                build::postpone(tx, mark, now).map_err(&said)?;
            }
            Err(why) => return Err(why),
        }
    }
    Ok(written)
}
