//! Universal file, data set 58 and 58b: a time response of real, evenly spaced values in double precision. Form: I-deas
//! universal file, data set 58 ("Function at Nodal DOF"), as published by the University of Cincinnati, SDRL.

use std::io::{self, Write};

use plant::{Quantity, Unit, Waveform};

/// Text or 58b.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Binary,
}

/// Longest line of text in the head.
const LINE: usize = 80;
/// Longest label of an axis.
const LABEL: usize = 20;
/// Values a line, 4E20.12.
const A_LINE: usize = 4;
const DOUBLE: i64 = 4;
const EVEN: i64 = 1;

pub(super) fn write(w: &Waveform, form: Form, out: &mut impl Write) -> io::Result<()> {
    let n = w.samples.len();
    out.write_all(b"    -1\n")?;
    match form {
        Form::Text => writeln!(out, "{:6}", 58)?,
        // Little-endian (1), IEEE 754 (2), eleven lines of head, bytes of values.
        Form::Binary => {
            writeln!(out, "{:6}b{:6}{:6}{:12}{:12}{:6}{:6}{:12}{:12}", 58, 1, 2, 11, n * 8, 0, 0, 0, 0)?;
        }
    }
    let machine = w.point.machine();
    let time = crate::history::instant(w.t0).to_string();
    writeln!(out, "{}", ascii(w.point.as_str(), LINE))?;
    writeln!(out, "{}", ascii(&format!("id {}", w.id), LINE))?;
    writeln!(out, "{}", date(w))?;
    writeln!(out, "{}", ascii(&format!("t0 {time}"), LINE))?;
    writeln!(out, "{}", ascii(&format!("fs {} Hz", w.fs), LINE))?;
    let entity = ascii(machine.name(), 10);
    // Time response (1) of a point that is no node of a model.
    writeln!(out, "{:5}{:10}{:5}{:10} {entity:<10}{:10}{:4} {:<10}{:10}{:4}", 1, 0, 0, 0, 0, 0, "NONE", 0, 0)?;
    let (start, step) = (scientific(0.0, 5), scientific(1.0 / w.fs, 6));
    writeln!(out, "{DOUBLE:10}{n:10}{EVEN:10}{start:>13}{step:>13}{start:>13}")?;
    axis(out, 17, "Time", "s")?;
    axis(out, kind(w.unit), w.unit.quantity().as_str(), &unit(w.unit))?;
    axis(out, 0, "NONE", "NONE")?;
    axis(out, 0, "NONE", "NONE")?;
    match form {
        Form::Text => text(w, out)?,
        Form::Binary => super::physical(w).try_for_each(|v| out.write_all(&v.to_le_bytes()))?,
    }
    out.write_all(b"    -1\n")
}

fn text(w: &Waveform, out: &mut impl Write) -> io::Result<()> {
    let n = w.samples.len();
    for (i, v) in super::physical(w).enumerate() {
        write!(out, "{:>20}", scientific(v, 12))?;
        if i % A_LINE == A_LINE - 1 || i + 1 == n {
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// I10, 3I5, then 1X, 20A1 twice.
fn axis(out: &mut impl Write, kind: i64, label: &str, unit: &str) -> io::Result<()> {
    writeln!(out, "{kind:10}{:5}{:5}{:5} {:<20} {:<20}", 0, 0, 0, ascii(label, LABEL), ascii(unit, LABEL))
}

/// The specific data type of an axis: acceleration, velocity, displacement, …
fn kind(unit: Unit) -> i64 {
    match unit.quantity() {
        Quantity::Displacement => 8,
        Quantity::Velocity => 11,
        Quantity::Acceleration => 12,
        Quantity::Force => 13,
        Quantity::Pressure => 15,
        Quantity::Temperature => 5,
        _ => 0,
    }
}

/// The unit in ASCII, where there is such a name for it in the table of units.
fn unit(unit: Unit) -> String {
    let symbol = unit.symbol();
    let plain = symbol.replace('²', "^2").replace('³', "^3").replace('µ', "u").replace('°', "deg").replace('·', ".");
    if Unit::parse(&plain) == Some(unit) { plain } else { "NONE".into() }
}

/// At most `most` characters of ASCII in one line; NONE where nothing is left.
fn ascii(text: &str, most: usize) -> String {
    let line = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    let line: String = line.take(most).collect();
    if line.trim().is_empty() { "NONE".into() } else { line }
}

/// DD-MMM-YY HH:MM:SS, in UTC.
fn date(w: &Waveform) -> String {
    let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let t = jiff::tz::Offset::UTC.to_datetime(crate::history::instant(w.t0));
    let month = usize::try_from(t.month() - 1).ok().and_then(|m| months.get(m)).unwrap_or(&"JAN");
    let year = t.year().rem_euclid(100);
    format!("{:02}-{month}-{year:02} {:02}:{:02}:{:02}", t.day(), t.hour(), t.minute(), t.second())
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
