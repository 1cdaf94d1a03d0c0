//! A flood whose kinds are counted, so that the ledger of who bears it can be held against it.

use std::fmt::Write as _;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::client::{Client, Ids, payload};
use crate::{Flood, now_ns};

/// What went out, of each kind, and what came back.
#[derive(Default)]
struct Sum {
    sent: u64,
    damaged: u64,
    repeated: u64,
    acked: u64,
    cut: bool,
}

pub fn flood(f: &Flood) -> anyhow::Result<()> {
    ensure!(f.clients > 0 && (2..=30_000).contains(&f.window), "at least one client, and a window of 2 to 30000");
    let gate = Arc::new(Barrier::new(f.clients + 1));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..f.clients)
            .map(|c| {
                let gate = gate.clone();
                scope.spawn(move || one(f, c, &gate))
            })
            .collect();
        gate.wait();
        let start = Instant::now();
        let mut sum = Sum::default();
        for t in threads {
            let of = t.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))??;
            sum.sent += of.sent;
            sum.damaged += of.damaged;
            sum.repeated += of.repeated;
            sum.acked += of.acked;
            sum.cut |= of.cut;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            r#"{{"sent":{},"damaged":{},"repeated":{},"acked":{},"cut":{},"seconds":{seconds:.3},"messages_per_s":{:.0}}}"#,
            sum.sent,
            sum.damaged,
            sum.repeated,
            sum.acked,
            sum.cut,
            sum.acked as f64 / seconds
        );
        Ok(())
    })
}

fn one(f: &Flood, c: usize, gate: &Barrier) -> anyhow::Result<Sum> {
    let client = Client::connect(f.address, &format!("{}-{c}", f.name));
    gate.wait();
    let mut client = client?;
    let topic = format!("danxia/v1/load/{}-{c}/telemetry", f.name);
    let (mut ids, mut text, mut sum) = (Ids(0), String::new(), Sum::default());
    let (t0, end) = (now_ns(), Instant::now() + Duration::from_secs(f.seconds));
    let is = |every: usize, k: u64| every > 0 && k % every as u64 == every as u64 - 1;
    let mut k = 0;
    loop {
        let over = Instant::now() >= end;
        if over && sum.acked == sum.sent {
            return Ok(sum);
        }
        while !over && sum.sent - sum.acked + 2 <= f.window as u64 && client.out.len() < (1 << 17) {
            let t = t0 + k * 1000;
            if is(f.damaged, k) {
                text.clear();
                let _ = write!(text, r#"{{"ts":{t},"values":"#);
                sum.damaged += 1;
            } else {
                payload(&mut text, t, 1, f.size, k as usize);
                if is(f.repeated, k) {
                    client.push(&topic, ids.next(), text.as_bytes());
                    sum.repeated += 1;
                    sum.sent += 1;
                }
            }
            client.push(&topic, ids.next(), text.as_bytes());
            sum.sent += 1;
            k += 1;
        }
        let step = client.flush().and_then(|()| client.acks(|_| ()));
        match step {
            Ok(n) => sum.acked += n as u64,
            Err(_) => {
                sum.cut = true;
                return Ok(sum);
            }
        }
    }
}
