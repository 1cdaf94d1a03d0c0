//! The acceleration at one sensor.
//!
//! - **Rotor tones.** Imbalance (1×), misalignment (2×, a third of it at 3×), blades passing and gear mesh are
//!   displacements that the geometry imposes (the eccentricity, the offset of the coupling, the transmission error), so
//!   their acceleration is displacement·ω² ∝ rpm². The gear mesh also follows the load; each of its two sidebands stands
//!   a shaft frequency away. The phase is the integral of the speed, which runs linearly through the record.
//! - **Line tone.** 100 Hz of a motor on 50 Hz mains, independent of the speed.
//! - **Bearing impacts.** A spall is struck at the kinematic rate of its part (`plant::Geometry::orders`), each interval
//!   longer or shorter by [`JITTER`] (rolling elements slide a little; the deviations add up, as in Randall & Antoni,
//!   MSSP 25 (2011)), around a mean slip of [`MEAN_SLIP`]. Each impact excites the structure's resonance: a damped
//!   sinusoid, a two-pole recurrence. An inner race's spall turns through the load zone (amplitude 0 to 1 once per
//!   revolution), a ball's with the cage (½ to 1), an outer race's stays.
//! - **Rolling noise.** White noise through the same resonance, and a third of its power without it.
//!
//! A sensor at the other bearing feels impacts at [`TRANSMISSION`] of their size; vertical sensors and the other end feel
//! the tones reduced, as supports are stiffer vertically and the drive end carries the coupling.

use std::f64::consts::{SQRT_2, TAU};

use plant::{BearingFault, BearingOrders};

use super::noise::Noise;
use crate::kit::Rotor;

/// Deviation of one interval between impacts, as a share of it.
pub const JITTER: f64 = 0.01;
/// Mean slip of the rolling elements against kinematics.
pub const MEAN_SLIP: f64 = -0.006;
/// Share of an impact that arrives at the other bearing.
pub const TRANSMISSION: f64 = 0.05;
/// Damping ratio of the structure's resonance.
const DAMPING: f64 = 0.04;
/// Tones vertically, as a share of horizontally.
const VERTICAL: f64 = 0.7;
/// Tones at the other end, as a share of the drive end.
const OTHER_END: f64 = 0.8;
/// Tones vary from record to record by this share.
const UNSTEADY: f64 = 0.03;

/// A spall as one sensor feels it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spall {
    /// The bearing's kinematics.
    pub orders: BearingOrders,
    /// Which part.
    pub part: BearingFault,
    /// Peak of an impact at this sensor, m/s².
    pub impact_m_s2: f64,
}

/// What the machine does during one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Speed at the first sample, r/min.
    pub rpm_from: f64,
    /// Speed at the last sample, r/min.
    pub rpm_to: f64,
    /// Load, 1 = rated.
    pub load: f64,
    /// 1× velocity in place of the rotor's residual one, mm/s RMS at nominal speed.
    pub imbalance_mm_s: Option<f64>,
    /// A spall, if there is one.
    pub spall: Option<Spall>,
}

/// One sensor's place on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// At the drive end rather than the other.
    pub drive_end: bool,
    /// Measuring vertically rather than horizontally.
    pub vertical: bool,
}

/// The vibration at one sensor.
#[derive(Clone, Debug)]
pub struct Vibration {
    rotor: Rotor,
    nominal_rpm: f64,
    gain: f64,
    fs: f64,
    noise: Noise,
}

/// A sinusoid: frequency in multiples of shaft speed or in Hz, and its peak in m/s².
struct Tone {
    order: f64,
    hz: f64,
    peak: f64,
}

/// A two-pole recurrence: the impulse response is a damped sinusoid of peak about 1.
struct Resonator {
    c1: f64,
    c2: f64,
    gain: f64,
    y1: f64,
    y2: f64,
}

impl Resonator {
    fn new(hz: f64, fs: f64) -> Self {
        let w = TAU * hz / fs;
        let r = (-DAMPING * w).exp();
        // The response to a unit impulse is rⁿ·sin(w(n+1))/sin w.
        Self { c1: 2.0 * r * w.cos(), c2: r * r, gain: w.sin(), y1: 0.0, y2: 0.0 }
    }

    fn step(&mut self, x: f64) -> f64 {
        let y = self.c1 * self.y1 - self.c2 * self.y2 + self.gain * x;
        (self.y2, self.y1) = (self.y1, y);
        y
    }

    /// Deviation of the input that gives white noise of deviation 1 at the output (variance of an AR(2) process).
    fn unit_input(&self) -> f64 {
        let (c1, c2) = (self.c1, self.c2);
        let variance = (1.0 + c2) / ((1.0 - c2) * ((1.0 + c2) * (1.0 + c2) - c1 * c1));
        1.0 / (variance.sqrt() * self.gain)
    }
}

impl Vibration {
    /// The vibration at `place` of a machine with `rotor`, sampled at `fs` Hz.
    #[must_use]
    pub fn new(rotor: Rotor, nominal_rpm: f64, place: Place, fs: f64, noise: Noise) -> Self {
        let direction = if place.vertical { VERTICAL } else { 1.0 };
        let end = if place.drive_end { 1.0 } else { OTHER_END };
        Self { rotor, nominal_rpm, gain: direction * end, fs, noise }
    }

    /// One record of `samples` values, m/s².
    pub fn record(&mut self, condition: &Condition, samples: usize) -> Vec<f64> {
        let mut out = vec![0.0; samples];
        self.tones(condition, &mut out);
        self.random(condition, &mut out);
        out
    }

    fn tones(&mut self, condition: &Condition, out: &mut [f64]) {
        let f0 = self.nominal_rpm / 60.0;
        let speed = 0.5 * (condition.rpm_from + condition.rpm_to) / self.nominal_rpm;
        // Peak acceleration of a velocity in mm/s RMS that the machine shows at nominal speed, at a frequency of
        // `order` times its speed: displacement kept, so ∝ speed².
        let geometric = |order: f64, velocity: f64| SQRT_2 * velocity * 1e-3 * TAU * f0 * order * speed * speed;
        let r = self.rotor;
        let imbalance = condition.imbalance_mm_s.unwrap_or(r.imbalance_mm_s);
        let mut tones = vec![
            Tone { order: 1.0, hz: 0.0, peak: geometric(1.0, imbalance) },
            Tone { order: 2.0, hz: 0.0, peak: geometric(2.0, r.misalignment_mm_s) },
            Tone { order: 3.0, hz: 0.0, peak: geometric(3.0, r.misalignment_mm_s / 3.0) },
        ];
        if let Some((order, velocity)) = r.pass {
            tones.push(Tone { order, hz: 0.0, peak: geometric(order, velocity) });
        }
        if let Some(m) = r.mesh {
            let peak = SQRT_2 * m.acceleration_m_s2 * speed * speed * (0.5 + 0.5 * condition.load);
            for (offset, share) in [(-1.0, m.sideband), (0.0, 1.0), (1.0, m.sideband)] {
                tones.push(Tone { order: m.teeth + offset, hz: 0.0, peak: peak * share });
            }
            tones.push(Tone { order: 2.0 * m.teeth, hz: 0.0, peak: 0.3 * peak });
        }
        if r.line_mm_s > 0.0 {
            tones.push(Tone { order: 0.0, hz: 100.0, peak: SQRT_2 * r.line_mm_s * 1e-3 * TAU * 100.0 });
        }
        for tone in tones {
            let peak = tone.peak * self.gain * (1.0 + UNSTEADY * self.noise.gauss());
            let phase = TAU * self.noise.uniform();
            let from = tone.order * condition.rpm_from / 60.0 + tone.hz;
            let to = tone.order * condition.rpm_to / 60.0 + tone.hz;
            add_tone(out, peak, phase, from / self.fs, to / self.fs);
        }
    }

    fn random(&mut self, condition: &Condition, out: &mut [f64]) {
        let mut resonator = Resonator::new(self.rotor.resonance_hz, self.fs);
        // Two thirds of the power through the resonance, one third beside it.
        let coloured = self.rotor.rolling_m_s2 * (2.0f64 / 3.0).sqrt() * resonator.unit_input();
        let white = self.rotor.rolling_m_s2 * (1.0f64 / 3.0).sqrt();
        let mut impacts = condition.spall.map(|s| Impacts::new(s, condition, self.fs, out.len(), &mut self.noise));
        // Let the resonance settle before the record begins: it did not start with the first sample.
        let settle = (8.0 / (DAMPING * TAU * self.rotor.resonance_hz) * self.fs) as usize;
        for _ in 0..settle {
            resonator.step(coloured * self.noise.gauss());
        }
        for (n, value) in out.iter_mut().enumerate() {
            let hit = impacts.as_mut().map_or(0.0, |i| i.at(n, &mut self.noise));
            *value += resonator.step(coloured * self.noise.gauss() + hit) + white * self.noise.gauss();
        }
    }
}

/// Adds a sinusoid whose frequency runs linearly from `from` to `to` (cycles per sample), by rotating a phasor whose
/// step is itself rotated.
fn add_tone(out: &mut [f64], peak: f64, phase: f64, from: f64, to: f64) {
    let (mut re, mut im) = (peak * phase.cos(), peak * phase.sin());
    let (mut step_re, mut step_im) = ((TAU * from).cos(), (TAU * from).sin());
    let bend = TAU * (to - from) / (out.len() as f64);
    let (bend_re, bend_im) = (bend.cos(), bend.sin());
    for value in out.iter_mut() {
        *value += re;
        (re, im) = (re * step_re - im * step_im, re * step_im + im * step_re);
        (step_re, step_im) = (step_re * bend_re - step_im * bend_im, step_re * bend_im + step_im * bend_re);
    }
}

/// The train of impacts of one spall through one record.
struct Impacts {
    spall: Spall,
    fs: f64,
    rpm_from: f64,
    rpm_per_sample: f64,
    /// Time of the next impact, in samples.
    next: f64,
    /// What the last impact left for this sample.
    rest: f64,
    /// Angle of shaft and cage at the first sample, turns.
    start: (f64, f64),
}

impl Impacts {
    fn new(spall: Spall, condition: &Condition, fs: f64, samples: usize, noise: &mut Noise) -> Self {
        let mut impacts = Self {
            spall,
            fs,
            rpm_from: condition.rpm_from,
            rpm_per_sample: (condition.rpm_to - condition.rpm_from) / samples as f64,
            next: 0.0,
            rest: 0.0,
            start: (noise.uniform(), noise.uniform()),
        };
        impacts.next = noise.uniform() * impacts.interval(0.0);
        impacts
    }

    /// Samples between impacts at sample `n`, before jitter.
    fn interval(&self, n: f64) -> f64 {
        let shaft_hz = (self.rpm_from + self.rpm_per_sample * n) / 60.0;
        self.fs / (shaft_hz * self.spall.orders.strikes(self.spall.part) * (1.0 + MEAN_SLIP))
    }

    /// What strikes at sample `n`: each impact is shared between the two samples that it falls between.
    fn at(&mut self, n: usize, noise: &mut Noise) -> f64 {
        let mut hit = std::mem::take(&mut self.rest);
        while self.next < n as f64 + 1.0 {
            let size = self.size(self.next) * (1.0 + 0.1 * noise.gauss());
            let late = self.next - n as f64;
            hit += size * (1.0 - late);
            self.rest += size * late;
            // At least half an interval: the elements do not overtake each other.
            self.next += self.interval(self.next) * (1.0 + JITTER * noise.gauss()).max(0.5);
        }
        hit
    }

    /// Size of the impact at sample `n`, m/s².
    fn size(&self, n: f64) -> f64 {
        let turns = (self.rpm_from + 0.5 * self.rpm_per_sample * n) / 60.0 * n / self.fs;
        let swing = |start: f64, order: f64| (TAU * (start + turns * order)).cos();
        self.spall.impact_m_s2
            * match self.spall.part {
                BearingFault::OuterRace | BearingFault::Cage => 1.0,
                BearingFault::InnerRace => 0.5 + 0.5 * swing(self.start.0, 1.0),
                BearingFault::Ball => 0.75 + 0.25 * swing(self.start.1, self.spall.orders.ftf),
            }
    }
}
