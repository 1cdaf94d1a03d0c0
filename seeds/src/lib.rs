//! Plants as data, the simulator that plays them over MQTT, and the replay of recordings.
//!
//! - [`kit`]: machines, points, limits, bearings and scripted faults of a plant.
//! - [`physics`]: what the sensors of such a plant would measure; pure and seeded.
//! - [`publisher`]: an MQTT publisher that loses nothing between a call and its PUBACK.
//! - [`simulator`]: the first three together.
//! - [`import`]: recordings of analysers, as waveforms of a machine.
//! - [`replay`]: labelled recordings, published as if they were measured now.
//!
//! What this crate does *not* know: how anything is stored or judged. It speaks to the platform through a socket and
//! the wire formats of `collector::wire`, like any gateway, and publishes what sensors measure and what a commissioning
//! engineer knows (names, bearings, limits); of the faults that it plays, and of the labels of a recording, it says
//! nothing.

#[cfg(test)]
mod fake_broker;
pub mod import;
pub mod kit;
pub mod physics;
pub mod publisher;
pub mod replay;
pub mod simulator;
