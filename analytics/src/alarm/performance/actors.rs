//! What is remembered of each alarm: how often it came, how fast it came again, how long it stood.

use std::collections::{BTreeMap, VecDeque};

use plant::{AlarmId, AlarmKey, Priority, Timestamp};

use super::{CHATTER_TIMES, CHATTER_WITHIN, FLEETING, MOST_ALARMS, MOST_LISTED, Period, STALE, TOP};

/// Raisings of one alarm within a minute that are told apart.
const MOST_IN_MINUTE: usize = 1_024;
/// A stretch of the count of stale alarms, ns.
const DAY: u128 = 24 * 3_600_000_000_000;

/// How often an alarm came.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// Which alarm.
    pub key: AlarmKey,
    /// How urgent it was last.
    pub priority: Priority,
    /// How often it was raised.
    pub annunciations: u64,
}

/// An alarm that came again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Chatter {
    /// Which alarm.
    pub key: AlarmKey,
    /// How urgent it was last.
    pub priority: Priority,
    /// How often it began to chatter.
    pub episodes: u64,
    /// How many of its annunciations were chatter.
    pub annunciations: u64,
    /// The most within a minute; beyond 1,024 they are not counted.
    pub most_in_minute: usize,
    /// The last of them.
    pub last: Timestamp,
}

/// An alarm that was gone before anybody could act.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleeting {
    /// Which alarm.
    pub key: AlarmKey,
    /// How urgent it was last.
    pub priority: Priority,
    /// How often it was fleeting.
    pub times: u64,
}

/// An alarm that stood for longer than a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Stale {
    /// Which alarm.
    pub key: AlarmKey,
    /// How urgent it was last.
    pub priority: Priority,
    /// Since when it stood; before the period's beginning that is not always known, and then it is that.
    pub since: Timestamp,
    /// Until when; `None` where it still stood when the period ended.
    pub until: Option<Timestamp>,
}

/// All alarms.
#[derive(Clone, Debug, Default)]
pub(super) struct Actors {
    of: BTreeMap<AlarmId, Tally>,
    /// Stale stretches that have ended.
    stale: Vec<Stale>,
    stale_ended: usize,
    /// By how many the number of stale alarms changes with each day of the period.
    stale_change: BTreeMap<u64, i64>,
    pub unascribed: u64,
}

/// What is remembered of one alarm.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    key: AlarmKey,
    priority: Priority,
    annunciations: u64,
    /// Raisings of the last minute, and whether they were counted as chatter.
    recent: VecDeque<(Timestamp, bool)>,
    /// The last raising, whether or not it lies within the period.
    last_raised: Option<Timestamp>,
    /// Whether that came within a minute of the one before.
    came_again: bool,
    /// A raising that was cleared at once, and does not yet know what comes after it.
    maybe_fleeting: Option<Timestamp>,
    fleeting: u64,
    chatter: Option<Chatter>,
    /// Since when it stands.
    pub stands_since: Option<Timestamp>,
    /// Since when its annunciation waits for somebody.
    pub waits_since: Option<Timestamp>,
}

impl Tally {
    fn new(key: &AlarmKey, priority: Priority) -> Self {
        Self {
            key: key.clone(),
            priority,
            annunciations: 0,
            recent: VecDeque::new(),
            last_raised: None,
            came_again: false,
            maybe_fleeting: None,
            fleeting: 0,
            chatter: None,
            stands_since: None,
            waits_since: None,
        }
    }

    /// It was raised at `t`; `counts`: within the period.
    pub fn raised(&mut self, t: Timestamp, priority: Priority, counts: bool) {
        self.priority = priority;
        self.stands_since = Some(t);
        self.came_again = self.last_raised.replace(t).is_some_and(|last| t.since(last) <= CHATTER_WITHIN);
        if self.maybe_fleeting.take().is_some() && !self.came_again {
            self.fleeting += 1;
        }
        if counts {
            self.annunciations += 1;
            self.chattered(t);
        }
    }

    /// It cleared at `t`; gives the stretch for which it was stale, if it was.
    pub fn cleared(&mut self, t: Timestamp) -> Option<Stale> {
        let since = self.stands_since.take()?;
        let counted = self.annunciations > 0 && self.last_raised == Some(since);
        if counted && !self.came_again && t.since(since) <= FLEETING {
            self.maybe_fleeting = Some(since);
        }
        self.stale(since, Some(t), t)
    }

    fn stale(&self, since: Timestamp, until: Option<Timestamp>, seen: Timestamp) -> Option<Stale> {
        (seen.since(since) > STALE).then(|| Stale { key: self.key.clone(), priority: self.priority, since, until })
    }

    fn chattered(&mut self, t: Timestamp) {
        while self.recent.front().is_some_and(|(old, _)| t.since(*old) > CHATTER_WITHIN) {
            self.recent.pop_front();
        }
        if self.recent.len() == MOST_IN_MINUTE {
            self.recent.pop_front();
        }
        self.recent.push_back((t, false));
        let now = self.recent.len();
        if now < CHATTER_TIMES {
            return;
        }
        // Where one of them was counted before, that episode goes on.
        let begins = self.recent.iter().all(|(_, counted)| !counted);
        let fresh =
            self.recent.iter_mut().map(|(_, counted)| u64::from(!std::mem::replace(counted, true))).sum::<u64>();
        let (key, priority) = (&self.key, self.priority);
        let of = self.chatter.get_or_insert_with(|| Chatter {
            key: key.clone(),
            priority,
            episodes: 0,
            annunciations: 0,
            most_in_minute: 0,
            last: t,
        });
        of.priority = priority;
        of.episodes += u64::from(begins);
        of.annunciations += fresh;
        of.most_in_minute = of.most_in_minute.max(now);
        of.last = t;
    }
}

/// What is said of all alarms.
pub(super) struct Found {
    pub alarms: usize,
    pub top: Vec<Actor>,
    pub chattering: Vec<Chatter>,
    pub chattering_alarms: usize,
    pub fleeting: Vec<Fleeting>,
    pub fleeting_alarms: usize,
    pub stale: Vec<Stale>,
    pub stale_alarms: usize,
    pub stale_most_in_day: u64,
}

impl Actors {
    pub fn knows(&self, key: &AlarmKey) -> bool {
        self.of.contains_key(&key.id()) || self.of.len() >= MOST_ALARMS
    }

    /// `None` where there are too many.
    pub fn of(&mut self, key: &AlarmKey, priority: Priority) -> Option<&mut Tally> {
        let (id, full) = (key.id(), self.of.len() >= MOST_ALARMS);
        if full && !self.of.contains_key(&id) {
            return None;
        }
        Some(self.of.entry(id).or_insert_with(|| Tally::new(key, priority)))
    }

    /// How many annunciations wait for somebody.
    pub fn waiting(&self) -> u64 {
        self.of.values().filter(|a| a.waits_since.is_some()).count() as u64
    }

    /// Notes a stretch for which an alarm was stale and that has ended.
    pub fn ended_stale(&mut self, period: &Period, stale: Stale) {
        let ended = stale.until.unwrap_or(period.to());
        if !self.count_stale(period, &stale, ended) {
            return;
        }
        self.stale_ended += 1;
        if self.stale.len() < MOST_LISTED {
            self.stale.push(stale);
        }
    }

    /// Counts it into the days on which it was stale; says whether there are any within the period.
    fn count_stale(&mut self, period: &Period, stale: &Stale, ended: Timestamp) -> bool {
        let begins = (stale.since + STALE).max(period.from());
        let ends = ended.min(period.to());
        if begins >= ends {
            return false;
        }
        let day = |t: Timestamp| (t.since(period.from()).as_nanos() / DAY) as u64;
        *self.stale_change.entry(day(begins)).or_default() += 1;
        let last = Timestamp::from_nanos(ends.nanos() - 1);
        *self.stale_change.entry(day(last) + 1).or_default() -= 1;
        true
    }

    pub fn finish(mut self, period: &Period) -> Found {
        let all = std::mem::take(&mut self.of);
        let mut stale = std::mem::take(&mut self.stale);
        let mut stale_alarms = self.stale_ended;
        for a in all.values() {
            let Some(open) = a.stands_since.and_then(|since| a.stale(since, None, period.to())) else { continue };
            if self.count_stale(period, &open, period.to()) {
                stale_alarms += 1;
                stale.push(open);
            }
        }
        // Those that still stand are the ones to act on.
        stale.sort_by_key(|s| (s.until.is_some(), s.since, s.key.id()));
        stale.truncate(MOST_LISTED);
        let mut found = Found {
            alarms: all.values().filter(|a| a.annunciations > 0).count(),
            top: top(all.values()),
            chattering: all.values().filter_map(|a| a.chatter.clone()).collect(),
            chattering_alarms: 0,
            fleeting: all.values().filter_map(fleeting).collect(),
            fleeting_alarms: 0,
            stale,
            stale_alarms,
            stale_most_in_day: self.most_stale(),
        };
        found.chattering_alarms = found.chattering.len();
        found.chattering.sort_by_key(|c| (std::cmp::Reverse(c.annunciations), c.key.id()));
        found.chattering.truncate(MOST_LISTED);
        found.fleeting_alarms = found.fleeting.len();
        found.fleeting.sort_by_key(|f| (std::cmp::Reverse(f.times), f.key.id()));
        found.fleeting.truncate(MOST_LISTED);
        found
    }

    fn most_stale(&self) -> u64 {
        let mut now = 0i64;
        let days = self.stale_change.values().map(|change| {
            now += change;
            now
        });
        days.max().unwrap_or(0).max(0).unsigned_abs()
    }
}

fn top<'a>(all: impl Iterator<Item = &'a Tally>) -> Vec<Actor> {
    let mut found: Vec<&Tally> = all.filter(|a| a.annunciations > 0).collect();
    found.sort_by_key(|a| (std::cmp::Reverse(a.annunciations), a.key.id()));
    let actor = |a: &Tally| Actor { key: a.key.clone(), priority: a.priority, annunciations: a.annunciations };
    found.into_iter().take(TOP).map(actor).collect()
}

fn fleeting(a: &Tally) -> Option<Fleeting> {
    let times = a.fleeting + u64::from(a.maybe_fleeting.is_some());
    (times > 0).then(|| Fleeting { key: a.key.clone(), priority: a.priority, times })
}
