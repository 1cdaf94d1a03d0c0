//! The way out: every commit after a position, in order, none twice and none left out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::shared::Shared;
use crate::{Committed, ReadError, Seq, TailError};

/// Follows the commits. What is recent comes from memory, what is older from the log; a tail never holds up a commit.
pub struct Tail {
    shared: Arc<Shared>,
    /// Delivered up to here.
    after: Seq,
    wake: watch::Receiver<Seq>,
    /// Read from the log and not yet delivered.
    run: VecDeque<Committed>,
    closed: watch::Receiver<bool>,
}

impl Tail {
    pub(crate) fn new(shared: Arc<Shared>, closed: watch::Receiver<bool>, after: Seq) -> Self {
        let wake = shared.head.subscribe();
        Self { shared, after, wake, run: VecDeque::new(), closed }
    }

    /// The next commit; waits for it. May be dropped while it waits: nothing is lost, the next call goes on.
    pub async fn next(&mut self) -> Result<Committed, TailError> {
        let wanted = self.after + 1;
        loop {
            if let Some(commit) = self.ready(wanted) {
                self.after = wanted;
                return Ok(commit);
            }
            if *self.wake.borrow_and_update() < wanted {
                if *self.closed.borrow() {
                    return Err(TailError::Closed);
                }
                tokio::select! {
                    _ = self.wake.changed() => {}
                    _ = self.closed.changed() => {}
                }
                continue;
            }
            self.run = self.read(wanted).await?;
        }
    }

    /// Commit `wanted` from what is at hand.
    fn ready(&mut self, wanted: Seq) -> Option<Committed> {
        while self.run.front().is_some_and(|c| c.seq < wanted) {
            self.run.pop_front();
        }
        match self.run.front() {
            Some(c) if c.seq == wanted => self.run.pop_front(),
            _ => self.shared.recent(wanted),
        }
    }

    async fn read(&self, wanted: Seq) -> Result<VecDeque<Committed>, TailError> {
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || shared.read_log(wanted)).await;
        let run = read.map_err(|e| ReadError::Damaged { what: "the log".into(), why: e.to_string() })??;
        match run.first() {
            Some(c) if c.seq == wanted => Ok(run.into()),
            Some(c) => Err(TailError::Pruned { wanted, first: c.seq }),
            None => Err(TailError::Pruned { wanted, first: self.shared.head() + 1 }),
        }
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("after", &self.after).finish_non_exhaustive()
    }
}
