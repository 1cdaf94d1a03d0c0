//! Mapping rules over HTTP: read, replaced by revision, tried and suggested.

use serde_json::{Value as Json, json};

use crate::house::House;

fn rule(name: &str) -> Json {
    json!({
        "name": name, "enabled": true, "topic": "gw/{m}/data", "format": "json", "each": null, "separator": null, "skip": 0,
        "site": "s", "machine": "{m}",
        "values": [{"field": "/t", "point": "temp", "unit": "°C", "scale": 0.1, "offset": -40.0, "optional": true}],
        "time": {"field": "/ts", "zone_min": 480}, "filters": [{"field": "/kind", "equals": "data"}, {"field": "/t", "equals": null}],
    })
}

#[tokio::test]
async fn rules_are_replaced_by_whoever_has_seen_the_last_ones() {
    let house = House::open().await;
    let none = house.json("/api/v1/rules").await;
    assert_eq!(none, json!({"revision": 0, "changed": null, "rules": []}));
    let csv = json!({"name": "b", "topic": "csv/#", "format": "csv", "separator": ";", "site": "s", "machine": "m",
        "values": [{"field": "#2", "point": "p"}]});
    let change = json!({"revision": 0, "by": "林", "rules": [rule("a"), csv]});
    let reply = house.put("/api/v1/rules", &change.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let now = house.json("/api/v1/rules").await;
    assert_eq!(reply.json(), now);
    assert_eq!((&now["revision"], &now["changed"]["by"], &now["rules"][0]), (&json!(1), &json!("林"), &rule("a")));
    assert_eq!(now["rules"][1]["values"][0]["scale"], json!(1.0));

    let late = house.put("/api/v1/rules", &change.to_string()).await;
    assert_eq!(late.status, 409);
    let detail = late.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("林 changed the rules") && detail.contains("made from 0"), "{detail}");
    assert_eq!(house.json("/api/v1/rules").await, now);
    assert_eq!(house.historian.register().plant().rules.revision(), 1);
}

#[tokio::test]
async fn two_changes_at_once_do_not_both_win() {
    let house = House::open().await;
    let change = |by: &str| json!({"revision": 0, "by": by, "rules": [rule(by)]}).to_string();
    let (a, b) = (change("a"), change("b"));
    let (a, b) = tokio::join!(house.put("/api/v1/rules", &a), house.put("/api/v1/rules", &b));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn a_rule_that_cannot_be_applied_is_told_by_its_name() {
    let house = House::open().await;
    let with = |field: &str, value: Json| {
        let mut rule = rule("r");
        rule[field] = value;
        json!({"revision": 0, "rules": [rule]}).to_string()
    };
    for (body, why) in [
        (with("topic", json!("a/#/b")), "before its end"),
        (with("format", json!("xml")), "expected json, csv, plain or hj212"),
        (with("machine", json!("{x}")), "captures nothing of that name"),
        (with("values", json!([])), "expected 1 to 256"),
        (with("values", json!([{"field": "/t", "point": "p", "unit": "furlong"}])), "not a unit"),
        (with("values", json!([{"field": "t", "point": "p"}])), "begin it with '/'"),
        (with("extra", json!(1)), "unknown field"),
        (json!({"revision": 0, "rules": [rule("a"), rule("a")]}).to_string(), "two rules are called a"),
        (json!({"revision": 0, "by": "x".repeat(65), "rules": []}).to_string(), "1 to 64 characters"),
        ("[0, null, []]".to_owned(), "expected a map"),
    ] {
        let reply = house.put("/api/v1/rules", &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(why), "{why}: {}", reply.text());
    }
    let large = format!("{{\"revision\":0,\"rules\":[],\"by\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(house.put("/api/v1/rules", &large).await.status, 400);
    assert_eq!(house.post("/api/v1/rules/suggest", &large).await.status, 413);
    assert_eq!(house.json("/api/v1/rules").await["revision"], json!(0));
}

#[tokio::test]
async fn rules_are_tried_without_being_kept() {
    let house = House::open().await;
    let change = json!({"revision": 0, "rules": [rule("kept")]}).to_string();
    assert_eq!(house.put("/api/v1/rules", &change).await.status, 200);
    let message = json!({"topic": "gw/x", "payload": "00ff", "encoding": "hex"});
    for (body, rule) in
        [(json!({"message": message}), "kept"), (json!({"message": message, "rules": [rule("draft")]}), "draft")]
    {
        let reply = house.post("/api/v1/rules/try", &body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["steps"], json!([{"rule": rule, "outcome": "gw/x 2"}]));
    }
    let bad = json!({"message": {"topic": "t", "payload": "0", "encoding": "hex"}}).to_string();
    assert_eq!(house.post("/api/v1/rules/try", &bad).await.status, 400);
    let first = house.post("/api/v1/rules/suggest", r#"{"topic":"t","payload":"1"}"#).await.json();
    assert_eq!(first["rule"]["name"], json!("first"));
    let none = house.post("/api/v1/rules/suggest", r#"{"topic":"t","payload":""}"#).await.json();
    assert_eq!(none, json!({"rule": null}));
    assert_eq!(house.json("/api/v1/rules").await["revision"], json!(1));
}
