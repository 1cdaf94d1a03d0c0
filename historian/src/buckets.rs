//! What stretches of time amount to: from minutes and hours where they say it, from the points where they do not.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;
use std::time::Duration;

use plant::{SeriesKey, Timestamp};
use rusqlite::Connection;

use crate::codec::chunk::{Points, Summary};
use crate::db::File;
use crate::read::{HeadPart, Raw, Visitor};
use crate::rollup::{self, DAY, HOUR, MINUTE, Standing, Width, ceil, floor};
use crate::shared::Shared;
use crate::{Bucket, ReadError};

/// How often a series is looked at anew that was written between a look at its head and one at its chunks.
const ATTEMPTS: usize = 16;

/// Sums up by stretches of `width`.
pub(crate) struct Sum {
    width: i64,
    /// No chunk is taken unopened: only its points say when its last usable number was.
    exact: bool,
    /// The stretch being filled, inclusive of its first and last instant.
    now: (i64, i64),
    summary: Summary,
    done: Vec<(i64, Summary)>,
}

impl Sum {
    /// `width` in nanoseconds, at least one.
    pub fn new(width: i64) -> Self {
        // A stretch that holds nothing: the first point moves on from it.
        Self { width, exact: false, now: (0, -1), summary: Summary::default(), done: Vec::new() }
    }

    /// One that knows of every stretch when its last number was; it opens every chunk.
    pub fn exact(width: i64) -> Self {
        Self { exact: true, ..Self::new(width) }
    }

    /// What was shown, in order of time; empty stretches are left out.
    pub fn done(self) -> Vec<Bucket> {
        self.stretches().iter().map(|(t, s)| bucket(*t, s)).collect()
    }

    /// The same, each with its first instant.
    pub fn stretches(mut self) -> Vec<(i64, Summary)> {
        self.finish();
        self.done
    }

    /// The first and the last instant of the stretch that holds `t`.
    fn stretch(&self, t: i64) -> (i64, i64) {
        let start = t.saturating_sub(t.rem_euclid(self.width));
        (start, start.saturating_add(self.width - 1))
    }

    fn move_to(&mut self, t: i64) {
        if t < self.now.0 || t > self.now.1 {
            self.finish();
            self.now = self.stretch(t);
        }
    }

    fn finish(&mut self) {
        let s = std::mem::take(&mut self.summary);
        if s.count > 0 {
            self.done.push((self.now.0, s));
        }
    }
}

fn bucket(t: i64, s: &Summary) -> Bucket {
    let mean = s.mean.clamp(s.min, s.max);
    Bucket { t: Timestamp::from_nanos(t), min: s.min, max: s.max, mean, last: s.last, count: s.count }
}

impl Visitor for Sum {
    fn whole(&self, t0: i64, t1: i64) -> bool {
        !self.exact && self.stretch(t0).1 >= t1
    }

    fn summary(&mut self, t0: i64, summary: &Summary) {
        if summary.count > 0 {
            self.move_to(t0);
            self.summary.merge(summary);
        }
    }

    fn points(&mut self, points: &Points, range: Range<usize>) -> ControlFlow<()> {
        for i in range {
            if let Some(v) = points.usable(i) {
                self.move_to(points.times[i]);
                self.summary.add(points.times[i], v);
            }
        }
        ControlFlow::Continue(())
    }
}

/// What each stretch of `width`, aligned to the epoch, amounts to; empty ones are left out.
pub(crate) fn buckets(
    shared: &Shared,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    width: Duration,
) -> Result<Vec<Bucket>, ReadError> {
    let width = i64::try_from(width.as_nanos()).unwrap_or(i64::MAX).max(1);
    let range = from.nanos()..to.nanos();
    if range.is_empty() {
        return Ok(Vec::new());
    }
    for attempt in 1..=ATTEMPTS {
        let removals = shared.removals.load(Ordering::SeqCst);
        let Some(mut head) = HeadPart::look(shared, key, &range) else { break };
        if head.sealed == 0 {
            let mut sum = Sum::new(width);
            let _ = sum.points(&head.points, 0..head.points.len());
            return Ok(sum.done());
        }
        let found = shared.ts.read(|tx| {
            let standing = rollup::standing(tx, head.series).map_err(File::Ts.said())?;
            let standing = standing.unwrap_or(Standing { raw_from: i64::MIN, sealed: head.sealed, span: 0 });
            // What left the head in between may be among what was removed: it would be counted twice.
            let moved = standing.sealed != head.sealed;
            let torn = moved || shared.removals.load(Ordering::SeqCst) != removals;
            if torn && standing.raw_from > range.start && attempt < ATTEMPTS {
                return Ok(None);
            }
            if moved {
                // A store opened for reading does not follow: what its heads hold is in chunks, or was.
                head.points = head.points.within(&(standing.raw_from..i64::MAX));
            }
            Query { conn: tx, head: &head, raw_from: standing.raw_from, width }.answer(&range).map(Some)
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// One question, within one transaction.
struct Query<'a> {
    conn: &'a Connection,
    head: &'a HeadPart,
    raw_from: i64,
    width: i64,
}

impl Query<'_> {
    fn answer(&self, range: &Range<i64>) -> Result<Vec<Bucket>, ReadError> {
        let raw = Raw::new(self.conn, self.head);
        let border = self.raw_from.clamp(range.start, range.end);
        let (removed, whole) = (range.start..border, border..range.end);
        let mut gone = Vec::new();
        let mut came_since = Sum::new(self.width);
        if !removed.is_empty() {
            let mut sum = Sum::new(self.width);
            let days = self.days(&removed)?;
            self.show(&removed, &days, &mut sum)?;
            gone = sum.stretches();
            came_since.exact = !gone.is_empty();
            let _ = raw.walk(&removed, &mut came_since)?;
        }
        let mut sum = Sum::new(self.width);
        let mut at = whole.start;
        if self.width % MINUTE == 0 {
            let days = self.days(&whole)?;
            for clean in self.clean(&whole, &days)? {
                let _ = raw.walk(&(at..clean.start), &mut sum)?;
                self.show(&clean, &days, &mut sum)?;
                at = clean.end;
            }
        }
        let _ = raw.walk(&(at..whole.end), &mut sum)?;
        Ok(add_up([gone, came_since.stretches(), sum.stretches()]))
    }

    fn days(&self, range: &Range<i64>) -> Result<BTreeSet<i64>, ReadError> {
        if self.raw_from == i64::MIN && !rollup::exists(self.conn).map_err(File::Ts.said())? {
            return Ok(BTreeSet::new());
        }
        rollup::days(self.conn, self.head.series, range).map_err(File::Ts.said())
    }

    /// Where within `range` the minutes of `days` say what the points say: whole minutes, not stale, of which the head
    /// holds nothing. In order; what touches is one.
    fn clean(&self, range: &Range<i64>, days: &BTreeSet<i64>) -> Result<Vec<Range<i64>>, ReadError> {
        let mut found: Vec<Range<i64>> = Vec::new();
        if days.is_empty() {
            return Ok(found);
        }
        let stale = rollup::stale(self.conn, self.head.series, range).map_err(File::Ts.said())?;
        let inner = ceil(range.start, MINUTE)..floor(range.end, MINUTE);
        for day in days {
            let whole = rollup::day_range(*day);
            let end = whole.end.min(stale.get(day).copied().unwrap_or(i64::MAX)).min(inner.end);
            for piece in self.without_head(whole.start.max(inner.start)..end) {
                match found.last_mut() {
                    Some(last) if last.end == piece.start => last.end = piece.end,
                    _ => found.push(piece),
                }
            }
        }
        Ok(found)
    }

    /// `range` without the hours of which the head holds something.
    fn without_head(&self, range: Range<i64>) -> Vec<Range<i64>> {
        let times = &self.head.points.times;
        let mut pieces = Vec::new();
        let mut at = range.start;
        while at < range.end {
            // The head's first point that is not before this hour.
            let next = times.partition_point(|t| *t < floor(at, HOUR));
            let hour = times.get(next).map_or(i64::MAX, |t| floor(*t, HOUR));
            if hour > at {
                pieces.push(at..hour.min(range.end));
            }
            at = hour.saturating_add(HOUR);
        }
        pieces
    }

    /// Shows `sum` what stands of the stretches that begin in `range`: minutes of `days`, else hours.
    fn show(&self, range: &Range<i64>, days: &BTreeSet<i64>, sum: &mut Sum) -> Result<(), ReadError> {
        let hours = ceil(range.start, HOUR)..floor(range.end, HOUR);
        if self.width % HOUR != 0 || hours.is_empty() {
            return self.show_finest(range, days, sum);
        }
        self.show_finest(&(range.start..hours.start), days, sum)?;
        rollup::each(self.conn, self.head.series, Width::Hour, &hours, |t, s| sum.summary(t, s))?;
        self.show_finest(&(hours.end..range.end), days, sum)
    }

    fn show_finest(&self, range: &Range<i64>, days: &BTreeSet<i64>, sum: &mut Sum) -> Result<(), ReadError> {
        if range.is_empty() {
            return Ok(());
        }
        let series = self.head.series;
        let mut found: Vec<(i64, Summary)> = Vec::new();
        rollup::each(self.conn, series, Width::Minute, range, |t, s| found.push((t, *s)))?;
        let minutes = found.len();
        if range.start < self.raw_from {
            let bare = |t: i64| !days.contains(&t.div_euclid(DAY));
            rollup::each(self.conn, series, Width::Hour, range, |t, s| found.extend(bare(t).then_some((t, *s))))?;
        }
        if found.len() > minutes {
            found.sort_by_key(|(t, _)| *t);
        }
        found.iter().for_each(|(t, s)| sum.summary(*t, s));
        Ok(())
    }
}

/// What several lists, each in order of time, say of one stretch is put together.
fn add_up(lists: [Vec<(i64, Summary)>; 3]) -> Vec<Bucket> {
    let mut all: Vec<(i64, Summary)> = lists.into_iter().flatten().collect();
    all.sort_by_key(|(t, _)| *t); // stable: where two speak of one instant, the later list has the last word
    let put_together = |of_one: &[(i64, Summary)]| {
        let mut sum = Summary::default();
        of_one.iter().for_each(|(_, s)| sum.merge(s));
        bucket(of_one[0].0, &sum)
    };
    all.chunk_by(|a, b| a.0 == b.0).map(put_together).collect()
}
