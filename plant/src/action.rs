//! What people do.

use std::sync::Arc;

use crate::{AlarmId, AlarmKey, Fault, Judgement, MachineId, Timestamp};

/// What a person does to an alarm, a diagnosis or a machine's baseline.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// "I have seen it."
    Acknowledge {
        /// Which alarm.
        alarm: AlarmId,
        /// Who.
        by: Arc<str>,
    },
    /// "It may go": what is latched and has been seen goes back to normal.
    Reset {
        /// Which alarm.
        alarm: AlarmId,
        /// Who.
        by: Arc<str>,
    },
    /// "Not now": nobody is told for a while. Once more, with another end, it moves the end.
    Shelve {
        /// Which alarm, whether or not it stands.
        alarm: AlarmKey,
        /// From when on it is shown again; at most [`crate::Shelving::LONGEST`] ahead.
        until: Timestamp,
        /// Why.
        reason: Arc<str>,
        /// Who.
        by: Arc<str>,
    },
    /// "Show it again."
    Unshelve {
        /// Which alarm.
        alarm: AlarmKey,
        /// Who.
        by: Arc<str>,
    },
    /// Nobody is told until it is put back into service.
    TakeOutOfService {
        /// Which alarm, whether or not it stands.
        alarm: AlarmKey,
        /// Why.
        reason: Arc<str>,
        /// Who.
        by: Arc<str>,
        /// Who allowed that.
        approved_by: Arc<str>,
    },
    /// It is in service again.
    PutIntoService {
        /// Which alarm.
        alarm: AlarmKey,
        /// Who.
        by: Arc<str>,
    },
    /// "This diagnosis is right", or wrong, or was missing.
    Judge {
        /// Of which machine.
        machine: MachineId,
        /// On which fault.
        fault: Fault,
        /// What is said; `None` takes the last judgement on this fault back.
        judgement: Option<Judgement>,
        /// Who.
        by: Arc<str>,
    },
    /// "It was repaired": what is usual is learnt anew.
    Maintained {
        /// Which machine.
        machine: MachineId,
        /// Who.
        by: Arc<str>,
    },
}
