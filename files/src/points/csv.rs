//! `time_ns,site,machine,point,value,quality`, and the indicator's name at the end where indicators are asked for.

use std::io::{self, Write};

use plant::{Quality, SeriesKey, Timestamp, Value};

const HEADER: &str = "time_ns,site,machine,point,value,quality";

pub(super) struct Csv<W: Write> {
    out: W,
    /// `,site,machine,point,` of the series.
    head: String,
    /// `,indicator` and the end of the line, or that alone.
    tail: String,
    indicators: bool,
}

impl<W: Write> Csv<W> {
    pub fn new(indicators: bool, mut out: W) -> io::Result<Self> {
        out.write_all(HEADER.as_bytes())?;
        out.write_all(if indicators { b",indicator\n" } else { b"\n" })?;
        Ok(Self { out, head: String::new(), tail: "\n".into(), indicators })
    }

    pub fn series(&mut self, key: &SeriesKey) {
        let machine = key.point.machine();
        self.head = format!(",{},{},{},", field(machine.site()), field(machine.name()), field(key.point.name()));
        if self.indicators {
            self.tail = format!(",{}\n", key.indicator.as_ref().map_or(String::new(), |i| field(i.as_str())));
        }
    }

    pub fn value(&mut self, t: Timestamp, value: &Value, quality: Quality) -> io::Result<()> {
        let Self { out, head, tail, .. } = self;
        match value {
            Value::Text(text) => write!(out, "{t}{head}{},{quality}{tail}", field(text)),
            number => write!(out, "{t}{head}{number},{quality}{tail}"),
        }
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// One CSV field: quoted where RFC 4180 asks for it, and where a spreadsheet would take a text for a formula.
#[must_use]
pub fn field(s: &str) -> String {
    let formula = s.starts_with(['=', '+', '-', '@', '\t', '\r']) && s.parse::<f64>().is_err();
    let guard = if formula { "'" } else { "" };
    if formula || s.contains([',', '"', '\n', '\r']) {
        format!("\"{guard}{}\"", s.replace('"', "\"\""))
    } else {
        s.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_survive_spreadsheets() {
        for (text, wanted) in [
            ("61.2", "61.2"),
            ("-3", "-3"),
            ("一号", "一号"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("-2+cmd", "\"'-2+cmd\""),
        ] {
            assert_eq!(field(text), wanted);
        }
    }
}
