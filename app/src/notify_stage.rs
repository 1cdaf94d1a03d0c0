//! Notification, as a stage of the house: what goes wrong there is said, and ends nothing else.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use historian::Historian;
use notify::channel::Means;
use notify::{Config, Room, ViewCell, Wish};
use plant::Clock;
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;
use web::{Metric, MetricKind};

use crate::config::Notify;

/// After notifying ended by an error, the next attempt.
const AGAIN: Duration = Duration::from_secs(10);
/// Tests that wait; whoever asks for more is told to ask again.
const WISHES: usize = 8;

/// Notification as the page sees it.
#[derive(Clone)]
pub struct Notifying {
    config: Option<Arc<Config>>,
    view: ViewCell,
    wishes: mpsc::Sender<Wish>,
    heard: Arc<Mutex<mpsc::Receiver<Wish>>>,
}

impl Notifying {
    /// By the settings; without them nobody is told.
    pub fn new(settings: Option<&Notify>, clock: Arc<dyn Clock>) -> Self {
        let config = settings.cloned().map(|n| {
            let means = Means { policy: n.policy, patience: n.timeout, clock };
            Arc::new(Config { settings: n.settings, setups: n.setups, means, public_url: n.public_url })
        });
        let (wishes, heard) = mpsc::channel(WISHES);
        Self { config, view: ViewCell::default(), wishes, heard: Arc::new(Mutex::new(heard)) }
    }

    /// Notifies until `shutdown` resolves.
    pub async fn run(self, store: Arc<Historian>, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let Some(config) = &self.config else {
            if let Err(why) = notify::release(&store).await {
                tracing::error!(%why, "what was to be notified before stays stored");
            }
            drop(store);
            return shutdown.await;
        };
        let mut wishes = self.heard.lock().await;
        loop {
            let ended = match Room::open(config.clone(), store.clone(), self.view.clone()).await {
                Ok(room) => room.run(&mut wishes, &mut shutdown).await,
                Err(why) => Err(why),
            };
            match ended {
                Ok(()) => return,
                Err(why) => tracing::error!(%why, "notification broke off and begins anew"),
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// The settings in force.
    pub fn config(&self) -> Option<&Arc<Config>> {
        self.config.as_ref()
    }

    /// What there is to see.
    pub fn view(&self) -> &ViewCell {
        &self.view
    }

    /// Where tests are asked for.
    pub fn wishes(&self) -> &mpsc::Sender<Wish> {
        &self.wishes
    }

    /// As numbers.
    pub fn metrics(&self) -> Vec<Metric> {
        if self.config.is_none() {
            return Vec::new();
        }
        let channels = self.view.get().channels;
        let each = |f: fn(&notify::ChannelView) -> f64| {
            channels.iter().map(|c| (vec![("channel", c.name.clone())], f(c))).collect::<Vec<_>>()
        };
        let metric = |name, help, kind, samples| Metric { name, help, kind, samples };
        vec![
            metric(
                "danxia_notification_accepted_total",
                "Messages that a channel took.",
                MetricKind::Counter,
                each(|c| c.health.accepted as f64),
            ),
            metric(
                "danxia_notification_failed_total",
                "Attempts that failed.",
                MetricKind::Counter,
                each(|c| c.health.failed as f64),
            ),
            metric(
                "danxia_notification_given_up_total",
                "Messages that were given up.",
                MetricKind::Counter,
                each(|c| c.health.given_up as f64),
            ),
            metric(
                "danxia_notification_waiting",
                "Alarms that wait for a channel.",
                MetricKind::Gauge,
                each(|c| c.waiting as f64),
            ),
            metric(
                "danxia_notification_dead",
                "Whether a channel takes nothing.",
                MetricKind::Gauge,
                each(|c| f64::from(u8::from(c.health.dead.is_some()))),
            ),
        ]
    }
}
