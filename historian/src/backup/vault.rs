//! The directory that holds many backups: segments named by what they hold, and a manifest for each backup.
//!
//! ```text
//! lock                      held while something is written or deleted here
//! backups/TIME.json         a manifest; TIME in nanoseconds since 1970
//! segments/ab/abcd….        1 MiB or less, named by its SHA-256
//! staging/                  of a backup that is being taken, or was broken off
//! ```
//!
//! A segment gets its name when it is on disk, a manifest when all its segments are: what has a name is whole, however
//! the program or the machine ended. Segments without a manifest are found and used by the next backup, or taken away
//! by the next pruning.

use std::collections::BTreeSet;
use std::fs::{self, File as DiskFile, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use plant::Timestamp;

use super::BackupError;
use super::manifest::{Hash, LONGEST, Manifest, SEGMENT};

const MANIFESTS: &str = "backups";
const SEGMENTS: &str = "segments";
const STAGING: &str = "staging";
/// What is being written bears this at the end of its name.
const UNFINISHED: &str = ".tmp";

/// A directory of backups.
pub(super) struct Vault {
    dir: PathBuf,
    /// Held for as long as this lives; `None` where there is none to hold, as on a medium that cannot be written.
    _lock: Option<DiskFile>,
    /// Directories of segments that got new names.
    touched: BTreeSet<u8>,
}

impl Vault {
    /// For taking and deleting backups; made where it does not exist. Nobody else may do either meanwhile.
    pub fn open(dir: &Path) -> Result<Self, BackupError> {
        for made in [dir.to_owned(), dir.join(MANIFESTS), dir.join(SEGMENTS)] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&made).map_err(BackupError::file(&made))?;
        }
        let path = dir.join("lock");
        let said = BackupError::file(&path);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.map_err(&said)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy { dir: dir.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(said(e)),
        }
        let vault = Self { dir: dir.to_owned(), _lock: Some(lock), touched: BTreeSet::new() };
        vault.clear_staging()?;
        Ok(vault)
    }

    /// For looking at what there is.
    pub fn look(dir: &Path) -> Result<Self, BackupError> {
        if !dir.join(MANIFESTS).is_dir() {
            return Err(BackupError::None { from: dir.to_owned() });
        }
        Ok(Self { dir: dir.to_owned(), _lock: None, touched: BTreeSet::new() })
    }

    /// For reading backups, which nobody may delete meanwhile.
    pub fn open_to_read(dir: &Path) -> Result<Self, BackupError> {
        let vault = Self::look(dir)?;
        let lock = DiskFile::open(dir.join("lock")).ok();
        if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(DiskFile::try_lock_shared) {
            return Err(BackupError::Busy { dir: dir.to_owned() });
        }
        Ok(Self { _lock: lock, ..vault })
    }

    /// An empty directory for copies that are about to be cut.
    pub fn staging(&self) -> Result<PathBuf, BackupError> {
        let path = self.dir.join(STAGING);
        self.clear_staging()?;
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(BackupError::file(&path))?;
        Ok(path)
    }

    pub fn clear_staging(&self) -> Result<(), BackupError> {
        let path = self.dir.join(STAGING);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(BackupError::file(&path)(e)),
            _ => Ok(()),
        }
    }

    fn segment(&self, hash: Hash) -> PathBuf {
        self.dir.join(SEGMENTS).join(format!("{:02x}", hash.shelf())).join(hash.to_string())
    }

    /// Keeps `bytes`; says under which name, and whether they are new here.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(Hash, bool), BackupError> {
        let hash = Hash::of(bytes);
        let path = self.segment(hash);
        if fs::metadata(&path).is_ok_and(|m| m.len() == bytes.len() as u64) {
            return Ok((hash, false));
        }
        let shelf = path.with_file_name("");
        match fs::DirBuilder::new().mode(0o700).create(&shelf) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(BackupError::file(&shelf)(e)),
            _ => {}
        }
        write_whole(&path, bytes)?;
        self.touched.insert(hash.shelf());
        Ok((hash, true))
    }

    /// Reads a segment of `expected` bytes; says what is wrong with it.
    pub fn get(&self, hash: Hash, expected: usize, into: &mut Vec<u8>) -> Result<(), BackupError> {
        let path = self.segment(hash);
        into.clear();
        let read = DiskFile::open(&path).and_then(|f| f.take(SEGMENT as u64 + 1).read_to_end(into));
        let wrong = |why: String| BackupError::Damaged { file: path.clone(), why };
        read.map_err(|e| wrong(format!("it cannot be read: {e}")))?;
        if into.len() != expected {
            return Err(wrong(format!("it has {} bytes instead of {expected}: it is torn", into.len())));
        }
        if Hash::of(into) != hash {
            return Err(wrong("it does not hold what its name says: it was changed after it was written".into()));
        }
        Ok(())
    }

    /// Where the manifests are, the oldest first.
    pub fn manifests(&self) -> Result<Vec<(Timestamp, PathBuf)>, BackupError> {
        let dir = self.dir.join(MANIFESTS);
        let said = BackupError::file(&dir);
        let mut found = Vec::new();
        for entry in fs::read_dir(&dir).map_err(&said)? {
            let path = entry.map_err(&said)?.path();
            let t = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".json")?.parse().ok());
            if let Some(t) = t {
                found.push((Timestamp::from_nanos(t), path));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Writes a manifest, after everything that it names.
    pub fn finish(&mut self, mut manifest: Manifest) -> Result<Timestamp, BackupError> {
        for shelf in std::mem::take(&mut self.touched) {
            sync(&self.dir.join(SEGMENTS).join(format!("{shelf:02x}")))?;
        }
        sync(&self.dir.join(SEGMENTS))?;
        let dir = self.dir.join(MANIFESTS);
        let path = loop {
            let path = dir.join(format!("{}.json", manifest.time_ns));
            if !path.exists() {
                break path;
            }
            manifest.time_ns += 1;
        };
        let t = manifest.t();
        write_whole(&path, &manifest.seal())?;
        sync(&dir)?;
        sync(&self.dir)?;
        Ok(t)
    }

    /// Deletes all manifests but the newest `keep`, and then every segment that none of them names. Gives how many
    /// backups and bytes went.
    pub fn prune(&self, keep: usize) -> Result<(usize, u64), BackupError> {
        let all = self.manifests()?;
        let gone = all.len().saturating_sub(keep);
        let mut wanted = BTreeSet::new();
        // Before anything goes: a manifest that cannot be read names nobody knows what.
        for (_, path) in &all[gone..] {
            wanted.extend(read_manifest(path)?.files.iter().flat_map(|f| f.segments.iter().copied()));
        }
        let mut freed = 0;
        for (_, path) in &all[..gone] {
            freed += remove(path)?;
        }
        sync(&self.dir.join(MANIFESTS))?;
        for path in self.every_segment()? {
            let hash = path.file_name().and_then(|n| Hash::parse(n.to_str()?));
            let unfinished = path.to_str().is_some_and(|p| p.ends_with(UNFINISHED));
            if unfinished || hash.is_some_and(|h| !wanted.contains(&h)) {
                freed += remove(&path)?;
            }
        }
        Ok((gone, freed))
    }

    fn every_segment(&self) -> Result<Vec<PathBuf>, BackupError> {
        let dir = self.dir.join(SEGMENTS);
        let mut found = Vec::new();
        for shelf in fs::read_dir(&dir).map_err(BackupError::file(&dir))? {
            let shelf = shelf.map_err(BackupError::file(&dir))?.path();
            if shelf.is_dir() {
                for segment in fs::read_dir(&shelf).map_err(BackupError::file(&shelf))? {
                    found.push(segment.map_err(BackupError::file(&shelf))?.path());
                }
            }
        }
        Ok(found)
    }
}

/// The manifest at `path`, or what is wrong with it.
pub(super) fn read_manifest(path: &Path) -> Result<Manifest, BackupError> {
    let mut text = Vec::new();
    let read = DiskFile::open(path).and_then(|f| f.take(LONGEST).read_to_end(&mut text));
    read.map_err(BackupError::file(path))?;
    Manifest::open(&text).map_err(|why| BackupError::Damaged { file: path.to_owned(), why })
}

/// Writes a file beside its place, has it on disk, and moves it there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(UNFINISHED);
    let beside = PathBuf::from(beside);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside))).map_err(BackupError::file(path))
}

/// Has the names in `dir` on disk.
pub(super) fn sync(dir: &Path) -> Result<(), BackupError> {
    DiskFile::open(dir).and_then(|d| d.sync_all()).map_err(BackupError::file(dir))
}

fn remove(path: &Path) -> Result<u64, BackupError> {
    let said = BackupError::file(path);
    let bytes = fs::metadata(path).map_err(&said)?.len();
    fs::remove_file(path).map_err(&said)?;
    Ok(bytes)
}
