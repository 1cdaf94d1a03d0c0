//! Many connections: all at once, held open, and some that never say who they are.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Crowd;
use crate::client::{Client, Ids, connect_packet, payload};

/// Keep-alive of those that are held: none, so that they are truly idle.
const IDLE: u16 = 0;

/// Opens a socket for each name and sends its CONNECT without waiting for an answer.
fn knock(address: SocketAddr, name: &str, from: usize, to: usize) -> io::Result<Vec<TcpStream>> {
    let mut sockets = Vec::with_capacity(to - from);
    for i in from..to {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(&connect_packet(&format!("{name}-{i}"), IDLE))?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn admitted(sockets: &mut [TcpStream]) -> anyhow::Result<()> {
    for socket in sockets {
        let mut connack = [0; 4];
        socket.read_exact(&mut connack).context("a connection was closed instead of being let in")?;
        ensure!(connack == [0x20, 2, 0, 0], "the broker refused a connection: CONNACK {connack:02x?}");
    }
    Ok(())
}

/// Two threads knock; the time is from the first SYN to the last CONNACK.
fn open(c: &Crowd) -> anyhow::Result<(Vec<TcpStream>, f64)> {
    let start = Instant::now();
    let half = c.clients / 2;
    let threads: Vec<_> = [(0, half), (half, c.clients)]
        .into_iter()
        .map(|(from, to)| {
            let (address, name) = (c.address, c.name.clone());
            thread::spawn(move || -> anyhow::Result<Vec<TcpStream>> {
                let mut sockets = knock(address, &name, from, to)?;
                admitted(&mut sockets)?;
                Ok(sockets)
            })
        })
        .collect();
    let mut all = Vec::with_capacity(c.clients);
    for t in threads {
        all.extend(t.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
    }
    Ok((all, start.elapsed().as_secs_f64()))
}

/// Connects them all, cuts them all, and connects them all again under the same names.
pub fn reconnect(c: &Crowd) -> anyhow::Result<()> {
    let (sockets, first_s) = open(c)?;
    drop(sockets);
    let (sockets, again_s) = open(c)?;
    println!(r#"{{"clients":{},"connect_s":{first_s:.3},"reconnect_s":{again_s:.3}}}"#, sockets.len());
    Ok(())
}

/// Holds them open; meanwhile one more publishes a hundred messages, one after the other.
pub fn hold(c: &Crowd) -> anyhow::Result<()> {
    let (sockets, seconds) = open(c)?;
    let mut bystander = Client::connect(c.address, &format!("{}-bystander", c.name))?;
    let (mut ids, mut text, mut worst) = (Ids(0), String::new(), Duration::ZERO);
    for k in 0..100 {
        payload(&mut text, crate::now_ns(), 1, 100, k);
        bystander.push("danxia/v1/load/bystander/telemetry", ids.next(), text.as_bytes());
        let sent = Instant::now();
        bystander.flush()?;
        bystander.acks(|_| ())?;
        worst = worst.max(sent.elapsed());
    }
    println!(
        r#"{{"clients":{},"connect_s":{seconds:.3},"bystander_worst_ms":{:.2}}}"#,
        sockets.len(),
        worst.as_secs_f64() * 1e3
    );
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The slow ones send a byte every 100 ms; reports how long a proper client takes to be let in meanwhile, and how long
/// the slow ones were borne.
pub fn slow_loris(c: &Crowd) -> anyhow::Result<()> {
    let packet = connect_packet("loris", 60);
    let mut slow = Vec::with_capacity(c.clients);
    for _ in 0..c.clients {
        let socket = TcpStream::connect(c.address)?;
        socket.set_nonblocking(true)?;
        slow.push(socket);
    }
    let start = Instant::now();
    let (mut worst, mut borne) = (Duration::ZERO, None);
    for step in 0..200 {
        // A byte twice a second, and never the last one.
        let byte = (step % 5 == 0).then(|| packet[..packet.len() - 1].get(step / 5)).flatten();
        slow.retain_mut(|socket| {
            let said = byte.is_none_or(|byte| socket.write_all(&[*byte]).is_ok());
            let closed = match socket.read(&mut [0]) {
                Ok(n) => n == 0,
                Err(e) => e.kind() != io::ErrorKind::WouldBlock,
            };
            said && !closed
        });
        let asked = Instant::now();
        drop(Client::connect(c.address, &format!("{}-proper-{step}", c.name))?);
        worst = worst.max(asked.elapsed());
        if slow.is_empty() {
            borne = Some(start.elapsed().as_secs_f64());
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    println!(
        r#"{{"clients":{},"proper_connect_worst_ms":{:.2},"borne_s":{},"left":{}}}"#,
        c.clients,
        worst.as_secs_f64() * 1e3,
        borne.map_or_else(|| "null".to_owned(), |s| format!("{s:.1}")),
        slow.len()
    );
    Ok(())
}
