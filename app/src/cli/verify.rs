//! `danxia verify` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `danxia verify`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Verify {
    /// What to check instead of a store.
    #[command(subcommand)]
    pub what: Option<VerifyWhat>,
    /// The store's directory.
    #[arg(long, value_name = "DIR", required = true)]
    pub data: Option<PathBuf>,
}

/// `danxia verify …`.
#[derive(Debug, Subcommand)]
pub enum VerifyWhat {
    /// Check that a statement of the ledger adds up and is signed by the installation whose key is given.
    Statement(Statement),
}

/// `danxia verify statement`.
#[derive(Debug, Args)]
pub struct Statement {
    /// The statement, as `danxia export ledger` or the page wrote it.
    pub file: PathBuf,
    /// The installation's public key (ed25519:…), as it was handed over when the two of you agreed on it; the one in the
    /// statement itself proves nothing.
    #[arg(long)]
    pub key: String,
}
