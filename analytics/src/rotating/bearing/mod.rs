//! Is a bearing damaged, and where: the envelope spectrum, by time or by angle, and what noise would show there.

mod envelope;
pub mod null;
mod seated;
mod turned;

pub use envelope::{BAND_HIGH, BAND_LOW_HZ, Refusal, SLIP, Scored};
pub(super) use envelope::{Envelope, EnvelopePlans, Transformed};
pub use seated::Seated;
pub(super) use turned::{Record, Turned};
