use std::sync::Arc;

use historian::{Batch, Config, Historian};
use plant::{
    AlarmChange, AlarmState, AlarmTransition, AssetChange, Evidence, Finding, Limits, Machine, ManualClock,
    Observation, Priority, Quality, Unit, Value,
};

use super::*;

const BEGIN: i64 = 1_700_000_400;
const DAY: i64 = 86_400;

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(BEGIN + s)
}

/// A store, and its time.
struct Store {
    historian: Historian,
    clock: Arc<ManualClock>,
    alarms: Alarms,
    _dir: tempfile::TempDir,
}

impl Store {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let historian = Historian::open(Config::new(dir.path()), clock.clone()).unwrap();
        let mut machine = Machine::bare("s/fan".parse().unwrap());
        for name in ["temp", "vib"] {
            let mut point = Point::bare(name);
            point.limits = Limits { h: Some(80.0), ..Limits::default() };
            point.range = Some((0.0, 200.0));
            point.unit = Unit::parse("°C");
            machine.points.insert(name.into(), point);
        }
        machine.points.get_mut("vib").unwrap().kind = PointKind::Waveform;
        let alarms = Alarms { archive: historian.archive(), register: historian.register() };
        let store = Self { historian, clock, alarms, _dir: dir };
        store.put(Batch { changes: vec![AssetChange::Machine(machine)], ..Batch::default() }).await;
        store
    }

    async fn put(&self, batch: Batch) {
        self.historian.recorder().commit(batch).await.unwrap();
    }

    /// Steps of alarms, each at its time.
    async fn steps(&self, steps: &[(&str, i64, AlarmState, AlarmState, Trigger)]) {
        for (point, s, from, to, trigger) in steps {
            self.clock.set(at(*s));
            let step = AlarmTransition {
                key: key(point),
                t: at(*s),
                from: *from,
                to: *to,
                trigger: trigger.clone(),
                priority: Priority::High,
                value: None,
                limit: None,
                unit: None,
                evidence: Evidence::default(),
                inhibited: None,
                first_out: false,
            };
            self.put(Batch { findings: vec![Finding::Alarm(step)], ..Batch::default() }).await;
        }
    }

    /// Values of `temp`, a second apart.
    async fn values(&self, from: i64, values: &[f64]) {
        let point: PointId = "s/fan/temp".parse().unwrap();
        let one = |(i, v): (usize, &f64)| {
            let t = at(from + i as i64);
            Observation {
                point: point.clone(),
                t,
                t_received: t,
                value: Value::Float(*v),
                quality: Quality::Good,
                seq: None,
            }
        };
        let observations = values.iter().enumerate().map(one).collect();
        self.clock.set(at(from + values.len() as i64));
        self.put(Batch { observations, ..Batch::default() }).await;
    }
}

fn key(point: &str) -> AlarmKey {
    let point: PointId = format!("s/fan/{point}").parse().unwrap();
    AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High }
}

fn trigger_ack() -> Trigger {
    Trigger::Acknowledged { by: "lin".into() }
}

#[tokio::test]
async fn the_journal_of_a_period_is_read_with_what_stood_before_it() {
    use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
    let store = Store::open().await;
    let (raised, cleared) = (Trigger::Raised, Trigger::Cleared);
    store
        .steps(&[
            // Stands all the time, and says nothing within the period.
            ("old", 0, Normal, Unacknowledged, raised.clone()),
            // Raised long before, cleared within the period.
            ("vib", DAY, Normal, Unacknowledged, raised.clone()),
            ("vib", 2 * DAY, Unacknowledged, Acknowledged, trigger_ack()),
            // Stands all the time, and clears long after the period.
            ("late", 3 * DAY, Normal, Unacknowledged, raised.clone()),
            ("temp", 20 * DAY + 60, Normal, Unacknowledged, raised.clone()),
            ("temp", 20 * DAY + 90, Unacknowledged, Acknowledged, trigger_ack()),
            ("temp", 20 * DAY + 600, Acknowledged, Normal, cleared.clone()),
            ("vib", 20 * DAY + 700, Acknowledged, Normal, cleared.clone()),
            // After the period.
            ("temp", 21 * DAY, Normal, Unacknowledged, raised.clone()),
            ("late", 40 * DAY, Unacknowledged, ReturnedUnacknowledged, cleared.clone()),
        ])
        .await;
    let found = store.alarms.performance(at(20 * DAY), at(21 * DAY), 2).unwrap();
    assert_eq!((found.annunciations, found.alarms, found.operators), (1, 1, 2));
    assert_eq!((found.acknowledgement.acknowledged, found.acknowledgement.median_s), (1, Some(30.0)));
    let stale: Vec<_> = found.stale.iter().map(|s| (s.alarm.point.as_deref().unwrap(), s.since, s.until)).collect();
    let want = [
        ("old", at(0).into(), None),
        ("late", at(3 * DAY).into(), None),
        ("vib", at(DAY).into(), Some(at(20 * DAY + 700).into())),
    ];
    assert_eq!(stale, want);
    let top: Vec<_> = found.top.iter().map(|a| (a.alarm.id.clone(), a.share, a.coached)).collect();
    assert_eq!(top, [(key("temp").id().to_string(), 1.0, true)]);
    assert_eq!(found.kpis[0].value, Some(0.5));
    assert!(matches!(store.alarms.performance(at(0), at(100 * DAY), 1), Err(Unstudied::TooCostly { .. })));
}

#[tokio::test]
async fn the_coach_plays_what_is_kept_and_says_where_there_is_nothing_to_play() {
    use AlarmState::{Normal, Unacknowledged};
    let store = Store::open().await;
    let raise = |point| (point, 0, Normal, Unacknowledged, Trigger::Raised);
    store.steps(&[raise("temp"), raise("vib"), raise("gone")]).await;
    let coach = |point: &str| store.alarms.coach(key(point).id(), at(0), at(10_000)).unwrap();
    assert_eq!(coach("temp").refused.as_deref(), Some("no_values"));
    assert_eq!(coach("vib").refused.as_deref(), Some("not_a_limit"));
    assert_eq!(coach("gone").refused.as_deref(), Some("not_a_limit"));
    assert!(matches!(store.alarms.coach(AlarmId(1), at(0), at(10)), Err(Unstudied::NoAlarm)));
    // Half of a deadband (4 of 200) below the limit and above it in turns would not chatter; twice as far does.
    let chatter: Vec<f64> = (0..300).map(|i| if i / 2 % 2 == 0 { 81.0 } else { 75.0 }).collect();
    store.values(1_000, &chatter).await;
    let found = coach("temp");
    let advice = found.advice.unwrap();
    assert_eq!((&*advice.verdict, advice.raised, advice.excursions, advice.values), ("solved", 75, 1, 300));
    assert_eq!((advice.current.deadband, found.unit.as_deref()), (4.0, Some("°C")));
    let best = &advice.alternatives[advice.best.unwrap()];
    // So does waiting, and an alarm that waits is over when the values are, while one within its deadband would stand.
    assert_eq!((&*best.means, best.definition.off_delay_s, best.raised), ("off_delay", 2.0, 1));
    let deadband = advice.alternatives.iter().find(|a| &*a.means == "deadband").unwrap();
    assert_eq!((deadband.solves, deadband.definition.deadband, deadband.raised), (true, 6.0, 1));
    assert!(best.standing_s < deadband.standing_s);
}

#[tokio::test]
async fn a_simulation_reads_chunk_by_chunk_and_stands_beside_the_present_definition() {
    let store = Store::open().await;
    // More than one chunk of values.
    let n = CHUNK + 20_000;
    let values: Vec<f64> = (0..n).map(|i| if i % 10_000 < 100 { 95.0 } else { 70.0 }).collect();
    for (i, part) in values.chunks(10_000).enumerate() {
        store.values(10_000 * i as i64, part).await;
    }
    let what = Proposal {
        point: "s/fan/temp".parse().unwrap(),
        condition: AlarmCondition::High,
        limit: 90.0,
        deadband: None,
        on_delay_s: 120.0,
        off_delay_s: 0.0,
    };
    let simulate = |what: &Proposal| store.alarms.simulate(what, at(0), at(n as i64));
    let found = simulate(&what).unwrap();
    assert_eq!((found.values, found.minutes, found.values_from, found.passed_over), (n as u64, 0, None, 0));
    let current = found.current.unwrap();
    // It lasts for 100 s each time.
    assert_eq!((found.proposed.raised, current.raised, current.standing_s), (0, 7, 700.0));
    assert_eq!((found.proposed.definition.deadband, current.firings.len()), (4.0, 7));
    // What somebody has defined stands in the place of the point's own limit.
    let key =
        AlarmKey { machine: what.point.machine(), point: Some(what.point.clone()), condition: AlarmCondition::High };
    let defined = AlarmDefinition {
        test: AlarmTest::Limit(85.0),
        on_delay: Duration::from_secs(60),
        ..AlarmDefinition::usual(key.clone())
    };
    let change = |c| Batch { changes: vec![AssetChange::Alarms(vec![c])], ..Batch::default() };
    store.put(change(AlarmChange::Define(Box::new(defined)))).await;
    let current = simulate(&what).unwrap().current.unwrap();
    assert_eq!((current.definition.limit, current.raised, current.standing_s), (85.0, 7, 280.0));
    store.put(change(AlarmChange::Forget(key))).await;
    let low = Proposal { condition: AlarmCondition::Low, on_delay_s: 0.0, ..what.clone() };
    assert_eq!(simulate(&low).unwrap().current, None, "that limit is not set");
    for point in ["s/fan/vib", "s/fan/none", "s/other/temp"] {
        let what = Proposal { point: point.parse().unwrap(), ..what.clone() };
        assert!(matches!(simulate(&what), Err(Unstudied::NoPoint)), "{point}");
    }
}
