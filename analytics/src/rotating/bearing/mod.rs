//! Is a bearing damaged, and where: the envelope spectrum, by time or by angle, and what noise would show there.

mod envelope;
mod foreign;
pub mod null;
mod seated;
mod squared;
mod turned;

pub(super) use envelope::Envelope;
pub use envelope::{Refusal, SLIP, Scored};
pub use foreign::Sighting;
pub use seated::Seated;
pub use squared::{BAND_HIGH, BAND_LOW_HZ};
pub(super) use squared::{EnvelopePlans, RecordLines};
pub(super) use turned::{Record, Turned};
