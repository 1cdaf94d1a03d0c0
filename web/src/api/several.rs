//! Several series in one question.

use std::time::Duration;

use historian::{Archive, ReadError};
use plant::{SeriesKey, Timestamp};

use super::series::{MAX_BUCKETS, MAX_VALUES, MINUTE, MOST_RANKED, SPAN, affordable, known, weight, width};
use crate::problem::{Kind, Problem};
use crate::recall::whole;
use crate::router::{Answer, Ask};
use crate::state::State;
use crate::view::Known;
use crate::{dto, respond};

/// What to do about a body that cannot be used.
const NEXT: &str = "send what /api/v1/openapi.json describes";
/// Most series in one question.
const MAX_SERIES: usize = 64;
/// Most buckets over all series in one answer.
const MAX_BUCKETS_SUM: usize = 100_000;

/// The latest values, values, buckets or statistics of several series at once.
#[utoipa::path(post, path = "/api/v1/series/query", tag = "series",
    request_body(content = dto::SeriesQuery, description = "What is asked, and of which series."),
    responses(
        (status = 200, description = "The answers, in the order of the question.", body = dto::SeriesResults),
        (status = 422, description = "The answer would cost too much; the detail says how much.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn query(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let asked: dto::SeriesQuery = super::body(&ask, NEXT)?;
    let series = named(&ask, &asked)?;
    let span = span(&asked, ask.state.now())?;
    let archive = ask.state.sources.archive.clone();
    let results = match asked.ask {
        dto::SeriesAsk::Last => {
            let last = series.iter().map(|k| k.last(archive.last(&k.key).as_ref())).collect();
            dto::SeriesResults { last: Some(last), ..dto::SeriesResults::default() }
        }
        dto::SeriesAsk::Range => {
            let page = Page::new(&asked, series.len(), span)?;
            page.read(&ask.state, series).await?
        }
        dto::SeriesAsk::Buckets => {
            let width = bucket_width(&asked, span, series.len())?;
            buckets(&ask.state, series, span, width).await?
        }
        dto::SeriesAsk::Statistics => ask.state.reads.with(move || statistics(&archive, &series, span)).await?,
    };
    Ok(respond::json(&ask.headers, &results))
}

type Span = (Timestamp, Timestamp);

fn wrong(detail: String) -> Problem {
    Problem::new(Kind::BadBody, detail, NEXT)
}

fn named(ask: &Ask, asked: &dto::SeriesQuery) -> Result<Vec<Known>, Problem> {
    if asked.series.is_empty() || asked.series.len() > MAX_SERIES {
        return Err(wrong(format!("there are {} series; expected 1 to {MAX_SERIES}", asked.series.len())));
    }
    let key = |name: &dto::SeriesName| -> Result<SeriesKey, Problem> {
        let point = name.point.parse().map_err(|e: plant::IdError| wrong(e.to_string()))?;
        let indicator = name.indicator.as_deref().map(plant::Name::new).transpose();
        Ok(SeriesKey { point, indicator: indicator.map_err(|e| wrong(e.to_string()))? })
    };
    let keys: Vec<_> = asked.series.iter().map(key).collect::<Result<_, _>>()?;
    ask.sees_each(keys.iter().map(|k| k.point.machine()))?;
    keys.into_iter().map(|key| known(&ask.state.sources, key)).collect()
}

fn span(asked: &dto::SeriesQuery, now: Timestamp) -> Result<Span, Problem> {
    // A value that bears this very instant belongs to "until now".
    let to = asked.to.map_or(now + Duration::from_nanos(1), |t| t.0);
    let from = asked.from.map_or(to - SPAN, |t| t.0);
    if from >= to {
        return Err(wrong("from is not before to (which is now where it is not said)".into()));
    }
    Ok((from, to))
}

/// A part of the values of several series: one series after the other.
struct Page {
    span: Span,
    limit: usize,
    /// The series and the instant at which it begins.
    begin: (usize, Timestamp),
}

impl Page {
    fn new(asked: &dto::SeriesQuery, series: usize, span: Span) -> Result<Self, Problem> {
        let limit = asked.limit.unwrap_or(5_000);
        if !(1..=MAX_VALUES).contains(&limit) {
            return Err(wrong(format!("limit is {limit}; expected 1 to {MAX_VALUES}")));
        }
        let Some(cursor) = &asked.cursor else { return Ok(Self { span, limit, begin: (0, span.0) }) };
        let place = cursor.split_once('.').and_then(|(i, t)| Some((i.parse().ok()?, t.parse().ok()?)));
        match place {
            Some((i, t)) if i < series => Ok(Self { span, limit, begin: (i, span.0.max(Timestamp::from_nanos(t))) }),
            _ => Err(wrong("cursor is not the next_cursor of the answer before to the same question".into())),
        }
    }

    /// The store is read for one series after the other: how many values there is room for is known when those of the one
    /// before are all there.
    async fn read(self, state: &State, series: Vec<Known>) -> Result<dto::SeriesResults, Problem> {
        let ((first, mut from), to, deadline) = (self.begin, self.span.1, state.recall.deadline());
        let (mut room, mut range, mut next_cursor) = (self.limit, Vec::new(), None);
        for (i, known) in series.into_iter().enumerate().skip(first) {
            let recall = state.recall.clone();
            // One more than there is room for says whether there are more.
            let read = move || recall.range(&known.key, from, to, room + 1).map(|s| (s, known));
            let (recalled, known) = state.reads.run(read).await?;
            let (mut samples, missing) = whole(recalled, deadline).await;
            next_cursor = samples.get(room).map(|s| format!("{i}.{}", s.t.nanos()));
            samples.truncate(room);
            room -= samples.len();
            if !samples.is_empty() || next_cursor.is_none() {
                range.push(known.range(&samples, None, missing));
            }
            if next_cursor.is_some() {
                break;
            }
            from = self.span.0;
        }
        Ok(dto::SeriesResults { range: Some(range), next_cursor, ..dto::SeriesResults::default() })
    }
}

fn bucket_width(asked: &dto::SeriesQuery, (from, to): Span, series: usize) -> Result<Duration, Problem> {
    let found = match (asked.buckets, asked.width_ms) {
        (Some(_), Some(_)) => return Err(wrong("both buckets and width_ms are said; expected one of them".into())),
        (n, None) => {
            let n = n.unwrap_or(600);
            if !(1..=MAX_BUCKETS).contains(&n) {
                return Err(wrong(format!("buckets is {n}; expected 1 to {MAX_BUCKETS}")));
            }
            width(to.since(from), n)
        }
        (None, Some(ms)) => match u64::try_from(ms) {
            Ok(ms) if ms > 0 => Duration::from_millis(ms),
            _ => return Err(wrong(format!("width_ms is {ms}; expected a whole number above 0"))),
        },
    };
    let each = to.since(from).as_nanos().div_ceil(found.as_nanos());
    let most = (MAX_BUCKETS_SUM / series).min(MAX_BUCKETS) as u128;
    if each > most {
        let detail = format!("{each} buckets of each series would come; expected at most {most} of each of {series}");
        return Err(Problem::new(Kind::TooCostly, detail, "ask for wider buckets, a shorter time or fewer series"));
    }
    Ok(found)
}

fn cost(archive: &Archive, series: &[Known], (from, to): Span) -> Result<(), Problem> {
    let sum = series.iter().try_fold(0, |sum, k| Ok::<_, Problem>(sum + weight(archive, &k.key, from, to)?))?;
    affordable(sum)
}

async fn buckets(
    state: &State,
    series: Vec<Known>,
    span: Span,
    width: Duration,
) -> Result<dto::SeriesResults, Problem> {
    let (archive, recall) = (state.sources.archive.clone(), state.recall.clone());
    let read = move || {
        // Buckets of whole minutes are summed up already.
        if !width.as_nanos().is_multiple_of(MINUTE.as_nanos()) {
            cost(&archive, &series, span)?;
        }
        let one = |k: Known| Ok((recall.buckets(&k.key, span.0, span.1, width)?, k));
        let all: Result<Vec<_>, _> = series.into_iter().map(one).collect();
        all.map_err(|e: ReadError| Problem::unreadable(&e))
    };
    let recalled = state.reads.with(read).await?;
    let (deadline, mut buckets) = (state.recall.deadline(), Vec::new());
    for (recalled, known) in recalled {
        let (found, missing) = whole(recalled, deadline).await;
        buckets.push(known.buckets(&found, width, missing));
    }
    Ok(dto::SeriesResults { buckets: Some(buckets), ..dto::SeriesResults::default() })
}

fn statistics(archive: &Archive, series: &[Known], span: Span) -> Result<dto::SeriesResults, Problem> {
    cost(archive, series, span)?;
    let read = |k: &Known| archive.statistics(&k.key, span.0, span.1, MOST_RANKED).map(|s| k.statistics(&s));
    let statistics: Result<Vec<_>, _> = series.iter().map(read).collect();
    let statistics = statistics.map_err(|e| Problem::unreadable(&e))?;
    Ok(dto::SeriesResults { statistics: Some(statistics), ..dto::SeriesResults::default() })
}
