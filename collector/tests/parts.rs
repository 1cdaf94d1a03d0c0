//! Parts of waveforms on a real store: what was acknowledged is there after a kill, and the ledger adds up.
#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collector::wire::waveform;
use collector::{Collector, Config, Message};
use historian::Historian;
use plant::{ManualClock, Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};

const T0: Timestamp = Timestamp::from_secs(1_735_689_600);

fn part(number: u32, of: u32) -> Message {
    let raw: Vec<i16> = vec![number as i16; 50_000];
    let samples = Samples::I16 { raw: raw.into(), scale: 1.0, offset: 0.0 };
    let unit = Unit::parse("m/s²").unwrap();
    let point = "s/m/vib".parse().unwrap();
    let w = Waveform::new(WaveformId(7), point, T0, T0, 100.0, unit, samples, WaveformMeta::default()).unwrap();
    Message::new("danxia/v1/s/m/vib/waveform".into(), waveform::encode_part(&w, number, of).into())
}

fn open(dir: &Path) -> (Historian, Collector) {
    let historian = Historian::open(historian::Config::new(dir), Arc::new(ManualClock::new(T0))).unwrap();
    let config = Config { adopt: true, ..Config::default() };
    let (collector, _) = Collector::new(config, historian.recorder(), historian.archive(), historian.register());
    (historian, collector)
}

async fn send(collector: &Collector, message: Message) {
    collector.accept("client".into(), vec![message], T0).await.unwrap().await.unwrap();
}

fn ledger(historian: &Historian) -> (u64, u64, u64, u64) {
    let l = historian.archive().ledger_total().unwrap();
    assert_eq!(l.received, l.committed + l.duplicates + l.quarantined + l.refused);
    (l.received, l.committed, l.duplicates, l.quarantined)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_acknowledged_is_not_lost_when_the_program_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (historian, collector) = open(dir.path());
    send(&collector, part(1, 3)).await;
    send(&collector, part(3, 3)).await;
    assert_eq!((collector.parts_waiting(), ledger(&historian)), (2, (0, 0, 0, 0)));
    drop((collector, historian)); // As a kill: nothing is closed.

    let (historian, collector) = open(dir.path());
    assert_eq!(collector.parts_waiting(), 2);
    send(&collector, part(2, 3)).await;
    let stored = historian.archive().waveform(WaveformId(7)).unwrap().unwrap();
    let Samples::I16 { raw, .. } = &stored.samples else { panic!("integers") };
    assert_eq!((raw.len(), raw[0], raw[50_000], raw[149_999]), (150_000, 1, 2, 3));
    assert_eq!((collector.parts_waiting(), ledger(&historian)), (0, (3, 3, 0, 0)));
    assert!(historian.archive().staged().unwrap().is_empty());
    // After the whole is there, a part that comes again is a duplicate, also for a new collector.
    drop((collector, historian));
    let (historian, collector) = open(dir.path());
    send(&collector, part(1, 3)).await;
    assert_eq!(ledger(&historian), (4, 3, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_alone_gives_up_what_never_comes() {
    let dir = tempfile::tempdir().unwrap();
    let (historian, collector) = open(dir.path());
    send(&collector, part(2, 2)).await;
    collector.tick(T0 + Duration::from_secs(60)).await.unwrap();
    assert_eq!(collector.parts_waiting(), 1);
    collector.tick(T0 + Duration::from_secs(61)).await.unwrap();
    assert_eq!((collector.parts_waiting(), ledger(&historian)), (0, (1, 0, 0, 1)));
    let entries = historian.archive().quarantine(Some("waveform_parts"), 10).unwrap();
    assert!(entries[0].entry.reason.contains("part 1 of 2 missing"), "{}", entries[0].entry.reason);
    assert!(historian.archive().staged().unwrap().is_empty());
}
