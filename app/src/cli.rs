//! The command line: what can be asked for, and which settings flags set.

mod backfill;
mod backup;
mod files;
mod user;
mod verify;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use plant::{MachineId, Timestamp};

pub use backfill::Backfill;
pub use backup::{Backup, BackupWhat, Restore};
pub use files::{ImportPoints, PointFormat, Points, Waveforms};
pub use user::{User, UserAdd, UserPassword};
pub use verify::{Statement, Verify, VerifyWhat};

use crate::config::Flags;

/// Industrial IoT platform: machines publish over MQTT, every value is kept, failing machines are found.
///
/// Settings come from flags, the environment (DANXIA__MQTT__LISTEN for mqtt.listen), a TOML file and defaults, in this
/// order of precedence.
#[derive(Debug, Parser)]
#[command(name = "danxia", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the platform.
    Run(Run),
    /// Run the platform with the demo plant: 24 machines of a steel works, some of them failing. Data is thrown away.
    Demo(Demo),
    /// Publish labelled recordings (a directory with manifest.csv) over MQTT to a running instance.
    Replay(Replay),
    /// Bring in what was recorded elsewhere, through the door of a running instance.
    Import {
        /// What to bring in.
        #[command(subcommand)]
        what: Import,
    },
    /// Judge labelled recordings and compare with their labels.
    Evaluate {
        /// What to judge.
        #[command(subcommand)]
        task: Evaluate,
    },
    /// Print what the store holds.
    Export {
        /// What to print.
        #[command(subcommand)]
        what: Export,
    },
    /// Take a backup of a store, add it to a directory of backups or write it as a tar; list, check and delete backups. An
    /// instance may run on the store meanwhile.
    Backup(Backup),
    /// Put a store together from a backup, check all of it, and put it in the place of the one that is there, which is kept
    /// under another name.
    Restore(Restore),
    /// Ship what a store holds to InfluxDB: what was committed before shipping was switched on, or what InfluxDB lost. An
    /// instance may run on the store meanwhile.
    Backfill(Backfill),
    /// Look at the settings.
    Config {
        /// What to do with them.
        #[command(subcommand)]
        what: Config,
    },
    /// Manage the devices that may connect: passwords, certificates, revocation. Works on a store that is at rest, and
    /// through the page's API while an instance runs on it.
    Device {
        /// What to do.
        #[command(subcommand)]
        what: Device,
    },
    /// Manage the people who may log in to the page: accounts, passwords, sessions. Works on a store that is at rest, and
    /// through the page's API while an instance runs on it.
    User {
        /// What to do.
        #[command(subcommand)]
        what: User,
    },
    /// Check ports, disk, clock, and an MQTT message from end to end; print how to mend what fails.
    Doctor(Doctor),
    /// Walk every record of a store and check its checksums; or check a statement of the ledger.
    Verify(Verify),
    /// Print the API's OpenAPI document.
    Openapi,
}

/// Flags that every command which starts or inspects an instance takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "DANXIA_CONFIG")]
    pub config: Option<PathBuf>,
    /// The store's directory [default: danxia-data].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where MQTT listens [default: 127.0.0.1:1883].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub mqtt: Option<String>,
    /// Where the page and the API listen [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<String>,
}

impl Common {
    /// The settings that these flags set.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        if let Some(d) = &self.data {
            flags.set("data", d.display().to_string());
        }
        if let Some(a) = &self.mqtt {
            flags.set("mqtt.listen", a.clone());
        }
        if let Some(a) = &self.http {
            flags.set("http.listen", a.clone());
        }
        flags
    }
}

/// `danxia run`.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    /// Settings.
    pub common: Common,
    /// Let any MQTT client on this computer publish and subscribe, and adopt new machines at once. For trials and tests.
    #[arg(long)]
    pub anonymous: bool,
    /// Take on unknown machines and points at once, from any device that may connect. For commissioning; otherwise what
    /// they say waits in quarantine.
    #[arg(long)]
    pub adopt: bool,
}

/// `danxia doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    /// Settings.
    pub common: Common,
}

/// `danxia demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where MQTT listens [default: 127.0.0.1:1883].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub mqtt: Option<String>,
    /// Where the page and the API listen [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<String>,
    /// Keep the data in this directory instead of throwing it away.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Seed of the simulated plant; the same seed plays the same plant.
    #[arg(long, default_value_t = 2015)]
    pub seed: u64,
    /// Play a plant without faults.
    #[arg(long)]
    pub healthy: bool,
}

/// `danxia replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Directory with manifest.csv and its recordings.
    pub dir: PathBuf,
    /// The instance's MQTT address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1883")]
    pub mqtt: SocketAddr,
    /// Site under which the machines appear [default: the directory's name].
    #[arg(long)]
    pub site: Option<String>,
    /// User name, where the instance asks for one; the password is read from DANXIA_PASSWORD.
    #[arg(long)]
    pub user: Option<String>,
    /// Publish this many times faster than the recordings were made; 0 publishes as fast as the instance takes them.
    #[arg(long, default_value_t = 0.0)]
    pub speed: f64,
}

/// `danxia import …`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// WAV files (each with a sidecar FILE.json where needed) and universal files (data set 58 or 58b).
    Waveform(ImportWaveform),
    /// Values of years, as CSV that another system exported: checked first, then published; what was interrupted goes on
    /// where it stood. What cannot be read is named in FILE.rejects.csv.
    Points(Box<ImportPoints>),
}

/// `danxia import waveform`.
#[derive(Debug, Args)]
pub struct ImportWaveform {
    /// The files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The machine [default: what the sidecar says].
    #[arg(long, value_name = "SITE/MACHINE")]
    pub machine: Option<MachineId>,
    /// The point; several channels are numbered [default: what the sidecar says, or channel_1, or node and direction].
    #[arg(long)]
    pub point: Option<String>,
    /// Time of the first sample, RFC 3339 or nanoseconds since 1970 [default: what the sidecar says].
    #[arg(long, value_parser = time)]
    pub time: Option<Timestamp>,
    /// Unit of the values [default: what the file or its sidecar says].
    #[arg(long, value_parser = unit)]
    pub unit: Option<plant::Unit>,
    /// Shaft speed during the recording, r/min.
    #[arg(long)]
    pub rpm: Option<f64>,
    /// The instance's MQTT address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1883")]
    pub mqtt: SocketAddr,
    /// User name, where the instance asks for one; the password is read from DANXIA_PASSWORD.
    #[arg(long)]
    pub user: Option<String>,
}

/// `danxia evaluate …`.
#[derive(Debug, Subcommand)]
pub enum Evaluate {
    /// Rolling-element bearings: which part is damaged, if any.
    Bearings(Recordings),
    /// Gears: is a tooth broken, judged against the same machine while it was sound, at other loads.
    Gears(Recordings),
    /// Runs to failure: when is the damage seen, what is it, how long will it go on.
    Degradation(Recordings),
    /// Tables of process tags (CSV files): when do they leave what is usual for them.
    Series(Recordings),
}

/// Which recordings to judge.
#[derive(Debug, Args)]
pub struct Recordings {
    /// Directory with manifest.csv and what it lists; for series, one with CSV files.
    pub dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `danxia export …`.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Values as they were published, as CSV (time_ns,site,machine,point,value,quality), NDJSON or Parquet. Works on the
    /// directory of an instance that runs, and of one that was killed.
    Points(Points),
    /// The waveforms of a point, each as a WAV, CSV or universal file with its description beside it. Works on the
    /// directory of an instance that runs, and of one that was killed.
    Waveforms(Waveforms),
    /// What became of every message: received, committed, duplicates, quarantined, refused, by source. Works on the
    /// directory of an instance that runs, and of one that was killed.
    Ledger(Ledger),
}

/// `danxia export ledger`.
#[derive(Debug, Args)]
pub struct Ledger {
    /// The store's directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// From this time on: RFC 3339, or nanoseconds since 1970.
    #[arg(long, value_parser = time)]
    pub from: Option<Timestamp>,
    /// Up to, not including, this time.
    #[arg(long, value_parser = time)]
    pub to: Option<Timestamp>,
    /// `json`: the signed statement; `csv`: a line a source and minute.
    #[arg(long, value_enum, default_value_t = LedgerFormat::Json)]
    pub format: LedgerFormat,
}

/// Forms of the ledger.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LedgerFormat {
    /// Comma-separated, RFC 4180, with a header.
    Csv,
    /// A signed statement.
    Json,
}

/// `danxia config …`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print every setting with its value and where it comes from.
    Show(Run),
}

/// `danxia device …`.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Add a device. Its password is printed once and kept nowhere.
    Add(DeviceAdd),
    /// List the devices.
    List(DeviceTarget),
    /// Say what a device may do beside its role: patterns of its own, in the place of those it has. On a running instance its
    /// connections end at once.
    Allow(DeviceAllow),
    /// Shut a device out, with all its certificates. On a running instance its connections end at once.
    Revoke(DeviceName),
    /// Let a device in again that was revoked, with a new password.
    Enable(DevicePassword),
    /// Give a device a new password. On a running instance its connections end at once.
    Rotate(DevicePassword),
    /// Issue a certificate to a device, or revoke one.
    Cert(DeviceCert),
}

/// Where the devices are.
#[derive(Debug, Args)]
pub struct DeviceTarget {
    /// The store's directory.
    #[arg(long, value_name = "DIR", env = "DANXIA__DATA", default_value = "danxia-data")]
    pub data: PathBuf,
    /// The page's address of a running instance, instead of asking the directory for it.
    #[arg(long, value_name = "http[s]://ADDRESS:PORT")]
    pub url: Option<String>,
    /// Who vouches for the certificate of an https page, PEM [default: the system's authorities].
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `danxia device add`.
#[derive(Debug, Args)]
pub struct DeviceAdd {
    /// Its name: the user name in CONNECT, and the machine's name in its topics.
    pub name: String,
    /// The site it belongs to.
    #[arg(long, value_name = "SITE")]
    pub site: String,
    /// What it may do: device, sparkplug-node, gateway, reader or monitor.
    #[arg(long, default_value = "device")]
    pub role: String,
    /// The Sparkplug group [default for sparkplug-node: the site].
    #[arg(long)]
    pub group: Option<String>,
    /// A note for people.
    #[arg(long)]
    pub note: Option<String>,
    /// A pattern it may publish to beside its role, with {device}, {site} and {group}; may be given several times. Outside
    /// danxia/v1 and spBv1.0, which are for roles.
    #[arg(long, value_name = "PATTERN")]
    pub publish: Vec<String>,
    /// A pattern it may subscribe to beside its role; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub subscribe: Vec<String>,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    pub password_stdin: bool,
    /// Give it no password: it comes with a certificate.
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia device allow`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("own").required(true).multiple(true)))]
pub struct DeviceAllow {
    /// The device.
    pub name: String,
    /// A pattern it may publish to beside its role, with {device}, {site} and {group}; may be given several times, and all
    /// together take the place of those it has. Outside danxia/v1 and spBv1.0, which are for roles.
    #[arg(long, value_name = "PATTERN", group = "own")]
    pub publish: Vec<String>,
    /// A pattern it may subscribe to beside its role; likewise.
    #[arg(long, value_name = "PATTERN", group = "own")]
    pub subscribe: Vec<String>,
    /// Take all patterns of its own for publishing away.
    #[arg(long, conflicts_with = "publish", group = "own")]
    pub no_publish: bool,
    /// Take all patterns of its own for subscribing away.
    #[arg(long, conflicts_with = "subscribe", group = "own")]
    pub no_subscribe: bool,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia device revoke`.
#[derive(Debug, Args)]
pub struct DeviceName {
    /// The device.
    pub name: String,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia device rotate` and `enable`.
#[derive(Debug, Args)]
pub struct DevicePassword {
    /// The device.
    pub name: String,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// `danxia device cert`.
#[derive(Debug, Args)]
pub struct DeviceCert {
    /// The device.
    pub name: String,
    /// For how many days it is valid [default: 730].
    #[arg(long)]
    pub days: Option<u32>,
    /// Write NAME.crt, NAME.key and ca.crt into this directory [default: here].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Revoke the certificate with this serial number instead.
    #[arg(long, value_name = "SERIAL", conflicts_with_all = ["days", "out"])]
    pub revoke: Option<String>,
    #[command(flatten)]
    /// Where.
    pub target: DeviceTarget,
}

/// A unit of the table.
fn unit(s: &str) -> Result<plant::Unit, String> {
    plant::Unit::parse(s).ok_or_else(|| "expected a unit of the table, such as g, m/s² or mm/s".to_owned())
}

/// RFC 3339, or plain nanoseconds.
fn time(s: &str) -> Result<Timestamp, String> {
    if let Ok(ns) = s.parse::<i64>() {
        return Ok(Timestamp::from_nanos(ns));
    }
    let t: jiff::Timestamp =
        s.parse().map_err(|_| "expected a time such as 2026-01-31T08:00:00Z, or nanoseconds since 1970".to_owned())?;
    i64::try_from(t.as_nanosecond())
        .map(Timestamp::from_nanos)
        .map_err(|_| "expected a time between the years 1678 and 2262".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times() {
        assert_eq!(time("1735689600000000001"), Ok(Timestamp::from_nanos(1_735_689_600_000_000_001)));
        assert_eq!(time("2025-01-01T08:00:00+08:00"), Ok(Timestamp::from_secs(1_735_689_600)));
        assert!(time("yesterday").unwrap_err().starts_with("expected a time"));
        assert!(time("9999-01-01T00:00:00Z").unwrap_err().contains("2262"));
    }
}
