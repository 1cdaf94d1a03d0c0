//! The state machine: every state under every event, and random walks beside a model that is written another way.

use proptest::prelude::*;

use super::*;
use AlarmState::{Acknowledged as Ack, Latched, Normal, ReturnedUnacknowledged as Returned, Unacknowledged as Unack};

/// Of an alarm that does not latch and is told.
const PLAIN: Manner = Manner { latching: false, inhibited: false };

#[test]
fn every_state_under_every_event() {
    use Event::*;
    let table = [
        (Normal, Holds, Unack, Step::Raised),
        (Normal, Gone, Normal, Step::None),
        (Normal, Acknowledge, Normal, Step::None),
        (Normal, Reset, Normal, Step::None),
        (Normal, HeldLate, Normal, Step::Historical),
        (Normal, Lost, Normal, Step::None),
        (Normal, Renewed, Normal, Step::None),
        (Normal, Again, Normal, Step::None),
        (Normal, Released, Normal, Step::Released),
        (Unack, Holds, Unack, Step::None),
        (Unack, Gone, Returned, Step::Cleared),
        (Unack, Acknowledge, Ack, Step::Acknowledged),
        (Unack, Reset, Unack, Step::None),
        (Unack, HeldLate, Unack, Step::None),
        (Unack, Lost, Unack, Step::ValueLost),
        (Unack, Renewed, Unack, Step::Updated),
        (Unack, Again, Unack, Step::None),
        (Unack, Released, Unack, Step::Released),
        (Ack, Holds, Ack, Step::None),
        (Ack, Gone, Normal, Step::Cleared),
        (Ack, Acknowledge, Ack, Step::None),
        (Ack, Reset, Ack, Step::None),
        (Ack, HeldLate, Ack, Step::None),
        (Ack, Lost, Ack, Step::ValueLost),
        (Ack, Renewed, Ack, Step::Updated),
        (Ack, Again, Unack, Step::ReAlarmed),
        (Ack, Released, Unack, Step::Released),
        (Returned, Holds, Unack, Step::Raised),
        (Returned, Gone, Returned, Step::None),
        (Returned, Acknowledge, Normal, Step::Acknowledged),
        (Returned, Reset, Returned, Step::None),
        (Returned, HeldLate, Returned, Step::Historical),
        (Returned, Lost, Returned, Step::None),
        (Returned, Renewed, Returned, Step::None),
        (Returned, Again, Returned, Step::None),
        (Returned, Released, Returned, Step::Released),
        (Latched, Holds, Unack, Step::Raised),
        (Latched, Gone, Latched, Step::None),
        (Latched, Acknowledge, Latched, Step::None),
        (Latched, Reset, Normal, Step::Reset),
        (Latched, HeldLate, Latched, Step::Historical),
        (Latched, Lost, Latched, Step::None),
        (Latched, Renewed, Latched, Step::None),
        (Latched, Again, Latched, Step::None),
        (Latched, Released, Latched, Step::Released),
    ];
    assert_eq!(table.len(), AlarmState::ALL.len() * Event::ALL.len());
    for (state, event, after, says) in table {
        assert_eq!(step(state, event, PLAIN), (after, says), "{state:?} under {event:?}");
        for (latching, inhibited) in [(true, false), (false, true), (true, true)] {
            // What differs where it latches, or where nobody is told.
            let after = match (state, event) {
                (Ack, Gone) | (Returned, Acknowledge) if latching => Latched,
                (Unack, Gone) if inhibited && !latching => Normal,
                _ => after,
            };
            let found = step(state, event, Manner { latching, inhibited });
            assert_eq!(found, (after, says), "{state:?} under {event:?}, latching {latching}, inhibited {inhibited}");
        }
    }
}

#[test]
fn bad_and_late_data_move_nothing() {
    for state in AlarmState::ALL {
        for latching in [false, true] {
            for event in [Event::Lost, Event::HeldLate, Event::Renewed] {
                assert_eq!(step(state, event, Manner { latching, inhibited: false }).0, state);
            }
        }
    }
}

/// The alarm as three facts, from which its state follows: does it hold, does it wait to be seen, does it wait to be reset.
#[derive(Clone, Copy, Debug, Default)]
struct Model {
    holds: bool,
    unseen: bool,
    kept: bool,
}

impl Model {
    fn take(&mut self, event: Event, m: Manner) {
        match event {
            Event::Holds if !self.holds => *self = Self { holds: true, unseen: true, kept: false },
            Event::Gone if self.holds => {
                self.holds = false;
                self.kept = m.latching;
                self.unseen &= m.latching || !m.inhibited;
            }
            Event::Acknowledge => {
                // Seen after it was gone: it is kept if it latches now.
                if self.unseen && !self.holds {
                    self.kept = m.latching;
                }
                self.unseen = false;
            }
            Event::Reset if !self.holds && !self.unseen => self.kept = false,
            Event::Again | Event::Released if self.holds => self.unseen = true,
            _ => {}
        }
    }

    fn state(self) -> AlarmState {
        match (self.holds, self.unseen, self.kept) {
            (true, true, _) => Unack,
            (true, false, _) => Ack,
            (false, true, _) => Returned,
            (false, false, true) => Latched,
            (false, false, false) => Normal,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn random_walks_agree_with_the_model(
        walk in prop::collection::vec((0..Event::ALL.len(), any::<bool>(), any::<bool>()), 1..60)
    ) {
        let (mut state, mut model) = (Normal, Model::default());
        for (i, latching, inhibited) in walk {
            let (event, manner) = (Event::ALL[i], Manner { latching, inhibited });
            let (after, says) = step(state, event, manner);
            model.take(event, manner);
            prop_assert_eq!(after, model.state(), "{:?} under {:?} with {:?}", state, event, manner);
            let moves = matches!(
                says,
                Step::Raised | Step::Cleared | Step::Acknowledged | Step::Reset | Step::ReAlarmed | Step::Released
            );
            prop_assert!(moves || after == state, "a change that the journal does not say");
            state = after;
        }
    }
}
