//! Values over time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Number, Quality, Reading, Time};

/// The latest value of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesLast {
    /// The point, `site/machine/point`.
    pub point: String,
    /// The indicator; `null` for the point's own values.
    pub indicator: Option<String>,
    /// Unit of the value.
    pub unit: Option<String>,
    /// The value; `null` when the series is known and empty.
    pub last: Option<Reading>,
}

/// Why the part of an answer is missing that the store no longer has and InfluxDB would know. Ask again later for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It cannot be reached.
    Away,
    /// It did not answer in time: ask for a shorter time.
    Late,
    /// It refused: `danxia doctor` says how to mend that.
    Refused,
    /// Its answer cannot be read; the server's log has the cause.
    Unreadable,
}

/// Raw values in the order of their time, as columns of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesRange {
    /// The point, `site/machine/point`.
    pub point: String,
    /// The indicator; `null` for the point's own values.
    pub indicator: Option<String>,
    /// Unit of the values.
    pub unit: Option<String>,
    /// When, milliseconds since 1970 (rounded down).
    pub t_ms: Vec<i64>,
    /// What.
    pub v: Vec<Number>,
    /// How far to trust each.
    pub quality: Vec<Quality>,
    /// Give this as `cursor=` for the values after these; `null` at the end.
    pub next_cursor: Option<String>,
    /// Why what is older than the store reaches is missing, where it should have come from InfluxDB; `null` where nothing is.
    pub missing: Option<Missing>,
}

/// Values summed up in buckets of equal, epoch-aligned width, as columns of equal length; empty buckets are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Buckets {
    /// The point, `site/machine/point`.
    pub point: String,
    /// The indicator; `null` for the point's own values.
    pub indicator: Option<String>,
    /// Unit of the values.
    pub unit: Option<String>,
    /// Width of a bucket, ms. A bucket holds `t_ms <= t < t_ms + width_ms`.
    pub width_ms: i64,
    /// Begin of each bucket, milliseconds since 1970.
    pub t_ms: Vec<i64>,
    /// Lowest value.
    pub min: Vec<f64>,
    /// Highest value.
    pub max: Vec<f64>,
    /// Mean.
    pub mean: Vec<f64>,
    /// Latest value.
    pub last: Vec<f64>,
    /// How many values.
    pub count: Vec<u64>,
    /// Why what is older than the store reaches is missing, where it should have come from InfluxDB; `null` where nothing is.
    pub missing: Option<Missing>,
}

/// One value and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Extreme {
    /// When, by the source's clock.
    pub t: Time,
    /// What.
    pub value: f64,
}

/// What the values of one series amount to within a window: exact, from every value. `null` where there is nothing to
/// tell, and where a sum is larger than a number may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesStatistics {
    /// The point, `site/machine/point`.
    pub point: String,
    /// The indicator; `null` for the point's own values.
    pub indicator: Option<String>,
    /// Unit of the values.
    pub unit: Option<String>,
    /// How many numbers of usable quality there are; all else but `bad` and `texts` is about them.
    pub count: u64,
    /// The first of them.
    pub first: Option<Extreme>,
    /// The last of them.
    pub last: Option<Extreme>,
    /// The lowest, where it came first.
    pub min: Option<Extreme>,
    /// The highest, where it came first.
    pub max: Option<Extreme>,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The mean over time from the first to the last value, each holding until the next.
    pub time_mean: Option<f64>,
    /// The standard deviation of a sample (divisor n - 1).
    pub standard_deviation: Option<f64>,
    /// The root of the mean of the squares.
    pub rms: Option<f64>,
    /// The quantile 5 %, interpolated; `null`, as the two below, where there are more than 2,000,000 numbers.
    pub p05: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The quantile 95 %.
    pub p95: Option<f64>,
    /// How many values of bad quality there are.
    pub bad: u64,
    /// How many texts there are.
    pub texts: u64,
}

/// What is asked of several series at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesAsk {
    /// The latest value of each.
    Last,
    /// The values as they came, one series after the other, in pages.
    Range,
    /// The values summed up in buckets, the same for all.
    Buckets,
    /// What they amount to.
    Statistics,
}

/// The name of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesName {
    /// The point, `site/machine/point`.
    pub point: String,
    /// An indicator of the point instead of its own values.
    pub indicator: Option<String>,
}

/// A question about several series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesQuery {
    /// What is asked.
    pub ask: SeriesAsk,
    /// Of which series, 1 to 64.
    pub series: Vec<SeriesName>,
    /// Begin (included); an hour before `to` where it is left out.
    pub from: Option<Time>,
    /// End (not included); now where it is left out.
    pub to: Option<Time>,
    /// `buckets`: into how many the time is divided, 1 to 5000; 600 where it and `width_ms` are left out.
    pub buckets: Option<usize>,
    /// `buckets`: how wide each is, ms, instead of how many there are.
    pub width_ms: Option<i64>,
    /// `range`: at most so many values over all series, 1 to 50000; 5000 where it is left out.
    pub limit: Option<usize>,
    /// `range`: `next_cursor` of the answer before this one.
    pub cursor: Option<String>,
}

/// The answer about several series: the list that was asked for, in the order of the question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesResults {
    /// The latest values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Vec<SeriesLast>>,
    /// The values; series that are on another page are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Vec<SeriesRange>>,
    /// The buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buckets: Option<Vec<Buckets>>,
    /// The statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Vec<SeriesStatistics>>,
    /// `range`: give this as `cursor` for what follows; `null` at the end.
    pub next_cursor: Option<String>,
}
