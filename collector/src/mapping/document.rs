//! Payloads as places in which fields are found: a JSON document or an entry of it, a line of columns, one text.

use std::borrow::Cow;

use plant::mapping::{Field, PayloadFormat};
use serde_json::Value;

use super::guessed;
use crate::fault::{Code, Fault, shown};
use crate::wire::{MAX_TEXT, Scalar};

/// Most lines of a message of columns.
const MAX_LINES: usize = 65_536;

/// Where fields are looked for.
pub(super) enum Place<'a> {
    /// A document, and the entry of it that is read.
    Json { root: &'a Value, entry: &'a Value, key: Cow<'a, str> },
    /// A line.
    Line(&'a csv::StringRecord),
    /// One text.
    Text(&'a str),
}

impl<'a> Place<'a> {
    /// What stands there; `None` where nothing does.
    pub(super) fn find(&self, field: &Field) -> Result<Option<Scalar<'a>>, Fault> {
        match (self, field) {
            (Self::Json { entry, .. }, Field::Pointer(p)) => entry.pointer(p).map(scalar).transpose(),
            (Self::Json { root, .. }, Field::Root(p)) => root.pointer(p).map(scalar).transpose(),
            (Self::Line(line), Field::Column(n)) => {
                let cell = line.get(usize::from(*n) - 1).map(str::trim).filter(|cell| !cell.is_empty());
                cell.map(|cell| bounded(cell).map(|()| guessed(cell))).transpose()
            }
            (Self::Text(text), Field::Pointer(p)) if p.is_empty() && !text.is_empty() => {
                bounded(text).map(|()| Some(guessed(text)))
            }
            // Which fields suit which format was checked when the rule was made.
            _ => Ok(None),
        }
    }

    /// Name or number of the entry.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Json { key, .. } => key,
            Self::Line(_) | Self::Text(_) => "",
        }
    }
}

fn bounded(text: &str) -> Result<(), Fault> {
    match text.len() {
        n if n > MAX_TEXT => {
            Err(Fault::new(Code::TextLimit, format!("a text of at most {MAX_TEXT} bytes"), format!("{n} bytes")))
        }
        _ => Ok(()),
    }
}

fn scalar(value: &Value) -> Result<Scalar<'_>, Fault> {
    let refuse = |found: &str| Err(Fault::new(Code::ValueType, "a number, true, false, a text or null", found));
    match value {
        Value::Null => Ok(Scalar::Null),
        Value::Bool(v) => Ok(Scalar::Bool(*v)),
        Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(v), ..) => Ok(Scalar::Int(v)),
            (None, Some(v), _) => {
                Err(Fault::new(Code::ValueRange, "a whole number of at most 9223372036854775807", v.to_string()))
            }
            (.., Some(v)) => Ok(Scalar::Float(v)),
            _ => refuse("another number"),
        },
        Value::String(text) => bounded(text).map(|()| Scalar::Text(Cow::Borrowed(text))),
        Value::Array(_) => refuse("an array"),
        Value::Object(_) => refuse("an object"),
    }
}

/// Hands every place of `payload` in which a rule looks to `with`, in order. Stops at the first error.
pub(super) fn each(
    format: &PayloadFormat,
    payload: &[u8],
    with: &mut dyn FnMut(&Place<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    match format {
        PayloadFormat::Json { each } => json(payload, each.as_deref(), with),
        PayloadFormat::Csv { separator, skip } => lines(payload, *separator, usize::from(*skip), with),
        PayloadFormat::Plain => with(&Place::Text(text(payload)?.trim())),
        // Read by its own decoder; a rule only names whose the segments are.
        PayloadFormat::Hj212 => Ok(()),
    }
}

fn text(payload: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(payload).map_err(|e| {
        Fault::new(Code::MappingPayload, "text in UTF-8", format!("other bytes from byte {}", e.valid_up_to()))
    })
}

fn json(
    payload: &[u8],
    each: Option<&str>,
    with: &mut dyn FnMut(&Place<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let root: Value =
        serde_json::from_slice(payload).map_err(|e| Fault::new(Code::JsonSyntax, "JSON", e.to_string()))?;
    let Some(each) = each else {
        return with(&Place::Json { root: &root, entry: &root, key: Cow::Borrowed("") });
    };
    match root.pointer(each) {
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .try_for_each(|(i, entry)| with(&Place::Json { root: &root, entry, key: Cow::Owned(i.to_string()) })),
        Some(Value::Object(map)) => {
            map.iter().try_for_each(|(key, entry)| with(&Place::Json { root: &root, entry, key: Cow::Borrowed(key) }))
        }
        found => {
            let expected = format!("an array or object at {}", shown(each));
            Err(Fault::new(
                Code::MappingField,
                expected,
                if found.is_some() { "a single value" } else { "nothing there" },
            ))
        }
    }
}

fn lines(
    payload: &[u8],
    separator: char,
    skip: usize,
    with: &mut dyn FnMut(&Place<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    text(payload)?;
    let delimiter = u8::try_from(separator).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(payload);
    for (i, line) in reader.records().enumerate() {
        if i >= MAX_LINES {
            return Err(Fault::new(Code::ValuesLimit, format!("at most {MAX_LINES} lines in a message"), "more"));
        }
        let line = line.map_err(|e| Fault::new(Code::MappingPayload, "lines of columns", e.to_string()))?;
        if i >= skip {
            with(&Place::Line(&line))?;
        }
    }
    Ok(())
}
