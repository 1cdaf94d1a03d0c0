//! Who may connect: devices of the register, by password or certificate.
//!
//! The register is asked at every log-in, so that a revocation holds at once. Only a password that was not verified
//! lately costs argon2 (19 MiB, a few ten milliseconds), and of those two run at a time, in the order in which they came:
//! a storm of connections waits at the door instead of taking the memory of the house, and whoever has given up waiting
//! costs nothing.
//!
//! A certificate lets its device in when the register says that it was issued to it and not revoked. There is no
//! revocation list: one that was issued here and is *not* in the register is refused as well, nothing has to be
//! reloaded, and nothing expires by itself. Only certificates of the plant's own authority (`mqtt.tls_client_ca`), which
//! the register cannot know, are taken by their name.

use std::sync::Arc;

use broker::{Authenticator, BoxFuture, Certificate, Credentials, Denied, Identity, Login};
use historian::{Device, ReadError};
use tokio::sync::Semaphore;

use crate::devices::attempts::{Attempt, Outcome};
use crate::devices::{Devices, authority, password, rules};

/// Hashes at once.
const HASHES: usize = 2;
/// Look-ups at once: each may open a connection to the register.
const LOOKUPS: usize = 4;

/// Asks the register of devices.
pub struct Gate {
    inner: Arc<Inner>,
    hashes: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

struct Inner {
    devices: Arc<Devices>,
    /// Whether the plant's own authority may vouch for a device.
    foreign: bool,
    /// Verified against when there is no such device, so that the time to an answer does not tell names apart.
    nobody: String,
}

/// Whence a log-in comes.
struct From {
    address: std::net::SocketAddr,
    client_id: Arc<str>,
}

/// What a look-up says of a password.
enum Found {
    /// It was verified lately.
    Known(Device),
    /// It has to be compared with this hash.
    Compare(Option<Device>, String),
}

impl Gate {
    /// Over these devices; `foreign`: certificates of another authority than the built-in one are trusted by the door.
    pub fn new(devices: Arc<Devices>, foreign: bool) -> anyhow::Result<Self> {
        let nobody = password::hash("nobody's password")?;
        let inner = Arc::new(Inner { devices, foreign, nobody });
        let [hashes, lookups] = [HASHES, LOOKUPS].map(|n| Arc::new(Semaphore::new(n)));
        Ok(Self { inner, hashes, lookups })
    }
}

impl Authenticator for Gate {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        let (inner, hashes, lookups) = (self.inner.clone(), self.hashes.clone(), self.lookups.clone());
        Box::pin(async move {
            let from = From { address: login.address, client_id: login.client_id };
            let (user, secret) = match login.credentials {
                Credentials::Password { user, password } => (user, password),
                Credentials::Certificate(c) => return run(&lookups, move || inner.certificate(&c, &from)).await,
            };
            let (asked, given, from) = (inner.clone(), secret.clone(), Arc::new(from));
            let looking = from.clone();
            match run(&lookups, move || asked.look_up(&user, &given, &looking)).await? {
                Found::Known(device) => inner.admit(&device, &from),
                Found::Compare(device, hash) => {
                    run(&hashes, move || inner.compare(device, &hash, &secret, &from)).await
                }
            }
        })
    }
}

/// Runs blocking work on a thread that may block, as many at once as there are permits, in order. Who stops waiting
/// leaves the queue.
async fn run<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Denied> + Send + 'static,
) -> Result<T, Denied> {
    let permit = permits.clone().acquire_owned().await.map_err(|_| Denied::Unavailable)?;
    let held = move || {
        // Until the work has ended, also when nobody waits for it any more: it is the memory that is bounded.
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(held).await.unwrap_or(Err(Denied::Unavailable))
}

fn unreadable(e: &ReadError) -> Denied {
    tracing::error!("devices cannot be read: {e}");
    Denied::Unavailable
}

impl Inner {
    fn look_up(&self, user: &str, password: &str, from: &From) -> Result<Found, Denied> {
        // Nobody, or a device that has no password: the same work, the same answer.
        let nobody = || Ok(Found::Compare(None, self.nobody.clone()));
        let Some(device) = self.devices.register().device(user).map_err(|e| unreadable(&e))? else { return nobody() };
        let Some(hash) = device.hash.clone() else {
            self.note(&device.name, from, Outcome::NoPassword);
            return nobody();
        };
        if self.devices.verified().knows(&device.name, &hash, password) {
            return Ok(Found::Known(device));
        }
        Ok(Found::Compare(Some(device), hash))
    }

    fn compare(&self, device: Option<Device>, hash: &str, password: &str, from: &From) -> Result<Identity, Denied> {
        let right = password::matches(password, hash);
        let Some(device) = device else { return Err(Denied::Credentials) };
        if !right {
            return Err(self.refuse(&device.name, from, Outcome::Password));
        }
        // While this was compared, the device may have been revoked or given another password.
        let now = self.devices.register().device(&device.name).map_err(|e| unreadable(&e))?;
        let Some(device) = now.filter(|d| d.hash.as_deref() == Some(hash)) else { return Err(Denied::Credentials) };
        self.devices.verified().remember(&device.name, hash, password);
        self.admit(&device, from)
    }

    fn certificate(&self, c: &Certificate, from: &From) -> Result<Identity, Denied> {
        let register = self.devices.register();
        if let Some(device) = register.device_of_certificate(&c.fingerprint).map_err(|e| unreadable(&e))? {
            let now = self.devices.now();
            let valid = device.certificates.iter().any(|x| x.fingerprint == *c.fingerprint && x.valid(now));
            return if valid || device.revoked.is_some() {
                self.admit(&device, from)
            } else {
                Err(self.refuse(&device.name, from, Outcome::CertificateOver))
            };
        }
        let Some(name) = c.common_name.as_deref() else { return Err(Denied::Credentials) };
        let Some(device) = register.device(name).map_err(|e| unreadable(&e))? else {
            return Err(Denied::Credentials);
        };
        // Of the names in it, those that are ours must be those of this device.
        let ours = |u: &&Arc<str>| u.starts_with("urn:danxia:");
        let uri = authority::uri(&device.site, &device.name);
        if self.foreign && !self.is_ours(c) && c.uris.iter().filter(ours).all(|u| **u == *uri) {
            return self.admit(&device, from);
        }
        Err(self.refuse(&device.name, from, Outcome::CertificateUnknown))
    }

    /// Whether the built-in authority issued it. Where that cannot be found out, it did: then the register has to know it.
    fn is_ours(&self, c: &Certificate) -> bool {
        self.devices.authority().map_or(true, |ours| c.issuer.as_deref() == Some(ours.name()))
    }

    /// Lets a device in that proved who it is.
    fn admit(&self, device: &Device, from: &From) -> Result<Identity, Denied> {
        if device.revoked.is_some() {
            return Err(self.refuse(&device.name, from, Outcome::Revoked));
        }
        match rules::rights(device) {
            Ok(rights) => {
                self.note(&device.name, from, Outcome::In);
                Ok(Identity { name: device.name.as_str().into(), rights: Arc::new(rights) })
            }
            Err(e) => {
                tracing::warn!(device = device.name, "its role cannot be used: {e}");
                Err(self.refuse(&device.name, from, Outcome::Role))
            }
        }
    }

    fn refuse(&self, device: &str, from: &From, outcome: Outcome) -> Denied {
        self.note(device, from, outcome);
        match outcome {
            Outcome::Revoked | Outcome::Role => Denied::NotAuthorized,
            _ => Denied::Credentials,
        }
    }

    fn note(&self, device: &str, from: &From, outcome: Outcome) {
        self.devices.attempts().note(
            device,
            Attempt { t: self.devices.now(), address: from.address, client_id: from.client_id.clone(), outcome },
        );
    }
}

#[cfg(test)]
mod tests {
    use historian::Historian;
    use plant::{ManualClock, Timestamp};

    use super::*;
    use crate::devices::{NewDevice, Secret};

    const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);
    const PASSWORD: &str = "correct horse battery";

    struct Door {
        devices: Arc<Devices>,
        gate: Gate,
        store: Historian,
        dir: tempfile::TempDir,
        clock: Arc<ManualClock>,
    }

    fn door(foreign: bool) -> Door {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        let devices = Arc::new(Devices::new(store.register(), dir.path(), clock.clone()).unwrap());
        let gate = Gate::new(devices.clone(), foreign).unwrap();
        Door { devices, gate, store, dir, clock }
    }

    impl Door {
        fn add(&self, name: &str, secret: Secret<'_>) {
            let new = NewDevice { name: name.into(), role: "device".into(), site: "s".into(), ..NewDevice::default() };
            self.devices.add(new, secret).unwrap();
        }

        async fn knock(&self, credentials: Credentials) -> Result<Identity, Denied> {
            let address = "10.0.0.7:50000".parse().unwrap();
            self.gate.verify(Login { credentials, client_id: "c".into(), address }).await
        }

        async fn password(&self, user: &str, password: &str) -> Result<Identity, Denied> {
            self.knock(Credentials::Password { user: user.into(), password: password.into() }).await
        }

        async fn certificate(&self, common_name: &str, uris: &[&str], fingerprint: &str) -> Result<Identity, Denied> {
            self.certificate_of("Plant CA", common_name, uris, fingerprint).await
        }

        async fn certificate_of(
            &self,
            issuer: &str,
            common_name: &str,
            uris: &[&str],
            fingerprint: &str,
        ) -> Result<Identity, Denied> {
            let certificate = Certificate {
                common_name: Some(common_name.into()),
                issuer: Some(issuer.into()),
                uris: uris.iter().map(|u| (*u).into()).collect(),
                serial: "4a".into(),
                fingerprint: fingerprint.into(),
            };
            self.knock(Credentials::Certificate(certificate)).await
        }

        fn last(&self, name: &str) -> Option<Outcome> {
            self.devices.attempts().last(name).map(|a| a.outcome)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_lets_its_device_in_until_it_changes_or_is_revoked() {
        let d = door(false);
        d.add("m", Secret::Given(PASSWORD));
        for _ in 0..2 {
            // The second time from memory.
            let identity = d.password("m", PASSWORD).await.unwrap();
            assert_eq!(
                (&*identity.name, identity.rights.publish.as_slice()),
                ("m", &["danxia/v1/s/m/#".to_owned()][..])
            );
        }
        assert_eq!(d.password("m", "another one").await.unwrap_err(), Denied::Credentials);
        assert_eq!(d.last("m"), Some(Outcome::Password));
        assert_eq!(d.password("nobody", PASSWORD).await.unwrap_err(), Denied::Credentials);
        assert_eq!(d.last("nobody"), None, "strangers leave no trace");

        d.devices.rotate("m", Some("a newer password")).unwrap();
        assert_eq!(d.password("m", PASSWORD).await.unwrap_err(), Denied::Credentials, "memory forgets it as well");
        assert!(d.password("m", "a newer password").await.is_ok());
        d.devices.revoke("m").unwrap();
        assert_eq!(d.password("m", "a newer password").await.unwrap_err(), Denied::NotAuthorized);
        assert_eq!(d.password("m", PASSWORD).await.unwrap_err(), Denied::Credentials, "who it is, it has to prove");
        d.devices.enable("m", Some("a third password")).unwrap();
        assert!(d.password("m", "a third password").await.is_ok());
        assert!(d.password("m", "a newer password").await.is_err());
        drop((d.store, d.dir));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_certificate_is_taken_when_the_register_says_so() {
        let d = door(false);
        d.add("m", Secret::None);
        let issued = d.devices.issue("m", 30).unwrap().issued.record;
        let uri = authority::uri("s", "m");
        assert_eq!(&*d.certificate("m", &[&uri], &issued.fingerprint).await.unwrap().name, "m");
        assert_eq!(&*d.certificate("other", &[], &issued.fingerprint).await.unwrap().name, "m", "it is whose it is");
        assert!(d.certificate("m", &[&uri], "00").await.is_err(), "one that was never entered");
        assert_eq!(d.last("m"), Some(Outcome::CertificateUnknown));
        assert!(d.certificate("nobody", &[], "00").await.is_err());
        assert!(d.password("m", PASSWORD).await.is_err());
        assert_eq!(d.last("m"), Some(Outcome::NoPassword));

        d.clock.set(issued.expires);
        assert_eq!(d.certificate("m", &[&uri], &issued.fingerprint).await.unwrap_err(), Denied::Credentials);
        assert_eq!(d.last("m"), Some(Outcome::CertificateOver));
        d.clock.set(NOW);
        d.devices.revoke_certificate("m", &issued.serial).unwrap();
        assert_eq!(d.certificate("m", &[&uri], &issued.fingerprint).await.unwrap_err(), Denied::Credentials);
        d.devices.revoke("m").unwrap();
        assert_eq!(d.certificate("m", &[&uri], &issued.fingerprint).await.unwrap_err(), Denied::NotAuthorized);
        drop((d.store, d.dir));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_plants_own_authority_vouches_by_name_and_not_for_what_was_revoked_here() {
        let d = door(true);
        d.add("m", Secret::None);
        let uri = authority::uri("s", "m");
        for (uris, let_in) in [
            (&[][..], true),
            (&[uri.as_str()], true),
            (&["urn:danxia:device:s:other"], false),
            (&[uri.as_str(), "urn:danxia:device:s:other"], false),
            (&["https://plant.example/m"], true),
        ] {
            assert_eq!(d.certificate("m", uris, "ff").await.is_ok(), let_in, "{uris:?}");
        }
        // One of our own that the register does not know, after a restore from a backup, say: the plant's authority has
        // nothing to do with it.
        let ours = d.devices.authority().unwrap();
        for uris in [&[uri.as_str()][..], &[]] {
            assert!(d.certificate_of(ours.name(), "m", uris, "ff").await.is_err(), "{uris:?}");
            assert_eq!(d.last("m"), Some(Outcome::CertificateUnknown));
        }
        let issued = d.devices.issue("m", 30).unwrap().issued.record;
        d.devices.revoke_certificate("m", &issued.serial).unwrap();
        assert!(d.certificate("m", &[&uri], &issued.fingerprint).await.is_err());
        d.devices.revoke("m").unwrap();
        assert_eq!(d.certificate("m", &[], "ff").await.unwrap_err(), Denied::NotAuthorized);
        drop((d.store, d.dir));
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_known_devices_hashes_nothing_and_who_gives_up_costs_nothing() {
        let d = door(false);
        d.add("m", Secret::Given(PASSWORD));
        d.password("m", PASSWORD).await.unwrap();
        // Every hash is taken: whoever needs one waits, whoever is known does not.
        let held = d.gate.hashes.clone().acquire_many_owned(HASHES as u32).await.unwrap();
        let all = (0..200).map(|_| d.password("m", PASSWORD));
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
        {
            let mut waiting = std::pin::pin!(d.password("m", "a wrong password"));
            let patience = std::time::Duration::from_secs(5);
            let polled = tokio::time::timeout(patience, &mut waiting).await;
            assert!(polled.is_err(), "it waits for a permit");
        }
        drop(held);
        assert_eq!(d.gate.hashes.available_permits(), HASHES, "who gave up holds no permit and runs no hash");
        assert_eq!(d.last("m"), Some(Outcome::In), "and was never compared");
        drop((d.store, d.dir));
    }
}
