//! Answers the queries of this crate's builder, and no others, from the points that were written: as InfluxDB 2 documents
//! `range`, `filter`, `pivot`, `aggregateWindow` and annotated CSV.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::stub::Points;

type Fields = BTreeMap<String, String>;

/// The text between `before` and `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn nanos(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_nanosecond().try_into().unwrap()
}

fn time(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanos.into()).unwrap().to_string()
}

/// Whether a series passes the first filter: equations and inequations of tags, joined by `and`.
fn passes(series: &str, tests: &str) -> bool {
    let (measurement, tags) = series.split_once(',').unwrap();
    let tags: BTreeMap<_, _> = tags.split(',').map(|t| t.split_once('=').unwrap()).collect();
    tests.split(" and ").all(|test| {
        let (tag, rest) = test.strip_prefix("r[\"").unwrap().split_once("\"] ").unwrap();
        let (operator, value) = rest.split_once(' ').unwrap();
        let found = if tag == "_measurement" { Some(measurement) } else { tags.get(tag).copied() };
        let equal = found == Some(value.trim_matches('"'));
        match operator {
            "==" => equal,
            "!=" => !equal,
            odd => panic!("no such operator: {odd}"),
        }
    })
}

fn is_bad(fields: &Fields) -> bool {
    fields.get("quality").is_some_and(|q| q.trim_matches('"').starts_with("bad"))
}

/// The answer to `flux`.
pub fn answer(points: &Points, flux: &str) -> String {
    let start = nanos(between(flux, "range(start: ", ",").unwrap());
    let stop = nanos(between(flux, "stop: ", ")").unwrap());
    let tests = between(flux, "filter(fn: (r) => ", ")\n").unwrap();
    let mut tables: BTreeMap<&str, BTreeMap<i64, &Fields>> = BTreeMap::new();
    for ((series, t), fields) in points {
        if (start..stop).contains(t) && passes(series, tests) {
            tables.entry(series).or_default().insert(*t, fields);
        }
    }
    let mut out = String::new();
    if let Some(every) = between(flux, "every: ", "ns") {
        let judge = flux.contains("!~ /^bad/");
        for result in ["min", "max", "mean", "last", "count"] {
            for (table, points) in tables.values().enumerate() {
                windows(&mut out, (result, table), points, every.parse().unwrap(), start, judge);
            }
        }
        return out;
    }
    let marks = flux.contains("=~ /^bad/)");
    let limit: usize = between(flux, "limit(n: ", ")").unwrap().parse().unwrap();
    let mut rows: Vec<(i64, &Fields)> = tables.into_values().flatten().collect();
    rows.retain(|(_, fields)| !marks || is_bad(fields));
    rows.sort_by_key(|(t, _)| *t);
    head(&mut out, &["value", "text", "quality"]);
    for (t, fields) in rows.into_iter().take(limit) {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        // Texts stand in quotes in line protocol, and may in CSV.
        writeln!(out, ",,0,{},{},{},{}\r", time(t), field("value"), field("text"), field("quality")).unwrap();
    }
    out
}

fn head(out: &mut String, columns: &[&str]) {
    let more = ",".repeat(columns.len());
    write!(out, "\r\n#group,false,false,false{more}\r\n#default,_result,,{more}\r\n").unwrap();
    write!(out, ",result,table,_time,{}\r\n", columns.join(",")).unwrap();
}

fn windows(
    out: &mut String,
    (result, table): (&str, usize),
    points: &BTreeMap<i64, &Fields>,
    every: i64,
    start: i64,
    judge: bool,
) {
    let mut windows: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (t, fields) in points {
        let Some(v) = fields.get("value").filter(|_| !judge || !is_bad(fields)) else { continue };
        let window = i128::from(*t).div_euclid(every.into()) * i128::from(every);
        // The first one is cut off by the range.
        let at = i64::try_from(window.max(start.into())).unwrap();
        windows.entry(at).or_default().push(v.parse().unwrap());
    }
    head(out, &[if judge { "value" } else { "_value" }]);
    for (t, v) in windows {
        let found = match result {
            "min" => v.iter().copied().fold(f64::INFINITY, f64::min),
            "max" => v.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "mean" => v.iter().sum::<f64>() / v.len() as f64,
            "last" => *v.last().unwrap(),
            _ => v.len() as f64,
        };
        write!(out, ",{result},{table},{},{found:?}\r\n", time(t)).unwrap();
    }
}
