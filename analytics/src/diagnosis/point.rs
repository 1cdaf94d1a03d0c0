//! What one record says.

use plant::{BearingFault, Speed};

use super::lines;
use super::record::Record;
use super::symptoms::{BearingSymptom, Excitations, Known, Line, ORDERS, PointSymptoms};
use crate::rotating::{Analyser, Analysis, Context, Fault, Faults, Refusal, Scored, Seated, Spectrum, median};

/// Probability that a sound bearing is called damaged by one record; the fold's own.
const ALPHA: f64 = crate::fold::ALPHA;
/// Two lines closer than this many lines of the spectrum are one.
const RESOLVED: f64 = 4.0;
/// The stated speed is off by no more than this part.
const SPEED: f64 = 0.005;
/// Above, the machine's own lines are few and what bubbles and dry surfaces make prevails, Hz.
const BROADBAND_HZ: f64 = 2000.0;
/// Usable bandwidth of a record: samples a second over this.
const PER_HZ: f64 = 2.56;
/// Sidebands of the mesh that are summed on either side.
const SIDEBANDS: u16 = 6;
/// The envelope is searched for periods up to this multiple of shaft speed.
const PERIODIC_TO: f64 = 12.0;
/// Lines on either side of a frequency that belong to it.
const LOBE: f64 = 3.0;

/// Analyses `r`; `scratch` is overwritten.
pub fn examine(analyser: &mut Analyser, scratch: &mut Vec<f64>, r: &Record<'_>, e: &Excitations) -> PointSymptoms {
    if !(r.fs.is_finite() && r.fs > 0.0) {
        return silent(r, Faults::default(), 0.0, "rate");
    }
    if r.x.iter().any(|v| !v.is_finite()) {
        let mut faults = Faults::default();
        faults.add(Fault::Gaps);
        return silent(r, faults, 0.0, "sensor");
    }
    let rpm = 60.0 * e.shaft_hz;
    let half = 0.5 * e.varied * rpm;
    let speed = Speed { mean_rpm: rpm, range_rpm: Some((rpm - half, rpm + half)) };
    let context = Context { speed: Ok(speed), nominal_rpm: None, bearings: r.bearings, alpha: ALPHA };
    let said = analyser.analyse(r.x, r.fs, &r.stated, &context);
    describe(analyser, &said, scratch, r, e)
}

/// What `r` says, which `analyser` has just analysed as `said`; `scratch` is overwritten.
pub fn describe(
    analyser: &mut Analyser,
    said: &Analysis,
    scratch: &mut Vec<f64>,
    r: &Record<'_>,
    e: &Excitations,
) -> PointSymptoms {
    if !said.faults.is_empty() {
        return silent(r, said.faults, said.features.kurtosis, "sensor");
    }
    if analyser.spectrum().power.is_empty() {
        return silent(r, said.faults, said.features.kurtosis, "record_length");
    }
    let broadband = broadband(analyser, r.fs);
    let bearings = said.bearing.map(|_| bearings(analyser, r, e));
    let shaft = refined(&analyser.spectrum(), e.shaft_hz, scratch);
    // Vanes pass with the shaft, whatever its speed was stated to be.
    let blade_pass_hz = e.blade_pass_hz.map(|hz| hz * shaft / e.shaft_hz);
    let (periodic, vane_pass) = periodic(analyser, r, e.shaft_hz, blade_pass_hz);
    let s = analyser.spectrum();
    let e = Excitations { shaft_hz: shaft, blade_pass_hz, ..*e };
    let floor = floor(&s, shaft, scratch);
    let mut at = |hz: f64| lines::velocity(&s, hz, 0.0, scratch).ok_or("record_length");
    PointSymptoms {
        place: r.place,
        faults: said.faults,
        overall: said.velocity.map(|v| v.rms_mm_s),
        orders: std::array::from_fn(|k| order(&s, &e, k + 1, &mut at)),
        half: at(0.5 * shaft),
        third: at(shaft / 3.0),
        pole_pass: pole_pass(&s, &e, &mut at),
        vane_pass,
        line_2x: line_2x(&s, &e, &mut at),
        sub: sub(&s, shaft, scratch),
        floor_rise: over(floor, r.baseline.map(|b| b.floor)),
        floor,
        high_frequency: over(broadband, r.baseline.map(|b| b.broadband)),
        broadband,
        kurtosis: said.features.kurtosis,
        periodic,
        sideband_ratio: sideband_ratio(&s, &e, scratch),
        phase: Err("no_phase"),
        bearings,
    }
}

/// A point that says nothing, for the reason `why`.
fn silent(r: &Record<'_>, faults: Faults, kurtosis: f64, why: Refusal) -> PointSymptoms {
    PointSymptoms {
        place: r.place,
        faults,
        overall: Err(why),
        orders: [Err(why); ORDERS],
        half: Err(why),
        third: Err(why),
        sub: Err(why),
        line_2x: Err(why),
        pole_pass: Err(why),
        vane_pass: Err(why),
        floor: Err(why),
        floor_rise: Err(why),
        broadband: Err(why),
        high_frequency: Err(why),
        kurtosis,
        periodic: Err(why),
        sideband_ratio: Err(why),
        phase: Err(why),
        bearings: Err(why),
    }
}

fn over(value: Known, baseline: Option<f64>) -> Known {
    Ok(value? / baseline.filter(|b| *b > 0.0).ok_or("baseline")?)
}

/// The shaft's frequency by this record, or as stated where its line does not stand out.
fn refined(s: &Spectrum<'_>, stated: f64, scratch: &mut Vec<f64>) -> f64 {
    let line = lines::velocity(s, stated, SPEED * stated, scratch);
    line.filter(|l| l.mm_s > 0.0).map_or(stated, |l| l.hz)
}

fn order(s: &Spectrum<'_>, e: &Excitations, k: usize, at: &mut impl FnMut(f64) -> Known<Line>) -> Known<Line> {
    let hz = k as f64 * e.shaft_hz;
    let twice = e.line_hz.map(|f| 2.0 * f);
    if twice.is_some_and(|f| (f - hz).abs() < RESOLVED * s.df()) {
        return Err("unresolved");
    }
    at(hz)
}

fn line_2x(s: &Spectrum<'_>, e: &Excitations, at: &mut impl FnMut(f64) -> Known<Line>) -> Known<Line> {
    let hz = 2.0 * e.line_hz.ok_or("line_frequency")?;
    let nearest = (hz / e.shaft_hz).round().max(1.0) * e.shaft_hz;
    if (hz - nearest).abs() < RESOLVED * s.df() { Err("unresolved") } else { at(hz) }
}

fn pole_pass(s: &Spectrum<'_>, e: &Excitations, at: &mut impl FnMut(f64) -> Known<Line>) -> Known<[Line; 2]> {
    let beat = e.pole_pass_hz.ok_or("pole_pass")?;
    let resolved = beat >= RESOLVED * s.df();
    // On a two-pole motor the mains' own frequency and its double stand at half a pole-pass from 1× and a whole one
    // from 2×: only what is on both sides counts.
    if !resolved {
        return Err("unresolved");
    }
    let mut weaker = |k: f64| -> Known<Line> {
        let (below, above) = (at(k * e.shaft_hz - beat)?, at(k * e.shaft_hz + beat)?);
        Ok(if below.mm_s < above.mm_s { below } else { above })
    };
    Ok([weaker(1.0)?, weaker(2.0)?])
}

fn sub(s: &Spectrum<'_>, shaft: f64, scratch: &mut Vec<f64>) -> Known<Line> {
    let (low, high) = (0.38 * shaft, 0.48 * shaft);
    if high - low < 6.0 * s.df() {
        return Err("record_length");
    }
    lines::velocity(s, 0.5 * (low + high), 0.5 * (high - low), scratch).ok_or("record_length")
}

/// The median of the velocity's density between half a turn below 1× and half a turn above 10×, over the whole band.
fn floor(s: &Spectrum<'_>, shaft: f64, scratch: &mut Vec<f64>) -> Known {
    let (low, high) = (0.5 * shaft, ((ORDERS as f64 + 0.5) * shaft).min(s.fs / PER_HZ));
    let band = s.lines(low, high);
    if band.len() < 64 {
        return Err("record_length");
    }
    scratch.clear();
    scratch.extend(band.map(|k| s.density(k) / (std::f64::consts::TAU * s.df() * k as f64).powi(2)));
    let density = median(scratch) / std::f64::consts::LN_2;
    Ok(1000.0 * (density * (high - low)).sqrt())
}

fn broadband(analyser: &Analyser, fs: f64) -> Known {
    let to = fs / PER_HZ;
    if to < 1.5 * BROADBAND_HZ { Err("rate") } else { Ok(analyser.welch().band(BROADBAND_HZ, to).0) }
}

fn sideband_ratio(s: &Spectrum<'_>, e: &Excitations, scratch: &mut Vec<f64>) -> Known {
    let mesh = e.mesh_hz.ok_or("mesh")?;
    // The mesh moves with the shaft: its stated frequency is off by as much.
    let at = |hz: f64, scratch: &mut Vec<f64>| {
        lines::velocity(s, hz, 1e-3 * e.shaft_hz, scratch).map(|l| l.mm_s * l.hz).ok_or("rate")
    };
    let centre = at(mesh, scratch)?;
    if centre <= 0.0 {
        return Err("weak_line");
    }
    let mut sum = 0.0;
    for k in 1..=SIDEBANDS {
        let away = f64::from(k) * e.shaft_hz;
        sum += at(mesh - away, scratch)? + at(mesh + away, scratch)?;
    }
    Ok(sum / centre)
}

/// The largest of the lines of the envelope about `hz`.
fn envelope_at(ratio: &[f64], hz: f64, df: f64) -> f64 {
    let at = (hz / df).round() as usize;
    ratio.get(at.saturating_sub(1)..=at + 1).map_or(0.0, |near| near.iter().copied().fold(0.0, f64::max))
}

/// ρ of the strongest period of the envelope but for vane pass; and ln(1 + ρ) of vane pass.
fn periodic(analyser: &mut Analyser, r: &Record<'_>, shaft_hz: f64, blade_pass_hz: Option<f64>) -> (Known, Known) {
    let df = analyser.spectrum().df();
    let to = PERIODIC_TO * shaft_hz;
    let ratio = analyser.envelope_ratio(to);
    if ratio.is_empty() || to / df < 64.0 || r.fs < 2.0 * PER_HZ * to {
        return (Err("record_length"), Err("record_length"));
    }
    let blade = blade_pass_hz.map(|hz| hz / df);
    let of_blade = |k: usize| blade.is_some_and(|b| (k as f64 - (k as f64 / b).round().max(1.0) * b).abs() <= LOBE);
    let last = ((to / df) as usize).min(ratio.len());
    let strongest = (2..last).filter(|k| !of_blade(*k)).map(|k| ratio[k]).fold(0.0, f64::max);
    let vane_pass = match blade_pass_hz {
        None => Err("blade_pass"),
        Some(hz) if hz >= to => Err("bandwidth"),
        Some(hz) => Ok(envelope_at(ratio, hz, df).ln_1p()),
    };
    (Ok(strongest), vane_pass)
}

fn bearings(analyser: &mut Analyser, r: &Record<'_>, e: &Excitations) -> Vec<BearingSymptom> {
    let bearings = r.bearings;
    let df = analyser.spectrum().df();
    let scored: Vec<Scored> = analyser.hypotheses().to_vec();
    let spin = bearings.iter().map(|b| b.strikes(BearingFault::Ball) * e.shaft_hz).fold(0.0, f64::max);
    let highest = scored.iter().map(|s| 4.0 * s.hz).fold(spin, f64::max) + 3.0 * e.shaft_hz;
    let ratio = analyser.envelope_ratio(highest);
    let symptom = |s: &Scored| BearingSymptom {
        bearing: r.ids.get(s.bearing).copied().unwrap_or(s.bearing as u16),
        fault: s.fault,
        excess: s.statistic / s.threshold,
        hz: s.hz,
        sidebands: sidebands(ratio, s, &bearings[s.bearing], e.shaft_hz, df),
        ball_lines: ball_lines(ratio, &bearings[s.bearing], s.slip, e.shaft_hz, df),
        cage_lines: cage_lines(
            ratio,
            bearings[s.bearing].strikes(BearingFault::Cage) * e.shaft_hz * (1.0 + s.slip),
            df,
        ),
        coincident: coincident(s, e, df),
    };
    scored.iter().map(symptom).collect()
}

fn sidebands(ratio: &[f64], s: &Scored, seated: &Seated, shaft_hz: f64, df: f64) -> f64 {
    let around = |by: f64| {
        let sides = [s.hz - by, s.hz + by, s.hz - 2.0 * by, s.hz + 2.0 * by];
        sides.iter().map(|hz| envelope_at(ratio, *hz, df).ln_1p()).sum::<f64>() / 4.0
    };
    match s.fault {
        BearingFault::InnerRace => around(seated.ratio * shaft_hz),
        // A ball that shows at the cage's frequency alone shows its modulation, not what is modulated.
        BearingFault::Ball if s.lines_of == BearingFault::Ball => around(seated.strikes(BearingFault::Cage) * shaft_hz),
        _ => {
            let further = s.harmonics.saturating_sub(1).max(1) as f64;
            s.ratios.iter().take(s.harmonics).skip(1).map(|r| r.ln_1p()).sum::<f64>() / further
        }
    }
}

fn ball_lines(ratio: &[f64], seated: &Seated, slip: f64, shaft_hz: f64, df: f64) -> f64 {
    let of = |f| seated.strikes(f) * shaft_hz;
    let (spin, cage) = (of(BearingFault::Ball) * (1.0 + slip), of(BearingFault::Cage));
    [spin, spin - cage, spin + cage].iter().map(|hz| envelope_at(ratio, *hz, df).ln_1p()).sum::<f64>() / 3.0
}

fn cage_lines(ratio: &[f64], cage_hz: f64, df: f64) -> f64 {
    (1..=3).map(|k| envelope_at(ratio, f64::from(k) * cage_hz, df).ln_1p()).sum::<f64>() / 3.0
}

/// The part of the harmonics that cannot be told from multiples of shaft speed, mesh or blade pass.
fn coincident(s: &Scored, e: &Excitations, df: f64) -> f64 {
    let multiple = |hz: f64, of: f64| (hz - (hz / of).round().max(1.0) * of).abs() <= (LOBE * df).max(2e-3 * hz);
    let of_machine = |hz: f64| {
        multiple(hz, e.shaft_hz) || [e.mesh_hz, e.blade_pass_hz].into_iter().flatten().any(|f| multiple(hz, f))
    };
    let fell = (1..=s.harmonics).filter(|k| of_machine(*k as f64 * s.hz)).count();
    fell as f64 / s.harmonics.max(1) as f64
}
