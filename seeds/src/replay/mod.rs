//! Recordings, published as if they were measured now.
//!
//! A directory with a manifest ([`manifest`]) becomes a site, each recording a machine with one bearing and one
//! accelerometer. The machine announces itself by a birth, then its waveforms follow, consecutive pieces of the recording
//! ([`cut`]). The manifest's labels are not read, let alone sent; what a file is called becomes the machine's name.
//!
//! The whole manifest is checked, and every file looked at, before anything is published.

pub mod cut;
pub mod manifest;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use collector::wire::birth::{self, Birth};
use collector::wire::waveform;
use plant::{
    Axis, Bearing, Clock, Geometry, IdError, Location, Machine, MachineId, Name, Point, PointId, PointKind, Samples,
    Speed, Timestamp, Waveform, WaveformError, WaveformMeta,
};

use crate::publisher::{Options, PublishError, Publisher};
use manifest::Recording;

/// The accelerometer's point.
pub const POINT: &str = "vibration";
/// The bearing that it sits at.
pub const BEARING: &str = "1";

/// Where, as whom, and when.
#[derive(Clone)]
pub struct ReplayOptions {
    /// The broker, `host:port`.
    pub address: String,
    /// User and password; `None` connects anonymously.
    pub credentials: Option<(String, String)>,
    /// The site; the directory's name if `None`.
    pub site: Option<Name>,
    /// Which times the waveforms bear.
    pub times: Times,
    /// Seconds of recording per second; `None` for as fast as the broker acknowledges.
    pub speed: Option<f64>,
    /// Says what now is.
    pub clock: Arc<dyn Clock>,
}

/// Which times waveforms bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Each recording ends when its publication begins; with a speed, each waveform ends when it is published.
    #[default]
    EndingNow,
    /// The recording begins at the manifest's `t0`.
    Original,
}

/// How far it has come; handed to the callback after every waveform and at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The machine that is being played.
    pub machine: MachineId,
    /// Waveforms handed over so far.
    pub waveforms: u64,
    /// Of so many.
    pub of: u64,
    /// Messages that the broker has not acknowledged yet.
    pub outstanding: usize,
}

/// What was replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The site.
    pub site: String,
    /// Machines announced.
    pub machines: u64,
    /// Waveforms published and acknowledged.
    pub waveforms: u64,
    /// Their samples.
    pub samples: u64,
    /// Machines whose recordings are shorter than what everything is judged by ([`cut::shortest_s`]).
    pub short: Vec<MachineId>,
}

/// Why a directory could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The manifest says something impossible, or not enough.
    #[error("manifest.csv, row {row}, column {column}: {what}")]
    Cell {
        /// Line in the file; the header is row 1.
        row: u64,
        /// Which column.
        column: String,
        /// What was found and what was expected.
        what: String,
    },
    /// A file is not what the manifest's format says.
    #[error("{} (row {row} of the manifest): {what}", path.display())]
    Samples {
        /// Which file.
        path: PathBuf,
        /// Where it is named.
        row: u64,
        /// What was found and what was expected.
        what: String,
    },
    /// The directory's name is not a site.
    #[error("{found:?} cannot be a site: {error}; name one")]
    Site {
        /// The name.
        found: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// Time cannot pass like that.
    #[error("the speed is {0}; expected a number above 0")]
    Speed(f64),
    /// No connection, or a broken one.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker no longer acknowledges.
    #[error("{outstanding} messages have not been acknowledged for {} s; is the broker alive?", STALL.as_secs())]
    Stalled {
        /// How many are left.
        outstanding: usize,
    },
    /// A reading task ended early.
    #[error("reading stopped unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// How long the broker may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may acknowledge nothing.
const STALL: Duration = Duration::from_secs(60);

/// Replays `dir` and returns when the broker has acknowledged everything.
pub async fn replay(
    dir: &Path,
    options: ReplayOptions,
    mut progress: impl FnMut(&Progress) + Send,
) -> Result<Report, ReplayError> {
    if let Some(speed) = options.speed.filter(|s| !(*s > 0.0 && s.is_finite())) {
        return Err(ReplayError::Speed(speed));
    }
    let site = match &options.site {
        Some(site) => site.clone(),
        None => site_of(dir)?,
    };
    let recordings = manifest::read(dir, site.as_str())?;
    let plans = recordings.into_iter().map(|r| Plan::new(r, options.times)).collect::<Result<Vec<_>, _>>()?;

    let mut connection = Options::new(&options.address, &format!("replay-{site}"));
    connection.credentials = options.credentials.clone();
    let publisher = Publisher::connect(connection, PATIENCE).await?;
    let mut report = Report { site: site.to_string(), machines: 0, waveforms: 0, samples: 0, short: Vec::new() };
    let of = plans.iter().map(|p| p.lengths.len() as u64).sum();
    let mut last = None;
    for plan in plans {
        let machine = plan.recording.machine.clone();
        let topic = format!("danxia/v1/{machine}/birth");
        in_time(&publisher, publisher.publish(&topic, birth::encode(&Birth::of(&plan.machine()?)))).await?;
        report.machines += 1;
        if plan.is_short() {
            report.short.push(machine.clone());
        }
        let mut player = Player::open(plan, &options)?;
        while let Some(next) = player.next().await? {
            let w = next;
            let topic = format!("danxia/v1/{}/waveform", w.point);
            in_time(&publisher, publisher.publish(&topic, waveform::encode(&w))).await?;
            report.waveforms += 1;
            report.samples += w.samples.len() as u64;
            let outstanding = publisher.outstanding();
            progress(&Progress { machine: machine.clone(), waveforms: report.waveforms, of, outstanding });
        }
        last = Some(machine);
    }
    in_time(&publisher, publisher.flush()).await?;
    if let Some(machine) = last {
        progress(&Progress { machine, waveforms: report.waveforms, of, outstanding: 0 });
    }
    publisher.close(Duration::ZERO).await;
    Ok(report)
}

/// `step`, or the finding that the broker does not move.
async fn in_time(
    publisher: &Publisher,
    step: impl Future<Output = Result<(), PublishError>>,
) -> Result<(), ReplayError> {
    match tokio::time::timeout(STALL, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ReplayError::Stalled { outstanding: publisher.outstanding() }),
    }
}

fn site_of(dir: &Path) -> Result<Name, ReplayError> {
    let full = dir.canonicalize().map_err(|error| ReplayError::File { path: dir.to_owned(), error })?;
    let name = manifest::name_of(&full.file_name().unwrap_or_default().to_string_lossy());
    Name::new(&name).map_err(|error| ReplayError::Site { found: name, error })
}

/// A recording that can be played: its file is there and has a usable length.
struct Plan {
    recording: Recording,
    lengths: Vec<usize>,
    original: Option<Timestamp>,
}

impl Plan {
    fn new(recording: Recording, times: Times) -> Result<Self, ReplayError> {
        let size = std::fs::metadata(&recording.path)
            .map_err(|error| ReplayError::File { path: recording.path.clone(), error })?
            .len();
        if size == 0 || size % 4 != 0 {
            let what = format!("is {size} bytes long; expected 32-bit floats, at least one");
            return Err(ReplayError::Samples { path: recording.path, row: recording.row, what });
        }
        let original = match times {
            Times::EndingNow => None,
            Times::Original => Some(recording.t0.ok_or_else(|| ReplayError::Cell {
                row: recording.row,
                column: "t0".into(),
                what: "is missing or empty, so the original time is unknown; shift to now instead".into(),
            })?),
        };
        let samples = usize::try_from(size / 4).unwrap_or(usize::MAX);
        Ok(Self { lengths: cut::lengths(samples, recording.fs, Some(recording.rpm)), recording, original })
    }

    /// Whether the whole recording is too short for everything to be judged of it.
    fn is_short(&self) -> bool {
        let samples: usize = self.lengths.iter().sum();
        (samples as f64) < cut::shortest_s(self.recording.rpm) * self.recording.fs
    }

    /// What the birth announces.
    fn machine(&self) -> Result<Machine, ReplayError> {
        let r = &self.recording;
        let name = |text: &str| Name::new(text).map_err(|error| ReplayError::Site { found: text.to_owned(), error });
        let mut machine = Machine::bare(r.machine.clone());
        machine.nominal_rpm = Some(r.rpm);
        let mut point = Point::bare(POINT);
        point.kind = PointKind::Waveform;
        point.quantity = Some(r.unit.quantity());
        point.unit = Some(r.unit);
        point.location = Location { bearing: None, axis: Some(Axis::Radial) };
        if let Some(orders) = r.orders {
            point.location.bearing = Some(name(BEARING)?);
            machine.bearings.push(Bearing {
                name: name(BEARING)?,
                designation: r.designation.clone(),
                geometry: Geometry::Orders(orders),
            });
        }
        machine.points.insert(point.name.clone(), point);
        Ok(machine)
    }
}

/// Reads a recording piece by piece.
struct Player {
    plan: Plan,
    point: PointId,
    file: Arc<File>,
    clock: Arc<dyn Clock>,
    speed: Option<f64>,
    /// Time of the first sample of the recording, where it does not follow the publication.
    t0: Option<Timestamp>,
    /// Waveforms and samples played.
    piece: usize,
    position: usize,
}

impl Player {
    fn open(plan: Plan, options: &ReplayOptions) -> Result<Self, ReplayError> {
        let r = &plan.recording;
        let file = File::open(&r.path).map_err(|error| ReplayError::File { path: r.path.clone(), error })?;
        let point =
            r.machine.point(POINT).map_err(|error| ReplayError::Site { found: r.machine.to_string(), error })?;
        let whole = seconds(plan.lengths.iter().sum(), r.fs);
        let t0 = match (plan.original, options.speed) {
            (Some(t0), _) => Some(t0),
            (None, None) => Some(options.clock.now() - whole),
            (None, Some(_)) => None,
        };
        let (clock, speed) = (options.clock.clone(), options.speed);
        Ok(Self { plan, point, file: Arc::new(file), clock, speed, t0, piece: 0, position: 0 })
    }

    /// The next waveform, in its time; `None` after the last.
    async fn next(&mut self) -> Result<Option<Waveform>, ReplayError> {
        let Some(length) = self.plan.lengths.get(self.piece).copied() else { return Ok(None) };
        let r = &self.plan.recording;
        let file = self.file.clone();
        let bytes = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length * 4];
            (&*file).read_exact(&mut bytes).map(|()| bytes)
        })
        .await?
        .map_err(|error| ReplayError::File { path: r.path.clone(), error })?;
        let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        let length_s = seconds(length, r.fs);
        if let Some(speed) = self.speed {
            tokio::time::sleep(length_s.div_f64(speed)).await;
        }
        let now = self.clock.now();
        let t0 = self.t0.map_or_else(|| now - length_s, |t0| t0 + seconds(self.position, r.fs));
        let meta = WaveformMeta {
            speed: Some(Speed { mean_rpm: r.rpm, range_rpm: None }),
            seq: Some(self.piece as u64 + 1),
            ..WaveformMeta::default()
        };
        let id = cut::id(r.machine.as_str(), t0, &samples);
        let position = self.position;
        let waveform = Waveform::new(id, self.point.clone(), t0, now, r.fs, r.unit, Samples::F32(samples.into()), meta)
            .map_err(|e| ReplayError::Samples { path: r.path.clone(), row: r.row, what: explain(&e, position) })?;
        self.piece += 1;
        self.position += length;
        Ok(Some(waveform))
    }
}

/// The complaint, with the sample counted from the beginning of the file.
fn explain(error: &WaveformError, position: usize) -> String {
    match error {
        WaveformError::NotFinite(n) => WaveformError::NotFinite(position + n).to_string(),
        other => other.to_string(),
    }
}

fn seconds(samples: usize, fs: f64) -> Duration {
    Duration::try_from_secs_f64(samples as f64 / fs).unwrap_or(Duration::MAX)
}
