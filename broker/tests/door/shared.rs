//! Shared subscriptions: every message goes to one member, and none is lost when members come and go.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use broker::Config;

use crate::client::{Client, Connect, counted, packet};
use crate::house::{House, open};

fn kept_v5(id: &str) -> Connect<'_> {
    Connect { v5: true, properties: vec![0x11, 0, 0, 1, 0], ..Connect::kept(id) }
}

async fn leave(mut client: Client) {
    client.send(&[0xe0, 0]).await;
    client.ends().await;
}

/// Publishes at QoS 1, until the PUBACK and until it has been passed on.
async fn say(machine: &mut Client, topic: &str, payload: &str) {
    machine.publish(topic, payload, 1, 1).await;
    assert_eq!(machine.ack(0x40).await, 1);
    assert!(machine.is_quiet().await);
}

#[tokio::test]
async fn members_take_turns_and_others_get_everything() {
    let house = House::new(open()).await;
    let mut members = Vec::new();
    for id in ["a", "b", "c"] {
        let mut member = Client::connect(house.address, Connect { v5: id != "b", ..Connect::new(id) }).await;
        assert_eq!(member.subscribe(&[("$share/g/t/+", 1)]).await, [1]);
        members.push(member);
    }
    let mut other_group = Client::new(house.address, "o").await;
    other_group.subscribe(&[("$share/h/t/+", 1)]).await;
    let mut watcher = Client::new(house.address, "w").await;
    watcher.subscribe(&[("t/#", 1)]).await;
    let mut machine = Client::new(house.address, "m").await;
    for n in 0..30 {
        say(&mut machine, "t/x", &n.to_string()).await;
        assert_eq!(watcher.take().await.payload, n.to_string().as_bytes());
        assert_eq!(other_group.take().await.payload, n.to_string().as_bytes());
        let member = &mut members[n % 3];
        assert_eq!(member.take().await.payload, n.to_string().as_bytes());
    }
    for member in &mut members {
        assert!(member.is_quiet().await);
    }
}

#[tokio::test]
async fn the_only_member_leaves_with_unacknowledged_messages_and_finds_them_when_it_is_back() {
    let house = House::new(open()).await;
    for v5 in [false, true] {
        let connect = || if v5 { kept_v5("only") } else { Connect::kept("only") };
        let mut only = Client::connect(house.address, connect()).await;
        only.subscribe(&[("$share/g/t", 1)]).await;
        let mut machine = Client::new(house.address, "m").await;
        say(&mut machine, "t", "in flight").await;
        assert_eq!(only.receive().await.payload, b"in flight");
        leave(only).await;
        say(&mut machine, "t", "while it was away").await;
        let (mut only, connack) = Client::try_connect(house.address, connect()).await;
        assert_eq!(connack[..2], [1, 0], "session present");
        let again = only.take().await;
        assert!(again.dup && again.payload == b"in flight", "{again:?}");
        assert_eq!(only.take().await.payload, b"while it was away");
        assert!(only.is_quiet().await && machine.is_quiet().await);
        let mut clean = Client::connect(house.address, Connect { clean: true, ..connect() }).await;
        only.ends().await;
        assert!(clean.is_quiet().await);
        leave(clean).await;
    }
}

#[tokio::test]
async fn what_a_member_did_not_acknowledge_goes_to_another_that_is_connected() {
    let house = House::new(open()).await;
    let mut first = Client::connect(house.address, Connect { v5: true, ..Connect::kept("first") }).await;
    first.subscribe(&[("$share/g/t", 2)]).await;
    let mut machine = Client::new(house.address, "m").await;
    for payload in ["1", "2", "3"] {
        say(&mut machine, "t", payload).await;
        first.receive().await;
    }
    machine.publish("t", "two", 2, 9).await;
    assert_eq!(machine.ack(0x50).await, 9);
    assert_eq!(first.receive().await.qos, 2);
    let mut second = Client::connect(house.address, kept_v5("second")).await;
    second.subscribe(&[("$share/g/t", 2)]).await;
    assert!(second.is_quiet().await, "the first has them");
    drop(first);
    for payload in ["1", "2", "3"] {
        let taken = second.take().await;
        assert_eq!((taken.payload, taken.dup), (payload.as_bytes().to_vec(), false));
    }
    assert!(second.is_quiet().await, "QoS 2 that was on its way is the first's alone");
}

#[tokio::test]
async fn what_was_not_sent_to_a_member_with_a_full_window_goes_to_another_when_it_leaves() {
    let house = House::new(Config { send_window: 1, ..open() }).await;
    let mut first = Client::connect(house.address, kept_v5("first")).await;
    first.subscribe(&[("$share/g/t", 2)]).await;
    let mut machine = Client::new(house.address, "m").await;
    for pkid in 1..=3u16 {
        machine.publish("t", pkid.to_string(), 2, pkid).await;
        assert_eq!(machine.ack(0x50).await, pkid);
    }
    assert_eq!(first.receive().await.payload, b"1");
    let mut second = Client::connect(house.address, kept_v5("second")).await;
    second.subscribe(&[("$share/g/t", 2)]).await;
    leave(first).await;
    assert_eq!((second.take().await.payload, second.take().await.payload), (b"2".to_vec(), b"3".to_vec()));
    let mut first = Client::connect(house.address, kept_v5("first")).await;
    let again = first.take().await;
    assert_eq!((again.payload, again.dup), (b"1".to_vec(), true), "its delivery is completed");
    assert!(first.is_quiet().await && second.is_quiet().await);
}

#[tokio::test]
async fn absent_members_get_messages_only_while_no_member_is_connected() {
    let house = House::new(open()).await;
    let mut absent = Client::connect(house.address, kept_v5("absent")).await;
    absent.subscribe(&[("$share/g/t", 1)]).await;
    leave(absent).await;
    let mut here = Client::connect(house.address, kept_v5("here")).await;
    here.subscribe(&[("$share/g/t", 1)]).await;
    let mut machine = Client::new(house.address, "m").await;
    for n in 0..6 {
        say(&mut machine, "t", &n.to_string()).await;
        assert_eq!(here.take().await.payload, n.to_string().as_bytes());
    }
    let absent = async || {
        let mut absent = Client::connect(house.address, kept_v5("absent")).await;
        assert!(absent.is_quiet().await);
        leave(absent).await;
    };
    absent().await;
    leave(here).await;
    say(&mut machine, "t", "x").await;
    say(&mut machine, "t", "y").await;
    let mut got = Vec::new();
    for id in ["absent", "here"] {
        let mut client = Client::connect(house.address, kept_v5(id)).await;
        got.push(client.take().await.payload);
        assert!(client.is_quiet().await);
        leave(client).await;
    }
    got.sort();
    assert_eq!(got, [b"x", b"y"], "they take turns");
}

#[tokio::test]
async fn a_refused_message_is_not_given_to_another_member() {
    let house = House::new(open()).await;
    let mut members = Vec::new();
    for id in ["a", "b"] {
        let mut member = Client::connect(house.address, Connect::v5(id)).await;
        member.subscribe(&[("$share/g/t", 1)]).await;
        members.push(member);
    }
    let mut machine = Client::new(house.address, "m").await;
    say(&mut machine, "t", "x").await;
    let [high, low] = members[0].receive().await.pkid.to_be_bytes();
    members[0].send(&[0x40, 3, high, low, 0x97]).await;
    assert!(members[0].is_quiet().await && members[1].is_quiet().await);
    drop(members.remove(0));
    assert!(members[0].has_nothing().await);
}

#[tokio::test]
async fn a_shared_subscription_brings_no_retained_messages_and_carries_its_identifier() {
    let house = House::new(open()).await;
    house.broker.publish("t", "old".into(), 1, true).unwrap();
    let mut member = Client::connect(house.address, Connect::v5("a")).await;
    let mut body = vec![0, 1, 2, 11, 7];
    body.extend(counted("$share/g/t"));
    body.push(1);
    member.send(&packet(0x82, &body)).await;
    assert_eq!(member.read().await, (0x90, vec![0, 1, 0, 1]));
    assert!(member.is_quiet().await);
    house.broker.publish("t", "new".into(), 0, false).unwrap();
    assert_eq!(member.read().await, (0x30, vec![0, 1, b't', 2, 11, 7, b'n', b'e', b'w']));
}

#[tokio::test]
async fn no_local_on_a_shared_subscription_ends_the_connection() {
    let house = House::new(open()).await;
    let mut client = Client::connect(house.address, Connect::v5("a")).await;
    let mut body = vec![0, 1, 0];
    body.extend(counted("$share/g/t"));
    body.push(0b101);
    client.send(&packet(0x82, &body)).await;
    assert_eq!(client.ends().await, Some(0x82));
    let mut client = Client::connect(house.address, Connect::v5("a")).await;
    let granted = client.subscribe(&[("$share/g", 0), ("$share//t", 0), ("$share/+/t", 0), ("$share/g/", 0)]).await;
    assert_eq!(granted, [0x8f; 4]);
}

/// xorshift: the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Three machines publish; members of one group come, take some, acknowledge some, and go, orderly or not, with and
/// without a kept session. In the end every message was acknowledged by a member.
#[tokio::test]
async fn whatever_members_do_every_message_reaches_one_that_acknowledges_it() {
    for seed in 1..=4 {
        let house = House::new(Config { send_window: 8, ..open() }).await;
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut anchor = Client::connect(house.address, kept_v5("anchor")).await;
        anchor.subscribe(&[("$share/g/t/+", 1)]).await;
        leave(anchor).await;
        let mut machines = Vec::new();
        for id in ["m0", "m1", "m2"] {
            machines.push(Client::new(house.address, id).await);
        }
        let mut members: HashMap<u64, Client> = HashMap::new();
        let mut acknowledged: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let mut published = 0;
        for _ in 0..400 {
            let id = dice.roll(4);
            match (dice.roll(6), members.remove(&id)) {
                (0, None) => {
                    let name = format!("member-{id}");
                    let connect = if dice.roll(2) == 0 { kept_v5(&name) } else { Connect::v5(&name) };
                    let mut member = Client::connect(house.address, connect).await;
                    member.send(&share("$share/g/t/+")).await;
                    members.insert(id, member);
                }
                (0, Some(member)) if dice.roll(2) == 0 => drop(member),
                (0, Some(mut member)) => {
                    member.send(&[0xe0, 0]).await;
                    drop(member);
                }
                (1 | 2, Some(mut member)) => {
                    collect(&mut member, &mut acknowledged, dice.roll(6)).await;
                    members.insert(id, member);
                }
                (_, member) => {
                    members.extend(member.map(|member| (id, member)));
                    let machine = &mut machines[dice.roll(3) as usize];
                    say(machine, &format!("t/{id}"), &published.to_string()).await;
                    published += 1;
                }
            }
        }
        members.clear();
        house.until("the members are gone", |house| house.broker.connected() == 3).await;
        // Whoever kept a session takes what is left.
        for name in ["anchor", "member-0", "member-1", "member-2", "member-3"] {
            let mut member = Client::connect(house.address, kept_v5(name)).await;
            while collect(&mut member, &mut acknowledged, 1_000).await > 0 {}
            leave(member).await;
        }
        let missing: Vec<_> = (0..published).filter(|n| !acknowledged.contains_key(n.to_string().as_bytes())).collect();
        assert!(missing.is_empty(), "seed {seed}: of {published} these reached nobody: {missing:?}");
    }
}

fn share(filter: &str) -> Vec<u8> {
    let mut body = vec![0, 9, 0];
    body.extend(counted(filter));
    body.push(1);
    packet(0x82, &body)
}

/// Acknowledges up to `most` of what has come to a member; how many.
async fn collect(member: &mut Client, acknowledged: &mut BTreeMap<Vec<u8>, usize>, most: u64) -> u64 {
    member.send(&[0xc0, 0]).await;
    let mut taken = 0;
    loop {
        let (first, body) = member.read().await;
        match first >> 4 {
            0x0d => return taken,
            0x03 if taken < most => {
                taken += 1;
                let at = 2 + usize::from(body[1]);
                let (pkid, payload) = (&body[at..at + 2], &body[at + 3..]);
                *acknowledged.entry(payload.to_vec()).or_default() += 1;
                member.send(&[0x40, 2, pkid[0], pkid[1]]).await;
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_session_held_goes_to_other_members_when_its_time_is_up() {
    let house = House::new(open()).await;
    let short = || Connect { v5: true, properties: vec![0x11, 0, 0, 0, 20], keep_alive: 0, ..Connect::kept("short") };
    let mut first = Client::connect(house.address, short()).await;
    first.subscribe(&[("$share/g/t", 1)]).await;
    let mut machine = Client::connect(house.address, Connect { keep_alive: 0, ..Connect::new("m") }).await;
    say(&mut machine, "t", "x").await;
    first.receive().await;
    leave(first).await;
    let mut second = Client::connect(house.address, Connect { keep_alive: 0, ..kept_v5("second") }).await;
    second.subscribe(&[("$share/g/t", 1)]).await;
    assert!(second.is_quiet().await, "it waits for the first");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(second.take().await.payload, b"x");
}
