//! The handle by which others reach a connection: to wake it, or to ask it to end.

use std::sync::Mutex;
use std::task::Waker;

use crate::lock;
use crate::refusal::Refusal;

/// One connection as seen from outside.
#[derive(Default)]
pub(crate) struct Link(Mutex<State>);

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    end: Option<Refusal>,
}

impl Link {
    /// Has the connection look after its session.
    pub fn wake(&self) {
        let waker = lock(&self.0).waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Asks the connection to end; the first reason counts.
    pub fn end(&self, why: Refusal) {
        lock(&self.0).end.get_or_insert(why);
        self.wake();
    }

    /// Called by the connection each time it runs: whom to wake. Yields why it should end, if somebody asked.
    pub fn register(&self, waker: &Waker) -> Option<Refusal> {
        let mut state = lock(&self.0);
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        state.end
    }
}
