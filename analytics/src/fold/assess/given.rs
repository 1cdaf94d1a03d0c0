//! What a machine's description says of one of its points: where it sits, and what excites it there.

use plant::{Axis, Machine, Point, Speed, ToneKind};

use crate::diagnosis::{Baseline, Excitations, Known, Place};
use crate::fold::speed::own_turns;

/// Below this part of its nominal speed a machine is off.
const OFF: f64 = 0.05;
/// A tone has a shaft's sidebands where they are as close as this part of its speed.
const SAME: f64 = 1e-6;

/// What a record is heard with.
pub(in crate::fold) struct Wanted {
    pub place: Place,
    /// Of the shaft at which the point sits; or why there is nothing to be said.
    pub excitations: Known<Excitations>,
    pub turns: f64,
    pub shaft: Option<String>,
    /// Teeth of the gear on that shaft; `None` where there is none.
    pub teeth: Option<u32>,
    /// By what part of its mean the speed varied.
    pub varied: f64,
    /// Which of the machine's bearings those are that it hears.
    pub ids: Vec<u16>,
    pub baseline: Option<Baseline>,
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        let Self { place, excitations, turns, shaft, teeth, varied, ids, baseline } = other;
        // What a baseline does not know is no number, and equal to nothing but by its bits.
        let bits = |b: &Option<Baseline>| b.map(|b| (b.broadband.to_bits(), b.floor.to_bits()));
        (self.place, self.excitations, self.turns, self.varied) == (*place, *excitations, *turns, *varied)
            && (&self.shaft, self.teeth, &self.ids) == (shaft, *teeth, ids)
            && bits(&self.baseline) == bits(baseline)
    }
}

impl Wanted {
    /// For a record of `point` at `speed`, which is that of its own shaft.
    pub fn new(machine: &Machine, point: &Point, speed: Known<Speed>, baseline: Option<Baseline>) -> Self {
        let turns = own_turns(machine, point);
        let at = point.location.bearing.as_ref();
        let near = machine.bearings.iter().enumerate().filter(|(_, b)| at.is_none_or(|name| *name == b.name));
        let varied = speed.ok().and_then(|s| s.range_rpm.map(|(a, b)| (b - a).abs() / s.mean_rpm)).unwrap_or(0.0);
        let excitations = speed
            .and_then(|s| running(machine, s, turns).map(|()| s))
            .map(|s| Excitations { varied, ..excitations(machine, s.mean_rpm / 60.0, turns) });
        Self {
            place: place(machine, point),
            teeth: excitations.ok().and_then(|e| teeth(&e)),
            excitations,
            turns,
            shaft: shaft(machine, point),
            varied,
            ids: near.map(|(i, _)| i as u16).collect(),
            baseline,
        }
    }
}

/// Teeth that pass in each turn of the shaft, where that is a whole number: of a planet's gear it is none.
fn teeth(e: &Excitations) -> Option<u32> {
    let ratio = e.mesh_hz? / e.shaft_hz;
    ((ratio - ratio.round()).abs() <= SAME * ratio && ratio < 1e4).then(|| ratio.round() as u32)
}

fn running(machine: &Machine, speed: Speed, turns: f64) -> Known<()> {
    let nominal = machine.nominal_rpm.filter(|v| *v > 0.0).map(|v| v * turns);
    if nominal.is_some_and(|v| speed.mean_rpm < OFF * v) { Err("off") } else { Ok(()) }
}

/// The shaft at which a point sits, where the train names it.
fn shaft(machine: &Machine, point: &Point) -> Option<String> {
    let train = machine.train.as_ref()?;
    let name = point.location.bearing.as_ref().map_or(&train.measured, |b| train.seat(b.as_str()));
    Some(name.to_string())
}

/// Bearings are named along the train; a point of which the bearing is not stated sits at the first.
fn place(machine: &Machine, point: &Point) -> Place {
    let bearing = point.location.bearing.as_ref();
    let station = bearing.and_then(|b| machine.bearings.iter().position(|m| m.name == *b)).unwrap_or(0);
    let rotor = || {
        let shafts = machine.shafts().ok()?;
        let seat = machine.seat(&shafts, bearing?.as_str())?;
        shafts.iter().position(|s| s.name == seat.name)
    };
    let axis = point.location.axis.unwrap_or(Axis::Radial);
    Place { station: station as u16, rotor: rotor().unwrap_or(0) as u16, axis }
}

/// The frequencies at which the machine excites itself at a shaft that turns at `shaft_hz`, and `turns` times while the
/// measured one turns once.
pub fn excitations(machine: &Machine, shaft_hz: f64, turns: f64) -> Excitations {
    let measured_hz = shaft_hz / turns;
    let tones = machine.tones(measured_hz).unwrap_or_default();
    let tone = |kinds: &[ToneKind]| tones.iter().find(|t| kinds.contains(&t.kind)).map(|t| t.hz);
    let mesh = tones.iter().find(|t| {
        t.kind == ToneKind::GearMesh && t.sidebands_hz.iter().any(|s| (s - shaft_hz).abs() <= SAME * shaft_hz)
    });
    Excitations {
        shaft_hz,
        varied: 0.0,
        line_hz: tone(&[ToneKind::Line2x]).map(|hz| 0.5 * hz),
        pole_pass_hz: tone(&[ToneKind::PolePass]),
        blade_pass_hz: tone(&[ToneKind::BladePass, ToneKind::VanePass, ToneKind::LobePass]),
        mesh_hz: mesh.map(|t| t.hz),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_baseline_does_not_know_makes_no_other_question() {
        let (machine, point) = (Machine::bare("s/fan".parse().unwrap()), Point::bare("vib"));
        let speed = Ok(Speed { mean_rpm: 1500.0, range_rpm: None });
        let with = |floor: f64| Wanted::new(&machine, &point, speed, Some(Baseline { broadband: 1.0, floor }));
        assert!(with(f64::NAN) == with(f64::NAN) && with(2.0) == with(2.0));
        assert!(with(f64::NAN) != with(2.0) && with(2.0) != with(3.0));
    }
}
