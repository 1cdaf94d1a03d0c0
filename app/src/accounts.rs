//! People: how their passwords are hashed, and when the page may be served beyond this computer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use historian::Register;
use plant::Clock;
use web::{AccessError, Accounts, Passwords};

use crate::config::{ConfigError, Http};
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
pub fn may_listen_on(data: &Path, settings: &Http) -> Result<(), ConfigError> {
    let Some(beyond) = beyond(settings) else { return Ok(()) };
    let known = historian::open_read_only(data).ok().and_then(|(_, register)| register.has_administrator().ok());
    if known == Some(true) { Ok(()) } else { Err(refused(beyond)) }
}

/// Whether the page may be served where the settings say: beyond this computer only where somebody has to log in.
pub fn may_listen(accounts: &Accounts, settings: &Http) -> Result<(), ConfigError> {
    match beyond(settings) {
        Some(beyond) if accounts.open_to_all() => Err(refused(beyond)),
        _ => Ok(()),
    }
}

/// The first listener that others than this computer reach, and by which setting.
fn beyond(settings: &Http) -> Option<(&'static str, SocketAddr)> {
    let tls = settings.tls.as_ref().map(|t| ("http.tls_listen", t.listen));
    let all = [("http.listen", settings.listen)].into_iter().chain(tls);
    all.into_iter().find(|(_, address)| !address.ip().to_canonical().is_loopback())
}

/// Where the page is, for people: over TLS where that is served. Under the first name that its certificate was asked to
/// bear, unless it may be reached on this computer only.
pub fn page(settings: &Http, plain: SocketAddr, tls: Option<SocketAddr>) -> String {
    let (Some(address), Some(tls)) = (tls, &settings.tls) else { return format!("http://{plain}/") };
    let name = tls.names.first().filter(|_| !address.ip().to_canonical().is_loopback());
    match name {
        None => format!("https://{address}/"),
        Some(six) if six.contains(':') => format!("https://[{six}]:{}/", address.port()),
        Some(name) => format!("https://{name}:{}/", address.port()),
    }
}

fn refused((key, address): (&'static str, SocketAddr)) -> ConfigError {
    ConfigError::Value {
        key,
        found: address.to_string(),
        expected: format!(
            "as long as there is no administrator the page listens on this computer only; make one with `danxia user add \
             --role administrator NAME`, or use 127.0.0.1:{} and the set-up link that is printed then",
            address.port()
        ),
    }
}

/// The link by which the first administrator is made, at the page that is served there; `None` where there is one.
pub fn setup_link(accounts: &Accounts, page: &str) -> Result<Option<String>, AccessError> {
    Ok(accounts.setup_code()?.map(|code| format!("{page}#/setup?code={code}")))
}

#[cfg(test)]
mod tests {
    use historian::Historian;
    use plant::{ManualClock, Timestamp};
    use web::{By, NewAccount};

    use super::*;
    use crate::config::Tls;

    #[test]
    fn the_page_is_served_beyond_this_computer_once_there_is_an_administrator() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_392_000)));
        let store = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        let accounts = open(store.register(), clock, None).unwrap();
        let [here, anywhere] = ["127.0.0.1:80", "0.0.0.0:80"].map(|a| http(a, None));
        may_listen(&accounts, &here).unwrap();
        let secure = http("127.0.0.1:80", Some(tls("0.0.0.0:443", &[])));
        let refused = may_listen(&accounts, &secure).unwrap_err().to_string();
        assert!(refused.contains("http.tls_listen is \"0.0.0.0:443\""), "{refused}");
        let refused = may_listen(&accounts, &anywhere).unwrap_err().to_string();
        assert!(refused.contains("http.listen is \"0.0.0.0:80\"") && refused.contains("danxia user add"), "{refused}");
        let link = setup_link(&accounts, "http://127.0.0.1:80/").unwrap().unwrap();
        assert!(link.starts_with("http://127.0.0.1:80/#/setup?code=") && link.len() == 33 + 32, "{link}");

        let by = By { who: "command line".into(), origin: "here".into() };
        let role = |role: &str| NewAccount { name: "林".into(), role: role.into(), ..NewAccount::default() };
        assert!(accounts.add(role("viewer"), &by).unwrap_err().to_string().contains("no administrator yet"));
        let added = accounts.add(role("administrator"), &by).unwrap();
        assert!(added.account.hash.starts_with("$argon2id$"));
        assert_eq!(added.password.map(|p| p.len()), Some(24));
        may_listen(&accounts, &anywhere).unwrap();
        may_listen_on(dir.path(), &anywhere).unwrap();
        assert!(may_listen_on(&dir.path().join("none"), &anywhere).is_err());
        assert_eq!(setup_link(&accounts, "").unwrap(), None);
    }

    fn http(listen: &str, tls: Option<Tls>) -> Http {
        Http { listen: listen.parse().unwrap(), tls, hsts: None, oidc: None }
    }

    fn tls(listen: &str, names: &[&str]) -> Tls {
        let names = names.iter().map(ToString::to_string).collect();
        Tls { what: "HTTPS", listen: listen.parse().unwrap(), own: None, names, clients: None }
    }

    #[test]
    fn the_page_is_named_by_its_certificate_where_others_reach_it() {
        for (settings, want) in [
            (None, "http://127.0.0.1:80/"),
            (Some(tls("127.0.0.1:8443", &["d.plant"])), "https://127.0.0.1:8443/"),
            (Some(tls("0.0.0.0:8443", &["d.plant", "10.0.0.5"])), "https://d.plant:8443/"),
            (Some(tls("[::]:8443", &["fd00::1"])), "https://[fd00::1]:8443/"),
            (Some(tls("10.0.0.5:443", &[])), "https://10.0.0.5:443/"),
        ] {
            let address = settings.as_ref().map(|t| t.listen);
            let settings = http("127.0.0.1:80", settings);
            assert_eq!(page(&settings, settings.listen, address), want);
        }
    }
}
