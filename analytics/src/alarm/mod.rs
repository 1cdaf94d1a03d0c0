//! How an alarm moves from state to state, as pure functions of state and event.
//!
//! [`step`] is the state machine of IEC 62682 as far as it exists here; [`limit`] says when a value violates a limit and
//! when it no longer does; [`persist`] says when repeated evidence is enough. None of them knows time, machines or the
//! journal.

pub mod coach;
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
    /// The condition held at a time that is past: late data.
    HeldLate,
    /// The value it stands on is no longer to be trusted.
    Lost,
    /// It goes on holding, and its evidence is worth showing anew.
    Renewed,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 6] = [Self::Holds, Self::Gone, Self::Acknowledge, Self::HeldLate, Self::Lost, Self::Renewed];
}

/// What the journal is to say of a step; who acknowledged is the caller's to add.
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
    /// It held in the past.
    Historical,
    /// Its evidence changed.
    Updated,
    /// Its value was lost.
    ValueLost,
}

/// The state after `event`, and what the journal is to say.
///
/// Bad quality never clears; late data never raises; an acknowledgement of what nobody needs to acknowledge says nothing.
#[must_use]
pub const fn step(state: AlarmState, event: Event) -> (AlarmState, Step) {
    use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
    match (event, state) {
        (Event::Holds, Normal | ReturnedUnacknowledged) => (Unacknowledged, Step::Raised),
        (Event::Gone, Unacknowledged) => (ReturnedUnacknowledged, Step::Cleared),
        (Event::Gone, Acknowledged) => (Normal, Step::Cleared),
        (Event::Acknowledge, Unacknowledged) => (Acknowledged, Step::Acknowledged),
        (Event::Acknowledge, ReturnedUnacknowledged) => (Normal, Step::Acknowledged),
        (Event::HeldLate, Normal | ReturnedUnacknowledged) => (state, Step::Historical),
        (Event::Lost, Unacknowledged | Acknowledged) => (state, Step::ValueLost),
        (Event::Renewed, Unacknowledged | Acknowledged) => (state, Step::Updated),
        (Event::Holds, Unacknowledged | Acknowledged)
        | (Event::Gone, Normal | ReturnedUnacknowledged)
        | (Event::Acknowledge, Normal | Acknowledged)
        | (Event::HeldLate, Unacknowledged | Acknowledged)
        | (Event::Lost | Event::Renewed, Normal | ReturnedUnacknowledged) => (state, Step::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AlarmState::{Acknowledged as Ack, Normal, ReturnedUnacknowledged as Returned, Unacknowledged as Unack};

    #[test]
    fn every_state_under_every_event() {
        use Event::*;
        let table = [
            (Normal, Holds, Unack, Step::Raised),
            (Normal, Gone, Normal, Step::None),
            (Normal, Acknowledge, Normal, Step::None),
            (Normal, HeldLate, Normal, Step::Historical),
            (Normal, Lost, Normal, Step::None),
            (Normal, Renewed, Normal, Step::None),
            (Unack, Holds, Unack, Step::None),
            (Unack, Gone, Returned, Step::Cleared),
            (Unack, Acknowledge, Ack, Step::Acknowledged),
            (Unack, HeldLate, Unack, Step::None),
            (Unack, Lost, Unack, Step::ValueLost),
            (Unack, Renewed, Unack, Step::Updated),
            (Ack, Holds, Ack, Step::None),
            (Ack, Gone, Normal, Step::Cleared),
            (Ack, Acknowledge, Ack, Step::None),
            (Ack, HeldLate, Ack, Step::None),
            (Ack, Lost, Ack, Step::ValueLost),
            (Ack, Renewed, Ack, Step::Updated),
            (Returned, Holds, Unack, Step::Raised),
            (Returned, Gone, Returned, Step::None),
            (Returned, Acknowledge, Normal, Step::Acknowledged),
            (Returned, HeldLate, Returned, Step::Historical),
            (Returned, Lost, Returned, Step::None),
            (Returned, Renewed, Returned, Step::None),
        ];
        for (state, event, after, says) in table {
            assert_eq!(step(state, event), (after, says), "{state:?} under {event:?}");
        }
        assert_eq!(table.len(), AlarmState::ALL.len() * Event::ALL.len());
    }

    #[test]
    fn a_state_changes_if_and_only_if_the_journal_says_raised_cleared_or_acknowledged() {
        for state in AlarmState::ALL {
            for event in Event::ALL {
                let (after, says) = step(state, event);
                let moves = matches!(says, Step::Raised | Step::Cleared | Step::Acknowledged);
                assert_eq!(moves, after != state, "{state:?} under {event:?}");
                assert!(event != Event::Lost || after == state);
                assert!(event != Event::HeldLate || after == state);
            }
        }
    }
}
