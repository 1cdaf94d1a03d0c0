//! Every path answers with what was committed.

use historian::Batch;
use serde_json::{Value as Json, json};

use crate::house::{House, NOW, TEMP, VIB, WAVEFORM, history, order};

/// `%`-encodes all but the plainest characters.
pub fn encode(s: &str) -> String {
    s.bytes().map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

async fn furnished() -> House {
    let house = House::open().await;
    house.commit(history()).await;
    house
}

/// Each `(path in the answer, value)` must be there.
fn holds(answer: &Json, expect: &[(&str, Json)]) {
    for (pointer, value) in expect {
        assert_eq!(answer.pointer(pointer), Some(value), "{pointer} in {answer:#}");
    }
}

#[tokio::test]
async fn the_platform_says_how_it_is() {
    let house = furnished().await;
    let ready = house.json("/readyz").await;
    holds(&ready, &[("/ready", json!(true))]);
    assert_eq!(house.get("/healthz").await.text(), "ok\n");
    holds(
        &house.json("/api/v1/status").await,
        &[
            ("/demo", json!(true)),
            ("/loopback_only", json!(true)),
            ("/now", json!("2026-11-23T00:00:00Z")),
            ("/plant_time_zone", json!("Asia/Shanghai")),
            ("/mqtt/address", json!("127.0.0.1:1883")),
            ("/mqtt/tls_address", json!(null)),
            ("/store/head_seq", json!(1)),
            ("/store/machines", json!(2)),
        ],
    );
    assert_eq!(house.metric("danxia_store_queued_bytes").await, 42.0);
    assert!(house.metric("danxia_http_requests_total{route=\"/api/v1/status\",status=\"2xx\"}").await >= 1.0);
}

#[tokio::test]
async fn what_does_not_answer_makes_the_platform_unready_and_not_unhealthy() {
    let fault = web::Part { name: "store", fault: Some("the disk is full".into()) };
    let house = House::with(crate::house::config(), vec![fault]).await;
    let ready = house.get("/readyz").await;
    assert_eq!(ready.status, 503);
    holds(&ready.json(), &[("/parts/0/fault", json!("the disk is full")), ("/ready", json!(false))]);
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_overview_and_the_machine() {
    let house = furnished().await;
    holds(
        &house.json("/api/v1/overview").await,
        &[
            ("/counts/active", json!(1)),
            ("/counts/unacknowledged", json!({"1": 0, "2": 1, "3": 0, "4": 0})),
            ("/areas/0/area", json!("烧结")),
            ("/areas/0/machines/0/title/en", json!("Fan 3")),
            ("/areas/0/machines/0/status", json!("alarm")),
            ("/areas/0/machines/0/priority", json!(2)),
            ("/areas/0/machines/0/zone", json!("C")),
            ("/areas/0/machines/0/velocity_rms", json!(4.94)),
            ("/areas/0/machines/0/last_seen", json!("2026-11-22T23:59:59Z")),
            ("/areas/0/machines/0/spark/v", json!([4.88, 4.94])),
            ("/areas/1/area", json!(null)),
            ("/areas/1/machines/0/status", json!("no_data")),
            ("/areas/1/machines/0/last_seen", json!(null)),
        ],
    );
    let path = format!("/api/v1/machines/{}/{}", encode("韶钢"), encode("三号风机"));
    let machine = house.json(&path).await;
    holds(
        &machine,
        &[
            ("/site", json!("韶钢")),
            ("/machine", json!("三号风机")),
            ("/nominal_rpm", json!(1486.0)),
            ("/bearings/0/designation", json!("6205")),
            ("/bearings/0/shaft", json!("转子")),
            ("/bearings/0/tolerance", json!(null)),
            ("/train/measured", json!("motor")),
            ("/train/error", json!(null)),
            ("/train/shafts/1", json!({"name": "转子", "ratio": -0.4, "tolerance": 0.0})),
            ("/train/units/0/poles", json!(4)),
            ("/train/units/1/stages/0/gears/1", json!({"shaft": "转子", "teeth": 50})),
            ("/train/units/2/kind", json!("fan")),
            ("/train/units/2/passing", json!("blades")),
            ("/train/tones_rpm", json!(1486.0)),
            ("/train/tones/0/label", json!("line_2x")),
            ("/train/tones/2/label", json!("gear_mesh")),
            ("/points/0/id", json!(TEMP)),
            ("/points/0/unit", json!("°C")),
            ("/points/0/limits", json!({"hh": null, "h": 80.0, "l": null, "ll": null})),
            ("/points/0/last/value", json!(89.9)),
            ("/points/0/last/quality", json!("good")),
            ("/points/0/zone", json!(null)),
            ("/points/1/kind", json!("waveform")),
            ("/points/1/indicators/0/name", json!("velocity_rms")),
            ("/points/1/indicators/0/unit", json!("mm/s")),
            ("/points/1/zone/zone", json!("C")),
            ("/points/1/diagnosis/bearing/refused", json!(["record_length"])),
            ("/points/1/diagnosis/sensor/healthy", json!(true)),
            ("/alarms/0/condition", json!("high")),
        ],
    );
    let bpfo = machine.pointer("/bearings/0/orders/bpfo").unwrap().as_f64().unwrap();
    assert!((bpfo - 3.585).abs() < 1e-2, "{bpfo}");
    // 20 teeth at 1486 r/min.
    let mesh = machine.pointer("/train/tones/2/hz").unwrap().as_f64().unwrap();
    assert!((mesh - 495.333).abs() < 1e-2, "{mesh}");
}

#[tokio::test]
async fn series_as_they_came_and_summed_up() {
    let house = furnished().await;
    let temp = encode(TEMP);
    holds(
        &house.json(&format!("/api/v1/series/last?point={temp}")).await,
        &[("/unit", json!("°C")), ("/last/value", json!(89.9)), ("/last/t", json!("2026-11-22T23:59:59Z"))],
    );
    let from = (NOW - 300) * 1000;
    let first = house.json(&format!("/api/v1/series/range?point={temp}&from={from}&limit=200")).await;
    assert_eq!(first["t_ms"].as_array().unwrap().len(), 200);
    assert_eq!((&first["t_ms"][0], &first["v"][0]), (&json!(from), &json!(60.0)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = house.json(&format!("/api/v1/series/range?point={temp}&from={from}&limit=200&cursor={cursor}")).await;
    assert_eq!(rest["t_ms"].as_array().unwrap().len(), 100);
    assert_eq!((&rest["t_ms"][0], &rest["next_cursor"]), (&json!(from + 200_000), &json!(null)));

    let path = format!("/api/v1/series/buckets?point={temp}&from={from}&to={}&buckets=5", NOW * 1000);
    let buckets = house.json(&path).await;
    holds(
        &buckets,
        &[
            ("/width_ms", json!(60_000)),
            ("/count", json!([60, 60, 60, 60, 60])),
            ("/min/0", json!(60.0)),
            ("/last/4", json!(89.9)),
        ],
    );
    let indicator = format!("/api/v1/series/buckets?point={}&indicator=velocity_rms", encode(VIB));
    holds(&house.json(&indicator).await, &[("/unit", json!("mm/s")), ("/count", json!([1, 1]))]);
    // A known point may have said nothing.
    let silent = format!("/api/v1/series/last?point={}", encode(VIB));
    holds(&house.json(&silent).await, &[("/last", json!(null))]);
}

#[tokio::test]
async fn what_a_window_amounts_to() {
    let house = furnished().await;
    let (temp, from) = (encode(TEMP), (NOW - 300) * 1000);
    let found = house.json(&format!("/api/v1/series/statistics?point={temp}&from={from}&to={}", NOW * 1000)).await;
    holds(
        &found,
        &[
            ("/unit", json!("°C")),
            ("/count", json!(300)),
            ("/first/value", json!(60.0)),
            ("/min/value", json!(60.0)),
            ("/max/t", json!("2026-11-22T23:59:59Z")),
            ("/last/value", json!(89.9)),
            ("/bad", json!(0)),
        ],
    );
    // 60.0, 60.1, …, 89.9: of n evenly spaced values, the mean of the ends and s·√(n(n+1)/12).
    let near = |name: &str, wanted: f64| {
        let found = found[name].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-6, "{name}: {found}, wanted {wanted}");
    };
    near("mean", 74.95);
    near("time_mean", 74.9);
    near("p50", 74.95);
    near("p05", 60.0 + 0.05 * 29.9);
    near("standard_deviation", 0.1 * (300.0 * 301.0 / 12.0_f64).sqrt());
}

#[tokio::test]
async fn several_series_in_one_question() {
    let house = furnished().await;
    let (from, to) = (NOW - 300, NOW);
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    let ask = async |ask: &str, more: serde_json::Value| {
        let mut body = json!({
            "ask": ask,
            "series": [{"point": TEMP}, {"point": VIB, "indicator": "velocity_rms"}],
            "from": time(from),
            "to": time(to),
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = house.post("/api/v1/series/query", &body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    };
    let last = ask("last", json!({})).await;
    holds(&last, &[("/last/0/last/value", json!(89.9)), ("/last/1/indicator", json!("velocity_rms"))]);
    assert_eq!(last.get("range"), None);
    let buckets = ask("buckets", json!({"width_ms": 60_000})).await;
    holds(&buckets, &[("/buckets/0/count", json!([60, 60, 60, 60, 60])), ("/buckets/1/width_ms", json!(60_000))]);
    let statistics = ask("statistics", json!({})).await;
    holds(&statistics, &[("/statistics/0/count", json!(300)), ("/statistics/1/unit", json!("mm/s"))]);

    // In pages over both series: every value once, in order, and then an end.
    let whole = ask("range", json!({"limit": 50_000})).await;
    assert_eq!(whole["next_cursor"], json!(null));
    let columns = |answer: &serde_json::Value| -> Vec<(String, i64)> {
        let mut all = Vec::new();
        for part in answer["range"].as_array().unwrap() {
            let point = part["point"].as_str().unwrap();
            all.extend(part["t_ms"].as_array().unwrap().iter().map(|t| (point.to_owned(), t.as_i64().unwrap())));
        }
        all
    };
    let (mut pages, mut cursor, mut count) = (Vec::new(), json!(null), 0);
    loop {
        let page = ask("range", json!({"limit": 100, "cursor": cursor})).await;
        count += 1;
        pages.extend(columns(&page));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(pages, columns(&whole));
    assert_eq!(pages.len(), 300 + whole["range"][1]["t_ms"].as_array().unwrap().len());
    assert!(count >= 4, "{count} pages");
}

#[tokio::test]
async fn records_and_their_spectra() {
    let house = furnished().await;
    let list = house.json(&format!("/api/v1/waveforms?point={}", encode(VIB))).await;
    holds(&list, &[("/0/id", json!(WAVEFORM)), ("/0/n", json!(4)), ("/0/rpm", json!(1480.0))]);
    let detail = house.json(&format!("/api/v1/waveforms/{WAVEFORM}")).await;
    holds(
        &detail,
        &[("/t0", json!("2026-11-22T23:59:00Z")), ("/unit", json!("m/s²")), ("/diagnosis/zone/zone", json!("C"))],
    );
    let path = format!("/api/v1/waveforms/{WAVEFORM}/samples");
    let samples = house.get(&path).await;
    let floats: Vec<f32> = samples.body.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(floats, [0.5, 1.5, -0.5, 1.0]);
    assert_eq!(samples.header("content-type"), Some("application/octet-stream"));
    assert!(samples.header("cache-control").unwrap().contains("immutable"));
    let tag = samples.header("etag").unwrap();
    let again = house.ask("GET", &path, &[("If-None-Match", tag)], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    // The machine comes with the record: it has one bearing.
    let spectra = house.json(&format!("/api/v1/waveforms/{WAVEFORM}/spectra")).await;
    holds(&spectra, &[("/fs", json!(25_600.0)), ("/spectrum/df_hz", json!(1.0)), ("/spectrum/unit", json!("m/s²"))]);
}

#[tokio::test]
async fn alarms_and_their_journal() {
    let house = furnished().await;
    let alarms = house.json("/api/v1/alarms").await;
    holds(
        &alarms,
        &[
            ("/total", json!(1)),
            ("/alarms/0/machine/site", json!("韶钢")),
            ("/alarms/0/machine/title/zh", json!("三号风机")),
            ("/alarms/0/point", json!("temp")),
            ("/alarms/0/state", json!("unacknowledged")),
            ("/alarms/0/raised", json!("2026-11-22T23:59:30Z")),
            ("/alarms/0/acknowledged", json!(null)),
            ("/alarms/0/value", json!(81.5)),
            ("/alarms/0/unit", json!("°C")),
            ("/alarms/0/evidence/terms/value", json!(81.5)),
        ],
    );
    let id = alarms["alarms"][0]["id"].as_str().unwrap();
    assert_eq!(house.json(&format!("/api/v1/alarms/{id}")).await, alarms["alarms"][0]);
    let other = house.json(&format!("/api/v1/alarms?state=all&machine={}", encode("s/spare"))).await;
    assert_eq!(other["total"], 0);
    for t in 0..3 {
        house.commit(crate::house::raised(VIB, t)).await;
    }
    let own = house.json(&format!("/api/v1/alarms/{id}/journal")).await;
    holds(&own, &[("/entries/0/trigger", json!("raised")), ("/next_before", json!(null))]);
    assert_eq!(own["entries"].as_array().unwrap().len(), 1);
    let newest = house.json("/api/v1/journal?limit=3").await;
    let before = newest["next_before"].as_str().unwrap();
    let oldest = house.json(&format!("/api/v1/journal?limit=3&before={before}")).await;
    let times = |j: &Json| {
        j["entries"].as_array().unwrap().iter().map(|e| e["t"].as_str().unwrap()[14..19].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(times(&newest), ["00:02", "00:01", "00:00"]);
    assert_eq!((times(&oldest), &oldest["next_before"]), (vec!["59:30".to_owned()], &json!(null)));
}

#[tokio::test]
async fn what_became_of_every_message() {
    let house = furnished().await;
    let total = json!({"received": 300, "committed": 299, "duplicates": 0, "quarantined": 1, "refused": 0});
    assert_eq!(house.json("/api/v1/ledger/total").await, total);
    let ledger = house.json("/api/v1/ledger").await;
    holds(&ledger, &[("/total", total), ("/sources/0/source", json!("plc-1")), ("/sources/0/committed", json!(299))]);
    let quarantine = house.json("/api/v1/quarantine?code=json_syntax").await;
    holds(&quarantine, &[("/entries/0/head", json!("{x")), ("/entries/0/head_encoding", json!("utf-8"))]);
    assert_eq!(house.json("/api/v1/quarantine?code=other").await["entries"], json!([]));
    let groups = house.json("/api/v1/quarantine/groups").await;
    holds(&groups, &[("/0/code", json!("json_syntax")), ("/0/count", json!(1)), ("/0/example/source", json!("plc-1"))]);
    holds(
        &house.json("/api/v1/connections").await,
        &[
            ("/clients/0/client_id", json!("plc-1")),
            ("/clients/0/denials", json!(2)),
            ("/clients/0/last_denial", json!({"topic": "danxia/v1/s/m/alarm", "why": "publish_denied"})),
            ("/clients/0/throttled", json!(1)),
            ("/totals/connected", json!(1)),
            ("/totals/messages", json!(20)),
            ("/refused/rights", json!(3)),
        ],
    );
}

#[tokio::test]
async fn every_documented_path_is_served_and_every_parameter_is_checked() {
    let house = furnished().await;
    house.commit(Batch { work: vec![order(1, "s/spare")], ..Batch::default() }).await;
    let document = house.json("/api/v1/openapi.json").await;
    assert_eq!(document, serde_json::from_str::<Json>(&web::openapi()).unwrap());
    let alarm = house.json("/api/v1/alarms").await["alarms"][0]["id"].as_str().unwrap().to_owned();
    let mut asked = 0;
    for (template, operations) in document["paths"].as_object().unwrap() {
        let id = match template {
            t if t.contains("waveforms") => WAVEFORM,
            t if t.contains("quarantine") => "1",
            _ => &alarm,
        };
        let path = template
            .replace("{id}", id)
            .replace("{site}", "s")
            .replace("{machine}", "spare")
            .replace("{name}", "press")
            .replace("{number}", "1");
        let of_a_point = template.contains("series") || template.contains("export/points");
        let point = if of_a_point { format!("?point={}", encode(TEMP)) } else { String::new() };
        let point = if path.ends_with("/analysis") { "?kind=cepstrum".into() } else { point };
        let point = if path.ends_with("/orbit") { format!("?with={WAVEFORM}") } else { point };
        let of_vibration = path.ends_with("/waveforms") || path.ends_with("/waterfall");
        let point = if of_vibration { format!("?point={}", encode(VIB)) } else { point };
        let point = if path.ends_with("/quarantine/topics") { "?code=json_syntax".into() } else { point };
        // Providers of log-ins add parameters of their own to theirs.
        if template == "/api/v1/sign-in/callback" {
            continue;
        }
        for method in operations.as_object().unwrap().keys().map(|m| m.to_uppercase()) {
            // The stream has no end to wait for, and there is no provider here; photos are named by what they hold. Their tests
            // ask them.
            let photos = template.contains("/photos");
            let elsewhere = matches!(&**template, "/api/v1/live" | "/api/v1/sign-in") || (photos && method == "GET");
            if !elsewhere {
                let writes = matches!(&*method, "POST" | "PUT");
                let headers: &[_] = if writes { &[("Content-Type", "text/plain")] } else { &[] };
                let reply = house.ask(&method, &format!("{path}{point}"), headers, "").await;
                let expect = if writes { 415 } else { 200 };
                assert_eq!(reply.status, expect, "{method} {path}{point}: {}", reply.text());
            }
            let headers = [("Content-Type", if photos { "image/png" } else { "application/json" })];
            let misspelt = house.ask(&method, &format!("{path}?misspelt=1"), &headers, "{}").await;
            assert_eq!(misspelt.status, 400, "{method} {path}?misspelt=1");
            asked += 1;
        }
    }
    assert!(asked >= 25, "{asked}");
}

#[tokio::test]
async fn answers_bear_what_keeps_strangers_out_and_are_not_sent_twice() {
    let house = furnished().await;
    for path in ["/", "/healthz", "/api/v1/overview", "/api/v1/none", "/none"] {
        let reply = house.get(path).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(reply.header("x-request-id").is_some() && reply.header("cache-control").is_some(), "{path}");
    }
    let first = house.get("/api/v1/overview").await;
    let tag = first.header("etag").unwrap();
    let same = house.ask("GET", "/api/v1/overview", &[("If-None-Match", tag)], "").await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    house.commit(crate::house::raised(VIB, 0)).await;
    let changed = house.ask("GET", "/api/v1/overview", &[("If-None-Match", tag)], "").await;
    assert_eq!(changed.status, 200);
    let head = house.ask("HEAD", "/api/v1/ledger/total", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}
