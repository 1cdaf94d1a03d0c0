//! `[notify]`: who is told of which alarms, and by which way.

mod channel;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fetch::{Network, Policy, Url};
use jiff::tz::TimeZone;
use notify::channel::{Email, Setup};
use notify::duty::{DAYS, EVERY_DAY, Hours};
use notify::settings::{Level, Person, Quiet, Recipient, Roster, Route, Settings, Way};
use notify::step::Group;
use notify::words::Language;
use serde::{Deserialize, Serialize};

use self::channel::RawChannel;
use super::ConfigError;
use super::remote::SYSTEM_CA;

/// Notifying, as it is set up.
#[derive(Clone, Debug)]
pub struct Notify {
    /// Who is told what.
    pub settings: Settings,
    /// Channels, by name.
    pub setups: BTreeMap<String, Setup>,
    /// Which addresses may be connected to.
    pub policy: Policy,
    /// How long a message may take.
    pub timeout: Duration,
    /// Where people reach the page.
    pub public_url: String,
}

/// As it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    public_url: String,
    allow: Vec<String>,
    ca: PathBuf,
    timeout_s: u64,
    late_s: u64,
    give_up_s: u64,
    first_pause_s: u64,
    longest_pause_s: u64,
    channel: BTreeMap<String, RawChannel>,
    person: BTreeMap<String, RawPerson>,
    shift: BTreeMap<String, RawShift>,
    roster: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    route: BTreeMap<String, RawRoute>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            allow: Vec::new(),
            ca: PathBuf::new(),
            timeout_s: 20,
            late_s: 3_600,
            give_up_s: 3_600,
            first_pause_s: 5,
            longest_pause_s: 300,
            channel: BTreeMap::new(),
            person: BTreeMap::new(),
            shift: BTreeMap::new(),
            roster: BTreeMap::new(),
            route: BTreeMap::new(),
        }
    }
}

fn chinese() -> String {
    "zh-CN".into()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    #[serde(default)]
    title: String,
    #[serde(default = "chinese")]
    language: String,
    #[serde(default)]
    email: String,
    channels: Vec<String>,
    #[serde(default)]
    quiet: Vec<RawQuiet>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuiet {
    from: String,
    to: String,
    priorities: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShift {
    from: String,
    to: String,
    #[serde(default)]
    days: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    #[serde(default)]
    sites: Vec<String>,
    #[serde(default)]
    areas: Vec<String>,
    #[serde(default)]
    priorities: Vec<u8>,
    #[serde(default)]
    conditions: Vec<String>,
    #[serde(default)]
    shifts: Vec<String>,
    levels: Vec<RawLevel>,
    #[serde(default)]
    returned: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLevel {
    #[serde(default)]
    after_s: u64,
    to: Vec<String>,
}

fn wrong(key: &str, found: impl Into<String>, expected: impl Into<String>) -> ConfigError {
    ConfigError::Named { key: format!("notify.{key}"), found: found.into(), expected: expected.into() }
}

/// Checks `[notify]`; `None` where there is no channel.
pub(super) fn check(raw: Raw, zone: &str) -> Result<Option<Notify>, ConfigError> {
    bounds(&raw)?;
    if raw.channel.is_empty() {
        let named = [("person", raw.person.is_empty()), ("route", raw.route.is_empty())];
        return match named.into_iter().find(|(_, empty)| !empty) {
            None => Ok(None),
            Some((what, _)) => {
                Err(wrong("channel", "", format!("there is [notify.{what}], so there must be a [notify.channel.NAME]")))
            }
        };
    }
    let public_url = public(&raw.public_url)?;
    // The whole of the settings was checked for its zone before.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let mut settings = Settings {
        late: Duration::from_secs(raw.late_s),
        give_up: Duration::from_secs(raw.give_up_s),
        first_pause: Duration::from_secs(raw.first_pause_s),
        longest_pause: Duration::from_secs(raw.longest_pause_s),
        ..Settings::new(zone)
    };
    let ca = if raw.ca.as_os_str().is_empty() { Path::new(SYSTEM_CA) } else { &raw.ca };
    let mut setups = BTreeMap::new();
    for (name, one) in &raw.channel {
        plain("channel", name)?;
        let (way, setup) = channel::check(name, one, ca)?;
        settings.ways.insert(name.clone(), way);
        setups.insert(name.clone(), setup);
    }
    for (id, person) in &raw.person {
        plain("person", id)?;
        settings.people.insert(id.clone(), self::person(id, person, &settings.ways)?);
    }
    let mut shifts = BTreeMap::new();
    for (name, shift) in &raw.shift {
        plain("shift", name)?;
        shifts.insert(name.as_str(), hours(&format!("shift.{name}"), shift)?);
    }
    for (name, roster) in &raw.roster {
        plain("roster", name)?;
        settings.rosters.insert(name.clone(), self::roster(name, roster, &shifts, &settings.people)?);
    }
    for (name, route) in &raw.route {
        plain("route", name)?;
        settings.routes.insert(name.clone(), self::route(name, route, &shifts, &settings)?);
    }
    let policy = policy(&raw.allow)?;
    let timeout = Duration::from_secs(raw.timeout_s);
    Ok(Some(Notify { settings, setups, policy, timeout, public_url }))
}

fn bounds(raw: &Raw) -> Result<(), ConfigError> {
    for (key, found, allowed) in [
        ("timeout_s", raw.timeout_s, 1..=120),
        ("late_s", raw.late_s, 60..=86_400),
        ("give_up_s", raw.give_up_s, 60..=86_400),
        ("first_pause_s", raw.first_pause_s, 1..=600),
        ("longest_pause_s", raw.longest_pause_s, 1..=3_600),
    ] {
        if !allowed.contains(&found) {
            let expected = format!("expected {} to {}", allowed.start(), allowed.end());
            return Err(wrong(key, found.to_string(), expected));
        }
    }
    Ok(())
}

fn public(url: &str) -> Result<String, ConfigError> {
    let expected =
        "expected where people reach the page, such as https://danxia.example: each message links to its alarm";
    match url.parse::<Url>() {
        Ok(u) if !u.path.contains('?') && !url.contains(['"', '\'', '<', '>', '(', ')']) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(wrong("public_url", url, expected)),
    }
}

fn plain(table: &str, name: &str) -> Result<(), ConfigError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return Ok(());
    }
    Err(wrong(table, name, format!("a name of 1 to 64 ASCII letters, digits, '-' and '_', as in [notify.{table}.one]")))
}

fn policy(allow: &[String]) -> Result<Policy, ConfigError> {
    let (mut names, mut networks) = (Vec::new(), Vec::new());
    for text in allow {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        match text.parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(_)
                if !text.is_empty() && text.chars().all(name) && text.contains(|c: char| c.is_ascii_alphabetic()) =>
            {
                names.push(text.clone());
            }
            Err(e) => return Err(wrong("allow", text, format!("{e}, or the name of a host"))),
        }
    }
    Ok(Policy::public_and(names, networks))
}

fn language(key: &str, tag: &str) -> Result<Language, ConfigError> {
    Language::parse(tag).ok_or_else(|| wrong(key, tag, "expected \"zh-CN\" or \"en\""))
}

fn person(id: &str, raw: &RawPerson, ways: &BTreeMap<String, Way>) -> Result<Person, ConfigError> {
    let key = |field: &str| format!("person.{id}.{field}");
    let email = match raw.email.trim() {
        "" => None,
        text => Some(Email::address(text).map_err(|e| wrong(&key("email"), text, e))?),
    };
    for channel in &raw.channels {
        match ways.get(channel) {
            None => return Err(wrong(&key("channels"), channel, "there is no such [notify.channel.NAME]")),
            Some(way) if way.personal && email.is_none() => {
                return Err(wrong(&key("email"), "", format!("{channel} is e-mail: expected an address")));
            }
            Some(_) => {}
        }
    }
    let quiet = |q: &RawQuiet| {
        let shift = RawShift { from: q.from.clone(), to: q.to.clone(), days: Vec::new() };
        Ok(Quiet { hours: hours(&key("quiet"), &shift)?, priorities: priorities(&key("quiet"), &q.priorities)? })
    };
    let title = if raw.title.trim().is_empty() { id.to_owned() } else { raw.title.trim().to_owned() };
    Ok(Person {
        title,
        language: language(&key("language"), &raw.language)?,
        email,
        channels: raw.channels.clone(),
        quiet: raw.quiet.iter().map(quiet).collect::<Result<_, ConfigError>>()?,
    })
}

fn priorities(key: &str, found: &[u8]) -> Result<BTreeSet<u8>, ConfigError> {
    match found.iter().find(|p| !(1..=4).contains(*p)) {
        Some(p) => Err(wrong(key, p.to_string(), "expected priorities from 1 to 4")),
        None => Ok(found.iter().copied().collect()),
    }
}

fn hours(key: &str, raw: &RawShift) -> Result<Hours, ConfigError> {
    let minutes = |text: &str| {
        let (h, m) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
        let (h, m) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
        (h < 24 && m < 60).then_some(h * 60 + m)
    };
    let one = |text: &str| minutes(text).ok_or_else(|| wrong(key, text, "expected a time such as 06:30"));
    let mut days = 0;
    for day in &raw.days {
        let at = DAYS.iter().position(|d| d == day);
        days |= 1 << at.ok_or_else(|| wrong(key, day, format!("expected days such as {}", DAYS.join(", "))))?;
    }
    Ok(Hours { days: if raw.days.is_empty() { EVERY_DAY } else { days }, from: one(&raw.from)?, to: one(&raw.to)? })
}

fn roster(
    name: &str,
    raw: &BTreeMap<String, Vec<String>>,
    shifts: &BTreeMap<&str, Hours>,
    people: &BTreeMap<String, Person>,
) -> Result<Roster, ConfigError> {
    let mut out = Vec::new();
    for (shift, ids) in raw {
        let key = format!("roster.{name}.{shift}");
        let hours = shifts.get(shift.as_str());
        let hours = hours.ok_or_else(|| wrong(&key, shift, "there is no such [notify.shift.NAME]"))?;
        if let Some(id) = ids.iter().find(|id| !people.contains_key(*id)) {
            return Err(wrong(&key, id, "there is no such [notify.person.NAME]"));
        }
        out.push((*hours, ids.clone()));
    }
    Ok(out)
}

fn route(
    name: &str,
    raw: &RawRoute,
    shifts: &BTreeMap<&str, Hours>,
    settings: &Settings,
) -> Result<Route, ConfigError> {
    let key = |field: &str| format!("route.{name}.{field}");
    let group = |text: &String| {
        let names = || Group::ALL.map(Group::as_str).join(", ");
        Group::parse(text).ok_or_else(|| wrong(&key("conditions"), text, format!("expected some of {}", names())))
    };
    let shift = |text: &String| {
        let found = shifts.get(text.as_str()).copied();
        found.ok_or_else(|| wrong(&key("shifts"), text, "there is no such [notify.shift.NAME]"))
    };
    if raw.levels.is_empty() || raw.levels.len() > 16 {
        let expected = "expected 1 to 16 levels, as in levels = [{ to = [\"person:lin\"] }]";
        return Err(wrong(&key("levels"), raw.levels.len().to_string(), expected));
    }
    let mut levels = Vec::new();
    for level in &raw.levels {
        let to = level.to.iter().map(|text| recipient(&key("levels"), text, settings));
        if level.after_s > 7 * 86_400 {
            return Err(wrong(&key("levels"), level.after_s.to_string(), "expected after_s of at most 604800, a week"));
        }
        levels.push(Level { after: Duration::from_secs(level.after_s), to: to.collect::<Result<_, _>>()? });
    }
    Ok(Route {
        sites: raw.sites.iter().cloned().collect(),
        areas: raw.areas.iter().cloned().collect(),
        priorities: priorities(&key("priorities"), &raw.priorities)?,
        groups: raw.conditions.iter().map(group).collect::<Result<_, _>>()?,
        hours: raw.shifts.iter().map(shift).collect::<Result<_, _>>()?,
        levels,
        returned: raw.returned,
    })
}

fn recipient(key: &str, text: &str, settings: &Settings) -> Result<Recipient, ConfigError> {
    let unknown = |table: &str| Err(wrong(key, text, format!("there is no such [notify.{table}.NAME]")));
    match text.split_once(':') {
        Some(("person", id)) if settings.people.contains_key(id) => Ok(Recipient::Person(id.into())),
        Some(("person", _)) => unknown("person"),
        Some(("roster", name)) if settings.rosters.contains_key(name) => Ok(Recipient::Roster(name.into())),
        Some(("roster", _)) => unknown("roster"),
        Some(("channel", name)) => match settings.ways.get(name) {
            None => unknown("channel"),
            Some(way) if way.personal => {
                Err(wrong(key, text, "each person has an address of their own there: name a person or a roster"))
            }
            Some(_) => Ok(Recipient::Channel(name.into())),
        },
        _ => Err(wrong(key, text, "expected person:NAME, roster:NAME or channel:NAME")),
    }
}

#[cfg(test)]
mod tests;
