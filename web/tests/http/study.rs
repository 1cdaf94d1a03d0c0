//! How the alarm system performs, the coach and the simulator: passed on as asked, and what is refused before that.

use plant::{AlarmId, Timestamp};
use serde_json::json;
use web::{Proposal, Unstudied, dto};

use crate::house::{House, NOW, TEMP, at, history};

const DAY: i64 = 86_400;

/// Says what it was asked, so that a test sees that it was.
pub struct Stub;

fn name(id: String) -> dto::AlarmRef {
    let machine = dto::MachineRef { site: "s".into(), machine: "m".into(), title: dto::Title { zh: None, en: None } };
    dto::AlarmRef { id, machine, point: None, point_title: None, condition: "high".into(), priority: dto::Priority(2) }
}

fn definition(limit: f64, deadband: f64, on_delay_s: f64, off_delay_s: f64) -> dto::TriedDefinition {
    dto::TriedDefinition { side: "above".into(), limit, deadband, on_delay_s, off_delay_s }
}

impl web::AlarmStudy for Stub {
    fn performance(&self, from: Timestamp, to: Timestamp, operators: u32) -> Result<dto::AlarmPerformance, Unstudied> {
        if operators == 99 {
            return Err(Unstudied::TooCostly { what: "steps of the journal", found: 3, most: 2 });
        }
        Ok(dto::AlarmPerformance {
            from: from.into(),
            to: to.into(),
            operators,
            annunciations: 0,
            alarms: 0,
            unascribed: 0,
            kpis: vec![dto::AlarmKpi { code: "top_ten".into(), value: None, target: Some(0.05), met: None }],
            rate: dto::AlarmRate {
                mean: 0.0,
                most_in_slot: 0,
                most_in_ten_minutes: 0,
                first_slot_ms: 0,
                slot_ms: 600_000,
                slots: Vec::new(),
                bins: Vec::new(),
                histogram: Vec::new(),
                flood_share: 0.0,
                floods: Vec::new(),
                floods_in_all: 0,
                days: Vec::new(),
            },
            top: Vec::new(),
            chattering: Vec::new(),
            chattering_alarms: 0,
            fleeting: Vec::new(),
            fleeting_alarms: 0,
            stale: Vec::new(),
            stale_alarms: 0,
            priorities: dto::AlarmPriorities { each: vec![0; 4], high: 0, medium: 0, low: 0 },
            acknowledgement: dto::AlarmAcknowledgement {
                acknowledged: 0,
                median_s: None,
                p90_s: None,
                raised_anew: 0,
                waiting: 0,
            },
        })
    }

    fn coach(&self, alarm: AlarmId, from: Timestamp, to: Timestamp) -> Result<dto::AlarmCoach, Unstudied> {
        if alarm == AlarmId(0) {
            return Err(Unstudied::NoAlarm);
        }
        let (from, to) = (from.into(), to.into());
        let refused = Some("no_values".into());
        Ok(dto::AlarmCoach { alarm: name(alarm.to_string()), from, to, unit: None, refused, advice: None })
    }

    fn simulate(&self, what: &Proposal, from: Timestamp, to: Timestamp) -> Result<dto::AlarmSimulation, Unstudied> {
        if what.point.as_str() != TEMP {
            return Err(Unstudied::NoPoint);
        }
        Ok(dto::AlarmSimulation {
            point: what.point.to_string(),
            condition: what.condition.code(),
            unit: None,
            from: from.into(),
            to: to.into(),
            values: 0,
            minutes: 0,
            values_from: None,
            passed_over: 0,
            confirmed_faults: 0,
            proposed: dto::AlarmOutcome {
                definition: definition(what.limit, what.deadband.unwrap_or(-1.0), what.on_delay_s, what.off_delay_s),
                raised: 0,
                most_in_minute: 0,
                standing_s: 0.0,
                doubtful_minutes: 0,
                firings: Vec::new(),
                faults: Vec::new(),
            },
            current: None,
        })
    }
}

#[tokio::test]
async fn a_period_is_the_last_week_unless_something_else_is_said() {
    let house = House::open().await;
    let path = "/api/v1/alarms/performance";
    let week = house.json(path).await;
    assert_eq!((&week["to"], &week["operators"]), (&json!("2026-11-23T00:00:00.000000001Z"), &json!(1)));
    assert_eq!(week["from"], "2026-11-16T00:00:00.000000001Z");
    assert_eq!(week["kpis"][0], json!({"code": "top_ten", "value": null, "target": 0.05, "met": null}));
    let (from, to) = ((NOW - 92 * DAY) * 1000, NOW * 1000);
    let quarter = house.json(&format!("{path}?from={from}&to={to}&operators=4")).await;
    assert_eq!((&quarter["from"], &quarter["operators"]), (&json!("2026-08-23T00:00:00Z"), &json!(4)));
    for (query, status, kind, word) in [
        (format!("from={}&to={to}", from - 1), 422, "too_costly", "92"),
        ("from=0".to_owned(), 422, "too_costly", "at most 92"),
        (format!("from={to}&to={to}"), 400, "bad_query", "before"),
        ("operators=0".to_owned(), 400, "bad_query", "1 to 100"),
        ("operators=99".to_owned(), 422, "too_costly", "at most 2 are"),
        ("days=7".to_owned(), 400, "bad_query", "operators"),
    ] {
        let reply = house.get(&format!("{path}?{query}")).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["type"]), (status, &json!(format!("/problems/{kind}"))), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
}

#[tokio::test]
async fn the_coach_is_asked_for_one_alarm_and_at_most_a_month() {
    let house = House::open().await;
    let path = "/api/v1/alarms/584ec3324d2ab5cb/coach";
    let found = house.json(path).await;
    assert_eq!((&found["alarm"]["id"], &found["refused"]), (&json!("584ec3324d2ab5cb"), &json!("no_values")));
    assert_eq!(found["from"], "2026-11-16T00:00:00.000000001Z");
    for (path, status) in [
        ("/api/v1/alarms/0000000000000000/coach", 404),
        ("/api/v1/alarms/performances/coach", 404),
        ("/api/v1/alarms/584ec3324d2ab5cb/coach?from=2026-10-01T00:00:00Z", 422),
        ("/api/v1/alarms/584ec3324d2ab5cb/coach?days=3", 400),
    ] {
        assert_eq!(house.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_proposal_is_simulated_over_so_many_days_and_nothing_is_changed_by_it() {
    let house = House::open().await;
    house.commit(history()).await;
    let path = "/api/v1/alarms/simulate";
    let head = house.historian.head();
    let body = format!(r#"{{"point":"{TEMP}","condition":"high","limit":85,"on_delay_s":30.5,"days":2}}"#);
    let reply = house.post(path, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let found = reply.json();
    assert_eq!(found["from"], json!(dto::Time(at(-2 * DAY) + std::time::Duration::from_nanos(1))));
    let want = json!({"side": "above", "limit": 85.0, "deadband": -1.0, "on_delay_s": 30.5, "off_delay_s": 0.0});
    assert_eq!(found["proposed"]["definition"], want);
    assert_eq!(house.historian.head(), head);
    let with = |more: &str| format!(r#"{{"point":"{TEMP}","condition":"high","limit":85{more}}}"#);
    for (body, status, word) in [
        (with(r#","days":93"#), 400, "1 to 92"),
        (with(r#","deadband":-1"#), 400, "not negative"),
        (with(r#","on_delay_s":86401"#), 400, "86400"),
        (with(r#","color":"red""#), 400, "color"),
        (r#"{"point":"s/m","condition":"high","limit":1}"#.into(), 400, "SITE/MACHINE/POINT"),
        (format!(r#"{{"point":"{TEMP}","condition":"stale","limit":1}}"#), 400, "high_high"),
        (format!(r#"{{"point":"{TEMP}","condition":"high","limit":1e999}}"#), 400, "range"),
        (format!(r#"{{"point":"{TEMP}","condition":"high"}}"#), 400, "limit"),
        (r#"{"point":"s/m/none","condition":"high","limit":1}"#.into(), 404, "s/m/none"),
        ("[]".into(), 400, "map"),
        (String::new(), 400, ""),
    ] {
        let reply = house.post(path, &body).await;
        let problem = reply.json();
        assert_eq!(reply.status, status, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{body}: {problem}");
    }
    assert_eq!(house.post(path, &with(&format!(r#","x":"{}""#, "x".repeat(70_000)))).await.status, 413);
}
