//! How the platform itself is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::http::StatusCode;

use super::openapi;
use crate::router::{Answer, Ask, plain};
use crate::seams::Part;
use crate::{dto, meter, respond};

/// How long a part may take to say that it works.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Whether the platform takes data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether every part works.
    ready: bool,
    /// The parts.
    parts: Vec<ReadyPart>,
}

/// One part that must work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadyPart {
    /// Which: `intake`, `store`.
    name: String,
    /// What keeps it from working; `null` when it works.
    fault: Option<String>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "platform", responses(
    (status = 200, description = "It lives.", body = String, content_type = "text/plain"),
))]
pub(crate) async fn healthz(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(plain(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"))
}

/// Whether intake and store answer: only then does data arrive and last.
#[utoipa::path(get, path = "/readyz", tag = "platform", responses(
    (status = 200, description = "They answer.", body = Ready),
    (status = 503, description = "At least one does not, and why.", body = Ready),
))]
pub(crate) async fn readyz(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let late = || vec![Part { name: "platform", fault: Some("no answer within 2 s".into()) }];
    let asked = tokio::time::timeout(READY_WITHIN, ask.state.readiness.parts());
    let parts = asked.await.unwrap_or_else(|_| late());
    let ready = parts.iter().all(|p| p.fault.is_none());
    let parts = parts.into_iter().map(|p| ReadyPart { name: p.name.into(), fault: p.fault }).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(respond::fresh(status, &Ready { ready, parts }))
}

/// The platform in numbers, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "platform", responses(
    (status = 200, description = "Text exposition format 0.0.4; each metric bears its description.", body = String,
     content_type = "text/plain"),
))]
pub(crate) async fn metrics(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let text = ask.state.meter.exposition(ask.state.metrics.metrics());
    Ok(plain(StatusCode::OK, meter::MEDIA_TYPE, text))
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "platform", responses(
    (status = 200, description = "The OpenAPI document of this API."),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn openapi_json(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    Ok(respond::tagged(&ask.headers, "application/json", openapi().into_bytes()))
}

/// What the page needs to know before anything else.
#[utoipa::path(get, path = "/api/v1/status", tag = "platform", responses(
    (status = 200, description = "How the platform is.", body = dto::Status),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn status(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let state = &ask.state;
    let stats = state.sources.archive.stats();
    let about = &state.about;
    let status = dto::Status {
        version: about.version.clone(),
        boot: state.boot.clone(),
        demo: about.demo,
        anonymous: about.anonymous,
        loopback_only: crate::config::loopback(state.config.address).is_ok(),
        now: state.now().into(),
        plant_time_zone: about.time_zone.clone(),
        started: about.started.into(),
        mqtt: dto::Mqtt { address: about.mqtt.clone(), tls_address: about.mqtt_tls.clone() },
        store: dto::Store {
            head_seq: stats.head,
            series: stats.series,
            machines: state.sources.register.plant().machines.len() as u64,
            disk_level: state.sources.archive.disk().level.as_str().into(),
        },
    };
    Ok(respond::fresh(StatusCode::OK, &status))
}
