//! Parameters as values: what was measured, when, and how far the monitor trusts it.

use std::borrow::Cow;

use plant::{Quality, Reason, Timestamp, Unit};

use super::{Segment, factors, wrong};
use crate::fault::{Code, Fault, shown};
use crate::wire::{MAX_VALUES, Scalar, time};

/// Minutes that China's time is ahead of UTC; the standard knows no other.
const CHINA: i32 = 8 * 60;

/// One value of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentReading<'a> {
    /// `w01018-Rtd`; of averages over a period `minute/w01018-Avg`, `hour/…`, `day/…`.
    pub point: Cow<'a, str>,
    /// The value: a number, or the text as it stands.
    pub value: Scalar<'a>,
    /// The unit that the standard fixes for it.
    pub unit: Option<Unit>,
    /// What the flag beside it says.
    pub quality: Quality,
    /// When.
    pub t: Timestamp,
}

/// What goes before the names of points: the same field of another period is another series.
const fn period(cn: u16) -> &'static str {
    match cn {
        2051 => "minute/",
        2061 => "hour/",
        2031 => "day/",
        _ => "",
    }
}

/// What a flag says of the values beside it (HJ 212-2017, table of data flags). An unknown one is a doubt.
pub(super) fn quality(flag: &str) -> Quality {
    match flag {
        "N" => Quality::Good,
        // Set by hand.
        "S" => Quality::Uncertain(Reason::Source),
        // Above what the instrument can measure.
        "T" => Quality::Uncertain(Reason::OutOfRange),
        // Stopped; in maintenance; being calibrated: it does not measure the process.
        "F" | "M" | "C" => Quality::Bad(Reason::Source),
        // Faulty.
        "D" => Quality::Bad(Reason::Sensor),
        // The data logger does not reach it.
        "B" => Quality::Bad(Reason::Offline),
        _ => Quality::Uncertain(Reason::Source),
    }
}

fn instant(text: &str) -> Result<Timestamp, Fault> {
    time::from_digits(text, CHINA)
}

/// The time of the whole segment: DataTime, else the request number, which is one.
fn stated(segment: &Segment<'_>) -> Result<Timestamp, Fault> {
    let data_time = segment.cp.split([';', ',']).find_map(|f| f.strip_prefix("DataTime="));
    match data_time {
        Some(text) => instant(text).map_err(|f| f.at("DataTime")),
        None => instant(segment.qn).map_err(|f| f.at("QN")),
    }
}

pub(super) fn read<'a>(segment: &Segment<'a>) -> Result<Vec<SegmentReading<'a>>, Fault> {
    let mut readings = Vec::new();
    if !segment.is_upload() {
        return Ok(readings);
    }
    let t = stated(segment)?;
    for group in segment.cp.split(';').filter(|g| !g.is_empty()) {
        let mut fields = Vec::new();
        for field in group.split(',').filter(|f| !f.is_empty()) {
            fields.push(field.split_once('=').ok_or_else(|| wrong("fields as name=value", shown(field)))?);
        }
        let of = |suffix: &str| fields.iter().find_map(|(k, v)| k.ends_with(suffix).then_some(*v));
        let quality = of("-Flag").map_or(Quality::Good, quality);
        let t = of("-SampleTime").map(instant).transpose().map_err(|f| f.at("SampleTime"))?.unwrap_or(t);
        for (key, text) in fields {
            if matches!(key, "DataTime" | "PNUM" | "PNO") || key.ends_with("-SampleTime") {
                continue;
            }
            if readings.len() >= MAX_VALUES {
                return Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} values"), "more"));
            }
            let is_flag = key.ends_with("-Flag") || key.ends_with("-EFlag");
            let (code, field) = key.split_once('-').unwrap_or((key, ""));
            let point = match period(segment.cn) {
                "" => Cow::Borrowed(key),
                period => Cow::Owned(format!("{period}{key}")),
            };
            readings.push(SegmentReading {
                point,
                value: value(text, is_flag),
                unit: factors::unit(code, field),
                quality: if is_flag { Quality::Good } else { quality },
                t,
            });
        }
    }
    Ok(readings)
}

/// A number where it is written as one; codes with leading zeros, flags and everything else stay texts.
fn value(text: &str, is_flag: bool) -> Scalar<'_> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    match text.parse::<f64>() {
        _ if text.is_empty() => Scalar::Null,
        Ok(v) if digits && !is_flag && v.is_finite() => Scalar::Float(v),
        _ => Scalar::Text(Cow::Borrowed(text)),
    }
}
