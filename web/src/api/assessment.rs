//! What a machine's points say together, and what people say of it.

use std::sync::Arc;

use plant::{Action, Assessment, Fault, Judgement, MachineId, Timestamp};
use warp::http::StatusCode;

use super::{body, object_if_any, who};
use crate::act::{Answered, act};
use crate::hub::Frame;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::state::State;
use crate::{dto, respond, view};

const NEXT: &str = "GET /api/v1/overview lists the machines";
/// Takes a judgement back.
const WITHDRAWN: &str = "withdrawn";

/// The latest assessment of a machine.
#[utoipa::path(get, path = "/api/v1/machines/{site}/{machine}/assessment", tag = "plant",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    responses(
        (status = 200, description = "What its points say together.", body = dto::MachineAssessment),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn latest(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = machine(&ask).await?;
    let assessment = load(&ask.state, &id).await?.as_ref().map(view::assessment);
    Ok(respond::json(&ask.headers, &dto::MachineAssessment { assessment }))
}

/// A machine's health over time, the newest that there is room for.
#[utoipa::path(get, path = "/api/v1/machines/{site}/{machine}/health", tag = "plant",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
        ("from" = Option<String>, Query, description = "From this time on, RFC 3339."),
        ("to" = Option<String>, Query, description = "Before this time, RFC 3339."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 2000; 800 where not stated."),
    ),
    responses(
        (status = 200, description = "Its health, the oldest first.", body = dto::HealthHistory),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn health(ask: Ask) -> Answer {
    ask.query.only(&["from", "to", "limit"])?;
    let from = ask.query.instant("from")?.unwrap_or(Timestamp::MIN);
    let to = ask.query.instant("to")?.unwrap_or(Timestamp::MAX);
    let limit = ask.query.count("limit", 800, 2_000)?;
    let id = machine(&ask).await?;
    let archive = ask.state.sources.archive.clone();
    // One more than asked for says whether there are more.
    let mut found = ask.state.reads.run(move || archive.assessments(&id, from, to, limit + 1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    // Of several of one time the last holds.
    found.dedup_by_key(|a| a.t);
    let points = found.iter().rev().map(view::health_point).collect();
    Ok(respond::json(&ask.headers, &dto::HealthHistory { points, more }))
}

/// Says that a diagnosis is right, wrong or was missing, or takes that back.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/judge", tag = "plant",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    request_body(content = dto::Judge, description = "What is said."),
    responses(
        (status = 200, description = "The assessment after it.", body = dto::MachineAssessment),
        (status = 409, description = "There is no such diagnosis to judge, or no judgement to take back.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn judge(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = machine(&ask).await?;
    let next = "send {\"fault\": \"imbalance\", \"judgement\": \"confirmed\", \"by\": \"a name\"}";
    let said: dto::Judge = body(&ask, next)?;
    let bad = |detail: String| Problem::new(Kind::BadBody, detail, next);
    let fault = Fault::parse(&said.fault).ok_or_else(|| {
        let all: Vec<&str> = Fault::ALL.iter().map(|f| f.code()).collect();
        bad(format!("{:?} is no fault; expected one of {}", shorten(&said.fault), all.join(", ")))
    })?;
    let judgement = match said.judgement.as_str() {
        WITHDRAWN => None,
        text => Some(Judgement::parse(text).ok_or_else(|| {
            bad(format!("{:?} is no judgement; expected confirmed, dismissed, found or withdrawn", shorten(text)))
        })?),
    };
    let by = who(&ask, said.by.as_deref(), next)?;
    let before = load(&ask.state, &id).await?;
    may_be_said(before.as_ref(), fault, judgement)?;
    let action = Action::Judge { machine: id.clone(), fault, judgement, by };
    after(&ask.state, &id, before, action).await
}

/// Says that a machine was repaired: what is usual is learnt anew, and what was learnt is gone.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/maintained", tag = "plant",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    request_body(content = dto::Maintained, description = "Who says so. May be empty."),
    responses(
        (status = 200, description = "The assessment after it.", body = dto::MachineAssessment),
        (status = 409, description = "Nothing was learnt of this machine yet.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn maintained(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = machine(&ask).await?;
    let next = "send {\"by\": \"a name\"}, or {}";
    let by = who(&ask, object_if_any::<dto::Maintained>(&ask.body, next)?.by.as_deref(), next)?;
    let before = load(&ask.state, &id).await?;
    if before.is_none() {
        let detail = "nothing was learnt of this machine yet: no record of it was judged";
        return Err(Problem::new(
            Kind::Conflict,
            detail,
            "there is nothing to begin anew; its baseline begins by itself",
        ));
    }
    after(&ask.state, &id, before, Action::Maintained { machine: id.clone(), by }).await
}

/// Whether there is something to judge, or to take back.
fn may_be_said(now: Option<&Assessment>, fault: Fault, judgement: Option<Judgement>) -> Result<(), Problem> {
    let card = now.map(|a| &a.card);
    let next = "look at the machine's assessment again; it has changed since it was shown";
    let refuse = |detail: String| Err(Problem::new(Kind::Conflict, detail, next));
    match judgement {
        Some(Judgement::Found) => Ok(()),
        Some(_) if card.is_some_and(|c| c.open.contains(&fault)) => Ok(()),
        Some(_) => refuse(format!("no diagnosis of {} waits to be judged", fault.code())),
        None if card.is_some_and(|c| c.judged.iter().any(|j| j.fault == fault)) => Ok(()),
        None => refuse(format!("nothing was said of {} that could be taken back", fault.code())),
    }
}

/// Commits what a person does and answers with the assessment that shows it: its card says something else than before.
async fn after(state: &Arc<State>, id: &MachineId, before: Option<Assessment>, action: Action) -> Answer {
    let people = |a: &Assessment| {
        let c = &a.card;
        (c.confirmed, c.dismissed, c.missed, c.judged.clone(), c.reset.clone())
    };
    let before = &before.as_ref().map(people);
    let answered = Answered {
        by: "the diagnosis",
        told: |frame: &Frame| matches!(frame, Frame::Assessed { machines, .. } if machines.contains(id)),
        look: || async move { Ok(load(state, id).await?.filter(|now| before.as_ref() != Some(&people(now)))) },
    };
    let assessment = act(state, action, answered).await?;
    let shown = dto::MachineAssessment { assessment: Some(view::assessment(&assessment)) };
    Ok(respond::fresh(StatusCode::OK, &shown))
}

/// The machine that the path names, if the plant has it.
pub(super) async fn machine(ask: &Ask) -> Result<MachineId, Problem> {
    let id =
        MachineId::new(ask.param(0), ask.param(1)).map_err(|e| Problem::new(Kind::BadRequest, e.to_string(), NEXT))?;
    let (register, asked) = (ask.state.sources.register.clone(), id.clone());
    let known = ask.state.reads.run(move || Ok(register.plant().machines.contains_key(&asked))).await?;
    if known { Ok(id) } else { Err(Problem::not_found("machine", id.as_str(), NEXT)) }
}

pub(super) async fn load(state: &State, id: &MachineId) -> Result<Option<Assessment>, Problem> {
    let (archive, id) = (state.sources.archive.clone(), id.clone());
    let read = move || archive.assessments(&id, Timestamp::MIN, Timestamp::MAX, 1);
    Ok(state.reads.run(read).await?.into_iter().next())
}
