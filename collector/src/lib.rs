//! From bytes to observations: what the payloads of machines mean.
//!
//! A [`Collector`] takes messages as they came through a door (the embedded broker, a session on another one), reads
//! their topic ([`topic::Topic`]) and payload ([`wire`]), finds the machine and point they speak of, converts to the
//! point's unit, and submits one batch to the store. What cannot be understood goes to quarantine in the same batch,
//! with a stable code and a sentence ([`fault::Fault`]); what comes twice is counted; the ledger adds up.
//!
//! ```
//! use collector::wire::{Frame, Reading, Scalar, telemetry};
//!
//! let payload = br#"{"ts": 1735689600123, "values": {"bearing_temp_de": 61.2, "speed": {"v": 1486, "u": "r/min"}}}"#;
//! let frames = telemetry::decode(payload).unwrap();
//! assert_eq!(frames[0].readings[1], Reading::new("speed", Scalar::Int(1486)).with_unit("r/min"));
//! assert_eq!(telemetry::decode(&telemetry::encode(&frames)).unwrap(), frames);
//!
//! let fault = telemetry::decode(br#"{"values": {"speed": {"v": 1486, "unit": "r/min"}}}"#).unwrap_err();
//! assert_eq!(fault.code.as_str(), "field_unknown");
//! ```
//!
//! What this crate does *not* know: sockets and MQTT (it sees topics and payloads), files (it submits to a recorder and
//! asks an archive), what analytics makes of the values, and what time it is (it is told when a message was received).

mod adopt;
mod collector;
mod cut;
mod discovery;
mod draft;
#[doc(hidden)]
pub mod dry;
pub mod fault;
mod interpreter;
mod machine;
mod mapped;
pub mod mapping;
mod parts;
mod recent;
mod records;
mod replay;
pub mod sparkplug;
#[cfg(test)]
mod tests;
pub mod topic;
mod values;
pub mod wire;

pub use adopt::{Adopt, AdoptError, AdoptPoint, Adopted};
pub use collector::{Collector, Counters, Message, Receipt, Retain};
pub use discovery::{NewMachine, NewPoint, NewPoints};
pub use draft::Command;
pub use interpreter::Config;
pub use parts::PartLimits;
pub use replay::{ReplayError, Replayed};
