//! The way in: a bounded queue of batches, and the answer to each.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use plant::{AssetChange, Condition, Finding, Observation, PointId, Samples, Value, Waveform};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{Batch, CommitError, Config, Seq};

/// SQLite holds no larger row.
const BATCH_MAX: usize = 256 << 20;

/// Commits batches. Cheap to clone.
///
/// `WhenFull::Block`: who submits while the queue is full, in bytes or in batches, waits; those who wait are served in
/// the order in which they came.
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

/// One batch on its way.
#[derive(Debug)]
pub(crate) struct Job {
    pub batch: Batch,
    /// About how many bytes it holds.
    pub weight: usize,
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
        let queue = &self.queue;
        let max = queue.bytes.min(BATCH_MAX);
        let weight = weight(&batch);
        let sound = match weight > max {
            true => Err(CommitError::TooLarge { bytes: weight, max }),
            false => check(&batch),
        };
        match sound {
            Ok(()) => self.queue_up(batch, weight).await.map_err(|why| Box::new(Refused { why, batch: None })),
            Err(why) => Err(Box::new(Refused { why, batch: Some(batch) })),
        }
    }

    async fn queue_up(&self, batch: Batch, weight: usize) -> Result<Pending, CommitError> {
        let queue = &self.queue;
        // `weight` is at most 256 MiB, `least` at most `bytes`.
        let cost = u32::try_from(weight.max(queue.least)).unwrap_or(u32::MAX);
        let room = queue.room.clone().acquire_many_owned(cost).await.map_err(|_| CommitError::Closed)?;
        let (answer, pending) = oneshot::channel();
        queue.push(Job { batch, weight, answer, room })?;
        Ok(Pending(pending))
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
            bytes,
            least: (bytes / config.queue_batches.max(1)).max(1),
            group_bytes: config.group_bytes,
            group_batches: config.group_batches.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn take_group(&self) -> Option<Vec<Job>> {
        let mut inner = self.lock();
        while inner.jobs.is_empty() {
            if inner.closed {
                return None;
            }
            inner = self.ready.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group: Vec<Job> = Vec::new();
        let (mut bytes, mut progress) = (0, false);
        while let Some(next) = inner.jobs.front() {
            let fits = bytes + next.weight <= self.group_bytes && group.len() < self.group_batches;
            let clash = progress && next.batch.progress.is_some();
            if !group.is_empty() && (!fits || clash) {
                break;
            }
            bytes += next.weight;
            progress |= next.batch.progress.is_some();
            group.extend(inner.jobs.pop_front());
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
        self.ready.notify_all();
    }

    /// Bytes of batches that wait or are being written.
    pub fn queued_bytes(&self) -> u64 {
        (self.bytes - self.room.available_permits().min(self.bytes)) as u64
    }
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
    let finding = |f: &Finding| match f {
        Finding::Indicator(_) => 96,
        Finding::Diagnosis(_) | Finding::Alarm(_) => 1_024,
    };
    let change = |c: &AssetChange| match c {
        AssetChange::Machine(_) | AssetChange::Point(..) => 1_024,
        AssetChange::Rules(rules) => 1_024 * (1 + rules.rules().len()),
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
        + batch.findings.iter().map(finding).sum::<usize>()
        + batch.changes.iter().map(change).sum::<usize>()
        + batch.conditions.iter().map(condition).sum::<usize>()
        + batch.staged.iter().map(|s| 64 + s.key.len() + s.body.len()).sum::<usize>()
        + (batch.ledger.len() + batch.actions.len() + batch.ignored.len()) * 96
        + batch.settled.len() * 512
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
