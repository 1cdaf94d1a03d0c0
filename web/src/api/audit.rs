//! The audit log, looked through.

use historian::{AuditEntry, AuditFilter};
use warp::http::StatusCode;

use crate::problem::Problem;
use crate::router::{Answer, Ask};
use crate::{dto, respond};

pub(super) fn filter(ask: &Ask) -> Result<AuditFilter, Problem> {
    let owned = |name: &str| ask.query.text(name).map(str::to_owned);
    Ok(AuditFilter {
        who: owned("who"),
        action: owned("action"),
        subject: owned("subject"),
        ok: ask.query.choice("outcome", &[("ok", true), ("failed", false)])?,
        from: ask.query.instant("from")?,
        to: ask.query.instant("to")?,
        before: ask.query.get("cursor", "the next_cursor of the answer before")?,
    })
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "access",
    params(
        ("who" = Option<String>, Query, description = "By this account."),
        ("action" = Option<String>, Query, description = "This action, or all that begin with it and a dot: `user`."),
        ("subject" = Option<String>, Query, description = "On something whose name holds this text."),
        ("outcome" = Option<String>, Query, description = "`ok`: what was done; `failed`: what was not."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970."),
        ("to" = Option<String>, Query, description = "End (not included)."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 where it is left out."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the answer before this one."),
    ),
    responses(
        (status = 200, description = "The entries.", body = dto::AuditLog),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["who", "action", "subject", "outcome", "from", "to", "limit", "cursor"])?;
    let limit = ask.query.count("limit", 100, 1_000)?;
    let (which, register) = (filter(&ask)?, ask.state.sources.register.clone());
    // One more than asked for says whether there are more.
    let mut found = ask.state.reads.run(move || register.audit(&which, limit + 1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|e| e.id.to_string());
    let entries = found.iter().map(shown).collect();
    Ok(respond::fresh(StatusCode::OK, &dto::AuditLog { entries, next_cursor }))
}

fn shown(e: &AuditEntry) -> dto::AuditEntry {
    let r = &e.record;
    dto::AuditEntry {
        id: e.id.to_string(),
        t: r.t.into(),
        who: r.who.clone(),
        origin: r.origin.clone(),
        action: r.action.clone(),
        subject: r.subject.clone(),
        was: r.was.clone(),
        now: r.now.clone(),
        outcome: r.outcome.clone(),
    }
}
