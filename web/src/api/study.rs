//! How the alarm system performs, the chatter coach and the simulator: one question at a time for each client, within the
//! bound on reads.

use std::time::Duration;

use plant::{AlarmCondition, AlarmId, PointId, Timestamp};

use crate::dto;
use crate::problem::{Kind, Problem, shorten};
use crate::respond;
use crate::router::{Answer, Ask};
use crate::study::{Proposal, Unstudied};

const DAY: Duration = Duration::from_secs(86_400);
/// Longest period of the journal.
const MOST_DAYS: u32 = 92;
/// The period where none is said.
const WEEK: u32 = 7;
/// Longest time that the coach looks at.
const MOST_COACHED_DAYS: u32 = 31;
/// What is simulated where nothing is said, days.
const SIMULATED_DAYS: u32 = 30;
/// Operators among whom alarms may be divided.
const MOST_OPERATORS: usize = 100;
/// Longest delay, s.
const LONGEST_DELAY_S: f64 = 86_400.0;
const NEXT: &str = "send what /api/v1/openapi.json describes for AlarmProposal";

/// What the alarm journal of a period amounts to.
#[utoipa::path(get, path = "/api/v1/alarms/performance", tag = "alarms",
    params(
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; 7 days before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included), at most 92 days later; now where it is left out."),
        ("operators" = Option<usize>, Query, description = "Among how many operators at a time the alarms are divided, 1 to 100; 1 where it is left out."),
    ),
    responses(
        (status = 200, description = "The indicators and what they rest on.", body = dto::AlarmPerformance),
        (status = 422, description = "The period is too long, or its journal is.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn performance(ask: Ask) -> Answer {
    ask.query.only(&["from", "to", "operators"])?;
    let (from, to) = span(&ask, MOST_DAYS)?;
    let operators = ask.query.count("operators", 1, MOST_OPERATORS)? as u32;
    let _turn = ask.state.turns.take(ask.peer).await?;
    let study = ask.state.alarm_study.clone();
    let work = move || study.performance(from, to, operators).map_err(|e| problem(&e, ""));
    Ok(respond::json(&ask.headers, &ask.state.reads.with(work).await?))
}

/// What would have silenced an alarm, and what that would have cost.
#[utoipa::path(get, path = "/api/v1/alarms/{id}/coach", tag = "alarms",
    params(
        ("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; 7 days before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included), at most 31 days later; now where it is left out."),
    ),
    responses(
        (status = 200, description = "The alternatives with their costs, or why nothing can be said.", body = dto::AlarmCoach),
        (status = 404, description = "There is no such alarm.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The time is too long, or holds too many values.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn coach(ask: Ask) -> Answer {
    ask.query.only(&["from", "to"])?;
    let text = ask.param(0).to_owned();
    let id: AlarmId = text.parse().map_err(|_| problem(&Unstudied::NoAlarm, &text))?;
    let (from, to) = span(&ask, MOST_COACHED_DAYS)?;
    let _turn = ask.state.turns.take(ask.peer).await?;
    let study = ask.state.alarm_study.clone();
    let work = move || study.coach(id, from, to).map_err(|e| problem(&e, &text));
    Ok(respond::json(&ask.headers, &ask.state.reads.with(work).await?))
}

/// What a limit, deadband or delay would have done over the last days. Nothing is changed by it.
#[utoipa::path(post, path = "/api/v1/alarms/simulate", tag = "alarms",
    request_body(content = dto::AlarmProposal, description = "The definition."),
    responses(
        (status = 200, description = "What it would have done, beside the present one.", body = dto::AlarmSimulation),
        (status = 404, description = "There is no such point.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The time holds too many values.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn simulate(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let asked: dto::AlarmProposal = super::body(&ask, NEXT)?;
    let (what, days) = proposal(&asked)?;
    let to = ask.state.now() + Duration::from_nanos(1);
    let from = to - DAY * days;
    let _turn = ask.state.turns.take(ask.peer).await?;
    let study = ask.state.alarm_study.clone();
    let work = move || study.simulate(&what, from, to).map_err(|e| problem(&e, what.point.as_str()));
    Ok(respond::json(&ask.headers, &ask.state.reads.with(work).await?))
}

/// The period that is asked for, at most so many days.
fn span(ask: &Ask, most: u32) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = ask.query.span(ask.state.now(), DAY * WEEK)?;
    if to.since(from) > DAY * most {
        let detail = format!("the period is {:.1} days long; expected at most {most}", days(to.since(from)));
        return Err(Problem::new(Kind::TooCostly, detail, "ask for a shorter period"));
    }
    Ok((from, to))
}

fn days(d: Duration) -> f64 {
    d.as_secs_f64() / DAY.as_secs_f64()
}

/// The definition that a body holds, and over how many days.
fn proposal(asked: &dto::AlarmProposal) -> Result<(Proposal, u32), Problem> {
    let wrong = |field: &str, found: &str, expected: &str| {
        let detail = format!("{field:?} is {:?}; expected {expected}", shorten(found));
        Problem::new(Kind::BadBody, detail, NEXT)
    };
    let point: PointId =
        asked.point.parse().map_err(|_| wrong("point", &asked.point, "a point's id, SITE/MACHINE/POINT"))?;
    let limits = [AlarmCondition::HighHigh, AlarmCondition::High, AlarmCondition::Low, AlarmCondition::LowLow];
    let condition = limits.into_iter().find(|c| c.code() == asked.condition);
    let condition =
        condition.ok_or_else(|| wrong("condition", &asked.condition, "one of high_high, high, low, low_low"))?;
    let within = |field: &str, v: Option<f64>, most: f64, expected: &str| match v {
        Some(v) if !(v >= 0.0 && v <= most) => Err(wrong(field, &v.to_string(), expected)),
        v => Ok(v),
    };
    const DELAY: &str = "a number of seconds from 0 to 86400";
    let deadband = within("deadband", asked.deadband, f64::MAX, "a number that is not negative")?;
    let on = within("on_delay_s", asked.on_delay_s, LONGEST_DELAY_S, DELAY)?;
    let off = within("off_delay_s", asked.off_delay_s, LONGEST_DELAY_S, DELAY)?;
    if !asked.limit.is_finite() {
        return Err(wrong("limit", &asked.limit.to_string(), "a number"));
    }
    let days = asked.days.unwrap_or(SIMULATED_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(wrong("days", &days.to_string(), "a whole number from 1 to 92"));
    }
    let (on_delay_s, off_delay_s) = (on.unwrap_or(0.0), off.unwrap_or(0.0));
    Ok((Proposal { point, condition, limit: asked.limit, deadband, on_delay_s, off_delay_s }, days))
}

fn problem(e: &Unstudied, of: &str) -> Problem {
    match e {
        Unstudied::Unreadable(e) => Problem::unreadable(e),
        Unstudied::TooCostly { what, found, most } => {
            let detail = format!("that time holds at least {found} {what}; at most {most} are looked at");
            Problem::new(Kind::TooCostly, detail, "ask for a shorter time")
        }
        Unstudied::NoAlarm => Problem::not_found("alarm", of, "GET /api/v1/alarms?state=all lists the alarms"),
        Unstudied::NoPoint => {
            let next = "GET /api/v1/machines/{site}/{machine} lists a machine's points; records have no single values";
            Problem::not_found("point with single values", of, next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_are_read_and_held_to_their_bounds() {
        let fine = dto::AlarmProposal {
            point: "s/m/p".into(),
            condition: "low".into(),
            limit: -3.5,
            deadband: None,
            on_delay_s: Some(2.5),
            off_delay_s: None,
            days: None,
        };
        let (read, days) = proposal(&fine).unwrap();
        assert_eq!((read.condition, read.limit, read.deadband, days), (AlarmCondition::Low, -3.5, None, 30));
        assert_eq!((read.on_delay_s, read.off_delay_s), (2.5, 0.0));
        for bad in [
            dto::AlarmProposal { point: "s/m".into(), ..fine.clone() },
            dto::AlarmProposal { condition: "zone_c".into(), ..fine.clone() },
            dto::AlarmProposal { limit: f64::NAN, ..fine.clone() },
            dto::AlarmProposal { deadband: Some(-0.1), ..fine.clone() },
            dto::AlarmProposal { on_delay_s: Some(f64::NAN), ..fine.clone() },
            dto::AlarmProposal { on_delay_s: Some(86_400.5), ..fine.clone() },
            dto::AlarmProposal { off_delay_s: Some(-1.0), ..fine.clone() },
            dto::AlarmProposal { days: Some(0), ..fine.clone() },
            dto::AlarmProposal { days: Some(93), ..fine.clone() },
        ] {
            assert_eq!(proposal(&bad).unwrap_err().status(), 400, "{bad:?}");
        }
    }
}
