//! `[notify.channel.NAME]`: a way to reach people, with its secrets in files of their own.

use std::path::{Path, PathBuf};

use broker::remote::connector_from_files;
use fetch::Url;
use notify::channel::{Email, Hook, Secret, Setup};
use notify::settings::Way;
use serde::{Deserialize, Serialize};

use super::super::ConfigError;
use super::super::remote::secret;
use super::{language, wrong};

/// What the robots of DingTalk and WeCom take in a minute; more than that is too much for people, too.
const PER_MINUTE: u32 = 20;

/// As it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannel {
    kind: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    url_file: PathBuf,
    #[serde(default)]
    secret_file: PathBuf,
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: u16,
    #[serde(default = "starttls")]
    security: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password_file: PathBuf,
    #[serde(default)]
    from: String,
    #[serde(default = "super::chinese")]
    language: String,
    #[serde(default = "per_minute")]
    per_minute: u32,
}

fn starttls() -> String {
    "starttls".into()
}
const fn per_minute() -> u32 {
    PER_MINUTE
}

/// Checks `[notify.channel.NAME]`.
pub(super) fn check(name: &str, raw: &RawChannel, ca: &Path) -> Result<(Way, Setup), ConfigError> {
    let key = |field: &str| format!("channel.{name}.{field}");
    if !(1..=100).contains(&raw.per_minute) {
        return Err(wrong(&key("per_minute"), raw.per_minute.to_string(), "expected 1 to 100"));
    }
    let personal = raw.kind == "email";
    let way = Way { personal, per_minute: raw.per_minute, language: language(&key("language"), &raw.language)? };
    let setup = match &*raw.kind {
        "email" => Setup::Email(Box::new(email(name, raw, ca)?)),
        "webhook" => Setup::Webhook(hook(name, raw, ca)?),
        "wecom" => Setup::WeCom(hook(name, raw, ca)?),
        "dingtalk" => Setup::DingTalk(hook(name, raw, ca)?),
        "feishu" => Setup::Feishu(hook(name, raw, ca)?),
        other => {
            let kinds = "expected \"email\", \"webhook\", \"wecom\", \"dingtalk\" or \"feishu\"";
            return Err(wrong(&key("kind"), other, kinds));
        }
    };
    Ok((way, setup))
}

/// The first line of a file that nobody else may read.
fn from_file(key: &str, path: &Path) -> Result<String, ConfigError> {
    let shown = path.display().to_string();
    let text = secret(path).map_err(|expected| wrong(key, shown.clone(), expected))?;
    let text = text.trim().to_owned();
    if text.is_empty() { Err(wrong(key, shown, "its first line is empty")) } else { Ok(text) }
}

fn hook(name: &str, raw: &RawChannel, ca: &Path) -> Result<Hook, ConfigError> {
    let key = |field: &str| format!("channel.{name}.{field}");
    for (field, set) in [
        ("host", !raw.host.is_empty()),
        ("user", !raw.user.is_empty()),
        ("from", !raw.from.is_empty()),
        ("password_file", !raw.password_file.as_os_str().is_empty()),
    ] {
        if set {
            return Err(wrong(&key(field), "", "this is for channels of the kind \"email\": leave it out"));
        }
    }
    let by_file = !raw.url_file.as_os_str().is_empty();
    let (field, text) = match (raw.url.is_empty(), by_file) {
        (true, true) => ("url_file", from_file(&key("url_file"), &raw.url_file)?),
        (false, false) if raw.kind == "webhook" => ("url", raw.url.clone()),
        (false, false) => {
            // It is not shown, because it is one.
            let expected =
                "the address of a robot is its key: put it into a file for its owner only, and name that by url_file";
            return Err(wrong(&key("url"), "…", expected));
        }
        (false, true) => return Err(wrong(&key("url"), "…", "give the address by url or by url_file, not by both")),
        (true, false) => {
            let expected = "expected a file that holds the address, for its owner only";
            return Err(wrong(&key("url_file"), "", expected));
        }
    };
    let url: Url = text.parse().map_err(|e: fetch::UrlError| wrong(&key(field), "…", e.to_string()))?;
    let tls = if url.tls {
        let connector = connector_from_files(ca, None);
        Some(connector.map_err(|e| wrong("ca", ca.display().to_string(), e.to_string()))?)
    } else {
        None
    };
    let by_secret = !raw.secret_file.as_os_str().is_empty();
    let secret = if by_secret { Some(Secret::new(&from_file(&key("secret_file"), &raw.secret_file)?)) } else { None };
    if secret.is_none() && raw.kind == "webhook" {
        let expected = "expected a file that holds the secret that messages are signed with, for its owner only";
        return Err(wrong(&key("secret_file"), "", expected));
    }
    Ok(Hook { url, tls, secret })
}

fn email(name: &str, raw: &RawChannel, ca: &Path) -> Result<Email, ConfigError> {
    let key = |field: &str| format!("channel.{name}.{field}");
    if raw.host.is_empty() || raw.host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        return Err(wrong(&key("host"), &raw.host, "expected the name of a server that takes e-mail"));
    }
    let by_password = !raw.password_file.as_os_str().is_empty();
    let login = match (raw.user.is_empty(), by_password) {
        (true, false) => None,
        (false, true) => Some((raw.user.clone(), Secret::new(&from_file(&key("password_file"), &raw.password_file)?))),
        (true, true) => return Err(wrong(&key("user"), "", "a password is given, so this must name the user")),
        (false, false) => {
            let expected = "a user is given: name a file that holds the password, for its owner only";
            return Err(wrong(&key("password_file"), "", expected));
        }
    };
    let tls = match &*raw.security {
        "starttls" | "tls" => Some(
            std::fs::read(ca).map_err(|e| wrong("ca", ca.display().to_string(), format!("it cannot be read: {e}")))?,
        ),
        "none" if login.is_some() => {
            return Err(wrong(
                &key("security"),
                "none",
                "a password is not sent without TLS: use \"starttls\" or \"tls\"",
            ));
        }
        "none" => None,
        other => return Err(wrong(&key("security"), other, "expected \"starttls\", \"tls\" or \"none\"")),
    };
    let whole = raw.security == "tls";
    let port = match (raw.port, tls.is_some(), whole) {
        (0, true, true) => 465,
        (0, true, false) => 587,
        (0, false, _) => 25,
        (port, ..) => port,
    };
    Email::new(&raw.host, port, tls.as_deref().map(|pem| (pem, whole)), login, &raw.from)
        .map_err(|e| wrong(&key(e.setting), e.found, e.expected))
}
