//! The speed of the shaft at which a sensor sits, during its record.

use plant::{Machine, Point, Quantity, Speed, Unit, Waveform};

use super::Settings;
use super::state::MachineState;
use super::tacho::{self, Tacho};
use crate::rotating::Refusal;
use crate::rotating::orders::Phase;

/// Turns of the shaft at which `point` sits while the measured one turns once; 1 where that is the measured one or the
/// place is not said.
pub(crate) fn own_turns(machine: &Machine, point: &Point) -> f64 {
    let turns = || {
        let bearing = machine.train.as_ref().and(point.location.bearing.as_ref())?;
        Some(machine.seat(&machine.shafts().ok()?, bearing.as_str())?.ratio.abs())
    };
    turns().unwrap_or(1.0)
}

/// The speed during a record, and the angle where a tacho was taken along that is one.
pub(super) fn speed_and_angle(
    w: &Waveform,
    machine: &Machine,
    point: &Point,
    past: Option<&MachineState>,
    tacho: Option<&Tacho>,
    settings: &Settings,
) -> (Result<Speed, Refusal>, Option<Phase>) {
    let own = own_turns(machine, point);
    let by_tacho = tacho.and_then(|tacho| tacho.phase(w, own));
    let phase = match by_tacho {
        None => return (speed(w, machine, point, past, settings), None),
        // A tacho that cannot be used takes no speed away that is known otherwise.
        Some(Err(code)) => return (speed(w, machine, point, past, settings).map_err(|_| code), None),
        Some(Ok(phase)) => phase,
    };
    match tacho::speed(&phase, w.meta.speed.map(|s| s.mean_rpm * own)) {
        Ok(speed) => (Ok(speed), Some(phase)),
        Err(code) => (Err(code), None),
    }
}

/// The speed during a record of the shaft at which its sensor sits, from that of the measured one: what the record says
/// itself, else the machine's latest measured speed if it is close enough in time. Where a machine measures several
/// speeds, only one at the sensor's own bearing will do, or, as the train leads from there to the sensor, the one of the
/// measured shaft. The nominal speed is no measurement: a motor's slip alone moves it by more than the lines are wide.
fn speed(
    w: &Waveform,
    machine: &Machine,
    point: &Point,
    past: Option<&MachineState>,
    settings: &Settings,
) -> Result<Speed, Refusal> {
    let own = own_turns(machine, point);
    if let Some(Speed { mean_rpm, range_rpm }) = w.meta.speed {
        return Ok(Speed { mean_rpm: mean_rpm * own, range_rpm: range_rpm.map(|(a, b)| (a * own, b * own)) });
    }
    let measures = |p: &&Point| {
        p.kind == plant::PointKind::Scalar
            && p.quantity.or(p.unit.map(Unit::quantity)) == Some(Quantity::RotationalSpeed)
    };
    let all: Vec<&Point> = machine.points.values().filter(measures).collect();
    let here = all.iter().find(|p| p.location.bearing.is_some() && p.location.bearing == point.location.bearing);
    let mut measured = all.iter().filter(|p| machine.train.is_some() && own_turns(machine, p) == 1.0);
    let only = match (all.as_slice(), measured.next(), measured.next()) {
        ([one], ..) | (_, Some(one), None) => Some(*one),
        _ => None,
    };
    let one = here.copied().or(only).ok_or("speed")?;
    let (t, mean_rpm) = past.and_then(|m| m.points.get(&one.name)?.speed).ok_or("speed")?;
    let apart = t.since(w.t0).max(w.t0.since(t));
    let mean_rpm = mean_rpm / own_turns(machine, one) * own;
    if apart > settings.speed_age { Err("speed") } else { Ok(Speed { mean_rpm, range_rpm: None }) }
}
