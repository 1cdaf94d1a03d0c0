//! Handing a batch to the intake, in one order for everything that changes what is retained.
//!
//! Batches of different connections are queued by the intake in whatever order they find room. Where they change what is
//! retained for one topic, the last one queued is the last one in the store, and it has to be the one that the door keeps
//! as well. So a batch with such messages is offered when the one before it on the same topics has been queued, and its
//! messages take their numbers in between. All others go their way as ever.

use std::collections::BTreeSet;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::intake::{BoxFuture, ClientInfo, Intake, IntakeClosed, Publish, Receipt};
use crate::router::Router;
use tokio::sync::Mutex;

/// Topics share so many turns: enough that those who retain on topics of their own rarely wait for one another.
const TURNS: usize = 64;

/// Whose turn it is to change what is retained, by topic.
pub(crate) struct Turns {
    all: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { all: (0..TURNS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }
}

impl Turns {
    /// Those of these topics, each once, in one order for everybody: nobody holds one while waiting for a lower one.
    fn of<'a>(&self, topics: impl Iterator<Item = &'a str>) -> Vec<Arc<Mutex<()>>> {
        let which: BTreeSet<_> = topics.map(|topic| self.hasher.hash_one(topic) as usize % TURNS).collect();
        which.into_iter().filter_map(|n| self.all.get(n).cloned()).collect()
    }
}

/// Resolves when the intake has queued the batch: its receipt, and the number of the first message that changes what is
/// retained.
pub(crate) enum Offer {
    /// It changes nothing of what is retained.
    Plain(BoxFuture<'static, Result<Receipt, IntakeClosed>>),
    /// It does.
    Retaining(BoxFuture<'static, Result<(Receipt, u64), IntakeClosed>>),
}

impl Offer {
    /// Offers a batch of which this many messages hold a claim.
    pub fn new(
        intake: &Arc<dyn Intake>,
        router: &Router,
        from: Arc<ClientInfo>,
        batch: Vec<Publish>,
        claims: u64,
    ) -> Offer {
        if claims == 0 {
            return Offer::Plain(intake.accept(from, batch));
        }
        let turns = router.turns().of(batch.iter().filter(|p| p.retain || p.forget).map(|p| &*p.topic));
        let (intake, retained) = (intake.clone(), router.retained().clone());
        Offer::Retaining(Box::pin(async move {
            let mut held = Vec::with_capacity(turns.len());
            for turn in turns {
                held.push(turn.lock_owned().await);
            }
            let receipt = intake.accept(from, batch).await?;
            let first = retained.numbers(claims);
            drop(held);
            Ok((receipt, first))
        }))
    }
}

impl Future for Offer {
    type Output = Result<(Receipt, u64), IntakeClosed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Offer::Plain(accepting) => {
                Poll::Ready(ready!(accepting.as_mut().poll(context)).map(|receipt| (receipt, 0)))
            }
            Offer::Retaining(accepting) => accepting.as_mut().poll(context),
        }
    }
}
