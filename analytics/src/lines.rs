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
