//! The names that a query uses. `deploy/` and `docs/influx.md` are held against these by tests.

use plant::{PointKind, Quantity};

/// Tag: the site.
pub const SITE: &str = "site";
/// Tag: the area, where the machine has one.
pub const AREA: &str = "area";
/// Tag: the production line, where the machine has one.
pub const LINE: &str = "line";
/// Tag: the machine's own name.
pub const MACHINE: &str = "machine";
/// Tag: the point's own name.
pub const POINT: &str = "point";
/// Tag of [`INDICATOR`]: the indicator's name.
pub const NAME: &str = "indicator";
/// Tag of [`ALARM`]: the code of what is watched.
pub const CONDITION: &str = "condition";
/// Every tag.
pub const TAGS: [&str; 7] = [AREA, CONDITION, NAME, LINE, MACHINE, POINT, SITE];

/// Field: numbers, always a float. Whole numbers too, as InfluxDB fixes the type of a field in a shard by the first value
/// that comes, and a point that says `3` and then `3.5` must not be refused; beyond ±2⁵³ they are rounded. On and off are
/// 1 and 0, so that they can be averaged into a share of time.
pub const VALUE: &str = "value";
/// Field: texts.
pub const TEXT: &str = "text";
/// Field: how far the value is to be trusted, only where it is not good: `uncertain(reason)`, `bad(reason)`.
pub const QUALITY: &str = "quality";
/// Field of [`ALARM`]: the state after the step (IEC 62682).
pub const STATE_AFTER: &str = "state";
/// Field of [`ALARM`]: why the step was taken.
pub const TRIGGER: &str = "trigger";
/// Field of [`ALARM`]: 1 (critical) to 4 (low).
pub const PRIORITY: &str = "priority";
/// Field of [`ALARM`]: 1 while the condition holds, 0 from then on.
pub const ACTIVE: &str = "active";
/// Field of [`ALARM`]: the limit against which `value` was held.
pub const LIMIT: &str = "limit";
/// Every field.
pub const FIELDS: [&str; 8] = [VALUE, TEXT, QUALITY, STATE_AFTER, TRIGGER, PRIORITY, ACTIVE, LIMIT];

/// Measurement: acceleration, velocity and displacement.
pub const VIBRATION: &str = "vibration";
/// Measurement: on and off, and texts, of points without a quantity.
pub const STATE: &str = "state";
/// Measurement: numbers of points without a quantity.
pub const UNNAMED: &str = "value";
/// Measurement: what was computed from a point.
pub const INDICATOR: &str = "indicator";
/// Measurement: steps of alarms.
pub const ALARM: &str = "alarm";
/// Measurement: written by the shipper before it puts a refused line into quarantine, to learn whether the server takes
/// anything from it at all; and by `danxia doctor`, to learn whether it may write. One series, one field.
pub const PROBE: &str = "danxia_probe";

/// The measurement of a point that measures `quantity`.
#[must_use]
pub fn measurement(quantity: Option<Quantity>, kind: PointKind, number: bool) -> &'static str {
    match quantity {
        Some(Quantity::Acceleration | Quantity::Velocity | Quantity::Displacement) => VIBRATION,
        Some(q) => q.as_str(),
        None if kind == PointKind::Waveform => VIBRATION,
        None if number => UNNAMED,
        None => STATE,
    }
}

/// Every measurement that can be written.
pub fn measurements() -> impl Iterator<Item = &'static str> {
    let own = [VIBRATION, STATE, UNNAMED, INDICATOR, ALARM, PROBE];
    own.into_iter().chain(plant::Unit::all().map(|u| measurement(Some(u.quantity()), PointKind::Scalar, true)))
}
