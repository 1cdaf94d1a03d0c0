//! Mapping rules of every payload format on any payload, and rules suggested by one message tried on another.
#![no_main]

use collector::mapping::{suggest, try_rules};
use libfuzzer_sys::fuzz_target;
use plant::mapping::{Filter, Is, PayloadFormat, Rule, RuleSet, RuleTime, RuleValue};
use plant::{Name, Plant, Timestamp};

/// Texts parted by newlines, then the payload after an empty line.
struct Input<'a> {
    lines: std::str::Lines<'a>,
}

impl<'a> Input<'a> {
    fn text(&mut self) -> &'a str {
        self.lines.next().unwrap_or("")
    }
}

fn rule(kind: u8, input: &mut Input<'_>) -> Option<Rule> {
    let format = match kind % 6 {
        0 => PayloadFormat::Json { each: None },
        1 => PayloadFormat::Json { each: Some(input.text().into()) },
        2 => PayloadFormat::Csv { separator: ',', skip: u16::from(kind / 6) % 3 },
        3 => PayloadFormat::Csv { separator: ';', skip: 0 },
        4 => PayloadFormat::Plain,
        _ => PayloadFormat::Hj212,
    };
    let value = |input: &mut Input<'_>| {
        Some(RuleValue {
            field: input.text().parse().ok()?,
            point: input.text().parse().ok()?,
            unit: plant::Unit::parse(input.text()),
            scale: input.text().parse().unwrap_or(1.0),
            offset: 0.0,
            optional: kind & 1 == 1,
        })
    };
    let with_values = !matches!(format, PayloadFormat::Hj212);
    Some(Rule {
        name: Name::new("r").ok()?,
        enabled: true,
        topic: input.text().parse().ok()?,
        format,
        site: input.text().parse().ok()?,
        machine: input.text().parse().ok()?,
        values: if with_values { vec![value(input)?] } else { Vec::new() },
        time: input.text().parse().ok().map(|field| RuleTime { field, zone_min: Some(480) }),
        filters: input.text().parse().ok().map(|field| Filter { field, is: Is::Present }).into_iter().collect(),
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    let at = rest.windows(2).position(|w| w == b"\n\n").unwrap_or(rest.len());
    let (head, payload) = (&rest[..at], rest.get(at + 2..).unwrap_or_default());
    let head = String::from_utf8_lossy(head);
    let mut input = Input { lines: head.lines() };
    let topic = input.text();
    let (plant, now) = (Plant::default(), Timestamp::from_secs(1_700_000_000));
    if let Some(rule) = rule(kind, &mut input)
        && let Ok(rules) = RuleSet::new(1, vec![rule])
    {
        let trial = try_rules(&rules, &plant, topic, payload, now);
        assert!(trial.readings.len() <= trial.count);
    }
    // What is suggested is a rule that holds, and that understands the message which it was made from.
    if let Some(rule) = suggest(topic, payload)
        && rule.check().is_ok()
        && let Ok(rules) = RuleSet::new(1, vec![rule])
    {
        let trial = try_rules(&rules, &plant, topic, payload, now);
        assert!(trial.native || trial.rule.is_some(), "a suggested rule is for the topic it was made from");
        let _ = try_rules(&rules, &plant, topic, head.as_bytes(), now);
    }
});
