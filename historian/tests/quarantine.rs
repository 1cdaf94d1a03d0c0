//! The quarantine's room, what is settled in it, and the ledger by the minute.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use historian::{
    Archive, Batch, Config, Ignored, LedgerDelta, QuarantineStats, Quarantined, Selection, Settled, Verdict,
    open_read_only, verify,
};
use plant::Timestamp;
use support::{Embedded, End, START, Store, restless};

const HEAD: usize = 4_096;

fn at(s: i64) -> Timestamp {
    START + Duration::from_secs(s as u64)
}

fn archive(store: &Embedded) -> Archive {
    store.historian().archive()
}

/// A message of `size` bytes of value `n`.
fn message(n: u8, size: usize, code: &str) -> Quarantined {
    let payload = vec![n; size];
    let (head, rest) = payload.split_at(size.min(HEAD));
    Quarantined {
        t: at(i64::from(n)),
        source: "plc".into(),
        topic: format!("line/{}", n % 3).into(),
        size: size as u64,
        head: head.into(),
        rest: rest.into(),
        code: code.into(),
        reason: "expected this, found that; do something".into(),
    }
}

fn put(store: &Embedded, q: Quarantined) {
    let ledger = LedgerDelta { source: q.source.clone(), received: 1, quarantined: 1, ..LedgerDelta::default() };
    store.put(Batch { quarantine: vec![q], ledger: vec![ledger], ..Batch::default() }).unwrap();
}

fn settled(id: u64, code: &str, verdict: Verdict) -> Settled {
    Settled { id, code: code.into(), verdict }
}

fn always(store: &mut Embedded, look: impl Fn(&Embedded)) {
    look(store);
    for how in [End::Killed, End::Closed] {
        store.restart(how);
        look(store);
    }
}

fn ids(store: &Embedded, which: &Selection) -> Vec<u64> {
    archive(store).quarantine_ids(which).unwrap()
}

#[test]
fn whole_payloads_are_kept_within_a_budget_and_the_oldest_are_cut_first() {
    // Room for two payloads of 10,000 bytes and the heads of the others.
    let budget = (2 * 10_000 + 3 * HEAD) as u64;
    let mut store = Embedded::new(|dir| Config { quarantine_bytes: budget, ..restless(dir) });
    for n in 1..=5 {
        put(&store, message(n, 10_000, "json_syntax"));
    }
    always(&mut store, |s| {
        let list = archive(s).quarantine(None, 9).unwrap();
        let brief: Vec<_> = list.iter().map(|q| (q.id, q.complete, q.entry.rest.len())).collect();
        let wanted = [(5, true, 0), (4, true, 0), (3, false, 0), (2, false, 0), (1, false, 0)];
        assert_eq!(brief, wanted, "lists do without the rest");
        let whole = archive(s).quarantine_entry(5).unwrap().unwrap();
        assert_eq!([&whole.entry.head[..], &whole.entry.rest[..]].concat(), vec![5; 10_000]);
        let cut = archive(s).quarantine_entry(3).unwrap().unwrap();
        assert_eq!((cut.complete, cut.entry.head.len(), cut.entry.rest.len()), (false, HEAD, 0));
        let wanted = QuarantineStats { waiting: 5, complete: 2, discarded: 0, bytes: budget, cut: 3, dropped: 0 };
        assert_eq!(archive(s).quarantine_stats().unwrap(), wanted);
        assert!(verify(s.dir()).unwrap().is_clean());
    });
    // Small ones need room too: the rests go, then the oldest heads.
    for n in 6..=14 {
        put(&store, message(n, HEAD, "json_syntax"));
    }
    let stats = archive(&store).quarantine_stats().unwrap();
    assert!(stats.bytes <= budget, "{stats:?}");
    assert_eq!((stats.cut, stats.waiting + stats.dropped), (5, 14));
    assert_eq!(archive(&store).quarantine_groups().unwrap()[0].count, 14, "what is gone is still counted");
}

#[test]
fn a_payload_above_the_bound_of_one_message_keeps_its_head() {
    let store = Embedded::new(|dir| Config { quarantine_message_bytes: 9_999, ..Config::new(dir) });
    put(&store, message(1, 10_000, "a"));
    put(&store, message(2, 9_999, "a"));
    let complete: Vec<_> = archive(&store).quarantine(None, 9).unwrap().iter().map(|q| q.complete).collect();
    assert_eq!(complete, [true, false]);
}

#[test]
fn what_is_released_goes_and_what_failed_again_says_why() {
    let mut store = Embedded::new(restless);
    for n in 1..=6 {
        put(&store, message(n, 5_000, if n < 5 { "unmapped" } else { "unit_unknown" }));
    }
    let failed = Verdict::Failed { code: "unit_unknown".into(), reason: "expected a unit".into() };
    let batch = Batch {
        settled: vec![
            settled(1, "unmapped", Verdict::Released),
            settled(2, "unmapped", failed),
            settled(5, "unit_unknown", Verdict::Released),
            settled(77, "unmapped", Verdict::Released),
        ],
        ledger: vec![LedgerDelta { source: "plc".into(), committed: 3, released: 3, ..LedgerDelta::default() }],
        ..Batch::default()
    };
    store.put(batch).unwrap();
    always(&mut store, |s| {
        assert_eq!(ids(s, &Selection::default()), [2, 3, 4, 6]);
        let by_code = Selection { codes: vec!["unit_unknown".into()], ..Selection::default() };
        assert_eq!(ids(s, &by_code), [2, 6]);
        let again = archive(s).quarantine_entry(2).unwrap().unwrap();
        assert_eq!(
            (&*again.entry.code, &*again.entry.reason, again.complete),
            ("unit_unknown", "expected a unit", true)
        );
        assert_eq!(again.entry.rest.len(), 5_000 - HEAD);
        let groups = archive(s).quarantine_groups().unwrap();
        let brief: Vec<_> = groups.iter().map(|g| (&*g.code, g.count, g.first, g.last)).collect();
        // The third that was released had aged out of the entries; it counts all the same.
        assert_eq!(brief, [("unit_unknown", 2, at(2), at(6)), ("unmapped", 1, at(1), at(4))]);
        let total = archive(s).ledger_total().unwrap();
        assert_eq!((total.received, total.committed, total.quarantined, total.released), (6, 3, 3, 0));
        assert!(total.adds_up());
        assert_eq!(groups.iter().map(|g| g.count).sum::<u64>(), total.quarantined);
        let topics = archive(s).quarantine_topics("unmapped", 9).unwrap();
        let brief: Vec<_> = topics.iter().map(|t| (&*t.topic, t.waiting, t.complete, t.first)).collect();
        assert_eq!(brief, [("line/0", 1, 1, at(3)), ("line/1", 1, 1, at(4))]);
    });
}

#[test]
fn what_a_person_does_not_need_is_put_aside_counted_and_can_be_had_back() {
    let mut store = Embedded::new(restless);
    for n in 1..=3 {
        put(&store, message(n, 10, "unmapped"));
    }
    let settle = |store: &Embedded, id, verdict| {
        store.put(Batch { settled: vec![settled(id, "unmapped", verdict)], ..Batch::default() }).unwrap();
    };
    let why: Arc<str> = "zhang: a test of the fitter".into();
    for _ in 0..2 {
        settle(&store, 1, Verdict::Discarded { why: why.clone() });
    }
    settle(&store, 2, Verdict::Discarded { why: why.clone() });
    settle(&store, 2, Verdict::Restored);
    settle(&store, 3, Verdict::Restored);
    always(&mut store, |s| {
        assert_eq!(ids(s, &Selection::default()), [2, 3]);
        assert_eq!(ids(s, &Selection { discarded: true, ..Selection::default() }), [1]);
        assert_eq!(archive(s).quarantine_entry(1).unwrap().unwrap().discarded, Some(why.clone()));
        let group = archive(s).quarantine_groups().unwrap().remove(0);
        assert_eq!((group.count, group.discarded), (3, 1));
        assert_eq!(archive(s).ledger_total().unwrap().quarantined, 3, "it was never understood");
    });
}

#[test]
fn selections_go_by_number_code_source_and_topic() {
    let store = Embedded::new(restless);
    for n in 0..6 {
        let mut m = message(n, 3, if n % 2 == 0 { "a" } else { "b" });
        m.source = if n < 3 { "one" } else { "two" }.into();
        put(&store, m);
    }
    let topics = |t: &[&str]| Selection { topics: t.iter().map(|t| (*t).into()).collect(), ..Selection::default() };
    assert_eq!(ids(&store, &topics(&["line/0", "line/1"])), [1, 2, 4, 5]);
    assert_eq!(ids(&store, &topics(&["line/#"])).len(), 6);
    assert_eq!(ids(&store, &topics(&["lin/#"])), [0_u64; 0]);
    let mixed = Selection {
        ids: vec![1, 3, 5, 6],
        codes: vec!["a".into()],
        sources: vec!["two".into()],
        ..Selection::default()
    };
    assert_eq!(ids(&store, &mixed), [5]);
    let page = archive(&store).quarantine_list(&topics(&["line/0", "line/1"]), Some(5), 2).unwrap();
    assert_eq!(page.iter().map(|q| q.id).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn the_ledger_is_kept_by_the_minute_and_later_by_the_hour() {
    let mut store = Embedded::new(|dir| Config {
        ledger_minutes: Duration::from_secs(2 * 3_600),
        ledger_hours: Duration::from_secs(5 * 3_600),
        ..restless(dir)
    });
    let line = |source: &str, n| LedgerDelta {
        source: source.into(),
        received: n,
        committed: n,
        gaps: 1,
        ..LedgerDelta::default()
    };
    // START is 20 s after a minute and 13 min 20 s after an hour.
    for minute in 0..600u64 {
        store.put(Batch { ledger: vec![line("a", 2), line("b", minute % 3)], ..Batch::default() }).unwrap();
        store.clock.advance(Duration::from_secs(60));
        if minute % 97 == 50 {
            store.restart(End::Killed);
        }
    }
    let total = archive(&store).ledger_total().unwrap();
    assert_eq!((total.received, total.gaps), (1_800, 1_200));
    always(&mut store, |s| {
        let (lines, spans) = archive(s).ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert!(lines.windows(2).all(|w| w[0].t <= w[1].t));
        let widths = |secs| spans.iter().filter(|l| l.width.as_secs() == secs).count();
        assert!((2..=4).contains(&widths(3_600)), "{}", widths(3_600));
        assert!((120..=181).contains(&widths(60)), "{}", widths(60));
        // No commit is missing between the first and the last.
        assert!(spans.windows(2).all(|w| w[0].last + 1 == w[1].first && w[0].t + w[0].width <= w[1].t));
        assert_eq!(spans.last().unwrap().last, 600);
        // Every line of "a" holds as many messages as there were commits of it.
        for span in &spans {
            let of_a = lines.iter().find(|l| l.t == span.t && &*l.counts.source == "a").unwrap();
            assert_eq!(of_a.counts.received, 2 * (span.last + 1 - span.first));
            assert_eq!(of_a.width, span.width);
        }
        // A store that is only read says the same.
        let (seen, _) = open_read_only(s.dir()).unwrap();
        assert_eq!(seen.ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap(), (lines.clone(), spans.clone()));
        let (some, _) = archive(s).ledger_history(lines[10].t, lines[14].t).unwrap();
        assert_eq!(some, lines[10..14]);
    });
}

#[test]
fn ever_new_sources_do_not_fill_the_ledger_of_minutes() {
    let store = Embedded::new(|dir| Config { ledger_lines: 500, ..Config::new(dir) });
    for minute in 0..250u64 {
        let ledger = (0..50)
            .map(|i| LedgerDelta {
                source: format!("{minute}-{i}").into(),
                received: 1,
                refused: 1,
                ..Default::default()
            })
            .collect();
        store.put(Batch { ledger, ..Batch::default() }).unwrap();
        store.clock.advance(Duration::from_secs(60));
    }
    let (lines, _) = archive(&store).ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap();
    assert!(lines.len() < 500 + 3 * 60 * 50, "{} lines", lines.len());
    assert_eq!(archive(&store).ledger_total().unwrap().refused, 12_500);
    let crowd = (0..3_000)
        .map(|i| LedgerDelta { source: format!("c{i}").into(), received: 1, refused: 1, ..Default::default() })
        .collect();
    let before = lines.len();
    store.put(Batch { ledger: crowd, ..Batch::default() }).unwrap();
    let (lines, _) = archive(&store).ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap();
    assert!(lines.len() - before <= 1_001);
    assert_eq!(lines.iter().find(|l| &*l.counts.source == "(others)").unwrap().counts.refused, 2_000);
}

#[test]
fn names_that_are_not_to_be_offered_are_kept() {
    let mut store = Embedded::new(restless);
    let name = |machine: &str, point: Option<&str>, ignored| Ignored {
        machine: machine.parse().unwrap(),
        point: point.map(Into::into),
        ignored,
    };
    let put = |store: &Embedded, ignored| store.put(Batch { ignored, ..Batch::default() }).unwrap();
    put(&store, vec![name("s/b", None, true), name("s/a", Some("x"), true), name("s/a", Some("y"), true)]);
    put(&store, vec![name("s/a", Some("y"), false)]);
    always(&mut store, |s| {
        let wanted = [name("s/a", Some("x"), true), name("s/b", None, true)];
        assert_eq!(s.historian().register().ignored().unwrap(), wanted);
    });
}
