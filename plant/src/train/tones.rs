//! Every frequency at which a machine may show something, from the speed of its measured shaft.

use super::{Belt, Gear, Member, Motor, PassingKind, Planetary, Shaft, Stage, Train, TrainError, TrainUnit, UnitKind};
use crate::{BearingFault, Machine, Name};

/// Slip of an induction motor beyond which it does not run on the stated supply, as a part of synchronous speed.
const MOST_SLIP: f64 = 0.1;
/// The shaft of a machine of which no train is stated.
const ONLY_SHAFT: &str = "shaft";

/// What shows at a frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToneKind {
    /// A shaft turns.
    Shaft,
    /// Two gears mesh.
    GearMesh,
    /// The same two teeth of a pair meet again.
    HuntingTooth,
    /// A planet passes a place on the fixed or slower member.
    PlanetPass,
    /// A damaged tooth of a planet meets sun or ring.
    PlanetTooth,
    /// Blades pass.
    BladePass,
    /// Vanes pass.
    VanePass,
    /// Lobes pass.
    LobePass,
    /// The belt comes round.
    Belt,
    /// Twice the frequency of the mains.
    Line2x,
    /// The slip passes the poles.
    PolePass,
    /// Rotor bars pass a pole.
    RotorBar,
    /// A damaged part of a bearing strikes.
    Bearing(BearingFault),
}

impl ToneKind {
    /// The stable label: `shaft`, `gear_mesh`, `outer_race`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shaft => "shaft",
            Self::GearMesh => "gear_mesh",
            Self::HuntingTooth => "hunting_tooth",
            Self::PlanetPass => "planet_pass",
            Self::PlanetTooth => "planet_tooth",
            Self::BladePass => "blade_pass",
            Self::VanePass => "vane_pass",
            Self::LobePass => "lobe_pass",
            Self::Belt => "belt",
            Self::Line2x => "line_2x",
            Self::PolePass => "pole_pass",
            Self::RotorBar => "rotor_bar",
            Self::Bearing(fault) => fault.as_str(),
        }
    }
}

/// A frequency that follows from the speed, and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// What shows there.
    pub kind: ToneKind,
    /// The shaft, unit or bearing that it belongs to.
    pub of: Name,
    /// The stage of a gearbox, counted from 1; 0 elsewhere.
    pub stage: u16,
    /// Hz, above 0.
    pub hz: f64,
    /// Distances of the sidebands that modulation by shafts brings, Hz; empty where there are none.
    pub sidebands_hz: Vec<f64>,
    /// By how much of itself it may be wrong: creep of belts, estimated geometry. Slip of rolling elements not
    /// included.
    pub tolerance: f64,
}

impl Machine {
    /// Every frequency that follows from the measured shaft turning at `measured_hz`; empty unless that is above 0.
    ///
    /// Shafts and meshes as in ISO 13373-3 and Randall, *Vibration-based Condition Monitoring* (2nd ed., 2021), ch. 2:
    /// mesh = z·f, sidebands at the speeds of both shafts; hunting tooth = mesh·gcd(z₁, z₂)/(z₁·z₂); belt = π·D·f/L;
    /// pole pass = poles·(2·line/poles − f); rotor bars = bars·f with sidebands at twice the line frequency. Planetary
    /// stages after Feng & Zuo, J. Sound Vib. 331 (2012), 4919: mesh = z_ring·|f_ring − f_carrier|, sidebands at
    /// mesh·planets/z of sun and ring and at the passing of planets; a planet's tooth meets 2·mesh/z_planet times a
    /// second. Bearings see [`crate::Geometry::orders`].
    pub fn tones(&self, measured_hz: f64) -> Result<Vec<Tone>, TrainError> {
        if !(measured_hz.is_finite() && measured_hz > 0.0) {
            return Ok(Vec::new());
        }
        let shafts = self.shafts()?;
        let mut all = Tones { shafts: &shafts, measured_hz, out: Vec::new() };
        for s in &shafts {
            all.push(ToneKind::Shaft, &s.name, s.ratio.abs() * measured_hz, s.tolerance);
        }
        for unit in self.train.iter().flat_map(|t| &t.units) {
            all.unit(unit);
        }
        for bearing in &self.bearings {
            let (Ok(orders), Some(seat)) = (bearing.geometry.orders(), self.seat(&shafts, bearing.name.as_str()))
            else {
                continue;
            };
            for fault in BearingFault::ALL {
                let hz = orders.strikes(fault) * seat.ratio.abs() * measured_hz;
                let tolerance = seat.tolerance + bearing.geometry.tolerance(fault);
                all.push(ToneKind::Bearing(fault), &bearing.name, hz, tolerance);
            }
        }
        Ok(all.out)
    }

    /// The shafts of its train; one, called `shaft`, where none is stated.
    pub fn shafts(&self) -> Result<Vec<Shaft>, TrainError> {
        match (&self.train, ONLY_SHAFT.parse()) {
            (Some(train), _) => train.shafts(),
            (None, Ok(name)) => Ok(vec![Shaft { name, ratio: 1.0, tolerance: 0.0 }]),
            (None, Err(_)) => Ok(Vec::new()),
        }
    }

    /// The one of `shafts` ([`Machine::shafts`]) on which the bearing called `bearing` sits.
    #[must_use]
    pub fn seat<'a>(&self, shafts: &'a [Shaft], bearing: &str) -> Option<&'a Shaft> {
        match &self.train {
            Some(train) => shafts.iter().find(|s| s.name == *train.seat(bearing)),
            None => shafts.first(),
        }
    }
}

impl Train {
    /// The speed of the measured shaft, Hz, while `shaft` turns at `hz`; `None` if there is no such shaft.
    pub fn measured_hz(&self, shaft: &str, hz: f64) -> Result<Option<f64>, TrainError> {
        Ok(self.shafts()?.iter().find(|s| s.name.as_str() == shaft).map(|s| hz / s.ratio.abs()))
    }
}

struct Tones<'a> {
    shafts: &'a [Shaft],
    measured_hz: f64,
    out: Vec<Tone>,
}

impl Tones<'_> {
    fn push(&mut self, kind: ToneKind, of: &Name, hz: f64, tolerance: f64) {
        self.push_with(kind, of, 0, hz, tolerance, Vec::new());
    }

    fn push_with(&mut self, kind: ToneKind, of: &Name, stage: u16, hz: f64, tolerance: f64, mut sidebands: Vec<f64>) {
        if !(hz.is_finite() && hz > 0.0) {
            return;
        }
        sidebands.retain(|v| v.is_finite() && *v > 0.0);
        self.out.push(Tone { kind, of: of.clone(), stage, hz, sidebands_hz: sidebands, tolerance });
    }

    /// Speed with its sign, Hz, and tolerance.
    fn speed(&self, shaft: &Name) -> (f64, f64) {
        let found = self.shafts.iter().find(|s| s.name == *shaft);
        found.map_or((0.0, 0.0), |s| (s.ratio * self.measured_hz, s.tolerance))
    }

    fn unit(&mut self, unit: &TrainUnit) {
        match &unit.kind {
            UnitKind::Motor(m) => self.motor(&unit.name, m),
            UnitKind::Coupling { .. } => {}
            UnitKind::Belt(b) => self.belt(&unit.name, b),
            UnitKind::Rotor { shaft, passing, .. } => {
                let Some(p) = passing else { return };
                let (hz, tolerance) = self.speed(shaft);
                let kind = match p.kind {
                    PassingKind::Blades => ToneKind::BladePass,
                    PassingKind::Vanes => ToneKind::VanePass,
                    PassingKind::Lobes => ToneKind::LobePass,
                };
                self.push_with(kind, &unit.name, 0, f64::from(p.count) * hz.abs(), tolerance, vec![hz.abs()]);
            }
            UnitKind::Gearbox(stages) => {
                for (i, stage) in (1u16..).zip(stages) {
                    match stage {
                        Stage::Gears(gears) => gears.windows(2).for_each(|pair| self.mesh(&unit.name, i, pair)),
                        Stage::Planetary(p) => self.planetary(&unit.name, i, p),
                        Stage::Ratio { .. } => {}
                    }
                }
            }
        }
    }

    fn motor(&mut self, name: &Name, m: &Motor) {
        let (signed, tolerance) = self.speed(&m.shaft);
        let hz = signed.abs();
        if let Some(line) = m.line_hz {
            self.push(ToneKind::Line2x, name, 2.0 * line, 0.0);
        }
        if let (Some(line), Some(poles)) = (m.line_hz, m.poles) {
            let poles = f64::from(poles);
            let synchronous = 2.0 * line / poles;
            let slip = synchronous - hz;
            // Generators run above, converters elsewhere: then there is no slip of this supply.
            if slip > 0.0 && slip <= MOST_SLIP * synchronous {
                self.push(ToneKind::PolePass, name, poles * slip, 0.0);
            }
        }
        if let Some(bars) = m.rotor_bars {
            let sidebands = m.line_hz.map(|line| 2.0 * line).into_iter().collect();
            self.push_with(ToneKind::RotorBar, name, 0, f64::from(bars) * hz, tolerance, sidebands);
        }
    }

    fn belt(&mut self, name: &Name, b: &Belt) {
        let Some(length) = b.length_mm else { return };
        let (hz, tolerance) = self.speed(&b.driving.shaft);
        let round = std::f64::consts::PI * b.driving.diameter_mm * hz.abs() / length;
        let creep = if b.toothed { 0.0 } else { super::BELT_CREEP };
        self.push(ToneKind::Belt, name, round, tolerance + creep);
    }

    fn mesh(&mut self, name: &Name, stage: u16, pair: &[Gear]) {
        let [a, b] = pair else { return };
        let ((of_a, tolerance), (of_b, _)) = (self.speed(&a.shaft), self.speed(&b.shaft));
        let mesh = f64::from(a.teeth) * of_a.abs();
        self.push_with(ToneKind::GearMesh, name, stage, mesh, tolerance, vec![of_a.abs(), of_b.abs()]);
        let together = f64::from(gcd(a.teeth, b.teeth)) / (f64::from(a.teeth) * f64::from(b.teeth));
        self.push_with(ToneKind::HuntingTooth, name, stage, mesh * together, tolerance, Vec::new());
    }

    fn planetary(&mut self, name: &Name, stage: u16, p: &Planetary) {
        let Some((member, shaft)) = Member::ALL.into_iter().find_map(|m| Some((m, p.shaft(m)?))) else { return };
        let (hz, tolerance) = self.speed(shaft);
        // One turn of whatever `turns` counts by.
        let unit = hz / p.turns(member);
        let relative = |m: Member| (p.turns(m) - p.turns(Member::Carrier)).abs() * unit.abs();
        let (ring, sun) = (relative(Member::Ring), relative(Member::Sun));
        let mesh = f64::from(p.ring_teeth) * ring;
        let planets = f64::from(p.planets);
        // A place on the ring is passed as often as the ring turns against the carrier, times planets; the sun likewise.
        let sidebands = vec![planets * ring, planets * sun];
        self.push_with(ToneKind::GearMesh, name, stage, mesh, tolerance, sidebands);
        self.push_with(ToneKind::PlanetPass, name, stage, planets * ring, tolerance, Vec::new());
        let tooth = 2.0 * mesh / f64::from(p.planet_teeth);
        self.push_with(ToneKind::PlanetTooth, name, stage, tooth, tolerance, Vec::new());
    }
}

fn gcd(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { gcd(b, a % b) }
}
