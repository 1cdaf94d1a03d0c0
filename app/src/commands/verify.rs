//! `danxia verify`: walk everything that is stored.

use std::io::{self, Write};
use std::path::Path;

use super::Exit;

/// Walks the store in `data` and says what is damaged.
pub fn run(data: &Path) -> anyhow::Result<Exit> {
    let v = historian::verify(data)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} commits in the log, {} chunks with {} points, {} rows of minutes and hours, {} waveforms, {} records: {}",
        v.commits,
        v.chunks,
        v.points,
        v.rollups,
        v.waveforms,
        v.records,
        if v.is_clean() { "all sound" } else { "DAMAGED" }
    )?;
    for c in &v.chains {
        writeln!(out, "chain of the {}: {} rows, the last link {}", c.name, c.rows, c.head)?;
    }
    for fault in &v.faults {
        writeln!(out, "  {fault}")?;
    }
    Ok(if v.is_clean() { Exit::Ok } else { Exit::Failure })
}
