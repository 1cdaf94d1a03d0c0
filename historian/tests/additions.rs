//! What came after the first release of the files: mapping rules and what is kept aside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;

use historian::{Batch, Config, Historian, Staged, open_read_only, verify};
use plant::AssetChange;
use plant::mapping::{PayloadFormat, Rule, RuleSet, RuleValue};

use support::{Embedded, End, clock, restless};

fn rules(revision: u64) -> Arc<RuleSet> {
    let value = RuleValue {
        field: "/v".parse().unwrap(),
        point: "{p}".parse().unwrap(),
        unit: plant::Unit::parse("°C"),
        scale: 0.1,
        offset: 0.0,
        optional: false,
    };
    let rule = Rule {
        name: plant::Name::new("first").unwrap(),
        enabled: true,
        topic: "gw/{m}/{p}".parse().unwrap(),
        format: PayloadFormat::Json { each: None },
        site: "s".parse().unwrap(),
        machine: "{m}".parse().unwrap(),
        values: vec![value],
        time: None,
        filters: Vec::new(),
    };
    Arc::new(RuleSet::new(revision, vec![rule]).unwrap())
}

fn staged(key: &str, body: &[u8]) -> Staged {
    Staged { key: key.into(), body: body.into() }
}

fn stage(pieces: Vec<Staged>) -> Batch {
    Batch { staged: pieces, ..Batch::default() }
}

#[test]
fn the_last_rules_hold_however_a_run_ends() {
    let mut store = Embedded::new(restless);
    for revision in 1..=3 {
        let change = AssetChange::Rules(rules(revision));
        store.put(Batch { changes: vec![change], ..Batch::default() }).unwrap();
    }
    for end in [End::Killed, End::Closed] {
        use support::Store;
        store.restart(end);
        assert_eq!(store.historian().register().plant().rules, rules(3));
    }
    assert_eq!(open_read_only(store.dir()).unwrap().1.plant().rules, rules(3));
}

#[test]
fn what_is_kept_aside_is_durable_with_its_batch_until_it_is_taken_away() {
    let mut store = Embedded::new(restless);
    store.put(stage(vec![staged("b", b"1"), staged("a", b"2"), staged("c", &[7; 300_000])])).unwrap();
    store.put(stage(vec![staged("b", b"3"), staged("a", b"")])).unwrap();
    for end in [End::Killed, End::Closed] {
        use support::Store;
        store.restart(end);
        let kept = store.historian().archive().staged().unwrap();
        assert_eq!(kept, [staged("b", b"3"), staged("c", &[7; 300_000])]);
    }
    assert!(verify(store.dir()).unwrap().faults.is_empty());
}

#[test]
fn a_store_of_before_there_were_any_is_read_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    Historian::open(Config::new(dir.path()), clock()).unwrap().close().unwrap();
    rusqlite::Connection::open(dir.path().join("ts.db")).unwrap().execute_batch(support::TS_4).unwrap();
    rusqlite::Connection::open(dir.path().join("state.db")).unwrap().execute_batch(support::STATE_6).unwrap();
    for (file, table, version) in [("state.db", "own", 5), ("state.db", "rules", 4), ("ts.db", "staged", 3)] {
        let conn = rusqlite::Connection::open(dir.path().join(file)).unwrap();
        conn.execute_batch(&format!("DROP TABLE {table}; PRAGMA user_version={version};")).unwrap();
    }
    let (archive, register) = open_read_only(dir.path()).unwrap();
    assert_eq!(register.plant().rules.revision(), 0);
    assert_eq!(archive.staged().unwrap(), []);
    assert!(verify(dir.path()).unwrap().faults.is_empty());
    let historian = Historian::open(Config::new(dir.path()), clock()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let batch =
        Batch { changes: vec![AssetChange::Rules(rules(1))], staged: vec![staged("k", b"v")], ..Batch::default() };
    runtime.block_on(historian.recorder().commit(batch)).unwrap();
    historian.close().unwrap();
    let (archive, register) = open_read_only(dir.path()).unwrap();
    assert_eq!(register.plant().rules, rules(1));
    assert_eq!(archive.staged().unwrap(), [staged("k", b"v")]);
}
