//! Is data flowing? Who is connected, what became of every message, and what could not be understood.

use historian::Selection;
use warp::http::StatusCode;

use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// Who is connected over MQTT.
#[utoipa::path(get, path = "/api/v1/connections", tag = "intake", responses(
    (status = 200, description = "The clients.", body = dto::Connections),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn connections(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let mut clients = ask.state.door.clients();
    clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
    let mut totals = dto::ConnectionTotals::default();
    for c in &clients {
        totals.connected += u64::from(c.connected);
        totals.rate_msgs_s += c.rate_msgs_s;
        totals.rate_bytes_s += c.rate_bytes_s;
        totals.messages += c.messages;
        totals.bytes += c.bytes;
    }
    let refused = ask.state.door.refused();
    Ok(respond::fresh(StatusCode::OK, &dto::Connections { clients, totals, refused }))
}

/// How far what is shipped to InfluxDB has come.
#[utoipa::path(get, path = "/api/v1/influx", tag = "intake", responses(
    (status = 200, description = "The shipper as it stands; `null` where nothing is shipped.", body = Option<dto::Influx>),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn influx(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::fresh(StatusCode::OK, &ask.state.shipping.influx()))
}

/// Messages that could not be understood, the newest first.
#[utoipa::path(get, path = "/api/v1/quarantine", tag = "intake",
    params(
        ("code" = Option<String>, Query, description = "Only those that failed for this reason."),
        ("topic" = Option<String>, Query, description = "Only those of this topic, or below it where it ends with `/#`."),
        ("discarded" = Option<String>, Query, description = "`yes`: those that were put aside, instead of those that wait."),
        ("before" = Option<u64>, Query, description = "Only those with a smaller number: the next page."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 where it is left out."),
    ),
    responses(
        (status = 200, description = "The messages.", body = dto::Quarantine),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn quarantine(ask: Ask) -> Answer {
    ask.query.only(&["code", "topic", "discarded", "before", "limit"])?;
    let limit = ask.query.count("limit", 100, 1_000)?;
    let before = ask.query.get("before", "the number of a message")?;
    let one = |name| ask.query.text(name).map(Into::into).into_iter().collect();
    let discarded = ask.query.choice("discarded", &[("yes", true), ("no", false)])?.unwrap_or(false);
    let which = Selection { codes: one("code"), topics: one("topic"), discarded, ..Selection::default() };
    let archive = ask.state.sources.archive.clone();
    let found = ask.state.reads.run(move || archive.quarantine_list(&which, before, limit)).await?;
    let entries = found.iter().map(view::quarantine_entry).collect();
    Ok(respond::json(&ask.headers, &dto::Quarantine { entries }))
}

/// The quarantine by reason, the most frequent first.
#[utoipa::path(get, path = "/api/v1/quarantine/groups", tag = "intake", responses(
    (status = 200, description = "The reasons.", body = Vec<dto::QuarantineGroup>),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn quarantine_groups(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let archive = ask.state.sources.archive.clone();
    let groups = ask.state.reads.run(move || archive.quarantine_groups()).await?;
    Ok(respond::json(&ask.headers, &groups.iter().map(view::group).collect::<Vec<_>>()))
}

/// What became of every message, by source.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "intake", responses(
    (status = 200, description = "The ledger.", body = dto::Ledger),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn ledger(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let archive = ask.state.sources.archive.clone();
    let (sources, total) =
        ask.state.reads.run(move || Ok((archive.ledger_by_source()?, archive.ledger_total()?))).await?;
    let mut sources: Vec<_> = sources.iter().map(view::ledger_source).collect();
    sources.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(respond::json(&ask.headers, &dto::Ledger { sources, total: view::ledger_total(&total) }))
}

/// What became of every message since the store began.
#[utoipa::path(get, path = "/api/v1/ledger/total", tag = "intake", responses(
    (status = 200, description = "The totals.", body = dto::LedgerTotal),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn ledger_total(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let archive = ask.state.sources.archive.clone();
    let total = ask.state.reads.run(move || archive.ledger_total()).await?;
    Ok(respond::json(&ask.headers, &view::ledger_total(&total)))
}
