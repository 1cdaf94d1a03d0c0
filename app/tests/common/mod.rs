//! A real instance in a process of its own, and what one asks it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A port that nobody holds at the moment.
pub fn fresh_port() -> u16 {
    let l = TcpListener::bind("127.0.0.1:0").expect("a port");
    l.local_addr().expect("its address").port()
}

/// A running `danxia run --anonymous`.
pub struct Instance {
    child: Child,
    http: u16,
}

impl Instance {
    /// Starts it and waits until `/readyz` answers 200.
    pub fn start(data: &Path, mqtt: u16, http: u16) -> Self {
        Self::start_closed(data, mqtt, http, &["--anonymous"])
    }

    /// The same with other arguments in the place of `--anonymous`.
    pub fn start_closed(data: &Path, mqtt: u16, http: u16, more: &[&str]) -> Self {
        Self::start_at(data, &format!("127.0.0.1:{mqtt}"), http, more)
    }

    /// The same with this as `--mqtt`.
    pub fn start_at(data: &Path, mqtt: &str, http: u16, more: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_danxia"))
            .args(["run", "--data"])
            .arg(data)
            .args(["--mqtt", mqtt, "--http", &format!("127.0.0.1:{http}")])
            .args(more)
            .env("DANXIA__LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .expect("danxia starts");
        let mut this = Self { child, http };
        let ready = eventually(Duration::from_secs(60), || {
            if let Some(status) = this.child.try_wait().expect("its state") {
                panic!("danxia ended with {status} instead of becoming ready");
            }
            this.try_get("/readyz").is_some_and(|(status, _)| status == 200)
        });
        assert!(ready, "danxia did not become ready within 60 s");
        this
    }

    /// Processor time of all its threads since it started, s.
    pub fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its figures");
        let (_, fields) = stat.rsplit_once(')').expect("its name");
        let ticks = fields.split_whitespace().skip(11).take(2).map(|f| f.parse::<f64>().expect("a number"));
        // USER_HZ is 100 wherever Linux runs.
        ticks.sum::<f64>() / 100.0
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().expect("it is still running");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and it must end well within 10 s.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let mut status = None;
        eventually(Duration::from_secs(10), || {
            status = self.child.try_wait().expect("its state");
            status.is_some()
        });
        assert!(status.expect("danxia did not end within 10 s of SIGTERM").success());
    }

    /// GET, which must answer 200.
    pub fn get(&self, path: &str) -> String {
        let (status, body) = self.try_get(path).expect("the page answers");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// GET: status and body, or `None` where nobody answers.
    pub fn try_get(&self, path: &str) -> Option<(u16, String)> {
        ask(self.http, "GET", path, "")
    }

    /// POST of JSON: status and body, or `None` where nobody answers (any more).
    pub fn post(&self, path: &str, body: &str) -> Option<(u16, String)> {
        ask(self.http, "POST", path, body)
    }
}

/// One request of the page on `port`.
pub fn ask(port: u16, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut s = TcpStream::connect(("127.0.0.1", port)).ok()?;
    s.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let length = body.len();
    let head = format!("Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}");
    write!(s, "{method} {path} HTTP/1.0\r\n{head}\r\n\r\n{body}").ok()?;
    let mut text = String::new();
    s.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that writes what it is told, however wrong.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Without a name, and it must be let in.
    pub fn connect(port: u16, id: &str) -> Self {
        Self::try_connect(port, id, None, None).expect("it is let in")
    }

    /// CONNECT (MQTT 3.1.1); the return code of CONNACK where it is not 0.
    pub fn try_connect(port: u16, id: &str, user: Option<&str>, password: Option<&str>) -> Result<Self, u8> {
        let mut s = TcpStream::connect(("127.0.0.1", port)).expect("the broker accepts");
        s.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let flags = 0x02 | if user.is_some() { 0x80 } else { 0 } | if password.is_some() { 0x40 } else { 0 };
        let mut body = b"\x00\x04MQTT\x04".to_vec();
        body.extend_from_slice(&[flags, 0, 60]);
        for text in [Some(id), user, password].into_iter().flatten() {
            body.extend_from_slice(&(text.len() as u16).to_be_bytes());
            body.extend_from_slice(text.as_bytes());
        }
        let mut packet = vec![0x10, body.len() as u8];
        packet.append(&mut body);
        s.write_all(&packet).expect("CONNECT");
        let mut connack = [0; 4];
        s.read_exact(&mut connack).expect("CONNACK");
        assert_eq!(connack[..3], [0x20, 2, 0]);
        if connack[3] == 0 { Ok(Self(s)) } else { Err(connack[3]) }
    }

    /// QoS 1. The write may fail when the broker has already closed: that is then seen by reading.
    pub fn publish(&mut self, topic: &[u8], payload: &[u8]) {
        self.send(0x32, topic, payload);
    }

    /// The same, to be retained.
    pub fn publish_retained(&mut self, topic: &[u8], payload: &[u8]) {
        self.send(0x33, topic, payload);
    }

    fn send(&mut self, first: u8, topic: &[u8], payload: &[u8]) {
        let mut rest = topic.len() + payload.len() + 4;
        let mut packet = vec![first];
        while rest >= 128 {
            packet.push((rest % 128) as u8 | 0x80);
            rest /= 128;
        }
        packet.push(rest as u8);
        packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        packet.extend_from_slice(topic);
        packet.extend_from_slice(&[0, 1]);
        packet.extend_from_slice(payload);
        let _ = self.0.write_all(&packet);
    }

    /// QoS 1, and it must be granted. At most 100 bytes.
    pub fn subscribe(&mut self, filter: &str) {
        let length = u8::try_from(filter.len()).expect("a short filter");
        let mut packet = vec![0x82, length + 5, 0, 7, 0, length];
        packet.extend_from_slice(filter.as_bytes());
        packet.push(1);
        self.0.write_all(&packet).expect("SUBSCRIBE");
        let mut suback = [0; 5];
        self.0.read_exact(&mut suback).expect("SUBACK");
        assert_eq!(suback, [0x90, 3, 0, 7, 1]);
    }

    /// The next packet, a PUBLISH with QoS 1 that is acknowledged: whether it was retained, topic, payload. Packets of
    /// up to 127 bytes.
    pub fn delivered(&mut self) -> (bool, String, String) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a packet");
        assert_eq!(head[0] & 0xf6, 0x32, "a PUBLISH with QoS 1");
        let mut body = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut body).expect("the rest of it");
        let topic = 2 + usize::from(body[1]);
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        // Where the broker has gone meanwhile, nobody misses it.
        let _ = self.0.write_all(&[0x40, 2, body[topic], body[topic + 1]]);
        (head[0] & 1 == 1, text(&body[2..topic]), text(&body[topic + 2..]))
    }

    /// Whether the next packet is the PUBACK; false where the connection was closed instead.
    pub fn acknowledged(&mut self) -> bool {
        let mut puback = [0; 4];
        self.0.read_exact(&mut puback).is_ok() && puback == [0x40, 2, 0, 1]
    }
}

/// Whether `condition` came to hold in time.
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let steps = within.as_millis() / 20;
    for _ in 0..steps {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    condition()
}

/// One row of `export points`.
#[derive(Debug)]
pub struct Row {
    pub time_ns: i64,
    pub machine: String,
    pub point: String,
    pub value: String,
    pub quality: String,
}

/// What `danxia export points --data DIR` prints. The names used in these tests hold no commas.
pub fn export(data: &Path) -> Vec<Row> {
    let out = Command::new(env!("CARGO_BIN_EXE_danxia"))
        .args(["export", "points", "--format", "csv", "--data"])
        .arg(data)
        .output()
        .expect("danxia export runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("time_ns,site,machine,point,value,quality"));
    lines
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            assert_eq!(f.len(), 6, "{l}");
            Row {
                time_ns: f[0].parse().expect("nanoseconds"),
                machine: f[2].into(),
                point: f[3].into(),
                value: f[4].into(),
                quality: f[5].into(),
            }
        })
        .collect()
}
