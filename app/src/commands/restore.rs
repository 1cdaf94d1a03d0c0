//! `danxia restore`: a store is put together from a backup, checked, and put in its place.

use historian::backup;
use plant::Clock;

use super::Exit;
use super::backup::rfc3339;
use super::bar::Bar;
use crate::cli::Restore;
use crate::clock::SystemClock;

/// Restores.
pub fn run(args: &Restore) -> anyhow::Result<Exit> {
    let mut bar = Bar::new();
    let now = SystemClock.now();
    let done = backup::restore(&args.from, args.at, &args.data, now, &mut |p| bar.draw(p.what, p.done, p.total))?;
    drop(bar);
    let v = &done.verified;
    eprintln!(
        "{} holds the backup of {}, through commit {}: {} chunks with {} points, {} waveforms, all sound",
        args.data.display(),
        rfc3339(done.t),
        done.head,
        v.chunks,
        v.points,
        v.waveforms
    );
    if let Some(aside) = done.aside {
        eprintln!("what was there before is in {}: delete it when you no longer need it", aside.display());
    }
    Ok(Exit::Ok)
}
