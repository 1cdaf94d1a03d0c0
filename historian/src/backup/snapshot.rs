//! The three files as they stood when the backup began, while writing goes on.
//!
//! A transaction for reading keeps SQLite's pages as of one moment. The three cannot begin at the same moment; they
//! begin in such an order that what is copied fits together when it is opened: the register first, because the log
//! brings it up to date; waveforms last, because those whose commit is missing are forgotten. Only one thing can come
//! between: that the log is cut behind the register's newer position. That is looked for, and then the three begin
//! again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};

use super::BackupError;
use crate::db::{File, Readers};
use crate::historian::check_register;
use crate::{OpenError, ReadError, Seq};

/// How often the three begin again before that is given up; each time takes about a millisecond.
const ATTEMPTS: usize = 100;
/// Pages that are copied before somebody is told about it: 4 MiB.
const STEP: i32 = 256;
/// How often a copy that is kept waiting is tried again, 10 ms apart.
const PATIENCE: usize = 1_000;

/// One file at one moment.
struct Stand {
    file: File,
    conn: Connection,
    /// Where nobody held the file open: its time and length, by which it is seen that somebody has since.
    rest: Option<(SystemTime, u64)>,
    /// Bytes.
    size: u64,
}

/// All three.
pub(super) struct Snapshot {
    dir: PathBuf,
    stands: Vec<Stand>,
    /// The identity of the store; empty where it has none.
    pub store: String,
    pub head: Seq,
}

impl Snapshot {
    /// Of the store in `dir`, whether an instance runs there, was killed there, or neither.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        if !dir.join(File::Ts.name()).is_file() {
            return Err(OpenError::Missing { dir: dir.to_owned() });
        }
        let said = |source| OpenError::Read { dir: dir.to_owned(), source };
        for file in File::ALL {
            Readers::new(dir, file, false).check(dir)?;
        }
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::begin(dir).map_err(said)? {
                Ok(snapshot) => return Ok(snapshot),
                Err(apart) => last = Some(apart),
            }
        }
        // Not for want of luck: the files are not of one store.
        Err(said(
            last.unwrap_or_else(|| ReadError::damaged("the store")(crate::codec::Damage("it does not stand still"))),
        ))
    }

    /// The outer error: the files cannot be read. The inner one: the three do not fit.
    fn begin(dir: &Path) -> Result<Result<Self, ReadError>, ReadError> {
        let state = Stand::begin(dir, File::State)?;
        let through: i64 = state.ask("SELECT through FROM applied")?;
        let ts = Stand::begin(dir, File::Ts)?;
        let first: i64 = ts.ask("SELECT coalesce(min(seq), 1) FROM log")?;
        let head: i64 = ts.ask("SELECT coalesce(max(seq), 0) FROM log")?;
        let said = File::Ts.said();
        let id = ts.conn.query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |r| r.get::<_, i64>(0));
        let store = id.optional().map_err(said)?.map(|id| format!("{id:016x}")).unwrap_or_default();
        let wave = Stand::begin(dir, File::Wave)?;
        let head = head as Seq;
        let snapshot = Self { dir: dir.to_owned(), stands: vec![state, ts, wave], store, head };
        Ok(check_register(through as Seq, first as Seq, head).map(|()| snapshot))
    }

    /// Names, sizes in bytes and permissions of the files.
    pub fn files(&self) -> Result<Vec<(&'static str, u64, u32)>, BackupError> {
        use std::os::unix::fs::PermissionsExt;
        let of = |s: &Stand| {
            let path = self.dir.join(s.file.name());
            let meta = fs::metadata(&path).map_err(BackupError::file(&path))?;
            Ok((s.file.name(), s.size, meta.permissions().mode() & 0o7777))
        };
        self.stands.iter().map(of).collect()
    }

    /// Copies the file of this name to `to`, where there is none yet, page for page; `done` is told how many bytes
    /// there are.
    pub fn copy(&self, name: &str, to: &Path, done: &mut dyn FnMut(u64)) -> Result<(), BackupError> {
        let Some(stand) = self.stands.iter().find(|s| s.file.name() == name) else { return Ok(()) };
        stand.copy(to, done).map_err(|source| BackupError::Copy { file: stand.file.name(), source })
    }

    /// Whether what was read is of one moment: a file that nobody held open when it was begun with has no such moment
    /// once somebody opened it.
    pub fn undisturbed(&self) -> bool {
        let same = |s: &Stand| s.rest.is_none() || s.rest == rest(&self.dir, s.file);
        self.stands.iter().all(same)
    }
}

/// Time and length of `file` where nobody holds it open.
fn rest(dir: &Path, file: File) -> Option<(SystemTime, u64)> {
    if !Readers::new(dir, file, false).at_rest() {
        return None;
    }
    let meta = fs::metadata(dir.join(file.name())).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Stand {
    fn begin(dir: &Path, file: File) -> Result<Self, ReadError> {
        let said = file.said();
        let rest = rest(dir, file);
        let conn = Readers::new(dir, file, false).connect_as(rest.is_some()).map_err(&said)?;
        conn.execute_batch("BEGIN").map_err(&said)?;
        let mut stand = Self { file, conn, rest, size: 0 };
        // The moment is that of the first read.
        stand.ask("SELECT count(*) FROM sqlite_schema")?;
        stand.size = (stand.ask("PRAGMA page_count")? * stand.ask("PRAGMA page_size")?) as u64;
        Ok(stand)
    }

    fn ask(&self, sql: &str) -> Result<i64, ReadError> {
        self.conn.query_row(sql, [], |r| r.get(0)).map_err(self.file.said())
    }

    fn copy(&self, to: &Path, done: &mut dyn FnMut(u64)) -> rusqlite::Result<()> {
        let mut copy = Connection::open(to)?;
        // A copy that is broken off is thrown away.
        copy.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
        let backup = Backup::new(&self.conn, &mut copy)?;
        let mut waited = 0;
        loop {
            let step = backup.step(STEP)?;
            let p = backup.progress();
            let share = 1.0 - f64::from(p.remaining) / f64::from(p.pagecount.max(1));
            done((self.size as f64 * share) as u64);
            match step {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                _ if waited < PATIENCE => {
                    waited += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return Err(rusqlite::Error::SqliteFailure(busy(), None)),
            }
        }
    }
}

fn busy() -> rusqlite::ffi::Error {
    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY)
}
