//! The loop: follows the tail, sends, stores how far it has come.
//!
//! What has been shipped is stored as the progress of the follower [`FOLLOWER`]: its state belongs to the last commit that
//! was shipped or noted as owed, so that the log is kept from there on and no further back; its position is the last
//! commit before anything that is owed, so that whoever removes old data can see what has not been shipped.

mod load;
mod store;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use historian::{Archive, CommitError, Historian, ReadError, Recorder, Register, Seq, Tail, TailError};
use plant::{Clock, IdError, Name, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use crate::aside::aside;
use crate::config::Config;
use crate::http::{Body, Client};
use crate::line::Naming;
use crate::owed::Owed;
use crate::parcel::Origin;
use crate::shipper::{Settled, Shipper, Step};
use crate::status::{Phase, StatusCell};
use crate::{Answer, Trouble};

pub use store::release;

/// The name under which progress is stored.
pub const FOLLOWER: &str = "influx";
/// However long a pause is, the log is looked after this often.
const TICK: Duration = Duration::from_millis(500);

/// Why shipping ended.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The store cannot be read.
    #[error("what is to be shipped cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The tail ended or broke.
    #[error("InfluxDB cannot follow the journal: {0}")]
    Tail(#[from] TailError),
    /// How far it has come cannot be stored.
    #[error("how far InfluxDB has come cannot be stored: {0}")]
    Commit(#[from] CommitError),
    /// The stored progress is of another version.
    #[error(
        "how far InfluxDB has come is stored in a form that this version does not know: run the version that wrote it, or \
         switch [influx] off and on again and ship the past with `danxia backfill --influx`"
    )]
    State,
    /// The follower's own name was refused.
    #[error(transparent)]
    Name(#[from] IdError),
    /// A thread that read the store broke off, or none could be made.
    #[error("reading the store broke off: {0}")]
    Broken(#[from] std::io::Error),
}

/// What has been read from the tail and not been sent.
#[derive(Debug, Default)]
struct Pending {
    lines: crate::line::Lines,
    /// Since when something waits, …
    since: Option<Instant>,
    /// … and the time of the commit that brought it.
    first: Option<Timestamp>,
    /// Everything up to here is in `lines`, or was shipped.
    through: Seq,
    /// The time of that commit.
    t: Timestamp,
}

/// The shipper with its sockets and its place in the journal.
pub struct Room {
    config: Config,
    name: Name,
    store: Arc<Historian>,
    recorder: Recorder,
    archive: Archive,
    register: Register,
    clock: Arc<dyn Clock>,
    client: Client,
    shipper: Shipper,
    status: StatusCell,
    naming: Naming,
    tail: Tail,
    pending: Pending,
    /// The time of the first commit of the parcel that is under way.
    sent: Option<Timestamp>,
    owed: Owed,
    /// Up to here everything has been shipped or is owed; the time of that commit.
    shipped: (Seq, Timestamp),
    /// Steps of alarms are shipped up to this one …
    alarms: (Seq, u32),
    /// … and there may be more.
    alarms_due: bool,
    /// What of the above is on disk, and since when.
    stored: Seq,
    stored_at: Instant,
    /// Whether something was shipped that is not on disk.
    moved: bool,
    began: Instant,
    conditions: store::Conditions,
}

impl Room {
    /// Takes up where the store says that shipping had come. A store that has never shipped begins now: what was
    /// committed before is for [`crate::history`].
    pub async fn open(
        config: Config,
        store: Arc<Historian>,
        clock: Arc<dyn Clock>,
        status: StatusCell,
        seed: u64,
    ) -> Result<Self, RoomError> {
        let recorder = store.recorder();
        // Behind everything that waits: the last word of an instance before this one, too, is then on disk.
        let head = recorder.commit(historian::Batch::default()).await?;
        let known = store::recall(&store, head, clock.now())?;
        let client = Client::new(config.target.clone(), config.timeout, clock.clone());
        let mut room = Self {
            name: Name::new(FOLLOWER)?,
            recorder,
            archive: store.archive(),
            register: store.register(),
            client,
            shipper: Shipper::new(&config, seed),
            status,
            naming: Naming::default(),
            tail: store.tail(known.through),
            pending: Pending { through: known.through, t: known.t, ..Pending::default() },
            sent: None,
            owed: known.owed,
            shipped: (known.through, known.t),
            alarms: known.alarms,
            alarms_due: true,
            stored: known.through,
            stored_at: Instant::now(),
            moved: false,
            began: Instant::now(),
            conditions: store::Conditions::default(),
            config,
            store,
            clock,
        };
        room.put(Vec::new()).await?;
        Ok(room)
    }

    /// Ships until `shutdown` resolves; then stores how far it has come. What is under way is sent again next time.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), RoomError> {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                done = self.turn() => match done {
                    Err(RoomError::Tail(TailError::Closed) | RoomError::Commit(CommitError::Closed)) => return Ok(()),
                    done => done?,
                },
            }
        }
        if self.moved {
            self.put(Vec::new()).await?;
        }
        Ok(())
    }

    /// One thing at a time.
    async fn turn(&mut self) -> Result<(), RoomError> {
        self.look_after_the_log().await?;
        self.tell().await?;
        if self.moved && self.stored_at.elapsed() >= self.config.store_every || self.stale() {
            self.put(Vec::new()).await?;
        }
        let now = self.began.elapsed();
        match self.shipper.step(now) {
            Step::Send(lines) => {
                let (lines, gzip, began) = (lines.to_owned(), self.config.gzip, Instant::now());
                let body = aside("influx-pack", move || Body::lines(&lines, gzip)).await?;
                let spent = began.elapsed();
                self.send(body).await;
                if !self.owed.is_empty() || self.store.head() > self.pending.through {
                    // Catching up: twice the time that this took is left to what is live.
                    sleep((2 * spent).min(TICK)).await;
                }
            }
            Step::Wait(until) => sleep((until.saturating_sub(now)).min(TICK)).await,
            Step::Settled(settled) => self.settle(settled).await?,
            Step::Empty => self.next_parcel().await?,
        }
        Ok(())
    }

    async fn send(&mut self, body: Body) {
        let bytes = body.len() as u64;
        let answer = self.client.write(body).await;
        self.shipper.answered(&answer, self.began.elapsed());
        let trouble = self.shipper.trouble().cloned();
        let now = self.clock.now();
        self.status.change(|s| {
            s.requests += 1;
            s.bytes += bytes;
            let taken = matches!(answer, Answer::Http { status: 200..=299, .. });
            s.failures += u64::from(!taken);
            if taken {
                s.last_taken = Some(now);
            }
            if let Some(Trouble::Away(why) | Trouble::Refused(why)) = &trouble
                && s.error.as_ref() != Some(why)
            {
                tracing::warn!(why, "InfluxDB does not take what is shipped; nothing is lost, it is sent again");
            }
            if trouble.is_none() && s.error.is_some() && taken {
                tracing::info!("InfluxDB takes what is shipped again");
            }
            s.error = trouble.as_ref().map(|(Trouble::Away(why) | Trouble::Refused(why))| why.clone());
        });
    }

    async fn settle(&mut self, settled: Settled) -> Result<(), RoomError> {
        let Settled { origin, taken, expired, refused } = settled;
        self.moved = true;
        match origin {
            Origin::Live { through, t } => (self.shipped, self.sent) = ((through, t), None),
            Origin::Past(pieces) => pieces.iter().for_each(|p| self.owed.shipped(&p.key, p.from, p.to, p.points)),
            Origin::Alarms { to } => self.alarms = to,
        }
        self.status.change(|s| {
            s.points += taken;
            s.expired += expired;
            s.refused += refused.len() as u64;
        });
        if !refused.is_empty() {
            let t = self.clock.now();
            let entries = refused.iter().map(|r| store::quarantined(r, t)).collect();
            // With the progress, so that a line is not there twice.
            self.put(entries).await?;
        }
        Ok(())
    }

    /// Whether so many commits without a point have come that the log would be kept for them.
    fn stale(&self) -> bool {
        self.shipped.0 >= self.stored + 1_024
    }

    /// What is to be seen, from here.
    async fn tell(&mut self) -> Result<(), RoomError> {
        let now = self.clock.now();
        let commits = self.store.head().saturating_sub(self.shipped.0);
        let owed_since = self.owed.since().map(|t| now.since(t));
        let waits_since = self.sent.or(self.pending.first).map(|t| now.since(t));
        let lag = owed_since.max(waits_since).unwrap_or_default();
        let owed = self.owed.points() + self.pending.lines.len() as u64;
        let phase = match self.shipper.trouble() {
            Some(Trouble::Refused(_)) => Phase::Refused,
            Some(Trouble::Away(_)) => Phase::Waiting,
            None if !self.owed.is_empty() => Phase::CatchingUp,
            None => Phase::Live,
        };
        self.status.change(|s| (s.phase, s.lag, s.owed, s.commits) = (phase, lag, owed, commits));
        self.raise(lag).await
    }

    /// Waits for a commit, or until what waits is old enough.
    async fn idle(&mut self) -> Result<(), RoomError> {
        let due = self.pending.since.map_or_else(|| Instant::now() + TICK, |at| at + self.config.batch_age);
        tokio::select! {
            next = self.tail.next() => self.take(&next?),
            () = sleep_until(due) => {}
        }
        Ok(())
    }
}
