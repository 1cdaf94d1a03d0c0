//! The topics a connection publishes to, remembered.
//!
//! A machine publishes to the same few topics for as long as it lives. Checking a topic, making a string of it and
//! asking the router who wants it is done once for each, and again when a subscription changes. Whether the client may
//! publish to it is asked once: the rights of a connection do not change, it is ended when they do.

use std::sync::Arc;

use crate::refusal::Refusal;
use crate::rights::Rights;
use crate::router::Router;
use crate::router::tree::Targets;
use crate::topic::{self, Limits};

/// The most topics remembered for one connection.
const MOST: usize = 256;

/// A topic that was checked, and who wants it.
pub(crate) struct Known {
    pub topic: Arc<str>,
    pub targets: Targets,
    /// Whether the client may publish to it.
    pub allowed: bool,
    generation: u64,
}

/// Topics by their hash; a newcomer takes the place of the one it collides with.
pub(crate) struct Topics {
    slots: Vec<Option<Known>>,
    limits: Limits,
    rights: Arc<Rights>,
}

impl Topics {
    pub fn new(limits: Limits, rights: Arc<Rights>) -> Topics {
        Topics { slots: Vec::new(), limits, rights }
    }

    /// The topic with this name, checked, with those who want it now.
    pub fn get(&mut self, name: &[u8], router: &Router) -> Result<&Known, Refusal> {
        let generation = router.generation();
        let at = self.place(name)?;
        let rights = &self.rights;
        let known = self.slots[at].get_or_insert_with(|| {
            let topic: Arc<str> = Arc::from(String::from_utf8_lossy(name));
            let allowed = rights.may_publish(&topic);
            Known { topic, targets: Targets::default(), allowed, generation: 0 }
        });
        if known.generation != generation {
            known.generation = generation;
            known.targets = router.matching(&known.topic);
        }
        Ok(known)
    }

    /// Where the topic is, or where it may be put: then it has been checked.
    fn place(&mut self, name: &[u8]) -> Result<usize, Refusal> {
        let hash = hash(name);
        loop {
            let at = hash & self.slots.len().wrapping_sub(1);
            match self.slots.get(at) {
                Some(Some(known)) if known.topic.as_bytes() == name => return Ok(at),
                Some(None) => {
                    topic::parse(name, self.limits)?;
                    return Ok(at);
                }
                Some(Some(_)) if self.slots.len() >= MOST => {
                    topic::parse(name, self.limits)?;
                    self.slots[at] = None;
                    return Ok(at);
                }
                _ => {
                    topic::parse(name, self.limits)?;
                    self.grow();
                }
            }
        }
    }

    fn grow(&mut self) {
        let size = if self.slots.is_empty() { 1 } else { self.slots.len() * 4 };
        let mut slots: Vec<Option<Known>> = (0..size).map(|_| None).collect();
        for known in self.slots.drain(..).flatten() {
            let at = hash(known.topic.as_bytes()) & (size - 1);
            slots[at] = Some(known);
        }
        self.slots = slots;
    }
}

/// Spreads names over slots. Nothing is lost when a client finds collisions: it slows down itself alone.
fn hash(name: &[u8]) -> usize {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = name.len() as u64;
    let mut chunks = name.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        state = (state.rotate_left(5) ^ word).wrapping_mul(K);
    }
    for byte in chunks.remainder() {
        state = (state.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(K);
    }
    (state >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::refusal::Counters;

    #[test]
    fn however_many_topics_come_each_is_found_and_memory_is_bounded() {
        let router = Router::new(&Config::default(), Arc::new(Counters::new()));
        let mut topics = Topics::new(Limits { bytes: 512, levels: 16 }, Arc::new(Rights::everything()));
        for round in 0..2 {
            for i in 0..5_000 {
                let name = format!("站/{i}");
                assert_eq!(&*topics.get(name.as_bytes(), &router).unwrap().topic, name, "round {round}");
            }
        }
        assert_eq!(topics.slots.len(), MOST);
        assert_eq!(topics.get(b"a/#", &router).map(|_| ()), Err(Refusal::TopicInvalid));
    }
}
