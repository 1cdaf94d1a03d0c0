//! Accounts of people who log in at a provider. What the provider says of their role holds from each log-in on; which account
//! is theirs is told by whom the provider means, and never by what they are called.

use std::net::IpAddr;
use std::time::Duration;

use historian::{Account, AccountChange, Identity, RegisterError};
use plant::access::{Areas, Role};

use super::accounts::{AccessError, Accounts, By};
use super::change::{checked_name, line};

/// Somebody whom the provider has let in, in terms of the house.
#[derive(Clone, Debug)]
pub(crate) struct Outsider {
    pub(crate) identity: Identity,
    /// What they would be called here.
    pub(crate) name: Option<String>,
    /// What they may do; `None`: nothing.
    pub(crate) grant: Option<(Role, Areas)>,
}

/// Why somebody whom the provider let in is not let in here.
#[derive(Debug)]
pub(crate) enum Shut {
    /// Nobody administers the house yet.
    NoAdministrator,
    /// What the provider says of them gives them no role.
    NoRole,
    /// It says nothing that they could be called.
    NoName,
    /// Somebody else is called so.
    NameTaken,
    /// They are shut out.
    Disabled,
    /// They would no longer be the last administrator.
    LastAdministrator,
    /// Something else.
    Failed(AccessError),
}

impl From<AccessError> for Shut {
    fn from(e: AccessError) -> Self {
        Self::Failed(e)
    }
}

impl Accounts {
    /// Logs somebody in whom a provider has let in, for `lasts` at most; makes or changes their account after what it says.
    pub(crate) fn let_in(
        &self,
        who: Outsider,
        lasts: Duration,
        from: IpAddr,
        agent: &str,
    ) -> Result<(String, Account), Shut> {
        if self.open_to_all() {
            return Err(Shut::NoAdministrator);
        }
        let by = By { who: who.identity.issuer.clone(), origin: from.to_string() };
        let known = self.tables().access.accounts.iter().find(|a| a.identity.as_ref() == Some(&who.identity)).cloned();
        let Some((role, areas)) = who.grant else {
            if let Some(account) = known {
                // What they could do until now was theirs by a role that they no longer have.
                self.end_sessions(&account.name, &by)?;
            }
            return Err(Shut::NoRole);
        };
        let account = match known {
            Some(known) => self.updated(known, role, areas, &by)?,
            None => self.taken_in(who.identity, who.name, role, areas, &by)?,
        };
        Ok((self.begin(&account, lasts, from, agent, "login.provider")?, account))
    }

    fn updated(&self, known: Account, role: Role, areas: Areas, by: &By) -> Result<Account, Shut> {
        if known.disabled.is_some() {
            return Err(Shut::Disabled);
        }
        if known.role == role && known.areas == areas {
            return Ok(known);
        }
        let after = Account { role, areas: areas.clone(), ..known.clone() };
        let note = self.note(by, "user.change", &known.name, line(&known), line(&after));
        let change = AccountChange { role: Some(role), areas: Some(areas), ..AccountChange::default() };
        let changed = self.write(|r| match r.change_account(&known.name, &change, &note) {
            Err(RegisterError::LastAdministrator) => Ok(None),
            done => Ok(Some(done?)),
        })?;
        match changed {
            Some(true) => Ok(after),
            Some(false) => Err(Shut::Failed(AccessError::Unknown("the account is gone".into()))),
            None => Err(Shut::LastAdministrator),
        }
    }

    fn taken_in(
        &self,
        identity: Identity,
        name: Option<String>,
        role: Role,
        areas: Areas,
        by: &By,
    ) -> Result<Account, Shut> {
        let name = name.and_then(|n| checked_name(&n).ok()).ok_or(Shut::NoName)?;
        let account = Account {
            name,
            hash: String::new(),
            role,
            areas,
            language: String::new(),
            created: self.now(),
            disabled: None,
            identity: Some(identity),
        };
        if self.called(&account.name).is_some() {
            return Err(Shut::NameTaken);
        }
        let note = self.note(by, "user.add", &account.name, String::new(), line(&account));
        self.write(|r| match r.add_account(&account, &note) {
            Err(RegisterError::Taken { .. }) => Ok(Err(Shut::NameTaken)),
            done => Ok(Ok(done?)),
        })??;
        Ok(account)
    }
}
