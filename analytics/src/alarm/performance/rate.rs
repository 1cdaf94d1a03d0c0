//! How annunciations came over time: per minute, ten minutes and day, and when there was a flood.

use std::time::Duration;

use plant::Timestamp;

use super::{FLOOD_ABOVE, FLOOD_BELOW, Period, SLOT};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Minutes of a slot.
const MINUTES: usize = 10;
/// Where the bins of the histogram begin: annunciations in one slot.
pub const BINS: [u32; 8] = [0, 1, 2, 3, 6, 11, 21, 51];

/// A stretch of time in which alarms came faster than anybody can act on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// Where it begins: with its first slot, or with the period.
    pub from: Timestamp,
    /// Where it ends: before the first slot of fewer than five, or with the period.
    pub to: Timestamp,
    /// How many annunciations it held.
    pub annunciations: u64,
    /// How many its worst slot held.
    pub most_in_slot: u32,
    /// Whether the period ended before it did.
    pub open: bool,
}

/// A stretch of 24 hours, counted from the beginning of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Where it begins.
    pub from: Timestamp,
    /// How many annunciations it held.
    pub annunciations: u64,
    /// Whether all of it lies within the period.
    pub whole: bool,
}

/// How annunciations came over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// The mean over ten minutes.
    pub mean: f64,
    /// The most in one slot.
    pub most_in_slot: u32,
    /// The most in any ten minutes, wherever they begin (by the minute): what lies across the border of two slots, too.
    pub most_in_ten_minutes: u32,
    /// Where the first slot begins: a multiple of ten minutes since the epoch, at or before the period's beginning.
    pub first_slot: Timestamp,
    /// How many each slot held.
    pub slots: Vec<u32>,
    /// How many slots held as many as the bin says, from [`BINS`] on to before the next.
    pub histogram: [u64; BINS.len()],
    /// The floods in order of time.
    pub floods: Vec<Flood>,
    /// The part of the period that was flood.
    pub flood_share: f64,
    /// The days in order of time.
    pub days: Vec<Day>,
}

impl Rate {
    /// The mean over a day of 24 hours.
    #[must_use]
    pub fn mean_day(&self) -> f64 {
        self.mean * DAY.as_secs_f64() / SLOT.as_secs_f64()
    }

    /// The worst day: of those that lie within the period as a whole, where there is one.
    #[must_use]
    pub fn worst_day(&self) -> Option<Day> {
        let any_whole = self.days.iter().any(|d| d.whole);
        self.days
            .iter()
            .filter(|d| d.whole || !any_whole)
            .max_by_key(|d| (d.annunciations, std::cmp::Reverse(d.from)))
            .copied()
    }
}

/// Annunciations by the minute and by the day.
#[derive(Clone, Debug)]
pub(super) struct Minutes {
    period: Period,
    first: Timestamp,
    minutes: Vec<u32>,
    days: Vec<u64>,
}

impl Minutes {
    pub fn new(period: Period) -> Self {
        let first = period.from.align(SLOT);
        let slots = period.to.since(first).as_nanos().div_ceil(SLOT.as_nanos()) as usize;
        let days = period.length().as_nanos().div_ceil(DAY.as_nanos()) as usize;
        Self { period, first, minutes: vec![0; slots * MINUTES], days: vec![0; days] }
    }

    /// `t` lies within the period.
    pub fn add(&mut self, t: Timestamp) {
        let place = |since: Timestamp, width: Duration| (t.since(since).as_nanos() / width.as_nanos()) as usize;
        if let Some(m) = self.minutes.get_mut(place(self.first, MINUTE)) {
            *m = m.saturating_add(1);
        }
        if let Some(d) = self.days.get_mut(place(self.period.from, DAY)) {
            *d += 1;
        }
    }

    pub fn finish(self) -> Rate {
        let slots: Vec<u32> = self.minutes.chunks(MINUTES).map(|m| m.iter().sum()).collect();
        let mut histogram = [0; BINS.len()];
        for n in &slots {
            histogram[BINS.iter().rposition(|from| n >= from).unwrap_or(0)] += 1;
        }
        let floods = self.floods(&slots);
        let flooded: Duration = floods.iter().map(|f| f.to.since(f.from)).sum();
        let total: u64 = slots.iter().map(|n| u64::from(*n)).sum();
        let length = self.period.length().as_secs_f64();
        Rate {
            mean: total as f64 / (length / SLOT.as_secs_f64()),
            most_in_slot: slots.iter().copied().max().unwrap_or(0),
            most_in_ten_minutes: self.minutes.windows(MINUTES).map(|m| m.iter().sum()).max().unwrap_or(0),
            first_slot: self.first,
            histogram,
            floods,
            flood_share: flooded.as_secs_f64() / length,
            days: self.days(),
            slots,
        }
    }

    fn floods(&self, slots: &[u32]) -> Vec<Flood> {
        let mut floods: Vec<Flood> = Vec::new();
        let mut now: Option<Flood> = None;
        for (i, n) in slots.iter().enumerate() {
            let begins = self.first + SLOT * u32::try_from(i).unwrap_or(u32::MAX);
            let within = match now {
                Some(_) => *n >= FLOOD_BELOW,
                None => *n > FLOOD_ABOVE,
            };
            match (&mut now, within) {
                (Some(f), true) => {
                    f.annunciations += u64::from(*n);
                    f.most_in_slot = f.most_in_slot.max(*n);
                }
                (None, true) => {
                    let from = begins.max(self.period.from);
                    let annunciations = u64::from(*n);
                    now = Some(Flood { from, to: self.period.to, annunciations, most_in_slot: *n, open: true });
                }
                (Some(_), false) => floods.extend(now.take().map(|f| Flood { to: begins, open: false, ..f })),
                (None, false) => {}
            }
        }
        floods.extend(now);
        floods
    }

    fn days(&self) -> Vec<Day> {
        let day = |(i, n): (usize, &u64)| {
            let from = self.period.from + DAY * u32::try_from(i).unwrap_or(u32::MAX);
            Day { from, annunciations: *n, whole: from + DAY <= self.period.to }
        };
        self.days.iter().enumerate().map(day).collect()
    }
}
