//! What the door asks of the house: who is this ([`Authenticator`]), and take this ([`Intake`]).

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::rights::Rights;

/// A future that can be kept in a struct and moved between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Resolves when what was accepted is durable.
pub type Receipt = BoxFuture<'static, Result<(), IntakeClosed>>;

/// The intake takes nothing any more; what was handed to it is not durable. The client is disconnected without an
/// acknowledgement and sends again when it is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the intake takes no more messages")]
pub struct IntakeClosed;

/// One message as a client published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The topic: valid UTF-8 without wildcards, NUL or a leading `$`, within the limits of the configuration.
    pub topic: Arc<str>,
    /// The payload. It shares its allocation with its neighbours of the same read: copy it to keep it long.
    pub payload: Bytes,
    /// The quality of service, 0 to 2.
    pub qos: u8,
    /// Whether the door retains it from now on; with an empty payload, what was retained for the topic is gone. A
    /// message that asks to be retained and finds no room is handed on with `false`.
    pub retain: bool,
    /// The door kept an older message of this topic and keeps none from now on: this one found no room, and an old
    /// value must not pass for the last one. What was stored for the topic is to be taken away with this message.
    /// Never set together with `retain`.
    pub forget: bool,
    /// Whether the publisher says that it may have sent it before.
    pub dup: bool,
    /// MQTT 5 properties that travel on to subscribers, encoded; opaque to everybody but the door.
    pub properties: Bytes,
    /// Seconds from its receipt after which nobody is to get it any more.
    pub expiry: Option<u32>,
}

/// A retained message that outlived a restart; see [`Broker::restore`](crate::Broker::restore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedMessage {
    /// The topic.
    pub topic: Arc<str>,
    /// The payload.
    pub payload: Bytes,
    /// The quality of service it was published with, 0 to 2.
    pub qos: u8,
    /// MQTT 5 properties, as [`Publish::properties`] had them.
    pub properties: Bytes,
    /// What is left of its life; `None` lives until it is replaced.
    pub expires_in: Option<Duration>,
}

/// The version a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::V311 => "MQTT 3.1.1",
            Protocol::V5 => "MQTT 5",
        })
    }
}

/// Who a message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// The client identifier, given by the client or assigned.
    pub client_id: Arc<str>,
    /// Where it connected from.
    pub address: SocketAddr,
    /// The user name it proved to be, or `anonymous`.
    pub identity: Arc<str>,
    /// The version it speaks.
    pub protocol: Protocol,
    /// Counts the connections of this broker from 1; two connections of one client differ in it.
    pub connection: u64,
}

/// Where published messages go.
pub trait Intake: Send + Sync + 'static {
    /// Takes the messages of one read from one socket, in the order they came. Resolves when they are queued: until
    /// then nothing more is read from that socket. The receipt it yields resolves when they are durable.
    ///
    /// What is queued comes before everything that is offered after that: of two messages that change what is retained
    /// for one topic, the door keeps the one that was queued last, and so must whoever stores it.
    ///
    /// Neither future is ever dropped before it resolved, except when an orderly stop runs out of patience.
    fn accept(&self, from: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>>;

    /// `messages` of `from` were refused at the door, `why` being the name of a [`Refusal`](crate::Refusal).
    fn refused(&self, from: Arc<ClientInfo>, messages: u64, why: &'static str);
}

/// What a client says it is, and how it proves it.
#[derive(Clone)]
pub enum Credentials {
    /// A user name and a password. The password is not shown by `Debug`.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// The certificate of its TLS session, already verified against the authorities of the listener.
    Certificate(Certificate),
}

/// Who a verified client certificate speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The common name of its subject, where it has one.
    pub common_name: Option<Arc<str>>,
    /// The common name of its issuer, where that has one.
    pub issuer: Option<Arc<str>>,
    /// Its URI names (subject alternative names), in order.
    pub uris: Vec<Arc<str>>,
    /// Its serial number, lower-case hexadecimal without leading zeros.
    pub serial: Arc<str>,
    /// SHA-256 of its DER form, lower-case hexadecimal.
    pub fingerprint: Arc<str>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Password { user, password: _ } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Credentials::Certificate(certificate) => f.debug_tuple("Certificate").field(certificate).finish(),
        }
    }
}

/// A client that asks to be let in.
#[derive(Debug, Clone)]
pub struct Login {
    /// What it says it is. A client that offers both is known by its certificate.
    pub credentials: Credentials,
    /// The client identifier it asks for.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub address: SocketAddr,
}

/// Who a client proved to be, and what it may do.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its name: sessions and client identifiers are bound to it.
    pub name: Arc<str>,
    /// What it may publish and subscribe to.
    pub rights: Arc<Rights>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denied {
    /// No such user, or not its password.
    #[error("user name or password is wrong")]
    Credentials,
    /// Known, but not allowed here.
    #[error("this user may not connect")]
    NotAuthorized,
    /// Who it is could not be found out now.
    #[error("users cannot be looked up at the moment")]
    Unavailable,
}

/// Tells who a client is. The door keeps no secret itself.
pub trait Authenticator: Send + Sync + 'static {
    /// Verifies a login. Slow hashes belong on a blocking thread; the handshake timeout covers this too.
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>>;
}
