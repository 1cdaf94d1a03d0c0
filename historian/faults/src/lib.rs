//! A disk that fails, for tests: it loses power, tears writes, is full, is slow, refuses an fsync,
//! breaks at any one write, can only be read, or not even that.
//!
//! [`Disk::at`] puts itself below SQLite for every file in a directory. What SQLite writes goes to the real files, as it
//! goes to the operating system's memory; beside them it is remembered what of that no fsync has confirmed. When the
//! power goes ([`Disk::cut_after`], [`Disk::cut`]) every operation fails, and [`Disk::power_on`] makes the files what the
//! platter would hold: of what was not confirmed nothing, or a random choice of sectors, sizes and names.
//!
//! What it takes for granted, and no more: a sector of 512 bytes is old or new, never mixed; a write touches nothing but
//! its own bytes (SQLite's "powersafe overwrite"); an fsync that says so has confirmed everything written to that file
//! before; a name is in its directory for good once the directory was synced, as SQLite does with the first fsync of a
//! log or journal that it made.
//!
//! What it does *not* know: what SQLite stores, and the store above it. The files' shared-memory index is not on it: it
//! does not survive a loss of power. Only tests depend on this crate.

mod disk;
mod trouble;
mod unsynced;
mod vfs;

pub use disk::{Cut, Disk, Survives};
pub use trouble::{Refusal, Trouble};
