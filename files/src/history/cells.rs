//! What stands in a cell.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use plant::{Quality, Reason, Timestamp, Unit, Value};

use super::layout::{Encoding, Layout, Role};
use super::{MAX_TEXT, Wrong};

/// The text of a cell, where it is one in this encoding.
pub(super) fn text(encoding: Encoding, bytes: &[u8]) -> Option<Cow<'_, str>> {
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Encoding::Gbk => encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes),
    }
}

/// A time in the form that its column has.
pub(super) fn time(text: &str, form: Role, layout: &Layout) -> Result<Timestamp, Wrong> {
    let text = text.trim();
    let (unit, what) = match form {
        Role::TimeNs => (1, "nanoseconds"),
        Role::TimeUs => (1_000, "microseconds"),
        Role::TimeMs => (1_000_000, "milliseconds"),
        Role::TimeS => (1_000_000_000, "seconds"),
        _ => return calendar(text, layout),
    };
    decimal(text, unit, layout.decimal_comma)
        .map(Timestamp::from_nanos)
        .ok_or_else(|| Wrong::new(format!("{what} since 1970, in digits and within the years 1678 to 2262"), text))
}

/// A number of units of `unit` nanoseconds, exactly; digits beyond the nanosecond are dropped.
fn decimal(text: &str, unit: i64, comma: bool) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once(if comma { ',' } else { '.' }).unwrap_or((digits, ""));
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(part) {
        return None;
    }
    let (mut nanos, mut place) = (i128::from(whole.parse::<i64>().ok()?) * i128::from(unit), i128::from(unit));
    for digit in part.bytes().take(9) {
        place /= 10;
        nanos += i128::from(digit - b'0') * place;
    }
    i64::try_from(nanos * sign).ok()
}

fn calendar(text: &str, layout: &Layout) -> Result<Timestamp, Wrong> {
    let civil = match &layout.time_format {
        Some(format) => {
            let wrong = || Wrong::new(format!("a time as {format}"), text);
            let parsed = BrokenDownTime::parse(format, text).map_err(|_| wrong())?;
            if parsed.offset().is_some() {
                return parsed.to_timestamp().ok().and_then(nanos).ok_or_else(wrong);
            }
            // A format of a date alone means its first instant.
            let date = || parsed.to_date().map(|d| d.at(0, 0, 0, 0));
            parsed.to_datetime().or_else(|_| date()).map_err(|_| wrong())?
        }
        None => {
            if let Ok(t) = text.parse::<jiff::Timestamp>() {
                return nanos(t).ok_or_else(|| Wrong::new("a time within the years 1678 to 2262", text));
            }
            let expected = "a time such as 2026-01-31T08:00:00+08:00; for other forms give their format";
            text.replacen('/', "-", 2).parse::<DateTime>().map_err(|_| Wrong::new(expected, text))?
        }
    };
    let Some(zone) = &layout.zone else {
        return Err(Wrong::new("a time with its offset from UTC, or that its time zone is given", text));
    };
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Gap { .. } => Err(Wrong::new("a time that the clocks of its zone have shown", text)),
        jiff::tz::AmbiguousOffset::Fold { .. } => {
            Err(Wrong::new("a time that its zone has only once; write it with its offset from UTC", text))
        }
        jiff::tz::AmbiguousOffset::Unambiguous { .. } => ambiguous
            .unambiguous()
            .ok()
            .and_then(nanos)
            .ok_or_else(|| Wrong::new("a time within the years 1678 to 2262", text)),
    }
}

fn nanos(t: jiff::Timestamp) -> Option<Timestamp> {
    i64::try_from(t.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// A number, true or false, or, where they are taken, a text.
pub(super) fn value(cell: &str, layout: &Layout) -> Result<Value, Wrong> {
    let text = cell.trim();
    if let Some(number) = number(text, layout.decimal_comma) {
        return match number {
            Value::Float(v) if !v.is_finite() => Err(Wrong::new("a finite number", text)),
            number => Ok(number),
        };
    }
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Ok(Value::Bool(text.eq_ignore_ascii_case("true")));
    }
    match layout.texts {
        true if text.is_empty() => Err(Wrong::new("a value", text)),
        true if text.len() > MAX_TEXT => Err(Wrong::new(format!("a text of at most {MAX_TEXT} bytes"), text)),
        true => Ok(Value::Text(unguarded(text).into())),
        false => Err(Wrong::new("a number, true or false; texts are taken with --text", text)),
    }
}

/// What our own export put before a text that a spreadsheet would take for a formula is taken away again.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => text,
    }
}

fn number(text: &str, comma: bool) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::Int(whole));
    }
    if !comma {
        return text.parse().ok().map(Value::Float);
    }
    // A point beside a decimal comma would separate thousands, or not: that is not guessed.
    match text.contains('.') {
        true => None,
        false => text.replacen(',', ".", 1).parse().ok().map(Value::Float),
    }
}

/// `good`, `uncertain` or `bad`, with or without a reason, or a quality of OPC DA (192 is good).
pub(super) fn quality(text: &str) -> Result<Quality, Wrong> {
    let word = text.trim();
    let name = word.split('(').next().unwrap_or(word);
    match (name.to_ascii_lowercase().as_str(), word.parse::<u16>().map(|code| code & 0xc0)) {
        ("good" | "", _) | (_, Ok(0xc0)) => Ok(Quality::Good),
        ("uncertain", _) | (_, Ok(0x40)) => Ok(Quality::Uncertain(Reason::Source)),
        ("bad", _) | (_, Ok(0)) => Ok(Quality::Bad(Reason::Source)),
        _ => Err(Wrong::new("good, uncertain, bad, or a quality code of OPC DA", word)),
    }
}

/// A unit of the table; nothing where nothing stands there.
pub(super) fn unit(text: &str) -> Result<Option<Unit>, Wrong> {
    match text.trim() {
        "" => Ok(None),
        symbol => Unit::parse(symbol).map(Some).ok_or_else(|| Wrong::new("a unit of the table", symbol)),
    }
}
