//! What the broker keeps to hold clients to their rights and limits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::broker::Broker;
use crate::config::Config;
use crate::denials::Denials;
use crate::lock;
use crate::refusal::Refusal;
use crate::rights::Rights;
use crate::supervision::Canaries;

/// How many revocations are told apart. More of them while one client connects turn it away, whoever it is.
const REMEMBERED: usize = 256;

/// Part of a [`Broker`].
pub(crate) struct Access {
    pub addresses: Arc<Addresses>,
    pub denials: Mutex<Denials>,
    pub canaries: Mutex<Canaries>,
    revocations: Mutex<Revocations>,
    /// How often reading from a client was held back by its rate.
    throttled: AtomicU64,
}

impl Access {
    pub fn new(config: &Config) -> Access {
        Access {
            addresses: Arc::new(Addresses::new(config, Instant::now())),
            denials: Mutex::default(),
            canaries: Mutex::default(),
            revocations: Mutex::default(),
            throttled: AtomicU64::new(0),
        }
    }

    /// How many identities were sent away so far; to be asked before one is looked up.
    pub fn revocations(&self) -> u64 {
        lock(&self.revocations).count
    }

    /// Whether this identity was sent away since there were `count` of them, and how. It was looked up before that and
    /// must not come in after it.
    pub fn sent_away_since(&self, count: u64, identity: &str) -> Option<Away> {
        let revocations = lock(&self.revocations);
        let since = usize::try_from(revocations.count - count).unwrap_or(usize::MAX);
        if since > revocations.last.len() {
            return Some(Away::ToComeAgain);
        }
        let of = |(name, away): &(Arc<str>, Away)| (&**name == identity).then_some(*away);
        revocations.last.iter().rev().take(since).filter_map(of).max()
    }

    pub fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }
}

/// How an identity is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Away {
    /// It has other rights now, and comes again with them: its sessions stay.
    ToComeAgain,
    /// Nothing of it is kept.
    ForGood,
}

/// Identities that were sent away.
#[derive(Default)]
struct Revocations {
    count: u64,
    /// The last of them, newest last.
    last: VecDeque<(Arc<str>, Away)>,
}

impl Revocations {
    fn push(&mut self, identity: &str, away: Away) {
        self.count += 1;
        self.last.push_back((identity.into(), away));
        if self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
    }
}

impl Broker {
    /// Ends every connection and every kept session of an identity: it was revoked. MQTT 5 clients are told `why`. Nothing of the sessions is kept, and their wills are not published.
    ///
    /// Yields how many connections and kept sessions it ended. An identity that may not come back has to be unknown to
    /// the [`Authenticator`](crate::Authenticator) *before* this is called.
    pub fn disconnect(&self, identity: &str, why: Refusal) -> usize {
        lock(&self.access.revocations).push(identity, Away::ForGood);
        let kept = self.router().revoke(identity);
        let connected = self.of_identity(identity);
        connected.iter().for_each(|record| record.link.end(why));
        tracing::info!(%identity, why = why.name(), connections = connected.len(), kept, "an identity was sent away");
        connected.len() + kept
    }

    /// Ends every connection of an identity whose rights are these from now on: it comes again with them. Its sessions
    /// stay, and lose what the rights do not cover when they are picked up; wills are published where they still may be.
    ///
    /// Yields how many connections it ended. The [`Authenticator`](crate::Authenticator) has to know the rights *before*
    /// this is called.
    pub fn renew(&self, identity: &str, rights: &Arc<Rights>, why: Refusal) -> usize {
        lock(&self.access.revocations).push(identity, Away::ToComeAgain);
        self.router().renew(identity, rights);
        let connected = self.of_identity(identity);
        connected.iter().for_each(|record| record.link.end(why));
        tracing::info!(%identity, connections = connected.len(), "an identity has other rights and has to come again");
        connected.len()
    }

    /// How often reading from a client was held back because it published faster than it may.
    pub fn throttled(&self) -> u64 {
        self.access.throttled.load(Ordering::Relaxed)
    }

    /// Notes what a client was denied for want of rights.
    pub(crate) fn denied(&self, client: &Arc<str>, identity: &str, topic: &str, why: Refusal) {
        lock(&self.access.denials).add(client, identity, topic, why, Instant::now());
    }
}
