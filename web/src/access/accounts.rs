//! What can be done with accounts, sessions and tokens. The methods that hash or write block.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use historian::{
    AUDIT_OK, Account, AccountChange, AuditRecord, ReadError, Register, RegisterError, SecretHash, Session, Token,
};
use plant::access::{Areas, Role};
use plant::{Clock, Timestamp};
use tokio::sync::{Semaphore, watch};

use super::change::{NewAccount, checked_name, everywhere, line, parse_areas, parse_language, parse_role};
use super::lockout::Lockout;
use super::{LONGEST, Tables, secret};

/// Hashes of passwords at once: each takes 19 MiB.
const HASHES: usize = 2;
/// Log-ins that may wait for one; the others are told to come back.
const WAITING: usize = 16;
/// How often what was used is written.
const FLUSH: Duration = Duration::from_secs(60);
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
    pub(super) passwords: Arc<dyn Passwords>,
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

/// Of an account whose person logs in elsewhere.
pub(super) fn no_password(name: &str) -> AccessError {
    AccessError::Conflict(format!("{name:?} logs in at the provider and has no password here: change it there"))
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
    pub(super) fn write<T>(&self, what: impl FnOnce(&Register) -> Result<T, AccessError>) -> Result<T, AccessError> {
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

    pub(super) fn note(&self, by: &By, action: &str, subject: &str, was: String, now: String) -> AuditRecord {
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
        // Who logs in at a provider has no password, and none is right.
        let own = account.filter(|a| a.identity.is_none());
        let right = self.passwords.matches(password, own.map_or(&self.nobody, |a| &a.hash));
        match own {
            Some(a) if right && a.disabled.is_none() => {
                lock(&self.lockout).hit(name);
                Ok((self.begin(a, LONGEST, from, agent, "login")?, a.clone()))
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

    /// Begins a session that lasts so long at most.
    pub(super) fn begin(
        &self,
        account: &Account,
        lasts: Duration,
        from: IpAddr,
        agent: &str,
        action: &str,
    ) -> Result<String, AccessError> {
        let (token, now) = (secret::draw()?, self.now());
        let session = Session {
            hash: secret::hash(&token),
            account: account.name.clone(),
            created: now,
            seen: now,
            expires: now + lasts,
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
        Ok((self.begin(&account, LONGEST, from, agent, "login")?, account))
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
        if account.identity.is_some() {
            return Err(no_password(name));
        }
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

    pub(super) fn hashed(&self, name: &str, password: &str) -> Result<String, AccessError> {
        self.passwords.check(password).map_err(AccessError::Invalid)?;
        if password.to_lowercase().contains(&name.to_lowercase()) && name.chars().count() > 3 {
            return Err(AccessError::Invalid("the password holds the name: choose another".into()));
        }
        self.passwords.hash(password).map_err(AccessError::Failed)
    }

    /// The account, and the password that was made for it.
    pub(super) fn made(&self, new: NewAccount) -> Result<(Account, Option<String>), AccessError> {
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
        Ok((Account { name, hash, role, areas, language, created: self.now(), disabled: None, identity: None }, made))
    }
}
