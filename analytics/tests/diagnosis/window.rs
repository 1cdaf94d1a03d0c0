//! From a simulated machine to what a monitoring system would have of it: records, baselines, and what other
//! measurements gave.

use analytics::diagnosis::{
    Baseline, Clock, Examiner, Excitations, Gear, Given, Known, Place, Process, Record, RunUp, Symptoms, orbit,
};
use analytics::rotating::testing::Noise;
use analytics::rotating::{Analyser, Context, Plans, Seated, Stated};
use plant::{Axis, Geometry, Speed};

use crate::gear;
use crate::physics::{Machine, Run, Way};

/// Which other measurements there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Have {
    pub run_up: bool,
    pub probes: bool,
    pub slow_roll: bool,
    pub power_off: bool,
    pub suction: Option<f64>,
}

/// A window of a machine, owned.
pub struct Window {
    pub run: Run,
    pub baselines: Vec<Option<Baseline>>,
    pub bearings: Vec<Seated>,
    pub excitations: Excitations,
    pub given: Given,
    /// Places of the channels that are used.
    pub used: Vec<usize>,
    pub fs: f64,
    pub clock: Clock,
}

/// mm/s RMS: boundary A/B of ISO 20816-3, group 2, rigid.
const REFERENCE: f64 = 1.4;

pub fn place(station: usize, way: Way) -> Place {
    let axis = match way {
        Way::Horizontal => Axis::Horizontal,
        Way::Vertical => Axis::Vertical,
        Way::Axial => Axis::Axial,
    };
    Place { station: station as u16, rotor: (station / 2) as u16, axis }
}

impl Window {
    /// Runs `m` and measures it at both sides of the coupling and at the driven end.
    pub fn of(m: &Machine, have: Have) -> Self {
        let run = m.run();
        let shaft_hz = (run.turns[run.turns.len() - 1] - run.turns[0]) * m.fs / (run.turns.len() - 1) as f64;
        let used = (0..run.channels.len()).filter(|i| run.channels[*i].station > 0).collect();
        let geometry = Geometry::Dimensions {
            elements: m.elements as u16,
            ball_mm: 100.0 * m.ratio,
            pitch_mm: 100.0,
            contact_rad: 0.0,
        };
        let poles = f64::from(m.poles);
        let excitations = Excitations {
            shaft_hz,
            varied: 0.0,
            line_hz: Some(m.line_hz),
            pole_pass_hz: Some(poles * (2.0 * m.line_hz / poles - shaft_hz)),
            blade_pass_hz: Some(f64::from(m.vanes) * shaft_hz),
            mesh_hz: (m.teeth > 0).then(|| f64::from(m.teeth) * shaft_hz),
        };
        let mut window = Self {
            baselines: vec![None; run.channels.len()],
            run,
            bearings: vec![geometry.orders().unwrap().into()],
            excitations,
            given: Given { reference: Ok(REFERENCE), ..Given::NOTHING },
            used,
            fs: m.fs,
            clock: Clock::Shared { group: 1, offset_s: 0.0 },
        };
        window.learn(m);
        window.measure(m, have);
        window
    }

    pub fn records(&self) -> Vec<Record<'_>> {
        let bearings: [&[Seated]; 4] = [&[], &[], &self.bearings, &self.bearings];
        let record = |i: &usize| {
            let c = &self.run.channels[*i];
            Record {
                place: place(c.station, c.way),
                x: &c.x,
                fs: self.fs,
                stated: Stated::default(),
                clock: self.clock,
                bearings: bearings[c.station],
                ids: &[0],
                baseline: self.baselines[*i],
            }
        };
        self.used.iter().map(record).collect()
    }

    pub fn symptoms(&self) -> Result<Symptoms, &'static str> {
        Examiner::new(Plans::default()).examine(&self.records(), &self.excitations, &self.given)
    }

    /// Baselines from the same machine when it was sound.
    fn learn(&mut self, m: &Machine) {
        let sound = Machine { take: m.take + 1, ..m.sound() };
        let past = Self {
            run: sound.run(),
            baselines: vec![None; self.baselines.len()],
            bearings: Vec::new(),
            used: self.used.clone(),
            ..*self
        };
        let Ok(s) = past.symptoms() else { return };
        for (i, p) in self.used.iter().zip(&s.points) {
            if let (Ok(broadband), Ok(floor)) = (p.broadband, p.floor) {
                self.baselines[*i] = Some(Baseline { broadband, floor });
            }
        }
    }

    fn measure(&mut self, m: &Machine, have: Have) {
        let g = &mut self.given;
        if have.run_up {
            g.run_up = Ok(RunUp { exponent: exponent(m), critical_hz: critical(m) });
        }
        if have.probes {
            let um = |x: &[f64]| x.iter().map(|v| 1e6 * v).collect::<Vec<_>>();
            let probe = &self.run.probe;
            g.orbit = orbit(&um(&probe.0), &um(&probe.1), m.fs, self.excitations.shaft_hz);
        }
        if have.slow_roll {
            let slow = m.at(0.2 * m.mean_hz(), 3.0).run();
            g.slow_roll = Ok(2e6 * line(&slow.probe.0, m.fs, 0.2 * m.mean_hz()));
        }
        if have.power_off {
            let (with, without) = (m.at(m.mean_hz(), 2.5), m.without_supply().at(m.mean_hz(), 2.5));
            g.power_off = motor(&without).and_then(|after| Ok(after / motor(&with)?));
        }
        if let Some(suction) = have.suction {
            g.process = Ok(Process { suction: Ok(suction) });
        }
        if m.teeth > 0 {
            let c = &self.run.channels[7];
            let now = gear::metrics(&c.x, &self.run.turns, m.teeth as usize);
            let sound = Machine { take: m.take + 2, ..m.sound() }.run();
            let past = gear::metrics(&sound.channels[7].x, &sound.turns, m.teeth as usize);
            let cepstrum = Ok(now.cepstrum / past.cepstrum);
            g.gear = Ok(Gear { fm4: Ok(now.fm4), na4: Err("baseline"), cepstrum });
        }
    }
}

/// Peak amplitude of the line at `hz`, by projection on a whole number of turns.
fn line(x: &[f64], fs: f64, hz: f64) -> f64 {
    let turns = (x.len() as f64 * hz / fs).floor();
    let n = (turns * fs / hz).round() as usize;
    let mean = x[..n].iter().sum::<f64>() / n as f64;
    let angle = |i: usize| std::f64::consts::TAU * hz * i as f64 / fs;
    let c: f64 = (0..n).map(|i| (x[i] - mean) * angle(i).cos()).sum();
    let s: f64 = (0..n).map(|i| (x[i] - mean) * angle(i).sin()).sum();
    2.0 * c.hypot(s) / n as f64
}

/// Slope of ln(displacement at 1×) over ln(speed) at the driven end, from three speeds.
fn exponent(m: &Machine) -> Known {
    let points: Vec<(f64, f64)> = [0.45, 0.55, 0.65]
        .iter()
        .map(|part| {
            let hz = part * m.mean_hz();
            let run = m.at(hz, 2.0).run();
            let omega = std::f64::consts::TAU * hz;
            (hz.ln(), (line(&run.channels[9].x, m.fs, hz) / omega.powi(2)).ln())
        })
        .collect();
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let (top, bottom) =
        points.iter().fold((0.0, 0.0), |(t, b), (x, y)| (t + (x - mx) * (y - my), b + (x - mx).powi(2)));
    Ok(top / bottom)
}

/// The critical speed of the driven rotor on its supports: where, turned slowly, it answers to random pushes most.
fn critical(m: &Machine) -> Known {
    let slow = 0.15 * m.mean_hz();
    let run = m.sound().at(slow, 4.0).run();
    let lines = (0..160).map(|i| m.mean_hz() * (0.24 + 0.002 * f64::from(i)));
    // Neighbours are joined, as single lines of noise are rough.
    let power: Vec<(f64, f64)> = lines.map(|hz| (hz, line(&run.probe.0, m.fs, hz).powi(2))).collect();
    let smooth = power.windows(5).map(|w| (w[2].0, w.iter().map(|p| p.1).sum::<f64>()));
    smooth.max_by(|a, b| a.1.total_cmp(&b.1)).map(|p| p.0).ok_or("run_up")
}

fn motor(m: &Machine) -> Known {
    let run = m.run();
    let speed = Ok(Speed { mean_rpm: 60.0 * m.mean_hz(), range_rpm: None });
    let context = Context { speed, nominal_rpm: None, bearings: &[], alpha: 1e-4 };
    let mut analyser = Analyser::new(Plans::default());
    let mut overall = |i: usize| {
        analyser.analyse(&run.channels[i].x, m.fs, &Stated::default(), &context).velocity.map(|v| v.rms_mm_s)
    };
    Ok(overall(3)?.hypot(overall(4)?))
}

/// What a plant of this kind would have measured besides, by chance.
pub fn have(m: &Machine, cavitates: bool) -> Have {
    let mut noise = Noise::new(m.seed ^ 0x1234);
    let mut chance = |p: f64| noise.uniform() < p;
    // Fast machines in plain bearings and behind seals have probes, others seldom.
    let probes = m.wrong.film.is_some() || m.wrong.rub.is_some() || chance(0.3);
    let (run_up, slow_roll, power_off) = (chance(0.7), probes || chance(0.3), chance(0.6));
    let known = chance(0.6);
    let suction = if cavitates { 0.9 + 0.2 * noise.uniform() } else { 1.4 + 0.6 * noise.uniform() };
    Have { run_up, probes, slow_roll, power_off, suction: known.then_some(suction) }
}
