//! Who may publish, from `danxia user add` to the store.

mod common;

use std::process::Command;

use common::{Instance, Raw, export, fresh_port};

#[test]
fn a_user_that_was_added_publishes_and_nobody_else_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let user = |args: &[&str], password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_danxia"));
        let out = command.arg("user").args(args).arg("--data").arg(&data).env("DANXIA_PASSWORD", password).output();
        let out = out.expect("danxia user runs");
        let words = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (out.status.code(), words)
    };
    let (code, words) = user(&["add", "press-1"], "short");
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("at least 12"), "{words}");
    assert_eq!(user(&["add", "press-1"], "correct horse battery").0, Some(0));
    assert_eq!(user(&["list"], "").1.trim(), "press-1");

    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&data, mqtt, http, &["--adopt"]);
    for (name, password, connack) in [
        (None, None, 5),
        (Some("press-1"), Some("wrong horse battery"), 4),
        (Some("press-2"), Some("correct horse battery"), 4),
        (Some("press-1"), Some("correct horse battery"), 0),
    ] {
        assert_eq!(Raw::try_connect(mqtt, "c", name, password).err(), (connack != 0).then_some(connack), "{name:?}");
    }
    let mut client = Raw::try_connect(mqtt, "c", Some("press-1"), Some("correct horse battery")).expect("let in");
    client.publish(b"danxia/v1/s/m/telemetry", br#"{"ts":1735689600000,"values":{"x":1}}"#);
    assert!(client.acknowledged());
    let (code, words) = user(&["remove", "press-1"], "");
    assert_eq!(code, Some(1), "the store is in use: {words}");
    assert!(words.contains("in use by another process"), "{words}");
    instance.stop();
    assert_eq!(export(&data).len(), 1);
}
