//! What leaves when: one message at a time to each receiver, no more a minute than it takes, and what is beyond that put
//! together into one.
//!
//! The robots of DingTalk and WeCom take 20 messages a minute each (DingTalk, "Custom robot access": 20 a minute, and who
//! sends more is throttled for ten minutes, error 130101; WeCom, "Group robot configuration", document 91770: 20 a minute,
//! error 45009), Feishu 100 a minute and five a second ("Custom bot guide", errors 9499 and 11232).

use std::time::Duration;

use plant::Timestamp;
use ring::digest::{SHA256, digest};

use crate::decide::Action;
use crate::settings::Settings;
use crate::state::{Entry, Line, Message, State, Target};

/// A minute, and what the way there may take longer for one message than for another.
const WINDOW: Duration = Duration::from_secs(62);
/// Alarms that a digest names; the others are counted.
pub(crate) const NAMED: usize = 20;

/// Makes the messages whose time has come, and says which are to be sent.
pub(crate) fn dispatch(state: &mut State, settings: &Settings, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    for (target, line) in &mut state.lines {
        let Some(way) = settings.ways.get(&target.channel) else { continue };
        line.sent.retain(|&t| now.since(Timestamp::from_nanos(t)) < WINDOW);
        if line.head.is_none() && now.nanos() >= line.not_before {
            let free = (way.per_minute as usize).saturating_sub(line.sent.len());
            line.head = make(target, line, free, now);
        }
        if let Some(head) = &mut line.head
            && !head.under_way
            && now.nanos() >= line.not_before
        {
            head.under_way = true;
            actions.push(Action::Send { target: target.clone(), key: head.key.clone() });
        }
    }
    state.lines.retain(|_, l| l.head.is_some() || !l.waiting.is_empty() || !l.sent.is_empty() || l.more > 0);
    actions
}

/// When a line has something to do, if nothing happens before.
pub(crate) fn due(settings: &Settings, target: &Target, line: &Line) -> Option<i64> {
    let way = settings.ways.get(&target.channel)?;
    if let Some(head) = &line.head {
        return (!head.under_way).then_some(line.not_before);
    }
    let ripe = line.waiting.iter().map(|e| e.held).min()?;
    let limit = way.per_minute as usize;
    // With `limit` in the window, the first that counts has to leave it.
    let room = line.sent.len().checked_sub(limit).and_then(|over| line.sent.get(over));
    let room = room.map_or(0, |&t| (Timestamp::from_nanos(t) + WINDOW).nanos());
    Some(ripe.max(room).max(line.not_before))
}

/// The next message: one alarm, or all that wait where more wait than may be sent.
fn make(target: &Target, line: &mut Line, free: usize, now: Timestamp) -> Option<Message> {
    let ripe = line.waiting.iter().filter(|e| e.held <= now.nanos()).count();
    if ripe == 0 || free == 0 {
        return None;
    }
    let mut entries = Vec::new();
    line.waiting.retain(|e| {
        let take = e.held <= now.nanos();
        if take {
            entries.push(e.clone());
        }
        !take
    });
    // The most urgent first, then as they came.
    entries.sort_by_key(|e| (e.priority, e.place, e.level));
    let mut more = 0;
    if ripe < free && line.more == 0 {
        line.waiting.extend(entries.drain(1..));
    } else {
        more = line.more.saturating_add(entries.len().saturating_sub(NAMED) as u32);
        entries.truncate(NAMED);
        line.more = 0;
    }
    let key = key(target, &entries, more);
    Some(Message { key, entries, more, attempts: 0, made: now.nanos(), under_way: false })
}

/// Follows from what is told to whom, so that it is the same after a restart, and another one for everything else.
fn key(target: &Target, entries: &[Entry], more: u32) -> String {
    let mut text = format!("{}\n{}\n{more}\n", target.channel, target.person);
    for e in entries {
        text.push_str(&format!("{:016x} {} {} {:?} {} {}\n", e.alarm, e.place.0, e.place.1, e.what, e.level, e.t));
    }
    digest(&SHA256, text.as_bytes()).as_ref()[..16].iter().map(|b| format!("{b:02x}")).collect()
}
