//! What there is to see of the shipper.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plant::Timestamp;

/// What the shipper is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been sent yet.
    #[default]
    Starting,
    /// What is committed is shipped as it comes.
    Live,
    /// Beside that, what is owed is shipped.
    CatchingUp,
    /// The server is away or busy.
    Waiting,
    /// The server refuses us: token, organisation, bucket or address.
    Refused,
}

impl Phase {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::CatchingUp => "catching_up",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
        }
    }
}

/// The shipper as it stands. Counts are since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// What it is at.
    pub phase: Phase,
    /// How far behind it is.
    pub lag: Duration,
    /// How many points are owed and not in the log, about, and how many wait to be sent.
    pub owed: u64,
    /// How many commits of the log have not been shipped.
    pub commits: u64,
    /// Points that the server took.
    pub points: u64,
    /// Of these, how many it left out because its bucket does not keep them so long.
    pub expired: u64,
    /// Points that went to quarantine.
    pub refused: u64,
    /// Requests that were answered or failed.
    pub requests: u64,
    /// Requests that failed, or were not answered with success.
    pub failures: u64,
    /// Bytes of bodies that were sent.
    pub bytes: u64,
    /// When the server last took something.
    pub last_taken: Option<Timestamp>,
    /// The last failure, until something is taken again.
    pub error: Option<String>,
}

/// The status, shared with whoever shows it.
#[derive(Clone, Debug, Default)]
pub struct StatusCell(Arc<Mutex<Status>>);

impl StatusCell {
    /// As it stands.
    #[must_use]
    pub fn get(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, f: impl FnOnce(&mut Status)) {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
