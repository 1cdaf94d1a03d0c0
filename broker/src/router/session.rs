//! What is kept for one client: its subscriptions, the messages that wait for it, those it has not acknowledged, and
//! the QoS 2 identifiers it has not released.
//!
//! **When a queue is full** (`WhenFull::WaitThenDropOldest`, so to speak): a connected subscriber that reads makes
//! publishers wait from half its bounds on, so nothing is lost however slow it is. One that has stopped reading for
//! `subscriber_patience` holds nobody up any more: like an absent one, it loses its oldest message for each new one
//! beyond the bounds, and each loss is counted.

pub(crate) mod withdraw;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::group::{self, Group};
use super::link::Link;
use super::message::{Delivery, Message};
use crate::codec::{kind, publish};
use crate::intake::Protocol;
use crate::lock;
use crate::refusal::{Counters, Refusal};

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

    /// The groups of whose messages it holds some.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        let state = lock(&self.state);
        if !state.subscriptions.keys().any(|filter| filter.starts_with("$share/")) {
            return Vec::new();
        }
        let sent = state.sent.iter().filter_map(|sent| match &sent.phase {
            Phase::Published(delivery) => group::of(delivery),
            Phase::Released => None,
        });
        let mut groups: Vec<_> = sent.chain(state.queue.iter().filter_map(group::of)).collect();
        groups.sort_by_key(Arc::as_ptr);
        groups.dedup_by(|a, b| Arc::ptr_eq(a, b));
        groups
    }

    /// Takes out what it holds of this group and another member may have, in order.
    pub fn take_shared(&self, group: &Arc<Group>) -> Vec<Delivery> {
        let mut state = lock(&self.state);
        take_out(&mut state, |delivery| group::of(delivery).is_some_and(|of| Arc::ptr_eq(&of, group)))
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

    /// Takes an acknowledgement of something we sent.
    pub fn acknowledged(&self, packet: u8, pkid: u16, success: bool) -> Answer {
        let mut state = lock(&self.state);
        let Some(at) = state.sent.iter().position(|sent| sent.pkid == pkid) else {
            return if packet == kind::PUBREC { Answer::Release(0x92) } else { Answer::Nothing };
        };
        let qos = match &state.sent[at].phase {
            Phase::Published(delivery) => Some(delivery.qos),
            Phase::Released => None,
        };
        match (packet, qos) {
            (kind::PUBREC, Some(2)) if success => {
                take_sent(&mut state, at);
                let (at, sent) = (state.released, Sent { pkid, phase: Phase::Released, due: false });
                state.sent.insert(at, sent);
                state.released += 1;
                Answer::Release(0)
            }
            (kind::PUBREC, None) if success => Answer::Release(0),
            (kind::PUBACK, Some(1)) | (kind::PUBREC, Some(2)) | (kind::PUBCOMP | kind::PUBREC, None) => {
                take_sent(&mut state, at);
                state.pkids.free(pkid);
                Answer::Nothing
            }
            _ => Answer::Wrong,
        }
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

/// Takes one out of what was sent; its identifier stays in use.
fn take_sent(state: &mut State, at: usize) -> Option<Sent> {
    let sent = state.sent.remove(at)?;
    state.due -= usize::from(sent.due);
    state.released -= usize::from(matches!(sent.phase, Phase::Released));
    Some(sent)
}

/// Takes out what another member of a group may have: what waits, and what is on its way at QoS 1. A QoS 2 message that
/// was sent is its client's alone ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
fn take_out(state: &mut State, wanted: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
    let mut taken = Vec::new();
    let mut at = 0;
    while let Some(sent) = state.sent.get(at) {
        if !matches!(&sent.phase, Phase::Published(delivery) if delivery.qos == 1 && wanted(delivery)) {
            at += 1;
            continue;
        }
        if let Some(Sent { pkid, phase: Phase::Published(delivery), .. }) = take_sent(state, at) {
            state.pkids.free(pkid);
            taken.push(delivery);
        }
    }
    let (of_group, kept): (VecDeque<_>, VecDeque<_>) = state.queue.drain(..).partition(|delivery| wanted(delivery));
    state.queue = kept;
    state.bytes = state.queue.iter().map(|delivery| delivery.message.size()).sum();
    taken.extend(of_group);
    taken
}

/// Sends again what was not acknowledged on the connection before, within the window of this one; how many were too
/// large for it and are given up ([MQTT-3.1.2-25]).
fn resend(state: &mut State, out: &mut BytesMut, budget: usize, now: Instant) -> u64 {
    let Terms { protocol, window, max_packet } = state.terms;
    let mut too_large = 0;
    let mut at = 0;
    while out.len() < budget && state.due > 0 {
        let on_their_way = state.sent.len() - state.due;
        let Some(sent) = state.sent.get_mut(at) else { break };
        at += 1;
        match &sent.phase {
            _ if !sent.due => continue,
            Phase::Published(_) if on_their_way >= window => break,
            Phase::Published(delivery) => {
                let expiry = delivery.message.left(now).unwrap_or(Some(0));
                let packet = packet(delivery, sent.pkid, true, expiry);
                if packet.len(protocol) > max_packet {
                    let pkid = sent.pkid;
                    at -= 1;
                    take_sent(state, at);
                    state.pkids.free(pkid);
                    too_large += 1;
                    continue;
                }
                packet.encode(protocol, out);
            }
            Phase::Released => publish::put_ack(out, kind::PUBREL, sent.pkid, 0),
        }
        sent.due = false;
        state.due -= 1;
    }
    too_large
}

fn send(state: &mut State, delivery: Delivery, out: &mut BytesMut, now: Instant) -> Result<(), Refusal> {
    let Some(expiry) = delivery.message.left(now) else { return Err(Refusal::Expired) };
    let mut outgoing = packet(&delivery, 0, false, expiry);
    if outgoing.len(state.terms.protocol) > state.terms.max_packet {
        return Err(Refusal::SubscriberPacket);
    }
    if delivery.qos > 0 {
        outgoing.pkid = state.pkids.next();
    }
    outgoing.encode(state.terms.protocol, out);
    if outgoing.qos > 0 {
        let pkid = outgoing.pkid;
        state.sent.push_back(Sent { pkid, phase: Phase::Published(delivery), due: false });
    }
    Ok(())
}

fn packet(delivery: &Delivery, pkid: u16, dup: bool, expiry: Option<u32>) -> publish::Outgoing<'_> {
    let Message { topic, payload, properties, .. } = &*delivery.message;
    let Delivery { qos, retain, .. } = *delivery;
    let ids = delivery.via.as_ref().map_or(&[][..], |via| &via.ids);
    publish::Outgoing { topic, payload, pkid, qos, retain, dup, expiry, ids, properties }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;

    const TERMS: Terms = Terms { protocol: Protocol::V311, window: 4, max_packet: 1 << 20 };

    pub(crate) fn session(id: u64) -> Arc<Session> {
        let bounds = Bounds { messages: 8, bytes: 1 << 20 };
        Arc::new(Session::new(id, "c".into(), "i".into(), bounds, Arc::new(Counters::new()), TERMS))
    }

    fn delivery(n: u8, qos: u8) -> Delivery {
        let message = Message {
            topic: "t".into(),
            payload: Bytes::copy_from_slice(&[n]),
            qos,
            retain: false,
            properties: Bytes::new(),
            expires: None,
            from: 0,
        };
        Delivery { message: Arc::new(message), qos, retain: false, via: None }
    }

    /// Payloads (one byte each) and identifiers in `out`, of which QoS 1 was asked.
    fn published(out: &BytesMut) -> Vec<(u16, u8)> {
        out.chunks(8).map(|p| (u16::from_be_bytes([p[5], p[6]]), p[7])).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_of_an_absent_client_loses_its_oldest_and_counts_them() {
        let session = session(1);
        for n in 0..20 {
            assert_eq!(session.push(delivery(n, 1)), Pushed::Taken, "nobody waits for an absent client");
        }
        assert_eq!(session.describe().1, 12);
        let link = Arc::new(Link::default());
        session.attach(link.clone(), TERMS);
        let mut out = BytesMut::new();
        session.fill(&link, &mut out, usize::MAX, Instant::now());
        assert_eq!(published(&out), [(1, 12), (2, 13), (3, 14), (4, 15)], "the window is four");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_acknowledged_comes_again_on_the_next_connection_in_order() {
        let session = session(1);
        let (first, second) = (Arc::new(Link::default()), Arc::new(Link::default()));
        session.attach(first.clone(), TERMS);
        for n in 0..6 {
            session.push(delivery(n, 1));
        }
        let mut out = BytesMut::new();
        session.fill(&first, &mut out, usize::MAX, Instant::now());
        session.acknowledged(kind::PUBACK, 2, true);
        session.detach(Duration::from_secs(60), Instant::now());
        session.attach(second.clone(), TERMS);
        let mut again = BytesMut::new();
        assert!(!session.fill(&first, &mut again, usize::MAX, Instant::now()), "the old connection has lost it");
        session.fill(&second, &mut again, usize::MAX, Instant::now());
        assert_eq!(published(&again), [(1, 0), (3, 2), (4, 3), (5, 4)]);
        assert_eq!(again[0], 0x3a, "with the DUP flag");
        assert_eq!(again[24], 0x32, "a new one without");
    }

    #[tokio::test(start_paused = true)]
    async fn publishers_wait_for_one_that_reads_and_not_for_one_that_stopped() {
        let session = session(1);
        let link = Arc::new(Link::default());
        session.attach(link.clone(), TERMS);
        let crowded: Vec<_> = (0..6).map(|n| session.push(delivery(n, 0)) == Pushed::Crowded).collect();
        assert_eq!(crowded, [false, false, false, false, true, true]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(session.poll_room(&mut context).is_pending());
        session.fill(&link, &mut BytesMut::new(), usize::MAX, Instant::now());
        assert!(session.poll_room(&mut context).is_ready());
        (0..6).for_each(|n| _ = session.push(delivery(n, 0)));
        assert!(session.poll_room(&mut context).is_pending());
        session.stall();
        assert!(session.poll_room(&mut context).is_ready());
        assert_eq!(session.push(delivery(9, 0)), Pushed::Taken);
    }
}
