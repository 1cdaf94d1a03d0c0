//! kill -9 at random moments: whatever was acknowledged is found again.

mod common;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Instance, export, fresh_port};

/// How often the platform is killed.
const ROUNDS: u64 = 20;

#[test]
fn kill_9_at_random_moments_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let mut acked: HashMap<String, Vec<u64>> = HashMap::new();
    let mut start = 0;
    // A fixed sequence: a failure can be looked at again. SplitMix64 is enough for moments.
    let mut seed = 0x0da1_7a11_u64;
    for round in 0..ROUNDS {
        let instance = Instance::start(&data, mqtt, http);
        let loads: Vec<_> = (0..3)
            .map(|m| {
                let machine = format!("m{m}");
                let child = Command::new(env!("CARGO_BIN_EXE_danxia-load"))
                    .args(["until-cut", "--address", &format!("127.0.0.1:{mqtt}"), "--machine", &machine])
                    .args(["--start", &start.to_string()])
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("the publisher starts");
                (machine, child)
            })
            .collect();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment itself is what is tested: from before the first commit to well into sealing.
        std::thread::sleep(Duration::from_millis(30 + (seed >> 33) % 700));
        instance.kill();
        for (machine, child) in loads {
            let out = child.wait_with_output().expect("the publisher ends when its connection is cut");
            if out.stdout.is_empty() {
                continue; // killed before this one was connected
            }
            let report: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one line of JSON");
            let next = report["next"].as_u64().expect("next");
            start = start.max(next);
            let list = report["acked"].as_array().expect("acked");
            acked.entry(machine).or_default().extend(list.iter().filter_map(serde_json::Value::as_u64));
        }
        eprintln!("round {round}: {} acknowledged so far", acked.values().map(Vec::len).sum::<usize>());
    }
    let total: usize = acked.values().map(Vec::len).sum();
    assert!(total > 1000, "only {total} values were acknowledged in {ROUNDS} rounds: the test tested nothing");

    // From the directory of the instance that was killed last, before anything mends it.
    let found = export(&data);
    for (machine, wanted) in &acked {
        let have: std::collections::HashSet<u64> =
            found.iter().filter(|r| &r.machine == machine).filter_map(|r| r.value.parse().ok()).collect();
        let lost: Vec<_> = wanted.iter().filter(|v| !have.contains(v)).collect();
        assert!(lost.is_empty(), "{machine} lost {} of {} acknowledged values: {lost:?}", lost.len(), wanted.len());
    }

    // And again after a start has recovered it.
    let instance = Instance::start(&data, mqtt, http);
    let ledger: serde_json::Value = serde_json::from_str(&instance.get("/api/v1/ledger/total")).expect("JSON");
    let n = |k: &str| ledger[k].as_u64().unwrap_or_else(|| panic!("{k} in {ledger}"));
    assert_eq!(n("received"), n("committed") + n("duplicates") + n("quarantined") + n("refused"), "{ledger}");
    assert!(n("committed") >= total as u64, "{ledger}");
    instance.stop();
    assert!(export(&data).len() >= found.len());
    eprintln!("kill -9: {ROUNDS} rounds, {total} acknowledged, 0 lost");
}
