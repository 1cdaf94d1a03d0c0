//! What the sensors of a machine would measure. Pure, seeded, without I/O and without a clock.
//!
//! - [`noise`]: the random numbers, the same on every platform for the same seed.
//! - [`process`]: load, speed, current, temperatures, pressure and flow, once a second.
//! - [`vibration`]: the acceleration at one sensor: rotor tones, gear mesh, bearing impacts, rolling noise.
//! - [`sensor`]: accelerometer and converter: noise, bias, full scale, quantisation, a loose connector.
//!
//! The laws are stated where they are computed. They are simple and independent of the analysis that is run on their
//! output: nothing here computes a spectrum, an envelope or a limit.

pub mod noise;
pub mod process;
pub mod sensor;
pub mod vibration;

#[cfg(test)]
mod tests;
