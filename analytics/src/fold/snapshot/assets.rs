//! The asset tree within a snapshot.

use std::time::Duration;

use plant::{
    Axis, Bearing, BearingOrders, Foundation, Geometry, Limits, Location, Machine, MachineClass, Name, Point,
    PointKind, Quantity, Severity, Title, Unit,
};
use serde::{Deserialize, Serialize};

use super::train::TrainMirror;
use super::{RestoreError, machine_id, name, parsed};

#[derive(Serialize, Deserialize)]
pub(super) struct MachineMirror {
    id: String,
    title: TitleMirror,
    area: Option<String>,
    line: Option<String>,
    gateway: Option<String>,
    class: String,
    rated_kw: Option<f64>,
    shaft_height_mm: Option<f64>,
    foundation: Option<String>,
    nominal_rpm: Option<f64>,
    bearings: Vec<BearingMirror>,
    /// Earlier versions knew none.
    #[serde(default)]
    train: Option<TrainMirror>,
    points: Vec<PointMirror>,
}

type TitleMirror = (Option<String>, Option<String>);

#[derive(Serialize, Deserialize)]
struct BearingMirror {
    name: String,
    designation: Option<String>,
    geometry: GeometryMirror,
}

#[derive(Serialize, Deserialize)]
enum GeometryMirror {
    Dimensions { elements: u16, ball_mm: f64, pitch_mm: f64, contact_rad: f64 },
    Orders { bpfo: f64, bpfi: f64, bsf: f64, ftf: f64 },
    Estimated { bore_mm: f64, outside_mm: f64 },
}

#[derive(Serialize, Deserialize)]
struct PointMirror {
    name: String,
    title: TitleMirror,
    waveform: bool,
    quantity: Option<String>,
    unit: Option<String>,
    range: Option<(f64, f64)>,
    bearing: Option<String>,
    axis: Option<String>,
    /// HH, H, L, LL.
    limits: [Option<f64>; 4],
    period: Option<Duration>,
}

fn title(t: &Title) -> TitleMirror {
    (t.zh.as_deref().map(str::to_owned), t.en.as_deref().map(str::to_owned))
}

fn untitle((zh, en): TitleMirror) -> Title {
    Title { zh: zh.map(Into::into), en: en.map(Into::into) }
}

fn names(text: Option<String>) -> Result<Option<Name>, RestoreError> {
    text.as_deref().map(name).transpose()
}

impl From<&Machine> for MachineMirror {
    fn from(m: &Machine) -> Self {
        let text = |n: &Option<Name>| n.as_ref().map(Name::to_string);
        Self {
            id: m.id.to_string(),
            title: title(&m.title),
            area: text(&m.area),
            line: text(&m.line),
            gateway: text(&m.gateway),
            class: m.class.as_str().to_owned(),
            rated_kw: m.severity.rated_kw,
            shaft_height_mm: m.severity.shaft_height_mm,
            foundation: m.severity.foundation.map(|f| f.as_str().to_owned()),
            nominal_rpm: m.nominal_rpm,
            bearings: m.bearings.iter().map(BearingMirror::from).collect(),
            train: m.train.as_ref().map(TrainMirror::from),
            points: m.points.values().map(PointMirror::from).collect(),
        }
    }
}

impl MachineMirror {
    pub fn machine(self) -> Result<Machine, RestoreError> {
        let foundation = self.foundation.as_deref().map(|f| parsed(f, "foundation", Foundation::parse)).transpose()?;
        let mut machine = Machine {
            id: machine_id(&self.id)?,
            title: untitle(self.title),
            area: names(self.area)?,
            line: names(self.line)?,
            gateway: names(self.gateway)?,
            class: parsed(&self.class, "machine class", MachineClass::parse)?,
            severity: Severity { rated_kw: self.rated_kw, shaft_height_mm: self.shaft_height_mm, foundation },
            nominal_rpm: self.nominal_rpm,
            bearings: self.bearings.into_iter().map(BearingMirror::bearing).collect::<Result<_, _>>()?,
            train: self.train.map(TrainMirror::train).transpose()?,
            points: std::collections::BTreeMap::new(),
        };
        for p in self.points {
            let point = p.point()?;
            machine.points.insert(point.name.clone(), point);
        }
        Ok(machine)
    }
}

impl From<&Bearing> for BearingMirror {
    fn from(b: &Bearing) -> Self {
        let geometry = match b.geometry {
            Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad } => {
                GeometryMirror::Dimensions { elements, ball_mm, pitch_mm, contact_rad }
            }
            Geometry::Orders(BearingOrders { bpfo, bpfi, bsf, ftf }) => GeometryMirror::Orders { bpfo, bpfi, bsf, ftf },
            Geometry::Estimated { bore_mm, outside_mm } => GeometryMirror::Estimated { bore_mm, outside_mm },
        };
        Self { name: b.name.to_string(), designation: b.designation.clone(), geometry }
    }
}

impl BearingMirror {
    fn bearing(self) -> Result<Bearing, RestoreError> {
        let geometry = match self.geometry {
            GeometryMirror::Dimensions { elements, ball_mm, pitch_mm, contact_rad } => {
                Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad }
            }
            GeometryMirror::Orders { bpfo, bpfi, bsf, ftf } => Geometry::Orders(BearingOrders { bpfo, bpfi, bsf, ftf }),
            GeometryMirror::Estimated { bore_mm, outside_mm } => Geometry::Estimated { bore_mm, outside_mm },
        };
        Ok(Bearing { name: name(&self.name)?, designation: self.designation, geometry })
    }
}

impl From<&Point> for PointMirror {
    fn from(p: &Point) -> Self {
        let Limits { hh, h, l, ll } = p.limits;
        Self {
            name: p.name.to_string(),
            title: title(&p.title),
            waveform: p.kind == PointKind::Waveform,
            quantity: p.quantity.map(|q| q.as_str().to_owned()),
            unit: p.unit.map(|u| u.symbol().to_owned()),
            range: p.range,
            bearing: p.location.bearing.as_ref().map(Name::to_string),
            axis: p.location.axis.map(|a| a.as_str().to_owned()),
            limits: [hh, h, l, ll],
            period: p.period,
        }
    }
}

impl PointMirror {
    fn point(self) -> Result<Point, RestoreError> {
        let [hh, h, l, ll] = self.limits;
        Ok(Point {
            name: self.name.into(),
            title: untitle(self.title),
            kind: if self.waveform { PointKind::Waveform } else { PointKind::Scalar },
            quantity: self.quantity.as_deref().map(|q| parsed(q, "quantity", Quantity::parse)).transpose()?,
            unit: self.unit.as_deref().map(|u| parsed(u, "unit", Unit::parse)).transpose()?,
            range: self.range,
            location: Location {
                bearing: names(self.bearing)?,
                axis: self.axis.as_deref().map(|a| parsed(a, "axis", Axis::parse)).transpose()?,
            },
            limits: Limits { hh, h, l, ll },
            period: self.period,
        })
    }
}
