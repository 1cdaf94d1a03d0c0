//! Every way in which a server can fail: each point arrives, once for each series and instant, whatever happens.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use influx::{Phase, REFUSED};
use support::stub::{Act, Stub};
use support::{House, START, minute, seen, until};

/// What the server does at first.
type Script = fn() -> Act;

async fn survives(
    name: &str,
    script: impl FnMut(u64, &str) -> Act + Send + 'static,
) -> (Stub, House, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    stub.script(script);
    let house = House::small(dir.path(), &stub).await;
    for m in 0..4 {
        house.commit(minute(10, 30, START + Duration::from_secs(60 * m))).await;
    }
    house.arrived(&stub).await;
    assert_eq!(stub.points().len(), 1_200, "{name}");
    (stub, house, dir)
}

fn say(status: u16, headers: &'static str) -> Act {
    Act::Say(status, headers, "{\"message\":\"as the script says\"}".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_passes_and_nothing_is_lost() {
    let kinds: [(&str, Script); 9] = [
        ("500", || say(500, "")),
        ("503", || say(503, "")),
        ("429", || say(429, "retry-after: 0\r\n")),
        ("401", || say(401, "")),
        ("404", || say(404, "")),
        ("timeout", || Act::Hang),
        ("cut in the body", || Act::Cut),
        ("cut before the answer", || Act::CutAfter),
        ("a proxy's 400", || say(400, "")),
    ];
    for (name, act) in kinds {
        let (stub, house, _dir) = survives(name, move |n, _| if n <= 3 { act() } else { Act::Take }).await;
        let s = house.status.get();
        assert!(s.failures >= 2 && s.error.is_none() && s.phase == Phase::Live, "{name}: {s:?}");
        assert_eq!(house.store.archive().quarantine_stats().unwrap().waiting, 0, "{name}");
        drop(stub);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_flaps_gets_everything() {
    // A linear congruential generator: every kind of failure, in no order, three times of four.
    let mut x = 7_u64;
    let flap = move |_, _: &str| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match x >> 60 {
            0..=3 => Act::Take,
            4..=6 => say(503, ""),
            7..=8 => Act::Cut,
            9..=10 => Act::CutAfter,
            11 => say(429, "retry-after: 0\r\n"),
            12 => say(401, ""),
            _ => say(500, ""),
        }
    };
    let (_stub, house, _dir) = survives("flapping", flap).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_sent_in_pieces() {
    let (_stub, house, _dir) =
        survives("413", |_, lines| if lines.len() > 5_000 { say(413, "") } else { Act::Take }).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    stub.script(|n, _| if n == 1 { say(429, "retry-after: 1\r\n") } else { Act::Take });
    let config = influx::Config { slow_pause: Duration::from_secs(60), ..support::hasty(&stub) };
    let clock = std::sync::Arc::new(plant::ManualClock::new(START));
    let house = House::open(historian::Config::new(dir.path()), config, clock).await;
    house.commit(vec![seen("a", START, 1.0)]).await;
    house.status("it is told to wait", |s| s.failures == 1).await;
    let told = tokio::time::Instant::now();
    house.arrived(&stub).await;
    assert!(told.elapsed() >= Duration::from_millis(900), "{:?}", told.elapsed());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_refused_go_to_quarantine_once_and_the_rest_arrives() {
    let scripts: [fn(&str) -> Act; 2] = [|_| Act::Whole("point=bad"), |_| Act::Partial("point=bad")];
    for script in scripts {
        let dir = tempfile::tempdir().unwrap();
        let stub = Stub::start().await;
        stub.script(move |_, lines| script(lines));
        let house = House::small(dir.path(), &stub).await;
        let mut all = minute(5, 60, START);
        for i in [17, 133, 299] {
            all.insert(i, seen("bad", START + Duration::from_secs(i as u64), 1.0));
        }
        house.commit(all).await;
        until("the rest has arrived", || stub.points().len() == 300).await;
        house.status("three are in quarantine", |s| s.refused == 3 && s.commits == 0).await;
        let archive = house.store.archive();
        let entries = archive.quarantine(Some(REFUSED), 10).unwrap();
        assert_eq!(entries.len(), 3);
        let first = &entries[0].entry;
        assert!(first.topic.contains("point=bad") && &*first.source == "influx", "{first:?}");
        assert!(first.reason.contains("backfill"), "{}", first.reason);
        let total = archive.ledger_total().unwrap();
        assert_eq!(total.received, total.quarantined, "the ledger adds up");
        // Killed and begun anew: they are not refused a second time.
        house.kill().await;
        let house = House::small(dir.path(), &stub).await;
        house.commit(vec![seen("p0", START + Duration::from_secs(3_600), 2.0)]).await;
        until("and goes on", || stub.points().len() == 301).await;
        assert_eq!(house.store.archive().quarantine(Some(REFUSED), 10).unwrap().len(), 3);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_said_and_nothing_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    stub.script(|_, _| say(401, ""));
    let house = House::small(dir.path(), &stub).await;
    house.commit(minute(5, 10, START)).await;
    house.status("it is refused", |s| s.phase == Phase::Refused).await;
    assert!(house.status.get().error.unwrap().contains("401"));
    house.close().await;
    stub.script(|_, _| Act::Take);
    let house = House::small(dir.path(), &stub).await;
    house.arrived(&stub).await;
    house.close().await;
}
