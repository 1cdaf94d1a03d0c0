//! The bars on real recordings. Looks for them in `DANXIA_DATA`, else in `../shared/data` beside the workspace, and says
//! so where they are absent.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "what each recording gave, for a person who looks")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use analytics::evaluate::{BearingsReport, bearings, degradation, gears};
use analytics::fold::{Fold, Settings};
use historian::{Batch, Committed};
use plant::{
    AssetChange, Bearing, BearingOrders, Finding, Geometry, Machine, Samples, Speed, Timestamp, Trigger, Unit,
    Waveform, WaveformId, WaveformMeta,
};

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

fn show(report: &BearingsReport) {
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

#[test]
fn gearbox() {
    let Some(dir) = data("gearbox") else { return };
    let report = gears(&dir).unwrap();
    for c in &report.cases {
        println!(
            "{:40} {:13} {:3} gear {:6.2} spectrum {:7.2} limit {:6.2} mesh {:.5} {} {:?}",
            c.test,
            c.expected,
            c.load_percent.unwrap_or(f64::NAN),
            c.gear.unwrap_or(f64::NAN),
            c.spectrum.unwrap_or(f64::NAN),
            c.threshold.unwrap_or(f64::NAN),
            c.mesh.unwrap_or(f64::NAN),
            if c.alarm { "alarm" } else { "" },
            c.reason
        );
    }
    println!("{:?}", report.summary);
    let s = report.summary;
    assert!(s.auc >= Some(0.97), "{s:?}");
    assert_eq!((s.false_alarms, s.refused), (0, 0), "{s:?}");
    assert_eq!(s.detected, s.faults, "{s:?}");
    assert!(s.faults > 0 && s.healthy > 0);
}

#[test]
fn femto() {
    let Some(dir) = data("femto") else { return };
    let report = degradation(&dir).unwrap();
    for c in &report.cases {
        println!("{c:?}");
    }
    println!("{:?}", report.summary);
    let s = report.summary;
    assert_eq!((s.alarmed, s.alarms_in_learning), (s.bearings, 0), "{s:?}");
    assert!(report.cases.iter().all(|c| c.lead_s >= Some(300.0)), "{report:?}");
    assert!(s.bearings > 0);
}

/// The rows of a manifest, by column.
fn rows(dir: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(dir.join("manifest.csv")).unwrap();
    let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
    let heading = lines.next().unwrap();
    lines.map(|l| heading.iter().cloned().zip(l).collect()).collect()
}

/// Plays a recording through the fold in pieces of `seconds`, ten seconds apart, as a sensor would send it; gives the
/// conditions that were raised.
fn play(dir: &Path, row: &BTreeMap<String, String>, seconds: f64) -> Vec<String> {
    let number = |k: &str| row[k].parse::<f64>().unwrap();
    let fs = number("sample_rate_hz");
    let mut m = Machine::bare("s/rig".parse().unwrap());
    let orders = ["bpfo_x", "bpfi_x", "bsf_x", "ftf_x"].map(number);
    let geometry = Geometry::Orders(BearingOrders { bpfo: orders[0], bpfi: orders[1], bsf: orders[2], ftf: orders[3] });
    m.bearings.push(Bearing { name: "B".parse().unwrap(), designation: None, geometry });
    let bytes = std::fs::read(dir.join(&row["file"])).unwrap();
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let mut fold = Fold::new(Settings::default());
    let mut t = Timestamp::from_secs(1_700_000_000);
    let mut batch = Batch { changes: vec![AssetChange::Machine(m)], ..Batch::default() };
    let mut raised = Vec::new();
    for (i, piece) in samples.chunks_exact((seconds * fs) as usize).enumerate() {
        let meta = WaveformMeta {
            speed: Some(Speed { mean_rpm: number("shaft_rpm"), range_rpm: None }),
            ..WaveformMeta::default()
        };
        let (id, unit, point) = (WaveformId(i as u128), Unit::parse("g").unwrap(), "s/rig/a".parse().unwrap());
        let w = Waveform::new(id, point, t, t, fs, unit, Samples::F32(piece.into()), meta).unwrap();
        batch.waveforms.push(Arc::new(w));
        let committed = Committed { seq: i as u64 + 1, t, batch: Arc::new(std::mem::take(&mut batch)) };
        for f in fold.step(&committed) {
            if let Finding::Alarm(a) = f
                && a.trigger == Trigger::Raised
            {
                raised.push(a.key.condition.code());
            }
        }
        t = t + Duration::from_secs(10);
    }
    raised
}

#[test]
fn recordings_cut_into_pieces_alarm_and_healthy_ones_never_do() {
    let Some(dir) = data("cwru") else { return };
    let report = bearings(&dir).unwrap();
    for seconds in [1.0, 2.0, 4.0] {
        for (row, case) in rows(&dir).iter().zip(&report.cases) {
            let raised = play(&dir, row, seconds);
            println!("{:36} in pieces of {seconds} s: {raised:?}", case.file);
            if matches!(&*case.expected, "normal" | "healthy") {
                assert!(raised.is_empty(), "{} in pieces of {seconds} s: {raised:?}", case.file);
            } else if case.alarm && case.statistic > Some(15.0) {
                // What is beyond doubt as a whole is found in its pieces, once, and nothing else is.
                let want = format!("bearing.B.{}", case.expected);
                assert_eq!(raised, [want], "{} in pieces of {seconds} s", case.file);
            }
        }
    }
}
