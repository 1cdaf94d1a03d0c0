//! `[http.oidc]`: a provider of log-ins (OpenID Connect), and what its word is worth here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::remote::connector_from_files;
use fetch::Url;
use oidc::Secret;
use plant::access::{Area, Areas, Role};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::remote::{SYSTEM_CA, secret};

/// Where the provider sends people back to, below the page's address.
const BACK: &str = "/api/v1/sign-in/callback";
/// The most rows of the mapping.
const MOST: usize = 200;

/// The provider's settings.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// For whoever asks it.
    pub provider: oidc::Config,
    /// What people know it as.
    pub title: String,
    /// Where our page is, as the provider knows it.
    pub home: String,
    /// The claim that says what somebody is called.
    pub name_claim: String,
    /// The one that says what they may do.
    pub role_claim: String,
    /// What its values give.
    pub grants: Vec<Grant>,
    /// How long a session lasts at most.
    pub lasts: Duration,
}

/// What a value of the claim gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The value; `None`: whoever the provider lets in.
    pub value: Option<String>,
    /// The role.
    pub role: Role,
    /// Where.
    pub areas: Areas,
}

impl Oidc {
    /// What somebody with these values may do: of all that they are given the highest role, and all the areas in which they
    /// are given that. `None`: nothing, and they are not let in.
    pub fn granted(&self, values: &[String]) -> Option<(Role, Areas)> {
        let fits = |g: &&Grant| g.value.as_ref().is_none_or(|v| values.contains(v));
        let place = |role: Role| Role::ALL.iter().position(|r| *r == role);
        let role = self.grants.iter().filter(fits).map(|g| g.role).max_by_key(|r| place(*r))?;
        let mut areas = self.grants.iter().filter(fits).filter(|g| g.role == role).map(|g| g.areas.clone());
        let first = areas.next()?;
        let both = |a: Areas, b: Areas| match (a, b) {
            (Areas::Some(a), Areas::Some(b)) => Areas::Some(a.union(&b).cloned().collect()),
            _ => Areas::All,
        };
        Some((role, areas.fold(first, both)))
    }
}

/// As it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    issuer: String,
    client_id: String,
    client_secret_file: PathBuf,
    scopes: Vec<String>,
    public_url: String,
    title: String,
    name_claim: String,
    role_claim: String,
    session_hours: u64,
    timeout_s: u64,
    ca: PathBuf,
    grant: Vec<RawGrant>,
}

/// A row of the mapping as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    value: String,
    role: String,
    #[serde(default)]
    areas: Vec<String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            scopes: vec!["profile".into()],
            public_url: String::new(),
            title: String::new(),
            name_claim: "preferred_username".into(),
            role_claim: "groups".into(),
            session_hours: 12,
            timeout_s: 10,
            ca: PathBuf::new(),
            grant: Vec::new(),
        }
    }
}

fn wrong(key: &str, found: impl Into<String>, expected: impl Into<String>) -> ConfigError {
    ConfigError::Named { key: format!("http.oidc.{key}"), found: found.into(), expected: expected.into() }
}

/// Checks `[http.oidc]`; `None` where no issuer is given.
pub(super) fn check(raw: Raw) -> Result<Option<Oidc>, ConfigError> {
    if raw.issuer.is_empty() {
        let set = [("client_id", !raw.client_id.is_empty()), ("grant", !raw.grant.is_empty())];
        let set = set.into_iter().chain([("public_url", !raw.public_url.is_empty())]).find(|(_, set)| *set);
        return match set {
            None => Ok(None),
            Some((key, _)) => {
                Err(wrong("issuer", "", format!("http.oidc.{key} is set, so this must name the provider")))
            }
        };
    }
    issuer(&raw.issuer)?;
    let home = home(&raw.public_url)?;
    if raw.client_id.is_empty() || !plain(&raw.client_id) {
        return Err(wrong(
            "client_id",
            raw.client_id,
            "expected the name under which the provider knows this platform",
        ));
    }
    for (key, claim) in [("name_claim", &raw.name_claim), ("role_claim", &raw.role_claim)] {
        if claim.is_empty() || !plain(claim) {
            return Err(wrong(key, claim, "expected the name of a claim, such as groups or realm_access.roles"));
        }
    }
    if let Some(odd) = raw.scopes.iter().find(|s| s.is_empty() || !plain(s)) {
        return Err(wrong("scopes", odd, "expected names of scopes, such as [\"profile\", \"groups\"]"));
    }
    for (key, found, most) in [("session_hours", raw.session_hours, 720), ("timeout_s", raw.timeout_s, 60)] {
        if !(1..=most).contains(&found) {
            return Err(wrong(key, found.to_string(), format!("expected 1 to {most}")));
        }
    }
    let secret = client_secret(&raw.client_secret_file)?;
    let ca = if raw.ca.as_os_str().is_empty() { Path::new(SYSTEM_CA) } else { &raw.ca };
    let tls = connector_from_files(ca, None).map_err(|e| wrong("ca", ca.display().to_string(), e.to_string()))?;
    let grants = grants(&raw.grant)?;
    let title = if raw.title.is_empty() { raw.issuer.split("://").nth(1).unwrap_or("").to_owned() } else { raw.title };
    let scopes = raw.scopes.into_iter().filter(|s| s != "openid").collect();
    Ok(Some(Oidc {
        provider: oidc::Config {
            issuer: raw.issuer,
            client_id: raw.client_id,
            secret,
            scopes,
            redirect: format!("{home}{BACK}"),
            needed: vec![raw.name_claim.clone(), raw.role_claim.clone()],
            tls,
            patience: Duration::from_secs(raw.timeout_s),
        },
        title: title.chars().take(60).collect(),
        home,
        name_claim: raw.name_claim,
        role_claim: raw.role_claim,
        grants,
        lasts: Duration::from_secs(raw.session_hours * 3_600),
    }))
}

fn plain(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic())
}

/// What the provider says travels through it: in the clear only within this computer.
fn issuer(text: &str) -> Result<(), ConfigError> {
    let expected = "expected what the provider calls itself to the letter, such as https://login.plant/realms/plant";
    let url: Url = text.parse().map_err(|_| wrong("issuer", text, expected))?;
    if url.path.contains('?') {
        return Err(wrong("issuer", text, expected));
    }
    let here = url.host == "localhost" || url.host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
    match url.tls || here {
        true => Ok(()),
        false => Err(wrong("issuer", text, "expected https:// (http:// is for a provider on this computer)")),
    }
}

/// Scheme, host and port as browsers write them.
fn home(text: &str) -> Result<String, ConfigError> {
    let expected = "expected the address of the page in the browser, which the provider sends people back to, such as \
                    https://danxia.plant:8443 (without a path)";
    let text = text.trim_end_matches('/');
    let url: Url = text.parse().map_err(|_| wrong("public_url", text, expected))?;
    if !url.path.is_empty() {
        return Err(wrong("public_url", text, expected));
    }
    let own = if url.tls { ":443" } else { ":80" };
    Ok(text.strip_suffix(own).unwrap_or(text).to_ascii_lowercase())
}

fn client_secret(path: &Path) -> Result<Option<Secret>, ConfigError> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let shown = path.display().to_string();
    let text = secret(path).map_err(|expected| wrong("client_secret_file", shown.clone(), expected))?;
    match text.trim() {
        "" => Err(wrong("client_secret_file", shown, "its first line is empty")),
        text => Ok(Some(Secret::new(text))),
    }
}

fn grants(raw: &[RawGrant]) -> Result<Vec<Grant>, ConfigError> {
    if raw.is_empty() || raw.len() > MOST {
        let expected = format!(
            "expected 1 to {MOST} tables [[http.oidc.grant]] with value, role and perhaps areas: whom none fits is not let in"
        );
        return Err(wrong("grant", format!("{} tables", raw.len()), expected));
    }
    raw.iter().map(grant).collect()
}

fn grant(raw: &RawGrant) -> Result<Grant, ConfigError> {
    if raw.value.is_empty() {
        return Err(wrong("grant.value", "", "expected a value of the claim, or * for whoever the provider lets in"));
    }
    let all = Role::ALL.map(Role::as_str).join(", ");
    let role =
        Role::parse(&raw.role).ok_or_else(|| wrong("grant.role", &raw.role, format!("expected one of {all}")))?;
    let areas: Vec<Area> = raw
        .areas
        .iter()
        .map(|a| a.parse().map_err(|e| wrong("grant.areas", a, format!("{e}; expected site or site/area"))))
        .collect::<Result<_, _>>()?;
    if areas.len() > Areas::MOST {
        return Err(wrong(
            "grant.areas",
            format!("{} areas", areas.len()),
            format!("expected at most {}", Areas::MOST),
        ));
    }
    if role == Role::Administrator && !areas.is_empty() {
        let expected = "an administrator administers the whole plant: leave areas out";
        return Err(wrong("grant.areas", raw.areas.join(", "), expected));
    }
    if role == Role::Administrator && raw.value == "*" {
        return Err(wrong("grant.value", "*", "not whoever comes becomes an administrator: name a value of the claim"));
    }
    let areas = if areas.is_empty() { Areas::All } else { Areas::Some(areas.into_iter().collect()) };
    Ok(Grant { value: (raw.value != "*").then(|| raw.value.clone()), role, areas })
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    const LEAST: &str = "[http.oidc]\nissuer = \"https://login.plant/realms/p\"\nclient_id = \"danxia\"\npublic_url = \
                         \"https://Danxia.plant:443/\"\n";
    const GRANT: &str = "[[http.oidc.grant]]\nvalue = \"mill\"\nrole = \"operator\"\nareas = [\"s/mill\"]\n";

    fn some(more: &str) -> Oidc {
        let toml = format!("{LEAST}ca = \"../broker/tests/tls/localhost.crt\"\n{more}");
        read(&toml, &[]).unwrap().http.oidc.unwrap()
    }

    #[test]
    fn the_least_that_is_needed_is_enough() {
        let it = some(GRANT);
        assert_eq!(it.home, "https://danxia.plant");
        assert_eq!(it.provider.redirect, "https://danxia.plant/api/v1/sign-in/callback");
        assert_eq!((&*it.title, it.lasts.as_secs()), ("login.plant/realms/p", 43_200));
        assert_eq!(it.provider.needed, ["preferred_username", "groups"]);
        assert!(it.provider.secret.is_none());
        assert!(read("", &[]).unwrap().http.oidc.is_none());
    }

    #[test]
    fn the_highest_role_wins_in_all_areas_where_it_is_given() {
        let more = "[[http.oidc.grant]]\nvalue = \"*\"\nrole = \"viewer\"\n[[http.oidc.grant]]\nvalue = \"press\"\nrole = \
                    \"operator\"\nareas = [\"s/press\", \"t\"]\n[[http.oidc.grant]]\nvalue = \"adm\"\nrole = \"administrator\"\n";
        let it = some(&format!("{GRANT}{more}"));
        let granted = |values: &[&str]| {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            it.granted(&values).map(|(role, areas)| match areas {
                Areas::All => format!("{} *", role.as_str()),
                Areas::Some(a) => {
                    format!("{} {}", role.as_str(), a.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
                }
            })
        };
        assert_eq!(granted(&[]).as_deref(), Some("viewer *"));
        assert_eq!(granted(&["other", "*"]).as_deref(), Some("viewer *"), "what is called * is no more than that");
        assert_eq!(granted(&["mill"]).as_deref(), Some("operator s/mill"));
        assert_eq!(granted(&["mill", "press"]).as_deref(), Some("operator s/mill s/press t"));
        assert_eq!(granted(&["mill", "adm"]).as_deref(), Some("administrator *"));
        assert_eq!(some(GRANT).granted(&["press".into()]), None, "nobody else is let in");
    }

    #[test]
    fn every_mistake_is_answered_with_what_to_do() {
        let with = |from: &str, to: &str| format!("{LEAST}{GRANT}").replace(from, to);
        for (toml, wanted) in [
            (LEAST.to_owned(), "[[http.oidc.grant]]"),
            ("[http.oidc]\nclient_id = \"x\"\n".into(), "this must name the provider"),
            (with("https://login.plant/realms/p", "login.plant"), "to the letter"),
            (with("https://login", "http://login"), "expected https://"),
            (with("\"danxia\"", "\"dan xia\""), "http.oidc.client_id"),
            (with("plant:443/", "plant/danxia"), "without a path"),
            (with("\"operator\"", "\"root\""), "expected one of viewer, operator, engineer, administrator"),
            (with("\"operator\"", "\"administrator\""), "leave areas out"),
            (with("value = \"mill\"", "value = \"\""), "or * for whoever"),
            (with("s/mill", "a/b/c"), "expected site or site/area"),
            (
                with(
                    "value = \"mill\"\nrole = \"operator\"\nareas = [\"s/mill\"]",
                    "value = \"*\"\nrole = \"administrator\"",
                ),
                "not whoever comes",
            ),
            (with("client_id", "session_hours = 0\nclient_id"), "expected 1 to 720"),
            (with("client_id", "client_secret_file = \"/none\"\nclient_id"), "it cannot be read"),
            (with("client_id", "client_secret_file = \"Cargo.toml\"\nclient_id"), "run chmod 600"),
            (with("client_id", "scopes = [\"a b\"]\nclient_id"), "http.oidc.scopes"),
            (with("client_id", "role_claim = \"\"\nclient_id"), "http.oidc.role_claim"),
            (with("client_id", "clientid = 1\nclient_id"), "did you mean \"http.oidc.client_id\"?"),
        ] {
            let said = read(&toml, &[]).expect_err(&toml).to_string();
            assert!(said.contains(wanted), "{said}\nexpected {wanted}");
        }
    }
}
