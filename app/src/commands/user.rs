//! `danxia user …`: who may publish.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use historian::Historian;

use super::Exit;
use crate::auth::{MIN_PASSWORD, hash};
use crate::cli::{User, UserName};
use crate::clock::SystemClock;

/// Adds, lists or removes.
pub fn run(what: &User) -> anyhow::Result<Exit> {
    match what {
        User::Add(u) => add(u),
        User::Remove(u) => remove(u),
        User::List { data } => list(data),
    }
}

fn open(data: &Path) -> anyhow::Result<Historian> {
    Historian::open(historian::Config::new(data), Arc::new(SystemClock))
        .with_context(|| format!("the users of {} cannot be changed", data.display()))
}

fn add(u: &UserName) -> anyhow::Result<Exit> {
    let name = u.name.trim();
    if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        eprintln!("a user name has 1 to 128 bytes and no control characters");
        return Ok(Exit::Usage);
    }
    let password = password()?;
    if password.chars().count() < MIN_PASSWORD {
        eprintln!("the password has {} characters; at least {MIN_PASSWORD} are needed", password.chars().count());
        return Ok(Exit::Usage);
    }
    let hash = hash(&password)?;
    let store = open(&u.data)?;
    store.register().set_user(name, &hash)?;
    store.close()?;
    eprintln!("user {name:?} may now connect");
    Ok(Exit::Ok)
}

fn remove(u: &UserName) -> anyhow::Result<Exit> {
    let store = open(&u.data)?;
    let was_there = store.register().remove_user(&u.name)?;
    store.close()?;
    if !was_there {
        eprintln!("there is no user {:?}; `danxia user list` shows who there is", u.name);
        return Ok(Exit::Failure);
    }
    eprintln!("user {:?} is removed", u.name);
    Ok(Exit::Ok)
}

fn list(data: &Path) -> anyhow::Result<Exit> {
    let (_, register) = historian::open_read_only(data)?;
    let mut out = io::stdout().lock();
    for u in register.users()? {
        writeln!(out, "{}", u.name)?;
    }
    Ok(Exit::Ok)
}

/// From the environment, or the first line of standard input; never from the command line, where others can see it.
fn password() -> anyhow::Result<String> {
    if let Ok(p) = std::env::var("DANXIA_PASSWORD") {
        return Ok(p);
    }
    if io::stdin().is_terminal() {
        eprint!("password (it will be shown as you type; set DANXIA_PASSWORD or pipe it in to avoid that): ");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("no password on standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
