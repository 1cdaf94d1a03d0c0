//! What the platform found out, published on MQTT: indicators as they are committed, steps of alarms one by one, and for
//! each machine the alarms that stand.
//!
//! Steps of alarms are read from the journal of the register, and how far they have been published is stored with every
//! few of them once the broker has acknowledged: **at least once**, across restarts of either side, and however long a
//! broker is away. What was published before an instance first heard of a broker is not published there. Indicators are
//! live values: a broker that is away, or too slow, misses the oldest, which is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use broker::Broker;
use broker::remote::Remote;
use collector::topic::Topic;
use collector::wire::published::{self, Kind};
use historian::{
    Batch, CommitError, Committed, Historian, JournalEntry, Progress, Recorder, Register, Seq, Tail, TailError,
};
use outbox::Message;
use plant::{Clock, Finding, IndicatorValue, MachineId, Name};
use tokio::sync::watch;

use crate::config::Publish;

/// Steps of alarms that are published before that is stored.
const GROUP: usize = 256;
/// After a commit that the disk refused, the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// Where to publish.
pub enum Target {
    /// At our own broker, to whoever may subscribe.
    Broker(Arc<Broker>),
    /// At somebody else's.
    Remote(Arc<Remote>),
}

impl Target {
    /// The name under which progress is stored.
    fn name(&self) -> String {
        match self {
            Self::Broker(_) => "publish".into(),
            Self::Remote(r) => format!("publish.{}", r.snapshot().name),
        }
    }

    /// Waits for room; nothing is dropped.
    async fn event(&self, message: Message) {
        match self {
            Self::Broker(broker) => at(broker, message),
            Self::Remote(remote) => {
                if let Err(e) = remote.outbox().push(message).await {
                    tracing::error!("an alarm of {} bytes does not fit the outbox of {}", e.found, e.max);
                }
            }
        }
    }

    /// Does not wait; where there is no room, the oldest value goes.
    fn value(&self, message: Message) {
        match self {
            Self::Broker(broker) => at(broker, message),
            Self::Remote(remote) => {
                if let Err(e) = remote.outbox().offer(message) {
                    tracing::warn!("indicators of {} bytes do not fit the outbox of {}", e.found, e.max);
                }
            }
        }
    }

    /// Waits until everything published so far has arrived.
    async fn settled(&self) {
        if let Self::Remote(remote) = self {
            remote.outbox().settled().await;
        }
    }
}

/// Our own broker has it as soon as it is said.
fn at(broker: &Broker, m: Message) {
    if let Err(e) = broker.publish(&m.topic, m.payload, m.qos, m.retain) {
        tracing::warn!(topic = &*m.topic, "not published: {e}");
    }
}

/// How far the journal of alarms has been published.
type Cursor = (Seq, u32);

/// Ready to publish at one broker.
pub struct PublishBack {
    tail: Tail,
    cursor: Cursor,
    desk: Desk,
}

/// What publishing there takes.
struct Desk {
    target: Target,
    publish: Publish,
    name: Name,
    register: Register,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
}

impl PublishBack {
    /// Takes up where the store says that publishing there had come.
    pub async fn open(
        target: Target,
        publish: Publish,
        store: &Historian,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let recorder = store.recorder();
        // Behind everything that waits: the last word of an instance before this one, too, is then on disk.
        let head = recorder.settle().await?;
        let name = Name::new(&target.name())?;
        let stored = store.progress(name.as_str()).context("how far alarms have been published")?;
        let known = stored.and_then(|p| p.state).and_then(|(_, bytes)| decode(&bytes));
        let cursor = known.unwrap_or((head, u32::MAX));
        let desk = Desk { target, publish, name, register: store.register(), recorder, clock };
        if known.is_none() && publish.alarms {
            desk.store(cursor).await?;
        }
        Ok(Self { tail: store.tail(head), cursor, desk })
    }

    /// Publishes until `shutdown` resolves or the store is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { tail, cursor, desk } = self;
        let (news, heard) = watch::channel(());
        tokio::select! {
            ended = desk.values(tail, news) => ended.context("publishing indicators"),
            ended = desk.alarms(cursor, heard), if desk.publish.alarms => ended.context("publishing alarms"),
            () = shutdown => Ok(()),
        }
    }
}

impl Desk {
    /// Follows the commits: publishes their indicators and tells of their alarms.
    async fn values(&self, mut tail: Tail, news: watch::Sender<()>) -> anyhow::Result<()> {
        loop {
            let committed = match tail.next().await {
                Ok(committed) => committed,
                Err(TailError::Closed) => return Ok(()),
                Err(e) => return Err(e.into()),
            };
            if self.publish.indicators {
                for message in indicators(&committed)? {
                    self.target.value(message);
                }
            }
            if committed.batch.findings.iter().any(|f| matches!(f, Finding::Alarm(_))) {
                news.send_replace(());
            }
        }
    }

    /// Publishes the journal of alarms from `cursor` on, and waits for more.
    async fn alarms(&self, mut cursor: Cursor, mut news: watch::Receiver<()>) -> anyhow::Result<()> {
        // Our own broker may have forgotten them, and another one may never have heard them.
        self.states(None).await?;
        loop {
            news.mark_unchanged();
            loop {
                let steps = self.after(cursor).await?;
                let Some(last) = steps.last().map(|j| (j.seq, j.n)) else { break };
                let plant = self.register.plant();
                for JournalEntry { transition, .. } in &steps {
                    let payload = published::alarm(transition, &plant);
                    self.target.event(message(&transition.key.machine, Kind::Alarm, payload)).await;
                }
                let touched = steps.iter().map(|j| j.transition.key.machine.clone()).collect();
                self.states(Some(touched)).await?;
                self.target.settled().await;
                self.store(last).await?;
                cursor = last;
            }
            if news.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Publishes the alarms that stand at these machines, or at all that ever had one.
    async fn states(&self, machines: Option<BTreeSet<MachineId>>) -> anyhow::Result<()> {
        let register = self.register.clone();
        let alarms = tokio::task::spawn_blocking(move || register.alarms()).await??;
        let machines = machines.unwrap_or_else(|| alarms.iter().map(|a| a.key.machine.clone()).collect());
        for machine in &machines {
            let payload = published::alarm_state(machine, &alarms, self.clock.now());
            let message = message(machine, Kind::AlarmState, payload);
            self.target.event(Message { retain: true, ..message }).await;
        }
        Ok(())
    }

    async fn after(&self, cursor: Cursor) -> anyhow::Result<Vec<JournalEntry>> {
        let register = self.register.clone();
        Ok(tokio::task::spawn_blocking(move || register.alarm_journal_after(cursor, GROUP)).await??)
    }

    /// Stores how far the journal has been published; a disk that refuses is asked again until it takes it.
    async fn store(&self, cursor: Cursor) -> Result<(), CommitError> {
        let state = Some(encode(cursor).into());
        let progress = Progress::new(self.name.clone(), Historian::UNBOUND, state);
        let batch = Batch { progress: Some(progress), ..Batch::default() };
        loop {
            match self.recorder.commit(batch.clone()).await {
                Err(CommitError::Disk { why }) => {
                    tracing::error!(%why, "how far alarms have been published waits for the disk");
                    tokio::time::sleep(RETRY).await;
                }
                done => return done.map(drop),
            }
        }
    }
}

fn message(machine: &MachineId, kind: Kind, payload: Vec<u8>) -> Message {
    Message::new(&Topic::Published(machine.clone(), kind).to_string(), payload)
}

/// One message for each machine of which the commit holds indicators.
fn indicators(committed: &Committed) -> anyhow::Result<Vec<Message>> {
    let mut by_machine: BTreeMap<&str, Vec<&IndicatorValue>> = BTreeMap::new();
    for finding in &committed.batch.findings {
        if let Finding::Indicator(v) = finding {
            by_machine.entry(v.point.machine_str()).or_default().push(v);
        }
    }
    let of = |(machine, values): (&str, Vec<&IndicatorValue>)| {
        Ok(message(&machine.parse()?, Kind::Indicator, published::indicators(&values)))
    };
    by_machine.into_iter().map(of).collect()
}

fn encode((seq, n): Cursor) -> Vec<u8> {
    [&seq.to_le_bytes()[..], &n.to_le_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<Cursor> {
    let (seq, n) = bytes.split_at_checked(8)?;
    Some((Seq::from_le_bytes(seq.try_into().ok()?), u32::from_le_bytes(n.try_into().ok()?)))
}

#[cfg(test)]
mod tests;
