//! Who gets what: the tree of filters, the retained messages and the sessions.
//!
//! It does no I/O and runs no task: a connection that has something to give calls [`Router::deliver`], and the
//! connections that have something to write are woken.

pub(crate) mod group;
mod identities;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod retained;
pub(crate) mod session;
pub(crate) mod tree;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::time::{Duration, Instant};

use crate::codec::control::{self, RetainHandling, Wanted};
use crate::config::Config;
use crate::lock;
use crate::offer::Turns;
use crate::refusal::{Counters, Refusal};
use crate::topic::{self, Limits};
use link::Link;
use message::{Delivery, Message, Via};
use retained::{Admission, Claim as Retaining, Keeper};
use session::{Bounds, Pushed, Session, Terms};
use tree::{Subscription, Targets, Tree};

/// All that is known about subscribers.
pub(crate) struct Router {
    tree: RwLock<Tree>,
    /// Changes whenever the tree does, so that who matches may be remembered.
    generation: AtomicU64,
    retained: Keeper,
    /// Held by whoever hands something to the intake that changes what is retained, until it is queued.
    turns: Turns,
    sessions: Mutex<HashMap<Arc<str>, Arc<Session>>>,
    next_session: AtomicU64,
    counters: Arc<Counters>,
    bounds: Bounds,
    limits: Limits,
    max_sessions: usize,
    max_subscriptions: usize,
    max_filters: usize,
}

/// A client that wants its session.
pub(crate) struct Claim {
    pub client_id: Arc<str>,
    pub identity: Arc<str>,
    /// It wants none of what was before.
    pub clean: bool,
    pub terms: Terms,
}

/// What becomes of a message that asks to be retained.
#[derive(Default)]
pub(crate) struct Retention {
    /// It will be what is retained.
    pub retain: bool,
    /// It will not, and what was retained goes.
    pub forget: bool,
    /// To be settled when it is durable.
    pub claim: Option<Box<Retaining>>,
}

/// The answer to a [`Claim`].
pub(crate) enum Attached {
    /// Here it is; `present` tells whether it is an old one.
    Here { session: Arc<Session>, present: bool },
    /// Another connection holds it and was asked to end.
    Busy(Arc<Session>),
    /// No.
    Refused(Refusal),
}

impl Router {
    pub fn new(config: &Config, counters: Arc<Counters>) -> Router {
        Router {
            tree: RwLock::default(),
            generation: AtomicU64::new(1),
            retained: Keeper::new(config.retained_messages, config.retained_bytes),
            turns: Turns::default(),
            sessions: Mutex::default(),
            next_session: AtomicU64::new(1),
            counters,
            bounds: Bounds { messages: config.queue_messages, bytes: config.queue_bytes },
            limits: Limits { bytes: config.topic_bytes, levels: config.topic_levels },
            max_sessions: config.max_sessions,
            max_subscriptions: config.max_subscriptions,
            max_filters: config.max_filters,
        }
    }

    /// Gives a client its session, for the connection behind `link`.
    pub fn attach(&self, claim: &Claim, link: &Arc<Link>, now: Instant) -> Attached {
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.get(&claim.client_id).cloned() {
            let expired = session.expired(now);
            if !expired && session.identity != claim.identity {
                return Attached::Refused(Refusal::ClientIdBound);
            }
            if let Some(other) = session.link() {
                other.end(Refusal::TakenOver);
                return Attached::Busy(session);
            }
            if !claim.clean && !expired {
                session.attach(link.clone(), claim.terms);
                return Attached::Here { session, present: true };
            }
            sessions.remove(&claim.client_id);
            self.forget(&session);
        }
        if sessions.len() >= self.max_sessions {
            return Attached::Refused(Refusal::Sessions);
        }
        let session = self.session(claim);
        session.attach(link.clone(), claim.terms);
        sessions.insert(claim.client_id.clone(), session.clone());
        Attached::Here { session, present: false }
    }

    /// A session that is not in the list of clients.
    pub fn session(&self, claim: &Claim) -> Arc<Session> {
        let id = self.next_session.fetch_add(1, Ordering::Relaxed);
        let (client_id, identity) = (claim.client_id.clone(), claim.identity.clone());
        Arc::new(Session::new(id, client_id, identity, self.bounds, self.counters.clone(), claim.terms))
    }

    /// A connection lets go of its session, which lives on for `expiry`.
    pub fn detach(&self, session: &Arc<Session>, expiry: Duration, now: Instant) {
        let mut sessions = lock(&self.sessions);
        if expiry.is_zero() {
            if sessions.get(&session.client_id).is_some_and(|held| held.id == session.id) {
                sessions.remove(&session.client_id);
            }
            self.forget(session);
        }
        session.detach(expiry, now);
        // Under the lock of the sessions: the client cannot be back before its share is with the others.
        self.hand_over(session);
    }

    /// Gives what waits for an absent member of a group to members that are connected, where there are any. Those may
    /// leave at this very moment (UNSUBSCRIBE does not wait for us): what nobody takes stays where it is, with the
    /// identifier under which it was sent.
    fn hand_over(&self, session: &Session) {
        for group in session.groups() {
            if group.has_other(session.id) {
                let given = |delivery: &Delivery| group.give(&delivery.message, session.id).is_ok();
                let given = session.shared(&group).into_iter().filter(given).map(|d| Arc::as_ptr(&d.message)).collect();
                session.let_go(&group, &given);
            }
        }
    }

    /// Ends the sessions of clients that were away for too long.
    pub fn sweep(&self, now: Instant) {
        self.retained.sweep(now);
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| {
            let keep = !session.expired(now);
            if !keep {
                self.forget(session);
            }
            keep
        });
    }

    /// Takes a session's subscriptions out of the tree; what it held of shared ones goes to other members.
    pub fn forget(&self, session: &Session) {
        let (filters, left) = session.end();
        if filters.is_empty() && left.is_empty() {
            return;
        }
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        for filter in filters {
            tree.remove(&filter, session.id);
        }
        drop(tree);
        self.generation.fetch_add(1, Ordering::Release);
        for delivery in left {
            if let Some(group) = group::of(&delivery) {
                // Where it was the last member there is nobody left to have it.
                let _ = group.give(&delivery.message, session.id);
            }
        }
    }

    /// Whether a connection holds this client's session.
    pub fn is_connected(&self, client_id: &str) -> bool {
        lock(&self.sessions).get(client_id).is_some_and(|session| session.link().is_some())
    }

    /// The sessions of absent clients.
    pub fn absent(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).values().filter(|session| session.link().is_none()).cloned().collect()
    }

    /// Subscribes a session: the quality granted. Retained messages are queued for it.
    pub fn subscribe(&self, session: &Arc<Session>, wanted: &Wanted) -> Result<u8, Refusal> {
        topic::check_filter(&wanted.path, self.limits)?;
        self.subscribe_unchecked(session, wanted)
    }

    /// The same for the platform's own filters.
    pub fn subscribe_unchecked(&self, session: &Arc<Session>, wanted: &Wanted) -> Result<u8, Refusal> {
        let qos = wanted.qos;
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        if tree.len() >= self.max_filters {
            return Err(Refusal::Subscriptions);
        }
        let new = session.subscribe(&wanted.path, qos, self.max_subscriptions)?;
        let subscription = Subscription {
            session: session.clone(),
            qos,
            no_local: wanted.no_local,
            retain_as_published: wanted.retain_as_published,
            id: wanted.id,
        };
        tree.insert(&wanted.path, subscription);
        drop(tree);
        self.generation.fetch_add(1, Ordering::Release);
        let retained = match wanted.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => new,
            RetainHandling::Never => false,
        };
        if retained && topic::shared(&wanted.path).0.is_none() {
            self.send_retained(session, wanted);
        }
        Ok(qos)
    }

    fn send_retained(&self, session: &Session, wanted: &Wanted) {
        let ids = || Arc::new(Via { ids: control::subscription_ids(&[wanted.id]), group: None });
        let via = (wanted.id != 0).then(ids);
        for message in self.retained.matching(&wanted.path, Instant::now()) {
            if !(wanted.no_local && message.from == session.id) {
                let qos = wanted.qos.min(message.qos);
                session.push(Delivery { message, qos, retain: true, via: via.clone() });
            }
        }
    }

    /// Ends a subscription; whether there was one.
    pub fn unsubscribe(&self, session: &Session, filter: &str) -> bool {
        session.unsubscribe(filter);
        let removed = self.tree.write().unwrap_or_else(PoisonError::into_inner).remove(filter, session.id);
        self.generation.fetch_add(1, Ordering::Release);
        removed
    }

    /// Changes whenever [`Router::matching`] may answer differently.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Who wants messages with this topic.
    pub fn matching(&self, topic: &str) -> Targets {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        if tree.len() == 0 { Targets::default() } else { tree.matching(topic) }
    }

    /// Takes room for a message that asks to be retained: what the intake is told of it, and what changes when it is
    /// durable.
    pub fn admit_retained(&self, topic: &Arc<str>, payload: &[u8], properties: &[u8]) -> Retention {
        let size = message::size(topic, payload, properties);
        let (retain, forget, claim) = match self.retained.admit(topic, size, payload.is_empty()) {
            Admission::Kept(claim) => (true, false, Some(Box::new(claim))),
            Admission::Forgotten(claim) => (false, true, Some(Box::new(claim))),
            Admission::NoRoom => (false, false, None),
        };
        if !retain {
            self.counters.add(Refusal::RetainedFull, 1);
        }
        Retention { retain, forget, claim }
    }

    /// What is retained.
    pub fn retained(&self) -> &Keeper {
        &self.retained
    }

    /// Of all that change what is retained on one topic, one after the other is handed to the intake.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Takes in what outlived a restart.
    pub fn restore(&self, message: Message) {
        self.retained.restore(Arc::new(message));
    }

    /// Queues a message for `targets`. Yields a session whose reader is slow, for the publisher to wait for.
    pub fn deliver(&self, message: &Arc<Message>, targets: &Targets) -> Option<Arc<Session>> {
        let mut slow = None;
        for target in targets.sessions.iter().filter(|t| !(t.no_local && t.session.id == message.from)) {
            let delivery = Delivery {
                message: message.clone(),
                qos: message.qos.min(target.qos),
                retain: message.retain && target.retain_as_published,
                via: target.via.clone(),
            };
            if target.session.push(delivery) == Pushed::Crowded {
                slow = Some(target.session.clone());
            }
        }
        for group in &targets.groups {
            slow = group.give(message, 0).ok().flatten().or(slow);
        }
        slow
    }
}

#[cfg(test)]
mod tests;
