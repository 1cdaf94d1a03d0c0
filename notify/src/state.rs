//! What was decided and is not yet done: stored before anything is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// Attempts that are remembered.
const LOG: usize = 500;
/// Texts of servers are cut there, characters.
const LONGEST_WHY: usize = 300;
/// The first byte of a stored state; another form has another.
const VERSION: u8 = 1;

/// Who receives a message: a channel and, where each person has an address of their own there, the person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The channel's name.
    pub channel: String,
    /// The person's id; empty where everybody at the channel reads it.
    pub person: String,
}

/// What is told of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// It was raised.
    Raised,
    /// Nobody has acknowledged.
    Escalated,
    /// It is over.
    Returned,
}

/// One thing to be told to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which alarm.
    pub alarm: u64,
    /// The step that it is about: commit and place.
    pub place: (u64, u32),
    /// What is told.
    pub what: What,
    /// Level of escalation, from 0.
    pub level: u8,
    /// 1 to 4.
    pub priority: u8,
    /// When the step was, nanoseconds since 1970.
    pub t: i64,
    /// Not told before this, nanoseconds since 1970: somebody's quiet hours; 0 where it need not wait.
    pub held: i64,
    /// The people that it is for, by id.
    pub whom: BTreeSet<String>,
}

/// A message that was made and that nobody has taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same for every attempt, also after a restart.
    pub key: String,
    /// What it tells; more than one is a digest.
    pub entries: Vec<Entry>,
    /// Alarms beyond those.
    pub more: u32,
    /// Attempts that have failed.
    pub attempts: u32,
    /// When it was made, nanoseconds since 1970.
    pub made: i64,
    /// Whether it is on its way now; after a restart it is not.
    #[serde(skip)]
    pub under_way: bool,
}

/// What waits for one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The message that is being delivered.
    pub head: Option<Message>,
    /// What comes after it.
    pub waiting: Vec<Entry>,
    /// Alarms for which there was no room in `waiting`: they are counted in the next digest.
    pub more: u32,
    /// When requests were answered, of late; nanoseconds since 1970.
    pub sent: Vec<i64>,
    /// Nothing is sent before this.
    pub not_before: i64,
}

/// How a channel fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Since when it is dead, nanoseconds since 1970.
    pub dead: Option<i64>,
    /// Failures in a row.
    pub failures: u32,
    /// Messages that were taken.
    pub accepted: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// When it last took a message.
    pub last_accepted: Option<i64>,
    /// Code and sentence of the last failure, and when; kept until a message is taken.
    pub error: Option<(String, String, i64)>,
}

/// An alarm of which people were told, and how far that has come on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The route's name.
    pub route: String,
    /// The level that is next.
    pub next: u8,
    /// When, nanoseconds since 1970; `None`: never.
    pub due: Option<i64>,
    /// Who was told.
    pub told: BTreeSet<Target>,
}

/// An alarm that stands, or of whose end people want to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The step that raised it.
    pub place: (u64, u32),
    /// 1 to 4.
    pub priority: u8,
    /// When it was raised.
    pub t: i64,
    /// By route.
    pub chains: Vec<Chain>,
}

/// One line of the delivery log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// Counts up.
    pub id: u64,
    /// When, nanoseconds since 1970.
    pub t: i64,
    /// The message's key; empty where none was made.
    pub key: String,
    /// By which channel; empty where none was made.
    pub channel: String,
    /// To whom; empty where everybody at the channel reads it.
    pub person: String,
    /// What became of it: `accepted`, `retry`, `given_up`, `late`, `nobody`, `gone`, `test`.
    pub outcome: String,
    /// The code of the failure; empty where there is none.
    pub code: String,
    /// A sentence.
    pub why: String,
    /// The attempt, from 1; 0 where none was made.
    pub attempt: u32,
    /// How many alarms it tells of.
    pub alarms: u32,
    /// The first of them.
    pub alarm: u64,
    /// The level of escalation of the first.
    pub level: u8,
}

/// Everything that is not done yet, and what was done of late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last step that was taken in.
    pub cursor: (u64, u32),
    /// Alarms of which people were told, by id.
    pub standing: BTreeMap<u64, Standing>,
    /// What waits, by receiver.
    pub lines: BTreeMap<Target, Line>,
    /// Channels that were used, by name.
    pub channels: BTreeMap<String, Health>,
    /// The delivery log, the oldest first.
    pub log: VecDeque<Logged>,
    /// The number of the next line of the log.
    pub next_log: u64,
}

/// A state of another version, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was to be notified is stored in a form that this version does not know: run the version that wrote it")]
pub struct StateError;

impl State {
    /// That has taken in everything up to `cursor`.
    #[must_use]
    pub fn at(cursor: (u64, u32)) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// As it is stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        // Into memory, which does not fail; every field has a form in CBOR.
        let _ = ciborium::into_writer(self, &mut out);
        out
    }

    /// As it was stored.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => ciborium::from_reader(rest).map_err(|_| StateError),
            _ => Err(StateError),
        }
    }

    /// Takes back that the head of a line is on its way.
    pub(crate) fn hold_back(&mut self, target: &Target) {
        if let Some(head) = self.lines.get_mut(target).and_then(|l| l.head.as_mut()) {
            head.under_way = false;
        }
    }

    pub(crate) fn write(&mut self, mut line: Logged) {
        line.id = self.next_log;
        self.next_log += 1;
        line.why = crate::escape::one_line(&line.why, LONGEST_WHY);
        if self.log.len() >= LOG {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }
}
