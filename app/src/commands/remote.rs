//! An instance that runs, through its API over loopback: its devices, as the store's lock keeps everybody else out, and
//! what else commands ask it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use broker::remote::connector_from_files;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};
use web::{Registrar, RegistrarError, dto};

use crate::config::SYSTEM_CA;
use crate::instance::Instance;

/// How long an answer may take: a hash waits behind a storm of log-ins.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer that is read, bytes: 20,000 devices with their certificates.
const LONGEST: u64 = 64 << 20;

/// An instance that runs.
pub struct Remote {
    /// `ADDRESS:PORT`.
    authority: String,
    /// How its certificate is judged; `None`: it is asked without TLS.
    tls: Option<TlsConnector>,
    /// What is sent as bearer token.
    token: Option<String>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Where a token is looked for.
const TOKEN: &str = "DANXIA_TOKEN";

impl Remote {
    /// The instance that holds the store in `dir` and answers at `address`: with what lies beside the store.
    pub fn of(dir: &Path, address: SocketAddr) -> Self {
        Self {
            authority: address.to_string(),
            tls: None,
            token: Instance::secret(dir).or_else(|| std::env::var(TOKEN).ok()),
        }
    }

    /// The instance whose page is at `url`, `http://ADDRESS:PORT/` or `https://…`; with the token of the environment, if
    /// there is one. `ca`: who vouches for it, PEM; the system's authorities where nobody is named.
    pub fn new(url: &str, ca: Option<&Path>) -> Result<Self, String> {
        let (tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, Some(rest)),
            None => (false, url.strip_prefix("http://")),
        };
        let authority = rest.map(|r| r.trim_end_matches('/'));
        let plain = |a: &&str| !a.is_empty() && !a.contains(['/', '@', '?', '#', ' ']);
        let authority = match authority.filter(plain) {
            Some(a) if a.trim_start_matches('[').contains(':') && !a.ends_with(']') => a.to_owned(),
            Some(a) if tls => format!("{a}:443"),
            _ => {
                return Err(format!(
                    "--url is {url:?}; expected http://ADDRESS:PORT or https://NAME:PORT, such as http://127.0.0.1:8080"
                ));
            }
        };
        if ca.is_some() && !tls {
            return Err("--ca says who vouches for a page over TLS: give its https:// address with --url".into());
        }
        let connector = || connector_from_files(ca.unwrap_or(Path::new(SYSTEM_CA)), None);
        let tls = tls.then(connector).transpose().map_err(|e| format!("--ca: {e}"))?;
        Ok(Self { authority, tls, token: std::env::var(TOKEN).ok() })
    }

    /// Its page.
    fn page(&self) -> String {
        format!("{}://{}/", if self.tls.is_some() { "https" } else { "http" }, self.authority)
    }

    /// What GET answers.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RegistrarError> {
        parse(&self.ask("GET", path, None)?)
    }

    /// What POST of JSON answers.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, RegistrarError> {
        let body = serde_json::to_string(body).map_err(|e| RegistrarError::Failed(e.to_string()))?;
        parse(&self.ask("POST", path, Some(&body))?)
    }

    /// One request; the body of a good answer, or what the problem says.
    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<String, RegistrarError> {
        let text = self
            .exchange(method, path, body)
            .map_err(|e| RegistrarError::Failed(format!("the instance at {} does not answer: {e}", self.page())))?;
        let strange = || RegistrarError::Failed(format!("what answers at {} is no Danxia", self.page()));
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(strange)?;
        let status: u16 = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(strange)?;
        if (200..300).contains(&status) {
            return Ok(body.to_owned());
        }
        let said = serde_json::from_str::<dto::Problem>(body).map_err(|_| strange())?;
        Err(match status {
            400 => match said.fault {
                Some(fault) => RegistrarError::Field(fault, said.detail),
                None => RegistrarError::Invalid(said.detail),
            },
            404 => RegistrarError::Unknown(said.detail),
            409 => RegistrarError::Conflict(said.detail),
            401 => RegistrarError::Failed(format!(
                "{}; put a token of the page's Administration into {TOKEN}",
                said.detail
            )),
            _ => RegistrarError::Failed(format!("{}; {}", said.detail, said.next)),
        })
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&str>) -> std::io::Result<String> {
        let none = || std::io::Error::other("the name has no address");
        let address = self.authority.to_socket_addrs()?.next().ok_or_else(none)?;
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n", self.authority);
        if let Some(token) = self.token.as_ref().filter(|t| t.bytes().all(|b| b.is_ascii_graphic())) {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(body) = body {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(socket),
            Some(tls) => {
                let host = self.authority.rsplit_once(':').map_or(&*self.authority, |(host, _)| host);
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                let name = name.map_err(std::io::Error::other)?;
                let session = ClientConnection::new(tls.config().clone(), name).map_err(std::io::Error::other)?;
                Box::new(StreamOwned::new(session, socket))
            }
        };
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.take(LONGEST).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, RegistrarError> {
    // What came may hold a secret: only that it was not understood is said.
    serde_json::from_str(body).map_err(|e| {
        RegistrarError::Failed(format!("the instance is of another version (line {}, column {})", e.line(), e.column()))
    })
}

/// What the instance said, as a sentence.
pub fn sentence(e: RegistrarError) -> String {
    match e {
        RegistrarError::Field(_, said)
        | RegistrarError::Invalid(said)
        | RegistrarError::Unknown(said)
        | RegistrarError::Conflict(said)
        | RegistrarError::Failed(said) => said,
    }
}

fn of(name: &str, what: &str) -> String {
    format!("/api/v1/devices/{}/{what}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

impl Registrar for Remote {
    fn list(&self) -> Result<dto::Devices, RegistrarError> {
        self.get("/api/v1/devices")
    }

    fn add(&self, new: dto::NewDevice) -> Result<dto::DeviceCredentials, RegistrarError> {
        self.post("/api/v1/devices", &new)
    }

    fn rotate(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError> {
        self.post(&of(name, "password"), &dto::NewPassword { password: password.map(ToOwned::to_owned) })
    }

    fn enable(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError> {
        self.post(&of(name, "enable"), &dto::NewPassword { password: password.map(ToOwned::to_owned) })
    }

    fn allow(&self, name: &str, own: dto::NewOwnPatterns) -> Result<dto::Device, RegistrarError> {
        self.post(&of(name, "own"), &own)
    }

    fn revoke(&self, name: &str) -> Result<dto::Device, RegistrarError> {
        self.post(&of(name, "revoke"), &serde_json::Map::new())
    }

    fn issue(&self, name: &str, days: Option<u32>) -> Result<dto::IssuedCertificate, RegistrarError> {
        self.post(&of(name, "certificates"), &dto::NewCertificate { days })
    }

    fn revoke_certificate(&self, name: &str, serial: &str) -> Result<dto::Device, RegistrarError> {
        let serial = utf8_percent_encode(serial, NON_ALPHANUMERIC);
        self.post(&of(name, &format!("certificates/{serial}/revoke")), &serde_json::Map::new())
    }

    fn checklist(&self, name: &str) -> Result<dto::Checklist, RegistrarError> {
        self.get(&of(name, "checklist"))
    }

    fn authority(&self) -> Result<String, RegistrarError> {
        self.ask("GET", "/api/v1/ca.crt", None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_other_things() {
        assert!(Remote::new("http://127.0.0.1:8080/", None).is_ok());
        assert!(Remote::new("http://[::1]:8080", None).is_ok());
        for bad in ["127.0.0.1:8080", "http://host", "http://a:1/x", "http://u@a:1", "https://", "ftp://a:1"] {
            assert!(Remote::new(bad, None).err().unwrap().contains("expected http://ADDRESS:PORT"), "{bad}");
        }
        let ca = Path::new("../broker/tests/tls/localhost.crt");
        assert!(Remote::new("http://127.0.0.1:8080", Some(ca)).err().unwrap().contains("--ca"));
        assert!(Remote::new("https://a:1", Some(Path::new("/none"))).err().unwrap().contains("/none"));
        for (url, page) in [
            ("https://d.plant:8443/", "https://d.plant:8443/"),
            ("https://d.plant", "https://d.plant:443/"),
            ("https://[fd00::1]", "https://[fd00::1]:443/"),
            ("https://[fd00::1]:8443", "https://[fd00::1]:8443/"),
        ] {
            assert_eq!(Remote::new(url, Some(ca)).unwrap().page(), page);
        }
    }

    #[test]
    fn nobody_there_is_said_with_the_address() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let said = Remote::new(&format!("http://{taken}"), None).unwrap().list().unwrap_err();
        assert!(matches!(&said, RegistrarError::Failed(s) if s.contains(&taken.to_string())), "{said:?}");
    }
}
