//! At the floor of the disk: publishers wait, people are told and can act, the instance can be stopped; and with room again
//! it goes on by itself.

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Instance, Raw, ask, eventually, export, fresh_port};
use serde_json::Value as Json;

const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &[u8] = b"danxia/v1/hall/press/telemetry";

/// An instance that wants more free space than any disk has.
fn start_at_the_floor(data: &Path, mqtt: u16, http: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_danxia"))
        .args(["run", "--anonymous", "--data"])
        .arg(data)
        .args(["--mqtt", &format!("127.0.0.1:{mqtt}"), "--http", &format!("127.0.0.1:{http}")])
        .env("DANXIA__LOG", "error")
        .env("DANXIA__STORE__FLOOR_BYTES", (1_u64 << 50).to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("danxia starts")
}

fn json(http: u16, path: &str) -> Option<(u16, Json)> {
    let (status, body) = ask(http, "GET", path, "")?;
    Some((status, serde_json::from_str(&body).ok()?))
}

#[test]
fn publishers_wait_people_are_told_and_it_goes_on_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let mut child = start_at_the_floor(&data, mqtt, http);
    let mut parts = Json::Null;
    let told = eventually(PATIENCE, || {
        let Some((503, ready)) = json(http, "/readyz") else { return false };
        parts = ready["parts"].clone();
        let fault = |name: &str| {
            let part = parts.as_array().and_then(|all| all.iter().find(|p| p["name"] == name));
            part.map(|p| p["fault"].clone())
        };
        // The heartbeat passes: the store itself is well.
        let disk = fault("disk").is_some_and(|f| f.as_str().is_some_and(|f| f.contains("the floor is")));
        disk && fault("store") == Some(Json::Null)
    });
    assert!(told, "{parts}");
    let mut alarm = Json::Null;
    let raised = eventually(PATIENCE, || {
        let found = json(http, "/api/v1/alarms");
        alarm = found.map(|(_, all)| all["alarms"][0].clone()).unwrap_or_default();
        alarm["condition"] == "system.disk_space"
    });
    assert!(raised, "{alarm}");
    assert_eq!((&alarm["priority"], &alarm["machine"]["site"]), (&Json::from(1), &Json::from("$danxia")));

    let mut publisher = Raw::connect(mqtt, "press");
    publisher.publish(TOPIC, br#"{"values":{"force":1}}"#);
    let id = alarm["id"].as_str().expect("an id");
    let (status, body) = ask(http, "POST", &format!("/api/v1/alarms/{id}/acknowledge"), "{}").expect("an answer");
    assert_eq!(status, 200, "{body}");
    let head = || json(http, "/api/v1/status").and_then(|(_, s)| s["store"]["head_seq"].as_u64()).unwrap_or(0);
    let before = head();
    assert!(eventually(PATIENCE, || head() >= before + 3), "the heartbeat goes on");
    let (_, ledger) = json(http, "/api/v1/ledger/total").expect("the ledger");
    assert_eq!(ledger["received"], 0, "nothing was taken");

    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs").success());
    let mut ended = None;
    eventually(PATIENCE, || {
        ended = child.try_wait().expect("its state");
        ended.is_some()
    });
    if ended.is_none() {
        child.kill().expect("it is still running");
    }
    assert!(ended.is_some_and(|e| e.success()), "it did not end: {ended:?}");
    assert!(!publisher.acknowledged(), "nothing is acknowledged that is not on disk");

    let instance = Instance::start(&data, mqtt, http);
    let mut publisher = Raw::connect(mqtt, "press");
    publisher.publish(TOPIC, br#"{"values":{"force":1}}"#);
    assert!(publisher.acknowledged());
    let normal = || {
        let all: Json = serde_json::from_str(&instance.get("/api/v1/alarms?state=all")).expect("JSON");
        let status: Json = serde_json::from_str(&instance.get("/api/v1/status")).expect("JSON");
        // Where this computer's own disk is nearly full, it stands for that now.
        all["alarms"][0]["state"] == "normal" || status["store"]["disk_level"] != "normal"
    };
    assert!(eventually(PATIENCE, normal), "acknowledged before, and over now");
    instance.stop();
    assert_eq!(export(&data).iter().filter(|r| r.point == "force").count(), 1);
}
