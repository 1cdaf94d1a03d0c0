//! The router under several threads.

use bytes::{Bytes, BytesMut};

use super::*;
use crate::intake::Protocol;

const TERMS: Terms = Terms { protocol: Protocol::V311, window: 1_000, max_packet: 1 << 20 };

fn enter(router: &Router, id: &str) -> (Arc<Session>, Arc<Link>) {
    let link = Arc::new(Link::default());
    let claim = Claim { client_id: id.into(), identity: "i".into(), clean: false, terms: TERMS };
    match router.attach(&claim, &link, Instant::now()) {
        Attached::Here { session, .. } => (session, link),
        _ => panic!("there is room for it"),
    }
}

fn share(router: &Router, session: &Arc<Session>) {
    let path = "$share/g/t".to_owned();
    let (retain_as_published, retain_handling) = (false, RetainHandling::Never);
    let wanted = Wanted { path, qos: 1, no_local: false, retain_as_published, retain_handling, id: 0 };
    router.subscribe(session, &wanted).unwrap();
}

/// Writes what waits for the session: the payloads, one byte each, of which QoS 1 was asked.
fn written(session: &Session, link: &Arc<Link>) -> Vec<u8> {
    let mut out = BytesMut::new();
    session.fill(link, &mut out, usize::MAX, Instant::now());
    out.chunks(8).map(|packet| packet[7]).collect()
}

/// Members leave while the absent one's share is handed to them: what nobody takes stays with the absent one.
#[test]
fn what_is_handed_over_to_a_member_that_leaves_at_the_same_time_is_not_lost() {
    const EACH: u8 = 100;
    for round in 0..2_000 {
        let router = Router::new(&Config::default(), Arc::new(Counters::new()));
        let (absent, first) = enter(&router, "absent");
        share(&router, &absent);
        for n in 0..EACH {
            let message = Message {
                topic: "t".into(),
                payload: Bytes::copy_from_slice(&[n]),
                qos: 1,
                retain: false,
                properties: Bytes::new(),
                expires: None,
                from: 0,
            };
            router.deliver(&Arc::new(message), &router.matching("t"));
            if n == EACH / 2 {
                assert_eq!(written(&absent, &first).len(), 51, "half of them are on their way");
            }
        }
        let (leaving, link) = enter(&router, "leaving");
        share(&router, &leaving);
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                router.detach(&absent, Duration::from_secs(60), Instant::now());
            });
            start.wait();
            // Somewhere within the other thread's work, another place in each round.
            for _ in 0..round % 300 * 20 {
                std::hint::spin_loop();
            }
            router.unsubscribe(&leaving, "$share/g/t");
        });
        let (_, back) = enter(&router, "absent");
        let (kept, given) = (written(&absent, &back), written(&leaving, &link));
        assert!(kept.is_sorted() && given.is_sorted(), "each in order: {kept:?} {given:?}");
        let mut all = [kept, given].concat();
        all.sort_unstable();
        assert_eq!(all, (0..EACH).collect::<Vec<_>>(), "round {round}");
    }
}
