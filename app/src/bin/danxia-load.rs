//! `danxia-load`: a publisher that can keep a broker busy, for the benchmarks and the kill test.
//!
//! It speaks just enough MQTT 3.1.1 to publish with QoS 1 and to match PUBACKs, over blocking sockets, one thread a
//! connection, so that its own cost stays small beside what it measures. It works against any broker: the peers of a
//! benchmark are loaded by the same program. Not part of the product.
//!
//! ```text
//! danxia-load throughput --address 127.0.0.1:1883 --clients 8 --messages 400000 --size 200
//! danxia-load points     --address 127.0.0.1:1883 --clients 4 --messages 20000 --values 100
//! danxia-load latency    --address 127.0.0.1:1883 --rate 5000 --seconds 10
//! danxia-load until-cut  --address 127.0.0.1:1883 --machine m1 --start 1000
//! ```
//! Each prints one line of JSON; `until-cut` publishes counting values until the connection breaks and prints which of
//! them had been acknowledged.
#![expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
#![expect(clippy::print_stdout, reason = "its result is one line on standard output")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Loads an MQTT broker with QoS 1 publishes and reports what came back")]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Single-value messages as fast as they are acknowledged.
    Throughput(Burst),
    /// Messages of many values as fast as they are acknowledged.
    Points(Burst),
    /// Single-value messages at a fixed rate; reports the time from PUBLISH to PUBACK.
    Latency(Paced),
    /// Counting values until the connection breaks; reports which were acknowledged.
    UntilCut(UntilCut),
}

#[derive(Args)]
struct Burst {
    /// The broker.
    #[arg(long)]
    address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// Length of a single-value payload in bytes, filled up with spaces.
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// Values in a message.
    #[arg(long, default_value_t = 1)]
    values: usize,
    /// Publishes in flight on one connection.
    #[arg(long, default_value_t = 2000)]
    window: usize,
}

#[derive(Args)]
struct Paced {
    /// The broker.
    #[arg(long)]
    address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Messages a second in all.
    #[arg(long, default_value_t = 5000)]
    rate: usize,
    /// How long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Length of a payload in bytes.
    #[arg(long, default_value_t = 200)]
    size: usize,
}

#[derive(Args)]
struct UntilCut {
    /// The broker.
    #[arg(long)]
    address: SocketAddr,
    /// The machine to publish as (site `load`).
    #[arg(long)]
    machine: String,
    /// The first value.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Publishes in flight.
    #[arg(long, default_value_t = 200)]
    window: usize,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().mode {
        Mode::Throughput(b) | Mode::Points(b) => burst(&b),
        Mode::Latency(p) => latency(&p),
        Mode::UntilCut(u) => until_cut(&u),
    }
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

/// A connection that has its CONNACK.
struct Client {
    socket: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr, id: &str) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).with_context(|| format!("no broker answers at {address}"))?;
        socket.set_nodelay(true)?;
        let mut packet = vec![0x10, (12 + id.len()) as u8, 0, 4];
        // Protocol MQTT, level 4, clean session, keep-alive 60 s.
        packet.extend_from_slice(b"MQTT\x04\x02\x00\x3c");
        packet.extend_from_slice(&(id.len() as u16).to_be_bytes());
        packet.extend_from_slice(id.as_bytes());
        socket.write_all(&packet)?;
        let mut connack = [0; 4];
        socket.read_exact(&mut connack).context("the broker closed the connection instead of answering CONNECT")?;
        ensure!(connack == [0x20, 2, 0, 0], "the broker refused the connection: CONNACK {connack:02x?}");
        Ok(Self { socket, out: Vec::with_capacity(1 << 18), input: Vec::with_capacity(1 << 14) })
    }

    fn push(&mut self, topic: &str, pkid: u16, payload: &[u8]) {
        let mut rest = 2 + topic.len() + 2 + payload.len();
        self.out.push(0x32);
        loop {
            let byte = (rest % 128) as u8;
            rest /= 128;
            self.out.push(if rest > 0 { byte | 0x80 } else { byte });
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        self.out.extend_from_slice(topic.as_bytes());
        self.out.extend_from_slice(&pkid.to_be_bytes());
        self.out.extend_from_slice(payload);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Waits for at least one PUBACK and hands every one that is there to `each`.
    fn acks(&mut self, mut each: impl FnMut(u16)) -> io::Result<usize> {
        let mut buffer = [0; 1 << 14];
        let mut n = 0;
        while n == 0 {
            let read = self.socket.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&buffer[..read]);
            let whole = self.input.len() / 4 * 4;
            for p in self.input[..whole].chunks_exact(4) {
                if p[..2] != [0x40, 2] {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("not a PUBACK: {p:02x?}")));
                }
                each(u16::from_be_bytes([p[2], p[3]]));
                n += 1;
            }
            self.input.drain(..whole);
        }
        Ok(n)
    }
}

/// Packet ids 1 to 65535, round and round.
struct Ids(u16);

impl Ids {
    fn next(&mut self) -> u16 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

fn payload(out: &mut String, t: u64, values: usize, size: usize, k: usize) {
    out.clear();
    if values == 1 {
        let _ = write!(out, r#"{{"ts":{t},"values":{{"temperature":{}.{:02}}}}}"#, 40 + k % 20, k % 100);
    } else {
        let _ = write!(out, r#"{{"ts":{t},"values":{{"#);
        for i in 0..values {
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(out, r#"{comma}"point_{i:03}":{}.{:02}"#, 20 + (k / 16 + i) % 50, (k / 4 + 7 * i) % 100);
        }
        out.push_str("}}");
    }
    while out.len() < size {
        out.push(' ');
    }
}

fn burst(b: &Burst) -> anyhow::Result<()> {
    ensure!(b.clients > 0 && (1..=30_000).contains(&b.window), "at least one client, and a window of 1 to 30000");
    let gate = Arc::new(Barrier::new(b.clients + 1));
    let each = b.messages / b.clients;
    let threads: Vec<_> = (0..b.clients)
        .map(|c| {
            let (gate, address, values, size, window) = (gate.clone(), b.address, b.values, b.size, b.window);
            thread::spawn(move || -> anyhow::Result<()> {
                let client = Client::connect(address, &format!("load-{c}"));
                gate.wait();
                let mut client = client?;
                let topic = format!("danxia/v1/load/machine-{c}/telemetry");
                let (mut ids, mut text) = (Ids(0), String::new());
                let (t0, mut sent, mut acked) = (now_ns(), 0, 0);
                while acked < each {
                    while sent < each && sent - acked < window && client.out.len() < (1 << 17) {
                        payload(&mut text, t0 + sent as u64 * 1000, values, size, sent);
                        client.push(&topic, ids.next(), text.as_bytes());
                        sent += 1;
                    }
                    client.flush()?;
                    acked += client.acks(|_| ())?;
                }
                Ok(())
            })
        })
        .collect();
    gate.wait();
    let start = Instant::now();
    for t in threads {
        t.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let messages = each * b.clients;
    println!(
        r#"{{"messages":{messages},"values":{},"seconds":{seconds:.3},"messages_per_s":{:.0},"points_per_s":{:.0}}}"#,
        messages * b.values,
        messages as f64 / seconds,
        (messages * b.values) as f64 / seconds
    );
    Ok(())
}

/// Publishes one message every `clients / rate` seconds on each connection; the reader runs beside, so that a slow
/// acknowledgement never delays the next publish (an open loop: waiting is measured, not hidden).
fn latency(p: &Paced) -> anyhow::Result<()> {
    ensure!(p.clients > 0 && p.rate >= p.clients, "at least one client, and a rate of one message a second for each");
    let period = Duration::from_secs_f64(p.clients as f64 / p.rate as f64);
    let count = (p.rate as u64 * p.seconds / p.clients as u64) as usize;
    let threads: Vec<_> = (0..p.clients)
        .map(|c| {
            let (address, size) = (p.address, p.size);
            thread::spawn(move || paced_client(address, c, period, count, size))
        })
        .collect();
    let mut all: Vec<u64> = Vec::new();
    for t in threads {
        all.extend(t.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))??);
    }
    all.sort_unstable();
    let q = |f: f64| all[((all.len() - 1) as f64 * f) as usize] as f64 / 1e6;
    println!(
        r#"{{"messages":{},"rate":{},"p50_ms":{:.3},"p99_ms":{:.3},"max_ms":{:.3}}}"#,
        all.len(),
        p.rate,
        q(0.5),
        q(0.99),
        q(1.0)
    );
    Ok(())
}

fn paced_client(
    address: SocketAddr,
    c: usize,
    period: Duration,
    count: usize,
    size: usize,
) -> anyhow::Result<Vec<u64>> {
    let mut client = Client::connect(address, &format!("load-{c}"))?;
    let mut reader = Client { socket: client.socket.try_clone()?, out: Vec::new(), input: Vec::new() };
    let start = Instant::now() + period * (c as u32);
    let acks = thread::spawn(move || -> io::Result<Vec<(u16, Instant)>> {
        let mut seen = Vec::with_capacity(count);
        while seen.len() < count {
            reader.acks(|id| seen.push((id, Instant::now())))?;
        }
        Ok(seen)
    });
    let topic = format!("danxia/v1/load/machine-{c}/telemetry");
    let (mut ids, mut text) = (Ids(0), String::new());
    let mut due: HashMap<u16, Vec<Instant>> = HashMap::new();
    for k in 0..count {
        let at = start + period * (k as u32);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        payload(&mut text, now_ns(), 1, size, k);
        let id = ids.next();
        // Measured from when it was sent, or from when it was due where this thread came late to it by the broker's fault.
        due.entry(id).or_default().push(Instant::now());
        client.push(&topic, id, text.as_bytes());
        client.flush()?;
    }
    let seen = acks.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    let mut round: HashMap<u16, usize> = HashMap::new();
    let mut out = Vec::with_capacity(count);
    for (id, at) in seen {
        let k = round.entry(id).or_default();
        let Some(sent) = due.get(&id).and_then(|d| d.get(*k)) else { bail!("PUBACK for {id}, which was not sent") };
        *k += 1;
        out.push(at.duration_since(*sent).as_nanos() as u64);
    }
    Ok(out)
}

fn until_cut(u: &UntilCut) -> anyhow::Result<()> {
    let mut client = Client::connect(u.address, &format!("cut-{}", u.machine))?;
    let topic = format!("danxia/v1/load/{}/telemetry", u.machine);
    let (mut ids, mut text) = (Ids(0), String::new());
    let mut in_flight: HashMap<u16, u64> = HashMap::new();
    let mut acked: Vec<u64> = Vec::new();
    let mut next = u.start;
    let cut = loop {
        while in_flight.len() < u.window {
            let id = ids.next();
            text.clear();
            // The value is its own time, so that each is told from each.
            let _ = write!(text, r#"{{"ts":{},"values":{{"count":{next}}}}}"#, now_ns());
            client.push(&topic, id, text.as_bytes());
            in_flight.insert(id, next);
            next += 1;
        }
        let step = client.flush().and_then(|()| client.acks(|id| acked.extend(in_flight.remove(&id))));
        if let Err(e) = step {
            break e;
        }
    };
    acked.sort_unstable();
    let acked: Vec<String> = acked.iter().map(u64::to_string).collect();
    println!(r#"{{"sent":{},"cut":"{:?}","next":{next},"acked":[{}]}}"#, next - u.start, cut.kind(), acked.join(","));
    Ok(())
}
