//! A store that the first released version wrote (`format-1`, as SQL) is read as it stands, and brought up when it is
//! opened.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::sync::Arc;

use historian::{Archive, Batch, Config, Historian, OpenError, Register, Retained, Selection, open_read_only, verify};
use plant::{Condition, ManualClock, Priority, SeriesKey, Timestamp, Value};
use support::{START, point};

const FILES: [(&str, &str); 3] = [
    ("ts.db", include_str!("format-1/ts.sql")),
    ("wave.db", include_str!("format-1/wave.sql")),
    ("state.db", include_str!("format-1/state.sql")),
];

fn write_format_1(dir: &Path) {
    for (file, sql) in FILES {
        rusqlite::Connection::open(dir.join(file)).unwrap().execute_batch(sql).unwrap();
    }
}

fn open(dir: &Path) -> Historian {
    Historian::open(Config::new(dir), Arc::new(ManualClock::new(START))).unwrap()
}

/// What the old version had written.
fn look(archive: &Archive, register: &Register) {
    let series = SeriesKey::raw(point("s/fan/bearing_temp"));
    assert_eq!(archive.range(&series, Timestamp::MIN, Timestamp::MAX, 9).unwrap().len(), 3);
    let ledger = archive.ledger_total().unwrap();
    assert_eq!((ledger.received, ledger.committed, ledger.quarantined, ledger.refused), (9, 3, 3, 3));
    let ids: Vec<_> = archive.quarantine(None, 9).unwrap().iter().map(|q| q.id).collect();
    assert_eq!(ids, [3, 2, 1]);
    let groups = archive.quarantine_groups().unwrap();
    assert_eq!(groups.iter().map(|g| (&*g.code, g.count)).collect::<Vec<_>>(), [("json_syntax", 2), ("unmapped", 1)]);
    let complete: Vec<_> = archive.quarantine(None, 9).unwrap().iter().map(|q| q.complete).collect();
    assert_eq!(complete, [false, true, true], "of the first, 9,000 bytes came and 16 were kept");
    let (lines, _) = archive.ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap();
    assert_eq!(lines.iter().map(|l| l.counts.received).sum::<u64>(), 9, "what the log still says, by the minute");
    assert!(register.plant().machine("s/fan").is_some());
    let plc = register.device("plc").unwrap().expect("what was a user is a device");
    assert_eq!((plc.hash.as_deref(), plc.role.as_str(), plc.revoked), (Some("$hash"), "unrestricted", None));
    assert!(plc.own.is_empty(), "what came later is empty in an old store");
    assert_eq!(register.devices().unwrap().len(), 1);
}

#[test]
fn a_store_of_the_first_format_is_read_and_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    write_format_1(dir.path());
    let (archive, register) = open_read_only(dir.path()).unwrap();
    look(&archive, &register);
    assert_eq!(register.retained().unwrap(), [], "what came later is empty in an old store");
    assert!(verify(dir.path()).unwrap().is_clean());
    assert_eq!(archive.quarantine_ids(&Selection::default()).unwrap(), [0_u64; 0]);
    assert_eq!(&archive.quarantine_entry(3).unwrap().unwrap().entry.head[..], [7; 16]);
    drop((archive, register));

    let retained =
        Retained { topic: "t".into(), payload: b"v"[..].into(), qos: 1, properties: [][..].into(), expires: None };
    for round in 0..2 {
        let historian = open(dir.path());
        look(&historian.archive(), &historian.register());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let condition = Condition {
            name: Condition::DISK_SPACE.parse().unwrap(),
            priority: Priority::High,
            active: round == 0,
            detail: [("free_bytes".into(), Value::Int(1 << 30)), ("why".into(), Value::Text("near".into()))].into(),
        };
        let batch = Batch { retained: vec![retained.clone()], conditions: vec![condition.clone()], ..Batch::default() };
        let seq = runtime.block_on(historian.recorder().commit(batch)).unwrap();
        assert_eq!(seq, 4 + round);
        let rows = runtime.block_on(async {
            // From the log: the commits of the old version, and those of the opening before this one.
            let mut tail = historian.tail(0);
            let mut rows = Vec::new();
            for _ in 0..seq {
                rows.push(tail.next().await.unwrap().batch.conditions.clone());
            }
            rows
        });
        assert_eq!(rows[..3], [vec![], vec![], vec![]], "an old row says nothing of the platform");
        assert_eq!(rows.last(), Some(&vec![condition]));
        assert!(rows[3..].iter().all(|c| c.len() == 1), "{rows:?}");
        let topic = Selection { topics: vec!["a/0".into()], ..Selection::default() };
        assert_eq!(historian.archive().quarantine_ids(&topic).unwrap(), [1, 3], "by what format 2 looks them through");
        assert_eq!(historian.register().retained().unwrap(), std::slice::from_ref(&retained));
        historian.close().unwrap();
        assert!(verify(dir.path()).unwrap().is_clean());
    }
}

#[test]
fn a_store_of_a_later_format_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close().unwrap();
    let state = rusqlite::Connection::open(dir.path().join("state.db")).unwrap();
    let ours: i64 = state.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    state.pragma_update(None, "user_version", ours + 1).unwrap();
    let refused = |e| matches!(e, OpenError::Format { found, expected, .. } if (found, expected) == (ours + 1, ours));
    assert!(refused(Historian::open(Config::new(dir.path()), Arc::new(ManualClock::new(START))).unwrap_err()));
    assert!(refused(open_read_only(dir.path()).unwrap_err()));
    assert_eq!(state.query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)).unwrap(), ours + 1);
}
