//! The way in: a bounded queue of batches, and the answer to each.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use plant::{AssetChange, Condition, Finding, Observation, PointId, Samples, Value, Waveform};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::{Batch, CommitError, Config, LedgerDelta, Seq};

/// SQLite holds no larger row.
const BATCH_MAX: usize = 256 << 20;
/// While nothing is taken from machines, so many bytes of what else there is may wait for their commit.
const RESERVE: u32 = 8 << 20;
/// What found no room on the disk is tried again after this time.
const RETRY: Duration = Duration::from_secs(1);

/// Commits batches. Cheap to clone.
///
/// `WhenFull::Block`: who submits while the queue is full, in bytes or in batches, waits; those who wait are served in
/// the order in which they came. While the disk has no room (see [`crate::Level::Stopped`]), who brings what machines said
/// waits, and the heartbeat, conclusions, people's actions and the platform's own conditions pass.
#[derive(Clone)]
pub struct Recorder {
    queue: Arc<Queue>,
}

/// The answer to a submitted batch: its position once it is on disk. Dropping it does not undo the commit.
#[derive(Debug)]
#[must_use = "the batch is on disk only when this has resolved"]
pub struct Pending(oneshot::Receiver<Result<Seq, CommitError>>);

/// A batch that was not queued.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub why: CommitError,
    /// The batch, where it is the batch itself that is not taken: [`CommitError::NotFinite`], [`CommitError::TooLarge`].
    pub batch: Option<Batch>,
}

/// What waits between the recorders and the writer.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    ready: Condvar,
    room: Arc<Semaphore>,
    /// For those who pass while the gate is shut.
    reserve: Arc<Semaphore>,
    gate: watch::Sender<Gate>,
    bytes: usize,
    /// No batch counts for less, so that the bound in bytes is one in batches too.
    least: usize,
    group_bytes: usize,
    group_batches: usize,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// Whether what machines said is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Shut,
    /// Nobody is let in any more.
    Closed,
}

/// How a batch fares while the disk has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// What machines said: waits.
    Data,
    /// Waits for what is queued, and for nothing else.
    Barrier,
    /// What the platform and people say: passes.
    Ours,
}

/// One batch on its way.
#[derive(Debug)]
pub(crate) struct Job {
    pub batch: Batch,
    /// About how many bytes it holds.
    pub weight: usize,
    pub class: Class,
    /// It moves the journal's time, and holds nothing.
    pub beat: bool,
    answer: oneshot::Sender<Result<Seq, CommitError>>,
    /// Gives its room back when the job ends, however it ends.
    room: OwnedSemaphorePermit,
}

impl Job {
    pub fn answer(self, answer: Result<Seq, CommitError>) {
        // Room first: who has its answer finds the queue as empty as it is.
        drop(self.room);
        // Nobody waits any more: the commit stands all the same.
        self.answer.send(answer).ok();
    }
}

impl Recorder {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Queues `batch` and returns when it is queued; waits while the queue is full. Numbers that are not finite and
    /// batches larger than a commit are refused here, whole, before they are queued.
    pub async fn submit(&self, batch: Batch) -> Result<Pending, CommitError> {
        self.offer(batch).await.map_err(|refused| refused.why)
    }

    /// As [`Recorder::submit`]; what is refused comes back, so that whoever made the batch can offer it in pieces.
    pub async fn offer(&self, batch: Batch) -> Result<Pending, Box<Refused>> {
        let max = self.largest();
        let (weight, class) = (weight(&batch), class(&batch));
        let sound = match weight > max {
            true => Err(CommitError::TooLarge { bytes: weight, max }),
            false => check(&batch),
        };
        match sound {
            Ok(()) => self.queue_up(batch, weight, class).await.map_err(|why| Box::new(Refused { why, batch: None })),
            Err(why) => Err(Box::new(Refused { why, batch: Some(batch) })),
        }
    }

    async fn queue_up(&self, batch: Batch, weight: usize, class: Class) -> Result<Pending, CommitError> {
        let queue = &self.queue;
        // `weight` is at most 256 MiB, `least` at most `bytes`.
        let cost = u32::try_from(weight.max(queue.least)).unwrap_or(u32::MAX);
        let room = queue.admit(cost, class).await?;
        let (answer, pending) = oneshot::channel();
        let beat = class == Class::Ours && batch == Batch::default();
        queue.push(Job { batch, weight, class, beat, answer, room })?;
        Ok(Pending(pending))
    }

    /// The largest batch that is taken, in bytes.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.queue.bytes.min(BATCH_MAX)
    }

    /// About how many bytes of a batch a finding is.
    #[must_use]
    pub fn weight_of(f: &Finding) -> usize {
        match f {
            Finding::Indicator(_) => 96,
            Finding::Diagnosis(_) | Finding::Alarm(_) => 1_024,
            Finding::Assessment(a) => {
                1_024 + a.shafts.iter().map(|s| 128 + 1_024 * s.verdicts.as_ref().map_or(0, Vec::len)).sum::<usize>()
            }
        }
    }

    /// Resolves when everything that was queued before is on disk, also while nothing is taken from machines.
    pub async fn settle(&self) -> Result<Seq, CommitError> {
        let batch = Batch::default();
        let weight = weight(&batch);
        self.queue_up(batch, weight, Class::Barrier).await?.await
    }

    /// Submits `batch` and waits until it is on disk; gives its position.
    pub async fn commit(&self, batch: Batch) -> Result<Seq, CommitError> {
        self.submit(batch).await?.await
    }
}

impl Future for Pending {
    type Output = Result<Seq, CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The writer is gone without an answer only when the store was closed before the batch's turn.
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(CommitError::Closed)))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("queued_bytes", &self.queue.queued_bytes()).finish_non_exhaustive()
    }
}

impl Queue {
    pub fn new(config: &Config) -> Self {
        let bytes = config.queue_bytes.clamp(1, u32::MAX as usize);
        Self {
            inner: Mutex::default(),
            ready: Condvar::new(),
            room: Arc::new(Semaphore::new(bytes)),
            reserve: Arc::new(Semaphore::new(RESERVE as usize)),
            gate: watch::Sender::default(),
            bytes,
            least: (bytes / config.queue_batches.max(1)).max(1),
            group_bytes: config.group_bytes,
            group_batches: config.group_batches.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a batch; waits for it, and for the gate where the batch is one of machines.
    async fn admit(&self, cost: u32, class: Class) -> Result<OwnedSemaphorePermit, CommitError> {
        let closed = |_| CommitError::Closed;
        // Where others wait for room, what becomes free is theirs, and this finds none.
        if *self.gate.borrow() == Gate::Open
            && let Ok(room) = self.room.clone().try_acquire_many_owned(cost)
        {
            return Ok(room);
        }
        let mut gate = self.gate.subscribe();
        loop {
            let now = match class {
                Class::Data => *gate.wait_for(|g| *g != Gate::Shut).await.map_err(|_| CommitError::Closed)?,
                Class::Barrier | Class::Ours => *gate.borrow_and_update(),
            };
            match now {
                Gate::Closed => return Err(CommitError::Closed),
                Gate::Shut => {
                    let reserve = self.reserve.clone().acquire_many_owned(cost.min(RESERVE));
                    return reserve.await.map_err(closed);
                }
                Gate::Open => {}
            }
            // The place in the row is lost when the gate shuts; it is that of nobody then.
            tokio::select! {
                biased;
                shut = gate.wait_for(|g| *g != Gate::Open) => drop(shut.map_err(|_| CommitError::Closed)?),
                room = self.room.clone().acquire_many_owned(cost) => return room.map_err(closed),
            }
        }
    }

    /// Takes nothing from machines any more, or again.
    pub fn set_shut(&self, shut: bool) {
        let to = if shut { Gate::Shut } else { Gate::Open };
        self.gate.send_if_modified(|g| *g != Gate::Closed && std::mem::replace(g, to) != to);
    }

    fn push(&self, job: Job) -> Result<(), CommitError> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(CommitError::Closed);
        }
        inner.jobs.push_back(job);
        self.ready.notify_one();
        Ok(())
    }

    /// Everything that waits, within the bounds of a group; waits for the first. `None` when the queue is closed and
    /// empty. Two batches that each carry a follower's progress are not put into one group.
    ///
    /// With `stuck`, an earlier group waits for room on the disk: only what may overtake it is given, and after a second
    /// without any of that, nothing; `None` as soon as the queue is closed.
    pub fn take_group(&self, stuck: bool) -> Option<Vec<Job>> {
        let mut inner = self.lock();
        let waits = |inner: &Inner| !inner.jobs.iter().any(|j| !stuck || j.class == Class::Ours);
        if stuck {
            let waiting = self.ready.wait_timeout_while(inner, RETRY, |i| !i.closed && waits(i));
            inner = waiting.unwrap_or_else(PoisonError::into_inner).0;
            if inner.closed {
                return None;
            }
        }
        while waits(&inner) && !stuck {
            if inner.closed {
                return None;
            }
            inner = self.ready.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group: Vec<Job> = Vec::new();
        let (mut bytes, mut progress, mut at) = (0, false, 0);
        while let Some(next) = inner.jobs.get(at) {
            if stuck && next.class != Class::Ours {
                at += 1;
                continue;
            }
            let fits = bytes + next.weight <= self.group_bytes && group.len() < self.group_batches;
            let clash = progress && next.batch.progress.is_some();
            if !group.is_empty() && (!fits || clash) {
                break;
            }
            bytes += next.weight;
            progress |= next.batch.progress.is_some();
            group.extend(inner.jobs.remove(at));
        }
        Some(group)
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.lock().jobs.is_empty()
    }

    /// Lets nobody in any more; with `abandon`, what waits is answered with [`CommitError::Closed`].
    pub fn close(&self, abandon: bool) {
        let mut inner = self.lock();
        inner.closed = true;
        if abandon {
            inner.jobs.clear();
        }
        self.room.close();
        self.reserve.close();
        self.gate.send_replace(Gate::Closed);
        self.ready.notify_all();
    }

    /// Bytes of batches that wait or are being written.
    pub fn queued_bytes(&self) -> u64 {
        let reserved = (RESERVE as usize).saturating_sub(self.reserve.available_permits());
        (self.bytes - self.room.available_permits().min(self.bytes) + reserved) as u64
    }
}

/// Whose a batch is. The ledger of what was turned away at the door is the platform's own.
fn class(batch: &Batch) -> Class {
    let Batch { observations, waveforms, events, quarantine, ledger, retained, staged, .. } = batch;
    let counted = |l: &LedgerDelta| l.committed + l.duplicates + l.quarantined + l.released > 0;
    let said = !(observations.is_empty() && waveforms.is_empty() && events.is_empty() && quarantine.is_empty());
    let kept = !(retained.is_empty() && staged.is_empty());
    if said || kept || ledger.iter().any(counted) { Class::Data } else { Class::Ours }
}

/// Refuses numbers that are none.
fn check(batch: &Batch) -> Result<(), CommitError> {
    let refuse = |what: String| Err(CommitError::NotFinite { what: what.into() });
    let bad = |v: &Value| matches!(v, Value::Float(x) if !x.is_finite());
    if let Some(o) = batch.observations.iter().find(|o| bad(&o.value)) {
        return refuse(format!("the value of {}", o.point));
    }
    for f in &batch.findings {
        if let Finding::Indicator(i) = f
            && !i.value.is_finite()
        {
            return refuse(format!("{} of {}", i.name, i.point));
        }
    }
    for e in &batch.events {
        if let Some((name, _)) = e.fields.iter().find(|(_, v)| bad(v)) {
            return refuse(format!("{name} of an event of {}", e.machine));
        }
    }
    for c in &batch.conditions {
        if let Some((what, _)) = c.detail.iter().find(|(_, v)| bad(v)) {
            return refuse(format!("{what} of the condition {}", c.name));
        }
    }
    for w in &batch.waveforms {
        let finite = match &w.samples {
            Samples::I16 { scale, offset, .. } => scale.is_finite() && offset.is_finite(),
            Samples::F32(v) => v.iter().all(|x| x.is_finite()),
        };
        if !finite || !w.fs.is_finite() {
            return refuse(format!("something in waveform {}", w.id));
        }
    }
    Ok(())
}

/// About how many bytes a batch holds in memory.
pub(crate) fn weight(batch: &Batch) -> usize {
    let text = |v: &Value| if let Value::Text(s) = v { s.len() } else { 0 };
    let waveform = |w: &Arc<Waveform>| {
        256 + match &w.samples {
            Samples::I16 { raw, .. } => raw.len() * 2,
            Samples::F32(v) => v.len() * 4,
        }
    };
    let change = |c: &AssetChange| match c {
        AssetChange::Machine(_) | AssetChange::Point(..) => 1_024,
        AssetChange::Rules(rules) => 1_024 * (1 + rules.rules().len()),
        AssetChange::Alarms(changes) => 1_024 * (1 + changes.len()),
    };
    let condition = |c: &Condition| 96 + c.detail.values().map(|v| 64 + text(v)).sum::<usize>();
    128 + batch.observations.iter().map(|o| size_of::<Observation>() + text(&o.value)).sum::<usize>()
        + batch.waveforms.iter().map(waveform).sum::<usize>()
        + batch.events.iter().map(|e| 128 + e.fields.values().map(|v| 64 + text(v)).sum::<usize>()).sum::<usize>()
        + batch
            .quarantine
            .iter()
            .map(|q| 256 + q.head.len() + q.rest.len() + q.reason.len() + q.topic.len())
            .sum::<usize>()
        + batch.findings.iter().map(Recorder::weight_of).sum::<usize>()
        + batch.changes.iter().map(change).sum::<usize>()
        + batch.conditions.iter().map(condition).sum::<usize>()
        + batch.staged.iter().map(|s| 64 + s.key.len() + s.body.len()).sum::<usize>()
        + (batch.ledger.len() + batch.actions.len() + batch.ignored.len()) * 96
        + batch.settled.len() * 512
        // The texts, parts and steps of one are bounded.
        + batch.work.len() * 8_192
        + batch.retained.iter().map(|r| 128 + r.topic.len() + r.payload.len() + r.properties.len()).sum::<usize>()
        + batch.progress.as_ref().map_or(0, |p| 64 + p.state.as_ref().map_or(0, |s| s.len()))
}

/// Puts the batches of a group together, in their order; gives the waiting sides back.
pub(crate) fn merge(group: &mut [Job]) -> Batch {
    let Some((first, rest)) = group.split_first_mut() else { return Batch::default() };
    let mut all = std::mem::take(&mut first.batch);
    if rest.is_empty() {
        return all;
    }
    all.observations.reserve(rest.iter().map(|j| j.batch.observations.len()).sum());
    for job in rest {
        let Batch {
            changes,
            observations,
            waveforms,
            events,
            quarantine,
            ledger,
            findings,
            conditions,
            actions,
            work,
            settled,
            ignored,
            retained,
            staged,
            progress,
        } = std::mem::take(&mut job.batch);
        all.changes.extend(changes);
        all.observations.extend(observations);
        all.waveforms.extend(waveforms);
        all.events.extend(events);
        all.quarantine.extend(quarantine);
        all.ledger.extend(ledger);
        all.findings.extend(findings);
        all.conditions.extend(conditions);
        all.actions.extend(actions);
        all.work.extend(work);
        all.settled.extend(settled);
        all.ignored.extend(ignored);
        all.retained.extend(retained);
        all.progress = all.progress.or(progress);
        all.staged.extend(staged);
    }
    crate::ledger::merge(&mut all.ledger);
    all
}

/// The series that a batch speaks of, in the order in which the log numbers them.
pub(crate) fn series_of(batch: &Batch) -> impl Iterator<Item = (&PointId, Option<&plant::Name>)> {
    let points = batch.observations.iter().map(|o| (&o.point, None));
    points.chain(batch.findings.iter().filter_map(|f| match f {
        Finding::Indicator(i) => Some((&i.point, Some(&i.name))),
        _ => None,
    }))
}
