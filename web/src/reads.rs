//! Reads of the store, away from the threads that serve sockets.

use std::sync::Arc;
use std::time::Duration;

use historian::ReadError;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::{Kind, Problem};

/// How long a read may wait for its turn before the asker is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs blocking reads, a bounded number at once; who waits longer than [`PATIENCE`] is refused (`WhenFull::Wait`).
#[derive(Clone)]
pub(crate) struct Reads(Arc<Semaphore>);

impl Reads {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Runs `read` on a thread that may block.
    pub(crate) async fn run<T, F>(&self, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ReadError> + Send + 'static,
    {
        self.with(move || read().map_err(|e| Problem::unreadable(&e))).await
    }

    /// As [`Reads::run`], for reads that know their own problems.
    pub(crate) async fn with<T, F>(&self, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let busy = || Problem::new(Kind::Unavailable, "the store is busy with other reads", "ask again in a moment");
        let permit =
            timeout(PATIENCE, self.0.clone().acquire_owned()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let span = tracing::Span::current();
        let work = move || {
            // Held until the read ends, also when the asker has gone: it is the disk that is bounded.
            let _permit = permit;
            span.in_scope(read)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "a read ended with a fault of the program");
                Err(Problem::new(Kind::Unreadable, "the read ended with a fault", "report this with the server's log"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_reads_at_once_than_set_and_those_who_wait_too_long_are_told() {
        let reads = Reads::new(2);
        // Two reads under way, as far as anybody can tell.
        let held = reads.0.clone().acquire_many_owned(2).await.unwrap();
        let refused = reads.run(|| Ok(())).await.unwrap_err();
        assert_eq!(refused.status(), 503);
        let waiting = tokio::spawn({
            let reads = reads.clone();
            async move { reads.run(|| Ok(7)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        assert_eq!(waiting.await.unwrap(), Ok(7));
        assert_eq!(reads.0.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_fault_of_the_program_in_a_read_is_a_problem_and_no_end() {
        let reads = Reads::new(1);
        let fault = reads.run(|| -> Result<(), ReadError> { panic!("as a test") }).await.unwrap_err();
        assert_eq!(fault.status(), 500);
        assert_eq!(reads.run(|| Ok(7)).await, Ok(7));
    }
}
