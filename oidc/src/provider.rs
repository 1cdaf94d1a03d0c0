//! The provider: what it publishes about itself, where it sends people, and what it says of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fetch::{Body, Client, FetchError, Policy, Reply, Request, Url};
use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use plant::{Clock, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::keys::Keys;
use crate::secret::Secret;
use crate::token::{Claims, Expected, TokenError, said, verify};

/// What the provider publishes is read again after this.
const FRESH: Duration = Duration::from_secs(3_600);
/// Who asks a provider that has just not answered is told so at once for this long.
const AWAY: Duration = Duration::from_secs(5);
/// The longest answer, bytes.
const LONGEST: usize = 512 << 10;
/// RFC 3986, "unreserved".
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is to be known of the provider beforehand.
#[derive(Clone)]
pub struct Config {
    /// Its issuer, to the letter; what it publishes about itself lies below.
    pub issuer: String,
    /// As whom it knows us.
    pub client_id: String,
    /// What proves it; `None`: we are a public client, and PKCE alone binds code and log-in.
    pub secret: Option<Secret>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where it sends people back to, as it is registered there.
    pub redirect: String,
    /// Claims that are needed: where the ID token has none of them, the provider is asked (`userinfo`).
    pub needed: Vec<String>,
    /// How its certificates are judged.
    pub tls: TlsConnector,
    /// How long one request may take.
    pub patience: Duration,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why nobody was signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The provider does not answer.
    #[error("the provider does not answer: {0}")]
    Away(String),
    /// It answers what makes no sense here.
    #[error("the provider does not fit: {0}")]
    Wrong(String),
    /// It does not take the code, or does not know us.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// What it says is not believed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// A log-in that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Where the browser is sent.
    pub url: String,
    /// What it has to come back with.
    pub state: Secret,
    /// What the ID token has to answer.
    pub nonce: Secret,
    /// What binds the code to this log-in (PKCE).
    pub verifier: Secret,
}

/// Who has logged in at the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// Who says so.
    pub issuer: String,
    /// Whom they mean, the same each time.
    pub subject: String,
    /// What they say of them.
    pub claims: Claims,
}

/// What a provider is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// How many keys it publishes that could be used.
    pub keys: usize,
    /// Whether it says that it knows PKCE with S256.
    pub pkce: bool,
    /// Scopes that are asked for and that it does not list.
    pub unknown_scopes: Vec<String>,
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Clone)]
struct Known {
    metadata: Metadata,
    keys: Keys,
    read: Timestamp,
}

#[derive(Default)]
struct Memory {
    known: Option<Known>,
    failed: Option<(Timestamp, Fault)>,
}

/// A provider of OpenID Connect.
pub struct Provider {
    config: Config,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl From<FetchError> for Fault {
    fn from(e: FetchError) -> Self {
        Self::Away(e.why)
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, PLAIN));
    pairs.iter().map(one).collect::<Vec<_>>().join("&")
}

/// What a stranger says, for a sentence.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

impl Provider {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, memory: Mutex::default() }
    }

    /// Looks at the provider, as somebody who wants to know whether it fits.
    ///
    /// # Errors
    /// Where it does not answer, or does not fit.
    pub async fn look(&self) -> Result<About, Fault> {
        let known = self.read().await?;
        let lists = |list: &Option<Vec<String>>, one: &str| list.as_ref().is_some_and(|l| l.iter().any(|m| m == one));
        let scopes = &known.metadata.scopes_supported;
        let unknown = self.config.scopes.iter().filter(|s| scopes.is_some() && !lists(scopes, s)).cloned();
        Ok(About {
            keys: known.keys.len(),
            pkce: lists(&known.metadata.code_challenge_methods_supported, "S256"),
            unknown_scopes: unknown.collect(),
        })
    }

    /// Begins a log-in.
    ///
    /// # Errors
    /// Where the provider does not answer, or does not fit.
    pub async fn begin(&self) -> Result<Begun, Fault> {
        let known = self.known().await?;
        let drawn = || Secret::draw().ok_or(Fault::NoRandom);
        let (state, nonce, verifier) = (drawn()?, drawn()?, drawn()?);
        let scope =
            ["openid"].into_iter().chain(self.config.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", &self.config.redirect),
            ("scope", &scope),
            ("state", state.expose()),
            ("nonce", nonce.expose()),
            ("code_challenge", &verifier.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        let place = &known.metadata.authorization_endpoint;
        let url = format!("{place}{}{query}", if place.contains('?') { '&' } else { '?' });
        Ok(Begun { url, state, nonce, verifier })
    }

    /// Ends a log-in: exchanges the code that the browser came back with, and believes what the provider says of it, or not.
    /// `issuer`: who sent the browser back, where it says so (RFC 9207). The state has been compared by whoever calls this.
    ///
    /// # Errors
    /// Where the provider does not answer or refuses, and where its token is not believed.
    pub async fn finish(
        &self,
        code: &str,
        issuer: Option<&str>,
        nonce: &Secret,
        verifier: &Secret,
    ) -> Result<Signed, Fault> {
        let known = self.known().await?;
        let expected = known.metadata.authorization_response_iss_parameter_supported.then_some(&*self.config.issuer);
        if issuer.or(expected) != issuer || issuer.is_some_and(|i| i != self.config.issuer) {
            return Err(Fault::Wrong(format!(
                "the answer is of {:?}, and not of the issuer",
                short(issuer.unwrap_or(""))
            )));
        }
        let tokens = self.exchange(&known.metadata, code, verifier).await?;
        let id_token = tokens.id_token.ok_or_else(|| Fault::Wrong("it gives no ID token".into()))?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: nonce.expose(),
            access_token: tokens.access_token.as_deref(),
            now: self.clock.now(),
        };
        let believed = match verify(&id_token, &known.keys, &expected) {
            // Keys are changed now and then, and a new one signs at once.
            Err(TokenError::UnknownKey | TokenError::Signature) => {
                let known = self.read_anew().await?;
                verify(&id_token, &known.keys, &expected)
            }
            said => said,
        };
        let mut claims = believed?;
        let subject = claims.get("sub").and_then(|s| s.as_str()).unwrap_or_default().to_owned();
        self.complete(&known.metadata, &mut claims, tokens.access_token.as_deref()).await?;
        Ok(Signed { issuer: self.config.issuer.clone(), subject, claims })
    }

    async fn exchange(&self, metadata: &Metadata, code: &str, verifier: &Secret) -> Result<Tokens, Fault> {
        let Config { client_id, redirect, secret, .. } = &self.config;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier.expose()),
        ];
        let mut headers = vec![(ACCEPT, HeaderValue::from_static("application/json"))];
        match secret {
            None => pairs.push(("client_id", client_id)),
            Some(secret) => {
                // RFC 8414: where nothing is said it is `client_secret_basic`.
                let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
                let takes = |method: &str| methods.is_some_and(|m| m.iter().any(|m| m == method));
                if methods.is_none() || takes("client_secret_basic") {
                    let [id, secret] = [client_id, secret.expose()].map(|t| utf8_percent_encode(t, PLAIN).to_string());
                    headers.push((AUTHORIZATION, bearing("Basic", &STANDARD.encode(format!("{id}:{secret}")))?));
                } else if takes("client_secret_post") {
                    pairs.extend([("client_id", &**client_id), ("client_secret", secret.expose())]);
                } else {
                    let said = "it takes a client's secret neither by client_secret_basic nor by client_secret_post";
                    return Err(Fault::Wrong(said.into()));
                }
            }
        }
        let body = Body { bytes: form(&pairs).into(), gzip: false, kind: "application/x-www-form-urlencoded" };
        let reply = self.ask(&metadata.token_endpoint, Method::POST, headers, body).await?;
        match reply.status {
            200 => read(&reply, "token_endpoint"),
            400 | 401 => {
                let refusal: Refusal = read(&reply, "token_endpoint")?;
                let more = refusal.error_description.map(|d| format!(" ({})", short(&d))).unwrap_or_default();
                Err(Fault::Refused(format!("{}{more}", short(&refusal.error))))
            }
            status => Err(unexpected("token_endpoint", status)),
        }
    }

    /// Adds claims that the ID token leaves to `userinfo`. What the token says itself stays.
    async fn complete(&self, metadata: &Metadata, claims: &mut Claims, access: Option<&str>) -> Result<(), Fault> {
        let complete = self.config.needed.iter().all(|name| !said(claims, name).is_empty());
        let (Some(place), Some(access)) = (&metadata.userinfo_endpoint, access) else { return Ok(()) };
        if complete {
            return Ok(());
        }
        let headers = vec![(AUTHORIZATION, bearing("Bearer", access)?)];
        let reply = self.ask(place, Method::GET, headers, Body::default()).await?;
        if reply.status != 200 {
            return Err(unexpected("userinfo_endpoint", reply.status));
        }
        let more: Claims = read(&reply, "userinfo_endpoint")?;
        // OpenID Connect Core, section 5.3.2: it could be of somebody else.
        if more.get("sub") != claims.get("sub") {
            return Err(Fault::Wrong("userinfo is about somebody else than the ID token".into()));
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// What it publishes, not older than an hour if it answers.
    async fn known(&self) -> Result<Known, Fault> {
        let mut memory = self.memory.lock().await;
        let now = self.clock.now();
        if let Some(known) = memory.known.as_ref().filter(|k| k.read + FRESH > now) {
            return Ok(known.clone());
        }
        if let Some((_, fault)) = memory.failed.as_ref().filter(|(t, _)| *t + AWAY > now) {
            return memory.known.clone().ok_or_else(|| fault.clone());
        }
        match self.read().await {
            Ok(known) => {
                *memory = Memory { known: Some(known.clone()), failed: None };
                Ok(known)
            }
            Err(fault) => {
                tracing::warn!(issuer = self.config.issuer, "{fault}");
                memory.failed = Some((self.clock.now(), fault.clone()));
                // What it said before holds until it says something else.
                memory.known.clone().ok_or(fault)
            }
        }
    }

    async fn read_anew(&self) -> Result<Known, Fault> {
        let mut memory = self.memory.lock().await;
        let known = self.read().await?;
        *memory = Memory { known: Some(known.clone()), failed: None };
        Ok(known)
    }

    async fn read(&self) -> Result<Known, Fault> {
        let place = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let reply = self.ask(&place, Method::GET, Vec::new(), Body::default()).await?;
        if reply.status != 200 {
            return Err(Fault::Wrong(format!("{place} answers {}; is the issuer right?", reply.status)));
        }
        let metadata: Metadata = read(&reply, &place)?;
        if metadata.issuer != self.config.issuer {
            let found = short(&metadata.issuer);
            return Err(Fault::Wrong(format!("it calls itself {found:?}: set the issuer like that, to the letter")));
        }
        // A browser is sent there: no other scheme, and in the clear only where the issuer is.
        self.place(&metadata.authorization_endpoint)?;
        let reply = self.ask(&metadata.jwks_uri, Method::GET, Vec::new(), Body::default()).await?;
        if reply.status != 200 {
            return Err(unexpected("jwks_uri", reply.status));
        }
        let keys = Keys::parse(&reply.body).map_err(|e| Fault::Wrong(format!("jwks_uri: {e}")))?;
        Ok(Known { metadata, keys, read: self.clock.now() })
    }

    /// An address that the provider names.
    fn place(&self, text: &str) -> Result<Url, Fault> {
        let wrong = |why: &str| Fault::Wrong(format!("it names the address {:?}: {why}", short(text)));
        let url: Url = text.parse().map_err(|e: fetch::UrlError| wrong(&e.to_string()))?;
        match url.tls || self.config.issuer.starts_with("http://") {
            true => Ok(url),
            false => Err(wrong("expected https, as of its issuer")),
        }
    }

    async fn ask(
        &self,
        place: &str,
        method: Method,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Body,
    ) -> Result<Reply, Fault> {
        let url = self.place(place)?;
        let tls = url.tls.then(|| self.config.tls.clone());
        let path = url.path.clone();
        // Whoever owns the computer has named the provider; it may stand in the plant. A code is good once: nothing is sent twice.
        let mut client = Client::new(url, tls, Policy::anywhere(), self.config.patience, self.clock.clone());
        Ok(client.ask(&Request { method, path: &path, headers, body, longest: LONGEST }).await?)
    }
}

fn bearing(scheme: &str, what: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {what}"))
        .map_err(|_| Fault::Wrong("a token or secret cannot be sent".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read<T: DeserializeOwned>(reply: &Reply, place: &str) -> Result<T, Fault> {
    // What came may hold a secret: only where it was not understood is said.
    let said = |e: serde_json::Error| {
        format!("{place} answers what is not understood (line {}, column {})", e.line(), e.column())
    };
    serde_json::from_slice(&reply.body).map_err(|e| Fault::Wrong(said(e)))
}

fn unexpected(place: &str, status: u16) -> Fault {
    let fault = format!("{place} answers {status}");
    if status >= 500 { Fault::Away(fault) } else { Fault::Wrong(fault) }
}

#[cfg(test)]
mod tests;
