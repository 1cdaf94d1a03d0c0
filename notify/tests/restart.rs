//! Random sequences of events, with restarts at random places: the decisions are those without.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod plan;

use std::collections::BTreeSet;
use std::time::Duration;

use notify::settings::{Level, Quiet, Recipient, Route};
use notify::state::What;
use notify::step::Kind;
use notify::{Outcome, Settings};
use plan::{Run, later, person, settings};
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Op {
    Step(u8, u64, u8),
    Wait(u64),
    /// The outcome of the first message that is under way.
    Answer(u8),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..4_u8, 0..12_u64, 1..=4_u8).prop_map(|(k, a, p)| Op::Step(k, a, p)),
        3 => prop_oneof![Just(0_u64), 1..30_u64, 30..900_u64, 900..40_000_u64].prop_map(Op::Wait),
        5 => (0..10_u8).prop_map(Op::Answer),
        2 => Just(Op::Restart),
    ]
}

fn outcome(n: u8) -> Outcome {
    match n {
        0..=4 => Outcome::Accepted,
        5 | 6 => later(None),
        7 => later(Some(600)),
        8 => Outcome::Barred { code: "forbidden", why: "no".into() },
        _ => Outcome::Refused { code: "refused", why: "no".into() },
    }
}

/// Everything at once: two routes, a roster, quiet hours, three levels, a narrow channel.
fn busy() -> Settings {
    let mut s = settings();
    s.ways.get_mut("group").unwrap().per_minute = 3;
    let quiet = Quiet { hours: plan::hours(12, 6), priorities: [3, 4].into() };
    s.people.insert("wang".into(), person("wang", &["mail", "group"], vec![quiet]));
    s.rosters.insert("r".into(), vec![(plan::hours(8, 20), vec!["lin".into()])]);
    let level = |after_s, to: Recipient| Level { after: Duration::from_secs(after_s), to: vec![to] };
    let any = Route {
        sites: BTreeSet::new(),
        areas: BTreeSet::new(),
        priorities: BTreeSet::new(),
        groups: BTreeSet::new(),
        hours: Vec::new(),
        levels: vec![
            level(0, Recipient::Roster("r".into())),
            level(600, Recipient::Channel("group".into())),
            level(300, Recipient::Person("wang".into())),
        ],
        returned: true,
    };
    let urgent = Route {
        priorities: [1, 2].into(),
        levels: vec![level(0, Recipient::Channel("group".into())), level(60, Recipient::Person("lin".into()))],
        returned: false,
        ..any.clone()
    };
    s.routes = [("any".to_owned(), any), ("urgent".to_owned(), urgent)].into();
    s
}

fn play(run: &mut Run, op: Op) {
    match op {
        Op::Step(k, alarm, priority) => {
            let kind = [Kind::Raised, Kind::Acknowledged, Kind::Returned, Kind::Quiet][usize::from(k)];
            run.step_unsent(kind, alarm, priority);
        }
        Op::Wait(seconds) => run.wait(seconds),
        Op::Answer(n) => run.answer(&outcome(n)),
        // Without a restart time passes at the same moments.
        Op::Restart => run.wait(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decisions_are_the_same_with_restarts_as_without(ops in prop::collection::vec(op(), 1..120)) {
        let (mut whole, mut broken) = (Run::new(busy()), Run::new(busy()));
        for &op in &ops {
            play(&mut whole, op);
            if matches!(op, Op::Restart) { broken.restart() } else { play(&mut broken, op) }
            prop_assert_eq!(&whole.under_way, &broken.under_way);
        }
        prop_assert_eq!(&whole.sent, &broken.sent);
        prop_assert_eq!(&whole.dead, &broken.dead);
        prop_assert_eq!(whole.state.encode(), broken.state.encode());
    }

    #[test]
    fn nothing_is_told_twice_and_nobody_is_woken_after_an_acknowledgement(ops in prop::collection::vec(op(), 1..120)) {
        let mut run = Run::new(busy());
        let mut quiet_since = std::collections::BTreeMap::new();
        for &op in &ops {
            let before = run.sent.len();
            if let Op::Step(0, alarm, _) = op {
                quiet_since.remove(&alarm);
            }
            if matches!(op, Op::Restart) { run.restart() } else { play(&mut run, op) }
            for (_, m) in &run.sent[before..] {
                for e in m.entries.iter().filter(|e| e.what == What::Escalated) {
                    prop_assert!(!quiet_since.contains_key(&e.alarm), "{} was seen at {:?}", e.alarm, quiet_since[&e.alarm]);
                }
            }
            if let Op::Step(1 | 2, alarm, _) = op {
                quiet_since.insert(alarm, run.place);
            }
        }
        let mut told: Vec<_> = run.sent.iter().flat_map(|(t, m)| {
            m.entries.iter().map(move |e| (t.clone(), e.alarm, e.place, e.what, e.level))
        }).collect();
        let all = told.len();
        told.sort();
        told.dedup();
        prop_assert_eq!(told.len(), all);
        let keys: BTreeSet<_> = run.sent.iter().map(|(_, m)| &m.key).collect();
        prop_assert_eq!(keys.len(), run.sent.len());
    }
}
