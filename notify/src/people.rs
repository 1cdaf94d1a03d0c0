//! From recipients to receivers: who is on duty, and by which ways they want to be told.

use std::collections::{BTreeMap, BTreeSet};

use plant::Timestamp;

use crate::settings::{Recipient, Settings};
use crate::state::Target;

/// Whom a level of escalation reaches.
#[derive(Debug)]
pub(crate) struct Reached {
    /// Which level.
    pub level: u8,
    /// Receivers, and for whom each is, by id.
    pub targets: BTreeMap<Target, BTreeSet<String>>,
}

/// Whom these recipients are at `now`. A person without an address there is not reached by that channel.
pub(crate) fn reach(settings: &Settings, to: &[Recipient], now: Timestamp) -> BTreeMap<Target, BTreeSet<String>> {
    let mut out: BTreeMap<Target, BTreeSet<String>> = BTreeMap::new();
    for recipient in to {
        match recipient {
            Recipient::Channel(channel) => {
                out.entry(Target { channel: channel.clone(), person: String::new() }).or_default();
            }
            Recipient::Person(id) => by_their_ways(settings, id, &mut out),
            Recipient::Roster(name) => {
                for id in on_duty(settings, name, now) {
                    by_their_ways(settings, &id, &mut out);
                }
            }
        }
    }
    out.retain(|target, _| known(settings, target));
    out
}

/// Who is on duty, by id.
pub(crate) fn on_duty(settings: &Settings, roster: &str, now: Timestamp) -> BTreeSet<String> {
    let shifts = settings.rosters.get(roster).map_or(&[][..], Vec::as_slice);
    let held = shifts.iter().filter(|(hours, _)| hours.hold(now, &settings.zone));
    held.flat_map(|(_, people)| people.iter().cloned()).collect()
}

fn by_their_ways(settings: &Settings, id: &str, out: &mut BTreeMap<Target, BTreeSet<String>>) {
    let Some(person) = settings.people.get(id) else { return };
    for channel in &person.channels {
        let Some(way) = settings.ways.get(channel) else { continue };
        let personal = if way.personal { id.to_owned() } else { String::new() };
        let target = Target { channel: channel.clone(), person: personal };
        out.entry(target).or_default().insert(id.to_owned());
    }
}

/// Whether there is such a receiver.
pub(crate) fn known(settings: &Settings, target: &Target) -> bool {
    match settings.ways.get(&target.channel) {
        None => false,
        Some(way) if way.personal => settings.people.get(&target.person).is_some_and(|p| p.email.is_some()),
        Some(_) => target.person.is_empty(),
    }
}

/// Until when a person is not to be told; 0 where they may be told now. What everybody at a channel reads is not held.
pub(crate) fn held(settings: &Settings, target: &Target, priority: u8, now: Timestamp) -> i64 {
    let quiet = settings.people.get(&target.person).map_or(&[][..], |p| &p.quiet);
    let holds = quiet.iter().filter(|q| q.priorities.contains(&priority) && q.hours.hold(now, &settings.zone));
    holds.filter_map(|q| q.hours.end(now, &settings.zone)).map(Timestamp::nanos).max().unwrap_or(0)
}

/// Whom a test goes to: a channel that everybody reads, a person by all their ways, or a person by one channel.
pub fn tested(settings: &Settings, channel: Option<&str>, person: Option<&str>) -> Result<Vec<Target>, String> {
    if let Some(name) = channel
        && !settings.ways.contains_key(name)
    {
        return Err(format!("there is no channel {name:?}: see [notify.channel] in the settings"));
    }
    if let Some(id) = person
        && !settings.people.contains_key(id)
    {
        return Err(format!("there is no person {id:?}: see [notify.person] in the settings"));
    }
    let targets: Vec<Target> = match (channel, person) {
        (None, None) => return Err("name a channel, a person, or both".into()),
        (Some(c), None) => vec![Target { channel: c.to_owned(), person: String::new() }],
        (Some(c), Some(p)) => {
            let personal = settings.ways.get(c).is_some_and(|w| w.personal);
            vec![Target { channel: c.to_owned(), person: if personal { p.to_owned() } else { String::new() } }]
        }
        (None, Some(p)) => {
            let mut found = BTreeMap::new();
            by_their_ways(settings, p, &mut found);
            found.into_keys().collect()
        }
    };
    let targets: Vec<Target> = targets.into_iter().filter(|t| known(settings, t)).collect();
    if targets.is_empty() {
        return Err(
            "nobody is reached by that: each person has an address of their own there, so name one who has".into()
        );
    }
    Ok(targets)
}
