use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// 2030: later is the future.
const NEWEST: Timestamp = Timestamp::from_secs(1_893_456_000);

fn layout() -> Layout {
    Layout::new(NEWEST)
}

/// Everything a file says: `point time value quality [unit]` or `line:column: expected`, and the cells passed over.
fn said(bytes: &[u8], layout: Layout) -> (Vec<String>, u64) {
    let mut history = History::open(Cursor::new(bytes), layout).unwrap();
    let (mut row, mut out, mut passed) = (Row::default(), Vec::new(), 0);
    while history.read(&mut row).unwrap() {
        for e in &row.entries {
            let unit = e.unit.map_or(String::new(), |u| format!(" {u}"));
            out.push(format!("{} {} {} {}{unit}", history.points()[e.point], e.t, e.value, e.quality));
        }
        out.extend(row.rejects.iter().map(|r| format!("{}:{}: {} ({})", r.line, r.column, r.expected, r.found)));
        passed += row.passed;
    }
    (out, passed)
}

fn check(text: &str, layout: Layout, want: &[&str]) {
    let (found, _) = said(text.as_bytes(), layout);
    assert_eq!(found.len(), want.len(), "{text}: {found:#?}");
    for (found, want) in found.iter().zip(want) {
        assert!(found.starts_with(want), "{text}: {found:?} does not begin with {want:?}");
    }
}

fn refused(text: &[u8], layout: Layout) -> String {
    match History::open(Cursor::new(text), layout) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("{} was taken", String::from_utf8_lossy(text)),
    }
}

#[test]
fn our_own_export_is_read_again() {
    check(
        "time_ns,site,machine,point,value,quality,indicator\n1,s,\"m,1\",a/b,61.2,good,\n2,s,\"m,1\",a/b,7,uncertain(no_timestamp),\n\
         3,s,\"m,1\",a/b,-8,bad(sensor),\n4,s,\"m,1\",a/b,9,good,velocity_rms\n5,s,m,on,true,good,\n",
        layout(),
        &[
            "s/m,1/a/b 1 61.2 good",
            "s/m,1/a/b 2 7 uncertain(source)",
            "s/m,1/a/b 3 -8 bad(source)",
            "s/m/on 5 true good",
        ],
    );
    let texts = Layout { texts: true, ..layout() };
    check("time_ns,point,value\n1,s/m/p,\"'=1+1\n\"\"x\"\"\"\n", texts, &["s/m/p 1 =1+1\n\"x\" good"]);
}

#[test]
fn times_in_every_form() {
    let at = "s/m/p 1735689600000000000 1";
    let with = |header: &str, cell: &str, layout: Layout, want: &str| {
        check(&format!("{header},point,value\n\"{cell}\",s/m/p,1\n"), layout, &[want]);
    };
    for (header, cell) in [
        ("time_ns", "1735689600000000000"),
        ("time_us", "1735689600000000"),
        ("time_ms", "1735689600000"),
        ("time_s", "1735689600"),
        ("Time", "2025-01-01T08:00:00+08:00"),
        ("time", " 2025-01-01 00:00:00Z "),
    ] {
        with(header, cell, layout(), at);
    }
    with("time_s", "1735689600.0000000019", layout(), "s/m/p 1735689600000000001 1");
    with("time_s", "-0.5", layout(), "s/m/p -500000000 1");
    with("time_s", "1.7e9", layout(), "2:time_s: seconds since 1970");
    with("time_ms", "9999999999999999", layout(), "2:time_ms: milliseconds");
    with("time_s", "1893456001", layout(), "2:time_s: a time that is not in the future");
    with("time", "2025-01-01 08:00:00", layout(), "2:time: a time with its offset");
    let shanghai = || Layout { zone: Some(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()), ..layout() };
    for cell in ["2025-01-01 08:00:00", "2025/01/01 08:00", "2025-01-01T08:00:00.000"] {
        with("time", cell, shanghai(), at);
    }
    let format = |f: &str| Layout { time_format: Some(f.into()), ..shanghai() };
    with("time", "1/1/2025 8:00", format("%d/%m/%Y %H:%M"), at);
    with("time", "2025年1月1日 8时", format("%Y年%m月%d日 %H时"), at);
    with("time", "2025-01-01 00:00 +0000", format("%Y-%m-%d %H:%M %z"), at);
    with("time", "yesterday", format("%Y-%m-%d"), "2:time: a time as %Y-%m-%d (yesterday)");
    let berlin = || Layout { zone: Some(jiff::tz::TimeZone::get("Europe/Berlin").unwrap()), ..layout() };
    with("time", "2024-03-31 02:30:00", berlin(), "2:time: a time that the clocks of its zone have shown");
    with("time", "2024-10-27 02:30:00", berlin(), "2:time: a time that its zone has only once");
    with("time", "2024-10-27 04:30:00", berlin(), "s/m/p 1729999800000000000 1");
}

#[test]
fn points_by_columns_and_by_what_is_said() {
    let machine = || Some("s/m".parse().unwrap());
    let row = ["s/m/p 1 2"];
    check("time_ns,machine,point,value\n1,s/m,p,2\n", layout(), &row);
    check("time_ns,point,value\n1,p,2\n", Layout { machine: machine(), ..layout() }, &row);
    check("time_ns,value\n1,2\n", Layout { machine: machine(), point: Some("p".into()), ..layout() }, &row);
    check("time_ns,value\n1,2\n", Layout { point: Some("s/m/p".into()), ..layout() }, &row);
    check("time_ns,site,machine,value\n1,s,m,2\n", Layout { point: Some("p".into()), ..layout() }, &row);
    let columns = vec![(Role::TimeMs, "时间".into()), (Role::Point, "测点".into()), (Role::Value, "值".into())];
    check("时间,测点,值\n0,s/m/p,2\n", Layout { columns, ..layout() }, &["s/m/p 0 2"]);
    check(
        "time_ns,point,value\n1,s/m,2\n2,s/m/p,2\n",
        layout(),
        &["2:point: a point: \"s/m\" is not SITE/MACHINE/POINT", "s/m/p 2 2"],
    );
    let unit = Layout { unit: Unit::parse("bar"), ..layout() };
    check(
        "time_ns,point,value,unit\n1,s/m/p,2,kPa\n2,s/m/p,2,\n3,s/m/p,2,parsec\n",
        unit,
        &["s/m/p 1 2 good kPa", "s/m/p 2 2 good bar", "4:unit: a unit of the table (parsec)"],
    );
}

#[test]
fn wide_tables() {
    let machine: Option<plant::MachineId> = Some("s/m".parse().unwrap());
    let all = Layout { wide: Wide::All, machine: machine.clone(), ..layout() };
    let (found, passed) = said("time_s,温度,压力\n1,20.5,\n2,x,101\n".as_bytes(), all);
    assert_eq!((found.len(), passed), (3, 1), "{found:?}");
    assert_eq!(found[0], "s/m/温度 1000000000 20.5 good");
    assert!(found[1].starts_with("s/m/压力 2000000000 101"), "{found:?}");
    assert!(found[2].starts_with("3:温度: a number"), "{found:?}");
    let mapped = |column: &str, point: &str, unit| Mapped { column: column.into(), point: point.into(), unit };
    let these = Wide::These(vec![mapped("T1", "temp", Unit::parse("°C")), mapped("P", "other/m/p", None)]);
    let layout_of = |wide, machine| Layout { wide, machine, ..layout() };
    let full = Wide::These(vec![mapped("T1", "s/m/temp", Unit::parse("°C")), mapped("P", "other/m/p", None)]);
    check(
        "time_s,T1,P,note\n1,2,3,x\n",
        layout_of(full, None),
        &["s/m/temp 1000000000 2 good °C", "other/m/p 1000000000 3"],
    );
    check(
        "time_s,machine,T1,P\n1,s/a,2,3\n",
        layout_of(these, None),
        &["s/a/temp 1000000000 2", "s/a/other/m/p 1000000000 3"],
    );
    let twice = Wide::These(vec![mapped("T1", "t", None), mapped("P", "t", None)]);
    assert!(refused(b"time_s,T1,P\n", layout_of(twice, machine)).contains("both of the point s/m/t"));
}

#[test]
fn files_as_programs_write_them() {
    check(
        "\u{feff}time_ns;point;value\r\n1;s/m/p;2,5\r\n\r\n2;s/m/p;3",
        Layout { decimal_comma: true, ..layout() },
        &["s/m/p 1 2.5", "s/m/p 2 3"],
    );
    check("time_ns\tpoint\tvalue\t\n1\ts/m/p\t2\t\n", layout(), &["s/m/p 1 2"]);
    check(
        "time_ns,point,value\n1,s/m/p,\"1.234,5\"\n",
        Layout { decimal_comma: true, ..layout() },
        &["2:value: a number"],
    );
    let (bytes, _, _) = encoding_rs::GBK.encode("时间,测点,值\n1,韶钢/三号风机/温度,20\n");
    let columns = vec![(Role::TimeNs, "时间".into()), (Role::Point, "测点".into()), (Role::Value, "值".into())];
    let gbk = Layout { encoding: Encoding::Gbk, columns: columns.clone(), ..layout() };
    assert_eq!(said(&bytes, gbk).0, ["韶钢/三号风机/温度 1 20 good"]);
    assert!(refused(&bytes, Layout { columns, ..layout() }).contains("give --encoding gbk"));
    let mut bytes = b"time_ns,point,value\n1,s/m/p".to_vec();
    bytes.extend_from_slice(b"\xff,1\n2,s/m/p,1\n");
    let (found, _) = said(&bytes, layout());
    assert!(found[0].starts_with("2:point: text in UTF-8") && found[1].starts_with("s/m/p 2"), "{found:?}");
}

#[test]
fn headers_that_are_none_say_what_is_missing() {
    for (text, layout, why) in [
        ("", layout(), "an empty file"),
        ("\u{fffe}", layout(), "the columns are"),
        ("a,b\n", layout(), "time_ns, time_us"),
        ("time_ns,value\n", layout(), "a column point"),
        ("time_ns,point\n", layout(), "a column value"),
        ("time_ns,point,value,value\n", layout(), "comes twice"),
        ("time_ns,site,point,value\n", layout(), "a column machine"),
        ("time_ns,point,value\n", Layout { columns: vec![(Role::Value, "v".into())], ..layout() }, "\"v\" for value"),
        ("time_ns,p\n", Layout { wide: Wide::All, ..layout() }, "\"p\" is no point"),
        ("time_ns\n", Layout { wide: Wide::All, ..layout() }, "at least one column of values"),
        ("\"time_ns,point,value\n", layout(), "a quote that is closed"),
        ("a|b\n", Layout { encoding: Encoding::Gbk, delimiter: Some(b'|'), ..layout() }, "half of a character"),
    ] {
        let said = refused(text.as_bytes(), layout);
        assert!(said.contains(why), "{text:?}: {said}");
    }
    assert!(refused(b"\xff\xfet\0", layout()).contains("UTF-16"));
}

#[test]
fn bad_rows_are_named_and_the_good_ones_go_on() {
    let long = format!("time_ns,point,value\n1,s/m/p,1\n2,s/m/p,{}\n3,s/m/p,3\n", "9".repeat(3 << 20));
    check(&long, layout(), &["s/m/p 1 1", "3:: a row of at most 1 MiB (2,s/m/p,999", "s/m/p 3 3"]);
    // A quote that is never closed, and two that hold together what does not belong together.
    for open in ["", "9,s/m/p,\"9\n"] {
        let text = format!("time_ns,point,value\n1,s/m/p,\"1\n2,s/m/p,2\n3,s/m/p,3\n{open}");
        let (found, _) = said(text.as_bytes(), layout());
        assert!(found[0].starts_with("2:: a quote that is closed"), "{found:?}");
        assert_eq!(found[1..3], ["s/m/p 2 2 good", "s/m/p 3 3 good"]);
    }
    let wide = format!("time_ns,point,value\n{}\n1,s/m/p,1\n", ",".repeat(5_000));
    check(&wide, layout(), &["2:: at most 4096 columns", "s/m/p 1 1"]);
    check(
        "time_ns,point,value\n1,s/m/p\n2,s/m/p,1,2\n3,s/m/p,nan\n4,s/m/p,inf\n5,s/m/p,\n6,s/m/p,on\n7,s/m/p,7,,\n",
        layout(),
        &[
            "2:: 3 columns, as in the header (2)",
            "3:: 3 columns, as in the header (4)",
            "4:value: a finite number (nan)",
            "5:value: a finite number (inf)",
            "6:value: a number, true or false",
            "7:value: a number, true or false",
            "s/m/p 7 7",
        ],
    );
    check(
        "time_ns,point,value,quality\n1,s/m/p,1,192\n2,s/m/p,1,64\n3,s/m/p,1,0\n4,s/m/p,1,so-so\n",
        layout(),
        &["s/m/p 1 1 good", "s/m/p 2 1 uncertain(source)", "s/m/p 3 1 bad(source)", "5:quality: good, uncertain, bad"],
    );
}

/// Reads on from every place between two rows, as a resumed import does.
fn resumed_everywhere(bytes: &[u8], layout: &Layout) {
    let mut history = History::open(Cursor::new(bytes), layout.clone()).unwrap();
    let (mut row, mut places, mut rows) = (Row::default(), vec![history.position()], Vec::new());
    while history.read(&mut row).unwrap() {
        let named: Vec<_> =
            row.entries.iter().map(|e| (history.points()[e.point].clone(), e.t, e.value.clone())).collect();
        rows.push((named, row.rejects.clone()));
        places.push(history.position());
    }
    for (i, place) in places.iter().enumerate() {
        let mut again = History::open(Cursor::new(bytes), layout.clone()).unwrap();
        again.seek(*place).unwrap();
        let mut rest = Vec::new();
        while again.read(&mut row).unwrap() {
            let named: Vec<_> =
                row.entries.iter().map(|e| (again.points()[e.point].clone(), e.t, e.value.clone())).collect();
            rest.push((named, row.rejects.clone()));
        }
        assert_eq!(rest, rows[i..], "from {place:?}");
    }
    assert!(places.windows(2).all(|p| p[0].offset < p[1].offset && p[0].line < p[1].line), "{places:?}");
}

#[test]
fn a_place_between_two_rows_is_found_again() {
    let text =
        "\u{feff}time_ns,point,value\r\n1,s/m/p,1\r\n\r\n2,s/m/q,\"2\"\n3,s/m/p,\"x\n4,s/m/p,4\n5,s/m,5\n6,s/m/p,6";
    resumed_everywhere(text.as_bytes(), &layout());
}

proptest! {
    #[test]
    fn nothing_ends_the_program_and_every_place_is_found_again(
        rows in prop::collection::vec("[0-9]{0,3}[,;\"\n x.]{0,3}(s/m/p)?,?[0-9\"]{0,3}\n?", 0..20),
        noise in prop::collection::vec(any::<u8>(), 0..60),
        texts: bool, gbk: bool,
    ) {
        let encoding = if gbk { Encoding::Gbk } else { Encoding::Utf8 };
        let layout = Layout { texts, encoding, ..layout() };
        let mut bytes = b"time_ns,point,value\n".to_vec();
        bytes.extend_from_slice(rows.concat().as_bytes());
        bytes.extend_from_slice(&noise);
        resumed_everywhere(&bytes, &layout);
        let _ = History::open(Cursor::new(&noise), layout);
    }
}
