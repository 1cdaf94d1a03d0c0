//! Work orders and notes over HTTP, and what they look like in a spreadsheet.

use historian::Batch;
use plant::{Action, AlarmState, Assessment, Fault, Finding, Health, Judgement, ModelCard, Timestamp, Trigger};
use serde_json::{Value, json};

use crate::export;
use crate::house::{House, NOW, TEMP, history, raised, step};

const FAN: &str = "/api/v1/machines/%E9%9F%B6%E9%92%A2/%E4%B8%89%E5%8F%B7%E9%A3%8E%E6%9C%BA";

async fn open(house: &House, body: Value) -> Value {
    let reply = house.post(&format!("{FAN}/work-orders"), &body.to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

fn change(order: &Value, with: Value) -> String {
    let mut body = json!({"revision": order["revision"], "title": order["title"], "state": order["state"]});
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    body.to_string()
}

async fn put(house: &House, order: &Value, with: Value) -> crate::house::Reply {
    house.put(&format!("{FAN}/work-orders/{}", order["number"]), &change(order, with)).await
}

async fn an_alarm(house: &House) -> String {
    house.json("/api/v1/alarms").await["alarms"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_alarm_becomes_a_work_order_that_says_what_was_found() {
    let house = House::open().await;
    house.commit(history()).await;
    let alarm = an_alarm(&house).await;
    let order = open(&house, json!({"title": " check the cooling ", "alarm": alarm, "by": "林"})).await;
    assert_eq!(
        (&order["number"], &order["revision"], &order["title"]),
        (&json!(1), &json!(1), &json!("check the cooling"))
    );
    let origin = &order["origin"];
    assert_eq!(
        (&origin["kind"], &origin["alarm"], &origin["condition"]),
        (&json!("alarm"), &json!(alarm), &json!("high"))
    );
    assert_eq!(origin["raised"], "2026-11-22T23:59:30Z");
    assert_eq!(order["steps"], json!([{"t": "2026-11-23T00:00:00Z", "by": "林", "state": "open"}]));
    // Two who see the same alarm do not open two.
    let again = house.post(&format!("{FAN}/work-orders"), &json!({"title": "x", "alarm": alarm}).to_string()).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(again.json()["detail"].as_str().unwrap().contains("work order 1 is open"), "{}", again.text());

    let planned =
        put(&house, &order, json!({"state": "planned", "assignee": "王", "planned_for": "2026-11-24T08:00:00+08:00"}))
            .await;
    assert_eq!(planned.status, 200, "{}", planned.text());
    let planned = planned.json();
    assert_eq!(planned["planned_for"], "2026-11-24T00:00:00Z");
    // Who comes second is told who came first.
    let late = put(&house, &order, json!({"state": "cancelled"})).await;
    assert_eq!(late.status, 409);
    assert!(late.json()["detail"].as_str().unwrap().starts_with("operator changed it at "), "{}", late.text());
    let silent = put(&house, &planned, json!({"state": "done"})).await;
    assert_eq!(silent.status, 400, "{}", silent.text());
    assert!(silent.json()["detail"].as_str().unwrap().contains("what was found"), "{}", silent.text());
    let with = json!({
        "state": "done", "finding": "filter blocked", "parts": [{"name": "filter F7", "quantity": 2.0}], "labour_min": 90,
    });
    let done = put(&house, &planned, with).await.json();
    assert_eq!((&done["state"], &done["revision"], &done["labour_min"]), (&json!("done"), &json!(3), &json!(90)));
    assert_eq!(house.json("/api/v1/work-orders/1").await, done);
    for (query, wanted) in [("", 1), ("?state=unfinished", 0), ("?state=done", 1), ("?machine=s%2Fspare", 0)] {
        let found = house.json(&format!("/api/v1/work-orders{query}")).await;
        assert_eq!(found["orders"].as_array().unwrap().len(), wanted, "{query}");
    }
    let ended = put(&house, &done, json!({"state": "cancelled"})).await;
    assert_eq!(ended.status, 409, "{}", ended.text());
    assert_eq!(
        put(&house, &done, json!({"state": "open"})).await.status,
        200,
        "what was closed by mistake is opened again"
    );
}

#[tokio::test]
async fn the_past_of_an_alarm_says_what_was_found_then() {
    let house = House::open().await;
    house.commit(history()).await;
    let alarm = an_alarm(&house).await;
    let first = open(&house, json!({"title": "check", "alarm": alarm})).await;
    assert_eq!(put(&house, &first, json!({"state": "done", "finding": "filter blocked"})).await.status, 200);
    let acknowledged = Trigger::Acknowledged { by: "林".into() };
    for (from, to, trigger, t) in [
        (AlarmState::Unacknowledged, AlarmState::Acknowledged, acknowledged, -20),
        (AlarmState::Acknowledged, AlarmState::Normal, Trigger::Cleared, -10),
    ] {
        let step = step(TEMP, from, to, trigger, t);
        house.commit(Batch { findings: vec![Finding::Alarm(step)], ..Batch::default() }).await;
    }
    let past = house.json(&format!("/api/v1/alarms/{alarm}/past")).await;
    let occurrence = json!({
        "raised": "2026-11-22T23:59:30Z", "cleared": "2026-11-22T23:59:50Z",
        "acknowledged": {"by": "林", "at": "2026-11-22T23:59:40Z"}, "work_order": 1,
    });
    assert_eq!((&past["occurrences"], &past["more"]), (&json!([occurrence]), &json!(false)));
    // Raised anew: what stands is not the past, what was is.
    house.commit(raised(TEMP, 0)).await;
    let past = house.json(&format!("/api/v1/alarms/{alarm}/past")).await;
    assert_eq!(past["occurrences"], json!([occurrence]));
    assert_eq!(past["found"][0]["finding"], "filter blocked");
    // And it may call for work anew.
    assert_eq!(open(&house, json!({"title": "again", "alarm": alarm})).await["number"], 2);
    assert_eq!(house.get("/api/v1/alarms/0000000000000000/past").await.status, 404);
}

#[tokio::test]
async fn what_was_found_goes_to_the_model_card_in_the_same_commit() {
    let house = House::open().await;
    house.commit(history()).await;
    let assessed = Assessment {
        machine: "韶钢/三号风机".parse().unwrap(),
        t: Timestamp::from_secs(NOW),
        shafts: Vec::new(),
        health: Health { score: None, reasons: Vec::new() },
        remaining: Err("no_onset".into()),
        card: ModelCard { open: vec![Fault::Imbalance, Fault::Rub], ..ModelCard::default() },
    };
    house.commit(Batch { findings: vec![Finding::Assessment(Box::new(assessed))], ..Batch::default() }).await;
    let order = open(&house, json!({"title": "balance", "fault": "imbalance"})).await;
    assert_eq!(order["origin"]["fault"], "imbalance");
    for (with, why) in [
        (json!({"state": "planned", "diagnosis": "confirmed"}), "becomes done"),
        (json!({"state": "planned", "maintained": true}), "becomes done"),
        (json!({"state": "done", "finding": "x", "diagnosis": "perhaps"}), "confirmed or dismissed"),
        (json!({"state": "done", "finding": "x", "faults": ["dust"]}), "no fault"),
        (json!({"state": "finished"}), "expected open"),
        (json!({"photos": ["0".repeat(64)]}), "send it first"),
        (json!({"title": ""}), "title"),
        (json!({"parts": [{"name": "x", "quantity": 0}]}), "quantity"),
    ] {
        let reply = put(&house, &order, with.clone()).await;
        assert_eq!(reply.status, 400, "{with}: {}", reply.text());
        assert!(reply.json()["detail"].as_str().unwrap().contains(why), "{with}: {}", reply.text());
    }
    let mut tail = house.historian.tail(house.historian.head());
    let with = json!({
        "state": "done", "finding": "no imbalance, but the coupling is worn; it rubs", "diagnosis": "dismissed",
        "faults": ["misalignment", "rub"], "maintained": true, "by": "林",
    });
    assert_eq!(put(&house, &order, with).await.status, 200);
    let committed = loop {
        let c = tail.next().await.unwrap();
        if !c.batch.work.is_empty() {
            break c;
        }
    };
    let machine: plant::MachineId = "韶钢/三号风机".parse().unwrap();
    let judge = |fault, judgement| Action::Judge {
        machine: machine.clone(),
        fault,
        judgement: Some(judgement),
        by: "林".into(),
    };
    let wanted = [
        judge(Fault::Imbalance, Judgement::Dismissed),
        judge(Fault::Misalignment, Judgement::Found),
        judge(Fault::Rub, Judgement::Confirmed),
        Action::Maintained { machine: machine.clone(), by: "林".into() },
    ];
    assert_eq!(committed.batch.actions, wanted);
}

#[tokio::test]
async fn notes_are_written_and_taken_back() {
    let house = House::open().await;
    house.commit(history()).await;
    let path = format!("{FAN}/notes");
    let alarm = an_alarm(&house).await;
    let text = "<img src=x onerror=alert(1)>\n=HYPERLINK(\"x\")";
    let reply = house.post(&path, &json!({"text": text, "alarm": alarm, "by": "林"}).to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!((reply.json()["number"].clone(), reply.json()["text"].clone()), (json!(1), json!(text)));
    house.post(&path, &json!({"text": "second"}).to_string()).await;
    let notes = house.json(&format!("{path}?limit=1")).await;
    assert_eq!((&notes["notes"][0]["text"], &notes["next_before"]), (&json!("second"), &json!(2)));
    assert_eq!(house.json(&format!("{path}?before=2")).await["notes"][0]["condition"], "high");
    let elsewhere = house.post("/api/v1/machines/s/spare/notes/2/withdraw", "{}").await;
    assert_eq!(elsewhere.status, 404, "a note of another machine");
    assert_eq!(house.post(&format!("{path}/2/withdraw"), "{}").await.status, 200);
    assert_eq!(house.post(&format!("{path}/2/withdraw"), "{}").await.status, 404, "once");
    assert_eq!(house.json(&path).await["notes"].as_array().unwrap().len(), 1);
    for body in [
        json!({"text": " "}),
        json!({"text": "x".repeat(2_001)}),
        json!({"text": "\u{0}"}),
        json!({"text": "x", "alarm": "0"}),
    ] {
        assert_eq!(house.post(&path, &body.to_string()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn photos_are_photos() {
    let house = House::open().await;
    house.commit(history()).await;
    let path = format!("{FAN}/photos");
    let png = "\u{89}PNG";
    for (media, body) in [("image/svg+xml", "<svg onload=\"alert(1)\"/>"), ("image/png", "<html>"), ("text/html", png)]
    {
        let reply = house.ask("POST", &path, &[("Content-Type", media)], body).await;
        assert_eq!(reply.status, 415, "{media}: {}", reply.text());
    }
    let reply = house.bytes("POST", &path, &[("Content-Type", "image/png")], b"\x89PNG\r\n\x1a\nrest").await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.get(&format!("{path}/{id}")).await.status, 404, "no order shows it");
    let order = open(&house, json!({"title": "look"})).await;
    let reply = put(&house, &order, json!({"photos": [id]})).await;
    assert_eq!(reply.json()["photos"], json!([id]), "{}", reply.text());
    let photo = house.get(&format!("{path}/{id}")).await;
    assert_eq!((photo.status, photo.header("content-type")), (200, Some("image/png")));
    assert_eq!(photo.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(house.get(&format!("/api/v1/machines/s/spare/photos/{id}")).await.status, 404, "another machine's");
    for bad in ["..%2F..%2Fstate.db", "x", &"0".repeat(64)] {
        assert_eq!(house.get(&format!("{path}/{bad}")).await.status, 404, "{bad}");
    }
}

#[tokio::test]
async fn spreadsheets_of_steps_and_of_work_hold_no_formulas() {
    let house = House::open().await;
    house.commit(history()).await;
    let alarm = an_alarm(&house).await;
    open(&house, json!({"title": "=cmd|' /C calc'!A0", "alarm": alarm, "by": "@林"})).await;
    let steps = house.get("/api/v1/journal/export").await;
    assert_eq!(steps.header("content-disposition"), Some("attachment; filename=\"alarm-journal.csv\""));
    let text = export::text(&steps);
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].starts_with("time,site,machine,point,condition,step,"), "{text}");
    assert!(
        lines[1].starts_with("2026-11-22T23:59:30Z,韶钢,三号风机,temp,high,raised,normal,unacknowledged,2,81.5,80,°C"),
        "{text}"
    );
    assert_eq!(lines.len(), 2);
    let none = export::text(&house.get("/api/v1/journal/export?from=2026-11-23T00:00:00Z").await);
    assert_eq!(none.lines().count(), 1, "{none}");
    let spare = export::text(&house.get("/api/v1/journal/export?machine=s%2Fspare").await);
    assert_eq!(spare.lines().count(), 1, "{spare}");
    let work = export::text(&house.get("/api/v1/work-orders/export").await);
    assert!(work.contains(",\"'=cmd|' /C calc'!A0\",alarm,"), "{work}");
    assert!(work.contains(",\"'@林\","), "{work}");
    for path in [
        "/api/v1/work-orders/export?format=xlsx",
        "/api/v1/journal/export?format=xlsx",
        "/api/v1/audit/export?format=xlsx",
    ] {
        let book = house.get(path).await;
        assert_eq!(book.status, 200, "{path}");
        assert!(book.header("content-type").unwrap().contains("spreadsheetml"), "{path}");
        assert!(book.body.starts_with(b"PK\x03\x04"), "{path}");
    }
    assert_eq!(house.get("/api/v1/work-orders/export?format=pdf").await.status, 400);
}
