//! The sockets: one connection, kept while it is good, and every request with an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
pub use hyper::Method;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper_util::rt::TokioIo;
use plant::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::policy::Policy;
use crate::retry_after::retry_after;
use crate::url::Url;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no answer: a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct FetchError {
    /// `address_…` where the policy refuses the address; `unresolved`, `unreachable`, `broken`, `late`, `too_long`,
    /// `unsendable`.
    pub code: &'static str,
    /// For people.
    pub why: String,
}

impl FetchError {
    fn new(code: &'static str, why: String) -> Self {
        Self { code, why }
    }

    /// Whether nobody will answer until somebody changes a setting.
    #[must_use]
    pub fn lasting(&self) -> bool {
        self.code.starts_with("address_") || self.code == "unsendable"
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP's.
    pub status: u16,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

/// A body, and how it is wrapped.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// What is sent.
    pub bytes: Bytes,
    /// Whether it is compressed with gzip.
    pub gzip: bool,
    /// `Content-Type`.
    pub kind: &'static str,
}

impl Body {
    /// JSON.
    #[must_use]
    pub fn json(text: String) -> Self {
        Self { bytes: text.into(), gzip: false, kind: "application/json" }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// How.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// Headers beside the usual ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; none where it is empty.
    pub body: Body,
    /// The longest answer, bytes.
    pub longest: usize,
}

/// A client of one server.
pub struct Client {
    url: Url,
    tls: Option<TlsConnector>,
    policy: Policy,
    patience: Duration,
    clock: Arc<dyn Clock>,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Of the server that `url` names; its path is not looked at. Connects when something is asked, over TLS where a
    /// connector is given. A request that takes longer than `patience` has failed.
    #[must_use]
    pub fn new(url: Url, tls: Option<TlsConnector>, policy: Policy, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { url, tls, policy, patience, clock, open: None }
    }

    /// One request and its whole answer. What was sent on a connection that had been open for a while, and was closed by
    /// the server meanwhile, is sent once more: a client that must not do that asks each thing with a client of its own.
    pub async fn ask(&mut self, request: &Request<'_>) -> Result<Reply, FetchError> {
        let patience = self.patience;
        let asked = async {
            let reused = self.open.is_some();
            match self.once(request).await {
                Err(_) if reused => self.once(request).await,
                done => done,
            }
        };
        let done = timeout(patience, asked).await;
        let done = done.unwrap_or_else(|_| {
            let why = format!("{} did not answer within {} s", self.url.origin(), patience.as_secs_f64());
            Err(FetchError::new("late", why))
        });
        if done.is_err() {
            self.open = None;
        }
        done
    }

    async fn once(&mut self, request: &Request<'_>) -> Result<Reply, FetchError> {
        let lost = |e: &dyn std::fmt::Display| FetchError::new("broken", format!("the connection broke: {e}"));
        let mut sender = match self.open.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.map_err(|e| lost(&e))?;
        let reply = sender.send_request(self.request(request)?).await.map_err(|e| lost(&e))?;
        let retry = reply.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
        let now = self.clock.now().nanos() / 1_000_000_000;
        let retry_after = retry.and_then(|v| retry_after(v, now));
        let status = reply.status().as_u16();
        let body = Limited::new(reply.into_body(), request.longest).collect().await;
        let body = body.map_err(|e| match e.downcast_ref::<LengthLimitError>() {
            Some(_) => FetchError::new("too_long", format!("the answer is longer than {} bytes", request.longest)),
            None => lost(&e),
        })?;
        self.open = Some(sender);
        Ok(Reply { status, retry_after, body: body.to_bytes() })
    }

    fn request(&self, r: &Request<'_>) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
        let mut request = hyper::Request::builder()
            .method(&r.method)
            .uri(if r.path.is_empty() { "/" } else { r.path })
            .header(HOST, self.url.authority())
            .header(USER_AGENT, "danxia")
            .header(ACCEPT, "*/*");
        for (name, value) in &r.headers {
            request = request.header(name, value);
        }
        if !r.body.bytes.is_empty() {
            request = request.header(CONTENT_TYPE, r.body.kind);
        }
        if r.body.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let bad = |e| FetchError::new("unsendable", format!("the request cannot be made: {e}"));
        request.body(Full::new(r.body.bytes.clone())).map_err(bad)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, FetchError> {
        let said = |e: &dyn std::fmt::Display| {
            FetchError::new("unreachable", format!("{} cannot be reached: {e}", self.url.origin()))
        };
        let socket = self.dial().await?;
        socket.set_nodelay(true).map_err(|e| said(&e))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(socket),
            Some(tls) => {
                let name = ServerName::try_from(self.url.host.clone()).map_err(|e| said(&e))?;
                Box::new(tls.connect(name, socket).await.map_err(|e| said(&e))?)
            }
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| said(&e))?;
        // Ends when the sender is dropped, or with an error that the sender tells of.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// To the first address that the policy lets pass and that answers.
    async fn dial(&self) -> Result<TcpStream, FetchError> {
        let mut last = None;
        for address in self.policy.resolve(&self.url.host, self.url.port).await? {
            match TcpStream::connect(address).await {
                Ok(socket) => return Ok(socket),
                Err(e) => last = Some(e),
            }
        }
        let why = last.map_or_else(|| "it has no address".to_owned(), |e| e.to_string());
        Err(FetchError::new("unreachable", format!("{} cannot be reached: {why}", self.url.origin())))
    }
}

impl Policy {
    /// The addresses of `host` that may be connected to; the first refusal where none may.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
        let found = lookup_host((host, port)).await;
        let found = found.map_err(|e| FetchError::new("unresolved", format!("{host} cannot be resolved: {e}")))?;
        let mut refused = None;
        let mut open = Vec::new();
        for address in found {
            match self.judge(host, address.ip()) {
                Ok(()) => open.push(address),
                Err(why) => refused = refused.or(Some((why, address.ip()))),
            }
        }
        match (refused, open.is_empty()) {
            (Some((why, ip)), true) => {
                Err(FetchError::new(why.code(), format!("{host} is {ip}, which is not connected to ({})", why.code())))
            }
            _ => Ok(open),
        }
    }
}
