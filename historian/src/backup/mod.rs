//! Backups: taken while an instance writes, kept in a directory or a tar, checked before they replace anything.
//!
//! [`take`] adds a backup to a directory that holds many: what did not change since the last one is there already and
//! is not written again. [`take_tar`] writes one backup as one stream. [`restore`] puts the store together elsewhere,
//! holds every byte against its checksum, walks the store as [`crate::verify`] does, and only then puts it in the place
//! of the old one, which is renamed and not deleted.
//!
//! A store is read as it stands on disk, by SQLite's means: no instance is asked, none is stopped, and it makes no
//! difference whether one runs, none runs, or the last one was killed. Nothing is written into the store.

mod manifest;
mod restore;
mod snapshot;
mod tar;
mod vault;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use manifest::{Entry, Hash, Manifest, SEGMENT};
use plant::Timestamp;
use snapshot::Snapshot;
use vault::{Vault, read_manifest};

use crate::db::File;
use crate::{OpenError, Seq};

pub use restore::{Checked, Restored, check, restore};

/// How often a backup of a store at rest is begun again when an instance starts or stops meanwhile.
const ATTEMPTS: usize = 3;
/// Besides the databases only small files belong to a store, bytes.
const SMALL: u64 = 16 << 20;
/// How deep directories in it may lie.
const DEEP: usize = 8;

/// A backup was not taken, read or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A file or directory cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite could not copy a database.
    #[error("{file} could not be copied: {source}; look whether there is room where the backup goes")]
    Copy {
        /// Which.
        file: &'static str,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The tar could not be written.
    #[error("the tar could not be written: {0}")]
    Tar(io::Error),
    /// Somebody else writes or prunes there.
    #[error("another backup or a pruning is going on in {}: wait until it has ended", dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// Somewhere within the store.
    #[error("{} lies within the store: a backup belongs elsewhere, on another disk if there is one", dir.display())]
    Inside {
        /// The destination.
        dir: PathBuf,
    },
    /// The directory holds backups of another store.
    #[error("{} holds backups of another store ({found}, this one is {store}): give each a directory", dir.display())]
    OtherStore {
        /// The destination.
        dir: PathBuf,
        /// Whose backups are there.
        found: String,
        /// Whose was to be added.
        store: String,
    },
    /// Instances were started or stopped all the time.
    #[error("an instance was started or stopped meanwhile: take the backup again")]
    Restless,
    /// There is nothing to restore.
    #[error("{} holds no backup, or none of that time or before; see `danxia backup list`", from.display())]
    None {
        /// Where one was looked for.
        from: PathBuf,
    },
    /// A part of the backup is not what it was.
    #[error("{} is damaged: {why}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The backup is whole, and the store in it is not.
    #[error("the store in this backup is damaged: {}", .0.join("; "))]
    Unsound(Vec<String>),
    /// An instance runs where the store was to be put.
    #[error("an instance runs on {}: stop it before its store is replaced", dir.display())]
    Running {
        /// Where.
        dir: PathBuf,
    },
    /// What is there is no store.
    #[error("{} holds something that is no store: it is left alone, give another directory", dir.display())]
    NoStore {
        /// Where.
        dir: PathBuf,
    },
    /// What is left of a restore that was broken off.
    #[error("{} is there already, as a restore that was broken off leaves it: look at it and remove it", dir.display())]
    LeftOver {
        /// Which directory.
        dir: PathBuf,
    },
}

impl BackupError {
    /// Says of an error of the disk which file it is about.
    fn file(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path: path.clone(), source }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is being done: a file's name, or `verify`.
    pub what: &'a str,
    /// Of `total`; a measure of work, about bytes.
    pub done: u64,
    /// More than zero.
    pub total: u64,
}

/// What of a store is taken.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The store's directory.
    pub dir: &'a Path,
    /// Names of files in it that are of no use elsewhere.
    pub leave_out: &'a [&'a str],
}

/// A backup that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When; with this it is asked for.
    pub t: Timestamp,
    /// The last commit in it.
    pub head: Seq,
    /// Files in it.
    pub files: usize,
    /// Bytes that it amounts to.
    pub bytes: u64,
    /// Bytes that had to be written for it.
    pub new_bytes: u64,
    /// What lies in the store's directory and is not in the backup: each with the reason.
    pub left_out: Vec<String>,
}

/// A backup in a directory of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// When it was taken.
    pub t: Timestamp,
    /// What is known of it, or what is wrong with its manifest.
    pub found: Result<Summary, String>,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The identity of the store; empty where it had none.
    pub store: String,
    /// The last commit.
    pub head: Seq,
    /// Files.
    pub files: usize,
    /// Bytes.
    pub bytes: u64,
}

/// What [`prune`] deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Backups.
    pub backups: usize,
    /// Bytes.
    pub bytes: u64,
}

/// Takes a backup of the store at `source` at time `t` and adds it to the directory `to`, which is made where there is
/// none. What earlier backups hold already is not written again. Room for one copy of the largest file is needed there
/// meanwhile.
pub fn take(
    source: Source<'_>,
    to: &Path,
    t: Timestamp,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Taken, BackupError> {
    outside(source.dir, to)?;
    // A store that is not there is said before anything is made.
    let mut snapshot = Snapshot::open(source.dir)?;
    let mut vault = Vault::open(to)?;
    same_store(&vault, to, &snapshot.store)?;
    for _ in 0..ATTEMPTS {
        let staging = vault.staging()?;
        let mut shelf = Shelf { vault: &mut vault, new_bytes: 0 };
        let (files, left_out) = cut(source, &snapshot, &staging, &mut shelf, progress)?;
        let new_bytes = shelf.new_bytes;
        vault.clear_staging()?;
        if snapshot.undisturbed() {
            let manifest = Manifest::new(t, snapshot.store.clone(), snapshot.head, files);
            let (head, files, bytes) = (manifest.head, manifest.files.len(), manifest.bytes());
            let t = vault.finish(manifest)?;
            return Ok(Taken { t, head, files, bytes, new_bytes, left_out });
        }
        snapshot = Snapshot::open(source.dir)?;
    }
    Err(BackupError::Restless)
}

/// Writes one backup of the store at `source` as one tar to `out`. `staging` is a directory with room for one copy of
/// the largest file; nothing is left there.
pub fn take_tar(
    source: Source<'_>,
    out: &mut dyn Write,
    staging: &Path,
    t: Timestamp,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Taken, BackupError> {
    outside(source.dir, staging)?;
    let snapshot = Snapshot::open(source.dir)?;
    // Others may write where this one is, and must not read what is in it.
    let staging = Private::new(staging.join(format!("danxia-backup-{}-{}", std::process::id(), t.nanos())))?;
    let mut roll = Roll { out, secs: (t.nanos().max(0) / 1_000_000_000) as u64 };
    let (files, left_out) = cut(source, &snapshot, &staging.0, &mut roll, progress)?;
    if !snapshot.undisturbed() {
        return Err(BackupError::Restless);
    }
    let manifest = Manifest::new(t, snapshot.store.clone(), snapshot.head, files);
    let (head, files, bytes) = (manifest.head, manifest.files.len(), manifest.bytes());
    let text = manifest.seal();
    roll.begin(tar::MANIFEST, 0o600, text.len() as u64)?;
    roll.piece(&text)?;
    roll.end(text.len() as u64)?;
    tar::write_end(roll.out).map_err(BackupError::Tar)?;
    Ok(Taken { t, head, files, bytes, new_bytes: bytes, left_out })
}

/// The backups in `dir`, the oldest first.
pub fn list(dir: &Path) -> Result<Vec<Listed>, BackupError> {
    let vault = Vault::look(dir)?;
    let of = |(t, path): (Timestamp, PathBuf)| {
        let found = read_manifest(&path).map_err(|e| e.to_string()).map(|m| Summary {
            store: m.store.clone(),
            head: m.head,
            files: m.files.len(),
            bytes: m.bytes(),
        });
        Listed { t, found }
    };
    Ok(vault.manifests()?.into_iter().map(of).collect())
}

/// Deletes all backups in `dir` but the newest `keep`, of which there must be one at least, and what only they needed.
pub fn prune(dir: &Path, keep: usize) -> Result<Pruned, BackupError> {
    // Looked for first, so that nothing is made where there is nothing.
    drop(Vault::look(dir)?);
    let (backups, bytes) = Vault::open(dir)?.prune(keep.max(1))?;
    Ok(Pruned { backups, bytes })
}

/// Where the pieces of a backup go.
trait Sink {
    /// A file of `bytes` follows.
    fn begin(&mut self, path: &str, mode: u32, bytes: u64) -> Result<(), BackupError>;
    /// Its next [`SEGMENT`] bytes, or the last ones.
    fn piece(&mut self, bytes: &[u8]) -> Result<Hash, BackupError>;
    /// It had `bytes`, as was said.
    fn end(&mut self, bytes: u64) -> Result<(), BackupError>;
}

/// Into a directory of segments.
struct Shelf<'a> {
    vault: &'a mut Vault,
    new_bytes: u64,
}

impl Sink for Shelf<'_> {
    fn begin(&mut self, _: &str, _: u32, _: u64) -> Result<(), BackupError> {
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<Hash, BackupError> {
        let (hash, new) = self.vault.put(bytes)?;
        self.new_bytes += if new { bytes.len() as u64 } else { 0 };
        Ok(hash)
    }

    fn end(&mut self, _: u64) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Into a tar.
struct Roll<'a> {
    out: &'a mut dyn Write,
    secs: u64,
}

impl Sink for Roll<'_> {
    fn begin(&mut self, path: &str, mode: u32, bytes: u64) -> Result<(), BackupError> {
        let head = tar::Head { path: path.to_owned(), mode, bytes, secs: self.secs };
        tar::write_head(self.out, &head).map_err(BackupError::Tar)
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<Hash, BackupError> {
        self.out.write_all(bytes).map_err(BackupError::Tar)?;
        Ok(Hash::of(bytes))
    }

    fn end(&mut self, bytes: u64) -> Result<(), BackupError> {
        tar::write_pad(self.out, bytes).map_err(BackupError::Tar)
    }
}

/// Tells how far it is.
struct Meter<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    done: u64,
    total: u64,
}

impl Meter<'_> {
    fn tell(&mut self, what: &str, more: u64) {
        let done = (self.done + more).min(self.total);
        (self.progress)(Progress { what, done, total: self.total });
    }
}

/// Cuts every file of the store into pieces.
fn cut(
    source: Source<'_>,
    snapshot: &Snapshot,
    staging: &Path,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<Entry>, Vec<String>), BackupError> {
    let databases = snapshot.files()?;
    // Each is copied and then cut.
    let total = 2 * databases.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
    let mut meter = Meter { progress, done: 0, total: total.max(1) };
    let mut entries = Vec::new();
    for (name, bytes, mode) in databases {
        let copy = Scrap(staging.join(format!(".{name}.copy")));
        let _ = fs::remove_file(&copy.0);
        snapshot.copy(name, &copy.0, &mut |done| meter.tell(name, done))?;
        meter.done += bytes;
        let mut file = fs::File::open(&copy.0).map_err(BackupError::file(&copy.0))?;
        let found = file.metadata().map_err(BackupError::file(&copy.0))?.len();
        if found != bytes {
            let why = format!("the copy has {found} bytes instead of {bytes}");
            return Err(BackupError::Damaged { file: source.dir.join(name), why });
        }
        sink.begin(name, mode, bytes)?;
        let mut segments = Vec::new();
        let mut piece = Vec::with_capacity(SEGMENT);
        loop {
            piece.clear();
            let read = (&mut file).take(SEGMENT as u64).read_to_end(&mut piece);
            if read.map_err(BackupError::file(&copy.0))? == 0 {
                break;
            }
            segments.push(sink.piece(&piece)?);
            meter.done += piece.len() as u64;
            meter.tell(name, 0);
        }
        sink.end(bytes)?;
        entries.push(Entry { path: name.to_owned(), mode, bytes, segments });
    }
    let mut left_out = Vec::new();
    for path in small_files(source, &mut left_out)? {
        let full = source.dir.join(&path);
        let Some((text, mode)) = read_small(&full)? else { continue };
        let bytes = text.len() as u64;
        sink.begin(&path, mode, bytes)?;
        let segments = text.chunks(SEGMENT).map(|piece| sink.piece(piece)).collect::<Result<_, _>>()?;
        sink.end(bytes)?;
        entries.push(Entry { path, mode, bytes, segments });
    }
    Ok((entries, left_out))
}

/// A directory for ourselves, which goes when it is no longer needed.
struct Private(PathBuf);

impl Private {
    fn new(path: PathBuf) -> Result<Self, BackupError> {
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(BackupError::file(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot go is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file that goes when it is no longer needed.
struct Scrap(PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        // Where it cannot go, the next backup clears it away.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file and its permissions; `None` where it has gone since it was listed.
fn read_small(path: &Path) -> Result<Option<(Vec<u8>, u32)>, BackupError> {
    let read = || -> io::Result<(Vec<u8>, u32)> {
        let mut file = fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok((text, mode))
    };
    match read() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(BackupError::file(path)),
    }
}

/// The files beside the databases, by name, and what is left out with the reason.
fn small_files(source: Source<'_>, left_out: &mut Vec<String>) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), 0)];
    while let Some((below, depth)) = open.pop() {
        let dir = source.dir.join(&below);
        for entry in fs::read_dir(&dir).map_err(BackupError::file(&dir))? {
            let entry = entry.map_err(BackupError::file(&dir))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                left_out.push(format!("{}: its name is not UTF-8", entry.path().display()));
                continue;
            };
            if depth == 0 && ours(name, source.leave_out) || name.ends_with(".tmp") {
                continue;
            }
            let path = if depth == 0 { name.to_owned() } else { format!("{below}/{name}") };
            let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
            if meta.is_dir() && depth < DEEP {
                open.push((path, depth + 1));
            } else if !meta.is_file() {
                left_out.push(format!("{path}: it is no plain file"));
            } else if meta.len() > SMALL {
                left_out.push(format!("{path}: it has {} bytes, and is no part of the store", meta.len()));
            } else if path.len() > 100 {
                left_out.push(format!("{path}: its name is too long"));
            } else {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether a file is taken care of elsewhere, or of no use.
fn ours(name: &str, leave_out: &[&str]) -> bool {
    let database =
        |f: File| ["", "-wal", "-shm", "-journal"].iter().any(|end| name.strip_suffix(end) == Some(f.name()));
    name == "lock" || leave_out.contains(&name) || name.starts_with('.') || File::ALL.into_iter().any(database)
}

/// Refuses a place within the store: the backup would be in the next backup.
fn outside(store: &Path, to: &Path) -> Result<(), BackupError> {
    let (store, place) = (real(store)?, real(to)?);
    if place.starts_with(&store) {
        return Err(BackupError::Inside { dir: to.to_owned() });
    }
    Ok(())
}

/// Where `path` leads, also where it does not exist yet.
fn real(path: &Path) -> Result<PathBuf, BackupError> {
    let said = BackupError::file(path);
    let mut there = std::path::absolute(path).map_err(&said)?;
    let mut rest = Vec::new();
    loop {
        match fs::canonicalize(&there) {
            Ok(real) => {
                return Ok(rest.into_iter().rev().fold(real, |p: PathBuf, name: std::ffi::OsString| p.join(name)));
            }
            Err(e) => match there.file_name().map(ToOwned::to_owned) {
                Some(name) if e.kind() == io::ErrorKind::NotFound => rest.push(name),
                _ => return Err(said(e)),
            },
        }
        there.pop();
    }
}

/// Refuses to mix the backups of two stores: pruning would delete those of the wrong one.
fn same_store(vault: &Vault, dir: &Path, store: &str) -> Result<(), BackupError> {
    let newest = vault.manifests()?.into_iter().rev().find_map(|(_, path)| read_manifest(&path).ok());
    match newest {
        Some(m) if !m.store.is_empty() && !store.is_empty() && m.store != store => {
            Err(BackupError::OtherStore { dir: dir.to_owned(), found: m.store, store: store.to_owned() })
        }
        _ => Ok(()),
    }
}
