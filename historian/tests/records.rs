//! What is filed beside the series: waveforms, events, diagnoses, quarantine, ledger, plant, alarms.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use historian::{Archive, Batch, Config, Historian, LedgerDelta, Quarantined, Register, Retained};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, AssetChange, BearingVerdict, Diagnosis, Event, Evidence,
    Finding, IndicatorValue, Machine, MachineClass, Name, Point, Priority, Quality, Samples, SensorState, SeriesKey,
    Speed, Timestamp, Trigger, Unit, Value, Waveform, WaveformId, WaveformMeta, ZoneVerdict,
};
use support::{Embedded, End, START, Store, point, restless};

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

fn name(s: &str) -> Name {
    Name::new(s).unwrap()
}

fn archive(store: &Embedded) -> Archive {
    store.historian().archive()
}

fn register(store: &Embedded) -> Register {
    store.historian().register()
}

/// Looks now, after a kill, and after a proper end.
fn always(store: &mut Embedded, look: impl Fn(&Embedded)) {
    look(store);
    for how in [End::Killed, End::Closed] {
        store.restart(how);
        look(store);
    }
}

fn waveform(id: u128, t: i64, samples: Samples) -> Arc<Waveform> {
    let meta = WaveformMeta {
        speed: Some(Speed { mean_rpm: 1_486.0, range_rpm: Some((1_480.0, 1_490.0)) }),
        range: Some(500.0),
        bias_v: Some(11.5),
        clip_count: Some(3),
        sync: Some("adc-1/42".into()),
        pulses: Some(1.0),
        gaps: 1,
        state: Some("running".into()),
        seq: Some(u64::MAX),
        ..WaveformMeta::default()
    };
    let unit = Unit::parse("m/s²").unwrap();
    Arc::new(Waveform::new(WaveformId(id), point("s/m/vib"), at(t), START, 25_600.0, unit, samples, meta).unwrap())
}

#[test]
fn waveforms_come_back_whole_and_are_listed_newest_first() {
    let mut store = Embedded::new(|dir| Config { tail_commits: 0, ..Config::new(dir) });
    let counts =
        |n: i16| Samples::I16 { raw: (0..4_096).map(|i: i16| i.wrapping_mul(n)).collect(), scale: 0.01, offset: -1.0 };
    let values = Samples::F32([0.5f32, -0.0, f32::MAX].into());
    let all = [waveform(1, 10, counts(7)), waveform(2, 30, values), waveform(3, 20, counts(i16::MIN))];
    store.put(Batch { waveforms: all.to_vec(), ..Batch::default() }).unwrap();
    // The same id is the same record.
    store.put(Batch { waveforms: vec![waveform(1, 99, counts(1))], ..Batch::default() }).unwrap();
    always(&mut store, |s| {
        let a = archive(s);
        for w in &all {
            assert_eq!(a.waveform(w.id).unwrap().as_ref(), Some(w));
            assert!(a.has_waveform(w.id));
        }
        assert!(!a.has_waveform(WaveformId(4)));
        assert_eq!(a.waveform(WaveformId(4)).unwrap(), None);
        let list = |from, to, limit| {
            let found = a.waveforms(&point("s/m/vib"), at(from), at(to), limit).unwrap();
            found.iter().map(|w| w.id.0).collect::<Vec<_>>()
        };
        assert_eq!(list(0, 100, 9), [2, 3, 1]);
        assert_eq!(list(10, 30, 9), [3, 1]);
        assert_eq!(list(0, 100, 1), [2]);
        let info = a.waveforms(&point("s/m/vib"), at(10), at(11), 1).unwrap().remove(0);
        assert_eq!((info.n, info.fs, info.unit.symbol(), info.rpm), (4_096, 25_600.0, "m/s²", Some(1_486.0)));
        let mut tail = s.historian().tail(0);
        let first = s.runtime.block_on(tail.next());
        assert_eq!(first.unwrap().batch.waveforms, all, "the log carries them too");
    });
}

#[test]
fn events_are_found_by_machine_and_by_time() {
    let mut store = Embedded::new(restless);
    let event = |machine: &str, t, stop: &str| Event {
        machine: machine.parse().unwrap(),
        t: at(t),
        t_received: START,
        kind: name("stop"),
        fields: BTreeMap::from([("reason".into(), Value::Text(stop.into())), ("n".into(), Value::Int(t))]),
    };
    let all = [event("s/a", 1, "weft"), event("s/b", 3, "warp"), event("s/a", 2, "other")];
    store.put(Batch { events: all.to_vec(), ..Batch::default() }).unwrap();
    always(&mut store, |s| {
        let find = |machine: Option<&str>, from, to, limit| {
            let machine = machine.map(|m| m.parse().unwrap());
            archive(s).events(machine.as_ref(), at(from), at(to), limit).unwrap()
        };
        let [a1, b3, a2] = all.clone();
        assert_eq!(find(None, 0, 9, 9), [b3.clone(), a2.clone(), a1.clone()]);
        assert_eq!(find(Some("s/a"), 0, 9, 9), [a2.clone(), a1]);
        assert_eq!(find(Some("s/a"), 2, 3, 9), [a2]);
        assert_eq!(find(None, 0, 9, 1), [b3]);
        assert_eq!(find(Some("s/c"), 0, 9, 9), []);
    });
}

#[test]
fn findings_become_series_and_diagnoses() {
    let mut store = Embedded::new(restless);
    let p = point("s/m/vib");
    let diagnosis = |t| Diagnosis {
        waveform: WaveformId(1),
        point: p.clone(),
        t: at(t),
        sensor: SensorState::Healthy,
        zone: ZoneVerdict::Refused(vec!["power".into()]),
        bearing: BearingVerdict::Refused(vec!["geometry".into()]),
    };
    for t in 1..=20 {
        let rms = IndicatorValue {
            point: p.clone(),
            name: name("velocity_rms"),
            t: at(t),
            value: t as f64 / 4.0,
            quality: Quality::Good,
            unit: Unit::parse("mm/s"),
        };
        let findings = vec![Finding::Indicator(rms), Finding::Diagnosis(diagnosis(t))];
        store.put(Batch { findings, ..Batch::default() }).unwrap();
    }
    let key = SeriesKey::indicator(p.clone(), name("velocity_rms"));
    always(&mut store, |s| {
        assert_eq!(archive(s).series(), std::slice::from_ref(&key));
        assert_eq!(archive(s).last(&key).unwrap().value, Value::Float(5.0));
        assert_eq!(s.range(&key, 0, i64::MAX, 99).len(), 20);
        assert_eq!(archive(s).last(&SeriesKey::raw(p.clone())), None, "its own values are another series");
        assert_eq!(archive(s).diagnoses(&p, 2).unwrap(), [diagnosis(20), diagnosis(19)]);
        assert_eq!(archive(s).diagnoses(&point("s/m/x"), 2).unwrap(), []);
    });
}

#[test]
fn the_quarantine_is_bounded_and_its_counts_are_not() {
    let mut store = Embedded::new(|dir| Config { quarantine_entries: 5, ..restless(dir) });
    let entry = |n: i64, code: &str| Quarantined {
        t: at(n),
        source: "client".into(),
        topic: "a/b".into(),
        size: 9_999,
        head: [1, 2, 3].into(),
        rest: [].into(),
        code: code.into(),
        reason: "expected an object, found a list: send an object".into(),
    };
    for n in 0..9 {
        let code = if n % 3 == 0 { "unit_unknown" } else { "json_syntax" };
        store.put(Batch { quarantine: vec![entry(n, code)], ..Batch::default() }).unwrap();
    }
    always(&mut store, |s| {
        let ids = |code| archive(s).quarantine(code, 99).unwrap().iter().map(|q| q.id).collect::<Vec<_>>();
        assert_eq!(ids(None), [9, 8, 7, 6, 5]);
        assert_eq!(ids(Some("unit_unknown")), [7]);
        assert_eq!(archive(s).quarantine(None, 1).unwrap()[0].entry, entry(8, "json_syntax"));
        let groups = archive(s).quarantine_groups().unwrap();
        let brief: Vec<_> = groups.iter().map(|g| (&*g.code, g.count, g.last)).collect();
        assert_eq!(brief, [("json_syntax", 6, at(8)), ("unit_unknown", 3, at(6))]);
        assert_eq!(groups[1].example, entry(6, "unit_unknown"));
    });
}

#[test]
fn the_ledger_adds_up_across_restarts_and_cuts_of_the_log() {
    let mut store = Embedded::new(restless);
    let line = |source: &str, committed, refused| LedgerDelta {
        source: source.into(),
        received: committed + refused,
        committed,
        refused,
        ..LedgerDelta::default()
    };
    for n in 0..30 {
        store.put(Batch { ledger: vec![line("a", 2, 0), line("b", 1, 1)], ..Batch::default() }).unwrap();
        if n % 11 == 5 {
            store.restart(End::Killed);
        }
    }
    assert!(store.historian().oldest() > 1, "the log was cut");
    always(&mut store, |s| {
        assert_eq!(archive(s).ledger_by_source().unwrap(), [line("a", 60, 0), line("b", 30, 30)]);
        assert_eq!(archive(s).ledger_total().unwrap(), line("", 90, 30));
    });
}

#[test]
fn the_plant_is_known_before_the_tails_hear_of_the_change() {
    let mut store = Embedded::new(restless);
    let mut fan = Machine::bare("s/fan".parse().unwrap());
    fan.class = MachineClass::Fan;
    let change = AssetChange::Machine(fan.clone());
    let mut tail = store.historian().tail(0);
    let register_before = register(&store);
    store.runtime.block_on(async {
        let recorder = store.historian().recorder();
        let committing = recorder.submit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
        tail.next().await.unwrap();
        assert_eq!(register_before.plant().machine("s/fan").unwrap().class, MachineClass::Fan);
        committing.await.unwrap();
    });
    store
        .put(Batch { changes: vec![AssetChange::Point(fan.id.clone(), Point::bare("t"))], ..Batch::default() })
        .unwrap();
    always(&mut store, |s| {
        let plant = register(s).plant();
        assert_eq!(plant.revision, 2);
        let (machine, p) = plant.point(&point("s/fan/t")).unwrap();
        assert_eq!((machine.class, &*p.name), (MachineClass::Fan, "t"));
    });
}

#[test]
fn alarms_are_folded_once_and_their_journal_pages() {
    let mut store = Embedded::new(restless);
    let step = |p: &str, from, to, trigger, t| {
        let point = point(p);
        Finding::Alarm(AlarmTransition {
            key: AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High },
            t: at(t),
            from,
            to,
            trigger,
            priority: Priority::High,
            value: Some(t as f64),
            limit: Some(1.0),
            unit: None,
            evidence: Evidence::default(),
            inhibited: None,
            first_out: false,
        })
    };
    use AlarmState::*;
    for t in [1, 3, 5] {
        let findings = vec![
            step("s/m/a", Normal, Unacknowledged, Trigger::Raised, t),
            step("s/m/a", Unacknowledged, Normal, Trigger::Cleared, t + 1),
            step("s/m/b", Normal, Unacknowledged, Trigger::Raised, t),
        ];
        store.put(Batch { findings, ..Batch::default() }).unwrap();
        store.heartbeat();
    }
    let key =
        |p: &str| AlarmKey { machine: "s/m".parse().unwrap(), point: Some(point(p)), condition: AlarmCondition::High };
    always(&mut store, |s| {
        let r = register(s);
        let a = r.alarm(key("s/m/a").id()).unwrap().unwrap();
        assert_eq!((a.state, a.occurrences, a.raised, a.changed), (Normal, 3, at(5), at(6)));
        assert_eq!(r.alarms().unwrap().len(), 2);
        assert_eq!(r.alarm(key("s/m/c").id()).unwrap(), None);
        let page = |id, before, limit| {
            let found = r.alarm_journal(id, before, limit).unwrap();
            found.iter().map(|j| (j.seq, j.n)).collect::<Vec<_>>()
        };
        assert_eq!(page(None, None, 4), [(5, 2), (5, 1), (5, 0), (3, 2)]);
        assert_eq!(page(None, Some((3, 2)), 2), [(3, 1), (3, 0)]);
        assert_eq!(page(Some(key("s/m/b").id()), None, 9), [(5, 2), (3, 2), (1, 2)]);
        assert_eq!(page(Some(key("s/m/b").id()), Some((3, 2)), 9), [(1, 2)]);
        let after = |at, limit| {
            let found = r.alarm_journal_after(at, limit).unwrap();
            found.iter().map(|j| (j.seq, j.n)).collect::<Vec<_>>()
        };
        assert_eq!(after((0, 0), 2), [(1, 0), (1, 1)]);
        assert_eq!(after((1, 1), 3), [(1, 2), (3, 0), (3, 1)]);
        assert_eq!(after((3, u32::MAX), 9), [(5, 0), (5, 1), (5, 2)]);
        assert_eq!(after((Historian::UNBOUND, 0), 9), []);
    });
}

#[test]
fn the_place_of_a_time_in_the_alarm_journal_is_found_by_halving_and_history_does_not_mislead() {
    let mut store = Embedded::new(restless);
    let p = point("s/m/a");
    let key = AlarmKey { machine: p.machine(), point: Some(p), condition: AlarmCondition::High };
    let step = |trigger, t| {
        let (from, to) = (AlarmState::Normal, AlarmState::Unacknowledged);
        let (value, limit, unit, evidence) = (None, None, None, Evidence::default());
        let (key, priority) = (key.clone(), Priority::High);
        Finding::Alarm(AlarmTransition {
            key,
            t: at(t),
            from,
            to,
            trigger,
            priority,
            value,
            limit,
            unit,
            evidence,
            inhibited: None,
            first_out: false,
        })
    };
    let empty = register(&store).alarm_journal_before(at(0)).unwrap();
    assert_eq!(register(&store).alarm_journal_after(empty, 9).unwrap(), []);
    for t in 0..200 {
        let mut findings = vec![step(Trigger::Raised, 10 * t)];
        if t % 3 == 0 {
            findings.insert(0, step(Trigger::Historical, -1_000_000));
        }
        if t == 150 {
            // A clock that runs ahead.
            findings.insert(0, step(Trigger::Raised, 90_000));
        }
        store.put(Batch { findings, ..Batch::default() }).unwrap();
    }
    always(&mut store, |s| {
        let r = register(s);
        for t in [-5, 0, 1, 10, 15, 500, 1_499, 1_505, 1_990, 5_000] {
            let place = r.alarm_journal_before(at(t)).unwrap();
            let raised = |e: &historian::JournalEntry| matches!(e.transition.trigger, Trigger::Raised);
            let rest = r.alarm_journal_after(place, 1_000).unwrap();
            let found = rest.iter().filter(|e| raised(e) && e.transition.t >= at(t)).count();
            let want = (0..200).filter(|i| 10 * i >= t).count() + 1;
            // All that is later is behind it; where no clock runs ahead, nothing that is earlier is.
            let ahead = usize::from(t > 1_500);
            assert!(found == want || found == want - ahead, "{t}: {found}, not {want}");
            let early = rest.iter().filter(|e| raised(e) && e.transition.t < at(t)).count();
            assert!(t > 1_500 || early == 0, "{t}: {early} too many");
        }
    });
}

#[test]
fn the_last_word_on_a_topic_is_retained_until_it_expires_or_is_taken_away() {
    let mut store = Embedded::new(restless);
    let says = |topic: &str, payload: &str, expires: Option<i64>| Retained {
        topic: topic.into(),
        payload: payload.as_bytes().into(),
        qos: 1,
        properties: [1, 2][..].into(),
        expires: expires.map(|s| START + std::time::Duration::from_secs(s as u64)),
    };
    let put = |store: &Embedded, retained: &[Retained]| {
        store.put(Batch { retained: retained.to_vec(), ..Batch::default() }).unwrap();
    };
    put(&store, &[says("a", "1", None), says("b", "1", Some(60)), says("c", "1", None), says("a", "2", None)]);
    put(&store, &[says("c", "", None), says("状态", "x", None)]);
    let wanted = [says("a", "2", None), says("b", "1", Some(60)), says("状态", "x", None)];
    always(&mut store, |s| assert_eq!(register(s).retained().unwrap(), wanted));
    store.clock.advance(std::time::Duration::from_secs(60));
    put(&store, &[says("d", "1", None)]);
    let topics = |s: &Embedded| register(s).retained().unwrap().iter().map(|r| r.topic.to_string()).collect::<Vec<_>>();
    always(&mut store, |s| assert_eq!(topics(s), ["a", "d", "状态"], "what has expired goes with the next one"));
    let mut tail = store.historian().tail(store.historian().head() - 1);
    let last = store.runtime.block_on(tail.next()).unwrap();
    assert_eq!(last.batch.retained, [says("d", "1", None)], "the log carries it");
}
