//! States of the fold as they were stored: an earlier form is read and goes on to what it went on to when it was written,
//! or it is refused. `tests/states` holds what earlier versions wrote.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, RestoreError, Settings};
use analytics::rotating::testing::{Noise, sine};
use historian::{Batch, Committed};
use plant::{
    AssetChange, Bearing, BearingOrders, Finding, Foundation, Geometry, Machine, MachineClass, Observation, Point,
    PointKind, Quality, Samples, Severity, Speed, Timestamp, Unit, Value, Waveform, WaveformId, WaveformMeta,
};

const FS: f64 = 2560.0;
const SHAFT_HZ: f64 = 24.75;
/// The commit after which a state is stored: baselines were computed of 200 looks, and six wait.
const STORED: u64 = 207;
/// The first commit at which the machine vibrates more.
const CHANGED: u64 = 240;
const LAST: u64 = 280;

fn settings() -> Settings {
    Settings { watch_every: Duration::from_secs(10), ..Settings::default() }
}

fn machine() -> Machine {
    let mut m = Machine::bare("s/fan".parse().unwrap());
    m.class = MachineClass::Fan;
    m.severity = Severity { rated_kw: Some(450.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    m.nominal_rpm = Some(60.0 * SHAFT_HZ);
    let orders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
    m.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: None, geometry: Geometry::Orders(orders) });
    for (name, unit) in [("temp", "°C"), ("vib", "m/s²")] {
        let mut p = Point::bare(name);
        p.unit = Unit::parse(unit);
        p.quantity = p.unit.map(Unit::quantity);
        m.points.insert(name.into(), p);
    }
    m.points.get_mut("temp").unwrap().limits.h = Some(80.0);
    let vib = m.points.get_mut("vib").unwrap();
    vib.kind = PointKind::Waveform;
    vib.location.bearing = Some("DE".parse().unwrap());
    m
}

/// Commit `seq` of a journal that is always the same: a machine, then one record after the other, ten seconds apart; a
/// thermometer that is too hot half of the time.
fn commit(seq: u64) -> Committed {
    let t = Timestamp::from_secs(1_700_000_000 + 10 * seq as i64);
    let mut batch = Batch::default();
    if seq == 1 {
        batch.changes.push(AssetChange::Machine(machine()));
    } else {
        batch.waveforms.push(Arc::new(record(seq, t)));
        let value = Value::Float(if seq % 40 < 20 { 60.0 } else { 85.0 });
        let point = "s/fan/temp".parse().unwrap();
        batch.observations.push(Observation { point, t, t_received: t, value, quality: Quality::Good, seq: None });
    }
    Committed { seq, t, batch: Arc::new(batch) }
}

fn record(seq: u64, t: Timestamp) -> Waveform {
    let mut noise = Noise::new(seq);
    let more = if seq < CHANGED { 1.0 } else { 1.6 };
    let mut x = sine(8192, FS, SHAFT_HZ, more * (0.5 + 0.02 * noise.normal()), 0.02);
    let hiss = more * (0.03 * noise.normal()).exp();
    x.iter_mut().for_each(|v| *v += hiss * noise.normal());
    let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
    let rpm = 60.0 * SHAFT_HZ;
    let speed = Some(Speed { mean_rpm: rpm, range_rpm: Some((0.999 * rpm, 1.001 * rpm)) });
    let meta = WaveformMeta { speed, load: Some(80.0), ..WaveformMeta::default() };
    let unit = Unit::parse("m/s²").unwrap();
    Waveform::new(WaveformId(u128::from(seq)), "s/fan/vib".parse().unwrap(), t, t, FS, unit, samples, meta).unwrap()
}

/// What is found of a commit, one a line: commit, what, which, value.
fn told(seq: u64, findings: &[Finding], out: &mut String) {
    for f in findings {
        match f {
            // The others are those of the record alone.
            Finding::Indicator(i) if i.name.as_str() != "deviation" => {}
            Finding::Indicator(i) => writeln!(out, "{seq},indicator,{},{:e}", i.name, i.value).unwrap(),
            Finding::Alarm(a) => {
                writeln!(out, "{seq},alarm,{} {},", a.key.condition.code(), a.trigger.as_str()).unwrap()
            }
            Finding::Diagnosis(_) => {}
            Finding::Assessment(a) => {
                let named: Vec<&str> = a.named().map(|v| v.fault.code()).collect();
                let score = a.health.score.unwrap_or(-1.0);
                writeln!(out, "{seq},assessment,{},{score:e}", named.join(" ")).unwrap();
            }
        }
    }
}

/// The fold after commit `STORED`.
fn begun() -> Fold {
    let mut fold = Fold::new(settings());
    for seq in 1..=STORED {
        fold.step(&commit(seq));
    }
    fold
}

/// What follows after it.
fn rest(fold: &mut Fold) -> String {
    let mut out = String::new();
    for seq in STORED + 1..=LAST {
        told(seq, &fold.step(&commit(seq)), &mut out);
    }
    out
}

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/states")
}

/// Holds that the same was told, numbers to `within` of themselves.
fn same(got: &str, want: &str, within: f64) {
    assert_eq!(got.lines().count(), want.lines().count());
    for (got, want) in got.lines().zip(want.lines()) {
        let ((a, x), (b, y)) = (got.rsplit_once(',').unwrap(), want.rsplit_once(',').unwrap());
        assert_eq!(a, b);
        let number = |v: &str| if v.is_empty() { 0.0 } else { v.parse::<f64>().unwrap() };
        let (x, y) = (number(x), number(y));
        assert!((x - y).abs() <= within * y.abs().max(1e-3), "{got}, not {want}");
    }
}

fn stored(name: &str) -> (Vec<u8>, String) {
    let path = dir().join(name);
    (std::fs::read(&path).unwrap(), std::fs::read_to_string(path.with_extension("csv")).unwrap())
}

/// Transforms round differently on another processor.
const ROUNDING: f64 = 1e-6;

#[test]
fn what_version_1_stored_is_read_and_goes_on_to_what_it_went_on_to() {
    let (bytes, want) = stored("1.cbor");
    let mut fold = Fold::restore(settings(), &bytes).unwrap();
    assert_eq!(fold.seq(), STORED);
    // Stored in the present form and read again, it is the same.
    let mut again = Fold::restore(settings(), &fold.snapshot()).unwrap();
    assert!(want.contains("change raised") && want.lines().filter(|l| l.contains("deviation")).count() > 40);
    let got = rest(&mut fold);
    same(&got, &want, ROUNDING);
    assert_eq!(rest(&mut again), got);
    assert_eq!(again.snapshot(), fold.snapshot());
    // A fold from the beginning comes to the same.
    same(&rest(&mut begun()), &want, ROUNDING);
}

#[test]
fn a_state_of_version_1_that_is_cut_off_or_continued_is_refused() {
    let (bytes, _) = stored("1.cbor");
    for n in (0..bytes.len()).step_by(7) {
        assert!(matches!(Fold::restore(settings(), &bytes[..n]), Err(RestoreError::Shape(_))), "{n} bytes");
    }
    assert!(matches!(Fold::restore(settings(), &[&bytes[..], b"\0"].concat()), Err(RestoreError::Shape(_))));
}

/// Writes what the present version stores, for the versions to come.
#[test]
#[ignore = "writes files"]
fn write() {
    let mut fold = begun();
    let name = std::env::var("STATE").unwrap();
    std::fs::write(dir().join(&name), fold.snapshot()).unwrap();
    std::fs::write(dir().join(name).with_extension("csv"), rest(&mut fold)).unwrap();
}
