//! What administrators do: accounts and tokens are made, changed and taken away. The methods hash and write: they block.

use std::collections::BTreeSet;
use std::time::Duration;

use historian::{Account, AccountChange, Token};
use plant::access::{Area, Areas, Role};

use super::accounts::{AccessError, Accounts, By, no_password};
use super::secret;
use crate::problem::shorten;

/// The longest name, characters.
const MAX_NAME: usize = 64;
/// What the audit log calls who has no account.
const RESERVED: [&str; 2] = ["command line", "(nobody logged in)"];
/// The longest that a token may be good for, days.
const MAX_DAYS: u32 = 3_650;

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

impl Accounts {
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
        if let Some(same) = self.called(&account.name) {
            return Err(AccessError::Conflict(format!("there is an account {same:?} already")));
        }
        let note = self.note(by, "user.add", &account.name, String::new(), line(&account));
        self.write(|r| Ok(r.add_account(&account, &note)?))?;
        Ok(Added { account, password })
    }

    /// What the account is called that people would take for one of this name, if there is one.
    pub(super) fn called(&self, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        self.tables().access.accounts.iter().find(|a| a.name.to_lowercase() == lower).map(|a| a.name.clone())
    }

    /// Changes an account. Its sessions end where it is shut out or gets another password.
    ///
    /// # Errors
    /// Where something of it cannot be used, there is none of this name, or it is the last administrator.
    pub fn change(&self, name: &str, change: UserChange, by: &By) -> Result<Added, AccessError> {
        let unknown = || AccessError::Unknown(format!("there is no account {:?}", shorten(name)));
        let before = self.tables().account(name).cloned().ok_or_else(unknown)?;
        if before.identity.is_some() {
            if change.password.is_some() {
                return Err(no_password(name));
            }
            if change.role.is_some() || change.areas.is_some() {
                let said =
                    "logs in at the provider, whose word on role and areas holds from each log-in on: change it there";
                return Err(AccessError::Conflict(format!("{name:?} {said}")));
            }
        }
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
pub(super) fn line(a: &Account) -> String {
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

pub(super) fn everywhere() -> AccessError {
    AccessError::Invalid("an administrator administers the whole plant: leave areas out".into())
}

pub(super) fn checked_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    let n = name.chars().count();
    if RESERVED.contains(&name.to_lowercase().as_str()) {
        return Err(AccessError::Invalid(format!("the name {name:?} is the platform's own: choose another")));
    }
    // A slash would divide the paths of the API, a colon stands behind what is no account.
    if (1..=MAX_NAME).contains(&n) && !name.chars().any(|c| c.is_control() || matches!(c, '/' | ':')) {
        return Ok(name.to_owned());
    }
    let said = format!("the name is {:?}; expected 1 to {MAX_NAME} characters without '/' and ':'", shorten(name));
    Err(AccessError::Invalid(said))
}

pub(super) fn parse_role(role: &str) -> Result<Role, AccessError> {
    Role::parse(role).ok_or_else(|| {
        let all = Role::ALL.map(Role::as_str).join(", ");
        AccessError::Invalid(format!("the role is {:?}; expected one of {all}", shorten(role)))
    })
}

pub(super) fn parse_areas(areas: &[String]) -> Result<Areas, AccessError> {
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

pub(super) fn parse_language(language: &str) -> Result<String, AccessError> {
    match language {
        "" | "en" | "zh-CN" => Ok(language.to_owned()),
        other => {
            let said = format!("the language is {:?}; expected en or zh-CN", shorten(other));
            Err(AccessError::Invalid(said))
        }
    }
}
