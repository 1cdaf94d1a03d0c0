//! The one writer: takes what waits, writes it as one commit, and only then lets anybody see or hear of it.
//!
//! The order of one commit: waveforms to wave.db and an fsync; log row, finished chunks and what is filed to ts.db and
//! an fsync (from here on it is true); heads and latest values; plant and alarms; the tails; the answers. Whatever
//! waited while this ran is the next group.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use plant::{AlarmTransition, Clock, Diagnosis, Finding, Plant, SeriesKey, Timestamp, Value};

use crate::checkpoint::Checkpointer;
use crate::codec::row;
use crate::disk::Watch;
use crate::head::Head;
use crate::keep::{self, Tools};
use crate::minutes::{Keep, Minutes};
use crate::quarantine::Room;
use crate::recorder::{Queue, series_of};
use crate::room::{Group, NoRoom};
use crate::shared::Shared;
use crate::state::{Projection, State, load_journal_after};
use crate::ts::{Kept, Sealed, Ts, Work, compress, each_row, load_diagnoses};
use crate::wave::Wave;
use crate::wave::tend::{Ask, Moment};
use crate::{Batch, CloseError, CommitError, Committed, Config, JournalEntry, Probe, ReadError, Seq, StoredProgress};

/// Between two upkeeps there is at most this much of the plant's time.
const UPKEEP: std::time::Duration = std::time::Duration::from_secs(60);
/// How many rows of the log a commit deletes at most, so that the queue does not wait for it; more when none waits.
const PRUNE: (u64, u64) = (4, 256);
/// How many steps of what is not urgent follow a commit while none waits: some milliseconds each.
const STEPS: usize = 16;
/// How long the end waits for readers in other processes.
const READERS: std::time::Duration = std::time::Duration::from_millis(250);

/// The writer's whole state; lives in its thread.
pub(crate) struct Writer {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue>,
    pub ts: Ts,
    pub wave: Wave,
    pub state: State,
    pub checkpointer: Checkpointer,
    /// Tells of the disk, where there is somebody who does.
    pub probe: Option<Arc<dyn Probe>>,
    pub watch: Watch,
    /// What found no room on the disk and waits for it.
    pub stuck: Option<Group>,
    /// The last commit and its time.
    pub seq: Seq,
    pub t: Timestamp,
    pub upkeep: Upkeep,
    pub keeping: keep::Tending,
    /// The body of the last row, for its memory.
    pub body: Vec<u8>,
}

/// What is done beside the commits, within them.
#[derive(Debug)]
pub(crate) struct Upkeep {
    /// Series whose heads are to be written into chunks.
    pub seals: VecDeque<u32>,
    /// Rows of the log up to here may go.
    pub prune_to: Seq,
    /// When the last upkeep was.
    pub last: Timestamp,
    /// Bytes of log since.
    pub grown: u64,
}

/// What a commit changes in memory once it is on disk.
struct Outcome {
    ids: Vec<u32>,
    new: Vec<(u32, SeriesKey)>,
    seals: Vec<Sealed>,
    /// Series that were looked at for sealing.
    looked_at: Vec<u32>,
    pruned: Option<(Seq, u64)>,
}

/// Lets nobody wait for a writer that is gone.
struct CloseOnDrop(Arc<Queue>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close(true);
    }
}

impl Writer {
    /// Commits until the queue is closed and empty; gives itself back for the end.
    pub fn run(mut self) -> Self {
        let _close = CloseOnDrop(self.queue.clone());
        loop {
            while let Some(jobs) = self.queue.take_group(self.stuck.is_some()) {
                self.look();
                if !jobs.is_empty() {
                    self.take(Group::of(jobs));
                }
                self.retry();
                self.checkpointer.finish(&self.ts.conn, &self.wave.conn);
                self.tend();
            }
            if self.stuck.is_none() {
                return self;
            }
            self.retry();
            if self.stuck.take().is_some() {
                tracing::error!("the store ends with batches that found no room; they were not acknowledged");
                self.queue.close(true);
            }
        }
    }

    /// Between two commits: some of what is not urgent, and more of it while no commit waits.
    fn tend(&mut self) {
        let needed = |of: fn(&StoredProgress) -> Seq| self.shared.followers().values().map(of).min();
        let (log, values) = (needed(self::needed), needed(owed));
        let followed = log.unwrap_or(Seq::MAX);
        self.tend_waves(Moment { t: self.t, followed, idle: self.queue.is_idle() });
        for _ in 0..STEPS {
            let followed = values.unwrap_or(Seq::MAX);
            let at = Moment { t: self.t, followed, idle: self.queue.is_idle() };
            let tools = Tools { shared: &self.shared, config: &self.config, seq: self.seq, at };
            match self.keeping.step(&mut self.ts, tools) {
                Ok(0) => {}
                Ok(bytes) => self.checkpointer.written(bytes, 0),
                Err(why) => tracing::warn!(%why, "ts.db is left as it is for now"),
            }
            if !self.keeping.has_more() || !at.idle {
                return;
            }
        }
    }

    /// A few of the waveforms that the policy does not keep go.
    fn tend_waves(&mut self, moment: Moment) {
        match self.wave.tend(moment, &Asked { shared: &self.shared, ts: &self.ts.conn }) {
            Ok(0) => {}
            Ok(bytes) => self.checkpointer.written(bytes, 1),
            Err(why) => tracing::warn!(%why, "waveforms that could go stay for now"),
        }
    }

    /// After [`Writer::run`]: leaves the files without a write-ahead log.
    pub fn end(mut self) -> Result<(), CloseError> {
        let said = CloseError::Checkpoint;
        self.checkpointer.stop();
        self.state.confirm(self.shared.plant().revision).map_err(said)?;
        for conn in [&self.ts.conn, &self.wave.conn] {
            // A reader elsewhere, such as a backup, is not waited for: the next start makes up for it.
            conn.busy_timeout(READERS).map_err(said)?;
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(said)?;
        }
        Ok(())
    }

    /// Commits a group and answers it. Where the disk has no room for it, nothing of it is written, nobody is answered,
    /// and it is given back with the reason.
    pub fn commit(&mut self, mut group: Group) -> Result<(), Box<NoRoom>> {
        let (seq, t) = (self.seq + 1, self.clock.now().max(self.t));
        let (events, conditions) = (group.batch.events.len(), group.batch.conditions.len());
        group.batch.events.extend(self.wave.notice(t));
        group.batch.conditions.extend(self.watch.notice());
        let said = group.batch.conditions.len() > conditions;
        match self.write(seq, t, &group.batch) {
            Ok(outcome) => {
                (self.seq, self.t) = (seq, t);
                let batch = Arc::new(std::mem::take(&mut group.batch));
                self.take_in(&batch, outcome);
                self.project(&batch);
                self.shared.announce(Committed { seq, t, batch }, group.size);
                self.wave.noticed();
                if said {
                    self.watch.noticed();
                }
                group.answer(&Ok(seq));
                self.found_room();
            }
            Err(why) => {
                self.shared.failed_commits.fetch_add(1, Ordering::Relaxed);
                if why.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
                    group.batch.events.truncate(events);
                    group.batch.conditions.truncate(conditions);
                    return Err(Box::new(NoRoom { group, why }));
                }
                tracing::error!(%why, batches = group.jobs.len(), "a commit was not written");
                group.answer(&Err(CommitError::Disk { why: why.to_string().into() }));
            }
        }
        Ok(())
    }

    /// Writes commit `seq`. After an error nothing of it is there.
    fn write(&mut self, seq: Seq, t: Timestamp, batch: &Batch) -> rusqlite::Result<Outcome> {
        let (ids, new) = self.number(batch);
        self.body = row::encode(batch, &ids, seq, t, std::mem::take(&mut self.body));
        if self.wave.is_unclean() {
            // The commit that failed never was: its position is given to this one, and its waveforms go, lest they seem
            // to be of this one. But where only its fsync failed, a loss of power could still bring it back.
            self.ts.bury()?;
            self.wave.clean(seq - 1)?;
        }
        if !batch.waveforms.is_empty() {
            self.wave.write(seq, t, &batch.waveforms)?;
        }
        let upkeep = self.upkeep(t);
        let (seals, looked_at) = self.plan_seals(ids.len());
        let pruned = self.plan_prune()?;
        let work = Work {
            seq,
            t,
            body: &self.body,
            batch,
            series: &new,
            seals: &seals,
            prune: pruned.map(|(through, _)| through),
            upkeep,
            room: Room::of(&self.config),
        };
        let written = self.ts.commit(&work);
        let wrote_upkeep = work.upkeep.is_some();
        if let Err(e) = written {
            for id in looked_at.into_iter().rev() {
                self.upkeep.seals.push_front(id);
            }
            return Err(e);
        }
        if wrote_upkeep {
            *self.shared.minutes() = Minutes::new(seq - 1);
        }
        if !batch.waveforms.is_empty() {
            self.wave.committed();
        }
        let chunks: usize = seals.iter().flat_map(|s| &s.bodies).map(Vec::len).sum();
        self.checkpointer.written(self.body.len() + chunks, batch.waveforms.len());
        let samples: usize = batch.waveforms.iter().map(|w| w.samples.len()).sum();
        self.watch.grew((self.body.len() + chunks + 2 * samples) as u64);
        self.upkeep.grown += self.body.len() as u64;
        self.shared.log_bytes.fetch_add(self.body.len() as u64, Ordering::Relaxed);
        Ok(Outcome { ids, new, seals, looked_at, pruned })
    }

    /// The number of the series of every value, and the series that speak for the first time.
    fn number(&self, batch: &Batch) -> (Vec<u32>, Vec<(u32, SeriesKey)>) {
        let cache = self.shared.cache();
        let mut ids = Vec::with_capacity(batch.observations.len());
        let mut new: Vec<(u32, SeriesKey)> = Vec::new();
        let mut overlay: HashMap<SeriesKey, u32> = HashMap::new();
        for (point, indicator) in series_of(batch) {
            let known = match indicator {
                None => cache.raw(point),
                Some(name) => cache.indicator(point, name),
            };
            ids.push(known.unwrap_or_else(|| {
                let key = SeriesKey { point: point.clone(), indicator: indicator.cloned() };
                let next = (cache.len() + new.len()) as u32;
                let id = *overlay.entry(key.clone()).or_insert(next);
                if id == next {
                    new.push((id, key));
                }
                id
            }));
        }
        (ids, new)
    }

    /// How many points make a finished chunk: fewer when there are so many series that memory would not hold the heads.
    fn full(&self, id: u32, head: &Head, series: usize) -> usize {
        let fair = self.config.head_points * 2 / series.max(1);
        let full = self.config.chunk_points.min(fair).max(self.config.chunk_points.min(64)).max(1);
        if head.sealed != 0 {
            return full;
        }
        // Series that began together would be full together; their first chunks differ in length.
        let share = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54; // 0..1024, evenly spread
        full - full / 2 * share as usize / 1024
    }

    /// Compresses some of the heads that wait for it, so many that their number does not grow.
    fn plan_seals(&mut self, points: usize) -> (Vec<Sealed>, Vec<u32>) {
        let (mut seals, mut looked_at) = (Vec::new(), Vec::new());
        if self.upkeep.seals.is_empty() {
            return (seals, looked_at);
        }
        let least = if self.queue.is_idle() { 64 } else { 4 } * self.config.chunk_points;
        let mut budget = least.max(points * 2);
        let cache = self.shared.cache();
        while budget > 0
            && let Some(id) = self.upkeep.seals.pop_front()
        {
            looked_at.push(id);
            let Some(head) = cache.head(id) else { continue };
            let Some(seal) = head.plan(id, self.seq, self.full(id, head, cache.len())) else { continue };
            budget = budget.saturating_sub(seal.taken.max(64));
            match compress(&seal) {
                Ok(bodies) => seals.push(Sealed { last: head.last_bytes(), seal, bodies }),
                Err(why) => {
                    tracing::error!(%why, series = id, "a chunk could not be written; its points stay in the log")
                }
            }
        }
        (seals, looked_at)
    }

    /// Now and then: which heads hold the log up, and how far it may be cut. Gives what is to be written for that.
    fn upkeep(&mut self, t: Timestamp) -> Option<Kept> {
        let limit = self.config.log_bytes;
        if self.upkeep.grown < limit / 8 && t.since(self.upkeep.last) < UPKEEP {
            return None;
        }
        let log_bytes = self.shared.log_bytes.load(Ordering::Relaxed);
        let log_first = self.shared.log_first.load(Ordering::Relaxed);
        let crowded = if log_bytes >= limit { log_first + self.seq.saturating_sub(log_first) / 2 } else { 0 };
        let aged = (t - self.config.seal_age).nanos();
        let mut cache = self.shared.cache_mut();
        for (id, head) in cache.heads_mut() {
            let due = head.first.0 <= crowded || head.first.1 < aged;
            if head.unsealed() > 0 && due && !head.queued {
                head.queued = true;
                self.upkeep.seals.push_back(id);
            }
        }
        let heads_from = cache.first_unsealed().unwrap_or(self.seq + 1);
        drop(cache);
        let followers = self.shared.followers().values().map(needed).min();
        if log_bytes > limit / 2 {
            let projected = self.state.confirm(self.shared.plant().revision).unwrap_or_else(|why| {
                tracing::warn!(%why, "the register could not be confirmed; the log is kept");
                0
            });
            let to = projected.min(heads_from - 1).min(self.seq).min(followers.unwrap_or(Seq::MAX));
            self.upkeep.prune_to = self.upkeep.prune_to.max(to);
        }
        (self.upkeep.grown, self.upkeep.last) = (0, t);
        let ledger = self.shared.ledger().by_source();
        let minutes = self.shared.minutes().clone();
        Some(Kept { ledger, minutes, heads_from, t, keep: Keep::of(&self.config) })
    }

    /// Up to which row the log is cut with this commit, and how many bytes that frees.
    fn plan_prune(&self) -> rusqlite::Result<Option<(Seq, u64)>> {
        let first = self.shared.oldest();
        let enough = self.shared.log_bytes.load(Ordering::Relaxed) <= self.config.log_bytes / 2;
        if enough || self.upkeep.prune_to < first {
            return Ok(None);
        }
        let rows = if self.queue.is_idle() { PRUNE.1 } else { PRUNE.0 };
        let through = self.upkeep.prune_to.min(first + rows - 1);
        Ok(Some((through, self.ts.bytes_through(through)?)))
    }

    /// Takes a commit that is on disk into memory.
    fn take_in(&mut self, batch: &Batch, outcome: Outcome) {
        let mut guard = self.shared.cache_mut();
        let cache = &mut *guard;
        for id in outcome.looked_at {
            if let Some(head) = cache.head_mut(id) {
                head.queued = false;
            }
        }
        if let Some(t0) = outcome.seals.iter().flat_map(|s| &s.seal.chunks).map(|c| c.t0).min() {
            self.keeping.sealed(t0);
            self.shared.set_oldest_raw(t0.min(self.shared.oldest_raw()));
        }
        for sealed in &outcome.seals {
            if let Some(head) = cache.head_mut(sealed.seal.series) {
                let before = head.unsealed();
                head.sealed(&sealed.seal, self.config.chunk_points);
                let gone = before - head.unsealed();
                cache.unsealed -= gone as u64;
            }
        }
        for (_, key) in outcome.new {
            cache.add(key, Head::default());
        }
        let points = batch.observations.iter().map(|o| (o.t, &o.value, o.quality));
        let (series, t) = (cache.len(), self.t.nanos());
        let indicators = batch.findings.iter().filter_map(|f| match f {
            Finding::Indicator(i) => Some((i.t, Value::Float(i.value), i.quality)),
            _ => None,
        });
        let points = points.map(|(t, v, q)| (t, v.clone(), q)).chain(indicators);
        for (id, (point_t, value, quality)) in outcome.ids.iter().zip(points) {
            let Some(head) = cache.head_mut(*id) else { continue };
            head.push(point_t.nanos(), value, quality, self.seq, t);
            if !head.queued && head.points.len() >= self.full(*id, head, series) {
                head.queued = true;
                self.upkeep.seals.push_back(*id);
            }
        }
        cache.unsealed += outcome.ids.len() as u64;
        drop(guard);
        batch.ledger.iter().for_each(|l| self.shared.ledger().add(l));
        self.shared.minutes().add(self.seq, self.t, &batch.ledger);
        if let Some(p) = &batch.progress {
            let mut followers = self.shared.followers();
            let stored =
                followers.entry(p.follower.clone()).or_insert(StoredProgress { through: p.through, state: None });
            stored.through = p.through;
            if let Some(state) = &p.state {
                stored.state = Some((p.state_through(), state.clone()));
            }
        }
        if let Some((through, bytes)) = outcome.pruned {
            self.shared.log_first.store(through + 1, Ordering::Release);
            self.shared.log_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Carries the commit into the register. A disk that does not take it does not undo the commit: the register is
    /// brought up from the log as soon as it can be written again.
    fn project(&mut self, batch: &Batch) {
        if !batch.changes.is_empty() {
            let mut plant = self.shared.plant();
            let tree = Arc::make_mut(&mut plant);
            batch.changes.iter().for_each(|c| tree.apply(c));
            self.shared.set_plant(plant);
        }
        let plant = self.shared.plant();
        let result = if self.state.through() + 1 == self.seq {
            let what = Projection {
                t: self.t,
                changes: &batch.changes,
                alarms: batch.findings.iter().filter_map(alarm).collect(),
                retained: &batch.retained,
                ignored: &batch.ignored,
                work: &batch.work,
            };
            self.state.apply(self.seq, &plant, &what).map_err(crate::db::File::State.said())
        } else {
            let plant = Arc::unwrap_or_clone(plant);
            catch_up(&self.ts.conn, &mut self.state, plant, false).map(drop)
        };
        if let Err(why) = result {
            tracing::error!(%why, through = self.state.through(), "the register lags behind the log");
        }
    }
}

/// Whom the policy for waveforms asks.
struct Asked<'a> {
    shared: &'a Shared,
    ts: &'a rusqlite::Connection,
}

impl Ask for Asked<'_> {
    fn journal(&self, after: (Seq, u32), limit: usize) -> Result<Vec<JournalEntry>, ReadError> {
        self.shared.state.read(|conn| load_journal_after(conn, after, limit))
    }
    fn diagnoses(&self, point: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Diagnosis>, ReadError> {
        load_diagnoses(self.ts, point, from, to)
    }
}

fn alarm(f: &Finding) -> Option<&AlarmTransition> {
    match f {
        Finding::Alarm(a) => Some(a),
        _ => None,
    }
}

/// Up to where the log is of no use to a follower: it goes on from its state, or else from where it has come.
fn needed(p: &StoredProgress) -> Seq {
    p.state.as_ref().map_or(p.through, |(at, _)| *at)
}

/// Up to where values are of no use to a follower. One that has let the log go may still owe what it held to somebody, and
/// reads it from the chunks: then its state is ahead of where it has come.
fn owed(p: &StoredProgress) -> Seq {
    needed(p).min(p.through)
}

/// Applies what the log holds beyond the register's position; with `fold`, to `plant` too. Gives the plant back.
pub(crate) fn catch_up(
    log: &rusqlite::Connection,
    state: &mut State,
    mut plant: Plant,
    fold: bool,
) -> Result<Plant, ReadError> {
    each_row(log, state.through() + 1, |seq, t, row| {
        if fold {
            row.changes.iter().for_each(|c| plant.apply(c));
        }
        let alarms = row.findings.iter().filter_map(|f| match f {
            row::RawFinding::Alarm(a) => Some(a),
            _ => None,
        });
        let what = Projection {
            t,
            changes: &row.changes,
            alarms: alarms.collect(),
            retained: &row.retained,
            ignored: &row.ignored,
            work: &row.work,
        };
        state.apply(seq, &plant, &what).map_err(crate::db::File::State.said())?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(plant)
}
