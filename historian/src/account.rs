//! Accounts of people, where they are logged in, and the tokens of programs. Written directly, as devices are and for the
//! same reasons ([`crate::device`]); every change is one transaction with the entry of the audit log that tells of it.

use std::collections::BTreeSet;
use std::fmt;

use plant::Timestamp;
use plant::access::{Area, Areas, Role};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::audit::{AuditRecord, append};
use crate::codec::Damage;
use crate::db::{File, has_table};
use crate::{ReadError, RegisterError};

/// The most accounts.
const MAX_ACCOUNTS: usize = 1_000;
/// The most log-ins of one account that last at once; where there are more, the one that was not used for longest ends.
const MAX_SESSIONS: i64 = 20;
/// The most tokens.
const MAX_TOKENS: usize = 200;

/// SHA-256 of what a browser or a program shows; the secret itself is kept nowhere.
pub type SecretHash = [u8; 32];

/// A person who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name to log in with.
    pub name: String,
    /// The password's hash as text (PHC form); the store neither makes nor checks it.
    pub hash: String,
    /// What they may do.
    pub role: Role,
    /// Where.
    pub areas: Areas,
    /// The language of their page; empty where they did not say.
    pub language: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it was shut out, if it is.
    pub disabled: Option<Timestamp>,
    /// Who it is at a provider of log-ins. It has no password then, and `hash` is empty.
    pub identity: Option<Identity>,
}

/// Whom a provider of log-ins (OpenID Connect) means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// The person there: the same however they are called.
    pub subject: String,
}

/// A hash is not for logs.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Account");
        out.field("name", &self.name).field("role", &self.role).field("areas", &self.areas);
        out.field("disabled", &self.disabled).finish_non_exhaustive()
    }
}

/// What is to become another of an account; what is not said stays.
#[derive(Clone, Default)]
pub struct AccountChange {
    /// The password's hash.
    pub hash: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// The areas.
    pub areas: Option<Areas>,
    /// The language.
    pub language: Option<String>,
    /// Shut out since then, or (`Some(None)`) let in again.
    pub disabled: Option<Option<Timestamp>>,
    /// Whether its sessions end, all but this one.
    pub end: Option<Option<SecretHash>>,
}

/// Where somebody is logged in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Of the token that the browser holds.
    pub hash: SecretHash,
    /// Whose.
    pub account: String,
    /// Since when.
    pub created: Timestamp,
    /// When it was used last, to the minute.
    pub seen: Timestamp,
    /// Until when it lasts at most.
    pub expires: Timestamp,
    /// From which address it began.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
}

/// What lets a program in.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Of the token that it sends.
    pub hash: SecretHash,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub areas: Areas,
    /// Who made it.
    pub author: String,
    /// When.
    pub created: Timestamp,
    /// Until when it is good; `None`: until it is revoked.
    pub expires: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub used: Option<Timestamp>,
}

/// All of them, as of one moment.
#[derive(Clone, Default)]
pub struct Access {
    /// Accounts, by name.
    pub accounts: Vec<Account>,
    /// Sessions, the one used last first.
    pub sessions: Vec<Session>,
    /// Tokens, by name.
    pub tokens: Vec<Token>,
}

impl Access {
    /// Whether there is an administrator who may log in.
    #[must_use]
    pub fn has_administrator(&self) -> bool {
        self.accounts.iter().any(|a| a.role == Role::Administrator && a.disabled.is_none())
    }
}

fn areas_text(areas: &Areas) -> Option<String> {
    match areas {
        Areas::All => None,
        Areas::Some(parts) => Some(parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

pub(crate) fn add(tx: Transaction<'_>, a: &Account, note: &AuditRecord) -> Result<(), RegisterError> {
    if tx.prepare_cached("SELECT 1 FROM account WHERE name = ?")?.exists([&a.name])? {
        return Err(RegisterError::Taken { what: "an account", name: a.name.clone() });
    }
    room(&tx, "account", "accounts", MAX_ACCOUNTS)?;
    tx.prepare_cached("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        a.name,
        a.hash,
        a.role.as_str(),
        areas_text(&a.areas),
        a.language,
        a.created.nanos(),
        a.disabled.map(Timestamp::nanos)
    ])?;
    if let Some(who) = &a.identity {
        if tx
            .prepare_cached("SELECT 1 FROM identity WHERE issuer = ? AND subject = ?")?
            .exists([&who.issuer, &who.subject])?
        {
            return Err(RegisterError::Taken { what: "an account for this person", name: who.subject.clone() });
        }
        let sql = "INSERT INTO identity (account, issuer, subject) VALUES (?, ?, ?)";
        tx.prepare_cached(sql)?.execute([&a.name, &who.issuer, &who.subject])?;
    }
    done(tx, note)
}

fn room(tx: &Connection, table: &str, what: &'static str, max: usize) -> Result<(), RegisterError> {
    let n: i64 = tx.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
    if n >= max as i64 { Err(RegisterError::Full { what, max }) } else { Ok(()) }
}

fn done(tx: Transaction<'_>, note: &AuditRecord) -> Result<(), RegisterError> {
    append(&tx, note)?;
    Ok(tx.commit()?)
}

pub(crate) fn change(
    tx: Transaction<'_>,
    name: &str,
    c: &AccountChange,
    note: &AuditRecord,
) -> Result<bool, RegisterError> {
    if !tx.prepare_cached("SELECT 1 FROM account WHERE name = ?")?.exists([name])? {
        return Ok(false);
    }
    let set = |column: &str, value: &dyn rusqlite::ToSql| {
        tx.prepare_cached(&format!("UPDATE account SET {column} = ?2 WHERE name = ?1"))?.execute(params![name, value])
    };
    if let Some(hash) = &c.hash {
        set("hash", hash)?;
    }
    if let Some(role) = c.role {
        set("role", &role.as_str())?;
    }
    if let Some(areas) = &c.areas {
        set("areas", &areas_text(areas))?;
    }
    if let Some(language) = &c.language {
        set("language", language)?;
    }
    if let Some(disabled) = c.disabled {
        set("disabled", &disabled.map(Timestamp::nanos))?;
    }
    if let Some(keep) = c.end {
        end_of(&tx, name, keep.as_ref())?;
    }
    // Without one nobody could log in as one again, and the page would be open as before there were any. Asked after the
    // change and in its transaction, so that two of them cannot shut each other out at once.
    let sql = "SELECT 1 FROM account WHERE role = 'administrator' AND disabled IS NULL";
    if (c.role.is_some() || c.disabled.is_some()) && !tx.prepare_cached(sql)?.exists([])? {
        return Err(RegisterError::LastAdministrator);
    }
    done(tx, note)?;
    Ok(true)
}

fn end_of(tx: &Connection, account: &str, keep: Option<&SecretHash>) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM session WHERE account = ?1 AND (?2 IS NULL OR hash <> ?2)";
    tx.prepare_cached(sql)?.execute(params![account, keep])
}

pub(crate) fn begin_session(tx: Transaction<'_>, s: &Session, note: &AuditRecord) -> Result<(), RegisterError> {
    tx.prepare_cached("DELETE FROM session WHERE expires <= ?")?.execute([s.created.nanos()])?;
    let oldest = "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE account = ?1
                  ORDER BY seen DESC LIMIT -1 OFFSET ?2)";
    tx.prepare_cached(oldest)?.execute(params![s.account, MAX_SESSIONS - 1])?;
    tx.prepare_cached("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        s.hash,
        s.account,
        s.created.nanos(),
        s.seen.nanos(),
        s.expires.nanos(),
        s.address,
        s.agent
    ])?;
    done(tx, note)
}

pub(crate) fn end_session(tx: Transaction<'_>, hash: &SecretHash, note: &AuditRecord) -> Result<bool, RegisterError> {
    if tx.prepare_cached("DELETE FROM session WHERE hash = ?")?.execute([hash])? == 0 {
        return Ok(false);
    }
    done(tx, note)?;
    Ok(true)
}

pub(crate) fn end_sessions(
    tx: Transaction<'_>,
    account: &str,
    keep: Option<&SecretHash>,
    note: &AuditRecord,
) -> Result<usize, RegisterError> {
    let ended = end_of(&tx, account, keep)?;
    done(tx, note)?;
    Ok(ended)
}

pub(crate) fn add_token(tx: Transaction<'_>, t: &Token, note: &AuditRecord) -> Result<(), RegisterError> {
    if tx.prepare_cached("SELECT 1 FROM token WHERE name = ?")?.exists([&t.name])? {
        return Err(RegisterError::Taken { what: "a token", name: t.name.clone() });
    }
    room(&tx, "token", "tokens", MAX_TOKENS)?;
    tx.prepare_cached("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, NULL)")?.execute(params![
        t.hash,
        t.name,
        t.role.as_str(),
        areas_text(&t.areas),
        t.author,
        t.created.nanos(),
        t.expires.map(Timestamp::nanos)
    ])?;
    done(tx, note)
}

pub(crate) fn revoke_token(tx: Transaction<'_>, name: &str, note: &AuditRecord) -> Result<bool, RegisterError> {
    if tx.prepare_cached("DELETE FROM token WHERE name = ?")?.execute([name])? == 0 {
        return Ok(false);
    }
    done(tx, note)?;
    Ok(true)
}

/// Notes that sessions and tokens were used.
pub(crate) fn touch(tx: Transaction<'_>, used: &[(SecretHash, Timestamp)]) -> Result<(), RegisterError> {
    for (hash, t) in used {
        tx.prepare_cached("UPDATE session SET seen = ?2 WHERE hash = ?1")?.execute(params![hash, t.nanos()])?;
        tx.prepare_cached("UPDATE token SET used = ?2 WHERE hash = ?1")?.execute(params![hash, t.nanos()])?;
    }
    Ok(tx.commit()?)
}

/// Everything; nothing from a file of before there were any.
pub(crate) fn load(conn: &Connection) -> Result<Access, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "account").map_err(&said)? {
        return Ok(Access::default());
    }
    let accounts = if has_table(conn, "identity").map_err(&said)? {
        "SELECT name, hash, role, areas, language, created, disabled, issuer, subject
         FROM account LEFT JOIN identity ON account = name ORDER BY name"
    } else {
        "SELECT name, hash, role, areas, language, created, disabled, NULL, NULL FROM account ORDER BY name"
    };
    let sessions = "SELECT hash, account, created, seen, expires, address, agent FROM session ORDER BY seen DESC";
    let tokens = "SELECT hash, name, role, areas, author, created, expires, used FROM token ORDER BY name";
    Ok(Access {
        accounts: all(conn, accounts, account)?.into_iter().collect::<Result<_, _>>()?,
        sessions: all(conn, sessions, session)?,
        tokens: all(conn, tokens, token)?.into_iter().collect::<Result<_, _>>()?,
    })
}

/// Whether there is an administrator who may log in.
pub(crate) fn has_administrator(conn: &Connection) -> Result<bool, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "account").map_err(&said)? {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM account WHERE role = 'administrator' AND disabled IS NULL";
    Ok(conn.query_row(sql, [], |_| Ok(())).optional().map_err(&said)?.is_some())
}

fn all<T>(conn: &Connection, sql: &str, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, ReadError> {
    let said = File::State.said();
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    query.query_map([], read).map_err(&said)?.collect::<rusqlite::Result<_>>().map_err(&said)
}

fn time(r: &Row<'_>, i: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(r.get::<_, Option<i64>>(i)?.map(Timestamp::from_nanos))
}

/// Role and areas as they are stored; what is none is damaged, never all.
fn allowed(whose: &str, role: &str, areas: Option<&str>) -> Result<(Role, Areas), ReadError> {
    let damaged = |why| ReadError::damaged(format!("the account or token {whose:?} in state.db"))(Damage(why));
    let role = Role::parse(role).ok_or_else(|| damaged("its role is none"))?;
    let Some(text) = areas else { return Ok((role, Areas::All)) };
    let parts: Result<BTreeSet<Area>, _> = text.lines().map(str::parse).collect();
    Ok((role, Areas::Some(parts.map_err(|_| damaged("its areas are none"))?)))
}

fn account(r: &Row<'_>) -> rusqlite::Result<Result<Account, ReadError>> {
    let (name, role): (String, String) = (r.get(0)?, r.get(2)?);
    let areas: Option<String> = r.get(3)?;
    let (hash, language) = (r.get(1)?, r.get(4)?);
    let (created, disabled) = (Timestamp::from_nanos(r.get(5)?), time(r, 6)?);
    let (issuer, subject): (Option<String>, Option<String>) = (r.get(7)?, r.get(8)?);
    let identity = issuer.zip(subject).map(|(issuer, subject)| Identity { issuer, subject });
    Ok(allowed(&name, &role, areas.as_deref()).map(|(role, areas)| Account {
        name,
        hash,
        role,
        areas,
        language,
        created,
        disabled,
        identity,
    }))
}

fn session(r: &Row<'_>) -> rusqlite::Result<Session> {
    let at = |i| r.get(i).map(Timestamp::from_nanos);
    Ok(Session {
        hash: r.get(0)?,
        account: r.get(1)?,
        created: at(2)?,
        seen: at(3)?,
        expires: at(4)?,
        address: r.get(5)?,
        agent: r.get(6)?,
    })
}

fn token(r: &Row<'_>) -> rusqlite::Result<Result<Token, ReadError>> {
    let (name, role): (String, String) = (r.get(1)?, r.get(2)?);
    let areas: Option<String> = r.get(3)?;
    let (hash, author) = (r.get(0)?, r.get(4)?);
    let (created, expires, used) = (Timestamp::from_nanos(r.get(5)?), time(r, 6)?, time(r, 7)?);
    Ok(allowed(&name, &role, areas.as_deref()).map(|(role, areas)| Token {
        hash,
        name,
        role,
        areas,
        author,
        created,
        expires,
        used,
    }))
}
