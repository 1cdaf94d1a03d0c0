use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};

use super::*;

fn key(point: &str, indicator: Option<&str>) -> SeriesKey {
    SeriesKey { point: point.parse().unwrap(), indicator: indicator.map(|i| i.parse().unwrap()) }
}

/// Every kind of value, the borders of time, and names that need quoting.
fn write(format: Format, indicators: bool) -> Vec<u8> {
    let mut out = PointWriter::new(format, indicators, Vec::new()).unwrap();
    let bad = Quality::Bad(plant::Reason::Sensor);
    out.series(&key("s/m,1/温度", None)).unwrap();
    out.value(Timestamp::MIN, &Value::Float(-0.1), Quality::Good).unwrap();
    out.value(Timestamp::from_nanos(1_735_689_600_000_000_001), &Value::Int((1 << 53) + 1), bad).unwrap();
    out.series(&key("s/m/on", None)).unwrap();
    out.series(&key("s/m/state", None)).unwrap();
    out.value(Timestamp::MAX, &Value::Bool(true), Quality::Good).unwrap();
    out.value(Timestamp::MAX, &Value::Text("=\"x\"\n".into()), Quality::Good).unwrap();
    if indicators {
        out.series(&key("s/m/v", Some("velocity_rms"))).unwrap();
        out.value(Timestamp::from_nanos(0), &Value::Float(1e300), Quality::Good).unwrap();
    }
    out.finish().unwrap()
}

#[test]
fn csv_has_the_columns_that_programs_rely_on() {
    let text = String::from_utf8(write(Format::Csv, false)).unwrap();
    assert_eq!(
        text,
        "time_ns,site,machine,point,value,quality\n\
         -9223372036854775808,s,\"m,1\",温度,-0.1,good\n\
         1735689600000000001,s,\"m,1\",温度,9007199254740993,bad(sensor)\n\
         9223372036854775807,s,m,state,true,good\n\
         9223372036854775807,s,m,state,\"'=\"\"x\"\"\n\",good\n"
    );
    let text = String::from_utf8(write(Format::Csv, true)).unwrap();
    assert!(text.starts_with("time_ns,site,machine,point,value,quality,indicator\n"), "{text}");
    assert!(text.contains(",温度,-0.1,good,\n") && text.ends_with(",good,velocity_rms\n"), "{text}");
}

#[test]
fn every_line_of_ndjson_is_an_object_and_times_are_exact() {
    let text = String::from_utf8(write(Format::Ndjson, true)).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(
        lines[1],
        serde_json::json!({"time": "2025-01-01T00:00:00.000000001Z", "site": "s", "machine": "m,1", "point": "温度",
            "value": 9_007_199_254_740_993_i64, "quality": "bad(sensor)"})
    );
    assert_eq!(lines[0]["time"], "1677-09-21T00:12:43.145224192Z");
    assert_eq!(lines[2]["value"], true);
    assert_eq!(lines[3]["value"], "=\"x\"\n");
    assert_eq!(lines[4]["indicator"], "velocity_rms");
}

fn rows(bytes: Vec<u8>) -> (usize, Vec<Row>) {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    (reader.num_row_groups(), reader.get_row_iter(None).unwrap().collect::<Result<_, _>>().unwrap())
}

#[test]
fn parquet_keeps_every_kind_of_value() {
    let (groups, rows) = rows(write(Format::Parquet, true));
    assert_eq!((groups, rows.len()), (1, 5));
    let cell = |row: usize, name: &str| {
        let (_, field) = rows[row].get_column_iter().find(|(n, _)| *n == name).unwrap();
        field.clone()
    };
    assert_eq!(cell(0, "value"), Field::Double(-0.1));
    assert_eq!(cell(0, "integer"), Field::Null);
    assert_eq!(cell(0, "machine"), Field::Str("m,1".into()));
    assert_eq!(cell(1, "integer"), Field::Long((1 << 53) + 1));
    assert_eq!(cell(1, "quality"), Field::Str("bad(sensor)".into()));
    assert_eq!(cell(2, "boolean"), Field::Bool(true));
    assert_eq!(cell(2, "value"), Field::Double(1.0));
    assert_eq!(cell(3, "text"), Field::Str("=\"x\"\n".into()));
    assert_eq!(cell(3, "value"), Field::Null);
    assert_eq!(cell(3, "indicator"), Field::Null);
    assert_eq!(cell(4, "indicator"), Field::Str("velocity_rms".into()));
    assert_eq!(cell(4, "point"), Field::Str("v".into()));
}

#[test]
fn row_groups_end_where_memory_would_and_lose_nothing() {
    let mut out = PointWriter::new(Format::Parquet, false, Vec::new()).unwrap();
    out.series(&key("s/m/a", None)).unwrap();
    for i in 0..(1 << 18) + 10 {
        out.value(Timestamp::from_nanos(i), &Value::Float(i as f64), Quality::Good).unwrap();
    }
    out.series(&key("s/m/b", None)).unwrap();
    let long = Value::Text("x".repeat(1 << 20).into());
    for i in 0..20 {
        out.value(Timestamp::from_nanos(i), &long, Quality::Good).unwrap();
    }
    let (groups, rows) = rows(out.finish().unwrap());
    assert_eq!((groups, rows.len()), (4, (1 << 18) + 30));
    let b = rows.iter().filter(|r| r.get_column_iter().any(|(n, f)| n == "point" && *f == Field::Str("b".into())));
    assert_eq!(b.count(), 20);
}

#[test]
fn an_empty_export_is_a_file_of_its_form() {
    for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
        let bytes = PointWriter::new(format, false, Vec::new()).unwrap().finish().unwrap();
        match format {
            Format::Csv => assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 1),
            Format::Ndjson => assert!(bytes.is_empty()),
            Format::Parquet => assert_eq!(rows(bytes).1.len(), 0),
        }
    }
}

#[test]
fn what_the_disk_says_is_handed_on() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
        let said = PointWriter::new(format, false, Full).and_then(|mut out| {
            out.series(&key("s/m/a", None))?;
            out.value(Timestamp::from_nanos(1), &Value::Int(1), Quality::Good)?;
            out.finish().map(drop)
        });
        assert_eq!(said.unwrap_err().kind(), io::ErrorKind::StorageFull, "{format:?}");
    }
}
