//! What goes wrong is said in one form: what was expected, what was found, what to do.

use serde_json::Value as Json;

use crate::answers::encode;
use crate::house::{House, TEMP, VIB, WAVEFORM, history};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// (method, path, headers, body) -> (status, kind, a word of the detail)
type Row<'a> = (&'a str, String, Vec<(&'a str, &'a str)>, &'a str, u16, &'a str, &'a str);

#[tokio::test]
async fn every_error_is_a_problem_with_a_next_step() {
    let house = House::open().await;
    house.commit(history()).await;
    let (temp, vib) = (encode(TEMP), encode(VIB));
    let alarm = house.json("/api/v1/alarms").await["alarms"][0]["id"].as_str().unwrap().to_owned();
    let acknowledge = format!("/api/v1/alarms/{alarm}/acknowledge");
    let large = format!("{{\"by\":\"{}\"}}", "x".repeat(70_000));
    let point = |path: &str| format!("/api/v1/{path}?point={temp}");
    let several = || "/api/v1/series/query".to_owned();
    let seventeen = || (0..17).map(|i| format!("s%2Fm{i}")).collect::<Vec<_>>().join("%23");
    let of = |ask: &str| format!("{{{ask},\"series\":[{{\"point\":\"{TEMP}\"}}]}}");
    let asks = [
        r#""ask":"last","until":1"#,
        r#""ask":"range","limit":50001"#,
        r#""ask":"range","cursor":"1.5""#,
        r#""ask":"buckets","buckets":5,"width_ms":5"#,
        r#""ask":"buckets","width_ms":-1"#,
        r#""ask":"buckets","width_ms":1"#,
    ]
    .map(of);

    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        ("GET", "/api".into(), vec![], "", 404, "not_found", "path"),
        ("GET", "/api/".into(), vec![], "", 404, "not_found", "path"),
        ("GET", "/api/v1/nothing".into(), vec![("Accept", "text/html")], "", 404, "not_found", "path"),
        ("GET", "/api/v2/status".into(), vec![], "", 404, "not_found", "path"),
        ("GET", "/nothing".into(), vec![("Accept", "text/html")], "", 404, "not_found", "file"),
        ("GET", "/assets/../index.html".into(), vec![], "", 404, "not_found", "file"),
        ("GET", "//etc/passwd".into(), vec![], "", 404, "not_found", "file"),
        ("POST", "/".into(), vec![JSON], "{}", 405, "method_not_allowed", "GET"),
        ("POST", "/api/v1/status".into(), vec![JSON], "{}", 405, "method_not_allowed", "GET"),
        ("DELETE", "/api/v1/alarms".into(), vec![], "", 405, "method_not_allowed", "GET"),
        ("OPTIONS", "/api/v1/alarms".into(), vec![], "", 405, "method_not_allowed", "GET"),
        ("GET", acknowledge.clone(), vec![], "", 405, "method_not_allowed", "POST"),
        ("GET", "/api/v1/status".into(), vec![("Host", "evil.example")], "", 421, "foreign_host", "evil.example"),
        ("GET", "/".into(), vec![("Host", "danxia.evil.example:8080")], "", 421, "foreign_host", "loopback"),
        ("GET", "/metrics".into(), vec![("Host", "192.168.1.5")], "", 421, "foreign_host", "192.168.1.5"),
        ("GET", "/api/v1/status".into(), vec![("Host", "-")], "", 421, "foreign_host", "Host"),
        ("GET", "/api/v1/status".into(), vec![("Host", "a b")], "", 400, "bad_request", "Host"),
        ("GET", "http://evil.example/api/v1/status".into(), vec![], "", 400, "bad_request", "Host"),
        ("POST", acknowledge.clone(), vec![JSON, ("Origin", "http://evil.example")], "{}", 403, "foreign_origin", "evil"),
        ("POST", acknowledge.clone(), vec![JSON, ("Origin", "null")], "{}", 403, "foreign_origin", "null"),
        ("POST", acknowledge.clone(), vec![JSON, ("Sec-Fetch-Site", "cross-site")], "{}", 403, "foreign_origin", "site"),
        ("POST", acknowledge.clone(), vec![], "{}", 415, "media_type", "application/json"),
        ("POST", acknowledge.clone(), vec![("Content-Type", "text/plain")], "{}", 415, "media_type", "text/plain"),
        ("POST", acknowledge.clone(), vec![JSON], "{", 400, "bad_body", "EOF"),
        ("POST", acknowledge.clone(), vec![JSON], "{\"who\":1}", 400, "bad_body", "who"),
        ("POST", acknowledge.clone(), vec![JSON], "{\"by\":\"\"}", 400, "bad_body", "1 to 64"),
        ("POST", acknowledge.clone(), vec![JSON], &large, 413, "body_too_large", "65536"),
        ("POST", "/api/v1/alarms/0000000000000000/acknowledge".into(), vec![JSON], "", 404, "not_found", "alarm"),
        ("GET", "/api/v1/alarms/xyz".into(), vec![], "", 404, "not_found", "xyz"),
        ("GET", "/api/v1/alarms/0000000000000000/journal".into(), vec![], "", 404, "not_found", "alarm"),
        ("GET", "/api/v1/alarms?state=loud".into(), vec![], "", 400, "bad_query", "active, unacknowledged, shelved, suppressed, out_of_service, all"),
        ("GET", "/api/v1/alarms?machine=fan".into(), vec![], "", 400, "bad_query", "SITE/MACHINE"),
        ("GET", "/api/v1/alarms?limit=0".into(), vec![], "", 400, "bad_query", "1 to 10000"),
        ("GET", "/api/v1/alarms?limit=1&limit=2".into(), vec![], "", 400, "bad_query", "twice"),
        ("GET", "/api/v1/alarms?states=all".into(), vec![], "", 400, "bad_query", "state, machine, limit"),
        ("GET", "/api/v1/overview?x=1".into(), vec![], "", 400, "bad_query", "none"),
        ("GET", "/api/v1/journal?before=7".into(), vec![], "", 400, "bad_query", "next_before"),
        ("GET", "/api/v1/journal?limit=1001".into(), vec![], "", 400, "bad_query", "1 to 1000"),
        ("GET", "/api/v1/machines/s/none".into(), vec![], "", 404, "not_found", "s/none"),
        ("GET", "/api/v1/machines/s".into(), vec![], "", 404, "not_found", "path"),
        ("GET", "/api/v1/machines/s/a%2Fb".into(), vec![], "", 400, "bad_request", "'/'"),
        ("GET", "/api/v1/machines/s/%FF".into(), vec![], "", 400, "bad_request", "UTF-8"),
        ("GET", "/api/v1/series/last".into(), vec![], "", 400, "bad_query", "SITE/MACHINE/POINT"),
        ("GET", "/api/v1/series/last?point=a".into(), vec![], "", 400, "bad_query", "SITE/MACHINE/POINT"),
        ("GET", "/api/v1/series/last?point=a/b/c".into(), vec![], "", 404, "not_found", "a/b/c"),
        ("GET", "/api/v1/series/last?point=%FF".into(), vec![], "", 400, "bad_query", "UTF-8"),
        ("GET", point("series/last") + "&indicator=a/b", vec![], "", 400, "bad_query", "velocity_rms"),
        ("GET", point("series/range") + "&from=now", vec![], "", 400, "bad_query", "RFC 3339"),
        ("GET", point("series/range") + "&from=2000&to=1000", vec![], "", 400, "bad_query", "before"),
        ("GET", point("series/range") + "&limit=50001", vec![], "", 400, "bad_query", "50000"),
        ("GET", point("series/range") + "&cursor=x", vec![], "", 400, "bad_query", "next_cursor"),
        ("GET", point("series/buckets") + "&buckets=5001", vec![], "", 400, "bad_query", "5000"),
        ("GET", point("series/statistics") + "&buckets=5", vec![], "", 400, "bad_query", "point, indicator, from, to"),
        ("POST", several(), vec![JSON], "[]", 400, "bad_body", "expected a map"),
        ("POST", several(), vec![JSON], r#"{"ask":"sum","series":[]}"#, 400, "bad_body", "statistics"),
        ("POST", several(), vec![JSON], r#"{"ask":"last","series":[]}"#, 400, "bad_body", "1 to 64"),
        ("POST", several(), vec![JSON], r#"{"ask":"last","series":[{"point":"a"}]}"#, 400, "bad_body", "SITE/MACHINE"),
        ("POST", several(), vec![JSON], r#"{"ask":"last","series":[{"point":"a/b/c"}]}"#, 404, "not_found", "a/b/c"),
        ("POST", several(), vec![JSON], &asks[0], 400, "bad_body", "until"),
        ("POST", several(), vec![JSON], &asks[1], 400, "bad_body", "50000"),
        ("POST", several(), vec![JSON], &asks[2], 400, "bad_body", "next_cursor"),
        ("POST", several(), vec![JSON], &asks[3], 400, "bad_body", "one of them"),
        ("POST", several(), vec![JSON], &asks[4], 400, "bad_body", "above 0"),
        ("POST", several(), vec![JSON], &asks[5], 422, "too_costly", "5000"),
        ("GET", "/api/v1/waveforms".into(), vec![], "", 400, "bad_query", "SITE/MACHINE/POINT"),
        ("GET", "/api/v1/waveforms?point=a/b/c".into(), vec![], "", 404, "not_found", "a/b/c"),
        ("GET", format!("/api/v1/waveforms?point={vib}&limit=1001"), vec![], "", 400, "bad_query", "1000"),
        ("GET", "/api/v1/waveforms/x".into(), vec![], "", 404, "not_found", "waveform"),
        ("GET", format!("/api/v1/waveforms/{}/samples", WAVEFORM.replace("0192", "0193")), vec![], "", 404, "not_found", "0193"),
        ("GET", format!("/api/v1/waveforms/{}/spectra", WAVEFORM.replace("0192", "0193")), vec![], "", 404, "not_found", "0193"),
        ("GET", "/api/v1/quarantine?limit=many".into(), vec![], "", 400, "bad_query", "1 to 1000"),
        ("GET", "/api/v1/live?topics=noise".into(), vec![], "", 400, "bad_query", "values, alarms, status"),
        ("GET", "/api/v1/live?machine=s%2Fm%23none".into(), vec![], "", 400, "bad_query", "none"),
        ("GET", format!("/api/v1/live?machine={}", seventeen()), vec![], "", 400, "bad_query", "17 machines"),
        ("GET", format!("/api/v1/status?{}", "x".repeat(9_000)), vec![], "", 400, "bad_query", "8192"),
    ];
    let mut ids = std::collections::BTreeSet::new();
    let count = table.len();
    for (method, path, headers, body, status, kind, word) in table {
        let reply = house.ask(method, &path, &headers, body).await;
        let what = format!("{method} {} {headers:?}: {}", &path[..path.len().min(90)], reply.text());
        assert_eq!(reply.status, status, "{what}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
        let problem: Json = reply.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{what}");
        assert_eq!(problem["status"], status, "{what}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{word} is not in {what}");
        assert!(!problem["next"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty());
        assert_eq!(problem["request_id"].as_str(), reply.header("x-request-id"), "{what}");
        assert_eq!(reply.header("allow").is_some(), status == 405, "{what}");
        ids.insert(reply.header("x-request-id").unwrap().to_owned());
    }
    assert_eq!(ids.len(), count, "every request has an id of its own");
}
