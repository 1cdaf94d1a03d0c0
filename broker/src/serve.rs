//! The listener: accepting, handshakes in tasks of their own, and an orderly end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::access::Away;
use crate::addresses::Visit;
use crate::broker::{Broker, CanaryError};
use crate::clients::Record;
use crate::codec::answers;
use crate::config::ConfigError;
use crate::connection::{Connection, Ending, Goodbye};
use crate::handshake::{self, Guest, Peer, TurnedAway};
use crate::intake::Certificate;
use crate::lock;
use crate::refusal::Refusal;
use crate::router::session::Session;
use crate::tls::Tls;
use crate::websocket;
use crate::will::{Wait, Will};

/// How often sessions of clients that stay away are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// Why a listener cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The settings do not suit this listener.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The listener is of no use.
    #[error("the listener cannot tell its address: {0}")]
    Listener(#[from] io::Error),
    /// The router does not answer any more.
    #[error("the MQTT router stopped answering, {failures} times in a row: {last}")]
    Router {
        /// How often in a row.
        failures: u32,
        /// The last time.
        last: CanaryError,
    },
}

/// How serving a listener ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// How many clients were connected when it was asked to stop.
    pub connected: usize,
    /// Those that had not come to their end when patience ran out: something they published may not be durable. They
    /// got no acknowledgement for it.
    pub pending: Vec<Arc<str>>,
}

/// A TLS session, and the certificate its client proved to hold.
type Secured = (TlsStream<TcpStream>, Option<Box<Certificate>>);

/// What the tasks of one listener share.
struct Door {
    broker: Arc<Broker>,
    tls: Option<Tls>,
    /// Clients come over WebSocket.
    web: bool,
    listener: u64,
    stop: watch::Receiver<bool>,
    /// Wills that wait, or are being published.
    wills: Arc<Mutex<JoinSet<()>>>,
}

impl Broker {
    /// Serves `listener` until `shutdown` resolves; then accepts no more, tells every client to go (MQTT 5:
    /// DISCONNECT 0x8B), and waits until what they published is durable and acknowledged.
    ///
    /// Ends with an error when the router stops answering (`canary_interval`, `canary_patience`, `canary_failures`):
    /// then nothing is waited for, and the process should end and be started again.
    ///
    /// The wills of clients that are sent away by a stop are not published: the machines did not die. Those of clients
    /// that had died before are, even when their delay is not over.
    pub async fn serve(
        self: Arc<Broker>,
        listener: TcpListener,
        tls: Option<Tls>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Stopped, ServeError> {
        self.serve_as(listener, tls, false, shutdown).await
    }

    /// The same for MQTT over WebSocket, at `/mqtt`.
    pub async fn serve_websocket(
        self: Arc<Broker>,
        listener: TcpListener,
        tls: Option<Tls>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Stopped, ServeError> {
        self.serve_as(listener, tls, true, shutdown).await
    }

    async fn serve_as(
        self: Arc<Broker>,
        listener: TcpListener,
        tls: Option<Tls>,
        web: bool,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Stopped, ServeError> {
        self.config().validate(&[listener.local_addr()?])?;
        let (stop, stopped) = watch::channel(false);
        let id = self.next_listener();
        let (broker, wills) = (self.clone(), Arc::default());
        let door = Arc::new(Door { broker, tls, web, listener: id, stop: stopped, wills });
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = accept(&door, listener, &mut tasks, shutdown) => {}
            // Clients may be waiting for the router for ever, so they are not waited for.
            last = self.clone().supervise() => {
                return Err(ServeError::Router { failures: self.config().canary_failures, last });
            }
        }

        let clients = self.through(id);
        stop.send_replace(true);
        clients.iter().for_each(|client| client.link.end(Refusal::Stopping));
        let drained = async {
            while tasks.join_next().await.is_some() {}
            let mut wills = std::mem::take(&mut *lock(&door.wills));
            while wills.join_next().await.is_some() {}
        };
        let in_time = timeout(self.config().stop_patience, drained).await.is_ok();
        let pending = if in_time { Vec::new() } else { self.through(id) };
        let pending: Vec<_> = pending.iter().map(|client| client.info.client_id.clone()).collect();
        tasks.shutdown().await;
        Ok(Stopped { connected: clients.len(), pending })
    }
}

async fn accept(door: &Arc<Door>, listener: TcpListener, tasks: &mut JoinSet<()>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let handshakes = Arc::new(Semaphore::new(door.broker.config().max_handshakes));
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = sweep.tick() => {
                door.broker.router().sweep(Instant::now());
                door.broker.access.addresses.sweep(Instant::now());
                continue;
            }
        };
        match accepted {
            Ok((stream, address)) => {
                let visit = door.broker.access.addresses.arrive(address.ip(), Instant::now());
                let permit = || handshakes.clone().try_acquire_owned().map_err(|_| Refusal::Handshakes);
                match visit.and_then(|visit| Ok((visit, permit()?))) {
                    Ok((visit, permit)) if door.web => {
                        tasks.spawn(Box::pin(door.clone().open_web(stream, address, visit, permit)));
                    }
                    Ok((visit, permit)) => drop(tasks.spawn(door.clone().open(stream, address, visit, permit))),
                    Err(refusal) => door.broker.turned_away(refusal, address),
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: serving those we have goes before taking more.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection that is already there, as a listener would.
pub(crate) async fn one<S: AsyncRead + AsyncWrite + Unpin>(broker: &Arc<Broker>, io: S, address: SocketAddr) {
    let (stop, stopped) = watch::channel(false);
    let (broker, listener, wills) = (broker.clone(), broker.next_listener(), Arc::default());
    let door = Door { broker, tls: None, web: false, listener, stop: stopped, wills };
    let visit = door.broker.access.addresses.arrive(address.ip(), Instant::now());
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
    if let (Ok(visit), Ok(permit)) = (visit, permit) {
        let peer = Peer { address, listener, certificate: None, logins: visit.logins.clone() };
        door.client(io, peer, permit).await;
        // Nothing waits for a clock.
        stop.send_replace(true);
        let mut wills = std::mem::take(&mut *lock(&door.wills));
        while wills.join_next().await.is_some() {}
    }
}

/// Without `TCP_NODELAY`, an acknowledgement may wait 40 ms for the next one. A socket that refuses is about to fail
/// anyway.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

impl Door {
    async fn open(self: Arc<Door>, stream: TcpStream, address: SocketAddr, visit: Visit, permit: OwnedSemaphorePermit) {
        tune(&stream);
        let peer = |certificate| Peer { address, listener: self.listener, certificate, logins: visit.logins.clone() };
        let Some(tls) = &self.tls else { return self.client(stream, peer(None), permit).await };
        let secured = Box::pin(self.secure(tls, stream, address)).await;
        let client = |(stream, certificate)| Box::pin(self.client(stream, peer(certificate), permit));
        // In one move, so that nothing of the handshake stays beside the client.
        if let Some(client) = secured.map(client) {
            client.await;
        }
    }

    /// The same for a client that comes over WebSocket.
    async fn open_web(
        self: Arc<Door>,
        stream: TcpStream,
        address: SocketAddr,
        visit: Visit,
        permit: OwnedSemaphorePermit,
    ) {
        tune(&stream);
        let peer = |certificate| Peer { address, listener: self.listener, certificate, logins: visit.logins.clone() };
        let Some(tls) = &self.tls else { return self.upgrade(stream, peer(None), permit).await };
        if let Some((stream, certificate)) = self.secure(tls, stream, address).await {
            self.upgrade(stream, peer(certificate), permit).await;
        }
    }

    /// The TLS handshake, and the certificate the client proved to hold.
    async fn secure(&self, tls: &Tls, stream: TcpStream, address: SocketAddr) -> Option<Secured> {
        let mut stop = self.stop.clone();
        let accept = async {
            let stream = tls.current().accept(stream).await.map_err(|_| Refusal::TlsHandshake)?;
            certificate(&stream).map(|certificate| (stream, certificate))
        };
        let handshake = tokio::select! {
            handshake = timeout(self.broker.config().handshake_timeout, accept) => handshake,
            _ = stop.wait_for(|stop| *stop) => return None,
        };
        let Ok(Ok(secured)) = handshake else {
            self.broker.turned_away(Refusal::TlsHandshake, address);
            return None;
        };
        Some(secured)
    }

    async fn upgrade<S>(&self, stream: S, peer: Peer, permit: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut stop, address) = (self.stop.clone(), peer.address);
        let config = self.broker.config();
        let accepting = timeout(config.handshake_timeout, websocket::accept(stream, config));
        let handshake = tokio::select! {
            handshake = accepting => handshake,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match handshake {
            Ok(Ok(stream)) => self.client(stream, peer, permit).await,
            _ => self.broker.turned_away(Refusal::WebSocket, address),
        }
    }

    async fn client<S>(&self, mut io: S, peer: Peer, permit: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut stop, address) = (self.stop.clone(), peer.address);
        let admitted = tokio::select! {
            // In a box, so that what a handshake needs does not stay with the connection for its whole life.
            admitted = Box::pin(handshake::admit(&self.broker, &mut io, peer)) => admitted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match admitted {
            Ok(guest) => {
                drop(permit);
                self.serve_client(io, guest).await;
            }
            Err(TurnedAway { refusal, protocol, answer, most }) => {
                self.broker.turned_away(refusal, address);
                let mut out = BytesMut::new();
                if answer {
                    answers::put_refused_connack(&mut out, protocol, refusal, most);
                }
                Box::pin(Goodbye::refused(io, out, self.broker.config().handshake_timeout).say()).await;
            }
        }
    }

    async fn serve_client<S: AsyncRead + AsyncWrite + Unpin>(&self, io: S, guest: Guest) {
        let Guest { admitted, will, expiry, revocations } = guest;
        let mut seat = Seat::take(self, admitted.record.clone(), will, expiry);
        if let Some(away) = self.broker.access.sent_away_since(revocations, &admitted.info.identity) {
            admitted.session.revoked.fetch_or(away == Away::ForGood, Ordering::AcqRel);
            // It was checked against rights that may be gone.
            seat.will = None;
            admitted.link.end(Refusal::Revoked);
        }
        if *self.stop.borrow() {
            admitted.link.end(Refusal::Stopping);
        }
        let (ending, goodbye) = Connection::new(io, admitted).run().await;
        seat.leave(&ending);
        Box::pin(goodbye.say()).await;
    }
}

/// The certificate a client proved to hold, if it came with one.
fn certificate(stream: &TlsStream<TcpStream>) -> Result<Option<Box<Certificate>>, Refusal> {
    let Some([der, ..]) = stream.get_ref().1.peer_certificates() else { return Ok(None) };
    let certificate = Certificate::from_der(der).ok_or(Refusal::TlsHandshake)?;
    Ok(Some(Box::new(certificate)))
}

/// A connection's place among the clients; given back whatever happens to the task.
struct Seat {
    broker: Arc<Broker>,
    record: Arc<Record>,
    session: Arc<Session>,
    will: Option<Will>,
    expiry: Duration,
    taken: bool,
    wills: Arc<Mutex<JoinSet<()>>>,
    stop: watch::Receiver<bool>,
}

impl Seat {
    fn take(door: &Door, record: Arc<Record>, will: Option<Will>, expiry: Duration) -> Seat {
        door.broker.arrived(&record);
        let (wills, stop) = (door.wills.clone(), door.stop.clone());
        let (broker, session) = (door.broker.clone(), record.session.clone());
        Seat { broker, session, record, will, expiry, taken: true, wills, stop }
    }

    fn leave(mut self, ending: &Ending) {
        let client = &self.record.info.client_id;
        match ending {
            Ending::Left { .. } => {}
            Ending::Lost(why) => self.record.failed(why),
            Ending::Refused(refusal) => {
                self.broker.count(*refusal);
                // What was denied is already noted, with its topic.
                if *refusal != Refusal::PublishDenied {
                    self.record.failed(refusal.name());
                }
                tracing::debug!(%client, reason = refusal.name(), "disconnected");
            }
        }
        if let Ending::Left { expiry: Some(seconds), .. } = ending
            && !self.expiry.is_zero()
        {
            let wanted = Duration::from_secs(u64::from(*seconds));
            self.expiry = wanted.min(self.broker.config().max_session_expiry);
        }
        let died = !matches!(ending, Ending::Left { will: false, .. } | Ending::Refused(Refusal::Stopping));
        let revoked = self.session.revoked.load(Ordering::Acquire);
        let will = self.will.take().filter(|_| died && !revoked);
        let wait = Wait::new(self.session.clone(), self.expiry, self.stop.clone());
        self.give_back();
        if let Some(will) = will {
            let mut wills = lock(&self.wills);
            while wills.try_join_next().is_some() {}
            wills.spawn(will.execute(self.broker.clone(), self.record.info.clone(), wait));
        }
    }

    fn give_back(&mut self) {
        if std::mem::replace(&mut self.taken, false) {
            let revoked = self.session.revoked.load(Ordering::Acquire);
            let expiry = if revoked { Duration::ZERO } else { self.expiry };
            self.broker.left(&self.record);
            self.broker.router().detach(&self.session, expiry, Instant::now());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<F>(_: fn(Arc<Door>, TcpStream, SocketAddr, Visit, OwnedSemaphorePermit) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_connection_is_small() {
        let size = size_of_future(Door::open);
        assert!(size <= 3 * 1024, "{size} bytes: something large is kept over an await of Door::open");
    }

    #[tokio::test]
    async fn acknowledgements_do_not_wait_for_each_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        tune(&stream);
        assert!(stream.nodelay().unwrap());
    }
}
