//! Writes well-formed inputs for the targets to begin with, made by the platform's own encoders, into `seeds/`.

use std::{fs, io};

use collector::wire::uff::{Form, TimeData};
use collector::wire::{hj212, sparkplug, uff, wav};
use sparkplug::{DataType, Metric, MetricValue, Payload};

fn put(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let dir = format!("seeds/{target}");
    fs::create_dir_all(&dir)?;
    fs::write(format!("{dir}/{name}"), bytes)
}

fn main() -> io::Result<()> {
    let samples: Vec<f32> = (0..64).map(|i| (i as f32 / 5.0).sin()).collect();
    put("wav", "two-channels", &wav::encode(25_600, &[&samples, &samples]))?;
    put("history", "long", "\0time_ns,site,machine,point,value,quality\n1,s,m,p,\"61.2\",good\n2,s,m,p,7,bad(sensor)\n3,s,m,q,8,\n4,s,m,q,9,\n".as_bytes())?;
    put("history", "wide", "\x1atime;T1;T2\n2026-01-31T08:00:00Z;1,5;\n2026-01-31T08:00:01Z;x;2\n\n2026-01-31T08:00:02Z;1;2\n".as_bytes())?;
    put("wav", "sidecar", br#"{"t0":"2026-01-31T08:00:00Z","machine":"s/m","unit":"g","scale":10,"channels":[{"point":"de"}]}"#)?;

    let signal = TimeData {
        title: "bearing".into(),
        date: "31-JAN-26 08:00:00".into(),
        response: ("NONE".into(), 1, 3),
        start: 0.0,
        step: 1.0 / 25_600.0,
        label: "acceleration".into(),
        unit: "m/s2".into(),
        values: samples.iter().map(|v| f64::from(*v)).collect(),
    };
    for (name, form) in [
        ("text", Form::Ascii { double: false }),
        ("long", Form::Ascii { double: true }),
        ("little", Form::Binary { big_endian: false, double: false }),
        ("big", Form::Binary { big_endian: true, double: true }),
    ] {
        put("uff", name, &uff::encode(std::slice::from_ref(&signal), form))?;
    }

    let segment = hj212::encode(
        "QN=20260131080000001;ST=32;CN=2011;PW=123456;MN=0123456789ABCDEF;Flag=5;\
         CP=&&DataTime=20260131080000;w01018-Rtd=35.2,w01018-Flag=N;w00000-Rtd=1.5&&",
    );
    put("hj212", "whole", &segment)?;
    put("hj212", "in-pieces", &[&[7][..], &segment, &segment[..20], &segment].concat())?;

    let metric = Metric::new("level", DataType::Double, MetricValue::Double(1.5)).with_alias(1);
    let payload = Payload { timestamp: Some(1), metrics: vec![metric], seq: Some(0), ..Payload::default() };
    put("sparkplug", "birth", &sparkplug::encode(&payload))?;

    put("json", "telemetry", br#"{"ts":1735689600123,"values":{"t":61.2,"speed":{"v":1486,"q":"good","u":"r/min"}}}"#)?;
    put("json", "event", br#"{"ts":1735689600123,"kind":"state","state":"running"}"#)?;
    put("mapping", "json", b"\0a/b\na/+m\ns\n{m}\n/v\npoint\nmm/s\n1\n/ts\n\n\n{\"v\":1.5,\"ts\":1735689600}")?;
    put("mapping", "csv", b"\x02a/b\na/+\ns\nm\n#2\npoint\n\n1\n#1\n\n\n2026-01-31T08:00:00Z,1.5\n")?;

    let connect = |v: u8, more: &[u8]| {
        [&[0x10, 13 + more.len() as u8, 0, 4][..], b"MQTT", &[v, 0, 0, 0], more, &[0, 1, b'c']].concat()
    };
    for (name, v, none) in [("three", 4, &[][..]), ("five", 5, &[0][..])] {
        let subscribe = [&[0x82, 6 + none.len() as u8, 0, 1][..], none, &[0, 1, b't', 1]].concat();
        let publish = [&[0x34, 6 + none.len() as u8, 0, 1, b't', 0, 9][..], none, b"x"].concat();
        let first = [connect(v, none), subscribe, publish].concat();
        let second = [connect(v, none), vec![0x62, 2, 0, 9, 0xc0, 0]].concat();
        put("mqtt_session", name, &[&[0, 0, first.len() as u8][..], &first, &second].concat())?;
    }
    println!("seeds written");
    Ok(())
}
