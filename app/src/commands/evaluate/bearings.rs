//! What is said of bearings.

use std::io::{self, Write};

use analytics::evaluate::BearingsReport;

use super::table;

/// Prints the cases and the counts.
pub fn print(out: &mut dyn Write, report: &BearingsReport) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .cases
        .iter()
        .map(|c| {
            let verdict = c.verdict.clone().unwrap_or_else(|| "-".into());
            let (t, limit) = (table::number(c.statistic, 2), table::number(c.threshold, 2));
            vec![c.file.clone(), c.expected.clone(), verdict, t, limit, table::alarm(c.alarm, c.reason.as_deref())]
        })
        .collect();
    table::write(out, &["file", "expected", "verdict", ">statistic", ">threshold", "alarm"], &rows)?;
    let s = &report.summary;
    writeln!(
        out,
        "\n{} faults: {} named right, {} alarmed right, {} alarmed wrong; {} healthy: {} false alarms; {} not judged",
        s.faults, s.top1_correct, s.alarmed_correct, s.alarmed_wrong, s.healthy, s.false_alarms, s.refused
    )
}
