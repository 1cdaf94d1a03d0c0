//! The fold on small journals.

mod ahead;
mod alarms;
pub(super) mod journal;
mod train;

use plant::{
    AlarmCondition, AlarmState, AssetChange, BearingFault, BearingVerdict, Diagnosis, Finding, Limits, Quality, Reason,
    SensorState, Trigger, Zone, ZoneVerdict,
};

use super::*;
use journal::{Journal, POINT, bearing_record, machine, quiet_record, said};

#[test]
fn a_limit_raises_is_acknowledged_and_clears_and_bad_quality_does_neither() {
    let mut j = Journal::new();
    j.described(|m| {
        m.points.get_mut("temp").unwrap().limits = Limits { h: Some(80.0), hh: Some(90.0), ..Limits::default() }
    });
    assert_eq!(said(&j.value("temp", 80.0)), Vec::<String>::new());
    assert_eq!(said(&j.value("temp", 81.0)), ["high raised"]);
    assert_eq!(said(&j.value("temp", 95.0)), ["high_high raised"]);
    assert_eq!(said(&j.bad("temp", Reason::Source)), ["high_high value_lost", "high value_lost"]);
    assert_eq!(said(&j.bad("temp", Reason::Source)), Vec::<String>::new());
    // Back within the deadband of H (2 % of 80), clear of HH.
    assert_eq!(said(&j.value("temp", 79.0)), ["high_high cleared", "high updated"]);
    assert_eq!(said(&j.acknowledge("high")), ["high acknowledged"]);
    assert_eq!(said(&j.acknowledge("high")), Vec::<String>::new());
    assert_eq!(said(&j.value("temp", 78.0)), ["high cleared"]);
    assert_eq!(said(&j.acknowledge("high_high")), ["high_high acknowledged"]);
    assert!(j.fold.state.book.entries.is_empty(), "what is normal is not kept");
}

#[test]
fn late_data_is_history_and_pages_no_one() {
    let mut j = Journal::new();
    j.described(|m| m.points.get_mut("temp").unwrap().limits.h = Some(80.0));
    j.value("temp", 20.0);
    // Older than what was said before; one entry for the whole excursion.
    assert_eq!(said(&j.value_at("temp", 95.0, -10)), ["high historical"]);
    assert_eq!(said(&j.value_at("temp", 96.0, -9)), Vec::<String>::new());
    assert_eq!(said(&j.value_at("temp", 20.0, -8)), Vec::<String>::new());
    assert_eq!(said(&j.value_at("temp", 95.0, -7)), ["high historical"]);
    // The present raises all the same, and what is late then is silent.
    assert_eq!(said(&j.value("temp", 95.0)), ["high raised"]);
    assert_eq!(said(&j.value_at("temp", 99.0, -7)), Vec::<String>::new());
    // Late and low does not clear.
    assert_eq!(said(&j.value_at("temp", 20.0, -6)), Vec::<String>::new());
    assert_eq!(said(&j.value("temp", 20.0)), ["high cleared"]);
    // A first value can be late too: older than data may be when it is committed.
    let mut j = Journal::new();
    j.described(|m| m.points.get_mut("temp").unwrap().limits.h = Some(80.0));
    assert_eq!(said(&j.value_at("temp", 95.0, -301)), ["high historical"]);
}

#[test]
fn one_point_is_stale_a_machine_is_offline() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("temp", 20.0);
    j.value("load", 50.0);
    // `load` goes on, `temp` (1 s period) does not.
    let mut found = Vec::new();
    for _ in 0..10 {
        found.extend(j.value("load", 50.0));
    }
    assert_eq!(said(&found), ["stale raised"]);
    assert_eq!(said(&j.value("temp", 20.0)), ["stale cleared"]);
    // Both fall silent: one alarm for the machine, none for the points.
    let found = j.heartbeats(60);
    assert_eq!(said(&found), ["offline raised"]);
    let Finding::Alarm(a) = &found[0] else { panic!("no alarm") };
    assert_eq!((&a.key.point, a.key.machine.as_str()), (&None, "s/fan"));
    assert!((a.evidence.terms["silent_s"] - 16.0).abs() < 1.5, "{:?}", a.evidence.terms);
    // One point returns, so the machine is there; the other has its own time again, and is then stale.
    assert_eq!(said(&j.value("load", 50.0)), ["offline cleared"]);
    let found: Vec<_> = (0..5).flat_map(|_| j.value("load", 50.0)).collect();
    assert_eq!(said(&found), ["stale raised"]);
}

/// `load` (promised: 5 s) every second, and `speed`, which promised nothing, after so many seconds each.
fn speaks(j: &mut Journal, steps: impl IntoIterator<Item = usize>) -> Vec<Finding> {
    let mut found = Vec::new();
    for step in steps {
        for _ in 1..step {
            found.extend(j.value("load", 50.0));
        }
        found.extend(j.observe(&[("load", 50.0, Quality::Good), ("speed", 1486.0, Quality::Good)]));
    }
    found
}

#[test]
fn a_point_that_promised_nothing_is_stale_by_what_was_learnt_of_it() {
    let load = |j: &mut Journal, n: usize| -> Vec<Finding> { (0..n).flat_map(|_| j.value("load", 50.0)).collect() };
    for restart in [false, true] {
        let mut j = Journal::new();
        j.described(|_| {});
        assert_eq!(said(&speaks(&mut j, [10; 22])), Vec::<String>::new());
        if restart {
            j.fold = Fold::restore(Settings::default(), &j.fold.snapshot()).unwrap();
        }
        assert_eq!(said(&load(&mut j, 50)), Vec::<String>::new(), "five times its ten seconds");
        let found = load(&mut j, 2);
        assert_eq!(said(&found), ["stale raised"]);
        let Finding::Alarm(a) = &found[0] else { panic!("no alarm") };
        assert_eq!((a.key.point.as_ref().map(|p| p.name()), a.evidence.terms["period_s"]), (Some("speed"), 10.0));
        assert_eq!(said(&speaks(&mut j, [1])), ["stale cleared"]);
        // Who was silent for a minute without anything being wrong may be so again.
        speaks(&mut j, [10; 2]);
        assert_eq!(said(&load(&mut j, 100)), Vec::<String>::new());
    }
}

#[test]
fn a_point_that_speaks_when_something_happens_is_never_stale_and_a_few_words_teach_nothing() {
    let mut j = Journal::new();
    j.described(|_| {});
    let mut found = speaks(&mut j, [1; 20]);
    found.extend((0..600).flat_map(|_| j.value("load", 50.0)));
    // The step to the first word is none: nineteen.
    assert_eq!(said(&found), Vec::<String>::new());
    let mut j = Journal::new();
    j.described(|_| {});
    let mut found = speaks(&mut j, [1, 40, 2, 9, 90, 1, 3, 25, 6, 1, 70, 15, 2, 4, 33, 1, 120, 8, 1, 17, 50, 2, 30, 5]);
    found.extend((0..3_600).flat_map(|_| j.value("load", 50.0)));
    assert_eq!(said(&found), Vec::<String>::new());
}

#[test]
fn after_a_restart_what_was_learnt_counts_from_the_end_of_the_grace() {
    let mut j = Journal::new();
    j.described(|_| {});
    speaks(&mut j, [1; 25]);
    j.now = j.now + Duration::from_secs(7_200);
    let first: Vec<_> = (0..80).flat_map(|_| j.value("load", 50.0)).collect();
    assert_eq!(said(&first), Vec::<String>::new(), "60 s of grace and 30 s of silence");
    let then: Vec<_> = (0..30).flat_map(|_| j.value("load", 50.0)).collect();
    assert_eq!(said(&then), ["stale raised"]);
}

#[test]
fn a_machine_that_promised_nothing_is_offline_when_all_its_regular_points_are_silent() {
    let mut j = Journal::new();
    j.described(|m| m.points.values_mut().for_each(|p| p.period = None));
    speaks(&mut j, [1; 25]);
    assert_eq!(said(&j.heartbeats(29)), Vec::<String>::new());
    assert_eq!(said(&j.heartbeats(5)), ["offline raised"]);
    assert_eq!(said(&speaks(&mut j, [1])), ["offline cleared"]);
}

#[test]
fn a_minute_of_readings_once_a_minute_is_a_period_of_a_minute() {
    let mut j = Journal::new();
    j.described(|_| {});
    let mut found = Vec::new();
    for _ in 0..25 {
        for _ in 0..59 {
            found.extend(j.value("load", 50.0));
        }
        let (batch, now) = (60, j.now);
        let at = |n: i64| now + Duration::from_secs(1) - Duration::from_secs((batch - n) as u64);
        let observations = (1..=batch).map(|n| journal::observation("speed", 1486.0, Quality::Good, at(n))).collect();
        found.extend(j.step(historian::Batch { observations, ..Default::default() }));
    }
    found.extend((0..240).flat_map(|_| j.value("load", 50.0)));
    assert_eq!(said(&found), Vec::<String>::new());
    let found: Vec<_> = (0..70).flat_map(|_| j.value("load", 50.0)).collect();
    assert_eq!(said(&found), ["stale raised"]);
}

#[test]
fn a_death_is_offline_at_once_and_a_birth_ends_it() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("temp", 20.0);
    j.value("load", 50.0);
    let found =
        j.observe(&[("temp", 20.0, Quality::Bad(Reason::Offline)), ("load", 5.0, Quality::Bad(Reason::Offline))]);
    assert_eq!(said(&found), ["offline raised"]);
    assert_eq!(said(&j.heartbeats(100)), Vec::<String>::new());
    assert_eq!(said(&j.value("temp", 20.0)), ["offline cleared"]);
}

#[test]
fn an_offline_alarm_bears_the_time_of_the_death_and_that_of_silence_when_it_is_noticed() {
    let time = |found: &[Finding]| match found {
        [Finding::Alarm(a)] => a.t,
        other => panic!("one alarm, not {other:?}"),
    };
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("temp", 20.0);
    j.heartbeats(2);
    // Reported two seconds after it happened, by values and by an event.
    let (died, reported) = (j.now - Duration::from_secs(1), j.now + Duration::from_secs(1));
    let found = j.step(historian::Batch { events: vec![journal::death(died)], ..Default::default() });
    assert_eq!((said(&found), time(&found)), (vec!["offline raised".to_owned()], died));
    assert_eq!(j.now, reported);
    assert_eq!(time(&j.value("temp", 20.0)), j.now, "it is back when it speaks");
    let found = j.bad("temp", Reason::Offline);
    assert_eq!(time(&found), j.now);
    // By a clock that runs ahead of ours: not before it is known.
    j.value("temp", 20.0);
    let ahead = j.now + Duration::from_secs(3600);
    let found = j.step(historian::Batch { events: vec![journal::death(ahead)], ..Default::default() });
    assert_eq!(time(&found), j.now);
    j.value("temp", 20.0);
    let found = j.heartbeats(60);
    assert!(time(&found) < j.now && time(&found) > j.now - Duration::from_secs(60));
}

#[test]
fn the_platforms_own_absence_is_nobodys_silence() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("temp", 20.0);
    j.value("load", 50.0);
    j.now = j.now + Duration::from_secs(3600);
    assert_eq!(said(&j.heartbeats(50)), Vec::<String>::new(), "no storm while sources come back");
    assert_eq!(said(&j.heartbeats(60)), ["offline raised"], "but who does not come back is missed");
    // What stood before the absence stands after it.
    j.now = j.now + Duration::from_secs(3600);
    assert_eq!(said(&j.heartbeats(200)), Vec::<String>::new());
}

#[test]
fn a_recording_cut_into_consecutive_records_alarms_and_the_page_can_say_why() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    let mut found = Vec::new();
    for seed in 0..4 {
        found.extend(j.record(bearing_record(seed, 1.5)));
    }
    assert_eq!(said(&found), ["bearing.DE.outer_race raised"]);
    let alarm = found.iter().find_map(|f| if let Finding::Alarm(a) = f { Some(a) } else { None }).unwrap();
    let e = &alarm.evidence;
    assert!(e.waveform.is_some() && e.terms["statistic"] > e.terms["threshold"] && e.terms["shaft_hz"] == 25.0);
    assert!((e.terms["fault_hz"] / 89.5 - 1.0).abs() < 0.02);
    assert_eq!(e.lines.len(), 4);
    // Sound again: five records clear.
    let found: Vec<_> = (10..16).flat_map(|seed| j.record(quiet_record(seed))).collect();
    assert_eq!(said(&found), ["bearing.DE.outer_race cleared"]);
}

#[test]
fn one_overwhelming_record_is_enough_and_one_faint_one_is_not() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    assert_eq!(said(&j.record(bearing_record(1, 8.0))), ["bearing.DE.outer_race raised"]);
    let found: Vec<_> = (0..60).flat_map(|seed| j.record(quiet_record(100 + seed))).collect();
    assert_eq!(said(&found), ["bearing.DE.outer_race cleared"], "and healthy noise raises nothing");
}

#[test]
fn zones_take_three_of_five_and_name_imbalance() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    // Velocity 6 mm/s RMS at 25 Hz stands in zone C of group 1 rigid (4.5 to 7.1).
    let shaken = |seed, mm_s: f64| journal::shaken_record(seed, mm_s);
    let found: Vec<_> = (0..3).flat_map(|s| j.record(shaken(s, 6.0))).collect();
    assert_eq!(said(&found), ["zone_c raised"]);
    let alarm = found.iter().find_map(|f| if let Finding::Alarm(a) = f { Some(a) } else { None }).unwrap();
    assert!(alarm.evidence.terms["share_1x"] > 0.9);
    assert!(alarm.evidence.codes.contains(&"imbalance".into()));
    assert!(alarm.evidence.codes.contains(&"ISO 20816-3 group 1 rigid".into()));
    let found: Vec<_> = (3..6).flat_map(|s| j.record(shaken(s, 9.0))).collect();
    assert_eq!(said(&found), ["zone_c updated", "zone_d raised", "zone_c cleared"], "one cause, one alarm");
    // Between 0.9 of C/D and C/D it stands in D, below it clears after five and is in C again.
    let found: Vec<_> = (6..12).flat_map(|s| j.record(shaken(s, 6.6))).collect();
    assert_eq!(said(&found), Vec::<String>::new());
    let found: Vec<_> = (12..18).flat_map(|s| j.record(shaken(s, 5.0))).collect();
    assert_eq!(said(&found), ["zone_d cleared", "zone_c raised"]);
    // Above 0.9 of B/C it stands, below it clears after five.
    let found: Vec<_> = (18..24).flat_map(|s| j.record(shaken(s, 4.3))).collect();
    assert_eq!(said(&found), Vec::<String>::new());
    let found: Vec<_> = (24..30).flat_map(|s| j.record(shaken(s, 2.0))).collect();
    assert_eq!(said(&found), ["zone_c cleared"]);
}

#[test]
fn a_machine_that_is_in_zone_d_from_the_start_raises_that_alone() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    let found: Vec<_> = (0..5).flat_map(|s| j.record(journal::shaken_record(s, 9.0))).collect();
    let said: Vec<_> = said(&found).into_iter().filter(|s| !s.ends_with("updated")).collect();
    assert_eq!(said, ["zone_d raised"]);
}

#[test]
fn a_reported_death_reaches_points_that_deliver_records_only() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    j.record(quiet_record(1));
    let death = |j: &mut Journal, t| {
        let event = plant::Event {
            machine: "s/fan".parse().unwrap(),
            t,
            t_received: t,
            kind: "death".parse().unwrap(),
            fields: Default::default(),
        };
        j.step(historian::Batch { events: vec![event], ..historian::Batch::default() })
    };
    let before = j.now - Duration::from_secs(60);
    assert_eq!(said(&death(&mut j, before)), Vec::<String>::new(), "it has spoken since");
    let after = j.now + Duration::from_secs(1);
    assert_eq!(said(&death(&mut j, after)), ["offline raised"]);
    assert_eq!(said(&j.record(quiet_record(2))), ["offline cleared"]);
}

#[test]
fn a_failed_sensor_gives_no_verdict_and_keeps_what_stands() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    for seed in 0..3 {
        j.record(journal::shaken_record(seed, 6.0));
    }
    let broken = |seed| {
        let mut r = journal::shaken_record(seed, 0.5);
        r.meta.bias_v = Some(23.0);
        r
    };
    let found = j.record(broken(3));
    assert_eq!(said(&found), ["zone_c value_lost"]);
    let d = diagnosis(&found);
    assert_eq!(d.sensor, SensorState::Failed(vec!["bias".into()]));
    assert_eq!(d.zone, ZoneVerdict::Refused(vec!["sensor".into()]));
    assert_eq!(d.bearing, BearingVerdict::Refused(vec!["sensor".into()]));
    let qualities = |found: &[Finding]| {
        found
            .iter()
            .filter_map(|f| if let Finding::Indicator(i) = f { Some((i.name.to_string(), i.quality)) } else { None })
            .collect::<Vec<_>>()
    };
    assert!(qualities(&found).iter().all(|(name, q)| *q == Quality::Bad(Reason::Sensor) && name != "velocity_rms"));
    assert_eq!(said(&j.record(broken(4))), ["sensor raised"]);
    let found: Vec<_> = (5..12).flat_map(|s| j.record(quiet_record(s))).collect();
    assert_eq!(said(&found), ["sensor cleared", "zone_c cleared"]);
    assert_eq!(qualities(&j.record(quiet_record(20))).len(), 7);
}

#[test]
fn a_sensor_that_came_loose_is_known_by_its_own_past() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    for seed in 0..8 {
        j.record(journal::mounted_record(seed, 1.0, 6000.0));
        j.value("speed", 1500.0);
    }
    assert_eq!(diagnosis(&j.record(journal::mounted_record(8, 1.0, 6000.0))).sensor, SensorState::Healthy);
    let found = j.record(journal::mounted_record(9, 0.2, 2500.0));
    let SensorState::Failed(codes) = &diagnosis(&found).sensor else { panic!("{found:?}") };
    assert!(codes.contains(&"loose".into()), "{codes:?}");
}

#[test]
fn a_sensor_that_sees_the_turning_no_longer_is_known_by_its_own_past() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.value("speed", 1500.0);
    for seed in 0..8 {
        j.record(journal::shaken_record(seed, 2.0));
        j.value("speed", 1500.0);
    }
    assert_eq!(diagnosis(&j.record(journal::shaken_record(8, 2.0))).sensor, SensorState::Healthy);
    let found = j.record(journal::shaken_record(9, 0.0));
    assert_eq!(diagnosis(&found).sensor, SensorState::Failed(vec!["no_rotation".into()]));
    // At another speed it is not known what to expect.
    j.value("speed", 1200.0);
    assert_eq!(diagnosis(&j.record(journal::shaken_record(10, 0.0))).sensor, SensorState::Healthy);
}

#[test]
fn what_is_missing_is_named_and_a_nominal_speed_is_no_measurement() {
    let mut j = Journal::new();
    j.described(|m| {
        m.severity.foundation = None;
        m.bearings.clear();
    });
    let found = j.record(quiet_record(1));
    let d = diagnosis(&found);
    assert_eq!(d.zone, ZoneVerdict::Refused(vec!["foundation".into()]));
    assert_eq!(d.bearing, BearingVerdict::Refused(vec!["geometry".into()]));
    j.described(|_| {});
    assert_eq!(diagnosis(&j.record(quiet_record(2))).bearing, BearingVerdict::Refused(vec!["speed".into()]));
    assert!(matches!(diagnosis(&j.record(quiet_record(3))).zone, ZoneVerdict::Zone { zone: Zone::A, .. }));
    // A speed that is measured close enough in time will do, one that is too old will not.
    j.value("speed", 1500.0);
    assert!(matches!(diagnosis(&j.record(quiet_record(4))).bearing, BearingVerdict::Judged { shaft_hz: 25.0, .. }));
    j.heartbeats(130);
    assert_eq!(diagnosis(&j.record(quiet_record(5))).bearing, BearingVerdict::Refused(vec!["speed".into()]));
    // What the record says itself comes first.
    let mut r = quiet_record(6);
    r.meta.speed = Some(plant::Speed { mean_rpm: 1200.0, range_rpm: Some((1100.0, 1300.0)) });
    assert_eq!(diagnosis(&j.record(r)).bearing, BearingVerdict::Refused(vec!["speed_unsteady".into()]));
    let mut r = quiet_record(7);
    r.unit = plant::Unit::parse("mm/s").unwrap();
    assert_eq!(diagnosis(&j.record(r)).zone, ZoneVerdict::Refused(vec!["unit".into()]));
}

#[test]
fn the_same_record_and_the_same_commit_count_once() {
    let mut j = Journal::new();
    j.described(|_| {});
    let r = quiet_record(1);
    assert!(!j.record(r.clone()).is_empty());
    assert!(j.record(r.clone()).is_empty());
    let committed = j.commit(historian::Batch { waveforms: vec![quiet_record(2).into()], ..Default::default() });
    assert!(!j.fold.step(&committed).is_empty());
    assert!(j.fold.step(&committed).is_empty());
}

#[test]
fn a_fold_that_was_stored_and_restored_goes_on_as_if_it_had_not_stopped() {
    let journal = journal::eventful();
    let run = |threads: usize, restart_every: usize, ahead: usize| {
        let settings = Settings { threads, ..Settings::default() };
        let mut fold = Fold::new(settings.clone());
        let mut findings = Vec::new();
        for (i, c) in journal.iter().enumerate() {
            if restart_every > 0 && i % restart_every == 0 {
                let bytes = fold.snapshot();
                let restored = Fold::restore(settings.clone(), &bytes).unwrap();
                // As text: what is learnt holds numbers that are none, which equal nothing.
                let said = |f: &Fold| format!("{:?}", f.state);
                assert_eq!(said(&restored), said(&fold), "before commit {}", c.seq);
                fold = restored;
            }
            if ahead > 0 && i % ahead == 0 {
                fold.foresee(&journal[i..journal.len().min(i + ahead)]);
            }
            findings.extend(fold.step(c));
        }
        (findings, fold.snapshot())
    };
    let straight = run(1, 0, 0);
    assert!(straight.0.iter().filter(|f| matches!(f, Finding::Alarm(_))).count() >= 6, "the journal is eventful");
    assert!(run(1, 1, 0) == straight);
    assert!(run(2, 7, 0) == straight, "findings do not depend on threads");
    assert!(run(2, 0, 40) == straight, "nor on what was analysed ahead");
}

#[test]
fn bytes_that_are_no_state_are_refused() {
    for bytes in [&b""[..], b"\xff", b"\xa1\x61\x61\x01"] {
        assert!(matches!(Fold::restore(Settings::default(), bytes), Err(RestoreError::Shape(_))));
    }
    let mut j = Journal::new();
    j.described(|_| {});
    let good = j.fold.snapshot();
    let newer = snapshot::of_version(&j.fold.state, 9);
    assert!(matches!(Fold::restore(Settings::default(), &newer), Err(RestoreError::Version { found: 9 })));
    // Damaged anywhere, cut off or continued: refused as a whole.
    let damaged = (0..good.len()).map(|i| [&good[..i], &[good[i] ^ 0x10], &good[i + 1..]].concat());
    let others = damaged.chain((0..good.len()).map(|n| good[..n].to_vec())).chain([[&good[..], b"more"].concat()]);
    let said = |f: &Fold| format!("{:?}", f.state);
    for (i, bytes) in others.enumerate() {
        match Fold::restore(Settings::default(), &bytes) {
            Err(RestoreError::Shape(_)) => {}
            // What repeats can be told in two ways.
            Ok(same) => assert_eq!(said(&same), said(&j.fold), "{i}"),
            Err(other) => panic!("{i}: {other}"),
        }
    }
}

#[test]
fn the_plant_is_that_of_the_journal() {
    let mut j = Journal::new();
    let mut changed = machine();
    changed.class = plant::MachineClass::Gearbox;
    j.described(|_| {});
    j.step(historian::Batch { changes: vec![AssetChange::Machine(changed.clone())], ..Default::default() });
    assert_eq!(j.fold.plant().machine("s/fan").unwrap().class, plant::MachineClass::Gearbox);
    assert_eq!(diagnosis(&j.record(quiet_record(1))).zone, ZoneVerdict::Refused(vec!["class".into()]));
}

fn diagnosis(findings: &[Finding]) -> Diagnosis {
    findings
        .iter()
        .find_map(|f| if let Finding::Diagnosis(d) = f { Some(d.clone()) } else { None })
        .expect("a diagnosis")
}

#[test]
fn transitions_chain() {
    let mut fold = Fold::new(Settings::default());
    let mut states = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for c in journal::eventful() {
        for f in fold.step(&c) {
            let Finding::Alarm(a) = f else { continue };
            let before = states.insert(a.key.clone(), a.to).unwrap_or(AlarmState::Normal);
            assert_eq!(before, a.from, "{:?}", a.key);
            kinds.insert(a.trigger.as_str());
            let on_machine = matches!(a.key.condition, AlarmCondition::Offline | AlarmCondition::System(_));
            assert_eq!(a.key.point.is_none(), on_machine);
            assert!(on_machine || a.key.point.as_ref().unwrap().machine() == a.key.machine);
        }
    }
    for kind in [Trigger::Raised, Trigger::Cleared, Trigger::Historical, Trigger::ValueLost] {
        assert!(kinds.contains(kind.as_str()), "{kind:?}");
    }
    let fault = AlarmCondition::Bearing("DE".parse().unwrap(), BearingFault::OuterRace);
    assert!(states.keys().any(|k| k.condition == fault && k.point.as_ref().unwrap().as_str() == POINT));
}
