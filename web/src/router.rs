//! Which request is answered by whom: one table, matched in order, with warp taking the request apart.
//!
//! The table and not a tree of filters, so that a test can hold it against the OpenAPI document, and so that a wrong
//! method, a wrong path and a wrong parameter are all answered in the same form.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;
use tracing::Instrument;
use warp::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use warp::http::uri::Authority;
use warp::http::{Method, StatusCode};
use warp::path::FullPath;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use historian::AUDIT_OK;
use plant::MachineId;
use plant::access::Denied;

use crate::access::{self, Need, Noted, Who, Write};
use crate::channel::Channel;
use crate::config::Config;
use crate::problem::{Kind, Problem, shorten};
use crate::query::{Query, decode};
use crate::state::State;
use crate::turns::Peer;
use crate::{api, guard, page, respond};

/// No page of another origin has a handle on ours.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// The largest body of a request, bytes.
const MAX_BODY: usize = 64 << 10;

/// What a handler answers.
pub(crate) type Answer = Result<Response, Problem>;

type Handler = fn(Ask) -> BoxFuture<'static, Answer>;

/// One request, taken apart.
pub(crate) struct Ask {
    pub(crate) state: Arc<State>,
    /// What stands in the place of the `{…}` of the route's template, decoded.
    pub(crate) params: Vec<String>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// From where it is asked.
    pub(crate) peer: Peer,
    /// By which channel.
    pub(crate) channel: Channel,
    /// Who asks; they have what the route needs.
    pub(crate) who: Who,
}

impl Ask {
    /// Refuses what lies outside the areas of who asks.
    pub(crate) fn sees_each(&self, machines: impl Iterator<Item = MachineId>) -> Result<(), Problem> {
        let plant = self.state.sources.register.plant();
        let mut machines = machines;
        match machines.all(|id| self.who.sees(&plant, &id)) {
            true => Ok(()),
            false => Err(access::denied(Denied::Area, &self.who)),
        }
    }

    /// The `i`-th parameter of the path; the route's template holds that many.
    pub(crate) fn param(&self, i: usize) -> &str {
        self.params.get(i).map_or("", String::as_str)
    }
}

/// One line of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// As in the OpenAPI document: `/api/v1/alarms/{id}`.
    pub(crate) template: &'static str,
    pub(crate) handler: Handler,
    /// The largest body, bytes.
    pub(crate) max_body: usize,
    /// The media types of a body.
    pub(crate) takes: &'static [&'static str],
    /// What it needs of who asks.
    pub(crate) need: Need,
    /// What it writes, for the audit log; `None`: nothing.
    pub(crate) writes: Option<Write>,
}

impl Route {
    /// One that reads.
    pub(crate) const fn get(template: &'static str, need: Need, handler: Handler) -> Self {
        Self { method: Method::GET, template, handler, max_body: MAX_BODY, takes: guard::JSON, need, writes: None }
    }

    /// One that reads as well, and is asked in a body.
    pub(crate) const fn ask(template: &'static str, need: Need, handler: Handler) -> Self {
        Self { method: Method::POST, template, handler, max_body: MAX_BODY, takes: guard::JSON, need, writes: None }
    }

    /// One that writes.
    pub(crate) const fn post(template: &'static str, need: Need, writes: Write, handler: Handler) -> Self {
        Self {
            method: Method::POST,
            template,
            handler,
            max_body: MAX_BODY,
            takes: guard::JSON,
            need,
            writes: Some(writes),
        }
    }

    /// The values of the template's parameters, still encoded, when `path` fits it.
    fn fit<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut params = Vec::new();
        let (mut wanted, mut found) = (self.template.split('/'), path.split('/'));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return Some(params),
                (Some(w), Some(f)) if w.starts_with('{') && !f.is_empty() => params.push(f),
                (Some(w), Some(f)) if w == f => {}
                _ => return None,
            }
        }
    }
}

/// The request as warp hands it over.
struct Raw<S> {
    method: Method,
    path: FullPath,
    query: String,
    authority: Option<Authority>,
    headers: HeaderMap,
    peer: Option<Peer>,
    channel: Channel,
    body: S,
}

/// Everything this server answers, as one filter.
pub(crate) fn filter(
    state: Arc<State>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let refusing = state.clone();
    warp::method()
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::host::optional())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .and(warp::ext::optional().map(|c: Option<Channel>| c.unwrap_or(Channel::Plain)))
        .and(warp::body::stream())
        .then(move |method, path, query, authority, headers, peer, channel, body| {
            serve(state.clone(), Raw { method, path, query, authority, headers, peer, channel, body })
        })
        // What warp itself refuses is a Host header that is none, or that contradicts the request's own address.
        .recover(move |_: Rejection| {
            let id = refusing.request_id();
            let problem = Problem::new(Kind::BadRequest, "the Host header is not the name of a host", "correct it");
            let mut response = problem.into_response(&id);
            respond::finish(&mut response, &id);
            std::future::ready(Ok::<_, Infallible>(response))
        })
        .unify()
        .map(|reply: Response| reply.into_response())
}

async fn serve<S, B>(state: Arc<State>, raw: Raw<S>) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    let id = state.request_id();
    let begun = Instant::now();
    let span = tracing::info_span!("request", %id, method = %shorten(raw.method.as_str()), path = raw.path.as_str());
    let head = raw.method == Method::HEAD;
    let strict = hsts(&state.config, raw.channel, raw.authority.as_ref());
    // Elsewhere a browser takes this for no more than a mistake, and says so in its console.
    let trusted = raw.channel == Channel::Tls || raw.authority.as_ref().is_some_and(|a| guard::loopback(a.host()));
    let (route, answer) = dispatch(&state, raw).instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|problem| problem.into_response(&id));
    respond::finish(&mut response, &id);
    if trusted {
        response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if let Some(strict) = strict {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, strict);
    }
    let took = begun.elapsed();
    state.meter.answered(route, response.status(), took);
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), ms = took.as_millis(), "answered"));
    // What the head promises stands; a body must not follow it.
    if head { headless(response) } else { response }
}

/// That browsers are to use this host over TLS only, where that was asked for. Over TLS, as browsers take it from nowhere
/// else; and not for this computer's own name, which would hold for everything else that is served there.
fn hsts(config: &Config, channel: Channel, authority: Option<&Authority>) -> Option<HeaderValue> {
    let age = config.hsts.filter(|_| channel == Channel::Tls)?;
    authority.filter(|a| !guard::loopback(a.host()))?;
    HeaderValue::from_str(&format!("max-age={}", age.as_secs())).ok()
}

fn headless(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Default::default())
}

/// The route's template (for counting) and what its handler says.
async fn dispatch<S, B>(state: &Arc<State>, raw: Raw<S>) -> (&'static str, Answer)
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    let authority = match guard::host(raw.authority.as_ref(), state.accounts.open_to_all()) {
        Ok(a) => a.clone(),
        Err(problem) => return ("refused", Err(problem)),
    };
    // HEAD is GET without the body.
    let method = if raw.method == Method::HEAD { Method::GET } else { raw.method.clone() };
    let path = raw.path.as_str();
    // The accept loop names the peer of every connection.
    let peer = raw.peer.unwrap_or(Peer(Ipv4Addr::UNSPECIFIED.into()));
    let mut allow = Vec::new();
    // The first template that fits is meant, by whatever method: what is listed before `{id}` is no id.
    let mut meant = None;
    for route in api::ROUTES {
        let Some(params) = route.fit(path) else { continue };
        if *meant.get_or_insert(route.template) != route.template {
            continue;
        }
        if route.method == method {
            return (
                route.template,
                handle(state, route, params, (&authority, peer, raw.channel), &raw.query, &raw.headers, raw.body).await,
            );
        }
        allow.push(route.method.clone());
    }
    if !allow.is_empty() {
        return ("refused", Err(Problem::method(&raw.method, allow)));
    }
    ("page", static_file(&method, path, &raw.headers))
}

fn static_file(method: &Method, path: &str, headers: &HeaderMap) -> Answer {
    let api = path == "/api" || path.starts_with("/api/");
    let file = if api { None } else { page::file(path, headers) };
    match file {
        Some(_) if *method != Method::GET => Err(Problem::method(method, vec![Method::GET])),
        Some(file) => Ok(file),
        None if api => Err(Problem::not_found("path", path, "GET /api/v1/openapi.json lists the paths")),
        None => Err(Problem::not_found("file", path, "open / for the page, /api/v1/openapi.json for the API")),
    }
}

async fn handle<S, B>(
    state: &Arc<State>,
    route: &Route,
    params: Vec<&str>,
    (authority, peer, channel): (&Authority, Peer, Channel),
    query: &str,
    headers: &HeaderMap,
    body: S,
) -> Answer
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    let decoded: Option<Vec<_>> = params.into_iter().map(|p| decode(p, false)).collect();
    let Some(params) = decoded else {
        let next = "percent-encode the path's parts as UTF-8";
        return Err(Problem::new(Kind::BadRequest, "a part of the path is not percent-encoded UTF-8", next));
    };
    let who = state.accounts.resolve(channel, headers, peer.0);
    keep_used(state);
    let asked = async {
        let query = Query::parse(query)?;
        access::allowed(state, route.need, &who, &params, &query).await?;
        if route.method == Method::GET {
            return Ok((query, Bytes::new()));
        }
        guard::write(channel, authority, headers, route.takes)?;
        Ok((query, collect(body, route.max_body, state.config.read_timeout).await?))
    };
    let asked = asked.await;
    let noting = route.writes.map(|what| {
        let (state, who, params) = (state.clone(), who.clone(), params.clone());
        Noting { state, what, who, peer, params }
    });
    match (asked, noting) {
        (Ok((query, body)), None) => {
            let ask = Ask { state: state.clone(), params, query, headers: headers.clone(), body, peer, channel, who };
            (route.handler)(ask).await
        }
        (Ok((query, body)), Some(noting)) => {
            let (headers, received) = (headers.clone(), body.clone());
            let ask = Ask { state: state.clone(), params, query, headers, body, peer, channel, who };
            let answering = (route.handler)(ask);
            // What was begun is done and written down, also when whoever asked has gone meanwhile.
            let whole = async move { noting.note(answering.await, &received).await };
            tokio::spawn(whole.in_current_span()).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a write ended with a fault of the program");
                let next = "look whether it was done; report this with the server's log";
                Err(Problem::new(Kind::Unreadable, "the write ended with a fault", next))
            })
        }
        (Err(problem), None) => Err(problem),
        (Err(problem), Some(noting)) => noting.note(Err(problem), &[]).await,
    }
}

/// What is known of a write for the audit log.
struct Noting {
    state: Arc<State>,
    what: Write,
    who: Who,
    peer: Peer,
    params: Vec<String>,
}

impl Noting {
    /// Writes down what came of it, unless its handler has.
    async fn note(self, mut answer: Answer, body: &[u8]) -> Answer {
        let outcome = answer.as_ref().map_or_else(Problem::code, |_| AUDIT_OK);
        let noted = match &mut answer {
            Ok(response) => response.extensions_mut().remove::<Noted>().is_some(),
            // A failed log-in is written down where it is counted.
            Err(problem) => problem.code() == Kind::Credentials.code(),
        };
        if !noted {
            let (accounts, refusals) = (&self.state.accounts, &self.state.refusals);
            let asked = (self.params.as_slice(), body);
            access::write_down(accounts, refusals, (&self.who, self.peer), self.what, asked, outcome).await;
        }
        answer
    }
}

/// Now and then writes when sessions were used; nobody waits for it.
fn keep_used(state: &Arc<State>) {
    if let Some(used) = state.accounts.due() {
        let accounts = state.accounts.clone();
        drop(tokio::task::spawn_blocking(move || accounts.flush(&used)));
    }
}

async fn collect<S, B>(body: S, max: usize, limit: Duration) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let mut body = std::pin::pin!(body);
    let mut whole = Vec::new();
    let gather = async {
        while let Some(part) = body.next().await {
            let gone = |_| Problem::new(Kind::BadRequest, "the body broke off", "send it whole");
            let mut part = part.map_err(gone)?;
            if whole.len() + part.remaining() > max {
                let detail = format!("the body is larger than {max} bytes");
                return Err(Problem::new(Kind::BodyTooLarge, detail, "send less"));
            }
            while part.has_remaining() {
                let chunk = part.chunk();
                whole.extend_from_slice(chunk);
                let n = chunk.len();
                part.advance(n);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(limit, gather).await {
        Ok(done) => done.map(|()| whole.into()),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", limit.as_secs());
            Err(Problem::new(Kind::BodyTimeout, detail, "send it in one go"))
        }
    }
}

/// An answer that must not be kept, whatever it holds.
pub(crate) fn plain(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(warp::http::header::CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_whole_paths_only() {
        let fit = |template, path| {
            let route = Route::get(template, Need::Nothing, |_| Box::pin(async { Ok(Response::default()) }));
            route.fit(path).map(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let check = |template, path, expect: Option<&[&str]>| {
            let expect = expect.map(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(fit(template, path), expect, "{template} {path}");
        };
        check("/a", "/a", Some(&[]));
        check("/a", "/a/", None);
        check("/a/{id}", "/a/7", Some(&["7"]));
        check("/a/{id}", "/a/", None);
        check("/a/{id}/b", "/a/7/b", Some(&["7"]));
        check("/m/{site}/{machine}", "/m/s/x%2Fy", Some(&["s", "x%2Fy"]));
        check("/m/{site}/{machine}", "/m/s", None);
        check("/m/{site}/{machine}", "/m/s/m/p", None);
    }
}
