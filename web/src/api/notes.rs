//! Notes: what people noticed at a machine.

use plant::{Note, Work};
use warp::http::StatusCode;

use super::work::{alarm_of, commit, next, wrong};
use super::{assessment, body, object_if_any, who};
use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// The most notes that an answer lists.
const PAGE: usize = 500;

/// Notes of a machine, the newest first, without those that were taken back.
#[utoipa::path(get, path = "/api/v1/machines/{site}/{machine}/notes", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 500; 100 where it is left out."),
        ("before" = Option<u64>, Query, description = "`next_before` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The notes.", body = dto::Notes),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["limit", "before"])?;
    let limit = ask.query.count("limit", 100, PAGE)?;
    let before: Option<u64> = ask.query.get("before", "the next_before of the answer before")?;
    let machine = assessment::machine(&ask).await?;
    let register = ask.state.sources.register.clone();
    let mut found = ask.state.reads.run(move || register.notes(&machine, before, limit + 1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_before = found.last().map(|n| n.number).filter(|_| more);
    let notes = found.iter().filter(|n| n.withdrawn.is_none()).map(view::note).collect();
    Ok(respond::json(&ask.headers, &dto::Notes { notes, next_before }))
}

/// Writes a note.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/notes", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    request_body(content = dto::NewNote, description = "What was noticed."),
    responses(
        (status = 201, description = "The note.", body = dto::Note),
        (status = 503, description = "It was not stored in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let machine = assessment::machine(&ask).await?;
    let hint = "send {\"text\": \"the coupling guard rattles\", \"by\": \"a name\"}";
    let said: dto::NewNote = body(&ask, hint)?;
    let by = who(&ask, said.by.as_deref(), hint)?;
    let mut last = ask.state.work.lock().await;
    let alarm = match &said.alarm {
        Some(id) => Some(alarm_of(&ask.state, &machine, id).await?.0),
        None => None,
    };
    let number = next(&ask.state, &mut last).await?.1;
    let (t, text) = (ask.state.now(), said.text.trim().into());
    let note = Note { number, machine, alarm, t, by, text, withdrawn: None };
    note.check().map_err(|why| wrong(&why))?;
    commit(&ask.state, Work::Note(Box::new(note.clone())), Vec::new()).await?;
    last.1 = number;
    Ok(respond::fresh(StatusCode::CREATED, &view::note(&note)))
}

/// Takes a note back: it is not shown any more. Who wrote it may, and who may configure the machine.
#[utoipa::path(post, path = "/api/v1/machines/{site}/{machine}/notes/{number}/withdraw", tag = "work",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
        ("number" = u64, Path, description = "The note's number."),
    ),
    request_body(content = dto::Acknowledgement, description = "Who. May be empty."),
    responses(
        (status = 200, description = "The note that was taken back.", body = dto::Note),
        (status = 403, description = "Somebody else wrote it.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not stored in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn withdraw(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let machine = assessment::machine(&ask).await?;
    let hint = "send {\"by\": \"a name\"}, or {}";
    let by = who(&ask, object_if_any::<dto::Acknowledgement>(&ask.body, hint)?.by.as_deref(), hint)?;
    let _turn = ask.state.work.lock().await;
    let missing = || Problem::not_found("note of this machine", ask.param(2), "GET …/notes lists them");
    let number: u64 = ask.param(2).parse().map_err(|_| missing())?;
    let register = ask.state.sources.register.clone();
    let found = ask.state.reads.run(move || register.notes(&machine, Some(number.saturating_add(1)), 1)).await?;
    let mut note = found.into_iter().find(|n| n.number == number && n.withdrawn.is_none()).ok_or_else(missing)?;
    let own = note.by == ask.who.name;
    let may = own || ask.who.role.has(plant::access::Right::Configure);
    if !may {
        let detail = format!("{} wrote this note", crate::problem::shorten(&note.by));
        return Err(Problem::new(Kind::Forbidden, detail, "ask them, or somebody who may configure the machine"));
    }
    let told = view::note(&note);
    note.withdrawn = Some((ask.state.now(), by));
    commit(&ask.state, Work::Note(Box::new(note)), Vec::new()).await?;
    Ok(respond::fresh(StatusCode::OK, &told))
}
