//! The socket to another broker, plain or TLS.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::fault::Fault;
use super::options::Options;
use crate::tls::TlsError;

/// How long a name may take to resolve, a socket to open and a TLS session to stand.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens the connection and says with whom.
pub(super) async fn dial(options: &Options) -> Result<(Box<dyn Stream>, SocketAddr), Fault> {
    let address = options.address();
    let silent = |_| Fault::Silent { address: address.clone(), seconds: PATIENCE.as_secs() };
    let connecting = TcpStream::connect((&*options.host, options.port));
    let socket = timeout(PATIENCE, connecting).await.map_err(silent)?;
    let unreachable = |source| Fault::Unreachable { address: address.clone(), source };
    let socket = socket.map_err(unreachable)?;
    let peer = socket.peer_addr().map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    let Some(tls) = &options.tls else { return Ok((Box::new(socket), peer)) };
    let failed = |source| Fault::Tls { address: address.clone(), source };
    let name = ServerName::try_from(options.host.clone()).map_err(|e| failed(io::Error::other(e)))?;
    let stream = timeout(PATIENCE, tls.connect(name, socket)).await.map_err(silent)?.map_err(failed)?;
    Ok((Box::new(stream), peer))
}

/// Why TLS towards another broker cannot be spoken with these files.
#[derive(Debug, Error)]
pub enum ConnectorError {
    /// One of them cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No authority.
    #[error("{0} holds no certificate of an authority; expected PEM with -----BEGIN CERTIFICATE----- blocks")]
    NoAuthority(PathBuf),
    /// Our own certificate or key.
    #[error("our certificate {certificate} with key {key}: {source}")]
    Own {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: TlsError,
    },
    /// What rustls says.
    #[error("TLS cannot be set up: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Speaks TLS 1.2 and 1.3, trusts the authorities in `ca`, and shows a certificate of our own where one is given
/// (certificate chain, key). All files are PEM.
pub fn connector_from_files(ca: &Path, own: Option<(&Path, &Path)>) -> Result<TlsConnector, ConnectorError> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|source| ConnectorError::File { path: path.to_owned(), source });
    let mut roots = RootCertStore::empty();
    // A list of authorities may hold one that is of no use here; the others count.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&read(ca)?).filter_map(Result::ok));
    if roots.is_empty() {
        return Err(ConnectorError::NoAuthority(ca.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some((certificate, key)) = own else {
        return Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())));
    };
    let (chain_pem, key_pem) = (read(certificate)?, read(key)?);
    let own = || -> Result<ClientConfig, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain_pem).collect();
        let chain = chain.map_err(TlsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(TlsError::Key)?;
        Ok(builder.with_client_auth_cert(chain, key)?)
    };
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    let config = own().map_err(|source| ConnectorError::Own { certificate, key, source })?;
    Ok(TlsConnector::from(Arc::new(config)))
}
