//! What has been published and not yet acknowledged.
//!
//! A message stands in one of three places: in the queue, handed to the protocol without a packet id yet, or sent under
//! a packet id. A new connection takes all three back into the queue, in the order in which they were published.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// The messages, and the room that is left for more.
pub struct Outbox {
    state: Mutex<State>,
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
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
}

struct Entry {
    /// Position in the order of publishing.
    number: u64,
    topic: Arc<str>,
    payload: Bytes,
    /// Given back when the entry goes; a greeting takes none.
    room: Option<[OwnedSemaphorePermit; 2]>,
}

impl State {
    fn len(&self) -> usize {
        self.queue.len() + self.handed.len() + self.sent.len()
    }
}

impl Outbox {
    /// Room for `max_messages` messages that weigh `max_bytes` together.
    pub fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            messages: Arc::new(Semaphore::new(max_messages.clamp(1, Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(max_bytes.min(Semaphore::MAX_PERMITS))),
            queued: Notify::new(),
            outstanding: watch::Sender::new(0),
        }
    }

    /// Takes a message in as soon as there is room. `weight` may not exceed the room there is in all.
    pub async fn push(&self, topic: &str, payload: Bytes, weight: usize) {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let message = self.messages.clone().acquire_owned().await;
        let bytes = self.bytes.clone().acquire_many_owned(weight).await;
        // Neither semaphore is ever closed.
        let (Ok(message), Ok(bytes)) = (message, bytes) else { return };
        let mut state = self.lock();
        let number = state.published;
        state.published += 1;
        state.queue.push_back(Entry { number, topic: topic.into(), payload, room: Some([message, bytes]) });
        self.count(state);
        self.queued.notify_one();
    }

    /// Waits until everything has been acknowledged.
    pub async fn empty(&self) {
        // The sender lives as long as `self`.
        let _ = self.outstanding.subscribe().wait_for(|n| *n == 0).await;
    }

    /// How many messages are not yet acknowledged.
    pub fn outstanding(&self) -> usize {
        *self.outstanding.borrow()
    }

    /// A new connection: everything that stands here is to be sent again, after a fresh greeting.
    pub fn begin(&self, greeting: &[(String, Bytes)]) {
        let mut state = self.lock();
        let mut again: Vec<Entry> = std::mem::take(&mut state.sent).into_values().collect();
        again.extend(std::mem::take(&mut state.handed));
        again.extend(std::mem::take(&mut state.queue));
        again.retain(|e| e.room.is_some());
        again.sort_unstable_by_key(|e| e.number);
        let greeting =
            greeting.iter().map(|(t, p)| Entry { number: 0, topic: t.as_str().into(), payload: p.clone(), room: None });
        state.queue = greeting.chain(again).collect();
        self.count(state);
        self.queued.notify_one();
    }

    /// The next message to be sent, which counts as handed over from here on. For one caller at a time.
    pub async fn next(&self) -> (Arc<str>, Bytes) {
        loop {
            if let Some(message) = self.hand_over() {
                return message;
            }
            self.queued.notified().await;
        }
    }

    fn hand_over(&self) -> Option<(Arc<str>, Bytes)> {
        let mut state = self.lock();
        let entry = state.queue.pop_front()?;
        let message = (entry.topic.clone(), entry.payload.clone());
        state.handed.push_back(entry);
        Some(message)
    }

    /// The first message that was handed over and has no packet id has this one.
    pub fn sent(&self, id: u16) {
        let mut state = self.lock();
        if let Some(entry) = state.handed.pop_front() {
            state.sent.insert(id, entry);
        }
        self.count(state);
    }

    /// The message under this packet id has arrived.
    pub fn acknowledged(&self, id: u16) {
        let mut state = self.lock();
        let gone = state.sent.remove(&id);
        self.count(state);
        drop(gone);
    }

    fn count(&self, state: MutexGuard<'_, State>) {
        let n = state.len();
        self.outstanding.send_if_modified(|old| std::mem::replace(old, n) != n);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; were it otherwise, the entries would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
