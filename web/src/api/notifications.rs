//! Who is told of alarms: the channels, what was sent, and a test.

use warp::http::StatusCode;

use super::body;
use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};
use crate::seams::Declined;
use crate::{dto, respond};

/// The channels as they stand, and the delivery log, the newest first.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications",
    params(
        ("before" = Option<u64>, Query, description = "Only attempts with a smaller number: the next page."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 500; 100 where it is left out."),
    ),
    responses(
        (status = 200, description = "Channels and log.", body = dto::Notifications),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["before", "limit"])?;
    let limit = ask.query.count("limit", 100, 500)?;
    let before = ask.query.get("before", "the number of an attempt")?;
    Ok(respond::fresh(StatusCode::OK, &ask.state.notifier.notifications(before, limit)))
}

/// Sends a test and answers with what happened to it.
#[utoipa::path(post, path = "/api/v1/notifications/test", tag = "notifications",
    request_body(content = dto::NotificationTest, description = "To whom."),
    responses(
        (status = 200, description = "What each receiver said.", body = dto::NotificationTested),
        (status = 400, description = "There is no such channel or person.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Nothing can be sent at present.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn test(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let next = "send {\"channel\": NAME}, {\"person\": NAME} or both; GET /api/v1/notifications lists the channels";
    let what: dto::NotificationTest = body(&ask, next)?;
    let done = ask.state.notifier.test(what).await.map_err(|e| match e {
        Declined::Asked(why) => Problem::new(Kind::BadBody, why, next),
        Declined::Overtaken(why) => Problem::new(Kind::Conflict, why, "ask again"),
        Declined::Now(why) => Problem::new(Kind::Unavailable, why, "look at the server's log, and try again"),
    })?;
    Ok(respond::fresh(StatusCode::OK, &done))
}
