//! How an alarm moves from state to state, as pure functions of state and event.
//!
//! [`step`] is the state machine of IEC 62682; [`delay`] says how long a condition must hold, or be gone, before that
//! counts; [`limit`] says when a value violates a limit and when it no longer does; [`persist`] says when repeated evidence
//! is enough. None of them knows machines or the journal, or reads a clock.

pub mod coach;
pub mod delay;
pub mod limit;
pub mod performance;
pub mod persist;
pub mod replay;
pub mod simulate;

use plant::AlarmState;

/// What happens to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The condition holds now.
    Holds,
    /// The condition holds no longer.
    Gone,
    /// Somebody acknowledged.
    Acknowledge,
    /// Somebody reset it.
    Reset,
    /// The condition held at a time that is past: late data.
    HeldLate,
    /// The value it stands on is no longer to be trusted.
    Lost,
    /// It goes on holding, and its evidence is worth showing anew.
    Renewed,
    /// It goes on holding long after it was acknowledged.
    Again,
    /// The last inhibition ended: people are told again.
    Released,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::Holds,
        Self::Gone,
        Self::Acknowledge,
        Self::Reset,
        Self::HeldLate,
        Self::Lost,
        Self::Renewed,
        Self::Again,
        Self::Released,
    ];
}

/// What an alarm's step depends on beside its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// It stays after it has ended until somebody resets it.
    pub latching: bool,
    /// It is shelved, suppressed or out of service: nobody is told.
    pub inhibited: bool,
}

/// What the journal is to say of a step; who did it is the caller's to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing changed and nothing is said.
    None,
    /// The condition began to hold.
    Raised,
    /// It stopped holding.
    Cleared,
    /// Somebody acknowledged.
    Acknowledged,
    /// Somebody reset it.
    Reset,
    /// It held in the past.
    Historical,
    /// Its evidence changed.
    Updated,
    /// Its value was lost.
    ValueLost,
    /// It is announced anew.
    ReAlarmed,
    /// It is shown again; said in any state.
    Released,
}

/// The state after `event`, and what the journal is to say.
///
/// Bad quality never clears; late data never raises; an acknowledgement of what nobody needs to acknowledge says nothing.
/// What ends while nobody is told needs no acknowledgement, unless it latches; what still holds when people are told again
/// has to be seen by them, whoever had seen it before.
#[must_use]
pub const fn step(state: AlarmState, event: Event, manner: Manner) -> (AlarmState, Step) {
    use AlarmState::{Acknowledged, Latched, Normal, ReturnedUnacknowledged, Unacknowledged};
    let seen = if manner.latching { Latched } else { Normal };
    match (event, state) {
        (Event::Holds, Normal | ReturnedUnacknowledged | Latched) => (Unacknowledged, Step::Raised),
        (Event::Gone, Unacknowledged) if manner.inhibited && !manner.latching => (Normal, Step::Cleared),
        (Event::Gone, Unacknowledged) => (ReturnedUnacknowledged, Step::Cleared),
        (Event::Gone, Acknowledged) => (seen, Step::Cleared),
        (Event::Acknowledge, Unacknowledged) => (Acknowledged, Step::Acknowledged),
        (Event::Acknowledge, ReturnedUnacknowledged) => (seen, Step::Acknowledged),
        (Event::Reset, Latched) => (Normal, Step::Reset),
        (Event::HeldLate, Normal | ReturnedUnacknowledged | Latched) => (state, Step::Historical),
        (Event::Lost, Unacknowledged | Acknowledged) => (state, Step::ValueLost),
        (Event::Renewed, Unacknowledged | Acknowledged) => (state, Step::Updated),
        (Event::Again, Acknowledged) => (Unacknowledged, Step::ReAlarmed),
        (Event::Released, Acknowledged) => (Unacknowledged, Step::Released),
        (Event::Released, Normal | Unacknowledged | ReturnedUnacknowledged | Latched) => (state, Step::Released),
        (Event::Holds | Event::HeldLate, Unacknowledged | Acknowledged)
        | (Event::Gone | Event::Lost | Event::Renewed, Normal | ReturnedUnacknowledged | Latched)
        | (Event::Acknowledge, Normal | Acknowledged | Latched)
        | (Event::Reset, Normal | Unacknowledged | Acknowledged | ReturnedUnacknowledged)
        | (Event::Again, Normal | Unacknowledged | ReturnedUnacknowledged | Latched) => (state, Step::None),
    }
}

#[cfg(test)]
mod tests;
