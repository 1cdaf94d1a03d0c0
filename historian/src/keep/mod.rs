//! What is done to ts.db between two commits, a little at a time: minutes and hours are made.
//!
//! What an interruption undoes is done again, so nothing here waits for the disk: the fsync of the next commit covers it.

use std::time::Duration;

use plant::Timestamp;
use rusqlite::TransactionBehavior;

use crate::db::File;
use crate::rollup::build;
use crate::ts::Ts;
use crate::wave::tend::Moment;
use crate::{ReadError, Seq};

/// Where nothing waits to be done, it is looked again after this time.
const LOOK: Duration = Duration::from_secs(1);
/// Where commits wait for the writer, there is this much time between two steps.
const PACE: Duration = Duration::from_millis(20);
/// How many chunks a step opens, about: where commits wait, and where none does.
const CHUNKS: (usize, usize) = (16, 256);

/// What the writer remembers between two steps.
#[derive(Debug)]
pub(crate) struct Tending {
    last: Timestamp,
    /// There was more to do than one step does.
    more: bool,
}

impl Default for Tending {
    fn default() -> Self {
        Self { last: Timestamp::MIN, more: true }
    }
}

impl Tending {
    /// Chunks were written.
    pub fn sealed(&mut self) {
        self.more = true;
    }

    fn is_due(&self, at: Moment) -> bool {
        let rest = match self.more {
            true if at.idle => Duration::ZERO,
            true => PACE,
            false => LOOK,
        };
        at.t.since(self.last) >= rest
    }

    /// One step, if it is time for one; `seq` is the last commit. Gives how many bytes were written, about.
    pub fn step(&mut self, ts: &mut Ts, seq: Seq, at: Moment) -> Result<usize, ReadError> {
        if !self.is_due(at) {
            return Ok(0);
        }
        (self.last, self.more) = (at.t, false);
        let said = File::Ts.said();
        if build::next(&ts.conn, at.t.nanos()).map_err(&said)?.is_none() {
            return Ok(0);
        }
        ts.conn.pragma_update(None, "synchronous", "NORMAL").map_err(&said)?;
        let done = self.work(ts, seq, at);
        ts.conn.pragma_update(None, "synchronous", "FULL").map_err(&said)?;
        done
    }

    fn work(&mut self, ts: &mut Ts, seq: Seq, at: Moment) -> Result<usize, ReadError> {
        let said = File::Ts.said();
        let tx = ts.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&said)?;
        let mut left = if at.idle { CHUNKS.1 } else { CHUNKS.0 };
        let mut written = 0;
        while left > 0
            && let Some(mark) = build::next(&tx, at.t.nanos()).map_err(&said)?
        {
            match build::build(&tx, mark, seq, left) {
                Ok((opened, bytes)) => {
                    left = left.saturating_sub(opened.max(1));
                    written += bytes;
                }
                Err(why @ ReadError::Damaged { .. }) => {
                    tracing::warn!(%why, "minutes and hours of a day cannot be made; it is tried again in a day");
                    build::postpone(&tx, mark, at.t.nanos()).map_err(&said)?;
                }
                Err(why) => return Err(why),
            }
        }
        tx.commit().map_err(&said)?;
        self.more = left == 0;
        Ok(written)
    }
}
