//! The accept loop: sockets in, warp's service behind, and an end that is ordered and bounded.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use warp::Filter;
use warp::reply::Response;

use crate::channel::Channel;
use crate::config::{Config, ConfigError, loopback};
use crate::handshake::{self, Opened};
use crate::hub;
use crate::router;
use crate::seams::Services;
use crate::stall::Stall;
use crate::state::State;
use crate::turns::Peer;

/// The web door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings make no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The listener does not say where it listens.
    #[error("the listener of the web door is not usable: {0}")]
    Listener(io::Error),
}

/// Gives what makes TLS of a socket; asked at each connection, so that another certificate holds from the next one on.
pub type Acceptor = Arc<dyn Fn() -> TlsAcceptor + Send + Sync>;

/// A listener, and how it is spoken to.
pub struct Doorway {
    /// Where.
    pub listener: TcpListener,
    /// What makes TLS of its sockets; `None`: it speaks plain HTTP.
    pub tls: Option<Acceptor>,
}

impl From<TcpListener> for Doorway {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Serves the API and the page on every one of `doorways` until `shutdown` resolves; then ends the live streams, lets
/// answers under way finish within [`Config::drain_timeout`], and returns. Nothing of the store is held any more when it has
/// returned.
///
/// # Errors
/// When `config` makes no sense, or a listener's own address would open the page beyond this computer while nobody has to
/// log in.
pub async fn serve(
    doorways: Vec<Doorway>,
    config: Config,
    services: Services,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    for doorway in &doorways {
        let address = doorway.listener.local_addr().map_err(ServeError::Listener)?;
        if services.accounts.open_to_all() {
            loopback(address)?;
        }
        tracing::info!(%address, tls = doorway.tls.is_some(), "the web door opens");
    }
    config.validate()?;
    let (stop, stopping) = watch::channel(false);
    let state = Arc::new(State::new(config, services, stopping));
    let follower = tokio::spawn(hub::follow(state.clone()));
    let room = Arc::new(Semaphore::new(state.config.max_connections));
    let doors = doorways.into_iter().map(|doorway| accept(doorway, state.clone(), room.clone()));
    let end = async {
        shutdown.await;
        let _ = stop.send(true);
    };
    let (connections, ()) = tokio::join!(join_all(doors), end);

    drain(connections, state.config.drain_timeout).await;
    follower.abort();
    let _ = follower.await;
    tracing::info!("the web door is closed");
    Ok(())
}

/// Accepts until the end is called for; a full house waits in the system's queue. Gives the connections that are open.
async fn accept(doorway: Doorway, state: Arc<State>, room: Arc<Semaphore>) -> JoinSet<()> {
    let Doorway { listener, tls } = doorway;
    let filter = router::filter(state.clone());
    let mut connections = JoinSet::new();
    let mut stopping = state.stopping.clone();
    loop {
        let next = async {
            // Closed never: the semaphore lives as long as this loop.
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = async { drop(stopping.wait_for(|s| *s).await) } => return connections,
            Some(_) = connections.join_next() => {}
            (permit, accepted) = next => match (permit, accepted) {
                (Ok(permit), Ok((socket, peer))) => {
                    let guest = Guest { socket, peer, tls: tls.clone(), _room: permit };
                    connections.spawn(connection(guest, state.clone(), filter.clone()));
                }
                (_, Err(error)) => {
                    // Out of descriptors, mostly: others will end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
                (Err(_), _) => return connections,
            },
        }
    }
}

/// One connection in the gauge of connections.
struct Counted(Arc<State>);

impl Counted {
    fn new(state: Arc<State>) -> Self {
        state.meter.connections.add(1);
        Self(state)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.meter.connections.add(-1);
    }
}

/// Who came in, and the place that they hold.
struct Guest {
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<Acceptor>,
    _room: OwnedSemaphorePermit,
}

async fn connection<F>(guest: Guest, state: Arc<State>, filter: F)
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let _counted = Counted::new(state.clone());
    let Guest { socket, peer, tls, _room } = guest;
    // Small answers go out at once; where the system refuses, they are a little late.
    let _ = socket.set_nodelay(true);
    let Some(tls) = tls else { return answer(socket, Channel::Plain, peer, state, filter).await };
    let mut stopping = state.stopping.clone();
    let opened = tokio::select! {
        opened = timeout(state.config.handshake_timeout, handshake::open(socket, &tls)) => opened,
        () = async { drop(stopping.wait_for(|s| *s).await) } => return,
    };
    match opened {
        Ok(Ok(Opened::Tls(stream))) => answer(*stream, Channel::Tls, peer, state, filter).await,
        Ok(Ok(Opened::Plain(socket))) => handshake::turn_away(socket, &state).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about"),
        Err(_) => tracing::debug!(%peer, "the handshake of TLS was not finished in time"),
    }
}

/// Answers the requests of one connection.
async fn answer<S, F>(stream: S, channel: Channel, peer: SocketAddr, state: Arc<State>, filter: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let io = TokioIo::new(Stall::new(stream, state.config.write_timeout));
    let service = TowerToHyperService::new(warp::service(filter));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        request.extensions_mut().insert(channel);
        service.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(state.config.read_timeout)
        .max_buf_size(64 << 10)
        .serve_connection(io, service);
    let mut serving = std::pin::pin!(serving);
    let mut stopping = state.stopping.clone();
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { drop(stopping.wait_for(|s| *s).await) } => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Waits for the connections, and drops those that take too long.
async fn drain(mut connections: Vec<JoinSet<()>>, limit: Duration) {
    let all = async {
        for set in &mut connections {
            while set.join_next().await.is_some() {}
        }
    };
    if timeout(limit, all).await.is_err() {
        let pending: usize = connections.iter().map(JoinSet::len).sum();
        tracing::warn!(pending, "connections are still answering; they are dropped");
        for set in &mut connections {
            set.shutdown().await;
        }
    }
}
