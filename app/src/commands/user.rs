//! `danxia user …`: who may log in. Passwords go to standard output, once; words to standard error.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use historian::{Account, Historian, OpenError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::Clock;
use plant::access::Areas;
use serde::de::DeserializeOwned;
use web::{AccessError, Accounts, Added, By, NewAccount, RegistrarError, UserChange, dto};

use super::Exit;
use super::device::{given, json};
use super::remote::Remote;
use crate::accounts;
use crate::cli::{DeviceTarget, User, UserAdd, UserPassword};
use crate::clock::SystemClock;
use crate::instance::Instance;

/// Adds, lists, changes, ends.
pub fn run(what: &User) -> anyhow::Result<Exit> {
    let done = match what {
        User::Add(a) => add(a),
        User::List(t) => list(t),
        User::Passwd(p) => passwd(p),
        User::Disable(n) => shut(&n.name, &n.target, true),
        User::Enable(n) => shut(&n.name, &n.target, false),
        User::RevokeSessions(n) => revoke(&n.name, &n.target),
    };
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(e) => match e.downcast_ref::<Said>() {
            Some(Said { words, exit }) => {
                eprintln!("{words}");
                Ok(*exit)
            }
            None => Err(e),
        },
    }
}

/// What was not done, and how the command ends.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
struct Said {
    words: String,
    exit: Exit,
}

impl From<AccessError> for Said {
    fn from(e: AccessError) -> Self {
        let exit = if matches!(e, AccessError::Invalid(_)) { Exit::Usage } else { Exit::Failure };
        Self { words: e.to_string(), exit }
    }
}

impl From<RegistrarError> for Said {
    fn from(e: RegistrarError) -> Self {
        let exit = match e {
            RegistrarError::Invalid(_) | RegistrarError::Field(..) => Exit::Usage,
            _ => Exit::Failure,
        };
        Self { words: super::remote::sentence(e), exit }
    }
}

/// Whoever holds the accounts.
enum Holder {
    /// A store at rest, opened for this.
    Store(Box<Historian>, Box<Accounts>),
    /// An instance that runs.
    Instance(Remote),
}

impl Holder {
    fn find(target: &DeviceTarget) -> anyhow::Result<Self> {
        if let Some(url) = &target.url {
            let remote = Remote::new(url, target.ca.as_deref()).map_err(|words| Said { words, exit: Exit::Usage })?;
            return Ok(Self::Instance(remote));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        match Historian::open(historian::Config::new(&target.data), clock.clone()) {
            Ok(store) => {
                let accounts = accounts::open(store.register(), clock, None)?;
                Ok(Self::Store(Box::new(store), Box::new(accounts)))
            }
            Err(OpenError::Locked { dir }) => match Instance::find(&dir) {
                Some(address) => {
                    eprintln!("an instance runs on {}: asking it at http://{address}/", dir.display());
                    Ok(Self::Instance(Remote::of(&dir, address)))
                }
                None => bail!(
                    "the store in {} is in use by another process, which does not say where its page is: give that with \
                     --url http://ADDRESS:PORT, or stop it",
                    dir.display()
                ),
            },
            Err(e) => Err(e).with_context(|| format!("the accounts of {} cannot be changed", target.data.display())),
        }
    }

    /// Does it here or there.
    fn ask<T>(
        self,
        here: impl FnOnce(&Accounts, &By) -> Result<T, AccessError>,
        there: impl FnOnce(&Remote) -> Result<T, RegistrarError>,
    ) -> anyhow::Result<T> {
        match self {
            Self::Instance(remote) => Ok(there(&remote).map_err(Said::from)?),
            Self::Store(store, accounts) => {
                let by = By { who: "command line".into(), origin: "the store at rest".into() };
                let done = here(&accounts, &by);
                drop(accounts);
                store.close()?;
                Ok(done.map_err(Said::from)?)
            }
        }
    }
}

fn of(name: &str, what: &str) -> String {
    format!("/api/v1/users/{}{what}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// Name and, where one was made, password.
type Made = (String, Option<String>);

fn made(added: Added) -> Made {
    (added.account.name, added.password)
}

fn add(a: &UserAdd) -> anyhow::Result<()> {
    let password = given(a.password_stdin)?;
    let language = a.language.clone();
    let new = dto::NewUser { name: a.name.clone(), role: a.role.clone(), areas: a.area.clone(), language, password };
    let here = NewAccount {
        name: new.name.clone(),
        role: new.role.clone(),
        areas: new.areas.clone(),
        language: new.language.clone().unwrap_or_default(),
        password: new.password.clone(),
    };
    let done = Holder::find(&a.target)?.ask(
        |accounts, by| accounts.add(here, by).map(made),
        |remote| post(remote, "/api/v1/users", &new).map(|c: dto::UserCredentials| (c.user.name, c.password)),
    )?;
    eprintln!("{:?} may now log in as {}", done.0, a.role);
    credentials(&done, a.target.json)
}

fn post<T: DeserializeOwned>(remote: &Remote, path: &str, body: &impl serde::Serialize) -> Result<T, RegistrarError> {
    remote.post(path, body)
}

/// The password on standard output: for people with its name, for programs as JSON.
fn credentials((name, password): &Made, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return json(&serde_json::json!({"name": name, "password": password}));
    }
    if let Some(password) = password {
        eprintln!("this password is shown once:");
        writeln!(io::stdout().lock(), "name {name}\npassword {password}")?;
    }
    Ok(())
}

fn passwd(p: &UserPassword) -> anyhow::Result<()> {
    let password = given(p.password_stdin)?;
    let here = UserChange { password: Some(password.clone()), ..UserChange::default() };
    let there = dto::UserChange { make_password: password.is_none(), password, ..dto::UserChange::default() };
    let done = changed(&p.name, &p.target, here, &there)?;
    eprintln!("{:?} has a new password, and all its sessions have ended", p.name);
    credentials(&done, p.target.json)
}

fn changed(name: &str, target: &DeviceTarget, here: UserChange, there: &dto::UserChange) -> anyhow::Result<Made> {
    Holder::find(target)?.ask(
        |accounts, by| accounts.change(name, here, by).map(made),
        |remote| post(remote, &of(name, ""), there).map(|c: dto::UserCredentials| (c.user.name, c.password)),
    )
}

fn shut(name: &str, target: &DeviceTarget, out: bool) -> anyhow::Result<()> {
    let here = UserChange { disabled: Some(out), ..UserChange::default() };
    let there = dto::UserChange { disabled: Some(out), ..dto::UserChange::default() };
    let done = changed(name, target, here, &there)?;
    match out {
        true => eprintln!("{name:?} is shut out, and all its sessions have ended"),
        false => eprintln!("{name:?} may log in again"),
    }
    if target.json { json(&serde_json::json!({"name": done.0, "disabled": out})) } else { Ok(()) }
}

fn revoke(name: &str, target: &DeviceTarget) -> anyhow::Result<()> {
    let ended = Holder::find(target)?.ask(
        |accounts, by| accounts.end_sessions(name, by).map(|n| n as u64),
        |remote| {
            let nothing = serde_json::Map::new();
            post(remote, &of(name, "/end-sessions"), &nothing).map(|s: dto::SessionsEnded| s.ended)
        },
    )?;
    eprintln!("{ended} sessions of {name:?} have ended");
    if target.json { json(&serde_json::json!({"name": name, "ended": ended})) } else { Ok(()) }
}

/// A store that is read needs no lock, so that this works beside a running instance.
fn list(t: &DeviceTarget) -> anyhow::Result<()> {
    let users: Vec<Listed> = match &t.url {
        Some(url) => {
            let remote = Remote::new(url, t.ca.as_deref()).map_err(|words| Said { words, exit: Exit::Usage })?;
            let all: dto::Users = remote.get("/api/v1/users").map_err(Said::from)?;
            all.users.into_iter().map(Listed::from).collect()
        }
        None => {
            let access = historian::open_read_only(&t.data)?.1.access()?;
            access.accounts.iter().map(Listed::from).collect()
        }
    };
    if t.json {
        return json(&users);
    }
    let mut out = io::stdout().lock();
    for u in &users {
        let state = if u.disabled { "disabled" } else { "active" };
        let by = if u.provider { "provider" } else { "password" };
        writeln!(out, "{}\t{}\t{}\t{state}\t{by}", u.name, u.role, u.areas.join(" "))?;
    }
    Ok(())
}

/// An account as it is listed.
#[derive(serde::Serialize)]
struct Listed {
    name: String,
    role: String,
    areas: Vec<String>,
    disabled: bool,
    /// Whether they log in at the provider.
    provider: bool,
}

impl From<&Account> for Listed {
    fn from(a: &Account) -> Self {
        let areas = match &a.areas {
            Areas::All => vec!["*".into()],
            Areas::Some(parts) => parts.iter().map(ToString::to_string).collect(),
        };
        Self {
            name: a.name.clone(),
            role: a.role.as_str().into(),
            areas,
            disabled: a.disabled.is_some(),
            provider: a.identity.is_some(),
        }
    }
}

impl From<dto::User> for Listed {
    fn from(u: dto::User) -> Self {
        Self { name: u.name, role: u.role, areas: u.areas, disabled: u.disabled.is_some(), provider: u.provider }
    }
}
