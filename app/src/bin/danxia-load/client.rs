//! One blocking connection that publishes with QoS 1, and what it publishes.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, ensure};

/// A connection that has its CONNACK.
pub struct Client {
    pub socket: TcpStream,
    pub out: Vec<u8>,
    pub input: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr, id: &str) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).with_context(|| format!("no broker answers at {address}"))?;
        socket.set_nodelay(true)?;
        socket.write_all(&connect_packet(id, 60))?;
        let mut connack = [0; 4];
        socket.read_exact(&mut connack).context("the broker closed the connection instead of answering CONNECT")?;
        ensure!(connack == [0x20, 2, 0, 0], "the broker refused the connection: CONNACK {connack:02x?}");
        Ok(Self { socket, out: Vec::with_capacity(1 << 18), input: Vec::with_capacity(1 << 14) })
    }

    pub fn push(&mut self, topic: &str, pkid: u16, payload: &[u8]) {
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

    pub fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Waits for at least one PUBACK and hands every one that is there to `each`.
    pub fn acks(&mut self, mut each: impl FnMut(u16)) -> io::Result<usize> {
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

/// CONNECT of MQTT 3.1.1 with a clean session; `id` has at most 100 bytes.
pub fn connect_packet(id: &str, keep_alive_s: u16) -> Vec<u8> {
    let mut packet = vec![0x10, (12 + id.len()) as u8, 0, 4];
    packet.extend_from_slice(b"MQTT\x04\x02");
    packet.extend_from_slice(&keep_alive_s.to_be_bytes());
    packet.extend_from_slice(&(id.len() as u16).to_be_bytes());
    packet.extend_from_slice(id.as_bytes());
    packet
}

/// Packet ids 1 to 65535, round and round.
pub struct Ids(pub u16);

impl Ids {
    pub fn next(&mut self) -> u16 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

pub fn payload(out: &mut String, t: u64, values: usize, size: usize, k: usize) {
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
