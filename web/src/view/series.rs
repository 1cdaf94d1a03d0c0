//! Series as columns.

use std::time::Duration;

use historian::{Bucket, Extreme, Sample, Statistics};
use plant::{SeriesKey, Timestamp};

use super::{number, quality, reading};
use crate::dto;

/// A series and its unit, under whose name the answers stand.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) key: SeriesKey,
    pub(crate) unit: Option<String>,
}

impl Known {
    fn point(&self) -> String {
        self.key.point.to_string()
    }

    fn indicator(&self) -> Option<String> {
        self.key.indicator.as_ref().map(ToString::to_string)
    }

    pub(crate) fn last(&self, last: Option<&Sample>) -> dto::SeriesLast {
        let last = last.map(reading);
        dto::SeriesLast { point: self.point(), indicator: self.indicator(), unit: self.unit.clone(), last }
    }

    pub(crate) fn range(
        &self,
        samples: &[Sample],
        next_cursor: Option<String>,
        missing: Option<dto::Missing>,
    ) -> dto::SeriesRange {
        dto::SeriesRange {
            point: self.point(),
            indicator: self.indicator(),
            unit: self.unit.clone(),
            t_ms: samples.iter().map(|s| millis(s.t)).collect(),
            v: samples.iter().map(|s| number(&s.value)).collect(),
            quality: samples.iter().map(|s| quality(s.quality)).collect(),
            next_cursor,
            missing,
        }
    }

    pub(crate) fn buckets(&self, found: &[Bucket], width: Duration, missing: Option<dto::Missing>) -> dto::Buckets {
        dto::Buckets {
            point: self.point(),
            indicator: self.indicator(),
            unit: self.unit.clone(),
            width_ms: i64::try_from(width.as_millis()).unwrap_or(i64::MAX),
            t_ms: found.iter().map(|b| millis(b.t)).collect(),
            min: found.iter().map(|b| b.min).collect(),
            max: found.iter().map(|b| b.max).collect(),
            mean: found.iter().map(|b| b.mean).collect(),
            last: found.iter().map(|b| b.last).collect(),
            count: found.iter().map(|b| b.count).collect(),
            missing,
        }
    }

    pub(crate) fn statistics(&self, s: &Statistics) -> dto::SeriesStatistics {
        let at = |e: Extreme| dto::Extreme { t: e.t.into(), value: e.value };
        let [p05, p50, p95] = std::array::from_fn(|i| s.quantiles.map(|q| q[i]));
        dto::SeriesStatistics {
            point: self.point(),
            indicator: self.indicator(),
            unit: self.unit.clone(),
            count: s.count,
            first: s.first.map(at),
            last: s.last.map(at),
            min: s.min.map(at),
            max: s.max.map(at),
            mean: s.mean,
            time_mean: s.time_mean,
            standard_deviation: s.standard_deviation,
            rms: s.rms,
            p05,
            p50,
            p95,
            bad: s.bad,
            texts: s.texts,
        }
    }
}

fn millis(t: Timestamp) -> i64 {
    t.nanos().div_euclid(1_000_000)
}
