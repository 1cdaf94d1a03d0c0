//! Who may connect: from `danxia device add` to the broker and back, with real clients where they are installed.

mod common;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Instance, Raw, eventually, export, fresh_port};
use serde_json::Value as Json;

/// A store and the commands on its devices.
struct Site {
    dir: tempfile::TempDir,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Site {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn device(&self, args: &[&str]) -> Said {
        self.with_input(args, "")
    }

    fn with_input(&self, args: &[&str], input: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_danxia"))
            .arg("device")
            .args(args)
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("danxia device runs");
        // It may have said no before it read anything.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let done = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
    }

    /// Adds a device and gives its password.
    fn add(&self, name: &str, more: &[&str]) -> String {
        let said = self.device(&[&["add", name, "--site", "s", "--json"], more].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        let made: Json = serde_json::from_str(&said.out).expect("JSON");
        made["password"].as_str().expect("a password").to_owned()
    }

    fn list(&self) -> Json {
        let said = self.device(&["list", "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).expect("JSON")
    }
}

fn connack(port: u16, name: &str, password: &str) -> u8 {
    Raw::try_connect(port, &format!("{name}-client"), Some(name), Some(password)).err().unwrap_or(0)
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("{program} is not installed: this part is left out");
    }
    found
}

#[test]
fn a_device_is_let_in_by_its_password_within_its_rights_and_nobody_else_is() {
    let site = Site::new();
    let password = site.add("press-1", &[]);
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&site.data(), mqtt, http, &["--adopt"]);
    assert!(Raw::try_connect(mqtt, "c", None, None).is_err(), "nobody without a name");
    assert_eq!(connack(mqtt, "press-1", "wrong horse battery"), 4);
    assert_eq!(connack(mqtt, "press-2", &password), 4);
    for _ in 0..2 {
        // The second time it is known.
        let mut client = Raw::try_connect(mqtt, "c", Some("press-1"), Some(&password)).expect("let in");
        client.publish(b"danxia/v1/s/press-1/telemetry", br#"{"ts":1735689600000,"values":{"x":1}}"#);
        assert!(client.acknowledged());
    }
    let mut client = Raw::try_connect(mqtt, "c", Some("press-1"), Some(&password)).expect("let in");
    client.publish(b"danxia/v1/s/press-2/telemetry", br#"{"values":{"x":1}}"#);
    assert!(!client.acknowledged(), "another machine's topic is denied, which MQTT 3.1.1 says by closing");
    instance.stop();
    assert_eq!(export(&site.data()).len(), 1);
}

#[test]
fn a_running_instance_adds_rotates_and_revokes_and_connections_end_at_once() {
    let site = Site::new();
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&site.data(), mqtt, http, &["--adopt"]);
    let said = site.device(&["add", "pump", "--site", "s"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("an instance runs") && said.err.contains("danxia/v1/s/pump/#"), "{}", said.err);
    let password = said.out.lines().find_map(|l| l.strip_prefix("password ")).expect("a password").to_owned();
    assert!(said.out.contains("username pump"), "{}", said.out);

    let mut client = Raw::try_connect(mqtt, "c", Some("pump"), Some(&password)).expect("let in");
    let said = site.device(&["rotate", "pump", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let made: Json = serde_json::from_str(&said.out).expect("JSON");
    let fresh = made["password"].as_str().expect("a password");
    assert!(!client.acknowledged(), "its connection has ended");
    assert_eq!(connack(mqtt, "pump", &password), 4, "the old password is no longer one");

    let mut client = Raw::try_connect(mqtt, "c", Some("pump"), Some(fresh)).expect("let in");
    assert_eq!(site.device(&["revoke", "pump"]).code, Some(0));
    assert!(!client.acknowledged(), "its connection has ended");
    assert_eq!(connack(mqtt, "pump", fresh), 5, "it is known and not authorised");
    let again = site.device(&["rotate", "pump"]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("is revoked"), "{}", again.err);
    assert!(site.list()[0]["revoked"].is_string());

    let said = site.with_input(&["enable", "pump", "--password-stdin"], "a password of my own\n");
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "a password that was given is not printed");
    assert_eq!(connack(mqtt, "pump", "a password of my own"), 0);
    instance.stop();
    assert!(!site.data().join("instance.json").exists());
}

#[test]
fn what_makes_no_sense_is_answered_in_words_and_changes_nothing() {
    let site = Site::new();
    site.add("press-1", &[]);
    let long = "x".repeat(129);
    let check = |args: &[&str], input: &str, code: i32, words: &str| {
        let said = site.with_input(args, input);
        assert_eq!(said.code, Some(code), "{args:?}: {}", said.err);
        assert!(said.err.contains(words), "{args:?} was answered with {:?}", said.err);
        assert_eq!(said.out, "", "{args:?}");
    };
    check(&["add", "a/b", "--site", "s"], "", 2, "leave out");
    check(&["add", "a+", "--site", "s"], "", 2, "leave out");
    check(&["add", "a", "--site", "s/t"], "", 2, "site name");
    check(&["add", &long, "--site", "s"], "", 2, "128 at most");
    check(&["add", "a", "--site", "s", "--role", "boss"], "", 2, "sparkplug-node, gateway, reader, monitor");
    check(&["add", "a"], "", 2, "--site");
    check(&["add", "a", "--site", "s", "--password-stdin"], "short\n", 2, "at least 12");
    check(&["add", "a", "--site", "s", "--password-stdin"], "", 2, "at least 12");
    check(&["add", "press-1", "--site", "s"], "", 1, "already");
    check(&["revoke", "nobody"], "", 1, "there is no device \"nobody\"");
    check(&["rotate", "nobody"], "", 1, "device list");
    check(&["enable", "press-1"], "", 1, "is not revoked");
    check(&["cert", "nobody", "--json"], "", 1, "there is no device");
    check(&["cert", "press-1", "--json", "--days", "0"], "", 2, "1 to 3650");
    check(&["cert", "press-1", "--revoke", "4a"], "", 1, "has no certificate");
    check(&["list", "--url", "ftp://x"], "", 2, "expected http://");
    assert_eq!(site.list().as_array().map(Vec::len), Some(1));
}

#[test]
fn secrets_are_for_their_owner_only_and_are_not_shown_again() {
    let site = Site::new();
    let password = site.add("press-1", &[]);
    let out = site.dir.path().join("out");
    let said = site.device(&["cert", "press-1", "--days", "30", "--out", &out.display().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let mode = |p: &Path| std::fs::metadata(p).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode(&out.join("press-1.key")), 0o600);
    assert_eq!(mode(&site.data().join("ca.key")), 0o600);
    let again = site.device(&["cert", "press-1", "--out", &out.display().to_string()]);
    assert_eq!(again.code, Some(2), "nothing is overwritten");
    assert!(again.err.contains("there already"), "{}", again.err);

    let listed = site.device(&["list", "--json"]);
    let key = std::fs::read_to_string(out.join("press-1.key")).expect("the key");
    let line = key.lines().nth(1).expect("a line of the key").to_owned();
    let config = Command::new(env!("CARGO_BIN_EXE_danxia")).args(["config", "show"]).output().expect("it runs");
    let config = String::from_utf8_lossy(&config.stdout).into_owned();
    for text in [&listed.out, &listed.err, &config, &said.out, &said.err] {
        assert!(!text.contains(&password) && !text.contains("argon2") && !text.contains(&line), "{text}");
    }
    let certificates = &site.list()[0]["certificates"];
    assert_eq!(certificates[0]["days_left"], 29);
    for entry in std::fs::read_dir(site.data()).expect("the directory") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds(&password) && !holds(&line), "{}", path.display());
    }
}

#[test]
fn nothing_secret_is_in_the_log_of_an_instance_that_makes_credentials() {
    let site = Site::new();
    let (mqtt, http) = (fresh_port(), fresh_port());
    let log = site.dir.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_danxia"))
        .args(["run", "--data"])
        .arg(site.data())
        .args(["--mqtt", &format!("127.0.0.1:{mqtt}"), "--http", &format!("127.0.0.1:{http}")])
        .env("DANXIA__LOG", "trace")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("danxia starts");
    assert!(eventually(Duration::from_secs(60), || site.data().join("instance.json").exists()));
    let password = site.add("press-1", &[]);
    assert_eq!(connack(mqtt, "press-1", &password), 0);
    assert_ne!(connack(mqtt, "press-1", "a wrong password it is"), 0);
    let issued = site.device(&["cert", "press-1", "--json"]);
    let issued: Json = serde_json::from_str(&issued.out).expect("JSON");
    let key = issued["key"].as_str().expect("a key").lines().nth(1).expect("a line").to_owned();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let log = std::fs::read_to_string(&log).expect("the log");
    assert!(log.contains("a device was added"), "the log is there");
    for secret in [password.as_str(), "a wrong password it is", key.as_str(), "$argon2id$"] {
        assert!(!log.contains(secret), "the log holds {secret:?}");
    }
}

#[test]
fn a_certificate_lets_its_device_in_over_tls_until_it_is_revoked() {
    if !has("mosquitto_pub") {
        return;
    }
    let site = Site::new();
    site.add("press-1", &[]);
    let out = site.dir.path().join("out");
    assert_eq!(site.device(&["cert", "press-1", "--out", &out.display().to_string()]).code, Some(0));
    let (mqtt, http, tls) = (fresh_port(), fresh_port(), fresh_port());
    let config = site.dir.path().join("danxia.toml");
    std::fs::write(&config, format!("[mqtt]\ntls_listen = \"127.0.0.1:{tls}\"\n")).expect("the settings");
    let more = ["--adopt", "--config", &config.display().to_string()];
    let instance = Instance::start_closed(&site.data(), mqtt, http, &more);
    let publish = |host: &str, key: bool, more: &[&str]| {
        let file = |name: &str| out.join(name).display().to_string();
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", host, "-p", &tls.to_string(), "--cafile", &file("ca.crt"), "-q", "1", "-i", "press"]);
        if key {
            command.args(["--cert", &file("press-1.crt"), "--key", &file("press-1.key")]);
        }
        command.args(["-t", "danxia/v1/s/press-1/telemetry", "-m", r#"{"values":{"x":1}}"#]).args(more);
        let done = command.output().expect("mosquitto_pub runs");
        (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    for host in ["localhost", "127.0.0.1"] {
        let (let_in, words) = publish(host, true, &[]);
        assert!(let_in, "{host}: {words}");
    }
    assert!(!publish("localhost", false, &[]).0, "without a certificate it is asked for its password");
    let connected = site.list();
    let serial = connected[0]["certificates"][0]["serial"].as_str().expect("a serial number").to_owned();

    // A subscriber holds its connection; revoking the certificate ends it.
    let mut held = Command::new("mosquitto_sub")
        .args(["-h", "localhost", "-p", &tls.to_string(), "-t", "danxia/v1/s/press-1/command/#", "-i", "held"])
        .args(["--cafile", &out.join("ca.crt").display().to_string()])
        .args(["--cert", &out.join("press-1.crt").display().to_string()])
        .args(["--key", &out.join("press-1.key").display().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto_sub runs");
    let clients = || serde_json::from_str::<Json>(&instance.get("/api/v1/connections")).expect("JSON");
    let listed = |connected: bool| {
        let all = clients();
        let clients = all["clients"].as_array().expect("clients").clone();
        clients.iter().any(|c| c["client_id"] == "held" && c["connected"] == connected && c["identity"] == "press-1")
    };
    assert!(eventually(Duration::from_secs(20), || listed(true)), "{}", clients());
    let said = site.device(&["cert", "press-1", "--revoke", &serial.to_uppercase()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(eventually(Duration::from_secs(20), || listed(false)), "{}", clients());
    held.kill().expect("it can be ended");
    held.wait().expect("it ends");
    assert!(!publish("localhost", true, &[]).0, "a certificate that was revoked lets nobody in");
    instance.stop();
    assert_eq!(export(&site.data()).len(), 2);
}

#[test]
fn the_checklist_follows_a_device_to_its_first_value() {
    let site = Site::new();
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&site.data(), mqtt, http, &["--adopt"]);
    let password = site.add("press-1", &[]);
    let steps = || -> Vec<Json> {
        let all: Json = serde_json::from_str(&instance.get("/api/v1/devices/press-1/checklist")).expect("JSON");
        all["steps"].as_array().expect("steps").clone()
    };
    let states = || steps().iter().map(|s| s["state"].as_str().expect("a state").to_owned()).collect::<Vec<_>>();
    let reaches = |wanted: [&str; 6]| {
        assert!(eventually(Duration::from_secs(20), || states() == wanted), "{wanted:?}: {:#?}", steps());
    };
    reaches(["waiting"; 6]);
    assert_eq!(connack(mqtt, "press-1", "not this password"), 4);
    reaches(["ok", "failed", "waiting", "waiting", "waiting", "waiting"]);
    assert!(steps()[1]["error"].as_str().expect("words").contains("copy it again"));

    let mut client = Raw::try_connect(mqtt, "c", Some("press-1"), Some(&password)).expect("let in");
    reaches(["ok", "ok", "waiting", "waiting", "waiting", "waiting"]);
    client.publish(b"danxia/v1/s/press-9/telemetry", b"{}");
    assert!(!client.acknowledged());
    reaches(["ok", "ok", "failed", "waiting", "waiting", "waiting"]);
    let rights = steps()[2].clone();
    assert_eq!(rights["seen"], "danxia/v1/s/press-9/telemetry");
    assert!(rights["error"].as_str().expect("words").contains("danxia/v1/s/press-1/#"), "{rights}");

    let mut client = Raw::try_connect(mqtt, "d", Some("press-1"), Some(&password)).expect("let in");
    client.publish(b"danxia/v1/s/press-1/telemetri", b"{}");
    assert!(client.acknowledged());
    let topic = || steps()[3].clone();
    assert!(eventually(Duration::from_secs(20), || topic()["state"] == "failed"), "{:#?}", steps());
    assert_eq!(topic()["message"]["code"], "topic_invalid");

    let mut client = Raw::try_connect(mqtt, "e", Some("press-1"), Some(&password)).expect("let in");
    client.publish(b"danxia/v1/s/press-1/telemetry", b"{\"values\":{x}}");
    assert!(client.acknowledged());
    let parse = || steps()[4].clone();
    assert!(eventually(Duration::from_secs(20), || parse()["state"] == "failed"), "{:#?}", steps());
    assert_eq!(parse()["message"]["head"], "{\"values\":{x}}", "with the raw payload");
    assert!(parse()["error"].as_str().expect("words").len() > 20);
    assert_eq!(steps()[5]["state"], "waiting");

    client.publish(b"danxia/v1/s/press-1/telemetry", br#"{"values":{"temp":{"v":61.5,"u":"\u00b0C"}}}"#);
    assert!(client.acknowledged());
    let value = || steps()[5].clone();
    assert!(eventually(Duration::from_secs(20), || value()["state"] == "ok"), "{:#?}", steps());
    assert_eq!(value()["seen"], "s/press-1/temp = 61.5");
    let missing = instance.try_get("/api/v1/devices/nobody/checklist").expect("an answer");
    assert_eq!(missing.0, 404);
    instance.stop();
}

/// One `mosquitto_pub` at QoS 1 over MQTT 5, which tells a denial from an acknowledgement.
fn mosquitto(mqtt: u16, password: &str, topic: &str, payload: &str) -> String {
    let done = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &mqtt.to_string(), "-V", "5", "-i", "gw", "-u", "gw-7", "-P", password])
        .args(["-q", "1", "-d", "-t", topic, "-m", payload])
        .output()
        .expect("mosquitto_pub runs");
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

#[test]
fn a_gateway_with_topics_of_its_own_is_let_in_by_its_patterns_and_a_rule_makes_values_of_what_it_says() {
    if !has("mosquitto_pub") || !has("mosquitto_sub") {
        return;
    }
    let site = Site::new();
    let password = site.add("gw-7", &["--publish", "plant/{device}/#"]);
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&site.data(), mqtt, http, &["--adopt"]);
    let rule = serde_json::json!({
        "name": "gw", "enabled": true, "topic": "plant/{gw}/{line}", "format": "json", "each": null, "separator": null,
        "skip": 0, "site": "s", "machine": "{gw}.{line}", "time": null, "filters": [],
        "values": [{"field": "/t", "point": "temp", "unit": "°C", "scale": 1.0, "offset": 0.0, "optional": false}],
    });
    let change = serde_json::json!({"revision": 0, "by": "test", "rules": [rule]}).to_string();
    let (status, said) = common::ask(http, "PUT", "/api/v1/rules", &change).expect("an answer");
    assert_eq!(status, 200, "{said}");

    let denied = |topic: &str| mosquitto(mqtt, &password, topic, r#"{"t":61.5}"#);
    // Let in, acknowledged, and without a reason against it.
    let taken = |topic: &str| {
        let said = denied(topic);
        assert!(
            said.contains("received PUBACK") && said.contains("RC:0)") && !said.contains("uthori"),
            "{topic}: {said}"
        );
    };
    taken("plant/gw-7/line-1");
    for topic in ["plant/gw-8/line-1", "plant", "danxia/v1/s/gw-7/alarm/state", "danxia/v1/s/gw-8/telemetry"] {
        assert!(denied(topic).contains("Not authorized"), "{topic}: {}", denied(topic));
    }
    taken("danxia/v1/s/gw-7/event");
    let steps = || -> Json { serde_json::from_str(&instance.get("/api/v1/devices/gw-7/checklist")).expect("JSON") };
    taken("plant/gw-7/line-1");
    let value = || steps()["steps"][5].clone();
    assert!(eventually(Duration::from_secs(20), || value()["state"] == "ok"), "{:#}", steps());
    assert_eq!(value()["seen"], "s/gw-7.line-1/temp = 61.5");

    // Other patterns later: its connections end, and what is asked for has changed.
    let mut client = Raw::try_connect(mqtt, "c", Some("gw-7"), Some(&password)).expect("let in");
    let said = site.device(&["allow", "gw-7", "--publish", "plant/{device}/#", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    client.publish(b"plant/gw-7/line-2", br#"{"t":1}"#);
    assert!(client.acknowledged(), "nothing has changed, and nobody is sent away");
    let said = site.device(&["allow", "gw-7", "--publish", "mill/#", "--subscribe", "+/set/{device}"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("an instance runs") && said.err.contains("mill/#"), "{}", said.err);
    assert!(!client.acknowledged(), "its connection has ended");
    assert!(denied("plant/gw-7/line-1").contains("Not authorized"));
    taken("mill/x");
    let mut client = Raw::try_connect(mqtt, "c", Some("gw-7"), Some(&password)).expect("let in");
    client.subscribe("plant/set/gw-7");
    let said = site.device(&["allow", "gw-7", "--no-publish"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let own = site.list()[0]["own"].clone();
    assert_eq!(own, serde_json::json!({"publish": [], "subscribe": ["+/set/{device}"]}), "one kind, not the other");
    let refused = site.device(&["allow", "gw-7", "--publish", "danxia/#"]);
    assert_eq!(refused.code, Some(2), "as on a store at rest: {}", refused.err);
    assert!(refused.err.contains("role gateway"), "{}", refused.err);
    instance.stop();
    let rows = export(&site.data());
    let stored: Vec<_> = rows.iter().map(|r| (r.machine.as_str(), r.point.as_str(), r.value.as_str())).collect();
    assert_eq!(stored.iter().filter(|r| **r == ("gw-7.line-1", "temp", "61.5")).count(), 2, "{stored:?}");
}

#[test]
fn patterns_that_would_let_a_device_speak_for_others_are_refused_in_words() {
    let site = Site::new();
    site.add("gw-7", &["--role", "reader", "--publish", "plant/#", "--subscribe", "#"]);
    let listed = site.device(&["list"]);
    assert!(listed.out.contains("plant/#") && listed.out.contains("subscribe"), "{}", listed.out);
    let check = |more: &[&str], words: &str| {
        for args in [&["add", "a", "--site", "s"][..], &["allow", "gw-7"]] {
            let said = site.device(&[args, more].concat());
            assert_eq!(said.code, Some(2), "{args:?} {more:?}: {}", said.err);
            assert!(said.err.contains(words), "{args:?} {more:?} was answered with {:?}", said.err);
        }
    };
    check(&["--publish", "#"], "danxia/v1 and spBv1.0");
    check(&["--publish", "ok/#", "--publish", "+/x"], "publish pattern \"+/x\"");
    check(&["--publish", "danxia/v1/s/gw-7/alarm/state"], "role gateway");
    check(&["--publish", "spBv1.0/G/NDATA/x"], "role sparkplug-node");
    check(&["--publish", "$SYS/x"], "belongs to the broker");
    check(&["--subscribe", "$SYS/#"], "role monitor");
    check(&["--publish", "a/{machine}"], "{device}, {site} or {group}");
    let nothing = site.device(&["allow", "gw-7"]);
    assert_eq!(nothing.code, Some(2), "what is to be allowed is said: {}", nothing.err);
    assert_eq!(site.device(&["allow", "nobody", "--publish", "a"]).code, Some(1));
    let all = site.list();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    assert_eq!(all[0]["own"], serde_json::json!({"publish": ["plant/#"], "subscribe": ["#"]}), "nothing has changed");
}
