//! What goes wrong is said with what to do, and tried again.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use broker::Protocol;
use broker::remote::{Options, State, Subscription, connector_from_files};
use tokio::time::Instant;

use super::{Held, Script, options};
use crate::client::{Client, packet, publish};
use crate::house::{House, open};

const CERTIFICATE: &[u8] = include_bytes!("../../tls/localhost.crt");
const KEY: &[u8] = include_bytes!("../../tls/localhost.key");

#[tokio::test]
async fn every_refusal_is_said_with_what_to_do() {
    for (protocol, connack, expect) in [
        (Protocol::V311, &[0x20, 2, 0, 4][..], "wrong user name or password; check `user`"),
        (Protocol::V311, &[0x20, 2, 0, 5], "give this user the right to connect"),
        (Protocol::V311, &[0x20, 2, 0, 2], "choose another `client_id`"),
        (Protocol::V311, &[0x20, 2, 0, 1], "set protocol = \"5\""),
        (Protocol::V5, &[0x20, 2, 0, 1], "set protocol = \"3.1.1\""),
        (Protocol::V5, &[0x20, 3, 0, 0x86, 0], "wrong user name or password; check `user`"),
        (
            Protocol::V5,
            &[0x20, 8, 0, 0x87, 5, 31, 0, 2, b'n', b'o'],
            "the right to connect under this client id (code 0x87, it says \"no\")",
        ),
        (Protocol::V5, &[0x20, 3, 0, 0x89, 0], "it is not ready; trying again"),
        (Protocol::V5, &[0x30, 3, 0, 1, b'a'], "sent what MQTT does not allow"),
        (Protocol::V5, &[0xff, 0xff, 0xff, 0xff, 0xff], "sent what MQTT does not allow"),
        (Protocol::V5, &[0x20, 4, 0, 0, 1, 99], "sent what MQTT does not allow"),
    ] {
        let script = Script::new().await;
        let held = Held::new(Options { protocol, ..options(script.address) });
        let (mut there, _) = script.accept().await;
        there.send(connack).await;
        held.becomes(State::Waiting).await;
        let said = held.remote.snapshot().last_error.unwrap();
        assert!(said.contains(expect) && said.contains("127.0.0.1:"), "{said:?}, expected {expect:?}");
    }
}

#[tokio::test]
async fn what_a_broker_may_not_send_ends_the_connection_and_the_next_one_works() {
    for (bytes, expect) in [
        (publish("a", "x", 3, 1, false, false), "sent what MQTT does not allow (malformed_packet)"),
        (vec![0x32, 5, 0, 1, b'a', 0, 0], "sent what MQTT does not allow (protocol_error)"),
        (vec![0x10, 0], "sent what MQTT does not allow"),
        (vec![0x90, 3, 0, 1, 0], "sent what MQTT does not allow"),
        (packet(0x30, &[0; 3000]), "more than 2000 bytes; raise max_packet"),
        (vec![0xe0, 2, 0x8e, 0], "another client connected with the same client id"),
        (vec![0xe0, 0], "ended the connection"),
    ] {
        let script = Script::new().await;
        let five = bytes[0] == 0xe0;
        let protocol = if five { Protocol::V5 } else { Protocol::V311 };
        let held = Held::new(Options { max_packet: 2000, protocol, ..options(script.address) });
        let mut there = script.welcome(false).await;
        there.send(&bytes).await;
        held.until(|s| s.last_error.is_some()).await;
        let said = held.remote.snapshot().last_error.unwrap();
        assert!(said.contains(expect), "{said:?}, expected {expect:?}");
        assert_eq!(there.try_read().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_somebody_is_tried_again_slowly_and_a_broken_connection_soon() {
    for (code, least, most) in [(4, 5, 30), (3, 0, 1)] {
        let script = Script::new().await;
        let _held = Held::new(options(script.address));
        let (mut there, _) = script.accept().await;
        let refused = Instant::now();
        there.send(&[0x20, 2, 0, code]).await;
        let _again = script.accept().await;
        let pause = refused.elapsed().as_secs();
        assert!((least..=most).contains(&pause), "{pause} s after code {code}");
    }
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_and_tried_until_it_is() {
    let script = Script::new().await;
    let address = script.address;
    drop(script);
    let held = Held::new(options(address));
    held.becomes(State::Waiting).await;
    let said = held.remote.snapshot().last_error.unwrap();
    assert!(said.starts_with(&format!("{address} cannot be reached")), "{said}");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let script = Script { listener, address };
    let _there = script.welcome(false).await;
    held.becomes(State::Connected).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_says_nothing_for_half_as_long_again_as_the_keep_alive_is_given_up() {
    let script = Script::new().await;
    let keep_alive = Duration::from_secs(10);
    let held = Held::new(Options { keep_alive, ..options(script.address) });
    let mut there = script.welcome(false).await;
    held.becomes(State::Connected).await;
    let began = Instant::now();
    assert_eq!(there.read().await, (0xc0, vec![]), "it asks");
    assert_eq!(there.try_read().await, None, "and gives up");
    let took = began.elapsed().as_secs();
    assert!((14..=16).contains(&took), "{took} s");
    held.until(|s| s.last_error.as_deref().is_some_and(|e| e.contains("has said nothing for 15 s"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_answers_pings_is_kept_and_one_that_wants_them_sooner_gets_them_sooner() {
    let script = Script::new().await;
    let held = Held::new(Options { protocol: Protocol::V5, ..options(script.address) });
    let (mut there, _) = script.accept().await;
    // Server keep alive 7 s.
    there.send(&[0x20, 6, 0, 0, 3, 19, 0, 7]).await;
    there.grant(1).await;
    let began = Instant::now();
    for n in 1..=10 {
        assert_eq!(there.read().await, (0xc0, vec![]));
        assert_eq!(began.elapsed().as_secs(), 7 * n);
        there.send(&[0xd0, 0]).await;
    }
    assert_eq!(held.remote.snapshot().connections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_is_said_and_asked_for_again_and_the_others_stand() {
    let script = Script::new().await;
    let subscriptions = ["a/#", "b/#"].map(|f| Subscription { filter: f.into(), qos: 1 }).to_vec();
    let held = Held::new(Options { subscriptions, ..options(script.address) });
    let (mut there, _) = script.accept().await;
    there.let_in(false).await;
    let (_, body) = there.read().await;
    there.send(&[0x90, 4, body[0], body[1], 1, 0x80]).await;
    held.becomes(State::Connected).await;
    let said = held.remote.snapshot();
    assert_eq!(said.subscriptions, ["a/#"]);
    let error = said.last_error.unwrap();
    assert!(error.contains("\"b/#\"") && error.contains("the right to subscribe"), "{error}");
    tokio::time::advance(Duration::from_secs(60)).await;
    let (first, body) = there.next().await;
    assert_eq!((first, super::filters(&body, false)), (0x82, vec![("b/#".to_owned(), 1)]));
    there.send(&[0x90, 3, body[0], body[1], 1]).await;
    held.until(|s| s.subscriptions.len() == 2).await;
}

#[tokio::test]
async fn a_topic_that_cannot_be_taken_is_acknowledged_and_counted() {
    let script = Script::new().await;
    let held = Held::new(options(script.address));
    let mut there = script.welcome(false).await;
    there.publish("$SYS/uptime", "1", 1, 1).await;
    there.publish(&"x".repeat(600), "2", 1, 2).await;
    there.publish("fine", "3", 1, 3).await;
    for n in 1..=3 {
        assert_eq!(there.ack(0x40).await, n, "otherwise it would come again for ever");
    }
    assert_eq!(held.intake.payloads(), ["3"]);
    let refused = held.intake.refused.lock().unwrap().clone();
    let source = "remote/plant".to_owned();
    assert_eq!(refused, [(source.clone(), 1, "topic_reserved"), (source, 1, "topic_too_long")]);
    assert_eq!(held.remote.snapshot().refused, 2);
}

#[tokio::test]
async fn tls_is_spoken_where_the_certificate_is_right_and_explained_where_it_is_not() {
    let acceptor = broker::acceptor_from_bytes(CERTIFICATE, KEY).unwrap();
    let house = House::with_tls(open(), Some(acceptor)).await;
    let dir = std::env::temp_dir().join(format!("danxia-remote-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let ca = dir.join("ca.crt");
    std::fs::File::create(&ca).unwrap().write_all(CERTIFICATE).unwrap();
    let tls = Some(connector_from_files(&ca, None).unwrap());
    let host = "localhost".to_owned();
    let held = Held::new(Options { tls: tls.clone(), host: host.clone(), ..options(house.address) });
    held.becomes(State::Connected).await;
    held.stopped().await;

    // A certificate for another name.
    let held = Held::new(Options { tls: tls.clone(), host: "127.0.0.2".into(), ..options(house.address) });
    held.becomes(State::Waiting).await;
    let said = held.remote.snapshot().last_error.unwrap();
    assert!(said.contains("TLS with 127.0.0.2") || said.contains("cannot be reached"), "{said}");

    // A port that does not speak TLS.
    let plain = House::new(open()).await;
    let held = Held::new(Options { tls, host, ..options(plain.address) });
    held.becomes(State::Waiting).await;
    let said = held.remote.snapshot().last_error.unwrap();
    assert!(said.contains("check that `ca` signed") && said.contains("its TLS port"), "{said}");

    // A TLS port that is spoken to without TLS.
    let held = Held::new(options(house.address));
    held.becomes(State::Waiting).await;
    let said = held.remote.snapshot().last_error.unwrap();
    assert!(said.contains("speaks TLS") || said.contains("does not allow"), "{said}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn files_with_which_tls_cannot_be_spoken_are_named() {
    let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/localhost.crt"));
    let key = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/localhost.key"));
    let check = |ca: &Path, own: Option<(&Path, &Path)>, expect: &str| {
        let said = connector_from_files(ca, own).err().map_or_else(String::new, |e| e.to_string());
        assert!(said.contains(expect) && expect.is_empty() == said.is_empty(), "{said:?}, expected {expect:?}");
    };
    check(own, Some((own, key)), "");
    check(Path::new("/nowhere/ca.crt"), None, "/nowhere/ca.crt cannot be read");
    check(key, None, "holds no certificate of an authority");
    check(own, Some((key, key)), "no certificate found");
    check(own, Some((own, own)), "no private key found");
}

#[tokio::test]
async fn two_sessions_under_one_client_id_are_told_about_it() {
    let house = House::new(open()).await;
    let first = Held::new(Options { protocol: Protocol::V5, ..options(house.address) });
    first.becomes(State::Connected).await;
    let _other = Client::connect(house.address, crate::client::Connect::v5("collector-1")).await;
    first.until(|s| s.last_error.as_deref().is_some_and(|e| e.contains("give each collector a `client_id`"))).await;
}
