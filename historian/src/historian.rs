//! Opening and closing.

use std::fmt;
use std::fs::{File as LockFile, TryLockError};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use plant::{Clock, Timestamp};
use rusqlite::config::DbConfig;
use tokio::sync::watch;

use crate::checkpoint::Checkpointer;
use crate::codec::Damage;
use crate::db::File;
use crate::device::Devices;
use crate::disk::Watch;
use crate::recorder::Queue;
use crate::shared::Shared;
use crate::state::{State, load_plant};
use crate::ts::{Ts, each_row, load_all};
use crate::wave::Wave;
use crate::writer::{Upkeep, Writer, catch_up};
use crate::{Archive, CloseError, Config, OpenError, Probe, ReadError, Recorder, Register, Seq, StoredProgress, Tail};

/// The open store: owns the files and the thread that writes them.
///
/// Dropped without [`Historian::close`] it ends as if the process had been killed: what was acknowledged is there, what
/// still waited is answered with [`crate::CommitError::Closed`].
pub struct Historian {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    closed: watch::Sender<bool>,
    thread: Option<JoinHandle<Writer>>,
    /// Held for as long as the store is open.
    lock: LockFile,
}

impl fmt::Debug for Historian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Historian").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl Historian {
    /// Opens the store in `config.dir`, making it where there is none, and brings memory and register up to the log.
    /// Blocks until that is done.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_on(config, clock, None)
    }

    /// As [`Historian::open`], on a disk that `probe` tells of: [`Config::disk`] holds from the first commit on.
    pub fn open_on(config: Config, clock: Arc<dyn Clock>, probe: Option<Arc<dyn Probe>>) -> Result<Self, OpenError> {
        let dir = config.dir.clone();
        let lock = lock(&dir)?;
        let said = |source| OpenError::Read { dir: dir.clone(), source };
        let ts = Ts::open(&dir)?;
        let loaded = load_all(&ts.conn).map_err(said)?;
        let (seq, t) = (loaded.head.0, loaded.head.1.unwrap_or(Timestamp::MIN));
        let wave = Wave::open(&dir, seq, config.waves.clone())?;
        let (mut state, plant) = State::open(&dir)?;
        check_register(state.through(), loaded.log_first, seq).map_err(said)?;
        let plant = catch_up(&ts.conn, &mut state, plant, true).map_err(said)?;
        let shared = Arc::new(Shared::new(&dir, loaded, plant, Some(Devices::open(&dir)?)));
        shared.keep(config.tail_bytes, config.tail_commits);
        let queue = Arc::new(Queue::new(&config));
        let upkeep = Upkeep { seals: Default::default(), prune_to: 0, last: clock.now(), grown: 0 };
        let checkpointer = Checkpointer::start(&dir)?;
        let mut writer = Writer {
            probe,
            watch: Watch::new(config.disk),
            stuck: None,
            shared: shared.clone(),
            queue: queue.clone(),
            config,
            clock,
            ts,
            wave,
            state,
            checkpointer,
            seq,
            t,
            upkeep,
            body: Vec::new(),
        };
        writer.look();
        let thread = std::thread::Builder::new().name("historian".into()).spawn(|| writer.run());
        let thread = thread.map_err(OpenError::Thread)?;
        Ok(Self { shared, queue, closed: watch::channel(false).0, thread: Some(thread), lock })
    }

    /// For committing.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.queue.clone())
    }

    /// For recalling series, waveforms and what else was recorded.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive::new(self.shared.clone(), Some(self.queue.clone()))
    }

    /// For recalling plant, alarms and devices.
    #[must_use]
    pub fn register(&self) -> Register {
        Register::new(self.shared.clone())
    }

    /// Every commit with a position above `after`, also those still to come.
    #[must_use]
    pub fn tail(&self, after: Seq) -> Tail {
        Tail::new(self.shared.clone(), self.closed.subscribe(), after)
    }

    /// Position of the last commit; 0 where there is none.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.shared.head()
    }

    /// Position of the first commit that is still in the log: a follower without progress begins there.
    #[must_use]
    pub fn oldest(&self) -> Seq {
        self.shared.oldest()
    }

    /// How far `follower` had come when it last said so. The log is kept from the position of its state or, where it
    /// stored none, from where it had come.
    pub fn progress(&self, follower: &str) -> Result<Option<StoredProgress>, ReadError> {
        Ok(self.shared.followers().get(follower).cloned())
    }

    /// The position of a follower that needs nothing of the log: who stores its progress up to here has its state kept
    /// and holds nothing back. For those who go on from elsewhere, as from the journal of alarms.
    pub const UNBOUND: Seq = i64::MAX as Seq;

    /// Commits what was submitted, moves everything into the files and closes them. Blocks until that is done.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.queue.close(false);
        let ended = self.thread.take().map(JoinHandle::join);
        self.closed.send_replace(true);
        self.shared.close();
        match ended {
            Some(Ok(writer)) => writer.end(),
            _ => Err(CloseError::Writer),
        }
    }
}

impl Drop for Historian {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.queue.close(true);
            if let Ok(writer) = thread.join() {
                // A kill would not move the write-ahead log either.
                writer.ts.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
                writer.wave.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
            }
            self.closed.send_replace(true);
            self.shared.close();
        }
        // Closing the file would do it as well; said aloud because the next opening relies on it.
        self.lock.unlock().ok();
    }
}

/// The store in `dir` for reading, whether an instance runs there or was killed there. Nothing is written. What is
/// read is as of now: the series do not follow what a running instance commits later.
pub fn open_read_only(dir: &Path) -> Result<(Archive, Register), OpenError> {
    if !dir.join(File::Ts.name()).is_file() {
        return Err(OpenError::Missing { dir: dir.to_owned() });
    }
    let said = |source| OpenError::Read { dir: dir.to_owned(), source };
    let shared = Shared::new(dir, Default::default(), Default::default(), None);
    for readers in [&shared.ts, &shared.wave, &shared.state] {
        readers.check(dir)?;
    }
    let (mut plant, through) = shared.state.read(|conn| load_plant(conn)).map_err(said)?;
    let loaded = shared.ts.read(|tx| {
        let loaded = load_all(tx)?;
        each_row(tx, through + 1, |_, _, row| {
            row.changes.iter().for_each(|c| plant.apply(c));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(loaded)
    });
    let shared = Arc::new(Shared::new(dir, loaded.map_err(said)?, plant, None));
    Ok((Archive::new(shared.clone(), None), Register::new(shared)))
}

/// Keeps every other writer out of `dir`, which is made where there is none. The system lets go of the lock when the
/// process ends, however it ends.
fn lock(dir: &Path) -> Result<LockFile, OpenError> {
    let said = |source| OpenError::Directory { dir: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(said)?;
    let file = LockFile::options().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(said)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(said(source)),
    }
}

/// The register can be brought up from the log only if the log reaches back to it.
pub(crate) fn check_register(through: Seq, log_first: Seq, head: Seq) -> Result<(), ReadError> {
    let damaged = ReadError::damaged(format!("state.db, which stands at commit {through},"));
    if through > head {
        return Err(damaged(Damage("ts.db ends before it: the two are not of one backup")));
    }
    if through + 1 < log_first {
        return Err(damaged(Damage("the log begins after it: the two are not of one backup")));
    }
    Ok(())
}
