//! `danxia export ledger`, `danxia verify statement`: what became of every message, for somebody else.

use std::io::{self, BufWriter, Write};

use historian::Archive;
use plant::{Clock, Timestamp};

use super::Exit;
use crate::cli::{Ledger, LedgerFormat, Statement};
use crate::clock::SystemClock;
use crate::statement::{Signer, check, read};
use files::points::field;

/// Prints the ledger of a period.
pub fn export(args: &Ledger) -> anyhow::Result<Exit> {
    let (archive, _) = historian::open_read_only(&args.data)?;
    let now = SystemClock.now();
    let (from, to) = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(now));
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        LedgerFormat::Csv => csv(&archive, from, to, &mut out)?,
        LedgerFormat::Json => writeln!(out, "{}", Signer::new(&args.data).statement(&archive, from, to, now)?)?,
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn csv(archive: &Archive, from: Timestamp, to: Timestamp, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "time_ns,seconds,source,received,released,committed,duplicates,quarantined,refused,gaps")?;
    for l in archive.ledger_history(from, to)?.0 {
        let c = &l.counts;
        let numbers = [c.received, c.released, c.committed, c.duplicates, c.quarantined, c.refused, c.gaps];
        let numbers = numbers.map(|n| n.to_string()).join(",");
        writeln!(out, "{},{},{},{numbers}", l.t, l.width.as_secs(), field(&c.source))?;
    }
    Ok(())
}

/// Checks a statement.
pub fn verify(args: &Statement) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    match check(&read(&args.file)?, &args.key) {
        Ok(sound) => {
            writeln!(out, "{sound}")?;
            Ok(Exit::Ok)
        }
        Err(why) => {
            writeln!(out, "NOT SOUND: {why:#}")?;
            Ok(Exit::Failure)
        }
    }
}
