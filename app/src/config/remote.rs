//! `[remote.NAME]`: sessions at somebody else's broker; `[publish]`: what is said of the plant on MQTT.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::Protocol;
use broker::remote::{ConnectorError, Options, Subscription, connector_from_files};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The system's list of authorities on Debian and its kin.
pub const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Computed values, as they are committed.
    pub indicators: bool,
    /// Steps of alarms, and the alarms that stand.
    pub alarms: bool,
}

/// A session at another broker.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where, as whom, for what.
    pub options: Options,
    /// What is published there.
    pub publish: Publish,
}

/// As it is written. Each key has a default but `url`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    #[serde(default = "five")]
    protocol: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password_env: String,
    #[serde(default)]
    password_file: PathBuf,
    #[serde(default)]
    ca: PathBuf,
    #[serde(default)]
    certificate: PathBuf,
    #[serde(default)]
    key: PathBuf,
    #[serde(default = "everything")]
    filters: Vec<String>,
    #[serde(default = "one")]
    qos: u8,
    #[serde(default)]
    share: String,
    #[serde(default = "day")]
    session_expiry_s: u32,
    #[serde(default = "minute")]
    keep_alive_s: u16,
    #[serde(default = "four_mib")]
    max_packet: usize,
    #[serde(default = "in_flight")]
    in_flight_messages: usize,
    #[serde(default = "sixteen_mib")]
    in_flight_bytes: usize,
    #[serde(default = "ten_thousand")]
    outbox_messages: usize,
    #[serde(default = "sixteen_mib")]
    outbox_bytes: usize,
    #[serde(default)]
    publish_indicators: bool,
    #[serde(default)]
    publish_alarms: bool,
}

fn five() -> String {
    "5".into()
}
fn everything() -> Vec<String> {
    vec!["danxia/v1/#".into(), "spBv1.0/#".into()]
}
const fn one() -> u8 {
    1
}
const fn day() -> u32 {
    24 * 3600
}
const fn minute() -> u16 {
    60
}
const fn four_mib() -> usize {
    4 << 20
}
const fn in_flight() -> usize {
    16_384
}
const fn sixteen_mib() -> usize {
    16 << 20
}
const fn ten_thousand() -> usize {
    10_000
}

/// Checks `[remote.NAME]`.
pub(super) fn check(name: &str, raw: Raw) -> Result<Remote, ConfigError> {
    let wrong = |key: &str, found: String, expected: &str| ConfigError::Named {
        key: format!("remote.{name}.{key}"),
        found,
        expected: expected.into(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let key = "remote".to_owned();
        let expected = "a name of 1 to 64 ASCII letters, digits, '-' and '_', as in [remote.plant]".into();
        return Err(ConfigError::Named { key, found: name.to_owned(), expected });
    }
    let (tls, host, port) = url(&raw.url)
        .ok_or_else(|| wrong("url", raw.url.clone(), "expected mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS"))?;
    let client_id = if raw.client_id.is_empty() { format!("danxia-{name}") } else { raw.client_id.clone() };
    let mut options = Options::new(name, &host, port, &client_id);
    options.protocol = match &*raw.protocol {
        "5" => Protocol::V5,
        "3.1.1" => Protocol::V311,
        _ => return Err(wrong("protocol", raw.protocol, "expected \"5\" or \"3.1.1\"")),
    };
    options.login = login(&raw).map_err(|(key, found, expected)| wrong(key, found, &expected))?;
    options.tls = if tls {
        let ca = if raw.ca.as_os_str().is_empty() { Path::new(SYSTEM_CA) } else { &raw.ca };
        let own = match (raw.certificate.as_os_str().is_empty(), raw.key.as_os_str().is_empty()) {
            (true, true) => None,
            (false, false) => Some((&*raw.certificate, &*raw.key)),
            (true, false) => {
                return Err(wrong("certificate", String::new(), "key is set, so this must name a PEM file"));
            }
            (false, true) => {
                return Err(wrong("key", String::new(), "certificate is set, so this must name a PEM file"));
            }
        };
        let connector = connector_from_files(ca, own).map_err(|e| {
            let (key, file) = match &e {
                ConnectorError::Own { certificate, .. } => ("certificate", &**certificate),
                _ => ("ca", ca),
            };
            wrong(key, file.display().to_string(), &e.to_string())
        });
        Some(connector?)
    } else if [&raw.ca, &raw.certificate, &raw.key].iter().any(|p| !p.as_os_str().is_empty()) {
        return Err(wrong("url", raw.url, "ca, certificate or key is set, so this must begin with mqtts://"));
    } else {
        None
    };
    options.subscriptions = raw.filters.into_iter().map(|filter| Subscription { filter, qos: raw.qos }).collect();
    options.share = (!raw.share.is_empty()).then_some(raw.share);
    options.session_expiry = Duration::from_secs(raw.session_expiry_s.into());
    options.keep_alive = Duration::from_secs(raw.keep_alive_s.into());
    options.max_packet = raw.max_packet;
    options.in_flight_messages = raw.in_flight_messages;
    options.in_flight_bytes = raw.in_flight_bytes;
    options.outbox_messages = raw.outbox_messages;
    options.outbox_bytes = raw.outbox_bytes;
    options.validate().map_err(|e| wrong(e.setting, e.found, &format!("expected {}", e.expected)))?;
    Ok(Remote { options, publish: Publish { indicators: raw.publish_indicators, alarms: raw.publish_alarms } })
}

/// Whether TLS, the host and the port. A host without a scheme is taken as plain MQTT.
fn url(text: &str) -> Option<(bool, String, u16)> {
    let (tls, rest) = match text.split_once("://") {
        Some(("mqtt" | "tcp", rest)) => (false, rest),
        Some(("mqtts" | "ssl", rest)) => (true, rest),
        Some(_) => return None,
        None => (false, text),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let default = if tls { 8883 } else { 1883 };
    let (host, port) = match rest.strip_prefix('[') {
        // An IPv6 address stands in brackets.
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').map_or(Some(default), |p| p.parse().ok())?)
        }
        None => match rest.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (rest, default),
        },
    };
    let fits = !host.is_empty() && port != 0 && !host.contains(['/', '@', ' ']);
    fits.then(|| (tls, host.to_owned(), port))
}

type Wrong = (&'static str, String, String);

/// User and password. The password never stands in the configuration itself.
fn login(raw: &Raw) -> Result<Option<(String, String)>, Wrong> {
    let (by_env, by_file) = (!raw.password_env.is_empty(), !raw.password_file.as_os_str().is_empty());
    if raw.user.is_empty() {
        if by_env || by_file {
            return Err(("user", String::new(), "a password is given, so this must name the user".into()));
        }
        return Ok(None);
    }
    if by_env && by_file {
        let expected = "give the password by password_env or by password_file, not by both".into();
        return Err(("password_file", raw.password_file.display().to_string(), expected));
    }
    let password = if by_env {
        std::env::var(&raw.password_env).map_err(|_| {
            ("password_env", raw.password_env.clone(), "there is no such variable in the environment: set it".into())
        })?
    } else if by_file {
        secret(&raw.password_file)
            .map_err(|expected| ("password_file", raw.password_file.display().to_string(), expected))?
    } else {
        String::new()
    };
    Ok(Some((raw.user.clone(), password)))
}

/// The first line of a file that nobody else may read.
pub(super) fn secret(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt;
    let meta = std::fs::metadata(path).map_err(|e| format!("it cannot be read: {e}"))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(format!("others may read it; run chmod 600 {}", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("it cannot be read: {e}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, Settings, Sources};
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let check = |text: &str, expect: Option<(bool, &str, u16)>| {
            assert_eq!(url(text), expect.map(|(tls, host, port)| (tls, host.to_owned(), port)), "{text}");
        };
        check("mqtt://broker.plant:1884", Some((false, "broker.plant", 1884)));
        check("mqtts://broker.plant", Some((true, "broker.plant", 8883)));
        check("10.1.2.3", Some((false, "10.1.2.3", 1883)));
        check("ssl://[fd00::1]:8884/", Some((true, "fd00::1", 8884)));
        check("mqtt://[fd00::1]", Some((false, "fd00::1", 1883)));
        for bad in ["", "mqtt://", "http://a:1", "a:0", "a:70000", "a:b", "mqtt://user@a:1", "[fd00::1:5", "a/b"] {
            check(bad, None);
        }
    }

    fn read(toml: &str) -> Result<Settings, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("danxia.toml");
        std::fs::write(&path, toml).unwrap();
        Sources::new(Some(&path), Flags::default())?.settings()
    }

    fn error(toml: &str) -> String {
        read(toml).expect_err(toml).to_string()
    }

    #[test]
    fn every_mistake_is_answered_with_what_to_do() {
        for (toml, wanted) in [
            ("[publish]\nalarm = true\n", "did you mean \"publish.alarms\"?"),
            ("[remote.plant]\n", "url"),
            ("[remote.plant]\nurl = \"http://a\"\n", "remote.plant.url is \"http://a\": expected mqtt://HOST:PORT"),
            ("[remote.plant]\nurl = \"a\"\nfilter = []\n", "did you mean \"remote.plant.filters\"?"),
            ("[remote.plant]\nurl = \"a\"\nprotocol = \"4\"\n", "expected \"5\" or \"3.1.1\""),
            (
                "[remote.plant]\nurl = \"a\"\nfilters = [\"a#\"]\n",
                "remote.plant.filters is \"a#\": expected an MQTT filter",
            ),
            ("[remote.plant]\nurl = \"a\"\nkeep_alive_s = 1\n", "remote.plant.keep_alive_s is \"1\": expected 5 to"),
            ("[remote.plant]\nurl = \"a\"\npassword_env = \"X\"\n", "this must name the user"),
            ("[remote.plant]\nurl = \"a\"\nuser = \"u\"\npassword_env = \"DANXIA_NO_SUCH\"\n", "set it"),
            ("[remote.plant]\nurl = \"a\"\nuser = \"u\"\npassword_file = \"/nowhere\"\n", "cannot be read"),
            ("[remote.plant]\nurl = \"a\"\nca = \"x\"\n", "must begin with mqtts://"),
            ("[remote.plant]\nurl = \"mqtts://a\"\nca = \"/nowhere\"\n", "/nowhere cannot be read"),
            ("[remote.plant]\nurl = \"mqtts://a\"\nkey = \"x\"\n", "key is set"),
            ("[remote.\"a b\"]\nurl = \"a\"\n", "as in [remote.plant]"),
        ] {
            let said = error(toml);
            assert!(said.contains(wanted), "{toml:?} was answered with {said:?}");
        }
    }

    #[test]
    fn a_remote_is_read_with_its_defaults_and_its_password_only_from_a_file_of_ones_own() {
        let s = read("[remote.plant]\nurl = \"mqtt://broker:1884\"\nshare = \"collectors\"\n").unwrap();
        let [Remote { options: o, publish }] = &s.remotes[..] else { panic!("{:?}", s.remotes) };
        assert_eq!((&*o.host, o.port, &*o.client_id), ("broker", 1884, "danxia-plant"));
        let filters: Vec<_> = o.subscriptions.iter().map(|s| (&*s.filter, s.qos)).collect();
        assert_eq!(filters, [("danxia/v1/#", 1), ("spBv1.0/#", 1)]);
        assert_eq!((o.share.as_deref(), o.login.clone()), (Some("collectors"), None));
        assert_eq!(*publish, Publish { indicators: false, alarms: false });

        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "correct horse\n").unwrap();
        let toml = format!("[remote.plant]\nurl = \"b\"\nuser = \"u\"\npassword_file = {path:?}\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(error(&toml).contains("chmod 600"), "{}", error(&toml));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let s = read(&toml).unwrap();
        assert_eq!(s.remotes[0].options.login, Some(("u".into(), "correct horse".into())));
    }
}
