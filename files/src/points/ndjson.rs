//! `{"time":"2026-01-31T08:00:00Z","site":…,"machine":…,"point":…,"value":61.2,"quality":"good"}`, one a line; indicators
//! have a field `indicator` after `point`.

use std::io::{self, Write};

use plant::{Quality, SeriesKey, Timestamp, Value};

pub(super) struct Ndjson<W: Write> {
    out: W,
    /// `","site":…,` up to the value.
    head: Vec<u8>,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    pub const fn new(out: W) -> Self {
        Self { out, head: Vec::new(), line: Vec::new() }
    }

    pub fn series(&mut self, key: &SeriesKey) -> io::Result<()> {
        let machine = key.point.machine();
        let names = [("site", machine.site()), ("machine", machine.name()), ("point", key.point.name())];
        let indicator = key.indicator.as_ref().map(|i| ("indicator", i.as_str()));
        self.head.clear();
        self.head.push(b'"');
        for (name, text) in names.into_iter().chain(indicator) {
            write!(self.head, ",\"{name}\":")?;
            serde_json::to_writer(&mut self.head, text)?;
        }
        self.head.extend_from_slice(b",\"value\":");
        Ok(())
    }

    pub fn value(&mut self, t: Timestamp, value: &Value, quality: Quality) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"{\"time\":\"");
        write!(line, "{}", crate::history::instant(t))?;
        line.extend_from_slice(&self.head);
        match value {
            Value::Float(v) => serde_json::to_writer(&mut *line, v)?,
            Value::Int(v) => serde_json::to_writer(&mut *line, v)?,
            Value::Bool(v) => serde_json::to_writer(&mut *line, v)?,
            Value::Text(v) => serde_json::to_writer(&mut *line, &**v)?,
        }
        // Names of qualities hold nothing that JSON would have to escape.
        writeln!(line, ",\"quality\":\"{quality}\"}}")?;
        self.out.write_all(line)
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
