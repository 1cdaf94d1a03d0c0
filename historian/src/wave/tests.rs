//! What is asked of wave.db from within: room for the disk, and files that are not as ours are.

use std::collections::BTreeSet;
use std::path::Path;

use plant::Name;

use super::tend::{Ask, Moment};
use super::*;
use crate::JournalEntry;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// An alarm of machine `s/m`, if there was one, whose evidence is this record.
struct Alarm(Option<(Timestamp, WaveformId)>);

impl Ask for Alarm {
    fn journal(&self, after: (Seq, u32), _: usize) -> Result<Vec<JournalEntry>, ReadError> {
        let entry = |(t, id): (Timestamp, WaveformId)| {
            let point: PointId = "s/m/p".parse().unwrap();
            let transition = plant::AlarmTransition {
                key: plant::AlarmKey {
                    machine: point.machine(),
                    point: Some(point),
                    condition: plant::AlarmCondition::Bearing(Name::new("DE").unwrap(), plant::BearingFault::OuterRace),
                },
                t,
                from: plant::AlarmState::Normal,
                to: plant::AlarmState::Unacknowledged,
                trigger: plant::Trigger::Raised,
                priority: plant::Priority::High,
                value: None,
                limit: None,
                unit: None,
                evidence: plant::Evidence { waveform: Some(id), ..plant::Evidence::default() },
                inhibited: None,
                first_out: false,
            };
            JournalEntry { seq: 7, n: 0, transition }
        };
        Ok(self.0.filter(|_| after < (7, 0)).map(entry).into_iter().collect())
    }
    fn diagnoses(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<Vec<plant::Diagnosis>, ReadError> {
        Ok(Vec::new())
    }
}

/// A file with one record of 8 KiB a minute, of commit 9.
fn filled(dir: &Path, records: u32) -> Wave {
    let mut wave = Wave::open(dir, 8, WavePolicy::default()).unwrap();
    let all = (0..records).map(|n| {
        let mut x = u64::from(n) | 1;
        let mut noise = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 48) as i16
        };
        let samples = Samples::I16 { raw: (0..4_096).map(|_| noise()).collect(), scale: 1.0, offset: 0.0 };
        let (t0, unit) = (START + MINUTE * n, Unit::parse("m/s²").unwrap());
        let (id, point, meta) = (WaveformId(u128::from(n)), "s/m/p".parse().unwrap(), Default::default());
        Arc::new(Waveform::new(id, point, t0, t0, 1e4, unit, samples, meta).unwrap())
    });
    wave.write(9, START, &all.collect::<Vec<_>>()).unwrap();
    wave
}

/// Tends until two steps in a row change nothing.
fn settle(wave: &mut Wave, ask: &Alarm) -> crate::WaveStats {
    let (mut before, mut same, mut t) = (sums::stats(&wave.conn).unwrap(), 0, START + MINUTE);
    while same < 2 {
        t = t + MINUTE / 60;
        wave.tend(Moment { t, followed: Seq::MAX, idle: true }, ask).unwrap();
        let now = sums::stats(&wave.conn).unwrap();
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
    before
}

fn left(wave: &Wave) -> BTreeSet<u128> {
    ids(&wave.conn).unwrap().iter().map(|id| id.0).collect()
}

#[test]
fn the_disk_gets_the_room_it_asks_for_but_not_that_of_what_is_protected() {
    let dir = tempfile::tempdir().unwrap();
    let mut wave = filled(dir.path(), 200);
    wave.committed();
    let alarm = Alarm(Some((START + MINUTE * 100, WaveformId(3))));
    let before = settle(&mut wave, &alarm);
    assert_eq!((before.records, before.evidence, before.dropped.len()), (200, 1, 0));

    let asked = 400_000;
    assert_eq!(wave.shed(asked).unwrap(), asked);
    let after = settle(&mut wave, &alarm);
    let freed = before.file_bytes - after.file_bytes;
    assert!(freed >= asked && freed < asked * 3, "{freed} of {asked} asked for");
    assert_eq!(after.file_bytes, after.used_bytes, "nothing is kept back");
    assert_eq!((after.dropped.len(), after.dropped[0].reason), (1, crate::DropReason::Disk));
    assert!(!left(&wave).contains(&0) && left(&wave).contains(&199), "the oldest went");

    // All of it: what the alarm asks for stays, and no more is promised than there is.
    let promised = wave.shed(u64::MAX).unwrap();
    assert!(promised < after.bytes, "{promised} of {}", after.bytes);
    let end = settle(&mut wave, &alarm);
    let near: BTreeSet<u128> = (70..=130).chain([3]).collect();
    assert_eq!(left(&wave), near);
    assert_eq!((end.near_alarms, end.evidence), (61, 1));
    assert_eq!(wave.shed(u64::MAX).unwrap(), 0);
    assert_eq!(wave.shed(0).unwrap(), 0);
    assert!(sums::check_totals(&wave.conn).unwrap());
}

#[test]
fn rows_of_a_commit_that_never_was_are_not_tended() {
    let dir = tempfile::tempdir().unwrap();
    let mut wave = filled(dir.path(), 20);
    wave.shed(1 << 30).unwrap();
    settle(&mut wave, &Alarm(None));
    assert_eq!(left(&wave).len(), 20);
    assert!(wave.is_unclean());
    wave.clean(8).unwrap();
    let stats = settle(&mut wave, &Alarm(None));
    assert_eq!((stats.records, stats.dropped.len()), (0, 0), "they are taken back, and not counted as dropped");
}

#[test]
fn a_file_that_cannot_give_pages_back_is_tended_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    {
        let conn = Connection::open(dir.path().join("wave.db")).unwrap();
        conn.execute_batch("PRAGMA page_size=16384; CREATE TABLE early (x); DROP TABLE early;").unwrap();
    }
    let mut wave = filled(dir.path(), 200);
    wave.committed();
    wave.shed(1 << 30).unwrap();
    let stats = settle(&mut wave, &Alarm(None));
    assert_eq!(stats.records, 0);
    assert!(stats.file_bytes > stats.used_bytes + (3 << 20), "{stats:?}");
    assert_eq!(wave.shed(1 << 30).unwrap(), 0, "free pages that stay are not promised");
}

#[test]
fn alarms_beyond_the_log_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut wave = filled(dir.path(), 1);
    wave.committed();
    settle(&mut wave, &Alarm(Some((START, WaveformId(0)))));
    let position = |wave: &Wave| {
        let sql = "SELECT value FROM meta WHERE key = 'journal_seq'";
        wave.conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(position(&wave), 7);
    drop(wave);
    for (head, expected) in [(9, 7), (5, 5)] {
        assert_eq!(position(&Wave::open(dir.path(), head, WavePolicy::default()).unwrap()), expected);
    }
}
