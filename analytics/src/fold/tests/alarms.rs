//! What definitions, time and people do to alarms, and that a restart in the middle changes none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plant::{
    Action, AlarmChange, AlarmCondition, AlarmTest, AlarmTransition, Comparison, Inhibited, Reference, Shelving,
    Suppressor, Value,
};

use super::journal::{alarm, defined, observation};
use super::*;

const HIGH: AlarmCondition = AlarmCondition::High;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A journal in which `temp` has a high limit of 80 and what `change` defines of it.
fn with(change: impl FnOnce(&mut plant::AlarmDefinition)) -> Journal {
    let mut j = Journal::new();
    j.described(|m| {
        // Nobody is missed here for a while.
        m.points.values_mut().for_each(|p| p.period = Some(secs(600)));
        m.points.get_mut("temp").unwrap().limits.h = Some(80.0);
    });
    j.define(vec![defined("temp", HIGH, change)]);
    j
}

fn steps(found: &[Finding]) -> Vec<&AlarmTransition> {
    found.iter().filter_map(|f| if let Finding::Alarm(a) = f { Some(a) } else { None }).collect()
}

/// `n` times the same value, one a second.
fn held(j: &mut Journal, value: f64, n: usize) -> Vec<Finding> {
    (0..n).flat_map(|_| j.value("temp", value)).collect()
}

/// The fold written down and read back: as after a kill.
fn restart(j: &mut Journal) {
    let bytes = j.fold.snapshot();
    j.fold = Fold::restore(Settings::default(), &bytes).unwrap();
}

#[test]
fn a_delay_is_measured_in_the_time_of_the_data() {
    let mut j = with(|d| (d.on_delay, d.off_delay) = (secs(5), secs(3)));
    assert_eq!(said(&held(&mut j, 95.0, 4)), [""; 0]);
    assert_eq!(said(&held(&mut j, 20.0, 1)), [""; 0], "it was too short");
    let began = j.now + secs(1);
    let found = held(&mut j, 95.0, 7);
    assert_eq!(said(&found), ["high raised"]);
    assert_eq!(steps(&found)[0].t, began + secs(5));
    assert_eq!(said(&held(&mut j, 20.0, 2)), [""; 0]);
    assert_eq!(said(&held(&mut j, 95.0, 1)), [""; 0], "it was gone for too short");
    let gone = j.now + secs(1);
    let found = held(&mut j, 20.0, 5);
    assert_eq!(said(&found), ["high cleared"]);
    assert_eq!(steps(&found)[0].t, gone + secs(3));
}

#[test]
fn a_delay_ends_without_another_value_and_not_by_the_platforms_absence() {
    let mut j = with(|d| d.on_delay = secs(30));
    j.value("temp", 95.0);
    // The platform is away for an hour: of that it knows 10 s, and nothing of the value.
    j.now = j.now + secs(3_600);
    assert_eq!(said(&j.heartbeats(15)), [""; 0]);
    let found = j.heartbeats(8);
    assert_eq!(said(&found), ["high raised"]);
    assert!(j.now.since(steps(&found)[0].t) <= secs(8), "for an hour nothing was known: it is one of now");
    assert_eq!((steps(&found)[0].value, steps(&found)[0].limit), (Some(95.0), Some(80.0)), "what was known is shown");
}

#[test]
fn bad_quality_stops_a_delay_and_late_data_starts_none() {
    let mut j = with(|d| d.on_delay = secs(5));
    j.value("temp", 20.0);
    held(&mut j, 95.0, 3);
    j.bad("temp", Reason::Source);
    assert_eq!(said(&j.heartbeats(20)), [""; 0], "nothing is known any more");
    assert_eq!(said(&held(&mut j, 95.0, 5)), [""; 0], "it begins anew");
    assert_eq!(said(&held(&mut j, 95.0, 1)), ["high raised"]);
    let mut j = with(|d| d.on_delay = secs(5));
    j.value("temp", 20.0);
    assert_eq!(said(&j.value_at("temp", 95.0, -10)), ["high historical"]);
    assert_eq!(said(&j.heartbeats(20)), [""; 0]);
}

#[test]
fn a_bad_value_while_an_alarm_waits_to_clear_keeps_it_and_the_next_good_one_decides() {
    let mut j = with(|d| d.off_delay = secs(5));
    j.value("temp", 95.0);
    held(&mut j, 20.0, 2);
    assert_eq!(said(&j.bad("temp", Reason::Source)), ["high value_lost"]);
    assert_eq!(said(&j.heartbeats(20)), [""; 0], "bad quality never clears");
    restart(&mut j);
    assert_eq!(said(&held(&mut j, 20.0, 5)), [""; 0], "it has to be gone for the whole of its delay");
    assert_eq!(said(&held(&mut j, 20.0, 1)), ["high cleared"]);
}

#[test]
fn a_kill_in_a_delay_neither_loses_nor_repeats() {
    for kill in 0..12 {
        let mut j = with(|d| (d.on_delay, d.off_delay) = (secs(5), secs(4)));
        let mut found = Vec::new();
        for i in 0..12 {
            if i == kill {
                restart(&mut j);
            }
            found.extend(if i < 2 { j.value("temp", 95.0) } else { j.heartbeats(1) });
        }
        found.extend(j.value("temp", 20.0));
        restart(&mut j);
        found.extend(j.heartbeats(6));
        assert_eq!(said(&found), ["high raised", "high cleared"], "killed before {kill}");
    }
}

#[test]
fn a_definition_gives_limit_deadband_and_priority() {
    let mut j = with(|d| {
        (d.test, d.deadband, d.priority) = (AlarmTest::Limit(60.0), Some(10.0), Some(plant::Priority::Low));
    });
    let found = j.value("temp", 61.0);
    assert_eq!(said(&found), ["high raised"]);
    assert_eq!((steps(&found)[0].limit, steps(&found)[0].priority), (Some(60.0), plant::Priority::Low));
    assert_eq!(said(&j.value("temp", 51.0)), [""; 0]);
    assert_eq!(said(&j.value("temp", 50.0)), ["high cleared"]);
    // Forgotten, the point's own limit holds again.
    j.acknowledge("high");
    j.define(vec![AlarmChange::Forget(alarm("temp", HIGH))]);
    assert_eq!(said(&j.value("temp", 70.0)), [""; 0]);
    assert_eq!(said(&j.value("temp", 81.0)), ["high raised"]);
}

#[test]
fn what_latches_stays_until_it_is_reset() {
    let mut j = with(|d| d.latching = true);
    let reset = |j: &mut Journal| {
        let id = alarm("temp", HIGH).id();
        j.act(Action::Reset { alarm: id, by: "lin".into() })
    };
    assert_eq!(said(&j.value("temp", 95.0)), ["high raised"]);
    assert_eq!(said(&reset(&mut j)), [""; 0], "it holds");
    assert_eq!(said(&j.value("temp", 20.0)), ["high cleared"]);
    assert_eq!(said(&reset(&mut j)), [""; 0], "nobody has seen it");
    let found = j.acknowledge("high");
    assert_eq!((said(&found), steps(&found)[0].to), (vec!["high acknowledged".to_owned()], AlarmState::Latched));
    restart(&mut j);
    let found = reset(&mut j);
    assert_eq!((said(&found), steps(&found)[0].to), (vec!["high reset".to_owned()], AlarmState::Normal));
    assert!(j.fold.state.book.entries.is_empty());
}

#[test]
fn what_was_acknowledged_and_still_holds_is_announced_again() {
    let mut j = with(|d| d.re_alarm = Some(secs(60)));
    j.value("temp", 95.0);
    assert_eq!(said(&j.heartbeats(100)), [""; 0], "nobody has seen it yet");
    j.acknowledge("high");
    let mut found = j.heartbeats(40);
    restart(&mut j);
    found.extend(j.heartbeats(40));
    assert_eq!(said(&found), ["high re_alarmed"]);
    assert!(steps(&found)[0].announces());
}

fn shelve(j: &mut Journal, for_s: u64) -> Vec<Finding> {
    let until = j.now + secs(for_s);
    j.act(Action::Shelve { alarm: alarm("temp", HIGH), until, reason: "tested".into(), by: "lin".into() })
}

#[test]
fn a_shelved_alarm_goes_on_silently_and_comes_back_by_itself() {
    let mut j = with(|_| {});
    let found = shelve(&mut j, 60);
    assert_eq!(said(&found), ["high shelved"]);
    let found = j.value("temp", 95.0);
    assert_eq!((said(&found), steps(&found)[0].inhibited), (vec!["high raised".to_owned()], Some(Inhibited::Shelved)));
    assert!(!steps(&found)[0].announces());
    assert_eq!(said(&j.value("temp", 20.0)), ["high cleared"]);
    assert_eq!(j.fold.state.book.entries[&alarm("temp", HIGH)].state, AlarmState::Normal, "nobody needs to know");
    j.value("temp", 95.0);
    restart(&mut j);
    let mut found = Vec::new();
    (0..70).for_each(|_| found.extend(j.value("temp", 95.0)));
    assert_eq!(said(&found), ["high unshelved"], "once");
    let end = steps(&found)[0];
    assert_eq!((end.trigger.by(), end.to, end.announces()), (None, AlarmState::Unacknowledged, true));
}

#[test]
fn shelving_is_bounded_and_taken_back() {
    let mut j = with(|_| {});
    let until = |found: &[Finding]| match steps(found)[..] {
        [AlarmTransition { trigger: Trigger::Shelved { until, .. }, .. }] => *until,
        _ => panic!("{found:?}"),
    };
    let found = shelve(&mut j, 1_000_000);
    assert_eq!(until(&found), j.now + Shelving::LONGEST);
    assert_eq!(said(&shelve(&mut j, 0)), [""; 0], "that is over already");
    let found = shelve(&mut j, 100);
    assert!(until(&found) < j.now + secs(101), "the end has moved");
    j.value("temp", 95.0);
    j.acknowledge("high");
    let back = Action::Unshelve { alarm: alarm("temp", HIGH), by: "he".into() };
    let found = j.act(back.clone());
    assert_eq!(said(&found), ["high unshelved"]);
    assert_eq!(steps(&found)[0].to, AlarmState::Unacknowledged, "it holds, and has to be seen anew");
    assert_eq!(said(&j.act(back)), [""; 0]);
}

#[test]
fn out_of_service_has_no_end_of_its_own() {
    let mut j = with(|_| {});
    let key = alarm("temp", HIGH);
    let (by, approved_by, reason): (Arc<str>, Arc<str>, Arc<str>) = ("lin".into(), "he".into(), "rebuilt".into());
    let out = Action::TakeOutOfService { alarm: key.clone(), reason, by: by.clone(), approved_by };
    assert_eq!(said(&j.act(out.clone())), ["high out_of_service"]);
    assert_eq!(said(&j.act(out)), [""; 0]);
    shelve(&mut j, 30);
    restart(&mut j);
    let mut found = Vec::new();
    (0..100).for_each(|_| found.extend(j.value("temp", 95.0)));
    assert_eq!(said(&found), ["high raised", "high unshelved"]);
    assert!(steps(&found).iter().all(|a| !a.announces() && a.inhibited == Some(Inhibited::OutOfService)));
    let found = j.act(Action::PutIntoService { alarm: key, by });
    assert_eq!(said(&found), ["high in_service"]);
    assert!(steps(&found)[0].announces());
}

#[test]
fn a_machine_that_is_off_is_silent_by_design() {
    let off = Suppressor::Point { point: "s/fan/speed".parse().unwrap(), is: Comparison::Below, than: 50.0 };
    let mut j = with(|d| d.suppressed_while = vec![off]);
    assert_eq!(said(&j.value("temp", 95.0)), ["high raised"], "of the speed nothing is known");
    let found = j.value("speed", 0.0);
    assert_eq!(said(&found), ["high suppressed"]);
    let Trigger::Suppressed { because } = &steps(&found)[0].trigger else { panic!() };
    assert_eq!(&**because, "s/fan/speed < 50");
    restart(&mut j);
    assert_eq!(said(&j.value("temp", 20.0)), ["high cleared"]);
    assert_eq!(said(&j.value("speed", 0.0)), [""; 0]);
    let found = j.observe(&[("temp", 95.0, Quality::Good), ("speed", 1500.0, Quality::Good)]);
    assert_eq!(said(&found), ["high raised", "high unsuppressed"]);
    assert!(!steps(&found)[0].announces() && steps(&found)[1].announces());
    // A speed that is not to be trusted silences nobody.
    j.value("speed", 0.0);
    assert_eq!(said(&j.bad("speed", Reason::Source)), ["high unsuppressed"]);
    // Nor does a definition that is gone.
    j.value("speed", 0.0);
    assert_eq!(said(&j.define(vec![AlarmChange::Forget(alarm("temp", HIGH))])), ["high unsuppressed"]);
}

#[test]
fn a_trip_upstream_silences_what_follows_and_not_what_came_first() {
    let group: plant::Name = "trip".parse().unwrap();
    let of = |name: &str, condition| {
        let trip = Suppressor::Alarm(alarm("load", AlarmCondition::LowLow));
        defined(name, condition, |d| (d.group, d.suppressed_while) = (Some(group.clone()), vec![trip]))
    };
    let mut j = Journal::new();
    j.described(|m| {
        m.points.get_mut("temp").unwrap().limits = Limits { h: Some(80.0), hh: Some(90.0), ..Limits::default() };
        m.points.get_mut("load").unwrap().limits.ll = Some(5.0);
    });
    j.define(vec![of("temp", HIGH), of("temp", AlarmCondition::HighHigh)]);
    let found = j.value("temp", 85.0);
    assert!(steps(&found)[0].first_out);
    let found = j.value("load", 1.0);
    assert_eq!(said(&found), ["low_low raised", "high_high suppressed"]);
    let found = j.value("temp", 95.0);
    assert_eq!(said(&found), ["high_high raised"]);
    assert!(!steps(&found)[0].first_out && !steps(&found)[0].announces());
    assert_eq!(said(&j.value("load", 50.0)), ["low_low cleared", "high_high unsuppressed"]);
}

#[test]
fn how_fast_a_value_changes_is_measured_over_its_time() {
    let test = AlarmTest::Rate { per_s: 1.0, over: secs(10) };
    let mut j = Journal::new();
    j.described(|_| {});
    j.define(vec![defined("temp", AlarmCondition::Rate, |d| (d.test, d.deadband) = (test, Some(0.5)))]);
    let mut found = Vec::new();
    for i in 0..30 {
        // Up by 0.9 a second, with a spike that the ten seconds average away.
        found.extend(j.value("temp", 0.9 * f64::from(i) + if i == 20 { 0.8 } else { 0.0 }));
    }
    assert_eq!(said(&found), [""; 0]);
    let mut value = 30.0;
    let mut down = |j: &mut Journal, by: f64, n: usize| -> Vec<Finding> {
        (0..n)
            .flat_map(|_| {
                value -= by;
                j.value("temp", value)
            })
            .collect()
    };
    let found = down(&mut j, 2.0, 15);
    assert_eq!(said(&found)[0], "rate raised");
    let first = steps(&found)[0];
    assert!(first.value.unwrap() < -1.0 && first.limit == Some(1.0), "{first:?}");
    restart(&mut j);
    assert_eq!(said(&down(&mut j, 0.7, 15)), [""; 0], "within its deadband it stands");
    assert_eq!(said(&down(&mut j, 0.1, 15)), ["rate cleared"]);
}

#[test]
fn a_value_is_held_against_its_set_point() {
    let test = AlarmTest::Deviation { from: Reference::Point("s/fan/load".parse().unwrap()), limit: 5.0 };
    let mut j = Journal::new();
    j.described(|_| {});
    j.define(vec![defined("temp", AlarmCondition::Deviation, |d| d.test = test)]);
    assert_eq!(said(&j.value("temp", 95.0)), [""; 0], "where it should be is not known");
    j.value("load", 90.0);
    assert_eq!(said(&j.value("temp", 95.0)), [""; 0]);
    let found = j.value("temp", 84.0);
    assert_eq!((said(&found), steps(&found)[0].value), (vec!["deviation raised".to_owned()], Some(-6.0)));
    j.value("load", 80.0);
    assert_eq!(said(&j.value("temp", 84.0)), ["deviation cleared"]);
}

#[test]
fn states_call_people_whatever_they_are_written_as() {
    let states = vec![Value::Text("tripped".into()), Value::Int(3)];
    let mut j = Journal::new();
    j.described(|_| {});
    j.define(vec![defined("load", AlarmCondition::Discrete, |d| d.test = AlarmTest::Discrete(states))]);
    let mut state = |v: Value| {
        let t = j.now + secs(1);
        let o = plant::Observation { value: v, ..observation("load", 0.0, Quality::Good, t) };
        j.step(historian::Batch { observations: vec![o], ..Default::default() })
    };
    assert_eq!(said(&state(Value::Text("running".into()))), [""; 0]);
    let found = state(Value::Text("tripped".into()));
    assert_eq!(said(&found), ["discrete raised"]);
    assert_eq!(steps(&found)[0].evidence.codes, ["tripped".into()]);
    assert_eq!(said(&state(Value::Int(1))), ["discrete cleared"]);
    assert_eq!(said(&state(Value::Float(3.0))), ["discrete raised"]);
}

/// A journal of definitions, values and people, with bad, late and missing data.
fn busy() -> Vec<Committed> {
    let mut j = Journal::new();
    let mut out = Vec::new();
    let mut m = machine();
    m.points.get_mut("temp").unwrap().limits = Limits { h: Some(80.0), hh: Some(90.0), ..Limits::default() };
    let off = Suppressor::Point { point: "s/fan/speed".parse().unwrap(), is: Comparison::Below, than: 50.0 };
    let trip = Suppressor::Alarm(alarm("temp", AlarmCondition::HighHigh));
    let set_point = AlarmTest::Deviation { from: Reference::Point("s/fan/load".parse().unwrap()), limit: 20.0 };
    let definitions = vec![
        defined("temp", HIGH, |d| {
            (d.on_delay, d.off_delay, d.latching, d.suppressed_while) = (secs(3), secs(4), true, vec![trip]);
        }),
        defined("temp", AlarmCondition::HighHigh, |d| d.re_alarm = Some(secs(3))),
        defined("temp", AlarmCondition::Rate, |d| d.test = AlarmTest::Rate { per_s: 2.0, over: secs(6) }),
        defined("temp", AlarmCondition::Deviation, |d| (d.test, d.suppressed_while) = (set_point, vec![off])),
    ];
    let changes = vec![AssetChange::Machine(m), AssetChange::Alarms(definitions)];
    out.push(j.commit(historian::Batch { changes, ..Default::default() }));
    for i in 0..160u64 {
        let t = j.now + secs(1);
        let mut batch = historian::Batch::default();
        let hot = [60.0, 85.0, 95.0, 95.0, 70.0][(i / 14) as usize % 5];
        let quality = if i % 31 == 7 { Quality::Bad(Reason::Source) } else { Quality::Good };
        if i % 13 < 11 {
            batch.observations.push(observation("temp", hot, quality, t));
            batch.observations.push(observation("load", 75.0, Quality::Good, t));
        }
        if i % 20 == 0 {
            let speed = if i % 40 == 0 { 0.0 } else { 1500.0 };
            batch.observations.push(observation("speed", speed, Quality::Good, t));
        }
        let (by, key): (Arc<str>, _) =
            ("lin".into(), alarm("temp", if i % 24 < 12 { HIGH } else { AlarmCondition::HighHigh }));
        match i % 12 {
            3 => batch.actions.push(Action::Acknowledge { alarm: key.id(), by }),
            5 => batch.actions.push(Action::Reset { alarm: key.id(), by }),
            7 => batch.actions.push(Action::Shelve { alarm: key, until: t + secs(8), reason: "tested".into(), by }),
            9 if i % 36 == 9 => batch.actions.push(Action::Unshelve { alarm: key, by }),
            _ => {}
        }
        if i == 90 {
            j.now = j.now + secs(500);
        }
        out.push(j.commit(batch));
    }
    out
}

#[test]
fn a_restart_before_any_commit_changes_nothing() {
    let journal = busy();
    let whole = |from: &mut Fold, commits: &[Committed]| -> Vec<Finding> {
        commits.iter().flat_map(|c| from.step(c)).collect()
    };
    let mut fold = Fold::new(Settings::default());
    let findings = whole(&mut fold, &journal);
    let triggers: BTreeSet<_> = steps(&findings).iter().map(|a| a.trigger.as_str()).collect();
    for expected in [
        "raised",
        "cleared",
        "acknowledged",
        "value_lost",
        "reset",
        "re_alarmed",
        "shelved",
        "unshelved",
        "suppressed",
        "unsuppressed",
    ] {
        assert!(triggers.contains(expected), "{expected} is not in {triggers:?}");
    }
    for at in 0..journal.len() {
        let mut fold = Fold::new(Settings::default());
        let mut found = whole(&mut fold, &journal[..at]);
        let mut fold = Fold::restore(Settings::default(), &fold.snapshot()).unwrap();
        found.extend(whole(&mut fold, &journal[at..]));
        assert!(found == findings, "after a restart before commit {at}");
    }
}

#[test]
fn every_step_follows_from_the_one_before_it() {
    let mut fold = Fold::new(Settings::default());
    let findings: Vec<_> = busy().iter().flat_map(|c| fold.step(c)).collect();
    let mut states = BTreeMap::new();
    let mut records = BTreeMap::new();
    for a in steps(&findings) {
        assert_eq!(states.insert(a.key.clone(), a.to).unwrap_or_default(), a.from, "{a:?}");
        let record = plant::AlarmRecord::after(records.get(&a.key), a);
        assert_eq!(record.inhibition.outermost(), a.inhibited, "the record and the step say the same: {a:?}");
        records.insert(a.key.clone(), record);
    }
    for (key, entry) in &fold.state.book.entries {
        assert_eq!(
            records.get(key).map(|r| (r.state, r.inhibition.clone())).unwrap_or_default(),
            (entry.state, entry.inhibition.clone()),
            "{key:?}"
        );
    }
}
