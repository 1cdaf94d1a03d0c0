//! What a disk that has its power says no to: which operations, when, and what SQLite hears.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

/// Why a disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room: writes fail (ENOSPC). What is there can be overwritten on most file systems; here it cannot, as
    /// on those that never write in place. Half of what was to be written may be there.
    Full,
    /// Input/output errors: writes, cuts and fsyncs fail (EIO). Half of a write may be there.
    Broken,
}

/// Which operations are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub trouble: Trouble,
    /// Of the file of this name only; `None`: of all.
    pub file: Option<&'static str>,
    /// So many that could be refused are let through first.
    pub after: u64,
    /// So many in a row are refused; then the disk does all it should.
    pub count: u64,
}

/// An operation that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Write,
    Truncate,
    Sync,
}

impl Op {
    const fn error(self) -> c_int {
        match self {
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
        }
    }
}

/// The troubles of one disk.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    refusal: Option<Refusal>,
    pub refused: u64,
    pub read_only: bool,
    unreadable: Option<(&'static str, Range<u64>)>,
    /// How often each file was written to.
    pub writes: BTreeMap<PathBuf, u64>,
}

fn is(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|n| n == name)
}

impl Troubles {
    pub fn refuse(&mut self, refusal: Option<Refusal>) {
        self.refusal = refusal.filter(|r| r.count > 0);
    }

    /// `None`: everything can be read.
    pub fn set_unreadable(&mut self, what: Option<(&'static str, Range<u64>)>) {
        self.unreadable = what;
    }

    /// What SQLite is told of an operation that is not done, or only half.
    pub fn refuses(&mut self, op: Op, path: &Path) -> Option<c_int> {
        if op == Op::Write {
            *self.writes.entry(path.to_owned()).or_default() += 1;
        }
        let code = if self.read_only { Some(op.error()) } else { self.refused_by_plan(op, path) };
        self.refused += u64::from(code.is_some());
        code
    }

    fn refused_by_plan(&mut self, op: Op, path: &Path) -> Option<c_int> {
        let r = self.refusal.as_mut()?;
        let code = match r.trouble {
            Trouble::Full if op == Op::Write => ffi::SQLITE_FULL,
            Trouble::Full => return None,
            Trouble::Broken => op.error(),
        };
        if r.file.is_some_and(|name| !is(path, name)) {
            return None;
        }
        if r.after > 0 {
            r.after -= 1;
            return None;
        }
        r.count -= 1;
        if r.count == 0 {
            self.refusal = None;
        }
        Some(code)
    }

    /// Whether the disk cannot read some of `len` bytes at `from`.
    pub fn cannot_read(&self, path: &Path, from: u64, len: u64) -> bool {
        let Some((name, range)) = &self.unreadable else { return false };
        is(path, name) && from < range.end && from + len > range.start
    }
}
