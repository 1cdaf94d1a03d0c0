//! Accounts, sessions, tokens and the audit log. Areas are `site` or `site/area` each, or `*` for the whole plant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// How they are known: `session`, `token`, `local` (the command line), `open` (nobody has to log in yet), `nobody`.
    pub how: String,
    /// Whether there is no administrator yet, so that nobody has to log in.
    pub open: bool,
    /// The name; `null` where nobody is logged in.
    pub name: Option<String>,
    /// The role; `null` where they may see nothing.
    pub role: Option<String>,
    /// The rights: of `view`, `operate`, `configure`, `devices`, `administer`.
    pub rights: Vec<String>,
    /// Where they hold.
    pub areas: Vec<String>,
    /// The language that the account asks for, `en` or `zh-CN`; `null` where it does not say.
    pub language: Option<String>,
    /// The session's id, as it is listed; `null` where there is none.
    pub session: Option<String>,
    /// Whether the account logs in with a password of its own.
    pub password: bool,
    /// What the provider is called where people may log in as well (`/api/v1/sign-in`); `null` where there is none.
    pub provider: Option<String>,
}

/// A log-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// The first administrator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// The code that the server printed at its start.
    pub code: String,
    /// 1 to 64 characters without `/` and `:`.
    pub name: String,
    /// At least 12 characters.
    pub password: String,
    /// `en` or `zh-CN`.
    #[serde(default)]
    pub language: Option<String>,
}

/// Another password of one's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPassword {
    /// The one that holds.
    pub current: String,
    /// The new one, at least 12 characters.
    pub password: String,
}

/// Accounts, and the roles there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// By name.
    pub users: Vec<User>,
    /// The one that may least first.
    pub roles: Vec<UserRole>,
}

/// A role of people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserRole {
    /// `viewer`, `operator`, `engineer` or `administrator`.
    pub name: String,
    /// Its rights.
    pub rights: Vec<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The name to log in with.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Where its rights hold.
    pub areas: Vec<String>,
    /// `en`, `zh-CN` or `null`.
    pub language: Option<String>,
    /// When it was added.
    pub created: Time,
    /// When it was shut out; `null` while it may log in.
    pub disabled: Option<Time>,
    /// How many sessions it has.
    pub sessions: u64,
    /// When one of them was used last.
    pub last_seen: Option<Time>,
    /// Whether it logs in at the provider, which says its role and areas; it has no password then.
    pub provider: bool,
}

/// An account to be added.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 characters without `/` and `:`.
    pub name: String,
    /// The name of a role.
    pub role: String,
    /// Where its rights hold; the whole plant where nothing is said.
    #[serde(default)]
    pub areas: Vec<String>,
    /// `en` or `zh-CN`.
    #[serde(default)]
    pub language: Option<String>,
    /// At least 12 characters; one is made where nothing is said.
    #[serde(default)]
    pub password: Option<String>,
}

/// What is to become another of an account; what is not said stays.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The name of a role.
    #[serde(default)]
    pub role: Option<String>,
    /// Where its rights hold.
    #[serde(default)]
    pub areas: Option<Vec<String>>,
    /// `en` or `zh-CN`.
    #[serde(default)]
    pub language: Option<String>,
    /// Whether it is shut out. Then its sessions end.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// A new password. Its sessions end.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether a new password is to be made.
    #[serde(default)]
    pub make_password: bool,
}

/// An account with its password, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCredentials {
    /// The account.
    pub user: User,
    /// The password that was made; `null` where it was given, or stays.
    pub password: Option<String>,
}

/// Sessions, the one used last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<UserSession>,
}

/// Where somebody is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserSession {
    /// What it is called; not what lets in.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Since when.
    pub created: Time,
    /// When it was used last, to the minute.
    pub seen: Time,
    /// Until when it lasts at most.
    pub expires: Time,
    /// From which address it began.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// Whether it is the one by which this is asked.
    pub current: bool,
}

/// How many sessions ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// How many.
    pub ended: u64,
}

/// Tokens of programs, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<Token>,
}

/// What lets a program in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Where its rights hold.
    pub areas: Vec<String>,
    /// Who made it.
    pub author: String,
    /// When.
    pub created: Time,
    /// Until when it is good; `null`: until it is revoked.
    pub expires: Option<Time>,
    /// When it was used last, to the minute.
    pub used: Option<Time>,
}

/// A token to be made.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// As of an account.
    pub name: String,
    /// The name of a role.
    pub role: String,
    /// Where its rights hold; the whole plant where nothing is said.
    #[serde(default)]
    pub areas: Vec<String>,
    /// For how many days it is good, 1 to 3650; without end where nothing is said.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token with what the program is to send, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenSecret {
    /// The token.
    pub token: Token,
    /// To be sent as `Authorization: Bearer …`.
    pub secret: String,
}

/// A part of the audit log, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// To be asked for as `cursor`, for what is older; `null` where there is no more.
    pub next_cursor: Option<String>,
}

/// Who did what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number.
    pub id: String,
    /// When.
    pub t: Time,
    /// Who: an account, `token:NAME`, `command line`, or `(nobody logged in)`; empty where nobody was let in.
    pub who: String,
    /// From which address.
    pub origin: String,
    /// What: a stable code.
    pub action: String,
    /// On what.
    pub subject: String,
    /// What it was before; empty where that is not known.
    pub was: String,
    /// What it is now, or what was asked for.
    pub now: String,
    /// `ok`, or what kept it from being done: a stable code.
    pub outcome: String,
}
