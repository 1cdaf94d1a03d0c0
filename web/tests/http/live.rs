//! The live stream: what is committed arrives, and nobody who listens badly hurts anybody else.

use std::time::Duration;

use historian::Batch;
use plant::{AssetChange, Finding, Machine, Point, Value};
use serde_json::json;

use crate::answers::encode;
use crate::house::{Events, House, TEMP, VIB, config, history, observation, raised};

#[tokio::test]
async fn a_committed_value_arrives_after_the_snapshot() {
    let house = House::open().await;
    house.commit(history()).await;
    let mut own = house.listen(&format!("?topics=values&machine={}", encode("韶钢/三号风机"))).await;
    let mut all = house.listen("?topics=values").await;
    let mut other = house.listen("?topics=values,status&machine=s%2Fspare").await;
    for stream in [&mut own, &mut all] {
        let first = stream.next().await.unwrap();
        assert_eq!(first.name, "snapshot");
        assert_eq!((&first.data["alarms"], &first.data["status"]), (&json!(null), &json!(null)));
        let values = first.data["values"].as_array().unwrap();
        let temp = values.iter().find(|v| v["point"] == TEMP).unwrap();
        assert_eq!((&temp["value"], &temp["t"]), (&json!(89.9), &json!("2026-11-22T23:59:59Z")));
        assert!(values.iter().any(|v| v["point"] == VIB && v["indicator"] == "velocity_rms"));
    }
    assert_eq!(other.next().await.unwrap().data["values"], json!([]));

    house.commit(Batch { observations: vec![observation(TEMP, 1, Value::Float(70.5))], ..Batch::default() }).await;
    for stream in [&mut own, &mut all] {
        let event = stream.next().await.unwrap();
        assert_eq!(event.name, "values");
        assert!(event.id.ends_with(&format!("-{}", event.data["seq"])), "{}", event.id);
        let expect =
            json!({"point": TEMP, "indicator": null, "t": "2026-11-23T00:00:01Z", "value": 70.5, "quality": "good"});
        assert_eq!(event.data["values"], json!([expect]));
    }
    // What comes late is history: the latest stays the latest.
    house.commit(Batch { observations: vec![observation(TEMP, -9, Value::Float(1.0))], ..Batch::default() }).await;
    assert_eq!(own.next().await.unwrap().data["values"][0]["value"], 70.5);
    assert_eq!(other.next().await.unwrap().name, "status", "values of other machines are not sent");
}

#[tokio::test]
async fn several_machines_share_a_stream_also_before_they_are_there() {
    let house = House::open().await;
    house.commit(history()).await;
    let named = format!("{}%23later%2Fm", encode("韶钢/三号风机"));
    let mut stream = house.listen(&format!("?topics=values&machine={named}")).await;
    let first = stream.next_of("snapshot").await;
    assert!(first.data["values"].as_array().unwrap().iter().all(|v| v["point"].as_str().unwrap().starts_with("韶钢/")));
    let mut born = Machine::bare("later/m".parse().unwrap());
    born.points.insert("p".into(), Point::bare("p"));
    let changes = vec![AssetChange::Machine(born)];
    let said = |point: &str| observation(point, 1, Value::Float(1.5));
    let observations = vec![said(TEMP), said("later/m/p"), said("s/spare/p")];
    house.commit(Batch { changes, observations, ..Batch::default() }).await;
    let values = stream.next_of("values").await.data["values"].clone();
    let points: Vec<_> = values.as_array().unwrap().iter().map(|v| v["point"].as_str().unwrap()).collect();
    assert_eq!(points, ["later/m/p", TEMP]);
}

#[tokio::test]
async fn many_values_of_one_series_become_a_few_events_and_the_last_is_among_them() {
    let house = House::open().await;
    house.commit(history()).await;
    let mut stream = house.listen("?topics=values").await;
    stream.next_of("snapshot").await;
    let begun = tokio::time::Instant::now();
    for i in 1..=200 {
        house.commit(Batch { observations: vec![observation(TEMP, i, Value::Int(i))], ..Batch::default() }).await;
    }
    let mut events = 0;
    loop {
        let event = stream.next_of("values").await;
        events += 1;
        if event.data["values"][0]["value"] == 200 {
            break;
        }
    }
    let quarters = begun.elapsed().as_millis() / 250 + 2;
    assert!(events <= quarters, "{events} events in {quarters} quarters of a second");
}

#[tokio::test]
async fn alarms_and_states_arrive() {
    let house = House::open().await;
    house.commit(history()).await;
    let mut stream = house.listen("?topics=alarms,status").await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.data["values"], json!(null));
    assert_eq!(first.data["alarms"].as_array().unwrap().len(), 1);
    assert_eq!(first.data["status"]["counts"]["active"], 1);
    assert_eq!(first.data["status"]["machines"].as_array().unwrap().len(), 2);

    house.commit(raised(VIB, 3)).await;
    let alarm = stream.next_of("alarm").await;
    assert_eq!((&alarm.data["point"], &alarm.data["state"]), (&json!("vib"), &json!("unacknowledged")));
    loop {
        let status = stream.next_of("status").await;
        if status.data["counts"]["active"] == 2 {
            let fan = status.data["machines"].as_array().unwrap().iter().find(|m| m["machine"] == "三号风机").unwrap();
            assert_eq!((&fan["unacknowledged"], &fan["status"]), (&json!(2), &json!("alarm")));
            assert!(fan.get("spark").is_none());
            break;
        }
    }
    // A second without news says so by an empty list.
    let quiet = stream.next_of("status").await;
    assert_eq!(quiet.data["machines"], json!([]));
}

/// A machine whose alarms bear `bytes` of evidence.
fn heavy(t: i64, bytes: usize) -> Batch {
    let mut batch = raised(TEMP, t);
    for f in &mut batch.findings {
        if let Finding::Alarm(step) = f {
            step.evidence.codes.push("x".repeat(bytes).into());
        }
    }
    batch
}

#[tokio::test]
async fn who_falls_behind_gets_a_fresh_snapshot() {
    let house = House::open().await;
    house.commit(history()).await;
    let mut slow = Events::open(house.address, "?topics=alarms", Some(4096)).await;
    slow.next_of("snapshot").await;
    // More than sockets and hub hold; nobody else waits for the slow one.
    for t in 0..400 {
        house.commit(heavy(t, 64 << 10)).await;
    }
    let mut alarms = 0;
    let snapshot = loop {
        let event = slow.next().await.unwrap();
        match event.name.as_str() {
            "alarm" => alarms += 1,
            _ => break event,
        }
    };
    assert_eq!(snapshot.name, "snapshot");
    assert!(alarms < 400, "nothing was left out");
    let newest = &snapshot.data["alarms"][0];
    assert!(newest["occurrences"].as_u64().unwrap() > alarms, "the snapshot is newer than what came before it");
    assert!(house.metric("danxia_live_resnapshots_total").await >= 1.0);
    // And goes on from there.
    house.commit(heavy(1000, 1)).await;
    loop {
        let event = slow.next().await.unwrap();
        let newest = if event.name == "alarm" { &event.data } else { &event.data["alarms"][0] };
        if newest["raised"] == "2026-11-23T00:16:40Z" {
            break;
        }
    }
}

#[tokio::test]
async fn who_takes_nothing_is_dropped() {
    let limits = web::Config { write_timeout: Duration::from_millis(300), ..config() };
    let house = House::with(limits, Vec::new()).await;
    let mut machine = Machine::bare("s/m".parse().unwrap());
    machine.points.insert("p".into(), Point::bare("p"));
    house.commit(Batch { changes: vec![AssetChange::Machine(machine)], ..Batch::default() }).await;
    let stalled = Events::open(house.address, "?topics=alarms", Some(4096)).await;
    house.until("danxia_live_streams", 1.0).await;
    for t in 0..400 {
        house.commit(heavy(t, 64 << 10)).await;
    }
    house.until("danxia_live_streams", 0.0).await;
    drop(stalled);
}

#[tokio::test]
async fn a_stream_too_many_is_refused_and_the_end_of_one_makes_room() {
    let limits = web::Config { max_streams: 1, ..config() };
    let house = House::with(limits, Vec::new()).await;
    let mut first = house.listen("?topics=status").await;
    first.next_of("snapshot").await;
    let refused = house.get("/api/v1/live?topics=status").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["type"], "/problems/too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(first);
    house.until("danxia_live_streams", 0.0).await;
    let mut second = house.listen("?topics=status").await;
    assert_eq!(second.next().await.unwrap().name, "snapshot");
    assert_eq!(house.metric("danxia_live_streams_refused_total").await, 1.0);
}

#[tokio::test]
async fn the_end_of_the_server_ends_the_streams_in_order() {
    let mut house = House::open().await;
    let mut stream = house.listen("").await;
    assert_eq!(stream.status, 200);
    stream.next_of("snapshot").await;
    house.close().await;
    while let Some(event) = stream.next().await {
        assert_eq!(event.name, "status");
    }
}
