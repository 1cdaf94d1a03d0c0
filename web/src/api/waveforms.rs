//! Records of fast signals.

use std::sync::Arc;

use plant::{Machine, Timestamp, Waveform, WaveformId};
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use crate::problem::Problem;
use crate::router::{Answer, Ask};
use crate::state::Sources;
use crate::{dto, respond, view};

/// A record is what it is for ever: its id names its content.
const FOREVER: &str = "private, max-age=31536000, immutable";

/// How many of a point's verdicts are looked through for that on one record.
const VERDICTS: usize = 2_000;

/// The records of a point, the newest first.
#[utoipa::path(get, path = "/api/v1/waveforms", tag = "waveforms",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; the beginning of the store where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); the end of the store where it is left out."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 where it is left out."),
    ),
    responses(
        (status = 200, description = "The records without their samples.", body = Vec<dto::WaveformHeader>),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["point", "from", "to", "limit"])?;
    let point = ask.query.point()?;
    let from = ask.query.instant("from")?.unwrap_or(Timestamp::MIN);
    let to = ask.query.instant("to")?.unwrap_or(Timestamp::MAX);
    if from >= to {
        let found = ask.query.text("from").unwrap_or_default();
        return Err(Problem::query("from", "an instant before \"to\"", found));
    }
    let limit = ask.query.count("limit", 100, 1_000)?;
    let sources = ask.state.sources.clone();
    let read = move || {
        let found = sources.archive.waveforms(&point, from, to, limit)?;
        let known = !found.is_empty() || sources.register.plant().point(&point).is_some();
        Ok(if known { Ok(found) } else { Err(point) })
    };
    let found = ask.state.reads.run(read).await?.map_err(|p| {
        Problem::not_found("point", p.as_str(), "GET /api/v1/machines/{site}/{machine} lists a machine's points")
    })?;
    Ok(respond::json(&ask.headers, &found.iter().map(view::header).collect::<Vec<_>>()))
}

/// A record without its samples, and what was concluded from it.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}", tag = "waveforms",
    params(("id" = String, Path, description = "The record's id, a UUID.")),
    responses(
        (status = 200, description = "The record.", body = dto::WaveformDetail),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn detail(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (id, sources) = (id(&ask)?, ask.state.sources.clone());
    let read = move || {
        let waveform = load(&sources, id)?;
        let verdicts = sources.archive.diagnoses(&waveform.point, VERDICTS).map_err(|e| Problem::unreadable(&e))?;
        Ok(view::waveform_detail(&waveform, verdicts.iter().find(|d| d.waveform == id)))
    };
    let detail = ask.state.reads.with(read).await?;
    Ok(respond::json(&ask.headers, &detail))
}

/// The samples of a record: physical values in its unit, as 32-bit floats, least significant byte first.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}/samples", tag = "waveforms",
    params(("id" = String, Path, description = "The record's id, a UUID.")),
    responses(
        (status = 200, description = "The samples.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn samples(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (id, sources) = (id(&ask)?, ask.state.sources.clone());
    let tag = format!("\"{id}\"");
    if respond::matches(&ask.headers, &tag) && sources.archive.has_waveform(id) {
        return Ok(respond::not_modified(&tag, FOREVER));
    }
    let read = move || {
        let physical = load(&sources, id)?.physical();
        Ok(physical.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect::<Vec<u8>>())
    };
    let body = ask.state.reads.with(read).await?;
    Ok(lasting(body, "application/octet-stream", &tag))
}

/// The spectra of a record, with the lines to mark. Computed when asked for.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}/spectra", tag = "waveforms",
    params(("id" = String, Path, description = "The record's id, a UUID.")),
    responses(
        (status = 200, description = "The spectra.", body = dto::Spectra),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn spectra(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (id, sources, analyst) = (id(&ask)?, ask.state.sources.clone(), ask.state.analyst.clone());
    let read = move || {
        let waveform = load(&sources, id)?;
        Ok(analyst.spectra(&waveform, &machine_of(&sources, &waveform)))
    };
    let spectra = ask.state.reads.with(read).await?;
    // Not for ever: with a bearing described anew the lines move.
    Ok(respond::json(&ask.headers, &spectra))
}

/// The machine of a record; one that nothing is known of where the plant has none.
pub(super) fn machine_of(sources: &Sources, waveform: &Waveform) -> Arc<Machine> {
    let machine = waveform.point.machine();
    let known = sources.register.plant().machines.get(&machine).cloned();
    known.unwrap_or_else(|| Arc::new(Machine::bare(machine)))
}

pub(super) fn id(ask: &Ask) -> Result<WaveformId, Problem> {
    ask.param(0).parse().map_err(|_| missing(ask.param(0)))
}

pub(super) fn load(from: &Sources, id: WaveformId) -> Result<Arc<Waveform>, Problem> {
    let found = from.archive.waveform(id).map_err(|e| Problem::unreadable(&e))?;
    found.ok_or_else(|| missing(&id.to_string()))
}

pub(super) fn missing(id: &str) -> Problem {
    let next =
        "GET /api/v1/waveforms?point=… lists a point's records; old ones are deleted when their space is used up";
    Problem::not_found("waveform", id, next)
}

fn lasting(body: Vec<u8>, media: &'static str, tag: &str) -> Response {
    let mut response = Response::new(body.into());
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    respond::cache(headers, tag, FOREVER);
    response
}
