//! `danxia evaluate gears`: is a tooth broken, judged against the same machine while it was sound, at other loads.

mod baseline;
mod row;

use std::path::Path;

use serde::Serialize;

use self::baseline::{Features, deviation, limit};
use self::row::{Row, Test};
use super::manifest::{self, LONGEST, ManifestError};
use super::{Progress, Report, dataset};
use crate::rotating::gear::{self, GearMetrics, Lines, Mesh};
use crate::rotating::{Plans, Refusal};

/// Probability per test of an alarm without damage: a gear unit is tested now and then, so one in two hundred.
const ALPHA: f64 = 0.005;

/// What came of one directory of recordings of gears.
pub type GearsReport = Report<GearCase, GearSummary>;

/// What came of one test: all sensors of one machine at one time are one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GearCase {
    /// The test's name: column `test`, else `source`, else the recording's.
    pub test: String,
    /// Its recordings, by channel.
    pub files: Vec<String>,
    /// The condition as in the manifest.
    pub expected: String,
    /// The load as in the manifest.
    pub load_percent: Option<f64>,
    /// Sound tests at other loads that it was compared with.
    pub baseline: usize,
    /// Mean square of the deviation from these, the larger of the two terms; about 1 for a sound gear.
    pub statistic: Option<f64>,
    /// What it had to exceed.
    pub threshold: Option<f64>,
    /// Whether it did.
    pub alarm: bool,
    /// The term of mesh, sidebands and average over turns; none where no mesh was found.
    pub gear: Option<f64>,
    /// The term of the spectrum's shape.
    pub spectrum: Option<f64>,
    /// The mesh that was found, in cycles per sample.
    pub mesh: Option<f64>,
    /// Why there is no verdict: a stable code.
    pub reason: Option<String>,
}

/// Counts over the cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GearSummary {
    /// Probability that a faulty test's statistic is above a healthy one's; none where there are not both.
    pub auc: Option<f64>,
    /// Tests of sound gears.
    pub healthy: usize,
    /// Of these, those that alarmed.
    pub false_alarms: usize,
    /// Tests of gears with a broken tooth.
    pub faults: usize,
    /// Of these, those that alarmed.
    pub detected: usize,
    /// Tests that were not judged.
    pub refused: usize,
}

/// Judges the recordings that `dir/manifest.csv` lists.
///
/// Columns: `file`, `condition` (`healthy|normal|broken_tooth`), `load_percent`; optional `channel`, `test` or `source`
/// (recordings that agree there are one test and one case), `sample_rate_hz`, `nominal_shaft_hz` (or `shaft_hz`,
/// `shaft_rpm`) and `teeth`: only with all three is the mesh computed, otherwise it is found in the sound tests.
///
/// A test is compared with sound tests at loads other than its own, never with its own load's: what is asked is whether a
/// load that was never seen sound can be judged. Whether a test is sound is taken from the labels for this baseline alone.
/// Codes of refusal: `load` (not stated), `baseline` (fewer than three such tests with the same sensors, or at one load
/// only its own), `record_length`, `sensor`.
pub fn gears(dir: &Path) -> Result<GearsReport, ManifestError> {
    gears_with(dir, &mut |_, _| {})
}

/// As [`gears`], saying how far it is.
pub fn gears_with(dir: &Path, on: Progress<'_>) -> Result<GearsReport, ManifestError> {
    let tests = row::tests(manifest::read(dir, Row::of)?)?;
    let plans = Plans::default();
    let mut heard = Vec::with_capacity(tests.len());
    for test in &tests {
        heard.push(Heard::of(&plans, test)?);
    }
    let mut cases = Vec::with_capacity(tests.len());
    for (i, test) in tests.iter().enumerate() {
        on(i, tests.len());
        cases.push(case(&plans, &tests, &heard, test, &heard[i]));
    }
    let summary = summary(&tests, &cases);
    Ok(Report { task: "gears", dataset: dataset(dir), cases, summary })
}

/// What is known of a test before it is compared.
struct Heard {
    /// The samples of each sensor, and the lines they share; or why not.
    records: Result<(Vec<Vec<f64>>, Lines), Refusal>,
    /// Shape of the spectrum, by band, one value a sensor.
    shape: Result<Features, Refusal>,
}

impl Heard {
    fn of(plans: &Plans, test: &Test) -> Result<Self, ManifestError> {
        let mut records = Vec::with_capacity(test.rows.len());
        for row in &test.rows {
            records.push(row.recording.samples(LONGEST)?);
        }
        let slices: Vec<&[f64]> = records.iter().map(Vec::as_slice).collect();
        let lines = Lines::of(plans, &slices);
        let shapes: Result<Vec<_>, Refusal> = records.iter().map(|r| gear::shape(plans, r)).collect();
        let shape = shapes.map(|s| (0..gear::BANDS).map(|band| s.iter().map(|v| v[band]).collect()).collect());
        Ok(Self { records: lines.map(|l| (records, l)), shape })
    }
}

fn case(plans: &Plans, tests: &[Test], heard: &[Heard], test: &Test, own: &Heard) -> GearCase {
    let mut case = GearCase {
        test: test.name.clone(),
        files: test.rows.iter().map(|r| r.recording.file.clone()).collect(),
        expected: test.rows[0].expected.clone(),
        load_percent: test.rows[0].load,
        baseline: 0,
        statistic: None,
        threshold: None,
        alarm: false,
        gear: None,
        spectrum: None,
        mesh: None,
        reason: None,
    };
    if let Err(code) = judge(plans, tests, heard, test, own, &mut case) {
        case.reason = Some(code.to_owned());
    }
    case
}

fn judge(
    plans: &Plans,
    tests: &[Test],
    heard: &[Heard],
    test: &Test,
    own: &Heard,
    case: &mut GearCase,
) -> Result<(), Refusal> {
    let load = test.rows[0].load.ok_or("load")?;
    let (_, shape) = (own.records.as_ref().map_err(|e| *e)?, own.shape.as_ref().map_err(|e| *e)?);
    let sound: Vec<(f64, &Heard)> = tests
        .iter()
        .zip(heard)
        .filter(|(t, h)| t.rows[0].healthy && h.records.is_ok() && h.shape.is_ok() && same_sensors(t, test))
        .filter_map(|(t, h)| t.rows[0].load.filter(|l| *l != load).map(|l| (l, h)))
        .collect();
    case.baseline = sound.len();
    let shapes: Vec<(f64, &Features)> = sound.iter().filter_map(|(l, h)| Some((*l, h.shape.as_ref().ok()?))).collect();
    let (spectrum, freedom) = deviation(&shapes, load, shape).ok_or("baseline")?;
    let teeth = teeth(plans, &sound, test, own);
    let of_gear = teeth.as_ref().ok().and_then(|(sound, own, mesh)| {
        let sound: Vec<(f64, &Features)> = sound.iter().map(|(l, f)| (*l, f)).collect();
        Some((deviation(&sound, load, own)?.0, mesh.mesh))
    });
    // Two terms are looked at, so each gets half of the probability.
    let threshold = limit(ALPHA / 2.0, freedom);
    let statistic = of_gear.map_or(spectrum, |(d, _)| d.max(spectrum));
    (case.gear, case.mesh) = (of_gear.map(|(d, _)| d), of_gear.map(|(_, mesh)| mesh));
    (case.spectrum, case.statistic, case.threshold) = (Some(spectrum), Some(statistic), Some(threshold));
    case.alarm = statistic > threshold;
    Ok(())
}

fn same_sensors(a: &Test, b: &Test) -> bool {
    a.rows.iter().map(|r| &r.channel).eq(b.rows.iter().map(|r| &r.channel))
}

/// Gear features of the sound tests with their loads, those of the test, and its mesh.
type Teeth = (Vec<(f64, Features)>, Features, Mesh);

fn teeth(plans: &Plans, sound: &[(f64, &Heard)], test: &Test, own: &Heard) -> Result<Teeth, Refusal> {
    let known = known(test);
    let lines: Vec<Lines> = sound.iter().filter_map(|(_, h)| Some(h.records.as_ref().ok()?.1.clone())).collect();
    let mesh = known.map_or_else(|| gear::find(&lines), Ok)?;
    // The variance of each sensor's residual while sound is what NA4 is measured by.
    let mut metrics = Vec::with_capacity(sound.len());
    for (load, h) in sound {
        metrics.push((*load, metrics_of(plans, h, &mesh, &[])?));
    }
    let variances: Vec<f64> = (0..test.rows.len())
        .map(|s| metrics.iter().map(|(_, m)| m[s].residual_rms.powi(2)).sum::<f64>() / metrics.len() as f64)
        .collect();
    let mut features = Vec::with_capacity(sound.len());
    for ((load, m), (_, h)) in metrics.iter_mut().zip(sound) {
        *m = metrics_of(plans, h, &mesh, &variances)?;
        features.push((*load, features_of(m)));
    }
    let own = metrics_of(plans, own, &mesh, &variances)?;
    Ok((features, features_of(&own), own[0].mesh))
}

/// The mesh by the gear's teeth, where rate, shaft and teeth are stated.
fn known(test: &Test) -> Option<Mesh> {
    let row = test.rows.iter().find(|r| r.teeth.is_some())?;
    Mesh::known(row.teeth?, row.shaft_hz?, row.sample_rate_hz?).ok()
}

fn metrics_of(plans: &Plans, h: &Heard, mesh: &Mesh, sound: &[f64]) -> Result<Vec<GearMetrics>, Refusal> {
    let (records, lines) = h.records.as_ref().map_err(|e| *e)?;
    let here = lines.locate(mesh);
    records.iter().enumerate().map(|(s, x)| gear::metrics(plans, x, &here, sound.get(s).copied())).collect()
}

/// Features by kind, one value a sensor, as logarithms: SER of each harmonic of the mesh, how much of the record is of the
/// shaft, how much of that is neither mesh nor first sidebands, FM4, NA4, NB4.
fn features_of(sensors: &[GearMetrics]) -> Features {
    let harmonics = sensors.iter().map(|m| m.harmonics).min().unwrap_or(0);
    let kind = |of: &dyn Fn(&GearMetrics) -> f64| sensors.iter().map(|m| of(m).max(1e-9).ln()).collect::<Vec<f64>>();
    let mut out: Features = (0..harmonics).map(|k| kind(&|m| m.ser[k])).collect();
    out.push(kind(&|m| m.average_rms / m.record_rms));
    out.push(kind(&|m| m.difference_rms / m.average_rms));
    out.push(kind(&|m| m.fm4));
    out.push(kind(&|m| m.na4.unwrap_or(1.0)));
    out.push(kind(&|m| m.nb4));
    out
}

fn summary(tests: &[Test], cases: &[GearCase]) -> GearSummary {
    let mut s = GearSummary::default();
    let (mut sound, mut broken) = (Vec::new(), Vec::new());
    for (test, case) in tests.iter().zip(cases) {
        let healthy = test.rows[0].healthy;
        s.refused += usize::from(case.statistic.is_none());
        let (all, alarmed) =
            if healthy { (&mut s.healthy, &mut s.false_alarms) } else { (&mut s.faults, &mut s.detected) };
        *all += 1;
        *alarmed += usize::from(case.alarm);
        // Tests with more sound ones to compare with have a lower limit: the statistic in units of its limit compares.
        if let Some((d, limit)) = case.statistic.zip(case.threshold) {
            if healthy { sound.push(d / limit) } else { broken.push(d / limit) }
        }
    }
    s.auc = auc(&sound, &broken);
    s
}

/// The area under the receiver operating characteristic, as the probability that a faulty value is above a sound one, ties
/// counting half (Mann & Whitney).
fn auc(sound: &[f64], broken: &[f64]) -> Option<f64> {
    if sound.is_empty() || broken.is_empty() {
        return None;
    }
    let above = |b: f64| {
        sound
            .iter()
            .map(|s| {
                if b > *s {
                    1.0
                } else if b == *s {
                    0.5
                } else {
                    0.0
                }
            })
            .sum::<f64>()
    };
    Some(broken.iter().map(|b| above(*b)).sum::<f64>() / (sound.len() * broken.len()) as f64)
}

#[cfg(test)]
mod tests;
