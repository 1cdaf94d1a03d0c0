//! Plays a kit over MQTT: one connection per gateway, births first, then what the machines measure.
//!
//! Every second of the plant's time is one tick. Scalars go out as one telemetry message per machine, records of the
//! accelerometers as one waveform message each, spread over their period. `speed` says how many seconds of the plant's
//! time pass in one second: content and script follow it, while every message is stamped with the clock that was handed
//! in, so that nothing comes from the future or late.
//!
//! The content depends on the kit and the seed alone, the stamps on the clock. When the platform acknowledges too
//! slowly, the plant waits (see [`crate::publisher`]): nothing is dropped, time stretches.

pub mod machine;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use collector::wire::birth::{self, Birth};
use collector::wire::{Frame, Reading, Scalar, telemetry, waveform};
use plant::{Clock, Name, Timestamp, WaveformError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::kit::{Fault, Kit};
use crate::publisher::{Options, PublishError, Publisher};
use machine::MachineSim;

/// How to play.
#[derive(Clone)]
pub struct SimOptions {
    /// The broker, `host:port`.
    pub address: String,
    /// User and password; `None` connects anonymously.
    pub credentials: Option<(String, String)>,
    /// The same seed is the same plant.
    pub seed: u64,
    /// Seconds of the plant's time per second; above 0, at most 1,000.
    pub speed: f64,
    /// Whether the scripted faults happen.
    pub faults: bool,
    /// Stamps the messages.
    pub clock: Arc<dyn Clock>,
}

/// What has been published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimReport {
    /// Values of scalar points.
    pub values: u64,
    /// Waveforms.
    pub waveforms: u64,
    /// Messages, births aside.
    pub messages: u64,
    /// Messages that the broker had not acknowledged at the end.
    pub unacknowledged: u64,
}

/// Why a plant could not be played.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// Time cannot pass like that.
    #[error("the speed is {0}; expected a number above 0 and at most 1000")]
    Speed(f64),
    /// No connection.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The physics gave something that is not a waveform.
    #[error("the simulated signal is not usable: {0}")]
    Signal(#[from] WaveformError),
    /// A task of the simulator ended early.
    #[error("the simulation stopped unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// How long the broker may take to appear, and to acknowledge what is left at the end.
const PATIENCE: Duration = Duration::from_secs(15);
const GRACE: Duration = Duration::from_secs(5);

/// What a gateway holds back while the broker does not acknowledge, bytes: a minute and a half of six accelerometers.
const OUTBOX: usize = 8 << 20;

/// Plays `kit` until `shutdown` is ready. The broker must appear within 15 s; later interruptions are waited for.
pub async fn run(
    kit: Kit,
    options: SimOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<SimReport, SimError> {
    if !(options.speed > 0.0 && options.speed <= 1000.0) {
        return Err(SimError::Speed(options.speed));
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for gateway in gateways(&kit, &options) {
        tasks.spawn(gateway.run(options.clone(), stopped.clone()));
    }
    let mut report = SimReport::default();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut playing = true;
    loop {
        tokio::select! {
            () = &mut shutdown, if playing => {
                playing = false;
                stop.send_replace(true);
            }
            ended = tasks.join_next() => match ended {
                Some(part) => report.add(part??),
                // Every gateway has lost its supply: there is nothing left to play, but nobody has asked to stop.
                None if playing => { shutdown.as_mut().await; return Ok(report) }
                None => return Ok(report),
            },
        }
    }
}

impl SimReport {
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.waveforms += other.waveforms;
        self.messages += other.messages;
        self.unacknowledged += other.unacknowledged;
    }
}

/// The machines behind one gateway.
struct Gateway {
    name: Name,
    machines: Vec<MachineSim>,
    /// The second in which it loses its supply.
    ends: Option<u64>,
}

/// A message as it goes out, and how many values it carries (`None` for a waveform).
struct Message {
    topic: String,
    payload: Vec<u8>,
    values: Option<u64>,
}

fn gateways(kit: &Kit, options: &SimOptions) -> Vec<Gateway> {
    let faults = if options.faults { kit.faults.as_slice() } else { &[] };
    let mut all: Vec<Gateway> = kit
        .gateways()
        .into_iter()
        .map(|name| {
            let dark = |f: &crate::kit::ScriptedFault| match &f.fault {
                Fault::Gateway { gateway } if *gateway == name => Some(f.at_s),
                _ => None,
            };
            Gateway { ends: faults.iter().find_map(dark), name, machines: Vec::new() }
        })
        .collect();
    let mut sensors = 0;
    for m in &kit.machines {
        let first = sensors;
        sensors += m.accelerometers.len() as u64;
        if let Some(gateway) = all.iter_mut().find(|g| Some(&g.name) == m.machine.gateway.as_ref()) {
            gateway.machines.push(MachineSim::new(m.clone(), faults, options.seed, first));
        }
    }
    all
}

impl Gateway {
    async fn run(mut self, options: SimOptions, mut stopped: watch::Receiver<bool>) -> Result<SimReport, SimError> {
        let mut connection = Options::new(&options.address, self.name.as_str());
        connection.credentials = options.credentials.clone();
        connection.greeting = self.births();
        connection.max_bytes = OUTBOX;
        let publisher = tokio::select! {
            publisher = Publisher::connect(connection, PATIENCE) => publisher?,
            _ = stopped.wait_for(|s| *s) => return Ok(SimReport::default()),
        };
        let mut report = SimReport::default();
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / options.speed));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for second in 1.. {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|s| *s) => break,
            }
            if self.ends.is_some_and(|end| end <= second) {
                // Without a goodbye, as when the supply fails.
                report.unacknowledged += publisher.outstanding() as u64;
                return Ok(report);
            }
            let now = options.clock.now();
            // A record takes milliseconds to compute: not on a thread that serves sockets.
            let (gateway, messages) = tokio::task::spawn_blocking(move || {
                let messages = self.tick(second, now);
                (self, messages)
            })
            .await?;
            self = gateway;
            let publishing = async {
                for m in messages? {
                    publisher.publish(&m.topic, m.payload).await?;
                    report.messages += 1;
                    report.values += m.values.unwrap_or(0);
                    report.waveforms += u64::from(m.values.is_none());
                }
                Ok::<(), SimError>(())
            };
            tokio::select! {
                done = publishing => done?,
                _ = stopped.wait_for(|s| *s) => break,
            }
        }
        report.unacknowledged += publisher.close(GRACE).await as u64;
        Ok(report)
    }

    fn births(&self) -> Vec<(String, bytes::Bytes)> {
        let birth = |m: &MachineSim| {
            let m = m.described();
            (format!("danxia/v1/{}/birth", m.id), birth::encode(&Birth::of(m)).into())
        };
        self.machines.iter().map(birth).collect()
    }

    fn tick(&mut self, second: u64, now: Timestamp) -> Result<Vec<Message>, WaveformError> {
        let mut messages = Vec::new();
        for m in &mut self.machines {
            let tick = m.tick(second, now)?;
            let machine = m.described();
            if !tick.readings.is_empty() {
                let readings: Vec<_> =
                    tick.readings.iter().map(|(p, v)| Reading::new(p.name(), Scalar::Float(*v))).collect();
                messages.push(Message {
                    topic: format!("danxia/v1/{}/telemetry", machine.id),
                    values: Some(readings.len() as u64),
                    payload: telemetry::encode(&[Frame { t: Some(now), readings }]),
                });
            }
            for w in &tick.waveforms {
                let axis = machine.points.get(w.point.name()).and_then(|p| p.location.axis);
                messages.push(Message {
                    topic: format!("danxia/v1/{}/waveform", w.point),
                    payload: waveform::encode_with(w, axis.map(plant::Axis::as_str)),
                    values: None,
                });
            }
        }
        Ok(messages)
    }
}
