//! "I have seen it": answered once it is on disk and supervision has taken it up.

use std::time::Duration;

use historian::Batch;
use plant::{Action, AlarmState, Finding, Trigger};
use serde_json::json;

use crate::house::{House, TEMP, config, history, raised, step};

/// Answers acknowledgements as alarm supervision does: by a step of the alarm.
fn supervise(house: &House) -> tokio::task::JoinHandle<()> {
    let (mut tail, recorder) = (house.historian.tail(house.historian.head()), house.historian.recorder());
    tokio::spawn(async move {
        while let Ok(c) = tail.next().await {
            for action in &c.batch.actions {
                let Action::Acknowledge { by, .. } = action else { continue };
                let trigger = Trigger::Acknowledged { by: by.clone() };
                let step = step(TEMP, AlarmState::Unacknowledged, AlarmState::Acknowledged, trigger, 5);
                let batch = Batch { findings: vec![Finding::Alarm(step)], ..Batch::default() };
                recorder.commit(batch).await.unwrap();
            }
        }
    })
}

#[tokio::test]
async fn an_alarm_is_acknowledged_once() {
    let house = House::open().await;
    house.commit(history()).await;
    let supervision = supervise(&house);
    let id = house.json("/api/v1/alarms?state=unacknowledged").await["alarms"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/alarms/{id}/acknowledge");

    let reply = house.post(&path, "{\"by\":\"林\"}").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let alarm = reply.json();
    assert_eq!(alarm["state"], "acknowledged");
    assert_eq!(alarm["acknowledged"], json!({"by": "林", "at": "2026-11-23T00:00:05Z"}));
    assert_eq!(alarm, house.json(&format!("/api/v1/alarms/{id}")).await);

    let again = house.post(&path, "{}").await;
    assert_eq!(again.status, 409);
    let detail = again.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "林 acknowledged this alarm at 2026-11-23T00:00:05Z");
    assert_eq!(house.json("/api/v1/alarms?state=unacknowledged").await["total"], 0);
    assert_eq!(house.json("/api/v1/alarms").await["total"], 1);

    let cleared = step(TEMP, AlarmState::Acknowledged, AlarmState::Normal, Trigger::Cleared, 9);
    house.commit(Batch { findings: vec![Finding::Alarm(cleared)], ..Batch::default() }).await;
    let normal = house.post(&path, "").await;
    assert_eq!(normal.status, 409);
    assert!(normal.json()["detail"].as_str().unwrap().contains("is normal"));
    supervision.abort();
}

#[tokio::test]
async fn without_supervision_the_asker_is_told_in_time() {
    let limits = web::Config { action_timeout: Duration::from_millis(300), ..config() };
    let house = House::with(limits, Vec::new()).await;
    house.commit(raised(TEMP, 0)).await;
    let id = house.json("/api/v1/alarms").await["alarms"][0]["id"].as_str().unwrap().to_owned();
    let reply = house.post(&format!("/api/v1/alarms/{id}/acknowledge"), "{}").await;
    assert_eq!(reply.status, 503);
    let problem = reply.json();
    assert_eq!(problem["detail"], "it is stored, and alarm supervision has not answered within 0.3 s");
    assert!(problem["next"].as_str().unwrap().contains("/readyz"));
}
