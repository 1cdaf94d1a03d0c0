//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Config, ConfigError};
use tokio::net::TcpListener;

use crate::client::{Client, Connect, counted, packet};
use crate::house::{House, TestIntake, TestUsers, open};

#[tokio::test]
async fn a_user_is_let_in_with_its_password_and_nobody_else() {
    let house = House::new(Config::default()).await;
    let check = async |login, v5, expect: u8| {
        let (_, connack) = Client::try_connect(house.address, Connect { login, v5, ..Connect::new("c") }).await;
        assert_eq!(connack[1], expect, "{login:?}");
    };
    check(Some(("user", "secret")), false, 0).await;
    check(Some(("user", "secret")), true, 0).await;
    check(Some(("user", "wrong")), false, 4).await;
    check(Some(("user", "wrong")), true, 0x86).await;
    check(Some(("nobody", "secret")), false, 4).await;
    check(Some(("banned", "secret")), false, 5).await;
    check(None, false, 5).await;
    check(None, true, 0x87).await;
    assert_eq!(house.refused("credentials"), 3);
    assert_eq!(house.refused("anonymous_off"), 2);
}

#[tokio::test]
async fn a_client_id_belongs_to_its_identity() {
    let house = House::new(Config::default()).await;
    let as_user = |user| Connect { login: Some((user, "secret")), ..Connect::kept("c") };
    let mut first = Client::connect(house.address, as_user("user")).await;
    let (_, connack) = Client::try_connect(house.address, as_user("other")).await;
    assert_eq!(connack, [0, 5]);
    assert!(first.is_quiet().await, "the first is not disturbed");
    drop(first);
    let (_, connack) = Client::try_connect(house.address, as_user("other")).await;
    assert_eq!(connack, [0, 5], "nor is its session taken");
    assert_eq!(house.refused("client_id_bound"), 2);
}

#[tokio::test]
async fn an_empty_client_id_is_given_one() {
    let house = House::new(open()).await;
    let (_one, connack) = Client::try_connect(house.address, Connect::v5("")).await;
    assert!(String::from_utf8_lossy(&connack).contains("auto-"), "MQTT 5 is told which");
    let (_two, connack) = Client::try_connect(house.address, Connect::new("")).await;
    assert_eq!(connack, [0, 0]);
    let (_, connack) = Client::try_connect(house.address, Connect::kept("")).await;
    assert_eq!(connack, [0, 2], "it could never come back to its session");
    let ids: Vec<_> = house.broker.clients().into_iter().map(|client| client.client_id).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[tokio::test]
async fn other_versions_are_told_so() {
    let house = House::new(open()).await;
    for (name, level) in [("MQIsdp", 3), ("MQTT", 3), ("MQTT", 6)] {
        let mut client = Client::open(house.address).await;
        let mut body = counted(name);
        body.extend([level, 2, 0, 60, 0, 1, b'c']);
        client.send(&packet(0x10, &body)).await;
        assert_eq!(client.read().await, (0x20, vec![0, 1]), "{name} {level}");
        client.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_say_connect_in_five_seconds_is_closed() {
    let house = House::new(open()).await;
    for some in [&[][..], &[0x10], &Connect::new("c").encode()[..10]] {
        let started = tokio::time::Instant::now();
        let mut idle = Client::open(house.address).await;
        idle.send(some).await;
        idle.ends().await;
        assert_eq!(started.elapsed().as_secs(), 5);
    }
    assert_eq!(house.refused("connect_timeout"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_does_not_answer_is_not_waited_for() {
    let house = House::new(Config::default()).await;
    let login = Some(("slow", "x"));
    let (_, connack) = Client::try_connect(house.address, Connect { login, ..Connect::new("c") }).await;
    assert_eq!(connack, [0, 3]);
}

#[tokio::test]
async fn half_open_connections_have_a_limit_of_their_own() {
    let house = House::new(Config { max_handshakes: 2, ..open() }).await;
    let (_one, _two) = (Client::open(house.address).await, Client::open(house.address).await);
    let mut three = Client::open(house.address).await;
    assert_eq!(three.ends().await, None);
    assert_eq!(house.refused("handshakes_full"), 1);
}

#[tokio::test]
async fn anonymous_clients_are_not_let_in_from_other_machines() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broker = Broker::new(open(), Arc::new(TestIntake::default()), Arc::new(TestUsers)).unwrap();
    let refused = broker.serve(listener, None, std::future::pending()).await.unwrap_err();
    assert!(refused.to_string().contains("anonymous"), "{refused}");
    assert_eq!(open().validate(&[address]), Err(ConfigError::AnonymousExposed(address)));
    assert_eq!(open().validate(&["[::1]:1883".parse().unwrap()]), Ok(()));
    assert_eq!(Config::default().validate(&[address]), Ok(()));
}

#[test]
fn settings_no_client_could_live_with_are_refused() {
    let check = |config: Config, expect: &str| {
        let error = config.validate(&[]).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(Config { max_packet: 1 << 29, ..open() }, "268435455");
    check(Config { queue_messages: 0, ..open() }, "queue_messages is 0");
    check(Config { send_window: 0, ..open() }, "send_window is 0");
    assert!(Config { handshake_timeout: Duration::from_secs(1), ..open() }.validate(&[]).is_ok());
}
