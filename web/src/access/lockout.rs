//! How often somebody may be wrong: after some failures, log-ins under a name, and from an address, have to wait, each
//! time twice as long, up to a bound. A wait refuses the right password as well, so that guessing learns nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use plant::Timestamp;

/// The most names and the most addresses that are remembered. Where there are more, the one that failed least goes
/// (`WhenFull::Forget`): what a guesser fills the table with never pushes out what it is being held for.
const MOST: usize = 10_000;
/// Who has not failed for this long begins anew.
const FORGET: Duration = Duration::from_secs(3_600);

/// How a kind of key is held.
#[derive(Clone, Copy)]
struct Rule {
    /// Failures that cost nothing.
    free: u32,
    /// The first wait.
    first: Duration,
    /// The longest.
    most: Duration,
}

/// A name is locked for a quarter of an hour at most: longer would let a stranger keep its owner out for as long.
const NAMES: Rule = Rule { free: 5, first: Duration::from_secs(10), most: Duration::from_secs(900) };
/// Several people may sit behind one address.
const ADDRESSES: Rule = Rule { free: 20, first: Duration::from_secs(10), most: Duration::from_secs(3_600) };

#[derive(Clone, Copy)]
struct Misses {
    n: u32,
    last: Timestamp,
    until: Timestamp,
}

struct Table<K> {
    rule: Rule,
    misses: HashMap<K, Misses>,
}

impl<K: Hash + Eq + Clone> Table<K> {
    fn new(rule: Rule) -> Self {
        Self { rule, misses: HashMap::new() }
    }

    fn wait(&self, key: &K, now: Timestamp) -> Duration {
        self.misses.get(key).filter(|m| m.until > now).map_or(Duration::ZERO, |m| m.until.since(now))
    }

    /// Counts a failure; the wait that it brings, if it does.
    fn miss(&mut self, key: &K, now: Timestamp) -> Option<Duration> {
        if self.misses.len() >= MOST && !self.misses.contains_key(key) {
            self.make_room(now);
        }
        let m = self.misses.entry(key.clone()).or_insert(Misses { n: 0, last: now, until: Timestamp::MIN });
        if m.last + FORGET < now && m.until < now {
            m.n = 0;
        }
        m.n = m.n.saturating_add(1);
        m.last = now;
        let beyond = m.n.checked_sub(self.rule.free)?;
        let wait = self.rule.first.saturating_mul(1 << beyond.min(16)).min(self.rule.most);
        m.until = now + wait;
        Some(wait)
    }

    fn make_room(&mut self, now: Timestamp) {
        self.misses.retain(|_, m| m.until > now || m.last + FORGET >= now);
        if self.misses.len() >= MOST {
            let least = self.misses.iter().min_by_key(|(_, m)| (m.n, m.last)).map(|(k, _)| k.clone());
            least.map(|k| self.misses.remove(&k));
        }
    }
}

/// Who has to wait.
pub(super) struct Lockout {
    names: Table<String>,
    addresses: Table<IpAddr>,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { names: Table::new(NAMES), addresses: Table::new(ADDRESSES) }
    }
}

/// One customer has at least a /64 of IPv6: its addresses are one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

impl Lockout {
    /// How long a log-in under `name` from `address` has to wait; nothing is zero.
    pub fn wait(&self, name: &str, address: IpAddr, now: Timestamp) -> Duration {
        self.names.wait(&name.to_lowercase(), now).max(self.addresses.wait(&network(address), now))
    }

    /// Counts a failure under a name, whether there is an account of that name or not; the wait that it brings.
    pub fn miss(&mut self, name: &str, address: IpAddr, now: Timestamp) -> Option<Duration> {
        self.names.miss(&name.to_lowercase(), now).max(self.addresses.miss(&network(address), now))
    }

    /// It was the right password. What failed from the address before may have been meant for others.
    pub fn hit(&mut self, name: &str) {
        self.names.misses.remove(&name.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_secs(s)
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn waits_grow_by_two_up_to_a_bound_and_are_forgotten() {
        let mut l = Lockout::default();
        let (mut now, mut waits) = (1_000, Vec::new());
        for _ in 0..14 {
            l.miss("Lin", HERE, at(now));
            let wait = l.names.wait(&"lin".to_owned(), at(now)).as_secs() as i64;
            waits.push(wait);
            now += wait;
            assert_eq!(l.names.wait(&"lin".to_owned(), at(now)), Duration::ZERO, "then it may be tried again");
        }
        assert_eq!(waits, [0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        assert_eq!(l.miss("lin", HERE, at(now + 3_700)), None, "an hour later it begins anew");
        for _ in 0..4 {
            l.miss("lin", HERE, at(now + 3_700));
        }
        assert!(l.wait("LIN", HERE, at(now + 3_701)) > Duration::ZERO, "however it is written");
        l.hit("lin");
        assert_eq!(l.names.wait(&"lin".to_owned(), at(now + 3_701)), Duration::ZERO);
    }

    #[test]
    fn an_address_that_tries_many_names_waits_for_all_of_them_and_others_do_not() {
        let mut l = Lockout::default();
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        for n in 0..20 {
            assert_eq!(l.wait(&format!("n{n}"), v6(n), at(5)), Duration::ZERO);
            l.miss(&format!("n{n}"), v6(n), at(5));
        }
        assert_eq!(l.wait("other", v6(99), at(5)), Duration::from_secs(10), "of the same /64");
        assert_eq!(l.wait("other", HERE, at(5)), Duration::ZERO);
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(network(mapped), HERE);
    }

    #[test]
    fn a_full_table_keeps_whom_it_holds() {
        let mut l = Lockout::default();
        for _ in 0..6 {
            l.miss("admin", HERE, at(0));
        }
        for n in 0..MOST + 50 {
            l.names.miss(&format!("n{n}"), at(1));
        }
        assert_eq!(l.names.misses.len(), MOST);
        assert!(l.wait("admin", HERE, at(2)) > Duration::ZERO);
        l.names.miss(&"late".to_owned(), at(4_000));
        assert_eq!(l.names.misses.len(), 1, "what is over goes first");
    }
}
