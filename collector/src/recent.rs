//! What was accepted lately: how a message that comes again is told from a new one.
//!
//! Bounded by count; what is forgotten is stored a second time, which changes nothing for values (same series, same
//! instant). A message whose first coming is not committed yet is answered only after that commit, see [`Fate`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use historian::CommitError;
use tokio::sync::watch;

const SHARDS: usize = 16;

/// What became of a batch: `None` until its commit has ended.
pub(crate) type Fate = watch::Receiver<Option<Result<(), CommitError>>>;

/// The fingerprint of a message or the id of a waveform.
pub(crate) type Key = u128;

#[derive(Default)]
struct Shard {
    /// `None`: known to be committed.
    entries: HashMap<Key, Option<Fate>>,
    /// Oldest first.
    order: VecDeque<Key>,
}

/// A bounded memory of keys.
pub(crate) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
    most: usize,
    hasher: RandomState,
}

impl Recent {
    /// Remembers about `most` keys.
    pub(crate) fn new(most: usize) -> Self {
        Self { shards: Default::default(), most: (most / SHARDS).max(1), hasher: RandomState::new() }
    }

    /// The fingerprint of a message: a keyed hash of 64 bits, a checksum and the lengths. Two different messages share
    /// one with a chance of 2⁻⁹⁶, and nobody outside can look for two that do.
    pub(crate) fn fingerprint(&self, topic: &str, payload: &[u8]) -> Key {
        let hash = self.hasher.hash_one((topic, payload));
        let check = crc32c::crc32c_append(crc32c::crc32c(topic.as_bytes()), payload);
        u128::from(hash) << 64 | u128::from(check) << 32 | payload.len() as u32 as u128
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        let index = (key ^ key >> 64) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the key was accepted before, and if so, the fate to wait for (`None`: it is committed).
    pub(crate) fn seen(&self, key: Key) -> Option<Option<Fate>> {
        self.shard(key).entries.get(&key).cloned()
    }

    /// These were queued for commit.
    pub(crate) fn queued(&self, keys: &[Key], fate: &Fate) {
        for key in keys {
            let mut shard = self.shard(*key);
            if shard.entries.insert(*key, Some(fate.clone())).is_some() {
                continue;
            }
            shard.order.push_back(*key);
            if shard.order.len() > self.most
                && let Some(oldest) = shard.order.pop_front()
            {
                shard.entries.remove(&oldest);
            }
        }
    }

    /// Their commit has ended: remembered as committed, or forgotten so that they can come again.
    pub(crate) fn ended(&self, keys: &[Key], committed: bool) {
        for key in keys {
            let mut shard = self.shard(*key);
            if !committed {
                shard.entries.remove(key);
            } else if let Some(entry) = shard.entries.get_mut(key) {
                *entry = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_queued_is_seen_until_its_commit_fails() {
        let recent = Recent::new(64);
        let (_tell, fate) = watch::channel(None);
        let keys = [recent.fingerprint("t", b"1"), recent.fingerprint("t", b"2")];
        assert_ne!(keys[0], keys[1]);
        assert!(recent.seen(keys[0]).is_none());
        recent.queued(&keys, &fate);
        assert!(matches!(recent.seen(keys[0]), Some(Some(_))));
        recent.ended(&keys[..1], true);
        recent.ended(&keys[1..], false);
        assert!(matches!(recent.seen(keys[0]), Some(None)));
        assert!(recent.seen(keys[1]).is_none());
    }

    #[test]
    fn the_memory_is_bounded() {
        let recent = Recent::new(160);
        let (_tell, fate) = watch::channel(None);
        let keys: Vec<Key> = (0..10_000).collect();
        recent.queued(&keys, &fate);
        let kept = keys.iter().filter(|k| recent.seen(**k).is_some()).count();
        assert_eq!(kept, 160);
        assert!(recent.seen(9_999).is_some());
    }
}
