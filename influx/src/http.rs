//! The sockets: one connection, kept while it is good, and every request with an end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::answer::{Answer, retry_after};
use crate::config::Target;

/// Longer messages of the server are cut.
const MESSAGE: usize = 1_000;
/// Nothing longer than this is read of an answer to a write.
const LONGEST_ANSWER: usize = 64 << 10;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A client of one server.
pub struct Client {
    target: Target,
    patience: Duration,
    clock: Arc<dyn Clock>,
    open: Option<SendRequest<Full<Bytes>>>,
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

impl Reply {
    /// As the answer to a write.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::Http { status: self.status, retry_after: self.retry_after, message: message(&self.body) }
    }
}

/// A body, and how it is wrapped.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Bytes,
    gzip: bool,
    kind: &'static str,
}

impl Body {
    /// Lines of line protocol. Compressing many takes milliseconds: not for a thread on which others wait.
    #[must_use]
    pub fn lines(lines: &str, gzip: bool) -> Self {
        let kind = "text/plain; charset=utf-8";
        if !gzip {
            return Self { bytes: Bytes::copy_from_slice(lines.as_bytes()), gzip, kind };
        }
        // Names repeat from line to line: the fastest level finds that as well.
        let mut out = GzEncoder::new(Vec::with_capacity(lines.len() / 6 + 64), Compression::fast());
        // Into memory, which does not fail.
        let _ = out.write_all(lines.as_bytes());
        Self { bytes: out.finish().unwrap_or_default().into(), gzip, kind }
    }

    pub(crate) fn json(text: String) -> Self {
        Self { bytes: text.into(), gzip: false, kind: "application/json" }
    }

    fn none() -> Self {
        Self { bytes: Bytes::new(), gzip: false, kind: "" }
    }

    /// How many bytes are sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Client {
    /// Connects when something is asked. A request that takes longer than `patience` has failed.
    #[must_use]
    pub fn new(target: Target, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { target, patience, clock, open: None }
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Writes lines.
    pub async fn write(&mut self, body: Body) -> Answer {
        let path = format!("/api/v2/write?{}&bucket={}&precision=ns", self.org(), escape(&self.target.bucket));
        match self.ask(Method::POST, &path, body, LONGEST_ANSWER).await {
            Ok(reply) => reply.answer(),
            Err(why) => Answer::Failed(why),
        }
    }

    /// GET of a path below the server's own.
    pub async fn get(&mut self, path: &str) -> Result<Reply, String> {
        self.ask(Method::GET, path, Body::none(), LONGEST_ANSWER).await
    }

    /// Asks with Flux; the answer is annotated CSV of at most `longest` bytes.
    pub async fn query(&mut self, flux: &str, longest: usize) -> Result<Reply, String> {
        let dialect = serde_json::json!({
            "header": true, "annotations": ["datatype", "group", "default"], "delimiter": ","
        });
        let body = serde_json::json!({ "query": flux, "type": "flux", "dialect": dialect });
        self.ask(Method::POST, &format!("/api/v2/query?{}", self.org()), Body::json(body.to_string()), longest).await
    }

    /// `org=…`, for a query.
    #[must_use]
    pub fn org(&self) -> String {
        format!("org={}", escape(&self.target.org))
    }

    /// One request and its whole answer. What was sent on a connection that had been open for a while, and was closed by
    /// the server meanwhile, is sent once more: nothing that is asked here does harm when it is done twice.
    async fn ask(&mut self, method: Method, path: &str, body: Body, longest: usize) -> Result<Reply, String> {
        let patience = self.patience;
        let asked = async {
            let reused = self.open.is_some();
            match self.once(&method, path, &body, longest).await {
                Err(_) if reused => self.once(&method, path, &body, longest).await,
                done => done,
            }
        };
        let done = timeout(patience, asked).await;
        let late = || format!("{} did not answer within {} s", self.target.url(), patience.as_secs_f64());
        let done = done.unwrap_or_else(|_| Err(late()));
        if done.is_err() {
            self.open = None;
        }
        done
    }

    async fn once(&mut self, method: &Method, path: &str, body: &Body, longest: usize) -> Result<Reply, String> {
        let lost = |e: &dyn std::fmt::Display| format!("the connection broke: {e}");
        let mut sender = match self.open.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.map_err(|e| lost(&e))?;
        let reply = sender.send_request(self.request(method, path, body)?).await.map_err(|e| lost(&e))?;
        let retry = reply.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
        let now = self.clock.now().nanos() / 1_000_000_000;
        let retry_after = retry.and_then(|v| retry_after(v, now));
        let status = reply.status().as_u16();
        let body = Limited::new(reply.into_body(), longest).collect().await.map_err(|e| lost(&e))?.to_bytes();
        self.open = Some(sender);
        Ok(Reply { status, retry_after, body })
    }

    fn request(&self, method: &Method, path: &str, body: &Body) -> Result<Request<Full<Bytes>>, String> {
        let mut token = HeaderValue::try_from(format!("Token {}", self.target.token))
            .map_err(|_| "the token holds characters that no token has".to_owned())?;
        token.set_sensitive(true);
        let mut r = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.target.path))
            .header(HOST, self.target.authority())
            .header(AUTHORIZATION, token)
            .header(USER_AGENT, "danxia")
            .header(ACCEPT, "*/*");
        if !body.is_empty() {
            r = r.header(CONTENT_TYPE, body.kind);
        }
        if body.gzip {
            r = r.header(CONTENT_ENCODING, "gzip");
        }
        r.body(Full::new(body.bytes.clone())).map_err(|e| format!("the request cannot be made: {e}"))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let t = &self.target;
        let said = |e: &dyn std::fmt::Display| format!("{} cannot be reached: {e}", t.url());
        let socket = TcpStream::connect((&*t.host, t.port)).await.map_err(|e| said(&e))?;
        socket.set_nodelay(true).map_err(|e| said(&e))?;
        let stream: Box<dyn Stream> = match &t.tls {
            None => Box::new(socket),
            Some(tls) => {
                let name = ServerName::try_from(t.host.clone()).map_err(|e| said(&e))?;
                Box::new(tls.connect(name, socket).await.map_err(|e| said(&e))?)
            }
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| said(&e))?;
        // Ends when the sender is dropped, or with an error that the sender tells of.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What the server says: the message of InfluxDB's JSON, or else the text.
pub(crate) fn message(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let found = json.as_ref().and_then(|j| j.get("message").or_else(|| j.get("error"))?.as_str());
    let text = found.map_or_else(|| String::from_utf8_lossy(body).trim().to_owned(), str::to_owned);
    match text.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_message_is_found() {
        let json = br#"{"code":"unauthorized","message":"unauthorized access"}"#;
        assert_eq!(message(json), "unauthorized access");
        assert_eq!(message(b"404 page not found\n"), "404 page not found");
        assert_eq!(message(&[b'x'; 5_000]).chars().count(), MESSAGE + 1);
    }
}
