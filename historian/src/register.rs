//! The register: the plant as it stands, its alarms and their journal, and who may publish.

use std::fmt;
use std::sync::{Arc, PoisonError};

use plant::{AlarmId, AlarmRecord, Plant};

use crate::shared::Shared;
use crate::{JournalEntry, ReadError, RegisterError, Retained, Seq, User, state};

/// Recalls the plant, alarms and users. Cheap to clone.
///
/// Plant and alarms are projections of the log: what a commit changes is here before the tails hear of that commit.
/// Its methods are synchronous and, apart from [`Register::plant`], touch the disk.
#[derive(Clone)]
pub struct Register {
    shared: Arc<Shared>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("revision", &self.plant().revision).finish_non_exhaustive()
    }
}

impl Register {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The asset tree as of the last commit, from memory.
    #[must_use]
    pub fn plant(&self) -> Arc<Plant> {
        self.shared.plant()
    }

    /// Every alarm that was ever raised.
    pub fn alarms(&self) -> Result<Vec<AlarmRecord>, ReadError> {
        self.shared.state.read(|conn| state::load_alarms(conn))
    }

    /// One alarm.
    pub fn alarm(&self, id: AlarmId) -> Result<Option<AlarmRecord>, ReadError> {
        self.shared.state.read(|conn| state::load_alarm(conn, id))
    }

    /// Steps of alarms, the newest first: of one alarm or of all; with `before`, only those before that (seq, n).
    pub fn alarm_journal(
        &self,
        id: Option<AlarmId>,
        before: Option<(Seq, u32)>,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, ReadError> {
        let before = before.unwrap_or((Seq::MAX, u32::MAX));
        self.shared.state.read(|conn| state::load_journal(conn, id, before, limit))
    }

    /// What the MQTT door retains, by topic; what has expired lately may still be among it.
    pub fn retained(&self) -> Result<Vec<Retained>, ReadError> {
        self.shared.state.read(|conn| state::load_retained(conn))
    }

    /// Every user of the MQTT door, by name.
    pub fn users(&self) -> Result<Vec<User>, ReadError> {
        self.shared.state.read(|conn| state::load_users(conn))
    }

    /// The user called `name`.
    pub fn user(&self, name: &str) -> Result<Option<User>, ReadError> {
        self.shared.state.read(|conn| state::load_user(conn, name))
    }

    /// Adds a user, or gives one another hash. On disk when this returns.
    pub fn set_user(&self, name: &str, hash: &str) -> Result<(), RegisterError> {
        let users = self.shared.users.as_ref().ok_or(RegisterError::ReadOnly)?;
        users.lock().unwrap_or_else(PoisonError::into_inner).set(name, hash)
    }

    /// Removes a user and says whether there was one. On disk when this returns.
    pub fn remove_user(&self, name: &str) -> Result<bool, RegisterError> {
        let users = self.shared.users.as_ref().ok_or(RegisterError::ReadOnly)?;
        users.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }
}
