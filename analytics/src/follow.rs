//! The rim: reads the journal's tail, folds, commits what the fold finds.
//!
//! Exactly once: findings are committed together with how far the journal had been read, and the fold is pure. After a
//! crash it is restored from its last snapshot, folds again what follows, and drops the findings of commits that had
//! been read before: they are in the journal already. The follower never holds up a commit; it may lag and catch up.
//! While findings are on their way to the disk, and for a moment afterwards, folding goes on; what is found meanwhile is
//! the next commit: a plant of which something is found all the time costs a few commits a second and not hundreds.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use historian::{
    Batch, CommitError, Committed, Historian, Progress, ReadError, Recorder, Seq, StoredProgress, Tail, TailError,
};
use plant::{Finding, IdError, Name, Timestamp};
use tokio::time::{Instant, sleep_until};

use crate::fold::{Fold, Settings};

/// The name under which progress is stored.
pub const FOLLOWER: &str = "analytics";
/// The state is stored this often, by the time of the commits, or more rarely the larger it is: what is written a second
/// stays below 64 KiB. The journal is kept from the last stored state on.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);
/// But never more rarely than this: what has to be folded again after a restart is bounded by it.
const SNAPSHOT_AT_LEAST: Duration = Duration::from_secs(300);
const SNAPSHOT_BYTES_A_SECOND: u64 = 64 << 10;
/// Commits that are folded in one go.
const GROUP: usize = 256;
/// Records that are analysed in one go: about a second's work.
const GROUP_RECORDS: usize = 256;
/// About how many bytes of findings may wait for those before them to be on disk; with more the journal is not read on
/// (`WhenFull::Block`). Also what one commit of them holds, but for those of one commit of the journal, which stay together;
/// and never more than a quarter of the recorder's largest batch.
const WAITING: usize = 8 << 20;
/// From one commit of findings to the next; whatever is found after a longer rest is committed at once.
const REST: Duration = Duration::from_millis(50);
/// After a commit that the disk refused, the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// A state of the fold in bytes.
type State = Arc<[u8]>;
/// A commit that was handed over and has not been answered yet.
type Storing = Pin<Box<dyn Future<Output = Result<Seq, CommitError>> + Send>>;

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The stored progress cannot be read.
    #[error("the progress of analytics cannot be read: {0}")]
    Progress(#[from] ReadError),
    /// The tail ended or broke.
    #[error("analytics cannot follow the journal: {0}")]
    Tail(#[from] TailError),
    /// What was found cannot be committed, and trying again will not help.
    #[error("findings cannot be committed: {0}")]
    Commit(#[from] CommitError),
    /// The follower's own name was refused.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The fold panicked; the commit that it was given is at fault, or it is.
    #[error("the fold broke off after commit {after}: {why}")]
    Broken {
        /// The last commit that was folded; what was found of it may not be in the journal.
        after: Seq,
        /// What the panic said.
        why: String,
    },
}

/// A follower, ready to run.
pub struct Follower {
    fold: Fold,
    tail: Tail,
    recorder: Recorder,
    name: Name,
    /// Findings of commits up to this one are in the journal, or were handed over for it.
    through: Seq,
    /// Findings of later ones, by commit.
    found: VecDeque<(Seq, Vec<Finding>)>,
    /// About how many bytes these are,
    waiting: usize,
    /// and how many may be.
    most: usize,
    storing: Option<Storing>,
    /// When the next may be.
    next: Instant,
    /// When the state was stored last.
    stored: Option<Timestamp>,
    /// The size that it had, bytes.
    size: u64,
}

impl Follower {
    /// Takes up where the store says that analytics had come.
    ///
    /// Without a stored state the journal is folded from its beginning; where its beginning has been pruned, from what
    /// is left of it, on the asset tree as it is now.
    pub async fn open(historian: &Historian, settings: &Settings) -> Result<Self, FollowError> {
        // Behind everything that waits: the last word of a follower before this one, too, is then on disk.
        historian.recorder().settle().await?;
        let progress = historian.progress(FOLLOWER)?;
        let through = progress.as_ref().map_or(0, |p| p.through);
        let fold = restored(progress, settings).unwrap_or_else(|| {
            let mut fold = Fold::new(settings.clone());
            let oldest = historian.oldest();
            if oldest > 1 {
                tracing::warn!(oldest, "no state of analytics is stored and the journal's beginning is gone");
                fold.begin_at(oldest - 1, &historian.register().plant());
            }
            fold
        });
        let tail = historian.tail(fold.seq());
        let name = Name::new(FOLLOWER)?;
        let (recorder, found, next) = (historian.recorder(), VecDeque::new(), Instant::now());
        let (waiting, most) = (0, WAITING.min(recorder.largest() / 4));
        Ok(Self {
            fold,
            tail,
            recorder,
            name,
            through,
            found,
            waiting,
            most,
            storing: None,
            next,
            stored: None,
            size: 0,
        })
    }

    /// Follows until `shutdown` resolves; then folds what was committed before, stores the state and gives the last
    /// commit taken in. A store that is closed first ends it too, with an error.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<Seq, FollowError> {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                turn = turn(&mut self.storing, self.next, !self.found.is_empty()) => {
                    turn?;
                    self.store(None).await?;
                }
                first = self.tail.next() => self.take(first?).await?,
            }
        }
        let head = self.recorder.commit(Batch::default()).await?;
        while self.fold.seq() < head {
            let first = self.tail.next().await?;
            self.take(first).await?;
        }
        let state = self.fold(Vec::new(), true).await?;
        self.settled().await?;
        self.store(state).await?;
        self.settled().await?;
        Ok(self.fold.seq())
    }

    /// Folds `first` and what else is at hand, and commits what follows from them, or leaves it for the next turn; but not a
    /// state, which is of this moment.
    async fn take(&mut self, first: Committed) -> Result<(), FollowError> {
        let mut records = first.batch.waveforms.len();
        let mut group = vec![first];
        while group.len() < GROUP && records < GROUP_RECORDS {
            let Some(next) = at_hand(self.tail.next()).await else { break };
            let next = next?;
            records += next.batch.waveforms.len();
            group.push(next);
        }
        let state = self.fold(group, false).await?;
        if state.is_some() || self.waiting >= self.most {
            self.settled().await?;
        }
        self.store(state).await
    }

    /// Folds a group off the runtime's threads and keeps the findings that are not in the journal yet; gives the state
    /// where it is due or wanted `now`: that of a large plant takes a while to write down, too.
    async fn fold(&mut self, group: Vec<Committed>, now: bool) -> Result<Option<State>, FollowError> {
        let (through, stored, pause) = (self.through, self.stored, pause(self.size));
        let after = self.fold.seq();
        let mut fold = std::mem::replace(&mut self.fold, Fold::new(Settings { threads: 1, ..Settings::default() }));
        let folded = tokio::task::spawn_blocking(move || {
            let mut findings = Vec::new();
            fold.foresee(&group);
            for committed in &group {
                let found = fold.step(committed);
                if committed.seq > through && !found.is_empty() {
                    findings.push((committed.seq, found));
                }
            }
            let ahead = fold.seq() >= through && fold.seq() != 0;
            let due = now || stored.is_none_or(|t| fold.time().since(t) >= pause);
            let state = (ahead && due).then(|| State::from(fold.snapshot()));
            (fold, findings, state)
        });
        let (fold, findings, state) = folded.await.map_err(|e| FollowError::Broken { after, why: e.to_string() })?;
        self.fold = fold;
        self.waiting += findings.iter().map(|(_, found)| weight(found)).sum::<usize>();
        self.found.extend(findings);
        Ok(state)
    }

    /// Hands findings and progress over to be committed, and the state with them where there is one; without one, not
    /// before it is their turn. Commits nothing where nothing was found and no state is due: reading that again costs
    /// nothing, and a commit for every commit would never end.
    async fn store(&mut self, state: Option<State>) -> Result<(), FollowError> {
        let (seq, due) = (self.fold.seq(), state.is_some());
        let early = !due && self.waiting < self.most && Instant::now() < self.next;
        if early || self.storing.is_some() || seq < self.through || seq == 0 || (self.found.is_empty() && !due) {
            return Ok(());
        }
        while let Some((through, part)) = self.part() {
            self.hand_over(part, through, None).await?;
            self.settled().await?;
        }
        self.size = state.as_ref().map_or(self.size, |s| s.len() as u64);
        self.waiting = 0;
        let rest = std::mem::take(&mut self.found).into_iter().flat_map(|(_, found)| found).collect();
        self.hand_over(rest, seq, state).await?;
        if due {
            self.stored = Some(self.fold.time());
        }
        Ok(())
    }

    /// Where more findings wait than go into one commit, the first of them and through which commit of the journal they are:
    /// as that is committed with them, none is found twice after a crash in between.
    fn part(&mut self) -> Option<(Seq, Vec<Finding>)> {
        let (mut part, mut through, mut bytes) = (Vec::new(), None, 0);
        while self.waiting > self.most && self.found.len() > 1 {
            let next = self.found.front().map_or(0, |(_, found)| weight(found));
            if through.is_some() && bytes + next > self.most {
                break;
            }
            let Some((seq, found)) = self.found.pop_front() else { break };
            through = Some(seq);
            part.extend(found);
            bytes += next;
            self.waiting = self.waiting.saturating_sub(next);
        }
        Some((through?, part))
    }

    /// Hands findings over that are those of commits through `seq`.
    async fn hand_over(&mut self, findings: Vec<Finding>, seq: Seq, state: Option<State>) -> Result<(), CommitError> {
        self.next = Instant::now() + REST;
        let progress = Progress::new(self.name.clone(), seq, state);
        let batch = Batch { findings, progress: Some(progress), ..Batch::default() };
        self.storing = Some(Box::pin(commit(self.recorder.clone(), batch)));
        // A commit is handed over when it is asked after for the first time.
        at_hand(answered(&mut self.storing)).await.transpose()?;
        self.through = seq;
        Ok(())
    }

    /// Waits until what was handed over is on disk.
    async fn settled(&mut self) -> Result<(), CommitError> {
        match self.storing {
            Some(_) => answered(&mut self.storing).await,
            None => Ok(()),
        }
    }
}

/// Resolves when findings that wait may be stored: those before them are on disk and have rested.
async fn turn(storing: &mut Option<Storing>, next: Instant, waiting: bool) -> Result<(), CommitError> {
    if storing.is_some() {
        answered(storing).await?;
    }
    if waiting {
        sleep_until(next).await;
    } else {
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Resolves when what is being stored is on disk and leaves room for the next; never while nothing is.
async fn answered(storing: &mut Option<Storing>) -> Result<(), CommitError> {
    let done = poll_fn(|cx| storing.as_mut().map_or(Poll::Pending, |s| s.as_mut().poll(cx))).await;
    *storing = None;
    done.map(|_| ())
}

/// Commits; a disk that refuses is asked again until it takes it.
async fn commit(recorder: Recorder, batch: Batch) -> Result<Seq, CommitError> {
    loop {
        match recorder.commit(batch.clone()).await {
            Err(CommitError::Disk { why }) => {
                tracing::error!(%why, "findings wait for the disk");
                tokio::time::sleep(RETRY).await;
            }
            done => return done,
        }
    }
}

/// About how many bytes of a batch findings are.
fn weight(findings: &[Finding]) -> usize {
    findings.iter().map(Recorder::weight_of).sum()
}

/// How long to wait after a state of `bytes` was stored.
fn pause(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SNAPSHOT_BYTES_A_SECOND).clamp(SNAPSHOT_EVERY, SNAPSHOT_AT_LEAST)
}

/// The fold as it was stored, if it was and can be read.
fn restored(progress: Option<StoredProgress>, settings: &Settings) -> Option<Fold> {
    let (_, bytes) = progress?.state?;
    match Fold::restore(settings.clone(), &bytes) {
        Ok(fold) => Some(fold),
        Err(e) => {
            tracing::warn!("{e}");
            None
        }
    }
}

/// What need not be waited for.
async fn at_hand<T>(coming: impl Future<Output = T>) -> Option<T> {
    let mut coming = pin!(coming);
    poll_fn(|cx| match coming.as_mut().poll(cx) {
        Poll::Ready(it) => Poll::Ready(Some(it)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
