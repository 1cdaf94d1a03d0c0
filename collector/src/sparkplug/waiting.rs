//! Messages of a node that came before the birth that explains them.
//!
//! The messages themselves are in quarantine, durably and with their acknowledgement given; after the birth they are
//! replayed from there, see [`Collector::tick`](crate::Collector::tick). What is remembered here is no more than that
//! they came: when their commit has ended, so that none is passed over that was on its way when the birth came; and which
//! places they had in the sequence of the session whose birth they overtook, so that they do not count as lost.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Node;

/// Most places of a node that are remembered; beyond that they come round again.
const PLACES: usize = 256;

/// The places of messages that came early, the oldest first: when each was sent, epoch ms, and its number.
#[derive(Default)]
pub(crate) struct Early {
    list: VecDeque<(u64, u8)>,
}

impl Early {
    /// Remembers one. Of one that does not say when it was sent nobody can tell to which session it belongs.
    pub(crate) fn push(&mut self, sent: Option<u64>, seq: u8) {
        let Some(sent) = sent else { return };
        if self.list.len() == PLACES {
            self.list.pop_front();
        }
        self.list.push_back((sent, seq));
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The numbers of those that are of the session that was born at `born`. All others are forgotten: they are of one
    /// before.
    pub(crate) fn of_session(&mut self, born: Option<u64>) -> Vec<u8> {
        let overtook = |(sent, seq)| born.is_some_and(|born| sent >= born).then_some(seq);
        self.list.drain(..).filter_map(overtook).collect()
    }
}

/// Nodes whose messages a draft carries into quarantine to wait for a birth. When they are committed, and the birth has
/// come meanwhile, they are to be replayed.
#[derive(Default)]
pub(crate) struct Carried {
    /// With how many births each had had.
    nodes: Vec<(Arc<Node>, u64)>,
}

impl Carried {
    pub(crate) fn add(&mut self, node: &Arc<Node>, births: u64) {
        if !self.nodes.iter().any(|(n, b)| Arc::ptr_eq(n, node) && *b == births) {
            self.nodes.push((node.clone(), births));
        }
    }

    /// They are committed.
    pub(crate) fn committed(&mut self) {
        for (node, births) in self.nodes.drain(..) {
            let mut session = node.lock();
            session.explained |= session.births > births;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_only_what_was_sent_after_the_birth_is_of_its_session() {
        let mut early = Early::default();
        (0..1000).for_each(|n| early.push(Some(n), n as u8));
        early.push(None, 7);
        assert_eq!((early.list.len(), early.list[0]), (PLACES, (744, 744_u64 as u8)));
        assert_eq!(early.of_session(Some(996)), [996_u64, 997, 998, 999].map(|n| n as u8));
        assert!(early.of_session(Some(0)).is_empty(), "the others were of another one");
        early.push(Some(1), 1);
        assert!(early.of_session(None).is_empty());
    }
}
