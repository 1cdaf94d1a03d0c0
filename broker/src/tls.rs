//! TLS from PEM: a certificate chain and its key.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

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
}

/// Accepts TLS 1.2 and 1.3 with the certificate chain and the key in these PEM files.
pub fn acceptor_from_files(certificates: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source });
    acceptor_from_bytes(&read(certificates)?, &read(key)?)
}

/// The same from PEM in memory.
pub fn acceptor_from_bytes(certificates: &[u8], key: &[u8]) -> Result<TlsAcceptor, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
