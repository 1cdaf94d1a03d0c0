//! Messages of other forms, end to end: mapping rules, waveforms in parts and from files, HJ 212 over TCP; with a kill
//! between what was acknowledged and what it waits for.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use collector::wire::{hj212, wav, waveform};
use common::{Instance, Raw, eventually, export, fresh_port};
use plant::{Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};
use serde_json::{Value as Json, json};

const WITHIN: Duration = Duration::from_secs(20);
const T0: i64 = 1_735_689_600;

/// A request with a JSON body; status and answer.
fn send(http: u16, method: &str, path: &str, body: &Json) -> (u16, Json) {
    let mut s = TcpStream::connect(("127.0.0.1", http)).expect("the page answers");
    s.set_read_timeout(Some(WITHIN)).expect("a timeout");
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{http}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    s.write_all(format!("{head}{body}").as_bytes()).expect("a request");
    let mut text = String::new();
    s.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

fn get(instance: &Instance, path: &str) -> Json {
    serde_json::from_str(&instance.get(path)).expect("JSON")
}

fn part(number: u32) -> Vec<u8> {
    let samples = Samples::I16 { raw: vec![number as i16; 1000].into(), scale: 1.0, offset: 0.0 };
    let (point, t0) = ("s/fan/vib".parse().expect("a point"), Timestamp::from_secs(T0));
    let unit = Unit::parse("m/s²").expect("a unit");
    let w = Waveform::new(WaveformId(7), point, t0, t0, 1000.0, unit, samples, WaveformMeta::default());
    waveform::encode_part(&w.expect("a waveform"), number, 2)
}

fn waveforms(instance: &Instance, point: &str) -> usize {
    let list = get(instance, &format!("/api/v1/waveforms?point={}", point.replace('/', "%2F")));
    list.as_array().map_or(0, Vec::len)
}

fn start(data: &Path, mqtt: u16, http: u16, monitors: u16) -> Instance {
    let config = data.join("danxia.toml");
    std::fs::write(&config, format!("[hj212]\nlisten = \"127.0.0.1:{monitors}\"\nsite = \"outlet\"\n"))
        .expect("a file");
    Instance::start_closed(data, mqtt, http, &["--anonymous", "--config", &config.display().to_string()])
}

#[test]
fn other_forms_become_values_and_what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mqtt, http, monitors) = (fresh_port(), fresh_port(), fresh_port());
    let instance = start(dir.path(), mqtt, http, monitors);
    let mut gateway = Raw::connect(mqtt, "gateway");

    // A message that nobody understands waits, and a rule is made from it.
    let payload = format!(r#"{{"ts":{T0},"temp":61.5}}"#);
    gateway.publish(b"mill/fan/data", payload.as_bytes());
    assert!(gateway.acknowledged());
    let waiting = get(&instance, "/api/v1/quarantine?code=unmapped");
    let captured = &waiting["entries"][0];
    assert_eq!((&captured["topic"], &captured["head"]), (&json!("mill/fan/data"), &json!(payload)));
    let message =
        json!({"topic": captured["topic"], "payload": captured["head"], "encoding": captured["head_encoding"]});
    let (status, suggested) = send(http, "POST", "/api/v1/rules/suggest", &message);
    assert_eq!(status, 200, "{suggested}");
    let attempt = json!({"message": message, "rules": [suggested["rule"]]});
    let (_, trial) = send(http, "POST", "/api/v1/rules/try", &attempt);
    assert_eq!(
        (&trial["readings"][0]["point"], &trial["readings"][0]["value"]),
        (&json!("temp"), &json!(61.5)),
        "{trial}"
    );
    let change = json!({"revision": 0, "by": "test", "rules": [suggested["rule"]]});
    let (status, answer) = send(http, "PUT", "/api/v1/rules", &change);
    assert_eq!((status, &answer["revision"]), (200, &json!(1)), "{answer}");
    gateway.publish(b"mill/fan/data", payload.as_bytes());
    assert!(gateway.acknowledged());
    // The first part of a record, acknowledged; then the power goes.
    gateway.publish(b"danxia/v1/s/fan/vib/waveform", &part(1));
    assert!(gateway.acknowledged());
    instance.kill();

    let instance = start(dir.path(), mqtt, http, monitors);
    assert_eq!(get(&instance, "/api/v1/rules")["revision"], json!(1));
    let mut gateway = Raw::connect(mqtt, "gateway");
    gateway.publish(b"danxia/v1/s/fan/vib/waveform", &part(2));
    assert!(gateway.acknowledged());
    assert!(eventually(WITHIN, || waveforms(&instance, "s/fan/vib") == 1), "the record is whole");
    gateway.publish(b"mill/fan/data", format!(r#"{{"ts":{},"temp":62.5}}"#, T0 + 1).as_bytes());
    assert!(gateway.acknowledged());

    // A monitor is answered, and what it said is there.
    let mut monitor = TcpStream::connect(("127.0.0.1", monitors)).expect("the door of monitors");
    monitor.set_read_timeout(Some(WITHIN)).expect("a timeout");
    let head = "QN=20250101080000000;ST=32;CN=2011;PW=1;MN=M1;Flag=5;";
    let cp = "CP=&&DataTime=20250101080000;w01018-Rtd=63.5,w01018-Flag=N&&";
    monitor.write_all(&hj212::encode(&format!("{head}{cp}"))).expect("a segment");
    let mut answer = [0; 12];
    monitor.read_exact(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"##"));

    // A recording of somebody else's comes in through the same door.
    let file = dir.path().join("run.wav");
    std::fs::write(&file, wav::encode(1000, &[&[0.5; 500]])).expect("a file");
    let import = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_danxia"));
        command.args(["import", "waveform"]).arg(&file).args(["--mqtt", &format!("127.0.0.1:{mqtt}")]);
        command.args(more).status().expect("danxia starts").code()
    };
    assert_eq!(import(&["--unit", "g"]), Some(2), "the machine is not known");
    let said = ["--machine", "s/pump", "--time", "2025-01-01T00:00:00Z", "--unit", "g"];
    assert_eq!((import(&said), import(&said)), (Some(0), Some(0)));
    assert!(eventually(WITHIN, || waveforms(&instance, "s/pump/channel_1") == 1), "stored once");

    let ledger = get(&instance, "/api/v1/ledger/total");
    let of = |k: &str| ledger[k].as_u64().expect("a count");
    assert_eq!(of("received"), of("committed") + of("duplicates") + of("quarantined") + of("refused"), "{ledger}");
    assert_eq!(of("quarantined"), 1, "{ledger}");
    instance.stop();
    let rows = export(dir.path());
    let has = |machine: &str, point: &str, value: &str| {
        rows.iter().any(|r| r.machine == machine && r.point == point && r.value == value)
    };
    assert!(has("fan", "temp", "61.5") && has("fan", "temp", "62.5") && has("M1", "w01018-Rtd", "63.5"));
}
