//! The three SQLite files: how they are opened for writing and for reading.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, Transaction};

use crate::codec::Damage;
use crate::{OpenError, ReadError, chain, quarantine, rollup, wave};

/// One of the three files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// Log, chunks, and what is filed with them.
    Ts,
    /// Waveforms.
    Wave,
    /// The register.
    State,
}

impl File {
    pub const ALL: [Self; 3] = [Self::Ts, Self::Wave, Self::State];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ts => "ts.db",
            Self::Wave => "wave.db",
            Self::State => "state.db",
        }
    }

    /// Version of the tables; stored as SQLite's `user_version`.
    pub const fn format(self) -> i64 {
        self.steps().len() as i64
    }

    /// What leads from an empty file to the tables of today, one step a version: the step at `n` makes version `n + 1`
    /// out of version `n`. A step that was released is never changed; what is new is a step of its own.
    const fn steps(self) -> &'static [Step] {
        const TS: &[Step] = &[
            Step::sql(include_str!("sql/ts.sql")),
            Step { sql: include_str!("sql/ts-2-quarantine.sql"), then: Some(quarantine::fill_in) },
            Step::sql(include_str!("sql/ts-3-ledger.sql")),
            Step::sql(include_str!("sql/ts-4-staged.sql")),
            Step { sql: include_str!("sql/ts-5-rollup.sql"), then: Some(rollup::fill_in) },
            Step::sql(include_str!("sql/ts-6-assessment.sql")),
        ];
        const WAVE: &[Step] = &[
            Step::sql(include_str!("sql/wave.sql")),
            Step { sql: include_str!("sql/wave-2-keep.sql"), then: Some(wave::sums::fill_in) },
        ];
        const STATE: &[Step] = &[
            Step::sql(include_str!("sql/state.sql")),
            Step::sql(include_str!("sql/state-2-retained.sql")),
            Step::sql(include_str!("sql/state-3-devices.sql")),
            Step::sql(include_str!("sql/state-4-ignored.sql")),
            Step::sql(include_str!("sql/state-5-rules.sql")),
            Step::sql(include_str!("sql/state-6-own.sql")),
            Step { sql: include_str!("sql/state-7-access.sql"), then: Some(chain::fill_in) },
            Step::sql(include_str!("sql/state-8-definitions.sql")),
            Step::sql(include_str!("sql/state-9-work.sql")),
            Step::sql(include_str!("sql/state-10-identity.sql")),
        ];
        match self {
            Self::Ts => TS,
            Self::Wave => WAVE,
            Self::State => STATE,
        }
    }

    /// Says of an error of the database which file it is about.
    pub fn said(self) -> impl Fn(rusqlite::Error) -> ReadError {
        move |source| ReadError::Database { file: self.name(), source }
    }
}

/// One step from a version of the tables to the next, taken whole or not at all.
struct Step {
    sql: &'static str,
    /// What SQL cannot say.
    then: Option<Then>,
}

type Then = fn(&Connection) -> Result<(), ReadError>;

impl Step {
    const fn sql(sql: &'static str) -> Self {
        Self { sql, then: None }
    }
}

impl ReadError {
    /// Something stored does not fit.
    pub(crate) fn damaged(what: impl Into<String>) -> impl Fn(Damage) -> Self {
        let what = what.into();
        move |why| Self::Damaged { what: what.clone(), why: why.0.to_owned() }
    }
}

/// How firmly a commit is on disk when it returns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sync {
    /// After an fsync.
    Full,
    /// Soon; used for what can be made anew from the log.
    Normal,
}

/// A write-ahead log that had to grow beyond this, bytes, because somebody read for long (a backup), is cut back when it
/// begins anew.
const WAL_BYTES: u64 = 64 << 20;

/// Opens `file` in `dir` for writing, checks its format, and brings its tables up to the format of today.
pub(crate) fn open_writer(dir: &Path, file: File, sync: Sync) -> Result<Connection, OpenError> {
    let path = dir.join(file.name());
    let said = |source| OpenError::Read { dir: dir.to_owned(), source: file.said()(source) };
    let conn = Connection::open(&path).map_err(said)?;
    let sync = match sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
    };
    let setup = format!(
        "PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous={sync};
         PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=10000;
         PRAGMA journal_size_limit={WAL_BYTES};"
    );
    conn.execute_batch(&setup).map_err(said)?;
    check_format(file, &path, version(&conn).map_err(said)?)?;
    migrate(&conn, file).map_err(|source| OpenError::Read { dir: dir.to_owned(), source })?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// Takes the steps that the file has not taken yet, each in a transaction of its own: after a crash the rest follows.
fn migrate(conn: &Connection, file: File) -> Result<(), ReadError> {
    let said = file.said();
    let taken = version(conn).map_err(&said)?;
    for (n, step) in file.steps().iter().enumerate().skip(taken as usize) {
        let tx = Transaction::new_unchecked(conn, rusqlite::TransactionBehavior::Immediate).map_err(&said)?;
        tx.execute_batch(step.sql).map_err(&said)?;
        if let Some(then) = step.then {
            then(&tx)?;
        }
        tx.pragma_update(None, "user_version", n as i64 + 1).map_err(&said)?;
        tx.commit().map_err(&said)?;
        if n > 0 {
            tracing::info!(file = file.name(), format = n + 1, "the tables were brought up to this version");
        }
    }
    Ok(())
}

/// Whether there is a table of this name: a file that is only read may be of an older format, and then holds nothing of
/// what came later.
pub(crate) fn has_table(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")?.exists([name])
}

/// A number that SQLite says of the file.
pub(crate) fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<u64> {
    conn.pragma_query_value(None, name, |r| r.get::<_, i64>(0)).map(|n| n.max(0) as u64)
}

/// Gives about `pages` free pages back to the file system; how many it were. None where the file was made without
/// `auto_vacuum`: then they are for what comes next.
pub(crate) fn give_pages(conn: &Connection, pages: u64) -> rusqlite::Result<u64> {
    if pages == 0 {
        return Ok(0);
    }
    let free = pragma(conn, "freelist_count")?;
    let mut vacuum = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut steps = vacuum.query([])?;
    // It gives one page with each of its steps.
    while steps.next()?.is_some() {}
    drop(steps);
    drop(vacuum);
    Ok(free.saturating_sub(pragma(conn, "freelist_count")?))
}

/// Older formats are known, newer ones are not.
fn check_format(file: File, path: &Path, found: i64) -> Result<(), OpenError> {
    if (0..=file.format()).contains(&found) {
        return Ok(());
    }
    Err(OpenError::Format { file: path.to_owned(), found, expected: file.format() })
}

/// Connections for reading one file; opened when needed, kept when given back.
#[derive(Debug)]
pub(crate) struct Readers {
    file: File,
    path: PathBuf,
    /// Whether this process holds the store's lock: then there is a write-ahead log, or will be at any moment.
    ours: bool,
    idle: Mutex<Vec<Connection>>,
}

/// More are closed when they come back.
const IDLE: usize = 4;

impl Readers {
    pub fn new(dir: &Path, file: File, ours: bool) -> Self {
        Self { file, path: dir.join(file.name()), ours, idle: Mutex::default() }
    }

    /// Checks that the file is there and of a format known here.
    pub fn check(&self, dir: &Path) -> Result<(), OpenError> {
        let said = |source| OpenError::Read { dir: dir.to_owned(), source };
        let found = self.read(|tx| version(tx).map_err(self.said())).map_err(said)?;
        check_format(self.file, &self.path, found)
    }

    /// Runs `f` within one transaction: everything it reads is of one moment.
    pub fn read<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.connect().map_err(self.said())?,
        };
        let tx = conn.unchecked_transaction().map_err(self.said())?;
        let answer = f(&tx);
        drop(tx);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(conn);
        }
        answer
    }

    /// Name and place of the file.
    pub fn file(&self) -> (&'static str, &Path) {
        (self.file.name(), &self.path)
    }

    pub fn said(&self) -> impl Fn(rusqlite::Error) -> ReadError + use<> {
        self.file.said()
    }

    /// Closes what is idle.
    pub fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether nobody holds the file open, as far as can be seen: a store that was closed cleanly has no write-ahead log.
    pub fn at_rest(&self) -> bool {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        !self.ours && !Path::new(&wal).exists()
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        self.connect_as(self.at_rest())
    }

    /// A connection of the caller's own.
    pub fn connect_as(&self, at_rest: bool) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        // A store that was closed cleanly has no write-ahead log, and SQLite would make an empty one to read it. Nobody
        // writes to such a file now; who opens it to write later makes the log first.
        let immutable = if at_rest { "?immutable=1" } else { "" };
        let conn = Connection::open_with_flags(format!("file:{}{immutable}", escape(&self.path)), flags)?;
        conn.execute_batch("PRAGMA busy_timeout=10000; PRAGMA cache_size=-8192; PRAGMA query_only=1;")?;
        Ok(conn)
    }
}

/// A path as SQLite's URIs want it.
fn escape(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use crate::ts::Ts;
    use crate::wave::Wave;

    /// A process that is killed leaves its writes to the operating system, so that no kill test sees a missing fsync.
    /// FULL (2) is what makes SQLite flush the log of a WAL file before a commit returns.
    #[test]
    fn what_is_acknowledged_is_written_with_an_fsync() {
        let dir = tempfile::tempdir().unwrap();
        let (ts, waves) = (Ts::open(dir.path()).unwrap(), Wave::open(dir.path(), 0, Default::default()).unwrap());
        for conn in [&ts.conn, &waves.conn] {
            let mode = |name| conn.pragma_query_value(None, name, |r| r.get::<_, rusqlite::types::Value>(0)).unwrap();
            assert_eq!(mode("synchronous"), rusqlite::types::Value::Integer(2));
            assert_eq!(mode("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        }
    }
}
