//! Devices: added, shut out, given passwords and certificates, and followed on their way to a first value.
//!
//! Who may connect is for administrators to say; as long as there is none, for whoever sits at this computer.

use serde::de::DeserializeOwned;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_DISPOSITION, HeaderValue};

use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask, plain};
use crate::seams::{Registrar, RegistrarError};
use crate::{dto, respond};

impl From<RegistrarError> for Problem {
    fn from(e: RegistrarError) -> Self {
        match e {
            RegistrarError::Invalid(what) => Self::new(Kind::BadBody, what, "correct it and send it again"),
            RegistrarError::Field(fault, what) => Self::field(fault, what, "correct it and send it again"),
            RegistrarError::Unknown(what) => Self::new(Kind::NotFound, what, "GET /api/v1/devices lists the devices"),
            RegistrarError::Conflict(what) => {
                Self::new(Kind::Conflict, what, "look at GET /api/v1/devices; it has changed since it was shown")
            }
            RegistrarError::Failed(what) => {
                Self::new(Kind::Unavailable, what, "look at the server's log; `danxia doctor` finds most causes")
            }
        }
    }
}

/// Asks the registrar on a thread that may block.
async fn with<T, F>(ask: &Ask, what: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce(&dyn Registrar) -> Result<T, RegistrarError> + Send + 'static,
{
    let registrar = ask.state.registrar.clone();
    ask.state.reads.with(move || what(&*registrar).map_err(Problem::from)).await
}

/// The body as an object; an empty one is an empty object.
fn body<T: DeserializeOwned + Default>(ask: &Ask) -> Result<T, Problem> {
    if ask.body.is_empty() {
        return Ok(T::default());
    }
    // By way of a map, because a list would pass for a struct's fields in order. What serde says may quote the body,
    // and a password may be in it: only where it broke is told.
    let fields = serde_json::from_slice::<serde_json::Map<_, _>>(&ask.body);
    let fields = fields.map_err(|e| {
        let detail = format!("the body is no JSON object (line {}, column {})", e.line(), e.column());
        Problem::new(Kind::BadBody, detail, "send an object, as /api/v1/openapi.json describes it")
    })?;
    let known = |e: serde_json::Error| {
        let said = e.to_string();
        let field = ["unknown field", "missing field"].iter().any(|w| said.starts_with(w));
        let detail = if field { shorten(&said) } else { "a field of the body has the wrong type".into() };
        Problem::new(Kind::BadBody, detail, "correct it; /api/v1/openapi.json describes the fields")
    };
    serde_json::from_value(fields.into()).map_err(known)
}

/// Every device, and the roles there are.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", responses(
    (status = 200, description = "The devices.", body = dto::Devices),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::fresh(StatusCode::OK, &with(&ask, |r| r.list()).await?))
}

/// Adds a device; its password is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/devices", tag = "devices",
    request_body(content = dto::NewDevice, description = "The device."),
    responses(
        (status = 201, description = "The device, with its password.", body = dto::DeviceCredentials),
        (status = 400, description = "A name, role or password that cannot be used.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let new: dto::NewDevice = body(&ask)?;
    Ok(respond::fresh(StatusCode::CREATED, &with(&ask, |r| r.add(new)).await?))
}

/// Gives a device another password and ends its connections; the password is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/devices/{name}/password", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    request_body(content = dto::NewPassword, description = "May be empty."),
    responses(
        (status = 200, description = "The device, with its password.", body = dto::DeviceCredentials),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is revoked.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn rotate(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, new): (_, dto::NewPassword) = (ask.param(0).to_owned(), body(&ask)?);
    let done = with(&ask, move |r| r.rotate(&name, new.password.as_deref())).await?;
    Ok(respond::fresh(StatusCode::OK, &done))
}

/// Lets a device that was revoked in again, with another password.
#[utoipa::path(post, path = "/api/v1/devices/{name}/enable", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    request_body(content = dto::NewPassword, description = "May be empty."),
    responses(
        (status = 200, description = "The device, with its password.", body = dto::DeviceCredentials),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn enable(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, new): (_, dto::NewPassword) = (ask.param(0).to_owned(), body(&ask)?);
    let done = with(&ask, move |r| r.enable(&name, new.password.as_deref())).await?;
    Ok(respond::fresh(StatusCode::OK, &done))
}

/// Puts patterns in the place of those that a device has beside its role. Its connections end, unless nothing has changed.
#[utoipa::path(post, path = "/api/v1/devices/{name}/own", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    request_body(content = dto::NewOwnPatterns, description = "The patterns."),
    responses(
        (status = 200, description = "The device as it is now.", body = dto::Device),
        (status = 400, description = "A pattern that cannot be one; `fault` says which.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn allow(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, own): (_, dto::NewOwnPatterns) = (ask.param(0).to_owned(), body(&ask)?);
    Ok(respond::fresh(StatusCode::OK, &with(&ask, move |r| r.allow(&name, own)).await?))
}

/// Shuts a device out, with all its certificates, and ends its connections. A second time changes nothing.
#[utoipa::path(post, path = "/api/v1/devices/{name}/revoke", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    responses(
        (status = 200, description = "The device as it is now.", body = dto::Device),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let name = ask.param(0).to_owned();
    Ok(respond::fresh(StatusCode::OK, &with(&ask, move |r| r.revoke(&name)).await?))
}

/// Issues a certificate to a device; its key is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/devices/{name}/certificates", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    request_body(content = dto::NewCertificate, description = "May be empty."),
    responses(
        (status = 201, description = "The certificate with its key.", body = dto::IssuedCertificate),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The device is revoked.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn issue(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, new): (_, dto::NewCertificate) = (ask.param(0).to_owned(), body(&ask)?);
    Ok(respond::fresh(StatusCode::CREATED, &with(&ask, move |r| r.issue(&name, new.days)).await?))
}

/// Revokes a certificate and ends the device's connections.
#[utoipa::path(post, path = "/api/v1/devices/{name}/certificates/{serial}/revoke", tag = "devices",
    params(
        ("name" = String, Path, description = "The device."),
        ("serial" = String, Path, description = "The certificate's serial number, hexadecimal."),
    ),
    responses(
        (status = 200, description = "The device as it is now.", body = dto::Device),
        (status = 404, description = "There is no such device or certificate.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_certificate(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (name, serial) = (ask.param(0).to_owned(), ask.param(1).to_owned());
    Ok(respond::fresh(StatusCode::OK, &with(&ask, move |r| r.revoke_certificate(&name, &serial)).await?))
}

/// How far a device has come on its way to a first value: TCP, identity, rights, topic, parse, value.
#[utoipa::path(get, path = "/api/v1/devices/{name}/checklist", tag = "devices",
    params(("name" = String, Path, description = "The device.")),
    responses(
        (status = 200, description = "The steps.", body = dto::Checklist),
        (status = 404, description = "There is no such device.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn checklist(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let name = ask.param(0).to_owned();
    Ok(respond::fresh(StatusCode::OK, &with(&ask, move |r| r.checklist(&name)).await?))
}

/// The certificate of the built-in authority: what devices trust.
#[utoipa::path(get, path = "/api/v1/ca.crt", tag = "devices", responses(
    (status = 200, description = "The certificate, PEM.", body = String, content_type = "application/x-pem-file"),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn authority(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let pem = with(&ask, |r| r.authority()).await?;
    let mut response = plain(StatusCode::OK, "application/x-pem-file", pem);
    let attachment = HeaderValue::from_static("attachment; filename=\"danxia-ca.crt\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, attachment);
    Ok(response)
}
