//! What is committed in one piece.

use std::sync::Arc;

use plant::{Action, AssetChange, Condition, Event, Finding, MachineId, Name, Observation, Timestamp, Waveform, Work};

/// Position in the journal; the first commit of a store is 1, each later one is one more. 0 is "before everything".
pub type Seq = u64;

/// What is committed together, all or nothing.
///
/// An empty batch is legal and is the platform's heartbeat: it moves the journal's time forward, which is how silence
/// becomes visible to the folds, and its absence shows when the platform itself was away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Changes of the asset tree; they take effect before the values of the same batch.
    pub changes: Vec<AssetChange>,
    /// Values, in the order in which they were received.
    pub observations: Vec<Observation>,
    /// Records of fast signals.
    pub waveforms: Vec<Arc<Waveform>>,
    /// Happenings.
    pub events: Vec<Event>,
    /// Messages that were let in and could not be understood.
    pub quarantine: Vec<Quarantined>,
    /// What became of messages that were in quarantine; committed with what they became, if anything.
    pub settled: Vec<Settled>,
    /// Unknown names that a person does not want to be offered, or wants to be offered again.
    pub ignored: Vec<Ignored>,
    /// What the messages of this batch add to the loss ledger.
    pub ledger: Vec<LedgerDelta>,
    /// Conclusions of analytics.
    pub findings: Vec<Finding>,
    /// How things stand with the platform itself, in the order in which it was noticed.
    pub conditions: Vec<Condition>,
    /// What people did.
    pub actions: Vec<Action>,
    /// Work orders and notes as they are from now on.
    pub work: Vec<Work>,
    /// What the MQTT door retains from now on, in the order in which it came.
    pub retained: Vec<Retained>,
    /// How far a follower of the tail has come; committed together with what it concluded.
    pub progress: Option<Progress>,
    /// What is to be kept aside, or taken away again. Not in the log: no tail carries it.
    pub staged: Vec<Staged>,
}

/// Something that is only a part, kept until the whole is there: durable with its batch, read back by
/// [`crate::Archive::staged`] after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Under this key; what was kept under it before is replaced.
    pub key: Arc<str>,
    /// Opaque to the store; empty takes away what is kept.
    pub body: Arc<[u8]>,
}

/// A message that the MQTT door hands to whoever subscribes to its topic later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The topic; it has one retained message, the last.
    pub topic: Arc<str>,
    /// The payload; an empty one takes the retained message of this topic away.
    pub payload: Arc<[u8]>,
    /// The quality of service at which it was published: 0, 1 or 2.
    pub qos: u8,
    /// Properties of MQTT 5 as the door encoded them; opaque to the store.
    pub properties: Arc<[u8]>,
    /// From when on nobody is to get it; `None`: it stays.
    pub expires: Option<Timestamp>,
}

/// A message that was let in and could not become observations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// When it was received.
    pub t: Timestamp,
    /// From whom: the client id, or the importer's name.
    pub source: Arc<str>,
    /// The topic; bytes that were not UTF-8 are shown as U+FFFD.
    pub topic: Arc<str>,
    /// Length of the payload in bytes.
    pub size: u64,
    /// The first 4 KiB of the payload.
    pub head: Arc<[u8]>,
    /// What follows them. It is kept beside the entry while there is room, and not in the log: a tail that reads the log
    /// finds it empty, as do lists.
    pub rest: Arc<[u8]>,
    /// A stable code: `json_syntax`, `unit_unknown`, `waveform_length`, …
    pub code: Arc<str>,
    /// One sentence: what was expected, what was found, what to do.
    pub reason: Arc<str>,
}

/// What became of a message in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The entry's number. One that is no longer kept is settled in the counts all the same.
    pub id: u64,
    /// The code under which it stood.
    pub code: Arc<str>,
    /// What became of it.
    pub verdict: Verdict,
}

/// See [`Settled`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was understood: the entry goes, and is not counted there any more.
    Released,
    /// It was not understood, now for this reason.
    Failed {
        /// The stable code.
        code: Arc<str>,
        /// The sentence.
        reason: Arc<str>,
    },
    /// A person does not need it. The entry stays while there is room, is not offered, and is counted as before.
    Discarded {
        /// Who, and why.
        why: Arc<str>,
    },
    /// A person wants it back.
    Restored,
}

/// A name that nobody knows, and that a person does not want to be offered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ignored {
    /// The machine.
    pub machine: MachineId,
    /// The point of it; `None`: everything of this machine.
    pub point: Option<Arc<str>>,
    /// Whether it is ignored from now on, or offered again.
    pub ignored: bool,
}

/// What some messages of one source add to the loss ledger. Counted in messages;
/// `received + released = committed + duplicates + quarantined + refused`, always. In the sums that the store gives,
/// what was released is no longer counted under `quarantined`, and `released` is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerDelta {
    /// From whom.
    pub source: Arc<str>,
    /// Messages that arrived.
    pub received: u64,
    /// Messages of which every value is in the store.
    pub committed: u64,
    /// Messages that had been committed before, bit for bit.
    pub duplicates: u64,
    /// Messages in quarantine.
    pub quarantined: u64,
    /// Messages turned away at the door (rights, limits, form) and therefore never acknowledged.
    pub refused: u64,
    /// Messages that left the quarantine: they are counted once more, under `committed` or `duplicates`.
    pub released: u64,
    /// Beside the sum: sequence numbers that were skipped over.
    pub gaps: u64,
}

/// How far a named follower of the tail has come, and what it needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Who.
    pub follower: Name,
    /// Everything up to and including this has been taken in.
    pub through: Seq,
    /// The follower's own state at that point, opaque to the store; `None` leaves the stored one (and the position that
    /// goes with it) as it is.
    pub state: Option<Arc<[u8]>>,
    /// Where that state stands, if it is ahead of `through`: the follower has looked at everything up to there, so that the
    /// log may go, and owes some of it to somebody, so that the values may not.
    pub ahead: Option<Seq>,
}

impl Progress {
    /// A follower that has come as far as `through`.
    #[must_use]
    pub fn new(follower: Name, through: Seq, state: Option<Arc<[u8]>>) -> Self {
        Self { follower, through, state, ahead: None }
    }

    /// Where the state stands.
    pub(crate) fn state_through(&self) -> Seq {
        self.ahead.unwrap_or(self.through)
    }
}

/// One commit, as the tail delivers it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its position.
    pub seq: Seq,
    /// When it was committed, by the store's clock; never earlier than the commit before it.
    pub t: Timestamp,
    /// What was committed. Batches that were waiting together are committed, and delivered, as one.
    pub batch: Arc<Batch>,
}
