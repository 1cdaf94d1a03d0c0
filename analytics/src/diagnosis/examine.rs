//! From the records of one window to symptoms.

use serde::{Deserialize, Serialize};

use super::gear::Meshing;
use super::lines::phasor;
use super::pairs::{self, Taken, Turning};
use super::point;
use super::record::Record;
use super::symptoms::{Excitations, Given, Known, PointSymptoms, Symptoms};
use crate::rotating::{Analyser, Analysis, Plans, median};

/// Most records in one window; the rest is left out.
pub const MOST_RECORDS: usize = 64;
/// Speed may vary by this part of its mean; the envelope decision's own.
const UNSTEADY: f64 = 0.01;
/// Slowest shaft, Hz.
const SLOWEST_HZ: f64 = 2.0;
/// Turns that a quarter of a record must hold for its speed to be compared with the other's.
const QUARTER_TURNS: f64 = 12.0;

/// A line that moved by more than [`UNSTEADY`] has less than this part of its amplitude left over the whole record.
const SMEARED: f64 = 0.7;

/// Examines windows, one after the other, with one set of buffers.
#[derive(Default)]
pub struct Examiner {
    analyser: Analyser,
    scratch: Vec<f64>,
}

impl Examiner {
    /// An examiner that takes its plans from `plans`.
    #[must_use]
    pub fn new(plans: Plans) -> Self {
        Self { analyser: Analyser::new(plans), scratch: Vec::new() }
    }

    /// What the records of one window say together.
    ///
    /// # Errors
    /// The code of why there is nothing to be said: what `given.steady` says; `speed` without a shaft speed of 2 Hz or
    /// more; `speed_unsteady` where it varied by more than 1 %, as stated or as the records themselves show; `sensor`
    /// where no sensor may be believed, `record_length` or `rate` where none of the records is fit.
    pub fn examine(
        &mut self,
        records: &[Record<'_>],
        excitations: &Excitations,
        given: &Given,
    ) -> Result<Symptoms, &'static str> {
        may_be_judged(excitations, given)?;
        let excitations = sane(excitations);
        let records = &records[..records.len().min(MOST_RECORDS)];
        let points = records.iter().map(|r| {
            let symptoms = point::examine(&mut self.analyser, &mut self.scratch, r, &excitations);
            Heard { symptoms, still: Ok(()), turning: no_turning(), gear: no_gear() }
        });
        let mut s = gather(points.collect(), &excitations, given, &|_, _| Err("no_phase"))?;
        if let Some((i, _)) = strongest(&s.points) {
            drift(&records[i], excitations.shaft_hz)?;
        }
        pairs::compare_records(records, s.excitations.shaft_hz, &mut s);
        Ok(s)
    }
}

/// What one record of a window said, to be gathered with the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Its symptoms.
    pub symptoms: PointSymptoms,
    /// Whether the speed held still in it, as far as it shows.
    #[serde(with = "super::known")]
    pub still: Known<()>,
    /// How its 1× stands, to be compared with that of a record that was taken together with it.
    #[serde(with = "super::known", default = "no_turning")]
    pub turning: Known<Turning>,
    /// What its gear's own analysis says.
    #[serde(with = "super::known", default = "no_gear")]
    pub gear: Known<Meshing>,
}

/// Of records without a gear, or from before gears were looked at.
fn no_gear() -> Known<Meshing> {
    Err("gear")
}

/// Of records that were heard before phases were kept.
fn no_turning() -> Known<Turning> {
    Err("no_phase")
}

/// What the record `r` says, which `analyser` has just analysed as `said`, of a shaft that turns as `excitations` say;
/// `scratch` is overwritten.
pub fn hear(
    analyser: &mut Analyser,
    said: &Analysis,
    scratch: &mut Vec<f64>,
    r: &Record<'_>,
    excitations: &Excitations,
) -> Heard {
    let symptoms = point::describe(analyser, said, scratch, r, &sane(excitations));
    let line = symptoms.orders[0].is_ok() && symptoms.overall.is_ok();
    let still = if line { drift(r, excitations.shaft_hz) } else { Ok(()) };
    let turning = Turning::of(r.x, r.fs, symptoms.overall.and(symptoms.orders[0]));
    Heard { symptoms, still, turning, gear: no_gear() }
}

/// What records that were heard one by one say together. `together` tells of two of them, by their places in `heard`,
/// whether they are samples of the same moments, or why not: without that, what takes the phase between them is missing.
///
/// # Errors
/// As of [`Examiner::examine`].
pub fn gather(
    heard: Vec<Heard>,
    excitations: &Excitations,
    given: &Given,
    together: &dyn Fn(usize, usize) -> Known<()>,
) -> Result<Symptoms, &'static str> {
    may_be_judged(excitations, given)?;
    let turning: Vec<Known<Turning>> = heard.iter().map(|h| h.turning).collect();
    let (mut points, still): (Vec<_>, Vec<_>) = heard.into_iter().map(|h| (h.symptoms, h.still)).unzip();
    if points.iter().all(|p| p.overall.is_err()) {
        return Err(points.iter().find_map(|p| p.overall.err()).unwrap_or("sensor"));
    }
    let mut excitations = sane(excitations);
    if let Some((i, line)) = strongest(&points) {
        if line.mm_s > 0.0 {
            excitations.shaft_hz = line.hz;
        }
        still[i]?;
    }
    for (p, t) in points.iter_mut().zip(&turning) {
        p.phase = t.map(|t| t.whole);
    }
    let missing = Err("no_phase");
    let (quadrature, phase_spread, across_coupling, end_to_end) = (missing, missing, missing, missing);
    let given = *given;
    let mut s = Symptoms { excitations, points, quadrature, phase_spread, across_coupling, end_to_end, given };
    let alike = |a: usize, b: usize| together(a, b).is_ok();
    pairs::compare(&Taken { turning: &turning, comparable: together, alike: &alike }, &mut s);
    Ok(s)
}

fn may_be_judged(excitations: &Excitations, given: &Given) -> Known<()> {
    given.steady?;
    if !(excitations.shaft_hz.is_finite() && excitations.shaft_hz >= SLOWEST_HZ) {
        return Err("speed");
    }
    if excitations.varied > UNSTEADY || excitations.varied.is_nan() { Err("speed_unsteady") } else { Ok(()) }
}

/// Without frequencies that are none.
fn sane(e: &Excitations) -> Excitations {
    let real = |f: Option<f64>| f.filter(|f| f.is_finite() && *f > 0.0);
    Excitations {
        line_hz: real(e.line_hz),
        pole_pass_hz: real(e.pole_pass_hz),
        blade_pass_hz: real(e.blade_pass_hz),
        mesh_hz: real(e.mesh_hz),
        ..*e
    }
}

/// The point with the strongest 1×, else the first that says anything.
fn strongest(points: &[PointSymptoms]) -> Option<(usize, super::Line)> {
    let lines = points.iter().enumerate().filter_map(|(i, p)| Some((i, p.orders[0].ok()?)));
    lines.max_by(|(_, a), (_, b)| a.mm_s.total_cmp(&b.mm_s))
}

/// Holds that 1× has the same frequency in the first and in the last quarter of a record.
fn drift(r: &Record<'_>, shaft_hz: f64) -> Known<()> {
    let quarter = r.x.len() / 4;
    if (quarter as f64) < QUARTER_TURNS * r.fs / shaft_hz {
        return Ok(());
    }
    let (Some(first), Some(last)) =
        (peak(&r.x[..quarter], r.fs, shaft_hz), peak(&r.x[r.x.len() - quarter..], r.fs, shaft_hz))
    else {
        return Ok(());
    };
    if (last.0 - first.0).abs() <= UNSTEADY * shaft_hz {
        return Ok(());
    }
    // Either one line moved, and is smeared over the whole record; or there are several, such as pole-pass sidebands, of
    // which now one and now another is strongest, and the whole record has them as sharp as its quarters.
    let whole = peak(r.x, r.fs, shaft_hz).map_or(0.0, |p| p.1);
    if whole < SMEARED * first.1.min(last.1) { Err("speed_unsteady") } else { Ok(()) }
}

/// Where within 12 % of `hz` the record has its strongest line, in steps of a quarter of its resolution, and its
/// amplitude; `None` where that is no more than five times the middle of what is there.
fn peak(x: &[f64], fs: f64, hz: f64) -> Option<(f64, f64)> {
    let step = 0.25 * fs / x.len() as f64;
    let reach = ((0.12 * hz / step) as i32).clamp(24, 400);
    let sizes: Vec<(f64, f64)> =
        (-reach..=reach).map(|i| hz + f64::from(i) * step).map(|f| (f, phasor(x, fs, f).norm())).collect();
    let best = sizes.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let mut all: Vec<f64> = sizes.iter().map(|s| s.1).collect();
    (best.1 > 5.0 * median(&mut all)).then_some(best)
}
