//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use plant::{Clock, Timestamp};

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        // Before 1970 only where the machine's clock is broken; then time stands at the epoch and `doctor` says so.
        let d = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
    }
}
