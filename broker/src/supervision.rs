//! The router under supervision: a canary now and then, and an end when it stops coming back.
//!
//! Ending is all that can be done from in here about a router that does not answer; the process that serves it ends
//! then, and is started again from outside. What is acknowledged is on disk, and machines send the rest again. When not
//! even this task gets a turn any more, only a watchdog outside the process can tell.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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
        // A tick may come a little early or late; one that may still be on its way is waited for.
        let apart = (self.config().canary_interval / 2).max(self.config().canary_patience);
        let due = state.sent.is_none_or(|sent| now.saturating_duration_since(sent) >= apart);
        if due {
            state.sent = Some(now);
        }
        due
    }

    /// Sends one and notes what became of it; yields why when it was one too many.
    async fn send_canary(self: &Arc<Broker>) -> Option<CanaryError> {
        let patience = self.config().canary_patience;
        let broker = self.clone();
        // On a thread for blocking work: a router that holds a lock for ever holds the thread that asks it as well, and a
        // thread of the runtime might be the one that has the timers. What the router does it does at once, so one look
        // is enough.
        let sent = tokio::task::spawn_blocking(move || {
            let mut canary = pin!(broker.canary(patience));
            match canary.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => result,
                Poll::Pending => Err(CanaryError::Lost(patience)),
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::intake::{
        Authenticator, BoxFuture, ClientInfo, Denied, Identity, Intake, IntakeClosed, Login, Publish, Receipt,
    };
    use crate::serve::ServeError;
    use tokio::net::TcpListener;

    struct Nobody;

    impl Intake for Nobody {
        fn accept(&self, _: Arc<ClientInfo>, _: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
            Box::pin(async { Err(IntakeClosed) })
        }

        fn refused(&self, _: Arc<ClientInfo>, _: u64, _: &'static str) {}
    }

    impl Authenticator for Nobody {
        fn verify(&self, _: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
            Box::pin(async { Err(Denied::Unavailable) })
        }
    }

    fn broker() -> Arc<Broker> {
        let config = Config {
            canary_interval: Duration::from_millis(20),
            canary_patience: Duration::from_millis(200),
            canary_failures: 2,
            ..Config::default()
        };
        Broker::new(config, Arc::new(Nobody), Arc::new(Nobody)).unwrap()
    }

    #[tokio::test]
    async fn a_router_that_stops_answering_ends_what_serves_it() {
        let broker = broker();
        let listener = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serve = |listener| tokio::spawn(broker.clone().serve(listener, None, std::future::pending()));
        let (one, two) = (serve(listener().await), serve(listener().await));
        while broker.canary_state().last_ok.is_none() {
            tokio::task::yield_now().await;
        }
        let (stuck, release) = (broker.clone(), std::sync::mpsc::channel::<()>());
        let (held, holding) = tokio::sync::oneshot::channel();
        let holder = std::thread::spawn(move || {
            let guard = stuck.router().hold();
            held.send(()).unwrap();
            let _ = release.1.recv();
            drop(guard);
        });
        holding.await.unwrap();
        for serving in [one, two] {
            let ended = serving.await.unwrap().unwrap_err();
            assert!(matches!(ended, ServeError::Router { failures: 2, .. }), "{ended}");
            assert!(ended.to_string().contains("stopped answering"), "{ended}");
        }
        let state = broker.canary_state();
        assert!(state.failures >= 2 && state.in_a_row >= 2, "{state:?}");
        drop(release.0);
        holder.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn subscriptions_that_clients_used_up_are_no_fault_of_the_router() {
        let config = Config { max_filters: 0, ..Config::default() };
        let broker = Broker::new(config, Arc::new(Nobody), Arc::new(Nobody)).unwrap();
        let serving = tokio::spawn(broker.clone().supervise());
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(!serving.is_finished());
        assert_eq!(broker.canary_state().failures, 0);
    }
}
