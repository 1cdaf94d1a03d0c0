//! How a series is read: its chunks and its head, put together in order of time, each instant once, the last word wins.

use std::ops::{ControlFlow, Range};

use plant::{SeriesKey, Timestamp};
use rusqlite::{Connection, params};

use crate::codec::chunk::{self, Points, Summary};
use crate::db::File;
use crate::head::Rank;
use crate::shared::Shared;
use crate::{ReadError, Sample, Seq};

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
    Chunk { t0: i64, t1: i64, seq: Seq, summary: Summary, block: i64 },
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

/// What a head holds of a stretch of time, as of when it was looked at.
pub(crate) struct HeadPart {
    pub series: u32,
    /// Sorted; all of the stretch.
    pub points: Points,
    /// As [`crate::head::Head`].
    pub sealed: Seq,
    partial: Vec<i64>,
    span: u64,
}

impl HeadPart {
    /// `None` where there is no such series. To be looked at before the chunks: what moves from the one to the others in
    /// between is seen twice, never not at all.
    pub fn look(shared: &Shared, key: &SeriesKey, range: &Range<i64>) -> Option<Self> {
        let cache = shared.cache();
        let series = cache.id(key)?;
        let head = cache.head(series)?;
        let (points, partial) = (head.within(range.clone()), head.partial.clone());
        Some(Self { series, points, sealed: head.sealed, partial, span: head.span })
    }
}

/// One series at one moment: its chunks, with or without its head.
pub(crate) struct Raw<'a> {
    conn: &'a Connection,
    series: u32,
    span: u64,
    head: Option<&'a HeadPart>,
}

impl<'a> Raw<'a> {
    /// `conn` should be within a transaction.
    pub fn new(conn: &'a Connection, head: &'a HeadPart) -> Self {
        Self { conn, series: head.series, span: head.span, head: Some(head) }
    }

    /// The chunks alone, none of which spans more than `span`.
    pub fn of_chunks(conn: &'a Connection, series: u32, span: u64) -> Self {
        Self { conn, series, span, head: None }
    }

    /// How many chunks there are that may hold something of `range`.
    pub fn count(&self, range: &Range<i64>) -> Result<usize, ReadError> {
        let sql = "SELECT count(*) FROM chunk WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4";
        let mut query = self.conn.prepare_cached(sql).map_err(File::Ts.said())?;
        let bounds = params![self.series, self.earliest(range), range.end, range.start];
        query.query_row(bounds, |r| r.get::<_, i64>(0)).map(|n| n as usize).map_err(File::Ts.said())
    }

    /// How many points the chunks hold that may hold something of `range`.
    fn points(&self, range: &Range<i64>) -> Result<u64, ReadError> {
        let sql = "SELECT coalesce(sum(n), 0) FROM chunk WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4";
        let mut query = self.conn.prepare_cached(sql).map_err(File::Ts.said())?;
        let bounds = params![self.series, self.earliest(range), range.end, range.start];
        query.query_row(bounds, |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(File::Ts.said())
    }

    /// No chunk that begins before this reaches into `range`.
    fn earliest(&self, range: &Range<i64>) -> i64 {
        range.start.saturating_sub(i64::try_from(self.span).unwrap_or(i64::MAX))
    }

    /// Shows `visitor` the points of `range`; gives what it answered.
    pub fn walk(&self, range: &Range<i64>, visitor: &mut impl Visitor) -> Result<ControlFlow<()>, ReadError> {
        if range.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let said = File::Ts.said();
        let mut points = self.head.map(|h| h.points.within(range)).filter(|p| !p.is_empty());
        let rank = Rank::Head(self.head.map_or(0, |h| h.sealed));
        let mut cluster =
            Cluster { conn: self.conn, series: self.series, rank, range: range.clone(), sources: Vec::new() };
        let mut query = self.conn.prepare_cached(CHUNKS).map_err(&said)?;
        let bounds = params![self.series, self.earliest(range), range.end, range.start];
        let mut rows = query.query(bounds).map_err(&said)?;
        while let Some(r) = rows.next().map_err(&said)? {
            let source = index_entry(r).map_err(&said)?;
            let Source::Chunk { t0, seq, .. } = source else { continue };
            if self.head.is_some_and(|h| seq == h.sealed && h.partial.contains(&t0)) {
                continue; // the head still holds all of it
            }
            if points.as_ref().is_some_and(|p| p.times[0] <= t0)
                && let Some(p) = points.take()
                && cluster.add(p.times[0], Source::Head(p), visitor)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
            if cluster.add(t0, source, visitor)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if let Some(p) = points.take()
            && cluster.add(p.times[0], Source::Head(p), visitor)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        cluster.flush(visitor)
    }
}

const CHUNKS: &str = "SELECT t0, t1, seq, count, min, max, mean, last, block FROM chunk
    WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4 ORDER BY t0, seq";

fn index_entry(r: &rusqlite::Row<'_>) -> rusqlite::Result<Source> {
    let number = |i| r.get::<_, Option<f64>>(i).map(Option::unwrap_or_default);
    let t1 = r.get(1)?;
    let summary = Summary {
        count: r.get::<_, i64>(3)? as u64,
        min: number(4)?,
        max: number(5)?,
        mean: number(6)?,
        last: number(7)?,
        at: t1, // or before: what comes after the last usable number is not in the index
    };
    Ok(Source::Chunk { t0: r.get(0)?, t1, seq: r.get::<_, i64>(2)? as u64, summary, block: r.get(8)? })
}

/// Sources that overlap in time.
struct Cluster<'a> {
    conn: &'a Connection,
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
                let mut query = self.conn.prepare_cached("SELECT body FROM block WHERE id = ?").map_err(&said)?;
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

/// Shows `visitor` all that is kept of `key` with `from <= t < to`.
pub(crate) fn visit(
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
    let Some(head) = HeadPart::look(shared, key, &range) else { return Ok(()) };
    if head.sealed == 0 {
        let _ = visitor.points(&head.points, 0..head.points.len());
        return Ok(());
    }
    shared.ts.read(|tx| Raw::new(tx, &head).walk(&range, visitor).map(drop))
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
        visit(shared, key, from, to, &mut collect)?;
    }
    Ok(collect.samples)
}

/// At least as many as there are values with `from <= t < to`; a chunk of which only a part is within counts whole.
pub(crate) fn weight(shared: &Shared, key: &SeriesKey, from: Timestamp, to: Timestamp) -> Result<u64, ReadError> {
    let range = from.nanos()..to.nanos();
    let Some(head) = HeadPart::look(shared, key, &range) else { return Ok(0) };
    let stored = shared.ts.read(|tx| Raw::new(tx, &head).points(&range))?;
    Ok(stored + head.points.len() as u64)
}
