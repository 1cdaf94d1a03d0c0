//! What became of every message: the ledger, and those that could not be understood.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Messages that could not be understood, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quarantine {
    /// The messages.
    pub entries: Vec<QuarantineEntry>,
}

/// One message in quarantine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineEntry {
    /// Its number in the quarantine.
    pub id: u64,
    /// The message (the fields stand beside `id`).
    #[serde(flatten)]
    pub message: QuarantinedMessage,
    /// Whether its whole payload is kept, so that it can be read again.
    pub complete: bool,
    /// Who did not need it, and why; `null`: it waits.
    pub discarded: Option<String>,
}

/// A message that was let in and could not be understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedMessage {
    /// When it was received.
    pub t: Time,
    /// From whom: the client id.
    pub source: String,
    /// The topic.
    pub topic: String,
    /// Length of the payload, bytes.
    pub size: u64,
    /// The first 4 KiB of the payload, written as `head_encoding` says.
    pub head: String,
    /// `utf-8`, or `hex` where the payload is not text.
    pub head_encoding: String,
    /// A stable code: `json_syntax`, `unit_unknown`, …
    pub code: String,
    /// One sentence: what was expected, what was found, what to do.
    pub reason: String,
}

/// Messages that failed in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineGroup {
    /// The stable code they share.
    pub code: String,
    /// How many, also those no longer kept.
    pub count: u64,
    /// How many of them somebody did not need.
    pub discarded: u64,
    /// When the first one was received.
    pub first: Time,
    /// When the last one was received.
    pub last: Time,
    /// The last one.
    pub example: QuarantinedMessage,
}

/// What became of all messages since the store began; `received = committed + duplicates + quarantined + refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerTotal {
    /// Messages that arrived.
    pub received: u64,
    /// Messages of which every value is in the store.
    pub committed: u64,
    /// Messages that had been committed before, bit for bit.
    pub duplicates: u64,
    /// Messages in quarantine.
    pub quarantined: u64,
    /// Messages turned away at the door.
    pub refused: u64,
}

/// The ledger of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerSource {
    /// From whom: the client id.
    pub source: String,
    /// What became of its messages (the fields stand beside `source`).
    #[serde(flatten)]
    pub total: LedgerTotal,
}

/// The ledger by source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    /// By source, sorted by name.
    pub sources: Vec<LedgerSource>,
    /// All together.
    pub total: LedgerTotal,
}
