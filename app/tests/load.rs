//! 1,200 accelerometers every 10 s are promised to take less than one core. A twentieth of them, through the broker, as
//! processor time of the whole process: who else is at work on the machine counts little.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{Instance, eventually, fresh_port};

/// Accelerometers that are promised, and the seconds in which each delivers a record.
const PROMISED: f64 = 1_200.0;
const PERIOD_S: f64 = 10.0;
/// A build for tests is not optimised but for what computes most; this much more is let pass there.
const UNOPTIMISED: f64 = if cfg!(debug_assertions) { 4.0 } else { 1.0 };
const MACHINES: usize = 5;
const SENSORS: usize = 12;

/// How many records of the accelerometers have been judged.
fn judged(instance: &Instance) -> u64 {
    let name = |i: usize| {
        let (machine, sensor) = (i / SENSORS, i % SENSORS);
        format!(r#"{{"point":"load/machine-{machine:03}/vibration_{sensor:02}","indicator":"acceleration_rms"}}"#)
    };
    let series: Vec<String> = (0..MACHINES * SENSORS).map(name).collect();
    let asked = format!(r#"{{"ask":"statistics","series":[{}]}}"#, series.join(","));
    // An accelerometer of which there is no verdict yet is not known.
    let Some((200, body)) = instance.post("/api/v1/series/query", &asked) else { return 0 };
    let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let counts = answer["statistics"].as_array().expect("a list").iter().map(|s| s["count"].as_u64().expect("a count"));
    counts.sum()
}

#[test]
fn a_record_from_the_broker_to_its_verdict_costs_less_than_its_share_of_one_core() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&dir.path().join("data"), mqtt, http);
    let before = instance.cpu_s();
    let said = Command::new(env!("CARGO_BIN_EXE_danxia-load"))
        .args(["plant", "--address", &format!("127.0.0.1:{mqtt}"), "--clients", "5", "--period", "2", "--seconds", "8"])
        .args(["--machines", &MACHINES.to_string(), "--sensors", &SENSORS.to_string()])
        .args(["--damaged", "1", "--varying", "1"])
        .output()
        .expect("the plant speaks");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let records = said["records"].as_u64().expect("a number");
    assert_eq!((said["acked"].as_u64(), said["cut"].as_bool()), (said["sent"].as_u64(), Some(false)));
    assert_eq!(records, (MACHINES * SENSORS * 4) as u64);
    let mut found = 0;
    eventually(Duration::from_secs(60), || {
        found = judged(&instance);
        found == records
    });
    assert_eq!(found, records, "every record is judged");
    let each = (instance.cpu_s() - before) / records as f64;
    let share = PERIOD_S / PROMISED;
    assert!(each < UNOPTIMISED * share, "a record took {:.1} ms of {:.1} ms", 1e3 * each, 1e3 * share);
    instance.stop();
}
