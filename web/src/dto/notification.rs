//! Who was told of alarms, and by which way.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Channels, and what was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notifications {
    /// Whether there is a channel: without, nobody is told.
    pub configured: bool,
    /// Channels, by name.
    pub channels: Vec<NotificationChannel>,
    /// Alarms that nobody has acknowledged and whose next level is still to come.
    pub escalating: u64,
    /// The delivery log, the newest first.
    pub log: Vec<NotificationAttempt>,
    /// `before` of the next page; `null` where this is the last.
    pub next: Option<u64>,
}

/// A channel; counts are since notification was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationChannel {
    /// Its name.
    pub name: String,
    /// `email`, `webhook`, `wecom`, `dingtalk` or `feishu`.
    pub kind: String,
    /// `unused`, `working`, `failing` (it is tried again) or `dead` (which is an alarm).
    pub state: String,
    /// Since when it is dead.
    pub dead_since: Option<Time>,
    /// Alarms that wait for it.
    pub waiting: u64,
    /// Messages that it took.
    pub accepted: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// When it last took a message.
    pub last_accepted: Option<Time>,
    /// The code of the last failure, until it takes a message.
    pub error_code: Option<String>,
    /// What was said then.
    pub error: Option<String>,
    /// When that was.
    pub error_at: Option<Time>,
}

/// One line of the delivery log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationAttempt {
    /// Counts up; gives `before`.
    pub id: u64,
    /// When.
    pub t: Time,
    /// What became of it: `accepted`, `retry`, `given_up`, `test`, or, where no message was made, `late` (history), `nobody`
    /// (the level reaches nobody) or `gone` (the settings no longer name the receiver).
    pub outcome: String,
    /// The channel.
    pub channel: Option<String>,
    /// The person, where the channel has an address for each.
    pub person: Option<String>,
    /// The message's key: the same for every attempt.
    pub key: Option<String>,
    /// Which attempt; 0 where no message was made.
    pub attempt: u32,
    /// How many alarms it tells of.
    pub alarms: u32,
    /// The first of them.
    pub alarm: Option<String>,
    /// Level of escalation of the first, from 0.
    pub level: u8,
    /// The code of what went wrong.
    pub code: Option<String>,
    /// What was said.
    pub why: Option<String>,
}

/// To whom a test is to go: a channel that everybody reads, a person by all their ways, or a person by one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationTest {
    /// The channel's name.
    pub channel: Option<String>,
    /// The person's name.
    pub person: Option<String>,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationTested {
    /// One for each receiver.
    pub results: Vec<NotificationResult>,
}

/// What one receiver said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationResult {
    /// The channel.
    pub channel: String,
    /// The person, where the channel has an address for each.
    pub person: Option<String>,
    /// Whether it was taken.
    pub accepted: bool,
    /// The code of what went wrong.
    pub code: Option<String>,
    /// What was said.
    pub why: Option<String>,
}
