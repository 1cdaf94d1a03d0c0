//! TLS from PEM: our certificate and key, and whose certificates clients may come with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// Why TLS cannot be offered.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No certificate in the PEM.
    #[error("no certificate found; expected PEM with one or more -----BEGIN CERTIFICATE----- blocks")]
    NoCertificate,
    /// A certificate that is no PEM.
    #[error("the certificates are no valid PEM: {0}")]
    Certificate(pem::Error),
    /// No usable key.
    #[error("no private key found ({0}); expected PEM with a PKCS#8, PKCS#1 or SEC1 key that has no password")]
    Key(pem::Error),
    /// They do not belong together, or are of an unknown kind.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No authority in the PEM.
    #[error(
        "no authority for client certificates found; expected PEM with one or more -----BEGIN CERTIFICATE----- blocks"
    )]
    NoAuthority,
    /// A revocation list that is no PEM.
    #[error("the revocation list is no valid PEM: {0}; expected -----BEGIN X509 CRL----- blocks")]
    RevocationList(pem::Error),
    /// No list in the PEM: an empty file is a mistake, and would let everybody in.
    #[error("no revocation list found; expected PEM with one or more -----BEGIN X509 CRL----- blocks")]
    NoRevocationList,
    /// Authorities or lists that cannot be used.
    #[error("client certificates cannot be verified: {0}")]
    Clients(#[from] VerifierBuilderError),
}

/// Whose certificates clients may come with, as PEM.
#[derive(Debug, Clone, Copy)]
pub struct ClientCertificates<'a> {
    /// The authorities that issue them.
    pub authorities: &'a [u8],
    /// Lists of those that were revoked. Where there are any, each authority that issues client certificates needs
    /// one: who is on no list that could be looked at is not let in.
    pub revoked: Option<&'a [u8]>,
    /// Whether a client must come with one. If not, one without is asked for its password.
    pub required: bool,
}

/// The same as files, to be read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate and those above it, PEM.
    pub certificates: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Whose certificates clients may come with.
    pub clients: Option<ClientFiles>,
}

/// Files of [`ClientCertificates`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The authorities, PEM.
    pub authorities: PathBuf,
    /// Revocation lists, PEM.
    pub revoked: Option<PathBuf>,
    /// Whether a client must come with a certificate.
    pub required: bool,
}

impl TlsFiles {
    /// Reads them.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let (certificates, key) = (read(&self.certificates)?, read(&self.key)?);
        let Some(clients) = &self.clients else { return acceptor(&certificates, &key, None) };
        let authorities = read(&clients.authorities)?;
        let revoked = clients.revoked.as_deref().map(read).transpose()?;
        let clients =
            ClientCertificates { authorities: &authorities, revoked: revoked.as_deref(), required: clients.required };
        acceptor(&certificates, &key, Some(clients))
    }
}

/// TLS of a listener. It can be replaced while the listener is served: new connections get the new one, and those that
/// are open stay as they are.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<TlsAcceptor>>);

impl Tls {
    /// From now on this.
    pub fn replace(&self, acceptor: TlsAcceptor) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
    }

    /// What new connections get.
    #[must_use]
    pub fn current(&self) -> TlsAcceptor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<TlsAcceptor> for Tls {
    fn from(acceptor: TlsAcceptor) -> Tls {
        Tls(Arc::new(RwLock::new(acceptor)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// Accepts TLS 1.2 and 1.3 with the certificate chain and the key in these PEM files.
pub fn acceptor_from_files(certificates: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    acceptor_from_bytes(&read(certificates)?, &read(key)?)
}

/// The same from PEM in memory.
pub fn acceptor_from_bytes(certificates: &[u8], key: &[u8]) -> Result<TlsAcceptor, TlsError> {
    acceptor(certificates, key, None)
}

/// The same with clients that come with certificates of their own.
pub fn acceptor(
    certificates: &[u8],
    key: &[u8],
    clients: Option<ClientCertificates<'_>>,
) -> Result<TlsAcceptor, TlsError> {
    let chain = chain(certificates)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match clients {
        Some(clients) => verifier(clients, provider.clone())?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    if clients.is_some() {
        // A resumed session is not verified again: one that was revoked would come back with it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(TlsError::Certificate)
}

fn verifier(
    clients: ClientCertificates<'_>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in chain(clients.authorities)? {
        roots.add(authority)?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoAuthority);
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(revoked) = clients.revoked {
        let lists = CertificateRevocationListDer::pem_slice_iter(revoked).collect::<Result<Vec<_>, _>>();
        let lists = lists.map_err(TlsError::RevocationList)?;
        if lists.is_empty() {
            return Err(TlsError::NoRevocationList);
        }
        builder = builder.with_crls(lists);
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    Ok(builder.build()?)
}
