//! Accounts and tokens, for administrators.

use historian::{Account, Token};
use plant::access::{Right, Role};
use warp::http::StatusCode;

use super::access::{body, by, closed, noted, with};
use crate::access::{Accounts, NewAccount, NewToken, UserChange, areas_text};
use crate::router::{Answer, Ask};
use crate::{dto, respond};

/// Every account, and the roles there are.
#[utoipa::path(get, path = "/api/v1/users", tag = "access", responses(
    (status = 200, description = "The accounts.", body = dto::Users),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let accounts = &ask.state.accounts;
    let users = accounts.tables().access.accounts.iter().map(|a| user(accounts, a)).collect();
    let role = |r: Role| dto::UserRole {
        name: r.as_str().into(),
        rights: r.rights().map(Right::as_str).map(Into::into).collect(),
    };
    Ok(respond::fresh(StatusCode::OK, &dto::Users { users, roles: Role::ALL.map(role).into() }))
}

fn user(accounts: &Accounts, a: &Account) -> dto::User {
    let (tables, now) = (accounts.tables(), accounts.now());
    let own: Vec<_> = tables.access.sessions.iter().filter(|s| s.account == a.name && s.expires > now).collect();
    dto::User {
        name: a.name.clone(),
        role: a.role.as_str().into(),
        areas: areas_text(&a.areas),
        language: Some(a.language.clone()).filter(|l| !l.is_empty()),
        created: a.created.into(),
        disabled: a.disabled.map(Into::into),
        sessions: own.len() as u64,
        provider: a.identity.is_some(),
        last_seen: own.iter().map(|s| accounts.last_used(s)).max().map(Into::into),
    }
}

/// Adds an account; a password that is made is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/users", tag = "access",
    request_body(content = dto::NewUser, description = "The account."),
    responses(
        (status = 201, description = "The account, with its password.", body = dto::UserCredentials),
        (status = 400, description = "A name, role, area or password that cannot be used.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name, or no administrator yet.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    closed(&ask)?;
    let new: dto::NewUser = body(&ask)?;
    let new = NewAccount {
        name: new.name,
        role: new.role,
        areas: new.areas,
        language: new.language.unwrap_or_default(),
        password: new.password,
    };
    let by = by(&ask);
    let added = with(&ask, move |a| a.add(new, &by)).await?;
    let said = dto::UserCredentials { user: user(&ask.state.accounts, &added.account), password: added.password };
    Ok(noted(respond::fresh(StatusCode::CREATED, &said)))
}

/// Changes an account. What it may do changes at once, also in its live streams.
#[utoipa::path(post, path = "/api/v1/users/{name}", tag = "access",
    params(("name" = String, Path, description = "The account.")),
    request_body(content = dto::UserChange, description = "What is to become another."),
    responses(
        (status = 200, description = "The account as it is now.", body = dto::UserCredentials),
        (status = 404, description = "There is no such account.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is the last administrator.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let said: dto::UserChange = body(&ask)?;
    let change = UserChange {
        role: said.role,
        areas: said.areas,
        language: said.language,
        disabled: said.disabled,
        password: said.password.map(Some).or(said.make_password.then_some(None)),
    };
    let (name, by) = (ask.param(0).to_owned(), by(&ask));
    let changed = with(&ask, move |a| a.change(&name, change, &by)).await?;
    let said = dto::UserCredentials { user: user(&ask.state.accounts, &changed.account), password: changed.password };
    Ok(noted(respond::fresh(StatusCode::OK, &said)))
}

/// Ends every session of an account.
#[utoipa::path(post, path = "/api/v1/users/{name}/end-sessions", tag = "access",
    params(("name" = String, Path, description = "The account.")),
    responses(
        (status = 200, description = "How many there were.", body = dto::SessionsEnded),
        (status = 404, description = "There is no such account.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end_sessions(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, by) = (ask.param(0).to_owned(), by(&ask));
    let ended = with(&ask, move |a| a.end_sessions(&name, &by)).await? as u64;
    Ok(noted(respond::fresh(StatusCode::OK, &dto::SessionsEnded { ended })))
}

/// The tokens of programs.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", responses(
    (status = 200, description = "The tokens.", body = dto::Tokens),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn tokens(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let tokens = ask.state.accounts.tables().access.tokens.iter().map(|t| token(&ask, t)).collect();
    Ok(respond::fresh(StatusCode::OK, &dto::Tokens { tokens }))
}

fn token(ask: &Ask, t: &Token) -> dto::Token {
    let used = ask.state.accounts.last_used_token(t);
    dto::Token {
        name: t.name.clone(),
        role: t.role.as_str().into(),
        areas: areas_text(&t.areas),
        author: t.author.clone(),
        created: t.created.into(),
        expires: t.expires.map(Into::into),
        used: used.map(Into::into),
    }
}

/// Makes a token for a program; what the program is to send is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access",
    request_body(content = dto::NewToken, description = "The token."),
    responses(
        (status = 201, description = "The token, with its secret.", body = dto::TokenSecret),
        (status = 400, description = "A name, role, area or time that cannot be used.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name, or no administrator yet.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_token(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    closed(&ask)?;
    let new: dto::NewToken = body(&ask)?;
    let new = NewToken { name: new.name, role: new.role, areas: new.areas, days: new.days };
    let by = by(&ask);
    let (made, secret) = with(&ask, move |a| a.add_token(new, &by)).await?;
    let said = dto::TokenSecret { token: token(&ask, &made), secret };
    Ok(noted(respond::fresh(StatusCode::CREATED, &said)))
}

/// Takes a token away. What bears it is refused at once.
#[utoipa::path(post, path = "/api/v1/tokens/{name}/revoke", tag = "access",
    params(("name" = String, Path, description = "The token.")),
    responses(
        (status = 200, description = "The tokens that there are now.", body = dto::Tokens),
        (status = 404, description = "There is no such token.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_token(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, by) = (ask.param(0).to_owned(), by(&ask));
    with(&ask, move |a| a.revoke_token(&name, &by)).await?;
    let tokens = ask.state.accounts.tables().access.tokens.iter().map(|t| token(&ask, t)).collect();
    Ok(noted(respond::fresh(StatusCode::OK, &dto::Tokens { tokens })))
}
