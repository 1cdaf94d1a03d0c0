//! The router under supervision: a canary now and then, and an end when it stops coming back.
//!
//! Ending is all that can be done from in here about a router that does not answer; the process that serves it ends
//! then, and is started again from outside. What is acknowledged is on disk, and machines send the rest again. When not
//! even this task gets a turn any more, only a watchdog outside the process can tell.

use std::sync::Arc;

use tokio::time::{Duration, Instant, MissedTickBehavior, interval_at, timeout};

use crate::broker::{Broker, CanaryError};
use crate::lock;

/// What the canaries said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CanaryState {
    /// How long ago the last one came back; `None` before the first.
    pub last_ok: Option<Duration>,
    /// How long it took.
    pub took: Option<Duration>,
    /// How many have not come back since the start.
    pub failures: u64,
    /// How many in a row, up to now.
    pub in_a_row: u32,
}

/// The same, with the times they are taken from.
#[derive(Debug, Default)]
pub(crate) struct Canaries {
    sent: Option<Instant>,
    back: Option<(Instant, Duration)>,
    failures: u64,
    in_a_row: u32,
}

impl Broker {
    /// What the supervision of the router has seen. It runs while a listener is served.
    pub fn canary_state(&self) -> CanaryState {
        let state = lock(&self.access.canaries);
        let now = Instant::now();
        CanaryState {
            last_ok: state.back.map(|(at, _)| now.duration_since(at)),
            took: state.back.map(|(_, took)| took),
            failures: state.failures,
            in_a_row: state.in_a_row,
        }
    }

    /// Sends canaries until too many in a row have not come back.
    pub(crate) async fn supervise(self: Arc<Broker>) -> CanaryError {
        let config = self.config();
        let mut ticks = interval_at(Instant::now() + config.canary_interval, config.canary_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            if !self.claim_canary(now) {
                // Another listener's supervision has just sent one; its verdict holds for all.
                if lock(&self.access.canaries).in_a_row >= config.canary_failures {
                    return CanaryError::Lost(config.canary_patience);
                }
                continue;
            }
            if let Some(error) = self.send_canary().await {
                return error;
            }
        }
    }

    /// Whether one is due now; only one of several that ask is told so.
    fn claim_canary(&self, now: Instant) -> bool {
        let mut state = lock(&self.access.canaries);
        // A tick may come a little early or late.
        let due = state.sent.is_none_or(|sent| now.duration_since(sent) >= self.config().canary_interval / 2);
        if due {
            state.sent = Some(now);
        }
        due
    }

    /// Sends one and notes what became of it; yields why when it was one too many.
    async fn send_canary(self: &Arc<Broker>) -> Option<CanaryError> {
        let patience = self.config().canary_patience;
        let broker = self.clone();
        // In a task of its own: a router that holds a lock for ever would hold the task that asks it as well.
        let sent = tokio::spawn(async move { broker.canary(patience).await });
        let result = match timeout(patience, sent).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(CanaryError::Lost(patience)),
        };
        let mut state = lock(&self.access.canaries);
        match result {
            Ok(took) => {
                state.back = Some((Instant::now(), took));
                state.in_a_row = 0;
                None
            }
            // Clients have used up the subscriptions. That is no fault of the router, and starting again would be a
            // gift to whoever did it.
            Err(CanaryError::Full) => None,
            Err(error) => {
                state.failures += 1;
                state.in_a_row += 1;
                tracing::error!(in_a_row = state.in_a_row, "the canary failed: {error}");
                (state.in_a_row >= self.config().canary_failures).then_some(error)
            }
        }
    }
}
