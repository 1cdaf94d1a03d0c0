//! The register of devices as the page and the commands see it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker::{Broker, ClientSnapshot, ROLES};
use historian::{Archive, Device, OwnPatterns, RegisterError};
use plant::Timestamp;
use web::{Registrar, RegistrarError, dto};

use super::checklist::{self, Noticed};
use crate::devices::own::OwnError;
use crate::devices::{DeviceError, Devices, NewDevice, Secret, authority, rules};

impl From<DeviceError> for RegistrarError {
    fn from(e: DeviceError) -> Self {
        let said = e.to_string();
        match e {
            DeviceError::Invalid(_) | DeviceError::Rights(_) => Self::Invalid(said),
            DeviceError::Own(OwnError { way, found, why }) => {
                Self::Field(dto::FieldFault { field: way.name().into(), code: why.code().into(), found }, said)
            }
            DeviceError::Unknown(_) | DeviceError::UnknownCertificate { .. } => Self::Unknown(said),
            DeviceError::Revoked(_) | DeviceError::NotRevoked(_) => Self::Conflict(said),
            DeviceError::Register(RegisterError::Exists(_) | RegisterError::Full { .. }) => Self::Conflict(said),
            DeviceError::Register(_)
            | DeviceError::Read(_)
            | DeviceError::Authority(_)
            | DeviceError::Random
            | DeviceError::Hash(_) => {
                tracing::error!("devices: {said}");
                Self::Failed(said)
            }
        }
    }
}

/// What is known of devices where an instance runs.
pub struct Live {
    /// Who is connected.
    pub broker: Arc<Broker>,
    /// What became of messages.
    pub archive: Archive,
}

/// Where devices are registered.
pub struct Desk {
    devices: Arc<Devices>,
    live: Option<Live>,
    /// Denials that checklists have seen, by device; as many as the register has devices.
    noticed: Mutex<HashMap<String, Noticed>>,
}

impl Desk {
    /// Of a running instance, or (`None`) of a store that is at rest.
    pub fn new(devices: Arc<Devices>, live: Option<Live>) -> Self {
        Self { devices, live, noticed: Mutex::default() }
    }

    fn clients(&self) -> Option<HashMap<Arc<str>, Vec<ClientSnapshot>>> {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for c in self.live.as_ref()?.broker.clients() {
            by_name.entry(c.identity.clone()).or_default().push(c);
        }
        Some(by_name)
    }

    fn view(&self, d: &Device) -> dto::Device {
        self.seen(d, self.clients().as_ref())
    }

    fn seen(&self, d: &Device, clients: Option<&HashMap<Arc<str>, Vec<ClientSnapshot>>>) -> dto::Device {
        let now = self.devices.now();
        let mut view = device(d, now);
        let Some(clients) = clients else { return view };
        let own = clients.get(d.name.as_str()).map_or(&[][..], Vec::as_slice);
        view.connected = Some(own.iter().any(|c| c.connected));
        let left = own.iter().map(|c| if c.connected { now } else { now - c.since }).max();
        let attempt = self.devices.attempts().last(&d.name).map(|a| a.t);
        view.last_seen = left.max(attempt).map(dto::Time::from);
        view
    }
}

/// A device, without what only a running instance knows.
pub fn device(d: &Device, now: Timestamp) -> dto::Device {
    let rights = rules::rights(d).unwrap_or_default();
    dto::Device {
        name: d.name.clone(),
        role: d.role.clone(),
        site: d.site.clone(),
        group: (!d.group.is_empty()).then(|| d.group.clone()),
        note: d.note.clone(),
        created: d.created.into(),
        revoked: d.revoked.map(Into::into),
        password: d.hash.is_some(),
        certificates: d.certificates.iter().map(|c| certificate(c, now)).collect(),
        publish: rights.publish,
        except: rights.except,
        subscribe: rights.subscribe,
        monitor: rights.monitor,
        own: dto::OwnPatterns { publish: d.own.publish.clone(), subscribe: d.own.subscribe.clone() },
        connected: None,
        last_seen: None,
    }
}

fn certificate(c: &historian::DeviceCertificate, now: Timestamp) -> dto::DeviceCertificate {
    const DAY: i64 = 86_400_000_000_000;
    dto::DeviceCertificate {
        serial: c.serial.clone(),
        fingerprint: c.fingerprint.clone(),
        issued: c.issued.into(),
        expires: c.expires.into(),
        revoked: c.revoked.map(Into::into),
        days_left: c.expires.nanos().saturating_sub(now.nanos()).div_euclid(DAY),
    }
}

fn roles() -> Vec<dto::Role> {
    let owned = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect();
    ROLES
        .iter()
        .map(|r| dto::Role {
            name: r.name.into(),
            about: r.about.into(),
            publish: owned(r.publish),
            except: owned(r.except),
            subscribe: owned(r.subscribe),
            monitor: r.monitor,
        })
        .collect()
}

impl Registrar for Desk {
    fn list(&self) -> Result<dto::Devices, RegistrarError> {
        let clients = self.clients();
        let devices = self.devices.list()?.iter().map(|d| self.seen(d, clients.as_ref())).collect();
        Ok(dto::Devices { devices, roles: roles() })
    }

    fn add(&self, new: dto::NewDevice) -> Result<dto::DeviceCredentials, RegistrarError> {
        if new.certificate_only && new.password.is_some() {
            let said = "a password is given, and certificate_only says that there is to be none";
            return Err(RegistrarError::Invalid(said.into()));
        }
        let secret = match new.password.as_deref() {
            _ if new.certificate_only => Secret::None,
            given => Secret::from(given),
        };
        let wanted = NewDevice {
            name: new.name,
            role: new.role,
            site: new.site,
            group: new.group,
            note: new.note.unwrap_or_default(),
            own: OwnPatterns { publish: new.own.publish, subscribe: new.own.subscribe },
        };
        let (device, password) = self.devices.add(wanted, secret)?;
        Ok(dto::DeviceCredentials { device: self.view(&device), password })
    }

    fn rotate(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError> {
        let (device, password) = self.devices.rotate(name, password)?;
        Ok(dto::DeviceCredentials { device: self.view(&device), password })
    }

    fn enable(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError> {
        let (device, password) = self.devices.enable(name, password)?;
        Ok(dto::DeviceCredentials { device: self.view(&device), password })
    }

    fn allow(&self, name: &str, own: dto::NewOwnPatterns) -> Result<dto::Device, RegistrarError> {
        Ok(self.view(&self.devices.allow(name, own.publish, own.subscribe)?))
    }

    fn revoke(&self, name: &str) -> Result<dto::Device, RegistrarError> {
        Ok(self.view(&self.devices.revoke(name)?))
    }

    fn issue(&self, name: &str, days: Option<u32>) -> Result<dto::IssuedCertificate, RegistrarError> {
        let c = self.devices.issue(name, days.unwrap_or(authority::DEFAULT_DAYS))?;
        Ok(dto::IssuedCertificate {
            device: name.to_owned(),
            serial: c.issued.record.serial,
            expires: c.issued.record.expires.into(),
            certificate: c.issued.certificate,
            key: c.issued.key,
            authority: c.authority,
        })
    }

    fn revoke_certificate(&self, name: &str, serial: &str) -> Result<dto::Device, RegistrarError> {
        Ok(self.view(&self.devices.revoke_certificate(name, serial)?))
    }

    fn checklist(&self, name: &str) -> Result<dto::Checklist, RegistrarError> {
        let device = self.devices.get(name)?;
        let Some(live) = &self.live else {
            return Err(RegistrarError::Failed("no instance runs; start it with `danxia run`".into()));
        };
        let clients: Vec<_> = live.broker.clients().into_iter().filter(|c| *c.identity == *name).collect();
        let attempt = self.devices.attempts().last(name);
        let sources = checklist::sources(&clients, attempt.as_ref());
        let unreadable = |e: historian::ReadError| {
            tracing::error!("a checklist cannot be read: {e}");
            RegistrarError::Failed(e.to_string())
        };
        let rules = self.devices.register().plant().rules.clone();
        let said = checklist::Messages::of(&live.archive, &rules, &sources, &clients).map_err(unreadable)?;
        let now = self.devices.now();
        let denial = {
            let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
            noticed.entry(device.name.clone()).or_default().look(&clients, now)
        };
        let known = checklist::Known { device: &device, attempt, clients: &clients, denial, messages: said };
        let steps = checklist::steps(&known, now);
        Ok(dto::Checklist { device: device.name.clone(), now: now.into(), steps })
    }

    fn authority(&self) -> Result<String, RegistrarError> {
        Ok(self.devices.authority()?.certificate().to_owned())
    }
}
