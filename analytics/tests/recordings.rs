//! The bars on real recordings. Looks for them in `DANXIA_DATA`, else in `../shared/data` beside the workspace, and says
//! so where they are absent.

use std::path::PathBuf;

use analytics::evaluate::{Report, bearings};

fn data(set: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("DANXIA_DATA").map_or(beside, PathBuf::from);
    let dir = root.join(set);
    if dir.join("manifest.csv").is_file() {
        return Some(dir);
    }
    println!("no recordings in {}: the bars of {set} were not held (set DANXIA_DATA)", dir.display());
    None
}

fn show(report: &Report) {
    for c in &report.cases {
        println!(
            "{:36} {:11} {:11} {:6.2} {:6.2} {}",
            c.file,
            c.expected,
            c.verdict.as_deref().or(c.reason.as_deref()).unwrap_or("-"),
            c.statistic.unwrap_or(f64::NAN),
            c.threshold.unwrap_or(f64::NAN),
            if c.alarm { "alarm" } else { "" }
        );
    }
    println!("{:?}", report.summary);
}

#[test]
fn cwru() {
    let Some(dir) = data("cwru") else { return };
    let report = bearings(&dir).unwrap();
    show(&report);
    let s = report.summary;
    assert_eq!((s.faults, s.healthy, s.refused), (18, 2, 0));
    assert!(s.top1_correct >= 15, "{s:?}");
    assert!(s.alarmed_wrong <= 1, "{s:?}");
    assert_eq!(s.false_alarms, 0, "{s:?}");
}

#[test]
fn mfpt() {
    let Some(dir) = data("mfpt") else { return };
    let report = bearings(&dir).unwrap();
    show(&report);
    let s = report.summary;
    assert_eq!((s.top1_correct, s.alarmed_correct, s.alarmed_wrong, s.refused), (s.faults, s.faults, 0, 0), "{s:?}");
    assert!(s.faults > 0);
}
