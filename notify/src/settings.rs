//! Who is told what, by which way. Checked once; what is made of them is pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::duty::Hours;
use crate::step::{Group, Step};
use crate::words::Language;

/// A way to reach people, as far as decisions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether each person has an address of their own there; otherwise whoever belongs to it reads everything.
    pub personal: bool,
    /// At most so many messages a minute to one receiver; what is beyond is put together.
    pub per_minute: u32,
    /// What messages to everybody are written in.
    pub language: Language,
}

/// Hours in which a person is not told of what can wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// When.
    pub hours: Hours,
    /// Which priorities can wait.
    pub priorities: BTreeSet<u8>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As others know them.
    pub title: String,
    /// What they read.
    pub language: Language,
    /// For e-mail.
    pub email: Option<String>,
    /// The ways by which they want to be told.
    pub channels: Vec<String>,
    /// When they do not want to be told.
    pub quiet: Vec<Quiet>,
}

/// Who is on duty in which hours: hours, and people by id.
pub type Roster = Vec<(Hours, Vec<String>)>;

/// To whom something goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// A person, by the ways that they chose.
    Person(String),
    /// Whoever is on duty.
    Roster(String),
    /// A channel, whoever reads it.
    Channel(String),
}

/// A step of escalation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// How long after the level before, where nobody has acknowledged; the first one's is counted from the alarm.
    pub after: Duration,
    /// Who is told.
    pub to: Vec<Recipient>,
}

/// Which alarms go to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Sites; every one where it is empty.
    pub sites: BTreeSet<String>,
    /// Areas; every one, and machines without one, where it is empty.
    pub areas: BTreeSet<String>,
    /// Priorities; every one where it is empty.
    pub priorities: BTreeSet<u8>,
    /// Groups of conditions; every one where it is empty.
    pub groups: BTreeSet<Group>,
    /// Hours in which it holds; always where it is empty.
    pub hours: Vec<Hours>,
    /// Who is told, one after the other.
    pub levels: Vec<Level>,
    /// Whether those who were told are told that it is over.
    pub returned: bool,
}

impl Route {
    /// Whether a step goes this way at `now`.
    #[must_use]
    pub fn takes(&self, step: &Step, now: plant::Timestamp, zone: &TimeZone) -> bool {
        let area = || step.area.as_ref().is_some_and(|a| self.areas.contains(a));
        (self.sites.is_empty() || self.sites.contains(&step.site))
            && (self.areas.is_empty() || area())
            && (self.priorities.is_empty() || self.priorities.contains(&step.priority))
            && (self.groups.is_empty() || self.groups.contains(&step.group))
            && (self.hours.is_empty() || self.hours.iter().any(|h| h.hold(now, zone)))
    }
}

/// Everything that decisions depend on beside what happens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The plant's time zone.
    pub zone: TimeZone,
    /// Ways, by name.
    pub ways: BTreeMap<String, Way>,
    /// People, by id.
    pub people: BTreeMap<String, Person>,
    /// Rosters, by name.
    pub rosters: BTreeMap<String, Roster>,
    /// Routes, by name; every one that takes a step counts.
    pub routes: BTreeMap<String, Route>,
    /// A condition that began longer ago than this is history when it becomes known.
    pub late: Duration,
    /// A message that nobody took for this long is given up.
    pub give_up: Duration,
    /// The pause after a first failure, doubled with each further one …
    pub first_pause: Duration,
    /// … up to this.
    pub longest_pause: Duration,
}

impl Settings {
    /// Nobody is told anything.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            ways: BTreeMap::new(),
            people: BTreeMap::new(),
            rosters: BTreeMap::new(),
            routes: BTreeMap::new(),
            late: Duration::from_secs(3_600),
            give_up: Duration::from_secs(3_600),
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(300),
        }
    }
}
