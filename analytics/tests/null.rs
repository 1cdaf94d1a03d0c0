//! False alarms on sound machines: the model of the envelope statistic's null distribution against simulation, and the
//! whole fold on healthy records.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "measured rates, for a person who looks")]

use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::rotating::testing::{Noise, sine};
use analytics::rotating::{Analyser, Context, Plans, Stated};
use historian::{Batch, Committed};
use plant::{
    AssetChange, Bearing, BearingOrders, Finding, Foundation, Geometry, Machine, MachineClass, Point, PointKind,
    Samples, Severity, Speed, Timestamp, Unit, Waveform, WaveformId, WaveformMeta,
};

const ORDERS: BearingOrders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };

/// Of `windows` records of noise with the shaft's tones in it, how many were significant at each `alpha`.
fn significant(windows: u64, n: usize, fs: f64, shaft_hz: f64, alphas: &[f64]) -> Vec<u64> {
    let mut analyser = Analyser::new(Plans::default());
    let tone = sine(n, fs, shaft_hz, 0.5, 0.0);
    let speed = Ok(Speed { mean_rpm: 60.0 * shaft_hz, range_rpm: None });
    let mut counts = vec![0; alphas.len()];
    let mut noise = Noise::new(20_240_101);
    for _ in 0..windows {
        let x: Vec<f64> = tone.iter().map(|t| t + noise.normal()).collect();
        let context = Context { speed, nominal_rpm: None, bearings: &[ORDERS.into()], alpha: alphas[0] };
        assert!(analyser.analyse(&x, fs, &Stated::default(), &context).bearing.is_ok());
        let best = analyser.hypotheses()[0];
        // ln p of the best of all hypotheses, corrected for their number.
        let family = best.ln_p + (analyser.hypotheses().len() as f64).ln();
        for (count, alpha) in counts.iter_mut().zip(alphas) {
            *count += u64::from(family < f64::ln(*alpha));
        }
    }
    counts
}

#[test]
fn healthy_noise_is_significant_no_more_often_than_stated() {
    // Short records, of which the shaft's lines mask a large part, so that there is less to find than stated; and ones
    // that resolve many slips, where the share that is found must also be of the size that was asked for.
    for (windows, n, fs, shaft_hz, least) in [(20_000, 4096, 25_600.0, 110.0, 0), (2_000, 32_768, 25_600.0, 25.0, 4)] {
        let alphas = [1e-2, 1e-3];
        let found = significant(windows, n, fs, shaft_hz, &alphas);
        println!("{windows} windows of {n}: {found:?} significant at {alphas:?}");
        for (found, alpha) in found.iter().zip(alphas) {
            let stated = windows as f64 * alpha;
            assert!(*found as f64 <= stated + 4.0 * stated.sqrt(), "{found} of {windows} at {alpha}");
        }
        assert!(found[0] >= least, "{found:?}: the threshold is so high that nothing would ever pass");
    }
}

fn machine() -> Machine {
    let mut m = Machine::bare("s/fan".parse().unwrap());
    m.class = MachineClass::Fan;
    m.severity = Severity { rated_kw: Some(90.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    let geometry = Geometry::Orders(ORDERS);
    m.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: None, geometry });
    let mut p = Point::bare("vib");
    (p.kind, p.unit, p.range) = (PointKind::Waveform, Unit::parse("m/s²"), Some((-50.0, 50.0)));
    m.points.insert("vib".into(), p);
    m
}

#[test]
fn a_healthy_machine_never_alarms() {
    // A hundred hours, one record an hour: no alarm of any kind, and a verdict on every one.
    let (n, fs, shaft_hz) = (51_200, 25_600.0, 24.8);
    let mut fold = Fold::new(Settings { threads: 2, ..Settings::default() });
    let mut noise = Noise::new(99);
    let mut t = Timestamp::from_secs(1_700_000_000);
    let changes = vec![AssetChange::Machine(machine())];
    fold.step(&Committed { seq: 1, t, batch: Arc::new(Batch { changes, ..Batch::default() }) });
    let mut judged = 0;
    for i in 0..100u64 {
        t = t + Duration::from_secs(3600);
        let x: Vec<f32> = sine(n, fs, shaft_hz, 0.2, 0.0).iter().map(|v| (v + noise.normal()) as f32).collect();
        let speed = Some(Speed { mean_rpm: 60.0 * shaft_hz, range_rpm: None });
        let meta = WaveformMeta { speed, bias_v: Some(11.5), ..WaveformMeta::default() };
        let (id, unit) = (WaveformId(u128::from(i)), Unit::parse("m/s²").unwrap());
        let point = "s/fan/vib".parse().unwrap();
        let w = Waveform::new(id, point, t, t, fs, unit, Samples::F32(x.into()), meta).unwrap();
        let batch = Batch { waveforms: vec![Arc::new(w)], ..Batch::default() };
        for f in fold.step(&Committed { seq: i + 2, t, batch: Arc::new(batch) }) {
            match f {
                Finding::Alarm(a) => panic!("{} {}", a.key.condition.code(), a.trigger.as_str()),
                Finding::Diagnosis(d) => {
                    judged += usize::from(matches!(d.bearing, plant::BearingVerdict::Judged { .. }))
                }
                Finding::Assessment(a) => assert_eq!(a.named().count(), 0, "{a:?}"),
                Finding::Indicator(_) => {}
            }
        }
    }
    assert_eq!(judged, 100);
}

#[test]
fn nothing_is_allocated_once_a_length_is_known() {
    let mut analyser = Analyser::new(Plans::default());
    let mut noise = Noise::new(1);
    let speed = Ok(Speed { mean_rpm: 1500.0, range_rpm: None });
    let context = Context { speed, nominal_rpm: None, bearings: &[ORDERS.into()], alpha: 1e-4 };
    let mut held = None;
    for _ in 0..5 {
        let x = noise.normals(25_600);
        analyser.analyse(&x, 25_600.0, &Stated::default(), &context);
        assert_eq!(*held.get_or_insert(analyser.bytes()), analyser.bytes());
    }
    assert!(held.unwrap() < 4 << 20, "{held:?} bytes");
}

/// A slow drift that integrates to a velocity which is not there is caught, and white noise is not taken for one.
#[test]
fn a_ski_slope_is_no_vibration() {
    let mut analyser = Analyser::new(Plans::default());
    let context = Context { speed: Err("speed"), nominal_rpm: None, bearings: &[], alpha: 1e-4 };
    let mut noise = Noise::new(8);
    let mut slow = 0.0;
    let drift: Vec<f64> = (0..102_400)
        .map(|_| {
            slow = 0.9999 * slow + 0.05 * noise.normal();
            slow + 0.1 * noise.normal()
        })
        .collect();
    let said = analyser.analyse(&drift, 25_600.0, &Stated::default(), &context);
    assert_eq!(said.faults.codes(), ["ski_slope".into()]);
    assert_eq!(said.velocity, Err("sensor"));
    for _ in 0..200 {
        let said = analyser.analyse(&noise.normals(51_200), 25_600.0, &Stated::default(), &context);
        assert!(said.faults.is_empty() && said.velocity.is_ok(), "{said:?}");
    }
}
