//! Values over time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Number, Quality, Reading};

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
}
