//! A replay against the live fold on the same values, and what delays may and may not do.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

use std::sync::Arc;
use std::time::Duration;

use analytics::alarm::limit::{self, Side};
use analytics::alarm::replay::{Definition, Edge, Replay, Run};
use analytics::alarm::simulate::Simulation;
use analytics::fold::{Fold, Settings};
use historian::{Batch, Committed, Sample};
use plant::{
    AlarmChange, AlarmCondition, AlarmDefinition, AlarmKey, AssetChange, Finding, Limits, Machine, Observation, Point,
    Quality, Reason, Timestamp, Trigger, Value,
};
use proptest::prelude::*;

const BEGIN: i64 = 1_700_000_000;
const LIMIT: f64 = 80.0;

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(BEGIN + s)
}

fn observation(t: Timestamp, v: f64, quality: Quality) -> Observation {
    let point = "s/fan/temp".parse().unwrap();
    Observation { point, t, t_received: t, value: Value::Float(v), quality, seq: None }
}

/// What the fold says of one point with one limit and these delays, one value a second: raised and cleared, and when.
fn live(condition: &AlarmCondition, (on, off): (u64, u64), values: &[(f64, Quality)]) -> Vec<Edge> {
    let mut machine = Machine::bare("s/fan".parse().unwrap());
    let mut point = Point::bare("temp");
    point.limits = match condition {
        AlarmCondition::High => Limits { h: Some(LIMIT), ..Limits::default() },
        _ => Limits { l: Some(LIMIT), ..Limits::default() },
    };
    point.range = Some((0.0, 200.0));
    machine.points.insert("temp".into(), point);
    let mut fold = Fold::new(Settings::default());
    let commit = |seq: usize, batch| Committed { seq: seq as u64, t: at(seq as i64), batch: Arc::new(batch) };
    let point: plant::PointId = "s/fan/temp".parse().unwrap();
    let key = AlarmKey { machine: point.machine(), point: Some(point), condition: condition.clone() };
    let [on_delay, off_delay] = [on, off].map(Duration::from_secs);
    let defined = AlarmDefinition { on_delay, off_delay, ..AlarmDefinition::usual(key) };
    let alarms = AssetChange::Alarms(vec![AlarmChange::Define(Box::new(defined))]);
    fold.step(&commit(1, Batch { changes: vec![AssetChange::Machine(machine), alarms], ..Batch::default() }));
    let mut edges = Vec::new();
    for (i, (v, quality)) in values.iter().enumerate() {
        let observations = vec![observation(at(i as i64 + 2), *v, *quality)];
        for finding in fold.step(&commit(i + 2, Batch { observations, ..Batch::default() })) {
            let Finding::Alarm(a) = finding else { continue };
            if a.key.condition != *condition {
                continue;
            }
            match a.trigger {
                Trigger::Raised => edges.push(Edge { raised: true, t: a.t }),
                Trigger::Cleared => edges.push(Edge { raised: false, t: a.t }),
                _ => {}
            }
        }
    }
    edges
}

fn definition(side: Side, on: u64, off: u64) -> Definition {
    let deadband = limit::deadband(LIMIT, Some((0.0, 200.0)), Settings::default().deadband);
    let [on_delay, off_delay] = [on, off].map(Duration::from_secs);
    Definition { side, limit: LIMIT, deadband, on_delay, off_delay }
}

fn simulated(d: Definition, values: &[(f64, Quality)]) -> Run {
    let mut simulation = Simulation::new(d, None, Vec::new());
    for (i, (v, quality)) in values.iter().enumerate() {
        simulation.value(&Sample { t: at(i as i64 + 2), value: Value::Float(*v), quality: *quality });
    }
    simulation.finish(at(values.len() as i64 + 1)).proposed.run
}

fn edges(run: &Run) -> Vec<Edge> {
    let each = |f: &analytics::alarm::replay::Firing| {
        let cleared = f.cleared.map(|t| Edge { raised: false, t });
        std::iter::once(Edge { raised: true, t: f.raised }).chain(cleared)
    };
    run.firings.iter().flat_map(each).collect()
}

fn values() -> impl Strategy<Value = Vec<(f64, Quality)>> {
    let quality = prop_oneof![
        8 => Just(Quality::Good),
        1 => Just(Quality::Uncertain(Reason::NoTimestamp)),
        1 => Just(Quality::Bad(Reason::Source)),
    ];
    // About the limit and the edge of its deadband (4), and exactly on them.
    let value = prop_oneof![6 => 70.0..90.0f64, 1 => Just(LIMIT), 1 => Just(76.0), 1 => Just(84.0)];
    prop::collection::vec((value, quality), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_simulation_says_what_the_fold_said(values in values(), on in 0u64..8, off in 0u64..8) {
        for (condition, side) in [(AlarmCondition::High, Side::Above), (AlarmCondition::Low, Side::Below)] {
            for (on, off) in [(0, 0), (on, off)] {
                let said = live(&condition, (on, off), &values);
                prop_assert_eq!(edges(&simulated(definition(side, on, off), &values)), said, "{} s on, {} s off", on, off);
            }
        }
    }

    #[test]
    fn a_delay_never_raises_more_often_and_never_earlier(values in values(), on in 0u64..20, off in 0u64..20) {
        let count = |on, off| simulated(definition(Side::Above, on, off), &values).raised;
        prop_assert!(count(on, 0) <= count(0, 0));
        prop_assert!(count(0, off) <= count(0, 0));
        prop_assert!(count(on, off) <= count(on, 0));
        prop_assert!(count(on + 1, 0) <= count(on, 0));
        prop_assert!(count(0, off + 1) <= count(0, off));
        let first = |on| simulated(definition(Side::Above, on, 0), &values).firings.first().map(|f| f.raised);
        if let (Some(late), Some(early)) = (first(on), first(0)) {
            prop_assert!(late >= early + Duration::from_secs(on));
        }
    }

    #[test]
    fn a_larger_deadband_never_raises_more_often(values in values(), more in 0.0..10.0f64) {
        let small = definition(Side::Above, 0, 0);
        let large = Definition { deadband: small.deadband + more, ..small };
        prop_assert!(simulated(large, &values).raised <= simulated(small, &values).raised);
    }

    #[test]
    fn raised_and_cleared_take_turns_in_order_of_time(values in values(), on in 0u64..9, off in 0u64..9) {
        let mut replay = Replay::new(definition(Side::Below, on, off));
        let looks = values.iter().enumerate().flat_map(|(i, (v, _))| replay.look(at(i as i64), *v));
        let all: Vec<Edge> = looks.flatten().collect();
        prop_assert!(all.iter().enumerate().all(|(i, e)| e.raised == (i % 2 == 0)));
        prop_assert!(all.windows(2).all(|e| e[0].t <= e[1].t));
    }
}
