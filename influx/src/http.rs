//! Requests to InfluxDB, over the house's HTTP client.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use fetch::{FetchError, Policy, Request, Url};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::Clock;

use crate::answer::Answer;
use crate::config::Target;

pub use fetch::Reply;

/// Longer messages of the server are cut.
const MESSAGE: usize = 1_000;
/// Nothing longer than this is read of an answer to a write.
const LONGEST_ANSWER: usize = 64 << 10;

/// A client of one server.
pub struct Client {
    target: Target,
    http: fetch::Client,
}

/// What was answered, as the answer to a write.
fn answer(reply: &Reply) -> Answer {
    Answer::Http { status: reply.status, retry_after: reply.retry_after, message: message(&reply.body) }
}

/// A body, and how it is wrapped.
#[derive(Clone, Debug)]
pub struct Body(fetch::Body);

impl Body {
    /// Lines of line protocol. Compressing many takes milliseconds: not for a thread on which others wait.
    #[must_use]
    pub fn lines(lines: &str, gzip: bool) -> Self {
        let kind = "text/plain; charset=utf-8";
        if !gzip {
            return Self(fetch::Body { bytes: bytes::Bytes::copy_from_slice(lines.as_bytes()), gzip, kind });
        }
        // Names repeat from line to line: the fastest level finds that as well.
        let mut out = GzEncoder::new(Vec::with_capacity(lines.len() / 6 + 64), Compression::fast());
        // Into memory, which does not fail.
        let _ = out.write_all(lines.as_bytes());
        Self(fetch::Body { bytes: out.finish().unwrap_or_default().into(), gzip, kind })
    }

    /// How many bytes are sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Whether nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }
}

impl Client {
    /// Connects when something is asked. A request that takes longer than `patience` has failed.
    #[must_use]
    pub fn new(target: Target, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        let url = Url { tls: target.tls.is_some(), host: target.host.clone(), port: target.port, path: String::new() };
        // Whoever owns the computer has named the server: it may stand anywhere, and mostly does on this one.
        let http = fetch::Client::new(url, target.tls.clone(), Policy::anywhere(), patience, clock);
        Self { target, http }
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Writes lines.
    pub async fn write(&mut self, body: Body) -> Answer {
        let path = format!("/api/v2/write?{}&bucket={}&precision=ns", self.org(), escape(&self.target.bucket));
        match self.ask(Method::POST, &path, body.0, LONGEST_ANSWER).await {
            Ok(reply) => answer(&reply),
            Err(e) => Answer::Failed(e),
        }
    }

    /// GET of a path below the server's own.
    pub async fn get(&mut self, path: &str) -> Result<Reply, String> {
        self.ask(Method::GET, path, fetch::Body::default(), LONGEST_ANSWER).await
    }

    /// Asks with Flux; the answer is annotated CSV of at most `longest` bytes.
    pub async fn query(&mut self, flux: &str, longest: usize) -> Result<Reply, String> {
        let dialect = serde_json::json!({
            "header": true, "annotations": ["datatype", "group", "default"], "delimiter": ","
        });
        let body = serde_json::json!({ "query": flux, "type": "flux", "dialect": dialect });
        let path = format!("/api/v2/query?{}", self.org());
        self.ask(Method::POST, &path, fetch::Body::json(body.to_string()), longest).await
    }

    /// `org=…`, for a query.
    #[must_use]
    pub fn org(&self) -> String {
        format!("org={}", escape(&self.target.org))
    }

    /// Nothing that is asked here does harm when it is done twice.
    async fn ask(&mut self, method: Method, path: &str, body: fetch::Body, longest: usize) -> Result<Reply, String> {
        let mut token = HeaderValue::try_from(format!("Token {}", self.target.token))
            .map_err(|_| "the token holds characters that no token has".to_owned())?;
        token.set_sensitive(true);
        let path = format!("{}{path}", self.target.path);
        let request = Request { method, path: &path, headers: vec![(AUTHORIZATION, token)], body, longest };
        self.http.ask(&request).await.map_err(|FetchError { why, .. }| why)
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
