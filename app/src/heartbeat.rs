//! The heartbeat: an empty commit a second moves the journal's time, by which silence becomes visible.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use historian::{Batch, Recorder};
use plant::{Clock, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

/// How often.
const PERIOD: Duration = Duration::from_secs(1);

/// When the store last took a commit; shared with those who tell whether it is well.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicI64>);

impl Pulse {
    /// How long ago that was; `None` where it never was.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let last = self.0.load(Ordering::Relaxed);
        (last != 0).then(|| now.since(Timestamp::from_nanos(last)))
    }
}

/// Beats until `shutdown` resolves. A disk that says no is said once, and once more when it is well again.
pub async fn run(recorder: Recorder, pulse: Pulse, clock: Arc<dyn Clock>, shutdown: impl Future<Output = ()>) {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    let mut well = true;
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {}
        }
        match recorder.commit(Batch::default()).await {
            Ok(_) => {
                pulse.0.store(clock.now().nanos(), Ordering::Relaxed);
                if !well {
                    tracing::info!("the store takes commits again");
                }
                well = true;
            }
            Err(e) => {
                if well {
                    tracing::error!("the store takes no commits, machines wait for their acknowledgement: {e}");
                }
                well = false;
            }
        }
    }
}
