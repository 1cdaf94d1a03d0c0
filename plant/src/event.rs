//! Something that happened to a machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{MachineId, Name, Timestamp, Value};

/// Something that happened: a change of state, a count, a loom stop, a roll's begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// To which machine.
    pub machine: MachineId,
    /// When, by the source's clock.
    pub t: Timestamp,
    /// When it reached us.
    pub t_received: Timestamp,
    /// What: `state`, `stop`, `roll_begin`, …
    pub kind: Name,
    /// The details, by name.
    pub fields: BTreeMap<Arc<str>, Value>,
}
