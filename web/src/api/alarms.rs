//! Alarms, their journal, and "I have seen it".

use std::sync::Arc;

use historian::Seq;
use plant::{Action, AlarmId, AlarmRecord, AlarmState, Inhibited, MachineId};
use warp::http::StatusCode;

use super::{object_if_any, who};
use crate::act::{Answered, act};
use crate::dto::Time;
use crate::hub::Frame;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::state::State;
use crate::{dto, respond, view};

/// Steps of the journal that are read for somebody who does not see all of them.
const LOOKED_THROUGH: usize = 5_000;

/// Which alarms are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Active,
    Unacknowledged,
    Inhibited(Inhibited),
    All,
}

impl Filter {
    fn lets(self, a: &AlarmRecord) -> bool {
        match self {
            Self::Active => view::active(a),
            Self::Unacknowledged => view::unacknowledged(a),
            Self::Inhibited(by) => a.inhibition.outermost() == Some(by),
            Self::All => true,
        }
    }
}

/// Alarms in the order in which they want to be acted on.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "alarms",
    params(
        ("state" = Option<String>, Query, description = "`active` (the condition holds), `unacknowledged` (nobody has seen it, whether or not it holds), `shelved`, `suppressed`, `out_of_service` (what keeps it from people; those of the others are in none of the first two), or `all` (also the normal ones); `active` where it is left out."),
        ("machine" = Option<String>, Query, description = "Of this machine only, `site/machine`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 10000; 1000 where it is left out."),
    ),
    responses(
        (status = 200, description = "The alarms.", body = dto::Alarms),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["state", "machine", "limit"])?;
    let choices = [
        ("active", Filter::Active),
        ("unacknowledged", Filter::Unacknowledged),
        ("shelved", Filter::Inhibited(Inhibited::Shelved)),
        ("suppressed", Filter::Inhibited(Inhibited::Suppressed)),
        ("out_of_service", Filter::Inhibited(Inhibited::OutOfService)),
        ("all", Filter::All),
    ];
    let filter = ask.query.choice("state", &choices)?.unwrap_or(Filter::Active);
    let machine: Option<MachineId> = ask.query.get("machine", "a machine's id, SITE/MACHINE")?;
    let limit = ask.query.count("limit", 1_000, 10_000)?;
    let (register, who) = (ask.state.sources.register.clone(), ask.who.clone());
    let read = move || {
        let (mut found, plant) = (register.alarms()?, register.plant());
        let wanted = |a: &AlarmRecord| machine.as_ref().is_none_or(|m| a.key.machine == *m);
        found.retain(|a| filter.lets(a) && wanted(a) && who.sees(&plant, &a.key.machine));
        let total = found.len() as u64;
        let mut alarms = view::alarms(&plant, found);
        alarms.truncate(limit);
        Ok(dto::Alarms { alarms, total })
    };
    Ok(respond::json(&ask.headers, &ask.state.reads.run(read).await?))
}

/// One alarm as it stands.
#[utoipa::path(get, path = "/api/v1/alarms/{id}", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    responses(
        (status = 200, description = "The alarm.", body = dto::Alarm),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn one(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let found = load(&ask.state, id(&ask)?).await?;
    Ok(respond::json(&ask.headers, &view::alarm(&ask.state.sources.register.plant(), &found)))
}

/// The steps of one alarm, the newest first.
#[utoipa::path(get, path = "/api/v1/alarms/{id}/journal", tag = "alarms",
    params(
        ("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 where it is left out."),
        ("before" = Option<String>, Query, description = "`next_before` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The steps.", body = dto::Journal),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn journal_of(ask: Ask) -> Answer {
    let id = id(&ask)?;
    load(&ask.state, id).await?;
    steps(ask, Some(id)).await
}

/// The steps of all alarms, the newest first.
#[utoipa::path(get, path = "/api/v1/journal", tag = "alarms",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 where it is left out."),
        ("before" = Option<String>, Query, description = "`next_before` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The steps.", body = dto::Journal),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn journal(ask: Ask) -> Answer {
    steps(ask, None).await
}

async fn steps(ask: Ask, id: Option<AlarmId>) -> Answer {
    ask.query.only(&["limit", "before"])?;
    let limit = ask.query.count("limit", 100, 1_000)?;
    let before = ask.query.text("before").map(position).transpose()?;
    let (register, who) = (ask.state.sources.register.clone(), ask.who.clone());
    let read = move || {
        let plant = register.plant();
        // One more than asked for says whether there are more. Who does not see all of them may be answered with fewer than
        // asked for, and even none: then what was looked through counts.
        let mut found = register.alarm_journal(id, before, if who.sees_all() { limit } else { LOOKED_THROUGH } + 1)?;
        let looked = found.len() > LOOKED_THROUGH;
        let last = if looked { found.get(LOOKED_THROUGH - 1).map(|e| (e.seq, e.n)) } else { None };
        found.truncate(LOOKED_THROUGH);
        found.retain(|e| who.sees(&plant, &e.transition.key.machine));
        let more = found.len() > limit;
        found.truncate(limit);
        let entries: Vec<_> = found.iter().map(|e| view::journal_entry(&plant, e)).collect();
        let next_before = match more {
            true => entries.last().map(|e: &dto::JournalEntry| e.position.clone()),
            false => last.map(|(seq, n)| format!("{seq}.{n}")),
        };
        Ok(dto::Journal { entries, next_before })
    };
    Ok(respond::json(&ask.headers, &ask.state.reads.run(read).await?))
}

/// `seq.n`, as an entry's `position` says it.
fn position(text: &str) -> Result<(Seq, u32), Problem> {
    let parts = text.split_once('.').and_then(|(seq, n)| Some((seq.parse().ok()?, n.parse().ok()?)));
    parts.ok_or_else(|| Problem::query("before", "the next_before of the answer before, such as 120.3", text))
}

/// Says that somebody has seen an alarm; answers once that is on disk and the alarm's new state is known.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/acknowledge", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::Acknowledgement, description = "Who has seen it. May be empty."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is normal, or somebody has acknowledged it already.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn acknowledge(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = id(&ask)?;
    let next = "send {\"by\": \"a name\"}, or {}";
    let by = who(&ask, object_if_any::<dto::Acknowledgement>(&ask.body, next)?.by.as_deref(), next)?;
    let state = &ask.state;
    let found = load(state, id).await?;
    if !found.state.unacknowledged() {
        return Err(settled(&found));
    }
    done(state, id, Action::Acknowledge { alarm: id, by }, |a| !a.state.unacknowledged()).await
}

/// Commits what somebody does to an alarm; answers with the alarm once `shows` says that it shows it.
pub(super) async fn done(
    state: &Arc<State>,
    id: AlarmId,
    action: Action,
    shows: impl Fn(&AlarmRecord) -> bool,
) -> Answer {
    let shows = &shows;
    let answered = Answered {
        by: "alarm supervision",
        told: |frame: &Frame| matches!(frame, Frame::Alarms { alarms, .. } if alarms.iter().any(|a| a.0 == id)),
        look: || async move {
            let register = state.sources.register.clone();
            Ok(state.reads.run(move || register.alarm(id)).await?.filter(|a| shows(a)))
        },
    };
    let after = act(state, action, answered).await?;
    Ok(respond::fresh(StatusCode::OK, &view::alarm(&state.sources.register.plant(), &after)))
}

/// Why an alarm that does not wait cannot be acknowledged.
fn settled(a: &AlarmRecord) -> Problem {
    let detail = match (&a.acknowledged, a.state) {
        (Some((by, at)), AlarmState::Acknowledged) => {
            format!("{} acknowledged this alarm at {}", shorten(by), Time(*at))
        }
        _ => format!("the alarm is {}: nothing waits for acknowledgement", a.state.as_str()),
    };
    Problem::new(Kind::Conflict, detail, "look at the alarm again; it has moved since it was shown")
}

pub(super) fn id(ask: &Ask) -> Result<AlarmId, Problem> {
    ask.param(0).parse().map_err(|_| missing(ask.param(0)))
}

pub(super) async fn load(state: &State, id: AlarmId) -> Result<AlarmRecord, Problem> {
    let register = state.sources.register.clone();
    state.reads.run(move || register.alarm(id)).await?.ok_or_else(|| missing(&id.to_string()))
}

pub(super) fn missing(id: &str) -> Problem {
    Problem::not_found("alarm", id, "GET /api/v1/alarms?state=all lists the alarms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        assert_eq!(position("120.3"), Ok((120, 3)));
        for bad in ["", "120", "120.", "-1.2", "1.2.3"] {
            assert!(position(bad).is_err(), "{bad}");
        }
    }
}
