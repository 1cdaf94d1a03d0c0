//! Whether the host application itself is announced as online, and who disputes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use plant::{Name, Timestamp};

use super::host::{State, birth, death, millis, state_topic};
use crate::draft::Command;

/// Births at other brokers that are remembered, to be known again when they come back.
const ELSEWHERE: usize = 64;

/// Not announced.
const OFFLINE: i64 = i64::MIN;

/// The host application's own STATE.
pub(crate) struct Host {
    id: Option<Name>,
    /// The time of the birth that holds.
    since: AtomicI64,
    /// Whether somebody said meanwhile that it is gone.
    disputed: AtomicBool,
    /// Times of its births at other brokers, milliseconds: each connection there has one of its own.
    elsewhere: Mutex<VecDeque<u64>>,
}

impl Host {
    pub(crate) const fn new(id: Option<Name>) -> Self {
        Self {
            id,
            since: AtomicI64::new(OFFLINE),
            disputed: AtomicBool::new(false),
            elsewhere: Mutex::new(VecDeque::new()),
        }
    }

    /// From now on it is online; what is to be published. `None` where it has no name.
    pub(crate) fn born(&self, t: Timestamp) -> Option<Command> {
        let id = self.id.as_ref()?;
        self.since.store(t.nanos(), Ordering::Relaxed);
        self.disputed.store(false, Ordering::Relaxed);
        Some(Command { topic: state_topic(id), payload: birth(t), qos: 1, retain: true })
    }

    /// It is announced at another broker too, with a birth of this time.
    pub(crate) fn born_elsewhere(&self, t: Timestamp) {
        let mut births = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        if births.len() == ELSEWHERE {
            births.pop_front();
        }
        births.push_back(millis(t));
    }

    fn is_own(&self, birth: u64, since: i64) -> bool {
        let elsewhere = || self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).contains(&birth);
        birth == millis(Timestamp::from_nanos(since)) || elsewhere()
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
                if !self.is_own(state.timestamp, since) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_of_its_own_at_another_broker_is_known_again_and_as_many_are_remembered() {
        let name = Name::new("danxia").unwrap();
        let host = Host::new(Some(name.clone()));
        let at = Timestamp::from_secs;
        host.born(at(1));
        for t in 2..100 {
            host.born_elsewhere(at(t));
        }
        let since = at(1).nanos();
        let own: Vec<i64> = (0..110).filter(|t| host.is_own(millis(at(*t)), since)).collect();
        assert_eq!(own.first(), Some(&1), "the one at our own broker stays");
        assert_eq!(own[1..], (36..100).collect::<Vec<_>>());
        // Never a dispute, whoever's it is; its death is one.
        assert!(!host.disputes(&name, &birth(at(99))) && !host.disputes(&name, &birth(at(500))));
        assert!(host.disputes(&name, &death(at(99))));
    }
}
