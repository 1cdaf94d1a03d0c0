//! Logging in at a provider, which says here what a test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use historian::{AuditFilter, Historian};
use plant::access::{Areas, Role};
use plant::{ManualClock, Timestamp};
use serde_json::json;
use web::{SignInBegun, SignInDone, SignInFault, SignInReturn};

use crate::house::{House, NOW, Reply, config, services};

const PASSWORD: &str = "correct horse battery";

/// Says what it is told to, in this order.
#[derive(Default)]
struct Stub {
    home: Mutex<String>,
    says: Mutex<VecDeque<Result<SignInDone, SignInFault>>>,
    away: Mutex<bool>,
    asked: Mutex<Vec<SignInReturn>>,
    begun: Mutex<usize>,
}

impl web::SignIn for Stub {
    fn title(&self) -> String {
        "Plant".into()
    }
    fn home(&self) -> String {
        self.home.lock().unwrap().clone()
    }
    fn lasts(&self) -> Duration {
        Duration::from_secs(3_600)
    }
    fn begin(&self) -> BoxFuture<'_, Result<SignInBegun, SignInFault>> {
        let away = *self.away.lock().unwrap();
        let text = |s: &str| s.to_owned();
        let mut n = self.begun.lock().unwrap();
        *n += 1;
        let begun = SignInBegun {
            url: text("https://login.plant/auth?client_id=d"),
            state: format!("state{n}"),
            nonce: text("nonce"),
            verifier: text("verifier"),
        };
        Box::pin(async move { if away { Err(SignInFault::Away) } else { Ok(begun) } })
    }
    fn finish(&self, back: SignInReturn) -> BoxFuture<'_, Result<SignInDone, SignInFault>> {
        self.asked.lock().unwrap().push(back);
        let said = self.says.lock().unwrap().pop_front().expect("it was told what to say");
        Box::pin(async move { said })
    }
}

struct Gate {
    house: House,
    stub: Arc<Stub>,
    clock: Arc<ManualClock>,
}

async fn open() -> Gate {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
    let historian = Arc::new(Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap());
    let stub = Arc::new(Stub::default());
    let services = web::Services { sign_in: Some(stub.clone()), ..services(&historian, &clock, Vec::new()) };
    let house = House::serve(config(), historian, services, dir).await;
    *stub.home.lock().unwrap() = format!("http://{}", house.address);
    Gate { house, stub, clock }
}

async fn closed() -> Gate {
    let gate = open().await;
    gate.add("lin", Role::Administrator);
    gate
}

fn somebody(subject: &str, name: Option<&str>, role: Option<Role>) -> SignInDone {
    SignInDone {
        issuer: "https://login.plant".into(),
        subject: subject.into(),
        name: name.map(Into::into),
        grant: role.map(|r| (r, Areas::All)),
    }
}

fn cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect()
}

fn pair(reply: &Reply, name: &str) -> String {
    let found = cookies(reply).into_iter().find(|c| c.starts_with(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name}: {:?}", reply.headers)).split(';').next().unwrap().to_owned()
}

impl Gate {
    fn add(&self, name: &str, role: Role) {
        let by = web::By { who: "test".into(), origin: "here".into() };
        let new = web::NewAccount {
            name: name.into(),
            role: role.as_str().into(),
            password: Some(PASSWORD.into()),
            ..web::NewAccount::default()
        };
        self.house.accounts.add(new, &by).unwrap();
    }

    /// Leaves for the provider; what the browser then holds, and with which state it is to come back.
    async fn leave(&self) -> (String, String) {
        let left = self.house.get("/api/v1/sign-in?to=%2Falarms").await;
        assert_eq!((left.status, left.header("location")), (303, Some("https://login.plant/auth?client_id=d")));
        (pair(&left, "danxia_sign_in"), format!("code=c&state=state{}", self.stub.begun.lock().unwrap()))
    }

    async fn come_back(&self, cookie: &str, query: &str) -> Reply {
        self.house.ask("GET", &format!("/api/v1/sign-in/callback?{query}"), &[("Cookie", cookie)], "").await
    }

    /// Leaves, and comes back when the provider has said this.
    async fn sign_in(&self, says: Result<SignInDone, SignInFault>) -> Reply {
        self.stub.says.lock().unwrap().push_back(says);
        let (held, query) = self.leave().await;
        self.come_back(&held, &format!("{query}&session_state=x")).await
    }

    fn audit(&self) -> Vec<String> {
        let all = self.house.historian.register().audit(&AuditFilter::default(), 100).unwrap();
        all.into_iter()
            .map(|e| e.record)
            .map(|r| format!("{} {} {} {}", r.who, r.action, r.subject, r.outcome))
            .collect()
    }
}

fn place(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap()
}

#[tokio::test]
async fn somebody_leaves_and_comes_back_with_a_session() {
    let gate = closed().await;
    assert_eq!(gate.house.json("/api/v1/me").await["provider"], "Plant");
    let reply = gate.sign_in(Ok(somebody("17", Some("zhao"), Some(Role::Operator)))).await;
    assert_eq!(place(&reply), "/#/alarms");
    let session = pair(&reply, "danxia_session");
    assert!(cookies(&reply).iter().any(|c| c.starts_with("danxia_sign_in=;") && c.contains("Max-Age=0")));
    let back = gate.stub.asked.lock().unwrap()[0].clone();
    assert_eq!((&*back.code, &*back.nonce, &*back.verifier, back.issuer), ("c", "nonce", "verifier", None));
    let me = gate.house.ask("GET", "/api/v1/me", &[("Cookie", &session)], "").await.json();
    assert_eq!((&me["name"], &me["role"], &me["password"]), (&json!("zhao"), &json!("operator"), &json!(false)));
    assert_eq!(gate.audit()[..2], ["zhao login.provider zhao ok", "https://login.plant user.add zhao ok"]);
    gate.clock.set(Timestamp::from_secs(NOW + 3_600));
    let me = gate.house.ask("GET", "/api/v1/me", &[("Cookie", &session)], "").await.json();
    assert_eq!(me["how"], "nobody", "for as long as the settings say");
}

#[tokio::test]
async fn what_comes_back_wrongly_is_sent_to_the_page_with_the_reason() {
    let gate = closed().await;
    let (held, _) = gate.leave().await;
    for (cookie, query, why) in [
        ("", "code=c&state=state1", "again"),
        ("danxia_sign_in=forged", "code=c&state=state1", "again"),
        (&*held, "code=c", "again"),
        (&held, "code=c&state=other", "again"),
        (&held, "error=access_denied&state=state1", "declined"),
        (&held, "state=state1", "again"),
        (&held, "code=c&state=state1", "again"),
    ] {
        let reply = gate.come_back(cookie, query).await;
        assert_eq!(place(&reply), format!("/#/sign-in?why={why}"), "{query}");
        assert!(cookies(&reply).iter().all(|c| c.starts_with("danxia_sign_in=;")), "{:?}", reply.headers);
    }
    assert!(gate.stub.asked.lock().unwrap().is_empty(), "the provider was not asked");
    let (held, query) = gate.leave().await;
    gate.clock.set(Timestamp::from_secs(NOW + 600));
    assert_eq!(place(&gate.come_back(&held, &query).await), "/#/sign-in?why=again");
    assert!(gate.audit()[0].ends_with("login.provider  again"), "{:?}", gate.audit());
    for (fault, why) in
        [(SignInFault::Away, "away"), (SignInFault::Refused, "unbelieved"), (SignInFault::Unbelieved, "unbelieved")]
    {
        assert_eq!(place(&gate.sign_in(Err(fault)).await), format!("/#/sign-in?why={why}"));
    }
    *gate.stub.away.lock().unwrap() = true;
    assert_eq!(place(&gate.house.get("/api/v1/sign-in").await), "/#/sign-in?why=away");
}

#[tokio::test]
async fn a_return_counts_once() {
    let gate = closed().await;
    gate.stub.says.lock().unwrap().push_back(Ok(somebody("17", Some("zhao"), Some(Role::Viewer))));
    let (held, query) = gate.leave().await;
    assert_eq!(place(&gate.come_back(&held, &query).await), "/#/alarms");
    let again = gate.come_back(&held, &query).await;
    assert_eq!(place(&again), "/#/sign-in?why=again");
    assert!(!cookies(&again).iter().any(|c| c.starts_with("danxia_session")));
}

#[tokio::test]
async fn the_house_decides_who_is_let_in() {
    let gate = open().await;
    let some = |subject: &str, name: &str, role| Ok(somebody(subject, Some(name), Some(role)));
    let shut = async |says, why: &str| {
        let reply = gate.sign_in(says).await;
        assert_eq!(place(&reply), format!("/#/sign-in?why={why}"));
        assert!(!cookies(&reply).iter().any(|c| c.starts_with("danxia_session")));
    };
    shut(some("1", "first", Role::Administrator), "no_administrator").await;
    gate.add("lin", Role::Administrator);
    shut(some("2", "Lin", Role::Administrator), "name_taken").await;
    shut(Ok(somebody("3", None, Some(Role::Viewer))), "no_name").await;
    for name in ["", "a/b", "token:x", "Command Line", &"x".repeat(65)] {
        shut(some("3", name, Role::Viewer), "no_name").await;
    }
    shut(Ok(somebody("4", Some("sun"), None)), "no_role").await;

    // One that was let in, whatever they are called later; their role follows the provider, also downwards.
    let reply = gate.sign_in(some("5", "zhao", Role::Administrator)).await;
    let session = pair(&reply, "danxia_session");
    let by = web::By { who: "test".into(), origin: "here".into() };
    let change = |disabled| web::UserChange { disabled: Some(disabled), ..web::UserChange::default() };
    gate.house.accounts.change("lin", change(true), &by).unwrap();
    shut(some("5", "zhao", Role::Viewer), "last_administrator").await;
    gate.house.accounts.change("lin", change(false), &by).unwrap();
    assert_eq!(place(&gate.sign_in(some("5", "lin", Role::Viewer)).await), "/#/alarms");
    let me = gate.house.ask("GET", "/api/v1/me", &[("Cookie", &session)], "").await.json();
    assert_eq!((&me["name"], &me["role"]), (&json!("zhao"), &json!("viewer")), "sessions of before follow");
    shut(Ok(somebody("5", Some("zhao"), None)), "no_role").await;
    let me = gate.house.ask("GET", "/api/v1/me", &[("Cookie", &session)], "").await.json();
    assert_eq!(me["how"], "nobody", "with the role went the sessions");
    gate.house.accounts.change("zhao", change(true), &by).unwrap();
    shut(some("5", "zhao", Role::Viewer), "disabled").await;

    // Of such an account neither role nor password are given here, and no password is right.
    for change in [
        web::UserChange { role: Some("administrator".into()), ..web::UserChange::default() },
        web::UserChange { areas: Some(vec!["*".into()]), ..web::UserChange::default() },
        web::UserChange { password: Some(None), ..web::UserChange::default() },
    ] {
        assert!(matches!(gate.house.accounts.change("zhao", change, &by), Err(web::AccessError::Conflict(_))));
    }
    for password in ["", "plain:", PASSWORD] {
        let body = json!({"name": "zhao", "password": password}).to_string();
        assert_eq!(gate.house.post("/api/v1/login", &body).await.status, 401, "{password:?}");
    }
}

#[tokio::test]
async fn one_that_is_logged_in_does_not_stay_so_beside_the_new_one() {
    let gate = closed().await;
    let body = json!({"name": "lin", "password": PASSWORD}).to_string();
    let first = pair(&gate.house.post("/api/v1/login", &body).await, "danxia_session");
    gate.stub.says.lock().unwrap().push_back(Ok(somebody("17", Some("zhao"), Some(Role::Viewer))));
    let (held, query) = gate.leave().await;
    let reply = gate.come_back(&format!("{held}; {first}"), &query).await;
    assert_ne!(pair(&reply, "danxia_session"), first);
    let me = gate.house.ask("GET", "/api/v1/me", &[("Cookie", &first)], "").await.json();
    assert_eq!(me["how"], "nobody");
}

#[tokio::test]
async fn under_another_name_the_way_leads_over_the_pages_own_address_and_not_in_a_circle() {
    let gate = closed().await;
    let home = gate.stub.home.lock().unwrap().clone();
    let foreign = [("Host", "localhost:1")];
    let sent = gate.house.ask("GET", "/api/v1/sign-in?to=%2Fa%3Fb%3D1", &foreign, "").await;
    let there = format!("{home}/api/v1/sign-in?moved=yes&to=%2Fa%3Fb%3D1");
    assert_eq!(place(&sent), there);
    assert!(cookies(&sent).is_empty());
    let path = there.strip_prefix(&home).unwrap();
    assert!(place(&gate.house.get(path).await).starts_with("https://login.plant/"));
    let circle = gate.house.ask("GET", path, &foreign, "").await;
    assert_eq!(circle.status, 400);
    assert!(circle.text().contains("http.oidc.public_url"), "{}", circle.text());
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_one() {
    let house = House::open().await;
    assert_eq!(house.json("/api/v1/me").await["provider"], json!(null));
    for path in ["/api/v1/sign-in", "/api/v1/sign-in/callback?code=c&state=s"] {
        let reply = house.get(path).await;
        assert_eq!(reply.status, 404, "{}", reply.text());
    }
}
