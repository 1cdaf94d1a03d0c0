//! Who asks, and whether they may: accounts, sessions, tokens, and the decision before every handler.
//!
//! What is stored stands in the register; a copy of it is kept in memory, made anew after each change (all of which go
//! through here while the store is open), so that a request costs no read. A change ends what it takes rights from at
//! once: whoever streams looks again when it is told of one.

mod accounts;
mod change;
mod departure;
mod lockout;
mod need;
mod note;
mod outside;
mod secret;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use historian::{Account, SecretHash};
use plant::access::{Areas, Role, Subject};
use plant::{MachineId, Plant, Timestamp};
use warp::http::header::{AUTHORIZATION, HeaderMap};

pub use accounts::{AccessError, Accounts, By, Passwords};
pub use change::{Added, NewAccount, UserChange};
pub(crate) use change::{NewToken, areas_text};
pub(crate) use departure::{Departure, Departures, PATIENCE};
pub(crate) use need::{Need, Of, allowed, denied};
pub(crate) use note::{Noted, Quota, Shown, Write, write_down};
pub(crate) use outside::{Outsider, Shut};
pub(crate) use secret::id;

use crate::channel::Channel;

/// How long a session lasts that nobody uses. A page that is open asks for something every few seconds.
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// How long it lasts at most.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Not at all, and that is not enough.
    Nobody,
    /// Not at all, while there is no administrator: whoever sits at this computer.
    Open,
    /// As the command line, which has read the secret that lies beside the store.
    Local,
    /// By a log-in.
    Session(SecretHash),
    /// By a program's token.
    Token(SecretHash),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Who {
    pub(crate) name: Arc<str>,
    pub(crate) how: How,
    pub(crate) role: Role,
    pub(crate) areas: Arc<Areas>,
}

impl Who {
    fn nobody() -> Self {
        Self { name: "".into(), how: How::Nobody, role: Role::Viewer, areas: Arc::new(Areas::Some([].into())) }
    }

    fn unrestricted(name: &str, how: How) -> Self {
        Self { name: name.into(), how, role: Role::Administrator, areas: Arc::new(Areas::All) }
    }

    /// For what is made once for all who see everything.
    pub(crate) fn everybody() -> Self {
        Self::unrestricted("", How::Open)
    }

    /// Whether everything of the plant is theirs to see.
    pub(crate) fn sees_all(&self) -> bool {
        *self.areas == Areas::All
    }

    /// Whether this machine is.
    pub(crate) fn sees(&self, plant: &Plant, id: &MachineId) -> bool {
        let subject = Subject::Machine(id, plant.machines.get(id).map(|m| &**m));
        plant::access::may(self.role, &self.areas, plant::access::Right::View, subject).is_ok()
    }
}

/// Everything stored, and where in it a secret is found.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) access: historian::Access,
    sessions: HashMap<SecretHash, usize>,
    tokens: HashMap<SecretHash, usize>,
    closed: bool,
}

impl Tables {
    fn new(access: historian::Access) -> Self {
        let sessions = access.sessions.iter().enumerate().map(|(i, s)| (s.hash, i)).collect();
        let tokens = access.tokens.iter().enumerate().map(|(i, t)| (t.hash, i)).collect();
        Self { closed: access.has_administrator(), sessions, tokens, access }
    }

    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        let accounts = &self.access.accounts;
        accounts.binary_search_by(|a| a.name.as_str().cmp(name)).ok().map(|i| &accounts[i])
    }
}

impl Accounts {
    /// Whether nobody has to log in: there is no administrator yet.
    #[must_use]
    pub fn open_to_all(&self) -> bool {
        !self.tables().closed
    }

    /// Who asks with these headers, which came by this channel.
    pub(crate) fn resolve(&self, channel: Channel, headers: &HeaderMap, peer: IpAddr) -> Who {
        let (tables, now) = (self.tables(), self.now());
        let bearer = headers.get(AUTHORIZATION).map(|v| bearer(v.as_bytes()));
        if let Some(Some(secret)) = bearer {
            let hash = secret::hash(secret);
            if self.local == Some(hash) && peer.to_canonical().is_loopback() {
                return Who::unrestricted("command line", How::Local);
            }
            if let Some(who) = self.of_token(&tables, &hash, now) {
                return who;
            }
        } else if let Some(secret) = channel.session(headers)
            && let Some(who) = self.of_session(&tables, &secret::hash(secret), now)
        {
            return who;
        }
        if tables.closed { Who::nobody() } else { Who::unrestricted("", How::Open) }
    }

    /// Who bears this session's secret.
    pub(crate) fn bearing(&self, secret: &str) -> Who {
        let tables = self.tables();
        let of = self.of_session(&tables, &secret::hash(secret), self.now());
        of.unwrap_or_else(|| if tables.closed { Who::nobody() } else { Who::unrestricted("", How::Open) })
    }

    /// The same somebody as they are now; `None` where they are not let in any more.
    pub(crate) fn again(&self, who: &Who) -> Option<Who> {
        let (tables, now) = (self.tables(), self.now());
        match &who.how {
            How::Nobody => None,
            How::Open => (!tables.closed).then(|| who.clone()),
            How::Local => Some(who.clone()),
            How::Session(hash) => self.of_session(&tables, hash, now),
            How::Token(hash) => self.of_token(&tables, hash, now),
        }
    }

    fn of_session(&self, tables: &Tables, hash: &SecretHash, now: Timestamp) -> Option<Who> {
        let session = &tables.access.sessions[*tables.sessions.get(hash)?];
        let account = tables.account(&session.account).filter(|a| a.disabled.is_none())?;
        let seen = self.last_used(session);
        if session.expires <= now || seen + IDLE <= now {
            return None;
        }
        self.used(*hash, now);
        let (name, areas) = (account.name.as_str().into(), Arc::new(account.areas.clone()));
        Some(Who { name, how: How::Session(*hash), role: account.role, areas })
    }

    fn of_token(&self, tables: &Tables, hash: &SecretHash, now: Timestamp) -> Option<Who> {
        let token = &tables.access.tokens[*tables.tokens.get(hash)?];
        if token.expires.is_some_and(|e| e <= now) {
            return None;
        }
        self.used(*hash, now);
        let name = format!("token:{}", token.name).into();
        Some(Who { name, how: How::Token(*hash), role: token.role, areas: Arc::new(token.areas.clone()) })
    }
}

/// What stands behind `Bearer`.
fn bearer(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_from_headers_as_clients_send_them() {
        for (value, want) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("abc", None),
        ] {
            assert_eq!(bearer(value.as_bytes()), want, "{value}");
        }
    }
}
