//! What waits: messages in quarantine that may be read again, and names that nobody knows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Number, Quality, Time, Title};

/// Which messages in quarantine are meant; a list that is empty or left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// By number; at most 2,000.
    pub ids: Vec<u64>,
    /// By reason.
    pub codes: Vec<String>,
    /// By client id.
    pub sources: Vec<String>,
    /// By topic: exactly, or with everything below it where it ends with `/#`.
    pub topics: Vec<String>,
    /// For discarding: who says so. `operator` where it is left out.
    pub by: Option<String>,
    /// For discarding: why nobody needs them.
    pub why: Option<String>,
}

/// How far reading again is, or how the last one ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Whether it goes on.
    pub running: bool,
    /// How many messages were selected.
    pub selected: u64,
    /// How many were looked at.
    pub done: u64,
    /// How many left the quarantine, every value of them in the store.
    pub committed: u64,
    /// How many left the quarantine because they had been committed before.
    pub duplicates: u64,
    /// How many stay, for the reason they have now.
    pub failed: u64,
    /// How many stay because their payload is not kept whole.
    pub incomplete: u64,
    /// Why it ended early, if it did.
    pub problem: Option<String>,
}

/// How many messages were put aside or taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PutAside {
    /// So many.
    pub messages: u64,
}

/// What waits of one reason on one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineTopic {
    /// The topic.
    pub topic: String,
    /// How many wait.
    pub waiting: u64,
    /// Of how many the whole payload is kept.
    pub complete: u64,
    /// When the first of them was received.
    pub first: Time,
    /// When the last of them was received.
    pub last: Time,
}

/// One message in quarantine with its payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinePayload {
    /// The message (its fields stand beside the others).
    #[serde(flatten)]
    pub entry: super::QuarantineEntry,
    /// The payload as far as it is kept, at most its first 256 KiB, written as `encoding` says.
    pub payload: String,
    /// `utf-8`, or `hex` where the payload is not text.
    pub encoding: String,
    /// How many bytes of it are shown.
    pub shown: u64,
}

/// The quarantine in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineStats {
    /// How many messages wait.
    pub waiting: u64,
    /// Of how many the whole payload is kept.
    pub complete: u64,
    /// How many messages a person did not need; they are still counted as quarantined.
    pub discarded: u64,
    /// Bytes of payloads that are kept.
    pub bytes: u64,
    /// How many payloads were cut to their first 4 KiB for want of room.
    pub cut: u64,
    /// How many messages are no longer kept for want of room; they are still counted as quarantined.
    pub dropped: u64,
}

/// Names that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Discovery {
    /// By name.
    pub machines: Vec<NewMachine>,
    /// How many names were left out because there were too many.
    pub left_out: u64,
    /// Names that are not offered, as somebody wished: `site/machine` or `site/machine/point`.
    pub ignored: Vec<String>,
}

/// A machine that nobody knows, or that has points that nobody knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewMachine {
    /// `site/machine`.
    pub machine: String,
    /// Whether the plant has it, and only the points are new.
    pub known: bool,
    /// Which state of the machine this is, to be sent with its adoption; 0: the plant has no such machine.
    pub edition: u32,
    /// Whether it has described itself.
    pub described: bool,
    /// What it calls itself.
    pub title: Title,
    /// What is new.
    pub points: Vec<NewPoint>,
}

/// A point that nobody knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewPoint {
    /// Its name; `null`: the machine spoke as a whole.
    pub name: Option<String>,
    /// `scalar` or `waveform`.
    pub kind: String,
    /// The unit it stated last, as it wrote it.
    pub unit: Option<String>,
    /// Whether that unit is known here; one that is not is to be given by whoever adopts the point.
    pub unit_known: bool,
    /// Its last value.
    pub value: Option<Number>,
    /// How far to trust it.
    pub quality: Quality,
    /// When that was, by the source.
    pub t: Time,
    /// How often it has spoken since it is listed.
    pub count: u64,
    /// The client that spoke last.
    pub source: String,
    /// When it was first heard of.
    pub first: Time,
    /// When it was last heard of.
    pub last: Time,
}

/// What is to be taken into the plant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// At most 200 machines.
    pub machines: Vec<AdoptMachine>,
}

/// A machine, or points of it, to be taken into the plant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdoptMachine {
    /// `site/machine`.
    pub machine: String,
    /// What people call it.
    pub title: Title,
    /// Where it stands.
    pub area: Option<String>,
    /// `site/machine` of one that this one is like: units, limits and titles of points of the same name are taken over.
    pub like: Option<String>,
    /// Which points; left out: all that are offered.
    pub points: Option<Vec<AdoptPoint>>,
    /// The `edition` of the machine that was looked at: if it is another by now, nothing is adopted. Left out: whatever
    /// it is.
    pub edition: Option<u32>,
}

/// A point to be taken into the plant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdoptPoint {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: Title,
    /// The unit in which it is kept, instead of the one it stated.
    pub unit: Option<String>,
}

/// What was taken into the plant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Adopted {
    /// New machines.
    pub machines: u64,
    /// New points.
    pub points: u64,
    /// What became of the messages that had waited.
    pub replay: Replay,
}

/// Names that are not to be offered any more, or again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// `site/machine` or `site/machine/point`; at most 1,000.
    pub names: Vec<String>,
    /// Whether they are ignored from now on; `false` offers them again.
    pub ignored: bool,
}

/// What one source added to the ledger in one stretch of time: `received + released = committed + duplicates +
/// quarantined + refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerLine {
    /// Where the stretch begins, by the time of the commits; whole milliseconds since 1970.
    pub t_ms: i64,
    /// How long it is, seconds: 60, or 3,600 where it is long ago.
    pub width_s: u64,
    /// From whom; empty: all together.
    pub source: String,
    /// What became of the messages that arrived then (the fields stand beside `source`).
    #[serde(flatten)]
    pub counts: super::LedgerTotal,
    /// Messages that left the quarantine then; they are among `committed` or `duplicates` once more.
    pub released: u64,
    /// Sequence numbers that were skipped over, beside the sum.
    pub gaps: u64,
}

/// The ledger by stretches of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerHistory {
    /// In order of time.
    pub lines: Vec<LedgerLine>,
}
