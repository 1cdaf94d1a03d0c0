//! Which waveforms are kept, and what becomes of the room that the others held.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use historian::{
    Archive, Batch, Capture, Config, DropReason, Historian, Progress, WavePolicy, WaveStats, open_read_only, verify,
};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, BearingVerdict, Clock, Diagnosis, Evidence, Finding,
    ManualClock, Name, Priority, Quantity, Samples, SensorState, Timestamp, Trigger, Unit, Value, Waveform, WaveformId,
    WaveformMeta, Zone, ZoneVerdict,
};
use support::{START, clock, point};
use tokio::runtime::Runtime;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

struct Store {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    runtime: Runtime,
    historian: Option<Historian>,
}

impl Store {
    fn new(waves: WavePolicy) -> Self {
        let mut store = Self {
            dir: tempfile::tempdir().unwrap(),
            clock: clock(),
            runtime: Runtime::new().unwrap(),
            historian: None,
        };
        store.open(waves);
        store
    }

    fn open(&mut self, waves: WavePolicy) {
        let config = Config { waves, tail_commits: 0, ..Config::new(self.dir.path()) };
        self.historian = Some(Historian::open(config, self.clock.clone()).unwrap());
    }

    fn close(&mut self) {
        self.historian.take().unwrap().close().unwrap();
    }

    fn kill(&mut self) {
        drop(self.historian.take());
    }

    fn put(&self, batch: Batch) -> u64 {
        self.runtime.block_on(self.historian.as_ref().unwrap().recorder().commit(batch)).unwrap()
    }

    fn archive(&self) -> Archive {
        self.historian.as_ref().unwrap().archive()
    }

    fn stats(&self) -> WaveStats {
        self.archive().wave_stats().unwrap()
    }

    /// Lets the store do what it has to do, until nothing changes any more.
    fn settle(&self) -> WaveStats {
        let (mut stats, mut same) = (self.stats(), 0);
        while same < 3 {
            for _ in 0..2 {
                self.clock.advance(Duration::from_secs(1));
                self.put(Batch::default());
            }
            let now = self.stats();
            same = if now == stats { same + 1 } else { 0 };
            stats = now;
        }
        stats
    }

    fn ids(&self, of: &str) -> BTreeSet<u128> {
        let all = self.archive().waveforms(&point(of), Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap();
        all.iter().map(|w| w.id.0).collect()
    }

    fn dropped(&self) -> BTreeMap<DropReason, u64> {
        self.stats().dropped.iter().map(|d| (d.reason, d.records)).collect()
    }

    /// Records and bytes that events have told of, and how many events.
    fn told(&self) -> (usize, i64, i64) {
        let all = self.archive().events(None, Timestamp::MIN, Timestamp::MAX, 999).unwrap();
        let all: Vec<_> = all.iter().filter(|e| e.kind.as_str() == "waveforms_dropped").collect();
        let sum = |field: &str| {
            all.iter().map(|e| if let Some(Value::Int(n)) = e.fields.get(field) { *n } else { 0 }).sum::<i64>()
        };
        (all.len(), sum("records"), sum("bytes"))
    }

    fn check(&self) {
        assert_eq!(verify(self.dir.path()).unwrap().faults, [""; 0]);
    }
}

/// A record of noise, that nothing compresses: about two bytes a sample.
fn record(id: u128, of: &str, t0: Timestamp, samples: usize) -> Arc<Waveform> {
    let mut x = id as u64 | 1;
    let mut noise = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 48) as i16
    };
    let raw = (0..samples).map(|_| noise()).collect();
    let samples = Samples::I16 { raw, scale: 0.01, offset: 0.0 };
    let unit = Unit::parse(if of.ends_with("amps") { "A" } else { "m/s²" }).unwrap();
    let meta = WaveformMeta::default();
    Arc::new(Waveform::new(WaveformId(id), point(of), t0, t0, 25_600.0, unit, samples, meta).unwrap())
}

fn alarm(of: &str, t: Timestamp, evidence: Option<u128>) -> Finding {
    Finding::Alarm(AlarmTransition {
        key: AlarmKey {
            machine: point(of).machine(),
            point: Some(point(of)),
            condition: AlarmCondition::Zone(Zone::D),
        },
        t,
        from: AlarmState::Normal,
        to: AlarmState::Unacknowledged,
        trigger: Trigger::Raised,
        priority: Priority::Critical,
        value: None,
        limit: None,
        unit: None,
        evidence: Evidence { waveform: evidence.map(WaveformId), ..Evidence::default() },
        inhibited: None,
        first_out: false,
    })
}

fn severe(w: &Waveform) -> Finding {
    Finding::Diagnosis(Diagnosis {
        waveform: w.id,
        point: w.point.clone(),
        t: w.t0,
        sensor: SensorState::Healthy,
        zone: ZoneVerdict::Zone {
            zone: Zone::D,
            velocity_mm_s: 12.0,
            boundaries: [1.4, 2.8, 4.5],
            basis: "ISO 20816-3 group 2 rigid".into(),
        },
        bearing: BearingVerdict::Refused(vec!["geometry".into()]),
    })
}

/// What a test knows of a record.
#[derive(Clone, Copy)]
struct Seen {
    id: u128,
    t0: Timestamp,
    since: Timestamp,
    protected: bool,
    telling: bool,
}

/// The policy once more, as plainly as it can be said.
fn expected(all: &[Seen], now: Timestamp) -> BTreeSet<u128> {
    let (young, daily) = ((now - 2 * DAY).align(HOUR), (now - 30 * DAY).align(DAY));
    let better = |a: &Seen, b: &Seen| (!a.telling, a.t0, a.id) < (!b.telling, b.t0, b.id);
    let first = |s: &Seen, width: Duration| {
        let rivals = all.iter().filter(|r| !r.protected && r.since < young && r.t0.align(width) == s.t0.align(width));
        !rivals.into_iter().any(|r| better(r, s))
    };
    let stays = |s: &&Seen| s.protected || s.since >= young || first(s, if s.since < daily { DAY } else { HOUR });
    all.iter().filter(stays).map(|s| s.id).collect()
}

#[test]
fn all_then_one_an_hour_then_one_a_day_and_what_alarms_ask_for() {
    let mut store = Store::new(WavePolicy::default());
    let mut seen: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
    let mut id = 0;
    for hour in 0..80u32 {
        store.clock.set(START + HOUR * (hour + 1));
        let mut batch = Batch::default();
        for of in ["s/m/vib", "s/n/vib"] {
            for n in 0..6u32 {
                id += 1;
                let t0 = START + HOUR * hour + 10 * MINUTE * n;
                let w = record(id, of, t0, 64);
                // In its hour and in its day it is not the first.
                let telling = of == "s/n/vib" && hour == 5 && n == 3;
                if telling {
                    batch.findings.push(severe(&w));
                }
                let near = of == "s/m/vib" && (hour == 10 && n <= 3 || hour == 9 && n >= 4);
                let evidence = of == "s/m/vib" && hour == 20 && n == 4;
                if evidence {
                    batch.findings.push(alarm(of, START + 10 * HOUR + 5 * MINUTE, Some(id)));
                }
                let protected = near || evidence;
                let one = Seen { id, t0, since: START + HOUR * (hour + 1), protected, telling };
                seen.entry(of).or_default().push(one);
                batch.waveforms.push(w);
            }
        }
        store.put(batch);
        if hour % 30 == 29 {
            store.kill();
            store.open(WavePolicy::default());
        }
    }
    let look = |store: &Store, least: usize| {
        let stats = store.settle();
        for (of, all) in &seen {
            let wanted = expected(all, store.clock.now());
            assert_eq!(store.ids(of), wanted, "{of}");
            assert!(wanted.len() + least < all.len(), "{of}: {} of {} stay", wanted.len(), all.len());
        }
        let stay = store.ids("s/m/vib").len() + store.ids("s/n/vib").len();
        assert_eq!(stats.records, stay as u64);
        assert_eq!((stats.near_alarms, stats.evidence), (6, 1));
        assert_eq!(stats.records + store.dropped().values().sum::<u64>(), 960);
        assert_eq!(store.told(), (0, 0, 0), "nothing was forced");
        store.check();
    };
    look(&store, 100);
    assert_eq!(store.dropped().keys().collect::<Vec<_>>(), [&DropReason::Hourly]);
    store.kill();
    store.open(WavePolicy::default());
    store.clock.advance(40 * DAY);
    look(&store, 400);
    assert!(store.dropped()[&DropReason::Daily] > 100);
    let telling = seen["s/n/vib"].iter().find(|s| s.telling).unwrap();
    assert!(store.ids("s/n/vib").contains(&telling.id));
    // What came late is young, whatever its time; then it is the one of its hour if it is the first.
    let late = record(9_999, "s/m/vib", START - 400 * DAY, 64);
    store.put(Batch { waveforms: vec![late], ..Batch::default() });
    store.settle();
    assert!(store.ids("s/m/vib").contains(&9_999));
    store.close();
    store.check();
}

#[test]
fn a_class_of_points_has_a_policy_of_its_own() {
    let short = Capture { all_for: HOUR, ..Capture::default() };
    let policy = WavePolicy { classes: BTreeMap::from([(Quantity::Current, short)]), ..WavePolicy::default() };
    let store = Store::new(policy);
    let of_both = |n: u128| {
        let t0 = START + 10 * MINUTE * n as u32;
        vec![record(2 * n, "s/m/vib", t0, 64), record(2 * n + 1, "s/m/amps", t0, 64)]
    };
    store.put(Batch { waveforms: (0..12).flat_map(of_both).collect(), ..Batch::default() });
    store.clock.advance(5 * HOUR);
    store.settle();
    // From 13 minutes past an hour, for two hours: three hours are touched.
    assert_eq!((store.ids("s/m/vib").len(), store.ids("s/m/amps").len()), (12, 3));
}

#[test]
fn beyond_the_quota_it_becomes_stricter_in_order_and_says_so_once_a_day() {
    let policy = |quota_bytes| WavePolicy { quota_bytes, ..WavePolicy::default() };
    let mut store = Store::new(policy(6 << 20));
    // Every 10 s for 150 minutes of one day, 8 KiB each.
    let mut t = START + 2 * HOUR;
    store.clock.set(t);
    for n in 0..150u128 {
        let waveforms = (0..6).map(|k| record(n * 6 + k, "s/m/vib", t + Duration::from_secs(10) * k as u32, 4_096));
        store.put(Batch { waveforms: waveforms.collect(), ..Batch::default() });
        t = t + MINUTE;
        store.clock.set(t);
    }
    let stats = store.settle();
    assert!(stats.used_bytes <= 6 << 20, "{stats:?}");
    assert_eq!(store.dropped().keys().collect::<Vec<_>>(), [&DropReason::QuotaHourly], "{stats:?}");
    let ids = store.ids("s/m/vib");
    // An alarm to come may still want the last half an hour.
    assert!((900 - 30 * 6 + 6..900).all(|id| ids.contains(&id)), "{ids:?}");
    assert!(ids.contains(&0), "of the first hour, the first record is kept");
    assert_eq!(store.told().0, 1);
    store.check();

    // Less than the last half an hour takes: first the one of each day is left, then none that nothing protects.
    let evidence = 895;
    let findings = vec![alarm("s/m/vib", t, Some(evidence))];
    store.put(Batch { findings, ..Batch::default() });
    store.settle();
    store.close();
    store.open(policy(2 << 20));
    let stats = store.settle();
    assert!(stats.used_bytes <= 2 << 20, "{stats:?}");
    let dropped = store.dropped();
    assert!(dropped[&DropReason::QuotaUnprotected] > 0, "{dropped:?}");
    assert!(dropped[&DropReason::QuotaNearAlarm] > 0, "{dropped:?}");
    assert!(!dropped.contains_key(&DropReason::QuotaEvidence), "{dropped:?}");
    let ids = store.ids("s/m/vib");
    assert_eq!(ids.len() as u64, stats.near_alarms + stats.evidence);
    assert!(ids.iter().all(|id| *id == evidence || *id >= 900 - ids.len() as u128), "the oldest went first: {ids:?}");
    assert_eq!(store.told().0, 1, "there was one today");

    store.kill();
    store.open(policy(0));
    let stats = store.settle();
    assert_eq!((stats.records, stats.evidence), (0, 0), "{stats:?}");
    assert_eq!(store.dropped()[&DropReason::QuotaEvidence], 1);
    assert_eq!(store.dropped().values().sum::<u64>(), 900);
    store.clock.advance(DAY);
    store.settle();
    let (events, records, bytes) = store.told();
    let all: u64 = stats.dropped.iter().map(|d| d.bytes).sum();
    assert_eq!((events, records, bytes), (2, 900, all as i64), "what went is told, all of it");
    store.clock.advance(DAY);
    store.settle();
    assert_eq!(store.told().0, 2, "nothing more went");
    // The room went back to the file system.
    assert!(stats.file_bytes < 3 << 20, "{stats:?}");
    store.close();
    let file = std::fs::metadata(store.dir.path().join("wave.db")).unwrap().len();
    assert!(file < 3 << 20, "{file} bytes");
    store.check();
}

#[test]
fn what_a_follower_may_have_to_read_again_stays_until_room_is_short() {
    let mut store = Store::new(WavePolicy::default());
    let follower = Name::new("slow").unwrap();
    let comes_to = |through, state: Option<&[u8]>| {
        let progress = Progress::new(follower.clone(), through, state.map(Into::into));
        Batch { progress: Some(progress), ..Batch::default() }
    };
    for n in 0..5 {
        let t0 = START + MINUTE * n;
        store.put(Batch { waveforms: vec![record(u128::from(n), "s/m/vib", t0, 4_096)], ..Batch::default() });
    }
    store.put(comes_to(2, Some(b"state")));
    store.put(comes_to(5, None));
    store.clock.advance(3 * DAY);
    store.settle();
    assert_eq!(store.ids("s/m/vib"), BTreeSet::from([0, 2, 3, 4]), "it goes on from its state of commit 2");
    store.put(comes_to(4, Some(b"state")));
    store.settle();
    assert_eq!(store.ids("s/m/vib"), BTreeSet::from([0, 4]));
    store.kill();
    store.open(WavePolicy { quota_bytes: 0, ..WavePolicy::default() });
    store.settle();
    assert_eq!(store.ids("s/m/vib"), BTreeSet::new());
}

#[test]
fn a_follower_that_comes_too_late_goes_on_without_the_record() {
    let store = Store::new(WavePolicy::default());
    for n in 0..3 {
        let t0 = START + MINUTE * n;
        store.put(Batch { waveforms: vec![record(u128::from(n), "s/m/vib", t0, 64)], ..Batch::default() });
    }
    store.clock.advance(3 * DAY);
    store.settle();
    assert_eq!(store.ids("s/m/vib"), BTreeSet::from([0]));
    let mut tail = store.historian.as_ref().unwrap().tail(0);
    let ids: Vec<Vec<u128>> = store.runtime.block_on(async {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(tail.next().await.unwrap().batch.waveforms.iter().map(|w| w.id.0).collect());
        }
        all
    });
    assert_eq!(ids, [vec![0], vec![], vec![]]);
    assert_eq!(store.archive().waveform(WaveformId(1)).unwrap(), None);
    // Who sends it once more finds it unknown; it is kept as what has just come.
    store.put(Batch { waveforms: vec![record(1, "s/m/vib", START + MINUTE, 64)], ..Batch::default() });
    store.settle();
    assert_eq!(store.ids("s/m/vib"), BTreeSet::from([0, 1]));
}

/// What the first format had not.
const BACK_TO_1: &str = "
    DROP TRIGGER waveform_came; DROP TRIGGER waveform_went; DROP TRIGGER waveform_marked; DROP INDEX waveform_keep;
    DROP TABLE total; DROP TABLE dropped; DROP TABLE alarm_time; DROP TABLE meta;
    ALTER TABLE waveform DROP COLUMN bytes; ALTER TABLE waveform DROP COLUMN since; ALTER TABLE waveform DROP COLUMN class;
    ALTER TABLE waveform DROP COLUMN stage; ALTER TABLE waveform DROP COLUMN mark; PRAGMA user_version = 1;";

#[test]
fn waveforms_of_a_store_of_before_are_brought_under_the_policy() {
    let mut store = Store::new(WavePolicy::default());
    let all = (0..12u32).map(|n| {
        let of = if n % 2 == 0 { "s/m/vib" } else { "s/m/amps" };
        record(u128::from(n), of, START + 2 * MINUTE * n, 1_000)
    });
    let findings = vec![alarm("s/m/vib", START + DAY, Some(4)), alarm("s/m/amps", START - 29 * MINUTE, None)];
    store.put(Batch { waveforms: all.collect(), findings, ..Batch::default() });
    let bytes = store.stats().bytes;
    assert!(bytes > 12 * 1_900, "{bytes}");
    store.close();
    rusqlite::Connection::open(store.dir.path().join("wave.db")).unwrap().execute_batch(BACK_TO_1).unwrap();
    let (archive, _) = open_read_only(store.dir.path()).unwrap();
    let stats = archive.wave_stats().unwrap();
    assert_eq!((stats.records, stats.bytes, stats.dropped.len()), (12, 0, 0), "not known before it is brought up");
    store.check();
    store.open(WavePolicy::default());
    assert_eq!((store.stats().records, store.stats().bytes), (12, bytes));
    store.clock.advance(3 * DAY);
    let stats = store.settle();
    // Machine s/m had an alarm 29 minutes before the first record: what was measured in its first minute stays.
    assert_eq!(store.ids("s/m/vib"), BTreeSet::from([0, 2, 4]));
    assert_eq!(store.ids("s/m/amps"), BTreeSet::from([1]));
    assert_eq!((stats.near_alarms, stats.evidence), (1, 1));
    store.check();
}
