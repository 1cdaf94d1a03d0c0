//! Accounts over HTTP: the first administrator, logging in and out, what is refused, and what is written down.

use std::sync::Arc;
use std::time::Duration;

use historian::{AuditFilter, Historian, verify};
use plant::{ManualClock, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answers::encode;
use crate::house::*;

const PASSWORD: &str = "correct horse battery";

/// A house whose time is told.
async fn house() -> (House, Arc<ManualClock>) {
    limited(config()).await
}

async fn limited(config: web::Config) -> (House, Arc<ManualClock>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
    let historian = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
    (House::of(config, historian, clock.clone(), web::Keeping::default(), dir).await, clock)
}

fn add(house: &House, name: &str, role: &str, areas: &[&str]) {
    let by = web::By { who: "test".into(), origin: "here".into() };
    let areas = areas.iter().map(ToString::to_string).collect();
    let password = Some(PASSWORD.into());
    let new = web::NewAccount { name: name.into(), role: role.into(), areas, password, ..web::NewAccount::default() };
    house.accounts.add(new, &by).unwrap();
}

async fn closed() -> (House, Arc<ManualClock>) {
    let (house, clock) = house().await;
    house.commit(history()).await;
    add(&house, "lin", "administrator", &[]);
    (house, clock)
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Somebody with a cookie.
struct Browser<'a> {
    house: &'a House,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn log_in(house: &'a House, name: &str) -> Self {
        let reply = log_in(house, name, PASSWORD).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        Self { house, cookie: cookie(&reply) }
    }

    async fn get(&self, path: &str) -> Reply {
        self.house.ask("GET", path, &[("Cookie", &self.cookie)], "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.house.ask("POST", path, &[JSON, ("Cookie", &self.cookie)], &body.to_string()).await
    }

    async fn me(&self) -> Value {
        self.get("/api/v1/me").await.json()
    }
}

async fn log_in(house: &House, name: &str, password: &str) -> Reply {
    house.post("/api/v1/login", &json!({"name": name, "password": password}).to_string()).await
}

/// `name=value` of the cookie that an answer sets.
fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie").expect("a cookie");
    assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("Path=/"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

fn audit(house: &House) -> Vec<(String, String, String, String)> {
    let all = house.historian.register().audit(&AuditFilter::default(), 10_000).unwrap();
    all.into_iter().map(|e| (e.record.who, e.record.action, e.record.subject, e.record.outcome)).collect()
}

fn entry(who: &str, action: &str, subject: &str, outcome: &str) -> (String, String, String, String) {
    (who.into(), action.into(), subject.into(), outcome.into())
}

#[tokio::test]
async fn the_code_of_the_first_start_makes_one_administrator_and_closes_the_house() {
    let (house, _) = house().await;
    assert_eq!(house.json("/api/v1/me").await["how"], "open");
    assert_eq!(house.get("/api/v1/overview").await.status, 200);
    let foreign = [("Host", "danxia.plant:8080")];
    assert_eq!(house.ask("GET", "/api/v1/me", &foreign, "").await.status, 421);
    let code = house.accounts.setup_code().unwrap().unwrap();
    let mut events = house.listen("").await;
    assert_eq!(events.next().await.unwrap().name, "snapshot");

    let body = |code: &str, password: &str| json!({"code": code, "name": " 林 ", "password": password}).to_string();
    for (code, password, words) in [
        ("0".repeat(32), PASSWORD, "not the set-up code"),
        (code.clone(), "short", "too short"),
        (code.clone(), "林林林林 longer", ""),
    ] {
        let reply = house.post("/api/v1/setup", &body(&code, password)).await;
        if words.is_empty() {
            // A name of one character is in many passwords.
            assert_eq!(reply.status, 200, "{}", reply.text());
            let browser = Browser { house: &house, cookie: cookie(&reply) };
            let me = browser.me().await;
            assert_eq!(
                (&me["how"], &me["name"], &me["role"], &me["open"]),
                (&json!("session"), &json!("林"), &json!("administrator"), &json!(false))
            );
        } else {
            assert_eq!(reply.status, 400, "{}", reply.text());
            assert!(reply.text().contains(words), "{}", reply.text());
        }
    }
    assert_eq!(house.post("/api/v1/setup", &body(&code, PASSWORD)).await.status, 409, "once");
    assert_eq!(house.accounts.setup_code().unwrap(), None);
    let refused = house.get("/api/v1/overview").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["type"], "/problems/log_in");
    while events.next().await.is_some() {}
    assert_eq!(house.ask("GET", "/api/v1/me", &foreign, "").await.json()["how"], "nobody", "under any name");
    assert_eq!(house.ask("GET", "/", &foreign, "").await.status, 200, "and the page with it");
    let kinds: Vec<_> =
        audit(&house).into_iter().map(|(_, action, _, outcome)| format!("{action} {outcome}")).collect();
    assert_eq!(kinds, ["setup conflict", "login ok", "setup ok", "setup bad_body", "setup bad_body"]);
}

#[tokio::test]
async fn each_log_in_gives_a_new_session_and_the_one_before_ends() {
    let (house, _) = closed().await;
    let fixed = format!("danxia_session={}", "a".repeat(64));
    let body = json!({"name": "lin", "password": PASSWORD}).to_string();
    let reply = house.ask("POST", "/api/v1/login", &[JSON, ("Cookie", &fixed)], &body).await;
    let first = cookie(&reply);
    assert_ne!(first, fixed, "what a stranger put there is not taken");
    assert_eq!(house.ask("GET", "/api/v1/overview", &[("Cookie", &fixed)], "").await.status, 401);
    let reply = house.ask("POST", "/api/v1/login", &[JSON, ("Cookie", &first)], &body).await;
    let second = Browser { house: &house, cookie: cookie(&reply) };
    assert_ne!(second.cookie, first);
    assert_eq!(house.ask("GET", "/api/v1/overview", &[("Cookie", &first)], "").await.status, 401);
    assert_eq!(second.get("/api/v1/overview").await.status, 200);

    let mut events = stream(&house, &second.cookie).await;
    let out = second.post("/api/v1/logout", &json!({})).await;
    assert_eq!((out.status, out.json()["how"].clone()), (200, json!("nobody")));
    assert!(out.header("set-cookie").is_some_and(|c| c.contains("Max-Age=0")));
    assert_eq!(second.get("/api/v1/overview").await.status, 401);
    timeout(PATIENCE, events.read_to_end(&mut Vec::new())).await.expect("the stream ends with the session").unwrap();
}

/// A live stream whose head has come.
async fn stream(house: &House, cookie: &str) -> TcpStream {
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "GET /api/v1/live HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n",
        house.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    socket.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 200");
    socket
}

#[tokio::test]
async fn who_guesses_waits_longer_each_time_and_the_right_password_waits_too() {
    let (house, clock) = closed().await;
    for _ in 0..5 {
        let reply = log_in(&house, "lin", "a wrong password").await;
        assert_eq!((reply.status, reply.json()["type"].clone()), (401, json!("/problems/credentials")));
    }
    let mut wait = 10;
    for _ in 0..3 {
        let locked = log_in(&house, "lin", PASSWORD).await;
        assert_eq!((locked.status, locked.json()["type"].clone()), (429, json!("/problems/locked_out")));
        let said: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(said, wait + 1);
        clock.advance(Duration::from_secs(wait));
        assert_eq!(log_in(&house, "lin", "a wrong password").await.status, 401);
        wait *= 2;
    }
    clock.advance(Duration::from_secs(wait));
    assert_eq!(log_in(&house, "lin", PASSWORD).await.status, 200);
    for (name, password) in [("nobody", PASSWORD), ("sesame-in-the-wrong-field", "lin")] {
        let unknown = log_in(&house, name, password).await;
        assert_eq!(unknown.json()["detail"], log_in(&house, "lin", "a wrong password").await.json()["detail"]);
    }
    let log = audit(&house);
    assert!(log.contains(&entry("", "login.locked", "lin", "locked_out")));
    assert!(log.contains(&entry("", "login", "(no account)", "credentials")));
    assert!(log.contains(&entry("lin", "login", "lin", "ok")));
    assert!(!format!("{log:?}").contains("sesame"), "{log:?}");
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_locked_out() {
    let (house, _) = closed().await;
    for n in 0..20 {
        assert_eq!(log_in(&house, &format!("n{n}"), "whatever it is").await.status, 401);
    }
    assert_eq!(log_in(&house, "lin", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn sessions_are_listed_ended_and_over_in_time() {
    let (house, clock) = closed().await;
    add(&house, "wang", "operator", &[]);
    let [lin, other, wang] = [
        Browser::log_in(&house, "lin").await,
        Browser::log_in(&house, "lin").await,
        Browser::log_in(&house, "wang").await,
    ];
    let listed = lin.get("/api/v1/sessions").await.json();
    let own: Vec<_> = listed["sessions"].as_array().unwrap().iter().map(|s| (&s["user"], &s["current"])).collect();
    assert_eq!(own.len(), 2);
    assert_eq!(own.iter().filter(|(_, current)| **current == json!(true)).count(), 1);
    assert!(!listed.to_string().contains(lin.cookie.split('=').nth(1).unwrap()), "the list lets nobody in");
    assert_eq!(wang.get("/api/v1/sessions?all=yes").await.status, 403);
    assert_eq!(wang.get("/api/v1/sessions?user=lin").await.status, 403);
    let all = lin.get("/api/v1/sessions?all=yes").await.json();
    assert_eq!(all["sessions"].as_array().map(Vec::len), Some(3));

    let id = |who: &Value| who["session"].as_str().unwrap().to_owned();
    let end = |id: &str| format!("/api/v1/sessions/{id}/end");
    let theirs = id(&lin.me().await);
    assert_eq!(wang.post(&end(&theirs), &json!({})).await.status, 404, "not somebody else's");
    assert_eq!(lin.post(&end(&id(&other.me().await)), &json!({})).await.status, 200);
    assert_eq!(other.get("/api/v1/overview").await.status, 401);
    assert_eq!(lin.post(&end(&id(&wang.me().await)), &json!({})).await.status, 200, "an administrator ends anybody's");
    assert_eq!(wang.get("/api/v1/overview").await.status, 401);

    let [lin, other] = [Browser::log_in(&house, "lin").await, Browser::log_in(&house, "lin").await];
    let new = "another battery, correct";
    let wrong = lin.post("/api/v1/me/password", &json!({"current": "no", "password": new})).await;
    assert_eq!((wrong.status, wrong.json()["fault"]["field"].clone()), (400, json!("current")));
    let done = lin.post("/api/v1/me/password", &json!({"current": PASSWORD, "password": new})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!((lin.get("/api/v1/overview").await.status, other.get("/api/v1/overview").await.status), (200, 401));
    assert_eq!(log_in(&house, "lin", PASSWORD).await.status, 401);

    clock.advance(Duration::from_secs(11 * 3_600));
    assert_eq!(lin.get("/api/v1/overview").await.status, 200, "it is used");
    clock.advance(Duration::from_secs(11 * 3_600));
    assert_eq!(lin.get("/api/v1/overview").await.status, 200, "and lasts with each use");
    clock.advance(Duration::from_secs(13 * 3_600));
    assert_eq!(lin.get("/api/v1/overview").await.status, 401, "nobody has used it");
}

#[tokio::test]
async fn accounts_are_made_changed_and_shut_out_at_once() {
    let (house, _) = closed().await;
    let lin = Browser::log_in(&house, "lin").await;
    let made = lin.post("/api/v1/users", &json!({"name": "wang", "role": "viewer", "areas": ["s/mill"]})).await;
    assert_eq!((made.status, made.json()["password"].clone()), (201, json!("k7mf-92qd-made")), "{}", made.text());
    for (body, status) in [
        (json!({"name": "WANG", "role": "viewer"}), 409),
        (json!({"name": "a/b", "role": "viewer"}), 400),
        (json!({"name": "a", "role": "root"}), 400),
        (json!({"name": "a", "role": "viewer", "areas": ["a/b/c"]}), 400),
        (json!({"name": "a", "role": "administrator", "areas": ["s"]}), 400),
        (json!({"name": "a", "role": "viewer", "password": "short"}), 400),
        (json!({"name": "operator", "role": "viewer", "password": "my operator password"}), 400),
        (json!({"name": "a", "role": "viewer", "passwort": "sesame-open-now"}), 400),
        (json!({"name": "a", "role": "viewer", "password": {"sesame": 1}}), 400),
        (json!(["sesame"]), 400),
    ] {
        let reply = lin.post("/api/v1/users", &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        assert!(!reply.text().contains("sesame"), "{}", reply.text());
    }
    let change = async |name: &str, body: Value| lin.post(&format!("/api/v1/users/{name}"), &body).await;
    assert_eq!(change("wang", json!({"role": "engineer", "areas": ["*"], "password": PASSWORD})).await.status, 200);
    let wang = Browser::log_in(&house, "wang").await;
    let mut events = stream(&house, &wang.cookie).await;
    assert_eq!(wang.get("/api/v1/users").await.status, 403);
    let denied = wang.get("/api/v1/users").await.json();
    assert_eq!(denied["fault"], json!({"field": "right", "code": "administer", "found": "engineer"}));
    assert_eq!(wang.get("/api/v1/connections").await.status, 200);
    assert_eq!(change("wang", json!({"areas": ["s"]})).await.status, 200);
    assert_eq!(wang.get("/api/v1/connections").await.json()["fault"]["code"], "area", "what changed holds at once");
    timeout(PATIENCE, events.read_to_end(&mut Vec::new())).await.expect("its stream begins anew").unwrap();
    assert_eq!(change("wang", json!({"disabled": true})).await.status, 200);
    assert_eq!(wang.get("/api/v1/overview").await.status, 401);
    assert_eq!(log_in(&house, "wang", PASSWORD).await.status, 401);
    assert_eq!(change("wang", json!({"disabled": false})).await.status, 200);
    assert_eq!(wang.get("/api/v1/overview").await.status, 401, "its sessions do not come back");
    assert_eq!(log_in(&house, "wang", PASSWORD).await.status, 200);
    for body in [json!({"disabled": true}), json!({"role": "viewer"})] {
        let last = change("lin", body).await;
        assert_eq!(last.status, 409);
        assert!(last.text().contains("last administrator"), "{}", last.text());
    }
    assert_eq!(change("nobody", json!({})).await.status, 404);
    let ended = lin.post("/api/v1/users/wang/end-sessions", &json!({})).await;
    assert_eq!((ended.status, ended.json()["ended"].clone()), (200, json!(1)));
    let users = lin.get("/api/v1/users").await.json();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(2));
    assert!(!users.to_string().contains("plain:"), "no hash is shown");
}

#[tokio::test]
async fn programs_come_with_tokens_until_they_are_over_or_revoked() {
    let (house, clock) = closed().await;
    let lin = Browser::log_in(&house, "lin").await;
    let make = async |name: &str, days: u32| {
        let body = json!({"name": name, "role": "operator", "days": days});
        let reply = lin.post("/api/v1/tokens", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        format!("Bearer {}", reply.json()["secret"].as_str().unwrap())
    };
    let (mes, short) = (make("mes", 100).await, make("short", 1).await);
    let ask = async |bearer: &str| house.ask("GET", "/api/v1/me", &[("Authorization", bearer)], "").await.json();
    assert_eq!(ask(&mes).await["name"], "token:mes");
    assert_eq!(ask("Bearer danxia_0000").await["how"], "nobody");
    assert_eq!(ask(&format!("Bearer {LOCAL}")).await["how"], "local");
    clock.advance(Duration::from_secs(86_400));
    assert_eq!((ask(&mes).await["how"].clone(), ask(&short).await["how"].clone()), (json!("token"), json!("nobody")));
    let lin = Browser::log_in(&house, "lin").await;
    assert_eq!(lin.post("/api/v1/tokens/mes/revoke", &json!({})).await.status, 200);
    assert_eq!(ask(&mes).await["how"], "nobody");
    assert_eq!(lin.post("/api/v1/tokens/mes/revoke", &json!({})).await.status, 404);
    for body in [json!({"name": "x", "role": "viewer", "days": 0}), json!({"name": "", "role": "viewer"})] {
        assert_eq!(lin.post("/api/v1/tokens", &body).await.status, 400);
    }
    // A browser that is logged in and sends a token as well is who the token says.
    let both = [("Cookie", lin.cookie.as_str()), ("Authorization", "Bearer danxia_0000")];
    assert_eq!(house.ask("GET", "/api/v1/overview", &both, "").await.status, 401);
}

#[tokio::test]
async fn another_site_writes_nothing_with_somebodys_cookie() {
    let (house, _) = closed().await;
    let lin = Browser::log_in(&house, "lin").await;
    let user = json!({"name": "evil", "role": "administrator"}).to_string();
    let cookie = ("Cookie", lin.cookie.as_str());
    for (headers, status) in [
        (vec![JSON, cookie, ("Origin", "http://evil.example")], 403),
        (vec![JSON, cookie, ("Origin", "null")], 403),
        (vec![JSON, cookie, ("Sec-Fetch-Site", "cross-site")], 403),
        (vec![JSON, cookie, ("Sec-Fetch-Site", "same-site")], 403),
        (vec![("Content-Type", "text/plain"), cookie], 415),
        (vec![cookie], 415),
    ] {
        let reply = house.ask("POST", "/api/v1/users", &headers, &user).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
    }
    let login = json!({"name": "lin", "password": PASSWORD}).to_string();
    let foreign = [JSON, ("Origin", "http://evil.example")];
    assert_eq!(house.ask("POST", "/api/v1/login", &foreign, &login).await.status, 403, "nor logs anybody in");
    assert!(audit(&house).contains(&entry("lin", "user.add", "", "foreign_origin")));
    assert_eq!(lin.get("/api/v1/users").await.json()["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn areas_filter_what_is_listed_and_streamed() {
    let (house, _) = closed().await;
    add(&house, "inside", "operator", &["韶钢/烧结"]);
    add(&house, "outside", "operator", &["s"]);
    for (name, machines, alarms) in [("lin", 2, 1), ("inside", 1, 1), ("outside", 1, 0)] {
        let browser = Browser::log_in(&house, name).await;
        let overview = browser.get("/api/v1/overview").await.json();
        let shown: usize =
            overview["areas"].as_array().unwrap().iter().map(|a| a["machines"].as_array().unwrap().len()).sum();
        assert_eq!(shown, machines, "{name}");
        assert_eq!(overview["counts"]["active"], alarms, "{name}");
        assert_eq!(browser.get("/api/v1/alarms?state=all").await.json()["total"], alarms, "{name}");
        let journal = browser.get("/api/v1/journal").await.json();
        assert_eq!(journal["entries"].as_array().map(Vec::len), Some(alarms), "{name}");
        let asked = json!({"ask": "last", "series": [{"point": TEMP}]});
        let status = browser.post("/api/v1/series/query", &asked).await.status;
        assert_eq!(status, if alarms == 1 { 200 } else { 403 }, "{name}");
        let snapshot = snapshot(&house, &browser.cookie).await;
        assert_eq!(snapshot["alarms"].as_array().map(Vec::len), Some(alarms), "{name}");
        assert_eq!(snapshot["values"].as_array().map(Vec::is_empty), Some(alarms == 0), "{name}");
        assert_eq!(snapshot["status"]["machines"].as_array().map(Vec::len), Some(machines), "{name}");
        // Who names a machine that is not theirs hears the others.
        let named = format!("?topics=values&machine={}%23s%2Fspare", encode("韶钢/三号风机"));
        let values = snapshot_of(&house, &browser.cookie, &named).await;
        assert_eq!(values["values"].as_array().map(Vec::is_empty), Some(alarms == 0), "{name}");
    }
}

async fn snapshot(house: &House, cookie: &str) -> Value {
    snapshot_of(house, cookie, "").await
}

async fn snapshot_of(house: &House, cookie: &str, query: &str) -> Value {
    let mut events = Events::open_as(house.address, query, cookie).await;
    events.next_of("snapshot").await.data
}

#[tokio::test]
async fn every_write_is_in_the_audit_log_without_its_secrets_and_comes_out_as_a_table() {
    let (mut house, clock) = closed().await;
    let lin = Browser::log_in(&house, "lin").await;
    for route in web::routes().iter().filter(|r| r.writes.is_some() && r.path != "/api/v1/logout") {
        let path = route.path.replace("{site}", "s").replace("{machine}", "m").replace("{id}", "00");
        let path = path.replace("{name}", "nobody").replace("{serial}", "4a").replace("{number}", "1");
        let body =
            json!({"by": "=cmd", "password": "sesame", "secret": "sesame", "current": "sesame", "code": "sesame"});
        let headers = [JSON, ("Cookie", lin.cookie.as_str())];
        // Of those who are refused often not every refusal is written down.
        clock.advance(Duration::from_secs(10));
        house.ask(&route.method, &path, &headers, &body.to_string()).await;
        let last = house.historian.register().audit(&AuditFilter::default(), 1).unwrap().remove(0).record;
        assert_eq!((last.who.as_str(), Some(last.action.as_str())), ("lin", route.writes), "{}", route.path);
        assert_eq!(last.origin, "127.0.0.1");
        assert_ne!(last.outcome, "ok", "{}", route.path);
    }
    lin.post("/api/v1/devices", &json!({"name": "pump", "role": "device", "site": "s", "password": "sesame-sesame"}))
        .await;
    let log = lin.get("/api/v1/audit?limit=3").await.json();
    let first = &log["entries"][0];
    assert_eq!(
        (&first["action"], &first["outcome"], &first["who"]),
        (&json!("device.add"), &json!("ok"), &json!("lin"))
    );
    assert_eq!(first["now"], r#"{"name":"pump","role":"device","site":"s"}"#);
    let next = log["next_cursor"].as_str().unwrap();
    let older = lin.get(&format!("/api/v1/audit?limit=1&cursor={next}")).await.json();
    let id = |e: &Value| e["id"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(id(&older["entries"][0]), id(&log["entries"][2]) - 1);
    let failed = lin.get("/api/v1/audit?outcome=failed&who=lin&action=device").await.json();
    assert!(failed["entries"].as_array().unwrap().iter().all(|e| e["action"].as_str().unwrap().starts_with("device.")));
    for bad in ["cursor=x", "outcome=perhaps", "limit=0", "who=a&who=b", "whom=a"] {
        assert_eq!(lin.get(&format!("/api/v1/audit?{bad}")).await.status, 400, "{bad}");
    }
    lin.post("/api/v1/login", &json!({"name": "=1+1", "password": "sesame"})).await;
    add(&house, "=cmd|' calc'!A0", "viewer", &[]);
    let table = lin.get("/api/v1/audit/export").await;
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = table.text();
    assert!(text.contains("id,time,who,origin,action,subject,was,now,outcome\r\n"), "{text}");
    assert!(text.contains(",\"'=cmd|' calc'!A0\","), "{text}");
    assert!(!text.contains(",=") && !text.contains("sesame"), "{text}");
    let rows = house.historian.register().audit(&AuditFilter::default(), 10_000).unwrap().len();
    assert_eq!(text.matches("\r\n2026").count() + text.matches(",2026-").count(), rows);
    let dir = house.dir().to_owned();
    drop(lin);
    house.close().await;
    assert!(verify(&dir).unwrap().is_clean());
}

#[tokio::test]
async fn who_acts_is_who_is_logged_in_whatever_the_body_says() {
    let (house, _) = closed().await;
    let lin = Browser::log_in(&house, "lin").await;
    let rules = lin.get("/api/v1/rules").await.json();
    let body = json!({"revision": rules["revision"], "rules": [], "by": "somebody else"}).to_string();
    let reply = house.ask("PUT", "/api/v1/rules", &[JSON, ("Cookie", &lin.cookie)], &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let now = house.historian.register().plant();
    assert_eq!(now.rules.changed().map(|(by, _)| by.to_string()), Some("lin".into()));
}

#[tokio::test]
async fn large_and_slow_bodies_of_strangers_are_refused() {
    let (house, _) = limited(web::Config { read_timeout: Duration::from_millis(200), ..config() }).await;
    add(&house, "lin", "administrator", &[]);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(house.post("/api/v1/login", &large).await.status, 413);
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let head =
        "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n";
    socket.write_all(format!("{head}Connection: close\r\n\r\n{{\"name").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut text)).await.expect("an answer in time").unwrap();
    assert!(text.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&text));
    // A write that needs somebody is refused before its body is read.
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    socket.write_all(head.replace("login", "users").as_bytes()).await.unwrap();
    socket.write_all(b"\r\n").await.unwrap();
    let mut line = [0; 12];
    timeout(PATIENCE, socket.read_exact(&mut line)).await.expect("an answer in time").unwrap();
    assert_eq!(&line, b"HTTP/1.1 401");
}
