//! What is kept for one client: its subscriptions, the messages that wait for it, those it has not acknowledged, and
//! the QoS 2 identifiers it has not released.
//!
//! **When a queue is full** (`WhenFull::WaitThenDropOldest`, so to speak): a connected subscriber that reads makes
//! publishers wait from half its bounds on, so nothing is lost however slow it is. One that has stopped reading for
//! `subscriber_patience` holds nobody up any more: like an absent one, it loses its oldest message for each new one
//! beyond the bounds, and each loss is counted.

mod sending;
pub(crate) mod withdraw;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::link::Link;
use super::message::Delivery;
use crate::intake::Protocol;
use crate::lock;
use crate::refusal::{Counters, Refusal};
use crate::rights::Rights;
use sending::{resend, send, take_out};

/// Bounds of one session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub messages: usize,
    pub bytes: usize,
}

/// How the connection that holds a session wants it served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub protocol: Protocol,
    /// The most messages on their way without acknowledgement.
    pub window: usize,
    /// The largest packet the client takes, in bytes.
    pub max_packet: usize,
}

/// One client's session.
pub(crate) struct Session {
    /// Unique in this broker, from 1.
    pub id: u64,
    pub client_id: Arc<str>,
    pub identity: Arc<str>,
    /// Its identity may not be here any more: nothing of it is kept, and no will of it is published.
    pub revoked: AtomicBool,
    /// What its identity was given since: a will that was checked before that is checked once more.
    pub renewed: Mutex<Option<Arc<Rights>>>,
    /// Told when a connection lets go of it.
    pub detached: Notify,
    /// Told when a connection takes it, and when it ends.
    pub changed: Notify,
    bounds: Bounds,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

/// Where a message sent with QoS 1 or 2 stands.
#[derive(Debug)]
enum Phase {
    /// PUBLISH sent; PUBACK or PUBREC is awaited.
    Published(Delivery),
    /// PUBREL sent; PUBCOMP is awaited.
    Released,
}

/// What became of a message that was to be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is queued, or needs not be.
    Taken,
    /// It is queued, and publishers should now wait for room ([`Session::poll_room`]).
    Crowded,
    /// The session has ended.
    Gone,
}

/// How near a session is to taking more, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// Connected, with room.
    Ready,
    /// Connected; publishers are to wait for it.
    Crowded,
    /// Connected; it has stopped reading.
    Stalled,
    /// Not connected.
    Absent,
    /// Ended.
    Gone,
}

/// What an acknowledgement asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Nothing,
    /// A PUBREL with this reason code.
    Release(u8),
    /// It belongs to another kind of message.
    Wrong,
}

struct Sent {
    pkid: u16,
    phase: Phase,
    /// To be sent (again) on this connection.
    due: bool,
}

struct State {
    link: Option<Arc<Link>>,
    terms: Terms,
    /// When it ends, while no connection holds it.
    until: Option<Instant>,
    gone: bool,
    queue: VecDeque<Delivery>,
    bytes: usize,
    /// Released ones first, in the order of their PUBRECs; then the published ones in their order.
    sent: VecDeque<Sent>,
    released: usize,
    due: usize,
    /// How often a connection took it.
    attachments: u64,
    pkids: Pkids,
    subscriptions: BTreeMap<String, u8>,
    received: HashSet<u16>,
    /// The connection was woken and has not come yet.
    woken: bool,
    stalled: bool,
    /// Messages taken out so far; tells a slow reader from one that stopped.
    taken: u64,
    dropped: u64,
    waiting: Vec<Waker>,
}

/// Packet identifiers in use, one bit each; allocated with the first.
#[derive(Default)]
struct Pkids {
    used: Vec<u64>,
    last: u16,
}

impl Pkids {
    /// A free identifier. There is one: the window is smaller than 65,535.
    fn next(&mut self) -> u16 {
        if self.used.is_empty() {
            self.used = vec![0; 1024];
        }
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let (word, bit) = (usize::from(self.last >> 6), 1u64 << (self.last & 63));
            if self.used[word] & bit == 0 {
                self.used[word] |= bit;
                return self.last;
            }
        }
    }

    fn free(&mut self, pkid: u16) {
        if let Some(word) = self.used.get_mut(usize::from(pkid >> 6)) {
            *word &= !(1u64 << (pkid & 63));
        }
    }
}

impl Session {
    pub fn new(
        id: u64,
        client_id: Arc<str>,
        identity: Arc<str>,
        bounds: Bounds,
        counters: Arc<Counters>,
        terms: Terms,
    ) -> Session {
        let state = State {
            link: None,
            terms,
            until: None,
            gone: false,
            queue: VecDeque::new(),
            bytes: 0,
            sent: VecDeque::new(),
            released: 0,
            due: 0,
            attachments: 0,
            pkids: Pkids::default(),
            subscriptions: BTreeMap::new(),
            received: HashSet::new(),
            woken: false,
            stalled: false,
            taken: 0,
            dropped: 0,
            waiting: Vec::new(),
        };
        let revoked = AtomicBool::new(false);
        Session {
            id,
            client_id,
            identity,
            revoked,
            renewed: Mutex::default(),
            detached: Notify::new(),
            changed: Notify::new(),
            bounds,
            counters,
            state: Mutex::new(state),
        }
    }

    /// The connection that holds it.
    pub fn link(&self) -> Option<Arc<Link>> {
        lock(&self.state).link.clone()
    }

    /// Gives it to a connection. What was sent and not acknowledged is due again.
    pub fn attach(&self, link: Arc<Link>, terms: Terms) {
        let mut state = lock(&self.state);
        state.link = Some(link);
        state.terms = terms;
        state.until = None;
        state.stalled = false;
        state.sent.iter_mut().for_each(|sent| sent.due = true);
        state.due = state.sent.len();
        state.attachments += 1;
        drop(state);
        self.changed.notify_waiters();
    }

    /// How often a connection took it, and whether it has ended.
    pub fn fate(&self) -> (u64, bool) {
        let state = lock(&self.state);
        (state.attachments, state.gone)
    }

    /// Takes it from its connection; it then lives on for `expiry`. Messages of QoS 0 do not wait for absent clients.
    pub fn detach(&self, expiry: Duration, now: Instant) {
        let mut state = lock(&self.state);
        state.link = None;
        state.until = Some(now + expiry);
        state.queue.retain(|delivery| delivery.qos > 0);
        state.queue.shrink_to_fit();
        state.bytes = state.queue.iter().map(|delivery| delivery.message.size()).sum();
        state.woken = false;
        wake_all(&mut state);
        drop(state);
        self.detached.notify_waiters();
    }

    /// Whether nobody holds it and its time is up.
    pub fn expired(&self, now: Instant) -> bool {
        let state = lock(&self.state);
        state.link.is_none() && state.until.is_some_and(|until| until <= now)
    }

    /// Ends it; yields the filters that are to be taken out of the tree, and what is left of shared subscriptions for
    /// other members.
    pub fn end(&self) -> (Vec<String>, Vec<Delivery>) {
        let mut state = lock(&self.state);
        state.gone = true;
        let left = take_out(&mut state, |delivery| delivery.via.as_ref().is_some_and(|via| via.group.is_some()));
        state.queue = VecDeque::new();
        state.sent = VecDeque::new();
        (state.bytes, state.due, state.released) = (0, 0, 0);
        wake_all(&mut state);
        let filters = std::mem::take(&mut state.subscriptions).into_keys().collect();
        drop(state);
        self.changed.notify_waiters();
        (filters, left)
    }

    /// How near it is to taking more.
    pub fn presence(&self) -> Presence {
        let state = lock(&self.state);
        match &*state {
            State { gone: true, .. } => Presence::Gone,
            State { link: None, .. } => Presence::Absent,
            State { stalled: true, .. } => Presence::Stalled,
            state if self.below(state, 2) => Presence::Ready,
            _ => Presence::Crowded,
        }
    }

    /// Notes a subscription, if there is room for it; whether it is a new one.
    pub fn subscribe(&self, filter: &str, qos: u8, most: usize) -> Result<bool, Refusal> {
        let mut state = lock(&self.state);
        if state.subscriptions.len() >= most && !state.subscriptions.contains_key(filter) {
            return Err(Refusal::Subscriptions);
        }
        Ok(state.subscriptions.insert(filter.to_owned(), qos).is_none())
    }

    /// Forgets a subscription.
    pub fn unsubscribe(&self, filter: &str) {
        lock(&self.state).subscriptions.remove(filter);
    }

    /// The filters it is subscribed to, and how many messages it lost because its queue was full.
    pub fn describe(&self) -> (Vec<String>, u64) {
        let state = lock(&self.state);
        (state.subscriptions.keys().cloned().collect(), state.dropped)
    }

    /// Queues a message.
    pub fn push(&self, delivery: Delivery) -> Pushed {
        let mut state = lock(&self.state);
        if state.gone {
            return Pushed::Gone;
        }
        if state.link.is_none() && delivery.qos == 0 {
            return Pushed::Taken;
        }
        state.bytes += delivery.message.size();
        state.queue.push_back(delivery);
        while state.queue.len() > self.bounds.messages || (state.bytes > self.bounds.bytes && state.queue.len() > 1) {
            if let Some(lost) = state.queue.pop_front() {
                state.bytes -= lost.message.size();
                state.dropped += 1;
                self.counters.add(Refusal::QueueFull, 1);
            }
        }
        let crowded = state.link.is_some() && !state.stalled && !self.below(&state, 2);
        let wake = state.link.clone().filter(|_| !state.woken);
        state.woken |= wake.is_some();
        drop(state);
        if let Some(link) = wake {
            link.wake();
        }
        if crowded { Pushed::Crowded } else { Pushed::Taken }
    }

    fn below(&self, state: &State, part: usize) -> bool {
        state.queue.len() <= self.bounds.messages / part && state.bytes <= self.bounds.bytes / part
    }

    /// Ready when publishers need not wait for this session any longer.
    pub fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.gone || state.link.is_none() || state.stalled || self.below(&state, 4) {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// How many messages it has taken so far.
    pub fn taken(&self) -> u64 {
        lock(&self.state).taken
    }

    /// Holds nobody up any more until it has caught up.
    pub fn stall(&self) {
        let mut state = lock(&self.state);
        state.stalled = true;
        wake_all(&mut state);
    }

    /// Writes waiting messages to `out` until it holds `budget` bytes, if `link` holds the session. Whether anything
    /// was written.
    pub fn fill(&self, link: &Arc<Link>, out: &mut BytesMut, budget: usize, now: Instant) -> bool {
        let mut state = lock(&self.state);
        let state = &mut *state;
        if !state.link.as_ref().is_some_and(|held| Arc::ptr_eq(held, link)) {
            return false;
        }
        state.woken = false;
        let before = out.len();
        if state.due > 0 {
            let too_large = resend(state, out, budget, now);
            self.counters.add(Refusal::SubscriberPacket, too_large);
        }
        while out.len() < budget && state.due == 0 {
            let Some(next) = state.queue.front() else { break };
            if next.qos > 0 && state.sent.len() >= state.terms.window {
                break;
            }
            let Some(delivery) = state.queue.pop_front() else { break };
            state.bytes -= delivery.message.size();
            state.taken += 1;
            if let Err(refusal) = send(state, delivery, out, now) {
                self.counters.add(refusal, 1);
            }
        }
        if state.queue.is_empty() && state.queue.capacity() > 4096 {
            state.queue = VecDeque::new();
        }
        if self.below(state, 4) {
            state.stalled = false;
            wake_all(state);
        }
        out.len() > before
    }

    /// Whether [`Session::fill`] would find something to write before the client acknowledges more.
    pub fn has_more(&self, link: &Arc<Link>) -> bool {
        let state = lock(&self.state);
        let open = |next: &Delivery| next.qos == 0 || state.sent.len() < state.terms.window;
        state.link.as_ref().is_some_and(|held| Arc::ptr_eq(held, link))
            && (state.due > 0 || state.queue.front().is_some_and(open))
    }

    /// Whether anything waits to be written for `link`, now or when the client has acknowledged more.
    pub fn waits(&self, link: &Arc<Link>) -> bool {
        let state = lock(&self.state);
        state.link.as_ref().is_some_and(|held| Arc::ptr_eq(held, link)) && (state.due > 0 || !state.queue.is_empty())
    }

    /// Notes the identifier of a QoS 2 PUBLISH; false when it is known, so the message was taken before.
    pub fn receive(&self, pkid: u16) -> bool {
        lock(&self.state).received.insert(pkid)
    }

    /// Forgets an identifier: released, or never made durable. Whether it was known.
    pub fn release(&self, pkid: u16) -> bool {
        lock(&self.state).received.remove(&pkid)
    }
}

fn wake_all(state: &mut State) {
    state.waiting.drain(..).for_each(Waker::wake);
}

#[cfg(test)]
#[path = "session/tests.rs"]
pub(crate) mod tests;
