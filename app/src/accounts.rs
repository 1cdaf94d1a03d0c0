//! People: how their passwords are hashed, and when the page may be served beyond this computer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use historian::Register;
use plant::Clock;
use web::{AccessError, Accounts, Passwords};

use crate::config::ConfigError;
use crate::devices::password;

/// Passwords of people are made, hashed and compared as those of devices are.
struct Argon;

impl Passwords for Argon {
    fn check(&self, password: &str) -> Result<(), String> {
        password::check(password).map_err(|e| e.to_string())
    }

    fn generate(&self) -> Result<String, String> {
        password::generate().map_err(|e| e.to_string())
    }

    fn hash(&self, password: &str) -> Result<String, String> {
        password::hash(password).map_err(|e| e.to_string())
    }

    fn matches(&self, password: &str, hash: &str) -> bool {
        password::matches(password, hash)
    }
}

/// The accounts of a register; `local`: what lets the command line in.
pub fn open(register: Register, clock: Arc<dyn Clock>, local: Option<&str>) -> Result<Accounts, AccessError> {
    Accounts::open(register, clock, Arc::new(Argon), local)
}

/// As [`may_listen`], for a store that is not open yet: before a port or a directory is touched.
pub fn may_listen_on(data: &Path, address: SocketAddr) -> Result<(), ConfigError> {
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let known = historian::open_read_only(data).ok().and_then(|(_, register)| register.has_administrator().ok());
    if known == Some(true) { Ok(()) } else { Err(refused(address)) }
}

/// Whether the page may be served at `address`: beyond this computer only where somebody has to log in.
pub fn may_listen(accounts: &Accounts, address: SocketAddr) -> Result<(), ConfigError> {
    if address.ip().to_canonical().is_loopback() || !accounts.open_to_all() {
        return Ok(());
    }
    Err(refused(address))
}

fn refused(address: SocketAddr) -> ConfigError {
    ConfigError::Value {
        key: "http.listen",
        found: address.to_string(),
        expected: format!(
            "as long as there is no administrator the page listens on this computer only; make one with `danxia user add \
             --role administrator NAME`, or use 127.0.0.1:{} and the set-up link that is printed then",
            address.port()
        ),
    }
}

/// The link by which the first administrator is made; `None` where there is one.
pub fn setup_link(accounts: &Accounts, address: SocketAddr) -> Result<Option<String>, AccessError> {
    Ok(accounts.setup_code()?.map(|code| format!("http://{address}/#/setup?code={code}")))
}

#[cfg(test)]
mod tests {
    use historian::Historian;
    use plant::{ManualClock, Timestamp};
    use web::{By, NewAccount};

    use super::*;

    #[test]
    fn the_page_is_served_beyond_this_computer_once_there_is_an_administrator() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_392_000)));
        let store = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        let accounts = open(store.register(), clock, None).unwrap();
        let [here, anywhere] = ["127.0.0.1:80", "0.0.0.0:80"].map(|a| a.parse::<SocketAddr>().unwrap());
        may_listen(&accounts, here).unwrap();
        let refused = may_listen(&accounts, anywhere).unwrap_err().to_string();
        assert!(refused.contains("http.listen is \"0.0.0.0:80\"") && refused.contains("danxia user add"), "{refused}");
        let link = setup_link(&accounts, here).unwrap().unwrap();
        assert!(link.starts_with("http://127.0.0.1:80/#/setup?code=") && link.len() == 33 + 32, "{link}");

        let by = By { who: "command line".into(), origin: "here".into() };
        let role = |role: &str| NewAccount { name: "林".into(), role: role.into(), ..NewAccount::default() };
        assert!(accounts.add(role("viewer"), &by).unwrap_err().to_string().contains("no administrator yet"));
        let added = accounts.add(role("administrator"), &by).unwrap();
        assert!(added.account.hash.starts_with("$argon2id$"));
        assert_eq!(added.password.map(|p| p.len()), Some(24));
        may_listen(&accounts, anywhere).unwrap();
        may_listen_on(dir.path(), anywhere).unwrap();
        assert!(may_listen_on(&dir.path().join("none"), anywhere).is_err());
        assert_eq!(setup_link(&accounts, here).unwrap(), None);
    }
}
