//! What a definition would have done over the past: how often it would have fired, and which faults it would have caught.
//!
//! Values are played as they came ([`super::replay`]). Of a time of which only minutes are kept, each minute is played as
//! the fewest steps that fit its least, greatest and last value: so the alarm is raised **at least** as often as is said
//! there, at most a minute earlier or later, and the minutes in which it may have been more are counted. Where minutes are
//! gone as well and hours speak for them, the same holds of hours.

use std::time::Duration;

use historian::{Bucket, Sample};
use plant::{Fault, Timestamp};

use super::limit::{Side, holds};
use super::replay::{Definition, Edge, Player, Run};

/// An alarm caught a fault if it was raised, or stood, within this time before somebody confirmed the fault.
pub const LOOKBACK: Duration = Duration::from_secs(30 * 24 * 3600);
/// Confirmed faults that are looked at, the latest.
pub const MOST_FAULTS: usize = 100;

/// A fault that a person confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub fault: Fault,
    /// When it was confirmed.
    pub t: Timestamp,
}

/// What became of a confirmed fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The fault.
    pub of: Confirmed,
    /// When the alarm was raised first within [`LOOKBACK`] before, or, where it was raised earlier and still stood then,
    /// that time; `None` where it said nothing.
    pub raised: Option<Timestamp>,
}

impl Catch {
    /// How long before it was confirmed.
    #[must_use]
    pub fn early(&self) -> Option<Duration> {
        self.raised.map(|raised| self.of.t.since(raised))
    }
}

/// What one definition would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The definition.
    pub definition: Definition,
    /// How often and when it would have raised the alarm.
    pub run: Run,
    /// Minutes in which it may have been raised more often than is said.
    pub doubtful_minutes: u64,
    /// What would have become of the faults, in order of time.
    pub faults: Vec<Catch>,
}

/// What two definitions would have done on the same series.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The one that is thought of.
    pub proposed: Outcome,
    /// The one that holds at present.
    pub current: Option<Outcome>,
    /// Values that were looked at one by one.
    pub values: u64,
    /// Minutes that were looked at instead of values.
    pub minutes: u64,
    /// Values of bad quality, which neither raise nor clear, and texts.
    pub passed_over: u64,
}

/// Takes a series in, in order of time: first minutes, then values.
#[derive(Clone, Debug)]
pub struct Simulation {
    proposed: Track,
    current: Option<Track>,
    values: u64,
    minutes: u64,
    passed_over: u64,
}

/// One definition on its way.
#[derive(Clone, Debug)]
struct Track {
    player: Player,
    doubtful: u64,
    faults: Vec<Catch>,
}

impl Simulation {
    /// Of a definition, beside the one that holds at present; of `faults` the latest [`MOST_FAULTS`] are looked at.
    #[must_use]
    pub fn new(proposed: Definition, current: Option<Definition>, mut faults: Vec<Confirmed>) -> Self {
        faults.sort_by_key(|f| (f.t, f.fault.code()));
        faults.drain(..faults.len().saturating_sub(MOST_FAULTS));
        let begin = |d| Track {
            player: Player::new(d),
            doubtful: 0,
            faults: faults.iter().map(|of| Catch { of: *of, raised: None }).collect(),
        };
        Self { proposed: begin(proposed), current: current.map(begin), values: 0, minutes: 0, passed_over: 0 }
    }

    /// Takes one value in.
    pub fn value(&mut self, s: &Sample) {
        let number = s.value.as_f64().filter(|v| s.quality.usable() && v.is_finite());
        let Some(value) = number else {
            self.passed_over += 1;
            self.tracks().for_each(|track| track.player.lose());
            return;
        };
        self.values += 1;
        for track in self.tracks() {
            track.look(s.t, value);
        }
    }

    /// Takes in what a stretch of `width` amounts to.
    pub fn minute(&mut self, b: &Bucket, width: Duration) {
        self.minutes += 1;
        for track in self.tracks() {
            track.minute(b, width);
        }
    }

    /// What it amounted to by `to`.
    #[must_use]
    pub fn finish(self, to: Timestamp) -> Simulated {
        Simulated {
            proposed: self.proposed.finish(to),
            current: self.current.map(|track| track.finish(to)),
            values: self.values,
            minutes: self.minutes,
            passed_over: self.passed_over,
        }
    }

    fn tracks(&mut self) -> impl Iterator<Item = &mut Track> {
        std::iter::once(&mut self.proposed).chain(&mut self.current)
    }
}

impl Track {
    fn look(&mut self, t: Timestamp, value: f64) {
        let mut stood_since = self.player.stands_since();
        for edge in self.player.look(t, value).into_iter().flatten() {
            self.catch(edge, stood_since);
            stood_since = Some(edge.t);
        }
    }

    /// Looks which faults an edge has caught; `since`: since when the alarm stood before it.
    fn catch(&mut self, Edge { raised, t }: Edge, since: Option<Timestamp>) {
        if !raised {
            return stood_until(&mut self.faults, since, t);
        }
        let near = |f: &&mut Catch| f.raised.is_none() && f.of.t >= t && f.of.t.since(t) <= LOOKBACK;
        self.faults.iter_mut().filter(near).for_each(|f| f.raised = Some(t));
    }

    /// The extreme that would change the state comes first, then the last value.
    fn minute(&mut self, b: &Bucket, width: Duration) {
        let Definition { side, limit, deadband, .. } = *self.player.definition();
        let (inward, outward) = match side {
            Side::Above => (b.min, b.max),
            Side::Below => (b.max, b.min),
        };
        let held = self.player.replay().held();
        self.look(b.t, if held { inward } else { outward });
        self.look(b.t + width.saturating_sub(Duration::from_nanos(1)), b.last);
        // Where the condition both held and did not, it may have changed more often.
        let both = holds(outward, limit, side, deadband, false) && !holds(inward, limit, side, deadband, true);
        self.doubtful += u64::from(both);
    }

    fn finish(mut self, to: Timestamp) -> Outcome {
        let since = self.player.stands_since();
        if let Some(edge) = self.player.settle(to) {
            self.catch(edge, since);
        }
        stood_until(&mut self.faults, self.player.stands_since(), to);
        let definition = *self.player.definition();
        Outcome { definition, run: self.player.finish(to), doubtful_minutes: self.doubtful, faults: self.faults }
    }
}

/// An alarm that was raised long ago and still stood says as much as one that was raised anew.
fn stood_until(faults: &mut [Catch], since: Option<Timestamp>, until: Timestamp) {
    let Some(since) = since else { return };
    let within = |f: &&mut Catch| f.raised.is_none() && f.of.t >= since && f.of.t.since(until) <= LOOKBACK;
    faults.iter_mut().filter(within).for_each(|f| f.raised = Some(since));
}

#[cfg(test)]
#[path = "simulate/tests.rs"]
mod tests;
