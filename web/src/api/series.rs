//! Values over time.

use std::time::Duration;

use historian::Archive;
use plant::{SeriesKey, Timestamp};

use crate::problem::{Kind, Problem};
use crate::recall::whole;
use crate::router::{Answer, Ask};
use crate::state::Sources;
use crate::view::Known;
use crate::{dto, respond, view};

/// What is shown where no begin is said.
pub(super) const SPAN: Duration = Duration::from_secs(3600);
/// Most values in one answer.
pub(super) const MAX_VALUES: usize = 50_000;
/// Most buckets of one series in one answer.
pub(super) const MAX_BUCKETS: usize = 5_000;
/// Most values that are read for one answer: about half a second of the store's time.
const MAX_READ: u64 = 20_000_000;
/// Most numbers that are held at once to rank them.
pub(super) const MOST_RANKED: usize = 2_000_000;
pub(super) const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

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
    let known = known(&ask.state.sources, ask.query.series()?)?;
    let last = ask.state.sources.archive.last(&known.key);
    Ok(respond::json(&ask.headers, &known.last(last.as_ref())))
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
    let known = known(&ask.state.sources, key)?;
    let recall = ask.state.recall.clone();
    // One more than asked for says whether there are more.
    let read = move || recall.range(&known.key, from, to, limit + 1).map(|s| (s, known));
    let (recalled, known) = ask.state.reads.run(read).await?;
    let (mut samples, missing) = whole(recalled, ask.state.recall.deadline()).await;
    let next_cursor = samples.get(limit).map(|s| s.t.nanos().to_string());
    samples.truncate(limit);
    Ok(respond::json(&ask.headers, &known.range(&samples, next_cursor, missing)))
}

/// The numbers of a series, summed up in buckets of equal width. Texts and values of bad quality are not in them.
#[utoipa::path(get, path = "/api/v1/series/buckets", tag = "series",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("indicator" = Option<String>, Query, description = "An indicator of the point instead of its own values."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; an hour before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); now where it is left out."),
        ("buckets" = Option<usize>, Query, description = "Into how many buckets the time is divided, 1 to 5000; 600 where it is left out. Buckets are aligned to the epoch, so the first and the last may reach beyond the span: one more than asked for may come. Wider than a minute or an hour, they are whole minutes or hours."),
    ),
    responses(
        (status = 200, description = "The buckets that are not empty.", body = dto::Buckets),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn buckets(ask: Ask) -> Answer {
    ask.query.only(&["point", "indicator", "from", "to", "buckets"])?;
    let (from, to) = ask.query.span(ask.state.now(), SPAN)?;
    let wanted = ask.query.count("buckets", 600, MAX_BUCKETS)?;
    let width = width(to.since(from), wanted);
    let known = known(&ask.state.sources, ask.query.series()?)?;
    let (archive, recall) = (ask.state.sources.archive.clone(), ask.state.recall.clone());
    let read = move || {
        let cost = if width < MINUTE { weight(&archive, &known.key, from, to)? } else { 0 };
        affordable(cost)?;
        let found = recall.buckets(&known.key, from, to, width).map_err(|e| Problem::unreadable(&e))?;
        Ok((found, known))
    };
    let (recalled, known) = ask.state.reads.with(read).await?;
    let (found, missing) = whole(recalled, ask.state.recall.deadline()).await;
    Ok(respond::json(&ask.headers, &known.buckets(&found, width, missing)))
}

/// What the values of a series amount to within a window.
#[utoipa::path(get, path = "/api/v1/series/statistics", tag = "series",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("indicator" = Option<String>, Query, description = "An indicator of the point instead of its own values."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; an hour before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); now where it is left out."),
    ),
    responses(
        (status = 200, description = "The statistics.", body = dto::SeriesStatistics),
        (status = 422, description = "The window holds more than 20,000,000 values.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn statistics(ask: Ask) -> Answer {
    ask.query.only(&["point", "indicator", "from", "to"])?;
    let (from, to) = ask.query.span(ask.state.now(), SPAN)?;
    let known = known(&ask.state.sources, ask.query.series()?)?;
    let archive = ask.state.sources.archive.clone();
    let read = move || {
        affordable(weight(&archive, &known.key, from, to)?)?;
        let found = archive.statistics(&known.key, from, to, MOST_RANKED).map_err(|e| Problem::unreadable(&e))?;
        Ok(known.statistics(&found))
    };
    let statistics = ask.state.reads.with(read).await?;
    Ok(respond::json(&ask.headers, &statistics))
}

/// The width of `n` buckets that cover `span`, rounded up: whole milliseconds; whole minutes or hours where it is longer,
/// as these are summed up already.
pub(super) fn width(span: Duration, n: usize) -> Duration {
    let ns = span.as_nanos().div_ceil(n as u128).max(1);
    let step = [HOUR, MINUTE].into_iter().find(|s| ns >= s.as_nanos()).unwrap_or(Duration::from_millis(1));
    let steps = u64::try_from(ns.div_ceil(step.as_nanos())).unwrap_or(u64::MAX);
    Duration::from_millis(steps.saturating_mul(step.as_millis() as u64))
}

/// How many values reading that stretch of a series means.
pub(super) fn weight(archive: &Archive, key: &SeriesKey, from: Timestamp, to: Timestamp) -> Result<u64, Problem> {
    archive.weight(key, from, to).map_err(|e| Problem::unreadable(&e))
}

/// Refuses what would keep the store busy for too long.
pub(super) fn affordable(values: u64) -> Result<(), Problem> {
    if values <= MAX_READ {
        return Ok(());
    }
    let detail = format!("about {values} values would have to be read; expected at most {MAX_READ}");
    let next =
        "ask for a shorter time or fewer series, or for buckets of a minute or more, which are summed up already";
    Err(Problem::new(Kind::TooCostly, detail, next))
}

/// The series with its unit, or what is missing: a point that nobody knows has no series. A known point may have an empty
/// one.
pub(super) fn known(from: &Sources, key: SeriesKey) -> Result<Known, Problem> {
    let plant = from.register.plant();
    if plant.point(&key.point).is_none() && from.archive.last(&key).is_none() {
        let next = "GET /api/v1/overview lists the machines, GET /api/v1/machines/{site}/{machine} their points";
        return Err(Problem::not_found("point", key.point.as_str(), next));
    }
    Ok(Known { unit: view::unit_of(&plant, &key), key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_the_span_in_whole_milliseconds_minutes_or_hours() {
        for (span_ns, n, expect_ms) in [
            (86_400_000_000_000, 600, 180_000),
            (1, 1, 1),
            (10_000_001, 2, 6),
            (1_000_000, 5_000, 1),
            (3_600_000_000_000, 60, 60_000),
            (3_600_000_000_001, 60, 120_000),
            (31_536_000_000_000_000, 600, 54_000_000),
        ] {
            let w = width(Duration::from_nanos(span_ns), n);
            assert_eq!(w.as_millis(), expect_ms, "{span_ns} ns in {n}");
            assert!(w.as_nanos() * n as u128 >= u128::from(span_ns));
        }
    }
}
