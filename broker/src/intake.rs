//! What the door asks of the house: who is this ([`Authenticator`]), and take this ([`Intake`]).

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

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
    /// Whether the publisher asked for it to be retained.
    pub retain: bool,
    /// Whether the publisher says that it may have sent it before.
    pub dup: bool,
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
    /// Neither future is ever dropped before it resolved, except when an orderly stop runs out of patience.
    fn accept(&self, from: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>>;

    /// `messages` of `from` were refused at the door, `why` being the name of a [`Refusal`](crate::Refusal).
    fn refused(&self, from: Arc<ClientInfo>, messages: u64, why: &'static str);
}

/// What a client says it is.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password. Not shown by `Debug`.
    pub password: String,
    /// The client identifier it asks for.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub address: SocketAddr,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Login { user, password: _, client_id, address } = self;
        f.debug_struct("Login")
            .field("user", user)
            .field("client_id", client_id)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

/// Who a client proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(pub Arc<str>);

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
