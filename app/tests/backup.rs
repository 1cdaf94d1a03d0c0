//! Backup and restore as somebody types them: while an instance runs under load, and of a store at rest.

mod common;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Instance, Raw, eventually, export, fresh_port};
use serde_json::Value as Json;

struct Said {
    code: Option<i32>,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8")
    }

    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }
}

fn danxia(args: &[&str], paths: &[(&str, &Path)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danxia"));
    command.args(args);
    for (flag, path) in paths {
        if !flag.is_empty() {
            command.arg(flag);
        }
        command.arg(path);
    }
    let done = command.stdin(Stdio::null()).output().expect("danxia runs");
    let err = String::from_utf8(done.stderr).expect("UTF-8");
    Said { code: done.status.code(), out: done.stdout, err }
}

/// Every value as a line.
fn rows(data: &Path) -> HashSet<String> {
    let line = |r: &common::Row| format!("{} {}/{} {} {}", r.time_ns, r.machine, r.point, r.value, r.quality);
    export(data).iter().map(line).collect()
}

fn publish(port: u16, machine: &str, values: std::ops::Range<i64>) {
    let mut client = Raw::connect(port, machine);
    for n in values {
        let payload = format!(r#"{{"ts":{},"values":{{"x":{n}}}}}"#, 1_735_689_600_000 + n);
        client.publish(format!("danxia/v1/s/{machine}/telemetry").as_bytes(), payload.as_bytes());
        assert!(client.acknowledged());
    }
}

fn segments(vault: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).collect()
    };
    below(&vault.join("segments")).iter().flat_map(|shelf| below(shelf)).collect()
}

#[test]
fn a_running_instance_is_backed_up_under_load_and_restored_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, vault, to) = (dir.path().join("data"), dir.path().join("vault"), dir.path().join("to"));
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&data, mqtt, http);
    publish(mqtt, "calm", 0..50);
    let mut load = Command::new(env!("CARGO_BIN_EXE_danxia-load"))
        .args(["until-cut", "--address", &format!("127.0.0.1:{mqtt}"), "--machine", "busy", "--start", "0"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the publisher starts");
    let busy = || rows(&data).iter().filter(|r| r.contains("busy")).count();
    assert!(eventually(Duration::from_secs(20), || busy() > 100), "the load has begun");
    let key = fs::read(data.join("ca.key"));
    danxia(&["backup", "--keep", "3"], &[("", &vault), ("--data", &data)]).ok();
    let said = danxia(&["backup", "--json"], &[("", &vault), ("--data", &data)]).ok();
    let taken: Json = serde_json::from_str(said.text()).expect("JSON");
    publish(mqtt, "calm", 50..60);
    let refused = danxia(&["restore"], &[("", &vault), ("--data", &data)]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("stop it before its store is replaced"), "{}", refused.err);
    instance.kill();
    load.wait().expect("the publisher ends when its connection is cut");

    let said = danxia(&["restore"], &[("", &vault), ("--data", &to)]).ok();
    assert!(said.err.contains(&format!("through commit {}", taken["head"])), "{}", said.err);
    let (all, restored) = (rows(&data), rows(&to));
    assert!(restored.is_subset(&all), "the backup holds what was never committed");
    let calm = |rows: &HashSet<String>| rows.iter().filter(|r| r.contains("calm")).count();
    assert_eq!((calm(&restored), calm(&all)), (50, 60));
    assert!(restored.len() > 150 && restored.len() < all.len(), "{} of {}", restored.len(), all.len());
    // What came later is missing, and nothing before it: the load publishes in order of time.
    let times = |rows: &HashSet<String>| {
        let of = |r: &String| r.split(' ').next().and_then(|t| t.parse::<i64>().ok()).expect("a time");
        let mut times: Vec<i64> = rows.iter().filter(|r| r.contains("busy")).map(of).collect();
        times.sort_unstable();
        times
    };
    let (restored, all) = (times(&restored), times(&all));
    assert_eq!(restored[..], all[..restored.len()]);
    assert!(!to.join("instance.json").exists());
    assert_eq!(fs::read(to.join("ca.key")).ok(), key.ok());
    let instance = Instance::start(&to, mqtt, http);
    publish(mqtt, "calm", 60..70);
    instance.stop();
    danxia(&["verify"], &[("--data", &to)]).ok();
}

#[test]
fn backups_are_listed_checked_pruned_and_restored_by_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, vault, to) = (dir.path().join("data"), dir.path().join("vault"), dir.path().join("to"));
    let (mqtt, http) = (fresh_port(), fresh_port());
    for n in 0..3 {
        let instance = Instance::start(&data, mqtt, http);
        publish(mqtt, "m", n * 10..n * 10 + 10);
        instance.stop();
        danxia(&["backup"], &[("", &vault), ("--data", &data)]).ok();
    }
    let list = || -> Vec<Json> {
        let said = danxia(&["backup", "list", "--json"], &[("", &vault)]).ok();
        serde_json::from_str(said.text()).expect("JSON")
    };
    let all = list();
    assert_eq!(all.len(), 3);
    let time = all[1]["time"].as_str().expect("a time").to_owned();
    let lines = danxia(&["backup", "list"], &[("", &vault)]).ok();
    assert!(lines.text().lines().nth(1).is_some_and(|l| l.starts_with(&time)), "{}", lines.text());
    danxia(&["restore", "--at", &time], &[("", &vault), ("--data", &to)]).ok();
    assert_eq!(export(&to).len(), 20);
    let said = danxia(&["restore"], &[("", &vault), ("--data", &to)]).ok();
    assert!(said.err.contains(".before-"), "{}", said.err);
    assert_eq!(export(&to).len(), 30);

    let before = segments(&vault).len();
    danxia(&["backup", "prune", "--keep", "1"], &[("", &vault)]).ok();
    assert_eq!(list(), all[2..]);
    assert!(segments(&vault).len() < before);
    danxia(&["backup", "verify"], &[("", &vault)]).ok();
    let torn = &segments(&vault)[0];
    let mut bytes = fs::read(torn).expect("a segment");
    bytes[0] ^= 1;
    fs::write(torn, bytes).expect("written");
    let name = torn.file_name().and_then(|n| n.to_str()).expect("a name");
    let said = danxia(&["backup", "verify"], &[("", &vault)]);
    assert!(said.code == Some(1) && said.text().contains(name), "{}", said.text());
    let said = danxia(&["restore"], &[("", &vault), ("--data", &to)]);
    assert!(said.code == Some(1) && said.err.contains(name), "{}", said.err);
    assert_eq!(export(&to).len(), 30);
}

#[test]
fn a_tar_goes_through_a_pipe_and_what_makes_no_sense_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, tar, to) = (dir.path().join("data"), dir.path().join("x.tar"), dir.path().join("to"));
    let said = danxia(&["backup"], &[("", &dir.path().join("vault")), ("--data", &data)]);
    assert!(said.code == Some(1) && said.err.contains("holds no store"), "{}", said.err);
    assert!(!dir.path().join("vault").exists() && !data.exists());
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&data, mqtt, http);
    publish(mqtt, "m", 0..10);
    let said = danxia(&["backup", "--tar", "-"], &[("--staging", dir.path()), ("--data", &data)]).ok();
    fs::write(&tar, &said.out).expect("written");
    danxia(&["backup", "verify"], &[("", &tar)]).ok();
    danxia(&["restore"], &[("", &tar), ("--data", &to)]).ok();
    assert_eq!(export(&to).len(), 10);
    publish(mqtt, "m", 10..20);
    danxia(&["backup"], &[("--tar", &tar), ("--data", &data)]).ok();
    instance.stop();
    danxia(&["restore"], &[("", &tar), ("--data", &to)]).ok();
    assert_eq!(export(&to).len(), 20);
    for args in [&["backup"][..], &["backup", "x", "--tar", "y"], &["backup", "prune", "x"], &["restore", "x"]] {
        assert_eq!(danxia(args, &[]).code, Some(2), "{args:?}");
    }
    let said = danxia(&["backup", "prune", "--keep", "0"], &[("", dir.path())]);
    assert_eq!(said.code, Some(2));
}
