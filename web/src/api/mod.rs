//! What answers each path. The attributes above the handlers make the OpenAPI document; a test holds it against the table.

mod alarms;
mod analysis;
mod assessment;
mod devices;
pub(crate) mod export;
mod intake;
mod ledger;
mod live;
mod plant;
mod platform;
mod record;
mod rules;
mod series;
mod several;
mod store;
mod study;
mod waiting;
mod waveforms;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use warp::http::Method;

use crate::problem::{Kind, Problem, shorten};
use crate::router::{Ask, Route};

/// Every path that is not a file of the page.
pub(crate) static ROUTES: &[Route] = &[
    Route::get("/healthz", |a| Box::pin(platform::healthz(a))),
    Route::get("/readyz", |a| Box::pin(platform::readyz(a))),
    Route::get("/metrics", |a| Box::pin(platform::metrics(a))),
    Route::get("/api/v1/openapi.json", |a| Box::pin(platform::openapi_json(a))),
    Route::get("/api/v1/status", |a| Box::pin(platform::status(a))),
    Route::get("/api/v1/store", |a| Box::pin(store::report(a))),
    Route::get("/api/v1/overview", |a| Box::pin(plant::overview(a))),
    Route::get("/api/v1/machines/{site}/{machine}", |a| Box::pin(plant::machine(a))),
    Route::get("/api/v1/machines/{site}/{machine}/assessment", |a| Box::pin(assessment::latest(a))),
    Route::get("/api/v1/machines/{site}/{machine}/health", |a| Box::pin(assessment::health(a))),
    Route::post("/api/v1/machines/{site}/{machine}/judge", |a| Box::pin(assessment::judge(a))),
    Route::post("/api/v1/machines/{site}/{machine}/maintained", |a| Box::pin(assessment::maintained(a))),
    Route::get("/api/v1/series/last", |a| Box::pin(series::last(a))),
    Route::get("/api/v1/series/range", |a| Box::pin(series::range(a))),
    Route::get("/api/v1/series/buckets", |a| Box::pin(series::buckets(a))),
    Route::get("/api/v1/series/statistics", |a| Box::pin(series::statistics(a))),
    Route::post("/api/v1/series/query", |a| Box::pin(several::query(a))),
    Route::get("/api/v1/export/points", |a| Box::pin(export::points(a))),
    Route::get("/api/v1/waveforms", |a| Box::pin(waveforms::list(a))),
    Route::get("/api/v1/waveforms/{id}", |a| Box::pin(waveforms::detail(a))),
    Route::get("/api/v1/waveforms/{id}/samples", |a| Box::pin(waveforms::samples(a))),
    Route::get("/api/v1/waveforms/{id}/spectra", |a| Box::pin(waveforms::spectra(a))),
    Route::get("/api/v1/waveforms/{id}/analysis", |a| Box::pin(analysis::analysis(a))),
    Route::get("/api/v1/waveforms/{id}/orbit", |a| Box::pin(analysis::orbit(a))),
    Route::get("/api/v1/waveforms/{id}/export", |a| Box::pin(record::export(a))),
    Route::get("/api/v1/waterfall", |a| Box::pin(analysis::waterfall(a))),
    Route::get("/api/v1/alarms", |a| Box::pin(alarms::list(a))),
    Route::get("/api/v1/alarms/performance", |a| Box::pin(study::performance(a))),
    Route::post("/api/v1/alarms/simulate", |a| Box::pin(study::simulate(a))),
    Route::get("/api/v1/alarms/{id}/coach", |a| Box::pin(study::coach(a))),
    Route::get("/api/v1/alarms/{id}", |a| Box::pin(alarms::one(a))),
    Route::get("/api/v1/alarms/{id}/journal", |a| Box::pin(alarms::journal_of(a))),
    Route::post("/api/v1/alarms/{id}/acknowledge", |a| Box::pin(alarms::acknowledge(a))),
    Route::get("/api/v1/journal", |a| Box::pin(alarms::journal(a))),
    Route::get("/api/v1/connections", |a| Box::pin(intake::connections(a))),
    Route::get("/api/v1/influx", |a| Box::pin(intake::influx(a))),
    Route::get("/api/v1/quarantine", |a| Box::pin(intake::quarantine(a))),
    Route::get("/api/v1/quarantine/groups", |a| Box::pin(intake::quarantine_groups(a))),
    Route::get("/api/v1/quarantine/topics", |a| Box::pin(waiting::topics(a))),
    Route::get("/api/v1/quarantine/stats", |a| Box::pin(waiting::stats(a))),
    Route::get("/api/v1/quarantine/replay", |a| Box::pin(waiting::replay_progress(a))),
    Route::post("/api/v1/quarantine/replay", |a| Box::pin(waiting::replay(a))),
    Route::post("/api/v1/quarantine/discard", |a| Box::pin(waiting::discard(a))),
    Route::post("/api/v1/quarantine/restore", |a| Box::pin(waiting::restore(a))),
    Route::get("/api/v1/quarantine/{id}", |a| Box::pin(waiting::entry(a))),
    Route::get("/api/v1/discovery", |a| Box::pin(waiting::discovery(a))),
    Route::post("/api/v1/discovery/adopt", |a| Box::pin(waiting::adopt(a))),
    Route::post("/api/v1/discovery/ignore", |a| Box::pin(waiting::ignore(a))),
    Route::get("/api/v1/ledger/history", |a| Box::pin(ledger::history(a))),
    Route::get("/api/v1/ledger/statement", |a| Box::pin(ledger::statement(a))),
    Route::get("/api/v1/ledger", |a| Box::pin(intake::ledger(a))),
    Route::get("/api/v1/ledger/total", |a| Box::pin(intake::ledger_total(a))),
    Route::get("/api/v1/rules", |a| Box::pin(rules::list(a))),
    Route::large(Method::PUT, "/api/v1/rules", rules::MAX_BODY, |a| Box::pin(rules::replace(a))),
    Route::large(Method::POST, "/api/v1/rules/try", rules::MAX_BODY, |a| Box::pin(rules::attempt(a))),
    Route::post("/api/v1/rules/suggest", |a| Box::pin(rules::suggest(a))),
    Route::get("/api/v1/devices", |a| Box::pin(devices::list(a))),
    Route::post("/api/v1/devices", |a| Box::pin(devices::add(a))),
    Route::post("/api/v1/devices/{name}/password", |a| Box::pin(devices::rotate(a))),
    Route::post("/api/v1/devices/{name}/enable", |a| Box::pin(devices::enable(a))),
    Route::post("/api/v1/devices/{name}/own", |a| Box::pin(devices::allow(a))),
    Route::post("/api/v1/devices/{name}/revoke", |a| Box::pin(devices::revoke(a))),
    Route::post("/api/v1/devices/{name}/certificates", |a| Box::pin(devices::issue(a))),
    Route::post("/api/v1/devices/{name}/certificates/{serial}/revoke", |a| Box::pin(devices::revoke_certificate(a))),
    Route::get("/api/v1/devices/{name}/checklist", |a| Box::pin(devices::checklist(a))),
    Route::get("/api/v1/ca.crt", |a| Box::pin(devices::authority(a))),
    Route::get("/api/v1/live", |a| Box::pin(live::live(a))),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Danxia",
        description = "What a plant says, and what is concluded from it. Instants are RFC 3339 in UTC, columns of bulk \
                       data whole milliseconds since 1970; errors are `application/problem+json`. A parameter that a path \
                       does not know is an error.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        platform::healthz,
        platform::readyz,
        platform::metrics,
        platform::openapi_json,
        platform::status,
        store::report,
        plant::overview,
        plant::machine,
        assessment::latest,
        assessment::health,
        assessment::judge,
        assessment::maintained,
        series::last,
        series::range,
        series::buckets,
        series::statistics,
        several::query,
        export::points,
        waveforms::list,
        waveforms::detail,
        waveforms::samples,
        waveforms::spectra,
        analysis::analysis,
        analysis::orbit,
        record::export,
        analysis::waterfall,
        alarms::list,
        study::performance,
        study::simulate,
        study::coach,
        alarms::one,
        alarms::journal_of,
        alarms::acknowledge,
        alarms::journal,
        intake::connections,
        intake::influx,
        intake::quarantine,
        intake::quarantine_groups,
        waiting::topics,
        waiting::stats,
        waiting::replay_progress,
        waiting::replay,
        waiting::discard,
        waiting::restore,
        waiting::entry,
        waiting::discovery,
        waiting::adopt,
        waiting::ignore,
        ledger::history,
        ledger::statement,
        intake::ledger,
        intake::ledger_total,
        rules::list,
        rules::replace,
        rules::attempt,
        rules::suggest,
        devices::list,
        devices::add,
        devices::rotate,
        devices::enable,
        devices::allow,
        devices::revoke,
        devices::issue,
        devices::revoke_certificate,
        devices::checklist,
        devices::authority,
        live::live,
    ),
    components(schemas(
        crate::dto::LiveAssessed,
        crate::dto::LiveSnapshot,
        crate::dto::LiveValues,
        crate::dto::LiveStatus
    ))
)]
struct Document;

/// The OpenAPI document of the API, as JSON.
#[must_use]
pub fn openapi() -> String {
    // Made from the attributes above; it serialises, as a test shows.
    Document::openapi().to_pretty_json().unwrap_or_default()
}

/// Who does something, where nobody is named.
const SOMEBODY: &str = "operator";
/// Longest name, characters.
const MAX_NAME: usize = 64;

/// Who does something, as `by` says.
fn who(by: Option<&str>, next: &str) -> Result<Arc<str>, Problem> {
    let by = by.unwrap_or(SOMEBODY).trim();
    if by.is_empty() || by.chars().count() > MAX_NAME || by.chars().any(char::is_control) {
        let detail = format!("\"by\" is {:?}; expected 1 to {MAX_NAME} characters, none of them control", shorten(by));
        return Err(Problem::new(Kind::BadBody, detail, next));
    }
    Ok(by.into())
}

/// The body as a `T`.
fn body<T: DeserializeOwned>(ask: &Ask, next: &str) -> Result<T, Problem> {
    object(&ask.body, next)
}

/// A body that may be left out.
fn object_if_any<T: DeserializeOwned + Default>(body: &[u8], next: &str) -> Result<T, Problem> {
    if body.is_empty() { Ok(T::default()) } else { object(body, next) }
}

/// A JSON object as a `T`. By way of a map, because a list would pass for a struct's fields in order.
fn object<T: DeserializeOwned>(body: &[u8], next: &str) -> Result<T, Problem> {
    let bad = |e: serde_json::Error| Problem::new(Kind::BadBody, e.to_string(), next);
    let fields: serde_json::Map<_, _> = serde_json::from_slice(body).map_err(bad)?;
    serde_json::from_value(fields.into()).map_err(bad)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn who_acts_is_a_short_name() {
        let by = |body: &str| {
            let said: crate::dto::Acknowledgement = object_if_any(body.as_bytes(), "")?;
            who(said.by.as_deref(), "")
        };
        let check = |body: &str, expect: Option<&str>| assert_eq!(by(body).ok().as_deref(), expect, "{body}");
        check("", Some("operator"));
        check("{}", Some("operator"));
        check("{\"by\":null}", Some("operator"));
        check("{\"by\":\" 林 \"}", Some("林"));
        check("{\"by\":\"\"}", None);
        check("{\"by\":\"a\\nb\"}", None);
        check(&format!("{{\"by\":\"{}\"}}", "x".repeat(65)), None);
        check("{\"from\":\"x\"}", None);
        check("[]", None);
        check("{", None);
    }

    #[test]
    fn the_document_lists_the_table_and_nothing_else() {
        let document: Value = serde_json::from_str(&openapi()).unwrap();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let served: BTreeSet<_> = ROUTES.iter().map(|r| format!("{} {}", r.method, r.template)).collect();
        assert_eq!(documented, served);
    }

    #[test]
    fn every_parameter_of_a_path_is_described_and_every_reference_leads_somewhere() {
        let text = openapi();
        let document: Value = serde_json::from_str(&text).unwrap();
        for route in ROUTES {
            let operation = &document["paths"][route.template][route.method.as_str().to_lowercase()];
            let wanted: BTreeSet<_> =
                route.template.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let found = parameters.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
            assert_eq!(wanted, found, "{}", route.template);
            for p in &parameters {
                assert!(p["description"].is_string(), "{} {}", route.template, p["name"]);
            }
        }
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name} is referred to and not defined");
        }
    }
}
