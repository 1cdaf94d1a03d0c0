use proptest::prelude::*;

use plant::{AlarmCondition, AlarmState, Evidence};

use super::*;

const BEGIN: i64 = 1_700_000_400;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(BEGIN + s)
}

/// A period of so many seconds that begins with a slot.
fn period(length: i64) -> Period {
    Period::new(at(0), at(length)).unwrap()
}

fn key(n: u32) -> AlarmKey {
    let point: plant::PointId = format!("s/m/p{n}").parse().unwrap();
    AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High }
}

/// A journal by hand: every step follows from the state before it.
struct Journal {
    study: Study,
    states: std::collections::BTreeMap<u32, AlarmState>,
    priority: Priority,
}

impl Journal {
    fn new(length: i64) -> Self {
        Self { study: Study::new(period(length)), states: [].into(), priority: Priority::High }
    }

    fn say(&mut self, n: u32, t: Timestamp, trigger: Trigger) {
        use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
        let from = self.states.get(&n).copied().unwrap_or_default();
        let to = match (&trigger, from) {
            (Trigger::Raised, _) => Unacknowledged,
            (Trigger::Cleared, Unacknowledged) => ReturnedUnacknowledged,
            (Trigger::Cleared, _) => Normal,
            (Trigger::Acknowledged { .. }, Unacknowledged) => Acknowledged,
            (Trigger::Acknowledged { .. }, _) => Normal,
            _ => from,
        };
        self.states.insert(n, to);
        self.study.step(&step(n, t, from, to, trigger, self.priority));
    }

    fn raise(&mut self, n: u32, s: i64) -> &mut Self {
        self.say(n, at(s), Trigger::Raised);
        self
    }

    fn clear(&mut self, n: u32, s: i64) -> &mut Self {
        self.say(n, at(s), Trigger::Cleared);
        self
    }

    fn acknowledge(&mut self, n: u32, s: i64) -> &mut Self {
        self.say(n, at(s), Trigger::Acknowledged { by: "lin".into() });
        self
    }

    fn finish(self) -> Performance {
        self.study.finish()
    }
}

fn step(
    n: u32,
    t: Timestamp,
    from: AlarmState,
    to: AlarmState,
    trigger: Trigger,
    priority: Priority,
) -> AlarmTransition {
    let (value, limit, unit, evidence) = (None, None, None, Evidence::default());
    AlarmTransition {
        key: key(n),
        t,
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
    }
}

fn kpi(p: &Performance, code: KpiCode) -> Kpi {
    p.kpis(1).into_iter().find(|k| k.code == code).unwrap()
}

#[test]
fn periods_have_an_end_and_are_not_longer_than_a_quarter() {
    assert_eq!(Period::new(at(0), at(0)), None);
    assert_eq!(Period::new(at(1), at(0)), None);
    assert_eq!(Period::new(at(0), at(92 * DAY + 1)), None);
    assert_eq!(Period::new(at(0), at(92 * DAY)).unwrap().length(), LONGEST);
}

#[test]
fn an_empty_period_meets_what_it_can_and_says_nothing_of_shares() {
    let p = Journal::new(DAY).finish();
    assert_eq!((p.annunciations, p.alarms, p.rate.slots.len(), p.rate.histogram[0]), (0, 0, 144, 144));
    assert_eq!((p.top_share(), p.acknowledgement.median, p.rate.flood_share), (None, None, 0.0));
    let met: Vec<_> = p.kpis(1).iter().map(Kpi::met).collect();
    let (yes, none) = (Some(true), None);
    assert_eq!(met, [yes, yes, yes, yes, none, yes, yes, yes, none, none, none, none]);
}

#[test]
fn rates_are_counted_by_slot_by_any_ten_minutes_and_by_day() {
    let mut j = Journal::new(2 * DAY);
    // Nine in the last five minutes of a slot and seven in the first of the next: no flood, and sixteen in ten minutes.
    for i in 0..16 {
        j.raise(i, 3_300 + i64::from(i) * 37);
    }
    for i in 0..4 {
        j.raise(i, DAY + i64::from(i) * HOUR);
    }
    let p = j.finish();
    assert_eq!(p.annunciations, 20);
    assert_eq!((p.rate.most_in_slot, p.rate.most_in_ten_minutes), (9, 16));
    assert_eq!(&p.rate.slots[4..8], [0, 9, 7, 0]);
    assert_eq!(p.rate.histogram, [282, 4, 0, 0, 2, 0, 0, 0]);
    assert!((p.rate.mean - 20.0 / 288.0).abs() < 1e-12);
    assert_eq!(p.rate.days.iter().map(|d| (d.annunciations, d.whole)).collect::<Vec<_>>(), [(16, true), (4, true)]);
    assert_eq!(p.rate.worst_day().unwrap().from, at(0));
    assert_eq!((kpi(&p, KpiCode::PerOperatorDay).value, kpi(&p, KpiCode::WorstDay).value), (Some(10.0), Some(16.0)));
    let two: Vec<_> = p.kpis(2).into_iter().take(2).map(|k| k.value).collect();
    assert_eq!(two, [Some(5.0), Some(8.0)]);
    assert_eq!(kpi(&p, KpiCode::MostInTenMinutes).met(), Some(false));
    assert!(p.rate.floods.is_empty());
}

#[test]
fn a_flood_goes_on_from_more_than_ten_to_fewer_than_five_in_ten_minutes() {
    let mut j = Journal::new(DAY);
    // Slot by slot: ten are no flood; eleven begin one; five go on with it; four end it; and one more at the end of the day.
    for (slot, n) in [(0, 10), (1, 11), (2, 5), (3, 30), (4, 4), (5, 10), (142, 11), (143, 6)] {
        for i in 0..n {
            j.raise(i, 600 * slot + i64::from(i));
        }
    }
    let p = j.finish();
    let flood = |from: i64, to: i64, annunciations, most_in_slot, open| Flood {
        from: at(600 * from),
        to: at(600 * to),
        annunciations,
        most_in_slot,
        open,
    };
    assert_eq!(p.rate.floods, [flood(1, 4, 46, 30, false), flood(142, 144, 17, 11, true)]);
    assert!((p.rate.flood_share - 5.0 / 144.0).abs() < 1e-12);
    assert_eq!(kpi(&p, KpiCode::FloodTime).met(), Some(false));
    assert_eq!(p.rate.histogram, [136, 0, 0, 2, 3, 2, 1, 0]);
}

#[test]
fn a_period_that_begins_within_a_slot_counts_what_lies_within_it() {
    let mut study = Study::new(Period::new(at(300), at(900)).unwrap());
    for s in [299, 300, 599, 600, 899, 900] {
        study.step(&step(1, at(s), AlarmState::Normal, AlarmState::Unacknowledged, Trigger::Raised, Priority::Low));
    }
    let p = study.finish();
    assert_eq!((p.annunciations, p.rate.slots, p.rate.first_slot), (4, vec![2, 2], at(0)));
    assert_eq!((p.rate.mean, p.rate.days[0].whole), (4.0, false));
    // A part of a day is the worst where there is no whole one.
    assert_eq!(p.rate.days.len(), 1);
}

#[test]
fn what_was_journaled_as_history_or_shown_anew_is_no_annunciation() {
    let mut j = Journal::new(DAY);
    j.say(1, at(10), Trigger::Historical);
    j.raise(1, 20);
    j.say(1, at(30), Trigger::Updated);
    j.say(1, at(40), Trigger::ValueLost);
    let p = j.finish();
    assert_eq!((p.annunciations, p.alarms, p.acknowledgement.waiting), (1, 1, 1));
}

#[test]
fn the_ten_most_frequent_are_named_with_their_share() {
    let mut j = Journal::new(DAY);
    for n in 0..12u32 {
        for i in 0..=n {
            j.raise(n, 100 * i64::from(n * 13 + i));
        }
    }
    let p = j.finish();
    assert_eq!((p.annunciations, p.alarms, p.top.len()), (78, 12, 10));
    assert_eq!((p.top[0].annunciations, &p.top[0].key, p.top[9].annunciations), (12, &key(11), 3));
    assert_eq!(p.top_share(), Some(75.0 / 78.0));
}

#[test]
fn an_alarm_chatters_when_it_comes_three_times_in_a_minute() {
    let mut j = Journal::new(DAY);
    // Twice in a minute; and a third time a second too late.
    j.raise(1, 0).raise(1, 30).raise(1, 61);
    // Three, a fourth, then two more that belong to the same; and a second time later.
    for s in [0, 10, 20, 60, 75, 79, 400, 430, 460] {
        j.raise(2, s);
    }
    let p = j.finish();
    assert_eq!((p.chattering_alarms, p.chattering.len()), (1, 1));
    let c = &p.chattering[0];
    assert_eq!((&c.key, c.episodes, c.annunciations, c.most_in_minute, c.last), (&key(2), 2, 9, 4, at(460)));
}

#[test]
fn an_alarm_is_fleeting_that_clears_at_once_and_does_not_come_again() {
    let mut j = Journal::new(DAY);
    // Ten seconds, alone: fleeting. Eleven: not.
    j.raise(1, 0).clear(1, 10).raise(1, 1_000).clear(1, 1_011);
    // Comes again within a minute: no longer fleeting, whichever of the two.
    j.raise(2, 0).clear(2, 5).raise(2, 60).clear(2, 65);
    // The last of the period.
    j.raise(3, 500).clear(3, 501).raise(3, 900).clear(3, 905);
    let p = j.finish();
    let found: Vec<_> = p.fleeting.iter().map(|f| (f.key.clone(), f.times)).collect();
    assert_eq!((found, p.fleeting_alarms), (vec![(key(3), 2), (key(1), 1)], 2));
}

#[test]
fn an_alarm_is_stale_that_stands_for_more_than_a_day() {
    let mut j = Journal::new(5 * DAY);
    // A day exactly is not enough.
    j.raise(1, 0).clear(1, DAY);
    j.raise(2, 0).clear(2, DAY + HOUR);
    // Stands until the end, from before the period, and is acknowledged in it.
    j.study.stood(&key(3), Priority::High, at(-7 * DAY));
    j.states.insert(3, AlarmState::Unacknowledged);
    j.acknowledge(3, HOUR);
    // Stood before, and nobody said since when: it counts from the beginning of the period.
    j.states.insert(4, AlarmState::Acknowledged);
    j.clear(4, 2 * DAY + HOUR);
    // Of no age yet.
    j.raise(5, 4 * DAY + HOUR);
    let p = j.finish();
    let found: Vec<_> = p.stale.iter().map(|s| (s.key.clone(), s.since, s.until)).collect();
    let want = [
        (key(3), at(-7 * DAY), None),
        (key(2), at(0), Some(at(DAY + HOUR))),
        (key(4), at(0), Some(at(2 * DAY + HOUR))),
    ];
    assert_eq!((&found[0], found.len()), (&want[0], 3));
    assert!(found.contains(&want[1]) && found.contains(&want[2]));
    assert_eq!((p.stale_alarms, p.stale_most_in_day), (3, 3));
    assert_eq!(p.annunciations, 3);
    // What was acknowledged was announced before the period.
    assert_eq!(p.acknowledgement.acknowledged, 0);
}

#[test]
fn what_was_stale_before_the_period_and_cleared_before_it_is_not_told() {
    let mut j = Journal::new(DAY);
    j.raise(1, -3 * DAY).clear(1, -DAY);
    // Cleared within it.
    j.raise(2, -3 * DAY).clear(2, HOUR);
    let p = j.finish();
    assert_eq!((p.stale.len(), &p.stale[0].key, p.stale_most_in_day, p.annunciations), (1, &key(2), 1, 0));
}

#[test]
fn priorities_are_told_in_four_and_in_the_three_classes_of_the_standards() {
    let mut j = Journal::new(DAY);
    for (i, (priority, n)) in
        [(Priority::Critical, 1), (Priority::High, 4), (Priority::Medium, 15), (Priority::Low, 80)]
            .into_iter()
            .enumerate()
    {
        j.priority = priority;
        for k in 0..n {
            j.raise(100 * i as u32 + k, 600 * i64::from(k));
        }
    }
    let p = j.finish();
    assert_eq!((p.priorities.each, p.priorities.classes()), ([1, 4, 15, 80], [5, 15, 80]));
    assert_eq!(kpi(&p, KpiCode::HighPriority), Kpi { code: KpiCode::HighPriority, value: Some(0.05) });
    assert_eq!(kpi(&p, KpiCode::HighPriority).met(), Some(true));
    assert_eq!(kpi(&p, KpiCode::HighAndMediumPriority).met(), Some(true));
}

#[test]
fn acknowledgement_is_timed_and_who_was_never_is_counted() {
    let mut j = Journal::new(DAY);
    // 10, 20, … 100 s.
    for n in 0..10u32 {
        let s = 1_000 * i64::from(n);
        j.raise(n, s).acknowledge(n, s + 10 * (i64::from(n) + 1)).clear(n, s + 500);
    }
    // Cleared, and raised anew before anybody had seen it; then seen after it cleared.
    j.raise(20, 0).clear(20, 50).raise(20, 100).clear(20, 120).acknowledge(20, 200);
    // Never.
    j.raise(21, 0).clear(21, 50);
    let a = j.finish().acknowledgement;
    assert_eq!((a.acknowledged, a.raised_anew, a.waiting, a.never()), (11, 1, 1, 2));
    // Of 10, 20, …, 100 and 100: the sixth and the tenth.
    let near = |d: Option<Duration>, s: f64| (d.unwrap().as_secs_f64() / s - 1.0).abs() < 0.012;
    assert!(near(a.median, 60.0) && near(a.p90, 100.0), "{a:?}");
}

#[test]
fn beyond_so_many_alarms_annunciations_are_counted_and_not_ascribed() {
    let mut j = Journal::new(DAY);
    for n in 0..MOST_ALARMS as u32 + 7 {
        j.raise(n, 5);
    }
    assert!(j.study.knows(&key(MOST_ALARMS as u32 + 1)), "there is no need to look for what cannot be taken in");
    let p = j.finish();
    assert_eq!((p.alarms, p.unascribed, p.annunciations), (MOST_ALARMS, 7, MOST_ALARMS as u64 + 7));
}

/// Raisings, clearings and acknowledgements of a few alarms, seconds apart, some at the same instant.
fn journals() -> impl Strategy<Value = Vec<(u32, i64, u8)>> {
    prop::collection::vec((0u32..6, 0i64..40, 0u8..3), 1..300).prop_map(|steps| {
        let mut t = 0;
        let later = |(n, after, what)| {
            t += after;
            (n, t, what)
        };
        steps.into_iter().map(later).collect()
    })
}

fn play(steps: &[(u32, i64, u8)]) -> Performance {
    let mut j = Journal::new(6 * HOUR);
    for (n, s, what) in steps {
        let active = j.states.get(n).is_some_and(|s| s.active());
        match what {
            0 if !active => _ = j.raise(*n, *s),
            1 if active => _ = j.clear(*n, *s),
            2 => _ = j.acknowledge(*n, *s),
            _ => {}
        }
    }
    j.finish()
}

proptest! {
    #[test]
    fn counts_add_up(steps in journals()) {
        let p = play(&steps);
        let n = p.annunciations;
        prop_assert_eq!(p.rate.slots.iter().map(|n| u64::from(*n)).sum::<u64>(), n);
        prop_assert_eq!(p.rate.days.iter().map(|d| d.annunciations).sum::<u64>(), n);
        prop_assert_eq!(p.rate.histogram.iter().sum::<u64>(), p.rate.slots.len() as u64);
        prop_assert_eq!(p.priorities.classes().iter().sum::<u64>(), n);
        prop_assert_eq!(p.top.iter().map(|a| a.annunciations).sum::<u64>(), n);
        prop_assert!(p.chattering.iter().map(|c| c.annunciations).sum::<u64>() <= n);
        let a = p.acknowledgement;
        // An alarm that was not raised within the period may be acknowledged in it, and that is not timed.
        prop_assert_eq!(a.acknowledged + a.never(), n);
        prop_assert!(p.rate.most_in_ten_minutes >= p.rate.most_in_slot);
        prop_assert!(p.rate.floods.windows(2).all(|f| f[0].to < f[1].from));
    }

    #[test]
    fn the_order_of_what_happened_at_the_same_time_to_different_alarms_changes_nothing(steps in journals()) {
        let mut other = steps.clone();
        // Stable: the steps of one alarm keep their order.
        other.sort_by_key(|(n, t, _)| (*t, std::cmp::Reverse(*n)));
        prop_assert_eq!(play(&steps), play(&other));
    }
}
