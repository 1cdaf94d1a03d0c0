//! What waits: looked at in a real store; moved through a stub that says what it was asked.

use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use historian::{Batch, Ignored, LedgerDelta, Quarantined, Selection, Settled, Verdict};
use plant::Timestamp;
use serde_json::json;
use tokio::sync::watch;
use web::{Declined, dto};

use crate::house::{House, NOW};

/// A replay of the code `slow` goes on for ever; a machine called `s/none` is not offered.
pub struct Stub {
    asked: Mutex<Option<Selection>>,
    progress: watch::Sender<dto::Replay>,
}

impl Default for Stub {
    fn default() -> Self {
        Self { asked: Mutex::default(), progress: watch::channel(dto::Replay::default()).0 }
    }
}

impl web::Waiting for Stub {
    fn replay(&self, which: Selection) -> bool {
        if self.progress.borrow().running {
            return false;
        }
        let running = which.codes.iter().any(|c| &**c == "slow");
        let selected = which.ids.len() as u64;
        *self.asked.lock().unwrap() = Some(which);
        self.progress.send_replace(dto::Replay { running, selected, done: selected, ..dto::Replay::default() });
        true
    }
    fn progress(&self) -> watch::Receiver<dto::Replay> {
        self.progress.subscribe()
    }
    fn discard(&self, which: Selection, why: String) -> BoxFuture<'_, Result<u64, Declined>> {
        ready(if why == "林: a test" { Ok(which.ids.len() as u64) } else { Err(Declined::Now(why)) }).boxed()
    }
    fn restore(&self, which: Selection) -> BoxFuture<'_, Result<u64, Declined>> {
        ready(Ok(which.codes.len() as u64)).boxed()
    }
    fn discovery(&self) -> dto::Discovery {
        dto::Discovery { left_out: 7, ..dto::Discovery::default() }
    }
    fn adopt(&self, what: dto::Adopt) -> BoxFuture<'_, Result<dto::Adopted, Declined>> {
        let none = what.machines.iter().any(|m| m.machine == "s/none");
        let points = what.machines.iter().flat_map(|m| &m.points).flatten().count() as u64;
        let adopted = dto::Adopted { machines: what.machines.len() as u64, points, ..dto::Adopted::default() };
        let old = what.machines.iter().any(|m| m.edition == Some(1));
        ready(match (none, old) {
            (true, _) => Err(Declined::Asked("expected another".into())),
            (_, true) => Err(Declined::Overtaken("changed meanwhile".into())),
            _ => Ok(adopted),
        })
        .boxed()
    }
    fn ignore(&self, names: Vec<Ignored>) -> BoxFuture<'_, Result<(), Declined>> {
        let known = names.iter().all(|n| n.machine.as_str() == "s/m" && n.point.as_deref() != Some(""));
        ready(if known { Ok(()) } else { Err(Declined::Asked("expected s/m".into())) }).boxed()
    }
    fn statement(&self, from: Timestamp, to: Timestamp) -> Result<String, Declined> {
        Ok(json!({ "seconds": to.since(from).as_secs() }).to_string())
    }
}

fn waits(id: i64, code: &str, topic: &str, payload: &[u8]) -> Batch {
    let (head, rest) = payload.split_at(payload.len().min(4_096));
    let entry = Quarantined {
        t: Timestamp::from_secs(NOW + id),
        source: "plc".into(),
        topic: topic.into(),
        size: payload.len() as u64,
        head: head.into(),
        rest: rest.into(),
        code: code.into(),
        reason: "expected this, found that; do something".into(),
    };
    let ledger = LedgerDelta { source: "plc".into(), received: 1, quarantined: 1, gaps: 2, ..LedgerDelta::default() };
    Batch { quarantine: vec![entry], ledger: vec![ledger], ..Batch::default() }
}

#[tokio::test]
async fn the_quarantine_is_looked_through_by_reason_topic_and_page_and_payloads_are_whole() {
    let house = House::open().await;
    let long = "长".repeat(3_000);
    house.commit(waits(1, "unmapped", "line/1/a", long.as_bytes())).await;
    house.commit(waits(2, "unmapped", "line/2", &[0xff, 0x00])).await;
    house.commit(waits(3, "json_syntax", "line/1/b", b"{")).await;
    let why = Verdict::Discarded { why: "林: a test".into() };
    let settled = vec![Settled { id: 2, code: "unmapped".into(), verdict: why }];
    house.commit(Batch { settled, ..Batch::default() }).await;

    let ids = async |query: &str| {
        let list = house.json(&format!("/api/v1/quarantine?{query}")).await;
        list["entries"].as_array().unwrap().iter().map(|e| e["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [3, 1]);
    assert_eq!(ids("before=3&limit=1").await, [1]);
    assert_eq!(ids("topic=line%2F1%2F%23&code=unmapped").await, [1]);
    assert_eq!(ids("discarded=yes").await, [2]);
    let group = house.json("/api/v1/quarantine/groups").await[0].clone();
    assert_eq!((&group["code"], &group["count"], &group["discarded"]), (&json!("unmapped"), &json!(2), &json!(1)));
    assert_eq!(group["first"], "2026-11-23T00:00:01Z");
    let topics = house.json("/api/v1/quarantine/topics?code=unmapped").await;
    assert_eq!((&topics[0]["topic"], &topics[0]["waiting"], &topics[1]), (&json!("line/1/a"), &json!(1), &json!(null)));
    let stats = house.json("/api/v1/quarantine/stats").await;
    let wanted = json!({"waiting": 2, "complete": 2, "discarded": 1, "bytes": 9_003, "cut": 0, "dropped": 0});
    assert_eq!(stats, wanted);
    let whole = house.json("/api/v1/quarantine/1").await;
    assert_eq!((&whole["payload"], &whole["complete"]), (&json!(long), &json!(true)));
    let binary = house.json("/api/v1/quarantine/2").await;
    assert_eq!((&binary["payload"], &binary["encoding"]), (&json!("ff00"), &json!("hex")));
    assert_eq!(binary["discarded"], "林: a test");
    for missing in ["99", "x"] {
        assert_eq!(house.get(&format!("/api/v1/quarantine/{missing}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_replay_answers_when_it_is_done_or_that_it_goes_on_and_there_is_one_at_a_time() {
    let house = House::open().await;
    let replay = async |body: &str| house.post("/api/v1/quarantine/replay", body).await;
    let done = replay("{\"ids\":[1,2],\"topics\":[\"a/#\"]}").await;
    assert_eq!((done.status, done.json()["selected"].clone()), (200, json!(2)));
    let slow = replay("{\"codes\":[\"slow\"]}").await;
    assert_eq!((slow.status, slow.json()["running"].clone()), (202, json!(true)));
    assert_eq!(house.json("/api/v1/quarantine/replay").await["running"], true);
    let second = replay("{}").await;
    assert_eq!(second.status, 409);
    assert_eq!(second.json()["detail"], "messages are being read again already");
    for (bad, detail) in [
        ("[]", "invalid type"),
        ("{\"id\":[1]}", "unknown field `id`"),
        (&*format!("{{\"ids\":{:?}}}", vec![1; 2_001]), "there are 2001 numbers; expected at most 2000"),
    ] {
        let refused = replay(bad).await;
        assert_eq!(refused.status, 400);
        assert!(refused.json()["detail"].as_str().unwrap().contains(detail), "{}", refused.text());
    }
}

#[tokio::test]
async fn who_discards_says_why() {
    let house = House::open().await;
    let discard = async |body: &str| house.post("/api/v1/quarantine/discard", body).await;
    let done = discard("{\"ids\":[1,2],\"by\":\"林\",\"why\":\" a test \"}").await;
    assert_eq!((done.status, done.json()), (200, json!({"messages": 2})));
    let silent = discard("{\"ids\":[1]}").await;
    assert_eq!(silent.status, 400);
    assert!(silent.json()["detail"].as_str().unwrap().starts_with("\"why\" is missing"), "{}", silent.text());
    assert_eq!(discard("{\"ids\":[1],\"why\":\"other\"}").await.status, 503);
    let restored = house.post("/api/v1/quarantine/restore", "{\"codes\":[\"unmapped\"]}").await;
    assert_eq!(restored.json(), json!({"messages": 1}));
}

#[tokio::test]
async fn new_points_are_listed_adopted_and_ignored() {
    let house = House::open().await;
    let ignored = Ignored { machine: "s/m".parse().unwrap(), point: Some("a/b".into()), ignored: true };
    house.commit(Batch { ignored: vec![ignored], ..Batch::default() }).await;
    let list = house.json("/api/v1/discovery").await;
    assert_eq!(list, json!({"machines": [], "left_out": 7, "ignored": ["s/m/a/b"]}));
    let adopt = async |body: &str| house.post("/api/v1/discovery/adopt", body).await;
    let done = adopt("{\"machines\":[{\"machine\":\"s/m\",\"points\":[{\"name\":\"a\",\"unit\":\"bar\"}]}]}").await;
    assert_eq!((done.status, done.json()["points"].clone()), (200, json!(1)));
    let none = adopt("{\"machines\":[{\"machine\":\"s/none\"}]}").await;
    assert_eq!((none.status, none.json()["detail"].clone()), (400, json!("expected another")));
    let old = adopt("{\"machines\":[{\"machine\":\"s/m\",\"edition\":1}]}").await;
    assert_eq!((old.status, old.json()["type"].clone()), (409, json!("/problems/conflict")));
    assert_eq!(adopt("{\"machines\":[{\"name\":\"s/m\"}]}").await.status, 400);
    let ignore = async |names: &str| {
        house.post("/api/v1/discovery/ignore", &format!("{{\"names\":{names},\"ignored\":true}}")).await
    };
    assert_eq!(ignore("[\"s/m\",\"s/m/a/b\"]").await.status, 204);
    let bad = ignore("[\"nobody\"]").await;
    assert_eq!(bad.status, 400);
    let wanted = "found the name \"nobody\"; expected SITE/MACHINE or SITE/MACHINE/POINT";
    assert_eq!(bad.json()["detail"], wanted);
}

#[tokio::test]
async fn the_ledger_is_told_by_the_minute_and_as_a_statement() {
    let house = House::open().await;
    house.commit(waits(1, "unmapped", "a", b"x")).await;
    let other = LedgerDelta { source: "hmi".into(), committed: 1, released: 1, ..LedgerDelta::default() };
    house.commit(Batch { ledger: vec![other], ..Batch::default() }).await;
    let lines = house.json("/api/v1/ledger/history").await["lines"].clone();
    let wanted = json!([{
        "t_ms": NOW * 1_000, "width_s": 60, "source": "", "received": 1, "committed": 1, "duplicates": 0,
        "quarantined": 1, "refused": 0, "released": 1, "gaps": 2,
    }]);
    assert_eq!(lines, wanted);
    let sources = house.json("/api/v1/ledger/history?by=source").await["lines"].clone();
    assert_eq!((&sources[0]["source"], &sources[1]["source"]), (&json!("hmi"), &json!("plc")));
    let one = house.json("/api/v1/ledger/history?source=plc").await["lines"].clone();
    assert_eq!((one.as_array().unwrap().len(), &one[0]["quarantined"]), (1, &json!(1)));
    assert_eq!(house.json("/api/v1/ledger/history?to=1000").await["lines"], json!([]));
    let statement = house.json("/api/v1/ledger/statement?from=1000&to=61000").await;
    assert_eq!(statement, json!({"seconds": 60}));
    assert_eq!(house.get("/api/v1/ledger/statement?from=2000&to=1000").await.status, 400);
}
