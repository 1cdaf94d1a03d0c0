//! Two answers to one question, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use historian::{Bucket, Sample};
use plant::Timestamp;

/// The first `limit` of all values, each instant once; where both have one, the store's. Both in order of time, and each
/// the first `limit` that there are.
#[must_use]
pub fn samples(local: Vec<Sample>, remote: Vec<Sample>, limit: usize) -> Vec<Sample> {
    let mut all: BTreeMap<Timestamp, Sample> = remote.into_iter().map(|s| (s.t, s)).collect();
    all.extend(local.into_iter().map(|s| (s.t, s)));
    all.into_values().take(limit).collect()
}

/// Of the values with `from <= t < to`, which both may have: block by block from one of the two. A block is as long as whole
/// hours and whole buckets make it, because what the store still knows of values that it removed is minutes and hours, each in
/// the bucket that it begins in, and only over whole hours is that comparable.
///
/// It is taken from whoever counted more values, the server where both counted alike. What is cut by the bounds does not
/// compare, as an hour counts as a whole where it begins: there it is taken from whoever has more buckets.
#[must_use]
pub fn buckets(
    local: Vec<Bucket>,
    remote: Vec<Bucket>,
    width: Duration,
    (from, to): (Timestamp, Timestamp),
) -> Vec<Bucket> {
    let block = block(width);
    let start = |t: Timestamp| i128::from(t.nanos()).div_euclid(block) * block;
    let mut blocks: BTreeMap<i128, [Vec<Bucket>; 2]> = BTreeMap::new();
    for (side, found) in [local, remote].into_iter().enumerate() {
        for b in found {
            blocks.entry(start(b.t)).or_default()[side].push(b);
        }
    }
    let choose = |(start, [local, remote]): (i128, [Vec<Bucket>; 2])| {
        let cut = start < from.nanos().into() || start + block > to.nanos().into();
        let worth = |side: &[Bucket]| {
            let count: u64 = side.iter().map(|b| b.count).sum();
            if cut { (side.len() as u64, count) } else { (count, side.len() as u64) }
        };
        if worth(&local) > worth(&remote) { local } else { remote }
    };
    blocks.into_iter().flat_map(choose).collect()
}

/// The least number of nanoseconds that is a multiple of `width` and of an hour.
fn block(width: Duration) -> i128 {
    const HOUR: i128 = 3_600_000_000_000;
    // Buckets wider than a day or so are whole hours, or the block is longer than any time.
    let width = i128::try_from(width.as_nanos()).unwrap_or(i128::from(i64::MAX)).clamp(1, i128::from(i64::MAX));
    let (mut a, mut b) = (width, HOUR);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    width / a * HOUR
}

/// What comes before an instant and what comes after it: the bucket that holds it is the sum of both.
#[must_use]
pub fn put_together(mut before: Vec<Bucket>, after: Vec<Bucket>) -> Vec<Bucket> {
    let mut after = after.into_iter().peekable();
    if let Some(last) = before.last_mut()
        && let Some(first) = after.next_if(|b| b.t == last.t)
    {
        add(last, &first);
    }
    before.extend(after);
    before
}

/// Adds other values of the same stretch, which come later.
fn add(o: &mut Bucket, b: &Bucket) {
    let n = (o.count + b.count).max(1);
    // By shares, not by differences: two numbers may be further apart than a number may be large.
    o.mean = o.mean * (o.count as f64 / n as f64) + b.mean * (b.count as f64 / n as f64);
    (o.min, o.max, o.last, o.count) = (o.min.min(b.min), o.max.max(b.max), b.last, n);
}

/// What the five results say of each stretch and table.
#[derive(Default)]
pub(super) struct Parts(BTreeMap<(Timestamp, String), [Option<f64>; 5]>);

const RESULTS: [&str; 5] = ["min", "max", "mean", "last", "count"];

impl Parts {
    pub fn take(&mut self, t: Timestamp, table: &str, result: &str, v: f64) {
        if let Some(at) = RESULTS.iter().position(|r| *r == result) {
            self.0.entry((t, table.to_owned())).or_default()[at] = Some(v);
        }
    }

    /// One bucket for each stretch: tables of one series (it changed its area, say) are put together.
    pub fn buckets(self) -> Vec<Bucket> {
        let mut out: Vec<Bucket> = Vec::new();
        for ((t, _), part) in self.0 {
            let [Some(min), Some(max), Some(mean), Some(last), Some(count)] = part else { continue };
            let b = Bucket { t, min, max, mean, last, count: count as u64 };
            match out.last_mut().filter(|o| o.t == t) {
                None => out.push(b),
                Some(o) => add(o, &b),
            }
        }
        out
    }
}
