//! Addresses of servers.

use std::fmt;
use std::str::FromStr;

/// Where a server is, and what is asked of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query as written, from the first `/` on; empty where there is none.
    pub path: String,
}

/// Not an address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST:PORT/PATH or https://HOST:PORT/PATH, without user, password and fragment")]
pub struct UrlError;

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(UrlError),
        };
        if rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '#' | '\\') || !c.is_ascii()) {
            return Err(UrlError);
        }
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let default = if tls { 443 } else { 80 };
        let (host, port) = match authority.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']').ok_or(UrlError)?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(UrlError)?) })
            }
            None => authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p))),
        };
        let port = port.map_or(Ok(default), str::parse).map_err(|_| UrlError)?;
        if host.is_empty() || port == 0 || host.contains('@') || authority.contains('@') {
            return Err(UrlError);
        }
        Ok(Self { tls, host: host.to_owned(), port, path })
    }
}

impl Url {
    /// `host:port`, as in the `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }

    /// Scheme and authority, for people: path and query may hold a secret.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Debug for Url {
    /// Without path and query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let check = |url: &str, expect: Option<(bool, &str, u16, &str)>| {
            let found = url.parse::<Url>().ok().map(|u| (u.tls, u.host, u.port, u.path));
            assert_eq!(found, expect.map(|(t, h, p, r)| (t, h.to_owned(), p, r.to_owned())), "{url}");
        };
        check("http://127.0.0.1:8086", Some((false, "127.0.0.1", 8086, "")));
        check("https://influx.plant", Some((true, "influx.plant", 443, "")));
        check("https://proxy/influx/", Some((true, "proxy", 443, "/influx/")));
        check("http://[fd00::1]:8086/", Some((false, "fd00::1", 8086, "/")));
        check("https://robot/send?access_token=a%2Fb", Some((true, "robot", 443, "/send?access_token=a%2Fb")));
        check("https://robot?key=1", Some((true, "robot", 443, "/?key=1")));
        for bad in [
            "",
            "influx:8086",
            "ftp://a",
            "http://",
            "http://a:0",
            "http://a:x",
            "http://u@a",
            "http://u:p@a/",
            "http://[::1",
            "http://a/b c",
            "http://a/\r\nX: y",
            "http://a/#f",
            "http://a\\b",
            "http://测试/",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let url: Url = "https://robot/send?access_token=secret".parse().unwrap();
        assert_eq!(format!("{url:?}"), "https://robot:443");
    }
}
