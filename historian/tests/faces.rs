//! The queue, the group, the tail, and what followers leave behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use historian::{Batch, CommitError, Config, Historian, LedgerDelta, Progress, StoredProgress, Tail, TailError};
use plant::{Name, Quality, SeriesKey, Timestamp, Value};
use rusqlite::Connection;
use support::{Embedded, End, Store, batch, clock, observation, point, restless};

fn one(n: i64) -> Batch {
    batch(vec![observation(&point("s/m/p"), n, Value::Int(n), Quality::Good)])
}

fn values(batch: &Batch) -> Vec<i64> {
    batch.observations.iter().map(|o| o.t.nanos()).collect()
}

/// Keeps the writer from committing until it is dropped.
fn hold(dir: &Path) -> Connection {
    let conn = Connection::open(dir.join("ts.db")).unwrap();
    conn.execute_batch("PRAGMA busy_timeout=10000; BEGIN IMMEDIATE").unwrap();
    conn
}

/// One look at a future.
fn look<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

async fn take(tail: &mut Tail, n: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    for _ in 0..n {
        seqs.push(tail.next().await.unwrap().seq);
    }
    seqs
}

#[test]
fn whoever_comes_to_a_full_queue_waits_for_room_in_order() {
    let store = Embedded::new(|dir| Config { queue_batches: 8, queue_bytes: 1 << 20, ..Config::new(dir) });
    let recorder = store.historian().recorder();
    let held = hold(store.dir());
    store.runtime.block_on(async {
        let mut queued = Vec::new();
        for n in 0..8 {
            queued.push(recorder.submit(one(n)).await.unwrap());
        }
        // Eight have found room. Those who come now wait, and one of them gives up.
        let mut ninth = pin!(recorder.submit(one(8)));
        let mut gives_up = Box::pin(recorder.submit(one(100)));
        let mut tenth = pin!(recorder.submit(one(9)));
        assert!(look(&mut ninth).is_pending());
        assert!(look(&mut gives_up).is_pending());
        assert!(look(&mut tenth).is_pending());
        drop(gives_up);
        assert!(queued.iter_mut().all(|p| look(p).is_pending()), "nothing is answered before it is on disk");
        drop(held);
        queued.push(ninth.await.unwrap());
        queued.push(tenth.await.unwrap());
        for pending in queued {
            pending.await.unwrap();
        }
        assert_eq!(store.historian().archive().stats().queued_bytes, 0);
    });
    let key = SeriesKey::raw(point("s/m/p"));
    let found = store.range(&key, i64::MIN, i64::MAX, 99);
    assert_eq!(found.iter().map(|s| s.t.nanos()).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let store = Embedded::new(|dir| Config { queue_bytes: 4_096, ..Config::new(dir) });
    let recorder = store.historian().recorder();
    let large = |bytes: usize| {
        let text = Value::Text("x".repeat(bytes).into());
        batch(vec![observation(&point("s/m/p"), 1, text, Quality::Good)])
    };
    let held = hold(store.dir());
    store.runtime.block_on(async {
        let first = recorder.submit(large(2_000)).await.unwrap();
        let mut second = Box::pin(recorder.submit(large(2_000)));
        assert!(look(&mut second).is_pending());
        let refused = recorder.submit(large(5_000)).await.unwrap_err();
        assert!(matches!(refused, CommitError::TooLarge { bytes: 5_000.., max: 4_096 }), "{refused}");
        drop(held);
        first.await.unwrap();
        second.await.unwrap().await.unwrap();
    });
}

#[test]
fn what_waited_together_is_one_commit_in_the_order_of_submission() {
    let store = Embedded::new(|dir| Config::new(dir));
    let recorder = store.historian().recorder();
    let mut tail = store.historian().tail(0);
    let held = hold(store.dir());
    store.runtime.block_on(async {
        let mut pending = Vec::new();
        for n in 0..20 {
            let mut b = one(n);
            b.ledger = vec![LedgerDelta { source: "a".into(), received: 1, committed: 1, ..Default::default() }];
            pending.push(recorder.submit(b).await.unwrap());
        }
        drop(held);
        let mut seqs = Vec::new();
        for p in pending {
            seqs.push(p.await.unwrap());
        }
        // The writer had taken some before it was held up; the rest is the next group.
        let head = store.historian().head();
        assert!(head <= 3, "20 batches became {head} commits");
        assert!(seqs.is_sorted());
        let mut seen = Vec::new();
        for seq in 1..=head {
            let c = tail.next().await.unwrap();
            assert_eq!(c.seq, seq);
            assert_eq!(c.batch.ledger.len(), 1, "one line a source");
            seen.extend(values(&c.batch));
        }
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    });
    assert_eq!(store.historian().archive().ledger_total().unwrap().committed, 20);
}

#[test]
fn each_progress_has_a_commit_of_its_own() {
    let mut store = Embedded::new(|dir| Config::new(dir));
    let recorder = store.historian().recorder();
    let step = |who: &str, through, state: Option<&[u8]>| Batch {
        progress: Some(Progress::new(Name::new(who).unwrap(), through, state.map(Arc::from))),
        ..Batch::default()
    };
    let held = hold(store.dir());
    store.runtime.block_on(async {
        let mut pending = Vec::new();
        for b in [step("a", 1, Some(b"one")), step("b", 7, None), step("a", 2, None)] {
            pending.push(recorder.submit(b).await.unwrap());
        }
        drop(held);
        for p in pending {
            p.await.unwrap();
        }
    });
    assert_eq!(store.historian().head(), 3);
    for _ in 0..2 {
        let of = |who| store.historian().progress(who).unwrap();
        assert_eq!(of("a"), Some(StoredProgress { through: 2, state: Some((1, Arc::from(&b"one"[..]))) }));
        assert_eq!(of("b"), Some(StoredProgress { through: 7, state: None }));
        assert_eq!(of("c"), None);
        store.restart(End::Killed);
    }
}

#[test]
fn a_tail_gives_every_commit_once_from_memory_and_from_the_log() {
    let mut store = Embedded::new(|dir| Config { tail_commits: 4, ..Config::new(dir) });
    for n in 1..=20 {
        store.put(one(n)).unwrap();
    }
    let historian = store.historian();
    let (mut old, mut new) = (historian.tail(0), historian.tail(18));
    store.runtime.block_on(async {
        assert_eq!(take(&mut old, 20).await, (1..=20).collect::<Vec<_>>());
        assert_eq!(take(&mut new, 2).await, [19, 20]);
    });
    store.restart(End::Killed);
    let mut tail = store.historian().tail(5);
    store.runtime.block_on(async {
        let c = tail.next().await.unwrap();
        assert_eq!((c.seq, values(&c.batch)), (6, vec![6]));
        assert_eq!(take(&mut tail, 14).await, (7..=20).collect::<Vec<_>>());
    });
}

#[test]
fn a_tail_may_be_dropped_while_it_waits() {
    let store = Embedded::new(|dir| Config { tail_commits: 0, ..Config::new(dir) });
    let historian = store.historian();
    let mut tail = historian.tail(0);
    store.runtime.block_on(async {
        assert!(look(&mut Box::pin(tail.next())).is_pending());
        let mut seen = Vec::new();
        for n in 1..=5 {
            historian.recorder().commit(one(n)).await.unwrap();
            // Begins to read the log and is dropped in the middle of it.
            if let Poll::Ready(c) = look(&mut Box::pin(tail.next())) {
                seen.push(c.unwrap().seq);
            }
        }
        while seen.len() < 5 {
            seen.push(tail.next().await.unwrap().seq);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert!(look(&mut Box::pin(tail.next())).is_pending());
    });
}

#[test]
fn a_tail_ends_after_the_last_commit_of_a_closed_store() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let historian = Historian::open(Config { tail_commits: 1, ..Config::new(dir.path()) }, clock()).unwrap();
    let (recorder, mut tail) = (historian.recorder(), historian.tail(0));
    runtime.block_on(async {
        let pending: Vec<_> = [recorder.submit(one(1)).await.unwrap(), recorder.submit(one(2)).await.unwrap()].into();
        tokio::task::spawn_blocking(|| historian.close()).await.unwrap().unwrap();
        let mut seen = Vec::new();
        loop {
            match tail.next().await {
                Ok(c) => seen.extend(values(&c.batch)),
                Err(e) => break assert!(matches!(e, TailError::Closed), "{e}"),
            }
        }
        assert_eq!(seen, [1, 2], "closing commits what was submitted");
        for p in pending {
            p.await.unwrap();
        }
        assert_eq!(recorder.submit(one(3)).await.unwrap_err(), CommitError::Closed);
    });
}

#[test]
fn the_log_is_cut_behind_the_last_follower_and_a_tail_says_so() {
    let store = Embedded::new(restless);
    let step = |through, state: bool| Batch {
        progress: Some(Progress::new(Name::new("analytics").unwrap(), through, state.then(|| Arc::from(&b"s"[..])))),
        ..Batch::default()
    };
    store.put(step(0, true)).unwrap();
    for n in 0..40 {
        store.put(one(n)).unwrap();
    }
    assert_eq!(store.historian().oldest(), 1, "a follower stands at the beginning");
    store.put(step(30, false)).unwrap();
    for n in 0..4 {
        store.put(one(50 + n)).unwrap();
    }
    assert_eq!(store.historian().oldest(), 1, "its state still does");
    store.put(step(30, true)).unwrap();
    for n in 0..4 {
        store.put(one(60 + n)).unwrap();
    }
    assert_eq!(store.historian().oldest(), 31);
    store.runtime.block_on(async {
        let wrong = store.historian().tail(7).next().await.unwrap_err();
        assert!(matches!(wrong, TailError::Pruned { wanted: 8, first: 31 }), "{wrong}");
        assert_eq!(store.historian().tail(30).next().await.unwrap().seq, 31);
    });
    let key = SeriesKey::raw(point("s/m/p"));
    assert_eq!(store.range(&key, i64::MIN, i64::MAX, 99).len(), 48, "what left the log is in chunks");
}

#[test]
fn a_follower_that_needs_nothing_of_the_log_does_not_hold_it_back_and_its_state_is_kept() {
    let store = Embedded::new(restless);
    let says = |through, state: &[u8]| Batch {
        progress: Some(Progress::new(Name::new("publish").unwrap(), through, Some(Arc::from(state)))),
        ..Batch::default()
    };
    store.put(says(0, b"1")).unwrap();
    for n in 0..40 {
        store.put(one(n)).unwrap();
    }
    assert_eq!(store.historian().oldest(), 1);
    store.put(says(Historian::UNBOUND, b"2")).unwrap();
    for n in 0..20 {
        store.put(one(50 + n)).unwrap();
    }
    assert!(store.historian().oldest() > 30, "{}", store.historian().oldest());
    let kept = store.historian().progress("publish").unwrap().unwrap();
    assert_eq!(kept.state.map(|(at, state)| (at, state.to_vec())), Some((Historian::UNBOUND, b"2".to_vec())));
}

#[test]
fn commit_time_never_goes_back() {
    let mut store = Embedded::new(|dir| Config::new(dir));
    let mut times = Vec::new();
    for at in [50, 40, 60, 10] {
        store.clock.set(Timestamp::from_secs(at));
        let seq = store.put(Batch::default()).unwrap();
        let mut tail = store.historian().tail(seq - 1);
        times.push(store.runtime.block_on(tail.next()).unwrap().t);
        if at == 60 {
            store.restart(End::Killed);
        }
    }
    assert_eq!(times, [50, 50, 60, 60].map(Timestamp::from_secs));
}

#[test]
fn what_waits_when_the_store_is_dropped_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let historian = Historian::open(Config { group_batches: 1, ..Config::new(dir.path()) }, clock()).unwrap();
    let held = hold(dir.path());
    let recorder = historian.recorder();
    let pending = runtime.block_on(async {
        let mut all = Vec::new();
        for n in 0..3 {
            all.push(recorder.submit(one(n)).await.unwrap());
        }
        all
    });
    // Drop waits for the writer, which waits for the lock: let go of it from beside.
    let dropping = std::thread::spawn(move || drop(historian));
    runtime.block_on(async {
        let mut last = pending.into_iter();
        let first = last.next().unwrap();
        assert_eq!(last.next_back().unwrap().await, Err(CommitError::Closed));
        drop(held);
        assert!(first.await.is_ok() || recorder.submit(one(9)).await.is_err());
    });
    dropping.join().unwrap();
}
