//! The past, shipped from the archive: for what was committed before shipping was switched on, and for what the server
//! lost. Series by series, each in order of time; where it had come can be told and taken up again.

use std::time::Duration;

use historian::{Archive, ReadError};
use plant::{Plant, SeriesKey, Timestamp};
use tokio::time::{Instant, sleep};

use crate::aside::aside;
use crate::config::Config;
use crate::http::{Body, Client};
use crate::line::{Lines, Naming};
use crate::parcel::{Origin, Parcel};
use crate::shipper::{Refusal, Shipper, Step};
use crate::{Answer, Trouble};

/// What is to be shipped.
pub struct Past {
    /// From here.
    pub archive: Archive,
    /// With the tags of this plant.
    pub plant: std::sync::Arc<Plant>,
    /// These series, in this order.
    pub keys: Vec<SeriesKey>,
    /// Values from here …
    pub from: Timestamp,
    /// … up to before here.
    pub to: Timestamp,
    /// At most so many points a second; 0 for as many as go.
    pub rate: u64,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Series that are done.
    pub series: usize,
    /// Where the next one goes on; `None` at its beginning.
    pub next: Option<Timestamp>,
    /// Points that were taken.
    pub points: u64,
    /// Of these, those that the bucket does not keep so long.
    pub expired: u64,
    /// Why it waits, if it does.
    pub waits: Option<String>,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The archive cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The server refuses us.
    #[error("InfluxDB refuses: {0}")]
    Refused(String),
    /// A thread that read the archive broke off, or none could be made.
    #[error("reading the archive broke off: {0}")]
    Broken(#[from] std::io::Error),
}

/// Ships `past`, beginning where `told` says, and says after every step how far it is and what was refused.
pub async fn ship(
    past: &Past,
    config: &Config,
    client: &mut Client,
    mut told: Told,
    mut tell: impl FnMut(&Told, &[Refusal]),
) -> Result<Told, HistoryError> {
    let mut shipper = Shipper::new(config, 0);
    let mut naming = Naming::default();
    while let Some(key) = past.keys.get(told.series) {
        let from = told.next.unwrap_or(past.from);
        let began = Instant::now();
        let limit = config.batch_lines;
        let (archive, read, to) = (past.archive.clone(), key.clone(), past.to);
        let samples = aside("influx-past", move || archive.range(&read, from, to, limit)).await??;
        let prefix = naming.of(key, &past.plant);
        let mut lines = Lines::default();
        let mut next = None;
        for s in &samples {
            if lines.bytes() >= shipper.fits() {
                break;
            }
            lines.point(prefix, s.t, &s.value, s.quality);
            next = Some(s.t + Duration::from_nanos(1));
        }
        let whole = samples.len() < limit && lines.len() == samples.len();
        let n = lines.len() as u64;
        // What has been shipped is known here by `told`.
        shipper.load(Parcel { origin: Origin::Past(Vec::new()), lines });
        let refused = drive(&mut shipper, config, client, &mut told, &mut tell).await?;
        if whole {
            told.series += 1;
            told.next = None;
        } else {
            told.next = next;
        }
        tell(&told, &refused);
        if past.rate > 0 {
            let due = Duration::from_secs_f64(n as f64 / past.rate as f64);
            sleep(due.saturating_sub(began.elapsed())).await;
        }
    }
    Ok(told)
}

/// Until the parcel has arrived.
async fn drive(
    shipper: &mut Shipper,
    config: &Config,
    client: &mut Client,
    told: &mut Told,
    tell: &mut impl FnMut(&Told, &[Refusal]),
) -> Result<Vec<Refusal>, HistoryError> {
    let began = Instant::now();
    loop {
        match shipper.step(began.elapsed()) {
            Step::Send(lines) => {
                let (lines, gzip) = (lines.to_owned(), config.gzip);
                let body = aside("influx-pack", move || Body::lines(&lines, gzip)).await?;
                let answer: Answer = client.write(body).await;
                shipper.answered(&answer, began.elapsed());
                match shipper.trouble() {
                    Some(Trouble::Refused(why)) => return Err(HistoryError::Refused(why.clone())),
                    Some(Trouble::Away(why)) => told.waits = Some(why.clone()),
                    None => told.waits = None,
                }
            }
            Step::Wait(until) => {
                tell(told, &[]);
                sleep(until.saturating_sub(began.elapsed())).await;
            }
            Step::Settled(s) => {
                told.points += s.taken;
                told.expired += s.expired;
                return Ok(s.refused);
            }
            Step::Empty => return Ok(Vec::new()),
        }
    }
}
