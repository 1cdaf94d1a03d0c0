//! The asset tree: sites, machines, points, and what is known of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::mapping::RuleSet;
use crate::{AlarmChange, AlarmDefinition, AlarmKey, Bearing, MachineId, Name, PointId, Quantity, Train, Unit};

/// A name for people, in the two languages of the page. At least one is usually there; the id stands in otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// 中文.
    pub zh: Option<Arc<str>>,
    /// English.
    pub en: Option<Arc<str>>,
}

/// What a machine is, as far as its supervision depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineClass {
    /// Fan or blower.
    Fan,
    /// Centrifugal (rotodynamic) pump.
    Pump,
    /// Electric motor.
    Motor,
    /// Gearbox.
    Gearbox,
    /// Compressor.
    Compressor,
    /// Steam or gas turbine, generator.
    Turbine,
    /// Anything else.
    #[default]
    Other,
}

impl MachineClass {
    /// Every class.
    pub const ALL: [Self; 7] =
        [Self::Fan, Self::Pump, Self::Motor, Self::Gearbox, Self::Compressor, Self::Turbine, Self::Other];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fan => "fan",
            Self::Pump => "pump",
            Self::Motor => "motor",
            Self::Gearbox => "gearbox",
            Self::Compressor => "compressor",
            Self::Turbine => "turbine",
            Self::Other => "other",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == s)
    }
}

/// How stiffly a machine stands (ISO 20816-1): its lowest natural frequency against its main excitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foundation {
    /// At least 25 % above.
    Rigid,
    /// Below that.
    Flexible,
}

impl Foundation {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rigid => "rigid",
            Self::Flexible => "flexible",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Rigid, Self::Flexible].into_iter().find(|f| f.as_str() == s)
    }
}

/// What choosing a row of the ISO 20816 tables takes. What is `None` was not stated: then no zone is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Severity {
    /// Rated power, kW.
    pub rated_kw: Option<f64>,
    /// Shaft height H, mm (electrical machines).
    pub shaft_height_mm: Option<f64>,
    /// Rigid or flexible.
    pub foundation: Option<Foundation>,
}

/// What a point delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointKind {
    /// Single values.
    #[default]
    Scalar,
    /// Waveforms.
    Waveform,
}

/// The direction in which a vibration sensor measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// Radial, horizontal.
    Horizontal,
    /// Radial, vertical.
    Vertical,
    /// Along the shaft.
    Axial,
    /// Radial, not further stated.
    Radial,
}

impl Axis {
    /// Every axis.
    pub const ALL: [Self; 4] = [Self::Horizontal, Self::Vertical, Self::Axial, Self::Radial];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Horizontal => "horizontal",
            Self::Vertical => "vertical",
            Self::Axial => "axial",
            Self::Radial => "radial",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == s)
    }
}

/// Where on its machine a point sits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// At which bearing (its [`Bearing::name`]).
    pub bearing: Option<Name>,
    /// In which direction.
    pub axis: Option<Axis>,
}

/// Alarm limits in the point's unit. What is `None` is not watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// High-high: act now.
    pub hh: Option<f64>,
    /// High.
    pub h: Option<f64>,
    /// Low.
    pub l: Option<f64>,
    /// Low-low: act now.
    pub ll: Option<f64>,
}

/// A measuring point of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its own name; together with the machine's it makes a [`PointId`].
    pub name: Arc<str>,
    /// For people.
    pub title: Title,
    /// Single values or waveforms.
    pub kind: PointKind,
    /// What is measured, where known.
    pub quantity: Option<Quantity>,
    /// The unit in which its values are kept; values in another unit of the same quantity are converted on entry.
    pub unit: Option<Unit>,
    /// What the sensor can measure, in the unit.
    pub range: Option<(f64, f64)>,
    /// Where it sits.
    pub location: Location,
    /// When to call people.
    pub limits: Limits,
    /// How often it speaks when all is well; `None` for report-by-exception without a promise.
    pub period: Option<Duration>,
}

impl Point {
    /// A point of which nothing but its name is known.
    #[must_use]
    pub fn bare(name: &str) -> Self {
        Self {
            name: name.into(),
            title: Title::default(),
            kind: PointKind::Scalar,
            quantity: None,
            unit: None,
            range: None,
            location: Location::default(),
            limits: Limits::default(),
            period: None,
        }
    }
}

/// A machine and its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// `site/machine`.
    pub id: MachineId,
    /// For people.
    pub title: Title,
    /// ISA-95 area.
    pub area: Option<Name>,
    /// ISA-95 production line or unit.
    pub line: Option<Name>,
    /// The gateway through which it speaks: machines that fall silent together are shown together.
    pub gateway: Option<Name>,
    /// What it is.
    pub class: MachineClass,
    /// For its vibration limits.
    pub severity: Severity,
    /// Speed at which it usually runs, r/min.
    pub nominal_rpm: Option<f64>,
    /// Its bearings.
    pub bearings: Vec<Bearing>,
    /// Its units and shafts; `None` where they were not stated: then it has one shaft, whose speed is measured.
    pub train: Option<Train>,
    /// Its points by name.
    pub points: BTreeMap<Arc<str>, Point>,
}

impl Machine {
    /// A machine of which nothing but its id is known.
    #[must_use]
    pub fn bare(id: MachineId) -> Self {
        Self {
            id,
            title: Title::default(),
            area: None,
            line: None,
            gateway: None,
            class: MachineClass::Other,
            severity: Severity::default(),
            nominal_rpm: None,
            bearings: Vec::new(),
            train: None,
            points: BTreeMap::new(),
        }
    }

    /// The bearing called `name`.
    #[must_use]
    pub fn bearing(&self, name: &str) -> Option<&Bearing> {
        self.bearings.iter().find(|b| b.name.as_str() == name)
    }
}

/// A change of the asset tree, as it is journaled.
#[derive(Clone, Debug, PartialEq)]
pub enum AssetChange {
    /// The machine is now exactly this; points that it does not list but that exist stay.
    Machine(Machine),
    /// The point is now exactly this; its machine is made if there is none.
    Point(MachineId, Point),
    /// The mapping rules are now exactly these.
    Rules(Arc<RuleSet>),
    /// What alarms mean; taken in as one, so that a whole plant's may come at once.
    Alarms(Vec<AlarmChange>),
}

/// The asset tree: a fold over [`AssetChange`]s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plant {
    /// Counts the changes; 0 is the empty plant.
    pub revision: u64,
    /// Machines by id.
    pub machines: BTreeMap<MachineId, Arc<Machine>>,
    /// What messages of other forms mean; the same `Arc` until the rules change.
    pub rules: Arc<RuleSet>,
    /// Alarms as they were defined; the same `Arc` until a definition changes.
    pub alarms: Arc<BTreeMap<AlarmKey, Arc<AlarmDefinition>>>,
}

impl Plant {
    /// Takes one change in. Applying the same change twice leaves the tree as after the first.
    pub fn apply(&mut self, change: &AssetChange) {
        self.revision += 1;
        match change {
            AssetChange::Machine(m) => {
                let mut new = m.clone();
                if let Some(old) = self.machines.get(&m.id) {
                    for (name, p) in &old.points {
                        new.points.entry(name.clone()).or_insert_with(|| p.clone());
                    }
                }
                self.machines.insert(m.id.clone(), Arc::new(new));
            }
            AssetChange::Point(id, p) => {
                let machine = self.machines.entry(id.clone()).or_insert_with(|| Arc::new(Machine::bare(id.clone())));
                Arc::make_mut(machine).points.insert(p.name.clone(), p.clone());
            }
            AssetChange::Rules(rules) => self.rules = rules.clone(),
            AssetChange::Alarms(changes) => {
                let alarms = Arc::make_mut(&mut self.alarms);
                for change in changes {
                    match change {
                        AlarmChange::Define(d) => alarms.insert(d.key.clone(), Arc::new((**d).clone())),
                        AlarmChange::Forget(key) => alarms.remove(key),
                    };
                }
            }
        }
    }

    /// The machine `id`.
    #[must_use]
    pub fn machine(&self, id: &str) -> Option<&Arc<Machine>> {
        self.machines.get(id)
    }

    /// The point `id` and its machine.
    #[must_use]
    pub fn point(&self, id: &PointId) -> Option<(&Arc<Machine>, &Point)> {
        let machine = self.machines.get(id.machine_str())?;
        Some((machine, machine.points.get(id.name())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_described_anew_keeps_the_points_it_had() {
        let id: MachineId = "s/m".parse().unwrap();
        let mut plant = Plant::default();
        plant.apply(&AssetChange::Point(id.clone(), Point::bare("temp")));
        assert_eq!(plant.revision, 1);

        let mut m = Machine::bare(id.clone());
        m.class = MachineClass::Fan;
        m.points.insert("speed".into(), Point::bare("speed"));
        plant.apply(&AssetChange::Machine(m.clone()));
        plant.apply(&AssetChange::Machine(m));

        let (machine, _) = plant.point(&id.point("temp").unwrap()).unwrap();
        assert_eq!(machine.class, MachineClass::Fan);
        assert_eq!(machine.points.keys().map(|k| &**k).collect::<Vec<_>>(), ["speed", "temp"]);
        assert!(plant.point(&id.point("none").unwrap()).is_none());
    }
}
