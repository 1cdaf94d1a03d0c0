//! kill -9 while messages come, are not understood, come twice and are replayed: after every kill the ledger adds up, as
//! a signed statement too, and in the end everything that was acknowledged is there once.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use collector::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};
use common::{Instance, Raw, ask, eventually, export, fresh_port};
use serde_json::Value as Json;

const ROUNDS: u64 = 8;
/// Messages of each round that wait for a birth.
const WAIT: u64 = 40;
const T0: u64 = 1_735_689_600_000;

fn payload(t: u64, seq: u64, metric: Metric) -> Vec<u8> {
    sparkplug::encode(&Payload { timestamp: Some(t), metrics: vec![metric], seq: Some(seq), ..Payload::default() })
}

/// Data that nobody understands before the node's birth.
fn data(n: u64) -> Vec<u8> {
    payload(T0 + n, (n + 1) % 256, Metric::aliased(1, MetricValue::Double(n as f64)))
}

fn birth() -> Vec<u8> {
    payload(T0 - 1, 0, Metric::new("level", DataType::Double, MetricValue::Double(-1.0)).with_alias(1))
}

fn danxia(args: &[&str]) -> (bool, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_danxia")).args(args).output().expect("danxia runs");
    (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

/// The total of a statement that was checked.
fn statement(data: &Path, dir: &Path) -> Json {
    let (well, text) = danxia(&["export", "ledger", "--data", &data.display().to_string()]);
    assert!(well, "{text}");
    let file = dir.join("statement.json");
    std::fs::write(&file, &text).expect("a file");
    let whole: Json = serde_json::from_str(&text).expect("JSON");
    let key = whole["key"].as_str().expect("a key");
    let (sound, said) = danxia(&["verify", "statement", &file.display().to_string(), "--key", key]);
    assert!(sound && said.starts_with("sound: "), "{said}");
    whole["statement"]["total"].clone()
}

fn n(of: &Json, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_else(|| panic!("{name} in {of}"))
}

/// The total of a running instance, which adds up at any moment.
fn total(instance: &Instance) -> Json {
    let t: Json = serde_json::from_str(&instance.get("/api/v1/ledger/total")).expect("JSON");
    assert_eq!(n(&t, "received"), n(&t, "committed") + n(&t, "duplicates") + n(&t, "quarantined") + n(&t, "refused"));
    t
}

#[test]
fn the_ledger_adds_up_after_kill_9_quarantine_and_replay() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("data");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let (mut acked, mut seed) = (Vec::new(), 0x0da1_7a12_u64);
    for round in 0..ROUNDS {
        let instance = Instance::start(&store, mqtt, http);
        total(&instance);
        let mut client = Raw::connect(mqtt, &format!("gateway-{round}"));
        let topic = format!("spBv1.0/g/NDATA/e{round}");
        for i in 0..WAIT {
            client.publish(topic.as_bytes(), &data(i));
            assert!(client.acknowledged());
            acked.push((round, i));
        }
        client.publish(b"danxia/v1/s/m/telemetry", b"{");
        assert!(client.acknowledged());
        let again = format!("{{\"ts\":{T0},\"values\":{{\"x\":{round}}}}}");
        for _ in 0..2 {
            client.publish(b"danxia/v1/s/m/telemetry", again.as_bytes());
            assert!(client.acknowledged());
        }
        client.publish(format!("spBv1.0/g/NBIRTH/e{round}").as_bytes(), &birth());
        assert!(client.acknowledged());
        // What waited is replayed while it is killed.
        let replay = std::thread::spawn(move || ask(http, "POST", "/api/v1/quarantine/replay", "{}"));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment itself is what is tested: before, within and after the commit that releases.
        std::thread::sleep(Duration::from_millis((seed >> 33) % 40));
        instance.kill();
        let _ = replay.join();
        let stated = statement(&store, dir.path());
        // Received at least what was acknowledged; released messages count as committed once more.
        assert!(n(&stated, "received") >= (round + 1) * (WAIT + 4), "{stated}");
    }
    let instance = Instance::start(&store, mqtt, http);
    let before = total(&instance);
    let mut client = Raw::connect(mqtt, "gateway");
    for round in 0..ROUNDS {
        client.publish(format!("spBv1.0/g/NBIRTH/e{round}").as_bytes(), &birth());
        assert!(client.acknowledged());
    }
    let (status, said) = instance.post("/api/v1/quarantine/replay", "{}").expect("an answer");
    assert!(status == 200 || status == 202, "{said}");
    let progress = || serde_json::from_str::<Json>(&instance.get("/api/v1/quarantine/replay")).expect("JSON");
    assert!(eventually(Duration::from_secs(30), || progress()["running"] == false), "{}", progress());
    let after = total(&instance);
    // Only what is no JSON still waits, and every message that was acknowledged is counted once.
    assert_eq!(n(&after, "quarantined"), ROUNDS, "{before} {after} {}", progress());
    assert_eq!(n(&after, "received"), n(&before, "received") + ROUNDS);
    assert_eq!(n(&after, "received"), ROUNDS * (WAIT + 5));
    assert_eq!(n(&after, "duplicates"), ROUNDS);
    let stated: Json = serde_json::from_str(&instance.get("/api/v1/ledger/statement")).expect("JSON");
    assert_eq!(stated["statement"]["total"]["committed"], after["committed"]);
    instance.stop();

    let found = export(&store);
    for (round, i) in acked {
        let machine = format!("e{round}");
        let there = found.iter().filter(|r| r.machine == machine && r.time_ns == ((T0 + i) * 1_000_000) as i64);
        let values: Vec<_> = there.map(|r| r.value.as_str()).collect();
        assert_eq!(values, [i.to_string()], "{machine}, message {i}");
    }
    let (_, csv) = danxia(&["export", "ledger", "--format", "csv", "--data", &store.display().to_string()]);
    assert!(csv.starts_with("time_ns,seconds,source,received,released,committed,"), "{csv}");
    assert!(csv.lines().any(|l| l.contains(",gateway-3,")), "{csv}");
}
