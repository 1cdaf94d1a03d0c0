//! From where the page may be spoken to.
//!
//! A page on the internet can make a visitor's browser talk to 127.0.0.1, or to an address of the plant. While there is
//! no administrator, whoever reaches the page may do everything, and two rules keep other pages out: the name under which
//! the server was reached must be a loopback name (against DNS rebinding, where a stranger's name points here), and a
//! request that changes something must come from our own origin and carry JSON (against cross-site writes).
//!
//! Once there is an administrator the second rule stays and the first one goes: the plant reaches the server under names
//! that nobody listed. Rebinding gains nothing then, because a request counts only by what it bears. A browser keeps the
//! session's cookie for the host by which its person logged in, and sends none to the stranger's name; a token is in no
//! browser; and without either there is nothing to be read but what anybody may know ([`crate::access::Need::Nothing`]).

use std::net::{IpAddr, Ipv6Addr};

use warp::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN};
use warp::http::uri::Authority;

use crate::channel::Channel;
use crate::problem::{Kind, Problem, shorten};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request came in under a name by which it is served; `open`: while nobody has to log in.
pub(crate) fn host(authority: Option<&Authority>, open: bool) -> Result<&Authority, Problem> {
    match authority {
        Some(a) if !open || loopback(a.host()) => Ok(a),
        found => Err(Problem::new(
            Kind::ForeignHost,
            format!(
                "the Host header is {:?}; expected localhost or a loopback address, as long as there is no administrator",
                found.map_or(String::new(), |a| shorten(a.as_str()))
            ),
            "open http://localhost with the server's port on the computer that runs it",
        )),
    }
}

/// What most bodies are.
pub(crate) const JSON: &[&str] = &["application/json"];

/// Whether a request that changes something comes from our own page, or from a program, and carries one of the media types
/// that are taken.
pub(crate) fn write(
    channel: Channel,
    authority: &Authority,
    headers: &HeaderMap,
    takes: &[&str],
) -> Result<(), Problem> {
    let next = "send the request from the page that this server delivers, or from a program without an Origin header";
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("");
        if !channel.is_own(origin, authority) {
            let own = format!("{}://{authority}", channel.scheme());
            let detail = format!("the Origin header is {:?}; expected {own:?}", shorten(origin));
            return Err(Problem::new(Kind::ForeignOrigin, detail, next));
        }
    }
    if let Some(site) = headers.get(FETCH_SITE)
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        let detail = "the Sec-Fetch-Site header says that another site sent this; expected same-origin";
        return Err(Problem::new(Kind::ForeignOrigin, detail, next));
    }
    form(headers, takes)
}

/// What a form of another site could send (`text/plain` and the like) is none of what is taken.
fn form(headers: &HeaderMap, takes: &[&str]) -> Result<(), Problem> {
    let found = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = found.split(';').next().unwrap_or("").trim();
    if takes.iter().any(|media| essence.eq_ignore_ascii_case(media)) {
        return Ok(());
    }
    let detail = format!("the Content-Type header is {:?}; expected {}", shorten(found), takes.join(", "));
    let next = match takes {
        JSON => "send the body as JSON and say so in Content-Type",
        _ => "send one of these and say which in Content-Type",
    };
    Err(Problem::new(Kind::MediaType, detail, next))
}

/// `localhost`, `127.0.0.0/8` or `[::1]`.
pub(crate) fn loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|a| a.is_loopback()),
        None => host.parse::<IpAddr>().is_ok_and(|a| a.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_ours() {
        let ours = ["localhost", "LocalHost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:80", "[0:0:0:0:0:0:0:1]"];
        let foreign =
            ["evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "0"];
        for (hosts, ok) in [(&ours[..], true), (&foreign[..], false)] {
            for h in hosts {
                assert_eq!(host(Some(&h.parse().unwrap()), true).is_ok(), ok, "{h}");
                assert!(host(Some(&h.parse().unwrap()), false).is_ok(), "{h}");
            }
        }
        assert!(host(None, true).is_err() && host(None, false).is_err());
    }

    #[test]
    fn writes_come_from_our_own_page_or_from_programs() {
        let authority: Authority = "localhost:8080".parse().unwrap();
        let check = |headers: &[(&'static str, &'static str)], expect: Result<(), Kind>| {
            let map = headers.iter().map(|(k, v)| (HeaderName::from_static(k), v.parse().unwrap())).collect();
            let found = write(Channel::Plain, &authority, &map, super::JSON);
            assert_eq!(found.clone().map_err(|p| p.status()), expect.map_err(|k| Problem::new(k, "", "").status()));
        };
        const JSON: (&str, &str) = ("content-type", "application/json");
        check(&[JSON], Ok(()));
        check(&[("content-type", "Application/JSON; charset=utf-8")], Ok(()));
        check(&[JSON, ("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")], Ok(()));
        check(&[JSON, ("origin", "https://localhost:8080")], Ok(()));
        check(&[JSON, ("origin", "http://localhost:9090")], Err(Kind::ForeignOrigin));
        check(&[JSON, ("origin", "https://evil.example")], Err(Kind::ForeignOrigin));
        check(&[JSON, ("origin", "null")], Err(Kind::ForeignOrigin));
        check(&[JSON, ("sec-fetch-site", "cross-site")], Err(Kind::ForeignOrigin));
        check(&[], Err(Kind::MediaType));
        check(&[("content-type", "text/plain")], Err(Kind::MediaType));
    }
}
