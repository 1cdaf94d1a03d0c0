//! An alarm from its definition to its reset, over real sockets, with kills in between.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Instance, Raw, eventually, fresh_port};
use serde_json::{Value as Json, json};

const SOON: Duration = Duration::from_secs(20);

/// An instance that is killed and started again in the same place.
struct House<'a> {
    data: &'a Path,
    mqtt: u16,
    http: u16,
    running: Option<Instance>,
}

impl<'a> House<'a> {
    fn open(data: &'a Path) -> Self {
        let mut house = Self { data, mqtt: fresh_port(), http: fresh_port(), running: None };
        house.running = Some(Instance::start(house.data, house.mqtt, house.http));
        house
    }

    fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
        self.running = Some(Instance::start(self.data, self.mqtt, self.http));
    }

    fn instance(&self) -> &Instance {
        self.running.as_ref().expect("it runs")
    }

    fn get(&self, path: &str) -> Json {
        serde_json::from_str(&self.instance().get(path)).expect("JSON")
    }

    fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let (status, text) = self.instance().post(path, &body.to_string()).expect("the page answers");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    /// What must be answered by 200.
    fn done(&self, path: &str, body: &Json) -> Json {
        let (status, answer) = self.post(path, body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn says(&self, value: f64) {
        let mut client = Raw::connect(self.mqtt, "plc");
        client.publish(b"danxia/v1/s/m/telemetry", format!("{{\"values\":{{\"temp\":{value}}}}}").as_bytes());
        assert!(client.acknowledged());
    }

    fn alarm(&self, id: &str) -> Json {
        self.get(&format!("/api/v1/alarms/{id}"))
    }

    fn comes_to(&self, id: &str, state: &str) {
        let state_of = || match self.instance().try_get(&format!("/api/v1/alarms/{id}")) {
            Some((200, text)) => serde_json::from_str::<Json>(&text).expect("JSON")["state"].clone(),
            _ => Json::Null,
        };
        assert!(eventually(SOON, || state_of() == state), "it is {}, not {state}", state_of());
    }

    /// Every step of the alarm, the oldest first.
    fn journal(&self, id: &str) -> Vec<String> {
        let journal = self.get(&format!("/api/v1/alarms/{id}/journal"));
        let entries = journal["entries"].as_array().expect("entries");
        entries.iter().rev().map(|e| e["trigger"].as_str().expect("a trigger").to_owned()).collect()
    }
}

#[test]
fn an_alarm_lives_through_kills_from_its_definition_to_its_reset() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let mut house = House::open(&data);
    house.says(20.0);
    let known = || house.get("/api/v1/overview").to_string().contains("\"machine\":\"m\"");
    assert!(eventually(SOON, known));

    let definition = json!({
        "machine": "s/m", "point": "temp", "condition": "high", "limit": 80.0, "deadband": 5.0, "priority": 1,
        "on_delay_s": 2.0, "latching": true, "respond_within_s": 600.0, "group": "heat",
        "action": {"zh": "停机检查", "en": "stop and look"},
    });
    let dry = house.done("/api/v1/alarm-definitions", &json!({"define": [definition.clone()], "dry_run": true}));
    assert_eq!((&dry["applied"], dry["changes"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    assert_eq!(house.get("/api/v1/alarm-definitions"), json!({"definitions": []}), "nothing was done");
    let mut unknown = definition.clone();
    unknown["point"] = json!("tmep");
    let (status, problem) = house.post("/api/v1/alarm-definitions", &json!({"define": [unknown]}));
    assert!(status == 400 && problem["detail"].as_str().is_some_and(|d| d.contains("tmep")), "{problem}");
    let changed = house.done("/api/v1/alarm-definitions", &json!({"define": [definition]}));
    let id = changed["changes"][0]["id"].as_str().expect("its id").to_owned();

    // Killed within the delay: raised once, and no sooner than the platform has been there for the delay.
    house.says(95.0);
    house.kill();
    house.comes_to(&id, "unacknowledged");
    let alarm = house.alarm(&id);
    assert_eq!((&alarm["priority"], &alarm["limit"], &alarm["value"]), (&json!(1), &json!(80.0), &json!(95.0)));
    assert_eq!((&alarm["action"]["en"], &alarm["first_out"]), (&json!("stop and look"), &json!(true)));
    assert!(alarm["respond_by"].is_string(), "{alarm}");
    assert_eq!(house.journal(&id), ["raised"]);

    // Put aside, and that survives; of the lists that call people it is gone.
    let shelve = format!("/api/v1/alarms/{id}/shelve");
    let (status, problem) = house.post(&shelve, &json!({"minutes": 1441, "reason": "x"}));
    assert!(status == 400 && problem["detail"].as_str().is_some_and(|d| d.contains("1441")), "{problem}");
    let (status, _) = house.post(&shelve, &json!({"minutes": 5, "reason": " "}));
    assert_eq!(status, 400, "a reason is needed");
    let shelved = house.done(&shelve, &json!({"minutes": 60, "reason": "sensor is replaced", "by": "lin"}));
    house.kill();
    let alarm = house.alarm(&id);
    assert_eq!((&alarm["inhibited"], &alarm["shelved"]), (&json!("shelved"), &shelved["shelved"]));
    assert_eq!(alarm["shelved"]["by"], "lin");
    assert_eq!(house.get("/api/v1/alarms?state=active")["total"], 0);
    assert_eq!(house.get("/api/v1/alarms?state=unacknowledged")["total"], 0);
    assert_eq!(house.get("/api/v1/alarms?state=shelved")["total"], 1);
    let back = format!("/api/v1/alarms/{id}/unshelve");
    assert_eq!(house.done(&back, &json!({"by": "he"}))["inhibited"], Json::Null);
    assert_eq!(house.post(&back, &json!({})).0, 409, "it is shelved no longer");
    assert_eq!(house.get("/api/v1/alarms?state=unacknowledged")["total"], 1);

    // Out of service, allowed by somebody.
    let out = json!({"reason": "rebuilt", "by": "lin", "approved_by": "he"});
    assert_eq!(house.done(&format!("/api/v1/alarms/{id}/out-of-service"), &out)["out_of_service"]["approved_by"], "he");
    assert_eq!(house.post(&format!("/api/v1/alarms/{id}/out-of-service"), &out).0, 409);
    house.done(&format!("/api/v1/alarms/{id}/in-service"), &json!({}));

    // Seen, gone, kept until it is reset.
    let reset = format!("/api/v1/alarms/{id}/reset");
    assert_eq!(house.post(&reset, &json!({})).0, 409, "it holds");
    house.done(&format!("/api/v1/alarms/{id}/acknowledge"), &json!({"by": "lin"}));
    house.says(20.0);
    house.comes_to(&id, "latched");
    house.kill();
    assert_eq!(house.done(&reset, &json!({"by": "lin"}))["state"], "normal");
    let steps = ["raised", "shelved", "unshelved", "out_of_service", "in_service", "acknowledged", "cleared", "reset"];
    assert_eq!(house.journal(&id), steps);
}
