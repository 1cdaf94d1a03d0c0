//! Taking away what a session may no longer have.

use super::{Phase, Session};
use crate::lock;
use crate::rights::Rights;

/// What a session lost with its rights.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Withdrawn {
    /// Filters, to be taken out of the tree.
    pub filters: Vec<String>,
    /// Messages that waited for it.
    pub messages: usize,
}

impl Session {
    /// Drops subscriptions that `rights` do not cover, and the messages that wait for the client on topics that it may
    /// not read. One that was sent and not acknowledged is not sent again.
    pub fn withdraw(&self, rights: &Rights) -> Withdrawn {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let mut filters = Vec::new();
        state.subscriptions.retain(|filter, _| {
            let keep = rights.may_subscribe(filter);
            if !keep {
                filters.push(filter.clone());
            }
            keep
        });
        let before = state.queue.len() + state.sent.len();
        // A topic is a filter that matches itself alone.
        state.queue.retain(|delivery| rights.may_subscribe(&delivery.message.topic));
        state.bytes = state.queue.iter().map(|delivery| delivery.message.size()).sum();
        let pkids = &mut state.pkids;
        state.sent.retain(|sent| {
            let keep = match &sent.phase {
                Phase::Published(delivery) => rights.may_subscribe(&delivery.message.topic),
                Phase::Released => true,
            };
            if !keep {
                pkids.free(sent.pkid);
            }
            keep
        });
        state.due = state.sent.iter().filter(|sent| sent.due).count();
        let messages = before - state.queue.len() - state.sent.len();
        state.dropped += messages as u64;
        Withdrawn { filters, messages }
    }
}
