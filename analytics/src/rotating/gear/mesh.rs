//! Where a gear meshes: its frequency and the spacing of its sidebands, found in records of sound gears.

use std::ops::RangeInclusive;

use super::super::Refusal;
use super::super::bearing::null;
use super::super::plans::{Plans, quick_length};
use super::super::spectrum::hann_power_into;

/// Harmonics of the mesh that make up its family.
pub(super) const FAMILY: usize = 4;
/// Sidebands on either side by which a spacing is found.
const SIDEBANDS: usize = 3;
/// Speed of one machine at different loads lies within this part of the one that is looked for.
const SLIP: f64 = 0.02;
/// Lines by which a sideband stands clear of the mesh line and of its neighbour: the Hann window's main lobe is 4 wide.
const CLEAR: f64 = 8.0;
/// Steps per line of a search over the fourth harmonic.
const STEPS: f64 = 2.0;
/// Probability that noise passes for a mesh.
const ALPHA: f64 = 1e-6;
/// A sideband family stands this many standard deviations over what as many lines are on average: a few thousand spacings
/// are tried, of which noise brings none beyond four or five.
const FOUND: f64 = 6.0;
/// Longest record that is looked at, samples.
const LONGEST: usize = 1 << 18;

/// The family of a gear mesh. Frequencies are in cycles per sample, so that no sampling rate is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mesh {
    /// The tooth-meshing frequency.
    pub mesh: f64,
    /// Distance of the sidebands: the rate by which the mesh is modulated, a shaft's frequency or a multiple of it.
    pub spacing: f64,
    /// Teeth of the gear that turns once in [`Mesh::turn`] samples.
    pub teeth: u32,
}

impl Mesh {
    /// A mesh whose gear is known: `shaft_hz` is the gear's own shaft, `fs` the sampling rate, Hz.
    ///
    /// `Err("gear_mesh")` where the record cannot show two harmonics of it.
    pub fn known(teeth: u32, shaft_hz: f64, fs: f64) -> Result<Self, Refusal> {
        let spacing = shaft_hz / fs;
        let mesh = f64::from(teeth) * spacing;
        let sane = teeth >= 5 && mesh.is_finite() && mesh > 0.0 && 2.0 * mesh < 0.5;
        if sane { Ok(Self { mesh, spacing, teeth }) } else { Err("gear_mesh") }
    }

    /// Samples in which the gear turns once.
    #[must_use]
    pub fn turn(&self) -> f64 {
        f64::from(self.teeth) / self.mesh
    }

    /// The same gears where the mesh stands at `mesh`.
    #[must_use]
    pub fn at(&self, mesh: f64) -> Self {
        Self { mesh, spacing: self.spacing * mesh / self.mesh, teeth: self.teeth }
    }
}

/// What the lines of simultaneous records of one machine say: the mean over the records of ln(1 + ρ), ρ the largest of
/// three neighbouring lines over the local floor.
#[derive(Clone, Debug)]
pub struct Lines {
    strength: Vec<f64>,
    /// The same of each line alone, by which frequencies are refined.
    alone: Vec<f64>,
    n: usize,
    mean: f64,
    deviation: f64,
}

impl Lines {
    /// From the records of all sensors of one machine, taken at the same time at the same rate; the shortest decides how
    /// much of each is used. `Err("record_length")` below 4,096 samples, `Err("sensor")` where one holds no numbers.
    pub fn of(plans: &Plans, records: &[&[f64]]) -> Result<Self, Refusal> {
        let shortest = records.iter().map(|r| r.len()).min().unwrap_or(0).min(LONGEST);
        let n = quick_length(shortest);
        if n < 4096 {
            return Err("record_length");
        }
        let (mut strength, mut alone) = (vec![0.0; n / 2 + 1], vec![0.0; n / 2 + 1]);
        let (mut power, mut floor) = (Vec::new(), Vec::new());
        for record in records {
            let record = &record[..n];
            if record.iter().any(|v| !v.is_finite()) {
                return Err("sensor");
            }
            power_of(plans, record, &mut power);
            running_floor(&power, &mut floor);
            let ratio =
                |k: usize| power.get(k).zip(floor.get(k)).map_or(0.0, |(p, f)| if *f > 0.0 { p / f } else { 0.0 });
            for (k, (three, one)) in strength.iter_mut().zip(&mut alone).enumerate().skip(1) {
                let here = ratio(k);
                *one += here.ln_1p() / records.len() as f64;
                *three += ratio(k - 1).max(here).max(ratio(k + 1)).ln_1p() / records.len() as f64;
            }
        }
        let mean = strength.iter().sum::<f64>() / strength.len() as f64;
        let variance = strength.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / strength.len() as f64;
        Ok(Self { strength, alone, n, mean, deviation: variance.sqrt().max(f64::MIN_POSITIVE) })
    }

    /// ln(1 + ρ) at `f` cycles per sample.
    fn at(&self, f: f64) -> f64 {
        self.strength.get((f * self.n as f64).round() as usize).copied().unwrap_or(0.0)
    }

    /// Σ over the family of ln(1 + ρ).
    fn family(&self, mesh: f64) -> f64 {
        (1..=FAMILY).map(|k| self.at(k as f64 * mesh)).sum()
    }

    /// The best mesh within `range`, and its family's sum.
    fn best(&self, range: RangeInclusive<f64>) -> (f64, f64) {
        let step = self.step();
        let steps = ((range.end() - range.start()) / step).ceil().max(0.0) as usize;
        let mut best = (*range.start(), f64::NEG_INFINITY);
        for i in 0..=steps {
            let f = range.start() + i as f64 * step;
            let sum = self.family(f);
            if sum > best.1 {
                best = (f, sum);
            }
        }
        // A line is as high on either side of its middle: the middle of what is equally good.
        let reach = 4 * STEPS as usize * FAMILY;
        let as_good = (0..=reach).map(|i| best.0 + i as f64 * step).take_while(|f| self.family(*f) > best.1 - 1e-9);
        (best.0 + 0.5 * step * as_good.count().saturating_sub(1) as f64, best.1)
    }

    /// The frequency of the line near `f`, and how clear it stands. Refined between lines by the parabola through the
    /// logarithms of its power (exact to a few hundredths of a line for a Hann window); `None` where none stands e¹·⁵ over
    /// what lines are on average.
    fn peak(&self, f: f64) -> Option<(f64, f64)> {
        let at = (f * self.n as f64).round() as usize;
        let near = at.checked_sub(2)?..(at + 3).min(self.alone.len());
        let k = near.max_by(|a, b| self.alone[*a].total_cmp(&self.alone[*b]))?;
        let (before, here, after) = (*self.alone.get(k.checked_sub(1)?)?, self.alone[k], *self.alone.get(k + 1)?);
        let bend = 2.0 * here - before - after;
        let clear = here > self.mean + 1.5 && here >= before && here >= after && bend > 0.0;
        clear.then(|| ((k as f64 + 0.5 * (after - before) / bend) / self.n as f64, here - self.mean))
    }

    /// A mesh refined by its harmonics: the one to which they are nearest.
    fn refined_mesh(&self, mesh: f64) -> f64 {
        let clear = (1..=FAMILY).filter_map(|k| Some((k as f64, self.peak(k as f64 * mesh)?.0)));
        let (sum, weight) = clear.fold((0.0, 0.0), |(s, w), (k, f)| (s + k * f, w + k * k));
        if weight > 0.0 { sum / weight } else { mesh }
    }

    /// A spacing refined by the sidebands that stand clear, and what it weighs; 0 where there are none.
    ///
    /// Modulation of amplitude and of phase by one shaft add up on one side and cancel on the other, so each counts alone,
    /// by its distance from the mesh line and by how clear it stands.
    fn refined_spacing(&self, mesh: f64, spacing: f64) -> (f64, f64) {
        let (mut sum, mut weight) = (0.0, 0.0);
        for k in 1..=FAMILY {
            for i in 1..=SIDEBANDS {
                let (middle, order) = (k as f64 * mesh, i as f64);
                for side in [-1.0, 1.0] {
                    if let Some((f, strength)) = self.peak(middle + side * order * spacing) {
                        sum += strength * order * side * (f - middle);
                        weight += strength * order * order;
                    }
                }
            }
        }
        if weight > 0.0 { (sum / weight, weight) } else { (spacing, 0.0) }
    }

    fn step(&self) -> f64 {
        1.0 / (STEPS * FAMILY as f64 * self.n as f64)
    }

    /// Where the mesh of `known` stands in these records: within two percent.
    #[must_use]
    pub fn locate(&self, known: &Mesh) -> Mesh {
        let range = known.mesh * (1.0 - SLIP)..=known.mesh * (1.0 + SLIP);
        known.at(self.refined_mesh(self.best(range).0))
    }

    /// How far the sidebands at `spacing` stand over what lines are on average, in standard deviations of the mean of as
    /// many: the next one on either side alone, the next two or the next three, whichever says most.
    fn sidebands(&self, mesh: f64, spacing: f64) -> f64 {
        let (mut sum, mut best) = (0.0, f64::NEG_INFINITY);
        for i in 1..=SIDEBANDS {
            let away = i as f64 * spacing;
            for k in 1..=FAMILY {
                let middle = k as f64 * mesh;
                sum += self.at(middle - away) + self.at(middle + away) - 2.0 * self.mean;
            }
            best = best.max(sum / ((2 * FAMILY * i) as f64).sqrt());
        }
        best / self.deviation
    }
}

fn power_of(plans: &Plans, record: &[f64], power: &mut Vec<f64>) {
    let n = record.len();
    let mean = record.iter().sum::<f64>() / n as f64;
    let mut x: Vec<f64> = record.iter().map(|v| v - mean).collect();
    let plan = plans.real(n);
    let mut lines = plan.make_output_vec();
    // The lengths fit by construction, which is all that can fail.
    let done = plan.process(&mut x, &mut lines);
    debug_assert!(done.is_ok());
    hann_power_into(&lines, power);
}

/// The local floor: a running median of 201 lines over ln 2, which is the mean of the noise between the lines, computed
/// every 16 lines and held between. `out` becomes as long as `power`.
fn running_floor(power: &[f64], out: &mut Vec<f64>) {
    const HALF: usize = 100;
    const HOP: usize = 16;
    out.clear();
    let mut window = Vec::with_capacity(2 * HALF + 1);
    for first in (0..power.len()).step_by(HOP) {
        let at = (first + HOP / 2).min(power.len() - 1);
        window.clear();
        window.extend_from_slice(&power[at.saturating_sub(HALF)..(at + HALF + 1).min(power.len())]);
        let middle = window.len() / 2;
        let (_, median, _) = window.select_nth_unstable_by(middle, f64::total_cmp);
        let floor = *median / std::f64::consts::LN_2;
        out.resize((first + HOP).min(power.len()), floor);
    }
}

/// Finds the mesh that all of `tests` share, each the lines of one test of one sound machine; its speed may differ between
/// them by two percent.
///
/// The mesh is the family f, 2f, 3f, 4f that stands highest over the floor in all tests together. Shafts have families
/// too, but of one machine at several loads the teeth speak at every one. The sidebands' spacing is the one at which the
/// three next lines on either side of the four harmonics stand highest; where it does not divide the mesh, it is that
/// multiple of the gear's own shaft whose divisor (up to 8) does: a gear has a whole number of teeth.
///
/// `Err("gear_mesh")` where no family stands over the floor beyond chance, `Err("gear_sidebands")` where nothing
/// modulates it.
pub fn find(tests: &[Lines]) -> Result<Mesh, Refusal> {
    let Some(first) = tests.first() else { return Err("gear_mesh") };
    let (low, high) = (64.0 / first.n as f64, 0.47 / FAMILY as f64);
    let (step, width) = (first.step(), 1.0 - SLIP / 2.0..=1.0 + SLIP / 2.0);
    // The best of each test within one percent of a candidate: candidates half a percent apart cover all.
    let mut best = (0.0, f64::NEG_INFINITY);
    let mut f = low;
    while f < high {
        let around = f * width.start()..=(f * width.end()).min(high);
        let sum = tests.iter().map(|t| t.best(around.clone()).1).sum::<f64>() / tests.len() as f64;
        if sum > best.1 {
            best = (f, sum);
        }
        f *= 1.0 + SLIP / 4.0;
    }
    let trials = ((high - low) / step) as usize;
    if best.1 < null::threshold(ALPHA, FAMILY, trials) {
        return Err("gear_mesh");
    }
    let around = best.0 * width.start()..=best.0 * width.end();
    let meshes: Vec<f64> = tests.iter().map(|t| t.refined_mesh(t.best(around.clone()).0)).collect();
    let mesh = meshes[0];
    let (spacing, over) = spacing(tests, &meshes);
    if over < FOUND {
        return Err("gear_sidebands");
    }
    let refined = tests.iter().zip(&meshes).map(|(t, m)| {
        let (s, weight) = t.refined_spacing(*m, spacing * m / mesh);
        (weight * m / s, weight)
    });
    let (sum, weight) = refined.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let ratio = if weight > 0.0 { sum / weight } else { mesh / spacing };
    // What a fifth of a line in the spacing makes of the ratio.
    let uncertain = 0.2 * ratio * ratio / (mesh * first.n as f64);
    let whole = |m: &u32| {
        let teeth = f64::from(*m) * ratio;
        (teeth - teeth.round()).abs() < (f64::from(*m) * uncertain).clamp(0.02, 0.12)
    };
    let divisor = (1..=8).find(whole).ok_or("gear_sidebands")?;
    let teeth = (f64::from(divisor) * ratio).round();
    Ok(Mesh { mesh, spacing: mesh * f64::from(divisor) / teeth, teeth: teeth as u32 })
}

/// The spacing, as it is in the first test, and how far its lines stand out.
fn spacing(tests: &[Lines], meshes: &[f64]) -> (f64, f64) {
    let n = tests[0].n as f64;
    let mut best = (0.0, f64::NEG_INFINITY);
    let mut s = CLEAR / n;
    // Between the harmonics there is room for three sidebands of each of two neighbours.
    while s < meshes[0] / (2.0 * SIDEBANDS as f64 - 1.0) {
        let over = tests.iter().zip(meshes).map(|(t, mesh)| t.sidebands(*mesh, s * mesh / meshes[0])).sum::<f64>();
        let over = over / (tests.len() as f64).sqrt();
        if over > best.1 {
            best = (s, over);
        }
        s += 0.25 / (n * SIDEBANDS as f64);
    }
    best
}
