//! The store says how full its disk is, what it keeps, and when it was backed up.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Config, DiskPolicy, Historian, Probe, Retention, Space, backup};
use plant::{ManualClock, Timestamp};
use serde_json::json;

use crate::house::{House, NOW, history};

/// A disk with 4 of 100 GiB free.
struct Nearly;

impl Probe for Nearly {
    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { total: 100 << 30, free: 4 << 30 })
    }
}

#[tokio::test]
async fn the_store_says_how_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
    let store = dir.path().join("store");
    let historian = Historian::open_on(Config::new(&store), clock.clone(), Some(Arc::new(Nearly))).unwrap();
    historian.recorder().commit(history()).await.unwrap();
    historian.recorder().commit(Batch::default()).await.unwrap();
    let to = dir.path().join("backups");
    let source = backup::Source { dir: &store, leave_out: &[] };
    backup::take(source, &to, Timestamp::from_secs(NOW), &mut |_| {}).unwrap();
    let retention = Retention { raw: Some(Duration::from_secs(90 * 86_400)), ..Retention::default() };
    let keeping = web::Keeping { backups: Some(to.clone()), retention, ..web::Keeping::default() };
    let house = House::of(crate::house::config(), historian, clock, keeping, dir).await;
    let report = house.json("/api/v1/store").await;
    for (pointer, expected) in [
        ("/disk/level", json!("shedding")),
        ("/disk/free_bytes", json!(4_u64 << 30)),
        ("/disk/used_bytes", json!(96_u64 << 30)),
        ("/disk/floor_bytes", json!((100_u64 << 30) / 100)),
        ("/disk/own_budget", json!(false)),
        ("/disk/growth_bytes_per_day", json!(null)),
        ("/disk/shed_percent", json!(DiskPolicy::SHED)),
        ("/files/0/name", json!("ts.db")),
        ("/waveforms/records", json!(1)),
        ("/waveforms/policy/all_hours", json!(48)),
        ("/waveforms/dropped", json!([])),
        ("/retention_days", json!({ "raw": 90, "minutes": null, "hours": null, "events": null, "diagnoses": null })),
        ("/removed/raw", json!(0)),
        ("/backups/count", json!(1)),
        ("/backups/last", json!("2026-11-23T00:00:00Z")),
        ("/backups/fault", json!(null)),
    ] {
        assert_eq!(report.pointer(pointer), Some(&expected), "{pointer} in {report:#}");
    }
    assert!(report["disk"]["store_bytes"].as_u64().unwrap() > 0 && report["files"][0]["bytes"].as_u64().unwrap() > 0);
    assert!(report["oldest"]["raw"].is_string(), "values that are in the log only are there, too");
    assert!(report["oldest"]["waveforms"].is_string() && report["backups"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(house.json("/api/v1/status").await["store"]["disk_level"], "shedding");
    std::fs::remove_dir_all(&to).unwrap();
    let report = house.json("/api/v1/store").await;
    assert!(report["backups"]["fault"].is_string() && report["backups"]["last"].is_null(), "{}", report["backups"]);
}

#[tokio::test]
async fn where_nothing_is_known_of_the_disk_nothing_is_claimed() {
    let house = House::open().await;
    let report = house.json("/api/v1/store").await;
    assert_eq!((&report["disk"]["at"], &report["disk"]["level"]), (&json!(null), &json!("normal")));
    assert_eq!((&report["backups"], &report["oldest"]["raw"]), (&json!(null), &json!(null)));
}
