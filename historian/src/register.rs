//! The register: the plant as it stands, its alarms and their journal, and who may publish.

use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};

use plant::{AlarmId, AlarmRecord, MachineId, Note, PhotoId, Plant, Timestamp, WorkOrder};

use crate::device::{self, Devices};
use crate::shared::Shared;
use crate::{
    Access, Account, AccountChange, AuditEntry, AuditFilter, AuditRecord, Device, DeviceCertificate, Ignored,
    JournalEntry, OwnPatterns, ReadError, RegisterError, Retained, SecretHash, Seq, Session, Token, WorkFilter,
    account, audit, state, work,
};

/// Recalls the plant, alarms and devices. Cheap to clone.
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

    /// Unknown names that a person does not want to be offered, in order.
    pub fn ignored(&self) -> Result<Vec<Ignored>, ReadError> {
        self.shared.state.read(|conn| state::load_ignored(conn))
    }

    /// Steps of all alarms after that (seq, n), the oldest first: for whoever passes them on.
    pub fn alarm_journal_after(&self, after: (Seq, u32), limit: usize) -> Result<Vec<JournalEntry>, ReadError> {
        self.shared.state.read(|conn| state::load_journal_after(conn, after, limit))
    }

    /// A position, for [`Register::alarm_journal_after`], up to which every step was journaled before `t` by the time that
    /// the steps themselves tell. A step that was journaled later may tell of an earlier time (late, or as history); so who
    /// wants all steps of a time begins as much earlier as sources' clocks may run ahead.
    pub fn alarm_journal_before(&self, t: Timestamp) -> Result<(Seq, u32), ReadError> {
        self.shared.state.read(|conn| state::journal_before(conn, t))
    }

    /// Work orders, the newest first.
    pub fn work_orders(&self, which: &WorkFilter, limit: usize) -> Result<Vec<WorkOrder>, ReadError> {
        self.shared.state.read(|conn| work::orders(conn, which, limit))
    }

    /// The work order of this number.
    pub fn work_order(&self, number: u64) -> Result<Option<WorkOrder>, ReadError> {
        self.shared.state.read(|conn| work::order(conn, number))
    }

    /// Notes of a machine, the newest first, those that were taken back among them; with `before`, only those numbered
    /// below that.
    pub fn notes(&self, machine: &MachineId, before: Option<u64>, limit: usize) -> Result<Vec<Note>, ReadError> {
        self.shared.state.read(|conn| work::notes(conn, machine, before, limit))
    }

    /// The numbers of the last work order and of the last note; 0 where there is none.
    pub fn last_work(&self) -> Result<(u64, u64), ReadError> {
        self.shared.state.read(|conn| work::last(conn))
    }

    /// A photo as it was sent, if a work order of this machine shows it.
    pub fn photo(&self, machine: &MachineId, id: PhotoId) -> Result<Option<Vec<u8>>, ReadError> {
        self.shared.state.read(|conn| work::photo(conn, machine, id))
    }

    /// Whether all of these photos are here.
    pub fn has_photos(&self, ids: &[PhotoId]) -> Result<bool, ReadError> {
        self.shared.state.read(|conn| work::has_photos(conn, ids))
    }

    /// Keeps a photo, at most [`crate::MAX_PHOTO`] bytes, that a work order is to refer to within a day. On disk when this
    /// returns.
    pub fn add_photo(&self, body: &[u8], now: Timestamp) -> Result<PhotoId, RegisterError> {
        work::add_photo(self.devices_mut()?.begin()?, body, now)
    }

    /// What the MQTT door retains, by topic; what has expired lately may still be among it.
    pub fn retained(&self) -> Result<Vec<Retained>, ReadError> {
        self.shared.state.read(|conn| state::load_retained(conn))
    }

    /// Every device of the MQTT door, by name.
    pub fn devices(&self) -> Result<Vec<Device>, ReadError> {
        self.shared.state.read(|conn| device::load_all(conn))
    }

    /// The device called `name`.
    pub fn device(&self, name: &str) -> Result<Option<Device>, ReadError> {
        self.shared.state.read(|conn| device::load_one(conn, name))
    }

    /// The device to which the certificate with this fingerprint was issued, revoked or not.
    pub fn device_of_certificate(&self, fingerprint: &str) -> Result<Option<Device>, ReadError> {
        self.shared.state.read(|conn| device::load_by_fingerprint(conn, fingerprint))
    }

    /// Adds a device, without certificates. On disk when this returns, as with every method below.
    pub fn add_device(&self, device: &Device) -> Result<(), RegisterError> {
        self.devices_mut()?.add(device)
    }

    /// Gives a device another password hash, and lets it in again if it was revoked; says whether there is one.
    pub fn set_device_password(&self, name: &str, hash: &str) -> Result<bool, RegisterError> {
        self.devices_mut()?.set_password(name, hash)
    }

    /// Puts these patterns in the place of those that a device has beside its role; says whether there is one.
    pub fn set_device_own(&self, name: &str, own: &OwnPatterns) -> Result<bool, RegisterError> {
        self.devices_mut()?.set_own(name, own)
    }

    /// Shuts a device out, and every certificate of it; says whether there is one.
    pub fn revoke_device(&self, name: &str, now: Timestamp) -> Result<bool, RegisterError> {
        self.devices_mut()?.revoke(name, now)
    }

    /// Files a certificate that was issued to a device; says whether there is one. Where there are too many, the oldest
    /// that has expired is forgotten.
    pub fn add_certificate(&self, device: &str, c: &DeviceCertificate, now: Timestamp) -> Result<bool, RegisterError> {
        self.devices_mut()?.add_certificate(device, c, now)
    }

    /// Revokes a certificate of a device; says whether it has one of this serial number.
    pub fn revoke_certificate(&self, device: &str, serial: &str, now: Timestamp) -> Result<bool, RegisterError> {
        self.devices_mut()?.revoke_certificate(device, serial, now)
    }

    /// Accounts, sessions and tokens, as of one moment.
    pub fn access(&self) -> Result<Access, ReadError> {
        self.shared.state.read(|conn| account::load(conn))
    }

    /// Whether there is an administrator who may log in.
    pub fn has_administrator(&self) -> Result<bool, ReadError> {
        self.shared.state.read(|conn| account::has_administrator(conn))
    }

    /// Adds an account. It and its entry in the audit log are on disk when this returns, or neither is; so with every
    /// method below.
    pub fn add_account(&self, account: &Account, note: &AuditRecord) -> Result<(), RegisterError> {
        account::add(self.devices_mut()?.begin()?, account, note)
    }

    /// Changes an account; says whether there is one. The last administrator who may log in stays one.
    pub fn change_account(&self, name: &str, c: &AccountChange, note: &AuditRecord) -> Result<bool, RegisterError> {
        account::change(self.devices_mut()?.begin()?, name, c, note)
    }

    /// Begins a session; sessions that are over go, and of too many of one account those that were not used for longest.
    pub fn begin_session(&self, session: &Session, note: &AuditRecord) -> Result<(), RegisterError> {
        account::begin_session(self.devices_mut()?.begin()?, session, note)
    }

    /// Ends a session; says whether there was one.
    pub fn end_session(&self, hash: &SecretHash, note: &AuditRecord) -> Result<bool, RegisterError> {
        account::end_session(self.devices_mut()?.begin()?, hash, note)
    }

    /// Ends the sessions of an account, all but `keep`; says how many there were.
    pub fn end_sessions(
        &self,
        account: &str,
        keep: Option<&SecretHash>,
        note: &AuditRecord,
    ) -> Result<usize, RegisterError> {
        account::end_sessions(self.devices_mut()?.begin()?, account, keep, note)
    }

    /// Adds a token.
    pub fn add_token(&self, token: &Token, note: &AuditRecord) -> Result<(), RegisterError> {
        account::add_token(self.devices_mut()?.begin()?, token, note)
    }

    /// Takes a token away; says whether there was one.
    pub fn revoke_token(&self, name: &str, note: &AuditRecord) -> Result<bool, RegisterError> {
        account::revoke_token(self.devices_mut()?.begin()?, name, note)
    }

    /// Notes when sessions and tokens were used. The audit log does not tell of this.
    pub fn touch(&self, used: &[(SecretHash, Timestamp)]) -> Result<(), RegisterError> {
        account::touch(self.devices_mut()?.begin()?, used)
    }

    /// Appends to the audit log.
    pub fn note(&self, record: &AuditRecord) -> Result<(), RegisterError> {
        let mut writer = self.devices_mut()?;
        let tx = writer.begin()?;
        audit::append(&tx, record)?;
        Ok(tx.commit()?)
    }

    /// Entries of the audit log, the newest first.
    pub fn audit(&self, which: &AuditFilter, limit: usize) -> Result<Vec<AuditEntry>, ReadError> {
        self.shared.state.read(|conn| audit::load(conn, which, limit))
    }

    fn devices_mut(&self) -> Result<MutexGuard<'_, Devices>, RegisterError> {
        let devices = self.shared.devices.as_ref().ok_or(RegisterError::ReadOnly)?;
        Ok(devices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
