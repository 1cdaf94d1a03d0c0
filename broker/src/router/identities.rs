//! When an identity loses rights, or is gone.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::Router;
use super::session::Session;
use super::session::withdraw::Withdrawn;
use crate::lock;
use crate::refusal::Refusal;
use crate::rights::Rights;

impl Router {
    /// Holds the tree, as a fault would.
    #[cfg(test)]
    pub fn hold(&self) -> impl Sized {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes from a session that is picked up again what its identity has no right to any more.
    pub fn withdraw(&self, session: &Session, rights: &Rights) {
        let Withdrawn { filters, messages } = session.withdraw(rights);
        if !filters.is_empty() {
            let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
            filters.iter().for_each(|filter| _ = tree.remove(filter, session.id));
            drop(tree);
            self.generation.fetch_add(1, Ordering::Release);
        }
        let lost = (filters.len() + messages) as u64;
        if lost > 0 {
            self.counters.add(Refusal::Withdrawn, lost);
            tracing::info!(
                client = %session.client_id, identity = %session.identity, ?filters, messages,
                "a session lost subscriptions and messages that its identity has no right to any more"
            );
        }
    }

    /// Tells every session of an identity which rights it has from now on.
    pub fn renew(&self, identity: &str, rights: &Arc<Rights>) {
        for session in lock(&self.sessions).values().filter(|session| &*session.identity == identity) {
            *lock(&session.renewed) = Some(rights.clone());
        }
    }

    /// Marks every session of an identity as revoked, and ends those that no connection holds. Yields how many these
    /// were.
    pub fn revoke(&self, identity: &str) -> usize {
        let mut sessions = lock(&self.sessions);
        let mut ended = 0;
        sessions.retain(|_, session: &mut Arc<Session>| {
            if &*session.identity != identity {
                return true;
            }
            session.revoked.store(true, Ordering::Release);
            let connected = session.link().is_some();
            if !connected {
                self.forget(session);
                ended += 1;
            }
            connected
        });
        ended
    }
}
