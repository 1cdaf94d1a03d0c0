//! Messages and bytes per second, of late.

use tokio::time::{Duration, Instant};

/// How long a rate is taken over.
const WINDOW: Duration = Duration::from_secs(2);

/// Counts over one window after the other.
pub(crate) struct Meter {
    start: Instant,
    messages: u64,
    bytes: u64,
    /// Over the last full window.
    last: (f64, f64),
}

impl Meter {
    pub fn new(now: Instant) -> Meter {
        Meter { start: now, messages: 0, bytes: 0, last: (0.0, 0.0) }
    }

    pub fn count(&mut self, now: Instant, messages: u64, bytes: u64) {
        if now.duration_since(self.start) >= WINDOW {
            *self = Meter { last: self.current(now), ..Meter::new(now) };
        }
        self.messages += messages;
        self.bytes += bytes;
    }

    fn current(&self, now: Instant) -> (f64, f64) {
        let seconds = now.duration_since(self.start).as_secs_f64().max(1e-3);
        (self.messages as f64 / seconds, self.bytes as f64 / seconds)
    }

    /// Messages and bytes per second over the last full window, unless it is long over or there was none yet.
    pub fn rate(&self, now: Instant) -> (f64, f64) {
        let old = now.duration_since(self.start) > WINDOW;
        if self.last == (0.0, 0.0) || old { self.current(now) } else { self.last }
    }
}
