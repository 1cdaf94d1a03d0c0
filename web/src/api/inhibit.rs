//! What people do to an alarm beside having seen it: put it aside, take it out of service, reset it.

use std::sync::Arc;
use std::time::Duration;

use plant::{Action, AlarmKey, AlarmRecord, AlarmState, Inhibition};

use super::alarms::{done, id, load, missing};
use super::{body, named, object_if_any, who};
use crate::dto;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};

/// Longest reason, characters.
const MAX_REASON: usize = 200;
/// Longest shelving, minutes.
const MAX_MINUTES: u32 = (plant::Shelving::LONGEST.as_secs() / 60) as u32;

/// Puts an alarm aside for a while, whether or not it stands; once more moves the end.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/shelve", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::Shelve, description = "For how long, why, and who."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn shelve(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let next = "send {\"minutes\": 60, \"reason\": \"sensor is being replaced\", \"by\": \"a name\"}";
    let said: dto::Shelve = body(&ask, next)?;
    if !(1..=MAX_MINUTES).contains(&said.minutes) {
        let detail = format!("\"minutes\" is {}; expected 1 to {MAX_MINUTES}", said.minutes);
        return Err(Problem::new(Kind::BadBody, detail, "what has to be away for longer is taken out of service"));
    }
    let (by, reason) = (who(&ask, said.by.as_deref(), next)?, reason(&said.reason, next)?);
    let alarm = key(&ask).await?;
    let until = ask.state.now() + Duration::from_secs(60 * u64::from(said.minutes));
    let action = Action::Shelve { alarm: alarm.clone(), until, reason, by };
    done(&ask.state, alarm.id(), action, |a| a.inhibition.shelved.as_ref().is_some_and(|s| s.until == until)).await
}

/// Shows an alarm again that was put aside.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/unshelve", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::Acknowledgement, description = "Who. May be empty."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not shelved.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn unshelve(ask: Ask) -> Answer {
    let by = somebody(&ask)?;
    let found = inhibited(&ask, |i| i.shelved.is_some(), "shelved").await?;
    let action = Action::Unshelve { alarm: found.key.clone(), by };
    done(&ask.state, found.key.id(), action, |a| a.inhibition.shelved.is_none()).await
}

/// Takes an alarm out of service: nobody is told until it is put back.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/out-of-service", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::TakeOutOfService, description = "Why, who, and who allowed it."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is out of service already.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn out_of_service(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let next = "send {\"reason\": \"the pump is dismantled\", \"approved_by\": \"a name\", \"by\": \"a name\"}";
    let said: dto::TakeOutOfService = body(&ask, next)?;
    let (by, reason) = (who(&ask, said.by.as_deref(), next)?, reason(&said.reason, next)?);
    let approved_by = named(Some(&said.approved_by), next)?;
    let alarm = key(&ask).await?;
    let standing = find(&ask, alarm.clone()).await?.and_then(|a| a.inhibition.out_of_service);
    if let Some(out) = standing {
        let detail = format!("{} took it out of service at {}", shorten(&out.by), dto::Time(out.since));
        return Err(Problem::new(Kind::Conflict, detail, "put it into service first"));
    }
    let action = Action::TakeOutOfService { alarm: alarm.clone(), reason, by, approved_by };
    done(&ask.state, alarm.id(), action, |a| a.inhibition.out_of_service.is_some()).await
}

/// Puts an alarm back into service.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/in-service", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::Acknowledgement, description = "Who. May be empty."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is in service.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn in_service(ask: Ask) -> Answer {
    let by = somebody(&ask)?;
    let found = inhibited(&ask, |i| i.out_of_service.is_some(), "out of service").await?;
    let action = Action::PutIntoService { alarm: found.key.clone(), by };
    done(&ask.state, found.key.id(), action, |a| a.inhibition.out_of_service.is_none()).await
}

/// Resets an alarm that is latched.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/reset", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    request_body(content = dto::Acknowledgement, description = "Who. May be empty."),
    responses(
        (status = 200, description = "The alarm after the step.", body = dto::Alarm),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not latched.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn reset(ask: Ask) -> Answer {
    let by = somebody(&ask)?;
    let found = load(&ask.state, id(&ask)?).await?;
    if found.state != AlarmState::Latched {
        let detail = format!("the alarm is {}: there is nothing to reset", found.state.as_str());
        return Err(Problem::new(Kind::Conflict, detail, "what holds, or waits to be acknowledged, is not reset"));
    }
    let alarm = found.key.id();
    done(&ask.state, alarm, Action::Reset { alarm, by }, |a| a.state != AlarmState::Latched).await
}

/// Who asks, in a body that may be left out.
fn somebody(ask: &Ask) -> Result<Arc<str>, Problem> {
    ask.query.only(&[])?;
    let next = "send {\"by\": \"a name\"}, or {}";
    who(ask, object_if_any::<dto::Acknowledgement>(&ask.body, next)?.by.as_deref(), next)
}

fn reason(text: &str, next: &str) -> Result<Arc<str>, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        let expected = format!("expected 1 to {MAX_REASON} characters, none of them control");
        let detail = format!("\"reason\" is {:?}; {expected}", shorten(text));
        return Err(Problem::new(Kind::BadBody, detail, next));
    }
    Ok(text.into())
}

/// The alarm of the path, raised before or only defined.
async fn key(ask: &Ask) -> Result<AlarmKey, Problem> {
    let id = id(ask)?;
    let register = ask.state.sources.register.clone();
    let read = move || {
        let defined = || register.plant().alarms.keys().find(|k| k.id() == id).cloned();
        Ok(register.alarm(id)?.map(|a| a.key).or_else(defined))
    };
    ask.state.reads.run(read).await?.ok_or_else(|| missing(&id.to_string()))
}

async fn find(ask: &Ask, key: AlarmKey) -> Result<Option<AlarmRecord>, Problem> {
    let register = ask.state.sources.register.clone();
    ask.state.reads.run(move || register.alarm(key.id())).await
}

/// The alarm of the path, if it is kept from people in this way.
async fn inhibited(ask: &Ask, is: impl Fn(&Inhibition) -> bool, how: &str) -> Result<AlarmRecord, Problem> {
    let found = load(&ask.state, id(ask)?).await?;
    if is(&found.inhibition) {
        return Ok(found);
    }
    let detail = format!("the alarm is not {how}");
    Err(Problem::new(Kind::Conflict, detail, "look at the alarm again; it has moved since it was shown"))
}
