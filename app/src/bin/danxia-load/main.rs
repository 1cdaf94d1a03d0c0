//! `danxia-load`: clients that can keep a broker busy, for the benchmarks and the kill test.
//!
//! It speaks just enough MQTT 3.1.1, over blocking sockets, so that its own cost stays small beside what it measures. It
//! works against any broker: the peers of a benchmark are loaded by the same program. Not part of the product.
//!
//! ```text
//! danxia-load throughput  --address 127.0.0.1:1883 --clients 8 --messages 400000 --size 200
//! danxia-load points      --address 127.0.0.1:1883 --clients 4 --messages 20000 --values 100
//! danxia-load latency     --address 127.0.0.1:1883 --rate 5000 --seconds 10
//! danxia-load flood       --address 127.0.0.1:1883 --seconds 60 --damaged 1000 --repeated 100
//! danxia-load until-cut   --address 127.0.0.1:1883 --machine m1 --start 1000
//! danxia-load fanout      --address 127.0.0.1:1883 --messages 1000000
//! danxia-load reconnect   --address 127.0.0.1:1883 --clients 2000
//! danxia-load hold        --address 127.0.0.1:1883 --clients 9500
//! danxia-load never-reads --address 127.0.0.1:1883 --messages 1000000
//! danxia-load slow-loris  --address 127.0.0.1:1883 --clients 500
//! danxia-load soak        --address 127.0.0.1:1883 --rate 20000 --seconds 3600
//! danxia-load plant       --address 127.0.0.1:1883 --machines 100 --sensors 12 --seconds 180
//! ```
//! Each prints one line of JSON; `flood` goes on for a time or until the connections break, and prints how much of what
//! kind it sent and how much was acknowledged; `until-cut` publishes counting values until the connection breaks and prints which of
//! them had been acknowledged.
#![expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
#![expect(clippy::print_stdout, reason = "its result is one line on standard output")]

mod client;
mod crowd;
mod fanout;
mod flight;
mod flood;
mod plant;
mod publish;
mod soak;

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Loads an MQTT broker and reports what came back")]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Single-value messages as fast as they are acknowledged.
    Throughput(Burst),
    /// Messages of many values as fast as they are acknowledged.
    Points(Burst),
    /// Single-value messages at a fixed rate; reports the time from PUBLISH to PUBACK.
    Latency(Paced),
    /// As fast as it goes, for a time or until the connections break, some of it damaged or sent twice; reports how many.
    Flood(Flood),
    /// Counting values until the connection breaks; reports which were acknowledged.
    UntilCut(UntilCut),
    /// QoS 0 from one publisher to one subscriber; reports what arrived.
    Fanout(Fanout),
    /// Connections that all come at once, as after a power cut; reports when the last was let in.
    Reconnect(Crowd),
    /// Connections that are opened, held open while a bystander publishes, and closed; reads a line from standard input
    /// before it lets go, so that somebody may look at the broker meanwhile.
    Hold(Crowd),
    /// A subscriber that never reads, beside publishers that want to get on.
    NeverReads(Fanout),
    /// Sockets that send their CONNECT a byte at a time and never to its end, beside one that connects properly.
    SlowLoris(Crowd),
    /// A plant's steady load, for hours; reports what was acknowledged, and when.
    Soak(Soak),
    /// A plant of accelerometers; reports what was acknowledged, and how far it fell behind its plan.
    Plant(Accelerometers),
}

/// Many machines, to a plan.
#[derive(Args)]
pub struct Soak {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections; the machines are divided among them.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Machines.
    #[arg(long, default_value_t = 500)]
    pub machines: usize,
    /// Values in a message.
    #[arg(long, default_value_t = 20)]
    pub values: usize,
    /// Values a second in all.
    #[arg(long, default_value_t = 20_000)]
    pub rate: usize,
    /// How long.
    #[arg(long, default_value_t = 3_600)]
    pub seconds: u64,
    /// Publishes in flight on one connection; with so many, it waits.
    #[arg(long, default_value_t = 1_000)]
    pub window: usize,
}

/// Machines with accelerometers.
#[derive(Args)]
pub struct Accelerometers {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections; the machines are divided among them.
    #[arg(long, default_value_t = 10)]
    pub clients: usize,
    /// Machines.
    #[arg(long, default_value_t = 100)]
    pub machines: usize,
    /// Accelerometers on each.
    #[arg(long, default_value_t = 12)]
    pub sensors: usize,
    /// Samples in a record.
    #[arg(long, default_value_t = 65_536)]
    pub samples: usize,
    /// Their rate, Hz.
    #[arg(long, default_value_t = 25_600.0)]
    pub fs: f64,
    /// Seconds between two records of one accelerometer.
    #[arg(long, default_value_t = 10)]
    pub period: u64,
    /// How long.
    #[arg(long, default_value_t = 180)]
    pub seconds: u64,
    /// Machines with a damaged bearing.
    #[arg(long, default_value_t = 5)]
    pub damaged: usize,
    /// Machines whose speed varies within a record, by 2 %.
    #[arg(long, default_value_t = 10)]
    pub varying: usize,
    /// The same seed is the same plant.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Publishes in flight on one connection; with so many, it waits.
    #[arg(long, default_value_t = 200)]
    pub window: usize,
}

/// As fast as it goes.
#[derive(Args)]
pub struct Burst {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 200_000)]
    pub messages: usize,
    /// Length of a single-value payload in bytes, filled up with spaces.
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    /// Values in a message.
    #[arg(long, default_value_t = 1)]
    pub values: usize,
    /// Publishes in flight on one connection.
    #[arg(long, default_value_t = 2000)]
    pub window: usize,
}

/// As fast as it goes, not all of it well.
#[derive(Args)]
pub struct Flood {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// How long.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Length of a payload in bytes.
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    /// Publishes in flight on one connection.
    #[arg(long, default_value_t = 2000)]
    pub window: usize,
    /// One in so many is no JSON; 0: none.
    #[arg(long, default_value_t = 0)]
    pub damaged: usize,
    /// One in so many is sent once more; 0: none.
    #[arg(long, default_value_t = 0)]
    pub repeated: usize,
    /// Their machines and client ids begin with this.
    #[arg(long, default_value = "flood")]
    pub name: String,
}

/// At a fixed rate.
#[derive(Args)]
pub struct Paced {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Messages a second in all.
    #[arg(long, default_value_t = 5000)]
    pub rate: usize,
    /// How long.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Length of a payload in bytes.
    #[arg(long, default_value_t = 200)]
    pub size: usize,
}

/// Until the connection breaks.
#[derive(Args)]
pub struct UntilCut {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// The machine to publish as (site `load`).
    #[arg(long)]
    pub machine: String,
    /// The first value.
    #[arg(long, default_value_t = 0)]
    pub start: u64,
    /// Publishes in flight.
    #[arg(long, default_value_t = 200)]
    pub window: usize,
}

/// One publisher, one subscriber.
#[derive(Args)]
pub struct Fanout {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Messages in all.
    #[arg(long, default_value_t = 500_000)]
    pub messages: usize,
    /// Length of a payload in bytes.
    #[arg(long, default_value_t = 200)]
    pub size: usize,
}

/// Many connections.
#[derive(Args)]
pub struct Crowd {
    /// The broker.
    #[arg(long)]
    pub address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 2000)]
    pub clients: usize,
    /// Their names begin with this.
    #[arg(long, default_value = "crowd")]
    pub name: String,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().mode {
        Mode::Throughput(b) | Mode::Points(b) => publish::burst(&b),
        Mode::Latency(p) => publish::latency(&p),
        Mode::Flood(f) => flood::flood(&f),
        Mode::UntilCut(u) => publish::until_cut(&u),
        Mode::Fanout(f) => fanout::one_to_one(&f),
        Mode::NeverReads(f) => fanout::never_reads(&f),
        Mode::Reconnect(c) => crowd::reconnect(&c),
        Mode::Hold(c) => crowd::hold(&c),
        Mode::SlowLoris(c) => crowd::slow_loris(&c),
        Mode::Soak(s) => soak::soak(&s),
        Mode::Plant(a) => plant::plant(&a),
    }
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}
