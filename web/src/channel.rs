//! By which channel a request came: plain HTTP, or HTTPS. What depends on it stands here: the name of the cookie, whether
//! it may travel in the clear, and what a browser calls us.

use warp::http::header::{COOKIE, HeaderMap, HeaderValue};
use warp::http::uri::Authority;

use crate::access::LONGEST;

/// Plain, or through TLS of our own. A server with TLS that somebody has put before us speaks plain HTTP to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Plain,
    Tls,
}

impl Channel {
    /// What the session's cookie is called. A browser takes a name with `__Host-` over TLS only, and from no other host;
    /// and since each channel reads its own name, nobody between browser and server can plant a session in the clear that
    /// counts over TLS.
    const fn cookie_name(self) -> &'static str {
        match self {
            Self::Plain => "danxia_session",
            Self::Tls => "__Host-danxia_session",
        }
    }

    const fn secure(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Tls => "; Secure",
        }
    }

    /// The session's secret, if the browser sent one. Of several the first, as browsers put the one of the longer path.
    pub(crate) fn session(self, headers: &HeaderMap) -> Option<&str> {
        cookie(headers, self.cookie_name())
    }

    /// The cookie that a log-in gives: out of reach of scripts, not sent along with what other sites ask.
    pub(crate) fn set_session(self, secret: &str) -> Option<HeaderValue> {
        self.made(secret, LONGEST.as_secs())
    }

    /// The one that takes it away.
    pub(crate) fn clear_session(self) -> Option<HeaderValue> {
        self.made("", 0)
    }

    fn made(self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let (name, secure) = (self.cookie_name(), self.secure());
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).ok()
    }

    /// Whether `origin` is that of a page which we deliver as `authority`. Who puts TLS in front of us answers under https
    /// and hands on what we serve under http; our own TLS is https and nothing else.
    pub(crate) fn is_own(self, origin: &str, authority: &Authority) -> bool {
        let plain = (self == Self::Plain).then(|| origin.strip_prefix("http://")).flatten();
        let host = plain.or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(|o| o.eq_ignore_ascii_case(authority.as_str()))
    }

    /// The scheme of our addresses.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

/// The value of the first cookie of this name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.filter_map(|p| p.trim().split_once('=')).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_reads_its_own_cookie() {
        let of = |channel: Channel, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for v in values {
                headers.append(COOKIE, v.parse().unwrap());
            }
            channel.session(&headers).map(str::to_owned)
        };
        assert_eq!(of(Channel::Plain, &["a=1; danxia_session=x; b=2"]), Some("x".into()));
        assert_eq!(of(Channel::Plain, &["a=1", "danxia_session=y"]), Some("y".into()));
        assert_eq!(of(Channel::Plain, &["xdanxia_session=y", "danxia_session"]), None);
        assert_eq!(of(Channel::Tls, &["danxia_session=planted"]), None);
        assert_eq!(of(Channel::Tls, &["danxia_session=planted; __Host-danxia_session=z"]), Some("z".into()));
        assert_eq!(of(Channel::Plain, &["__Host-danxia_session=z"]), None);
    }

    #[test]
    fn what_travels_over_tls_travels_nowhere_else() {
        let tls = Channel::Tls.set_session("s").unwrap();
        assert_eq!(
            tls.to_str().unwrap(),
            "__Host-danxia_session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"
        );
        let plain = Channel::Plain.set_session("s").unwrap();
        assert_eq!(plain.to_str().unwrap(), "danxia_session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000");
        assert!(Channel::Tls.clear_session().unwrap().to_str().unwrap().ends_with("Max-Age=0; Secure"));
    }

    #[test]
    fn origins_are_those_of_the_channel() {
        let authority: Authority = "danxia.plant:8443".parse().unwrap();
        for (origin, plain, tls) in [
            ("https://danxia.plant:8443", true, true),
            ("https://DANXIA.plant:8443", true, true),
            ("http://danxia.plant:8443", true, false),
            ("https://danxia.plant", false, false),
            ("https://evil.example", false, false),
            ("danxia.plant:8443", false, false),
            ("null", false, false),
        ] {
            assert_eq!(Channel::Plain.is_own(origin, &authority), plain, "{origin}");
            assert_eq!(Channel::Tls.is_own(origin, &authority), tls, "{origin}");
        }
    }
}
