//! What is counted for each address: connections, how fast they come, and log-ins that failed.
//!
//! An address of IPv6 stands for its /64: that is what one subscriber or one building gets. What is known of an address
//! is forgotten when it has no connection and all its allowances are whole again; there are never more than
//! [`MOST`] of them, and then new ones are turned away until others go.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant};

use crate::config::Config;
use crate::lock;
use crate::rate::{Bucket, Rate};
use crate::refusal::Refusal;

/// The most addresses known at once.
const MOST: usize = 65_536;

/// How often they are looked through when there are too many.
const SWEEP: Duration = Duration::from_secs(1);

/// The most log-ins with a password that are looked into at once for one address; the others wait for their turn.
const LOGINS: usize = 4;

/// All addresses.
pub(crate) struct Addresses {
    most_connections: usize,
    rate: Rate,
    logins: Rate,
    state: Mutex<State>,
}

struct State {
    all: Bucket,
    swept: Instant,
    each: HashMap<IpAddr, Account>,
}

struct Account {
    connections: usize,
    rate: Bucket,
    logins: Arc<Logins>,
}

/// Log-ins of one address.
pub(crate) struct Logins {
    /// Whose turn it is.
    pub turns: Semaphore,
    failures: Mutex<Bucket>,
}

impl Logins {
    /// Whether another password may be tried.
    pub fn may_try(&self, now: Instant) -> bool {
        lock(&self.failures).has_one(now)
    }

    /// One was wrong.
    pub fn failed(&self, now: Instant) {
        lock(&self.failures).spend(1, now);
    }
}

/// The address that accounts go by.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

impl Addresses {
    pub fn new(config: &Config, now: Instant) -> Addresses {
        let all = Bucket::new(config.connect_rate, now);
        Addresses {
            most_connections: config.max_connections_per_address,
            rate: config.connect_rate_per_address,
            logins: config.failed_logins,
            state: Mutex::new(State { all, swept: now, each: HashMap::new() }),
        }
    }

    /// Counts a connection in, until its [`Visit`] is dropped.
    pub fn arrive(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Visit, Refusal> {
        let address = key(address);
        let mut state = lock(&self.state);
        if state.each.len() >= MOST && !state.each.contains_key(&address) {
            // Looking through all of them for every stranger would be the work that a storm is after.
            if now.duration_since(state.swept) >= SWEEP {
                state.forget(now);
            }
            if state.each.len() >= MOST {
                return Err(Refusal::ConnectionRate);
            }
        }
        let State { all, each, .. } = &mut *state;
        let account = each.entry(address).or_insert_with(|| Account {
            connections: 0,
            rate: Bucket::new(self.rate, now),
            logins: Arc::new(Logins {
                turns: Semaphore::new(LOGINS),
                failures: Mutex::new(Bucket::new(self.logins, now)),
            }),
        });
        // The address's own allowance first: one that storms must not use up what is there for all.
        if !account.rate.take(now) || !all.take(now) {
            return Err(Refusal::ConnectionRate);
        }
        if account.connections >= self.most_connections {
            return Err(Refusal::AddressConnections);
        }
        account.connections += 1;
        Ok(Visit { addresses: self.clone(), address, logins: account.logins.clone() })
    }

    /// Forgets addresses of which there is nothing to know.
    pub fn sweep(&self, now: Instant) {
        lock(&self.state).forget(now);
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        lock(&self.state).each.len()
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        self.swept = now;
        self.each.retain(|_, account| {
            account.connections > 0 || !account.rate.is_full(now) || !lock(&account.logins.failures).is_full(now)
        });
    }
}

/// One connection of an address.
pub(crate) struct Visit {
    addresses: Arc<Addresses>,
    address: IpAddr,
    pub logins: Arc<Logins>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(account) = lock(&self.addresses.state).each.get_mut(&self.address) {
            account.connections -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(config: Config) -> Arc<Addresses> {
        Arc::new(Addresses::new(&config, Instant::now()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_that_storms_does_not_use_up_what_is_there_for_all() {
        let (each, all) = (Rate { per_second: 1, burst: 5 }, Rate { per_second: 1, burst: 8 });
        let addresses = addresses(Config { connect_rate: all, connect_rate_per_address: each, ..Config::default() });
        let now = Instant::now();
        let let_in = |from: &str| (0..50).filter(|_| addresses.arrive(ip(from), now).is_ok()).count();
        assert_eq!(let_in("10.0.0.1"), 5);
        assert_eq!(let_in("10.0.0.2"), 3, "the rest of eight");
        assert_eq!(addresses.arrive(ip("10.0.0.3"), now).err(), Some(Refusal::ConnectionRate));
        assert!(addresses.arrive(ip("10.0.0.3"), now + Duration::from_secs(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_counted_for_each_address_and_given_back() {
        let addresses = addresses(Config { max_connections_per_address: 2, ..Config::default() });
        let now = Instant::now();
        let (one, _two) =
            (addresses.arrive(ip("fd00::1"), now).unwrap(), addresses.arrive(ip("fd00::2"), now).unwrap());
        let refused = |from: &str| addresses.arrive(ip(from), now).err();
        assert_eq!(refused("fd00::ffff:1"), Some(Refusal::AddressConnections), "the same /64");
        assert_eq!(refused("fd00:0:0:1::1"), None);
        assert_eq!(refused("10.0.0.1"), None);
        drop(one);
        assert_eq!(refused("fd00::3"), None);
        let mapped = addresses.arrive(ip("::ffff:10.0.0.1"), now).unwrap();
        assert_eq!(mapped.address, ip("10.0.0.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn passwords_may_be_tried_a_few_times_a_second() {
        let addresses = addresses(Config::default());
        let start = Instant::now();
        let visit = addresses.arrive(ip("10.0.0.1"), start).unwrap();
        let tries = |now| {
            let mut tries = 0;
            while visit.logins.may_try(now) {
                visit.logins.failed(now);
                tries += 1;
            }
            tries
        };
        assert_eq!(tries(start), 10);
        assert_eq!(tries(start + Duration::from_secs(10)), 10);
        assert_eq!(tries(start + Duration::from_secs(11)), 2);
        let other = addresses.arrive(ip("10.0.0.2"), start).unwrap();
        assert!(other.logins.may_try(start), "another address is not held up");
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_left_are_forgotten_and_never_too_many_are_known() {
        let free = Config { connect_rate: Rate::UNLIMITED, ..Config::default() };
        let addresses = addresses(free);
        let now = Instant::now();
        let _here = addresses.arrive(ip("10.0.0.1"), now).unwrap();
        for n in 0..2 * MOST as u32 {
            drop(addresses.arrive(IpAddr::from(n.to_be_bytes()), now));
        }
        assert_eq!(addresses.known(), MOST, "their allowance is not whole yet");
        assert_eq!(addresses.arrive(ip("11.0.0.1"), now).err(), Some(Refusal::ConnectionRate));
        let later = now + Duration::from_secs(1);
        assert!(addresses.arrive(ip("11.0.0.1"), later).is_ok());
        addresses.sweep(later + Duration::from_secs(1));
        assert_eq!(addresses.known(), 1, "the one that is connected");
    }
}
