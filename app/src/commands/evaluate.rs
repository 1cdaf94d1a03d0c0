//! `danxia evaluate …`: judge labelled recordings, and say how often the judgement was right.

use std::io::{self, Write};
use std::path::Path;

use analytics::evaluate;

use super::Exit;
use crate::cli::Evaluate;

/// Judges and prints.
pub fn run(task: &Evaluate) -> anyhow::Result<Exit> {
    let Evaluate::Bearings { dir, json } = task;
    bearings(dir, *json)
}

fn bearings(dir: &Path, json: bool) -> anyhow::Result<Exit> {
    let report = match evaluate::bearings(dir) {
        Ok(r) => r,
        Err(e) => {
            eprintln!("{e}");
            return Ok(Exit::Usage);
        }
    };
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    let width = report.cases.iter().map(|c| c.file.chars().count()).max().unwrap_or(4).max(4);
    writeln!(
        out,
        "{:width$}  {:12} {:12} {:>9} {:>9}  alarm",
        "file", "expected", "verdict", "statistic", "threshold"
    )?;
    for c in &report.cases {
        let number = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:.2}"));
        writeln!(
            out,
            "{:width$}  {:12} {:12} {:>9} {:>9}  {}{}",
            c.file,
            c.expected,
            c.verdict.as_deref().unwrap_or("-"),
            number(c.statistic),
            number(c.threshold),
            if c.alarm { "yes" } else { "no" },
            c.reason.as_ref().map_or_else(String::new, |r| format!("  ({r})")),
        )?;
    }
    let s = &report.summary;
    writeln!(
        out,
        "\n{} faults: {} named right, {} alarmed right, {} alarmed wrong; {} healthy: {} false alarms; {} not judged",
        s.faults, s.top1_correct, s.alarmed_correct, s.alarmed_wrong, s.healthy, s.false_alarms, s.refused
    )?;
    Ok(Exit::Ok)
}
