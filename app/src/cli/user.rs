//! `danxia user` on the command line.

use clap::{Args, Subcommand};

use super::DeviceTarget;

/// `danxia user …`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add an account. Its password is printed once and kept nowhere.
    Add(UserAdd),
    /// List the accounts.
    List(DeviceTarget),
    /// Give an account a new password. All its sessions end.
    Passwd(UserPassword),
    /// Shut an account out. All its sessions end.
    Disable(UserName),
    /// Let an account in again that was shut out.
    Enable(UserName),
    /// End all sessions of an account.
    RevokeSessions(UserName),
}

/// `danxia user add`.
#[derive(Debug, Args)]
pub struct UserAdd {
    /// The name to log in with.
    pub name: String,
    /// What it may do: viewer, operator, engineer or administrator.
    #[arg(long)]
    pub role: String,
    /// Where: a site, or SITE/AREA; may be given several times [default: the whole plant].
    #[arg(long, value_name = "SITE[/AREA]")]
    pub area: Vec<String>,
    /// The language of its page: en or zh-CN.
    #[arg(long)]
    pub language: Option<String>,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia user passwd`.
#[derive(Debug, Args)]
pub struct UserPassword {
    /// The account.
    pub name: String,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia user disable`, `enable` and `revoke-sessions`.
#[derive(Debug, Args)]
pub struct UserName {
    /// The account.
    pub name: String,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}
