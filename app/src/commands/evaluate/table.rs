//! Columns under headings, for a person who looks at a terminal.

use std::io::{self, Write};

/// Writes `rows` under `heading`, each column as wide as what stands in it; a heading that begins with `>` stands to the
/// right, as numbers do.
pub fn write(out: &mut dyn Write, heading: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let title = |i: usize| heading[i].trim_start_matches('>');
    let width = |i: usize| {
        let widest = rows.iter().filter_map(|r| r.get(i)).map(|v| v.chars().count()).max().unwrap_or(0);
        widest.max(title(i).chars().count())
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let titles: Vec<String> = (0..heading.len()).map(|i| title(i).to_owned()).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let cells = row
            .iter()
            .zip(heading)
            .zip(&widths)
            .map(|((v, h), w)| if h.starts_with('>') { format!("{v:>w$}") } else { format!("{v:w$}") });
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A number with so many decimals, a dash where there is none.
pub fn number(v: Option<f64>, decimals: usize) -> String {
    v.filter(|v| v.is_finite()).map_or_else(|| "-".into(), |v| format!("{v:.decimals$}"))
}

/// An alarm, and why there is no verdict.
pub fn alarm(alarm: bool, reason: Option<&str>) -> String {
    let said = if alarm { "yes" } else { "no" };
    reason.map_or_else(|| said.to_owned(), |r| format!("{said}  ({r})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [vec!["a".into(), "1.5".into()], vec!["longer".into(), number(None, 1)]];
        let mut out = Vec::new();
        write(&mut out, &["file", ">T"], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "file      T\na       1.5\nlonger    -\n");
        assert_eq!((alarm(true, None), alarm(false, Some("rate"))), ("yes".into(), "no  (rate)".into()));
    }
}
