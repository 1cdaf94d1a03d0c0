//! The slow quantities of a machine.
//!
//! - Load: a mean, a sine of 10 min that is half the swing, and a first-order random walk back to the mean with a time
//!   constant of 60 s that is the other half.
//! - Speed: an induction motor's, n = n₀·(1 − s·load) with n₀ such that rated load gives the nominal speed; a deviation
//!   of 0.03 % with a time constant of 20 s for the mains frequency.
//! - Current: √(i₀² + (1 − i₀²)·load²) of the rated one, with 30 % magnetising current i₀.
//! - Temperatures: first-order lag towards ambient + rise·(0.4 + 0.6·load), for windings rise·load².
//! - Pressure ∝ speed², flow ∝ speed·load (affinity laws with the throttle following the load).

use std::f64::consts::TAU;

use super::noise::Noise;
use crate::kit::{Process, Signal};

/// One machine's slow state; one [`Plant::step`] a second.
#[derive(Clone, Debug)]
pub struct Plant {
    constants: Process,
    nominal_rpm: f64,
    noise: Noise,
    seconds: f64,
    phase: f64,
    wander: f64,
    mains: f64,
    /// Load, 1 = rated.
    load: f64,
    rpm: f64,
    /// Drive end, other end, winding.
    temps: [f64; 3],
}

/// Deviation of an AR(1) process per step for a given deviation of its values.
fn drive(tau_s: f64) -> (f64, f64) {
    let keep = (-1.0 / tau_s).exp();
    (keep, (1.0 - keep * keep).sqrt())
}

impl Plant {
    /// A machine that has been running for hours.
    #[must_use]
    pub fn new(constants: Process, nominal_rpm: f64, mut noise: Noise) -> Self {
        let phase = noise.uniform();
        let mut plant = Self {
            constants,
            nominal_rpm,
            noise,
            seconds: 0.0,
            phase,
            wander: 0.0,
            mains: 0.0,
            load: constants.load,
            rpm: nominal_rpm,
            temps: [0.0; 3],
        };
        plant.step(0.0);
        plant.temps = plant.targets(0.0);
        plant
    }

    /// One second on. `friction_k` is what a damaged bearing adds to the drive end's temperature in the long run, K.
    pub fn step(&mut self, friction_k: f64) {
        self.seconds += 1.0;
        let c = self.constants;
        let (keep, push) = drive(60.0);
        self.wander = keep * self.wander + push * self.noise.gauss();
        let sine = (TAU * (self.seconds / 600.0 + self.phase)).sin();
        // Both halves together stay within the swing nearly always; the clamp is for the rest.
        let swing = (0.5 * sine + 0.2 * self.wander).clamp(-1.0, 1.0);
        self.load = (c.load + c.swing * swing).clamp(0.05, 1.2);
        let (keep, push) = drive(20.0);
        self.mains = keep * self.mains + push * self.noise.gauss();
        let slip = (1.0 - c.slip * self.load) / (1.0 - c.slip);
        self.rpm = self.nominal_rpm * slip * (1.0 + 3e-4 * self.mains.clamp(-3.0, 3.0));
        let lag = 1.0 - (-1.0 / c.tau_s).exp();
        let targets = self.targets(friction_k);
        for (t, target) in self.temps.iter_mut().zip(targets) {
            *t += lag * (target - *t);
        }
    }

    fn targets(&self, friction_k: f64) -> [f64; 3] {
        let c = self.constants;
        let bearing = c.ambient_c + c.bearing_rise_k * (0.4 + 0.6 * self.load);
        [bearing + friction_k, bearing - 3.0, c.ambient_c + c.winding_rise_k * self.load * self.load]
    }

    /// Shaft speed, r/min.
    #[must_use]
    pub fn rpm(&self) -> f64 {
        self.rpm
    }

    /// Load, 1 = rated.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.load
    }

    /// What the point that shows `signal` reads, in the kit's unit and with the resolution of its transmitter.
    pub fn read(&mut self, signal: Signal) -> f64 {
        let c = self.constants;
        let speed = self.rpm / self.nominal_rpm;
        let (value, noise, digits) = match signal {
            Signal::Speed => (self.rpm, 0.0, 0.1),
            Signal::Load => (100.0 * self.load, 0.1, 0.1),
            Signal::Current => (c.rated_a * (0.09 + 0.91 * self.load * self.load).sqrt(), 0.003 * c.rated_a, 0.1),
            Signal::BearingTempDe => (self.temps[0], 0.05, 0.1),
            Signal::BearingTempNde => (self.temps[1], 0.05, 0.1),
            Signal::WindingTemp => (self.temps[2], 0.05, 0.1),
            Signal::Pressure => (c.rated_kpa * speed * speed, 0.004 * c.rated_kpa, c.rated_kpa / 4000.0),
            Signal::Flow => (c.rated_m3h * speed * self.load, 0.004 * c.rated_m3h, 0.1),
        };
        let raw = value + noise * self.noise.gauss();
        // A decimal that prints short: rounded in steps of 1/k for whole k.
        if digits == 0.1 { (raw * 10.0).round() / 10.0 } else { ((raw / digits).round() * digits * 1e3).round() / 1e3 }
    }
}
