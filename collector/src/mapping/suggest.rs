//! A first rule for a message that none is for: a beginning for whoever edits it, not an answer.

use plant::Name;
use plant::mapping::{Field, PayloadFormat, Rule, RuleTime, RuleValue, Template, TopicPattern};
use serde_json::Value;

use super::number;
use crate::wire::time;

/// So many values are taken over; a longer list is easier to write by hand, with entries read one by one.
const MOST: usize = 64;
/// How deep objects are followed.
const DEPTH: usize = 6;
/// Keys under which gateways usually put the time, in lower case.
const TIMES: [&str; 9] = ["ts", "t", "time", "timestamp", "datetime", "date_time", "datatime", "_terminaltime", "date"];

/// A rule that would read the numbers of this message, if it holds any in JSON, in columns, or as its whole payload.
#[must_use]
pub fn suggest(topic: &str, payload: &[u8]) -> Option<Rule> {
    let text = std::str::from_utf8(payload).ok()?.trim();
    let levels: Vec<&str> = topic.split('/').collect();
    if number(text).is_some() {
        return plain(topic, &levels);
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return json(topic, &levels, &value);
    }
    columns(topic, &levels, text)
}

fn rule(topic: &str, pattern: &str, machine: &str, levels: &[&str]) -> Option<Rule> {
    let name: String =
        topic.chars().filter(|c| !c.is_control()).map(|c| if "/+#".contains(c) { '-' } else { c }).take(40).collect();
    let site = levels.first().filter(|site| levels.len() > 1 && Name::new(site).is_ok() && is_literal(site));
    Some(Rule {
        name: Name::new(&name).or_else(|_| Name::new("rule")).ok()?,
        enabled: true,
        topic: pattern.parse::<TopicPattern>().ok()?,
        format: PayloadFormat::Plain,
        site: site.unwrap_or(&"site").parse().ok()?,
        machine: machine.parse().ok()?,
        values: Vec::new(),
        time: None,
        filters: Vec::new(),
    })
}

fn is_literal(text: &str) -> bool {
    !text.contains(['{', '}'])
}

fn value(field: &str, point: &str) -> Option<RuleValue> {
    let point = point.trim_matches('/');
    let point: Template = if is_literal(point) { point.parse().ok()? } else { return None };
    let field: Field = field.parse().ok()?;
    Some(RuleValue { field, point, unit: None, scale: 1.0, offset: 0.0, optional: true })
}

/// One value a topic: the last level is the point, the one before it the machine.
fn plain(topic: &str, levels: &[&str]) -> Option<Rule> {
    let (pattern, machine, point) = match levels {
        [] | [_] => (topic.to_owned(), "machine", "value".parse().ok()?),
        [head, _] => (format!("{head}/{{point}}"), *head, "{point}".parse().ok()?),
        [head @ .., _, _] => {
            (format!("{}/{{machine}}/{{point}}", head.join("/")), "{machine}", "{point}".parse().ok()?)
        }
    };
    let mut rule = rule(topic, &pattern, machine, levels)?;
    let value = value("", "value")?;
    rule.values = vec![RuleValue { point, optional: false, ..value }];
    rule.check().ok().map(|()| rule)
}

/// Values in one payload: the level before the last is the machine, the last says what kind of message it is.
fn whole(topic: &str, levels: &[&str]) -> Option<Rule> {
    match levels {
        [head @ .., _, last] if !head.is_empty() => {
            rule(topic, &format!("{}/{{machine}}/{last}", head.join("/")), "{machine}", levels)
        }
        [head, _] => rule(topic, &format!("{head}/{{machine}}"), "{machine}", levels),
        _ => rule(topic, topic, "machine", levels),
    }
}

fn json(topic: &str, levels: &[&str], document: &Value) -> Option<Rule> {
    let (each, entry) = match document {
        Value::Array(list) => (Some("".into()), list.first()?),
        entry => (None, entry),
    };
    let mut rule = whole(topic, levels)?;
    rule.format = PayloadFormat::Json { each };
    walk(entry, "", DEPTH, &mut |path, key, leaf| {
        if rule.time.is_none() && TIMES.contains(&key.to_lowercase().as_str()) && is_time(leaf) {
            let field = path.parse().ok();
            rule.time = field.map(|field| RuleTime { field, zone_min: zone(leaf) });
        } else if leaf.is_number() && rule.values.len() < MOST {
            rule.values.extend(value(path, &path.replace("~1", "/").replace("~0", "~")));
        }
    });
    rule.check().ok().map(|()| rule)
}

/// The leaves of nested objects, each with its pointer and key.
fn walk(value: &Value, path: &str, depth: usize, with: &mut dyn FnMut(&str, &str, &Value)) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::Object(_) if depth > 0 => walk(value, &path, depth - 1, with),
            Value::Object(_) | Value::Array(_) => {}
            leaf => with(&path, key, leaf),
        }
    }
}

/// China has one zone; where a text states none it is a beginning to correct, and never a guess about a stored value.
const CHINA: i32 = 8 * 60;

fn zone(leaf: &Value) -> Option<i32> {
    let text = leaf.as_str()?;
    time::from_text(text).is_err().then_some(CHINA)
}

fn is_time(leaf: &Value) -> bool {
    match leaf {
        Value::String(text) => time::from_loose(text, Some(CHINA)).is_ok(),
        // From 1990 on, in whatever unit: a small number under "t" is a temperature.
        Value::Number(n) => {
            n.as_f64().is_some_and(|v| time::from_float(v).is_ok_and(|t| t.nanos() > 631_152_000_000_000_000))
        }
        _ => false,
    }
}

fn columns(topic: &str, levels: &[&str], text: &str) -> Option<Rule> {
    let first = text.lines().next()?;
    let separator = [',', ';', '\t', '|'].into_iter().find(|s| first.contains(*s))?;
    let mut rule = whole(topic, levels)?;
    rule.format = PayloadFormat::Csv { separator, skip: 0 };
    for (i, cell) in first.split(separator).enumerate().take(MOST) {
        let field = format!("#{}", i + 1);
        let leaf = match number(cell) {
            Some(crate::wire::Scalar::Int(v)) => Value::from(v),
            Some(crate::wire::Scalar::Float(v)) => Value::from(v),
            _ => Value::from(cell.trim()),
        };
        if rule.time.is_none() && is_time(&leaf) {
            rule.time = Some(RuleTime { field: field.parse().ok()?, zone_min: zone(&leaf) });
        } else if leaf.is_number() {
            rule.values.extend(value(&field, &format!("column_{}", i + 1)));
        }
    }
    rule.check().ok().map(|()| rule)
}
