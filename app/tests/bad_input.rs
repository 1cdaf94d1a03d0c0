//! What the user sees of bad input, over a real socket; and that the next good message is served.

mod common;

use std::time::Duration;

use ciborium::Value;
use common::{Instance, Raw, eventually, export, fresh_port};
use serde_json::Value as Json;

fn json(instance: &Instance, path: &str) -> Json {
    serde_json::from_str(&instance.get(path)).expect("JSON")
}

/// A complete waveform message without the fields named, and with others put in their place.
fn waveform(without: &[&str], with: &[(&str, Value)]) -> Vec<u8> {
    let data = Value::Tag(77, Box::new(Value::Bytes([1i16, -2, 3, -4].iter().flat_map(|v| v.to_le_bytes()).collect())));
    let mut fields: Vec<(&str, Value)> = vec![
        ("v", 1.into()),
        ("id", Value::Bytes(vec![7; 16])),
        ("t0_ns", 1_735_689_600_000_000_000_i64.into()),
        ("fs", Value::Float(25_600.0)),
        ("n", 4.into()),
        ("unit", "g".into()),
        ("data", data),
    ];
    fields.retain(|(k, _)| !without.contains(k) && !with.iter().any(|(w, _)| w == k));
    fields.extend(with.iter().cloned());
    let map = Value::Map(fields.into_iter().map(|(k, v)| (k.into(), v)).collect());
    let mut out = Vec::new();
    ciborium::into_writer(&map, &mut out).expect("CBOR into memory");
    out
}

/// Topic, payload, the stable code, and what the sentence must name.
type Case = (&'static [u8], Vec<u8>, &'static str, &'static [&'static str]);

#[test]
fn what_cannot_be_understood_is_acknowledged_explained_and_the_next_message_is_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&data, mqtt, http);
    let telemetry = b"danxia/v1/s/m/telemetry".as_slice();
    let wave = b"danxia/v1/s/m/vib/waveform".as_slice();
    let mut client = Raw::connect(mqtt, "clumsy");
    client.publish(telemetry, br#"{"ts":1735689600000,"values":{"speed":{"v":1480,"u":"r/min"}}}"#);
    assert!(client.acknowledged());

    let cases: Vec<Case> = vec![
        (telemetry, b"{\"values\": {".to_vec(), "json_syntax", &["1"]),
        (telemetry, b"\xff\xfe\x00".to_vec(), "json_syntax", &[]),
        (telemetry, b"{}".to_vec(), "values_missing", &["value"]),
        (telemetry, br#"{"values":{"x":{"v":1,"u":"furlong"}}}"#.to_vec(), "unit_unknown", &["furlong", "x"]),
        (telemetry, br#"{"values":{"speed":{"v":1,"u":"degC"}}}"#.to_vec(), "unit_mismatch", &["speed"]),
        (telemetry, br#"{"ts":"yesterday","values":{"x":1}}"#.to_vec(), "ts_invalid", &["yesterday"]),
        (wave, b"not cbor".to_vec(), "cbor_type", &[]),
        (wave, waveform(&["fs"], &[]), "waveform_no_fs", &["fs"]),
        (wave, waveform(&["unit"], &[]), "waveform_no_unit", &["unit"]),
        (wave, waveform(&[], &[("n", 5.into())]), "waveform_length", &["5", "8 bytes"]),
        (wave, waveform(&[], &[("crc32c", 1.into())]), "waveform_crc", &[]),
        (wave, waveform(&[], &[("unit", "furlong".into())]), "unit_unknown", &["furlong"]),
        ("车间/一号".as_bytes(), b"hello".to_vec(), "unmapped", &[]),
        (b"spBv1.0/g/NDATA/e", b"\x01\x02\x03".to_vec(), "sparkplug_payload", &[]),
    ];
    for (n, (topic, payload, code, words)) in cases.iter().enumerate() {
        client.publish(topic, payload);
        assert!(client.acknowledged(), "{code} was not acknowledged");
        let newest = json(&instance, "/api/v1/quarantine?limit=1");
        let entry = &newest["entries"][0];
        assert_eq!(entry["code"], *code, "{newest}");
        let reason = entry["reason"].as_str().expect("a reason");
        assert!(reason.len() > 20, "{code}: {reason:?} is no sentence");
        assert!(words.iter().all(|w| reason.contains(w)), "{code}: {reason:?} names not all of {words:?}");

        client.publish(telemetry, format!(r#"{{"ts":{},"values":{{"good":{n}}}}}"#, 1_735_689_700_000 + n).as_bytes());
        assert!(client.acknowledged(), "the message after {code} was not served");
    }
    let total = json(&instance, "/api/v1/ledger/total");
    assert_eq!(total["quarantined"], cases.len());
    assert_eq!(total["committed"], cases.len() + 1);
    assert_eq!(total["received"], 2 * cases.len() + 1);
    let good = export(&data).iter().filter(|r| r.point == "good").count();
    assert_eq!(good, cases.len());
    instance.stop();
}

#[test]
fn what_the_door_refuses_ends_that_connection_is_counted_and_others_are_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&dir.path().join("data"), mqtt, http);
    let mut bystander = Raw::connect(mqtt, "bystander");
    let refused = |instance: &Instance| -> u64 {
        let all = json(instance, "/api/v1/connections");
        all["refused"].as_object().expect("refused").values().filter_map(Json::as_u64).sum()
    };
    let big = vec![b' '; 10 << 20];
    let cases: [(&str, &[u8], &[u8]); 4] = [
        ("non-utf8", b"danxia/v1/\xff\xfe/m/telemetry", b"{}"),
        ("wildcard", b"danxia/v1/+/m/telemetry", b"{}"),
        ("nul", b"danxia/v1/s\0/m/telemetry", b"{}"),
        ("ten-mebibytes", b"danxia/v1/s/m/telemetry", &big),
    ];
    for (n, (name, topic, payload)) in cases.iter().enumerate() {
        let mut client = Raw::connect(mqtt, name);
        client.publish(topic, payload);
        assert!(!client.acknowledged(), "{name} was acknowledged");
        let counted = eventually(Duration::from_secs(5), || refused(&instance) > n as u64);
        assert!(counted, "{name} was not counted");
        let shown = eventually(Duration::from_secs(5), || {
            let all = json(&instance, "/api/v1/connections");
            let clients = all["clients"].as_array().expect("clients");
            clients.iter().any(|c| c["client_id"] == *name && c["last_error"].is_string())
        });
        assert!(shown, "{name} does not show why it was closed: {}", instance.get("/api/v1/connections"));

        bystander.publish(b"danxia/v1/s/m/telemetry", format!(r#"{{"ts":{n},"values":{{"x":1}}}}"#).as_bytes());
        assert!(bystander.acknowledged(), "the bystander was not served after {name}");
        let mut again = Raw::connect(mqtt, name);
        again.publish(b"danxia/v1/s/m/telemetry", format!(r#"{{"ts":{n},"values":{{"y":1}}}}"#).as_bytes());
        assert!(again.acknowledged(), "{name} was not served when it came back and behaved");
    }
    let total = json(&instance, "/api/v1/ledger/total");
    let n = |k: &str| total[k].as_u64().unwrap_or_else(|| panic!("{k} in {total}"));
    assert_eq!(n("received"), n("committed") + n("duplicates") + n("quarantined") + n("refused"), "{total}");
    instance.stop();
}

#[test]
fn the_page_and_anonymous_mqtt_are_refused_beyond_this_computer() {
    for (more, wanted) in [
        (vec!["--http", "0.0.0.0:0"], "danxia user add"),
        (vec!["--mqtt", "0.0.0.0:0", "--anonymous"], "loopback only"),
    ] {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_danxia"))
            .args(["run", "--data", "/nonexistent/never/made"])
            .args(&more)
            .output()
            .expect("danxia runs");
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(78), "{more:?}: {said}");
        assert!(said.contains(wanted), "{more:?}: {said}");
    }
}
