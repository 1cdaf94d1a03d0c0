//! The listeners, opened before anything else: a port that is taken is said at once and nothing has been touched.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::config::Settings;

/// How many connections may wait to be accepted: those of a whole plant that comes back after a power cut. Beyond it a
/// client's first packet is dropped, and it tries again only after a second, then after three (the system may cap it:
/// `net.core.somaxconn`).
const WAITING: u32 = 4096;

/// A port could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot listen on {address}: {}", hint(.source, .flag))]
pub struct BindError {
    what: &'static str,
    address: SocketAddr,
    flag: &'static str,
    source: io::Error,
}

fn hint(e: &io::Error, flag: &str) -> String {
    match e.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program does already; stop it, or choose another port with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need a privilege; choose a higher one with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => format!("this computer has no such address; choose one with {flag}"),
        _ => e.to_string(),
    }
}

/// Open listeners.
pub struct Ports {
    /// MQTT over TCP.
    pub mqtt: Option<TcpListener>,
    /// MQTT over TLS.
    pub tls: Option<TcpListener>,
    /// MQTT over WebSocket, and whether with TLS: that of [`Ports::tls`].
    pub websocket: Vec<(TcpListener, bool)>,
    /// HJ 212 over TCP.
    pub hj212: Option<TcpListener>,
    /// Page and API.
    pub http: TcpListener,
    /// The same over TLS.
    pub https: Option<TcpListener>,
}

impl Ports {
    /// Opens what the settings ask for.
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        let mqtt = match settings.mqtt.listen {
            None => None,
            Some(listen) => Some(bind("MQTT", listen, "--mqtt")?),
        };
        let tls = match &settings.mqtt.tls {
            None => None,
            Some(tls) => Some(bind("MQTT over TLS", tls.listen, "mqtt.tls_listen")?),
        };
        let hj212 = match &settings.hj212 {
            None => None,
            Some(door) => Some(bind("HJ 212", door.listen, "hj212.listen")?),
        };
        let mut websocket = Vec::new();
        if let Some(listen) = settings.mqtt.websocket {
            websocket.push((bind("MQTT over WebSocket", listen, "mqtt.ws_listen")?, false));
        }
        if let (Some(listen), Some(_)) = (settings.mqtt.websocket_tls, &tls) {
            let listener = bind("MQTT over WebSocket with TLS", listen, "mqtt.wss_listen")?;
            websocket.push((listener, true));
        }
        let http = bind("the page", settings.http.listen, "--http")?;
        let https = match &settings.http.tls {
            None => None,
            Some(tls) => Some(bind("the page over TLS", tls.listen, "http.tls_listen")?),
        };
        Ok(Self { hj212, mqtt, tls, websocket, http, https })
    }
}

fn bind(what: &'static str, address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    listen(address).map_err(|source| BindError { what, address, flag, source })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that was just given up can be had again at once, also while its old connections linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_the_flag_that_changes_it() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let e = bind("MQTT", address, "--mqtt").unwrap_err().to_string();
        assert!(e.contains(&address.to_string()) && e.contains("--mqtt"), "{e}");
    }
}
