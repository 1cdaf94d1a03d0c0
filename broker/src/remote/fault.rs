//! What ends a connection to another broker, in words that say what to do.

use std::io;
use std::time::Duration;

use outbox::Then;
use thiserror::Error;

use crate::refusal::Refusal;

/// For how long what a broker refuses without a reason is published again: longer than a restart of its storage takes.
const UNEXPLAINED: Duration = Duration::from_secs(600);

/// Why a connection ended, or was never made.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error("{address} cannot be reached: {source}; check the url and that the broker runs")]
    Unreachable { address: String, source: io::Error },
    #[error("{address} did not answer within {seconds} s; check the url, the firewall, and whether it speaks TLS")]
    Silent { address: String, seconds: u64 },
    #[error(
        "TLS with {address} failed: {source}; check that `ca` signed the broker's certificate, that it is for this \
             host name, and that this is its TLS port"
    )]
    Tls { address: String, source: io::Error },
    #[error("{address} refused the connection: {why}")]
    Refused { address: String, why: String, permanent: bool },
    #[error("{address} ended the connection: {why}")]
    Ended { address: String, why: String, permanent: bool },
    #[error("the connection to {address} broke: {source}")]
    Lost { address: String, source: io::Error },
    #[error("{address} has said nothing for {seconds} s, the connection is given up")]
    Mute { address: String, seconds: u64 },
    #[error("{address} has taken nothing for {seconds} s, the connection is given up")]
    Stuck { address: String, seconds: u64 },
    #[error("{address} did not answer the subscription within {seconds} s")]
    Unsubscribed { address: String, seconds: u64 },
    #[error("{address} sent what MQTT does not allow ({}); look at the broker, or set another protocol version", .what.name())]
    Malformed { address: String, what: Refusal },
    #[error("{address} sent a packet of more than {max} bytes; raise max_packet")]
    TooLarge { address: String, max: usize },
    #[error("the store takes nothing at the moment: nothing was acknowledged, the broker will send it again")]
    IntakeClosed,
}

impl Fault {
    /// Whether trying again at once is of no use, because somebody has to change something first.
    pub fn permanent(&self) -> bool {
        match self {
            Fault::Refused { permanent, .. } | Fault::Ended { permanent, .. } => *permanent,
            Fault::Tls { .. } | Fault::Malformed { .. } | Fault::TooLarge { .. } => true,
            _ => false,
        }
    }
}

const LOGIN: &str = "wrong user name or password; check `user` and the password's file or variable";
const RIGHTS: &str = "not authorised; give this user the right to connect under this client id";
const CLIENT_ID: &str = "it does not accept this client id; choose another `client_id`";
const VERSION_5: &str = "it does not speak MQTT 5; set protocol = \"3.1.1\"";
const VERSION_311: &str = "it does not speak MQTT 3.1.1; set protocol = \"5\"";
const BUSY: &str = "it is not ready; trying again";

/// Why a CONNACK of this code refused us, and whether somebody has to change something.
pub(super) fn refused(five: bool, code: u8, reason: Option<String>) -> (String, bool) {
    let (why, permanent) = match (five, code) {
        (true, 0x84) | (true, 1) => (VERSION_5, true),
        (false, 1) => (VERSION_311, true),
        (true, 0x85) | (_, 2) => (CLIENT_ID, true),
        (true, 0x86) | (_, 4) => (LOGIN, true),
        (true, 0x87) | (_, 5) => (RIGHTS, true),
        (true, 0x88 | 0x89 | 0x97 | 0x9f) | (_, 3) => (BUSY, false),
        (true, 0x8a) => ("this client is banned there; ask its administrator", true),
        (true, 0x8c) => ("it wants another way of proving who we are than a password or a certificate", true),
        (true, 0x95) => ("our CONNECT is too large for it", true),
        (true, 0x9c | 0x9d) => ("it says to use another server; change `url`", true),
        _ => ("for a reason that it does not explain", true),
    };
    (said(why, code, reason), permanent)
}

/// Why a DISCONNECT of this code (MQTT 5) ended the connection.
pub(super) fn ended(code: u8, reason: Option<String>) -> (String, bool) {
    let (why, permanent) = match code {
        0x8e => {
            ("another client connected with the same client id; give each collector a `client_id` of its own", true)
        }
        0x8b => ("it is shutting down", false),
        0x89 | 0x97 => (BUSY, false),
        0x87 => (RIGHTS, true),
        0x8d => ("it did not hear from us in time", false),
        0x93 => ("we had more messages under way than it allows", false),
        0x95 => ("a message was too large for it", false),
        0x98 => ("an administrator closed it", false),
        0x9c | 0x9d => ("it says to use another server; change `url`", true),
        _ => ("for a reason that it does not explain", false),
    };
    (said(why, code, reason), permanent)
}

/// Why a subscription was refused.
pub(super) fn not_subscribed(filter: &str, code: u8) -> String {
    let why = match code {
        0x80 => "give this user the right to subscribe to it; if it has it, the broker does not take this filter",
        0x87 => "give this user the right to subscribe to it",
        0x8f => "it takes this filter for none",
        0x97 => "it has no room for more subscriptions",
        0x9e => "it has no shared subscriptions; take `share` out and let one collector subscribe",
        0xa2 => "it allows no wildcards; name each topic",
        _ => "it does not say why",
    };
    format!("the broker refused the subscription to {filter:?} (code 0x{code:02x}): {why}; asked again once a minute")
}

/// Whether a PUBACK of this code (MQTT 5) refuses a message, and for how long it is published again all the same. Those
/// that say that there is no room *now* have no end: the message waits in the outbox, which is bounded.
pub(super) fn patience(code: u8) -> Option<Duration> {
    match code {
        ..0x80 => None,
        0x97 => Some(Duration::MAX),
        // For a reason that it keeps to itself, or an id that it has not yet let go of: it may pass, or be this message.
        0x80 | 0x83 | 0x91 => Some(UNEXPLAINED),
        _ => Some(Duration::ZERO),
    }
}

/// Why a message of ours was refused.
pub(super) fn not_published(topic: &str, code: u8, then: Then) -> String {
    let why = match code {
        0x87 => "give this user the right to publish on it",
        0x90 => "it takes this topic for none",
        0x97 => "its quota is used up, or it has no room",
        0x99 => "it does not like the payload's format",
        _ => "it does not say why",
    };
    let then = match then {
        Then::Again => "it is published again",
        Then::Outlived => "a newer one says what holds now",
        Then::GivenUp => "it was given up",
    };
    format!("the broker refused a message of ours on {topic:?} (code 0x{code:02x}): {why}; {then}")
}

fn said(why: &str, code: u8, reason: Option<String>) -> String {
    match reason {
        Some(reason) => format!("{why} (code 0x{code:02x}, it says {reason:?})"),
        None => format!("{why} (code 0x{code:02x})"),
    }
}
