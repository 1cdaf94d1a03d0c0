//! Messages that waited in quarantine, read again: by the plant and the rules of now, with the source and the time of
//! receipt that they had.
//!
//! What is understood now leaves the quarantine in the commit that holds its values, so that a process killed in between
//! finds either both or neither. What is not stays, with the reason of now. Replays run one after another.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use historian::{Batch, CommitError, QuarantineEntry, ReadError, Selection, Settled, Verdict};

use crate::collector::{Collector, Message, all};
use crate::discovery;
use crate::draft::Mode;
use crate::fault::{Code, Fault};
use crate::interpreter::Tally;
use crate::sparkplug::SharedNode;

/// How many nodes are seen to at a time whose waiting messages a birth has explained …
const NODES: usize = 64;
/// … and how many commits a tick makes for them. Who has more waiting than one commit takes comes last again.
const STEPS: usize = 32;
/// One commit takes at most this many messages …
const MESSAGES: usize = 256;
/// … and about this many bytes of them.
const BYTES: usize = 4 << 20;
/// So many messages are put aside, or taken back, at a time.
const PAGE: usize = 500;

/// What became of the messages of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many were selected.
    pub selected: u64,
    /// How many were looked at so far.
    pub done: u64,
    /// How many left the quarantine: every value of them is in the store.
    pub committed: u64,
    /// How many left the quarantine because they had been committed before, bit for bit.
    pub duplicates: u64,
    /// How many stay, for the reason they have now.
    pub failed: u64,
    /// How many stay because their payload is not kept whole.
    pub incomplete: u64,
}

/// What births have explained of what waits in quarantine.
#[derive(Default)]
pub(crate) struct Explained {
    /// By node, the numbers of what is still to be replayed; who comes first is next.
    queue: VecDeque<(SharedNode, Vec<u64>)>,
    /// How often nodes were looked for.
    turns: usize,
}

/// A replay ended early. What was committed until then has left the quarantine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The quarantine could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was understood could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// What reads the store, where that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReplayError> {
    let read = tokio::task::spawn_blocking(read).await;
    // It only fails by a panic or with the runtime, and then nobody reads on.
    read.map_err(|_| ReplayError::Commit(CommitError::Closed))?.map_err(Into::into)
}

impl Collector {
    /// Reads the selected messages again, the oldest first. `told` hears how far it is, after every commit.
    pub async fn replay(
        &self,
        which: &Selection,
        mut told: impl FnMut(&Replayed) + Send,
    ) -> Result<Replayed, ReplayError> {
        let _turn = self.inner.replays.lock().await;
        let (archive, which) = (self.inner.archive.clone(), which.clone());
        let ids = blocking(move || archive.quarantine_ids(&which)).await?;
        let mut sum = Replayed { selected: ids.len() as u64, ..Replayed::default() };
        self.inner.interpreter.forget_then();
        let result = self.replay_all(&ids, &mut sum, &mut told).await;
        self.inner.interpreter.forget_then();
        result.map(|()| sum)
    }

    /// Some of what waited for births that have come meanwhile. Each message is tried once after a birth: what that does
    /// not explain waits on.
    pub(crate) async fn replay_explained(&self) -> Result<(), ReplayError> {
        // A replay that somebody asked for may take long, and time goes on.
        let Ok(mut explained) = self.inner.replays.try_lock() else { return Ok(()) };
        self.find_explained(&mut explained).await?;
        let (interpreter, queue) = (&self.inner.interpreter, &mut explained.queue);
        for _ in 0..STEPS {
            let Some((node, mut ids)) = queue.pop_front() else { break };
            let now = ids.drain(..ids.len().min(MESSAGES)).collect::<Vec<_>>();
            let mut sum = Replayed::default();
            interpreter.forget_then();
            let done = self.replay_all(&now, &mut sum, &mut |_| {}).await;
            Tally::more(&interpreter.tally.replayed, sum.committed + sum.duplicates);
            if let Err(why) = done {
                interpreter.forget_then();
                // All of it again, when the store can.
                node.explained();
                return Err(why);
            }
            if !ids.is_empty() {
                queue.push_back((node, ids));
            }
        }
        interpreter.forget_then();
        Ok(())
    }

    async fn find_explained(&self, explained: &mut Explained) -> Result<(), ReplayError> {
        let Explained { queue, turns } = explained;
        *turns = turns.wrapping_add(1);
        let busy = |node: &SharedNode| queue.iter().any(|(n, _)| Arc::ptr_eq(n, node));
        let room = NODES.saturating_sub(queue.len());
        let mut found = self.inner.interpreter.explained(room, turns.wrapping_mul(NODES), busy).into_iter();
        while let Some(node) = found.next() {
            let (archive, which) = (self.inner.archive.clone(), node.waits());
            match blocking(move || archive.quarantine_ids(&which)).await {
                Ok(ids) if ids.is_empty() => {}
                Ok(ids) => queue.push_back((node, ids)),
                Err(why) => {
                    [node].into_iter().chain(found).for_each(|node| node.explained());
                    return Err(why);
                }
            }
        }
        Ok(())
    }

    /// Waits until everything queued so far is on disk. A replay that was given up half-way (whoever asked for it hung up)
    /// may have left a batch under way: what leaves the quarantine with it must not be found there a second time.
    async fn behind_what_was_given_up(&self) -> Result<(), CommitError> {
        self.inner.recorder.commit(Batch::default()).await.map(drop)
    }

    async fn replay_all(
        &self,
        mut ids: &[u64],
        sum: &mut Replayed,
        told: &mut (impl FnMut(&Replayed) + Send),
    ) -> Result<(), ReplayError> {
        if !ids.is_empty() {
            self.behind_what_was_given_up().await?;
        }
        while !ids.is_empty() {
            let (entries, looked_at) = self.load(ids).await?;
            ids = &ids[looked_at..];
            let (whole, cut): (Vec<_>, Vec<_>) = entries.into_iter().partition(|e| e.complete);
            match self.replay_some(&whole, sum).await {
                // Together or alone too large or of numbers that are none: the others must not wait for it.
                Err(CommitError::NotFinite { .. } | CommitError::TooLarge { .. }) => {
                    for one in &whole {
                        match self.replay_some(std::slice::from_ref(one), sum).await {
                            Err(why @ (CommitError::NotFinite { .. } | CommitError::TooLarge { .. })) => {
                                self.refuse(one, &why).await?;
                                sum.failed += 1;
                            }
                            done => done?,
                        }
                    }
                }
                done => done?,
            }
            sum.incomplete += cut.len() as u64;
            sum.done += looked_at as u64;
            told(sum);
        }
        Ok(())
    }

    /// Some of the entries, from the first on, and how many of the ids they stand for; what is gone meanwhile is passed
    /// over.
    async fn load(&self, ids: &[u64]) -> Result<(Vec<QuarantineEntry>, usize), ReplayError> {
        let (archive, some) = (self.inner.archive.clone(), ids[..ids.len().min(MESSAGES)].to_vec());
        blocking(move || {
            let (mut entries, mut bytes, mut n) = (Vec::new(), 0, 0);
            for id in some {
                n += 1;
                if let Some(entry) = archive.quarantine_entry(id)? {
                    bytes += entry.entry.head.len() + entry.entry.rest.len();
                    entries.push(entry);
                }
                if bytes >= BYTES {
                    break;
                }
            }
            Ok((entries, n))
        })
        .await
    }

    async fn replay_some(&self, entries: &[QuarantineEntry], sum: &mut Replayed) -> Result<(), CommitError> {
        let Some(first) = entries.first() else { return Ok(()) };
        let interpreter = &self.inner.interpreter;
        // As for what arrives: nobody adopts machines between the plant that is looked at here and what is made of it.
        let reading = self.inner.reading.read().await;
        let plant = interpreter.recall.plant();
        let mut draft = self.draft(first.entry.source.clone(), first.entry.t);
        draft.mode = Mode::Replay;
        let mut failed = 0;
        for waited in entries {
            draft.turn_to(&waited.entry.source, waited.entry.t);
            let outcome = interpreter.understand(&mut draft, &plant, &message(waited));
            failed += u64::from(outcome.is_err());
            draft.settle_again(waited, &outcome);
        }
        draft.close_ledger();
        // What repeats a message that is on its way leaves only when that one has arrived: nobody might send it again.
        all(std::mem::take(&mut draft.after)).await?;
        let batch = std::mem::take(&mut draft.batch);
        let (mut committed, mut duplicates) = (0, 0);
        for l in &batch.ledger {
            committed += l.committed;
            duplicates += l.duplicates;
        }
        let pending = self.inner.recorder.submit(batch).await?;
        drop(reading);
        self.follow(draft, vec![pending]).await?;
        sum.committed += committed;
        sum.duplicates += duplicates;
        sum.failed += failed;
        Ok(())
    }

    /// Understood, but not for this store.
    async fn refuse(&self, waited: &QuarantineEntry, why: &CommitError) -> Result<(), CommitError> {
        let fault = Fault::new(Code::StoreRefused, "what the store takes", why.to_string());
        let verdict = Verdict::Failed { code: fault.code.as_str().into(), reason: fault.to_string().into() };
        self.settle(vec![Settled { id: waited.id, code: waited.entry.code.clone(), verdict }]).await
    }

    async fn settle(&self, settled: Vec<Settled>) -> Result<(), CommitError> {
        if settled.is_empty() {
            return Ok(());
        }
        self.inner.recorder.commit(Batch { settled, ..Batch::default() }).await.map(drop)
    }

    /// Puts the selected messages aside: `why` says who does not need them, and for what reason. They are counted as
    /// before. Gives how many there were.
    pub async fn discard(&self, which: &Selection, why: &str) -> Result<u64, ReplayError> {
        let which = Selection { discarded: false, ..which.clone() };
        self.put_aside(which, Verdict::Discarded { why: why.into() }).await
    }

    /// Takes the selected messages back that were put aside. Gives how many there were.
    pub async fn restore(&self, which: &Selection) -> Result<u64, ReplayError> {
        self.put_aside(Selection { discarded: true, ..which.clone() }, Verdict::Restored).await
    }

    async fn put_aside(&self, which: Selection, verdict: Verdict) -> Result<u64, ReplayError> {
        let mut explained = self.inner.replays.lock().await;
        self.behind_what_was_given_up().await?;
        let (which, mut before, mut n) = (Arc::new(which), None, 0);
        // From the newest back, so that what comes meanwhile, which nobody has seen, is left alone.
        loop {
            let (archive, which) = (self.inner.archive.clone(), which.clone());
            let page = blocking(move || archive.quarantine_codes(&which, before, PAGE)).await?;
            let Some((oldest, _)) = page.last() else { return Ok(n) };
            before = Some(*oldest);
            let aside: HashSet<u64> = page.iter().map(|(id, _)| *id).collect();
            explained.queue.iter_mut().for_each(|(_, ids)| ids.retain(|id| !aside.contains(id)));
            let settled = |(id, code)| Settled { id, code, verdict: verdict.clone() };
            n += page.len() as u64;
            self.settle(page.into_iter().map(settled).collect()).await?;
        }
    }

    /// Looks at what waits in quarantine for the names that nobody knows; to be called once after a start, before messages
    /// come. Takes note of the names that are not to be offered.
    pub async fn rediscover(&self) -> Result<(), ReplayError> {
        let archive = self.inner.archive.clone();
        let which = Selection { codes: unknown_names(), ..Selection::default() };
        let ids = blocking(move || archive.quarantine_ids(&which)).await?;
        // The newest say most; there may be more than are offered.
        let mut ids = &ids[ids.len().saturating_sub(discovery::MOST)..];
        let interpreter = &self.inner.interpreter;
        while !ids.is_empty() {
            let (entries, looked_at) = self.load(ids).await?;
            ids = &ids[looked_at..];
            let plant = interpreter.recall.plant();
            let Some(first) = entries.first() else { continue };
            let mut draft = self.draft(first.entry.source.clone(), first.entry.t);
            draft.mode = Mode::Look;
            for waited in entries.iter().filter(|e| e.complete) {
                draft.turn_to(&waited.entry.source, waited.entry.t);
                // What becomes of it is known: it waits. Only what it says of unknown names is of interest.
                interpreter.understand(&mut draft, &plant, &message(waited)).ok();
            }
        }
        interpreter.forget_then();
        Ok(())
    }
}

/// The codes of messages that wait for somebody to be adopted.
pub(crate) fn unknown_names() -> Vec<Arc<str>> {
    [Code::UnknownMachine, Code::UnknownPoint].map(|c| c.as_str().into()).to_vec()
}

/// The message as it came. A topic that was not UTF-8 was kept as text, and is none all the same.
fn message(waited: &QuarantineEntry) -> Message {
    let q = &waited.entry;
    let payload = [&q.head[..], &q.rest[..]].concat();
    let utf8 = *q.code != *Code::TopicUtf8.as_str();
    Message { utf8, ..Message::new(q.topic.clone(), Bytes::from(payload)) }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Poll;

    use historian::Historian;
    use plant::{AssetChange, ManualClock, Point, Timestamp};
    use tokio::sync::watch;

    use super::*;
    use crate::Config;

    const T0: Timestamp = Timestamp::from_secs(1_735_689_600);

    /// A store with messages in quarantine that are understood now.
    async fn waits(messages: &[Message]) -> (Collector, Historian, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(T0));
        let store = Historian::open(historian::Config::new(dir.path()), clock).unwrap();
        let config = Config { adopt: false, ..Config::default() };
        let (collector, _) = Collector::new(config, store.recorder(), store.archive(), store.register());
        collector.accept("plc".into(), messages.to_vec(), T0).await.unwrap().await.unwrap();
        let changes = vec![AssetChange::Point("s/m".parse().unwrap(), Point::bare("temp"))];
        store.recorder().commit(Batch { changes, ..Batch::default() }).await.unwrap();
        (collector, store, dir)
    }

    fn telemetry(value: i64) -> Message {
        let payload = format!("{{\"ts\":{},\"values\":{{\"temp\":{value}}}}}", 1_735_689_600 + value);
        Message::new("danxia/v1/s/m/telemetry".into(), payload.into())
    }

    fn counts(store: &Historian) -> (u64, u64, u64, u64, u64) {
        let archive = store.archive();
        let l = archive.ledger_total().unwrap();
        assert!(l.adds_up(), "{l:?}");
        let grouped = archive.quarantine_groups().unwrap().iter().map(|g| g.count).sum();
        (l.received, l.committed, l.duplicates, l.quarantined, grouped)
    }

    #[tokio::test]
    async fn a_replay_given_up_while_its_commit_is_under_way_releases_nothing_twice() {
        let (collector, store, dir) = waits(&[telemetry(1), telemetry(2)]).await;
        // Keeps the writer from committing; it waits for up to ten seconds.
        let held = rusqlite::Connection::open(dir.path().join("ts.db")).unwrap();
        held.execute_batch("PRAGMA busy_timeout=10000; BEGIN IMMEDIATE").unwrap();
        let key = collector.inner.interpreter.messages.fingerprint(&telemetry(2).topic, &telemetry(2).payload);
        let which = Selection::default();
        {
            // As far as the step that queues the batch, as `replay` would come behind a store that was idle before.
            let ids = store.archive().quarantine_ids(&which).unwrap();
            let (entries, _) = collector.load(&ids).await.unwrap();
            let mut sum = Replayed::default();
            let mut first = pin!(collector.replay_some(&entries, &mut sum));
            let look = std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending()));
            assert!(look.await, "the commit is held up");
            assert!(collector.inner.interpreter.messages.seen(key).is_some(), "and queued");
        }
        let release = async {
            for _ in 0..20 {
                // As often as a replay that waits for nothing would have looked by now.
                let archive = store.archive();
                blocking(move || archive.quarantine_ids(&Selection::default())).await.unwrap();
            }
            held.execute_batch("ROLLBACK").unwrap();
        };
        let (second, ()) = tokio::join!(collector.replay(&which, |_| {}), release);
        assert_eq!(second.unwrap().duplicates, 0);
        assert_eq!(counts(&store), (2, 2, 0, 0, 0));
    }

    #[tokio::test]
    async fn what_repeats_a_message_under_way_stays_when_that_one_does_not_arrive() {
        let (collector, store, _dir) = waits(&[telemetry(1)]).await;
        let m = telemetry(1);
        let messages = &collector.inner.interpreter.messages;
        let key = messages.fingerprint(&m.topic, &m.payload);
        let (tell, fate) = watch::channel(None);
        messages.queued(&[key], &fate);
        let which = Selection::default();
        let ids = store.archive().quarantine_ids(&which).unwrap();
        let (entries, _) = collector.load(&ids).await.unwrap();
        let mut sum = Replayed::default();
        let replayed = {
            let mut replay = pin!(collector.replay_some(&entries, &mut sum));
            let look = std::future::poll_fn(|cx| Poll::Ready(replay.as_mut().poll(cx).is_pending()));
            assert!(look.await);
            messages.ended(&[key], false);
            tell.send_replace(Some(Err(CommitError::Disk { why: "full".into() })));
            replay.await
        };
        assert!(matches!(replayed, Err(CommitError::Disk { .. })), "{replayed:?}");
        assert_eq!(counts(&store), (1, 0, 0, 1, 1));
        assert_eq!(collector.replay(&which, |_| {}).await.unwrap().committed, 1);
        assert_eq!(counts(&store), (1, 1, 0, 0, 0));
    }
}
