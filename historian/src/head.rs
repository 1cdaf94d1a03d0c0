//! The newest points of one series: in the log, in memory, and not yet in a finished chunk.

use std::cmp::Ordering;
use std::ops::Range;

use plant::{Quality, Value};

use crate::codec::chunk::{Points, Summary};
use crate::codec::{Damage, Reader, Record, Writer};
use crate::{Sample, Seq};

/// The head of one series.
///
/// A head is written into a chunk either because it is full, and then its points leave it; or early, because the log
/// waits for them (a *partial* chunk), and then they stay, and the next chunk takes the partial one's place. So a slow
/// series does not end in a thousand tiny chunks.
#[derive(Debug)]
pub(crate) struct Head {
    /// In the order in which they were committed.
    pub points: Points,
    /// How many of them, from the first, are in a partial chunk already.
    pub stored: usize,
    /// Where the partial chunks begin; their position is `sealed`.
    pub partial: Vec<i64>,
    /// Chunks hold everything committed up to here.
    pub sealed: Seq,
    /// The commit, and its time, of the first point that no chunk holds; meaningless where there is none.
    pub first: (Seq, i64),
    /// The latest time in a finished chunk; what comes before it is late.
    pub late_before: i64,
    /// The longest time that one chunk spans.
    pub span: u64,
    /// The latest value.
    pub last: Option<Sample>,
    /// Waits for being written into a chunk.
    pub queued: bool,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            points: Points::default(),
            stored: 0,
            partial: Vec::new(),
            sealed: 0,
            first: (0, 0),
            late_before: i64::MIN,
            span: 0,
            last: None,
            queued: false,
        }
    }
}

/// A chunk about to be written.
#[derive(Debug)]
pub(crate) struct NewChunk {
    pub t0: i64,
    pub t1: i64,
    pub n: usize,
    pub summary: Summary,
    pub points: Points,
}

/// What writing a head into chunks takes and changes.
#[derive(Debug)]
pub(crate) struct Seal {
    pub series: u32,
    /// Everything committed up to here is in it.
    pub seq: Seq,
    /// How many points, from the first, it takes.
    pub taken: usize,
    /// Whether they leave the head.
    pub finished: bool,
    /// Partial chunks that the new ones replace: `(t0, seq)`.
    pub replaces: Vec<(i64, Seq)>,
    pub chunks: Vec<NewChunk>,
    /// [`Head::late_before`] as a later start must take it.
    pub t1: i64,
    pub span: u64,
}

impl Head {
    /// How many points no chunk holds.
    pub fn unsealed(&self) -> usize {
        self.points.len() - self.stored
    }

    /// Takes in a point of commit `seq` at `commit_t`.
    pub fn push(&mut self, t: i64, value: Value, quality: Quality, seq: Seq, commit_t: i64) {
        if self.unsealed() == 0 {
            self.first = (seq, commit_t);
        }
        let t_last = self.last.as_ref().map(|l| l.t.nanos());
        if t_last.is_none_or(|l| t >= l) {
            let t = plant::Timestamp::from_nanos(t);
            self.last = Some(Sample { t, value: value.clone(), quality });
        }
        self.points.push(t, value, quality);
    }

    /// What writing this head into chunks would take, all of it committed up to `seq`; `None` where there is nothing new.
    pub fn plan(&self, series: u32, seq: Seq, full: usize) -> Option<Seal> {
        if self.unsealed() == 0 {
            return None;
        }
        let order = self.points.order();
        let finished = self.points.len() >= full;
        // Late points are kept apart, lest one of them stretch a chunk over months.
        let late = order.partition_point(|i| self.points.times[*i as usize] <= self.late_before);
        let mut chunks = Vec::with_capacity(2);
        for part in [&order[..late], &order[late..]] {
            let points = self.points.select(part);
            let (Some(t0), Some(t1)) = (points.times.first().copied(), points.times.last().copied()) else { continue };
            chunks.push(NewChunk { t0, t1, n: points.len(), summary: Summary::of(&points, 0..points.len()), points });
        }
        let t1 = chunks.iter().map(|c| c.t1).fold(self.late_before, i64::max);
        let span = chunks.iter().map(|c| c.t1.abs_diff(c.t0)).fold(self.span, u64::max);
        let replaces = self.partial.iter().map(|t0| (*t0, self.sealed)).collect();
        Some(Seal { series, seq, taken: self.points.len(), finished, replaces, chunks, t1, span })
    }

    /// The chunks of `seal` are committed. To be called before the points of the next commit are taken in.
    pub fn sealed(&mut self, seal: &Seal, keep_room_for: usize) {
        self.sealed = seal.seq;
        self.span = seal.span;
        self.queued = false;
        if seal.finished {
            self.points.drop_first(seal.taken);
            self.points.shrink_to(keep_room_for);
            self.stored = 0;
            self.partial.clear();
            self.late_before = seal.t1;
        } else {
            self.stored = seal.taken;
            self.partial = seal.chunks.iter().map(|c| c.t0).collect();
        }
    }

    /// Whether all of it is in partial chunks, and something of it is from before `t`.
    pub fn may_let_go(&self, t: i64) -> bool {
        self.unsealed() == 0 && self.points.times.iter().any(|x| *x < t)
    }

    /// Leaves the points to the partial chunks, which are finished by that, as a start would. To be called only where all
    /// of it is in them.
    pub fn let_go(&mut self) {
        self.late_before = self.points.times.iter().copied().fold(self.late_before, i64::max);
        self.points = Points::default();
        self.stored = 0;
        self.partial.clear();
    }

    /// The points of `from <= t < to`, sorted.
    pub fn within(&self, range: Range<i64>) -> Points {
        let mut inside = Points::default();
        for (i, t) in self.points.times.iter().enumerate() {
            if range.contains(t) {
                inside.push(*t, self.points.values.get(i), self.points.quality(i));
            }
        }
        if inside.is_sorted() { inside } else { inside.select(&inside.order()) }
    }

    /// The latest value as it is stored beside the series.
    pub fn last_bytes(&self) -> Option<Vec<u8>> {
        self.last.as_ref().map(|s| {
            let mut w = Writer::default();
            s.t.put(&mut w);
            s.value.put(&mut w);
            s.quality.put(&mut w);
            w.0
        })
    }

    /// Reads what [`Head::last_bytes`] wrote.
    pub fn last_from(bytes: &[u8]) -> Result<Sample, Damage> {
        let mut r = Reader(bytes);
        let s = Sample { t: Record::get(&mut r)?, value: Record::get(&mut r)?, quality: Record::get(&mut r)? };
        r.end()?;
        Ok(s)
    }
}

/// Which of two sources of points is the later word on an instant: chunks by their position, and a head after every
/// chunk that it knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    Chunk(Seq),
    /// With [`Head::sealed`] at the moment it was looked at.
    Head(Seq),
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |r: &Self| match r {
            Self::Chunk(seq) => (*seq, 0),
            Self::Head(sealed) => (*sealed, 1),
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
