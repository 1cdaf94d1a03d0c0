//! The page over TLS: cookies, origins, who does not finish a handshake or speaks none, and another certificate meanwhile.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::house::{House, PATIENCE, Reply, config};

const PASSWORD: &str = "correct horse battery";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A certificate for localhost, and its key, in what makes TLS of them.
fn certified() -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

fn trusting(certificate: &CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn dial(connector: &TlsConnector, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    connector.connect(ServerName::try_from("localhost").unwrap(), TcpStream::connect(address).await?).await
}

/// One request on a connection of its own.
async fn ask(connector: &TlsConnector, address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut socket = dial(connector, address).await.unwrap();
    let mut head = format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(n, _)| *n == "Host") {
        head += &format!("Host: localhost:{}\r\n", address.port());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    socket.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut raw)).await.expect("an answer in time").expect("a clean end");
    Reply::parse(&raw)
}

struct Secured {
    house: House,
    address: SocketAddr,
    connector: TlsConnector,
}

async fn secured(config: web::Config) -> Secured {
    let (acceptor, certificate) = certified();
    let house = House::secured(config, Arc::new(move || acceptor.clone())).await;
    let by = web::By { who: "test".into(), origin: "here".into() };
    let lin = web::NewAccount {
        name: "lin".into(),
        role: "administrator".into(),
        password: Some(PASSWORD.into()),
        ..web::NewAccount::default()
    };
    house.accounts.add(lin, &by).unwrap();
    let address = house.secure.unwrap();
    Secured { house, address, connector: trusting(&certificate) }
}

impl Secured {
    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        ask(&self.connector, self.address, line, headers, body).await
    }
}

fn set_cookie(reply: &Reply) -> String {
    reply.header("set-cookie").expect("a cookie").to_owned()
}

#[tokio::test]
async fn a_session_over_tls_travels_over_tls_alone() {
    let it = secured(config()).await;
    let body = json!({"name": "lin", "password": PASSWORD}).to_string();
    let reply = it.ask("POST /api/v1/login", &[JSON], &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let set = set_cookie(&reply);
    assert!(
        set.starts_with("__Host-danxia_session=") && set.ends_with("; Secure") && set.contains("; Path=/;"),
        "{set}"
    );
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Lax") && !set.contains("Domain"), "{set}");
    let pair = set.split(';').next().unwrap();
    assert_eq!(it.ask("GET /api/v1/overview", &[("Cookie", pair)], "").await.status, 200);

    // Under the name of the other channel it is nobody's, in either direction.
    let secret = pair.split_once('=').unwrap().1;
    let planted = format!("danxia_session={secret}");
    assert_eq!(it.ask("GET /api/v1/overview", &[("Cookie", &planted)], "").await.status, 401);
    assert_eq!(it.house.ask("GET", "/api/v1/overview", &[("Cookie", pair)], "").await.status, 401);
    let plain = it.house.post("/api/v1/login", &body).await;
    let set = set_cookie(&plain);
    assert!(set.starts_with("danxia_session=") && !set.contains("Secure"), "{set}");

    let out = it.ask("POST /api/v1/logout", &[JSON, ("Cookie", pair)], "{}").await;
    assert!(
        set_cookie(&out).starts_with("__Host-danxia_session=; ") && set_cookie(&out).ends_with("Max-Age=0; Secure")
    );
    assert_eq!(it.ask("GET /api/v1/overview", &[("Cookie", pair)], "").await.status, 401);
}

#[tokio::test]
async fn writes_over_tls_come_from_our_https_page() {
    let it = secured(config()).await;
    let body = json!({"name": "lin", "password": PASSWORD}).to_string();
    let host = format!("localhost:{}", it.address.port());
    for (origin, expect) in
        [(format!("https://{host}"), 200), (format!("http://{host}"), 403), ("https://evil.example".into(), 403)]
    {
        let reply = it.ask("POST /api/v1/login", &[JSON, ("Origin", &origin)], &body).await;
        assert_eq!(reply.status, expect, "{origin}: {}", reply.text());
        assert!(expect == 200 || reply.text().contains(&format!("https://{host}")), "{}", reply.text());
    }
}

#[tokio::test]
async fn browsers_are_told_to_keep_to_tls_where_that_was_asked_for() {
    let named = [("Host", "danxia.plant:8443")];
    let quiet = secured(config()).await;
    assert_eq!(quiet.ask("GET /healthz", &named, "").await.header("strict-transport-security"), None);
    let it = secured(web::Config { hsts: Some(Duration::from_secs(86_400)), ..config() }).await;
    let said = it.ask("GET /healthz", &named, "").await;
    assert_eq!(said.header("strict-transport-security"), Some("max-age=86400"));
    assert_eq!(it.ask("GET /healthz", &[], "").await.header("strict-transport-security"), None, "not for localhost");
    let plain = it.house.ask("GET", "/healthz", &named, "").await;
    assert_eq!(plain.header("strict-transport-security"), None, "browsers take it over TLS only");
}

/// What the server sends until it closes.
async fn until_closed(socket: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // Whether it closes or resets: it lets go.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut all)).await.expect("the server lets go");
    all
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_dropped_and_gives_its_place_back() {
    let limits =
        web::Config { handshake_timeout: Duration::from_millis(200), max_connections: 2, max_streams: 1, ..config() };
    let it = secured(limits).await;
    let record: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for begun in [&[][..], &record[..1], record] {
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut socket = TcpStream::connect(it.address).await.unwrap();
            socket.write_all(begun).await.unwrap();
            held.push(socket);
        }
        for socket in &mut held {
            assert_eq!(until_closed(socket).await, b"", "{begun:?}");
        }
        assert_eq!(it.ask("GET /healthz", &[], "").await.status, 200, "there is room again");
    }
}

#[tokio::test]
async fn what_is_no_tls_gets_an_answer_or_a_clean_end() {
    let it = secured(config()).await;
    let port = it.address.port();
    let exchange = async |sent: &[u8]| {
        let mut socket = TcpStream::connect(it.address).await.unwrap();
        socket.write_all(sent).await.unwrap();
        until_closed(&mut socket).await
    };
    let page = exchange(format!("GET /x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").as_bytes()).await;
    let page = Reply::parse(&page);
    assert_eq!(page.status, 307);
    assert_eq!(page.header("location"), Some(&*format!("https://localhost:{port}/x")));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    let program = format!(
        "POST /api/v1/login HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let told = Reply::parse(&exchange(program.as_bytes()).await);
    assert_eq!((told.status, told.header("set-cookie")), (400, None));
    assert!(told.text().contains("use https://"), "{}", told.text());
    // Neither: an alert of TLS at most.
    let rubbish = exchange(&[0; 64]).await;
    assert!(rubbish.is_empty() || rubbish[0] == 21, "{rubbish:?}");
    assert_eq!(it.ask("GET /healthz", &[], "").await.status, 200);
}

#[tokio::test]
async fn another_certificate_holds_from_the_next_connection_on() {
    let (first, old) = certified();
    let now = Arc::new(Mutex::new(first));
    let current = now.clone();
    let mut house = House::secured(config(), Arc::new(move || current.lock().unwrap().clone())).await;
    let address = house.secure.unwrap();
    let (old, request) = (trusting(&old), b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut open = dial(&old, address).await.unwrap();

    let (second, new) = certified();
    *now.lock().unwrap() = second;
    assert!(dial(&old, address).await.is_err(), "the old one is shown no more");
    assert_eq!(ask(&trusting(&new), address, "GET /healthz", &[], "").await.status, 200);
    open.write_all(request).await.unwrap();
    let mut status = [0; 12];
    timeout(PATIENCE, open.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.1 200", "what is open stays");

    let _stalled = TcpStream::connect(address).await.unwrap();
    house.close().await;
}
