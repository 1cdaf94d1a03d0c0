//! Mapping rules tried by the collector, as the page is told of it.

use collector::mapping::{self, StepOutcome, Trial, TrialReading};
use plant::mapping::{Rule, RuleSet};
use plant::{Plant, Timestamp, Unit, Value};
use web::dto;

/// The collector's trials.
pub struct Trials;

impl web::Mapper for Trials {
    fn try_rules(&self, rules: &RuleSet, plant: &Plant, topic: &str, payload: &[u8], t: Timestamp) -> dto::Trial {
        told(mapping::try_rules(rules, plant, topic, payload, t))
    }

    fn suggest(&self, topic: &str, payload: &[u8]) -> Option<Rule> {
        mapping::suggest(topic, payload)
    }
}

fn told(trial: Trial) -> dto::Trial {
    let step = |s: mapping::Step| dto::TrialStep {
        rule: s.rule.to_string(),
        outcome: match s.outcome {
            StepOutcome::Disabled => "disabled",
            StepOutcome::OtherTopic => "other_topic",
            StepOutcome::Conditions => "conditions",
            StepOutcome::Matched => "matched",
            StepOutcome::Failed => "failed",
        }
        .into(),
    };
    dto::Trial {
        native: trial.native,
        rule: trial.rule.map(|(_, name)| name.to_string()),
        captures: trial.captures.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
        steps: trial.steps.into_iter().map(step).collect(),
        count: trial.count as u64,
        readings: trial.readings.into_iter().map(reading).collect(),
        fault: trial.fault.map(|f| dto::TrialFault { code: f.code.as_str().into(), reason: f.to_string() }),
    }
}

fn reading(r: TrialReading) -> dto::TrialReading {
    dto::TrialReading {
        machine: r.point.machine_str().into(),
        point: r.point.name().into(),
        value: r.value.map(|value| match value {
            Value::Float(v) => dto::Number::Float(v),
            Value::Int(v) => dto::Number::Int(v),
            Value::Bool(v) => dto::Number::Bool(v),
            Value::Text(v) => dto::Number::Text(v.to_string()),
        }),
        unit: r.unit.map(Unit::symbol).map(Into::into),
        t: r.t.into(),
        stated: r.stated,
        known: r.known,
    }
}
