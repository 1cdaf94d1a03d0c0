//! The loop: reads the journal of alarms, decides, stores what was decided, and only then sends.

mod post;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use historian::{
    Batch, CommitError, Historian, JournalEntry, Progress, ReadError, Recorder, Register, Tail, TailError,
};
use plant::{Condition, Finding, IdError, Name, Priority, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::channel::{Means, Setup};
use crate::decide::{Action, Event};
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::state::{State, StateError, Target};
use crate::step::Step;
use crate::view::{ChannelView, Tested, View, ViewCell};

/// The name under which the state is stored.
pub const FOLLOWER: &str = "notify";
/// Steps that are taken in before that is stored.
const GROUP: usize = 256;
/// After a commit that the disk refused, the next attempt.
const RETRY: Duration = Duration::from_secs(1);
/// Without news the state is looked at this often.
const TICK: Duration = Duration::from_secs(10);
/// At the end what is under way is waited for so long: what lands then is not sent again.
const GRACE: Duration = Duration::from_secs(5);

/// Everything that notifying takes.
pub struct Config {
    /// Who is told what.
    pub settings: Settings,
    /// Channels, by name: the same as the settings' ways.
    pub setups: BTreeMap<String, Setup>,
    /// What they need.
    pub means: Means,
    /// Where people reach the page, without a slash at the end.
    pub public_url: String,
}

/// A test that somebody asks for.
pub struct Wish {
    /// To whom; see [`crate::people::tested`].
    pub targets: Vec<Target>,
    /// Where the outcomes go.
    pub answer: oneshot::Sender<Vec<Tested>>,
}

/// Why notifying ended.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The store cannot be read.
    #[error("the journal of alarms cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The tail broke.
    #[error("notification cannot follow the journal: {0}")]
    Tail(#[from] TailError),
    /// What was decided cannot be stored.
    #[error("what is to be notified cannot be stored: {0}")]
    Commit(#[from] CommitError),
    /// The stored state is of another version.
    #[error(transparent)]
    State(#[from] StateError),
    /// A name was refused.
    #[error(transparent)]
    Name(#[from] IdError),
    /// A task broke off.
    #[error("a task broke off: {0}")]
    Broken(#[from] JoinError),
}

/// How a task ended.
enum Landed {
    Message(Target, String, Outcome),
    Test(Vec<(Target, String, Outcome)>, oneshot::Sender<Vec<Tested>>),
}

/// Notifying, with its place in the journal.
pub struct Room {
    config: Arc<Config>,
    store: Arc<Historian>,
    recorder: Recorder,
    register: Register,
    tail: Tail,
    state: State,
    stored: Vec<u8>,
    view: ViewCell,
    tasks: JoinSet<Landed>,
    /// Whether there may be steps that were not read.
    news: bool,
    /// Whether it is to be said which channels are dead.
    say: bool,
}

impl Room {
    /// Takes up where the store says that notifying had come. Steps from before it was first set up, or from while it was
    /// switched off, are history and told to nobody.
    pub async fn open(config: Arc<Config>, store: Arc<Historian>, view: ViewCell) -> Result<Self, RoomError> {
        let recorder = store.recorder();
        // Behind everything that waits: the last word of an instance before this one, too, is then on disk.
        let head = recorder.settle().await?;
        let known = store.progress(FOLLOWER)?.and_then(|p| p.state).filter(|(_, bytes)| !bytes.is_empty());
        let mut state = match known {
            Some((_, bytes)) => State::decode(&bytes)?,
            None => State::at((head, u32::MAX)),
        };
        state.fit(&config.settings, config.means.clock.now());
        let (register, tail) = (store.register(), store.tail(head));
        let tasks = JoinSet::new();
        Ok(Self {
            config,
            store,
            recorder,
            register,
            tail,
            state,
            stored: Vec::new(),
            view,
            tasks,
            news: true,
            say: true,
        })
    }

    /// Notifies until `shutdown` resolves or the store is closed.
    pub async fn run(
        mut self,
        wishes: &mut mpsc::Receiver<Wish>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RoomError> {
        let mut shutdown = pin!(shutdown);
        loop {
            self.turn().await?;
            let pause = self.pause();
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(landed) = self.tasks.join_next() => self.land(landed?),
                Some(wish) = wishes.recv() => self.wish(wish),
                heard = news(&mut self.tail) => match heard {
                    Ok(()) => self.news = true,
                    Err(TailError::Closed) => return Ok(()),
                    // The journal is read from the register: only the bell was missed.
                    Err(TailError::Pruned { .. }) => (self.tail, self.news) = (self.store.tail(self.store.head()), true),
                    Err(e) => return Err(e.into()),
                },
                () = sleep(pause) => {}
            }
        }
        let _ = timeout(GRACE, async {
            while let Some(Ok(landed)) = self.tasks.join_next().await {
                self.land(landed);
            }
        })
        .await;
        self.put().await
    }

    /// Takes in what there is, stores what follows, and sends.
    async fn turn(&mut self) -> Result<(), RoomError> {
        let mut actions = Vec::new();
        while self.news {
            let steps = self.after(self.state.cursor).await?;
            self.news = steps.len() == GROUP;
            let plant = self.register.plant();
            for JournalEntry { seq, n, transition } in &steps {
                let step = Step::read((*seq, *n), transition, &plant);
                actions.extend(self.apply(&Event::Step(&step)));
            }
            self.put().await?;
        }
        actions.extend(self.apply(&Event::Tick));
        self.put().await?;
        for action in actions {
            self.launch(action);
        }
        self.show();
        Ok(())
    }

    fn apply(&mut self, event: &Event<'_>) -> Vec<Action> {
        let now = self.config.means.clock.now();
        self.state.apply(&self.config.settings, event, now)
    }

    async fn after(&self, cursor: (u64, u32)) -> Result<Vec<JournalEntry>, RoomError> {
        let register = self.register.clone();
        Ok(tokio::task::spawn_blocking(move || register.alarm_journal_after(cursor, GROUP)).await??)
    }

    /// What became of a message. The state is stored with the next turn, before anything else is sent.
    fn land(&mut self, landed: Landed) {
        let settled = match landed {
            Landed::Message(target, key, outcome) => {
                self.apply_later(&Event::Delivered { target: &target, key: &key, outcome: &outcome });
                return;
            }
            Landed::Test(outcomes, answer) => (outcomes, answer),
        };
        let mut told = Vec::new();
        for (target, key, outcome) in settled.0 {
            self.apply_later(&Event::Tested { target: &target, key: &key, outcome: &outcome });
            told.push(Tested { target, outcome });
        }
        // Who asked may be gone.
        let _ = settled.1.send(told);
    }

    /// What is to be sent is said once: it is put back, and the next tick, after the state is stored, says it again.
    fn apply_later(&mut self, event: &Event<'_>) {
        for action in self.apply(event) {
            match action {
                Action::Dead(_) => self.say = true,
                Action::Send { target, .. } => self.state.hold_back(&target),
            }
        }
    }

    fn launch(&mut self, action: Action) {
        match action {
            Action::Dead(_) => self.say = true,
            Action::Send { target, key } => {
                let head = self.state.lines.get(&target).and_then(|l| l.head.clone());
                let Some(message) = head.filter(|m| m.key == key) else { return };
                let (config, register) = (self.config.clone(), self.register.clone());
                self.tasks.spawn(async move {
                    let outcome = post::message(&config, register, &target, &message).await;
                    Landed::Message(target, message.key, outcome)
                });
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        let key = format!("test-{:x}", self.config.means.clock.now().nanos());
        let full = |t: &Target| {
            let sent = self.state.lines.get(t).map_or(0, |l| l.sent.len());
            sent >= self.config.settings.ways.get(&t.channel).map_or(0, |w| w.per_minute as usize)
        };
        let targets: Vec<_> = wish.targets.into_iter().map(|t| (full(&t), t)).collect();
        let config = self.config.clone();
        self.tasks.spawn(async move {
            let mut out = Vec::new();
            for (full, target) in targets {
                let outcome = if full { post::full() } else { post::test(&config, &target, &key).await };
                out.push((target, key.clone(), outcome));
            }
            Landed::Test(out, wish.answer)
        });
    }

    fn pause(&self) -> Duration {
        let due = self.state.due(&self.config.settings);
        // A little later than that, so that the clock has passed it.
        due.map_or(TICK, |at| at.since(self.config.means.clock.now()) + Duration::from_millis(1)).min(TICK)
    }

    /// Stores the state where it has changed, and says which channels are dead where that has.
    async fn put(&mut self) -> Result<(), RoomError> {
        let bytes = self.state.encode();
        if bytes == self.stored && !self.say {
            return Ok(());
        }
        let progress = Progress::new(Name::new(FOLLOWER)?, Historian::UNBOUND, Some(bytes.as_slice().into()));
        let conditions = if self.say { vec![condition(&self.state.dead())?] } else { Vec::new() };
        let batch = Batch { progress: Some(progress), conditions, ..Batch::default() };
        loop {
            match self.recorder.commit(batch.clone()).await {
                Err(CommitError::Disk { why }) => {
                    tracing::error!(%why, "what is to be notified waits for the disk");
                    sleep(RETRY).await;
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        (self.stored, self.say) = (bytes, false);
        Ok(())
    }

    fn show(&self) {
        let channel = |(name, setup): (&String, &Setup)| {
            let lines = self.state.lines.iter().filter(|(t, _)| t.channel == *name);
            let waiting = lines.map(|(_, l)| {
                let head = l.head.as_ref().map_or(0, |m| m.entries.len() as u64 + u64::from(m.more));
                head + l.waiting.len() as u64 + u64::from(l.more)
            });
            ChannelView {
                name: name.clone(),
                kind: setup.kind(),
                health: self.state.channels.get(name).cloned().unwrap_or_default(),
                waiting: waiting.sum(),
            }
        };
        let escalating = self.state.standing.values().filter(|s| s.chains.iter().any(|c| c.due.is_some())).count();
        self.view.set(View {
            channels: self.config.setups.iter().map(channel).collect(),
            log: self.state.log.iter().cloned().collect(),
            escalating: escalating as u64,
        });
    }
}

/// Waits for a commit that moves an alarm.
async fn news(tail: &mut Tail) -> Result<(), TailError> {
    loop {
        if tail.next().await?.batch.findings.iter().any(|f| matches!(f, Finding::Alarm(_))) {
            return Ok(());
        }
    }
}

fn condition(dead: &[String]) -> Result<Condition, IdError> {
    let mut detail = BTreeMap::from([("value".into(), Value::Int(dead.len() as i64))]);
    for (i, name) in dead.iter().enumerate() {
        detail.insert(format!("channel_{i:03}").into(), Value::Text(name.as_str().into()));
    }
    let name = Name::new(Condition::NOTIFICATION_CHANNEL)?;
    Ok(Condition { name, priority: Priority::High, active: !dead.is_empty(), detail })
}

/// For a platform that notifies nobody: what was decided before is forgotten, and steps until it is switched on again are
/// history.
pub async fn release(store: &Historian) -> Result<(), RoomError> {
    let known = store.progress(FOLLOWER)?.and_then(|p| p.state);
    if known.is_none_or(|(_, bytes)| bytes.is_empty()) {
        return Ok(());
    }
    let empty: Arc<[u8]> = Arc::new([]);
    let progress = Some(Progress::new(Name::new(FOLLOWER)?, Historian::UNBOUND, Some(empty)));
    let conditions = vec![condition(&[])?];
    store.recorder().commit(Batch { progress, conditions, ..Batch::default() }).await?;
    Ok(())
}
