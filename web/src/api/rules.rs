//! Mapping rules: read, replaced, tried, suggested.

use std::sync::Arc;

use historian::Batch;
use plant::AssetChange;
use plant::mapping::RuleSet;
use warp::http::StatusCode;

use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// The largest set of rules as JSON, bytes: field names and escapes beside the texts that a set may hold.
pub(crate) const MAX_BODY: usize = 4 << 20;
/// What to do about a body that is none.
const NEXT: &str = "send what /api/v1/openapi.json describes";

/// The mapping rules that hold.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", responses(
    (status = 200, description = "The rules in their order.", body = dto::Rules),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::json(&ask.headers, &view::rules(&ask.state.sources.register.plant().rules)))
}

/// Replaces the mapping rules, if nobody else has since they were read. Answers once the new ones are on disk.
#[utoipa::path(put, path = "/api/v1/rules", tag = "rules",
    request_body(content = dto::RuleChange, description = "All rules, and the revision that they were made from."),
    responses(
        (status = 200, description = "The rules that hold now.", body = dto::Rules),
        (status = 400, description = "A rule cannot be applied; the detail says which, and why.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has changed them since; the detail says who.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn replace(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let change: dto::RuleChange = super::body(&ask, NEXT)?;
    let by = super::who(&ask, change.by.as_deref(), "shorten it or leave it out")?;
    // One after the other: whoever comes second finds the revision of the first.
    let _turn = ask.state.rules.lock().await;
    let now = ask.state.sources.register.plant().rules.clone();
    if change.revision != now.revision() {
        return Err(overtaken(change.revision, &now));
    }
    let rules = set(now.revision() + 1, &change.rules)?.by(by, ask.state.sources.clock.now());
    let rules = Arc::new(rules);
    let batch = Batch { changes: vec![AssetChange::Rules(rules.clone())], ..Batch::default() };
    let stored = tokio::time::timeout(ask.state.config.action_timeout, ask.state.recorder.commit(batch)).await;
    let next = "read the rules again and see whether they have changed; if it stays so, look at /readyz";
    match stored {
        Ok(Ok(_)) => Ok(respond::fresh(StatusCode::OK, &view::rules(&rules))),
        Ok(Err(error)) => Err(Problem::new(Kind::Unavailable, format!("the rules were not stored: {error}"), next)),
        Err(_) => Err(Problem::new(Kind::Unavailable, "the store has not taken the rules in time", next)),
    }
}

fn overtaken(found: u64, now: &RuleSet) -> Problem {
    let who = now.changed().map_or_else(
        || "the rules have changed".to_owned(),
        |(by, at)| format!("{} changed the rules at {}", shorten(by), dto::Time(*at)),
    );
    let detail = format!("{who}: they are at revision {}, and this change was made from {found}", now.revision());
    Problem::new(Kind::Conflict, detail, "read the rules again, then make the change in them")
}

/// Says what a message would become. Nothing is changed and nothing is kept.
#[utoipa::path(post, path = "/api/v1/rules/try", tag = "rules",
    request_body(content = dto::RuleAttempt, description = "The message, and the rules to try on it."),
    responses(
        (status = 200, description = "What it would become.", body = dto::Trial),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn attempt(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let attempt: dto::RuleAttempt = super::body(&ask, NEXT)?;
    let plant = ask.state.sources.register.plant();
    let rules = match &attempt.rules {
        Some(rules) => Arc::new(set(0, rules)?),
        None => plant.rules.clone(),
    };
    let payload = payload(&attempt.message)?;
    let (mapper, now) = (ask.state.mapper.clone(), ask.state.sources.clock.now());
    let trial = move || Ok(mapper.try_rules(&rules, &plant, &attempt.message.topic, &payload, now));
    Ok(respond::fresh(StatusCode::OK, &ask.state.reads.run(trial).await?))
}

/// Makes a first rule for a message: a beginning for whoever edits it.
#[utoipa::path(post, path = "/api/v1/rules/suggest", tag = "rules",
    request_body(content = dto::CapturedMessage, description = "The message."),
    responses(
        (status = 200, description = "The rule.", body = dto::RuleSuggestion),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn suggest(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let message: dto::CapturedMessage = super::body(&ask, NEXT)?;
    let rule = ask.state.mapper.suggest(&message.topic, &payload(&message)?);
    Ok(respond::fresh(StatusCode::OK, &dto::RuleSuggestion { rule: rule.as_ref().map(view::rule) }))
}

fn set(revision: u64, rules: &[dto::Rule]) -> Result<RuleSet, Problem> {
    let wrong = |detail: String| Problem::new(Kind::BadBody, detail, "correct the rule");
    let rules = rules.iter().map(view::parse_rule).collect::<Result<_, _>>().map_err(wrong)?;
    RuleSet::new(revision, rules).map_err(|e| wrong(e.to_string()))
}

fn payload(message: &dto::CapturedMessage) -> Result<Vec<u8>, Problem> {
    match message.encoding.as_deref() {
        None | Some("utf-8") => Ok(message.payload.clone().into_bytes()),
        Some("hex") => unhex(&message.payload).ok_or_else(|| {
            Problem::new(Kind::BadBody, "the payload is not hexadecimal", "send two digits for each byte")
        }),
        Some(other) => {
            let detail = format!("the encoding is {:?}; expected utf-8 or hex", shorten(other));
            Err(Problem::new(Kind::BadBody, detail, "correct it or leave it out"))
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let digit = |b: u8| char::from(b).to_digit(16);
    pairs.iter().map(|[a, b]| Some((digit(*a)? << 4 | digit(*b)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_text_or_hexadecimal() {
        let check = |payload: &str, encoding: Option<&str>, want: Option<&[u8]>| {
            let encoding = encoding.map(str::to_owned);
            let message = dto::CapturedMessage { topic: "t".into(), payload: payload.into(), encoding };
            assert_eq!(super::payload(&message).ok().as_deref(), want, "{payload}");
        };
        check("é", None, Some("é".as_bytes()));
        check("00 fF", Some("hex"), Some(&[0, 255]));
        check("0", Some("hex"), None);
        check("0g", Some("hex"), None);
        check("x", Some("base64"), None);
    }
}
