//! A machine that obeys mechanics, to hold the diagnosis against: a motor and what it drives, each a rotor on two bearing
//! housings, integrated in time. Nothing here knows how a fault is recognised; what the sensors say follows from
//! masses, springs, films, contacts and impacts.
//!
//! Stations along the train: 0 and 1 carry the motor's rotor, 2 and 3 the driven one; the coupling lies between 1 and 2.

pub mod contact;
pub mod impacts;
pub mod rotor;
pub mod sensor;
pub mod zoo;

use analytics::rotating::testing::Noise;

/// Housings along the train.
pub const STATIONS: usize = 4;

/// Which way a sensor looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Horizontal,
    Vertical,
    Axial,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Horizontal, Self::Vertical, Self::Axial];
}

/// The damaged part of a rolling bearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Outer,
    Inner,
    Ball,
    Cage,
}

/// Supports of the driven machine that lift.
#[derive(Clone, Copy, Debug)]
pub struct Loose {
    /// What still holds each of them down, N.
    pub preload_n: f64,
    /// Stiffness while pressed, N/m.
    pub k: f64,
    /// Stiffness while lifted, as a part of that while pressed.
    pub lift: f64,
}

/// A fluid film in place of the rolling bearing at station 3 (Muszynska, J. Sound Vib. 110 (1986), 443).
#[derive(Clone, Copy, Debug)]
pub struct Film {
    /// Mean circumferential speed of the fluid over that of the shaft.
    pub lambda: f64,
    /// Radial stiffness at the centre, N/m, and how it grows with the square of the displacement, N/m³.
    pub k: f64,
    pub k3: f64,
    /// Damping, N·s/m.
    pub d: f64,
}

/// A seal that the disc touches on one side.
#[derive(Clone, Copy, Debug)]
pub struct Rub {
    /// Clearance, m.
    pub gap: f64,
    /// Stiffness of the contact, N/m.
    pub k: f64,
    /// Coefficient of friction.
    pub mu: f64,
    /// Direction of the contact from the horizontal, rad.
    pub at: f64,
}

/// What is wrong, by how much. All 0 is a sound machine but for what its makers left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrong {
    /// Eccentricity of the driven rotor times its speed, mm/s (the grade G of ISO 21940-11), beyond what is left.
    pub unbalance: f64,
    /// Offset of the shafts, mm, and their angle, mrad.
    pub parallel_mm: f64,
    pub angular_mrad: f64,
    /// Bow of the driven rotor, µm.
    pub bow_um: f64,
    pub loose: Option<Loose>,
    pub film: Option<Film>,
    pub rub: Option<Rub>,
    /// Part and strength of an impact, m/s² at the sensor.
    pub bearing: Option<(Part, f64)>,
    /// Lost part of the mesh stiffness while the broken tooth should carry.
    pub tooth: f64,
    /// Force at twice the line frequency, N.
    pub stator_n: f64,
    /// Modulation of the rotor's magnetic pull at the pole-pass frequency, N.
    pub bar_n: f64,
    /// Strength of collapsing bubbles, m/s² at the sensor.
    pub cavitation: f64,
}

/// A machine, how it runs and how it is measured.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Of the machine itself.
    pub seed: u64,
    /// Of what is random in one record of it.
    pub take: u64,
    pub fs: f64,
    pub seconds: f64,
    /// Shaft speed at the beginning and at the end of the record, Hz.
    pub shaft_hz: (f64, f64),
    /// The speed that its grades of balance are meant at, Hz.
    pub rated_hz: f64,
    /// 1, or 0 with the supply cut.
    pub supply: f64,
    /// Line frequency, Hz, and poles of the motor.
    pub line_hz: f64,
    pub poles: u32,
    /// Vanes of the driven wheel.
    pub vanes: u32,
    /// Teeth on the driven shaft; 0 where there is no gear.
    pub teeth: u32,
    /// Critical speed of the driven rotor on rigid bearings, Hz.
    pub critical_hz: f64,
    /// Rolling bearing at station 3: elements, diameter over pitch diameter.
    pub elements: u32,
    pub ratio: f64,
    /// By how much its cage lags behind rolling, as a part of its speed; negative.
    pub slip: f64,
    pub wrong: Wrong,
}

/// One channel, m/s² of acceleration.
#[derive(Clone, Debug)]
pub struct Channel {
    pub station: usize,
    pub way: Way,
    pub x: Vec<f64>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Run {
    pub channels: Vec<Channel>,
    /// Shaft against housing at the driven rotor's middle, horizontal and vertical, m.
    pub probe: (Vec<f64>, Vec<f64>),
    /// Angle of the shaft at each sample, turns.
    pub turns: Vec<f64>,
}

impl Machine {
    /// The mean speed, Hz.
    pub fn mean_hz(&self) -> f64 {
        0.5 * (self.shaft_hz.0 + self.shaft_hz.1)
    }

    /// The frequency of pole passing at the mean speed, Hz: poles times the slip of the rotor behind the field.
    pub fn pole_pass_hz(&self) -> f64 {
        let field = 2.0 * self.line_hz / f64::from(self.poles);
        f64::from(self.poles) * (field - self.mean_hz())
    }

    /// The same machine, sound.
    pub fn sound(&self) -> Self {
        Self { wrong: Wrong { film: self.wrong.film.map(quiet), ..Wrong::default() }, ..self.clone() }
    }

    /// The same machine with its supply cut, still at speed.
    pub fn without_supply(&self) -> Self {
        Self { supply: 0.0, ..self.clone() }
    }

    /// The same machine at another speed, for `seconds`.
    pub fn at(&self, hz: f64, seconds: f64) -> Self {
        Self { shaft_hz: (hz, hz), seconds, rated_hz: self.rated_hz, ..self.clone() }
    }

    /// Lets it run.
    pub fn run(&self) -> Run {
        let mut noise = Noise::new(self.seed.wrapping_mul(1009).wrapping_add(self.take));
        let (mut run, forces) = rotor::integrate(self, &mut noise);
        impacts::add(self, &forces, &mut run, &mut noise);
        sensor::convert(&mut run, &mut noise);
        run
    }
}

/// A film that does not drive the shaft around.
fn quiet(film: Film) -> Film {
    Film { lambda: 0.0, k: 10.0 * film.k, ..film }
}
