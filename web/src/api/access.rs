//! Logging in and out, the first administrator, and who one is.

use historian::SecretHash;
use plant::access::Right;
use serde::de::DeserializeOwned;
use warp::http::StatusCode;
use warp::http::header::{SET_COOKIE, USER_AGENT};
use warp::reply::Response;

use crate::access::{AccessError, Accounts, By, How, NewAccount, Noted, areas_text, id};
use crate::channel::Channel;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::state::State;
use crate::{dto, respond};

impl From<AccessError> for Problem {
    fn from(e: AccessError) -> Self {
        let detail = e.to_string();
        match e {
            AccessError::Invalid(_) => Self::new(Kind::BadBody, detail, "correct it and send it again"),
            AccessError::Unknown(_) => Self::new(Kind::NotFound, detail, "look at the list again; it has changed"),
            AccessError::Conflict(_) => Self::new(Kind::Conflict, detail, "look at the list again, then decide anew"),
            AccessError::Credentials => {
                let next = "try again; an administrator can give the account another password";
                Self::new(Kind::Credentials, detail, next)
            }
            AccessError::Locked(wait) => {
                let seconds = wait.as_secs() + 1;
                Self::new(Kind::LockedOut, detail, "wait, then try again").after(seconds)
            }
            AccessError::Busy => Self::new(Kind::Unavailable, detail, "try again in a moment"),
            AccessError::Failed(_) => {
                let next = "look at the server's log; `danxia doctor` finds most causes";
                Self::new(Kind::Unavailable, "the accounts could not be read or written", next)
            }
        }
    }
}

/// The body as an object. What serde says may quote it, and a password may be in it: only where it broke is told.
pub(super) fn body<T: DeserializeOwned>(ask: &Ask) -> Result<T, Problem> {
    let next = "send an object, as /api/v1/openapi.json describes it";
    let fields = serde_json::from_slice::<serde_json::Map<_, _>>(&ask.body).map_err(|e| {
        let detail = format!("the body is no JSON object (line {}, column {})", e.line(), e.column());
        Problem::new(Kind::BadBody, detail, next)
    })?;
    serde_json::from_value(fields.into()).map_err(|e| {
        let said = e.to_string();
        let field = ["unknown field", "missing field"].iter().any(|w| said.starts_with(w));
        let detail = if field { shorten(&said) } else { "a field of the body has the wrong type".into() };
        Problem::new(Kind::BadBody, detail, next)
    })
}

/// Runs what hashes or writes on a thread that may block, a bounded number at once; who finds too many waiting is sent
/// away (`WhenFull::Refuse`).
pub(super) async fn with<T, F>(ask: &Ask, what: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce(&Accounts) -> Result<T, AccessError> + Send + 'static,
{
    let accounts = ask.state.accounts.clone();
    let _waits = accounts.waiting.clone().try_acquire_owned().map_err(|_| AccessError::Busy)?;
    let permit = accounts.hashing.clone().acquire_owned().await.map_err(|_| AccessError::Busy)?;
    let work = move || {
        // Until the work has ended, also when nobody waits for it any more.
        let _permit = permit;
        what(&accounts)
    };
    let failed = |e: tokio::task::JoinError| AccessError::Failed(e.to_string());
    Ok(tokio::task::spawn_blocking(work).await.map_err(failed)??)
}

/// Who asks, for the audit log.
pub(super) fn by(ask: &Ask) -> By {
    By { who: ask.who.name.to_string(), origin: ask.peer.0.to_string() }
}

/// An answer whose entry is written already.
pub(super) fn noted(mut response: Response) -> Response {
    response.extensions_mut().insert(Noted);
    response
}

/// Makes no accounts as long as anybody could make them: the first is made by set-up or the command line.
pub(super) fn closed(ask: &Ask) -> Result<(), Problem> {
    if ask.who.how != How::Open {
        return Ok(());
    }
    let next =
        "open the set-up link that the server printed at its start, or use `danxia user add --role administrator`";
    Err(Problem::new(Kind::Conflict, "there is no administrator yet, who alone may do this", next))
}

pub(super) fn agent(ask: &Ask) -> String {
    ask.headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned()
}

fn session(ask: &Ask) -> Result<SecretHash, Problem> {
    match ask.who.how {
        How::Session(hash) => Ok(hash),
        _ => {
            let detail = "this is for people who logged in; found a token, or nobody";
            Err(Problem::new(Kind::Conflict, detail, "log in with a name and a password"))
        }
    }
}

/// Who asks, and what they may. Also for those who are nobody yet.
#[utoipa::path(get, path = "/api/v1/me", tag = "access", responses(
    (status = 200, description = "Who asks.", body = dto::Me),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn me(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::fresh(StatusCode::OK, &shown(&ask.state, &ask.who)))
}

fn shown(state: &State, who: &crate::access::Who) -> dto::Me {
    let accounts = &state.accounts;
    let how = match who.how {
        How::Nobody => "nobody",
        How::Open => "open",
        How::Local => "local",
        How::Session(_) => "session",
        How::Token(_) => "token",
    };
    let somebody = who.how != How::Nobody;
    let tables = accounts.tables();
    let account = tables.account(&who.name);
    let language = account.map(|a| a.language.clone()).filter(|l| !l.is_empty());
    let session = match who.how {
        How::Session(hash) => Some(id(&hash)),
        _ => None,
    };
    dto::Me {
        how: how.into(),
        open: accounts.open_to_all(),
        name: Some(who.name.to_string()).filter(|n| !n.is_empty()),
        role: somebody.then(|| who.role.as_str().into()),
        rights: who.role.rights().filter(|_| somebody).map(Right::as_str).map(Into::into).collect(),
        areas: areas_text(&who.areas),
        language: language.filter(|_| session.is_some()),
        password: session.is_some() && account.is_some_and(|a| a.identity.is_none()),
        session,
        provider: state.sign_in.as_ref().map(|s| s.title()),
    }
}

/// Answers with who one is now, and the cookie by which it is known.
fn welcome(state: &State, channel: Channel, secret: &str) -> Response {
    let mut response = respond::fresh(StatusCode::OK, &shown(state, &state.accounts.bearing(secret)));
    if let Some(cookie) = channel.set_session(secret) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    noted(response)
}

/// Makes the first administrator, with the code that the server printed, and logs them in. From then on log-in is needed.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access",
    request_body(content = dto::SetUp, description = "The code and the account."),
    responses(
        (status = 200, description = "Who one is now; the answer sets the session's cookie.", body = dto::Me),
        (status = 400, description = "The code is not right, or something of the account cannot be used.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is an administrator already.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set_up(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::SetUp = body(&ask)?;
    let (from, agent) = (ask.peer.0, agent(&ask));
    let new = NewAccount {
        name: said.name,
        language: said.language.unwrap_or_default(),
        password: Some(said.password),
        ..NewAccount::default()
    };
    let (secret, _) = with(&ask, move |a| a.set_up(&said.code, new, from, &agent)).await?;
    Ok(welcome(&ask.state, ask.channel, &secret))
}

/// Logs in. A name that is not known takes as long as a password that is not right.
#[utoipa::path(post, path = "/api/v1/login", tag = "access",
    request_body(content = dto::LogIn, description = "Name and password."),
    responses(
        (status = 200, description = "Who one is now; the answer sets the session's cookie.", body = dto::Me),
        (status = 401, description = "Name or password are not right.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many log-ins failed under this name or from this address; Retry-After says how long to wait.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn log_in(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::LogIn = body(&ask)?;
    let (from, agent) = (ask.peer.0, agent(&ask));
    ask.state.accounts.may_try(&said.name, from)?;
    // One that is logged in already does not stay so beside the new one.
    let before = ask.who.clone();
    let by = by(&ask);
    let logged_in = move |a: &Accounts| {
        let (secret, _) = a.log_in(said.name.trim(), &said.password, from, &agent)?;
        if let How::Session(hash) = before.how {
            a.log_out(&hash, &by)?;
        }
        Ok(secret)
    };
    let secret = with(&ask, logged_in).await?;
    Ok(welcome(&ask.state, ask.channel, &secret))
}

/// Ends the session by which this is asked, and its live streams.
#[utoipa::path(post, path = "/api/v1/logout", tag = "access", responses(
    (status = 200, description = "Who one is now: nobody. The answer takes the cookie away.", body = dto::Me),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn log_out(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (hash, by) = (session(&ask)?, by(&ask));
    with(&ask, move |a| a.log_out(&hash, &by)).await?;
    let nobody = ask.state.accounts.bearing("");
    let mut response = respond::fresh(StatusCode::OK, &shown(&ask.state, &nobody));
    if let Some(cookie) = ask.channel.clear_session() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(noted(response))
}

/// Puts another password in the place of one's own. All other sessions of the account end.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "access",
    request_body(content = dto::OwnPassword, description = "The old one and the new one."),
    responses(
        (status = 200, description = "It holds now.", body = dto::Me),
        (status = 400, description = "The old one is not right, or the new one cannot be used.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn password(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::OwnPassword = body(&ask)?;
    let (keep, name, from) = (session(&ask)?, ask.who.name.clone(), ask.peer.0);
    let changed = with(&ask, move |a| {
        Ok(match a.change_own(&name, (&said.current, &said.password), keep, from) {
            // The session goes on: it is the body that is not right.
            Err(AccessError::Credentials) => Err(()),
            other => Ok(other?),
        })
    });
    changed.await?.map_err(|()| {
        let fault = dto::FieldFault { field: "current".into(), code: "wrong".into(), found: String::new() };
        Problem::field(fault, "the current password is not right", "try again")
    })?;
    Ok(noted(respond::fresh(StatusCode::OK, &shown(&ask.state, &ask.who))))
}

/// Where one is logged in; with `user`, where somebody else is, and with `all=yes` everybody, which is for
/// administrators.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "access",
    params(
        ("user" = Option<String>, Query, description = "Those of this account; one's own where it is left out."),
        ("all" = Option<String>, Query, description = "`yes`: those of all accounts."),
    ),
    responses(
        (status = 200, description = "The sessions.", body = dto::Sessions),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn sessions(ask: Ask) -> Answer {
    ask.query.only(&["user", "all"])?;
    let all = ask.query.choice("all", &[("yes", true), ("no", false)])?.unwrap_or(false);
    let user = ask.query.text("user");
    if (all || user.is_some_and(|u| u != &*ask.who.name)) && !administers(&ask) {
        return Err(crate::access::denied(plant::access::Denied::Right(Right::Administer), &ask.who));
    }
    let tables = ask.state.accounts.tables();
    let wanted = user.unwrap_or(&ask.who.name);
    let now = ask.state.now();
    let found = tables.access.sessions.iter().filter(|s| (all || s.account == wanted) && s.expires > now);
    let sessions = found.map(|s| dto::UserSession {
        id: id(&s.hash),
        user: s.account.clone(),
        created: s.created.into(),
        seen: ask.state.accounts.last_used(s).into(),
        expires: s.expires.into(),
        address: s.address.clone(),
        agent: s.agent.clone(),
        current: ask.who.how == How::Session(s.hash),
    });
    Ok(respond::fresh(StatusCode::OK, &dto::Sessions { sessions: sessions.collect() }))
}

fn administers(ask: &Ask) -> bool {
    ask.who.role.has(Right::Administer) && ask.who.sees_all()
}

/// Ends a session: one's own, or, for administrators, anybody's.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/end", tag = "access",
    params(("id" = String, Path, description = "The session's id, as it is listed.")),
    responses(
        (status = 200, description = "It has ended.", body = dto::SessionsEnded),
        (status = 404, description = "There is no such session, or it is somebody else's.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end_session(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (session, by) = (ask.param(0).to_owned(), by(&ask));
    let owner = (!administers(&ask)).then(|| ask.who.name.to_string());
    with(&ask, move |a| a.end_session(&session, owner.as_deref(), &by)).await?;
    Ok(noted(respond::fresh(StatusCode::OK, &dto::SessionsEnded { ended: 1 })))
}
