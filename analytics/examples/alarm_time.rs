//! What the study of an alarm journal, the coach and the simulator cost: `cargo run --release -p analytics --example
//! alarm_time`. Processor time of this thread, one line of JSON.
//!
//! A million steps of 2,000 alarms over 92 days, and 30 days of a series at one value a second that wanders about its limit.
#![allow(clippy::print_stdout, reason = "a measurement, for a person")]

use std::time::Duration;

use analytics::alarm::coach::Coach;
use analytics::alarm::limit::Side;
use analytics::alarm::performance::{Period, Study};
use analytics::alarm::replay::Definition;
use analytics::alarm::simulate::Simulation;
use analytics::rotating::testing::Noise;
use historian::Sample;
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, Evidence, PointId, Priority, Quality, Timestamp, Trigger,
    Value,
};

const STEPS: usize = 1_000_000;
const ALARMS: usize = 2_000;
const VALUES: usize = 30 * 86_400;
const BEGIN: i64 = 1_700_000_000;

type Failed = Box<dyn std::error::Error>;

/// Processor time of this thread, ms; the kernel brings it up to date every few milliseconds.
fn cpu_ms() -> Result<f64, Failed> {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(said.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e6)
}

fn steps() -> Result<Vec<AlarmTransition>, Failed> {
    let keys: Vec<AlarmKey> = (0..ALARMS)
        .map(|n| {
            let point: PointId = format!("load/machine-{:03}/point-{:02}", n / 20, n % 20).parse()?;
            Ok(AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High })
        })
        .collect::<Result<_, Failed>>()?;
    let mut states = vec![AlarmState::Normal; ALARMS];
    let each = Duration::from_secs(92 * 86_400).as_nanos() as i64 / STEPS as i64;
    Ok((0..STEPS)
        .map(|i| {
            // Some alarms move far more often than others.
            let n = (i * 7_919 % 1_000_003).pow(2) % ALARMS * (i % 97) / 97;
            let from = states[n];
            let (to, trigger) = match from {
                AlarmState::Normal | AlarmState::ReturnedUnacknowledged => {
                    (AlarmState::Unacknowledged, Trigger::Raised)
                }
                AlarmState::Unacknowledged => {
                    (AlarmState::Acknowledged, Trigger::Acknowledged { by: "somebody".into() })
                }
                AlarmState::Acknowledged | AlarmState::Latched => (AlarmState::Normal, Trigger::Cleared),
            };
            states[n] = to;
            AlarmTransition {
                key: keys[n].clone(),
                t: Timestamp::from_nanos(BEGIN * 1_000_000_000 + i as i64 * each),
                from,
                to,
                trigger,
                priority: if n.is_multiple_of(5) { Priority::High } else { Priority::Low },
                value: None,
                limit: None,
                unit: None,
                evidence: Evidence::default(),
                inhibited: None,
                first_out: false,
            }
        })
        .collect())
}

fn values() -> Vec<Sample> {
    let mut noise = Noise::new(7);
    let hiss = noise.normals(1 << 20);
    let value = |i: usize| 78.0 + 3.0 * (i as f64 / 4_000.0).sin() + hiss[i % hiss.len()];
    let sample = |i: usize| Sample {
        t: Timestamp::from_secs(BEGIN + i as i64),
        value: Value::Float(value(i)),
        quality: Quality::Good,
    };
    (0..VALUES).map(sample).collect()
}

fn main() -> Result<(), Failed> {
    let steps = steps()?;
    let period = Period::new(Timestamp::from_secs(BEGIN), Timestamp::from_secs(BEGIN + 92 * 86_400));
    let begun = cpu_ms()?;
    let mut study = Study::new(period.ok_or("no period")?);
    steps.iter().for_each(|s| study.step(s));
    let performance = study.finish();
    let study_ms = cpu_ms()? - begun;
    drop(steps);

    let values = values();
    let end = Timestamp::from_secs(BEGIN + VALUES as i64);
    let delay = Duration::from_secs(10);
    let current = Definition {
        side: Side::Above,
        limit: 80.0,
        deadband: 0.2,
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
    };
    let begun = cpu_ms()?;
    let mut simulation = Simulation::new(Definition { on_delay: delay, ..current }, Some(current), Vec::new());
    values.iter().for_each(|s| simulation.value(s));
    let simulated = simulation.finish(end);
    let simulate_ms = cpu_ms()? - begun;
    let begun = cpu_ms()?;
    let mut coach = Coach::new(current, 200.0);
    values.iter().filter_map(|s| Some((s.t, s.value.as_f64()?))).for_each(|(t, v)| coach.look(t, v));
    let advice = coach.finish(end);
    let coach_ms = cpu_ms()? - begun;
    println!(
        "{{\"steps\": {STEPS}, \"annunciations\": {}, \"study_ms\": {study_ms:.0}, \"values\": {VALUES}, \
         \"simulate_ms\": {simulate_ms:.0}, \"raised\": {}, \"coach_ms\": {coach_ms:.0}, \"verdict\": \"{}\"}}",
        performance.annunciations,
        simulated.proposed.run.raised,
        advice.verdict.as_str(),
    );
    Ok(())
}
