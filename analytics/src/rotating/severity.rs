//! Vibration severity: the zones of ISO 20816, as data, and what is missing where none can be given.

use plant::{Foundation, MachineClass, Severity, Zone};

/// One row of the tables: boundaries A/B, B/C, C/D in mm/s RMS, and the words by which it is cited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZoneRow {
    /// Standard, part, group and support.
    pub basis: &'static str,
    /// A/B, B/C, C/D, mm/s RMS of the broad-band velocity on non-rotating parts.
    pub boundaries: [f64; 3],
}

const fn row(basis: &'static str, a: f64, b: f64, c: f64) -> ZoneRow {
    ZoneRow { basis, boundaries: [a, b, c] }
}

/// ISO 20816-3 (2022), tables A.1 and A.2: industrial machinery above 15 kW, 120 to 30,000 r/min.
const GROUP_1_RIGID: ZoneRow = row("ISO 20816-3 group 1 rigid", 2.3, 4.5, 7.1);
const GROUP_1_FLEXIBLE: ZoneRow = row("ISO 20816-3 group 1 flexible", 3.5, 7.1, 11.0);
const GROUP_2_RIGID: ZoneRow = row("ISO 20816-3 group 2 rigid", 1.4, 2.8, 4.5);
const GROUP_2_FLEXIBLE: ZoneRow = row("ISO 20816-3 group 2 flexible", 2.3, 4.5, 7.1);
/// ISO 10816-7 (2009), table A.1, category I. The category is not part of what is known of a machine; I is the stricter
/// one, so a pump of category II is called early and never late. The basis says so.
const PUMP_SMALL: ZoneRow = row("ISO 10816-7 category I (assumed) up to 200 kW", 2.5, 4.0, 6.6);
const PUMP_LARGE: ZoneRow = row("ISO 10816-7 category I (assumed) above 200 kW", 3.5, 5.0, 7.6);
/// ISO 20816-2 (2017), table A.1: turbines and generators at 3,000 and 3,600 r/min.
const TURBINE: ZoneRow = row("ISO 20816-2 3000 or 3600 r/min", 3.8, 7.5, 11.8);

/// Every row, for the page that shows them.
pub const ROWS: [ZoneRow; 7] =
    [GROUP_1_RIGID, GROUP_1_FLEXIBLE, GROUP_2_RIGID, GROUP_2_FLEXIBLE, PUMP_SMALL, PUMP_LARGE, TURBINE];

/// What the choice of a row rests on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Basis {
    /// What the machine is.
    pub class: MachineClass,
    /// Power, shaft height, support.
    pub severity: Severity,
    /// The speed it is made for, r/min.
    pub nominal_rpm: Option<f64>,
}

/// The row that holds for a machine, or the codes of what is missing: `class` (no table for machines of this kind),
/// `power` (not stated, or outside the standard), `foundation`, `speed` (a turbine's nominal speed).
pub fn choose(basis: &Basis) -> Result<ZoneRow, Vec<&'static str>> {
    match basis.class {
        MachineClass::Fan | MachineClass::Motor | MachineClass::Compressor => industrial(&basis.severity),
        MachineClass::Pump => pump(&basis.severity),
        MachineClass::Turbine => turbine(basis.nominal_rpm),
        // Gear units have a standard of their own (ISO 20816-9) that is not in the tables.
        MachineClass::Gearbox | MachineClass::Other => Err(vec!["class"]),
    }
}

fn industrial(s: &Severity) -> Result<ZoneRow, Vec<&'static str>> {
    // Group 1: above 300 kW up to 50 MW, or H ≥ 315 mm. Group 2: 15 to 300 kW, or 160 mm ≤ H < 315 mm.
    let kw = s.rated_kw.filter(|v| *v > 0.0);
    let height = s.shaft_height_mm.filter(|v| *v > 0.0);
    let too_large = kw.is_some_and(|v| v > 50_000.0);
    let first = kw.is_some_and(|v| v > 300.0) || height.is_some_and(|h| h >= 315.0);
    let second = kw.is_some_and(|v| v > 15.0) || height.is_some_and(|h| h >= 160.0);
    let in_scope = !too_large && (first || second);
    match (in_scope, s.foundation) {
        (true, Some(Foundation::Rigid)) => Ok(if first { GROUP_1_RIGID } else { GROUP_2_RIGID }),
        (true, Some(Foundation::Flexible)) => Ok(if first { GROUP_1_FLEXIBLE } else { GROUP_2_FLEXIBLE }),
        (true, None) => Err(vec!["foundation"]),
        (false, Some(_)) => Err(vec!["power"]),
        (false, None) => Err(vec!["power", "foundation"]),
    }
}

fn pump(s: &Severity) -> Result<ZoneRow, Vec<&'static str>> {
    match s.rated_kw {
        // The standard begins at 1 kW.
        Some(kw) if (1.0..=200.0).contains(&kw) => Ok(PUMP_SMALL),
        Some(kw) if kw > 200.0 => Ok(PUMP_LARGE),
        _ => Err(vec!["power"]),
    }
}

fn turbine(nominal_rpm: Option<f64>) -> Result<ZoneRow, Vec<&'static str>> {
    let near = |rpm: f64, to: f64| (rpm / to - 1.0).abs() < 0.02;
    match nominal_rpm {
        Some(rpm) if near(rpm, 3000.0) || near(rpm, 3600.0) => Ok(TURBINE),
        _ => Err(vec!["speed"]),
    }
}

impl ZoneRow {
    /// The zone of a broad-band velocity in mm/s RMS; a boundary itself belongs to the better zone.
    #[must_use]
    pub fn zone(&self, velocity_mm_s: f64) -> Zone {
        let above = self.boundaries.iter().filter(|b| velocity_mm_s > **b).count();
        Zone::ALL[above]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(class: MachineClass, kw: Option<f64>, height: Option<f64>, foundation: Option<Foundation>) -> Basis {
        let severity = Severity { rated_kw: kw, shaft_height_mm: height, foundation };
        Basis { class, severity, nominal_rpm: None }
    }

    #[test]
    fn rows_are_chosen_by_what_is_known_and_refused_by_what_is_not() {
        use Foundation::{Flexible, Rigid};
        use MachineClass::{Fan, Gearbox, Motor, Other, Pump};
        for (class, kw, h, foundation, want) in [
            (Fan, Some(450.0), None, Some(Rigid), Ok(GROUP_1_RIGID)),
            (Fan, Some(300.0), None, Some(Rigid), Ok(GROUP_2_RIGID)),
            (Fan, Some(300.1), None, Some(Flexible), Ok(GROUP_1_FLEXIBLE)),
            (Motor, None, Some(315.0), Some(Rigid), Ok(GROUP_1_RIGID)),
            (Motor, None, Some(314.9), Some(Flexible), Ok(GROUP_2_FLEXIBLE)),
            (Motor, None, Some(132.0), Some(Rigid), Err(vec!["power"])),
            (Fan, Some(15.0), None, Some(Rigid), Err(vec!["power"])),
            (Fan, Some(60_000.0), None, Some(Rigid), Err(vec!["power"])),
            (Fan, None, None, None, Err(vec!["power", "foundation"])),
            (Fan, Some(90.0), None, None, Err(vec!["foundation"])),
            (Pump, Some(200.0), None, None, Ok(PUMP_SMALL)),
            (Pump, Some(201.0), None, None, Ok(PUMP_LARGE)),
            (Pump, None, None, Some(Rigid), Err(vec!["power"])),
            (Gearbox, Some(90.0), None, Some(Rigid), Err(vec!["class"])),
            (Other, Some(90.0), None, Some(Rigid), Err(vec!["class"])),
        ] {
            assert_eq!(choose(&basis(class, kw, h, foundation)), want, "{class:?} {kw:?} kW {h:?} mm {foundation:?}");
        }
        let turbine = |rpm| choose(&Basis { nominal_rpm: rpm, ..basis(MachineClass::Turbine, None, None, None) });
        assert_eq!(turbine(Some(3000.0)), Ok(TURBINE));
        assert_eq!(turbine(Some(5000.0)), Err(vec!["speed"]));
        assert_eq!(turbine(None), Err(vec!["speed"]));
    }

    #[test]
    fn zone_edges_are_exact() {
        for row in ROWS {
            let [ab, bc, cd] = row.boundaries;
            for (v, want) in [
                (0.0, Zone::A),
                (ab, Zone::A),
                (ab.next_up(), Zone::B),
                (bc, Zone::B),
                (bc.next_up(), Zone::C),
                (cd, Zone::C),
                (cd.next_up(), Zone::D),
            ] {
                assert_eq!(row.zone(v), want, "{v} mm/s in {}", row.basis);
            }
        }
    }
}
