//! Spectrum, velocity spectrum and envelope with its fault lines, by the same chain that judged the record.

use std::f64::consts::TAU;
use std::sync::Arc;

use plant::{BearingFault, FaultLine, Machine, Name, Point, Speed, Unit, Waveform};

use super::{Curve, LONGEST_CURVE};
use crate::fold::{ALPHA, fault_lines, heard, own_turns};
use crate::rotating::{Analyser, Context, Plans, Scored, Seated, Spectrum};

/// Multiples of a fault frequency that are marked where there is no verdict.
const EXPECTED_HARMONICS: u16 = 4;
/// Multiples of shaft speed that are drawn.
const SHAFT_LINES: u16 = 4;
/// Highest frequency of the velocity spectrum, Hz: twice what severity is judged by.
const VELOCITY_TO_HZ: f64 = 2000.0;
/// Lowest frequency of the velocity spectrum, Hz: below, integration shows the sensor's drift.
const VELOCITY_FROM_HZ: f64 = 2.0;
/// Highest frequency of the envelope where no bearing asks for more, Hz.
const ENVELOPE_TO_HZ: f64 = 500.0;

/// A hypothesis as a page lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Which bearing.
    pub bearing: Name,
    /// The score; [`Scored::bearing`] is its place among those that the sensor hears.
    pub scored: Scored,
}

/// A line to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Of which bearing, or of which shaft or unit of the train; none for the shaft at which the sensor sits.
    pub bearing: Option<Name>,
    /// Label, multiple, frequency, ratio to the floor.
    pub line: FaultLine,
}

/// Everything a page draws of one record. What could not be computed is empty, and `refused` says why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectra {
    /// Sampling rate of the record, Hz.
    pub fs: f64,
    /// The shaft speed that the lines stand for, Hz.
    pub shaft_hz: Option<f64>,
    /// Acceleration, m/s² RMS by line (Hann).
    pub spectrum: Curve,
    /// Velocity, mm/s RMS by line (Hann).
    pub velocity: Curve,
    /// Envelope: power over the local floor; 1 is the floor.
    pub envelope: Curve,
    /// Whether the envelope was taken over the angle of the shaft, because the speed varied: its lines are then orders, drawn
    /// where they lie at `shaft_hz`, the mean speed.
    pub by_turn: bool,
    /// Fault lines of every hypothesis, then those of the shaft; without a hypothesis where those of the bearings would be;
    /// then those of the train.
    pub lines: Vec<Line>,
    /// Hypotheses, the best first.
    pub hypotheses: Vec<Listed>,
    /// Stable codes of what is missing: `unit`, `record_length`, `speed`, `geometry`, `rate`, `sensor`, …
    pub refused: Vec<Arc<str>>,
}

/// Computes the curves of `waveform`, measured on `machine`. `shaft_hz` is the speed of the shaft at which the sensor sits;
/// `None` lets the record speak for itself, and where it does not there are no lines.
#[must_use]
pub fn spectra(waveform: &Waveform, machine: &Machine, shaft_hz: Option<f64>) -> Spectra {
    let point = machine.points.get(waveform.point.name());
    let bare = Point::bare(waveform.point.name());
    let near = heard(machine, point.unwrap_or(&bare));
    let place = point.and_then(|p| p.location.bearing.as_ref());
    let own = own_turns(machine, point.unwrap_or(&bare));
    let bearings: Vec<Seated> = near.iter().map(|(_, b)| *b).collect();
    let said = waveform.meta.speed.map(|s| Speed {
        mean_rpm: own * s.mean_rpm,
        range_rpm: s.range_rpm.map(|(low, high)| (own * low, own * high)),
    });
    // How far it varied is the record's to say.
    let range_rpm = said.and_then(|s| s.range_rpm);
    let stated = shaft_hz.map(|hz| Speed { mean_rpm: 60.0 * hz, range_rpm });
    let speed = stated.or(said).ok_or("speed");
    let nominal_rpm = machine.nominal_rpm.map(|rpm| own * rpm);
    let context = Context { speed, nominal_rpm, bearings: &bearings, alpha: ALPHA };
    let mut analyser = Analyser::new(Plans::default());
    // Lines are drawn for no speed that the record could not hold, and for no shaft that stands.
    let turning = speed.ok().map(|s| s.mean_rpm / 60.0).filter(|hz| *hz > 0.0 && *hz < 0.5 * waveform.fs);
    let mut out = Spectra { fs: waveform.fs, shaft_hz: turning, ..Spectra::default() };
    let analysis = match analyser.waveform(waveform, range(point, waveform.unit), &context) {
        Ok(a) => a,
        Err(code) => {
            out.refused.push(code.into());
            return out;
        }
    };
    out.refused =
        analysis.bearing.err().into_iter().chain(analysis.faults.iter().map(|f| f.code())).map(Arc::from).collect();
    let spectrum = analyser.spectrum();
    if spectrum.power.is_empty() {
        return out;
    }
    let df = spectrum.df();
    out.spectrum = curve(df, (0..spectrum.power.len()).map(|k| spectrum.rms_line(k)));
    out.velocity = curve(df, velocity(&spectrum));
    let of_train = crate::lines::of_train(machine, place, out.shaft_hz.map(|hz| hz / own), &spectrum);
    out.hypotheses = listed(analyser.hypotheses(), &near);
    if let (Ok(hz), Some(_)) = (analysis.bearing, analyser.envelope_by_turn()) {
        (out.shaft_hz, out.by_turn) = (Some(hz), true);
    }
    let highest = highest_hz(&bearings, out.shaft_hz);
    // By orders, as it was judged, where it was; else by Hz.
    let judged =
        analyser.envelope_by_turn().zip(out.shaft_hz).map(|((orders, ratio), hz)| (orders * hz, ratio.to_vec()));
    let (df, ratio) = judged.unwrap_or_else(|| (df, analyser.envelope_ratio(highest).to_vec()));
    let ratio = &ratio[..];
    out.envelope = curve(df, ratio.iter().copied().take(((highest / df) as usize).saturating_add(1)));
    out.lines = lines(&out.hypotheses, out.shaft_hz, df, ratio);
    if out.hypotheses.is_empty() {
        out.lines.extend(out.shaft_hz.into_iter().flat_map(|hz| expected(&near, hz, df, ratio)));
    }
    out.lines.extend(of_train);
    out
}

fn range(point: Option<&Point>, unit: Unit) -> Option<(f64, f64)> {
    let point = point?;
    let (factor, offset) = point.unit.unwrap_or(unit).linear(unit).ok()?;
    point.range.map(|(low, high)| (low * factor + offset, high * factor + offset))
}

fn velocity<'a>(s: &'a Spectrum<'_>) -> impl Iterator<Item = f64> + 'a {
    let df = s.df();
    let last = ((VELOCITY_TO_HZ / df) as usize).min(s.power.len() - 1);
    (0..=last).map(move |k| {
        let f = k as f64 * df;
        if f < VELOCITY_FROM_HZ { 0.0 } else { 1000.0 * s.rms_line(k) / (TAU * f) }
    })
}

/// Four multiples of the highest fault frequency and a little beyond, or [`ENVELOPE_TO_HZ`].
fn highest_hz(bearings: &[Seated], shaft_hz: Option<f64>) -> f64 {
    let highest = bearings.iter().map(|b| b.ratio * b.orders.bpfo.max(b.orders.bpfi).max(2.0 * b.orders.bsf));
    let highest = highest.fold(0.0, f64::max);
    (4.3 * highest * shaft_hz.unwrap_or(0.0)).max(ENVELOPE_TO_HZ)
}

/// A curve from 0 Hz on, of at most [`LONGEST_CURVE`] values.
fn curve(df: f64, values: impl Iterator<Item = f64>) -> Curve {
    Curve { x0: 0.0, dx: df, values: values.collect() }.joined(LONGEST_CURVE)
}

fn listed(hypotheses: &[Scored], near: &[(Name, Seated)]) -> Vec<Listed> {
    let listed = |s: &Scored| Some(Listed { bearing: near.get(s.bearing)?.0.clone(), scored: *s });
    hypotheses.iter().filter_map(listed).collect()
}

/// Where the lines of the bearings stand without slip: what an analyst looks at where there is no verdict.
fn expected(near: &[(Name, Seated)], shaft_hz: f64, df: f64, ratio: &[f64]) -> Vec<Line> {
    let all = near.iter().flat_map(|b| BearingFault::ALL.into_iter().map(move |f| (b, f)));
    let all = all.flat_map(|of| (1..=EXPECTED_HARMONICS).map(move |k| (of, k)));
    let line = |(((bearing, seated), fault), harmonic): ((&(Name, Seated), BearingFault), u16)| {
        let hz = f64::from(harmonic) * seated.strikes(fault) * shaft_hz;
        let at = (hz / df).round() as usize;
        let ratio = ratio.iter().skip(at.saturating_sub(1)).take(3).copied().fold(0.0, f64::max);
        Line { bearing: Some(bearing.clone()), line: FaultLine { label: fault.as_str().into(), harmonic, hz, ratio } }
    };
    all.map(line).collect()
}

fn lines(hypotheses: &[Listed], shaft_hz: Option<f64>, df: f64, ratio: &[f64]) -> Vec<Line> {
    let of_faults = hypotheses
        .iter()
        .flat_map(|h| fault_lines(&h.scored).into_iter().map(|line| Line { bearing: Some(h.bearing.clone()), line }));
    let label: Arc<str> = "shaft".into();
    let of_shaft = shaft_hz.into_iter().flat_map(|hz| (1..=SHAFT_LINES).map(move |k| (k, f64::from(k) * hz)));
    let of_shaft = of_shaft.filter_map(|(harmonic, hz)| {
        let at = (hz / df).round() as usize;
        let near = ratio.get(at.saturating_sub(1)..(at + 2).min(ratio.len()))?;
        let ratio = near.iter().copied().fold(0.0, f64::max);
        Some(Line { bearing: None, line: FaultLine { label: label.clone(), harmonic, hz, ratio } })
    });
    of_faults.chain(of_shaft).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, add_impacts};
    use plant::{
        Bearing, BearingFault, BearingOrders, Geometry, MachineId, Samples, Timestamp, WaveformId, WaveformMeta,
    };

    fn machine() -> Machine {
        let id: MachineId = "s/fan".parse().unwrap();
        let mut m = Machine::bare(id);
        let geometry = Geometry::Orders(BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 });
        m.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: None, geometry });
        m
    }

    fn record(n: usize, unit: &str) -> Waveform {
        let mut noise = Noise::new(9);
        let mut x = noise.normals(n);
        add_impacts(&mut x, 25_600.0, 3.58 * 25.0, 5000.0, 6.0, &mut noise);
        let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
        let t = Timestamp::from_secs(1);
        let unit = Unit::parse(unit).unwrap();
        let point = "s/fan/vib".parse().unwrap();
        Waveform::new(WaveformId(1), point, t, t, 25_600.0, unit, samples, WaveformMeta::default()).unwrap()
    }

    #[test]
    fn curves_are_bounded_and_the_faults_lines_stand_out() {
        let s = spectra(&record(65_536, "m/s²"), &machine(), Some(25.0));
        assert_eq!(s.refused, []);
        for c in [&s.spectrum, &s.velocity, &s.envelope] {
            assert!((100..=LONGEST_CURVE).contains(&c.values.len()), "{}", c.values.len());
        }
        assert!((s.spectrum.dx * s.spectrum.values.len() as f64 / 12_800.0 - 1.0).abs() < 0.01);
        assert_eq!(s.hypotheses[0].scored.fault, BearingFault::OuterRace);
        let first = &s.lines[0];
        assert_eq!((&*first.line.label, first.line.harmonic), ("outer_race", 1));
        assert!((first.line.hz / (3.58 * 25.0) - 1.0).abs() < 0.02 && first.line.ratio > 10.0, "{first:?}");
        let at = s.envelope.values[(first.line.hz / s.envelope.dx).round() as usize];
        assert!(at > 5.0, "{at}");
        assert_eq!(s.lines.iter().filter(|l| &*l.line.label == "shaft").count(), usize::from(SHAFT_LINES));
    }

    #[test]
    fn a_ramp_is_drawn_as_it_was_judged() {
        let mut noise = Noise::new(12);
        // 20 to 30 Hz within 4 s, with the shaft's own orders and strikes at the outer race by the turn.
        let turns = |t: f64| 20.0 * t + 1.25 * t * t;
        let fs = 25_600.0;
        let mut x: Vec<f64> = (0..102_400)
            .map(|i| {
                let at = TAU * turns(f64::from(i) / fs);
                0.7 * (at.cos() + 0.6 * (2.0 * at).cos() + 0.4 * (3.0 * at).cos()) + noise.normal()
            })
            .collect();
        let mut strike = 0.3;
        for i in 0..x.len() {
            if turns(i as f64 / fs) * 3.58 < strike {
                continue;
            }
            strike += 1.0;
            for (k, v) in x[i..].iter_mut().take(150).enumerate() {
                let since = k as f64 / fs;
                *v += 6.0 * (-1000.0 * since).exp() * (TAU * 5200.0 * since).sin();
            }
        }
        let mut w = record(1024, "m/s²");
        w.samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
        w.meta.speed = Some(Speed { mean_rpm: 1500.0, range_rpm: Some((1200.0, 1800.0)) });
        for shaft_hz in [None, Some(25.0)] {
            let s = spectra(&w, &machine(), shaft_hz);
            assert_eq!((s.refused, s.by_turn), (vec![], true), "{shaft_hz:?}");
            let hz = s.shaft_hz.unwrap();
            assert!((hz / 25.0 - 1.0).abs() < 0.02, "{hz}");
            assert_eq!(s.hypotheses[0].scored.fault, BearingFault::OuterRace);
            // The first line stands at its order and is a line there: by Hz it would be smeared over 40 %.
            let line = &s.lines[0].line;
            assert!((line.hz / hz / 3.58 - 1.0).abs() < 0.01, "{line:?}");
            let at = (line.hz / s.envelope.dx).round() as usize;
            let top = s.envelope.values[at - 2..at + 3].iter().copied().fold(0.0, f64::max);
            assert!(top > 10.0 && (top / line.ratio - 1.0).abs() < 0.5, "{top} {line:?}");
        }
        w.meta.speed = Some(Speed { mean_rpm: 1500.0, range_rpm: None });
        assert!(!spectra(&w, &machine(), None).by_turn);
    }

    #[test]
    fn what_is_missing_is_said_and_the_rest_is_drawn() {
        let s = spectra(&record(65_536, "m/s²"), &machine(), None);
        assert_eq!(s.refused, ["speed".into()]);
        assert!(!s.spectrum.values.is_empty() && !s.envelope.values.is_empty() && s.lines.is_empty());
        let s = spectra(&record(65_536, "mm/s"), &machine(), Some(25.0));
        assert_eq!((s.refused, s.spectrum.values.len()), (vec!["unit".into()], 0));
        let s = spectra(&record(100, "m/s²"), &machine(), Some(25.0));
        assert_eq!((s.refused, s.spectrum.values.len()), (vec!["record_length".into()], 0));
    }
}
