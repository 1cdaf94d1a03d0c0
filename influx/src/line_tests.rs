use plant::{AssetChange, Name, PointId, PointKind, Reason, Unit};
use proptest::prelude::*;

use super::*;

/// One line, read by a reader that knows nothing of the writer: measurement, tags, fields (texts with their quotes taken
/// off and `true`), time.
#[derive(Debug, PartialEq)]
struct Read {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, String, bool)>,
    t: i64,
}

/// Up to the first of `ends` that is not escaped, with escapes of `special` taken off; and the rest.
fn until<'a>(s: &'a str, ends: &[char], special: &[char]) -> (String, &'a str) {
    let mut out = String::new();
    let mut chars = s.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && chars.peek().is_some_and(|(_, n)| special.contains(n)) {
            out.push(chars.next().unwrap().1);
        } else if ends.contains(&c) {
            return (out, &s[at..]);
        } else {
            out.push(c);
        }
    }
    (out, "")
}

fn parse(line: &str) -> Read {
    let (measurement, mut rest) = until(line, &[',', ' '], &[',', ' ']);
    let mut tags = Vec::new();
    while let Some(after) = rest.strip_prefix(',') {
        let (key, after) = until(after, &['='], &[',', '=', ' ']);
        let (value, after) = until(&after[1..], &[',', ' '], &[',', '=', ' ']);
        tags.push((key, value));
        rest = after;
    }
    let mut fields = Vec::new();
    loop {
        let (key, after) = until(&rest[1..], &['='], &[',', '=', ' ']);
        let after = &after[1..];
        let (value, text, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = until(quoted, &['"'], &['"', '\\']);
                (value, true, &after[1..])
            }
            None => {
                let (value, after) = until(after, &[',', ' '], &[]);
                (value, false, after)
            }
        };
        fields.push((key, value, text));
        rest = after;
        if !rest.starts_with(',') {
            break;
        }
    }
    Read { measurement, tags, fields, t: rest[1..].parse().unwrap() }
}

fn key(point: &str, indicator: Option<&str>) -> SeriesKey {
    SeriesKey { point: point.parse().unwrap(), indicator: indicator.map(|i| Name::new(i).unwrap()) }
}

fn plant_with(point: &str, area: Option<&str>, change: impl FnOnce(&mut Point)) -> Plant {
    let id: PointId = point.parse().unwrap();
    let mut p = Point::bare(id.name());
    change(&mut p);
    let mut machine = Machine::bare(id.machine());
    machine.area = area.map(|a| Name::new(a).unwrap());
    machine.points.insert(id.name().into(), p);
    let mut plant = Plant::default();
    plant.apply(&AssetChange::Machine(machine));
    plant
}

fn one(key: &SeriesKey, plant: &Plant, value: Value, quality: Quality) -> String {
    let mut lines = Lines::default();
    lines.point(Naming::default().of(key, plant), Timestamp::from_nanos(1_700_000_000_000_000_001), &value, quality);
    lines.text().to_owned()
}

#[test]
fn a_point_goes_where_its_quantity_says() {
    let check = |unit: Option<&str>, kind, value: Value, expect: &str| {
        let plant = plant_with("s/m/p", Some("hall 1"), |p| {
            (p.unit, p.kind) = (unit.map(|u| Unit::parse(u).unwrap()), kind);
        });
        let line = one(&key("s/m/p", None), &plant, value, Quality::Good);
        let tags = "area=hall\\ 1,machine=m,point=p,site=s";
        let (measurement, field) = expect.split_once(' ').unwrap();
        assert_eq!(line, format!("{measurement},{tags} {field} 1700000000000000001\n"));
    };
    let scalar = PointKind::Scalar;
    check(Some("mm/s"), scalar, Value::Float(2.8), "vibration value=2.8");
    check(Some("g"), scalar, Value::Float(0.1), "vibration value=0.1");
    check(Some("°C"), scalar, Value::Int(61), "temperature value=61");
    check(Some("°C"), scalar, Value::Bool(true), "temperature value=1");
    check(Some("°C"), scalar, Value::Text("n/a".into()), "temperature text=\"n/a\"");
    check(None, scalar, Value::Float(-1e300), "value value=-1e300");
    check(None, scalar, Value::Bool(false), "state value=0");
    check(None, scalar, Value::Text("running".into()), "state text=\"running\"");
    check(None, PointKind::Waveform, Value::Float(1.0), "vibration value=1");
}

#[test]
fn quality_is_told_where_it_is_not_good_and_no_number_is_none() {
    let plant = Plant::default();
    let bad = Quality::Bad(Reason::OutOfRange);
    let line = one(&key("s/m/p", Some("velocity_rms")), &plant, Value::Float(0.5), bad);
    let expect = "indicator,indicator=velocity_rms,machine=m,point=p,site=s value=0.5,quality=\"bad(out_of_range)\"";
    assert_eq!(line, format!("{expect} 1700000000000000001\n"));
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(one(&key("s/m/p", None), &plant, Value::Float(odd), Quality::Good), "");
    }
}

#[test]
fn the_prefix_follows_the_plant() {
    let mut naming = Naming::default();
    let key = key("s/m/p", None);
    let before = naming.of(&key, &Plant::default()).clone();
    let after = naming.of(&key, &plant_with("s/m/p", Some("a"), |_| {})).clone();
    assert_ne!(before, after);
    assert_eq!(naming.of(&key, &Plant::default()), &before);
}

#[test]
fn odd_texts_are_read_back() {
    let text = "a \"b\"\\ c=d,e\nf";
    let line = one(&key("s/m/p", None), &Plant::default(), Value::Text(text.into()), Quality::Good);
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(parse(line.trim_end_matches('\n')).fields, [("text".into(), text.replace('\n', "\\n"), true)]);
}

#[test]
fn names_with_backslashes_stay_apart_from_what_follows_them() {
    for (given, found) in [("a\\", "a\\_"), ("a\\ b", "a\\_ b"), ("a\\b", "a\\b"), ("a=b c,d", "a=b c,d")] {
        let line = one(&key(&format!("s/m/{given}"), None), &Plant::default(), Value::Int(1), Quality::Good);
        let read = parse(line.trim_end_matches('\n'));
        assert_eq!(read.tags[1], ("point".into(), found.into()), "{line}");
        assert_eq!(stored(given), found);
    }
}

fn a_name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ,=\"\\\\振动_.-]{1,12}"
}

fn a_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Value::Float),
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        "[ -~\n\r振]{0,20}".prop_map(|s| Value::Text(s.into())),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        (site, machine, point) in (a_name(), a_name(), a_name()),
        indicator in proptest::option::of(a_name()),
        area in proptest::option::of(a_name()),
        value in a_value(),
        t in any::<i64>(),
        code in proptest::sample::select(vec![0u8, 0x40, 0x81, 0x85]),
    ) {
        let quality = Quality::from_code(code).unwrap();
        let id = PointId::new(&site, &machine, &point).unwrap();
        let key = SeriesKey { point: id.clone(), indicator: indicator.as_deref().map(|i| Name::new(i).unwrap()) };
        let plant = plant_with(id.as_str(), area.as_deref(), |_| {});
        let mut lines = Lines::default();
        prop_assert!(lines.point(Naming::default().of(&key, &plant), Timestamp::from_nanos(t), &value, quality));
        prop_assert_eq!(lines.len(), 1);
        let line = lines.text().strip_suffix('\n').unwrap();
        prop_assert!(!line.contains(['\n', '\r']));
        let read = parse(line);

        let mut tags = vec![("machine".to_owned(), stored(&machine)), ("point".into(), stored(&point))];
        tags.push(("site".into(), stored(&site)));
        tags.extend(area.as_ref().map(|a| ("area".to_owned(), stored(a))));
        tags.extend(indicator.as_ref().map(|i| ("indicator".to_owned(), stored(i))));
        tags.sort();
        prop_assert_eq!(&read.tags, &tags);
        prop_assert_eq!(read.t, t);
        let (field, found, text) = &read.fields[0];
        match &value {
            Value::Text(s) => {
                let told = s.replace('\n', "\\n").replace('\r', "\\r");
                prop_assert_eq!((field.as_str(), found.as_str(), *text), ("text", told.as_str(), true));
            }
            number => {
                prop_assert_eq!((field.as_str(), *text), ("value", false));
                prop_assert_eq!(found.parse::<f64>().unwrap(), number.as_f64().unwrap());
            }
        }
        let told: Vec<_> = read.fields[1..].iter().map(|(k, v, _)| (k.as_str(), v.clone())).collect();
        let expected = if quality == Quality::Good { vec![] } else { vec![("quality", quality.to_string())] };
        prop_assert_eq!(told, expected);
    }
}
