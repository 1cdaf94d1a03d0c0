//! The built-in certification authority: a key and a certificate in the store's directory, made when first needed.
//!
//! The subject follows from the key, so that the key alone is enough to sign: nothing here parses certificates. What it
//! issues to devices is entered into the register by whoever asked; that entry, not a revocation list, is what lets a
//! certificate in (`auth`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use historian::DeviceCertificate;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

const DAY: u64 = 86_400;
/// How long the authority's own certificate is valid.
const AUTHORITY_DAYS: u64 = 20 * 365;
/// A clock on the other side may be behind by this much.
const BEFORE: u64 = DAY;
/// The longest validity of a device's certificate.
pub const MAX_DAYS: u32 = 3_650;
/// Validity of a device's certificate where nothing is said.
pub const DEFAULT_DAYS: u32 = 730;
/// Validity of the listener's own certificate: what clients accept at most (CA/Browser Forum: 398 days).
pub const SERVER_DAYS: u32 = 397;

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others on this computer can read the key.
    #[error(
        "{} can be read by others (mode {mode:03o}): whoever has read it can pose as any device; `chmod 600` it, and \
         if it may have been read, remove it and ca.crt and issue every certificate anew",
        path.display()
    )]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The two files do not belong together.
    #[error("{} is not the certificate of ca.key beside it: restore both from one backup", .0.display())]
    Mismatch(PathBuf),
    /// The key or a name cannot be used.
    #[error("nothing can be signed: {0}")]
    Crypto(String),
}

impl From<rcgen::Error> for AuthorityError {
    fn from(e: rcgen::Error) -> Self {
        Self::Crypto(e.to_string())
    }
}

/// A certificate with its key, as PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key, PKCS#8. Shown once, never kept.
    pub key: String,
    /// What the register keeps of it.
    pub record: DeviceCertificate,
}

/// The authority, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    name: String,
}

impl Authority {
    /// Where its certificate is, in the store's directory.
    pub fn certificate_path(dir: &Path) -> PathBuf {
        dir.join("ca.crt")
    }

    /// Where its key is.
    pub fn key_path(dir: &Path) -> PathBuf {
        dir.join("ca.key")
    }

    /// Opens the authority in `dir`, or makes it. Only whoever holds the store may call this.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (key_path, path) = (Self::key_path(dir), Self::certificate_path(dir));
        let key = match read_secret(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem)?,
            None => {
                let key = KeyPair::generate()?;
                write(&key_path, key.serialize_pem().as_bytes(), 0o600)?;
                key
            }
        };
        let params = authority_params(&key, now)?;
        let pem = match fs::read_to_string(&path) {
            Ok(pem) if belongs(&pem, &key) => pem,
            Ok(_) => return Err(AuthorityError::Mismatch(path)),
            // A crash came between the two files: the certificate follows from the key.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let pem = params.self_signed(&key)?.pem();
                write(&path, pem.as_bytes(), 0o644)?;
                pem
            }
            Err(source) => return Err(AuthorityError::File { path, source }),
        };
        let name = authority_name(&key);
        Ok(Self { issuer: Issuer::new(params, key), pem, name })
    }

    /// Its common name, which stands in everything it issues; part of it follows from its key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own certificate: what clients are given to trust.
    pub fn certificate(&self) -> &str {
        &self.pem
    }

    /// A certificate for the device `name` of `site`, valid from a day ago (clocks differ) for `days` from now.
    pub fn issue_device(&self, site: &str, name: &str, days: u32, now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri(site, name).try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, name, days, now)
    }

    /// A certificate for a listener that is reached by these names and addresses.
    pub fn issue_server(&self, names: &[String], now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, names.first().map_or("danxia", String::as_str), SERVER_DAYS, now)
    }

    /// A revocation list without entries: for verifiers that want one of every authority.
    pub fn empty_revocation_list(&self, now: Timestamp) -> Result<String, AuthorityError> {
        let (now, epoch) = (unix(now), date_time_ymd(1970, 1, 1));
        let list = CertificateRevocationListParams {
            this_update: epoch + Duration::from_secs(now.saturating_sub(BEFORE)),
            next_update: epoch + Duration::from_secs(now + AUTHORITY_DAYS * DAY),
            crl_number: SerialNumber::from(now),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        common_name: &str,
        days: u32,
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let key = KeyPair::generate()?;
        let serial = serial()?;
        let now = unix(now);
        let (from, to) = (now.saturating_sub(BEFORE), now + u64::from(days) * DAY);
        params.distinguished_name = subject(common_name);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + Duration::from_secs(from);
        params.not_after = epoch + Duration::from_secs(to);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let record = DeviceCertificate {
            serial: hex(&serial).trim_start_matches('0').to_owned(),
            fingerprint: fingerprint(certificate.der()),
            issued: seconds(from),
            expires: seconds(to),
            revoked: None,
        };
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), record })
    }
}

/// The URI by which a certificate names its device; parts are percent-encoded, as URIs are ASCII.
pub fn uri(site: &str, name: &str) -> String {
    let part = |s| utf8_percent_encode(s, NON_ALPHANUMERIC);
    format!("urn:danxia:device:{}:{}", part(site), part(name))
}

/// SHA-256 of a certificate's DER form, lower-case hexadecimal.
pub fn fingerprint(der: &[u8]) -> String {
    hex(digest(&SHA256, der).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn authority_name(key: &KeyPair) -> String {
    format!("Danxia CA {}", &fingerprint(key.public_key_raw())[..12])
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn authority_params(key: &KeyPair, now: Timestamp) -> Result<CertificateParams, AuthorityError> {
    let now = unix(now);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&authority_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from_slice(&serial()?));
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now.saturating_sub(BEFORE));
    params.not_after = epoch + Duration::from_secs(now + AUTHORITY_DAYS * DAY);
    Ok(params)
}

/// Whether the certificate holds the key and the name that follows from it. Signatures are for those who rely on it.
fn belongs(pem: &str, key: &KeyPair) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else { return false };
    let holds = |part: &[u8]| der.windows(part.len()).any(|w| w == part);
    holds(key.public_key_raw()) && holds(authority_name(key).as_bytes())
}

/// 127 random bits, the highest of them set so that the number has one length; positive, as RFC 5280 wants.
fn serial() -> Result<[u8; 16], AuthorityError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| AuthorityError::Crypto("no random numbers".into()))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}

/// Whole seconds since 1970.
fn unix(t: Timestamp) -> u64 {
    u64::try_from(t.nanos().div_euclid(1_000_000_000)).unwrap_or(0)
}

fn seconds(s: u64) -> Timestamp {
    Timestamp::from_secs(i64::try_from(s).unwrap_or(i64::MAX))
}

/// A secret file, if it is there; refused where others may read it.
fn read_secret(path: &Path) -> Result<Option<String>, AuthorityError> {
    let said = |source| AuthorityError::File { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(said)?,
    };
    let mode = file.metadata().map_err(said)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(AuthorityError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(said)?;
    Ok(Some(text))
}

/// Writes a file whole or not at all: beside its place, flushed, then moved there.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), AuthorityError> {
    let said = |source| AuthorityError::File { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    // What a crash left there may have another mode.
    let _ = fs::remove_file(&beside);
    let made = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    made().inspect_err(|_| drop(fs::remove_file(&beside))).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_made_once_with_a_key_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(dir.path(), NOW).unwrap().certificate().to_owned();
        assert_eq!(mode(&Authority::key_path(dir.path())), 0o600);
        assert_eq!(Authority::open(dir.path(), NOW).unwrap().certificate(), first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside the two files");
    }

    #[test]
    fn a_crash_between_the_two_files_is_made_up_for() {
        let dir = tempfile::tempdir().unwrap();
        Authority::open(dir.path(), NOW).unwrap();
        fs::remove_file(Authority::certificate_path(dir.path())).unwrap();
        assert!(Authority::open(dir.path(), NOW).unwrap().certificate().contains("BEGIN CERTIFICATE"));
    }

    #[test]
    fn a_key_that_others_can_read_and_files_that_do_not_fit_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        Authority::open(dir.path(), NOW).unwrap();
        let key = Authority::key_path(dir.path());
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let said = Authority::open(dir.path(), NOW).err().unwrap().to_string();
        assert!(said.contains("640") && said.contains("chmod 600"), "{said}");
        fs::remove_file(&key).unwrap();
        let said = Authority::open(dir.path(), NOW).err().unwrap().to_string();
        assert!(said.contains("from one backup"), "{said}");
    }

    #[test]
    fn what_it_issues_carries_what_the_register_needs() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path(), NOW).unwrap();
        let (a, b) = (authority.issue_device("韶钢", "压机:1", 30, NOW), authority.issue_device("s", "m", 30, NOW));
        let (a, b) = (a.unwrap(), b.unwrap());
        let der = CertificateDer::from_pem_slice(a.certificate.as_bytes()).unwrap();
        let holds = |text: &str| der.windows(text.len()).any(|w| w == text.as_bytes());
        assert_eq!(a.record.fingerprint, fingerprint(&der));
        let read = broker::Certificate::from_der(&der).unwrap();
        assert_eq!(read.issuer.as_deref(), Some(authority.name()), "the door knows it for ours");
        assert!(holds("压机:1"), "the common name as it is");
        assert!(holds("urn:danxia:device:%E9%9F%B6%E9%92%A2:%E5%8E%8B%E6%9C%BA%3A1"));
        assert_ne!(a.record.serial, b.record.serial);
        assert_eq!(a.record.serial.len(), 32);
        assert_eq!(a.record.expires, Timestamp::from_secs(1_795_392_000 + 30 * 86_400));
        assert!(a.record.valid(NOW) && !a.record.valid(a.record.expires));
        assert!(a.key.contains("BEGIN PRIVATE KEY"));
    }
}
