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
use std::time::{Duration, Instant};

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
    /// The last retained message of each topic, by its number: what comes again must not take its place.
    retained: HashMap<Arc<str>, u64>,
    words: Words,
}

/// What a client says last.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Words {
    /// Not yet.
    #[default]
    Unsaid,
    /// They wait or are on their way.
    Under,
    /// They have arrived.
    Heard,
}

/// Who an entry is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A publisher.
    Published,
    /// The client itself, at the beginning of a connection.
    Greeting,
    /// The client itself, at its end.
    LastWords,
}

struct Entry {
    /// Position in the order of publishing.
    number: u64,
    message: Message,
    /// The packet id under which it was sent on an earlier connection of the same session.
    id: Option<u16>,
    /// When the broker refused it first.
    refused: Option<Instant>,
    /// Whether it may be given up to make room.
    spare: bool,
    kind: Kind,
    /// Given back when the entry goes; what the client itself says takes none.
    _room: Option<[OwnedSemaphorePermit; 2]>,
}

impl Entry {
    /// What the client itself says.
    fn own(message: Message, kind: Kind) -> Self {
        Self { number: 0, message, id: None, refused: None, spare: false, kind, _room: None }
    }
}

/// What became of a message that the broker refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it was to go.
    pub topic: Arc<str>,
    /// What is done.
    pub then: Then,
}

/// What is done about a message that the broker refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is sent again.
    Again,
    /// It is not: something newer says what it said.
    Outlived,
    /// It is not.
    GivenUp,
}

impl State {
    fn outlived(&self, entry: &Entry) -> bool {
        match entry.kind {
            Kind::Greeting => self.words != Words::Unsaid,
            Kind::LastWords => false,
            Kind::Published => {
                entry.message.retain && self.retained.get(&entry.message.topic).is_some_and(|last| *last > entry.number)
            }
        }
    }

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
        if message.retain {
            state.retained.insert(message.topic.clone(), number);
        }
        let kind = Kind::Published;
        state.queue.push_back(Entry { number, message, id: None, refused: None, spare, kind, _room: Some(room) });
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

    /// Takes a message in before all others and without regard to room: what a client says last. A greeting, and
    /// what was to be retained on the same topic, never go out when they have not by now.
    pub fn last_words(&self, message: Message) {
        let mut state = self.lock();
        state.queue.retain(|e| e.kind != Kind::Greeting && !(e.message.retain && e.message.topic == message.topic));
        state.retained.insert(message.topic.clone(), u64::MAX);
        state.queue.push_front(Entry::own(message, Kind::LastWords));
        state.words = Words::Under;
        self.count(state);
        self.queued.notify_one();
    }

    /// Whether the last words have arrived.
    #[must_use]
    pub fn last_words_heard(&self) -> bool {
        self.lock().words == Words::Heard
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
        all.filter(|e| e.kind == Kind::Published).map(|e| e.number).min()
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
        again.retain(|e| e.kind == Kind::Published);
        state.words = Words::Unsaid;
        state.retained.retain(|_, last| *last != u64::MAX);
        again.sort_unstable_by_key(|e| e.number);
        if !resumed {
            again.iter_mut().for_each(|e| e.id = None);
        }
        state.reserved = again.iter().filter_map(|e| e.id).collect();
        let greeting = greeting.iter().map(|m| Entry::own(m.clone(), Kind::Greeting));
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
        if gone.as_ref().is_some_and(|e| e.kind == Kind::LastWords) {
            state.words = Words::Heard;
        }
        self.count(state);
        gone.is_some()
    }

    /// The broker has refused the message under this packet id, `now`: it goes back to its place in the queue, as one that
    /// was never sent; or it is given up, when it was first refused `patience` ago. Given up, too, is a retained message
    /// after which another was published on its topic, whose place it would take, and a greeting after the last words.
    /// What became of it; nothing where there is no such message.
    pub fn refused(&self, id: u16, now: Instant, patience: Duration) -> Option<Refused> {
        let mut state = self.lock();
        let mut entry = state.sent.remove(&id)?;
        let topic = entry.message.topic.clone();
        let since = *entry.refused.get_or_insert(now);
        let then = if state.outlived(&entry) {
            Then::Outlived
        } else if now.saturating_duration_since(since) < patience {
            entry.id = None;
            let at = state.queue.iter().position(|e| e.number > entry.number).unwrap_or(state.queue.len());
            state.queue.insert(at, entry);
            self.queued.notify_one();
            Then::Again
        } else {
            Then::GivenUp
        };
        self.count(state);
        Some(Refused { topic, then })
    }

    /// The message that was handed over last without a packet id cannot be sent at all: it is given up and counted.
    pub fn unsendable(&self) {
        let mut state = self.lock();
        let gone = state.handed.pop_back();
        state.dropped += u64::from(gone.is_some());
        self.count(state);
        drop(gone);
    }

    fn count(&self, mut state: MutexGuard<'_, State>) {
        if state.len() == 0 {
            state.retained.clear();
        }
        // Also where the number is the same: one may have gone and another come. Under the lock, so that the numbers
        // are told in the order in which they were true.
        self.outstanding.send_replace(state.len());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; were it otherwise, the entries would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
