//! Diagnosis: evidence, not an oracle.
//!
//! [`Examiner`] makes [`Symptoms`] of the records of one window and of numbers that come from elsewhere; [`assess`]
//! weighs them by [`TABLE`]. Every term of a score is shown with its bounds, and so is what is missing and how much it costs.
//! "Unknown" is a result. Where sensors failed, the speed is not steady or the machine is off there is no result at all,
//! only the code of why.
//!
//! Pure: no clock, nothing remembered between windows but buffers.

mod assess;
mod card;
mod examine;
mod gear;
pub(crate) mod known;
mod lines;
mod orbit;
mod pairs;
mod point;
mod quantity;
mod record;
mod symptoms;
mod table;
#[cfg(test)]
mod tests;

pub use assess::{Assessment, CONFIRMED, Outcome, PROBABLE, Term, Verdict, assess};
pub use card::{Card, Event};
pub use examine::{Examiner, Heard, MOST_RECORDS, gather, hear};
pub use gear::Meshing;
pub use known::CODES;
pub use orbit::orbit;
pub use pairs::Turning;
pub use plant::{Fault, Standing};
pub use quantity::{At, Own, Quantity, Subject};
pub use record::{Baseline, Clock, Record};
pub use symptoms::{
    BearingSymptom, Excitations, Gear, Given, Known, Line, ORDERS, Orbit, Place, PointSymptoms, Process, RunUp,
    Symptoms,
};
pub use table::{Entry, Row, TABLE, row};
