//! What has been published to a broker and not yet acknowledged.
//!
//! Every client of the house that publishes to somebody else's broker (the simulator, a replay, the session at an
//! external broker) keeps its messages here until the PUBACK has come, because neither the MQTT library nor the broker
//! can be relied on to remember them: a broker may come back without the session.
//!
//! A message stands in one of three places: in the queue, handed to the protocol without a packet id yet, or sent under
//! a packet id. A new connection takes all three back into the queue, in the order in which they were published.
//!
//! The outbox is bounded in messages and in bytes. What happens when it is full is the publisher's choice, message by
//! message: [`Outbox::push`] waits (`WhenFull::Block`, nothing is ever dropped), [`Outbox::offer`] makes room by giving
//! up the oldest message that was offered and not yet sent (`WhenFull::DropOldest`, counted).
//!
//! What this room does *not* know: sockets, MQTT packets, what a message means. It knows no other room of the house.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// MQTT's fixed header, packet id and the topic's length.
pub const OVERHEAD: usize = 16;

/// A message to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: Arc<str>,
    /// What.
    pub payload: Bytes,
    /// 0 or 1. A message of quality 0 is gone when it has been handed over.
    pub qos: u8,
    /// Whether the broker is to retain it.
    pub retain: bool,
}

impl Message {
    /// Quality 1, not retained.
    #[must_use]
    pub fn new(topic: &str, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos: 1, retain: false }
    }

    /// What it counts for in an outbox, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.topic.len() + self.payload.len() + OVERHEAD
    }
}

/// The messages, and the room that is left for more.
pub struct Outbox {
    state: Mutex<State>,
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    /// Wakes the one task that calls [`Outbox::next`].
    queued: Notify,
    outstanding: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    handed: VecDeque<Entry>,
    sent: HashMap<u16, Entry>,
    published: u64,
    dropped: u64,
    last_id: u16,
    /// Packet ids of messages in the queue.
    reserved: HashSet<u16>,
}

struct Entry {
    /// Position in the order of publishing.
    number: u64,
    message: Message,
    /// The packet id under which it was sent on an earlier connection of the same session.
    id: Option<u16>,
    /// How often the broker has refused it.
    refused: u32,
    /// Whether it may be given up to make room.
    spare: bool,
    /// Given back when the entry goes; a greeting takes none.
    room: Option<[OwnedSemaphorePermit; 2]>,
}

impl State {
    fn len(&self) -> usize {
        self.queue.len() + self.handed.len() + self.sent.len()
    }
}

/// A message larger than the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// What it weighs, bytes.
    pub found: usize,
    /// What the outbox holds, bytes.
    pub max: usize,
}

impl Outbox {
    /// Room for `max_messages` messages that weigh `max_bytes` together.
    #[must_use]
    pub fn new(max_messages: usize, max_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self {
            state: Mutex::default(),
            messages: Arc::new(Semaphore::new(max_messages.clamp(1, Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            queued: Notify::new(),
            outstanding: watch::Sender::new(0),
        }
    }

    /// Takes a message in as soon as there is room; those who wait are served in the order in which they came.
    /// Dropping the future before it is ready publishes nothing.
    pub async fn push(&self, message: Message) -> Result<(), TooLarge> {
        let weight = self.check(&message)?;
        let one = self.messages.clone().acquire_owned().await;
        let bytes = self.bytes.clone().acquire_many_owned(weight).await;
        // Neither semaphore is ever closed.
        if let (Ok(one), Ok(bytes)) = (one, bytes) {
            self.enter(message, [one, bytes], false);
        }
        Ok(())
    }

    /// Takes a message in at once. Where there is no room, the oldest that were offered and not yet sent are given up;
    /// where that does not help, this one is. Either is counted ([`Outbox::dropped`]).
    pub fn offer(&self, message: Message) -> Result<(), TooLarge> {
        let weight = self.check(&message)?;
        loop {
            let one = self.messages.clone().try_acquire_owned();
            let bytes = self.bytes.clone().try_acquire_many_owned(weight);
            if let (Ok(one), Ok(bytes)) = (one, bytes) {
                self.enter(message, [one, bytes], true);
                return Ok(());
            }
            if !self.give_up_oldest() {
                self.lock().dropped += 1;
                return Ok(());
            }
        }
    }

    fn check(&self, message: &Message) -> Result<u32, TooLarge> {
        let found = message.weight();
        let fits = u32::try_from(found).ok().filter(|_| found <= self.max_bytes);
        fits.ok_or(TooLarge { found, max: self.max_bytes })
    }

    fn enter(&self, message: Message, room: [OwnedSemaphorePermit; 2], spare: bool) {
        let mut state = self.lock();
        let number = state.published;
        state.published += 1;
        state.queue.push_back(Entry { number, message, id: None, refused: 0, spare, room: Some(room) });
        self.count(state);
        self.queued.notify_one();
    }

    fn give_up_oldest(&self) -> bool {
        let mut state = self.lock();
        // What has a packet id may have arrived: its number at the broker must not go to another message.
        let Some(at) = state.queue.iter().position(|e| e.spare && e.id.is_none()) else { return false };
        let gone = state.queue.remove(at);
        state.dropped += 1;
        self.count(state);
        drop(gone);
        true
    }

    /// Takes a message in before all others and without regard to room: what a client says last.
    pub fn last_words(&self, message: Message) {
        let mut state = self.lock();
        state.queue.push_front(Entry { number: 0, message, id: None, refused: 0, spare: false, room: None });
        self.count(state);
        self.queued.notify_one();
    }

    /// Waits until everything has been acknowledged.
    pub async fn empty(&self) {
        // The sender lives as long as `self`.
        let _ = self.outstanding.subscribe().wait_for(|n| *n == 0).await;
    }

    /// Waits until everything that was published before has been acknowledged or given up; later messages do not count.
    pub async fn settled(&self) {
        let before = self.lock().published;
        let mut changes = self.outstanding.subscribe();
        while self.oldest().is_some_and(|n| n < before) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn oldest(&self) -> Option<u64> {
        let state = self.lock();
        let all = state.queue.iter().chain(&state.handed).chain(state.sent.values());
        all.filter(|e| e.room.is_some()).map(|e| e.number).min()
    }

    /// How many messages are not yet acknowledged.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        *self.outstanding.borrow()
    }

    /// How many messages were given up for want of room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// A new connection: everything that stands here is to be sent again, after a fresh greeting. With `resumed` the
    /// broker has kept the session: what was sent keeps its packet id.
    pub fn begin(&self, greeting: &[Message], resumed: bool) {
        let mut state = self.lock();
        let mut again: Vec<Entry> = Vec::with_capacity(state.len());
        again.extend(std::mem::take(&mut state.sent).into_iter().map(|(id, e)| Entry { id: Some(id), ..e }));
        again.extend(std::mem::take(&mut state.handed));
        again.extend(std::mem::take(&mut state.queue));
        again.retain(|e| e.room.is_some());
        again.sort_unstable_by_key(|e| e.number);
        if !resumed {
            again.iter_mut().for_each(|e| e.id = None);
        }
        state.reserved = again.iter().filter_map(|e| e.id).collect();
        let greeting = greeting.iter().map(|m| Entry {
            number: 0,
            message: m.clone(),
            id: None,
            refused: 0,
            spare: false,
            room: None,
        });
        state.queue = greeting.chain(again).collect();
        self.count(state);
        self.queued.notify_one();
    }

    /// The next message to be sent, which counts as handed over from here on, and the packet id under which it was sent
    /// before in this session. For one caller at a time. May be dropped while it waits.
    pub async fn next(&self) -> (Message, Option<u16>) {
        loop {
            if let Some(message) = self.hand_over() {
                return message;
            }
            self.queued.notified().await;
        }
    }

    fn hand_over(&self) -> Option<(Message, Option<u16>)> {
        let mut state = self.lock();
        let entry = state.queue.pop_front()?;
        entry.id.map(|id| state.reserved.remove(&id));
        let message = (entry.message.clone(), entry.id);
        if entry.message.qos > 0 {
            state.handed.push_back(entry);
        } else {
            self.count(state);
        }
        Some(message)
    }

    /// A packet id that no message here has. There is one as long as fewer than 65,535 are under way.
    #[must_use]
    pub fn free_id(&self) -> u16 {
        let mut state = self.lock();
        for _ in 0..u16::MAX {
            state.last_id = state.last_id.checked_add(1).unwrap_or(1);
            let id = state.last_id;
            if !state.sent.contains_key(&id) && !state.reserved.contains(&id) {
                break;
            }
        }
        state.last_id
    }

    /// The first message that was handed over and has no packet id has this one.
    pub fn sent(&self, id: u16) {
        let mut state = self.lock();
        if let Some(entry) = state.handed.pop_front() {
            state.sent.insert(id, entry);
        }
        self.count(state);
    }

    /// The message under this packet id has arrived. Whether there was one.
    pub fn acknowledged(&self, id: u16) -> bool {
        let mut state = self.lock();
        let gone = state.sent.remove(&id);
        self.count(state);
        gone.is_some()
    }

    /// The broker has refused the message under this packet id: it goes back to its place in the queue, as one that was
    /// never sent; or it is given up, when it has been refused more than `most` times. Its topic, and whether it is to
    /// be sent again; nothing where there is no such message.
    pub fn refused(&self, id: u16, most: u32) -> Option<(Arc<str>, bool)> {
        let mut state = self.lock();
        let mut entry = state.sent.remove(&id)?;
        let topic = entry.message.topic.clone();
        entry.refused = entry.refused.saturating_add(1);
        let again = entry.refused <= most;
        if again {
            entry.id = None;
            let at = state.queue.iter().position(|e| e.number > entry.number).unwrap_or(state.queue.len());
            state.queue.insert(at, entry);
            self.queued.notify_one();
        }
        self.count(state);
        Some((topic, again))
    }

    /// The message that was handed over last without a packet id cannot be sent at all: it is given up and counted.
    pub fn unsendable(&self) {
        let mut state = self.lock();
        let gone = state.handed.pop_back();
        state.dropped += u64::from(gone.is_some());
        self.count(state);
        drop(gone);
    }

    fn count(&self, state: MutexGuard<'_, State>) {
        // Also where the number is the same: one may have gone and another come. Under the lock, so that the numbers
        // are told in the order in which they were true.
        self.outstanding.send_replace(state.len());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; were it otherwise, the entries would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
