//! `danxia config show`.

use std::io::{self, Write};

use super::Exit;
use crate::cli::Run;
use crate::config::Sources;

/// Prints every setting as TOML-like lines with its origin.
pub fn show(args: &Run) -> anyhow::Result<Exit> {
    let rows = sources(args)?.list()?;
    print(&rows, &mut io::stdout().lock())?;
    Ok(Exit::Ok)
}

fn print(rows: &[(String, String, String)], out: &mut impl Write) -> io::Result<()> {
    let width = rows.iter().map(|(k, v, _)| k.len() + v.chars().count() + 3).max().unwrap_or(0);
    for (key, value, origin) in rows {
        let pad = width - key.len() - value.chars().count() - 3;
        writeln!(out, "{key} = {value}{:pad$}  # {origin}", "")?;
    }
    Ok(())
}

/// The settings of an instance that the flags, the environment and the file describe.
pub fn sources(args: &Run) -> Result<Sources, crate::config::ConfigError> {
    let mut flags = args.common.flags();
    if args.anonymous {
        flags.set("mqtt.anonymous", true);
    }
    if args.adopt {
        flags.set("adopt", true);
    }
    Sources::new(args.common.config.as_deref(), flags)
}
