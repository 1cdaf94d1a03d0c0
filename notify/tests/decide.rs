//! Who is told what and when, without sockets and clocks.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod plan;

use std::time::Duration;

use notify::settings::{Level, Quiet, Recipient, Route};
use notify::state::State;
use notify::step::{Group, Kind};
use notify::{Outcome, Settings};
use plan::{Run, later, person, settings, step};

const MINUTE: u64 = 60;

fn route(levels: Vec<Level>) -> Route {
    Route {
        sites: ["mill".to_owned()].into(),
        areas: Default::default(),
        priorities: Default::default(),
        groups: Default::default(),
        hours: Vec::new(),
        levels,
        returned: false,
    }
}

fn level(after_s: u64, to: &[Recipient]) -> Level {
    Level { after: Duration::from_secs(after_s), to: to.to_vec() }
}

fn to(name: &str) -> Recipient {
    Recipient::Person(name.into())
}

fn group() -> Recipient {
    Recipient::Channel("group".into())
}

/// Lin at once, the group after ten minutes, Wang after five more.
fn three_levels() -> Settings {
    let mut s = settings();
    let levels = vec![level(0, &[to("lin")]), level(10 * MINUTE, &[group()]), level(5 * MINUTE, &[to("wang")])];
    s.routes.insert("mill".into(), route(levels));
    s
}

#[test]
fn who_does_not_acknowledge_is_followed_by_the_next_level_and_an_acknowledgement_stops_that() {
    let mut run = Run::new(three_levels());
    run.step(Kind::Raised, 1, 1);
    assert_eq!(run.accept_all(), ["mail/lin raised 1"]);
    run.wait(9 * MINUTE + 59);
    assert_eq!(run.accept_all(), [""; 0]);
    run.wait(1);
    assert_eq!(run.accept_all(), ["group escalated 1"]);
    run.step(Kind::Acknowledged, 1, 1);
    run.wait(60 * MINUTE);
    assert_eq!(run.accept_all(), [""; 0]);
    assert_eq!(run.state.due(&run.settings), None, "nothing is left to be done");

    run.step(Kind::Raised, 2, 1);
    run.accept_all();
    run.wait(10 * MINUTE);
    assert_eq!(run.accept_all(), ["group escalated 2"]);
    run.wait(5 * MINUTE);
    assert_eq!(run.accept_all(), ["mail/wang escalated 2"]);
    run.step(Kind::Returned, 2, 1);
    run.wait(60 * MINUTE);
    assert_eq!(run.accept_all(), [""; 0], "it is over, and nobody wanted to know");
}

#[test]
fn after_hours_without_power_the_levels_do_not_come_all_at_once() {
    let mut run = Run::new(three_levels());
    run.step(Kind::Raised, 1, 1);
    run.accept_all();
    run.restart();
    run.wait(600 * MINUTE);
    assert_eq!(run.accept_all(), ["group escalated 1"]);
    run.wait(5 * MINUTE);
    assert_eq!(run.accept_all(), ["mail/wang escalated 1"]);
}

#[test]
fn history_and_everything_that_is_no_beginning_pages_nobody() {
    let mut run = Run::new(three_levels());
    for kind in [Kind::Quiet, Kind::Acknowledged, Kind::Returned] {
        run.step(kind, 1, 1);
    }
    run.late_step(2, 3_601);
    assert_eq!(run.accept_all(), [""; 0]);
    assert_eq!(run.state.log.back().map(|l| &*l.outcome), Some("late"));
    run.late_step(3, 3_599);
    assert_eq!(run.accept_all(), ["mail/lin raised 3"]);
    let told = step(run.place, 3, Kind::Raised, 1, run.now);
    run.apply_step(&told);
    assert_eq!(run.accept_all(), [""; 0], "a step that was taken in is not taken in again");
    let mut elsewhere = step((run.place.0 + 1, 0), 4, Kind::Raised, 1, run.now);
    elsewhere.site = "other".into();
    run.apply_step(&elsewhere);
    assert_eq!(run.accept_all(), [""; 0], "no route takes it");
}

#[test]
fn a_route_takes_what_it_names_and_a_person_on_two_routes_is_told_once() {
    let mut s = three_levels();
    let mut narrow = route(vec![level(0, &[to("lin"), to("wang")])]);
    narrow.priorities = [1].into();
    narrow.groups = [Group::Limit].into();
    narrow.areas = ["press".to_owned()].into();
    s.routes.insert("narrow".into(), narrow);
    let mut run = Run::new(s);
    run.step(Kind::Raised, 1, 1);
    assert_eq!(run.accept_all(), ["mail/lin raised 1", "mail/wang raised 1"]);
    run.step(Kind::Raised, 2, 2);
    assert_eq!(run.accept_all(), ["mail/lin raised 2"]);
    let mut other = step((run.place.0 + 1, 0), 3, Kind::Raised, 1, run.now);
    other.area = None;
    run.apply_step(&other);
    assert_eq!(run.accept_all(), ["mail/lin raised 3"], "a machine without an area is in none");
    let mut bearing = step((run.place.0 + 1, 0), 4, Kind::Raised, 1, run.now);
    bearing.group = Group::Bearing;
    run.apply_step(&bearing);
    assert_eq!(run.accept_all(), ["mail/lin raised 4"]);
}

#[test]
fn whoever_is_on_duty_is_told_and_a_level_that_reaches_nobody_is_passed_over() {
    let mut s = three_levels();
    s.rosters.insert(
        "mechanics".into(),
        vec![(plan::hours(8, 20), vec!["lin".into()]), (plan::hours(20, 22), vec!["wang".into()])],
    );
    let roster = Recipient::Roster("mechanics".into());
    s.routes.insert("mill".into(), route(vec![level(0, &[roster]), level(10 * MINUTE, &[group()])]));
    let mut run = Run::new(s);
    // 10:00 at the plant.
    run.step(Kind::Raised, 1, 1);
    assert_eq!(run.accept_all(), ["mail/lin raised 1"]);
    run.step(Kind::Acknowledged, 1, 1);
    run.wait(11 * 60 * MINUTE);
    run.step(Kind::Raised, 2, 1);
    assert_eq!(run.accept_all(), ["mail/wang raised 2"], "21:00");
    run.step(Kind::Acknowledged, 2, 1);
    run.wait(2 * 60 * MINUTE);
    run.step(Kind::Raised, 3, 1);
    assert_eq!(run.accept_all(), ["group escalated 3"], "23:00: nobody, so that the next level follows at once");
    assert!(run.state.log.iter().any(|l| l.outcome == "nobody"));
}

#[test]
fn what_can_wait_is_told_in_the_morning_unless_it_is_over_by_then() {
    let mut s = settings();
    let quiet = Quiet { hours: plan::hours(22, 6), priorities: [3, 4].into() };
    s.people.insert("lin".into(), person("lin", &["mail"], vec![quiet]));
    s.routes.insert("mill".into(), route(vec![level(0, &[to("lin")])]));
    let mut run = Run::new(s);
    run.wait(13 * 60 * MINUTE); // 23:00
    run.step(Kind::Raised, 1, 3);
    run.step(Kind::Raised, 2, 1);
    run.step(Kind::Raised, 3, 4);
    assert_eq!(run.accept_all(), ["mail/lin raised 2"], "priority 1 does not wait");
    run.step(Kind::Returned, 3, 4);
    run.restart();
    run.wait(7 * 60 * MINUTE - 1);
    assert_eq!(run.accept_all(), [""; 0]);
    run.wait(1);
    assert_eq!(run.accept_all(), ["mail/lin raised 1"], "06:00");
}

#[test]
fn those_who_were_told_are_told_that_it_is_over_where_the_route_says_so() {
    let mut s = three_levels();
    s.routes.get_mut("mill").unwrap().returned = true;
    let mut run = Run::new(s);
    run.step(Kind::Raised, 1, 1);
    run.accept_all();
    run.step(Kind::Acknowledged, 1, 1);
    run.step(Kind::Returned, 1, 1);
    assert_eq!(run.accept_all(), ["mail/lin returned 1"], "and not those whom it never reached");
}

#[test]
fn more_than_a_channel_takes_in_a_minute_is_put_together() {
    let mut s = three_levels();
    s.routes.insert("mill".into(), route(vec![level(0, &[group()])]));
    let mut run = Run::new(s);
    for alarm in 1..=19 {
        run.step(Kind::Raised, alarm, 1);
        assert_eq!(run.accept_all(), [format!("group raised {alarm}")]);
    }
    // The twentieth of the minute holds everything that has come by then.
    run.step_unsent(Kind::Raised, 20, 2);
    assert_eq!(run.accept_all(), ["group raised 20"]);
    for alarm in 21..=60 {
        run.step(Kind::Raised, alarm, if alarm == 40 { 1 } else { 2 });
    }
    assert_eq!(run.accept_all(), [""; 0], "the minute is full");
    run.wait(62);
    let sent = run.accept_all();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("group raised 40, raised 21, raised 22"), "the most urgent first: {sent:?}");
    assert!(sent[0].ends_with("and 20 more"), "{sent:?}");
}

#[test]
fn a_failure_is_tried_again_under_the_same_key_with_growing_pauses_until_it_is_given_up() {
    let mut s = three_levels();
    s.routes.insert("mill".into(), route(vec![level(0, &[to("lin")])]));
    let mut run = Run::new(s);
    run.step(Kind::Raised, 1, 1);
    let key = run.under_way.values().next().unwrap().clone();
    let mut pauses = Vec::new();
    let began = run.now;
    let ended = loop {
        let before = run.now;
        run.answer(&later(None));
        match run.state.due(&run.settings) {
            Some(due) => {
                pauses.push(due.since(before).as_secs());
                run.wait(pauses.last().copied().unwrap());
                assert_eq!(run.under_way.values().next(), Some(&key), "the key stays");
            }
            None => break run.now,
        }
        if pauses.len() == 4 {
            run.restart();
        }
    };
    assert_eq!(pauses[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
    assert!(ended.since(began) >= Duration::from_secs(3_600), "given up after an hour");
    let last = run.state.log.back().unwrap();
    assert_eq!((&*last.outcome, &*last.key, last.attempt as usize), ("given_up", &*key, pauses.len() + 1));
    assert_eq!(run.dead, [vec!["mail".to_owned()]], "which was an alarm from the third failure on");

    run.step(Kind::Raised, 2, 1);
    assert_eq!(run.accept_all(), ["mail/lin raised 2"]);
    assert_eq!(run.dead.last(), Some(&Vec::new()), "its recovery ends it");
}

#[test]
fn a_server_that_asks_for_time_gets_it_and_what_comes_meanwhile_is_put_together() {
    let mut s = three_levels();
    s.routes.insert("mill".into(), route(vec![level(0, &[group()])]));
    let mut run = Run::new(s);
    run.step(Kind::Raised, 1, 1);
    run.answer(&later(Some(600)));
    for alarm in 2..=30 {
        run.step(Kind::Raised, alarm, 1);
    }
    run.wait(599);
    assert!(run.under_way.is_empty());
    run.wait(1);
    let sent = run.accept_all();
    assert_eq!(sent[0], "group raised 1", "the message that was refused, as it was");
    assert!(sent[1].starts_with("group raised 2, raised 3"), "{sent:?}");
    assert_eq!(sent.len(), 2);
}

#[test]
fn who_is_barred_is_dead_at_once_and_what_is_refused_does_not_stand_in_the_way() {
    let mut s = three_levels();
    s.routes.insert("mill".into(), route(vec![level(0, &[to("lin")])]));
    let mut run = Run::new(s);
    run.step(Kind::Raised, 1, 1);
    run.answer(&Outcome::Barred { code: "unauthenticated", why: "535".into() });
    assert_eq!(run.dead, [vec!["mail".to_owned()]]);
    run.wait(300);
    run.answer(&Outcome::Refused { code: "refused", why: "550 no such\r\nuser".into() });
    let last = run.state.log.back().unwrap();
    assert_eq!((&*last.outcome, &*last.code, &*last.why), ("given_up", "refused", "550 no such  user"));
    run.step(Kind::Raised, 2, 1);
    assert_eq!(run.accept_all(), ["mail/lin raised 2"]);
}

#[test]
fn what_the_settings_no_longer_name_is_let_go_of_and_said() {
    let mut run = Run::new(three_levels());
    run.step_unsent(Kind::Raised, 1, 1);
    run.settings.people.remove("lin");
    run.settings.routes.clear();
    run.restart();
    assert!(run.state.lines.is_empty() && run.state.standing.is_empty());
    let last = run.state.log.back().unwrap();
    assert_eq!((&*last.outcome, &*last.person, last.alarm), ("gone", "lin", 1));
}

#[test]
fn keys_are_the_same_for_the_same_and_differ_for_everything_else() {
    let keys = |alarm| {
        let mut run = Run::new(three_levels());
        run.step(Kind::Raised, alarm, 1);
        let first = run.under_way.values().next().unwrap().clone();
        run.accept_all();
        run.wait(10 * MINUTE);
        [first, run.under_way.values().next().unwrap().clone()]
    };
    assert_eq!(keys(1), keys(1));
    let [a, b] = keys(1);
    let [c, d] = keys(2);
    let mut all = vec![a, b, c, d];
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn the_log_and_what_waits_are_bounded() {
    let mut s = three_levels();
    s.routes.insert("mill".into(), route(vec![level(0, &[group()])]));
    let mut run = Run::new(s);
    for alarm in 1..=1_500 {
        run.step_unsent(Kind::Raised, alarm, 2);
    }
    let line = run.state.lines.values().next().unwrap();
    assert_eq!((line.waiting.len(), line.more), (1_000, 499), "one is on its way");
    for n in 0..600 {
        run.step_unsent(Kind::Raised, 2_000 + n, 2);
        run.answer(&later(None));
        run.wait(3_000);
    }
    assert_eq!(run.state.log.len(), 500);
    assert!(run.state.encode().len() < 400_000, "{}", run.state.encode().len());
}

#[test]
fn a_state_of_another_version_is_refused_and_one_of_ours_comes_back() {
    let mut run = Run::new(three_levels());
    run.step(Kind::Raised, 1, 1);
    let bytes = run.state.encode();
    let mut back = State::decode(&bytes).unwrap();
    assert_eq!(back.encode(), bytes);
    back.fit(&run.settings, run.now);
    assert_eq!(back.encode(), bytes);
    assert!(State::decode(&[]).is_err() && State::decode(&[2, 0]).is_err() && State::decode(&bytes[..20]).is_err());
}
