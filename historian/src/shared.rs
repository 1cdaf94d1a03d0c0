//! What the writer fills and everybody reads.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use plant::{Name, Plant, SeriesKey};
use tokio::sync::watch;

use crate::cache::Cache;
use crate::db::{File, Readers};
use crate::device::Devices;
use crate::disk::DiskUse;
use crate::ledger::Ledger;
use crate::minutes::Minutes;
use crate::recorder::weight;
use crate::ts::{Loaded, each_row};
use crate::{Committed, ReadError, Seq, StoredProgress, wave};

/// A tail that is behind reads about this many bytes of the log at once.
const RUN_BYTES: usize = 8 << 20;

/// Memory and connections of one open store.
#[derive(Debug)]
pub(crate) struct Shared {
    cache: RwLock<Cache>,
    plant: RwLock<Arc<Plant>>,
    ledger: Mutex<Ledger>,
    minutes: Mutex<Minutes>,
    followers: Mutex<BTreeMap<Name, StoredProgress>>,
    ring: Mutex<Ring>,
    disk: Mutex<DiskUse>,
    pub head: watch::Sender<Seq>,
    pub ts: Readers,
    pub wave: Readers,
    pub state: Readers,
    /// `None` where the store was opened for reading.
    pub devices: Option<Mutex<Devices>>,
    pub log_first: AtomicU64,
    pub log_bytes: AtomicU64,
    pub failed_commits: AtomicU64,
}

/// The newest commits, for tails that are up to date.
#[derive(Debug, Default)]
struct Ring {
    commits: VecDeque<(Committed, usize)>,
    bytes: usize,
    max_bytes: usize,
    max_commits: usize,
}

// A panic in the middle of one of these locks is a fault of the program; the data behind them is still whole enough to
// be read, and the disk has the truth.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(dir: &Path, loaded: Loaded, plant: Plant, devices: Option<Devices>) -> Self {
        let ours = devices.is_some();
        Self {
            cache: RwLock::new(loaded.cache),
            plant: RwLock::new(Arc::new(plant)),
            ledger: Mutex::new(loaded.ledger),
            minutes: Mutex::new(loaded.minutes),
            followers: Mutex::new(loaded.followers),
            ring: Mutex::default(),
            disk: Mutex::default(),
            head: watch::channel(loaded.head.0).0,
            ts: Readers::new(dir, File::Ts, ours),
            wave: Readers::new(dir, File::Wave, ours),
            state: Readers::new(dir, File::State, ours),
            devices: devices.map(Mutex::new),
            log_first: AtomicU64::new(loaded.log_first),
            log_bytes: AtomicU64::new(loaded.log_bytes),
            failed_commits: AtomicU64::new(0),
        }
    }

    /// How much of the newest commits is kept.
    pub fn keep(&self, max_bytes: usize, max_commits: usize) {
        let mut ring = lock(&self.ring);
        (ring.max_bytes, ring.max_commits) = (max_bytes, max_commits);
    }

    pub fn cache(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn cache_mut(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn plant(&self) -> Arc<Plant> {
        self.plant.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_plant(&self, plant: Arc<Plant>) {
        *self.plant.write().unwrap_or_else(PoisonError::into_inner) = plant;
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub fn minutes(&self) -> MutexGuard<'_, Minutes> {
        lock(&self.minutes)
    }

    pub fn followers(&self) -> MutexGuard<'_, BTreeMap<Name, StoredProgress>> {
        lock(&self.followers)
    }

    pub fn head(&self) -> Seq {
        *self.head.borrow()
    }

    pub fn disk(&self) -> MutexGuard<'_, DiskUse> {
        lock(&self.disk)
    }

    /// Hands `commit`, of `size` bytes, to the tails.
    pub fn announce(&self, commit: Committed, size: usize) {
        let seq = commit.seq;
        {
            let mut ring = lock(&self.ring);
            ring.bytes += size;
            ring.commits.push_back((commit, size));
            while ring.bytes > ring.max_bytes || ring.commits.len() > ring.max_commits {
                let Some((_, size)) = ring.commits.pop_front() else { break };
                ring.bytes -= size;
            }
        }
        self.head.send_replace(seq);
    }

    /// Commit `seq`, if it is still in memory.
    pub fn recent(&self, seq: Seq) -> Option<Committed> {
        let ring = lock(&self.ring);
        let first = ring.commits.front()?.0.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        ring.commits.get(index).map(|(c, _)| c.clone())
    }

    /// Some commits from `from` on, read from the log: at least one if there is one, more while they are small.
    pub fn read_log(&self, from: Seq) -> Result<Vec<Committed>, ReadError> {
        let head = self.head();
        let mut commits = Vec::new();
        let mut bytes = 0;
        self.ts.read(|ts| {
            each_row(ts, from, |seq, t, row| {
                if seq > head {
                    return Ok(ControlFlow::Break(()));
                }
                let ids = row.waveforms.clone();
                let mut waveforms = Vec::with_capacity(ids.len());
                if !ids.is_empty() {
                    waveforms = self.wave.read(|conn| ids.iter().map(|id| wave::read(conn, head, *id)).collect())?;
                }
                let mut waveforms = waveforms.into_iter();
                let cache = self.cache();
                let key = |id| cache.key(id).cloned();
                let batch = row.into_batch(key, |_| Ok::<_, NoName>(waveforms.next().flatten()));
                let batch = batch.map_err(|e| ReadError::damaged(format!("row {seq} of the log"))(e.0))?;
                bytes += weight(&batch);
                commits.push(Committed { seq, t, batch: Arc::new(batch) });
                Ok(if bytes < RUN_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })
        })?;
        Ok(commits)
    }

    /// The names of all series.
    pub fn series(&self) -> Vec<SeriesKey> {
        self.cache().keys().to_vec()
    }

    pub fn oldest(&self) -> Seq {
        self.log_first.load(Ordering::Acquire)
    }

    /// Closes idle connections.
    pub fn close(&self) {
        [&self.ts, &self.wave, &self.state].into_iter().for_each(Readers::close);
    }
}

/// A row that names what is not there.
struct NoName(crate::codec::Damage);

impl From<crate::codec::Damage> for NoName {
    fn from(d: crate::codec::Damage) -> Self {
        Self(d)
    }
}
