//! Flux, written.

use std::fmt::Write;
use std::time::Duration;

use plant::{SeriesKey, Timestamp};

use crate::line::stored;
use crate::schema::{ALARM, INDICATOR, MACHINE, NAME, POINT, QUALITY, SITE, TEXT, VALUE};

/// The times that InfluxDB takes: it keeps the last of the 64 bits' for itself.
const EDGE: i64 = i64::MAX - 1;

/// The first `limit` values of `key` with `from <= t < to`.
#[must_use]
pub fn raw(bucket: &str, key: &SeriesKey, from: Timestamp, to: Timestamp, limit: usize) -> String {
    let mut q = source(bucket, key, from, to);
    fields(&mut q, &[VALUE, TEXT, QUALITY]);
    pivot(&mut q);
    // Whole numbers of Flux have 64 bits, one of them for the sign.
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let _ = write!(q, "  |> group()\n  |> sort(columns: [\"_time\"])\n  |> limit(n: {limit})\n");
    q
}

/// Whether `key` has a value of bad quality with `from <= t < to`: a row if it has.
#[must_use]
pub fn bad_marks(bucket: &str, key: &SeriesKey, from: Timestamp, to: Timestamp) -> String {
    let mut q = source(bucket, key, from, to);
    fields(&mut q, &[QUALITY]);
    q.push_str("  |> filter(fn: (r) => r[\"_value\"] =~ /^bad/)\n  |> group()\n  |> limit(n: 1)\n");
    q
}

/// Least, greatest, mean, last and number of the values of each stretch of `width`; with `judge`, without those of bad
/// quality.
#[must_use]
pub fn aggregate(
    bucket: &str,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    width: Duration,
    judge: bool,
) -> String {
    let mut q = format!("data = {}", source(bucket, key, from, to));
    let mut column = "";
    if judge {
        fields(&mut q, &[VALUE, QUALITY]);
        pivot(&mut q);
        let _ = writeln!(q, "  |> filter(fn: (r) => exists r[\"{VALUE}\"])");
        let _ = writeln!(q, "  |> filter(fn: (r) => not exists r[\"{QUALITY}\"] or r[\"{QUALITY}\"] !~ /^bad/)");
        column = "column: \"value\", ";
    } else {
        fields(&mut q, &[VALUE]);
    }
    // Durations of Flux have 64 bits.
    let every = width.as_nanos().clamp(1, EDGE as u128);
    for f in ["min", "max", "mean", "last", "count"] {
        let _ = write!(
            q,
            "data\n  |> aggregateWindow(every: {every}ns, fn: {f}, {column}createEmpty: false, timeSrc: \"_start\")\n  |> \
             yield(name: \"{f}\")\n"
        );
    }
    q
}

fn source(bucket: &str, key: &SeriesKey, from: Timestamp, to: Timestamp) -> String {
    let mut q = format!("from(bucket: {})\n  |> range(start: {}, stop: {})\n", quote(bucket), time(from), time(to));
    q.push_str("  |> filter(fn: (r) => ");
    match &key.indicator {
        Some(i) => {
            let _ =
                write!(q, "r[\"_measurement\"] == \"{INDICATOR}\" and r[\"{NAME}\"] == {}", quote(&stored(i.as_str())));
        }
        None => {
            let _ = write!(q, "r[\"_measurement\"] != \"{INDICATOR}\" and r[\"_measurement\"] != \"{ALARM}\"");
        }
    }
    let (site, machine) = key.point.machine_str().split_once('/').unwrap_or_default();
    for (tag, value) in [(SITE, site), (MACHINE, machine), (POINT, key.point.name())] {
        let _ = write!(q, " and r[\"{tag}\"] == {}", quote(&stored(value)));
    }
    q.push_str(")\n");
    q
}

fn fields(q: &mut String, names: &[&str]) {
    let tests: Vec<_> = names.iter().map(|n| format!("r[\"_field\"] == \"{n}\"")).collect();
    let _ = writeln!(q, "  |> filter(fn: (r) => {})", tests.join(" or "));
}

fn pivot(q: &mut String) {
    q.push_str("  |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")\n");
}

/// An instant as RFC 3339.
fn time(t: Timestamp) -> String {
    let within = t.nanos().clamp(-EDGE, EDGE);
    // Every number of nanoseconds in 64 bits is an instant of jiff's.
    jiff::Timestamp::from_nanosecond(i128::from(within)).unwrap_or_default().to_string()
}

/// A string literal. Flux evaluates `${…}` in one, and a name may hold that.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '$' => out.push_str("\\x24"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(point: &str, indicator: Option<&str>) -> SeriesKey {
        let indicator = indicator.map(|i| plant::Name::new(i).unwrap());
        SeriesKey { point: point.parse().unwrap(), indicator }
    }

    #[test]
    fn a_query_names_the_series_and_nothing_else() {
        let from = Timestamp::from_secs(1_700_000_000);
        let q = raw("plant", &key("s/m/p", None), from, from + Duration::from_nanos(1), 10);
        assert_eq!(
            q,
            "from(bucket: \"plant\")\n  |> range(start: 2023-11-14T22:13:20Z, stop: 2023-11-14T22:13:20.000000001Z)\n  |> \
             filter(fn: (r) => r[\"_measurement\"] != \"indicator\" and r[\"_measurement\"] != \"alarm\" and r[\"site\"] == \
             \"s\" and r[\"machine\"] == \"m\" and r[\"point\"] == \"p\")\n  |> filter(fn: (r) => r[\"_field\"] == \"value\" \
             or r[\"_field\"] == \"text\" or r[\"_field\"] == \"quality\")\n  |> pivot(rowKey: [\"_time\"], columnKey: \
             [\"_field\"], valueColumn: \"_value\")\n  |> group()\n  |> sort(columns: [\"_time\"])\n  |> limit(n: 10)\n"
        );
        let q = aggregate("b", &key("s/m/p", Some("kurtosis")), from, from, Duration::from_secs(60), false);
        assert!(q.contains("r[\"indicator\"] == \"kurtosis\"") && !q.contains("pivot"), "{q}");
        assert_eq!(q.matches("every: 60000000000ns").count(), 5);
        let q = aggregate("b", &key("s/m/p", None), from, from, Duration::from_secs(60), true);
        assert!(q.contains("pivot") && q.contains("column: \"value\""), "{q}");
        assert!(time(Timestamp::MIN).starts_with("-") || time(Timestamp::MIN).starts_with("1677-"));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        for (name, expect) in
            [("a\" or true", "\"a\\\" or true\""), ("a\\", "\"a\\\\_\""), ("${drop}", "\"\\x24{drop}\"")]
        {
            let q = raw("b", &key(&format!("s/m/{name}"), None), Timestamp::MIN, Timestamp::MAX, 1);
            assert!(q.contains(&format!("r[\"point\"] == {expect}")), "{q}");
        }
    }
}
