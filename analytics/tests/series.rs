//! The detector for process tags on real recordings: looks for them in `DANXIA_DATA`, else in `../shared/data` beside the
//! workspace, and says so where they are absent.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "what each recording gave, for a person who looks")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use analytics::evaluate::{SeriesReport, series};
use analytics::rotating::testing::Noise;

fn data(set: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let dir = std::env::var_os("DANXIA_DATA").map_or(beside, PathBuf::from).join(set);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("no recordings in {}: the bars of {set} were not held (set DANXIA_DATA)", dir.display());
    None
}

fn show(report: &SeriesReport) {
    for c in &report.cases {
        println!(
            "{:14} rows {:6} alarmed {:6} in {:4} first {:20} worst {:22} {:6.1}  F1 {:5.3} FAR {:5.1} MAR {:5.1} {} {:?}",
            c.file,
            c.rows,
            c.alarmed,
            c.alarms,
            c.first_alarm.as_deref().unwrap_or("-"),
            c.worst_tag.as_deref().unwrap_or("-"),
            c.worst_ratio.unwrap_or(f64::NAN),
            c.score.f1.unwrap_or(f64::NAN),
            c.score.far.unwrap_or(f64::NAN),
            c.score.mar.unwrap_or(f64::NAN),
            c.reason.as_deref().unwrap_or(""),
            c.unwatched,
        );
    }
    println!("{:?}", report.summary);
}

#[test]
fn valves() {
    let Some(dir) = data("skab/valve1") else { return };
    let report = series(&dir).unwrap();
    show(&report);
    let s = report.summary;
    assert_eq!(s.refused, 0);
    assert!(s.files > 0 && s.labelled == s.files);
    let (f1, far, mar) = (s.score.f1.unwrap(), s.score.far.unwrap(), s.score.mar.unwrap());
    assert!(f1 >= 0.84 && far <= 15.0 && mar <= 19.0, "{f1} {far} {mar}");
}

/// Nothing is labelled here: what the detector says is printed for a person. What holds no tags is refused by name.
#[test]
fn others() {
    for set in ["skab/anomaly-free", "nab"] {
        let Some(dir) = data(set) else { continue };
        let report = series(&dir).unwrap();
        show(&report);
        assert!(report.summary.files > 0);
        for c in report.cases.iter().filter(|c| c.rows == 0) {
            assert!(c.reason.is_some(), "{c:?}");
        }
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    if let Some(parent) = dir.join(name).parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(dir.join(name), text).unwrap();
}

fn table(rows: usize, fault: bool, noise: &mut Noise) -> String {
    let mut text = "time;a;b;still;anomaly\n".to_owned();
    for i in 0..rows {
        let bad = fault && (500..600).contains(&i);
        let a = 10.0 + noise.normal() + if bad { 5.0 } else { 0.0 };
        writeln!(text, "t{i};{a};{};7;{}", noise.normal(), u8::from(bad)).unwrap();
    }
    text
}

#[test]
fn files_are_pooled_and_what_cannot_be_judged_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut noise = Noise::new(61);
    write(dir.path(), "10.csv", &table(700, true, &mut noise));
    write(dir.path(), "2.csv", &table(700, false, &mut noise));
    write(dir.path(), "deeper/still.csv", &format!("time,x\n{}", "1,5\n".repeat(500)));
    write(dir.path(), "short.csv", &table(399, false, &mut noise));
    write(dir.path(), "words.csv", "time,x\nnow,yes\nthen,no\n");
    write(dir.path(), "numbers.csv", "x,y\n1,2\n7,1\n");
    write(dir.path(), "notes.txt", "no table");
    let report = series(dir.path()).unwrap();
    show(&report);
    let said: Vec<_> = report.cases.iter().map(|c| (c.file.as_str(), c.reason.as_deref())).collect();
    let want = [
        ("numbers.csv", Some("time")),
        ("short.csv", Some("too_few")),
        ("words.csv", Some("no_tags")),
        ("2.csv", None),
        ("10.csv", None),
        ("deeper/still.csv", Some("constant")),
    ];
    assert_eq!(said, want);
    let fault = &report.cases[4];
    assert_eq!((fault.tags.clone(), fault.unwatched.clone()), (vec!["a".into(), "b".into()], vec!["still".into()]));
    assert_eq!(fault.worst_tag.as_deref(), Some("a"));
    let quiet = &report.cases[3].score;
    assert!(quiet.f1.is_none_or(|f| f == 0.0) && quiet.mar.is_none() && quiet.far.unwrap() < 10.0, "{quiet:?}");
    let s = report.summary;
    assert_eq!((s.files, s.labelled, s.refused), (2, 2, 4));
    // 500 normal rows of two files and 100 anomalous ones: rates are those of the counts.
    let far = (3.0 * fault.score.far.unwrap() * 200.0 / 3.0 + quiet.far.unwrap() * 300.0) / 500.0;
    assert!((s.score.far.unwrap() - far).abs() < 1e-9);
    assert!(s.score.f1.unwrap() > 0.8 && s.score.mar.unwrap() < 10.0, "{s:?}");
}

#[test]
fn directories_and_rows_that_make_no_sense_are_errors_that_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let said = |d: &Path| series(d).unwrap_err().to_string();
    assert!(said(dir.path()).contains("no CSV file in it"), "{}", said(dir.path()));
    assert!(said(&dir.path().join("nowhere")).contains("nowhere"));
    let mut text = table(600, false, &mut Noise::new(62));
    text.push_str("t600;broken;0;7;0\n");
    write(dir.path(), "x.csv", &text);
    assert!(said(dir.path()).contains("x.csv, row 602, column a: found \"broken\""), "{}", said(dir.path()));
}
