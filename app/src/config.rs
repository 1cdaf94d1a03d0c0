//! Settings: read from flag, environment, file and default (in this order of precedence), checked once.
//!
//! [`Settings`] is what the rest of the program sees; the raw form that the sources are merged into stays in here.

mod hj212;
mod http;
mod influx;
mod limits;
mod mqtt;
mod notify;
mod oidc;
mod remote;
mod store;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use plant::Name;
use serde::{Deserialize, Serialize};

pub use hj212::Hj212;
pub use http::Http;
pub use influx::Influx;
pub use mqtt::Mqtt;
pub use notify::Notify;
pub use oidc::Oidc;
pub use remote::{Publish, Remote, SYSTEM_CA};
pub use store::Store;
#[cfg(test)]
pub use tls::Clients;
pub use tls::Tls;

/// Prefix of the environment's variables: `DANXIA__MQTT__LISTEN` is `mqtt.listen`.
const ENV: &str = "DANXIA__";

/// Settings that are complete and make sense.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store's directory.
    pub data: PathBuf,
    /// How the store is kept.
    pub store: Store,
    /// The MQTT door.
    pub mqtt: Mqtt,
    /// Sessions at other brokers.
    pub remotes: Vec<Remote>,
    /// What is published at our own broker.
    pub publish: Publish,
    /// InfluxDB, where what is committed is shipped to.
    pub influx: Option<Influx>,
    /// Who is told of alarms; `None`: nobody.
    pub notify: Option<Notify>,
    /// What it is to Sparkplug edge nodes.
    pub sparkplug: Sparkplug,
    /// Where the page and the API listen.
    pub http: Http,
    /// The door for monitors that speak HJ 212 over TCP, where it is open.
    pub hj212: Option<Hj212>,
    /// IANA name of the plant's time zone.
    pub time_zone: String,
    /// Whether unknown machines and points are taken on at once; otherwise what they say waits in quarantine.
    pub adopt: bool,
    /// `tracing` filter, `info` or `broker=debug,info`.
    pub log: String,
}

/// The Sparkplug host application's settings.
#[derive(Clone, Debug)]
pub struct Sparkplug {
    /// As whom it announces itself in STATE; `None`: not at all.
    pub host_id: Option<Name>,
    /// How long an overtaken message may take before it counts as lost.
    pub reorder: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    data: PathBuf,
    time_zone: String,
    adopt: bool,
    log: String,
    store: store::Raw,
    mqtt: mqtt::Raw,
    sparkplug: RawSparkplug,
    http: http::Raw,
    publish: Publish,
    remote: BTreeMap<String, remote::Raw>,
    hj212: hj212::Raw,
    influx: influx::Raw,
    notify: notify::Raw,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSparkplug {
    host_id: String,
    reorder_ms: u64,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            data: "danxia-data".into(),
            time_zone: "Asia/Shanghai".into(),
            adopt: false,
            log: "info".into(),
            store: store::Raw::default(),
            mqtt: mqtt::Raw::default(),
            sparkplug: RawSparkplug { host_id: "danxia".into(), reorder_ms: 3000 },
            http: http::Raw::default(),
            hj212: hj212::Raw::default(),
            publish: Publish { indicators: true, alarms: true },
            remote: BTreeMap::new(),
            influx: influx::Raw::default(),
            notify: notify::Raw::default(),
        }
    }
}

/// What is wrong with the settings. Each message names the key, what was found and what is expected.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named on the command line is not there.
    #[error("there is no configuration file {}: check --config", .0.display())]
    Missing(PathBuf),
    /// A key that does not exist.
    #[error("{origin} sets {key:?}, which is no setting{nearest}; `danxia config show` lists them all")]
    Unknown {
        /// The key as written.
        key: String,
        /// Who sets it.
        origin: String,
        /// `: did you mean …?`, or nothing.
        nearest: String,
    },
    /// A value of the wrong type, or a file that is not TOML.
    #[error("{0}")]
    Source(String),
    /// A value that parses but makes no sense.
    #[error("{key} is {found:?}: {expected}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// As given.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The same in a table that has a name.
    #[error("{key} is {found:?}: {expected}")]
    Named {
        /// Which setting.
        key: String,
        /// As given.
        found: String,
        /// What it should be.
        expected: String,
    },
}

/// The flags that set settings, by key; given to [`Sources::new`] by the command line.
#[derive(Debug, Default)]
pub struct Flags(Vec<(&'static str, Value)>);

impl Flags {
    /// Notes that the command line sets `key`.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push((key, value.into()));
    }
}

impl Provider for Flags {
    fn metadata(&self) -> Metadata {
        Metadata::named("flag")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut dict = Dict::new();
        for (key, value) in &self.0 {
            match key.split_once('.') {
                None => {
                    dict.insert((*key).into(), value.clone());
                }
                Some((section, key)) => {
                    let entry = dict.entry(section.into()).or_insert_with(|| Value::from(Dict::new()));
                    if let Value::Dict(_, inner) = entry {
                        inner.insert(key.into(), value.clone());
                    }
                }
            }
        }
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// The merged sources, before they are checked.
pub struct Sources {
    figment: Figment,
}

impl Sources {
    /// Merges default, file, environment and flags; later ones win.
    pub fn new(file: Option<&Path>, flags: Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Raw::default()));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::Missing(path.into()));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        Ok(Self { figment: figment.merge(Env::prefixed(ENV).split("__")).merge(flags) })
    }

    /// The settings, checked.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let raw: Raw = self.figment.extract().map_err(|e| explain(&e))?;
        check(raw)
    }

    /// Every setting as `(key, value, origin)`; a secret is not shown.
    pub fn list(&self) -> Result<Vec<(String, String, String)>, ConfigError> {
        self.settings()?;
        let all: Value = self.figment.extract().map_err(|e| explain(&e))?;
        let mut rows = Vec::new();
        self.walk("", &all, &mut rows);
        Ok(rows)
    }

    fn walk(&self, path: &str, value: &Value, rows: &mut Vec<(String, String, String)>) {
        if let Value::Dict(_, dict) = value {
            for (k, v) in dict {
                let key = if path.is_empty() { k.clone() } else { format!("{path}.{k}") };
                self.walk(&key, v, rows);
            }
            return;
        }
        let secret = path == influx::SECRET && value.as_str().is_some_and(|s| !s.is_empty());
        let shown = if secret { "(set, not shown)".into() } else { shown(value) };
        let origin = self.figment.find_metadata(path).map_or_else(|| "default".into(), |m| origin(m, path));
        rows.push((path.to_owned(), shown, origin));
    }
}

fn shown(v: &Value) -> String {
    if let Some(list) = v.as_array() {
        return format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "));
    }
    if let Some(dict) = v.as_dict() {
        return format!(
            "{{{}}}",
            dict.iter().map(|(k, v)| format!("{k} = {}", shown(v))).collect::<Vec<_>>().join(", ")
        );
    }
    match (v.as_str(), v.to_bool(), v.to_i128()) {
        (Some(s), ..) => format!("{s:?}"),
        (_, Some(b), _) => b.to_string(),
        (.., Some(n)) => n.to_string(),
        _ => v.to_u128().map_or_else(|| format!("{v:?}"), |n| n.to_string()),
    }
}

fn origin(m: &Metadata, path: &str) -> String {
    if m.name.contains("environment") {
        return format!("environment {ENV}{}", path.to_uppercase().replace('.', "__"));
    }
    match (&m.source, &*m.name) {
        (_, "flag") => "flag".into(),
        (Some(figment::Source::File(p)), _) => format!("file {}", p.display()),
        _ => "default".into(),
    }
}

fn explain(e: &figment::Error) -> ConfigError {
    let who = e.metadata.as_ref().map_or_else(|| "a source".into(), |m| origin(m, &e.path.join(".")));
    match &e.kind {
        figment::error::Kind::UnknownField(key, expected) => {
            let near = expected
                .iter()
                .map(|x| (strsim::jaro_winkler(key, x), x))
                .filter(|(score, _)| *score > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let mut path = e.path.clone();
            if path.last() != Some(key) {
                path.push(key.clone());
            }
            let nearest = near.map_or_else(String::new, |(_, x)| {
                let mut near = path.clone();
                near.pop();
                near.push((*x).to_owned());
                format!(": did you mean {:?}?", near.join("."))
            });
            ConfigError::Unknown { key: path.join("."), origin: who, nearest }
        }
        kind => ConfigError::Source(format!("{who} sets {:?} wrongly: {kind}", e.path.join("."))),
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    // A bare port is taken as one on this machine: the safe reading.
    let full = if text.bytes().all(|b| b.is_ascii_digit()) { format!("127.0.0.1:{text}") } else { text.to_owned() };
    full.replace("localhost:", "127.0.0.1:").parse().map_err(|_| ConfigError::Named {
        key: key.to_owned(),
        found: text.to_owned(),
        expected: "expected ADDRESS:PORT, such as 127.0.0.1:1883 or [::1]:1883".into(),
    })
}

/// An address that may be left empty.
fn optional(key: &'static str, text: &str) -> Result<Option<SocketAddr>, ConfigError> {
    if text.is_empty() { Ok(None) } else { address(key, text).map(Some) }
}

/// An address that only this computer can reach, and why it must be one.
fn loopback(key: &'static str, a: SocketAddr, why: &str) -> Result<(), ConfigError> {
    if a.ip().is_loopback() {
        return Ok(());
    }
    Err(ConfigError::Value { key, found: a.to_string(), expected: format!("{why}; use 127.0.0.1:{}", a.port()) })
}

fn sparkplug(raw: RawSparkplug) -> Result<Sparkplug, ConfigError> {
    let host_id = match raw.host_id.trim() {
        "" => None,
        id => Some(Name::new(id).map_err(|_| ConfigError::Value {
            key: "sparkplug.host_id",
            found: raw.host_id.clone(),
            expected:
                "expected a name of 1 to 128 bytes without '/', '+', '#' and control characters, or nothing".into(),
        })?),
    };
    if raw.reorder_ms > 60_000 {
        return Err(ConfigError::Value {
            key: "sparkplug.reorder_ms",
            found: raw.reorder_ms.to_string(),
            expected: "expected 0 to 60000 milliseconds".into(),
        });
    }
    Ok(Sparkplug { host_id, reorder: Duration::from_millis(raw.reorder_ms) })
}

fn check(raw: Raw) -> Result<Settings, ConfigError> {
    let mqtt = raw.mqtt.check()?;
    let http = raw.http.check()?;
    let hj212 = raw.hj212.check()?;
    if jiff::tz::TimeZone::get(&raw.time_zone).is_err() {
        return Err(ConfigError::Value {
            key: "time_zone",
            found: raw.time_zone,
            expected: "expected an IANA name such as Asia/Shanghai or UTC".into(),
        });
    }
    let remotes = raw.remote.into_iter().map(|(name, raw)| remote::check(&name, raw)).collect::<Result<_, _>>()?;
    let sparkplug = sparkplug(raw.sparkplug)?;
    let store = raw.store.check()?;
    Ok(Settings {
        data: raw.data,
        remotes,
        publish: raw.publish,
        influx: influx::check(raw.influx, &store.keep)?,
        notify: notify::check(raw.notify, &raw.time_zone)?,
        store,
        sparkplug,
        // A trial has nobody to adopt by hand.
        adopt: raw.adopt || mqtt.anonymous,
        mqtt,
        http,
        hj212,
        time_zone: raw.time_zone,
        log: raw.log,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn read(toml: &str, flags: &[(&'static str, &str)]) -> Result<Settings, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("danxia.toml");
        std::fs::write(&path, toml).unwrap();
        let mut f = Flags::default();
        for (k, v) in flags {
            f.set(k, *v);
        }
        Sources::new(Some(&path), f)?.settings()
    }

    fn error(toml: &str) -> String {
        read(toml, &[]).expect_err(toml).to_string()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let s = read("[mqtt]\nlisten = \"127.0.0.1:2000\"\n", &[]).unwrap();
        assert_eq!(s.mqtt.listen.map(|a| a.port()), Some(2000));
        assert_eq!(s.http.listen.port(), 8080);
        let s = read("[mqtt]\nlisten = \"127.0.0.1:2000\"\n", &[("mqtt.listen", "3000")]).unwrap();
        assert_eq!(s.mqtt.listen, Some("127.0.0.1:3000".parse().unwrap()));
        assert_eq!(read("[mqtt]\nlisten = \"\"\n", &[]).unwrap().mqtt.listen, None);
    }

    #[test]
    fn every_mistake_is_answered_with_what_to_do() {
        for (toml, wanted) in [
            ("[mqtt]\nlsten = \"1\"\n", "did you mean \"mqtt.listen\"?"),
            ("[mqt]\n", "did you mean \"mqtt\"?"),
            ("[mqtt]\nanonymous = \"perhaps\"\n", "mqtt.anonymous"),
            ("[mqtt]\nlisten = \"somewhere\"\n", "expected ADDRESS:PORT"),
            ("[mqtt]\nlisten = \"0.0.0.0:1883\"\nanonymous = true\n", "allowed on loopback only; use 127.0.0.1:1883"),
            ("[mqtt]\ntls_listen = \"8883\"\ntls_certificate = \"/none\"\n", "must name a PEM file"),
            ("[http]\ntls_listen = \"8443\"\ntls_certificate = \"/none\"\n", "http.tls_certificate is \"/none\""),
            ("[http]\ntls_listen = \"8443\"\ntls_certificate = \"Cargo.toml\"\n", "http.tls_key is \"\""),
            ("[http]\ntls_listen = \"8443\"\ntls_names = [\"a b\"]\n", "http.tls_names is \"a b\""),
            ("[http]\ntls_listen = \"page\"\n", "http.tls_listen is \"page\": expected ADDRESS:PORT"),
            ("[http]\nhsts_days = 30\n", "set http.tls_listen"),
            ("[http]\ntls_listen = \"8443\"\nhsts_days = 30\n", "that of the built-in authority"),
            (
                "[http]\ntls_listen = \"8443\"\ntls_certificate = \"Cargo.toml\"\ntls_key = \"Cargo.toml\"\nhsts_days = 999\n",
                "expected 0 to 730 days",
            ),
            (
                "[http]\nlisten = \"0.0.0.0:80\"\ntls_listen = \"8443\"\ntls_certificate = \"Cargo.toml\"\ntls_key = \
                 \"Cargo.toml\"\nhsts_days = 30\n",
                "let http.listen be on this computer only",
            ),
            ("[mqtt]\ntls_listen = \"8883\"\ntls_key = \"/none\"\n", "mqtt.tls_certificate"),
            ("[mqtt]\ntls_listen = \"8883\"\ntls_client_ca = \"/none\"\n", "an authority is given"),
            ("[mqtt]\ntls_listen = \"8883\"\ntls_names = [\"a b\"]\n", "expected host names"),
            ("[mqtt]\ntls_listen = \"8883\"\ntls_client_crl = \"Cargo.toml\"\n", "the authority that it is of"),
            ("time_zone = \"Danxia/Shan\"\n", "expected an IANA name"),
            (
                "[mqtt]\nws_listen = \"0.0.0.0:8083\"\nanonymous = true\n",
                "allowed on loopback only; use 127.0.0.1:8083",
            ),
            ("[mqtt]\nwss_listen = \"127.0.0.1:8084\"\n", "mqtt.tls_listen, which must be set too"),
            ("[mqtt]\nws_origins = [\"https://scada/\"]\n", "mqtt.ws_origins is \"https://scada/\""),
            ("[mqtt]\nws_origins = [\"https://scada:443\"]\n", "what browsers send"),
            ("[mqtt]\nws_origins = [\"*\", \"scada:8443\"]\n", "mqtt.ws_origins is \"scada:8443\""),
            ("[mqtt.limits]\nmax_keep_alive_s = 65536\n", "\"mqtt.limits.max_keep_alive_s\" wrongly"),
            ("[mqtt]\nmax_packet = 10\n", "expected 1024 to"),
            ("[mqtt.limits]\nconnections_per_adress = 1\n", "did you mean \"mqtt.limits.connections_per_address\"?"),
            ("[mqtt.limits]\nsessions = 0\n", "mqtt.limits.sessions is \"0\": expected at least 1"),
            ("[mqtt.limits]\nbytes_burst = 0\n", "or the limit per second to be 0, which is none"),
            ("[mqtt.limits]\ndenied_v311 = \"shout\"\n", "mqtt.limits.denied_v311"),
            ("[sparkplug]\nhost_id = \"a/b\"\n", "without '/'"),
            ("[sparkplug]\nreorder_ms = 100000\n", "expected 0 to 60000"),
            ("[store]\nmaxbytes = 1\n", "did you mean \"store.max_bytes\"?"),
            ("[store.waveforms]\nall_hours = 0\n", "store.waveforms.all_hours is \"0\""),
            ("not toml", "wrongly"),
        ] {
            let e = error(toml);
            assert!(e.contains(wanted), "{toml:?} was answered with {e:?}");
        }
        assert!(Sources::new(Some(Path::new("/nowhere.toml")), Flags::default()).is_err());
    }

    #[test]
    fn who_may_come_over_websocket_and_how_rarely_clients_may_speak_reaches_the_door() {
        let origins = "[mqtt]\nws_origins = [\"*\", \"http://10.0.0.1:8080\", \"https://scada.plant\"]\n";
        let mqtt = read(&format!("{origins}[mqtt.limits]\nmax_keep_alive_s = 120\n"), &[]).unwrap().mqtt;
        assert_eq!(mqtt.websocket_origins, ["*", "http://10.0.0.1:8080", "https://scada.plant"]);
        assert_eq!(mqtt.limits.apply(broker::Config::default()).max_keep_alive, 120);
    }

    #[test]
    fn the_host_application_has_a_name_unless_it_is_taken_away() {
        let name = |toml: &str| read(toml, &[]).unwrap().sparkplug.host_id.map(|n| n.to_string());
        assert_eq!(name(""), Some("danxia".into()));
        assert_eq!(name("[sparkplug]\nhost_id = \"scada 1\"\n"), Some("scada 1".into()));
        assert_eq!(name("[sparkplug]\nhost_id = \"\"\n"), None);
    }

    #[test]
    fn each_setting_is_shown_with_its_origin() {
        let mut flags = Flags::default();
        flags.set("mqtt.anonymous", true);
        let rows = Sources::new(None, flags).unwrap().list().unwrap();
        let of = |key: &str| rows.iter().find(|r| r.0 == key).map(|r| (r.1.as_str(), r.2.as_str()));
        assert_eq!(of("mqtt.anonymous"), Some(("true", "flag")));
        assert_eq!(of("http.listen"), Some(("\"127.0.0.1:8080\"", "default")));
        assert_eq!(of("mqtt.max_connections"), Some(("20000", "default")));
        assert_eq!(of("mqtt.tls_names"), Some(("[]", "default")));
        assert_eq!(of("mqtt.limits.failed_logins_per_second"), Some(("2", "default")));
    }
}
