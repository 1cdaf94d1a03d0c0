//! A machine describes itself, and says that it is gone.
//!
//! The birth is a JSON object; everything in it is optional, and what is not stated is not assumed. It carries the whole
//! description: a later birth replaces an earlier one, points that it does not list stay. The death is `{"ts": …}`, or
//! an empty payload, as suits an MQTT will.

mod bearing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use plant::{
    Axis, Bearing, Catalogue, Foundation, IdError, Limits, Location, Machine, MachineClass, MachineId, Name, Point,
    PointKind, Quantity, Severity, Timestamp, Title, Unit,
};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::json::{self, Context, Text, TimeSeed};
use super::train::WireTrain;
use super::{MAX_VALUES, time};
use crate::fault::{Code, Fault, shown};

pub use bearing::{WireBearing, WireOrders};

/// The birth as it stands on the wire. [`Birth::machine`] and [`Birth::of`] lead to the plant's own type and back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Birth {
    /// For people.
    #[serde(skip_serializing_if = "WireTitle::is_empty")]
    pub title: WireTitle,
    /// ISA-95 area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// ISA-95 line or unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The gateway through which it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// `fan`, `pump`, `motor`, `gearbox`, `compressor`, `turbine`, `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Rated power, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rated_kw: Option<f64>,
    /// Shaft height, mm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaft_height_mm: Option<f64>,
    /// `rigid` or `flexible`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foundation: Option<String>,
    /// Usual speed, r/min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nominal_rpm: Option<f64>,
    /// Its bearings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bearings: Vec<WireBearing>,
    /// Its units and shafts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<WireTrain>,
    /// Its points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<WirePoint>,
}

/// A name in the two languages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireTitle {
    /// 中文.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    /// English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

/// A point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WirePoint {
    /// Its own name.
    pub name: String,
    /// `scalar` (also if absent) or `waveform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `acceleration`, `temperature`, …; follows from the unit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// The unit in which its values are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What the sensor can measure, in the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// At which bearing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing: Option<String>,
    /// `horizontal`, `vertical`, `axial`, `radial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<String>,
    /// How often it speaks, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_s: Option<f64>,
    /// When to call people, in the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<WireLimits>,
    /// For people.
    #[serde(skip_serializing_if = "WireTitle::is_empty")]
    pub title: WireTitle,
}

/// Alarm limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireLimits {
    /// High-high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hh: Option<f64>,
    /// High.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub h: Option<f64>,
    /// Low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l: Option<f64>,
    /// Low-low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ll: Option<f64>,
}

/// Writes a birth payload.
#[must_use]
pub fn encode(birth: &Birth) -> Vec<u8> {
    // Texts, numbers and lists in memory: nothing here can fail to be JSON.
    serde_json::to_vec(birth).unwrap_or_default()
}

/// Reads a birth payload. Whether what it says is possible is [`Birth::machine`]'s to find out.
pub fn decode(payload: &[u8]) -> Result<Birth, Fault> {
    let birth: Birth = serde_json::from_slice(payload).map_err(|e| json::from_serde(&e, Code::BirthField))?;
    match birth.points.len() + birth.bearings.len() {
        n if n > MAX_VALUES => {
            Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} points and bearings"), n.to_string()))
        }
        _ => Ok(birth),
    }
}

/// Writes a death payload.
#[must_use]
pub fn encode_death(t: Option<Timestamp>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(t) = t {
        out.extend_from_slice(b"{\"ts\":");
        time::write_json(t, &mut out);
        out.push(b'}');
    }
    out
}

/// Reads a death payload: when the machine went, if stated.
pub fn decode_death(payload: &[u8]) -> Result<Option<Timestamp>, Fault> {
    if payload.is_empty() {
        return Ok(None);
    }
    let context = Context::default();
    json::parse(payload, &context, DeathSeed(&context))
}

struct DeathSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for DeathSeed<'_> {
    type Value = Option<Timestamp>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DeathSeed<'_> {
    type Value = Option<Timestamp>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with ts, or nothing")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut t = None;
        while let Some(Text(key)) = map.next_key()? {
            if key != "ts" {
                return Err(self.0.stop(Fault::new(Code::FieldUnknown, "ts", shown(&key))));
            }
            self.0.once(&t, "ts")?;
            t = Some(map.next_value_seed(TimeSeed(self.0))?);
        }
        Ok(t)
    }
}

fn bad(field: &str, expected: &'static str, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::BirthField, expected, found).at(field)
}

fn bad_name(e: &IdError) -> Fault {
    Fault::new(Code::NameInvalid, "a usable name", e.to_string())
}

fn name(s: &Option<String>) -> Result<Option<Name>, Fault> {
    s.as_deref().map(|s| Name::new(s).map_err(|e| bad_name(&e))).transpose()
}

/// The value that `parse` knows by this name.
fn word<T>(
    field: &'static str,
    text: &Option<String>,
    parse: impl Fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, Fault> {
    text.as_deref().map(|s| parse(s).ok_or_else(|| bad(field, expected, shown(s)))).transpose()
}

fn positive(field: &'static str, v: Option<f64>) -> Result<Option<f64>, Fault> {
    match v {
        Some(x) if !(x.is_finite() && x > 0.0) => Err(bad(field, "a number above 0", x.to_string())),
        v => Ok(v),
    }
}

impl WireTitle {
    fn is_empty(&self) -> bool {
        self.zh.is_none() && self.en.is_none()
    }

    fn of(t: &Title) -> Self {
        Self { zh: t.zh.as_deref().map(str::to_owned), en: t.en.as_deref().map(str::to_owned) }
    }

    fn title(&self) -> Title {
        Title { zh: self.zh.as_deref().map(Into::into), en: self.en.as_deref().map(Into::into) }
    }
}

impl WirePoint {
    fn of(p: &Point) -> Self {
        let l = p.limits;
        Self {
            name: p.name.to_string(),
            kind: (p.kind == PointKind::Waveform).then(|| "waveform".to_owned()),
            quantity: p.quantity.map(|q| q.as_str().to_owned()),
            unit: p.unit.map(|u| u.symbol().to_owned()),
            range: p.range.map(|(a, b)| [a, b]),
            bearing: p.location.bearing.as_ref().map(ToString::to_string),
            axis: p.location.axis.map(|a| a.as_str().to_owned()),
            period_s: p.period.map(|d| d.as_secs_f64()),
            limits: (l != Limits::default()).then_some(WireLimits { hh: l.hh, h: l.h, l: l.l, ll: l.ll }),
            title: WireTitle::of(&p.title),
        }
    }

    fn point(&self, machine: &MachineId, bearings: &[Bearing]) -> Result<Point, Fault> {
        machine.point(&self.name).map_err(|e| bad_name(&e))?;
        let unit = match self.unit.as_deref() {
            Some(u) => {
                Some(Unit::parse(u).ok_or_else(|| Fault::new(Code::UnitUnknown, "a unit of the table", shown(u)))?)
            }
            None => None,
        };
        let stated = word("quantity", &self.quantity, Quantity::parse, "a quantity of the table")?;
        if let (Some(q), Some(u)) = (stated, unit)
            && u.quantity() != q
        {
            let found = format!("{u}, which measures {}", u.quantity().as_str());
            return Err(Fault::new(Code::UnitMismatch, format!("a unit of {}", q.as_str()), found));
        }
        let bearing = name(&self.bearing)?;
        if let Some(b) = &bearing
            && !bearings.iter().any(|known| known.name == *b)
        {
            return Err(bad(&self.name, "one of the machine's bearings", shown(b.as_str())));
        }
        let axis = word("axis", &self.axis, Axis::parse, "horizontal, vertical, axial or radial")?;
        Ok(Point {
            name: self.name.as_str().into(),
            title: self.title.title(),
            kind: word("kind", &self.kind, kind, "scalar or waveform")?.unwrap_or_default(),
            quantity: stated.or(unit.map(Unit::quantity)),
            unit,
            range: self.checked_range()?,
            location: Location { bearing, axis },
            limits: self.checked_limits()?,
            period: self.checked_period()?,
        })
    }

    fn checked_range(&self) -> Result<Option<(f64, f64)>, Fault> {
        match self.range {
            Some([a, b]) if !(a.is_finite() && b.is_finite() && a < b) => {
                Err(bad("range", "the lower bound, then the upper one", format!("[{a}, {b}]")))
            }
            range => Ok(range.map(|[a, b]| (a, b))),
        }
    }

    fn checked_limits(&self) -> Result<Limits, Fault> {
        let WireLimits { hh, h, l, ll } = self.limits.unwrap_or_default();
        let stated: Vec<f64> = [ll, l, h, hh].into_iter().flatten().collect();
        match stated.is_sorted() {
            true => Ok(Limits { hh, h, l, ll }),
            false => Err(bad("limits", "ll ≤ l ≤ h ≤ hh", format!("{stated:?}"))),
        }
    }

    fn checked_period(&self) -> Result<Option<Duration>, Fault> {
        let seconds = positive("period_s", self.period_s)?;
        let parsed = seconds.map(Duration::try_from_secs_f64).transpose();
        parsed.map_err(|_| bad("period_s", "a number of seconds", self.period_s.unwrap_or(0.0).to_string()))
    }
}

fn kind(s: &str) -> Option<PointKind> {
    match s {
        "scalar" => Some(PointKind::Scalar),
        "waveform" => Some(PointKind::Waveform),
        _ => None,
    }
}

impl Birth {
    /// The birth that describes `m`.
    #[must_use]
    pub fn of(m: &Machine) -> Self {
        let text = |n: &Option<Name>| n.as_ref().map(ToString::to_string);
        Self {
            title: WireTitle::of(&m.title),
            area: text(&m.area),
            line: text(&m.line),
            gateway: text(&m.gateway),
            class: Some(m.class.as_str().to_owned()),
            rated_kw: m.severity.rated_kw,
            shaft_height_mm: m.severity.shaft_height_mm,
            foundation: m.severity.foundation.map(|f| f.as_str().to_owned()),
            nominal_rpm: m.nominal_rpm,
            bearings: m.bearings.iter().map(|b| WireBearing { shaft: seat(m, b), ..WireBearing::of(b) }).collect(),
            train: m.train.as_ref().map(WireTrain::of),
            points: m.points.values().map(WirePoint::of).collect(),
        }
    }

    /// The machine that this describes, or the first thing in it that cannot be. Bearings of which only the designation
    /// is stated are looked up among those that come with the platform.
    pub fn machine(&self, id: MachineId) -> Result<Machine, Fault> {
        self.machine_with(id, Catalogue::built_in())
    }

    /// [`Birth::machine`], with a catalogue of the plant's own.
    pub fn machine_with(&self, id: MachineId, catalogue: &Catalogue) -> Result<Machine, Fault> {
        let bearings = self.bearings.iter().map(|b| b.bearing(catalogue)).collect::<Result<Vec<_>, _>>()?;
        let train = match &self.train {
            Some(train) => Some(train.train(&self.bearings, &bearings)?),
            None => match self.bearings.iter().find_map(|b| Some((b, b.shaft.as_ref()?))) {
                Some((b, shaft)) => {
                    return Err(bad(&format!("bearing {}", b.name), "a train with this shaft", shown(shaft)));
                }
                None => None,
            },
        };
        let classes = "fan, pump, motor, gearbox, compressor, turbine or other";
        let mut machine = Machine {
            title: self.title.title(),
            area: name(&self.area)?,
            line: name(&self.line)?,
            gateway: name(&self.gateway)?,
            class: word("class", &self.class, MachineClass::parse, classes)?.unwrap_or_default(),
            severity: Severity {
                rated_kw: positive("rated_kw", self.rated_kw)?,
                shaft_height_mm: positive("shaft_height_mm", self.shaft_height_mm)?,
                foundation: word("foundation", &self.foundation, Foundation::parse, "rigid or flexible")?,
            },
            nominal_rpm: positive("nominal_rpm", self.nominal_rpm)?,
            ..Machine::bare(id)
        };
        for wire in &self.points {
            let point = wire.point(&machine.id, &bearings).map_err(|f| f.at(&wire.name))?;
            if machine.points.insert(point.name.clone(), point).is_some() {
                return Err(bad("points", "every point once", shown(&wire.name)));
            }
        }
        (machine.bearings, machine.train) = (bearings, train);
        Ok(machine)
    }
}

/// The shaft of a bearing, where the train says so.
fn seat(m: &Machine, b: &Bearing) -> Option<String> {
    m.train.as_ref()?.seats.get(&b.name).map(ToString::to_string)
}
