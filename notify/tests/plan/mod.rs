//! A plant's settings, and a run of decisions over a time that the test makes.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use notify::duty::{EVERY_DAY, Hours};
use notify::settings::{Person, Quiet, Way};
use notify::state::{Message, State, Target, What};
use notify::step::{Group, Kind, Place};
use notify::words::Language;
use notify::{Action, Event, Outcome, Settings, Step};
use plant::Timestamp;

/// 2026-11-30, 10:00 in Shanghai.
pub const NOW: i64 = 1_796_004_000;

pub fn hours(from: u16, to: u16) -> Hours {
    Hours { days: EVERY_DAY, from: from * 60, to: to * 60 }
}

pub fn person(title: &str, channels: &[&str], quiet: Vec<Quiet>) -> Person {
    Person {
        title: title.into(),
        language: Language::En,
        email: Some(format!("{title}@plant.example")),
        channels: channels.iter().map(ToString::to_string).collect(),
        quiet,
    }
}

pub fn settings() -> Settings {
    let mut s = Settings::new(TimeZone::get("Asia/Shanghai").unwrap());
    let way = |personal| Way { personal, per_minute: 20, language: Language::En };
    s.ways = [("mail".to_owned(), way(true)), ("group".to_owned(), way(false))].into();
    for name in ["lin", "wang"] {
        s.people.insert(name.into(), person(name, &["mail"], Vec::new()));
    }
    s
}

pub fn step(place: Place, alarm: u64, kind: Kind, priority: u8, t: Timestamp) -> Step {
    Step { place, alarm, kind, t, priority, site: "mill".into(), area: Some("press".into()), group: Group::Limit }
}

pub fn later(after: Option<u64>) -> Outcome {
    Outcome::Later { code: "throttled", why: "later".into(), after: after.map(Duration::from_secs) }
}

/// A state, and what was said to be done with it.
pub struct Run {
    pub settings: Settings,
    pub state: State,
    pub now: Timestamp,
    pub place: Place,
    /// Messages that were said to be sent and have no outcome yet: receiver and key.
    pub under_way: BTreeMap<Target, String>,
    /// Every message once, in the order in which it was first sent.
    pub sent: Vec<(Target, Message)>,
    /// The channels that were dead, at each change.
    pub dead: Vec<Vec<String>>,
}

impl Run {
    pub fn new(settings: Settings) -> Self {
        let state = State::at((10, u32::MAX));
        let now = Timestamp::from_secs(NOW);
        let (under_way, sent, dead) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { settings, state, now, place: (10, u32::MAX), under_way, sent, dead }
    }

    fn apply(&mut self, event: &Event<'_>) {
        for action in self.state.apply(&self.settings, event, self.now) {
            match action {
                Action::Dead(dead) => self.dead.push(dead),
                Action::Send { target, key } => {
                    let message = self.state.lines[&target].head.clone().unwrap();
                    assert_eq!(message.key, key);
                    if !self.sent.iter().any(|(_, m)| m.key == key) {
                        self.sent.push((target.clone(), message));
                    }
                    let twice = self.under_way.insert(target, key);
                    assert_eq!(twice, None, "one at a time to each receiver");
                }
            }
        }
    }

    pub fn apply_step(&mut self, step: &Step) {
        self.place = self.place.max(step.place);
        self.apply(&Event::Step(step));
    }

    /// A step whose consequences are looked at later.
    pub fn step_unsent(&mut self, kind: Kind, alarm: u64, priority: u8) {
        self.place = (self.place.0 + 1, 0);
        let step = step(self.place, alarm, kind, priority, self.now);
        self.apply(&Event::Step(&step));
    }

    pub fn step(&mut self, kind: Kind, alarm: u64, priority: u8) {
        self.step_unsent(kind, alarm, priority);
    }

    /// An alarm whose condition began `ago` seconds before.
    pub fn late_step(&mut self, alarm: u64, ago: i64) {
        self.place = (self.place.0 + 1, 0);
        let t = Timestamp::from_nanos(self.now.nanos() - ago * 1_000_000_000);
        let step = step(self.place, alarm, Kind::Raised, 1, t);
        self.apply(&Event::Step(&step));
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.apply(&Event::Tick);
    }

    /// Answers the first message that is under way.
    pub fn answer(&mut self, outcome: &Outcome) {
        let Some((target, key)) = self.under_way.pop_first() else { return };
        self.apply(&Event::Delivered { target: &target, key: &key, outcome });
    }

    /// Takes every message, also those that follow; gives them as words, in order of receiver and time.
    pub fn accept_all(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        while let Some((target, key)) = self.under_way.pop_first() {
            let message = &self.sent.iter().find(|(_, m)| m.key == key).unwrap().1;
            out.push(words(&target, message));
            self.apply(&Event::Delivered { target: &target, key: &key, outcome: &Outcome::Accepted });
        }
        out
    }

    /// As after kill -9: what was stored comes back, what was under way is not known.
    pub fn restart(&mut self) {
        self.state = State::decode(&self.state.encode()).unwrap();
        self.state.fit(&self.settings, self.now);
        self.under_way.clear();
        self.apply(&Event::Tick);
    }
}

pub fn words(target: &Target, message: &Message) -> String {
    let what = |w| match w {
        What::Raised => "raised",
        What::Escalated => "escalated",
        What::Returned => "returned",
    };
    let entries: Vec<_> = message.entries.iter().map(|e| format!("{} {}", what(e.what), e.alarm)).collect();
    let to =
        if target.person.is_empty() { target.channel.clone() } else { format!("{}/{}", target.channel, target.person) };
    let more = if message.more > 0 { format!(" and {} more", message.more) } else { String::new() };
    format!("{to} {}{more}", entries.join(", "))
}
