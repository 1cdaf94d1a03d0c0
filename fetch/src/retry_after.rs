//! `Retry-After`.

use std::time::Duration;

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date of which `now` (seconds since 1970) is taken.
#[must_use]
pub fn retry_after(value: &str, now: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(at.as_secs().saturating_sub(u64::try_from(now).unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let check = |text, expect: Option<u64>| {
            assert_eq!(retry_after(text, 784_111_770), expect.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
