//! The disk that the store lives on: how much of its budget is used, and what follows from that.
//!
//! Nothing here touches the disk: free space is told by a [`Probe`] that is handed in. [`Watch`] turns what it tells into a
//! [`Level`], with hysteresis, so that one file that comes and goes does not open and shut the intake.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plant::{Condition, Name, Priority, Timestamp, Value};

/// Space of a file system, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// How large it is.
    pub total: u64,
    /// What of it this program may still fill.
    pub free: u64,
}

/// Asks the file system.
pub trait Probe: Send + Sync {
    /// The space of the file system that holds `dir`. Must not wait for anything but the file system.
    fn space(&self, dir: &Path) -> io::Result<Space>;
}

/// How much room the store may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskPolicy {
    /// The store's files hold at most about so many bytes; `None`: as many as the file system has room for.
    pub max_bytes: Option<u64>,
    /// At so many bytes left nothing is taken any more; `None`: [`DiskPolicy::floor_of`].
    pub floor_bytes: Option<u64>,
}

impl DiskPolicy {
    /// Parts of the budget, percent: from where it is said, from where data goes, and by how much it must fall below
    /// either before that ends.
    pub const NEAR: u64 = 90;
    /// See [`DiskPolicy::NEAR`].
    pub const SHED: u64 = 95;
    /// See [`DiskPolicy::NEAR`].
    const BACK: u64 = 2;
    /// The floor where none is set: one hundredth of the budget, within these bounds. What is queued when the intake
    /// stops (64 MiB), the write-ahead logs (64 MiB each) and what people do must fit.
    const FLOOR: (u64, u64) = (512 << 20, 8 << 30);

    /// The floor of a budget of so many bytes. Of a small disk never more than a twenty-fifth, or nothing would be taken
    /// before data had gone to make room.
    #[must_use]
    pub fn floor_of(&self, budget: u64) -> u64 {
        self.floor_bytes.unwrap_or_else(|| (budget / 100).clamp(Self::FLOOR.0, Self::FLOOR.1).min(budget / 25))
    }
}

/// What follows from how much is used; each includes what comes before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Normal,
    /// People are told.
    Near,
    /// Data goes, by the stated policy.
    Shedding,
    /// Nothing is taken from machines: publishers wait.
    Stopped,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Near, Self::Shedding, Self::Stopped];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Near => "near",
            Self::Shedding => "shedding",
            Self::Stopped => "stopped",
        }
    }

    /// How urgent it is to do something.
    const fn priority(self) -> Priority {
        match self {
            Self::Stopped => Priority::Critical,
            Self::Normal | Self::Near | Self::Shedding => Priority::High,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The disk as it was found last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// When; `None`: it has not been asked, or has not answered.
    pub at: Option<Timestamp>,
    /// The file system.
    pub space: Space,
    /// Bytes of the store's files.
    pub store_bytes: u64,
    /// Bytes that count: the store may hold so many, or the file system does.
    pub budget: u64,
    /// Bytes of it that are used.
    pub used: u64,
    /// At so many bytes left nothing is taken any more.
    pub floor: u64,
    /// What follows.
    pub level: Level,
    /// By how many bytes a day [`DiskUse::used`] has grown lately; `None`: it was not watched for an hour yet.
    pub growth: Option<i64>,
    /// SQLite found no room for a commit, which waits: whatever else the numbers say.
    pub full: bool,
}

impl DiskUse {
    /// Bytes of the budget that are left, and that the file system has.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.budget.saturating_sub(self.used).min(self.space.free)
    }

    /// The used part of the budget, percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        if self.budget == 0 { 0.0 } else { 100.0 * self.used as f64 / self.budget as f64 }
    }
}

/// How the used bytes went is noted this often, for a day, and tells nothing before an hour has passed.
const NOTE: Duration = Duration::from_secs(600);
/// See [`NOTE`].
const NOTES: usize = 145;
/// See [`NOTE`].
const TELLS: Duration = Duration::from_secs(3_600);
/// Between two probes there is at most this much of the writer's time,
const EVERY: Duration = Duration::from_secs(5);
/// at the floor this much, because people wait,
const WAITING: Duration = Duration::from_secs(1);
/// and at most about this many bytes of growth.
const GROWTH: u64 = 64 << 20;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Watch {
    policy: DiskPolicy,
    now: DiskUse,
    grown: u64,
    /// When it was asked last.
    asked: Option<Timestamp>,
    /// How much was used, and when.
    notes: VecDeque<(Timestamp, u64)>,
    /// What was said last: the level, and whether the commit that says it is on disk.
    said: Option<Level>,
}

impl Watch {
    pub const fn new(policy: DiskPolicy) -> Self {
        let now = DiskUse {
            at: None,
            space: Space { total: 0, free: 0 },
            store_bytes: 0,
            budget: 0,
            used: 0,
            floor: 0,
            level: Level::Normal,
            growth: None,
            full: false,
        };
        Self { policy, now, grown: 0, asked: None, notes: VecDeque::new(), said: None }
    }

    pub const fn now(&self) -> DiskUse {
        self.now
    }

    /// So many bytes were written.
    pub const fn grew(&mut self, bytes: u64) {
        self.grown = self.grown.saturating_add(bytes);
    }

    /// Whether it is time to look again.
    pub fn is_due(&self, t: Timestamp) -> bool {
        let rest = if self.now.level == Level::Stopped { WAITING } else { EVERY };
        self.grown >= GROWTH || self.asked.is_none_or(|at| t.since(at) >= rest || t < at)
    }

    /// It did not answer at `t`: what was known stays.
    pub const fn unanswered(&mut self, t: Timestamp) {
        (self.grown, self.asked) = (0, Some(t));
    }

    /// Takes in what was found at `t`.
    pub fn found(&mut self, t: Timestamp, space: Space, store_bytes: u64) {
        self.unanswered(t);
        let (budget, used) = match self.policy.max_bytes {
            // What others leave it may be less than what it may take.
            Some(max) => (max.min(store_bytes.saturating_add(space.free)), store_bytes),
            None => (space.total, space.total.saturating_sub(space.free)),
        };
        let floor = self.policy.floor_of(budget);
        let mut now = DiskUse { at: Some(t), space, store_bytes, budget, used, floor, ..self.now };
        now.level = level(&now, self.now.level);
        now.growth = self.growth(t, used);
        self.now = now;
    }

    fn growth(&mut self, t: Timestamp, used: u64) -> Option<i64> {
        if self.notes.back().is_none_or(|(at, _)| t.since(*at) >= NOTE) {
            self.notes.push_back((t, used));
        }
        if self.notes.len() > NOTES {
            self.notes.pop_front();
        }
        let (from, before) = *self.notes.front()?;
        let passed = t.since(from);
        (passed >= TELLS).then(|| ((used as f64 - before as f64) / passed.as_secs_f64() * 86_400.0) as i64)
    }

    /// SQLite found no room, or room again.
    pub fn set_full(&mut self, full: bool) {
        self.now.full = full;
        self.now.level = level(&self.now, self.now.level);
    }

    /// How many bytes should go, so that shedding ends.
    pub fn excess(&self) -> u64 {
        let aim = u128::from(self.now.budget) * u128::from(DiskPolicy::SHED - DiskPolicy::BACK - 1) / 100;
        self.now.used.saturating_sub(aim as u64)
    }

    /// What is to be said with the next commit: at the start, and when the level has changed.
    pub fn notice(&self) -> Option<Condition> {
        let level = self.now.level;
        if self.said == Some(level) || (self.now.at.is_none() && !self.now.full) {
            return None;
        }
        let limit = if level >= Level::Shedding { DiskPolicy::SHED } else { DiskPolicy::NEAR };
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let mut detail = BTreeMap::from([
            ("value".into(), Value::Float((self.now.percent() * 10.0).round() / 10.0)),
            ("limit".into(), number(limit)),
            ("unit".into(), Value::Text("%".into())),
            ("level".into(), Value::Text(level.as_str().into())),
            ("free_bytes".into(), number(self.now.space.free)),
            ("total_bytes".into(), number(self.now.space.total)),
            ("budget_bytes".into(), number(self.now.budget)),
            ("floor_bytes".into(), number(self.now.floor)),
            ("store_bytes".into(), number(self.now.store_bytes)),
        ]);
        if self.now.at.is_none() {
            // Only that it is full is known.
            detail.retain(|name: &Arc<str>, _| &**name == "level");
        }
        let name = Name::new(Condition::DISK_SPACE).ok()?;
        Some(Condition { name, priority: level.priority(), active: level != Level::Normal, detail })
    }

    /// What [`Watch::notice`] gave is committed.
    pub const fn noticed(&mut self) {
        self.said = Some(self.now.level);
    }
}

/// The level of what is found, where it was `before`.
fn level(now: &DiskUse, before: Level) -> Level {
    if now.full {
        return Level::Stopped;
    }
    if now.at.is_none() {
        return Level::Normal;
    }
    // At a level, what ends it is further away than what began it.
    let floor = if before == Level::Stopped { now.floor + now.floor / 4 } else { now.floor };
    if now.left() <= floor {
        return Level::Stopped;
    }
    let beyond = |percent: u64| u128::from(now.used) * 100 >= u128::from(now.budget) * u128::from(percent);
    let from = |of: Level, percent: u64| if before >= of { percent - DiskPolicy::BACK } else { percent };
    match () {
        () if beyond(from(Level::Shedding, DiskPolicy::SHED)) => Level::Shedding,
        () if beyond(from(Level::Near, DiskPolicy::NEAR)) => Level::Near,
        () => Level::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_secs(s)
    }

    /// The levels that a disk of 100 GiB goes through, by its free space in GiB.
    fn levels(policy: DiskPolicy, free: &[f64]) -> Vec<&'static str> {
        let mut watch = Watch::new(policy);
        let mut found = |free: &f64| {
            watch.found(at(1), Space { total: 100 * GIB, free: (free * GIB as f64) as u64 }, 5 * GIB);
            watch.now().level.as_str()
        };
        free.iter().map(&mut found).collect()
    }

    #[test]
    fn levels_follow_the_used_share_and_end_later_than_they_began() {
        let whole = DiskPolicy::default();
        assert_eq!(whole.floor_of(100 * GIB), GIB);
        let free = [50.0, 10.1, 10.0, 11.9, 12.1, 5.0, 6.9, 7.1, 1.0, 1.2, 1.3, 50.0];
        let expected = [
            "normal", "normal", "near", "near", "normal", "shedding", "shedding", "near", "stopped", "stopped",
            "shedding", "normal",
        ];
        assert_eq!(levels(whole, &free), expected);
        let set = DiskPolicy { floor_bytes: Some(20 * GIB), ..whole };
        assert_eq!(levels(set, &[21.0, 20.0, 24.0, 26.0]), ["normal", "stopped", "stopped", "normal"]);
    }

    #[test]
    fn a_store_with_a_budget_of_its_own_is_held_to_that_and_to_what_others_leave_it() {
        // It holds 5 GiB.
        let of = |max: u64| DiskPolicy { max_bytes: Some(max * GIB), ..DiskPolicy::default() };
        assert_eq!(levels(of(10), &[50.0]), ["normal"]);
        assert_eq!(levels(DiskPolicy { max_bytes: Some(5 * GIB + GIB / 2), ..of(0) }, &[50.0]), ["near"]);
        assert_eq!(levels(of(5), &[50.0]), ["stopped"], "all of it is used");
        assert_eq!(levels(of(10), &[0.4, 0.01]), ["near", "stopped"], "others have filled the disk");
    }

    #[test]
    fn on_a_small_disk_data_goes_before_the_intake_stops() {
        let floor = DiskPolicy::default().floor_of(4 * GIB);
        assert!(floor < 4 * GIB / 20, "{floor}");
        assert_eq!(DiskPolicy::default().floor_of(10_000 * GIB), 8 * GIB);
    }

    #[test]
    fn it_is_looked_at_after_a_while_and_after_growth_and_more_often_while_people_wait() {
        let mut watch = Watch::new(DiskPolicy::default());
        assert!(watch.is_due(at(0)));
        let space = |free| Space { total: 100 * GIB, free };
        watch.found(at(0), space(50 * GIB), 0);
        assert!(!watch.is_due(at(4)) && watch.is_due(at(5)));
        watch.grew(GROWTH);
        assert!(watch.is_due(at(1)));
        watch.found(at(1), space(0), 0);
        assert!(watch.is_due(at(2)));
    }

    #[test]
    fn growth_is_told_once_it_was_watched_for_an_hour() {
        let mut watch = Watch::new(DiskPolicy::default());
        let mut after = |minutes: i64| {
            let free = 50 * GIB - minutes as u64 * GIB / 60;
            watch.found(at(60 * minutes), Space { total: 100 * GIB, free }, 0);
            watch.now().growth
        };
        assert_eq!((after(0), after(59)), (None, None));
        let a_day = |found: Option<i64>| found.unwrap() as f64 / GIB as f64;
        assert!((a_day(after(60)) - 24.0).abs() < 0.01);
        assert!((a_day(after(1_500)) - 24.0).abs() < 0.01);
    }

    #[test]
    fn a_change_is_said_once_and_the_start_says_how_things_stand() {
        let mut watch = Watch::new(DiskPolicy::default());
        assert_eq!(watch.notice(), None, "nothing is known");
        let space = |free| Space { total: 100 * GIB, free };
        watch.found(at(0), space(50 * GIB), 0);
        let first = watch.notice().unwrap();
        assert_eq!((first.active, watch.notice().is_some()), (false, true), "until it is on disk");
        watch.noticed();
        assert_eq!(watch.notice(), None);
        watch.set_full(true);
        let full = watch.notice().unwrap();
        assert_eq!((full.active, full.priority), (true, Priority::Critical));
        assert_eq!(full.detail["level"], Value::Text("stopped".into()));
        watch.set_full(false);
        assert_eq!((watch.now().level, watch.notice()), (Level::Normal, None), "it was never said");
        watch.found(at(9), space(4 * GIB), 0);
        assert_eq!(watch.excess(), 4 * GIB, "from 96 to 92 percent");
    }
}
