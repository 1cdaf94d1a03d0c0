//! How a series is read: its chunks and its head, put together in order of time, each instant once, the last word wins.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use plant::{SeriesKey, Timestamp};
use rusqlite::{Transaction, params};

use crate::codec::chunk::{self, Points, Summary};
use crate::db::File;
use crate::head::Rank;
use crate::shared::Shared;
use crate::{Bucket, ReadError, Sample};

/// What a reader is shown of a series, in order of time.
pub(crate) trait Visitor {
    /// Whether a chunk from `t0` to `t1` (inclusive) is taken by what it amounts to, unopened.
    fn whole(&self, _t0: i64, _t1: i64) -> bool {
        false
    }
    /// A chunk for which [`Visitor::whole`] said yes.
    fn summary(&mut self, _t0: i64, _summary: &Summary) {}
    /// The points at `range`; the answer says whether to go on.
    fn points(&mut self, points: &Points, range: Range<usize>) -> ControlFlow<()>;
}

/// A chunk by its index entry, or points at hand.
enum Source {
    Chunk { t0: i64, t1: i64, seq: u64, summary: Summary, block: i64 },
    Head(Points),
}

impl Source {
    fn ends(&self) -> i64 {
        match self {
            Self::Chunk { t1, .. } => *t1,
            Self::Head(p) => p.times.last().copied().unwrap_or(i64::MIN),
        }
    }
}

/// Shows `visitor` the points of `key` with `from <= t < to`.
pub(crate) fn walk(
    shared: &Shared,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    visitor: &mut impl Visitor,
) -> Result<(), ReadError> {
    let range = from.nanos()..to.nanos();
    if range.is_empty() {
        return Ok(());
    }
    // The head first, then the chunks: what moves from the one to the others in between is seen twice, never not at all.
    let cache = shared.cache();
    let Some((series, head)) = cache.id(key).and_then(|id| Some((id, cache.head(id)?))) else { return Ok(()) };
    let mut points = Some(head.within(range.clone())).filter(|p| !p.is_empty());
    let (sealed, partial, span) = (head.sealed, head.partial.clone(), head.span);
    drop(cache);
    if sealed == 0 {
        if let Some(p) = points {
            let _ = visitor.points(&p, 0..p.len());
        }
        return Ok(());
    }
    let earliest = range.start.saturating_sub(i64::try_from(span).unwrap_or(i64::MAX));
    shared.ts.read(|tx| {
        let mut query = tx.prepare_cached(CHUNKS).map_err(shared.ts.said())?;
        let mut rows = query.query(params![series, earliest, range.end, range.start]).map_err(shared.ts.said())?;
        let mut cluster = Cluster { tx, series, rank: Rank::Head(sealed), range: range.clone(), sources: Vec::new() };
        while let Some(r) = rows.next().map_err(shared.ts.said())? {
            let source = index_entry(r).map_err(shared.ts.said())?;
            let Source::Chunk { t0, seq, .. } = source else { continue };
            if seq == sealed && partial.contains(&t0) {
                continue; // the head still holds all of it
            }
            if points.as_ref().is_some_and(|p| p.times[0] <= t0)
                && let Some(p) = points.take()
                && cluster.add(p.times[0], Source::Head(p), visitor)?.is_break()
            {
                return Ok(());
            }
            if cluster.add(t0, source, visitor)?.is_break() {
                return Ok(());
            }
        }
        if let Some(p) = points.take()
            && cluster.add(p.times[0], Source::Head(p), visitor)?.is_break()
        {
            return Ok(());
        }
        cluster.flush(visitor).map(drop)
    })
}

const CHUNKS: &str = "SELECT t0, t1, seq, count, min, max, mean, last, block FROM chunk
    WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4 ORDER BY t0, seq";

fn index_entry(r: &rusqlite::Row<'_>) -> rusqlite::Result<Source> {
    let number = |i| r.get::<_, Option<f64>>(i).map(Option::unwrap_or_default);
    let summary = Summary {
        count: r.get::<_, i64>(3)? as u64,
        min: number(4)?,
        max: number(5)?,
        mean: number(6)?,
        last: number(7)?,
    };
    Ok(Source::Chunk { t0: r.get(0)?, t1: r.get(1)?, seq: r.get::<_, i64>(2)? as u64, summary, block: r.get(8)? })
}

/// Sources that overlap in time.
struct Cluster<'a> {
    tx: &'a Transaction<'a>,
    series: u32,
    /// Of the head, if it is among the sources.
    rank: Rank,
    range: Range<i64>,
    sources: Vec<Source>,
}

impl Cluster<'_> {
    /// Adds a source that begins at `t0`, not before those added earlier. What ends before it is shown first.
    fn add(&mut self, t0: i64, source: Source, visitor: &mut impl Visitor) -> Result<ControlFlow<()>, ReadError> {
        let mut flow = ControlFlow::Continue(());
        if self.sources.iter().all(|s| s.ends() < t0) {
            flow = self.flush(visitor)?;
        }
        self.sources.push(source);
        Ok(flow)
    }

    /// Shows what has been added.
    fn flush(&mut self, visitor: &mut impl Visitor) -> Result<ControlFlow<()>, ReadError> {
        let mut sources = std::mem::take(&mut self.sources);
        let points = match sources.as_slice() {
            [] => return Ok(ControlFlow::Continue(())),
            [Source::Chunk { t0, t1, summary, .. }]
                if self.range.contains(t0) && self.range.contains(t1) && visitor.whole(*t0, *t1) =>
            {
                visitor.summary(*t0, summary);
                return Ok(ControlFlow::Continue(()));
            }
            [_] => match sources.pop() {
                Some(only) => self.open(only)?.1,
                None => return Ok(ControlFlow::Continue(())),
            },
            _ => {
                let mut opened = sources.into_iter().map(|s| self.open(s)).collect::<Result<Vec<_>, _>>()?;
                opened.sort_by_key(|(rank, _)| *rank);
                let mut all = Points::default();
                opened.iter().for_each(|(_, p)| all.append(p));
                all.select(&all.order())
            }
        };
        let (a, b) = (self.range.start, self.range.end);
        let inside = points.times.partition_point(|t| *t < a)..points.times.partition_point(|t| *t < b);
        Ok(visitor.points(&points, inside))
    }

    fn open(&self, source: Source) -> Result<(Rank, Points), ReadError> {
        let said = File::Ts.said();
        match source {
            Source::Head(points) => Ok((self.rank, points)),
            Source::Chunk { t0, seq, block, .. } => {
                let mut query = self.tx.prepare_cached("SELECT body FROM block WHERE id = ?").map_err(&said)?;
                let body: Vec<u8> = query.query_row([block], |r| r.get(0)).map_err(&said)?;
                let points = chunk::decode(&body, &chunk::place(self.series, t0, seq));
                let what = || format!("the chunk of series {} at {t0} of commit {seq}", self.series);
                Ok((Rank::Chunk(seq), points.map_err(|d| ReadError::damaged(what())(d))?))
            }
        }
    }
}

/// Collects samples up to a limit.
struct Collect {
    samples: Vec<Sample>,
    limit: usize,
}

impl Visitor for Collect {
    fn points(&mut self, points: &Points, range: Range<usize>) -> ControlFlow<()> {
        let room = self.limit - self.samples.len();
        self.samples.extend(range.take(room).map(|i| points.sample(i)));
        if self.samples.len() < self.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Raw values in order of time.
pub(crate) fn range(
    shared: &Shared,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Sample>, ReadError> {
    let mut collect = Collect { samples: Vec::new(), limit };
    if limit > 0 {
        walk(shared, key, from, to, &mut collect)?;
    }
    Ok(collect.samples)
}

/// At least as many as there are values with `from <= t < to`; a chunk of which only a part is within counts whole.
pub(crate) fn weight(shared: &Shared, key: &SeriesKey, from: Timestamp, to: Timestamp) -> Result<u64, ReadError> {
    let (from, to) = (from.nanos(), to.nanos());
    let cache = shared.cache();
    let Some((series, head)) = cache.id(key).and_then(|id| Some((id, cache.head(id)?))) else { return Ok(0) };
    let in_head = head.points.times.iter().filter(|t| (from..to).contains(t)).count() as u64;
    let earliest = from.saturating_sub(i64::try_from(head.span).unwrap_or(i64::MAX));
    drop(cache);
    let said = File::Ts.said();
    shared.ts.read(|tx| {
        let sql = "SELECT coalesce(sum(n), 0) FROM chunk WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4";
        let mut sum = tx.prepare_cached(sql).map_err(&said)?;
        let stored: i64 = sum.query_row(params![series, earliest, to, from], |r| r.get(0)).map_err(&said)?;
        Ok(in_head + stored as u64)
    })
}

/// Sums up by stretches of `width`.
struct Sum {
    width: i64,
    /// The stretch being filled, inclusive of its first and last instant.
    now: (i64, i64),
    summary: Summary,
    done: Vec<Bucket>,
}

impl Sum {
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
            self.done.push(Bucket {
                t: Timestamp::from_nanos(self.now.0),
                min: s.min,
                max: s.max,
                mean: s.mean.clamp(s.min, s.max),
                last: s.last,
                count: s.count,
            });
        }
    }
}

impl Visitor for Sum {
    fn whole(&self, t0: i64, t1: i64) -> bool {
        self.stretch(t0).1 >= t1
    }

    fn summary(&mut self, t0: i64, summary: &Summary) {
        self.move_to(t0);
        self.summary.merge(summary);
    }

    fn points(&mut self, points: &Points, range: Range<usize>) -> ControlFlow<()> {
        for i in range {
            if let Some(v) = points.usable(i) {
                self.move_to(points.times[i]);
                self.summary.add(v);
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
    // A stretch that holds nothing: the first point moves on from it.
    let mut sum = Sum { width, now: (0, -1), summary: Summary::default(), done: Vec::new() };
    walk(shared, key, from, to, &mut sum)?;
    sum.finish();
    Ok(sum.done)
}
