//! One after the other for each client, beside others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::{Kind, Problem};

/// How long a client's request may wait for its own earlier ones.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asked: the address of the other end. Clients behind one proxy are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Lets one request of each client go on at a time; its others wait, and those of other clients do not.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<Peer, Arc<Semaphore>>>>);

/// A client's turn; the next one comes when it is dropped.
pub(crate) struct Turn {
    turns: Turns,
    peer: Peer,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for `peer`'s turn.
    pub(crate) async fn take(&self, peer: Peer) -> Result<Turn, Problem> {
        // Made before the waiting begins: whoever gives up cleans up as well.
        let mut turn = Turn { turns: self.clone(), peer, permit: None };
        let own = self.lock().entry(peer).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        let busy = || {
            let detail = "another analysis for the same client is still under way";
            Problem::new(Kind::Unavailable, detail, "ask for one after the other")
        };
        turn.permit = Some(timeout(PATIENCE, own.acquire_owned()).await.map_err(|_| busy())?.map_err(|_| busy())?);
        Ok(turn)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Peer, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        let mut all = self.turns.lock();
        // Who waits holds the semaphore as well; the table alone means nobody does.
        if all.get(&self.peer).is_some_and(|s| Arc::strong_count(s) == 1) {
            all.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_waits_for_itself_and_for_nobody_else() {
        let turns = Turns::default();
        let [one, other] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(|a| Peer(IpAddr::from(a)));
        let held = turns.take(one).await.unwrap();
        turns.take(other).await.unwrap();
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(one).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(held);
        second.await.unwrap().unwrap();
        let held = turns.take(one).await.unwrap();
        assert_eq!(turns.take(one).await.err().unwrap().status(), 503);
        drop(held);
        assert!(turns.lock().is_empty(), "nothing is kept of clients that are served");
    }
}
