//! What answers each path. The attributes above the handlers make the OpenAPI document; a test holds it against the table.

mod access;
mod alarms;
mod analysis;
mod assessment;
mod audit;
mod definitions;
mod devices;
pub(crate) mod export;
mod inhibit;
mod intake;
mod ledger;
mod live;
mod notes;
mod notifications;
mod past;
mod plant;
mod platform;
mod record;
mod rules;
mod series;
mod several;
mod sign_in;
mod store;
mod study;
mod table;
mod users;
mod waiting;
mod waveforms;
mod work;

use std::sync::Arc;

use ::plant::access::Right;
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use warp::http::Method;

use crate::access::{How, Need, Of, Shown, Write};
use crate::guard::JSON;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Ask, Route};

pub use sign_in::NOT_SIGNED_IN;

/// What most routes need: to see, here or there.
const SEE: Need = Need::Right(Right::View, Of::Seen);
const SEE_PLANT: Need = Need::Right(Right::View, Of::Plant);
const SEE_MACHINE: Need = Need::Right(Right::View, Of::Machine);
const SEE_QUERY: Need = Need::Right(Right::View, Of::Query);
const SEE_ALARM: Need = Need::Right(Right::View, Of::Alarm);
const SEE_RECORD: Need = Need::Right(Right::View, Of::Record);
const OPERATE: Need = Need::Right(Right::Operate, Of::Machine);
const CONFIGURE: Need = Need::Right(Right::Configure, Of::Plant);
const DEVICES: Need = Need::Right(Right::Devices, Of::Plant);
const ADMINISTER: Need = Need::Right(Right::Administer, Of::Plant);

/// A write whose whole body may be shown.
const fn shown(code: &'static str) -> Write {
    Write { code, shown: Shown::All }
}

/// One of whose body these fields may.
const fn fields(code: &'static str, fields: &'static [&'static str]) -> Write {
    Write { code, shown: Shown::Fields(fields) }
}

/// What of an account may be shown: all but its password.
const USER: &[&str] = &["name", "role", "areas", "language", "disabled"];

/// Every path that is not a file of the page, with what it needs of who asks and what it writes.
pub(crate) static ROUTES: &[Route] = &[
    Route::get("/healthz", Need::Nothing, |a| Box::pin(platform::healthz(a))),
    Route::get("/readyz", Need::Nothing, |a| Box::pin(platform::readyz(a))),
    Route::get("/metrics", SEE_PLANT, |a| Box::pin(platform::metrics(a))),
    Route::get("/api/v1/openapi.json", Need::Nothing, |a| Box::pin(platform::openapi_json(a))),
    Route::get("/api/v1/status", SEE, |a| Box::pin(platform::status(a))),
    Route::get("/api/v1/store", SEE_PLANT, |a| Box::pin(store::report(a))),
    Route::get("/api/v1/overview", SEE, |a| Box::pin(plant::overview(a))),
    Route::get("/api/v1/machines/{site}/{machine}", SEE_MACHINE, |a| Box::pin(plant::machine(a))),
    Route::get("/api/v1/machines/{site}/{machine}/assessment", SEE_MACHINE, |a| Box::pin(assessment::latest(a))),
    Route::get("/api/v1/machines/{site}/{machine}/health", SEE_MACHINE, |a| Box::pin(assessment::health(a))),
    Route::post("/api/v1/machines/{site}/{machine}/judge", OPERATE, shown("machine.judge"), |a| {
        Box::pin(assessment::judge(a))
    }),
    Route::post("/api/v1/machines/{site}/{machine}/maintained", OPERATE, shown("machine.maintained"), |a| {
        Box::pin(assessment::maintained(a))
    }),
    Route::get("/api/v1/work-orders", SEE, |a| Box::pin(work::list(a))),
    Route::get("/api/v1/work-orders/export", SEE, |a| Box::pin(table::work_orders(a))),
    Route::get("/api/v1/work-orders/{number}", SEE, |a| Box::pin(work::one(a))),
    Route::post("/api/v1/machines/{site}/{machine}/work-orders", OPERATE, shown("work_order.open"), |a| {
        Box::pin(work::open(a))
    }),
    Route {
        method: Method::PUT,
        template: "/api/v1/machines/{site}/{machine}/work-orders/{number}",
        handler: |a| Box::pin(work::change(a)),
        max_body: work::MAX_ORDER,
        takes: JSON,
        need: OPERATE,
        writes: Some(shown("work_order.change")),
    },
    Route {
        method: Method::POST,
        template: "/api/v1/machines/{site}/{machine}/photos",
        handler: |a| Box::pin(work::add_photo(a)),
        max_body: work::MAX_BODY,
        takes: work::PHOTOS,
        need: OPERATE,
        writes: Some(fields("work_order.photo", &[])),
    },
    Route::get("/api/v1/machines/{site}/{machine}/photos/{id}", SEE_MACHINE, |a| Box::pin(work::photo(a))),
    Route::get("/api/v1/machines/{site}/{machine}/notes", SEE_MACHINE, |a| Box::pin(notes::list(a))),
    Route::post("/api/v1/machines/{site}/{machine}/notes", OPERATE, shown("note.add"), |a| Box::pin(notes::add(a))),
    Route::post("/api/v1/machines/{site}/{machine}/notes/{number}/withdraw", OPERATE, shown("note.withdraw"), |a| {
        Box::pin(notes::withdraw(a))
    }),
    Route::get("/api/v1/series/last", SEE_QUERY, |a| Box::pin(series::last(a))),
    Route::get("/api/v1/series/range", SEE_QUERY, |a| Box::pin(series::range(a))),
    Route::get("/api/v1/series/buckets", SEE_QUERY, |a| Box::pin(series::buckets(a))),
    Route::get("/api/v1/series/statistics", SEE_QUERY, |a| Box::pin(series::statistics(a))),
    Route::ask("/api/v1/series/query", SEE, |a| Box::pin(several::query(a))),
    Route::get("/api/v1/export/points", SEE_QUERY, |a| Box::pin(export::points(a))),
    Route::get("/api/v1/waveforms", SEE_QUERY, |a| Box::pin(waveforms::list(a))),
    Route::get("/api/v1/waveforms/{id}", SEE_RECORD, |a| Box::pin(waveforms::detail(a))),
    Route::get("/api/v1/waveforms/{id}/samples", SEE_RECORD, |a| Box::pin(waveforms::samples(a))),
    Route::get("/api/v1/waveforms/{id}/spectra", SEE_RECORD, |a| Box::pin(waveforms::spectra(a))),
    Route::get("/api/v1/waveforms/{id}/analysis", SEE_RECORD, |a| Box::pin(analysis::analysis(a))),
    Route::get("/api/v1/waveforms/{id}/orbit", SEE_RECORD, |a| Box::pin(analysis::orbit(a))),
    Route::get("/api/v1/waveforms/{id}/export", SEE_RECORD, |a| Box::pin(record::export(a))),
    Route::get("/api/v1/waterfall", SEE_QUERY, |a| Box::pin(analysis::waterfall(a))),
    Route::get("/api/v1/alarms", SEE, |a| Box::pin(alarms::list(a))),
    Route::get("/api/v1/alarms/performance", SEE_PLANT, |a| Box::pin(study::performance(a))),
    Route::ask("/api/v1/alarms/simulate", SEE_PLANT, |a| Box::pin(study::simulate(a))),
    Route::get("/api/v1/alarms/{id}", SEE_ALARM, |a| Box::pin(alarms::one(a))),
    Route::get("/api/v1/alarms/{id}/past", SEE_ALARM, |a| Box::pin(past::past(a))),
    Route::get("/api/v1/alarms/{id}/coach", SEE_ALARM, |a| Box::pin(study::coach(a))),
    Route::get("/api/v1/alarms/{id}/journal", SEE_ALARM, |a| Box::pin(alarms::journal_of(a))),
    Route::post(
        "/api/v1/alarms/{id}/acknowledge",
        Need::Right(Right::Operate, Of::Alarm),
        shown("alarm.acknowledge"),
        |a| Box::pin(alarms::acknowledge(a)),
    ),
    Route::post("/api/v1/alarms/{id}/reset", Need::Right(Right::Operate, Of::Alarm), shown("alarm.reset"), |a| {
        Box::pin(inhibit::reset(a))
    }),
    Route::post("/api/v1/alarms/{id}/shelve", Need::Right(Right::Operate, Of::Alarm), shown("alarm.shelve"), |a| {
        Box::pin(inhibit::shelve(a))
    }),
    Route::post("/api/v1/alarms/{id}/unshelve", Need::Right(Right::Operate, Of::Alarm), shown("alarm.unshelve"), |a| {
        Box::pin(inhibit::unshelve(a))
    }),
    Route::post(
        "/api/v1/alarms/{id}/out-of-service",
        Need::Right(Right::Configure, Of::Alarm),
        shown("alarm.out_of_service"),
        |a| Box::pin(inhibit::out_of_service(a)),
    ),
    Route::post(
        "/api/v1/alarms/{id}/in-service",
        Need::Right(Right::Configure, Of::Alarm),
        shown("alarm.in_service"),
        |a| Box::pin(inhibit::in_service(a)),
    ),
    Route::get("/api/v1/alarm-definitions", SEE_PLANT, |a| Box::pin(definitions::list(a))),
    Route {
        method: Method::POST,
        template: "/api/v1/alarm-definitions",
        handler: |a| Box::pin(definitions::change(a)),
        max_body: definitions::MAX_BODY,
        takes: JSON,
        need: CONFIGURE,
        writes: Some(shown("alarm.define")),
    },
    Route::get("/api/v1/journal", SEE, |a| Box::pin(alarms::journal(a))),
    Route::get("/api/v1/journal/export", SEE, |a| Box::pin(table::journal(a))),
    Route::get("/api/v1/connections", SEE_PLANT, |a| Box::pin(intake::connections(a))),
    Route::get("/api/v1/influx", SEE_PLANT, |a| Box::pin(intake::influx(a))),
    Route::get("/api/v1/notifications", ADMINISTER, |a| Box::pin(notifications::list(a))),
    Route::post("/api/v1/notifications/test", ADMINISTER, shown("notification.test"), |a| {
        Box::pin(notifications::test(a))
    }),
    Route::get("/api/v1/quarantine", SEE_PLANT, |a| Box::pin(intake::quarantine(a))),
    Route::get("/api/v1/quarantine/groups", SEE_PLANT, |a| Box::pin(intake::quarantine_groups(a))),
    Route::get("/api/v1/quarantine/topics", SEE_PLANT, |a| Box::pin(waiting::topics(a))),
    Route::get("/api/v1/quarantine/stats", SEE_PLANT, |a| Box::pin(waiting::stats(a))),
    Route::get("/api/v1/quarantine/replay", SEE_PLANT, |a| Box::pin(waiting::replay_progress(a))),
    Route::post("/api/v1/quarantine/replay", CONFIGURE, shown("quarantine.replay"), |a| Box::pin(waiting::replay(a))),
    Route::post("/api/v1/quarantine/discard", CONFIGURE, shown("quarantine.discard"), |a| {
        Box::pin(waiting::discard(a))
    }),
    Route::post("/api/v1/quarantine/restore", CONFIGURE, shown("quarantine.restore"), |a| {
        Box::pin(waiting::restore(a))
    }),
    Route::get("/api/v1/quarantine/{id}", SEE_PLANT, |a| Box::pin(waiting::entry(a))),
    Route::get("/api/v1/discovery", SEE_PLANT, |a| Box::pin(waiting::discovery(a))),
    Route::post("/api/v1/discovery/adopt", CONFIGURE, shown("discovery.adopt"), |a| Box::pin(waiting::adopt(a))),
    Route::post("/api/v1/discovery/ignore", CONFIGURE, shown("discovery.ignore"), |a| Box::pin(waiting::ignore(a))),
    Route::get("/api/v1/ledger/history", SEE_PLANT, |a| Box::pin(ledger::history(a))),
    Route::get("/api/v1/ledger/statement", SEE_PLANT, |a| Box::pin(ledger::statement(a))),
    Route::get("/api/v1/ledger", SEE_PLANT, |a| Box::pin(intake::ledger(a))),
    Route::get("/api/v1/ledger/total", SEE_PLANT, |a| Box::pin(intake::ledger_total(a))),
    Route::get("/api/v1/rules", SEE_PLANT, |a| Box::pin(rules::list(a))),
    Route {
        method: Method::PUT,
        template: "/api/v1/rules",
        handler: |a| Box::pin(rules::replace(a)),
        max_body: rules::MAX_BODY,
        takes: JSON,
        need: CONFIGURE,
        writes: Some(shown("rules.replace")),
    },
    Route {
        method: Method::POST,
        template: "/api/v1/rules/try",
        handler: |a| Box::pin(rules::attempt(a)),
        max_body: rules::MAX_BODY,
        takes: JSON,
        need: CONFIGURE,
        writes: None,
    },
    Route::ask("/api/v1/rules/suggest", CONFIGURE, |a| Box::pin(rules::suggest(a))),
    Route::get("/api/v1/devices", DEVICES, |a| Box::pin(devices::list(a))),
    Route::post(
        "/api/v1/devices",
        DEVICES,
        fields("device.add", &["name", "role", "site", "group", "note", "certificate_only", "own"]),
        |a| Box::pin(devices::add(a)),
    ),
    Route::post("/api/v1/devices/{name}/password", DEVICES, fields("device.password", &[]), |a| {
        Box::pin(devices::rotate(a))
    }),
    Route::post("/api/v1/devices/{name}/enable", DEVICES, fields("device.enable", &[]), |a| {
        Box::pin(devices::enable(a))
    }),
    Route::post("/api/v1/devices/{name}/own", DEVICES, fields("device.own", &["publish", "subscribe"]), |a| {
        Box::pin(devices::allow(a))
    }),
    Route::post("/api/v1/devices/{name}/revoke", DEVICES, fields("device.revoke", &[]), |a| {
        Box::pin(devices::revoke(a))
    }),
    Route::post("/api/v1/devices/{name}/certificates", DEVICES, fields("device.certificate", &["days"]), |a| {
        Box::pin(devices::issue(a))
    }),
    Route::post(
        "/api/v1/devices/{name}/certificates/{serial}/revoke",
        DEVICES,
        fields("device.certificate.revoke", &[]),
        |a| Box::pin(devices::revoke_certificate(a)),
    ),
    Route::get("/api/v1/devices/{name}/checklist", DEVICES, |a| Box::pin(devices::checklist(a))),
    Route::get("/api/v1/ca.crt", SEE, |a| Box::pin(devices::authority(a))),
    Route::get("/api/v1/live", SEE, |a| Box::pin(live::live(a))),
    Route::get("/api/v1/me", Need::Nothing, |a| Box::pin(access::me(a))),
    Route::post("/api/v1/setup", Need::Nothing, fields("setup", &["name", "language"]), |a| {
        Box::pin(access::set_up(a))
    }),
    Route::post("/api/v1/login", Need::Nothing, fields("login", &[]), |a| Box::pin(access::log_in(a))),
    Route::get("/api/v1/sign-in", Need::Nothing, |a| Box::pin(sign_in::begin(a))),
    // The provider sends a browser here, which asks with GET; what came of it is written down.
    Route {
        method: Method::GET,
        template: "/api/v1/sign-in/callback",
        handler: |a| Box::pin(sign_in::finish(a)),
        max_body: 0,
        takes: JSON,
        need: Need::Nothing,
        writes: Some(sign_in::WRITES),
    },
    Route::post("/api/v1/logout", Need::Account, fields("logout", &[]), |a| Box::pin(access::log_out(a))),
    Route::post("/api/v1/me/password", Need::Account, fields("password", &[]), |a| Box::pin(access::password(a))),
    Route::get("/api/v1/sessions", Need::Account, |a| Box::pin(access::sessions(a))),
    Route::post("/api/v1/sessions/{id}/end", Need::Account, fields("session.end", &[]), |a| {
        Box::pin(access::end_session(a))
    }),
    Route::get("/api/v1/users", ADMINISTER, |a| Box::pin(users::list(a))),
    Route::post("/api/v1/users", ADMINISTER, fields("user.add", USER), |a| Box::pin(users::add(a))),
    Route::post("/api/v1/users/{name}", ADMINISTER, fields("user.change", USER), |a| Box::pin(users::change(a))),
    Route::post("/api/v1/users/{name}/end-sessions", ADMINISTER, fields("user.end_sessions", &[]), |a| {
        Box::pin(users::end_sessions(a))
    }),
    Route::get("/api/v1/tokens", ADMINISTER, |a| Box::pin(users::tokens(a))),
    Route::post("/api/v1/tokens", ADMINISTER, fields("token.add", &["name", "role", "areas", "days"]), |a| {
        Box::pin(users::add_token(a))
    }),
    Route::post("/api/v1/tokens/{name}/revoke", ADMINISTER, fields("token.revoke", &[]), |a| {
        Box::pin(users::revoke_token(a))
    }),
    Route::get("/api/v1/audit", ADMINISTER, |a| Box::pin(audit::list(a))),
    Route::get("/api/v1/audit/export", ADMINISTER, |a| Box::pin(table::audit_log(a))),
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
        work::list,
        work::one,
        work::open,
        work::change,
        work::add_photo,
        work::photo,
        notes::list,
        notes::add,
        notes::withdraw,
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
        past::past,
        alarms::journal_of,
        alarms::acknowledge,
        inhibit::reset,
        inhibit::shelve,
        inhibit::unshelve,
        inhibit::out_of_service,
        inhibit::in_service,
        definitions::list,
        definitions::change,
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
        notifications::list,
        notifications::test,
        live::live,
        access::me,
        access::set_up,
        access::log_in,
        sign_in::begin,
        sign_in::finish,
        access::log_out,
        access::password,
        access::sessions,
        access::end_session,
        users::list,
        users::add,
        users::change,
        users::end_sessions,
        users::tokens,
        users::add_token,
        users::revoke_token,
        audit::list,
        table::audit_log,
        table::journal,
        table::work_orders,
    ),
    components(schemas(
        crate::dto::LiveAssessed,
        crate::dto::LiveSnapshot,
        crate::dto::LiveValues,
        crate::dto::LiveStatus
    ))
)]
struct Document;

/// What one path needs of who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteNeed {
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// As in the OpenAPI document.
    pub path: &'static str,
    /// `nothing`, `account`, or the name of a right.
    pub needs: &'static str,
    /// Where that right is needed: `plant`, `seen`, `machine`, `query`, `alarm` or `record`; empty where none is.
    pub of: &'static str,
    /// The action under which the audit log has it; `None` where nothing is written.
    pub writes: Option<&'static str>,
}

/// What each path of the API needs, in the order of the table.
#[must_use]
pub fn routes() -> Vec<RouteNeed> {
    let one = |r: &Route| {
        let (needs, of) = match r.need {
            Need::Nothing => ("nothing", ""),
            Need::Account => ("account", ""),
            Need::Right(right, of) => (right.as_str(), of.as_str()),
        };
        RouteNeed { method: r.method.to_string(), path: r.template, needs, of, writes: r.writes.map(|w| w.code) }
    };
    ROUTES.iter().map(one).collect()
}

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

/// Who does something: the account that is logged in, whatever `by` says. Where nobody has to log in, and for the command
/// line, which speaks for whoever sits there, `by` says it.
fn who(ask: &Ask, by: Option<&str>, next: &str) -> Result<Arc<str>, Problem> {
    match ask.who.how {
        How::Nobody | How::Open | How::Local => named(by, next),
        How::Session(_) | How::Token(_) => Ok(ask.who.name.clone()),
    }
}

/// A name as a person gives it.
fn named(by: Option<&str>, next: &str) -> Result<Arc<str>, Problem> {
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
            named(said.by.as_deref(), "")
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
