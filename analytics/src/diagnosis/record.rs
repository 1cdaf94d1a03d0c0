//! What goes in: the records of one window and what is known of each.

use super::symptoms::Place;
use crate::rotating::{Seated, Stated};

/// What the phase of a record can be compared by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// Nothing: taken whenever it was. No phase.
    Own,
    /// Taken by one converter together with the others of its group.
    Shared {
        /// Which group.
        group: u32,
        /// First sample after the group's beginning, s.
        offset_s: f64,
    },
    /// A tacho was taken along.
    Tacho {
        /// Turns of the shaft since its mark passed, at the middle of the record.
        turn: f64,
    },
}

/// What a point was like when its machine was sound, in the same state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// [`super::PointSymptoms::broadband`], m/s² RMS.
    pub broadband: f64,
    /// [`super::PointSymptoms::floor`], mm/s RMS.
    pub floor: f64,
}

/// One point's record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it was taken.
    pub place: Place,
    /// Acceleration, m/s².
    pub x: &'a [f64],
    /// Samples a second.
    pub fs: f64,
    /// What the sensor says of itself.
    pub stated: Stated,
    /// What its phase can be compared by.
    pub clock: Clock,
    /// The bearings that it hears,
    pub bearings: &'a [Seated],
    /// and which of the machine's bearings each of them is (its own place in the list where this one is shorter): what two
    /// points hear of one bearing is one piece of evidence.
    pub ids: &'a [u16],
    /// Its past.
    pub baseline: Option<Baseline>,
}
