//! Queue, window and redelivery of one session.

use super::*;
use crate::codec::kind;
use crate::router::message::Message;
use bytes::Bytes;

const TERMS: Terms = Terms { protocol: Protocol::V311, window: 4, max_packet: 1 << 20 };

pub(crate) fn session(id: u64) -> Arc<Session> {
    let bounds = Bounds { messages: 8, bytes: 1 << 20 };
    Arc::new(Session::new(id, "c".into(), "i".into(), bounds, Arc::new(Counters::new()), TERMS))
}

fn delivery(n: u8, qos: u8) -> Delivery {
    let message = Message {
        topic: "t".into(),
        payload: Bytes::copy_from_slice(&[n]),
        qos,
        retain: false,
        properties: Bytes::new(),
        expires: None,
        from: 0,
    };
    Delivery { message: Arc::new(message), qos, retain: false, via: None }
}

/// Payloads (one byte each) and identifiers in `out`, of which QoS 1 was asked.
fn published(out: &BytesMut) -> Vec<(u16, u8)> {
    out.chunks(8).map(|p| (u16::from_be_bytes([p[5], p[6]]), p[7])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_an_absent_client_loses_its_oldest_and_counts_them() {
    let session = session(1);
    for n in 0..20 {
        assert_eq!(session.push(delivery(n, 1)), Pushed::Taken, "nobody waits for an absent client");
    }
    assert_eq!(session.describe().1, 12);
    let link = Arc::new(Link::default());
    session.attach(link.clone(), TERMS);
    let mut out = BytesMut::new();
    session.fill(&link, &mut out, usize::MAX, Instant::now());
    assert_eq!(published(&out), [(1, 12), (2, 13), (3, 14), (4, 15)], "the window is four");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_acknowledged_comes_again_on_the_next_connection_in_order() {
    let session = session(1);
    let (first, second) = (Arc::new(Link::default()), Arc::new(Link::default()));
    session.attach(first.clone(), TERMS);
    for n in 0..6 {
        session.push(delivery(n, 1));
    }
    let mut out = BytesMut::new();
    session.fill(&first, &mut out, usize::MAX, Instant::now());
    session.acknowledged(kind::PUBACK, 2, true);
    session.detach(Duration::from_secs(60), Instant::now());
    session.attach(second.clone(), TERMS);
    let mut again = BytesMut::new();
    assert!(!session.fill(&first, &mut again, usize::MAX, Instant::now()), "the old connection has lost it");
    session.fill(&second, &mut again, usize::MAX, Instant::now());
    assert_eq!(published(&again), [(1, 0), (3, 2), (4, 3), (5, 4)]);
    assert_eq!(again[0], 0x3a, "with the DUP flag");
    assert_eq!(again[24], 0x32, "a new one without");
}

#[tokio::test(start_paused = true)]
async fn publishers_wait_for_one_that_reads_and_not_for_one_that_stopped() {
    let session = session(1);
    let link = Arc::new(Link::default());
    session.attach(link.clone(), TERMS);
    let crowded: Vec<_> = (0..6).map(|n| session.push(delivery(n, 0)) == Pushed::Crowded).collect();
    assert_eq!(crowded, [false, false, false, false, true, true]);
    let mut context = Context::from_waker(Waker::noop());
    assert!(session.poll_room(&mut context).is_pending());
    session.fill(&link, &mut BytesMut::new(), usize::MAX, Instant::now());
    assert!(session.poll_room(&mut context).is_ready());
    (0..6).for_each(|n| _ = session.push(delivery(n, 0)));
    assert!(session.poll_room(&mut context).is_pending());
    session.stall();
    assert!(session.poll_room(&mut context).is_ready());
    assert_eq!(session.push(delivery(9, 0)), Pushed::Taken);
}
