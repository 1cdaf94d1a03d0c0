//! What is said of recordings of process tags.

use std::io::{self, Write};

use analytics::evaluate::SeriesReport;

use super::table;

/// Prints the cases and the counts.
pub fn print(out: &mut dyn Write, report: &SeriesReport) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .cases
        .iter()
        .map(|c| {
            vec![
                c.file.clone(),
                c.rows.to_string(),
                c.alarmed.to_string(),
                table::number(c.score.f1, 3),
                table::number(c.score.far, 1),
                table::number(c.score.mar, 1),
                c.first_alarm.clone().unwrap_or_else(|| "-".into()),
                c.worst_tag
                    .clone()
                    .or_else(|| c.reason.as_ref().map(|r| format!("({r})")))
                    .unwrap_or_else(|| "-".into()),
            ]
        })
        .collect();
    let heading = ["file", ">rows", ">alarmed", ">F1", ">FAR %", ">MAR %", "first alarm", "worst tag"];
    table::write(out, &heading, &rows)?;
    let s = &report.summary;
    writeln!(
        out,
        "\n{} files, {} with labels: F1 {}, FAR {} %, MAR {} %; {} not judged",
        s.files,
        s.labelled,
        table::number(s.score.f1, 3),
        table::number(s.score.far, 1),
        table::number(s.score.mar, 1),
        s.refused
    )
}
