//! One pass over the whole store, series after series, and then what is filed beside them.

use rusqlite::Connection;

use super::Tools;
use super::age::{Limit, Limits, add_removed, drop_records, drop_rollups, load_removed};
use super::raw::{Held, Step, retire};
use crate::db::File;
use crate::rollup::{DAY, HOUR, floor};
use crate::shared::Shared;
use crate::wave::tend::Moment;
use crate::{ReadError, Removed, Retention};

/// A pass under way.
#[derive(Debug)]
pub(crate) struct Pass {
    limits: Limits,
    /// Whether it is for want of room: then it ends as soon as there is some.
    pub room: bool,
    next: u32,
    over: bool,
    /// It ended before it had seen everything.
    short: bool,
    /// The earliest chunk seen.
    first: i64,
    removed: Removed,
}

/// Where the day after that of `t` begins.
pub(super) fn end_of_day(t: i64) -> i64 {
    floor(t, DAY).saturating_add(DAY)
}

/// Raw values of this hour never go for want of room.
pub(super) fn now(at: Moment) -> i64 {
    floor(at.t.nanos(), HOUR)
}

impl Pass {
    pub fn by_age(conn: &Connection, keep: &Retention, at: Moment) -> rusqlite::Result<Self> {
        Ok(Self::new(Limits::of(conn, at.t, keep, at.followed)?, false))
    }

    /// Takes raw values before `horizon`.
    pub fn for_room(horizon: i64, at: Moment) -> Self {
        let raw = Some(Limit::room(horizon, at.followed));
        let limits = Limits { raw, minutes: None, hours: None, events: None, diagnoses: None };
        Self::new(limits, true)
    }

    fn new(limits: Limits, room: bool) -> Self {
        Self { limits, room, next: 0, over: false, short: false, first: i64::MAX, removed: Removed::default() }
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether it removed nothing.
    pub fn is_barren(&self) -> bool {
        self.removed.points == 0
    }

    /// There is a chunk at `t0`.
    pub fn saw(&mut self, t0: i64) {
        self.first = self.first.min(t0);
    }

    /// Goes on with about `budget` chunks; `owed` becomes less by what is removed. Within a transaction. Gives the chunks
    /// that were opened or removed, and the bytes written, about.
    pub fn step(
        &mut self,
        tx: &Connection,
        tools: Tools<'_>,
        budget: usize,
        owed: &mut u64,
    ) -> Result<(usize, usize), ReadError> {
        let said = File::Ts.said();
        let series = tools.shared.cache().len() as u32;
        let (mut spent, mut removed) = (0, Removed::default());
        while self.next < series && spent < budget {
            if self.room && *owed == 0 {
                (self.over, self.short) = (true, true);
                break;
            }
            let done = self.series(tx, tools, budget - spent)?;
            spent += done.spent.max(1);
            *owed = owed.saturating_sub(done.removed.bytes);
            removed.add(done.removed);
            if !done.more || done.spent == 0 {
                self.first = self.first.min(done.first.unwrap_or(i64::MAX));
                self.next += 1;
            }
        }
        if self.next >= series && !self.over && spent < budget {
            let most = budget - spent;
            let gone = drop_records(tx, self.limits.events, self.limits.diagnoses, most).map_err(&said)?;
            self.over = gone.events.max(gone.diagnoses) < most as u64;
            removed.add(gone);
            spent = budget;
        }
        add_removed(tx, removed).map_err(&said)?;
        self.removed.add(removed);
        // A row that goes touches its own page and those of its indexes.
        Ok((spent, (removed.bytes + (removed.events + removed.diagnoses) * (16 << 10)) as usize))
    }

    /// Some of one series, or nothing of it where something is damaged.
    fn series(&self, tx: &Connection, tools: Tools<'_>, budget: usize) -> Result<Step, ReadError> {
        let said = File::Ts.said();
        let id = self.next;
        let Some(held) = self.held(tools.shared) else { return Ok(Step::default()) };
        tx.execute_batch("SAVEPOINT series").map_err(&said)?;
        let done = retire(tx, id, &held, self.limits.raw, tools.seq, budget).and_then(|mut step| {
            let Limits { minutes, hours, .. } = self.limits;
            step.removed.add(drop_rollups(tx, id, step.raw_from, minutes, hours)?);
            Ok(step)
        });
        match done {
            Err(why @ ReadError::Damaged { .. }) => {
                tx.execute_batch("ROLLBACK TO series; RELEASE series").map_err(&said)?;
                tracing::warn!(%why, series = id, "what is too old of a series stays");
                Ok(Step::default())
            }
            done => {
                tx.execute_batch("RELEASE series").map_err(&said)?;
                done
            }
        }
    }

    /// What the head of the next series holds, after it let go of what it need not.
    fn held(&self, shared: &Shared) -> Option<Held> {
        let due = |finish| shared.cache().head(self.next).is_some_and(|h| h.may_let_go(finish));
        if self.limits.raw.is_some_and(|l| due(l.finish))
            && let Some(head) = shared.cache_mut().head_mut(self.next)
        {
            head.let_go();
        }
        shared.cache().head(self.next).map(Held::of)
    }

    /// Tells memory what it did. To be called when it is over and on disk.
    pub fn tell(&self, conn: &Connection, shared: &Shared) -> rusqlite::Result<()> {
        *shared.removed() = load_removed(conn)?;
        if !self.short {
            shared.set_oldest_raw(self.first);
        }
        Ok(())
    }
}
