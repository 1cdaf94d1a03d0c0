//! What is said of gears.

use std::io::{self, Write};

use analytics::evaluate::GearsReport;

use super::table;

/// Prints the cases and the counts.
pub fn print(out: &mut dyn Write, report: &GearsReport) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .cases
        .iter()
        .map(|c| {
            vec![
                c.test.clone(),
                c.expected.clone(),
                table::number(c.load_percent, 0),
                table::number(c.gear, 1),
                table::number(c.spectrum, 1),
                table::number(c.threshold, 1),
                table::alarm(c.alarm, c.reason.as_deref()),
            ]
        })
        .collect();
    let heading = ["test", "expected", ">load %", ">gear", ">spectrum", ">threshold", "alarm"];
    table::write(out, &heading, &rows)?;
    let s = &report.summary;
    writeln!(
        out,
        "\n{} faults: {} detected; {} healthy: {} false alarms; {} not judged; AUC {}",
        s.faults,
        s.detected,
        s.healthy,
        s.false_alarms,
        s.refused,
        table::number(s.auc, 3)
    )
}
