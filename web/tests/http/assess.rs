//! What a machine's points say together, and what people say of it.

use std::time::Duration;

use historian::Batch;
use plant::{
    Action, Assessment, Fault, FaultVerdict, Finding, Health, HealthReason, Judged, Judgement, MachineId, ModelCard,
    ShaftVerdict, Standing, Term, Timestamp,
};
use serde_json::json;

use crate::house::{House, NOW, config, history};

const MACHINE: &str = "s/spare";

fn assessed(t: i64, health: Option<f64>, card: ModelCard) -> Assessment {
    let term = |value, against| Term {
        quantity: "share_1x".into(),
        value,
        weight: 0.4,
        lo: 0.6,
        hi: 0.8,
        contribution: 0.4,
        against,
    };
    let verdict = FaultVerdict {
        fault: Fault::Imbalance,
        bearing: None,
        point: None,
        score: 0.65,
        attainable: 0.8,
        standing: Standing::Probable,
        terms: vec![term(Ok(0.9), false), term(Err("no_phase".into()), true)],
    };
    let shaft = ShaftVerdict {
        shaft: None,
        hz: 24.8,
        points: vec!["vib".parse().unwrap()],
        verdicts: Ok(vec![verdict]),
        unknown: None,
    };
    let reason = HealthReason { term: "trend".into(), lowers: 15.0, point: None, unjudged: Some("learning".into()) };
    Assessment {
        machine: MACHINE.parse().unwrap(),
        t: Timestamp::from_secs(NOW + t),
        shafts: vec![shaft],
        health: Health { score: health, reasons: vec![reason] },
        remaining: Err("no_onset".into()),
        card,
    }
}

fn of(a: Assessment) -> Batch {
    Batch { findings: vec![Finding::Assessment(Box::new(a))], ..Batch::default() }
}

/// Answers what people do as the diagnosis does: by an assessment with another card.
fn supervise(house: &House) -> tokio::task::JoinHandle<()> {
    let (mut tail, recorder) = (house.historian.tail(house.historian.head()), house.historian.recorder());
    tokio::spawn(async move {
        let mut card = ModelCard { open: vec![Fault::Imbalance], ..ModelCard::default() };
        while let Ok(c) = tail.next().await {
            for action in &c.batch.actions {
                match action {
                    Action::Judge { fault, judgement: Some(judgement), by, .. } => {
                        let judged = Judged { t: c.t, fault: *fault, judgement: *judgement, by: by.clone() };
                        card.judged.insert(0, judged);
                        card.open.clear();
                        card.dismissed += 1;
                    }
                    Action::Judge { judgement: None, .. } => {
                        card.judged.clear();
                        card.open = vec![Fault::Imbalance];
                        card.dismissed -= 1;
                    }
                    Action::Maintained { by, .. } => card.reset = Some((c.t, by.clone())),
                    _ => continue,
                }
                recorder.commit(of(assessed(5, None, card.clone()))).await.unwrap();
            }
        }
    })
}

#[tokio::test]
async fn a_machine_is_assessed_and_its_diagnosis_judged_and_that_taken_back() {
    let house = House::open().await;
    house.commit(history()).await;
    let path = |what: &str| format!("/api/v1/machines/{MACHINE}/{what}");
    assert_eq!(house.json(&path("assessment")).await, json!({"assessment": null}));
    let nothing = house.post(&path("maintained"), "{}").await;
    assert_eq!(nothing.status, 409, "{}", nothing.text());

    let card = ModelCard { open: vec![Fault::Imbalance], ..ModelCard::default() };
    house.commit(of(assessed(-7_200, Some(90.0), ModelCard::default()))).await;
    house.commit(of(assessed(-3_600, Some(61.5), card))).await;
    let supervision = supervise(&house);
    let now = house.json(&path("assessment")).await["assessment"].clone();
    assert_eq!(
        (&now["health"], &now["remaining"], &now["remaining_refused"]),
        (&json!(61.5), &json!(null), &json!("no_onset"))
    );
    let verdict = &now["shafts"][0]["verdicts"][0];
    assert_eq!((&verdict["fault"], &verdict["standing"]), (&json!("imbalance"), &json!("probable")));
    assert_eq!((&verdict["terms"][1]["value"], &verdict["terms"][1]["missing"]), (&json!(null), &json!("no_phase")));

    let say = |fault: &str, judgement: &str| json!({"fault": fault, "judgement": judgement, "by": "林"}).to_string();
    for (body, status) in [
        (say("rub", "confirmed"), 409),
        (say("imbalance", "withdrawn"), 409),
        (say("unbalance", "confirmed"), 400),
        (say("imbalance", "perhaps"), 400),
        (json!({"fault": "imbalance", "judgement": "confirmed", "by": ""}).to_string(), 400),
        ("[]".into(), 400),
    ] {
        let reply = house.post(&path("judge"), &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        assert!(!reply.json()["next"].as_str().unwrap().is_empty());
    }
    let reply = house.post(&path("judge"), &say("imbalance", "dismissed")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let card = reply.json()["assessment"]["card"].clone();
    assert_eq!((&card["dismissed"], &card["judged"][0]["by"], &card["open"]), (&json!(1), &json!("林"), &json!([])));
    assert_eq!(house.post(&path("judge"), &say("imbalance", "dismissed")).await.status, 409, "once");
    let reply = house.post(&path("judge"), &say("imbalance", "withdrawn")).await;
    assert_eq!(reply.json()["assessment"]["card"]["dismissed"], 0, "{}", reply.text());
    let reply = house.post(&path("maintained"), "").await;
    assert_eq!(reply.json()["assessment"]["card"]["reset_by"], "operator", "{}", reply.text());

    // Of several of one time the last; the oldest first.
    let history = house.json(&path("health")).await;
    let scores: Vec<_> = history["points"].as_array().unwrap().iter().map(|p| p["health"].clone()).collect();
    assert_eq!(scores, [json!(90.0), json!(61.5), json!(null)]);
    assert_eq!(history["points"][1]["named"], json!(["imbalance"]));
    let some = house.json(&path("health?limit=1&to=2026-11-23T00:00:00Z")).await;
    assert_eq!((&some["points"][0]["health"], &some["more"]), (&json!(61.5), &json!(true)));
    for path in ["/api/v1/machines/s/nothing/assessment", "/api/v1/machines/s/nothing/health"] {
        assert_eq!(house.get(path).await.status, 404);
    }
    supervision.abort();
}

#[tokio::test]
async fn without_a_diagnosis_that_answers_the_asker_is_told_in_time() {
    let limits = web::Config { action_timeout: Duration::from_millis(300), ..config() };
    let house = House::with(limits, Vec::new()).await;
    house.commit(history()).await;
    let card = ModelCard { open: vec![Fault::Imbalance], ..ModelCard::default() };
    house.commit(of(assessed(0, Some(50.0), card))).await;
    let body = json!({"fault": "imbalance", "judgement": Judgement::Confirmed.as_str()}).to_string();
    let reply = house.post(&format!("/api/v1/machines/{MACHINE}/judge"), &body).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.json()["detail"].as_str().unwrap().contains("it is stored"));
    let stored = house.historian.archive().assessments(
        &MACHINE.parse::<MachineId>().unwrap(),
        Timestamp::MIN,
        Timestamp::MAX,
        9,
    );
    assert_eq!(stored.unwrap().len(), 1);
}
