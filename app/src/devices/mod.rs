//! Devices: who may connect, with what, and what that lets them do.
//!
//! [`Devices`] is the one way in which the register of devices is changed, whether by a command on a stopped instance or
//! by the page of a running one; there it also ends the connections of whom it shuts out. It does not know MQTT.

pub mod attempts;
pub mod authority;
pub mod own;
pub mod password;
pub mod rules;
pub mod verified;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use broker::{Rights, RightsError};
use historian::{Device, OwnPatterns, ReadError, Register, RegisterError};
use plant::{Clock, Timestamp};

use attempts::Attempts;
use authority::{Authority, AuthorityError, Issued};
use own::{OwnError, Way, Wrong};
pub use rules::NewDevice;
use verified::Verified;

/// The longest common name of a certificate, in characters (X.520).
const COMMON_NAME: usize = 64;
/// Why a device could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The role does not fit.
    #[error("{0}")]
    Rights(#[from] RightsError),
    /// A pattern of its own cannot be one.
    #[error("{0}")]
    Own(#[from] OwnError),
    /// Nobody of this name.
    #[error("there is no device {0:?}; `danxia device list` shows who there is")]
    Unknown(String),
    /// No such certificate.
    #[error("device {device:?} has no certificate {serial:?}; `danxia device list --json` shows them")]
    UnknownCertificate {
        /// The device.
        device: String,
        /// The serial number.
        serial: String,
    },
    /// Shut out.
    #[error("device {0:?} is revoked; `danxia device enable` lets it in again with a new password")]
    Revoked(String),
    /// Not shut out.
    #[error("device {0:?} is not revoked; `danxia device rotate` changes its password")]
    NotRevoked(String),
    /// The register said no.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The register could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The authority cannot sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; look at its log")]
    Random,
    /// Hashing failed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// Where a password comes from.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// It is made here, and shown once.
    Made,
    /// Somebody chose it.
    Given(&'a str),
    /// There is to be none: the device comes with a certificate.
    None,
}

impl<'a> From<Option<&'a str>> for Secret<'a> {
    fn from(given: Option<&'a str>) -> Self {
        given.map_or(Self::Made, Self::Given)
    }
}

impl Secret<'_> {
    /// The hash to store, and the password to show where it was made here.
    fn hashed(self) -> Result<(Option<String>, Option<String>), DeviceError> {
        match self {
            Self::None => Ok((None, None)),
            Self::Given(p) => {
                password::check(p)?;
                Ok((Some(password::hash(p)?), None))
            }
            Self::Made => {
                let p = password::generate()?;
                Ok((Some(password::hash(&p)?), Some(p)))
            }
        }
    }
}

/// A device's certificate with its key, and whom to trust.
pub struct DeviceCertificate {
    /// The certificate and its key.
    pub issued: Issued,
    /// The authority's certificate, PEM.
    pub authority: String,
}

/// The register of devices, and what goes with it.
pub struct Devices {
    register: Register,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    verified: Verified,
    attempts: Attempts,
    /// Opened when first needed; held so that two do not make it at once.
    authority: Mutex<Option<Arc<Authority>>>,
    /// Held while patterns are read, changed and written.
    changing: Mutex<()>,
    /// Where this is a running instance, and once its door is open.
    door: OnceLock<Arc<Disconnect>>,
}

/// Ends every connection of a device and says how many there were: with rights, it is to come again with these and its
/// sessions are kept; without, nothing of it is.
type Disconnect = dyn Fn(&str, Option<&Arc<Rights>>) -> usize + Send + Sync;

impl Devices {
    /// Over the register of the store in `dir`, which the caller holds.
    pub fn new(register: Register, dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, DeviceError> {
        Ok(Self {
            register,
            dir: dir.to_owned(),
            clock,
            verified: Verified::new()?,
            attempts: Attempts::default(),
            authority: Mutex::default(),
            changing: Mutex::default(),
            door: OnceLock::new(),
        })
    }

    /// From now on, whom this shuts out is disconnected by `disconnect`. It must not keep the door open for its own sake.
    pub fn attach(&self, disconnect: impl Fn(&str, Option<&Arc<Rights>>) -> usize + Send + Sync + 'static) {
        // A second door would be a fault of the program; the first one stays.
        let _ = self.door.set(Arc::new(disconnect));
    }

    /// Log-ins that were verified.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The last log-ins.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The register, for reading.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// Every device, by name.
    pub fn list(&self) -> Result<Vec<Device>, DeviceError> {
        Ok(self.register.devices()?)
    }

    /// The device called `name`.
    pub fn get(&self, name: &str) -> Result<Device, DeviceError> {
        self.register.device(name)?.ok_or_else(|| DeviceError::Unknown(name.to_owned()))
    }

    /// Adds a device, with this password or one that is made.
    pub fn add(&self, new: NewDevice, secret: Secret<'_>) -> Result<(Device, Option<String>), DeviceError> {
        let new = new.checked()?;
        let (hash, shown) = secret.hashed()?;
        self.register.add_device(&Device {
            name: new.name.clone(),
            role: new.role,
            site: new.site,
            group: new.group.unwrap_or_default(),
            note: new.note,
            created: self.now(),
            revoked: None,
            hash,
            certificates: Vec::new(),
            own: new.own,
        })?;
        tracing::info!(device = new.name, "a device was added");
        Ok((self.get(&new.name)?, shown))
    }

    /// Gives a device another password, and ends its connections.
    pub fn rotate(&self, name: &str, secret: Option<&str>) -> Result<(Device, Option<String>), DeviceError> {
        if self.get(name)?.revoked.is_some() {
            return Err(DeviceError::Revoked(name.to_owned()));
        }
        self.set_password(name, secret)
    }

    /// Lets a device that was revoked in again, with a new password; its old certificates stay revoked.
    pub fn enable(&self, name: &str, secret: Option<&str>) -> Result<(Device, Option<String>), DeviceError> {
        if self.get(name)?.revoked.is_none() {
            return Err(DeviceError::NotRevoked(name.to_owned()));
        }
        self.set_password(name, secret)
    }

    fn set_password(&self, name: &str, secret: Option<&str>) -> Result<(Device, Option<String>), DeviceError> {
        let (hash, shown) = Secret::from(secret).hashed()?;
        let hash = hash.unwrap_or_default();
        if !self.register.set_device_password(name, &hash)? {
            return Err(DeviceError::Unknown(name.to_owned()));
        }
        tracing::info!(device = name, "a device has a new password");
        self.shut_out(name);
        Ok((self.get(name)?, shown))
    }

    /// Puts patterns in the place of those that a device has beside its role; of what is `None`, those it has stay. Its
    /// connections end, unless nothing has changed; its sessions stay.
    pub fn allow(
        &self,
        name: &str,
        publish: Option<Vec<String>>,
        subscribe: Option<Vec<String>>,
    ) -> Result<Device, DeviceError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut device = self.get(name)?;
        let before = device.own.clone();
        device.own = own::tidied(OwnPatterns {
            publish: publish.unwrap_or_else(|| before.publish.clone()),
            subscribe: subscribe.unwrap_or_else(|| before.subscribe.clone()),
        });
        if device.own == before {
            return Ok(device);
        }
        if device.role == rules::UNRESTRICTED {
            let first = |way, some: &[String]| some.first().map(|p| (way, p.clone()));
            let found = first(Way::Publish, &device.own.publish).or(first(Way::Subscribe, &device.own.subscribe));
            if let Some((way, found)) = found {
                return Err(OwnError { way, found, why: Wrong::Everything }.into());
            }
        }
        let rights = Arc::new(rules::rights(&device)?);
        if !self.register.set_device_own(name, &device.own)? {
            return Err(DeviceError::Unknown(name.to_owned()));
        }
        tracing::info!(device = name, own = ?device.own, "a device has other patterns of its own");
        if let Some(disconnect) = self.door.get() {
            disconnect(name, Some(&rights));
        }
        self.get(name)
    }

    /// Shuts a device and all its certificates out, and ends its connections. A second time changes nothing.
    pub fn revoke(&self, name: &str) -> Result<Device, DeviceError> {
        if !self.register.revoke_device(name, self.now())? {
            return Err(DeviceError::Unknown(name.to_owned()));
        }
        tracing::info!(device = name, "a device was revoked");
        self.shut_out(name);
        self.get(name)
    }

    /// Issues a certificate to a device.
    pub fn issue(&self, name: &str, days: u32) -> Result<DeviceCertificate, DeviceError> {
        let device = self.get(name)?;
        if device.revoked.is_some() {
            return Err(DeviceError::Revoked(name.to_owned()));
        }
        if !(1..=authority::MAX_DAYS).contains(&days) {
            let max = authority::MAX_DAYS;
            return Err(DeviceError::Invalid(format!("a validity of {days} days; expected 1 to {max}")));
        }
        let n = name.chars().count();
        if n > COMMON_NAME {
            return Err(DeviceError::Invalid(format!(
                "device {name:?} has a name of {n} characters, and a certificate carries at most {COMMON_NAME}: give \
                 this one a password instead"
            )));
        }
        let authority = self.authority()?;
        let issued = authority.issue_device(&device.site, name, days, self.now())?;
        if !self.register.add_certificate(name, &issued.record, self.now())? {
            return Err(DeviceError::Unknown(name.to_owned()));
        }
        tracing::info!(device = name, serial = issued.record.serial, "a certificate was issued");
        Ok(DeviceCertificate { issued, authority: authority.certificate().to_owned() })
    }

    /// Revokes one certificate of a device, and ends the device's connections: it comes back with another.
    pub fn revoke_certificate(&self, name: &str, serial: &str) -> Result<Device, DeviceError> {
        self.get(name)?;
        let serial = serial.trim().to_lowercase().replace(':', "");
        let serial = serial.trim_start_matches('0');
        if !self.register.revoke_certificate(name, serial, self.now())? {
            return Err(DeviceError::UnknownCertificate { device: name.into(), serial: serial.into() });
        }
        tracing::info!(device = name, serial, "a certificate was revoked");
        self.shut_out(name);
        self.get(name)
    }

    /// The built-in authority, made at its first use.
    pub fn authority(&self) -> Result<Arc<Authority>, DeviceError> {
        let mut held = self.authority.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = &*held {
            return Ok(authority.clone());
        }
        let authority = Arc::new(Authority::open(&self.dir, self.now())?);
        *held = Some(authority.clone());
        Ok(authority)
    }

    /// What was let in with what is no longer good goes. The register has changed before: whom the door is verifying just
    /// now, it turns away as well.
    fn shut_out(&self, name: &str) {
        self.verified.forget(name);
        if let Some(disconnect) = self.door.get() {
            // Not within the line of the log: a line that is not written does nothing.
            let connections = disconnect(name, None);
            tracing::debug!(device = name, connections, "disconnected");
        }
    }
}
