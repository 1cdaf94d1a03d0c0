//! The page as it was embedded by `build.rs`, or what to do where it was not.

use warp::http::StatusCode;
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use warp::reply::Response;

use crate::respond;

/// A file of the page.
pub(crate) struct File {
    path: &'static str,
    mime: &'static str,
    etag: &'static str,
    raw: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The file at `path`, in the best form that the client takes; `None` where there is none.
pub(crate) fn file(path: &str, asked: &HeaderMap) -> Option<Response> {
    find(FILES, path).map(|f| deliver(f, asked)).or_else(|| (FILES.is_empty() && path == "/").then(unbuilt))
}

/// The file that `path` names.
pub(crate) fn find<'a>(files: &'a [File], path: &str) -> Option<&'a File> {
    let path = if path == "/" { "/index.html" } else { path };
    files.iter().find(|f| f.path == path)
}

fn deliver(file: &File, asked: &HeaderMap) -> Response {
    // Names below /assets/ hold a hash of their content: what they name never changes.
    let caching = if file.path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    if respond::matches(asked, file.etag) {
        return respond::not_modified(file.etag, caching);
    }
    let accepted = asked.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let (body, encoding) = match (file.brotli, file.gzip) {
        (Some(br), _) if accepts(accepted, "br") => (br, Some("br")),
        (_, Some(gz)) if accepts(accepted, "gzip") => (gz, Some("gzip")),
        _ => (file.raw, None),
    };
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.mime));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    respond::cache(headers, file.etag, caching);
    response
}

/// Whether `Accept-Encoding` names `coding` and does not refuse it by `q=0`.
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|part| {
        let mut fields = part.split(';').map(str::trim);
        let named = fields.next().is_some_and(|c| c.eq_ignore_ascii_case(coding));
        let refused = |f: &str| f.strip_prefix("q=").is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        named && !fields.any(refused)
    })
}

/// In place of the page: why it is not there, and how to build it.
fn unbuilt() -> Response {
    let body = format!(
        "<!doctype html>\n<html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>Danxia</title>\n\
         <h1>Danxia</h1>\n\
         <p>本程序未包含网页（{ABSENT}）。安装 Node.js 20 或更高版本，然后重新执行 <code>cargo build</code>；\
         或用 <code>DANXIA_UI_DIST=目录</code> 嵌入已构建好的网页。接口照常工作：\
         <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a></p>\n\
         <p lang=\"en\">This program was built without its page ({ABSENT}). Install Node.js 20 or later and run \
         <code>cargo build</code> again, or embed a built page with <code>DANXIA_UI_DIST=dir</code>. The API works all \
         the same: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a></p>\n</html>\n"
    );
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use warp::http::header::{CACHE_CONTROL, IF_NONE_MATCH};

    use super::*;

    static SAMPLE: &[File] = &[
        File {
            path: "/index.html",
            mime: "text/html; charset=utf-8",
            etag: "\"1\"",
            raw: b"plain",
            gzip: Some(b"gz"),
            brotli: Some(b"br"),
        },
        File { path: "/assets/a.png", mime: "image/png", etag: "\"2\"", raw: b"png", gzip: None, brotli: None },
    ];

    #[test]
    fn the_client_gets_the_best_form_it_takes() {
        let check = |path: &str, accept: &str, expect: Option<(Option<&str>, &str)>| {
            let mut asked = HeaderMap::new();
            asked.insert(ACCEPT_ENCODING, accept.parse().unwrap());
            let found = find(SAMPLE, path).map(|f| deliver(f, &asked));
            let found = found.as_ref().map(|r| {
                let text = |n| r.headers().get(n).map(|v| v.to_str().unwrap());
                (text(CONTENT_ENCODING), text(CACHE_CONTROL).unwrap())
            });
            assert_eq!(found, expect, "{path} {accept}");
        };
        let forever = "public, max-age=31536000, immutable";
        check("/", "gzip, deflate, br", Some((Some("br"), "no-cache")));
        check("/index.html", "gzip, deflate", Some((Some("gzip"), "no-cache")));
        check("/", "br;q=0, GZIP;q=0.5", Some((Some("gzip"), "no-cache")));
        check("/", "", Some((None, "no-cache")));
        check("/assets/a.png", "gzip, br", Some((None, forever)));
        check("/assets/b.png", "gzip, br", None);
        check("/assets/../index.html", "", None);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, "\"1\"".parse().unwrap());
        assert_eq!(deliver(&SAMPLE[0], &asked).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(deliver(&SAMPLE[1], &asked).status(), StatusCode::OK);
    }
}
