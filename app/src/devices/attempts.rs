//! The last log-in of each device, for the checklist: the door itself forgets who it did not let in.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use plant::Timestamp;

/// How a log-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was let in.
    In,
    /// The password is another one.
    Password,
    /// The device has no password; it comes with its certificate.
    NoPassword,
    /// The certificate was not issued to it here.
    CertificateUnknown,
    /// The certificate was revoked, or its time is over.
    CertificateOver,
    /// The device is revoked.
    Revoked,
    /// Its role gives it no rights that can be used.
    Role,
}

/// One log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub t: Timestamp,
    /// From where.
    pub address: SocketAddr,
    /// Under which client id.
    pub client_id: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The last log-in by device. Only devices of the register are in it: strangers cannot fill it.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<String, Attempt>>);

impl Attempts {
    /// Notes a log-in of a device that is in the register.
    pub fn note(&self, device: &str, attempt: Attempt) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(device) {
            Some(last) => *last = attempt,
            None => drop(all.insert(device.to_owned(), attempt)),
        }
    }

    /// The last one of a device since the start.
    pub fn last(&self, device: &str) -> Option<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(device).cloned()
    }
}
