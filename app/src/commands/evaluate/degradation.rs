//! What is said of runs to failure.

use std::io::{self, Write};

use analytics::evaluate::DegradationReport;

use super::table;

/// Prints the cases and the counts.
pub fn print(out: &mut dyn Write, report: &DegradationReport) -> io::Result<()> {
    let dash = || "-".to_owned();
    let rows: Vec<Vec<String>> = report
        .cases
        .iter()
        .map(|c| {
            let named = c.named.as_ref().map_or_else(dash, |n| format!("{} at {}", n.fault, n.snapshot));
            let rul =
                c.rul.map_or_else(dash, |r| format!("{:.0} / {:.0} / {:.0} at {}", r.p10, r.p50, r.p90, r.at_snapshot));
            let alarm = c.first_alarm_snapshot.map(|s| s.to_string());
            vec![
                c.bearing.clone(),
                alarm.or_else(|| c.reason.as_ref().map(|r| format!("({r})"))).unwrap_or_else(dash),
                table::number(c.first_alarm_s, 0),
                table::number(c.lead_s, 0),
                named,
                rul,
            ]
        })
        .collect();
    let heading = ["bearing", ">alarm at", ">after s", ">lead s", "named", "remaining s (P10 / P50 / P90)"];
    table::write(out, &heading, &rows)?;
    let s = &report.summary;
    writeln!(
        out,
        "\n{} bearings: {} alarmed, {} within the first tenth; median lead {} s",
        s.bearings,
        s.alarmed,
        s.alarms_in_learning,
        table::number(s.median_lead_s, 0)
    )
}
