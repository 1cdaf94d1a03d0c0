//! The batch that becomes of the messages of one accept, while it is being put together.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use historian::{Batch, LedgerDelta, QuarantineEntry, Quarantined, Retained, Settled, Verdict};
use plant::Timestamp;

use crate::Message;
use crate::cut::Seam;
use crate::fault::Fault;
use crate::machine::MachineSlot;
use crate::parts::{Part, Settling};
use crate::recent::{Fate, Key};
use crate::sparkplug::Carried;
use crate::values::Restamped;

/// How much of a message the quarantine keeps.
const HEAD: usize = 4096;

/// Something to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// At least how surely it is to arrive: 0 or 1.
    pub qos: u8,
    /// Whether those who subscribe later are to get it as well.
    pub retain: bool,
}

/// What the messages of a draft are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They come from a door now.
    Live,
    /// They waited in quarantine: what they say is of then, and asks for nothing now.
    Replay,
    /// As [`Mode::Replay`], and only looked at for the names that nobody knows: the draft is thrown away.
    Look,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every value of it is in the batch.
    Taken,
    /// It had come before, or is what the platform itself published.
    Duplicate,
    /// It is a part of something and kept until the whole is there; then it is counted.
    Waiting,
}

/// Machines of which a draft carries changes. They are told how its commit ended, also when it never came to one.
pub(crate) struct Touched {
    number: u64,
    machines: Vec<Arc<MachineSlot>>,
}

impl Touched {
    pub(crate) fn add(&mut self, machine: &Arc<MachineSlot>) {
        if !self.machines.iter().any(|m| Arc::ptr_eq(m, machine)) {
            self.machines.push(machine.clone());
        }
    }
}

impl Touched {
    /// The commit has ended.
    pub(crate) fn settle(&mut self, committed: bool) {
        for machine in self.machines.drain(..) {
            machine.lock().settle(self.number, committed);
        }
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        self.settle(false);
    }
}

/// See the module.
pub(crate) struct Draft {
    /// Tells this draft from every other.
    pub number: u64,
    /// Whether its messages come now or came then.
    pub mode: Mode,
    /// When the message at hand was received.
    pub t_received: Timestamp,
    /// What is to be committed.
    pub batch: Batch,
    /// Fingerprints of its messages.
    pub messages: Vec<Key>,
    /// Ids of its waveforms.
    pub waveforms: Vec<Key>,
    /// Commits of others that must have succeeded before this may be acknowledged.
    pub after: Vec<Fate>,
    /// What is to be published.
    pub commands: Vec<Command>,
    /// Machines of which it carries changes.
    pub touched: Touched,
    /// Sets of parts that it settles.
    pub settling: Settling,
    /// Nodes of which it carries messages into quarantine that wait for a birth.
    pub carried: Carried,
    /// Whether one of its messages said that the host application is offline.
    pub disputes: bool,
    /// Times of values that have none, where it replays them.
    pub restamped: Restamped,
    /// Where it stood after each message that was counted.
    pub seams: Vec<Seam>,
    /// Numbers that never came, by source: they are in the ledger with its commit, and owed where there is none.
    pub gaps: Vec<(Arc<str>, u64)>,
    /// Parts that it settles.
    pub settled_parts: Vec<Part>,
    own: HashSet<Key>,
    ledger: LedgerDelta,
}

impl Draft {
    pub(crate) fn new(number: u64, source: Arc<str>, t_received: Timestamp) -> Self {
        Self {
            number,
            mode: Mode::Live,
            t_received,
            batch: Batch::default(),
            messages: Vec::new(),
            waveforms: Vec::new(),
            after: Vec::new(),
            commands: Vec::new(),
            touched: Touched { number, machines: Vec::new() },
            settling: Settling::none(number),
            carried: Carried::default(),
            disputes: false,
            restamped: Restamped::default(),
            seams: Vec::new(),
            gaps: Vec::new(),
            settled_parts: Vec::new(),
            own: HashSet::new(),
            ledger: LedgerDelta { source, ..LedgerDelta::default() },
        }
    }

    /// From whom its messages are.
    pub(crate) const fn source(&self) -> &Arc<str> {
        &self.ledger.source
    }

    /// How its messages of this source are counted so far.
    pub(crate) const fn ledger(&self) -> &LedgerDelta {
        &self.ledger
    }

    /// Whether this draft holds the message or waveform already.
    pub(crate) fn holds(&self, key: Key) -> bool {
        self.own.contains(&key)
    }

    /// Notes a message whose repetition is to be recognised.
    pub(crate) fn remember_message(&mut self, key: Key) {
        self.own.insert(key);
        self.messages.push(key);
    }

    /// Notes a waveform whose repetition is to be recognised.
    pub(crate) fn remember_waveform(&mut self, key: Key) {
        self.own.insert(key);
        self.waveforms.push(key);
    }

    /// The messages that follow were sent by `source` and received at `t`.
    pub(crate) fn turn_to(&mut self, source: &Arc<str>, t: Timestamp) {
        self.t_received = t;
        if self.ledger.source != *source {
            self.close_ledger();
            self.ledger = LedgerDelta { source: source.clone(), ..LedgerDelta::default() };
        }
    }

    /// So many numbers of what `source` sends never came.
    pub(crate) fn gaps_of(&mut self, source: &Arc<str>, gaps: u64) {
        self.batch.ledger.push(LedgerDelta { source: source.clone(), gaps, ..LedgerDelta::default() });
        self.gaps.push((source.clone(), gaps));
    }

    /// A sequence number was skipped over.
    pub(crate) fn gap(&mut self) {
        if self.mode == Mode::Live {
            self.ledger.gaps += 1;
            self.gaps.push((self.ledger.source.clone(), 1));
        }
    }

    /// Counts the message, and quarantines it where it was not understood. What the door retains is not asked whether
    /// anybody here understands it.
    pub(crate) fn settle(&mut self, message: &Message, outcome: Result<Outcome, Fault>) {
        self.ledger.received += u64::from(!matches!(outcome, Ok(Outcome::Waiting)));
        if let Some(retain) = &message.retain {
            self.batch.retained.push(Retained {
                topic: message.topic.clone(),
                payload: if retain.forget { [].into() } else { message.payload[..].into() },
                qos: retain.qos,
                properties: retain.properties[..].into(),
                expires: retain.expires,
            });
        }
        match outcome {
            Ok(Outcome::Taken) => self.ledger.committed += 1,
            Ok(Outcome::Duplicate) => self.ledger.duplicates += 1,
            Ok(Outcome::Waiting) => {}
            Err(fault) => {
                self.ledger.quarantined += 1;
                self.quarantine(self.ledger.source.clone(), self.t_received, message, &fault);
            }
        }
        self.seams.push(Seam::of(self));
    }

    /// Settles a message that was in quarantine: it leaves it, or stays for the reason it has now.
    pub(crate) fn settle_again(&mut self, waited: &QuarantineEntry, outcome: &Result<Outcome, Fault>) {
        let was = &waited.entry;
        let verdict = match outcome {
            Ok(outcome) => {
                self.ledger.released += 1;
                match outcome {
                    Outcome::Taken => self.ledger.committed += 1,
                    Outcome::Duplicate => self.ledger.duplicates += 1,
                    // No part waits anew out of quarantine, see `Interpreter::part`.
                    Outcome::Waiting => {}
                }
                Verdict::Released
            }
            Err(fault) => {
                let (code, reason) = (fault.code.as_str(), fault.to_string());
                if *was.code == *code && *was.reason == *reason {
                    return;
                }
                Verdict::Failed { code: code.into(), reason: reason.into() }
            }
        };
        self.batch.settled.push(Settled { id: waited.id, code: was.code.clone(), verdict });
    }

    /// Counts a part that had waited, for whoever sent it, and quarantines it where the whole could not be used.
    pub(crate) fn settle_part(&mut self, part: &Part, fault: Option<&Fault>) {
        let (committed, quarantined) = (u64::from(fault.is_none()), u64::from(fault.is_some()));
        let source = part.source.clone();
        self.batch.ledger.push(LedgerDelta { source, received: 1, committed, quarantined, ..LedgerDelta::default() });
        if let Some(fault) = fault {
            self.quarantine(part.source.clone(), part.t_received, &part.message, fault);
        }
        self.settled_parts.push(part.clone());
    }

    /// Counts a part that had waited, of something that is committed without it.
    pub(crate) fn settle_repeated(&mut self, part: &Part) {
        let source = part.source.clone();
        self.batch.ledger.push(LedgerDelta { source, received: 1, duplicates: 1, ..LedgerDelta::default() });
    }

    /// Puts a message into quarantine; it is counted elsewhere.
    pub(crate) fn quarantine(&mut self, source: Arc<str>, t: Timestamp, message: &Message, fault: &Fault) {
        let (head, rest) = message.payload.split_at(message.payload.len().min(HEAD));
        self.batch.quarantine.push(Quarantined {
            t,
            source,
            topic: message.topic.clone(),
            size: message.payload.len() as u64,
            head: head.into(),
            rest: rest.into(),
            code: fault.code.as_str().into(),
            reason: fault.to_string().into(),
        });
    }

    /// Enters the counts into the batch.
    pub(crate) fn close_ledger(&mut self) {
        if self.ledger != (LedgerDelta { source: self.ledger.source.clone(), ..LedgerDelta::default() }) {
            self.batch.ledger.push(self.ledger.clone());
        }
    }
}
