//! Devices: who may connect, with what, and how far a new one has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QuarantinedMessage, Time};

/// The devices of the register, and what can be said of all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Devices {
    /// The devices, by name.
    pub devices: Vec<Device>,
    /// The roles that a new device can have.
    pub roles: Vec<Role>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// User name in CONNECT, and common name of its certificates.
    pub name: String,
    /// The name of its role. `unrestricted` may do everything: what was a user before there were devices.
    pub role: String,
    /// The site; empty where it has none.
    pub site: String,
    /// The group; `null` where it has none.
    pub group: Option<String>,
    /// What people noted.
    pub note: String,
    /// When it was added.
    pub created: Time,
    /// When it was shut out; `null` while it may connect.
    pub revoked: Option<Time>,
    /// Whether it has a password.
    pub password: bool,
    /// Its certificates, the oldest first.
    pub certificates: Vec<DeviceCertificate>,
    /// Topic filters under which it may publish.
    pub publish: Vec<String>,
    /// Topic filters that are taken out of these: what only the platform publishes.
    #[serde(default)]
    pub except: Vec<String>,
    /// Topic filters that it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may read what the broker says of itself.
    pub monitor: bool,
    /// What of this it has beside its role, as it was given: with the placeholders of a role.
    #[serde(default)]
    pub own: OwnPatterns,
    /// Whether it is connected; `null` where nobody knows (the register of a stopped instance).
    pub connected: Option<bool>,
    /// When it was last let in, or left, since the platform started.
    pub last_seen: Option<Time>,
}

/// What one device may do beside its role: topic filters with the placeholders `{device}`, `{site}` and `{group}`, at most
/// 32 of each kind. Those to publish begin with a name, and stay out of `danxia/v1` and `spBv1.0`, which are for roles;
/// none begins with `$`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnPatterns {
    /// Patterns under which it may publish.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Patterns that it may subscribe to; a wildcard may come first.
    #[serde(default)]
    pub subscribe: Vec<String>,
}

impl OwnPatterns {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.publish.is_empty() && self.subscribe.is_empty()
    }
}

/// Patterns to put in the place of those that a device has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOwnPatterns {
    /// Patterns under which it may publish; those it has stay where nothing is said.
    #[serde(default)]
    pub publish: Option<Vec<String>>,
    /// Patterns that it may subscribe to; those it has stay where nothing is said.
    #[serde(default)]
    pub subscribe: Option<Vec<String>>,
}

/// A certificate of a device, without its key: that is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCertificate {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    /// From when on it is valid.
    pub issued: Time,
    /// Until when.
    pub expires: Time,
    /// When it was revoked, if it was.
    pub revoked: Option<Time>,
    /// Whole days until it expires; negative when it has.
    pub days_left: i64,
}

/// A role: what its placeholders are filled in with is the device's own `{device}`, `{site}` and `{group}`. A pattern
/// with a placeholder that ends in `?` is left out where the device has no such name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// For whom it is, in one English sentence.
    pub about: String,
    /// Patterns under which it may publish.
    pub publish: Vec<String>,
    /// Patterns that are taken out of these.
    #[serde(default)]
    pub except: Vec<String>,
    /// Patterns that it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may read what the broker says of itself.
    pub monitor: bool,
}

/// A device to be added.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// 1 to 128 bytes without `/`, `+`, `#` and control characters.
    pub name: String,
    /// The name of a role.
    pub role: String,
    /// The site, under the same rules as the name.
    pub site: String,
    /// The group; that of a `sparkplug-node` is the site where nothing is said.
    #[serde(default)]
    pub group: Option<String>,
    /// At most 200 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// A password of at least 12 characters; one is made where nothing is said.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether it is to have no password: it then comes with a certificate only.
    #[serde(default)]
    pub certificate_only: bool,
    /// What it may do beside its role.
    #[serde(default, skip_serializing_if = "OwnPatterns::is_empty")]
    pub own: OwnPatterns,
}

/// Another password.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// A password of at least 12 characters; one is made where nothing is said.
    #[serde(default)]
    pub password: Option<String>,
}

/// A certificate to be issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// For how many days, 1 to 3650; 730 where nothing is said.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A device with its password, which is shown this once.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCredentials {
    /// The device.
    pub device: Device,
    /// The password that was made; `null` where it was given, or there is none.
    pub password: Option<String>,
}

/// A certificate with its key, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedCertificate {
    /// The device.
    pub device: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Until when it is valid.
    pub expires: Time,
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM (PKCS#8).
    pub key: String,
    /// The certificate of the authority that signed it, PEM: what the device trusts.
    pub authority: String,
}

/// How far a device has come on its way to a first value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Checklist {
    /// The device.
    pub device: String,
    /// When this was looked up.
    pub now: Time,
    /// The steps in their order: `tcp`, `identity`, `rights`, `topic`, `parse`, `value`.
    pub steps: Vec<ChecklistStep>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChecklistStep {
    /// Which.
    pub step: String,
    /// `waiting`, `ok` or `failed`.
    pub state: String,
    /// When that was seen last.
    pub at: Option<Time>,
    /// What was seen: an address, a client id, a topic, a value.
    pub seen: Option<String>,
    /// Of a step that failed: a stable code, that of the quarantine where it failed on a message.
    pub code: Option<String>,
    /// Of a step that failed: what was expected, what was found, what to do.
    pub error: Option<String>,
    /// Of a step that failed on a message: that message.
    pub message: Option<QuarantinedMessage>,
}
