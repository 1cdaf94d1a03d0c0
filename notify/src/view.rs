//! What there is to see of notifications from outside.

use std::sync::{Arc, Mutex, PoisonError};

use crate::outcome::Outcome;
use crate::state::{Health, Logged, Target};

/// A channel as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: &'static str,
    /// How it fares.
    pub health: Health,
    /// Alarms that wait for it.
    pub waiting: u64,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Channels, by name.
    pub channels: Vec<ChannelView>,
    /// The delivery log, the oldest first.
    pub log: Vec<Logged>,
    /// Alarms whose escalation goes on.
    pub escalating: u64,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// To whom.
    pub target: Target,
    /// What was said.
    pub outcome: Outcome,
}

/// The view, shared with whoever shows it.
#[derive(Clone, Debug, Default)]
pub struct ViewCell(Arc<Mutex<View>>);

impl ViewCell {
    /// As it stands.
    #[must_use]
    pub fn get(&self) -> View {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, view: View) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
