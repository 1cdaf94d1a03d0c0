//! What an analyst asks of records: passed on as it was asked, refused where the numbers make no sense.

use std::sync::Arc;

use historian::Batch;
use plant::{Samples, Speed, Unit, Waveform, WaveformId, WaveformMeta};
use serde_json::json;

use crate::answers::encode;
use crate::house::{House, VIB, WAVEFORM, at, history};

async fn furnished() -> House {
    let house = House::open().await;
    house.commit(history()).await;
    house
}

fn record(id: u128, t: i64, rpm: Option<f64>) -> Waveform {
    let meta =
        WaveformMeta { speed: rpm.map(|mean_rpm| Speed { mean_rpm, range_rpm: None }), ..WaveformMeta::default() };
    let (samples, unit) = (Samples::F32([1.0f32; 8][..].into()), Unit::parse("m/s²").unwrap());
    Waveform::new(WaveformId(id), VIB.parse().unwrap(), at(t), at(t), 1_000.0, unit, samples, meta).unwrap()
}

#[tokio::test]
async fn questions_reach_the_analyst_as_they_were_asked() {
    let house = furnished().await;
    let path = format!("/api/v1/waveforms/{WAVEFORM}/analysis");
    for (query, expect) in [
        ("kind=zoom", "Zoom { low_hz: 0.0, high_hz: 12800.0 }"),
        ("kind=zoom&low_hz=0&high_hz=12800", "Zoom { low_hz: 0.0, high_hz: 12800.0 }"),
        (
            "kind=envelope&low_hz=1e3&high_hz=2e3&to_hz=500",
            "Envelope { low_hz: 1000.0, high_hz: 2000.0, to_hz: Some(500.0) }",
        ),
        ("kind=velocity", "Integrated { twice: false, low_hz: None }"),
        ("kind=displacement&low_hz=2", "Integrated { twice: true, low_hz: Some(2.0) }"),
        ("kind=peak_hold", "PeakHold { corner_hz: None }"),
        ("kind=peak_hold&corner_hz=2000", "PeakHold { corner_hz: Some(2000.0) }"),
        ("kind=cepstrum", "Cepstrum"),
        ("kind=spectrogram", "Spectrogram"),
        ("kind=kurtogram", "Kurtogram"),
        (
            "kind=orders&min_hz=20&max_hz=30",
            "Orders(Reference { tacho: None, expected_hz: Some((20.0, 30.0)), pulses_per_turn: 1.0 })",
        ),
        ("kind=average&ratio=0.5&pulses=60", "ratio: 0.5"),
    ] {
        let answer = house.json(&format!("{path}?{query}")).await;
        let asked = answer["source"].as_str().unwrap();
        // The machine comes with the record: it has one bearing.
        assert!(asked.starts_with(&format!("{WAVEFORM} 1 ")) && asked.contains(expect), "{query}: {asked}");
        assert_eq!(answer["refused"], json!([]), "{query}");
    }
    let tacho = house.json(&format!("{path}?kind=orders&tacho={WAVEFORM}&pulses=4")).await;
    let asked = tacho["source"].as_str().unwrap().to_owned();
    assert!(asked.contains("tacho: Some(") && asked.contains("pulses_per_turn: 4.0"), "{asked}");
    let run_up = house.json(&format!("{path}?kind=run_up&tacho={WAVEFORM}&pulses=2")).await;
    let asked = run_up["source"].as_str().unwrap().to_owned();
    assert!(asked.contains("RunUp { tacho: Waveform") && asked.contains("pulses_per_turn: 2.0"), "{asked}");
    let orbit = house.json(&format!("/api/v1/waveforms/{WAVEFORM}/orbit?with={WAVEFORM}")).await;
    assert_eq!(orbit["source"], json!(format!("{WAVEFORM} {WAVEFORM}")));
}

#[tokio::test]
async fn numbers_that_make_no_sense_are_refused_before_anything_is_computed() {
    let house = furnished().await;
    let record = format!("waveforms/{WAVEFORM}/analysis?kind=");
    let other = WAVEFORM.replace("0192", "0193");
    let falls = format!("waterfall?point={}", encode(VIB));
    for (path, status, word) in [
        (format!("{record}envelope&to_hz=-1"), 422, "12800"),
        (format!("{record}envelope&to_hz=NaN"), 422, "12800"),
        (format!("{record}envelope&to_hz=1e300"), 422, "12800"),
        (format!("{record}envelope&low_hz=inf"), 422, "12800"),
        (format!("{record}zoom&low_hz=-0.1"), 422, "12800"),
        (format!("{record}zoom&low_hz=500&high_hz=500"), 422, "below high_hz"),
        (format!("{record}orders&min_hz=30&max_hz=20"), 422, "below max_hz"),
        (format!("{record}orders&min_hz=30"), 422, "below max_hz"),
        (format!("{record}orders&max_hz=30"), 422, "min_hz beside it"),
        (format!("{record}orders&pulses=0"), 422, "10000"),
        (format!("{record}average&ratio=1e9"), 422, "10000"),
        (format!("{falls}&to_hz=-5"), 422, "half of the sampling rate"),
        (format!("{falls}&to_hz=20000"), 422, "12800"),
        (format!("{record}zoom&low_hz=ten"), 400, "ten"),
        (format!("{record}zoom&to_hz=5"), 400, "kind, low_hz, high_hz"),
        (format!("{record}cepstrum&low_hz=5"), 400, "kind"),
        (format!("{record}peak_hold&corner_hz=12801"), 422, "12800"),
        (format!("{record}peak_hold&low_hz=5"), 400, "corner_hz"),
        (format!("{record}run_up"), 400, "record of pulses"),
        (format!("{record}run_up&tacho={other}"), 404, "0193"),
        (format!("{record}velocity&low_hz=-1"), 422, "12800"),
        (format!("{record}fft"), 400, "zoom, velocity"),
        (record.clone(), 400, "zoom, velocity"),
        (format!("{record}orders&tacho=x"), 400, "UUID"),
        (format!("{record}orders&tacho={other}"), 404, "0193"),
        (format!("waveforms/{other}/analysis?kind=cepstrum"), 404, "0193"),
        (format!("waveforms/{WAVEFORM}/orbit"), 400, "right angles"),
        (format!("waveforms/{WAVEFORM}/orbit?with={other}"), 404, "0193"),
        ("waterfall".into(), 400, "SITE/MACHINE/POINT"),
        ("waterfall?point=a/b/c".into(), 404, "a/b/c"),
        (format!("{falls}&limit=129"), 400, "128"),
        (format!("{falls}&from=2000&to=1000"), 400, "before"),
    ] {
        let reply = house.get(&format!("/api/v1/{path}")).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        let kind = if status == 422 { "out_of_range" } else { "" };
        assert!(reply.json()["type"].as_str().unwrap().contains(kind), "{path}: {}", reply.text());
        assert!(reply.json()["detail"].as_str().unwrap().contains(word), "{path}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_waterfall_holds_the_newest_records_in_order_of_time_or_speed() {
    let house = furnished().await;
    let records = [record(1, -300, Some(900.0)), record(2, -200, None), record(3, -100, Some(600.0))];
    house.commit(Batch { waveforms: records.map(Arc::new).into(), ..Batch::default() }).await;
    let path = format!("/api/v1/waterfall?point={}", encode(VIB));
    let rpm = |answer: &serde_json::Value| {
        answer["map"]["records"].as_array().unwrap().iter().map(|r| r["rpm"].clone()).collect::<Vec<_>>()
    };
    let by_time = house.json(&path).await;
    assert_eq!(rpm(&by_time), [json!(900.0), json!(null), json!(600.0), json!(1480.0)]);
    // Half of the lowest sampling rate.
    assert_eq!(by_time["map"]["dx"], json!(500.0));
    let by_speed = house.json(&format!("{path}&by=speed&to_hz=200")).await;
    assert_eq!(rpm(&by_speed), [json!(600.0), json!(900.0), json!(1480.0)]);
    assert_eq!(by_speed["map"]["values"], json!([600.0, 900.0, 1480.0]));
    let two = house.json(&format!("{path}&limit=2")).await;
    assert_eq!(rpm(&two), [json!(600.0), json!(1480.0)]);
}

#[tokio::test]
async fn a_record_is_a_file_in_every_form() {
    let house = furnished().await;
    let path = format!("/api/v1/waveforms/{WAVEFORM}/export");
    let wav = house.get(&path).await;
    assert_eq!((wav.status, wav.header("content-type")), (200, Some("audio/wav")));
    let body = crate::export::whole(&wav);
    assert_eq!((&body[..4], &body[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    // The counts as the sensor sent them, at the end.
    assert!(body.ends_with(&[0, 0, 100, 0, 156, 255, 50, 0]), "{body:?}");
    let name = wav.header("content-disposition").unwrap();
    assert!(name.contains(".wav\"; filename*=UTF-8''") && name.is_ascii(), "{name}");
    let csv = crate::export::text(&house.get(&format!("{path}?format=csv")).await);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines.len()), ("time_s,value", 5));
    assert!(lines[2].ends_with(",1.5"), "{csv}");
    let uff = crate::export::text(&house.get(&format!("{path}?format=uff")).await);
    assert!(uff.trim_start().starts_with("-1"), "{uff}");
    let binary = crate::export::whole(&house.get(&format!("{path}?format=uff58b")).await);
    assert!(String::from_utf8_lossy(&binary).contains("58b"));
    let sidecar: serde_json::Value =
        serde_json::from_str(&crate::export::text(&house.get(&format!("{path}?format=sidecar")).await)).unwrap();
    assert!(sidecar.to_string().contains("m/s²"), "{sidecar}");
    for (query, status) in [("format=mat", 400), ("x=1", 400)] {
        assert_eq!(house.get(&format!("{path}?{query}")).await.status, status, "{query}");
    }
    let missing = house.get(&path.replace("0192", "0193")).await;
    assert_eq!(missing.status, 404);
}
