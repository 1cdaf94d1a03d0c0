//! One live stream: a snapshot, then what the hub says, filtered by what was asked for.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use historian::Seq;
use plant::MachineId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use warp::sse::Event;

use crate::access::Who;
use crate::hub::{Frame, json, live_value};
use crate::problem::Problem;
use crate::state::{Head, State};
use crate::{dto, view};

/// How long the stream may say nothing before it says that it is there.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How soon a browser is to come back when the stream breaks off.
const COME_BACK: Duration = Duration::from_secs(2);

/// What a client wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) values: bool,
    pub(crate) alarms: bool,
    pub(crate) status: bool,
    /// Of which machines the values; of all where none is named. Alarms and status are always those of the whole plant.
    pub(crate) machines: BTreeSet<MachineId>,
}

impl Wanted {
    fn machine(&self, id: &MachineId) -> bool {
        self.machines.is_empty() || self.machines.contains(id)
    }
}

struct Live {
    state: Arc<State>,
    wanted: Wanted,
    frames: broadcast::Receiver<Arc<Frame>>,
    stopping: watch::Receiver<bool>,
    /// Who listens, and what tells that this may have changed.
    who: Who,
    changes: watch::Receiver<u64>,
    /// Events that are made and not yet sent.
    ready: VecDeque<Event>,
    /// What the last snapshot contains.
    through: Seq,
    /// The next thing to send is a snapshot.
    behind: bool,
    _room: OwnedSemaphorePermit,
}

/// The stream of one client; it ends when the server does, and when whoever listens is logged out or may see other things
/// than at its beginning.
pub(crate) async fn stream(
    state: Arc<State>,
    wanted: Wanted,
    who: Who,
    room: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send + Sync + 'static, Problem> {
    // Listening begins before the snapshot is made, so that nothing falls between the two.
    let frames = state.frames.subscribe();
    let (stopping, changes) = (state.stopping.clone(), state.accounts.changes());
    state.meter.streams.add(1);
    let mut live = Live {
        state,
        wanted,
        frames,
        stopping,
        who,
        changes,
        ready: VecDeque::new(),
        through: 0,
        behind: false,
        _room: room,
    };
    let first = live.snapshot().await?;
    live.ready.push_back(first.retry(COME_BACK));
    let events = unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    });
    Ok(Shareable(Mutex::new(Box::pin(events))))
}

impl Live {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.behind {
                // A store that cannot be read ends the stream; the browser comes back and is told why.
                let event = self.snapshot().await.ok()?;
                self.state.meter.resnapshots.fetch_add(1, Relaxed);
                self.behind = false;
                return Some(event);
            }
            let frame = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|s| *s) => return None,
                Ok(()) = self.changes.changed() => None,
                frame = self.frames.recv() => Some(frame),
            };
            let Some(frame) = frame else {
                self.same()?;
                continue;
            };
            match frame {
                Ok(frame) => {
                    // A session's time may be over without anybody having changed anything; once a second is looked.
                    if matches!(*frame, Frame::Status { .. }) {
                        self.same()?;
                    }
                    self.take(&frame);
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// `None` where who listens is not let in any more, or as somebody else.
    fn same(&self) -> Option<()> {
        let now = self.state.accounts.again(&self.who)?;
        (now == self.who).then_some(())
    }

    /// Makes events of what is wanted of `frame` and is not in the snapshot already.
    fn take(&mut self, frame: &Frame) {
        if !self.who.sees_all() {
            return self.take_seen(frame);
        }
        match frame {
            Frame::Values { seq, machines } if self.wanted.values && *seq > self.through => {
                let mine = machines.iter().filter(|(id, _)| self.wanted.machine(id)).map(|(_, v)| v.as_str());
                let inside = mine.collect::<Vec<_>>().join(",");
                if !inside.is_empty() {
                    self.push("values", *seq, format!("{{\"seq\":{seq},\"values\":[{inside}]}}"));
                }
            }
            Frame::Alarms { seq, alarms } if self.wanted.alarms && *seq > self.through => {
                for (_, alarm, _) in alarms {
                    self.push("alarm", *seq, alarm.clone());
                }
            }
            Frame::Assessed { seq, machines } if self.wanted.values && *seq > self.through => {
                for id in machines.iter().filter(|id| self.wanted.machine(id)).cloned().collect::<Vec<_>>() {
                    let said = dto::LiveAssessed { seq: *seq, machine: id.to_string() };
                    self.push("assessed", *seq, json(&said));
                }
            }
            Frame::Status { seq, status, .. } if self.wanted.status => self.push("status", *seq, status.clone()),
            Frame::Values { .. } | Frame::Alarms { .. } | Frame::Assessed { .. } | Frame::Status { .. } => {}
        }
    }

    /// As [`Live::take`], for somebody who does not see everything.
    fn take_seen(&mut self, frame: &Frame) {
        let (plant, who) = (self.state.sources.register.plant(), self.who.clone());
        let wanted = self.wanted.clone();
        let seen = |id: &MachineId| wanted.machine(id) && who.sees(&plant, id);
        match frame {
            Frame::Values { seq, machines } if self.wanted.values && *seq > self.through => {
                let inside = machines.iter().filter(|(id, _)| seen(id)).map(|(_, v)| v.as_str());
                let inside = inside.collect::<Vec<_>>().join(",");
                if !inside.is_empty() {
                    self.push("values", *seq, format!("{{\"seq\":{seq},\"values\":[{inside}]}}"));
                }
            }
            Frame::Alarms { seq, alarms } if self.wanted.alarms && *seq > self.through => {
                for (_, alarm, _) in alarms.iter().filter(|(.., id)| who.sees(&plant, id)) {
                    self.push("alarm", *seq, alarm.clone());
                }
            }
            Frame::Assessed { seq, machines } if self.wanted.values && *seq > self.through => {
                for id in machines.iter().filter(|id| seen(id)) {
                    let said = dto::LiveAssessed { seq: *seq, machine: id.to_string() };
                    self.push("assessed", *seq, json(&said));
                }
            }
            Frame::Status { seq, of, alarms, .. } if self.wanted.status => {
                let theirs =
                    |m: &dto::MachineSummary| MachineId::new(&m.site, &m.machine).is_ok_and(|id| who.sees(&plant, &id));
                let machines = of.machines.iter().filter(|m| theirs(m)).cloned().collect();
                let counts = view::counts(alarms.iter().filter(|a| who.sees(&plant, &a.key.machine)));
                self.push("status", *seq, json(&dto::LiveStatus { counts, machines, ..of.clone() }));
            }
            Frame::Values { .. } | Frame::Alarms { .. } | Frame::Assessed { .. } | Frame::Status { .. } => {}
        }
    }

    fn push(&mut self, name: &str, seq: Seq, data: String) {
        let event = Event::default().event(name).id(format!("{}-{seq}", self.state.boot)).data(data);
        self.ready.push_back(event);
    }

    async fn snapshot(&mut self) -> Result<Event, Problem> {
        // What is committed from here on comes as frames; what is contained beyond it comes twice, which does no harm.
        let Head { seq, t } = *self.state.head.borrow();
        let (sources, wanted, who) = (self.state.sources.clone(), self.wanted.clone(), self.who.clone());
        let read = move || {
            let plant = sources.register.plant();
            let mut alarms = if wanted.alarms || wanted.status { sources.register.alarms()? } else { Vec::new() };
            alarms.retain(|a| who.sees(&plant, &a.key.machine));
            let values = wanted.values.then(|| {
                let keys = match wanted.machines.is_empty() {
                    true => sources.archive.series(),
                    false => wanted.machines.iter().flat_map(|m| sources.archive.series_of(m)).collect(),
                };
                let seen = keys.iter().filter(|k| who.sees_all() || who.sees(&plant, &k.point.machine()));
                seen.filter_map(|k| live_value(&sources, k)).collect()
            });
            let status = if wanted.status {
                let machines = view::summaries(&sources, &plant, &alarms, &who)?;
                let now = sources.clock.now().into();
                Some(dto::LiveStatus { now, seq, committed: t.into(), counts: view::counts(&alarms), machines })
            } else {
                None
            };
            let open = alarms.into_iter().filter(view::shown).collect();
            let alarms = wanted.alarms.then(|| view::alarms(&plant, open));
            Ok(json(&dto::LiveSnapshot { seq, values, alarms, status }))
        };
        let data = self.state.reads.run(read).await?;
        self.through = seq;
        Ok(Event::default().event("snapshot").id(format!("{}-{seq}", self.state.boot)).data(data))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.state.meter.streams.add(-1);
    }
}

/// Makes a stream `Sync`, which warp asks of a body and never makes use of: it is only ever polled by its owner, so the
/// lock is never contended.
struct Shareable<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> Stream for Shareable<S> {
    type Item = S::Item;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}
