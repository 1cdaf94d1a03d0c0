//! One detector for any set of tags: is what they show now still what they showed while they were learnt?
//!
//! Each tag is smoothed by an EWMA of λ = 0.1 (Roberts, Technometrics 1, 1959; [`LAMBDA`]), which sums small lasting
//! shifts up. The smoothed tag z is held against the *predictive* distribution that the learnt rows leave, not against
//! their scatter: the mean of few and autocorrelated rows is known badly, and so is their variance. With n rows of z of
//! lag-one autocorrelation ρ, worth m = n(1−ρ)/(1+ρ) independent ones for the mean and ν = n(1−ρ²)/(1+ρ²) for the
//! variance, a future z minus the mean, over s√(1 + 1/m) with s² = var(z)/(1 − 1/m), is Student-t with ν degrees of
//! freedom (the tolerance of one future observation: Hahn and Meeker, Statistical Intervals, 4.7). A tag that only
//! wandered while it was learnt is worth one observation or two: it has shown no level that it could depart from, and
//! nothing that it does surprises much. A tag that scattered about a level is held to it closely.
//!
//! ρ is taken from the smoothed tag at lag one, as if it were AR(1). It is smoother than that, so the correlation time
//! comes out rather long and the limit rather wide. Summed autocorrelations would be exact for stationary noise and would
//! alarm on nearly half of a random walk, which a few hundred rows cannot tell from a stationary one.
//!
//! Why the rows are not pre-whitened here, as the features of machines are: an AR(1) filter takes most of a lasting shift
//! out of a slow tag and its residual is judged as if the level had been known; process tags are a slow wander *under*
//! noise of the sensor, which one coefficient does not whiten.
//!
//! The t values become normal scores u, and two charts look at them, each at its own level α: the largest |u| (α over
//! the number of tags), for a fault that shows in one tag, and T² = uᵀR⁻¹u (χ², α), for one that is spread over many.
//! R is the correlation of u, shrunk after Ledoit and Wolf by what the rows are worth.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

use super::linear::Cholesky;
use super::moments::{lag_one, shrunk, worth_for_mean, worth_for_variance};
use crate::rotating::Refusal;

/// Weight of the newest row. The usual choice for shifts of about one standard deviation (Lucas and Saccucci,
/// Technometrics 32, 1990).
pub const LAMBDA: f64 = 0.1;
/// Fewest rows to learn from: five times the memory of the EWMA, (2−λ)/λ = 19 rows.
pub const FEWEST: usize = 100;
/// Rows whose mean starts the smoothing: 1/λ.
const START: usize = 10;
/// What an observation is worth at least: below, there is no t distribution to speak of.
const LEAST: f64 = 1.01;

/// What was learnt of one tag; all 0 and `freedom` 0 where it never varied and is not watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tag {
    /// The mean, in the tag's own unit.
    pub level: f64,
    /// Of the smoothed tag about the level: the scale of its predictive distribution, in the tag's own unit.
    pub scale: f64,
    /// Degrees of freedom of that distribution.
    pub freedom: f64,
}

/// What one row is worth, after smoothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    /// The statistic over all tags.
    pub t2: f64,
    /// What it has to exceed.
    pub t2_limit: f64,
    /// The tag that stands out most, counted as in the rows.
    pub worst: usize,
    /// Its normal score, with its sign: standard deviations.
    pub score: f64,
    /// What a score has to exceed, up or down.
    pub score_limit: f64,
}

impl Surprise {
    /// Whether either chart is beyond its limit.
    #[must_use]
    pub fn exceeds(&self) -> bool {
        self.ratio() > 1.0
    }

    /// The larger of the two statistics over its limit, both as amplitudes.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        (self.t2 / self.t2_limit).sqrt().max(self.score.abs() / self.score_limit)
    }
}

/// The detector: what was learnt, and where the smoothing stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Tags {
    tags: Vec<Tag>,
    correlation: Cholesky,
    t2_limit: f64,
    score_limit: f64,
    /// Smoothed tags.
    smooth: Vec<f64>,
    scores: Vec<f64>,
    /// R⁻¹u.
    pull: Vec<f64>,
}

impl Tags {
    /// Learns from `rows`, row by row of `width` tags in time order. `alpha` is the probability per row and chart of
    /// exceeding a limit while nothing changes. A value that is not finite is missing: the smoothed tag stays.
    ///
    /// Refused: `too_few` rows (below [`FEWEST`]), `constant` where no tag ever varied, `level` where `alpha` is no
    /// probability.
    pub fn learn(rows: &[f64], width: usize, alpha: f64) -> Result<Self, Refusal> {
        if width == 0 || rows.len() / width < FEWEST {
            return Err("too_few");
        }
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err("level");
        }
        let n = rows.len() / width;
        let mut column = vec![0.0; n];
        let mut scores = vec![0.0; n * width];
        let mut tags = Vec::with_capacity(width);
        let mut smooth = Vec::with_capacity(width);
        for j in 0..width {
            column.iter_mut().zip(rows.chunks_exact(width)).for_each(|(c, row)| *c = row[j]);
            let tag = learn_one(&mut column);
            smooth.push(column[n - 1]);
            for (i, z) in column.iter().enumerate() {
                scores[i * width + j] = tag.score(*z);
            }
            tags.push(tag);
        }
        let watched: Vec<f64> = tags.iter().map(|t| t.freedom).filter(|v| *v > 0.0).collect();
        if watched.is_empty() {
            return Err("constant");
        }
        let correlation = correlation(&mut scores, width, median_of(&watched)).ok_or("constant")?;
        let (normal, k) = (Normal::standard(), watched.len() as f64);
        let chi = ChiSquared::new(k).map_err(|_| "constant")?;
        Ok(Self {
            t2_limit: chi.inverse_cdf(1.0 - alpha),
            score_limit: -normal.inverse_cdf(0.5 * alpha / k),
            correlation,
            smooth,
            scores: vec![0.0; width],
            pull: vec![0.0; width],
            tags,
        })
    }

    /// Takes one row in, of as many tags as were learnt; missing ones are not finite.
    pub fn step(&mut self, row: &[f64]) -> Surprise {
        for (z, v) in self.smooth.iter_mut().zip(row) {
            if v.is_finite() {
                *z += LAMBDA * (v - *z);
            }
        }
        for ((u, z), tag) in self.scores.iter_mut().zip(&self.smooth).zip(&self.tags) {
            *u = tag.score(*z);
        }
        self.correlation.solve(&self.scores, &mut self.pull);
        let t2 = self.scores.iter().zip(&self.pull).map(|(u, p)| u * p).sum();
        let worst = (0..self.scores.len()).max_by(|i, j| self.scores[*i].abs().total_cmp(&self.scores[*j].abs()));
        let worst = worst.unwrap_or(0);
        let score = self.scores.get(worst).copied().unwrap_or(0.0);
        Surprise { t2, t2_limit: self.t2_limit, worst, score, score_limit: self.score_limit }
    }

    /// How much each tag contributes to the T² of the latest row; they add up to it.
    pub fn contributions(&self) -> impl Iterator<Item = f64> {
        self.scores.iter().zip(&self.pull).map(|(u, p)| u * p)
    }

    /// What was learnt of each tag.
    #[must_use]
    pub fn learnt(&self) -> &[Tag] {
        &self.tags
    }
}

impl Tag {
    /// Normal score of the smoothed value `z`.
    fn score(&self, z: f64) -> f64 {
        if self.freedom == 0.0 {
            return 0.0;
        }
        let t = (z - self.level) / self.scale;
        let Ok(student) = StudentsT::new(0.0, 1.0, self.freedom) else { return 0.0 };
        // Where the tail has no number any more, it is beyond every limit.
        let tail = student.sf(t.abs()).clamp(1e-290, 0.5);
        -Normal::standard().inverse_cdf(tail) * t.signum()
    }
}

/// Smooths a column in place and says what it taught. A tag that never varied is not watched: how far it may go is not
/// known.
fn learn_one(column: &mut [f64]) -> Tag {
    let known = column.iter().filter(|v| v.is_finite());
    let (start, count) = known.take(START).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    let mut z = start / f64::max(count, 1.0);
    for v in column.iter_mut() {
        if v.is_finite() {
            z += LAMBDA * (*v - z);
        }
        *v = z;
    }
    let n = column.len() as f64;
    let level = column.iter().sum::<f64>() / n;
    let variance = column.iter().map(|z| (z - level).powi(2)).sum::<f64>() / n;
    // Below the resolution of a float it is rounding that varies.
    if !(variance.is_finite() && variance.sqrt() > 1e-9 * level.abs()) {
        return Tag { level, ..Tag::default() };
    }
    let rho = lag_one(column).clamp(0.0, 0.9999);
    let for_mean = worth_for_mean(n, rho).max(LEAST);
    let freedom = worth_for_variance(n, rho).max(1.0);
    let scale = (variance / (1.0 - 1.0 / for_mean) * (1.0 + 1.0 / for_mean)).sqrt();
    Tag { level, scale, freedom }
}

/// The shrunk correlation of scores. Tags that are not watched correlate with nothing.
fn correlation(scores: &mut [f64], width: usize, worth: f64) -> Option<Cholesky> {
    let n = (scores.len() / width) as f64;
    for j in 0..width {
        let each = || (j..scores.len()).step_by(width);
        let mean = each().map(|i| scores[i]).sum::<f64>() / n;
        let sd = (each().map(|i| (scores[i] - mean).powi(2)).sum::<f64>() / n).sqrt();
        let sd = if sd > 0.0 { sd } else { 1.0 };
        for i in each() {
            scores[i] = (scores[i] - mean) / sd;
        }
    }
    let mut r = shrunk(scores, &vec![0.0; width], worth).covariance;
    // Each tag has variance 1 by what was just done, and one that is not watched correlates with nothing.
    (0..width).for_each(|j| r.a[j * width + j] = 1.0);
    r.cholesky()
}

fn median_of(x: &[f64]) -> f64 {
    let mut x = x.to_vec();
    x.sort_by(f64::total_cmp);
    x[x.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    /// ARMA(1,1) tags: x = φx + e − θe', row by row.
    fn rows(n: usize, width: usize, phi: f64, theta: f64, noise: &mut Noise) -> Vec<f64> {
        let (mut x, mut before) = (vec![0.0; width], vec![0.0; width]);
        let mut out = Vec::with_capacity(n * width);
        for i in 0..n + 200 {
            for j in 0..width {
                let e = noise.normal();
                x[j] = phi * x[j] + e - theta * before[j];
                before[j] = e;
            }
            if i >= 200 {
                out.extend_from_slice(&x);
            }
        }
        out
    }

    /// Part of the rows after the first 400 that exceed, over many recordings.
    fn exceeding(phi: f64, theta: f64) -> f64 {
        let (mut noise, width, mut beyond, mut all) = (Noise::new(17), 6, 0, 0);
        for _ in 0..40 {
            let x = rows(1_100, width, phi, theta, &mut noise);
            let (learn, judge) = x.split_at(400 * width);
            let mut tags = Tags::learn(learn, width, 0.01).unwrap();
            for row in judge.chunks_exact(width) {
                beyond += usize::from(tags.step(row).exceeds());
                all += 1;
            }
        }
        beyond as f64 / all as f64
    }

    #[test]
    fn the_level_is_kept_by_noise_and_by_what_wanders() {
        // White noise, alternating, slow, and walks without any level, alone and under noise: two charts of 1 % each.
        for (phi, theta) in [(0.0, 0.0), (-0.3, 0.0), (0.5, 0.0), (0.9, 0.0), (0.98, 0.0), (1.0, 0.0), (1.0, 0.7)] {
            let beyond = exceeding(phi, theta);
            assert!(beyond < 0.025, "φ {phi}, θ {theta}: {beyond}");
        }
        let white = exceeding(0.0, 0.0);
        assert!(white > 0.004, "white noise: {white}; so wide a limit would find nothing");
    }

    #[test]
    fn a_small_lasting_shift_of_one_tag_is_found_and_named() {
        let (mut noise, width) = (Noise::new(3), 8);
        let x = rows(400, width, 0.0, 0.0, &mut noise);
        let mut tags = Tags::learn(&x, width, 0.01).unwrap();
        let mut last = None;
        for _ in 0..60 {
            let mut row = noise.normals(width);
            row[5] -= 2.0;
            last = Some(tags.step(&row));
        }
        let s = last.unwrap();
        assert!(s.exceeds() && s.worst == 5 && s.score < 0.0, "{s:?}");
        let parts: Vec<f64> = tags.contributions().collect();
        assert!((parts.iter().sum::<f64>() - s.t2).abs() < 1e-9);
        assert!(parts[5] > 0.6 * s.t2, "{parts:?}");
    }

    #[test]
    fn a_broken_correlation_is_found_where_no_tag_leaves_its_own_range() {
        let (mut noise, width) = (Noise::new(4), 2);
        let pair = |noise: &mut Noise, sign: f64| {
            let a = noise.normal();
            [a, sign * a + 0.1 * noise.normal()]
        };
        let x: Vec<f64> = (0..2_000).flat_map(|_| pair(&mut noise, 1.0)).collect();
        let mut tags = Tags::learn(&x, width, 1e-3).unwrap();
        let (mut t2, mut single) = (0, 0);
        for _ in 0..500 {
            let s = tags.step(&pair(&mut noise, -1.0));
            t2 += usize::from(s.t2 > s.t2_limit);
            single += usize::from(s.score.abs() > s.score_limit);
        }
        assert!(t2 > 200 && single < 25, "{t2} {single}");
    }

    #[test]
    fn what_cannot_be_learnt_is_refused_and_what_is_missing_is_no_news() {
        let mut noise = Noise::new(9);
        assert_eq!(Tags::learn(&noise.normals(99 * 2), 2, 0.01), Err("too_few"));
        assert_eq!(Tags::learn(&[], 0, 0.01), Err("too_few"));
        assert_eq!(Tags::learn(&[3.0; 400], 2, 0.01), Err("constant"));
        assert_eq!(Tags::learn(&[f64::NAN; 400], 2, 0.01), Err("constant"));
        assert_eq!(Tags::learn(&[1e308, -1e308].repeat(200), 1, 0.01), Err("constant"));
        assert_eq!(Tags::learn(&noise.normals(400), 2, 1.0), Err("level"));
        // One constant tag beside one that varies is not watched, whatever it does.
        let x: Vec<f64> = (0..400).flat_map(|_| [noise.normal(), 5.0]).collect();
        let mut tags = Tags::learn(&x, 2, 1e-4).unwrap();
        assert_eq!(tags.learnt()[1].freedom, 0.0);
        for _ in 0..50 {
            assert!(!tags.step(&[f64::NAN, 7.0]).exceeds());
        }
        for _ in 0..50 {
            tags.step(&[1e6, f64::INFINITY]);
        }
        assert!(tags.step(&[1e6, 0.0]).exceeds());
    }
}
