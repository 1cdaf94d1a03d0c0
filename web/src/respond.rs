//! Answers, and the headers that every one of them bears.

use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use warp::reply::Response;

/// No script, style, font or picture from anywhere but here, none inline; no frame around us, no form elsewhere.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// Under which a request is in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sets what every answer bears.
pub(crate) fn finish(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// `body` as `media`, to be asked for anew each time, but sent anew only where it has changed.
pub(crate) fn tagged(asked: &HeaderMap, media: &'static str, body: Vec<u8>) -> Response {
    let tag = format!("\"{:016x}\"", fnv(&body));
    if matches(asked, &tag) {
        return not_modified(&tag, "no-cache");
    }
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    cache(headers, &tag, "no-cache");
    response
}

/// `body` as JSON, tagged.
pub(crate) fn json<T: Serialize>(asked: &HeaderMap, body: &T) -> Response {
    // Our own types hold nothing that JSON cannot say (numbers that are none become null).
    tagged(asked, "application/json", serde_json::to_vec(body).unwrap_or_default())
}

/// An answer that was just made and holds for nobody else.
pub(crate) fn fresh<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let mut response = Response::new(serde_json::to_vec(body).unwrap_or_default().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 304 for `tag`.
pub(crate) fn not_modified(tag: &str, caching: &'static str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    cache(response.headers_mut(), tag, caching);
    response
}

pub(crate) fn cache(headers: &mut HeaderMap, tag: &str, caching: &'static str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
}

/// Whether the client has what `tag` (with its quotes) names.
pub(crate) fn matches(asked: &HeaderMap, tag: &str) -> bool {
    asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|v| v.split(',').map(str::trim).any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag))
}

/// FNV-1a, 64 bits: names a content, protects nothing.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_as_clients_send_them() {
        let tag = "\"0123456789abcdef\"";
        for (sent, expect) in [
            (tag, true),
            ("W/\"0123456789abcdef\"", true),
            ("\"x\", \"0123456789abcdef\"", true),
            ("*", true),
            ("\"x\"", false),
            ("0123456789abcdef", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, sent.parse().unwrap());
            assert_eq!(matches(&headers, tag), expect, "{sent}");
        }
    }
}
