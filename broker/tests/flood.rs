//! Malformed packets by the thousand: whatever comes in, everybody else is served.
//!
//! Valid packets are damaged, seeded, so that a run can be repeated; each is followed by a ping, so that it is known to
//! have been looked at before it counts. `cargo test` sends 20,000. A million:
//! `DANXIA_MALFORMED=1000000 cargo test --release -p broker --test flood -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]
#![allow(clippy::print_stdout, reason = "the figures of a long run are its result")]
#![allow(dead_code, reason = "the helpers are those of tests/door, and not all of them are used here")]

#[path = "door/client.rs"]
mod client;
#[path = "door/house.rs"]
mod house;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use broker::{Config, Rate};
use client::{Client, Connect, counted, packet, publish};
use house::{House, PATIENCE, open};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// Connections that send at once.
const SENDERS: u64 = 8;

/// xorshift: the same for the same seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1))
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Valid packets of one version, but for CONNECT.
fn valid(v5: bool) -> Vec<Vec<u8>> {
    let none: &[u8] = if v5 { &[0] } else { &[] };
    let list = |filter: &str, options: &[u8]| [&[0, 7][..], none, &counted(filter), options].concat();
    let mut all = vec![
        publish("site/press/1", "{\"value\": 1.5}", 0, 0, false, v5),
        publish("站/轧钢", [0, 255, 128], 1, 7, true, v5),
        publish("a/b", "x", 2, 9, false, v5),
        packet(0x82, &list("site/+/#", &[1])),
        packet(0x82, &list("$share/g/a/b", &[2])),
        packet(0xa2, &list("site/+/#", &[])),
        vec![0x40, 2, 0, 1],
        vec![0x50, 2, 0, 1],
        vec![0x62, 2, 0, 9],
        vec![0x70, 2, 0, 1],
        vec![0xc0, 0],
        vec![0xe0, 0],
        vec![0xf0, 0],
    ];
    if v5 {
        let user = [vec![38], counted("k"), counted("v")].concat();
        let properties = [vec![1, 1, 2, 0, 0, 0, 9, 35, 0, 3], [vec![8], counted("r")].concat(), user].concat();
        let body = [counted("a/b"), vec![properties.len() as u8], properties, b"x".to_vec()].concat();
        all.push(packet(0x30, &body));
        all.push(packet(0x82, &[&[0, 7, 2, 11, 5][..], &counted("a/+"), &[0x2d]].concat()));
        all.push(vec![0xe0, 7, 4, 5, 0x11, 0, 0, 0, 9]);
        all.push(vec![0x40, 8, 0, 1, 0x97, 4, 0x1f, 0, 1, b'x']);
    }
    all
}

fn connect(v5: bool) -> Vec<u8> {
    let properties = if v5 { vec![0x11, 0, 0, 0, 9, 0x21, 0, 9, 0x27, 0, 1, 0, 0] } else { Vec::new() };
    let login = Some(("user", "secret"));
    Connect { v5, properties, login, will: Some(("will", "x")), ..Connect::new("damaged") }.encode()
}

/// Damages a packet in one to three places, or makes one up.
fn damage(dice: &mut Dice, mut bytes: Vec<u8>) -> Vec<u8> {
    if dice.roll(20) == 0 {
        return (0..1 + dice.roll(40)).map(|_| dice.roll(256) as u8).collect();
    }
    for _ in 0..1 + dice.roll(3) {
        let at = dice.roll(bytes.len().max(1));
        match dice.roll(6) {
            0 if !bytes.is_empty() => bytes[at] = dice.roll(256) as u8,
            1 if !bytes.is_empty() => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at.min(bytes.len()), dice.roll(256) as u8),
            4 if bytes.len() > 1 => bytes[1] = dice.roll(256) as u8,
            _ if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

/// Whether the broker has nothing left to wait for behind these bytes.
fn is_whole(mut bytes: &[u8]) -> bool {
    while let Some((_, rest)) = bytes.split_first() {
        let (mut len, mut size) = (0, 0);
        loop {
            match rest.get(size) {
                None => return false,
                Some(byte) if size < 4 => {
                    len |= usize::from(byte & 0x7f) << (7 * size);
                    size += 1;
                    if byte & 0x80 == 0 {
                        break;
                    }
                }
                // More than four bytes of length: refused at once.
                Some(_) => return true,
            }
        }
        match rest.get(size + len..) {
            Some(next) => bytes = next,
            None => return len > 4 << 20,
        }
    }
    true
}

/// Reads until the ping is answered (true) or the connection ends (false).
async fn answered(client: &mut Client) -> bool {
    loop {
        match client.try_read().await {
            Some((0xd0, _)) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

#[derive(Default)]
struct Tally {
    packets: AtomicU64,
    connections: AtomicU64,
    survived: AtomicU64,
}

async fn send(house: Arc<House>, sender: u64, packets: u64, tally: Arc<Tally>) {
    let mut dice = Dice::new(sender);
    let packets_of = [valid(false), valid(true)];
    let mut sent = 0;
    while sent < packets {
        let v5 = dice.roll(2) == 1;
        let mut client = Client::open(house.address).await;
        client.v5 = v5;
        // No TIME_WAIT: there are not that many ports.
        client.io.set_zero_linger().unwrap();
        client.io.set_nodelay(true).unwrap();
        tally.connections.fetch_add(1, Ordering::Relaxed);
        let damaged = dice.roll(8) == 0;
        let id = format!("sender-{sender}");
        let hello = if damaged { damage(&mut dice, connect(v5)) } else { Connect { v5, ..Connect::new(&id) }.encode() };
        let mut next = hello;
        loop {
            sent += u64::from(damaged || tally_is_packet(&next));
            let whole = is_whole(&next);
            next.extend([0xc0, 0]);
            if client.io.write_all(&next).await.is_err() {
                break;
            }
            if !whole && client.io.shutdown().await.is_err() {
                break;
            }
            if !answered(&mut client).await || !whole {
                break;
            }
            tally.survived.fetch_add(1, Ordering::Relaxed);
            if sent >= packets {
                break;
            }
            let choices = &packets_of[usize::from(v5)];
            let chosen = choices[dice.roll(choices.len())].clone();
            next = damage(&mut dice, chosen);
        }
    }
    tally.packets.fetch_add(sent, Ordering::Relaxed);
}

/// A good CONNECT is not counted among the damaged packets.
fn tally_is_packet(bytes: &[u8]) -> bool {
    !bytes.starts_with(&[0x10]) || !bytes.windows(7).any(|seven| seven == b"sender-")
}

/// Publishes to itself until it is told to stop: how often, and the longest it had to wait.
async fn bystander(house: Arc<House>, stop: Arc<AtomicBool>) -> (u64, Duration) {
    let mut client = Client::new(house.address, "bystander").await;
    client.io.set_nodelay(true).unwrap();
    client.subscribe(&[("bystander/own", 1)]).await;
    let (mut rounds, mut longest) = (0u64, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        client.publish("bystander/own", rounds.to_string(), 1, 1).await;
        let (mut acknowledged, mut received) = (false, false);
        while !(acknowledged && received) {
            let (first, body) = client.read().await;
            match first {
                0x40 => acknowledged = true,
                _ => {
                    assert!(
                        body.ends_with(rounds.to_string().as_bytes()),
                        "its own message, and nothing else: {body:?}"
                    );
                    client.send(&[0x40, 2, body[15], body[16]]).await;
                    received = true;
                }
            }
        }
        rounds += 1;
        house.intake.taken.lock().unwrap().clear();
        longest = longest.max(started.elapsed());
    }
    (rounds, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_packets_leave_the_broker_serving() {
    let packets: u64 = std::env::var("DANXIA_MALFORMED").map_or(20_000, |n| n.parse().expect("a number of packets"));
    let config = Config {
        queue_messages: 100,
        retained_messages: 1_000,
        connect_rate_per_address: Rate { per_second: 1_000_000, burst: 1_000_000 },
        ..open()
    };
    let house = Arc::new(House::new(config).await);
    let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
    let started = Instant::now();
    let watching = tokio::spawn(bystander(house.clone(), stop.clone()));
    let sending: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send(house.clone(), sender, packets.div_ceil(SENDERS), tally.clone())))
        .collect();
    for sender in sending {
        sender.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let (rounds, longest) = watching.await.unwrap();
    let [sent, connections, survived] =
        [&tally.packets, &tally.connections, &tally.survived].map(|n| n.load(Ordering::Relaxed));
    println!(
        "{sent} damaged packets on {connections} connections in {:.1} s; {survived} times the connection went on; a \
         bystander was served {rounds} times meanwhile, after {longest:?} at the latest",
        started.elapsed().as_secs_f64()
    );
    assert!(sent >= packets && rounds > 0 && longest < PATIENCE);
    house.until("they are all gone", |house| house.broker.connected() <= 1).await;
    house.broker.canary(Duration::from_secs(5)).await.unwrap();
    let mut newcomer = Client::new(house.address, "newcomer").await;
    newcomer.publish("t", "x", 1, 1).await;
    assert_eq!(newcomer.ack(0x40).await, 1);
}
