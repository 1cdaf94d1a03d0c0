//! A kit as its file states it, and the way from there to a [`super::Kit`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collector::wire::birth::WireBearing;
use collector::wire::train::WireTrain;
use plant::{
    Axis, Bearing, BearingFault, Foundation, Geometry, IdError, Limits, Location, Machine, MachineClass, MachineId,
    Name, Point, PointId, PointKind, Severity, Train, Unit,
};
use serde::Deserialize;

use super::{Accelerometer, Fault, KitError, KitMachine, Mesh, Process, Rotor, ScriptedFault, Signal, SignalPoint};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kit {
    name: String,
    site: String,
    title: Title,
    bearings: BTreeMap<String, Dimensions>,
    signals: BTreeMap<String, SignalTemplate>,
    accelerometer: AccelerometerTemplate,
    machines: Vec<RawMachine>,
    #[serde(default)]
    faults: Vec<RawFault>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Title {
    zh: String,
    en: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct Dimensions {
    elements: u16,
    ball_mm: f64,
    pitch_mm: f64,
    contact_deg: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalTemplate {
    title: Title,
    unit: String,
    of: Option<String>,
    range: [f64; 2],
    #[serde(default)]
    limits: RawLimits,
    period_s: u64,
    bearing: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    hh: Option<f64>,
    h: Option<f64>,
    l: Option<f64>,
    ll: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccelerometerTemplate {
    unit: String,
    range: [f64; 2],
    fs: f64,
    samples: usize,
    period_s: u64,
    noise_m_s2: f64,
    bias_v: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMachine {
    name: String,
    title: Title,
    area: String,
    line: String,
    gateway: String,
    class: String,
    rated_kw: f64,
    shaft_height_mm: Option<f64>,
    foundation: String,
    nominal_rpm: f64,
    rated: BTreeMap<String, f64>,
    #[serde(default)]
    bearings: BTreeMap<String, String>,
    /// On which shaft of the train a bearing sits; on the measured one if it is not listed.
    #[serde(default)]
    shafts: BTreeMap<String, String>,
    train: Option<WireTrain>,
    signals: Vec<String>,
    process: RawProcess,
    vibration: Option<RawRotor>,
    #[serde(default)]
    accelerometers: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawProcess {
    load: f64,
    #[serde(default = "default_swing")]
    swing: f64,
    slip: f64,
    bearing_rise_k: f64,
    tau_s: f64,
}

fn default_swing() -> f64 {
    0.04
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawRotor {
    imbalance_mm_s: f64,
    misalignment_mm_s: f64,
    pass: Option<RawPass>,
    mesh: Option<RawMesh>,
    #[serde(default)]
    line_mm_s: f64,
    rolling_m_s2: f64,
    resonance_hz: f64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawPass {
    order: f64,
    velocity_mm_s: f64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawMesh {
    teeth: f64,
    acceleration_m_s2: f64,
    sideband: f64,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum RawFault {
    Bearing { machine: String, bearing: String, part: String, at_s: u64, grow_s: f64, impact_m_s2: f64 },
    Imbalance { machine: String, at_s: u64, velocity_mm_s: f64 },
    Connector { machine: String, point: String, at_s: u64 },
    Gateway { gateway: String, at_s: u64 },
}

fn wrong(place: impl Into<String>, what: impl Into<String>) -> KitError {
    KitError::Content { place: place.into(), what: what.into() }
}

/// Names the place in which a name is none.
fn at<T>(place: &str, r: Result<T, IdError>) -> Result<T, KitError> {
    r.map_err(|e| wrong(place, e.to_string()))
}

fn title(t: &Title) -> plant::Title {
    plant::Title { zh: Some(t.zh.as_str().into()), en: Some(t.en.as_str().into()) }
}

fn unit(place: &str, s: &str) -> Result<Unit, KitError> {
    Unit::parse(s).ok_or_else(|| wrong(place, format!("{s:?} is not a unit that is known")))
}

impl Kit {
    /// The checked kit.
    pub fn check(self) -> Result<super::Kit, KitError> {
        let mut names = BTreeSet::new();
        let mut machines = Vec::with_capacity(self.machines.len());
        for m in &self.machines {
            if !names.insert(m.name.as_str()) {
                return Err(wrong(&m.name, "stands twice; give each machine a name of its own"));
            }
            machines.push(self.machine(m)?);
        }
        let mut kit = super::Kit {
            name: at("name", Name::new(&self.name))?,
            title: title(&self.title),
            site: at("site", Name::new(&self.site))?,
            machines,
            faults: Vec::new(),
        };
        kit.faults = self.faults.iter().map(|f| fault(&kit, f)).collect::<Result<_, _>>()?;
        Ok(kit)
    }

    fn machine(&self, m: &RawMachine) -> Result<KitMachine, KitError> {
        let id = at(&m.name, MachineId::new(&self.site, &m.name))?;
        let mut machine = Machine::bare(id);
        machine.title = title(&m.title);
        machine.area = Some(at(&m.name, Name::new(&m.area))?);
        machine.line = Some(at(&m.name, Name::new(&m.line))?);
        machine.gateway = Some(at(&m.name, Name::new(&m.gateway))?);
        machine.class = MachineClass::parse(&m.class)
            .ok_or_else(|| wrong(&m.name, format!("{:?} is not a class of machine", m.class)))?;
        let foundation = Foundation::parse(&m.foundation)
            .ok_or_else(|| wrong(&m.name, format!("{:?} is not rigid or flexible", m.foundation)))?;
        machine.severity =
            Severity { rated_kw: Some(m.rated_kw), shaft_height_mm: m.shaft_height_mm, foundation: Some(foundation) };
        machine.nominal_rpm = Some(m.nominal_rpm);
        machine.bearings = m.bearings.iter().map(|(n, d)| self.bearing(m, n, d)).collect::<Result<_, _>>()?;
        machine.train = train(m, &machine.bearings)?;

        let mut signals = Vec::with_capacity(m.signals.len());
        for name in &m.signals {
            let (point, signal) = self.signal(m, &machine, name)?;
            signals.push(signal);
            machine.points.insert(point.name.clone(), point);
        }
        let mut accelerometers = Vec::with_capacity(m.accelerometers.len());
        for name in &m.accelerometers {
            let (point, accelerometer) = self.accelerometer(m, &machine, name)?;
            accelerometers.push(accelerometer);
            machine.points.insert(point.name.clone(), point);
        }
        if accelerometers.is_empty() == m.vibration.is_some() {
            return Err(wrong(&m.name, "accelerometers and vibration go together; state both or neither"));
        }
        let rated = |key: &str| m.rated.get(key).copied().unwrap_or(0.0);
        let process = Process {
            load: m.process.load,
            swing: m.process.swing,
            slip: m.process.slip,
            rated_a: rated("rated_a"),
            rated_kpa: rated("rated_kpa"),
            rated_m3h: rated("rated_m3h"),
            ambient_c: 28.0,
            bearing_rise_k: m.process.bearing_rise_k,
            winding_rise_k: 70.0,
            tau_s: m.process.tau_s,
        };
        Ok(KitMachine { machine, process, signals, rotor: m.vibration.map(rotor), accelerometers })
    }

    fn bearing(&self, m: &RawMachine, name: &str, designation: &str) -> Result<Bearing, KitError> {
        let place = format!("{} bearing {name}", m.name);
        let d = self
            .bearings
            .get(designation)
            .ok_or_else(|| wrong(&place, format!("{designation:?} is not listed under [bearings]")))?;
        let geometry = Geometry::Dimensions {
            elements: d.elements,
            ball_mm: d.ball_mm,
            pitch_mm: d.pitch_mm,
            contact_rad: d.contact_deg.to_radians(),
        };
        geometry.orders().map_err(|e| wrong(&place, e.to_string()))?;
        Ok(Bearing { name: at(&place, Name::new(name))?, designation: Some(designation.to_owned()), geometry })
    }

    fn signal(&self, m: &RawMachine, machine: &Machine, name: &str) -> Result<(Point, SignalPoint), KitError> {
        let place = format!("{} signal {name}", m.name);
        let t = self.signals.get(name).ok_or_else(|| wrong(&place, "is not listed under [signals]"))?;
        let signal = Signal::parse(name).ok_or_else(|| wrong(&place, "is not a signal of the physics"))?;
        let factor = match t.of.as_deref() {
            None => 1.0,
            Some("nominal_rpm") => m.nominal_rpm,
            Some(key) => *m.rated.get(key).ok_or_else(|| wrong(&place, format!("the machine states no {key}")))?,
        };
        let limit = |v: Option<f64>| v.map(|v| v * factor);
        let limits =
            Limits { hh: limit(t.limits.hh), h: limit(t.limits.h), l: limit(t.limits.l), ll: limit(t.limits.ll) };
        let range = (t.range[0] * factor, t.range[1] * factor);
        ordered(&place, range, limits)?;
        // A sleeve bearing has a temperature and no entry among the rolling bearings.
        let bearing = t.bearing.as_deref().filter(|b| machine.bearing(b).is_some());
        let unit = unit(&place, &t.unit)?;
        let mut point = Point::bare(name);
        point.title = title(&t.title);
        point.quantity = Some(unit.quantity());
        point.unit = Some(unit);
        point.range = Some(range);
        point.limits = limits;
        point.location = Location {
            bearing: bearing.map(Name::new).transpose().map_err(|e| wrong(&place, e.to_string()))?,
            axis: None,
        };
        point.period = Some(period(&place, t.period_s)?);
        let id = at(&place, machine.id.point(name))?;
        Ok((point, SignalPoint { point: id, signal, period_s: t.period_s }))
    }

    /// `vib_de_h`: at bearing DE, horizontal.
    fn accelerometer(&self, m: &RawMachine, machine: &Machine, name: &str) -> Result<(Point, Accelerometer), KitError> {
        let place = format!("{} accelerometer {name}", m.name);
        let t = &self.accelerometer;
        let (bearing, axis) = match name {
            "vib_de_h" => ("DE", Axis::Horizontal),
            "vib_de_v" => ("DE", Axis::Vertical),
            "vib_nde_h" => ("NDE", Axis::Horizontal),
            "vib_nde_v" => ("NDE", Axis::Vertical),
            _ => return Err(wrong(place, "is not vib_de_h, vib_de_v, vib_nde_h or vib_nde_v")),
        };
        if machine.bearing(bearing).is_none() {
            return Err(wrong(place, format!("the machine has no bearing {bearing}")));
        }
        let unit = unit(&place, &t.unit)?;
        let [lo, hi] = t.range;
        if !(hi > 0.0 && lo == -hi) || t.samples == 0 || t.fs.is_nan() || t.fs <= 0.0 || unit.symbol() != "m/s²" {
            return Err(wrong(place, "expected a range of ± something in m/s², a rate and a length above 0"));
        }
        let (zh_end, en_end) =
            if bearing == "DE" { ("驱动端", "drive end") } else { ("非驱动端", "non-drive end") };
        let (zh_axis, en_axis) =
            if axis == Axis::Horizontal { ("水平", "horizontal") } else { ("垂直", "vertical") };
        let bearing = at(&place, Name::new(bearing))?;
        let mut point = Point::bare(name);
        point.title = plant::Title {
            zh: Some(format!("{zh_end}{zh_axis}振动").into()),
            en: Some(format!("Vibration, {en_end}, {en_axis}").into()),
        };
        point.kind = PointKind::Waveform;
        point.quantity = Some(unit.quantity());
        point.unit = Some(unit);
        point.range = Some((lo, hi));
        point.location = Location { bearing: Some(bearing.clone()), axis: Some(axis) };
        point.period = Some(period(&place, t.period_s)?);
        let accelerometer = Accelerometer {
            point: at(&place, machine.id.point(name))?,
            bearing,
            vertical: axis == Axis::Vertical,
            range_m_s2: hi,
            fs: t.fs,
            samples: t.samples,
            period_s: t.period_s,
            noise_m_s2: t.noise_m_s2,
            bias_v: t.bias_v,
        };
        Ok((point, accelerometer))
    }
}

/// The train, stated as in a birth.
fn train(m: &RawMachine, bearings: &[Bearing]) -> Result<Option<Train>, KitError> {
    if let Some(stray) = m.shafts.keys().find(|b| m.train.is_none() || !m.bearings.contains_key(*b)) {
        return Err(wrong(&m.name, format!("shafts names bearing {stray:?}; state the bearing and the train")));
    }
    let seat = |b: &Bearing| WireBearing {
        name: b.name.to_string(),
        shaft: m.shafts.get(b.name.as_str()).cloned(),
        ..WireBearing::default()
    };
    let wired: Vec<WireBearing> = bearings.iter().map(seat).collect();
    m.train.as_ref().map(|t| t.train(&wired, bearings).map_err(|e| wrong(&m.name, e.to_string()))).transpose()
}

fn period(place: &str, s: u64) -> Result<Duration, KitError> {
    if s == 0 {
        return Err(wrong(place, "the period is 0 s; expected at least 1"));
    }
    Ok(Duration::from_secs(s))
}

/// lower end of range ≤ ll < l < h < hh ≤ upper end.
fn ordered(place: &str, range: (f64, f64), limits: Limits) -> Result<(), KitError> {
    let ladder = [Some(range.0), limits.ll, limits.l, limits.h, limits.hh, Some(range.1)];
    let steps: Vec<f64> = ladder.into_iter().flatten().collect();
    if steps.windows(2).all(|w| w[0] < w[1]) {
        Ok(())
    } else {
        Err(wrong(place, format!("range and limits must rise from ll to hh within the range, found {steps:?}")))
    }
}

fn rotor(r: RawRotor) -> Rotor {
    Rotor {
        imbalance_mm_s: r.imbalance_mm_s,
        misalignment_mm_s: r.misalignment_mm_s,
        pass: r.pass.map(|p| (p.order, p.velocity_mm_s)),
        mesh: r.mesh.map(|m| Mesh { teeth: m.teeth, acceleration_m_s2: m.acceleration_m_s2, sideband: m.sideband }),
        line_mm_s: r.line_mm_s,
        rolling_m_s2: r.rolling_m_s2,
        resonance_hz: r.resonance_hz,
    }
}

fn fault(kit: &super::Kit, f: &RawFault) -> Result<ScriptedFault, KitError> {
    let place = |name: &str| format!("fault of {name}");
    let machine = |name: &str| kit.machine(name).ok_or_else(|| wrong(place(name), "there is no such machine"));
    let (at_s, fault) = match f {
        RawFault::Bearing { machine: m, bearing, part, at_s, grow_s, impact_m_s2 } => {
            let b = machine(m)?
                .machine
                .bearing(bearing)
                .ok_or_else(|| wrong(place(m), format!("there is no bearing {bearing}")))?;
            let train = machine(m)?.machine.train.as_ref();
            if train.is_some_and(|t| *t.seat(bearing) != t.measured) {
                return Err(wrong(place(m), format!("bearing {bearing} is not on the shaft that the physics turn")));
            }
            let part = BearingFault::ALL
                .into_iter()
                .find(|f| f.as_str() == part)
                .ok_or_else(|| wrong(place(m), format!("{part:?} is not a part of a bearing")))?;
            let fault = Fault::Bearing {
                machine: at(m, Name::new(m))?,
                bearing: b.name.clone(),
                part,
                grow_s: *grow_s,
                impact_m_s2: *impact_m_s2,
            };
            (at_s, fault)
        }
        RawFault::Imbalance { machine: m, at_s, velocity_mm_s } => {
            if machine(m)?.rotor.is_none() {
                return Err(wrong(place(m), "no accelerometer would see it"));
            }
            (at_s, Fault::Imbalance { machine: at(m, Name::new(m))?, velocity_mm_s: *velocity_mm_s })
        }
        RawFault::Connector { machine: m, point, at_s } => {
            let id: PointId = at(m, machine(m)?.machine.id.point(point))?;
            if !machine(m)?.accelerometers.iter().any(|a| a.point == id) {
                return Err(wrong(place(m), format!("there is no accelerometer {point}")));
            }
            (at_s, Fault::Connector { machine: at(m, Name::new(m))?, point: id })
        }
        RawFault::Gateway { gateway, at_s } => {
            let gateway = at(gateway, Name::new(gateway))?;
            if !kit.gateways().contains(&gateway) {
                return Err(wrong(place(gateway.as_str()), "there is no such gateway"));
            }
            (at_s, Fault::Gateway { gateway })
        }
    };
    Ok(ScriptedFault { at_s: *at_s, fault })
}
