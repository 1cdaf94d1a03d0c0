//! The beginning of a connection where TLS is spoken, and what is said to who speaks plain HTTP there: browsers that were
//! given the port without `https://` do.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use warp::http::header::{HOST, HeaderValue, LOCATION};
use warp::http::uri::Authority;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::problem::{Kind, Problem};
use crate::respond;
use crate::server::Acceptor;
use crate::stall::Stall;
use crate::state::State;

/// What stands behind a socket after its first bytes.
pub(crate) enum Opened {
    Tls(Box<TlsStream<TcpStream>>),
    /// It sent no TLS but letters, as HTTP begins; nothing of it has been read.
    Plain(TcpStream),
}

/// Does the handshake. Whoever calls this bounds the time.
///
/// # Errors
/// Where the other end leaves, or no TLS comes about.
pub(crate) async fn open(socket: TcpStream, tls: &Acceptor) -> io::Result<Opened> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // A record of TLS begins with its type, 22; the method of a request with a letter.
    if first[0].is_ascii_alphabetic() {
        return Ok(Opened::Plain(socket));
    }
    Ok(Opened::Tls(Box::new(tls().accept(socket).await?)))
}

/// Answers one plain request where TLS is spoken: a page is looked for at the same place under `https`, and a program is told.
/// Nothing else of the request counts.
pub(crate) async fn turn_away(socket: TcpStream, state: &Arc<State>) {
    let state_of = state.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let id = state_of.request_id();
        let mut response = elsewhere(request.method(), request.headers().get(HOST), request.uri().path())
            .unwrap_or_else(|| {
                let detail = "the request came as plain HTTP, and HTTPS is spoken here";
                Problem::new(Kind::BadRequest, detail, "use https:// instead of http://").into_response(&id)
            });
        respond::finish(&mut response, &id);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let io = TokioIo::new(Stall::new(socket, state.config.write_timeout));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(state.config.read_timeout)
        .max_buf_size(64 << 10)
        .keep_alive(false)
        .serve_connection(io, service);
    // A body that is still coming would be read to its end: nobody waits for that longer than for a request.
    let _ = timeout(state.config.read_timeout, serving).await;
}

/// The same place under `https`, for who may be a person: a program would send its token in the clear again.
fn elsewhere(method: &Method, host: Option<&HeaderValue>, path: &str) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) || path.starts_with("/api") {
        return None;
    }
    let host: Authority = host?.to_str().ok().filter(|h| !h.contains('@'))?.parse().ok()?;
    let place = HeaderValue::from_str(&format!("https://{host}{path}")).ok()?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, place);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_the_same_place_and_programs_are_told() {
        let place = |method: Method, host: Option<&'static str>, path: &str| {
            let found = elsewhere(&method, host.map(HeaderValue::from_static).as_ref(), path)?;
            Some(found.headers()[LOCATION].to_str().unwrap().to_owned())
        };
        assert_eq!(place(Method::GET, Some("d.plant:8443"), "/"), Some("https://d.plant:8443/".into()));
        assert_eq!(place(Method::HEAD, Some("[fd00::1]:8443"), "/a.js"), Some("https://[fd00::1]:8443/a.js".into()));
        assert_eq!(place(Method::GET, Some("d.plant:8443"), "/api/v1/me"), None);
        assert_eq!(place(Method::POST, Some("d.plant:8443"), "/"), None);
        assert_eq!(place(Method::GET, Some("a b"), "/"), None);
        assert_eq!(place(Method::GET, Some("d.plant@evil.example"), "/"), None);
        assert_eq!(place(Method::GET, None, "/"), None);
    }
}
