//! `danxia export points`: what the store holds, as text.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use historian::Archive;
use plant::{SeriesKey, Timestamp};

use super::Exit;
use crate::cli::{Format, Points};

/// How many values are held in memory at once.
const PAGE: usize = 65_536;

/// Prints every value as it was published, machine by machine and point by point, each in order of time.
pub fn points(args: &Points) -> anyhow::Result<Exit> {
    let Format::Csv = args.format;
    let (archive, _) = historian::open_read_only(&args.data)
        .with_context(|| format!("{} holds no store that can be read", args.data.display()))?;
    let mut out = BufWriter::new(io::stdout().lock());
    write_points(&archive, args, &mut out)?;
    out.flush()?;
    Ok(Exit::Ok)
}

fn write_points(archive: &Archive, args: &Points, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "time_ns,site,machine,point,value,quality")?;
    let mut all = match &args.machine {
        Some(m) => archive.series_of(m),
        None => archive.series(),
    };
    all.retain(|k| k.indicator.is_none() && args.point.as_ref().is_none_or(|p| p == k.point.name()));
    all.sort();
    for key in &all {
        write_series(archive, key, args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX), out)?;
    }
    Ok(())
}

fn write_series(
    archive: &Archive,
    key: &SeriesKey,
    mut from: Timestamp,
    to: Timestamp,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let machine = key.point.machine();
    let head = format!("{},{},{}", field(machine.site()), field(machine.name()), field(key.point.name()));
    loop {
        let page = archive.range(key, from, to, PAGE)?;
        for s in &page {
            writeln!(out, "{},{head},{},{}", s.t, field(&s.value.to_string()), s.quality)?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => from = Timestamp::from_nanos(last.t.nanos().saturating_add(1)),
            _ => return Ok(()),
        }
    }
}

/// One CSV field: quoted where RFC 4180 asks for it, and where a spreadsheet would take a text for a formula.
pub(super) fn field(s: &str) -> String {
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
