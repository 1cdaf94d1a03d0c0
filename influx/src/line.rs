//! Line protocol of InfluxDB 2, written: pure, and without an allocation for each point.
//!
//! Escaping after the reference ("Line protocol", InfluxDB OSS v2): in measurements comma and space, in tags comma, space
//! and the equals sign, in string fields the double quote and the backslash. Line protocol knows no escape for a newline:
//! names of ours hold no control character (one that comes all the same is written as a space), and in texts it is written
//! as a backslash and an `n`. A backslash
//! at the end of a tag would escape the comma that follows, and before one of the characters above it would be taken for
//! an escape: there a `_` follows it, which is the only change that a name can suffer.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use plant::{AlarmTransition, Machine, Plant, Point, Quality, SeriesKey, Timestamp, Value};

use crate::schema::{self, ACTIVE, ALARM, AREA, CONDITION, INDICATOR, LIMIT, LINE, MACHINE, NAME, POINT, PRIORITY};
use crate::schema::{QUALITY, SITE, STATE_AFTER, TEXT, TRIGGER, VALUE};

/// What lines of one series begin with: measurement and tags, in the order of the tags' names as InfluxDB sorts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// For numbers (on and off included, where the point has a quantity).
    number: Arc<str>,
    /// For texts, and for on and off where the point has no quantity.
    state: Arc<str>,
    /// Whether on and off go where numbers go.
    one: bool,
}

/// The prefixes of all series, made once for each state of the plant.
#[derive(Debug, Default)]
pub struct Naming {
    revision: u64,
    known: HashMap<SeriesKey, usize, RandomState>,
    prefixes: Vec<Prefix>,
}

impl Naming {
    /// The prefix of `key` in `plant`.
    pub fn of(&mut self, key: &SeriesKey, plant: &Plant) -> &Prefix {
        if self.revision != plant.revision {
            self.known.clear();
            self.prefixes.clear();
            self.revision = plant.revision;
        }
        let at = self.known.get(key).copied().unwrap_or_else(|| {
            self.prefixes.push(prefix(key, plant));
            self.known.insert(key.clone(), self.prefixes.len() - 1);
            self.prefixes.len() - 1
        });
        &self.prefixes[at]
    }
}

fn prefix(key: &SeriesKey, plant: &Plant) -> Prefix {
    let machine = plant.machine(key.point.machine_str());
    let point = machine.and_then(|m| m.points.get(key.point.name()));
    let of = |measurement: &str| {
        let mut s = String::with_capacity(128);
        name(&mut s, measurement, false);
        tags(&mut s, machine.map(|m| &**m), key);
        Arc::from(s)
    };
    if key.indicator.is_some() {
        let number: Arc<str> = of(INDICATOR);
        return Prefix { state: number.clone(), number, one: true };
    }
    let quantity = point.and_then(measured);
    let kind = point.map(|p| p.kind).unwrap_or_default();
    let measurement = |number| schema::measurement(quantity, kind, number);
    Prefix { number: of(measurement(true)), state: of(measurement(false)), one: quantity.is_some() }
}

/// What a point measures: as stated, else as its unit says.
pub(crate) fn measured(p: &Point) -> Option<plant::Quantity> {
    p.quantity.or_else(|| p.unit.map(plant::Unit::quantity))
}

fn tags(s: &mut String, machine: Option<&Machine>, key: &SeriesKey) {
    let (site, own) = key.point.machine_str().split_once('/').unwrap_or_default();
    tag(s, AREA, machine.and_then(|m| m.area.as_ref()).map(|n| n.as_str()));
    tag(s, NAME, key.indicator.as_ref().map(|n| n.as_str()));
    tag(s, LINE, machine.and_then(|m| m.line.as_ref()).map(|n| n.as_str()));
    tag(s, MACHINE, Some(own));
    tag(s, POINT, Some(key.point.name()));
    tag(s, SITE, Some(site));
}

fn tag(s: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        s.push(',');
        s.push_str(key);
        s.push('=');
        name(s, value, true);
    }
}

/// A measurement, or with `tag` the value of a tag. See the module on backslashes.
pub(crate) fn name(s: &mut String, text: &str, tag: bool) {
    let mut backslash = false;
    for c in text.chars() {
        let special = matches!(c, ',' | ' ') || (tag && c == '=') || c.is_control();
        if special {
            if backslash {
                s.push('_');
            }
            s.push('\\');
        }
        s.push(if c.is_control() { ' ' } else { c });
        backslash = c == '\\';
    }
    if backslash {
        s.push('_');
    }
}

/// The name under which `text` is found there: `text` itself but for the rare backslash (see the module).
#[must_use]
pub fn stored(text: &str) -> String {
    let mut written = String::new();
    name(&mut written, text, true);
    let mut out = String::with_capacity(written.len());
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' || !chars.peek().is_some_and(|n| matches!(n, ',' | ' ' | '=')) {
            out.push(c);
        }
    }
    out
}

/// The value of a string field, quoted. Line breaks, at which a reader may cut the lines, are told by `\n` and `\r`.
fn string(s: &mut String, text: &str) {
    s.push('"');
    for c in text.chars() {
        match c {
            '"' => s.push_str("\\\""),
            '\\' => s.push_str("\\\\"),
            '\n' => s.push_str("\\\\n"),
            '\r' => s.push_str("\\\\r"),
            _ => s.push(c),
        }
    }
    s.push('"');
}

/// Lines, and where each ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    text: String,
    ends: Vec<usize>,
}

impl Lines {
    /// All of them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The lines at `range`.
    #[must_use]
    pub fn slice(&self, range: &Range<usize>) -> &str {
        let at = |n: usize| if n == 0 { 0 } else { self.ends[n - 1] };
        &self.text[at(range.start)..at(range.end)]
    }

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds one point. A number that is none (the store takes no such) is left out, which the answer says.
    pub fn point(&mut self, prefix: &Prefix, t: Timestamp, value: &Value, quality: Quality) -> bool {
        let s = &mut self.text;
        let start = s.len();
        match value {
            Value::Text(text) => {
                s.push_str(&prefix.state);
                field(s, ' ', TEXT);
                string(s, text);
            }
            Value::Bool(on) => {
                s.push_str(if prefix.one { &prefix.number } else { &prefix.state });
                field(s, ' ', VALUE);
                s.push(if *on { '1' } else { '0' });
            }
            Value::Float(v) => {
                s.push_str(&prefix.number);
                field(s, ' ', VALUE);
                float(s, *v);
            }
            Value::Int(v) => {
                s.push_str(&prefix.number);
                field(s, ' ', VALUE);
                float(s, *v as f64);
            }
        }
        if matches!(value, Value::Float(v) if !v.is_finite()) {
            s.truncate(start);
            return false;
        }
        if quality != Quality::Good {
            field(s, ',', QUALITY);
            // Codes of ours: nothing in them needs an escape.
            let _ = write!(s, "\"{quality}\"");
        }
        self.end(t);
        true
    }

    /// Adds one step of an alarm.
    pub fn alarm(&mut self, step: &AlarmTransition, plant: &Plant) {
        let machine = plant.machine(step.key.machine.as_str());
        let s = &mut self.text;
        s.push_str(ALARM);
        tag(s, AREA, machine.and_then(|m| m.area.as_ref()).map(|n| n.as_str()));
        tag(s, CONDITION, Some(&step.key.condition.code()));
        tag(s, LINE, machine.and_then(|m| m.line.as_ref()).map(|n| n.as_str()));
        tag(s, MACHINE, Some(step.key.machine.name()));
        tag(s, POINT, step.key.point.as_ref().map(|p| p.name()));
        tag(s, SITE, Some(step.key.machine.site()));
        field(s, ' ', ACTIVE);
        s.push(if step.to.active() { '1' } else { '0' });
        field(s, ',', PRIORITY);
        float(s, f64::from(step.priority.number()));
        field(s, ',', STATE_AFTER);
        string(s, step.to.as_str());
        field(s, ',', TRIGGER);
        string(s, step.trigger.as_str());
        for (name, number) in [(VALUE, step.value), (LIMIT, step.limit)] {
            if let Some(v) = number.filter(|v| v.is_finite()) {
                field(s, ',', name);
                float(s, v);
            }
        }
        self.end(step.t);
    }

    /// Adds the line that shows whether the server takes anything.
    pub fn probe(&mut self, t: Timestamp) {
        self.text.push_str(schema::PROBE);
        field(&mut self.text, ' ', VALUE);
        self.text.push('1');
        self.end(t);
    }

    fn end(&mut self, t: Timestamp) {
        self.text.push(' ');
        integer(&mut self.text, t.nanos());
        self.text.push('\n');
        self.ends.push(self.text.len());
    }
}

fn field(s: &mut String, before: char, name: &str) {
    s.push(before);
    s.push_str(name);
    s.push('=');
}

/// The shortest text that reads back as the same number; `61.0` is written `61`, a float to InfluxDB all the same.
fn float(s: &mut String, v: f64) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(v);
    s.push_str(text.strip_suffix(".0").unwrap_or(text));
}

fn integer(s: &mut String, v: i64) {
    let mut digits = [0_u8; 20];
    let mut rest = v.unsigned_abs();
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if v < 0 {
        s.push('-');
    }
    s.extend(digits[at..].iter().map(|d| char::from(*d)));
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
