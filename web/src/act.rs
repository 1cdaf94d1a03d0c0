//! What people do: committed, and answered once what follows from it is seen.

use std::sync::Arc;
use std::time::Duration;

use historian::Batch;
use plant::Action;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};

use crate::hub::Frame;
use crate::problem::{Kind, Problem};
use crate::state::State;

/// How often the store is asked for what the live stream did not bring.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Who answers to an action, and how that is noticed.
pub(crate) struct Answered<T, L> {
    /// Who, as a person would say it.
    pub(crate) by: &'static str,
    /// Whether a frame of the live stream tells of it.
    pub(crate) told: T,
    /// What the store shows, if that is the answer.
    pub(crate) look: L,
}

/// Commits `action`; gives what the store shows once it has been answered.
pub(crate) async fn act<A, F>(
    state: &Arc<State>,
    action: Action,
    answered: Answered<impl Fn(&Frame) -> bool, impl Fn() -> F>,
) -> Result<A, Problem>
where
    F: Future<Output = Result<Option<A>, Problem>>,
{
    // Listening begins before the commit, so that the answer cannot pass unheard.
    let mut frames = state.frames.subscribe();
    let deadline = Instant::now() + state.config.action_timeout;
    let committing = state.recorder.commit(Batch { actions: vec![action], ..Batch::default() });
    match timeout_at(deadline, committing).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let next = "try again; if it stays so, look at the server's log and at /readyz";
            return Err(Problem::new(Kind::Unavailable, format!("it was not stored: {error}"), next));
        }
        Err(_) => return Err(late("the store has not taken it", state)),
    }
    loop {
        if let Some(answer) = (answered.look)().await? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(late(&format!("it is stored, and {} has not answered", answered.by), state));
        }
        // What ends the waiting does not matter: the store decides.
        let _ = timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), heard(&mut frames, &answered.told)).await;
    }
}

/// Waits for a frame that tells of it, or for too many to look at.
async fn heard(frames: &mut broadcast::Receiver<Arc<Frame>>, told: impl Fn(&Frame) -> bool) {
    loop {
        match frames.recv().await {
            Ok(frame) if !told(&frame) => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn late(what: &str, state: &State) -> Problem {
    let detail = format!("{what} within {} s", state.config.action_timeout.as_secs_f64());
    Problem::new(Kind::Unavailable, detail, "look at it again in a moment; if nothing moves, look at /readyz")
}
