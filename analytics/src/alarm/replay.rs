//! A definition played over the values of a series, judged one by one as the fold judges them when they come.
//!
//! [`limit::holds`] says whether the condition holds, and [`Delay`] for how long it must, as for the live alarm: between two
//! values the condition is what the earlier one said. Bad quality neither raises nor clears, and ends a delay that runs; a
//! value that is older than one that was looked at is not looked at.
//!
//! A stored series is in order of time. What came late stands in its place there, and is looked at here, where the fold
//! only wrote it down as history: a replay may say a little more than people were told.

use std::collections::VecDeque;
use std::time::Duration;

use plant::Timestamp;

pub use super::delay::{Edge, Edges};

use super::delay::Delay;
use super::limit::{self, Side};
use super::performance::CHATTER_WITHIN;

/// Raisings that are kept one by one; further ones are counted.
pub const MOST_FIRINGS: usize = 10_000;

/// When a limit raises an alarm, and when it clears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    /// The side of the limit on which a value is wrong.
    pub side: Side,
    /// The limit, in the unit of the series.
    pub limit: f64,
    /// How far a value must come back, in the unit of the series.
    pub deadband: f64,
    /// How long the condition must hold.
    pub on_delay: Duration,
    /// How long it must be gone.
    pub off_delay: Duration,
}

/// A definition and how far it has come.
#[derive(Clone, Debug)]
pub struct Replay {
    definition: Definition,
    /// Whether the condition holds, delays left aside.
    held: bool,
    delay: Delay,
    newest: Option<Timestamp>,
}

impl Replay {
    /// Begins where nothing was looked at and the alarm does not stand.
    #[must_use]
    pub fn new(definition: Definition) -> Self {
        Self { definition, held: false, delay: Delay::default(), newest: None }
    }

    /// Looks at a number of usable quality.
    pub fn look(&mut self, t: Timestamp, value: f64) -> Edges {
        if self.newest.is_some_and(|newest| t < newest) || value.is_nan() {
            return [None, None];
        }
        self.newest = Some(t);
        let d = &self.definition;
        self.held = limit::holds(value, d.limit, d.side, d.deadband, self.held);
        self.delay.look(self.held, t, d.on_delay, d.off_delay)
    }

    /// Takes in a value that is not to be trusted: what counts is held, until a value says what it is.
    pub fn lose(&mut self) {
        self.delay.lose();
        self.held |= self.delay.stands();
    }

    /// Takes in that no value came up to `t`.
    pub fn settle(&mut self, t: Timestamp) -> Option<Edge> {
        let (on, off) = (self.definition.on_delay, self.definition.off_delay);
        let since = self.delay.since()?;
        if since + self.delay.wait(on, off) <= t { self.delay.expire(on, off) } else { None }
    }

    /// Whether the alarm stands.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.delay.stands()
    }

    /// Whether the condition holds, delays left aside.
    #[must_use]
    pub const fn held(&self) -> bool {
        self.held
    }
}

/// One time for which the alarm stood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Firing {
    /// When it was raised.
    pub raised: Timestamp,
    /// When it cleared; `None` where it still stood at the end.
    pub cleared: Option<Timestamp>,
    /// The value farthest beyond the limit while it stood.
    pub extreme: f64,
}

/// What a definition amounted to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// How often it raised the alarm.
    pub raised: u64,
    /// The first [`MOST_FIRINGS`] of these, in order of time.
    pub firings: Vec<Firing>,
    /// The most within a minute.
    pub most_in_minute: usize,
    /// How long the alarm stood in all.
    pub standing: Duration,
}

/// Plays a definition and writes down what it amounts to.
#[derive(Clone, Debug)]
pub struct Player {
    replay: Replay,
    run: Run,
    since: Option<Timestamp>,
    recent: VecDeque<Timestamp>,
    /// The value that was looked at last.
    before: f64,
}

impl Player {
    /// Of a definition of which nothing was played.
    #[must_use]
    pub fn new(definition: Definition) -> Self {
        Self {
            replay: Replay::new(definition),
            run: Run::default(),
            since: None,
            recent: VecDeque::new(),
            before: f64::NAN,
        }
    }

    /// The definition and its state.
    #[must_use]
    pub const fn replay(&self) -> &Replay {
        &self.replay
    }

    /// The definition.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.replay.definition
    }

    /// Since when the alarm stands.
    #[must_use]
    pub const fn stands_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Looks at a number of usable quality.
    pub fn look(&mut self, t: Timestamp, value: f64) -> Edges {
        let edges = self.replay.look(t, value);
        for edge in edges.into_iter().flatten() {
            // What was decided before this value rests on the one before it.
            self.take(edge, if edge.raised == self.replay.held { value } else { self.before });
        }
        if edges == [None, None] && self.since.is_some() {
            self.stood(value);
        }
        self.before = value;
        edges
    }

    /// Takes in a value that is not to be trusted.
    pub fn lose(&mut self) {
        self.replay.lose();
    }

    fn take(&mut self, edge: Edge, value: f64) {
        if edge.raised { self.raised(edge.t, value) } else { self.cleared(edge.t) }
    }

    fn raised(&mut self, t: Timestamp, value: f64) {
        self.since = Some(t);
        self.run.raised += 1;
        if self.run.firings.len() < MOST_FIRINGS {
            self.run.firings.push(Firing { raised: t, cleared: None, extreme: value });
        }
        while self.recent.front().is_some_and(|old| t.since(*old) > CHATTER_WITHIN) {
            self.recent.pop_front();
        }
        self.recent.push_back(t);
        self.run.most_in_minute = self.run.most_in_minute.max(self.recent.len());
    }

    fn cleared(&mut self, t: Timestamp) {
        if let Some(since) = self.since.take() {
            self.run.standing += t.since(since);
        }
        if let Some(last) = self.last() {
            last.cleared = Some(t);
        }
    }

    fn stood(&mut self, value: f64) {
        let side = self.replay.definition.side;
        if let Some(last) = self.last() {
            last.extreme = match side {
                Side::Above => last.extreme.max(value),
                Side::Below => last.extreme.min(value),
            };
        }
    }

    /// The firing that goes on, unless it is beyond those that are kept.
    fn last(&mut self) -> Option<&mut Firing> {
        let kept = self.run.raised <= MOST_FIRINGS as u64;
        self.run.firings.last_mut().filter(|_| kept)
    }

    /// Takes in that no value came up to `t`.
    pub fn settle(&mut self, t: Timestamp) -> Option<Edge> {
        let edge = self.replay.settle(t)?;
        self.take(edge, self.before);
        Some(edge)
    }

    /// What it amounted to by `to`.
    #[must_use]
    pub fn finish(mut self, to: Timestamp) -> Run {
        self.settle(to);
        if let Some(since) = self.since {
            self.run.standing += to.since(since);
        }
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn definition(on: u64, off: u64) -> Definition {
        Definition { side: Side::Above, limit: 80.0, deadband: 2.0, on_delay: secs(on), off_delay: secs(off) }
    }

    /// The edges of values one second apart, as `+t` and `-t`.
    fn edges(d: Definition, values: &[f64]) -> Vec<i64> {
        let mut replay = Replay::new(d);
        let looks = values.iter().enumerate().flat_map(|(i, v)| replay.look(Timestamp::from_secs(i as i64), *v));
        looks.flatten().map(|e| (e.t.nanos() / 1_000_000_000) * if e.raised { 1 } else { -1 }).collect()
    }

    #[test]
    fn delays_are_waited_for_in_the_sources_time() {
        let values = [70.0, 81.0, 79.0, 77.0, 81.0, 82.0, 83.0, 79.0, 77.0, 81.0, 77.0, 77.0, 77.0, 77.0];
        for (on, off, want) in [
            (0, 0, vec![1, -3, 4, -8, 9, -10]),
            // The condition holds within the deadband, too: from 1 to 3, from 4 to 8, from 9 to 10.
            (1, 0, vec![2, -3, 5, -8]),
            (3, 0, vec![7, -8]),
            (5, 0, vec![]),
            (0, 1, vec![1, -11]),
            (0, 3, vec![1, -13]),
            (3, 3, vec![7, -13]),
        ] {
            assert_eq!(edges(definition(on, off), &values), want, "{on} s on, {off} s off");
        }
    }

    #[test]
    fn a_delay_ends_between_values_and_what_is_not_to_be_trusted_ends_it() {
        let t = Timestamp::from_secs;
        let edge = |raised, s| Some(Edge { raised, t: t(s) });
        let mut replay = Replay::new(definition(10, 0));
        assert_eq!(replay.look(t(0), 81.0), [None, None]);
        assert_eq!(replay.look(t(600), 70.0), [edge(true, 10), edge(false, 600)]);
        assert_eq!(replay.look(t(601), 81.0), [None, None]);
        replay.lose();
        assert_eq!(replay.settle(t(700)), None);
        assert_eq!(replay.look(t(700), 81.0), [None, None], "it begins anew");
        assert_eq!((replay.settle(t(709)), replay.settle(t(710))), (None, edge(true, 710)));
    }

    #[test]
    fn what_is_older_is_not_looked_at_and_no_number_changes_nothing() {
        let mut replay = Replay::new(definition(0, 0));
        let t = Timestamp::from_secs;
        for (s, v) in [(5, 70.0), (4, 99.0), (6, f64::NAN)] {
            assert_eq!(replay.look(t(s), v), [None, None]);
        }
        assert_eq!(replay.look(t(5), 99.0), [None, Some(Edge { raised: true, t: t(5) })]);
        assert_eq!(replay.look(t(4), 0.0), [None, None]);
        assert!(replay.stands());
    }

    #[test]
    fn a_run_adds_up() {
        let mut player = Player::new(definition(0, 0));
        for (i, v) in [81.0, 90.0, 85.0, 70.0, 81.0, 70.0, 82.0, 83.0].into_iter().enumerate() {
            player.look(Timestamp::from_secs(i as i64), v);
        }
        let run = player.finish(Timestamp::from_secs(10));
        assert_eq!((run.raised, run.most_in_minute, run.standing), (3, 3, secs(3 + 1 + 4)));
        let t = Timestamp::from_secs;
        let firing =
            |raised, cleared: Option<i64>, extreme| Firing { raised: t(raised), cleared: cleared.map(t), extreme };
        assert_eq!(run.firings, [firing(0, Some(3), 90.0), firing(4, Some(5), 81.0), firing(6, None, 83.0)]);
    }

    #[test]
    fn beyond_what_is_kept_it_goes_on_counting() {
        let mut player = Player::new(Definition { deadband: 0.0, ..definition(0, 0) });
        for i in 0..(MOST_FIRINGS as i64 + 5) * 2 {
            player.look(Timestamp::from_secs(100 * i), if i % 2 == 0 { 81.0 } else { 70.0 });
        }
        let run = player.finish(Timestamp::from_secs(0));
        assert_eq!((run.raised, run.firings.len()), (MOST_FIRINGS as u64 + 5, MOST_FIRINGS));
        assert!(run.firings.iter().all(|f| f.extreme == 81.0 && f.cleared.is_some()));
    }
}
