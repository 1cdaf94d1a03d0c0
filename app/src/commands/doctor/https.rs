//! The page over TLS of an instance that runs: whether a browser would believe its certificate.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use broker::remote::connector_from_files;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::config::{SYSTEM_CA, Tls};
use crate::devices::authority::Authority;

const PATIENCE: Duration = Duration::from_secs(5);

/// A handshake as a browser on this computer does it, with the first name that the certificate is to bear; by the authorities
/// of this system or, where the certificate is of the built-in one, by that.
pub(super) async fn check(tls: &Tls, data: &Path) -> Result<String, String> {
    if tls.own.is_some() && tls.names.is_empty() {
        return Ok("HTTPS bears your own certificate; name this computer in http.tls_names to have it looked at".into());
    }
    let mut address = tls.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let name = tls.names.first().cloned().unwrap_or_else(|| address.ip().to_string());
    let ca = if tls.own.is_some() { SYSTEM_CA.into() } else { Authority::certificate_path(data) };
    let connector = connector_from_files(&ca, None).map_err(|e| e.to_string())?;
    let server = ServerName::try_from(name.clone()).map_err(|e| format!("http.tls_names: {name:?}: {e}"))?;
    let shaken = async { connector.connect(server, TcpStream::connect(address).await?).await };
    match timeout(PATIENCE, shaken).await {
        Ok(Ok(_)) if tls.own.is_some() => {
            Ok(format!("https://{name}:{} bears a certificate that this system trusts", address.port()))
        }
        Ok(Ok(_)) => Ok(format!(
            "https://{name}:{} bears a certificate of the built-in authority: browsers trust it once they trust {}",
            address.port(),
            ca.display()
        )),
        Ok(Err(e)) => Err(format!(
            "{address} shows browsers no certificate for {name} that they trust: {e}; see http.tls_certificate, http.tls_names, \
             or the list of authorities of this system"
        )),
        Err(_) => {
            Err(format!("{address} did not finish a handshake within {} s; its log says why", PATIENCE.as_secs()))
        }
    }
}
