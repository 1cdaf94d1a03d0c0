//! Where a machine's train may show in a spectrum: gears, blades, belts, mains.

use plant::{FaultLine, Machine, Name, Tone, ToneKind};

use crate::rotating::Spectrum;
use crate::view::Line;

/// Half the width, as a part of the frequency, within which the line is looked for.
const NEAR: f64 = 0.002;
/// Half the width of what it is compared with, in the same measure.
const AROUND: f64 = 0.05;
/// Most lines: a train of many stages must not bury the rest.
const MOST: usize = 200;

/// The lines of everything but the bearings, while the measured shaft turns at `measured_hz`; of the shafts those that
/// are not that of the bearing `own`, at which the sensor sits. Their ratio is
/// the power in the spectrum of acceleration over the median around them; lines beyond the spectrum are left out.
pub(crate) fn of_train(
    machine: &Machine,
    own: Option<&Name>,
    measured_hz: Option<f64>,
    spectrum: &Spectrum<'_>,
) -> Vec<Line> {
    let (Some(hz), Some(train)) = (measured_hz, &machine.train) else { return Vec::new() };
    let own = own.map_or(&train.measured, |bearing| train.seat(bearing.as_str()));
    // A train that is impossible has no lines; the collector takes none.
    let tones = machine.tones(hz).unwrap_or_default();
    let drawn = tones.iter().filter(|t| match t.kind {
        ToneKind::Bearing(_) => false,
        ToneKind::Shaft => t.of != *own,
        _ => true,
    });
    let mut scratch = Vec::new();
    let lines = drawn.flat_map(|t| (1..=harmonics(t.kind)).map(move |k| (t, k)));
    lines.filter_map(|(t, k)| line(t, k, spectrum, &mut scratch)).take(MOST).collect()
}

/// How many multiples of a tone are drawn.
const fn harmonics(kind: ToneKind) -> u16 {
    match kind {
        ToneKind::GearMesh => 3,
        ToneKind::Shaft | ToneKind::Belt => 4,
        ToneKind::BladePass | ToneKind::VanePass | ToneKind::LobePass | ToneKind::PlanetPass => 2,
        _ => 1,
    }
}

fn line(tone: &Tone, harmonic: u16, s: &Spectrum<'_>, scratch: &mut Vec<f64>) -> Option<Line> {
    let hz = f64::from(harmonic) * tone.hz;
    let reach = (2.0 * s.df()).max((NEAR + tone.tolerance) * hz);
    let wide = (20.0 * s.df()).max((AROUND + tone.tolerance) * hz);
    let (near, around) = (s.lines(hz - reach, hz + reach), s.lines(hz - wide, hz + wide));
    if near.is_empty() || near.end >= s.power.len() {
        return None;
    }
    let peak = s.power[near].iter().copied().fold(0.0, f64::max);
    scratch.clear();
    scratch.extend_from_slice(s.power.get(around)?);
    let middle = scratch.len() / 2;
    let floor = *scratch.select_nth_unstable_by(middle, f64::total_cmp).1;
    let ratio = if floor > 0.0 { peak / floor } else { 0.0 };
    // The page draws what is called `shaft` for the shaft at which the sensor sits.
    let label = if tone.kind == ToneKind::Shaft { "other_shaft" } else { tone.kind.as_str() };
    let line = FaultLine { label: label.into(), harmonic, hz, ratio };
    Some(Line { bearing: Some(tone.of.clone()), line })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plant::Train;
    use plant::train::{Gear, Motor, Stage, TrainUnit, UnitKind};

    use super::*;

    fn machine() -> Machine {
        let mut m = Machine::bare("s/m".parse().unwrap());
        let gear = |shaft: &str, teeth| Gear { shaft: shaft.parse().unwrap(), teeth };
        let stages = vec![Stage::Gears(vec![gear("in", 23), gear("out", 61)])];
        let motor = Motor { shaft: "in".parse().unwrap(), poles: Some(4), line_hz: Some(50.0), rotor_bars: None };
        let unit = |name: &str, kind| TrainUnit { name: name.parse().unwrap(), kind };
        m.train = Some(Train {
            measured: "in".parse().unwrap(),
            units: vec![unit("motor", UnitKind::Motor(motor)), unit("box", UnitKind::Gearbox(stages))],
            seats: BTreeMap::from([("O".parse().unwrap(), "out".parse().unwrap())]),
        });
        m
    }

    #[test]
    fn the_mesh_stands_where_the_measured_speed_puts_it_and_its_ratio_is_that_of_the_spectrum() {
        // 1 Hz a line; a line of 40 times the rest at 23 · 24.7 Hz = 568 Hz.
        let mut power = vec![1.0; 1501];
        power[568] = 40.0;
        let s = Spectrum { power: &power, n: 3000, fs: 3000.0 };
        let lines = of_train(&machine(), None, Some(24.7), &s);
        let mesh: Vec<_> = lines.iter().filter(|l| &*l.line.label == "gear_mesh").collect();
        // The third multiple, 1704 Hz, lies beyond the spectrum.
        assert_eq!(mesh.len(), 2);
        assert!((mesh[0].line.hz - 568.1).abs() < 1e-9 && (mesh[0].line.ratio - 40.0).abs() < 1e-9, "{mesh:?}");
        assert!((mesh[1].line.ratio - 1.0).abs() < 1e-9);
        assert_eq!(mesh[0].bearing.as_ref().map(Name::as_str), Some("box"));
        let of = |label: &str| lines.iter().filter(|l| &*l.line.label == label).map(|l| l.line.hz).collect::<Vec<_>>();
        assert_eq!(of("line_2x"), [100.0]);
        assert_eq!(of("other_shaft").len(), 4, "{lines:?}");
        assert!((of("other_shaft")[0] - 24.7 * 23.0 / 61.0).abs() < 1e-9);
        // Seen from the driven shaft, the driving one is the other.
        let place = "O".parse().unwrap();
        let lines = of_train(&machine(), Some(&place), Some(24.7), &s);
        assert!(lines.iter().any(|l| &*l.line.label == "other_shaft" && (l.line.hz - 24.7).abs() < 1e-9));
    }

    #[test]
    fn without_a_speed_or_a_train_there_are_none() {
        let power = vec![1.0; 1501];
        let s = Spectrum { power: &power, n: 3000, fs: 3000.0 };
        for hz in [None, Some(0.0), Some(f64::NAN)] {
            assert_eq!(of_train(&machine(), None, hz, &s), []);
        }
        assert_eq!(of_train(&Machine::bare("s/m".parse().unwrap()), None, Some(25.0), &s), []);
        let nothing = Spectrum { power: &[], n: 0, fs: 3000.0 };
        assert_eq!(of_train(&machine(), None, Some(25.0), &nothing), []);
    }
}
