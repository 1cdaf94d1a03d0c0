//! Whether the host application itself is announced as online, and who disputes it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use plant::{Name, Timestamp};

use super::host::{State, birth, death, millis, state_topic};
use crate::draft::Command;

/// Not announced.
const OFFLINE: i64 = i64::MIN;

/// The host application's own STATE.
pub(crate) struct Host {
    id: Option<Name>,
    /// The time of the birth that holds.
    since: AtomicI64,
    /// Whether somebody said meanwhile that it is gone.
    disputed: AtomicBool,
}

impl Host {
    pub(crate) const fn new(id: Option<Name>) -> Self {
        Self { id, since: AtomicI64::new(OFFLINE), disputed: AtomicBool::new(false) }
    }

    /// From now on it is online; what is to be published. `None` where it has no name.
    pub(crate) fn born(&self, t: Timestamp) -> Option<Command> {
        let id = self.id.as_ref()?;
        self.since.store(t.nanos(), Ordering::Relaxed);
        self.disputed.store(false, Ordering::Relaxed);
        Some(Command { topic: state_topic(id), payload: birth(t), qos: 1, retain: true })
    }

    /// From now on it is offline; what is to be published.
    pub(crate) fn died(&self, t: Timestamp) -> Option<Command> {
        let id = self.id.as_ref()?;
        self.since.store(OFFLINE, Ordering::Relaxed);
        Some(Command { topic: state_topic(id), payload: death(t), qos: 1, retain: true })
    }

    /// Whether the STATE message says of this host, which is online, that it is not, or says nothing at all and so takes
    /// the place of its birth. One with another birth is a second host of the same name: answering it would go on
    /// forever.
    pub(crate) fn disputes(&self, host: &Name, payload: &[u8]) -> bool {
        let since = self.since.load(Ordering::Relaxed);
        if self.id.as_ref() != Some(host) || since == OFFLINE {
            return false;
        }
        match State::decode(payload) {
            Ok(state) if state.online => {
                if state.timestamp != millis(Timestamp::from_nanos(since)) {
                    tracing::warn!(host = host.as_str(), "another Sparkplug host application has the same id");
                }
                false
            }
            _ => true,
        }
    }

    /// The message that disputed it is committed, and so the door has passed it on or will.
    pub(crate) fn dispute(&self) {
        self.disputed.store(true, Ordering::Relaxed);
    }

    /// The birth once more, where it was disputed: with the time of the session that holds.
    pub(crate) fn answer(&self) -> Option<Command> {
        let since = self.since.load(Ordering::Relaxed);
        let disputed = self.disputed.swap(false, Ordering::Relaxed) && since != OFFLINE;
        disputed.then(|| self.born(Timestamp::from_nanos(since))).flatten()
    }
}
