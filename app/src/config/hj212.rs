//! `[hj212]`: the door for monitors that speak HJ 212 over TCP.

use std::net::SocketAddr;

use plant::Name;
use serde::{Deserialize, Serialize};

use super::{ConfigError, address, loopback};

/// The door for monitors that speak HJ 212 over TCP.
#[derive(Clone, Debug)]
pub struct Hj212 {
    /// Address.
    pub listen: SocketAddr,
    /// The site whose machines the monitors are.
    pub site: Name,
    /// Numbers (MN) of the monitors that are let in; empty lets all in, which is allowed on loopback only.
    pub monitors: Vec<String>,
}

/// As it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    listen: String,
    site: String,
    monitors: Vec<String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self { listen: String::new(), site: "hj212".into(), monitors: Vec::new() }
    }
}

impl Raw {
    /// `None` where no address is given.
    pub(super) fn check(self) -> Result<Option<Hj212>, ConfigError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let wrong = |key, found: &str, expected: String| ConfigError::Value { key, found: found.to_owned(), expected };
        let site = Name::new(&self.site).map_err(|e| wrong("hj212.site", &self.site, e.to_string()))?;
        if let Some(odd) = self.monitors.iter().find(|mn| mn.is_empty() || mn.len() > 64) {
            return Err(wrong("hj212.monitors", odd, "expected numbers (MN) of 1 to 64 characters".into()));
        }
        let listen = address("hj212.listen", &self.listen)?;
        if self.monitors.is_empty() {
            let why = "anybody could send measurements: list the monitors that may in hj212.monitors";
            loopback("hj212.listen", listen, why)?;
        }
        Ok(Some(Hj212 { listen, site, monitors: self.monitors }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, Sources};
    use super::*;

    fn read(toml: &str) -> Result<Option<Hj212>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("danxia.toml");
        std::fs::write(&path, toml).unwrap();
        let settings = Sources::new(Some(&path), Flags::default()).and_then(|s| s.settings());
        settings.map(|s| s.hj212).map_err(|e| e.to_string())
    }

    #[test]
    fn the_door_of_monitors_is_shut_unless_it_is_opened() {
        assert!(read("").unwrap().is_none());
        let open = read("[hj212]\nlisten = \"0.0.0.0:9212\"\nmonitors = [\"A1\"]\n").unwrap().unwrap();
        assert_eq!((open.listen.port(), open.site.as_str(), &*open.monitors), (9212, "hj212", &["A1".to_owned()][..]));
    }

    #[test]
    fn what_makes_no_sense_says_what_would() {
        for (toml, wanted) in [
            ("[hj212]\nlisten = \"0.0.0.0:9212\"\n", "list the monitors that may in hj212.monitors"),
            ("[hj212]\nlisten = \"9212\"\nsite = \"a/b\"\n", "hj212.site"),
            ("[hj212]\nlisten = \"9212\"\nmonitors = [\"\"]\n", "numbers (MN)"),
        ] {
            let said = read(toml).expect_err(toml);
            assert!(said.contains(wanted), "{toml:?} was answered with {said:?}");
        }
    }
}
