//! What each command does. Data goes to standard output, words to standard error.

pub mod backfill;
pub mod backup;
mod bar;
pub mod config;
pub mod demo;
pub mod device;
pub mod doctor;
pub mod evaluate;
pub mod export;
mod history;
pub mod import;
pub mod ledger;
mod output;
pub mod remote;
pub mod replay;
pub mod restore;
pub mod run;
pub mod user;
pub mod verify;

use std::io::{self, Write};

/// `danxia openapi`: the API's description.
pub fn openapi() -> anyhow::Result<Exit> {
    writeln!(io::stdout().lock(), "{}", web::openapi())?;
    Ok(Exit::Ok)
}

/// As whom to publish; the password is read from the environment. `None`, after words, where it is not there.
fn credentials(user: Option<&str>) -> Option<Option<(String, String)>> {
    match (user, std::env::var("DANXIA_PASSWORD")) {
        (Some(user), Ok(password)) => Some(Some((user.to_owned(), password))),
        (Some(user), Err(_)) => {
            eprintln!("--user {user} is given and DANXIA_PASSWORD is not set: put the password there");
            None
        }
        (None, _) => Some(None),
    }
}

/// How a command that did its work ends: the process's exit code.
///
/// 0 ok, 1 failure, 2 usage, 69 unavailable, 78 configuration, 130 interrupted (sysexits.h and the shell's habit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Ok,
    /// It ran, and what it looked at is not well.
    Failure,
    /// What was asked makes no sense.
    Usage,
    /// Nobody answers, or the port is taken.
    Unavailable,
    /// The settings are wrong.
    Configuration,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::Configuration => 78,
        }
    }
}
