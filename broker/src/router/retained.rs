//! The last message of each topic that asked to be retained, for those who subscribe later.
//!
//! A retained message is durable before anybody can find it. So it takes two steps: [`Keeper::admit`] decides, in the
//! order in which messages were read, whether there is room, and takes the room; the [`Claim`] it yields changes what
//! is retained when the message is durable, or gives the room back when it never becomes so. Claims carry a number:
//! whatever connection they come through and however long its subscribers held it up, a message never takes the place
//! of one that was queued for the store after it ([`crate::offer`]).
//!
//! **When there is no room** (count or bytes) the message is delivered and not retained, and what was retained for its
//! topic goes: an old value must not pass for the last one. For the moment between admission and commit the old
//! message of a topic is held beside the new one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::message::Message;
use crate::lock;
use crate::topic;

/// Retained messages, bounded by count and bytes.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Mutex<Retained>>);

/// What a message that asks to be retained gets.
pub(crate) enum Admission {
    /// Room: it will be retained, or take away what is retained when its payload is empty.
    Kept(Claim),
    /// No room, and an older one of its topic has to go.
    Forgotten(Claim),
    /// No room, and nothing of its topic was there.
    NoRoom,
}

/// The right to change what is retained for a topic; dropped unused, it gives its room back.
pub(crate) struct Claim {
    keeper: Keeper,
    topic: Arc<str>,
    /// Its place in the order in which the intake queued; 0 before that.
    number: u64,
    /// Whether the slot of its topic counts it.
    counted: bool,
    /// Bytes it holds; 0 for one that takes away.
    size: usize,
    keeps: bool,
}

struct Retained {
    topics: BTreeMap<Arc<str>, Slot>,
    /// Of messages that are retained and of claims.
    bytes: usize,
    number: u64,
    max_messages: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Slot {
    message: Option<Arc<Message>>,
    /// The number of the claim that made it so.
    number: u64,
    /// Claims not yet used; with them gone and no message, the slot goes.
    claims: usize,
}

impl Keeper {
    pub fn new(max_messages: usize, max_bytes: usize) -> Keeper {
        let topics = BTreeMap::new();
        Keeper(Arc::new(Mutex::new(Retained { topics, bytes: 0, number: 0, max_messages, max_bytes })))
    }

    /// Decides on a message of `size` bytes (see [`Message::size`]) that asks to be retained; `empty` tells that it is
    /// there to take away.
    pub fn admit(&self, topic: &Arc<str>, size: usize, empty: bool) -> Admission {
        let mut retained = lock(&self.0);
        let slot = retained.topics.get(topic);
        let (known, here) = (slot.is_some(), slot.and_then(|slot| slot.message.as_ref()).map_or(0, |m| m.size()));
        let fits = (known || retained.topics.len() < retained.max_messages)
            && retained.bytes - here + size <= retained.max_bytes;
        if !(empty || fits || known) {
            return Admission::NoRoom;
        }
        let keeps = !empty && fits;
        let size = if keeps { size } else { 0 };
        retained.bytes += size;
        // Where there is nothing to take away yet, no slot is filled with such.
        let counted = known || !empty;
        if counted {
            retained.topics.entry(topic.clone()).or_default().claims += 1;
        }
        drop(retained);
        let claim = Claim { keeper: self.clone(), topic: topic.clone(), number: 0, counted, size, keeps };
        if empty || fits { Admission::Kept(claim) } else { Admission::Forgotten(claim) }
    }

    /// Takes the next `n` numbers for claims; the first of them.
    pub fn numbers(&self, n: u64) -> u64 {
        let mut retained = lock(&self.0);
        retained.number += n;
        retained.number + 1 - n
    }

    /// Every retained message that `filter` matches and whose time is not up, in the order of their topics.
    pub fn matching(&self, filter: &str, now: Instant) -> Vec<Arc<Message>> {
        let retained = lock(&self.0);
        let alive = |slot: &Slot| slot.message.clone().filter(|message| message.left(now).is_some());
        if !filter.contains(['+', '#']) {
            return retained.topics.get(filter).and_then(alive).into_iter().collect();
        }
        let literal = filter.split(['+', '#']).next().unwrap_or_default().trim_end_matches('/');
        let from = retained.topics.range::<str, _>((Bound::Included(literal), Bound::Unbounded));
        from.take_while(|(name, _)| name.starts_with(literal))
            .filter(|(name, _)| topic::matches(filter, name))
            .filter_map(|(_, slot)| alive(slot))
            .collect()
    }

    /// Takes away what has expired; how many.
    pub fn sweep(&self, now: Instant) -> u64 {
        let mut retained = lock(&self.0);
        let Retained { topics, bytes, .. } = &mut *retained;
        let mut expired = 0;
        topics.retain(|_, slot| {
            if let Some(message) = slot.message.take_if(|message| message.left(now).is_none()) {
                *bytes -= message.size();
                expired += 1;
            }
            slot.message.is_some() || slot.claims > 0
        });
        expired
    }

    /// Takes in what outlived a restart, whatever the bounds are now: what was promised is kept, and new ones find no
    /// room until there is some again. A topic that already has a message keeps it.
    pub fn restore(&self, message: Arc<Message>) {
        let mut retained = lock(&self.0);
        let Retained { topics, bytes, .. } = &mut *retained;
        let slot = topics.entry(message.topic.clone()).or_default();
        if slot.message.is_none() && slot.number == 0 {
            *bytes += message.size();
            slot.message = Some(message);
        }
    }

    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.0).topics.values().filter(|slot| slot.message.is_some()).count()
    }
}

impl Claim {
    /// Its message is queued, in this place among all that change what is retained.
    pub fn number(&mut self, number: u64) {
        self.number = number;
    }

    /// The message is durable: it is what is retained for its topic, unless one that was queued later already is.
    pub fn settle(self, message: &Arc<Message>) {
        let mut retained = lock(&self.keeper.0);
        let Retained { topics, bytes, .. } = &mut *retained;
        let Some(slot) = topics.get_mut(&self.topic) else { return };
        if slot.number > self.number {
            return;
        }
        slot.number = self.number;
        if let Some(old) = slot.message.take() {
            *bytes -= old.size();
        }
        if self.keeps {
            *bytes += message.size();
            slot.message = Some(message.clone());
        }
        // The room of the claim itself goes with it.
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut retained = lock(&self.keeper.0);
        retained.bytes -= self.size;
        let Retained { topics, .. } = &mut *retained;
        if !self.counted {
            return;
        }
        if let Some(slot) = topics.get_mut(&self.topic) {
            slot.claims -= 1;
            if slot.claims == 0 && slot.message.is_none() {
                topics.remove(&self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tokio::time::Duration;

    fn message(topic: &str, payload: &[u8]) -> Arc<Message> {
        Arc::new(Message {
            topic: topic.into(),
            payload: Bytes::copy_from_slice(payload),
            qos: 1,
            retain: true,
            properties: Bytes::new(),
            expires: None,
            from: 0,
        })
    }

    fn admit(keeper: &Keeper, message: &Message) -> Admission {
        keeper.admit(&message.topic, message.size(), message.payload.is_empty())
    }

    /// As if it had been queued now.
    fn settle(keeper: &Keeper, mut claim: Claim, message: &Arc<Message>) {
        claim.number(keeper.numbers(1));
        claim.settle(message);
    }

    /// Admits and settles: whether it was kept.
    fn set(keeper: &Keeper, topic: &str, payload: &[u8]) -> bool {
        let message = message(topic, payload);
        match admit(keeper, &message) {
            Admission::Kept(claim) => {
                settle(keeper, claim, &message);
                true
            }
            Admission::Forgotten(claim) => {
                settle(keeper, claim, &message);
                false
            }
            Admission::NoRoom => false,
        }
    }

    /// Bytes and slots in use.
    fn occupied(keeper: &Keeper) -> (usize, usize) {
        let retained = lock(&keeper.0);
        (retained.bytes, retained.topics.len())
    }

    fn found(keeper: &Keeper, filter: &str) -> Vec<(String, Vec<u8>)> {
        let found = keeper.matching(filter, Instant::now());
        found.iter().map(|m| (m.topic.to_string(), m.payload.to_vec())).collect()
    }

    #[tokio::test]
    async fn the_last_message_of_each_topic_is_kept_until_an_empty_one() {
        let keeper = Keeper::new(10, 10_000);
        for (topic, payload) in [("a/1", &b"x"[..]), ("a/2", b"y"), ("a/1", b"z"), ("a/2", b""), ("b", b"w")] {
            assert!(set(&keeper, topic, payload));
        }
        assert_eq!(found(&keeper, "a/#"), [("a/1".to_owned(), b"z".to_vec())]);
        assert_eq!(found(&keeper, "#").len(), 2);
        assert_eq!(found(&keeper, "b").len(), 1);
        assert_eq!(found(&keeper, "a").len(), 0);
    }

    #[tokio::test]
    async fn what_finds_no_room_is_refused_and_leaves_no_old_value() {
        let keeper = Keeper::new(2, 1_000);
        assert!(set(&keeper, "a", b"1"));
        assert!(set(&keeper, "b", b"1"));
        assert!(matches!(admit(&keeper, &message("c", b"1")), Admission::NoRoom));
        assert!(set(&keeper, "a", b"2"), "one that takes the place of another needs no further room");
        let large = message("b", &[0; 2_000]);
        let Admission::Forgotten(claim) = admit(&keeper, &large) else { panic!("too large, and b has an old one") };
        assert_eq!(found(&keeper, "#").len(), 2, "until the large one is durable");
        settle(&keeper, claim, &large);
        assert_eq!(found(&keeper, "#").len(), 1);
        assert!(set(&keeper, "a", b""));
        assert_eq!(occupied(&keeper), (0, 0));
    }

    #[tokio::test]
    async fn room_is_taken_by_what_is_not_yet_durable_and_given_back_when_it_never_becomes_so() {
        let keeper = Keeper::new(1, 1_000);
        let Admission::Kept(claim) = admit(&keeper, &message("a", b"1")) else { panic!("there is room") };
        assert_eq!(found(&keeper, "#"), [], "nobody finds what is not durable");
        assert!(matches!(admit(&keeper, &message("b", b"1")), Admission::NoRoom));
        drop(claim);
        assert!(set(&keeper, "b", b"1"));
        assert_eq!(keeper.len(), 1);
    }

    /// Whatever the order of admission and of settling: the one that was queued last stays.
    #[tokio::test]
    async fn a_message_never_takes_the_place_of_one_queued_after_it() {
        for before in [false, true] {
            for (old, new) in [("old", "new"), ("old", ""), ("", "new")] {
                for (swap_admission, swap_settling) in [(false, false), (false, true), (true, false), (true, true)] {
                    let keeper = Keeper::new(10, 10_000);
                    assert!(!before || set(&keeper, "a", b"before"));
                    let messages = [message("a", old.as_bytes()), message("a", new.as_bytes())];
                    let first = usize::from(swap_admission);
                    let mut claims = [first, 1 - first].map(|i| match admit(&keeper, &messages[i]) {
                        Admission::Kept(claim) => (i, claim),
                        _ => panic!("there is room"),
                    });
                    claims.sort_by_key(|(i, _)| *i);
                    claims.iter_mut().for_each(|(_, claim)| claim.number(keeper.numbers(1)));
                    if swap_settling {
                        claims.reverse();
                    }
                    claims.into_iter().for_each(|(i, claim)| claim.settle(&messages[i]));
                    let expect: Vec<_> =
                        Some(("a".to_owned(), new.into())).filter(|_| !new.is_empty()).into_iter().collect();
                    assert_eq!(
                        found(&keeper, "a"),
                        expect,
                        "{before} {old:?} {new:?} {swap_admission} {swap_settling}"
                    );
                    assert!(set(&keeper, "a", b""));
                    assert_eq!(occupied(&keeper), (0, 0));
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_expired_is_not_found_and_leaves_its_room() {
        let keeper = Keeper::new(1, 1_000);
        let mut short = message("a", b"1");
        Arc::get_mut(&mut short).unwrap().expires = Some(Instant::now() + Duration::from_secs(5));
        let Admission::Kept(claim) = admit(&keeper, &short) else { panic!("there is room") };
        settle(&keeper, claim, &short);
        assert_eq!(found(&keeper, "a").len(), 1);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(found(&keeper, "a").len() + found(&keeper, "#").len(), 0);
        assert!(!set(&keeper, "b", b"1"));
        assert_eq!(keeper.sweep(Instant::now()), 1);
        assert!(set(&keeper, "b", b"1"));
    }

    #[tokio::test]
    async fn what_is_restored_does_not_replace_what_came_since_and_stays_whatever_the_bounds_are() {
        let keeper = Keeper::new(1, 1_000);
        assert!(set(&keeper, "a", b"new"));
        for topic in ["a", "b", "c"] {
            keeper.restore(message(topic, b"old"));
        }
        assert_eq!(found(&keeper, "#").len(), 3);
        assert_eq!(found(&keeper, "a")[0].1, b"new");
        assert!(!set(&keeper, "d", b"1"));
        assert!(set(&keeper, "c", b"2"));
    }
}
