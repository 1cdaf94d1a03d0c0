//! The audit log: looked through, and taken away as a file.

use bytes::Bytes;
use historian::{AuditEntry, AuditFilter};
use tokio::sync::mpsc;
use warp::Reply;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};

use crate::problem::Problem;
use crate::router::{Answer, Ask};
use crate::{dto, respond};

/// Entries that are read at once for a file.
const PAGE: usize = 1_000;

fn filter(ask: &Ask) -> Result<AuditFilter, Problem> {
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

/// The same as a file, CSV (RFC 4180, UTF-8). A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "access",
    params(
        ("who" = Option<String>, Query, description = "By this account."),
        ("action" = Option<String>, Query, description = "This action, or all that begin with it and a dot: `user`."),
        ("subject" = Option<String>, Query, description = "On something whose name holds this text."),
        ("outcome" = Option<String>, Query, description = "`ok`: what was done; `failed`: what was not."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970."),
        ("to" = Option<String>, Query, description = "End (not included)."),
    ),
    responses(
        (status = 200, description = "The entries, the newest first. A body that breaks off is not whole: chunked transfer says so.", body = String, content_type = "text/csv"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn export(ask: Ask) -> Answer {
    ask.query.only(&["who", "action", "subject", "outcome", "from", "to"])?;
    let which = filter(&ask)?;
    let room = ask.state.exports.clone().try_acquire_owned().map_err(|_| super::export::no_room())?;
    let (say, mut said) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tokio::spawn(async move {
        let _room = room;
        if let Err(error) = pages(&ask, which, &say).await {
            tracing::error!(?error, "the audit log could not be exported");
            drop(say.send(Err(std::io::Error::other("the audit log could not be read"))).await);
        }
    });
    let body = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.csv\""));
    Ok(response)
}

/// Says a page after the other, no faster than the client takes them.
async fn pages(
    ask: &Ask,
    mut which: AuditFilter,
    say: &mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), Problem> {
    let mut text = "id,time,who,origin,action,subject,was,now,outcome\r\n".to_owned();
    loop {
        let (register, asked) = (ask.state.sources.register.clone(), which.clone());
        let found = ask.state.reads.run(move || register.audit(&asked, PAGE)).await?;
        found.iter().for_each(|e| line(&mut text, e));
        which.before = found.last().map(|e| e.id);
        // Who has gone wants no more.
        let gone = say.send(Ok(std::mem::take(&mut text).into())).await.is_err();
        if gone || found.len() < PAGE {
            return Ok(());
        }
    }
}

fn line(out: &mut String, e: &AuditEntry) {
    let r = &e.record;
    let time = dto::Time(r.t).to_string();
    out.push_str(&e.id.to_string());
    for text in [&time, &r.who, &r.origin, &r.action, &r.subject, &r.was, &r.now, &r.outcome] {
        out.push(',');
        cell(out, text);
    }
    out.push_str("\r\n");
}

/// A cell in quotes where it needs them. What begins as formulas do gets an apostrophe, by which spreadsheets take it for
/// text.
fn cell(out: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = text.contains([',', '"', '\r', '\n']);
    if quoted {
        out.push('"');
    }
    if formula {
        out.push('\'');
    }
    match quoted {
        true => out.push_str(&text.replace('"', "\"\"")),
        false => out.push_str(text),
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        for (text, want) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"so\"", "\"say \"\"so\"\"\""),
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("\tx", "'\tx"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ] {
            let mut out = String::new();
            cell(&mut out, text);
            assert_eq!(out, want);
        }
    }
}
