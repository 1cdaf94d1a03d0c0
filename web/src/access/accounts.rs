//! What can be done with accounts, sessions and tokens. The methods that hash or write block.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use historian::{
    AUDIT_OK, Account, AccountChange, AuditRecord, ReadError, Register, RegisterError, SecretHash, Session, Token,
};
use plant::access::{Area, Areas, Role};
use plant::{Clock, Timestamp};
use tokio::sync::{Semaphore, watch};

use super::lockout::Lockout;
use super::{LONGEST, Tables, secret};
use crate::problem::shorten;

/// Hashes of passwords at once: each takes 19 MiB.
const HASHES: usize = 2;
/// Log-ins that may wait for one; the others are told to come back.
const WAITING: usize = 16;
/// How often what was used is written.
const FLUSH: Duration = Duration::from_secs(60);
/// The longest name, characters.
const MAX_NAME: usize = 64;
/// The longest that a token may be good for, days.
const MAX_DAYS: u32 = 3_650;
/// What is kept of what a browser calls itself, characters.
const MAX_AGENT: usize = 200;

/// Knows how passwords are made, hashed and compared. All methods may take long.
pub trait Passwords: Send + Sync + 'static {
    /// Whether a password may be used; a sentence if it may not.
    fn check(&self, password: &str) -> Result<(), String>;
    /// One that nobody has chosen.
    fn generate(&self) -> Result<String, String>;
    /// Its hash as text.
    fn hash(&self, password: &str) -> Result<String, String>;
    /// Whether `hash` is that of `password`.
    fn matches(&self, password: &str, hash: &str) -> bool;
}

/// Why something about accounts was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// What was asked for makes no sense: a sentence.
    #[error("{0}")]
    Invalid(String),
    /// There is no such account, session or token.
    #[error("{0}")]
    Unknown(String),
    /// It makes sense, and the state of things does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// Name and password are not those of an account that may log in.
    #[error("the name or the password is not right")]
    Credentials,
    /// Too many failures.
    #[error("too many log-ins failed; the next may be tried in {} s", .0.as_secs().max(1))]
    Locked(Duration),
    /// Too much at once.
    #[error("too many log-ins wait already")]
    Busy,
    /// The register could not be read or written.
    #[error("{0}")]
    Failed(String),
}

impl From<RegisterError> for AccessError {
    fn from(e: RegisterError) -> Self {
        match e {
            RegisterError::Taken { .. } | RegisterError::LastAdministrator | RegisterError::Full { .. } => {
                Self::Conflict(e.to_string())
            }
            e => {
                tracing::error!("accounts: {e}");
                Self::Failed(e.to_string())
            }
        }
    }
}

impl From<secret::NoRandom> for AccessError {
    fn from(_: secret::NoRandom) -> Self {
        Self::Failed("the system gives no random numbers".into())
    }
}

/// Who does it, and from where: for the audit log.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub who: String,
    /// An address, or what else says where they sit.
    pub origin: String,
}

/// An account to be added.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// The name of its role.
    pub role: String,
    /// Parts of the plant, `site` or `site/area`; `*` or nothing: all of it.
    pub areas: Vec<String>,
    /// The language of its page; empty where nothing is said.
    pub language: String,
    /// Its password; one is made where nothing is said.
    pub password: Option<String>,
}

/// What is to become another; what is not said stays.
#[derive(Clone, Default)]
pub struct UserChange {
    /// The name of a role.
    pub role: Option<String>,
    /// Parts of the plant.
    pub areas: Option<Vec<String>>,
    /// The language.
    pub language: Option<String>,
    /// Whether it is shut out.
    pub disabled: Option<bool>,
    /// A password; `Some(None)`: one is made.
    pub password: Option<Option<String>>,
}

/// A token to be made.
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// The name of its role.
    pub role: String,
    /// As of an account.
    pub areas: Vec<String>,
    /// For how many days it is good; without end where nothing is said.
    pub days: Option<u32>,
}

/// An account, and the password that was made for it.
#[derive(Debug)]
pub struct Added {
    /// The account.
    pub account: Account,
    /// `None` where it was given.
    pub password: Option<String>,
}

/// What is used and not yet written.
#[derive(Default)]
struct Used {
    seen: HashMap<SecretHash, Timestamp>,
    unwritten: HashMap<SecretHash, Timestamp>,
    written: Option<Timestamp>,
}

/// The accounts of a store.
pub struct Accounts {
    register: Register,
    clock: Arc<dyn Clock>,
    passwords: Arc<dyn Passwords>,
    /// Compared with where there is no such account, so that the time to an answer does not tell names apart.
    nobody: String,
    /// Of what lets the command line in.
    pub(super) local: Option<SecretHash>,
    tables: RwLock<Arc<Tables>>,
    changed: watch::Sender<u64>,
    lockout: Mutex<Lockout>,
    /// Of the code that makes the first administrator.
    setup: Mutex<Option<SecretHash>>,
    used: Mutex<Used>,
    /// Held while something is written and read back.
    turn: Mutex<()>,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
}

// What is behind these locks is whole whatever its holder did.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Accounts {
    /// Those of `register`; `local`: what lets the command line in from this computer.
    ///
    /// # Errors
    /// Where they cannot be read, or nothing can be hashed.
    pub fn open(
        register: Register,
        clock: Arc<dyn Clock>,
        passwords: Arc<dyn Passwords>,
        local: Option<&str>,
    ) -> Result<Self, AccessError> {
        let unreadable = |e: ReadError| AccessError::Failed(e.to_string());
        let tables = Tables::new(register.access().map_err(unreadable)?);
        Ok(Self {
            nobody: passwords.hash(&secret::draw()?).map_err(AccessError::Failed)?,
            local: local.map(secret::hash),
            tables: RwLock::new(Arc::new(tables)),
            changed: watch::channel(0).0,
            lockout: Mutex::default(),
            setup: Mutex::default(),
            used: Mutex::default(),
            turn: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHES)),
            waiting: Arc::new(Semaphore::new(HASHES + WAITING)),
            register,
            clock,
            passwords,
        })
    }

    /// A secret that lets somebody in, for [`Accounts::open`].
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn draw_secret() -> Result<String, AccessError> {
        Ok(secret::draw()?)
    }

    /// A code with which the first administrator may be made, once; `None` where there is one. The code of before is
    /// good for nothing then.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn setup_code(&self) -> Result<Option<String>, AccessError> {
        if !self.open_to_all() {
            return Ok(None);
        }
        let mut code = secret::draw()?;
        // Somebody may have to type it: 128 bits.
        code.truncate(32);
        *lock(&self.setup) = Some(secret::hash(&code));
        Ok(Some(code))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// As they stand.
    pub(crate) fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Writes something, and reads everything again: one after the other, so that what was read last is what was
    /// written last.
    fn write<T>(&self, what: impl FnOnce(&Register) -> Result<T, AccessError>) -> Result<T, AccessError> {
        let _turn = lock(&self.turn);
        self.write_held(what)
    }

    fn write_held<T>(&self, what: impl FnOnce(&Register) -> Result<T, AccessError>) -> Result<T, AccessError> {
        let done = what(&self.register)?;
        match self.register.access() {
            Ok(access) => *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Tables::new(access)),
            // Nobody is let in by what may be out of date, but as if nothing were there: nor is the page opened.
            Err(e) => {
                tracing::error!("accounts cannot be read after a change: {e}");
                let shut = Tables { closed: true, ..Tables::default() };
                *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shut);
            }
        }
        self.changed.send_modify(|n| *n += 1);
        Ok(done)
    }

    fn note(&self, by: &By, action: &str, subject: &str, was: String, now: String) -> AuditRecord {
        AuditRecord {
            t: self.now(),
            who: by.who.clone(),
            origin: by.origin.clone(),
            action: action.into(),
            subject: subject.into(),
            was,
            now,
            outcome: AUDIT_OK.into(),
        }
    }

    /// Appends to the audit log.
    pub(crate) fn write_down(&self, record: &AuditRecord) -> Result<(), RegisterError> {
        self.register.note(record)
    }

    pub(super) fn seen(&self, hash: &SecretHash) -> Option<Timestamp> {
        lock(&self.used).seen.get(hash).copied()
    }

    /// When a session was used last.
    pub(crate) fn last_used(&self, s: &Session) -> Timestamp {
        self.seen(&s.hash).map_or(s.seen, |t| t.max(s.seen))
    }

    /// When a token was.
    pub(crate) fn last_used_token(&self, t: &Token) -> Option<Timestamp> {
        self.seen(&t.hash).max(t.used)
    }

    pub(super) fn used(&self, hash: SecretHash, now: Timestamp) {
        let mut used = lock(&self.used);
        used.seen.insert(hash, now);
        used.unwritten.insert(hash, now);
    }

    /// What was used and is to be written now, at most once a minute.
    pub(crate) fn due(&self) -> Option<Vec<(SecretHash, Timestamp)>> {
        let (now, tables) = (self.now(), self.tables());
        let mut used = lock(&self.used);
        if used.unwritten.is_empty() || used.written.is_some_and(|t| t + FLUSH > now) {
            return None;
        }
        used.written = Some(now);
        // Of sessions that have ended nothing is kept.
        used.seen.retain(|hash, _| tables.sessions.contains_key(hash) || tables.tokens.contains_key(hash));
        Some(used.unwritten.drain().collect())
    }

    /// Writes when sessions and tokens were used.
    pub(crate) fn flush(&self, used: &[(SecretHash, Timestamp)]) {
        if let Err(e) = self.register.touch(used) {
            tracing::warn!("when sessions were used could not be written: {e}");
        }
    }

    /// Whether a log-in may be tried.
    pub(crate) fn may_try(&self, name: &str, from: IpAddr) -> Result<(), AccessError> {
        match lock(&self.lockout).wait(name, from, self.now()) {
            Duration::ZERO => Ok(()),
            wait => Err(AccessError::Locked(wait)),
        }
    }

    /// Logs somebody in: gives what their browser is to hold. Always a new one, whatever the browser held before.
    pub(crate) fn log_in(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        agent: &str,
    ) -> Result<(String, Account), AccessError> {
        // Again: others may have failed while this one waited.
        self.may_try(name, from)?;
        let tables = self.tables();
        let account = tables.account(name);
        let hash = account.map_or(&self.nobody, |a| &a.hash);
        let right = self.passwords.matches(password, hash);
        match account {
            Some(a) if right && a.disabled.is_none() => {
                lock(&self.lockout).hit(name);
                Ok((self.begin(a, from, agent, "login")?, a.clone()))
            }
            _ => {
                // What no account is called may be a password in the wrong field.
                self.failed(account.map(|a| a.name.as_str()), name, from);
                Err(AccessError::Credentials)
            }
        }
    }

    /// Counts a failed proof of who somebody is, and writes it down.
    fn failed(&self, known: Option<&str>, name: &str, from: IpAddr) {
        let wait = lock(&self.lockout).miss(name, from, self.now());
        let by = By { who: String::new(), origin: from.to_string() };
        let subject = known.unwrap_or("(no account)");
        let mut notes = vec![AuditRecord {
            outcome: "credentials".into(),
            ..self.note(&by, "login", subject, String::new(), String::new())
        }];
        if let Some(wait) = wait {
            let said = format!("{} s", wait.as_secs());
            let note = self.note(&by, "login.locked", subject, String::new(), said);
            notes.push(AuditRecord { outcome: "locked_out".into(), ..note });
            tracing::warn!(address = %from, account = subject, seconds = wait.as_secs(), "log-ins are locked out");
        }
        for note in notes {
            if let Err(e) = self.register.note(&note) {
                tracing::error!("a failed log-in could not be written down: {e}");
            }
        }
    }

    fn begin(&self, account: &Account, from: IpAddr, agent: &str, action: &str) -> Result<String, AccessError> {
        let (token, now) = (secret::draw()?, self.now());
        let session = Session {
            hash: secret::hash(&token),
            account: account.name.clone(),
            created: now,
            seen: now,
            expires: now + LONGEST,
            address: from.to_string(),
            agent: agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect(),
        };
        let by = By { who: account.name.clone(), origin: from.to_string() };
        let note = self.note(&by, action, &account.name, String::new(), secret::id(&session.hash));
        self.write(|r| Ok(r.begin_session(&session, &note)?))?;
        Ok(token)
    }

    /// Makes the first administrator and logs them in.
    pub(crate) fn set_up(
        &self,
        code: &str,
        new: NewAccount,
        from: IpAddr,
        agent: &str,
    ) -> Result<(String, Account), AccessError> {
        let gone = || AccessError::Conflict("there is an administrator already: log in".into());
        if !self.open_to_all() {
            return Err(gone());
        }
        if *lock(&self.setup) != Some(secret::hash(code)) {
            let said = "this is not the set-up code: open the link that the server printed at its last start";
            return Err(AccessError::Invalid(said.into()));
        }
        let by = By { who: new.name.trim().into(), origin: from.to_string() };
        let new = NewAccount { role: Role::Administrator.as_str().into(), areas: Vec::new(), ..new };
        let (account, _) = self.made(new)?;
        let note = self.note(&by, "setup", &account.name, String::new(), line(&account));
        let _turn = lock(&self.turn);
        // Whoever comes second finds the first.
        if !self.open_to_all() {
            return Err(gone());
        }
        self.write_held(|r| Ok(r.add_account(&account, &note)?))?;
        *lock(&self.setup) = None;
        drop(_turn);
        Ok((self.begin(&account, from, agent, "login")?, account))
    }

    /// Ends a session.
    pub(crate) fn log_out(&self, hash: &SecretHash, by: &By) -> Result<(), AccessError> {
        let note = self.note(by, "logout", &by.who, secret::id(hash), String::new());
        self.write(|r| Ok(r.end_session(hash, &note).map(drop)?))
    }

    /// Gives somebody who knows the old one a new password; all their sessions but this one end.
    pub(crate) fn change_own(
        &self,
        name: &str,
        (current, password): (&str, &str),
        keep: SecretHash,
        from: IpAddr,
    ) -> Result<(), AccessError> {
        self.may_try(name, from)?;
        let tables = self.tables();
        let account = tables.account(name).ok_or(AccessError::Credentials)?;
        if !self.passwords.matches(current, &account.hash) {
            self.failed(Some(name), name, from);
            return Err(AccessError::Credentials);
        }
        let hash = Some(self.hashed(name, password)?);
        let by = By { who: name.into(), origin: from.to_string() };
        let note = self.note(&by, "password", name, String::new(), String::new());
        let change = AccountChange { hash, end: Some(Some(keep)), ..AccountChange::default() };
        self.write(|r| Ok(r.change_account(name, &change, &note).map(drop)?))
    }

    fn hashed(&self, name: &str, password: &str) -> Result<String, AccessError> {
        self.passwords.check(password).map_err(AccessError::Invalid)?;
        if password.to_lowercase().contains(&name.to_lowercase()) && name.chars().count() > 3 {
            return Err(AccessError::Invalid("the password holds the name: choose another".into()));
        }
        self.passwords.hash(password).map_err(AccessError::Failed)
    }

    /// The account, and the password that was made for it.
    fn made(&self, new: NewAccount) -> Result<(Account, Option<String>), AccessError> {
        let name = checked_name(&new.name)?;
        let (role, areas) = (parse_role(&new.role)?, parse_areas(&new.areas)?);
        if role == Role::Administrator && areas != Areas::All {
            return Err(everywhere());
        }
        let language = parse_language(&new.language)?;
        let (password, made) = match new.password {
            Some(given) => (given, None),
            None => {
                let made = self.passwords.generate().map_err(AccessError::Failed)?;
                (made.clone(), Some(made))
            }
        };
        let hash = self.hashed(&name, &password)?;
        Ok((Account { name, hash, role, areas, language, created: self.now(), disabled: None }, made))
    }

    /// Adds an account.
    ///
    /// # Errors
    /// Where something of it cannot be used, or there is one of this name, or no administrator yet.
    pub fn add(&self, new: NewAccount, by: &By) -> Result<Added, AccessError> {
        let (account, password) = self.made(new)?;
        if self.open_to_all() && account.role != Role::Administrator {
            let said = "there is no administrator yet: make one first, who then makes the others";
            return Err(AccessError::Conflict(said.into()));
        }
        let lower = account.name.to_lowercase();
        if let Some(same) = self.tables().access.accounts.iter().find(|a| a.name.to_lowercase() == lower) {
            return Err(AccessError::Conflict(format!("there is an account {:?} already", same.name)));
        }
        let note = self.note(by, "user.add", &account.name, String::new(), line(&account));
        self.write(|r| Ok(r.add_account(&account, &note)?))?;
        Ok(Added { account, password })
    }

    /// Changes an account. Its sessions end where it is shut out or gets another password.
    ///
    /// # Errors
    /// Where something of it cannot be used, there is none of this name, or it is the last administrator.
    pub fn change(&self, name: &str, change: UserChange, by: &By) -> Result<Added, AccessError> {
        let unknown = || AccessError::Unknown(format!("there is no account {:?}", shorten(name)));
        let before = self.tables().account(name).cloned().ok_or_else(unknown)?;
        let mut made = None;
        let password = match change.password {
            None => None,
            Some(Some(given)) => Some(given),
            Some(None) => {
                made = Some(self.passwords.generate().map_err(AccessError::Failed)?);
                made.clone()
            }
        };
        let stored = AccountChange {
            hash: password.map(|p| self.hashed(name, &p)).transpose()?,
            role: change.role.as_deref().map(parse_role).transpose()?,
            areas: change.areas.as_deref().map(parse_areas).transpose()?,
            language: change.language.as_deref().map(parse_language).transpose()?,
            disabled: change.disabled.map(|d| d.then(|| before.disabled.unwrap_or(self.now()))),
            end: None,
        };
        let (role, areas) =
            (stored.role.unwrap_or(before.role), stored.areas.clone().unwrap_or_else(|| before.areas.clone()));
        if role == Role::Administrator && areas != Areas::All {
            return Err(everywhere());
        }
        let ends = stored.hash.is_some() || change.disabled == Some(true);
        let stored = AccountChange { end: ends.then_some(None), ..stored };
        let after = Account {
            role,
            areas,
            language: stored.language.clone().unwrap_or_else(|| before.language.clone()),
            disabled: stored.disabled.unwrap_or(before.disabled),
            ..before.clone()
        };
        let mut now = line(&after);
        if stored.hash.is_some() {
            now.push_str(" another password");
        }
        let note = self.note(by, "user.change", name, line(&before), now);
        if !self.write(|r| Ok(r.change_account(name, &stored, &note)?))? {
            return Err(unknown());
        }
        Ok(Added { account: after, password: made })
    }

    /// Ends every session of an account.
    ///
    /// # Errors
    /// Where there is no such account.
    pub fn end_sessions(&self, name: &str, by: &By) -> Result<usize, AccessError> {
        if self.tables().account(name).is_none() {
            return Err(AccessError::Unknown(format!("there is no account {:?}", shorten(name))));
        }
        let note = self.note(by, "user.end_sessions", name, String::new(), String::new());
        self.write(|r| Ok(r.end_sessions(name, None, &note)?))
    }

    /// Ends the session of this id: of `owner`, or (`None`) of anybody.
    pub(crate) fn end_session(&self, id: &str, owner: Option<&str>, by: &By) -> Result<(), AccessError> {
        let tables = self.tables();
        let mut own = tables.access.sessions.iter().filter(|s| owner.is_none_or(|o| s.account == o));
        let unknown = || AccessError::Unknown(format!("there is no session {:?}", shorten(id)));
        let session = own.find(|s| secret::id(&s.hash) == id).ok_or_else(unknown)?;
        let note = self.note(by, "session.end", &session.account, id.to_owned(), String::new());
        let hash = session.hash;
        if self.write(|r| Ok(r.end_session(&hash, &note)?))? { Ok(()) } else { Err(unknown()) }
    }

    /// Makes a token; gives what the program is to send.
    pub(crate) fn add_token(&self, new: NewToken, by: &By) -> Result<(Token, String), AccessError> {
        if new.days.is_some_and(|d| !(1..=MAX_DAYS).contains(&d)) {
            return Err(AccessError::Invalid(format!("days is out of range; expected 1 to {MAX_DAYS}")));
        }
        let (token, now) = (format!("danxia_{}", secret::draw()?), self.now());
        let stored = Token {
            hash: secret::hash(&token),
            name: checked_name(&new.name)?,
            role: parse_role(&new.role)?,
            areas: parse_areas(&new.areas)?,
            author: by.who.clone(),
            created: now,
            expires: new.days.map(|d| now + Duration::from_secs(u64::from(d) * 86_400)),
            used: None,
        };
        let said = format!("{} {}", stored.role.as_str(), areas_text(&stored.areas).join(" "));
        let note = self.note(by, "token.add", &stored.name, String::new(), said);
        self.write(|r| Ok(r.add_token(&stored, &note)?))?;
        Ok((stored, token))
    }

    /// Takes a token away.
    pub(crate) fn revoke_token(&self, name: &str, by: &By) -> Result<(), AccessError> {
        let note = self.note(by, "token.revoke", name, String::new(), String::new());
        let known = self.write(|r| Ok(r.revoke_token(name, &note)?))?;
        if known { Ok(()) } else { Err(AccessError::Unknown(format!("there is no token {:?}", shorten(name)))) }
    }
}

/// An account in the audit log: never its hash.
fn line(a: &Account) -> String {
    let areas = areas_text(&a.areas).join(" ");
    let out = if a.disabled.is_some() { " disabled" } else { "" };
    format!("{} {areas}{out}", a.role.as_str())
}

/// Areas as they are written: `*`, or each part.
pub(crate) fn areas_text(areas: &Areas) -> Vec<String> {
    match areas {
        Areas::All => vec!["*".into()],
        Areas::Some(parts) => parts.iter().map(ToString::to_string).collect(),
    }
}

fn everywhere() -> AccessError {
    AccessError::Invalid("an administrator administers the whole plant: leave areas out".into())
}

fn checked_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    let n = name.chars().count();
    // A slash would divide the paths of the API, a colon stands behind what is no account.
    if (1..=MAX_NAME).contains(&n) && !name.chars().any(|c| c.is_control() || matches!(c, '/' | ':')) {
        return Ok(name.to_owned());
    }
    let said = format!("the name is {:?}; expected 1 to {MAX_NAME} characters without '/' and ':'", shorten(name));
    Err(AccessError::Invalid(said))
}

fn parse_role(role: &str) -> Result<Role, AccessError> {
    Role::parse(role).ok_or_else(|| {
        let all = Role::ALL.map(Role::as_str).join(", ");
        AccessError::Invalid(format!("the role is {:?}; expected one of {all}", shorten(role)))
    })
}

fn parse_areas(areas: &[String]) -> Result<Areas, AccessError> {
    if areas.is_empty() || areas.iter().any(|a| a == "*") {
        return Ok(Areas::All);
    }
    if areas.len() > Areas::MOST {
        let said = format!("there are {} areas; expected at most {}", areas.len(), Areas::MOST);
        return Err(AccessError::Invalid(said));
    }
    let one = |a: &String| {
        let said = |e: plant::IdError| AccessError::Invalid(format!("{e}; expected site, site/area or *"));
        a.parse::<Area>().map_err(said)
    };
    Ok(Areas::Some(areas.iter().map(one).collect::<Result<BTreeSet<_>, _>>()?))
}

fn parse_language(language: &str) -> Result<String, AccessError> {
    match language {
        "" | "en" | "zh-CN" => Ok(language.to_owned()),
        other => {
            let said = format!("the language is {:?}; expected en or zh-CN", shorten(other));
            Err(AccessError::Invalid(said))
        }
    }
}
