//! Definitions of alarms, out and in.

use std::sync::Arc;
use std::time::Duration;

use plant::{
    AlarmCondition, AlarmDefinition, AlarmKey, AlarmTest, MachineId, PointId, Priority, Reference, Title, Value,
};

use super::{number, title};
use crate::dto;

pub(crate) fn definition(d: &AlarmDefinition) -> dto::AlarmDefinition {
    let mut out = dto::AlarmDefinition {
        id: Some(d.key.id().to_string()),
        machine: d.key.machine.to_string(),
        point: d.key.point.as_ref().map(|p| p.name().to_owned()),
        condition: d.key.condition.code(),
        limit: None,
        rate_per_s: None,
        rate_over_s: None,
        deviation: None,
        deviation_from: None,
        deviation_from_point: None,
        states: None,
        on_delay_s: d.on_delay.as_secs_f64(),
        off_delay_s: d.off_delay.as_secs_f64(),
        deadband: d.deadband,
        priority: d.priority.map(super::alarm::priority),
        latching: d.latching,
        re_alarm_s: d.re_alarm.map(|t| t.as_secs_f64()),
        respond_within_s: d.respond_within.map(|t| t.as_secs_f64()),
        consequence: title(&d.consequence),
        action: title(&d.action),
        rationale: title(&d.rationale),
        group: d.group.as_ref().map(ToString::to_string),
        owner: d.owner.as_deref().map(Into::into),
        suppressed_while: d.suppressed_while.iter().map(ToString::to_string).collect(),
    };
    match &d.test {
        AlarmTest::Usual => {}
        AlarmTest::Limit(l) => out.limit = Some(*l),
        AlarmTest::Rate { per_s, over } => {
            (out.rate_per_s, out.rate_over_s) = (Some(*per_s), Some(over.as_secs_f64()));
        }
        AlarmTest::Deviation { from, limit } => {
            out.deviation = Some(*limit);
            match from {
                Reference::Fixed(v) => out.deviation_from = Some(*v),
                Reference::Point(p) => out.deviation_from_point = Some(p.to_string()),
            }
        }
        AlarmTest::Discrete(states) => out.states = Some(states.iter().map(number).collect()),
    }
    out
}

/// Which alarm is meant, or a sentence on what is wrong.
pub(crate) fn parse_key(machine: &str, point: Option<&str>, condition: &str) -> Result<AlarmKey, String> {
    let machine: MachineId = machine.parse().map_err(|e| format!("\"machine\": {e}"))?;
    let point = point.filter(|p| !p.is_empty()).map(|p| machine.point(p)).transpose();
    let point = point.map_err(|e| format!("\"point\": {e}"))?;
    let condition = AlarmCondition::parse(condition).ok_or_else(|| {
        format!("\"condition\" is {condition:?}; expected one such as high_high, rate, zone_d, offline")
    })?;
    Ok(AlarmKey { machine, point, condition })
}

/// A definition, or a sentence on what is wrong with it.
pub(crate) fn parse_definition(d: &dto::AlarmDefinition) -> Result<AlarmDefinition, String> {
    let text = |t: &Option<String>| t.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(Arc::from);
    let told = |t: &dto::Title| Title { zh: text(&t.zh), en: text(&t.en) };
    let silencers = d.suppressed_while.iter().map(|s| s.parse().map_err(|e| format!("\"suppressed_while\": {e}")));
    let group = text(&d.group).map(|g: Arc<str>| g.parse().map_err(|e| format!("\"group\": {e}"))).transpose()?;
    let definition = AlarmDefinition {
        key: parse_key(&d.machine, d.point.as_deref(), &d.condition)?,
        test: test(d)?,
        on_delay: seconds("on_delay_s", d.on_delay_s)?,
        off_delay: seconds("off_delay_s", d.off_delay_s)?,
        deadband: d.deadband,
        priority: d.priority.map(priority).transpose()?,
        latching: d.latching,
        re_alarm: d.re_alarm_s.map(|s| seconds("re_alarm_s", s)).transpose()?,
        respond_within: d.respond_within_s.map(|s| seconds("respond_within_s", s)).transpose()?,
        consequence: told(&d.consequence),
        action: told(&d.action),
        rationale: told(&d.rationale),
        group,
        owner: text(&d.owner),
        suppressed_while: silencers.collect::<Result<_, _>>()?,
    };
    definition.check().map_err(|e| e.to_string())?;
    Ok(definition)
}

fn priority(p: dto::Priority) -> Result<Priority, String> {
    Priority::from_number(p.0).ok_or_else(|| format!("\"priority\" is {}; expected 1 to 4", p.0))
}

fn seconds(name: &str, s: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(s).map_err(|_| format!("\"{name}\" is {s}; expected seconds from 0 on"))
}

/// The one test that is stated.
fn test(d: &dto::AlarmDefinition) -> Result<AlarmTest, String> {
    let stated = [d.limit.is_some(), d.rate_per_s.is_some(), d.deviation.is_some(), d.states.is_some()];
    if stated.iter().filter(|s| **s).count() > 1 {
        return Err(
            "more than one of \"limit\", \"rate_per_s\", \"deviation\" and \"states\" is stated; state one".into()
        );
    }
    if let Some(limit) = d.limit {
        return Ok(AlarmTest::Limit(limit));
    }
    if let Some(per_s) = d.rate_per_s {
        let over = d.rate_over_s.ok_or("\"rate_over_s\" is missing: over which time is the rate measured?")?;
        return Ok(AlarmTest::Rate { per_s, over: seconds("rate_over_s", over)? });
    }
    if let Some(limit) = d.deviation {
        let from = match (d.deviation_from, d.deviation_from_point.as_deref()) {
            (Some(v), None) => Reference::Fixed(v),
            (None, Some(p)) => Reference::Point(point(p)?),
            _ => return Err("state either \"deviation_from\" or \"deviation_from_point\"".into()),
        };
        return Ok(AlarmTest::Deviation { from, limit });
    }
    Ok(match &d.states {
        Some(states) => AlarmTest::Discrete(states.iter().map(value).collect()),
        None => AlarmTest::Usual,
    })
}

fn point(text: &str) -> Result<PointId, String> {
    text.parse().map_err(|e| format!("\"deviation_from_point\": {e}"))
}

fn value(n: &dto::Number) -> Value {
    match n {
        dto::Number::Bool(v) => Value::Bool(*v),
        dto::Number::Int(v) => Value::Int(*v),
        dto::Number::Float(v) => Value::Float(*v),
        dto::Number::Text(v) => Value::Text(v.as_str().into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(of: serde_json::Value) -> Result<AlarmDefinition, String> {
        parse_definition(&serde_json::from_value(of).unwrap())
    }

    #[test]
    fn a_definition_goes_out_as_it_came_in() {
        for (condition, test) in [
            ("high", json!({"limit": 80.0, "deadband": 1.5})),
            ("rate", json!({"rate_per_s": 0.5, "rate_over_s": 30.0})),
            ("deviation", json!({"deviation": 5.0, "deviation_from_point": "s/m/set"})),
            ("deviation", json!({"deviation": 5.0, "deviation_from": 20.0})),
            ("discrete", json!({"states": ["tripped", 3, true]})),
            ("stale", json!({})),
        ] {
            let mut of = json!({
                "machine": "s/m", "point": "p", "condition": condition, "on_delay_s": 2.5, "priority": 2,
                "latching": true, "re_alarm_s": 3600.0, "respond_within_s": 600.0, "group": "trip",
                "action": {"zh": "停机", "en": "stop it"},
                "suppressed_while": ["s/m/speed < 50", "s/m/p low_low", "s/m offline"],
            });
            of.as_object_mut().unwrap().extend(test.as_object().unwrap().clone());
            let definition = read(of).unwrap();
            let out = self::definition(&definition);
            assert_eq!(parse_definition(&out), Ok(definition), "{condition}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_its_name() {
        for (of, want) in [
            (json!({"machine": "m", "condition": "high"}), "machine"),
            (json!({"machine": "s/m", "point": "p", "condition": "higher"}), "condition"),
            (json!({"machine": "s/m", "point": "p", "condition": "high", "limit": 1.0, "states": []}), "state one"),
            (json!({"machine": "s/m", "point": "p", "condition": "rate", "rate_per_s": 1.0}), "rate_over_s"),
            (json!({"machine": "s/m", "point": "p", "condition": "rate"}), "need a test"),
            (json!({"machine": "s/m", "point": "p", "condition": "high", "on_delay_s": -1.0}), "on_delay_s"),
            (json!({"machine": "s/m", "point": "p", "condition": "high", "priority": 5}), "priority"),
            (json!({"machine": "s/m", "condition": "high", "limit": 5.0}), "name it"),
            (json!({"machine": "s/m", "point": "p", "condition": "high", "suppressed_while": ["now"]}), "silences"),
        ] {
            let found = read(of.clone()).unwrap_err();
            assert!(found.contains(want), "{of}: {found}");
        }
    }
}
