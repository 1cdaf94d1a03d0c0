//! QoS 1 publishes: as fast as they are acknowledged, at a rate, until the connection is cut.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::client::{Client, Ids, payload};
use crate::{Burst, Paced, UntilCut, now_ns};

pub fn burst(b: &Burst) -> anyhow::Result<()> {
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
pub fn latency(p: &Paced) -> anyhow::Result<()> {
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

pub fn until_cut(u: &UntilCut) -> anyhow::Result<()> {
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
