//! The MQTT doors: MQTT 3.1.1 and 5 on one port, over TCP, TLS or WebSocket; and [`remote`], a session at somebody else's
//! broker.
//!
//! A machine that connects is asked who it is ([`Authenticator`]); what it publishes is handed on in batches, as read
//! from the socket ([`Intake`]); it gets its PUBACK or PUBREC when the batch is durable, and only then do other clients
//! that subscribed get to see it. When the intake is full, reading from that socket stops: the pressure goes back to
//! the machine, and nothing is dropped.
//!
//! ```text
//! socket ─► codec ─► connection ─► Intake::accept ─► Receipt ─► PUBACK ─► router ─► sessions ─► sockets
//! ```
//!
//! What this room does *not* know: what a topic or a payload means, where anything is stored, who may connect (it keeps
//! no secret), what time it is. Of the house it knows the outbox only.
//!
//! Codec and router are its own. The codec copies nothing of a PUBLISH and checks every packet to the letter of the
//! standard. `rumqttd`'s hides the packet identifier that an acknowledgement held back until the commit needs, and does
//! not tell a property that comes twice from one that may; it is what ours is compared with in the tests. Its router
//! leaps over messages when a subscriber falls behind, hands out a part of the retained messages only, keeps every
//! filter it ever saw, and can be brought down by a topic name. The one here ([`router`]) is a tree of filters, groups
//! for shared subscriptions and a bounded queue for each session.

mod access;
mod addresses;
mod broker;
mod certificate;
mod clients;
mod codec;
mod config;
mod connection;
mod denials;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod intake;
mod meter;
mod offer;
mod rate;
mod refusal;
pub mod remote;
mod rights;
mod roles;
mod router;
mod serve;
mod supervision;
mod tls;
mod topic;
mod websocket;
mod will;

pub use broker::{Broker, CanaryError, PublishError};
pub use clients::ClientSnapshot;
pub use config::{Config, ConfigError, WhenDenied};
pub use denials::Denial;
pub use intake::{
    Authenticator, BoxFuture, Certificate, ClientInfo, Credentials, Denied, Identity, Intake, IntakeClosed, Login,
    Protocol, Publish, Receipt, RetainedMessage,
};
pub use rate::Rate;
pub use refusal::Refusal;
pub use rights::{Rights, RightsError, overlap};
pub use roles::{Places, ROLES, Role};
pub use serve::{ServeError, Stopped};
pub use supervision::CanaryState;
pub use tls::{
    ClientCertificates, ClientFiles, Tls, TlsError, TlsFiles, acceptor, acceptor_from_bytes, acceptor_from_files,
};
pub use tokio_rustls::TlsAcceptor;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. No code that holds one of this room's locks can panic half way through a change, so what a poisoned
/// lock guards is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
