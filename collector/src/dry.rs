//! The interpreter on a store that is a few maps: no disk, no runtime, no clock. For what has to be driven through very
//! many messages (the fuzz target of Sparkplug sessions); not part of the interface.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use historian::{Batch, QuarantineEntry, Staged, Verdict};
use plant::{Plant, PointId, Timestamp, Value, WaveformId};
use tokio::sync::watch;

use crate::draft::{Command, Draft, Mode};
use crate::interpreter::{Config, Interpreter, Recall};
use crate::{Counters, Message};

#[derive(Default)]
struct Maps {
    plant: Arc<Plant>,
    last: HashMap<PointId, (Timestamp, Value)>,
}

#[derive(Default)]
struct Memory(Mutex<Maps>);

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recall for Memory {
    fn plant(&self) -> Arc<Plant> {
        self.lock().plant.clone()
    }
    fn last(&self, point: &PointId) -> Option<(Timestamp, Value)> {
        self.lock().last.get(point).cloned()
    }
    fn from(&self, point: &PointId, t: Timestamp) -> Vec<(Timestamp, Value)> {
        self.last(point).filter(|(last, _)| *last >= t).into_iter().collect()
    }
    fn has_waveform(&self, _: WaveformId) -> bool {
        false
    }
    fn staged(&self) -> Vec<Staged> {
        Vec::new()
    }
}

/// What the Sparkplug sessions hold, each at its largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Edge nodes.
    pub nodes: usize,
    /// Devices of one node.
    pub devices: usize,
    /// Sequence numbers of one node that are missing.
    pub missing: usize,
    /// Places of messages of one node that came before its birth.
    pub early: usize,
}

/// See the module.
pub struct Dry {
    memory: Arc<Memory>,
    interpreter: Interpreter,
    drafts: u64,
    /// What waits in quarantine, the oldest first.
    waiting: Vec<QuarantineEntry>,
    entries: u64,
}

impl Dry {
    /// A collector with these settings that knows nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let memory = Arc::new(Memory::default());
        let interpreter = Interpreter::new(config, memory.clone());
        Self { memory, interpreter, drafts: 0, waiting: Vec::new(), entries: 0 }
    }

    fn draft(&mut self, now: Timestamp, mode: Mode) -> Draft {
        self.drafts += 1;
        let mut draft = Draft::new(self.drafts, "client".into(), now);
        draft.mode = mode;
        draft
    }

    /// Reads one message; with `stored` it is committed, otherwise its commit fails. Gives what it became and what is to
    /// be published for it.
    pub fn send(&mut self, topic: &str, payload: Vec<u8>, now: Timestamp, stored: bool) -> (Batch, Vec<Command>) {
        let mut draft = self.draft(now, Mode::Live);
        let plant = self.memory.plant();
        self.interpreter.read(&mut draft, &plant, &Message::new(topic.into(), payload.into()));
        self.end(draft, stored)
    }

    /// What a second brings; then what waits for births that have come is read again. Gives both.
    pub fn tick(&mut self, now: Timestamp, stored: bool) -> (Vec<Batch>, Vec<Command>) {
        let mut draft = self.draft(now, Mode::Live);
        self.interpreter.tick(&mut draft);
        let (batch, commands) = self.end(draft, stored);
        let mut batches = vec![batch];
        for node in self.interpreter.explained(64, 0, |_| false) {
            let which = node.waits();
            let mut draft = self.draft(now, Mode::Replay);
            let plant = self.memory.plant();
            self.interpreter.forget_then();
            for waited in std::mem::take(&mut self.waiting) {
                if which.codes.contains(&waited.entry.code) && which.has_topic(&waited.entry.topic) {
                    draft.turn_to(&waited.entry.source, waited.entry.t);
                    let payload = [&waited.entry.head[..], &waited.entry.rest[..]].concat();
                    let message = Message::new(waited.entry.topic.clone(), payload.into());
                    let outcome = self.interpreter.understand(&mut draft, &plant, &message);
                    draft.settle_again(&waited, &outcome);
                }
                self.waiting.push(waited);
            }
            self.interpreter.forget_then();
            batches.push(self.end(draft, true).0);
        }
        (batches, commands)
    }

    fn end(&mut self, mut draft: Draft, stored: bool) -> (Batch, Vec<Command>) {
        draft.close_ledger();
        let commands = std::mem::take(&mut draft.commands);
        if !stored {
            return (Batch::default(), commands);
        }
        let (_tell, fate) = watch::channel(None);
        self.interpreter.messages.queued(&draft.messages, &fate);
        self.interpreter.messages.ended(&draft.messages, true);
        draft.touched.settle(true);
        draft.settling.settle(true);
        draft.carried.committed();
        if draft.disputes {
            self.interpreter.host.dispute();
        }
        let batch = std::mem::take(&mut draft.batch);
        let mut maps = self.memory.lock();
        for change in &batch.changes {
            Arc::make_mut(&mut maps.plant).apply(change);
        }
        for o in &batch.observations {
            maps.last.insert(o.point.clone(), (o.t, o.value.clone()));
        }
        drop(maps);
        for settled in &batch.settled {
            if settled.verdict == Verdict::Released {
                self.waiting.retain(|q| q.id != settled.id);
            }
        }
        for entry in &batch.quarantine {
            self.entries += 1;
            self.waiting.push(QuarantineEntry {
                id: self.entries,
                entry: entry.clone(),
                complete: true,
                discarded: None,
            });
        }
        (batch, commands)
    }

    /// The host application is announced at `now`.
    pub fn host_birth(&self, now: Timestamp) -> Option<Command> {
        self.interpreter.host.born(now)
    }

    /// How many messages wait in quarantine.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How large the sessions are.
    #[must_use]
    pub fn held(&self) -> Held {
        let nodes = self.interpreter.all_nodes();
        let mut held = Held { nodes: nodes.len(), ..Held::default() };
        for node in nodes {
            let (devices, missing, early) = node.held();
            held.devices = held.devices.max(devices);
            held.missing = held.missing.max(missing);
            held.early = held.early.max(early);
        }
        held
    }

    /// What is counted beside the ledger.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.interpreter.tally.counters()
    }
}
