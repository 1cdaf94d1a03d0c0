//! `danxia evaluate …`: judge labelled recordings, and say how often the judgement was right.

mod bearings;
mod degradation;
mod gears;
mod series;
mod table;

use std::io::{self, Write};

use analytics::evaluate::{self, ManifestError};
use serde::Serialize;

use super::Exit;
use super::bar::Bar;
use crate::cli::{Evaluate, Recordings};

/// Judges and prints.
pub fn run(task: &Evaluate) -> anyhow::Result<Exit> {
    match task {
        Evaluate::Bearings(of) => judge(of, "recordings", evaluate::bearings_with, bearings::print),
        Evaluate::Gears(of) => judge(of, "tests", evaluate::gears_with, gears::print),
        Evaluate::Degradation(of) => judge(of, "bearings", evaluate::degradation_with, degradation::print),
        // One file after the other is read and judged within moments: there is nothing to say in between.
        Evaluate::Series(of) => judge(of, "files", |dir, _| evaluate::series(dir), series::print),
    }
}

/// Judges with `with`, which says how far it is, and prints what came of it: as JSON, or by `print` for a person.
fn judge<R: Serialize>(
    of: &Recordings,
    what: &str,
    with: impl FnOnce(&std::path::Path, evaluate::Progress<'_>) -> Result<R, ManifestError>,
    print: impl FnOnce(&mut dyn Write, &R) -> io::Result<()>,
) -> anyhow::Result<Exit> {
    let mut bar = Bar::new();
    let said = with(&of.dir, &mut |done, total| bar.draw(what, done as u64, total as u64));
    drop(bar);
    let report = match said {
        Ok(r) => r,
        Err(e) => {
            eprintln!("{e}");
            return Ok(Exit::Usage);
        }
    };
    let mut out = io::stdout().lock();
    if of.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(Exit::Ok)
}
