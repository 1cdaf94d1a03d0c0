use super::*;

fn message(text: &str) -> Message {
    Message::new("t", text.to_owned())
}

fn queued(outbox: &Outbox) -> Vec<String> {
    let state = outbox.lock();
    state.queue.iter().map(|e| String::from_utf8_lossy(&e.message.payload).into_owned()).collect()
}

/// Sends what stands first, as a connection does.
async fn send(outbox: &Outbox) -> (String, u16) {
    let (message, id) = outbox.next().await;
    let id = id.unwrap_or_else(|| outbox.free_id());
    outbox.sent(id);
    (String::from_utf8_lossy(&message.payload).into_owned(), id)
}

#[tokio::test]
async fn a_new_connection_sends_again_in_order_and_keeps_the_ids_only_where_the_session_was_kept() {
    for resumed in [true, false] {
        let outbox = Outbox::new(10, 1000);
        for text in ["a", "b", "c", "d"] {
            outbox.push(message(text)).await.unwrap();
        }
        let ids = [send(&outbox).await.1, send(&outbox).await.1, send(&outbox).await.1];
        assert!(outbox.acknowledged(ids[1]));
        assert!(!outbox.acknowledged(ids[1]), "an id that is unknown here");
        outbox.begin(&[message("hello")], resumed);
        assert_eq!(queued(&outbox), ["hello", "a", "c", "d"]);
        let again: Vec<_> = [send(&outbox).await, send(&outbox).await, send(&outbox).await, send(&outbox).await].into();
        assert_eq!(again.iter().map(|(text, _)| &**text).collect::<Vec<_>>(), ["hello", "a", "c", "d"]);
        assert_eq!(again[1].1 == ids[0] && again[2].1 == ids[2], resumed, "{again:?}");
        let mut distinct: Vec<_> = again.iter().map(|(_, id)| *id).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 4, "no id stands for two messages");
    }
}

#[tokio::test]
async fn a_full_outbox_gives_up_the_oldest_that_was_offered_and_never_what_was_pushed() {
    let outbox = Outbox::new(3, 1000);
    outbox.push(message("alarm 1")).await.unwrap();
    outbox.offer(message("value 1")).unwrap();
    outbox.offer(message("value 2")).unwrap();
    outbox.offer(message("value 3")).unwrap();
    assert_eq!((queued(&outbox), outbox.dropped()), (vec!["alarm 1".into(), "value 2".into(), "value 3".into()], 1));
    // Sent and not yet acknowledged: it may have arrived, so it stays.
    send(&outbox).await;
    send(&outbox).await;
    outbox.offer(message("value 4")).unwrap();
    assert_eq!((queued(&outbox), outbox.dropped()), (vec!["value 4".into()], 2));
    outbox.acknowledged(1);
    outbox.push(message("alarm 2")).await.unwrap();
    send(&outbox).await;
    send(&outbox).await;
    outbox.offer(message("value 5")).unwrap();
    assert_eq!((queued(&outbox), outbox.dropped()), (vec![], 3), "nothing there that could be given up but itself");
}

#[tokio::test]
async fn it_is_bounded_in_bytes_and_says_what_does_not_fit() {
    let outbox = Outbox::new(100, 3 * (OVERHEAD + 1 + 10));
    let ten = || message("0123456789");
    for _ in 0..3 {
        outbox.offer(ten()).unwrap();
    }
    outbox.offer(ten()).unwrap();
    assert_eq!((outbox.outstanding(), outbox.dropped()), (3, 1));
    let found = OVERHEAD + 1 + 100;
    assert_eq!(outbox.offer(message(&"x".repeat(100))), Err(TooLarge { found, max: 81 }));
    assert_eq!(outbox.push(message(&"x".repeat(100))).await, Err(TooLarge { found, max: 81 }));
}

#[tokio::test]
async fn settled_waits_for_what_was_published_before_and_for_nothing_after() {
    let outbox = Arc::new(Outbox::new(10, 1000));
    outbox.push(message("a")).await.unwrap();
    outbox.push(message("b")).await.unwrap();
    let (_, a) = send(&outbox).await;
    let (_, b) = send(&outbox).await;
    let mut settled = Box::pin(outbox.settled());
    let pending = |f: &mut std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
        let waker = std::task::Waker::noop();
        f.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending()
    };
    let mut settled: std::pin::Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async { settled.as_mut().await });
    assert!(pending(&mut settled));
    outbox.push(message("c")).await.unwrap();
    outbox.acknowledged(b);
    assert!(pending(&mut settled));
    outbox.acknowledged(a);
    assert!(!pending(&mut settled));
}

#[tokio::test]
async fn a_message_of_quality_0_is_gone_when_it_is_handed_over_and_a_hopeless_one_when_it_is_said() {
    let outbox = Outbox::new(1, 1000);
    outbox.push(Message { qos: 0, ..message("fleeting") }).await.unwrap();
    outbox.next().await;
    assert_eq!(outbox.outstanding(), 0);
    outbox.push(message("hopeless")).await.unwrap();
    outbox.next().await;
    outbox.unsendable();
    assert_eq!((outbox.outstanding(), outbox.dropped()), (0, 1));
    outbox.push(message("the room is free again")).await.unwrap();
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What became of a message on `t`.
fn then(what: Then) -> Option<Refused> {
    Some(Refused { topic: "t".into(), then: what })
}

#[tokio::test]
async fn what_is_refused_for_now_keeps_its_place_and_gets_another_id_until_it_is_given_up() {
    let outbox = Outbox::new(10, 1000);
    for text in ["a", "b", "c", "d"] {
        outbox.push(message(text)).await.unwrap();
    }
    let ids = [send(&outbox).await.1, send(&outbox).await.1, send(&outbox).await.1];
    let (begun, patience) = (now(), Duration::from_secs(10));
    assert_eq!(outbox.refused(ids[2], begun, patience), then(Then::Again));
    assert_eq!(outbox.refused(ids[0], begun, patience), then(Then::Again));
    assert_eq!(outbox.refused(ids[0], begun, patience), None, "it is not under way any more");
    assert_eq!((queued(&outbox), outbox.outstanding()), (["a", "c", "d"].map(str::to_owned).into(), 4));
    let (text, id) = send(&outbox).await;
    assert!(text == "a" && !ids.contains(&id), "a new message to the broker");
    assert_eq!(outbox.refused(id, begun + Duration::from_secs(9), patience), then(Then::Again));
    let (text, id) = send(&outbox).await;
    assert_eq!((&*text, outbox.refused(id, begun + patience, patience)), ("a", then(Then::GivenUp)));
    assert_eq!(outbox.refused(ids[1], begun, Duration::ZERO), then(Then::GivenUp));
    assert_eq!((queued(&outbox), outbox.outstanding()), (["c", "d"].map(str::to_owned).into(), 2));
    assert_eq!(outbox.dropped(), 0, "there was room");
    let mut settled = Box::pin(outbox.settled());
    assert!(settled.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    for _ in 0..2 {
        outbox.acknowledged(send(&outbox).await.1);
    }
    settled.await;
}

#[tokio::test]
async fn a_retained_message_that_is_refused_never_takes_the_place_of_a_newer_one() {
    let outbox = Outbox::new(10, 1000);
    let state = |text: &str| Message { retain: true, ..message(text) };
    for text in ["old", "new"] {
        outbox.push(state(text)).await.unwrap();
    }
    let (old, new) = (send(&outbox).await.1, send(&outbox).await.1);
    assert!(outbox.acknowledged(new));
    assert_eq!(outbox.refused(old, now(), Duration::MAX), then(Then::Outlived));
    assert_eq!(outbox.outstanding(), 0);
    outbox.push(state("newest")).await.unwrap();
    let id = send(&outbox).await.1;
    assert_eq!(outbox.refused(id, now(), Duration::MAX), then(Then::Again), "nothing is newer");
}

#[tokio::test]
async fn nothing_of_a_greeting_follows_the_last_words_and_they_are_known_to_have_been_heard() {
    let outbox = Outbox::new(10, 1000);
    let state = |text: &str| Message { retain: true, ..message(text) };
    outbox.begin(&[state("here"), state("and waiting")], false);
    outbox.push(state("here again")).await.unwrap();
    let birth = send(&outbox).await.1;
    outbox.last_words(state("gone"));
    assert_eq!(queued(&outbox), ["gone".to_owned()]);
    assert_eq!(outbox.refused(birth, now(), Duration::MAX), then(Then::Outlived));
    let (text, id) = send(&outbox).await;
    assert!(text == "gone" && !outbox.last_words_heard());
    assert_eq!(outbox.refused(id, now(), Duration::MAX), then(Then::Again));
    assert!(!outbox.last_words_heard());
    outbox.acknowledged(send(&outbox).await.1);
    assert!(outbox.last_words_heard() && outbox.outstanding() == 0);
    outbox.begin(&[state("here")], false);
    assert!(!outbox.last_words_heard());
    let birth = send(&outbox).await.1;
    assert_eq!(outbox.refused(birth, now(), Duration::MAX), then(Then::Again), "another connection");
}
