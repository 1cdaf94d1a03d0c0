//! Clients that come with a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use broker::{
    Authenticator, BoxFuture, ClientCertificates, ClientFiles, Config, Credentials, Denied, Identity, Login, Rights,
    Tls, TlsError, TlsFiles, acceptor,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::client::Connect;
use crate::house::{House, PATIENCE};

/// An authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Somebody's certificate and key.
struct Holder {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, serial: u8, change: impl FnOnce(&mut CertificateParams)) -> Holder {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from_slice(&[serial]));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Holder { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }

    fn client(&self, name: &str, serial: u8) -> Holder {
        self.issue(name, serial, |_| {})
    }

    fn revoke(&self, serials: &[u8]) -> String {
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// TLS of a server that trusts this authority's clients.
    fn tls(&self, server: &Holder, revoked: Option<&str>, required: bool) -> tokio_rustls::TlsAcceptor {
        let clients =
            ClientCertificates { authorities: self.pem.as_bytes(), revoked: revoked.map(str::as_bytes), required };
        acceptor(server.certificate.pem().as_bytes(), server.key.serialize_pem().as_bytes(), Some(clients)).unwrap()
    }
}

/// Knows certificates by their first URI or else their common name, and one user with a password.
struct Register;

impl Authenticator for Register {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        let name: Arc<str> = match login.credentials {
            Credentials::Certificate(certificate) => {
                let name = certificate.uris.first().cloned().or(certificate.common_name);
                assert_eq!(certificate.fingerprint.len(), 64);
                name.unwrap_or_else(|| format!("serial {}", certificate.serial).into())
            }
            Credentials::Password { user, password } if password == "secret" => user.into(),
            Credentials::Password { .. } => return Box::pin(async { Err(Denied::Credentials) }),
        };
        let known = &*name != "stranger";
        Box::pin(async move {
            let rights = Arc::new(Rights::everything());
            if known { Ok(Identity { name, rights }) } else { Err(Denied::NotAuthorized) }
        })
    }
}

/// The body of the CONNACK, or `None` when TLS did not come about.
async fn connect(house: &House, server: &Authority, holder: Option<&Holder>, connect: Connect<'_>) -> Option<Vec<u8>> {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match holder {
        None => builder.with_no_client_auth(),
        Some(Holder { certificate, key }) => {
            let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
        }
    };
    let tcp = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let talk = async {
        let mut io = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()?;
        io.write_all(&connect.encode()).await.ok()?;
        let mut head = [0; 2];
        io.read_exact(&mut head).await.ok()?;
        let mut body = vec![0; usize::from(head[1])];
        io.read_exact(&mut body).await.ok()?;
        Some(body)
    };
    timeout(PATIENCE, talk).await.expect("an answer or the end")
}

async fn house(tls: impl Into<Tls>) -> House {
    House::with_users(Config::default(), Some(tls.into()), Arc::new(Register)).await
}

fn identities(house: &House) -> Vec<String> {
    house.broker.clients().iter().map(|client| client.identity.to_string()).collect()
}

#[tokio::test]
async fn a_client_with_a_certificate_of_our_authority_is_let_in_and_nobody_else() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = ours.client("server", 1);
    let house = house(ours.tls(&server, None, true)).await;
    let check = async |id, holder: Option<&Holder>, expect: Option<&[u8]>| {
        assert_eq!(connect(&house, &ours, holder, Connect::new(id)).await.as_deref(), expect, "{id}");
    };
    check("good", Some(&ours.client("m1", 2)), Some(&[0, 0])).await;
    check("none", None, None).await;
    check("another authority", Some(&theirs.client("m1", 2)), None).await;
    let past = ours.issue("m1", 3, |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    check("expired", Some(&past), None).await;
    let purpose = ours.issue("m1", 4, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    check("for servers only", Some(&purpose), None).await;
    check("unknown here", Some(&ours.client("stranger", 5)), Some(&[0, 5])).await;
    let uri = ours.issue("m2", 6, |p| p.subject_alt_names.push(SanType::URI("urn:danxia:m2".try_into().unwrap())));
    check("by its URI", Some(&uri), Some(&[0, 0])).await;
    assert_eq!(house.refused("tls_handshake"), 4);
    let mut known = identities(&house);
    known.sort_unstable();
    assert_eq!(known, ["m1", "urn:danxia:m2"]);
}

#[tokio::test]
async fn where_certificates_are_optional_the_password_counts_for_those_without() {
    let ours = Authority::new("ours");
    let house = house(ours.tls(&ours.client("server", 1), None, false)).await;
    let login = |password| Connect { login: Some(("user", password)), ..Connect::new("c") };
    let holder = ours.client("m1", 2);
    assert_eq!(connect(&house, &ours, None, login("secret")).await.unwrap(), [0, 0]);
    assert_eq!(connect(&house, &ours, None, login("wrong")).await.unwrap(), [0, 4]);
    assert_eq!(connect(&house, &ours, None, Connect::new("c")).await.unwrap(), [0, 5]);
    assert_eq!(connect(&house, &ours, Some(&Authority::new("x").client("m1", 2)), login("secret")).await, None);
    let both = Connect { id: "both", ..login("wrong") };
    assert_eq!(connect(&house, &ours, Some(&holder), both).await.unwrap(), [0, 0], "known by its certificate");
    house.until("both came", |house| identities(house).contains(&"m1".to_owned())).await;
    assert_eq!(house.refused("credentials"), 1);
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_from_the_next_reading_of_the_list_on() {
    let ours = Authority::new("ours");
    let server = ours.client("server", 1);
    let tls = Tls::from(ours.tls(&server, Some(&ours.revoke(&[])), true));
    let house = house(tls.clone()).await;
    let (first, second) = (ours.client("m1", 2), ours.client("m2", 3));
    for (holder, id) in [(&first, "a"), (&second, "b")] {
        assert_eq!(connect(&house, &ours, Some(holder), Connect::new(id)).await.unwrap(), [0, 0]);
    }
    tls.replace(ours.tls(&server, Some(&ours.revoke(&[2])), true));
    assert_eq!(connect(&house, &ours, Some(&first), Connect::new("a")).await, None);
    assert_eq!(connect(&house, &ours, Some(&second), Connect::new("b")).await.unwrap(), [0, 0]);
    let renewed = Authority::new("renewed");
    tls.replace(renewed.tls(&renewed.client("server", 1), None, true));
    assert_eq!(connect(&house, &ours, Some(&second), Connect::new("b")).await, None);
    assert_eq!(connect(&house, &renewed, Some(&renewed.client("m3", 9)), Connect::new("c")).await.unwrap(), [0, 0]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let ours = Authority::new("ours");
    let server = ours.client("server", 1);
    let (certificate, key) = (server.certificate.pem(), server.key.serialize_pem());
    let check = |authorities: &str, revoked: Option<&str>, expect: &str| {
        let clients = ClientCertificates {
            authorities: authorities.as_bytes(),
            revoked: revoked.map(str::as_bytes),
            required: true,
        };
        let error =
            acceptor(certificate.as_bytes(), key.as_bytes(), Some(clients)).err().expect("an error").to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("", None, "no authority for client certificates found");
    check(&ours.pem, Some(""), "no revocation list found");
    check(&ours.pem, Some("-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"), "revocation list is no valid PEM");
    check(&ours.pem, Some("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), "cannot be verified");
    let clients = ClientFiles { authorities: "/nowhere/ca.pem".into(), revoked: None, required: true };
    let at = |file: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(file);
    let files = TlsFiles { certificates: at("localhost.crt"), key: at("localhost.key"), clients: Some(clients) };
    let error = files.acceptor().err().expect("an error");
    assert!(matches!(&error, TlsError::File { path, .. } if path.ends_with("ca.pem")), "{error}");
    assert!(TlsFiles { clients: None, ..files }.acceptor().is_ok());
}
