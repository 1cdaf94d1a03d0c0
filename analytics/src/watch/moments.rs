//! Means, covariances and correlation times of what was recorded, with the doubt that few and similar samples leave.

use super::linear::Square;

/// Autocorrelation at lag one: least squares of each sample on the one before, about the common mean, with its
/// small-sample bias of −(1 + 3ρ)/n undone (Marriott and Pope, Biometrika 41, 1954; Kendall, ibid.). The last sample is
/// left out of the square: close to 1 the difference would count. 0 where nothing varies.
#[must_use]
pub fn lag_one(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let var: f64 = x[..x.len().max(1) - 1].iter().map(|v| (v - mean).powi(2)).sum();
    let cov: f64 = x.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    if !(var > 0.0) {
        return 0.0;
    }
    let r = cov / var;
    r + (1.0 + 3.0 * r) / n
}

/// How many independent samples the mean of `n` samples of lag-one autocorrelation `rho` is worth: n(1−ρ)/(1+ρ).
#[must_use]
pub fn worth_for_mean(n: f64, rho: f64) -> f64 {
    n * (1.0 - rho) / (1.0 + rho)
}

/// The same for their variance: n(1−ρ²)/(1+ρ²) (Bayley and Hammersley, J. R. Stat. Soc. Suppl. 8, 1946).
#[must_use]
pub fn worth_for_variance(n: f64, rho: f64) -> f64 {
    n * (1.0 - rho * rho) / (1.0 + rho * rho)
}

/// What `n` correlated samples are worth, from all of their autocorrelation that is more than chance: n/(1 + 2Σρ) for their
/// mean and n/(1 + 2Σρ²) for their variance (Bayley and Hammersley). The sums end with the last pair of neighbouring lags
/// whose sum is above 0, and no pair counts for more than the one before (initial monotone sequence: Geyer, Statistical
/// Science 7, 1992). Sees memory that lag one says nothing of, as of a slow wander under noise.
#[must_use]
pub fn worth(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let product = |lag: usize| x.iter().zip(&x[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let var = product(0);
    if !(var > 0.0) {
        return (n, n);
    }
    let (mut sum, mut squares, mut most) = (0.0, 0.0, f64::INFINITY);
    for lag in (0..x.len().saturating_sub(1)).step_by(2) {
        let (a, b) = (product(lag) / var, product(lag + 1) / var);
        if !(a + b > 0.0) {
            break;
        }
        let part = most.min(a + b) / (a + b);
        most = most.min(a + b);
        sum += part * (a + b);
        squares += part * part * (a * a + b * b);
    }
    // Lag 0 was counted once, and the others come twice.
    (n / (2.0 * sum - 1.0).max(1.0), n / (2.0 * squares - 1.0).max(1.0))
}

/// The means of the columns of `rows`, `width` values a row.
#[must_use]
pub fn means(rows: &[f64], width: usize) -> Vec<f64> {
    let mut out = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        out.iter_mut().zip(row).for_each(|(m, v)| *m += v);
    }
    let n = (rows.len() / width.max(1)).max(1) as f64;
    out.iter_mut().for_each(|m| *m /= n);
    out
}

/// A covariance that was shrunk towards a multiple of the identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// (1 − intensity)·S + intensity·mean(diag S)·I.
    pub covariance: Square,
    /// From 0, the sample covariance as it is, to 1.
    pub intensity: f64,
}

/// Covariance about `mean`, shrunk after Ledoit and Wolf (J. Multivariate Analysis 88, 2004): the intensity is the
/// sample covariance's own variance over its distance from the target. `worth` is how many independent rows the rows are
/// worth; their number where they are independent.
#[must_use]
pub fn shrunk(rows: &[f64], mean: &[f64], worth: f64) -> Shrunk {
    let p = mean.len();
    let n = (rows.len() / p.max(1)).max(1) as f64;
    let mut s = Square::zero(p);
    let mut centred = vec![0.0; p];
    let mut fourth = 0.0;
    for row in rows.chunks_exact(p) {
        centred.iter_mut().zip(row.iter().zip(mean)).for_each(|(c, (v, m))| *c = v - m);
        fourth += centred.iter().map(|c| c * c).sum::<f64>().powi(2);
        for i in 0..p {
            for j in 0..p {
                s.a[i * p + j] += centred[i] * centred[j];
            }
        }
    }
    s.a.iter_mut().for_each(|v| *v /= n);
    let mu = s.mean_diagonal();
    let square: f64 = s.a.iter().map(|v| v * v).sum();
    // Σ‖xxᵀ − S‖² = Σ‖x‖⁴ − n‖S‖²; ‖S − µI‖² = ‖S‖² − pµ².
    let own = (fourth / n - square).max(0.0) / worth.max(1.0);
    let apart = square - p as f64 * mu * mu;
    let intensity = if apart > 0.0 { (own / apart).min(1.0) } else { 1.0 };
    s.a.iter_mut().for_each(|v| *v *= 1.0 - intensity);
    (0..p).for_each(|i| s.a[i * p + i] += intensity * mu);
    Shrunk { covariance: s, intensity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    fn ar(phi: f64, n: usize, noise: &mut Noise) -> Vec<f64> {
        let mut x = noise.normal() / (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                x = phi * x + noise.normal();
                x
            })
            .collect()
    }

    #[test]
    fn lag_one_is_unbiased_on_short_series() {
        let mut noise = Noise::new(5);
        for phi in [0.0, 0.5, 0.8] {
            let mean = (0..2_000).map(|_| lag_one(&ar(phi, 60, &mut noise))).sum::<f64>() / 2_000.0;
            assert!((mean - phi).abs() < 0.02, "{phi}: {mean}");
        }
        assert_eq!(lag_one(&[2.0; 10]), 0.0);
    }

    #[test]
    fn all_lags_see_what_lag_one_does_not() {
        let mut noise = Noise::new(6);
        let mut mean = |of: &mut dyn FnMut(&mut Noise) -> Vec<f64>| {
            let all: Vec<(f64, f64)> = (0..200).map(|_| worth(&of(&mut noise))).collect();
            let of_each = |part: fn(&(f64, f64)) -> f64| all.iter().map(part).sum::<f64>() / 200.0;
            (of_each(|w| w.0), of_each(|w| w.1))
        };
        // White noise, and one whose memory is short: as the formulas for lag one say, less what chance adds to the sums.
        for phi in [0.0, 0.8] {
            let (level, variance) = mean(&mut |noise| ar(phi, 800, noise));
            let (want, wanted) = (worth_for_mean(800.0, phi), worth_for_variance(800.0, phi));
            assert!((0.75..1.25).contains(&(level / want)), "{phi}: {level} and not {want}");
            assert!((0.75..1.25).contains(&(variance / wanted)), "{phi}: {variance} and not {wanted}");
        }
        // A slow wander of a third of the variance: lag one sees 0.33, which would be worth 400.
        let wander = |noise: &mut Noise| {
            let slow = ar(0.98, 800, noise);
            slow.iter().map(|v| v / 5.0 + 1.4 * noise.normal()).collect()
        };
        let (level, variance) = mean(&mut { wander });
        assert!(level < 70.0 && variance < 400.0, "{level} {variance}");
        assert_eq!(worth(&[2.0; 10]), (10.0, 10.0));
        assert_eq!(worth(&[1.0]), (1.0, 1.0));
    }

    #[test]
    fn the_worth_of_a_mean_is_what_means_scatter_by() {
        let mut noise = Noise::new(6);
        let (phi, n) = (0.7, 400);
        let means: Vec<f64> = (0..2_000).map(|_| ar(phi, n, &mut noise).iter().sum::<f64>() / n as f64).collect();
        let scatter = means.iter().map(|m| m * m).sum::<f64>() / 2_000.0;
        let want = 1.0 / (1.0 - phi * phi) / worth_for_mean(n as f64, phi);
        assert!((scatter / want - 1.0).abs() < 0.1, "{scatter} {want}");
        assert!(worth_for_variance(400.0, 0.7) > worth_for_mean(400.0, 0.7));
    }

    #[test]
    fn shrinking_is_strong_where_rows_are_few_and_always_positive_definite() {
        let mut noise = Noise::new(7);
        let p = 20;
        let few = noise.normals(10 * p);
        let s = shrunk(&few, &means(&few, p), 10.0);
        assert!(s.intensity > 0.5 && s.covariance.cholesky().is_some(), "{}", s.intensity);
        let mut many = noise.normals(5_000 * p);
        many.chunks_exact_mut(p).for_each(|row| row[1] += 2.0 * row[0]);
        let s = shrunk(&many, &means(&many, p), 5_000.0);
        assert!(s.intensity < 0.02 && (s.covariance.at(0, 1) - 2.0).abs() < 0.15, "{}", s.intensity);
    }
}
