//! Values over time.

use std::time::Duration;

use plant::{SeriesKey, Timestamp};

use crate::problem::Problem;
use crate::router::{Answer, Ask};
use crate::state::Sources;
use crate::{dto, respond, view};

/// What is shown where no begin is said.
const SPAN: Duration = Duration::from_secs(3600);
/// Most values in one answer.
const MAX_VALUES: usize = 50_000;
/// Most buckets in one answer.
const MAX_BUCKETS: usize = 5_000;

/// The latest value of a series.
#[utoipa::path(get, path = "/api/v1/series/last", tag = "series",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("indicator" = Option<String>, Query, description = "An indicator of the point instead of its own values."),
    ),
    responses(
        (status = 200, description = "The latest value.", body = dto::SeriesLast),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn last(ask: Ask) -> Answer {
    ask.query.only(&["point", "indicator"])?;
    let key = ask.query.series()?;
    let unit = known(&ask.state.sources, &key)?;
    let last = ask.state.sources.archive.last(&key);
    let (point, indicator) = names(&key);
    let last = dto::SeriesLast { point, indicator, unit, last: last.as_ref().map(view::reading) };
    Ok(respond::json(&ask.headers, &last))
}

/// The values of a series as they came, in order of time.
#[utoipa::path(get, path = "/api/v1/series/range", tag = "series",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("indicator" = Option<String>, Query, description = "An indicator of the point instead of its own values."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; an hour before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); now where it is left out."),
        ("limit" = Option<usize>, Query, description = "At most so many values, 1 to 50000; 5000 where it is left out."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The values.", body = dto::SeriesRange),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn range(ask: Ask) -> Answer {
    ask.query.only(&["point", "indicator", "from", "to", "limit", "cursor"])?;
    let key = ask.query.series()?;
    let (mut from, to) = ask.query.span(ask.state.now(), SPAN)?;
    let limit = ask.query.count("limit", 5_000, MAX_VALUES)?;
    if let Some(cursor) = ask.query.get::<i64>("cursor", "the next_cursor of the answer before")? {
        from = from.max(Timestamp::from_nanos(cursor));
    }
    let unit = known(&ask.state.sources, &key)?;
    let archive = ask.state.sources.archive.clone();
    // One more than asked for says whether there are more.
    let read = move || archive.range(&key, from, to, limit + 1).map(|s| (s, key));
    let (mut samples, key) = ask.state.reads.run(read).await?;
    let next_cursor = samples.get(limit).map(|s| s.t.nanos().to_string());
    samples.truncate(limit);
    let (point, indicator) = names(&key);
    let range = dto::SeriesRange {
        point,
        indicator,
        unit,
        t_ms: samples.iter().map(|s| millis(s.t)).collect(),
        v: samples.iter().map(|s| view::number(&s.value)).collect(),
        quality: samples.iter().map(|s| view::quality(s.quality)).collect(),
        next_cursor,
    };
    Ok(respond::json(&ask.headers, &range))
}

/// The numbers of a series, summed up in buckets of equal width. Texts and values of bad quality are not in them.
#[utoipa::path(get, path = "/api/v1/series/buckets", tag = "series",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("indicator" = Option<String>, Query, description = "An indicator of the point instead of its own values."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; an hour before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); now where it is left out."),
        ("buckets" = Option<usize>, Query, description = "Into how many buckets the time is divided, 1 to 5000; 600 where it is left out. Buckets are aligned to the epoch, so the first and the last may reach beyond the span: one more than asked for may come."),
    ),
    responses(
        (status = 200, description = "The buckets that are not empty.", body = dto::Buckets),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn buckets(ask: Ask) -> Answer {
    ask.query.only(&["point", "indicator", "from", "to", "buckets"])?;
    let key = ask.query.series()?;
    let (from, to) = ask.query.span(ask.state.now(), SPAN)?;
    let wanted = ask.query.count("buckets", 600, MAX_BUCKETS)?;
    let width = width(to.since(from), wanted);
    let unit = known(&ask.state.sources, &key)?;
    let archive = ask.state.sources.archive.clone();
    let read = move || archive.buckets(&key, from, to, width).map(|b| (b, key));
    let (found, key) = ask.state.reads.run(read).await?;
    let (point, indicator) = names(&key);
    let buckets = dto::Buckets {
        point,
        indicator,
        unit,
        width_ms: i64::try_from(width.as_millis()).unwrap_or(i64::MAX),
        t_ms: found.iter().map(|b| millis(b.t)).collect(),
        min: found.iter().map(|b| b.min).collect(),
        max: found.iter().map(|b| b.max).collect(),
        mean: found.iter().map(|b| b.mean).collect(),
        last: found.iter().map(|b| b.last).collect(),
        count: found.iter().map(|b| b.count).collect(),
    };
    Ok(respond::json(&ask.headers, &buckets))
}

/// The width of `n` buckets that cover `span`: whole milliseconds, rounded up.
fn width(span: Duration, n: usize) -> Duration {
    let ns = span.as_nanos().div_ceil(n as u128).max(1);
    Duration::from_millis(u64::try_from(ns.div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// The series' unit, or what is missing: a point that nobody knows has no series. A known point may have an empty one.
fn known(from: &Sources, key: &SeriesKey) -> Result<Option<String>, Problem> {
    let plant = from.register.plant();
    if plant.point(&key.point).is_none() && from.archive.last(key).is_none() {
        let next = "GET /api/v1/overview lists the machines, GET /api/v1/machines/{site}/{machine} their points";
        return Err(Problem::not_found("point", key.point.as_str(), next));
    }
    Ok(view::unit_of(&plant, key))
}

fn names(key: &SeriesKey) -> (String, Option<String>) {
    (key.point.to_string(), key.indicator.as_ref().map(ToString::to_string))
}

fn millis(t: Timestamp) -> i64 {
    t.nanos().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_the_span_in_whole_milliseconds() {
        for (span_ns, n, expect_ms) in
            [(86_400_000_000_000, 600, 144_000), (1, 1, 1), (10_000_001, 2, 6), (1_000_000, 5_000, 1)]
        {
            let w = width(Duration::from_nanos(span_ns), n);
            assert_eq!(w.as_millis(), expect_ms, "{span_ns} ns in {n}");
            assert!(w.as_nanos() * n as u128 >= u128::from(span_ns));
        }
    }
}
