//! What a message would become: the rules tried on it, with every step, and nothing kept.

use plant::mapping::{Captures, PayloadFormat, Rule, RuleSet};
use plant::{MachineId, Name, Plant, PointId, Timestamp, Unit, Value};

use super::{Mapped, Sink, apply, names};
use crate::fault::{Code, Fault};
use crate::topic::Topic;
use crate::values::linear;
use crate::wire::{Scalar, hj212};

/// So many readings of a trial are shown; the others are counted.
pub const MAX_SHOWN: usize = 200;

/// What became of one rule in a trial.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOutcome {
    /// It is switched off.
    Disabled,
    /// Its topic pattern does not match.
    OtherTopic,
    /// The pattern matches, its conditions do not hold.
    Conditions,
    /// It is the one. Later rules are not asked.
    Matched,
    /// It is the one, and the message cannot be read by it.
    Failed,
}

/// One rule that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Which.
    pub rule: Name,
    /// What became of it.
    pub outcome: StepOutcome,
}

/// One value that the message would become.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialReading {
    /// Of which point.
    pub point: PointId,
    /// In the point's unit where that is known, else as the rule states it.
    pub value: Option<Value>,
    /// That unit.
    pub unit: Option<Unit>,
    /// When.
    pub t: Timestamp,
    /// Whether the message says so itself; otherwise it is the time of receipt.
    pub stated: bool,
    /// Whether the point is in the asset tree. Unknown ones wait in quarantine until they are adopted.
    pub known: bool,
}

/// What a message would become.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Whether the topic is one that is understood without a rule, so that no rule is ever asked.
    pub native: bool,
    /// The rule that won: its place in the list and its name.
    pub rule: Option<(usize, Name)>,
    /// What its pattern captured.
    pub captures: Captures,
    /// The rules that were asked, in their order.
    pub steps: Vec<Step>,
    /// The first readings.
    pub readings: Vec<TrialReading>,
    /// How many readings there are.
    pub count: usize,
    /// Why the message would go to quarantine; its readings would be stored all the same.
    pub fault: Option<Fault>,
}

/// Tries `rules` in their order on a message, as if it had been received at `t_received`.
#[must_use]
pub fn try_rules(rules: &RuleSet, plant: &Plant, topic: &str, payload: &[u8], t_received: Timestamp) -> Trial {
    let mut trial = Trial::default();
    match topic.parse::<Topic>() {
        Err(fault) if fault.code == Code::Unmapped => {}
        _ => {
            trial.native = true;
            return trial;
        }
    }
    for (i, rule) in rules.rules().iter().enumerate() {
        let outcome = ask(&mut trial, i, rule, plant, topic, payload, t_received);
        let over = matches!(outcome, StepOutcome::Matched | StepOutcome::Failed);
        trial.steps.push(Step { rule: rule.name.clone(), outcome });
        if over {
            return trial;
        }
    }
    let asked = trial.steps.iter().filter(|s| s.outcome == StepOutcome::Conditions).count();
    trial.fault = Some(match asked {
        0 => Fault::new(Code::Unmapped, "a topic that a mapping rule is for", crate::fault::shown(topic)),
        n => conditions(n),
    });
    trial
}

/// Tries one rule, whether or not it is switched on.
#[must_use]
pub fn try_rule(rule: &Rule, plant: &Plant, topic: &str, payload: &[u8], t_received: Timestamp) -> Trial {
    match RuleSet::new(0, vec![Rule { enabled: true, ..rule.clone() }]) {
        Ok(set) => try_rules(&set, plant, topic, payload, t_received),
        Err(e) => Trial {
            fault: Some(Fault::new(Code::MappingField, "a rule that can be applied", e.to_string())),
            ..Trial::default()
        },
    }
}

/// Rules are for this topic, and the conditions of none hold.
pub(crate) fn conditions(rules: usize) -> Fault {
    let found = format!("{rules} for this topic, with conditions that do not hold");
    Fault::new(Code::Unmapped, "a mapping rule that is for this message", found)
}

fn ask(
    trial: &mut Trial,
    i: usize,
    rule: &Rule,
    plant: &Plant,
    topic: &str,
    payload: &[u8],
    t_received: Timestamp,
) -> StepOutcome {
    if !rule.enabled {
        return StepOutcome::Disabled;
    }
    let Some(captures) = rule.topic.captures(topic) else { return StepOutcome::OtherTopic };
    let mut shown = Shown { plant, t_received, trial, more: 0 };
    let applied = match rule.format {
        PayloadFormat::Hj212 => segments(rule, &captures, payload, &mut shown).map(|()| true),
        _ => apply(rule, &captures, payload, &mut shown),
    };
    let more = shown.more;
    match applied {
        Ok(false) => return StepOutcome::Conditions,
        Ok(true) => trial.fault = trial.fault.take().map(|f| f.and_more(more)),
        Err(fault) => trial.fault = Some(fault),
    }
    trial.rule = Some((i, rule.name.clone()));
    trial.captures = captures;
    if trial.count == 0 && trial.fault.is_some() { StepOutcome::Failed } else { StepOutcome::Matched }
}

fn segments(rule: &Rule, captures: &Captures, payload: &[u8], sink: &mut dyn Sink) -> Result<(), Fault> {
    let (site, machine) = names(rule, captures)?;
    let machine = super::named(&site, &machine)?;
    for segment in hj212::decode_all(payload)? {
        for reading in segment.readings()? {
            sink.take(Ok(Mapped {
                machine: machine.clone(),
                point: reading.point,
                value: reading.value,
                unit: reading.unit,
                t: Some(reading.t),
            }));
        }
    }
    Ok(())
}

struct Shown<'a> {
    plant: &'a Plant,
    t_received: Timestamp,
    trial: &'a mut Trial,
    /// Faults beside the first.
    more: usize,
}

impl Sink for Shown<'_> {
    fn take(&mut self, reading: Result<Mapped<'_>, Fault>) {
        match reading.and_then(|mapped| self.reading(mapped)) {
            Ok(reading) => {
                self.trial.count += 1;
                if self.trial.readings.len() < MAX_SHOWN {
                    self.trial.readings.push(reading);
                }
            }
            Err(_) if self.trial.fault.is_some() => self.more += 1,
            Err(fault) => self.trial.fault = Some(fault),
        }
    }
}

impl Shown<'_> {
    fn reading(&self, mapped: Mapped<'_>) -> Result<TrialReading, Fault> {
        let Mapped { machine, point, value, unit, t } = mapped;
        let id = point_id(&machine, &point)?;
        let known = self.plant.point(&id).map(|(_, p)| p);
        let target = known.map_or(unit, |p| p.unit);
        let (factor, shift) = match (unit, target) {
            (Some(from), Some(to)) => linear(from, to).map_err(|f| f.at(&point))?,
            _ => (1.0, 0.0),
        };
        let value = match value {
            Scalar::Float(v) => Some(Value::Float(v * factor + shift)),
            Scalar::Int(v) if factor == 1.0 && shift == 0.0 => Some(Value::Int(v)),
            Scalar::Int(v) => Some(Value::Float(v as f64 * factor + shift)),
            Scalar::Bool(v) => Some(Value::Bool(v)),
            Scalar::Text(v) => Some(Value::Text(v.as_ref().into())),
            Scalar::Null => None,
        };
        let known = known.is_some();
        Ok(TrialReading { point: id, value, unit: target, t: t.unwrap_or(self.t_received), stated: t.is_some(), known })
    }
}

fn point_id(machine: &MachineId, name: &str) -> Result<PointId, Fault> {
    machine.point(name).map_err(|e| {
        let expected = "a point name of 1 to 256 bytes without '+', '#' and control characters";
        Fault::new(Code::NameInvalid, expected, e.to_string())
    })
}
