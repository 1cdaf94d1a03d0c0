//! What became of a message, and what follows.

use std::time::Duration;

use plant::Timestamp;

use crate::settings::Settings;
use crate::state::{Health, Logged, Message, State, Target};

/// After so many failures in a row a channel is dead.
const DEAD_AFTER: u32 = 3;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Accepted,
    /// Not now: it is tried again.
    Later {
        /// A stable code.
        code: &'static str,
        /// What was said.
        why: String,
        /// Not before this time has passed.
        after: Option<Duration>,
    },
    /// We are refused, whatever we say: somebody has to change a setting. It is tried again, seldom.
    Barred {
        /// A stable code.
        code: &'static str,
        /// What was said.
        why: String,
    },
    /// This message is refused for good.
    Refused {
        /// A stable code.
        code: &'static str,
        /// What was said.
        why: String,
    },
}

impl Outcome {
    /// Code and sentence of a failure.
    #[must_use]
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Accepted => None,
            Self::Later { code, why, .. } | Self::Barred { code, why } | Self::Refused { code, why } => {
                Some((code, why))
            }
        }
    }
}

pub(crate) fn delivered(
    state: &mut State,
    settings: &Settings,
    (target, key): (&Target, &str),
    outcome: &Outcome,
    now: Timestamp,
) {
    let Some(line) = state.lines.get_mut(target) else { return };
    let Some(mut message) = line.head.take_if(|m| m.key == key) else { return };
    line.sent.push(now.nanos());
    message.under_way = false;
    message.attempts += 1;
    let mut log = logged(&message, target, outcome, now);
    let old = now.since(Timestamp::from_nanos(message.made)) >= settings.give_up;
    let given_up = match outcome {
        Outcome::Accepted => false,
        Outcome::Refused { .. } => true,
        Outcome::Later { .. } | Outcome::Barred { .. } => old,
    };
    line.not_before = 0;
    if given_up {
        log.outcome = "given_up".into();
    } else if *outcome != Outcome::Accepted {
        line.not_before = (now + pause(settings, message.attempts, outcome)).nanos();
        log.outcome = "retry".into();
        line.head = Some(message);
    }
    let health = state.channels.entry(target.channel.clone()).or_default();
    health.given_up += u64::from(given_up);
    learn(health, outcome, given_up, now);
    state.write(log);
}

pub(crate) fn tested(state: &mut State, (target, key): (&Target, &str), outcome: &Outcome, now: Timestamp) {
    state.lines.entry(target.clone()).or_default().sent.push(now.nanos());
    learn(state.channels.entry(target.channel.clone()).or_default(), outcome, false, now);
    let (code, why) = outcome.failure().unwrap_or_default();
    state.write(Logged {
        t: now.nanos(),
        key: key.into(),
        channel: target.channel.clone(),
        person: target.person.clone(),
        outcome: "test".into(),
        code: code.into(),
        why: why.into(),
        attempt: 1,
        ..Logged::default()
    });
}

fn learn(health: &mut Health, outcome: &Outcome, given_up: bool, now: Timestamp) {
    let Some((code, why)) = outcome.failure() else {
        *health = Health {
            dead: None,
            failures: 0,
            accepted: health.accepted + 1,
            last_accepted: Some(now.nanos()),
            error: None,
            ..health.clone()
        };
        return;
    };
    health.failures = health.failures.saturating_add(1);
    health.failed += 1;
    health.error = Some((code.into(), crate::escape::one_line(why, 300), now.nanos()));
    let dead = given_up || health.failures >= DEAD_AFTER || matches!(outcome, Outcome::Barred { .. });
    if dead && health.dead.is_none() {
        health.dead = Some(now.nanos());
    }
}

/// Doubled with each attempt, up to a bound; never shorter than was asked for.
fn pause(settings: &Settings, attempts: u32, outcome: &Outcome) -> Duration {
    let doubled = settings.first_pause.saturating_mul(1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX));
    let ours = doubled.min(settings.longest_pause);
    match outcome {
        Outcome::Later { after: Some(after), .. } => ours.max((*after).min(settings.give_up)),
        Outcome::Barred { .. } => settings.longest_pause,
        _ => ours,
    }
}

fn logged(message: &Message, target: &Target, outcome: &Outcome, now: Timestamp) -> Logged {
    let (code, why) = outcome.failure().unwrap_or_default();
    let first = message.entries.first();
    Logged {
        t: now.nanos(),
        key: message.key.clone(),
        channel: target.channel.clone(),
        person: target.person.clone(),
        outcome: "accepted".into(),
        code: code.into(),
        why: why.into(),
        attempt: message.attempts,
        alarms: message.more + message.entries.len() as u32,
        alarm: first.map_or(0, |e| e.alarm),
        level: first.map_or(0, |e| e.level),
        ..Logged::default()
    }
}
