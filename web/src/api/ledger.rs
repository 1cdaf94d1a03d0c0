//! The ledger by stretches of time, and as a signed statement.

use std::collections::BTreeMap;
use std::time::Duration;

use historian::{LedgerDelta, LedgerLine};
use warp::http::StatusCode;

use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask, plain};
use crate::{dto, respond, view};

const DAY: Duration = Duration::from_secs(86_400);
/// Most lines in one answer.
const LINES: usize = 50_000;

/// What was added to the ledger in each minute (each hour where it is long ago), of all sources together, of one, or of
/// each.
#[utoipa::path(get, path = "/api/v1/ledger/history", tag = "intake",
    params(
        ("from" = Option<String>, Query, description = "From this instant on; a day before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "Up to, not including, this instant; now where it is left out."),
        ("source" = Option<String>, Query, description = "Only this source."),
        ("by" = Option<String>, Query, description = "`source`: each source by itself."),
    ),
    responses(
        (status = 200, description = "The lines.", body = dto::LedgerHistory),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn history(ask: Ask) -> Answer {
    ask.query.only(&["from", "to", "source", "by"])?;
    let (from, to) = ask.query.span(ask.state.now(), DAY)?;
    let source = ask.query.text("source").map(ToOwned::to_owned);
    let apart = ask.query.choice("by", &[("source", true)])?.unwrap_or(source.is_some());
    let archive = ask.state.sources.archive.clone();
    let (mut lines, _) = ask.state.reads.run(move || archive.ledger_history(from, to)).await?;
    if let Some(source) = source {
        lines.retain(|l| *l.counts.source == *source);
    }
    if !apart {
        lines = together(&lines);
    }
    if lines.len() > LINES {
        let detail = format!("there are {} lines; expected at most {LINES}", lines.len());
        return Err(Problem::new(Kind::BadQuery, detail, "ask for a shorter span, or for one source"));
    }
    Ok(respond::json(&ask.headers, &dto::LedgerHistory { lines: lines.iter().map(view::ledger_line).collect() }))
}

/// One line a stretch.
fn together(lines: &[LedgerLine]) -> Vec<LedgerLine> {
    let mut sums: BTreeMap<plant::Timestamp, LedgerLine> = BTreeMap::new();
    for l in lines {
        let fresh = || LedgerLine { counts: LedgerDelta::default(), ..l.clone() };
        sums.entry(l.t).or_insert_with(fresh).counts.add(&l.counts);
    }
    sums.into_values().collect()
}

/// The ledger of a period as a statement that this installation signs; `danxia verify statement` checks it.
#[utoipa::path(get, path = "/api/v1/ledger/statement", tag = "intake",
    params(
        ("from" = Option<String>, Query, description = "From this instant on; a day before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "Up to, not including, this instant; now where it is left out."),
    ),
    responses(
        (status = 200, description = "The statement: docs/quarantine.md describes it.", body = serde_json::Value),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn statement(ask: Ask) -> Answer {
    ask.query.only(&["from", "to"])?;
    let (from, to) = ask.query.span(ask.state.now(), DAY)?;
    let waiting = ask.state.waiting.clone();
    let text = ask.state.reads.with(move || waiting.statement(from, to).map_err(Problem::from)).await?;
    Ok(plain(StatusCode::OK, "application/json", text))
}
