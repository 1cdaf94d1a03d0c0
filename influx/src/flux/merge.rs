//! Two answers to one question, put together.

use std::collections::BTreeMap;

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

/// Every bucket once: from whoever counted more in it, the store where both counted alike.
#[must_use]
pub fn buckets(local: Vec<Bucket>, remote: Vec<Bucket>) -> Vec<Bucket> {
    let mut all: BTreeMap<Timestamp, Bucket> = remote.into_iter().map(|b| (b.t, b)).collect();
    for b in local {
        let more = all.get(&b.t).is_some_and(|other| other.count > b.count);
        if !more {
            all.insert(b.t, b);
        }
    }
    all.into_values().collect()
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
                Some(o) => {
                    let n = (o.count + b.count).max(1);
                    o.mean += (b.mean - o.mean) * b.count as f64 / n as f64;
                    (o.min, o.max, o.last, o.count) = (o.min.min(b.min), o.max.max(b.max), b.last, n);
                }
            }
        }
        out
    }
}
