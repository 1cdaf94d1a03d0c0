//! Who has left for a provider of log-ins and is to come back. What binds the return to the browser that left travels in a
//! cookie of that browser, sealed under a key that is drawn at the start: nothing is held here for who never comes back, so
//! that leaving a thousand times fills no memory and pushes nobody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use historian::SecretHash;
use plant::Timestamp;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::secret;

/// How long somebody may take at the provider.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// Returns that are remembered as used, and those that are looked into at once. Where there are more, the next has to begin
/// again (`WhenFull::Refuse`).
const MOST: usize = 10_000;
const AT_ONCE: usize = 8;

/// What is known of somebody who left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Departure {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    /// Where on the page they want to come back to: what stands behind `#`.
    pub(crate) to: String,
    /// When they left, ns since 1970.
    pub(crate) at: i64,
}

/// Seals and opens what travels, and knows what came back.
pub(crate) struct Departures {
    key: Option<LessSafeKey>,
    used: Mutex<HashMap<SecretHash, Timestamp>>,
    pub(crate) room: Semaphore,
}

impl Departures {
    /// With a key of its own.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 32];
        let drawn = SystemRandom::new().fill(&mut bytes).ok();
        let key = drawn.and_then(|()| UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok()).map(LessSafeKey::new);
        Self { key, used: Mutex::default(), room: Semaphore::new(AT_ONCE) }
    }

    /// What the browser is to hold. `None`: the system gives no random numbers.
    pub(crate) fn seal(&self, departure: &Departure) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut text = serde_json::to_vec(departure).ok()?;
        let key = self.key.as_ref()?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()))
    }

    /// Who comes back with what was sealed here, not too long ago, and the state that belongs to it; each once.
    pub(crate) fn arrive(&self, sealed: &str, state: &str, now: Timestamp) -> Option<Departure> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.key.as_ref()?.open_in_place(nonce, Aad::empty(), text).ok()?;
        let departure: Departure = serde_json::from_slice(text).ok()?;
        let left = Timestamp::from_nanos(departure.at);
        (departure.state == state && left <= now && left + PATIENCE > now).then_some(())?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST {
            used.retain(|_, until| *until > now);
        }
        let fresh =
            used.len() < MOST && used.insert(secret::hash(state), left + PATIENCE).is_none_or(|until| until <= now);
        fresh.then_some(departure)
    }

    /// It came to nothing at the provider: that it was used need not be remembered, as its code is good for nothing.
    pub(crate) fn forget(&self, state: &str) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(&secret::hash(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departure(at: i64) -> Departure {
        let text = |s: &str| s.to_owned();
        let at = Timestamp::from_secs(at).nanos();
        Departure { state: text("s"), nonce: text("n"), verifier: text("v"), to: text("/alarms"), at }
    }

    #[test]
    fn who_left_comes_back_once_with_what_they_were_given_and_in_time() {
        let (here, elsewhere) = (Departures::new(), Departures::new());
        let at = Timestamp::from_secs;
        let sealed = here.seal(&departure(1_000)).unwrap();
        assert!(!sealed.contains("alarms") && sealed.len() < 300, "{sealed}");
        let mut other = sealed.clone().into_bytes();
        other[40] ^= 1;
        let other = String::from_utf8_lossy(&other).into_owned();
        for (from, sealed, state, now) in [
            (&elsewhere, &*sealed, "s", 1_001),
            (&here, &other, "s", 1_001),
            (&here, "", "s", 1_001),
            (&here, "AAAA", "s", 1_001),
            (&here, &sealed, "", 1_001),
            (&here, &sealed, "t", 1_001),
            (&here, &sealed, "s", 1_600),
            (&here, &sealed, "s", 999),
        ] {
            assert_eq!(from.arrive(sealed, state, at(now)), None, "{sealed} {state} {now}");
        }
        assert_eq!(here.arrive(&sealed, "s", at(1_599)), Some(departure(1_000)));
        assert_eq!(here.arrive(&sealed, "s", at(1_599)), None, "once");
        here.forget("s");
        assert!(here.arrive(&sealed, "s", at(1_599)).is_some());
    }

    #[test]
    fn a_flood_of_returns_is_bounded_and_passes() {
        let here = Departures::new();
        let at = Timestamp::from_secs;
        for n in 0..MOST {
            let state = n.to_string();
            let sealed = here.seal(&Departure { state: state.clone(), ..departure(0) }).unwrap();
            assert!(here.arrive(&sealed, &state, at(1)).is_some());
        }
        let late = here.seal(&departure(500)).unwrap();
        assert_eq!(here.arrive(&late, "s", at(501)), None, "full");
        assert!(here.arrive(&late, "s", at(601)).is_some());
    }
}
