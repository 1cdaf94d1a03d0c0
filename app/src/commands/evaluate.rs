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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_is_ok_and_a_manifest_that_cannot_be_understood_is_a_question_of_usage() {
        let dir = tempfile::tempdir().unwrap();
        let of = || Recordings { dir: dir.path().to_owned(), json: false };
        let tasks = || [Evaluate::Bearings(of()), Evaluate::Gears(of()), Evaluate::Degradation(of())];
        for task in tasks().into_iter().chain([Evaluate::Series(of())]) {
            assert_eq!(run(&task).unwrap(), Exit::Usage, "{task:?}: there is nothing");
        }
        let manifest = "file,index_file,sample_rate_hz,condition,load_percent\nx.f32,x.csv,1000,healthy,10\n";
        std::fs::write(dir.path().join("manifest.csv"), manifest).unwrap();
        std::fs::write(dir.path().join("x.f32"), [0; 400]).unwrap();
        let index = "position_in_file,snapshot_number,elapsed_s\n0,1,0\n";
        std::fs::write(dir.path().join("x.csv"), index).unwrap();
        for task in tasks() {
            assert_eq!(run(&task).unwrap(), Exit::Ok, "{task:?}: refused by name is judged");
        }
        std::fs::write(dir.path().join("manifest.csv"), manifest.replace("1000", "fast")).unwrap();
        for task in tasks() {
            assert_eq!(run(&task).unwrap(), Exit::Usage, "{task:?}");
        }
    }
}
