//! Putting a store together again, and checking that this would work.
//!
//! Nothing is replaced before every byte has been held against its checksum and the store that was put together has
//! been walked. What was in the place is renamed, never deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File as DiskFile, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use plant::Timestamp;

use super::manifest::{Entry, Hash, LONGEST, Manifest, SEGMENT};
use super::snapshot::Snapshot;
use super::vault::{Vault, read_manifest, sync};
use super::{BackupError, Meter, Progress, real, tar};
use crate::db::File;
use crate::{Seq, Verification, verify};

/// Makes the place for a file of a path and permissions, if it is to go anywhere.
type Create<'a> = &'a mut dyn FnMut(&str, u32) -> Result<Option<Out>, BackupError>;

/// More faults than this are counted by nobody.
const FAULTS: usize = 1_000;

/// A store that was put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When its backup was taken.
    pub t: Timestamp,
    /// The last commit in it.
    pub head: Seq,
    /// What was walked before it was put there; clean.
    pub verified: Verification,
    /// Where the store is that was there before, if there was one.
    pub aside: Option<PathBuf>,
}

/// What [`check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Backups whose manifest was read.
    pub backups: usize,
    /// Segments that were read; one that several backups share counts once.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged, one sentence each with the file's name; at most a thousand.
    pub faults: Vec<String>,
}

impl Checked {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, what: String) {
        if self.faults.len() < FAULTS {
            self.faults.push(what);
        }
    }
}

/// Reads every manifest and every segment of a directory of backups, or everything in a tar, against its checksum.
pub fn check(from: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Checked, BackupError> {
    if from.is_file() {
        return check_tar(from, progress);
    }
    let vault = Vault::open_to_read(from)?;
    let mut checked = Checked::default();
    // Each segment with its length and the first file that holds it.
    let mut segments: BTreeMap<Hash, (usize, String)> = BTreeMap::new();
    for (t, path) in vault.manifests()? {
        match read_manifest(&path) {
            Err(why) => checked.fault(why.to_string()),
            Ok(m) if m.t() != t => checked.fault(format!("{} does not bear the name of its time", path.display())),
            Ok(m) => {
                checked.backups += 1;
                for file in &m.files {
                    for (i, hash) in file.segments.iter().enumerate() {
                        segments.entry(*hash).or_insert_with(|| (length(file, i), format!("{} of {t}", file.path)));
                    }
                }
            }
        }
    }
    let total = segments.values().map(|(n, _)| *n as u64).sum::<u64>().max(1);
    let mut meter = Meter { progress, done: 0, total };
    let mut piece = Vec::new();
    for (hash, (bytes, of)) in segments {
        checked.segments += 1;
        checked.bytes += bytes as u64;
        if let Err(why) = vault.get(hash, bytes, &mut piece) {
            checked.fault(format!("{of}: {why}"));
        }
        meter.done += bytes as u64;
        meter.tell("segments", 0);
    }
    Ok(checked)
}

fn check_tar(from: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Checked, BackupError> {
    let mut checked = Checked { backups: 1, ..Checked::default() };
    match read_tar(from, progress, &mut |_, _| Ok(None)) {
        Ok(manifest) => {
            checked.segments = manifest.files.iter().map(|f| f.segments.len() as u64).sum();
            checked.bytes = manifest.bytes();
        }
        Err(why @ BackupError::Damaged { .. }) => checked.fault(why.to_string()),
        Err(why) => return Err(why),
    }
    Ok(checked)
}

/// Puts the newest backup in `from`, or the newest one of time `at` or before, in the place of the store in `to`.
/// `from` is a directory of backups or a tar. `now` goes into the name under which the old store is kept. There must be
/// room for the store beside `to`.
pub fn restore(
    from: &Path,
    at: Option<Timestamp>,
    to: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Restored, BackupError> {
    // A link to a directory stays where it is.
    let to = &real(to)?;
    let place = Place::take(to)?;
    let assembly = Assembly::new(beside(to, "restoring"))?;
    let manifest = if from.is_file() {
        let manifest = read_tar(from, progress, &mut |path, mode| assembly.create(path, mode).map(Some))?;
        if at.is_some_and(|at| manifest.t() > at) {
            return Err(BackupError::None { from: from.to_owned() });
        }
        manifest
    } else {
        from_directory(from, at, &assembly, progress)?
    };
    assembly.sync()?;
    progress(Progress { what: "verify", done: 0, total: 1 });
    // Whether the three fit each other is looked at in the same way as when they were copied.
    drop(Snapshot::open(&assembly.dir)?);
    let verified = verify(&assembly.dir)?;
    if !verified.is_clean() {
        return Err(BackupError::Unsound(verified.faults));
    }
    progress(Progress { what: "verify", done: 1, total: 1 });
    let aside = place.replace(&assembly, now)?;
    Ok(Restored { t: manifest.t(), head: manifest.head, verified, aside })
}

/// Bytes of segment `i` of `file`.
fn length(file: &Entry, i: usize) -> usize {
    (file.bytes - (i * SEGMENT) as u64).min(SEGMENT as u64) as usize
}

fn from_directory(
    from: &Path,
    at: Option<Timestamp>,
    assembly: &Assembly,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, BackupError> {
    let vault = Vault::open_to_read(from)?;
    let none = || BackupError::None { from: from.to_owned() };
    let chosen = vault.manifests()?.into_iter().rev().find(|(t, _)| at.is_none_or(|at| *t <= at));
    let manifest = read_manifest(&chosen.ok_or_else(none)?.1)?;
    let mut meter = Meter { progress, done: 0, total: manifest.bytes().max(1) };
    let mut piece = Vec::new();
    for file in &manifest.files {
        let mut out = assembly.create(&file.path, file.mode)?;
        for (i, hash) in file.segments.iter().enumerate() {
            vault.get(*hash, length(file, i), &mut piece)?;
            out.write(&piece)?;
            meter.done += piece.len() as u64;
            meter.tell(&file.path, 0);
        }
        out.end()?;
    }
    Ok(manifest)
}

/// Reads a whole tar against the manifest at its end. `create` says where a file goes, if anywhere.
fn read_tar(from: &Path, progress: &mut dyn FnMut(Progress<'_>), create: Create<'_>) -> Result<Manifest, BackupError> {
    let said = BackupError::file(from);
    let damaged = |why: String| BackupError::Damaged { file: from.to_owned(), why };
    let file = DiskFile::open(from).map_err(&said)?;
    let total = file.metadata().map_err(&said)?.len().max(1);
    let mut file = BufReader::with_capacity(64 << 10, file);
    let mut meter = Meter { progress, done: 0, total };
    let mut found: Vec<Entry> = Vec::new();
    let manifest = loop {
        let Some(head) = tar::read_head(&mut file).map_err(damaged)? else {
            return Err(damaged(format!("it ends without {}: it is torn, or no backup", tar::MANIFEST)));
        };
        if head.path == tar::MANIFEST {
            if head.bytes > LONGEST {
                return Err(damaged("its manifest is longer than any can be".into()));
            }
            let mut text = Vec::new();
            (&mut file).take(head.bytes).read_to_end(&mut text).map_err(&said)?;
            break Manifest::open(&text).map_err(|why| damaged(format!("{}: {why}", tar::MANIFEST)))?;
        }
        if found.iter().any(|e| e.path == head.path) {
            return Err(damaged(format!("{} stands in it twice", head.path)));
        }
        let mut out = create(&head.path, head.mode)?;
        let mut entry = Entry { path: head.path, mode: head.mode, bytes: head.bytes, segments: Vec::new() };
        let mut left = head.bytes;
        let mut piece = Vec::new();
        while left > 0 {
            piece.clear();
            let wanted = left.min(SEGMENT as u64);
            let n = (&mut file).take(wanted).read_to_end(&mut piece).map_err(&said)? as u64;
            if n < wanted {
                return Err(damaged(format!("it ends in the middle of {}: it is torn", entry.path)));
            }
            entry.segments.push(Hash::of(&piece));
            if let Some(out) = &mut out {
                out.write(&piece)?;
            }
            left -= n;
            meter.done += n;
            meter.tell(&entry.path, 0);
        }
        tar::read_pad(&mut file, entry.bytes).map_err(damaged)?;
        if let Some(out) = out {
            out.end()?;
        }
        found.push(entry);
    };
    match manifest.files.iter().find(|wanted| !found.contains(wanted)) {
        Some(wanted) => Err(damaged(format!("{} in it is not what it was when it was written", wanted.path))),
        None if found.len() != manifest.files.len() => Err(damaged("it holds files that are not its own".into())),
        None => Ok(manifest),
    }
}

/// `to` with something added to its name.
fn beside(to: &Path, what: &str) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{what}"));
    to.with_file_name(name)
}

/// Where a store is being put together; goes with everything in it unless it has found its place.
struct Assembly {
    dir: PathBuf,
}

impl Assembly {
    fn new(dir: PathBuf) -> Result<Self, BackupError> {
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(BackupError::file(parent))?;
        }
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::LeftOver { dir }),
            Err(e) => Err(BackupError::file(&dir)(e)),
            Ok(()) => Ok(Self { dir }),
        }
    }

    /// A new file; whoever names it has checked that the path leads nowhere else.
    fn create(&self, path: &str, mode: u32) -> Result<Out, BackupError> {
        let path = self.dir.join(path);
        if let Some(parent) = path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
            made.map_err(BackupError::file(parent))?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(BackupError::file(&path))?;
        Ok(Out { file, path, mode })
    }

    /// Gives the directory the permissions of the old one, and everything in it its owner: who restores may be root.
    fn belong(&self, old: &fs::Metadata) -> Result<(), BackupError> {
        let said = BackupError::file(&self.dir);
        fs::set_permissions(&self.dir, old.permissions()).map_err(&said)?;
        let own = fs::metadata(&self.dir).map_err(&said)?;
        if (own.uid(), own.gid()) == (old.uid(), old.gid()) {
            return Ok(());
        }
        self.each(&mut |path| chown(path, Some(old.uid()), Some(old.gid())).map_err(BackupError::file(path)))
    }

    /// Has every name on disk.
    fn sync(&self) -> Result<(), BackupError> {
        self.each(&mut |path| if path.is_dir() { sync(path) } else { Ok(()) })
    }

    /// Calls `f` with the directory and everything in it.
    fn each(&self, f: &mut dyn FnMut(&Path) -> Result<(), BackupError>) -> Result<(), BackupError> {
        let mut open = vec![self.dir.clone()];
        while let Some(path) = open.pop() {
            f(&path)?;
            if path.is_dir() {
                let said = BackupError::file(&path);
                for entry in fs::read_dir(&path).map_err(&said)? {
                    open.push(entry.map_err(&said)?.path());
                }
            }
        }
        Ok(())
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        // Gone already where it has found its place; what cannot be removed is named by the next restore.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A file that is being written.
struct Out {
    file: DiskFile,
    path: PathBuf,
    mode: u32,
}

impl Out {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).map_err(BackupError::file(&self.path))
    }

    fn end(self) -> Result<(), BackupError> {
        let end = || {
            // What a mode may say beyond permissions has no place in a store.
            self.file.set_permissions(fs::Permissions::from_mode(self.mode & 0o777))?;
            self.file.sync_all()
        };
        end().map_err(BackupError::file(&self.path))
    }
}

/// Where the store is to go, kept from instances meanwhile.
struct Place<'a> {
    to: &'a Path,
    /// Where there is a store: its lock.
    lock: Option<DiskFile>,
}

impl<'a> Place<'a> {
    fn take(to: &'a Path) -> Result<Self, BackupError> {
        let said = BackupError::file(to);
        let empty = match fs::read_dir(to) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self { to, lock: None }),
            entries => entries.map_err(&said)?.next().is_none(),
        };
        if empty {
            return Ok(Self { to, lock: None });
        }
        // A store, or what is left of one.
        let names: BTreeSet<_> = File::ALL.iter().map(|f| f.name()).chain(["lock"]).collect();
        if !names.iter().any(|name| to.join(name).is_file()) {
            return Err(BackupError::NoStore { dir: to.to_owned() });
        }
        let path = to.join("lock");
        let said = BackupError::file(&path);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(&said)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { to, lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(BackupError::Running { dir: to.to_owned() }),
            Err(TryLockError::Error(e)) => Err(said(e)),
        }
    }

    /// Renames what is there, and the new store into its place. Gives the name under which the old one is kept.
    fn replace(self, assembly: &Assembly, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
        let to = self.to;
        let aside = beside(to, &format!("before-{}", now.nanos()));
        if let Ok(old) = fs::metadata(to) {
            assembly.belong(&old)?;
        }
        let kept = if self.lock.is_some() {
            if aside.exists() {
                return Err(BackupError::LeftOver { dir: aside });
            }
            fs::rename(to, &aside).map_err(BackupError::file(to))?;
            Some(aside)
        } else {
            None
        };
        // An empty directory gives way.
        if let Err(e) = fs::rename(&assembly.dir, to) {
            if let Some(aside) = &kept {
                // Where this fails as well, the message names the directory and `aside` is beside it.
                let _ = fs::rename(aside, to);
            }
            return Err(BackupError::file(to)(e));
        }
        sync(to.parent().unwrap_or(to))?;
        Ok(kept)
    }
}
