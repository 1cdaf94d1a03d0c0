//! From a message of the state to what is sent: what it tells of is read from the journal.

use historian::{ReadError, Register};
use plant::AlarmId;

use super::Config;
use crate::letter::{Item, Letter};
use crate::outcome::Outcome;
use crate::state::{Entry, Message, Target};
use crate::step::Facts;

/// Sends a message.
pub(super) async fn message(config: &Config, register: Register, target: &Target, m: &Message) -> Outcome {
    let (entries, url) = (m.entries.clone(), config.public_url.clone());
    let read = tokio::task::spawn_blocking(move || items(&register, &entries, &url)).await;
    let items = match read {
        Ok(Ok(items)) => items,
        Ok(Err(e)) => return Outcome::Later { code: "journal", why: e.to_string(), after: None },
        Err(e) => return Outcome::Later { code: "journal", why: e.to_string(), after: None },
    };
    if items.is_empty() {
        let why = "the journal of alarms no longer holds what this told of".into();
        return Outcome::Refused { code: "gone", why };
    }
    let whom = m.entries.iter().flat_map(|e| e.whom.iter()).cloned().collect();
    send(config, target, letter(config, target, &m.key, items, m.more, whom)).await
}

/// Sends a test.
pub(super) async fn test(config: &Config, target: &Target, key: &str) -> Outcome {
    send(config, target, letter(config, target, key, Vec::new(), 0, std::collections::BTreeSet::new())).await
}

/// Where the minute is full.
pub(super) fn full() -> Outcome {
    let why = "as many messages as this receiver takes in a minute were sent: try again in a minute".into();
    Outcome::Later { code: "throttled_here", why, after: None }
}

async fn send(config: &Config, target: &Target, letter: Letter) -> Outcome {
    match config.setups.get(&target.channel) {
        Some(setup) => setup.send(&letter, &config.means).await,
        None => Outcome::Refused { code: "gone", why: "the settings no longer name this channel".into() },
    }
}

fn letter(
    config: &Config,
    target: &Target,
    key: &str,
    items: Vec<Item>,
    more: u32,
    whom: std::collections::BTreeSet<String>,
) -> Letter {
    let settings = &config.settings;
    let person = settings.people.get(&target.person);
    let way = settings.ways.get(&target.channel).map(|w| w.language).unwrap_or_default();
    let title = |id: String| settings.people.get(&id).map_or(id, |p| p.title.clone());
    Letter {
        key: key.to_owned(),
        language: person.map_or(way, |p| p.language),
        to: person.and_then(|p| p.email.clone()),
        // Who has a message alone needs not be told that it is theirs.
        whom: if person.is_some() { Vec::new() } else { whom.into_iter().map(title).collect() },
        items,
        more,
        overview: format!("{}/#/alarms", config.public_url),
        zone: settings.zone.clone(),
    }
}

fn items(register: &Register, entries: &[Entry], url: &str) -> Result<Vec<Item>, ReadError> {
    let plant = register.plant();
    let mut out = Vec::with_capacity(entries.len());
    for e in entries {
        let after = (e.place.0, e.place.1.saturating_add(1));
        let found = register.alarm_journal(Some(AlarmId(e.alarm)), Some(after), 1)?;
        if let Some(step) = found.first().filter(|j| (j.seq, j.n) == e.place) {
            let facts = Facts::read(&step.transition, &plant);
            let link = format!("{url}/#/alarms/{}", facts.alarm);
            out.push(Item { facts, what: e.what, level: e.level, link });
        }
    }
    Ok(out)
}
