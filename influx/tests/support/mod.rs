//! What the tests of the shipper need: a store, a clock that is told the time, a server.
#![allow(dead_code, reason = "each test uses its share")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod model;
pub mod stub;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Historian};
use influx::line::{Lines, Naming};
use influx::{Config, Room, Status, StatusCell, Target};
use plant::{Clock, ManualClock, Observation, Quality, SeriesKey, Timestamp, Value};
use stub::{Points, Stub};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

pub fn target(stub: &Stub) -> Target {
    Target {
        host: stub.address.ip().to_string(),
        port: stub.address.port(),
        path: String::new(),
        tls: None,
        org: "plant".into(),
        bucket: "all of it".into(),
        token: "secret".into(),
    }
}

/// A second of life in a few milliseconds.
pub fn hasty(stub: &Stub) -> Config {
    let ms = Duration::from_millis;
    Config {
        batch_lines: 500,
        batch_age: ms(5),
        timeout: ms(300),
        first_pause: ms(2),
        longest_pause: ms(20),
        slow_pause: ms(40),
        store_every: ms(20),
        ..Config::new(target(stub))
    }
}

/// A store that ships.
pub struct House {
    pub store: Arc<Historian>,
    pub clock: Arc<ManualClock>,
    pub status: StatusCell,
    task: JoinHandle<Result<(), influx::RoomError>>,
    end: tokio::sync::oneshot::Sender<()>,
}

impl House {
    pub async fn open(historian: historian::Config, config: Config, clock: Arc<ManualClock>) -> Self {
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let opening = dyn_clock.clone();
        let opened = tokio::task::spawn_blocking(move || Historian::open(historian, opening)).await.unwrap();
        let store = Arc::new(opened.unwrap());
        let status = StatusCell::default();
        let room = Room::open(config, store.clone(), dyn_clock, status.clone(), 7).await.unwrap();
        let (end, ended) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(room.run(async move { drop(ended.await) }));
        Self { store, clock, status, task, end }
    }

    pub async fn small(dir: &Path, stub: &Stub) -> Self {
        Self::open(historian::Config::new(dir), hasty(stub), Arc::new(ManualClock::new(START))).await
    }

    /// As the power would end it: nothing is stored any more, nothing closed.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        let store = Arc::into_inner(self.store).unwrap();
        tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
    }

    pub async fn close(self) {
        self.end.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        let store = Arc::into_inner(self.store).unwrap();
        tokio::task::spawn_blocking(move || store.close()).await.unwrap().unwrap();
    }

    pub async fn commit(&self, observations: Vec<Observation>) {
        self.store.recorder().commit(Batch { observations, ..Batch::default() }).await.unwrap();
    }

    /// Everything in the store as the server should have it.
    pub async fn expected(&self) -> Points {
        let (archive, plant) = (self.store.archive(), self.store.register().plant());
        tokio::task::spawn_blocking(move || {
            let (mut naming, mut points) = (Naming::default(), Points::new());
            for key in archive.series() {
                for s in archive.range(&key, Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap() {
                    let mut lines = Lines::default();
                    lines.point(naming.of(&key, &plant), s.t, &s.value, s.quality);
                    let (rest, t) = lines.text().trim_end().rsplit_once(' ').unwrap();
                    let (series, fields) = rest.split_once(' ').unwrap();
                    let fields = fields.split(',').map(|f| f.split_once('=').unwrap());
                    let fields = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                    points.insert((series.to_owned(), t.parse().unwrap()), fields);
                }
            }
            points
        })
        .await
        .unwrap()
    }

    /// Waits until everything that is in the store has arrived, as it is in the store.
    pub async fn arrived(&self, stub: &Stub) {
        let expected = self.expected().await;
        until("everything has arrived", || {
            let found = stub.points();
            found.len() >= expected.len() && self.status.get().owed == 0 && self.status.get().commits == 0
        })
        .await;
        let found = stub.points();
        for (key, fields) in &expected {
            assert_eq!(found.get(key), Some(fields), "{key:?}");
        }
        assert_eq!(found.len(), expected.len(), "and nothing else");
    }

    pub async fn status(&self, what: &str, fits: impl Fn(&Status) -> bool) {
        until(what, || fits(&self.status.get())).await;
    }
}

pub async fn until(what: &str, fits: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(240);
    while !fits() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

pub fn key(name: &str) -> SeriesKey {
    SeriesKey::raw(format!("s/m/{name}").parse().unwrap())
}

pub fn seen(name: &str, t: Timestamp, value: f64) -> Observation {
    let point = format!("s/m/{name}").parse().unwrap();
    Observation { point, t, t_received: t, value: Value::Float(value), quality: Quality::Good, seq: None }
}

/// `n` values of each of `series` points, a second apart from `t` on.
pub fn minute(series: usize, n: i64, t: Timestamp) -> Vec<Observation> {
    let at = |i: i64| t + Duration::from_secs(i as u64);
    (0..n)
        .flat_map(|i| (0..series).map(move |p| seen(&format!("p{p}"), at(i), (p as i64 * 1_000 + i) as f64)))
        .collect()
}
