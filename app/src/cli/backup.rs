//! `danxia backup` and `danxia restore` on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use plant::Timestamp;

use super::time;

/// `danxia backup`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Backup {
    /// What to do with backups that there are, instead of taking one.
    #[command(subcommand)]
    pub what: Option<BackupWhat>,
    /// The directory of backups to add one to; made where there is none. What earlier ones hold is not written again.
    #[arg(value_name = "DIR", required_unless_present = "tar", conflicts_with = "tar")]
    pub dir: Option<PathBuf>,
    /// Write one backup as one tar instead; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub tar: Option<PathBuf>,
    /// Where the largest file is copied to before it goes into the tar [default: beside FILE, or TMPDIR].
    #[arg(long, value_name = "DIR", requires = "tar")]
    pub staging: Option<PathBuf>,
    /// Afterwards delete all backups but the newest N.
    #[arg(long, value_name = "N", conflicts_with = "tar")]
    pub keep: Option<NonZeroUsize>,
    /// The store's directory.
    #[arg(long, value_name = "DIR", env = "DANXIA__DATA", default_value = "danxia-data")]
    pub data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `danxia backup …`.
#[derive(Debug, Subcommand)]
pub enum BackupWhat {
    /// List the backups in a directory, the oldest first.
    List {
        /// The directory of backups.
        dir: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete all backups but the newest, and what only they needed.
    Prune {
        /// The directory of backups.
        dir: PathBuf,
        /// How many are kept.
        #[arg(long, value_name = "N")]
        keep: NonZeroUsize,
    },
    /// Read everything in a directory of backups or a tar against its checksums.
    Verify {
        /// The directory or the tar.
        from: PathBuf,
    },
}

/// `danxia restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The directory of backups, or the tar.
    pub from: PathBuf,
    /// The newest backup of this time or before, RFC 3339 or nanoseconds since 1970 [default: the newest].
    #[arg(long, value_parser = time)]
    pub at: Option<Timestamp>,
    /// The store's directory. What is there is renamed, not deleted.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}
