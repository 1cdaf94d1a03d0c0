//! TLS.

use std::path::Path;
use std::sync::Arc;

use broker::{TlsAcceptor, TlsError, acceptor_from_bytes, acceptor_from_files};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::client::{Client, Connect};
use crate::house::{House, open};

const CERTIFICATE: &[u8] = include_bytes!("../tls/localhost.crt");
/// Guards nothing but these tests.
const KEY: &[u8] = include_bytes!("../tls/localhost.key");

fn acceptor() -> Option<TlsAcceptor> {
    Some(acceptor_from_bytes(CERTIFICATE, KEY).unwrap())
}

async fn connect(house: &House, id: &str) -> Client<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let io = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let mut client = Client { io, v5: false };
    client.send(&Connect::new(id).encode()).await;
    assert_eq!(client.read().await, (0x20, vec![0, 0]));
    client
}

#[tokio::test]
async fn messages_go_both_ways_over_tls() {
    let house = House::with_tls(open(), acceptor()).await;
    let mut watcher = connect(&house, "w").await;
    watcher.subscribe(&[("#", 1)]).await;
    let mut machine = connect(&house, "m").await;
    let large = vec![7; 1 << 20];
    machine.publish("t", &large, 1, 1).await;
    assert_eq!(machine.ack(0x40).await, 1);
    assert_eq!(watcher.take().await.payload, large);
}

#[tokio::test]
async fn idle_connections_on_the_tls_port_hold_up_nobody() {
    let house = House::with_tls(open(), acceptor()).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(Client::open(house.address).await);
    }
    let mut client = connect(&house, "c").await;
    assert!(client.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_is_closed_after_five_seconds() {
    let house = House::with_tls(open(), acceptor()).await;
    let started = tokio::time::Instant::now();
    let mut idle = Client::open(house.address).await;
    idle.ends().await;
    assert_eq!(started.elapsed().as_secs(), 5);
    assert_eq!(house.refused("tls_handshake"), 1);
}

#[tokio::test]
async fn plain_mqtt_on_the_tls_port_is_closed() {
    let house = House::with_tls(open(), acceptor()).await;
    let mut plain = Client::open(house.address).await;
    plain.send(&Connect::new("c").encode()).await;
    house.until("it is turned away", |house| house.refused("tls_handshake") == 1).await;
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_named() {
    let check = |result: Result<TlsAcceptor, TlsError>, expect: &str| {
        let error = result.err().expect("an error").to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(acceptor_from_files(Path::new("/nowhere/x.crt"), Path::new("x.key")), "/nowhere/x.crt cannot be read");
    check(acceptor_from_bytes(b"nothing", KEY), "no certificate found");
    check(acceptor_from_bytes(CERTIFICATE, b"nothing"), "no private key found");
}
