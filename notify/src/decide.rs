//! The transition function: `(state, event, now) -> (state, actions)`. It reads no clock and touches no socket.
//!
//! A decision (who is told what, and what was put into which message) is part of the state, and the state is stored before
//! a message leaves. So after a kill every decision stands as it was taken, once; only a message that was under way is sent
//! again, under the same key.

use std::collections::BTreeSet;

use plant::Timestamp;

use crate::people::{self, Reached};
use crate::settings::Settings;
use crate::state::{Chain, Entry, Line, Logged, Standing, State, Target, What};
use crate::step::{Kind, Step};
use crate::{dispatch, outcome};

pub use crate::outcome::Outcome;

/// Alarms of which escalation is kept; beyond, people are told once.
const STANDING: usize = 10_000;
/// Entries that wait for one receiver; beyond, they are counted.
const WAITING: usize = 1_000;

/// What happens.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A step of an alarm, in the order of the journal. One that was taken in before is passed over.
    Step(&'a Step),
    /// Time has passed.
    Tick,
    /// What became of a message that was sent.
    Delivered {
        /// To whom.
        target: &'a Target,
        /// Its key.
        key: &'a str,
        /// What was said.
        outcome: &'a Outcome,
    },
    /// What became of a test, which somebody asked for.
    Tested {
        /// To whom.
        target: &'a Target,
        /// Its key.
        key: &'a str,
        /// What was said.
        outcome: &'a Outcome,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the message that stands at the head of this receiver's line.
    Send {
        /// To whom.
        target: Target,
        /// The message's key.
        key: String,
    },
    /// The channels that are dead are others than before.
    Dead(Vec<String>),
}

impl State {
    /// Takes `event` in at `now`.
    pub fn apply(&mut self, settings: &Settings, event: &Event<'_>, now: Timestamp) -> Vec<Action> {
        let before = self.dead();
        match event {
            Event::Step(step) => self.step(settings, step, now),
            Event::Tick => {}
            Event::Delivered { target, key, outcome } => {
                outcome::delivered(self, settings, (target, key), outcome, now)
            }
            Event::Tested { target, key, outcome } => outcome::tested(self, (target, key), outcome, now),
        }
        self.escalate(settings, now);
        let mut actions = dispatch::dispatch(self, settings, now);
        let after = self.dead();
        if after != before {
            actions.push(Action::Dead(after));
        }
        actions
    }

    /// The channels that are dead, by name.
    #[must_use]
    pub fn dead(&self) -> Vec<String> {
        self.channels.iter().filter(|(_, h)| h.dead.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// When something is to be done next, if nothing happens before.
    #[must_use]
    pub fn due(&self, settings: &Settings) -> Option<Timestamp> {
        let chains = self.standing.values().flat_map(|s| s.chains.iter().filter_map(|c| c.due));
        let lines = self.lines.iter().filter_map(|(target, line)| dispatch::due(settings, target, line));
        chains.chain(lines).min().map(Timestamp::from_nanos)
    }

    /// Leaves out what the settings no longer know: channels, people and routes that were removed. For the start.
    pub fn fit(&mut self, settings: &Settings, now: Timestamp) {
        self.channels.retain(|name, _| settings.ways.contains_key(name));
        let gone: Vec<Target> = self.lines.keys().filter(|target| !people::known(settings, target)).cloned().collect();
        for target in gone {
            let Some(line) = self.lines.remove(&target) else { continue };
            let entries: Vec<_> = line.head.map(|m| m.entries).unwrap_or_default();
            let all: Vec<_> = entries.into_iter().chain(line.waiting).collect();
            if let Some(first) = all.first() {
                let why = "the settings no longer name this channel or person";
                let log = Logged { alarms: all.len() as u32, ..noted(first, now, "gone", why) };
                self.write(Logged { channel: target.channel, person: target.person, ..log });
            }
        }
        for standing in self.standing.values_mut() {
            standing.chains.retain(|c| settings.routes.contains_key(&c.route));
        }
        self.standing.retain(|_, s| !s.chains.is_empty());
    }

    fn step(&mut self, settings: &Settings, step: &Step, now: Timestamp) {
        if step.place <= self.cursor {
            return;
        }
        self.cursor = step.place;
        match step.kind {
            Kind::Quiet => {}
            Kind::Raised => self.raised(settings, step, now),
            Kind::Acknowledged => self.acknowledged(settings, step.alarm),
            Kind::Returned => self.returned(settings, step, now),
        }
    }

    fn raised(&mut self, settings: &Settings, step: &Step, now: Timestamp) {
        let takes = settings.routes.iter().filter(|(_, r)| r.takes(step, now, &settings.zone));
        let routes: Vec<&String> = takes.map(|(name, _)| name).collect();
        if routes.is_empty() {
            return;
        }
        let entry = entry_of(step, What::Raised, 0);
        if now.since(step.t) > settings.late {
            self.write(noted(&entry, now, "late", "the condition began long before it became known"));
            return;
        }
        let chain = |route: &&String| Chain {
            route: (*route).clone(),
            next: 0,
            due: settings.routes[*route].levels.first().map(|l| (now + l.after).nanos()),
            told: BTreeSet::new(),
        };
        let chains = routes.iter().map(chain).collect();
        let (place, priority, t) = (step.place, step.priority, step.t.nanos());
        // The alarm that is raised again is another one: what was still to be told of the last time is not told twice.
        self.forget(step.alarm, |e| e.level > 0 || e.held > 0);
        self.standing.insert(step.alarm, Standing { place, priority, t, chains });
    }

    /// Nobody else is woken; what waits for the morning need not be told.
    fn acknowledged(&mut self, settings: &Settings, alarm: u64) {
        self.forget(alarm, |e| e.level > 0 || e.held > 0);
        let Some(standing) = self.standing.get_mut(&alarm) else { return };
        for chain in &mut standing.chains {
            chain.due = None;
        }
        standing.chains.retain(|c| settings.routes.get(&c.route).is_some_and(|r| r.returned));
        if standing.chains.is_empty() {
            self.standing.remove(&alarm);
        }
    }

    fn returned(&mut self, settings: &Settings, step: &Step, now: Timestamp) {
        self.forget(step.alarm, |e| e.level > 0 || e.held > 0);
        let Some(standing) = self.standing.remove(&step.alarm) else { return };
        let tells = |c: &&Chain| settings.routes.get(&c.route).is_some_and(|r| r.returned);
        let told: BTreeSet<Target> = standing.chains.iter().filter(tells).flat_map(|c| c.told.clone()).collect();
        for target in told.into_iter().filter(|t| people::known(settings, t)) {
            let whom = BTreeSet::from_iter((!target.person.is_empty()).then(|| target.person.clone()));
            let held = people::held(settings, &target, step.priority, now);
            self.wait(target, Entry { whom, held, ..entry_of(step, What::Returned, 0) });
        }
    }

    /// Takes back what waits for this alarm and is no longer needed, and who was then not told.
    fn forget(&mut self, alarm: u64, needless: impl Fn(&Entry) -> bool) {
        for (target, line) in &mut self.lines {
            let before = line.waiting.len();
            line.waiting.retain(|e| e.alarm != alarm || !needless(e));
            if line.waiting.len() != before
                && let Some(standing) = self.standing.get_mut(&alarm)
            {
                standing.chains.iter_mut().for_each(|c| {
                    c.told.remove(target);
                });
            }
        }
    }

    /// Tells the next level of every alarm whose time has come. A level that reaches nobody is passed over at once.
    fn escalate(&mut self, settings: &Settings, now: Timestamp) {
        let due = |s: &Standing| s.chains.iter().any(|c| c.due.is_some_and(|at| at <= now.nanos()));
        let mut alarms: Vec<_> = self.standing.iter().filter(|(_, s)| due(s)).map(|(&id, s)| (s.place, id)).collect();
        // In the order in which they were raised.
        alarms.sort_unstable();
        for (_, alarm) in alarms {
            self.climb(settings, alarm, now);
        }
    }

    fn climb(&mut self, settings: &Settings, alarm: u64, now: Timestamp) {
        let Some(mut standing) = self.standing.remove(&alarm) else { return };
        let mut fresh: Vec<(Target, Entry)> = Vec::new();
        let mut nobody = Vec::new();
        for chain in &mut standing.chains {
            while chain.due.is_some_and(|at| at <= now.nanos()) {
                let reached = climb_one(settings, chain, now);
                let entry = Entry {
                    alarm,
                    place: standing.place,
                    what: if reached.level == 0 { What::Raised } else { What::Escalated },
                    level: reached.level,
                    priority: standing.priority,
                    t: standing.t,
                    held: 0,
                    whom: BTreeSet::new(),
                };
                if reached.targets.is_empty() {
                    let why = format!("level {} of route {} reaches nobody now", reached.level + 1, chain.route);
                    nobody.push(noted(&entry, now, "nobody", &why));
                }
                for (target, whom) in reached.targets {
                    chain.told.insert(target.clone());
                    let held = people::held(settings, &target, standing.priority, now);
                    match fresh.iter_mut().find(|(t, _)| *t == target) {
                        // Two routes reach the same person: they are told once.
                        Some((_, e)) => e.whom.extend(whom),
                        None => fresh.push((target, Entry { held, whom, ..entry.clone() })),
                    }
                }
            }
        }
        nobody.into_iter().for_each(|line| self.write(line));
        fresh.into_iter().for_each(|(target, entry)| self.wait(target, entry));
        let stays = |c: &Chain| c.due.is_some() || settings.routes.get(&c.route).is_some_and(|r| r.returned);
        standing.chains.retain(stays);
        if !standing.chains.is_empty() && self.standing.len() < STANDING {
            self.standing.insert(alarm, standing);
        }
    }

    /// Puts an entry into the line of its receiver.
    fn wait(&mut self, target: Target, entry: Entry) {
        let line: &mut Line = self.lines.entry(target).or_default();
        if line.waiting.len() < WAITING {
            line.waiting.push(entry);
        } else {
            line.more = line.more.saturating_add(1);
        }
    }
}

/// The next level of `chain`, and when the one after it is due.
fn climb_one(settings: &Settings, chain: &mut Chain, now: Timestamp) -> Reached {
    let levels = settings.routes.get(&chain.route).map_or(&[][..], |r| &r.levels);
    let level = chain.next;
    let targets = levels.get(usize::from(level)).map(|l| people::reach(settings, &l.to, now)).unwrap_or_default();
    chain.next = level.saturating_add(1);
    let next = levels.get(usize::from(chain.next));
    // From now and not from when it should have been: after an hour without power the levels do not come all at once.
    let after = |l: &crate::settings::Level| if targets.is_empty() { now } else { now + l.after };
    chain.due = next.map(|l| after(l).nanos());
    Reached { level, targets }
}

fn entry_of(step: &Step, what: What, level: u8) -> Entry {
    Entry {
        alarm: step.alarm,
        place: step.place,
        what,
        level,
        priority: step.priority,
        t: step.t.nanos(),
        held: 0,
        whom: BTreeSet::new(),
    }
}

/// A line of the log of which no message was made.
fn noted(entry: &Entry, now: Timestamp, outcome: &str, why: &str) -> Logged {
    Logged {
        t: now.nanos(),
        outcome: outcome.into(),
        why: why.into(),
        alarms: 1,
        alarm: entry.alarm,
        level: entry.level,
        ..Logged::default()
    }
}
