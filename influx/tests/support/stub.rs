//! A server that keeps points as InfluxDB does (one value for each field of each series and instant, the last one wins)
//! and answers as its script says.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a request.
pub enum Act {
    /// Everything is written: 204.
    Take,
    /// Nothing is written: this status, these headers, this body.
    Say(u16, &'static str, String),
    /// Lines that hold this are not written; if there are any: 400 and "partial write".
    Partial(&'static str),
    /// If a line holds this, nothing is written and 400 is said.
    Whole(&'static str),
    /// Nothing is written and nothing answered.
    Hang,
    /// The connection is cut before the body has been read.
    Cut,
    /// Everything is written, and the connection is cut before that is said.
    CutAfter,
}

type Script = Box<dyn FnMut(u64, &str) -> Act + Send>;

/// Whether a line is written.
type Keep = Box<dyn Fn(&str) -> bool>;

/// Series and time, to the fields.
pub type Points = BTreeMap<(String, i64), BTreeMap<String, String>>;

#[derive(Default)]
pub struct World {
    pub points: Points,
    pub requests: u64,
    /// Lines in requests that were written, repeated ones included.
    pub lines: u64,
    script: Option<Script>,
    /// Answers to queries, by what the query holds; other queries are answered from the points.
    pub queries: Vec<(&'static str, String)>,
    /// Every query that was asked.
    pub asked: Vec<String>,
}

#[derive(Clone)]
pub struct Stub {
    pub address: SocketAddr,
    world: Arc<Mutex<World>>,
}

impl Stub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Self { address: listener.local_addr().unwrap(), world: Arc::default() };
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let stub = serving.clone();
                tokio::spawn(async move { stub.serve(socket).await });
            }
        });
        stub
    }

    /// From now on; the number of the request since then, from 1, and the lines decide.
    pub fn script(&self, script: impl FnMut(u64, &str) -> Act + Send + 'static) {
        let mut world = self.world();
        world.requests = 0;
        world.script = Some(Box::new(script));
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// What was written, without the probe.
    pub fn points(&self) -> Points {
        let mut points = self.world().points.clone();
        points.retain(|(series, _), _| series != "danxia_probe");
        points
    }

    async fn serve(&self, mut socket: TcpStream) -> Option<()> {
        let mut buffer = Vec::new();
        loop {
            let head = loop {
                if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                    break end;
                }
                if socket.read_buf(&mut buffer).await.ok()? == 0 {
                    return None;
                }
            };
            let text = String::from_utf8(buffer[..head].to_vec()).ok()?;
            let header = |name: &str| {
                text.lines().find_map(|l| l.to_lowercase().strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
            };
            let length: usize = header("content-length").map_or(0, |v| v.parse().unwrap());
            let cut = self.is_cut(&text);
            while buffer.len() < head + 4 + length {
                if cut && buffer.len() > head + 4 {
                    return None;
                }
                if socket.read_buf(&mut buffer).await.ok()? == 0 {
                    return None;
                }
            }
            if cut {
                return None;
            }
            let body: Vec<u8> = buffer.drain(..head + 4 + length).skip(head + 4).collect();
            let body = match header("content-encoding").as_deref() {
                Some("gzip") => {
                    let mut out = String::new();
                    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut out).unwrap();
                    out
                }
                _ => String::from_utf8(body).unwrap(),
            };
            let answer = self.answer(&text, &body)?;
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
            socket.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    /// Whether the script cuts this one off in its body; asked before the body is there.
    fn is_cut(&self, head: &str) -> bool {
        if !head.contains("/api/v2/write") {
            return false;
        }
        let mut world = self.world();
        let n = world.requests + 1;
        let Some(script) = &mut world.script else { return false };
        let cut = matches!(script(n, ""), Act::Cut);
        world.requests += u64::from(cut);
        cut
    }

    /// The whole answer; `None` to hang up, empty to say nothing.
    fn answer(&self, head: &str, body: &str) -> Option<String> {
        let first = head.lines().next()?;
        if first.contains("/api/v2/query") {
            let asked: serde_json::Value = serde_json::from_str(body).unwrap();
            let flux = asked["query"].as_str().unwrap().to_owned();
            let mut world = self.world();
            let found = world.queries.iter().find(|(part, _)| flux.contains(part)).map(|(_, csv)| csv.clone());
            let found = found.unwrap_or_else(|| super::model::answer(&world.points, &flux));
            world.asked.push(flux);
            return Some(say(200, "", &found));
        }
        assert!(first.starts_with("POST /api/v2/write?org=plant&bucket=all%20of%20it&precision=ns "), "{first}");
        assert!(head.to_lowercase().contains("authorization: token secret"), "{head}");
        let mut world = self.world();
        world.requests += 1;
        let n = world.requests;
        let act = world.script.as_mut().map_or(Act::Take, |script| script(n, body));
        let (write, answer): (Keep, _) = match act {
            Act::Take => (Box::new(|_| true), Some(say(204, "", ""))),
            Act::Say(status, headers, body) => (Box::new(|_| false), Some(say(status, headers, &body))),
            Act::Hang => (Box::new(|_| false), Some(String::new())),
            Act::Cut => (Box::new(|_| false), None),
            Act::CutAfter => (Box::new(|_| true), None),
            Act::Whole(bad) if body.contains(bad) => (Box::new(|_| false), Some(refused("unable to parse"))),
            Act::Partial(bad) if body.contains(bad) => {
                let dropped = body.lines().filter(|l| l.contains(bad)).count();
                let why = format!("partial write: field type conflict dropped={dropped}");
                (Box::new(move |line| !line.contains(bad)), Some(refused(&why)))
            }
            Act::Whole(_) | Act::Partial(_) => (Box::new(|_| true), Some(say(204, "", ""))),
        };
        for line in body.lines().filter(|l| write(l)) {
            world.lines += 1;
            let (rest, t) = line.rsplit_once(' ').unwrap();
            // Names and texts of these tests hold no space.
            let (series, fields) = rest.split_once(' ').unwrap();
            let into = world.points.entry((series.to_owned(), t.parse().unwrap())).or_default();
            for field in fields.split(',') {
                let (name, value) = field.split_once('=').unwrap();
                into.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

fn refused(why: &str) -> String {
    say(400, "", &format!("{{\"code\":\"invalid\",\"message\":\"{why}\"}}"))
}

fn say(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}
