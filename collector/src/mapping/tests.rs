use plant::mapping::{PayloadFormat, Rule, RuleSet, RuleTime, RuleValue};
use plant::{AssetChange, Name, Plant, Point, Timestamp, Unit, Value};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_735_690_000);

fn value(field: &str, point: &str) -> RuleValue {
    RuleValue {
        field: field.parse().unwrap(),
        point: point.parse().unwrap(),
        unit: None,
        scale: 1.0,
        offset: 0.0,
        optional: false,
    }
}

fn rule(topic: &str, format: PayloadFormat, values: Vec<RuleValue>) -> Rule {
    Rule {
        name: Name::new("r").unwrap(),
        enabled: true,
        topic: topic.parse().unwrap(),
        format,
        site: "s".parse().unwrap(),
        machine: "m".parse().unwrap(),
        values,
        time: None,
        filters: Vec::new(),
    }
}

fn json(each: Option<&str>) -> PayloadFormat {
    PayloadFormat::Json { each: each.map(Into::into) }
}

/// Point and value of every reading of a trial.
fn seen(trial: &Trial) -> Vec<(&str, Option<Value>)> {
    trial.readings.iter().map(|r| (r.point.as_str(), r.value.clone())).collect()
}

fn try_one(rule: &Rule, topic: &str, payload: &str) -> Trial {
    try_rule(rule, &Plant::default(), topic, payload.as_bytes(), NOW)
}

#[test]
fn entries_of_a_list_are_read_one_by_one() {
    let mut r = rule("t", json(Some("/d")), vec![RuleValue { scale: 0.1, ..value("/v", "{/n}") }]);
    r.time = Some(RuleTime { field: "^/ts".parse().unwrap(), zone_min: None });
    r.filters = vec![Filter { field: "/n".parse().unwrap(), is: Is::Present }];
    let trial = try_one(&r, "t", r#"{"ts":1735689600,"d":[{"n":"a","v":10},{"v":1},{"n":"b","v":"20"},{"n":"c"}]}"#);
    assert_eq!(seen(&trial), [("s/m/a", Some(Value::Float(1.0))), ("s/m/b", Some(Value::Float(2.0)))]);
    assert!(trial.readings.iter().all(|x| x.stated && x.t == Timestamp::from_secs(1_735_689_600)));
    assert!(trial.fault.unwrap().to_string().contains("a value at /v"));

    let map = rule("t", json(Some("/values")), vec![value("", "{key}")]);
    let trial = try_one(&map, "t", r#"{"values":{"a":1,"b":"run","c":null}}"#);
    assert_eq!(
        seen(&trial),
        [("s/m/a", Some(Value::Int(1))), ("s/m/b", Some(Value::Text("run".into()))), ("s/m/c", None)]
    );
    let none = try_one(&map, "t", r#"{"other":{}}"#);
    assert_eq!(none.fault.unwrap().code, Code::MappingField);
    assert_eq!(none.steps[0].outcome, StepOutcome::Failed);
}

#[test]
fn columns_and_plain_payloads_are_read() {
    let mut csv = rule("t", PayloadFormat::Csv { separator: ';', skip: 1 }, vec![value("#2", "{#3}")]);
    csv.time = Some(RuleTime { field: "#1".parse().unwrap(), zone_min: Some(480) });
    let trial = try_one(&csv, "t", "time;v;n\n2025-01-01 08:00:00; 1.5 ;a\n20250101080001;true;\"b;c\"\n");
    assert_eq!(seen(&trial), [("s/m/a", Some(Value::Float(1.5))), ("s/m/b;c", Some(Value::Bool(true)))]);
    assert_eq!(trial.readings[1].t, Timestamp::from_secs(1_735_689_601));

    let plain = rule("a/{p}", PayloadFormat::Plain, vec![RuleValue { scale: 2.0, offset: 1.0, ..value("", "{p}") }]);
    assert_eq!(seen(&try_one(&plain, "a/x", " 20 ")), [("s/m/x", Some(Value::Float(41.0)))]);
    let trial = try_one(&plain, "a/x", "nan");
    assert_eq!((trial.readings.len(), trial.fault.unwrap().code), (0, Code::ValueType));
    assert_eq!(try_one(&plain, "a/x", "").fault.unwrap().code, Code::MappingField);
    let bytes = try_rule(&plain, &Plant::default(), "a/x", &[0xff], NOW);
    assert_eq!(bytes.fault.unwrap().code, Code::MappingPayload);
}

#[test]
fn a_trial_says_which_rules_were_asked_and_what_the_plant_makes_of_it() {
    let named = |name: &str, r: Rule| Rule { name: Name::new(name).unwrap(), ..r };
    let off = Rule { enabled: false, ..named("off", rule("a/{p}", json(None), vec![value("/v", "p")])) };
    let other = named("other", rule("b", json(None), vec![value("/v", "p")]));
    let mut held = named("held", rule("a/{p}", json(None), vec![value("/v", "p")]));
    held.filters = vec![Filter { field: "/k".parse().unwrap(), is: Is::Equal("1".into()) }];
    let unit = Unit::parse("°F");
    let wins = named("wins", rule("a/{p}", json(None), vec![RuleValue { unit, ..value("/v", "{p}") }]));
    let set = RuleSet::new(1, vec![off, other, held, wins]).unwrap();
    let mut plant = Plant::default();
    let point = Point { unit: Unit::parse("°C"), ..Point::bare("temp") };
    plant.apply(&AssetChange::Point("s/m".parse().unwrap(), point));

    let trial = try_rules(&set, &plant, "a/temp", br#"{"v":212,"k":2}"#, NOW);
    use StepOutcome::*;
    let outcomes: Vec<_> = trial.steps.iter().map(|s| s.outcome.clone()).collect();
    assert_eq!(outcomes, [Disabled, OtherTopic, Conditions, Matched]);
    assert_eq!(trial.rule.as_ref().map(|(i, n)| (*i, n.as_str())), Some((3, "wins")));
    assert_eq!(trial.captures.get("p"), Some("temp"));
    let [reading] = &trial.readings[..] else { panic!("one reading") };
    assert!(reading.known && !reading.stated && reading.t == NOW);
    let Some(Value::Float(celsius)) = reading.value else { panic!("a number") };
    assert!((celsius - 100.0).abs() < 1e-9 && reading.unit == Unit::parse("°C"));

    assert!(try_rules(&set, &plant, "danxia/v1/s/m/telemetry", b"{}", NOW).native);
    let none = try_rules(&set, &plant, "c", b"{}", NOW);
    assert_eq!((none.steps.len(), none.fault.unwrap().code), (4, Code::Unmapped));
}

#[test]
fn a_first_rule_is_suggested_that_reads_the_message_it_was_made_from() {
    for (topic, payload, want) in [
        (
            "plant/fan-3/data",
            r#"{"timestamp":"2025-01-01 08:00:00","temp":61.2,"vib":{"x":1,"y/z":2},"state":"run"}"#,
            vec!["plant/fan-3/temp", "plant/fan-3/vib/x", "plant/fan-3/vib/y/z"],
        ),
        ("plant/fan-3/temp", "61.2", vec!["plant/fan-3/temp"]),
        ("one", "5", vec!["site/machine/value"]),
        ("plant/fan-3/rows", r#"[{"t":1735689600,"a":1},{"t":1735689601,"a":2}]"#, vec!["plant/fan-3/a"; 2]),
        ("plant/fan-3/csv", "1735689600,1.5,x,2", vec!["plant/fan-3/column_2", "plant/fan-3/column_4"]),
    ] {
        let rule = suggest(topic, payload.as_bytes()).unwrap_or_else(|| panic!("a rule for {payload}"));
        let trial = try_one(&rule, topic, payload);
        assert_eq!(trial.fault, None, "{topic}: {rule:?}");
        assert_eq!(trial.readings.iter().map(|r| r.point.as_str()).collect::<Vec<_>>(), want);
    }
    for nothing in ["", "hello", r#"{"a":"b"}"#, "[]"] {
        assert_eq!(suggest("a/b/c", nothing.as_bytes()), None, "{nothing}");
    }
    assert_eq!(suggest("danxia/v1/x/y", br#"{"a":1}"#), None);
}

#[test]
fn a_message_that_would_make_too_many_values_is_stopped() {
    let r = rule("t", json(Some("")), vec![value("", "p{key}")]);
    let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
    let trial = try_one(&r, "t", &many);
    assert_eq!(trial.fault.unwrap().code, Code::ValuesLimit);
    assert_eq!(trial.readings.len(), MAX_SHOWN);
    assert_eq!(try_one(&r, "t", &"[".repeat(100_000)).fault.unwrap().code, Code::JsonSyntax);
}

proptest! {
    #[test]
    fn nothing_that_arrives_ends_the_program(topic in ".{0,40}", payload in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [json(None), json(Some("/d")), PayloadFormat::Csv { separator: ',', skip: 0 }, PayloadFormat::Plain] {
            let field = match format { PayloadFormat::Csv { .. } => "#1", _ => "" };
            let r = rule("#", format, vec![value(field, "p")]);
            let _ = try_rule(&r, &Plant::default(), &topic, &payload, NOW);
        }
        if let Some(suggested) = suggest(&topic, &payload) {
            prop_assert!(suggested.check().is_ok());
        }
    }
}
