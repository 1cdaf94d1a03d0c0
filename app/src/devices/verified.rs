//! Log-ins that were verified, so that 2,000 devices which come back at once do not cost 2,000 times argon2.
//!
//! Why this is safe: no password is kept, only an HMAC-SHA256 of it under a key that is drawn at the start and never
//! leaves this memory. Into it goes the stored hash as well, so that a new password makes the old entry wrong by itself;
//! the register is still asked at every log-in, so that a revocation holds at once. Comparison takes the same time
//! whatever differs. An entry lives while its device is connected and ten minutes beyond, or until the end of the
//! process; there is one for a device, and at most [`MOST`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;

use super::DeviceError;

/// How long a device that is away is remembered.
const AWAY: Duration = Duration::from_secs(600);
/// The most entries. Where there is no room, a log-in is verified in full each time (`WhenFull::Forget`).
const MOST: usize = 20_000;

/// Remembers verified log-ins.
pub struct Verified {
    key: hmac::Key,
    entries: Mutex<HashMap<Arc<str>, Entry>>,
}

struct Entry {
    tag: hmac::Tag,
    seen: Instant,
}

impl Verified {
    /// Remembers nothing yet.
    pub fn new() -> Result<Self, DeviceError> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| DeviceError::Random)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), entries: Mutex::default() })
    }

    /// Whether this password was verified for this hash of this device lately.
    pub fn knows(&self, device: &str, hash: &str, password: &str) -> bool {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(device) else { return false };
        if entry.seen.elapsed() > AWAY {
            entries.remove(device);
            return false;
        }
        let known = hmac::verify(&self.key, &message(device, hash, password), entry.tag.as_ref()).is_ok();
        if known {
            entry.seen = Instant::now();
        }
        known
    }

    /// Remembers that it was verified.
    pub fn remember(&self, device: &str, hash: &str, password: &str) {
        let mut entries = self.lock();
        if entries.len() >= MOST && !entries.contains_key(device) {
            entries.retain(|_, e| e.seen.elapsed() <= AWAY);
            if entries.len() >= MOST {
                return;
            }
        }
        let tag = hmac::sign(&self.key, &message(device, hash, password));
        entries.insert(device.into(), Entry { tag, seen: Instant::now() });
    }

    /// Forgets a device.
    pub fn forget(&self, device: &str) {
        self.lock().remove(device);
    }

    /// These are connected; who has been away for too long is forgotten.
    pub fn connected<'a>(&self, devices: impl Iterator<Item = &'a str>) {
        let (mut entries, now) = (self.lock(), Instant::now());
        for name in devices {
            if let Some(entry) = entries.get_mut(name) {
                entry.seen = now;
            }
        }
        entries.retain(|_, e| e.seen.elapsed() <= AWAY);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each part with its length, so that no two different triples give the same bytes.
fn message(device: &str, hash: &str, password: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(device.len() + hash.len() + password.len() + 24);
    for part in [device, hash, password] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_in_is_known_for_its_password_and_hash_only_and_for_a_while() {
        let v = Verified::new().unwrap();
        v.remember("m", "hash-1", "secret");
        assert!(v.knows("m", "hash-1", "secret"));
        assert!(!v.knows("m", "hash-1", "Secret"));
        assert!(!v.knows("m", "hash-2", "secret"), "a new password makes the entry wrong");
        assert!(!v.knows("n", "hash-1", "secret"));
        assert!(!v.knows("m", "hash-1secret", ""), "lengths keep the parts apart");
        tokio::time::advance(AWAY - Duration::from_secs(1)).await;
        assert!(v.knows("m", "hash-1", "secret"), "each use renews it");
        tokio::time::advance(AWAY + Duration::from_secs(1)).await;
        assert!(!v.knows("m", "hash-1", "secret"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_connected_is_remembered_and_who_is_forgotten_is_not() {
        let v = Verified::new().unwrap();
        v.remember("m", "h", "secret");
        for _ in 0..5 {
            tokio::time::advance(AWAY - Duration::from_secs(1)).await;
            v.connected(["m", "stranger"].into_iter());
        }
        assert!(v.knows("m", "h", "secret"));
        v.forget("m");
        assert!(!v.knows("m", "h", "secret"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_memory_takes_nobody_in_until_somebody_has_gone() {
        let v = Verified::new().unwrap();
        (0..MOST).for_each(|i| v.remember(&format!("d{i}"), "h", "p"));
        v.remember("late", "h", "p");
        assert!(!v.knows("late", "h", "p"));
        assert_eq!(v.lock().len(), MOST);
        tokio::time::advance(AWAY + Duration::from_secs(1)).await;
        v.remember("late", "h", "p");
        assert!(v.knows("late", "h", "p"));
        assert_eq!(v.lock().len(), 1);
    }
}
