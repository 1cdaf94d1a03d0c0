//! The disk: what it was told to do, and what it does.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::ffi;

use crate::trouble::{Op, Refusal, Troubles};
use crate::unsynced::Unsynced;
use crate::vfs;

/// What of the writes that no fsync confirmed is there when the power is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// A random choice, by this seed: how likely a write is to survive differs from file to file, from never to always.
    Some(u64),
}

/// What a loss of power took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Sectors that no fsync had confirmed.
    pub unsynced: usize,
    /// How many of them are not as they were written last.
    pub lost: usize,
    /// Files whose name was not in the directory yet, or again.
    pub names: usize,
}

/// A disk that fails when it is told to: SQLite's files in one directory, and below it.
#[derive(Debug)]
pub struct Disk(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    dir: PathBuf,
    off: AtomicBool,
    state: Mutex<State>,
    held: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Unsynced>,
    /// Files that were deleted, as the platter still holds them.
    ghosts: BTreeMap<PathBuf, Vec<u8>>,
    /// Handles that are open.
    open: usize,
    /// Operations until the power goes.
    left: Option<u64>,
    operations: u64,
    syncs: u64,
    room: Option<u64>,
    lies: bool,
    refused_syncs: u64,
    troubles: Troubles,
    delay: Duration,
    hold: bool,
    holding: usize,
}

/// How an operation finds the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// It goes while this operation is under way.
    Going,
    Off,
}

impl Disk {
    /// A disk that does all it should, for what SQLite keeps in `dir`, which must exist, and below.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        let dir = dir.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let inner =
            Arc::new(Inner { dir, off: AtomicBool::new(false), state: Mutex::default(), held: Condvar::default() });
        vfs::install(&inner);
        Self(inner)
    }

    /// The power goes during the `n`th operation from now that changes something (0 and 1: the next).
    pub fn cut_after(&self, n: u64) {
        self.0.lock().left = Some(n.max(1));
    }

    /// The power goes now.
    pub fn cut(&self) {
        let _state = self.0.lock();
        self.0.off.store(true, Ordering::Release);
    }

    /// Whether the power is gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.off.load(Ordering::Acquire)
    }

    /// Makes the files what the platter holds and lets SQLite use them again. To be called when nothing is open.
    ///
    /// # Panics
    ///
    /// When something is still open, or a file cannot be rewritten.
    pub fn power_on(&self, survives: Survives) -> Cut {
        let mut state = self.0.lock();
        assert_eq!(state.open, 0, "who was there when the power went still holds files open");
        let cut = state.fall_back(survives).unwrap_or_else(|e| panic!("{}: {e}", self.0.dir.display()));
        remove_indexes(&self.0.dir).unwrap_or_else(|e| panic!("{}: {e}", self.0.dir.display()));
        state.left = None;
        self.0.off.store(false, Ordering::Release);
        cut
    }

    /// There is room for so many bytes in all; `None`: for as many as come.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.0.lock().room = bytes;
    }

    /// Bytes in its files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// Says that it has synced, and has not.
    pub fn set_lies(&self, lies: bool) {
        self.0.lock().lies = lies;
    }

    /// Refuses the next `n` fsyncs; what they were to confirm stays unconfirmed.
    pub fn refuse_syncs(&self, n: u64) {
        self.0.lock().refused_syncs = n;
    }

    /// Refuses what `refusal` says; it takes the place of an earlier one. `None`: the disk does all it should.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.0.lock().troubles.refuse(refusal);
    }

    /// Can only be read: files open for reading alone, and what is open for writing cannot be written (EROFS), as when
    /// the system has found damage and mounted the file system anew.
    pub fn set_read_only(&self, read_only: bool) {
        self.0.lock().troubles.read_only = read_only;
    }

    /// These bytes of the file of this name cannot be read (EIO); `None`: everything can.
    pub fn set_unreadable(&self, what: Option<(&'static str, Range<u64>)>) {
        self.0.lock().troubles.set_unreadable(what);
    }

    /// How often something was refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.lock().troubles.refused
    }

    /// How often the files of this name were written to so far, refusals included.
    #[must_use]
    pub fn writes(&self, name: &str) -> u64 {
        let state = self.0.lock();
        let named = state.troubles.writes.iter().filter(|(p, _)| p.file_name().is_some_and(|n| n == name));
        named.map(|(_, n)| n).sum()
    }

    /// Each fsync takes this long.
    pub fn set_delay(&self, delay: Duration) {
        self.0.lock().delay = delay;
    }

    /// From now on an fsync does not return, until what this gives is dropped.
    #[must_use]
    pub fn hold(&self) -> Held<'_> {
        self.0.lock().hold = true;
        Held(&self.0)
    }

    /// Operations so far that changed something, fsyncs among them.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Fsyncs so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }
}

/// See [`Disk::hold`].
#[derive(Debug)]
pub struct Held<'a>(&'a Inner);

impl Held<'_> {
    /// Blocks until an fsync is under way that does not return.
    pub fn wait(&self) {
        let state = self.0.lock();
        drop(self.0.held.wait_while(state, |s| s.holding == 0).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.lock().hold = false;
        self.0.held.notify_all();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.dir)
    }

    /// Whether the power is gone; without waiting for anything.
    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// Whether it can only be read.
    pub fn is_read_only(&self) -> bool {
        self.lock().troubles.read_only
    }

    /// Whether some of `len` bytes at `from` cannot be read.
    pub fn cannot_read(&self, path: &Path, from: u64, len: u64) -> bool {
        self.is_off() || self.lock().troubles.cannot_read(path, from, len)
    }

    fn operation(&self, state: &mut State) -> Power {
        if self.is_off() {
            return Power::Off;
        }
        state.operations += 1;
        match &mut state.left {
            Some(1) => {
                self.off.store(true, Ordering::Release);
                Power::Going
            }
            Some(n) => {
                *n -= 1;
                Power::On
            }
            None => Power::On,
        }
    }

    /// `real` opens the file and says SQLite's code. The file is of `size` bytes, or was not there before.
    pub fn open(&self, path: &Path, size: Option<u64>, real: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.lock();
        let power = if size.is_none() { self.operation(&mut state) } else { Power::On };
        if power != Power::On || self.is_off() {
            return ffi::SQLITE_CANTOPEN;
        }
        let code = real();
        if code == ffi::SQLITE_OK {
            state.open += 1;
            let file = || Unsynced::new(size.unwrap_or(0), size.is_some());
            state.files.entry(path.to_owned()).or_insert_with(file);
        }
        code
    }

    pub fn close(&self) {
        self.lock().open -= 1;
    }

    /// `before` reads what is in the file from an offset on, so many bytes, zeros beyond its end; `real` writes.
    pub fn write(
        &self,
        path: &Path,
        offset: u64,
        data: &[u8],
        before: impl FnOnce(u64, u64) -> Vec<u8>,
        real: impl FnOnce(usize) -> c_int,
    ) -> c_int {
        let mut state = self.lock();
        let refused = state.troubles.refuses(Op::Write, path);
        // As much as there was room for, or as went well before the error.
        let data = if refused.is_some() && !state.troubles.read_only { &data[..data.len() / 2] } else { data };
        let grows = state.files.get(path).map_or(0, |f| (offset + data.len() as u64).saturating_sub(f.size()));
        if grows > 0 && state.room.is_some_and(|room| state.used() + grows > room) {
            state.troubles.refused += 1;
            return ffi::SQLITE_FULL;
        }
        let power = self.operation(&mut state);
        if power == Power::Off {
            return ffi::SQLITE_IOERR_WRITE;
        }
        if let Some(code) = refused.filter(|_| data.is_empty() || state.troubles.read_only) {
            return code;
        }
        let (from, len) = Unsynced::span(offset, data.len() as u64);
        let before = before(from, len);
        let code = real(data.len());
        if code == ffi::SQLITE_OK
            && let Some(file) = state.files.get_mut(path)
        {
            file.write(offset, data, &before);
        }
        if power == Power::On { refused.unwrap_or(code) } else { ffi::SQLITE_IOERR_WRITE }
    }

    pub fn truncate(
        &self,
        path: &Path,
        size: u64,
        before: impl FnOnce(u64, u64) -> Vec<u8>,
        real: impl FnOnce() -> c_int,
    ) -> c_int {
        let mut state = self.lock();
        let power = self.operation(&mut state);
        if power == Power::Off {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        if let Some(code) = state.troubles.refuses(Op::Truncate, path) {
            return code;
        }
        let now = state.files.get(path).map_or(0, Unsynced::size);
        let (from, len) = Unsynced::span(size, now.saturating_sub(size));
        let before = before(from, len);
        let code = real();
        if code == ffi::SQLITE_OK
            && let Some(file) = state.files.get_mut(path)
        {
            file.truncate(size, &before);
        }
        if power == Power::On { code } else { ffi::SQLITE_IOERR_TRUNCATE }
    }

    /// With `names`, of the directory too.
    pub fn sync(&self, path: &Path, names: bool) -> c_int {
        let mut state = self.lock();
        if self.operation(&mut state) != Power::On {
            return ffi::SQLITE_IOERR_FSYNC;
        }
        state.syncs += 1;
        if let Some(code) = state.troubles.refuses(Op::Sync, path) {
            return code;
        }
        if state.refused_syncs > 0 {
            state.refused_syncs -= 1;
            return ffi::SQLITE_IOERR_FSYNC;
        }
        if !state.lies {
            // What is written while this takes its time is not part of it.
            if let Some(file) = state.files.get_mut(path) {
                file.synced();
            }
            if names {
                state.sync_names(path);
            }
        }
        let delay = state.delay;
        if state.hold {
            state.holding += 1;
            self.held.notify_all();
            state = self.held.wait_while(state, |s| s.hold).unwrap_or_else(PoisonError::into_inner);
            state.holding -= 1;
        }
        drop(state);
        std::thread::sleep(delay);
        if self.is_off() { ffi::SQLITE_IOERR_FSYNC } else { ffi::SQLITE_OK }
    }

    /// `real` deletes the file; `names`: and syncs the directory.
    pub fn delete(&self, path: &Path, names: bool, real: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.lock();
        if self.operation(&mut state) != Power::On {
            return ffi::SQLITE_IOERR_DELETE;
        }
        if state.troubles.read_only {
            state.troubles.refused += 1;
            return ffi::SQLITE_IOERR_DELETE;
        }
        let image = std::fs::read(path);
        let code = real();
        if code == ffi::SQLITE_OK {
            if let (Some(file), Ok(image)) = (state.files.remove(path), image)
                && file.named
            {
                state.ghosts.insert(path.to_owned(), file.platter(image, |_| 0).0);
            }
            if names && !state.lies {
                state.sync_names(path);
            }
        }
        code
    }
}

impl State {
    fn used(&self) -> u64 {
        self.files.values().map(Unsynced::size).sum()
    }

    /// The directory of `path` is on the platter as it shows.
    fn sync_names(&mut self, path: &Path) {
        let dir = path.parent();
        self.files.iter_mut().filter(|(p, _)| p.parent() == dir).for_each(|(_, f)| f.named = true);
        self.ghosts.retain(|p, _| p.parent() != dir);
    }

    fn fall_back(&mut self, survives: Survives) -> std::io::Result<Cut> {
        let mut chance = Chance(match survives {
            Survives::Nothing => 0,
            Survives::Some(seed) => seed,
        });
        let mut cut = Cut::default();
        for (path, file) in std::mem::take(&mut self.files) {
            let certainty = [0, 10, 50, 90, 99, 100][chance.below(6)];
            let kept = survives != Survives::Nothing && chance.below(100) < certainty;
            if !file.named && !kept {
                cut.names += 1;
                std::fs::remove_file(&path)?;
                continue;
            }
            self.ghosts.remove(&path);
            cut.unsynced += file.sectors();
            let pick = |n: usize| match survives {
                Survives::Nothing => 0,
                Survives::Some(_) if chance.below(100) < certainty => n - 1,
                Survives::Some(_) => chance.below(n),
            };
            let shown = std::fs::read(&path)?;
            let (platter, lost) = file.platter(shown.clone(), pick);
            cut.lost += lost;
            if platter != shown {
                std::fs::write(&path, platter)?;
            }
        }
        for (path, image) in std::mem::take(&mut self.ghosts) {
            if survives == Survives::Nothing || chance.below(2) == 0 {
                cut.names += 1;
                std::fs::write(path, image)?;
            }
        }
        Ok(cut)
    }
}

/// SQLite's index of a write-ahead log is in shared memory.
fn remove_indexes(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_indexes(&path)?;
        } else if path.to_string_lossy().ends_with("-shm") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}
