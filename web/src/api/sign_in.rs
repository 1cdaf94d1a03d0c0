//! Logging in at a provider: a browser is sent there, comes back with a code, and is given a session of ours. Whatever
//! goes wrong on the way ends on the page, which says in its reader's language what to do.

use std::sync::Arc;

use historian::Identity;
use warp::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use warp::http::uri::Authority;
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::access::{agent, by, noted, with};
use crate::access::{Departure, How, Outsider, PATIENCE, Shown, Shut, Write, write_down};
use crate::channel::{Channel, cookie};
use crate::dto;
use crate::problem::{Kind, Problem, shorten};
use crate::router::{Answer, Ask};
use crate::seams::{SignIn, SignInFault, SignInReturn};

/// The longest place on the page that is come back to, characters.
const MAX_PLACE: usize = 500;
/// The longest code and state that are looked at, characters.
const MAX_CODE: usize = 4_096;
/// What is written down.
pub(super) const WRITES: Write = Write { code: "login.provider", shown: Shown::Fields(&[]) };

/// Why nobody was signed in, as the page is told and puts into words, and as the audit log has it.
pub const NOT_SIGNED_IN: [&str; 12] = [
    "again",
    "away",
    "busy",
    "declined",
    "disabled",
    "failed",
    "last_administrator",
    "name_taken",
    "no_administrator",
    "no_name",
    "no_role",
    "unbelieved",
];

impl Channel {
    const fn departure_name(self) -> &'static str {
        match self {
            Self::Plain => "danxia_sign_in",
            Self::Tls => "__Host-danxia_sign_in",
        }
    }

    /// The cookie that somebody leaves with. It comes along when the provider sends them back, which is another site.
    fn departure(self, sealed: &str, seconds: u64) -> Option<HeaderValue> {
        let secure = if self == Self::Tls { "; Secure" } else { "" };
        let name = self.departure_name();
        HeaderValue::from_str(&format!("{name}={sealed}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"))
            .ok()
    }
}

fn provider(ask: &Ask) -> Result<Arc<dyn SignIn>, Problem> {
    let none = || {
        let next = "log in with a name and a password, or set http.oidc";
        Problem::new(Kind::NotFound, "people do not log in at a provider here", next)
    };
    ask.state.sign_in.clone().ok_or_else(none)
}

fn sent(place: &str) -> Option<Response> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(place).ok()?);
    Some(response)
}

/// Back to the page, which says why.
fn back(ask: &Ask, why: &'static str) -> Response {
    // Made of what stands here alone, it is always an address.
    let mut response = sent(&format!("/#/sign-in?why={why}")).unwrap_or_default();
    if let Some(cookie) = ask.channel.departure("", 0) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A place on the page: `/` and what a browser writes after `#`. Nothing else, so that nobody is led elsewhere.
fn place(text: Option<&str>) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '<' | '>');
    let fits = |t: &&str| t.starts_with('/') && t.chars().count() <= MAX_PLACE && t.chars().all(plain);
    text.filter(fits).unwrap_or("/").to_owned()
}

/// Whether this was asked of the page that the provider sends people back to: the cookie that binds the two belongs to one host.
fn at_home(home: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(warp::http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
    let wanted = home.split_once("://").map_or(home, |(_, rest)| rest);
    let parsed = |text: &str| text.parse::<Authority>().ok();
    match (parsed(host), parsed(wanted)) {
        (Some(a), Some(b)) => a.as_str().eq_ignore_ascii_case(b.as_str()),
        _ => false,
    }
}

/// Sends a browser to the provider to log in there.
#[utoipa::path(get, path = "/api/v1/sign-in", tag = "access",
    params(
        ("to" = Option<String>, Query, description = "Where on the page to come back to: what stands behind `#`."),
        ("moved" = Option<String>, Query, description = "`yes`: it has been sent to the page's own address already."),
    ),
    responses(
        (status = 303, description = "To the provider; or to the page's own address first, or back to the page, which says why not."),
        (status = 404, description = "There is no provider.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn begin(ask: Ask) -> Answer {
    ask.query.only(&["to", "moved"])?;
    let provider = provider(&ask)?;
    let moved = ask.query.choice("moved", &[("no", false), ("yes", true)])?.unwrap_or(false);
    let to = place(ask.query.text("to"));
    let home = provider.home();
    if !at_home(&home, &ask.headers) {
        let detail = format!("the page is reached under another name than {}", shorten(&home));
        let foreign = || {
            Problem::new(Kind::BadRequest, detail, "let http.oidc.public_url be the address of the page in the browser")
        };
        // Whoever stands in between and changes the Host header would have this go round for ever.
        let to = percent_encoding::utf8_percent_encode(&to, percent_encoding::NON_ALPHANUMERIC);
        let there = (!moved).then(|| sent(&format!("{home}/api/v1/sign-in?moved=yes&to={to}"))).flatten();
        return there.ok_or_else(foreign);
    }
    let Ok(_room) = ask.state.departures.room.try_acquire() else { return Ok(back(&ask, "busy")) };
    let begun = match provider.begin().await {
        Ok(begun) => begun,
        Err(fault) => return Ok(back(&ask, of_fault(fault))),
    };
    let at = ask.state.now().nanos();
    let departure = Departure { state: begun.state, nonce: begun.nonce, verifier: begun.verifier, to, at };
    let sealed = ask.state.departures.seal(&departure);
    let cookie = sealed.and_then(|sealed| ask.channel.departure(&sealed, PATIENCE.as_secs()));
    let (Some(cookie), Some(mut response)) = (cookie, sent(&begun.url)) else { return Ok(back(&ask, "failed")) };
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// Takes a browser in that the provider has sent back, and gives it a session.
#[utoipa::path(get, path = "/api/v1/sign-in/callback", tag = "access",
    params(
        ("code" = Option<String>, Query, description = "What the provider gave for the log-in."),
        ("state" = Option<String>, Query, description = "What the browser left with."),
        ("iss" = Option<String>, Query, description = "Who sends it back."),
        ("error" = Option<String>, Query, description = "Why the provider let nobody in."),
    ),
    responses(
        (status = 303, description = "To the page, with the session's cookie, or to say why there is none."),
        (status = 404, description = "There is no provider.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn finish(ask: Ask) -> Answer {
    // Providers add parameters of their own: what is not known here is left alone.
    let provider = provider(&ask)?;
    match arrive(&ask, &*provider).await {
        Ok(response) => Ok(noted(response)),
        Err(why) => {
            let (accounts, refusals) = (&ask.state.accounts, &ask.state.refusals);
            write_down(accounts, refusals, (&ask.who, ask.peer), WRITES, (&[], &[]), why).await;
            Ok(noted(back(&ask, why)))
        }
    }
}

async fn arrive(ask: &Ask, provider: &dyn SignIn) -> Result<Response, &'static str> {
    let fits = |name: &str| ask.query.text(name).filter(|t| t.len() <= MAX_CODE);
    let sealed = cookie(&ask.headers, ask.channel.departure_name()).unwrap_or("");
    let departures = &ask.state.departures;
    let state = fits("state").ok_or("again")?;
    let _room = departures.room.try_acquire().map_err(|_| "busy")?;
    let departure = departures.arrive(sealed, state, ask.state.now()).ok_or("again")?;
    if let Some(error) = ask.query.text("error") {
        departures.forget(state);
        tracing::info!(error = shorten(error), "the provider let somebody not in");
        return Err("declined");
    }
    let code = fits("code").ok_or("again")?;
    let issuer = fits("iss").map(str::to_owned);
    let Departure { nonce, verifier, to, .. } = departure;
    let done = provider.finish(SignInReturn { code: code.into(), issuer, nonce, verifier }).await.map_err(|fault| {
        departures.forget(state);
        of_fault(fault)
    })?;
    let who = Outsider {
        identity: Identity { issuer: done.issuer, subject: done.subject },
        name: done.name,
        grant: done.grant,
    };
    let (lasts, from, agent) = (provider.lasts(), ask.peer.0, agent(ask));
    // One that is logged in already does not stay so beside the new one.
    let (before, by) = (ask.who.clone(), by(ask));
    let let_in = move |a: &crate::access::Accounts| {
        let done = a.let_in(who, lasts, from, &agent);
        if let (Ok(_), How::Session(hash)) = (&done, before.how) {
            a.log_out(&hash, &by)?;
        }
        Ok(done)
    };
    let (secret, _) = match with(ask, let_in).await {
        Ok(done) => done.map_err(|shut| of_shut(&shut))?,
        Err(problem) if problem.code() == Kind::Unavailable.code() => return Err("busy"),
        Err(_) => return Err("failed"),
    };
    let mut response = sent(&format!("/#{to}")).ok_or("failed")?;
    let cookies = [ask.channel.set_session(&secret), ask.channel.departure("", 0)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

const fn of_fault(fault: SignInFault) -> &'static str {
    match fault {
        SignInFault::Away => "away",
        SignInFault::Refused | SignInFault::Unbelieved => "unbelieved",
    }
}

fn of_shut(shut: &Shut) -> &'static str {
    match shut {
        Shut::NoAdministrator => "no_administrator",
        Shut::NoRole => "no_role",
        Shut::NoName => "no_name",
        Shut::NameTaken => "name_taken",
        Shut::Disabled => "disabled",
        Shut::LastAdministrator => "last_administrator",
        Shut::Failed(error) => {
            tracing::error!(%error, "somebody whom the provider let in could not be let in here");
            "failed"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_the_page() {
        for good in ["/alarms", "/machine/%E9%9F%B6/x?from=1&to=2", "/"] {
            assert_eq!(place(Some(good)), good);
        }
        let long = format!("/{}", "x".repeat(500));
        for bad in ["", "alarms", "https://evil.example", "/a b", "/\r\nSet-Cookie: a=b", "/林", "/\"><script>", &long]
        {
            assert_eq!(place(Some(bad)), "/", "{bad}");
        }
        // Behind `#` even this is a place on the page.
        assert_eq!(place(Some("//evil.example")), "//evil.example");
    }

    #[test]
    fn home_is_told_by_host_and_port() {
        let at = |host: &'static str, home: &str| {
            let headers = HeaderMap::from_iter([(warp::http::header::HOST, HeaderValue::from_static(host))]);
            at_home(home, &headers)
        };
        assert!(at("danxia.plant:8443", "https://Danxia.plant:8443") && at("[::1]:80", "http://[::1]:80"));
        assert!(!at("127.0.0.1:8080", "https://danxia.plant:8443") && !at("danxia.plant", "https://danxia.plant:8443"));
        assert!(!at_home("https://danxia.plant", &HeaderMap::new()));
    }
}
