//! Mapping rules applied: from a message of another form to readings of machines and points.
//!
//! The rules are data ([`plant::mapping`]); here they meet a payload. Everything is pure: [`try_rules`] says what a message
//! would become, step by step, without anything being kept, and the interpreter applies the same code to what arrives.
//!
//! What this module does *not* know: the store, and what is done with what it reads.

mod document;
mod suggest;
#[cfg(test)]
mod tests;
mod trial;

use std::borrow::Cow;

use plant::mapping::{Captures, Filter, Is, Rule, RuleTime, RuleValue, Template, TemplatePart};
use plant::{MachineId, Timestamp, Unit};

use self::document::Place;
use crate::fault::{Code, Fault, shown};
use crate::wire::{MAX_VALUES, Scalar, time};

pub(crate) use trial::conditions;

pub use suggest::suggest;
pub use trial::{MAX_SHOWN, Step, StepOutcome, Trial, TrialReading, try_rule, try_rules};

/// One value as a rule reads it.
#[derive(Debug)]
pub(crate) struct Mapped<'a> {
    pub machine: MachineId,
    pub point: Cow<'a, str>,
    pub value: Scalar<'a>,
    pub unit: Option<Unit>,
    /// When, if the rule says where that stands.
    pub t: Option<Timestamp>,
}

/// Takes what a rule reads, one value after another; a value that cannot be read is a fault in its place.
pub(crate) trait Sink {
    fn take(&mut self, reading: Result<Mapped<'_>, Fault>);
}

/// Applies `rule` to a payload on a topic of which its pattern captured `captures`. `false`: its conditions do not hold,
/// so that the next rule is asked. A fault is one of the message as a whole.
pub(crate) fn apply(rule: &Rule, captures: &Captures, payload: &[u8], sink: &mut dyn Sink) -> Result<bool, Fault> {
    let mut reader = EntryReader { rule, captures, sink, values: 0, entries: 0 };
    document::each(&rule.format, payload, &mut |place| reader.entry(place))?;
    let EntryReader { values, entries, .. } = reader;
    match (entries, values) {
        (0, _) => Ok(false),
        (_, 0) => Err(Fault::new(Code::ValuesMissing, "at least one of the values that the rule names", "none")),
        _ => Ok(true),
    }
}

struct EntryReader<'r> {
    rule: &'r Rule,
    captures: &'r Captures,
    sink: &'r mut dyn Sink,
    /// Values read, faulty ones among them.
    values: usize,
    /// Entries for which the conditions hold.
    entries: usize,
}

impl EntryReader<'_> {
    /// One entry of the payload, or the whole of it. An error stops the reading: it concerns what is still to come too.
    fn entry(&mut self, place: &Place<'_>) -> Result<(), Fault> {
        let rule = self.rule;
        if !rule.filters.iter().all(|f| holds(f, place)) {
            return Ok(());
        }
        self.entries += 1;
        let head = machine(rule, self.captures, place).and_then(|m| Ok((m, instant(rule.time.as_ref(), place)?)));
        let (machine, t) = match head {
            Ok(head) => head,
            Err(fault) => {
                self.values += 1;
                self.sink.take(Err(fault));
                return Ok(());
            }
        };
        for value in &rule.values {
            let Some(found) = place.find(&value.field).transpose() else {
                if !value.optional {
                    self.one_more()?;
                    self.sink.take(Err(missing(&value.field.to_string(), "a value")));
                }
                continue;
            };
            self.one_more()?;
            let reading = found.and_then(|scalar| {
                let point = text_of(&value.point, self.captures, place)?;
                let value_read = scaled(value, scalar).map_err(|f| f.at(&point))?;
                Ok(Mapped { machine: machine.clone(), point, value: value_read, unit: value.unit, t })
            });
            self.sink.take(reading);
        }
        Ok(())
    }

    fn one_more(&mut self) -> Result<(), Fault> {
        self.values += 1;
        match self.values <= MAX_VALUES {
            true => Ok(()),
            false => Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_VALUES} values in a message"), "more")),
        }
    }
}

fn missing(field: &str, what: &str) -> Fault {
    let place = if field.is_empty() { "in the payload".to_owned() } else { format!("at {field}") };
    Fault::new(Code::MappingField, format!("{what} {place}"), "nothing there")
}

/// Whether a condition holds. What cannot be compared (an object, say) is not equal.
fn holds(filter: &Filter, place: &Place<'_>) -> bool {
    match (&filter.is, place.find(&filter.field)) {
        (Is::Present, found) => !matches!(found, Ok(None | Some(Scalar::Null))),
        (Is::Equal(text), Ok(Some(found))) => written(&found).is_some_and(|found| found == **text),
        (Is::Equal(_), _) => false,
    }
}

/// A value as a text, for names and comparisons.
fn written<'a>(scalar: &Scalar<'a>) -> Option<Cow<'a, str>> {
    match scalar {
        Scalar::Text(text) => Some(text.clone()),
        Scalar::Int(v) => Some(v.to_string().into()),
        Scalar::Float(v) => Some(v.to_string().into()),
        Scalar::Bool(v) => Some(if *v { "true" } else { "false" }.into()),
        Scalar::Null => None,
    }
}

fn text_of<'a>(template: &'a Template, captures: &'a Captures, place: &Place<'a>) -> Result<Cow<'a, str>, Fault> {
    let part = |part: &'a TemplatePart| match part {
        TemplatePart::Text(text) => Ok(Cow::Borrowed(&**text)),
        // Which names there are was checked when the rule was made.
        TemplatePart::Capture(name) => Ok(Cow::Borrowed(captures.get(name).unwrap_or_default())),
        TemplatePart::Key => Ok(Cow::Owned(place.key().to_owned())),
        TemplatePart::Field(field) => {
            let found = place.find(field)?;
            found.as_ref().and_then(written).ok_or_else(|| missing(&field.to_string(), "a name"))
        }
    };
    if let [one] = template.parts() {
        return part(one);
    }
    let mut whole = String::new();
    for piece in template.parts() {
        whole.push_str(&part(piece)?);
    }
    Ok(Cow::Owned(whole))
}

fn machine(rule: &Rule, captures: &Captures, place: &Place<'_>) -> Result<MachineId, Fault> {
    let (site, machine) = (text_of(&rule.site, captures, place)?, text_of(&rule.machine, captures, place)?);
    named(&site, &machine)
}

/// The machine whose names a rule made.
pub(crate) fn named(site: &str, machine: &str) -> Result<MachineId, Fault> {
    MachineId::new(site, machine).map_err(|e| {
        Fault::new(Code::NameInvalid, "site and machine of 1 to 128 bytes without '/', '+', '#'", e.to_string())
    })
}

/// Site and machine of a rule whose format states everything else.
pub(crate) fn names<'a>(rule: &'a Rule, captures: &'a Captures) -> Result<(Cow<'a, str>, Cow<'a, str>), Fault> {
    let nowhere = Place::Text("");
    Ok((text_of(&rule.site, captures, &nowhere)?, text_of(&rule.machine, captures, &nowhere)?))
}

fn instant(rule: Option<&RuleTime>, place: &Place<'_>) -> Result<Option<Timestamp>, Fault> {
    let Some(rule) = rule else { return Ok(None) };
    let field = rule.field.to_string();
    let read = match place.find(&rule.field)? {
        None | Some(Scalar::Null) => return Err(missing(&field, "a time")),
        // Fourteen digits are a date: as a number they come from columns and from JSON alike.
        Some(Scalar::Int(n)) => time::from_loose(&n.to_string(), rule.zone_min),
        Some(Scalar::Float(f)) => time::from_float(f),
        Some(Scalar::Text(text)) => time::from_loose(&text, rule.zone_min),
        Some(Scalar::Bool(_)) => Err(Fault::new(Code::TsInvalid, "a number or a text as time", "true or false")),
    };
    read.map(Some).map_err(|f| f.at(&field))
}

/// The value after scale and offset. Where the rule calculates or states a unit, a text is a number in writing.
fn scaled<'a>(rule: &RuleValue, scalar: Scalar<'a>) -> Result<Scalar<'a>, Fault> {
    let calculates = rule.scale != 1.0 || rule.offset != 0.0;
    let scalar = match scalar {
        Scalar::Text(text) if calculates || rule.unit.is_some() => number(&text).ok_or_else(|| {
            Fault::new(Code::ValueType, "a number, as the rule calculates with it or states its unit", shown(&text))
        })?,
        scalar => scalar,
    };
    if !calculates {
        return Ok(scalar);
    }
    let value = match scalar {
        Scalar::Int(v) => v as f64,
        Scalar::Float(v) => v,
        Scalar::Bool(v) => f64::from(u8::from(v)),
        Scalar::Text(_) | Scalar::Null => return Ok(scalar),
    };
    Ok(Scalar::Float(value * rule.scale + rule.offset))
}

/// A number in writing: whole where it is written so and fits. Neither `NaN` nor infinity is one.
fn number(text: &str) -> Option<Scalar<'static>> {
    let text = text.trim();
    if let Ok(v) = text.parse::<i64>() {
        return Some(Scalar::Int(v));
    }
    // Rust's parser knows "inf", "nan" and the like, which no device means as a measured value.
    let digits = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|v| digits && v.is_finite()).map(Scalar::Float)
}

/// A text of a column or of a plain payload: a number, a boolean or itself.
fn guessed(text: &str) -> Scalar<'_> {
    match text {
        "true" | "TRUE" | "True" => Scalar::Bool(true),
        "false" | "FALSE" | "False" => Scalar::Bool(false),
        _ => number(text).unwrap_or(Scalar::Text(Cow::Borrowed(text))),
    }
}
