//! Who judges the alarm system by its journal, and definitions by the past.

use historian::ReadError;
use plant::{AlarmCondition, AlarmId, PointId, Timestamp};

use crate::dto;

/// Why something was not studied.
#[derive(Debug)]
pub enum Unstudied {
    /// The store could not be read.
    Unreadable(ReadError),
    /// It would take too much: so many values or steps were found, and so many are looked at.
    TooCostly {
        /// What there is of them.
        what: &'static str,
        /// How many there are, at least.
        found: u64,
        /// How many are looked at.
        most: u64,
    },
    /// There is no such alarm.
    NoAlarm,
    /// There is no such point.
    NoPoint,
}

impl From<ReadError> for Unstudied {
    fn from(e: ReadError) -> Self {
        Self::Unreadable(e)
    }
}

/// A definition of which somebody asks what it would have done. Numbers are finite, deadband and delays not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The point whose single values are looked at.
    pub point: PointId,
    /// Which of its four limits.
    pub condition: AlarmCondition,
    /// The limit, in the point's unit.
    pub limit: f64,
    /// How far a value must come back; `None`: as at present.
    pub deadband: Option<f64>,
    /// How long the condition must hold, s.
    pub on_delay_s: f64,
    /// How long it must be gone, s.
    pub off_delay_s: f64,
}

/// Judges the alarm system by its journal, and definitions by the past. Its methods read the store and compute for as long
/// as it takes: they are called on a thread that may block, one at a time for each client.
pub trait AlarmStudy: Send + Sync + 'static {
    /// What the journal of `from <= t < to` amounts to, for so many operators at a time.
    fn performance(&self, from: Timestamp, to: Timestamp, operators: u32) -> Result<dto::AlarmPerformance, Unstudied>;
    /// What would have silenced an alarm, by the values of `from <= t < to`.
    fn coach(&self, alarm: AlarmId, from: Timestamp, to: Timestamp) -> Result<dto::AlarmCoach, Unstudied>;
    /// What a definition would have done with them.
    fn simulate(&self, what: &Proposal, from: Timestamp, to: Timestamp) -> Result<dto::AlarmSimulation, Unstudied>;
}
