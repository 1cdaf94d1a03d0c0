//! One follower of the tail for all live streams: what it says is made once and heard by everybody.
//!
//! The hub never waits for a listener. A listener that falls more than the channel's length behind is told so and gets a
//! fresh snapshot (`WhenFull::DropOldest`, then snapshot): what it missed is in there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use historian::{Committed, Seq, TailError};
use plant::{AlarmId, AlarmRecord, AlarmTransition, Finding, MachineId, SeriesKey};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::access::Who;
use crate::dto;
use crate::state::{Head, Sources, State};
use crate::view;

/// A series is sent at most once in this time.
const COALESCE: Duration = Duration::from_millis(250);
/// How often the platform says that it is there, and what has changed.
const STATUS: Duration = Duration::from_secs(1);
/// How long to wait before a tail that was lost is begun anew.
const RETRY: Duration = Duration::from_secs(1);

/// What the hub says. Everything in it is JSON already.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The latest values of the series that changed, of each machine: the inside of a JSON array.
    Values { seq: Seq, machines: BTreeMap<MachineId, String> },
    /// The alarms that took a step, as they stand after it, each with its machine.
    Alarms { seq: Seq, alarms: Vec<(AlarmId, String, MachineId)> },
    /// Machines whose points were heard together, or of which somebody said something: of a diagnosis, in a note, by work.
    Assessed { seq: Seq, machines: BTreeSet<MachineId> },
    /// The second's status: for those who see everything, and what it is made of for the others.
    Status { seq: Seq, status: String, of: dto::LiveStatus, alarms: Arc<Vec<AlarmRecord>> },
}

/// What has come in and has not been said yet.
#[derive(Default)]
struct Pending {
    series: BTreeSet<SeriesKey>,
    alarms_moved: bool,
}

/// Follows the tail until the store is closed or the task is aborted.
pub(crate) async fn follow(state: Arc<State>) {
    let mut tail = (state.follow)();
    let mut pending = Pending::default();
    let mut status = interval(STATUS);
    status.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = Lines::default();
    let mut next_flush = Instant::now();
    loop {
        tokio::select! {
            committed = tail.next() => match committed {
                Ok(c) => take_in(&state, &mut pending, &c).await,
                Err(TailError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the live stream lost the tail and begins anew at the head");
                    tokio::time::sleep(RETRY).await;
                    tail = (state.follow)();
                }
            },
            () = sleep_until(next_flush), if !pending.series.is_empty() => {
                next_flush = Instant::now() + COALESCE;
                flush(&state, &mut pending);
            }
            _ = status.tick() => lines.say(&state, &mut pending).await,
        }
    }
}

async fn take_in(state: &Arc<State>, pending: &mut Pending, c: &Committed) {
    state.sources.pulse.take_in(c);
    state.head.send_replace(Head { seq: c.seq, t: c.t });
    pending.series.extend(c.batch.observations.iter().map(|o| SeriesKey::raw(o.point.clone())));
    let mut steps: Vec<AlarmTransition> = Vec::new();
    let mut assessed = BTreeSet::new();
    for f in &c.batch.findings {
        match f {
            Finding::Indicator(i) => {
                pending.series.insert(SeriesKey::indicator(i.point.clone(), i.name.clone()));
            }
            Finding::Alarm(step) => steps.push(step.clone()),
            Finding::Assessment(a) => {
                assessed.insert(a.machine.clone());
            }
            Finding::Diagnosis(_) => {}
        }
    }
    assessed.extend(c.batch.work.iter().map(|w| w.machine().clone()));
    if !assessed.is_empty() {
        drop(state.frames.send(Arc::new(Frame::Assessed { seq: c.seq, machines: assessed })));
    }
    if !steps.is_empty() {
        pending.alarms_moved = true;
        // An alarm does not wait for the next tick.
        say_alarms(state, c.seq, steps).await;
    }
}

async fn say_alarms(state: &Arc<State>, seq: Seq, steps: Vec<AlarmTransition>) {
    if state.frames.receiver_count() == 0 {
        return;
    }
    let sources = state.sources.clone();
    let read = move || {
        let plant = sources.register.plant();
        let mut last: HashMap<AlarmId, AlarmRecord> = HashMap::new();
        for step in &steps {
            let id = step.key.id();
            let stored = match last.remove(&id) {
                Some(r) => Some(r),
                None => sources.register.alarm(id)?,
            };
            // Where the register has not come as far as the tail, the step is taken here.
            let record = match stored {
                Some(r) if r.state == step.to => r,
                before => AlarmRecord::after(before.as_ref(), step),
            };
            last.insert(id, record);
        }
        Ok(last.iter().map(|(id, r)| (*id, json(&view::alarm(&plant, r)), r.key.machine.clone())).collect::<Vec<_>>())
    };
    match state.reads.run(read).await {
        // Nobody listening is no fault.
        Ok(alarms) => drop(state.frames.send(Arc::new(Frame::Alarms { seq, alarms }))),
        Err(problem) => tracing::error!(?problem, "a step of an alarm did not reach the live streams"),
    }
}

/// Says the latest value of every series that has changed.
fn flush(state: &State, pending: &mut Pending) {
    let series = std::mem::take(&mut pending.series);
    if state.frames.receiver_count() == 0 {
        return;
    }
    let seq = state.head.borrow().seq;
    let mut machines: BTreeMap<MachineId, String> = BTreeMap::new();
    for key in series {
        let Some(value) = live_value(&state.sources, &key) else { continue };
        let inside = machines.entry(key.point.machine()).or_default();
        if !inside.is_empty() {
            inside.push(',');
        }
        inside.push_str(&json(&value));
    }
    drop(state.frames.send(Arc::new(Frame::Values { seq, machines })));
}

pub(crate) fn live_value(from: &Sources, key: &SeriesKey) -> Option<dto::LiveValue> {
    // The latest by time, which is not what came last where data comes late.
    let last = from.archive.last(key)?;
    Some(dto::LiveValue {
        point: key.point.to_string(),
        indicator: key.indicator.as_ref().map(ToString::to_string),
        t: last.t.into(),
        value: view::number(&last.value),
        quality: view::quality(last.quality),
    })
}

/// The machines' lines as they were last said.
#[derive(Default)]
struct Lines {
    alarms: Arc<Vec<AlarmRecord>>,
    said: BTreeMap<(String, String), dto::MachineSummary>,
    /// Nobody has listened: the alarms may have moved unseen.
    asleep: bool,
}

impl Lines {
    async fn say(&mut self, state: &Arc<State>, pending: &mut Pending) {
        if state.frames.receiver_count() == 0 {
            self.asleep = true;
            return;
        }
        let reread = std::mem::take(&mut pending.alarms_moved) || std::mem::take(&mut self.asleep);
        let (known, sources) = (self.alarms.clone(), state.sources.clone());
        let read = move || {
            let alarms = if reread { Arc::new(sources.register.alarms()?) } else { known };
            Ok((view::summaries(&sources, &sources.register.plant(), &alarms, &Who::everybody())?, alarms))
        };
        let lines = match state.reads.run(read).await {
            Ok((lines, alarms)) => {
                self.alarms = alarms;
                lines
            }
            Err(problem) => {
                pending.alarms_moved = true;
                tracing::error!(?problem, "the machines' states did not reach the live streams");
                return;
            }
        };
        let machines = self.changed(lines);
        let Head { seq, t } = *state.head.borrow();
        let counts = view::counts(self.alarms.iter());
        let status = dto::LiveStatus { now: state.now().into(), seq, committed: t.into(), counts, machines };
        let frame = Frame::Status { seq, status: json(&status), of: status, alarms: self.alarms.clone() };
        drop(state.frames.send(Arc::new(frame)));
    }

    fn changed(&mut self, lines: Vec<dto::MachineSummary>) -> Vec<dto::MachineSummary> {
        let mut changed = Vec::new();
        for line in lines {
            let key = (line.site.clone(), line.machine.clone());
            if self.said.get(&key) != Some(&line) {
                self.said.insert(key, line.clone());
                changed.push(line);
            }
        }
        changed
    }
}

pub(crate) fn json<T: serde::Serialize>(what: &T) -> String {
    // Our own types hold nothing that JSON cannot say (numbers that are none become null).
    serde_json::to_string(what).unwrap_or_default()
}
