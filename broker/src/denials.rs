//! What clients were denied for want of rights: counted for each, and logged once a minute for each at most.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::refusal::Refusal;

/// How often a client's denials are logged.
const EVERY: Duration = Duration::from_secs(60);

/// The most clients of which denials are known; the one whose last is longest ago goes first.
const MOST: usize = 1_024;

/// The longest topic that is shown, in bytes.
const SHOWN: usize = 512;

/// What a client was last denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The topic or filter.
    pub topic: Arc<str>,
    /// What it wanted with it: to publish, to subscribe, or to leave a will.
    pub why: Refusal,
}

struct Entry {
    count: u64,
    last: Denial,
    at: Instant,
    logged: Option<Instant>,
    unlogged: u64,
}

/// The denials of all clients, also of those that went because of them.
#[derive(Default)]
pub(crate) struct Denials(HashMap<Arc<str>, Entry>);

impl Denials {
    /// Notes one. Yields how many there were since the last line of the log, when it is time for another.
    fn note(&mut self, client_id: &Arc<str>, denial: Denial, now: Instant) -> Option<u64> {
        if self.0.len() >= MOST && !self.0.contains_key(client_id) {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.at).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.0.remove(&id));
        }
        let fresh = || Entry { count: 0, last: denial.clone(), at: now, logged: None, unlogged: 0 };
        let entry = self.0.entry(client_id.clone()).or_insert_with(fresh);
        (entry.count, entry.unlogged, entry.at, entry.last) = (entry.count + 1, entry.unlogged + 1, now, denial);
        if entry.logged.is_some_and(|logged| now.duration_since(logged) < EVERY) {
            return None;
        }
        entry.logged = Some(now);
        Some(std::mem::take(&mut entry.unlogged))
    }

    /// How many a client had, and the last of them.
    pub fn of(&self, client_id: &str) -> (u64, Option<Denial>) {
        self.0.get(client_id).map_or((0, None), |entry| (entry.count, Some(entry.last.clone())))
    }

    /// Notes a denial, and logs it if it is time.
    pub fn add(&mut self, client: &Arc<str>, identity: &str, topic: &str, why: Refusal, now: Instant) {
        let denial = Denial { topic: shown(topic).into(), why };
        let topic = denial.topic.clone();
        if let Some(denials) = self.note(client, denial, now) {
            let why = why.name();
            tracing::warn!(%client, identity, why, %topic, denials, "denied: the rights of this identity do not cover it");
        }
    }
}

fn shown(topic: &str) -> &str {
    let end = (0..=SHOWN.min(topic.len())).rev().find(|at| topic.is_char_boundary(*at)).unwrap_or(0);
    &topic[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_is_counted_and_one_a_minute_is_logged() {
        let mut denials = Denials::default();
        let client: Arc<str> = "c".into();
        let start = Instant::now();
        let denial = |topic: &str| Denial { topic: topic.into(), why: Refusal::PublishDenied };
        let mut note =
            |topic: &str, seconds| denials.note(&client, denial(topic), start + Duration::from_secs(seconds));
        assert_eq!(note("a", 0), Some(1));
        assert_eq!(note("b", 1), None);
        assert_eq!(note("c", 59), None);
        assert_eq!(note("d", 60), Some(3));
        assert_eq!(note("e", 61), None);
        assert_eq!(denials.of("c"), (5, Some(denial("e"))));
        assert_eq!(denials.of("another"), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_clients_does_not_fill_the_memory() {
        let mut denials = Denials::default();
        let start = Instant::now();
        for n in 0..3 * MOST as u64 {
            let denial = Denial { topic: "t".into(), why: Refusal::PublishDenied };
            denials.note(&format!("{n}").into(), denial, start + Duration::from_millis(n));
        }
        assert_eq!(denials.0.len(), MOST);
        assert_eq!(shown(&"钢".repeat(200)).len(), 510);
        assert_eq!(denials.of("0").0, 0, "the oldest went");
    }
}
