//! The fast part: what strikes, and the structure that rings. Every resonance is an oscillator under impulses, advanced
//! by its exact propagator.

use std::f64::consts::TAU;

use analytics::rotating::testing::Noise;

use super::{Machine, Part, Run, STATIONS, Way, rotor::Forces};

/// A damped oscillator, unit response to a unit impulse of acceleration.
struct Ring {
    re: f64,
    im: f64,
    turn: (f64, f64),
}

impl Ring {
    fn new(hz: f64, damping: f64, fs: f64) -> Self {
        let w = TAU * hz / fs;
        let (s, c) = w.sin_cos();
        let fade = (-damping * w).exp();
        Self { re: 0.0, im: 0.0, turn: (fade * c, fade * s) }
    }

    /// One sample on, struck by `impulse`.
    fn step(&mut self, impulse: f64) -> f64 {
        let (c, s) = self.turn;
        (self.re, self.im) = (self.re * c - self.im * s + impulse, self.re * s + self.im * c);
        self.im
    }
}

/// Where the parts of the rolling bearing are: the shaft turns, the cage is dragged along at the mean of the speeds of
/// the surfaces that an element rolls between, and the element spins as it rolls.
struct Rolling {
    cage: f64,
    spin: f64,
    slip: f64,
}

impl Rolling {
    fn step(&mut self, turned: f64, m: &Machine, noise: &mut Noise) {
        // Radii in units of the pitch radius: the inner race at 1 − r turns with the shaft, the outer stands.
        let cage = 0.5 * turned * (1.0 - m.ratio);
        let creep = self.slip + 0.003 * noise.normal();
        self.cage += cage * (1.0 + creep);
        // Seen from the cage: the element rolls on the outer race of radius 1 + r with its own radius r.
        self.spin += cage * (1.0 + creep) * ((1.0 + m.ratio) / m.ratio);
    }
}

/// Adds bearing impacts, cavitation, the ringing of the mesh and the noise of a running machine.
pub fn add(m: &Machine, forces: &Forces, run: &mut Run, noise: &mut Noise) {
    let n = run.turns.len();
    let struck = bearing(m, run, noise);
    let bubbles = bubbles(m, run, noise);
    let mut near = Ring::new(m.fs * (0.24 + 0.08 * noise.uniform()), 0.035, m.fs);
    let mut wet = [(0.20, 0.3), (0.29, 0.3), (0.36, 0.3)].map(|(at, damping)| Ring::new(at * m.fs, damping, m.fs));
    let mut rough: Vec<[Ring; 2]> =
        (0..STATIONS).map(|_| [0.17, 0.31].map(|at| Ring::new(at * m.fs, 0.1, m.fs))).collect();
    // From the source at station 3 to each station, and how much later.
    let path = [(0.03, 12), (0.05, 9), (0.25, 5), (1.0, 0)];
    let mut at_source = vec![0.0; n];
    for i in 0..n {
        let water: f64 = wet.iter_mut().map(|r| r.step(bubbles[i])).sum();
        at_source[i] = near.step(struck[i]) + water + 0.05 * forces.mesh[i] / 9.81;
    }
    for s in 0..STATIONS {
        let (gain, lag) = path[s];
        let mut hiss = Vec::with_capacity(n);
        for _ in 0..n {
            let push = 0.12 * noise.normal();
            hiss.push(rough[s].iter_mut().map(|r| r.step(push)).sum::<f64>());
        }
        for c in run.channels.iter_mut().filter(|c| c.station == s) {
            let toward = match c.way {
                Way::Horizontal => 0.8,
                Way::Vertical => 1.0,
                Way::Axial => 0.5,
            };
            for i in 0..n {
                let heard = if i >= lag { at_source[i - lag] } else { 0.0 };
                c.x[i] += toward * (gain * heard + hiss[i]);
            }
        }
    }
}

/// Impulses of the damaged part by sample, m/s².
fn bearing(m: &Machine, run: &Run, noise: &mut Noise) -> Vec<f64> {
    let mut out = vec![0.0; run.turns.len()];
    let Some((part, strength)) = m.wrong.bearing else { return out };
    let elements = f64::from(m.elements);
    let mut r = Rolling { cage: noise.uniform(), spin: noise.uniform(), slip: m.slip };
    let mut before = run.turns[0];
    for (i, turn) in run.turns.iter().enumerate() {
        let old = (r.cage, r.spin, before);
        r.step(turn - before, m, noise);
        before = *turn;
        // Passages since the last sample, and the angle of the defect against the load.
        let (passed, angle) = match part {
            Part::Outer => (crossed(elements * old.0, elements * r.cage), 0.0),
            Part::Inner => (crossed(elements * (old.2 - old.0), elements * (turn - r.cage)), *turn),
            // A spot on an element meets inner and outer race in turn.
            Part::Ball => (crossed(2.0 * old.1, 2.0 * r.spin), r.cage),
            Part::Cage => (crossed(old.0, r.cage), 0.0),
        };
        if passed {
            let zone = (TAU * angle).cos().max(-0.3) + 0.3;
            out[i] += strength * zone / 1.3 * (1.0 + 0.15 * noise.normal());
        }
    }
    out
}

fn crossed(from: f64, to: f64) -> bool {
    from.floor() != to.floor()
}

/// Collapses of bubbles: a Poisson process, thicker as a vane sheds them.
fn bubbles(m: &Machine, run: &Run, noise: &mut Noise) -> Vec<f64> {
    let strength = m.wrong.cavitation;
    let rate = 3000.0 / m.fs;
    run.turns
        .iter()
        .map(|turn| {
            let shed = 1.0 + 0.5 * (TAU * f64::from(m.vanes) * turn).cos();
            let collapse = strength > 0.0 && noise.uniform() < rate * shed;
            if collapse { -strength * noise.uniform().ln() } else { 0.0 }
        })
        .collect()
}
