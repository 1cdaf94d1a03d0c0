//! E-mail over SMTP (RFC 5321), as text and HTML in one message.
//!
//! The message's key is its `Message-ID`: a message that comes twice bears the same one.

use std::fmt;
use std::net::SocketAddr;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use super::{Means, Secret, failed};
use crate::escape::{html, one_line};
use crate::letter::{Item, Letter};
use crate::outcome::Outcome;
use crate::words::{Word, word};

/// How the connection is kept secret.
#[derive(Clone)]
pub enum Security {
    /// It begins in the clear and changes to TLS before anything is said (RFC 3207); without, nothing is sent.
    StartTls(TlsParameters),
    /// TLS from the beginning (RFC 8314).
    Tls(TlsParameters),
    /// It is not.
    None,
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartTls(_) => "STARTTLS",
            Self::Tls(_) => "TLS",
            Self::None => "in the clear",
        })
    }
}

/// A server that takes e-mail.
#[derive(Clone, Debug)]
pub struct Email {
    /// Its name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS.
    pub security: Security,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// As whom.
    pub from: Mailbox,
}

/// What is wrong with one of the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {found:?}: {expected}")]
pub struct EmailError {
    /// Which.
    pub setting: &'static str,
    /// As given.
    pub found: String,
    /// What it should be.
    pub expected: String,
}

impl Email {
    /// Checks the settings. `tls` holds the authorities to trust, PEM, and whether TLS begins with the connection (as
    /// opposed to STARTTLS); without, nothing is secret.
    pub fn new(
        host: &str,
        port: u16,
        tls: Option<(&[u8], bool)>,
        login: Option<(String, Secret)>,
        from: &str,
    ) -> Result<Self, EmailError> {
        let error = |setting, found: &str, expected: String| EmailError { setting, found: found.to_owned(), expected };
        let from: Mailbox = from.parse().map_err(|e| {
            error("from", from, format!("expected an address, such as Danxia <danxia@plant.example> ({e})"))
        })?;
        let security = match tls {
            None => Security::None,
            Some((pem, whole)) => {
                let parameters = parameters(host, pem).map_err(|why| error("host", host, why))?;
                if whole { Security::Tls(parameters) } else { Security::StartTls(parameters) }
            }
        };
        Ok(Self { host: host.to_owned(), port, security, login, from })
    }

    /// The address of a person, without their name.
    pub fn address(text: &str) -> Result<String, String> {
        let address: lettre::Address = text.parse().map_err(|e| format!("expected an address of e-mail ({e})"))?;
        Ok(address.to_string())
    }

    pub(super) async fn send(&self, letter: &Letter, means: &Means) -> Outcome {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(why) => return Outcome::Refused { code: "unsendable", why },
        };
        let addresses = match means.policy.resolve(&self.host, self.port).await {
            Ok(addresses) => addresses,
            Err(e) => return failed(e),
        };
        let mut last = Outcome::Later { code: "unreachable", why: "it has no address".into(), after: None };
        let all = async {
            for address in addresses {
                last = self.hand_over(address, &message, means).await;
                if !matches!(last, Outcome::Later { code: "unreachable", .. }) {
                    return;
                }
            }
        };
        match timeout(means.patience, all).await {
            Ok(()) => last,
            Err(_) => {
                let seconds = means.patience.as_secs_f64();
                let why = format!("{}:{} did not take it within {seconds} s", self.host, self.port);
                Outcome::Later { code: "late", why, after: None }
            }
        }
    }

    /// To the address that was judged; the name counts for its certificate only.
    async fn hand_over(&self, address: SocketAddr, message: &Message, means: &Means) -> Outcome {
        let tls = match &self.security {
            Security::StartTls(p) => Tls::Required(p.clone()),
            Security::Tls(p) => Tls::Wrapper(p.clone()),
            Security::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(address.port())
            .tls(tls)
            .timeout(Some(means.patience))
            .hello_name(ClientId::Domain(self.from.email.domain().to_owned()));
        if let Some((user, password)) = &self.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.text().to_owned()));
        }
        match builder.build().send(message.clone()).await {
            Ok(_) => Outcome::Accepted,
            Err(e) => said(&e),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let to = letter.to.as_deref().unwrap_or_default();
        let to: Mailbox = to.parse().map_err(|e| format!("{to:?} is no address of e-mail: {e}"))?;
        let domain = self.from.email.domain();
        let urgent = if letter.priority() <= 2 { "1" } else { "3" };
        let known = |name| HeaderName::new_from_ascii_str(name);
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(&format!("[Danxia] {}", letter.title()), 200))
            .message_id(Some(format!("<{}@{domain}>", letter.key)))
            // A machine speaks: no holiday notices in return (RFC 3834).
            .raw_header(HeaderValue::new(known("Auto-Submitted"), "auto-generated".into()))
            .raw_header(HeaderValue::new(known("X-Priority"), urgent.into()))
            .multipart(MultiPart::alternative_plain_html(text(letter), page(letter)))
            .map_err(|e| e.to_string())
    }
}

fn parameters(host: &str, pem: &[u8]) -> Result<TlsParameters, String> {
    let roots = Certificate::from_pem(pem).map_err(|e| format!("the authorities cannot be read: {e}"))?;
    TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(roots)
        .build_rustls()
        .map_err(|e| e.to_string())
}

/// What the server's answer means (RFC 5321, section 4.2.1): 4xx passes, 5xx does not.
fn said(e: &lettre::transport::smtp::Error) -> Outcome {
    let mut why = e.to_string();
    if let Some(cause) = std::error::Error::source(e) {
        let cause = cause.to_string();
        if !why.contains(&cause) {
            why = format!("{why}: {cause}");
        }
    }
    let code = e.status().map(|c| c.to_string());
    match code.as_deref() {
        Some("421" | "450" | "451" | "452") => Outcome::Later { code: "throttled", why, after: None },
        Some("530" | "534" | "535" | "538") => Outcome::Barred { code: "unauthenticated", why },
        _ if e.is_permanent() => Outcome::Refused { code: "refused", why },
        _ if e.is_transient() => Outcome::Later { code: "server_error", why, after: None },
        _ if e.is_tls() => Outcome::Barred { code: "tls", why },
        _ if e.is_response() || e.is_client() => Outcome::Barred { code: "unreadable", why },
        _ => Outcome::Later { code: "unreachable", why, after: None },
    }
}

fn text(letter: &Letter) -> String {
    let l = letter.language;
    let mut out = String::new();
    for item in &letter.items {
        out.push_str(&format!("{}\r\n{}\r\n", letter.headline(item), letter.urgency(item)));
        for (label, value) in letter.rows(item) {
            out.push_str(&format!("{label}: {value}\r\n"));
        }
        let action = letter.action(item);
        if !action.is_empty() {
            out.push_str(&format!("{}: {action}\r\n", word(l, Word::Action)));
        }
        out.push_str(&format!("{}\r\n\r\n", item.link));
    }
    if letter.items.is_empty() {
        out.push_str(&format!("{}\r\n\r\n", word(l, Word::TestMeans)));
    }
    if letter.more > 0 {
        out.push_str(&format!("{}\r\n", letter.rest()));
    }
    out.push_str(&format!("{}: {}\r\n\r\n{}\r\n", word(l, Word::OpenAll), letter.overview, word(l, Word::Why)));
    out
}

fn page(letter: &Letter) -> String {
    let l = letter.language;
    let mut out = format!("<!doctype html><html lang=\"{}\"><body style=\"font-family:sans-serif\">", l.as_str());
    letter.items.iter().for_each(|item| out.push_str(&section(letter, item)));
    if letter.items.is_empty() {
        out.push_str(&format!("<p>{}</p>", html(word(l, Word::TestMeans))));
    }
    if letter.more > 0 {
        out.push_str(&format!("<p>{}</p>", html(&letter.rest())));
    }
    let all = html(&letter.overview);
    out.push_str(&format!("<p><a href=\"{all}\">{}</a></p>", html(word(l, Word::OpenAll))));
    out.push_str(&format!("<p><small>{}</small></p></body></html>", html(word(l, Word::Why))));
    out
}

fn section(letter: &Letter, item: &Item) -> String {
    let mut out = format!("<h3>{}</h3><p><b>{}</b></p>", html(&letter.headline(item)), html(&letter.urgency(item)));
    out.push_str("<table cellpadding=\"4\">");
    for (label, value) in letter.rows(item) {
        out.push_str(&format!("<tr><th align=\"left\">{}</th><td>{}</td></tr>", html(label), html(&value)));
    }
    out.push_str("</table>");
    let action = letter.action(item);
    if !action.is_empty() {
        out.push_str(&format!("<p>{}</p>", html(&action)));
    }
    let button = html(word(letter.language, Word::Open));
    out.push_str(&format!("<p><a href=\"{}\">{button}</a></p>", html(&item.link)));
    out
}
