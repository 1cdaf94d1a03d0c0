//! One publisher, one subscriber.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Fanout;
use crate::client::{Client, Ids, payload};

/// What is written at once.
const CHUNK: usize = 1 << 16;
const TOPIC: &str = "danxia/v1/load/fan/telemetry";

fn subscribe(address: SocketAddr, id: &str, filter: &str) -> anyhow::Result<Client> {
    let mut client = Client::connect(address, id)?;
    let mut packet = vec![0x82, (5 + filter.len()) as u8, 0, 1];
    packet.extend_from_slice(&(filter.len() as u16).to_be_bytes());
    packet.extend_from_slice(filter.as_bytes());
    packet.push(0);
    client.socket.write_all(&packet)?;
    let mut suback = [0; 5];
    client.socket.read_exact(&mut suback).context("no SUBACK")?;
    ensure!(suback == [0x90, 3, 0, 1, 0], "the broker refused the subscription: SUBACK {suback:02x?}");
    Ok(client)
}

/// One QoS 0 PUBLISH, all alike: what is measured is the broker, not the making of text.
fn packet(size: usize) -> Vec<u8> {
    let mut rest = 2 + TOPIC.len() + size;
    let mut packet = vec![0x30];
    while rest >= 128 {
        packet.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    packet.push(rest as u8);
    packet.extend_from_slice(&(TOPIC.len() as u16).to_be_bytes());
    packet.extend_from_slice(TOPIC.as_bytes());
    let end = packet.len() + size;
    // A value without a time of its own: each is one more, none a repetition.
    packet.extend_from_slice(br#"{"values":{"x":1}}"#);
    packet.resize(end, b' ');
    packet
}

/// Publishes as fast as the broker takes it and counts what reaches the subscriber, in bytes: every message is alike.
pub fn one_to_one(f: &Fanout) -> anyhow::Result<()> {
    ensure!(f.size >= 18, "a payload of at least 18 bytes: it holds a value");
    let mut reader = subscribe(f.address, "fan-out", TOPIC)?;
    let one = packet(f.size);
    let wanted = one.len() * f.messages;
    let mut publisher = Client::connect(f.address, "fan-in")?;
    let start = Instant::now();
    let reading = thread::spawn(move || -> anyhow::Result<(usize, Duration)> {
        reader.socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (mut buffer, mut got) = (vec![0; 1 << 18], 0);
        let mut last = start.elapsed();
        while got < wanted {
            match reader.socket.read(&mut buffer) {
                Ok(n) if n > 0 => (got, last) = (got + n, start.elapsed()),
                _ => break,
            }
        }
        Ok((got, last))
    });
    let per_chunk = (CHUNK / one.len()).max(1);
    let chunk = one.repeat(per_chunk);
    let mut left = f.messages;
    while left > 0 {
        let n = left.min(per_chunk);
        publisher.socket.write_all(&chunk[..n * one.len()])?;
        left -= n;
    }
    let (got, last) = reading.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    let arrived = got / one.len();
    println!(
        r#"{{"messages":{},"arrived":{arrived},"seconds":{:.3},"messages_per_s":{:.0}}}"#,
        f.messages,
        last.as_secs_f64(),
        arrived as f64 / last.as_secs_f64()
    );
    Ok(())
}

/// A subscriber subscribes to what is published and never reads; the publisher's rate, QoS 1, is what is reported.
pub fn never_reads(f: &Fanout) -> anyhow::Result<()> {
    let sleeper = subscribe(f.address, "sleeper", "danxia/v1/load/#")?;
    let mut client = Client::connect(f.address, "awake")?;
    let (mut ids, mut text) = (Ids(0), String::new());
    let (t0, mut sent, mut acked) = (crate::now_ns(), 0, 0);
    let (start, mut longest, mut before) = (Instant::now(), Duration::ZERO, Instant::now());
    while acked < f.messages {
        while sent < f.messages && sent - acked < 2_000 && client.out.len() < (1 << 17) {
            payload(&mut text, t0 + sent as u64 * 1000, 1, f.size, sent);
            client.push(TOPIC, ids.next(), text.as_bytes());
            sent += 1;
        }
        client.flush()?;
        acked += client.acks(|_| ())?;
        longest = longest.max(before.elapsed());
        before = Instant::now();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        r#"{{"messages":{acked},"seconds":{seconds:.3},"messages_per_s":{:.0},"longest_pause_ms":{:.0}}}"#,
        acked as f64 / seconds,
        longest.as_secs_f64() * 1e3
    );
    drop(sleeper);
    Ok(())
}
