//! Messages of a node that came before the birth that explains them.
//!
//! They are in quarantine, durably and with their acknowledgement given; what is here are copies, so that the birth can
//! be followed by what waited for it without anybody asking. Bounded by number and bytes; where there is no room the
//! oldest copy goes, and its message stays in quarantine for a replay by hand.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use plant::Timestamp;

use super::Node;
use crate::Message;
use crate::topic::Kind;

/// Copies of one node: most messages and most bytes.
const MESSAGES: usize = 256;
const BYTES: usize = 1 << 20;

/// A message that waits.
pub(crate) struct Waiting {
    pub message: Message,
    pub kind: Kind,
    pub source: Arc<str>,
    pub t_received: Timestamp,
    /// When it was sent, by the node, epoch ms.
    pub sent: Option<u64>,
    /// Its sequence number.
    pub seq: u8,
    /// The draft that carries its entry in the quarantine; `None` once that is committed.
    pub draft: Option<u64>,
    /// How many births the node had had when it came: it waits for one more.
    pub births: u64,
}

impl Waiting {
    fn weight(&self) -> usize {
        256 + self.message.payload.len()
    }
}

/// The messages of a node that wait, the oldest first.
#[derive(Default)]
pub(crate) struct Queue {
    list: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    /// Keeps a copy. The payload is one of a packet that may be much larger, so it is copied out of it.
    pub(crate) fn push(&mut self, mut waiting: Waiting) {
        waiting.message.payload = Bytes::copy_from_slice(&waiting.message.payload);
        self.bytes += waiting.weight();
        self.list.push_back(waiting);
        while self.list.len() > MESSAGES || self.bytes > BYTES {
            let Some(oldest) = self.list.pop_front() else { return };
            self.bytes -= oldest.weight();
        }
    }

    /// The commit of `draft` has ended. What it carried is in quarantine now, or comes again and waits anew.
    pub(crate) fn settle(&mut self, draft: u64, committed: bool) {
        if !committed {
            self.list.retain(|w| w.draft != Some(draft));
            self.bytes = self.list.iter().map(Waiting::weight).sum();
        }
        for waiting in &mut self.list {
            waiting.draft = waiting.draft.filter(|d| *d != draft);
        }
    }

    /// Takes the first one out for which `ready` holds and whose entry in the quarantine is committed.
    pub(crate) fn take(&mut self, ready: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let i = self.list.iter().position(|w| w.draft.is_none() && ready(w))?;
        let waiting = self.list.remove(i)?;
        self.bytes -= waiting.weight();
        Some(waiting)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.list.iter()
    }
}

/// Nodes whose waiting messages a draft carries into quarantine. They are told how its commit ended, also when it never
/// came to one.
pub(crate) struct Carried {
    number: u64,
    nodes: Vec<Arc<Node>>,
}

impl Carried {
    pub(crate) const fn by(number: u64) -> Self {
        Self { number, nodes: Vec::new() }
    }

    pub(crate) fn add(&mut self, node: &Arc<Node>) {
        if !self.nodes.iter().any(|n| Arc::ptr_eq(n, node)) {
            self.nodes.push(node.clone());
        }
    }

    /// The commit has ended.
    pub(crate) fn settle(&mut self, committed: bool) {
        for node in self.nodes.drain(..) {
            node.lock().waiting.settle(self.number, committed);
        }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.settle(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(n: usize, bytes: usize) -> Waiting {
        Waiting {
            message: Message::new(format!("t/{n}").into(), vec![0; bytes].into()),
            kind: Kind::NodeData,
            source: "c".into(),
            t_received: Timestamp::from_secs(n as i64),
            sent: None,
            seq: 0,
            draft: Some(n as u64 % 2),
            births: 0,
        }
    }

    #[test]
    fn copies_are_bounded_by_number_and_bytes_and_the_oldest_goes() {
        let mut queue = Queue::default();
        (0..1000).for_each(|n| queue.push(waiting(n, 10)));
        assert_eq!(queue.list.len(), MESSAGES);
        assert_eq!(&*queue.list[0].message.topic, "t/744");
        (0..1000).for_each(|n| queue.push(waiting(n, 100_000)));
        assert!(queue.bytes <= BYTES && queue.list.len() == 10);
        queue.push(waiting(0, BYTES + 1));
        assert_eq!((queue.list.len(), queue.bytes), (0, 0), "one that never fits waits for a replay by hand");
    }

    #[test]
    fn only_what_is_in_quarantine_for_good_is_taken() {
        let mut queue = Queue::default();
        (0..4).for_each(|n| queue.push(waiting(n, 10)));
        assert!(queue.take(|_| true).is_none());
        queue.settle(1, true);
        queue.settle(0, false);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(|_| true)).map(|w| w.message.topic).collect();
        assert_eq!(taken, ["t/1".into(), "t/3".into()]);
        assert_eq!(queue.bytes, 0);
    }
}
