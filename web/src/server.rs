//! The accept loop: sockets in, warp's service behind, and an end that is ordered and bounded.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use warp::Filter;
use warp::reply::Response;

use crate::config::{Config, ConfigError, loopback};
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

/// Serves the API and the page on `listener` until `shutdown` resolves; then ends the live streams, lets answers under
/// way finish within [`Config::drain_timeout`], and returns. Nothing of the store is held any more when it has returned.
///
/// # Errors
/// When `config` makes no sense, or the listener's own address would open the page beyond this computer while nobody has to
/// log in.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    services: Services,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    if services.accounts.open_to_all() {
        loopback(address)?;
    }
    Config { address, ..config.clone() }.validate()?;
    let (stop, stopping) = watch::channel(false);
    let state = Arc::new(State::new(config, services, stopping));
    let follower = tokio::spawn(hub::follow(state.clone()));
    tracing::info!(%address, "the web door is open");
    let mut connections = JoinSet::new();
    accept(&listener, &state, &mut connections, shutdown).await;
    drop(listener);

    let _ = stop.send(true);
    drain(&mut connections, state.config.drain_timeout).await;
    follower.abort();
    let _ = follower.await;
    tracing::info!("the web door is closed");
    Ok(())
}

/// Accepts until `shutdown`; a full house waits in the system's queue.
async fn accept(
    listener: &TcpListener,
    state: &Arc<State>,
    connections: &mut JoinSet<()>,
    shutdown: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(state.config.max_connections));
    let filter = router::filter(state.clone());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            // Closed never: the semaphore lives as long as this loop.
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => return,
            Some(_) = connections.join_next() => {}
            (permit, accepted) = next => match (permit, accepted) {
                (Ok(permit), Ok((socket, peer))) => {
                    connections.spawn(connection(socket, peer, state.clone(), filter.clone(), permit));
                }
                (_, Err(error)) => {
                    // Out of descriptors, mostly: others will end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
                (Err(_), _) => return,
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

async fn connection<F>(socket: TcpStream, peer: SocketAddr, state: Arc<State>, filter: F, _room: OwnedSemaphorePermit)
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let _counted = Counted::new(state.clone());
    // Small answers go out at once; where the system refuses, they are a little late.
    let _ = socket.set_nodelay(true);
    let io = TokioIo::new(Stall::new(socket, state.config.write_timeout));
    let service = TowerToHyperService::new(warp::service(filter));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
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
async fn drain(connections: &mut JoinSet<()>, limit: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limit, all).await.is_err() {
        tracing::warn!(pending = connections.len(), "connections are still answering; they are dropped");
        connections.shutdown().await;
    }
}
