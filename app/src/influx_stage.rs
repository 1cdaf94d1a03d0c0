//! Shipping to InfluxDB, as a stage of the house: what goes wrong there is said, and ends nothing else.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use historian::Historian;
use influx::{Phase, Room, StatusCell};
use plant::Clock;
use tokio::time::sleep;
use web::{Metric, MetricKind, dto};

use crate::config::Influx;

/// After shipping ended by an error, the next attempt.
const AGAIN: Duration = Duration::from_secs(10);

/// The shipper as the page sees it.
#[derive(Clone)]
pub struct Shipping {
    settings: Option<Influx>,
    status: StatusCell,
}

impl Shipping {
    /// By the settings; without them nothing is shipped.
    pub fn new(settings: Option<&Influx>) -> Self {
        Self { settings: settings.cloned(), status: StatusCell::default() }
    }

    /// Ships until `shutdown` resolves.
    pub async fn run(self, store: Arc<Historian>, clock: Arc<dyn Clock>, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let Some(settings) = &self.settings else {
            if let Err(why) = influx::release(&store, clock.now()).await {
                tracing::error!(%why, "the log may wait for an InfluxDB that is not set any more");
            }
            drop(store);
            return shutdown.await;
        };
        loop {
            let seed = RandomState::new().hash_one(&settings.shipper.target.host);
            let opened = Room::open(settings.shipper.clone(), store.clone(), clock.clone(), self.status.clone(), seed);
            let ended = match opened.await {
                Ok(room) => room.run(&mut shutdown).await,
                Err(why) => Err(why),
            };
            match ended {
                Ok(()) => return,
                Err(why) => tracing::error!(%why, "shipping to InfluxDB broke off and begins anew"),
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// For the page; `None` where nothing is shipped.
    pub fn shown(&self) -> Option<dto::Influx> {
        let settings = self.settings.as_ref()?;
        let s = self.status.get();
        Some(dto::Influx {
            url: settings.shipper.target.url(),
            org: settings.shipper.target.org.clone(),
            bucket: settings.shipper.target.bucket.clone(),
            phase: s.phase.as_str().into(),
            lag_s: s.lag.as_secs_f64(),
            lag_alarm_s: settings.shipper.lag_alarm.as_secs_f64(),
            owed_points: s.owed,
            commits_behind: s.commits,
            points: s.points,
            expired: s.expired,
            refused: s.refused,
            last_taken: s.last_taken.map(dto::Time::from),
            error: s.error,
        })
    }

    /// As numbers.
    pub fn metrics(&self) -> Vec<Metric> {
        if self.settings.is_none() {
            return Vec::new();
        }
        let s = self.status.get();
        let gauge = |name, help, v: f64| Metric::single(name, help, MetricKind::Gauge, v);
        let counter = |name, help, v: u64| Metric::single(name, help, MetricKind::Counter, v as f64);
        let phases = [Phase::Starting, Phase::Live, Phase::CatchingUp, Phase::Waiting, Phase::Refused];
        let one = |p: Phase| (vec![("phase", p.as_str().to_owned())], f64::from(u8::from(p == s.phase)));
        vec![
            gauge("danxia_influx_lag_seconds", "How far InfluxDB is behind.", s.lag.as_secs_f64()),
            gauge("danxia_influx_owed_points", "Points that InfluxDB is still to get, about.", s.owed as f64),
            gauge("danxia_influx_commits_behind", "Commits of the log that were not shipped.", s.commits as f64),
            Metric {
                name: "danxia_influx_phase",
                help: "What the shipper is at: 1 for one of these.",
                kind: MetricKind::Gauge,
                samples: phases.into_iter().map(one).collect(),
            },
            counter("danxia_influx_points_total", "Points that InfluxDB took since the start.", s.points),
            counter(
                "danxia_influx_expired_total",
                "Points that it left out because its bucket does not keep them so long.",
                s.expired,
            ),
            counter("danxia_influx_refused_total", "Points that it refused; they are in quarantine.", s.refused),
            counter("danxia_influx_requests_total", "Requests to InfluxDB.", s.requests),
            counter("danxia_influx_failures_total", "Requests that did not succeed.", s.failures),
            counter("danxia_influx_bytes_total", "Bytes of bodies sent to InfluxDB.", s.bytes),
        ]
    }
}
