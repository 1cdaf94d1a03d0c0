//! Errors as their receiver sees them: what was expected, what was found, what to do next.

use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::dto;

/// Media type of every error (RFC 9457).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A kind of problem. The first field of each row of [`Kind::row`] is its stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    BadQuery,
    BadBody,
    OutOfRange,
    ForeignHost,
    ForeignOrigin,
    LogIn,
    Credentials,
    Forbidden,
    LockedOut,
    NotFound,
    MethodNotAllowed,
    BodyTimeout,
    Conflict,
    BodyTooLarge,
    MediaType,
    TooCostly,
    TooManyStreams,
    Unreadable,
    Unavailable,
}

impl Kind {
    /// Its stable name.
    pub(crate) const fn code(self) -> &'static str {
        self.row().0
    }

    const fn row(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::BadRequest => ("bad_request", "The request is not understood", StatusCode::BAD_REQUEST),
            Self::BadQuery => ("bad_query", "A parameter is not understood", StatusCode::BAD_REQUEST),
            Self::BadBody => ("bad_body", "The body is not understood", StatusCode::BAD_REQUEST),
            Self::OutOfRange => ("out_of_range", "A parameter is out of range", StatusCode::UNPROCESSABLE_ENTITY),
            Self::ForeignHost => ("foreign_host", "Not under this name", StatusCode::MISDIRECTED_REQUEST),
            Self::ForeignOrigin => ("foreign_origin", "Not from another site", StatusCode::FORBIDDEN),
            Self::LogIn => ("log_in", "Nobody is logged in", StatusCode::UNAUTHORIZED),
            Self::Credentials => ("credentials", "Name or password are not right", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", "This account may not", StatusCode::FORBIDDEN),
            Self::LockedOut => ("locked_out", "Too many log-ins failed", StatusCode::TOO_MANY_REQUESTS),
            Self::NotFound => ("not_found", "There is no such thing", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", "Not by this method", StatusCode::METHOD_NOT_ALLOWED),
            Self::BodyTimeout => ("body_timeout", "The body did not arrive", StatusCode::REQUEST_TIMEOUT),
            Self::Conflict => ("conflict", "Its state does not allow it", StatusCode::CONFLICT),
            Self::BodyTooLarge => ("body_too_large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::MediaType => ("media_type", "Not in this form", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::TooCostly => ("too_costly", "This asks for too much at once", StatusCode::UNPROCESSABLE_ENTITY),
            Self::TooManyStreams => ("too_many_streams", "Too many live streams", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unreadable => ("unreadable", "The store could not be read", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Unavailable => ("unavailable", "Not at present", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// What went wrong with one request. Becomes [`dto::Problem`] once the request's id is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    next: String,
    /// Methods that would have been right.
    allow: Vec<Method>,
    /// The one field of the body that it is about.
    fault: Option<Box<dto::FieldFault>>,
    /// How many seconds to wait before the next try.
    wait: Option<u64>,
}

impl Problem {
    /// `detail`: what was expected and what was found. `next`: what to do.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), next: next.into(), allow: Vec::new(), fault: None, wait: None }
    }

    /// A body with one field that cannot be used.
    pub(crate) fn field(fault: dto::FieldFault, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { fault: Some(Box::new(fault)), ..Self::new(Kind::BadBody, detail, next) }
    }

    /// Of something that was not allowed: which right is missing, and with which role.
    pub(crate) fn lacking(self, code: &str, role: &str) -> Self {
        let fault = dto::FieldFault { field: "right".into(), code: code.into(), found: role.into() };
        Self { fault: Some(Box::new(fault)), ..self }
    }

    /// Not before so many seconds.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { wait: Some(seconds), ..self }
    }

    /// The stable name of its kind.
    pub(crate) fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// A parameter of the query that cannot be used.
    pub(crate) fn query(name: &str, expected: &str, found: &str) -> Self {
        let detail = format!("the parameter {name:?} is {:?}; expected {expected}", shorten(found));
        Self::new(Kind::BadQuery, detail, "correct the parameter; /api/v1/openapi.json lists what each path takes")
    }

    /// A number of the query that can be read and makes no sense here.
    pub(crate) fn out_of_range(name: &str, expected: &str, found: &str) -> Self {
        let detail = format!("the parameter {name:?} is {:?}; expected {expected}", shorten(found));
        Self::new(
            Kind::OutOfRange,
            detail,
            "choose a value within the range; the record's header says its sampling rate",
        )
    }

    /// Something that is not there; `next` says where to look.
    pub(crate) fn not_found(what: &str, found: &str, next: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} {:?}", shorten(found)), next)
    }

    /// A path that exists, asked by the wrong method.
    pub(crate) fn method(found: &Method, allow: Vec<Method>) -> Self {
        let names: Vec<_> = allow.iter().map(Method::as_str).collect();
        let detail = format!("this path answers to {}; found {}", names.join(", "), shorten(found.as_str()));
        let next = format!("use {}", names.join(" or "));
        Self { allow, ..Self::new(Kind::MethodNotAllowed, detail, next) }
    }

    /// The store could not be read. What the disk said goes to the log under the request's id, not to the page.
    pub(crate) fn unreadable(error: &historian::ReadError) -> Self {
        tracing::error!(%error, "the store could not be read");
        Self::new(
            Kind::Unreadable,
            "the store could not be read",
            "look for this request_id in the server's log, which holds the cause; `danxia verify` checks the store",
        )
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.row().2
    }

    /// The answer, under the request's id.
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let (name, title, status) = self.kind.row();
        let body = dto::Problem {
            kind: format!("/problems/{name}"),
            title: title.into(),
            status: status.as_u16(),
            detail: self.detail,
            next: self.next,
            request_id: request_id.into(),
            fault: self.fault.map(|fault| *fault),
        };
        // Strings and a number always serialise.
        let mut response = Response::new(serde_json::to_vec(&body).unwrap_or_default().into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let wait = self.wait.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let allow = self.allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        if let (false, Ok(allow)) = (allow.is_empty(), HeaderValue::from_str(&allow)) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

/// What a stranger sent, at most 100 characters of it.
pub(crate) fn shorten(s: &str) -> String {
    match s.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &s[..end]),
        None => s.to_owned(),
    }
}
