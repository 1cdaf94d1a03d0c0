//! A web door with its store, a small plant in it, and a client that speaks plain HTTP/1.1.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use historian::{Batch, Historian};
use plant::mapping::{PayloadFormat, Rule, RuleSet};
use plant::*;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use web::dto;

pub use crate::small::*;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// When the tests play: 2026-11-23T00:00:00Z.
pub const NOW: i64 = 1_795_392_000;

pub struct House {
    pub address: SocketAddr,
    /// Where it speaks TLS, where it does.
    pub secure: Option<SocketAddr>,
    pub historian: Arc<Historian>,
    pub accounts: Arc<web::Accounts>,
    stop: Option<oneshot::Sender<()>>,
    pub server: JoinHandle<Result<(), web::ServeError>>,
    _dir: tempfile::TempDir,
}

pub struct Stubs {
    faults: Vec<web::Part>,
}

impl web::Analyst for Stubs {
    fn spectra(&self, waveform: &Waveform, machine: &Machine) -> dto::Spectra {
        let unit = waveform.unit.to_string();
        let spectrum = dto::Spectrum { df_hz: machine.bearings.len() as f64, unit, amplitude: vec![0.5] };
        dto::Spectra { fs: waveform.fs, spectrum, ..dto::Spectra::default() }
    }

    /// Says what it was asked, so that a test sees that it was.
    fn analyse(&self, waveform: &Waveform, machine: &Machine, question: &web::Question) -> dto::Analysis {
        let source = Some(format!("{} {} {question:?}", waveform.id, machine.bearings.len()));
        dto::Analysis { kind: question.kind().into(), source, ..dto::Analysis::default() }
    }

    fn orbit(&self, horizontal: &Waveform, vertical: &Waveform) -> dto::Analysis {
        let source = Some(format!("{} {}", horizontal.id, vertical.id));
        dto::Analysis { kind: "orbit".into(), source, ..dto::Analysis::default() }
    }

    fn waterfall(&self, records: &[(f64, Arc<Waveform>)], to_hz: f64) -> dto::Analysis {
        let values = records.iter().map(|(place, _)| *place as f32).collect();
        let map =
            dto::AnalysisMap { rows: records.len(), columns: 1, dx: to_hz, values, ..dto::AnalysisMap::default() };
        dto::Analysis { kind: "waterfall".into(), map: Some(map), ..dto::Analysis::default() }
    }
}

impl web::Door for Stubs {
    fn clients(&self) -> Vec<dto::Client> {
        let client = |id: &str, connected| dto::Client {
            client_id: id.into(),
            address: "127.0.0.1:50000".into(),
            identity: "anonymous".into(),
            protocol: "5".into(),
            since: dto::Time(Timestamp::from_secs(NOW)),
            connected,
            rate_msgs_s: 1.5,
            rate_bytes_s: 100.0,
            messages: 10,
            bytes: 1000,
            subscriptions: 0,
            last_topic: Some("danxia/v1/s/m/telemetry".into()),
            last_error: None,
            denials: 2,
            last_denial: Some(dto::Denial { topic: "danxia/v1/s/m/alarm".into(), why: "publish_denied".into() }),
            throttled: 1,
        };
        vec![client("plc-2", false), client("plc-1", true)]
    }
    fn refused(&self) -> BTreeMap<String, u64> {
        [("rights".to_owned(), 3)].into()
    }
}

impl web::Readiness for Stubs {
    fn parts(&self) -> BoxFuture<'_, Vec<web::Part>> {
        std::future::ready(self.faults.clone()).boxed()
    }
}

impl web::Shipping for Stubs {
    fn influx(&self) -> Option<dto::Influx> {
        None
    }
}

impl web::Metrics for Stubs {
    fn metrics(&self) -> Vec<web::Metric> {
        let kind = web::MetricKind::Gauge;
        vec![web::Metric::single("danxia_store_queued_bytes", "Bytes waiting.", kind, 42.0)]
    }
}

/// What lets the command line in.
pub const LOCAL: &str = "what lies beside the store";

/// Passwords that cost nothing.
struct Plain;

impl web::Passwords for Plain {
    fn check(&self, password: &str) -> Result<(), String> {
        if password.len() < 12 { Err("the password is too short".into()) } else { Ok(()) }
    }
    fn generate(&self) -> Result<String, String> {
        Ok("k7mf-92qd-made".into())
    }
    fn hash(&self, password: &str) -> Result<String, String> {
        Ok(format!("plain:{password}"))
    }
    fn matches(&self, password: &str, hash: &str) -> bool {
        hash.strip_prefix("plain:") == Some(password)
    }
}

pub fn config() -> web::Config {
    web::Config::new("127.0.0.1:0".parse().unwrap())
}

impl House {
    pub async fn open() -> Self {
        Self::with(config(), Vec::new()).await
    }

    pub async fn with(config: web::Config, faults: Vec<web::Part>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
        let historian = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        Self::open_with(config, historian, clock, faults, web::Keeping::default(), dir).await
    }

    /// On a store that is open.
    pub async fn of(
        config: web::Config,
        historian: Historian,
        clock: Arc<ManualClock>,
        keeping: web::Keeping,
        dir: tempfile::TempDir,
    ) -> Self {
        Self::open_with(config, historian, clock, Vec::new(), keeping, dir).await
    }

    async fn open_with(
        config: web::Config,
        historian: Historian,
        clock: Arc<ManualClock>,
        faults: Vec<web::Part>,
        keeping: web::Keeping,
        dir: tempfile::TempDir,
    ) -> Self {
        let historian = Arc::new(historian);
        let services = web::Services { keeping, ..services(&historian, &clock, faults) };
        Self::serve(config, historian, services, dir).await
    }

    /// With somebody who knows what the store no longer has.
    pub async fn recalling(config: web::Config, past: Arc<dyn web::Past>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
        let historian = Arc::new(Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap());
        let services = web::Services { past: Some(past), ..services(&historian, &clock, Vec::new()) };
        Self::serve(config, historian, services, dir).await
    }

    /// With a second entrance, over TLS.
    pub async fn secured(config: web::Config, tls: web::Acceptor) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
        let historian = Arc::new(Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap());
        let services = services(&historian, &clock, Vec::new());
        Self::serve_at(config, historian, services, Some(tls), dir).await
    }

    /// With these services.
    pub async fn serve(
        config: web::Config,
        historian: Arc<Historian>,
        services: web::Services,
        dir: tempfile::TempDir,
    ) -> Self {
        Self::serve_at(config, historian, services, None, dir).await
    }

    async fn serve_at(
        config: web::Config,
        historian: Arc<Historian>,
        services: web::Services,
        tls: Option<web::Acceptor>,
        dir: tempfile::TempDir,
    ) -> Self {
        let listener = TcpListener::bind(config.address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let accounts = services.accounts.clone();
        let mut doorways = vec![web::Doorway::from(listener)];
        let mut secure = None;
        if tls.is_some() {
            let listener = TcpListener::bind(config.address).await.unwrap();
            secure = Some(listener.local_addr().unwrap());
            doorways.push(web::Doorway { listener, tls });
        }
        let server = tokio::spawn(web::serve(doorways, config, services, async {
            let _ = stopped.await;
        }));
        Self { address, secure, historian, accounts, stop: Some(stop), server, _dir: dir }
    }

    /// Where its store lies.
    pub fn dir(&self) -> &std::path::Path {
        self._dir.path()
    }

    pub async fn commit(&self, batch: Batch) {
        self.historian.recorder().commit(batch).await.unwrap();
    }

    /// Calls for the end and waits for it.
    pub async fn close(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(PATIENCE, &mut self.server).await.expect("the door closes in time").unwrap().unwrap();
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    /// The JSON at `path`, which must be there.
    pub async fn json(&self, path: &str) -> Json {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/json"), "{path}");
        reply.json()
    }

    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, &[("Content-Type", "application/json")], body).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Reply {
        self.ask("PUT", path, &[("Content-Type", "application/json")], body).await
    }

    /// One request on a connection of its own. A header given replaces ours of that name.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.bytes(method, path, headers, body.as_bytes()).await
    }

    /// As [`House::ask`], with a body that is no text.
    pub async fn bytes(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let (host, length) = (self.address.to_string(), body.len().to_string());
        for (name, value) in [("Host", host.as_str()), ("Connection", "close"), ("Content-Length", &length)] {
            if !headers.iter().any(|(n, _)| *n == name)
                && (name != "Content-Length" || matches!(method, "POST" | "PUT"))
            {
                head += &format!("{name}: {value}\r\n");
            }
        }
        for (name, value) in headers.iter().filter(|(_, v)| *v != "-") {
            head += &format!("{name}: {value}\r\n");
        }
        socket.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await.unwrap();
        let mut raw = Vec::new();
        timeout(PATIENCE, socket.read_to_end(&mut raw)).await.expect("an answer in time").unwrap();
        Reply::parse(&raw)
    }

    /// The value of the metric line that begins with `name`.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let line = text.lines().find(|l| l.split(' ').next() == Some(name));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    /// Waits until the metric is `expect`.
    pub async fn until(&self, name: &str, expect: f64) {
        let wait = async {
            while self.metric(name).await != expect {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{name} never was {expect}"));
    }

    pub async fn listen(&self, query: &str) -> Events {
        Events::open(self.address, query, None).await
    }
}

/// Says what it was asked, so that a test sees that it was.
impl web::Mapper for Stubs {
    fn try_rules(&self, rules: &RuleSet, _: &Plant, topic: &str, payload: &[u8], _: Timestamp) -> dto::Trial {
        let step =
            |rule: &Rule| dto::TrialStep { rule: rule.name.to_string(), outcome: format!("{topic} {}", payload.len()) };
        dto::Trial { steps: rules.rules().iter().map(step).collect(), ..dto::Trial::default() }
    }

    fn suggest(&self, _: &str, payload: &[u8]) -> Option<Rule> {
        (!payload.is_empty()).then(|| Rule {
            name: Name::new("first").unwrap(),
            enabled: true,
            topic: "#".parse().unwrap(),
            format: PayloadFormat::Hj212,
            site: "s".parse().unwrap(),
            machine: "m".parse().unwrap(),
            values: Vec::new(),
            time: None,
            filters: Vec::new(),
        })
    }
}

impl web::Notifier for Stubs {
    fn notifications(&self, before: Option<u64>, limit: usize) -> dto::Notifications {
        let newest = before.unwrap_or(4).min(4);
        let attempt = |id| dto::NotificationAttempt {
            id,
            t: dto::Time::from(Timestamp::from_secs(NOW)),
            outcome: "accepted".into(),
            channel: Some("group".into()),
            person: None,
            key: Some("k".into()),
            attempt: 1,
            alarms: 1,
            alarm: None,
            level: 0,
            code: None,
            why: None,
        };
        let log: Vec<_> = (0..newest).rev().take(limit).map(attempt).collect();
        let next = log.last().map(|a| a.id).filter(|id| *id > 0);
        dto::Notifications { configured: true, log, next, ..dto::Notifications::default() }
    }

    fn test(&self, what: dto::NotificationTest) -> BoxFuture<'_, Result<dto::NotificationTested, web::Declined>> {
        Box::pin(async move {
            match what.channel.as_deref() {
                Some("group") => Ok(dto::NotificationTested { results: Vec::new() }),
                Some("closed") => Err(web::Declined::Now("the store is closed".into())),
                _ => Err(web::Declined::Asked("there is no such channel".into())),
            }
        })
    }
}

pub fn services(historian: &Arc<Historian>, clock: &Arc<ManualClock>, faults: Vec<web::Part>) -> web::Services {
    let stubs = Arc::new(Stubs { faults });
    // Not to keep the store open beyond the door's end.
    let following = Arc::downgrade(historian);
    web::Services {
        about: web::About {
            version: "0.1.0".into(),
            demo: true,
            anonymous: true,
            time_zone: "Asia/Shanghai".into(),
            started: Timestamp::from_secs(NOW),
            mqtt: "127.0.0.1:1883".into(),
            mqtt_tls: None,
        },
        clock: clock.clone(),
        archive: historian.archive(),
        register: historian.register(),
        recorder: historian.recorder(),
        follow: Box::new(move || {
            let historian = following.upgrade().expect("the store outlives the door");
            historian.tail(historian.head())
        }),
        analyst: stubs.clone(),
        alarm_study: Arc::new(crate::study::Stub),
        waiting: Arc::new(crate::waiting::Stub::default()),
        door: stubs.clone(),
        shipping: stubs.clone(),
        notifier: stubs.clone(),
        past: None,
        accounts: Arc::new(
            web::Accounts::open(historian.register(), clock.clone(), Arc::new(Plain), Some(LOCAL)).unwrap(),
        ),
        sign_in: None,
        registrar: stubs.clone(),
        readiness: stubs.clone(),
        metrics: stubs.clone(),
        mapper: stubs,
        keeping: web::Keeping::default(),
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn parse(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|l| l.split_once(": ").unwrap()).map(|(n, v)| (n.to_lowercase(), v.into())).collect();
        Self { status, headers, body: raw[end + 4..].to_vec() }
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// A live stream, read event by event.
pub struct Events {
    pub status: u16,
    socket: BufReader<TcpStream>,
    text: String,
}

#[derive(Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Json,
}

impl Events {
    /// Opens a stream; `buffer` bounds what the system takes in for the client, in bytes.
    pub async fn open(address: SocketAddr, query: &str, buffer: Option<u32>) -> Self {
        Self::begin(address, query, buffer, "").await
    }

    /// As somebody who has this cookie.
    pub async fn open_as(address: SocketAddr, query: &str, cookie: &str) -> Self {
        Self::begin(address, query, None, &format!("Cookie: {cookie}\r\n")).await
    }

    async fn begin(address: SocketAddr, query: &str, buffer: Option<u32>, more: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut socket = socket.connect(address).await.unwrap();
        let head = format!("GET /api/v1/live{query} HTTP/1.1\r\nHost: {address}\r\n{more}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut socket = BufReader::new(socket);
        let mut status = 0;
        loop {
            let line = line(&mut socket).await.expect("a head");
            if let Some(code) = line.strip_prefix("HTTP/1.1 ") {
                status = code[..3].parse().unwrap();
            }
            if line.is_empty() {
                return Self { status, socket, text: String::new() };
            }
        }
    }

    /// The next event; `None` when the stream has ended. Comments are passed over.
    pub async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.read()).await.expect("an event in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name));
                if let Some(data) = field("data:") {
                    let field = |name| field(name).unwrap_or_default().to_owned();
                    let data = serde_json::from_str(data).unwrap();
                    return Some(Event { name: field("event:"), id: field("id:"), data });
                }
            }
            let size = usize::from_str_radix(&line(&mut self.socket).await?, 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.socket.read_exact(&mut chunk).await.ok()?;
            self.text += std::str::from_utf8(&chunk[..size]).unwrap();
            if size == 0 {
                return None;
            }
        }
    }

    /// The next event called `name`.
    pub async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }
}

async fn line(socket: &mut BufReader<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        match socket.read_u8().await.ok()? {
            b'\n' => return Some(String::from_utf8(bytes).unwrap().trim_end().to_owned()),
            b => bytes.push(b),
        }
    }
}
