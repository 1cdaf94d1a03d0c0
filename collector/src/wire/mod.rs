//! The formats on the wire, each with its encoder and its decoder.
//!
//! Decoders borrow from the payload where they can, never panic, and hold their memory within a small multiple of the
//! payload's size: see the limits below. They know nothing of the plant; whether a name or a unit means anything is
//! decided by whoever asked.

pub mod birth;
mod cbor;
pub mod event;
pub mod hj212;
mod json;
pub mod published;
pub mod sparkplug;
pub mod telemetry;
pub mod time;
pub mod train;
pub mod uff;
pub mod wav;
pub mod waveform;
pub mod waveform_json;

/// Most values in one message.
pub const MAX_VALUES: usize = 65_536;
/// Longest text value, in bytes.
pub const MAX_TEXT: usize = 65_536;
/// Most samples in one waveform.
pub const MAX_SAMPLES: usize = 1 << 22;

pub use telemetry::{Flag, Frame, Reading, Scalar};
