//! A server that is away for a day, and a platform that is killed meanwhile: the log stays small and nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use influx::Phase;
use plant::{ManualClock, Timestamp};
use support::stub::{Act, Stub};
use support::{House, START, hasty, minute, seen, until};

/// Bytes of log that may wait for the server, and above which the store cuts its log.
const HOLD: u64 = 64 << 10;
const LOG: u64 = 256 << 10;

fn away() -> Act {
    Act::Say(503, "", String::new())
}

async fn open(dir: &std::path::Path, stub: &Stub, clock: &Arc<ManualClock>) -> House {
    let historian = historian::Config { log_bytes: LOG, tail_commits: 16, ..historian::Config::new(dir) };
    House::open(historian, influx::Config { hold_log_bytes: HOLD, ..hasty(stub) }, clock.clone()).await
}

/// Commits `minutes` minutes of life, one commit a minute, with a late value and a value written again now and then.
async fn live(house: &House, clock: &ManualClock, minutes: i64) {
    for m in 0..minutes {
        let t = plant::Clock::now(clock);
        let mut values = minute(20, 4, t);
        if m % 60 == 30 {
            values.push(seen("late", START + Duration::from_secs(m as u64 * 7), 1.0));
            values.push(seen("p3", t - Duration::from_secs(600), -1.0));
        }
        house.commit(values).await;
        clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_the_server_loses_nothing_and_the_log_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let clock = Arc::new(ManualClock::new(START));
    let house = open(dir.path(), &stub, &clock).await;
    live(&house, &clock, 30).await;
    house.arrived(&stub).await;
    let before = stub.points().len();

    // 24 hours, and killed twice in between.
    stub.script(|_, _| away());
    live(&house, &clock, 600).await;
    house.status("what waits is owed", |s| s.owed > 20_000).await;
    house.kill().await;
    let house = open(dir.path(), &stub, &clock).await;
    live(&house, &clock, 600).await;
    house.kill().await;
    let house = open(dir.path(), &stub, &clock).await;
    live(&house, &clock, 240).await;
    house.status("a day behind", |s| s.phase == Phase::Waiting && s.lag >= Duration::from_secs(23 * 3_600)).await;
    // The store cuts its log within commits; a few more give it the occasion.
    for _ in 0..200 {
        house.commit(vec![seen("tick", plant::Clock::now(&*clock), 0.0)]).await;
        clock.advance(Duration::from_secs(61));
    }
    until("the log is small", || house.store.archive().stats().log_bytes <= 2 * LOG).await;
    assert_eq!(stub.points().len(), before);

    // It comes back, and is killed once more while it catches up; life goes on meanwhile.
    stub.script(|n, _| if n % 5 == 0 { away() } else { Act::Take });
    house.status("it catches up", |s| s.points > 8_000).await;
    house.kill().await;
    let house = open(dir.path(), &stub, &clock).await;
    live(&house, &clock, 60).await;
    house.arrived(&stub).await;
    house.status("and is up to date", |s| s.phase == Phase::Live && s.owed == 0).await;
    assert!(stub.points().len() > 120_000, "{}", stub.points().len());
    let progress = house.store.progress(influx::FOLLOWER).unwrap().unwrap();
    assert!(progress.through <= house.store.head());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removes_old_data_can_see_what_is_owed() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let clock = Arc::new(ManualClock::new(START));
    let house = open(dir.path(), &stub, &clock).await;
    let first = house.store.head();
    stub.script(|_, _| away());
    live(&house, &clock, 120).await;
    house.status("something is owed", |s| s.owed > 1_000).await;
    let progress = || house.store.progress(influx::FOLLOWER).unwrap().unwrap();
    until("its position stays where nothing was shipped", || progress().through <= first + 2).await;
    let (state, _) = progress().state.unwrap();
    assert!(state > first + 20, "and the log is held from further on: {state} after {first}");
    stub.script(|_, _| Act::Take);
    house.arrived(&stub).await;
    until("then it moves", || progress().through > first + 100).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let clock = Arc::new(ManualClock::new(START));
    for round in 0..12_u64 {
        // Each round it is away at other times.
        stub.script(move |n, _| if (n + round) % 3 == 0 { Act::CutAfter } else { Act::Take });
        let house = open(dir.path(), &stub, &clock).await;
        live(&house, &clock, 10 + 7 * round as i64).await;
        if round % 3 == 1 {
            until("something has come", || stub.world().requests > 2).await;
        }
        house.kill().await;
    }
    stub.script(|_, _| Act::Take);
    let house = open(dir.path(), &stub, &clock).await;
    house.arrived(&stub).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_it_holds_nothing_and_switched_on_again_it_makes_up_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let clock = Arc::new(ManualClock::new(START));
    let house = open(dir.path(), &stub, &clock).await;
    live(&house, &clock, 10).await;
    house.arrived(&stub).await;
    house.close().await;

    let config = historian::Config { log_bytes: LOG, ..historian::Config::new(dir.path()) };
    let store = historian::Historian::open(config, clock.clone()).unwrap();
    influx::release(&store, plant::Clock::now(&*clock)).await.unwrap();
    let held = store.progress(influx::FOLLOWER).unwrap().unwrap().state.unwrap().0;
    assert_eq!(held, historian::Historian::UNBOUND);
    let unseen = seen("p1", plant::Clock::now(&*clock), 77.0);
    store.recorder().commit(historian::Batch { observations: vec![unseen], ..Default::default() }).await.unwrap();
    store.close().unwrap();
    clock.advance(Duration::from_secs(600));

    let house = open(dir.path(), &stub, &clock).await;
    house.arrived(&stub).await;
    assert!(stub.points().keys().any(|(_, t)| Timestamp::from_nanos(*t) >= START + Duration::from_secs(600)));
    house.close().await;
}
