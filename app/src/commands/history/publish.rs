//! The second reading: values become telemetry messages, and what is acknowledged is noted.

use std::collections::HashMap;
use std::io::{BufRead, Seek};
use std::path::Path;
use std::time::Duration;

use collector::wire::telemetry::{Flag, Frame, Reading, Scalar, encode};
use files::history::{Entry, History, Row};
use plant::{PointId, Quality, Value};
use seeds::publisher::{Options, PublishError, Publisher};
use tokio::time::Instant;

use super::Done;
use super::journal::Journal;
use crate::commands::bar::Bar;

/// Most values of one message; with a name of usual length it is 200 KB.
const A_MESSAGE: usize = 4_000;
/// Most bytes of texts and names in one message: a door takes 4 MiB, and a text may grow sixfold where it is escaped.
const MESSAGE_BYTES: usize = 512 << 10;
/// Most values that wait in messages that are not full.
const WAITING: usize = 100_000;
/// After so many values acknowledgements are waited for and noted.
const A_NOTE: u64 = 100_000;
/// How long the broker may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may acknowledge nothing.
const STALL: Duration = Duration::from_secs(60);

/// Publishing ended before the file did.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// No connection, or a broken one.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker no longer acknowledges.
    #[error("{outstanding} messages have not been acknowledged for {} s; is the instance alive?", STALL.as_secs())]
    Stalled {
        /// How many are left.
        outstanding: usize,
    },
}

/// Connects to the instance.
pub async fn connect(
    address: &str,
    client: &str,
    credentials: Option<(String, String)>,
) -> Result<Publisher, PublishError> {
    let mut options = Options::new(address, client);
    options.credentials = credentials;
    Publisher::connect(options, PATIENCE).await
}

/// Publishes one message; returns when there is room for the next.
pub async fn send(publisher: &Publisher, topic: &str, payload: Vec<u8>) -> Result<(), Stopped> {
    in_time(publisher, publisher.publish(topic, payload)).await
}

/// Waits until everything is acknowledged. What comes through in the meantime gives it new patience.
pub async fn acknowledged(publisher: &Publisher) -> Result<(), Stopped> {
    loop {
        let before = publisher.outstanding();
        match tokio::time::timeout(STALL, publisher.flush()).await {
            Ok(done) => return Ok(done?),
            Err(_) if publisher.outstanding() < before => {}
            Err(_) => return Err(Stopped::Stalled { outstanding: publisher.outstanding() }),
        }
    }
}

async fn in_time(publisher: &Publisher, step: impl Future<Output = Result<(), PublishError>>) -> Result<(), Stopped> {
    match tokio::time::timeout(STALL, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Stopped::Stalled { outstanding: publisher.outstanding() }),
    }
}

/// Messages that are not full yet, by machine.
#[derive(Default)]
struct Messages {
    by_machine: HashMap<Box<str>, Message>,
    waiting: usize,
}

#[derive(Default)]
struct Message {
    frames: Vec<Frame<'static>>,
    values: usize,
    bytes: usize,
}

impl Messages {
    /// Adds a value; a message that is full with it is given back with its topic.
    fn add(&mut self, point: &PointId, e: &Entry) -> Option<(String, Vec<u8>)> {
        let machine = point.machine_str();
        if !self.by_machine.contains_key(machine) {
            self.by_machine.insert(machine.into(), Message::default());
        }
        let message = self.by_machine.get_mut(machine)?;
        message.add(point, e);
        self.waiting += 1;
        if message.values < A_MESSAGE && message.bytes < MESSAGE_BYTES {
            return None;
        }
        self.waiting -= message.values;
        Some(std::mem::take(message).encoded(machine))
    }

    /// All that wait.
    fn rest(&mut self) -> Vec<(String, Vec<u8>)> {
        self.waiting = 0;
        let all = std::mem::take(&mut self.by_machine).into_iter().filter(|(_, m)| m.values > 0);
        all.map(|(machine, m)| m.encoded(&machine)).collect()
    }
}

impl Message {
    fn add(&mut self, point: &PointId, e: &Entry) {
        let name = point.name();
        let text = if let Value::Text(text) = &e.value { text.len() } else { 0 };
        self.values += 1;
        self.bytes += name.len() + text + 40;
        let reading = reading(name, e);
        match self.frames.last_mut() {
            // Values of one instant stand together, each point once: the last word is in a frame of its own.
            Some(f) if f.t == Some(e.t) && f.readings.iter().all(|r| r.name != name) => f.readings.push(reading),
            _ => self.frames.push(Frame { t: Some(e.t), readings: vec![reading] }),
        }
    }

    fn encoded(self, machine: &str) -> (String, Vec<u8>) {
        (format!("danxia/v1/{machine}/telemetry"), encode(&self.frames))
    }
}

fn reading(name: &str, e: &Entry) -> Reading<'static> {
    let value = match &e.value {
        Value::Float(v) => Scalar::Float(*v),
        Value::Int(v) => Scalar::Int(*v),
        Value::Bool(v) => Scalar::Bool(*v),
        Value::Text(v) => Scalar::Text(v.to_string().into()),
    };
    let flag = match e.quality {
        Quality::Good => Flag::Good,
        Quality::Uncertain(_) => Flag::Uncertain,
        Quality::Bad(_) => Flag::Bad,
    };
    Reading { name: name.to_owned().into(), value, flag, unit: e.unit.map(|u| u.symbol().into()) }
}

/// The telemetry message of one value.
pub fn single(point: &PointId, e: &Entry) -> (String, Vec<u8>) {
    let mut message = Message::default();
    message.add(point, e);
    message.encoded(point.machine_str())
}

/// Publishes the rest of a file. What is acknowledged is noted at `note`.
pub async fn file<R: BufRead + Seek>(
    path: &Path,
    history: &mut History<R>,
    journal: &mut Journal,
    note: &Path,
    publisher: &Publisher,
) -> anyhow::Result<Done> {
    let total = std::fs::metadata(path)?.len();
    let (begun, from) = (Instant::now(), history.position().offset);
    let (mut bar, mut row, mut messages) = (Bar::new(), Row::default(), Messages::default());
    let (mut values, mut noted) = (0_u64, 0_u64);
    journal.save(note)?;
    loop {
        let more = history.read(&mut row)?;
        for e in &row.entries {
            if let Some((topic, payload)) = messages.add(&history.points()[e.point], e) {
                send(publisher, &topic, payload).await?;
                let share = Share { begun, from, at: history.position().offset, total, values };
                bar.draw(&share.said(path), history.position().offset, total);
            }
            values += 1;
        }
        if !more || messages.waiting >= WAITING || values - noted >= A_NOTE {
            for (topic, payload) in messages.rest() {
                send(publisher, &topic, payload).await?;
            }
        }
        if !more || values - noted >= A_NOTE {
            acknowledged(publisher).await?;
            journal.position = history.position();
            journal.save(note)?;
            noted = values;
        }
        if !more {
            return Ok(Done { values, seconds: begun.elapsed().as_secs_f64() });
        }
    }
}

/// How far it is.
struct Share {
    begun: Instant,
    from: u64,
    at: u64,
    total: u64,
    values: u64,
}

impl Share {
    /// Name, rate and how long it will still take.
    fn said(&self, path: &Path) -> String {
        let spent = self.begun.elapsed().as_secs_f64().max(1e-3);
        let bytes_a_second = self.at.saturating_sub(self.from) as f64 / spent;
        let left = self.total.saturating_sub(self.at) as f64 / bytes_a_second.max(1.0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{name} {:.0} values/s, {} left", self.values as f64 / spent, duration(left))
    }
}

fn duration(seconds: f64) -> String {
    match seconds as u64 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use plant::{Reason, Timestamp};

    use super::*;

    fn entry(t: i64, value: Value) -> Entry {
        Entry { point: 0, t: Timestamp::from_secs(t), value, quality: Quality::Good, unit: None }
    }

    #[test]
    fn values_of_one_instant_stand_together_and_the_last_word_comes_last() {
        let (a, b, c): (PointId, PointId, PointId) =
            ("s/m/a".parse().unwrap(), "s/m/b".parse().unwrap(), "s/n/a".parse().unwrap());
        let mut messages = Messages::default();
        let t = 1_735_689_600;
        assert!(messages.add(&a, &entry(t, Value::Int(1))).is_none());
        let doubtful = Entry {
            quality: Quality::Bad(Reason::Source),
            unit: plant::Unit::parse("bar"),
            ..entry(t, Value::Float(0.1))
        };
        messages.add(&b, &doubtful);
        messages.add(&a, &entry(t, Value::Bool(true)));
        messages.add(&c, &entry(t, Value::Text("x".into())));
        let mut all = messages.rest();
        all.sort();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].0, "danxia/v1/s/m/telemetry");
        assert_eq!(
            std::str::from_utf8(&all[0].1).unwrap(),
            r#"[{"ts":1735689600000,"values":{"a":1,"b":{"v":0.1,"q":"bad","u":"bar"}}},{"ts":1735689600000,"values":{"a":true}}]"#
        );
        assert_eq!(std::str::from_utf8(&all[1].1).unwrap(), r#"{"ts":1735689600000,"values":{"a":"x"}}"#);
        assert_eq!((messages.waiting, messages.rest().len()), (0, 0));
    }

    #[test]
    fn messages_are_bounded_in_values_and_in_bytes() {
        let a: PointId = "s/m/a".parse().unwrap();
        let mut messages = Messages::default();
        let full = (0..A_MESSAGE as i64).filter_map(|t| messages.add(&a, &entry(t, Value::Int(t)))).count();
        assert_eq!((full, messages.waiting), (1, 0));
        let long = Value::Text("x".repeat(60_000).into());
        let sizes: Vec<usize> = (0..40)
            .filter_map(|t| messages.add(&a, &entry(t, long.clone())))
            .map(|(_, payload)| payload.len())
            .collect();
        assert!(sizes.len() == 4 && sizes.iter().all(|n| *n < 1 << 20), "{sizes:?}");
    }

    #[test]
    fn how_long_it_will_take() {
        assert_eq!(
            (duration(0.4), duration(119.0), duration(120.0), duration(7_200.0)),
            ("0 s".into(), "119 s".into(), "2 min".into(), "2 h".into())
        );
    }
}
