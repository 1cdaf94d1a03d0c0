//! The other MQTT door: a session as a client of somebody else's broker.
//!
//! A plant that has a broker keeps it. [`Remote`] connects there, subscribes, and hands what comes to the same
//! [`Intake`] as the listener does; a message is acknowledged when its receipt has resolved, that is when it is on disk,
//! in the order in which messages came (MQTT 4.6), many at a time. The broker keeps what is not acknowledged and sends it
//! again; where the same message comes twice, the collector recognises it. It publishes as well, from an [`Outbox`] that
//! survives a broker which comes back without the session.
//!
//! The session is our own rather than that of `rumqttc`, whose event loop (0.25) was read first: it keeps a PUBREC of an
//! old connection and sends it on the next, where the packet id means another message; it stops acknowledging while its
//! own publishes wait; it writes acknowledgements one by one; its TLS brings a second, outdated certificate verifier and
//! leaves no way to hand it a socket. Here acknowledgements belong to the connection that their messages came by: they go
//! with it, and what the intake was handed is awaited before the next connection is made.
//!
//! What this module does *not* know: what a topic or payload means, and who else listens.

mod dial;
mod fault;
mod flow;
mod incoming;
mod options;
mod pause;
mod session;
mod status;
mod transport;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use outbox::{Message, Outbox, TooLarge};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::intake::Intake;
use crate::lock;
use fault::Fault;
use flow::Flow;
use pause::Pauses;
use session::Session;
use status::Status;
use transport::Transport;

pub use dial::{ConnectorError, connector_from_files};
pub use options::{Announce, Options, OptionsError, Presence, Subscription};
pub use status::{RemoteSnapshot, State};
pub use tokio_rustls::TlsConnector;

/// A session at another broker. [`Remote::run`] holds it; everything else may be asked at any time.
pub struct Remote {
    options: Options,
    intake: Arc<dyn Intake>,
    outbox: Arc<Outbox>,
    status: Status,
    connections: AtomicU64,
    /// What the connection that stands has said of its presence.
    birth: Mutex<Option<Message>>,
}

impl Remote {
    /// A session that hands what comes to `intake`. Nothing happens before [`Remote::run`].
    pub fn new(options: Options, intake: Arc<dyn Intake>) -> Result<Arc<Remote>, OptionsError> {
        options.validate()?;
        let status = Status::new(&options.name, options.address(), options.protocol, &options.client_id);
        let outbox = Arc::new(Outbox::new(options.outbox_messages, options.outbox_bytes));
        Ok(Arc::new(Remote {
            options,
            intake,
            outbox,
            status,
            connections: AtomicU64::new(0),
            birth: Mutex::default(),
        }))
    }

    /// What is published there waits in here for its acknowledgement.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Says once more what the connection that stands said of its presence: somebody else has contradicted it.
    pub fn announce_again(&self) -> Result<(), TooLarge> {
        let birth = lock(&self.birth).clone();
        birth.map_or(Ok(()), |birth| self.outbox.offer(birth))
    }

    /// How it stands, as it changes.
    pub fn states(&self) -> watch::Receiver<State> {
        self.status.states()
    }

    /// How it stands, and what it has done.
    pub fn snapshot(&self) -> RemoteSnapshot {
        let mut snapshot = self.status.snapshot();
        snapshot.outstanding = self.outbox.outstanding() as u64;
        snapshot.dropped = self.outbox.dropped();
        snapshot
    }

    /// Connects again and again until `shutdown` resolves, then ends in order: what came is committed and acknowledged,
    /// what waits is published, as far as the patience of an orderly stop goes. For one caller.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut pauses = Pauses::new(self.options.seed);
        let mut flow = Flow::default();
        loop {
            self.status.turn(State::Connecting);
            let Err(fault) = self.attempt(&mut flow, shutdown.as_mut()).await else { break };
            tracing::warn!(remote = self.options.name, "{fault}");
            self.status.failed(&fault.to_string());
            self.status.note(|s| s.subscriptions.clear());
            let pause = pauses.after(self.status.stood(), fault.permanent());
            self.status.turn(State::Waiting);
            let again = async {
                flow.drain().await;
                sleep(pause).await;
            };
            let ended = tokio::select! {
                () = again => false,
                () = &mut shutdown => true,
            };
            if ended {
                // The intake was handed these: they are awaited, also where nobody can be told.
                let _ = tokio::time::timeout(self.options.stop_patience, flow.drain()).await;
                break;
            }
        }
        self.status.turn(State::Stopped);
    }

    /// One connection, from its beginning to its end; without an error where it was told to end.
    async fn attempt<F: Future<Output = ()> + Unpin>(&self, flow: &mut Flow, mut shutdown: F) -> Result<(), Fault> {
        let (stream, peer) = tokio::select! {
            dialled = dial::dial(&self.options) => dialled?,
            () = &mut shutdown => return Ok(()),
        };
        self.status.note(|s| s.peer = Some(peer));
        let presence = self.options.announce.as_ref().map(|announce| announce());
        *lock(&self.birth) = presence.as_ref().map(|p| p.birth.clone());
        let mut transport = Transport::new(stream);
        let welcome = tokio::select! {
            welcome = transport.handshake(&self.options, presence.as_ref()) => welcome?,
            () = &mut shutdown => return Ok(()),
        };
        Session::new(self, transport, welcome, presence, peer, flow).run(shutdown).await
    }
}
