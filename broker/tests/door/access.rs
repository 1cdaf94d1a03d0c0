//! Revocation, rights that shrink, and what one client or one address may take up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Authenticator, BoxFuture, Config, Credentials, Denied, Identity, Login, Rate, Refusal, Rights};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::client::{Client, Connect, publish};
use crate::house::{House, open};

/// Users whose rights can be changed; the password is `secret`. `gate` holds those who ask.
struct Changing {
    rights: Mutex<Option<Rights>>,
    gate: watch::Sender<bool>,
    asked: watch::Sender<usize>,
}

impl Changing {
    fn new() -> Arc<Changing> {
        let rights = Mutex::new(Some(Rights::everything()));
        Arc::new(Changing { rights, gate: watch::Sender::new(true), asked: watch::Sender::new(0) })
    }

    fn set(&self, subscribe: &[&str]) {
        let subscribe = subscribe.iter().map(|filter| (*filter).to_owned()).collect();
        *self.rights.lock().unwrap() = Some(Rights { subscribe, ..Rights::everything() });
    }
}

impl Authenticator for Changing {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        let rights = self.rights.lock().unwrap().clone();
        self.asked.send_modify(|n| *n += 1);
        let mut gate = self.gate.subscribe();
        Box::pin(async move {
            gate.wait_for(|open| *open).await.unwrap();
            let Credentials::Password { user, password } = login.credentials else { return Err(Denied::Credentials) };
            match rights {
                Some(rights) if password == "secret" => Ok(Identity { name: user.into(), rights: Arc::new(rights) }),
                _ => Err(Denied::Credentials),
            }
        })
    }
}

async fn house(config: Config, users: &Arc<Changing>) -> House {
    House::with_users(config, None, users.clone()).await
}

fn user<'a>(id: &'a str, user: &'a str) -> Connect<'a> {
    Connect { login: Some((user, "secret")), ..Connect::kept(id) }
}

#[tokio::test]
async fn a_session_loses_what_its_identity_has_no_right_to_any_more() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    let mut watcher = Client::connect(house.address, user("w", "u")).await;
    assert_eq!(watcher.subscribe(&[("a/#", 1), ("b/#", 1), ("c/1", 2)]).await, [1, 1, 2]);
    let mut machine = Client::new(house.address, "m").await;
    // One that is on its way and was not acknowledged.
    machine.publish("a/sent", "a", 1, 1).await;
    machine.ack(0x40).await;
    watcher.receive().await;
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    for topic in ["a/1", "b/1", "c/1", "b/2"] {
        machine.publish(topic, topic, 1, 1).await;
        machine.ack(0x40).await;
    }
    assert!(machine.is_quiet().await);
    users.set(&["b/#", "c/+"]);
    let (mut watcher, connack) = Client::try_connect(house.address, user("w", "u")).await;
    assert_eq!(connack, [1, 0], "session present");
    for topic in ["b/1", "c/1", "b/2"] {
        assert_eq!(watcher.take().await.topic, topic);
    }
    machine.publish("a/2", "x", 1, 1).await;
    machine.ack(0x40).await;
    assert!(machine.is_quiet().await && watcher.is_quiet().await);
    let seen = house.broker.clients().into_iter().find(|client| &*client.client_id == "w").unwrap();
    assert_eq!(seen.subscriptions, ["b/#", "c/1"]);
    assert_eq!(house.refused("rights_withdrawn"), 3, "a subscription and two messages");
}

#[tokio::test]
async fn a_revoked_identity_is_sent_away_and_leaves_neither_session_nor_will() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("will", 0)]).await;
    let will = Some(("will", "dead"));
    let mut old = Client::connect(house.address, Connect { will, ..user("old", "u") }).await;
    // Session expiry 1000 s; its will comes after 500 s, or with a DISCONNECT of this reason.
    let new = Connect {
        v5: true,
        will,
        properties: vec![17, 0, 0, 3, 0xe8],
        will_properties: vec![24, 0, 0, 1, 0xf4],
        ..user("new", "u")
    };
    let mut new = Client::connect(house.address, new).await;
    let mut other = Client::connect(house.address, user("other", "v")).await;
    let mut away = Client::connect(house.address, user("away", "u")).await;
    away.send(&[0xe0, 0]).await;
    away.ends().await;
    assert_eq!(house.broker.disconnect("u", Refusal::Revoked), 3);
    assert_eq!(new.ends().await, Some(0x98));
    assert_eq!(old.ends().await, None);
    assert!(other.is_quiet().await);
    house.until("they are gone", |house| house.broker.connected() == 2).await;
    for id in ["old", "new", "away"] {
        let (_, connack) = Client::try_connect(house.address, user(id, "v")).await;
        assert_eq!(connack, [0, 0], "{id}: no session is left, and the client id is free");
    }
    assert!(watcher.is_quiet().await, "no will");
    assert_eq!(house.refused("revoked"), 2);
    assert_eq!(house.broker.disconnect("nobody", Refusal::Revoked), 0);
}

#[tokio::test(start_paused = true)]
async fn a_will_that_waits_is_not_published_for_an_identity_that_was_revoked() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    let with = |id| Connect {
        v5: true,
        will: Some(("will", id)),
        properties: vec![17, 0, 0, 3, 0xe8],
        will_properties: vec![24, 0, 0, 0, 10],
        ..user(id, id)
    };
    for id in ["revoked", "dead"] {
        drop(Client::connect(house.address, with(id)).await);
    }
    house.until("they are gone", |house| house.broker.connected() == 0).await;
    assert_eq!(house.broker.disconnect("revoked", Refusal::Revoked), 1);
    house.intake.until(1).await;
    assert_eq!(house.intake.payloads(), ["dead"]);
}

#[tokio::test]
async fn whoever_gets_other_rights_comes_again_to_its_session_and_its_will_speaks_where_it_still_may() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    let connect = |id: &'static str, will: &'static str| Connect {
        v5: true,
        clean: false,
        will: Some((will, id)),
        properties: vec![17, 0, 0, 3, 0xe8],
        ..user(id, "u")
    };
    let mut one = Client::connect(house.address, connect("one", "wills/one")).await;
    let mut two = Client::connect(house.address, connect("two", "elsewhere/two")).await;
    one.subscribe(&[("news", 1)]).await;
    let mut other = Client::connect(house.address, user("other", "v")).await;
    let rights = Rights { publish: vec!["wills/#".into()], subscribe: vec!["news".into()], ..Rights::default() };
    assert_eq!(house.broker.renew("u", &Arc::new(rights), Refusal::Revoked), 2);
    assert_eq!((one.ends().await, two.ends().await), (Some(0x98), Some(0x98)));
    house.until("they are gone", |house| house.broker.connected() == 1).await;
    house.until("the wills are judged", |house| house.refused("will_denied") == 1).await;
    house.intake.until(1).await;
    assert_eq!(house.intake.payloads(), ["one"], "the other may not be published any more");
    other.publish("news", "while it was away", 1, 1).await;
    let (mut one, connack) = Client::try_connect(house.address, connect("one", "wills/one")).await;
    assert_eq!(connack[..2], [1, 0], "its session was kept");
    assert_eq!(one.take().await.payload, b"while it was away");
}

#[tokio::test]
async fn whoever_was_looked_up_before_the_revocation_does_not_come_in_after_it() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    users.gate.send_replace(false);
    let connect = async |id: &'static str, name: &'static str| {
        let connect = Connect { v5: true, properties: vec![17, 0, 0, 3, 0xe8], ..user(id, name) };
        Client::connect(house.address, connect).await
    };
    let revoking = async {
        users.asked.subscribe().wait_for(|asked| *asked == 2).await.unwrap();
        house.broker.disconnect("u", Refusal::Revoked);
        users.gate.send_replace(true);
    };
    let (mut revoked, mut other, ()) = tokio::join!(connect("a", "u"), connect("b", "v"), revoking);
    assert_eq!(revoked.ends().await, Some(0x98));
    assert!(other.is_quiet().await);
    let (_, connack) = Client::try_connect(house.address, user("a", "v")).await;
    assert_eq!(connack, [0, 0], "no session is left");
}

#[tokio::test]
async fn rights_that_are_none_let_nobody_in() {
    let users = Changing::new();
    let house = house(open(), &users).await;
    users.set(&["a/#/b"]);
    let (_, connack) = Client::try_connect(house.address, user("a", "u")).await;
    assert_eq!(connack, [0, 5]);
    assert_eq!(house.refused("not_authorized"), 1);
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_cannot_keep_the_house_busy() {
    let users = Changing::new();
    let house = house(Config { failed_logins: Rate { per_second: 1, burst: 3 }, ..Config::default() }, &users).await;
    let wrong = async || {
        let login = Some(("u", "wrong"));
        Client::try_connect(house.address, Connect { login, ..Connect::new("a") }).await.1[1]
    };
    let all = futures(40, &wrong).await;
    let looked_at = *users.asked.borrow();
    assert!((3..=6).contains(&looked_at), "{looked_at} of 40 were looked into");
    assert_eq!(all.iter().filter(|code| **code == 4).count(), looked_at);
    assert_eq!(house.refused("login_rate"), 40 - looked_at as u64);
    let (_, connack) = Client::try_connect(house.address, user("a", "u")).await;
    assert_eq!(connack, [0, 3], "nor does the right one get a look now");
    let (_, connack) = Client::try_connect(house.address, Connect { v5: true, ..user("a", "u") }).await;
    assert_eq!(connack[1], 0x9f);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (_, connack) = Client::try_connect(house.address, user("a", "u")).await;
    assert_eq!(connack, [0, 0]);
}

/// `n` of them at once.
async fn futures(n: usize, one: &impl AsyncFn() -> u8) -> Vec<u8> {
    let mut waiting: Vec<_> = (0..n).map(|_| Box::pin(one())).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(code) => {
                done.push(code);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn right_passwords_are_looked_at_in_turn_however_many_come() {
    let users = Changing::new();
    let house = house(Config { failed_logins: Rate { per_second: 1, burst: 1 }, ..Config::default() }, &users).await;
    let n = Semaphore::new(0);
    let right = async || {
        n.add_permits(1);
        let id = format!("c{}", n.available_permits());
        Client::try_connect(house.address, user(&id, "u")).await.1[1]
    };
    assert_eq!(futures(100, &right).await, [0; 100]);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_so_many_a_second() {
    let house = House::new(Config { max_connections_per_address: 2, ..open() }).await;
    let (one, _two) = (Client::new(house.address, "1").await, Client::new(house.address, "2").await);
    assert_eq!(Client::open(house.address).await.ends().await, None);
    assert_eq!(house.refused("address_connections_full"), 1);
    drop(one);
    house.until("there is room", |house| house.broker.connected() == 1).await;
    let mut again = Client::new(house.address, "1").await;
    assert!(again.is_quiet().await);

    let rate = Rate { per_second: 1, burst: 3 };
    for config in [Config { connect_rate: rate, ..open() }, Config { connect_rate_per_address: rate, ..open() }] {
        let house = House::new(config).await;
        let (began, mut let_in) = (Instant::now(), 0);
        for id in 0..20 {
            let mut client = Client::open(house.address).await;
            // It may be closed before this is written.
            let _ = client.io.write_all(&Connect::new(&format!("{id}")).encode()).await;
            let_in += u64::from(client.try_read().await.is_some());
        }
        assert!((3..=4 + began.elapsed().as_secs()).contains(&let_in), "{let_in} of 20");
        assert_eq!(house.refused("connection_rate"), 20 - let_in);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_publishes_too_fast_is_slowed_down_and_loses_nothing() {
    let check = async |config: Config, seconds: u64| {
        let house = House::new(config).await;
        let mut machine = Client::new(house.address, "m").await;
        let began = Instant::now();
        for n in 0..50u16 {
            machine.send(&publish("t", vec![b'x'; 1_000], 1, n + 1, false, false)).await;
            assert_eq!(machine.ack(0x40).await, n + 1);
        }
        let took = began.elapsed().as_secs_f64();
        assert!((took - seconds as f64).abs() < 2.0, "{took} s, expected {seconds}");
        assert_eq!(house.intake.payloads().len(), 50);
        let client = &house.broker.clients()[0];
        assert_eq!(client.throttled > 0, seconds > 0);
        assert_eq!(house.broker.throttled(), client.throttled);
        assert!(client.connected, "it is not taken for silent");
    };
    let unlimited = Config { publish_rate: Rate::UNLIMITED, publish_bytes: Rate::UNLIMITED, ..open() };
    check(unlimited.clone(), 0).await;
    check(Config { publish_rate: Rate { per_second: 1, burst: 10 }, ..unlimited.clone() }, 40).await;
    check(Config { publish_bytes: Rate { per_second: 1_000, burst: 10_000 }, ..unlimited }, 40).await;
}

#[tokio::test]
async fn sessions_and_retained_messages_have_limits_that_are_counted() {
    let house = House::new(Config { max_sessions: 1, retained_messages: 1, ..open() }).await;
    let mut one = Client::connect(house.address, Connect::kept("1")).await;
    let (_, connack) = Client::try_connect(house.address, Connect::v5("2")).await;
    assert_eq!(connack[1], 0x97);
    assert_eq!(house.refused("sessions_full"), 1);
    for (n, topic) in ["a", "b"].into_iter().enumerate() {
        one.send(&publish(topic, "x", 1, n as u16 + 1, true, false)).await;
        one.ack(0x40).await;
    }
    assert!(one.is_quiet().await);
    assert_eq!(house.refused("retained_full"), 1);
    one.subscribe(&[("#", 0)]).await;
    assert_eq!(one.take().await.topic, "a");
    assert!(one.is_quiet().await);
}

#[tokio::test]
async fn what_waits_for_an_absent_client_is_bounded_by_bytes() {
    let house = House::new(Config { queue_bytes: 10_000, ..open() }).await;
    let mut watcher = Client::connect(house.address, Connect::kept("w")).await;
    watcher.subscribe(&[("t", 1)]).await;
    watcher.send(&[0xe0, 0]).await;
    watcher.ends().await;
    let mut machine = Client::new(house.address, "m").await;
    for n in 0..20u8 {
        machine.publish("t", vec![n; 1_000], 1, 1).await;
        machine.ack(0x40).await;
    }
    assert!(machine.is_quiet().await);
    assert_eq!(house.refused("subscriber_queue_full"), 11);
    let mut watcher = Client::connect(house.address, Connect::kept("w")).await;
    for n in 11..20 {
        assert_eq!(watcher.take().await.payload[0], n, "the oldest went");
    }
    assert!(watcher.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn the_router_is_looked_after_while_a_listener_is_served() {
    let house = House::new(open()).await;
    assert_eq!(house.broker.canary_state(), broker::CanaryState::default());
    house.until("a canary is back", |house| house.broker.canary_state().last_ok.is_some()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let state = house.broker.canary_state();
    assert!(state.last_ok.unwrap() <= Duration::from_secs(10), "{state:?}");
    assert_eq!((state.failures, state.in_a_row), (0, 0));
}
