//! Work orders and the photos that they show.

use std::sync::Arc;

use historian::{Batch, MAX_PHOTO, RegisterError, WorkFilter};
use plant::{
    Action, AlarmId, Fault, Judgement, MachineId, PhotoId, Work, WorkFault, WorkOrder, WorkOrigin, WorkState, WorkStep,
};
use warp::http::StatusCode;
use warp::http::header::CONTENT_TYPE;

use super::{assessment, body, who};
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::state::State;
use crate::{dto, respond, view};

/// What photos are taken.
pub(super) const PHOTOS: &[&str] = &["image/jpeg", "image/png", "image/webp"];
/// The largest body of a photo, bytes.
pub(super) const MAX_BODY: usize = MAX_PHOTO;
/// The largest body of a change of a work order, bytes: what it may hold, in three bytes a character and escaped.
pub(super) const MAX_ORDER: usize = 256 << 10;
/// Work orders that are read at once.
const PAGE: usize = 500;
/// What to do about a body that is none.
const NEXT: &str = "send what /api/v1/openapi.json describes";

/// Work orders, the newest first.
#[utoipa::path(get, path = "/api/v1/work-orders", tag = "work",
    params(
        ("machine" = Option<String>, Query, description = "Of this machine only, `site/machine`."),
        ("alarm" = Option<String>, Query, description = "That this alarm called for, by its id."),
        ("state" = Option<String>, Query, description = "`open`, `planned`, `done`, `cancelled`, `unfinished` (the first two) or `all`; `all` where it is left out."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 500; 100 where it is left out."),
        ("before" = Option<u64>, Query, description = "`next_before` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The work orders.", body = dto::WorkOrders),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["machine", "alarm", "state", "limit", "before"])?;
    let limit = ask.query.count("limit", 100, PAGE)?;
    let mut which = filter(&ask)?;
    which.before = ask.query.get("before", "the next_before of the answer before")?;
    let (register, who) = (ask.state.sources.register.clone(), ask.who.clone());
    let read = move || {
        let plant = register.plant();
        let mut found: Vec<WorkOrder> = Vec::new();
        // Who does not see all of them is answered with as many as they see, from as many pages as that takes.
        while found.len() <= limit {
            let page = register.work_orders(&which, PAGE)?;
            which.before = page.last().map(|o| o.number);
            let last = page.len() < PAGE;
            found.extend(page.into_iter().filter(|o| who.sees(&plant, &o.machine)));
            if last {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next_before = found.last().map(|o| o.number).filter(|_| more);
        Ok(dto::WorkOrders { orders: found.iter().map(|o| view::work_order(&plant, o)).collect(), next_before })
    };
    Ok(respond::json(&ask.headers, &ask.state.reads.run(read).await?))
}

/// Which work orders the query means.
pub(super) fn filter(ask: &Ask) -> Result<WorkFilter, Problem> {
    let choices: [(&str, Option<&'static [WorkState]>); 6] = [
        ("open", Some(&[WorkState::Open])),
        ("planned", Some(&[WorkState::Planned])),
        ("done", Some(&[WorkState::Done])),
        ("cancelled", Some(&[WorkState::Cancelled])),
        ("unfinished", Some(&[WorkState::Open, WorkState::Planned])),
        ("all", None),
    ];
    Ok(WorkFilter {
        machine: ask.query.get("machine", "a machine's id, SITE/MACHINE")?,
        alarm: ask.query.get("alarm", "an alarm's id, 16 hexadecimal digits")?,
        states: ask.query.choice("state", &choices)?.flatten().map(|s| s.iter().copied().collect()),
        ..WorkFilter::default()
    })
}

/// One work order.
#[utoipa::path(get, path = "/api/v1/work-orders/{number}", tag = "work",
    params(("number" = u64, Path, description = "Its number.")),
    responses(
        (status = 200, description = "The work order.", body = dto::WorkOrder),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn one(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let found = load(&ask.state, ask.param(0)).await?;
    // Whether there is one that may not be seen is nobody's business either.
    let plant = ask.state.sources.register.plant();
    let found = found.filter(|o| ask.who.sees(&plant, &o.machine)).ok_or_else(|| missing(ask.param(0)))?;
    Ok(respond::json(&ask.headers, &view::work_order(&plant, &found)))
}

/// Opens a work order, because of an alarm, of a diagnosis, or of neither.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/work-orders", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    request_body(content = dto::NewWorkOrder, description = "What is to be done, and because of what."),
    responses(
        (status = 201, description = "The work order.", body = dto::WorkOrder),
        (status = 409, description = "One is open for this occurrence of the alarm; the detail says which.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not stored in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn open(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let machine = assessment::machine(&ask).await?;
    let said: dto::NewWorkOrder = body(&ask, NEXT)?;
    let by = who(&ask, said.by.as_deref(), NEXT)?;
    // One after the other: two who see the same alarm do not open two, and no number is given away twice.
    let mut last = ask.state.work.lock().await;
    let origin = match (&said.alarm, &said.fault) {
        (Some(_), Some(_)) => return Err(bad("an alarm or a fault calls for it, not both".into())),
        (Some(alarm), None) => of_alarm(&ask.state, &machine, alarm).await?,
        (None, Some(code)) => WorkOrigin::Diagnosis(fault(code)?),
        (None, None) => WorkOrigin::Person,
    };
    let assignee = text(said.assignee);
    let planned = said.planned_for.is_some() || assignee.is_some();
    let state = if planned { WorkState::Planned } else { WorkState::Open };
    let order = WorkOrder {
        number: next(&ask.state, &mut last).await?.0,
        machine,
        origin,
        title: said.title.trim().into(),
        state,
        planned_for: said.planned_for.map(|t| t.0),
        assignee,
        finding: None,
        faults: Vec::new(),
        parts: Vec::new(),
        labour_min: None,
        photos: Vec::new(),
        steps: vec![WorkStep { t: ask.state.now(), by, state }],
    };
    order.check(None).map_err(|why| wrong(&why))?;
    commit(&ask.state, Work::Order(Box::new(order.clone())), Vec::new()).await?;
    last.0 = order.number;
    Ok(respond::fresh(StatusCode::CREATED, &view::work_order(&ask.state.sources.register.plant(), &order)))
}

/// Puts a work order in the place of what it was, if nobody else has since it was read. Where it becomes done, what was
/// found goes to the machine's model card in the same commit.
#[utoipa::path(put, path = "/api/v1/machines/{site}/{machine}/work-orders/{number}", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
        ("number" = u64, Path, description = "The work order's number."),
    ),
    request_body(content = dto::WorkOrderChange, description = "The whole of it, and the revision that it was made from."),
    responses(
        (status = 200, description = "The work order as it is now.", body = dto::WorkOrder),
        (status = 409, description = "Somebody else has changed it since (the detail says who), or it cannot become that.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not stored in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let machine = assessment::machine(&ask).await?;
    let said: dto::WorkOrderChange = body(&ask, NEXT)?;
    let by = who(&ask, said.by.as_deref(), NEXT)?;
    let _turn = ask.state.work.lock().await;
    let now = load(&ask.state, ask.param(2)).await?.filter(|o| o.machine == machine);
    let now = now.ok_or_else(|| missing(ask.param(2)))?;
    if said.revision as usize != now.revision() {
        return Err(overtaken(&said, &now));
    }
    let state = WorkState::parse(&said.state).ok_or_else(|| {
        bad(format!("\"state\" is {:?}; expected open, planned, done or cancelled", shorten(&said.state)))
    })?;
    let mut faults = said.faults.iter().map(|code| fault(code)).collect::<Result<Vec<_>, _>>()?;
    faults.dedup();
    let mut steps = now.steps.clone();
    steps.push(WorkStep { t: ask.state.now(), by: by.clone(), state });
    let part = |p: dto::Part| plant::Part { name: p.name.trim().into(), quantity: p.quantity };
    let order = WorkOrder {
        title: said.title.trim().into(),
        state,
        planned_for: said.planned_for.map(|t| t.0),
        assignee: text(said.assignee),
        finding: text(said.finding),
        faults,
        parts: said.parts.into_iter().map(part).collect(),
        labour_min: said.labour_min,
        photos: photos(&ask.state, &said.photos).await?,
        steps,
        ..now.clone()
    };
    order.check(Some(now.state)).map_err(|why| wrong(&why))?;
    let ends = state == WorkState::Done && now.state != WorkState::Done;
    let verdict = said.diagnosis.as_deref().map(|text| verdict(text, &order, ends)).transpose()?;
    if said.maintained && !ends {
        return Err(bad("\"maintained\" is said where it becomes done".into()));
    }
    let actions = if ends { lessons(&ask.state, &order, verdict, said.maintained, &by).await? } else { Vec::new() };
    commit(&ask.state, Work::Order(Box::new(order.clone())), actions).await?;
    Ok(respond::fresh(StatusCode::OK, &view::work_order(&ask.state.sources.register.plant(), &order)))
}

/// Whether the fault that called for it was there.
fn verdict(text: &str, order: &WorkOrder, ends: bool) -> Result<bool, Problem> {
    if order.origin.fault().is_none() || !ends {
        return Err(bad("\"diagnosis\" is said where an order becomes done that a named fault called for".into()));
    }
    match text {
        "confirmed" => Ok(true),
        "dismissed" => Ok(false),
        _ => Err(bad(format!("\"diagnosis\" is {:?}; expected confirmed or dismissed", shorten(text)))),
    }
}

/// What the machine's model card is told of what was found: only what it can take (`Judgement`).
async fn lessons(
    state: &Arc<State>,
    order: &WorkOrder,
    verdict: Option<bool>,
    maintained: bool,
    by: &Arc<str>,
) -> Result<Vec<Action>, Problem> {
    let known = assessment::load(state, &order.machine).await?;
    let waits = |fault: Fault| known.as_ref().is_some_and(|a| a.card.open.contains(&fault));
    let named = order.origin.fault();
    let mut judged: Vec<(Fault, Judgement)> = Vec::new();
    if let (Some(fault), Some(right)) = (named, verdict) {
        match (waits(fault), right) {
            (true, true) => judged.push((fault, Judgement::Confirmed)),
            (true, false) => judged.push((fault, Judgement::Dismissed)),
            (false, true) => judged.push((fault, Judgement::Found)),
            // Nothing stands that could be dismissed.
            (false, false) => {}
        }
    }
    for fault in order.faults.iter().copied().filter(|f| Some(*f) != named || verdict.is_none()) {
        judged.push((fault, if waits(fault) { Judgement::Confirmed } else { Judgement::Found }));
    }
    let judge = |(fault, judgement)| Action::Judge {
        machine: order.machine.clone(),
        fault,
        judgement: Some(judgement),
        by: by.clone(),
    };
    let mut actions: Vec<Action> = judged.into_iter().map(judge).collect();
    if maintained && known.is_some() {
        actions.push(Action::Maintained { machine: order.machine.clone(), by: by.clone() });
    }
    Ok(actions)
}

/// Takes in a photo, JPEG, PNG or WebP, that a work order is to show within a day.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/photos", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp")), description = "The photo, at most 4 MiB."),
    responses(
        (status = 201, description = "The id to refer to it.", body = dto::Photo),
        (status = 415, description = "It is no photo of a kind that is taken.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_photo(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    assessment::machine(&ask).await?;
    let stated = ask.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let found = media(&ask.body);
    if found.is_none_or(|found| !found.eq_ignore_ascii_case(stated)) {
        let is = found.unwrap_or("none of these");
        let detail = format!("expected image/jpeg, image/png or image/webp; found {} that is {is}", shorten(stated));
        return Err(Problem::new(
            Kind::MediaType,
            detail,
            "send the photo as your camera saved it, with its media type",
        ));
    }
    let (register, bytes, now) = (ask.state.sources.register.clone(), ask.body.clone(), ask.state.now());
    let kept = ask.state.reads.with(move || register.add_photo(&bytes, now).map_err(|e| unwritten(&e))).await?;
    Ok(respond::fresh(StatusCode::CREATED, &dto::Photo { id: kept.to_string() }))
}

fn unwritten(error: &RegisterError) -> Problem {
    let next = match error {
        RegisterError::PhotosFull(_) => "take photos off work orders that ended long ago",
        _ => "try again; if it stays so, look at the server's log and at /readyz",
    };
    Problem::new(Kind::Unavailable, error.to_string(), next)
}

/// A photo that a work order of this machine shows.
#[utoipa::path(get, path = "/api/v1/machines/{site}/{machine}/photos/{id}", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
        ("id" = String, Path, description = "The photo's id, 64 hexadecimal digits."),
    ),
    responses(
        (status = 200, description = "The photo.", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn photo(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let gone =
        || Problem::not_found("photo of this machine", ask.param(2), "the machine's work orders name its photos");
    let id: PhotoId = ask.param(2).parse().map_err(|_| gone())?;
    let machine = MachineId::new(ask.param(0), ask.param(1)).map_err(|_| gone())?;
    let register = ask.state.sources.register.clone();
    let bytes = ask.state.reads.run(move || register.photo(&machine, id)).await?.ok_or_else(gone)?;
    let media = media(&bytes).ok_or_else(gone)?;
    Ok(respond::tagged(&ask.headers, media, bytes))
}

/// What kind of photo this is, by how it begins.
fn media(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

async fn photos(state: &Arc<State>, ids: &[String]) -> Result<Vec<PhotoId>, Problem> {
    let ids: Vec<PhotoId> = ids
        .iter()
        .map(|id| id.parse().map_err(|_| bad(format!("{:?} is not the id of a photo", shorten(id)))))
        .collect::<Result<_, _>>()?;
    if ids.len() > WorkOrder::MOST_PHOTOS {
        return Err(wrong(&WorkFault::Many("photos", WorkOrder::MOST_PHOTOS)));
    }
    let (register, asked) = (state.sources.register.clone(), ids.clone());
    match state.reads.run(move || register.has_photos(&asked)).await? {
        true => Ok(ids),
        false => Err(bad("a photo is not here; send it first".into())),
    }
}

/// The alarm of this machine that calls for work, as it stands or stood last, if no other order is open for that.
async fn of_alarm(state: &Arc<State>, machine: &MachineId, id: &str) -> Result<WorkOrigin, Problem> {
    let (key, raised) = alarm_of(state, machine, id).await?;
    let which = WorkFilter {
        alarm: Some(key.id()),
        states: Some(WorkState::ALL.into_iter().filter(|s| s.unfinished()).collect()),
        ..WorkFilter::default()
    };
    let register = state.sources.register.clone();
    let standing = state.reads.run(move || register.work_orders(&which, PAGE)).await?;
    if let Some(other) = standing.iter().find(|o| o.origin.raised() == Some(raised)) {
        let detail = format!("work order {} is {} for this alarm already", other.number, other.state.as_str());
        return Err(Problem::new(Kind::Conflict, detail, "look at that one"));
    }
    Ok(WorkOrigin::Alarm { key, raised })
}

/// An alarm of this machine, and since when it has held or held last.
pub(super) async fn alarm_of(
    state: &Arc<State>,
    machine: &MachineId,
    id: &str,
) -> Result<(plant::AlarmKey, plant::Timestamp), Problem> {
    let none = || bad(format!("{:?} is not the id of an alarm of this machine", shorten(id)));
    let parsed: AlarmId = id.parse().map_err(|_| none())?;
    let register = state.sources.register.clone();
    let found = state.reads.run(move || register.alarm(parsed)).await?;
    found.filter(|a| a.key.machine == *machine).map(|a| (a.key, a.raised)).ok_or_else(none)
}

/// The next numbers of a work order and of a note.
pub(super) async fn next(state: &Arc<State>, last: &mut (u64, u64)) -> Result<(u64, u64), Problem> {
    let register = state.sources.register.clone();
    let stored = state.reads.run(move || register.last_work()).await?;
    // Should the register ever lag behind the log, what was given away since the start still counts.
    *last = (last.0.max(stored.0), last.1.max(stored.1));
    Ok((last.0 + 1, last.1 + 1))
}

/// Commits it, with what follows from it.
pub(super) async fn commit(state: &Arc<State>, work: Work, actions: Vec<Action>) -> Result<(), Problem> {
    let batch = Batch { work: vec![work], actions, ..Batch::default() };
    let next = "look whether it is there; if not, try again, and look at /readyz";
    match tokio::time::timeout(state.config.action_timeout, state.recorder.commit(batch)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Problem::new(Kind::Unavailable, format!("it was not stored: {error}"), next)),
        Err(_) => Err(Problem::new(Kind::Unavailable, "the store has not taken it in time", next)),
    }
}

async fn load(state: &Arc<State>, number: &str) -> Result<Option<WorkOrder>, Problem> {
    let Ok(number) = number.parse() else { return Ok(None) };
    let register = state.sources.register.clone();
    state.reads.run(move || register.work_order(number)).await
}

fn missing(number: &str) -> Problem {
    Problem::not_found("work order", number, "GET /api/v1/work-orders lists them")
}

fn overtaken(said: &dto::WorkOrderChange, now: &WorkOrder) -> Problem {
    let who = now.steps.last().map_or_else(
        || "it has changed".to_owned(),
        |s| format!("{} changed it at {}", shorten(&s.by), dto::Time(s.t)),
    );
    let detail =
        format!("{who}: it is at revision {}, and this change was made from {}", now.revision(), said.revision);
    Problem::new(Kind::Conflict, detail, "read it again, then make the change in it")
}

fn fault(code: &str) -> Result<Fault, Problem> {
    Fault::parse(code).ok_or_else(|| {
        let all: Vec<&str> = Fault::ALL.iter().map(|f| f.code()).collect();
        bad(format!("{:?} is no fault; expected one of {}", shorten(code), all.join(", ")))
    })
}

/// A text that is not there where nothing is written.
fn text(said: Option<String>) -> Option<Arc<str>> {
    said.map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).map(Into::into)
}

fn bad(detail: String) -> Problem {
    Problem::new(Kind::BadBody, detail, NEXT)
}

pub(super) fn wrong(why: &WorkFault) -> Problem {
    let kind = if matches!(why, WorkFault::Step(..) | WorkFault::Steps) { Kind::Conflict } else { Kind::BadBody };
    Problem::new(kind, why.to_string(), "correct it and send it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_known_by_how_they_begin() {
        assert_eq!(media(b"\xff\xd8\xff\xe0rest"), Some("image/jpeg"));
        assert_eq!(media(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(media(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b""[..], b"<svg onload=alert(1)>", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"\x89PNG\n"] {
            assert_eq!(media(other), None);
        }
    }
}
