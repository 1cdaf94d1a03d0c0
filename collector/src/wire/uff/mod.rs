//! Universal files, data set 58 and 58b: functions at nodal degrees of freedom, as vibration analysers export them.
//!
//! A file is a sequence of data sets between lines of `-1`. Of data set 58 this reads time responses (function type 1, or 0
//! where the writer did not say) of real, evenly spaced values, in ASCII and in binary of either byte order; other data sets
//! and functions are counted and passed over. Form: I-deas universal file, data set 58 ("Function at Nodal DOF"), as
//! published by the University of Cincinnati, SDRL.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::MAX_SAMPLES;
use crate::fault::{Code, Fault, shown};

/// Most data sets of a file.
const MAX_SETS: usize = 4_096;
/// Lines of the head of a data set 58.
const HEAD_LINES: usize = 11;
/// Longest line of the head that is looked at, in bytes.
const MAX_LINE: usize = 512;

/// One time signal.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeData {
    /// The first line of the head: a title for people.
    pub title: String,
    /// The third: date and time in the writer's own way, without a zone.
    pub date: String,
    /// Where it was measured: entity, node and direction (1 is +X, −1 is −X, …).
    pub response: (String, i64, i64),
    /// Time of the first value relative to the trigger, s.
    pub start: f64,
    /// Time between values, s; finite and above 0.
    pub step: f64,
    /// What the ordinate is called.
    pub label: String,
    /// Its unit as written.
    pub unit: String,
    /// The values; at least one, all finite.
    pub values: Vec<f64>,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uff {
    /// Its time signals.
    pub signals: Vec<TimeData>,
    /// Data sets of other kinds, and functions that are no evenly spaced real time response.
    pub skipped: usize,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text, single or double precision.
    Ascii {
        /// Whether with twelve digits instead of five.
        double: bool,
    },
    /// 58b.
    Binary {
        /// Whether the most significant byte comes first.
        big_endian: bool,
        /// Whether 64 bits instead of 32.
        double: bool,
    },
}

fn wrong(expected: impl Into<Cow<'static, str>>, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::UffFormat, expected, found)
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The next line without its end.
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|b| *b == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn text(&mut self) -> Result<String, Fault> {
        let line = self.next().ok_or_else(|| wrong("eleven lines of head", "the end of the file"))?;
        // ASCII by the standard; what is not is taken as Latin-1, which cannot fail.
        Ok(line.iter().take(MAX_LINE).map(|b| char::from(*b)).collect())
    }
}

fn is_delimiter(line: &[u8]) -> bool {
    line.trim_ascii() == b"-1"
}

/// Reads every data set of a file.
pub fn decode(bytes: &[u8]) -> Result<Uff, Fault> {
    let mut lines = Lines { rest: bytes };
    let (mut found, mut sets) = (Uff::default(), 0);
    while let Some(line) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if !is_delimiter(line) {
            return Err(wrong("-1 before a data set", shown(&String::from_utf8_lossy(&line[..line.len().min(64)]))));
        }
        let Some(kind) = lines.next() else { break };
        sets += 1;
        if sets > MAX_SETS {
            return Err(wrong(format!("at most {MAX_SETS} data sets"), "more"));
        }
        match std::str::from_utf8(kind).ok().and_then(parse_kind) {
            Some(binary) => match set(&mut lines, binary)? {
                Some(signal) => found.signals.push(signal),
                None => found.skipped += 1,
            },
            None => {
                found.skipped += 1;
                to_delimiter(&mut lines)?;
            }
        }
    }
    match sets {
        0 => Err(wrong("at least one data set between lines of -1", "none")),
        _ => Ok(found),
    }
}

/// Byte order, floats and length of the values of a binary data set.
struct Binary {
    order: i64,
    floats: i64,
    bytes: usize,
}

/// Of the line that names a data set: whether it is 58, and what it says of binary values.
fn parse_kind(line: &str) -> Option<Option<Binary>> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "58" => Some(None),
        "58b" | "58B" => {
            let mut number = || words.next().and_then(|w| w.parse::<i64>().ok());
            let (order, floats, _lines) = (number()?, number()?, number()?);
            Some(Some(Binary { order, floats, bytes: usize::try_from(number()?).ok()? }))
        }
        _ => None,
    }
}

fn to_delimiter(lines: &mut Lines<'_>) -> Result<(), Fault> {
    while let Some(line) = lines.next() {
        if is_delimiter(line) {
            return Ok(());
        }
    }
    Err(wrong("-1 after a data set", "the end of the file"))
}

/// The columns `from..to` of a line, or the word of this number where the line is not laid out in columns.
fn column(line: &str, from: usize, to: usize, word: usize) -> &str {
    let to = to.min(line.len());
    match line.get(from.min(to)..to).map(str::trim) {
        Some(text) if text.parse::<f64>().is_ok() => text,
        _ => line.split_whitespace().nth(word).unwrap_or(""),
    }
}

fn number<T: std::str::FromStr>(
    line: &str,
    from: usize,
    to: usize,
    word: usize,
    what: &'static str,
) -> Result<T, Fault> {
    let text = column(line, from, to, word);
    text.parse().map_err(|_| wrong(what, shown(text)))
}

struct Head {
    signal: TimeData,
    kind: i64,
    values: i64,
    count: usize,
    even: bool,
}

fn head(lines: &mut Lines<'_>) -> Result<Head, Fault> {
    let text = (0..HEAD_LINES).map(|_| lines.text()).collect::<Result<Vec<_>, _>>()?;
    let [title, _, date, _, _, dof, form, _, ordinate, ..] = &text[..] else {
        return Err(wrong("eleven lines of head", text.len().to_string()));
    };
    // 2(I5,I10), then 1X, 10A1, I10, I4 of the response.
    let entity = dof.get(31..41).unwrap_or("").trim().to_owned();
    let whole = |from: usize, to: usize| dof.get(from..to.min(dof.len())).and_then(|t| t.trim().parse().ok());
    let response = (entity, whole(41, 51).unwrap_or(0), whole(51, 55).unwrap_or(0));
    // 3I10, 3E13.5.
    let count: i64 = number(form, 10, 20, 1, "the number of values")?;
    let count = usize::try_from(count).ok().filter(|n| (1..=MAX_SAMPLES).contains(n));
    let count = count.ok_or_else(|| wrong(format!("1 to {MAX_SAMPLES} values"), column(form, 10, 20, 1)))?;
    // I10, 3I5, then 1X, 20A1 twice.
    let of = |from: usize, to: usize| ordinate.get(from..to.min(ordinate.len())).unwrap_or("").trim();
    let named = |text: &str| if text == "NONE" { String::new() } else { text.to_owned() };
    Ok(Head {
        kind: number(dof, 0, 5, 0, "a function type")?,
        values: number(form, 0, 10, 0, "a type of values")?,
        even: number::<i64>(form, 20, 30, 2, "the kind of spacing")? == 1,
        count,
        signal: TimeData {
            title: title.trim().to_owned(),
            date: date.trim().to_owned(),
            response,
            start: number(form, 30, 43, 3, "the first abscissa")?,
            step: number(form, 43, 56, 4, "the step of the abscissa")?,
            label: named(of(26, 46)),
            unit: named(of(47, 67)),
            values: Vec::new(),
        },
    })
}

const SINGLE: i64 = 2;
const DOUBLE: i64 = 4;

fn set(lines: &mut Lines<'_>, binary: Option<Binary>) -> Result<Option<TimeData>, Fault> {
    let head = head(lines)?;
    let wanted = matches!(head.kind, 0 | 1) && head.even && matches!(head.values, SINGLE | DOUBLE);
    let double = head.values == DOUBLE;
    let values = match binary {
        Some(binary) => {
            let (bytes, rest) = lines
                .rest
                .split_at_checked(binary.bytes)
                .ok_or_else(|| wrong(format!("{} bytes of values", binary.bytes), format!("{}", lines.rest.len())))?;
            lines.rest = rest;
            let values = if wanted { of_bytes(bytes, &head, &binary, double)? } else { Vec::new() };
            // Some writers put an end of line after the values, some do not.
            loop {
                match lines.next().map(<[u8]>::trim_ascii) {
                    Some(b"") => {}
                    Some(b"-1") => break,
                    Some(_) => return Err(wrong("-1 after the values", "other bytes")),
                    None => return Err(wrong("-1 after the values", "the end of the file")),
                }
            }
            values
        }
        None if wanted => of_lines(lines, head.count, double)?,
        None => {
            to_delimiter(lines)?;
            Vec::new()
        }
    };
    if !wanted {
        return Ok(None);
    }
    if !(head.signal.step.is_finite() && head.signal.step > 0.0 && head.signal.start.is_finite()) {
        return Err(wrong("a time between values above 0 s", head.signal.step.to_string()));
    }
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(wrong("finite values", format!("{} as value {i}", values[i])));
    }
    Ok(Some(TimeData { values, ..head.signal }))
}

fn of_bytes(bytes: &[u8], head: &Head, binary: &Binary, double: bool) -> Result<Vec<f64>, Fault> {
    if binary.floats != 2 {
        return Err(wrong("IEEE 754 values (2)", binary.floats.to_string()));
    }
    let big = match binary.order {
        1 => false,
        2 => true,
        other => return Err(wrong("byte order 1 or 2", other.to_string())),
    };
    let width = if double { 8 } else { 4 };
    if bytes.len() != head.count * width {
        return Err(wrong(format!("{} values of {width} bytes", head.count), format!("{} bytes", bytes.len())));
    }
    Ok(if double {
        let (all, _) = bytes.as_chunks::<8>();
        all.iter().map(|b| if big { f64::from_be_bytes(*b) } else { f64::from_le_bytes(*b) }).collect()
    } else {
        let (all, _) = bytes.as_chunks::<4>();
        all.iter().map(|b| f64::from(if big { f32::from_be_bytes(*b) } else { f32::from_le_bytes(*b) })).collect()
    })
}

/// 6E13.5 or 4E20.12; a line that is not laid out so is read word by word.
fn of_lines(lines: &mut Lines<'_>, count: usize, double: bool) -> Result<Vec<f64>, Fault> {
    let width = if double { 20 } else { 13 };
    // Each value takes at least two bytes of text, so that no count can ask for memory that the file does not fill.
    let mut values = Vec::with_capacity(count.min(lines.rest.len() / 2));
    while let Some(line) = lines.next() {
        // A value of −1 is written wider than that: what looks like the end is the end.
        if is_delimiter(line) {
            return match values.len() == count {
                true => Ok(values),
                false => Err(wrong(format!("{count} values"), format!("{} before -1", values.len()))),
            };
        }
        let text = std::str::from_utf8(line).map_err(|_| wrong("values in ASCII", "other bytes"))?;
        let before = values.len();
        let fixed = line.len() <= 6 * 20 && line.is_ascii() && {
            let cells = text.as_bytes().chunks(width).map(|c| std::str::from_utf8(c).unwrap_or("").trim());
            cells.filter(|c| !c.is_empty()).all(|c| fortran(c).map(|v| values.push(v)).is_some())
        };
        if !fixed {
            values.truncate(before);
            for word in text.split_whitespace() {
                values.push(fortran(word).ok_or_else(|| wrong("a number", shown(word)))?);
            }
        }
        if values.len() > count {
            return Err(wrong(format!("{count} values"), "more"));
        }
    }
    Err(wrong(format!("{count} values, then -1"), format!("the end of the file after {}", values.len())))
}

/// A number as Fortran writes it: the exponent may be marked by D.
fn fortran(text: &str) -> Option<f64> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E' | b'd' | b'D')) {
        return None;
    }
    text.parse().ok().or_else(|| text.replace(['d', 'D'], "E").parse().ok())
}

/// C's and Fortran's exponent: a sign and at least two digits.
fn scientific(v: f64, digits: usize) -> String {
    let text = format!("{v:.digits$E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) => {
            let (sign, number) = exponent.strip_prefix('-').map_or(('+', exponent), |n| ('-', n));
            format!("{mantissa}E{sign}{number:0>2}")
        }
        None => text,
    }
}

/// Writes signals as a universal file.
#[must_use]
pub fn encode(signals: &[TimeData], form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    for signal in signals {
        let double = matches!(form, Form::Ascii { double: true } | Form::Binary { double: true, .. });
        let kind = match form {
            Form::Ascii { .. } => format!("{:6}", 58),
            Form::Binary { big_endian, .. } => {
                let bytes = signal.values.len() * if double { 8 } else { 4 };
                let order = if big_endian { 2 } else { 1 };
                format!("{:6}b{order:6}{:6}{HEAD_LINES:12}{bytes:12}{:6}{:6}{:12}{:12}", 58, 2, 0, 0, 0, 0)
            }
        };
        let named = |text: &str| if text.is_empty() { "NONE".to_owned() } else { text.to_owned() };
        let (entity, node, direction) = &signal.response;
        let (start, step) = (scientific(signal.start, 5), scientific(signal.step, 5));
        let values = if double { DOUBLE } else { SINGLE };
        let none = format!("{:10}{:5}{:5}{:5} {:<20} {:<20}", 0, 0, 0, 0, "NONE", "NONE");
        let head = [
            "    -1".to_owned(),
            kind,
            named(&signal.title),
            "NONE".to_owned(),
            named(&signal.date),
            "NONE".to_owned(),
            "NONE".to_owned(),
            format!("{:5}{:10}{:5}{:10} {entity:<10}{node:10}{direction:4} {:<10}{:10}{:4}", 1, 0, 0, 0, "NONE", 0, 0),
            format!("{values:10}{:10}{:10}{start:>13}{step:>13}{:>13}", signal.values.len(), 1, scientific(0.0, 5)),
            format!("{:10}{:5}{:5}{:5} {:<20} {:<20}", 17, 0, 0, 0, "Time", "s"),
            format!("{:10}{:5}{:5}{:5} {:<20} {:<20}", 12, 0, 0, 0, named(&signal.label), named(&signal.unit)),
            none.clone(),
            none,
        ];
        for line in head {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        put_values(&signal.values, form, &mut out);
        out.extend_from_slice(b"    -1\n");
    }
    out
}

fn put_values(values: &[f64], form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Ascii { double } => {
            let (a_line, width, digits) = if double { (4, 20, 12) } else { (6, 13, 5) };
            for line in values.chunks(a_line) {
                for v in line {
                    out.extend_from_slice(format!("{:>width$}", scientific(*v, digits)).as_bytes());
                }
                out.push(b'\n');
            }
        }
        Form::Binary { big_endian, double } => {
            for v in values {
                match (big_endian, double) {
                    (true, true) => out.extend_from_slice(&v.to_be_bytes()),
                    (false, true) => out.extend_from_slice(&v.to_le_bytes()),
                    (true, false) => out.extend_from_slice(&(*v as f32).to_be_bytes()),
                    (false, false) => out.extend_from_slice(&(*v as f32).to_le_bytes()),
                }
            }
        }
    }
}
