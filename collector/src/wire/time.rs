//! Times as they are written in JSON.
//!
//! A number is taken by its magnitude: below 10¹¹ seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds, from there
//! on nanoseconds since the epoch. The borders lie in the years 1973 and 5138 of the neighbouring readings, so no time
//! of interest is ambiguous. A text is RFC 3339 with any offset.

use plant::Timestamp;

use crate::fault::{Code, Fault, shown};

const EXPECTED: &str = "epoch s, ms, µs or ns, or RFC 3339 text, of the years 1678 to 2262";

fn invalid(found: String) -> Fault {
    Fault::new(Code::TsInvalid, EXPECTED, found)
}

/// Nanoseconds per unit of a number of this magnitude.
fn scale(magnitude: f64) -> i64 {
    if magnitude < 1e11 {
        1_000_000_000
    } else if magnitude < 1e14 {
        1_000_000
    } else if magnitude < 1e17 {
        1_000
    } else {
        1
    }
}

/// From a whole number, exact.
pub fn from_integer(n: i64) -> Result<Timestamp, Fault> {
    // i64 to f64 rounds only beyond 2⁵³, far from the borders.
    n.checked_mul(scale((n as f64).abs())).map(Timestamp::from_nanos).ok_or_else(|| invalid(n.to_string()))
}

/// From a number with a fraction, as exact as the number is.
pub fn from_float(f: f64) -> Result<Timestamp, Fault> {
    if !f.is_finite() || f.abs() >= 9.2e18 {
        return Err(invalid(f.to_string()));
    }
    let unit = scale(f.abs());
    let whole = (f.trunc() as i64).checked_mul(unit);
    let part = (f.fract() * unit as f64).round() as i64;
    whole.and_then(|w| w.checked_add(part)).map(Timestamp::from_nanos).ok_or_else(|| invalid(f.to_string()))
}

/// From RFC 3339 text.
pub fn from_text(s: &str) -> Result<Timestamp, Fault> {
    let t: jiff::Timestamp = s.parse().map_err(|_| invalid(shown(s)))?;
    i64::try_from(t.as_nanosecond()).map(Timestamp::from_nanos).map_err(|_| invalid(shown(s)))
}

/// From a text as gateways write times: RFC 3339; an epoch number in digits; or, where `zone_min` says how many minutes
/// ahead of UTC it is meant, a date and time without offset (`2026-01-31 08:00:00`, `2026/1/31` is not one).
pub fn from_loose(s: &str, zone_min: Option<i32>) -> Result<Timestamp, Fault> {
    let s = s.trim();
    let digits = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    match zone_min {
        // No epoch number has 14 or 17 digits within the years that a timestamp can say.
        Some(zone) if digits && matches!(s.len(), 14 | 17) => return from_digits(s, zone),
        _ if digits || s.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) => {
            return s.parse().map_err(|_| invalid(shown(s))).and_then(from_integer);
        }
        _ => {}
    }
    if let Ok(t) = from_text(s) {
        return Ok(t);
    }
    if let Some(f) = s.parse::<f64>().ok().filter(|_| s.bytes().all(|b| b.is_ascii_digit() || b == b'.')) {
        return from_float(f);
    }
    let civil = s.replacen('/', "-", 2).parse::<jiff::civil::DateTime>();
    match (civil, zone_min) {
        (Ok(t), Some(zone)) => from_civil(t, zone).ok_or_else(|| invalid(shown(s))),
        (Ok(_), None) => {
            let expected = "a time with its offset from UTC, or an offset that the mapping rule states for it";
            Err(Fault::new(Code::TsInvalid, expected, shown(s)))
        }
        (Err(_), _) => Err(invalid(shown(s))),
    }
}

/// From `YYYYMMDDhhmmss` or `YYYYMMDDhhmmsszzz` at an offset of so many minutes from UTC.
pub fn from_digits(s: &str, zone_min: i32) -> Result<Timestamp, Fault> {
    let wrong = || Fault::new(Code::TsInvalid, "a time as YYYYMMDDhhmmss, milliseconds after it", shown(s));
    if !(matches!(s.len(), 14 | 17) && s.bytes().all(|b| b.is_ascii_digit())) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| s[from..to].parse::<i16>().ok();
    let small = |from: usize| part(from, from + 2).and_then(|n| i8::try_from(n).ok());
    let millis = if s.len() == 17 { part(14, 17) } else { Some(0) };
    let civil = (|| {
        let (y, mo, d) = (part(0, 4)?, small(4)?, small(6)?);
        let (h, mi, sec, ms) = (small(8)?, small(10)?, small(12)?, millis?);
        jiff::civil::DateTime::new(y, mo, d, h, mi, sec, i32::from(ms) * 1_000_000).ok()
    })();
    civil.and_then(|t| from_civil(t, zone_min)).ok_or_else(wrong)
}

fn from_civil(t: jiff::civil::DateTime, zone_min: i32) -> Option<Timestamp> {
    let offset = jiff::tz::Offset::from_seconds(zone_min.checked_mul(60)?).ok()?;
    let t = offset.to_timestamp(t).ok()?;
    i64::try_from(t.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// Writes `t` as JSON, in the shortest form that is read back as the same instant.
pub fn write_json(t: Timestamp, out: &mut Vec<u8>) {
    let ns = t.nanos();
    let number =
        [(1_000_000, 100_000_000_000..100_000_000_000_000_i64), (1_000, 100_000_000_000_000..100_000_000_000_000_000)]
            .into_iter()
            .find(|(unit, range)| ns % unit == 0 && range.contains(&(ns / unit)))
            .map(|(unit, _)| ns / unit)
            .or((ns >= 100_000_000_000_000_000).then_some(ns));
    match number {
        Some(n) => out.extend_from_slice(n.to_string().as_bytes()),
        None => {
            let text = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
            out.extend_from_slice(format!("\"{text}\"").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_by_magnitude() {
        let want = Timestamp::from_nanos(1_735_689_600_123_000_000);
        assert_eq!(from_integer(1_735_689_600), Ok(Timestamp::from_secs(1_735_689_600)));
        assert_eq!(from_integer(1_735_689_600_123), Ok(want));
        assert_eq!(from_integer(1_735_689_600_123_000), Ok(want));
        assert_eq!(from_integer(1_735_689_600_123_000_000), Ok(want));
        assert_eq!(from_integer(-5), Ok(Timestamp::from_secs(-5)));
        assert_eq!(from_float(1_735_689_600.5), Ok(Timestamp::from_nanos(1_735_689_600_500_000_000)));
        assert_eq!(from_float(1_735_689_600_123.25), Ok(Timestamp::from_nanos(1_735_689_600_123_250_000)));
        assert_eq!(from_text("2025-01-01T08:00:00.123+08:00"), Ok(want));
        for bad in [from_integer(99_999_999_999), from_float(f64::NAN), from_float(1e300), from_float(99_999_999_999.5)]
        {
            assert_eq!(bad.unwrap_err().code, Code::TsInvalid);
        }
        for bad in
            ["", "yesterday", "2025-01-01", "2025-13-01T00:00:00Z", "9000-01-01T00:00:00Z", "2025-01-01T00:00:00"]
        {
            assert_eq!(from_text(bad).unwrap_err().code, Code::TsInvalid, "{bad}");
        }
    }

    #[test]
    fn times_of_gateways_are_read_with_the_offset_that_is_stated_for_them() {
        let want = Timestamp::from_secs(1_735_689_600);
        for text in
            ["2025-01-01 08:00:00", "2025-01-01T08:00:00", "2025/01/01 08:00:00", "20250101080000", "20250101080000000"]
        {
            assert_eq!(from_loose(text, Some(480)), Ok(want), "{text}");
        }
        for text in ["1735689600", "1735689600000", " 1735689600 ", "1735689600.0", "2025-01-01T00:00:00Z"] {
            assert_eq!(from_loose(text, None), Ok(want), "{text}");
            assert_eq!(from_loose(text, Some(480)), Ok(want), "{text}");
        }
        assert_eq!(from_digits("20250101080000250", 480), Ok(Timestamp::from_nanos(1_735_689_600_250_000_000)));
        let zoneless = from_loose("2025-01-01 08:00:00", None).unwrap_err();
        assert!(zoneless.to_string().contains("its offset from UTC"), "{zoneless}");
        for bad in ["", "yesterday", "20251301000000", "20250101240000", "99999999999999999999", "１２"] {
            assert_eq!(from_loose(bad, Some(480)).unwrap_err().code, Code::TsInvalid, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ns: i64, step in prop::sample::select(vec![1_i64, 1_000, 1_000_000, 1_000_000_000])) {
            let t = Timestamp::from_nanos(ns - ns % step);
            let mut out = Vec::new();
            write_json(t, &mut out);
            let text = std::str::from_utf8(&out).unwrap();
            let back = match text.strip_prefix('"') {
                Some(quoted) => from_text(quoted.trim_end_matches('"')),
                None => from_integer(text.parse().unwrap()),
            };
            prop_assert_eq!(back, Ok(t));
        }
    }
}
