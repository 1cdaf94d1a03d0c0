//! Who may do what, as a table: every identity tries every topic and filter in every way there is, over real sockets.
//! A row names those who may; everybody else must be denied.

use std::net::SocketAddr;
use std::sync::Arc;

use broker::{Authenticator, BoxFuture, Config, Credentials, Denied, Identity, Login, Places, Rights, Role};
use bytes::Bytes;

use crate::client::{Client, Connect, publish};
use crate::house::{House, open};

/// Everybody. `all` comes without a user name and may do everything but what only the platform publishes, `nobody` has no
/// rights.
const IDENTITIES: [&str; 7] = ["device", "node", "gateway", "reader", "monitor", "all", "nobody"];

const PUBLISH: &[(&str, &[&str])] = &[
    ("danxia/v1/s1/m1/telemetry", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/vib/de/waveform", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/alarms", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/vib/alarm", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/indicator", &[]),
    ("danxia/v1/s1/m1/indicator/x", &[]),
    ("danxia/v1/s1/m1/alarm", &[]),
    ("danxia/v1/s1/m1/alarm/state", &[]),
    ("danxia/v1/s1/m2/alarm/state", &[]),
    ("danxia/v1/s2/m1/indicator", &[]),
    ("danxia/v1/s1/alarm/telemetry", &["gateway", "all"]),
    ("danxia/v1/s1/m10/telemetry", &["gateway", "all"]),
    ("danxia/v1/s1/m2/command/stop", &["gateway", "all"]),
    ("danxia/v1/s1", &["gateway", "all"]),
    ("danxia/v1/s2/m1/telemetry", &["all"]),
    ("danxia/v1/S1/m1/telemetry", &["all"]),
    ("danxia/v1//m1/telemetry", &["all"]),
    ("spBv1.0/G/NDATA/n1", &["node", "all"]),
    ("spBv1.0/G/NBIRTH/n1", &["node", "all"]),
    ("spBv1.0/G/NDATA/n1/x", &["all"]),
    ("spBv1.0/G/DDATA/n1/d1", &["node", "all"]),
    ("spBv1.0/G/DDATA/n2/d1", &["all"]),
    ("spBv1.0/G/NCMD/n1", &["all"]),
    ("spBv1.0/H/NDATA/n1", &["all"]),
    ("spBv1.0/STATE/host", &["all"]),
    ("轧钢/一号机", &["all"]),
    ("/", &["all"]),
    ("$SYS/version", &[]),
    ("$share/g/a", &[]),
];

const SUBSCRIBE: &[(&str, &[&str])] = &[
    ("danxia/v1/s1/m1/command/#", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/command/stop", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/command/+/now", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/command", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/#", &["all"]),
    ("danxia/v1/s1/m2/command/#", &["gateway", "all"]),
    ("danxia/v1/s1/+/command/#", &["gateway", "all"]),
    ("danxia/v1/s1/+/command", &["gateway", "all"]),
    ("danxia/v1/+/m1/command/#", &["all"]),
    ("+/v1/s1/m1/command/#", &["all"]),
    ("danxia/v1/s1/+/telemetry", &["reader", "all"]),
    ("danxia/v1/s1/m1/alarm/#", &["reader", "all"]),
    ("danxia/v1/s1/+/indicator/+", &["reader", "all"]),
    ("danxia/v1/s2/+/telemetry", &["all"]),
    ("danxia/v1/s1/m1/birth", &["all"]),
    ("danxia/v1/s1/+/+", &["all"]),
    ("danxia/v1/s1/#", &["all"]),
    ("danxia/#", &["all"]),
    ("#", &["all"]),
    ("+/#", &["all"]),
    ("+/+", &["all"]),
    ("/#", &["all"]),
    ("spBv1.0/G/#", &["reader", "all"]),
    ("spBv1.0/G/NCMD/n1", &["node", "reader", "all"]),
    ("spBv1.0/G/NCMD/n1/#", &["node", "reader", "all"]),
    ("spBv1.0/G/DCMD/n1/d1", &["node", "reader", "all"]),
    ("spBv1.0/G/NCMD/+", &["reader", "all"]),
    ("spBv1.0/+/NCMD/n1", &["all"]),
    ("spBv1.0/STATE/+", &["node", "all"]),
    ("spBv1.0/STATE/host", &["node", "all"]),
    ("spBv1.0/STATE/#", &["all"]),
    ("spBv1.0/#", &["all"]),
    ("轧钢/+", &["all"]),
    ("$SYS/#", &["monitor"]),
    ("$SYS/broker/+", &["monitor"]),
    ("$SYS", &["monitor"]),
    ("$SYSTEM/#", &[]),
    ("$canary/#", &[]),
    ("$share/g/danxia/v1/s1/m1/command/#", &["device", "gateway", "all"]),
    ("$share/g/danxia/v1/s1/#", &["all"]),
    ("$share/g/spBv1.0/G/#", &["reader", "all"]),
    ("$share/g/#", &["all"]),
    ("$share/g/$SYS/#", &["monitor"]),
];

const WILLS: &[(&str, &[&str])] = &[
    ("danxia/v1/s1/m1/death", &["device", "gateway", "all"]),
    ("danxia/v1/s1/m1/alarm", &[]),
    ("danxia/v1/s1/m1/alarm/state", &[]),
    ("danxia/v1/s2/m1/indicator", &[]),
    ("danxia/v1/s1/m2/death", &["gateway", "all"]),
    ("spBv1.0/G/NDEATH/n1", &["node", "all"]),
    ("spBv1.0/STATE/host", &["all"]),
    ("died", &["all"]),
];

struct Plant;

impl Authenticator for Plant {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        let Credentials::Password { user, .. } = login.credentials else { panic!("no certificates here") };
        let places = |device| Places { device: Some(device), site: Some("s1"), group: Some("G") };
        let role = |name: &str, device| Role::named(name).unwrap().fill(&places(device)).unwrap();
        let rights = match user.as_str() {
            "device" => role("device", "m1"),
            "node" => role("sparkplug-node", "n1"),
            "nobody" => Rights::default(),
            other => role(other, "unused"),
        };
        Box::pin(async move { Ok(Identity { name: user.into(), rights: Arc::new(rights) }) })
    }
}

async fn plant() -> House {
    let except = ["danxia/v1/+/+/indicator/#", "danxia/v1/+/+/alarm/#"].map(str::to_owned).to_vec();
    let anonymous_rights = Arc::new(Rights { except, ..Rights::everything() });
    House::with_users(Config { anonymous_rights, ..open() }, None, Arc::new(Plant)).await
}

fn connect<'a>(id: &'a str, who: &'a str, v5: bool) -> Connect<'a> {
    Connect { login: (who != "all").then_some((who, "x")), v5, ..Connect::new(id) }
}

/// What was tried, and what went otherwise than the table says.
#[derive(Default)]
struct Tried {
    cases: usize,
    wrong: Vec<String>,
}

impl Tried {
    fn case(&mut self, what: String, found: impl Into<String>, expect: impl Into<String>) {
        let (found, expect) = (found.into(), expect.into());
        self.cases += 1;
        if found != expect {
            self.wrong.push(format!("{what}: expected {expect}, found {found}"));
        }
    }
}

#[tokio::test]
async fn every_identity_may_do_what_the_table_says_and_nothing_else() {
    let mut tried = Tried::default();
    publishing(&mut tried).await;
    subscribing(&mut tried).await;
    wills(&mut tried).await;
    takeovers(&mut tried).await;
    println!("rights matrix: {} cases", tried.cases);
    assert!(tried.wrong.is_empty(), "{} of {}:\n{}", tried.wrong.len(), tried.cases, tried.wrong.join("\n"));
    assert!(tried.cases >= 200, "{}", tried.cases);
}

async fn publishing(tried: &mut Tried) {
    let house = plant().await;
    for (topic, may) in PUBLISH {
        for who in IDENTITIES {
            for (v5, qos, retain) in [
                (false, 0, false),
                (false, 1, false),
                (false, 2, false),
                (true, 0, false),
                (true, 1, false),
                (true, 2, false),
                (true, 1, true),
            ] {
                let found = publishes(&house, who, topic, v5, qos, retain).await;
                let expect = expected_of_publish(may.contains(&who), topic, v5, qos);
                tried.case(format!("{who} publishes to {topic}, QoS {qos}, v5 {v5}, retain {retain}"), found, expect);
            }
        }
    }
}

async fn subscribing(tried: &mut Tried) {
    let house = plant().await;
    for (filter, may) in SUBSCRIBE {
        for who in IDENTITIES {
            for v5 in [false, true] {
                let (found, shared) = subscribes(&house, who, filter, v5).await;
                let offered = shared || !filter.starts_with("$share/");
                let expect = match (may.contains(&who), offered, v5) {
                    (true, true, _) => "granted, and it comes",
                    (true, false, true) => "0x9e, and nothing comes",
                    (false, _, true) => "0x87, and nothing comes",
                    (_, _, false) => "0x80, and nothing comes",
                };
                tried.case(format!("{who} subscribes to {filter}, v5 {v5}"), found, expect);
            }
        }
    }
}

async fn wills(tried: &mut Tried) {
    let house = plant().await;
    for (topic, may) in WILLS {
        for who in IDENTITIES {
            for (v5, retain) in [(false, false), (false, true), (true, false), (true, true)] {
                let found = leaves_a_will(house.address, who, topic, v5, retain).await;
                let expect = expected_of_connect(may.contains(&who), v5);
                tried.case(format!("{who} leaves a will on {topic}, v5 {v5}, retain {retain}"), found, expect);
            }
        }
    }
}

async fn takeovers(tried: &mut Tried) {
    let house = plant().await;
    for owner in IDENTITIES {
        for who in IDENTITIES {
            for (v5, holding) in [(false, "clean"), (false, "kept"), (true, "absent"), (false, "absent")] {
                let found = takes_over(house.address, owner, who, v5, holding).await;
                let expect = expected_of_connect(owner == who, v5);
                tried.case(format!("{who} takes the client id of {owner}, {holding}, v5 {v5}"), found, expect);
            }
        }
    }
}

fn expected_of_publish(may: bool, topic: &str, v5: bool, qos: u8) -> String {
    let reserved = topic.starts_with('$');
    match (may, v5, qos) {
        (true, _, _) => "taken".into(),
        (false, false, _) => "closed, nothing taken".into(),
        (false, true, 0) if reserved => "closed with 0x90, nothing taken".into(),
        (false, true, 0) => "ignored".into(),
        (false, true, _) => format!("told 0x{:02x}, nothing taken", if reserved { 0x90 } else { 0x87 }),
    }
}

/// Publishes, and then publishes where nobody listens or asks for a pong, to see what became of it.
async fn publishes(house: &House, who: &str, topic: &str, v5: bool, qos: u8, retain: bool) -> String {
    let before = house.intake.payloads().len();
    let mut client = Client::connect(house.address, connect("p", who, v5)).await;
    client.send(&publish(topic, "x", qos, 7, retain, v5)).await;
    client.send(&[0xc0, 0]).await;
    let mut told = None;
    let mut reason = None;
    let open = loop {
        match client.try_read().await {
            None => break false,
            Some((0xd0, _)) if qos == 0 || told.is_some() => break true,
            Some((0xd0, _)) => {}
            Some((0x40 | 0x50, body)) => told = Some(body.get(2).copied().unwrap_or(0)),
            Some((0xe0, body)) => reason = body.first().copied(),
            Some(other) => return format!("{other:?}"),
        }
        // The pong does not wait for the acknowledgement.
        if told.is_some() {
            break true;
        }
    };
    let taken = house.intake.payloads().len() - before;
    match (open, told, reason, taken) {
        (true, Some(0) | None, _, 1) if told.is_some() == (qos > 0) => "taken".into(),
        (true, None, _, 0) => "ignored".into(),
        (true, Some(code), _, 0) => format!("told 0x{code:02x}, nothing taken"),
        (false, None, None, 0) => "closed, nothing taken".into(),
        (false, None, Some(reason), 0) => format!("closed with 0x{reason:02x}, nothing taken"),
        other => format!("{other:?}"),
    }
}

/// Subscribes, and has the platform publish something that the filter matches. Also whether shared subscriptions are
/// on offer.
async fn subscribes(house: &House, who: &str, filter: &str, v5: bool) -> (String, bool) {
    let (mut probe, connack) = Client::try_connect(house.address, connect("s", who, true)).await;
    let shared = !connack[3..].windows(2).any(|property| property == [42, 0]);
    probe.send(&[0xe0, 0]).await;
    probe.ends().await;
    let mut client = Client::connect(house.address, connect("s", who, v5)).await;
    let granted = client.subscribe(&[(filter, 0)]).await[0];
    let inner = filter.strip_prefix("$share/g/").unwrap_or(filter);
    let topic = inner.replace(['+', '#'], "x");
    house.broker.publish(&topic, Bytes::from_static(b"p"), 0, false).unwrap();
    let code = if granted == 0 { "granted".to_owned() } else { format!("0x{granted:02x}") };
    client.send(&[0xc0, 0]).await;
    let comes = match client.read().await {
        (0x30, _) => "it comes",
        (0xd0, _) => "nothing comes",
        other => return (format!("{other:?}"), shared),
    };
    (format!("{code}, and {comes}"), shared)
}

fn expected_of_connect(may: bool, v5: bool) -> String {
    match (may, v5) {
        (true, _) => "let in".into(),
        (false, true) => "refused with 0x87".into(),
        (false, false) => "refused with 0x05".into(),
    }
}

fn connected(connack: &[u8]) -> String {
    if connack[1] == 0 { "let in".into() } else { format!("refused with 0x{:02x}", connack[1]) }
}

async fn leaves_a_will(address: SocketAddr, who: &str, topic: &str, v5: bool, retain: bool) -> String {
    let mut bytes = Connect { will: Some((topic, "w")), ..connect("w", who, v5) }.encode();
    assert!(bytes[1] < 128, "one byte of length");
    bytes[9] |= u8::from(retain) << 5;
    let mut client = Client::open(address).await;
    client.send(&bytes).await;
    let (first, connack) = client.read().await;
    assert_eq!(first, 0x20);
    client.send(&[0xe0, 0]).await;
    client.ends().await;
    connected(&connack)
}

async fn takes_over(address: SocketAddr, owner: &str, who: &str, v5: bool, holding: &str) -> String {
    let id = format!("{owner}-{who}-{holding}-{v5}");
    let mut first = Client::connect(address, Connect { clean: holding == "clean", ..connect(&id, owner, false) }).await;
    if holding == "absent" {
        first.send(&[0xe0, 0]).await;
        first.ends().await;
    }
    let (_, connack) = Client::try_connect(address, connect(&id, who, v5)).await;
    if owner != who && holding != "absent" {
        assert!(first.is_quiet().await, "{id}: the owner is not disturbed");
    }
    connected(&connack)
}

#[tokio::test]
async fn a_client_that_is_ignored_gets_its_acknowledgement_and_the_ledger_is_told() {
    let config = Config { denied_v311: broker::WhenDenied::Ignore, ..open() };
    let house = House::with_users(config, None, Arc::new(Plant)).await;
    let mut client = Client::connect(house.address, connect("c", "device", false)).await;
    client.publish("elsewhere", "x", 0, 0).await;
    client.publish("elsewhere", "x", 1, 1).await;
    assert_eq!(client.ack(0x40).await, 1);
    client.publish("elsewhere", "x", 2, 2).await;
    assert_eq!(client.ack(0x50).await, 2);
    client.send(&[0x62, 2, 0, 2]).await;
    assert_eq!(client.ack(0x70).await, 2);
    client.publish("danxia/v1/s1/m1/telemetry", "good", 1, 3).await;
    assert_eq!(client.ack(0x40).await, 3);
    assert_eq!(house.intake.payloads(), ["good"]);
    assert_eq!(house.refused("publish_denied"), 3);
    let refused: Vec<_> = house.intake.refused.lock().unwrap().iter().map(|(_, n, why)| (*n, *why)).collect();
    assert_eq!(refused, [(1, "publish_denied"); 3]);
    let seen = &house.broker.clients()[0];
    let last = seen.last_denial.clone().unwrap();
    assert_eq!((seen.denials, &*last.topic, last.why.name()), (3, "elsewhere", "publish_denied"));
    assert_eq!(seen.last_error.as_deref(), Some("publish_denied: elsewhere"));
}

#[tokio::test]
async fn an_mqtt_5_client_may_be_disconnected_for_what_it_cannot_be_told() {
    let config = Config { denied_v5_qos0: broker::WhenDenied::Disconnect, ..open() };
    let house = House::with_users(config, None, Arc::new(Plant)).await;
    let mut client = Client::connect(house.address, connect("c", "device", true)).await;
    client.publish("elsewhere", "x", 1, 1).await;
    let (first, body) = client.read().await;
    assert_eq!((first, &body[2..3]), (0x40, &[0x87][..]));
    client.publish("elsewhere", "x", 0, 0).await;
    assert_eq!(client.ends().await, Some(0x87));
    assert_eq!(house.refused("publish_denied"), 2);
    let gone = &house.broker.clients()[0];
    assert_eq!(
        (gone.denials, gone.last_error.as_deref()),
        (2, Some("publish_denied: elsewhere")),
        "also when it is gone"
    );
}

#[tokio::test]
async fn an_alias_is_no_way_around_rights() {
    let house = plant().await;
    let mut client = Client::connect(house.address, connect("c", "device", true)).await;
    let aliased = |topic: &str, pkid: u8| {
        let mut body = crate::client::counted(topic);
        body.extend([0, pkid, 3, 0x23, 0, 1, b'x']);
        crate::client::packet(0x32, &body)
    };
    for (topic, pkid) in [("elsewhere", 1), ("", 2)] {
        client.send(&aliased(topic, pkid)).await;
        assert_eq!(client.read().await.1[2], 0x87, "{topic}");
    }
    client.send(&aliased("danxia/v1/s1/m1/telemetry", 3)).await;
    client.send(&aliased("", 4)).await;
    assert_eq!((client.ack(0x40).await, client.ack(0x40).await), (3, 4));
    assert_eq!(house.intake.payloads().len(), 2);
}
