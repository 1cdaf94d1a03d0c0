use std::fs;
use std::path::Path;

use super::*;
use crate::rotating::testing::{Noise, add_impacts};

const FS: f64 = 12_800.0;
const SHAFT_HZ: f64 = 30.0;
/// 0.64 s: 19 turns.
const SAMPLES: usize = 8192;
const SNAPSHOTS: usize = 60;
const OUTER: f64 = 5.6113;

fn index(dir: &Path, name: &str) {
    let mut text = "position_in_file,snapshot_number,elapsed_s\n".to_owned();
    (0..SNAPSHOTS).for_each(|i| text.push_str(&format!("{i},{},{}\n", 10 * i + 1, 600 * i)));
    fs::write(dir.join(name), text).unwrap();
}

/// A run of a bearing in noise; `amplitude` of the impacts of its outer race by snapshot, and `hears` those of another.
fn run(dir: &Path, name: &str, seed: u64, amplitude: &dyn Fn(usize) -> f64) {
    let mut noise = Noise::new(seed);
    let mut bytes = Vec::with_capacity(4 * SNAPSHOTS * SAMPLES);
    for i in 0..SNAPSHOTS {
        // Load and temperature wander a little.
        let gain = 1.0 + 0.05 * noise.normal();
        let mut x: Vec<f64> = (0..SAMPLES).map(|_| gain * noise.normal()).collect();
        if amplitude(i) > 0.0 {
            add_impacts(&mut x, FS, OUTER * SHAFT_HZ, 3500.0, amplitude(i), &mut noise);
        }
        bytes.extend(x.iter().flat_map(|v| (*v as f32).to_le_bytes()));
    }
    fs::write(dir.join(name), bytes).unwrap();
}

/// Impacts that begin at snapshot 25 and grow by a tenth each time.
fn growing(i: usize) -> f64 {
    if i < 25 { 0.0 } else { 1.5 * 1.1f64.powi(i as i32 - 25) }
}

const HEADING: &str =
    "bearing,file,index_file,sample_rate_hz,samples_per_snapshot,shaft_hz,n_elements,element_dia_mm,pitch_dia_mm\n";

fn manifest(dir: &Path, bearings: &[&str]) {
    let rows: String =
        bearings.iter().map(|b| format!("{b},{b}.f32,index.csv,{FS},{SAMPLES},{SHAFT_HZ},13,3.5,25.6\n")).collect();
    fs::write(dir.join("manifest.csv"), format!("{HEADING}{rows}")).unwrap();
    index(dir, "index.csv");
}

#[test]
fn of_four_bearings_on_one_shaft_the_damaged_one_alarms_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    manifest(dir.path(), &["a", "b", "c", "d"]);
    // The housing carries a third of it to either side, a fifth to the far end.
    for (name, seed, share) in [("a", 1, 0.33), ("b", 2, 1.0), ("c", 3, 0.33), ("d", 4, 0.2)] {
        run(dir.path(), &format!("{name}.f32"), seed, &|i| share * growing(i));
    }
    let report = degradation(dir.path()).unwrap();
    let alarmed: Vec<&str> =
        report.cases.iter().filter(|c| c.first_alarm_snapshot.is_some()).map(|c| c.bearing.as_str()).collect();
    assert_eq!(alarmed, ["b"], "{report:#?}");
    let b = &report.cases[1];
    let named = b.named.as_ref().unwrap();
    assert_eq!(named.fault, "outer_race");
    assert!(b.first_alarm_snapshot >= Some(251) && b.lead_s >= Some(6000.0), "{b:?}");
    assert!(report.cases.iter().filter(|c| c.bearing != "b").all(|c| c.named.is_none() && c.rul.is_none()));
    let s = report.summary;
    assert_eq!((s.bearings, s.alarmed, s.alarms_in_learning), (4, 1, 0));
    assert_eq!(s.median_lead_s, b.lead_s);
}

#[test]
fn sound_bearings_run_through_without_alarm() {
    let dir = tempfile::tempdir().unwrap();
    manifest(dir.path(), &["a", "b", "c"]);
    for (name, seed) in [("a", 11), ("b", 12), ("c", 13)] {
        run(dir.path(), &format!("{name}.f32"), seed, &|_| 0.0);
    }
    let report = degradation(dir.path()).unwrap();
    assert_eq!((report.summary.alarmed, report.summary.median_lead_s), (0, None), "{report:#?}");
}

#[test]
fn two_channels_are_one_bearing_and_its_end_may_be_stated() {
    let dir = tempfile::tempdir().unwrap();
    index(dir.path(), "index.csv");
    run(dir.path(), "h.f32", 21, &growing);
    run(dir.path(), "v.f32", 22, &|i| 0.5 * growing(i));
    let heading =
        "bearing,file_h,file_v,index_file,sample_rate_hz,samples_per_snapshot,shaft_rpm,bpfo_x,bpfi_x,stop_peak\n";
    let row = format!("x,h.f32,v.f32,index.csv,{FS},,1800,5.6113,7.3887,45\n");
    fs::write(dir.path().join("manifest.csv"), format!("{heading}{row}")).unwrap();
    let report = degradation(dir.path()).unwrap();
    let x = &report.cases[0];
    assert!(x.first_alarm_s.unwrap() >= 15_000.0 && x.named.as_ref().unwrap().fault == "outer_race", "{x:?}");
    // Impacts of 1.5·1.1^n peak at 45 after n = 36 snapshots, one more than there are.
    let rul = x.rul.unwrap();
    assert!(rul.p10 <= rul.p50 && rul.p50 <= rul.p90 && rul.p90 <= 5.0 * rul.p10, "{rul:?}");
    let truth = 600.0 * (25.0 + 36.0) - 60.0 * (rul.at_snapshot as f64 - 1.0);
    assert!(rul.p10 < 1.5 * truth && rul.p90 > truth / 1.5, "{rul:?} and {truth}");
}

#[test]
fn what_says_nothing_is_refused_and_never_alarms() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "flat,flat.f32,index.csv,12800,4096\nnan,nan.f32,index.csv,12800,4096\nshort,short.f32,index.csv,12800,100\n\
                few,few.f32,few.csv,12800,4096\n";
    let heading = "bearing,file,index_file,sample_rate_hz,samples_per_snapshot\n";
    fs::write(dir.path().join("manifest.csv"), format!("{heading}{rows}")).unwrap();
    index(dir.path(), "index.csv");
    let mut noise = Noise::new(5);
    let bytes =
        |x: &mut dyn FnMut() -> f64, n: usize| (0..n).flat_map(|_| (x() as f32).to_le_bytes()).collect::<Vec<u8>>();
    let n = SNAPSHOTS * 4096;
    fs::write(dir.path().join("flat.f32"), bytes(&mut || 1.0, n)).unwrap();
    fs::write(dir.path().join("nan.f32"), bytes(&mut || f64::NAN, n)).unwrap();
    fs::write(dir.path().join("short.f32"), bytes(&mut || noise.normal(), SNAPSHOTS * 100)).unwrap();
    fs::write(dir.path().join("few.f32"), bytes(&mut || noise.normal(), 2 * 4096)).unwrap();
    fs::write(dir.path().join("few.csv"), "position_in_file,snapshot_number,elapsed_s\n0,1,0\n1,2,10\n").unwrap();
    let report = degradation(dir.path()).unwrap();
    let reasons: Vec<&str> = report.cases.iter().map(|c| c.reason.as_deref().unwrap()).collect();
    assert_eq!(reasons, ["sensor", "sensor", "record_length", "baseline"]);
    assert!(report.cases.iter().all(|c| c.first_alarm_snapshot.is_none() && c.rul.is_none()));
}

#[test]
fn a_file_that_is_shorter_than_its_index_is_named() {
    let dir = tempfile::tempdir().unwrap();
    manifest(dir.path(), &["a"]);
    fs::write(dir.path().join("a.f32"), vec![0; 4 * SAMPLES * (SNAPSHOTS - 1)]).unwrap();
    let e = degradation(dir.path()).unwrap_err().to_string();
    assert!(e.contains("row 2, column file: found \"a.f32\"; expected 60 snapshots of 8192 samples"), "{e}");
    fs::write(dir.path().join("a.f32"), [0; 5]).unwrap();
    assert!(degradation(dir.path()).unwrap_err().to_string().contains("row 2, column file"));
}

#[test]
fn medians() {
    assert_eq!((median(vec![]), median(vec![3.0]), median(vec![4.0, 1.0])), (None, Some(3.0), Some(2.5)));
}
