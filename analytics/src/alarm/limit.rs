//! When a value violates a limit, and when it no longer does.

use plant::{AlarmCondition, Limits, Priority};

/// On which side of its limit a value is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// The four limits of a point, each with its condition and priority, in the order HH, H, L, LL.
#[must_use]
pub fn of(limits: &Limits) -> [(AlarmCondition, Side, Option<f64>, Priority); 4] {
    [
        (AlarmCondition::HighHigh, Side::Above, limits.hh, Priority::Critical),
        (AlarmCondition::High, Side::Above, limits.h, Priority::High),
        (AlarmCondition::Low, Side::Below, limits.l, Priority::High),
        (AlarmCondition::LowLow, Side::Below, limits.ll, Priority::Critical),
    ]
}

/// How far a value must come back from `limit` before it counts as back: `part` of the sensor's span where that is known,
/// else of the limit's own magnitude.
#[must_use]
pub fn deadband(limit: f64, range: Option<(f64, f64)>, part: f64) -> f64 {
    let span = range.map(|(low, high)| high - low).filter(|s| s.is_finite() && *s > 0.0);
    part * span.unwrap_or(limit.abs())
}

/// Whether the condition holds: beyond the limit it does, back by the deadband it does not, between it stays as it was.
/// A value on the limit does not violate it.
#[must_use]
pub fn holds(value: f64, limit: f64, side: Side, deadband: f64, held: bool) -> bool {
    let beyond = match side {
        Side::Above => value - limit,
        Side::Below => limit - value,
    };
    beyond > 0.0 || (held && beyond > -deadband)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_left_only_by_the_deadband() {
        use Side::{Above, Below};
        for (value, side, held, want) in [
            (80.0, Above, false, false),
            (80.0f64.next_up(), Above, false, true),
            (79.0, Above, true, true),
            (78.4, Above, true, false),
            (78.5, Above, true, false),
            (80.0, Below, false, false),
            (79.9, Below, false, true),
            (81.4, Below, true, true),
            (81.5, Below, true, false),
        ] {
            assert_eq!(holds(value, 80.0, side, 1.5, held), want, "{value} {side:?}, held before: {held}");
        }
    }

    #[test]
    fn the_deadband_is_a_part_of_the_span_or_of_the_limit() {
        assert_eq!(deadband(80.0, Some((0.0, 200.0)), 0.02), 4.0);
        assert_eq!(deadband(-80.0, None, 0.02), 1.6);
        assert_eq!(deadband(80.0, Some((5.0, 5.0)), 0.02), 1.6);
        assert_eq!(deadband(0.0, None, 0.02), 0.0);
    }
}
