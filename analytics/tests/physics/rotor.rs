//! Two rotors, four housings, a coupling: the slow part of the machine, by Runge and Kutta's fourth-order rule.

use std::f64::consts::TAU;

use analytics::rotating::testing::Noise;

use super::{Channel, Machine, Run, STATIONS, Way, contact};

/// Coordinates: x, y, z of each housing; x, y of each disc; z of each rotor; x, y of the journal in the film; the mesh.
const N: usize = 3 * STATIONS + 4 + 2 + 2 + 1;
const DISC: usize = 3 * STATIONS;
const AXIAL: usize = DISC + 4;
const JOURNAL: usize = AXIAL + 2;
const MESH: usize = JOURNAL + 2;
/// Steps within one sample.
const STEPS: usize = 1;

type Vector = [f64; N];

/// What drives the fast part: force in the mesh by sample, N.
pub struct Forces {
    pub mesh: Vec<f64>,
}

struct Model<'a> {
    m: &'a Machine,
    housing_kg: f64,
    disc_kg: [f64; 2],
    journal_kg: f64,
    /// Stiffness and damping of each housing by direction.
    k: [[f64; 3]; STATIONS],
    c: [[f64; 3]; STATIONS],
    /// Stiffness between disc and each of its two bearings.
    shaft: [[f64; 2]; 2],
    shaft_c: f64,
    coupling: f64,
    /// Part of the coupling's stiffness that turns with it once, twice, three times a turn.
    uneven: [f64; 3],
    /// Residual and added eccentricity of the discs, m, and its angle.
    eccentric: [(f64, f64); 2],
    mesh_kg: f64,
    mesh_k: f64,
    mesh_n: f64,
}

impl<'a> Model<'a> {
    fn new(m: &'a Machine, noise: &mut Noise) -> Self {
        let mut vary = |by: f64| 1.0 + by * (2.0 * noise.uniform() - 1.0);
        let omega = TAU * m.rated_hz;
        // What carries a plain bearing is heavier than a foot of sheet steel.
        let frame = if m.wrong.film.is_some() { 3.0 } else { 1.0 };
        let mut k: [[f64; 3]; STATIONS] = std::array::from_fn(|_| [1.0e7, 1.6e7, 1.2e7].map(|k| frame * k * vary(0.1)));
        if let Some(l) = &m.wrong.loose {
            (k[2][1], k[3][1]) = (l.k, l.k);
        }
        let disc_kg = [60.0 * vary(0.1), 60.0 * vary(0.1)];
        let c = std::array::from_fn(|s: usize| k[s].map(|k: f64| 0.12 * (k * 50.0).sqrt()));
        let driven = disc_kg[1] * (TAU * m.critical_hz).powi(2);
        let split = if m.wrong.film.is_some() { [0.25 * driven, 0.75 * driven] } else { [0.5 * driven; 2] };
        // What runs fast is balanced better.
        let grade = if m.wrong.film.is_some() { 0.3 } else { 0.8 };
        let residual = [grade * vary(0.5), grade * vary(0.5)].map(|g| g * 1e-3 / omega);
        let added = m.wrong.unbalance * 1e-3 / omega;
        Self {
            m,
            housing_kg: 20.0,
            disc_kg,
            journal_kg: 4.0,
            k,
            c,
            shaft: [[0.5e8; 2], split],
            shaft_c: 0.01 * (driven * disc_kg[1]).sqrt(),
            coupling: 2.0e6 * vary(0.2),
            uneven: [0.10 * vary(0.3), 0.30 * vary(0.2), 0.12 * vary(0.3)],
            eccentric: [(residual[0], TAU * vary(1.0)), (residual[1] + added, TAU * vary(1.0))],
            mesh_kg: 2.0,
            mesh_k: 2.0 * (TAU * 1800.0 * vary(0.15)).powi(2),
            mesh_n: 1500.0,
        }
    }

    /// Accelerations at angle `theta` (rad) and time `t`; `push` are random forces on the housings.
    fn accelerate(&self, at: (f64, f64, f64), q: &Vector, v: &Vector, push: &[f64; 12], a: &mut Vector) {
        let (t, theta, omega) = at;
        let mut f = [0.0; N];
        for s in 0..STATIONS {
            for d in 0..3 {
                let i = 3 * s + d;
                let (k, c) = (self.k[s][d], self.c[s][d]);
                f[i] = push[i]
                    + match (&self.m.wrong.loose, s, d) {
                        (Some(l), 2 | 3, 1) => contact::foot(l, (k, c), q[i], v[i]),
                        _ => -k * q[i] - c * v[i],
                    };
            }
        }
        self.shafts(theta, omega, q, v, &mut f);
        self.couple(theta, q, v, &mut f);
        self.electric(t, theta, &mut f);
        let mesh = self.gear(theta, q, v, &mut f);
        for (s, part) in [(2, 0.6), (3, 0.4)] {
            f[3 * s] += 0.35 * part * mesh;
            f[3 * s + 1] += 0.93 * part * mesh;
            // The wheel's vanes pass the tongue.
            f[3 * s] += 3.0 * (f64::from(self.m.vanes) * theta).cos();
        }
        for i in 0..N {
            a[i] = f[i] / self.mass(i);
        }
    }

    fn mass(&self, i: usize) -> f64 {
        match i {
            0..DISC => self.housing_kg,
            DISC..AXIAL => self.disc_kg[(i - DISC) / 2],
            AXIAL..JOURNAL => self.disc_kg[i - AXIAL],
            JOURNAL..MESH => self.journal_kg,
            _ => self.mesh_kg,
        }
    }

    fn shafts(&self, theta: f64, omega: f64, q: &Vector, v: &Vector, f: &mut Vector) {
        for r in 0..2 {
            let disc = DISC + 2 * r;
            let bow = if r == 1 { self.m.wrong.bow_um * 1e-6 } else { 0.0 };
            let turning = [bow * (theta + 0.7).cos(), bow * (theta + 0.7).sin()];
            for end in 0..2 {
                let s = 2 * r + end;
                let floats = s == 3 && self.m.wrong.film.is_some();
                for d in 0..2 {
                    let i = if floats { JOURNAL + d } else { 3 * s + d };
                    let stretch = q[disc + d] - q[i] - turning[d];
                    let force = self.shaft[r][end] * stretch + 0.5 * self.shaft_c * (v[disc + d] - v[i]);
                    f[disc + d] -= force;
                    f[i] += force;
                }
                // A bowed shaft stands askew in its bearings, opposite ways at its two ends, and rocks the housings.
                let lean = if end == 0 { 1.0 } else { -1.0 };
                f[3 * s + 2] += lean * 3.0e6 * bow * (theta + 0.7).cos();
            }
            let (e, phase) = self.eccentric[r];
            let pull = self.disc_kg[r] * e * omega * omega;
            f[disc] += pull * (theta + phase).cos();
            f[disc + 1] += pull * (theta + phase).sin();
        }
        self.film_and_seal(omega, q, v, f);
        if self.m.wrong.film.is_none() {
            // The journal coordinates are not in use: hold them.
            for d in 0..2 {
                f[JOURNAL + d] = -1e6 * q[JOURNAL + d] - 1e3 * v[JOURNAL + d];
            }
        }
    }

    fn film_and_seal(&self, omega: f64, q: &Vector, v: &Vector, f: &mut Vector) {
        let between = |i: usize, s: usize, x: &Vector| (x[i] - x[3 * s], x[i + 1] - x[3 * s + 1]);
        if let Some(film) = &self.m.wrong.film {
            let (fx, fy) = contact::film(film, between(JOURNAL, 3, q), between(JOURNAL, 3, v), omega);
            for (d, force) in [fx, fy].into_iter().enumerate() {
                f[JOURNAL + d] += force;
                f[9 + d] -= force;
            }
        }
        if let Some(seal) = &self.m.wrong.rub {
            let frame = |x: &Vector, d: usize| 0.5 * (x[6 + d] + x[9 + d]);
            let disc = DISC + 2;
            let z = (q[disc] - frame(q, 0), q[disc + 1] - frame(q, 1));
            let (fx, fy) = contact::rub(seal, z);
            for (d, force) in [fx, fy].into_iter().enumerate() {
                f[disc + d] += force;
                f[6 + d] -= 0.5 * force;
                f[9 + d] -= 0.5 * force;
            }
        }
    }

    /// The coupling's springs turn with the shaft while the offset of the shafts stands still.
    fn couple(&self, theta: f64, q: &Vector, v: &Vector, f: &mut Vector) {
        let wrong = &self.m.wrong;
        // Nobody aligns to nothing.
        let offset = (1e-3 * wrong.parallel_mm + 4e-6, 0.4e-3 * wrong.parallel_mm);
        let gap = (q[6] - q[3] + offset.0, q[7] - q[4] + offset.1);
        let [one, two, three] = self.uneven;
        let even = 1.0 + one * (theta + 1.1).cos() + three * (3.0 * theta).cos();
        let (s2, c2) = (2.0 * theta).sin_cos();
        let fx = self.coupling * (even * gap.0 + two * (c2 * gap.0 + s2 * gap.1)) - self.coupling * offset.0;
        let fy = self.coupling * (even * gap.1 + two * (s2 * gap.0 - c2 * gap.1)) - self.coupling * offset.1;
        f[3] += fx;
        f[4] += fy;
        f[6] -= fx;
        f[7] -= fy;
        // The angle bends the coupling once a turn: where its spokes are uneven it pushes the shafts apart.
        let angle = 1e-3 * wrong.angular_mrad + 3e-6;
        let apart = 1.2e6 * angle * ((theta + 0.4).cos() + 0.5 * (2.0 * theta + 0.2).cos());
        let link = 5.0e5 * (q[AXIAL + 1] - q[AXIAL]);
        f[AXIAL] += link - apart;
        f[AXIAL + 1] += apart - link;
        for (r, locating, other) in [(0, 1, 0), (1, 2, 3)] {
            for (s, k) in [(locating, 3.0e7), (other, 3.0e6)] {
                let i = 3 * s + 2;
                let force = k * (q[AXIAL + r] - q[i]) + 2.0e3 * (v[AXIAL + r] - v[i]);
                f[AXIAL + r] -= force;
                f[i] += force;
            }
        }
    }

    fn electric(&self, t: f64, theta: f64, f: &mut Vector) {
        let wrong = &self.m.wrong;
        let twice = TAU * 2.0 * self.m.line_hz * t;
        let pull = self.m.supply * (3.0 + wrong.stator_n) * (1.0 + 0.15 * (2.0 * theta).cos()) * twice.cos();
        let passing = (TAU * self.m.pole_pass_hz() * t).cos();
        let bar = self.m.supply * wrong.bar_n * passing;
        for s in 0..2 {
            f[3 * s] += 0.5 * (0.8 * pull + bar * theta.cos() + 0.3 * bar * (2.0 * theta).cos());
            f[3 * s + 1] += 0.5 * (pull + bar * theta.sin() + 0.3 * bar * (2.0 * theta).sin());
        }
    }

    /// One pair of teeth after the other takes the load, two at times; the stiffness of the mesh steps with them.
    fn gear(&self, theta: f64, q: &Vector, v: &Vector, f: &mut Vector) -> f64 {
        let teeth = f64::from(self.m.teeth);
        if teeth == 0.0 {
            f[MESH] = -self.mesh_k * q[MESH] - 200.0 * v[MESH];
            return 0.0;
        }
        let along = theta / TAU * teeth;
        let within = along.rem_euclid(1.0);
        // Contact ratio 1.6; profiles are relieved, so that the second pair takes over smoothly.
        let second = smooth(within, 0.6);
        // Every tooth differs a little from the next: two turns of a slow wave.
        let tooth = (along.rem_euclid(teeth)).floor();
        let pitch = 0.01 * (TAU * tooth / teeth).cos();
        let broken = if tooth == 0.0 { self.m.wrong.tooth } else { 0.0 };
        let k = self.mesh_k * (0.85 + 0.15 * second + pitch) * (1.0 - broken * smooth(within, 1.0));
        let c = 0.1 * (self.mesh_k * self.mesh_kg).sqrt();
        f[MESH] = self.mesh_n - k * q[MESH] - c * v[MESH];
        k * q[MESH] + c * v[MESH] - self.mesh_n
    }
}

/// 0 at both ends of 0 to `width`, 1 in the middle, 0 beyond.
fn smooth(x: f64, width: f64) -> f64 {
    if x < width { (TAU * 0.5 * x / width).sin().powi(2) } else { 0.0 }
}

/// Integrates from rest, leaves out the beginning, and gives the accelerations of the housings.
pub fn integrate(m: &Machine, noise: &mut Noise) -> (Run, Forces) {
    let model = Model::new(m, &mut Noise::new(m.seed ^ 0x5bd1_e995));
    let n = (m.seconds * m.fs) as usize;
    let settle = (1.0 * m.fs) as usize;
    let channels = (0..STATIONS).flat_map(|station| Way::ALL.map(|way| Channel { station, way, x: Vec::new() }));
    let mut run = Run { channels: channels.collect(), probe: (Vec::new(), Vec::new()), turns: Vec::new() };
    run.channels.iter_mut().for_each(|c| c.x.reserve(n));
    let mut forces = Forces { mesh: Vec::with_capacity(n) };
    let (mut q, mut v, mut a) = ([0.0; N], [0.0; N], [0.0; N]);
    let dt = 1.0 / (m.fs * STEPS as f64);
    let (mut theta, mut wander) = (0.0, 0.0);
    for i in 0..settle + n {
        let part = i.saturating_sub(settle) as f64 / n as f64;
        // Speed wanders a little with load and mains, as an Ornstein-Uhlenbeck process of some seconds.
        wander += -wander / (2.0 * m.fs) + 2e-4 * noise.normal() / m.fs.sqrt();
        let hz = (m.shaft_hz.0 + (m.shaft_hz.1 - m.shaft_hz.0) * part) * (1.0 + wander);
        let push = std::array::from_fn(|_| 12.0 * noise.normal());
        for step in 0..STEPS {
            let t = (i as f64 + step as f64 / STEPS as f64) / m.fs;
            rk4(&model, (t, theta, TAU * hz), dt, &mut q, &mut v, &push);
            theta += TAU * hz * dt;
        }
        if i >= settle {
            model.accelerate(((i + 1) as f64 / m.fs, theta, TAU * hz), &q, &v, &push, &mut a);
            record(&mut run, &mut forces, m, theta, &q, &a);
        }
    }
    (run, forces)
}

fn record(run: &mut Run, forces: &mut Forces, m: &Machine, theta: f64, q: &Vector, a: &Vector) {
    run.channels.iter_mut().zip(&a[..DISC]).for_each(|(c, a)| c.x.push(*a));
    let frame = |d: usize| 0.5 * (q[6 + d] + q[9 + d]);
    run.probe.0.push(q[DISC + 2] - frame(0));
    run.probe.1.push(q[DISC + 3] - frame(1));
    run.turns.push(theta / TAU);
    forces.mesh.push(if m.teeth == 0 { 0.0 } else { a[MESH] });
}

fn rk4(model: &Model<'_>, at: (f64, f64, f64), dt: f64, q: &mut Vector, v: &mut Vector, push: &[f64; 12]) {
    let (t, theta, omega) = at;
    let (mut k_q, mut k_v) = ([[0.0; N]; 4], [[0.0; N]; 4]);
    for (stage, part) in [0.0, 0.5, 0.5, 1.0].into_iter().enumerate() {
        let h = part * dt;
        let (mut qs, mut vs) = (*q, *v);
        if stage > 0 {
            for i in 0..N {
                qs[i] += h * k_q[stage - 1][i];
                vs[i] += h * k_v[stage - 1][i];
            }
        }
        model.accelerate((t + h, theta + omega * h, omega), &qs, &vs, push, &mut k_v[stage]);
        k_q[stage] = vs;
    }
    for i in 0..N {
        q[i] += dt / 6.0 * (k_q[0][i] + 2.0 * (k_q[1][i] + k_q[2][i]) + k_q[3][i]);
        v[i] += dt / 6.0 * (k_v[0][i] + 2.0 * (k_v[1][i] + k_v[2][i]) + k_v[3][i]);
    }
}
