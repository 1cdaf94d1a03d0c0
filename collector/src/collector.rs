//! The collector itself: messages in, one batch to the store, an answer when it is on disk.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use historian::{Archive, Batch, CommitError, LedgerDelta, Pending, Recorder, Register, Staged};
use plant::{Plant, PointId, SeriesKey, Timestamp, Value, WaveformId};
use tokio::sync::{mpsc, watch};

use crate::cut;
use crate::draft::{Command, Draft, Touched};
use crate::interpreter::{Config, Interpreter, Recall};
use crate::parts::Settling;
use crate::recent::{Fate, Key};
use crate::replay::{Explained, ReplayError};
use crate::sparkplug::Carried;

/// How many commands may wait to be published; what does not fit is asked for again with the next occasion.
const COMMANDS: usize = 256;
/// How many sources refusals and gaps are counted for while they wait for a commit; beyond that they are counted together.
const REFUSED_SOURCES: usize = 4096;
/// Under this name.
const OTHERS: &str = "(others)";

/// A message as it came through a door.
#[derive(Clone, Debug)]
pub struct Message {
    /// The topic; where its bytes were not UTF-8, they are shown as U+FFFD and `utf8` is false.
    pub topic: Arc<str>,
    /// The payload.
    pub payload: Bytes,
    /// Whether the topic was UTF-8.
    pub utf8: bool,
    /// How the door retains it from now on, if it does; with an empty payload, it retains nothing for this topic.
    pub retain: Option<Retain>,
}

/// What goes with a message that the door retains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retain {
    /// The quality of service, 0 to 2.
    pub qos: u8,
    /// Properties of MQTT 5 as the door encoded them.
    pub properties: Bytes,
    /// From when on nobody is to get it.
    pub expires: Option<Timestamp>,
    /// The door found no room for this message and keeps nothing for its topic from now on: an old value must not pass
    /// for the last one.
    pub forget: bool,
}

impl Message {
    /// A message with a topic that is text.
    #[must_use]
    pub const fn new(topic: Arc<str>, payload: Bytes) -> Self {
        Self { topic, payload, utf8: true, retain: None }
    }

    /// A message with a topic as it came.
    #[must_use]
    pub fn from_raw(topic: &[u8], payload: Bytes) -> Self {
        let text = String::from_utf8_lossy(topic);
        let utf8 = matches!(text, std::borrow::Cow::Borrowed(_));
        Self { utf8, topic: text.into(), payload, retain: None }
    }
}

/// What was counted since the start, beside the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sparkplug messages that never came, by their sequence numbers.
    pub gaps: u64,
    /// Sparkplug messages that came late, but within the window.
    pub disordered: u64,
    /// Births asked for.
    pub rebirths: u64,
    /// Deaths of Sparkplug sessions that were over already.
    pub stale_deaths: u64,
    /// Messages that waited for a birth and were understood after it.
    pub replayed: u64,
}

/// Understands messages and commits what they say. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Collector {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) interpreter: Interpreter,
    pub(crate) recorder: Recorder,
    pub(crate) archive: Archive,
    /// One replay at a time: two would release the same messages twice. What births have explained waits for its turn.
    pub(crate) replays: tokio::sync::Mutex<Explained>,
    /// Held by those who read messages until their batch is queued; see [`Collector::settled_plant`].
    pub(crate) reading: tokio::sync::RwLock<()>,
    commands: mpsc::Sender<Command>,
    drafts: AtomicU64,
    owed: Mutex<HashMap<Arc<str>, LedgerDelta>>,
}

impl Inner {
    /// This is to enter the ledger with the next flush.
    fn owe(&self, line: LedgerDelta) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let room = owed.len() < REFUSED_SOURCES || owed.contains_key(&line.source);
        let key = if room { line.source } else { OTHERS.into() };
        let sum = owed.entry(key.clone()).or_insert_with(|| LedgerDelta { source: key, ..LedgerDelta::default() });
        sum.received = sum.received.saturating_add(line.received);
        sum.refused = sum.refused.saturating_add(line.refused);
        sum.gaps = sum.gaps.saturating_add(line.gaps);
    }

    /// The numbers that a draft found missing, where it was not committed: they are noticed once.
    fn owe_gaps(&self, gaps: &mut Vec<(Arc<str>, u64)>) {
        for (source, gaps) in gaps.drain(..) {
            self.owe(LedgerDelta { source, gaps, ..LedgerDelta::default() });
        }
    }
}

struct Store {
    archive: Archive,
    register: Register,
}

impl Recall for Store {
    fn plant(&self) -> Arc<Plant> {
        self.register.plant()
    }

    fn last(&self, point: &PointId) -> Option<(Timestamp, Value)> {
        self.archive.last(&SeriesKey::raw(point.clone())).map(|s| (s.t, s.value))
    }

    fn from(&self, point: &PointId, t: Timestamp) -> Vec<(Timestamp, Value)> {
        const NEAR: i64 = 4_096;
        let until = Timestamp::from_nanos(t.nanos().saturating_add(NEAR));
        let found = self.archive.range(&SeriesKey::raw(point.clone()), t, until, NEAR as usize);
        let found = found.unwrap_or_else(|why| {
            tracing::warn!(%why, %point, "values that were stored before cannot be looked up");
            Vec::new()
        });
        found.into_iter().map(|s| (s.t, s.value)).collect()
    }

    fn has_waveform(&self, id: WaveformId) -> bool {
        self.archive.has_waveform(id)
    }

    fn staged(&self) -> Vec<Staged> {
        self.archive.staged().unwrap_or_else(|why| {
            tracing::error!(%why, "parts that waited cannot be read; they are left on the stage for the next start");
            Vec::new()
        })
    }
}

impl Collector {
    /// A collector on a store, and the commands that are to be published for it (rebirth requests). Nothing is lost
    /// where nobody takes the commands: at most 256 wait, later ones are not made.
    #[must_use]
    pub fn new(
        config: Config,
        recorder: Recorder,
        archive: Archive,
        register: Register,
    ) -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let store = Arc::new(Store { archive: archive.clone(), register });
        let inner = Inner {
            interpreter: Interpreter::new(config, store),
            recorder,
            archive,
            replays: tokio::sync::Mutex::default(),
            reading: tokio::sync::RwLock::default(),
            commands,
            drafts: AtomicU64::new(0),
            owed: Mutex::default(),
        };
        (Self { inner: Arc::new(inner) }, receiver)
    }

    /// Takes messages in, in their order, as one batch. Resolves when the batch is queued for commit, which may wait for
    /// room; the receipt resolves when it is on disk. `source` is the client id; it goes into ledger and quarantine.
    /// Must be called within a tokio runtime.
    ///
    /// What the store does not take together is committed message by message, and what it does not take at all goes to
    /// quarantine alone; the receipt resolves when all of it is on disk.
    ///
    /// Dropping this future before it resolves takes nothing in, or, where the store did not take the batch whole, the
    /// first of its messages; dropping the receipt does not undo the commit.
    pub async fn accept(
        &self,
        source: Arc<str>,
        messages: Vec<Message>,
        t_received: Timestamp,
    ) -> Result<Receipt, CommitError> {
        let reading = self.inner.reading.read().await;
        let mut draft = self.read(source.clone(), &messages, t_received);
        let pendings = self.submit(&mut draft, &messages).await?;
        drop(reading);
        Ok(self.follow(draft, pendings))
    }

    /// Resolves when every message that was read so far is committed, with what it says of the plant. While what is given
    /// is held no message is read: those that come later are read by the plant as it is then.
    pub(crate) async fn settled_plant(&self) -> Result<tokio::sync::RwLockWriteGuard<'_, ()>, CommitError> {
        let turn = self.inner.reading.write().await;
        self.inner.recorder.settle().await?;
        Ok(turn)
    }

    pub(crate) fn draft(&self, source: Arc<str>, t_received: Timestamp) -> Draft {
        Draft::new(self.inner.drafts.fetch_add(1, Ordering::Relaxed) + 1, source, t_received)
    }

    fn read(&self, source: Arc<str>, messages: &[Message], t_received: Timestamp) -> Draft {
        let interpreter = &self.inner.interpreter;
        let plant = interpreter.recall.plant();
        let mut draft = self.draft(source, t_received);
        for message in messages {
            interpreter.read(&mut draft, &plant, message);
        }
        interpreter.expire(&mut draft, &plant, t_received);
        self.ask(&mut draft);
        draft
    }

    /// Hands on what is to be published.
    fn ask(&self, draft: &mut Draft) {
        for command in draft.commands.drain(..) {
            if self.inner.commands.try_send(command).is_err() {
                tracing::debug!("a command was not made: too many are waiting to be published");
            }
        }
    }

    /// What time brings, to be called about once a second: Sparkplug messages that did not come in time are given up and
    /// their nodes asked for a birth, what waited in quarantine for a birth is replayed after it (in bounded steps, and
    /// not while another replay runs), the host's STATE is put right where it was disputed, and parts whose others never
    /// came go to quarantine. What fails is tried again the next time. `now` is on the same clock as the times of receipt.
    pub async fn tick(&self, now: Timestamp) -> Result<(), ReplayError> {
        let interpreter = &self.inner.interpreter;
        let mut draft = self.draft("".into(), now);
        interpreter.tick(&mut draft);
        interpreter.expire(&mut draft, &interpreter.recall.plant(), now);
        self.ask(&mut draft);
        if draft.batch != Batch::default() {
            let pendings = self.submit(&mut draft, &[]).await?;
            self.follow(draft, pendings).await?;
        }
        self.replay_explained().await
    }

    /// This platform is a Sparkplug host application from `t` on: its birth, to be published on a connection whose will,
    /// if it has one, is [`sparkplug::death`](crate::sparkplug::death) at the same time. `None` where it has no host id.
    /// From then on a STATE that says otherwise is answered with this birth.
    #[must_use]
    pub fn host_birth(&self, t: Timestamp) -> Option<Command> {
        self.inner.interpreter.host.born(t)
    }

    /// The host application is announced at another broker too, with a birth of time `t`: that birth is to be known again
    /// when it comes back from there.
    pub fn host_birth_elsewhere(&self, t: Timestamp) {
        self.inner.interpreter.host.born_elsewhere(t);
    }

    /// This platform ceases to be one at `t`: its death, to be published before the connection is closed.
    #[must_use]
    pub fn host_death(&self, t: Timestamp) -> Option<Command> {
        self.inner.interpreter.host.died(t)
    }

    /// What the messages become, without committing it: for measurements. Births and sequence numbers are taken note of.
    #[doc(hidden)]
    #[must_use]
    pub fn batch_of(&self, source: Arc<str>, messages: &[Message], t_received: Timestamp) -> Batch {
        let mut draft = self.read(source, messages, t_received);
        draft.close_ledger();
        std::mem::take(&mut draft.batch)
    }

    async fn submit(&self, draft: &mut Draft, messages: &[Message]) -> Result<Vec<Pending>, CommitError> {
        let submitted = cut::submit(&self.inner.recorder, draft, messages).await;
        if submitted.is_err() {
            self.inner.owe_gaps(&mut draft.gaps);
        }
        submitted
    }

    /// Watches over the commit, also where nobody waits for it.
    pub(crate) fn follow(&self, draft: Draft, pendings: Vec<Pending>) -> Receipt {
        let (watched, fate, after) = self.watched(draft);
        watched.queued(&fate);
        tokio::spawn(watched.until_committed(pendings));
        Receipt { waits: Box::pin(all(after.into_iter().chain([fate]))) }
    }

    fn watched(&self, draft: Draft) -> (Watched, Fate, Vec<Fate>) {
        let (tell, fate) = watch::channel(None);
        let Draft { messages, waveforms, after, touched, settling, carried, disputes, gaps, .. } = draft;
        let inner = self.inner.clone();
        let watched =
            Watched { inner, messages, waveforms, touched, settling, carried, disputes, gaps, tell, ended: false };
        (watched, fate, after)
    }

    /// Messages that were turned away at the door: they enter the ledger with the next [`Collector::flush`].
    pub fn refused(&self, source: Arc<str>, n: u64) {
        self.inner.owe(LedgerDelta { source, received: n, refused: n, ..LedgerDelta::default() });
    }

    /// Commits what is owed to the ledger since the last time, if there is anything: refusals, and gaps whose own commit
    /// failed. To be called about once a second and before the store is closed. Where the commit fails they are kept for
    /// the next time.
    pub async fn flush(&self) -> Result<(), CommitError> {
        let owed = std::mem::take(&mut *self.inner.owed.lock().unwrap_or_else(PoisonError::into_inner));
        if owed.is_empty() {
            return Ok(());
        }
        let lines: Vec<LedgerDelta> = owed.into_values().collect();
        let committed = self.inner.recorder.commit(Batch { ledger: lines.clone(), ..Batch::default() }).await;
        if committed.is_err() {
            lines.into_iter().for_each(|line| self.inner.owe(line));
        }
        committed.map(drop)
    }

    /// How many messages wait for the other parts of what they are a part of. They are in no ledger yet.
    #[must_use]
    pub fn parts_waiting(&self) -> usize {
        self.inner.interpreter.parts.waiting()
    }

    /// What was counted beside the ledger.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.interpreter.tally.counters()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

/// A batch on its way: when its commit has ended, everybody whom it concerns is told.
struct Watched {
    inner: Arc<Inner>,
    messages: Vec<Key>,
    waveforms: Vec<Key>,
    touched: Touched,
    settling: Settling,
    carried: Carried,
    disputes: bool,
    gaps: Vec<(Arc<str>, u64)>,
    tell: watch::Sender<Option<Result<(), CommitError>>>,
    ended: bool,
}

impl Watched {
    fn queued(&self, fate: &Fate) {
        self.inner.interpreter.messages.queued(&self.messages, fate);
        self.inner.interpreter.waveforms.queued(&self.waveforms, fate);
    }

    async fn until_committed(mut self, pendings: Vec<Pending>) {
        let mut result = Ok(());
        for pending in pendings {
            // All have ended before anybody is told, also where one has failed.
            let ended = pending.await.map(drop);
            result = result.and(ended);
        }
        self.end(result);
    }

    fn end(&mut self, result: Result<(), CommitError>) {
        self.ended = true;
        self.inner.interpreter.messages.ended(&self.messages, result.is_ok());
        self.inner.interpreter.waveforms.ended(&self.waveforms, result.is_ok());
        self.touched.settle(result.is_ok());
        self.settling.settle(result.is_ok());
        if result.is_ok() {
            self.carried.committed();
            if self.disputes {
                self.inner.interpreter.host.dispute();
            }
        } else {
            self.inner.owe_gaps(&mut self.gaps);
        }
        self.tell.send_replace(Some(result));
    }
}

impl Drop for Watched {
    /// The runtime went away before the commit ended: nobody knows, so nobody is told that it succeeded.
    fn drop(&mut self) {
        if !self.ended {
            self.end(Err(CommitError::Closed));
        }
    }
}

/// Waits for these commits: the batch itself, and those that its repetitions rely on.
pub(crate) async fn all(fates: impl IntoIterator<Item = Fate>) -> Result<(), CommitError> {
    for mut fate in fates {
        let ended = fate.wait_for(Option::is_some).await.map_err(|_| CommitError::Closed)?;
        ended.clone().unwrap_or(Err(CommitError::Closed))?;
    }
    Ok(())
}

/// Resolves when everything that was accepted is on disk. Until then nothing of it may be acknowledged.
pub struct Receipt {
    waits: Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send>>,
}

impl Future for Receipt {
    type Output = Result<(), CommitError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waits.as_mut().poll(cx)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

#[cfg(test)]
mod tests {
    use historian::Historian;
    use plant::ManualClock;

    use super::*;

    #[tokio::test]
    async fn gaps_that_were_found_once_enter_the_ledger_also_when_the_commit_that_found_them_failed() {
        let dir = tempfile::tempdir().unwrap();
        let t = Timestamp::from_secs(1_735_689_600);
        let store = Historian::open(historian::Config::new(dir.path()), Arc::new(ManualClock::new(t))).unwrap();
        let (collector, _) = Collector::new(Config::default(), store.recorder(), store.archive(), store.register());
        let mut draft = collector.draft("plc".into(), t);
        draft.gap();
        draft.gaps_of(&"node".into(), 2);
        // As when the disk is full, or the runtime goes away: nobody knows that it was committed.
        drop(collector.watched(draft));
        collector.flush().await.unwrap();
        let gaps = |sum: Vec<LedgerDelta>| sum.iter().map(|l| (l.source.to_string(), l.gaps)).collect::<Vec<_>>();
        let expected = [("node".to_owned(), 2), ("plc".to_owned(), 1)];
        assert_eq!(gaps(store.archive().ledger_by_source().unwrap()), expected);
        // Once.
        collector.flush().await.unwrap();
        assert_eq!(gaps(store.archive().ledger_by_source().unwrap()), expected);
    }

    fn fate(result: Option<Result<(), CommitError>>) -> (watch::Sender<Option<Result<(), CommitError>>>, Fate) {
        watch::channel(result)
    }

    #[tokio::test]
    async fn a_repetition_is_not_acknowledged_when_its_first_coming_was_not_committed() {
        let (_a, committed) = fate(Some(Ok(())));
        let (_b, failed) = fate(Some(Err(CommitError::Disk { why: "full".into() })));
        assert_eq!(all([committed.clone(), committed.clone()]).await, Ok(()));
        assert!(matches!(all([failed.clone(), committed.clone()]).await, Err(CommitError::Disk { .. })));
        assert!(matches!(all([failed]).await, Err(CommitError::Disk { .. })));

        let (first, waiting) = fate(None);
        let mut receipt = Box::pin(all([waiting, committed]));
        assert!(std::future::poll_fn(|cx| Poll::Ready(receipt.as_mut().poll(cx).is_pending())).await);
        first.send_replace(Some(Ok(())));
        assert_eq!(receipt.await, Ok(()));
        let (gone, orphaned) = fate(None);
        drop(gone);
        assert_eq!(all([orphaned]).await, Err(CommitError::Closed));
    }
}
