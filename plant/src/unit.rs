//! Units of measure: a closed table. What is not in it is refused, never guessed.

use std::fmt;

/// What kind of thing is measured; only units of one quantity convert into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// m/s².
    Acceleration,
    /// Vibration velocity, mm/s.
    Velocity,
    /// Vibration displacement, µm.
    Displacement,
    /// °C.
    Temperature,
    /// r/min.
    RotationalSpeed,
    /// kPa.
    Pressure,
    /// m³/h.
    VolumeFlow,
    /// t/h.
    MassFlow,
    /// kW.
    Power,
    /// kWh.
    Energy,
    /// A.
    Current,
    /// V.
    Voltage,
    /// Hz.
    Frequency,
    /// %.
    Ratio,
    /// m.
    Length,
    /// kg.
    Mass,
    /// s.
    Duration,
    /// m³.
    Volume,
    /// kN.
    Force,
    /// N·m.
    Torque,
    /// mg/L.
    Concentration,
    /// pH.
    Acidity,
    /// Pieces.
    Count,
    /// dB.
    Level,
    /// NTU.
    Turbidity,
    /// µS/cm.
    Conductivity,
}

impl Quantity {
    /// The stable name, as used on the wire and in the store's schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acceleration => "acceleration",
            Self::Velocity => "velocity",
            Self::Displacement => "displacement",
            Self::Temperature => "temperature",
            Self::RotationalSpeed => "rotational_speed",
            Self::Pressure => "pressure",
            Self::VolumeFlow => "volume_flow",
            Self::MassFlow => "mass_flow",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Current => "current",
            Self::Voltage => "voltage",
            Self::Frequency => "frequency",
            Self::Ratio => "ratio",
            Self::Length => "length",
            Self::Mass => "mass",
            Self::Duration => "duration",
            Self::Volume => "volume",
            Self::Force => "force",
            Self::Torque => "torque",
            Self::Concentration => "concentration",
            Self::Acidity => "acidity",
            Self::Count => "count",
            Self::Level => "level",
            Self::Turbidity => "turbidity",
            Self::Conductivity => "conductivity",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        TABLE.iter().map(|u| u.quantity).find(|q| q.as_str() == s)
    }
}

struct Row {
    symbol: &'static str,
    quantity: Quantity,
    /// Value in the quantity's reference unit = (value + offset) · factor.
    factor: f64,
    offset: f64,
    aliases: &'static [&'static str],
}

const fn row(symbol: &'static str, quantity: Quantity, factor: f64, aliases: &'static [&'static str]) -> Row {
    Row { symbol, quantity, factor, offset: 0.0, aliases }
}

use Quantity as Q;

/// Standard gravity, m/s² (ISO 80000-3, exact).
const G0: f64 = 9.80665;

/// The reference unit of each quantity has factor 1. Factors: ISO 80000 and the SI Brochure, 9th edition;
/// inch = 25.4 mm, pound = 0.45359237 kg, psi = 6.894757293168 kPa (NIST SP 811, appendix B).
static TABLE: &[Row] = &[
    row("m/s²", Q::Acceleration, 1.0, &["m/s2", "m/s^2", "m/s/s"]),
    row("g", Q::Acceleration, G0, &["gn", "G", "g0", "gee"]),
    row("mg", Q::Acceleration, G0 / 1000.0, &[]),
    row("mm/s²", Q::Acceleration, 1e-3, &["mm/s2", "mm/s^2"]),
    row("mm/s", Q::Velocity, 1.0, &["mm/sec"]),
    row("m/s", Q::Velocity, 1000.0, &[]),
    row("in/s", Q::Velocity, 25.4, &["ips", "in/sec"]),
    row("µm", Q::Displacement, 1.0, &["um", "μm", "micron"]),
    row("mil", Q::Displacement, 25.4, &["mils"]),
    row("°C", Q::Temperature, 1.0, &["C", "degC", "℃", "celsius", "Cel"]),
    Row { symbol: "°F", quantity: Q::Temperature, factor: 5.0 / 9.0, offset: -32.0, aliases: &["F", "degF", "℉"] },
    Row { symbol: "K", quantity: Q::Temperature, factor: 1.0, offset: -273.15, aliases: &["kelvin"] },
    row("r/min", Q::RotationalSpeed, 1.0, &["rpm", "RPM", "1/min", "rev/min"]),
    row("r/s", Q::RotationalSpeed, 60.0, &["rps", "rev/s"]),
    row("rad/s", Q::RotationalSpeed, 60.0 / std::f64::consts::TAU, &[]),
    row("kPa", Q::Pressure, 1.0, &[]),
    row("Pa", Q::Pressure, 1e-3, &[]),
    row("MPa", Q::Pressure, 1000.0, &[]),
    row("bar", Q::Pressure, 100.0, &[]),
    row("mbar", Q::Pressure, 0.1, &["hPa"]),
    row("psi", Q::Pressure, 6.894_757_293_168, &[]),
    row("atm", Q::Pressure, 101.325, &[]),
    row("kgf/cm²", Q::Pressure, 98.0665, &["kgf/cm2", "kgf/cm^2"]),
    row("mmHg", Q::Pressure, 0.133_322_387_415, &[]),
    row("mmH₂O", Q::Pressure, 0.009_806_65, &["mmH2O"]),
    row("m³/h", Q::VolumeFlow, 1.0, &["m3/h", "m^3/h"]),
    row("m³/s", Q::VolumeFlow, 3600.0, &["m3/s"]),
    row("L/min", Q::VolumeFlow, 0.06, &["l/min", "lpm"]),
    row("L/s", Q::VolumeFlow, 3.6, &["l/s"]),
    row("L/h", Q::VolumeFlow, 1e-3, &["l/h"]),
    row("m³/min", Q::VolumeFlow, 60.0, &["m3/min", "m^3/min"]),
    row("m³/d", Q::VolumeFlow, 1.0 / 24.0, &["m3/d", "m^3/d"]),
    row("t/h", Q::MassFlow, 1.0, &["tph"]),
    row("t/d", Q::MassFlow, 1.0 / 24.0, &[]),
    row("kg/h", Q::MassFlow, 1e-3, &[]),
    row("kg/min", Q::MassFlow, 0.06, &[]),
    row("kg/s", Q::MassFlow, 3.6, &[]),
    row("kW", Q::Power, 1.0, &[]),
    row("W", Q::Power, 1e-3, &[]),
    row("MW", Q::Power, 1000.0, &[]),
    row("hp", Q::Power, 0.745_699_871_582_270_2, &["HP"]),
    row("kWh", Q::Energy, 1.0, &["kW·h", "kW.h"]),
    row("Wh", Q::Energy, 1e-3, &[]),
    row("MWh", Q::Energy, 1000.0, &[]),
    row("MJ", Q::Energy, 1.0 / 3.6, &[]),
    row("GJ", Q::Energy, 1000.0 / 3.6, &[]),
    row("kJ", Q::Energy, 1.0 / 3600.0, &[]),
    row("A", Q::Current, 1.0, &["amp"]),
    row("mA", Q::Current, 1e-3, &[]),
    row("kA", Q::Current, 1000.0, &[]),
    row("V", Q::Voltage, 1.0, &["volt"]),
    row("mV", Q::Voltage, 1e-3, &[]),
    row("kV", Q::Voltage, 1000.0, &[]),
    row("Hz", Q::Frequency, 1.0, &["hertz"]),
    row("kHz", Q::Frequency, 1000.0, &[]),
    row("%", Q::Ratio, 1.0, &["percent", "pct"]),
    row("1", Q::Ratio, 100.0, &["ratio"]),
    row("‰", Q::Ratio, 0.1, &[]),
    row("m", Q::Length, 1.0, &[]),
    row("mm", Q::Length, 1e-3, &[]),
    row("cm", Q::Length, 1e-2, &[]),
    row("km", Q::Length, 1000.0, &[]),
    row("in", Q::Length, 0.0254, &["inch"]),
    row("ft", Q::Length, 0.3048, &[]),
    row("yd", Q::Length, 0.9144, &[]),
    row("kg", Q::Mass, 1.0, &[]),
    row("t", Q::Mass, 1000.0, &["tonne"]),
    row("lb", Q::Mass, 0.453_592_37, &[]),
    row("s", Q::Duration, 1.0, &["sec"]),
    row("ms", Q::Duration, 1e-3, &[]),
    row("min", Q::Duration, 60.0, &[]),
    row("h", Q::Duration, 3600.0, &["hr"]),
    row("m³", Q::Volume, 1.0, &["m3", "m^3"]),
    row("L", Q::Volume, 1e-3, &["l", "litre"]),
    row("kN", Q::Force, 1.0, &[]),
    row("N", Q::Force, 1e-3, &[]),
    row("N·m", Q::Torque, 1.0, &["Nm", "N.m"]),
    row("kN·m", Q::Torque, 1000.0, &["kNm"]),
    row("mg/L", Q::Concentration, 1.0, &["mg/l", "ppm"]),
    row("µg/L", Q::Concentration, 1e-3, &["ug/L", "μg/L"]),
    row("g/L", Q::Concentration, 1000.0, &["g/l"]),
    row("g/m³", Q::Concentration, 1.0, &["g/m3", "g/m^3"]),
    row("mg/m³", Q::Concentration, 1e-3, &["mg/m3", "mg/m^3"]),
    row("µg/m³", Q::Concentration, 1e-6, &["ug/m3", "μg/m3", "μg/m³", "ug/m^3"]),
    row("pH", Q::Acidity, 1.0, &[]),
    row("NTU", Q::Turbidity, 1.0, &["ntu"]),
    row("µS/cm", Q::Conductivity, 1.0, &["uS/cm", "μS/cm"]),
    row("mS/cm", Q::Conductivity, 1000.0, &[]),
    row("mS/m", Q::Conductivity, 10.0, &[]),
    row("S/m", Q::Conductivity, 10_000.0, &[]),
    row("pcs", Q::Count, 1.0, &["count", "pc", "ea", "件"]),
    row("dB", Q::Level, 1.0, &["dB(A)", "dBA"]),
];

/// A unit of the table. Two bytes, `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(u16);

/// Two units that do not measure the same thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} measures {}, {to} measures {}: they do not convert", from.quantity().as_str(), to.quantity().as_str())]
pub struct UnitMismatch {
    /// The unit of the value.
    pub from: Unit,
    /// The unit that was asked for.
    pub to: Unit,
}

impl Unit {
    /// The unit written as `s`: its symbol or one of the spellings in use, case-sensitive (`mm/s`, `g`, `rpm`, `degC`).
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        let s = s.trim();
        TABLE.iter().position(|r| r.symbol == s || r.aliases.contains(&s)).map(|i| Self(i as u16))
    }

    /// Every unit known, for documentation and for choice lists.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(|i| Self(i as u16))
    }

    /// The symbol as shown to people.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().symbol
    }

    /// What it measures.
    #[must_use]
    pub fn quantity(self) -> Quantity {
        self.row().quantity
    }

    /// `v`, given in this unit, expressed in `to`.
    pub fn convert(self, v: f64, to: Self) -> Result<f64, UnitMismatch> {
        let (factor, offset) = self.linear(to)?;
        Ok(v * factor + offset)
    }

    /// The conversion as `(factor, offset)`: value in `to` = value in `self` · factor + offset.
    pub fn linear(self, to: Self) -> Result<(f64, f64), UnitMismatch> {
        if self == to {
            return Ok((1.0, 0.0));
        }
        if self.quantity() != to.quantity() {
            return Err(UnitMismatch { from: self, to });
        }
        let (a, b) = (self.row(), to.row());
        Ok((a.factor / b.factor, a.offset * a.factor / b.factor - b.offset))
    }

    fn row(self) -> &'static Row {
        &TABLE[usize::from(self.0)]
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.symbol(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u(s: &str) -> Unit {
        Unit::parse(s).unwrap_or_else(|| panic!("{s} is not in the table"))
    }

    #[test]
    fn conversions() {
        for (v, from, to, want) in [
            (1.0, "g", "m/s²", 9.80665),
            (32.0, "°F", "°C", 0.0),
            (212.0, "degF", "°C", 100.0),
            (0.0, "°C", "K", 273.15),
            (300.0, "K", "°F", 80.33),
            (25.0, "r/s", "rpm", 1500.0),
            (1.0, "in/s", "mm/s", 25.4),
            (1.0, "psi", "kPa", 6.894757293168),
            (0.5, "1", "%", 50.0),
            (1.0, "kgf/cm2", "Pa", 98_066.5),
            // The conventional millimetre of mercury is a little more than a torr, of which 760 make an atmosphere.
            (1.0, "mmHg", "Pa", 133.322_387_415),
            (1.0, "atm", "hPa", 1013.25),
            (24.0, "m3/d", "m³/h", 1.0),
            (2.0, "L/s", "m³/h", 7.2),
            (1.0, "GJ", "kWh", 277.777_777_777_777_8),
            (35.0, "µg/m³", "mg/m³", 0.035),
            (1.0, "mg/L", "mg/m³", 1000.0),
            (1.0, "mS/cm", "uS/cm", 1000.0),
            (1.0, "S/m", "mS/cm", 10.0),
        ] {
            let got = u(from).convert(v, u(to)).unwrap();
            assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{v} {from} = {got} {to}, not {want}");
        }
    }

    #[test]
    fn every_symbol_is_written_one_way_only_and_parses_to_itself() {
        let mut seen = std::collections::HashSet::new();
        for r in TABLE {
            for s in std::iter::once(&r.symbol).chain(r.aliases) {
                assert!(seen.insert(*s), "{s} stands twice");
                assert_eq!(u(s).symbol(), r.symbol);
            }
        }
    }

    #[test]
    fn conversion_there_and_back_is_the_same_value() {
        for a in Unit::all() {
            for b in Unit::all().filter(|b| b.quantity() == a.quantity()) {
                let back = b.convert(a.convert(17.25, b).unwrap(), a).unwrap();
                assert!((back - 17.25).abs() < 1e-9, "{a} to {b}");
            }
        }
    }

    #[test]
    fn different_quantities_do_not_convert() {
        let e = u("g").convert(1.0, u("°C")).unwrap_err();
        assert_eq!(e.to_string(), "g measures acceleration, °C measures temperature: they do not convert");
        assert_eq!(Unit::parse("furlong"), None);
    }

    #[test]
    fn quantities_parse_by_their_names() {
        for unit in Unit::all() {
            assert_eq!(Quantity::parse(unit.quantity().as_str()), Some(unit.quantity()));
        }
    }
}
