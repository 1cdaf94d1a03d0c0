//! `[influx]`: where what is committed is shipped to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::remote::connector_from_files;
use historian::Retention;
use influx::{Config, Target};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::remote::{SYSTEM_CA, secret};

const DAY: u64 = 86_400;
/// The keys that hold a secret: they are not shown.
pub(super) const SECRET: &str = "influx.token";

/// Shipping, and reading back.
#[derive(Clone, Debug)]
pub struct Influx {
    /// For the shipper.
    pub shipper: Config,
    /// What is older than this is read there; `None`: nothing is.
    pub read_after: Option<Duration>,
}

/// As it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    org: String,
    bucket: String,
    token: String,
    token_file: PathBuf,
    ca: PathBuf,
    gzip: bool,
    batch_bytes: usize,
    batch_lines: usize,
    timeout_s: u64,
    lag_alarm_s: u64,
    read_after_days: u64,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            url: String::new(),
            org: String::new(),
            bucket: String::new(),
            token: String::new(),
            token_file: PathBuf::new(),
            ca: PathBuf::new(),
            gzip: true,
            batch_bytes: 1 << 20,
            batch_lines: 10_000,
            timeout_s: 30,
            lag_alarm_s: 900,
            read_after_days: 0,
        }
    }
}

/// Checks `[influx]`, for a store that keeps things so long; `None` where no address is given.
pub(super) fn check(raw: Raw, keep: &Retention) -> Result<Option<Influx>, ConfigError> {
    let wrong = |key: &str, found: String, expected: &str| ConfigError::Named {
        key: format!("influx.{key}"),
        found,
        expected: expected.into(),
    };
    if raw.url.is_empty() {
        let set = [("org", &raw.org), ("bucket", &raw.bucket)].into_iter().find(|(_, v)| !v.is_empty());
        let set = set.map(|(key, _)| key).or((!raw.token_file.as_os_str().is_empty()).then_some("token_file"));
        return match set.or((!raw.token.is_empty()).then_some("token")) {
            None => Ok(None),
            Some(key) => {
                Err(wrong("url", String::new(), &format!("influx.{key} is set, so this must name the server")))
            }
        };
    }
    let (tls, host, port, path) = Target::parse(&raw.url).map_err(|e| wrong("url", raw.url.clone(), &e.to_string()))?;
    for (key, value) in [("org", &raw.org), ("bucket", &raw.bucket)] {
        if value.is_empty() || value.chars().any(char::is_control) {
            return Err(wrong(
                key,
                value.clone(),
                "expected the name that InfluxDB knows it by (`influx bucket list`)",
            ));
        }
    }
    let token = token(&raw).map_err(|(key, found, expected)| wrong(key, found, &expected))?;
    let tls = if tls {
        let ca = if raw.ca.as_os_str().is_empty() { Path::new(SYSTEM_CA) } else { &raw.ca };
        let connector = connector_from_files(ca, None);
        Some(connector.map_err(|e| wrong("ca", ca.display().to_string(), &e.to_string()))?)
    } else if raw.ca.as_os_str().is_empty() {
        None
    } else {
        return Err(wrong("url", raw.url, "influx.ca is set, so this must begin with https://"));
    };
    let bounds = [
        ("batch_bytes", raw.batch_bytes as u64, 4_096..=16 << 20),
        ("batch_lines", raw.batch_lines as u64, 1..=100_000),
        ("timeout_s", raw.timeout_s, 1..=600),
        ("lag_alarm_s", raw.lag_alarm_s, 10..=30 * DAY),
        ("read_after_days", raw.read_after_days, 0..=36_500),
    ];
    for (key, found, allowed) in bounds {
        if !allowed.contains(&found) {
            let expected = format!("expected {} to {}", allowed.start(), allowed.end());
            return Err(wrong(key, found.to_string(), &expected));
        }
    }
    let read_after = (raw.read_after_days > 0).then(|| Duration::from_secs(raw.read_after_days * DAY));
    if let (Some(after), Some(raw_for)) = (read_after, keep.raw)
        && after > raw_for
    {
        let days = raw_for.as_secs() / DAY;
        let expected = format!(
            "expected at most store.keep_raw_days, {days}: values between the two would be looked for nowhere; set \
             influx.read_after_days = {days} or less, or store.keep_raw_days = {} or more",
            raw.read_after_days
        );
        return Err(wrong("read_after_days", raw.read_after_days.to_string(), &expected));
    }
    let target = Target { host, port, path, tls, org: raw.org, bucket: raw.bucket, token };
    let shipper = Config {
        gzip: raw.gzip,
        batch_bytes: raw.batch_bytes,
        batch_lines: raw.batch_lines,
        timeout: Duration::from_secs(raw.timeout_s),
        lag_alarm: Duration::from_secs(raw.lag_alarm_s),
        ..Config::new(target)
    };
    Ok(Some(Influx { shipper, read_after }))
}

type Wrong = (&'static str, String, String);

fn token(raw: &Raw) -> Result<String, Wrong> {
    let by_file = !raw.token_file.as_os_str().is_empty();
    let shown = raw.token_file.display().to_string();
    let (key, token) = match (raw.token.is_empty(), by_file) {
        (false, true) => {
            return Err(("token_file", shown, "give the token by token_file or by token, not by both".into()));
        }
        (true, true) => {
            ("token_file", secret(&raw.token_file).map_err(|expected| ("token_file", shown.clone(), expected))?)
        }
        (false, false) => ("token", raw.token.clone()),
        (true, false) => {
            let expected =
                "expected a file that holds the API token, for its owner only: `influx auth create` makes one";
            return Err(("token_file", String::new(), expected.into()));
        }
    };
    let token = token.trim().to_owned();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        // The token itself is not shown.
        return Err((key, if by_file { shown } else { "…".into() }, "expected one line of printable ASCII".into()));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, Settings, Sources};
    use super::*;

    fn sources(toml: &str) -> (Result<Sources, ConfigError>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("danxia.toml");
        std::fs::write(&path, toml).unwrap();
        (Sources::new(Some(&path), Flags::default()), dir)
    }

    fn read(toml: &str) -> Result<Settings, ConfigError> {
        let (sources, _dir) = sources(toml);
        sources?.settings()
    }

    #[test]
    fn every_mistake_is_answered_with_what_to_do() {
        let good = "[influx]\nurl = \"http://a:8086\"\norg = \"o\"\nbucket = \"b\"\n";
        for (toml, wanted) in [
            ("[influx]\nurl = \"influx:8086\"\n".into(), "influx.url is \"influx:8086\": expected http://HOST:PORT"),
            ("[influx]\nbucket = \"b\"\n".into(), "influx.bucket is set, so this must name the server"),
            ("[influx]\nurl = \"http://a\"\nbucket = \"b\"\n".into(), "influx.org"),
            ("[influx]\nurl = \"http://a\"\norg = \"o\"\n".into(), "influx bucket list"),
            (good.into(), "influx auth create"),
            (format!("{good}token = \"a\"\ntoken_file = \"/x\"\n"), "not by both"),
            (format!("{good}token_file = \"/nowhere\"\n"), "cannot be read"),
            (format!("{good}token = \"a b\"\n"), "influx.token is \"…\""),
            (format!("{good}token = \"t\"\nca = \"/x\"\n"), "must begin with https://"),
            (format!("{good}token = \"t\"\nbatch_bytes = 1\n"), "influx.batch_bytes is \"1\": expected 4096 to"),
            (format!("{good}token = \"t\"\nlag_alarm = 1\n"), "did you mean \"influx.lag_alarm_s\"?"),
        ] {
            let said = read(&toml).expect_err(&toml).to_string();
            assert!(said.contains(wanted), "{toml:?} was answered with {said:?}");
        }
        assert!(read("").unwrap().influx.is_none());
    }

    #[test]
    fn what_the_store_has_removed_must_be_looked_for_elsewhere_at_once() {
        let good = "[influx]\nurl = \"http://a:8086\"\norg = \"o\"\nbucket = \"b\"\ntoken = \"t\"\n";
        let with = |after: u64, keep: u64| {
            read(&format!("{good}read_after_days = {after}\n[store]\nkeep_raw_days = {keep}\n"))
        };
        let said = with(91, 90).unwrap_err().to_string();
        assert!(
            said.starts_with("influx.read_after_days is \"91\": expected at most store.keep_raw_days, 90"),
            "{said}"
        );
        assert!(said.contains("set influx.read_after_days = 90 or less, or store.keep_raw_days = 91"), "{said}");
        for (after, keep) in [(90, 90), (30, 90), (0, 90), (91, 0)] {
            let found = with(after, keep).unwrap().influx.unwrap().read_after;
            assert_eq!(found, (after > 0).then(|| Duration::from_secs(after * DAY)), "{after} of {keep}");
        }
    }

    #[test]
    fn it_is_read_with_its_defaults_and_the_token_is_never_shown() {
        let toml = "[influx]\nurl = \"http://a:8086\"\norg = \"o\"\nbucket = \"b\"\ntoken = \"very-secret\"\n";
        let (sources, _dir) = sources(toml);
        let sources = sources.unwrap();
        let influx = sources.settings().unwrap().influx.unwrap();
        assert_eq!(influx.shipper.target.token, "very-secret");
        assert_eq!((influx.shipper.lag_alarm, influx.read_after), (Duration::from_secs(900), None));
        assert!(!format!("{influx:?}").contains("very-secret"));
        let rows = sources.list().unwrap();
        let row = rows.iter().find(|r| r.0 == SECRET).unwrap();
        assert_eq!(row.1, "(set, not shown)");
        assert!(rows.iter().all(|r| !r.1.contains("very-secret")));
    }
}
