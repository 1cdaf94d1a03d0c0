//! What would have silenced an alarm that comes again and again, and what that would have cost.
//!
//! The values of the series are played once through the present definition and through a grid of others, each with one thing
//! changed: a larger deadband, a longer on-delay, or a longer off-delay. Nothing is guessed: an alternative is named because
//! its replay was quiet, and its costs are read off the replay. The means are those that ANSI/ISA-18.2-2016 and EEMUA 191
//! give against chattering alarms.
//!
//! What an operator should have been told are the *excursions*: times for which the present definition raised the alarm,
//! those that lie within a minute of each other taken together. An alternative that solves it is raised no more often than
//! there are excursions, and fewer than three times in any minute.

use std::time::Duration;

use plant::Timestamp;

use super::limit::Side;
use super::performance::{CHATTER_TIMES, CHATTER_WITHIN};
use super::replay::{Definition, Edge, Firing, MOST_FIRINGS, Player, Run};

/// Deadbands that are tried, as parts of the span.
const DEADBANDS: [f64; 13] = [0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2];
/// Delays that are tried, s.
const DELAYS: [u64; 15] = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600];
/// Swallowed excursions that are shown of one alternative, the longest first.
pub const MOST_EXAMPLES: usize = 10;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// The deadband.
    Deadband,
    /// The on-delay.
    OnDelay,
    /// The off-delay.
    OffDelay,
}

impl Means {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Deadband, Self::OnDelay, Self::OffDelay];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deadband => "deadband",
            Self::OnDelay => "on_delay",
            Self::OffDelay => "off_delay",
        }
    }
}

/// What the coach has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// At least one alternative solves it.
    Solved,
    /// None of the grid does: the limit lies where the process is, or the measurement is at fault.
    NothingHelps,
    /// It does not come again within a minute: what comes often is the process crossing the limit.
    NoChatter,
    /// The series holds nothing that raises it.
    NeverRaised,
}

impl Verdict {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Solved, Self::NothingHelps, Self::NoChatter, Self::NeverRaised];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::NothingHelps => "nothing_helps",
            Self::NoChatter => "no_chatter",
            Self::NeverRaised => "never_raised",
        }
    }
}

/// A time for which an operator should have been told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excursion {
    /// When the present definition announced it.
    pub from: Timestamp,
    /// When it was over; `None` where it was not.
    pub to: Option<Timestamp>,
    /// How often the present definition announced it.
    pub raised: u64,
    /// The value farthest beyond the limit.
    pub extreme: f64,
}

/// One other definition, and what it would have cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// What is changed.
    pub means: Means,
    /// The definition.
    pub definition: Definition,
    /// Whether it is quiet enough.
    pub solves: bool,
    /// How often it would have raised the alarm.
    pub raised: u64,
    /// The most within a minute.
    pub most_in_minute: usize,
    /// Excursions that it would have announced, or that began while it still stood.
    pub announced: u64,
    /// How much later than the present one it would have announced them: the median
    pub later_median: Duration,
    /// and the longest.
    pub later_most: Duration,
    /// How many began while it still stood from the one before, so that they were not announced on their own.
    pub merged: u64,
    /// How many it would not have announced at all,
    pub swallowed: u64,
    /// and the longest of these, at most [`MOST_EXAMPLES`].
    pub swallowed_examples: Vec<Excursion>,
    /// How long it would have stood in all; the present one stood for [`Advice::standing`].
    pub standing: Duration,
}

/// What is to be said of one alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The whole in a word.
    pub verdict: Verdict,
    /// The present definition.
    pub current: Definition,
    /// How often its replay raised the alarm.
    pub raised: u64,
    /// The most within a minute.
    pub most_in_minute: usize,
    /// How long it stood in all.
    pub standing: Duration,
    /// How many excursions these were.
    pub excursions: u64,
    /// Whether there were more raisings than are kept one by one, so that the costs are those of the first ones.
    pub cut: bool,
    /// How many values were looked at.
    pub values: u64,
    /// For each of the means the smallest that solves it; where none does, the one that is raised least, and of several
    /// such the smallest.
    pub alternatives: Vec<Alternative>,
    /// Which of them to take: of those that solve it the one that swallows least, then delays least, then leaves the alarm
    /// standing for the shortest time.
    pub best: Option<usize>,
}

/// Takes the values of a series in.
#[derive(Clone, Debug)]
pub struct Coach {
    current: Player,
    /// How many excursions there were, also of those that are not kept.
    excursions: u64,
    /// When the present definition cleared last.
    cleared: Option<Timestamp>,
    tries: Vec<(Means, Player)>,
    values: u64,
}

impl Coach {
    /// For an alarm with this definition on a series that spans `span` (that of the sensor, or else the size of the limit),
    /// in the unit of the series.
    #[must_use]
    pub fn new(current: Definition, span: f64) -> Self {
        let span = if span.is_finite() { span.abs() } else { 0.0 };
        let deadbands = DEADBANDS.iter().map(|part| part * span).filter(|d| *d > current.deadband);
        let delays = || DELAYS.into_iter().map(Duration::from_secs);
        let deadbands = deadbands.map(|deadband| (Means::Deadband, Definition { deadband, ..current }));
        let on = delays().filter(|d| *d > current.on_delay);
        let on = on.map(|on_delay| (Means::OnDelay, Definition { on_delay, ..current }));
        let off = delays().filter(|d| *d > current.off_delay);
        let off = off.map(|off_delay| (Means::OffDelay, Definition { off_delay, ..current }));
        let tries = deadbands.chain(on).chain(off).map(|(means, d)| (means, Player::new(d))).collect();
        Self { current: Player::new(current), excursions: 0, cleared: None, tries, values: 0 }
    }

    /// Looks at a number of usable quality; in order of time.
    pub fn look(&mut self, t: Timestamp, value: f64) {
        self.values += 1;
        for edge in self.current.look(t, value).into_iter().flatten() {
            self.count(edge);
        }
        for (_, player) in &mut self.tries {
            player.look(t, value);
        }
    }

    /// Takes in a value that is not to be trusted.
    pub fn lose(&mut self) {
        self.current.lose();
        self.tries.iter_mut().for_each(|(_, player)| player.lose());
    }

    fn count(&mut self, Edge { raised, t }: Edge) {
        if raised {
            self.excursions += u64::from(self.cleared.is_none_or(|c| t.since(c) > CHATTER_WITHIN));
        } else {
            self.cleared = Some(t);
        }
    }

    /// What is to be said, the series having been seen up to `to`.
    #[must_use]
    pub fn finish(mut self, to: Timestamp) -> Advice {
        let current = *self.current.definition();
        if let Some(edge) = self.current.settle(to) {
            self.count(edge);
        }
        let run = self.current.finish(to);
        let (excursions, count) = (excursions(&run.firings, current.side), self.excursions);
        let verdict = match () {
            () if run.raised == 0 => Some(Verdict::NeverRaised),
            () if run.most_in_minute < CHATTER_TIMES && run.raised == count => Some(Verdict::NoChatter),
            () => None,
        };
        let mut alternatives = Vec::new();
        if verdict.is_none() {
            let runs: Vec<_> = self.tries.into_iter().map(|(m, p)| (m, *p.definition(), p.finish(to))).collect();
            for means in Means::ALL {
                let of = runs.iter().filter(|(m, ..)| *m == means);
                let chosen = choose(of, count);
                alternatives.extend(chosen.map(|(_, d, r)| weigh(means, *d, (r, quiet(r, count)), &excursions)));
            }
        }
        let best = best(&alternatives);
        let verdict = verdict.unwrap_or(if best.is_some() { Verdict::Solved } else { Verdict::NothingHelps });
        Advice {
            verdict,
            current,
            raised: run.raised,
            most_in_minute: run.most_in_minute,
            standing: run.standing,
            excursions: count,
            cut: run.raised > MOST_FIRINGS as u64,
            values: self.values,
            alternatives,
            best,
        }
    }
}

type Tried = (Means, Definition, Run);

/// The smallest that is quiet enough, else the one raised least; `of` is in order of size.
fn choose<'a>(of: impl Iterator<Item = &'a Tried> + Clone, excursions: u64) -> Option<&'a Tried> {
    of.clone()
        .find(|(_, _, run)| quiet(run, excursions))
        .or_else(|| of.min_by_key(|(_, _, run)| (run.raised == 0, run.raised)))
}

/// One that is never raised at all is no solution, however quiet.
fn quiet(run: &Run, excursions: u64) -> bool {
    run.raised > 0 && run.most_in_minute < CHATTER_TIMES && run.raised <= excursions
}

/// Firings within a minute of each other, taken together.
fn excursions(firings: &[Firing], side: Side) -> Vec<Excursion> {
    let mut all: Vec<Excursion> = Vec::new();
    for f in firings {
        match all.last_mut() {
            Some(e) if e.to.is_some_and(|to| f.raised.since(to) <= CHATTER_WITHIN) => {
                e.to = f.cleared;
                e.raised += 1;
                e.extreme = match side {
                    Side::Above => e.extreme.max(f.extreme),
                    Side::Below => e.extreme.min(f.extreme),
                };
            }
            _ => all.push(Excursion { from: f.raised, to: f.cleared, raised: 1, extreme: f.extreme }),
        }
    }
    all
}

fn weigh(means: Means, definition: Definition, (run, solves): (&Run, bool), excursions: &[Excursion]) -> Alternative {
    let (mut later, mut merged, mut swallowed) = (Vec::new(), 0, Vec::new());
    for e in excursions {
        let ends = e.to.unwrap_or(Timestamp::MAX);
        let next = run.firings.partition_point(|f| f.raised < e.from);
        let own = run.firings.get(next).filter(|f| f.raised <= ends);
        let stood = next.checked_sub(1).and_then(|i| run.firings.get(i));
        let stood = stood.is_some_and(|f| f.cleared.is_none_or(|cleared| cleared > e.from));
        match own {
            _ if stood => merged += 1,
            Some(f) => later.push(f.raised.since(e.from)),
            None => swallowed.push(*e),
        }
    }
    later.sort_unstable();
    let announced = later.len() as u64 + merged;
    let lost = swallowed.len() as u64;
    swallowed.sort_by_key(|e| (std::cmp::Reverse(e.to.unwrap_or(Timestamp::MAX).since(e.from)), e.from));
    swallowed.truncate(MOST_EXAMPLES);
    Alternative {
        means,
        definition,
        solves,
        raised: run.raised,
        most_in_minute: run.most_in_minute,
        announced,
        later_median: later.get(later.len().saturating_sub(1) / 2).copied().unwrap_or_default(),
        later_most: later.last().copied().unwrap_or_default(),
        merged,
        swallowed: lost,
        swallowed_examples: swallowed,
        standing: run.standing,
    }
}

fn best(alternatives: &[Alternative]) -> Option<usize> {
    let solving = alternatives.iter().enumerate().filter(|(_, a)| a.solves);
    solving.min_by_key(|(_, a)| (a.swallowed, a.later_most, a.standing)).map(|(i, _)| i)
}

#[cfg(test)]
#[path = "coach/tests.rs"]
mod tests;
