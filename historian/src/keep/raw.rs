//! Removes raw values of one series: whole hours, once their minutes and hours stand.
//!
//! Afterwards `series.raw_from` says up to where they are gone. A chunk across that border is cut there. What comes later
//! for a time before the border is kept as raw values are, beside what minutes and hours say; when its own time is over,
//! it is added to them.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, params};

use super::age::Limit;
use crate::buckets::Sum;
use crate::codec::chunk::{self, Points, Summary};
use crate::codec::rollup::Slot;
use crate::db::File;
use crate::head::Head;
use crate::read::Visitor;
use crate::rollup::build::{Mark, build, hours_of};
use crate::rollup::{DAY, HOUR, MINUTE, Standing, Width, floor, load, put, standing};
use crate::ts::{Entry, insert_chunk};
use crate::{ReadError, Removed, Seq};

/// What a head says about its chunks.
#[derive(Debug)]
pub(crate) struct Held {
    /// The times of its points, in no order.
    times: Vec<i64>,
    sealed: Seq,
    partial: Vec<i64>,
}

impl Held {
    pub fn of(head: &Head) -> Self {
        Self { times: head.points.times.clone(), sealed: head.sealed, partial: head.partial.clone() }
    }

    fn has(&self, c: &Chunk) -> bool {
        c.seq == self.sealed && self.partial.contains(&c.t0)
    }
}

/// A chunk by its index entry.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    t0: i64,
    t1: i64,
    seq: Seq,
    n: u64,
    block: i64,
}

/// What one step did to a series.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub removed: Removed,
    /// Chunks that were opened or removed, about.
    pub spent: usize,
    /// There is more to do.
    pub more: bool,
    /// Where raw values are gone, after this.
    pub raw_from: i64,
    /// The time of the earliest value in a chunk, after this.
    pub first: Option<i64>,
}

/// Removes what `limit` allows, from about `budget` chunks. To be called within a transaction; `seq` is the last commit.
pub(crate) fn retire(
    tx: &Connection,
    series: u32,
    held: &Held,
    limit: Option<Limit>,
    seq: Seq,
    budget: usize,
) -> Result<Step, ReadError> {
    let said = File::Ts.said();
    let Some(standing) = standing(tx, series).map_err(&said)? else { return Ok(Step::default()) };
    let mut step = Step { raw_from: standing.raw_from, ..Step::default() };
    if let Some(limit) = limit {
        let series = Series { tx, id: series, standing, held, limit, seq };
        series.late(budget, &mut step)?;
        if step.spent < budget {
            series.advance(budget, &mut step)?;
        } else {
            step.more = true;
        }
    }
    let mut first = tx.prepare_cached("SELECT min(t0) FROM chunk WHERE series = ?").map_err(&said)?;
    step.first = first.query_row([series], |r| r.get(0)).map_err(&said)?;
    Ok(step)
}

/// One series while something of it is removed.
struct Series<'a> {
    tx: &'a Connection,
    id: u32,
    standing: Standing,
    held: &'a Held,
    limit: Limit,
    seq: Seq,
}

impl Series<'_> {
    /// What came for a time before the border and is old enough by now is added to minutes and hours.
    fn late(&self, budget: usize, step: &mut Step) -> Result<(), ReadError> {
        let border = self.standing.raw_from;
        if border == i64::MIN {
            return Ok(());
        }
        let sql = "SELECT t0, t1, seq, n, block FROM chunk WHERE series = ?1 AND t0 < ?2 AND t1 < ?2 AND seq <= ?3
                   ORDER BY t0, seq LIMIT ?4";
        let chunks = self.chunks(sql, params![self.id, border, self.limit.seq as i64, budget as i64])?;
        let chunks: Vec<Chunk> = chunks.into_iter().filter(|c| !self.held.has(c)).collect();
        if chunks.is_empty() {
            return Ok(());
        }
        step.more |= chunks.len() == budget;
        step.spent += chunks.len();
        self.add_to_rollups(&chunks, &(i64::MIN..border))?;
        for c in &chunks {
            self.delete(c, step)?;
            step.removed.points += c.n;
        }
        Ok(())
    }

    /// Moves the border.
    fn advance(&self, budget: usize, step: &mut Step) -> Result<(), ReadError> {
        let border = self.standing.raw_from;
        let target = self.target();
        if target <= border {
            return Ok(());
        }
        let sql = "SELECT t0, t1, seq, n, block FROM chunk WHERE series = ?1 AND t0 >= ?2 AND t0 < ?3 AND t1 >= ?4
                   ORDER BY t0, seq";
        let earliest = border.saturating_sub(i64::try_from(self.standing.span).unwrap_or(i64::MAX));
        let (until, chunks) = self.select(sql, earliest, target, budget, step)?;
        if chunks.is_empty() {
            // The border follows now and then, so that the minutes of a series that has ended can go.
            return match border != i64::MIN && until.div_euclid(DAY) > border.div_euclid(DAY) {
                true if self.is_clean(until, budget, step)? => self.set_border(until, step),
                _ => Ok(()),
            };
        }
        if until <= border || !self.is_clean(until, budget, step)? {
            return Ok(());
        }
        // Of chunks across the old border, what lies before it came later.
        let late: Vec<Chunk> = chunks.iter().copied().filter(|c| c.t0 < border).collect();
        self.add_to_rollups(&late, &(i64::MIN..border))?;
        for c in &chunks {
            self.cut(c, until, step)?;
        }
        step.spent += chunks.len();
        self.set_border(until, step)
    }

    /// How far the border may move: not beyond what a head still holds.
    fn target(&self) -> i64 {
        let border = self.standing.raw_from;
        let held = self.held.times.iter().copied().filter(|t| *t >= border).min();
        floor(held.unwrap_or(i64::MAX).min(self.limit.t), HOUR)
    }

    /// The chunks to be removed or cut, and up to where: of about `budget`, at least those of an hour.
    fn select(
        &self,
        sql: &str,
        earliest: i64,
        target: i64,
        budget: usize,
        step: &mut Step,
    ) -> Result<(i64, Vec<Chunk>), ReadError> {
        let said = File::Ts.said();
        let border = self.standing.raw_from;
        let mut query = self.tx.prepare_cached(sql).map_err(&said)?;
        let mut rows = query.query(params![self.id, earliest, target, border]).map_err(&said)?;
        let (mut until, mut chunks): (i64, Vec<Chunk>) = (target, Vec::new());
        while let Some(r) = rows.next().map_err(&said)? {
            let c = chunk_of(r).map_err(&said)?;
            let from = floor(c.t0.max(border), HOUR);
            if self.held.has(&c) {
                continue;
            }
            if c.seq > self.limit.seq {
                until = until.min(from);
                break;
            }
            let first = chunks.first().map(|f| floor(f.t0.max(border), HOUR));
            if chunks.len() >= budget && first.is_some_and(|f| from > f) {
                until = until.min(from);
                step.more = true;
                break;
            }
            chunks.push(c);
        }
        chunks.retain(|c| c.t0 < until);
        Ok((until, chunks))
    }

    /// Whether minutes and hours stand up to `until`; makes some that do not.
    fn is_clean(&self, until: i64, budget: usize, step: &mut Step) -> Result<bool, ReadError> {
        let said = File::Ts.said();
        let sql = "SELECT day, since FROM stale WHERE series = ? AND day <= ? AND since < ? ORDER BY day";
        let mut query = self.tx.prepare_cached(sql).map_err(&said)?;
        let bounds = params![self.id, until.saturating_sub(1).div_euclid(DAY), until];
        let row = |r: &rusqlite::Row<'_>| Ok(Mark { series: self.id, day: r.get(0)?, since: r.get(1)? });
        let marks: Vec<Mark> = query.query_map(bounds, row).and_then(Iterator::collect).map_err(&said)?;
        for mark in marks {
            if step.spent >= budget {
                step.more = true;
                return Ok(false);
            }
            let (opened, _) = build(self.tx, mark, self.seq, budget - step.spent)?;
            step.spent += opened.max(1);
            let sql = "SELECT 1 FROM stale WHERE series = ? AND day = ? AND since < ?";
            let mut left = self.tx.prepare_cached(sql).map_err(&said)?;
            if left.exists(params![self.id, mark.day, until]).map_err(&said)? {
                step.more = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn set_border(&self, until: i64, step: &mut Step) -> Result<(), ReadError> {
        let mut set = self.tx.prepare_cached("UPDATE series SET raw_from = ? WHERE id = ?").map_err(File::Ts.said())?;
        set.execute(params![until, self.id]).map_err(File::Ts.said())?;
        step.raw_from = until;
        Ok(())
    }

    /// Removes what of `c` lies before `until`.
    fn cut(&self, c: &Chunk, until: i64, step: &mut Step) -> Result<(), ReadError> {
        if c.t1 < until {
            step.removed.points += c.n;
            return self.delete(c, step);
        }
        let points = self.open(c)?;
        // Not by `within`: what is at the last instant of time stays, too.
        let from = points.times.partition_point(|t| *t < until) as u32;
        let rest = points.select(&(from..points.len() as u32).collect::<Vec<_>>());
        step.removed.points += c.n - rest.len() as u64;
        self.delete(c, step)?;
        step.removed.bytes = step.removed.bytes.saturating_sub(self.insert(c, &rest)?);
        Ok(())
    }

    fn delete(&self, c: &Chunk, step: &mut Step) -> Result<(), ReadError> {
        let delete = || {
            let mut gone = self.tx.prepare_cached("DELETE FROM block WHERE id = ? RETURNING length(body)")?;
            let bytes: Vec<i64> = gone.query_map([c.block], |r| r.get(0))?.collect::<Result<_, _>>()?;
            let mut entry = self.tx.prepare_cached("DELETE FROM chunk WHERE series = ? AND t0 = ? AND seq = ?")?;
            entry.execute(params![self.id, c.t0, c.seq as i64])?;
            Ok(bytes.iter().sum::<i64>() as u64)
        };
        step.removed.bytes += delete().map_err(File::Ts.said())?;
        Ok(())
    }

    /// Writes the rest of `c`; gives its bytes.
    fn insert(&self, c: &Chunk, rest: &Points) -> Result<u64, ReadError> {
        let (Some(t0), Some(t1)) = (rest.times.first(), rest.times.last()) else { return Ok(0) };
        let body = chunk::encode(rest, &chunk::place(self.id, *t0, c.seq));
        let body = body.map_err(ReadError::damaged("the rest of a chunk"))?;
        let summary = Summary::of(rest, 0..rest.len());
        let new = Entry { series: self.id, t0: *t0, t1: *t1, seq: c.seq, n: rest.len(), summary };
        insert_chunk(self.tx, &new, &body).map_err(File::Ts.said())?;
        Ok(body.len() as u64)
    }

    fn open(&self, c: &Chunk) -> Result<Points, ReadError> {
        let said = File::Ts.said();
        let mut query = self.tx.prepare_cached("SELECT body FROM block WHERE id = ?").map_err(&said)?;
        let body: Vec<u8> = query.query_row([c.block], |r| r.get(0)).map_err(&said)?;
        let what = || format!("the chunk of series {} at {} of commit {}", self.id, c.t0, c.seq);
        let points = chunk::decode(&body, &chunk::place(self.id, c.t0, c.seq));
        points.map_err(|d| ReadError::damaged(what())(d))
    }

    fn chunks(&self, sql: &str, bounds: impl rusqlite::Params) -> Result<Vec<Chunk>, ReadError> {
        let said = File::Ts.said();
        let mut query = self.tx.prepare_cached(sql).map_err(&said)?;
        query.query_map(bounds, chunk_of).and_then(Iterator::collect).map_err(&said)
    }

    /// Adds what `chunks` hold of `range`, where raw values are gone, to the minutes there, or to the hours where there
    /// are no minutes any more.
    fn add_to_rollups(&self, chunks: &[Chunk], range: &Range<i64>) -> Result<(), ReadError> {
        let mut chunks = chunks.to_vec();
        chunks.sort_by_key(|c| c.seq);
        let mut all = Points::default();
        for c in &chunks {
            all.append(&self.open(c)?);
        }
        let all = all.select(&all.order()).within(range);
        let mut sum = Sum::exact(MINUTE);
        let _ = sum.points(&all, 0..all.len());
        for of_day in sum.stretches().chunk_by(|a, b| a.0.div_euclid(DAY) == b.0.div_euclid(DAY)) {
            self.add_day(of_day[0].0.div_euclid(DAY), of_day)?;
        }
        Ok(())
    }

    fn add_day(&self, day: i64, made: &[(i64, Summary)]) -> Result<(), ReadError> {
        let (row, first) = (day.div_euclid(32), day.rem_euclid(32) as u32 * 24);
        let stand = load(self.tx, self.id, Width::Hour, row)?.unwrap_or_default();
        let mut hours: BTreeMap<u32, Summary> = stand.into_iter().collect();
        let minutes = load(self.tx, self.id, Width::Minute, day)?;
        let bare = minutes.is_none() && hours.range(first..first + 24).next().is_some();
        if bare {
            for (t, s) in made {
                hours.entry(Width::Hour.locate(*t).1).or_default().merge(s);
            }
        } else {
            let mut minutes: BTreeMap<u32, Summary> = minutes.unwrap_or_default().into_iter().collect();
            for (t, s) in made {
                minutes.entry(Width::Minute.locate(*t).1).or_default().merge(s);
            }
            let minutes: Vec<Slot> = minutes.into_iter().collect();
            put(self.tx, self.id, Width::Minute, day, self.seq, &minutes)?;
            hours.extend(hours_of(&minutes).map(|(hour, s)| (first + hour, s)));
        }
        let hours: Vec<Slot> = hours.into_iter().collect();
        put(self.tx, self.id, Width::Hour, row, self.seq, &hours).map(drop)
    }
}

fn chunk_of(r: &rusqlite::Row<'_>) -> rusqlite::Result<Chunk> {
    Ok(Chunk {
        t0: r.get(0)?,
        t1: r.get(1)?,
        seq: r.get::<_, i64>(2)? as Seq,
        n: r.get::<_, i64>(3)? as u64,
        block: r.get(4)?,
    })
}
