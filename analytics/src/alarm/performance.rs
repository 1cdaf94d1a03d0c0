//! How well the alarm system serves the people at it: the monitoring that IEC 62682:2014 and ANSI/ISA-18.2-2016 ask for
//! (clause 16 of the latter), held against their figures and those of EEMUA Publication 191.
//!
//! [`Study`] takes the steps of the journal one by one, in the order of the journal, and remembers counts: per minute, per
//! alarm, and how long acknowledgements took. Its memory depends on the period and on how many alarms there are, not on how
//! often they were raised. An *annunciation* is a step that raised an alarm. What was journaled as history paged nobody and
//! is none, nor is an alarm whose evidence was merely shown anew.
//!
//! What is **not** known here: when the platform itself was away. Its journal holds no absence, so a silent stretch may be a
//! quiet plant or a platform that was switched off; rates over a period that holds such a stretch are too low.

mod acknowledge;
mod actors;
mod kpi;
mod rate;
#[cfg(test)]
mod tests;

use std::time::Duration;

use plant::{AlarmKey, AlarmTransition, Priority, Timestamp, Trigger};

pub use acknowledge::Acknowledgement;
pub use actors::{Actor, Chatter, Fleeting, Stale};
pub use kpi::{Kpi, KpiCode};
pub use rate::{BINS, Day, Flood, Rate};

/// The stretch in which annunciations are counted: ten minutes, as both standards and EEMUA 191 have it.
pub const SLOT: Duration = Duration::from_secs(600);
/// A flood begins with a slot of more annunciations than this (ISA-18.2, IEC 62682: more than 10 in 10 minutes).
pub const FLOOD_ABOVE: u32 = 10;
/// It ends before the first slot of fewer than this (ISA-18.2, IEC 62682: fewer than 5 in 10 minutes).
pub const FLOOD_BELOW: u32 = 5;
/// An alarm chatters when it is raised this often
pub const CHATTER_TIMES: usize = 3;
/// within this time (the screening criterion of ISA-18.2).
pub const CHATTER_WITHIN: Duration = Duration::from_secs(60);
/// An alarm that cleared within this time, and was not raised [`CHATTER_WITHIN`] before or after, was fleeting. The
/// standards name no figure; ours is a time in which nobody reads, thinks and acts.
pub const FLEETING: Duration = Duration::from_secs(10);
/// An alarm that stands for longer is stale (ISA-18.2, EEMUA 191).
pub const STALE: Duration = Duration::from_secs(24 * 3600);
/// The most frequent alarms that are named (ISA-18.2, EEMUA 191: the ten).
pub const TOP: usize = 10;
/// Longest period of one study.
pub const LONGEST: Duration = Duration::from_secs(92 * 24 * 3600);
/// Alarms that are told apart; the annunciations of further ones are counted and not ascribed.
pub const MOST_ALARMS: usize = 20_000;
/// Entries of a list of the answer; the counts beside it are of all.
pub const MOST_LISTED: usize = 200;

/// The time that is looked at, `from <= t < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    to: Timestamp,
}

impl Period {
    /// `None` where it is empty or longer than [`LONGEST`].
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        let length = to.since(from);
        (length > Duration::ZERO && length <= LONGEST).then_some(Self { from, to })
    }

    /// Its first instant.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The first instant after it.
    #[must_use]
    pub const fn to(&self) -> Timestamp {
        self.to
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    fn holds(&self, t: Timestamp) -> bool {
        t >= self.from && t < self.to
    }
}

/// Annunciations by priority, in the four of this platform and the three classes of the standards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priorities {
    /// Critical, high, medium, low.
    pub each: [u64; 4],
}

impl Priorities {
    /// The three classes that 5 %, 15 % and 80 % are stated for: high (our critical and high), medium, low. The standards'
    /// fourth class, below 1 % and above high, is an extra of theirs; our critical alarms are counted into high.
    #[must_use]
    pub const fn classes(&self) -> [u64; 3] {
        let [critical, high, medium, low] = self.each;
        [critical + high, medium, low]
    }

    fn add(&mut self, priority: Priority) {
        self.each[usize::from(priority.number() - 1)] += 1;
    }
}

/// What a period amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// The period.
    pub period: Period,
    /// How often an alarm was raised in it.
    pub annunciations: u64,
    /// Of how many alarms.
    pub alarms: usize,
    /// How many annunciations are not ascribed to an alarm, because there are more than [`MOST_ALARMS`].
    pub unascribed: u64,
    /// How they came over time.
    pub rate: Rate,
    /// The most frequent ones, at most [`TOP`].
    pub top: Vec<Actor>,
    /// Those that chattered, the worst first, at most [`MOST_LISTED`];
    pub chattering: Vec<Chatter>,
    /// how many that are in all.
    pub chattering_alarms: usize,
    /// Those that were fleeting, the most frequent first, at most [`MOST_LISTED`];
    pub fleeting: Vec<Fleeting>,
    /// how many that are in all.
    pub fleeting_alarms: usize,
    /// Those that stood for longer than [`STALE`], the oldest first, at most [`MOST_LISTED`];
    pub stale: Vec<Stale>,
    /// how many that are in all,
    pub stale_alarms: usize,
    /// and how many at most in one stretch of 24 h.
    pub stale_most_in_day: u64,
    /// How urgent they were.
    pub priorities: Priorities,
    /// How long they waited for somebody.
    pub acknowledgement: Acknowledgement,
}

impl Performance {
    /// The part of all annunciations that [`Performance::top`] are; `None` where there was none.
    #[must_use]
    pub fn top_share(&self) -> Option<f64> {
        let top: u64 = self.top.iter().map(|a| a.annunciations).sum();
        (self.annunciations > 0).then(|| top as f64 / self.annunciations as f64)
    }
}

/// Takes the steps of a period in.
#[derive(Clone, Debug)]
pub struct Study {
    period: Period,
    rate: rate::Minutes,
    actors: actors::Actors,
    priorities: Priorities,
    acknowledged: acknowledge::Waits,
}

impl Study {
    /// Of a period of which nothing was taken in.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self {
            period,
            rate: rate::Minutes::new(period),
            actors: actors::Actors::default(),
            priorities: Priorities::default(),
            acknowledged: acknowledge::Waits::default(),
        }
    }

    /// Whether anything of this alarm was taken in, or is refused for want of room.
    #[must_use]
    pub fn knows(&self, key: &AlarmKey) -> bool {
        self.actors.knows(key)
    }

    /// Says that an alarm of which nothing was taken in yet stands since `raised`, before the period.
    pub fn stood(&mut self, key: &AlarmKey, priority: Priority, raised: Timestamp) {
        if raised < self.period.from
            && let Some(a) = self.actors.of(key, priority)
        {
            a.stands_since.get_or_insert(raised);
        }
    }

    /// Takes one step in. Those of before the period say what stands when it begins; those of after it are not looked at.
    pub fn step(&mut self, s: &AlarmTransition) {
        if s.t >= self.period.to {
            return;
        }
        let raised = matches!(s.trigger, Trigger::Raised);
        // What is kept from people is not announced; what is announced anew is the same alarm.
        let counts = raised && s.inhibited.is_none() && self.period.holds(s.t);
        if counts {
            self.rate.add(s.t);
            self.priorities.add(s.priority);
        }
        let Some(a) = self.actors.of(&s.key, s.priority) else {
            self.actors.unascribed += u64::from(counts);
            return;
        };
        if s.from.active() && !raised {
            // Since when is not known where nobody said: for the whole of the period that was seen.
            a.stands_since.get_or_insert(self.period.from.min(s.t));
        }
        match s.trigger {
            Trigger::Raised => {
                a.raised(s.t, s.priority, counts);
                if counts && a.waits_since.replace(s.t).is_some() {
                    self.acknowledged.raised_anew();
                }
            }
            Trigger::Cleared => {
                if let Some(stale) = a.cleared(s.t) {
                    self.actors.ended_stale(&self.period, stale);
                }
            }
            Trigger::Acknowledged { .. } => {
                if let Some(since) = a.waits_since.take() {
                    self.acknowledged.after(s.t.since(since));
                }
            }
            _ => {}
        }
    }

    /// What the period amounts to.
    #[must_use]
    pub fn finish(self) -> Performance {
        let Self { period, rate, actors, priorities, acknowledged } = self;
        let (waiting, unascribed) = (actors.waiting(), actors.unascribed);
        let found = actors.finish(&period);
        Performance {
            period,
            annunciations: priorities.each.iter().sum(),
            alarms: found.alarms,
            unascribed,
            rate: rate.finish(),
            top: found.top,
            chattering: found.chattering,
            chattering_alarms: found.chattering_alarms,
            fleeting: found.fleeting,
            fleeting_alarms: found.fleeting_alarms,
            stale: found.stale,
            stale_alarms: found.stale_alarms,
            stale_most_in_day: found.stale_most_in_day,
            priorities,
            acknowledgement: acknowledged.finish(waiting),
        }
    }
}
