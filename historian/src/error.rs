//! What can go wrong, said so that somebody can act on it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::Seq;

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or a file in it could not be made or read.
    #[error("the store's directory {} cannot be used: {source}", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else writes there.
    #[error("the store in {} is in use by another process: stop it, or give this one another directory", dir.display())]
    Locked {
        /// Which.
        dir: PathBuf,
    },
    /// There is no store to read.
    #[error("{} holds no store: expected the file ts.db in it", dir.display())]
    Missing {
        /// Where one was expected.
        dir: PathBuf,
    },
    /// Written by another version.
    #[error("{} has format {found}, this program reads {expected}: use the version that wrote it, or a newer one", file.display())]
    Format {
        /// Which file.
        file: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// What is stored could not be read.
    #[error("the store in {} cannot be read: {source}", dir.display())]
    Read {
        /// Where.
        dir: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// The writer's thread could not be started.
    #[error("the writer's thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// A batch was not committed. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// A number that is none.
    #[error("{what} is not a finite number: the batch was refused, leave such values out")]
    NotFinite {
        /// Where it stands.
        what: Arc<str>,
    },
    /// Larger than a commit may be.
    #[error("the batch holds {bytes} bytes, {max} at most fit into one commit: divide it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The disk did not take it.
    #[error("the commit was not written: {why}; free space or mend the disk, later commits are tried afresh")]
    Disk {
        /// What the disk or the database said.
        why: Arc<str>,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// Something stored could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The database said no.
    #[error("{file} could not be read: {source}")]
    Database {
        /// Which file.
        file: &'static str,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A record does not match its checksum or its own lengths.
    #[error("{what} is damaged: {why}; restore it from a backup, `verify` lists all that is damaged")]
    Damaged {
        /// Which record.
        what: String,
        /// What does not fit.
        why: String,
    },
}

/// A tail cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TailError {
    /// The store was closed and everything has been delivered.
    #[error("the store is closed")]
    Closed,
    /// What comes next is no longer in the log.
    #[error("commit {wanted} is no longer in the log, which begins at {first}: begin from the head")]
    Pruned {
        /// What was to be delivered.
        wanted: Seq,
        /// What is there.
        first: Seq,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Something could not be written into the register.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Opened for reading.
    #[error("the register was opened for reading only")]
    ReadOnly,
    /// There is a device of this name.
    #[error("there is a device {0:?} already: choose another name, or give this one a new password")]
    Exists(String),
    /// There is one of this name.
    #[error("there is {what} {name:?} already: choose another name")]
    Taken {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nobody could administer any more.
    #[error("this is the last administrator who may log in: make another one first")]
    LastAdministrator,
    /// No room.
    #[error(
        "the register holds {max} {what}, as many as it takes: use those that there are; certificates leave it when they expire"
    )]
    Full {
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
    /// No room for photos.
    #[error("there are {0} photos, as many as are kept: take some off work orders that ended long ago")]
    PhotosFull(i64),
    /// The database said no.
    #[error("state.db could not be written: {0}")]
    Database(rusqlite::Error),
}

/// The end was not clean. What was acknowledged is stored all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The last checkpoint failed; the next start makes up for it.
    #[error("the store was not checkpointed: {0}; the next start makes up for it")]
    Checkpoint(rusqlite::Error),
    /// The writer's thread died.
    #[error("the writer ended with a fault of the program; see the log above")]
    Writer,
}
