//! A provider that does as it is told, over real sockets.

use std::collections::VecDeque;
use std::sync::Mutex as Lock;

use plant::ManualClock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::*;
use crate::signer::Signer;

const NOW: i64 = 1_795_392_000;

/// What the stand-in says, and what it was asked.
struct Script {
    metadata: Value,
    keys: Value,
    tokens: VecDeque<(u16, Value)>,
    userinfo: (u16, Value),
    asked: Vec<String>,
}

struct StandIn {
    issuer: String,
    script: Arc<Lock<Script>>,
    clock: Arc<ManualClock>,
    signer: Signer,
    task: tokio::task::JoinHandle<()>,
}

impl StandIn {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let signer = Signer::new();
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile"],
        });
        let script = Arc::new(Lock::new(Script {
            metadata,
            keys: signer.set("a"),
            tokens: VecDeque::new(),
            userinfo: (200, json!({"sub": "17", "groups": ["mill"], "name": "from userinfo"})),
            asked: Vec::new(),
        }));
        let says = script.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let asked = request(&mut socket).await;
                let (status, body) = answer(&says, &asked);
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { issuer, script, clock: Arc::new(ManualClock::new(Timestamp::from_secs(NOW))), signer, task }
    }

    fn provider(&self) -> Provider {
        self.provider_as(Some(Secret::new("s3cret:&")))
    }

    fn provider_as(&self, secret: Option<Secret>) -> Provider {
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let config = Config {
            issuer: self.issuer.clone(),
            client_id: "danxia".into(),
            secret,
            scopes: vec!["profile".into(), "groups".into()],
            redirect: "https://danxia.plant/back?x=1".into(),
            needed: vec!["groups".into()],
            tls: TlsConnector::from(Arc::new(config)),
            patience: Duration::from_secs(5),
        };
        Provider::new(config, self.clock.clone())
    }

    fn with<T>(&self, what: impl FnOnce(&mut Script) -> T) -> T {
        what(&mut self.script.lock().unwrap())
    }

    /// The next code is exchanged for a token with these claims changed.
    fn grant(&self, changes: Value) {
        let mut claims = json!({
            "iss": self.issuer, "aud": "danxia", "sub": "17", "nonce": "n", "iat": NOW, "exp": NOW + 300, "name": "林",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = self.signer.sign(&json!({"alg": "ES256", "kid": "a"}), &claims);
        self.with(|s| {
            s.tokens.push_back((200, json!({"id_token": token, "access_token": "at", "token_type": "Bearer"})))
        });
    }

    /// How often this path was asked for.
    fn count(&self, path: &str) -> usize {
        self.with(|s| s.asked.iter().filter(|a| a.split(' ').nth(1) == Some(path)).count())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn request(socket: &mut tokio::net::TcpStream) -> String {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
                return text;
            }
        }
        let mut part = [0; 4096];
        match socket.read(&mut part).await.unwrap() {
            0 => return text,
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

fn answer(script: &Arc<Lock<Script>>, asked: &str) -> (u16, String) {
    let mut script = script.lock().unwrap();
    script.asked.push(asked.to_owned());
    let (status, body) = match asked.split(' ').nth(1).unwrap() {
        "/.well-known/openid-configuration" => (200, script.metadata.clone()),
        "/jwks" => (200, script.keys.clone()),
        "/token" => script.tokens.pop_front().unwrap_or((500, json!({}))),
        "/userinfo" => script.userinfo.clone(),
        _ => (404, json!({})),
    };
    (status, body.to_string())
}

fn nonce() -> Secret {
    Secret::new("n")
}

async fn finish(provider: &Provider) -> Result<Signed, Fault> {
    provider.finish("code 1", None, &nonce(), &Secret::new("verifier")).await
}

#[tokio::test]
async fn a_browser_is_sent_with_all_that_binds_its_return() {
    let it = StandIn::open().await;
    let provider = it.provider();
    let begun = provider.begin().await.unwrap();
    let (place, query) = begun.url.split_once('?').unwrap();
    assert_eq!(place, format!("{}/authorize", it.issuer));
    let wanted = format!(
        "response_type=code&client_id=danxia&redirect_uri=https%3A%2F%2Fdanxia.plant%2Fback%3Fx%3D1&scope=openid%20profile\
         %20groups&state={}&nonce={}&code_challenge={}&code_challenge_method=S256",
        begun.state.expose(),
        begun.nonce.expose(),
        begun.verifier.challenge()
    );
    assert_eq!(query, wanted);
    let again = provider.begin().await.unwrap();
    assert_ne!(again.state, begun.state);
    assert_eq!(it.count("/jwks"), 1, "what is known is not asked for again");
    it.clock.set(Timestamp::from_secs(NOW + 3_601));
    provider.begin().await.unwrap();
    assert_eq!(it.count("/jwks"), 2, "after an hour it is");
    it.with(|s| s.metadata["authorization_endpoint"] = json!(format!("{}/authorize?tenant=7", it.issuer)));
    let url = it.provider().begin().await.unwrap().url;
    assert!(url.contains("/authorize?tenant=7&response_type=code&"), "{url}");
}

#[tokio::test]
async fn a_code_is_exchanged_with_our_secret_and_what_is_missing_comes_from_userinfo() {
    let it = StandIn::open().await;
    let provider = it.provider();
    it.grant(json!({}));
    let signed = finish(&provider).await.unwrap();
    assert_eq!((&*signed.subject, &signed.issuer), ("17", &it.issuer));
    assert_eq!(signed.claims["groups"], json!(["mill"]));
    assert_eq!(signed.claims["name"], "林", "what the ID token says stays");
    let asked = it.with(|s| s.asked.iter().find(|a| a.starts_with("POST /token ")).cloned()).unwrap();
    // danxia:s3cret%3A%26
    assert!(asked.contains("authorization: Basic ZGFueGlhOnMzY3JldCUzQSUyNg=="), "{asked}");
    assert!(asked.contains("content-type: application/x-www-form-urlencoded"), "{asked}");
    let form = asked.rsplit("\r\n\r\n").next().unwrap();
    assert_eq!(
        form,
        "grant_type=authorization_code&code=code%201&redirect_uri=https%3A%2F%2Fdanxia.plant%2Fback%3Fx%3D1&code_verifier=verifier"
    );

    it.grant(json!({"groups": ["engineers"]}));
    assert_eq!(finish(&provider).await.unwrap().claims["groups"], json!(["engineers"]));
    assert_eq!(it.count("/userinfo"), 1, "nothing was missing");
    it.with(|s| s.userinfo = (200, json!({"sub": "18", "groups": ["admins"]})));
    it.grant(json!({}));
    assert!(matches!(finish(&provider).await, Err(Fault::Wrong(why)) if why.contains("somebody else")));

    it.with(|s| s.metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
    it.grant(json!({"groups": []}));
    it.with(|s| s.userinfo = (200, json!({"sub": "17"})));
    finish(&it.provider()).await.unwrap();
    let form = it.with(|s| s.asked.iter().rev().find(|a| a.starts_with("POST /token ")).cloned()).unwrap();
    assert!(form.ends_with("&client_id=danxia&client_secret=s3cret%3A%26") && !form.contains("Basic"), "{form}");
    it.grant(json!({"groups": ["g"]}));
    finish(&it.provider_as(None)).await.unwrap();
    let form = it.with(|s| s.asked.iter().rev().find(|a| a.starts_with("POST /token ")).cloned()).unwrap();
    assert!(form.ends_with("&client_id=danxia") && !form.contains("Basic"), "{form}");
    it.with(|s| s.metadata["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]));
    assert!(matches!(finish(&it.provider()).await, Err(Fault::Wrong(why)) if why.contains("client_secret_basic")));
}

#[tokio::test]
async fn keys_that_were_changed_are_read_once_more_and_strange_ones_are_not_believed() {
    let it = StandIn::open().await;
    let provider = it.provider();
    it.grant(json!({"groups": ["g"]}));
    finish(&provider).await.unwrap();
    let next = Signer::new();
    let claims = json!({
        "iss": it.issuer, "aud": "danxia", "sub": "17", "nonce": "n", "iat": NOW, "exp": NOW + 300, "groups": ["g"],
    });
    let grant = |kid: &str| {
        let token = next.sign(&json!({"alg": "ES256", "kid": kid}), &claims);
        it.with(|s| s.tokens.push_back((200, json!({"id_token": token}))));
    };
    grant("b");
    assert_eq!(finish(&provider).await, Err(Fault::Token(TokenError::UnknownKey)), "nobody has published it");
    it.with(|s| s.keys = next.set("b"));
    grant("b");
    assert_eq!(finish(&provider).await.unwrap().subject, "17");
    // A key may also change under its name.
    it.with(|s| s.keys = it.signer.set("b"));
    grant("b");
    finish(&provider).await.expect("as long as the old one is known here");
    it.clock.set(Timestamp::from_secs(NOW + 3_601));
    grant("b");
    assert_eq!(finish(&provider).await, Err(Fault::Token(TokenError::Signature)));
}

#[tokio::test]
async fn what_the_provider_refuses_or_makes_no_sense_of_is_told_apart() {
    let it = StandIn::open().await;
    let provider = it.provider();
    let refusal = json!({"error": "invalid_grant", "error_description": "used\nbefore"});
    for (reply, want) in [
        ((400, refusal), Fault::Refused("invalid_grant (usedbefore)".into())),
        ((401, json!({"error": "invalid_client"})), Fault::Refused("invalid_client".into())),
        ((503, json!({})), Fault::Away("token_endpoint answers 503".into())),
        ((302, json!({})), Fault::Wrong("token_endpoint answers 302".into())),
        ((200, json!({"access_token": "at"})), Fault::Wrong("it gives no ID token".into())),
    ] {
        it.with(|s| s.tokens.push_back(reply));
        assert_eq!(finish(&provider).await, Err(want));
    }
    it.with(|s| s.tokens.push_back((200, json!(["secret"]))));
    assert!(matches!(finish(&provider).await, Err(Fault::Wrong(why)) if !why.contains("secret")));
    for (claim, value) in [("aud", json!("grafana")), ("exp", json!(NOW - 61)), ("nonce", json!("other"))] {
        it.grant(json!({claim: value}));
        assert!(matches!(finish(&provider).await, Err(Fault::Token(_))), "{claim}");
    }
    // RFC 9207: who sends the browser back says who they are.
    let from = async |provider: &Provider, issuer: Option<&str>| {
        it.grant(json!({"groups": ["g"]}));
        let done = provider.finish("c", issuer, &nonce(), &Secret::new("v")).await;
        it.with(|s| s.tokens.clear());
        done
    };
    assert!(from(&provider, Some(&it.issuer)).await.is_ok());
    assert!(matches!(from(&provider, Some("https://evil.example")).await, Err(Fault::Wrong(_))));
    it.with(|s| s.metadata["authorization_response_iss_parameter_supported"] = json!(true));
    let strict = it.provider();
    assert!(matches!(from(&strict, None).await, Err(Fault::Wrong(_))), "it promised to say so");
    assert!(from(&strict, Some(&it.issuer)).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_not_what_was_set_is_not_used() {
    let it = StandIn::open().await;
    let about = it.provider().look().await.unwrap();
    assert_eq!(about, About { keys: 1, pkce: true, unknown_scopes: vec!["groups".into()] });
    let sound = it.with(|s| s.metadata.clone());
    for (name, value, words) in [
        ("issuer", json!(format!("{}/", it.issuer)), "to the letter"),
        ("authorization_endpoint", json!("javascript:alert(1)"), "expected http"),
        ("jwks_uri", json!(format!("{}/none", it.issuer)), "jwks_uri answers 404"),
        ("jwks_uri", json!(format!("{}/userinfo", it.issuer)), "expected a JWK Set"),
        ("token_endpoint", json!(7), "is not understood"),
    ] {
        it.with(|s| s.metadata[name] = value);
        let fault = it.provider().look().await.unwrap_err();
        assert!(matches!(&fault, Fault::Wrong(_)) && fault.to_string().contains(words), "{name}: {fault}");
        it.with(|s| s.metadata = sound.clone());
    }
    // An issuer over TLS names nothing in the clear.
    let mut secure = it.provider();
    secure.config.issuer = "https://login.plant".into();
    assert!(secure.place("http://login.plant/token").is_err() && secure.place("https://login.plant/token").is_ok());
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again_after_a_while_and_what_it_said_holds() {
    let it = StandIn::open().await;
    let (known, fresh) = (it.provider(), it.provider());
    known.begin().await.unwrap();
    it.task.abort();
    while tokio::net::TcpStream::connect(it.issuer.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(fresh.begin().await, Err(Fault::Away(_))));
    assert!(matches!(finish(&known).await, Err(Fault::Away(_))));
    it.clock.set(Timestamp::from_secs(NOW + 3_601));
    known.begin().await.expect("what is known leads people to it, who see that it is away");

    let port = it.issuer.rsplit(':').next().unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    let script = it.script.clone();
    let back = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (status, body) = answer(&script, &request(&mut socket).await);
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    it.clock.set(Timestamp::from_secs(NOW + 3_603));
    assert!(fresh.begin().await.is_ok(), "the failure is an hour old");
    back.abort();
}
