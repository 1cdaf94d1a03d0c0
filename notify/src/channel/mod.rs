//! Channels: each gives a message its form, hands it over and reads what is answered.

pub mod dingtalk;
pub mod email;
pub mod feishu;
pub mod sign;
pub mod webhook;
pub mod wecom;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fetch::{Body, Client, FetchError, Policy, Reply, Request, Url};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use plant::Clock;
use serde_json::Value;
use tokio_rustls::TlsConnector;

use crate::letter::Letter;
use crate::outcome::Outcome;

pub use email::Email;

/// The longest answer that is read.
const LONGEST: usize = 64 << 10;

/// What must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// A server that is spoken to over HTTP.
#[derive(Clone)]
pub struct Hook {
    /// Where; its path and query may hold a secret.
    pub url: Url,
    /// For `https`.
    pub tls: Option<TlsConnector>,
    /// What messages are signed with; nothing where they are not.
    pub secret: Option<Secret>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.url)
    }
}

/// A channel as it is set up.
#[derive(Clone, Debug)]
pub enum Setup {
    /// E-mail over SMTP.
    Email(Box<Email>),
    /// A program of the plant's own.
    Webhook(Hook),
    /// A group robot of WeCom (企业微信).
    WeCom(Hook),
    /// A group robot of DingTalk (钉钉).
    DingTalk(Hook),
    /// A group robot of Feishu (飞书).
    Feishu(Hook),
}

impl Setup {
    /// The stable name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
            Self::WeCom(_) => "wecom",
            Self::DingTalk(_) => "dingtalk",
            Self::Feishu(_) => "feishu",
        }
    }
}

/// What every channel needs beside its own settings.
#[derive(Clone)]
pub struct Means {
    /// Which addresses may be connected to.
    pub policy: Policy,
    /// How long a message may take.
    pub patience: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Setup {
    /// Hands a message over, within the means' patience.
    pub async fn send(&self, letter: &Letter, means: &Means) -> Outcome {
        let now = means.clock.now().nanos() / 1_000_000;
        match self {
            Self::Email(email) => email.send(letter, means).await,
            Self::Webhook(hook) => webhook::send(hook, letter, means, now).await,
            Self::WeCom(hook) => wecom::send(hook, letter, means).await,
            Self::DingTalk(hook) => dingtalk::send(hook, letter, means, now).await,
            Self::Feishu(hook) => feishu::send(hook, letter, means, now).await,
        }
    }
}

/// POST of JSON. Each message has a connection of its own: one that broke is not asked twice behind our back.
async fn post(
    hook: &Hook,
    path: &str,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
    means: &Means,
) -> Result<Reply, Outcome> {
    let mut client =
        Client::new(hook.url.clone(), hook.tls.clone(), means.policy.clone(), means.patience, means.clock.clone());
    let request = Request { method: Method::POST, path, headers, body: Body::json(body), longest: LONGEST };
    client.ask(&request).await.map_err(failed)
}

fn failed(e: FetchError) -> Outcome {
    if e.lasting() {
        return Outcome::Barred { code: e.code, why: e.why };
    }
    Outcome::Later { code: e.code, why: e.why, after: None }
}

/// What a status that is no success means: about the message, about us, or about the moment.
fn status(reply: &Reply) -> Outcome {
    let said = String::from_utf8_lossy(&reply.body[..reply.body.len().min(300)]).into_owned();
    let why = format!("HTTP {} {said}", reply.status);
    match reply.status {
        400 | 413 | 422 => Outcome::Refused { code: "refused", why },
        408 | 425 | 429 => Outcome::Later { code: "throttled", why, after: reply.retry_after },
        500.. => Outcome::Later { code: "server_error", why, after: reply.retry_after },
        300..=399 => Outcome::Barred { code: "redirected", why },
        _ => Outcome::Barred { code: "forbidden", why },
    }
}

/// What a robot says: HTTP 200, with a code and a sentence in these fields of its JSON.
fn said(reply: &Reply, code: &[&str], sentence: &[&str]) -> Result<(i64, String), Outcome> {
    if !(200..=299).contains(&reply.status) {
        return Err(status(reply));
    }
    let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = code.iter().find_map(|f| json.get(f)?.as_i64());
    let text = sentence.iter().find_map(|f| json.get(f)?.as_str()).unwrap_or_default().to_owned();
    code.map(|c| (c, text)).ok_or_else(|| Outcome::Later {
        code: "unreadable",
        why: "the answer is not that of a robot: check the address".into(),
        after: None,
    })
}

/// What a robot's code means, where its documentation says.
enum Meaning {
    Taken,
    Throttled(Duration),
    Busy,
    Ours(&'static str),
    Message,
}

fn outcome(meaning: Meaning, number: i64, text: &str) -> Outcome {
    let why = format!("error {number}: {text}");
    match meaning {
        Meaning::Taken => Outcome::Accepted,
        Meaning::Throttled(after) => Outcome::Later { code: "throttled", why, after: Some(after) },
        Meaning::Busy => Outcome::Later { code: "server_error", why, after: None },
        Meaning::Ours(code) => Outcome::Barred { code, why },
        Meaning::Message => Outcome::Refused { code: "refused", why },
    }
}
