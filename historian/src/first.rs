//! The faces over memory alone; the files come with the next commit.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use plant::{
    AlarmId, AlarmRecord, Clock, Diagnosis, Event, Finding, MachineId, Plant, PointId, SeriesKey, Timestamp, Value,
    Waveform, WaveformId,
};
use tokio::sync::{oneshot, watch};

use crate::*;

#[derive(Default)]
struct Memory {
    log: Vec<Committed>,
    plant: Arc<Plant>,
    progress: BTreeMap<String, StoredProgress>,
    alarms: BTreeMap<AlarmId, AlarmRecord>,
    journal: Vec<JournalEntry>,
    users: BTreeMap<String, String>,
    quarantine: Vec<QuarantineEntry>,
}

struct Shared {
    memory: Mutex<Memory>,
    head: watch::Sender<Seq>,
    clock: Option<Arc<dyn Clock>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owner of the store.
pub struct Historian(Arc<Shared>);
/// Commits.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);
/// Recalls series, waveforms, events, diagnoses, quarantine and ledger.
#[derive(Clone)]
pub struct Archive(Arc<Shared>);
/// Recalls the plant, alarms and users.
#[derive(Clone)]
pub struct Register(Arc<Shared>);
/// Every commit after a position, in order.
pub struct Tail {
    shared: Arc<Shared>,
    after: Seq,
    wake: watch::Receiver<Seq>,
}
/// The answer to a submitted batch; dropping it does not undo the commit.
pub struct Pending(oneshot::Receiver<Result<Seq, CommitError>>);

impl Future for Pending {
    type Output = Result<Seq, CommitError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|r| r.unwrap_or(Err(CommitError::Closed)))
    }
}

impl Historian {
    /// Opens the store.
    pub fn open(_config: Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let head = watch::channel(0).0;
        Ok(Self(Arc::new(Shared { memory: Mutex::default(), head, clock: Some(clock) })))
    }
    /// Face for writing.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        Recorder(self.0.clone())
    }
    /// Face for reading.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive(self.0.clone())
    }
    /// Face of the register.
    #[must_use]
    pub fn register(&self) -> Register {
        Register(self.0.clone())
    }
    /// Everything with a position above `after`.
    #[must_use]
    pub fn tail(&self, after: Seq) -> Tail {
        Tail { shared: self.0.clone(), after, wake: self.0.head.subscribe() }
    }
    /// Position of the last commit.
    #[must_use]
    pub fn head(&self) -> Seq {
        *self.0.head.borrow()
    }
    /// How far `follower` had come when it last said so.
    pub fn progress(&self, follower: &str) -> Result<Option<StoredProgress>, ReadError> {
        Ok(self.0.lock().progress.get(follower).cloned())
    }
    /// Commits what was submitted and closes the files.
    pub fn close(self) -> Result<(), CloseError> {
        Ok(())
    }
}

/// The store in `dir` for reading, whether an instance runs there or was killed.
pub fn open_read_only(_dir: &Path) -> Result<(Archive, Register), OpenError> {
    let shared = Arc::new(Shared { memory: Mutex::default(), head: watch::channel(0).0, clock: None });
    Ok((Archive(shared.clone()), Register(shared)))
}

impl Recorder {
    /// Queues `batch`; waits while the queue is full.
    pub async fn submit(&self, batch: Batch) -> Result<Pending, CommitError> {
        let (tell, pending) = oneshot::channel();
        let seq = {
            let mut guard = self.0.lock();
            let m = &mut *guard;
            let seq = m.log.len() as Seq + 1;
            let t = self.0.clock.as_ref().map_or(Timestamp::MIN, |c| c.now());
            let t = m.log.last().map_or(t, |l| l.t.max(t));
            for c in &batch.changes {
                Arc::make_mut(&mut m.plant).apply(c);
            }
            for f in &batch.findings {
                if let Finding::Alarm(a) = f {
                    let record = AlarmRecord::after(m.alarms.get(&a.key.id()), a);
                    m.alarms.insert(a.key.id(), record);
                    let n = m.journal.iter().filter(|j| j.seq == seq).count() as u32;
                    m.journal.push(JournalEntry { seq, n, transition: a.clone() });
                }
            }
            for q in &batch.quarantine {
                let id = m.quarantine.len() as u64 + 1;
                m.quarantine.push(QuarantineEntry { id, entry: q.clone() });
            }
            if let Some(p) = &batch.progress {
                let old = m.progress.get(p.follower.as_str()).and_then(|o| o.state.clone());
                let state = p.state.clone().map(|s| (p.through, s)).or(old);
                m.progress.insert(p.follower.to_string(), StoredProgress { through: p.through, state });
            }
            m.log.push(Committed { seq, t, batch: Arc::new(batch) });
            seq
        };
        self.0.head.send_replace(seq);
        tell.send(Ok(seq)).ok();
        Ok(Pending(pending))
    }
    /// Submits `batch` and waits until it is on disk.
    pub async fn commit(&self, batch: Batch) -> Result<Seq, CommitError> {
        self.submit(batch).await?.await
    }
}

impl Tail {
    /// The next commit; waits for it. May be dropped at any point of waiting.
    pub async fn next(&mut self) -> Result<Committed, TailError> {
        self.wake.wait_for(|s| *s > self.after).await.map_err(|_| TailError::Closed)?;
        let c = self.shared.lock().log[self.after as usize].clone();
        self.after += 1;
        Ok(c)
    }
}

impl Archive {
    fn samples(&self, key: &SeriesKey) -> BTreeMap<Timestamp, Sample> {
        let mut out = BTreeMap::new();
        for c in &self.0.lock().log {
            for o in c.batch.observations.iter().filter(|o| key.indicator.is_none() && o.point == key.point) {
                out.insert(o.t, Sample { t: o.t, value: o.value.clone(), quality: o.quality });
            }
            for f in &c.batch.findings {
                if let Finding::Indicator(i) = f
                    && i.point == key.point
                    && Some(&i.name) == key.indicator.as_ref()
                {
                    out.insert(i.t, Sample { t: i.t, value: Value::Float(i.value), quality: i.quality });
                }
            }
        }
        out
    }
    /// Every series.
    #[must_use]
    pub fn series(&self) -> Vec<SeriesKey> {
        let mut keys = std::collections::BTreeSet::new();
        for c in &self.0.lock().log {
            keys.extend(c.batch.observations.iter().map(|o| SeriesKey::raw(o.point.clone())));
            keys.extend(c.batch.findings.iter().filter_map(|f| match f {
                Finding::Indicator(i) => Some(SeriesKey::indicator(i.point.clone(), i.name.clone())),
                _ => None,
            }));
        }
        keys.into_iter().collect()
    }
    /// The series of one machine.
    #[must_use]
    pub fn series_of(&self, machine: &MachineId) -> Vec<SeriesKey> {
        self.series().into_iter().filter(|k| k.point.machine_str() == machine.as_str()).collect()
    }
    /// The latest value.
    #[must_use]
    pub fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.samples(key).into_values().next_back()
    }
    /// Raw values of `from <= t < to` in order of time, the first `limit` of them.
    pub fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Sample>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        Ok(self.samples(key).range(from..to).take(limit).map(|(_, s)| s.clone()).collect())
    }
    /// Minimum, maximum, mean, last and count of each stretch of `width`; empty ones are left out.
    pub fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Vec<Bucket>, ReadError> {
        let mut out: Vec<Bucket> = Vec::new();
        for s in self.range(key, from, to, usize::MAX)? {
            let Some(v) = s.value.as_f64().filter(|_| s.quality.usable()) else { continue };
            let t = s.t.align(width);
            match out.last_mut() {
                Some(b) if b.t == t => {
                    b.mean += (v - b.mean) / (b.count + 1) as f64;
                    (b.min, b.max, b.last, b.count) = (b.min.min(v), b.max.max(v), v, b.count + 1);
                }
                _ => out.push(Bucket { t, min: v, max: v, mean: v, last: v, count: 1 }),
            }
        }
        Ok(out)
    }
    fn all_waveforms(&self) -> Vec<Arc<Waveform>> {
        self.0.lock().log.iter().flat_map(|c| c.batch.waveforms.clone()).collect()
    }
    /// Waveforms of `point` with `from <= t0 < to`, the newest first.
    pub fn waveforms(
        &self,
        point: &PointId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<WaveformInfo>, ReadError> {
        let mut found = self.all_waveforms();
        found.retain(|w| w.point == *point && w.t0 >= from && w.t0 < to);
        found.sort_by_key(|w| std::cmp::Reverse(w.t0));
        let info = |w: &Arc<Waveform>| WaveformInfo {
            id: w.id,
            point: w.point.clone(),
            t0: w.t0,
            fs: w.fs,
            n: w.samples.len() as u64,
            unit: w.unit,
            rpm: w.meta.speed.map(|s| s.mean_rpm),
        };
        Ok(found.iter().take(limit).map(info).collect())
    }
    /// One waveform with its samples.
    pub fn waveform(&self, id: WaveformId) -> Result<Option<Arc<Waveform>>, ReadError> {
        Ok(self.all_waveforms().into_iter().find(|w| w.id == id))
    }
    /// Whether this waveform is stored.
    #[must_use]
    pub fn has_waveform(&self, id: WaveformId) -> bool {
        self.all_waveforms().iter().any(|w| w.id == id)
    }
    /// Diagnoses of `point`, the newest first.
    pub fn diagnoses(&self, point: &PointId, limit: usize) -> Result<Vec<Diagnosis>, ReadError> {
        let mut out = Vec::new();
        for c in &self.0.lock().log {
            out.extend(c.batch.findings.iter().filter_map(|f| match f {
                Finding::Diagnosis(d) if d.point == *point => Some(d.clone()),
                _ => None,
            }));
        }
        out.sort_by_key(|d| std::cmp::Reverse(d.t));
        out.truncate(limit);
        Ok(out)
    }
    /// Events with `from <= t < to`, the newest first; of one machine or of all.
    pub fn events(
        &self,
        machine: Option<&MachineId>,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, ReadError> {
        let mut out: Vec<Event> = self.0.lock().log.iter().flat_map(|c| c.batch.events.clone()).collect();
        out.retain(|e| e.t >= from && e.t < to && machine.is_none_or(|m| e.machine == *m));
        out.sort_by_key(|e| std::cmp::Reverse(e.t));
        out.truncate(limit);
        Ok(out)
    }
    /// Entries of the quarantine, the newest first; of one code or of all.
    pub fn quarantine(&self, code: Option<&str>, limit: usize) -> Result<Vec<QuarantineEntry>, ReadError> {
        let m = self.0.lock();
        Ok(m.quarantine
            .iter()
            .rev()
            .filter(|q| code.is_none_or(|c| *q.entry.code == *c))
            .take(limit)
            .cloned()
            .collect())
    }
    /// The quarantine by reason, the most frequent first.
    pub fn quarantine_groups(&self) -> Result<Vec<QuarantineGroup>, ReadError> {
        let mut groups: BTreeMap<Arc<str>, QuarantineGroup> = BTreeMap::new();
        for q in &self.0.lock().quarantine {
            let e = q.entry.clone();
            let g = groups.entry(e.code.clone()).or_insert_with(|| QuarantineGroup {
                code: e.code.clone(),
                count: 0,
                last: e.t,
                example: e.clone(),
            });
            (g.count, g.last, g.example) = (g.count + 1, e.t, e);
        }
        let mut out: Vec<_> = groups.into_values().collect();
        out.sort_by_key(|g| std::cmp::Reverse(g.count));
        Ok(out)
    }
    /// The loss ledger over all sources.
    pub fn ledger_total(&self) -> Result<LedgerDelta, ReadError> {
        let mut total = LedgerDelta::default();
        for l in self.ledger_by_source()? {
            total.received += l.received;
            total.committed += l.committed;
            total.duplicates += l.duplicates;
            total.quarantined += l.quarantined;
            total.refused += l.refused;
        }
        Ok(total)
    }
    /// The loss ledger of each source.
    pub fn ledger_by_source(&self) -> Result<Vec<LedgerDelta>, ReadError> {
        let mut by: BTreeMap<Arc<str>, LedgerDelta> = BTreeMap::new();
        for l in self.0.lock().log.iter().flat_map(|c| &c.batch.ledger) {
            let t = by.entry(l.source.clone()).or_default();
            t.source = l.source.clone();
            t.received += l.received;
            t.committed += l.committed;
            t.duplicates += l.duplicates;
            t.quarantined += l.quarantined;
            t.refused += l.refused;
        }
        Ok(by.into_values().collect())
    }
    /// The store in numbers.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        StoreStats { head: *self.0.head.borrow(), ..StoreStats::default() }
    }
}

impl Register {
    /// The asset tree as of the last commit.
    #[must_use]
    pub fn plant(&self) -> Arc<Plant> {
        self.0.lock().plant.clone()
    }
    /// Every alarm that has ever been raised.
    pub fn alarms(&self) -> Result<Vec<AlarmRecord>, ReadError> {
        Ok(self.0.lock().alarms.values().cloned().collect())
    }
    /// One alarm.
    pub fn alarm(&self, id: AlarmId) -> Result<Option<AlarmRecord>, ReadError> {
        Ok(self.0.lock().alarms.get(&id).cloned())
    }
    /// The journal, the newest first; of one alarm or of all; only entries before `before` (seq, n) when it is given.
    pub fn alarm_journal(
        &self,
        id: Option<AlarmId>,
        before: Option<(Seq, u32)>,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, ReadError> {
        let m = self.0.lock();
        let wanted = |j: &&JournalEntry| {
            id.is_none_or(|id| j.transition.key.id() == id) && before.is_none_or(|b| (j.seq, j.n) < b)
        };
        Ok(m.journal.iter().rev().filter(wanted).take(limit).cloned().collect())
    }
    /// Every user, by name.
    pub fn users(&self) -> Result<Vec<User>, ReadError> {
        Ok(self.0.lock().users.iter().map(|(n, h)| User { name: n.clone(), hash: h.clone() }).collect())
    }
    /// The user called `name`.
    pub fn user(&self, name: &str) -> Result<Option<User>, ReadError> {
        Ok(self.0.lock().users.get(name).map(|h| User { name: name.into(), hash: h.clone() }))
    }
    /// Adds a user, or gives it another hash; on disk when this returns.
    pub fn set_user(&self, name: &str, hash: &str) -> Result<(), RegisterError> {
        self.0.lock().users.insert(name.into(), hash.into());
        Ok(())
    }
    /// Removes a user; says whether there was one.
    pub fn remove_user(&self, name: &str) -> Result<bool, RegisterError> {
        Ok(self.0.lock().users.remove(name).is_some())
    }
}
