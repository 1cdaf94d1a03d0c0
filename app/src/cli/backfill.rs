//! `danxia backfill` on the command line.

use std::path::PathBuf;

use clap::Args;
use plant::{MachineId, Timestamp};

use super::{Common, time};

/// `danxia backfill`.
#[derive(Debug, Args)]
pub struct Backfill {
    /// Ship to the InfluxDB of the settings.
    #[arg(long, required = true)]
    pub influx: bool,
    #[command(flatten)]
    /// Settings.
    pub common: Common,
    /// Only this machine: site/machine.
    #[arg(long)]
    pub machine: Option<MachineId>,
    /// From this time on: RFC 3339, or nanoseconds since 1970.
    #[arg(long, value_parser = time)]
    pub from: Option<Timestamp>,
    /// Up to, not including, this time.
    #[arg(long, value_parser = time)]
    pub to: Option<Timestamp>,
    /// At most so many points a second; 0 for as many as go.
    #[arg(long, value_name = "POINTS", default_value_t = 0)]
    pub rate: u64,
    /// Where it is written down how far it has come, so that the same command goes on after an interruption.
    #[arg(long, value_name = "FILE", default_value = "danxia-backfill.json")]
    pub mark: PathBuf,
}
