//! What waits in quarantine is looked at, read again or put aside; names that nobody knows are adopted.

use std::sync::Arc;
use std::time::Duration;

use historian::Selection;
use tokio::time::{Instant, timeout_at};
use warp::http::StatusCode;

use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::seams::Declined;
use crate::{dto, respond, view};

/// Most numbers in one selection, machines in one adoption, names to be ignored at once.
const MOST: (usize, usize, usize) = (2_000, 200, 1_000);
/// Of a payload at most this much is shown.
const SHOWN: usize = 256 << 10;
/// How long a replay is waited for before it is answered that it goes on.
const PATIENCE: Duration = Duration::from_secs(1);

fn too_many(what: &str, found: usize, most: usize) -> Result<(), Problem> {
    if found <= most {
        return Ok(());
    }
    let detail = format!("there are {found} {what}; expected at most {most}");
    Err(Problem::new(Kind::BadBody, detail, "send them in several requests"))
}

impl From<Declined> for Problem {
    fn from(why: Declined) -> Self {
        match why {
            Declined::Asked(detail) => Self::new(Kind::BadBody, detail, "correct it and send it again"),
            Declined::Overtaken(detail) => Self::new(Kind::Conflict, detail, "read the list again, then decide anew"),
            Declined::Now(detail) => Self::new(Kind::Unavailable, detail, "try again; if it stays so, look at /readyz"),
        }
    }
}

fn selection(ask: &Ask) -> Result<(dto::Selection, Selection), Problem> {
    let said: dto::Selection =
        super::body(ask, "send {\"ids\": [1, 2]}, {\"codes\": [\"unmapped\"]} or {} for everything")?;
    too_many("numbers", said.ids.len(), MOST.0)?;
    too_many("codes, sources and topics", said.codes.len() + said.sources.len() + said.topics.len(), MOST.0)?;
    let texts = |list: &[String]| list.iter().map(|s| s.as_str().into()).collect();
    let which = Selection {
        ids: said.ids.clone(),
        codes: texts(&said.codes),
        sources: texts(&said.sources),
        topics: texts(&said.topics),
        discarded: false,
    };
    Ok((said, which))
}

/// What waits of one reason, by topic, the most frequent first.
#[utoipa::path(get, path = "/api/v1/quarantine/topics", tag = "intake",
    params(("code" = String, Query, description = "The reason.")),
    responses(
        (status = 200, description = "The topics, at most 100.", body = Vec<dto::QuarantineTopic>),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn topics(ask: Ask) -> Answer {
    ask.query.only(&["code"])?;
    let code = ask.query.text("code").ok_or_else(|| Problem::query("code", "the code of a reason", ""))?.to_owned();
    let archive = ask.state.sources.archive.clone();
    let found = ask.state.reads.run(move || archive.quarantine_topics(&code, 100)).await?;
    Ok(respond::json(&ask.headers, &found.iter().map(view::quarantine_topic).collect::<Vec<_>>()))
}

/// The quarantine in numbers.
#[utoipa::path(get, path = "/api/v1/quarantine/stats", tag = "intake", responses(
    (status = 200, description = "The numbers.", body = dto::QuarantineStats),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn stats(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let archive = ask.state.sources.archive.clone();
    let stats = ask.state.reads.run(move || archive.quarantine_stats()).await?;
    Ok(respond::json(&ask.headers, &view::quarantine_stats(&stats)))
}

/// One message in quarantine with its payload.
#[utoipa::path(get, path = "/api/v1/quarantine/{id}", tag = "intake",
    params(("id" = u64, Path, description = "Its number.")),
    responses(
        (status = 200, description = "The message.", body = dto::QuarantinePayload),
        (status = 404, description = "It is not there, or no longer.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn entry(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let missing =
        || Problem::not_found("message in quarantine", ask.param(0), "look at the list again; it may be released");
    let id: u64 = ask.param(0).parse().map_err(|_| missing())?;
    let archive = ask.state.sources.archive.clone();
    let found = ask.state.reads.run(move || archive.quarantine_entry(id)).await?.ok_or_else(missing)?;
    Ok(respond::json(&ask.headers, &view::quarantine_payload(&found, SHOWN)))
}

/// How far reading again is, or how the last one ended.
#[utoipa::path(get, path = "/api/v1/quarantine/replay", tag = "intake", responses(
    (status = 200, description = "The replay.", body = dto::Replay),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn replay_progress(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::fresh(StatusCode::OK, &*ask.state.waiting.progress().borrow()))
}

/// Reads the selected messages again, with their own times. Answers when that is done, or after a second that it goes on.
#[utoipa::path(post, path = "/api/v1/quarantine/replay", tag = "intake", request_body = dto::Selection,
    responses(
        (status = 200, description = "It is done.", body = dto::Replay),
        (status = 202, description = "It goes on.", body = dto::Replay),
        (status = 409, description = "Another one goes on.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn replay(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (_, which) = selection(&ask)?;
    let mut progress = ask.state.waiting.progress();
    if !ask.state.waiting.replay(which) {
        let next = "wait until it is done; GET /api/v1/quarantine/replay says how far it is";
        return Err(Problem::new(Kind::Conflict, "messages are being read again already", next));
    }
    // Whether it ended in time does not matter: what stands there is told.
    let _ = timeout_at(Instant::now() + PATIENCE, progress.wait_for(|r| !r.running)).await;
    let now = progress.borrow().clone();
    let status = if now.running { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(respond::fresh(status, &now))
}

/// Puts the selected messages aside. They are counted as before, and can be taken back while they are kept.
#[utoipa::path(post, path = "/api/v1/quarantine/discard", tag = "intake", request_body = dto::Selection,
    responses(
        (status = 200, description = "How many there were.", body = dto::PutAside),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn discard(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (said, which) = selection(&ask)?;
    let clean = |text: Option<&str>, what: &str, most: usize| {
        let text = text.map(str::trim).filter(|t| !t.is_empty() && t.chars().count() <= most);
        let text = text.filter(|t| !t.chars().any(char::is_control));
        let detail =
            format!("{what:?} is missing, empty or too long; expected 1 to {most} characters, none of them control");
        text.map(ToOwned::to_owned).ok_or_else(|| Problem::new(Kind::BadBody, detail, "say who discards them, and why"))
    };
    let by = clean(Some(said.by.as_deref().unwrap_or("operator")), "by", 64)?;
    let why = clean(said.why.as_deref(), "why", 200)?;
    let messages = ask.state.waiting.discard(which, format!("{by}: {why}")).await?;
    Ok(respond::fresh(StatusCode::OK, &dto::PutAside { messages }))
}

/// Takes selected messages back that were put aside.
#[utoipa::path(post, path = "/api/v1/quarantine/restore", tag = "intake", request_body = dto::Selection,
    responses(
        (status = 200, description = "How many there were.", body = dto::PutAside),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn restore(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (_, which) = selection(&ask)?;
    let messages = ask.state.waiting.restore(which).await?;
    Ok(respond::fresh(StatusCode::OK, &dto::PutAside { messages }))
}

/// What speaks here and is not in the plant.
#[utoipa::path(get, path = "/api/v1/discovery", tag = "intake", responses(
    (status = 200, description = "Names that nobody knows.", body = dto::Discovery),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn discovery(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (waiting, register) = (ask.state.waiting.clone(), ask.state.sources.register.clone());
    let found = ask.state.reads.run(move || {
        let name = |i: historian::Ignored| match &i.point {
            Some(point) => format!("{}/{point}", i.machine),
            None => i.machine.to_string(),
        };
        let ignored = register.ignored()?.into_iter().map(name).collect();
        Ok(dto::Discovery { ignored, ..waiting.discovery() })
    });
    Ok(respond::json(&ask.headers, &found.await?))
}

/// Takes machines and points into the plant, then reads again what waited for them, with its own times.
#[utoipa::path(post, path = "/api/v1/discovery/adopt", tag = "intake", request_body = dto::Adopt,
    responses(
        (status = 200, description = "They are in the plant.", body = dto::Adopted),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn adopt(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::Adopt = super::body(&ask, "send {\"machines\": [{\"machine\": \"site/machine\"}]}")?;
    too_many("machines", said.machines.len(), MOST.1)?;
    Ok(respond::fresh(StatusCode::OK, &ask.state.waiting.adopt(said).await?))
}

/// Does not offer these names any more, or offers them again. What they say goes on waiting in quarantine.
#[utoipa::path(post, path = "/api/v1/discovery/ignore", tag = "intake", request_body = dto::Ignore,
    responses(
        (status = 204, description = "It is so."),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn ignore(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::Ignore = super::body(&ask, "send {\"names\": [\"site/machine/point\"], \"ignored\": true}")?;
    too_many("names", said.names.len(), MOST.2)?;
    let named = |name: &String| {
        let expected = || {
            Declined::Asked(format!("found the name {:?}; expected SITE/MACHINE or SITE/MACHINE/POINT", shorten(name)))
        };
        let mut parts = name.splitn(3, '/');
        let machine = format!("{}/{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let point = parts.next().map(Arc::from);
        Ok(historian::Ignored { machine: machine.parse().map_err(|_| expected())?, point, ignored: said.ignored })
    };
    let names = said.names.iter().map(named).collect::<Result<Vec<_>, Declined>>()?;
    ask.state.waiting.ignore(names).await?;
    let mut answer = warp::reply::Response::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}
