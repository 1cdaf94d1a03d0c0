use std::fs;
use std::path::Path;

use super::*;
use crate::rotating::testing::Gear;

fn write(dir: &Path, name: &str, x: &[f64]) {
    let bytes: Vec<u8> = x.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
    fs::write(dir.join(name), bytes).unwrap();
}

const HEADING: &str = "file,sample_rate_hz,nominal_shaft_hz,channel,load_percent,condition,test\n";

/// Two sensors hear a gear at several loads, sound and with a broken tooth; sensors have their own gain, and the drive
/// slows down under load. Names say nothing.
fn rig(dir: &Path, broken: f64) {
    let mut manifest = HEADING.to_owned();
    let mut count = 0;
    for (condition, depth) in [("healthy", 0.0), ("broken_tooth", broken)] {
        for load in [10.0, 30.0, 50.0, 70.0, 90.0] {
            count += 1;
            for (channel, gain, noise) in [("x", 1.0, 0.3), ("y", 0.4, 0.5)] {
                let shaft = 0.0031 * (1.0 - 2e-5 * load);
                let gear = Gear { load: 1.0 + load / 100.0, shaft, broken: depth, noise, ..Gear::SOUND };
                let seed = count * 7 + u64::from(channel == "y");
                let x: Vec<f64> = gear.record(20_480, seed).iter().map(|v| gain * v).collect();
                let file = format!("r{count}{channel}.f32");
                write(dir, &file, &x);
                manifest.push_str(&format!("{file},,30,{channel},{load},{condition},t{count}\n"));
            }
        }
    }
    fs::write(dir.join("manifest.csv"), manifest).unwrap();
}

#[test]
fn a_broken_tooth_is_told_from_a_load_that_was_never_seen() {
    let dir = tempfile::tempdir().unwrap();
    rig(dir.path(), 1.0);
    let mut seen = Vec::new();
    let report = gears_with(dir.path(), &mut |done, all| seen.push((done, all))).unwrap();
    let s = report.summary;
    assert_eq!((s.healthy, s.false_alarms, s.faults, s.detected, s.refused), (5, 0, 5, 5, 0), "{report:#?}");
    assert_eq!(s.auc, Some(1.0));
    assert_eq!((seen.len(), seen[0]), (10, (0, 10)));
    for c in &report.cases {
        assert_eq!((c.files.len(), c.baseline), (2, 4));
        assert!((c.mesh.unwrap() / (23.0 * 0.0031) - 1.0).abs() < 0.005);
        // It is the gear's own term that tells.
        assert_eq!(c.gear > c.threshold, c.expected == "broken_tooth", "{c:?}");
    }
}

#[test]
fn two_sound_gears_are_not_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    rig(dir.path(), 0.0);
    let s = gears(dir.path()).unwrap().summary;
    assert_eq!((s.detected, s.false_alarms), (0, 0));
    assert!(s.auc.unwrap() < 0.95, "{s:?}");
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let gear = |load: f64, seed| Gear { load, ..Gear::SOUND }.record(20_480, seed);
    for i in 0..4 {
        write(dir.path(), &format!("h{i}.f32"), &gear(1.0 + 0.2 * f64::from(i), u64::try_from(i).unwrap()));
    }
    write(dir.path(), "short.f32", &gear(1.0, 9)[..2000]);
    write(dir.path(), "flat.f32", &[1.0; 20_480]);
    write(dir.path(), "nan.f32", &[f64::NAN; 20_480]);
    let rows = "h0.f32,,,,0,healthy,\nh1.f32,,,,25,healthy,\nh2.f32,,,,50,healthy,\nh3.f32,,,,75,healthy,\n\
                h0.f32,,,,,broken_tooth,no load\nshort.f32,,,,10,broken_tooth,\nflat.f32,,,,10,healthy,\n\
                nan.f32,,,,10,healthy,\nh1.f32,,,other,10,healthy,odd\n";
    fs::write(dir.path().join("manifest.csv"), format!("{HEADING}{rows}")).unwrap();
    let report = gears(dir.path()).unwrap();
    let reasons: Vec<Option<&str>> = report.cases.iter().map(|c| c.reason.as_deref()).collect();
    let want = ["load", "record_length", "sensor", "sensor", "baseline"].map(Some);
    assert_eq!(&reasons[4..], want, "{report:#?}");
    assert_eq!(&reasons[..4], [None; 4]);
    assert_eq!((report.summary.refused, report.summary.false_alarms), (5, 0));
    assert!(report.cases[4..].iter().all(|c| !c.alarm && c.statistic.is_none()));
}

#[test]
fn a_gear_whose_teeth_are_known_is_not_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = "file,sample_rate_hz,shaft_hz,teeth,load_percent,condition\n".to_owned();
    for i in 0..5 {
        let x = Gear { load: 1.0 + 0.2 * f64::from(i), ..Gear::SOUND }.record(20_480, 40 + u64::try_from(i).unwrap());
        write(dir.path(), &format!("{i}.f32"), &x);
        manifest.push_str(&format!("{i}.f32,10000,31,23,{},healthy\n", 20 * i));
    }
    fs::write(dir.path().join("manifest.csv"), manifest).unwrap();
    let report = gears(dir.path()).unwrap();
    assert_eq!(report.summary.false_alarms, 0);
    assert!(report.cases.iter().all(|c| (c.mesh.unwrap() - 0.0713).abs() < 2e-4), "{report:#?}");
}

#[test]
fn what_is_wrong_is_named_with_row_and_column() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.f32", "b.f32"] {
        write(dir.path(), name, &[0.0; 8]);
    }
    for (rows, want) in [
        ("a.f32,fast,30,x,10,healthy,t\n", "row 2, column sample_rate_hz: found \"fast\""),
        ("a.f32,,30,x,10,cracked,t\n", "row 2, column condition: found \"cracked\""),
        ("a.f32,,30,x,-5,healthy,t\n", "row 2, column load_percent: found \"-5\""),
        ("a.f32,,zero,x,5,healthy,t\n", "row 2, column nominal_shaft_hz: found \"zero\""),
        (",,30,x,5,healthy,t\n", "row 2, column file: found \"\""),
        ("a.f32,,30,x,5,healthy,t\nc.f32,,30,y,5,healthy,t\n", "row 3, column file: found \"c.f32\""),
        (
            "a.f32,,30,x,5,healthy,t\nb.f32,,30,y,6,healthy,t\n",
            "row 3, column file: found \"b.f32\"; expected a recording of",
        ),
        (
            "a.f32,,30,x,5,healthy,t\nb.f32,,30,x,5,healthy,t\n",
            "row 3, column file: found \"b.f32\"; expected one recording",
        ),
    ] {
        fs::write(dir.path().join("manifest.csv"), format!("{HEADING}{rows}")).unwrap();
        let e = gears(dir.path()).unwrap_err().to_string();
        assert!(e.contains(want), "{e}");
    }
    fs::write(dir.path().join("manifest.csv"), "file,condition\na.f32,healthy\n").unwrap();
    assert!(gears(dir.path()).unwrap_err().to_string().contains("row 1, column load_percent: missing"));
}

#[test]
fn the_area_is_that_of_mann_and_whitney() {
    assert_eq!(auc(&[1.0, 2.0], &[3.0, 4.0]), Some(1.0));
    assert_eq!(auc(&[1.0, 3.0], &[2.0, 3.0]), Some(0.625));
    assert_eq!((auc(&[], &[1.0]), auc(&[1.0], &[])), (None, None));
}
