//! Devices over HTTP: what goes in, what comes out, and what no is answered with.

use crate::house::House;

#[tokio::test]
async fn devices_are_listed_added_and_given_credentials() {
    let house = House::open().await;
    let all = house.json("/api/v1/devices").await;
    assert_eq!(all["devices"][0]["name"], "press");
    assert_eq!(all["roles"][0]["publish"][0], "danxia/v1/{site}/{device}/#");
    assert_eq!(all["roles"][0]["except"][0], "danxia/v1/{site}/{device}/alarm/#");
    assert_eq!(all["devices"][0]["except"][0], "danxia/v1/s/press/alarm/#");

    let made = house.post("/api/v1/devices", r#"{"name":"pump","role":"device","site":"s"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["password"], "k7mf-92qd");
    assert_eq!(made.header("cache-control"), Some("no-store"), "a password is not kept on the way");

    for (path, status, field, expect) in [
        ("press/password", 200, "password", "k7mf-92qd"),
        ("press/revoke", 200, "revoked", "2026-11-23T00:00:00Z"),
        ("press/certificates", 201, "serial", "2da"),
        ("press/certificates/4a/revoke", 200, "name", "press"),
        ("%E4%B8%89%E5%8F%B7%2Fx/revoke", 200, "name", "三号/x"),
    ] {
        let reply = house.post(&format!("/api/v1/devices/{path}"), "").await;
        assert_eq!((reply.status, reply.json()[field].as_str()), (status, Some(expect)), "{path}: {}", reply.text());
    }
    let own = house.post("/api/v1/devices/press/password", r#"{"password":"a password of my own"}"#).await;
    assert!(own.json()["password"].is_null(), "what was given is not sent back");
    assert_eq!(house.post("/api/v1/devices/press/certificates", r#"{"days":10}"#).await.json()["serial"], "a");
    assert_eq!(house.json("/api/v1/devices/press/checklist").await["device"], "press");
    let authority = house.get("/api/v1/ca.crt").await;
    assert_eq!(authority.header("content-disposition"), Some("attachment; filename=\"danxia-ca.crt\""));
    assert!(authority.text().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn what_cannot_be_is_answered_with_a_problem_and_no_secret() {
    let house = House::open().await;
    for (path, body, status, words) in [
        ("", r#"{"name":"press","role":"device","site":"s"}"#, 409, "already"),
        ("", r#"{"name":"a/b","role":"device","site":"s"}"#, 400, "leave out"),
        ("", r#"{"name":"broken","role":"device","site":"s"}"#, 503, "state.db"),
        ("", r#"{"name":"a"}"#, 400, "missing field"),
        ("", r#"{"name":"a","role":"device","site":"s","passwort":"sesame-open-now"}"#, 400, "unknown field"),
        ("", r#"{"name":"a","role":"device","site":"s","password":7}"#, 400, "wrong type"),
        ("", r#"{"name":"a","role":"device","site":"s","group":{"password":"sesame-open-now"}}"#, 400, "wrong type"),
        ("", r#"{"password":"sesame-open-now"#, 400, "no JSON object"),
        ("", r#"["sesame-open-now","device","s"]"#, 400, "no JSON object"),
        ("/nobody/revoke", "{}", 404, "no device"),
        ("/nobody/password", "{}", 404, "no device"),
        ("/press/enable", "{}", 409, "not revoked"),
        ("/press/certificates", r#"{"days":-1}"#, 400, "wrong type"),
        ("/press/certificates/ff/revoke", "{}", 404, "no certificate"),
    ] {
        let reply = house.post(&format!("/api/v1/devices{path}"), body).await;
        let text = reply.text();
        assert_eq!(reply.status, status, "{path} {body}: {text}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        assert!(text.contains(words), "{path} {body}: {text}");
        assert!(!text.contains("sesame"), "{text}");
    }
    assert_eq!(house.get("/api/v1/devices/nobody/checklist").await.status, 404);
    let foreign = [("Content-Type", "application/json"), ("Origin", "http://evil.example")];
    let reply = house.ask("POST", "/api/v1/devices", &foreign, "{}").await;
    assert_eq!(reply.status, 403, "another site adds no devices");
}

#[tokio::test]
async fn patterns_of_its_own_are_put_in_place_and_a_fault_says_which_field_it_is_about() {
    let house = House::open().await;
    let put = async |body: &str| house.post("/api/v1/devices/press/own", body).await;
    let now = put(r#"{"publish":["gw/{device}/#"]}"#).await.json();
    assert_eq!(now["own"]["publish"][0], "gw/{device}/#");
    assert_eq!(now["own"]["subscribe"][0], "plant/#", "of what nothing is said, it stays");
    assert_eq!(put(r#"{"subscribe":[]}"#).await.json()["own"]["subscribe"].as_array().map(Vec::len), Some(0));
    let reply = put(r##"{"publish":["a","#"]}"##).await;
    assert_eq!(reply.status, 400);
    let problem = reply.json();
    assert_eq!(problem["fault"], serde_json::json!({"field": "publish", "code": "wildcard", "found": "#"}));
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("wildcard")), "{problem}");
    assert_eq!(put(r#"{"publish":"a"}"#).await.status, 400);
    assert!(put(r#"{"publish":"a"}"#).await.json()["fault"].is_null(), "of no pattern in particular");
    assert_eq!(house.post("/api/v1/devices/nobody/own", "{}").await.status, 404);
}
