//! The smoothest path through scores.

/// The candidates, one a window, of the largest sum of scores less the price of what bends: no two neighbours are further
/// apart than `reach`, and each change of their distance beyond one costs `price` (dynamic programming over candidate and
/// step; the dearest of changes is found by two sweeps, Felzenszwalb & Huttenlocher, Theory of Computing 8 (2012), 415).
///
/// What goes on at a steady rate costs nothing, whatever the rate; what jumps out and back costs four times its height.
pub(super) fn smoothest(scores: &[Vec<f64>], reach: usize, price: f64) -> Vec<usize> {
    let Some(count) = scores.first().map(Vec::len).filter(|n| *n > 0) else { return Vec::new() };
    let (steps, reach) = (2 * reach + 1, reach as isize);
    let mut best: Vec<f64> = scores[0].iter().flat_map(|s| std::iter::repeat_n(*s, steps)).collect();
    let mut from: Vec<Vec<u32>> = Vec::new();
    for scores in &scores[1..] {
        let mut came = vec![0u32; count * steps];
        for (row, came) in best.chunks_mut(steps).zip(came.chunks_mut(steps)) {
            bend(row, came, price);
        }
        let mut next = vec![f64::NEG_INFINITY; count * steps];
        for (c, score) in scores.iter().enumerate() {
            for step in -reach..=reach {
                if let Some(before) = c.checked_add_signed(-step).filter(|b| *b < count) {
                    let s = (step + reach) as usize;
                    next[c * steps + s] = best[before * steps + s] + score;
                }
            }
        }
        best = next;
        from.push(came);
    }
    let mut at = (0..best.len()).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
    let mut path = vec![at / steps];
    for came in from.iter().rev() {
        let step = (at % steps) as isize - reach;
        // In range, as only such steps were taken.
        let before = (at / steps).saturating_add_signed(-step).min(count - 1);
        at = before * steps + came[before * steps + at % steps] as usize;
        path.push(before);
    }
    path.reverse();
    path
}

/// Replaces each value of `row` by the best that can become it: its neighbours freely, those beyond at `price` a step;
/// `came` tells which.
fn bend(row: &mut [f64], came: &mut [u32], price: f64) {
    let old: Vec<f64> = row.to_vec();
    for i in 0..old.len() {
        let near = i.saturating_sub(1)..(i + 2).min(old.len());
        let which = near.max_by(|a, b| old[*a].total_cmp(&old[*b])).unwrap_or(i);
        (row[i], came[i]) = (old[which], which as u32);
    }
    for i in 1..row.len() {
        if row[i - 1] - price > row[i] {
            (row[i], came[i]) = (row[i - 1] - price, came[i - 1]);
        }
    }
    for i in (1..row.len()).rev() {
        if row[i] - price > row[i - 1] {
            (row[i - 1], came[i - 1]) = (row[i] - price, came[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks(at: &[usize], count: usize) -> Vec<Vec<f64>> {
        at.iter().map(|p| (0..count).map(|c| if c == *p { 3.0 } else { 0.0 }).collect()).collect()
    }

    #[test]
    fn a_ramp_costs_nothing_and_a_leap_is_not_followed() {
        let ramp: Vec<usize> = (0..12).map(|i| 3 + 4 * i).collect();
        assert_eq!(smoothest(&peaks(&ramp, 60), 6, 1.0), ramp);
        let mut leapt = vec![20; 12];
        leapt[6] = 26;
        assert_eq!(smoothest(&peaks(&leapt, 60), 10, 1.0), vec![20; 12]);
        // Where it is worth the price, it is.
        assert_eq!(smoothest(&peaks(&leapt, 60), 10, 0.05), leapt);
    }

    #[test]
    fn it_finds_what_trying_all_paths_finds() {
        let mut noise = crate::rotating::testing::Noise::new(3);
        let (count, reach, price) = (5usize, 2usize, 0.4);
        for _ in 0..20 {
            let scores: Vec<Vec<f64>> = (0..5).map(|_| noise.normals(count)).collect();
            let worth = |path: &[usize]| {
                let sum: f64 = path.iter().zip(&scores).map(|(c, s)| s[*c]).sum();
                let steps: Vec<f64> = path.windows(2).map(|w| w[1] as f64 - w[0] as f64).collect();
                let bends: f64 = steps.windows(2).map(|w| ((w[1] - w[0]).abs() - 1.0).max(0.0)).sum();
                if steps.iter().any(|s| s.abs() > reach as f64) { f64::NEG_INFINITY } else { sum - price * bends }
            };
            let all = (0..count.pow(5)).map(|i| (0..5).map(|k| i / count.pow(k) % count).collect::<Vec<_>>());
            let best = all.map(|p| worth(&p)).fold(f64::NEG_INFINITY, f64::max);
            let found = worth(&smoothest(&scores, reach, price));
            assert!((found - best).abs() < 1e-9, "{found} {best}");
        }
    }

    #[test]
    fn nothing_has_no_path() {
        assert!(smoothest(&[], 3, 1.0).is_empty());
        assert!(smoothest(&[Vec::new()], 3, 1.0).is_empty());
        assert_eq!(smoothest(&[vec![0.0, 2.0]], 3, 1.0), [1]);
    }
}
